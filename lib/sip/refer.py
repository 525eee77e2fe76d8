# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""REFER: transfers, as transferor and as transferee (RFC 3515, 3892, 4488, 5589).

    Refer-To     = ("Refer-To" / "r") HCOLON ( name-addr / addr-spec ) * (SEMI generic-param)
    Refer-Sub    = "Refer-Sub" HCOLON refer-sub-value *(SEMI exten)

REFER makes a subscription without SUBSCRIBE: the transferor is its subscriber, the transferee
tells by NOTIFY how its call to the target goes, in the status line of a message/sipfrag (RFC
3420).
"""

from vox6.sip import usage_events as events
from vox6.sip.exchange import Exchange
from vox6.sip.headers import NameAddr, parse_number, parse_params
from vox6.sip.message import reason_phrase
from vox6.sip.notifier import Notifier
from vox6.sip.replaces import Replaces, header
from vox6.sip.state import CONFIRMED
from vox6.sip.subscriber import Subscriber
from vox6.sip.subscription_state import NOTIFY_WAIT, PENDING, RESP_WAIT, TERMINATED
from vox6.sip.uri import URI, escape, unescape
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError, RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.incoming import Incoming
    from vox6.sip.message import Request, Response
    from vox6.sip.session import Session
    from vox6.sip.transaction import ServerTransaction

_SIPFRAG = "message/sipfrag"
_REFERRAL_EXPIRES = const(300)  # s: our INVITE rings 180 s at most, and people think
_TRANSFER_EXPIRES = const(3600)  # s that a transfer may take, if the peer does not say less
_AFTER_FINAL = const(32000)  # ms that the end of a subscription may be late
_MAX_REFERRALS = const(2)  # of one session at a time
_MAX_LINE = const(256)  # octets of a status line that are read
_URI_HEADER = (  # characters of a header value in a URI (RFC 3261 section 25.1)
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()[]/?:+$"
)


def parse_sipfrag(body: bytes) -> "tuple[int, str]":
    """Return (status, reason) of the status line that a message/sipfrag begins with.

    FormatError: it begins with none. What follows does not matter (RFC 3515 section 2.4.5).
    """
    end = body.find(b"\n")
    line = body[: min(end if end >= 0 else len(body), _MAX_LINE)].strip()
    if line[:8].upper() != b"SIP/2.0 " or line[11:12] not in (b" ", b""):
        raise FormatError("no status line")
    try:
        status = parse_number(line[8:11].decode(), 699)
        reason = line[12:].decode()
    except UnicodeError:
        raise FormatError("status line is not UTF-8")
    if status < 100 or len(line) < 11:
        raise FormatError("status out of range")
    return status, reason.strip()


# -- transferor


class Transfer(Subscriber):
    """A REFER of ours within a session, and what the transferee tells of it."""

    def __init__(self, session: "Session") -> None:
        super().__init__(
            session.agent,
            session.remote_uri,
            "refer",
            session.peer,
            session.account,
            session.transport,
            _TRANSFER_EXPIRES,
            (_SIPFRAG,),
        )
        self.session = session
        self.dialog = session.dialog
        self.call_id = session.call_id
        self.local_tag = session.local_tag
        self._told = False

    def refer(self, refer_to: str, now: int) -> None:
        """Send the REFER. refer_to: a name-addr."""
        agent = self.agent
        dialog = self.dialog
        if dialog is None:
            raise LocalProtocolError("no dialog")
        request = dialog.create_request("REFER")
        user = self.session.local_user()
        account = self.session.contact_account()
        request.add("Contact", agent.contact(user, self.transport, account))
        request.add("Refer-To", refer_to)
        request.add("Referred-By", "<" + self.session.local_uri + ">")
        agent.describe(request)
        self._exchange = Exchange(agent, self.account, dialog, self._answered)
        self._exchange.send(request, dialog.next_hop(), self.transport, now)
        agent.layer.timers.set(self, "timer_n", now + 64 * agent.layer.t1)

    def is_event(self, package: str, id: "str | None") -> bool:
        """Return whether an Event header means this one; the first REFER needs no id."""
        if package != "refer" or self._exchange is None:
            return False
        return id is None or id == "%d" % self._exchange.sequence

    def _answered(self, status: int, response: "Response | None", now: int) -> None:
        phrase = reason_phrase(status)
        if response is not None:
            phrase = response.reason or phrase
        if status >= 300:
            self._done(status, phrase)
            if status == 481 or status == 408:  # RFC 3261 section 12.2.1.2: it is lost
                self.session.lose(status, now)
        elif response is not None and _is_false(response.get("refer-sub")):
            self._done(status, phrase)  # RFC 4488: the peer says no more
        elif self.state == NOTIFY_WAIT:
            timers = self.agent.layer.timers
            timers.set(self, "timer_n", now + 64 * self.agent.layer.t1)
            self.agent.emit(events.TransferProgressed(self.session, status, phrase))

    def _take_state(self, request: "Request", now: int) -> None:
        try:
            status, reason = parse_sipfrag(request.body)
        except FormatError:
            self.agent.layer.count("malformed_requests")
            return
        if self._told:
            return
        if status < 200:
            self.agent.emit(events.TransferProgressed(self.session, status, reason))
            return
        self._told = True
        self.agent.emit(events.TransferDone(self.session, status, reason))
        self.agent.layer.timers.set(self, "expired", now + _AFTER_FINAL)

    def _set_expiry(self, expires: int, now: int) -> None:
        self.agent.layer.timers.set(self, "expired", now + 1000 * expires + _AFTER_FINAL)

    def _do_established(self, now: int) -> None:
        pass

    def _finish(self, now: int, reason: str, after: "int | None") -> None:
        # without a final status: the peer keeps the outcome for itself (RFC 3515 section 2.4.4),
        # its user said no, or it is gone
        status = {"noresource": 202, "rejected": 603}.get(reason, 408)
        self._done(status, reason_phrase(status))

    def _done(self, status: int, reason: str) -> None:
        self.state = TERMINATED
        if self._exchange is not None:
            self._exchange.abandon()
        self.forget()
        if not self._told:
            self._told = True
            self.agent.emit(events.TransferDone(self.session, status, reason))

    def readdress(self, now: int) -> None:
        """The session's re-INVITE shows our new address."""


