# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: pytest
"""IPv6 in UDP/IPv4 is found in captures and by the relay; what only looks like it is not."""

import struct

import pytest

from tools.lab import pcap
from tools.lab.relay import _udp_payload

ETHERNET = bytes(12)


def ipv6(payload, next_header=17, length=None):
    size = len(payload) if length is None else length
    return struct.pack(">IHBB", 6 << 28, size, next_header, 64) + bytes(32) + payload


def udp(payload, port=3653):
    return struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload


def ipv4(payload, protocol=17, options=b"", fragment=0):
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, 4 * words + len(payload), 0, fragment, 64,
                       protocol, 0)  # fmt: skip
    return head + bytes(8) + options + payload


def frame4(packet):
    return ETHERNET + b"\x08\x00" + packet


INNER = ipv6(udp(b"voice", 16384))


@pytest.mark.parametrize("frame", [
    ETHERNET + b"\x86\xdd" + INNER,
    frame4(ipv4(udp(INNER))),
    frame4(ipv4(udp(INNER), options=bytes(8))),
    frame4(ipv4(udp(INNER)) + bytes(6)),  # padding of a short frame
])  # fmt: skip
def test_native_and_tunnelled(frame):
    assert pcap.ipv6_packet(frame)[: len(INNER)] == INNER
    assert _udp_payload(frame)[:5] == b"voice"


@pytest.mark.parametrize("frame", [
    frame4(ipv4(udp(b"\x60 no packet of IPv6, too short"))),
    frame4(ipv4(udp(ipv6(udp(b"voice"), length=99)))),
    frame4(ipv4(udp(INNER), protocol=6)),
    frame4(ipv4(udp(INNER), fragment=185)),
    frame4(ipv4(udp(b"\xf0" + INNER[1:]))),  # signalling of TSP
    ETHERNET + b"\x08\x06" + INNER,
    ETHERNET + b"\x86\xdd" + INNER[:20],
    b"",
])  # fmt: skip
def test_what_is_none(frame):
    assert pcap.ipv6_packet(frame) is None


def test_the_relay_sees_each_datagram_of_ipv4():
    assert _udp_payload(frame4(ipv4(udp(b"\xf0 signalling")))) == b"\xf0 signalling"
    # An inner packet that is no UDP is lost and counted as the datagram that it is.
    assert _udp_payload(frame4(ipv4(udp(ipv6(b"\x80\0echo", next_header=58))))) == b""
    assert _udp_payload(frame4(ipv4(udp(INNER), protocol=6))) is None
    assert _udp_payload(ETHERNET + b"\x86\xdd" + ipv6(b"\x80\0echo", next_header=58)) is None
    assert _udp_payload(ETHERNET + b"\x08\x06" + bytes(28)) is None


def test_streams_in_a_tunnel_are_streams(tmp_path):
    path = tmp_path / "tunnel.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(10):
            rtp = struct.pack(">BBHII", 0x80, 0, number, 160 * number, 7) + bytes(160)
            frame = frame4(ipv4(udp(ipv6(udp(rtp, 16384)))))
            file.write(struct.pack("<IIII", 100, 20000 * number, len(frame), len(frame)) + frame)
    (stream,) = pcap.rtp_streams(path)
    assert (stream.received, stream.lost, stream.codec) == (10, 0, "PCMU")
    assert stream.jitter_ms < 0.2
