# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64 in a host of the lab: its mappings, its process, what it uses."""

import ipaddress
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.common.control import ask
from tools.lab.errors import LabError
from tools.lab.link import Host, bracketed
from tools.lab.namespace import index_of, netlink
from tools.lab.operators import PATHS, TOP
from tools.lab.process import Process

_HOST_SCOPE = 254  # of a local route; the kernel refuses an IPv4 one that goes further


class Siproxy64:
    """One siproxy64.

    mirror = Siproxy64(host)
    mirror.map("192.0.2.11", "2001:db8:1::64:11")     # real, representation
    mirror.start()
    peer.dial(mirror.uri(phone.uri))                  # as the other side names it
    """

    def __init__(self, host: Host, *, ipv4_interface: str = "eth0") -> None:
        """Prepare; start() starts it. ipv4_interface: which of the host's gets IPv4 addresses."""
        self.host = host
        self._interface = ipv4_interface
        self._lines: list[str] = []
        self._counterparts: dict[str, str] = {}
        self.folder = host.lab.folder / host.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "siproxy64.conf"
        self.control = self.folder / "control"
        self.process: Process | None = None

    def map(self, real: str, representation: str, ports: Sequence[int] = ()) -> None:
        """Show a party under an address of the other family, which becomes one of this host's.

        ports: its SIP ports, each mapped alone; without any, whatever it uses.
        """
        if ":" in representation:
            self.host.set_address(representation, 64)
        else:
            self.host.set_address(representation, 24, self._interface)
        self._counterparts[real] = representation
        self._counterparts[representation] = real
        for port in ports:
            left, right = f"{bracketed(real)}:{port}", f"{bracketed(representation)}:{port}"
            self._lines.append(f"map {left} = {right}")
        if not ports:
            self._lines.append(f"map {real} = {representation}")

    def add_line(self, line: str) -> None:
        """Add a line to the configuration."""
        self._lines.append(line)

    def counterpart(self, address: str) -> str:
        """What an address is on the other side."""
        return self._counterparts[address]

    def uri(self, uri: str) -> str:
        """A SIP URI with a literal as the other side writes it."""
        for address in self._counterparts:
            before, at, after = uri.partition("@" + bracketed(address))
            if at and not after[:1].isalnum() and after[:1] != ".":
                return f"{before}@{bracketed(self.counterpart(address))}{after}"
        raise LabError(f"{uri} has no counterpart")

    def serve(self, network: str) -> None:
        """Take what comes for a whole network as for this host (AnyIP)."""
        net = ipaddress.ip_network(network)
        more = {"family": socket.AF_INET6} if net.version == 6 else {"scope": _HOST_SCOPE}
        with netlink(self.host.netns) as ip:
            index = index_of(self.host.netns, "lo")
            ip.route("add", dst=network, oif=index, type="local", table=255, **more)

    def start(self, program: Sequence[str | Path] = (), lines: Sequence[str] = ()) -> Process:
        """Write the configuration and start it.

        program: another build of it; lines: of the configuration, for this start alone.
        """
        rows = [f"control {self.control}", *self._lines, *lines]
        self.config.write_text("\n".join(rows) + "\n")

        argv = list(program or [sys.executable, "-m", "tools.siproxy64"])
        self.process = self.host.start(
            [*argv, "--config", self.config],
            log=f"siproxy64-{self.host.name}.log",
            env={"PYTHONPATH": PATHS},
            cwd=TOP,
            urgent=True,
        )
        self.process.wait_output(r"ready", 15.0)
        return self.process

    def _pid(self) -> int:
        if self.process is None:
            raise LabError("siproxy64 is not started")
        return self.process.pid

    def memory(self) -> int:
        """Resident memory in kB."""
        text = Path(f"/proc/{self._pid()}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0])

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(list(Path(f"/proc/{self._pid()}/fd").iterdir()))

    def wait_descriptors(self, count: int, timeout: float) -> None:
        """Wait until it has at most so many open. LabError: more are left."""
        deadline = time.monotonic() + timeout
        while self.descriptors() > count:
            if time.monotonic() > deadline:
                raise LabError(f"{self.descriptors()} files are open, not {count}")
            time.sleep(0.1)

    def status(self) -> dict[str, Any]:
        """What `siproxy64 status` tells."""
        return ask(str(self.control), {"command": "status"}, "siproxy64")

    def output(self) -> str:
        """What it has said since its start."""
        return self.process.output() if self.process else ""

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop()
            self.process = None


def cpu_s(pid: int) -> float:
    """CPU time of a process in seconds, by the scheduler's count in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
