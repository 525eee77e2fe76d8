# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""An office: a LAN with native IPv6, router advertisements and DHCPv6 as its operator likes."""

import time
from typing import TYPE_CHECKING

from tools.lab.advertiser import Advertiser
from tools.lab.errors import LabError
from tools.lab.link import Host, Link
from tools.lab.nameserver import Dnsmasq
from tools.lab.namespace import inside, sysctl

if TYPE_CHECKING:
    from tools.lab.internet import Internet


class Office(Link):
    """A LAN with native IPv6 and no IPv4. Made by Internet.office().

    host = office.host("phone")           # its address comes by SLAAC
    office.withdraw(); office.advertise() # IPv6 goes and comes
    """

    def __init__(
        self, net: "Internet", name: str, dhcp6: str | None, options: dict[int, str] | None
    ) -> None:
        """Make it, silent until advertise(); see Internet.office()."""
        super().__init__(net.base, name)
        if dhcp6 not in (None, "stateless", "stateful"):
            raise LabError(f"DHCPv6 is 'stateless', 'stateful' or None, not {dhcp6!r}")
        self.domain = f"{name}.example"
        self.make_switch()
        self.router = super().host("router", slaac=False)
        with inside(self.router.netns):
            sysctl("ipv6/conf/all/forwarding", "1")
        self.prefix = net.next_prefix()
        self.router_address = str(self.prefix[1])
        self.router.set_address(self.router_address)
        self.wan = net.uplink(self.router.netns, "wan", self.folder)
        self.wan.route_ipv6([str(self.prefix)])
        self._dhcp6 = dhcp6
        self._advertiser = Advertiser(self.router, str(self.prefix), self.router_address)
        self._dnsmasq = Dnsmasq(net.base, self.router.netns, self.folder, "dnsmasq")
        lines = [f"listen-address={self.router_address}", "interface=eth0"]
        lines += ["except-interface=wan", f"server={net.dns_ipv6}", f"domain={self.domain}"]
        if dhcp6 == "stateful":
            lines.append(f"dhcp-range={self.prefix[0x1000]},{self.prefix[0x1FFF]},64,10m")
        elif dhcp6 == "stateless":
            lines.append(f"dhcp-range={self.prefix[0]},static,64,10m")
        wanted = {23: f"[{self.router_address}]", 24: self.domain}
        wanted.update(options or {})
        if dhcp6:
            lines += [f"dhcp-option=option6:{code},{text}" for code, text in wanted.items()]
            lines += ["dhcp-authoritative"]
        self._dnsmasq.start(lines)

    def advertise(self, *, autonomous: bool = True) -> None:
        """Send router advertisements from now on; autonomous: hosts make addresses by SLAAC.

        The flags M and O say what the office's DHCPv6 server gives.
        """
        self._advertiser.start(
            autonomous=autonomous,
            managed=self._dhcp6 == "stateful",
            other=self._dhcp6 is not None,
        )

    def withdraw(self) -> None:
        """Router and prefix go: a last advertisement with lifetimes of zero, then none."""
        self._advertiser.stop()

    def host(self, name: str, *, address: str | None = None, slaac: bool = True) -> Host:
        """Add a host; its address comes by SLAAC unless slaac is off. See Link.host()."""
        host = super().host(name, address=address, slaac=slaac)
        if not slaac and address:
            host.set_default_route(self.router_address)
        path = self.folder / f"resolv-{name}.conf"
        path.write_text(f"domain {self.domain}\nnameserver {self.router_address}\n")
        host.env["VOX6_RESOLV_CONF"] = str(path)
        return host

    def leases(self) -> list[str]:
        """IPv6 addresses that the DHCPv6 server has given."""
        try:
            rows = [line.split() for line in self._dnsmasq.leases.read_text().splitlines()]
        except FileNotFoundError:
            return []
        return [row[2] for row in rows if len(row) >= 4 and ":" in row[2]]

    def wait_lease(self, timeout: float = 10.0) -> str:
        """Wait for the first DHCPv6 lease; the address. LabError: none within the time."""
        deadline = time.monotonic() + timeout
        while not self.leases():
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: no DHCPv6 lease within {timeout:g} s")
            time.sleep(0.05)
        return self.leases()[0]
