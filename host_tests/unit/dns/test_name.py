# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dns/name.py: octets and text both ways, one invalid case a rule (RFC 1035)."""

import unittest

from vox6.dns.name import canonical, is_below, read_name, split_name, write_name
from vox6.wire import FormatError, LocalProtocolError, Reader, Writer

LABEL63 = b"a" * 63
BOTH_WAYS = (
    (b"\x00", "."),
    (b"\x03com\x00", "com"),
    (b"\x03WwW\x07eXample\x03com\x00", "WwW.eXample.com"),
    (b"\x04_sip\x04_udp\x01a\x00", "_sip._udp.a"),
    (b"\x03a.b\x01c\x00", "a\\.b.c"),
    (b"\x02\\ \x00", "\\\\\\032"),
    (b"\x01\x00\x01\xff\x00", "\\000.\\255"),
    (b"\x3f" + LABEL63 + b"\x00", "a" * 63),
    ((b"\x3f" + LABEL63) * 3 + b"\x3d" + b"b" * 61 + b"\x00", ("a" * 63 + ".") * 3 + "b" * 61),
)
BAD_OCTETS = (
    b"",
    b"\x01",
    b"\x03co",
    b"\x03com",
    b"\x40a\x00",  # the extended label of RFC 2671
    b"\x80a\x00",
    b"\xc0",
    b"\xc0\x00",  # to itself
    b"\xc0\x05",  # forward
    b"\x01a\xc0\x00",  # a loop over one label
    (b"\x3f" + LABEL63) * 3 + b"\x3e" + b"b" * 62 + b"\x00",  # 256 octets
)
BAD_TEXT = ("", "a..b", ".a", "..", "a" * 64, "a b", "\\", "\\1", "\\256", "a\\", "\xe4", "a\x7f")


class NameTest(unittest.TestCase):
    def test_both_ways(self):
        for octets, text in BOTH_WAYS:
            with self.subTest(text=text):
                reader = Reader(octets + b"rest")
                self.assertEqual(read_name(reader), text)
                self.assertEqual(reader.rest(), b"rest")
                writer = Writer(bytearray(300))
                write_name(writer, text)
                self.assertEqual(writer.getvalue(), octets)

    def test_bad_octets(self):
        for octets in BAD_OCTETS:
            with self.subTest(octets=octets):
                self.assertRaises(FormatError, read_name, Reader(octets))

    def test_bad_text(self):
        for text in BAD_TEXT + ("a." * 127 + "a.b", "a." * 128):
            with self.subTest(text=text):
                self.assertRaises(LocalProtocolError, split_name, text)
        self.assertEqual(len(split_name("a." * 127)), 127)

    def test_compression(self):
        """RFC 1035 section 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root."""
        data = bytes(20) + b"\x01F\x03ISI\x04ARPA\x00" + b"\x03FOO\xc0\x14" + b"\xc0\x1a" + b"\x00"
        reader = Reader(data, 20)
        self.assertEqual(read_name(reader), "F.ISI.ARPA")
        self.assertEqual(read_name(reader), "FOO.F.ISI.ARPA")
        self.assertEqual(read_name(reader), "ARPA")
        self.assertEqual(read_name(reader), ".")
        reader.finish()
        writer = Writer(bytearray(64))
        writer.octets(bytes(20))
        offsets = {}
        for name in ("F.ISI.ARPA", "FOO.f.isi.arpa", "arpa", "."):
            write_name(writer, name, offsets)
        self.assertEqual(writer.getvalue(), data)

    def test_a_pointer_into_the_data_stays_within_it(self):
        # the reader ends where the record ends, but names before it may be pointed at
        data = b"\x01a\x00\x01b\xc0\x00"
        self.assertEqual(read_name(Reader(data, 3, 7)), "b.a")
        self.assertRaises(FormatError, read_name, Reader(data, 3, 6))

    def test_canonical(self):
        self.assertEqual(canonical("SIP.Example.COM."), "sip.example.com")
        self.assertEqual(canonical("\\065.b"), "a.b")
        self.assertEqual(canonical("a\\.b"), "a\\.b")
        self.assertEqual(canonical("."), ".")
        self.assertRaises(LocalProtocolError, canonical, "a..b")

    def test_is_below(self):
        self.assertTrue(is_below("a.example", "example"))
        self.assertTrue(is_below("example", "example"))
        self.assertTrue(is_below("example", "."))
        self.assertFalse(is_below("anexample", "example"))
        self.assertFalse(is_below("a\\.example", "example"))
        self.assertTrue(is_below("a\\\\.example", "example"))
        self.assertFalse(is_below("example", "a.example"))


if __name__ == "__main__":
    unittest.main()
