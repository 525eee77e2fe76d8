# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What subscriber and notifier of an event share (RFC 6665 sections 4.4, 4.5.2 and 8.2.1).

Event              =  ( "Event" / "o" ) HCOLON event-type *( SEMI event-param )
event-param        =  generic-param / ( "id" EQUAL token )
Subscription-State =  "Subscription-State" HCOLON substate-value *( SEMI subexp-params )
subexp-params      =  ("reason" EQUAL event-reason-value) / ("expires" EQUAL delta-seconds)
                      / ("retry-after" EQUAL delta-seconds) / generic-param
"""

from vox6.sip.headers import parse_number, parse_token_params
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.agent import Agent
    from vox6.sip.dialog import Dialog
    from vox6.sip.message import Message
    from vox6.sip.registration import Account

MAX_SUBSCRIPTIONS = 16  # of one engine, in both roles
MAX_NOTIFIERS = 8  # of these, for strangers who subscribe
_MAX_EXPIRES = const(604800)  # s, a week: longer is taken as this

# Responses to SUBSCRIBE and NOTIFY that end the subscription (sections 4.1.2.2 and 4.2.2).
ENDING = (404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604)

TYPES = {  # what a package's state is written in (RFC 4235 section 3.5, RFC 3842 section 3.5)
    "dialog": "application/dialog-info+xml",
    "message-summary": "application/simple-message-summary",
}


class Subscription:
    """One subscription, in either role.

    package, id: of the Event header; id: text or None. state: a name of subscription_state.py.
    dialog: None until a NOTIFY or 2xx has made it. account: whose it is, or None.
    """

    role = ""
    table: "dict[tuple[str, str], tuple[str, str]]" = {}

    def __init__(
        self,
        agent: "Agent",
        package: str,
        id: "str | None",
        account: "Account | None",
        transport: str,
        state: str,
    ) -> None:
        self.agent = agent
        self.package = package
        self.id = id
        self.account = account
        self.transport = transport
        self.state = state
        self.dialog: "Dialog | None" = None
        self.call_id = ""
        self.local_tag = ""

    def debug(self) -> str:
        """Return one line for people."""
        return "%s %s %s %s" % (self.role, self.package, self.state, self.call_id)

    def event_header(self) -> str:
        """Return the value of Event."""
        return self.package if self.id is None else self.package + ";id=" + self.id

    def is_event(self, package: str, id: "str | None") -> bool:
        """Return whether an Event header means this one (section 8.2.1)."""
        return self.package == package and self.id == id

    def find_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> "Dialog | None":
        """Return the dialog if a request with these belongs to it."""
        dialog = self.dialog
        if dialog is not None and dialog.matches(call_id, local_tag, remote_tag):
            return dialog
        return None

    def step(self, event: str, now: int) -> bool:
        """Take one event; return whether the table has it in this state."""
        entry = self.table.get((self.state, event))
        if entry is None:
            self.agent.layer.count("ignored_events")
            return False
        self.state = entry[1]
        getattr(self, "_do_" + entry[0])(now)
        return True

    def command(self, event: str, now: int) -> None:
        """Take one command of our user."""
        if not self.step(event, now):
            raise LocalProtocolError("no " + event + " in state " + self.state)

    def _do_nothing(self, now: int) -> None:
        pass

    def handle_timer(self, name: str, now: int) -> None:
        """Take the firing of a timer."""
        self.step(name, now)

    def readdress(self, now: int) -> None:
        """Our address has changed."""

    def add(self) -> None:
        """Put it among the agent's; LocalProtocolError: there are too many."""
        if len(self.agent.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise LocalProtocolError("too many subscriptions")
        self.agent.subscriptions.append(self)

    def forget(self) -> None:
        """Drop it."""
        self.agent.layer.timers.cancel(self)
        if self in self.agent.subscriptions:
            self.agent.subscriptions.remove(self)


def parse_event(message: "Message") -> "tuple[str, str | None]":
    """Return (package, id or None) of Event; ("", None) if there is none; FormatError."""
    text = message.get("event")
    if text is None:
        return "", None
    package, params = parse_token_params(text)
    for name, value in params:
        if name == "id":
            return package, value
    return package, None


class SubscriptionState:
    """The Subscription-State of a NOTIFY. expires, retry_after: s or None."""

    def __init__(
        self,
        state: str,
        reason: str = "",
        expires: "int | None" = None,
        retry_after: "int | None" = None,
    ) -> None:
        self.state = state
        self.reason = reason
        self.expires = expires
        self.retry_after = retry_after

    @staticmethod
    def parse(text: str) -> "SubscriptionState":
        """Return the value in text; FormatError if it is none. Long times are cut."""
        # liblinphone ends a transfer so; refused, its transferor would not learn of the end
        text = text.replace("reason=reason=", "reason=")
        state, params = parse_token_params(text)
        value = SubscriptionState(state)
        for name, param in params:
            if name == "reason":
                value.reason = (param or "").lower()
            elif name == "expires" and param is not None:
                value.expires = min(parse_number(param), _MAX_EXPIRES)
            elif name == "retry-after" and param is not None:
                value.retry_after = min(parse_number(param), _MAX_EXPIRES)
        return value

    def __str__(self) -> str:
        out = self.state
        if self.expires is not None:
            out += ";expires=%d" % self.expires
        if self.reason:
            out += ";reason=" + self.reason
        if self.retry_after is not None:
            out += ";retry-after=%d" % self.retry_after
        return out
