# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The peer's INVITE, from the first ring to our final answer (RFC 3261 sections 9.2 and 13.3)."""

from vox6.sip import events
from vox6.wire import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Response
    from vox6.sip.session import Session
    from vox6.sip.transaction import ServerTransaction

_RINGING_AGAIN = const(60000)  # ms between repeated 180 (RFC 3261 section 13.3.1.1)
_UNATTENDED = const(300000)  # ms a call may ring here: the caller is gone, or nobody ever comes


class Answering:
    """The callee's half of a session; its methods with `now` alone are actions of SESSION.

    ringing, reply: the provisional and the final response that the next action sends.
    """

    def __init__(self, session: "Session", transaction: "ServerTransaction") -> None:
        self.session = session
        self.transaction = transaction
        self.ringing: "Response | None" = None
        self.reply: "Response | None" = None

    def start(self, now: int) -> None:
        """Tell the user of the call."""
        session = self.session
        request = session.request
        expires = request.number("expires")
        delay = _UNATTENDED if expires is None else min(1000 * expires, _UNATTENDED)
        session.agent.layer.timers.set(session, "expires", now + delay)
        session.agent.emit(events.CallReceived(session, request.body, request.content_type()))

    def send_ringing(self, now: int) -> None:
        """Send the provisional response, and again each minute."""
        if self.ringing is None:
            return
        session = self.session
        self.transaction.respond(self.ringing, now)
        session.agent.layer.timers.set(session, "repeat_ringing", now + _RINGING_AGAIN)

    def send_success(self, now: int) -> None:
        """Send the 2xx."""
        session = self.session
        session.agent.layer.timers.cancel(session)
        if session.dialog is not None:
            session.dialog.state = "Confirmed"
        response = self.reply
        self.reply = None
        if response is not None:
            session.repeater.begin(self.transaction, response, now)

    def send_failure(self, now: int) -> None:
        """Refuse the call."""
        if self.reply is not None:
            self.transaction.respond(self.reply, now)

    def cancelled(self, now: int) -> None:
        """The caller gave up, by CANCEL, BYE or Expires."""
        session = self.session
        if self.transaction.is_open():
            self.transaction.respond(session.create_response(session.request, 487), now)
        session.agent.emit(events.CallCancelled(session))
