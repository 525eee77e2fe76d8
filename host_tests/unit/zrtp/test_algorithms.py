# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp/algorithms.py: how two endpoints choose (RFC 6189 sections 4.1.2, 5.1)."""

import unittest

from vox6.zrtp import Policy
from vox6.zrtp import algorithms as al
from vox6.zrtp.errors import Refused


def lists(key_agreements, hashes=("S256", "S384"), ciphers=("AES1", "AES3")):
    return [
        al.with_mandatory(list(names), i)
        for i, names in enumerate((hashes, ciphers, (), key_agreements, ()))
    ]


class TestKeyAgreement(unittest.TestCase):
    def test_table(self):
        """Both sides choose the same, whoever asks."""
        table = (
            (("DH2k", "DH3k", "EC25"), ("EC38", "EC25", "DH3k"), "EC25"),  # the RFC's example
            ((), (), "DH3k"),
            (("DH3k",), ("X255", "DH3k"), "DH3k"),
            (("DH3k", "X255"), ("X255", "DH3k"), "X255"),
            (("DH3k", "EC38"), ("EC38", "DH3k"), "DH3k"),
            (("DH2k",), ("DH2k",), "DH2k"),
            (("EC38", "DH2k"), ("EC38",), "EC38"),
            (("Mult", "Prsh", "EC25"), ("Prsh", "EC25", "Mult"), "EC25"),
            (("DH3k",), ("X448", "DH3k"), "DH3k"),  # a name that we do not know
            (("EC25",), ("EC38",), "DH3k"),  # only what is mandatory is common
        )
        for one, two, expected in table:
            self.assertEqual(al.choose_key_agreement(lists(one), lists(two)), expected)
            self.assertEqual(al.choose_key_agreement(lists(two), lists(one)), expected)

    def test_ec38_needs_sha_384(self):
        one = lists(("EC38", "DH3k"))
        two = lists(("EC38", "DH3k"), hashes=("S256",))
        self.assertEqual(al.choose_key_agreement(one, two), "DH3k")
        self.assertEqual(al.choose_key_agreement(two, one), "DH3k")

    def test_others_follow_the_initiator(self):
        one = lists(("X255",), ("S384", "S256"), ("AES3", "AES1"))
        two = lists(("X255",))
        chosen = al.choose(one, two, "X255")
        self.assertEqual(chosen, ("S384", "AES3", "HS32", "X255", "B32 "))
        self.assertEqual(al.choose(two, one, "X255"), ("S256", "AES1", "HS32", "X255", "B32 "))

    def test_what_the_key_agreement_asks_for(self):
        """Section 5.1.5."""
        both = lists(("EC38",))
        self.assertEqual(al.choose(both, both, "EC38")[:2], ("S384", "AES3"))
        strong = lists(("DH2k",), ciphers=("AES3", "AES1"))
        self.assertEqual(al.choose(strong, strong, "DH2k")[1], "AES1")
        self.assertEqual(al.exponent_bits("AES1"), 256)
        self.assertEqual(al.exponent_bits("AES3"), 512)


class TestCheck(unittest.TestCase):
    def test_codes(self):
        ours = Policy(key_agreements=("X255", "EC38", "Mult"), sas_types=()).lists
        good = ("S256", "AES1", "HS80", "X255", "B32 ")
        al.check(ours, good)
        al.check(ours, ("S256", "AES1", "HS80", "Mult", "nope"))
        for at, name, code in (
            (0, "N256", 0x51),
            (1, "2FS1", 0x52),
            (3, "DH2k", 0x53),
            (3, "Prsh", 0x53),
            (2, "SK32", 0x54),
            (4, "B256", 0x55),
            (3, "EC38", 0x51),  # with SHA-256
        ):
            bad = list(good)
            bad[at] = name
            with self.assertRaises(Refused) as caught:
                al.check(ours, tuple(bad))
            self.assertEqual(caught.exception.code, code)


class TestPublic(unittest.TestCase):
    def test_degenerate(self):
        head = bytes.fromhex("ffffffffffffffffc90fdaa22168c234")
        for name, size in (("DH2k", 256), ("DH3k", 384)):
            zero = bytes(size)
            one = bytes(size - 1) + b"\x01"
            minus_one = head + b"x" * (size - 24) + b"\xff" * 7 + b"\xfe"
            for public in (zero, one, minus_one):
                self.assertTrue(al.is_bad_public(name, public))
            for public in (bytes(size - 1) + b"\x02", b"\x01" + bytes(size - 1), b"\xff" * size):
                self.assertFalse(al.is_bad_public(name, public))


class TestPolicy(unittest.TestCase):
    def test_mandatory_is_added(self):
        policy = Policy((), (), ("X255",), (), ())
        self.assertEqual(
            policy.lists, [["S256"], ["AES1"], ["HS32", "HS80"], ["X255", "DH3k"], ["B32 "]]
        )

    def test_refused(self):
        self.assertRaises(ValueError, Policy, hashes=("S255",))
        self.assertRaises(ValueError, Policy, key_agreements=("EC52",))
        self.assertRaises(ValueError, Policy, client_id="v\u00f6x")
        self.assertRaises(ValueError, Policy, ciphers=("AES1",) * 8)


if __name__ == "__main__":
    unittest.main()
