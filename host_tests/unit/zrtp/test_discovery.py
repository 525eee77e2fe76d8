# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Hello: version, ZID, SSRC, a=zrtp-hash (RFC 6189 sections 4.1, 8.1); refusals of Commit."""

import unittest

from host_tests.unit.zrtp.helpers import (
    A_ZID,
    B_ZID,
    Pair,
    give,
    kinds,
    names,
    sent,
    session,
    take,
)
from vox6.zrtp import keys
from vox6.zrtp import messages as m


def hello_of(zid=B_ZID, seed=2, **more):
    """Return (octets, chain) of a Hello of a peer by hand."""
    one = session(zid, seed)
    engine = one.open(2)
    fields = {"version": "1.10", "mitm": False, "passive": False}
    fields.update(more)
    lists = tuple(one.lists)
    chain = engine._chain
    hello = m.Hello("peer", chain.h3, zid, lists, **fields)
    return keys.sign(one.provider, chain.h2, hello.emit()), chain


def started(**more):
    engine = session(A_ZID, 1, **more).open(1)
    engine.start(0)
    sent(engine)
    return engine


class TestHello(unittest.TestCase):
    def test_hello_hash(self):
        engine = session().open(1)
        engine.start(0)
        octets = sent(engine)[0].octets
        self.assertEqual(engine.hello_hash, engine._provider.digest("SHA-256", octets))
        self.assertEqual(len(engine.hello_hash), 32)

    def test_versions(self):
        """Only three octets count; higher is ignored, lower refused; HelloACK always."""
        for version, state, answer in (
            ("1.10", "PeerKnown", ["HelloACK"]),
            ("1.1 ", "PeerKnown", ["HelloACK"]),
            ("1.1a", "PeerKnown", ["HelloACK"]),
            ("1.20", "HelloSent", ["HelloACK"]),
            ("2.00", "HelloSent", ["HelloACK"]),
            ("1.00", "ErrorSent", ["HelloACK", "Error"]),
            ("0.90", "ErrorSent", ["HelloACK", "Error"]),
        ):
            engine = started()
            give(engine, hello_of(version=version)[0])
            self.assertEqual((engine.state, names(sent(engine))), (state, answer), version)
            for event in take(engine):
                if state == "ErrorSent":
                    self.assertEqual(event.code, 0x30)

    def test_peer_goes_down_to_our_version(self):
        engine = started()
        give(engine, hello_of(version="2.00")[0])
        give(engine, hello_of()[0])
        self.assertEqual(engine.state, "PeerKnown")

    def test_own_zid(self):
        engine = started()
        give(engine, hello_of(A_ZID)[0])
        self.assertEqual(take(engine)[0].code, 0x90)

    def test_own_packet_comes_back(self):
        """An echo service sends what it gets."""
        engine = session().open(1)
        engine.start(0)
        data = engine.datagrams_to_send()[0][0]
        engine.receive_datagram(data, None, 0)
        self.assertEqual(take(engine)[0].code, 0x90)
        for _ in range(30):
            for data, _ in engine.datagrams_to_send():
                engine.receive_datagram(data, None, 0)
            if engine.get_timer() is not None:
                engine.handle_timer(engine.get_timer())
        self.assertEqual(take(engine), [])

    def test_ssrc_collision(self):
        engine = started()
        give(engine, hello_of()[0], ssrc=1)
        failed = take(engine)[0]
        self.assertEqual(failed.code, 0x91)
        self.assertEqual(sent(engine)[0].code, 0x91)

    def test_another_source_afterwards(self):
        engine = started()
        give(engine, hello_of()[0], ssrc=2)
        give(engine, hello_of(b"carol carol ", 3)[0], ssrc=3)
        give(engine, hello_of(b"carol carol ", 3)[0], ssrc=2)
        self.assertEqual(engine.counters["strangers"], 1)
        self.assertEqual(engine.counters["false_packets"], 1)
        self.assertEqual(names(sent(engine)), ["HelloACK"])
        self.assertEqual(kinds(take(engine)), ["PeerFound", "Warned"])

    def test_passive_on_both_sides(self):
        engine = started(passive=True)
        give(engine, m.HelloACK())
        give(engine, hello_of(passive=True)[0])
        self.assertEqual(engine.state, "Discovered")
        self.assertEqual([e.kind for e in take(engine)[1:]], ["both-passive"])
        self.assertIsNone(engine.get_timer())


