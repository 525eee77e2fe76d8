# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One request of ours other than INVITE, with its challenges (RFC 3261 sections 8.1 and 22.2)."""

from vox6.sip.message import Request, Response
from vox6.wire.errors import LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.agent import Agent, Targets
    from vox6.sip.dialog import Dialog
    from vox6.sip.registration import Account
    from vox6.sip.transaction import ClientTransaction, Transaction

    Peer = tuple[bytes, int]
    Done = Callable[[int, "Response | None", int], None]


class Exchange:
    """Sends a request, once more for each challenge, and tells the end once.

    dialog: where the request belongs to, or None. done: called with (status, response or None,
    now); without response the status is 408 or 503. targets: tried when the first peer fails (see
    Agent.start). sequence: the CSeq number of the last attempt.
    """

    def __init__(
        self,
        agent: "Agent",
        account: "Account | None",
        dialog: "Dialog | None",
        done: "Done",
        targets: "Targets" = (),
    ) -> None:
        self.agent = agent
        self.account = account
        self.dialog = dialog
        self.done = done
        self.targets = list(targets)
        self.peer: "Peer | None" = None  # where it went last
        self.transport = ""
        self.sequence = 0
        self._answered: "list[str]" = []
        self._transaction: "ClientTransaction | None" = None

    def send(self, request: Request, peer: "Peer", transport: str, now: int) -> None:
        """Send the request; LocalProtocolError: no address, or too many transactions."""
        self.agent.authorize(request, self.account)
        self._start(request, peer, transport, now)

    def _start(self, request: Request, peer: "Peer", transport: str, now: int) -> None:
        self.sequence = request.cseq.number
        self._transaction = self.agent.start(request, peer, transport, self, now)

    def abandon(self) -> None:
        """Forget the request; `done` is not called any more."""
        if self._transaction is not None:
            self.agent.layer.remove(self._transaction)
            self._transaction = None

    def handle_response(
        self, transaction: "ClientTransaction", response: Response, now: int
    ) -> None:
        """Take a response (from the transaction)."""
        status = response.status
        if status < 200 or transaction is not self._transaction:
            return
        self._transaction = None
        if status == 401 or status == 407:
            try:
                retry = self.agent.authenticate(
                    transaction.request, response, self.account, self._answered
                )
                dialog = self.dialog
                if dialog is not None:  # another request may have gone meanwhile
                    number = max(retry.cseq.number, (dialog.local_sequence or 0) + 1)
                    dialog.local_sequence = number
                    retry.set("CSeq", "%d %s" % (number, retry.method))
                self._start(retry, transaction.peer, transaction.transport, now)
                return
            except (RemoteProtocolError, LocalProtocolError):
                pass  # the answer is the refusal
        elif status < 300 and self.account is not None:
            self.agent.digest_info(self.account, response)
        self.done(status, response, now)

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the lack of a response (from the transaction)."""
        if transaction is self._transaction:
            self._transaction = None
            self.done(status, None, now)
