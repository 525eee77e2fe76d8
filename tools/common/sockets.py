# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The host's sockets, clock and signals behind one small interface, for Linux and CPython.

    driver = Driver()
    port = driver.udp(local16, 5060, received)
    port.send(b"...", local16, peer16, 5060, 0)
    driver.run()

`received(data, local16, peer16, peer_port, traffic_class)`. Addresses are 16 octets, those of IPv4
v4-mapped. A local address need not be one of the machine yet (IP_FREEBIND): it may be added later,
or the kernel may take a whole range for its own (`ip route add local RANGE dev lo`).
"""

import contextlib
import signal
import socket
import struct
from collections.abc import Callable
from functools import partial

from .driver import Loop, Timer

Received = Callable[[bytes, bytes, bytes, int, int], None]
Accepted = Callable[["Stream", bytes, bytes, int], None]

_MAPPED = bytes(10) + b"\xff\xff"
_LONGEST = 65535  # octets of a datagram
_ANCILLARY = 128
_MEMO = 4096  # peers whose two forms are remembered
_BACKLOG = 64
_PIECE = 16384  # octets of a stream at a time
_MOST_UNSENT = 65536  # octets that a stream keeps for a peer that does not read

_FIRST_OF_MEDIA = 8192  # ports below carry SIP, for which the kernel may keep more
_BUFFER = 4 * 1024 * 1024  # octets
_SO_RCVBUFFORCE = 33

_IP_FREEBIND = 15
_IPV6_FREEBIND = 78
_IP_PKTINFO = 8
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_DONT = 0
_IP_RECVTOS = 13
_IP_TOS = 1

Name = tuple[str, int] | tuple[str, int, int, int]


class _Family:
    """What differs between the families for the kernel."""

    def __init__(self, is_mapped: bool) -> None:
        self.number = socket.AF_INET if is_mapped else socket.AF_INET6
        self.level = socket.IPPROTO_IP if is_mapped else socket.IPPROTO_IPV6
        self.free = _IP_FREEBIND if is_mapped else _IPV6_FREEBIND
        self.tell_local = _IP_PKTINFO if is_mapped else socket.IPV6_RECVPKTINFO
        self.local = _IP_PKTINFO if is_mapped else socket.IPV6_PKTINFO
        self.tell_class = _IP_RECVTOS if is_mapped else socket.IPV6_RECVTCLASS
        self.traffic_class = _IP_TOS if is_mapped else socket.IPV6_TCLASS
        self.discover = _IP_MTU_DISCOVER if is_mapped else _IPV6_MTU_DISCOVER
        self.is_mapped = is_mapped

    def text(self, addr16: bytes) -> str:
        """Return an address as the kernel's sockaddr has it."""
        return socket.inet_ntop(self.number, addr16[12:] if self.is_mapped else addr16)

    def octets(self, text: str) -> bytes:
        """Return the 16 octets of one."""
        host = socket.inet_pton(self.number, text.partition("%")[0])
        return _MAPPED + host if self.is_mapped else host

    def information(self, addr16: bytes) -> bytes:
        """Return the ancillary data that makes an address the source."""
        if self.is_mapped:
            return struct.pack("=i4s4s", 0, addr16[12:], bytes(4))
        return addr16 + bytes(4)

    def open(self, kind: int) -> socket.socket:
        """Return a socket that may bind to any address."""
        one = socket.socket(self.number, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        one.setsockopt(self.level, self.free, 1)
        if not self.is_mapped:
            one.setsockopt(self.level, socket.IPV6_V6ONLY, 1)
        return one


_FAMILIES = (_Family(False), _Family(True))


def family_of(addr16: bytes) -> _Family:
    """Return the family of an address."""
    return _FAMILIES[addr16.startswith(_MAPPED)]


class Port:
    """One UDP socket: of one local address, or of all of its family (wildcard)."""

    def __init__(
        self, loop: Loop, local16: bytes, port: int, received: Received, wildcard: bool
    ) -> None:
        """OSError: the port is taken, or we may not have it."""
        self._family = family = family_of(local16)
        self._loop = loop
        self._local = None if wildcard else local16
        self._received = received
        self._peers: dict[Name, tuple[bytes, int]] = {}
        self._names: dict[tuple[bytes, int], tuple[str, int]] = {}
        self._class = 0
        self._socket = family.open(socket.SOCK_DGRAM)
        try:
            level = family.level
            self._socket.setsockopt(level, family.tell_class, 1)
            self._socket.setsockopt(level, family.discover, _PMTUDISC_DONT)
            if wildcard:
                self._socket.setsockopt(level, family.tell_local, 1)
            self._socket.bind(("" if wildcard else family.text(local16), port))
        except OSError:
            self._socket.close()
            raise
        if port < _FIRST_OF_MEDIA:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self.port: int = self._socket.getsockname()[1]
        loop.watch(self._socket.fileno(), self._readable)

    def fileno(self) -> int:
        """The descriptor, -1 once it is closed."""
        return self._socket.fileno()

    def _readable(self) -> None:
        # One at a time: an attempt that finds none costs as much as to be called again.
        family = self._family
        try:
            data, ancillary, _, name = self._socket.recvmsg(_LONGEST, _ANCILLARY)
        except OSError:
            return  # none, or news of a datagram that nobody took
        peer = self._peers.get(name)
        if peer is None:
            if len(self._peers) >= _MEMO:
                self._peers.clear()
            peer = self._peers[name] = family.octets(name[0]), name[1]
        local, traffic_class = self._local, 0
        for _, kind, value in ancillary:
            if kind == family.local:
                local = _MAPPED + value[8:12] if family.is_mapped else value[:16]
            else:
                traffic_class = value[0]
        if local is not None:
            self._received(data, local, peer[0], peer[1], traffic_class)

    def send(
        self, data: bytes, local16: bytes, peer16: bytes, peer_port: int, traffic_class: int = 0
    ) -> bool:
        """Send a datagram from one of the local addresses; False: the kernel did not take it."""
        to = peer16, peer_port
        name = self._names.get(to)
        if name is None:
            if len(self._names) >= _MEMO:
                self._names.clear()
            name = self._names[to] = self._family.text(peer16), peer_port
        try:
            if traffic_class != self._class:
                family = self._family
                self._socket.setsockopt(family.level, family.traffic_class, traffic_class)
                self._class = traffic_class
            if self._local is None:
                family = self._family
                source = [(family.level, family.local, family.information(local16))]
                self._socket.sendmsg([data], source, 0, name)
            else:
                self._socket.sendto(data, name)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Give the port up."""
        if self._socket.fileno() >= 0:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()


class Stream:
    """One TCP connection. The owner sets received(data) and closed().

    local, peer: (addr16, port); open: until either end ends it. closed is called once when the
    other end or the network ends it, not by close().
    """

    def __init__(self, loop: Loop, one: socket.socket, local: tuple[bytes, int]) -> None:
        self.local = local
        self.peer = (bytes(16), 0)
        self.received: Callable[[bytes], None] = lambda data: None
        self.closed: Callable[[], None] = lambda: None
        self._loop = loop
        self._socket = one
        self._unsent = b""
        self.open = True
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._retry: Timer | None = None
        loop.watch(one.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.received(data)
        else:
            self._lost()

    def write(self, data: bytes) -> None:
        """Send octets, later what does not fit now; one that never reads loses its connection."""
        if not self.open:
            return
        self._unsent += data
        self._flush()

    def _flush(self) -> None:
        self._retry = None
        while self._unsent and self.open:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                break
            except OSError:
                self._lost()
                return
            self._unsent = self._unsent[sent:]
        if len(self._unsent) > _MOST_UNSENT:
            self._lost()
        elif self._unsent and self.open:
            self._retry = self._loop.call_at(self._loop.now() + 20, self._flush)

    def _lost(self) -> None:
        if self.open:
            self.close()
            self.closed()

    def close(self) -> None:
        """End it."""
        if self.open:
            self.open = False
            if self._retry is not None:
                self._retry.cancel()
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()


class Listener:
    """Takes TCP connections at one local address, or at all of its family."""

    def __init__(
        self, loop: Loop, local16: bytes, port: int, accepted: Accepted, wildcard: bool
    ) -> None:
        self._family = family = family_of(local16)
        self._loop = loop
        self._accepted = accepted
        self._socket = family.open(socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("" if wildcard else family.text(local16), port))
            self._socket.listen(_BACKLOG)
        except OSError:
            self._socket.close()
            raise
        loop.watch(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            one, name = self._socket.accept()
            one.setblocking(False)
            own = one.getsockname()
        except OSError:
            return
        octets = self._family.octets
        stream = Stream(self._loop, one, (octets(own[0]), own[1]))
        stream.peer = octets(name[0]), name[1]
        self._accepted(stream, stream.local[0], stream.peer[0], stream.peer[1])

    def close(self) -> None:
        """Take no more."""
        if self._socket.fileno() >= 0:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()


class Driver:
    """All that the program asks of the machine."""

    def __init__(self, loop: Loop | None = None) -> None:
        self.loop = loop or Loop()
        self.now = self.loop.now
        self.call_at = self.loop.call_at
        self.run = self.loop.run
        self.stop = self.loop.stop

    def udp(self, local16: bytes, port: int, received: Received, wildcard: bool = False) -> Port:
        """Open a UDP port. wildcard: for all addresses of the family of local16; OSError."""
        return Port(self.loop, local16, port, received, wildcard)

    def listen(
        self, local16: bytes, port: int, accepted: Accepted, wildcard: bool = False
    ) -> Listener:
        """Take TCP connections; accepted(stream, local16, peer16, peer_port). OSError."""
        return Listener(self.loop, local16, port, accepted, wildcard)

    def connect(self, local16: bytes, local_port: int, peer16: bytes, peer_port: int) -> Stream:
        """Begin a TCP connection; it may be written to at once. OSError: no way there."""
        family = family_of(local16)
        one = family.open(socket.SOCK_STREAM)
        try:
            one.bind((family.text(local16), local_port))
            with contextlib.suppress(BlockingIOError):
                one.connect((family.text(peer16), peer_port))
            own = one.getsockname()
            stream = Stream(self.loop, one, (local16, own[1]))
        except OSError:
            one.close()
            raise
        stream.peer = peer16, peer_port
        return stream

    def on_signal(self, name: str, call: Callable[[], object]) -> None:
        """Call when a signal has come: HUP, TERM, INT, USR1."""
        self.loop.on_signal(getattr(signal, "SIG" + name), partial(call))

    def close(self) -> None:
        """Give back what the loop holds."""
        self.loop.close()
