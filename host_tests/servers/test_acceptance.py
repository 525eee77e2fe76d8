# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The acceptance tests of PubTSP, section 13, on real pubtspd processes; 1 is test_tsp_clients.py.

Each has the number and the words of the list.
"""

import random
import socket
import time

import pytest

from host_tests.servers.conversation import Conversation
from host_tests.servers.engine_client import EngineClient
from host_tests.servers.wire import NATIVE, udp_packet
from vox6.pubtsp import events, ipv6
from vox6.pubtsp.messages import parse_reply
from vox6.wire.inet6 import parse_address

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]
ALICE, BOB = ("203.0.113.77", 54321), ("198.51.100.9", 1024)
TWO = ("198.51.100.2", "2001:db8:3653:2::")


def error_in(packet):
    """(type, code) of an ICMPv6 error whose checksum is right, None: it is none."""
    if packet[6] != ipv6.ICMPV6 or packet[40] >= 128:
        return None
    assert ipv6.checksum(packet[8:24], packet[24:40], ipv6.ICMPV6, packet[40:]) == 0
    return packet[40], packet[41]


def test_02_right_ipv4_but_wrong_port_is_not_forwarded_and_1_5_received(wire, plane):
    server = wire.server(plane=plane)
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    wrong = server.address(ALICE[0], ALICE[1] + 1)  # the tag is right for that port
    packet = udp_packet(wrong, NATIVE)
    alice.send(packet, server)
    wire.settle(server)
    assert wire.native == []
    (heard,) = alice.heard
    assert error_in(heard.data) == (1, 5)
    assert heard.data[24:40] == wrong and heard.data[48:] == packet
    alice.send(udp_packet(address, NATIVE), server)  # with the right one it goes
    wire.settle(server)
    assert [one[8:24] for one in wire.native] == [address]


@pytest.mark.parametrize(
    ("v4", "port"),
    [("127.0.0.1", 8080), ("198.51.100.1", 3653), ("10.0.0.1", 8080), ("198.51.100.2", 3653),
     ("198.51.100.1", 40000), ("198.51.100.2", 40000)],
    ids=["7f00:1", "server:0e45", "0a00:1", "peer-server:0e45", "server:9c40", "peer-server:9c40"],
)  # fmt: skip
def test_03_from_ipv6_to_places_where_no_client_is_nothing_leaves(wire, plane, v4, port):
    server = wire.server(plane=plane, peers=TWO[0])
    destination = server.address(v4, port)  # even the tag is right
    for tag in (destination[14:], b"\0\0", b"\x12\x34"):
        wire.send_ipv6(udp_packet(NATIVE, destination[:14] + tag), server)
    wire.settle(server)
    assert wire.strays == [] and wire.carried == 0
    assert {error_in(packet) for packet in wire.native} == {(1, 1)}
    assert all(packet[24:40] == NATIVE for packet in wire.native)


def test_04_source_in_p_from_the_ipv6_side_is_dropped(wire, plane):
    server = wire.server(plane=plane)
    alice, bob = wire.peer(*ALICE), wire.peer(*BOB)
    address, other = alice.create(server), bob.create(server)
    for source in (other, address, server.own, server.prefix + bytes(8)):
        wire.send_ipv6(udp_packet(source, address), server)
    wire.settle(server)
    assert alice.heard == bob.heard == [] and wire.native == []
    wire.send_ipv6(udp_packet(NATIVE, address), server)
    wire.settle(server)
    assert len(alice.heard) == 1


def test_05_two_clients_of_one_server_talk_and_hop_limit_shows_one_hop(wire, plane):
    server = wire.server(plane=plane)
    alice, bob = wire.peer(*ALICE), wire.peer(*BOB)
    a, b = alice.create(server), bob.create(server)
    for sender, source, receiver, destination in ((alice, a, bob, b), (bob, b, alice, a)):
        packet = udp_packet(source, destination, b"hello", hop_limit=64)
        sender.send(packet, server)
        wire.settle(server)
        (heard,) = receiver.heard
        assert heard.data[7] == 63
        assert heard.data == ipv6.with_hop_limit(packet, 63)
        receiver.heard.clear()
    assert wire.native == []
    # a packet with one hop left has none for this
    packet = udp_packet(a, b, hop_limit=1)
    alice.send(packet, server)
    wire.settle(server)
    assert bob.heard == [] and [error_in(one.data) for one in alice.heard] == [(3, 0)]


def test_06_1281_octets_from_ipv6_get_packet_too_big_with_1280(wire, plane):
    server = wire.server(plane=plane)
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    fits, longer = (udp_packet(NATIVE, address, bytes(n - 48)) for n in (1280, 1281))
    wire.send_ipv6(longer, server)
    wire.settle(server)
    assert alice.heard == []
    (packet,) = wire.native
    assert error_in(packet) == (2, 0) and packet[24:40] == NATIVE
    assert int.from_bytes(packet[44:48], "big") == 1280
    assert packet[48:] == longer[: len(packet) - 48] and len(packet) <= 1280
    wire.native.clear()
    wire.send_ipv6(fits, server)
    wire.settle(server)
    assert [len(one.data) for one in alice.heard] == [1280] and wire.native == []


def test_07_restart_of_the_server_in_a_call_only_packets_of_the_gap_lost(wire, plane):
    server = wire.server(plane=plane)
    alice = wire.peer(*ALICE)
    call = Conversation(wire, alice, alice.create(server), [server])
    gap = []

    def during(number):
        if number == 50:
            call._listen(0.1)  # what was sent before has arrived
            gap.append(time.monotonic())
            server.kill()
        elif number == 100:
            server.start()
            gap.append(time.monotonic())

    call.run(150, during)
    lost = call.lost()
    assert {way for way, _, _ in lost} == {"up", "down"}, "there was a gap"
    outside = [one for one in lost if not gap[0] <= one[2] <= gap[1]]
    assert outside == []
    assert len(call.arrived["up"]) >= 100 and len(call.arrived["down"]) >= 100


def test_08_nat_rebinding_new_address_in_less_than_2_s_after_the_next_packet(wire, plane):
    """The engine on the wire; with a real NAT and its conntrack in test_vox6_tunnel.py."""
    server = wire.server(plane=plane)
    node = EngineClient(wire, server, *ALICE)
    assert node.run(lambda: node.client.state == "Up")
    old = node.client.address
    assert old == server.address(*ALICE)
    node.rebind(40404)
    node.run(lambda: False, 0.3)
    assert node.client.address == old, "nothing was sent: nothing is known"
    start = time.monotonic()
    node.client.send_packet(udp_packet(old, NATIVE), node.now())
    assert node.run(lambda: node.client.address not in (old, None))
    assert time.monotonic() - start < 2.0
    assert node.client.address == server.address(ALICE[0], 40404)
    changed = [event for event in node.seen if isinstance(event, events.AddressChanged)]
    assert [(event.old, event.address) for event in changed] == [(old, node.client.address)]
    node.client.send_packet(udp_packet(node.client.address, NATIVE, b"again"), node.now())
    assert node.run(lambda: any(packet[48:] == b"again" for packet in wire.native))


def test_09_loop_construction_between_two_servers_no_packet_counted_twice(wire, plane):
    """RFC 6324: addresses of each server's prefix that mean the other, told to nobody as peers."""
    one, two = wire.server(plane=plane), wire.server(*TWO, plane=plane)
    alice = wire.peer(*ALICE)
    mine = alice.create(one)
    settled = {server: len(server.sent) for server in (one, two)}
    texts = []

    def text():
        texts.append(b"packet%06d" % len(texts))
        return texts[-1]

    for port in (3653, 3652, 40000):
        wire.send_ipv6(udp_packet(NATIVE, one.address(two.ipv4, port), text()), one)
        # from a tunnel of one, by the IPv6 Internet, to an address of two that means one
        alice.send(udp_packet(mine, two.address(one.ipv4, port), text()), one)
        # in the name of the other server, with a right tag, to an address that means it again
        for source, target in ((one, two), (two, one)):
            inner = (target.address(source.ipv4, port), source.address(target.ipv4, port))
            wire.send_udp(udp_packet(*inner, text()), (source.ipv4, port), target)
            wire.send_udp(udp_packet(*inner[::-1], text()), (source.ipv4, port), target)
    wire.until(lambda: False, 0.5)
    for server in (one, two):
        wire.settle(server)
        sent = [datagram.data[48:] for datagram in server.sent[settled[server] :]]
        assert all(sent.count(one) <= 1 for one in texts), "a packet came by twice"
    assert wire.carried <= len(texts), "each crossed from server to server once at most"
    before = wire.carried
    wire.until(lambda: False, 0.5)
    assert wire.carried == before, "nothing goes round"


