# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a call between IPv4 and IPv6 costs siproxy64, beside kamailio with rtpengine.

    python host_tests/bench/siproxy64_calls.py [SECONDS] [RATE...]     # as root

SIPp calls from an IPv4-only house, SIPp answers on an IPv6 link; INVITE, 180, 200, ACK, BYE, 200,
descriptions and their ports, no voice. The bridging programs have one core, both SIPps the other.
CPU time is that of all processes of the one bridging, by the scheduler's count. The delay is that
of each message from the one link to the other, by captures of both. siproxy64-router is the one of
ports/router, with room for more sockets and as much heap as it wants.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.interop.signalling import SCENARIOS  # noqa: E402
from tools.lab import Lab, LabError, SIPp  # noqa: E402
from tools.lab.bridge import Bridge  # noqa: E402
from tools.lab.capture import Capture  # noqa: E402
from tools.lab.house import House  # noqa: E402
from tools.lab.pcap import udp_packets  # noqa: E402
from tools.lab.siproxy64 import cpu_s  # noqa: E402

CALLER, CALLEE = "192.0.2.11", "2001:db8:1::b"
SHOWN = "192.0.2.61"  # CALLEE as the house sees it
MIRROR = "2001:db8:1::64"
PAUSE_MS = 200
SETTLE_S = 7.0  # ports are closed some seconds after a call, transactions forgotten: that counts
HELD = 1000  # calls at once, for the memory of one
BRIDGING_CORE, SIPP_CORE = 0, 1
SOCKETS, HEAP_OCTETS = 16384, 200_000_000  # of siproxy64-router: 600 calls/s keep 12,600 open
_FIELDS = {
    name: re.compile(rb"\r\n" + name.encode() + rb": *([^\r]*)") for name in ("Call-ID", "CSeq")
}


