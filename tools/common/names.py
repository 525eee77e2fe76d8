# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The driver of lib/dns: questions by UDP over IPv4 and IPv6, on either interpreter.

names = Names(random, driver)
names.set_servers(resolv_conf("/etc/resolv.conf")[0])
names.resolve("tsp.example.net", rdata.A, lambda records, reason: ...)
"""

from vox6.dns import rdata
from vox6.dns.events import NotFound, Resolved, ResolveFailed
from vox6.dns.name import canonical
from vox6.dns.resolver import Resolver
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError
from vox6.wire.inet6 import parse_address, parse_ipv4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Peer = tuple[bytes, int]
    Done = Callable[[list[rdata.Data], str], None]  # records, why there are none

_PORT = const(53)
_MAX_DOMAINS = const(4)
_MAPPED = b"\0" * 10 + b"\xff\xff"
_ANY = (b"\0" * 16, _MAPPED + b"\0" * 4)  # of IPv6, of IPv4


class Names:
    """Asks DNS servers; random: returns so many octets; driver: now(), call_at() and udp()."""

    def __init__(self, random: "Callable[[int], bytes]", driver: "Any") -> None:
        self.resolver = Resolver(random, stream=False)
        self._driver = driver
        self._timer: "Any" = None
        self._ports: "dict[int, list[Any]]" = {}  # by local port, in the order of _ANY
        self._waiting: "dict[tuple[str, int], list[Done]]" = {}
        self._attendant: "Callable[[object, int], None] | None" = None

    def attend(self, attendant: "Callable[[object, int], None]") -> None:
        """Let somebody who asks the resolver itself see each of its events, with the time."""
        self._attendant = attendant

    def drain(self) -> None:
        """Send what the resolver was asked by others than resolve()."""
        self._drain()

    def set_servers(self, servers: "list[Peer]") -> None:
        """Ask these from now on, and forget what the ones before said."""
        self.resolver.cache.clear()
        self.resolver.set_servers(servers, self._driver.now())
        self._drain()

    def resolve(self, name: str, rtype: int, done: "Done") -> None:
        """Look up; done(records, reason) is called once, maybe at once."""
        try:
            key = canonical(name), rtype
            self.resolver.resolve(name, rtype, self._driver.now())
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
        self.resolver.handle_timer(self._driver.now())
        self._drain()

    def _drain(self) -> None:
        while True:
            for data, peer, _, port in self.resolver.datagrams_to_send():
                self._send(data, peer, port)
            event = self.resolver.next_event()
            if event is None:
                break
            if self._attendant is not None:
                self._attendant(event, self._driver.now())
            if isinstance(event, Resolved):
                records, reason = list(event.records), ""
            elif isinstance(event, NotFound):
                records, reason = [], "no such record" if event.exists else "no such name"
            elif isinstance(event, ResolveFailed):
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
            self._timer = self._driver.call_at(due, self._due)

    def _send(self, data: bytes, peer: "Peer", port: int) -> None:
        try:
            if port not in self._ports:
                self._open(port)
        except OSError:
            self.resolver.port_failed(port, self._driver.now())
            return
        is_ipv4 = peer[0].startswith(_MAPPED)
        if not self._ports[port][is_ipv4].send(data, _ANY[is_ipv4], peer[0], peer[1]):
            self.resolver.server_failed(peer, "UDP", self._driver.now())

    def _open(self, port: int) -> None:
        def received(data: bytes, local16: bytes, peer16: bytes, peer_port: int, _: int) -> None:
            self.resolver.receive_datagram(data, (peer16, peer_port), self._driver.now(), port)
            self._drain()

        opened: "list[Any]" = []
        try:
            for any16 in _ANY:
                opened.append(self._driver.udp(any16, port, received))
        except OSError:
            for one in opened:
                one.close()
            raise
        self._ports[port] = opened

    def _close_unused(self) -> None:
        wanted = self.resolver.ports()
        for port in list(self._ports):
            if port not in wanted:
                for one in self._ports.pop(port):
                    one.close()


def resolv_conf(path: str) -> "tuple[list[Peer], list[str]]":
    """Return (DNS servers, domains of the host) from a file as /etc/resolv.conf.

    Both are empty without a file. Link-local servers are left out: a peer has no interface.
    """
    servers: "list[Peer]" = []
    domains: "list[str]" = []
    try:
        with open(path, "rb") as file:
            octets = file.read()
    except OSError:
        return [], []
    for line in octets.split(b"\n"):
        words = line.partition(b"#")[0].partition(b";")[0].split()
        if len(words) < 2:
            continue
        try:
            if words[0] == b"nameserver":
                address = _address(words[1].decode())
                if address[0] != 0xFE or address[1] & 0xC0 != 0x80:
                    servers.append((address, _PORT))
            elif words[0] in (b"domain", b"search"):
                names = [word.decode().rstrip(".") for word in words[1:]]
                domains = [name for name in names if name]
        except (FormatError, UnicodeError):
            continue
    return servers, domains[:_MAX_DOMAINS]


def _address(text: str) -> bytes:
    """Return the 16 octets of an address; FormatError."""
    return parse_address(text) if ":" in text else _MAPPED + parse_ipv4(text)
