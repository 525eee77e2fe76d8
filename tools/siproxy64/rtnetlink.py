# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Requests to Linux about its network (rtnetlink(7)), as octets for posix.netlink().

posix.netlink(link_up(tun.index, 1280))
posix.netlink(address(tun.index, addr16, True))
posix.netlink(route(bytes(16), 0, tun.index, True, metric=2048))
"""

import struct

from vox6.wire import const

_REQUEST, _ACK = const(1), const(4)
_REPLACE, _EXCLUSIVE, _CREATE = const(0x100), const(0x200), const(0x400)
_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = const(16), const(20), const(24)
_DELETE = const(1)  # added to NEW
_GET_ROUTE = const(26)
_INET, _INET6 = const(2), const(10)
_IFLA_MTU, _IFLA_AF_SPEC, _IFLA_INET6_ADDR_GEN_MODE = const(4), const(26), const(8)
_GEN_MODE_NONE = const(1)
_IFF_UP = const(1)
_IFA_ADDRESS, _IFA_LOCAL = const(1), const(2)
_NO_DAD = const(2)
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_PRIORITY, _RTA_PREFSRC = (
    const(1), const(2), const(4), const(6), const(7)
)  # fmt: skip
_MAIN, _LOCAL = const(254), const(255)  # tables
_STATIC = const(4)
_UNICAST, _TO_US = const(1), const(2)  # types
_UNIVERSE, _HOST = const(0), const(254)  # scopes
_MAPPED = b"\0" * 10 + b"\xff\xff"


def _message(kind: int, flags: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("@IHHII", 16 + len(body), kind, _REQUEST | flags, 1, 0) + body


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("@HH", 4 + len(data), kind) + data + bytes(-len(data) & 3)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("@I", value))


def link_up(index: int, mtu: int) -> bytes:
    """Bring an interface up, without a link-local address."""
    mode = _attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes([_GEN_MODE_NONE]))
    return _message(
        _NEW_LINK,
        _ACK,
        struct.pack("@BBHiII", 0, 0, 0, index, _IFF_UP, _IFF_UP),
        _number(_IFLA_MTU, mtu),
        _attribute(_IFLA_AF_SPEC, _attribute(_INET6, mode)),
    )


def address(index: int, addr16: bytes, add: bool) -> bytes:
    """Give an interface an IPv6 address without duplicate detection, or take it away."""
    return _message(
        _NEW_ADDRESS if add else _NEW_ADDRESS + _DELETE,
        _ACK | _CREATE | _REPLACE if add else _ACK,
        struct.pack("@BBBBI", _INET6, 128, _NO_DAD, _UNIVERSE, index),
        _attribute(_IFA_LOCAL, addr16),
        _attribute(_IFA_ADDRESS, addr16),
    )


def route(
    addr16: bytes, length: int, index: int, add: bool, metric: int = 1024, source: bytes = b""
) -> bytes:
    """Lead an IPv6 prefix over an interface, or no longer.

    metric: the lower is used; source: for packets with this address alone.
    """
    parts = [_number(_RTA_OIF, index), _number(_RTA_PRIORITY, metric)]
    if length:
        parts.append(_attribute(_RTA_DST, addr16))
    if source:
        parts.append(_attribute(_RTA_SRC, source))
    head = struct.pack(
        "@BBBBBBBBI", _INET6, length, 8 * len(source), 0, _MAIN, _STATIC, _UNIVERSE, _UNICAST, 0
    )
    return _message(
        _NEW_ROUTE if add else _NEW_ROUTE + _DELETE, _ACK | _CREATE if add else _ACK, head, *parts
    )


def to_us(addr16: bytes, length: int, index: int) -> bytes:
    """Have the kernel take a whole range for its own; index: of lo. length: in 128 bits.

    EEXIST: it does already.
    """
    ipv4 = addr16.startswith(_MAPPED)
    if ipv4:
        addr16, length = addr16[12:], length - 96
    scope = _HOST if ipv4 else _UNIVERSE
    family = _INET if ipv4 else _INET6
    return _message(
        _NEW_ROUTE,
        _ACK | _CREATE | _EXCLUSIVE,
        struct.pack("@BBBBBBBBI", family, length, 0, 0, _LOCAL, _STATIC, scope, _TO_US, 0),
        _attribute(_RTA_DST, addr16),
        _number(_RTA_OIF, index),
    )


def way(ipv4: bytes) -> bytes:
    """Ask which way packets for an IPv4 address take; preferred_source() reads the answer."""
    head = struct.pack("@BBBBBBBBI", _INET, 32, 0, 0, 0, 0, 0, 0, 0)
    return _message(_GET_ROUTE, 0, head, _attribute(_RTA_DST, ipv4))


def preferred_source(answer: bytes) -> "bytes | None":
    """Return the address that such packets leave from, four octets."""
    at = 12  # behind struct rtmsg
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("@HH", answer, at)
        if kind == _RTA_PREFSRC and length == 8 and at + 8 <= len(answer):
            return bytes(answer[at + 4 : at + 8])
        at += max(4, (length + 3) & ~3)
    return None