def threads_to(core, *pids):
    """Keep processes, with all their threads, on one core."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


def messages(path):
    """(Call-ID, CSeq, start of the start line) and time of each SIP message of a capture."""
    for seconds, _, _, _, _, payload in udp_packets(path, ipv4=True):
        found = [_FIELDS[name].search(payload) for name in ("Call-ID", "CSeq")]
        if all(found):
            yield (found[0][1], found[1][1], payload[:11]), seconds


def delays_ms(*paths):
    """How long each message took from the one link to the other, sorted."""
    first, second = (dict(reversed(list(messages(path)))) for path in paths)
    both = first.keys() & second.keys()
    return sorted(1e3 * abs(first[key] - second[key]) for key in both)


class Run:
    """One series of calls at one rate."""

    def __init__(self, bench, name, remote, pids, rate, seconds):
        """remote: who is called; pids: whose CPU time counts."""
        calls = int(rate * seconds)
        keys = {"pause": PAUSE_MS}
        table = bench.folder / f"{name.replace(' ', '-')}-{rate}.csv"
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {SIPP_CORE})  # for the SIPps; this process sleeps meanwhile
        options = ("-l", "20000", "-buff_size", "4194304", "-timer_resol", "1")
        try:
            with SIPp(
                bench.callee,
                CALLEE,
                SCENARIOS / "uas_series.xml",
                port=5060,
                calls=calls,
                trace=False,
                lenient=True,
                options=options,
            ):
                captures = [Capture(link, "calls.pcap") for link in (bench.lab, bench.house)]
                used = sum(map(cpu_s, pids))
                more = ("-r", str(rate), "-trace_stat", "-fd", "1")
                more += ("-stf", str(table))
                with SIPp(
                    bench.caller,
                    CALLER,
                    SCENARIOS / "uac_series.xml",
                    port=5060,
                    remote=remote,
                    calls=calls,
                    trace=False,
                    lenient=True,
                    keys=keys,
                    options=(*options, *more),
                ) as calling:
                    try:
                        calling.wait(seconds + 40)
                    except LabError:
                        pass  # how many went well stands in its table
                time.sleep(SETTLE_S)
                self.cpu_s = sum(map(cpu_s, pids)) - used
        finally:
            os.sched_setaffinity(0, before)
        head, *rows = table.read_text().splitlines()
        last = dict(zip(head.split(";"), rows[-1].split(";")))
        self.done = int(last["SuccessfulCall(C)"])
        self.failed = calls - self.done
        self.repeated = int(last["Retransmissions(C)"])
        hours, minutes, tail = last["ElapsedTime(C)"].split(":")[:3]
        self.elapsed_s = int(hours) * 3600 + int(minutes) * 60 + float(tail)
        self.rate = self.done / max(self.elapsed_s - PAUSE_MS / 1000, 0.001)
        self.delays_ms = delays_ms(*[capture.stop() for capture in captures])

    def delay(self, share):
        """A quantile of the delay in milliseconds."""
        return self.delays_ms[min(len(self.delays_ms) - 1, int(share * len(self.delays_ms)))]

    def row(self, name, rate):
        """One line of the table."""
        per_call = 1e3 * self.cpu_s / max(self.done, 1)
        load = 100 * self.cpu_s / self.elapsed_s
        return (
            f"{name:22} {rate:6} {self.rate:8.1f} {self.failed:6} {self.repeated:6} "
            f"{per_call:9.3f} {load:6.1f} {statistics.median(self.delays_ms):8.2f} "
            f"{self.delay(0.99):8.2f}"
        )


def build_router():
    """Build siproxy64-router for so many calls; its command."""
    folder = TOP / "build" / "router-bench"
    words = ["make", "-C", TOP / "ports/router", f"BUILD={folder}", f"SOCKETS={SOCKETS}"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return [folder / "siproxy64-router", "--heap", str(HEAP_OCTETS)]


class Bench:
    """The lab and its programs."""

    def __init__(self, lab):
        self.lab = lab
        self.folder = lab.folder
        self.house = House(lab)
        self.mirror = self.house.mirror("mirror", MIRROR)
        self.mirror.map(CALLER, MIRROR + ":11")
        self.mirror.map(CALLEE, SHOWN)
        self.mirror.add_line("limit streams 20000")
        self.mirror.add_line("limit messages 100000")
        self.caller = self.house.host("caller", address=CALLER)
        self.callee = lab.host("callee", address=CALLEE, slaac=False)

    def series(self, name, rates, seconds, pids, remote):
        """Runs at each rate, each printed; by rate."""
        found = {}
        for rate in rates:
            run = Run(self, name, remote, pids, rate, seconds)
            print(run.row(name, rate), flush=True)
            found[rate] = run
        return found

    def memory(self):
        """Resident memory of siproxy64 for a call in kB, of HELD calls at once."""
        common = {"calls": HELD, "port": 5060, "trace": False, "lenient": True}
        with SIPp(self.callee, CALLEE, SCENARIOS / "uas_series.xml", **common):
            before = self.mirror.memory()
            with SIPp(
                self.caller,
                CALLER,
                SCENARIOS / "uac_series.xml",
                remote=SHOWN,
                keys={"pause": 12000},
                options=("-r", "200", "-l", str(HELD)),
                **common,
            ) as calling:
                time.sleep(HELD / 200 + 3)
                used = self.mirror.memory() - before
                calling.wait(60.0)
        return used / HELD

    def own(self, name, rates, seconds, program=()):
        """Runs at each rate, and kB of memory for a call. program: siproxy64's command."""
        self.mirror.start(program)
        try:
            pid = self.mirror.process.pid
            threads_to(BRIDGING_CORE, pid)
            found = self.series(name, rates, seconds, [pid], SHOWN)
        finally:
            self.mirror.stop()
        self.mirror.start(program)  # what calls of before have left does not count
        try:
            return found, self.memory()
        finally:
            self.mirror.stop()

    def run(self, rates, seconds):
        """Both ways."""
        print(
            f"{'':22} {'rate':>6} {'done/s':>8} {'failed':>6} {'again':>6} "
            f"{'ms/call':>9} {'% core':>6} {'median':>8} {'99 %':>8}  (delay in ms)"
        )
        bridge = Bridge(
            self.mirror.host,
            self.mirror.host.ipv4,
            self.mirror.host.ipv6,
            CALLER,
            CALLEE,
            workers=2,
        )
        try:
            threads_to(BRIDGING_CORE, *bridge.pids())
            theirs = self.series(
                "kamailio + rtpengine", rates, seconds, bridge.pids(), self.mirror.host.ipv4
            )
        finally:
            bridge.close()
        own = {
            "siproxy64": self.own("siproxy64", rates, seconds),
            "siproxy64-router": self.own("siproxy64-router", rates, seconds, build_router()),
        }
        for name, (ours, memory) in own.items():
            for rate in rates:
                if theirs[rate].done and ours[rate].done:
                    ratio = ours[rate].cpu_s / ours[rate].done
                    ratio /= theirs[rate].cpu_s / theirs[rate].done
                    print(
                        f"{rate} calls/s: {name} takes {ratio:.2f} of the CPU time that kamailio "
                        f"and rtpengine take for a call, and delays "
                        f"{ours[rate].delay(0.99):.2f} ms (99 %), they "
                        f"{theirs[rate].delay(0.99):.2f} ms"
                    )
            best = max((run.rate for run in ours.values() if not run.failed), default=0)
            print(f"{name} without a failed call: {best:.0f} calls/s by one core (target 400)")
            print(f"{name} takes {memory:.1f} kB of memory for a call (four sockets aside)")


def main():
    """Seconds and rates from the command line, or those of the issue."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    rates = [int(word) for word in sys.argv[2:]] or [50, 100, 200, 400, 600]
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab:
        Bench(lab).run(rates, seconds)


if __name__ == "__main__":
    main()
