# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's program on what hypothesis makes out of good frames, beside a judgement of its own.

Nothing is ever dropped or half written: a frame is left as it is, or it is relayed whole, and then
its checksum is as right or wrong as it was.
"""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host_tests.servers import relay_frames as r

NEAR, FAR = r.WORLDS["to IPv6"], r.WORLDS["to IPv4"]


@pytest.fixture(scope="module")
def relay():
    relay = r.KernelRelay()
    for slot, world in enumerate(r.WORLDS.values()):
        relay.program.set(world.direction(), slot)
    return relay


def ones(octets):
    """The sum of RFC 1071, never 0 of what is not all zeros."""
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read(packet):
    """(source, destination, traffic class, hops, UDP datagram) of a whole packet, or None."""
    if packet[0] == 0x45 and len(packet) >= 28:
        total, fragment = struct.unpack_from(">2xH2xH", packet)
        if fragment & 0x3FFF or packet[9] != 17 or total > len(packet):
            return None
        if ones(packet[:20]) != 0xFFFF:
            return None
        found = packet[12:16], packet[16:20], packet[1], packet[8], packet[20:total]
    elif packet[0] >> 4 == 6 and len(packet) >= 48:
        (length,) = struct.unpack_from(">H", packet, 4)
        if packet[6] != 17 or 40 + length > len(packet):
            return None
        tclass = struct.unpack_from(">H", packet)[0] >> 4 & 0xFF
        found = packet[8:24], packet[24:40], tclass, packet[7], packet[40 : 40 + length]
    else:
        return None
    datagram = found[4]
    if len(datagram) < 8 or struct.unpack_from(">H", datagram, 4)[0] != len(datagram):
        return None
    return found


def is_for(world, found):
    """Whether a packet is one of a direction."""
    ports = struct.unpack_from(">HH", found[4])
    size = len(found[0])
    wanted = r.form(world.sender), r.form(world.local)
    return (found[0], found[1]) == (wanted[0][0][-size:], wanted[1][0][-size:]) and ports == (
        world.sender[1],
        world.local[1],
    )


def whole_sum(found):
    source, destination, _, _, datagram = found
    return ones(source + destination + struct.pack(">II", len(datagram), 17) + datagram)


def judged(frame):
    """What is to come of a frame: None, or (direction, what read() is to find in it then)."""
    kinds = {b"\x08\x00": 4, b"\x86\xdd": 6}
    kind = kinds.get(frame[12:14])
    if frame[:6] != r.octets(r.OWN) or kind is None or frame[14] >> 4 != kind:
        return None
    found = read(frame[14:])
    if found is None or found[3] <= 1:
        return None
    world = NEAR if kind == 4 else FAR
    if not is_for(world, found):
        return None
    header = 20 if world.far_is_ipv4 else 40
    if header + len(found[4]) > 1280:
        return None
    checksum = found[4][6:8]
    if checksum == b"\0\0" and kind == 6:
        return None
    return world, found


_EDITS = st.lists(st.tuples(st.integers(0, 70), st.integers(0, 255)), max_size=3)


@given(
    near=st.booleans(),
    payload=st.binary(max_size=64) | st.integers(0, 1300).map(bytes),
    tclass=st.integers(0, 255),
    hops=st.integers(0, 255),
    checksum=st.sampled_from([None, 0]) | st.integers(1, 0xFFFF),
    edits=_EDITS,
    resum=st.booleans(),
    cut=st.integers(-40, 20),
)
@example(True, b"", 0, 64, None, [], False, 0)
@example(False, b"odd", 255, 2, None, [], False, 18)
def test_as_judged(relay, near, payload, tclass, hops, checksum, edits, resum, cut):
    world = NEAR if near else FAR
    packet = world.arriving(payload, tclass=tclass, hops=hops, checksum=checksum)
    frame = bytearray(r.frame(packet, least=0))
    for at, value in edits:
        if at < len(frame):
            frame[at] = value
    if resum and near:
        frame[24:26] = b"\0\0"
        frame[24:26] = (0xFFFF - ones(bytes(frame[14:34]))).to_bytes(2, "big")
    frame = bytes(frame[:cut] if cut < 0 else frame + bytes(cut)).ljust(16, b"\0")
    action, after, moved = relay.run(frame)
    expected = judged(frame)
    if expected is None:
        assert (action, after) == (r.PASS, frame)
        assert "relayed" not in moved
        return
    world, before = expected
    assert action == r.REDIRECT and moved == {"relayed": 1}
    assert after[:12] == r.octets(r.ROUTER) + r.octets(r.OWN_FAR)
    assert after[12:14] == (b"\x08\x00" if world.far_is_ipv4 else b"\x86\xdd")
    found = read(after[14:])
    assert found is not None
    assert len(after) == 14 + (20 if world.far_is_ipv4 else 40) + len(found[4])
    out = r.form(world.source), r.form(world.destination)
    size = len(found[0])
    assert (found[0], found[1]) == (out[0][0][-size:], out[1][0][-size:])
    assert found[2:4] == (before[2], before[3] - 1)
    assert found[4][:4] == struct.pack(">HH", out[0][1], out[1][1])
    assert found[4][4:6] == before[4][4:6] and found[4][8:] == before[4][8:]
    assert found[4][6:8] != b"\0\0"
    wanted = 0xFFFF if before[4][6:8] == b"\0\0" else whole_sum(before)
    assert whole_sum(found) % 0xFFFF == wanted % 0xFFFF
