# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Configuration without addresses: Information-request (RFC 8415 sections 18.2.6 and 21.23)."""

from vox6.wire import const
from vox6.wire.errors import FormatError

from . import events, message, options
from .exchange import SEND, Exchange
from .message import Message
from .state import ASKING, IDLE, INFORMATION_TABLE, INFORMED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client import Client

_IRT_DEFAULT = const(86400)  # s, section 7.6; the most we wait, too: who forges lasts a day
_IRT_MINIMUM = const(600)


class Information:
    """One per client. exchange: the Information-request under way, None."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self.state = IDLE
        self.exchange: "Exchange | None" = None
        self.refresh: "int | None" = None

    def step(self, event: str, now: int, reply: "Message | None" = None) -> None:
        """Take an event; one that the table lacks is counted."""
        entry = INFORMATION_TABLE.get((self.state, event))
        if entry is None:
            self._client.counters["unexpected"] += 1
            return
        told = getattr(self, "_" + entry[0])(now, reply)
        self.state = entry[1] or told

    def stop(self) -> None:
        """Forget what is under way."""
        self.state = IDLE
        self.exchange = None
        self.refresh = None

    def timer(self) -> "int | None":
        """Return when handle_timer is due."""
        return self.exchange.deadline if self.exchange is not None else self.refresh

    def handle_timer(self, now: int) -> None:
        """Let time have passed until now."""
        if self.exchange is None and self.refresh is not None and self.refresh <= now:
            self.step("refresh", now)
        if self.exchange is not None and self.exchange.deadline <= now:
            if self.exchange.due(now) == SEND:
                self._client.transmit(self.exchange, None, [], now)

    def _ask(self, now: int, reply: "Message | None") -> None:
        self.refresh = None
        self.exchange = Exchange(message.INFORMATION_REQUEST, self._client.random, now)
        self.exchange.mrt = self._client.inf_max_rt

    def _take_reply(self, now: int, reply: Message) -> str:
        try:
            code, text = options.status_of(reply.options)
            refresh = options.number_of(reply.get(options.INFORMATION_REFRESH_TIME))
        except FormatError:
            self._client.counters["malformed"] += 1
            return ASKING
        if code != options.SUCCESS:
            self._client.event(events.StatusReceived(code, text))
            return ASKING
        self.exchange = None
        if refresh is None:
            refresh = _IRT_DEFAULT
        self.refresh = now + 1000 * min(max(refresh, _IRT_MINIMUM), _IRT_DEFAULT)
        self._client.configure(reply)
        return INFORMED
