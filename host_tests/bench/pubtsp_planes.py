# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a packet of voice costs a tunnel server, by each data plane, beside miredo and the kernel.

    python host_tests/bench/pubtsp_planes.py [ROUNDS]         # as root; 160 octets of G.711

client -- server -- host, three namespaces. Figures are CPU time of the server's side for each
packet delivered: (generator + ksoftirqd) / sent, less the same when the server's interface drops,
plus the daemon's own time / delivered. So the veth towards the sink and the sink are in all alike.

    live    frames as from a network card with native XDP (BPF_PROG_TEST_RUN, live frames)
    socket  frames by a packet socket, 40,000 a second: planes in user space

The keyed tag is checked by every plane of ours. miredo is a relay for one Teredo client; it is
unpacked into the cache and never installed (tools/binaries.py).
"""

import ctypes
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.servers import kernel_plane as k  # noqa: E402
from host_tests.unit.pubtsp import rows  # noqa: E402
from tools import binaries  # noqa: E402
from tools.common import bpf_build  # noqa: E402
from tools.common.libbpf import GENERIC, NATIVE, Link, Object, library  # noqa: E402
from tools.common.xdp import create_links  # noqa: E402
from tools.lab import namespace  # noqa: E402
from tools.lab.process import Process  # noqa: E402
from tools.pubtspd.fastpath import FastPath  # noqa: E402
from vox6.pubtsp import AddressFormat, Config  # noqa: E402

HERE = Path(__file__).resolve().parent
LIVE = 1 << 1  # BPF_F_TEST_XDP_LIVE_FRAMES
REPEAT = 1 << 18
RATE = 40_000
SECONDS = 1.0
CLIENT_MAC, SERVER4_MAC, SERVER6_MAC, HOST_MAC = (bytes((2, 0, 0x5E, 0, 0, n)) for n in range(4))
PLAIN = bytes.fromhex("20010db8007700000000000000000001")  # a native client, for the kernel alone
RELAY = bytes((203, 0, 113, 1))
RELAY_PORT = 3545
# Teredo: server, cone, ~port, ~IPv4
TEREDO = bytes.fromhex("20010000c00002018000") + bytes(
    255 - octet for octet in struct.pack(">H", rows.PORT) + rows.V4
)
_LINKS = """
link add eth0 netns {client} type veth peer name eth4 netns {server}
link add eth0 netns {host} type veth peer name eth6 netns {server}
"""
_SERVER = """
link set eth4 address {four} up
link set eth6 address {six} up
addr add 203.0.113.1/24 dev eth4
addr add 198.51.100.1/32 dev lo
neigh add 203.0.113.77 lladdr {client_mac} dev eth4 nud permanent
neigh add 203.0.113.254 lladdr {client_mac} dev eth4 nud permanent
route add default via 203.0.113.254
addr add 2001:db8:7::1/64 dev eth4 nodad
neigh add 2001:db8:7::2 lladdr {client_mac} dev eth4 nud permanent
route add 2001:db8:77::/48 via 2001:db8:7::2 dev eth4
addr add 2001:db8:6::1/64 dev eth6 nodad
neigh add 2001:db8:6::2 lladdr {host_mac} dev eth6 nud permanent
route add default via 2001:db8:6::2 dev eth6
"""


def text(mac):
    return ":".join(f"{octet:02x}" for octet in mac)


def voice(source, destination):
    """IPv6, UDP, RTP, 20 ms of G.711: 220 octets."""
    payload = struct.pack(">HHHH", 5004, 5004, 180, 0) + b"\x80\x00" + bytes(range(170))
    pseudo = source + destination + struct.pack(">II", 180, 17)
    checksum = k.sum_to_zero(pseudo + payload) or 65535
    payload = payload[:6] + struct.pack(">H", checksum) + payload[8:]
    return rows.ip6(source, destination, payload, 17, tclass=0xB8)


def clients(count):
    """(port, address) of so many clients behind one IPv4 address."""
    addresses = AddressFormat(rows.PREFIX, "mac", rows.KEY)
    return [(port, addresses.make(rows.V4, port)) for port in range(4000, 4000 + count)]


def frames(kind, direction, count=1):
    """Frames as they arrive at the server."""
    if kind == "plain":
        if direction == "up":
            return [k.ethernet(0x86DD, voice(PLAIN, rows.HOST), SERVER4_MAC, CLIENT_MAC)]
        return [k.ethernet(0x86DD, voice(rows.HOST, PLAIN), SERVER6_MAC, HOST_MAC)]
    if kind == "teredo":
        if direction == "up":
            inner = voice(TEREDO, rows.HOST)
            outer = k.udp4(rows.V4, RELAY, rows.PORT, RELAY_PORT, inner)
            return [k.ethernet(0x800, outer, SERVER4_MAC, CLIENT_MAC)]
        return [k.ethernet(0x86DD, voice(rows.HOST, TEREDO), SERVER6_MAC, HOST_MAC)]
    out = []
    for port, address in clients(count):
        if direction == "up":
            outer = k.udp4(rows.V4, rows.SERVER, port, 3653, voice(address, rows.HOST))
            out.append(k.ethernet(0x800, outer, SERVER4_MAC, CLIENT_MAC))
        else:
            out.append(k.ethernet(0x86DD, voice(rows.HOST, address), SERVER6_MAC, HOST_MAC))
    return out


def run(*words, text=None):
    done = subprocess.run(words, input=text, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def cpu_ns(pid):
    """Nanoseconds of CPU time of a process, all threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def thread_ns():
    return int(
        Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()[0]
    )


