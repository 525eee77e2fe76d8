# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How a session ends: BYE both ways, and calls that are lost (RFC 3261 sections 12.2.1.2, 15)."""

from vox6.sip import events
from vox6.sip.headers import Reason
from vox6.sip.message import Request, Response, reason_phrase
from vox6.sip.state import CALLING, CANCELLING, INCOMING, PROCEEDING, TERMINATED
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.session import Session
    from vox6.sip.transaction import ClientTransaction, ServerTransaction

# What ends a call that stands, as answer to a request within it (RFC 3261 section 12.2.1.2 and
# RFC 5057 section 5.1): the dialog is not there, or its route or target does not lead to it.
LOST = (404, 408, 410, 416, 481, 482, 484, 485, 502, 604)


class Ending:
    """The end of one session; its methods with `now` alone are actions of SESSION.

    reason: a Reason value for our BYE, or None.
    """

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.reason: "str | None" = None
        self._client: "ClientTransaction | None" = None
        self._auth: "list[str]" = []
        self._message: "Request | None" = None
        self._status = 0

    # -- the peer ends it

    def receive_bye(self, transaction: "ServerTransaction", now: int) -> None:
        """Take a BYE within the dialog, its CSeq checked."""
        session = self.session
        request = transaction.request
        self._message = request
        early = session.state in (CALLING, PROCEEDING, CANCELLING, INCOMING)
        status = 481 if early or session.state == TERMINATED else 200
        transaction.respond(session.create_response(request, status), now)
        if status == 200:
            session.step("BYE", now)

    def ended(self, now: int) -> None:
        """BYE came."""
        self._drop_offers(now)
        request = self._message
        text = ""
        if request is not None:
            try:
                for value in request.values("reason"):
                    text = text or Reason.parse(value).text
            except FormatError:
                self.session.agent.layer.count("malformed_requests")
        self.session.agent.emit(events.CallEnded(self.session, text, request))

    def crossed(self, now: int) -> None:
        """BYE came while ours was out or waited."""
        if self.session.state == TERMINATED:
            self._drop_offers(now)  # ours was still waiting for ACK
        self.session.agent.layer.count("crossed_byes")

    # -- nobody ends it

    def lose(self, status: int, now: int) -> bool:
        """End a call that stands if the failure of a request within it says that it is lost."""
        if status not in LOST:
            return False
        self._status = status
        return self.session.step("lost", now)

    def expired(self, now: int) -> None:
        """Nobody has refreshed the session (RFC 4028 section 10)."""
        self.reason = str(Reason.make(408, "session expired"))
        self.send_bye(now)
        self.session.agent.emit(events.CallEnded(self.session, "session expired", None))

    def lost(self, now: int) -> None:
        """The call is lost."""
        phrase = reason_phrase(self._status)
        self.reason = str(Reason.make(self._status, phrase))
        self.send_bye(now)
        self.session.agent.emit(events.CallEnded(self.session, phrase, None))

    def unconfirmed(self, now: int) -> None:
        """No ACK came for our 2xx (section 13.3.1.4)."""
        self.reason = str(Reason.make(408, "no ACK"))
        self.send_bye(now)
        self.session.agent.emit(events.CallEnded(self.session, "no ACK", None))

    # -- we end it

    def send_bye(self, now: int) -> None:
        """Send our BYE."""
        self._drop_offers(now)
        session = self.session
        dialog = session.dialog
        if dialog is None:
            session.step("bye_done", now)
            return
        request = dialog.create_request("BYE")
        if self.reason:
            request.add("Reason", self.reason)
        if session.agent.extensions:
            request.add("Supported", session.agent.supported)
        session.agent.authorize(request, session.account)
        self._auth = []
        try:
            self._client = session.agent.start(
                request, dialog.next_hop(), session.transport, session, now
            )
        except LocalProtocolError:
            session.agent.layer.count("refused_commands")
            session.step("bye_done", now)

    def owns(self, transaction: "object") -> bool:
        """Return whether a transaction is that of our BYE."""
        return transaction is self._client

    def handle_response(self, response: Response, now: int) -> None:
        """Take a response to our BYE."""
        session = self.session
        transaction = self._client
        if response.status < 200 or transaction is None or session.dialog is None:
            return
        self._client = None
        if response.status == 401 or response.status == 407:
            try:
                self._client = session.retry(
                    transaction, response, self._auth, session.dialog, session, now
                )
                return
            except (RemoteProtocolError, LocalProtocolError):
                session.agent.layer.count("refused_byes")
        session.step("bye_done", now)

    def handle_failure(self, now: int) -> None:
        """Take the news that no response will come."""
        self._client = None
        self.session.step("bye_done", now)

    def _drop_offers(self, now: int) -> None:
        session = self.session
        session.agent.layer.timers.cancel(session)
        session.repeater.end()
        session.offers.drop(now)
        session.offered.drop(now)
        session.acknowledger.finish()
