# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Direct paths between two tunnelled clients behind NATs (section 12, X-13)."""

import pytest

from host_tests.sim.tunnel import KEY, PREFIX, Net, packet_of, text_of
from host_tests.sim.world import PERFECT, WIRELESS, Link, World
from vox6 import pubtsp
from vox6.pubtsp import inner, ipv6
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

SERVER = "198.51.100.1"
HERE, THERE = "203.0.113.77", "192.0.2.135"
OTHER_PREFIX = parse_address("2001:db8:3653:2::")[:8]


class Pair:
    """Anna and Boris with tunnels; who says what goes in both directions."""

    def __init__(self, seed=1, link=PERFECT, one=None, two=None, same_nat=False, **settings):
        self.net = Net(World(seed, link))
        self.world = self.net.world
        self.node = self.net.server(SERVER)
        self.homes = [self.net.nat(HERE, **(one or {}))]
        self.homes.append(self.homes[0] if same_nat else self.net.nat(THERE, **(two or {})))
        self.anna = self.net.client("anna", self.homes[0], **settings)
        self.boris = self.net.client("boris", self.homes[1], **settings)
        for phone in (self.anna, self.boris):
            phone.start([self.node.peer])
        self.world.run(
            until=200_000, condition=lambda: self.anna.client.address and self.boris.client.address
        )
        self.world.run(until=self.world.now + 3000)

    def call(self, ms, gap_ms=20, both=True):
        """Voice for a while; return how many packets each heard."""
        before = len(self.anna.received), len(self.boris.received)
        for at in range(0, ms, gap_ms):
            self.world.call_later(at, lambda: self.anna.say(self.boris.client.address))
            if both:
                self.world.call_later(at + 7, lambda: self.boris.say(self.anna.client.address))
        self.world.run(until=self.world.now + ms + 500)
        return len(self.anna.received) - before[0], len(self.boris.received) - before[1]

    def relayed(self):
        """Packets that the server has carried so far."""
        return self.node.server.counters["down"]

    def is_direct(self, phone):
        return len(phone.client.direct_paths()) == 1


def test_media_leaves_the_server():
    pair = Pair()
    pair.call(1000)
    assert pair.is_direct(pair.anna) and pair.is_direct(pair.boris)
    for phone, other in ((pair.anna, pair.boris), (pair.boris, pair.anna)):
        assert [event.address for event in phone.of("PathPromoted")] == [other.client.address]
    before = pair.relayed()
    assert pair.call(10_000) == (500, 500)
    assert pair.relayed() - before <= 2  # the echoes of both keepalives
    assert pair.anna.client.counters["sent_direct"] > 450


def test_no_packet_is_lost_by_promotion():
    pair = Pair()
    assert pair.call(2000) == (100, 100)


def test_promoted_within_half_a_second():
    """On a link of 40 ms each way, from the first packet on."""
    pair = Pair(link=Link(delay_ms=(40, 40)))
    start = pair.world.now
    pair.call(2000)
    for phone in (pair.anna, pair.boris):
        times = [when for when, event in phone.events if type(event).__name__ == "PathPromoted"]
        assert times and times[0] - start <= 500


@pytest.mark.parametrize("delay_ms", [5, 200])
def test_the_peer_is_told_by_the_server(delay_ms):
    """Boris says nothing himself: the probe by the server makes him open his NAT.

    On the slow link Anna's three probes are over long before that; she probes anew when his come.
    """
    pair = Pair(link=Link(delay_ms=(delay_ms, delay_ms)))
    start = pair.world.now
    pair.call(2500, both=False)
    for phone in (pair.anna, pair.boris):
        times = [when for when, event in phone.events if type(event).__name__ == "PathPromoted"]
        assert times and times[0] - start <= 10 * delay_ms


@pytest.mark.parametrize("seed", range(6))
def test_bad_wires(seed):
    pair = Pair(seed, WIRELESS)
    pair.call(150_000, 100)
    assert pair.is_direct(pair.anna) and pair.is_direct(pair.boris)


def test_one_way_voice_keeps_the_path():
    """Boris is silent: his replies to echoes are enough (no demotion after 5 s)."""
    pair = Pair()
    pair.call(1000)
    pair.call(30_000, both=False)
    assert pair.is_direct(pair.anna)
    assert not pair.anna.of("PathDemoted")


def test_quiet_path_is_kept():
    pair = Pair()
    pair.call(1000)
    pair.world.run(until=pair.world.now + 300_000)
    assert pair.is_direct(pair.anna) and pair.is_direct(pair.boris)
    assert pair.call(500) == (25, 25)


@pytest.mark.parametrize("who", ["one", "two"])
def test_address_dependent_mapping(who):
    """One side has another port for each destination: its packets fail the check, both relay."""
    nats = {"one": {"filtering": False}, "two": {"filtering": False}}
    nats[who] = {"mapping": "address"}
    pair = Pair(**nats)
    assert pair.call(5000) == (250, 250)
    strict, other = (pair.anna, pair.boris) if who == "one" else (pair.boris, pair.anna)
    assert not pair.is_direct(strict) and not pair.is_direct(other)
    assert other.client.counters["strangers"] > 0


def test_peers_nat_rebinds():
    """The peer has another address: the old path dies, calls go on with the new address."""
    pair = Pair()
    pair.call(1000)
    pair.homes[1].rebind()
    pair.call(8000)
    assert pair.boris.of("AddressChanged")
    assert pair.anna.of("PathDemoted")
    got = pair.call(35_000)
    assert got[0] > 1700 and got[1] > 1700
    assert pair.is_direct(pair.anna) and pair.is_direct(pair.boris)


