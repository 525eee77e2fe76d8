# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which server a name leads to (RFC 3263), and the next one where that fails (section 4.3).

    target = servers.find(uri, message, here, now, stream, again)

The message goes on as it is, so a transaction cannot be tried elsewhere: all that belongs to it
goes to one server (section 4.4). But what has failed leads new transactions, the caller's next
try, to the next server of the name:

    no answer     for three seconds, or until the caller's connection has ended: with its partner
    503           until what Retry-After says

That, and where names lead, is remembered for a while and within bounds; it may all be lost.
"""

from vox6.dns import rdata
from vox6.dns.events import Located, LocateFailed
from vox6.dns.locate import Locator
from vox6.dns.name import canonical
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from ..common.names import Names
from .mirror import parameters, topmost_via
from .scan import Refused, cseq
from .table import side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from vox6.dns.locate import Location
    from vox6.sip.lines import RequestLines

    from .mirror import Message
    from .tokens import OwnURI

    Address = tuple[bytes, int]
    Key = tuple[str, int, str, bool]  # host, port or 0, transport, side that it is called from
    Transaction = tuple[bytes, str, int]

_KEEP_MS = const(60_000)  # a name leads to these servers for so long
_KEEP_NONE_MS = const(5_000)  # or to none
_MOST_NAMES = const(256)
_MOST_WAITING = const(64)  # messages
_MOST_TRIES = const(256)
_MOST_FAILED = const(64)
_SILENT_MS = const(3_000)  # RFC 3261 section 17.2.1: within 200 ms an INVITE is answered 100
_AVOID_MS = const(300_000)  # a server that has failed
_RETRY_S = const(10)
_NOT_THERE = ("no addresses", "no such service", "name too long")


def transaction(message: "Message") -> "Transaction":
    """Return what a request, its repetitions, CANCEL and answers have in common; FormatError."""
    branch = parameters(topmost_via(message)[0]).get(b"branch", b"")
    return branch, message.get("call-id") or "", cseq(message)[0]


def _is_host(addr16: bytes) -> bool:
    """Return whether an address of DNS may be another host's (RFC 6890): the machine itself,
    groups and what is known on one link alone are not for a zone to choose.
    """
    if side(addr16):
        return addr16[12] not in (0, 127) and addr16[12] < 224 and addr16[12:14] != b"\xa9\xfe"
    if addr16[0] == 0xFE:
        return addr16[1] & 0xC0 != 0x80
    return addr16[0] != 0xFF and bool(addr16[:15].strip(b"\0"))


class _Try:
    """A transaction, and the server that it went to."""

    def __init__(self, key: "Key", target: "Address", began: int, stream: "Any") -> None:
        self.key = key
        self.target = target
        self.began = began
        self.stream = stream


class Servers:
    """Asks DNS. counters: asked, failed (servers that were left).

    driver, random: of Names; resolvers: called before each question, returns whom to ask.
    """

    def __init__(
        self,
        driver: "Any",
        random: "Callable[[int], bytes]",
        resolvers: "Callable[[], list[Address]]",
    ) -> None:
        seed = random(64)  # the same one of equals each time
        self.counters = {"asked": 0, "failed": 0}
        self._driver = driver
        self._resolvers = resolvers
        self._asked: "list[Address]" = []
        self._names = Names(random, driver)
        self._names.attend(self._event)
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
        # Until when, where to, whether it is sure that there is nothing else.
        self._known: "dict[Key, tuple[int, list[Address], bool]]" = {}
        self._under_way: "dict[Location, Key]" = {}
        self._waiting: "list[tuple[Key, Callable[[], object]]]" = []
        self._tries: "dict[Transaction, _Try]" = {}
        self._order: "list[Transaction]" = []  # the oldest first
        self._open: "list[_Try]" = []  # those without an answer, the oldest first
        self._failed: "dict[Address, int]" = {}  # until when

    def find(
        self,
        uri: "OwnURI",
        message: "RequestLines",
        here: bool,
        now: int,
        stream: "Any",
        again: "Callable[[], object]",
    ) -> "Address | None":
        """Return where a request for a name goes; None: again() is called when it is known.

        here: the side that it comes from. Refused: 404, 503.
        """
        key = (uri.host.lower(), uri.given, "UDP" if stream is None else "TCP", here)
        self._look(now)
        known = self._tries.get(transaction(message))
        if known is not None and known.key == key:
            return known.target
        places = self._known.get(key)
        if places is None or places[0] <= now:
            self._ask(key, now, again)
            return None
        if not places[1]:
            if places[2]:
                raise Refused(404, "Not Found")
            raise Refused(503, "Service Unavailable", None, _RETRY_S)
        target = self._best(places[1], now)
        if message.method != "ACK":  # which has no answer
            self._begin(transaction(message), _Try(key, target, now, stream))
        return target

    def passed(self, message: "Message", peer: "Address", _: "Address") -> None:
        """See a message that has gone on, as the mirror tells it."""
        if not message.status:
            return
        try:
            tried = self._tries.get(transaction(message))
        except FormatError:
            return
        if tried is None or tried.target[0] != peer[0]:
            return
        if tried in self._open:
            self._open.remove(tried)
        if message.status == 503:
            text = (message.get("retry-after") or "").partition(";")[0].partition("(")[0].strip()
            ms = 1000 * int(text) if 0 < len(text) < 5 and not text.strip("0123456789") else 0
            self._fail(tried.target, self._driver.now(), min(ms or _AVOID_MS, _AVOID_MS))

    def close(self) -> None:
        """Forget who waits; what has been asked ends by itself."""
        self._under_way.clear()
        self._waiting.clear()

    # -- servers that fail ----------------------------------------------------------------------

    def _begin(self, key: "Transaction", tried: _Try) -> None:
        if len(self._order) >= _MOST_TRIES:
            oldest = self._tries.pop(self._order.pop(0))
            if oldest in self._open:
                self._open.remove(oldest)
        self._tries[key] = tried
        self._order.append(key)
        self._open.append(tried)

    def _look(self, now: int) -> None:
        """See who has kept silent for too long."""
        for tried in list(self._open):
            ended = tried.stream is not None and not tried.stream.stream.open
            if ended or now - tried.began >= _SILENT_MS:
                self._open.remove(tried)
                self._fail(tried.target, now, _AVOID_MS)

    def _fail(self, target: "Address", now: int, ms: int) -> None:
        self.counters["failed"] += 1
        if len(self._failed) >= _MOST_FAILED:
            self._failed.clear()
        self._failed[target] = now + ms

    def _best(self, places: "list[Address]", now: int) -> "Address":
        """Return the first server that has not failed, else the one whose time ends first."""
        best = places[0]
        for place in places:
            until = self._failed.get(place, 0)
            if until <= now:
                return place
            if until < self._failed[best]:
                best = place
        return best

    # -- DNS --------------------------------------------------------------------------------------

    def _ask(self, key: "Key", now: int, again: "Callable[[], object]") -> None:
        host, port, transport, here = key
        try:
            canonical(host)
        except LocalProtocolError:
            raise Refused(404, "Not Found")
        if len(self._waiting) >= _MOST_WAITING:
            raise Refused(503, "Service Unavailable", None, _RETRY_S)
        if key not in self._under_way.values():
            resolvers = self._resolvers()
            if resolvers != self._asked:
                self._asked = resolvers
                self._names.set_servers(resolvers)
            try:
                location = self._locators[here, transport].locate(
                    host, port or None, None, False, now
                )
            except LocalProtocolError:  # too many at once
                raise Refused(503, "Service Unavailable", None, _RETRY_S)
            self.counters["asked"] += 1
            self._under_way[location] = key
        self._waiting.append((key, again))
        # Answers of the cache come at once, but not before the caller has done with the message.
        self._driver.call_at(now, self._drain)

    def _drain(self) -> None:
        self._names.drain()
        self._tell()

    def _event(self, event: object, now: int) -> None:
        for locator in self._locators.values():
            locator.receive_event(event, now)
        self._tell()

    def _tell(self) -> None:
        for locator in self._locators.values():
            while True:
                event = locator.next_event()
                if event is None:
                    break
                if isinstance(event, (Located, LocateFailed)):
                    self._told(event)

    def _told(self, event: "Located | LocateFailed") -> None:
        key = self._under_way.pop(event.location, None)
        if key is None:
            return
        places = []
        keep = _KEEP_NONE_MS
        sure = True
        if isinstance(event, Located):
            found = event.candidates
            places = [(one.addr16, one.port) for one in found if _is_host(one.addr16)]
            keep = _KEEP_MS
        else:
            sure = event.reason in _NOT_THERE
        if len(self._known) >= _MOST_NAMES:
            self._known.clear()
        self._known[key] = self._driver.now() + keep, places, sure
        waiting = [one[1] for one in self._waiting if one[0] == key]
        self._waiting = [one for one in self._waiting if one[0] != key]
        for again in waiting:
            again()
