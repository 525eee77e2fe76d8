# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""INFO within a call: the legacy usage of RFC 6086 section 2, for keys (see dtmf.py)."""

from vox6.sip import usage_events as events
from vox6.sip.exchange import Exchange
from vox6.sip.state import CONFIRMED
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Response
    from vox6.sip.session import Session

_MAX_WAITING = const(16)  # bodies behind the one that is out: keys pressed fast


class Sender:
    """Sends the INFO requests of one session one after the other, as the order of keys matters."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self._exchange: "Exchange | None" = None
        self._waiting: "list[tuple[str, bytes]]" = []

    def send(self, now: int, content_type: str, body: bytes) -> None:
        """Send INFO, as `Session.info`."""
        session = self.session
        if session.state != CONFIRMED or session.dialog is None:
            raise LocalProtocolError("no standing call")
        if len(self._waiting) >= _MAX_WAITING:
            raise LocalProtocolError("too many INFO requests")
        self._waiting.append((content_type, body))
        if self._exchange is None:
            self._next(now)

    def _next(self, now: int) -> None:
        session = self.session
        dialog = session.dialog
        content_type, body = self._waiting.pop(0)
        if dialog is None:
            return
        request = dialog.create_request("INFO")
        request.set_body(body, content_type)
        self._exchange = Exchange(session.agent, session.account, dialog, self._done)
        try:
            self._exchange.send(request, dialog.next_hop(), session.transport, now)
        except LocalProtocolError:
            self._exchange = None
            self._waiting = []
            raise

    def _done(self, status: int, response: "Response | None", now: int) -> None:
        self._exchange = None
        session = self.session
        if session.state != CONFIRMED:
            self._waiting = []
            return
        session.agent.emit(events.InfoAnswered(session, status))
        if (status == 481 or status == 408) and session.lose(status, now):
            self._waiting = []  # RFC 3261 section 12.2.1.2: the peer has lost the call
        if self._waiting:
            try:
                self._next(now)
            except LocalProtocolError:
                session.agent.emit(events.InfoAnswered(session, 503))


def receive_info(incoming: "Incoming", now: int) -> None:
    """Take INFO."""
    agent = incoming.agent
    request = incoming.request
    session = incoming.session
    if session is None or incoming.dialog is None:
        incoming.refuse_stranger(now)
        return
    if request.count("info-package"):  # RFC 6086 section 4.2.2: we are willing to take none
        incoming.refuse(now, 469, None, (("Recv-Info", ""),))
        return
    if not incoming.check_body(now, agent.info_types):
        return
    incoming.check_sequence()
    incoming.respond(incoming.create_response(200), now)
    if request.body:
        agent.emit(events.InfoReceived(session, request.content_type(), request.body))
