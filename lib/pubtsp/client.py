# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The client as an engine: commands and verbs (pubtsp.md sections 2 to 6 and 12; README.md).

Its parts, each on top of the one before: channel, signalling, keepalive, packets, selection,
lease.
"""

from vox6.wire.errors import LocalProtocolError

from . import header
from .address import SERVER_PORT, mapped
from .channel import CHEAP as CHEAP
from .channel import SIDE as SIDE
from .channel import TUNNEL as TUNNEL
from .lease import Lease
from .selection import MAX_SERVERS, WAIT_FIRST
from .settings import Settings as Settings
from .state import (
    ACCEPT,
    AUTH,
    CREATE,
    DOWN,
    HELLO,
    REOPEN,
    RESOLVE,
    SUSPECT,
    UP,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    Peer = tuple[bytes, int]
    Where = Peer | str


class Client(Lease):
    """One tunnel over one socket.

    random: returns so many octets. state: a name of state.py. address: 16 octets while packets
    pass, else None. server: the peer in use, or None.
    """

    # commands

    def start(self, servers: "list[Where]", now: int, local_ipv4: "bytes | None" = None) -> None:
        """Bring a tunnel up by the first server that serves us.

        servers: peers (addr16, port), IPv4 v4-mapped, or names; in order (section 6.1).
        local_ipv4: our own address, four octets. LocalProtocolError: started, or no server.
        """
        if not servers or len(servers) > MAX_SERVERS:
            raise LocalProtocolError("1 to 32 servers")
        if self.state != DOWN or self._servers:
            raise LocalProtocolError("started already")
        self._servers = list(servers)
        self._local_ipv4 = local_ipv4
        self._step("start", now)

    def stop(self, now: int) -> None:
        """Forget the tunnel; nothing is sent, as servers keep nothing; always allowed."""
        self._servers = []
        self._drop("stopped")
        self._requester.cancel()
        self._timers.clear()
        self.state = DOWN

    def resolved(self, name: str, addresses: "list[bytes]", now: int) -> None:
        """Take the IPv4 addresses (four octets each) of a name, the answer to NameWanted."""
        if self.state != RESOLVE or not self._queue or self._queue[0][0] != name:
            self.counters["unexpected"] += 1
            return
        hops = self._queue.pop(0)[1]
        found: "list[Where]" = [(mapped(v4), SERVER_PORT) for v4 in addresses]
        self._enqueue(found, hops, True)
        self._step("names", now)

    def socket_opened(self, now: int) -> None:
        """The driver has done what SocketWanted asked for."""
        self._step("reopened", now)

    def network_changed(self, now: int, local_ipv4: "bytes | None" = None) -> None:
        """Our IPv4 network is another one: begin anew with the first server."""
        if not self._servers:
            return
        servers = self._servers
        self.stop(now)
        self._wait = WAIT_FIRST
        self._changes = []
        self.start(servers, now, local_ipv4)

    def renew(self, now: int) -> None:
        """Ask the server anew at once, on the same socket."""
        self._step("renew", now)

    def debug(self) -> str:
        """Return one line for people."""
        return "tunnel %s, server %s, T %d s, changes %d, direct %d" % (
            self.state,
            "-" if self.server is None else ".".join([str(o) for o in self.server[0][12:]]),
            self.interval,
            self.counters["changes"],
            len(self._paths.directs()),
        )

    # verbs

    def receive_datagram(self, data: bytes, peer: "Peer", now: int, socket: str = TUNNEL) -> None:
        """Take a datagram; socket: TUNNEL or SIDE."""
        self.counters["received"] += 1
        if socket == SIDE:
            if self._search is not None and peer == self.server:
                self._search.receive(data, now)
                self._after_search(now)
            else:
                self.counters["strangers"] += 1
            return
        if not data:
            self.counters["keepalives"] += 1
        elif header.is_signalling(data):
            if peer == self.server:
                self._receive_reply(data, now)
            else:
                self.counters["strangers"] += 1
        elif header.is_ipv6(data):
            self._receive_ipv6(data, peer, now)
        else:
            self.counters["malformed"] += 1

    def handle_timer(self, now: int) -> None:
        """Do what is due."""
        timer = self._requester.timer
        if timer is not None and now >= timer:
            self._repeat_due(now)
        for name in sorted(self._timers):
            when = self._timers.get(name)
            if when is not None and now >= when:
                del self._timers[name]
                self._timer_due(name, now)
        self._paths.handle_timer(now)
        if self._search is not None:
            self._search.handle_timer(now)
            self._after_search(now)

    def get_timer(self) -> "int | None":
        """Return when handle_timer() is due, None for never."""
        times = list(self._timers.values())
        for one in (
            self._requester.timer,
            self._paths.get_timer(),
            self._search.timer if self._search is not None else None,
        ):
            if one is not None:
                times.append(one)
        return min(times) if times else None

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer, str]]":
        """Return [(data, peer, socket)]; socket: TUNNEL, SIDE or CHEAP."""
        out = self._out
        self._out = []
        return out

    def next_event(self) -> "object | None":
        """Return the next event of events.py, or None."""
        return self._events.pop(0) if self._events else None

    def _timer_due(self, name: str, now: int) -> None:
        if name == "lifetime" or name == "hint":
            self._step("renew", now)
        elif name == "echo":
            self._echo_due(now)
        elif name == "echo_wait":
            self._echo_missed(now)
        elif name == "cheap":
            self._cheap_due(now)
        elif name == "search":
            self._search_due(now)
        else:  # retry, resolve, reopen
            self._step("retry" if name == "retry" else "timeout", now)


# What a client may be doing, for people who write drivers.
STATES = (DOWN, RESOLVE, HELLO, AUTH, CREATE, ACCEPT, UP, SUSPECT, REOPEN)
