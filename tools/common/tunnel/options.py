# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What `vox6 tunnel` can be told: one table for the flags and for the configuration file.

# /etc/vox6/tunnel.conf
server = tsp.example.net 192.0.2.115
default-route = auto
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vox6.pubtsp import martians
from vox6.pubtsp.address import mapped
from vox6.wire.errors import FormatError
from vox6.wire.inet6 import parse_address, parse_ipv4

Peer = tuple[bytes, int]
Where = Peer | str

_PORT = 3653
_MAX_SERVERS = 32  # of lib/pubtsp's Client


class OptionError(Exception):
    """A setting that cannot be; the text names it and says what can."""


@dataclass
class Options:
    """The settings, each with the value that it has unless told.

    server: names and IPv4 addresses in the order to try, none: the network tells. domain: whose
    SRV records do; "": the host's. linger: seconds without packets after which the tunnel rests
    while there is native IPv6, 0: never. cheap_keepalive: seconds, 0: none.
    """

    server: tuple[Where, ...] = ()
    domain: str = ""
    interface: str = "vox6"
    default_route: str = "auto"
    metric: int = 2048
    direct: bool = True
    direct_prefix: tuple[bytes, ...] = ()
    martians: str = martians.STRICT
    keepalive: int = 28
    keepalive_search: bool = True
    cheap_keepalive: int = 0
    cheap_hop_limit: int = 3
    quick_start: bool = True
    linger: int = 600
    resolv_conf: str = "/etc/resolv.conf"
    verbose: bool = False


# name in the file and as a flag: (kind, what it is, least, most)
_ROWS: dict[str, tuple[str, str, int, int]] = {
    "server": ("servers", "names or IPv4 addresses of servers, in the order to try", 0, 0),
    "domain": ("domain", "ask SRV _tsp._udp of this domain when no server is given", 0, 0),
    "interface": ("interface", "name of the TUN device", 0, 0),
    "default-route": ("auto", "auto: where there is no other one; yes, no", 0, 0),
    "metric": ("number", "metric of the default route, others of less go before", 1, 2**31 - 1),
    "direct": ("switch", "paths straight to other clients of PubTSP", 0, 0),
    "direct-prefix": ("prefixes", "prefixes of other servers, for direct paths", 0, 0),
    "martians": ("martians", "strict, private (server inside our network) or lab", 0, 0),
    "keepalive": ("number", "seconds between keepalives that the server is asked for", 20, 3600),
    "keepalive-search": ("switch", "find out how seldom the NAT needs one", 0, 0),
    "cheap-keepalive": ("number", "seconds between empty datagrams for the NAT, 0: none", 0, 3600),
    "cheap-hop-limit": ("number", "how far these go", 1, 255),
    "quick-start": ("switch", "ask for a tunnel at once, without a session", 0, 0),
    "linger": ("number", "rest after so many seconds without packets beside native IPv6, 0: never",
               0, 10**6),
    "resolv-conf": ("file", "where the host's DNS servers stand", 0, 0),
    "verbose": ("switch", "tell more", 0, 0),
}  # fmt: skip


def names() -> list[tuple[str, str, str]]:
    """Return (name, kind, what it is) of every setting."""
    return [(name, row[0], row[1]) for name, row in _ROWS.items()]


def default_text(name: str) -> str:
    """Return what a setting is unless told, as text."""
    return _text(getattr(Options, name.replace("-", "_"), ""))


def set_option(options: Options, name: str, text: str) -> None:
    """Set one by its name; OptionError: no such setting, or not a value for it."""
    row = _ROWS.get(name)
    if row is None:
        raise OptionError(f"there is no setting {name!r}; there are: {', '.join(_ROWS)}")
    kind, _, least, most = row
    value: object = text.strip()
    try:
        if kind == "servers":
            value = tuple(_server(word) for word in text.split())
            if len(value) > _MAX_SERVERS:
                raise ValueError(f"at most {_MAX_SERVERS} servers")
        elif kind == "prefixes":
            value = tuple(_prefix(word) for word in text.split())
        elif kind == "number":
            value = _number(text, least, most)
        elif kind == "switch":
            value = _choice(text, {"yes": True, "on": True, "no": False, "off": False})
        elif kind == "auto":
            value = _choice(text, {word: word for word in ("auto", "yes", "no")})
        elif kind == "martians":
            value = _choice(text, {word: word for word in martians.POLICIES})
        elif kind == "domain":
            value = _name(text) if text.strip() else ""
        elif kind == "interface" and not value:
            raise ValueError("a name is wanted")
    except ValueError as error:
        raise OptionError(f"{name} = {text.strip()!r}: {error}") from None
    setattr(options, name.replace("-", "_"), value)


def read_file(options: Options, path: Path) -> None:
    """Take the settings of a TOML file. OptionError with the name of the file."""
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise OptionError(f"configuration file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"configuration file {path}: {error}") from None
    for name, value in table.items():
        try:
            set_option(options, name, _text(value))
        except OptionError as error:
            raise OptionError(f"configuration file {path}: {error}") from None


def _text(value: object) -> str:
    """A value of TOML as a flag would have it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(_text(one) for one in value)
    return str(value)


def _number(text: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ValueError("not a number") from None
    if not least <= value <= most:
        raise ValueError(f"{least} to {most}")
    return value


def _choice(text: str, choices: dict[str, Any]) -> object:
    word = text.strip().lower()
    if word not in choices:
        raise ValueError("one of " + ", ".join(choices))
    return choices[word]


def _server(word: str) -> Where:
    """A server: an IPv4 address, or a name."""
    if word.replace(".", "").isdigit():
        try:
            v4 = parse_ipv4(word)
        except FormatError:
            raise ValueError("not an IPv4 address") from None
        if not 0 < v4[0] < 224:
            raise ValueError("no server can have this address")
        return mapped(v4), _PORT
    if ":" in word:
        raise ValueError(f"servers are reached by IPv4, at port {_PORT}")
    return _name(word)


def _name(text: str) -> str:
    name = text.strip().rstrip(".")
    labels = name.split(".")
    good = 0 < len(name) <= 253 and all(
        0 < len(label) <= 63 and label.replace("-", "").replace("_", "").isalnum()
        and label.isascii() for label in labels
    )  # fmt: skip
    if not good:
        raise ValueError("not a domain name")
    return name


def _prefix(word: str) -> bytes:
    address, slash, bits = word.partition("/")
    if slash and bits != "64":
        raise ValueError("prefixes of PubTSP have 64 bits")
    try:
        octets = parse_address(address)
    except FormatError:
        raise ValueError("not an IPv6 prefix") from None
    if octets[8:] != bytes(8):
        raise ValueError("there is something behind the first 64 bits")
    return octets[:8]
