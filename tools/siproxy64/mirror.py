# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The mirror: a message for a representation goes on to whom it represents.

A pure function of message and table: from each side it is the far party, so it adds no Via and no
Record-Route, keeps no transaction and no dialog. What it must refuse it answers itself, as a
stateless UAS (RFC 3261 section 8.2.7); what that leaves behind is for failures.py.

    datagram from R to local L   ->   datagram from representation(R) to real(L)
    a response                   ->   where its topmost Via says, once that is rewritten
"""

from vox6.sip.grammar import host_text, parse_number
from vox6.sip.lines import RequestLines, ResponseLines, parse, unfold
from vox6.wire import const
from vox6.wire.errors import FormatError

from .rewrite import rewrite, set_number
from .scan import Refused, Translator, literal, tag
from .table import side

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, Protocol

    from .sdp import Media
    from .table import Table

    Address = tuple[bytes, int]
    Message = RequestLines | ResponseLines

    class Passage(Media, Protocol):
        """One message on its way through the relay."""

        def end(self, passed: bool) -> None:
            """The message has gone on; or it was refused, and nothing shall come of it."""

    class Failures(Protocol):
        """Who looks after what has failed."""

        def malformed(
            self,
            data: bytes,
            error: FormatError,
            local: Address,
            peer: Address,
            stream: object,
        ) -> None:
            """These octets are no message."""

        def refused(
            self, data: bytes, error: Refused, local: Address, peer: Address, now: int
        ) -> None:
            """A message was refused; if it is a request, it was answered already."""

        def abandon(self, message: Message, local: Address, peer: Address) -> None:
            """End the call of a 2xx to INVITE on the side that has sent it."""

    class Relay(Protocol):
        """Who looks after media."""

        def begin(self, message: Message, source: Address, target: Address, now: int) -> Passage:
            """See a message before it is rewritten.

            source: real address it came from; target: real address of whom it is for.
            """

        def handle_timer(self, now: int) -> None:
            """Do what is due."""

        def get_timer(self) -> "int | None":
            """Return when something is due next."""


MAX_MESSAGE_OCTETS = 8192  # longer requests are answered 513
_HOPS = const(70)  # where Max-Forwards is absent (RFC 3261 section 16.6)
_NOWHERE = const((b"", 0))
_TAG = const("64-")  # begins the tags of our own answers, so that their ACK is known


class Names(Translator):
    """What one message's addresses are called on the side that it goes to.

    here: the side that it comes from.
    """

    def __init__(self, mirror: "Mirror", peer: bytes, now: int) -> None:
        self._mirror = mirror
        self._peer = peer
        self.here = side(peer)
        self._now = now

    def __call__(self, addr16: bytes, port: int) -> "Address | None":
        if side(addr16) != self.here:
            return addr16, port  # what this side says about the other is meant as it stands
        mirror = self._mirror
        other = mirror.table.counterpart(addr16, port)
        if other is None and mirror.table.unknown is not None:
            other = mirror.table.unknown(addr16, port, self._now, mirror.gives)
        if other is not None and port and addr16 == self._peer and mirror.listen is not None:
            mirror.listen(other[0], other[1])
        return other

    def name(self, text: str) -> "bytes | None":
        """Return the address that an own name has on the side where the message comes from."""
        pair = self._mirror.table.name(text)
        if pair is None:
            return None
        return pair[0] if side(pair[0]) == self.here else pair[1]


class Mirror:
    """The engine. counters: what happened how often, by name.

    default: asked for a message whose local address represents nobody; says whether it took it.
    listen: told each local address that a peer's own address becomes, so that it is listened on.
    passed: told of each message that goes on, as (message, real source, real target).
    rewrite: puts the other side's addresses into a message; options.py does more.
    failures: told of what is no message, and of what was refused (failures.py).
    gives: whether pools have addresses for all that a message names, not for its sender alone.
    """

    def __init__(self, table: "Table", relay: "Relay") -> None:
        self.table = table
        self.relay = relay
        self.default: "Callable[[Message, Address, Address, int, object], bool] | None" = None
        self.listen: "Callable[[bytes, int], None] | None" = None
        self.passed: "Callable[[Message, Address, Address], None] | None" = None
        self.rewrite: "Callable[[Message, Names, Media], None]" = rewrite
        self.failures: "Failures | None" = None
        self.gives = False
        self.counters: "dict[str, int]" = {}
        self._out: "list[tuple[bytes, Address, Address, object]]" = []

    def count(self, name: str) -> None:
        """Count one event."""
        self.counters[name] = self.counters.get(name, 0) + 1

    def take(self) -> "list[tuple[bytes, Address, Address, object]]":
        """Return what to send, as (octets, source, destination, stream or None)."""
        out = self._out
        self._out = []
        return out

    def send(
        self, message: "Message", source: "Address", target: "Address", stream: object = None
    ) -> None:
        """Put a message among what to send."""
        self._out.append((message.emit(), source, target, stream))

    def handle_timer(self, now: int) -> None:
        """Do what is due."""
        self.relay.handle_timer(now)

    def get_timer(self) -> "int | None":
        """Return when something is due next, None if never."""
        return self.relay.get_timer()

    def receive(
        self, data: bytes, local: "Address", peer: "Address", now: int, stream: object = None
    ) -> None:
        """Take one message.

        data: a datagram, or one whole message of a stream. local, peer: where it arrived, whence.
        now: ms. stream: the connection it came by, given back with answers to it.
        """
        if not data.strip(b"\r\n\0"):
            return  # keeps a binding open
        try:
            message = parse(data, RequestLines, ResponseLines)
        except FormatError as error:
            self.count("malformed")
            if self.failures is not None:
                self.failures.malformed(data, error, local, peer, stream)
            return
        try:
            if len(data) > MAX_MESSAGE_OCTETS:
                raise Refused(513, "Message Too Large")
            self.forward(message, local, peer, now, stream)
        except FormatError as error:
            self.refuse(data, Refused(400, error.reason), local, peer, stream)
        except Refused as error:
            self.refuse(data, error, local, peer, stream)
            if self.failures is not None:
                self.failures.refused(data, error, local, peer, now)

    def _known(self, peer: "Address", now: int, sender: bool) -> "Address | None":
        """Return the representation of a party. sender: if it has none, it may get one."""
        table = self.table
        source = table.representation(peer[0], peer[1])
        if source is None and table.unknown is not None and table.real(peer[0], peer[1]) is None:
            source = table.unknown(peer[0], peer[1], now, sender)
        return source

    def forward(
        self, message: "Message", local: "Address", peer: "Address", now: int, stream: object
    ) -> None:
        """Pass one message on; Refused, FormatError."""
        table = self.table
        target = table.real(local[0], local[1])
        if target is None and table.unknown is not None:
            target = table.unknown(local[0], local[1], now, False)
        if target is None:
            if self.default is None or not self.default(message, local, peer, now, stream):
                self.count("nobody")
            return
        source = self._known(peer, now, True)
        if source is None or table.real(target[0], target[1]) is not None:
            raise Refused(403, "Forbidden")
        if isinstance(message, RequestLines):
            if message.method == "ACK" and tag(message, "to").startswith(_TAG):
                return  # of an answer of our own
            text = message.get("max-forwards")
            hops = _HOPS + 1 if text is None else parse_number(text, 255)
            if not hops:
                raise Refused(483, "Too Many Hops")
            if not set_number(message, "max-forwards", hops - 1):
                message.add("Max-Forwards", str(hops - 1))
            if stream is None:  # else the answer comes by the connection
                observe(message, peer, False)
        passage = self.relay.begin(message, peer, target, now)
        passed = False
        try:
            self.rewrite(message, Names(self, peer[0], now), passage)
            if message.status:
                target = answer_to(message, target)
                if side(target[0]) == side(peer[0]) or self._known(target, now, False) is None:
                    self.count("stray")  # it would go to nobody that we know
                    return
            passed = True
        finally:
            passage.end(passed)
        self.count("passed")
        if self.passed is not None:
            self.passed(message, peer, target)
        self.send(message, source, target)

    def refuse(
        self, data: bytes, error: Refused, local: "Address", peer: "Address", stream: object
    ) -> None:
        """Answer a request as it came; what is no request, or an ACK, is dropped."""
        self.count("refused")
        message = parse(data, RequestLines, ResponseLines)
        if not isinstance(message, RequestLines) or message.method == "ACK":
            return
        try:
            observe(message, peer, True)
            response = answer(message, error, local)
            if not tag(message, "to"):
                total = 0
                for octet in (message.get("via") or "").encode():
                    total = (total * 31 + octet) & 0x3FFFFFFF
                response.set("To", "%s;tag=%s%x" % (message.get("to") or "", _TAG, total))
            self.send(response, local, answer_to(response, peer), stream)
        except FormatError:
            self.count("malformed")


def answer(message: "Message", error: Refused, local: "Address") -> ResponseLines:
    """Return an answer that says why it goes no further, beginning as the message does."""
    response = ResponseLines(error.code, error.reason.encode())
    for key in ("via", "from", "to", "call-id", "cseq"):
        response.copy(message, key)
    if error.warning is not None:
        text = '%d %s "%s"' % (error.warning[0], host_text(local[0]), error.warning[1])
        response.add("Warning", text)
    if error.retry_s:
        response.add("Retry-After", str(error.retry_s))
    return response


def topmost_via(message: "Message") -> "tuple[list[bytes], bytes, int]":
    """Return the topmost Via value cut at semicolons, what stands behind it, and its line."""
    for i in range(len(message.headers)):
        if message.headers[i][0] == "via":
            first, comma, rest = message.headers[i][2].partition(b",")
            return first.split(b";"), comma + rest, i
    raise FormatError("no Via")


def parameters(parts: "list[bytes]") -> "dict[bytes, bytes]":
    out = {}
    for part in parts[1:]:
        name, _, value = part.partition(b"=")
        out[name.strip().lower()] = value.strip()
    return out


def observe(message: RequestLines, peer: "Address", always: bool) -> None:
    """Write the source of a request into its topmost Via, if that asks for it (RFC 3581).

    What the next hop sees of us anyway is left to it: some corrupt a topmost rport with a value
    (libre up to 2026). always: in an answer of our own; if it does not ask, the address alone is
    written (RFC 3261 section 18.2.1).
    """
    parts, rest, line = topmost_via(message)
    known = parameters(parts)
    asked = known.get(b"rport") == b""
    if not always and (not asked or answer_to(message, _NOWHERE) == peer):
        return
    out = []
    for part in parts:
        name = part.partition(b"=")[0].strip().lower()
        if asked and name == b"rport":
            part = part.rstrip() + b"=%d" % peer[1]
        if name != b"received":
            out.append(part)
    out.append(b"received=" + host_text(peer[0]).strip("[]").encode())
    message.replace(line, b";".join(out) + rest)


def answer_to(message: "Message", otherwise: "Address") -> "Address":
    """Return where a response goes (RFC 3261 section 18.2.2, RFC 3581 section 4)."""
    parts = topmost_via(message)[0]
    known = parameters(parts)
    words = parts[0][parts[0].rfind(b"/") + 1 :].split(None, 1)
    if len(words) != 2:
        raise FormatError("bad Via")
    sent_by = b"".join(words[1].split())
    port = 5061 if words[0].upper() == b"TLS" else 5060
    at = sent_by.find(b":", sent_by.find(b"]") + 1)
    if at >= 0:
        port = parse_number(unfold(sent_by[at + 1 :]), 65535)
        sent_by = sent_by[:at]
    if b"maddr" in known:
        sent_by = known[b"maddr"]
    elif b"received" in known:
        sent_by = known[b"received"]
        if known.get(b"rport") and words[0].upper() == b"UDP":
            port = parse_number(unfold(known[b"rport"]), 65535)
    addr16 = literal(sent_by.strip(b"[]"))
    return otherwise if addr16 is None else (addr16, port)
