# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which servers there are if none is configured: the network's DNS tells (X-10), built in ones.

On either interpreter.
"""

from vox6.dns import rdata
from vox6.dns.locate import ordered
from vox6.wire import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Target = tuple[str, int]
    Where = tuple[bytes, int] | str

BUILT_IN: "tuple[Where, ...]" = ()  # no anycast address is assigned yet
_MAX_TARGETS = const(8)  # of SRV records that are looked up
_MAPPED = b"\0" * 10 + b"\xff\xff"


class Discovery:
    """One look for servers: SRV _tsp._udp of each domain, then A of the targets.

    names: as names.Names. found(servers) is called once; an empty list: nobody told us any.
    """

    def __init__(
        self,
        names: "Any",
        random: "Callable[[int], bytes]",
        domains: "list[str]",
        found: "Callable[[list[Where]], None]",
    ) -> None:
        self._names = names
        self._random = random
        self._domains = list(domains)
        self._found = found
        self._targets: "list[Target]" = []
        self._addresses: "dict[Target, list[bytes]]" = {}

    def start(self) -> None:
        """Ask."""
        self._next_domain()

    def _next_domain(self) -> None:
        if not self._domains:
            self._found(list(BUILT_IN))
            return
        name = "_tsp._udp." + self._domains.pop(0)
        self._names.resolve(name, rdata.SRV, self._services)

    def _services(self, records: "list[rdata.Data]", reason: str) -> None:
        services = [one for one in records if isinstance(one, rdata.SRVData) and one.target != "."]
        for one in ordered(services, self._random)[:_MAX_TARGETS]:
            if (one.target, one.port) not in self._targets:
                self._targets.append((one.target, one.port))
        if not self._targets:
            self._next_domain()
            return
        for target in list(self._targets):
            self._locate(target)

    def _locate(self, target: "Target") -> None:
        def done(records: "list[rdata.Data]", reason: str) -> None:
            self._located(target, records)

        self._names.resolve(target[0], rdata.A, done)

    def _located(self, target: "Target", records: "list[rdata.Data]") -> None:
        self._addresses[target] = [
            one.address for one in records if isinstance(one, rdata.AddressData)
        ]
        if len(self._addresses) < len(self._targets):
            return
        servers: "list[Where]" = []
        for each in self._targets:
            servers.extend([(_MAPPED + address, each[1]) for address in self._addresses[each]])
        self._targets = []
        self._addresses = {}
        if servers:
            self._found(servers)
        else:
            self._next_domain()
