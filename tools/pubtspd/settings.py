# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What an operator sets (pubtsp.md section 7.1): one table for the file, the flags and the manual.

    settings = load(Path("/etc/pubtspd.conf"), {"martians": "lab"})

The file is TOML, names of keys are those of the flags. All mistakes are told at once.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from . import values
from .values import Network, Parser, several

DEFAULT_FILE = "/etc/pubtspd.conf"


class SettingsError(Exception):
    """Wrong settings; `lines` holds one sentence for each mistake."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


@dataclass
class Settings:
    """Checked values. Addresses are octets; a name in the table has - where it has _ here."""

    listen: list[bytes]
    prefix: list[bytes]
    tun: str
    service_on_tun: bool
    tag: str
    key_file: str
    lifetime: int
    keepalive_min: int
    keepalive_default: int
    keepalive_max: int
    martians: str
    ports_min: int
    deny: list[Network]
    allow: list[Network]
    peers: list[bytes]
    hairpin: bool
    nat64: str
    ula: str
    hop_by_hop: str
    packet_rate: int
    icmp_errors: bool
    error_rate: int
    foreign_hint: bool
    dns_server: bytes | str
    dscp: bool
    domain: str
    plane: str
    interface_ipv4: str
    interface_ipv6: str
    next_hops: bool
    pin: str
    memo: int
    self_test: int
    control: str
    metrics: tuple[str, int] | str
    user: str
    group: str
    chroot: str

    @property
    def pairs(self) -> list[tuple[bytes, bytes]]:
        """[(service IPv4, prefix)]."""
        return list(zip(self.listen, self.prefix, strict=True))


@dataclass
class Row:
    """One setting: its parser, its default (None: it must be given), a line for people.

    fixed: a change needs a restart.
    """

    name: str
    parser: Parser
    default: object
    help: str
    fixed: bool = False

    @property
    def attribute(self) -> str:
        """The name in Settings."""
        return self.name.replace("-", "_")


_allowed = values.word("deny", "allow")
TABLE = (
    Row("listen", several(values.listen), None,
        "IPv4 addresses of the service, port 3653", fixed=True),
    Row("prefix", several(values.prefix), None,
        "IPv6 prefixes of clients, /64; as many as listen, in its order", fixed=True),
    Row("tun", values.tun, "pubtsp", "TUN device, made if absent; fd:N: an open one",
        fixed=True),
    Row("service-on-tun", values.switch, False,
        "put the IPv4 addresses of listen on the TUN device, for BIRD to announce", fixed=True),
    Row("tag", values.word("off", "mac", "lan"), "mac", "last 16 bits of addresses"),
    Row("key-file", values.path, "/var/lib/pubtspd/key", "keys of the tag; made if absent"),
    Row("lifetime", values.number(1, 525600), 1440,
        "minutes that clients may keep an address where keys do not change"),
    Row("keepalive-min", values.number(1, 3600), 20, "seconds, the least that a client gets"),
    Row("keepalive-default", values.number(1, 86400), 30, "seconds, for a client without a wish"),
    Row("keepalive-max", values.number(1, 86400), 3600, "seconds, the most that a client gets"),
    Row("martians", values.word("strict", "private", "lab"), "strict",
        "which IPv4 addresses clients may have: strict, private, lab"),
    Row("ports-min", values.number(1, 65535), 1024, "lowest UDP port of a client"),
    Row("deny", several(values.network), [], "networks that are refused"),
    Row("allow", several(values.network), [], "IPv4 networks of clients, no others; empty: all"),
    Row("peers", several(values.ipv4), [], "IPv4 addresses of other servers"),
    Row("hairpin", values.switch, True, "let clients reach each other"),
    Row("nat64", _allowed, "deny", "whether clients may reach NAT64 prefixes: deny, allow"),
    Row("ula", _allowed, "deny", "whether fc00::/7 may be reached: deny, allow"),
    Row("hop-by-hop", _allowed, "allow", "hop-by-hop options of clients: deny, allow"),
    Row("packet-rate", values.number(0, 10_000_000), 0,
        "packets a second of each IPv4 address, each way; 0: no limit"),
    Row("icmp-errors", values.switch, True, "answer with ICMPv6 errors"),
    Row("error-rate", values.number(1, 100_000), 10, "ICMPv6 errors a second for each source"),
    Row("foreign-hint", values.switch, True, "tell clients of another prefix to ask again"),
    Row("dns-server", values.optional(values.ipv6), "", "IPv6 address of a resolver for clients"),
    Row("dscp", values.switch, True, "copy DSCP of the inner packet to the outer one"),
    Row("domain", values.optional(values.domain), "", "domain of the computed PTR names"),
    Row("plane", values.word("auto", "xdp", "portable"), "auto",
        "data plane: auto, xdp, portable", fixed=True),
    Row("interface-ipv4", values.optional(values.interface), "",
        "interface towards clients, for XDP; empty: that of listen", fixed=True),
    Row("interface-ipv6", values.optional(values.interface), "",
        "interface towards the IPv6 Internet, for XDP; empty: that of the default route",
        fixed=True),
    Row("next-hops", values.switch, False,
        "XDP looks next hops up in a table of its own, which is faster", fixed=True),
    Row("pin", values.optional(values.path), "",
        "folder of a bpf file system where XDP stays when pubtspd ends; empty: it ends too",
        fixed=True),
    Row("memo", values.number(0, 1_000_000), 32768,
        "pairs of addresses each way, tags and peers that the portable plane remembers",
        fixed=True),
    Row("self-test", values.number(0, 3600), 5, "seconds between self-tests; 0: none"),
    Row("control", values.optional(values.path), "/run/pubtspd/control",
        "socket for pubtspd status and drain; empty: none", fixed=True),
    Row("metrics", values.optional(values.endpoint), "",
        "address and port of Prometheus metrics; empty: none", fixed=True),
    Row("user", values.optional(values.text), "", "user after the start", fixed=True),
    Row("group", values.optional(values.text), "", "group after the start", fixed=True),
    Row("chroot", values.optional(values.path), "", "root folder after the start", fixed=True),
)  # fmt: skip
ROWS = {row.name: row for row in TABLE}
assert [row.attribute for row in TABLE] == [one.name for one in fields(Settings)]


def read(path: Path) -> dict[str, Any]:
    """Return the keys of a file as they stand there; SettingsError: no file, or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: it must be UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: {error}"]) from None


