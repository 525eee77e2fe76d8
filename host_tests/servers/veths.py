# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two clients, a router, a tunnel server and a host, each in a namespace, joined by veth pairs.

    one, two -- (IPv4) -- world -- eth4 server eth6 -- (IPv6) -- host

veth pairs stand for network cards only when told so: `cards` switches checksum offload off where
packets begin (a card would have made the checksum) and GRO on where redirected frames arrive (a
veth takes them only then).
"""

import itertools
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tools.lab import namespace
from tools.lab.process import Process
from vox6.pubtsp import AddressFormat, Config

TOP = Path(__file__).resolve().parents[2]
PREFIX = "2001:db8:3653:1::"
SERVICE = "198.51.100.1"
HOST = "2001:db8:99::7"
KEY = bytes(range(16))
CLIENTS = {"one": "203.0.113.10", "two": "203.0.113.130"}
_LINKS = """
link add eth0 netns {one} type veth peer name one netns {world}
link add eth0 netns {two} type veth peer name two netns {world}
link add eth4 netns {server} type veth peer name server netns {world}
link add eth6 netns {server} type veth peer name eth0 netns {host}
"""
_ADDRESSES = {
    "world": """
link set one up
link set two up
link set server up
addr add 203.0.113.1/25 dev one
addr add 203.0.113.129/25 dev two
addr add 192.0.2.1/24 dev server
route add 198.51.100.1 via 192.0.2.2
""",
    "one": """
link set eth0 up
addr add 203.0.113.10/25 dev eth0
route add default via 203.0.113.1
""",
    "two": """
link set eth0 up
addr add 203.0.113.130/25 dev eth0
route add default via 203.0.113.129
""",
    "server": """
link set eth4 up
link set eth6 up
addr add 192.0.2.2/24 dev eth4
addr add 198.51.100.1/32 dev lo
route add default via 192.0.2.1 src 198.51.100.1
addr add 2001:db8:99::1/64 dev eth6 nodad
route add 2001:db8:100::/48 via 2001:db8:99::7
""",
    "host": """
link set eth0 up
addr add 2001:db8:99::7/64 dev eth0 nodad
addr add 2001:db8:100::1/128 dev lo nodad
route add default via 2001:db8:99::1
""",
}


_CARDS = {
    "world": ("one", "two", "server"),
    "server": ("eth4", "eth6"),
    "one": ("eth0",),
    "two": ("eth0",),
    "host": ("eth0",),
}


def run(*words, text=None):
    done = subprocess.run(words, input=text, text=True, capture_output=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def config():
    """The configuration of the daemon, for a plane of the test's own."""
    prefix = socket.inet_pton(socket.AF_INET6, PREFIX)[:8]
    return Config(
        AddressFormat(prefix, "mac", KEY),
        socket.inet_aton(SERVICE),
        policy="lab",
        kernel_forwards=True,
    )


