# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What may stand behind the name of a setting: text or TOML value in, checked value out.

Each parser takes a str, int, bool or float and raises ValueError, whose text ends the sentence
"NAME = VALUE: it must be ...".
"""

import ipaddress
import re
from collections.abc import Callable, Sequence

SERVER_PORT = 3653
Network = tuple[bytes, int]
Parser = Callable[[object], object]

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$")


def text(value: object) -> str:
    """Any text that is not empty."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("a text in quotes")
    return value.strip()


def path(value: object) -> str:
    """An absolute file name."""
    name = text(value)
    if not name.startswith("/"):
        raise ValueError("a file name from / on")
    return name


def optional(parser: Parser) -> Parser:
    """Also an empty text, which stands for nothing."""

    def parse(value: object) -> object:
        return "" if value == "" else parser(value)

    return parse


def number(least: int, most: int) -> Parser:
    """A whole number."""

    def parse(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return value

    return parse


def switch(value: object) -> bool:
    """true or false; as text on and off, yes and no, 1 and 0 too."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.strip().lower() in ("true", "on", "yes", "1"):
            return True
        if value.strip().lower() in ("false", "off", "no", "0"):
            return False
    raise ValueError("true or false")


def word(*choices: str) -> Parser:
    """One of some words."""

    def parse(value: object) -> str:
        if value is False and "off" in choices:
            return "off"
        if not isinstance(value, str) or value.strip().lower() not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return value.strip().lower()

    return parse


def ipv4(value: object) -> bytes:
    """A unicast IPv4 address, as four octets."""
    try:
        if not isinstance(value, str):
            raise ValueError
        address = ipaddress.IPv4Address(value.strip())
    except ValueError:
        raise ValueError("an IPv4 address, as 203.0.113.1") from None
    first = address.packed[0]
    if first in (0, 127) or first >= 224:
        raise ValueError("a unicast IPv4 address, not one of this machine alone or of a group")
    return address.packed


def listen(value: object) -> bytes:
    """An IPv4 address with or without the port, which is 3653."""
    if isinstance(value, str) and ":" in value:
        value, _, port = value.partition(":")
        if port.strip() != str(SERVER_PORT):
            raise ValueError(f"an IPv4 address; the port is {SERVER_PORT}, clients know no other")
    return ipv4(value)


def ipv6(value: object) -> bytes:
    """A unicast IPv6 address, as 16 octets."""
    try:
        if not isinstance(value, str):
            raise ValueError
        address = ipaddress.IPv6Address(value.strip())
    except ValueError:
        raise ValueError("an IPv6 address, as 2001:db8::53") from None
    if address.is_multicast or address.is_unspecified or address.is_loopback or address.scope_id:
        raise ValueError("a unicast IPv6 address that others can reach")
    return address.packed


def prefix(value: object) -> bytes:
    """A /64, as its first 8 octets."""
    try:
        if not isinstance(value, str):
            raise ValueError
        network = ipaddress.IPv6Network(value.strip())
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError("a prefix whose last 64 bits are zero") from None
        raise ValueError("an IPv6 prefix of 64 bits, as 2001:db8:3653:1::/64") from None
    if network.prefixlen != 64:
        raise ValueError(f"a prefix of 64 bits; this one has {network.prefixlen}")
    first = network.network_address.packed
    if first[0] >> 5 != 1 and first[0] & 0xFE != 0xFC:
        raise ValueError("global unicast (2000::/3), or fc00::/7 in a closed network")
    return first[:8]


def network(value: object) -> Network:
    """An IPv4 or IPv6 address or network, as (octets, bits)."""
    try:
        if not isinstance(value, str):
            raise ValueError
        found = ipaddress.ip_network(value.strip())
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError("a network without bits behind its length") from None
        raise ValueError("a network, as 203.0.113.0/24 or 2001:db8:1::/48") from None
    return found.network_address.packed, found.prefixlen


def domain(value: object) -> str:
    """A domain name, without a dot at its end."""
    name = text(value).rstrip(".")
    if len(name) > 190 or not all(_LABEL.match(label) for label in name.split(".")):
        raise ValueError("a domain name, as tsp.example")
    return name


def broker(value: object) -> bytes | str:
    """Another server: an IPv4 address, as four octets, or a name."""
    try:
        return ipv4(value)
    except ValueError:
        pass
    try:
        name = domain(value)
    except ValueError:
        name = ""
    if not name or name.replace(".", "").isdigit():
        raise ValueError("an IPv4 address or a domain name")
    return name


def interface(value: object) -> str:
    """The name of a network interface."""
    name = text(value)
    if len(name.encode()) > 15 or re.search(r"[\s/]", name) or name in (".", ".."):
        raise ValueError("the name of an interface, at most 15 characters")
    return name


def tun(value: object) -> str:
    """The name of a TUN device, or fd:N for one that is open already."""
    if isinstance(value, str) and value.strip().startswith("fd:"):
        if not re.fullmatch(r"fd:[0-9]{1,5}", value.strip()):
            raise ValueError("fd: and a number, as fd:3")
        return value.strip()
    return interface(value)


def endpoint(value: object) -> tuple[str, int]:
    """An address and a TCP port, as 127.0.0.1:9653 or [::1]:9653."""
    try:
        if not isinstance(value, str):
            raise ValueError
        host, colon, port = value.strip().rpartition(":")
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port):
            raise ValueError
        if host.startswith("[") and host.endswith("]"):
            host = str(ipaddress.IPv6Address(host[1:-1]))
        else:
            host = str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError("an address and a port, as 127.0.0.1:9653 or [::1]:9653") from None
    if not 1024 <= int(port) <= 65535:
        raise ValueError("a port from 1024 to 65535, as rights are gone when it is opened")
    return host, int(port)


def several(parser: Parser) -> Parser:
    """A list, or one text with spaces or commas."""

    def parse(value: object) -> list[object]:
        if isinstance(value, str):
            value = value.replace(",", " ").split()
        if not isinstance(value, Sequence) or isinstance(value, (bytes, bytearray)):
            raise ValueError('a list of texts, as ["...", "..."]')
        out = []
        for one in value:
            try:
                out.append(parser(one))
            except ValueError as error:
                raise ValueError(f"{error}; {one!r} is none") from None
        return out

    return parse
