# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Reliable provisional responses, both sides, and PRACK (RFC 3262).

    RSeq         =  "RSeq" HCOLON response-num
    RAck         =  "RAck" HCOLON response-num LWS CSeq-num LWS Method
    response-num =  1*DIGIT

Imported when the first one comes or goes.
"""

from vox6.sip import events
from vox6.sip.dialog import AGREED, NOTHING, OURS, THEIRS
from vox6.sip.headers import is_token, parse_number
from vox6.sip.state import LIVE
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vox6.sip.dialog import Dialog
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Request, Response
    from vox6.sip.session import Session
    from vox6.sip.transaction import ClientTransaction, ServerTransaction, Transaction

_MAX_WAITING = const(8)  # reliable responses that wait for the PRACK of the one before


def parse_rack(text: str) -> "tuple[int, int, str]":
    """Return (RSeq, CSeq number, method) of a RAck; FormatError if it is none."""
    parts = text.split()
    if len(parts) != 3 or not is_token(parts[2]):
        raise FormatError("bad RAck")
    return parse_number(parts[0]), parse_number(parts[1], 0x7FFFFFFF), parts[2]


# -- our INVITE


def receive_reliable(dialog: "Dialog", response: "Response") -> str:
    """Take the RSeq of a reliable response; "" for a repetition or one out of order.

    Returns the RAck value to acknowledge it with (section 4). FormatError: no good RSeq.
    """
    number = response.number("rseq")
    if not number:
        raise FormatError("no RSeq")
    if dialog.rseq is not None and number != dialog.rseq + 1:
        return ""
    dialog.rseq = number
    return "%d %d %s" % (number, response.cseq.number, response.cseq.method)


class Acknowledgement:
    """The user of a PRACK of ours. answers: our answer is in it."""

    def __init__(self, session: "Session", dialog: "Dialog", rack: str, body: bytes) -> None:
        self.session = session
        self.dialog = dialog
        self.answers = bool(body)
        self._auth: "list[str]" = []
        self._rack = rack
        self._body = body

    def start(self, now: int) -> None:
        """Send the PRACK."""
        session = self.session
        request = self.dialog.create_request("PRACK")
        request.add("RAck", self._rack)
        if session.agent.extensions:
            request.add("Supported", session.agent.supported)
        request.set_body(self._body, "application/sdp")
        session.agent.authorize(request, session.account)
        try:
            session.agent.start(request, self.dialog.next_hop(), session.transport, self, now)
        except LocalProtocolError:  # the response is repeated, but not acknowledged any more
            session.agent.layer.count("refused_commands")

    def handle_response(
        self, transaction: "ClientTransaction", response: "Response", now: int
    ) -> None:
        """Take a response to the PRACK."""
        session = self.session
        if response.status < 200:
            return
        if response.status == 401 or response.status == 407:
            try:
                session.retry(transaction, response, self._auth, self.dialog, self, now)
                return
            except (RemoteProtocolError, LocalProtocolError):
                pass
        if response.status >= 300:
            session.agent.layer.count("failed_pracks")
        elif self.answers and self.dialog.offer == THEIRS:
            self.dialog.offer = AGREED
            session.offers.settle(now)

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the news that no response will come."""
        self.session.agent.layer.count("failed_pracks")


# -- the peer's INVITE


