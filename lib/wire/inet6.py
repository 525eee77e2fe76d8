# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Text forms of IPv6 addresses: reads RFC 4291 section 2.2, writes RFC 5952.

A peer address at the border of every engine is `(addr16, port)` (style.md section 1, rule 6).

    IPv6address  =  hexpart [ ":" IPv4address ]          ; RFC 3261 section 25.1
    hexpart      =  hexseq / hexseq "::" [ hexseq ] / "::" [ hexseq ]
    hexseq       =  hex4 *( ":" hex4)
    hex4         =  1*4HEXDIG

The ABNF allows more or fewer than eight groups; such text is refused here. Zone ids are refused
too: RFC 3261 has no place for them.
"""

from .const import const
from .errors import FormatError

_HEX = const("0123456789abcdefABCDEF")
_MAPPED = const(b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")
_MAX_TEXT = const(45)  # eight groups, the last two as dotted quad


def parse_ipv4(text: str) -> bytes:
    """Return the four octets of a dotted quad; FormatError if it is none."""
    parts = text.split(".")
    if len(parts) != 4:
        raise FormatError("not an IPv4 address")
    octets = bytearray(4)
    for i in range(4):
        part = parts[i]
        if not 1 <= len(part) <= 3 or not _digits(part):
            raise FormatError("not an IPv4 address")
        value = int(part)
        if value > 255:
            raise FormatError("not an IPv4 address")
        octets[i] = value
    return bytes(octets)


def _digits(text: str) -> bool:
    for char in text:
        if char < "0" or char > "9":
            return False
    return True


def _groups(text: str, last: bool) -> "list[int]":
    out: "list[int]" = []
    if not text:
        return out
    parts = text.split(":")
    for i in range(len(parts)):
        part = parts[i]
        if last and i == len(parts) - 1 and "." in part:
            quad = parse_ipv4(part)
            out.append(quad[0] << 8 | quad[1])
            out.append(quad[2] << 8 | quad[3])
            continue
        if not 1 <= len(part) <= 4 or part.strip(_HEX):
            raise FormatError("not an IPv6 address")
        out.append(int(part, 16))
    return out


def parse_address(text: str) -> bytes:
    """Return the 16 octets of an IPv6 address in text, without brackets; FormatError if none."""
    if len(text) > _MAX_TEXT:
        raise FormatError("not an IPv6 address")
    at = text.find("::")
    if at < 0:
        groups = _groups(text, True)
        if len(groups) != 8:
            raise FormatError("not an IPv6 address")
    else:
        head = _groups(text[:at], False)
        tail = _groups(text[at + 2 :], True)
        missing = 8 - len(head) - len(tail)
        if missing < 1:
            raise FormatError("not an IPv6 address")
        groups = head + [0] * missing + tail
    out = bytearray(16)
    for i in range(8):
        out[2 * i] = groups[i] >> 8
        out[2 * i + 1] = groups[i] & 0xFF
    return bytes(out)


def format_address(addr16: bytes) -> str:
    """Return the text of an address by RFC 5952, v4-mapped ones with a dotted quad."""
    if len(addr16) != 16:
        raise FormatError("an address has 16 octets")
    if addr16[:12] == _MAPPED:
        return "::ffff:%d.%d.%d.%d" % (addr16[12], addr16[13], addr16[14], addr16[15])
    groups = [addr16[i] << 8 | addr16[i + 1] for i in range(0, 16, 2)]
    best = 0
    best_length = 1  # a single zero group is not shortened (RFC 5952 section 4.2.2)
    i = 0
    while i < 8:
        j = i
        while j < 8 and groups[j] == 0:
            j += 1
        if j - i > best_length:
            best = i
            best_length = j - i
        i = j + 1
    if best_length == 1:
        return ":".join(["%x" % group for group in groups])
    head = ":".join(["%x" % group for group in groups[:best]])
    tail = ":".join(["%x" % group for group in groups[best + best_length :]])
    return head + "::" + tail