class Veths:
    """The namespaces, and the programs in them."""

    _count = itertools.count(1)

    def __init__(self, folder, cards=True):
        self.folder = Path(folder)
        self.cards = cards
        number = next(Veths._count)
        self.names = {
            word: f"vox6-{os.getpid()}-{number}-veths-{word}"
            for word in ("one", "two", "world", "server", "host")
        }
        self.processes = []

    def __enter__(self):
        for name in self.names.values():
            namespace.create(name)
        run("ip", "-batch", "-", text=_LINKS.format(**self.names))
        for word, lines in _ADDRESSES.items():
            run("ip", "-n", self.names[word], "-batch", "-", text=lines)
        self.sysctl("world", "net.ipv4.ip_forward", 1)
        self.sysctl("server", "net.ipv6.conf.all.forwarding", 1)
        for word, interfaces in _CARDS.items():
            for interface in interfaces:
                self.ethtool(word, interface, "gro", "on")
                if self.cards:
                    self.ethtool(word, interface, "tx", "off")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        for name in self.names.values():
            namespace.remove(name)

    def sysctl(self, word, name, value):
        with namespace.inside(self.names[word]):
            Path("/proc/sys", *name.split(".")).write_text(f"{value}\n")

    def ethtool(self, word, interface, feature, value):
        run("nsenter", f"--net=/run/netns/{self.names[word]}", "ethtool", "-K", interface, feature,
            value)  # fmt: skip

    def inside(self, word):
        """Run a block with this thread in a namespace."""
        return namespace.inside(self.names[word])

    def start(self, word, name, *argv):
        """Start a program of the tree."""
        process = Process(
            [sys.executable, *argv],
            self.folder / f"{name}.log",
            netns=self.names[word],
            env={"PYTHONPATH": f"{TOP / 'build' / 'path'}:{TOP}", "PYTHONUNBUFFERED": "1"},
            cwd=TOP,
        )
        self.processes.append(process)
        return process

    def start_server(self, plane="portable", *more):
        """Start pubtspd and wait until it serves."""
        key = self.folder / "key"
        key.write_text(f"pubtspd-keys 1\nkey {KEY.hex()}\n")
        key.chmod(0o600)
        process = self.start(
            "server", "pubtspd", "-m", "tools.pubtspd", f"--listen={SERVICE}",
            f"--prefix={PREFIX}/64", f"--key-file={key}", "--martians=lab", f"--plane={plane}",
            f"--control={self.folder / 'control'}", "--self-test=0",
            *(() if plane == "portable" else ("--interface-ipv4=eth4", "--interface-ipv6=eth6")),
            *more,
        )  # fmt: skip
        process.wait_output("ready", 20)
        return process

    def start_client(self, word):
        """Start `vox6 tunnel`, all of whose packets go by the server; its IPv6 address."""
        process = self.start(
            word, f"client-{word}", "-m", "tools.vox6", "tunnel", "--server", SERVICE,
            "--martians", "lab", "--direct", "no",
        )  # fmt: skip
        found = process.wait_output(r"up: (2001:db8:3653:\S+) by", 20)
        process.wait_output("default route is ours", 10)
        return found.group(1)

    def ping(self, word, address, count=20, interval=0.02, size=56):
        """How many of `count` echoes came back."""
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.names[word]}", "ping", "-6", "-n", "-q", "-c",
             str(count), "-i", str(interval), "-W", "2", "-s", str(size), address],
            capture_output=True, text=True,
        )  # fmt: skip
        for part in done.stdout.split(","):
            if part.strip().endswith("received"):
                return int(part.split()[0])
        raise AssertionError(done.stdout + done.stderr)

    def socket(self, word, kind):
        """An IPv6 socket in a namespace."""
        with self.inside(word):
            one = socket.socket(socket.AF_INET6, kind)
        one.settimeout(10)
        return one

    def udp(self, word, to_word, address, count=50, size=172):
        """How many of `count` datagrams came to a socket of another namespace, unchanged."""
        with self.socket(to_word, socket.SOCK_DGRAM) as there:
            there.bind((address, 0))
            there.settimeout(0.5)
            with self.socket(word, socket.SOCK_DGRAM) as here:
                seen = 0
                for number in range(count):
                    data = number.to_bytes(4, "big") * (size // 4) + b"x" * (size % 4)
                    here.sendto(data, there.getsockname()[:2])
                    try:
                        seen += there.recv(2048) == data
                    except TimeoutError:
                        pass
                return seen

    def tcp(self, word, to_word, address, octets):
        """Send octets by TCP; how many arrived, in order."""
        pattern = bytes(range(251)) * 40
        got = []

        def take():
            connection, _ = there.accept()
            with connection:
                connection.settimeout(10)
                while data := connection.recv(65536):
                    got.append(data)

        with self.socket(to_word, socket.SOCK_STREAM) as there:
            there.bind((address, 0))
            there.listen()
            taker = threading.Thread(target=take)
            taker.start()
            try:
                with self.socket(word, socket.SOCK_STREAM) as here:
                    here.connect(there.getsockname()[:2])
                    here.sendall((pattern * (octets // len(pattern) + 1))[:octets])
            finally:
                taker.join(15)
        whole = b"".join(got)
        return len(whole) if whole == (pattern * (octets // len(pattern) + 1))[:octets] else 0
