# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A small Internet: a provider's core that routes IPv4 and IPv6, homes, offices, public hosts.

192.0.2.0/24            the LAN of every home, each behind its own NAT
198.51.100.0/24         public: .1 the core, .53 its DNS, .64 and on homes and operators,
                        .192/26 public hosts
203.0.113.0/24          anycast
2001:db8::/48           the core (::1, DNS ::53) and public hosts (2001:db8:0:1::/64)
2001:db8:100::/40       /64 of offices and of homes that get IPv6
2001:db8:3653::/48      /64 of operators' tunnels
"""

import ipaddress
from pathlib import Path

from tools.lab.anycast import Anycast
from tools.lab.base import Base, World
from tools.lab.errors import LabError
from tools.lab.home import Home
from tools.lab.link import Host, Link, add_address
from tools.lab.nameserver import Dnsmasq, Names
from tools.lab.namespace import index_of, inside, netlink, sysctl
from tools.lab.office import Office
from tools.lab.operators import Operator
from tools.lab.uplink import CORE_IPV4, Uplink

DNS_IPV4, DNS_IPV6 = "198.51.100.53", "2001:db8::53"
CORE_IPV6 = "2001:db8::1"
_CUSTOMERS = ipaddress.IPv4Network("198.51.100.64/26")
_PUBLIC_IPV4 = ipaddress.IPv4Network("198.51.100.192/26")
_PUBLIC_IPV6 = ipaddress.IPv6Network("2001:db8:0:1::/64")
_TUNNELS = ipaddress.IPv6Network("2001:db8:3653::/48")
_NATIVE = ipaddress.IPv6Network("2001:db8:100::/40")


class Public(Link):
    """Hosts straight on the Internet: public IPv4 and IPv6, no NAT, no firewall."""

    def __init__(self, base: Base, core: str) -> None:
        super().__init__(base, "public")
        self.make_switch()
        with netlink(core) as ip:
            peer = {"ifname": "core", "net_ns_fd": self.switch}
            ip.link("add", ifname="public", kind="veth", peer=peer)
            index = index_of(core, "public")
            ip.link("set", index=index, state="up")
            add_address(ip, index, str(_PUBLIC_IPV4[1]), _PUBLIC_IPV4.prefixlen)
            add_address(ip, index, str(_PUBLIC_IPV6[1]), _PUBLIC_IPV6.prefixlen)
        with netlink(self.switch) as ip:
            self._plug(ip, "core")

    def host(self, name: str, *, address: str | None = None, slaac: bool = False) -> Host:
        """Add a host; address: another IPv6 address besides. Host.ipv4 and .ipv6 are set."""
        host = super().host(name, address=address, slaac=slaac)
        number = 9 + self._numbers
        host.ipv4, host.ipv6 = str(_PUBLIC_IPV4[number]), str(_PUBLIC_IPV6[number])
        host.set_address(host.ipv4, _PUBLIC_IPV4.prefixlen)
        host.set_address(host.ipv6, _PUBLIC_IPV6.prefixlen)
        host.set_default_route(str(_PUBLIC_IPV4[1]))
        host.set_default_route(str(_PUBLIC_IPV6[1]))
        path = self.folder / f"resolv-{name}.conf"
        path.write_text(f"nameserver {DNS_IPV6}\nnameserver {DNS_IPV4}\n")
        host.env["VOX6_RESOLV_CONF"] = str(path)
        return host


class Internet(World):
    """A provider with its customers, from the with to its end.

    with Internet(Path("build/lab")) as net:
        home = net.home("home")
        office = net.office("office")
        server = net.host("server")
        home.host("phone").run(["ping", "-c1", server.ipv4])
    """

    dns_ipv4, dns_ipv6 = DNS_IPV4, DNS_IPV6

    def __init__(self, folder: Path, *, tag: str = "") -> None:
        """Prepare; nothing is made before the with block.

        folder: where logs and captures go, made when absent; tag: shown in the names, for people.
        """
        self.base = Base(folder, tag)
        self.folder = self.base.folder
        self.core = ""  # namespace of the provider
        self.homes: dict[str, Home] = {}
        self.offices: dict[str, Office] = {}
        self.servers: list[Operator | Anycast] = []
        self._names = {"public", "core", "anycast"}
        self._uplinks = 0
        self._customers = 0
        self._prefixes = 0
        self._tunnels = 0

    # -- who is on it ----------------------------------------------------------------------------

    def home(self, name: str, *, kind: str = "restricted", timeout_s: int = 120) -> Home:
        """Add a home: an IPv4-only LAN behind NAT; its domain is NAME.example.

        kind: of its NAT, "cone", "restricted" or "symmetric" (see nat.py); timeout_s: until an
        idle UDP mapping ends.
        """
        self._check_name(name)
        home = self.homes[name] = Home(self, name, kind, timeout_s)
        self.tell_servers(home)
        return home

    def office(
        self,
        name: str,
        *,
        advertise: bool = True,
        dhcp6: str | None = None,
        options: dict[int, str] | None = None,
    ) -> Office:
        """Add an office: a LAN with native IPv6; its domain is NAME.example.

        advertise: False keeps its router silent until office.advertise(); dhcp6: None,
        "stateless" (O flag) or "stateful" (M and O); options: DHCPv6 options by number with
        dnsmasq's text for the value, e.g. {22: "[2001:db8::5]", 59: "http://boot.example/x"}.
        """
        self._check_name(name)
        office = self.offices[name] = Office(self, name, dhcp6, options)
        if advertise:
            office.advertise()
        return office

    def host(self, name: str) -> Host:
        """Add a host straight on the Internet, with public IPv4 and IPv6 (Host.ipv4, .ipv6)."""
        return self.public.host(name)

    def operator(self, name: str, **settings: str) -> Operator:
        """Add an operator of PubTSP and start its server; its name is NAME.example.

        settings: of pubtspd, with _ for - of its flags, e.g. plane="xdp". Homes tell clients of
        every operator by SRV records unless they were given some (Home.set_servers()).
        """
        self._check_name(name)
        more = {key.replace("_", "-"): value for key, value in settings.items()}
        operator = Operator(self, name, prefix=self.next_tunnel_prefix(), settings=more)
        operator.start()
        self._add_server(operator)
        return operator

    def anycast(self, *names: str, **settings: str) -> Anycast:
        """Add an anycast service with a site of each name; settings: as of operator()."""
        for name in names:
            self._check_name(name)
        more = {key.replace("_", "-"): value for key, value in settings.items()}
        folder = self.folder / "anycast"
        service = Anycast(self, names, self.next_tunnel_prefix(), more, folder)
        self._add_server(service)
        return service

    # -- for those who build customers ------------------------------------------------------------

    def uplink(self, netns: str, interface: str, folder: Path) -> Uplink:
        """Lay a line from the core to a customer's namespace."""
        self._uplinks += 1
        return Uplink(self.base, self.core, f"line{self._uplinks}", netns, interface, folder)

    def next_ipv4(self) -> str:
        """A public IPv4 address that nobody has."""
        self._customers += 1
        return str(_CUSTOMERS[self._customers])

    def next_prefix(self) -> ipaddress.IPv6Network:
        """A /64 for native IPv6 that nobody has."""
        self._prefixes += 1
        first = int(_NATIVE.network_address) + (self._prefixes << 80)
        return ipaddress.IPv6Network((first, 64))

    def next_tunnel_prefix(self) -> str:
        """A /64 for clients of a server that nobody has."""
        self._tunnels += 1
        first = int(_TUNNELS.network_address) + (self._tunnels << 64)
        return str(ipaddress.IPv6Network((first, 64)))

    def tell_servers(self, home: Home) -> None:
        """Publish the servers of a home's domain."""
        servers = self.servers if home.servers is None else home.servers
        targets = [(server.domain, 3653) for server in servers]
        self.dns.set_service(f"_tsp._udp.{home.domain}", *targets)

    def _add_server(self, server: "Operator | Anycast") -> None:
        self.servers.append(server)
        self.dns.set_host(server.domain, server.ipv4)
        for home in self.homes.values():
            self.tell_servers(home)

    def _check_name(self, name: str) -> None:
        if name in self._names:
            raise LabError(f"there is a {name} already")
        self._names.add(name)

    def make(self) -> None:
        """Make the provider's core."""
        self.core = self.base.create("core")
        with inside(self.core):
            sysctl("ipv4/ip_forward", "1")
            sysctl("ipv6/conf/all/forwarding", "1")
        with netlink(self.core) as ip:
            for address in (CORE_IPV4, DNS_IPV4):
                add_address(ip, 1, address, 32)
            for address in (CORE_IPV6, DNS_IPV6):
                add_address(ip, 1, address, 128)
        self.public = Public(self.base, self.core)
        dnsmasq = Dnsmasq(self.base, self.core, self.folder, "provider-dns")
        self.dns = Names(dnsmasq, (DNS_IPV4, DNS_IPV6))
