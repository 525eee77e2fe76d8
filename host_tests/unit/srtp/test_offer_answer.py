# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/srtp/offer_answer.py: keys in offers and answers (RFC 4568 sections 5.1 and 7.1)."""

import unittest

from vox6.sdp.offer_answer import Negotiation
from vox6.srtp import SecurityDescriptions
from vox6.srtp.crypto_attribute import CryptoAttribute, MasterKey
from vox6.srtp.offer_answer import LOCAL_OFFER, REMOTE_OFFER, STABLE
from vox6.srtp.profiles import NAMES
from vox6.wire import LocalProtocolError, RemoteProtocolError

S80 = "AES_CM_128_HMAC_SHA1_80"
S32 = "AES_CM_128_HMAC_SHA1_32"
L80 = "AES_256_CM_HMAC_SHA1_80"


class Octets:
    """Octets that never repeat, as random ones do not."""

    def __init__(self, first):
        self.next = first

    def __call__(self, length):
        self.next += 1
        return self.next.to_bytes(length, "big")


def pair(ours=NAMES, theirs=NAMES):
    return SecurityDescriptions(Octets(0), ours), SecurityDescriptions(Octets(1 << 64), theirs)


def exchange(offerer, answerer, fresh=True, answer_fresh=False):
    answerer.receive_offer(offerer.create_offer(fresh))
    agreed = offerer.receive_answer([answerer.create_answer(answer_fresh)])
    return agreed, answerer.agreed


def line(tag=1, suite=S80, first=7, more=""):
    octets = 46 if "256" in suite else 30
    return CryptoAttribute(tag, suite, [MasterKey(bytes([first]) * octets)]).emit() + more


