# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Sessions: one call, from INVITE to BYE (RFC 3261 sections 13 to 15, RFC 5407).

The table is SESSION in state.py. An action "part.name" is a method of a part of the session:
inviting.py and answering.py, the caller's and the callee's half; ending.py, how it ends; an
action "name" is a method `_do_name` here. offers.py has our offers after the first, offered.py
the peer's, handshake.py each 2xx with its ACK, refresh.py the session timer, provisional.py what
is sent reliably before the 2xx, composing.py what they all write. A session makes and takes
bodies as octets: what they say is not its concern, only where they go.
"""

from vox6.sip import events
from vox6.sip.answering import Answering
from vox6.sip.composing import Composing
from vox6.sip.dialog import AGREED, Dialog
from vox6.sip.ending import Ending
from vox6.sip.handshake import Acknowledger, Repeater
from vox6.sip.headers import Reason
from vox6.sip.inviting import Inviting
from vox6.sip.message import Request, Response
from vox6.sip.offered import Offered
from vox6.sip.offers import Offers
from vox6.sip.state import CALLING, INCOMING, SESSION, TERMINATED
from vox6.sip.transaction import ClientTransaction, ServerTransaction
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.transaction import Transaction

    Peer = tuple[bytes, int]
    Headers = tuple[tuple[str, str], ...]


class Session(Composing):
    """One call. Made by `Agent.invite` or told of by `CallReceived`; see the README for use.

    direction: "out" or "in". state: a name of state.py. call_id, local_uri, remote_uri,
    remote_display_name, remote_target: text. peer: where the other end was reached first.
    request: the INVITE. account: whose call it is, or None.
    """

    def __init__(
        self, agent: "Agent", direction: str, request: Request, peer: "Peer", transport: str
    ) -> None:
        super().__init__(agent, request, transport)
        self.direction = direction
        self.peer = peer
        self.targets: "list[tuple[Peer, str]]" = []  # to call next, when peer fails
        self.call_id = request.call_id
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
        # its parts
        self.inviting: "Inviting | None" = Inviting(self) if direction == "out" else None
        self.answering: "Answering | None" = None
        self.offers = Offers(self)
        self.offered = Offered(self)
        self.acknowledger = Acknowledger(self)
        self.repeater = Repeater(self)
        self.ending = Ending(self)
        self._body = b""  # what came with the ACK at hand

    # -- what the user reads

    @property
    def remote_target(self) -> str:
        """Return the URI that requests in the dialog go to."""
        return self.dialog.remote_target if self.dialog is not None else self.request_uri

    def is_offering(self) -> bool:
        """Return whether an exchange is under way in either direction, so that none may start."""
        return self.offers.is_open()

    def peer_allows(self, method: str) -> bool:
        """Return whether the peer has said in this dialog that it takes a method (Allow)."""
        return self.dialog is not None and self.dialog.allows(method)

    def debug(self) -> str:
        """Return one line for people."""
        return "%s %s %s %s" % (self.direction, self.state, self.remote_uri, self.call_id)

    # -- the table

    def step(self, event: str, now: int) -> bool:
        """Take one event; return whether the table has it in this state."""
        entry = SESSION.get((self.state, event))
        if entry is None:
            self.agent.layer.count("ignored_events")
            return False
        self.state = entry[1]
        part, dot, name = entry[0].partition(".")
        if dot:
            getattr(getattr(self, part), name)(now)
        else:
            getattr(self, "_do_" + part)(now)
        if self.state == TERMINATED:
            self.agent.forget(self)
        return True

    def _command(self, event: str, now: int) -> None:
        if not self.step(event, now):
            raise LocalProtocolError("no " + event + " in state " + self.state)

    def _do_nothing(self, now: int) -> None:
        pass

    # -- commands

    def ring(
        self,
        now: int,
        status: int = 180,
        body: bytes = b"",
        reliable: "bool | None" = None,
    ) -> None:
        """Tell the caller that we ring (180), or 181..199 with a description in body.

        reliable: by RFC 3262; None: if the peer requires it, or takes it and there is a body.
        `ProvisionalAcknowledged` follows. A body that goes reliably is our answer (or our offer,
        if the INVITE had none); it goes once, and accept() need not repeat it.
        """
        if not 101 <= status <= 199:
            raise LocalProtocolError("not a provisional status")
        if (self.state, "ring") in SESSION and self.answering is not None:
            self.answering.prepare(status, body, reliable)
        self._command("ring", now)

    def accept(self, now: int, body: bytes) -> None:
        """Answer the call with 200; body: our answer, or our offer if theirs was empty.

        If a description has gone reliably it stands, and body does not go. While its PRACK has
        not come the 200 waits.
        """
        response = self.create_response(self.request, 200)
        response.set_body(body, "application/sdp")
        event = "accept"
        if self.answering is not None and (self.state, "accept") in SESSION:
            self.answering.reply = response
            if self.answering.must_wait():
                event = "accept_later"
        self._command(event, now)
        if self.replaces is not None:
            from vox6.sip import replaces

            replaces.take_over(self, now)

    def reject(
        self, now: int, code: int, reason: "str | None" = None, headers: "Headers" = ()
    ) -> None:
        """Refuse the call with 300..699; headers: ((name, value), ...) to add."""
        if not 300 <= code <= 699:
            raise LocalProtocolError("not a failure status")
        response = self.create_refusal(self.request, code, reason, headers)
        if self.answering is not None and (self.state, "reject") in SESSION:
            self.answering.reply = response
        self._command("reject", now)

    def cancel(self, now: int) -> None:
        """Give up our call before it is answered; `CallFailed` 487 follows."""
        self._command("cancel", now)
        self.targets.clear()  # nobody else is to be called instead
        if self.inviting is not None:
            self.inviting.give_up_status = 487

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
            self.ending.reason = reason_header
        self._command("bye", now)

    def acknowledge(self, now: int, body: bytes = b"") -> None:
        """Send ACK for a 2xx that held an offer; body: our answer."""
        if not self.acknowledger.finish(body):
            raise LocalProtocolError("nothing to acknowledge")
        self.offers.local_body = body
        if self.dialog is not None:
            self.dialog.offer = AGREED
        self.offers.settle(now)

    def acknowledge_provisional(self, now: int, body: bytes, fork: "str | None" = None) -> None:
        """Send PRACK for a reliable response that held an offer; body: our answer.

        fork: of which early dialog, if several wait.
        """
        if self.inviting is None:
            raise LocalProtocolError("nothing to acknowledge")
        self.inviting.acknowledge(now, body, fork)

    def reinvite(self, now: int, body: bytes) -> None:
        """Offer anew in a standing call; empty body: ask the peer for an offer.

        LocalProtocolError while another exchange is open; then `OfferDue` comes after it.
        """
        self.offers.check("INVITE", self.dialog)
        if self.dialog is not None:
            self.offers.start(now, "INVITE", body, self.dialog)

    def update(self, now: int, body: bytes, fork: "str | None" = None) -> None:
        """Offer anew by UPDATE (RFC 3311), before the call is answered or after.

        Before: once offer and answer went reliably. fork: in which early dialog, else in the
        first. Empty body: tell our Contact alone; OfferAnswered with an empty body follows.
        LocalProtocolError: as reinvite(), or the peer's Allow has no UPDATE.
        """
        dialog = self.dialog if fork is None else self.find_dialog(fork)
        self.offers.check("UPDATE", dialog)
        if dialog is not None:
            self.offers.start(now, "UPDATE", body, dialog)

    def withdraw_offer(self, lost: bool = False) -> None:
        """Want no `OfferDue` any more, since our answer to the peer's offer says all.

        lost: also give up a re-INVITE that is out, as its answer would go to an address of ours
        that is gone; another may follow at once, and its higher CSeq tells the peer that it
        stands for both.
        """
        self.offers.withdraw(lost)

    def accept_offer(self, now: int, body: bytes) -> None:
        """Answer OfferReceived with 200; body: our answer, or our offer if theirs was empty."""
        self.offered.accept(now, body)

    def reject_offer(self, now: int, code: int, headers: "Headers" = ()) -> None:
        """Refuse what OfferReceived brought; the call goes on as it was."""
        self.offered.reject(now, code, headers)

    # -- from the agent and from transactions

    def start(self, now: int) -> None:
        """Send the first INVITE (called by the agent)."""
        if self.inviting is not None:
            self.inviting.start(now)

    def open(self, transaction: ServerTransaction, dialog: "Dialog", now: int) -> None:
        """Take a call (called by the agent)."""
        self.dialog = dialog
        transaction.user = self
        self.answering = Answering(self, transaction)
        self.answering.start(now)

    def find_dialog(self, remote_tag: str) -> "Dialog | None":
        """Return the dialog of this session that a request with a From tag belongs to."""
        dialog = self.dialog
        if dialog is not None and dialog.remote_tag == remote_tag:
            return dialog
        return None if self.inviting is None else self.inviting.find_early(remote_tag)

    # -- transactions

    def handle_response(
        self, transaction: ClientTransaction, response: Response, now: int
    ) -> None:
        """Take a response to one of our requests (from the transaction)."""
        inviting = self.inviting
        refresher = self._refresher
        if self.ending.owns(transaction):
            self.ending.handle_response(response, now)
        elif refresher is not None and refresher.owns(transaction):
            refresher.handle_response(transaction, response, now)
        elif self.offers.owns(transaction):
            self.offers.handle_response(transaction, response, now)
        elif inviting is not None and inviting.owns(transaction):
            inviting.handle_response(transaction, response, now)
        elif transaction.method == "INVITE" and 200 <= response.status < 300:
            if not self.acknowledger.repeat(response) and self.dialog is not None:
                # a re-INVITE of ours was answered after the call had ended
                self.acknowledger.send(self.acknowledger.keep(self.dialog, transaction.request))
        # the rest answers CANCEL, and what counts then is the INVITE's own response

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the news that a transaction ended without response (from the transaction)."""
        inviting = self.inviting
        refresher = self._refresher
        if self.ending.owns(transaction):
            self.ending.handle_failure(now)
        elif refresher is not None and refresher.owns(transaction):
            refresher.handle_failure(status, now)
        elif self.offers.owns(transaction):
            self.offers.handle_failure(status, now)
        elif inviting is not None and inviting.owns(transaction):
            inviting.handle_failure(status, now)

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        if name == "cancel_timeout":
            if self.inviting is not None:
                self.inviting.handle_cancel_timeout()
        elif name == "offer_timeout":
            self.offered.handle_undecided(now)
            return
        elif name == "glare":
            self.offers.settle(now)
            return
        elif name == "refresh":
            self.refresher().refresh(now)
            return
        elif name == "repeat_reliable":
            if self.answering is not None:
                self.answering.repeat_reliable(now)
            return
        self.step(name, now)

    def receive_cancel(self, transaction: ServerTransaction, now: int) -> None:
        """Take a CANCEL of one of the peer's INVITEs that is still open."""
        if self.answering is not None and transaction is self.answering.transaction:
            self.step("CANCEL", now)
        else:
            self.offered.receive_cancel(transaction, now)

    def receive_invite(self, transaction: ServerTransaction, now: int) -> None:
        """Take an INVITE within the dialog; RemoteProtocolError: the status to refuse it with."""
        self.offered.receive_invite(transaction, now)

    def receive_bye(self, transaction: ServerTransaction, now: int) -> None:
        """Take a BYE within the dialog, its CSeq checked."""
        self.ending.receive_bye(transaction, now)

    def answering_done(self, now: int) -> None:
        """A PRACK was answered, or an offer: what waited for it may go."""
        if self.answering is not None:
            self.answering.proceed(now)

    def lose(self, status: int, now: int) -> bool:
        """Take the failure of a request within the dialog; True if it has ended the call.

        For every user of such requests: 481, 408 and their like (RFC 5057) show that the peer
        has lost the call; other failures concern the request alone.
        """
        return self.ending.lose(status, now)

    # -- 2xx and ACK

    def receive_ack(self, request: Request, now: int) -> bool:
        """Take an ACK for a 2xx of ours; False if none waits for it."""
        if not self.repeater.receive_ack(request):
            return False
        return self.acknowledged(request.body if self.repeater.offer_ours else b"", now)

    def acknowledged(self, body: bytes, now: int) -> bool:
        """Our 2xx is known to have come; body: the answer if the offer was in it."""
        self._body = body
        if self.repeater.offer_ours and self.dialog is not None:
            self.dialog.offer = AGREED
        known = self.step("ACK", now)
        self.offers.settle(now)
        return known

    def _do_confirmed(self, now: int) -> None:
        self.agent.emit(events.CallConfirmed(self, self._body))

    def _do_confirmed_again(self, now: int) -> None:
        if self.repeater.offer_ours:
            self.agent.emit(events.OfferAnswered(self, self._body))

    def _do_repeat_success(self, now: int) -> None:
        self.repeater.repeat(now)
