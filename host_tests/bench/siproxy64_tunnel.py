# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a datagram of voice costs siproxy64 that takes its IPv6 from a tunnel of its own.

    python host_tests/bench/siproxy64_tunnel.py         # as root; 172 octets, both ways at once

phone -- siproxy64 == PubTSP == pubtspd -- native host. CPU time of the one process that relays and
is the tunnel's end: CPython, and siproxy64-router beside it. None may be lost.
"""

import socket
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.servers.mirror_house import PROGRAM, Telephone, call, hang_up  # noqa: E402
from host_tests.servers.wire import environment  # noqa: E402
from tools.lab import Internet  # noqa: E402
from tools.lab.namespace import netlink  # noqa: E402
from tools.lab.siproxy64 import cpu_s  # noqa: E402

PROGRAMS = {"CPython": [sys.executable, "-m", "tools.siproxy64"], "siproxy64-router": [PROGRAM]}
RATES = (100, 1000)  # datagrams a second each way
COUNT = 2000
FREE = "10.64.0.0/24"
VOICE = b"\x80\x00" + bytes(170)


def received(ends):
    """How many datagrams wait; they are taken."""
    count = 0
    for end in ends:
        try:
            while True:
                end.voice.recv(2000, socket.MSG_DONTWAIT)
                count += 1
        except BlockingIOError:
            pass
    return count


def measure(pid, phone, peer, offer, answer, rate):
    """Seconds of CPU time for each datagram."""
    before, start = cpu_s(pid), time.monotonic()
    arrived = 0
    for i in range(COUNT):
        phone.say(VOICE, offer)
        peer.say(VOICE, answer)
        time.sleep(max(0, start + (i + 1) / rate - time.monotonic()))
        arrived += received((phone, peer))
    time.sleep(0.3)
    arrived += received((phone, peer))
    assert arrived == 2 * COUNT, f"{arrived} of {2 * COUNT} arrived"
    return (cpu_s(pid) - before) / arrived


def main():
    assert PROGRAM.is_file(), "run 'make siproxy64-router' first"
    with Internet(TOP / "build" / "bench-tunnel") as net:
        operator, native, home = net.operator("tsp"), net.host("native"), net.home("house")
        mirror, phones = home.host("mirror"), home.host("phones")
        with netlink(phones.netns) as ip:
            ip.route("add", dst=FREE, gateway=mirror.ipv4)
        config = net.folder / "siproxy64.conf"
        config.write_text(
            f"control off\npubtsp {operator.ipv4} martians lab\nanyip on\n"
            f"map {phones.ipv4}:5060 = tunnel:5060\npool ::/0 = {FREE}\n"
        )
        found = {}
        for name, program in PROGRAMS.items():
            process = mirror.start(
                [*program, "--config", config], log=f"{name}.log", env=environment(), cwd=TOP
            )
            seen = process.wait_output(r"the tunnel's address is (\S+)", 15)[1]
            with (
                Telephone(phones, phones.ipv4) as phone,
                Telephone(native, native.ipv6) as peer,
            ):
                call_id, offer, answer = call(peer, phone, seen, "10.64.0.0")
                for rate in RATES:
                    found[name, rate] = measure(process.pid, phone, peer, offer, answer, rate)
                status = Path(f"/proc/{process.pid}/status").read_text()
                memory = int(status.partition("VmRSS:")[2].split()[0])
                hang_up(peer, phone, seen, call_id)
            process.stop()
            for rate in RATES:
                own, ratio = found[name, rate], found[name, rate] / found["CPython", rate]
                print(f"{name:16} {2 * rate:5} a second: {1e6 * own:6.1f} us each, {ratio:.2f}")
            print(f"{name:16} {memory} kB of memory")


if __name__ == "__main__":
    main()