class TestTwoSides(unittest.TestCase):
    def check(self, one, other, profile):
        self.assertEqual((one.profile, other.profile), (profile, profile))
        self.assertEqual(one.send.key_salt, other.receive.key_salt)
        self.assertEqual(one.receive.key_salt, other.send.key_salt)
        self.assertNotEqual(one.send.key_salt, one.receive.key_salt)
        self.assertEqual(one.send.tag, one.receive.tag)

    def test_each_suite(self):
        for name in NAMES:
            alice, bob = pair((name,))
            one, other = exchange(alice, bob)
            self.check(one, other, name)
            self.assertTrue(one.send_is_new and one.receive_is_new)
            self.assertTrue(other.send_is_new and other.receive_is_new)
            self.assertEqual((alice.state, bob.state), (STABLE, STABLE))

    def test_offer(self):
        """One line a suite in our order, tags and keys unique (section 5.1.1)."""
        lines = [CryptoAttribute.parse(value) for value in pair()[0].create_offer()]
        self.assertEqual([attribute.suite for attribute in lines], list(NAMES))
        self.assertEqual([attribute.tag for attribute in lines], [1, 2, 3, 4])
        keys = [attribute.key_salt for attribute in lines]
        self.assertEqual(len(set(keys)), 4)

    def test_the_offers_preference_counts(self):
        alice, bob = pair((S32, S80), (S80, S32))
        self.check(*exchange(alice, bob), S32)
        alice, bob = pair((L80, S32, S80), (S80, S32))
        self.check(*exchange(alice, bob), S32)

    def test_nothing_in_common(self):
        alice, bob = pair((L80,), (S80,))
        with self.assertRaises(RemoteProtocolError) as caught:
            bob.receive_offer(alice.create_offer())
        self.assertEqual(caught.exception.code, 488)
        self.assertEqual(bob.state, STABLE)
        alice.offer_rejected()
        self.assertEqual((alice.state, alice.agreed), (STABLE, None))

    def test_fresh_keys_in_each_offer(self):
        alice, bob = pair()
        seen = []
        for turn in range(4):
            one, other = exchange(alice, bob) if turn % 2 else exchange(bob, alice)
            self.check(one, other, L80)
            self.assertTrue(one.send_is_new and one.receive_is_new)
            self.assertTrue(other.send_is_new and other.receive_is_new)
            seen += [one.send.key_salt, other.send.key_salt]
        self.assertEqual(len(set(seen)), 8)

    def test_refresh_changes_nothing(self):
        """The same line again, answered by the same: no key is set twice."""
        alice, bob = pair()
        first, _ = exchange(alice, bob)
        for offerer, answerer in ((alice, bob), (bob, alice), (alice, bob)):
            one, other = exchange(offerer, answerer, fresh=False)
            self.check(one, other, L80)
            self.assertFalse(one.send_is_new or one.receive_is_new)
            self.assertFalse(other.send_is_new or other.receive_is_new)
        self.assertEqual(alice.agreed.send.key_salt, first.send.key_salt)

    def test_new_address_of_the_answerer(self):
        alice, bob = pair()
        exchange(alice, bob)
        one, other = exchange(alice, bob, fresh=False, answer_fresh=True)
        self.check(one, other, L80)
        self.assertEqual((one.send_is_new, one.receive_is_new), (False, True))
        self.assertEqual((other.send_is_new, other.receive_is_new), (True, False))

    def test_refused_offer_keeps_the_keys(self):
        alice, bob = pair()
        one, _ = exchange(alice, bob)
        bob.receive_offer(alice.create_offer())
        bob.reject_offer()
        alice.offer_rejected()
        self.assertIs(alice.agreed, one)
        one, other = exchange(alice, bob, fresh=False)
        self.assertFalse(one.send_is_new or one.receive_is_new)
        self.assertFalse(other.send_is_new or other.receive_is_new)

    def test_provisional_answer(self):
        alice, bob = pair()
        bob.receive_offer(alice.create_offer())
        answer = bob.create_answer()
        early = alice.receive_answer([answer], final=False)
        self.assertTrue(early.send_is_new and early.receive_is_new)
        self.assertEqual((alice.state, alice.agreed), (LOCAL_OFFER, None))
        late = alice.receive_answer([answer])
        self.assertFalse(late.send_is_new or late.receive_is_new)
        self.assertIs(alice.agreed, late)
        # another answer than the early one: its key counts
        alice, bob = pair()
        bob.receive_offer(alice.create_offer())
        alice.receive_answer([bob.create_answer()], final=False)
        late = alice.receive_answer([line(1, L80)])
        self.assertEqual((late.send_is_new, late.receive_is_new), (False, True))

    def test_answer_in_clear(self):
        """RTP/AVP with a=crypto, answered without: allowed only where the caller says so."""
        alice, _ = pair()
        alice.create_offer()
        self.assertIsNone(alice.receive_answer([], required=False))
        self.assertEqual((alice.state, alice.agreed), (STABLE, None))
        alice.create_offer()
        with self.assertRaises(RemoteProtocolError):
            alice.receive_answer([])
        self.assertEqual(alice.state, LOCAL_OFFER)

    def test_clear(self):
        alice, bob = pair()
        exchange(alice, bob)
        alice.clear()
        bob.clear()
        self.assertIsNone(alice.agreed)
        one, other = exchange(alice, bob)
        self.assertTrue(one.send_is_new and other.receive_is_new)

    def test_echoes_the_suite_as_written(self):
        bob = pair()[1]
        for suite in ("aes_cm_128_hmac_sha1_80", "AES_CM_256_HMAC_SHA1_80"):
            bob.receive_offer([line(5, suite)])
            self.assertTrue(bob.create_answer().startswith("5 " + suite + " inline:"))

    def test_beside_sdp(self):
        """As the firmware does it: both negotiations in one exchange."""
        protos = ("RTP/AVP", "RTP/SAVP")
        alice, bob = pair((S80, S32))
        a, b = Negotiation(1, protos=protos), Negotiation(2, protos=protos)
        body = a.create_offer("2001:db8::a", 4000, proto="RTP/SAVP", crypto=alice.create_offer())
        proposal = b.receive_offer(body)
        bob.receive_offer(proposal.crypto_lines)
        body = b.create_answer("2001:db8::b", 5000, crypto=bob.create_answer())
        result = a.receive_answer(body)
        self.check(alice.receive_answer(result.crypto_lines), bob.agreed, S80)


class TestOffersOfOthers(unittest.TestCase):
    def test_first_usable_line(self):
        """What is invalid or unsupported is passed over, the description stands (5.1.2)."""
        usable = line(9)
        for other in (
            "",
            "nonsense",
            "1 F8_128_HMAC_SHA1_80 inline:x",
            line(1, more="|1:4"),
            line(1, more="|2^10"),
            line(1, more=" KDR=1"),
            line(1, more=" UNENCRYPTED_SRTP"),
            line(1, more=" UNENCRYPTED_SRTCP"),
            line(1, more=" UNAUTHENTICATED_SRTP"),
            line(1, more=" SOMETHING_NEW"),
            line(1)[:-4],
            "01" + line(1)[1:],
        ):
            bob = pair()[1]
            self.assertEqual(bob.receive_offer([other, usable]).tag, 9)
            bob.reject_offer()
            for lines in ([other], [], [other, other]):
                with self.assertRaises(RemoteProtocolError) as caught:
                    bob.receive_offer(lines)
                self.assertEqual(caught.exception.code, 488)
                self.assertEqual(bob.state, STABLE)

    def test_what_may_be_ignored_is(self):
        bob = pair()[1]
        offered = line(3, more="|2^31 WSH=128 FEC_ORDER=FEC_SRTP -NEW=1")
        self.assertEqual(bob.receive_offer([offered]).tag, 3)
        # declarative parameters of the offerer are not repeated
        self.assertEqual(len(bob.create_answer().split(" ")), 3)

    def test_one_tag_twice(self):
        bob = pair()[1]
        lines = [line(1, first=1), line(2, first=2), line(1, first=3)]
        self.assertEqual(bob.receive_offer(lines).tag, 2)
        bob.reject_offer()
        with self.assertRaises(RemoteProtocolError):
            bob.receive_offer([lines[0], lines[2]])

    def test_bounded(self):
        bob = pair()[1]
        with self.assertRaises(RemoteProtocolError):
            bob.receive_offer(["nonsense"] * 16 + [line()])


