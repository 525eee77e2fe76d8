# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Requests from peers: what every one is checked for, and who takes which (RFC 3261 section 8.2).

MODULES is the table of methods. The module named there has `receive_NAME(incoming, now)`, NAME the
method in lower case; it is imported when the first such request comes. What it raises as
RemoteProtocolError is what the request is refused with.
"""

from vox6.sip.dialog import Dialog
from vox6.sip.headers import MediaType, NameAddr, parse_token_params, quote
from vox6.sip.message import METHODS, Request, Response, reason_phrase
from vox6.sip.session import Session
from vox6.sip.transport import note_source, same_host
from vox6.sip.uri import host_text
from vox6.wire import const
from vox6.wire.errors import FormatError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.sip.agent import Agent
    from vox6.sip.transaction import ServerTransaction

    Peer = tuple[bytes, int]
    Headers = tuple[tuple[str, str], ...]
    Handler = Callable[["Incoming", int], None]

_RETRY_AFTER = const(10)  # s, with 503 when we are full

MODULES = {  # ACK and CANCEL go by rules of their own
    "INVITE": "incoming",
    "BYE": "incoming",
    "OPTIONS": "options",
    "PRACK": "provisional",
    "UPDATE": "offered",
    "REFER": "refer",
    "NOTIFY": "notify",
    "SUBSCRIBE": "notifier",
    "MESSAGE": "paging",
    "INFO": "info",
}


class Incoming:
    """One request of a peer on its way to its handler.

    session, dialog: what its tags name, None if nothing. transaction: once `start` was called.
    """

    def __init__(self, agent: "Agent", request: Request, peer: "Peer", transport: str) -> None:
        self.agent = agent
        self.request = request
        self.peer = peer
        self.transport = transport
        self.session: "Session | None" = None
        self.dialog: "Dialog | None" = None
        self.transaction: "ServerTransaction | None" = None

    def start(self, now: int) -> "ServerTransaction":
        """Return the request's transaction, opened at the first call."""
        transaction = self.transaction
        if transaction is None:
            layer = self.agent.layer
            transaction = layer.start_server(self.request, self.peer, self.transport, now)
            self.transaction = transaction
        return transaction

    def create_response(self, status: int, reason: "str | None" = None) -> Response:
        """Return a response with a fresh To tag, if the request has none."""
        return self.request.response(status, reason, self.agent.layer.token(4))

    def respond(self, response: Response, now: int) -> None:
        """Send a response, with our name, in the request's transaction."""
        self.agent.sign(response)
        self.start(now).respond(response, now)

    def check_sequence(self) -> None:
        """Take the CSeq of a request within a dialog; RemoteProtocolError 500: nothing changed."""
        if self.dialog is not None:
            self.dialog.check_sequence(self.request.cseq.number)

    def refuse(
        self, now: int, status: int, reason: "str | None" = None, headers: "Headers" = ()
    ) -> None:
        """Answer with a failure, statefully while there is room. reason: stands in the phrase."""
        if self.request.method == "ACK":
            return
        if reason is not None:
            phrase = reason_phrase(status)
            reason = phrase if reason == phrase else phrase + " (" + reason + ")"
        response = self.create_response(status, reason)
        for name, value in headers:
            response.add(name, value)
        layer = self.agent.layer
        # strangers that knock must not fill the table: a quarter of it is theirs
        if self.transaction is None and len(layer.servers) >= layer.maximum // 4:
            self.agent.sign(response)
            layer.respond_stateless(self.request, response, self.peer, self.transport)
        elif self.start(now).is_open():
            self.respond(response, now)

    def refuse_full(self, now: int) -> None:
        """Answer 503 with Retry-After: there is no room."""
        self.agent.layer.count("refused_full")
        self.refuse(now, 503, None, (("Retry-After", "%d" % _RETRY_AFTER),))

    def refuse_stranger(self, now: int) -> None:
        """Answer 481: the request names what is not here."""
        self.agent.layer.count("strangers")
        self.refuse(now, 481)

    def check_body(self, now: int, accepts: "tuple[str, ...]") -> bool:
        """Refuse a body that the user would not understand (RFC 3261 section 8.2.3).

        A body that need not be understood is taken out. Returns whether all is well.
        """
        request = self.request
        if not request.body:
            return True
        encoding = request.tokens("content-encoding")
        if request.content_type() in accepts and (not encoding or encoding == ["identity"]):
            return True
        disposition = request.get("content-disposition")
        if disposition is not None:
            for name, value in parse_token_params(disposition)[1]:
                if name == "handling" and value is not None and value.lower() == "optional":
                    request.set_body(b"", "")
                    return True
        headers = (("Accept", ", ".join(accepts)), ("Accept-Encoding", "identity"))
        self.refuse(now, 415, None, headers)
        return False


