# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's program frame by frame, each test in both directions: what scapy makes must come."""

import itertools
import random
import struct

import pytest
from scapy.layers.inet import IP, UDP, IPOption, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment

from host_tests.servers import relay_frames as r

SLOT = 5


@pytest.fixture(scope="module")
def loaded():
    return r.KernelRelay()


@pytest.fixture
def relay(loaded):
    loaded.verify(False)
    for name in r.WORLDS.values():
        loaded.program.remove(name.direction())
    loaded.program.clear(SLOT)
    return loaded


@pytest.fixture(params=list(r.WORLDS))
def world(request, relay):
    """A direction, known to the program."""
    one = r.WORLDS[request.param]
    relay.program.set(one.direction(), SLOT)
    return one


def passed(relay, frame, why):
    """The program leaves a frame as it is, for the socket of its port."""
    action, after, moved = relay.run(frame)
    assert (action, after) == (r.PASS, frame)
    assert moved == ({why: 1} if why else {})


def payloads():
    """Of all lengths, odd and even, whose packets fit into 1280 octets, in no order.

    So that what is left of one in the program's copy would be seen in another.
    """
    some = random.Random(64)
    lengths = [*range(0, 260), *range(1100, 1232)]
    some.shuffle(lengths)
    for length in lengths:
        yield some.randbytes(length)


def test_all_lengths(relay, world):
    octets = 0
    for number, payload in enumerate(payloads(), 1):
        action, after, moved = relay.run(r.frame(world.arriving(payload)))
        assert (action, moved) == (r.REDIRECT, {"relayed": 1})
        assert after == world.leaving(payload), len(payload)
        octets += len(payload)
        assert relay.program.traffic(SLOT)[:2] == (number, octets)
    assert relay.program.traffic(SLOT)[2] > 0


@pytest.mark.parametrize("verify", (False, True))
def test_without_checksum(relay, world, verify):
    """IPv4 lets a sender do without one: the whole sum is made. IPv6 does not."""
    relay.verify(verify)
    for payload in payloads():
        frame = r.frame(world.arriving(payload, checksum=0))
        if world.far_is_ipv4:
            passed(relay, frame, "pass_checksum")
            continue
        assert relay.run(frame)[1] == world.leaving(payload), len(payload)


def test_no_checksum_of_zero(relay, world):
    """The one that comes out as 0 is written as ffff: 0 says that there is none."""
    first = r.IPv6(world.leaving(b"\0\0")[14:]) if not world.far_is_ipv4 else r.IP(
        world.leaving(b"\0\0")[14:]
    )  # fmt: skip
    payload = first[UDP].chksum.to_bytes(2, "big")
    after = relay.run(r.frame(world.arriving(payload)))[1]
    assert after[-4:-2] == b"\xff\xff"
    assert after == world.leaving(payload)


def test_each_wrong_bit_stays(relay, world):
    """A checksum that was wrong is wrong for the receiver: the relay repairs nothing."""
    payload = bytes(range(40))
    right = bytearray(world.leaving(payload))
    for at in range(40):
        frame = bytearray(r.frame(world.arriving(payload)))
        frame[-40 + at] ^= 0x10
        expected = right[:]
        expected[-40 + at] ^= 0x10
        assert relay.run(bytes(frame))[1] == expected


def test_verified_where_no_card_was(relay, world):
    """From a program of this machine the sum may be half: the kernel finishes it, not we."""
    relay.verify(True)
    payload = bytes(range(172))
    assert relay.run(r.frame(world.arriving(payload)))[1] == world.leaving(payload)
    passed(relay, r.frame(world.arriving(payload, checksum=0x1234)), "pass_checksum")


def test_traffic_class(relay, world):
    """DSCP and ECN, all 256 values."""
    for tclass in range(256):
        after = relay.run(r.frame(world.arriving(b"voice", tclass=tclass)))[1]
        assert after == world.leaving(b"voice", tclass=tclass)


def test_hops(relay, world):
    for hops in (2, 64, 255):
        after = relay.run(r.frame(world.arriving(b"voice", hops=hops)))[1]
        assert after == world.leaving(b"voice", hops=hops - 1)
    for hops in (0, 1):
        passed(relay, r.frame(world.arriving(b"voice", hops=hops)), "pass_odd")