def transfer(session: "Session", now: int, refer_to: str, replaces: "Session | None") -> None:
    """Transfer the peer of a session, as `Session.refer`."""
    if session.state != CONFIRMED:
        raise LocalProtocolError("no standing call")
    if not refer_to and replaces is not None:
        refer_to = replaces.remote_target
    try:
        uri = URI.parse(refer_to)
    except FormatError:
        raise LocalProtocolError("not a URI")
    if uri.scheme not in ("sip", "sips") or uri.headers is not None:
        raise LocalProtocolError("not a SIP URI without headers")
    if replaces is not None:
        refer_to += "?Replaces=" + escape(header(replaces), _URI_HEADER)
    one = Transfer(session)
    one.add()
    try:
        one.refer("<" + refer_to + ">", now)
    except LocalProtocolError:
        one.forget()
        raise


def _is_false(text: "str | None") -> bool:
    return text is not None and text.partition(";")[0].strip().lower() == "false"


# -- transferee


class Referral(Notifier):
    """A peer's wish that we call somebody, told of by `ReferReceived`.

    session: the call that shall be transferred. refer_to: a SIP URI without method and headers.
    replaces: the value for a Replaces header of the new call, or None. referred_by: the value for
    its Referred-By, or empty. Call `agent.invite(refer_to, ..., replaces=, referred_by=)`, and
    tell by `progress` how it goes.
    """

    def __init__(self, incoming: "Incoming", session: "Session", now: int) -> None:
        session.refers += 1
        id = None if session.refers == 1 else "%d" % incoming.request.cseq.number
        super().__init__(incoming, "refer", id, _REFERRAL_EXPIRES, now)
        self.account = session.account
        self.session = session
        self.refer_to = ""
        self.replaces: "str | None" = None
        self.referred_by = ""
        self._silent = _is_false(incoming.request.get("refer-sub"))
        self._content_type = _SIPFRAG + ";version=2.0"
        self._body = _status_line(100, None)

    def accept(self, now: int, content_type: str = "", body: bytes = b"") -> None:
        """Take it: 202, and NOTIFY 100. LocalProtocolError: it was accepted before, or is over."""
        self.command("accept", now)

    def reject(self, now: int, code: int = 603) -> None:
        """Refuse it; if it is answered already, by NOTIFY."""
        if self.state == PENDING:
            self._code = code
        super().reject(now, code)

    def progress(self, now: int, status: int, reason: "str | None" = None) -> None:
        """Tell the status of the new call; a final one ends the referral.

        Nothing happens once the transferor wants to hear no more: our call goes on.
        """
        if not 100 <= status <= 699:
            raise LocalProtocolError("not a status")
        if self.state == TERMINATED:
            return
        if self.state == RESP_WAIT or self.state == PENDING:
            raise LocalProtocolError("not accepted")
        self._body = _status_line(status, reason)
        if status < 200:
            self.command("notify", now)
        else:
            self.end(now)

    def _user(self) -> "str | None":
        return self.session.local_user()

    def _grant_status(self) -> int:
        return 202

    def _describe(self, response: "Response") -> None:
        if response.cseq.method == "SUBSCRIBE":
            super()._describe(response)
        elif self._silent:
            response.add("Refer-Sub", "false")

    def _state_body(self) -> bytes:
        return self._body

    def _send(self, now: int) -> None:
        if not self._silent:
            super()._send(now)
        elif self.state == TERMINATED:
            self.forget()

    def _do_withdraw(self, now: int) -> None:
        self._body = _status_line(self._code, None)
        self._reason = "rejected"
        self.agent.layer.timers.cancel(self)
        self._send(now)

    def _tell_end(self, reason: str) -> None:
        """Our user hears of the call that was asked for, not of who listens."""


