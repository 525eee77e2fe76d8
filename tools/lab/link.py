# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One link: a bridge in a namespace of its own, hosts and taps on it, places for captures."""

import ipaddress
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyroute2 import IPRoute

from tools.lab.base import Base
from tools.lab.errors import LabError
from tools.lab.namespace import (
    IFA_F_DADFAILED,
    IFA_F_NODAD,
    IFA_F_TENTATIVE,
    complete_checksums,
    index_of,
    inside,
    make_tap,
    netlink,
    sysctl,
)
from tools.lab.process import Process


class Host:
    """One namespace with a link eth0 on a bridge."""

    def __init__(self, link: "Link", name: str, number: int) -> None:
        self.lab = link
        self.name = name
        self.netns = ""
        self.mac = f"02:00:5e:10:00:{number:02x}"
        self.port = f"port{number}"  # its end on the bridge
        self.env: dict[str, str] = {}  # for every program that is started here
        self.ipv4 = self.ipv6 = ""  # fixed addresses that its link gave it

    def start(
        self,
        argv: Sequence[str | Path],
        log: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        urgent: bool = False,
    ) -> Process:
        """Start a program in this namespace; log: name of its output file in the link's folder."""
        name = log or f"{self.name}-{Path(str(argv[0])).name}.log"
        path = self.lab.folder / name
        env = {**self.env, **(env or {})}
        return self.lab.base.start(self.netns, argv, path, env=env, cwd=cwd, urgent=urgent)

    def run(self, argv: Sequence[str | Path]) -> str:
        """Run a program in this namespace to its end; what it printed. LabError: it failed."""
        return self.lab.base.run(self.netns, argv)

    def socket(
        self, family: int = socket.AF_INET6, kind: int = socket.SOCK_DGRAM
    ) -> socket.socket:
        """A socket that lives in this namespace."""
        with inside(self.netns):
            return socket.socket(family, kind)

    def addresses(self) -> list[str]:
        """Usable IPv6 addresses of eth0, global ones first."""
        with netlink(self.netns) as ip:
            index = index_of(self.netns, "eth0")
            found = []
            for row in ip.get_addr(index=index, family=socket.AF_INET6):
                flags = row.get_attr("IFA_FLAGS") or row["flags"]
                if not flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED):
                    found.append(str(row.get_attr("IFA_ADDRESS")))
        return sorted(found, key=lambda text: ipaddress.ip_address(text).is_link_local)

    def wait_address(self, timeout: float = 10.0) -> str:
        """Wait for a global IPv6 address; the address. LabError: none came."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = self.addresses()
            if found and not ipaddress.ip_address(found[0]).is_link_local:
                return found[0]
            time.sleep(0.05)
        raise LabError(f"{self.name}: no global IPv6 address within {timeout:g} s")

    def set_address(self, address: str, prefix_length: int = 64, interface: str = "eth0") -> None:
        """Add an address of either family that is usable at once."""
        with netlink(self.netns) as ip:
            add_address(ip, index_of(self.netns, interface), address, prefix_length)

    def remove_address(self, address: str, prefix_length: int = 64) -> None:
        """Take an address away."""
        with netlink(self.netns) as ip:
            index = index_of(self.netns, "eth0")
            ip.addr("del", index=index, address=address, prefixlen=prefix_length)

    def set_default_route(self, router: str) -> None:
        """Send what is for elsewhere to a router on the link."""
        self.set_route("default", router)

    def set_route(self, network: str, router: str) -> None:
        """Send what is for a network to a router on the link."""
        with netlink(self.netns) as ip:
            index = index_of(self.netns, "eth0")
            ip.route("replace", dst=network, gateway=router, oif=index, family=family_of(router))


class Link:
    """A bridge and what hangs on it.

    host = link.host("phone")        # a namespace on the link
    tap = link.tap()                 # a port for an emulated board
    """

    capture_interface = "br0"

    def __init__(self, base: Base, name: str = "") -> None:
        """Prepare; nothing is made before make_switch().

        base: the lab that it belongs to; name: of this link when the lab has several, its logs
        then lie in a folder of this name.
        """
        self.base = base
        self.name = name
        self.folder = base.folder / name if name else base.folder
        self.hosts: dict[str, Host] = {}
        self.switch = ""  # namespace of the bridge, the taps and the captures
        self._numbers = 0
        self._taps = 0

    @property
    def processes(self) -> list[Process]:
        """All programs of the lab."""
        return self.base.processes

    @property
    def tag(self) -> str:
        """What the names of the lab's namespaces begin with, behind the process id."""
        return self.base.tag

    def make_switch(self) -> None:
        """Make the bridge. It has no address, so that a capture holds what the hosts sent."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.switch = self.base.create(self._named("switch"))
        with inside(self.switch):
            sysctl("ipv6/conf/default/disable_ipv6", "1")
        with netlink(self.switch) as ip:
            ip.link("add", ifname="br0", kind="bridge", br_mcast_snooping=0, br_forward_delay=0)
            ip.link("set", index=index_of(self.switch, "br0"), state="up")

    def host(self, name: str, *, address: str | None = None, slaac: bool = True) -> Host:
        """Add a host.

        name: unique on the link; address: a fixed IPv6 address besides; slaac: take what the
        router advertises.
        """
        return self._make_host(name, address, slaac)

    def _make_host(
        self, name: str, address: str | None = None, slaac: bool = False, has_ipv6: bool = True
    ) -> Host:
        if name in self.hosts:
            raise LabError(f"there is a host {name} already")
        self._numbers += 1
        host = Host(self, name, self._numbers)
        host.netns = self.base.create(self._named(name))
        self.hosts[name] = host
        with inside(host.netns):
            if not slaac:
                sysctl("ipv6/conf/default/accept_ra", "0")
            if not has_ipv6:
                sysctl("ipv6/conf/default/disable_ipv6", "1")
            sysctl("ipv6/conf/default/router_solicitation_delay", "0")
            sysctl("ipv6/conf/default/use_tempaddr", "0")
        with netlink(self.switch) as ip:
            peer = {"ifname": "eth0", "net_ns_fd": host.netns, "address": host.mac}
            ip.link("add", ifname=host.port, kind="veth", peer=peer)
            self._plug(ip, host.port)
        with inside(host.netns):
            complete_checksums("eth0")
        with netlink(host.netns) as ip:
            ip.link("set", index=index_of(host.netns, "eth0"), state="up")
        if address:
            host.set_address(address)
        return host

    def join(self, host: Host, interface: str, has_ipv6: bool = True) -> None:
        """Give a host of another link of this lab an interface on this link as well."""
        self._numbers += 1
        port = f"port{self._numbers}"
        with netlink(self.switch) as ip:
            peer = {"ifname": interface, "net_ns_fd": host.netns}
            ip.link("add", ifname=port, kind="veth", peer=peer)
            self._plug(ip, port)
        with inside(host.netns):
            complete_checksums(interface)
            if not has_ipv6:
                sysctl(f"ipv6/conf/{interface}/disable_ipv6", "1")
        with netlink(host.netns) as ip:
            ip.link("set", index=index_of(host.netns, interface), state="up")

    def tap(self) -> str:
        """Add a tap device on the bridge for an emulated board; its name in `switch`."""
        self._taps += 1
        name = f"tap{self._taps}"
        with inside(self.switch):
            make_tap(name)
        with netlink(self.switch) as ip:
            self._plug(ip, name)
        return name

    def splice(self, port: str) -> str:
        """Take a port off the bridge; the name of the link whose other end is there instead."""
        inner, outer = f"in-{port}", f"br-{port}"
        with netlink(self.switch) as ip:
            ip.link("add", ifname=inner, kind="veth", peer={"ifname": outer})
            ip.link("set", index=index_of(self.switch, inner), state="up")
            ip.link("set", index=index_of(self.switch, port), master=0)
            self._plug(ip, outer)
        return inner

    def unsplice(self, port: str) -> None:
        """Put a port back on the bridge."""
        if not self.base.is_open:
            return
        with netlink(self.switch) as ip:
            ip.link("del", index=index_of(self.switch, f"in-{port}"))
            self._plug(ip, port)

    def start_in_switch(
        self, argv: Sequence[str | Path], log: str, urgent: bool = False
    ) -> Process:
        """Start a program beside the bridge (an emulator, a capture)."""
        return self.base.start(self.switch, argv, self.folder / log, urgent=urgent)

    def _named(self, name: str) -> str:
        return f"{self.name}-{name}" if self.name else name

    def _plug(self, ip: IPRoute, name: str) -> None:
        bridge = index_of(self.switch, "br0")
        ip.link("set", index=index_of(self.switch, name), master=bridge, state="up")


def family_of(address: str) -> int:
    """AF_INET or AF_INET6, as the text of an address says."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bracketed(address: str) -> str:
    """An address as URIs have it: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def add_address(ip: IPRoute, index: int, address: str, prefix_length: int) -> None:
    """Add an address of either family; of IPv6 without duplicate address detection."""
    more = {"flags": IFA_F_NODAD} if ":" in address else {}
    ip.addr("add", index=index, address=address, prefixlen=prefix_length, **more)
