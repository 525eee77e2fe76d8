# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""GoClear, SASrelay, Ping, Errors that come when keys stand (RFC 6189 4.7, 5.11 to 5.16, 7.3)."""

import unittest

from host_tests.unit.zrtp.helpers import A_ZID, B_ZID, Pair, give, kinds, sent, session, take
from vox6.wire import LocalProtocolError
from vox6.zrtp import Entry, MemoryCache, encrypted, keys
from vox6.zrtp import messages as m


def clearing(a=True, b=True, **more):
    pair = Pair(session(A_ZID, 1, allow_clear=a, **more), session(B_ZID, 2, allow_clear=b, **more))
    return pair.start().run()


class TestGoClear(unittest.TestCase):
    def test_both_allow(self):
        pair = clearing()
        first = pair.keys("a")
        old = bytes(pair.a.zrtp_sess)
        pair.one.go_clear(pair.now)
        pair.run()
        self.assertEqual(pair.of("b", "ClearRequested")[0].refused, False)
        self.assertEqual(pair.of("a", "Cleared")[0].acknowledged, True)
        self.assertEqual((pair.one.state, pair.two.state), ("Clear", "Clear"))
        self.assertIsNone(pair.one._keys)
        self.assertIsNone(pair.two._keys)
        # ZRTPSess is replaced by a function of itself, the same on both sides
        self.assertNotEqual(bytes(pair.a.zrtp_sess), old)
        self.assertEqual(bytes(pair.a.zrtp_sess), bytes(pair.b.zrtp_sess))
        # and from there encrypted again, by Multistream mode
        pair.two.go_secure(pair.now)
        pair.run()
        self.assertTrue(pair.agree())
        self.assertNotEqual(pair.keys("a"), first)
        self.assertEqual(pair.of("a", "Secured")[1].mode, "Mult")
        pair.one.go_clear(pair.now)
        pair.run()
        self.assertEqual(pair.two.state, "Clear")

    def test_peer_said_that_it_does_not_allow(self):
        pair = clearing(b=False)
        self.assertFalse(pair.of("a", "Secured")[0].peer_allows_clear)
        self.assertRaises(LocalProtocolError, pair.one.go_clear, pair.now)
        self.assertEqual(pair.one.state, "Secure")

    def test_we_do_not_allow(self):
        pair = clearing(a=False)
        self.assertRaises(LocalProtocolError, pair.one.go_clear, pair.now)

    def test_asked_although_not_allowed(self):
        """Refused with Error 0x100 and told, and nothing else changes."""
        pair = clearing(b=False)
        pair.one._peer_allows_clear = True
        pair.one.go_clear(pair.now)
        pair.run()
        self.assertEqual(pair.of("b", "ClearRequested")[0].refused, True)
        self.assertEqual(len(pair.of("b", "ClearRequested")), 1)
        self.assertEqual(kinds(pair.of("a", "ClearRefused")), ["ClearRefused"])
        self.assertEqual((pair.one.state, pair.two.state), ("Secure", "Secure"))
        self.assertIsNone(pair.two.get_timer())
        self.assertIsNone(pair.one.get_timer())

    def test_wrong_mac(self):
        pair = clearing()
        give(pair.two, m.GoClear(bytes(8)), ssrc=0x101)
        own = pair.two._clear_mac(pair.two._is_initiator)
        give(pair.two, m.GoClear(own), ssrc=0x101)  # its own, reflected
        self.assertEqual(pair.two.datagrams_to_send(), [])
        self.assertEqual([e.kind for e in take(pair.two)], ["bad-goclear"])
        self.assertEqual((pair.two.state, pair.two.counters["bad_macs"]), ("Secure", 2))

    def test_both_at_once(self):
        pair = clearing()
        pair.one.go_clear(pair.now)
        pair.two.go_clear(pair.now)
        pair.run()
        self.assertEqual((pair.one.state, pair.two.state), ("Clear", "Clear"))
        self.assertEqual(bytes(pair.a.zrtp_sess), bytes(pair.b.zrtp_sess))
        for side in "ab":
            self.assertEqual(kinds(pair.events[side])[-1], "Cleared")

    def test_lost_messages(self):
        for kind in (b"GoClear ", b"ClearACK"):
            pair = clearing()
            lost = []

            def change(sender, octets, kind=kind, lost=lost):
                if octets[4:12] == kind and not lost:
                    lost.append(kind)
                    return None
                return octets

            pair.change = change
            pair.one.go_clear(pair.now)
            pair.run(1000)
            self.assertEqual((pair.one.state, pair.two.state), ("Clear", "Clear"))
            self.assertEqual(len(pair.of("b", "ClearRequested")), 1)

    def test_before_the_initiator_is_secure(self):
        """Conf2ACK was lost, and the responder wants to talk in clear at once."""
        pair = Pair(
            session(A_ZID, 1, allow_clear=True),
            session(B_ZID, 2, allow_clear=True, passive=True),
        )
        lost = []

        def change(sender, octets):
            if octets[4:12] == b"Conf2ACK" and not lost:
                lost.append(1)
                return None
            return octets

        pair.change = change
        pair.start().run(10)
        pair.two.go_clear(pair.now)
        pair.run(1000)
        self.assertEqual((pair.one.state, pair.two.state), ("Clear", "Clear"))
        self.assertEqual(kinds(pair.events["a"])[-2:], ["Secured", "ClearRequested"])

    def test_never_acknowledged(self):
        """The keys go all the same (section 4.7.2)."""
        pair = clearing()
        pair.change = lambda sender, octets: None
        pair.one.go_clear(pair.now)
        pair.run(20000)
        self.assertEqual(pair.of("a", "Cleared")[0].acknowledged, False)
        self.assertIsNone(pair.one._keys)


