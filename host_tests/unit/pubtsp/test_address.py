# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/pubtsp/address.py, martians.py, header.py, limits.py."""

import unittest

from host_tests.vectors.pubtsp import addresses as vectors
from vox6 import crypto
from vox6.pubtsp import AddressFormat, address, header, martians
from vox6.pubtsp.limits import Bucket, Limiter
from vox6.wire import FormatError
from vox6.wire.inet6 import format_address, parse_address, parse_ipv4


class TestTag(unittest.TestCase):
    def test_siphash(self):
        for length, output in vectors.SIPHASH:
            self.assertEqual(address.siphash24(vectors.KEY, bytes(range(length))), output)

    def test_addresses(self):
        maker = AddressFormat(vectors.PREFIX, "mac", vectors.KEY)
        for v4, port, tag, text in vectors.ADDRESSES:
            octets = maker.make(parse_ipv4(v4), port)
            self.assertEqual(format_address(octets), text)
            self.assertEqual(address.embedded(octets), (parse_ipv4(v4), port, tag))
            self.assertTrue(maker.is_valid(octets))
            self.assertEqual(address.format_ipv4(octets[8:12]), v4)

    def test_each_bit_counts(self):
        maker = AddressFormat(vectors.PREFIX, "mac", vectors.KEY)
        good = parse_address(vectors.ADDRESSES[0][3])
        for bit in range(64, 128):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            self.assertFalse(maker.is_valid(bytes(bad)), bit)

    def test_zero_becomes_ffff(self):
        """The one value that would look like no tag; port found by search under this key."""
        maker = AddressFormat(vectors.PREFIX, "mac", vectors.KEY)
        v4 = bytes((198, 51, 100, 83))
        self.assertEqual(
            address.siphash24(vectors.KEY, vectors.PREFIX + v4 + b"\x06\xb3") & 0xFFFF, 0
        )
        made = maker.make(v4, 1715)
        self.assertEqual(made[14:], b"\xff\xff")
        self.assertTrue(maker.is_valid(made))
        self.assertFalse(maker.is_valid(made[:14] + b"\0\0"))

    def test_modes(self):
        v4 = parse_ipv4("203.0.113.77")
        for mode, tag, others in (("off", 0, (1, 0xE0F0)), ("lan", 1, (0,))):
            maker = AddressFormat(vectors.PREFIX, mode)
            made = maker.make(v4, 54321)
            self.assertEqual(address.embedded(made)[2], tag)
            self.assertTrue(maker.is_valid(made))
            for other in others:
                self.assertFalse(maker.is_valid(made[:14] + bytes((other >> 8, other & 255))))
        self.assertTrue(AddressFormat(vectors.PREFIX, "lan").is_valid(made[:14] + b"\xff\xff"))

    def test_key_of_a_day(self):
        hmac = crypto.provider().hmac
        one = address.day_key(hmac, b"master", 20000)
        self.assertEqual(len(one), 16)
        self.assertEqual(one, hmac("SHA-256", b"master", b"\0\0\0\0\0\0\x4e\x20")[:16])
        self.assertNotEqual(one, address.day_key(hmac, b"master", 20001))

    def test_name(self):
        octets = parse_address(vectors.ADDRESSES[0][3])
        self.assertEqual(
            address.synthetic_name(octets, "tsp.example"), "203-0-113-77.p54321.tsp.example"
        )

    def test_server(self):
        maker = AddressFormat(vectors.PREFIX, "off")
        self.assertEqual(format_address(maker.server_address), "2001:db8:3653:1::1")
        self.assertEqual(format_address(maker.anycast_address), "2001:db8:3653:1::")


