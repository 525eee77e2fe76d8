# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The addresses that a server hands out, and their keyed tag (pubtsp.md section 4).

    octet 0               7  8       11 12   13 14   15
          +----------------+-----------+-------+-------+
          |   prefix /64   |   IPv4    | port  |  tag  |
          +----------------+-----------+-------+-------+

IPv4 and port are those that the server sees; network order, no bit changed (RFC 7136 section 5).
Clients take an address as it is (section 4.5): server, abuse desks and direct paths alone look
inside. Port 0 never occurs, so all addresses P:x:x:0:x are the operator's; P::1 is the server.
"""

from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

SERVER_PORT = 3653  # IANA "tsp", section 2
OFF = "off"  # tag 0x0000, must be 0 on receipt: one prefix, independent operators (section 4.3)
MAC = "mac"  # the keyed tag, X-8
LAN = "lan"  # a client gets ...:1, all but 0 are valid: /112 for a client; experimental

_MASK = const(0xFFFFFFFFFFFFFFFF)
_MAPPED = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"


def mapped(v4: bytes) -> bytes:
    """Return the v4-mapped form of four octets, as peers are written at the border of lib."""
    return _MAPPED + v4


def is_mapped(addr16: bytes) -> bool:
    """Return whether a peer's address is a v4-mapped one."""
    return addr16[:12] == _MAPPED


def format_ipv4(v4: bytes) -> str:
    """Return the dotted quad of four octets."""
    return "%d.%d.%d.%d" % (v4[0], v4[1], v4[2], v4[3])


def embedded(addr16: bytes) -> "tuple[bytes, int, int]":
    """Return (IPv4, port, tag) of an address that a server handed out."""
    return addr16[8:12], addr16[12] << 8 | addr16[13], addr16[14] << 8 | addr16[15]


def synthetic_name(addr16: bytes, domain: str) -> str:
    """Return the name behind an address, for a computed PTR record (section 9, 4).

    domain: without a dot at its ends. "203-0-113-77.p54321.tsp.example"
    """
    v4, port, _ = embedded(addr16)
    return "%s.p%d.%s" % (format_ipv4(v4).replace(".", "-"), port, domain)


def siphash24(key: bytes, data: bytes) -> int:
    """Return SipHash-2-4 (Aumasson and Bernstein, 2012) of data as a 64-bit integer.

    key: 16 octets.
    """
    k0 = int.from_bytes(key[:8], "little")
    k1 = int.from_bytes(key[8:16], "little")
    v0 = k0 ^ 0x736F6D6570736575
    v1 = k1 ^ 0x646F72616E646F6D
    v2 = k0 ^ 0x6C7967656E657261
    v3 = k1 ^ 0x7465646279746573
    length = len(data)
    whole = length & ~7
    last = (length & 0xFF) << 56 | int.from_bytes(data[whole:], "little")
    at = 0
    rounds = 2
    while True:
        if at < whole:
            word = int.from_bytes(data[at : at + 8], "little")
        elif at == whole:
            word = last
        else:  # finalization
            word = 0
            v2 ^= 0xFF
            rounds = 4
        v3 ^= word
        for _ in range(rounds):
            v0 = (v0 + v1) & _MASK
            v1 = ((v1 << 13 | v1 >> 51) & _MASK) ^ v0
            v0 = (v0 << 32 | v0 >> 32) & _MASK
            v2 = (v2 + v3) & _MASK
            v3 = ((v3 << 16 | v3 >> 48) & _MASK) ^ v2
            v0 = (v0 + v3) & _MASK
            v3 = ((v3 << 21 | v3 >> 43) & _MASK) ^ v0
            v2 = (v2 + v1) & _MASK
            v1 = ((v1 << 17 | v1 >> 47) & _MASK) ^ v2
            v2 = (v2 << 32 | v2 >> 32) & _MASK
        v0 ^= word
        if at > whole:
            return v0 ^ v1 ^ v2 ^ v3
        at += 8


def tag_of(key: bytes, octets: bytes) -> int:
    """Return the tag for prefix, IPv4 and port, 14 octets: 1..0xffff (X-8, section 4.4)."""
    return siphash24(key, octets) & 0xFFFF or 0xFFFF


def day_key(hmac: "Callable[[str, bytes, bytes], bytes]", master: bytes, day: int) -> bytes:
    """Return the key of a day that all servers of one prefix derive alike (section 4.4).

    hmac: crypto's Provider.hmac. day: the number of the day since 1970 in UTC, hashed as eight
    octets in network order.
    """
    return hmac("SHA-256", master, day.to_bytes(8, "big"))[:16]


class AddressFormat:
    """The addresses of one prefix: makes and judges them.

    prefix: the first 8 octets. mode: OFF, MAC or LAN. memo: how many tags are remembered, as a
    memo of a pure function; it is emptied when full, 0 for none.
    """

    def __init__(
        self,
        prefix: bytes,
        mode: str = MAC,
        key: "bytes | None" = None,
        previous: "bytes | None" = None,
        memo: int = 0,
    ) -> None:
        if len(prefix) != 8:
            raise LocalProtocolError("a prefix has 8 octets")
        if mode not in (OFF, MAC, LAN):
            raise LocalProtocolError("tag mode is off, mac or lan")
        self.prefix = bytes(prefix)
        self.mode = mode
        self.server_address = self.prefix + b"\x00\x00\x00\x00\x00\x00\x00\x01"  # P::1
        self.anycast_address = self.prefix + bytes(8)  # P::, subnet-router anycast (section 4.2)
        self._memo_size = memo
        self._memo: "dict[bytes, bool]" = {}
        self.period = 0  # counts changes of keys, for who remembers what they made
        self.set_keys(key, previous)

    def set_keys(self, key: "bytes | None", previous: "bytes | None" = None) -> None:
        """Take the current key and the one before, which is still accepted (section 4.4)."""
        for one in (key, previous):
            if one is not None and len(one) != 16:
                raise LocalProtocolError("a key has 16 octets")
        self._key = key
        self._previous = previous
        self._memo = {}
        self.period += 1

    def keys(self) -> "tuple[bytes | None, bytes | None]":
        """Return the current key and the one before."""
        return self._key, self._previous

    def is_ready(self) -> bool:
        """Return whether addresses can be made: mode MAC needs a key."""
        return self.mode != MAC or self._key is not None

    def make(self, v4: bytes, port: int) -> bytes:
        """Return the address for a client seen as v4 and port; LocalProtocolError without key."""
        head = self.prefix + v4 + bytes((port >> 8, port & 0xFF))
        if self.mode == OFF:
            tag = 0
        elif self.mode == LAN:
            tag = 1
        elif self._key is None:
            raise LocalProtocolError("no key")
        else:
            tag = tag_of(self._key, head)
        return head + bytes((tag >> 8, tag & 0xFF))

    def is_valid(self, addr16: bytes) -> bool:
        """Return whether the tag of an address in our prefix is good, by either key."""
        tag = addr16[14] << 8 | addr16[15]
        if self.mode == OFF:
            return tag == 0
        if self.mode == LAN:
            return tag != 0
        good = self._memo.get(addr16)
        if good is None:
            good = self._compute(addr16, tag)
            if self._memo_size:
                if len(self._memo) >= self._memo_size:
                    self._memo.clear()
                self._memo[addr16] = good
        return good

    def _compute(self, addr16: bytes, tag: int) -> bool:
        head = addr16[:14]
        for key in (self._key, self._previous):
            if key is not None and tag_of(key, head) == tag:
                return True
        return False