class Sender:
    """The reliable responses to one INVITE of the peer, one after another (section 3)."""

    def __init__(self, session: "Session", transaction: "ServerTransaction") -> None:
        self.session = session
        self.transaction = transaction
        self.described = False  # a description is in one of them
        draw = session.agent.random(4)
        number = (draw[0] & 0x3F) << 24 | draw[1] << 16 | draw[2] << 8 | draw[3]
        self._rseq = number or 1  # the next one
        self._waiting: "list[Response]" = []  # the first one is out
        self._octets = b""
        self._interval = 0
        self._until = 0

    def is_waiting(self) -> bool:
        """Return whether a description waits to be acknowledged, so that no 2xx may go."""
        for response in self._waiting:
            if response.body:
                return True
        return False

    def send(self, response: "Response", now: int) -> None:
        """Send a response reliably, once those before it are acknowledged."""
        if len(self._waiting) > _MAX_WAITING:
            raise LocalProtocolError("too many provisional responses")
        response.add("Require", "100rel")
        response.add("RSeq", "%d" % self._rseq)
        self._rseq += 1
        if response.body:
            self.described = True
            dialog = self.session.dialog
            if dialog is not None and dialog.offer == NOTHING:
                dialog.offer = OURS
        self._waiting.append(response)
        if len(self._waiting) == 1:
            self._transmit(now)

    def _transmit(self, now: int) -> None:
        session = self.session
        layer = session.agent.layer
        self.transaction.respond(self._waiting[0], now)
        self._octets = self.transaction.last_octets()
        self._interval = layer.t1
        self._until = now + 64 * layer.t1
        layer.timers.set(session, "repeat_reliable", now + self._interval)

    def repeat(self, now: int) -> bool:
        """Send the response once more: its timer fired. False when its time is over."""
        layer = self.session.agent.layer
        if now >= self._until:
            return False
        layer.count("retransmissions")
        layer.send(self._octets, self.transaction.peer, self.transaction.transport)
        self._interval *= 2
        when = min(now + self._interval, self._until)
        layer.timers.set(self.session, "repeat_reliable", when)
        return True

    def stop(self) -> None:
        """A final response goes: repeat nothing, but take the PRACK that may still come."""
        self.session.agent.layer.timers.cancel(self.session, "repeat_reliable")
        del self._waiting[1:]

    def receive(self, request: "Request", now: int) -> "Response | None":
        """Return the response that a PRACK acknowledges, None if it matches none."""
        rseq, sequence, method = parse_rack(request.get("rack") or "")
        invite = self.transaction.request
        if not self._waiting or method != "INVITE" or sequence != invite.cseq.number:
            return None
        response = self._waiting[0]
        if response.number("rseq") != rseq:
            return None
        self._waiting.pop(0)
        self.session.agent.layer.timers.cancel(self.session, "repeat_reliable")
        return response

    def proceed(self, now: int) -> None:
        """Send the next response, after the PRACK was answered."""
        if self._waiting and self.transaction.is_open():
            self._transmit(now)


def receive_prack(incoming: "Incoming", now: int) -> None:
    """Take PRACK (section 3): 481 if it acknowledges nothing."""
    session = incoming.session
    dialog = incoming.dialog
    if session is None or dialog is None:
        if not _receive_late(incoming, now):
            incoming.refuse_stranger(now)
        return
    request = incoming.request
    if not incoming.check_body(now, session.agent.accepts):
        return
    incoming.check_sequence()
    sender = None if session.answering is None else session.answering.sender
    response = None
    if sender is None:
        parse_rack(request.get("rack") or "")
    else:
        response = sender.receive(request, now)
    if sender is None or response is None:
        session.agent.layer.count("stray_pracks")
        incoming.refuse(now, 481)
        return
    answer = b""
    offer = b""
    if response.body and dialog.offer == OURS:
        answer = request.body
        session.offers.local_body = response.body
        dialog.offer = AGREED
    else:
        if response.body and dialog.offer == THEIRS:
            session.offers.local_body = response.body
            dialog.offer = AGREED
        if dialog.offer == AGREED:
            offer = request.body
    if session.state not in LIVE:  # over, but for our BYE
        incoming.respond(session.create_response(request, 200), now)
        return
    session.agent.emit(events.ProvisionalAcknowledged(session, answer))
    if offer and not session.offered.is_open() and not session.offers.is_out():
        session.offered.receive_prack(incoming.start(now), dialog, now)
    else:
        if offer:
            incoming.refuse(now, 491)
        else:
            incoming.respond(session.create_response(request, 200), now)
        session.answering_done(now)


def _receive_late(incoming: "Incoming", now: int) -> bool:
    """Take PRACK for a reliable response to an INVITE refused since, if it is for one."""
    request = incoming.request
    for transaction in incoming.agent.layer.servers.values():
        session: "Any" = transaction.user
        invite = transaction.request
        if (
            transaction.method == "INVITE"
            and invite.call_id == request.call_id
            and invite.from_.tag == request.from_.tag
            and getattr(session, "local_tag", None) == request.to.tag
            and request.to.tag is not None
        ):
            answering = session.answering  # None if it is a re-INVITE to a caller of ours
            sender = None if answering is None else answering.sender
            if sender is None or sender.receive(request, now) is None:
                return False
            incoming.respond(session.create_response(request, 200), now)
            return True
    return False
