# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Our INVITE, from the first response to the last fork (RFC 3261 sections 9.1 and 13.2)."""

from vox6.sip import events
from vox6.sip.dialog import Dialog
from vox6.sip.message import Request, Response, reason_phrase
from vox6.sip.state import CALLING, CANCELLING, TERMINATED
from vox6.sip.transaction import ClientTransaction, make_cancel
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

    def start(self, now: int) -> None:
        """Send the INVITE."""
        session = self.session
        agent = session.agent
        self._client = agent.start(session.request, session.peer, session.transport, session, now)
        agent.layer.timers.set(session, "no_answer", now + _NO_ANSWER)

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
        if status < 200:
            session.step("1xx", now)
        elif status < 300:
            session.step("2xx", now)
        else:
            if (status == 401 or status == 407) and session.state != CANCELLING:
                try:
                    retry = session.agent.authenticate(
                        transaction.request, response, session.account, self._auth
                    )
                except RemoteProtocolError:
                    retry = None
                if retry is not None:
                    session.request = retry
                    self._forks = []
                    session.state = CALLING
                    try:
                        self.start(now)
                        return
                    except LocalProtocolError:
                        self._client = None
            session.step("failure", now)

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
        if len(self._forks) >= _MAX_FORKS:
            self._forks.pop(0)
        self._forks.append(dialog)
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
        dialog = self._find_fork(response)
        if dialog is not None and session.dialog is None:
            session.dialog = dialog
        session.agent.emit(events.CallProgressed(session, response.status, response.body))

    def answered(self, now: int) -> None:
        """The first 2xx came."""
        session = self.session
        session.agent.layer.timers.cancel(session)
        response = self._response
        answer = self._make_answer(session.request)
        if answer is None or response is None:  # a 2xx that names no way to the peer
            session.state = TERMINATED
            self._status = 500
            self._response = None
            self.failed(now)
            return
        session.dialog = answer.dialog
        if session.request.body:
            session.acknowledger.send(answer)
        else:
            session.acknowledger.pending = answer
        session.agent.emit(events.CallAnswered(session, response.body))

    def answered_late(self, now: int) -> None:
        """A 2xx crossed our CANCEL."""
        session = self.session
        session.agent.layer.timers.cancel(session)
        answer = self._make_answer(session.request)
        self._status = self.give_up_status
        if answer is None:
            session.state = TERMINATED
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
