# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""DHCPv6 clients and servers on one link in the world of world.py, over days of its clock."""

import random

import pytest

from host_tests.sim.world import BAD, LAN, WIRELESS, World
from host_tests.unit.dhcp6 import helpers
from vox6 import dhcp6
from vox6.dhcp6 import message, state
from vox6.dhcp6.client import ALL_SERVERS, CLIENT_PORT

CLIENT = (b"\xfe\x80" + bytes(13) + b"\x02", CLIENT_PORT)
DAY = 86400 * 1000


class Link:
    """Brings what a client sends to each server that is alive, and answers back."""

    name = "link"

    def __init__(self, world, servers, **how):
        self.world = world
        self.servers = servers
        self.alive = list(servers)
        self.client = dhcp6.Client(
            helpers.DUID, helpers.IAID, random.Random(world.seed).randbytes, **how
        )
        self.timer = None
        self.held = {}  # addr16: until when
        self.gaps = []  # times without an address, after the first one
        self.events = []
        self.kinds = []
        self.times = []
        world.attach(ALL_SERVERS[0], self, ALL_SERVERS[1])
        world.attach(CLIENT[0], Port(self), CLIENT_PORT)

    def receive_datagram(self, data, source, now):
        for server in self.alive:
            answer = server.answer(data, now)
            if answer is not None:
                self.world.send(answer, helpers.ROUTER, CLIENT)

    def drain(self):
        now = self.world.now
        for data, peer in self.client.datagrams_to_send():
            self.kinds.append(data[0])
            self.times.append(now)
            self.world.send(data, CLIENT, peer)
        event = self.client.next_event()
        while event is not None:
            self.events.append(event)
            kind = type(event).__name__
            if kind == "AddressesAssigned":
                self.held = {addr16: now + 1000 * valid for addr16, _, valid in event.addresses}
            elif kind == "AddressesRemoved":
                for addr16 in event.addresses:
                    del self.held[addr16]
                if not self.held:
                    self.gaps.append(now)
            event = self.client.next_event()
        # never in use for longer than the server allowed
        assert all(until >= now for until in self.held.values())
        assert sorted(self.held) == sorted(self.client.addresses)
        due = self.client.get_timer()
        if due != self.timer:
            self.timer = due
            if due is not None:
                self.world.call_later(due - now, lambda: self.fire(due))

    def fire(self, due):
        if due == self.timer:  # else another one runs in its place
            self.timer = None
            self.client.handle_timer(self.world.now)
            self.drain()

    def flags(self, managed, other):
        self.client.set_router_flags(managed, other, self.world.now)
        self.drain()


class Port:
    """Where answers come."""

    name = "client"

    def __init__(self, link):
        self.link = link

    def receive_datagram(self, data, source, now):
        self.link.client.receive_datagram(data, source, now)
        self.link.drain()


def two_servers(**how):
    first = helpers.Server(**how)
    second = helpers.Server(helpers.OTHER_DUID, (helpers.SECOND,), **how)
    return [first, second]


@pytest.mark.parametrize("wires", [LAN, WIRELESS, BAD], ids=["lan", "wireless", "bad"])
@pytest.mark.parametrize("rapid", [True, False], ids=["rapid", "four messages"])
def test_two_days(wires, rapid):
    """Always an address, whatever gets lost; renewed by its times."""
    for seed in range(8):
        world = World(seed, wires)
        link = Link(world, two_servers(rapid=rapid))
        link.flags(True, True)
        world.run(until=60_000)
        assert link.client.state == state.BOUND
        world.run(until=2 * DAY)
        assert link.held
        assert not link.gaps
        renewals = link.kinds.count(message.RENEW)
        assert 191 <= renewals <= 191 * (1 if wires is LAN else 3)
        assert link.client.configuration.dns_servers == [helpers.DNS]


def test_a_server_dies_and_the_other_takes_over():
    for seed in range(8):
        world = World(seed, WIRELESS)
        link = Link(world, two_servers(rapid=False))
        link.flags(True, False)
        world.run(until=60_000)
        ours = [one for one in link.servers if one.duid == link.client._association.server]
        link.alive = [one for one in link.servers if one not in ours]
        world.run(until=60_000 + 3600_000 + 120_000)
        assert link.client.state == state.BOUND
        assert link.client._association.server == link.alive[0].duid
        # the other one has no binding of ours (no failover between servers): one gap of seconds
        assert len(link.gaps) == 1
        assert {message.RENEW, message.REBIND, message.SOLICIT} <= set(link.kinds)


def test_servers_that_share_bindings_leave_no_gap():
    world = World(3, WIRELESS)
    servers = two_servers(rapid=False)
    servers[1].addresses = servers[0].addresses
    servers[1].bindings = servers[0].bindings
    link = Link(world, servers)
    link.flags(True, False)
    world.run(until=60_000)
    link.alive = [one for one in servers if one.duid != link.client._association.server]
    world.run(until=DAY)
    assert link.client.state == state.BOUND
    assert not link.gaps
    assert message.REBIND in link.kinds


def test_no_server_for_a_day():
    """Quiet: the longer nobody answers the less is sent; when one comes it is found in time."""
    world = World(4, LAN)
    link = Link(world, two_servers())
    link.alive = []
    link.flags(True, True)
    world.run(until=DAY)
    assert len(link.kinds) < 45
    assert link.times[3] < 12_000
    link.alive = link.servers
    world.run(until=DAY + 3600_000 * 1.1 + 10_000)
    assert link.client.state == state.BOUND


def test_the_link_changes_again_and_again():
    for seed in range(8):
        world = World(seed, WIRELESS)
        link = Link(world, two_servers())
        chance = random.Random(seed)
        link.flags(True, True)
        for i in range(20):
            world.run(until=world.now + chance.choice([50, 3_000, 40_000]))
            for server in link.servers:
                server.on_link = bool(i & 1)
            link.client.link_changed(world.now)
            link.drain()
        for server in link.servers:
            server.on_link = True
        world.run(until=world.now + 120_000)
        assert link.client.state == state.BOUND
        assert link.held


def test_duplicates_are_declined_until_one_is_free():
    world = World(5, WIRELESS)
    server = helpers.Server(addresses=(helpers.FIRST,))
    pool = [helpers.PREFIX + bytes((n,)) for n in range(0x70, 0x78)]
    link = Link(world, [server])
    link.flags(True, False)
    for addr16 in pool:
        world.run(until=world.now + 60_000)
        assert link.client.state == state.BOUND
        taken = link.client.addresses
        server.addresses = [addr16]
        link.client.decline(taken, world.now)
        link.drain()
    world.run(until=world.now + 60_000)
    assert link.client.addresses == [pool[-1]]
    assert set(server.declined) == {helpers.FIRST} | set(pool[:-1])


def test_release_at_the_end():
    for wires, heard in ((LAN, 1.0), (BAD, 0.8)):
        done = 0
        for seed in range(20):
            world = World(seed, wires)
            link = Link(world, [helpers.Server()])
            link.flags(True, False)
            world.run(until=60_000)
            link.client.release(world.now)
            link.drain()
            world.run(until=world.now + 60_000)
            assert link.client.state == state.IDLE
            assert link.timer is None
            done += link.events[-1].acknowledged
        assert done >= heard * 20