class TestHelloHash(unittest.TestCase):
    def digest(self, engine, octets):
        return engine._provider.digest("SHA-256", octets)

    def test_fits(self):
        pair = Pair()
        pair.one.set_peer_hello_hash("1.10", pair.two.hello_hash)
        pair.two.set_peer_hello_hash("1.10", pair.one.hello_hash)
        pair.start().run()
        self.assertTrue(pair.agree())

    def test_false_hello_is_not_used(self):
        """The true one that comes later is."""
        engine = started()
        good = hello_of()[0]
        engine.set_peer_hello_hash("1.10", self.digest(engine, good))
        give(engine, hello_of(b"mallory mall", 9)[0], ssrc=9)
        self.assertEqual(engine.datagrams_to_send(), [])
        self.assertEqual([e.kind for e in take(engine)], ["hello-hash"])
        give(engine, good)
        self.assertEqual(engine.state, "PeerKnown")
        self.assertEqual(take(engine)[0].zid, B_ZID)

    def test_not_strict(self):
        engine = started(strict_hello_hash=False)
        engine.set_peer_hello_hash("1.10", bytes(32))
        give(engine, hello_of()[0])
        self.assertEqual(engine.state, "PeerKnown")
        self.assertEqual(kinds(take(engine)), ["Warned", "PeerFound"])

    def test_hash_comes_after_the_hello(self):
        """The answer of the signalling is slower than the media."""
        pair = Pair()
        pair.change = lambda sender, octets: None if octets[4:11] == b"DHPart1" else octets
        false = hello_of(b"mallory mall", 9)[0]
        pair.one.start(0)
        give(pair.one, false, ssrc=9)
        give(pair.one, m.HelloACK(), ssrc=9)
        pair.run(10)
        self.assertEqual(pair.one.state, "CommitSent")
        pair.one.set_peer_hello_hash("1.10", pair.two.hello_hash)
        self.assertEqual(pair.one.state, "HelloSent")
        pair.change = lambda sender, octets: octets
        pair.start(who="b").run()
        self.assertTrue(pair.agree())
        self.assertEqual(pair.of("a", "Warned")[0].kind, "hello-hash")

    def test_hash_comes_when_keys_stand(self):
        pair = Pair().start().run()
        pair.one.set_peer_hello_hash("1.10", bytes(32))
        self.assertEqual(pair.one.state, "Secure")
        self.assertEqual([e.kind for e in take(pair.one)], ["hello-hash"])

    def test_other_versions_and_nothing(self):
        engine = started()
        for version, octets in (("2.00", bytes(32)), ("1.10", bytes(31)), (None, None)):
            engine.set_peer_hello_hash(version, octets)
        give(engine, hello_of()[0])
        self.assertEqual(engine.state, "PeerKnown")


class TestCommit(unittest.TestCase):
    """A Commit by hand to an engine that knows the peer."""

    GOOD = ("S256", "AES1", "HS32", "X255", "B32 ")

    def give(self, algorithms=GOOD, h2=None, zid=B_ZID, more=b"h" * 32, **policy):
        engine = started(**policy)
        hello, chain = hello_of()
        give(engine, hello)
        take(engine)
        sent(engine)
        commit = m.Commit(h2 or chain.h2, zid, algorithms, more).emit()
        give(engine, keys.sign(engine._provider, chain.h1, commit))
        return engine

    def test_good(self):
        engine = self.give()
        self.assertEqual((engine.state, names(sent(engine))), ("DHPart1Sent", ["DHPart1"]))

    def test_codes(self):
        for at, name, code in (
            (0, "N256", 0x51),
            (1, "2FS1", 0x52),
            (2, "SK32", 0x54),
            (3, "DH2k", 0x53),
            (4, "B999", 0x55),
        ):
            algorithms = list(self.GOOD)
            algorithms[at] = name
            engine = self.give(tuple(algorithms))
            self.assertEqual(sent(engine)[0].code, code)
            self.assertEqual(take(engine)[0].code, code)
            self.assertEqual(engine.state, "ErrorSent")
            give(engine, m.ErrorACK())
            self.assertEqual((engine.state, engine.get_timer()), ("Failed", None))

    def test_wrong_h2(self):
        engine = self.give(h2=b"x" * 32)
        self.assertEqual((engine.state, sent(engine)), ("PeerKnown", []))
        self.assertEqual(engine.counters["false_packets"], 1)

    def test_another_zid(self):
        engine = self.give(zid=b"mallory mall")
        failed = take(engine)[0]
        self.assertEqual((failed.code, failed.attack), (0x10, True))

    def test_changed_hello(self):
        """The MAC of Hello is known when H2 is (section 8.1.1)."""
        engine = started()
        hello, chain = hello_of()
        give(engine, hello.replace(b"X255", b"DH3k"))
        take(engine)
        give(engine, keys.sign(
            engine._provider, chain.h1, m.Commit(chain.h2, B_ZID, self.GOOD, b"h" * 32).emit()
        ))  # fmt: skip
        failed = take(engine)[0]
        self.assertEqual((failed.code, failed.attack), (0x40, True))

    def test_before_hello(self):
        engine = started()
        _, chain = hello_of()
        give(engine, m.Commit(chain.h2, B_ZID, self.GOOD, b"h" * 32))
        self.assertEqual((engine.state, sent(engine)), ("HelloSent", []))

    def test_multistream_without_a_session_key(self):
        algorithms = self.GOOD[:3] + ("Mult", "B32 ")
        engine = self.give(algorithms, more=b"n" * 16)
        self.assertEqual(take(engine)[0].code, 0x56)

    def test_no_room(self):
        """What fails at the provider ends the exchange with Error 0xA0."""
        engine = started()
        hello, chain = hello_of()
        give(engine, hello)
        take(engine)

        def nothing(name, bits):
            raise MemoryError

        engine._key_pair = nothing
        commit = m.Commit(chain.h2, B_ZID, self.GOOD, b"h" * 32).emit()
        give(engine, keys.sign(engine._provider, chain.h1, commit))
        self.assertEqual(take(engine)[0].code, 0xA0)


if __name__ == "__main__":
    unittest.main()
