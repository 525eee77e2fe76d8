# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a packet of voice costs siproxy64's relay, in the kernel and portable, beside rtpengine.

    python host_tests/bench/siproxy64_relay.py [ROUNDS]         # as root; 160 octets of G.711

phone -- relay -- peer, three namespaces, 100 calls, all in one run. CPU time is measured as by
pubtsp_planes.py: (generator + ksoftirqd) / sent, less the same when the relay's interface drops,
plus the daemon's own time / delivered. rtpengine relays in user space (--table=-1), by one thread.

    live    frames as from a network card with native XDP
    socket  frames by a packet socket, 15,000 a second: relays in user space, and ours beside them

Delay: datagrams each 3 ms from a socket to a socket, with and without a busy program on the
relay's core; what is added is that of the relay less that of the kernel's IPv6 forwarding.
"""

import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.bench import pubtsp_planes as planes  # noqa: E402
from host_tests.bench.siproxy64_router import Router  # noqa: E402
from host_tests.servers import kernel_plane as k  # noqa: E402
from host_tests.servers.relay_frames import form, need_object  # noqa: E402
from host_tests.unit.pubtsp import rows  # noqa: E402
from tools.common.libbpf import GENERIC  # noqa: E402
from tools.common.sockets import Driver  # noqa: E402
from tools.common.xdp import create_links  # noqa: E402
from tools.lab import namespace  # noqa: E402
from tools.lab.rtpengine import RTPengine  # noqa: E402
from tools.siproxy64.portable_plane import PortablePlane  # noqa: E402
from tools.siproxy64.xdp_program import Direction, Program  # noqa: E402

CALLS = 100
RATE = 15_000
PROBES = 800
PHONE, PEER = "203.0.113.77", "2001:db8:6::2"
PEER_SHOWN, PHONE_SHOWN = "203.0.113.1", "2001:db8:6::1"
RTP = b"\x80\x00" + bytes(range(170))


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def voice4(port, to_port, checksum=None):
    data = k.udp4(socket.inet_aton(PHONE), socket.inet_aton(PEER_SHOWN), port, to_port, RTP,
                  checksum, tos=0xB8)  # fmt: skip
    return k.ethernet(0x800, data, planes.SERVER4_MAC, planes.CLIENT_MAC)


def voice6(port, to_port):
    source, destination = (socket.inet_pton(socket.AF_INET6, one) for one in (PEER, PHONE_SHOWN))
    udp = struct.pack(">HHHH", port, to_port, 8 + len(RTP), 0) + RTP
    pseudo = source + destination + struct.pack(">II", len(udp), 17)
    udp = udp[:6] + struct.pack(">H", k.sum_to_zero(pseudo + udp) or 65535) + RTP
    packet = rows.ip6(source, destination, udp, 17, tclass=0xB8)
    return k.ethernet(0x86DD, packet, planes.SERVER6_MAC, planes.HOST_MAC)


class Call:
    """Ports of one stream: of both ends, and of the relay towards each."""

    def __init__(self, number):
        self.phone = 10_000 + 2 * number
        self.peer = 12_000 + 2 * number
        self.to_phone = self.to_peer = 0  # where the phone sends to, where the peer sends to

    def frames(self, direction, checksum=None):
        if direction == "up":
            return voice4(self.phone, self.to_phone, checksum)
        return voice6(self.peer, self.to_peer)


class Inside:
    """As much of the lab's Host as RTPengine wants, in the relay's namespace."""

    name = "relay"

    def __init__(self, bench):
        self._bench = bench

    def start(self, argv, log, env):
        return self._bench.start(*argv, env=env)

    def socket(self, family):
        with namespace.inside(self._bench.names["server"]):
            return socket.socket(family, socket.SOCK_DGRAM)


def sdp(family, address, port):
    return (
        f"v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\n"
    )


def rtpengine(bench, calls):
    """Start it, with all calls answered; its process id."""
    planes.run("ip", "-n", bench.names["server"], "link", "set", "lo", "up")  # for its control
    relay = RTPengine(Inside(bench), PEER_SHOWN, PHONE_SHOWN)
    replace = ["origin", "session-connection"]
    for number, call in enumerate(calls):
        common = {
            "call_id": f"call-{number}",
            "from_tag": "a",
            "replace": replace,
            "ICE": "remove",
        }
        answer = relay.ask(
            command="offer", sdp=sdp("IP4", PHONE, call.phone), direction=["v4", "v6"],
            address_family="IP6", **common,
        )  # fmt: skip
        call.to_peer = int(re.search(r"m=audio (\d+)", answer).group(1))
        answer = relay.ask(
            command="answer",
            sdp=sdp("IP6", PEER, call.peer),
            to_tag="b",
            address_family="IP4",
            **common,
        )
        call.to_phone = int(re.search(r"m=audio (\d+)", answer).group(1))
    return relay


def own_calls(first=0):
    """Calls of siproxy64: every port is as the other end said it. first: its number."""
    calls = [Call(number) for number in range(first, first + CALLS)]
    for call in calls:
        call.to_phone, call.to_peer = call.peer, call.phone
    return calls


def program(bench, calls, generic=False):
    """Our program on both interfaces, all calls known."""
    one = Program(streams=CALLS)
    with namespace.inside(bench.names["server"]):
        one.attach(["eth4", "eth6"])
        if generic:
            for link in one._links:
                link.close()
            one._links = create_links(one.program_fd, sorted(one._arms), GENERIC)
    # the generator's frames are whole, as a network card's
    one.write_arms(list(one._arms.items()), 2)
    for number, call in enumerate(calls):
        phone, peer = form((PHONE, call.phone)), form((PEER, call.peer))
        shown_peer, shown_phone = (
            form((PEER_SHOWN, call.to_phone)),
            form((PHONE_SHOWN, call.to_peer)),
        )
        one.set(Direction(shown_peer, phone, shown_phone, peer), 2 * number)
        one.set(Direction(shown_phone, peer, shown_peer, phone), 2 * number + 1)
    return one


def serve_portable():
    """Run our portable plane with all calls in this process and namespace, until it is killed."""
    driver = Driver()
    plane = PortablePlane(driver)
    for call in own_calls():
        near = [form((PHONE_SHOWN, call.to_peer)), form((PEER_SHOWN, call.to_phone))]
        handle = plane.open(near)
        plane.far(handle, False, form((PEER, call.peer)), False)
        plane.far(handle, True, form((PHONE, call.phone)), False)
    print("ready", flush=True)
    driver.run()


def portable(bench):
    """Start it; its process."""
    process = bench.start(sys.executable, __file__, "portable")
    process.wait_output("ready", 20)
    return process


def router(bench, calls):
    """Start siproxy64-router, with all calls answered."""
    started = Router(bench.names, bench.folder, (PHONE, PHONE_SHOWN), (PEER, PEER_SHOWN), 1)
    bench.processes.append(started.process)
    started.begin([(PHONE, call.phone, PEER, call.peer) for call in calls])
    return started.process


WORDS = {"up": "client", "down": "host"}
SHOWN = {"up": "IPv4 to IPv6", "down": "IPv6 to IPv4"}


def send(bench, how, direction, frames):
    """(ns for each frame sent, share delivered, delivered)."""
    if how == "live":
        return bench.live(WORDS[direction], frames)
    return bench.socket(WORDS[direction], frames, RATE)


class Figures:
    """CPU time of one round after the other."""

    def __init__(self, bench):
        self._bench = bench
        self._base = {}
        self.all = {}

    def begin(self):
        """What generator and veth cost, when the relay's interfaces drop all."""
        links = self._bench.dropping()
        for how in ("live", "socket"):
            for direction in WORDS:
                frames = [call.frames(direction) for call in own_calls()]
                self._base[how, direction] = send(self._bench, how, direction, frames)[0]
        for link in links:
            link.close()

    def take(self, name, how, calls, pid=None, checksum=None, directions=tuple(WORDS)):
        for direction in directions:
            frames = [call.frames(direction, checksum) for call in calls]
            own = planes.cpu_ns(pid) if pid else 0
            cost, share, arrived = send(self._bench, how, direction, frames)
            own = planes.cpu_ns(pid) - own if pid else 0
            if share < 0.5:
                raise SystemExit(f"{name}, {SHOWN[direction]}: only {share:.1%} arrived")
            cost += own / arrived - self._base[how, direction]
            self.all.setdefault((name, direction), []).append((cost, share))

    def middle(self, name, direction):
        return statistics.median(one[0] for one in self.all[name, direction])

    def table(self, other):
        print(f"{'CPU ns for each packet, median [least-most]':44}", end="")
        print("".join(f"{SHOWN[direction]:>24}" for direction in WORDS), end="")
        print("   of rtpengine  delivered")
        for name in dict.fromkeys(name for name, _ in self.all):
            cells = ratios = ""
            least = 1.0
            for direction in WORDS:
                if (name, direction) not in self.all:
                    cells += f"{'-':>24}"
                    continue
                values = sorted(one[0] for one in self.all[name, direction])
                least = min(least, *(one[1] for one in self.all[name, direction]))
                middle = self.middle(name, direction)
                cells += f"{middle:.0f} [{values[0]:.0f}-{values[-1]:.0f}]".rjust(24)
                ratios += f" {middle / self.middle(other, direction):.3f}"
            print(f"{name:44}{cells}  {ratios:13}{least:>10.0%}")


