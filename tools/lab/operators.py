# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""An operator of PubTSP: a namespace with lines for IPv4 and IPv6 that runs tools/pubtspd."""

import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.lab.errors import LabError
from tools.lab.namespace import inside, sysctl
from tools.lab.process import Process

if TYPE_CHECKING:
    from tools.lab.internet import Internet

TOP = Path(__file__).resolve().parents[2]
PATHS = f"{TOP / 'build/path'}:{TOP}"  # where our packages are found
_ANSWER_S = 5.0
_START_S = 20.0


class Operator:
    """A server of PubTSP on the lab's Internet. Made by Internet.operator().

    operator.kill(); operator.start(); operator.counters()["up"]
    """

    def __init__(
        self,
        net: "Internet",
        name: str,
        *,
        listen: str | None = None,
        prefix: str,
        key_file: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Make the namespace and its lines; start() starts the server.

        listen: the service's IPv4 address when it is not that of the line (anycast: on the TUN);
        prefix: /64 of the clients; key_file: None for one of its own; settings: more of
        pubtspd's, by the names of its flags.
        """
        self.base = net.base
        self.name = name
        self.domain = f"{name}.example"
        self.folder = net.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.netns = net.base.create(name)
        with inside(self.netns):
            sysctl("ipv6/conf/all/forwarding", "1")
            sysctl("ipv4/ip_forward", "1")
        self.wan4 = net.uplink(self.netns, "wan4", self.folder)
        self.wan4.route_ipv4(net.next_ipv4())
        self.wan6 = net.uplink(self.netns, "wan6", self.folder)
        self.wan6.route_ipv6([] if listen else [prefix])
        self.ipv4 = listen or self.wan4.ipv4 or ""
        self.prefix = prefix
        self._control = self.folder / "control"
        self._settings = {
            "listen": self.ipv4,
            "prefix": prefix,
            "tun": "pubtsp",
            "key-file": str(key_file or self.folder / "key"),
            "martians": "lab",
            "plane": "portable",
            "interface-ipv4": "wan4",
            "interface-ipv6": "wan6",
            "dns-server": net.dns_ipv6,
            "control": str(self._control),
            **({"service-on-tun": "true"} if listen else {}),
            **(settings or {}),
        }
        self.process: Process | None = None

    # -- the daemon ------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        if self.running():
            raise LabError(f"{self.name}: the server runs already")
        argv = [sys.executable, "-m", "tools.pubtspd"]
        for name, value in self._settings.items():
            argv += [f"--{name}", value]
        log = self.folder / "pubtspd.log"
        self.process = self.base.start(
            self.netns, argv, log, env={"PYTHONPATH": PATHS}, cwd=TOP, urgent=True
        )
        self.process.wait_output(r"ready$", _START_S)

    def running(self) -> bool:
        """Whether the server runs."""
        return self.process is not None and self.process.running()

    def stop(self) -> None:
        """End the server in order."""
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self.process is not None:
            self.process.kill()

    def restart(self) -> None:
        """End it in order and start it again."""
        self.stop()
        self.start()

    def output(self) -> str:
        """Its log since the last start."""
        return self.process.output() if self.process else ""

    # -- what an operator asks it ----------------------------------------------------------------

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Give the server a command of its control socket; the answer. LabError: it refuses."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(_ANSWER_S)
            try:
                channel.connect(os.fspath(self._control))
                channel.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
                with channel.makefile("rb") as file:
                    answer = json.loads(file.readline() or b"null")
            except (OSError, ValueError) as error:
                raise LabError(f"{self.name}: the server does not answer: {error}") from error
        if not isinstance(answer, dict) or not answer.get("ok"):
            raise LabError(f"{self.name}: {command}: {answer}")
        return answer

    def drain(self, *others: "Operator | str") -> None:
        """Send new clients to other servers (TSP code 1530)."""
        to = [one if isinstance(one, str) else one.ipv4 for one in others]
        self.ask("drain", to=to)

    def undrain(self) -> None:
        """Serve new clients again."""
        self.ask("undrain")

    def counters(self) -> dict[str, int]:
        """Packets of each rule since the start, both planes added: "up", "down", "drop_U4" ..."""
        found: dict[str, int] = {}
        for member in self.ask("status")["members"]:
            for plane in member["counters"].values():
                for name, value in plane.items():
                    found[name] = found.get(name, 0) + value
        return found

    def wait_counter(self, name: str, value: int, timeout: float = 5.0) -> int:
        """Wait until a counter is at least so high; the counter. LabError: it is not."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.counters().get(name, 0)
            if found >= value:
                return found
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: {name} is {found}, not {value}")
            time.sleep(0.05)
