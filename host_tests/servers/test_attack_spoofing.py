# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attacks by forged addresses on a real pubtspd, through both data planes (sections 7 and 10)."""

import random
import socket
import time

import pytest

from host_tests.servers.wire import NATIVE, PORT, udp_packet
from vox6.pubtsp import ipv6
from vox6.wire.inet6 import parse_address

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]


@pytest.fixture
def scene(fresh):
    """A server, a client that has a tunnel, and somebody who writes any source (no BCP 38)."""
    return *fresh, fresh[0].peer(fresh[0].next_ipv4(), 6666)


def kinds(datagrams):
    """(type, code) of the ICMPv6 messages in datagrams."""
    return [(one.data[40], one.data[41]) for one in datagrams if one.data[6] == ipv6.ICMPV6]


class TestFromTheIPv4Side:
    def test_attack_packets_in_another_clients_name(self, scene):
        """1/5 to who sent it, not to whom it names; nothing goes up, nothing to the victim."""
        wire, server, victim, address, mallory = scene
        mallory.send(udp_packet(address, NATIVE, b"spam"), server)
        wire.settle(server)
        assert wire.native == [] and victim.heard == []
        assert kinds(mallory.heard) == [(1, 5)]

    def test_attack_forged_ipv4_source_without_the_tag(self, scene):
        """Mallory writes the victim's IPv4 and a port of his: he cannot know the tag."""
        wire, server, victim, address, mallory = scene
        other = (victim.where[0], 50000)
        wire.peer(*other)
        right = server.address(*other)
        tags = random.Random(5).sample(range(65536), 3000)
        for i, tag in enumerate(tags):
            forged = right[:14] + tag.to_bytes(2, "big")
            if forged != right:
                wire.send_udp(udp_packet(forged, NATIVE, b"spam"), other, server)
            if i % 100 == 99:
                wire.settle(server)
        assert wire.native == []
        heard = wire.peer(*other).heard
        assert len(heard) < 100, "errors to the victim are limited: ten a second"

    def test_attack_tag_of_another_port(self, scene):
        """A tag that Mallory was given himself serves for no other port."""
        wire, server, victim, address, mallory = scene
        own = mallory.create(server)
        stolen = own[:12] + (7777).to_bytes(2, "big") + own[14:]
        wire.send_udp(udp_packet(stolen, NATIVE), (mallory.where[0], 7777), server)
        wire.settle(server)
        assert wire.native == []
        mallory.send(udp_packet(own, NATIVE), server)
        wire.settle(server)
        assert len(wire.native) == 1

    def test_attack_hijack_behind_the_same_nat(self, scene):
        """Same IPv4, another port: another address (RFC 7059 section 4.1)."""
        wire, server, victim, address, _ = scene
        neighbour = wire.peer(victim.where[0], 40404)
        assert neighbour.create(server) != address
        neighbour.send(udp_packet(address, NATIVE), server)
        wire.settle(server)
        assert wire.native == [] and victim.heard == []
        assert kinds(neighbour.heard) == [(1, 5)]
        wire.send_ipv6(udp_packet(NATIVE, address, b"for the victim"), server)
        wire.settle(server)
        assert len(victim.heard) == 1, "what is for the victim still goes to him"

    def test_attack_foreign_prefix_as_source(self, scene):
        """Silence, but for a client of another server whose route has flipped: 1/5 (X-12)."""
        wire, server, victim, address, mallory = scene
        foreign = parse_address("2001:db8:aaaa:1::")[:8]
        others = ("::", "::1", "fe80::1", "ff02::1", "::ffff:198.51.100.66", "2001:db8:3653:1::1")
        for source in (NATIVE, foreign + address[8:], *map(parse_address, others)):
            mallory.send(udp_packet(source, NATIVE), server)
        wire.settle(server)
        assert wire.native == []
        assert len(kinds(mallory.heard)) == 1, "P::1 lies in P: 1/5"
        victim.send(udp_packet(foreign + address[8:], NATIVE), server)
        wire.settle(server)
        assert kinds(victim.heard) == [(1, 5)] and wire.native == []

    @pytest.mark.parametrize(
        "source",
        [("100.64.0.9", 5000), ("192.88.99.1", 5000), ("192.0.0.8", 5000), ("198.19.0.1", 5000),
         ("169.254.1.1", 5000), ("127.0.0.1", 5000), ("0.0.0.0", 5000), ("224.0.0.1", 5000),
         ("255.255.255.255", 5000), ("240.0.0.1", 5000), ("203.0.113.9", 1023),
         ("203.0.113.9", 53), ("203.0.113.9", PORT), ("203.0.113.9", 0)],
        ids=lambda source: f"{source[0]}:{source[1]}",
    )  # fmt: skip
    def test_attack_sources_where_no_client_can_be(self, scene, source):
        """U1: martians, ports below 1024, port 3653; even with the right tag."""
        wire, server, victim, address, _ = scene
        asker = wire.peer(*source)
        wire.send_udp(udp_packet(server.address(*source), NATIVE), source, server)
        wire.settle(server)
        assert wire.native == [] and asker.heard == []

    def test_attack_datagram_with_a_wrong_udp_checksum(self, scene):
        """X-1: the outer checksum is the only one that the inner header has."""
        wire, server, victim, address, _ = scene
        packet = udp_packet(address, NATIVE)
        victim.send(packet, server, checksum=0x1234)
        wire.settle(server)
        assert wire.native == []
        victim.send(packet, server)
        wire.settle(server)
        assert len(wire.native) == 1

    @pytest.mark.parametrize(
        "destination",
        ["::", "::1", "ff02::1", "ff0e::1", "fe80::1", "fec0::1", "::ffff:192.0.2.1",
         "::192.0.2.1", "fc00::1", "64:ff9b::c000:201", "64:ff9b:1::1", "2002:c633:6401::1",
         "2002:7f00:1::1", "2002:c633:6402::1", "2001:0:c633:6401::1", "2001:0:7f00:1::1"],
    )  # fmt: skip
    def test_attack_destinations_that_are_not_the_internets(self, scene, destination):
        """U6: the server's own networks, NAT64, tunnels back to servers: 1/1."""
        wire, server, victim, address, _ = scene
        victim.send(udp_packet(address, parse_address(destination)), server)
        wire.settle(server)
        assert wire.native == []
        # of a packet to many there is no error (RFC 4443 section 2.4, e.3)
        assert kinds(victim.heard) == ([] if destination.startswith("ff") else [(1, 1)])


