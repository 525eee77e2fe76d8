# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: a program for hosts
"""Parts of `vox6 tunnel` alone: sockets, what the network is like, words, the keepalive search."""

import logging
import os
import socket
import subprocess
import threading

import pytest

from host_tests.unit.tools.alone import alone
from tools.common.tun import Tun, TunError, add_address, add_route, set_up
from tools.common.tunnel import network, sockets, words
from tools.common.tunnel.driver import Tunnel
from tools.common.tunnel.interface import Interface
from tools.common.tunnel.options import Options
from tools.common.udp import UDPSocket
from vox6 import pubtsp
from vox6.pubtsp import events, ipv6, lease
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]
SERVER = "198.51.100.1"
PEER = (mapped(parse_ipv4(SERVER)), 3653)
ADDRESS = parse_address("2001:db8:3653:1:cb00:714d:d431:e0f0")
PREFIX = ADDRESS[:8]


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def link():
    """An interface eth0 that leads to nobody."""
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "far")
    for name in ("eth0", "far"):
        ip("link", "set", name, "up")


class TestSockets:
    @alone
    def test_a_new_socket_has_another_port(self):
        ours = sockets.Sockets()
        one = ours.open(sockets.TUNNEL)
        for _ in range(20):
            two = ours.open(sockets.TUNNEL)
            assert two.port != one.port and two.port >= 1024 != 3653
            one.close()
            one = two
        assert ours.get(sockets.TUNNEL) is one and ours.get(sockets.SIDE) is None
        assert ours.take(sockets.TUNNEL) is one and ours.get(sockets.TUNNEL) is None
        one.close()

    @alone
    def test_port_3653_is_never_taken(self):
        """The kernel is made to offer nothing else but one more."""
        subprocess.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=3652 3653"], check=True)
        ours = sockets.Sockets()
        assert ours.open(sockets.TUNNEL).port == 3652
        with pytest.raises(OSError, match="no free port|in use"):
            ours.open(sockets.SIDE)

    @alone
    def test_side_tunnel_and_cheap_leave_by_their_sockets(self):
        ip("addr", "add", f"{SERVER}/32", "dev", "lo")
        server = UDPSocket(SERVER, 3653)
        ours = sockets.Sockets(cheap_hop_limit=1)
        tunnel, side = ours.open(sockets.TUNNEL), ours.open(sockets.SIDE)
        packet = ipv6.build(ADDRESS, ADDRESS, 17, b"", 64)
        packet = packet[:0] + bytes((0x6B, 0x80)) + packet[2:]  # traffic class b8
        ours.send([(packet, PEER, "tunnel"), (b"\xf0side", PEER, "side"), (b"", PEER, "cheap")])
        seen = {data: (peer[1], tos) for data, peer, tos in server.receive()}
        assert seen == {
            packet: (tunnel.port, 0xB8),
            b"\xf0side": (side.port, 0),
            b"": (tunnel.port, 0),
        }
        server.send([(b"\xf0reply", (PEER[0], side.port), 0)])
        assert ours.receive(sockets.SIDE) == [(b"\xf0reply", PEER)]
        assert ours.receive(sockets.TUNNEL) == []
        assert ours.lost() == 0

    @alone
    def test_what_the_host_does_not_take_is_counted(self):
        ours = sockets.Sockets()
        ours.open(sockets.TUNNEL)
        nowhere = (mapped(parse_ipv4("203.0.113.1")), 3653)  # no route
        ours.send([(b"\x60" + bytes(40), nowhere, "tunnel"), (b"", nowhere, "cheap")])
        assert ours.lost() == 1
        ours.send([(b"\xf0", nowhere, "side")])  # not open: as if lost

    def test_congestion_on_the_way_is_told_to_the_packet(self):
        """RFC 6040 section 4.2."""
        for inner, outer, result in ((1, 3, 3), (2, 3, 3), (0, 3, 0), (3, 0, 3), (2, 1, 2)):
            packet = ipv6.with_ecn(ipv6.build(ADDRESS, ADDRESS, 17, b"", 64), inner)
            told = sockets._congested(packet, outer)
            assert ipv6.traffic_class(told) & 3 == result and told[2:] == packet[2:]
        assert sockets._congested(b"\xf0\0", 3) == b"\xf0\0"


