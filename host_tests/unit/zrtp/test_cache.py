# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Retained secrets: rs1, rs2, auxsecret, pbxsecret, mismatch, the V flag (RFC 6189 4.3, 4.6.1)."""

import unittest

from host_tests.unit.zrtp.helpers import A_ZID, B_ZID, Pair, caches, call, kinds, session
from vox6.wire import LocalProtocolError
from vox6.zrtp import Entry, MemoryCache


def secured(pair, side="a"):
    return pair.of(side, "Secured")[0]


class TestContinuity(unittest.TestCase):
    def test_three_calls(self):
        a, b = caches()
        one = call(a, b)
        self.assertTrue(secured(one).first)
        self.assertFalse(secured(one).mismatch or secured(one).verified)
        first = a.get(B_ZID)
        self.assertEqual(first.rs1, b.get(A_ZID).rs1)
        self.assertEqual((first.rs2, first.verified, len(first.rs1)), (None, False, 32))
        two = call(a, b, seed=3)
        self.assertFalse(secured(two).first or secured(two).mismatch)
        second = a.get(B_ZID)
        self.assertEqual(second.rs2, first.rs1)
        self.assertNotEqual(second.rs1, first.rs1)
        three = call(a, b, seed=5)
        self.assertFalse(secured(three).mismatch)
        self.assertEqual(a.get(B_ZID).rs2, second.rs1)

    def test_one_side_missed_the_update(self):
        """rs2 brings both together again (section 4.3), whoever has fallen behind and commits."""
        for behind in "ab":
            for initiator in "ab":
                a, b = caches()
                call(a, b)
                old = (a if behind == "a" else b).get(B_ZID if behind == "a" else A_ZID)
                call(a, b, seed=3)
                (a if behind == "a" else b).put(B_ZID if behind == "a" else A_ZID, old)
                passive = {"passive": True}
                pair = call(
                    a,
                    b,
                    None,
                    None if initiator == "a" else passive,
                    None if initiator == "b" else passive,
                    seed=5,
                )
                self.assertTrue(pair.agree())
                self.assertFalse(secured(pair, "a").mismatch or secured(pair, "b").mismatch)
                self.assertEqual(a.get(B_ZID).rs1, b.get(A_ZID).rs1)

    def test_s1_is_the_initiators_rs1(self):
        """When both secrets match, both sides must take the same one."""
        for passive in "ab":
            a, b = caches()
            a.put(B_ZID, Entry(b"1" * 32, b"2" * 32))
            b.put(A_ZID, Entry(b"2" * 32, b"1" * 32))
            more = {"passive": True}
            a_more = more if passive == "a" else None
            pair = call(a, b, None, a_more, more if passive == "b" else None)
            self.assertTrue(pair.agree())

    def test_interrupted_call_keeps_the_old(self):
        a, b = caches()
        call(a, b)
        before = a.get(B_ZID).rs1
        for kind in (b"Confirm1", b"Confirm2", b"Conf2ACK"):
            pair = Pair(session(A_ZID, 7, a), session(B_ZID, 8, MemoryCache(B_ZID), passive=True))
            pair.change = lambda sender, octets, kind=kind: (
                None if octets[4:12] == kind else octets
            )
            pair.start().run(20000)
            self.assertEqual(kinds(pair.of("a", "Failed")), ["Failed"])
            self.assertEqual(a.get(B_ZID).rs1, before)


