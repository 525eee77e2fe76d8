# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The address that an info gives: its lifetime, its changes and their damping (C-3, 6.5)."""

from vox6.wire import const

from . import events, messages
from .search import SHORTEST
from .selection import WAIT_FIRST, Selection
from .settings import Settings
from .state import ACCEPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_ACCEPT_TRIES = const(3)  # C-3
_DEFAULT_INTERVAL = const(30)  # seconds, of a server that names no interval
_CHANGES_WINDOW = const(600000)  # ms
_CHANGES_TOLD = const(4)  # changes of the address in it; more are told
_CHANGES_STOP = const(10)
_UNSTABLE_INTERVAL = const(20)  # seconds
_STOP_WAIT = const(900000)  # ms
_SEARCH_AFTER = const(60000)  # ms of a tunnel that works until the search begins
_SEARCH_AGAIN = const(3600000)  # ms after a keepalive that was found has failed


class Lease(Selection):
    """Takes what a server grants."""

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        super().__init__(random, settings)
        self._lifetime = 0
        self._dns: "bytes | None" = None
        self._changes: "list[int]" = []
        self._told_changes = False

    def _do_configure(self, now: int, reply: messages.Reply) -> str:
        """Take what info tells; data flows from here on (C-3)."""
        info = reply.info
        if info is None or self.server is None:
            return self._take_server(now)
        old = self.address
        self._wait = WAIT_FIRST
        self._reopened = False
        self.address = info.client_ipv6
        self.interval = info.interval or _DEFAULT_INTERVAL  # MUST keep to it (section 5)
        self._paths.interval = 750 * self.interval
        self._keepalive_address = info.keepalive_address or info.server_ipv6
        self._lifetime = max(1, info.lifetime)
        self._dns = info.dns_server
        life = 60000 * self._lifetime
        self._timers["lifetime"] = now + life * 3 // 4 + self._number(4) % (life // 4 + 1)
        if old != self.address:
            self._paths.clear(self.address)
            self._search = None
            if old is not None:
                self._event(events.AddressChanged(old, self.address))
                if self._too_many_changes(now):
                    return self._wait_for_servers(now, _STOP_WAIT, _STOP_WAIT)
            self._event(
                events.TunnelUp(
                    self.address,
                    self.server,
                    self.interval,
                    self._lifetime,
                    self._dns,
                    self._keepalive_address,
                )
            )
            if self._wish == SHORTEST and self.settings.search:
                self._timers["search"] = now + _SEARCH_AFTER
        self._traffic_at = now
        self._begin_keepalive(now)
        self._request(messages.TunnelRequest("accept").emit(), now, _ACCEPT_TRIES)
        return ACCEPT

    def _too_many_changes(self, now: int) -> bool:
        """Damping (section 6.5): return whether to stop for a while."""
        self.counters["changes"] += 1
        self._changes = [when for when in self._changes if now - when < _CHANGES_WINDOW]
        self._changes.append(now)
        count = len(self._changes)
        if count >= _CHANGES_STOP:
            self._changes = []
            self._event(events.MappingUnstable(count))
            return True
        if count > _CHANGES_TOLD:
            self._told_changes = True
            self._wish = _UNSTABLE_INTERVAL
            self._event(events.MappingUnstable(count))
        return False

    def _do_create_after_loss(self, now: int, reply: None) -> None:
        """Three echoes are lost: what was found of longer keepalives holds no more (X-9)."""
        if self._wish > SHORTEST:
            self._wish = SHORTEST
            self._timers["search"] = now + _SEARCH_AGAIN
        self._search = None
        self._do_create(now, None)

    def _search_due(self, now: int) -> None:
        if self.address is not None and self.settings.search and not self._told_changes:
            self._begin_search(now)
