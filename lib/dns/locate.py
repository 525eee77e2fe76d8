# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Where a SIP URI leads: NAPTR, SRV, AAAA or A (RFC 3263 section 4). Sends nothing itself.

A Locator asks its Resolver; the driver gives each event of the resolver to `receive_event` too.

Order of things (sections 4.1, 4.2):
    literal         done
    port            transport of the URI or the default; addresses of the host
    transport       SRV of the host for it, else its addresses at the default port
    neither         NAPTR: SRV of each service that we speak; without any: SRV of each transport
                    that we speak; without any: addresses, default transport and port
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError
from vox6.wire.inet6 import parse_address

from . import rdata
from .events import Located, LocateFailed, Resolved, ResolveFailed
from .name import ROOT, canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .resolver import Resolver

_MAX_LOCATIONS = const(8)  # under way at once
_MAX_ROUTES = const(4)  # services or transports tried for one URI
_MAX_TARGETS = const(8)  # hosts behind one URI
_MAX_CANDIDATES = const(16)
_MAX_EVENTS = const(32)

_SERVICES = {b"SIP+D2U": "UDP", b"SIP+D2T": "TCP", b"SIPS+D2T": "TLS"}
_PREFIXES = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
_MAPPED = const(b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")  # IPv4 in 16 octets
_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}


class Candidate:
    """One place to try. name: the host behind the address, for the log; certificates are checked
    against the domain of the URI (RFC 5922)."""

    def __init__(self, transport: str, addr16: bytes, port: int, name: str) -> None:
        self.transport = transport
        self.addr16 = addr16
        self.port = port
        self.name = name

    def __repr__(self) -> str:
        return "Candidate(%s, %s, %d)" % (self.transport, self.name, self.port)


class Route:
    """A transport, the SRV name to ask for it ("" without), and the (host, port) behind it."""

    def __init__(self, transport: str, srv_name: str) -> None:
        self.transport = transport
        self.srv_name = srv_name
        self.targets: "list[tuple[str, int]]" = []


class Location:
    """One URI that is being located; `Located` and `LocateFailed` name it."""

    def __init__(self, host: str, transports: "tuple[str, ...]") -> None:
        self.host = host
        self.transports = transports  # allowed for this URI, best first
        self.default = transports[0]
        self.routes: "list[Route]" = []
        self.waiting: "list[tuple[str, int]]" = []
        self.addresses: "dict[str, list[bytes]]" = {}
        self.refused = False  # an SRV said that the service is not there
        self.reason = ""


