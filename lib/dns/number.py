# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which SIP URIs a telephone number has: ENUM (RFC 6116) and ISN (freenum.org).

    +43 1 5056416    6.1.4.6.5.0.5.1.3.4.e164.arpa        NAPTR
    1234*256         4.3.2.1.256.freenum.org              NAPTR; subscriber * organisation

    flags "u", services "E2U+sip": a rule that makes the URI of the number, by ere.py
    flags ""                     : go on at the replacement, five times at most

Sends nothing itself: a NumberFinder asks its Resolver, the driver gives each event of the resolver
to `receive_event` too.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from . import rdata
from .events import NumberFound, NumberNotFound, Resolved, ResolveFailed
from .name import ROOT, canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .resolver import Resolver

_MAX_QUERIES = const(4)  # at once
_MAX_FORWARDS = const(5)  # non-terminal rules of one number (RFC 6116 section 5.2)
_MAX_URIS = const(8)
_MAX_EVENTS = const(16)
_MAX_DIGITS = const(15)  # E.164
_SEPARATORS = " -.()/\t"
_SERVICES = ("sip", "pstn:sip", "voice:sip")  # RFC 3764, 4769, and what is in use


class NumberQuery:
    """One number that is being looked for. number: "+digits" or "digits*digits"."""

    def __init__(self, number: str, names: "list[str]") -> None:
        self.number = number
        self.names = names  # to ask in turn
        self.asked: "list[str]" = []
        self.forwards = 0  # non-terminal rules followed
        self.uris: "list[str]" = []  # of rules behind a non-terminal one, should that lead nowhere
        self.waiting = ""
        self.reason = ""


def parse_number(text: str) -> str:
    """Return a dialled number without separators; LocalProtocolError: neither E.164 nor ISN."""
    number = "".join([char for char in text if char not in _SEPARATORS])
    if number[:1] == "+":
        digits = number[1:]
        if 3 <= len(digits) <= _MAX_DIGITS and not digits.strip("0123456789"):
            return number
    subscriber, star, organisation = number.partition("*")
    if star and subscriber and organisation and len(number) <= 2 * _MAX_DIGITS:
        if not subscriber.strip("0123456789") and not organisation.strip("0123456789"):
            return number
    raise LocalProtocolError("no number")


def domain_of(number: str, suffix: str) -> str:
    """Return the name to ask for a number, "+..." or "...*..." (RFC 6116 section 3.2)."""
    subscriber, star, organisation = number.partition("*")
    digits = list(subscriber.strip("+"))
    digits.reverse()
    if star:
        digits.append(organisation)
    return ".".join(digits) + "." + suffix


class NumberFinder:
    """enum_suffixes: trees for E.164 numbers, asked in turn; isn_suffixes: those for ISNs."""

    def __init__(
        self,
        resolver: "Resolver",
        enum_suffixes: "tuple[str, ...]" = ("e164.arpa",),
        isn_suffixes: "tuple[str, ...]" = ("freenum.org",),
    ) -> None:
        self.counters = {"dropped_events": 0, "bad_rules": 0}
        self._resolver = resolver
        self._enum_suffixes = enum_suffixes
        self._isn_suffixes = isn_suffixes
        self._queries: "list[NumberQuery]" = []
        self._events: "list[object]" = []

    def find(self, text: str, now: int) -> NumberQuery:
        """Look for a number; `NumberFound` or `NumberNotFound` follows.

        LocalProtocolError: no number, or too many at once.
        """
        number = parse_number(text)
        if len(self._queries) >= _MAX_QUERIES:
            raise LocalProtocolError("too many numbers")
        suffixes = self._isn_suffixes if "*" in number else self._enum_suffixes
        query = NumberQuery(number, [domain_of(number, suffix) for suffix in suffixes])
        self._queries.append(query)
        self._ask(query, now)
        return query

    def cancel(self, query: NumberQuery) -> None:
        """Give a number up; no event follows."""
        if query in self._queries:
            self._queries.remove(query)

    def next_event(self) -> "object | None":
        """Return the next event, None if there is none."""
        return self._events.pop(0) if self._events else None

    def receive_event(self, event: object, now: int) -> None:
        """Take an event of the resolver; those that nobody here waits for do not matter."""
        if getattr(event, "rtype", 0) != rdata.NAPTR:
            return
        for query in list(self._queries):
            if query.waiting and query.waiting == getattr(event, "name", ""):
                query.waiting = ""
                if isinstance(event, ResolveFailed):
                    query.reason = event.reason
                self._take(query, event.records if isinstance(event, Resolved) else [], now)

    def _ask(self, query: NumberQuery, now: int) -> None:
        if not query.names:
            self._finish(query, query.uris)
            return
        name = query.names.pop(0)
        query.waiting = canonical(name)
        query.asked.append(query.waiting)
        try:
            self._resolver.resolve(name, rdata.NAPTR, now)
        except LocalProtocolError as error:
            query.waiting = ""
            query.reason = str(error)
            self._ask(query, now)

    def _take(self, query: NumberQuery, records: "list[rdata.Data]", now: int) -> None:
        """Follow the rules of one name in their order; worse ones count too (section 5.2)."""
        rules = [record for record in records if isinstance(record, rdata.NAPTRData)]
        order = [(rules[i].order, rules[i].preference, i) for i in range(len(rules))]
        uris: "list[str]" = []
        forwards: "list[str]" = []
        for _, _, i in sorted(order):
            rule = rules[i]
            if not rule.flags:
                if uris:
                    break  # what stands before has been found
                if rule.replacement != ROOT and not rule.regexp:
                    forwards.append(rule.replacement)
            elif rule.flags.lower() == b"u" and _is_sip(rule.services):
                uri = self._rewrite(rule, query.number)
                into = query.uris if forwards else uris
                if uri is not None and uri not in into and len(into) < _MAX_URIS:
                    into.append(uri)
        if uris:
            self._finish(query, uris)
            return
        room = _MAX_FORWARDS - query.forwards
        forwards = [name for name in forwards[:room] if canonical(name) not in query.asked]
        query.forwards += len(forwards)
        query.names = forwards + query.names
        self._ask(query, now)

    def _finish(self, query: NumberQuery, uris: "list[str]") -> None:
        self.cancel(query)
        if uris:
            self._event(NumberFound(query, uris))
        else:
            self._event(NumberNotFound(query, query.reason or "not in the directory"))

    def _rewrite(self, rule: rdata.NAPTRData, number: str) -> "str | None":
        from .ere import substitute

        try:
            uri = substitute(rule.regexp.decode(), number)
        except (FormatError, UnicodeError):
            self.counters["bad_rules"] += 1
            return None
        if uri is None or uri[:5].lower().split(":")[0] not in ("sip", "sips"):
            return None
        for char in uri:
            if not "!" <= char <= "~" or char in '<>"':
                self.counters["bad_rules"] += 1
                return None
        return uri

    def _event(self, event: object) -> None:
        if len(self._events) >= _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)


def _is_sip(services: bytes) -> bool:
    """Return whether a services field has an Enumservice that leads to SIP (section 3.4.3)."""
    try:
        words = services.decode().lower().split("+")
    except UnicodeError:
        return False
    if words[0] == "e2u":
        return any([word in _SERVICES for word in words[1:]])
    return words[-1] == "e2u" and words[0] == "sip"  # RFC 2916, obsolete and still in zones
