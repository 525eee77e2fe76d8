# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody sends in another's name, or at another's expense (pubtsp.md sections 7 and 10)."""

import pytest

from host_tests.sim.tunnel import KEY, NATIVE, PREFIX, Net, packet_of, text_of
from host_tests.sim.world import World
from vox6 import pubtsp
from vox6.pubtsp import header, ipv6, messages
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

SERVER = "198.51.100.1"
OTHER_SERVER = "198.51.100.9"
VICTIM = "203.0.113.77"
MALLORY = (mapped(parse_ipv4("198.51.100.66")), 6666)


class Attacker:
    """A node on the IPv4 Internet that may write any source (no BCP 38)."""

    name = "mallory"

    def __init__(self, net):
        self.net = net
        self.heard = []
        net.world.attach(MALLORY[0], self)

    def receive_datagram(self, data, peer, now):
        self.heard.append((data, peer))

    def send(self, data, to, source=MALLORY):
        self.net.world.send(data, source, to)
        self.net.world.run(until=self.net.world.now + 100)


def scene(**config):
    net = Net(World(1))
    node = net.server(SERVER, config=dict(config, servers=(parse_ipv4(OTHER_SERVER),)))
    phone = net.client("victim", net.nat(VICTIM))
    phone.start([node.peer])
    net.world.run(until=1000)
    assert phone.client.address is not None
    return net, node, phone, Attacker(net)


def arrived(net):
    return [packet for _, packet in net.hosts[NATIVE]]


def guess(v4, port, tag):
    return PREFIX + v4 + bytes((port >> 8, port & 255, tag >> 8, tag & 255))