class TestMismatch(unittest.TestCase):
    def setUp(self):
        self.a, self.b = caches()
        one = call(self.a, self.b)
        one.a.verify("Bob")
        self.before = self.a.get(B_ZID)

    def test_is_told_and_delays_the_update(self):
        pair = call(self.a, MemoryCache(B_ZID), seed=3)
        self.assertTrue(pair.agree())
        told = secured(pair)
        self.assertTrue(told.mismatch)
        self.assertFalse(told.verified or told.first)
        self.assertEqual(told.name, "Bob")
        # the peer had nothing: a first call for it
        self.assertTrue(secured(pair, "b").first)
        self.assertFalse(secured(pair, "b").mismatch)
        after = self.a.get(B_ZID)
        self.assertEqual((after.rs1, after.rs2), (self.before.rs1, self.before.rs2))
        # and again, until somebody compares
        again = call(self.a, MemoryCache(B_ZID), seed=5)
        self.assertTrue(secured(again).mismatch)

    def test_verify_updates(self):
        fresh = MemoryCache(B_ZID)
        pair = call(self.a, fresh, seed=3)
        pair.a.verify()
        after = self.a.get(B_ZID)
        self.assertEqual(after.rs1, fresh.get(A_ZID).rs1)
        # the old secret took no part: it may be an attacker's
        self.assertEqual((after.rs2, after.verified, after.name), (None, True, "Bob"))
        pair.a.verify("Robert")
        self.assertEqual(self.a.get(B_ZID).rs1, after.rs1)
        self.assertEqual(self.a.get(B_ZID).name, "Robert")
        again = call(self.a, fresh, seed=5)
        self.assertFalse(secured(again).mismatch)
        self.assertTrue(secured(again).verified)

    def test_secret_of_an_attacker_is_not_kept_behind_the_true_one(self):
        """A relayed call that nobody compared is not known after one that somebody did."""
        a, _ = caches()
        mallory = MemoryCache(B_ZID)  # with the ZID of Bob
        call(a, mallory)
        pair = call(a, MemoryCache(B_ZID), seed=3)
        self.assertTrue(secured(pair).mismatch)
        pair.a.verify("Bob")
        told = secured(call(a, mallory, seed=5))
        self.assertFalse(told.verified)
        self.assertTrue(told.mismatch)

    def test_stalled_call_does_not_take_the_word_for_another(self):
        """An exchange that an attacker holds back must not overwrite what a later call stored."""
        a, _ = caches()
        mallory = MemoryCache(B_ZID)
        held = [True]
        stalled = Pair(
            session(A_ZID, 7, a),
            session(B_ZID, 8, mallory),
            change=lambda sender, octets: (
                None
                if held[0] and octets[4:12] in (b"Confirm1", b"Confirm2", b"Conf2ACK")
                else octets
            ),
        )
        stalled.start().run(500)
        pair = call(a, MemoryCache(B_ZID), seed=3)
        self.assertTrue(secured(pair).first)
        held[0] = False
        stalled.run(5000)
        self.assertTrue(stalled.agree())
        pair.a.verify("Bob")
        told = secured(call(a, mallory, seed=5))
        self.assertFalse(told.verified)
        self.assertTrue(told.mismatch)

    def test_verify_comes_after_the_call(self):
        """The old secret must not get the word that was meant for the new one."""
        pair = call(self.a, MemoryCache(B_ZID), seed=3)
        pair.a.close(pair.now)
        self.assertRaises(LocalProtocolError, pair.a.verify)
        self.assertEqual(self.a.get(B_ZID).rs1, self.before.rs1)

    def test_second_stream_tells_the_word_of_the_first(self):
        pair = call(self.a, MemoryCache(B_ZID), seed=3)
        pair.open(2)
        pair.start(1).run()
        self.assertTrue(pair.of("a", "Secured")[1].mismatch)
        pair.a.verify()
        pair.open(3)
        pair.start(2).run()
        self.assertTrue(pair.of("a", "Secured")[2].verified)

    def test_expired(self):
        """The peer may have forgotten it: no alarm (section 4.9)."""
        self.before.expired = True
        self.a.put(B_ZID, self.before)
        pair = call(self.a, MemoryCache(B_ZID), seed=3)
        self.assertFalse(secured(pair).mismatch or secured(pair).verified)
        after = self.a.get(B_ZID)
        self.assertNotEqual(after.rs1, self.before.rs1)
        self.assertFalse(after.verified or after.expired)

    def test_protected_signalling(self):
        """Section 4.6.1.1: told, but the cache goes on."""
        more = {"protected_signalling": True}
        pair = call(self.a, MemoryCache(B_ZID), None, more, seed=3)
        self.assertTrue(secured(pair).mismatch)
        after = self.a.get(B_ZID)
        self.assertNotEqual(after.rs1, self.before.rs1)
        self.assertFalse(after.verified)


class TestVerify(unittest.TestCase):
    def test_flag_of_both(self):
        a, b = caches()
        one = call(a, b)
        one.one.sas_verified(True, "Bob")
        two = call(a, b, seed=3)
        self.assertEqual((secured(two).verified, secured(two).peer_verified), (True, False))
        told = secured(two, "b")
        self.assertEqual((told.verified, told.peer_verified), (False, True))
        self.assertEqual(secured(two).name, "Bob")
        two.b.verify()
        three = call(a, b, seed=5)
        self.assertTrue(secured(three).peer_verified and secured(three, "b").peer_verified)

    def test_unverify(self):
        a, b = caches()
        one = call(a, b)
        one.a.verify("Bob")
        one.a.unverify()
        self.assertEqual((a.get(B_ZID).verified, a.get(B_ZID).name), (False, "Bob"))
        self.assertFalse(secured(call(a, b, seed=3)).verified)

    def test_deny(self):
        a, b = caches()
        call(a, b)
        pair = call(a, b, seed=3)
        pair.one.sas_verified(False)
        self.assertIsNone(a.get(B_ZID))
        pair.a.close(pair.now)
        self.assertIsNone(a.get(B_ZID))
        a.put(B_ZID, Entry(b"1" * 32, pbx=b"p" * 32, verified=True))
        pair = call(a, b, seed=5)
        pair.a.deny()
        after = a.get(B_ZID)
        self.assertEqual((after.rs1, after.pbx, after.verified), (None, b"p" * 32, False))

    def test_before_the_cache_was_written(self):
        """verify() right after Secured, before the timer."""
        a, b = caches()
        pair = Pair(session(A_ZID, 1, a), session(B_ZID, 2, b))
        pair.start()

        def on_secured(sender, octets):
            if pair.one.state == "Secure" and a.get(B_ZID) is None:
                pair.a.verify("Bob")
            return octets

        pair.change = on_secured
        pair.run(100)
        self.assertEqual(a.get(B_ZID).rs1, b.get(A_ZID).rs1)

    def test_needs_a_sas(self):
        one = session()
        for command in (one.verify, one.unverify, one.deny, one.enroll):
            self.assertRaises(LocalProtocolError, command)