class TestError(unittest.TestCase):
    def test_does_not_end_a_secure_stream(self):
        pair = Pair().start().run()
        for _ in range(3):
            give(pair.one, m.Error(0x20), ssrc=0x201)
        self.assertEqual([x.kind for x in sent(pair.one)], ["ErrorACK"] * 3)
        self.assertEqual([e.kind for e in take(pair.one)], ["late-error"])
        self.assertEqual(pair.one.state, "Secure")

    def test_of_a_stranger(self):
        pair = Pair(b=session(B_ZID, 2, passive=True))
        pair.change = lambda sender, octets: None if octets[4:11] == b"DHPart1" else octets
        pair.start().run(10)
        give(pair.one, m.Error(0x20), ssrc=0x999)
        self.assertEqual(pair.one.state, "CommitSent")
        self.assertEqual(pair.one.counters["strangers"], 1)

    def test_unknown_code(self):
        pair = Pair(b=session(B_ZID, 2, passive=True))
        pair.change = lambda sender, octets: None if octets[4:11] == b"DHPart1" else octets
        pair.start().run(10)
        give(pair.one, m.Error(0x12345678), ssrc=0x201)
        failed = take(pair.one)[0]
        self.assertEqual((failed.code, failed.text), (0x12345678, "error 0x12345678"))
        self.assertEqual([x.kind for x in sent(pair.one)], ["ErrorACK"])
        give(pair.one, m.Error(0x12345678), ssrc=0x201)
        self.assertEqual([x.kind for x in sent(pair.one)], ["ErrorACK"])


class TestPing(unittest.TestCase):
    def test_answered_in_each_state(self):
        engine = session().open(1)
        engine.start(0)
        sent(engine)
        ping = m.Ping("1.10", b"endpoint")
        give(engine, ping, ssrc=0x77)
        answer = sent(engine)[0]
        self.assertEqual(answer.endpoint_hash, A_ZID[:8])
        self.assertEqual((answer.ping_hash, answer.ssrc), (b"endpoint", 0x77))
        pair = Pair().start().run()
        give(pair.one, m.Ping("9.99", b"endpoint"), ssrc=0x55)
        self.assertEqual(sent(pair.one)[0].version, "1.10")


