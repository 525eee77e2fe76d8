# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Transactions (RFC 3261 section 17, RFC 6026) and the layer that finds them.

The tables are in state.py; here are their actions and timers. The user of a client transaction
has `handle_response(transaction, response, now)` and `handle_failure(transaction, status, now)`
(408 for a timeout, 503 for a transport error, RFC 3261 section 8.1.3.1); the user of a server
transaction has `handle_failure`.
"""

from vox6.sip.message import Request, Response
from vox6.sip.state import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    CONFIRMED,
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    PROCEEDING,
    TERMINATED,
    TRYING,
)
from vox6.sip.timers import Timers
from vox6.sip.transport import is_reliable, note_source, response_peer
from vox6.sip.uri import host_text
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Protocol

    Peer = tuple[bytes, int]
    Target = tuple[Peer, str]

    class ClientUser(Protocol):
        """What a client transaction tells its user."""

        def handle_response(
            self, transaction: "ClientTransaction", response: Response, now: int
        ) -> None:
            """A response came, never a repetition except of a 2xx to INVITE."""

        def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
            """No response will come."""

    class ServerUser(Protocol):
        """What a server transaction tells its user."""

        def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
            """The response could not be delivered."""


T1 = 500  # ms, RFC 3261 section 17.1.1.1 and table 4, as all here
T2 = 4000
T4 = 5000
TIMER_D = 32000  # at least 32 s over UDP (section 17.1.1.2)
_TIMER_100 = const(200)  # 100 Trying unless the user answers within (section 17.2.1)
MAGIC_COOKIE = "z9hG4bK"
MAX_OUTPUT = 64  # datagrams waiting for the driver, which takes them after every call


class Transaction:
    """What client and server transactions share."""

    def __init__(
        self,
        layer: "Layer",
        table: "dict[tuple[str, str], tuple[str, str]]",
        state: str,
        request: Request,
        peer: "Peer",
        transport: str,
    ) -> None:
        self.layer = layer
        self.table = table
        self.state = state
        self.request = request
        self.method = request.method
        self.peer = peer
        self.transport = transport
        self.reliable = is_reliable(transport)
        self.key = ""
        self._last = b""  # octets to repeat
        self._interval = 0
        self._message: "Request | Response | None" = None
        self.ended_at: "int | None" = None  # since when it only waits for repetitions

    def step(self, event: str, now: int, message: "Request | Response | None" = None) -> bool:
        """Take one event; return whether the table has it in this state."""
        entry = self.table.get((self.state, event))
        if entry is None:
            self.layer.count("ignored_events")
            return False
        self.state = entry[1]
        self._message = message
        if self.ended_at is None and self._is_ended():
            self.ended_at = now
        if self.state == TERMINATED:
            self.layer.remove(self)
        getattr(self, "_" + entry[0])(now)
        return True

    def _is_ended(self) -> bool:
        """Return whether the outcome is known on both sides: repetitions alone may come."""
        if self.table is INVITE_SERVER and self.state == COMPLETED:
            return False  # our refusal is repeated until ACK comes
        return self.state in (ACCEPTED, COMPLETED, CONFIRMED)

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        self.step(name, now)

    def _set(self, name: str, delay: int, now: int) -> None:
        self.layer.timers.set(self, name, now + delay)

    def _cancel(self, name: "str | None" = None) -> None:
        self.layer.timers.cancel(self, name)

    def _nothing(self, now: int) -> None:
        pass

    def _send_last(self, now: int) -> None:
        if self._last:
            self.layer.send(self._last, self.peer, self.transport)


class ClientTransaction(Transaction):
    """A request of ours and its responses (RFC 3261 section 17.1).

    targets: (peer, transport) to try next, its user's list; see failover.py. wanted: the transport
    of the target, which a large request may leave for TCP; then large is set, and fallback until
    that has failed. until: the end of its time.
    """

    def __init__(
        self, layer: "Layer", request: Request, peer: "Peer", transport: str, user: "ClientUser"
    ) -> None:
        invite = request.method == "INVITE"
        table = INVITE_CLIENT if invite else NON_INVITE_CLIENT
        state = CALLING if invite else TRYING
        super().__init__(layer, table, state, request, peer, transport)
        self.user = user
        self.status = 0  # of the last response
        self.sent_by = ""
        self.targets: "list[Target]" = []
        self.wanted = transport
        self.large = False
        self.fallback = False
        self.until = 0
        self._ack = b""

    def enter(self) -> None:
        """Let responses with the branch of the request find this transaction."""
        via = self.request.via
        self.key = (via.branch or "") + " " + self.method
        self.sent_by = via.host
        self.layer.clients[self.key] = self

    def start(self, now: int) -> None:
        """Send the request and start its timers."""
        self.until = now + 64 * self.layer.t1
        self.begin(now)

    def begin(self, now: int) -> None:
        """Send the request to its target: the first one, or the next."""
        self._last = self.request.emit()
        self._send_last(now)
        self._interval = self.layer.t1
        end = self.until
        if self.targets or self.fallback:
            from vox6.sip.failover import get_patience

            end = min(end, now + get_patience(self))
        if self.method == "INVITE":
            if not self.reliable:
                self._set("timer_a", self._interval, now)
            self._set("timer_b", end - now, now)
        else:
            if not self.reliable:
                self._set("timer_e", self._interval, now)
            self._set("timer_f", end - now, now)

    def receive(self, response: Response, now: int) -> None:
        """Take a response that matched."""
        self.status = response.status
        if response.status < 200:
            event = "1xx"
        elif response.status < 300:
            event = "2xx"
        else:
            event = "300-699"
        self.step(event, now, response)

    def handle_transport_error(self, now: int) -> None:
        """The transport could not deliver to the peer."""
        self.step("transport_error", now)

    def readdress(self, now: int) -> None:
        """Our address is another one: show the peer where answers go to now (RFC 3581 section 4).

        The request is sent as it was, branch and all, so that nothing is asked twice. Not what
        its user makes anew: REGISTER and re-INVITE.
        """
        again = self.method == "REGISTER" or self.request.to.tag is not None
        if not again and not self.reliable and self.state in (CALLING, TRYING, PROCEEDING):
            self.layer.count("retransmissions")
            self.layer.send(self._last or self.request.emit(), self.peer, self.transport)

    def leave_behind(self, now: int) -> None:
        """Leave a transaction that repeats our ACK, while this one goes to another target."""
        ghost = ClientTransaction(self.layer, self.request, self.peer, self.transport, self.user)
        self.layer.remove(self)
        ghost.enter()
        ghost.state = COMPLETED
        ghost.ended_at = now
        ghost._last = self._last
        ghost._set("timer_d", TIMER_D, now)

    def abandon(self, now: int) -> None:
        """The call is over: wait no longer than 64 T1 for the final response of a re-INVITE.

        A peer whose 2xx got lost repeats it no more after BYE, so none may ever come.
        """
        if self.method == "INVITE" and self.state == PROCEEDING:
            self._set("timer_b", 64 * self.layer.t1, now)

    def _pass_up(self, now: int) -> None:
        response = self._message
        if isinstance(response, Response):
            self.user.handle_response(self, response, now)

    def _retransmit(self, now: int) -> None:
        self.layer.count("retransmissions")
        self._send_last(now)
        if self.method == "INVITE":
            self._interval *= 2
            self._set("timer_a", self._interval, now)
        elif self.state == PROCEEDING:
            self._set("timer_e", self.layer.t2, now)
        else:
            self._interval = min(2 * self._interval, self.layer.t2)
            self._set("timer_e", self._interval, now)

    def _provisional(self, now: int) -> None:
        self._cancel()
        self._last = b""
        self._pass_up(now)

    def _success(self, now: int) -> None:
        self._cancel()
        self._last = b""
        self._set("timer_m", 64 * self.layer.t1, now)
        self._pass_up(now)

    def _failure(self, now: int) -> None:
        self._cancel()
        self._set("timer_d", 0 if self.reliable else TIMER_D, now)
        response = self._message
        if isinstance(response, Response):
            self._last = make_ack(self.request, response).emit()
            self._send_last(now)
            if self.status != 503 or not self._is_tried_elsewhere(503, now):
                self.user.handle_response(self, response, now)

    def _is_tried_elsewhere(self, status: int, now: int) -> bool:
        """Send the request to its next target, if there is one; status: why, as in failover."""
        if not self.targets and not self.fallback:
            return False
        from vox6.sip.failover import try_next

        return try_next(self, status, now)

    def _acknowledge(self, now: int) -> None:
        self._send_last(now)

    def _final(self, now: int) -> None:
        self._cancel()
        self._last = b""
        self._set("timer_k", 0 if self.reliable else self.layer.t4, now)
        if self.status != 503 or not self._is_tried_elsewhere(503, now):
            self._pass_up(now)

    def _timeout(self, now: int) -> None:
        self.layer.count("timeouts")
        if self.status or not self._is_tried_elsewhere(408, now):
            self.user.handle_failure(self, 408, now)

    def _transport_failed(self, now: int) -> None:
        if not self._is_tried_elsewhere(0, now):
            self.user.handle_failure(self, 503, now)


class ServerTransaction(Transaction):
    """A request of the peer and our responses (RFC 3261 section 17.2)."""

    def __init__(
        self, layer: "Layer", request: Request, peer: "Peer", transport: str, key: str
    ) -> None:
        invite = request.method == "INVITE"
        table = INVITE_SERVER if invite else NON_INVITE_SERVER
        state = PROCEEDING if invite else TRYING
        where = peer if is_reliable(transport) else response_peer(request.via, peer)
        super().__init__(layer, table, state, request, where, transport)
        self.source = peer
        self.user: "ServerUser | None" = None
        self.key = key

    def start(self, now: int) -> None:
        """Begin to wait for the user's response."""
        if self.method == "INVITE":
            self._set("timer_100", _TIMER_100, now)

    def respond(self, response: Response, now: int) -> None:
        """Send a response; LocalProtocolError if a final one was sent before."""
        if response.status < 200:
            event = "send_1xx"
        elif response.status < 300:
            event = "send_2xx"
        else:
            event = "send_300-699"
        if not self.step(event, now, response):
            raise LocalProtocolError("answered already")

    def is_open(self) -> bool:
        """Return whether a final response may still be sent."""
        return self.state == PROCEEDING or self.state == TRYING

    def last_octets(self) -> bytes:
        """Return the octets of the last response sent."""
        return self._last

    def handle_transport_error(self, now: int) -> None:
        """The transport could not deliver to the peer.

        A response whose connection is gone opens one to where the sender listens (RFC 3261
        section 18.2.2).
        """
        if self.reliable and self.peer == self.source and self._last:
            listening = response_peer(self.request.via, self.source, False)
            if listening != self.peer:
                self.peer = listening
                self._send_last(now)
                return
        self.step("transport_error", now)

    def _send(self, now: int) -> None:
        self._cancel("timer_100")
        if self._message is not None:
            self._last = self._message.emit()
            self._send_last(now)

    def _send_trying(self, now: int) -> None:
        self._message = self.request.response(100)
        self._send(now)

    def _send_success(self, now: int) -> None:
        self._send(now)
        self._set("timer_l", 64 * self.layer.t1, now)

    def _send_failure(self, now: int) -> None:
        self._send(now)
        self._interval = self.layer.t1
        if not self.reliable:
            self._set("timer_g", self._interval, now)
        self._set("timer_h", 64 * self.layer.t1, now)

    def _send_final(self, now: int) -> None:
        self._send(now)
        self._set("timer_j", 0 if self.reliable else 64 * self.layer.t1, now)

    def _retransmit(self, now: int) -> None:
        self.layer.count("retransmissions")
        self._send_last(now)
        self._interval = min(2 * self._interval, self.layer.t2)
        self._set("timer_g", self._interval, now)
        if self._interval == self.layer.t2 and self.ended_at is None:
            self.ended_at = now  # nobody who is there needs it a fourth time: it may make room

    def _confirm(self, now: int) -> None:
        self._cancel()
        self._last = b""
        self._set("timer_i", 0 if self.reliable else self.layer.t4, now)

    def _timeout(self, now: int) -> None:
        self.layer.count("timeouts")
        if self.user is not None:
            self.user.handle_failure(self, 408, now)

    def _transport_failed(self, now: int) -> None:
        if self.user is not None:
            self.user.handle_failure(self, 503, now)


