# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two engines against each other: modes, algorithms, losses, what the events say."""

import unittest

from host_tests.unit.zrtp.helpers import (
    A_ZID,
    B_ZID,
    Pair,
    caches,
    call,
    give,
    kinds,
    policy,
    run_alone,
    sent,
    session,
    take,
)
from vox6 import crypto
from vox6.wire import LocalProtocolError
from vox6.zrtp import Entry, MemoryCache, keys
from vox6.zrtp import messages as m


class TestHandshake(unittest.TestCase):
    def test_each_key_agreement(self):
        for name in crypto.provider().key_agreements:
            with self.subTest(name=name):
                pair = Pair(
                    session(A_ZID, 1, key_agreements=(name,)),
                    session(B_ZID, 2, key_agreements=(name,)),
                )
                pair.start().run()
                self.assertTrue(pair.agree())
                algorithms = pair.of("a", "Secured")[0].algorithms
                self.assertEqual(algorithms[3], name)
                self.assertEqual(algorithms, pair.of("b", "Secured")[0].algorithms)

    def test_each_other_algorithm(self):
        for more in (
            {"hashes": ("S384",)},
            {"ciphers": ("AES3",)},
            {"auth_tags": ("HS80",)},
            {"sas_types": ("B256",)},
            {"hashes": ("S384",), "ciphers": ("AES3",), "auth_tags": ("HS80",)},
        ):
            pair = Pair(session(A_ZID, 1, **more), session(B_ZID, 2, **more)).start().run()
            self.assertTrue(pair.agree())
            secured = pair.of("a", "Secured")[0]
            for names in more.values():
                self.assertIn(names[0], secured.algorithms)
            ready = pair.of("a", "KeysReady")[0]
            self.assertEqual(ready.cipher, secured.algorithms[1])
            self.assertEqual(ready.auth_tag, secured.algorithms[2])
            self.assertEqual(len(ready.key_salt), 46 if ready.cipher == "AES3" else 30)

    def test_events_in_order(self):
        pair = Pair(b=session(B_ZID, 2, passive=True)).start().run()
        self.assertEqual(
            kinds(pair.events["a"]),
            ["PeerFound", "Committed", "KeysReady", "KeysReady", "Secured"],
        )
        self.assertEqual([e.direction for e in pair.of("a", "KeysReady")], ["receive", "send"])
        self.assertTrue(pair.of("a", "Secured")[0].initiator)
        self.assertFalse(pair.of("b", "Secured")[0].initiator)
        self.assertEqual(pair.of("a", "Committed")[0].initiator, True)
        self.assertEqual(pair.of("b", "Committed")[0].initiator, False)
        found = pair.of("b", "PeerFound")[0]
        self.assertEqual((found.zid, found.client_id, found.version), (A_ZID, "vox6", "1.10"))
        self.assertTrue(pair.of("a", "PeerFound")[0].passive)
        self.assertEqual(pair.a.sas_text, pair.of("a", "Secured")[0].sas_text)

    def test_initiator_sends_nothing_before_conf2ack(self):
        pair = Pair(b=session(B_ZID, 2, passive=True))
        pair.change = lambda sender, octets: None if octets[4:12] == b"Conf2ACK" else octets
        pair.start().run()
        self.assertEqual([e.direction for e in pair.of("a", "KeysReady")], ["receive"])
        self.assertEqual(pair.of("a", "Secured"), [])
        # the first SRTP packet with a good tag counts as much (section 4.6)
        pair.one.srtp_authenticated(pair.now)
        pair.run(10)
        self.assertTrue(pair.agree())
        pair.one.srtp_authenticated(pair.now)  # later ones are nothing

    def test_responder_has_keys_after_confirm2(self):
        pair = Pair(b=session(B_ZID, 2, passive=True))
        pair.change = lambda sender, octets: None if octets[4:12] == b"Confirm2" else octets
        pair.start().run()
        self.assertEqual(pair.of("b", "KeysReady"), [])

    def test_hello_ack_leaves_before_the_key_pair_is_made(self):
        """The driver sends what is there before it fires the timer of the Commit."""
        one = session(A_ZID, 1)
        engine = one.open(1)
        engine.start(0)
        peer = session(B_ZID, 2).open(2)
        peer.start(0)
        hello = sent(peer)[0]
        give(engine, m.HelloACK())
        give(engine, hello.octets)
        self.assertEqual([x.kind for x in sent(engine)], ["Hello   ", "HelloACK"])
        self.assertEqual(one.provider.pairs, [])
        engine.handle_timer(engine.get_timer())
        self.assertEqual(len(one.provider.pairs), 1)

    def test_prepared_pairs_are_used(self):
        asked = []
        one = session(A_ZID, 1)

        def prepared(name, bits):
            asked.append((name, bits))
            return one.provider.real.key_pair(name, bits)

        pair = Pair(one, session(B_ZID, 2, passive=True))
        pair.streams = [(one.open(5, prepared), pair.two)]
        pair.start().run()
        self.assertTrue(pair.agree())
        self.assertEqual(asked, [("X255", 256)])
        self.assertEqual(one.provider.pairs, [])

    def test_contention_keeps_the_pair(self):
        """Both commit; nobody makes a second pair (section 4.2)."""
        for seed in range(1, 9):
            a = session(A_ZID, seed)
            b = session(B_ZID, seed + 100)
            pair = Pair(a, b, delay=5).start().run()
            self.assertTrue(pair.agree())
            self.assertEqual(len(a.provider.pairs), 1)
            self.assertEqual(len(b.provider.pairs), 1)
            lost = pair.one.counters["contention_lost"] + pair.two.counters["contention_lost"]
            self.assertEqual(lost, 1)

    def test_contention_with_another_cipher(self):
        """A long exponent serves a short key, not the other way round; curves know no sizes."""
        made = {}
        for name in ("DH2k", "X255", "DH3k"):
            for seed in range(1, 65):  # who loses is chance, as key pairs are: until both have
                if (name, True) in made and (name, False) in made:
                    break
                both = {"key_agreements": (name, "Mult")}
                a = session(A_ZID, seed, ciphers=("AES3", "AES1"), **both)
                b = session(B_ZID, seed + 100, ciphers=("AES1", "AES3"), **both)
                pair = Pair(a, b, delay=5).start().run()
                self.assertTrue(pair.agree())
                loser = b if pair.of("a", "Secured")[0].initiator else a
                made[name, loser is b] = len(loser.provider.pairs)
        self.assertEqual(made[("X255", True)], 1)
        self.assertEqual(made[("X255", False)], 1)
        self.assertEqual(made[("DH3k", True)], 2)
        self.assertEqual(made[("DH3k", False)], 1)

    def test_exponents(self):
        """512 bits with AES-256 (section 5.1.5)."""
        more = {"key_agreements": ("DH2k", "DH3k"), "ciphers": ("AES3",)}
        a = session(A_ZID, 1, **more)
        Pair(a, session(B_ZID, 2, passive=True, **more)).start().run()
        self.assertEqual(a.provider.pairs, [("DH2k", 256)])  # DH2k goes with AES-128
        more["key_agreements"] = ("DH3k",)
        a = session(A_ZID, 1, **more)
        Pair(a, session(B_ZID, 2, passive=True, **more)).start().run()
        self.assertEqual(a.provider.pairs, [("DH3k", 512)])


