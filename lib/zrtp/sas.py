# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The short authentication string as people read it (RFC 6189 section 5.1.6)."""

_BASE32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


def base32(sasvalue: bytes) -> str:
    """Return four characters for the leftmost 20 bits; sasvalue: 4 octets or more."""
    bits = sasvalue[0] << 12 | sasvalue[1] << 4 | sasvalue[2] >> 4
    out = ""
    for shift in (15, 10, 5, 0):
        out += _BASE32[bits >> shift & 31]
    return out


def base256(sasvalue: bytes) -> str:
    """Return two words of the PGP Word List for the leftmost 16 bits."""
    from .words import THREE_SYLLABLES, TWO_SYLLABLES, word

    return word(TWO_SYLLABLES, sasvalue[0]) + " " + word(THREE_SYLLABLES, sasvalue[1])


def render(sas_type: str, sasvalue: bytes) -> str:
    """Return the SAS of a type block ("B32 ", "B256"); ValueError if it is neither."""
    if sas_type == "B32 ":
        return base32(sasvalue)
    if sas_type == "B256":
        return base256(sasvalue)
    raise ValueError("unknown SAS type")
