# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""MESSAGE: short texts, both ways (RFC 3428)."""

from vox6.sip import usage_events as events
from vox6.sip.exchange import Exchange
from vox6.sip.headers import MediaType, unquote
from vox6.sip.rate import Rate
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent, Targets
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Response
    from vox6.sip.registration import Account

    Peer = tuple[bytes, int]

ACCEPTS = ("text/plain",)
_MAX_REQUEST = const(1300)  # octets of a request of ours (section 8)
_MAX_BODY = const(4096)  # octets of a text that we take; more is answered 413
_BURST = const(8)  # texts of strangers at once
_INTERVAL = const(1000)  # ms, then one each; more is answered 503


def send(
    agent: "Agent",
    uri: str,
    peer: "Peer",
    now: int,
    text: str,
    account: "Account | None",
    transport: str,
    targets: "Targets",
) -> None:
    """Send a text, as `Agent.message`."""

    def done(status: int, response: "Response | None", now: int) -> None:
        agent.emit(events.MessageAnswered(uri, status))

    if not text:
        raise LocalProtocolError("empty message")
    request = agent.create_request("MESSAGE", uri, account)
    request.set_body(text.encode(), "text/plain;charset=UTF-8")
    if len(request.emit()) > _MAX_REQUEST - 200:  # Via, User-Agent and credentials follow
        raise LocalProtocolError("message too long")
    Exchange(agent, account, None, done, targets).send(request, peer, transport, now)


def receive_message(incoming: "Incoming", now: int) -> None:
    """Take MESSAGE, in and out of calls; 200 says that our user has it, not that it was read."""
    agent = incoming.agent
    request = incoming.request
    if len(request.body) > _MAX_BODY:
        incoming.refuse(now, 413)
        return
    if not incoming.check_body(now, ACCEPTS):
        return
    text = _text(request.get("content-type"), request.body)
    if agent.paging is None:
        agent.paging = Rate(_BURST, _INTERVAL)
    if not agent.paging.take(now):
        incoming.refuse_full(now)
        return
    incoming.check_sequence()
    incoming.respond(incoming.create_response(200), now)
    if text:
        from_ = request.from_
        agent.emit(events.MessageReceived(request, text, from_.uri_text, from_.display_name))


def _text(content_type: "str | None", body: bytes) -> str:
    """Return a body's text by its charset; FormatError: it is not in it, or we do not know it."""
    charset = "utf-8"
    for name, value in MediaType.parse(content_type or "text/plain").params:
        if name == "charset" and value is not None:
            charset = unquote(value).lower()
    if charset in ("iso-8859-1", "latin1"):
        return "".join([chr(octet) for octet in body])
    if charset not in ("utf-8", "us-ascii", "utf8", "ascii"):
        raise FormatError("unknown charset", 415)
    try:
        return body.decode()
    except UnicodeError:
        raise FormatError("text is not UTF-8")