class TestLoss(unittest.TestCase):
    def test_every_message_lost_once(self):
        for sender in "ab":
            for kind in ("Hello", "HelloACK", "Commit", "DHPart1", "DHPart2"):
                self._lose(sender, kind, {})
            for kind in ("Confirm1", "Confirm2", "Conf2ACK"):
                self._lose(sender, kind, {})

    def _lose(self, sender, kind, more):
        lost = []

        def change(side, octets):
            if side == sender and not lost and octets[4:12].strip() == kind.encode():
                lost.append(kind)
                return None
            return octets

        passive = {"passive": True}
        a = session(A_ZID, 1, **(passive if sender == "b" and "1" in kind else more))
        b = session(B_ZID, 2, **(passive if sender == "a" and "1" in kind else more))
        pair = Pair(a, b, change, delay=3).start().run(4000)
        self.assertTrue(pair.agree(), "%s of %s" % (kind, sender))
        self.assertEqual(pair.of("a", "Failed") + pair.of("b", "Failed"), [])

    def test_everything_twice(self):
        pair = Pair(delay=3)
        drained = pair._drain

        def twice():
            before = len(pair.air)
            moved = drained()
            pair.air += [(when + 1, who, data) for when, who, data in pair.air[before:]]
            return moved

        pair._drain = twice
        pair.start().run()
        self.assertTrue(pair.agree())
        self.assertEqual(len(pair.of("a", "Secured")), 1)
        self.assertEqual(len(pair.of("b", "Secured")), 1)

    def test_retransmissions_are_identical(self):
        """Section 6: the same message, in a new packet."""
        a = session(A_ZID, 1)
        pair = Pair(a, session(B_ZID, 2, passive=True))
        seen = []

        def change(sender, octets):
            if sender == "a" and octets[4:12] == b"Commit  ":
                seen.append(octets)
                return octets if len(seen) > 3 else None
            return octets

        pair.change = change
        pair.start().run(3000)
        self.assertEqual(len(seen), 4)
        self.assertEqual(seen, [seen[0]] * 4)
        self.assertTrue(pair.agree())


