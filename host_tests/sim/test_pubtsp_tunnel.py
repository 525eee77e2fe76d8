# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Client and server of lib/pubtsp in one world: from no address to packets both ways."""

import pytest

from host_tests.sim.tunnel import NATIVE, Net, seen_by, text_of
from host_tests.sim.world import BAD, PERFECT, WIRELESS, World

PUBLIC = "203.0.113.77"
SERVER = "198.51.100.1"


def scene(link=PERFECT, seed=1, nat=None, server=None, **settings):
    """A world with one server and one phone behind a NAT; the phone has begun."""
    net = Net(World(seed, link))
    node = net.server(SERVER, **(server or {}))
    home = net.nat(PUBLIC, **(nat or {}))
    phone = net.client("phone", home, **settings)
    phone.start([node.peer])
    return net, node, home, phone


@pytest.mark.parametrize("quick_start", [True, False])
def test_tunnel_comes_up(quick_start):
    net, node, home, phone = scene(quick_start=quick_start)
    net.world.run(until=500)
    assert phone.client.state == "Up"
    assert [type(event).__name__ for _, event in phone.events] == ["TunnelUp"]
    # one round trip of 10 ms, or three
    assert phone.events[0][0] == (10 if quick_start else 30)
    assert seen_by(phone, home)
    assert phone.say(NATIVE, b"hello")
    net.world.run(until=1000)
    assert [text_of(packet) for _, packet in phone.received] == [b"re:hello"]


@pytest.mark.parametrize("link", [WIRELESS, BAD], ids=["wireless", "bad"])
@pytest.mark.parametrize("quick_start", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_tunnel_comes_up_on_bad_wires(link, quick_start, seed):
    net, node, home, phone = scene(link, seed, quick_start=quick_start)
    assert net.world.run(until=300_000, condition=lambda: phone.client.address is not None)
    net.world.run(until=net.world.now + 200_000)
    assert phone.client.address is not None
    assert seen_by(phone, home)
    assert not phone.of("AddressChanged")
