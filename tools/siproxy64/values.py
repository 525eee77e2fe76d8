# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What stands behind the words of the configuration: addresses, nets, times, switches."""

from vox6.sip.grammar import host_address, host_text, parse_number, split_hostport
from vox6.wire.errors import FormatError

from .table import side

TYPE_CHECKING = False
if TYPE_CHECKING:
    Address = tuple[bytes, int]

_SWITCH = {"on": True, "yes": True, "off": False, "no": False}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def literal(text: str) -> bytes:
    """Return the 16 octets of an address with or without brackets; FormatError: it is none."""
    host = text
    if ":" in text and text[:1] != "[":
        host = "[" + text + "]"
    try:
        addr16 = host_address(host)
    except FormatError:
        addr16 = None
    if addr16 is None:
        raise FormatError("%s is no address" % text)
    return addr16


def address(text: str) -> "Address":
    """Return (addr16, port), port 0 where there is none; FormatError."""
    if text.count(":") > 1 and text[:1] != "[":
        return literal(text), 0  # without brackets there is no port
    try:
        host, port = split_hostport(text)
    except FormatError:
        raise FormatError("%s is no address and port" % text)
    if port == 0:
        raise FormatError("%s: there is no port 0" % text)
    return literal(host), port or 0


def net(text: str) -> "tuple[bytes, int]":
    """Return (first address, prefix length in 128 bits); FormatError."""
    host, slash, length_text = text.partition("/")
    addr16 = literal(host)
    longest = 32 if side(addr16) else 128
    length = longest
    if slash:
        try:
            length = parse_number(length_text, longest)
        except FormatError:
            raise FormatError("%s: no length of a prefix" % text)
    return addr16, 128 - longest + length


def show(where: "Address") -> str:
    """Return an address as it is written in the configuration."""
    host = host_text(where[0])
    return "%s:%d" % (host, where[1]) if where[1] else host.strip("[]")


def switch(name: str, text: str) -> bool:
    """Return what on or off means; FormatError. name: of the setting."""
    if text not in _SWITCH:
        raise FormatError("%s %s: it is on or off" % (name, text))
    return _SWITCH[text]


def duration(text: str) -> int:
    """Return the seconds of 90, 90s, 5m, 24h, 7d; FormatError."""
    unit = _UNITS.get(text[-1:], 0)
    return parse_number(text[:-1] if unit else text, 10000000) * (unit or 1)