def make_ack(request: Request, response: Response) -> Request:
    """Return the ACK of a 300-699 response (RFC 3261 section 17.1.1.3)."""
    ack = Request("ACK", request.uri_text)
    ack.add("Via", str(request.via))
    ack.add("Max-Forwards", "70")
    ack.copy(request, "route")
    ack.copy(request, "from")
    ack.copy(response, "to")
    ack.copy(request, "call-id")
    ack.add("CSeq", "%d ACK" % request.cseq.number)
    return ack


def make_cancel(request: Request) -> Request:
    """Return the CANCEL of a request of ours (RFC 3261 section 9.1)."""
    cancel = Request("CANCEL", request.uri_text)
    cancel.add("Via", str(request.via))
    cancel.add("Max-Forwards", "70")
    cancel.copy(request, "route")
    cancel.copy(request, "from")
    cancel.copy(request, "to")
    cancel.copy(request, "call-id")
    cancel.add("CSeq", "%d CANCEL" % request.cseq.number)
    return cancel


def server_key(request: Request, method: str) -> str:
    """Return what a request is matched by (RFC 3261 section 17.2.3, both generations).

    method: INVITE for an ACK, the method to be cancelled for a CANCEL, else the request's own.
    """
    via = request.via
    branch = via.branch
    if branch is not None and branch[:7] == MAGIC_COOKIE and len(branch) > 7:
        return branch + " " + via.sent_by().lower() + " " + method
    return " ".join(  # RFC 2543: the ACK's To has a tag that the INVITE's has not
        (
            request.uri_text,
            request.from_.tag or "",
            request.call_id,
            "%d" % request.cseq.number,
            via.sent_by().lower(),
            branch or "",
            method,
        )
    )