# Delay


class Ends:
    """Sockets of phone and peer where the sinks were, and the kernel's own way between them."""

    def __init__(self, bench):
        self._bench = bench
        for sink in bench.sinks:
            sink.close()
        bench.sinks.clear()
        for word, lines in (
            ("client", f"addr add {PHONE}/24 dev eth0\naddr add 2001:db8:7::2/64 dev eth0 nodad\n"
             "route add default via 2001:db8:7::1 dev eth0\n"),
            ("host", f"addr add {PEER}/64 dev eth0 nodad\nroute add default via {PHONE_SHOWN}\n"),
        ):  # fmt: skip
            with namespace.inside(bench.names[word]):
                for name in ("all", "eth0"):
                    Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("0")
            planes.run("ip", "-n", bench.names[word], "-batch", "-", text=lines)

    def open(self, word, address, port):
        with namespace.inside(self._bench.names[word]):
            one = socket.socket(
                socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM
            )
        one.bind((address, port))
        one.settimeout(1)
        return one

    def delays(self, sender, to, receiver):
        """Microseconds of each probe's way, sorted; infinity for one that was lost."""
        out = []
        for number in range(PROBES):
            probe = struct.pack(">I", number) + bytes(168)
            start = time.perf_counter_ns()
            sender.sendto(probe, to)
            try:
                while receiver.recv(2048) != probe:
                    pass
                out.append((time.perf_counter_ns() - start) / 1000)
            except TimeoutError:
                out.append(float("inf"))
            time.sleep(0.003)
        return sorted(out)

    def through(self, call):
        """Delays both ways of one call: {direction: delays}."""
        with (
            self.open("client", PHONE, call.phone) as phone,
            self.open("host", PEER, call.peer) as peer,
        ):
            return {
                "up": self.delays(phone, (PEER_SHOWN, call.to_phone), peer),
                "down": self.delays(peer, (PHONE_SHOWN, call.to_peer), phone),
            }

    def forwarded(self):
        """The same by the kernel's IPv6 forwarding."""
        with (
            self.open("client", "2001:db8:7::2", 9000) as phone,
            self.open("host", PEER, 9000) as peer,
        ):
            return {
                "up": self.delays(phone, (PEER, 9000), peer),
                "down": self.delays(peer, ("2001:db8:7::2", 9000), phone),
            }