class TestSchedule(unittest.TestCase):
    def test_hello(self):
        """50 + 100 + 18 * 200 ms (section 6)."""
        engine = session().open(1)
        engine.start(0)
        times = [when for when, _ in run_alone(engine, 60000)]
        self.assertEqual(times, [0, 50, 150] + [350 + 200 * i for i in range(18)])
        self.assertEqual(times[-1], 3750)
        self.assertEqual(kinds(take(engine)), ["PeerSilent"])
        self.assertEqual(engine.state, "Silent")

    def test_hello_with_evidence(self):
        """At least 12 s of retries (section 6)."""
        engine = session().open(1)
        engine.set_peer_hello_hash("1.10", bytes(32))
        engine.start(0)
        times = [when for when, _ in run_alone(engine, 60000)]
        self.assertEqual(len(times), 63)
        self.assertGreaterEqual(times[-1], 12000)

    def test_evidence_on_the_way(self):
        engine = session().open(1)
        engine.start(0)
        engine.handle_timer(50)
        give(engine, m.Ping("1.10", b"endpoint"), now=60)
        self.assertEqual(run_alone(engine, 60000)[-1][0], 12150)

    def test_commit(self):
        """150 + 300 + 600 + 7 * 1200 ms, then Error."""
        pair = Pair(b=session(B_ZID, 2, passive=True))
        times = []

        def change(sender, octets):
            if sender == "a" and octets[4:12] == b"Commit  ":
                times.append(pair.now)
                return None
            return octets

        pair.change = change
        pair.start().run(30000)
        self.assertEqual(times, [0, 150, 450, 1050] + [2250 + 1200 * i for i in range(7)])
        self.assertEqual(times[-1], 9450)
        failed = pair.of("a", "Failed")[0]
        self.assertEqual((failed.code, failed.by_peer, failed.attack), (0xB0, False, False))
        self.assertEqual(pair.of("b", "Failed")[0].by_peer, True)
        self.assertEqual((pair.one.state, pair.two.state), ("Failed", "Failed"))

    def test_responder_gives_up_after_10_s(self):
        pair = Pair(b=session(B_ZID, 2, passive=True))
        pair.change = lambda sender, octets: None if octets[4:12] == b"DHPart1 " else octets
        pair.start().run(200)
        pair.change = lambda sender, octets: None
        pair.run(9000)
        self.assertEqual(pair.of("b", "Failed"), [])
        pair.run(1500)
        self.assertEqual(pair.of("b", "Failed")[0].code, 0xB0)

    def test_no_hello_after_hello_ack(self):
        engine = session().open(1)
        engine.start(0)
        give(engine, m.HelloACK())
        self.assertEqual(run_alone(engine, 60000), [(0, "Hello")])
        self.assertEqual(kinds(take(engine)), ["PeerSilent"])


