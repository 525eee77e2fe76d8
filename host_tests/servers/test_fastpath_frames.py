# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The program in the kernel beyond the rules: outer headers, keys, routes, buckets, counters."""

import struct
import time

import pytest

from host_tests.servers import kernel_plane as k
from host_tests.unit.pubtsp import rows
from host_tests.vectors.pubtsp import addresses as vectors
from vox6.pubtsp import AddressFormat, Config

UP, DOWN = k.up_frame(rows.GOOD), k.down_frame(rows.DOWN)


@pytest.fixture(scope="module")
def loaded():
    return k.KernelPlane()


@pytest.fixture
def plane(loaded):
    """The program with the lab's configuration and fresh buckets."""
    config, key, _, _, _ = k.config_of({})
    loaded.configure(config, key)
    return loaded


def passed(plane, frame, counted):
    """The program leaves a frame as it is."""
    outcome = plane.run(frame)
    assert (outcome.action, outcome.frame) == (k.PASS, frame)
    assert outcome.counted == counted


def datagram(**more):
    return k.udp4(rows.V4, rows.SERVER, rows.PORT, 3653, rows.GOOD, **more)


class TestOuter:
    """What is not for us, and what is odd, goes to the kernel unchanged."""

    @pytest.mark.parametrize(
        "frame",
        (
            k.ethernet(0x800, datagram(), destination=k.STRANGER),
            k.ethernet(0x800, datagram(), destination=b"\xff" * 6),
            k.ethernet(0x86DD, rows.DOWN, destination=k.STRANGER),
            k.ethernet(0x8100, b"\x00\x05\x08\x00" + datagram()),  # VLAN 5
            k.ethernet(0x88A8, b"\x00\x05\x86\xdd" + rows.DOWN),
            k.ethernet(0x806, bytes(28)),
            k.ethernet(0x800, k.udp4(rows.V4, rows.PEER_SERVER, rows.PORT, 3653, rows.GOOD)),
            k.ethernet(0x800, k.udp4(rows.V4, rows.SERVER, rows.PORT, 3654, rows.GOOD)),
            k.ethernet(0x800, k.ipv4(rows.V4, rows.SERVER, bytes(30), protocol=6)),
            k.ethernet(0x86DD, rows.udp(rows.HOST, rows.tail("fe80", "01"))),
            k.ethernet(0x800, b"\x45"),
        ),
        ids=("another's", "broadcast", "another's IPv6", "VLAN", "QinQ", "ARP", "another IPv4",
             "another port", "TCP", "link-local", "short"),
    )  # fmt: skip
    def test_not_for_us(self, plane, frame):
        passed(plane, frame, {})

    @pytest.mark.parametrize(
        "packet",
        (
            datagram(fragment=0x2000),
            datagram(fragment=5),
            datagram(options=b"\x01\x01\x01\x00"),
            datagram(checksum=0),
            datagram(checksum=0x1234),
            k.ipv4(rows.V4, rows.SERVER, datagram()[20:24] + b"\x00\x07" + datagram()[26:]),
            datagram()[:-1],
        ),
        ids=("first fragment", "later fragment", "options", "no checksum", "bad checksum",
             "UDP length", "shorter than it says"),
    )  # fmt: skip
    def test_odd(self, plane, packet):
        passed(plane, k.ethernet(0x800, packet), {"pass_odd": 1})

    def test_df_is_no_fragment(self, plane):
        assert plane.run(k.ethernet(0x800, datagram(fragment=0x4000))).action == k.REDIRECT

    def test_header_checksum(self, plane):
        packet = datagram()
        broken = packet[:8] + b"\x3f" + packet[9:]
        outcome = plane.run(k.ethernet(0x800, broken))
        assert outcome.action == k.DROP
        assert outcome.counted == {"received": 1, "drop_ipv4": 1}

    def test_each_octet_is_summed(self, plane):
        """A bit wrong anywhere in the datagram: the packet is not forwarded (X-1)."""
        inner = rows.ip6(rows.CLIENT, rows.HOST, bytes(range(256)) * 4 + b"odd")
        frame = k.up_frame(inner)
        assert plane.run(frame).action == k.REDIRECT
        for at in range(14 + 28 + 40, len(frame)):
            wrong = frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :]
            assert plane.run(wrong).counted == {"pass_odd": 1}, at
            if at % 200 == 0:  # the bucket for what passes
                config, key, _, _, _ = k.config_of({})
                plane.configure(config, key)