def test_10_random_datagrams_no_crash_replies_never_more_than_3_times(wire, plane):
    """Two thousand here; ten million in host_tests/fuzz, whose soak run has figures."""
    server = wire.server(plane=plane)
    chance = random.Random(1)
    asked, sent = {}, 0
    for i in range(2000):
        data = chance.randbytes(chance.randint(0, 400))
        if chance.random() < 0.7:
            data = bytes((chance.choice((0x60, 0xF0)) | chance.getrandbits(4),)) + data
        source = (f"203.0.113.{1 + i % 200}", 1024 + i)
        asked[source] = data
        wire.send_udp(data, source, server)
        if i % 50 == 49:
            wire.settle(server)
    for reply in wire.strays:
        request = asked[reply.destination]
        bound = 3 * len(request) if request[0] >> 4 == 15 else len(request) + 48
        assert len(reply.data) <= bound
        sent += 1
    assert sent > 20 and server.process.running()


def test_11_two_servers_with_the_same_key_in_anycast_alternating_per_packet_a_call_runs(
    wire, plane
):
    one = wire.server(plane=plane)
    two = wire.server(plane=plane)  # the same address, prefix and key
    alice = wire.peer(*ALICE)
    address = alice.create(one)
    assert alice.create(two) == address
    call = Conversation(wire, alice, address, [one, two])
    call.run(100)
    assert call.lost() == []
    assert len(one.sent) > 50 and len(two.sent) > 50


