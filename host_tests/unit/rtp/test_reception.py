# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/rtp/reception.py: what appendix A.3 of RFC 3550 says of a source, as a table."""

import unittest

from vox6.rtp.reception import Reception


def counts(expected, received, first=100, jitter=0, ssrc=2):
    """What media counts when `expected` sequence numbers from `first` on have gone by."""
    highest = first + expected - 1
    return {
        "ssrc": ssrc,
        "received": received,
        "lost": expected - received,
        "highest_sequence": highest,
        "jitter": jitter,
    }


# (expected, received) at each report, both since the start -> (fraction, cumulative) in each
TABLE = (
    ("nothing is lost", ((100, 100), (350, 350)), ((0, 0), (0, 0))),
    ("a quarter", ((100, 75), (200, 175)), ((64, 25), (0, 25))),
    ("all but one", ((256, 1), (512, 2)), ((255, 255), (255, 510))),
    ("one of 256, then none", ((256, 255), (512, 511)), ((1, 1), (0, 1))),
    ("less than one of 256 is 0", ((300, 299),), ((0, 1),)),
    ("duplicates: the loss is negative", ((100, 110),), ((0, -10),)),
    ("what was lost comes late", ((100, 90), (200, 205)), ((25, 10), (0, -5))),
    ("losses made up in the next interval", ((100, 90), (200, 195)), ((25, 10), (0, 5))),
    ("around the wrap of 16 bits", ((70000, 69000), (140000, 138000)), ((3, 1000), (3, 2000))),
)


class TestTable(unittest.TestCase):
    def test_rows(self):
        for name, steps, wanted in TABLE:
            reception = Reception()
            found = []
            for expected, received in steps:
                block = reception.block(counts(expected, received))
                found.append((block.fraction_lost, block.cumulative_lost))
            self.assertEqual(tuple(found), wanted, name)

    def test_nothing_came(self):
        reception = Reception()
        self.assertIsNone(reception.block({}))
        self.assertIsNone(reception.block(counts(0, 0)))
        self.assertIsNotNone(reception.block(counts(10, 10)))
        self.assertIsNone(reception.block(counts(10, 10)))

    def test_numbers_within_their_fields(self):
        reception = Reception()
        block = reception.block(counts(10, 10, first=(5 << 32) - 3, jitter=1 << 33), 7, 1 << 40)
        self.assertEqual((block.highest_sequence, block.jitter), (6, 0))
        self.assertEqual((block.last_sr, block.delay), (7, 0xFFFFFFFF))
        block = reception.block(counts(20, 20), 7, -5)
        self.assertEqual(block.delay, 0)

    def test_another_source(self):
        reception = Reception()
        reception.block(counts(1000, 500, ssrc=2))
        block = reception.block(counts(100, 50, first=9, ssrc=3))
        self.assertEqual((block.ssrc, block.fraction_lost, block.cumulative_lost), (3, 128, 50))


if __name__ == "__main__":
    unittest.main()
