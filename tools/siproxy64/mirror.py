# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The mirror: a message for a representation goes on to whom it represents.

A pure function of message and table: from each side it is the far party, so it adds no Via and no
Record-Route, keeps no transaction and no dialog. What it must refuse it answers itself, as a
stateless UAS (RFC 3261 section 8.2.7).

    datagram from R to local L   ->   datagram from representation(R) to real(L)
    a response                   ->   where its topmost Via says, once that is rewritten
"""

from vox6.sip.headers import Via, parse_number, split_list
from vox6.sip.message import Request, Response, parse
from vox6.sip.uri import host_address, host_text
from vox6.wire.errors import FormatError

from .rewrite import rewrite
from .scan import Refused
from .table import side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Protocol

    from .sdp import Media
    from .table import Table

    Address = tuple[bytes, int]

    class Passage(Media, Protocol):
        """One message on its way through the relay."""

        def end(self, passed: bool) -> None:
            """The message has gone on, or it was refused and nothing came of it."""

    class Relay(Protocol):
        """Who looks after media."""

        def begin(
            self, message: "Request | Response", source: Address, target: Address, now: int
        ) -> Passage:
            """See a message before it is rewritten.

            source: real address it came from; target: real address it goes to.
            """

        def handle_timer(self, now: int) -> None:
            """Do what is due."""

        def get_timer(self) -> "int | None":
            """Return when something is due next."""


MAX_MESSAGE_OCTETS = 8192  # longer requests are answered 513
_HOPS = 70  # where Max-Forwards is absent (RFC 3261 section 16.6)
_TAG = "64-"  # of our own answers, so that their ACK is known


class Mirror:
    """The engine. counters: what happened how often, by name."""

    def __init__(self, table: "Table", relay: "Relay") -> None:
        self.table = table
        self.relay = relay
        # A message for a local address that represents nobody: `default(message, local, peer,
        # now, stream)` returns whether it took it.
        self.default: "Callable[[Request | Response, Address, Address, int, object], bool] | None"
        self.default = None
        # Called with a local address as it is told to the other side, so that it is listened on.
        self.listen: "Callable[[bytes, int], None] | None" = None
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
            message = parse(data)
            message.via
        except FormatError:
            self.count("malformed")
            return
        try:
            if len(data) > MAX_MESSAGE_OCTETS:
                raise Refused(513, "Message Too Large")
            if isinstance(message, Request):
                self._request(message, local, peer, now, stream)
            else:
                self._response(message, local, peer, now, stream)
        except Refused as error:
            self._refuse(parse(data), error, local, peer, stream)  # as it came
        except FormatError as error:
            refused = Refused(error.code, error.reason)
            self._refuse(parse(data), refused, local, peer, stream)

    def _translate(self, here: bool, now: int) -> "Callable[[bytes, int], Address | None]":
        table = self.table

        def translate(addr16: bytes, port: int) -> "Address | None":
            if side(addr16) != here:
                return addr16, port  # what this side says about the other is not ours
            return table.counterpart(addr16, port)

        return translate

    def _request(
        self, message: Request, local: "Address", peer: "Address", now: int, stream: object
    ) -> None:
        target = self.table.real(local[0], local[1])
        if target is None:
            if self.default is None or not self.default(message, local, peer, now, stream):
                self.count("nobody")
            return
        source = self.table.representation(peer[0], peer[1])
        if source is None or self.table.real(target[0], target[1]) is not None:
            raise Refused(403, "Forbidden")
        if message.method == "ACK" and (message.to.tag or "").startswith(_TAG):
            return  # of an answer of our own
        hops = message.number("max-forwards")
        if hops == 0:
            raise Refused(483, "Too Many Hops")
        message.set("Max-Forwards", str(_HOPS if hops is None else hops - 1))
        _observe(message, peer)
        self._pass(message, source, target, peer, target, now)

    def _response(
        self, message: Response, local: "Address", peer: "Address", now: int, stream: object
    ) -> None:
        target = self.table.real(local[0], local[1])
        source = self.table.representation(peer[0], peer[1])
        if target is None or source is None:
            if self.default is None or not self.default(message, local, peer, now, stream):
                self.count("nobody")
            return
        self._pass(message, source, target, peer, None, now)

    def _pass(
        self,
        message: "Request | Response",
        source: "Address",
        target: "Address",
        peer: "Address",
        destination: "Address | None",
        now: int,
    ) -> None:
        passage = self.relay.begin(message, peer, target, now)
        passed = False
        try:
            rewrite(message, self._translate(side(peer[0]), now), passage)
            if destination is None:
                destination = _answer_to(message.via, target)
                if self.table.representation(destination[0], destination[1]) is None:
                    self.count("stray response")
                    return
            passed = True
        finally:
            passage.end(passed)
        self.count("passed")
        self._out.append((message.emit(), source, destination, None))

    def _refuse(
        self,
        message: "Request | Response",
        error: Refused,
        local: "Address",
        peer: "Address",
        stream: object,
    ) -> None:
        self.count("refused")
        if not isinstance(message, Request) or message.method == "ACK":
            return
        try:
            _observe(message, peer)
            response = message.response(error.code, error.reason, _TAG + "refused")
            if error.warning is not None:
                text = '%d %s "%s"' % (error.warning[0], host_text(local[0]), error.warning[1])
                response.add("Warning", text)
            if error.retry_s:
                response.add("Retry-After", str(error.retry_s))
            destination = _answer_to(response.via, peer)
        except FormatError:
            return
        self._out.append((response.emit(), local, destination, stream))


def _observe(message: Request, peer: "Address") -> None:
    """Write the source of a request into its topmost Via, if that asks for it (RFC 3581)."""
    via = message.via
    if via.get("rport") != "":
        return
    values = split_list(message.get("via") or "")
    via.set("received", host_text(peer[0]).strip("[]"))
    via.set("rport", str(peer[1]))
    values[0] = str(via)
    message.set("Via", ", ".join(values))


def _answer_to(via: Via, otherwise: "Address") -> "Address":
    """Return where a response goes (RFC 3261 section 18.2.2, RFC 3581 section 4)."""
    host = via.get("maddr") or via.get("received") or via.host
    if host.count(":") > 1 and host[0] != "[":
        host = "[" + host + "]"
    addr16 = host_address(host)
    port = via.port
    if via.get("rport") and not via.get("maddr"):
        port = parse_number(via.get("rport") or "", 65535)
    if addr16 is None:
        return otherwise
    return addr16, port or (5061 if via.transport == "TLS" else 5060)
