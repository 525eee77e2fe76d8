# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The server as an engine: signalling and data plane, no table of clients (pubtsp.md, D-1, D-3).

Each datagram is answered from its own contents and the source that is seen. What is kept:
configuration, keys, counters, token buckets (section 7.8). A server that is restarted, or another
one with the same configuration, goes on in the middle of everything.
"""

from vox6.wire import const

from . import ipv6, rules
from .address import is_mapped, mapped
from .answers import Answers
from .flows import EXTENSIONS, Flows
from .limits import Bucket, Limiter
from .rules import (
    DOWN,
    DROP,
    ERROR_DOWN,
    ERROR_UP,
    IGNORE,
    REFUSED,
    SIGNALLING,
    UP,
    Config,
    Rules,
    Verdict,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    Peer = tuple[bytes, int]

_DAY = const(1440)  # minutes, the lifetime unless set
_KEEPALIVE_MIN = const(20)  # seconds, section 5
_KEEPALIVE_DEFAULT = const(30)
_KEEPALIVE_MAX = const(3600)
_ERROR_RATE = const(10)  # ICMPv6 errors a second for each source, and as many at once (section 7)
_ERROR_TOTAL = const(1000)
_STRANGER_RATE = const(10)  # errors of D5 a second in total
_RATE_TOTAL = const(1024)  # times packet_rate: what all sources together may have
_MAX_OUTPUT = const(256)  # the driver drains after each call; a call makes one
_COUNTERS = (
    "received",
    "received_up",
    "echoes",
    "up",
    "down",
    "errors",
    "limited",  # errors that the buckets forbade
    "foreign_family",  # peers that are not IPv4
    "dropped_output",
)


class Server(Answers):
    """One prefix behind one IPv4 address.

    config: rules.Config. lifetime: minutes. keepalive: (least, default, most) in seconds. dns:
    16 octets of a resolver that clients are told, or None. salt: a random number. error_rate:
    ICMPv6 errors a second for each source, 0 for none at all (section 10). packet_rate: packets a
    second from and to each IPv4 address (D-11), 0 for no limit. flows: how many pairs of addresses
    are remembered for batches (flows.py). Verbs as of every engine, and for the IPv6 side
    receive_packet() and packets_to_send(). There are neither timers nor events.
    """

    def __init__(
        self,
        config: Config,
        lifetime: int = _DAY,
        keepalive: "tuple[int, int, int]" = (_KEEPALIVE_MIN, _KEEPALIVE_DEFAULT, _KEEPALIVE_MAX),
        dns: "bytes | None" = None,
        salt: int = 0,
        error_rate: int = _ERROR_RATE,
        packet_rate: int = 0,
        flows: int = 0,
    ) -> None:
        super().__init__(config, lifetime, keepalive, dns, salt)
        self.rules = Rules(config)
        for name in _COUNTERS:
            self.counters[name] = 0
        self._errors = Limiter(error_rate, error_rate, _ERROR_TOTAL, salt)
        self._rate: "Limiter | None" = None
        if packet_rate:
            self._rate = Limiter(packet_rate, packet_rate, packet_rate * _RATE_TOTAL, salt)
        self._flows = Flows(self.addresses, flows if config.kernel_forwards else 0)
        self._strangers = Bucket(_STRANGER_RATE, _STRANGER_RATE)
        self._datagrams: "list[tuple[bytes, Peer, int]]" = []
        self._packets: "list[bytes]" = []

    # verbs

    def receive_datagram(self, data: bytes, peer: "Peer", now: int, tos: int = 0) -> None:
        """Take a datagram of the socket; tos: its outer traffic class, 0 if unknown."""
        self.counters["received"] += 1
        if not is_mapped(peer[0]):
            self.counters["foreign_family"] += 1
            return
        v4 = peer[0][12:]
        verdict = self.rules.from_tunnel(data, v4, peer[1], tos)
        action = verdict.action
        if action == SIGNALLING or action == REFUSED:
            reply = self.answer(data, peer, now, action == REFUSED)
            if reply is not None:
                self._send(reply, peer, 0)
            return
        if action == UP and verdict.packet is data:
            self._flows.learn(self._flows.up(), data, peer)
        self.apply(verdict, v4, now)

    def receive_packet(self, packet: bytes, now: int) -> None:
        """Take a packet of the IPv6 side."""
        self.counters["received_up"] += 1
        verdict = self.rules.to_tunnel(packet)
        if verdict.action == DOWN and verdict.packet is packet:
            peer = (mapped(verdict.ipv4), verdict.port)
            self._flows.learn(self._flows.down(), packet, peer)
        self.apply(verdict, packet[8:16], now)

    def receive_datagrams(self, datagrams: "list[tuple[bytes, Peer, int]]", now: int) -> None:
        """Take what one reading of the socket gave: [(data, peer, tos)], 256 at most.

        The same as receive_datagram() for each, faster: what a packet's addresses decide is
        remembered (U1, U4, deny, U6, U7, U9), the rest looked at here (U2, U3, U5, ECN, U8).
        """
        known, packets, plain, rate = self._flows.up(), self._packets, 0, self._rate
        for one in datagrams:
            data, peer, tos = one
            if (
                known.get(data[8:40]) == peer
                and data[7] > 1
                and not tos & 3
                and data[6] not in EXTENSIONS
                and len(data) == (data[4] << 8 | data[5]) + ipv6.HEADER <= ipv6.MTU
                and data[0] >> 4 == 6
                and len(packets) < _MAX_OUTPUT
            ):
                if rate is None or rate.take(peer[0][12:], now):
                    packets.append(data)
                    plain += 1
                else:
                    self._limited("received")
            else:
                self.receive_datagram(data, peer, now, tos)
                known = self._flows.up()
        self.counters["received"] += plain
        self.counters["up"] += plain

    def receive_packets(self, packets: "list[bytes]", now: int) -> None:
        """Take what one reading of the IPv6 side gave, 256 packets at most.

        The same as receive_packet() for each, faster: D2 to D6 are remembered, the rest is looked
        at here (D1, D7, D8, the traffic class).
        """
        known, out, plain, rate = self._flows.down(), self._datagrams, 0, self._rate
        mask = 0xFF if self.config.copy_dscp else 3
        for packet in packets:
            peer = known.get(packet[8:40])
            if (
                peer is not None
                and packet[7]
                and len(packet) == (packet[4] << 8 | packet[5]) + ipv6.HEADER <= ipv6.MTU
                and packet[0] >> 4 == 6
                and len(out) < _MAX_OUTPUT
            ):
                if rate is None or rate.take(peer[0][12:], now):
                    out.append((packet, peer, ((packet[0] & 15) << 4 | packet[1] >> 4) & mask))
                    plain += 1
                else:
                    self._limited("received_up")
            else:
                self.receive_packet(packet, now)
                known = self._flows.down()
        self.counters["received_up"] += plain
        self.counters["down"] += plain

    def receive_icmpv4(self, quoted: bytes, peer: "Peer", now: int) -> None:
        """Take the news that a datagram did not arrive (section 7.7); it changes nothing here.

        quoted: the inner packet as far as it came back. peer: where it was sent.
        """
        if is_mapped(peer[0]):
            self.apply(self.rules.translated(quoted, peer[0][12:], peer[1]), quoted[8:16], now)

    def handle_timer(self, now: int) -> None:
        """Do nothing: there is no timer."""

    def get_timer(self) -> "int | None":
        """Return None."""
        return None

    def next_event(self) -> "object | None":
        """Return None: nothing happens to a server without state."""
        return None

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer, int]]":
        """Return [(data, peer, outer traffic class)], from the service address and port 3653."""
        out = self._datagrams
        self._datagrams = []
        return out

    def packets_to_send(self) -> "list[bytes]":
        """Return packets for the IPv6 side."""
        out = self._packets
        self._packets = []
        return out

    def debug(self) -> str:
        """Return one line for people."""
        moved = [name + "=%d" % count for name, count in self.counters.items() if count]
        return "pubtsp server, tag %s%s: %s" % (
            self.addresses.mode,
            ", draining" if self._brokers is not None else "",
            " ".join(sorted(moved)),
        )

    # data plane

    def _count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def _limited(self, received: str) -> None:
        """Count a packet of a batch that packet_rate forbids."""
        self.counters[received] += 1
        self._count("drop_rate")

    def _send(self, data: bytes, peer: "Peer", tos: int) -> None:
        if len(self._datagrams) >= _MAX_OUTPUT:
            self.counters["dropped_output"] += 1
            return
        self._datagrams.append((data, peer, tos))

    def apply(self, verdict: Verdict, source: bytes, now: int) -> None:
        """Do what a verdict says; source: whose bucket pays for an error."""
        action = verdict.action
        if self._rate is not None and (action == UP or action == DOWN):
            if not self._rate.take(verdict.ipv4 if verdict.rule == "D9" else source, now):
                self._count("drop_rate")
                return
        if action == UP:
            if verdict.rule == "D3":
                self.counters["echoes"] += 1
            self._write(verdict.packet)
        elif action == DOWN:
            if verdict.rule == "U7":
                self.counters["echoes"] += 1
            self.counters["down"] += 1
            self._send(verdict.packet, (mapped(verdict.ipv4), verdict.port), verdict.tos)
        elif action == ERROR_DOWN or action == ERROR_UP:
            self._count("drop_" + verdict.rule)
            if verdict.rule == "D5" and not self._strangers.take(now):
                self.counters["limited"] += 1
                return
            if not self._errors.take(source, now):
                self.counters["limited"] += 1
                return
            self.counters["errors"] += 1
            octets = self.rules.error(verdict)
            if action == ERROR_UP:
                self._write(octets)
            else:
                self._send(octets, (mapped(verdict.ipv4), verdict.port), 0)
        elif action == IGNORE:
            self._count("keepalives")
        elif action == DROP:
            nibble = verdict.rule == "U2"
            self._count("drop_nibble" if nibble else "drop_" + verdict.rule)

    def _write(self, packet: bytes) -> None:
        if len(self._packets) >= _MAX_OUTPUT:
            self.counters["dropped_output"] += 1
            return
        self.counters["up"] += 1
        self._packets.append(packet)


__all__ = ["Config", "Server", "rules"]
