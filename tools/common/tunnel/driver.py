# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The tunnel of a host: lib/pubtsp's Client between a TUN device and a UDP socket.

with Tunnel(options) as tunnel:
    tunnel.run()
"""

import logging
import os
import signal
import socket
from collections.abc import Callable
from functools import partial

from vox6.pubtsp import Client, Settings, events
from vox6.pubtsp.state import DOWN

from ..driver import Loop, Timer
from ..notify import notify
from ..tun import TunError
from . import network, words
from .interface import Interface
from .options import Options, Where
from .servers import Finder
from .sockets import SIDE, TUNNEL, Sockets

log = logging.getLogger("vox6.tunnel")

_BATCH = 32  # packets into the engine until it is drained: it keeps 64
_BATCHES = 4  # of one descriptor until others have their turn
_QUIET = 300  # ms without news until the network is looked at
_LOOK_AGAIN = 60_000  # ms, for what the kernel does not tell
_ERROR_GAP = 10_000  # ms between two lines about datagrams that the host does not take


class Tunnel:
    """Everything of one tunnel. Made in the thread and namespace that run it.

    client: the engine; interface: what the host sees.
    """

    def __init__(
        self,
        options: Options,
        loop: Loop | None = None,
        told: Callable[[bytes | None], None] | None = None,
    ) -> None:
        """Make the TUN device; TunError: it could not be had.

        loop: of a program that has one; told: called with each new address, None: there is none.
        """
        self._options = options
        self._told = told
        self._owns_loop = loop is None
        self.interface = Interface(options.interface, options.metric)
        self.loop = loop or Loop()
        self._sockets = Sockets(options.cheap_hop_limit)
        self._finder = Finder(self.loop, options, self._found)
        self._watch = network.Watch()
        self._network = network.Network(None, (), None, False)
        self._looking: Timer | None = None
        self._look_at = 0
        self._timer: Timer | None = None
        self._due_at = 0
        self._servers: list[Where] = []
        self._begun = False
        self._resting = False
        self._packets_at = 0  # when the host last sent or got a packet
        self._lost = 0
        self._lost_told_at = -_ERROR_GAP
        self.client = Client(
            os.urandom,
            Settings(
                quick_start=options.quick_start,
                interval=options.keepalive,
                search=options.keepalive_search,
                direct=options.direct,
                prefixes=options.direct_prefix,
                policy=options.martians,
                cheap_ms=1000 * options.cheap_keepalive,
            ),
        )

    # life

    def run(self) -> None:
        """Keep the tunnel up until stop(), SIGTERM or SIGINT."""
        self.begin()
        notify("READY=1")
        self.loop.run()

    def begin(self) -> None:
        """Bring it up, as soon as the loop runs."""
        loop = self.loop
        loop.watch(self.interface.tun.fileno(), self._packets_of_host)
        loop.watch(self._watch.fileno(), self._news)
        self._open(TUNNEL)
        log.info("interface %s is there, looking for a server", self.interface.name)
        self._look()

    def stop(self) -> None:
        """Let run() end."""
        self.loop.stop()

    def on_signals(self) -> None:
        """SIGTERM, SIGINT: end. SIGHUP: ask the server anew. SIGUSR1: tell how it is."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.on_signal(number, self.stop)
        self.loop.on_signal(signal.SIGHUP, self._renew)
        self.loop.on_signal(signal.SIGUSR1, self._tell)

    def close(self) -> None:
        """Leave nothing behind: no address, no route, no device."""
        if self._owns_loop:
            notify("STOPPING=1")
        self.client.stop(self.loop.now())
        for tag in (TUNNEL, SIDE):
            self._close(tag)
        self._watch.close()
        try:
            self.interface.close()
        finally:
            if self._owns_loop:
                self.loop.close()
        log.info("the tunnel is gone")

    def __enter__(self) -> "Tunnel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # the hot path

    def _packets_of_host(self) -> None:
        """Take what the host sends."""
        read = self.interface.tun.read
        send, now = self.client.send_packet, self.loop.now()
        for _ in range(_BATCHES):
            for _ in range(_BATCH):
                packet = read()
                if packet is None:
                    self._drain()
                    return
                if send(packet, now):
                    self._packets_at = now
            self._send()
        self._drain()

    def _datagrams(self, tag: str) -> None:
        """Take what has come by UDP."""
        receive, now = self.client.receive_datagram, self.loop.now()
        for _ in range(_BATCHES):
            batch = self._sockets.receive(tag)
            for first in range(0, len(batch), _BATCH):
                for data, peer in batch[first : first + _BATCH]:
                    receive(data, peer, now, tag)
                self._deliver(now)
                self._send()
            if not batch:
                break
        self._drain()

    def _deliver(self, now: int) -> None:
        write = self.interface.tun.write
        for packet in self.client.packets_received():
            self._packets_at = now
            write(packet)

    def _send(self) -> None:
        out = self.client.datagrams_to_send()
        if not out:
            return
        if self._sockets.get(SIDE) is None and any(tag == SIDE for _, _, tag in out):
            self._open(SIDE)
        self._sockets.send(out)

    # the drain rule

    def _drain(self) -> None:
        """Send and tell all that the engine has, then arm its timer."""
        now = self.loop.now()
        while True:
            self._send()
            event = self.client.next_event()
            if event is None:
                break
            self._happened(event, now)  # first: who reads "up" may rely on address and routes
            level, text = words.words(event)
            log.log(level, "%s", text)
        self._deliver(now)
        self._tell_lost(now)
        due = self.client.get_timer()
        if due is None or (self._timer is not None and self._due_at <= due):
            return  # one that is too early does no harm, and thousands of cancelled ones would
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = due
        self._timer = self.loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        before = self.client.state
        self.client.handle_timer(self.loop.now())
        said = words.STATES.get((before, self.client.state))
        if said is not None:
            log.info("%s", said)
        self._drain()

    def _happened(self, event: object, now: int) -> None:
        if isinstance(event, events.TunnelUp):
            self._packets_at = now
            self.interface.set_address(event.address)
            self._network = network.look(self.interface.index, self._target())
            self._apply()
            self._tell_state(event, event.address)
        elif isinstance(event, events.AddressChanged):
            self._close(SIDE)
        elif isinstance(event, events.TunnelDown):
            self._close(SIDE)
            self.interface.set_address(None)
            self._tell_state(event, None)
        elif isinstance(event, events.Waiting):
            self._tell_state(event, None)
            if not self._options.server:  # the network may know others now
                self._finder.find()
        elif isinstance(event, events.SocketWanted):
            self._open(TUNNEL)
            self.client.socket_opened(now)
        elif isinstance(event, events.NameWanted):
            self._finder.resolve(event.name, partial(self._resolved, event.name))
        elif isinstance(event, events.KeepaliveFound):
            self._close(SIDE)

    def _tell_state(self, event: object, address: bytes | None) -> None:
        if self._owns_loop:
            notify(f"STATUS={words.words(event)[1]}")
        if self._told is not None:
            self._told(address)

    # sockets

    def _open(self, tag: str) -> None:
        old = self._sockets.get(tag)
        new = self._sockets.open(tag)
        if old is not None:
            self.loop.unwatch(old.fileno())
            old.close()
        self.loop.watch(new.fileno(), partial(self._datagrams, tag), new.receive_errors)

    def _close(self, tag: str) -> None:
        old = self._sockets.take(tag)
        if old is not None:
            self.loop.unwatch(old.fileno())
            old.close()

    def _tell_lost(self, now: int) -> None:
        lost = self._sockets.lost()
        if lost > self._lost and now - self._lost_told_at >= _ERROR_GAP:
            self._lost_told_at = now
            log.warning(
                "the host did not take %d datagrams for its IPv4 network", lost - self._lost
            )
        self._lost = lost

    # the network

    def _news(self) -> None:
        if self._watch.drain():
            self._look_in(_QUIET)

    def _look_in(self, delay: int) -> None:
        """Look after a delay; not later because there is still more news."""
        when = self.loop.now() + delay
        if self._looking is not None:
            if self._look_at <= when:
                return
            self._looking.cancel()
        self._look_at = when
        self._looking = self.loop.call_at(when, self._look)

    def _look(self) -> None:
        """See how the host's network is, and follow it."""
        self._looking = None
        before = self._network
        self._network = found = network.look(self.interface.index, self._target())
        if found.native != before.native:
            if found.native is not None:
                log.info("native IPv6 is there (%s): new flows use it", found.native)
            elif before.native is not None:
                log.info("native IPv6 is gone: the tunnel is used")
        self._apply()
        if found.way != before.way or not self._begun:
            self._follow()
        elif self._resting and not self._may_rest():
            self._begin()
        elif not self._resting and self._may_rest() and self.client.state != DOWN:
            log.info("native IPv6 is there and nothing uses the tunnel: it rests")
            self._resting = True
            self._servers = []
            self._finder.stop()
            self.client.stop(self.loop.now())
            self._drain()
        idle = self._packets_at + 1000 * self._options.linger - self.loop.now()
        self._look_in(min(_LOOK_AGAIN, idle + 10) if idle > 0 else _LOOK_AGAIN)

    def _target(self) -> bytes | None:
        """The IPv4 address to which the way matters."""
        if self.client.server is not None:
            return self.client.server[0][12:]
        for server in self._servers or self._options.server:
            if not isinstance(server, str):
                return server[0][12:]
        return None

    def _may_rest(self) -> bool:
        """Section 6.1: the tunnel is for hosts without native IPv6, and for flows of before."""
        linger = 1000 * self._options.linger
        if not linger or self._network.native is None:
            return False
        return self.loop.now() - self._packets_at >= linger

    def _follow(self) -> None:
        """The way to the server is another one than before."""
        local = self._network.local_ipv4
        if local is None:
            log.warning("there is no way to the server by IPv4")
        else:
            log.info("our IPv4 address is %s", socket.inet_ntoa(local))
        if self._resting:
            return
        if not self._begun:
            self._begun = True
            self._begin()
        elif local is not None and self._servers and self._options.server:
            self.client.network_changed(self.loop.now(), local)
            self._drain()
        elif local is not None:
            self._servers = []  # those of another network
            self._begin()

    def _begin(self) -> None:
        self._resting = False
        if self._options.server:
            self._start(list(self._options.server))
        else:
            self._finder.find()

    def _start(self, servers: list[Where]) -> None:
        now = self.loop.now()
        self._servers = servers
        self.client.stop(now)
        self.client.start(servers, now, self._network.local_ipv4)
        self._drain()

    def _found(self, servers: list[Where]) -> None:
        """The network has told of servers; if they are those of before, the engine waits."""
        if not self._resting and set(servers) != set(self._servers):
            log.info("the network tells of servers: %s", ", ".join(_name(one) for one in servers))
            self._start(servers)

    def _resolved(self, name: str, addresses: list[bytes]) -> None:
        self.client.resolved(name, addresses, self.loop.now())
        self._drain()

    def _apply(self) -> None:
        """Give address and default route the place among others that they should have (6.3)."""
        found, wish = self._network, self._options.default_route
        if self.interface.set_deprecated(found.native is not None):
            log.debug("the address is %s", "deprecated" if found.native else "preferred")
        default = wish == "yes" or (wish == "auto" and not found.default)
        default = default and self.interface.address is not None
        try:
            if self.interface.set_default(default):
                log.info("the default route %s", "is ours" if default else "is not ours any more")
        except TunError as error:
            log.warning("%s", error)

    # on demand

    def _renew(self) -> None:
        log.info("asking the server anew")
        self.client.renew(self.loop.now())
        self._drain()

    def _tell(self) -> None:
        counters = {**self.client.counters, **self.interface.tun.counters}
        moved = " ".join(f"{name}={count}" for name, count in counters.items() if count)
        address = self.client.address
        log.info("%s", self.client.debug())
        log.info("address %s; %s", words.address(address) if address else "none", moved)


def _name(server: Where) -> str:
    return server if isinstance(server, str) else words.peer(server)
