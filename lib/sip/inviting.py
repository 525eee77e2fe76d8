# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Our INVITE, from the first response to the last fork (RFC 3261 sections 9.1 and 13.2).

Each To tag of a response above 100 is an early dialog of its own, with its route set, CSeq, RSeq
and its own offer and answer; `session.dialog` is the first that stands. A 199 ends one (RFC 6228).
"""

from vox6.sip import events
from vox6.sip.dialog import AGREED, NOTHING, OURS, TERMINATED, THEIRS, Dialog
from vox6.sip.following import make_cancel
from vox6.sip.message import Request, Response, reason_phrase
from vox6.sip.state import CALLING, CANCELLING, PROCEEDING
from vox6.sip.state import TERMINATED as OVER
from vox6.sip.transaction import ClientTransaction
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.handshake import Answer
    from vox6.sip.session import Session

_NO_ANSWER = const(180000)  # ms after the last provisional response: timer C (section 16.6)
_MAX_FORKS = const(8)  # early dialogs of one INVITE that are told apart


class Inviting:
    """The caller's half of a session; its methods with `now` alone are actions of SESSION."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.give_up_status = 0  # the status to end with, once we cancel
        self._client: "ClientTransaction | None" = None
        self._auth: "list[str]" = []
        self._forks: "list[Dialog]" = []
        self._response: "Response | None" = None  # what the action at hand is about
        self._status = 0
        self._reliable = False

    def start(self, now: int) -> None:
        """Send the INVITE."""
        session = self.session
        agent = session.agent
        self._client = agent.start(session.request, session.peer, session.transport, session, now)
        agent.layer.timers.set(session, "no_answer", now + _NO_ANSWER)

    def pass_on(self, request: Request) -> None:
        """Give the INVITE that follows a redirection what it keeps (section 8.1.3.4)."""
        mine = self.session.request
        for name in ("From", "To", "Call-ID"):
            request.set(name, mine.get(name.lower()) or "")
        request.set("CSeq", "%d INVITE" % (mine.cseq.number + 1))

    def owns(self, transaction: "object") -> bool:
        """Return whether a transaction is that of our INVITE."""
        return transaction is self._client

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response to the INVITE."""
        session = self.session
        status = response.status
        self._response = response
        self._status = status
        self._reliable = False
        if status < 200:
            if status > 100 and session.is_reliable(response):
                self._handle_reliable(response, now)
            else:
                session.step("1xx", now)
        elif status < 300:
            session.step("2xx", now)
        elif session.state == CANCELLING or not self._start_again(transaction, response, now):
            session.step("failure", now)

    def _start_again(self, transaction: ClientTransaction, response: Response, now: int) -> bool:
        """Send the INVITE anew as a 401, 407 or 422 asks for; False if it does not help."""
        session = self.session
        status = response.status
        if status == 401 or status == 407:
            try:
                retry = session.agent.authenticate(
                    transaction.request, response, session.account, self._auth
                )
            except RemoteProtocolError:
                return False
        elif status == 422 and session.refresher().receive_too_small(response):
            retry = session.agent.copy_request(transaction.request)
            session.refresher().describe(retry)
            session.agent.authorize(retry, session.account)
        else:
            return False
        session.request = retry
        for dialog in self._forks:
            self.end_fork(dialog, now)
        self._forks = []
        session.dialog = None
        session.state = CALLING
        try:
            self.start(now)
        except LocalProtocolError:
            self._client = None
            return False
        return True

    def _handle_reliable(self, response: Response, now: int) -> None:
        """Take a reliable provisional response (RFC 3262 section 4)."""
        from vox6.sip import provisional

        session = self.session
        layer = session.agent.layer
        dialog = self._find_fork(response)
        rack = ""
        try:
            if dialog is not None:
                rack = provisional.receive_reliable(dialog, response)
                if not rack:
                    layer.count("disordered_provisionals")
        except FormatError:
            layer.count("malformed_responses")
        if dialog is None or not rack:
            self._response = None  # no news, but a sign that the INVITE has come
            session.step("1xx", now)
            return
        self._reliable = True
        if response.body and session.takes_body(response):
            if dialog.offer == OURS:
                dialog.offer = AGREED
                dialog.remote_body = response.body
                session.offers.local_body = session.request.body
            elif dialog.offer == NOTHING:
                dialog.offer = THEIRS
                dialog.remote_body = response.body
                dialog.pending = rack
        session.step("1xx", now)
        if not dialog.pending and session.state != CANCELLING:
            provisional.Acknowledgement(session, dialog, rack, b"").start(now)

    def acknowledge(self, now: int, body: bytes, fork: "str | None") -> None:
        """Send the PRACK with our answer; LocalProtocolError: none waits."""
        for dialog in self._forks:
            if dialog.pending and (fork is None or dialog.remote_tag == fork):
                from vox6.sip import provisional

                rack = dialog.pending
                dialog.pending = ""
                self.session.offers.local_body = body
                provisional.Acknowledgement(self.session, dialog, rack, body).start(now)
                return
        raise LocalProtocolError("nothing to acknowledge")

    def handle_failure(self, status: int, now: int) -> None:
        """Take the news that no response will come."""
        self._response = None
        self._status = status
        self.session.step("failure", now)

    def handle_cancel_timeout(self) -> None:
        """RFC 3261 section 9.1: the INVITE counts as cancelled now."""
        self._response = None
        if self._client is not None:
            self.session.agent.layer.remove(self._client)

    # -- dialogs

    def find_early(self, remote_tag: str) -> "Dialog | None":
        """Return an early dialog that stands, by the peer's tag."""
        if self.session.state in (CALLING, PROCEEDING, CANCELLING):
            for dialog in self._forks:
                if dialog.remote_tag == remote_tag and dialog.state != TERMINATED:
                    return dialog
        return None

    def end_fork(self, dialog: Dialog, now: int) -> None:
        """An early dialog has ended: the session's is the next that stands, or none."""
        session = self.session
        dialog.state = TERMINATED
        session.offers.leave(dialog, now)
        session.offered.leave(dialog, now)
        dialog.pending = ""
        if session.dialog is dialog:
            session.dialog = None
            for other in self._forks:
                if session.dialog is None and other.state != TERMINATED:
                    session.dialog = other

    def _find_fork(self, response: Response) -> "Dialog | None":
        """Return the dialog of a response, made new if need be; None if it cannot be."""
        session = self.session
        tag = response.to.tag
        if tag is None:
            if response.status < 200:
                return None
            tag = ""  # RFC 2543 peers
        for dialog in self._forks:
            if dialog.remote_tag == tag:
                return dialog
        try:
            dialog = Dialog.of_client(session.request, response, session.peer)
        except FormatError:
            session.agent.layer.count("malformed_responses")
            return None
        forks = self._forks
        if len(forks) >= _MAX_FORKS:
            oldest = 1 if forks[0] is session.dialog else 0
            for i in range(len(forks) - 1, -1, -1):
                if forks[i].state == TERMINATED:
                    oldest = i
            forks.pop(oldest)
        forks.append(dialog)
        return dialog

    def _make_answer(self, request: Request) -> "Answer | None":
        """Return what the 2xx at hand makes, None if no dialog comes of it."""
        response = self._response
        dialog = None if response is None else self._find_fork(response)
        if response is None or dialog is None:
            return None
        try:
            dialog.confirm(response)
        except FormatError:
            self.session.agent.layer.count("malformed_responses")
            return None
        return self.session.acknowledger.keep(dialog, request)

    # -- actions

    def progress(self, now: int) -> None:
        """A provisional response came."""
        session = self.session
        response = self._response
        session.agent.layer.timers.set(session, "no_answer", now + _NO_ANSWER)
        if response is None or response.status == 100:
            return
        fork = response.to.tag or ""
        status = response.status
        if status == 199 and not self._reliable and self.find_early(fork) is None:
            session.agent.layer.count("ignored_events")  # RFC 6228 section 4
            return
        dialog = self._find_fork(response)
        if dialog is not None:
            dialog.note_allow(response)
            if status == 199:
                self.end_fork(dialog, now)
            elif dialog.state == TERMINATED:
                return
            elif session.dialog is None:
                session.dialog = dialog
        body = response.body
        session.agent.emit(events.CallProgressed(session, status, body, fork, self._reliable))

    def answered(self, now: int) -> None:
        """The first 2xx came."""
        session = self.session
        timers = session.agent.layer.timers
        timers.cancel(session, "no_answer")
        response = self._response
        answer = self._make_answer(session.request)
        if answer is None or response is None:  # a 2xx that names no way to the peer
            session.state = OVER
            self._status = 500
            self._response = None
            self.failed(now)
            return
        session.dialog = dialog = answer.dialog
        for other in self._forks:
            if other is not dialog:
                self.end_fork(other, now)
        session.receive_interval(response, now)
        if dialog.offer == THEIRS and not dialog.pending:
            dialog.offer = AGREED  # our answer went in PRACK, whose 200 was lost or overtaken
        agreed = dialog.offer == AGREED
        body = response.body
        if agreed:
            body = dialog.remote_body  # what came now must be ignored (section 13.2.1)
        elif session.request.body:
            dialog.offer = AGREED
            session.offers.local_body = session.request.body
        else:
            dialog.offer = THEIRS
        if dialog.offer == AGREED:
            session.acknowledger.send(answer)
        else:
            session.acknowledger.pending = answer
            body = body or dialog.remote_body
        dialog.remote_body = b""
        dialog.pending = ""
        session.agent.emit(events.CallAnswered(session, body, agreed))

    def answered_late(self, now: int) -> None:
        """A 2xx crossed our CANCEL."""
        session = self.session
        session.agent.layer.timers.cancel(session)
        answer = self._make_answer(session.request)
        self._status = self.give_up_status
        if answer is None:
            session.state = OVER
            self._response = None
        else:
            session.dialog = answer.dialog
            session.acknowledger.send(answer)
            session.ending.send_bye(now)
        self.failed(now)

    def answered_again(self, now: int) -> None:
        """Another 2xx came: a repetition, or another fork took the call too (13.2.2.4)."""
        session = self.session
        response = self._response
        if response is None or session.acknowledger.repeat(response):
            return
        answer = self._make_answer(session.request)
        if answer is not None:
            session.acknowledger.send(answer)
            bye = answer.dialog.create_request("BYE")
            session.agent.send_unheeded(
                bye, answer.dialog, session.transport, session.account, now
            )

    def failed(self, now: int) -> None:
        """The INVITE came to nothing."""
        status = self.give_up_status or self._status
        response = self._response
        reason = reason_phrase(status)
        if response is not None and response.status == status:
            reason = response.reason or reason
        session = self.session
        session.offers.drop(now)
        session.offered.drop(now)
        session.agent.emit(events.CallFailed(session, status, reason, response))

    def give_up(self, now: int) -> None:
        """Nobody answers."""
        self.give_up_status = 408
        self.send_cancel(now)

    def send_cancel(self, now: int) -> None:
        """Cancel the INVITE, or once more what a provisional response only now allows."""
        session = self.session
        client = self._client
        layer = session.agent.layer
        if client is None or layer.timers.running(session, "cancel_timeout"):
            return
        layer.timers.cancel(session, "no_answer")
        layer.timers.set(session, "cancel_timeout", now + 64 * layer.t1)
        try:
            cancel = make_cancel(client.request)
            layer.start_client(cancel, client.peer, session.transport, session, now)
        except LocalProtocolError:
            layer.count("refused_commands")
