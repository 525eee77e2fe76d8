# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The engines of lib/pubtsp under random datagrams, in this process."""

import gc
import random
import socket
import sys

from host_tests.fuzz.datagrams import NATIVE, Mutator, Sources, bound, packets, texts
from vox6 import pubtsp
from vox6.pubtsp import ipv6, messages
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

KEY = bytes(range(16))
PREFIX = parse_address("2001:db8:3653:1::")[:8]
SERVER = parse_ipv4("198.51.100.1")
POOL = [(f"203.0.113.{240 + i}", 5000 + i) for i in range(10)]  # clients that have a tunnel
COUNT = 200_000
WINDOW = 500


def make_server():
    addresses = pubtsp.AddressFormat(PREFIX, "mac", KEY, memo=8192)
    config = pubtsp.Config(addresses, SERVER, policy="lab", kernel_forwards=True)
    return pubtsp.Server(config, dns=parse_address("2001:db8::53"), flows=8192)


def peer_of(where):
    return mapped(socket.inet_aton(where[0])), where[1]


def blocks():
    gc.collect()
    return sys.getallocatedblocks()


def test_server():
    """200,000: nothing breaks, replies are bound, a client talks on, nothing is kept."""
    server, chance, sources = make_server(), random.Random(1), Sources()
    own = [server.addresses.make(*(peer_of(where)[0][12:], where[1])) for where in POOL]
    mutator = Mutator(texts() + [one for address in own for one in packets(address, own[:2])], 2)
    asked = sent = 0
    marks = {}
    for i in range(COUNT):
        data = mutator.next()
        where = (
            POOL[chance.getrandbits(8) % len(POOL)] if chance.getrandbits(1) else sources.next()
        )
        peer = peer_of(where)
        if i & 7 == 7:
            server.receive_packet(data, i // 10)
        elif i & 1:
            server.receive_datagram(data, peer, i // 10, chance.getrandbits(8))
        else:
            server.receive_datagrams([(data, peer, chance.getrandbits(8))], i // 10)
        out, up = server.datagrams_to_send(), server.packets_to_send()
        assert len(out) + len(up) <= 1
        for reply, to, tos in out:
            assert len(reply) <= bound(data) and 0 <= tos <= 255
            assert to == peer or reply[0] >> 4 == 6 and to in [peer_of(one) for one in POOL]
            sent += len(reply)
        for packet in up:
            assert len(packet) <= min(len(data) + 48, 1280)
            assert packet[:1] >= b"\x60" and packet[8:16] == PREFIX, "none in another's name"
        asked += len(data)
        if i % WINDOW == 0:
            unaffected(server, own[0], POOL[0], i // 10)
        if i in (COUNT // 4, COUNT - 1):
            marks[i] = blocks()
    assert sent < 3 * asked
    first, last = marks.values()
    assert last - first < 60_000, "the memos are full by then, and nothing else remembers"


def unaffected(server, address, where, now):
    """A client's packets pass, both ways."""
    segment = b"\x13\x88\x13\x88\0\x0c\0\0call"
    server.receive_datagram(ipv6.build(address, NATIVE, 17, segment, 64), peer_of(where), now)
    (packet,) = server.packets_to_send()
    server.receive_packet(ipv6.build(NATIVE, address, 17, segment, 64), now)
    ((down, to, _),) = server.datagrams_to_send()
    assert packet[40:] == down[40:] == segment and to == peer_of(where)


def test_client():
    """60,000 at a client whose server tells the truth every now and then."""
    server, chance = make_server(), random.Random(3)
    where = POOL[0]
    peer, stranger = (mapped(SERVER), 3653), peer_of(POOL[1])
    client = pubtsp.Client(chance.randbytes, pubtsp.Settings(policy="lab"))
    client.start([peer], 0)
    now = ups = 0
    known = b""
    evil = messages.Info(1440, None, NATIVE, None, NATIVE, 30, NATIVE)
    for i in range(60_000):
        now += chance.getrandbits(6)
        honest = i % 1000 > 900
        out = client.datagrams_to_send()
        assert len(out) <= 16
        last = b""
        for data, to, _ in out:
            last = data
            assert to in (peer, stranger)
            if honest and to == peer:
                server.receive_datagram(data, peer_of(where), now)
        for data, _, _ in server.datagrams_to_send():
            client.receive_datagram(data, peer, now)
        if not honest:
            own = client.address or server.addresses.make(peer_of(where)[0][12:], where[1])
            if own != known:
                known = own
                stock = [b"\xf0" + bytes(7) + b"200 Success\r\n" + evil.emit().encode()]
                mutator = Mutator(stock + packets(NATIVE, [own]) + packets(own, [own]), i)
            data = mutator.next()
            if last[:1] >= b"\xf0" and chance.getrandbits(1):
                data = last[:8] + data[8:]  # it knows the request
            socket_ = "side" if chance.getrandbits(3) == 0 else "tunnel"
            client.receive_datagram(data, stranger if i % 3 == 0 else peer, now, socket_)
        while (event := client.next_event()) is not None:
            name = type(event).__name__
            ups += name == "TunnelUp"
            if name == "SocketWanted":
                client.socket_opened(now)
        for packet in client.packets_received():
            assert packet[24:40] == client.address and len(packet) <= 1280
        due = client.get_timer()
        if due is not None and due <= now:
            client.handle_timer(now)
        assert isinstance(client.debug(), str)
    assert ups >= 1
    for _ in range(4000):  # and with a server that is honest it comes up
        now += 1000
        client.handle_timer(now)
        for data, _, _ in client.datagrams_to_send():
            server.receive_datagram(data, peer_of(where), now)
        for data, _, _ in server.datagrams_to_send():
            client.receive_datagram(data, peer, now)
        while (event := client.next_event()) is not None:
            if type(event).__name__ == "SocketWanted":
                client.socket_opened(now)
        if client.state == "Up" and client.address == server.addresses.make(
            peer_of(where)[0][12:], where[1]
        ):
            return
    raise AssertionError(client.debug())
