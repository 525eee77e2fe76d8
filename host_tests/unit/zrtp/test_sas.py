# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp/sas.py and words.py (RFC 6189 section 5.1.6)."""

import unittest

from vox6.zrtp import sas, words


class TestBase32(unittest.TestCase):
    def test_against_the_pseudocode(self):
        """The leftmost 20 bits, five at a time."""
        alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"
        for value in (0, 1 << 12, 0xFFFFFFFF, 0x12345678, 0x88888888, 0xF0F0F0F0, 0xFFF):
            octets = value.to_bytes(4, "big")
            expected = "".join([alphabet[value >> shift & 31] for shift in (27, 22, 17, 12)])
            self.assertEqual(sas.render("B32 ", octets), expected)
        self.assertEqual(sas.base32(bytes(4)), "yyyy")
        self.assertEqual(sas.base32(b"\xff" * 32), "9999")

    def test_unknown_type(self):
        self.assertRaises(ValueError, sas.render, "B33 ", bytes(4))


class TestWords(unittest.TestCase):
    def test_known(self):
        """Words of the table that everybody knows, by their octets."""
        for two, three, octet in (
            ("aardvark", "adroitness", 0x00),
            ("absurd", "adviser", 0x01),
            ("Zulu", "Yucatan", 0xFF),
        ):
            self.assertEqual(words.word(words.TWO_SYLLABLES, octet), two)
            self.assertEqual(words.word(words.THREE_SYLLABLES, octet), three)

    def test_fingerprint(self):
        """The example that Wikipedia's article on the list gives."""
        octets = bytes.fromhex("E58294F2E9A227486E8B061B31CC528FD7FA3F19")
        expected = (
            "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish "
            "Medusa afflict bravado chatter revolver Dupont midsummer stopwatch whimsical "
            "cowbell bottomless"
        ).split(" ")
        lists = (words.TWO_SYLLABLES, words.THREE_SYLLABLES)
        found = [words.word(lists[i & 1], octets[i]) for i in range(20)]
        self.assertEqual(found, expected)

    def test_lists(self):
        for text in (words.TWO_SYLLABLES, words.THREE_SYLLABLES):
            items = text.split(" ")
            self.assertEqual(len(items), 256)
            self.assertEqual(len(set(items)), 256)
            self.assertEqual([words.word(text, i) for i in range(256)], items)

    def test_rendered(self):
        self.assertEqual(sas.render("B256", b"\x00\x00\xff\xff"), "aardvark adroitness")
        self.assertEqual(sas.render("B256", b"\xff\x00\x00\x00"), "Zulu adroitness")


if __name__ == "__main__":
    unittest.main()
