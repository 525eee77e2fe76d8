# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd/next_hops.py: what the table of next hops says for routes as `ip` sets them."""

import os
import select
import socket
import struct

import pytest

from host_tests.servers import kernel_plane
from host_tests.servers.veths import run
from tools.common.next_hops import NextHops
from tools.lab import namespace
from tools.pubtspd.tables import Tables

OURS = {"left": bytes.fromhex("02000000000a"), "right": bytes.fromhex("02000000000b")}
ROUTER = bytes.fromhex("0200000000f1")
OTHER = bytes.fromhex("0200000000f2")
ASK = None  # the kernel is asked
_SETUP = """
link add left address 02:00:00:00:00:0a type veth peer name far_a
link add right address 02:00:00:00:00:0b type veth peer name far_b
link add third type veth peer name far_c
link set left up
link set right up
link set third up
link set far_a up
link set far_b up
link set far_c up
addr add 192.0.2.2/24 dev left
addr add 2001:db8:9::2/64 dev right nodad
addr add 198.51.100.2/24 dev third
neigh add 192.0.2.1 lladdr 02:00:00:00:00:f1 dev left nud permanent
neigh add 2001:db8:9::1 lladdr 02:00:00:00:00:f1 dev right nud permanent
route add default via 192.0.2.1
route add default via 2001:db8:9::1
"""


@pytest.fixture
def world():
    """A namespace with two interfaces of ours, a third, and what the table says in it."""
    path = kernel_plane.need_object()
    name = f"vox6-{os.getpid()}-1-next-hops"
    namespace.create(name)
    try:
        run("ip", "-n", name, "-batch", "-", text=_SETUP)
        with namespace.inside(name):
            yield World(name, path)
    finally:
        namespace.remove(name)


class World:
    def __init__(self, name, path):
        self.name = name
        self.tables = Tables(path)
        self.maps = {
            socket.AF_INET: self.tables.map("hops4"),
            socket.AF_INET6: self.tables.map("hops6"),
        }
        self.hops = NextHops(self.maps)
        self.arms = {socket.if_nametoindex(word): mac for word, mac in OURS.items()}

    def ip(self, *lines):
        run("ip", "-n", self.name, "-batch", "-", text="\n".join(lines) + "\n")

    def where(self, text):
        """(interface, router) that the kernel's plane would use for an address; ASK."""
        self.hops.maintain(self.arms)
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        address = socket.inet_pton(family, text)
        found = self.maps[family].get(
            struct.pack("=I", 8 * len(address)) + address
        )  # longest prefix
        if found is None or found[:4] == bytes(4):
            return ASK
        word = socket.if_indextoname(struct.unpack("=I", found[:4])[0])
        assert found[10:] == OURS[word]
        return word, found[4:10]


def test_default_routes(world):
    assert world.where("203.0.113.77") == ("left", ROUTER)
    assert world.where("2001:db8:99::7") == ("right", ROUTER)


def test_neighbours_on_the_link(world):
    assert world.where("192.0.2.77") is ASK  # not known yet
    world.ip("neigh add 192.0.2.77 lladdr 02:00:00:00:00:f2 dev left nud permanent")
    assert world.where("192.0.2.77") == ("left", OTHER)
    world.ip("neigh change 192.0.2.77 lladdr 02:00:00:00:00:f1 dev left nud stale")
    assert world.where("192.0.2.77") == ("left", ROUTER)
    world.ip("neigh del 192.0.2.77 dev left")
    assert world.where("192.0.2.77") is ASK


def test_what_is_left_to_the_kernel(world):
    world.ip(
        "route add unreachable 203.0.113.0/25",
        "route add blackhole 2001:db8:66::/48",
        "route add 203.0.113.128/26 via 198.51.100.1 dev third onlink",  # not an interface of ours
        "route add 203.0.113.192/27 mtu 1200 via 192.0.2.1",
        "route add 203.0.113.224/27 nexthop via 192.0.2.1 nexthop via 192.0.2.3",
    )
    for address in ("203.0.113.7", "2001:db8:66::1", "203.0.113.130", "203.0.113.200",
                    "203.0.113.230",
                    "192.0.2.2", "2001:db8:9::2", "ff02::1", "192.0.2.255"):  # fmt: skip
        assert world.where(address) is ASK, address
    assert world.where("198.18.0.1") == ("left", ROUTER)


def test_routes_change(world):
    world.ip("route add 203.0.113.0/24 via 192.0.2.3")
    assert world.where("203.0.113.77") is ASK  # its router is not known
    world.ip("neigh replace 192.0.2.3 lladdr 02:00:00:00:00:f2 dev left nud reachable")
    assert world.where("203.0.113.77") == ("left", OTHER)
    world.ip(
        "route add 203.0.113.0/24 via 192.0.2.1 metric 5", "route del 203.0.113.0/24 metric 0"
    )
    assert world.where("203.0.113.77") == ("left", ROUTER)
    world.ip("route del default", "route del 203.0.113.0/24")
    assert world.where("203.0.113.77") is ASK


def test_better_metric(world):
    world.ip(
        "neigh add 192.0.2.3 lladdr 02:00:00:00:00:f2 dev left nud permanent",
        "route add 203.0.113.0/24 via 192.0.2.1 metric 20",
        "route add 203.0.113.0/24 via 192.0.2.3 metric 10",
    )
    assert world.where("203.0.113.77") == ("left", OTHER)


def test_rules(world):
    """Routes that depend on more than the destination: the table is empty."""
    assert world.where("203.0.113.77") == ("left", ROUTER)
    world.ip("rule add from 198.51.100.0/24 table 77")
    assert world.where("203.0.113.77") is ASK
    assert world.where("2001:db8:99::7") == ("right", ROUTER)
    assert list(world.maps[socket.AF_INET].keys()) == []


def test_interface_goes_down(world):
    world.ip("link set left down")
    assert world.where("203.0.113.77") is ASK


def test_events(world):
    """The descriptor tells that there is something to do, and only then."""
    world.where("203.0.113.77")
    world.where("203.0.113.77")  # what the first maintenance has moved is seen
    assert not select.select([world.hops.fileno()], [], [], 0)[0]
    world.ip("route add 203.0.113.0/24 via 192.0.2.3")
    assert select.select([world.hops.fileno()], [], [], 1)[0]


def test_unknown_router_is_asked_for(world):
    """A router that no packet of the kernel's ever goes to is looked for all the same."""
    world.ip("neigh del 192.0.2.1 dev left")
    assert world.where("203.0.113.77") is ASK
    assert "192.0.2.1" in run("ip", "-n", world.name, "neigh", "show", "dev", "left", "nud", "all")
