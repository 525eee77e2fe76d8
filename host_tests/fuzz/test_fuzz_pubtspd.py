# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Acceptance test 10: random datagrams at a real pubtspd, over a wire.

Some thousands in `make test`; ten million with the marker soak, which prints figures.
"""

import os
import random
import socket
import struct
import time

import pytest

from host_tests.fuzz.datagrams import Mutator, Sources, bound, packets, texts
from host_tests.servers.wire import NATIVE, Wire, udp_packet

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]
POOL = [(f"203.0.113.{242 + i}", 5000 + i) for i in range(8)]  # clients that have a tunnel
WINDOW = {"portable": 1000, "xdp": 4000}  # datagrams between two looks: the socket holds them
# Octets by which the program may grow in the second half. With XDP it reads the kernel's
# neighbours each five seconds, and random destinations make them up to a thousand.
GROWTH = {"portable": 2 << 20, "xdp": 8 << 20}
_MAC = bytes.fromhex("02005e10000202005e100001")


def frame(source, destination, data):
    """An Ethernet frame with UDP, quickly: without a UDP checksum, as IPv4 allows."""
    length = 28 + len(data)
    src, dst = socket.inet_aton(source[0]), socket.inet_aton(destination[0])
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 60, 17, 0, src, dst)
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16) ^ 0xFFFF
    udp = struct.pack(">HHHH", source[1], destination[1], 8 + len(data), 0)
    return _MAC + b"\x08\0" + head[:10] + total.to_bytes(2, "big") + head[12:] + udp + data


class Run:
    """count: datagrams sent. asked, sent: octets. worst: of a reply to its request."""

    def __init__(self, wire, server, seed):
        self.wire, self.server = wire, server
        self.size = WINDOW[server.plane]
        self.chance = random.Random(seed)
        own = [server.address(*where) for where in POOL]
        stock = texts() + [one for address in own for one in packets(address, own[:2])]
        self.mutator = Mutator(stock, seed)
        self.sources = Sources()
        self.talker = wire.peer("203.0.113.241", 4999)
        self.address = self.talker.create(server)
        self.count = self.asked = self.sent = self.replies = self.talked = 0
        self.worst = 0.0
        for where in POOL:
            wire.peer(*where)

    def window(self):
        """Send datagrams, a fourth of them from clients, and look at what came of it."""
        bits, next_data = self.chance.getrandbits, self.mutator.next
        write, to = self.server.sockets["four"].send, self.server.peer
        asked = {}
        octets = 0
        for i in range(self.size):
            data = next_data()
            if bits(2):
                where = self.sources.next()
                asked[where] = data
            else:
                where = POOL[bits(8) % len(POOL)]
            octets += len(data)
            write(frame(where, to, data))
            if i & 15 == 15:
                packet = next_data()  # the kernel routes what is for others: that is not ours
                packet = packet[:24] + self.server.prefix + packet[32:]
                self.wire.send_ipv6(packet, self.server)
        self.count += self.size
        self.asked += octets
        self.look(asked, octets)

    def look(self, asked, octets):
        """The oracle: replies are bound, one who talks is heard, nothing else is written."""
        wire = self.wire
        self.talked += 1
        text = b"talk%08d" % self.talked
        wire.send_ipv6(udp_packet(NATIVE, self.address, text), self.server)
        wire.settle(self.server)
        self.talker.send(udp_packet(self.address, NATIVE, text), self.server)
        wire.settle(self.server)
        assert [one.data[48:] for one in self.talker.heard] == [text], "one who talks is heard"
        assert sum(packet[48:] == text for packet in wire.native) == 1
        self.talker.heard.clear()
        sent = 0
        for reply in wire.strays:
            request = asked.pop(reply.destination, None)  # one reply at most
            assert request is not None, f"to one who did not ask: {reply}"
            assert len(reply.data) <= bound(request), request
            self.worst = max(self.worst, len(reply.data) / len(request))
            sent += len(reply.data)
        for where in POOL:
            heard = wire.peer(*where).heard
            sent += sum(len(one.data) for one in heard)
            heard.clear()
        for packet in wire.native:
            assert packet[8:16] == self.server.prefix, "none in another's name"
        assert sent <= 3 * octets
        self.sent += sent
        self.replies += len(wire.strays)
        wire.forget()

    def run(self, windows):
        """Windows of datagrams; (seconds, [memory after each tenth])."""
        start = time.monotonic()
        memory = []
        for number in range(windows):
            self.window()
            if (number + 1) * 10 // windows > len(memory):
                memory.append(self.server.memory())
        assert self.server.process.running()
        assert "Traceback" not in self.server.process.output()
        return time.monotonic() - start, memory


@pytest.mark.timeout(120)
@pytest.mark.parametrize("plane", ["portable", "xdp"])
def test_thousands(tmp_path, plane):
    with Wire(tmp_path) as wire:
        run = Run(wire, wire.server(plane=plane, dns_server="2001:db8::53"), 1)
        _, memory = run.run(20_000 // run.size)
        assert run.replies > 500 and memory[-1] - memory[0] < 12 << 20


@pytest.mark.soak
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("plane", ["portable", "xdp"])
def test_ten_million(tmp_path, plane, capsys):
    """10^7, each of which the plane has counted; VOX6_FUZZ_DATAGRAMS sets another number."""
    count = int(os.environ.get("VOX6_FUZZ_DATAGRAMS", 10_000_000))
    with Wire(tmp_path) as wire:
        # What it may remember is soon full then; whatever grows later is a leak.
        server = wire.server(plane=plane, dns_server="2001:db8::53", memo="1024")
        run = Run(wire, server, 7)
        seconds, memory = run.run(count // run.size)
        read = server.counters()["received"]
    with capsys.disabled():
        print(
            f"\nfuzz ({plane}): {run.count} datagrams in {seconds:.0f} s, {read} read; "
            f"{run.replies} replies, {run.sent / run.asked:.3f} octets for one, "
            f"{run.worst:.2f} at worst; "
            f"{run.talked} times one talked meanwhile and was heard; memory after each tenth: "
            f"{[one >> 10 for one in memory]} kB"
        )
    assert read >= run.count
    assert memory[-1] - memory[4] < GROWTH[plane]
