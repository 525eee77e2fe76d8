# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A bad link: a relay between a host (or board) and the bridge that delays, loses and picks out.

Frames are passed on as they are: addresses, ports and hop limits stay, nobody sees the relay.
"""

import heapq
import itertools
import os
import random
import select
import socket
import threading
import time
from types import TracebackType

from tools.lab.link import Link
from tools.lab.namespace import inside
from tools.lab.pcap import ipv6_packet, zrtp_type

ZRTP_TYPES = (
    *("Hello", "HelloACK", "Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK"),
)  # of a whole handshake in DH mode (RFC 6189 section 5)
_ETHERNET, _IPV4, _IPV6, _UDP = 14, 20, 40, 8
_TYPE_IPV4 = b"\x08\x00"
_NEXT_UDP = 17
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23
_ETH_P_ALL = 3
_FRAME_MAX = 65536
_QUEUE_MAX = 5000  # frames under way: 1 s of ten calls both ways
_URGENT = -10


def _udp_payload(frame: bytes) -> bytes | None:
    """The payload of a UDP datagram in an Ethernet frame, None if it is something else.

    Of one that PubTSP carries in UDP/IPv4 the inner payload, so that ZRTP is found in a tunnel.
    """
    packet = ipv6_packet(frame)
    if packet is not None:
        is_udp = packet[6] == _NEXT_UDP and len(packet) >= _IPV6 + _UDP
        return packet[_IPV6 + _UDP :] if is_udp else b"" if frame[12:14] == _TYPE_IPV4 else None
    if frame[12:14] != _TYPE_IPV4 or len(frame) < _ETHERNET + _IPV4 + _UDP:
        return None
    if frame[_ETHERNET + 9] != _NEXT_UDP:
        return None
    return frame[_ETHERNET + (frame[_ETHERNET] & 15) * 4 + _UDP :]


class Relay:
    """Between one port of the bridge and the bridge, from the with to its end.

    with Relay(lab, host.port) as relay:
        relay.delay_s = 0.05            # each way
        relay.loss = 0.1                # part of the UDP datagrams, each way by itself
        relay.drop("Commit")            # the next ZRTP message of this type, whoever sends it
        ...
        print(relay.seen, relay.dropped, relay.lost)
    """

    def __init__(self, lab: Link, port: str, *, seed: int = 1) -> None:
        """Prepare; the frames go this way from the with block on.

        lab: an open one; port: name of the port (Host.port, QEMUPhone.port); seed: of the losses.
        """
        self._lab = lab
        self._port = port
        self._dice = random.Random(seed)
        self.delay_s = 0.0
        self.loss = 0.0
        self.lost = 0  # datagrams, by chance
        self.passed = 0  # frames
        self.seen: list[tuple[float, str, str]] = []  # time.monotonic(), "out" or "in", type
        self.dropped: list[tuple[str, str]] = []  # "out" or "in", type of what drop() asked for
        self._wanted: list[tuple[str, str | None]] = []
        self._sockets: list[socket.socket] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def drop(self, kind: str, count: int = 1, direction: str | None = None) -> None:
        """Drop the next ZRTP messages of a type.

        kind: "Hello" ... "Conf2ACK"; direction: "out" what the port's own host sends, "in" what
        is sent to it, None both.
        """
        self._wanted += [(kind, direction)] * count

    def wants(self) -> int:
        """How many messages drop() still waits for."""
        return len(self._wanted)

    def clear(self) -> None:
        """A good link again; counts begin anew."""
        self.delay_s = self.loss = 0.0
        self.lost = self.passed = 0
        self._wanted, self.seen, self.dropped = [], [], []

    def __enter__(self) -> "Relay":
        inner = self._lab.splice(self._port)
        for name in (self._port, inner):
            with inside(self._lab.switch):
                raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            raw.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            raw.bind((name, _ETH_P_ALL))
            raw.setblocking(False)
            self._sockets.append(raw)
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2.0)
        for raw in self._sockets:
            raw.close()
        self._lab.unsplice(self._port)

    def _run(self) -> None:
        if os.geteuid() == 0:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _URGENT)
        outside, inside_ = self._sockets
        ways = {outside: ("out", inside_), inside_: ("in", outside)}
        under_way: list[tuple[float, int, bytes, socket.socket]] = []
        numbers = itertools.count()
        while not self._stop.is_set():
            wait = 0.1
            if under_way:
                wait = min(wait, max(0.0, under_way[0][0] - time.monotonic()))
            ready, _, _ = select.select(self._sockets, [], [], wait)
            now = time.monotonic()
            for raw in ready:
                direction, target = ways[raw]
                try:
                    frame = raw.recv(_FRAME_MAX)
                except OSError:
                    continue
                if len(under_way) < _QUEUE_MAX and self._may_pass(now, direction, frame):
                    heapq.heappush(under_way, (now + self.delay_s, next(numbers), frame, target))
            while under_way and under_way[0][0] <= time.monotonic():
                _, _, frame, target = heapq.heappop(under_way)
                try:
                    target.send(frame)
                    self.passed += 1
                except OSError:
                    self.lost += 1  # the other end has gone, or its queue is full

    def _may_pass(self, now: float, direction: str, frame: bytes) -> bool:
        """Whether a frame is passed on; counts it."""
        payload = _udp_payload(frame)
        if payload is None:
            return True
        kind = zrtp_type(payload)
        if kind is not None:
            self.seen.append((now, direction, kind))
            for wanted in self._wanted:
                if wanted[0] == kind and wanted[1] in (None, direction):
                    self._wanted.remove(wanted)
                    self.dropped.append((direction, kind))
                    return False
        if self.loss and self._dice.random() < self.loss:
            self.lost += 1
            return False
        return True


__all__ = ["ZRTP_TYPES", "Relay"]
