# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Looks for servers with the DNS servers that the host has at the time, again and again."""

import logging
import os
from collections.abc import Callable
from functools import partial

from vox6.dns import rdata

from ..driver import Loop, Timer
from ..names import Names, resolv_conf
from ..sockets import Driver
from .discovery import Discovery
from .options import Options, Peer, Where

log = logging.getLogger("vox6.tunnel")

_AGAIN_FIRST = 2_000  # ms until servers are looked for again, doubled
_AGAIN_LAST = 60_000


class Finder:
    """Looks servers and their names up with the host's DNS servers, as they are at the time."""

    def __init__(self, loop: Loop, options: Options, found: Callable[[list[Where]], None]) -> None:
        """found(servers) is called when the network has told some, never with none."""
        self._loop = loop
        self._options = options
        self._found = found
        self._names = Names(os.urandom, Driver(loop))
        self._dns_servers: list[Peer] = []
        self._wait = _AGAIN_FIRST
        self._again: Timer | None = None

    def find(self) -> None:
        """Ask the network for servers, again and again until it tells some."""
        self.stop()
        domains = self._read()
        if self._options.domain:
            domains = [self._options.domain]
        Discovery(self._names, os.urandom, domains, self._told).start()

    def stop(self) -> None:
        """Look for nothing more."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._names.cancel_all()

    def resolve(self, name: str, done: Callable[[list[bytes]], None]) -> None:
        """Look up the IPv4 addresses of a name; done() with none where there are none."""
        self._read()
        self._names.resolve(name, rdata.A, partial(self._resolved, name, done))

    def _resolved(
        self,
        name: str,
        done: Callable[[list[bytes]], None],
        records: list[rdata.Data],
        reason: str,
    ) -> None:
        found = [one.address for one in records if isinstance(one, rdata.AddressData)]
        if not found:
            log.warning("the server %s has no IPv4 address: %s", name, reason)
        done(found)

    def _read(self) -> list[str]:
        """Take the host's DNS servers as they are now; its domains."""
        servers, domains = resolv_conf(self._options.resolv_conf)
        if servers != self._dns_servers:
            self._dns_servers = servers
            self._names.set_servers(servers)
        return domains

    def _told(self, servers: list[Where]) -> None:
        if servers:
            self._wait = _AGAIN_FIRST
            self._found(servers)
            return
        if self._wait == _AGAIN_FIRST:
            log.warning("no server is known: set one, or have SRV _tsp._udp in the domain")
        self._again = self._loop.call_at(self._loop.now() + self._wait, self.find)
        self._wait = min(2 * self._wait, _AGAIN_LAST)
