# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The configuration: one word and its values on a line, `#` begins a comment.

    map 10.0.0.11 = 2001:db8::b:11              # real = representation
    map 10.0.0.12:5062 = [2001:db8::b:12]:5060
    map 10.0.0.32/28 = 2001:db8::b:20/124
    name sip.example.org = 10.0.0.2 / 2001:db8::b:2
    media shared 2001:db8::b:2

    settings = parse(text)

All mistakes are told at once, each with its line.
"""

from vox6.sip.grammar import host_address, host_text, parse_number, split_hostport
from vox6.wire.errors import FormatError

from .pool import Pool
from .ports import ANY
from .table import ConfigurationError, Table, side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .ports import Place

    Address = tuple[bytes, int]

SIP_PORT = 5060
DEFAULT_FILE = "/etc/siproxy64.conf"
NOWHERE = b"\x01" + b"\0" * 14 + b"\x01"  # 100::1, of the discard-only prefix (RFC 6666)
DEFAULT_CONTROL = "/run/siproxy64/control"
_SIDES = {"4": True, "6": False, "4to6": True, "6to4": False}  # as table.side() has them
_SWITCH = {"on": True, "yes": True, "off": False, "no": False}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_LINE = 400


class SettingsError(Exception):
    """Wrong settings; `lines` holds one sentence for each mistake."""

    def __init__(self, lines: "list[str]") -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class Settings:
    """What is set. Sides are as table.side() has them; addresses have 16 octets."""

    def __init__(self) -> None:
        self.table = Table()
        self.pools: "list[Pool]" = []
        self.pool_lines: "list[tuple[tuple[bytes, int], tuple[bytes, int], int, str]]" = []
        self.defaults: "dict[bool, Address]" = {}  # by side: where DNS says how to go on
        # By side: where strangers of the other one are seen, whether in their Contact too.
        self.proxies: "dict[bool, tuple[Address, bool]]" = {}
        self.secret = ""  # a file: key of what proxy mode writes into messages
        self.media_shared: "dict[bool, bytes]" = {}  # side: the address that is shown there
        self.latch = {True: True, False: False}
        self.ports = (16384, 32767)  # of media that cannot keep its own
        self.unmapped = "pass"
        self.transports: "tuple[str, ...]" = ("udp", "tcp")
        self.log_calls = False
        self.anyip = False
        self.pubtsp = ""
        self.control = DEFAULT_CONTROL
        self.metrics: "Address | None" = None
        self.user = ""
        self.group = ""
        self.plane = "auto"
        self.limits = {
            "streams": 64,  # at once
            "messages": 1000,  # a second from one party
            "strangers": 10,  # a second from one address that is no party
            "connections": 64,  # TCP, at once
            "silence": 90,  # seconds without media until a call is over after SIGHUP
            "ports": 256,  # SIP ports opened since somebody was told of them
        }

    def unknown(self, addr16: bytes, port: int, now: int, sender: bool) -> "Address | None":
        """Ask the pools for the counterpart of an address that the table lacks."""
        for pool in self.pools:
            found = pool.find(addr16, port, now, sender)
            if found is not None:
                return found
        return None

    def keep(self, old: "Settings") -> None:
        """Take over what the pools of a configuration before have given away."""
        for pool in self.pools:
            for other in old.pools:
                pool.keep(other)


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


def wanted(settings: "Settings") -> "list[Place]":
    """Return what a configuration listens on."""
    single: "set[Address]" = set()
    wild: "set[tuple[bool, int]]" = set()
    for addr16, length, port in settings.table.local_nets():
        if length == 128:
            single.add((addr16, port or SIP_PORT))
        else:
            wild.add((side(addr16), port or SIP_PORT))
    for pool in settings.pools:
        wild.add((side(pool.net[0]), SIP_PORT))
    single.update(settings.defaults.values())
    single.update([own for own, _ in settings.proxies.values()])
    out: "list[Place]" = []
    for transport in settings.transports:
        for here, port in sorted(wild):
            out.append((transport, ANY[here], port, True))
        for addr16, port in sorted(single):
            if (side(addr16), port) not in wild:
                out.append((transport, addr16, port, False))
    return out


def parse(
    text: str, arguments: "list[str] | None" = None, tunnel: "bytes | None" = None
) -> Settings:
    """Read a configuration, and further mappings `real=representation`; SettingsError.

    tunnel: what the word `tunnel` stands for, None: for an address that nobody has.
    """
    return _Reader(tunnel or NOWHERE).read(text, arguments or [])


class _Reader:
    """Lines become settings."""

    def __init__(self, tunnel: bytes = NOWHERE) -> None:
        self._tunnel = host_text(tunnel)
        self._needs_tunnel = self._needs_pool = ""
        self.settings = Settings()
        self._where = ""
        self._seen: "dict[str, str]" = {}
        self._kinds: "dict[str, Callable[[list[str]], None]]" = {
            "map": self._map,
            "pool": self._pool,
            "name": self._name,
            "default": self._default,
            "media": self._media,
            "latch": self._latch,
            "limit": self._limit,
            "listen": self._listen,
            "log": self._log,
            "metrics": self._metrics,
            "pubtsp": self._pubtsp,
        }
        self._choices: "dict[str, tuple[str, tuple[str, ...]]]" = {
            "unmapped": ("unmapped", ("pass", "pool")),
            "plane": ("plane", ("auto", "portable", "xdp")),
        }
        self._switches = {"anyip": "anyip"}
        self._texts = ("control", "secret", "user", "group")
        self._proxy_lines: "dict[bool, str]" = {}

    def read(self, text: str, arguments: "list[str]") -> Settings:
        """Return the settings of a whole text."""
        wrong: "list[str]" = []
        rows = []
        number = 0
        for line in text.split("\n"):
            number += 1
            rows.append(("line %d" % number, line.partition("#")[0]))
        for word in arguments:
            rows.append((word, "map " + word.replace("=", " = ")))
        for where, line in rows:
            self._where = where
            words = line.split()
            if not words:
                continue
            try:
                if len(line) > _MAX_LINE:
                    raise FormatError("the line is too long")
                self._line(words[0], words[1:])
            except ConfigurationError as error:
                wrong.append(str(error))
            except FormatError as error:
                wrong.append("%s: %s" % (where, error))
        settings = self.settings
        if self._needs_tunnel and not settings.pubtsp:
            wrong.append("%s: tunnel: there is no pubtsp line" % self._needs_tunnel)
        if self._needs_pool and not settings.pool_lines:
            wrong.append("%s: default without a next hop needs a pool" % self._needs_pool)
        for parties, free, idle, where in settings.pool_lines:
            try:
                settings.pools.append(Pool(settings.table, parties, free, 1000 * idle))
            except ConfigurationError as error:
                wrong.append("%s: %s" % (where, error))
        for here, (own, _) in settings.proxies.items():
            where = self._proxy_lines[here]
            if settings.table.counterpart(own[0], own[1]) is not None:
                wrong.append("%s: %s is mapped already" % (where, show(own)))
            if [pool for pool in settings.pools if side(pool.net[0]) == here]:
                wrong.append("%s: a pool has the callers of proxy mode already" % where)
            settings.media_shared.setdefault(here, own[0])
        if wrong:
            raise SettingsError(wrong)
        if settings.pools:
            settings.table.unknown = settings.unknown
        return settings

    def _line(self, word: str, values: "list[str]") -> None:
        if values[:1] == ["="]:
            values = values[1:]
        for i in range(len(values)):
            value = values[i]
            if value == "tunnel" or value.startswith("tunnel:"):
                values[i] = self._tunnel + value[6:]
                self._needs_tunnel = self._where
        if word in self._kinds:
            self._kinds[word](values)
            return
        if word not in self._choices and word not in self._switches and word not in self._texts:
            raise FormatError("%s: there is no such setting" % word)
        if word in self._seen:
            raise FormatError("%s stands in %s already" % (word, self._seen[word]))
        self._seen[word] = self._where
        if len(values) != 1:
            raise FormatError("%s takes one value" % word)
        value = values[0]
        if word in self._texts:
            setattr(self.settings, word, value)
        elif word in self._switches:
            setattr(self.settings, self._switches[word], _switch(word, value))
        else:
            name, allowed = self._choices[word]
            if value not in allowed:
                raise FormatError("%s %s: it is one of %s" % (word, value, ", ".join(allowed)))
            setattr(self.settings, name, value)

    def _map(self, values: "list[str]") -> None:
        if len(values) != 3 or values[1] != "=":
            raise FormatError("map REAL = REPRESENTATION")
        one, two = values[0], values[2]
        if "/" not in one and "/" not in two:
            self.settings.table.add(address(one), address(two), 128, self._where)
            return
        real, length = net(one)
        representation, other = net(two)
        if length != other:
            raise FormatError("%s and %s are not of one size" % (one, two))
        self.settings.table.add((real, 0), (representation, 0), length, self._where)

    def _pool(self, values: "list[str]") -> None:
        if len(values) not in (3, 5) or values[1] != "=" or values[3:4] not in ([], ["idle"]):
            raise FormatError("pool NET = NET [idle TIME]")
        idle = duration(values[4]) if len(values) == 5 else duration("24h")
        self.settings.pool_lines.append((net(values[0]), net(values[2]), idle, self._where))

    def _name(self, values: "list[str]") -> None:
        if len(values) != 5 or values[1] != "=" or values[3] != "/":
            raise FormatError("name HOST = ADDRESS / ADDRESS")
        self.settings.table.add_name(
            values[0], literal(values[2]), literal(values[4]), self._where
        )

    def _default(self, values: "list[str]") -> None:
        if values[2:3] == ["proxy"]:
            self._proxy(values)
            return
        if len(values) not in (2, 4) or values[0] not in ("4to6", "6to4"):
            raise FormatError("default 4to6|6to4 OWN-ADDRESS [-> NEXT-HOP]")
        if values[2:3] not in ([], ["->"]):
            raise FormatError("default %s %s [-> NEXT-HOP]" % (values[0], values[1]))
        here = _SIDES[values[0]]
        own = address(values[1])
        hop = address(values[3]) if len(values) == 4 else None
        if side(own[0]) != here:
            raise FormatError("%s lives on the other side" % values[1])
        if hop is not None and side(hop[0]) == here:
            raise FormatError("%s lives on the same side" % values[3])
        own = own[0], own[1] or SIP_PORT
        if hop is not None:  # is seen at the own address, as a party is at its representation
            self.settings.table.add((hop[0], hop[1] or SIP_PORT), own, 128, self._where)
        elif not here:
            raise FormatError("default 6to4 needs a next hop")
        else:
            if own == self.settings.proxies.get(here, (None,))[0]:
                raise FormatError("%s is a proxy already" % values[1])
            self._needs_pool = self._where
            self.settings.defaults[here] = own

    def _proxy(self, values: "list[str]") -> None:
        here = _SIDES.get(values[0])
        if here is None or values[0] in ("4", "6") or values[3:] not in ([], ["contact"]):
            raise FormatError("default 4to6|6to4 OWN-ADDRESS proxy [contact]")
        own = address(values[1])
        if side(own[0]) != here:
            raise FormatError("%s lives on the other side" % values[1])
        own = own[0], own[1] or SIP_PORT
        if here in self._proxy_lines:
            raise FormatError("proxy stands in %s already" % self._proxy_lines[here])
        if self.settings.defaults.get(here) == own:
            raise FormatError("%s asks DNS already" % values[1])
        self._proxy_lines[here] = self._where
        self.settings.proxies[here] = own, len(values) == 4

    def _media(self, values: "list[str]") -> None:
        if len(values) == 2 and values[0] == "shared":
            addr16 = literal(values[1])
            if side(addr16) in self.settings.media_shared:
                raise FormatError("there is a shared media address of this side already")
            self.settings.media_shared[side(addr16)] = addr16
        elif len(values) == 2 and values[0] == "ports":
            first, _, last = values[1].partition("-")
            ports = parse_number(first, 65535), parse_number(last, 65535)
            if ports[0] < 1024 or ports[1] - ports[0] < 15:
                raise FormatError("media ports FIRST-LAST, above 1023 and at least 16")
            self.settings.ports = ports
        else:
            raise FormatError("media shared ADDRESS, or media ports FIRST-LAST")

    def _latch(self, values: "list[str]") -> None:
        if len(values) != 2 or values[0] not in ("4", "6"):
            raise FormatError("latch 4|6 on|off")
        self.settings.latch[_SIDES[values[0]]] = _switch("latch", values[1])

    def _limit(self, values: "list[str]") -> None:
        if len(values) != 2 or values[0] not in self.settings.limits:
            names = " ".join(sorted(self.settings.limits))
            raise FormatError("limit NAME NUMBER; the names are %s" % names)
        self.settings.limits[values[0]] = parse_number(values[1], 1000000)

    def _listen(self, values: "list[str]") -> None:
        if not values or [word for word in values if word not in ("udp", "tcp")]:
            raise FormatError("listen udp, listen tcp, or listen udp tcp")
        self.settings.transports = tuple(values)

    def _metrics(self, values: "list[str]") -> None:
        where = address(values[0]) if len(values) == 1 else (b"", 0)
        if not where[1] or self.settings.metrics is not None:
            raise FormatError("metrics ADDRESS:PORT, once")
        self.settings.metrics = where

    def _pubtsp(self, values: "list[str]") -> None:
        if not values or self.settings.pubtsp:
            raise FormatError("pubtsp SERVER..., or pubtsp auto, once")
        self.settings.pubtsp = " ".join(values)

    def _log(self, values: "list[str]") -> None:
        if len(values) != 2 or values[0] != "calls":
            raise FormatError("log calls on|off")
        self.settings.log_calls = _switch("log calls", values[1])


def _switch(name: str, text: str) -> bool:
    if text not in _SWITCH:
        raise FormatError("%s %s: it is on or off" % (name, text))
    return _SWITCH[text]


def duration(text: str) -> int:
    """Return the seconds of 90, 90s, 5m, 24h, 7d; FormatError."""
    unit = _UNITS.get(text[-1:], 0)
    return parse_number(text[:-1] if unit else text, 10000000) * (unit or 1)
