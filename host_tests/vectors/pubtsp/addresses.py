# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Addresses with their tags, and outputs of SipHash-2-4 (SOURCE.md)."""

KEY = bytes(range(16))
PREFIX = bytes.fromhex("20010db836530001")  # 2001:db8:3653:1::/64

# (IPv4, port, tag, address)
ADDRESSES = (
    ("203.0.113.77", 54321, 0xE0F0, "2001:db8:3653:1:cb00:714d:d431:e0f0"),
    ("198.51.100.9", 1024, 0x75E4, "2001:db8:3653:1:c633:6409:400:75e4"),
    ("192.0.2.135", 40000, 0x119D, "2001:db8:3653:1:c000:287:9c40:119d"),
    ("198.51.100.200", 65535, 0x6C09, "2001:db8:3653:1:c633:64c8:ffff:6c09"),
)

# (octets 00 01 .. that are hashed, output) under KEY
SIPHASH = (
    (0, 0x726FDB47DD0E0E31),
    (1, 0x74F839C593DC67FD),
    (7, 0xAB0200F58B01D137),
    (8, 0x93F5F5799A932462),
    (15, 0xA129CA6149BE45E5),
    (63, 0x958A324CEB064572),
)