def part(delays, share):
    return delays[min(len(delays) - 1, int(share * len(delays)))]


def print_delays(bench, relays):
    """relays: {name: (call, begin, end)}."""
    ends = Ends(bench)
    print(f"\n{'delay in us, p50 / p99 of ' + str(PROBES):44}{'quiet':>34}{'relay core busy':>34}")
    rows, kernel = {}, {}
    for busy in (False, True):
        load = None
        if busy:
            load = subprocess.Popen(
                ["taskset", "-c", "1", sys.executable, "-c", "while True: pass"]
            )
        try:
            for name, (call, begin, end) in relays.items():
                state = begin()
                found = ends.forwarded() if call is None else ends.through(call)
                end(state)
                if call is None:
                    kernel[busy] = found
                cells = ""
                for direction in WORDS:
                    p50, p99 = part(found[direction], 0.5), part(found[direction], 0.99)
                    cells += f"{p50:.0f} / {p99:.0f}".rjust(17)
                rows.setdefault(name, []).append((cells, found))
        finally:
            if load is not None:
                load.kill()
                load.wait()
    for name, both in rows.items():
        print(f"{name:44}" + "".join(cells for cells, _ in both))
    for name, both in rows.items():
        added = [
            part(found[direction], 0.99) - part(kernel[busy][direction], 0.5)
            for busy, (_, found) in enumerate(both)
            for direction in WORDS
        ]
        print(
            f"{name}: p99 added to the kernel's median: {added[0]:.0f} and {added[1]:.0f} us, "
            f"busy {added[2]:.0f} and {added[3]:.0f} us"
        )


