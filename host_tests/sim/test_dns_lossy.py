# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A resolver and two servers in the world of world.py: wires lose, delay and double datagrams."""

import random

import pytest

from host_tests.sim.world import BAD, LAN, PERFECT, WIRELESS, World
from host_tests.unit.dns.helpers import SECOND, SERVER, aaaa, cname, octets, reply, soa
from vox6 import dns
from vox6.dns import message
from vox6.dns.events import NotFound, Resolved

PHONE = bytes.fromhex("20010db8000000000000000000000001")


class Server:
    """Answers by the name: hN has an address, aN is an alias of hN, anything else is not there.

    Names with "big" come truncated by UDP. moods: of the server, "dead" or "servfail".
    """

    name = "server"

    def __init__(self, world, peer, mood=""):
        self.world = world
        self.peer = peer
        self.mood = mood
        self.questions = 0
        world.attach(peer[0], self, peer[1])

    def receive_datagram(self, data, source, now):
        if self.mood == "dead":
            return
        self.questions += 1
        self.world.send(octets(self.answer(data, "UDP")), self.peer, source)

    def answer(self, data, transport):
        name = dns.Message.parse(data).questions[0].name
        if self.mood == "servfail":
            return reply(data, rcode=message.SERVFAIL)
        if "big" in name and transport == "UDP":
            return reply(data, flags=message.TC)
        if name[0] == "h":
            return reply(data, [aaaa(name, 60)])
        if name[0] == "a":
            return reply(data, [cname(name, "h" + name[1:], 60)])
        return reply(data, (), [soa("example")], message.NXDOMAIN)


class Client:
    """The driver of one resolver."""

    name = "client"

    def __init__(self, world, servers):
        self.world = world
        self.servers = servers
        self.resolver = dns.Resolver(random.Random(world.seed).randbytes)
        self.resolver.set_servers([server.peer for server in servers], 0)
        self.events = []
        self.times = []
        self.ports = set()
        self.timer = None

    def resolve(self, name):
        self.resolver.resolve(name, dns.AAAA, self.world.now)
        self.drain()

    def drain(self):
        for data, peer, transport, port in self.resolver.datagrams_to_send():
            if transport == "TCP":
                self.world.call_later(50, lambda d=data, p=peer: self.stream(d, p))
            else:
                self.bind()
                assert port in self.ports
                self.world.send(data, (PHONE, port), peer)
        self.bind()
        event = self.resolver.next_event()
        while event is not None:
            self.events.append(event)
            self.times.append(self.world.now)
            event = self.resolver.next_event()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        due = self.resolver.get_timer()
        if due is not None:
            self.timer = self.world.call_later(due - self.world.now, self.fire)

    def bind(self):
        wanted = set(self.resolver.ports())
        for port in self.ports - wanted:
            self.world.detach(PHONE, port)
        for port in wanted - self.ports:
            self.world.attach(PHONE, Port(self, port), port)
        self.ports = wanted

    def fire(self):
        self.timer = None
        self.resolver.handle_timer(self.world.now)
        self.drain()

    def stream(self, data, peer):
        for server in self.servers:
            if server.peer == peer and server.mood != "dead":
                answer = octets(server.answer(data, "TCP"))
                self.resolver.receive_datagram(answer, peer, self.world.now, 0)
        self.drain()


class Port:
    """A local port: what comes there says so."""

    name = "port"

    def __init__(self, client, port):
        self.client = client
        self.port = port

    def receive_datagram(self, data, source, now):
        self.client.resolver.receive_datagram(data, source, now, self.port)
        self.client.drain()


def play(seed, link, moods, names):
    world = World(seed, link)
    servers = [Server(world, peer, mood) for peer, mood in zip((SERVER, SECOND), moods)]
    client = Client(world, servers)
    for i, name in enumerate(names):
        world.call_later(40 * i, lambda name=name: client.resolve(name))
    world.run()
    assert client.timer is None
    assert not client.ports
    assert len(client.events) == len(names)
    return client


NAMES = ["h%d.example" % i for i in range(4)] + ["a%d.example" % i for i in range(4, 8)]
NAMES += ["x%d.example" % i for i in range(8, 11)] + ["hbig.example", "abig.example"]


def right(client):
    told = 0
    for event in client.events:
        if event.name[0] == "x":
            told += isinstance(event, NotFound) and not event.exists
        else:
            told += isinstance(event, Resolved) and len(event.records) == 1
    return told


@pytest.mark.parametrize("link", [PERFECT, LAN], ids=["perfect", "lan"])
def test_good_wires(link):
    client = play(1, link, ("", ""), NAMES)
    assert right(client) == len(NAMES)
    assert client.servers[1].questions == 0
    assert client.resolver.counters["strangers"] == 0


def test_a_dead_server_costs_a_second_once():
    client = play(2, LAN, ("dead", ""), NAMES)
    assert right(client) == len(NAMES)
    assert max(client.times) < 40 * len(NAMES) + 1300
    client.events.clear()
    before = client.world.now
    client.resolve("h99.example")
    client.world.run()
    assert client.world.now - before < 50


def test_a_server_that_fails_is_passed_over_at_once():
    client = play(3, LAN, ("servfail", ""), NAMES)
    assert right(client) == len(NAMES)
    assert max(client.times) < 40 * len(NAMES) + 200


def test_both_dead():
    client = play(4, LAN, ("dead", "dead"), NAMES)
    assert {event.reason for event in client.events} == {"timeout"}
    assert max(client.times) <= 40 * len(NAMES) + 14000


def test_lossy_wires():
    """5 % and 20 % lost, half of them slow: nearly all is found, the rest fails in time."""
    total = found = 0
    for seed in range(20):
        for link in (WIRELESS, BAD):
            client = play(seed, link, ("", ""), NAMES)
            total += len(NAMES)
            found += right(client)
            assert max(client.times) < 60000
    assert found > 0.99 * total


def test_the_same_seed_gives_the_same_world():
    times = [play(7, BAD, ("", ""), NAMES).times for _ in range(2)]
    assert times[0] == times[1]
