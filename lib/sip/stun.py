# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""STUN Binding as a keepalive of UDP flows (RFC 5389 sections 6 and 15, RFC 5626 section 8).

0      type: 0x0001 request, 0x0101 response, 0x0111 error response
2      length in octets of what follows octet 20
4      magic cookie 0x2112a442
8      transaction ID, 12 octets
20     attributes: type, length (2 octets each), value padded to 4 octets

XOR-MAPPED-ADDRESS (0x0020): 0, family (1 IPv4, 2 IPv6), port xor the first half of the
cookie, address xor cookie and transaction ID
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

_REQUEST = const(0x0001)
_RESPONSE = const(0x0101)
_ERROR = const(0x0111)
_XOR_MAPPED_ADDRESS = const(0x0020)
_COOKIE = b"\x21\x12\xa4\x42"
_MAPPED = b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"


def is_stun(data: bytes) -> bool:
    """Return whether a datagram at the port of SIP is STUN: no SIP message begins with 0 or 1."""
    return len(data) >= 20 and data[0] < 2 and data[4:8] == _COOKIE


def emit_request(transaction_id: bytes) -> bytes:
    """Return a Binding request without attributes. transaction_id: 12 octets, random."""
    return b"\x00\x01\x00\x00" + _COOKIE + transaction_id


def parse_response(data: bytes) -> "tuple[bytes, tuple[bytes, int] | None]":
    """Return (transaction ID, (addr16, port) as the server sees us, None for an error response).

    An IPv4 address is v4-mapped. FormatError: no Binding response, or one without address.
    """
    if not is_stun(data) or len(data) != 20 + _u16(data, 2) or len(data) % 4:
        raise FormatError("not STUN")
    kind = _u16(data, 0)
    transaction_id = bytes(data[8:20])
    if kind == _ERROR:
        return transaction_id, None
    if kind != _RESPONSE:
        raise FormatError("not a Binding response")
    at = 20
    while at < len(data):
        length = _u16(data, at + 2)
        value = data[at + 4 : at + 4 + length]
        if len(value) != length:
            raise FormatError("attribute longer than the message")
        if _u16(data, at) == _XOR_MAPPED_ADDRESS:
            return transaction_id, _parse_address(value, data[4:20])
        at += 4 + (length + 3) // 4 * 4
    raise FormatError("no XOR-MAPPED-ADDRESS")


def _parse_address(value: bytes, mask: bytes) -> "tuple[bytes, int]":
    family = value[1] if len(value) > 1 else 0
    if len(value) != {1: 8, 2: 20}.get(family, -1):
        raise FormatError("bad XOR-MAPPED-ADDRESS")
    port = _u16(value, 2) ^ _u16(mask, 0)
    octets = bytes([value[4 + i] ^ mask[i] for i in range(len(value) - 4)])
    return (_MAPPED + octets if family == 1 else octets), port


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