class TestFromTheIPv4Side:
    def test_another_clients_address(self):
        """From his own IPv4 address in the victim's name: 1/5 to himself, nothing goes up."""
        net, node, phone, mallory = scene()
        mallory.send(packet_of(phone.client.address, NATIVE, b"spam"), node.peer)
        assert arrived(net) == []
        ((data, peer),) = mallory.heard
        assert peer == node.peer and data[40:42] == b"\x01\x05"
        assert data[24:40] == phone.client.address and len(data) <= 48 + 52

    def test_forged_ipv4_without_the_tag(self):
        """The victim's IPv4 address, a port that he never used: the tag is not to be guessed."""
        net, node, phone, mallory = scene()
        source = (mapped(parse_ipv4(VICTIM)), 50000)
        for tag in range(0, 65536, 17):
            address = guess(parse_ipv4(VICTIM), 50000, tag)
            net.world.send(packet_of(address, NATIVE, b"spam"), source, node.peer)
        net.world.run(until=net.world.now + 100)
        assert len(arrived(net)) <= 1  # 2^-16 for each try
        assert node.server.counters["drop_U4"] >= 3855
        # the victim's IPv4 address hears ten of the errors a second, no more
        assert node.server.counters["limited"] >= 3800

    def test_tag_of_another_port(self):
        """A tag that he was given himself does not serve for other ports or addresses."""
        net, node, phone, mallory = scene()
        own = pubtsp.AddressFormat(PREFIX, "mac", KEY).make(MALLORY[0][12:], MALLORY[1])
        stolen = own[:12] + b"\x1a\x0b" + own[14:]
        mallory.send(packet_of(stolen, NATIVE), node.peer, (MALLORY[0], 0x1A0B))
        assert arrived(net) == []
        mallory.send(packet_of(own, NATIVE), node.peer)
        assert len(arrived(net)) == 1

    @pytest.mark.parametrize(
        "v4", ["127.0.0.1", "10.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "169.254.1.1"]
    )
    def test_martians(self, v4):
        net, node, phone, mallory = scene()
        octets = parse_ipv4(v4)
        address = pubtsp.AddressFormat(PREFIX, "mac", KEY).make(octets, 5000)
        mallory.send(packet_of(address, NATIVE), node.peer, (mapped(octets), 5000))
        assert arrived(net) == []
        assert node.server.counters["drop_U1"] == 1

    def test_no_other_source_passes(self):
        net, node, phone, mallory = scene()
        for source in (NATIVE, bytes(16), parse_address("::1"), parse_address("fe80::1"),
                       parse_address("ff02::1"), parse_address("2001:db8:3653:1::1"),
                       parse_address("::ffff:198.51.100.66")):  # fmt: skip
            mallory.send(packet_of(source, NATIVE), node.peer)
        assert arrived(net) == []


class TestFromTheIPv6Side:
    def hosts_hear(self, net, node, packet):
        """How many datagrams leave for the IPv4 address in a packet's destination."""
        target = mapped(packet[32:36])
        heard = []
        send = net.world.send

        def watch(data, source, peer):
            if peer[0] == target:
                heard.append(data)
            send(data, source, peer)

        net.world.send = watch
        net.route(packet)
        net.world.run(until=net.world.now + 100)
        net.world.send = send
        return len(heard)

    def test_no_udp_cannon(self):
        """Any IPv4 address and port, without a tag that was given out: nothing leaves."""
        net, node, phone, mallory = scene()
        for i in range(2000):
            v4 = bytes((8, 8, i >> 8, i & 255))
            assert self.hosts_hear(net, node, packet_of(NATIVE, guess(v4, 40000, i))) == 0

    @pytest.mark.parametrize(
        "address",
        ["2001:db8:3653:1:7f00:1:1f90:1", "2001:db8:3653:1:a00:1:1f90:1",
         "2001:db8:3653:1:c633:6401:e45:1", "2001:db8:3653:1:c633:6409:9999:1",
         "2001:db8:3653:1:cb00:714d:35:1", "2001:db8:3653:1:ffff:ffff:9999:1"],
    )  # fmt: skip
    @pytest.mark.parametrize("mode", ["mac", "off"])
    def test_places_that_nothing_reaches(self, address, mode):
        """Acceptance test 3, and with tags off too: D4 alone must do."""
        net = Net(World(1))
        octets = parse_address(address)
        node = net.server(
            SERVER, mode=mode, key=KEY, config={"servers": (parse_ipv4(OTHER_SERVER),)}
        )
        v4, port, _ = pubtsp.embedded(octets)
        good = node.server.addresses.make(v4, port)  # even with the right tag
        assert self.hosts_hear(net, node, packet_of(NATIVE, good)) == 0
        assert node.server.counters["drop_D4"] == 1

    def test_our_prefix_as_source(self):
        """Acceptance test 4 (RFC 2827)."""
        net, node, phone, mallory = scene()
        forged = packet_of(guess(parse_ipv4("192.0.2.9"), 5000, 5), phone.client.address)
        assert self.hosts_hear(net, node, forged) == 0
        assert node.server.counters["drop_D6"] == 1

    def test_scanning(self):
        """Clients cannot be found by trying: ten errors a second for the whole world."""
        net, node, phone, mallory = scene()
        before = len(net.hosts[NATIVE])
        for tag in range(1000):
            net.route(packet_of(NATIVE, guess(parse_ipv4(VICTIM), 40001, tag ^ 0x5555)))
        net.world.run(until=net.world.now + 50)
        assert len(net.hosts[NATIVE]) - before <= 10


class TestAtTheClient:
    def test_forged_hint(self):
        """1/5 in the server's name, 50 a second: a create each 2 s, the address stays (6.5)."""
        net, node, phone, mallory = scene()
        asked = node.server.counters["create"]
        packet = ipv6.error(
            parse_address("2001:db8:3653:1::1"),
            phone.client.address,
            1,
            5,
            packet_of(phone.client.address, NATIVE),
        )
        for i in range(500):
            net.world.call_later(
                20 * i, lambda: phone.client.receive_datagram(packet, node.peer, net.world.now)
            )
            net.world.call_later(20 * i, phone.drain)
        net.world.run(until=net.world.now + 15_000)
        assert node.server.counters["create"] - asked <= 7
        assert not phone.of("AddressChanged") and phone.client.state == "Up"

    def test_forged_replies(self):
        """Who cannot see the sequence number cannot answer (X-3), nor who is not the server."""
        net, node, phone, mallory = scene()
        address = phone.client.address
        info = messages.Info(1440, None, address, None, NATIVE, 30, address)
        text = b"200 Success\r\n" + info.emit().encode()
        phone.do("renew")
        for sequence in range(500):
            data = header.emit(sequence, net.world.now, text)
            phone.client.receive_datagram(data, node.peer, net.world.now)
            phone.client.receive_datagram(data, MALLORY, net.world.now)
        net.world.run(until=net.world.now + 1000)
        assert phone.client.address == address and not phone.of("AddressChanged")
        assert phone.client.counters["false_replies"] >= 500

    def test_packets_of_strangers(self):
        net, node, phone, mallory = scene()
        before = len(phone.received)
        for source in (MALLORY, (node.peer[0], 3654), (MALLORY[0], 3653)):
            packet = packet_of(NATIVE, phone.client.address, b"forged")
            phone.client.receive_datagram(packet, source, net.world.now)
        phone.drain()
        assert len(phone.received) == before

    def test_redirect(self):
        """Never obeyed, never handed on (section 12)."""
        net, node, phone, mallory = scene()
        packet = ipv6.icmpv6(NATIVE, phone.client.address, 137, 0, bytes(36), 255)
        phone.client.receive_datagram(packet, node.peer, net.world.now)
        assert phone.client.packets_received() == []
        assert phone.client.counters["redirects"] == 1


def test_no_client_is_affected_by_another():
    """One client floods and is refused; his neighbour behind the same NAT talks on."""
    net, node, phone, mallory = scene()
    other = net.client("other", phone.nat)
    other.start([node.peer])
    net.world.run(until=net.world.now + 1000)
    bad = packet_of(guess(parse_ipv4(VICTIM), 1, 1), NATIVE)
    for i in range(2000):
        net.world.call_later(i, lambda: phone.nat.send(phone, ("tunnel", 0), bad, node.peer))
    for i in range(100):
        net.world.call_later(20 * i, lambda: other.say(NATIVE, b"hello"))
    before = len(other.received)
    net.world.run(until=net.world.now + 3000)
    heard = [text_of(packet) for _, packet in other.received[before:]]
    assert heard.count(b"re:hello") == 100
