# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Subscriptions of ours (RFC 6665 section 4.1); notify.py finds whose a NOTIFY is.

The table is SUBSCRIBER in subscription_state.py; a method `_do_name` here is its action "name".
"""

from vox6.sip import usage_events as events
from vox6.sip.dialog import Dialog
from vox6.sip.exchange import Exchange
from vox6.sip.message import reason_phrase
from vox6.sip.subscription import (
    ENDING,
    TYPES,
    Subscription,
    SubscriptionState,
)
from vox6.sip.subscription_state import NOTIFY_WAIT, SUBSCRIBER, TERMINATED
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent, Targets
    from vox6.sip.message import Request, Response
    from vox6.sip.registration import Account

    Peer = tuple[bytes, int]

_RETRY_FIRST = const(30000)  # ms until a failed subscription is tried again, doubled each time
_RETRY_LAST = const(600000)
_MAX_TRIES = const(3)  # SUBSCRIBE requests for one 423 after the other
_MAX_FORKS = const(4)  # notifiers that may answer one SUBSCRIBE
_FORKS = (
    "dialog",
    "message-summary",
)  # packages whose SUBSCRIBE several may answer (their sections "forked")
_NEVER = ("rejected", "noresource", "invariant")  # reasons after which nobody asks again
_AT_ONCE = ("deactivated", "timeout")  # reasons after which one asks again at once
_TRY_LATER = (408, 480, 500, 502, 503, 504)


class Subscriber(Subscription):
    """A subscription of ours: made by `Agent.subscribe`, refreshed until `unsubscribe`.

    uri: whose state. wanted: seconds asked for. accept: media types of state that we read.
    """

    role = "subscriber"
    table = SUBSCRIBER

    def __init__(
        self,
        agent: "Agent",
        uri: str,
        package: str,
        peer: "Peer",
        account: "Account | None",
        transport: str,
        wanted: int,
        accept: "tuple[str, ...]",
    ) -> None:
        super().__init__(agent, package, None, account, transport, NOTIFY_WAIT)
        self.uri = uri
        self.target = uri  # where the notifier is, as far as its 2xx says
        self.peer = peer
        self.targets: "list[tuple[Peer, str]]" = []  # to ask when peer fails, see Agent.start
        self.wanted = wanted
        self.accept = accept
        self._leaving = False
        self._forked = False  # one that has ended does not ask all of them again
        self._exchange: "Exchange | None" = None
        self._opener: "Exchange | None" = None  # the SUBSCRIBE outside of dialogs
        self._granted = 0  # s, by the 2xx
        self._until = 0  # when it expires
        self._since = 0  # when it began, or began anew
        self._tries = 0
        self._retry = _RETRY_FIRST
        # what an action of the table needs from its event
        self._reason = ""
        self._after: "int | None" = None  # ms

    # -- commands

    def start(self, now: int) -> None:
        """Subscribe (called by the agent); LocalProtocolError as `Agent.subscribe`."""
        self._since = now
        self._tries = 0
        self._send(now, self.wanted)

    def unsubscribe(self, now: int) -> None:
        """End it; `SubscriptionEnded` follows, at the latest after Timer N."""
        if self.state == TERMINATED or self._leaving:
            self._leaving = True
            self.forget()
            return
        self._leaving = True
        if self.dialog is None:  # whoever answers still is told 481
            self._finish(now, "unsubscribed", 0)
            return
        self._refresh(now)

    def refresh(self, now: int) -> None:
        """Ask for the whole state again (section 4.4.3); LocalProtocolError: not subscribed."""
        if self.dialog is None or self._leaving:
            raise LocalProtocolError("not subscribed")
        self._refresh(now)

    # -- sending

    def _send(self, now: int, expires: int) -> None:
        agent = self.agent
        dialog = self.dialog
        if dialog is None:
            request = agent.create_request("SUBSCRIBE", self.uri, self.account)
            peer = self.peer
        else:
            request = dialog.create_request("SUBSCRIBE")
            peer = dialog.next_hop()
        user = agent.contact_user(self.account)
        request.add("Contact", agent.contact(user, self.transport, self.account))
        request.add("Event", self.event_header())
        request.add("Expires", "%d" % expires)
        request.add("Accept", ", ".join(self.accept))
        agent.describe(request)
        if self._exchange is not None:
            self._exchange.abandon()
        targets = self.targets if dialog is None else []
        exchange = Exchange(agent, self.account, dialog, self._answered, targets)
        exchange.send(request, peer, self.transport, now)
        self._exchange = exchange
        timers = agent.layer.timers
        if dialog is None:
            self.call_id = request.call_id
            self.local_tag = request.from_.tag or ""
            self._opener = exchange
            timers.set(self, "forks", now + 64 * agent.layer.t1)
        timers.cancel(self, "refresh")
        timers.set(self, "timer_n", now + 64 * agent.layer.t1)

    def _refresh(self, now: int) -> None:
        try:
            self._send(now, 0 if self._leaving else self.wanted)
        except LocalProtocolError:  # no address now, or too many transactions
            if self._leaving:
                self._fail(now, "unsubscribed", None)
            else:
                self.agent.layer.timers.set(self, "refresh", now + 5000)

    def readdress(self, now: int) -> None:
        """Show the notifier our new address, or ask once more from there."""
        if self.state == TERMINATED:
            return
        if self.dialog is not None:
            self._refresh(now)
            return
        try:
            self.start(now)
        except LocalProtocolError:
            self._fail(now, reason_phrase(503), self._retry)

    # -- responses to SUBSCRIBE

    def _answered(self, status: int, response: "Response | None", now: int) -> None:
        opener = self._opener
        if opener is not None and opener.peer is not None:  # another target has answered
            self.peer = opener.peer
            self.transport = opener.transport
        if status < 300 and response is not None:
            self._granted = self.wanted
            try:
                contact = response.contact()
                if contact is not None and contact.uri.scheme in ("sip", "sips"):
                    self.target = contact.uri_text
                expires = response.number("expires")
                if expires is not None:
                    self._granted = min(expires, self.wanted)
            except FormatError:
                self.agent.layer.count("malformed_responses")
            if self._leaving:
                return  # the last NOTIFY comes, or Timer N ends it
            if status == 204:  # RFC 5839: no NOTIFY will come
                self.agent.layer.timers.cancel(self, "timer_n")
            if self.state != NOTIFY_WAIT:
                self._set_expiry(self._granted, now)
            return
        if self._leaving:
            self._fail(now, "unsubscribed", None)
            return
        self._tries += 1
        if status == 423 and response is not None and self._tries < _MAX_TRIES:
            try:
                minimum = response.number("min-expires") or 0
            except FormatError:
                minimum = 0
            if self.wanted < minimum <= 604800:
                self.wanted = minimum
                self._refresh(now)
                return
        after = None if response is None else response.retry_after()
        if self.state != NOTIFY_WAIT and status not in ENDING:
            # what was agreed stands until it expires (section 4.1.2.2); ask again meanwhile
            timers = self.agent.layer.timers
            timers.cancel(self, "timer_n")
            delay = max((self._until - now) // 2, 5000) if after is None else 1000 * after
            timers.set(self, "refresh", now + delay)
            return
        again = None
        if after is not None:
            again = min(max(1000 * after, 1000), _RETRY_LAST)
        elif status in _TRY_LATER or self.state != NOTIFY_WAIT:
            again = self._retry
        phrase = reason_phrase(status)
        if response is not None:
            phrase = response.reason or phrase
        self._fail(now, phrase, again)

    def _fail(self, now: int, reason: str, after: "int | None") -> None:
        self._reason = reason
        self._after = after
        self.step("failure", now)

    # -- NOTIFY

    def is_open_to_forks(self) -> bool:
        """Return whether another notifier may answer the SUBSCRIBE that is out."""
        timers = self.agent.layer.timers
        forks = 0
        for other in self.agent.subscriptions:
            if other.call_id == self.call_id and other.role == "subscriber":
                forks += 1
        return self.package in _FORKS and forks < _MAX_FORKS and timers.running(self, "forks")

    def fork(self) -> "Subscriber":
        """Return one more subscription for another notifier that answered (section 4.1.4)."""
        other = Subscriber(
            self.agent,
            self.uri,
            self.package,
            self.peer,
            self.account,
            self.transport,
            self.wanted,
            self.accept,
        )
        other.call_id = self.call_id
        other.local_tag = self.local_tag
        other._opener = self._opener
        other._granted = self._granted
        other._forked = True
        other.add()
        return other

    def establish(self, dialog: Dialog) -> None:
        """Take the dialog that the first NOTIFY makes (section 4.4.1)."""
        if self._opener is not None:
            dialog.local_sequence = self._opener.sequence
        self.dialog = dialog

    def receive(self, value: SubscriptionState, request: "Request", now: int) -> None:
        """Take a NOTIFY that was found to be ours and is answered."""
        timers = self.agent.layer.timers
        fresh = self.state == NOTIFY_WAIT
        if not self._leaving:
            timers.cancel(self, "timer_n")
        self._reason = value.reason
        self._after = self._retry_delay(value, now)
        if value.state != "terminated":  # a word that we do not know means that it stands
            self.step("pending" if value.state == "pending" else "active", now)
            expires = value.expires
            if expires is None and fresh:
                expires = self._granted or self.wanted
            if expires is not None and not self._leaving:
                self._set_expiry(min(expires, self.wanted), now)
        if request.body:
            self._take_state(request, now)
        if value.state == "terminated":
            self.step("terminated", now)

    def _take_state(self, request: "Request", now: int) -> None:
        self.agent.emit(
            events.NotifyReceived(self, self.package, request.content_type(), request.body)
        )

    def _retry_delay(self, value: SubscriptionState, now: int) -> "int | None":
        """Return in how many ms to subscribe anew (the reasons of section 4.1.3), None: never."""
        if value.reason in _NEVER:
            return None
        if value.reason in _AT_ONCE:
            # one who ends it again and again does not make us ask without end
            return 0 if now - self._since >= _RETRY_FIRST else _RETRY_FIRST
        if value.retry_after is not None:
            return max(1000 * value.retry_after, 1000)
        return self._retry

    def _set_expiry(self, expires: int, now: int) -> None:
        # refreshed with a tenth or 32 s (timer F) in hand, but at half time at the earliest
        margin = max(expires // 10, 32)
        delay = max(expires - margin, expires // 2, 1)
        self._until = now + 1000 * expires
        timers = self.agent.layer.timers
        timers.set(self, "refresh", now + 1000 * delay)
        timers.set(self, "expired", self._until)

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        if name == "forks":
            return
        if name in ("timer_n", "expired"):
            self._reason = "unsubscribed" if self._leaving else "no NOTIFY"
            self._after = self._retry
        self.step(name, now)

    # -- actions

    def _do_established(self, now: int) -> None:
        self._retry = _RETRY_FIRST
        self.agent.emit(events.Subscribed(self))

    def _do_refresh(self, now: int) -> None:
        self._tries = 0
        self._refresh(now)

    def _do_ended(self, now: int) -> None:
        self._finish(now, self._reason, self._after)

    def _do_retry(self, now: int) -> None:
        try:
            self.start(now)
        except LocalProtocolError:
            self._fail(now, reason_phrase(503), self._retry)

    def _finish(self, now: int, reason: str, after: "int | None") -> None:
        self.state = TERMINATED
        self.dialog = None
        self.agent.layer.timers.cancel(self)
        if self._exchange is not None:
            self._exchange.abandon()
            self._exchange = None
        if self._leaving or self._forked:
            after = None
        if after is None:
            self.forget()
        else:
            if after == self._retry:
                self._retry = min(2 * self._retry, _RETRY_LAST)
            self.agent.layer.timers.set(self, "retry", now + after)
        self.agent.emit(events.SubscriptionEnded(self, reason, after))


def subscribe(
    agent: "Agent",
    uri: str,
    package: str,
    peer: "Peer",
    now: int,
    expires: int,
    account: "Account | None",
    accept: "tuple[str, ...]",
    transport: str,
    targets: "Targets" = (),
) -> Subscriber:
    """Subscribe, as `Agent.subscribe`."""
    if not agent.is_reachable():
        raise LocalProtocolError("no local address")
    if not accept:
        own = TYPES.get(package)
        if own is None:
            raise LocalProtocolError("no media type for the package")
        accept = (own,)
    one = Subscriber(agent, uri, package, peer, account, transport, expires, accept)
    one.targets = list(targets)
    one.add()
    try:
        one.start(now)
    except LocalProtocolError:
        one.forget()
        raise
    return one
