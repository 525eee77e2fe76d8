# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls to anybody: siproxy64 as the outbound proxy of a phone, by DNS (RFC 3263).

    phone -> own address, INVITE sip:bob@example.org
    example.org is at T; T gets an address of the pool
    phone -> that address, INVITE sip:bob@example.org        what the mirror then sees

From there on T is a party as all others, without Via, Record-Route or state. Whoever sends here
must be a party already. The same name leads to the same server for a while, and always to the same
one of equals, so that ACK and CANCEL follow their INVITE.
"""

from vox6.dns import rdata
from vox6.dns.events import Located, LocateFailed
from vox6.dns.locate import Locator
from vox6.sip.grammar import host_address
from vox6.sip.lines import RequestLines
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

from ..common.names import Names, resolv_conf
from .scan import Refused
from .settings import Settings
from .table import side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from vox6.dns.locate import Candidate, Location
    from vox6.sip.lines import Lines

    Address = tuple[bytes, int]
    Found = Callable[[bytes, Address, Address, Any], None]
    Key = tuple[str, int, str, bool]  # host, port or 0, transport, side that it is called from

_KEEP_MS = const(60_000)  # a name leads to one server for so long
_MOST_NAMES = const(256)
_MOST_WAITING = const(64)  # messages
_RETRY_S = const(10)


class DefaultRoute:
    """Takes what is sent to the own address; default() is the mirror's.

    driver, random: of Names; resolver: a file as /etc/resolv.conf.
    found(data, local, peer, stream): called with a message and the local address that it is for
    now. refused(data, error, local, peer, stream): with one that leads nowhere.
    """

    def __init__(
        self,
        driver: "Any",
        random: "Callable[[int], bytes]",
        resolver: str,
        found: "Found",
        refused: "Callable[[bytes, Refused, Address, Address, Any], None]",
    ) -> None:
        seed = random(64)
        self.settings = Settings()
        self._driver = driver
        self._found = found
        self._refused = refused
        self._names = Names(random, driver)
        self._names.set_servers(resolv_conf(resolver)[0])
        self._locators = {
            (here, transport): Locator(
                self._names.resolver,
                lambda count: seed[:count],
                (transport,),
                rdata.AAAA if here else rdata.A,
            )
            for here in (True, False)
            for transport in ("UDP", "TCP")
        }
        self._names.attend(self._event)
        self._cache: "dict[Key, tuple[int, Address]]" = {}
        self._under_way: "dict[Location, Key]" = {}
        self._waiting: "list[tuple[Key, bytes, Address, Address, object]]" = []

    def default(
        self, message: "Lines", local: "Address", peer: "Address", now: int, stream: object
    ) -> bool:
        """Take a message for a local address that represents nobody; False: it is not ours."""
        own = self.settings.defaults.get(side(local[0]))
        if own != local or not isinstance(message, RequestLines):
            return False
        if self.settings.table.representation(peer[0], peer[1]) is None:
            raise Refused(403, "Forbidden")
        uri = self._next(message, local)
        if uri.scheme.lower() != "sip":
            raise Refused(416, "Unsupported URI Scheme")
        transport = "UDP" if stream is None else "TCP"
        data = message.emit()
        literal = host_address(uri.host)
        if literal is not None:
            if side(literal) == side(local[0]):
                raise Refused(404, "Not Found")
            self._go((literal, uri.port or 5060), data, local, peer, stream)
            return True
        key = (uri.host.lower(), uri.port or 0, transport, side(local[0]))
        known = self._cache.get(key)
        if known is not None and now < known[0]:
            self._go(known[1], data, local, peer, stream)
            return True
        if len(self._waiting) >= _MOST_WAITING:
            raise Refused(503, "Service Unavailable", None, _RETRY_S)
        self._waiting.append((key, data, local, peer, stream))
        if key not in self._under_way.values():
            try:
                locator = self._locators[key[3], transport]
                location = locator.locate(key[0], key[1] or None, None, False, now)
            except LocalProtocolError:
                self._waiting.pop()
                raise Refused(503, "Service Unavailable", None, _RETRY_S)
            self._under_way[location] = key
            self._names.drain()
            self._tell()
        return True

    def _next(self, message: RequestLines, local: "Address") -> URI:
        """Return the URI that a request goes to, after Routes that name us are gone."""
        while True:
            text = message.get("route")
            if text is None:
                return URI.parse(message.uri_text)
            first, _, rest = text.partition(",")
            uri = URI.parse(first.partition("<")[2].partition(">")[0])
            pair = self.settings.table.name(uri.host) or ()
            if local[0] != host_address(uri.host) and local[0] not in pair:
                return uri
            for i in range(len(message.headers)):
                if message.headers[i][0] == "route":
                    if rest.strip():
                        message.replace(i, b" " + rest.strip().encode())
                    else:
                        del message.headers[i]
                    break

    def _event(self, event: object, now: int) -> None:
        for locator in self._locators.values():
            locator.receive_event(event, now)
        self._tell()

    def _tell(self) -> None:
        for locator in self._locators.values():
            self._tell_of(locator)

    def _tell_of(self, locator: Locator) -> None:
        while True:
            event = locator.next_event()
            if event is None:
                return
            if not isinstance(event, (Located, LocateFailed)):
                continue
            key = self._under_way.pop(event.location, None)
            if key is None:
                continue
            waiting = [one for one in self._waiting if one[0] == key]
            self._waiting = [one for one in self._waiting if one[0] != key]
            places: "list[Candidate]" = event.candidates if isinstance(event, Located) else []
            if places:
                if len(self._cache) >= _MOST_NAMES:
                    self._cache.clear()
                target = places[0].addr16, places[0].port
                self._cache[key] = self._driver.now() + _KEEP_MS, target
            for _, data, local, peer, stream in waiting:
                if places:
                    self._go(target, data, local, peer, stream)
                else:
                    self._refused(data, Refused(404, "Not Found"), local, peer, stream)

    def _go(
        self, target: "Address", data: bytes, local: "Address", peer: "Address", stream: object
    ) -> None:
        table = self.settings.table
        other = table.counterpart(target[0], target[1])
        try:
            if other is None and table.unknown is not None:
                other = table.unknown(target[0], target[1], self._driver.now(), True)
            if other is None:
                raise Refused(403, "Forbidden")
        except Refused as error:
            self._refused(data, error, local, peer, stream)
            return
        self._found(data, other, peer, stream)

    def close(self) -> None:
        """Ask nobody any more."""
        self._names.cancel_all()
