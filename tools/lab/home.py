# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A home: an IPv4-only LAN behind NAT, with DHCPv4 and DNS, as most of them are."""

import re
import time
from typing import TYPE_CHECKING

from tools.lab.advertiser import Advertiser
from tools.lab.errors import LabError
from tools.lab.link import Host, Link
from tools.lab.nameserver import Dnsmasq
from tools.lab.namespace import inside, need, sysctl
from tools.lab.nat import NAT, Mapping

if TYPE_CHECKING:
    from tools.lab.anycast import Anycast
    from tools.lab.internet import Internet
    from tools.lab.operators import Operator

LAN = "192.0.2."  # every home has the same one, each behind its own NAT
ROUTER = "192.0.2.1"
_FIRST_STATIC = 10
_LEASES = "192.0.2.100,192.0.2.199,255.255.255.0,2m"
# Tells the lease in one line; the lab sets the address itself.
_DHCP_SCRIPT = '#!/bin/sh\necho "$1: ip=$ip mask=$mask router=$router dns=$dns domain=$domain"\n'
_LEASE = re.compile(
    r"^bound: ip=(\S+) mask=\d+ router=(\S*) dns=(\S*) domain=(\S*)$", re.MULTILINE
)


class Home(Link):
    """An IPv4-only LAN behind NAT. Made by Internet.home().

    host = home.host("phone")             # 192.0.2.10, a default route, VOX6_RESOLV_CONF
    tap = home.tap()                      # an emulated board takes its address by DHCP
    Capture(home), Capture(home.wan)      # what the home sees; what strangers see
    """

    def __init__(self, net: "Internet", name: str, kind: str, timeout_s: int) -> None:
        """Make it; see Internet.home()."""
        super().__init__(net.base, name)
        self.domain = f"{name}.example"
        self.make_switch()
        self.servers: list[Operator | Anycast] | None = None
        self._net = net
        self._statics = 0
        self.router = super().host("router", slaac=False)
        self.router.set_address(ROUTER, 24)
        self.wan = net.uplink(self.router.netns, "wan", self.folder)
        self.wan.route_ipv4(net.next_ipv4())
        self.nat = NAT(net.base, self.router.netns, self.public_address, kind, timeout_s)
        self._advertiser: Advertiser | None = None
        self._dnsmasq = Dnsmasq(net.base, self.router.netns, self.folder, "dnsmasq")
        lines = [f"listen-address={ROUTER}", "interface=eth0", "except-interface=wan"]
        lines += [f"server={net.dns_ipv4}", f"domain={self.domain}", f"dhcp-range={_LEASES}"]
        lines += [f"dhcp-option=option:router,{ROUTER}", f"dhcp-option=option:dns-server,{ROUTER}"]
        lines += ["dhcp-authoritative"]
        self._dnsmasq.start(lines)

    @property
    def public_address(self) -> str:
        """What the world takes for the address of everybody in this home."""
        assert self.wan.ipv4 is not None
        return self.wan.ipv4

    def host(
        self, name: str, *, address: str | None = None, slaac: bool = True, dhcp: bool = False
    ) -> Host:
        """Add a host.

        name: unique in the home; address: its IPv4 address, otherwise the next free one; slaac:
        take IPv6 when add_ipv6() brings it; dhcp: the address comes from the home's DHCP server.
        """
        host = super().host(name, slaac=slaac)
        if dhcp:
            self._lease(host)
            return host
        if address is None:
            address = f"{LAN}{_FIRST_STATIC + self._statics}"
            self._statics += 1
        host.ipv4 = address
        host.set_address(address, 24)
        host.set_default_route(ROUTER)
        self._write_resolver(host, ROUTER, self.domain)
        return host

    def set_servers(self, *servers: "Operator | Anycast") -> None:
        """Tell clients of these servers of PubTSP alone (SRV _tsp._udp), the first one best."""
        self.servers = list(servers)
        self._net.tell_servers(self)

    def leases(self) -> dict[str, str]:
        """IPv4 addresses that the DHCP server has given, by MAC address."""
        try:
            rows = [line.split() for line in self._dnsmasq.leases.read_text().splitlines()]
        except FileNotFoundError:
            return {}
        return {row[1]: row[2] for row in rows if len(row) >= 4 and row[0] != "duid"}

    def wait_lease(self, mac: str, timeout: float = 10.0) -> str:
        """Wait until a MAC address has a lease; the IPv4 address. LabError: none within it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.leases().get(mac)
            if found:
                return found
            time.sleep(0.05)
        raise LabError(f"{self.name}: no DHCP lease for {mac} within {timeout:g} s")

    def mappings(self) -> list[Mapping]:
        """UDP flows through the NAT that were begun from inside."""
        return self.nat.mappings()

    def rebind(self) -> None:
        """Every mapping of the NAT gets another port from its next packet on."""
        self.nat.rebind()

    def change_nat(self, kind: str) -> None:
        """Another router with another kind of NAT; no mapping outlives that."""
        self.nat.change(kind)

    def add_ipv6(self) -> str:
        """Native IPv6 appears in this home, advertised as in an office; the prefix."""
        if self._advertiser is None:
            prefix = self._net.next_prefix()
            with inside(self.router.netns):
                sysctl("ipv6/conf/all/forwarding", "1")
            self.router.set_address(str(prefix[1]))
            self.wan.route_ipv6([str(prefix)])
            self._advertiser = Advertiser(self.router, str(prefix), self._net.dns_ipv6)
            self.ipv6_prefix = str(prefix)
        self._advertiser.start()
        return self.ipv6_prefix

    def withdraw_ipv6(self) -> None:
        """Native IPv6 goes again: a last advertisement with lifetimes of zero."""
        if self._advertiser is not None:
            self._advertiser.stop()

    def _lease(self, host: Host) -> None:
        """Take an address for a host by a real DHCP client and configure it as told."""
        need("udhcpc", "udhcpc")
        script = self.folder / "udhcpc.script"
        script.write_text(_DHCP_SCRIPT)
        script.chmod(0o755)
        argv: list[str] = ["udhcpc", "-f", "-i", "eth0", "-s", str(script), "-t", "10", "-T", "1"]
        client = host.start(argv)
        found = client.wait_output(_LEASE.pattern, 15.0)
        host.ipv4 = found[1]
        host.set_address(host.ipv4, 24)
        host.set_default_route(found[2])
        self._write_resolver(host, found[3], found[4])

    def _write_resolver(self, host: Host, server: str, domain: str) -> None:
        path = self.folder / f"resolv-{host.name}.conf"
        path.write_text(f"domain {domain}\nnameserver {server}\n")
        host.env["VOX6_RESOLV_CONF"] = str(path)