def create(text=b"", kind=b"v6udpv4", client=b""):
    body = b'<tunnel action="create" type="%s">%s<client>%s</client></tunnel>\r\n' % (
        kind, text, client,
    )  # fmt: skip
    body = body.ljust(200)
    return b"Content-length: %d\r\n" % len(body) + body


GOOD = b'<address type="ipv4">192.0.2.20</address>'

# (what section 3.5 says, request, beginning of the reply)
CODES = (
    ("200", create(client=GOOD), b"200 Success\r\n<tunnel action=\"info\""),
    ("300 another mechanism", b"AUTHENTICATE PLAIN\r\n", b"300 Authentication failed\r\n"),
    ("302 other VERSION", b"VERSION=3.0.0\r\n", b"302 Unsupported client version\r\n"),
    ("303 v6v4", create(kind=b"v6v4"), b"303 Unsupported tunnel type\r\n"),
    ("303 v4v6", create(kind=b"v4v6"), b"303 Unsupported tunnel type\r\n"),
    ("303 unknown type", create(kind=b"v6v6"), b"303 Unsupported tunnel type\r\n"),
    ("500 bad XML", create(text=b"<a"), b"500 Invalid request format\r\n"),
    ("500 DOCTYPE", b"<!DOCTYPE t><tunnel action='create' type='v6udpv4'/>",
     b"500 Invalid request format\r\n"),
    ("500 bad length", b"Content-length: 7\r\n<tunnel action='accept'></tunnel>\r\n",
     b"500 Invalid request format\r\n"),
    ("500 unknown command", b"HELLO tsp.example\r\n", b"500 Invalid request format\r\n"),
    ("500 unknown action", b"Content-length: 33\r\n<tunnel action='become'></tunnel>\r\n",
     b"500 Invalid request format\r\n"),
    ("501", create(client=b'<address type="ipv4">192.0.2</address>'),
     b"501 Invalid IPv4 address\r\n"),
    ("507", create(client=GOOD + b'<router><prefix length="48"/></router>'),
     b"507 Requested prefix length cannot be assigned\r\n"),
)  # fmt: skip


def without_length(reply):
    """A reply's text behind its Content-length line, which counts right; or all of it."""
    if not reply.startswith(b"Content-length: "):
        return reply
    line, _, rest = reply.partition(b"\r\n")
    assert int(line.partition(b":")[2]) == len(rest)
    return rest