def answer_malformed(
    agent: "Agent", data: bytes, peer: "Peer", transport: str, error: FormatError
) -> None:
    """Refuse octets that are no good request, if they hold what an answer needs."""
    if data.lstrip(b"\r\n")[:8].upper() == b"SIP/2.0 ":
        agent.layer.count("malformed_responses")
        return
    agent.layer.count("malformed_requests")
    from vox6.sip.salvage import salvage

    known = salvage(data)
    if known is None:
        agent.layer.count("unanswerable")
        return
    try:
        note_source(known, peer, host_text(peer[0]).strip("[]"))
    except FormatError:
        pass  # the Via is what is malformed: it goes back as it came
    reason = reason_phrase(error.code)
    if error.code == 400:
        reason += " (" + error.reason + ")"
    response = known.response(error.code, reason, agent.layer.token(4))
    if error.code == 501:
        response.add("Allow", agent.allow)
    agent.sign(response)
    agent.layer.respond_stateless(known, response, peer, transport)


def receive(incoming: Incoming, now: int) -> None:
    """Take a request that belongs to no transaction."""
    agent = incoming.agent
    request = incoming.request
    tag = request.to.tag
    if tag is not None:
        incoming.session = agent.sessions.get(request.call_id + " " + tag)
        if incoming.session is not None:
            incoming.dialog = incoming.session.find_dialog(request.from_.tag or "")
        if incoming.dialog is None and agent.subscriptions:
            remote_tag = request.from_.tag or ""
            for one in agent.subscriptions:
                dialog = one.find_dialog(request.call_id, tag, remote_tag)
                if dialog is not None:
                    incoming.dialog = dialog
    if request.method == "ACK":
        _receive_ack(incoming, now)
    elif request.method == "CANCEL":
        _receive_cancel(incoming, now)
    elif _check(incoming, now):
        try:
            find_handler(agent, request.method)(incoming, now)
        except FormatError:
            raise
        except RemoteProtocolError as error:
            headers: "Headers" = ()
            if error.code == 500:  # RFC 3261 section 14.2
                headers = (("Retry-After", "%d" % (agent.random(1)[0] % 10)),)
            incoming.refuse(now, error.code, error.reason, headers)


def find_handler(agent: "Agent", method: str) -> "Handler":
    """Return who takes a method of MODULES, imported at its first use."""
    handler = agent.handlers.get(method)
    if handler is None:
        module = __import__(MODULES[method], globals(), None, ("receive",), 1)
        handler = getattr(module, "receive_" + method.lower())
        agent.handlers[method] = handler
    return handler


def _check(incoming: Incoming, now: int) -> bool:
    """Refuse what no handler needs to see (sections 8.2.1 to 8.2.3 and 12.2.2)."""
    agent = incoming.agent
    layer = agent.layer
    request = incoming.request
    method = request.method
    # a quarter of the transactions is kept for what belongs to calls that stand
    room = layer.maximum if incoming.dialog is not None else layer.maximum * 3 // 4
    if not layer.has_room(room):
        layer.count("refused_full")
        response = incoming.create_response(503)
        response.add("Retry-After", "%d" % _RETRY_AFTER)
        layer.respond_stateless(request, response, incoming.peer, incoming.transport)
        return False
    if method not in MODULES or method not in agent.methods:
        status = 405 if method in METHODS else 501
        incoming.refuse(now, status, None, (("Allow", agent.allow),))
        return False
    scheme = request.uri.scheme
    if scheme != "sip" and scheme != "sips":
        incoming.refuse(now, 416)
        return False
    if scheme == "sips" and incoming.transport != "TLS":  # RFC 5630 section 4
        headers = (("Warning", "380 " + agent.host_text() + ' "SIPS Not Allowed"'),)
        incoming.refuse(now, 480, None, headers)
        return False
    tag = request.to.tag
    if tag is None and layer.is_merged(request):
        incoming.refuse(now, 482)
        return False
    unsupported = [
        option for option in request.values("require") if option.lower() not in agent.extensions
    ]
    if unsupported:
        incoming.refuse(now, 420, None, (("Unsupported", ", ".join(unsupported)),))
        return False
    if tag is not None and incoming.dialog is None and method not in ("NOTIFY", "PRACK"):
        # NOTIFY may make a dialog with the tag that we have given, PRACK be for a call refused
        incoming.refuse_stranger(now)
        return False
    if request.count("replaces") and method != "INVITE":  # RFC 3891 section 3
        incoming.refuse(now, 400, "Replaces is for INVITE")
        return False
    return True