def load(path: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the settings of a file, flags before it, defaults behind it.

    flags: values by name, given on the command line. SettingsError: all mistakes.
    """
    given: dict[str, tuple[str, object]] = {}
    mistakes: list[str] = []
    if path is not None:
        for name, value in read(path).items():
            if name in ROWS:
                given[name] = (f"{path}: {name} = {_shown(value)}", value)
            else:
                mistakes.append(f"{path}: {name}: there is no such setting{_like(name)}")
    for name, value in flags.items():
        given[name] = (f"--{name} {_shown(value)}", value)
    found: dict[str, Any] = {}
    for row in TABLE:
        if row.name not in given:
            if row.default is None:
                mistakes.append(f"{row.name} is missing: {row.help}")
            else:
                found[row.attribute] = row.default
            continue
        where, value = given[row.name]
        try:
            found[row.attribute] = row.parser(value)
        except ValueError as error:
            mistakes.append(f"{where}: it must be {error}")
    _together(found, mistakes)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**found)


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_shown(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _like(name: str) -> str:
    """A setting of nearly that name, for the message."""
    from difflib import get_close_matches

    close = get_close_matches(name.replace("_", "-").lower(), ROWS, 1)
    return f"; is {close[0]} meant?" if close else ""


def _together(found: Mapping[str, Any], mistakes: list[str]) -> None:
    """What no setting alone can be blamed for."""

    def have(*names: str) -> bool:
        return all(name in found for name in names)

    if have("listen", "prefix"):
        listen, prefix = found["listen"], found["prefix"]
        if not listen:
            mistakes.append("listen is empty: it must name an IPv4 address")
        elif len(listen) != len(prefix):
            mistakes.append(
                f"listen has {len(listen)} addresses and prefix has {len(prefix)}: each address "
                "needs a prefix of its own, since the prefix alone tells from which address a "
                "client's packet must leave"
            )
        if len(set(listen)) != len(listen):
            mistakes.append("listen names an address twice")
        if len(set(prefix)) != len(prefix):
            mistakes.append("prefix names a prefix twice")
        if any(one[0] & 0xFE == 0xFC for one in prefix) and found.get("ula") == "deny":
            mistakes.append('prefix is of fc00::/7: that needs ula = "allow"')
    if have("keepalive_min", "keepalive_default", "keepalive_max"):
        least, default, most = (found["keepalive_" + n] for n in ("min", "default", "max"))
        if not least <= default <= most:
            mistakes.append(
                f"keepalive-min {least}, keepalive-default {default}, keepalive-max {most}: "
                "each must be at least the one before"
            )
    if have("listen", "peers") and set(found["listen"]) & set(found["peers"]):
        mistakes.append("peers names an address of listen: it must name other servers")
    if have("allow") and any(len(one) != 4 for one, _ in found["allow"]):
        mistakes.append("allow names an IPv6 network: it must name IPv4 networks of clients")
    if found.get("plane") != "xdp" and found.get("next_hops"):
        if found.get("plane") == "portable":
            mistakes.append('next-hops = true: that needs plane = "xdp" or "auto"')
    if found.get("pin") and found.get("plane") == "portable":
        mistakes.append('pin is set: that needs plane = "xdp" or "auto"')
    if found.get("chroot") and not found.get("user"):
        mistakes.append("chroot is set: user must be set too, root leaves any chroot")


def changed(old: Settings, new: Settings) -> list[str]:
    """Return the names of settings that differ."""
    return [
        row.name for row in TABLE if getattr(old, row.attribute) != getattr(new, row.attribute)
    ]
