# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""DHCP unique identifiers (RFC 8415 section 11): type 16, then at most 128 octets.

    1 DUID-LLT   hardware type 16, time 32 (s since 2000-01-01, mod 2^32), link-layer address
    3 DUID-LL    hardware type 16, link-layer address
    4 DUID-UUID  UUID 128 (RFC 6355)

A device keeps its DUID for ever: LLT needs storage, LL an address that stays with the device.
"""

from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

ETHERNET = 1  # hardware type
_MIN_DUID = const(3)  # type and an octet
_MAX_DUID = const(130)  # section 11.1


def link_layer(address: bytes, hardware: int = ETHERNET) -> bytes:
    """Return a DUID-LL (section 11.4)."""
    return checked(b"\x00\x03" + bytes((hardware >> 8, hardware & 0xFF)) + address)


def link_layer_time(address: bytes, seconds: int, hardware: int = ETHERNET) -> bytes:
    """Return a DUID-LLT (section 11.2); seconds since 2000-01-01 00:00 UTC."""
    when = bytes((seconds >> 24 & 0xFF, seconds >> 16 & 0xFF, seconds >> 8 & 0xFF, seconds & 0xFF))
    return checked(b"\x00\x01" + bytes((hardware >> 8, hardware & 0xFF)) + when + address)


def uuid(octets: bytes) -> bytes:
    """Return a DUID-UUID (section 11.5)."""
    if len(octets) != 16:
        raise LocalProtocolError("a UUID has 16 octets")
    return b"\x00\x04" + bytes(octets)


def checked(duid: bytes) -> bytes:
    """Return a DUID of a possible length; LocalProtocolError otherwise."""
    if not is_duid(duid):
        raise LocalProtocolError("a DUID has 3 to 130 octets")
    return bytes(duid)


def is_duid(octets: bytes) -> bool:
    """Return whether octets have the length of a DUID."""
    return _MIN_DUID <= len(octets) <= _MAX_DUID
