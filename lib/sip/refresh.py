# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Session timers: a call that nobody refreshes ends (RFC 4028).

    Session-Expires  =  delta-seconds *( SEMI ("refresher" EQUAL ("uas" / "uac") / generic-param) )
    Min-SE           =  delta-seconds *( SEMI generic-param )

Who refreshes does so at half the interval: by UPDATE without offer if the peer takes it, else by
re-INVITE with our last description. Both sides give up min(32 s, interval / 3) before the end.
A session has a Refresher once one of the two headers came or went.
"""

from vox6.sip.headers import parse_number, parse_params
from vox6.sip.state import CONFIRMED, PROCEEDING
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Message, Request, Response
    from vox6.sip.session import Session
    from vox6.sip.transaction import ClientTransaction

_MIN_SE = const(90)  # s, the least that anybody may demand, and what no Min-SE means (section 5)
_SOONEST = const(5000)  # ms between two tries to refresh
_BUSY = const(2000)  # ms to wait when another exchange is open


def parse_interval(text: str) -> "tuple[int, str]":
    """Return (seconds, refresher or "") of a Session-Expires or Min-SE; FormatError."""
    at = text.find(";")
    seconds = parse_number(text if at < 0 else text[:at])
    refresher = ""
    for name, value in parse_params("" if at < 0 else text[at:]):
        if name == "refresher":
            refresher = (value or "").lower()
            if refresher != "uac" and refresher != "uas":
                raise FormatError("bad refresher")
    return seconds, refresher


def read_interval(message: "Message", key: str) -> "tuple[int, str] | None":
    """Return (seconds, refresher or "") of a header of a message, None if it has none."""
    text = message.get(key)
    return None if text is None else parse_interval(text)


def _is_able(request: "Request") -> bool:
    try:
        return "timer" in request.tokens("supported")
    except FormatError:
        return False


class Refresher:
    """The session timer of one session. interval_s: 0 while none runs. ours: we refresh."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.interval_s = 0
        self.ours = False
        self._min_se_s = 0  # the largest that the path demands
        self._until = 0  # ms, when we give up
        self._client: "ClientTransaction | None" = None
        self._auth: "list[str]" = []
        self._no_update = False

    def _floor(self) -> int:
        return max(self._min_se_s, self.session.agent.min_se_s, _MIN_SE)

    # -- our requests

    def describe(self, request: "Request") -> None:
        """Put Session-Expires and Min-SE into an INVITE or UPDATE (sections 7.1 and 7.4)."""
        session = self.session
        # an UPDATE before the 2xx would else take back what our INVITE asked for
        initial = request.to.tag is None or (
            session.direction == "out" and session.state == PROCEEDING
        )
        seconds = session.agent.session_expires_s if initial else self.interval_s
        floor = self._floor()
        request.remove("session-expires")
        request.remove("min-se")
        if seconds:
            text = "%d" % max(seconds, floor)
            if not initial:
                text += ";refresher=uac" if self.ours else ";refresher=uas"
            request.add("Session-Expires", text)
        if self._min_se_s or floor > _MIN_SE:
            request.add("Min-SE", "%d" % floor)

    def receive_too_small(self, response: "Response") -> bool:
        """Take a 422; False if asking again would not help (section 7.3)."""
        try:
            value = read_interval(response, "min-se")
        except FormatError:
            return False
        if value is None or value[0] <= self._floor():
            return False
        self._min_se_s = value[0]
        return True

    def receive_success(self, response: "Response", now: int) -> None:
        """Take the 2xx to an INVITE or UPDATE of ours (section 7.2)."""
        value = None
        try:
            value = read_interval(response, "session-expires")
        except FormatError:
            self.session.agent.layer.count("malformed_responses")
        if value is None or not value[0]:
            self._stop()
        else:
            self._start(value[0], value[1] != "uas", now)

    # -- the peer's requests

    def get_refusal(self, request: "Request") -> int:
        """Return the Min-SE to refuse a request by 422 with, 0 if it is good (section 9).

        FormatError: one of the two headers is malformed.
        """
        read_interval(request, "min-se")
        value = read_interval(request, "session-expires")
        if value is None or not _is_able(request):
            return 0
        floor = max(self.session.agent.min_se_s, _MIN_SE)
        return floor if value[0] < floor else 0

    def answer(self, request: "Request", response: "Response", now: int) -> None:
        """Put what the session timer shall be into our 2xx and start it (section 9, table 2)."""
        able = _is_able(request)
        value = read_interval(request, "session-expires")
        floor = read_interval(request, "min-se")
        if floor is not None:
            self._min_se_s = max(self._min_se_s, floor[0])
        if value is not None and value[0]:
            seconds, refresher = value
            refresher = refresher or ("uac" if able else "uas")
        elif able and self.interval_s:
            seconds = self.interval_s  # as it was
            refresher = "uas" if self.ours else "uac"
        elif able and self.session.state != CONFIRMED:
            seconds = max(self.session.agent.session_expires_s, self._floor())
            refresher = "uas"
        else:
            self._stop()
            return
        response.add("Session-Expires", "%d;refresher=%s" % (seconds, refresher))
        if able:
            response.add("Require", "timer")
        self._start(seconds, refresher == "uas", now)

    # -- the timer

    def _start(self, seconds: int, ours: bool, now: int) -> None:
        session = self.session
        timers = session.agent.layer.timers
        self.interval_s = seconds
        self.ours = ours
        limit = 1000 * max(seconds, _MIN_SE)  # a shorter one breaks section 5; no call ends by it
        self._until = now + limit - min(32000, limit // 3)
        timers.set(session, "session_expiry", self._until)
        if ours:
            timers.set(session, "refresh", now + max(500 * seconds, _SOONEST))
        else:
            timers.cancel(session, "refresh")

    def _stop(self) -> None:
        self.interval_s = 0
        timers = self.session.agent.layer.timers
        timers.cancel(self.session, "session_expiry")
        timers.cancel(self.session, "refresh")

    def refresh(self, now: int) -> None:
        """Refresh the session: its timer fired."""
        session = self.session
        dialog = session.dialog
        if session.state != CONFIRMED or dialog is None:
            return
        if self._client is not None or session.offers.is_open():
            session.agent.layer.timers.set(session, "refresh", now + _BUSY)
            return
        try:
            if dialog.allows("UPDATE") and not self._no_update:
                request = session.create_request("UPDATE", dialog)
                session.agent.authorize(request, session.account)
                self._auth = []
                peer = dialog.next_hop()
                self._client = session.agent.start(request, peer, session.transport, session, now)
            else:
                body = session.offers.local_body
                session.offers.start(now, "INVITE", body, dialog, True)
        except LocalProtocolError:
            self._try_later(now)

    def owns(self, transaction: "object") -> bool:
        """Return whether a transaction is that of our UPDATE."""
        return transaction is self._client

    def handle_response(
        self, transaction: "ClientTransaction", response: "Response", now: int
    ) -> None:
        """Take a response to our UPDATE."""
        session = self.session
        dialog = session.dialog
        status = response.status
        if status < 200 or dialog is None:
            return
        self._client = None
        if session.state != CONFIRMED:
            return
        if status < 300:
            try:
                dialog.refresh_target(response)
            except FormatError:
                session.agent.layer.count("malformed_responses")
            dialog.note_allow(response)
            self.receive_success(response, now)
            return
        try:
            if status == 401 or status == 407:
                self._client = session.retry(
                    transaction, response, self._auth, dialog, session, now
                )
                return
            if status == 422 and self.receive_too_small(response):
                self.refresh(now)
                return
        except (RemoteProtocolError, LocalProtocolError):
            pass
        if status == 405 or status == 501:
            self._no_update = True
            self.refresh(now)
        elif not session.lose(status, now):
            self._try_later(now)

    def handle_failure(self, status: int, now: int) -> None:
        """Take the news that no response to our UPDATE will come."""
        self._client = None
        if not self.session.lose(status, now):
            self._try_later(now)

    def failed(self, status: int, now: int) -> None:
        """Our re-INVITE did not refresh the session, but did not end it either."""
        self._try_later(now)

    def _try_later(self, now: int) -> None:
        """Try again in half the time that is left: a few times, then the session expires."""
        when = now + max((self._until - now) // 2, _SOONEST)
        if when < self._until:
            self.session.agent.layer.timers.set(self.session, "refresh", when)
