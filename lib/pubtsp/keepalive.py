# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Keepalive: echoes, cheap keepalives and the search for a longer interval (section 5)."""

from vox6.wire import const

from . import events, ipv6
from .channel import CHEAP, SIDE
from .search import Search
from .settings import Settings
from .signalling import Signalling
from .state import ACCEPT, CREATE, SUSPECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_ECHO_WAIT = const(2000)  # ms between echoes without a reply (section 5)
_ECHOES = const(3)
_ECHO_AT_LEAST = const(5)  # times T: an echo goes out whatever the traffic


class Keepalive(Signalling):
    """Keeps the NAT's mapping, and finds out when it is gone."""

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        super().__init__(random, settings)
        self._wanted = True
        self._keepalive_address: "bytes | None" = None
        self._identifier = self._number(2)
        self._echo_sequence = 0
        self._echo_data = b""
        self._echoes_left = 0
        self._echo_at = 0
        self._traffic_at = 0
        self._altered = False
        self._search: "Search | None" = None

    # commands

    def set_wanted(self, wanted: bool, now: int) -> None:
        """Tell whether anything wants to be reached; if not there is no keepalive (section 5)."""
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if not wanted:
            for name in ("echo", "echo_wait", "cheap"):
                self._timers.pop(name, None)
        elif self.address is not None:
            self._begin_keepalive(now)

    def note_traffic(self, now: int) -> None:
        """The host's packets leave by another way than send_packet(): one went to the server."""
        self._traffic_at = now

    # echoes

    def _begin_keepalive(self, now: int) -> None:
        if self._wanted:
            self._send_echo(now, _ECHOES)
            self._arm_cheap(now)

    def _arm_echo(self, now: int) -> None:
        """Draw the next interval from 0.75 T to T (RFC 5572 section 4.6)."""
        whole = 1000 * self.interval
        self._timers["echo"] = now + whole * 3 // 4 + self._number(4) % (whole // 4 + 1)

    def _echo_due(self, now: int) -> None:
        """Send an echo, unless our own traffic keeps the mapping; at least each 5 T."""
        whole = 1000 * self.interval
        quiet = now - self._traffic_at
        oldest = self._echo_at + _ECHO_AT_LEAST * whole
        if quiet < whole * 3 // 4 and now < oldest:
            self._arm_echo(self._traffic_at)
            self._timers["echo"] = max(now + 1, min(self._timers["echo"], oldest))
            return
        self._send_echo(now, _ECHOES)

    def _send_echo(self, now: int, tries: int) -> None:
        """Send an Echo Request to the address of keepalive; tries: with this one."""
        if self.address is None or self._keepalive_address is None:
            return
        self._timers.pop("echo", None)
        self._timers["echo_wait"] = now + _ECHO_WAIT
        self._echoes_left = tries - 1
        self._echo_at = now
        self._echo_sequence = (self._echo_sequence + 1) & 0xFFFF
        if tries == _ECHOES:
            self._echo_data = self._random(8)
        self.counters["echoes"] += 1
        self._send_server(
            ipv6.echo_request(
                self.address,
                self._keepalive_address,
                self._identifier,
                self._echo_sequence,
                self._echo_data,
            )
        )

    def _echo_missed(self, now: int) -> None:
        self.counters["echoes_lost"] += 1
        if self._echoes_left > 0:
            if self.state == CREATE:
                return  # a reply to create or its absence will tell
            self._step("missed", now)
        elif self.state in (ACCEPT, SUSPECT):
            self._step("lost", now)

    def _is_own_echo(self, packet: bytes) -> bool:
        """Return whether a packet is the reply to our latest echo, wherever it says it goes."""
        return (
            self._echo_data != b""
            and packet[8:24] == self._keepalive_address
            and packet[44] << 8 | packet[45] == self._identifier
            and packet[48:] == self._echo_data
        )

    def _take_echo(self, packet: bytes, own: bytes, now: int) -> None:
        to = packet[24:40]
        if to != own:
            if to[:8] == own[:8] and to[12:] == own[12:] and not self._altered:
                self._altered = True  # section 6.5: the NAT alters payload
                self._event(events.PayloadAltered())
            else:
                self.counters["foreign"] += 1
            return
        if ipv6.checksum(packet[8:24], to, ipv6.ICMPV6, packet[40:]):
            self.counters["malformed"] += 1
            return
        if self.state == CREATE:
            # A sign of life, but the create goes on: it tells whether the address is the same.
            self._do_echoed(now, None)
        else:
            self._step("echoed", now)

    def _do_echo_again(self, now: int, reply: None) -> None:
        self._send_echo(now, self._echoes_left)

    def _do_echoed(self, now: int, reply: None) -> None:
        self._timers.pop("echo_wait", None)
        self._echo_data = b""
        if self._wanted:
            self._arm_echo(now)

    # cheap keepalives

    def _arm_cheap(self, now: int) -> None:
        if self.settings.cheap_ms:
            self._timers["cheap"] = now + self.settings.cheap_ms

    def _cheap_due(self, now: int) -> None:
        if self.server is not None:
            self._send(b"", self.server, CHEAP)
        self._arm_cheap(now)

    # the search

    def _begin_search(self, now: int) -> None:
        self._search = Search(self._number(4), now)
        self._search.handle_timer(now)
        self._after_search(now)

    def _after_search(self, now: int) -> None:
        """Send what the search wants, and take its result."""
        search = self._search
        if search is None or self.server is None:
            return
        for data in search.datagrams():
            self._send(data, self.server, SIDE)
        if search.done:
            self._search = None
            if search.found > self._wish:
                self._wish = search.found
                self._event(events.KeepaliveFound(search.found))
                self._step("renew", now)
