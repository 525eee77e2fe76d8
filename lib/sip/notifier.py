# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Subscriptions of peers to what we know (RFC 6665 section 4.2).

The table is NOTIFIER in subscription_state.py; a method `_do_name` here is its action "name".
"""

from vox6.sip import usage_events as events
from vox6.sip.dialog import Dialog
from vox6.sip.exchange import Exchange
from vox6.sip.headers import MediaType, parse_token_params
from vox6.sip.message import Response, reason_phrase
from vox6.sip.subscription import (
    ENDING,
    MAX_NOTIFIERS,
    TYPES,
    Subscription,
    SubscriptionState,
    parse_event,
)
from vox6.sip.subscription_state import ACTIVE, NOTIFIER, PENDING, RESP_WAIT, TERMINATED
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.incoming import Incoming
    from vox6.sip.registration import Account
    from vox6.sip.transaction import ServerTransaction

_DEFAULT_EXPIRES = const(3600)  # s, when SUBSCRIBE says none, and the most that we grant
# A peer whose re-INVITE is open may refuse whatever else the dialog brings (liblinphone does).
_PENDING_WAIT = const(2000)  # ms
_PENDING_MAX = const(3)
_MIN_EXPIRES = const(60)  # s, less is answered 423: each refresh costs a NOTIFY
_UNDECIDED = const(8)  # T1 that our user has before SUBSCRIBE is answered on its behalf


class Notifier(Subscription):
    """A peer's subscription, told of by `SubscribeReceived`.

    from_uri, display_name: who subscribes, as it says. expires: seconds that it asked for. params:
    of its Event header, list of (name, value), for the package.
    """

    role = "notifier"
    table = NOTIFIER
    interval = 1000  # ms between two NOTIFY requests (RFC 3515 3.10, 3842 3.11, 4235 3.10)

    def __init__(
        self, incoming: "Incoming", package: str, id: "str | None", expires: int, now: int
    ) -> None:
        super().__init__(
            incoming.agent, package, id, _account(incoming), incoming.transport, RESP_WAIT
        )
        request = incoming.request
        self.call_id = request.call_id
        self.params = parse_token_params(request.get("event") or "none")[1]
        self.from_uri = request.from_.uri_text
        self.display_name = request.from_.display_name
        self.expires = expires
        dialog = incoming.dialog
        if dialog is None:
            self.local_tag = self.agent.layer.token(4)
            dialog = Dialog.of_server(request, self.local_tag, incoming.peer)
        else:
            self.local_tag = dialog.local_tag
        self.dialog = dialog
        # for its package (see dialog_info.py): what was told last, the number of the next
        # document, whether it may know no more than a caller would find out
        self.told = b""
        self.version = 0
        self.private = False
        self._until = now + 1000 * expires
        self._content_type = ""
        self._body = b""
        self._code = 403
        self._reason = ""
        self._retry_after: "int | None" = None
        self._exchange: "Exchange | None" = None
        self._again = False
        self._pending = 0  # how often our NOTIFY was answered 491, one after the other
        self._last_at = now - 1000000
        self._server: "ServerTransaction | None" = None

    def open(self, transaction: "ServerTransaction", now: int) -> None:
        """Wait for our user's word on the request (called when it came)."""
        self.add()
        self._server = transaction
        layer = self.agent.layer
        layer.timers.set(self, "undecided", now + _UNDECIDED * layer.t1)

    # -- commands

    def accept(self, now: int, content_type: str = "", body: bytes = b"") -> None:
        """Take the subscription; body: the state as it is now, told at once.

        LocalProtocolError: it was accepted before, or is over.
        """
        if (self.state, "accept") in self.table:
            self._content_type = content_type
            self._body = body
        self.command("accept", now)

    def reject(self, now: int, code: int = 403) -> None:
        """Refuse it with 300..699; LocalProtocolError: it was accepted, or is over."""
        if not 300 <= code <= 699:
            raise LocalProtocolError("not a failure status")
        self._code = code
        self.command("reject", now)

    def notify(self, now: int, content_type: str, body: bytes) -> None:
        """Tell a new state. While a NOTIFY is out the last state waits, others are left out."""
        if (self.state, "notify") in self.table:
            self._content_type = content_type
            self._body = body
        self.command("notify", now)

    def end(self, now: int, reason: str = "noresource", retry_after: "int | None" = None) -> None:
        """End it, with a word of RFC 6665 section 4.1.3 as reason; no event follows."""
        self._reason = reason
        self._retry_after = retry_after
        self.command("end", now)

    # -- the request

    def _grant_status(self) -> int:
        return 200

    def _do_grant(self, now: int) -> None:
        timers = self.agent.layer.timers
        timers.cancel(self, "undecided")
        self._answer(self._server, self._grant_status(), now)
        self._server = None
        if self.expires == 0:  # a poll (section 4.4.3)
            self.state = TERMINATED
            self._reason = "timeout"
            self._send(now)
            return
        self._until = now + 1000 * self.expires
        timers.set(self, "expired", self._until)
        self._send(now)

    def _answer(self, transaction: "ServerTransaction | None", status: int, now: int) -> None:
        agent = self.agent
        if transaction is None or not transaction.is_open():
            return
        request = transaction.request
        response = request.response(status, None, self.local_tag)
        if status < 300:
            response.copy(request, "record-route")
            response.add("Contact", agent.contact(self._user(), self.transport, self.account))
            self._describe(response)
            agent.describe(response)
        agent.sign(response)
        transaction.respond(response, now)

    def _describe(self, response: Response) -> None:
        response.add("Expires", "%d" % self.expires)

    def _user(self) -> "str | None":
        return self.agent.contact_user(self.account)

    def _do_refuse(self, now: int) -> None:
        self._answer(self._server, self._code, now)
        self._server = None
        self.forget()

    def refresh(self, incoming: "Incoming", expires: int, now: int) -> None:
        """Take SUBSCRIBE within the dialog (section 4.2.1.4)."""
        self.expires = expires
        self._until = now + 1000 * expires
        self._answer(incoming.start(now), 200, now)
        if self.dialog is not None:
            try:
                self.dialog.refresh_target(incoming.request)
            except FormatError:
                self.agent.layer.count("malformed_requests")
        if expires == 0:
            self.step("expired", now)
        else:
            self._last_at -= self.interval  # this NOTIFY may not wait
            self.agent.layer.timers.cancel(self, "wait")
            self.agent.layer.timers.set(self, "expired", self._until)
            self.step("refresh", now)

    # -- NOTIFY

    def _do_tell(self, now: int) -> None:
        self._send(now)

    def _do_tell_last(self, now: int) -> None:
        ended = not self._reason
        if ended:
            self._reason = "timeout"
        self.agent.layer.timers.cancel(self)
        self._send(now)
        if ended:
            self._tell_end("timeout")

    def _do_withdraw(self, now: int) -> None:
        self._reason = "rejected"
        self._body = b""
        self.agent.layer.timers.cancel(self)
        self._send(now)

    def _do_drop(self, now: int) -> None:
        self.forget()
        self._tell_end(self._reason)

    def _tell_end(self, reason: str) -> None:
        self.agent.emit(events.SubscriptionEnded(self, reason))

    def _send(self, now: int) -> None:
        """Send NOTIFY, one at a time, so that none overtakes another."""
        layer = self.agent.layer
        if self._exchange is not None or layer.timers.running(self, "wait"):
            self._again = True
            return
        left = self._last_at + self.interval - now
        if left > 0 and self.state != TERMINATED:
            layer.timers.set(self, "wait", now + left)
            self._again = True
            return
        self._again = False
        self._last_at = now
        dialog = self.dialog
        if dialog is None:
            return
        try:
            request = dialog.create_request("NOTIFY")
            contact = self.agent.contact(self._user(), self.transport, self.account)
            request.add("Contact", contact)
            request.add("Event", self.event_header())
            request.add("Subscription-State", str(self._state_header(now)))
            body = self._state_body()
            request.set_body(body, self._content_type)
            exchange = Exchange(self.agent, self.account, dialog, self._notified)
            self._exchange = exchange
            exchange.send(request, dialog.next_hop(), self.transport, now)
        except LocalProtocolError:  # no address now, or too many transactions
            self._exchange = None
            layer.count("refused_commands")
            if self.state == TERMINATED:
                self.forget()

    def _state_header(self, now: int) -> SubscriptionState:
        if self.state == TERMINATED:
            return SubscriptionState("terminated", self._reason, None, self._retry_after)
        left = max((self._until - now + 999) // 1000, 0)
        return SubscriptionState("pending" if self.state == PENDING else "active", "", left)

    def _state_body(self) -> bytes:
        """Return the state to tell; nothing before our user has said yes (section 6.2)."""
        return b"" if self.state == PENDING else self._body

    def _notified(self, status: int, response: "Response | None", now: int) -> None:
        self._exchange = None
        self._pending = self._pending + 1 if status == 491 else 0
        if 0 < self._pending <= _PENDING_MAX:
            self._again = True
            self.agent.layer.timers.set(self, "wait", now + _PENDING_WAIT)
        elif self.state != TERMINATED and (status in ENDING or status == 408):
            self._reason = reason_phrase(status)
            self.step("failure", now)
        elif self._again:
            self._send(now)
        elif self.state == TERMINATED:
            self.forget()

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        if name == "wait":
            if self._again:
                self._send(now)
            return
        self.step(name, now)

    def readdress(self, now: int) -> None:
        """Show the subscriber our new address."""
        if self.state == ACTIVE or self.state == PENDING:
            self._send(now)


def _account(incoming: "Incoming") -> "Account | None":
    return None if incoming.session is None else incoming.session.account


def _accepts(incoming: "Incoming", package: str) -> bool:
    """Return whether the subscriber reads what we write (section 4.1.2.1)."""
    wanted = TYPES.get(package)
    values = incoming.request.values("accept")
    if wanted is None or not values:
        return True
    kind = wanted[: wanted.find("/")] + "/*"
    for value in values:
        if MediaType.parse(value).name in (wanted, kind, "*/*"):
            return True
    return False


def count(agent: "Agent") -> int:
    """Return how many subscriptions of peers there are."""
    number = 0
    for one in agent.subscriptions:
        if one.role == "notifier":
            number += 1
    return number


def receive_subscribe(incoming: "Incoming", now: int) -> None:
    """Take SUBSCRIBE."""
    agent = incoming.agent
    request = incoming.request
    package, id = parse_event(request)
    expires = request.number("expires")
    if expires is None:
        expires = _DEFAULT_EXPIRES
    if request.to.tag is not None:
        if incoming.dialog is None:
            incoming.refuse_stranger(now)
            return
        for one in agent.subscriptions:
            if (
                isinstance(one, Notifier)
                and one.dialog is incoming.dialog
                and one.is_event(package, id)
                and one.state in (PENDING, ACTIVE)
            ):
                if 0 < expires < _MIN_EXPIRES:
                    incoming.refuse(now, 423, None, (("Min-Expires", "%d" % _MIN_EXPIRES),))
                    return
                incoming.check_sequence()
                one.refresh(incoming, min(expires, _DEFAULT_EXPIRES), now)
                return
        if incoming.session is None:
            incoming.refuse_stranger(now)
        else:
            incoming.refuse(now, 403, "dialog sharing is not supported")
        return
    if package == "refer" and "REFER" in agent.methods:
        incoming.refuse(now, 403)  # REFER alone makes such a subscription (RFC 3515 section 2.4.4)
    elif package not in agent.packages:
        incoming.refuse(now, 489, None, (("Allow-Events", ", ".join(agent.packages)),))
    elif not _accepts(incoming, package):
        incoming.refuse(now, 406)
    elif 0 < expires < _MIN_EXPIRES:
        incoming.refuse(now, 423, None, (("Min-Expires", "%d" % _MIN_EXPIRES),))
    elif count(agent) >= MAX_NOTIFIERS or not agent.is_reachable():
        incoming.refuse_full(now)
    else:
        notifier = Notifier(incoming, package, id, min(expires, _DEFAULT_EXPIRES), now)
        try:
            notifier.open(incoming.start(now), now)
        except LocalProtocolError:
            incoming.refuse_full(now)
            return
        agent.emit(events.SubscribeReceived(notifier))