class TestExpiration(unittest.TestCase):
    def test_minimum_of_both(self):
        a, b = caches()
        call(a, b, None, {"cache_expiration": 3600}, {"cache_expiration": 60})
        self.assertEqual((a.get(B_ZID).expiration, b.get(A_ZID).expiration), (60, 60))

    def test_zero(self):
        """Nothing new is kept; an entry stays, with the interval 0 (section 4.9)."""
        a, b = caches()
        pair = call(a, b, None, {"cache_expiration": 0})
        self.assertIsNone(a.get(B_ZID))
        self.assertIsNone(b.get(A_ZID))
        pair.b.verify("Alice")  # nothing to carry the flag
        self.assertIsNone(b.get(A_ZID))
        call(a, b, seed=3)
        before = b.get(A_ZID)
        call(a, b, None, {"cache_expiration": 0}, seed=5)
        after = b.get(A_ZID)
        self.assertEqual((after.rs1, after.expiration), (before.rs1, 0))

    def test_cacheless_says_not_verified(self):
        a, b = caches()
        one = call(a, b)
        one.a.verify()
        two = call(a, b, None, {"cache_expiration": 0}, seed=3)
        self.assertFalse(secured(two, "b").peer_verified)


class TestOtherSecrets(unittest.TestCase):
    def test_aux(self):
        for a_aux, b_aux, mismatch in (
            (b"x" * 16, b"x" * 16, False),
            (b"x" * 16, b"y" * 16, True),
            (b"x" * 16, None, True),
        ):
            pair = Pair()
            pair.a.set_aux_secret(a_aux)
            pair.b.set_aux_secret(b_aux)
            pair.start().run()
            self.assertTrue(pair.agree())
            self.assertEqual(secured(pair).aux_mismatch, mismatch)
            self.assertEqual(secured(pair, "b").aux_mismatch, bool(b_aux) and mismatch)

    def test_aux_is_no_excuse(self):
        """A mismatch of rs1 is told although auxsecret matches (section 4.3.2)."""
        a, b = caches()
        call(a, b)
        pair = Pair(session(A_ZID, 3, a), session(B_ZID, 4))
        pair.a.set_aux_secret(b"x" * 16)
        pair.b.set_aux_secret(b"x" * 16)
        pair.start().run()
        self.assertTrue(secured(pair).mismatch)

    def test_ids_tell_nothing(self):
        """Without a secret the ID is random (section 4.3)."""
        seen = []

        def change(sender, octets):
            if octets[4:11] == b"DHPart1":
                seen.append(octets[44:76])
            return octets

        for seed in (1, 3):
            a, b = caches()
            call(a, b, change, seed=seed)
        self.assertEqual(len({octets[i : i + 8] for octets in seen for i in (0, 8, 16, 24)}), 8)
        self.assertNotIn(bytes(8), seen[0])


class TestMemoryCache(unittest.TestCase):
    def test_copies(self):
        cache = MemoryCache(A_ZID)
        entry = Entry(b"1" * 32, name="n" * 100)
        cache.put(B_ZID, entry)
        entry.rs1 = None
        got = cache.get(B_ZID)
        got.verified = True
        self.assertEqual(cache.get(B_ZID).rs1, b"1" * 32)
        self.assertFalse(cache.get(B_ZID).verified)
        self.assertEqual(len(got.name), 64)
        cache.remove(B_ZID)
        cache.remove(B_ZID)
        self.assertIsNone(cache.get(B_ZID))
        self.assertRaises(ValueError, MemoryCache, b"short")

    def test_bounded(self):
        cache = MemoryCache(A_ZID)
        for i in range(65):
            cache.put(bytes([i] * 12), Entry())
        self.assertIsNone(cache.get(bytes(12)))
        self.assertIsNotNone(cache.get(bytes([64] * 12)))


if __name__ == "__main__":
    unittest.main()