class Locator:
    """random(n): n octets, for the weights of SRV. transports: what we speak, best first.

    addresses: of which type; rdata.A gives them v4-mapped.
    """

    def __init__(
        self,
        resolver: "Resolver",
        random: "Callable[[int], bytes]",
        transports: "tuple[str, ...]" = ("UDP", "TCP", "TLS"),
        addresses: int = rdata.AAAA,
    ) -> None:
        for transport in transports:
            if transport not in _PORTS:
                raise LocalProtocolError("unknown transport")
        self.counters = {"dropped_events": 0}
        self._resolver = resolver
        self._random = random
        self._transports = transports
        self._type = addresses
        self._locations: "list[Location]" = []
        self._events: "list[object]" = []

    def locate(
        self, host: str, port: "int | None", transport: "str | None", secure: bool, now: int
    ) -> Location:
        """Locate host, port and transport of a SIP URI; None where the URI has none.

        host: a name or an IPv6 literal without brackets (maddr if the URI has it). transport:
        "UDP", "TCP", "TLS". secure: a sips URI. LocalProtocolError: no name, a transport that
        we do not speak or that is not secure, too many at once.
        """
        allowed = self._transports
        if secure:
            allowed = tuple([one for one in allowed if one == "TLS"])
            transport = "TLS" if transport == "TCP" else transport
        if transport is not None:
            allowed = tuple([one for one in allowed if one == transport])
        if not allowed:
            raise LocalProtocolError("no transport for this URI")
        if len(self._locations) >= _MAX_LOCATIONS:
            raise LocalProtocolError("too many locations")
        addr16 = None
        if ":" in host:
            try:
                addr16 = parse_address(host)
            except FormatError:
                raise LocalProtocolError("not an address")
        else:
            host = canonical(host)
        location = Location(host, allowed)
        if "UDP" in allowed:
            location.default = "UDP"  # section 4.1, whatever else we like better
        if addr16 is not None:
            which = location.default
            place = Candidate(which, addr16, port or _PORTS[which], host)
            self._event(Located(location, [place]))
            return location
        self._locations.append(location)
        if port is not None:
            self._go_to(location, port, now)
        elif transport is not None:
            self._ask_services(location, now)
        else:
            self._ask(location, [(host, rdata.NAPTR)], now)
        return location

    def cancel(self, location: Location) -> None:
        """Give a location up; no event follows."""
        if location in self._locations:
            self._locations.remove(location)

    def next_event(self) -> "object | None":
        """Return the next event, None if there is none."""
        return self._events.pop(0) if self._events else None

    def receive_event(self, event: object, now: int) -> None:
        """Take an event of the resolver; those that nobody here waits for do not matter."""
        key = (getattr(event, "name", ""), getattr(event, "rtype", 0))
        for location in list(self._locations):
            if key in location.waiting:
                location.waiting.remove(key)
                self._take(location, key, event, now)

    def _take(self, location: Location, key: "tuple[str, int]", event: object, now: int) -> None:
        records: "list[rdata.Data]" = []
        if isinstance(event, Resolved):
            records = event.records
        elif isinstance(event, ResolveFailed):
            location.reason = event.reason
        if key[1] == rdata.NAPTR:
            self._take_services(location, records)
            self._ask_services(location, now)
        elif key[1] == rdata.SRV:
            for route in location.routes:
                if route.srv_name == key[0]:
                    self._take_targets(location, route, records)
            if not location.waiting:
                self._targets_known(location, now)
        else:
            location.addresses[key[0]] = [
                record.address if len(record.address) == 16 else _MAPPED + record.address
                for record in records
                if isinstance(record, rdata.AddressData)
            ]
            if not location.waiting:
                self._finish(location)

    # section 4.1

    def _take_services(self, location: Location, records: "list[rdata.Data]") -> None:
        """Take the NAPTR records that we can use, by order and preference."""
        usable: "list[tuple[int, int, int, Route]]" = []
        for record in records:
            if not isinstance(record, rdata.NAPTRData):
                continue
            transport = _SERVICES.get(record.services.upper())
            replacement = canonical(record.replacement)
            if transport not in location.transports or record.flags.lower() != b"s":
                continue
            if transport is None or replacement == ROOT or record.regexp:
                continue
            route = Route(transport, replacement)
            usable.append((record.order, record.preference, len(usable), route))
        usable.sort(key=lambda one: one[:3])
        location.routes = [one[3] for one in usable[:_MAX_ROUTES]]

    def _ask_services(self, location: Location, now: int) -> None:
        if not location.routes:
            location.routes = [
                Route(one, _PREFIXES[one] + location.host) for one in location.transports
            ]
        self._ask(location, [(route.srv_name, rdata.SRV) for route in location.routes], now)

    # section 4.2

    def _take_targets(self, location: Location, route: Route, records: "list[rdata.Data]") -> None:
        services = [record for record in records if isinstance(record, rdata.SRVData)]
        if len(services) == 1 and services[0].target == ROOT:
            location.refused = True  # RFC 2782: decidedly not available
            return
        for record in ordered(services, self._random):
            if record.target != ROOT and record.port:
                route.targets.append((canonical(record.target), record.port))

    def _targets_known(self, location: Location, now: int) -> None:
        hosts: "list[tuple[str, int]]" = []
        for route in location.routes:
            for host, _ in route.targets:
                if (host, self._type) not in hosts and len(hosts) < _MAX_TARGETS:
                    hosts.append((host, self._type))
        if hosts:
            self._ask(location, hosts, now)
        elif location.refused:
            self._fail(location, "no such service")
        else:
            self._go_to(location, _PORTS[location.default], now)

    def _go_to(self, location: Location, port: int, now: int) -> None:
        """Without SRV: the host itself."""
        route = Route(location.default, "")
        route.targets.append((location.host, port))
        location.routes = [route]
        self._ask(location, [(location.host, self._type)], now)

    def _finish(self, location: Location) -> None:
        candidates: "list[Candidate]" = []
        for route in location.routes:
            for host, port in route.targets:
                for addr16 in location.addresses.get(host, ()):
                    if len(candidates) < _MAX_CANDIDATES:
                        candidates.append(Candidate(route.transport, addr16, port, host))
        if not candidates:
            self._fail(location, location.reason or "no addresses")
            return
        self.cancel(location)
        self._event(Located(location, candidates))

    def _ask(self, location: Location, questions: "list[tuple[str, int]]", now: int) -> None:
        try:
            for name, rtype in questions:
                key = (canonical(name), rtype)
                if key not in location.waiting:
                    self._resolver.resolve(name, rtype, now)
                    location.waiting.append(key)
        except LocalProtocolError as error:  # a name too long with its prefix, or no room
            self._fail(location, str(error))

    def _fail(self, location: Location, reason: str) -> None:
        self.cancel(location)
        self._event(LocateFailed(location, reason))

    def _event(self, event: object) -> None:
        if len(self._events) >= _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)


def ordered(
    records: "list[rdata.SRVData]", random: "Callable[[int], bytes]"
) -> "list[rdata.SRVData]":
    """Return SRV records by priority and, within one, by chance and weight (RFC 2782)."""
    out: "list[rdata.SRVData]" = []
    left = list(records)
    while left:
        priority = min([record.priority for record in left])
        group = [record for record in left if record.priority == priority]
        left = [record for record in left if record.priority != priority]
        group.sort(key=lambda record: record.weight != 0)  # those of weight 0 first
        while group:
            octets = random(4)
            total = sum([record.weight for record in group])
            chance = (octets[0] << 16 | octets[1] << 8 | octets[2]) * (total + 1) >> 24
            running = 0
            for record in group:
                running += record.weight
                if running >= chance:
                    break
            group.remove(record)
            out.append(record)
    return out
