# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The 2xx of INVITE and its ACK, which go from end to end (RFC 3261 sections 13.2.2.4, 13.3.1.4).

Both serve the first INVITE of a session and its re-INVITEs alike.
"""

from vox6.sip.dialog import Dialog
from vox6.sip.message import Request, Response
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.session import Session
    from vox6.sip.transaction import ServerTransaction

    Peer = tuple[bytes, int]

_MAX_ANSWERS = const(16)  # 2xx (one for each fork and re-INVITE) whose ACK we keep to repeat it


class Answer:
    """A 2xx to an INVITE of ours: its dialog and the ACK that went back, to be sent again."""

    def __init__(self, dialog: Dialog, invite: Request) -> None:
        self.dialog = dialog
        self.invite = invite
        self.sequence = invite.cseq.number
        self.ack = b""
        self.peer: "Peer" = dialog.peer


class Acknowledger:
    """What we acknowledged. pending: a 2xx with an offer, whose ACK waits for our answer."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.pending: "Answer | None" = None
        self._answers: "list[Answer]" = []

    def keep(self, dialog: Dialog, invite: Request) -> Answer:
        """Return what a 2xx to an INVITE of ours made, kept for its repetitions."""
        if len(self._answers) >= _MAX_ANSWERS:
            self._answers.pop(0)
        answer = Answer(dialog, invite)
        self._answers.append(answer)
        return answer

    def repeat(self, response: Response) -> bool:
        """Send the ACK for a repeated 2xx once more; False if the 2xx is new."""
        tag = response.to.tag or ""
        for answer in self._answers:
            if answer.sequence == response.cseq.number and answer.dialog.remote_tag == tag:
                if answer.ack:
                    session = self.session
                    session.agent.layer.send(answer.ack, answer.peer, session.transport)
                return True
        return False

    def send(self, answer: Answer, body: bytes = b"") -> None:
        """Send the ACK; body: our answer if the 2xx held an offer."""
        session = self.session
        ack = answer.dialog.create_request("ACK", answer.sequence)
        ack.copy(answer.invite, "authorization")
        ack.copy(answer.invite, "proxy-authorization")
        ack.set_body(body, "application/sdp")
        answer.peer = answer.dialog.next_hop()
        try:
            session.agent.stamp(ack, session.transport)
        except LocalProtocolError:  # no address now; the repeated 2xx finds no ACK either
            return
        answer.ack = ack.emit()
        session.agent.layer.send(answer.ack, answer.peer, session.transport)

    def finish(self, body: bytes = b"") -> bool:
        """Send the ACK that waits; False if none does."""
        answer = self.pending
        self.pending = None
        if answer is None:
            return False
        self.send(answer, body)
        return True


class Repeater:
    """A 2xx of ours, repeated until its ACK comes, over every transport.

    offer_ours: the offer is in it, so the ACK holds the answer.
    """

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.offer_ours = False
        self._octets = b""
        self._transaction: "ServerTransaction | None" = None
        self._interval = 0

    def is_waiting(self) -> bool:
        """Return whether an ACK is waited for."""
        return bool(self._octets)

    def begin(self, transaction: "ServerTransaction", response: Response, now: int) -> None:
        """Send a 2xx and wait for its ACK."""
        transaction.respond(response, now)
        layer = self.session.agent.layer
        self._octets = transaction.last_octets()
        self._transaction = transaction
        self._interval = layer.t1
        self.offer_ours = not transaction.request.body
        layer.timers.set(self.session, "repeat_success", now + layer.t1)
        layer.timers.set(self.session, "no_ack", now + 64 * layer.t1)

    def end(self) -> None:
        """Wait no longer."""
        self._octets = b""
        self._transaction = None
        timers = self.session.agent.layer.timers
        timers.cancel(self.session, "repeat_success")
        timers.cancel(self.session, "no_ack")

    def repeat(self, now: int) -> None:
        """Send the 2xx once more: its timer fired."""
        layer = self.session.agent.layer
        layer.count("retransmissions")
        transaction = self._transaction
        if transaction is not None:
            layer.send(self._octets, transaction.peer, transaction.transport)
        self._interval = min(2 * self._interval, layer.t2)
        layer.timers.set(self.session, "repeat_success", now + self._interval)

    def receive_ack(self, request: Request) -> bool:
        """Take an ACK; False if it is not the one waited for."""
        transaction = self._transaction
        if transaction is None or request.cseq.number != transaction.request.cseq.number:
            return False
        self.end()
        return True
