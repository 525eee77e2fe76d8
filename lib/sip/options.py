# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""OPTIONS, asked and answered (RFC 3261 section 11)."""

from vox6.sip import events
from vox6.sip.exchange import Exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent, Targets
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Response
    from vox6.sip.registration import Account

    Peer = tuple[bytes, int]


def ask(
    agent: "Agent",
    uri: str,
    peer: "Peer",
    now: int,
    account: "Account | None",
    transport: str,
    targets: "Targets",
) -> None:
    """Send OPTIONS; `OptionsAnswered` follows."""

    def done(status: int, response: "Response | None", now: int) -> None:
        agent.emit(events.OptionsAnswered(uri, status, response))

    request = agent.create_request("OPTIONS", uri, account)
    request.add("Accept", ", ".join(agent.accepts))
    Exchange(agent, account, None, done, targets).send(request, peer, transport, now)


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
