# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Servers in their order: names, refusals, referrals, other sockets, waits (2.3, 3.5, 5, 6.1)."""

from vox6.wire import const

from . import events, messages
from .address import SERVER_PORT, mapped
from .packets import Packets
from .settings import Settings
from .signalling import VERSIONS
from .state import DOWN, HELLO, REOPEN, RESOLVE, UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Peer = tuple[bytes, int]
    Where = Peer | str

MAX_SERVERS = 32  # that are remembered in one go: configured and referred
WAIT_FIRST = 60000  # ms until servers are tried again, doubled (section 2.3)

_WAIT_LAST = const(900000)
_RESOLVE_WAIT = const(10000)  # ms for the driver to look up a name
_REOPEN_WAIT = const(10000)  # ms for the driver to open a socket
_BUSY_WAIT = const(30000)  # ms after 530, at least (section 3.5)
_HOPS = const(3)  # of referrals (section 3.5)


class Selection(Packets):
    """Chooses the server, and leaves it."""

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        super().__init__(random, settings)
        self._servers: "list[Where]" = []
        self._queue: "list[tuple[Where, int]]" = []  # (server, hops of referral)
        self._seen: "list[Where]" = []
        self._hops = 0
        self._wait = WAIT_FIRST
        # of the session with one server
        self._reopened = False
        self._reopened_for_port = False

    # the list

    def _enqueue(self, servers: "list[Where]", hops: int, first: bool = False) -> None:
        """Add servers, none of them twice (section 3.5)."""
        fresh = []
        for server in servers:
            if server not in self._seen and len(self._seen) < MAX_SERVERS:
                self._seen.append(server)
                fresh.append((server, hops))
        self._queue = fresh + self._queue if first else self._queue + fresh

    def _take_server(self, now: int) -> str:
        """Begin with the next server of the list; return the state."""
        self._requester.cancel()
        self._timers.pop("reopen", None)
        self._drop("no server")
        if not self._queue:
            return self._wait_for_servers(now, self._wait)
        where, hops = self._queue[0]
        if isinstance(where, str):
            self._timers["resolve"] = now + _RESOLVE_WAIT
            self._event(events.NameWanted(where))
            return RESOLVE
        self._queue.pop(0)
        self._hops = hops
        self.server = where
        self._requester.reset()
        self._version = 0
        self._quick = self.settings.quick_start
        self._reopened = False
        self._reopened_for_port = False
        return self._open_session(now)

    def _wait_for_servers(self, now: int, delay: int, least: int = 0) -> str:
        """All failed: wait, +-25 % (section 2.3), and not less than least."""
        self._wait = min(2 * self._wait, _WAIT_LAST)
        delay = delay * 3 // 4 + self._number(4) % (delay // 2 + 1)
        delay = max(delay, least)  # more than the 30 s after 530 in any case
        self._timers["retry"] = now + delay
        self._drop("no server")
        self.server = None
        self._event(events.Waiting(delay))
        return DOWN

    def _do_first_server(self, now: int, reply: None) -> str:
        self._seen = []
        self._queue = []
        self._enqueue(self._servers, 0)
        return self._take_server(now)

    def _do_next_server(self, now: int, reply: "messages.Reply | None" = None) -> str:
        if self.state == RESOLVE and self._queue:
            self._queue.pop(0)
        return self._take_server(now)

    def _do_names(self, now: int, reply: None) -> str:
        self._timers.pop("resolve", None)
        return self._take_server(now)

    # another socket

    def _do_fail_server(self, now: int, reply: None) -> str:
        """No answer: if the tunnel was up a new socket first, then the next server (section 5)."""
        if self.address is not None and not self._reopened:
            self._reopened = True
            return self._reopen("no answer", now)
        return self._take_server(now)

    def _reopen(self, reason: str, now: int) -> str:
        self._requester.cancel()
        self._drop(reason)
        self._timers["reopen"] = now + _REOPEN_WAIT
        self._event(events.SocketWanted(reason))
        return REOPEN

    def _do_again(self, now: int, reply: None) -> str:
        self._timers.pop("reopen", None)
        return self._open_session(now)

    # refusals

    def _do_hello_refused(self, now: int, reply: messages.Reply) -> str:
        if reply.code == messages.UNSUPPORTED_VERSION and self._version + 1 < len(VERSIONS):
            self._version += 1
            self._request(messages.Version(VERSIONS[self._version]).emit(), now)
            return HELLO
        return self._do_refused(now, reply)

    def _do_create_refused(self, now: int, reply: messages.Reply) -> str:
        """Quick start falls back to step 1, unless the code tells more (X-4)."""
        clear = (
            reply.code == messages.BUSY
            or reply.code >= messages.REFERRAL
            or (reply.code == messages.SERVER_ERROR and messages.PORT_TEXT in reply.text)
        )
        if self._quick and not clear:
            self._quick = False
            return self._open_session(now)
        return self._do_refused(now, reply)

    def _do_refused(self, now: int, reply: messages.Reply) -> str:
        """React to a code (section 3.5)."""
        code = reply.code
        if self.server is not None:
            bug = code in (messages.INVALID_FORMAT, messages.INVALID_IPV4)
            self._event(events.ServerRefused(self.server, code, reply.text, bug))
        if code >= messages.REFERRAL:
            if self._hops < _HOPS:
                found: "list[Where]" = []
                for broker in reply.brokers:
                    found.append(
                        broker if isinstance(broker, str) else (mapped(broker), SERVER_PORT)
                    )
                self._enqueue(found, self._hops + 1, True)
        elif code == messages.BUSY:
            if self.address is not None:  # the tunnel stands: renew it later
                self._timers["lifetime"] = now + _BUSY_WAIT + self._number(2)
                return UP
        elif (
            code == messages.SERVER_ERROR
            and messages.PORT_TEXT in reply.text
            and not self._reopened_for_port
        ):
            self._reopened_for_port = True
            return self._reopen(messages.PORT_TEXT, now)
        return self._take_server(now)
