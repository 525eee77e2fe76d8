# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""OPTIONS, asked and answered (RFC 3261 section 11)."""

from vox6.sip import events
from vox6.sip.exchange import Exchange
from vox6.sip.rate import Rate
from vox6.sip.transport import is_reliable
from vox6.wire import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent, Targets
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Response
    from vox6.sip.registration import Account

    Peer = tuple[bytes, int]

_BURST = const(16)  # answers to datagrams of strangers at once
_INTERVAL = const(200)  # ms, then one each; more is dropped, as sources may be forged


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
    request.add("Accept", ", ".join(agent.all_accepts()))
    Exchange(agent, account, None, done, targets).send(request, peer, transport, now)


def receive_options(incoming: "Incoming", now: int) -> None:
    """Say what we can (section 11.2): 200, or 486 where a call would be told so.

    Outside of dialogs nothing is kept of it (section 8.2.7): who asks again gets the same answer.
    """
    agent = incoming.agent
    request = incoming.request
    within = incoming.dialog is not None
    incoming.check_sequence()
    status = 200
    if not within and len(agent.sessions) >= agent.max_sessions:
        status = 486
    response = request.response(status, None, _tag(agent, incoming))
    agent.describe(response)
    response.add("Accept", ", ".join(agent.all_accepts()))
    response.add("Accept-Encoding", "identity")
    response.add("Accept-Language", "en")
    if within:
        incoming.respond(response, now)
    else:
        if agent.questions is None:
            agent.questions = Rate(_BURST, _INTERVAL)
        if not is_reliable(incoming.transport) and not agent.questions.take(now):
            agent.layer.count("dropped_options")
            return
        agent.sign(response)
        agent.layer.respond_stateless(request, response, incoming.peer, incoming.transport)
    agent.emit(events.OptionsReceived(request))


def _tag(agent: "Agent", incoming: "Incoming") -> str:
    """Return a To tag that is the same for a repeated request, and another one for others."""
    request = incoming.request
    if not agent.secret:
        draw = agent.random(4)
        agent.secret = draw[0] << 24 | draw[1] << 16 | draw[2] << 8 | draw[3]
    value = agent.secret
    for octet in (request.call_id + (request.via.branch or "")).encode():
        value = (value ^ octet) * 0x01000193 & 0xFFFFFFFF  # FNV-1a
    return "%08x" % value
