# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""An IPv4 phone, an IPv6 peer and the relay's host between them, each in a namespace.

    phone eth0 -- (IPv4) -- eth4 box eth6 -- (IPv6) -- eth0 peer
    phone eth0 -- br0 -- eth0 peer                     one_armed: eth0 of the box is there too

The box forwards nothing. veth pairs stand for network cards only when told so (`cards`): checksum
offload off where packets begin, GRO on where redirected frames arrive.
"""

import itertools
import os
import socket
import subprocess
from pathlib import Path

from host_tests.servers.veths import run
from tools.lab import namespace

PHONE, PHONE_SHOWN = "192.0.2.11", "2001:db8:b::b:11"
PEER, PEER_SHOWN = "2001:db8:b::5060", "192.0.2.205"
ARMS = ["eth4", "eth6"]  # of the box
_LINKS = """
link add eth0 netns {phone} type veth peer name eth4 netns {box}
link add eth0 netns {peer} type veth peer name eth6 netns {box}
"""
_ONE_ARMED_LINKS = """
link add br0 netns {switch} type bridge
link add eth0 netns {phone} type veth peer name phone netns {switch}
link add eth0 netns {peer} type veth peer name peer netns {switch}
link add eth0 netns {box} type veth peer name box netns {switch}
"""
_ADDRESSES = {
    "switch": """
link set br0 up
link set phone master br0 up
link set peer master br0 up
link set box master br0 up
""",
    "box": f"""
link set eth4 up
link set eth6 up
addr add 192.0.2.1/24 dev eth4
addr add {PEER_SHOWN}/32 dev eth4
addr add 2001:db8:b::1/64 dev eth6 nodad
addr add {PHONE_SHOWN}/128 dev eth6 nodad
""",
    "phone": f"link set eth0 up\naddr add {PHONE}/24 dev eth0\n",
    "peer": f"link set eth0 up\naddr add {PEER}/64 dev eth0 nodad\n",
}


class RelayVeths:
    """The namespaces. `near` is a word of phone or peer; `far` the other."""

    _count = itertools.count(1)

    def __init__(self, cards=True, one_armed=False):
        self.cards = cards
        self.one_armed = one_armed
        self.arms = ["eth0"] if one_armed else ["eth4", "eth6"]
        number = next(self._count)
        self.names = {
            word: f"vox6-{os.getpid()}-{number}-relay-{word}"
            for word in ("phone", "box", "peer", *(["switch"] if one_armed else []))
        }
        self.address = {"phone": PHONE, "peer": PEER}
        self.shown = {"phone": PHONE_SHOWN, "peer": PEER_SHOWN}

    def __enter__(self):
        for name in self.names.values():
            namespace.create(name)
        links = _ONE_ARMED_LINKS if self.one_armed else _LINKS
        run("ip", "-batch", "-", text=links.format(**self.names))
        for word, lines in _ADDRESSES.items():
            if word not in self.names:
                continue
            if self.one_armed:
                lines = lines.replace("eth4", "eth0").replace("eth6", "eth0")
            run("ip", "-n", self.names[word], "-batch", "-", text=lines)
        interfaces = {"phone": ["eth0"], "box": self.arms, "peer": ["eth0"]}
        if self.one_armed:
            interfaces["switch"] = ["phone", "box", "peer"]
        for word, names in interfaces.items():
            for name in names:
                self.ethtool(word, name, "gro", "on")
                if self.cards:
                    self.ethtool(word, name, "tx", "off")
        return self

    def __exit__(self, *_):
        for name in self.names.values():
            namespace.remove(name)

    def inside(self, word):
        """Run a block with this thread in a namespace."""
        return namespace.inside(self.names[word])

    def ip(self, word, *words):
        return run("ip", "-n", self.names[word], *words)

    def ethtool(self, word, interface, feature, value):
        run("nsenter", f"--net=/run/netns/{self.names[word]}", "ethtool", "-K", interface, feature,
            value)  # fmt: skip

    def sysctl(self, word, name, value):
        with self.inside(word):
            Path("/proc/sys/net", name).write_text(f"{value}\n")

    def ping(self, word, address):
        """Let both ends know each other's Ethernet address."""
        subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.names[word]}", "ping", "-c", "1", "-W", "2",
             address], check=True, capture_output=True,
        )  # fmt: skip

    def socket(self, word, address, port=0):
        """A UDP socket of a namespace, bound, with a time limit of 2 s."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside(word):
            one = socket.socket(family, socket.SOCK_DGRAM)
        one.bind((address, port))
        one.settimeout(2)
        return one

    def end(self, word, port=0):
        """A socket of phone or peer."""
        return self.socket(word, self.address[word], port)

    def box_end(self, word, port=0):
        """A socket of the box at the representation of phone or peer."""
        return self.socket("box", self.shown[word], port)