class TestMartians(unittest.TestCase):
    """First and last address of each range, and the neighbours."""

    STRICT = (
        ("0.0.0.0", "0.255.255.255", None, "1.0.0.0"),
        ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
        ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
        ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
        ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
        ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
        ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"),
        ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"),
        ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"),
        ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
        ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
        ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"),
        ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"),
        ("224.0.0.0", "239.255.255.255", "223.255.255.255", None),
        ("240.0.0.0", "255.255.255.255", None, None),
    )

    def test_strict(self):
        for first, last, before, after in self.STRICT:
            for text in (first, last):
                self.assertFalse(martians.is_public(parse_ipv4(text)), text)
            for text in (before, after):
                if text is not None:
                    self.assertTrue(martians.is_public(parse_ipv4(text)), text)

    def test_private(self):
        for text, good in (
            ("10.1.2.3", True),
            ("100.64.0.1", True),
            ("172.16.0.1", True),
            ("192.168.1.1", True),
            ("127.0.0.1", False),
            ("169.254.1.1", False),
            ("192.0.2.1", False),
        ):
            self.assertEqual(martians.is_public(parse_ipv4(text), "private"), good, text)

    def test_lab(self):
        for text, good in (
            ("192.0.2.1", True),
            ("198.51.100.1", True),
            ("203.0.113.1", True),
            ("10.0.0.1", False),
            ("198.18.0.1", False),
        ):
            self.assertEqual(martians.is_public(parse_ipv4(text), "lab"), good, text)


class TestHeader(unittest.TestCase):
    def test_both_ways(self):
        for octets, sequence, timestamp, text in (
            ("f00000f000000000", 240, 0, b""),
            ("f00000f10000001e61", 241, 30, b"a"),
            ("ffffffffffffffff", 0xFFFFFFF, 0xFFFFFFFF, b""),
        ):
            data = bytes.fromhex(octets)
            self.assertEqual(header.parse(data), (sequence, timestamp, text))
            self.assertEqual(header.emit(sequence, timestamp, text), data)
        self.assertEqual(header.emit(1 << 28, 1 << 32, b""), bytes.fromhex("f000000000000000"))

    def test_refused(self):
        for octets in ("", "f0", "f00000f0000000", "e00000f000000000", "000000f000000000"):
            self.assertRaises(FormatError, header.parse, bytes.fromhex(octets))

    def test_nibbles(self):
        """C-1: the first octet alone tells."""
        for first in range(256):
            data = bytes((first, 0))
            self.assertEqual(header.is_signalling(data), first >= 0xF0)
            self.assertEqual(header.is_ipv6(data), 0x60 <= first < 0x70)
        self.assertFalse(header.is_signalling(b"") or header.is_ipv6(b""))


class TestBuckets(unittest.TestCase):
    def test_rate(self):
        bucket = Bucket(10, 10)
        self.assertEqual([bucket.take(0) for _ in range(11)], [True] * 10 + [False])
        self.assertFalse(bucket.take(99))
        self.assertTrue(bucket.take(100))
        self.assertFalse(bucket.take(100))
        self.assertEqual(len([1 for _ in range(99) if bucket.take(10**9)]), 10)

    def test_clock_that_jumps_back(self):
        bucket = Bucket(10, 1)
        self.assertTrue(bucket.take(5000))
        self.assertFalse(bucket.take(0))
        self.assertTrue(bucket.take(5100))

    def test_sources(self):
        limiter = Limiter(10, 10, 1000, 7)
        one, two = bytes((203, 0, 113, 1)), bytes((203, 0, 113, 2))
        self.assertEqual(len([1 for _ in range(50) if limiter.take(one, 0)]), 10)
        self.assertEqual(len([1 for _ in range(50) if limiter.take(two, 0)]), 10)

    def test_slots_are_spread(self):
        """Sources that differ in any octet seldom share a slot, IPv6 ones too."""
        for length in (4, 8):
            for at in range(length):
                limiter = Limiter(1, 1, 100000, 7)
                taken = 0
                for i in range(256):
                    source = bytearray(b"\x20\x01\x0d\xb8\0\0\0\0"[:length])
                    source[at] = i
                    taken += limiter.take(bytes(source), 0)
                self.assertGreater(taken, 150, (length, at))

    def test_total(self):
        limiter = Limiter(10, 10, 100, 7)
        taken = 0
        for i in range(1000):
            taken += limiter.take(bytes((1, 2, i >> 8, i & 255)), 0)
        self.assertEqual(taken, 100)