class TestLate(unittest.TestCase):
    def test_slow_peer(self):
        pair = Pair().start(who="a").run(5000)
        self.assertEqual(kinds(pair.events["a"]), ["PeerSilent"])
        pair.start(who="b").run(1000)
        self.assertTrue(pair.agree())

    def test_slow_peer_that_only_acknowledges(self):
        pair = Pair()
        pair.change = lambda sender, octets: None if octets[4:12] == b"HelloACK" else octets
        pair.start().run(15000)
        self.assertEqual(kinds(pair.events["a"]), ["PeerFound", "PeerSilent"])
        pair.change = lambda sender, octets: octets
        give(pair.one, m.HelloACK(), ssrc=0x201, now=pair.now)
        pair.run(1000)
        self.assertTrue(pair.agree())  # the late Commit was taken


class TestMultistream(unittest.TestCase):
    def test_second_stream(self):
        pair = Pair().start().run()
        first = pair.keys("a")
        pair.open(2)
        pair.start(1).run()
        self.assertTrue(pair.agree())
        secured = pair.of("a", "Secured")[1]
        self.assertEqual((secured.mode, secured.algorithms[3]), ("Mult", "Mult"))
        self.assertEqual(secured.sas_text, pair.of("a", "Secured")[0].sas_text)
        self.assertNotEqual(pair.keys("a"), first)
        self.assertNotIn(("a", "DHPart1"), pair.log[len(pair.log) - 8 :])

    def test_streams_started_together(self):
        """One makes the DH exchange, the others wait for it."""
        for seed in range(1, 7):
            pair = Pair(session(A_ZID, seed), session(B_ZID, seed + 50), delay=2)
            pair.open(2)
            pair.open(3)
            for number in range(3):
                pair.start(number)
            pair.run(3000)
            modes = sorted([e.mode for e in pair.of("a", "Secured")])
            self.assertEqual(modes, ["DH", "Mult", "Mult"])
            self.assertEqual(pair.of("a", "Failed"), [])
            self.assertEqual(sorted([e.mode for e in pair.of("b", "Secured")]), modes)
            self.assertEqual(len({bytes(e.key_salt) for e in pair.of("a", "KeysReady")}), 6)

    def test_contention_over_two_streams(self):
        """Each side commits on another stream (section 4.2)."""
        for seed in range(1, 7):
            pair = Pair(session(A_ZID, seed), session(B_ZID, seed + 50), delay=20)
            pair.open(2)
            # a has no HelloACK on stream 2 yet, b none on stream 1, so each commits once
            lose = {"a": 1, "b": 0}

            def change(sender, octets, pair=pair, lose=lose):
                if octets[4:12] == b"HelloACK" and pair.now < 150:
                    late = lose["b" if sender == "a" else "a"]
                    return None if self._stream == late else octets
                return octets

            self._stream = 0
            pair.change = change
            drained = pair._drain

            def drain(pair=pair, drained=drained):
                moved = False
                streams = pair.streams
                for number in range(2):
                    self._stream = number
                    pair.streams = [streams[number]]
                    moved = drained() or moved
                pair.streams = streams
                return moved

            pair._drain = drain
            pair.start(0)
            pair.start(1)
            pair.run(3000)
            self.assertEqual(sorted([e.mode for e in pair.of("a", "Secured")]), ["DH", "Mult"])
            self.assertEqual(pair.of("a", "Failed") + pair.of("b", "Failed"), [])
            engines = [engine for both in pair.streams for engine in both]
            for name in ("contention_won", "contention_lost"):
                self.assertEqual(sum([engine.counters[name] for engine in engines]), 1)

    def test_peer_without_multistream(self):
        pair = Pair(b=session(B_ZID, 2, key_agreements=("X255",))).start().run()
        pair.open(2)
        pair.start(1).run()
        self.assertEqual(pair.of("a", "Failed")[0].code, 0x53)
        self.assertEqual((pair.one.state, pair.two.state), ("Secure", "Secure"))

    def test_no_session_key_no_multistream(self):
        """The responder has no ZRTP Session key."""
        pair = Pair(b=session(B_ZID, 2, passive=True)).start().run()
        fresh = Pair(pair.a, session(B_ZID, 3, passive=True))
        fresh.start().run()
        self.assertEqual(fresh.of("b", "Failed")[0].code, 0x56)
        self.assertEqual(fresh.of("a", "Failed")[0].by_peer, True)
        self.assertEqual(pair.one.state, "Secure")

    def test_another_zid_on_the_second_stream(self):
        pair = Pair().start().run()
        fresh = Pair(pair.a, session(b"carol carol ", 3)).start().run()
        self.assertEqual(fresh.of("a", "Failed")[0].code, 0x40)

    def test_late_commit_of_dh_mode_ends_no_stream(self):
        """The peer lost contention on the first stream, its Commit on the second is on its way."""
        pair = Pair().start().run()
        one, two = pair.open(2)
        pair.change = lambda sender, octets: None if octets[4:10] == b"Commit" else octets
        pair.start(1).run(10)
        chain = two._chain
        algorithms = ("S256", "AES1", "HS32", "X255", "B32 ")
        commit = m.Commit(chain.h2, B_ZID, algorithms, b"h" * 32).emit()
        give(one, keys.sign(pair.b.provider, chain.h1, commit), ssrc=two.ssrc, now=pair.now)
        # contention: DH against Multistream
        self.assertEqual((one.state, one.counters["busy"]), ("CommitSent", 1))
        pair.open(3)
        pair.b.engines[2].start(pair.now)
        one, two = pair.streams[2]
        one.start(pair.now)
        one._policy = policy(passive=True)
        pair.run(10)
        commit = m.Commit(two._chain.h2, B_ZID, algorithms, b"h" * 32).emit()
        octets = keys.sign(pair.b.provider, two._chain.h1, commit)
        give(one, octets, ssrc=two.ssrc, now=pair.now)
        self.assertEqual((one.state, one.counters["busy"]), ("Discovered", 1))

    def test_a_new_first_exchange(self):
        """All streams are stopped, others begin: the peer may be another now."""
        pair = Pair().start().run()
        pair.one.stop(pair.now)
        again = Pair(pair.a, session(b"carol carol ", 3)).start().run()
        self.assertTrue(again.agree())
        self.assertEqual(again.of("a", "Secured")[0].mode, "DH")
        self.assertEqual(pair.a.peer_zid, b"carol carol ")

    def test_too_many_streams(self):
        one = session()
        for ssrc in range(16):
            one.open(ssrc)
        self.assertRaises(LocalProtocolError, one.open, 17)


