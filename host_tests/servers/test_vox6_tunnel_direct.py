# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Direct paths between hosts behind two NATs (X-13): the server counts, or counts nothing."""

import contextlib
import os
import time

import pytest

from host_tests.servers.tunnel_host import default_routes, reach, wait
from tools.lab.errors import LabError

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def pair(net, operator):
    """Two homes with a host each; NATs that let in who was spoken to."""
    return [net.home(name).host("laptop") for name in ("left", "right")]


class TestDirectPaths:
    """X-13: two hosts behind two NATs."""

    def talk(self, pair, addresses, seconds):
        """Twenty packets a second each way; how many came."""
        ends = []
        for host, address in zip(pair, addresses):
            one = host.socket()
            one.bind((address, 6000))
            one.setblocking(False)
            ends.append(one)
        came = 0
        rounds = int(20 * seconds)
        for number in range(rounds + 10):  # the last half second for what is under way
            for i, one in enumerate(ends) if number < rounds else ():
                one.sendto(b"talk", (addresses[1 - i], 6000))
            time.sleep(0.05)
            for one in ends:
                try:
                    while one.recv(100):
                        came += 1
                except BlockingIOError:
                    pass
        for one in ends:
            one.close()
        return came

    def up(self, pair, clients, *flags):
        made = [clients(host, *flags) for host in pair]
        addresses = [client.wait_up() for client in made]
        for host in pair:
            wait(lambda host=host: default_routes(host), "default route")
        return made, addresses

    def test_packets_pass_straight_and_the_server_counts_none(self, net, operator, pair, clients):
        made, addresses = self.up(pair, clients)
        assert self.talk(pair, addresses, 1.0) >= 30
        for client, other in zip(made, reversed(addresses)):
            client.process.wait_output(f"packets for {other} go straight to ", 5)
        before = operator.counters()
        came = self.talk(pair, addresses, 2.0)
        after = operator.counters()
        assert came >= 78
        moved = {name: after[name] - before.get(name, 0) for name in after}
        assert moved.get("down", 0) <= 2 and moved.get("up", 0) <= 2, (
            f"keepalives at most: {moved}"
        )

    def test_off_switch(self, net, operator, pair, clients):
        """One side without direct paths is enough."""
        made = [clients(pair[0], "--direct", "no"), clients(pair[1])]
        addresses = [client.wait_up() for client in made]
        for host in pair:
            wait(lambda host=host: default_routes(host), "default route")
        self.talk(pair, addresses, 1.0)
        before = operator.counters()["down"]
        came = self.talk(pair, addresses, 2.0)
        assert came >= 78 and operator.counters()["down"] - before >= came
        assert all("go straight" not in client.process.output() for client in made)

    def test_symmetric_nat_stays_at_the_server(self, net, operator, clients):
        pair = [
            net.home("strict", kind="symmetric").host("laptop"), net.home("plain").host("laptop")
        ]  # fmt: skip
        made, addresses = self.up(pair, clients)
        self.talk(pair, addresses, 1.0)
        before = operator.counters()["down"]
        came = self.talk(pair, addresses, 2.0)
        assert came >= 78 and operator.counters()["down"] - before >= came
        assert all("go straight" not in client.process.output() for client in made)

    def test_a_path_that_falls_silent_is_left(self, net, operator, pair, clients):
        """One end's NAT rebinds: the other goes by the server to the new address."""
        made, addresses = self.up(pair, clients)
        self.talk(pair, addresses, 1.0)
        made[0].process.wait_output("go straight", 5)
        net.homes["left"].rebind()
        deadline = time.monotonic() + 12
        while len(made[0].ups()) < 2 and time.monotonic() < deadline:
            with contextlib.suppress(LabError):  # the first packet through the server shows it
                pair[0].run(["ping", "-c1", "-W1", net.dns_ipv6])
        new = made[0].wait_up(2)
        assert new != addresses[0]
        reach(pair[1], new)
