# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's program without any interface: frames of each family made and judged by scapy.

A world has a near and a far side; `worlds()` gives both, the second mirrored: what is IPv4 in one
is IPv6 in the other. Frames arrive on lo (index 1), whose address is OWN.
"""

import os
import socket
import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from host_tests.servers.kernel_plane import TOP, test_run
from tools.common import bpf_build
from tools.siproxy64.xdp_program import Direction, Program

ABORTED, DROP, PASS, TX, REDIRECT = range(5)
LO, FAR = 1, 9999
OWN, OWN_FAR, ROUTER, SENDER = (f"02:00:00:00:00:0{n}" for n in (1, 2, 4, 9))
SOURCE = bpf_build.SOURCES["siproxy64"]
OBJECT = TOP / "build" / "bpf" / "siproxy64.bpf.o"
PHONE, PHONE_SHOWN = ("192.0.2.11", 12000), ("2001:db8:b::11", 12002)
PEER, PEER_SHOWN = ("2001:db8:f00::5060", 30000), ("192.0.2.205", 30006)


def need_object():
    """The compiled program, of the sources as they are."""
    assert os.geteuid() == 0, "BPF needs root"
    if not bpf_build.is_current(SOURCE, OBJECT):
        bpf_build.build(SOURCE, OBJECT)
    return OBJECT


def form(address):
    """(16 octets, port) of (text, port)."""
    text, port = address
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text), port
    return bytes(10) + b"\xff\xff" + socket.inet_aton(text), port


def packet(source, destination, payload, checksum=None, tclass=0, hops=64, **more):
    """A datagram of the family of its addresses; checksum None: the right one."""
    udp = UDP(sport=source[1], dport=destination[1], chksum=checksum) / payload
    if ":" in source[0]:
        return IPv6(src=source[0], dst=destination[0], tc=tclass, hlim=hops, **more) / udp
    return IP(src=source[0], dst=destination[0], tos=tclass, ttl=hops, **more) / udp


def frame(packet, destination=OWN, least=60):
    """A frame as it arrives, filled up to Ethernet's least length."""
    return bytes(Ether(dst=destination, src=SENDER) / packet).ljust(least, b"\0")


class World:
    """One direction: `sender` to `local` becomes `source` to `destination`."""

    def __init__(self, sender, local, source, destination):
        self.sender, self.local = sender, local
        self.source, self.destination = source, destination
        self.far_is_ipv4 = ":" not in destination[0]

    def direction(self):
        return Direction(*map(form, (self.local, self.sender, self.source, self.destination)))

    def arriving(self, payload, **more):
        return packet(self.sender, self.local, payload, **more)

    def leaving(self, payload, hops=63, **more):
        """What the frame must be; made by scapy alone."""
        if self.far_is_ipv4:
            more.update(id=0, flags="DF")
        right = packet(self.source, self.destination, payload, hops=hops, **more)
        return bytes(Ether(dst=ROUTER, src=OWN_FAR) / right)


WORLDS = {
    "to IPv6": World(PHONE, PEER_SHOWN, PHONE_SHOWN, PEER),
    "to IPv4": World(PEER, PHONE_SHOWN, PEER_SHOWN, PHONE),
}


class KernelRelay:
    """The program, with next hops for both families on FAR."""

    def __init__(self, path=None):
        self.program = Program(streams=8, path=path or need_object())
        self.verify(False)
        hop = struct.pack("=I", FAR) + octets(ROUTER) + octets(OWN_FAR)
        self.program.set_hop(bytes(4), 0, hop)
        self.program.set_hop(bytes(16), 0, hop)

    def verify(self, on):
        """Let frames come as from network cards (off) or from programs of this machine (on)."""
        self.program.write_arms([(LO, octets(OWN))], 1 if on else 0)

    def run(self, frame):
        """(verdict, frame after it, counters that moved)."""
        before = self.program.counters()
        action, after, _ = test_run(self.program.program_fd, frame)
        now = self.program.counters()
        return action, after, {name: now[name] - before[name] for name in now
                               if now[name] != before[name]}  # fmt: skip


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))
