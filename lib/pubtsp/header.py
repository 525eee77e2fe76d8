# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The header of TSP over reliable UDP (RFC 5572 section 4.4.1.2, Figure 7).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |  0xF  |                 sequence number (28)                  |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                        timestamp (32)                         |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |  TSP data (ASCII) ...

What a datagram is, its first nibble tells (C-1): 0xF signalling, 0x6 an IPv6 packet, no octet at
all a keepalive (X-2), anything else nothing.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

LENGTH = 8
SEQUENCES = 0x10000000  # sequence numbers have 28 bits

_MARK = const(0xF0000000)


def is_signalling(data: bytes) -> bool:
    """Return whether a datagram of the tunnel's socket begins with nibble F (C-1)."""
    return len(data) > 0 and data[0] >> 4 == 0xF


def is_ipv6(data: bytes) -> bool:
    """Return whether a datagram of the tunnel's socket begins with nibble 6 (C-1)."""
    return len(data) > 0 and data[0] >> 4 == 6


def emit(sequence: int, timestamp: int, text: bytes) -> bytes:
    """Return a datagram; sequence and timestamp are taken mod 2^28 and 2^32."""
    first = _MARK | sequence & (SEQUENCES - 1)
    return first.to_bytes(4, "big") + (timestamp & 0xFFFFFFFF).to_bytes(4, "big") + text


def parse(data: bytes) -> "tuple[int, int, bytes]":
    """Return (sequence, timestamp, TSP data); FormatError: too short or no nibble F."""
    if len(data) < LENGTH or data[0] >> 4 != 0xF:
        raise FormatError("no TSP header", 500)
    sequence = int.from_bytes(data[:4], "big") & (SEQUENCES - 1)
    return sequence, int.from_bytes(data[4:8], "big"), data[LENGTH:]
