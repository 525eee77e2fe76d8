# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Packets and requests that are not as they should be, at a real pubtspd (U2, U3, U5, C-2)."""

import random

import pytest

from host_tests.servers.wire import NATIVE, udp_packet
from vox6.pubtsp import ipv6

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]


def with_length(packet, length):
    return packet[:4] + length.to_bytes(2, "big") + packet[6:]


def chain(source, *headers, last=b"", last_kind=59):
    """A packet with extension headers [(kind, octets without the first)] and a last part."""
    kinds = [kind for kind, _ in headers] + [last_kind]
    payload = b"".join(bytes((kinds[i + 1],)) + body for i, (_, body) in enumerate(headers)) + last
    return ipv6.build(source, NATIVE, kinds[0], payload, 64)


def bad_packets(address):
    """{name: datagram that must not go up}."""
    good = udp_packet(address, NATIVE, bytes(60))
    pad = b"\0\1\4\0\0\0\0"
    jumbo = b"\0\xc2\4\0\1\0\0"  # option 194 with a length of 65536 (RFC 2675)
    return {
        **{f"truncated-to-{n}": good[:n] for n in (1, 7, 8, 24, 39, 40, 41, len(good) - 1)},
        "length-too-long": with_length(good, len(good)),
        "length-65535": with_length(good, 65535),
        "version-4": b"\x45" + good[1:],
        "version-0": b"\0" + good[1:],
        "version-7": b"\x70" + good[1:],
        "version-15": b"\xf6" + good[1:],
        "jumbogram": with_length(chain(address, (0, jumbo), last=bytes(64)), 0),
        "1281-octets": udp_packet(address, NATIVE, bytes(1233)),
        "routing-header-0": chain(address, (43, b"\x02\0\1\0\0\0\0" + NATIVE)),
        "routing-header-0-without-segments": chain(address, (43, b"\0\0\0\0\0\0\0")),
        "routing-header-0-behind-options": chain(
            address, (0, pad), (60, pad), (43, b"\x02\0\1\0\0\0\0" + NATIVE)
        ),
        "headers-without-end": chain(address, *[(60, pad)] * 30),
        "header-cut": chain(address, (60, b"\0\1"))[:-1],
    }


NAMES = sorted(bad_packets(bytes(16)))


@pytest.mark.parametrize("name", NAMES)
def test_attack_bad_packet(fresh, name):
    wire, server, alice, address = fresh
    data = bad_packets(address)[name]
    alice.send(data, server)
    wire.settle(server)
    assert wire.native == []
    assert sum(len(one.data) for one in alice.heard) <= len(data) + 48
    assert alice.knows(server)


def test_attack_octets_behind_the_packet_are_cut(fresh):
    wire, server, alice, address = fresh
    packet = udp_packet(address, NATIVE, b"inside")
    alice.send(packet + b"smuggled", server)
    wire.settle(server)
    assert [one[48:] for one in wire.native] == [b"inside"]


def test_fragments_pass_untouched_and_unreassembled(fresh):
    """Section 7.6; also a first fragment that holds no upper header."""
    wire, server, alice, address = fresh
    for offset in (0, 8, 1448):
        head = b"\0" + (offset | 1).to_bytes(2, "big") + b"\0\0\0\7"
        packet = chain(address, (44, head), last=bytes(16), last_kind=17)
        alice.send(packet, server)
        wire.settle(server)
        (got,) = wire.native
        assert ipv6.with_hop_limit(got, 64) == packet
        wire.native.clear()


def test_attack_fragment_overlap_and_tiny_fragments_change_nothing(fresh):
    """Ten thousand pieces of packets that never become whole: nothing is kept of them."""
    wire, server, alice, address = fresh
    wire.settle(server)
    before = server.memory()
    for i in range(10_000):
        head = b"\0" + (8 * (i % 3) | 1).to_bytes(2, "big") + i.to_bytes(4, "big")
        alice.send(chain(address, (44, head), last=bytes(8), last_kind=17), server)
        if i % 200 == 199:
            wire.settle(server)
            wire.native.clear()
    assert server.memory() - before < 2 << 20


BOMBS = {
    "entity": b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]><tunnel>&c;'
    b"</tunnel>",
    "external-entity": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><tunnel action="create"/>',
    "cdata": b'<tunnel action="create" type="v6udpv4"><![CDATA[<tunnel]]></tunnel>',
    "deep": b"<tunnel>" + b"<a>" * 300,
    "many-attributes": b"<tunnel " + b" ".join(b'a%d=""' % i for i in range(130)) + b"/>",
    "endless-name": b"<" + b"t" * 1000,
    "endless-comment": b"<!--" + b"-" * 1000,
    "endless-value": b'<tunnel action="' + b"c" * 990,
    "numeric-entities": b"<tunnel action='&#99;reate'/>",
    "huge-number": b'<tunnel action="create" type="v6udpv4"><client><keepalive interval="'
    + b"9" * 500 + b'"/></client></tunnel>',
    "nul": b'<tunnel action="create\0" type="v6udpv4"></tunnel>',
    "high-octets": b"\xff" * 500,
    "1025-octets": b'<tunnel action="accept">' + b" " * 1000 + b"</tunnel>",
    "content-length-negative": b"Content-length: -1\r\n<tunnel action='accept'></tunnel>\r\n",
    "content-length-huge": b"Content-length: 99999999999999999999\r\n<tunnel/>",
    "content-length-only": b"Content-length: 0\r\n",
    "two-content-lengths": b"Content-length: 9\r\nContent-length: 9\r\n<tunnel/>",
    "two-requests": b"VERSION=2.0.0\r\nAUTHENTICATE ANONYMOUS\r\n",
    "only-spaces": b" " * 900,
    "reply": b"200 Success\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_attack_request(fresh, name):
    """A code or silence, at most three times as long, and the server goes on."""
    wire, server, alice, address = fresh
    reply = alice.ask(BOMBS[name], server, timeout=0.3)
    assert reply is None or b"200 Success" not in reply
    assert reply is None or len(reply) + 8 <= 3 * (len(BOMBS[name]) + 8)
    assert alice.create(server) == address


def test_attack_headers_of_every_length(fresh):
    """0 to 8 octets of every first octet: no answer, no crash."""
    wire, server, alice, address = fresh
    chance = random.Random(2)
    for first in range(256):
        for length in range(8):
            alice.send((bytes((first,)) + chance.randbytes(7))[:length], server)
        wire.carry()
    wire.settle(server)
    assert wire.native == [] and alice.heard == []
