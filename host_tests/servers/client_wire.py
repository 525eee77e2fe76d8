# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A real `vox6 tunnel` whose whole Internet is this test, which plays servers and strangers.

with ClientWire(tmp_path, "--server", SERVER) as wire:
    wire.until(lambda: wire.ups())            # an honest server answers
    wire.send(data, ("198.51.100.66", 3653))  # somebody else speaks up
"""

import itertools
import os
import re
import select
import socket
import subprocess
import time

from pyroute2 import netns

from host_tests.servers.frames import ETHERTYPE_IPV4, Datagram, ipv4_udp, is_udp
from host_tests.servers.wire import KEY, PYTHON, TOP, environment
from tools.lab.process import Process
from vox6 import pubtsp
from vox6.pubtsp.address import mapped
from vox6.wire.inet6 import parse_address, parse_ipv4

SERVER = "198.51.100.1"
PREFIX = parse_address("2001:db8:3653:1::")[:8]
NATIVE = parse_address("2001:db8:99::7")
OWN_IPV4 = "192.0.2.10"  # no NAT between: this is what servers see
_HOST_MAC, _OUTSIDE_MAC = (bytes.fromhex("02005e1000" + end) for end in ("02", "01"))
_ETH_P_ALL = 3
_SETUP = """
link set lo up
link set eth0 address 02:00:5e:10:00:02
link set eth0 up
addr add 192.0.2.10/24 dev eth0
neigh add 192.0.2.1 lladdr 02:00:5e:10:00:01 dev eth0 nud permanent
route add default via 192.0.2.1 dev eth0
"""
_UP = re.compile(r"up: (\S+) by (\S+):", re.MULTILINE)


class ClientWire:
    """heard: datagrams of the client. honest: lib/pubtsp's Server behind SERVER.

    answer: called with each datagram instead of the honest server, when set.
    """

    _count = itertools.count(1)

    def __init__(self, folder, *flags):
        self.folder = folder
        number = next(ClientWire._count)
        self.netns = f"vox6-{os.getpid()}-{number}-visitor-host"
        self._outside = f"vox6-{os.getpid()}-{number}-visitor-world"
        self._flags = flags
        config = pubtsp.Config(
            pubtsp.AddressFormat(PREFIX, "mac", KEY), parse_ipv4(SERVER), policy="lab"
        )
        self.honest = pubtsp.Server(config)
        self.answer = None
        self.heard = []
        self.up = []  # packets that the honest server would give the IPv6 Internet
        self._start = time.monotonic()

    def __enter__(self):
        for name in (self.netns, self._outside):
            subprocess.run(["ip", "netns", "add", name], check=True)
        veth = ["link", "add", "eth0", "type", "veth", "peer", "name", "out", "netns"]
        subprocess.run(["ip", "-n", self.netns, *veth, self._outside], check=True)
        inside = ["ip", "netns", "exec"]
        for name, word in ((self.netns, "conf.default"), (self._outside, "conf.all")):
            setting = f"net.ipv6.{word}.router_solicitations=0"
            if name == self._outside:
                setting = f"net.ipv6.{word}.disable_ipv6=1"
            subprocess.run([*inside, name, "sysctl", "-qw", setting], check=True)
        done = subprocess.run(
            ["ip", "-n", self.netns, "-batch", "-"], input=_SETUP, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        subprocess.run([*inside, self.netns, "ethtool", "-K", "eth0", "tx", "off"], check=True,
                       capture_output=True)  # fmt: skip
        subprocess.run(["ip", "-n", self._outside, "link", "set", "out", "up"], check=True)
        self._raw = self._socket(self._outside, socket.AF_PACKET, socket.SOCK_RAW, _ETH_P_ALL)
        self._raw.bind(("out", _ETH_P_ALL))
        argv = [
            PYTHON,
            "-m",
            "tools.vox6",
            "tunnel",
            "--martians",
            "lab",
            "--resolv-conf",
            "/none",
        ]
        self.process = Process(
            [*argv, *self._flags], self.folder / "tunnel.log", netns=self.netns,
            env=environment(), cwd=TOP,
        )  # fmt: skip
        return self

    def __exit__(self, *_):
        self.process.stop()
        self._raw.close()
        for name in (self.netns, self._outside):
            subprocess.run(["ip", "netns", "del", name], check=False)

    def _socket(self, name, family, kind, protocol=0):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            netns.setns(name, flags=0)
            try:
                found = socket.socket(family, kind, socket.htons(protocol) if protocol else 0)
            finally:
                netns.setns(home)
        finally:
            os.close(home)
        found.setblocking(False)
        return found

    def program(self, port):
        """A UDP socket of a program on the client's host."""
        found = self._socket(self.netns, socket.AF_INET6, socket.SOCK_DGRAM)
        found.bind(("::", port))
        return found

    # what the world does

    def now(self):
        """Milliseconds for the honest server."""
        return int(1000 * (time.monotonic() - self._start))

    def send(self, data, source=(SERVER, 3653), port=None):
        """Send a datagram to the client; port: its own, else the latest one."""
        to = (OWN_IPV4, port or self.port)
        frame = _HOST_MAC + _OUTSIDE_MAC + ETHERTYPE_IPV4 + ipv4_udp(source, to, data)
        self._raw.send(frame)

    @property
    def port(self):
        """The client's port of the moment."""
        return self.heard[-1].source[1]

    def be_honest(self, one):
        """Answer a datagram as a server should."""
        peer = (mapped(socket.inet_aton(one.source[0])), one.source[1])
        self.honest.receive_datagram(one.data, peer, self.now(), one.tos)
        for data, where, _ in self.honest.datagrams_to_send():
            self.send(data, (one.destination[0], 3653), where[1])
        self.up += self.honest.packets_to_send()

    def give(self, packet):
        """A packet of the IPv6 Internet for the client, by the honest server."""
        self.honest.receive_packet(packet, self.now())
        for data, where, _ in self.honest.datagrams_to_send():
            self.send(data, port=where[1])

    def until(self, true, timeout=10.0):
        """Serve until true(); what it says."""
        deadline = time.monotonic() + timeout
        while not (found := true()):
            left = deadline - time.monotonic()
            if left <= 0:
                return found
            select.select([self._raw], [], [], min(left, 0.05))
            for _ in range(64):
                try:
                    frame, (_, _, kind, _, _) = self._raw.recvfrom(4096)
                except BlockingIOError:
                    break
                if kind == socket.PACKET_OUTGOING or frame[12:14] != ETHERTYPE_IPV4:
                    continue
                if is_udp(frame[14:]):
                    self._take(Datagram(frame[14:]))
        return found

    def _take(self, one):
        assert one.is_whole and not one.dont_fragment, one
        assert one.source[1] >= 1024 and one.source[1] != 3653, one
        self.heard.append(one)
        if self.answer is not None:
            self.answer(one)
        elif one.destination == (SERVER, 3653):
            self.be_honest(one)

    # what the client says

    def ups(self):
        """[(address, server)] of each time that the tunnel came up."""
        return _UP.findall(self.process.output())

    def address(self):
        """16 octets of the address of now."""
        return parse_address(self.ups()[-1][0])

    def creates(self):
        """How many requests of a tunnel there were."""
        return sum(b'action="create"' in one.data for one in self.heard)

    def memory(self):
        """Octets that the process holds."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(file.read().partition("VmRSS:")[2].split()[0]) * 1024


__all__ = ["NATIVE", "OWN_IPV4", "PREFIX", "SERVER", "ClientWire"]
