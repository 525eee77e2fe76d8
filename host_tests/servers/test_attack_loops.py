# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Things that go round between servers (RFC 6324), beside acceptance test 9."""

import os

import pytest

from host_tests.servers.wire import NATIVE, PORT, Wire, udp_packet
from host_tests.vectors.pubtsp import exchanges
from vox6.pubtsp import ipv6
from vox6.wire.inet6 import parse_address

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]
TWO = ("198.51.100.2", "2001:db8:3653:2::")


@pytest.fixture(scope="module", params=("portable", "xdp"))
def both(request, tmp_path_factory):
    """Two servers of different operators, which do not know each other."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Wire(tmp_path_factory.mktemp("wire")) as wire:
        yield wire, wire.server(plane=request.param), wire.server(*TWO, plane=request.param)


@pytest.fixture
def servers(both):
    both[0].forget()
    return both


def quiet(wire):
    """How many datagrams and packets went from server to server until nothing did any more."""
    wire.until(lambda: False, 0.4)
    count = wire.carried
    wire.until(lambda: False, 0.4)
    assert wire.carried == count, "it goes round"
    return count


@pytest.mark.parametrize("number", range(4), ids=[one[0] for one in exchanges.EXCHANGES])
@pytest.mark.parametrize("port", [PORT, 5000])
def test_attack_signalling_in_the_other_servers_name(servers, number, port):
    """A request: one answer at most, which the other server takes for a reply and is silent."""
    wire, one, two = servers
    _, request, reply, _ = exchanges.EXCHANGES[number]
    wire.send_udp(request, (two.ipv4, port), one)
    wire.send_udp(reply, (two.ipv4, port), one)
    assert quiet(wire) <= 1


@pytest.mark.parametrize(
    "source",
    [("203.0.113.9", 0), (TWO[0], PORT), (TWO[0], 999), ("127.0.0.1", 5000), ("0.0.0.0", 5000),
     ("224.0.0.1", 5000), ("255.255.255.255", 5000)],
    ids=lambda source: f"{source[0]}:{source[1]}",
)  # fmt: skip
def test_attack_signalling_from_where_no_reply_may_go(fresh, source):
    """No 310 either: nobody is there, or a known server is."""
    wire, server, alice, _ = fresh
    wire.send_udp(exchanges.EXCHANGES[2][1], source, server)
    wire.settle(server)
    assert wire.strays == [] and wire.carried == 0


def test_attack_error_that_answers_an_error(servers):
    """1/5 and 1/3 to addresses that mean the other server: no error answers an error."""
    wire, one, two = servers
    mine = one.address(two.ipv4, 5000)
    bad = udp_packet(mine[:14] + b"\0\1", NATIVE)
    wire.send_udp(bad, (two.ipv4, 5000), one)  # 1/5 goes to the other server's port 5000
    for source, destination in ((one, two), (two, one)):
        error = ipv6.error(source.own, destination.address(source.ipv4, 5000), 1, 3, bad)
        wire.send_ipv6(error, destination)
        wire.send_udp(error, (source.ipv4, 5000), destination)
    assert quiet(wire) <= 8


@pytest.mark.parametrize(
    "destination",
    ["2002:c633:6402::1", "2001:0:c633:6402::1", "2001:0:c000:201:0:0:39cc:9bfd"],
    ids=["6to4", "teredo-server", "teredo-client"],
)
def test_attack_into_another_tunnel_that_leads_to_a_known_server(fresh, destination):
    """U6: 6to4 and Teredo addresses of a peer server."""
    wire, server, alice, address = fresh
    alice.send(udp_packet(address, parse_address(destination)), server)
    wire.settle(server)
    assert wire.native == [] and [one.data[40:42] for one in alice.heard] == [b"\x01\x01"]


def test_attack_last_hop(servers):
    """A packet that goes from tunnel to tunnel loses a hop in each, so it ends."""
    wire, one, two = servers
    alice, bob = wire.peer("203.0.113.77", 54321), wire.peer("198.51.100.9", 1024)
    a, b = alice.create(one), bob.create(two)
    for hops in range(1, 6):
        alice.send(udp_packet(a, b, b"hop%d" % hops, hop_limit=hops), one)
    wire.settle(one)
    wire.settle(two)
    left = {one.data[48:]: one.data[7] for one in bob.heard if one.data[6] == ipv6.UDP}
    assert b"hop1" not in left and left[b"hop5"] < 5 and left[b"hop4"] == left[b"hop5"] - 1