def _receive_ack(incoming: Incoming, now: int) -> None:
    session = incoming.session
    if (
        incoming.dialog is None
        or session is None
        or not session.receive_ack(incoming.request, now)
    ):
        incoming.agent.layer.count("stray_acks")


def _receive_cancel(incoming: Incoming, now: int) -> None:
    layer = incoming.agent.layer
    invite = layer.find_invite(incoming.request)
    # a CANCEL cannot be challenged, so it must come from where its INVITE came (section 22.1)
    if invite is None or not same_host(invite.source[0], incoming.peer[0]):
        incoming.refuse_stranger(now)
        return
    if not layer.has_room():
        layer.count("refused_full")
        return
    session = invite.user
    tag = session.local_tag if isinstance(session, Session) else layer.token(4)
    incoming.respond(incoming.request.response(200, None, tag), now)
    if isinstance(session, Session) and invite.is_open():
        session.receive_cancel(invite, now)


def receive_bye(incoming: Incoming, now: int) -> None:
    """Take BYE (section 15.1.2)."""
    session = incoming.session
    if session is None or incoming.dialog is None:
        incoming.refuse_stranger(now)
        return
    incoming.check_sequence()
    session.receive_bye(incoming.start(now), now)


def _takes_our_bodies(agent: "Agent", request: Request) -> bool:
    """Return whether the Accept of an INVITE, if it has one, allows bodies such as ours."""
    if not request.count("accept"):
        return True
    wanted = agent.accepts[0]
    allowed = (wanted, wanted.split("/")[0] + "/*", "*/*")
    for value in request.values("accept"):
        if MediaType.parse(value).name in allowed:
            return True
    return False


def receive_invite(incoming: Incoming, now: int) -> None:
    """Take INVITE: a call, or an offer within one (sections 13.3 and 14.2)."""
    agent = incoming.agent
    request = incoming.request
    if not incoming.check_body(now, agent.accepts):
        return
    session = incoming.session
    if session is not None and incoming.dialog is not None:
        if request.count("replaces"):
            raise RemoteProtocolError("Replaces within a call", 400)
        incoming.check_sequence()
        session.receive_invite(incoming.start(now), now)
        return
    if request.to.tag is not None:  # the dialog of a subscription
        incoming.refuse_stranger(now)
        return
    if not _takes_our_bodies(agent, request):
        text = quote(agent.accepts[0] + " must be accepted")
        headers = (("Warning", "399 " + agent.host_text() + " " + text),)
        incoming.refuse(now, 406, None, headers)
        return
    if agent.reliable == "required" and "100rel" not in request.tokens("supported"):
        if "100rel" not in request.tokens("require"):
            incoming.refuse(now, 421, None, (("Require", "100rel"),))
            return
    room = agent.max_sessions
    replaced = None
    if request.count("replaces") and "replaces" in agent.extensions:
        from vox6.sip import replaces

        replaced = replaces.find(agent, request)
        room += 1  # as one goes
    if len(agent.sessions) >= room or not agent.is_reachable():
        incoming.refuse_full(now)
        return
    request.number("expires")
    request.content_type()
    referred_by = request.get("referred-by")
    session = Session(agent, "in", request, incoming.peer, incoming.transport)
    session.reached_by = agent.find_account(request.uri.user, incoming.peer)
    session.replaces = replaced
    if referred_by is not None:
        session.referred_by = NameAddr.parse(referred_by).uri_text
    dialog = Dialog.of_server(request, session.local_tag, incoming.peer)
    if session.refuse_interval(incoming.start(now), now):
        return
    agent.sessions[session.call_id + " " + session.local_tag] = session
    session.open(incoming.start(now), dialog, now)
