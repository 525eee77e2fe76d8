# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Both data planes agree on whatever hypothesis makes out of good packets.

`socket_of` and `tun_of` are what the kernel does between the wire and the portable plane, in few
words: which frames reach it, and what of them. Then, for each frame:

    the program forwards   the portable plane sends the same packet to the same client or network
    the program drops      so does the portable plane, or the kernel before it
    the program passes     the frame is unchanged; and it had a reason: the portable plane does not
                           simply forward it, or a checksum, a length, an option is not as usual
"""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.servers import kernel_plane as k
from host_tests.unit.pubtsp import rows
from host_tests.vectors.pubtsp import siphash_reference
from vox6.pubtsp import AddressFormat, Config, Rules

CONFIGS = (
    {},
    {"policy": "strict"},
    {"policy": "private"},
    {"mode": "off"},
    {"mode": "lan", "copy_dscp": False},
    {"deny": ((rows.OTHER_V4, 24), (rows.HOST, 64)), "allow_ula": True, "allow_nat64": True},
    {"allow": ((rows.V4, 20),), "hairpin": False, "foreign_hint": False},
    {"allow_hop_by_hop": False, "ports_min": 40001},
)
RH0 = b"\x3b\x02\x00\x01" + bytes(20)
HBH = b"\x3b\x00\x01\x04\x00\x00\x00\x00"
PACKETS = (
    rows.GOOD,
    rows.udp(rows.CLIENT, rows.OTHER),
    rows.udp(rows.CLIENT, rows.CLIENT),
    rows.echo(rows.CLIENT, rows.P1),
    rows.echo(rows.CLIENT, rows.HOST),
    rows.udp(rows.CLIENT, rows.address("2002:08080808")),
    rows.udp(rows.CLIENT, rows.tail("2001:0000:08080808", "f7f7f7f7")),
    rows.udp(rows.CLIENT, rows.tail("0064:ff9b", "c0000201")),
    rows.ip6(rows.CLIENT, rows.HOST, RH0, 43),
    rows.ip6(rows.CLIENT, rows.HOST, b"\x2b" + HBH[1:] + RH0, 0),
    rows.ip6(rows.CLIENT, rows.HOST, b"\x3b\x00\x00\x01\x00\x00\x00\x07" + bytes(8), 44),
    rows.ip6(rows.CLIENT, rows.HOST, bytes(1240)),
    rows.ip6(rows.CLIENT, rows.HOST, bytes(1241)),
    rows.icmp(rows.CLIENT, rows.HOST, 1, 4, bytes(44)),
    rows.udp(rows.CLIENT[:14] + b"\0\0", rows.HOST),
    rows.udp(rows.CLIENT, rows.OTHER[:14] + b"\0\0"),
    rows.DOWN,
    rows.echo(rows.HOST, rows.CLIENT),
    rows.echo(rows.HOST, rows.P1),
    rows.udp(rows.HOST, rows.OTHER, tclass=0xBA),
    rows.udp(rows.OTHER, rows.CLIENT),
    rows.udp(rows.HOST, rows.CLIENT[:14] + b"\0\0"),
    rows.ip6(rows.HOST, rows.CLIENT, bytes(1240)),
    rows.ip6(rows.HOST, rows.CLIENT, bytes(1241)),
    rows.icmp(rows.HOST, rows.CLIENT[:14] + b"\0\1", 1, 4, bytes(44)),
    b"\xf0\x00\x00\xf0\x00\x00\x00\x00VERSION=2.0.0\r\n",
    b"",
)
LIKELY = st.sampled_from((0, 1, 2, 3, 4, 6, 7, 8, 40, 255, 0x60, 0x45, 0xFE, 0xFC, 0x0E, 0x20))
# (offset, value): mostly in the IPv6 header, where the rules look
EDITS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 39), st.integers(0, 79), st.integers(0, 1400)),
        st.one_of(LIKELY, st.integers(0, 255)),
    ),
    max_size=4,
)


def edited(octets, edits):
    """Octets with some changed, as far as there are so many."""
    out = bytearray(octets)
    for at, value in edits:
        if at < len(out):
            out[at] = value
    return bytes(out)


def socket_of(frame):
    """(payload, IPv4, port, TOS, whether all is as usual) for the UDP socket, or None."""
    packet = frame[14:]
    if frame[:6] != k.OWN or len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    head = (packet[0] & 15) * 4
    total = struct.unpack_from(">H", packet, 2)[0]
    if head < 20 or total < head or total > len(packet) or rows.ones(packet[:head]) != 65535:
        return None
    if packet[9] != 17 or packet[16:20] != rows.SERVER:
        return None
    if struct.unpack_from(">H", packet, 6)[0] & 0x3FFF:
        return None  # to be put together first
    datagram = packet[head:total]
    if len(datagram) < 8:
        return None
    port, to, length, checksum = struct.unpack_from(">HHHH", datagram)
    if to != 3653 or length < 8 or length > len(datagram):
        return None
    pseudo = packet[12:20] + struct.pack(">HH", 17, length)
    if checksum and rows.ones(pseudo + datagram[:length]) != 65535:
        return None
    usual = head == 20 and length == len(datagram) and checksum != 0
    return datagram[8:length], packet[12:16], port, packet[1], usual


def tun_of(frame):
    """(packet, whether its transport checksum is right or none) for the TUN device, or None."""
    packet = frame[14:]
    if frame[:6] != k.OWN or len(packet) < 40 or packet[0] >> 4 != 6:
        return None
    length = 40 + struct.unpack_from(">H", packet, 4)[0]
    if length > len(packet) or packet[24:32] != rows.PREFIX:
        return None
    packet = packet[:length]
    if packet[6] not in (6, 17, 58) or (packet[6] == 17 and packet[46:48] == b"\0\0"):
        return packet, True
    pseudo = packet[8:40] + struct.pack(">II", length - 40, packet[6])
    return packet, rows.ones(pseudo + packet[40:]) == 65535


def check_up(outcome, frame, rules):
    got = socket_of(frame)
    verdict = rules.from_tunnel(*got[:4]) if got else None
    if outcome.action == k.PASS:
        assert outcome.frame == frame
        if verdict and got[4] and verdict.action in ("up", "down") and verdict.rule != "U7":
            # a packet that the program could have forwarded: it was longer than it says
            assert len(verdict.packet) != len(got[0]), outcome.counted
    elif outcome.action == k.DROP:
        assert verdict is None or verdict.action in ("drop", "ignore")
    elif outcome.action == k.REDIRECT:
        assert verdict.action == "up"
        assert outcome.frame == k.ROUTER6 + k.OWN_FAR + b"\x86\xdd" + verdict.packet
    else:
        assert outcome.action == k.TX and verdict.action == "down"
        check_datagram(outcome, verdict)


def check_down(outcome, frame, rules):
    got = tun_of(frame)
    verdict = rules.to_tunnel(got[0]) if got else None
    if outcome.action == k.PASS:
        assert outcome.frame == frame
        assert verdict is None or verdict.rule != "D9" or not got[1], outcome.counted
    elif outcome.action == k.DROP:
        assert verdict is None or verdict.action == "drop"
    else:
        assert outcome.action == k.TX and verdict.action == "down"
        check_datagram(outcome, verdict)


def check_datagram(outcome, verdict):
    made = k.udp4(rows.SERVER, verdict.ipv4, 3653, verdict.port, verdict.packet, tos=verdict.tos)
    assert outcome.frame[:14] == k.ROUTER4 + k.OWN + b"\x08\x00"
    assert outcome.frame[14:] == k.with_id_of(outcome.frame[14:], made)


@pytest.fixture(scope="module")
def plane():
    return k.KernelPlane()


COMMON = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@COMMON
@given(
    differs=st.sampled_from(CONFIGS),
    packet=st.sampled_from(PACKETS),
    edits=EDITS,
    length=st.one_of(st.none(), st.integers(0, 1300)),
    more=st.sampled_from((b"", b"", b"\0\0", b"xyz")),
    port=st.sampled_from((rows.PORT, rows.PORT, rows.OTHER_PORT, 1023, 1024, 3653, 0)),
    v4=st.sampled_from((rows.V4, rows.V4, rows.OTHER_V4, b"\x0a\0\0\1", b"\x08\x08\x08\x08")),
    tos=st.integers(0, 255),
    outer=st.one_of(
        st.just([]),
        st.just([]),
        st.lists(
            st.tuples(st.integers(0, 42), st.one_of(LIKELY, st.integers(0, 255))), max_size=2
        ),
    ),
    summed=st.booleans(),
)
def test_from_tunnel(plane, differs, packet, edits, length, more, port, v4, tos, outer, summed):
    config, key, _, _, _ = k.config_of(differs)
    plane.configure(config, key)
    data = edited(packet[:length] + more, edits)
    frame = edited(k.up_frame(data, v4, port, tos), outer)
    if summed:  # the outer header says something else, and its checksum agrees
        head = frame[14:24] + b"\0\0" + frame[26:34]
        frame = frame[:24] + struct.pack(">H", k.sum_to_zero(head)) + frame[26:]
    outcome = plane.run(frame)
    if frame[12:14] == b"\x08\x00":
        check_up(outcome, frame, Rules(config))
    elif frame[12:14] == b"\x86\xdd":
        check_down(outcome, frame, Rules(config))
    else:
        assert (outcome.action, outcome.frame) == (k.PASS, frame)


@COMMON
@given(
    differs=st.sampled_from(CONFIGS),
    packet=st.sampled_from(PACKETS),
    edits=EDITS,
    length=st.one_of(st.none(), st.integers(0, 1300)),
    more=st.sampled_from((b"", b"", b"\0\0", b"xyz")),
)
def test_to_tunnel(plane, differs, packet, edits, length, more):
    config, key, _, _, _ = k.config_of(differs)
    plane.configure(config, key)
    frame = k.OWN + k.STRANGER + b"\x86\xdd" + edited(packet[:length] + more, edits)
    check_down(plane.run(frame), frame, Rules(config))


@COMMON
@given(
    key=st.binary(min_size=16, max_size=16),
    previous=st.binary(min_size=16, max_size=16),
    v4=st.integers(0, 0xFFFFFFFF),
    port=st.integers(0, 65535),
    off=st.sampled_from((0, 0, 0, 1, 0x8000)),
    old=st.booleans(),
)
def test_tags(plane, key, previous, v4, port, off, old):
    """Any key: the tag of a second SipHash is the one that the kernel takes."""
    addresses = AddressFormat(rows.PREFIX, "mac", key, previous)
    config = Config(addresses, rows.SERVER, policy="lab")
    plane.configure(config, key, previous)
    head = rows.PREFIX + struct.pack(">IH", v4, port)
    tag = siphash_reference.siphash(previous if old else key, head) & 0xFFFF or 0xFFFF
    packet = rows.udp(head + struct.pack(">H", tag ^ off), rows.HOST)
    frame = k.up_frame(packet, head[8:12], port)
    outcome = plane.run(frame)
    check_up(outcome, frame, Rules(config))
    if not off and Rules(config).is_usable(head[8:12], port):
        assert outcome.action == k.REDIRECT
