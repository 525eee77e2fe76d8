# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""OPTIONS, asked and answered (RFC 3261 section 11)."""

from vox6.sip import events
from vox6.wire.errors import LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Response
    from vox6.sip.registration import Account
    from vox6.sip.transaction import ClientTransaction, Transaction


class Options:
    """The user of an OPTIONS request of ours."""

    def __init__(self, agent: "Agent", uri: str, account: "Account | None") -> None:
        self.agent = agent
        self.uri = uri
        self.account = account
        self.answered: "list[str]" = []
        self.targets: "list[tuple[tuple[bytes, int], str]]" = []

    def handle_response(
        self, transaction: "ClientTransaction", response: "Response", now: int
    ) -> None:
        """Take a response."""
        if response.status < 200:
            return
        if response.status == 401 or response.status == 407:
            agent = self.agent
            try:
                retry = agent.authenticate(
                    transaction.request, response, self.account, self.answered
                )
                agent.start(retry, transaction.peer, transaction.transport, self, now)
                return
            except (RemoteProtocolError, LocalProtocolError):
                pass  # the answer is the refusal
        self.agent.emit(events.OptionsAnswered(self.uri, response.status, response))

    def handle_failure(self, transaction: "Transaction", status: int, now: int) -> None:
        """Take the lack of one."""
        self.agent.emit(events.OptionsAnswered(self.uri, status, None))


def receive_options(incoming: "Incoming", now: int) -> None:
    """Say what we can, in and out of dialogs (section 11.2)."""
    agent = incoming.agent
    incoming.check_sequence()
    response = incoming.create_response(200)
    agent.describe(response)
    response.add("Accept", ", ".join(agent.accepts))
    response.add("Accept-Encoding", "identity")
    response.add("Accept-Language", "en")
    incoming.respond(response, now)
    agent.emit(events.OptionsReceived(incoming.request))
