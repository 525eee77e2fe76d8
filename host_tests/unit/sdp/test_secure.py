# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sdp: transports of SRTP, a=crypto as text (RFC 4568), a=zrtp-hash (RFC 6189 section 8)."""

import unittest

from vox6.sdp.formats import is_secure_profile, zrtp_hash_value
from vox6.sdp.offer_answer import LOCAL_OFFER, REMOTE_OFFER, Negotiation
from vox6.wire import LocalProtocolError

A = "2001:db8::a"
B = "2001:db8::b"
ALL = ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")
LINE = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
OTHER = "1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
# the example of RFC 6189 section 8
DIGITS = "fe30efd02423cb054e50efd0248742ac7a52c8f91bc2df881ae642c371ba46df"
HASH = "1.10 " + DIGITS
OCTETS = bytes([int(DIGITS[i : i + 2], 16) for i in range(0, 64, 2)])


def offer(proto="RTP/AVP", attributes="", head=""):
    return (
        "v=0\r\no=- 7 7 IN IP6 2001:db8::f\r\ns=-\r\nc=IN IP6 2001:db8::f\r\nt=0 0\r\n%s"
        "m=audio 4000 %s 0\r\n%s" % (head, proto, attributes)
    ).encode()


def lines(octets, prefix):
    text = octets.decode()
    return [line[len(prefix) :] for line in text.split("\r\n") if line.startswith(prefix)]


def pair(**more):
    return Negotiation(1000, protos=ALL, **more), Negotiation(2000, protos=ALL, **more)


class TestZRTPHash(unittest.TestCase):
    def test_value(self):
        for text, expected in (
            (HASH, ("1.10", OCTETS)),
            ("1.10  " + DIGITS + " ", ("1.10", OCTETS)),
            ("1.10 " + DIGITS.upper(), ("1.10", OCTETS)),
            ("1.1 " + DIGITS, ("1.1", OCTETS)),
            ("1.1a " + DIGITS, ("1.1a", OCTETS)),
            ("1.20 " + DIGITS, None),
            ("2.00 " + DIGITS, None),
            ("1.100 " + DIGITS, None),
            ("1. " + DIGITS, None),
            ("1.10", None),
            ("1.10 ", None),
            ("", None),
            (DIGITS, None),
            ("1.10 " + DIGITS[1:], None),
            ("1.10 " + DIGITS + "00", None),
            ("1.10 " + DIGITS[1:] + "g", None),
            ("1.10 " + DIGITS[2:] + "-1", None),
            ("1.10 " + DIGITS[1:] + "\u0661", None),
            ("1.10 " + DIGITS[:32] + " " + DIGITS[32:], None),
        ):
            with self.subTest(text=text):
                self.assertEqual(zrtp_hash_value(text), expected)

    def test_example_of_the_rfc(self):
        body = (
            "v=0\r\no=bob 2890844527 2890844527 IN IP4 client.biloxi.example.com\r\ns=\r\n"
            "c=IN IP4 client.biloxi.example.com\r\nt=0 0\r\nm=audio 3456 RTP/AVP 97 33\r\n"
            "a=rtpmap:97 iLBC/8000\r\na=rtpmap:33 no-op/8000\r\na=zrtp-hash:%s\r\n" % HASH
        ).encode()
        result = Negotiation(1, addrtypes=("IP4",)).receive_offer(body)
        self.assertEqual(result.zrtp_hash, ("1.10", OCTETS))

    def test_both_ways(self):
        alice, bob = Negotiation(1, zrtp_hash=HASH), Negotiation(2)
        other = "1.10 " + "0" * 64
        bob.zrtp_hash = other  # as the engine's Hello may be made late
        first = alice.create_offer(A, 4000)
        self.assertEqual(lines(first, "a=zrtp-hash:"), [HASH])
        self.assertTrue(first.find(b"m=audio") < first.find(b"a=zrtp-hash"))
        self.assertEqual(bob.receive_offer(first).zrtp_hash, ("1.10", OCTETS))
        answer = bob.create_answer(B, 5000)
        self.assertEqual(lines(answer, "a=zrtp-hash:"), [other])
        self.assertEqual(alice.receive_answer(answer).zrtp_hash, ("1.10", b"\0" * 32))
        self.assertEqual(bob.agreed.zrtp_hash, ("1.10", OCTETS))
        # each offer and answer of the dialog has it
        self.assertEqual(lines(bob.create_offer(B, 5000, "sendonly"), "a=zrtp-hash:"), [other])

    def test_none(self):
        alice, bob = pair()
        result = bob.receive_offer(alice.create_offer(A, 4000))
        self.assertIsNone(result.zrtp_hash)
        self.assertFalse(b"zrtp" in bob.create_answer(B, 5000))

    def test_several_versions(self):
        zeros = "0" * 64
        for attributes, expected in (
            ("a=zrtp-hash:2.00 %s\r\na=zrtp-hash:%s\r\n" % (zeros, HASH), ("1.10", OCTETS)),
            ("a=zrtp-hash:%s\r\na=zrtp-hash:2.00 %s\r\n" % (HASH, zeros), ("1.10", OCTETS)),
            ("a=zrtp-hash:2.00 short\r\na=zrtp-hash:%s\r\n" % HASH, ("1.10", OCTETS)),
            ("a=zrtp-hash:2.00 %s\r\n" % zeros, None),
            ("a=zrtp-hash\r\n", None),
            # two for one version: the first, as every other attribute is read
            ("a=zrtp-hash:%s\r\na=zrtp-hash:1.10 %s\r\n" % (HASH, zeros), ("1.10", OCTETS)),
            ("a=zrtp-hash:2.00 0\r\n" * 16 + "a=zrtp-hash:%s\r\n" % HASH, None),  # bounded
            ("a=Zrtp-Hash:%s\r\n" % HASH, None),  # attribute names have a case
        ):
            result = Negotiation(1).receive_offer(offer(attributes=attributes))
            self.assertEqual(result.zrtp_hash, expected)
            self.assertIsNone(result.problem)

    def test_not_on_the_session_level(self):
        result = Negotiation(1).receive_offer(offer(head="a=zrtp-hash:%s\r\n" % HASH))
        self.assertIsNone(result.zrtp_hash)

    def test_not_in_a_refused_stream(self):
        bob = Negotiation(1, zrtp_hash=HASH)
        bob.receive_offer(offer("RTP/SAVP"))
        self.assertFalse(b"zrtp" in bob.create_answer(B, 5000))
        alice = Negotiation(2, zrtp_hash=HASH)
        alice.create_offer(A, 4000)
        result = alice.receive_answer(
            offer(attributes="a=zrtp-hash:%s\r\n" % HASH).replace(b"audio 4000", b"audio 0")
        )
        self.assertFalse(result.active)
        self.assertIsNone(result.zrtp_hash)

    def test_ours_is_checked(self):
        for text in ("1.10", "", "1.10 00", "2.00 " + DIGITS, HASH + "\r\na=x", HASH + "0"):
            alice = Negotiation(1, zrtp_hash=text)
            with self.assertRaises(LocalProtocolError):
                alice.create_offer(A, 4000)
            self.assertEqual(alice.state, "stable")


