# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What every part of a client stands on: output, events, counters, the table (section 6.2)."""

from vox6.wire import const

from .settings import Settings
from .state import DOWN, TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .messages import Reply

    Peer = tuple[bytes, int]

TUNNEL = "tunnel"  # sockets: the one of the tunnel,
SIDE = "side"  # the second one of the keepalive search, opened when first used,
CHEAP = "cheap"  # the tunnel's, but with the smallest hop limit that passes our NAT

_MAX_OUTPUT = const(64)  # the driver drains after each call; a host's packets may come in bursts
_MAX_EVENTS = const(64)
_COUNTERS = (
    "sent",
    "received",
    "retransmissions",
    "strangers",  # datagrams of somebody who is neither server nor peer
    "false_replies",  # signalling that answers nothing of ours
    "malformed",
    "keepalives",
    "echoes",
    "echoes_lost",
    "hints",  # ICMPv6 1/5
    "changes",
    "foreign",  # packets that section 6.4 forbids
    "redirects",
    "sent_server",
    "sent_direct",
    "received_server",
    "received_direct",
    "not_sent",  # packets of the host that may not leave
    "unexpected",
    "rounds",
    "rounds_failed",
    "promoted",
    "demoted",
    "false_probes",
    "paths_full",
    "dropped_output",
    "dropped_events",
    "dropped_packets",
)


class Channel:
    """The lowest part of a client."""

    def __init__(
        self, random: "Callable[[int], bytes]", settings: "Settings | None" = None
    ) -> None:
        self.settings = settings or Settings()
        self.state = DOWN
        self.address: "bytes | None" = None
        self.server: "Peer | None" = None
        self.interval = 0
        self.counters = {name: 0 for name in _COUNTERS}
        self._random = random
        self._timers: "dict[str, int]" = {}
        self._out: "list[tuple[bytes, Peer, str]]" = []
        self._events: "list[object]" = []

    # the table

    def _step(self, event: str, now: int, reply: "Reply | None" = None) -> bool:
        entry = TABLE.get((self.state, event))
        if entry is None:
            self.counters["unexpected"] += 1
            return False
        told = getattr(self, "_do_" + entry[0])(now, reply)
        self.state = entry[1] or told
        return True

    # output

    def _send_server(self, packet: bytes) -> None:
        if self.server is not None:
            self._send(packet, self.server, TUNNEL)

    def _send(self, data: bytes, peer: "Peer", socket: str) -> None:
        if len(self._out) >= _MAX_OUTPUT:
            self.counters["dropped_output"] += 1
            return
        self.counters["sent"] += 1
        self._out.append((data, peer, socket))

    def _event(self, event: object) -> None:
        if len(self._events) >= _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)

    def _count(self, name: str) -> None:
        self.counters[name] += 1

    def _number(self, octets: int) -> int:
        return int.from_bytes(self._random(octets), "big")