class TestInnerChecksum:
    """What a network card of this machine would have had to fill in is left to the kernel."""

    def segment(self, next_header, at, payload):
        """A packet of the IPv6 side with a right transport checksum at an offset."""
        length = len(payload)
        pseudo = rows.HOST + rows.CLIENT + struct.pack(">II", length, next_header)
        right = k.sum_to_zero(pseudo + payload) or 65535
        payload = payload[:at] + struct.pack(">H", right) + payload[at + 2 :]
        return rows.ip6(rows.HOST, rows.CLIENT, payload, next_header)

    @pytest.mark.parametrize(
        "next_header, at, payload",
        (
            (17, 6, struct.pack(">HHHH", 5004, 5006, 13, 0) + b"voice"),
            (6, 16, bytes(range(20)).replace(b"\x10\x11", b"\0\0") + b"text"),
            (58, 2, b"\x80\x00\x00\x00\x00\x01\x00\x01echo"),
        ),
        ids=("UDP", "TCP", "ICMPv6"),
    )
    def test_right_and_wrong(self, plane, next_header, at, payload):
        packet = self.segment(next_header, at, payload)
        outcome = plane.run(k.down_frame(packet))
        assert outcome.counted == {"received_up": 1, "down": 1}
        wrong = packet[:-1] + bytes((packet[-1] ^ 1,))
        passed(plane, k.down_frame(wrong), {"pass_odd": 1})

    def test_udp_without_checksum(self, plane):
        """RFC 6935: a tunnel's own business."""
        payload = struct.pack(">HHHH", 5004, 5006, 13, 0) + b"voice"
        packet = rows.ip6(rows.HOST, rows.CLIENT, payload, 17)
        assert plane.run(k.down_frame(packet)).counted == {"received_up": 1, "down": 1}


class TestDatagram:
    def test_ids_differ(self, plane):
        """RFC 6864: DF is clear, an ID does not come again soon."""
        ids = [plane.run(DOWN).frame[18:20] for _ in range(200)]
        assert len(set(ids)) == len(ids)

    def test_hairpin_is_another_datagram(self, plane):
        frame = k.up_frame(rows.udp(rows.CLIENT, rows.OTHER), ident=0x7777)
        assert plane.run(frame).frame[18:20] != b"\x77\x77"

    def test_no_udp_checksum_of_zero(self, plane):
        """65,536 packets whose sum takes each value: 0 would say that there is none."""
        seen = set()
        for value in range(0, 65536, 257):
            packet = rows.ip6(rows.HOST, rows.CLIENT, struct.pack(">H", value))
            frame = plane.run(k.down_frame(packet)).frame
            made = k.udp4(rows.SERVER, rows.V4, 3653, rows.PORT, rows.hops(packet, 63))
            assert frame[40:42] == made[26:28]
            seen.add(frame[40:42])
        # the one whose sum is all ones
        packet = rows.ip6(rows.HOST, rows.CLIENT, b"\0\0")
        first = int.from_bytes(plane.run(k.down_frame(packet)).frame[40:42], "big")
        packet = rows.ip6(rows.HOST, rows.CLIENT, struct.pack(">H", first))
        assert plane.run(k.down_frame(packet)).frame[40:42] == b"\xff\xff"
        assert len(seen) > 200 and b"\0\0" not in seen


