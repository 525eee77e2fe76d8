# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A whole host behind a tunnel: `vox6 tunnel` in a host of the lab."""

import re
import sys
import time

from tools.lab.errors import LabError
from tools.lab.link import Host
from tools.lab.operators import PATHS, TOP
from tools.lab.process import Process

_UP = re.compile(r"^(?:.*\s)?up: (\S+) by (\S+):(\d+)", re.MULTILINE)


class TunnelClient:
    """`vox6 tunnel`, started without any server: it finds one by the home's domain.

    client = TunnelClient(home.host("laptop"))
    address = client.wait_up()
    """

    def __init__(self, host: Host, *more: str) -> None:
        """Start it; more: flags besides."""
        self.host = host
        argv = [sys.executable, "-m", "tools.vox6", "tunnel", "--martians", "lab"]
        argv += ["--resolv-conf", host.env["VOX6_RESOLV_CONF"], *more]
        self.process: Process = host.start(
            argv, log=f"{host.name}-tunnel.log", env={"PYTHONPATH": PATHS}, cwd=TOP, urgent=True
        )

    def ups(self) -> list[tuple[str, str]]:
        """Each (address, server's IPv4 address) that the tunnel had so far."""
        return [(one[1], one[2]) for one in _UP.finditer(self.process.output())]

    def wait_up(self, count: int = 1, timeout: float = 15.0) -> str:
        """Wait until it is up, for the count-th time; the address. LabError: it is not."""
        deadline = time.monotonic() + timeout
        while len(self.ups()) < count:
            if time.monotonic() > deadline or not self.process.running():
                raise LabError(f"{self.host.name}: no tunnel:\n{self.process.output()}")
            time.sleep(0.05)
        return self.ups()[-1][0]

    def close(self) -> None:
        """End it."""
        self.process.stop()