def main():
    if os.geteuid() != 0:
        raise SystemExit("network namespaces and BPF need root")
    if sys.argv[1:] == ["portable"]:
        return serve_portable()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    need_object()
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory() as folder, planes.Bench(folder, "relay") as bench:
        ours = own_calls()
        theirs = [Call(number) for number in range(CALLS)]
        other = rtpengine(bench, theirs)
        own = portable(bench).pid
        small_calls = own_calls(500)  # ports of their own
        small = router(bench, small_calls).pid
        figures = Figures(bench)
        for _ in range(rounds):
            figures.begin()
            for name, generic in (("XDP native", False), ("XDP generic", True)):
                one = program(bench, ours, generic)
                figures.take(name, "live", ours)
                if not generic:
                    figures.take("... no checksum from the phone", "live", ours, None, 0, ("up",))
                    figures.take("... fed by a socket, 15,000/s", "socket", ours)
                one.close()
            figures.take("portable, 15,000/s", "socket", ours, own)
            figures.take("siproxy64-router, 15,000/s", "socket", small_calls, small)
            figures.take("rtpengine, user space, 15,000/s", "socket", theirs, other.process.pid)
        name = "rtpengine, user space, 15,000/s"
        print(f"{rounds} rounds, {CALLS} calls")
        figures.table(name)
        for direction in WORDS:
            times = figures.middle(name, direction) / figures.middle("XDP native", direction)
            shares = [
                figures.middle(f"{one}, 15,000/s", direction) / figures.middle(name, direction)
                for one in ("portable", "siproxy64-router")
            ]
            print(
                f"{SHOWN[direction]}: XDP 1/{times:.1f} of rtpengine (target 1/15), portable "
                f"{shares[0]:.2f}, siproxy64-router {shares[1]:.2f} of it (target 2)"
            )
        print_delays(
            bench,
            {
                "kernel forwarding, no relay": (None, lambda: None, lambda state: None),
                "XDP native": (ours[0], lambda: program(bench, ours), Program.close),
                "portable": (ours[0], lambda: None, lambda state: None),
                "siproxy64-router": (small_calls[0], lambda: None, lambda state: None),
                "rtpengine, user space": (theirs[0], lambda: None, lambda state: None),
            },
        )
        other.close()


if __name__ == "__main__":
    main()