def _no_restamp(request: Request, transport: str) -> None:
    raise LocalProtocolError("nobody can stamp")


def _no_restamp_contact(request: Request, old: str, new: str) -> None:
    pass


class Layer:
    """All transactions of one engine, its timers, and what waits to be sent.

    maximum: of client and of server transactions each. restamp(request, transport): puts a Via
    with a new branch in place of the top one; restamp_contact(request, old, new): our Contact says
    another transport. The agent sets both.
    """

    def __init__(
        self,
        random: "Callable[[int], bytes]",
        maximum: int = 32,
        t1: int = T1,
        t2: int = T2,
        t4: int = T4,
    ) -> None:
        self.random = random
        self.maximum = maximum
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.timers = Timers(maximum * 8 + 64)
        self.clients: "dict[str, ClientTransaction]" = {}
        self.servers: "dict[str, ServerTransaction]" = {}
        self.output: "list[tuple[bytes, Peer, str]]" = []
        self.counters: "dict[str, int]" = {}
        self.restamp: "Callable[[Request, str], None]" = _no_restamp
        self.restamp_contact: "Callable[[Request, str, str], None]" = _no_restamp_contact

    def count(self, name: str) -> None:
        """Add one to a counter."""
        self.counters[name] = self.counters.get(name, 0) + 1

    def token(self, octets: int = 8) -> str:
        """Return fresh random hexadecimal digits, two for each octet."""
        return "".join(["%02x" % octet for octet in self.random(octets)])

    def send(self, data: bytes, peer: "Peer", transport: str) -> None:
        """Put octets into the output; dropped and counted if the driver does not take them."""
        if len(self.output) >= MAX_OUTPUT:
            self.count("dropped_output")
            return
        self.output.append((data, peer, transport))

    def has_room(self, maximum: "int | None" = None) -> bool:
        """Return whether one more server transaction fits; one that has ended makes room."""
        return self._make_room(self.servers, self.maximum if maximum is None else maximum)

    def _make_room(
        self,
        table: "dict[str, ClientTransaction] | dict[str, ServerTransaction]",
        maximum: int,
    ) -> bool:
        # Ended ones stay up to 32 s for repetitions. Many short calls must neither be refused for
        # their sake nor fill a phone's memory, so the one that ended first goes before its time.
        if len(table) < maximum:
            return True
        oldest: "Transaction | None" = None
        since = 0
        for transaction in table.values():
            ended_at = transaction.ended_at
            if ended_at is not None and (oldest is None or ended_at < since):
                oldest = transaction
                since = ended_at
        if oldest is None:
            return False
        self.count("forgotten_early")
        self.remove(oldest)
        return True

    def start_client(
        self, request: Request, peer: "Peer", transport: str, user: "ClientUser", now: int
    ) -> ClientTransaction:
        """Send a request in a new transaction; LocalProtocolError if there are too many.

        A CANCEL goes where its INVITE went, whatever peer and transport say (section 9.1).
        """
        if request.method == "CANCEL":
            invite = self.clients.get((request.via.branch or "") + " INVITE")
            if invite is not None:
                peer = invite.peer
                transport = invite.transport
        transaction = self.open_client(request, peer, transport, user)
        transaction.start(now)
        return transaction

    def open_client(
        self, request: Request, peer: "Peer", transport: str, user: "ClientUser"
    ) -> ClientTransaction:
        """Make a client transaction; its `start` sends. LocalProtocolError: too many."""
        if not self._make_room(self.clients, self.maximum):
            raise LocalProtocolError("too many transactions")
        transaction = ClientTransaction(self, request, peer, transport, user)
        transaction.enter()
        return transaction

    def start_server(
        self, request: Request, peer: "Peer", transport: str, now: int
    ) -> ServerTransaction:
        """Open a transaction for a request that matched none."""
        key = server_key(request, request.method)
        transaction = ServerTransaction(self, request, peer, transport, key)
        self.servers[key] = transaction
        transaction.start(now)
        return transaction

    def remove(self, transaction: Transaction) -> None:
        """Forget a transaction and its timers."""
        self.timers.cancel(transaction)
        table = self.clients if isinstance(transaction, ClientTransaction) else self.servers
        if table.get(transaction.key) is transaction:
            del table[transaction.key]

    def respond_stateless(
        self, request: Request, response: Response, peer: "Peer", transport: str
    ) -> None:
        """Send a response outside of transactions; never one to ACK.

        A request whose Via leads nowhere is answered to where it came from.
        """
        if request.method == "ACK":
            return
        where = peer
        if not is_reliable(transport):
            try:
                where = response_peer(request.via, peer)
            except FormatError:
                pass
        self.send(response.emit(), where, transport)

    def receive_response(self, response: Response, now: int) -> bool:
        """Give a checked response to its transaction; False if there is none."""
        if len(response.values("via")) != 1:
            self.count("foreign_responses")  # RFC 3261 section 8.1.3.3
            return True
        via = response.via
        transaction = self.clients.get((via.branch or "") + " " + response.cseq.method)
        if transaction is None or via.host.lower() != transaction.sent_by.lower():
            self.count("stray_responses")
            return False
        transaction.receive(response, now)
        return True

    def receive_request(self, request: Request, peer: "Peer", now: int) -> bool:
        """Give a checked request to its transaction; False if there is none.

        note_source comes first, for the responses of new transactions.
        """
        note_source(request, peer, host_text(peer[0]).strip("[]"))
        method = "INVITE" if request.method == "ACK" else request.method
        transaction = self.servers.get(server_key(request, method))
        if transaction is None:
            return False
        if request.method != "ACK":
            if not transaction.reliable:
                # The peer may have moved, or its NAT's mapping: answers go where it is heard now.
                transaction.peer = response_peer(request.via, peer)
            transaction.step("request", now, request)
            return True
        if transaction.state == ACCEPTED:
            return False  # an ACK for a 2xx belongs to the session, whatever its branch
        transaction.step("ack", now, request)
        return True

    def find_invite(self, cancel: Request) -> "ServerTransaction | None":
        """Return the INVITE transaction that a CANCEL means (RFC 3261 section 9.2)."""
        return self.servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, request: Request) -> bool:
        """Return whether a request came by another way before (RFC 3261 section 8.2.2.2)."""
        tag = request.from_.tag
        number = request.cseq.number
        for transaction in self.servers.values():
            other = transaction.request
            if (
                other.call_id == request.call_id
                and other.method == request.method
                and other.cseq.number == number
                and other.from_.tag == tag
            ):
                return True
        return False

    def readdress(self, now: int) -> None:
        """Our address is another one: send open requests once more, from there."""
        for client in list(self.clients.values()):
            client.readdress(now)

    def handle_transport_error(self, peer: "Peer", transport: str, now: int) -> None:
        """Tell every transaction with a peer that the transport does not reach it."""
        for client in list(self.clients.values()):
            if client.peer == peer and client.transport == transport:
                client.handle_transport_error(now)
        for server in list(self.servers.values()):
            if server.peer == peer and server.transport == transport:
                server.handle_transport_error(now)
