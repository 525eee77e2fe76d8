# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Strangers and lying servers against a real `vox6 tunnel` (sections 6.4, 6.5, 3.5 and 12)."""

import os
import random
import socket
import subprocess
import time

import pytest

from host_tests.servers.client_wire import NATIVE, OWN_IPV4, PREFIX, SERVER, ClientWire
from host_tests.servers.wire import udp_packet
from vox6.pubtsp import inner, ipv6, messages
from vox6.wire.inet6 import parse_address

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(120),
]
EVIL = parse_address("2001:db8:bad::1")
STRANGERS = (("198.51.100.66", 3653), (SERVER, 3654), (SERVER, 40000), ("203.0.113.9", 5000))


@pytest.fixture
def wire(tmp_path):
    with ClientWire(tmp_path, "--server", SERVER) as wire:
        yield wire


@pytest.fixture
def tunnel(wire):
    """A tunnel that is up, its keepalive answered."""
    assert wire.until(wire.ups)
    wire.until(lambda: any(one.data[6:7] == b"\x3a" for one in wire.heard))
    return wire


def info(address, interval=30, lifetime=1440, echo=None):
    """A reply to create."""
    found = messages.Info(
        lifetime, None, PREFIX + bytes(7) + b"\1", None, address, interval, echo or EVIL
    )
    return messages.with_length(b"200 Success\r\n" + found.emit().encode())


def is_create(one):
    return b'action="create"' in one.data


def alive(wire):
    """Whether a packet of a native host reaches a program there, and its answer comes out."""
    with wire.program(7001) as program:
        wire.give(udp_packet(NATIVE, wire.address(), b"hello", ports=(7000, 7001)))

        def heard():
            try:
                return program.recvfrom(100)
            except BlockingIOError:
                return None

        found = wire.until(heard, 3.0)
        if not found:
            return False
        program.sendto(b"answer", (socket.inet_ntop(socket.AF_INET6, NATIVE), 7000))
        return wire.until(lambda: any(packet[48:] == b"answer" for packet in wire.up), 3.0)


def received(wire, program, seconds=0.4):
    """What a program of the host gets."""
    out = []

    def look():
        try:
            while True:
                out.append(program.recvfrom(2000)[0])
        except BlockingIOError:
            return False

    wire.until(look, seconds)
    return out


def test_attack_replies_from_strangers(wire):
    """They know the request, even its sequence number; but they are not the server."""

    def answer(one):
        if is_create(one):
            for stranger in STRANGERS:
                wire.send(one.data[:8] + info(EVIL), stranger)
        wire.be_honest(one)

    wire.answer = answer
    assert wire.until(wire.ups)
    assert wire.address()[:8] == PREFIX
    assert alive(wire)


def test_attack_replies_of_one_who_cannot_see_the_request(wire):
    """In the server's name, with sequence numbers that are guessed (X-3)."""
    chance = random.Random(7)

    def answer(one):
        if is_create(one):
            for _ in range(300):
                head = bytes((0xF0 | chance.getrandbits(4),)) + chance.randbytes(7)
                wire.send(head + info(EVIL))
        wire.be_honest(one)

    wire.answer = answer
    assert wire.until(wire.ups)
    assert [parse_address(one[0])[:8] for one in wire.ups()] == [PREFIX]


def test_attack_forged_hints(tunnel):
    """1/5 in the server's name, fifty a second: a create in two seconds, the address stays."""
    address, before = tunnel.address(), tunnel.creates()
    hint = ipv6.error(PREFIX + bytes(7) + b"\1", address, 1, 5, udp_packet(address, NATIVE))
    start = time.monotonic()
    for _ in range(200):
        tunnel.send(hint)
        tunnel.until(lambda: False, 0.02)
    assert 1 <= tunnel.creates() - before <= 2 + (time.monotonic() - start) / 2
    assert len(tunnel.ups()) == 1 and alive(tunnel)


def test_attack_hints_that_quote_nothing_of_ours(tunnel):
    before = tunnel.creates()
    for quoted in (b"", udp_packet(EVIL, NATIVE), bytes(100), b"\x60" + bytes(10)):
        tunnel.send(ipv6.error(PREFIX + bytes(7) + b"\1", tunnel.address(), 1, 5, quoted))
    tunnel.until(lambda: False, 0.5)
    assert tunnel.creates() == before


