# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The ZRTP packet around each message (RFC 6189 section 5, figure 2).

    octets 0..1   0x1000 (the low 12 bits are ignored)
           2..3   sequence number
           4..7   magic cookie "ZRTP"
           8..11  source identifier: the SSRC of the sender's RTP stream
           12..   message, whole words
           last 4 CRC-32C over all before it (RFC 4960 appendix B)

The CRC is worked out in halves of 16 bits: integers of 32 bits do not fit into the small integers
of MicroPython on a 32-bit machine, each step would allocate.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

_HEADER = const(12)
_CRC = const(4)
_MIN = const(28)  # header, the shortest message (3 words), CRC
# The longest message is a Confirm or SASrelay with a signature of 511 words (section 5.7).
MAX_PACKET = _HEADER + 4 * (19 + 511) + _CRC
_MAGIC = b"ZRTP"

_tables: "list[Sequence[int]]" = []  # high and low halves, 256 entries each, made at first use


def is_zrtp(data: "bytes | bytearray | memoryview") -> bool:
    """Return whether a datagram of the RTP port is ZRTP, as opposed to RTP and STUN."""
    return len(data) >= _MIN and data[0] & 0xF0 == 0x10 and bytes(data[4:8]) == _MAGIC


def _make_tables() -> None:
    from array import array

    high = array("H", bytes(512))
    low = array("H", bytes(512))
    for number in range(256):
        h = 0
        w = number
        for _ in range(8):
            bit = w & 1
            w = w >> 1 | (h & 1) << 15
            h = h >> 1
            if bit:
                h ^= 0x82F6
                w ^= 0x3B78
        high[number] = h
        low[number] = w
    _tables.append(high)
    _tables.append(low)


def crc32c(data: "bytes | bytearray | memoryview") -> bytes:
    """Return the four octets of the CRC as they stand in a packet (RFC 4960 appendix B)."""
    if not _tables:
        _make_tables()
    high = _tables[0]
    low = _tables[1]
    h = 0xFFFF
    w = 0xFFFF
    for octet in data:
        i = (w ^ octet) & 0xFF
        w = (w >> 8 | (h & 0xFF) << 8) ^ low[i]
        h = h >> 8 ^ high[i]
    h ^= 0xFFFF
    w ^= 0xFFFF
    return bytes((w & 0xFF, w >> 8, h & 0xFF, h >> 8))


def emit(
    message: "bytes | bytearray",
    sequence: int,
    ssrc: int,
    crc: "Callable[[bytearray | memoryview], bytes]" = crc32c,
) -> bytes:
    """Return the packet of a message."""
    end = _HEADER + len(message)
    out = bytearray(end + _CRC)
    out[0] = 0x10
    out[2] = sequence >> 8 & 0xFF
    out[3] = sequence & 0xFF
    out[4:8] = _MAGIC
    out[8:12] = ssrc.to_bytes(4, "big")
    out[_HEADER:end] = message
    out[end:] = crc(memoryview(out)[:end])
    return bytes(out)


def parse(
    data: "bytes | bytearray | memoryview",
    crc: "Callable[[bytearray | memoryview], bytes]" = crc32c,
) -> "tuple[bytes, int, int]":
    """Return (message, sequence number, SSRC) of a packet.

    FormatError: too short or long, no ZRTP, wrong CRC (silently discarded then, section 5).
    """
    if not _MIN <= len(data) <= MAX_PACKET or len(data) & 3 or not is_zrtp(data):
        raise FormatError("no ZRTP packet")
    end = len(data) - _CRC
    if bytes(data[end:]) != crc(memoryview(data)[:end]):
        raise FormatError("wrong CRC")
    message = bytes(data[_HEADER:end])
    return message, data[2] << 8 | data[3], int.from_bytes(bytes(data[8:12]), "big")
