# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Datagrams and streams over IPv6, the only network of firmware (design.md section 5).

Addresses are 16 octets in network order. An endpoint with a v4-mapped local address
(::ffff:0.0.0.0: any) is of IPv4, its peers are v4-mapped: for the tunnel alone. Addresses that
belong to one link (fe80::/10, ff01::/16, ff02::/16) carry the interface index in octets 2 and 3,
which are zero on the wire. Nothing here blocks: wait with select.poll(), or in asyncio with
    yield asyncio.core._io_queue.queue_read(endpoint)
OSError carries the errno of the failure.

siproxy64-router has more: 512 endpoints, 64 streams and as many listeners, streams of IPv4 by
v4-mapped addresses, and local addresses that the host need not have (IP_FREEBIND).
"""

DATAGRAM_MAX: int  # octets; a longer datagram is dropped and counted

class Signal:
    """A level that C raises. Pollable for reading while it is raised."""

    def raised(self) -> bool:
        """Say whether it is raised."""

    def clear(self) -> None:
        """Take the event."""

class Endpoint:
    """A UDP port with a bounded queue; pollable for reading while datagrams wait.

    It closes when it is collected, too. While media has it (media.open()) all goes to media.
    """

    port: int  # the local port
    local: bytes  # the local address it was made with

    def __init__(self, local: bytes | None = None, port: int = 0, *, queue: int = 8) -> None:
        """Bind to local (None, 16 zero octets: any address) and port (0: any free one).

        queue: datagrams that may wait, 1..64; further ones are dropped and counted.
        OSError: EADDRINUSE, EADDRNOTAVAIL, ENOMEM (16 endpoints are open). ValueError: an
        argument is out of range.
        """

    def recv_into(self, buffer: bytearray | memoryview) -> tuple[int, bytes, int] | None:
        """Take the first datagram of the queue into buffer, the caller's.

        Returns (length, address, port) of it and its sender, None if there is none. length is
        that of the datagram: if it is more than len(buffer) the rest is lost.
        """

    def meta(self) -> tuple[bytes, int, int]:
        """Return (local address, traffic class, time in microseconds) of the last one taken.

        The local address is the one the datagram was sent to, the time that of its arrival.
        """

    def send(
        self,
        data: bytes | bytearray | memoryview,
        address: bytes,
        port: int,
        local: bytes | None = None,
        hop_limit: int = 0,
        traffic_class: int = -1,
    ) -> None:
        """Send data from this port; local: from this address of ours, None: the usual one.

        hop_limit, traffic_class: of this datagram alone, 0 and -1: the usual one.
        OSError: ENETUNREACH, EADDRNOTAVAIL (local is not ours), EAFNOSUPPORT (an address of the
        other family), EMSGSIZE, EAGAIN, ENOMEM ...
        """

    def move(self, local: bytes | None) -> None:
        """Let datagrams without local=... leave from this address of ours; None: chosen again.

        So media and tunnel follow an address. It is not looked at here: send() says if it is gone.
        """

    def set_traffic_class(self, value: int) -> None:
        """Set the traffic class of what is sent, 0..255: DSCP times 4 (RFC 2474, RFC 8200)."""

    def join(self, group: bytes, scope: int = 0) -> None:
        """Receive what is sent to a multicast group, on interface scope (0: the usual one)."""

    def counters(self) -> tuple[int, int, int, int, int]:
        """Return datagrams (received, sent, dropped as the queue or the pools were full,
        dropped as longer than DATAGRAM_MAX, failed to send)."""

    def close(self) -> None:
        """Close; again: nothing."""

class Stream:
    """A TCP connection; it closes when it is collected, too. Never waits.

    tls.SSLContext.wrap_socket(stream, server_hostname=...) and asyncio.StreamReader(stream) take
    it. Writable: connected, and there is room; readable: octets, the peer's end, or an error.
    What the peer or the network does comes as OSError from read and write, the same each time:
    ECONNREFUSED, ECONNRESET, ETIMEDOUT, EPIPE (after shutdown()), EHOSTUNREACH ...
    """

    def __init__(
        self, address: bytes, port: int, local: bytes | None = None, local_port: int = 0
    ) -> None:
        """Begin to connect; local: from this address of ours, as Endpoint.send() has it.

        local_port: from this port of local, if the stream goes by a host's kernel; 0: any.
        OSError: ENETUNREACH, EADDRNOTAVAIL (local is not ours), EADDRINUSE, EAFNOSUPPORT (IPv4),
        EINVAL (multicast, port 0), ENOMEM (8 streams are open).
        """

    def read(self, size: int = -1) -> bytes | None:
        """Take what has come, size octets at most. b"": the peer's end. None: nothing yet."""

    def readinto(self, buffer: bytearray | memoryview, size: int = -1) -> int | None:
        """The same into buffer, the caller's: octets, 0 at the peer's end, None: nothing yet."""

    def readline(self, size: int = -1) -> bytes | None:
        """Take octets up to a line feed, or what there is of a line."""

    def write(self, data: bytes | bytearray | memoryview) -> int | None:
        """Say how many octets were taken, from the front; None: no room, or not yet connected."""

    def shutdown(self) -> None:
        """End our direction behind what was written; reading goes on.

        OSError: EAGAIN: not connected yet, try again when it is writable.
        """

    def close(self) -> None:
        """Close; again: nothing. What write() took is still sent.

        What came and was not read is lost, and the peer hears so (a reset).
        """

    def local(self) -> tuple[bytes, int]:
        """Return our address and port."""

    def peer(self) -> tuple[bytes, int]:
        """Return the peer's address and port."""

    def set_traffic_class(self, value: int) -> None:
        """Set the traffic class of what is sent from now on, as that of Endpoint."""