class TestRelay(unittest.TestCase):
    """A PBX that relays the SAS of the far side; our B plays it by hand."""

    def pair(self, mitm=True, enrolled=True, accept=True):
        a_cache, b_cache = MemoryCache(A_ZID), MemoryCache(B_ZID)
        if enrolled:
            a_cache.put(B_ZID, Entry(pbx=b"p" * 32))
            b_cache.put(A_ZID, Entry(pbx=b"p" * 32))
        pair = Pair(session(A_ZID, 1, a_cache, accept_relay=accept), session(B_ZID, 2, b_cache))
        if mitm:
            lists = pair.b.lists
            chain = pair.two._chain
            hello = m.Hello("pbx", chain.h3, B_ZID, tuple(lists), mitm=True)
            pair.two._hello_octets = keys.sign(pair.b.provider, chain.h2, hello.emit())
        return pair.start().run()

    def relay(self, pair, sashash, sas_type="B32 ", spoil=False):
        two = pair.two
        plain = encrypted.RelayPart(sas_type, sashash, True).emit()
        ours = 0 if two._is_initiator else 1
        iv = bytes(16)
        hidden = two._provider.cfb_encrypt(bytes(two._keys.zrtp[ours]), iv, plain)
        tag = keys.mac(two._provider, "S256", two._keys.mac[ours], hidden)[:8]
        if spoil:
            tag = bytes(8)
        give(pair.one, m.SASrelay(tag, iv, hidden), ssrc=0x201)
        return names(sent(pair.one)), take(pair.one)

    def test_enrolled(self):
        pair = self.pair()
        self.assertTrue(pair.agree())
        self.assertTrue(pair.of("a", "Secured")[0].mitm)
        answer, events = self.relay(pair, b"\xff" * 32)
        self.assertEqual(answer, ["RelayACK"])
        self.assertEqual((events[0].sas_text, events[0].sas_type), ("9999", "B32 "))
        self.assertEqual((events[0].peer_verified, events[0].disclosure), (True, False))
        answer, events = self.relay(pair, b"\xff" * 32)  # its RelayACK was lost
        self.assertEqual((answer, events), (["RelayACK"], []))

    def test_refused_politely(self):
        for more in ({"mitm": False}, {"enrolled": False}, {"accept": False}):
            pair = self.pair(**more)
            answer, events = self.relay(pair, b"\xff" * 32)
            self.assertEqual(answer, ["RelayACK"])
            self.assertEqual([e.kind for e in events], ["relay-refused"])
            self.assertEqual(pair.one.state, "Secure")

    def test_for_the_unenrolled_party(self):
        answer, events = self.relay(self.pair(enrolled=False), bytes(32))
        self.assertEqual((answer, events), (["RelayACK"], []))

    def test_wrong_mac(self):
        pair = self.pair()
        self.assertEqual(self.relay(pair, b"\xff" * 32, spoil=True), ([], []))
        self.assertEqual(pair.one.counters["bad_macs"], 1)


class TestEnrollment(unittest.TestCase):
    def test_enroll(self):
        """A PBX sets the E flag; the owner agrees; pbxsecret is the same on both sides."""
        from vox6.zrtp import confirmation

        real = confirmation.ConfirmPart
        pair = Pair()

        def change(sender, octets):
            return octets

        def enrolling(h0, enrollment, *rest):
            return real(h0, True, *rest)

        # B's Confirm carries E and, against the rule, A (section 7.3.1)
        make = pair.two._make_confirm

        def with_e():
            enrolling.parse = real.parse
            confirmation.ConfirmPart = enrolling
            try:
                return make()
            finally:
                confirmation.ConfirmPart = real

        pair.two._make_confirm = with_e
        pair.change = change
        pair.start().run()
        told = pair.of("a", "Secured")[0]
        self.assertTrue(told.enrollment)
        self.assertFalse(told.peer_allows_clear)
        self.assertFalse(pair.of("b", "Secured")[0].enrollment)
        self.assertIsNone(pair.a.cache.get(B_ZID).pbx)
        pair.a.enroll()
        session_b = pair.b
        expected = keys.pbx_secret(session_b.provider, "S256", session_b.zrtp_sess, session_b.zids)
        self.assertEqual(pair.a.cache.get(B_ZID).pbx, bytes(expected))
        self.assertRaises(LocalProtocolError, session_b.enroll)


def names(messages):
    return [message.kind.strip() for message in messages]


if __name__ == "__main__":
    unittest.main()
