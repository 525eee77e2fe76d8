# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIP on TCP (RFC 3261 section 18): each connection to us has a partner on the other side.

    R:q -> L:p   comes in       representation(R):q -> real(L):p   its partner, made when needed

What comes on one goes on by the other; a connection that ends takes its partner with it, so that
either end sees what it would see if it spoke to the other itself.
"""

from vox6.sip.framing import StreamFramer
from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Address = tuple[bytes, int]
    Arrived = Callable[[bytes, Address, Address, "Connection"], None]


class Connection:
    """One connection with what it needs to cut messages out of it."""

    def __init__(self, stream: "Any", local: "Address", peer: "Address", maximum: int) -> None:
        self.stream = stream
        self.local = local
        self.peer = peer
        self.alias = peer  # as its Via says: for answers, and for requests to it (RFC 5923)
        self.partner: "Connection | None" = None
        self.framer = StreamFramer(maximum)

    def write(self, data: bytes) -> None:
        """Send octets."""
        self.stream.write(data)


class Streams:
    """All connections. arrived(message, local, peer, connection) gets each message.

    failed: told of octets that end a connection, as (octets, error, connection).
    """

    def __init__(self, driver: "Any", arrived: "Arrived", limit: int, maximum: int) -> None:
        """limit: connections at once; maximum: octets of a message."""
        self._driver = driver
        self._arrived = arrived
        self.limit = limit
        self._maximum = maximum
        self.failed: "Callable[[bytes, FormatError, Connection], None] | None" = None
        self._all: "list[Connection]" = []
        self.refused = 0

    def __len__(self) -> int:
        return len(self._all)

    def accept(self, stream: "Any", local16: bytes, peer16: bytes, peer_port: int) -> None:
        """Take a connection that came in."""
        if len(self._all) >= self.limit:
            self.refused += 1
            stream.close()
            return
        self._add(stream, stream.local, (peer16, peer_port))

    def _add(self, stream: "Any", local: "Address", peer: "Address") -> Connection:
        one = Connection(stream, local, peer, self._maximum)
        stream.received = lambda data: self._received(one, data)
        stream.closed = lambda: self._ended(one)
        self._all.append(one)
        return one

    def _received(self, one: Connection, data: bytes) -> None:
        framer = one.framer
        try:
            messages = framer.receive(data)
        except FormatError:
            messages = []
        for message in messages:
            self._arrived(message, one.local, one.peer, one)
            if one not in self._all:
                return
        if framer.error is not None:
            if self.failed is not None:
                self.failed(framer.rest(), framer.error, one)
            self.close(one)
            return
        if framer.pings:
            one.write(b"\r\n" * framer.pings)
            framer.pings = 0

    def send(
        self, data: bytes, source: "Address", target: "Address", by: Connection, answer: bool
    ) -> bool:
        """Send a message that came by one connection on by another; False: there is no way.

        answer: it is a response, which goes back where its request came from.
        """
        found = None
        for one in reversed(self._all):  # the newest first: others may have ended unseen
            if one.local[0] == source[0] and target in (one.peer, one.alias):
                found = one
                break
        if found is None and answer and by.partner is not None:
            if by.partner.peer[0] == target[0]:
                found = by.partner
        if found is None:
            found = self._connect(source, target)
            if found is None:
                return False
        if by.partner is None and found.partner is None:
            by.partner = found
            found.partner = by
        found.write(data)
        return True

    def _connect(self, source: "Address", target: "Address") -> "Connection | None":
        if len(self._all) >= self.limit:
            self.refused += 1
            return None
        for port in (source[1], 0):
            try:
                stream = self._driver.connect(source[0], port, target[0], target[1])
            except OSError:
                continue  # the port is taken: another will do
            return self._add(stream, source, target)  # as it is known, whatever its port is
        return None

    def _ended(self, one: Connection) -> None:
        if one in self._all:
            self._all.remove(one)
        partner, one.partner = one.partner, None
        if partner is not None:
            partner.partner = None
            self.close(partner)

    def close(self, one: Connection) -> None:
        """End a connection and its partner."""
        one.stream.close()
        self._ended(one)

    def close_all(self) -> None:
        """End all."""
        while self._all:
            self.close(self._all[0])