class TestFromTheIPv6Side:
    def test_attack_injection_at_arbitrary_ipv4_hosts(self, scene):
        """Any IPv4 address and port, with any tag: nothing leaves (the UDP cannon)."""
        wire, server, victim, address, _ = scene
        chance = random.Random(6)
        before = len(server.sent)
        for i in range(2000):
            v4 = socket.inet_ntoa(bytes((chance.randint(1, 223),)) + chance.randbytes(3))
            right = server.address(v4, chance.randint(1, 65535))
            guess = right[:14] + chance.randbytes(2)
            if guess != right:
                wire.send_ipv6(udp_packet(NATIVE, guess, b"cannon"), server)
            if i % 100 == 99:
                wire.settle(server)
        cannon = [one for one in server.sent[before:] if one.data[48:] == b"cannon"]
        assert cannon == []

    @pytest.mark.parametrize("port", [1, 53, 123, 161, 389, 1023])
    def test_attack_services_below_port_1024(self, scene, port):
        """DNS, NTP, SNMP, CLDAP cannot be hit, even with the right tag."""
        wire, server, victim, address, _ = scene
        source = parse_address(f"2001:db8:{port:x}::5")  # whose errors are not used up
        wire.send_ipv6(udp_packet(source, server.address(victim.where[0], port)), server)
        wire.settle(server)
        assert wire.strays == []
        assert [(packet[40], packet[41]) for packet in wire.native] == [(1, 1)]

    @pytest.mark.parametrize(
        "source",
        ["2001:db8:3653:1::1", "2001:db8:3653:1:cb00:714d:d431:e0f0", "ff02::1", "::ffff:1.2.3.4",
         "fc00::1", "fd00::1", "::1", "::", "fe80::1"],
    )  # fmt: skip
    def test_attack_sources_that_the_ipv6_internet_has_not(self, scene, source):
        """D6: our clients' addresses from outside (RFC 2827), and no addresses at all."""
        wire, server, victim, address, _ = scene
        wire.send_ipv6(udp_packet(parse_address(source), address, b"forged"), server)
        wire.settle(server)
        assert victim.heard == []

    def test_attack_scanning_for_clients(self, scene):
        """D5: ten errors a second for all the world tell a scanner nothing."""
        wire, server, victim, address, _ = scene
        time.sleep(0.3)  # tests before this one may have emptied the bucket
        for i in range(1000):
            guess = address[:14] + (
                (int.from_bytes(address[14:], "big") + 1 + i) % 65536
            ).to_bytes(2, "big")
            source = parse_address(f"2001:db8:{i % 200 + 1:x}::5")  # many sources
            wire.send_ipv6(udp_packet(source, guess), server)
            if i % 100 == 99:
                wire.settle(server)
        errors = [packet for packet in wire.native if packet[6] == ipv6.ICMPV6]
        assert 1 <= len(errors) < 60 and victim.heard == []