class Listener:
    """A TCP port where connections come in; pollable for reading while one waits."""

    def __init__(self, address: bytes | None = None, port: int = 0, backlog: int = 4) -> None:
        """Listen at address (None, 16 zero octets: any of ours) and port (0: any free one).

        backlog: connections that may wait, 1..8. OSError: EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
        (IPv4), ENOMEM (4 listeners are open).
        """

    def accept(self) -> tuple[Stream, bytes, int] | None:
        """Take the first connection: (stream, address, port) of the peer; None: none waits.

        Two of the 8 streams are for connections of ours: without a further one free what comes in
        is reset and counted as refused.
        """

    def local(self) -> tuple[bytes, int]:
        """Return the address it was made with, and the port."""

    def close(self) -> None:
        """Close; connections that were accepted stay."""

def counters() -> dict[str, int]:
    """Streams since start: connects (of ours), accepted, refused (none was free), errors (ended
    with an error). Now: streams and listeners in use."""

def addresses() -> list[tuple[bytes, int, str, int, int, int]]:
    """Return our addresses, the best first: global before link-local before ::1.

    Each is (address, prefix length, state, preferred seconds, valid seconds, interface index); the
    tunnel's is among them (tunnel6.INDEX, 128, "deprecated" unless tunnel6.prefer()). state is
    "tentative", "preferred" or "deprecated" (RFC 4862); 0xffffffff seconds: for ever.
    """

def add_address(address: bytes, preferred_s: int, valid_s: int) -> None:
    """Take an address that DHCPv6 brought, /128; again: other lifetimes.

    It is tentative until duplicate address detection is over; if somebody has it already it
    disappears from addresses(). 0xffffffff: for ever. OSError: EOPNOTSUPP (on unix the kernel owns
    addresses), EINVAL, EADDRINUSE (we have it by other means), EADDRNOTAVAIL (somebody has it),
    ENOBUFS.
    """

def remove_address(address: bytes) -> None:
    """Give up an address of add_address(). OSError: EADDRNOTAVAIL, EOPNOTSUPP."""

def router_flags() -> tuple[bool, bool] | None:
    """Return M (managed) and O (other) of the last router advertisement (RFC 4861 section 4.2).

    None: none was heard since the link came up; always on unix, whose kernel does what they ask.
    """

def changed() -> Signal:
    """Return the signal that any change of addresses, servers or router flags raises."""

def servers() -> list[bytes]:
    """Return the IPv6 DNS servers, 4 at most.

    Boards: those that routers told (RFC 8106). Unix: those of /etc/resolv.conf; VOX6_RESOLV_CONF
    names another file.
    """

def text(address: bytes) -> str:
    """Return RFC 5952 text; an interface index follows as %index. ValueError: not 16 octets."""

def parse(text: str) -> bytes:
    """Return the address of RFC 4291 text, also with %index. ValueError: it is none."""

def use() -> tuple[int, int, int, int]:
    """Return (endpoints, datagrams, blocks) in use and the most blocks that ever were.

    Blocks hold datagrams and what lwIP has received for streams. For leak tests: without endpoints
    and after reading all, the first three are 0.
    """
