# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The peer's INVITE, from the first ring to our final answer (RFC 3261 sections 9.2 and 13.3)."""

from vox6.sip import events
from vox6.sip.dialog import AGREED, CONFIRMED, NOTHING, OURS
from vox6.sip.state import ANSWERING
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Response
    from vox6.sip.provisional import Sender
    from vox6.sip.session import Session
    from vox6.sip.transaction import ServerTransaction

_RINGING_AGAIN = const(60000)  # ms between repeated 180 (RFC 3261 section 13.3.1.1)
_RELIABLY_AGAIN = const(150000)  # ms, if they go reliably (RFC 3262 section 3)
_UNATTENDED = const(300000)  # ms a call may ring here: the caller is gone, or nobody ever comes


class Answering:
    """The callee's half of a session; its methods with `now` alone are actions of SESSION.

    ringing: the provisional response that the next action sends, reliably or not. reply: the
    final one. sender: the reliable responses, once there is one.
    """

    def __init__(self, session: "Session", transaction: "ServerTransaction") -> None:
        self.session = session
        self.transaction = transaction
        self.ringing: "Response | None" = None
        self.reliably = False
        self.reply: "Response | None" = None
        self.sender: "Sender | None" = None

    def start(self, now: int) -> None:
        """Tell the user of the call."""
        session = self.session
        request = session.request
        expires = request.number("expires")
        delay = _UNATTENDED if expires is None else min(1000 * expires, _UNATTENDED)
        session.agent.layer.timers.set(session, "expires", now + delay)
        session.agent.emit(events.CallReceived(session, request.body, request.content_type()))

    # -- provisional responses

    def prepare(self, status: int, body: bytes, reliable: "bool | None") -> None:
        """Make the provisional response that the action "send_ringing" sends.

        LocalProtocolError: it may not go so.
        """
        session = self.session
        policy = session.agent.reliable
        required = session.invite_has("require", "100rel")
        able = policy != "off" and (required or session.invite_has("supported", "100rel"))
        if reliable is None:
            reliable = able and (required or policy == "required" or bool(body))
        elif reliable and not able:
            raise LocalProtocolError("the peer takes no reliable response")
        elif required:
            reliable = True
        response = session.create_response(session.request, status)
        if reliable:
            dialog = session.dialog
            offer = NOTHING if dialog is None else dialog.offer
            if self.sender is not None and self.sender.described:
                body = b""  # it was said before, and is agreed once PRACK comes
            elif offer == NOTHING and not body:
                # the first reliable response must hold the offer (RFC 3262 section 5)
                session.agent.layer.count("withheld_provisionals")
                self.ringing = None
                return
        response.set_body(body, "application/sdp")
        self.ringing = response
        self.reliably = reliable

    def send_ringing(self, now: int) -> None:
        """Send the provisional response, and again each minute."""
        response = self.ringing
        if response is None:
            return
        session = self.session
        if not self.reliably:
            self.transaction.respond(response, now)
        else:
            if self.sender is None:
                from vox6.sip.provisional import Sender

                self.sender = Sender(session, self.transaction)
            if response.count("rseq"):  # again
                response = session.create_response(session.request, response.status)
                self.ringing = response
            self.sender.send(response, now)
        delay = _RELIABLY_AGAIN if self.reliably else _RINGING_AGAIN
        session.agent.layer.timers.set(session, "repeat_ringing", now + delay)

    def must_wait(self) -> bool:
        """Return whether a description is on its way, so that no 2xx may go yet."""
        if self.sender is None:
            return False
        return self.sender.is_waiting() or self.session.offered.is_open()

    def proceed(self, now: int) -> None:
        """A PRACK was answered: what waited for it may go."""
        if self.sender is not None:
            self.sender.proceed(now)
        session = self.session
        if session.state == ANSWERING and not self.must_wait():
            session.step("acknowledged", now)

    def repeat_reliable(self, now: int) -> None:
        """No PRACK has come yet."""
        if self.sender is not None and not self.sender.repeat(now):
            self.session.step("no_prack", now)

    # -- final responses

    def send_success(self, now: int) -> None:
        """Send the 2xx."""
        session = self.session
        self._stop()
        response = self.reply
        self.reply = None
        dialog = session.dialog
        if response is None or dialog is None:
            return
        dialog.state = CONFIRMED
        if dialog.offer == AGREED:
            response.set_body(b"", "")  # by reliable responses (RFC 3262 section 5)
        elif response.body:
            dialog.offer = OURS if dialog.offer == NOTHING else AGREED
            session.offers.local_body = response.body
        session.answer_interval(session.request, response, now)
        session.repeater.begin(self.transaction, response, now)

    def send_failure(self, now: int) -> None:
        """Refuse the call."""
        self._stop()
        session = self.session
        response = self.reply
        if response is None or response.status < 300:  # the user took the call and hung up
            response = session.create_response(session.request, 480)
        self.transaction.respond(response, now)
        session.offered.drop(now)

    def cancelled(self, now: int) -> None:
        """The caller gave up, by CANCEL, BYE or Expires."""
        session = self.session
        self._stop()
        if self.transaction.is_open():
            self.transaction.respond(session.create_response(session.request, 487), now)
        session.offered.drop(now)
        session.agent.emit(events.CallCancelled(session))

    def unacknowledged(self, now: int) -> None:
        """No PRACK came for a reliable response (RFC 3262 section 3)."""
        session = self.session
        accepted = self.reply is not None
        self._stop()
        self.transaction.respond(session.create_response(session.request, 504), now)
        session.offered.drop(now)
        if accepted:
            session.agent.emit(events.CallEnded(session, "no PRACK", None))
        else:
            session.agent.emit(events.CallCancelled(session))

    def _stop(self) -> None:
        timers = self.session.agent.layer.timers
        timers.cancel(self.session, "expires")
        timers.cancel(self.session, "repeat_ringing")
        if self.sender is not None:
            self.sender.stop()