def test_strangers(relay, world):
    """Another address, another port: to the socket, which knows what to do with them."""
    address, port = world.sender
    near = address[:-1] + ("2" if address[-1] != "2" else "3")
    for sender in ((address, port + 1), (address, port ^ 0x8000), (near, port)):
        passed(relay, r.frame(r.packet(sender, world.local, b"x")), "pass_peer")
    address, port = world.local
    passed(relay, r.frame(r.packet(world.sender, (address, port + 1), b"x")), None)


def test_each_bit_of_the_peer(relay, world):
    """No bit of the locked peer's address may differ."""
    octets, port = r.form(world.sender)
    count = 32 if ":" not in world.sender[0] else 128
    for bit in range(count):
        other = int.from_bytes(octets, "big") ^ (1 << bit)
        frame = bytearray(r.frame(world.arriving(b"x")))
        at, size = (26, 4) if count == 32 else (22, 16)
        frame[at : at + size] = other.to_bytes(16, "big")[-size:]
        if count == 32:
            ip = IP(bytes(frame[14:]))
            del ip.chksum
            frame[14:34] = bytes(ip)[:20]
        passed(relay, bytes(frame), "pass_peer")


def test_removed(relay, world):
    frame = r.frame(world.arriving(b"x"))
    assert relay.run(frame)[0] == r.REDIRECT
    relay.program.remove(world.direction())
    passed(relay, frame, None)
    relay.program.remove(world.direction())  # there is none: harmless


def test_changed(relay, world):
    """Another far end takes the place of the first between two packets."""
    before = world.direction()
    other = world.destination[0], world.destination[1] + 2
    relay.program.set(r.World(world.sender, world.local, world.source, other).direction(), SLOT)
    after = relay.run(r.frame(world.arriving(b"x")))[1]
    assert after[14:] == r.World(world.sender, world.local, world.source, other).leaving(b"x")[14:]
    relay.program.set(before, SLOT)
    assert relay.run(r.frame(world.arriving(b"x")))[1] == world.leaving(b"x")
    assert relay.program.traffic(SLOT)[0] == 2


def test_larger_than_is_safe(relay, world):
    """A packet over 1280 octets asks the kernel's routes for the MTU; lo knows no such network."""
    head = 20 if world.far_is_ipv4 else 40
    largest = bytes(1280 - head - 8)
    assert relay.run(r.frame(world.arriving(largest)))[1] == world.leaving(largest)
    passed(relay, r.frame(world.arriving(largest + b"x")), "pass_route")


def test_no_next_hop(relay, world):
    network = r.form(world.destination)[0][-4 if world.far_is_ipv4 else 0 :]
    relay.program.set_hop(network, 8 * len(network), bytes(16))
    try:
        passed(relay, r.frame(world.arriving(b"x")), "pass_route")
    finally:
        name = "hops4" if world.far_is_ipv4 else "hops6"
        key = (8 * len(network)).to_bytes(4, "little") + network
        relay.program._maps[name].delete(key)


def test_by_the_interface_it_came(relay, world):
    network = r.form(world.destination)[0][-4 if world.far_is_ipv4 else 0 :]
    name = "hops4" if world.far_is_ipv4 else "hops6"
    hop = (r.LO).to_bytes(4, "little") + r.octets(r.ROUTER) + r.octets(r.OWN_FAR)
    relay.program.set_hop(network, 8 * len(network), hop)
    action, after, _ = relay.run(r.frame(world.arriving(b"x")))
    relay.program._maps[name].delete((8 * len(network)).to_bytes(4, "little") + network)
    assert (action, after) == (r.TX, world.leaving(b"x"))


def resummed(octets):
    """An IPv4 packet with a right header checksum."""
    packet = IP(octets)
    del packet.chksum
    return bytes(packet)