@pytest.fixture
def asked(wire):
    """A server and somebody who asks it."""
    return wire, wire.server(), wire.peer(*ALICE)


class Test12AllLinesOfSection35:
    @pytest.mark.parametrize(("what", "request_", "reply"), CODES, ids=[one[0] for one in CODES])
    def test_12_code(self, asked, what, request_, reply):
        wire, server, alice = asked
        assert without_length(alice.ask(request_, server)).startswith(reply)
        # in the command phase a Content-length line goes before the code, else it stands alone
        phase = request_.startswith((b"Content", b"<"))
        answer = alice.ask(request_, server)
        if phase and b"500" not in reply and b"501" not in reply:
            assert answer.startswith(b"Content-length: ")
        if not phase:
            assert answer == reply

    def test_12_301_502_506_521_are_never_sent(self, asked):
        """Nothing runs out: many ports of one IPv4, and the same request twice, all are served."""
        wire, server, alice = asked
        addresses = set()
        for port in range(50000, 50020):
            peer = wire.peer(ALICE[0], port)
            addresses.add(peer.create(server))
        assert len(addresses) == 20
        head = b"\xf0\0\0\xf9\0\0\0\1"
        for _ in range(2):  # a retransmission
            alice.send(head + create(client=GOOD), server)
        wire.settle(server)
        texts = [without_length(one.data[8:])[:13] for one in alice.heard]
        assert texts == [b"200 Success\r\n"] * 2

    @pytest.mark.parametrize(
        ("source", "says"),
        [
            ((ALICE[0], 1023), b"310 Server side error: use another local port\r\n"),
            ((ALICE[0], 3653), b"310 Server side error: use another local port\r\n"),
            (("100.64.0.9", 5000), b"310 Server side error\r\n"),
            (("192.88.99.7", 5000), b"310 Server side error\r\n"),
        ],
        ids=["port 1023", "port 3653", "100.64.0.9", "192.88.99.7"],
    )
    def test_12_310_source_not_usable(self, asked, source, says):
        wire, server, _ = asked
        assert without_length(wire.peer(*source).ask(create(client=GOOD), server)) == says

    def test_12_530_rate_limit_of_this_source(self, asked):
        wire, server, alice = asked
        start = time.monotonic()
        for i in range(60):
            alice.send(b"\xf0\0\1%c\0\0\0\0VERSION=2.0.0\r\n" % i, server)
        wire.settle(server)
        texts = [one.data[8:] for one in alice.heard]
        assert b"530 Server too busy\r\n" in texts
        served = texts.count(b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n")
        elapsed = time.monotonic() - start
        assert 30 <= served <= 31 + 10 * elapsed, "thirty at once, ten a second"
        bob = wire.peer(*BOB)
        assert bob.ask(b"VERSION=2.0.0\r\n", server).startswith(b"CAPABILITY"), "others are served"

    def test_12_1530_referral_while_draining(self, asked):
        """R-9: the list of brokers; packets pass as before, and later it serves again."""
        wire, server, alice = asked
        address = alice.create(server)
        server.command("drain", to=["198.51.100.2", "tsp.example"])
        reply = parse_reply(alice.ask(create(client=GOOD), server))
        assert (reply.code, reply.info) == (1530, None)
        assert reply.brokers == [socket.inet_aton("198.51.100.2"), "tsp.example"]
        alice.send(udp_packet(address, NATIVE), server)
        wire.settle(server)
        assert [packet[8:24] for packet in wire.native] == [address]
        server.command("undrain")
        assert alice.create(server) == address

    def test_12_200_without_content_for_accept_reject_delete(self, asked):
        wire, server, alice = asked
        for action in (b"accept", b"reject", b"delete"):
            body = b'<tunnel action="%s"></tunnel>\r\n' % action
            reply = alice.ask(b"Content-length: %d\r\n" % len(body) + body, server)
            assert reply == b"Content-length: 13\r\n200 Success\r\n"


def test_the_prefix_is_what_the_vectors_say(wire):
    """The test's own arithmetic of tags against the published addresses."""
    server = wire.server()
    assert server.address(*ALICE) == parse_address("2001:db8:3653:1:cb00:714d:d431:e0f0")
    assert wire.peer(*ALICE).create(server) == server.address(*ALICE)
