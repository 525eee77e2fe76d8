# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Ways out for parties as settings want them: default routes by DNS and proxy mode, each made when
it is first of use, for the process on a host and on a router alike.
"""

from ..common.names import resolv_conf
from .default_route import DefaultRoute
from .proxy import Proxy
from .servers import Servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .mirror import Message
    from .program import Program

    Address = tuple[bytes, int]
    Passed = Callable[[Message, Address, Address], None]


class Outbound:
    """Those of one program. random: octets by chance; resolver: a file as /etc/resolv.conf."""

    def __init__(
        self, program: "Program", random: "Callable[[int], bytes]", resolver: str, key: bytes
    ) -> None:
        self._program = program
        self._random = random
        self._resolver = resolver
        self._key = key
        self._servers: "Servers | None" = None
        self._passed: "Passed | None" = None
        self._route: "DefaultRoute | None" = None

    def apply(self, passed: "Passed | None") -> None:
        """Let the program's settings count. passed: who else sees what has gone on."""
        program = self._program
        mirror, settings = program.mirror, program.settings
        servers = self._servers
        if servers is None and (settings.defaults or settings.proxies):
            servers = self._servers = Servers(program.driver, self._random, self._resolvers)
        if servers is None:
            mirror.passed = passed
            return
        if settings.defaults and self._route is None:
            self._route = DefaultRoute(program, servers)
            mirror.default = self._route.default
        if settings.proxies and program.proxy is None:
            program.proxy = Proxy(mirror, self._key)
            program.proxy.resolve(servers, program.redirect)
        if program.proxy is not None:
            program.proxy.configure(settings)
        self._passed = passed
        mirror.passed = servers.passed if passed is None else self._both

    def _both(self, message: "Message", peer: "Address", target: "Address") -> None:
        assert self._servers is not None and self._passed is not None
        self._servers.passed(message, peer, target)
        self._passed(message, peer, target)

    def _resolvers(self) -> "list[tuple[bytes, int]]":
        return resolv_conf(self._resolver)[0]

    def close(self) -> None:
        """Let go what waits for names: the SIP ports are another's now."""
        if self._servers is not None:
            self._servers.close()
