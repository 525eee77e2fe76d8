# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Transactions (RFC 3261 section 17, RFC 6026) and the layer that finds them.

The tables are in state.py; here are their actions and timers. The user of a client transaction
has `handle_response(transaction, response, now)` and `handle_failure(transaction, status, now)`
(408 for a timeout, 503 for a transport error, RFC 3261 section 8.1.3.1); the user of a server
transaction has `handle_failure`.
"""

from vox6.sip.following import make_ack
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
from vox6.sip.transport import is_reliable, response_peer
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from vox6.sip.layer import Layer

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
        self._message = None  # a message is some 2 kB; what is repeated are octets
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