def odd(world):
    """Frames of the locked peer that are not what they should be."""
    good = world.arriving(bytes(100))
    whole = bytes(good)
    if world.far_is_ipv4:
        at = 40
        yield "pass_odd", whole[:4] + b"\0\x6b" + whole[6:]  # payload length and UDP's differ
        yield None, bytes(IPv6(src=good.src, dst=good.dst) / IPv6ExtHdrDestOpt() / good[UDP])
        yield None, bytes(IPv6(src=good.src, dst=good.dst) / IPv6ExtHdrFragment() / good[UDP])
    else:
        at = 20
        yield "pass_odd", resummed(whole[:2] + b"\0\x7f" + whole[4:])
        yield "pass_odd", whole[:10] + b"\x12\x34" + whole[12:]  # a wrong header checksum
        # options that would be ports and, behind them, a port that would be the right length
        ports = struct.pack(">HH", world.sender[1], world.local[1])
        options = IP(src=good.src, dst=good.dst, options=[IPOption(ports)])
        yield None, bytes(options / UDP(sport=112, dport=5, chksum=1) / bytes(100))
        for part in fragment(world.arriving(bytes(900)), 400):
            yield None, bytes(part)
    yield "pass_odd", whole[:-1]  # shorter than it says
    yield "pass_odd", whole[: at + 4] + b"\0\x07" + whole[at + 6 :]
    yield None, whole[:at] + whole[at : at + 5]  # no whole UDP header


def test_odd(relay, world):
    for number, (why, octets) in enumerate(odd(world)):
        ether = r.octets(r.OWN) + r.octets(r.SENDER) + (
            b"\x86\xdd" if world.far_is_ipv4 else b"\x08\0"
        )  # fmt: skip
        frame = ether + octets
        action, after, moved = relay.run(frame)
        assert (action, after) == (r.PASS, frame), number
        assert moved == ({why: 1} if why else {}), number


def test_not_for_us(relay, world):
    """Frames to other stations, of other protocols, behind a VLAN tag."""
    good = world.arriving(b"voice")
    for destination in (r.SENDER, "ff:ff:ff:ff:ff:ff", "02:00:00:01:00:01"):
        passed(relay, r.frame(good, destination), None)
    frame = r.frame(good)
    passed(relay, frame[:12] + b"\x81\0\0\x05" + frame[12:], None)
    passed(relay, frame[:12] + b"\x08\x06" + frame[14:], None)
    protocol = 20 if world.far_is_ipv4 else 23
    passed(relay, frame[:protocol] + b"\x06" + frame[protocol + 1 :], None)


def test_mapped_address_on_ipv6(relay):
    """An IPv6 packet in whose header a v4-mapped address stands is not the IPv4 party's."""
    near = r.WORLDS["to IPv6"]
    relay.program.set(near.direction(), SLOT)
    local = ("::ffff:" + near.local[0], near.local[1])
    sender = ("::ffff:" + near.sender[0], near.sender[1])
    frame = r.frame(r.packet(sender, local, b"x"))
    action, after, moved = relay.run(frame)
    assert (action, after, moved) == (r.PASS, frame, {"pass_odd": 1})


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_one_family_on_both_sides(relay, order):
    """Nothing says that the sides differ: the arithmetic is that of addresses."""
    some = [("192.0.2.11", 4000), ("192.0.2.1", 4002), ("198.51.100.1", 4004)]
    sender, local, source = (some[n] for n in order)
    same = r.World(sender, local, source, ("198.51.100.9", 4006))
    relay.program.set(same.direction(), SLOT)
    payload = bytes(range(100))
    try:
        assert relay.run(r.frame(same.arriving(payload)))[1] == same.leaving(payload)
    finally:
        relay.program.remove(same.direction())


def test_layout_is_written_down(relay, world):
    """The offsets in the README are those of the program's map."""
    text = (r.SOURCE.parent / "README.md").read_text()
    direction = world.direction()
    value = relay.program._maps["directions"].get(direction.key())
    assert value == direction.value(SLOT) and len(value) == 60
    lines = [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    at = [int(line.split()[1]) for line in lines]
    lengths = [int(line.split()[3]) for line in lines]
    assert [a + b for a, b in zip(at, lengths)] == [*at[1:], 60]
    parts = [value[a : a + b] for a, b in zip(at, lengths)]
    ends = direction.peer, direction.source, direction.destination
    assert parts[:3] == [end[0] for end in ends]
    assert parts[3:6] == [end[1].to_bytes(2, "big") for end in ends]
    assert parts[7] == SLOT.to_bytes(4, "little")
