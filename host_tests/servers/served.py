# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One pubtspd of a wire: its namespace with two interfaces, its process, what it is asked."""

import json
import socket
import subprocess
from pathlib import Path

from tools.lab.process import Process
from vox6.wire.inet6 import parse_address

TOP = Path(__file__).resolve().parents[2]
PYTHON = TOP / "build" / "venv" / "bin" / "python"
PORT = 3653
KEY = bytes(range(16))
_GATEWAY_IPV4, _GATEWAY_IPV6 = "192.0.2.254", "fe80::1"
_SETUP = """
link add eth4 type veth peer name {four} netns {world}
link add eth6 type veth peer name {six} netns {world}
link set eth4 address 02:00:5e:10:00:02
link set eth6 address 02:00:5e:10:00:02
link set lo up
link set eth4 up
link set eth6 up
addr add {ipv4}/32 dev eth4
route add {gateway4} dev eth4
neigh add {gateway4} lladdr 02:00:5e:10:00:01 dev eth4 nud permanent
route add default via {gateway4} dev eth4 src {ipv4}
neigh add {gateway6} lladdr 02:00:5e:10:00:01 dev eth6 nud permanent
route add default via {gateway6} dev eth6
"""


def environment():
    """What programs of this tree need to be found."""
    return {"PYTHONPATH": f"{TOP / 'build' / 'path'}:{TOP}", "PYTHONUNBUFFERED": "1"}


def run(*words, text=None):
    done = subprocess.run(words, input=text, text=True, capture_output=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class Served:
    """One pubtspd in a namespace of its own."""

    def __init__(self, wire, number, ipv4, prefix, plane, settings, env):
        self.wire = wire
        self.ipv4 = ipv4
        self.peer = (ipv4, PORT)
        self.prefix = parse_address(prefix)[:8]
        self.own = self.prefix + bytes(7) + b"\1"
        self.plane = plane
        self.settings = settings
        self.env = {**environment(), **(env or {})}
        self.netns = wire.name(f"server{number}")
        self.folder = wire.folder / f"server{number}"
        self.folder.mkdir()
        self.process = None
        self.starts = 0
        self.sent = []  # datagrams
        self.sockets = {}
        self.number = number

    def make(self):
        """Make its namespace and its two links."""
        number = self.number
        four, six = f"four{number}", f"six{number}"
        run("ip", "netns", "add", self.netns)
        lines = _SETUP.format(
            four=four, six=six, world=self.wire.world, ipv4=self.ipv4, gateway4=_GATEWAY_IPV4,
            gateway6=_GATEWAY_IPV6,
        )  # fmt: skip
        run("ip", "-n", self.netns, "-batch", "-", text=lines)
        inside = ["ip", "netns", "exec", self.netns]
        run(
            *inside, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
            "net.ipv6.icmp.ratelimit=0",
        )  # fmt: skip
        for interface in ("eth4", "eth6"):
            run(*inside, "ethtool", "-K", interface, "tx", "off")
        world = ["ip", "netns", "exec", self.wire.world]
        run(*world, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        for side, name in (("four", four), ("six", six)):
            run(*world, "ip", "link", "set", name, "up")
            # When it is up: then the other end is told that XDP may redirect to it.
            run(*world, "ethtool", "-K", name, "gro", "on")
            self.sockets[side] = self.wire.raw(name)

    def start(self):
        """Start the program and wait until it serves."""
        key = self.folder / "key"
        if not key.exists():
            key.write_text(f"pubtspd-keys 1\nkey {self.wire.key.hex()}\n")
            key.chmod(0o600)
        prefix = socket.inet_ntop(socket.AF_INET6, self.prefix + bytes(8)) + "/64"
        values = {
            "listen": self.ipv4, "prefix": prefix, "key-file": str(key), "martians": "lab",
            "plane": self.plane, "control": str(self.folder / "control"), "self-test": "0",
            **self.settings,
        }  # fmt: skip
        if self.plane != "portable":
            values.update({"interface-ipv4": "eth4", "interface-ipv6": "eth6"})
        flags = [f"--{name}={value}" for name, value in values.items()]
        self.starts += 1
        self.process = Process(
            [PYTHON, "-m", "tools.pubtspd", *flags],
            self.folder / f"log{self.starts}",
            netns=self.netns,
            env=self.env,
            cwd=TOP,
        )
        self.process.wait_output("ready", 20)
        assert f"data plane: {self.plane}" in self.process.output()

    def kill(self):
        """End it as a power cut does."""
        self.process.kill()

    def address(self, v4, port, key=None):
        """The address that it gives out to a client seen so, by the test's own arithmetic."""
        from host_tests.vectors.pubtsp.siphash_reference import siphash

        head = self.prefix + socket.inet_aton(v4) + port.to_bytes(2, "big")
        tag = siphash(self.wire.key if key is None else key, head) % 65536 or 65535
        return head + tag.to_bytes(2, "big")

    def command(self, name, **arguments):
        """Give the program a command of its control socket; the answer."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(self.folder / "control"))
            channel.sendall(json.dumps({"command": name, **arguments}).encode() + b"\n")
            answer = json.loads(channel.makefile().readline())
        assert answer["ok"], answer
        return answer

    def counters(self):
        """What the program has counted, of all its planes together."""
        found = {}
        for member in self.command("status")["members"]:
            for plane in member["counters"].values():
                for name, value in plane.items():
                    found[name] = found.get(name, 0) + value
        return found

    def memory(self):
        """Octets of memory that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024
