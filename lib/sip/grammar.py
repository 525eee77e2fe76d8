# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Tokens, numbers, hosts and ports: the rules that all of SIP is made of (RFC 3261 section 25.1).

token     =  1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
hostport  =  host [ ":" port ]
host      =  hostname / IPv4address / IPv6reference
"""

from vox6.wire import const
from vox6.wire.errors import FormatError
from vox6.wire.inet6 import format_address, parse_address, parse_ipv4

MAX_URI_CHARS = 1024  # longer ones are answered 414
_HOST = const("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
TOKEN = _HOST + "!%*_+`'~"
_DIGITS = const("0123456789")
_LWS = const(" \t\r\n")
_MAPPED = const(b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")


def is_token(text: str) -> bool:
    """Return whether text is a token, 1*(alphanum / "-" / "." / ...)."""
    return bool(text) and not text.strip(TOKEN)


def parse_number(text: str, maximum: int = 0xFFFFFFFF) -> int:
    """Return a 1*DIGIT value of at most maximum; FormatError otherwise."""
    text = text.strip(_LWS)
    if not text or len(text) > 32 or text.strip(_DIGITS):
        raise FormatError("bad number")
    value = int(text)
    if value > maximum:
        raise FormatError("number too large")
    return value


def host_text(addr16: bytes) -> str:
    """Return an address as a URI or Via host: an IPv6reference, or a dotted quad if v4-mapped.

    The interface index that a link-local address carries in octets 2 and 3 stays at home.
    """
    if addr16[:12] == _MAPPED:
        return "%d.%d.%d.%d" % (addr16[12], addr16[13], addr16[14], addr16[15])
    if addr16[0] == 0xFE and addr16[1] & 0xC0 == 0x80:
        addr16 = addr16[:2] + b"\x00\x00" + addr16[4:]
    return "[" + format_address(addr16) + "]"


def host_address(host: str) -> "bytes | None":
    """Return the 16 octets of a host that is an address (IPv4 v4-mapped), None for a name."""
    if host[:1] == "[":
        if host[-1:] != "]":
            raise FormatError("bad IPv6 reference")
        return parse_address(host[1:-1])
    if host and not host.strip("0123456789."):
        return _MAPPED + parse_ipv4(host)
    return None


def check_host(host: str) -> None:
    """Raise FormatError unless host is a hostname, an IPv4 address or an IPv6 reference."""
    if host[:1] == "[":
        host_address(host)
        return
    if not host or host.strip(_HOST):
        raise FormatError("bad host")
    labels = host.split(".")
    if not labels[-1]:
        labels.pop()  # the root dot
    if not labels:
        raise FormatError("bad host")
    for label in labels:
        if not label or label[0] == "-" or label[-1] == "-":
            raise FormatError("bad host")
    if not labels[-1].strip(_DIGITS):
        parse_ipv4(host)  # a hostname's last label begins with a letter


def split_hostport(text: str) -> "tuple[str, int | None]":
    """Return (host, port or None) of a hostport; an IPv6 host keeps its brackets."""
    if text[:1] == "[":
        at = text.find("]")
        if at < 0:
            raise FormatError("bad IPv6 reference")
        host = text[: at + 1]
        rest = text[at + 1 :]
        if not rest:
            return host, None
        if rest[0] != ":":
            raise FormatError("bad host")
        return host, parse_port(rest[1:])
    at = text.find(":")
    if at < 0:
        return text, None
    return text[:at], parse_port(text[at + 1 :])


def parse_port(text: str) -> int:
    """Return a port, 0..65535; FormatError otherwise."""
    if not 1 <= len(text) <= 5 or text.strip(_DIGITS):
        raise FormatError("bad port")
    port = int(text)
    if port > 65535:
        raise FormatError("bad port")
    return port
