# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/wire: both ends of every field, each bound, serial arithmetic, IPv6 text."""

import unittest

from vox6.wire import (
    FormatError,
    LocalProtocolError,
    Reader,
    RemoteProtocolError,
    Writer,
    add16,
    add32,
    const,
    difference16,
    difference32,
    format_address,
    parse_address,
)
from vox6.wire.inet6 import parse_ipv4


class FieldTest(unittest.TestCase):
    def test_round_trip(self):
        buffer = bytearray(32)
        writer = Writer(buffer)
        writer.u8(0x01)
        writer.u16(0x0203)
        writer.u24(0x040506)
        writer.u32(0x0708090A)
        writer.u64(0x0B0C0D0E0F101112)
        writer.octets(b"xyz")
        self.assertEqual(writer.length(), 21)
        self.assertEqual(writer.getvalue(), bytes(range(1, 19)) + b"xyz")
        reader = Reader(writer.getvalue())
        self.assertEqual(reader.u8(), 0x01)
        self.assertEqual(reader.u16(), 0x0203)
        self.assertEqual(reader.u24(), 0x040506)
        self.assertEqual(reader.u32(), 0x0708090A)
        self.assertEqual(reader.u64(), 0x0B0C0D0E0F101112)
        self.assertEqual(bytes(reader.view(1)), b"x")
        self.assertEqual(reader.rest(), b"yz")
        reader.finish()

    def test_truncated(self):
        for name, size in (("u8", 1), ("u16", 2), ("u24", 3), ("u32", 4), ("u64", 8)):
            reader = Reader(b"\x00" * (size - 1))
            self.assertRaises(FormatError, getattr(reader, name))
        reader = Reader(b"abc")
        self.assertRaises(FormatError, reader.octets, 4)
        self.assertRaises(FormatError, reader.octets, -1)
        self.assertRaises(FormatError, reader.skip, 4)
        self.assertEqual(reader.remaining(), 3)

    def test_parts(self):
        reader = Reader(memoryview(b"0123456789"), 2, 8)
        part = reader.sub(3)
        self.assertEqual(part.rest(), b"234")
        self.assertRaises(FormatError, part.u8)
        self.assertRaises(FormatError, reader.finish)
        self.assertEqual(reader.octets(3), b"567")
        reader.finish()
        self.assertRaises(FormatError, Reader, b"abc", 2, 1)
        self.assertRaises(FormatError, Reader, b"abc", 0, 4)

    def test_writer_bounds(self):
        writer = Writer(bytearray(3), 1)
        self.assertRaises(LocalProtocolError, writer.u8, 256)
        self.assertRaises(LocalProtocolError, writer.u8, -1)
        self.assertRaises(LocalProtocolError, writer.u16, 0x10000)
        self.assertRaises(LocalProtocolError, writer.u64, 1 << 64)
        self.assertRaises(LocalProtocolError, writer.u64, 1)
        self.assertRaises(LocalProtocolError, writer.octets, b"abc")
        self.assertEqual(writer.length(), 0)
        writer.u16(0xABCD)
        self.assertRaises(LocalProtocolError, writer.u8, 0)
        writer.patch16(1, 0x1234)
        self.assertEqual(writer.getvalue(), b"\x12\x34")
        self.assertRaises(LocalProtocolError, writer.patch16, 0, 1)
        self.assertRaises(LocalProtocolError, writer.patch16, 2, 1)


class SerialTest(unittest.TestCase):
    def test_16(self):
        self.assertEqual(add16(0xFFFF, 1), 0)
        self.assertEqual(difference16(0, 0xFFFF), 1)
        self.assertEqual(difference16(0xFFFF, 0), -1)
        self.assertEqual(difference16(0x8000, 0), -0x8000)
        self.assertEqual(difference16(7, 7), 0)

    def test_32(self):
        self.assertEqual(add32(0xFFFFFFFF, 2), 1)
        self.assertEqual(difference32(1, 0xFFFFFFFF), 2)
        self.assertEqual(difference32(0xFFFFFFFF, 1), -2)
        self.assertEqual(difference32(0x80000000, 0), -0x80000000)


class AddressTest(unittest.TestCase):
    # text as it may come, octets, text as RFC 5952 writes it
    TABLE = (
        ("::", bytes(16), "::"),
        ("::1", bytes(15) + b"\x01", "::1"),
        ("2001:DB8::0001", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", b"\x20\x01\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", b"\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1", None),
        ("1:2:3:4:5:6:7:8", bytes([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]), None),
        ("1:0:0:2:0:0:0:3", b"\0\1\0\0\0\0\0\2\0\0\0\0\0\0\0\3", "1:0:0:2::3"),
        ("fe80::", b"\xfe\x80" + bytes(14), None),
        ("::ffff:192.0.2.7", bytes(10) + b"\xff\xff\xc0\x00\x02\x07", None),
        ("64:ff9b::192.0.2.3", b"\0\x64\xff\x9b" + bytes(8) + b"\xc0\0\2\3", "64:ff9b::c000:203"),
        ("1:2:3:4:5:6:7::", b"\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0", "1:2:3:4:5:6:7:0"),
    )  # fmt: skip

    def test_table(self):
        for text, octets, out in self.TABLE:
            self.assertEqual(parse_address(text), octets)
            self.assertEqual(format_address(octets), out or text)

    def test_invalid(self):
        for text in (
            "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::",
            "g::", "::1%eth0", "[::1]", "1:2:3:4:5:6:7:8::", "::1.2.3", "::1.2.3.256", "1.2.3.4",
            "::1.2.3.4:5", "1.2.3.4::", " ::1", "::1 ", "+1::", "0x1::", "::\u0661",
            "1:2:3:4:5:6:1.2.3.4:8", ":1::2", "::" + "0" * 60,
        ):  # fmt: skip
            self.assertRaises(FormatError, parse_address, text)
        self.assertRaises(FormatError, format_address, b"123")
        for text in ("1.2.3", "1.2.3.4.5", "1.2.3.", "256.1.1.1", "a.b.c.d", "1.2.3.\u0661"):
            self.assertRaises(FormatError, parse_ipv4, text)


class ErrorTest(unittest.TestCase):
    def test_attributes(self):
        error = FormatError("no colon")
        self.assertEqual((error.reason, error.code, str(error)), ("no colon", 400, "no colon"))
        self.assertTrue(isinstance(error, RemoteProtocolError))
        self.assertFalse(isinstance(error, LocalProtocolError))
        self.assertEqual(RemoteProtocolError("x", 481).code, 481)

    def test_const(self):
        self.assertEqual(const(5), 5)
