# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Packets of the host, by the server and straight to peers (sections 6.4, 6.5 and 12)."""

from vox6.wire import const

from . import events, inner, ipv6
from .address import is_mapped, mapped
from .channel import TUNNEL
from .keepalive import Keepalive
from .paths import DIRECT, Paths
from .settings import Settings
from .signalling import HINT_GAP
from .state import ACCEPT, SUSPECT, UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Peer = tuple[bytes, int]

_MAX_PACKETS = const(64)


class Packets(Keepalive):
    """Carries packets while there is an address."""

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        super().__init__(random, settings)
        self._packets: "list[bytes]" = []
        self._paths = Paths(random, self._emit_path, self._event, self._count)

    # commands

    def send_packet(self, packet: bytes, now: int) -> bool:
        """Send a packet of the host; return whether it left.

        It must have our address, and 1280 octets at most: the interface's MTU.
        """
        good = inner.cut(packet)
        if self.address is None or good is None or good[8:24] != self.address:
            self.counters["not_sent"] += 1
            return False
        address = good[24:40]
        peer = self._direct_peer(address)
        path = self._paths.reach(address, peer, now) if peer is not None else None
        if path is not None and path.state == DIRECT:
            self.counters["sent_direct"] += 1
            self._paths.note_sent(path, now)
            self._send(good, path.peer, TUNNEL)
            return True
        self.counters["sent_server"] += 1
        self._traffic_at = now
        self._send_server(good)
        return True

    def packets_received(self) -> "list[bytes]":
        """Return packets for the host that section 6.4 allows."""
        out = self._packets
        self._packets = []
        return out

    def reach(self, address: bytes, now: int) -> None:
        """Something is sent to an address: find a direct path if there may be one (X-13)."""
        peer = self._direct_peer(address)
        if peer is not None:
            self._paths.reach(address, peer, now)

    def note_path(self, address: bytes, sent: bool, received: bool, now: int) -> None:
        """Packets went straight to a peer, or came, by another way than send_packet()."""
        path = self._paths.find(address)
        if path is not None and path.state == DIRECT:
            if received:
                self._paths.note_received(path, now)
            if sent:
                self._paths.note_sent(path, now)

    def direct_paths(self) -> "list[tuple[bytes, Peer]]":
        """Return (address, peer) of the direct paths in use."""
        return self._paths.directs()

    # from the network

    def _receive_ipv6(self, data: bytes, peer: "Peer", now: int) -> None:
        packet = inner.cut(data)
        own = self.address
        if packet is None or own is None:
            self.counters["malformed" if packet is None else "foreign"] += 1
            return
        if peer != self.server:
            self._receive_direct(packet, own, peer, now)
            return
        kind = packet[40] if packet[6] == ipv6.ICMPV6 and len(packet) >= 48 else -1
        if kind == ipv6.ECHO_REPLY and self._is_own_echo(packet):
            self._take_echo(packet, own, now)
            return
        if not inner.from_server(packet, own):
            self.counters["foreign"] += 1
            return
        if kind == ipv6.REDIRECT:
            self.counters["redirects"] += 1
            return
        if kind == ipv6.UNREACHABLE and packet[41] == ipv6.POLICY and self._is_quoted(packet):
            self._take_hint(now)
            return
        nonce = inner.probe_nonce(packet)
        if nonce is not None:
            direct = self._direct_peer(packet[8:24])
            if direct is not None and kind == ipv6.ECHO_REQUEST:
                self._paths.reach(packet[8:24], direct, now)
                self._paths.receive(packet, nonce, None, now)
            return
        self.counters["received_server"] += 1
        self._deliver(packet)

    def _receive_direct(self, packet: bytes, own: bytes, peer: "Peer", now: int) -> None:
        """Take a packet of somebody who is not the server (X-13)."""
        if not self.settings.direct or not is_mapped(peer[0]):
            self.counters["strangers"] += 1
            return
        if self._direct_peer(packet[8:24]) != peer or not inner.from_peer(
            packet, own, self._prefixes(), peer[0][12:], peer[1]
        ):
            self.counters["strangers"] += 1
            return
        nonce = inner.probe_nonce(packet)
        if nonce is not None:
            if packet[40] == ipv6.ECHO_REQUEST:
                self._paths.reach(packet[8:24], peer, now)
            self._paths.receive(packet, nonce, peer, now)
            return
        if packet[6] == ipv6.ICMPV6 and packet[40:41] == b"\x89":  # a Redirect
            self.counters["redirects"] += 1
            return
        path = self._paths.find(packet[8:24])
        if path is not None:
            self._paths.note_received(path, now)
        self.counters["received_direct"] += 1
        self._deliver(packet)

    def _deliver(self, packet: bytes) -> None:
        if len(self._packets) >= _MAX_PACKETS:
            self.counters["dropped_packets"] += 1
            return
        self._packets.append(packet)

    def _is_quoted(self, packet: bytes) -> bool:
        """Return whether an error quotes a packet of ours."""
        quoted = packet[48:]
        return len(quoted) >= 24 and quoted[0] >> 4 == 6 and quoted[8:24] == self.address

    def _take_hint(self, now: int) -> None:
        """ICMPv6 1/5: create, at most each 2 s; its reply decides (X-11, X-12)."""
        self.counters["hints"] += 1
        if self.state not in (ACCEPT, UP, SUSPECT):
            return
        if now - self._hinted_at >= HINT_GAP:
            self._step("renew", now)
        elif "hint" not in self._timers:
            self._timers["hint"] = self._hinted_at + HINT_GAP

    # paths

    def _direct_peer(self, address: bytes) -> "Peer | None":
        if not self.settings.direct or self.address is None:
            return None
        found = inner.direct_peer(address, self.address, self._prefixes(), self.settings.policy)
        if found is None or (self.server is not None and mapped(found[0]) == self.server[0]):
            return None
        return mapped(found[0]), found[1]

    def _prefixes(self) -> "tuple[bytes, ...]":
        own = (self.address or b"")[:8]
        return (own,) + self.settings.prefixes

    def _emit_path(self, packet: bytes, peer: "Peer | None") -> None:
        if peer is None:
            self._send_server(packet)
        else:
            self._send(packet, peer, TUNNEL)

    # the end

    def _drop(self, reason: str) -> None:
        """The tunnel carries nothing any more."""
        for name in ("echo", "echo_wait", "cheap", "lifetime", "hint", "search"):
            self._timers.pop(name, None)
        self._search = None
        if self.address is not None:
            self.address = None
            self._paths.clear(b"")
            self._event(events.TunnelDown(reason))
