# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Offers in a call that stands: re-INVITE both ways and glare (RFC 3261 section 14)."""

from vox6.sip import events
from vox6.sip.message import Response
from vox6.sip.state import (
    CALLING,
    CANCELLING,
    CLOSING,
    CONFIRMED,
    INCOMING,
    PROCEEDING,
    RINGING,
    TERMINATED,
    TERMINATING,
)
from vox6.sip.transaction import ClientTransaction, ServerTransaction
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.session import Session

    Headers = tuple[tuple[str, str], ...]

_UNDECIDED = const(60000)  # ms a re-INVITE may wait for our user


class Offers:
    """Re-INVITEs of one session, one at a time in either direction."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self._client: "ClientTransaction | None" = None  # ours
        self._body = b""
        self._auth: "list[str]" = []
        self._server: "ServerTransaction | None" = None  # the peer's

    def is_open(self) -> bool:
        """Return whether one is under way or waits."""
        session = self.session
        return (
            self._client is not None
            or self._server is not None
            or session.acknowledger.pending is not None
            or session.repeater.is_waiting()
            or session.agent.layer.timers.running(session, "glare")
        )

    def owns(self, transaction: "object") -> bool:
        """Return whether a transaction is the one of our open request."""
        return transaction is self._client

    # -- ours

    def offer(self, now: int, body: bytes) -> None:
        """Send a re-INVITE."""
        self._body = body
        self._auth = []
        self._start(now)

    def withdraw(self, lost: bool) -> None:
        """Give up one that waits after a 491; lost: also one that is out."""
        layer = self.session.agent.layer
        layer.timers.cancel(self.session, "glare")
        if lost and self._client is not None:
            layer.remove(self._client)
            self._client = None

    def _start(self, now: int) -> None:
        session = self.session
        dialog = session.dialog
        if dialog is None:
            return
        agent = session.agent
        request = dialog.create_request("INVITE")
        user = session.local_user()
        request.add("Contact", agent.contact(user, session.transport, session.account))
        agent.describe(request)
        request.set_body(self._body, "application/sdp")
        agent.authorize(request, session.account)
        self._client = agent.start(request, dialog.next_hop(), session.transport, session, now)

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response to our re-INVITE."""
        session = self.session
        status = response.status
        dialog = session.dialog
        if status < 200 or dialog is None:
            return
        self._client = None
        if status < 300:
            try:
                dialog.refresh_target(response)
            except FormatError:
                session.agent.layer.count("malformed_responses")
            answer = session.acknowledger.keep(dialog, transaction.request)
            if transaction.request.body or session.state != CONFIRMED:
                session.acknowledger.send(answer)
            else:
                session.acknowledger.pending = answer
            if session.state == CONFIRMED:
                session.agent.emit(events.OfferAnswered(session, response.body))
            return
        if session.state != CONFIRMED:
            return
        if status == 491:
            # RFC 3261 section 14.1: the owner of the Call-ID waits longer, in units of 10 ms
            draw = session.agent.layer.random(2)
            number = draw[0] << 8 | draw[1]
            mine = session.direction == "out"
            delay = 2100 + 10 * (number % 191) if mine else 10 * (number % 201)
            session.agent.layer.timers.set(session, "glare", now + delay)
        elif status == 401 or status == 407:
            try:
                retry = session.agent.authenticate(
                    transaction.request, response, session.account, self._auth
                )
                dialog.local_sequence = retry.cseq.number
                self._client = session.agent.start(
                    retry, transaction.peer, session.transport, session, now
                )
            except (RemoteProtocolError, LocalProtocolError):
                session.agent.emit(events.OfferFailed(session, status))
        elif status == 481 or status == 408:
            session.ending.lose(status, now)
        else:
            session.agent.emit(events.OfferFailed(session, status))

    def handle_failure(self, status: int, now: int) -> None:
        """Take the news that no response will come."""
        self._client = None
        if status == 408:
            self.session.ending.lose(status, now)
        else:
            self.session.agent.emit(events.OfferFailed(self.session, status))

    def handle_glare(self, now: int) -> None:
        """The wait after a 491 is over."""
        session = self.session
        if self.is_open():
            session.agent.layer.timers.set(session, "glare", now + 1000)
            return
        try:
            self._start(now)
        except LocalProtocolError:
            session.agent.emit(events.OfferFailed(session, 491))

    # -- the peer's

    def receive_invite(self, transaction: ServerTransaction, now: int) -> None:
        """Take an INVITE within the dialog (RFC 3261 section 14.2, RFC 5407 section 3.1.4).

        RemoteProtocolError: the status to refuse it with.
        """
        session = self.session
        if session.state in (TERMINATING, CLOSING, TERMINATED, CANCELLING):
            raise RemoteProtocolError("call is ending", 481)
        if session.state in (INCOMING, RINGING) or self._server is not None:
            raise RemoteProtocolError("another INVITE is open", 500)
        if session.state in (CALLING, PROCEEDING) or self._client is not None:
            raise RemoteProtocolError("request pending", 491)
        if session.acknowledger.pending is not None:
            raise RemoteProtocolError("request pending", 491)
        if session.repeater.is_waiting():
            if session.repeater.offer_ours:
                raise RemoteProtocolError("request pending", 491)
            session.repeater.end()  # the peer has our 2xx, or it could not go on
            session.acknowledged(b"", now)
        transaction.user = session
        self._server = transaction
        session.agent.layer.timers.set(session, "offer_timeout", now + _UNDECIDED)
        session.agent.emit(events.OfferReceived(session, transaction.request.body))

    def accept(self, now: int, body: bytes) -> None:
        """Answer the peer's offer."""
        transaction = self._server
        session = self.session
        if transaction is None:
            raise LocalProtocolError("no offer to answer")
        response = session.create_response(transaction.request, 200)
        response.set_body(body, "application/sdp")
        self._end()
        if session.dialog is not None:
            try:
                session.dialog.refresh_target(transaction.request)
            except FormatError:
                session.agent.layer.count("malformed_requests")
        session.repeater.begin(transaction, response, now)

    def reject(self, now: int, code: int, headers: "Headers" = ()) -> None:
        """Refuse the peer's offer."""
        transaction = self._server
        if transaction is None:
            raise LocalProtocolError("no offer to refuse")
        if not 300 <= code <= 699:
            raise LocalProtocolError("not a failure status")
        response = self.session.create_response(transaction.request, code)
        for name, value in headers:
            response.add(name, value)
        self._end()
        transaction.respond(response, now)

    def receive_cancel(self, transaction: ServerTransaction, now: int) -> None:
        """Take a CANCEL of the peer's re-INVITE."""
        if transaction is self._server:
            session = self.session
            self._end()
            transaction.respond(session.create_response(transaction.request, 487), now)
            session.agent.emit(events.OfferCancelled(session))

    def handle_undecided(self, now: int) -> None:
        """Our user did not answer in time."""
        if self._server is not None:
            self.reject(now, 480)
            self.session.agent.emit(events.OfferCancelled(self.session))

    def _end(self) -> None:
        self._server = None
        self.session.agent.layer.timers.cancel(self.session, "offer_timeout")

    def drop(self, now: int) -> None:
        """Drop what is open: the call ends."""
        if self._client is not None:
            self._client.abandon(now)
        self._client = None
        transaction = self._server
        self._server = None
        if transaction is not None and transaction.is_open():
            response = self.session.create_response(transaction.request, 487)
            transaction.respond(response, now)
