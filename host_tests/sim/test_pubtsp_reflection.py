# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The server as an amplifier, and packets that go round (X-7, RFC 6324)."""

import random

from host_tests.sim.tunnel import KEY, NATIVE, PREFIX, Net, packet_of
from host_tests.sim.world import World
from host_tests.vectors.pubtsp import exchanges
from vox6 import pubtsp
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

ONE, TWO = "198.51.100.1", "198.51.100.9"
OTHER_PREFIX = parse_address("2001:db8:3653:2::")[:8]
VICTIM = parse_ipv4("203.0.113.77")


def test_random_datagrams():
    """Forty thousand of them: nothing breaks, no reply has more than thrice the octets.

    `make soak` of the server program sends ten million over a socket.
    """
    chance = random.Random(7)
    net = Net(World(1))
    server = net.server(ONE).server
    texts = [exchange[1] for exchange in exchanges.EXCHANGES]
    texts.append(packet_of(PREFIX + VICTIM + b"\xd4\x31\xe0\xf0", NATIVE))
    asked = answered = 0
    for i in range(40_000):
        data = bytearray(chance.choice(texts))
        for _ in range(chance.randint(0, 6)):
            data[chance.randrange(len(data))] = chance.getrandbits(8)
        if chance.random() < 0.2:
            data = bytearray(chance.randbytes(chance.randint(0, 200)))
        elif chance.random() < 0.3:
            data = data[: chance.randint(0, len(data))]
        peer = (mapped(chance.randbytes(4)), chance.getrandbits(16))
        server.receive_datagram(bytes(data), peer, i)
        out = server.datagrams_to_send()
        server.packets_to_send()
        assert len(out) <= 1
        for reply, to, _ in out:
            assert to == peer
            signalling = data[0] >> 4 == 15
            assert len(reply) <= (3 * len(data) if signalling else len(data) + 48)
            asked += len(data)
            answered += len(reply)
    assert answered > 0 and answered < 3 * asked


def test_flood_in_a_victims_name():
    """A hundred thousand octets of requests a second from his address: he hears little."""
    net = Net(World(1))
    server = net.server(ONE).server
    request = exchanges.EXCHANGES[2][1]
    asked = answered = 0
    for i in range(10_000):
        server.receive_datagram(request, (mapped(VICTIM), 40000 + i % 20000), i)
        asked += len(request)
        answered += sum(len(data) for data, _, _ in server.datagrams_to_send())
    assert answered < asked // 10


def loops(packet, from_peer=None, limit=200):
    """How often two servers handle one packet that goes from one to the other and on."""
    net = Net(World(1))
    net.echo = False
    nodes = [net.server(ONE), net.server(TWO, OTHER_PREFIX)]  # neither knows the other as a peer
    if from_peer is None:
        net.route(packet)
    else:
        net.world.send(packet, from_peer, nodes[0].peer)
    net.world.run(until=100_000, steps=10_000)
    return sum(
        node.server.counters["received"] + node.server.counters["received_up"] for node in nodes
    )


def test_server_to_server():
    """A client's address that is the other server: IPv4 TWO, port 3653, with a right tag."""
    addresses = pubtsp.AddressFormat(PREFIX, "mac", KEY)
    for port in (3653, 3652):
        to_two = addresses.make(parse_ipv4(TWO), port)
        assert loops(packet_of(NATIVE, to_two)) <= 2


def test_round_between_prefixes():
    """From a tunnel of ONE to an address of TWO that means ONE, and back again."""
    other = pubtsp.AddressFormat(OTHER_PREFIX, "mac", KEY)
    mine = pubtsp.AddressFormat(PREFIX, "mac", KEY)
    source = (mapped(VICTIM), 40000)
    for port in (3653, 40000):
        packet = packet_of(mine.make(VICTIM, 40000), other.make(parse_ipv4(ONE), port))
        assert loops(packet, source) <= 4


def test_signalling_between_servers():
    """A request forged in the name of another server is answered once, at most."""
    for exchange in exchanges.EXCHANGES:
        assert loops(exchange[1], (mapped(parse_ipv4(TWO)), 3653)) <= 2
        assert loops(exchange[2], (mapped(parse_ipv4(TWO)), 3653)) <= 1


def test_error_of_an_error():
    """Errors answer no errors: two of them do not meet for ever."""
    addresses = pubtsp.AddressFormat(PREFIX, "mac", KEY)
    to_nobody = addresses.make(VICTIM, 40000)[:14] + b"\0\0"
    assert loops(packet_of(PREFIX + bytes(7) + b"\1", to_nobody)) <= 2
    assert loops(packet_of(NATIVE, to_nobody)) <= 3
