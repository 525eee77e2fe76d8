# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: tools of the host
"""ZRTP in captures and in the relay: told by header and type (RFC 6189 section 5)."""

import struct
import tempfile
import unittest
from pathlib import Path

from tools.lab import pcap
from tools.lab.relay import Relay

ALICE, BOB = b"\x20\x01" + bytes(13) + b"\x01", b"\x20\x01" + bytes(13) + b"\x02"


def zrtp(kind, body=b""):
    """A ZRTP packet: header, one message, a CRC that nobody looks at here."""
    message = (
        b"\x50\x5a" + struct.pack(">H", (12 + len(body)) // 4) + kind.ljust(8).encode() + body
    )
    return b"\x10\x00\x00\x07ZRTP\x01\x02\x03\x04" + message + bytes(4)


def commit(*names):
    return zrtp("Commit", bytes(32 + 12) + b"".join(name.ljust(4).encode() for name in names))


def frame(payload, source=ALICE, destination=BOB):
    """An Ethernet frame with UDP over IPv6 from port 7000 to port 7000."""
    udp = struct.pack(">HHHH", 7000, 7000, 8 + len(payload), 0) + payload
    head = struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + source + destination
    return bytes(12) + b"\x86\xdd" + head + udp


def capture(folder, *frames):
    """Path of a pcap file with frames, a tenth of a second apart."""
    path = Path(folder) / "x.pcap"
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1)
    for number, one in enumerate(frames):
        octets += struct.pack("<IIII", 1, number * 100_000, len(one), len(one)) + one
    path.write_bytes(octets)
    return path


class Types(unittest.TestCase):
    def test_messages_are_known_by_their_type(self):
        for kind in ("Hello", "HelloACK", "Commit", "Conf2ACK"):
            self.assertEqual(pcap.zrtp_type(zrtp(kind)), kind)

    def test_other_packets_are_none(self):
        good = zrtp("Hello")
        rtp = b"\x80" + good[1:]
        no_cookie = good[:4] + b"STUN" + good[8:]
        no_preamble = good[:12] + b"\x00\x00" + good[14:]
        for octets in (b"", good[:20], rtp, no_cookie, no_preamble):
            self.assertIsNone(pcap.zrtp_type(octets))


class Algorithms(unittest.TestCase):
    def test_the_commit_of_the_initiator_counts(self):
        """Both commit; the one that sends Confirm2 was the initiator."""
        with tempfile.TemporaryDirectory() as folder:
            path = capture(
                folder,
                frame(commit("S256", "AES1", "HS80", "X255", "B32"), ALICE, BOB),
                frame(commit("S384", "AES3", "HS32", "DH3k", "B256"), BOB, ALICE),
                frame(zrtp("Confirm2"), BOB, ALICE),
                frame(zrtp("Conf2ACK"), ALICE, BOB),
            )
            self.assertEqual(pcap.zrtp_algorithms(path), ("S384", "AES3", "HS32", "DH3k", "B256"))
            kinds = [kind for _, _, kind in pcap.zrtp_messages(path)]
            self.assertEqual(kinds, ["Commit", "Commit", "Confirm2", "Conf2ACK"])

    def test_no_handshake_no_algorithms(self):
        with tempfile.TemporaryDirectory() as folder:
            path = capture(folder, frame(commit("S256", "AES1", "HS80", "X255", "B32")))
            self.assertIsNone(pcap.zrtp_algorithms(path))


class Dropping(unittest.TestCase):
    def setUp(self):
        self.relay = Relay(None, "tap1")

    def passes(self, direction, payload):
        return self.relay._may_pass(0.0, direction, frame(payload))

    def test_what_is_asked_for_is_dropped_once(self):
        self.relay.drop("Commit")
        self.assertTrue(self.passes("out", zrtp("Hello")))
        self.assertFalse(self.passes("in", zrtp("Commit")))
        self.assertTrue(self.passes("in", zrtp("Commit")))
        self.assertEqual(self.relay.dropped, [("in", "Commit")])
        self.assertEqual(self.relay.wants(), 0)

    def test_one_direction_alone(self):
        self.relay.drop("Hello", 2, "out")
        self.assertTrue(self.passes("in", zrtp("Hello")))
        self.assertFalse(self.passes("out", zrtp("Hello")))
        self.assertFalse(self.passes("out", zrtp("Hello")))
        self.assertTrue(self.passes("out", zrtp("Hello")))

    def test_loss_takes_its_part_of_the_datagrams(self):
        self.relay.loss = 0.1
        lost = sum(not self.passes("out", b"\x80" + bytes(171)) for _ in range(2000))
        self.assertTrue(150 < lost < 250, lost)
        self.assertEqual(self.relay.lost, lost)

    def test_neighbour_discovery_is_not_lost(self):
        self.relay.loss = 1.0
        icmp = bytearray(frame(bytes(24)))
        icmp[14 + 6] = 58
        self.assertTrue(self.relay._may_pass(0.0, "out", bytes(icmp)))
