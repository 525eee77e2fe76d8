# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two sites with one address, one prefix and one key: what clients notice when one goes.

The figures are printed by host_tests/bench/anycast_swap.py; here is what holds on any machine.
"""

import os
import socket

import pytest

from host_tests.servers.swap import TUNNELS, Swap

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
NONE = [0] * TUNNELS


@pytest.fixture(scope="module")
def swap(net):
    return Swap(net)


@pytest.fixture
def site(swap):
    """The site that most tunnels use; both sites serve again afterwards."""
    swap.service.wait_sites(2)
    found = swap.busiest()
    yield found
    if not found.operator.running():
        found.operator.start()
    swap.service.wait_sites(2)


def test_clients_found_the_service_by_themselves(net, swap):
    assert {client.ups()[-1][1] for client in swap.clients} == {swap.service.ipv4}
    assert len(set(swap.addresses)) == TUNNELS
    for address in swap.addresses:
        swap.server.run(["ping", "-c1", "-W2", address])


def test_the_router_spreads_clients_over_both_sites(net, swap):
    sender = net.host("sender")
    before = [one.operator.counters()["received"] for one in swap.service.sites]
    for port in range(20000, 20032):
        with sender.socket(socket.AF_INET) as channel:
            channel.bind((sender.ipv4, port))
            channel.sendto(b"\x70not for you", (swap.service.ipv4, 3653))
    for one, old in zip(swap.service.sites, before, strict=True):
        one.operator.wait_counter("received", old + 4)  # of 32; fewer by chance: once in 10,000


def test_a_withdrawn_site_loses_nothing(swap, site):
    assert swap.ping(site.withdraw) == NONE
    assert swap.service.sites_known() == (1, 1)
    site.operator.stop()
    assert swap.ping(site.operator.start) == NONE
    assert swap.ping(site.announce) == NONE
    swap.service.wait_sites(2)


def test_a_killed_daemon_loses_the_packets_of_the_moment(swap, site):
    lost = swap.ping(site.operator.kill)
    assert swap.service.sites_known() == (1, 1)
    # One of 20 ms is the target, and what is measured; a machine under load withdraws later.
    assert max(lost) <= 5
    assert swap.ping(site.operator.start) == NONE


def test_a_cut_line_loses_the_packets_of_the_moment(swap, site):
    lost = swap.ping(site.cut)
    assert swap.service.sites_known() == (1, 1)
    assert max(lost) <= 5
    assert swap.ping(site.mend) == NONE


def test_a_silent_site_is_left_within_a_second(swap, site):
    lost = swap.ping(site.silence)
    assert 0 < max(lost) <= 50  # BFD: 3 times 100 ms are 15 packets
    assert swap.ping(lambda: site.silence(False)) == NONE


def test_addresses_outlive_all_that(swap):
    for client, address in zip(swap.clients, swap.addresses, strict=True):
        assert client.ups()[-1][0] == address


def test_each_packet_by_another_site(net, swap):
    """Acceptance test 11: the sites alternate packet by packet."""
    swap.service.wait_sites(2)
    swap.service.alternate()
    before = [one.operator.counters() for one in swap.service.sites]
    assert swap.ping(lambda: None, seconds=2.0) == NONE
    after = [one.operator.counters() for one in swap.service.sites]
    for way in ("up", "down"):
        passed = [new[way] - old[way] for old, new in zip(before, after, strict=True)]
        assert sum(passed) >= 100 * TUNNELS
        assert abs(passed[0] - passed[1]) <= 2 + sum(passed) // 20
