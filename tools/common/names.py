# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The driver of lib/dns for programs with a poll loop: questions by UDP over IPv4 and IPv6.

names = Names(random, loop)
names.set_servers(resolv_conf(path)[0])
names.resolve("tsp.example.net", rdata.A, lambda records, reason: ...)
"""

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vox6.dns import events, rdata
from vox6.dns.name import canonical
from vox6.dns.resolver import Resolver
from vox6.pubtsp.address import is_mapped, mapped
from vox6.wire.errors import LocalProtocolError

from .driver import Loop, Timer

Peer = tuple[bytes, int]
Done = Callable[[list[rdata.Data], str], None]  # records, why there are none

_PORT = 53
_MAX_DOMAINS = 4
_LONGEST = 4096


class Names:
    """Asks DNS servers; random: returns so many octets."""

    def __init__(self, random: Callable[[int], bytes], loop: Loop) -> None:
        self.resolver = Resolver(random, stream=False)
        self._loop = loop
        self._timer: Timer | None = None
        self._sockets: dict[int, list[socket.socket]] = {}  # local port: of IPv4, of IPv6
        self._waiting: dict[tuple[str, int], list[Done]] = {}
        self._attendant: Callable[[object, int], None] | None = None

    def attend(self, attendant: Callable[[object, int], None]) -> None:
        """Let somebody who asks the resolver itself see each of its events, with the time."""
        self._attendant = attendant

    def drain(self) -> None:
        """Send what the resolver was asked by others than resolve()."""
        self._drain()

    def set_servers(self, servers: list[Peer]) -> None:
        """Ask these from now on, and forget what the ones before said."""
        self.resolver.cache.clear()
        self.resolver.set_servers(servers, self._loop.now())
        self._drain()

    def resolve(self, name: str, rtype: int, done: Done) -> None:
        """Look up; done(records, reason) is called once, maybe at once."""
        try:
            key = canonical(name), rtype
            self.resolver.resolve(name, rtype, self._loop.now())
        except LocalProtocolError as error:
            done([], str(error))
            return
        self._waiting.setdefault(key, []).append(done)
        self._drain()

    def cancel_all(self) -> None:
        """Give all lookups up; nobody is told."""
        for name, rtype in list(self._waiting):
            self.resolver.cancel(name, rtype)
        self._waiting.clear()
        self._drain()

    def _due(self) -> None:
        self._timer = None
        self.resolver.handle_timer(self._loop.now())
        self._drain()

    def _drain(self) -> None:
        while True:
            for data, peer, _, port in self.resolver.datagrams_to_send():
                self._send(data, peer, port)
            event = self.resolver.next_event()
            if event is None:
                break
            if self._attendant is not None:
                self._attendant(event, self._loop.now())
            if isinstance(event, events.Resolved):
                records, reason = list(event.records), ""
            elif isinstance(event, events.NotFound):
                records, reason = [], "no such record" if event.exists else "no such name"
            elif isinstance(event, events.ResolveFailed):
                records, reason = [], event.reason
            else:
                continue
            for done in self._waiting.pop((event.name, event.rtype), []):
                done(records, reason)
        self._close_unused()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.resolver.get_timer()
        if due is not None:
            self._timer = self._loop.call_at(due, self._due)

    def _send(self, data: bytes, peer: Peer, port: int) -> None:
        try:
            if port not in self._sockets:
                self._open(port)
            ours = self._sockets[port]
        except OSError:
            self.resolver.port_failed(port, self._loop.now())
            return
        try:
            if is_mapped(peer[0]):
                ours[0].sendto(data, (socket.inet_ntoa(peer[0][12:]), peer[1]))
            else:
                ours[-1].sendto(data, (str(ipaddress.IPv6Address(peer[0])), peer[1]))
        except OSError:
            self.resolver.server_failed(peer, "UDP", self._loop.now())

    def _open(self, port: int) -> None:
        opened: list[socket.socket] = []
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                one = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                opened.append(one)
                one.setblocking(False)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(("", port))
        except OSError:
            for one in opened:
                one.close()
            raise
        self._sockets[port] = opened
        for one in opened:
            self._loop.watch(one.fileno(), partial(self._receive, one, port))

    def _receive(self, one: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):  # none, or news of a closed port
            while one.fileno() >= 0:
                data, address = one.recvfrom(_LONGEST)
                host = ipaddress.ip_address(address[0].partition("%")[0])
                octets = mapped(host.packed) if host.version == 4 else host.packed
                now = self._loop.now()
                self.resolver.receive_datagram(data, (octets, address[1]), now, port)
        self._drain()

    def _close_unused(self) -> None:
        wanted = self.resolver.ports()
        for port in list(self._sockets):
            if port not in wanted:
                for one in self._sockets.pop(port):
                    self._loop.unwatch(one.fileno())
                    one.close()


def resolv_conf(path: Path) -> tuple[list[Peer], list[str]]:
    """Return (DNS servers, domains of the host) from a file as /etc/resolv.conf.

    Both are empty without a file. Link-local servers are left out: a peer has no interface.
    """
    servers: list[Peer] = []
    domains: list[str] = []
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return [], []
    for line in text.splitlines():
        words = line.partition("#")[0].partition(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            with contextlib.suppress(ValueError):
                host = ipaddress.ip_address(words[1])
                if not (host.version == 6 and host.is_link_local):
                    octets = mapped(host.packed) if host.version == 4 else host.packed
                    servers.append((octets, _PORT))
        elif words[0] in ("domain", "search"):
            domains = [word.rstrip(".") for word in words[1:] if word.rstrip(".")]
    return servers, domains[:_MAX_DOMAINS]
