# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Real pubtspd processes whose whole Internet is this test: each frame is written and read here.

    with Wire(tmp_path) as wire:
        server = wire.server("198.51.100.1", "2001:db8:3653:1::")
        peer = wire.peer("203.0.113.77", 54321)
        address = peer.create(server)
        peer.send(packet, server)
        wire.settle(server)                  # all that was sent before has been served
        assert wire.native == [packet]       # what the IPv6 Internet has seen

A server has two interfaces: eth4 to the IPv4 Internet, eth6 to the IPv6 one. What it sends to
another server's address or prefix is carried there. Every datagram that a server sends is looked
at: from its own address and port 3653 (D9), DF clear, UDP checksum right (X-1), whole, 1308 octets
at most, to no place where a client cannot be.
"""

import itertools
import os
import select
import socket
import subprocess
import time
from pathlib import Path

from pyroute2 import netns

from host_tests.servers.frames import (
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    Datagram,
    ipv4_udp,
    is_udp,
)
from host_tests.servers.served import KEY, PORT, PYTHON, TOP, Served, environment, run
from vox6.pubtsp import ipv6
from vox6.pubtsp.messages import TunnelRequest, parse_reply
from vox6.wire.inet6 import parse_address

NATIVE = parse_address("2001:db8:99::7")  # a host of the IPv6 Internet
_OUTSIDE_MAC = bytes.fromhex("02005e100001")
_SERVER_MAC = bytes.fromhex("02005e100002")
_LONGEST_OUTER = 1308  # 1280 + 8 + 20 (section 2)
_ETH_P_ALL = 3


class Peer:
    """An IPv4 address and port that the test plays. heard: the datagrams that came there."""

    def __init__(self, wire, v4, port):
        self.wire = wire
        self.where = (v4, port)
        self.heard = []
        self._sequence = 0xF00000F0

    def send(self, data, server, tos=0, source=None, **more):
        """Send a datagram to a server; source: in another's name."""
        self.wire.send_udp(data, source or self.where, server, tos=tos, **more)

    def answer(self, count=1, timeout=3.0):
        """Take the next datagram that comes here."""
        self.wire.until(lambda: len(self.heard) >= count, timeout)
        return self.heard.pop(0) if self.heard else None

    def ask(self, text, server, timeout=3.0):
        """Send TSP data; the reply's text, None: none came."""
        head = self._sequence.to_bytes(4, "big") + b"\0\0\0\x2a"
        self._sequence += 1
        self.send(head + text, server)
        self.wire.until(lambda: any(d.data[:8] == head for d in self.heard), timeout)
        for one in self.heard:
            if one.data[:8] == head:
                self.heard.remove(one)
                assert len(one.data) <= 3 * (8 + len(text)), "X-7"
                return one.data[8:]
        return None

    def create(self, server):
        """Ask for a tunnel; the address."""
        request = TunnelRequest("create", "v6udpv4", socket.inet_aton("192.0.2.20"), 30)
        reply = parse_reply(self.ask(request.emit(192), server))
        assert reply.code == 200, reply.text
        return reply.info.client_ipv6

    def knows(self, server, timeout=3.0):
        """Whether an echo to P::1 comes back."""
        address = server.address(*self.where)
        self.wire.numbers += 1
        data = b"settled%08d" % self.wire.numbers
        self.send(ipv6.echo_request(address, server.own, 7, 7, data), server)
        self.wire.until(lambda: any(d.data[48:] == data for d in self.heard), timeout)
        found = [one for one in self.heard if one.data[48:] == data]
        for one in found:
            self.heard.remove(one)
        return bool(found)


