# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""DNS and DHCP of the lab by dnsmasq: the provider's names, leases of homes and offices."""

from pathlib import Path

from tools.lab.base import Base
from tools.lab.namespace import need
from tools.lab.process import Process

_COMMON = """no-resolv
no-hosts
cache-size=0
log-queries
log-dhcp
user=root
bind-interfaces
no-ping
"""


class Dnsmasq:
    """One dnsmasq in one namespace."""

    def __init__(self, base: Base, netns: str, folder: Path, name: str) -> None:
        """Prepare; name: of its files in the folder."""
        need("dnsmasq", "dnsmasq-base")
        self._base = base
        self._netns = netns
        self._folder = folder
        self._name = name
        self._process: Process | None = None
        self.leases = folder / f"{name}.leases"

    def start(self, lines: list[str]) -> None:
        """Start it with these lines of dnsmasq.conf; leases stay when it ran before."""
        self.stop()
        config = self._folder / f"{self._name}.conf"
        config.write_text(_COMMON + "\n".join(lines) + "\n")
        argv = ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file="]
        argv += [f"--dhcp-leasefile={self.leases}", f"--conf-file={config}"]
        log = self._folder / f"{self._name}.log"
        self._process = self._base.start(self._netns, argv, log)
        self._process.wait_output(r"started, version", 5.0)

    def stop(self) -> None:
        """End it; nobody answers then."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def output(self) -> str:
        """Its log: each query and lease."""
        return self._process.output() if self._process else ""


class Names:
    """All names of the lab's Internet below example., served by the provider's core."""

    def __init__(self, dnsmasq: Dnsmasq, addresses: tuple[str, ...]) -> None:
        self._dnsmasq = dnsmasq
        self._addresses = addresses
        self._lines: dict[str, list[str]] = {}
        self._refresh()

    def set_host(self, name: str, *addresses: str) -> None:
        """Give a name these addresses (A and AAAA) alone; without any it is gone."""
        self._set("host " + name, [f"host-record={name},{one}" for one in addresses])

    def set_service(self, owner: str, *targets: tuple[str, int]) -> None:
        """Give an owner such as _sip._udp.home.example SRV records to (name, port), best first."""
        lines = [
            f"srv-host={owner},{name},{port},{priority}"
            for priority, (name, port) in enumerate(targets)
        ]
        self._set("service " + owner, lines)

    def stop(self) -> None:
        """Answer nobody, until start()."""
        self._dnsmasq.stop()

    def start(self) -> None:
        """Answer again, with the same names."""
        self._refresh()

    def queries(self) -> list[str]:
        """Names that were asked for since the last change, with their types, in turn."""
        found = []
        for line in self._dnsmasq.output().splitlines():
            _, mark, rest = line.partition(": query[")
            if mark:
                kind, _, more = rest.partition("] ")
                found.append(f"{more.split(' ')[0]} {kind}")
        return found

    def _set(self, key: str, lines: list[str]) -> None:
        if self._lines.get(key, []) != lines:
            self._lines[key] = lines
            self._refresh()

    def _refresh(self) -> None:
        lines = [f"listen-address={address}" for address in self._addresses]
        lines.append("local=/example/")
        self._dnsmasq.start(lines + [line for rows in self._lines.values() for line in rows])
