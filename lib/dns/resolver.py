# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A stub resolver (RFC 1034 section 5.3.1) that neither waits nor sends.

Answers are believed when server, port, ID and question are those of a question that is out
(RFC 5452 section 9.1); of its records those alone that belong to the chain of CNAMEs from the
name that was asked for.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

from . import rdata
from .cache import Cache
from .events import NotFound, Resolved, ResolveFailed
from .lookup import Lookup
from .message import (
    BADVERS,
    FORMERR,
    IN,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    Message,
    rcode_name,
)
from .name import canonical, is_below
from .state import ASKING, ENDED, STREAMING, TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .lookup import Peer

_FIRST_WAIT = const(1000)  # ms for each server in the first round, doubled in each that follows
_ROUNDS = const(3)
_STREAM_WAIT = const(5000)  # ms for connection, question and answer
_MAX_SERVERS = const(4)
_MAX_LOOKUPS = const(16)  # at once; SIP asks for a few names at a time
_MAX_EVENTS = const(64)
_MAX_OUT = const(64)
_MAX_CHAIN = const(8)  # CNAMEs behind one name
_MAX_RECORDS = const(32)  # of one answer that are handed on
_MAX_STRANGERS = const(8)  # wrong datagrams at one port until we leave it: somebody guesses
_MAX_MOVES = const(4)  # ports left so, or not to be had, for one lookup
_MAX_FAILURES = const(8)  # of a server, remembered

_COUNTERS = (
    "questions",
    "cached",
    "answers",
    "malformed",
    "strangers",
    "unexpected",
    "dropped_events",
    "dropped_output",
    "dropped_records",
)