class TestKeys:
    @pytest.mark.parametrize("vector", vectors.ADDRESSES, ids=lambda one: one[3])
    def test_vectors(self, loaded, vector):
        """SipHash-2-4 of the protocol's text, by the kernel."""
        dotted, port, tag, _ = vector
        v4 = bytes(int(part) for part in dotted.split("."))
        addresses = AddressFormat(vectors.PREFIX, "mac", vectors.KEY)
        loaded.configure(Config(addresses, bytes((192, 0, 2, 1)), policy="lab"), vectors.KEY)
        head = vectors.PREFIX + v4 + struct.pack(">H", port)
        for one in range(tag - 2, tag + 3):
            packet = rows.udp(rows.HOST, head + struct.pack(">H", one & 0xFFFF))
            outcome = loaded.run(k.down_frame(packet))
            assert (outcome.action == k.TX) == (one == tag), one

    def test_previous_key(self, plane):
        config, key, _, _, _ = k.config_of({})
        new, newer = bytes(range(1, 17)), bytes(range(2, 18))
        plane.configure(config, new, key)
        assert plane.run(UP).action == k.REDIRECT
        assert plane.run(DOWN).action == k.TX
        fresh = AddressFormat(rows.PREFIX, "mac", new).make(rows.V4, rows.PORT)
        assert plane.run(k.up_frame(rows.udp(fresh, rows.HOST))).action == k.REDIRECT
        plane.configure(config, newer, new)
        assert plane.run(UP).counted == {"pass_error": 1}
        assert plane.run(DOWN).counted == {"pass_error": 1}
        plane.configure(config, None)
        assert plane.run(UP).counted == {"pass_error": 1}

    def test_lists_change(self, plane):
        """What a new configuration lacks is gone, what it has is there."""
        for deny, good in (((rows.V4, 24), False), ((rows.OTHER_V4, 24), True)):
            config, key, _, _, _ = k.config_of({"deny": (deny,)})
            plane.configure(config, key)
            assert (plane.run(UP).action == k.REDIRECT) is good
        assert list(plane.tables.map("deny4").keys()) == [
            struct.pack("=I", 24) + rows.OTHER_V4[:3] + b"\0"
        ]


class TestRoutes:
    def test_unknown(self, plane):
        """Without a next hop of ours the kernel's routes are asked: lo knows no such network."""
        for network in (rows.HOST, rows.V4):
            plane.routes(network, 8 * len(network), 0, bytes(6))
        try:
            passed(plane, UP, {"pass_route": 1})
            passed(plane, DOWN, {"pass_route": 1})
        finally:
            plane.tables.map("hops6").delete(struct.pack("=I", 128) + rows.HOST)
            plane.tables.map("hops4").delete(struct.pack("=I", 32) + rows.V4)

    def test_longest_prefix(self, plane):
        other = bytes.fromhex("0200000000aa")
        plane.routes(rows.HOST[:8] + bytes(8), 64, k.LO, other)
        outcome = plane.run(UP)
        plane.tables.map("hops6").delete(struct.pack("=I", 64) + rows.HOST[:8] + bytes(8))
        assert outcome.action == k.TX  # by the interface that it came from
        assert outcome.frame[:12] == other + k.OWN

    def test_no_tx(self, plane):
        """A veth does not deliver what XDP_TX hands to it: the same frame, redirected."""
        config, key, _, _, _ = k.config_of({})
        frame = plane.run(DOWN).frame
        plane.configure(config, key, no_tx=True)
        outcome = plane.run(DOWN)
        assert outcome.action == k.REDIRECT
        assert outcome.frame[14:] == k.with_id_of(outcome.frame[14:], frame[14:])


class Tokens:
    """How many tokens a bucket can have given since it was full: more when the machine is slow."""

    def __init__(self, rate):
        self.rate = rate
        self.start = time.monotonic()

    def check(self, taken):
        elapsed = time.monotonic() - self.start
        assert self.rate <= taken <= self.rate * (1.05 + elapsed) + 1, (taken, elapsed)


