# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Tunnels over an anycast service, pinged all the time while something happens to a site."""

import re
import time

from tools.lab.client import TunnelClient

INTERVAL_S = 0.02
TUNNELS = 4


class Swap:
    """An anycast service of two sites and hosts behind four NATs, each with its tunnel."""

    def __init__(self, net):
        self.server = net.host("native")
        self.service = net.anycast("east", "west")
        self.hosts = [net.home(f"home{number}").host("host") for number in range(TUNNELS)]
        self.clients = [TunnelClient(host) for host in self.hosts]
        self.addresses = [client.wait_up() for client in self.clients]

    def ping(self, event, seconds=2.5, at=1.0):
        """Lost packets of each tunnel while event() happens; both ways count as one packet."""
        count = round(seconds / INTERVAL_S)
        words = ["ping", f"-i{INTERVAL_S}", f"-c{count}", "-q", self.server.ipv6]
        pings = [host.start(words) for host in self.hosts]
        time.sleep(at)
        event()
        lost = []
        for process in pings:
            process.wait(seconds + 15.0)
            sent, received = re.search(
                r"(\d+) packets transmitted, (\d+) received", process.output()
            ).groups()
            assert int(sent) == count
            lost.append(count - int(received))
        return lost

    def busiest(self, event=lambda: None):
        """The site that most packets pass now; half a second of pings tells."""
        before = [site.operator.counters()["up"] for site in self.service.sites]
        self.ping(event, seconds=0.5, at=0.0)
        after = [site.operator.counters()["up"] for site in self.service.sites]
        passed = [new - old for old, new in zip(before, after, strict=True)]
        return self.service.sites[passed.index(max(passed))]
