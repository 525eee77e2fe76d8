# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/dtmf.py: keys as other phones write them."""

import unittest

from vox6.sip.dtmf import PLAIN, RELAY, emit, parse
from vox6.wire import FormatError, LocalProtocolError


class DtmfTest(unittest.TestCase):
    def test_parse(self):
        for content_type, octets, wanted in (
            (RELAY, b"Signal=5\r\nDuration=160\r\n", (5, 160)),
            (RELAY, b"Signal= 5\r\nDuration= 160", (5, 160)),
            (RELAY, b"signal=*\nduration=100\n", (10, 100)),
            (RELAY, b"Signal=#", (11, 250)),
            (RELAY, b"Signal=10\r\nDuration=200\r\n", (10, 200)),
            (RELAY, b"Signal=11\r\n", (11, 250)),
            (RELAY, b"Duration=200\rSignal=d\r", (15, 200)),
            (RELAY, b"Signal=16\r\n", (16, 250)),
            (RELAY, b"Signal=!\r\n", (16, 250)),
            (RELAY, b"Signal=1\r\nDuration=0\r\n", (1, 40)),
            (RELAY, b"Signal=1\r\nDuration=999999999999\r\n", (1, 8000)),
            (RELAY, b"Signal=1\r\nDuration=99999\r\nPower=3\r\n", (1, 8000)),
            (PLAIN, b"5", (5, 250)),
            (PLAIN, b"a\r\n", (12, 250)),
            (PLAIN, b"11", (11, 250)),
        ):
            self.assertEqual((parse(content_type, octets), octets), (wanted, octets))

    def test_invalid(self):
        for content_type, octets in (
            (RELAY, b""),
            (RELAY, b"Duration=100"),
            (RELAY, b"Signal="),
            (RELAY, b"Signal=55"),
            (RELAY, b"Signal=17"),
            (RELAY, b"Signal=x"),
            (RELAY, b"Signal=5\r\nDuration=-1"),
            (RELAY, b"Signal=5\r\nDuration="),
            (RELAY, b"Signal=5\r\nnonsense"),
            (RELAY, b"Signal=\xff"),
            (RELAY, b"Signal=5\r\n" + b"x=y\r\n" * 100),
            (PLAIN, b""),
            (PLAIN, b"12345"),
            (PLAIN, b"Signal=5"),
            ("text/plain", b"5"),
        ):
            self.assertRaises(FormatError, parse, content_type, octets)

    def test_both_ways(self):
        for event in range(17):
            for content_type in (RELAY, PLAIN):
                octets = emit(event, 160, content_type)
                self.assertEqual(parse(content_type, octets)[0], event)
        self.assertEqual(emit(10), b"Signal=*\r\nDuration=160\r\n")
        for event, content_type in ((-1, RELAY), (17, RELAY), (5, "text/plain")):
            self.assertRaises(LocalProtocolError, emit, event, 160, content_type)


if __name__ == "__main__":
    unittest.main()
