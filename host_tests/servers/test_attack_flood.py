# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One client floods, another talks: not a packet of the call is lost (counted, not timed).

And reflection: what the server sends for what it is sent (X-7).
"""

import random
import time

import pytest

from host_tests.servers.conversation import Conversation
from host_tests.servers.test_acceptance import CODES
from host_tests.servers.wire import NATIVE, udp_packet
from host_tests.vectors.pubtsp import exchanges, habits
from vox6.pubtsp import ipv6

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]
ALICE, MALLORY = ("203.0.113.77", 54321), ("198.51.100.66", 6666)
A_FRAME = 40  # datagrams of the flood for each frame of 20 ms: 2,000 a second


def floods(address, stolen):
    """{name: datagram}; stolen: the address of the one who talks."""
    return {
        "requests": exchanges.EXCHANGES[2][1],
        "bad-requests": b"\xf0\0\0\1\0\0\0\0<tunnel",
        "stolen-address": udp_packet(stolen, NATIVE),
        "no-hops": udp_packet(address, NATIVE, hop_limit=1),
        "forbidden": udp_packet(address, bytes(15) + b"\1"),
        "echoes": ipv6.echo_request(address, address[:8] + bytes(7) + b"\1", 1, 1, bytes(900)),
        "to-nobody": udp_packet(address, address[:14] + b"\0\0"),
        "random": random.Random(3).randbytes(700),
        "empty": b"",
    }


@pytest.mark.parametrize("name", sorted(floods(bytes(16), bytes(16))))
def test_attack_flood_leaves_the_call_of_another_untouched(wire, plane, name):
    server = wire.server(plane=plane)
    alice, mallory = wire.peer(*ALICE), wire.peer(*MALLORY)
    address = alice.create(server)
    data = floods(mallory.create(server), address)[name]
    call = Conversation(wire, alice, address, [server])

    def during(_):
        for _ in range(A_FRAME):
            mallory.send(data, server)
            wire.carry()

    call.run(50, during)
    assert call.lost() == []
    assert len(mallory.heard) <= 50 * A_FRAME
    if name in ("stolen-address", "no-hops", "forbidden", "to-nobody", "requests"):
        assert len(mallory.heard) < 100, "errors and replies are limited for each source"


def test_attack_flood_with_a_packet_rate_set(wire):
    """D-11: more than packet-rate is dropped, of this source alone."""
    server = wire.server(packet_rate=100)
    alice, mallory = wire.peer(*ALICE), wire.peer(*MALLORY)
    address, other = alice.create(server), mallory.create(server)
    call = Conversation(wire, alice, address, [server])
    flood = udp_packet(other, NATIVE, b"flood")

    def during(_):
        for _ in range(20):
            mallory.send(flood, server)

    start = time.monotonic()
    call.run(50, during)  # one second and more: 1,000 packets
    elapsed = time.monotonic() - start
    assert call.lost() == []
    passed = sum(packet[48:] == b"flood" for packet in call.others)
    assert 100 <= passed <= 100 * (elapsed + 1)


def requests():
    """Every kind of request that the tests know, and mutations of them."""
    chance = random.Random(4)
    texts = [one[1] for one in exchanges.EXCHANGES]
    head = b"\xf0\0\0\xf0\0\0\0\0"
    for script in (habits.GOGOC, habits.LADDER, habits.SMALL, habits.TEXTBOOK, habits.DIGEST):
        texts += [head + text for text, _ in script]
    texts += [head + text for _, text, _ in CODES]
    tiny = (b"<tunnel action='info'/>", b"<tunnel action='create' type='v6udpv4'/>", b"A", b"\n")
    texts += [head + text for text in tiny]
    for _ in range(600):
        one = bytearray(chance.choice(texts)) + b" "
        for _ in range(chance.randint(1, 4)):
            one[chance.randrange(8, len(one))] = chance.choice(b" <>/\"'=\r\n0a\x80")
        texts.append(bytes(one[: chance.randint(8, len(one))]))
    return texts


def test_attack_reflection_is_bound_to_three_times(wire, plane, capsys):
    """Each request comes from a victim of its own, so that no limit hides a long reply."""
    server = wire.server(plane=plane, dns_server="2001:db8::53")
    worst, asked, sent, count = 0.0, 0, 0, 0
    for i, request in enumerate(requests()):
        victim = wire.peer(f"203.0.113.{1 + i % 200}", 2000 + i)
        victim.send(request, server)
        if i % 40 == 39:
            wire.settle(server)
        asked += len(request)
    wire.settle(server)
    for i, request in enumerate(requests()):
        heard = wire.peer(f"203.0.113.{1 + i % 200}", 2000 + i).heard
        assert len(heard) <= 1
        for reply in heard:
            assert len(reply.data) <= 3 * len(request), request
            worst = max(worst, len(reply.data) / len(request))
            sent += len(reply.data)
            count += 1
    assert count > 300 and sent <= 3 * asked
    with capsys.disabled():
        print(
            f"\nreflection ({plane}): {count} replies to {i + 1} requests, "
            f"{sent / asked:.2f} octets for one, {worst:.2f} at worst"
        )


def test_attack_errors_are_no_longer_than_48_octets_more(wire, plane):
    """X-11, for packets of every length."""
    server = wire.server(plane=plane)
    for i, length in enumerate((40, 48, 60, 200, 1000, 1232, 1279, 1280, 1281, 1400)):
        peer = wire.peer(f"203.0.113.{10 + i}", 5000)
        data = udp_packet(server.address("192.0.2.1", 99), NATIVE, bytes(max(0, length - 48)))
        data = data[:4] + (length - 40).to_bytes(2, "big") + data[6:length]
        peer.send(data, server)
        wire.settle(server)
        assert len(peer.heard) <= 1
        for reply in peer.heard:
            assert len(reply.data) <= min(len(data) + 48, 1280)
