# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A house whose phones know IPv4 alone, and siproxy64 between it and an IPv6 link.

Both links are of one lab; the mirror's host has a foot in each. Hosts of the house have no IPv6,
those of the other link no IPv4, so that nothing but the mirror brings them together.
"""

import ipaddress
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.link import Host, Link, bracketed
from tools.lab.namespace import index_of, inside, netlink, sysctl
from tools.lab.operators import PATHS, TOP
from tools.lab.process import Process

PREFIX = "192.0.2.0/24"
_INTERFACE = "house"  # of a mirror's host, on the house's link


class House(Link):
    """A link with IPv4 alone, no router: the first address is the mirror's.

    house = House(lab, "house")
    phone = house.host("kitchen", address="192.0.2.11")
    """

    def __init__(self, lab: Link, name: str = "house", prefix: str = PREFIX) -> None:
        """Make it, without a host. lab: the IPv6 link whose lab it belongs to."""
        super().__init__(lab.base, name)
        self.prefix = ipaddress.IPv4Network(prefix)
        self.mirror_address = str(self.prefix[1])
        self.make_switch()

    def host(self, name: str, *, address: str | None = None, slaac: bool = False) -> Host:
        """Add a host. address: its IPv4 address; slaac: not for a host here."""
        if address is None or slaac:
            raise LabError(f"{name}: a host of {self.name} has a fixed IPv4 address alone")
        host = super().host(name, slaac=False)
        with inside(host.netns):
            sysctl("ipv6/conf/all/disable_ipv6", "1")
        host.ipv4 = address
        host.set_address(address, self.prefix.prefixlen)
        host.set_default_route(self.mirror_address)
        return host


class Siproxy64:
    """siproxy64 in a host with a foot in an IPv6 link and in a house.

    mirror = Siproxy64(lab, house, "mirror", "2001:db8:1::64")
    mirror.map("192.0.2.11", "2001:db8:1::64:11")     # real, representation
    mirror.start()
    peer.dial(mirror.uri(phone.uri))                  # as the other side names it
    """

    def __init__(self, lab: Link, house: House, name: str, address: str) -> None:
        """Make its host; start() starts the program.

        lab: the IPv6 link; name: of the host; address: its own IPv6 address.
        """
        self.host = lab.host(name, address=address, slaac=False)
        self.ipv6, self.ipv4 = address, house.mirror_address
        house.join(self.host, _INTERFACE)
        self.host.set_address(self.ipv4, house.prefix.prefixlen, _INTERFACE)
        self._house = house
        self._counterparts: dict[str, str] = {}
        self.folder = lab.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "siproxy64.conf"
        self.control = self.folder / "control"
        self.process: Process | None = None

    def map(self, real: str, representation: str) -> None:
        """Show a party under an address of the other family, which becomes one of this host's."""
        self._counterparts[real] = representation
        self._counterparts[representation] = real
        if ":" in representation:
            self.host.set_address(representation, 64)
        else:
            length = self._house.prefix.prefixlen
            self.host.set_address(representation, length, _INTERFACE)

    def lines(self) -> list[str]:
        """The configuration's lines for what is mapped."""
        pairs = list(self._counterparts.items())[::2]
        return [f"map {real} = {representation}" for real, representation in pairs]

    def counterpart(self, address: str) -> str:
        """What an address is on the other side."""
        return self._counterparts[address]

    def uri(self, uri: str) -> str:
        """A SIP URI with a literal as the other side writes it."""
        for address in self._counterparts:
            literal = bracketed(address)
            before, at, after = uri.partition("@" + literal)
            if at and not after[:1].isalnum() and after[:1] != ".":
                return f"{before}@{bracketed(self.counterpart(address))}{after}"
        raise LabError(f"{uri} has no counterpart")

    def serve(self, network: str) -> None:
        """Take what comes for a whole network as for this host (AnyIP)."""
        net = ipaddress.ip_network(network)
        family = socket.AF_INET6 if net.version == 6 else socket.AF_INET
        with netlink(self.host.netns) as ip:
            index = index_of(self.host.netns, "lo")
            ip.route("add", dst=network, oif=index, type="local", table=255, family=family)

    def start(
        self,
        more: Sequence[str] = (),
        *,
        program: Sequence[str | Path] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Write the configuration and start the program; it has ended before or never begun.

        more: lines besides those of map(); program: another build of it and its first arguments.
        """
        rows = [f"control {self.control}", *self.lines(), *more]
        self.config.write_text("\n".join(rows) + "\n")
        argv = list(program or [sys.executable, "-m", "tools.siproxy64"])
        argv += ["--config", self.config]
        self.process = self.host.start(
            argv,
            log=f"siproxy64-{self.host.name}.log",
            env={"PYTHONPATH": PATHS, **(env or {})},
            cwd=TOP,
        )
        self.process.wait_output(r"ready", 15.0)

    def memory(self) -> int:
        """Resident memory of the program in kB."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0])

    def descriptors(self) -> int:
        """How many files and sockets the program has open."""
        assert self.process is not None
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def cpu_s(self) -> float:
        """CPU time of the program so far, in seconds."""
        assert self.process is not None
        return cpu_s(self.process.pid)

    def wait_descriptors(self, count: int, timeout: float) -> None:
        """Wait until it has at most so many open. LabError: more are left."""
        deadline = time.monotonic() + timeout
        while self.descriptors() > count:
            if time.monotonic() > deadline:
                raise LabError(f"{self.descriptors()} files are open, not {count}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop()
            self.process = None


def cpu_s(pid: int) -> float:
    """CPU time of a process in seconds, by its scheduler's count in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