def test_attack_packets_of_strangers(tunnel):
    """Right inner addresses, but not by the server: nothing reaches a program."""
    packet = udp_packet(NATIVE, tunnel.address(), b"forged", ports=(7000, 7002))
    with tunnel.program(7002) as program:
        for stranger in STRANGERS:
            tunnel.send(packet, stranger)
        assert received(tunnel, program) == []
    assert alive(tunnel)


def test_attack_direct_packets_that_are_not_their_senders(tunnel):
    """Section 12: the egress check is done here too; what passes it comes in."""
    own = tunnel.address()
    with tunnel.program(7003) as program:
        good = tunnel.honest.addresses.make(socket.inet_aton("203.0.113.9"), 5000)
        for source, stranger in (
            (good, ("203.0.113.9", 5001)),
            (good, ("203.0.113.8", 5000)),
            (EVIL[:8] + good[8:], ("203.0.113.9", 5000)),
            (own, (OWN_IPV4, int.from_bytes(own[12:14], "big"))),
        ):
            tunnel.send(udp_packet(source, own, b"forged", ports=(7000, 7003)), stranger)
        assert received(tunnel, program) == []
        tunnel.send(udp_packet(good, own, b"straight", ports=(7000, 7003)), ("203.0.113.9", 5000))
        assert received(tunnel, program) == [b"straight"]


def test_attack_probes_are_no_amplifier(tunnel):
    """A probe that passes the check: one reply as long, three probes back, no more."""
    own, where = tunnel.address(), ("203.0.113.9", 5000)
    good = tunnel.honest.addresses.make(socket.inet_aton(where[0]), where[1])
    for i in range(50):
        nonce = i.to_bytes(8, "big")
        probe = ipv6.echo_request(good, own, 1, 1, inner.MAGIC + nonce, 255)
        tunnel.send(probe, where)
        low = ipv6.echo_request(good, own, 1, 1, inner.MAGIC + nonce, 64)  # came over a router
        tunnel.send(low, where)
    tunnel.until(lambda: False, 1.0)
    back = [one for one in tunnel.heard if one.destination == where]
    replies = [one for one in back if one.data[40] == ipv6.ECHO_REPLY]
    assert len(replies) == 50 and len(back) <= 50 + 6
    assert max(len(one.data) for one in back) == 64


@pytest.mark.parametrize(
    "source",
    ["own", "::", "::1", "fe80::1", "ff02::1"],
)
def test_attack_inner_sources_from_the_server(tunnel, source):
    """Section 6.4: a server that hands on what no host can have sent."""
    octets = tunnel.address() if source == "own" else parse_address(source)
    with tunnel.program(7004) as program:
        tunnel.send(udp_packet(octets, tunnel.address(), b"bad", ports=(7000, 7004)))
        tunnel.send(udp_packet(NATIVE, EVIL, b"for another", ports=(7000, 7004)))
        assert received(tunnel, program) == []
    assert alive(tunnel)


def test_attack_redirect(tunnel):
    """Never obeyed, never handed on."""
    before = routes(tunnel)
    body = EVIL + NATIVE
    redirect = ipv6.icmpv6(NATIVE, tunnel.address(), 137, 0, bytes(4) + body, 255)
    tunnel.send(redirect)
    tunnel.until(lambda: False, 0.3)
    assert routes(tunnel) == before and alive(tunnel)


