# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The data plane in the kernel without any interface: BPF_PROG_TEST_RUN over ctypes.

Frames are built and taken apart here by formulas of their own, not by lib/pubtsp and not by the
program's. Frames arrive on lo (index 1), which plays the interface of the IPv4 side; routes lead
by default to FAR on the IPv6 side and back to lo on the IPv4 side.
"""

import ctypes
import os
import struct

from host_tests.unit.pubtsp import rows
from tools.common import bpf_build
from tools.common.libbpf import library
from tools.panel.phones import TOP
from tools.pubtspd.tables import Tables, settings_of
from vox6.pubtsp import AddressFormat, Config, Rules

ABORTED, DROP, PASS, TX, REDIRECT = range(5)
LO, FAR = 1, 9999  # interfaces; the second need not be there
OWN = bytes.fromhex("020000000001")  # of our interfaces
OWN_FAR = bytes.fromhex("020000000002")
ROUTER4 = bytes.fromhex("020000000004")  # next hops
ROUTER6 = bytes.fromhex("020000000006")
STRANGER = bytes.fromhex("0200000000ff")
MANY = 1_000_000  # errors a second: no bucket stands in the way of a row


SOURCE = bpf_build.SOURCES["pubtspd"]
OBJECT = TOP / "build" / "bpf" / "pubtsp.bpf.o"


def need_object():
    """The compiled program, of the sources as they are."""
    assert os.geteuid() == 0, "BPF needs root"
    if not bpf_build.is_current(SOURCE, OBJECT):
        bpf_build.build(SOURCE, OBJECT)
    return OBJECT


class _Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("data_in", ctypes.c_char_p),
        ("data_out", ctypes.c_char_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    ]


def test_run(program_fd, frame, repeat=1):
    """(what the program returned, the frame after it, nanoseconds)."""
    out = ctypes.create_string_buffer(4096)
    options = _Options(
        size=ctypes.sizeof(_Options),
        data_in=frame,
        data_size_in=len(frame),
        data_out=ctypes.cast(out, ctypes.c_char_p),
        data_size_out=len(out),
        repeat=repeat,
    )
    result = library().functions.bpf_prog_test_run_opts(program_fd, ctypes.byref(options))
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return options.retval, out.raw[: options.data_size_out], options.duration


test_run.__test__ = False


# Frames


def sum_to_zero(octets):
    """The checksum that makes octets right."""
    return 65535 - rows.ones(octets)


def ipv4(
    source, destination, payload, tos=0, ident=0, fragment=0, protocol=17, ttl=64, options=b""
):
    """An IPv4 packet, RFC 791."""
    words = 5 + len(options) // 4
    head = struct.pack(
        ">BBHHHBBH4s4s",
        0x40 + words,
        tos,
        4 * words + len(payload),
        ident,
        fragment,
        ttl,
        protocol,
        0,
        source,
        destination,
    )
    head += options
    return head[:10] + struct.pack(">H", sum_to_zero(head)) + head[12:] + payload


def udp4(source, destination, sport, dport, payload, checksum=None, **more):
    """A UDP datagram in IPv4, RFC 768."""
    length = 8 + len(payload)
    udp = struct.pack(">HHHH", sport, dport, length, 0) + payload
    if checksum is None:
        pseudo = source + destination + struct.pack(">HH", 17, length)
        checksum = sum_to_zero(pseudo + udp) or 65535
    udp = udp[:6] + struct.pack(">H", checksum) + payload
    return ipv4(source, destination, udp, **more)


def ethernet(type, payload, destination=OWN, source=STRANGER):
    """An Ethernet frame, filled up to its least length."""
    return (destination + source + struct.pack(">H", type) + payload).ljust(60, b"\0")


def up_frame(data, v4=rows.V4, port=rows.PORT, tos=0, **more):
    """A datagram of a client as it arrives."""
    return ethernet(0x800, udp4(v4, rows.SERVER, port, 3653, data, tos=tos, **more))


def down_frame(packet):
    """A packet of the IPv6 side as it arrives."""
    return ethernet(0x86DD, packet)


def with_id_of(packet, other):
    """An IPv4 packet with the ID of another: the only field that a test cannot know before."""
    head = other[:4] + packet[4:6] + other[6:10] + b"\0\0" + other[12:20]
    return head[:10] + struct.pack(">H", sum_to_zero(head)) + head[12:] + other[20:]


# The plane


class Outcome:
    """What the program did with a frame: its verdict, the frame after, counters that moved."""

    def __init__(self, action, frame, counted):
        self.action = action
        self.frame = frame
        self.counted = counted


class KernelPlane:
    """The program with the settings of one row after another."""

    def __init__(self, path=None):
        self.tables = Tables(path or need_object())
        self._salt = 0
        self.routes(b"\0" * 4, 0, LO, ROUTER4)
        self.routes(b"\0" * 16, 0, FAR, ROUTER6)

    def routes(self, network, bits, interface, router):
        """Set a next hop; interface 0: none is known."""
        source = OWN if interface == LO else OWN_FAR
        self.tables.map("hops4" if len(network) == 4 else "hops6").set(
            struct.pack("=I", bits) + network, struct.pack("=I", interface) + router + source
        )

    def configure(self, config, key, previous=None, **more):
        """Take a configuration; each has fresh buckets, as its salt is another."""
        self._salt += 1
        more.setdefault("error_rate", MANY)
        arms = ((LO, OWN), (FAR, OWN_FAR))
        self.tables.write(
            settings_of(config, key, previous, arms, salt=self._salt, next_hops=True, **more),
            config,
        )
        for which in range(8):  # the buckets that all sources share
            self.tables.map("buckets").set(struct.pack("=I", 3 * 16384 + which), bytes(8))

    def run(self, frame):
        """Give the program one frame."""
        before = self.tables.counters()
        action, after, _ = test_run(self.tables.program_fd, frame)
        counters = self.tables.counters()
        moved = {name: n - before[name] for name, n in counters.items() if n != before[name]}
        return Outcome(action, after, moved)


def config_of(differs):
    """(Config, key, v4, port, tos) of a row of rows.py."""
    differs = dict(differs)
    v4 = differs.pop("v4", rows.V4)
    port = differs.pop("port", rows.PORT)
    tos = differs.pop("tos", 0)
    mode = differs.pop("mode", "mac")
    differs.pop("to", None)
    differs.setdefault("policy", "lab")
    key = rows.KEY if mode == "mac" else None
    addresses = AddressFormat(rows.PREFIX, mode, key)
    config = Config(addresses, rows.SERVER, (rows.PEER_SERVER,), **differs)
    return config, key, v4, port, tos


def rules_of(differs):
    """The portable plane's rules for a row."""
    return Rules(config_of(differs)[0])