def _status_line(status: int, reason: "str | None") -> bytes:
    """Return a message/sipfrag: the status line alone (RFC 3515 section 5 warns of more)."""
    text = "".join([char if char >= " " else " " for char in reason or reason_phrase(status)])
    return b"SIP/2.0 %d " % status + text.encode() + b"\r\n"


def _target_dialog(incoming: "Incoming") -> "Session | None":
    """Return the session that a REFER outside of dialogs means by Target-Dialog (RFC 5589).

    Target-Dialog = callid *(SEMI td-param); local-tag is the sender's, remote-tag is ours.
    """
    text = incoming.request.get("target-dialog")
    if text is None:
        return None
    at = text.find(";")
    local_tag = remote_tag = ""
    for name, value in parse_params(text[at:]) if at > 0 else []:
        if name == "local-tag":
            local_tag = value or ""
        elif name == "remote-tag":
            remote_tag = value or ""
    session = incoming.agent.sessions.get(text[: max(at, 0)].strip() + " " + remote_tag)
    if session is None or session.find_dialog(local_tag) is None:
        return None
    return session


def read_refer_to(text: str) -> "tuple[str, str | None, str]":
    """Return (URI, Replaces value or None, scheme) of a Refer-To value.

    What the URI wants to put into the request is honoured for Replaces alone, the rest left out
    (RFC 3261 section 19.1.5). RemoteProtocolError 416: no SIP URI; 403: a method but INVITE.
    """
    uri = NameAddr.parse(text).uri
    if uri.scheme != "sip" and uri.scheme != "sips":
        raise RemoteProtocolError("only SIP URIs", 416)
    method = uri.get("method")
    if method is not None and method != "INVITE":
        raise RemoteProtocolError("only INVITE", 403)
    replaces = None
    for part in (uri.headers or "").split("&"):
        name, _, value = part.partition("=")
        if unescape(name).lower() == "replaces":
            if replaces is not None:
                raise FormatError("more than one Replaces")
            replaces = str(Replaces.parse(unescape(value)))
    params = [item for item in uri.params if item[0].lower() != "method"]
    plain = URI(uri.scheme, uri.user, uri.host, uri.port, params, None, uri.password)
    return str(plain), replaces, uri.scheme


def receive_refer(incoming: "Incoming", now: int) -> None:
    """Take REFER within a call, or with its Target-Dialog; others are answered 403."""
    agent = incoming.agent
    request = incoming.request
    values = request.values("refer-to")
    if len(values) != 1:
        incoming.refuse(now, 400, "one Refer-To")
        return
    session = incoming.session
    if request.to.tag is None:
        session = _target_dialog(incoming)
    if session is None or session.dialog is None or session.state != CONFIRMED:
        incoming.refuse(now, 403, "only within a call")
        return
    refer_to, replaces, scheme = read_refer_to(values[0])
    if session.dialog.secure and scheme != "sips":
        incoming.refuse(now, 403, "not secure")
        return
    referred_by = request.get("referred-by")
    if referred_by is not None:
        referred_by = "<" + NameAddr.parse(referred_by).uri_text + ">"
    others = [
        one for one in agent.subscriptions if isinstance(one, Referral) and one.session is session
    ]
    if len(others) >= _MAX_REFERRALS or not agent.is_reachable():
        incoming.refuse_full(now)
        return
    for one in others:
        if one.state in (RESP_WAIT, PENDING):
            incoming.refuse(now, 491)
            return
    incoming.check_sequence()
    referral = Referral(incoming, session, now)
    referral.refer_to = refer_to
    referral.replaces = replaces
    referral.referred_by = referred_by or ""
    transaction: "ServerTransaction" = incoming.start(now)
    try:
        referral.open(transaction, now)
    except LocalProtocolError:
        incoming.refuse_full(now)
        return
    agent.emit(events.ReferReceived(referral))