def softirq_pids():
    out = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith("ksoftirqd/"):
                out.append(int(path.parent.name))
        except OSError:
            pass
    return out


class Bench:
    """Namespaces, generator, sink. word: told apart by it from those of other benchmarks."""

    def __init__(self, folder, word="planes"):
        self.folder = Path(folder)
        self.names = {w: f"vox6-{os.getpid()}-1-{word}-{w}" for w in ("client", "server", "host")}
        self.softirqs = softirq_pids()
        self.processes = []

    def __enter__(self):
        macs = {"client_mac": text(CLIENT_MAC), "four": text(SERVER4_MAC),
                "six": text(SERVER6_MAC), "host_mac": text(HOST_MAC)}  # fmt: skip
        for name in self.names.values():
            namespace.create(name)
        run("ip", "-batch", "-", text=_LINKS.format(**self.names, **macs))
        run("ip", "-n", self.names["server"], "-batch", "-", text=_SERVER.format(**macs))
        with namespace.inside(self.names["server"]):
            for name in ("ipv6/conf/all/forwarding", "ipv4/ip_forward"):
                Path("/proc/sys/net", name).write_text("1")
            for name in ("all", "eth4"):
                Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
        self.object = Object(
            bpf_build.build(HERE / "pubtsp_frames.bpf.c", self.folder / "frames.bpf.o"),
            "generate",
        )
        functions = library().functions
        self.sink_fd = functions.bpf_program__fd(
            functions.bpf_object__find_program_by_name(self.object._pointer, b"sink")
        )
        self.sender = self.folder / "frames"
        run("cc", "-O2", "-o", self.sender, HERE / "pubtsp_frames.c")
        self.sinks = []
        for word in ("client", "host"):
            name = self.names[word]
            with namespace.inside(name):
                Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
                index = socket.if_nametoindex("eth0")
                self.sinks.append(Link.create(self.sink_fd, index, NATIVE))
            run("ip", "-n", name, "link", "set", "eth0", "address", macs[f"{word}_mac"], "up")
            self.ethtool(word, "eth0")
        for interface in ("eth4", "eth6"):
            self.ethtool("server", interface)
        return self

    def ethtool(self, word, interface):
        for feature, value in (("gro", "on"), ("tx", "off")):
            run("nsenter", f"--net=/run/netns/{self.names[word]}", "ethtool", "-K", interface,
                feature, value)  # fmt: skip

    def __exit__(self, *_):
        for process in self.processes:
            process.stop()
        for sink in self.sinks:
            sink.close()
        for name in self.names.values():
            namespace.remove(name)

    def index(self, word, interface):
        with namespace.inside(self.names[word]):
            return socket.if_nametoindex(interface)

    def counts(self):
        one = self.object.maps["counts"]
        out = []
        for which in range(2):
            data = one.get(struct.pack("=I", which))
            out.append(sum(struct.unpack(f"={len(data) // 8}Q", data)))
        return out

    def softirq_ns(self):
        return sum(cpu_ns(pid) for pid in self.softirqs)

    def load(self, word, some):
        table, plan = self.object.maps["frames"], self.object.maps["plan"]
        for number, frame in enumerate(some):
            value = struct.pack("=I", len(frame)) + frame.ljust(320, b"\0")
            table.set(struct.pack("=I", number), value)
        for number, value in enumerate((self.index(word, "eth0"), len(some))):
            plan.set(struct.pack("=I", number), struct.pack("=I", value))

    def live(self, word, some):
        """(ns of CPU time for each frame sent, frames delivered / sent)."""
        self.load(word, some)
        options = k._Options(
            size=ctypes.sizeof(k._Options),
            data_in=bytes(len(some[0])),
            data_size_in=len(some[0]),
            repeat=REPEAT,
            flags=LIVE,
            batch_size=64,
        )
        with namespace.inside(self.names[word]):
            before, cpu = self.counts(), thread_ns() + self.softirq_ns()
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                result = library().functions.bpf_prog_test_run_opts(
                    self.object.program_fd, ctypes.byref(options)
                )
                if result < 0:
                    raise SystemExit(f"live frames: {os.strerror(-result)}")
            time.sleep(0.05)
            cpu = thread_ns() + self.softirq_ns() - cpu
            after = self.counts()
        sent = after[0] - before[0]
        return cpu / sent, (after[1] - before[1]) / sent, after[1] - before[1]

    def socket(self, word, some, rate=RATE):
        """The same by a packet socket."""
        path = self.folder / "frames.data"
        path.write_bytes(b"".join(struct.pack("=I", len(one)) + one for one in some))
        before, cpu = self.counts(), self.softirq_ns()
        done = run("nsenter", f"--net=/run/netns/{self.names[word]}", "taskset", "-c", "0",
                   self.sender, "eth0", path, str(rate), str(SECONDS))  # fmt: skip
        time.sleep(0.2)
        cpu = self.softirq_ns() - cpu
        sent, own = map(int, done.split())
        arrived = self.counts()[1] - before[1]
        return (cpu + own) / sent, arrived / sent, arrived

    def dropping(self):
        """Both interfaces of the server drop all: what generator and veth cost."""
        out = []
        with namespace.inside(self.names["server"]):
            for interface in ("eth4", "eth6"):
                out.append(Link.create(self.sink_fd, socket.if_nametoindex(interface), NATIVE))
        return out

    def fast(self, next_hops, generic=False):
        addresses = AddressFormat(rows.PREFIX, "mac", rows.KEY)
        config = Config(addresses, rows.SERVER, policy="lab", kernel_forwards=True)
        fast = FastPath(config, next_hops=next_hops)
        with namespace.inside(self.names["server"]):
            fast.attach("eth4", "eth6")
            if generic:
                fast._unlink()
                arms = [self.index("server", "eth4"), self.index("server", "eth6")]
                fast._links = create_links(fast._tables.program_fd, arms, GENERIC)
        return fast

    def start(self, *argv, env=None):
        process = Process(
            ["taskset", "-c", "1", *argv],
            self.folder / "daemon.log",
            netns=self.names["server"],
            env=env,
            cwd=TOP,
        )
        self.processes.append(process)
        return process

    def pubtspd(self):
        key = self.folder / "key"
        key.write_text(f"pubtspd-keys 1\nkey {rows.KEY.hex()}\n")
        key.chmod(0o600)
        process = self.start(
            sys.executable, "-m", "tools.pubtspd", "--listen=198.51.100.1",
            "--prefix=2001:db8:3653:1::/64", f"--key-file={key}", "--martians=lab",
            "--plane=portable", f"--control={self.folder / 'control'}", "--self-test=0",
            env={"PYTHONPATH": f"{TOP / 'build' / 'path'}:{TOP}", "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        process.wait_output("ready", 20)
        return process

    def miredo(self):
        tree = binaries.get("miredo")
        settings = self.folder / "miredo.conf"
        settings.write_text(
            "InterfaceName teredo\nRelayType cone\nBindAddress 203.0.113.1\n"
            f"BindPort {RELAY_PORT}\n"
        )
        process = self.start(
            tree / "usr/sbin/miredo", "-f", "-c", settings, "-u", "nobody", "-p",
            self.folder / "miredo.pid", env=binaries.environment(tree),
        )  # fmt: skip
        name = self.names["server"]
        for _ in range(50):
            if "teredo" in run("ip", "-n", name, "-br", "link"):
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"miredo does not start: {process.output()}")
        run("ip", "-n", name, "link", "set", "teredo", "up")
        run("ip", "-n", name, "route", "replace", "2001::/32", "dev", "teredo")
        return process


def measure(bench, name, kind, direction, how, base, pid=None, count=1):
    """One point: ns of CPU time for each packet delivered, share delivered."""
    word = "client" if direction == "up" else "host"
    own = cpu_ns(pid) if pid else 0
    cost, share, arrived = getattr(bench, how)(word, frames(kind, direction, count))
    own = cpu_ns(pid) - own if pid else 0
    if share < 0.02:
        raise SystemExit(f"{name} {direction}: {share:.1%} arrived")
    return cost - base + own / arrived, share


def children(pid):
    """The process that does the work: miredo forks one."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in path.read_text().split()]
    return found[-1] if found else pid


def bases(bench):
    """{(how, direction): ns} of generator, veth and a drop."""
    links = bench.dropping()
    out = {}
    for how in ("live", "socket"):
        for direction, word in (("up", "client"), ("down", "host")):
            out[how, direction] = getattr(bench, how)(word, frames("pubtsp", direction))[0]
    for link in links:
        link.close()
    return out


def one_round(bench, results, miredo, pubtspd):
    base = bases(bench)

    def point(name, kind, how, pid=None, count=1):
        for direction in ("down", "up"):  # a host speaks first: miredo's relay wants it so
            figure = measure(bench, name, kind, direction, how, base[how, direction], pid, count)
            results.setdefault((name, direction), []).append(figure)

    for name, next_hops, generic in (
        ("XDP native, next-hop map", True, False),
        ("XDP native, kernel's routes", False, False),
        ("XDP generic, next-hop map", True, True),
    ):
        fast = bench.fast(next_hops, generic)
        point(name, "pubtsp", "live")
        if name.startswith("XDP native, next"):
            point("... 10,000 clients in turn", "pubtsp", "live", None, 10_000)
        fast.close()
    point("plain kernel IPv6 forwarding", "plain", "live")
    point("plain kernel, from a socket", "plain", "socket")
    point("pubtspd portable, 1 client (memo hit)", "pubtsp", "socket", pubtspd)
    point("... 20,000 clients in turn (memo hit)", "pubtsp", "socket", pubtspd, 20_000)
    point("... 50,000 clients in turn (memo miss)", "pubtsp", "socket", pubtspd, 50_000)
    for word, direction in (("host", "down"), ("client", "up")):  # it must know both to relay
        bench.socket(word, frames("teredo", direction))
    point("miredo 1.2.6, relay", "teredo", "socket", miredo)


def memory_octets(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def map_octets(fast):
    """Memory of the program's maps, as the kernel tells."""
    total = 0
    for one in fast._tables.object.maps.values():
        info = Path(f"/proc/self/fdinfo/{one.fd}").read_text()
        total += int(info.partition("memlock:")[2].split()[0])
    return total


def print_memory(bench, pubtspd):
    fast = bench.fast(True)
    before = map_octets(fast)
    bench.live("client", frames("pubtsp", "up", 10_000))
    bench.live("host", frames("pubtsp", "down", 10_000))
    after = map_octets(fast)
    fast.close()
    print(f"maps of the kernel's plane: {before} octets, after 10,000 clients {after}")
    sizes = []
    for count in (1, 10_000, 50_000):
        for _ in range(2):
            bench.socket("client", frames("pubtsp", "up", count))
            bench.socket("host", frames("pubtsp", "down", count))
        sizes.append(memory_octets(pubtspd))
    print(
        "portable plane, resident after 1, 10,000, 50,000 clients: "
        + ", ".join(f"{size / 1e6:.1f} MB" for size in sizes)
        + " (memo of fixed size)"
    )


def main():
    if os.geteuid() != 0:
        raise SystemExit("network namespaces and BPF need root")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    k.need_object()
    results = {}
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory() as folder, Bench(folder) as bench:
        pubtspd = bench.pubtspd().pid
        miredo = children(bench.miredo().pid)
        print_memory(bench, pubtspd)
        for _ in range(rounds):
            one_round(bench, results, miredo, pubtspd)
    middle = {key: statistics.median(one[0] for one in some) for key, some in results.items()}
    kernel = {d: middle["plain kernel IPv6 forwarding", d] for d in ("up", "down")}
    other = {d: middle["miredo 1.2.6, relay", d] for d in ("up", "down")}
    print(f"CPU ns for each packet of voice, {rounds} rounds, median [least-most]")
    print(f"{'':46}{'up (decapsulate)':>26}{'down (encapsulate)':>26}   of kernel   of miredo")
    for name in dict.fromkeys(key[0] for key in results):
        cells = ""
        for direction in ("up", "down"):
            values = sorted(one[0] for one in results[name, direction])
            cells += f"{middle[name, direction]:>9.0f} [{values[0]:.0f}-{values[-1]:.0f}]".rjust(
                26
            )
        ratios = "".join(
            f"   {middle[name, 'up'] / of['up']:.2f} {middle[name, 'down'] / of['down']:.2f}"
            for of in (kernel, other)
        )
        least = min(one[1] for d in ("up", "down") for one in results[name, d])
        print(f"{name:46}{cells}{ratios}   {least:.0%} delivered")
    for direction in ("up", "down"):
        fast = middle["XDP native, next-hop map", direction]
        slow = middle["pubtspd portable, 1 client (memo hit)", direction]
        print(
            f"{direction}: XDP with next-hop map {fast / kernel[direction]:.2f} of the kernel's "
            f"forwarding (target 0.5), 1/{other[direction] / fast:.0f} of miredo (target 1/10); "
            f"portable {slow / other[direction]:.2f} of miredo (target 2)"
        )


if __name__ == "__main__":
    main()