class TestAnswersOfOthers(unittest.TestCase):
    """Sections 5.1.3 and 7.1.3: what is no answer to our offer fails."""

    def refused(self, lines):
        alice = pair((S80, S32))[0]
        offered = alice.create_offer()
        lines = [offered[0] if value == "ours" else value for value in lines]
        with self.assertRaises(RemoteProtocolError) as caught:
            alice.receive_answer(lines)
        self.assertEqual(caught.exception.code, 488)
        self.assertEqual((alice.state, alice.agreed), (LOCAL_OFFER, None))
        # the right one still comes through
        self.assertEqual(alice.receive_answer([line(2, S32)]).profile, S32)

    def test_no_line(self):
        self.refused([])

    def test_two_lines(self):
        self.refused([line(1), line(2, S32)])

    def test_unknown_tag(self):
        self.refused([line(3)])

    def test_suite_of_another_tag(self):
        self.refused([line(1, S32)])

    def test_suite_not_offered(self):
        self.refused([line(1, L80)])

    def test_weaker_than_offered(self):
        for name in ("UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP"):
            self.refused([line(1, more=" " + name)])

    def test_parameter_that_we_lack(self):
        self.refused([line(1, more=" KDR=20")])
        self.refused([line(1, more=" FEC_ORDER=SRTP_FEC")])
        self.refused([line(1, more=" NEW")])

    def test_mki(self):
        self.refused([line(1, more="|1:1")])

    def test_several_keys(self):
        value = line(1, more="|1:1")
        self.refused([value + ";" + value.split(" ")[2]])

    def test_invalid(self):
        self.refused([line(1)[:-1]])

    def test_our_own_key_reflected(self):
        """Both directions under one key would be one keystream twice (RFC 3711 section 9.1)."""
        self.refused(["ours"])
        alice = pair((S80,))[0]
        key = CryptoAttribute.parse(alice.create_offer()[0])
        alice.receive_answer([line()])
        for value in (key.emit(), CryptoAttribute(4, S80, key.keys).emit()):
            with self.assertRaises(RemoteProtocolError):
                alice.receive_offer([value])
        self.assertEqual(alice.receive_offer([key.emit(), line(4, first=9)]).tag, 4)


class TestStates(unittest.TestCase):
    def test_commands_out_of_turn(self):
        keys = pair((S80,))[0]
        commands = {
            "create_offer": keys.create_offer,
            "receive_answer": lambda: keys.receive_answer([line()]),
            "offer_rejected": keys.offer_rejected,
            "receive_offer": lambda: keys.receive_offer([line()]),
            "create_answer": keys.create_answer,
            "reject_offer": keys.reject_offer,
            "clear": keys.clear,
        }
        for state, enter, leave, allowed in (
            (STABLE, None, None, ("create_offer", "receive_offer", "clear")),
            (LOCAL_OFFER, "create_offer", "offer_rejected", ("receive_answer", "offer_rejected")),
            (REMOTE_OFFER, "receive_offer", "reject_offer", ("create_answer", "reject_offer")),
        ):
            for name in commands:
                if name in allowed:
                    continue
                if enter:
                    commands[enter]()
                self.assertEqual(keys.state, state)
                with self.assertRaises(LocalProtocolError):
                    commands[name]()
                self.assertEqual(keys.state, state)
                if leave:
                    commands[leave]()

    def test_bad_suites(self):
        for suites in ((), ("F8_128_HMAC_SHA1_80",), ("aes_cm_128_hmac_sha1_80",)):
            with self.assertRaises(LocalProtocolError):
                SecurityDescriptions(Octets(0), suites)

    def test_debug_shows_no_key(self):
        alice, bob = pair((S80,))
        exchange(alice, bob)
        for keys in (alice, bob):
            self.assertEqual(keys.debug(), "stable 1 %s usable" % S80)


if __name__ == "__main__":
    unittest.main()
