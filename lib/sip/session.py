# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Sessions: one call, from INVITE to BYE (RFC 3261 sections 9 and 13 to 15, RFC 5407).

The table is SESSION in state.py; a method `_do_name` here is its action "name". A session
makes and takes bodies as octets: what they say is not its concern, only where they go.
"""

from vox6.sip import events
from vox6.sip.dialog import Dialog
from vox6.sip.headers import Reason
from vox6.sip.message import Request, Response, reason_phrase
from vox6.sip.state import (
    CALLING,
    CANCELLING,
    CLOSING,
    CONFIRMED,
    INCOMING,
    PROCEEDING,
    RINGING,
    SESSION,
    TERMINATED,
    TERMINATING,
)
from vox6.sip.transaction import ClientTransaction, ServerTransaction, make_cancel
from vox6.sip.uri import URI
from vox6.wire import const
from vox6.wire.errors import (
    FormatError,
    LocalProtocolError,
    RemoteProtocolError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.registration import Account
    from vox6.sip.transaction import Transaction

    Peer = tuple[bytes, int]
    Headers = tuple[tuple[str, str], ...]

_RINGING_AGAIN = const(60000)  # ms between repeated 180 (RFC 3261 section 13.3.1.1)
_NO_ANSWER = const(180000)  # ms after the last provisional response: timer C (section 16.6)
_UNATTENDED = const(300000)  # ms a call may ring here: the caller is gone, or nobody ever comes
_UNDECIDED = const(60000)  # ms a re-INVITE may wait for our user
_MAX_FORKS = const(8)  # early dialogs of one INVITE that are told apart
_MAX_ANSWERS = const(16)  # forks answered by 2xx whose ACK we keep to repeat it


class _Answer:
    """A 2xx to our INVITE: the dialog it made and the ACK that went back, to be sent again."""

    def __init__(self, dialog: Dialog, invite: Request) -> None:
        self.dialog = dialog
        self.invite = invite
        self.sequence = invite.cseq.number
        self.ack = b""
        self.peer: "Peer" = dialog.peer


class Session:
    """One call. Made by `Agent.invite` or told of by `CallReceived`; see the README for use.

    direction: "out" or "in". state: a name of state.py. call_id, local_uri, remote_uri,
    remote_display_name, remote_target: text. peer: where the other end was reached first.
    request: the INVITE. account: whose call it is, or None.
    """

    def __init__(
        self, agent: "Agent", direction: str, request: Request, peer: "Peer", transport: str
    ) -> None:
        self.agent = agent
        self.direction = direction
        self.request = request
        self.peer = peer
        self.transport = transport
        self.targets: "list[tuple[Peer, str]]" = []  # to call next, when peer fails
        self.account: "Account | None" = None
        self.call_id = request.call_id
        self.dialog: "Dialog | None" = None
        self.state = CALLING if direction == "out" else INCOMING
        mine, other = request.from_, request.to
        if direction == "in":
            mine, other = other, mine
            self.local_tag = agent.layer.token(4)
        else:
            self.local_tag = mine.tag or ""
        self.local_uri = mine.uri_text
        self.remote_uri = other.uri_text
        self.remote_display_name = other.display_name
        self.request_uri = request.uri_text
        self.remote_user_agent = ""
        # client side
        self._client: "ClientTransaction | None" = None
        self._auth: "list[str]" = []
        self._forks: "list[Dialog]" = []
        self._answers: "list[_Answer]" = []
        self._pending_ack: "_Answer | None" = None
        self._give_up = 0  # the status to end with, once we cancel
        # server side
        self._server: "ServerTransaction | None" = None
        self._success = b""  # a 2xx of ours that waits for its ACK
        self._success_of: "ServerTransaction | None" = None
        self._success_sequence = 0
        self._success_interval = 0
        self._success_until = 0
        self._offer_ours = False  # the offer is in our 2xx, so the ACK holds the answer
        # re-INVITEs
        self._reinvite: "ClientTransaction | None" = None
        self._reinvite_body = b""
        self._reinvited: "ServerTransaction | None" = None
        # how it ends
        self._bye: "ClientTransaction | None" = None
        self._reason: "str | None" = None
        # what an action of the table needs from its event
        self._response: "Response | None" = None
        self._message: "Request | None" = None
        self._reply: "Response | None" = None
        self._ringing: "Response | None" = None
        self._status = 0
        self._body = b""

    # -- what the user reads

    @property
    def remote_target(self) -> str:
        """Return the URI that requests in the dialog go to."""
        return self.dialog.remote_target if self.dialog is not None else self.request_uri

    def is_offering(self) -> bool:
        """Return whether a re-INVITE is under way in either direction, so that none may start."""
        return (
            self._reinvite is not None
            or self._reinvited is not None
            or self._pending_ack is not None
            or bool(self._success)
            or self.agent.layer.timers.running(self, "glare")
        )

    def debug(self) -> str:
        """Return one line for people."""
        return "%s %s %s %s" % (self.direction, self.state, self.remote_uri, self.call_id)

    # -- the table

    def _step(self, event: str, now: int) -> bool:
        entry = SESSION.get((self.state, event))
        if entry is None:
            self.agent.layer.count("ignored_events")
            return False
        self.state = entry[1]
        getattr(self, "_do_" + entry[0])(now)
        if self.state == TERMINATED:
            self.agent.forget(self)
        return True

    def _command(self, event: str, now: int) -> None:
        if not self._step(event, now):
            raise LocalProtocolError("no " + event + " in state " + self.state)

    def _do_nothing(self, now: int) -> None:
        pass

    # -- commands

    def ring(self, now: int, status: int = 180, body: bytes = b"") -> None:
        """Tell the caller that we ring (180), or 181..199 with early media in body."""
        if not 101 <= status <= 199:
            raise LocalProtocolError("not a provisional status")
        response = self._create_response(self.request, status)
        response.set_body(body, "application/sdp")
        self._ringing = response
        self._command("ring", now)

    def accept(self, now: int, body: bytes) -> None:
        """Answer the call with 200; body: our answer, or our offer if theirs was empty."""
        response = self._create_response(self.request, 200)
        response.set_body(body, "application/sdp")
        self._reply = response
        self._command("accept", now)

    def reject(
        self, now: int, code: int, reason: "str | None" = None, headers: "Headers" = ()
    ) -> None:
        """Refuse the call with 300..699; headers: ((name, value), ...) to add."""
        if not 300 <= code <= 699:
            raise LocalProtocolError("not a failure status")
        response = self._create_response(self.request, code, reason)
        for name, value in headers:
            response.add(name, value)
        self._reply = response
        self._command("reject", now)

    def cancel(self, now: int) -> None:
        """Give up our call before it is answered; `CallFailed` 487 follows."""
        self._command("cancel", now)
        self._give_up = 487

    def bye(self, now: int, reason_header: "str | None" = None) -> None:
        """End the call. reason_header: a Reason value, e.g. 'SIP;cause=200;text="bye"'.

        No event follows. Before ACK has come for our 2xx the BYE waits for it, or for its time.
        """
        if reason_header is not None:
            try:
                Reason.parse(reason_header)
            except FormatError:
                raise LocalProtocolError("not a Reason value")
        if (self.state, "bye") in SESSION:
            self._reason = reason_header
        self._command("bye", now)

    def acknowledge(self, now: int, body: bytes = b"") -> None:
        """Send ACK for a 2xx that held an offer; body: our answer."""
        answer = self._pending_ack
        if answer is None:
            raise LocalProtocolError("nothing to acknowledge")
        self._pending_ack = None
        self._send_ack(answer, now, body)

    def reinvite(self, now: int, body: bytes) -> None:
        """Offer anew in a standing call; empty body: ask the peer for an offer."""
        if self.state != CONFIRMED or self.is_offering():
            raise LocalProtocolError("no re-INVITE now")
        self._reinvite_body = body
        self._auth = []
        self._start_reinvite(now)

    def withdraw_offer(self, lost: bool = False) -> None:
        """Give up a re-INVITE that waits to be sent again after a 491; without one, nothing.

        For a user who answers the peer's offer with what its own was to say. lost: also one that
        is out, as its answer would go to an address of ours that is gone; another may follow at
        once, and its higher CSeq tells the peer that it stands for both.
        """
        self.agent.layer.timers.cancel(self, "glare")
        if lost and self._reinvite is not None:
            self.agent.layer.remove(self._reinvite)
            self._reinvite = None

    def accept_offer(self, now: int, body: bytes) -> None:
        """Answer a re-INVITE with 200; body: our answer, or our offer if theirs was empty."""
        transaction = self._reinvited
        if transaction is None:
            raise LocalProtocolError("no offer to answer")
        response = self._create_response(transaction.request, 200)
        response.set_body(body, "application/sdp")
        self._end_offer()
        if self.dialog is not None:
            try:
                self.dialog.refresh_target(transaction.request)
            except FormatError:
                self.agent.layer.count("malformed_requests")
        self._begin_success(transaction, response, now)

    def reject_offer(self, now: int, code: int, headers: "Headers" = ()) -> None:
        """Refuse a re-INVITE; the call goes on as it was."""
        transaction = self._reinvited
        if transaction is None:
            raise LocalProtocolError("no offer to refuse")
        if not 300 <= code <= 699:
            raise LocalProtocolError("not a failure status")
        response = self._create_response(transaction.request, code)
        for name, value in headers:
            response.add(name, value)
        self._end_offer()
        transaction.respond(response, now)

    def _end_offer(self) -> None:
        self._reinvited = None
        self.agent.layer.timers.cancel(self, "offer_timeout")

    # -- our INVITE

    def start(self, now: int) -> None:
        """Send the first INVITE (called by the agent)."""
        self._client = self.agent.start(self.request, self.peer, self.transport, self, now)
        self.agent.layer.timers.set(self, "no_answer", now + _NO_ANSWER)

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response to one of our requests (from the transaction)."""
        if transaction is self._bye:
            self._handle_bye_response(response, now)
        elif transaction is self._reinvite:
            self._handle_reinvite_response(transaction, response, now)
        elif transaction is self._client:
            self._handle_invite_response(transaction, response, now)
        elif transaction.method == "INVITE" and 200 <= response.status < 300:
            if not self._repeat_ack(response) and self.dialog is not None:
                # a re-INVITE of ours was answered after the call had ended
                answer = self._keep_answer(_Answer(self.dialog, transaction.request))
                self._send_ack(answer, now, b"")
        # the rest answers CANCEL, and what counts then is the INVITE's own response

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the news that a transaction ended without response (from the transaction)."""
        if transaction is self._bye:
            self._bye = None
            self._step("bye_done", now)
        elif transaction is self._reinvite:
            self._reinvite = None
            self._status = status
            if status == 408:
                self._step("lost", now)
            else:
                self.agent.emit(events.OfferFailed(self, status))
        elif transaction is self._client:
            self._response = None
            self._status = status
            self._step("failure", now)

    def _handle_invite_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        status = response.status
        self._response = response
        self._status = status
        if status < 200:
            self._step("1xx", now)
        elif status < 300:
            self._step("2xx", now)
        else:
            if (status == 401 or status == 407) and self.state != CANCELLING:
                try:
                    retry = self.agent.authenticate(
                        transaction.request, response, self.account, self._auth
                    )
                except RemoteProtocolError:
                    retry = None
                if retry is not None:
                    self.request = retry
                    self._forks = []
                    self.state = CALLING
                    try:
                        self.start(now)
                        return
                    except LocalProtocolError:
                        self._client = None
            self._step("failure", now)

    def _find_fork(self, response: Response) -> "Dialog | None":
        """Return the dialog of a response, made new if need be; None if it cannot be."""
        tag = response.to.tag
        if tag is None:
            if response.status < 200:
                return None
            tag = ""  # RFC 2543 peers
        for dialog in self._forks:
            if dialog.remote_tag == tag:
                return dialog
        try:
            dialog = Dialog.of_client(self.request, response, self.peer)
        except FormatError:
            self.agent.layer.count("malformed_responses")
            return None
        if len(self._forks) >= _MAX_FORKS:
            self._forks.pop(0)
        self._forks.append(dialog)
        return dialog

    def _do_progress(self, now: int) -> None:
        response = self._response
        self.agent.layer.timers.set(self, "no_answer", now + _NO_ANSWER)
        if response is None or response.status == 100:
            return
        dialog = self._find_fork(response)
        if dialog is not None and self.dialog is None:
            self.dialog = dialog
        self.agent.emit(events.CallProgressed(self, response.status, response.body))

    # -- actions on our INVITE

    def _make_answer(self, request: Request) -> "_Answer | None":
        """Return what the 2xx at hand makes, None if no dialog comes of it."""
        response = self._response
        dialog = None if response is None else self._find_fork(response)
        if response is None or dialog is None:
            return None
        try:
            dialog.confirm(response)
        except FormatError:
            self.agent.layer.count("malformed_responses")
            return None
        return self._keep_answer(_Answer(dialog, request))

    def _keep_answer(self, answer: _Answer) -> _Answer:
        if len(self._answers) >= _MAX_ANSWERS:
            self._answers.pop(0)
        self._answers.append(answer)
        return answer

    def _do_answered(self, now: int) -> None:
        self.agent.layer.timers.cancel(self)
        response = self._response
        answer = self._make_answer(self.request)
        if answer is None or response is None:  # a 2xx that names no way to the peer
            self.state = TERMINATED
            self._status = 500
            self._response = None
            self._do_failed(now)
            return
        self.dialog = answer.dialog
        if self.request.body:
            self._send_ack(answer, now, b"")
        else:
            self._pending_ack = answer
        self.agent.emit(events.CallAnswered(self, response.body))

    def _do_answered_late(self, now: int) -> None:
        self.agent.layer.timers.cancel(self)
        answer = self._make_answer(self.request)
        self._status = self._give_up
        if answer is None:
            self.state = TERMINATED
            self._response = None
        else:
            self.dialog = answer.dialog
            self._send_ack(answer, now, b"")
            self._do_send_bye(now)
        self._do_failed(now)

    def _do_answered_again(self, now: int) -> None:
        response = self._response
        if response is None or self._repeat_ack(response):
            return
        answer = self._make_answer(self.request)  # another fork took the call too
        if answer is not None:
            self._send_ack(answer, now, b"")
            bye = answer.dialog.create_request("BYE")
            self.agent.send_unheeded(bye, answer.dialog, self.transport, self.account, now)

    def _repeat_ack(self, response: Response) -> bool:
        """Send the ACK for a repeated 2xx once more; False if the 2xx is new."""
        tag = response.to.tag or ""
        for answer in self._answers:
            if answer.sequence == response.cseq.number and answer.dialog.remote_tag == tag:
                if answer.ack:
                    self.agent.layer.send(answer.ack, answer.peer, self.transport)
                return True
        return False

    def _send_ack(self, answer: _Answer, now: int, body: bytes) -> None:
        ack = answer.dialog.create_request("ACK", answer.sequence)
        ack.copy(answer.invite, "authorization")
        ack.copy(answer.invite, "proxy-authorization")
        ack.set_body(body, "application/sdp")
        answer.peer = answer.dialog.next_hop()
        try:
            self.agent.stamp(ack, self.transport)
        except LocalProtocolError:  # no address now; the repeated 2xx finds no ACK either
            return
        answer.ack = ack.emit()
        self.agent.layer.send(answer.ack, answer.peer, self.transport)

    def _do_failed(self, now: int) -> None:
        status = self._give_up or self._status
        response = self._response
        reason = reason_phrase(status)
        if response is not None and response.status == status:
            reason = response.reason or reason
        self.agent.emit(events.CallFailed(self, status, reason, response))

    def _do_give_up(self, now: int) -> None:
        self._give_up = 408
        self._do_send_cancel(now)

    def _do_send_cancel(self, now: int) -> None:
        """Cancel the INVITE, or once more what a provisional response only now allows."""
        client = self._client
        timers = self.agent.layer.timers
        if client is None or timers.running(self, "cancel_timeout"):
            return
        timers.cancel(self, "no_answer")
        timers.set(self, "cancel_timeout", now + 64 * self.agent.layer.t1)
        try:
            layer = self.agent.layer
            layer.start_client(make_cancel(client.request), client.peer, self.transport, self, now)
        except LocalProtocolError:
            self.agent.layer.count("refused_commands")

    # -- the peer's INVITE

    def open(self, transaction: ServerTransaction, dialog: Dialog, now: int) -> None:
        """Take a call (called by the agent)."""
        self._server = transaction
        self.dialog = dialog
        transaction.user = self
        expires = self.request.number("expires")
        delay = _UNATTENDED if expires is None else min(1000 * expires, _UNATTENDED)
        self.agent.layer.timers.set(self, "expires", now + delay)
        body = self.request.body
        self.agent.emit(events.CallReceived(self, body, self.request.content_type()))

    def _create_response(
        self, request: Request, status: int, reason: "str | None" = None
    ) -> Response:
        response = request.response(status, reason, self.local_tag)
        if status < 300 and request.method == "INVITE":
            response.copy(request, "record-route")
            user = None
            try:
                user = request.uri.user
            except FormatError:
                user = None
            response.add("Contact", self.agent.contact(user, self.transport))
            self.agent.describe(response)
        self.agent.sign(response)
        return response

    def _do_send_ringing(self, now: int) -> None:
        if self._server is None or self._ringing is None:
            return
        self._server.respond(self._ringing, now)
        self.agent.layer.timers.set(self, "repeat_ringing", now + _RINGING_AGAIN)

    def _do_send_success(self, now: int) -> None:
        self.agent.layer.timers.cancel(self)
        if self.dialog is not None:
            self.dialog.state = "Confirmed"
        response = self._reply
        self._reply = None
        if self._server is not None and response is not None:
            self._begin_success(self._server, response, now)

    def _begin_success(self, transaction: ServerTransaction, response: Response, now: int) -> None:
        transaction.respond(response, now)
        layer = self.agent.layer
        self._success = transaction.last_octets()
        self._success_of = transaction
        self._success_sequence = transaction.request.cseq.number
        self._success_interval = layer.t1
        self._offer_ours = not transaction.request.body
        layer.timers.set(self, "repeat_success", now + layer.t1)
        layer.timers.set(self, "no_ack", now + 64 * layer.t1)

    def _end_success(self) -> None:
        self._success = b""
        self.agent.layer.timers.cancel(self, "repeat_success")
        self.agent.layer.timers.cancel(self, "no_ack")

    def _do_repeat_success(self, now: int) -> None:
        layer = self.agent.layer
        layer.count("retransmissions")
        if self._success_of is not None:
            layer.send(self._success, self._success_of.peer, self.transport)
        self._success_interval = min(2 * self._success_interval, layer.t2)
        layer.timers.set(self, "repeat_success", now + self._success_interval)

    def _do_send_failure(self, now: int) -> None:
        if self._server is not None and self._reply is not None:
            self._server.respond(self._reply, now)

    def _do_cancelled(self, now: int) -> None:
        if self._server is not None and self._server.is_open():
            self._server.respond(self._create_response(self.request, 487), now)
        self.agent.emit(events.CallCancelled(self))

    def _do_expired(self, now: int) -> None:
        self._do_cancelled(now)

    def _do_ended_early(self, now: int) -> None:
        self._do_cancelled(now)

    def receive_cancel(self, transaction: ServerTransaction, now: int) -> None:
        """Take a CANCEL of one of the peer's INVITEs that is still open."""
        if transaction is self._server:
            self._step("CANCEL", now)
        elif transaction is self._reinvited:
            self._end_offer()
            transaction.respond(self._create_response(transaction.request, 487), now)
            self.agent.emit(events.OfferCancelled(self))

    def receive_ack(self, request: Request, now: int) -> bool:
        """Take an ACK for a 2xx of ours; False if none waits for it."""
        if not self._success or request.cseq.number != self._success_sequence:
            return False
        self._end_success()
        self._body = request.body if self._offer_ours else b""
        return self._step("ACK", now)

    def _do_confirmed(self, now: int) -> None:
        self.agent.emit(events.CallConfirmed(self, self._body))

    def _do_confirmed_again(self, now: int) -> None:
        if self._offer_ours:
            self.agent.emit(events.OfferAnswered(self, self._body))

    def _do_unconfirmed(self, now: int) -> None:
        self._reason = str(Reason.make(408, "no ACK"))
        self._do_send_bye(now)
        self.agent.emit(events.CallEnded(self, "no ACK", None))

    # -- re-INVITEs

    def receive_invite(self, transaction: ServerTransaction, now: int) -> None:
        """Take an INVITE within the dialog (RFC 3261 section 14.2, RFC 5407 section 3.1.4).

        RemoteProtocolError: the status to refuse it with.
        """
        if self.state in (TERMINATING, CLOSING, TERMINATED, CANCELLING):
            raise RemoteProtocolError("call is ending", 481)
        if self.state in (INCOMING, RINGING) or self._reinvited is not None:
            raise RemoteProtocolError("another INVITE is open", 500)
        if self.state in (CALLING, PROCEEDING) or self._reinvite is not None:
            raise RemoteProtocolError("request pending", 491)
        if self._pending_ack is not None:
            raise RemoteProtocolError("request pending", 491)
        if self._success:
            if self._offer_ours:
                raise RemoteProtocolError("request pending", 491)
            self._end_success()  # the peer has our 2xx, or it could not go on
            self._body = b""
            self._step("ACK", now)
        transaction.user = self
        self._reinvited = transaction
        self.agent.layer.timers.set(self, "offer_timeout", now + _UNDECIDED)
        self.agent.emit(events.OfferReceived(self, transaction.request.body))

    def _start_reinvite(self, now: int) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        request = dialog.create_request("INVITE")
        request.add("Contact", self.agent.contact(self._user(), self.transport))
        self.agent.describe(request)
        request.set_body(self._reinvite_body, "application/sdp")
        self.agent.authorize(request, self.account)
        peer = dialog.next_hop()
        self._reinvite = self.agent.start(request, peer, self.transport, self, now)

    def _user(self) -> "str | None":
        """Return the user part of our Contact."""
        try:
            return URI.parse(self.local_uri).user
        except FormatError:
            return None

    def _handle_reinvite_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        status = response.status
        dialog = self.dialog
        if status < 200 or dialog is None:
            return
        self._reinvite = None
        if status < 300:
            try:
                dialog.refresh_target(response)
            except FormatError:
                self.agent.layer.count("malformed_responses")
            answer = self._keep_answer(_Answer(dialog, transaction.request))
            if transaction.request.body or self.state != CONFIRMED:
                self._send_ack(answer, now, b"")
            else:
                self._pending_ack = answer
            if self.state == CONFIRMED:
                self.agent.emit(events.OfferAnswered(self, response.body))
            return
        if self.state != CONFIRMED:
            return
        if status == 491:
            # RFC 3261 section 14.1: the owner of the Call-ID waits longer, in units of 10 ms
            draw = self.agent.layer.random(2)
            number = draw[0] << 8 | draw[1]
            delay = 2100 + 10 * (number % 191) if self.direction == "out" else 10 * (number % 201)
            self.agent.layer.timers.set(self, "glare", now + delay)
        elif status == 401 or status == 407:
            try:
                retry = self.agent.authenticate(
                    transaction.request, response, self.account, self._auth
                )
                dialog.local_sequence = retry.cseq.number
                self._reinvite = self.agent.start(
                    retry, transaction.peer, self.transport, self, now
                )
            except (RemoteProtocolError, LocalProtocolError):
                self.agent.emit(events.OfferFailed(self, status))
        elif status == 481 or status == 408:
            self._status = status
            self._step("lost", now)
        else:
            self.agent.emit(events.OfferFailed(self, status))

    def _do_lost(self, now: int) -> None:
        phrase = reason_phrase(self._status)
        self._reason = str(Reason.make(self._status, phrase))
        self._do_send_bye(now)
        self.agent.emit(events.CallEnded(self, phrase, None))

    # -- the end

    def receive_bye(self, transaction: ServerTransaction, now: int) -> None:
        """Take a BYE within the dialog, its CSeq checked."""
        request = transaction.request
        self._message = request
        early = self.state in (CALLING, PROCEEDING, CANCELLING, INCOMING)
        status = 481 if early or self.state == TERMINATED else 200
        transaction.respond(self._create_response(request, status), now)
        if status == 200:
            self._step("BYE", now)

    def _drop_offers(self, now: int) -> None:
        self.agent.layer.timers.cancel(self)
        self._success = b""
        if self._reinvite is not None:
            self._reinvite.abandon(now)
        self._reinvite = None
        transaction = self._reinvited
        self._reinvited = None
        if transaction is not None and transaction.is_open():
            transaction.respond(self._create_response(transaction.request, 487), now)
        answer = self._pending_ack
        self._pending_ack = None
        if answer is not None:
            self._send_ack(answer, now, b"")

    def _do_ended(self, now: int) -> None:
        self._drop_offers(now)
        request = self._message
        text = ""
        if request is not None:
            try:
                for value in request.values("reason"):
                    text = text or Reason.parse(value).text
            except FormatError:
                self.agent.layer.count("malformed_requests")
        self.agent.emit(events.CallEnded(self, text, request))

    def _do_crossed(self, now: int) -> None:
        if self.state == TERMINATED:
            self._drop_offers(now)  # ours was still waiting for ACK
        self.agent.layer.count("crossed_byes")

    def _do_send_bye(self, now: int) -> None:
        self._drop_offers(now)
        dialog = self.dialog
        if dialog is None:
            self._step("bye_done", now)
            return
        request = dialog.create_request("BYE")
        if self._reason:
            request.add("Reason", self._reason)
        self.agent.authorize(request, self.account)
        self._auth = []
        try:
            self._bye = self.agent.start(request, dialog.next_hop(), self.transport, self, now)
        except LocalProtocolError:
            self.agent.layer.count("refused_commands")
            self._step("bye_done", now)

    def _handle_bye_response(self, response: Response, now: int) -> None:
        transaction = self._bye
        if response.status < 200 or transaction is None or self.dialog is None:
            return
        self._bye = None
        if response.status == 401 or response.status == 407:
            try:
                retry = self.agent.authenticate(
                    transaction.request, response, self.account, self._auth
                )
                self.dialog.local_sequence = retry.cseq.number
                self._bye = self.agent.start(retry, transaction.peer, self.transport, self, now)
                return
            except (RemoteProtocolError, LocalProtocolError):
                self.agent.layer.count("refused_byes")
        self._step("bye_done", now)

    # -- for the agent

    def find_dialog(self, remote_tag: str) -> "Dialog | None":
        """Return the dialog of this session that a request with a From tag belongs to."""
        dialog = self.dialog
        if dialog is not None and dialog.remote_tag == remote_tag:
            return dialog
        return None

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        if name == "cancel_timeout":  # RFC 3261 section 9.1: the INVITE counts as cancelled
            self._response = None
            if self._client is not None:
                self.agent.layer.remove(self._client)
        elif name == "offer_timeout":
            if self._reinvited is not None:
                self.reject_offer(now, 480)
                self.agent.emit(events.OfferCancelled(self))
            return
        elif name == "glare":
            if self.state == CONFIRMED:
                self._after_glare(now)
            return
        self._step(name, now)

    def _after_glare(self, now: int) -> None:
        if self.is_offering():
            self.agent.layer.timers.set(self, "glare", now + 1000)
            return
        try:
            self._start_reinvite(now)
        except LocalProtocolError:
            self.agent.emit(events.OfferFailed(self, 491))