class TestBuckets:
    def burst(self, plane, frame, times, forwarded=False):
        """Counters after a frame came many times within a moment.

        forwarded: each is another run, as the kernel repeats with what the program has written.
        """
        before = plane.tables.counters()
        for _ in range(times if forwarded else 1):
            k.test_run(plane.tables.program_fd, frame, 1 if forwarded else times)
        return {n: c - before[n] for n, c in plane.tables.counters().items() if c != before[n]}

    def test_errors_of_a_source(self, plane):
        config, key, _, _, _ = k.config_of({})
        plane.configure(config, key, error_rate=10)
        wrong = k.up_frame(rows.udp(rows.CLIENT[:14] + b"\0\1", rows.HOST))
        tokens = Tokens(10)
        counted = self.burst(plane, wrong, 5000)
        tokens.check(counted["pass_error"])
        assert counted["limited"] == counted["drop_U4"] == 5000 - counted["pass_error"]
        other = k.up_frame(rows.udp(rows.CLIENT, rows.HOST), port=40000)  # the same IPv4
        self.burst(plane, wrong, 500)  # whatever has come back
        assert self.burst(plane, other, 50).get("pass_error", 0) <= 1
        other = k.up_frame(rows.udp(rows.CLIENT, rows.HOST), v4=rows.OTHER_V4)
        assert self.burst(plane, other, 1) == {"pass_error": 1}

    def test_no_errors(self, plane):
        config, key, _, _, _ = k.config_of({})
        plane.configure(config, key, error_rate=0)
        wrong = k.up_frame(rows.udp(rows.CLIENT[:14] + b"\0\1", rows.HOST))
        assert self.burst(plane, wrong, 10) == {"received": 10, "drop_U4": 10, "limited": 10}

    def test_strangers(self, plane):
        """Errors of D5: 10 a second in total, whoever asks."""
        counted, tokens = 0, Tokens(10)
        for number in range(100):
            source = rows.HOST[:4] + struct.pack(">I", number) + rows.HOST[8:]
            frame = k.down_frame(rows.udp(source, rows.CLIENT[:14] + b"\0\1"))
            counted += self.burst(plane, frame, 1).get("pass_error", 0)
        tokens.check(counted)

    def test_signalling(self, plane):
        """TSP passes, but not without end."""
        tokens = Tokens(1000)
        counted = self.burst(plane, k.up_frame(b"\xf0" + bytes(20)), 5000)
        tokens.check(counted["pass_tsp"])
        assert counted["drop_passing"] == 5000 - counted["pass_tsp"]

    def test_kinds_do_not_stop_each_other(self, plane):
        """A flood in many names of what needs no tag: all that may pass of it does, echoes too."""
        echo = k.up_frame(rows.echo(rows.CLIENT, rows.P1))
        for data, counter in ((b"\xf0" + bytes(20), "pass_tsp"), (rows.GOOD, "pass_odd")):
            passed, tokens = 0, Tokens(10_000)
            for number in range(30):
                v4 = bytes((192, 0, 2, number))
                frame = k.ethernet(
                    0x800, k.udp4(v4, rows.SERVER, 5000, 3653, data, options=bytes(4))
                    if counter == "pass_odd" else k.udp4(v4, rows.SERVER, 5000, 3653, data)
                )  # fmt: skip
                passed += self.burst(plane, frame, 1500).get(counter, 0)
            tokens.check(passed)
        assert self.burst(plane, echo, 10) == {"pass_echo": 10}

    def test_packet_rate(self, plane):
        """D-11: from and to an IPv4 address together."""
        config, key, _, _, _ = k.config_of({})
        plane.configure(config, key, packet_rate=50)
        tokens = Tokens(50)
        counted = self.burst(plane, UP, 30, True)
        assert counted == {"received": 30, "up": 30}
        counted = self.burst(plane, DOWN, 200, True)
        tokens.check(30 + counted["down"])
        assert counted["drop_rate"] == 200 - counted["down"]
        other = k.up_frame(rows.udp(rows.OTHER, rows.HOST), v4=rows.OTHER_V4, port=rows.OTHER_PORT)
        assert self.burst(plane, other, 1) == {"received": 1, "up": 1}


def test_layout_is_written_down():
    """The offsets in the README are those of the program."""
    text = (k.SOURCE.parent / "README.md").read_text()
    config, key, _, _, _ = k.config_of({})
    data = k.settings_of(config, key, None, ((LO := 0x11111111, b"\xaa" * 6), (2, b"\xbb" * 6)))
    assert len(data) == 120
    assert data[0:8] == rows.PREFIX and data[8:12] == rows.SERVER and data[16:32] == rows.KEY
    assert data[48:52] == struct.pack("=I", 1024)
    assert data[96:106] == struct.pack("=I", LO) + b"\xaa" * 6
    assert data[108:118] == struct.pack("=I", 2) + b"\xbb" * 6
    for line in ("| 48 | 4 | least port |", "| 96, 108 | 12, 12 |"):
        assert line in text
