# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/rtp/packet.py: tables both ways and one invalid case per rule."""

import unittest

from vox6.rtp.packet import Packet
from vox6.wire import FormatError, LocalProtocolError

# octets in hexadecimal, fields
TABLE = (
    ("80000001" "00000002" "00000003", (0, 1, 2, 3, b""), {}),
    ("8089ffff" "fffffffe" "fffffffd" "d5d5", (9, 65535, 0xFFFFFFFE, 0xFFFFFFFD, b"\xd5\xd5"),
     {"marker": True}),
    ("82080000" "00000000" "00000000" "00000005" "00000006" "aa", (8, 0, 0, 0, b"\xaa"),
     {"csrc": (5, 6)}),
    ("90600001" "00000002" "00000003" "bede0001" "10ff0000" "0102",
     (96, 1, 2, 3, b"\x01\x02"), {"extension": (0xBEDE, b"\x10\xff\x00\x00")}),
    ("90600001" "00000002" "00000003" "bede0000" "01",
     (96, 1, 2, 3, b"\x01"), {"extension": (0xBEDE, b"")}),
    ("a0000001" "00000002" "00000003" "ff" "000003", (0, 1, 2, 3, b"\xff"), {"padding": 3}),
    ("a0000001" "00000002" "00000003" "01", (0, 1, 2, 3, b""), {"padding": 1}),
    ("b17f0001" "00000002" "00000003" "00000009" "12340001" "00000000" "ee" "0002",
     (127, 1, 2, 3, b"\xee"), {"csrc": (9,), "extension": (0x1234, bytes(4)), "padding": 2}),
)  # fmt: skip

INVALID = (
    "",
    "80",
    "8000000100000002000000",
    "000000010000000200000003",  # version 0
    "400000010000000200000003",  # version 1
    "c00000010000000200000003",  # version 3
    "810000010000000200000003",  # CSRC missing
    "8f0000010000000200000003" + "00000004" * 14,
    "900000010000000200000003",  # extension missing
    "900000010000000200000003bede0001",
    "900000010000000200000003bedeffff00000000",
    "a00000010000000200000003",  # padding missing
    "a0000001000000020000000300",  # padding of none
    "a00000010000000200000003000204",
    "a00000010000000200000003ff",
)


def fields(packet):
    return (
        packet.payload_type,
        packet.sequence,
        packet.timestamp,
        packet.ssrc,
        packet.payload,
        packet.marker,
        packet.csrc,
        packet.extension,
        packet.padding,
    )


class TestPacket(unittest.TestCase):
    def test_both_ways(self):
        for text, positional, named in TABLE:
            octets = bytes.fromhex(text)
            packet = Packet(*positional, **named)
            parsed = Packet.parse(octets)
            self.assertEqual(fields(parsed), fields(packet))
            buffer = bytearray(len(octets))
            self.assertEqual(parsed.emit(buffer), len(octets))
            self.assertEqual(bytes(buffer), octets)

    def test_views(self):
        octets = bytearray(bytes.fromhex("80000001000000020000000301"))
        packet = Packet.parse(memoryview(octets))
        octets[12] = 9
        self.assertEqual(packet.payload, b"\x01")

    def test_start(self):
        buffer = bytearray(20)
        self.assertEqual(Packet(0, 1, 2, 3, b"ab").emit(buffer, 5), 14)
        self.assertEqual(Packet.parse(memoryview(buffer)[5:19]).payload, b"ab")

    def test_invalid(self):
        for text in INVALID:
            self.assertRaises(FormatError, Packet.parse, bytes.fromhex(text))

    def test_truncated_anywhere(self):
        octets = bytes.fromhex("b1600001000000020000000300000009bede00011234567801020304")
        for length in range(len(octets)):
            try:
                Packet.parse(octets[:length])
            except FormatError:
                pass

    def test_out_of_range(self):
        buffer = bytearray(2000)
        for positional, named in (
            ((128, 0, 0, 0), {}),
            ((-1, 0, 0, 0), {}),
            ((0, 65536, 0, 0), {}),
            ((0, -1, 0, 0), {}),
            ((0, 0, 1 << 32, 0), {}),
            ((0, 0, 0, 1 << 32), {}),
            ((0, 0, 0, 0), {"csrc": tuple(range(16))}),
            ((0, 0, 0, 0), {"extension": (0, b"abc")}),
            ((0, 0, 0, 0), {"padding": 256}),
        ):
            self.assertRaises(LocalProtocolError, Packet(*positional, **named).emit, buffer)
        self.assertRaises(LocalProtocolError, Packet(0, 0, 0, 0).emit, bytearray(11))


if __name__ == "__main__":
    unittest.main()
