# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Random datagrams and mutations of good ones, the same for the same seed."""

import random
import socket

from host_tests.vectors.pubtsp import exchanges, habits
from vox6.pubtsp import ipv6

NATIVE = bytes.fromhex("20010db8009900000000000000000007")
_HEAD = b"\xf0\0\0\xf0\0\0\0\0"
_NUMBERS = (0, 1, 7, 8, 39, 40, 127, 128, 254, 255)  # octets that parsers stumble over
_WORDS = (b"<", b">", b"'", b'"', b"</tunnel>", b"<!--", b"<?xml", b"&amp;", b"\r\n", b"\0",
          b"9" * 12, b"Content-length: ", b"type=", b"<address type='ipv4'>")  # fmt: skip


def texts():
    """Every request that the tests know."""
    found = [one[1] for one in exchanges.EXCHANGES] + [one[2] for one in exchanges.EXCHANGES]
    scripts = (habits.GOGOC, habits.LADDER, habits.SMALL, habits.TEXTBOOK, habits.DIGEST)
    return found + [_HEAD + text for script in scripts for text, _ in script]


def packets(own, others):
    """Packets of a client with an address; others: 16 octets each, of other clients."""
    found = []
    for to in (NATIVE, own[:8] + bytes(7) + b"\1", own, *others, bytes(16), own[:14] + b"\0\0"):
        segment = b"\x13\x88\x13\x88\0\x28\0\0" + bytes(32)
        found.append(ipv6.build(own, to, ipv6.UDP, segment, 64))
        found.append(ipv6.build(own, to, ipv6.UDP, segment, 1))
        found.append(ipv6.echo_request(own, to, 1, 1, b"PubTSPdp" + bytes(8), 255))
        found.append(ipv6.error(own, to, 1, 4, found[-1]))
    for kind, body in ((0, b"\0\1\4\0\0\0\0"), (43, b"\2\0\1\0\0\0\0"), (44, b"\0\0\1\0\0\0\7"),
                       (60, b"\0\1\4\0\0\0\0"), (0, b"\0\xc2\4\0\1\0\0")):  # fmt: skip
        found.append(ipv6.build(own, NATIVE, kind, b"\x11" + body + bytes(40), 64))
    found.append(ipv6.build(own, NATIVE, ipv6.UDP, bytes(1240), 64))
    return found


class Mutator:
    """Makes datagrams out of a stock of good ones."""

    def __init__(self, stock, seed):
        self.stock = stock
        self.chance = random.Random(seed)

    def next(self):
        """A datagram of 1440 octets at most, so that it fits a frame."""
        return self._make()[:1440]

    def _make(self):
        """Good, changed in some places, cut, spliced, or nothing but chance."""
        bits = self.chance.getrandbits
        kind = bits(4)
        if kind == 0:
            data = self.chance.randbytes(bits(8))
            return bytes((0xF0 if bits(1) else 0x60,)) + data if bits(2) else data
        data = bytearray(self.stock[bits(16) % len(self.stock)])
        if kind == 1:  # as it is, cut
            return bytes(data[: bits(16) % (len(data) + 1)])
        if kind == 2:  # two of them in one
            other = self.stock[bits(16) % len(self.stock)]
            return bytes(data[: bits(16) % (len(data) + 1)]) + other[bits(16) % (len(other) + 1) :]
        if kind == 3:
            at = bits(16) % (len(data) + 1)
            return bytes(data[:at]) + _WORDS[bits(8) % len(_WORDS)] * (1 + bits(2)) + data[at:]
        if kind == 4:
            return bytes(data) + self.chance.randbytes(bits(6))
        for _ in range(1 + (bits(2) if kind < 12 else 0)):
            if data:
                at = bits(16) % len(data)
                data[at] = _NUMBERS[bits(8) % len(_NUMBERS)] if bits(1) else bits(8)
        return bytes(data)


class Sources:
    """Where datagrams come from: places that no two share for a long time."""

    def __init__(self):
        self.count = 0

    def next(self):
        """(IPv4 text, port)."""
        number = self.count
        self.count += 1
        host = number % 480  # many hosts, each with its own limits
        v4 = (203, 0, 113, 1 + host) if host < 240 else (198, 51, 100, 10 + host - 240)
        port = 1024 + number // 480 % 64000
        return socket.inet_ntoa(bytes(v4)), port if port != 3653 else 999


def bound(data):
    """Octets that may come back for a datagram (X-7, X-11)."""
    return 3 * len(data) if data[:1] >= b"\xf0" else len(data) + 48