class TestNetwork:
    def look(self, index=0, server=SERVER):
        return network.look(index, parse_ipv4(server))

    @alone
    def test_from_nothing_to_native(self):
        assert self.look() == network.Network(None, (), None, False)
        link()
        ip("addr", "add", "192.0.2.10/24", "dev", "eth0")
        assert self.look().local_ipv4 is None
        ip("route", "add", "default", "via", "192.0.2.1")
        found = self.look()
        assert found.local_ipv4 == parse_ipv4("192.0.2.10")
        assert found.way[:2] == ("192.0.2.10", "192.0.2.1")
        assert (found.native, found.default) == (None, False)
        assert network.look(0, None).way == found.way, "no server known yet"
        ip("-6", "addr", "add", "2001:db8:5::7/64", "dev", "eth0", "nodad")
        assert self.look().native is None, "an address without a default route is not the Internet"
        ip("-6", "route", "add", "default", "dev", "eth0")
        assert self.look().native == "2001:db8:5::7" and self.look().default
        index = socket.if_nametoindex("eth0")
        assert (self.look(index).native, self.look(index).default) == (None, False), "our own"

    @alone
    def test_what_is_not_native(self):
        link()
        ip("-6", "route", "add", "default", "dev", "eth0")
        for address in ("fd00::1", "2002:c000:201::1", "2001:0:c000:201::1"):
            ip("-6", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        assert self.look().native is None and self.look().default
        add_address(socket.if_nametoindex("eth0"), "2001:db8:5::7", 64, deprecated=True)
        assert self.look().native is None
        ip("-6", "route", "del", "default", "dev", "eth0")
        ip("-6", "route", "add", "unreachable", "default")
        assert not self.look().default

    @alone
    def test_news(self):
        watch = network.Watch()
        watch.drain()
        assert watch.drain() is False
        with Tun("vox6") as device:
            set_up(device.index)
            assert watch.drain() is True and watch.drain() is False
            add_address(device.index, ADDRESS)
            assert watch.drain() is True
        batch = "".join(f"route add 203.0.113.{i}/32 dev lo\n" for i in range(250))
        batch += batch.replace("add", "del")
        batch *= 4  # more news than its queue holds: none is missed, as there was some
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
        assert watch.drain() is True and watch.drain() is False
        watch.close()


class TestInterface:
    @alone
    def test_a_default_route_of_the_same_metric_is_left_alone(self):
        link()
        add_route(socket.if_nametoindex("eth0"), "::/0", metric=2048)
        ours = Interface("vox6", 2048)
        ours.set_address(ADDRESS)
        with pytest.raises(TunError, match="metric 2048"):
            ours.set_default(True)
        ours.close()


SAID = (
    (events.TunnelUp(ADDRESS, PEER, 28, 1440, None),
     "up: 2001:db8:3653:1:cb00:714d:d431:e0f0 by 198.51.100.1:3653, keepalive 28 s, "
     "lifetime 1440 min"),
    (events.AddressChanged(ADDRESS, PREFIX + bytes(8)),
     "mapping changed: 2001:db8:3653:1:cb00:714d:d431:e0f0 is gone, 2001:db8:3653:1:: is ours"),
    (events.TunnelDown("no answer"), "down: no answer"),
    (events.Waiting(61500), "trying again in 61 s"),
    (events.NameWanted("tsp.example"), "looking up the server tsp.example"),
    (events.SocketWanted("use another local port"), "local port is tried: use another local port"),
    (events.ServerRefused(PEER, 303, "Unsupported tunnel type", False),
     "198.51.100.1:3653 refuses: 303 Unsupported tunnel type"),
    (events.ServerRefused(PEER, 500, "Invalid request format", True), "please report it"),
    (events.MappingUnstable(5), "this NAT changes mappings: 5 addresses in ten minutes"),
    (events.PayloadAltered(), "this NAT writes other addresses"),
    (events.KeepaliveFound(112), "keeps a mapping for 112 s"),
    (events.PathPromoted(ADDRESS, PEER), "d431:e0f0 go straight to 198.51.100.1:3653"),
    (events.PathDemoted(ADDRESS), "d431:e0f0 go by the server again"),
)  # fmt: skip


@pytest.mark.parametrize(("event", "said"), SAID, ids=lambda one: type(one).__name__)
def test_words(event, said):
    level, text = words.words(event)
    assert said in text and level >= logging.INFO


def test_every_event_has_words():
    kinds = {name for name, one in vars(events).items() if isinstance(one, type)}
    assert {type(event).__name__ for event, _ in SAID} == kinds


class Server(threading.Thread):
    """lib/pubtsp's Server at SERVER in the namespace of the thread that made its socket."""

    def __init__(self):
        super().__init__()
        addresses = pubtsp.AddressFormat(PREFIX, "mac", bytes(16))
        config = pubtsp.Config(addresses, parse_ipv4(SERVER), policy="lab")
        self.engine = pubtsp.Server(config)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((SERVER, 3653))
        self.socket.settimeout(0.05)
        self.ports = {}  # of clients: what they asked
        self.running = True

    def run(self):
        while self.running:
            try:
                data, (v4, port) = self.socket.recvfrom(2000)
            except TimeoutError:
                continue
            self.ports.setdefault(port, []).append(data)
            self.engine.receive_datagram(data, (mapped(parse_ipv4(v4)), port), 0)
            for reply, peer, _ in self.engine.datagrams_to_send():
                self.socket.sendto(reply, (v4, peer[1]))


@alone
def test_the_keepalive_search_has_a_socket_of_its_own():
    """X-9: its first question comes from another port, and its answer is understood."""
    ip("addr", "add", f"{SERVER}/32", "dev", "lo")
    ip("addr", "add", "203.0.113.77/32", "dev", "lo")
    ip("route", "replace", "local", SERVER, "dev", "lo", "src", "203.0.113.77", "table", "local")
    server = Server()
    server.start()
    after, lease._SEARCH_AFTER = lease._SEARCH_AFTER, 100
    try:
        with Tunnel(Options(server=(PEER,), martians="lab", resolv_conf="/none")) as tunnel:
            loop = tunnel.loop

            def look():
                search = tunnel.client._search
                if (search is not None and search._address) or loop.now() > 10_000:
                    loop.stop()
                else:
                    loop.call_at(loop.now() + 50, look)

            look()
            tunnel.run()
            search = tunnel.client._search
            assert tunnel.client.state == "Up" and not search.done
            assert search._address[:12] == PREFIX + parse_ipv4("203.0.113.77")
            assert tunnel._sockets.get("side").port != tunnel._sockets.get("tunnel").port
            used = {port: len(asked) for port, asked in server.ports.items()}
            assert set(used) == {one.port for one in tunnel._sockets._by_tag.values()}
            tunnel.client.network_changed(loop.now(), None)
            tunnel._drain()
            assert tunnel._sockets.get("side") is None, "closed with the tunnel"
    finally:
        lease._SEARCH_AFTER = after
        server.running = False
        server.join()
        server.socket.close()
