# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which IPv4 and IPv6 addresses may stand behind a tunnel (pubtsp.md section 7.4, RFC 6890)."""

STRICT = "strict"
PRIVATE = "private"  # RFC 1918 and 100.64/10 count as public: a server inside an ISP or company
LAB = "lab"  # documentation prefixes count as public, IPv4 and 2001:db8::/32

POLICIES = (STRICT, PRIVATE, LAB)

# (first octets as a number, how many bits, what it is)
_RESERVED = (
    (0xC0000000, 24),  # 192.0.0/24
    (0xC0586300, 24),  # 192.88.99/24, the 6to4 relays of old
    (0xC6120000, 15),  # 198.18/15, benchmarks
    (0xA9FE0000, 16),  # 169.254/16
)
_PRIVATE = (
    (0x0A000000, 8),
    (0x64400000, 10),
    (0xAC100000, 12),
    (0xC0A80000, 16),
)
_DOCUMENTATION = (
    (0xC0000200, 24),
    (0xC6336400, 24),
    (0xCB007100, 24),
)


def _within(value: int, table: "tuple[tuple[int, int], ...]") -> bool:
    for first, bits in table:
        if (value ^ first) >> (32 - bits) == 0:
            return True
    return False


def is_public(v4: bytes, policy: str = STRICT) -> bool:
    """Return whether four octets are a public unicast address under a policy."""
    first = v4[0]
    if first == 0 or first == 127 or first >= 224:
        return False
    value = first << 24 | v4[1] << 16 | v4[2] << 8 | v4[3]
    if _within(value, _RESERVED):
        return False
    if _within(value, _PRIVATE):
        return policy == PRIVATE
    if _within(value, _DOCUMENTATION):
        return policy == LAB
    return True


def is_ula(addr16: bytes) -> bool:
    """Return whether an address is in fc00::/7."""
    return addr16[0] & 0xFE == 0xFC


def is_multicast(addr16: bytes) -> bool:
    """Return whether an address is in ff00::/8."""
    return addr16[0] == 0xFF


def is_link_local(addr16: bytes) -> bool:
    """Return whether an address is in fe80::/10."""
    return addr16[0] == 0xFE and addr16[1] & 0xC0 == 0x80


def is_site_local(addr16: bytes) -> bool:
    """Return whether an address is in fec0::/10."""
    return addr16[0] == 0xFE and addr16[1] & 0xC0 == 0xC0


def is_low(addr16: bytes) -> bool:
    """Return whether an address is in ::/96 (:: and ::1 too) or ::ffff:0:0/96."""
    return addr16[:10] == bytes(10) and addr16[10:12] in (b"\x00\x00", b"\xff\xff")


def is_nat64(addr16: bytes) -> bool:
    """Return whether an address is in 64:ff9b::/96 or 64:ff9b:1::/48."""
    if addr16[:4] != b"\x00\x64\xff\x9b":
        return False
    return addr16[4:12] == bytes(8) or addr16[4:6] == b"\x00\x01"


def is_documentation(addr16: bytes) -> bool:
    """Return whether an address is in 2001:db8::/32."""
    return addr16[:4] == b"\x20\x01\x0d\xb8"


def tunnelled_ipv4(addr16: bytes) -> "list[bytes]":
    """Return the IPv4 addresses in an address of 6to4 (2002::/16) or Teredo (2001::/32)."""
    if addr16[:2] == b"\x20\x02":
        return [addr16[2:6]]
    if addr16[:4] == b"\x20\x01\x00\x00":
        return [addr16[4:8], bytes([octet ^ 0xFF for octet in addr16[12:16]])]
    return []
