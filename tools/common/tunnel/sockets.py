# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The UDP/IPv4 sockets under the tunnel (pubtsp.md section 2).

The tunnel's own is kept for the tunnel's life; DF is clear; the traffic class of each datagram is
that of the packet in it (RFC 6040 section 4.1); a cheap keepalive goes from the same port with a
small hop limit (X-2).
"""

import errno
import os
import socket
import struct

from vox6.pubtsp import header, ipv6
from vox6.pubtsp.client import CHEAP, SIDE, TUNNEL

from ..udp import Datagram, Peer, UDPSocket

_TRIES = 16  # ports from the kernel until one is good
_FIRST_PORT = 1024
_SERVER_PORT = 3653
_CE = 3  # congestion experienced (RFC 3168)


class Sockets:
    """Opens, sends, receives. tag: TUNNEL or SIDE, the second one of the keepalive search."""

    def __init__(self, cheap_hop_limit: int = 3) -> None:
        self._cheap = [(socket.IPPROTO_IP, socket.IP_TTL, struct.pack("i", cheap_hop_limit))]
        self._by_tag: dict[str, UDPSocket] = {}

    def open(self, tag: str) -> UDPSocket:
        """Open a socket; one of this tag that was open stays so, and is the caller's to close.

        It holds its port meanwhile, so that the new one has another.
        """
        self._by_tag[tag] = found = _bound()
        return found

    def get(self, tag: str) -> UDPSocket | None:
        """Return the open socket of a tag."""
        return self._by_tag.get(tag)

    def take(self, tag: str) -> UDPSocket | None:
        """Return the socket of a tag and forget it; it is the caller's to close."""
        return self._by_tag.pop(tag, None)

    def send(self, datagrams: list[tuple[bytes, Peer, str]]) -> None:
        """Send what the engine gives; whatever the host does not take is as if lost."""
        batches: dict[str, list[Datagram]] = {}
        for data, peer, tag in datagrams:
            if tag == CHEAP:
                self._send_cheap(data, peer)
                continue
            tos = ipv6.traffic_class(data) if len(data) > 1 and header.is_ipv6(data) else 0
            batches.setdefault(tag, []).append((data, peer, tos))
        for tag, batch in batches.items():
            udp = self._by_tag.get(tag)
            if udp is not None:
                udp.send(batch)

    def receive(self, tag: str) -> list[tuple[bytes, Peer]]:
        """Return what has come, a batch at most."""
        udp = self._by_tag.get(tag)
        if udp is None:
            return []
        return [(_congested(data, tos), peer) for data, peer, tos in udp.receive()]

    def lost(self) -> int:
        """How many datagrams the host did not take, of the sockets that are open."""
        return sum(
            udp.counters["not_sent"] + udp.counters["unreachable"] for udp in self._by_tag.values()
        )

    def _send_cheap(self, data: bytes, peer: Peer) -> None:
        udp = self._by_tag.get(TUNNEL)
        if udp is None:
            return
        with socket.socket(fileno=os.dup(udp.fileno())) as same:
            try:
                same.sendmsg([data], self._cheap, 0, (socket.inet_ntoa(peer[0][12:]), peer[1]))
            except OSError:
                pass  # no route, no room: the next one will do


def _congested(data: bytes, tos: int) -> bytes:
    """Tell the inner header what the outer one has learnt of congestion (RFC 6040 section 4.2)."""
    if tos & 3 == _CE and len(data) >= ipv6.HEADER and header.is_ipv6(data):
        if ipv6.traffic_class(data) & 3 in (1, 2):
            return ipv6.with_ecn(data, _CE)
    return data


def _bound() -> UDPSocket:
    """Return a socket with a port of the kernel's choice that section 2 allows."""
    bad: list[UDPSocket] = []
    try:
        for _ in range(_TRIES):
            found = UDPSocket("0.0.0.0", 0)
            if found.port >= _FIRST_PORT and found.port != _SERVER_PORT:
                return found
            bad.append(found)  # kept until another is found, so that it does not come again
    finally:
        for one in bad:
            one.close()
    raise OSError(errno.EADDRNOTAVAIL, "no free port from 1024 up that is not 3653")


__all__ = ["SIDE", "TUNNEL", "Sockets"]