class TestPreshared(unittest.TestCase):
    MORE = {"key_agreements": ("Prsh", "X255", "Mult")}

    def test_second_call(self):
        a, b = caches()
        one = call(a, b, a_more=self.MORE, b_more=self.MORE)
        self.assertEqual(one.of("a", "Secured")[0].mode, "DH")
        one.a.verify("Bob")
        one.b.verify()
        before = a.get(B_ZID)
        two = call(a, b, seed=5, a_more=self.MORE, b_more=self.MORE)
        self.assertTrue(two.agree())
        secured = two.of("a", "Secured")[0]
        self.assertEqual((secured.mode, secured.verified, secured.name), ("Prsh", True, "Bob"))
        self.assertNotIn(("a", "DHPart1"), two.log)
        after = a.get(B_ZID)
        self.assertEqual(after.rs2, before.rs2)  # the old rs1 is not kept in this mode
        self.assertNotEqual(after.rs1, before.rs1)
        self.assertEqual(after.rs1, b.get(A_ZID).rs1)
        # and a stream more
        two.open(2)
        two.start(1).run()
        self.assertEqual(two.of("a", "Secured")[1].mode, "Mult")

    def test_not_before_the_sas_was_compared(self):
        a, b = caches()
        call(a, b, a_more=self.MORE, b_more=self.MORE)
        two = call(a, b, seed=5, a_more=self.MORE, b_more=self.MORE)
        self.assertEqual(two.of("a", "Secured")[0].mode, "DH")

    def test_peer_lost_its_cache(self):
        """It answers by a Commit of DH mode, which goes before (section 4.4.2.3)."""
        a, b = caches()
        one = call(a, b, a_more=self.MORE, b_more=self.MORE)
        one.a.verify()
        two = call(a, MemoryCache(B_ZID), seed=5, a_more=self.MORE, b_more=self.MORE)
        self.assertTrue(two.agree())
        secured = two.of("a", "Secured")[0]
        self.assertEqual((secured.mode, secured.mismatch, secured.verified), ("DH", True, False))

    def test_passive_peer_lost_its_cache(self):
        a, b = caches()
        more = dict(self.MORE)
        more["passive"] = True
        one = call(a, b, a_more=self.MORE, b_more=self.MORE)
        one.a.verify()
        two = call(a, MemoryCache(B_ZID), seed=5, a_more=self.MORE, b_more=more)
        self.assertEqual(two.of("a", "Failed")[0].code, 0x56)

    def test_subsets(self):
        """The responder lacks auxsecret or pbxsecret (section 4.4.2.3)."""
        for aux, pbx in ((None, b"p" * 32), (b"a" * 32, None), (None, None)):
            a, b = caches()
            rs1 = b"1" * 32
            b.put(A_ZID, Entry(rs1, None, b"a" * 32, b"p" * 32, verified=True))
            a.put(B_ZID, Entry(rs1, None, aux, pbx, verified=True))
            more = dict(self.MORE)
            more["passive"] = True
            pair = call(a, b, a_more=self.MORE, b_more=more)
            self.assertTrue(pair.agree())
            self.assertEqual(pair.of("b", "Secured")[0].mode, "Prsh")


