# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The peer's offers after the first: re-INVITE (RFC 3261 section 14.2), UPDATE (RFC 3311), PRACK.

When one may not be taken (RFC 3311 section 5.2, RFC 6337 section 4.3):

    491  our own offer waits for its answer
    500  one of the peer's waits for our answer, or another INVITE or UPDATE is open
    481  the call is ending
"""

from vox6.sip import events
from vox6.sip.dialog import AGREED, NOTHING, OURS, THEIRS
from vox6.sip.message import Response
from vox6.sip.state import (
    ANSWERING,
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
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.dialog import Dialog
    from vox6.sip.incoming import Incoming
    from vox6.sip.session import Session
    from vox6.sip.transaction import ServerTransaction

    Headers = tuple[tuple[str, str], ...]

_UNDECIDED = const(60000)  # ms a re-INVITE may wait for our user
_PROMPTLY = const(20000)  # ms an UPDATE or PRACK may: its sender gives up after 32 s


class Offered:
    """The one offer of the peer that is open in a session."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self._transaction: "ServerTransaction | None" = None
        self._dialog: "Dialog | None" = None

    def is_open(self) -> bool:
        """Return whether our user is to answer one."""
        return self._transaction is not None

    # -- they come

    def receive_invite(self, transaction: "ServerTransaction", now: int) -> None:
        """Take an INVITE within the dialog (RFC 3261 section 14.2, RFC 5407 section 3.1.4).

        RemoteProtocolError: the status to refuse it with.
        """
        session = self.session
        state = session.state
        if state in (TERMINATING, CLOSING, TERMINATED, CANCELLING):
            raise RemoteProtocolError("call is ending", 481)
        if state in (INCOMING, RINGING, ANSWERING) or self._transaction is not None:
            raise RemoteProtocolError("another INVITE is open", 500)
        if state in (CALLING, PROCEEDING) or session.offers.is_out():
            raise RemoteProtocolError("request pending", 491)
        if session.acknowledger.pending is not None:
            raise RemoteProtocolError("request pending", 491)
        if session.repeater.is_waiting():
            if session.repeater.offer_ours:
                raise RemoteProtocolError("request pending", 491)
            session.repeater.end()  # the peer has our 2xx, or it could not go on
            session.acknowledged(b"", now)
        if session.refuse_interval(transaction, now):
            return
        dialog = session.dialog
        if dialog is not None:
            dialog.note_allow(transaction.request)
            self._open(transaction, dialog, _UNDECIDED, now)

    def receive_update(self, transaction: "ServerTransaction", dialog: "Dialog", now: int) -> None:
        """Take an UPDATE; without an offer it is answered at once (RFC 3311 section 5.2).

        RemoteProtocolError: the status to refuse it with.
        """
        session = self.session
        request = transaction.request
        if session.state in (TERMINATING, CLOSING, TERMINATED, CANCELLING):
            raise RemoteProtocolError("call is ending", 481)
        if self._transaction is not None and self._transaction.method == "UPDATE":
            raise RemoteProtocolError("another UPDATE is open", 500)
        if request.body:
            waiting = session.repeater.is_waiting() and session.repeater.offer_ours
            if dialog.offer == OURS or session.offers.is_out() or waiting:
                raise RemoteProtocolError("request pending", 491)
            if dialog.offer == THEIRS or self._transaction is not None:
                raise RemoteProtocolError("another offer is open", 500)
            if dialog.offer == NOTHING:
                raise RemoteProtocolError("request pending", 491)
        if session.refuse_interval(transaction, now):
            return
        dialog.note_allow(request)
        if request.body:
            self._open(transaction, dialog, _PROMPTLY, now)
            return
        response = session.create_response(request, 200)
        self._refresh_target(transaction, dialog)
        session.answer_interval(request, response, now)
        transaction.respond(response, now)

    def receive_prack(self, transaction: "ServerTransaction", dialog: "Dialog", now: int) -> None:
        """Take the offer of a PRACK that acknowledged something (RFC 3262 section 5)."""
        self._open(transaction, dialog, _PROMPTLY, now)

    def _open(
        self, transaction: "ServerTransaction", dialog: "Dialog", patience: int, now: int
    ) -> None:
        session = self.session
        transaction.user = session
        self._transaction = transaction
        self._dialog = dialog
        session.agent.layer.timers.set(session, "offer_timeout", now + patience)
        body = transaction.request.body
        session.agent.emit(events.OfferReceived(session, body, dialog.remote_tag))

    # -- they are answered

    def accept(self, now: int, body: bytes) -> None:
        """Answer with 200 and body."""
        transaction = self._transaction
        dialog = self._dialog
        session = self.session
        if transaction is None or dialog is None:
            raise LocalProtocolError("no offer to answer")
        request = transaction.request
        response = session.create_response(request, 200)
        response.set_body(body, "application/sdp")
        self._end()
        session.offers.local_body = body
        dialog.offer = AGREED if request.body else OURS
        if request.method != "PRACK":
            self._refresh_target(transaction, dialog)
            session.answer_interval(request, response, now)
        if request.method == "INVITE":
            session.repeater.begin(transaction, response, now)
            return
        if dialog.state != CONFIRMED and session.direction == "out":
            dialog.remote_body = request.body
        transaction.respond(response, now)
        session.answering_done(now)
        session.offers.settle(now)

    def _refresh_target(self, transaction: "ServerTransaction", dialog: "Dialog") -> None:
        try:
            dialog.refresh_target(transaction.request)
        except FormatError:
            self.session.agent.layer.count("malformed_requests")

    def reject(self, now: int, code: int, headers: "Headers" = ()) -> None:
        """Refuse with a failure."""
        transaction = self._transaction
        if transaction is None:
            raise LocalProtocolError("no offer to refuse")
        if not 300 <= code <= 699:
            raise LocalProtocolError("not a failure status")
        response = self.session.create_refusal(transaction.request, code, None, headers)
        self._end()
        transaction.respond(response, now)
        self.session.answering_done(now)
        self.session.offers.settle(now)

    def receive_cancel(self, transaction: "ServerTransaction", now: int) -> None:
        """Take a CANCEL of the peer's re-INVITE."""
        if transaction is self._transaction:
            session = self.session
            self._end()
            transaction.respond(session.create_response(transaction.request, 487), now)
            session.agent.emit(events.OfferCancelled(session))
            session.offers.settle(now)

    def handle_undecided(self, now: int) -> None:
        """Our user did not answer in time."""
        transaction = self._transaction
        if transaction is not None:
            self.session.agent.emit(events.OfferCancelled(self.session))
            # not 480, which may end the call (RFC 5057 section 5.1); RFC 3311 section 5.2
            self.reject(now, 500 if transaction.method == "INVITE" else 504)

    def _end(self) -> None:
        self._transaction = None
        self.session.agent.layer.timers.cancel(self.session, "offer_timeout")

    def leave(self, dialog: "Dialog", now: int) -> None:
        """An early dialog has ended: an offer of the peer in it needs no answer any more."""
        if self._transaction is not None and self._dialog is dialog:
            session = self.session
            session.agent.layer.timers.cancel(session, "offer_timeout")
            self.drop(now)
            session.agent.emit(events.OfferCancelled(session))
            session.offers.settle(now)

    def drop(self, now: int) -> None:
        """Drop what is open: the call ends."""
        transaction = self._transaction
        self._transaction = None
        if transaction is not None and transaction.is_open():
            response = self._create_end(transaction)
            transaction.respond(response, now)

    def _create_end(self, transaction: "ServerTransaction") -> Response:
        status = 487 if transaction.method == "INVITE" else 481
        return self.session.create_response(transaction.request, status)


def receive_update(incoming: "Incoming", now: int) -> None:
    """Take UPDATE."""
    session = incoming.session
    dialog = incoming.dialog
    if session is None or dialog is None:
        incoming.refuse_stranger(now)
    elif incoming.check_body(now, session.agent.accepts):
        incoming.check_sequence()
        session.offered.receive_update(incoming.start(now), dialog, now)
