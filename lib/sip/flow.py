# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Flows to a registrar: kept alive, found dead, formed anew (RFC 5626 sections 4.4 and 4.5).

On streams an empty line is a ping, half of one its answer; on UDP a STUN Binding request is, and
the address that its response shows must stay. Where the registrar knows none of this, empty lines
go out and nothing is expected.
"""

from vox6.sip import stun
from vox6.sip.transport import is_reliable
from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.registration import Registration

    Peer = tuple[bytes, int]

_PONG_TIMEOUT = const(10000)  # ms (section 4.4.1)
_STREAM_INTERVAL = const(120)  # s, the upper bound without Flow-Timer (section 4.4.1)
_STUN_INTERVAL = const(29)  # s, from 24 on (section 4.4.2)
_STUN_SPREAD = const(5)
_RTO = const(500)  # ms (RFC 5389 section 7.2.1), doubled for each of 7 requests
_MAX_REQUESTS = const(7)
_LAST_RTO = const(16)  # RTO after the last one
_BASE_ALL_FAILED = const(30)  # s (section 4.5)
_BASE = const(90)
_MAX_WAIT = const(1800)


def get_recovery_delay(registration: "Registration", failures: int) -> int:
    """Return the ms to wait after so many failures in a row to form a flow (section 4.5)."""
    agent = registration.agent
    base = _BASE_ALL_FAILED
    for other in agent.registrations:
        if other is not registration and other.is_registered():
            if other.account.uri == registration.account.uri:
                base = _BASE
    upper = _MAX_WAIT if failures > 6 else min(_MAX_WAIT, base << failures)
    return 500 * upper + 500 * upper * agent.random(1)[0] // 255


class Flow:
    """The keepalive of one registration.

    answers: whether the server answers pings. interval: upper bound in s, 0 for RFC 5626's.
    is_proven: a ping was
    answered.
    """

    def __init__(self, registration: "Registration", answers: bool, interval: int) -> None:
        self.registration = registration
        self.layer = registration.agent.layer
        self.peer = registration.peer
        self.transport = registration.transport
        self.reliable = is_reliable(self.transport)
        self.answers = answers
        self.interval = interval
        self.is_proven = False
        self._seen: "Peer | None" = None  # our address as the server sees it
        self._transaction_id = b""
        self._requests = 0

    def start(self, now: int) -> None:
        """Wait for the time of the next ping, by chance within the last fifth of the interval."""
        interval = self.interval
        spread = 200 * interval
        if not interval:
            interval = _STREAM_INTERVAL if self.reliable else _STUN_INTERVAL
            spread = 200 * interval if self.reliable else 1000 * _STUN_SPREAD
        delay = 1000 * interval - spread * self.layer.random(1)[0] // 255
        self.layer.timers.set(self, "ping", now + max(delay, 1000))

    def stop(self) -> None:
        """End it."""
        self.layer.timers.cancel(self)

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        if name == "ping":
            self._ping(now)
        elif self.reliable or not self._transaction_id or self._requests >= _MAX_REQUESTS:
            self._fail("no answer to keepalive", now)
        else:
            self._send_request(now)

    def _ping(self, now: int) -> None:
        if self.answers and not self.reliable:
            self._transaction_id = self.layer.random(12)
            self._requests = 0
            self._send_request(now)
            return
        self.layer.send(b"\r\n\r\n", self.peer, self.transport)
        if self.answers:
            self.layer.timers.set(self, "pong", now + _PONG_TIMEOUT)
        else:
            self.start(now)

    def _send_request(self, now: int) -> None:
        self.layer.send(stun.emit_request(self._transaction_id), self.peer, self.transport)
        self._requests += 1
        delay = _RTO << (self._requests - 1)
        if self._requests == _MAX_REQUESTS:
            delay = _RTO * _LAST_RTO
        self.layer.timers.set(self, "pong", now + delay)

    def receive_line(self, now: int) -> None:
        """Take an empty line or a message of the server on a stream: it lives."""
        if self.reliable and self.layer.timers.running(self, "pong"):
            self.layer.timers.cancel(self, "pong")
            self.is_proven = True
            self.start(now)

    def receive_stun(self, data: bytes, now: int) -> None:
        """Take a STUN message of the server."""
        try:
            transaction_id, seen = stun.parse_response(data)
        except FormatError:
            self.layer.count("malformed_stun")
            return
        if transaction_id != self._transaction_id:
            self.layer.count("stray_stun")
            return
        self._transaction_id = b""
        self.layer.timers.cancel(self, "pong")
        if seen is None:
            self._fail("keepalive refused", now)
        elif self._seen is not None and self._seen != seen:
            self._fail("our address has changed", now)
        else:
            self._seen = seen
            self.is_proven = True
            self.start(now)

    def _fail(self, reason: str, now: int) -> None:
        self.registration.handle_flow_failure(reason, now)


def receive(
    registrations: "list[Registration]", data: bytes, peer: "Peer", transport: str, now: int
) -> None:
    """Give what came from a peer, a keepalive or any message, to the flows that go there."""
    for registration in registrations:
        flow = registration.flow
        if flow is not None and flow.peer == peer and flow.transport == transport:
            if stun.is_stun(data):
                flow.receive_stun(data, now)
            else:
                flow.receive_line(now)