def routes(wire):
    """All routes over the tunnel of the client's host."""
    words = ["ip", "-n", wire.netns, "-6", "route", "show", "table", "all", "dev", "vox6"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


LIES = {
    "multicast": info(parse_address("ff02::1")),
    "loopback": info(parse_address("::1")),
    "unspecified": info(bytes(16)),
    "link-local": info(parse_address("fe80::1")),
    "mapped": info(parse_address("::ffff:192.0.2.1")),
    "no-address": b'200 Success\r\n<tunnel action="info" type="v6udpv4"><client/></tunnel>',
    "wrong-type": info(EVIL).replace(b"v6udpv4", b"v6v4udp"),
    "not-xml": b"200 Success\r\n<tunnel",
    "bomb": b'200 Success\r\n<!DOCTYPE a [<!ENTITY b "bb">]><tunnel>&b;</tunnel>',
    "wrong-length": b"Content-length: 5\r\n" + info(EVIL).partition(b"\r\n")[2],
    "nul": info(EVIL).replace(b"200", b"2\0\0"),
    "no-code": b"hello",
    "endless": b"200 " + b"x" * 1440,
    "capability": b"CAPABILITY TUNNEL=V6V4 AUTH=PLAIN\r\n",
    "code-999999": b"999999 what\r\n",
    "negative": b"-200 Success\r\n",
    "empty": b"",
}


@pytest.mark.parametrize("name", sorted(LIES))
def test_attack_server_that_lies(wire, name):
    """No such address is taken, and the program goes on: to the next server, or to wait."""

    def answer(one):
        if one.data[:1] >= b"\xf0":
            wire.send(one.data[:8] + LIES[name])

    wire.answer = answer
    wire.until(lambda: "no server serves us" in wire.process.output(), 5.0)
    assert wire.process.running() and wire.ups() == []
    assert len(wire.heard) < 20, "no storm of requests"
    assert "Traceback" not in wire.process.output()


@pytest.mark.parametrize(("interval", "lifetime"), [(0, 0), (1, 1), (999999999, 999999999)])
def test_attack_numbers_beyond_reason(wire, interval, lifetime):
    """A tunnel, whatever they are, and no storm."""

    def answer(one):
        if is_create(one):
            peer = (bytes(10) + b"\xff\xff" + socket.inet_aton(one.source[0]), one.source[1])
            address = wire.honest.addresses.make(peer[0][12:], peer[1])
            own = PREFIX + bytes(7) + b"\1"
            wire.send(one.data[:8] + info(address, interval, lifetime, own))
        else:
            wire.be_honest(one)

    wire.answer = answer
    assert wire.until(wire.ups)
    wire.until(lambda: False, 3.0)
    assert wire.process.running() and len(wire.heard) < 20
    assert alive(wire)


def test_attack_referrals_without_end(wire):
    """At most three hops, never twice the same (R-9)."""
    asked = []

    def answer(one):
        if one.data[:1] >= b"\xf0" and one.destination[1] == 3653:
            host = int(one.destination[0].rpartition(".")[2])
            asked.append(host)
            others = [socket.inet_aton(f"198.51.100.{host + i}") for i in (0, 1)]
            text = b"1530 use another\r\n" + messages.emit_brokers(others).encode()
            wire.send(one.data[:8] + messages.with_length(text), one.destination)

    wire.answer = answer
    wire.until(lambda: "no server serves us" in wire.process.output(), 10.0)
    assert asked == [1, 2, 3, 4], "one and three hops"
    assert "no server serves us: trying again in" in wire.process.output()


def test_310_another_local_port_once(wire):
    """X-6: a new socket with another port, then the next server."""
    text = messages.emit_line(messages.SERVER_ERROR, "Server side error: use another local port")

    def answer(one):
        if one.data[:1] >= b"\xf0":
            wire.send(one.data[:8] + messages.with_length(text), port=one.source[1])

    wire.answer = answer
    wire.until(lambda: "no server serves us" in wire.process.output(), 10.0)
    ports = [one.source[1] for one in wire.heard]
    assert len(set(ports)) == 2 and "another local port is tried" in wire.process.output()


def test_attack_random_datagrams_at_the_client(tunnel):
    """Twenty thousand, from the server and from strangers: it lives, and keeps nothing of them."""
    chance = random.Random(8)
    own = tunnel.address()
    stock = [
        udp_packet(NATIVE, own, bytes(40)),
        ipv6.error(PREFIX + bytes(7) + b"\1", own, 1, 5, udp_packet(own, NATIVE)),
        ipv6.echo_request(NATIVE, own, 1, 1, inner.MAGIC + bytes(8), 255),
        b"\xf0\0\0\1\0\0\0\0" + info(EVIL),
        b"\xf0\0\0\1\0\0\0\0" + LIES["bomb"],
    ]
    tunnel.until(lambda: False, 0.5)
    before = tunnel.memory()
    for i in range(20_000):
        data = bytearray(chance.choice(stock))
        for _ in range(chance.randint(0, 5)):
            data[chance.randrange(len(data))] = chance.getrandbits(8)
        if chance.random() < 0.3:
            data = data[: chance.randint(0, len(data))]
        elif chance.random() < 0.2:
            data = bytearray(chance.randbytes(chance.randint(0, 1440)))
        where = (SERVER, 3653) if chance.random() < 0.6 else chance.choice(STRANGERS)
        tunnel.send(bytes(data), where)
        if i % 100 == 99:
            tunnel.until(lambda: False, 0.01)
    tunnel.until(lambda: False, 0.5)
    assert tunnel.process.running() and "Traceback" not in tunnel.process.output()
    assert tunnel.memory() - before < 4 << 20
    assert alive(tunnel)