class TestTransports(unittest.TestCase):
    def test_names(self):
        self.assertEqual([proto for proto in ALL if is_secure_profile(proto)], list(ALL[2:]))

    def test_default_refuses_all_but_avp(self):
        for proto in ("RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "rtp/avp"):
            result = Negotiation(1).receive_offer(offer(proto, "a=crypto:%s\r\n" % LINE))
            self.assertEqual(result.problem, (302, "Incompatible transport protocol"))

    def test_answer_has_the_offers_transport(self):
        for proto in ALL:
            bob = Negotiation(1, protos=ALL)
            result = bob.receive_offer(offer(proto, "a=crypto:%s\r\n" % LINE))
            self.assertIsNone(result.problem)
            self.assertEqual(result.proto, proto)
            self.assertEqual(result.is_secure_profile, proto.startswith("RTP/S"))
            answer = bob.create_answer(B, 5000, crypto=OTHER)
            self.assertEqual(lines(answer, "m="), ["audio 5000 %s 0" % proto])
            self.assertEqual(lines(answer, "a=crypto:"), [OTHER])

    def test_only_what_the_caller_allows(self):
        bob = Negotiation(1, protos=("RTP/AVP", "RTP/SAVP"))
        self.assertEqual(bob.receive_offer(offer("RTP/SAVPF")).problem[0], 302)

    def test_offer(self):
        alice, bob = pair()
        first = alice.create_offer(A, 4000, proto="RTP/SAVP", crypto=[LINE, OTHER])
        self.assertEqual(lines(first, "m=audio "), ["4000 RTP/SAVP 9 0 8"])
        self.assertEqual(lines(first, "a=crypto:"), [LINE, OTHER])
        result = bob.receive_offer(first)
        self.assertEqual(result.crypto_lines, [LINE, OTHER])
        result = alice.receive_answer(bob.create_answer(B, 5000, crypto=OTHER))
        self.assertEqual((result.proto, result.crypto_lines), ("RTP/SAVP", [OTHER]))
        # a re-offer of either side stays with the transport, unless told
        for one in (alice, bob):
            again = one.create_offer(A, 4000, crypto=[LINE])
            self.assertEqual(lines(again, "m=audio "), ["4000 RTP/SAVP 9 0 8"])
            one.offer_rejected()
        again = alice.create_offer(A, 4000, proto="RTP/AVP")
        self.assertEqual(lines(again, "m=audio "), ["4000 RTP/AVP 9 0 8"])
        self.assertEqual(bob.receive_offer(again).proto, "RTP/AVP")
        bob.reject_offer()
        self.assertEqual(bob.agreed.proto, "RTP/SAVP")

    def test_avp_with_keys(self):
        """What some phones offer: encryption if you can, in clear if not."""
        alice, bob = pair()
        result = bob.receive_offer(alice.create_offer(A, 4000, crypto=[LINE]))
        self.assertEqual((result.proto, result.crypto_lines), ("RTP/AVP", [LINE]))
        result = alice.receive_answer(bob.create_answer(B, 5000))
        self.assertEqual((result.proto, result.crypto_lines), ("RTP/AVP", []))
        # and a phone that knows nothing of it takes the call
        old = Negotiation(3)
        old.receive_offer(alice.create_offer(A, 4000, crypto=[LINE]))
        self.assertIsNone(alice.receive_answer(old.create_answer(B, 5000)).problem)

    def test_attributes_are_carried_whole(self):
        odd = "99 STRANGE_SUITE inline:x|y|z KDR=1  -OPT=a:b\tWSH=64"
        result = Negotiation(1).receive_offer(offer(attributes="a=crypto:%s\r\n" % odd))
        self.assertEqual(result.crypto_lines, [odd])

    def test_bounded(self):
        many = "".join("a=crypto:%d X inline:x\r\n" % i for i in range(1, 40))
        result = Negotiation(1).receive_offer(offer(attributes=many))
        self.assertEqual(len(result.crypto_lines), 16)
        self.assertEqual(result.crypto_lines[0], "1 X inline:x")

    def test_not_on_the_session_level(self):
        result = Negotiation(1).receive_offer(offer(head="a=crypto:%s\r\n" % LINE))
        self.assertEqual(result.crypto_lines, [])

    def test_savp_needs_keys(self):
        """RTP/SAVP that nobody can key is not offered, and not answered."""
        alice, bob = pair()
        with self.assertRaises(LocalProtocolError):
            alice.create_offer(A, 4000, proto="RTP/SAVP")
        self.assertEqual(alice.state, "stable")
        bob.receive_offer(alice.create_offer(A, 4000, proto="RTP/SAVP", crypto=[LINE]))
        with self.assertRaises(LocalProtocolError):
            bob.create_answer(B, 5000)
        self.assertEqual(bob.state, REMOTE_OFFER)
        bob.create_answer(B, 5000, crypto=OTHER)
        # ZRTP can key it too
        carol = Negotiation(3, zrtp_hash=HASH)
        self.assertTrue(b"RTP/SAVP" in carol.create_offer(A, 4000, proto="RTP/SAVP"))

    def test_a_refused_savp_needs_none(self):
        bob = Negotiation(1)
        bob.receive_offer(offer("RTP/SAVP", "a=crypto:%s\r\n" % LINE))
        answer = bob.create_answer(B, 5000)
        self.assertEqual(lines(answer, "m="), ["audio 0 RTP/SAVP 0"])
        self.assertFalse(b"crypto" in answer)

    def test_bad_line_of_ours(self):
        for value in ("", "1 X inline:a\r\na=sendrecv", "1\0", "x\n"):
            alice = Negotiation(1)
            with self.assertRaises(LocalProtocolError):
                alice.create_offer(A, 4000, crypto=[value])
            self.assertEqual(alice.state, "stable")

    def test_version_rises_with_a_new_key(self):
        alice, bob = pair()
        first = alice.create_offer(A, 4000, proto="RTP/SAVP", crypto=[LINE])
        bob.receive_offer(first)
        alice.receive_answer(bob.create_answer(B, 5000, crypto=OTHER))
        self.assertEqual(alice.create_offer(A, 4000, crypto=[LINE]), first)
        alice.offer_rejected()
        again = alice.create_offer(A, 4000, crypto=[OTHER])
        self.assertEqual(lines(again, "o="), ["- 1000 1001 IN IP6 2001:db8::a"])


class TestDowngrade(unittest.TestCase):
    def test_answer_with_less_than_the_offer(self):
        """An answer in RTP/AVP to an offer in RTP/SAVP is no answer that we take."""
        for offered, answered in (
            ("RTP/SAVP", "RTP/AVP"),
            ("RTP/SAVP", "RTP/SAVPF"),
            ("RTP/AVP", "RTP/SAVP"),
            ("RTP/AVP", "RTP/AVPF"),
        ):
            alice = Negotiation(1, protos=ALL)
            alice.create_offer(A, 4000, proto=offered, crypto=[LINE])
            result = alice.receive_answer(offer(answered, "a=crypto:%s\r\n" % OTHER), final=False)
            self.assertEqual(result.problem, (302, "Incompatible transport protocol"))
            self.assertEqual(alice.state, LOCAL_OFFER)

    def test_reoffer_that_ends_encryption_is_seen_before_it_holds(self):
        bob = Negotiation(1, protos=ALL)
        bob.receive_offer(offer("RTP/SAVP", "a=crypto:%s\r\na=zrtp-hash:%s\r\n" % (LINE, HASH)))
        bob.create_answer(B, 5000, crypto=OTHER)
        proposal = bob.receive_offer(offer("RTP/AVP"))
        self.assertFalse(proposal.is_secure_profile)
        self.assertEqual((proposal.crypto_lines, proposal.zrtp_hash), ([], None))
        self.assertTrue(bob.agreed.is_secure_profile)
        self.assertEqual(bob.agreed.zrtp_hash, ("1.10", OCTETS))
        bob.reject_offer()
        self.assertEqual(bob.agreed.crypto_lines, [LINE])


if __name__ == "__main__":
    unittest.main()