class Resolver:
    """The engine. random(n): n octets that nobody can guess.

    stream: the driver can ask by TCP. mix_case: letters of questions in random case, which the
    answer must repeat: some more bits to guess, but a few old servers do not.

    The driver sends what `datagrams_to_send()` gives, (data, peer, transport, port): "UDP" from
    this local port, one of `ports()`; or "TCP" (port 0): connect, write the length in two octets
    and data, read one such message, close. It gives the answer to `receive_datagram` with the
    local port at which it came, 0 for TCP, and closes ports that `ports()` has no more, and
    connections whose question is not in `streams()`.
    """

    def __init__(
        self,
        random: "Callable[[int], bytes]",
        stream: bool = True,
        mix_case: bool = False,
    ) -> None:
        self.counters = {name: 0 for name in _COUNTERS}
        self.cache = Cache()
        self.servers: "list[Peer]" = []
        self._random = random
        self._stream = stream
        self._mix_case = mix_case
        self._failures: "dict[Peer, int]" = {}
        self._lookups: "list[Lookup]" = []
        self._out: "list[tuple[bytes, Peer, str, int]]" = []
        self._events: "list[object]" = []

    # commands

    def set_servers(self, servers: "list[Peer]", now: int) -> None:
        """Take the recursive servers, best first; more than four are left out.

        (addr16, port) each. What runs is asked again of the new ones. The cache stays: call
        `cache.clear()` when the network is another one.
        """
        self.servers = [(bytes(peer[0]), peer[1]) for peer in servers[:_MAX_SERVERS]]
        self._failures = {}
        for lookup in list(self._lookups):
            self._ask(lookup, now)

    def resolve(self, name: str, rtype: int, now: int) -> None:
        """Look a name up; one event with canonical(name) and rtype follows, maybe at once.

        Asked again while it runs, one event serves all. LocalProtocolError: not a name, no type
        of records, too many lookups.
        """
        name = canonical(name)
        if not 1 <= rtype < 249 and not 256 <= rtype <= 0xFFFF or rtype == rdata.OPT:
            raise LocalProtocolError("not a type of records")
        for running in self._lookups:
            if running.name == name and running.rtype == rtype:
                return
        lookup = Lookup(name, rtype)
        if self._from_cache(lookup, now):
            return
        if len(self._lookups) >= _MAX_LOOKUPS:
            raise LocalProtocolError("too many lookups")
        self._lookups.append(lookup)
        self._ask(lookup, now)

    def cancel(self, name: str, rtype: int) -> None:
        """Give a lookup up, for all who wait for it; no event follows."""
        name = canonical(name)
        for lookup in self._lookups:
            if lookup.name == name and lookup.rtype == rtype:
                self._end(lookup)
                return

    def ports(self) -> "list[int]":
        """Return the local UDP ports at which answers are awaited."""
        return [lookup.port for lookup in self._lookups if lookup.state == ASKING]

    def streams(self) -> "list[tuple[Peer, int]]":
        """Return (server, ID) of the questions whose answers are awaited by TCP."""
        return [(one.peer, one.id) for one in self._lookups if one.state == STREAMING]

    def port_failed(self, port: int, now: int) -> None:
        """The driver cannot have this local port: another one is chosen."""
        for lookup in self._lookups:
            if lookup.port == port and lookup.state == ASKING:
                if lookup.moves < _MAX_MOVES:
                    self._move(lookup, now)
                return

    def server_failed(self, peer: "Peer", transport: str, now: int) -> None:
        """The driver cannot send to a server, or its connection has failed."""
        state = STREAMING if transport == "TCP" else ASKING
        for lookup in list(self._lookups):
            if lookup.state == state and lookup.peer == peer:
                self._step(lookup, "unreachable", now, None)

    # the five verbs

    def receive_datagram(self, data: bytes, peer: "Peer", now: int, port: int) -> None:
        """Take what came: port is the local one, 0 for a message by TCP without its length."""
        lookup = self._lookup_at(data, peer, port)
        if lookup is None:
            self.counters["strangers"] += 1
            return
        event, message = self._judge(lookup, data, peer)
        if event == "answer":
            self._failures.pop(peer, None)
        elif event != "stranger" and peer != lookup.peer:  # late, and of no use
            self.counters["unexpected"] += 1
            return
        self._step(lookup, event, now, message)

    def handle_timer(self, now: int) -> None:
        """Let time have passed until now."""
        for lookup in list(self._lookups):
            if lookup.deadline <= now:
                self._step(lookup, "timeout", now, None)

    def get_timer(self) -> "int | None":
        """Return when `handle_timer` is due, None if nothing runs."""
        first = None
        for lookup in self._lookups:
            if first is None or lookup.deadline < first:
                first = lookup.deadline
        return first

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer, str, int]]":
        """Return what is to be sent, once: (data, peer, transport, local port)."""
        ports = self.ports()
        out = [entry for entry in self._out if not entry[3] or entry[3] in ports]
        self._out = []
        return out

    def next_event(self) -> "object | None":
        """Return the next event, None if there is none."""
        return self._events.pop(0) if self._events else None

    def debug(self) -> str:
        """Return one line for people."""
        return "%d servers, %d lookups, %d cached" % (
            len(self.servers),
            len(self._lookups),
            len(self.cache),
        )

    # what comes

    def _lookup_at(self, data: bytes, peer: "Peer", port: int) -> "Lookup | None":
        for lookup in self._lookups:
            if port:
                if lookup.state == ASKING and lookup.port == port:
                    return lookup
            elif lookup.state == STREAMING and lookup.peer == peer:
                if len(data) > 1 and data[0] << 8 | data[1] == lookup.id:
                    return lookup
        return None

    def _judge(self, lookup: Lookup, data: bytes, peer: "Peer") -> "tuple[str, Message | None]":
        """Return the event that a datagram is for a lookup, and the message."""
        if peer not in lookup.asked or len(data) < 2 or data[0] << 8 | data[1] != lookup.id:
            return "stranger", None
        try:
            message = Message.parse(data)
        except FormatError:
            self.counters["malformed"] += 1
            return "stranger", None
        if not message.is_response or message.opcode != 0:
            return "stranger", None
        rcode = message.rcode
        if message.questions:
            question = message.questions[0]
            if (
                len(message.questions) > 1
                or canonical(question.name) != lookup.current
                or question.rtype != lookup.rtype
                or question.rclass != IN
            ):
                return "stranger", None
            if self._mix_case and lookup.state == ASKING and question.name != lookup.spelling:
                # guessed, or a server that changes the case: TCP tells
                return ("truncated", message) if self._stream else ("stranger", None)
        elif rcode != FORMERR and rcode != NOTIMP:  # these may not have understood the question
            return "stranger", None
        if message.truncated:
            return "truncated", message
        if rcode == NOERROR or rcode == NXDOMAIN:
            return "answer", message
        if lookup.edns and (rcode == FORMERR or rcode == NOTIMP or rcode == BADVERS):
            return "without_edns", message
        return "refusal", message

    def _step(self, lookup: Lookup, event: str, now: int, message: "Message | None") -> None:
        entry = TABLE.get((lookup.state, event))
        if event == "stranger":
            self.counters["strangers"] += 1
        if entry is None:
            self.counters["unexpected"] += 1
            return
        told = getattr(self, "_" + entry[0])(lookup, now, message)
        lookup.state = entry[1] or told

    # actions

    def _take_answer(self, lookup: Lookup, now: int, message: Message) -> str:
        self.counters["answers"] += 1
        name = lookup.current
        ttl = lookup.ttl
        alias_ttl = 0
        while True:
            records: "list[rdata.Data]" = []
            alias = ""
            for record in message.answers:
                if record.rclass != IN or canonical(record.name) != name:
                    continue
                data = record.data
                if data.rtype == lookup.rtype:
                    ttl = min(ttl, record.ttl)
                    if len(records) < _MAX_RECORDS:
                        records.append(data)
                    else:
                        self.counters["dropped_records"] += 1
                elif isinstance(data, rdata.NameData) and data.rtype == rdata.CNAME and not alias:
                    alias = canonical(data.target)
                    alias_ttl = record.ttl
            if records:
                return self._found(lookup, records, ttl, name, now)
            if not alias:
                break
            ttl = min(ttl, alias_ttl)
            name = alias
            lookup.chain += 1
            if lookup.chain > _MAX_CHAIN:
                return self._fail(lookup, "too long a chain of CNAMEs")
        if message.rcode == NXDOMAIN:
            return self._absent(lookup, False, min(ttl, _negative_ttl(message, name)), now)
        if name != lookup.current:  # the server leaves the rest of the chain to us
            lookup.current = name
            lookup.ttl = ttl
            if self._from_cache(lookup, now):
                return self._end(lookup)
            return self._ask(lookup, now)
        if _is_referral(message):
            return self._leave_server(lookup, now, message, "bad answer")
        return self._absent(lookup, True, min(ttl, _negative_ttl(message, name)), now)

    def _ask_by_stream(self, lookup: Lookup, now: int, message: "Message | None") -> str:
        if not self._stream:
            return self._leave_server(lookup, now, message, "truncated")
        lookup.renew(self._random, self._mix_case, self.ports())
        lookup.asked.append(lookup.peer)
        lookup.deadline = now + _STREAM_WAIT
        self._put(lookup, "TCP", 0)
        return STREAMING

    def _ask_plainly(self, lookup: Lookup, now: int, message: "Message | None") -> None:
        """Ask the same server without EDNS (RFC 6891 section 6.2.2)."""
        lookup.edns = False
        if lookup.state == STREAMING:
            self._ask_by_stream(lookup, now, message)
        else:
            self._send(lookup, now)

    def _leave_server(
        self, lookup: Lookup, now: int, message: "Message | None", reason: str = ""
    ) -> str:
        """This server is of no use for this question; go on with the others, by UDP."""
        if message is None and lookup.wary:  # TCP was our idea: back to UDP
            lookup.wary = False
            self._move(lookup, now)
            return ASKING
        if not reason and message is not None:
            reason = "truncated" if message.truncated else rcode_name(message.rcode)
        lookup.reason = reason or "timeout"
        lookup.left.append(lookup.peer)
        return self._advance(lookup, now)

    def _beware(self, lookup: Lookup, now: int, message: "Message | None") -> str:
        """Somebody may be guessing ID and port (RFC 5452 section 9.3): leave the port."""
        lookup.strangers += 1
        if lookup.strangers < _MAX_STRANGERS or lookup.moves >= _MAX_MOVES:
            return ASKING
        if self._stream:
            lookup.moves += 1
            lookup.wary = True
            return self._ask_by_stream(lookup, now, None)
        self._move(lookup, now)
        return ASKING

    def _next_server(self, lookup: Lookup, now: int, message: "Message | None") -> str:
        self._blame(lookup.peer)
        return self._advance(lookup, now)

    def _skip_server(self, lookup: Lookup, now: int, message: "Message | None") -> None:
        """Go on at once, but wait the time out where no server of this round is left."""
        for turn in range(lookup.turn + 1, len(lookup.servers)):
            if lookup.servers[turn] not in lookup.left:
                self._next_server(lookup, now, message)
                return

    # how questions go out

    def _ask(self, lookup: Lookup, now: int) -> str:
        """Begin with a question for lookup.current; return the state."""
        lookup.begin(self._order())
        lookup.state = ASKING
        if not lookup.servers:
            lookup.state = self._fail(lookup, "no servers")
            return lookup.state
        lookup.port = 0
        lookup.renew(self._random, self._mix_case, self.ports())
        self._send(lookup, now)
        return ASKING

    def _order(self) -> "list[Peer]":
        """Return the servers, those that failed often last."""
        out: "list[Peer]" = []
        for failures in range(_MAX_FAILURES + 1):
            for peer in self.servers:
                if self._failures.get(peer, 0) == failures:
                    out.append(peer)
        return out

    def _blame(self, peer: "Peer") -> None:
        self._failures[peer] = min(self._failures.get(peer, 0) + 1, _MAX_FAILURES)

    def _send(self, lookup: Lookup, now: int) -> None:
        if lookup.peer not in lookup.asked:
            lookup.asked.append(lookup.peer)
        lookup.deadline = now + (_FIRST_WAIT << lookup.round)
        self._put(lookup, "UDP", lookup.port)

    def _put(self, lookup: Lookup, transport: str, port: int) -> None:
        if len(self._out) >= _MAX_OUT:  # as if lost on the way
            self.counters["dropped_output"] += 1
            return
        self.counters["questions"] += 1
        self._out.append((lookup.query(), lookup.peer, transport, port))

    def _move(self, lookup: Lookup, now: int) -> None:
        """Ask again with another ID from another port."""
        lookup.moves += 1
        lookup.renew(self._random, self._mix_case, self.ports())
        self._send(lookup, now)

    def _advance(self, lookup: Lookup, now: int) -> str:
        """Ask the next server; return the state."""
        streamed = lookup.state == STREAMING
        for _ in range(len(lookup.servers)):
            lookup.turn += 1
            if lookup.turn == len(lookup.servers):
                lookup.turn = 0
                lookup.round += 1
                if lookup.round == _ROUNDS:
                    return self._fail(lookup, lookup.reason)
            if lookup.peer not in lookup.left:
                if streamed:
                    lookup.renew(self._random, self._mix_case, self.ports())
                self._send(lookup, now)
                return ASKING
        return self._fail(lookup, lookup.reason)

    # how lookups end

    def _from_cache(self, lookup: Lookup, now: int) -> bool:
        entry = self.cache.get(lookup.current, lookup.rtype, now)
        if entry is None:
            return False
        self.counters["cached"] += 1
        ttl = min(lookup.ttl, (entry.expires - now) // 1000)
        if entry.records is None:
            self._event(NotFound(lookup.name, lookup.rtype, entry.exists, ttl))
        else:
            self._event(
                Resolved(lookup.name, lookup.rtype, list(entry.records), ttl, entry.canonical_name)
            )
        return True

    def _found(
        self, lookup: Lookup, records: "list[rdata.Data]", ttl: int, name: str, now: int
    ) -> str:
        ttl = self.cache.put(lookup.name, lookup.rtype, records, True, name, ttl, now)
        self._event(Resolved(lookup.name, lookup.rtype, list(records), ttl, name))
        return self._end(lookup)

    def _absent(self, lookup: Lookup, exists: bool, ttl: int, now: int) -> str:
        ttl = self.cache.put(lookup.name, lookup.rtype, None, exists, "", ttl, now)
        self._event(NotFound(lookup.name, lookup.rtype, exists, ttl))
        return self._end(lookup)

    def _fail(self, lookup: Lookup, reason: str) -> str:
        self._event(ResolveFailed(lookup.name, lookup.rtype, reason))
        return self._end(lookup)

    def _end(self, lookup: Lookup) -> str:
        if lookup in self._lookups:
            self._lookups.remove(lookup)
        lookup.state = ENDED
        return ENDED

    def _event(self, event: object) -> None:
        if len(self._events) >= _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)


def _negative_ttl(message: Message, name: str) -> int:
    """Return for how many seconds an absence holds, 0 without a SOA (RFC 2308 section 5)."""
    for record in message.authority:
        data = record.data
        if isinstance(data, rdata.SOAData) and is_below(name, canonical(record.name)):
            return min(record.ttl, data.minimum)
    return 0


def _is_referral(message: Message) -> bool:
    """Return whether a server sends us on instead of asking itself (RFC 2308 section 2.2)."""
    servers = False
    for record in message.authority:
        if record.data.rtype == rdata.SOA:
            return False
        servers = servers or record.data.rtype == rdata.NS
    return servers
