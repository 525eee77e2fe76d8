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

from vox6.sip.grammar import host_text, parse_number
from vox6.wire.errors import FormatError

from .pool import Pool
from .settings import NOWHERE, SIP_PORT, Settings, SettingsError
from .table import ConfigurationError, side
from .values import address, duration, literal, net, show, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_SIDES = {"4": True, "6": False, "4to6": True, "6to4": False}  # as table.side() has them
_MAX_LINE = 400


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
        self._needs_tunnel = ""
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
            "compact": self._compact,
            "limit": self._limit,
            "listen": self._listen,
            "log": self._log,
            "metrics": self._metrics,
            "pubtsp": self._pubtsp,
        }
        self._choices: "dict[str, tuple[str, tuple[str, ...]]]" = {
            "ice": ("ice", ("drop", "rewrite")),
            "unmapped": ("unmapped", ("pass", "drop", "pool")),
            "plane": ("plane", ("auto", "portable", "xdp")),
        }
        self._switches = {"anyip": "anyip", "strip-identity": "strip_identity"}
        self._texts = ("control", "secret", "user", "group")
        self._proxy_lines: "dict[bool, str]" = {}
        self._default_lines: "dict[bool, str]" = {}

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
        for here, own in settings.defaults.items():
            where = self._default_lines[here]
            if settings.table.real(own[0], own[1]) is not None:
                wrong.append("%s: %s is mapped already" % (where, show(own)))
            if not settings.holds_anybody(here):
                wrong.append(
                    "%s: default without a next hop needs a pool or a whole family" % where
                )
        if wrong:
            raise SettingsError(wrong)
        for pool in settings.pools:
            settings.table.reserve(pool.net[0], pool.net[1])
        for own in settings.defaults.values():
            settings.table.reserve(own[0], 128)
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
            setattr(self.settings, self._switches[word], switch(word, value))
        else:
            name, allowed = self._choices[word]
            if value not in allowed:
                raise FormatError("%s %s: it is one of %s" % (word, value, ", ".join(allowed)))
            setattr(self.settings, name, value)

    def _map(self, values: "list[str]") -> None:
        table = self.settings.table
        if values[3:] == ["service"]:
            table = self.settings.services
            values = values[:3]
        if len(values) != 3 or values[1] != "=":
            raise FormatError("map REAL = REPRESENTATION [service]")
        one, two = values[0], values[2]
        if "/" not in one and "/" not in two:
            table.add(address(one), address(two), 128, self._where)
            return
        real, length = net(one)
        representation, other = net(two)
        if length != other:
            raise FormatError("%s and %s are not of one size" % (one, two))
        table.add((real, 0), (representation, 0), length, self._where)

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
        else:
            if own == self.settings.proxies.get(here, (None,))[0]:
                raise FormatError("%s is a proxy already" % values[1])
            if here in self._default_lines:
                raise FormatError("default stands in %s already" % self._default_lines[here])
            self._default_lines[here] = self._where
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
        _by_side("latch", values, self.settings.latch)

    def _compact(self, values: "list[str]") -> None:
        _by_side("compact", values, self.settings.compact)

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
        self.settings.log_calls = switch("log calls", values[1])


def _by_side(name: str, values: "list[str]", switches: "dict[bool, bool]") -> None:
    if len(values) != 2 or values[0] not in ("4", "6"):
        raise FormatError("%s 4|6 on|off" % name)
    switches[_SIDES[values[0]]] = switch(name, values[1])
