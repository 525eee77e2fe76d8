# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Our offers after the first: re-INVITE and UPDATE, glare (RFC 3261 section 14.1, RFC 3311).

One offer is open at a time in a session, in whichever direction (RFC 6337 section 4.3); the
peer's are in offered.py. A session timer that is refreshed by re-INVITE goes this way too.
"""

from vox6.sip import events
from vox6.sip.dialog import AGREED, THEIRS
from vox6.sip.message import Response
from vox6.sip.state import ANSWERING, CONFIRMED, LIVE, PROCEEDING, RINGING
from vox6.sip.transaction import ClientTransaction
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.dialog import Dialog
    from vox6.sip.session import Session

_EARLY = (PROCEEDING, RINGING, ANSWERING)
_MAX_RETRY_AFTER = const(10)  # s: a 500 that names more says that nothing comes of it


class Offers:
    """Our offers in one session. local_body: what we said last in an exchange that was done."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.local_body = b""
        self._client: "ClientTransaction | None" = None
        self._dialog: "Dialog | None" = None
        self._auth: "list[str]" = []
        self._quiet = False  # a refresh, of which the user hears nothing
        self._wanted = False  # the user hears when an offer may be made
        self._early_answer = b""

    def is_open(self) -> bool:
        """Return whether an exchange is under way, or the wait after a 491."""
        session = self.session
        return (
            self._client is not None
            or session.offered.is_open()
            or session.acknowledger.pending is not None
            or session.repeater.is_waiting()
            or session.agent.layer.timers.running(session, "glare")
        )

    def is_out(self) -> bool:
        """Return whether an offer of ours waits for its answer."""
        return self._client is not None

    def owns(self, transaction: "object") -> bool:
        """Return whether a transaction is the one of our open offer."""
        return transaction is self._client

    def check(self, method: str, dialog: "Dialog | None") -> None:
        """Raise LocalProtocolError unless an offer may be made now; if one is open: OfferDue."""
        state = self.session.state
        if state != CONFIRMED and (method == "INVITE" or state not in _EARLY):
            raise LocalProtocolError("no offer in state " + state)
        if dialog is None or (method == "UPDATE" and not dialog.allows("UPDATE")):
            raise LocalProtocolError("the peer takes no UPDATE")
        if self.is_open():
            self._wanted = True
            raise LocalProtocolError("another offer is open")
        if state != CONFIRMED and dialog.offer != AGREED:
            raise LocalProtocolError("no reliable answer to the first offer yet")

    def start(
        self, now: int, method: str, body: bytes, dialog: "Dialog", quiet: bool = False
    ) -> None:
        """Send an offer. quiet: it is a refresh."""
        session = self.session
        agent = session.agent
        request = session.create_request(method, dialog)
        if method == "INVITE" and not body and "100rel" in agent.extensions:
            # else the offer might come reliably, and our user would have to answer by PRACK
            others = [option for option in agent.extensions if option != "100rel"]
            request.set("Supported", ", ".join(others))
        request.set_body(body, "application/sdp")
        agent.authorize(request, session.account)
        if method == "INVITE":
            dialog.rseq = None  # each INVITE has its own (RFC 3262 section 3)
        self._auth = []
        self._early_answer = b""
        self._client = agent.start(request, dialog.next_hop(), session.transport, session, now)
        self._dialog = dialog
        self._quiet = quiet
        if not quiet:
            self._wanted = False

    def withdraw(self, lost: bool) -> None:
        """Want no OfferDue any more; lost: also give up a re-INVITE that is out."""
        layer = self.session.agent.layer
        layer.timers.cancel(self.session, "glare")
        self._wanted = False
        if lost and self._client is not None:
            layer.remove(self._client)
            self._client = None

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response to our offer."""
        session = self.session
        status = response.status
        dialog = self._dialog
        if dialog is None:
            return
        if status < 200:
            if status > 100 and transaction.method == "INVITE" and session.is_reliable(response):
                self._handle_reliable(dialog, response, now)
            return
        self._client = None
        dialog.note_allow(response)
        if status < 300:
            self._handle_success(transaction, dialog, response, now)
        elif session.state in LIVE:
            if not self._start_again(transaction, dialog, response, now):
                self._handle_refusal(transaction, dialog, response, now)
        self.settle(now)

    def _handle_reliable(self, dialog: "Dialog", response: Response, now: int) -> None:
        """Take a reliable provisional response to our re-INVITE (RFC 3262 section 4)."""
        from vox6.sip import provisional

        session = self.session
        try:
            rack = provisional.receive_reliable(dialog, response)
        except FormatError:
            session.agent.layer.count("malformed_responses")
            return
        if rack:
            self._early_answer = self._early_answer or response.body
            provisional.Acknowledgement(session, dialog, rack, b"").start(now)

    def _handle_success(
        self, transaction: ClientTransaction, dialog: "Dialog", response: Response, now: int
    ) -> None:
        session = self.session
        try:
            dialog.refresh_target(response)
        except FormatError:
            session.agent.layer.count("malformed_responses")
        live = session.state in LIVE
        body = response.body or self._early_answer
        mine = transaction.request.body
        if live:
            session.receive_interval(response, now)
        if mine:
            self.local_body = mine
        if transaction.method == "INVITE":
            answer = session.acknowledger.keep(dialog, transaction.request)
            if mine or not live:
                session.acknowledger.send(answer)
            else:
                session.acknowledger.pending = answer
                dialog.offer = THEIRS
        elif dialog.state != CONFIRMED and body:
            dialog.remote_body = body
        if live and not self._quiet:
            session.agent.emit(events.OfferAnswered(session, body))

    def _start_again(
        self, transaction: ClientTransaction, dialog: "Dialog", response: Response, now: int
    ) -> bool:
        """Send the offer anew as a 401, 407 or 422 asks for; False if it does not help."""
        session = self.session
        status = response.status
        try:
            if status == 401 or status == 407:
                self._client = session.retry(
                    transaction, response, self._auth, dialog, session, now
                )
                return True
            if status == 422 and session.refresher().receive_too_small(response):
                request = transaction.request
                self.start(now, request.method, request.body, dialog, self._quiet)
                return True
        except (RemoteProtocolError, LocalProtocolError):
            pass
        return False

    def _handle_refusal(
        self, transaction: ClientTransaction, dialog: "Dialog", response: Response, now: int
    ) -> None:
        session = self.session
        status = response.status
        delay = None
        if status == 491:
            # RFC 3261 section 14.1: the owner of the Call-ID waits longer, in units of 10 ms
            draw = session.agent.layer.random(2)
            number = draw[0] << 8 | draw[1]
            mine = session.direction == "out"
            delay = 2100 + 10 * (number % 191) if mine else 10 * (number % 201)
        elif status == 500:
            after = response.retry_after()
            if after is not None and after <= _MAX_RETRY_AFTER:
                delay = 1000 * after
        if delay is not None:
            session.agent.layer.timers.set(session, "glare", now + delay)
            self._wanted = not self._quiet
        self._fail(status, dialog, now)

    def _fail(self, status: int, dialog: "Dialog", now: int) -> None:
        session = self.session
        if session.state != CONFIRMED:
            if (status == 408 or status == 481) and session.inviting is not None:
                session.inviting.end_fork(dialog, now)
        elif session.lose(status, now):
            return
        if self._quiet:
            session.refresher().failed(status, now)
        else:
            session.agent.emit(events.OfferFailed(session, status, self._wanted))

    def handle_failure(self, status: int, now: int) -> None:
        """Take the news that no response will come."""
        self._client = None
        if self._dialog is not None:
            self._fail(status, self._dialog, now)
        self.settle(now)

    def leave(self, dialog: "Dialog", now: int) -> None:
        """An early dialog has ended: an offer of ours in it comes to nothing."""
        if self._client is not None and self._dialog is dialog:
            self._client = None
            self.session.agent.emit(events.OfferFailed(self.session, 487))
            self.settle(now)

    def settle(self, now: int) -> None:
        """An exchange may have come to its end: tell the user who waits for that."""
        session = self.session
        if self._wanted and not self.is_open():
            self._wanted = False
            if session.state in LIVE:
                session.agent.emit(events.OfferDue(session))

    def drop(self, now: int) -> None:
        """Drop what is open: the call ends."""
        if self._client is not None:
            self._client.abandon(now)
        self._client = None
        self._wanted = False
