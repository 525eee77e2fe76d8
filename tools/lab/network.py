# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Lab: one IPv6 link, a router that advertises a prefix, hosts, no IPv4."""

import ipaddress
from pathlib import Path

from tools.lab.advertiser import Advertiser
from tools.lab.base import Base, World
from tools.lab.link import Host, Link
from tools.lab.namespace import check_able, inside, sysctl

PREFIX = "2001:db8:1::/64"
DNS_SERVER = "2001:db8:1::53"


class Lab(World, Link):
    """A link with a router that advertises a prefix, and the hosts on it.

    with Lab(Path("build/lab")) as lab:
        a = lab.host("a")
        a.start(["ping", "-c1", lab.router_address])
    """

    def __init__(self, folder: Path, *, tag: str = "", prefix: str = PREFIX) -> None:
        """Prepare a lab; nothing is made before the with block.

        folder: where logs and captures go, made when absent; tag: shown in the names, for people;
        prefix: the /64 that the router advertises.
        """
        super().__init__(Base(folder, tag))
        self.prefix = ipaddress.IPv6Network(prefix)
        self.router_address = str(self.prefix[1])

    def make(self) -> None:
        """Make the link and its router."""
        self.make_switch()
        self._make_router()

    def _make_router(self) -> None:
        router = self.host("router", slaac=False)
        with inside(router.netns):
            sysctl("ipv6/conf/all/forwarding", "1")
        router.set_address(self.router_address)
        router.set_address(DNS_SERVER)
        Advertiser(router, str(self.prefix), DNS_SERVER).start()


__all__ = ["DNS_SERVER", "PREFIX", "Host", "Lab", "check_able", "inside"]
