# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A line from the provider to a customer: one veth, addresses and routes at both ends.

The customer's end has fe80::2 and perhaps a public IPv4 address, the provider's end fe80::1 and
the address of the core; neither IPv4 address has a subnet, as on many real access lines.
"""

import socket
from collections.abc import Sequence
from pathlib import Path

from tools.lab.base import Base
from tools.lab.link import add_address
from tools.lab.namespace import complete_checksums, index_of, inside, netlink, poll_frames, sysctl
from tools.lab.process import Process

CORE_IPV4 = "198.51.100.1"
_PROVIDER, _CUSTOMER = "fe80::1", "fe80::2"


class Uplink:
    """One access line. A place for a Capture: what passes here is what the provider sees."""

    def __init__(
        self, base: Base, core: str, port: str, netns: str, interface: str, folder: Path
    ) -> None:
        """Make the veth and set both ends up.

        core: namespace of the provider; port: name of its end there; netns, interface: of the
        customer's end; folder: for captures.
        """
        self.base = base
        self.folder = folder
        self.netns = netns
        self.capture_interface = interface
        self.ipv4: str | None = None
        self._prefixes: list[str] = []
        self._has_ipv6 = False
        self._core = core
        self._port = port
        with netlink(core) as ip:
            peer = {"ifname": interface, "net_ns_fd": netns}
            ip.link("add", ifname=port, kind="veth", peer=peer)
        for name, end in ((core, port), (netns, interface)):
            with inside(name):
                sysctl(f"ipv6/conf/{end}/accept_dad", "0")  # usable at once
                sysctl(f"ipv6/conf/{end}/keep_addr_on_down", "1")
                complete_checksums(end)
                poll_frames(end)
            with netlink(name) as ip:
                ip.link("set", index=index_of(name, end), state="up")

    def route_ipv4(self, address: str) -> None:
        """Give the customer's end a public IPv4 address, and its way to all others."""
        self.ipv4 = address
        for name, end, local, peer in (
            (self._core, self._port, CORE_IPV4, address),
            (self.netns, self.capture_interface, address, CORE_IPV4),
        ):
            with netlink(name) as ip:
                index = index_of(name, end)
                ip.addr("add", index=index, address=peer, local=local, prefixlen=32)
        with netlink(self.netns) as ip:
            ip.route("add", dst="default", gateway=CORE_IPV4, family=socket.AF_INET)

    def route_ipv6(self, prefixes: Sequence[str]) -> None:
        """Route prefixes to the customer, and what it sends elsewhere to the provider."""
        self.set_addresses(_PROVIDER, _CUSTOMER)
        self._has_ipv6 = True
        self._prefixes += prefixes
        self._route_prefixes()
        with netlink(self.netns) as ip:
            index = index_of(self.netns, self.capture_interface)
            ip.route("add", dst="default", gateway=_PROVIDER, oif=index, family=socket.AF_INET6)

    def _route_prefixes(self) -> None:
        with netlink(self._core) as ip:
            index = index_of(self._core, self._port)
            for prefix in self._prefixes:
                ip.route("replace", dst=prefix, gateway=_CUSTOMER, oif=index)

    def set_addresses(self, provider: str, customer: str) -> None:
        """Give both ends IPv6 addresses of one /64."""
        for name, end, address in (
            (self._core, self._port, provider),
            (self.netns, self.capture_interface, customer),
        ):
            with netlink(name) as ip:
                add_address(ip, index_of(name, end), address, 64)

    def add_route(self, destination: str, table: int) -> None:
        """Route a prefix to the customer in a table of the core's that rules choose."""
        with netlink(self._core) as ip:
            index = index_of(self._core, self._port)
            gateway = _CUSTOMER if ":" in destination else self.ipv4
            ip.route("replace", dst=destination, gateway=gateway, oif=index, table=table)

    def set_state(self, state: str) -> None:
        """Pull the provider's plug ("down"), both ends lose the carrier, or put it back ("up")."""
        with netlink(self._core) as ip:
            index = index_of(self._core, self._port)
            ip.link("set", index=index, state=state)
            if state == "up" and self._has_ipv6:  # the kernel keeps no link-local address
                add_address(ip, index, _PROVIDER, 64)
        if state == "up":
            self._route_prefixes()

    def start_in_switch(
        self, argv: Sequence[str | Path], log: str, urgent: bool = False
    ) -> Process:
        """Start a program at the customer's end (a capture)."""
        return self.base.start(self.netns, argv, self.folder / log, urgent=urgent)