class TestCommands(unittest.TestCase):
    def test_not_in_this_state(self):
        engine = session(allow_clear=True).open(1)
        self.assertRaises(LocalProtocolError, engine.go_clear, 0)
        self.assertRaises(LocalProtocolError, engine.go_secure, 0)
        engine.start(0)
        self.assertRaises(LocalProtocolError, engine.start, 0)
        self.assertRaises(LocalProtocolError, engine.sas_verified, True)
        engine.stop(0)
        engine.stop(0)
        self.assertRaises(LocalProtocolError, engine.start, 0)
        self.assertEqual(engine.datagrams_to_send(), [])
        self.assertIsNone(engine.get_timer())

    def test_nothing_before_start(self):
        engine = session().open(1)
        give(engine, m.Ping("1.10", b"endpoint"))
        self.assertEqual(engine.datagrams_to_send(), [])

    def test_secrets_are_overwritten(self):
        pair = Pair().start().run()
        held = [pair.a.zrtp_sess] + pair.one._keys.mac + pair.one._keys.zrtp
        pair.a.close(pair.now)
        for secret in held:
            self.assertEqual(bytes(secret), bytes(len(secret)))
        self.assertIsNone(pair.a.zrtp_sess)
        self.assertEqual(pair.one.state, "Terminated")
        give(pair.one, m.Error(0x20), ssrc=0x201)
        self.assertEqual(pair.one.datagrams_to_send(), [])

    def test_stop_in_the_middle(self):
        """At each message: no exception, nothing sent, the cache unchanged."""
        for count in range(1, 12):
            a, b = caches()
            seen = []
            pair = Pair(session(A_ZID, 1, a), session(B_ZID, 2, b))

            def change(sender, octets, pair=pair, seen=seen, count=count):
                seen.append(sender)
                if len(seen) == count:
                    pair.one.stop(pair.now)
                return octets

            pair.change = change
            pair.start().run(100)
            self.assertEqual(pair.one.state, "Terminated")
            self.assertEqual(pair.one.datagrams_to_send(), [])

    def test_debug(self):
        pair = Pair().start().run()
        self.assertIn("Secure", pair.one.debug())

    def test_default_policy(self):
        pair = (
            Pair(session(A_ZID, 1, key_agreements=policy().lists[3]), session(B_ZID, 2))
            .start()
            .run()
        )
        self.assertTrue(pair.agree())


if __name__ == "__main__":
    unittest.main()
