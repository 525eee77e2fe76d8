# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Serial number arithmetic (RFC 1982) mod 2^16 and 2^32, for RTP sequences and time stamps.

The difference a - b is the shortest signed way from b to a; a is newer than b when it is positive.
The two values exactly half the circle apart give the negative extreme, either way round.
"""


def add16(a: int, b: int) -> int:
    """Return (a + b) mod 2^16."""
    return (a + b) & 0xFFFF


def add32(a: int, b: int) -> int:
    """Return (a + b) mod 2^32."""
    return (a + b) & 0xFFFFFFFF


def difference16(a: int, b: int) -> int:
    """Return a - b in -32768..32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def difference32(a: int, b: int) -> int:
    """Return a - b in -2^31..2^31 - 1."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000