def test_path_breaks():
    """Nothing passes straight any more: back to the server after 5 s, the address stays."""
    pair = Pair()
    pair.call(1000)
    ends = (pair.homes[0].address, pair.homes[1].address)
    send = pair.world.send

    def cut(data, source, peer):
        if {source[0], peer[0]} != set(ends):
            send(data, source, peer)

    pair.world.send = cut
    start = pair.world.now
    pair.call(10_000)
    for phone in (pair.anna, pair.boris):
        times = [when for when, event in phone.events if type(event).__name__ == "PathDemoted"]
        assert len(times) == 1 and 4000 <= times[0] - start <= 6000
        assert not phone.of("AddressChanged")
    assert pair.call(2000) == (100, 100)
    pair.world.send = send
    pair.call(70_000, 50)
    assert pair.is_direct(pair.anna) and pair.is_direct(pair.boris)


def test_probes_are_few():
    """Three straight ones, at most each 30 s, doubled to 10 minutes, of a peer that is silent."""
    pair = Pair()
    silent = pubtsp.AddressFormat(PREFIX, "mac", KEY).make(parse_ipv4("198.51.100.200"), 45678)
    sent = []
    send = pair.world.send

    def watch(data, source, peer):
        if (
            peer == (mapped(parse_ipv4("198.51.100.200")), 45678)
            and source[0] != pair.node.peer[0]
        ):
            sent.append(pair.world.now)
        send(data, source, peer)

    pair.world.send = watch
    for i in range(3600):
        pair.world.call_later(1000 * i, lambda: pair.anna.say(silent))
    start = pair.world.now
    pair.world.run(until=start + 3_600_000)
    rounds = sent[::3]
    assert len(sent) % 3 == 0
    assert [sent[i + 2] - sent[i] for i in range(0, len(sent), 3)] == [100] * len(rounds)
    gaps = [round((b - a) / 1000) for a, b in zip(rounds, rounds[1:])]
    assert gaps[:6] == [30, 60, 120, 240, 480, 600] and set(gaps[5:]) == {600}


def test_off_switch():
    pair = Pair(direct=False)
    assert pair.call(2000) == (100, 100)
    assert pair.anna.client.counters["rounds"] == 0
    assert pair.relayed() >= 200


def test_one_side_off():
    """The other keeps to the server as well: nobody answers its probes."""
    pair = Pair()
    pair.boris.client.settings.direct = False
    assert pair.call(2000) == (100, 100)
    assert not pair.is_direct(pair.anna)


@pytest.mark.parametrize("known", [True, False])
def test_other_operators_prefix(known):
    """A prefix from the configured list is known, another one is not (section 12, Who)."""
    net = Net(World(4))
    one, two = net.server(SERVER), net.server("198.51.100.9", OTHER_PREFIX)
    more = {"prefixes": (PREFIX, OTHER_PREFIX)} if known else {}
    anna = net.client("anna", net.nat(HERE), **more)
    boris = net.client("boris", net.nat(THERE), **more)
    anna.start([one.peer])
    boris.start([two.peer])
    net.world.run(until=1000)
    for i in range(100):
        net.world.call_later(20 * i, lambda: anna.say(boris.client.address, b"a"))
        net.world.call_later(20 * i, lambda: boris.say(anna.client.address, b"b"))
    net.world.run(until=4000)
    assert len(boris.received) == len(anna.received) == 100
    assert len(anna.client.direct_paths()) == len(boris.client.direct_paths()) == int(known)


@pytest.mark.parametrize("hairpin", [True, False])
def test_behind_one_nat(hairpin):
    """Straight by the NAT's own hairpin (RFC 4787 REQ-9) where it has one, else by the server."""
    pair = Pair(same_nat=True)
    if not hairpin:
        send = pair.world.send
        home = pair.homes[0].address
        pair.world.send = lambda data, source, peer: (
            None if source[0] == peer[0] == home else send(data, source, peer)
        )
    assert pair.call(2000) == (100, 100)
    assert pair.is_direct(pair.anna) == pair.is_direct(pair.boris) == hairpin


def test_table_is_bounded():
    """Eight peers; a ninth is served by the server while all are in use."""
    net = Net(World(4))
    node = net.server(SERVER)
    phones = [net.client("p%d" % i, net.nat("203.0.113.%d" % (10 + i))) for i in range(10)]
    for phone in phones:
        phone.start([node.peer])
    net.world.run(until=2000)
    first = phones[0]
    for _ in range(5):
        for phone in phones[1:]:
            first.say(phone.client.address)
            phone.say(first.client.address)
            net.world.run(until=net.world.now + 200)
    assert len(first.client.direct_paths()) == 8
    assert first.client.counters["paths_full"] > 0
    assert all(len(phone.received) == 5 for phone in phones[1:])


def test_echo_of_a_stranger_from_elsewhere():
    """A probe from an address that is not in its inner source is nobody's (egress check)."""
    pair = Pair()
    pair.call(500)
    probe = ipv6.echo_request(
        pair.boris.client.address, pair.anna.client.address, 1, 1, inner.MAGIC + bytes(8), 255
    )
    mallory = (mapped(parse_ipv4("198.51.100.66")), 4444)
    before = pair.anna.client.counters["sent"]
    strangers = pair.anna.client.counters["strangers"]
    pair.anna.client.receive_datagram(probe, mallory, pair.world.now)
    spoken = packet_of(pair.boris.client.address, pair.anna.client.address, b"forged")
    pair.anna.client.receive_datagram(spoken, mallory, pair.world.now)
    pair.anna.drain()
    assert pair.anna.client.counters["strangers"] == strangers + 2
    assert pair.anna.client.counters["sent"] == before
    assert b"forged" not in [text_of(packet) for _, packet in pair.anna.received]