class Wire:
    """All that is not a server. native: packets that the IPv6 Internet has got, in their order."""

    _count = itertools.count(1)

    def __init__(self, folder, key=KEY):
        self.folder = Path(folder)
        self.key = key
        self.native = []
        self.strays = []  # datagrams to addresses that nobody plays
        self.other = []  # frames that are neither UDP nor IPv6 packets of servers
        self.carried = 0  # from server to server
        self.numbers = 0
        self._number = next(Wire._count)
        self.world = self.name("world")
        self.servers = []
        self._peers = {}
        self._next = 0
        self.lossy = None  # (server, frame) -> True: the frame is lost
        self.choose = None  # servers that share a prefix or address -> the one for this packet

    def name(self, word):
        """The name of a namespace; the lab removes those of dead processes."""
        return f"vox6-{os.getpid()}-{self._number}-wire-{word}"

    def __enter__(self):
        run("ip", "netns", "add", self.world)
        return self

    def __exit__(self, *_):
        for server in self.servers:
            if server.process is not None:
                server.process.stop()
            for one in server.sockets.values():
                one.close()
            subprocess.run(["ip", "netns", "del", server.netns], check=False)
        run("ip", "netns", "del", self.world)

    def raw(self, interface):
        """A socket that sees and writes the frames of an interface of the world."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            netns.setns(self.world, flags=0)
            try:
                found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
                found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
                found.bind((interface, _ETH_P_ALL))
            finally:
                netns.setns(home)
        finally:
            os.close(home)
        found.setblocking(False)
        return found

    def forget(self):
        """Let all that was seen be as if it had not been."""
        for seen in (
            self.native,
            self.strays,
            self.other,
            *(p.heard for p in self._peers.values()),
        ):
            seen.clear()
        self.carried = 0

    def next_ipv4(self):
        """An IPv4 address that no test has used on this wire: its limits are untouched."""
        self._next += 1
        return f"203.0.113.{self._next}"

    # who is there

    def server(
        self,
        ipv4="198.51.100.1",
        prefix="2001:db8:3653:1::",
        plane="portable",
        before=None,
        env=None,
        **more,
    ):
        """Start a server; before: called when it has its links; more: settings, with _ for -."""
        settings = {name.replace("_", "-"): value for name, value in more.items()}
        found = Served(self, len(self.servers) + 1, ipv4, prefix, plane, settings, env)
        self.servers.append(found)
        found.make()
        if before is not None:
            before(found)
        found.start()
        return found

    def peer(self, v4, port):
        """Play somebody at an IPv4 address and port."""
        return self._peers.setdefault((v4, port), Peer(self, v4, port))

    # sending

    def send_udp(self, data, source, server, tos=0, **more):
        """Send a datagram to a server, from wherever it says."""
        packet = ipv4_udp(source, server.peer, data, tos, **more)
        self._write(server, "four", ETHERTYPE_IPV4 + packet)

    def send_ipv6(self, packet, server):
        """Send a packet of the IPv6 Internet to a server."""
        self._write(server, "six", ETHERTYPE_IPV6 + packet)

    def _write(self, server, side, frame):
        server.sockets[side].send(_SERVER_MAC + _OUTSIDE_MAC + frame)

    # receiving

    def until(self, true, timeout=3.0):
        """Carry frames until true() or the time is over; what true() says then."""
        deadline = time.monotonic() + timeout
        while not true():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.carry(min(left, 0.1))
        return True

    def carry(self, wait=0.0):
        """Take what servers have sent, waiting for it if need be."""
        owners = {one: (server, side) for server in self.servers
                  for side, one in server.sockets.items()}  # fmt: skip
        ready, _, _ = select.select(list(owners), [], [], wait)
        for one in ready:
            server, side = owners[one]
            for _ in range(256):
                try:
                    frame, (_, _, kind, _, _) = one.recvfrom(4096)
                except BlockingIOError:
                    break
                if kind != socket.PACKET_OUTGOING:  # one of ours
                    self._take(server, side, frame[12:])

    def _take(self, server, side, frame):
        kind, packet = frame[:2], frame[2:]
        if self.lossy is not None and self.lossy(server, frame):
            return
        if side == "four" and kind == ETHERTYPE_IPV4 and is_udp(packet):
            self._datagram(server, Datagram(packet), packet)
        elif side == "six" and kind == ETHERTYPE_IPV6 and not _is_neighbourly(packet):
            self._packet(server, packet)
        else:
            self.other.append((server, side, packet))

    def _datagram(self, server, found, packet):
        assert found.source == server.peer, f"D9: {found}"
        assert found.is_whole and not found.dont_fragment and not found.is_fragment, found
        assert found.octets <= _LONGEST_OUTER, found
        signalling = found.data[:1] >= b"\xf0"
        assert signalling or (found.destination[1] >= 1024 and found.destination[1] != PORT), found
        server.sent.append(found)
        others = [one for one in self.servers if one.peer[0] == found.destination[0]]
        if others:
            self.carried += 1
            other = self.choose(others) if self.choose else others[0]
            self._write(other, "four", ETHERTYPE_IPV4 + packet)
            return
        peer = self._peers.get(found.destination)
        if peer is None:
            self.strays.append(found)
        else:
            peer.heard.append(found)

    def _packet(self, server, packet):
        others = [one for one in self.servers if one.prefix == packet[24:32]]
        if others:
            self.carried += 1
            other = self.choose(others) if self.choose else others[0]
            self._write(other, "six", ETHERTYPE_IPV6 + packet)
            return
        self.native.append(packet)

    # order

    def settle(self, server):
        """Return when a server has served what was sent to it before.

        A packet of a well-known client goes through behind it, each way: down first, since what
        goes up, errors too, is written last.
        """
        peer = self.peer("203.0.113.250", 60000 + server.number)
        address = server.address(*peer.where)
        self.numbers += 1
        text = b"settled%08d" % self.numbers
        self.send_ipv6(udp_packet(NATIVE, address, text), server)
        down = self.until(lambda: any(one.data[48:] == text for one in peer.heard))
        peer.heard.clear()
        peer.send(udp_packet(address, NATIVE, text), server)
        up = self.until(lambda: any(packet[48:] == text for packet in self.native))
        assert down and up, f"no packet passes (down {down}, up {up}):\n{server.process.output()}"
        if server.plane != "portable":  # the kernel's packets may overtake those of the program
            assert peer.knows(server)
            self.until(lambda: False, 0.05)
        self.native[:] = [packet for packet in self.native if packet[48:] != text]


def _is_neighbourly(packet):
    """Whether a packet is of the link alone: duplicate detection, multicast listeners."""
    return packet[8:10] == b"\xfe\x80" or packet[8:24] == bytes(16)


def udp_packet(source, destination, text=b"voice", hop_limit=64, ports=(5000, 5000)):
    """An IPv6 packet with UDP, its checksum right."""
    head = ports[0].to_bytes(2, "big") + ports[1].to_bytes(2, "big")
    head += (8 + len(text)).to_bytes(2, "big")
    total = ipv6.checksum(source, destination, ipv6.UDP, head + b"\0\0" + text) or 0xFFFF
    payload = head + total.to_bytes(2, "big") + text
    return ipv6.build(source, destination, ipv6.UDP, payload, hop_limit)


__all__ = [
    "KEY", "NATIVE", "PORT", "PYTHON", "TOP", "Peer", "Served", "Wire", "environment", "udp_packet"
]  # fmt: skip
