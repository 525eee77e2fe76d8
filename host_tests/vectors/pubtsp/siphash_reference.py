#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SipHash-2-4 and the tag a second time, for CPython; prints the addresses of addresses.py."""

import ipaddress
import struct

MASK = (1 << 64) - 1


def rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def sip_round(v):
    v[0] = (v[0] + v[1]) & MASK
    v[2] = (v[2] + v[3]) & MASK
    v[1] = rotate(v[1], 13) ^ v[0]
    v[3] = rotate(v[3], 16) ^ v[2]
    v[0] = rotate(v[0], 32)
    v[2] = (v[2] + v[1]) & MASK
    v[0] = (v[0] + v[3]) & MASK
    v[1] = rotate(v[1], 17) ^ v[2]
    v[3] = rotate(v[3], 21) ^ v[0]
    v[2] = rotate(v[2], 32)


def siphash(key, data):
    k = struct.unpack("<2Q", key)
    v = [a ^ b for a, b in zip(struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes"), k * 2)]
    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        sip_round(v)
        sip_round(v)
        v[0] ^= word
    v[2] ^= 255
    for _ in range(4):
        sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def address(key, prefix, v4, port):
    head = ipaddress.IPv6Address(prefix).packed[:8] + ipaddress.IPv4Address(v4).packed
    head += struct.pack(">H", port)
    tag = siphash(key, head) % 65536 or 65535
    return tag, str(ipaddress.IPv6Address(head + struct.pack(">H", tag)))


if __name__ == "__main__":
    KEY = bytes(range(16))
    for length in (0, 1, 7, 8, 15, 63):
        print("SIPHASH", length, "%016x" % siphash(KEY, bytes(range(length))))
    for v4, port in (
        ("203.0.113.77", 54321),
        ("198.51.100.9", 1024),
        ("192.0.2.135", 40000),
        ("198.51.100.200", 65535),
    ):
        print(v4, port, "%04x %s" % address(KEY, "2001:db8:3653:1::", v4, port))
