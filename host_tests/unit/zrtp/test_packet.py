# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp/packet.py: framing and CRC (RFC 6189 section 5, RFC 4960 appendix B)."""

import unittest

from vox6.wire import FormatError
from vox6.zrtp import packet

# A HelloACK of libbzrtp 5.1.64 would look so; CRC-32C of RFC 3720 appendix B.4 below.
MESSAGE = b"\x50\x5a\x00\x03HelloACK"


class TestCRC(unittest.TestCase):
    def test_vectors(self):
        """RFC 3720 appendix B.4, octets as they are sent."""
        table = (
            (bytes(32), "aa36918a"),
            (b"\xff" * 32, "43aba862"),
            (bytes(range(32)), "4e79dd46"),
            (bytes(range(31, -1, -1)), "5cdb3f11"),
            (b"123456789", "839206e3"),
        )
        for data, crc in table:
            self.assertEqual(packet.crc32c(data), bytes.fromhex(crc))


class TestPacket(unittest.TestCase):
    def test_both_ways(self):
        data = packet.emit(MESSAGE, 0x1234, 0xDEADBEEF)
        self.assertEqual(data[:12], bytes.fromhex("10001234") + b"ZRTP" + b"\xde\xad\xbe\xef")
        self.assertEqual(len(data), 28)
        self.assertEqual(packet.parse(data), (MESSAGE, 0x1234, 0xDEADBEEF))

    def test_unused_bits_are_ignored(self):
        data = bytearray(packet.emit(MESSAGE, 1, 2))
        data[0] |= 0x0F
        data[1] = 0xFF
        data[-4:] = packet.crc32c(data[:-4])
        self.assertEqual(packet.parse(data)[0], MESSAGE)

    def test_each_bit_counts(self):
        good = packet.emit(MESSAGE, 1, 2)
        for i in range(len(good) * 8):
            bad = bytearray(good)
            bad[i // 8] ^= 1 << i % 8
            self.assertRaises(FormatError, packet.parse, bytes(bad))

    def test_lengths(self):
        good = packet.emit(MESSAGE, 1, 2)
        for length in range(len(good)):
            self.assertRaises(FormatError, packet.parse, good[:length])
        self.assertRaises(FormatError, packet.parse, good + bytes(4))
        long = packet.emit(bytes(4 * 531), 1, 2)
        self.assertRaises(FormatError, packet.parse, long)

    def test_told_from_rtp_and_stun(self):
        self.assertTrue(packet.is_zrtp(packet.emit(MESSAGE, 1, 2)))
        self.assertFalse(packet.is_zrtp(b"\x80\x00" + bytes(40)))
        self.assertFalse(packet.is_zrtp(b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(24)))
        self.assertFalse(packet.is_zrtp(b""))
        self.assertFalse(packet.is_zrtp(b"\x10\x00\x00\x01ZRTP"))


if __name__ == "__main__":
    unittest.main()
