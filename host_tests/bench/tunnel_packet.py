# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the tunnel costs on the emulated Cortex-M7: one packet by it and by native IPv6.

    python host_tests/bench/tunnel_packet.py          # as root: it needs a lab

Instructions between two marks of marks.c (see qemu_instructions.py), both kinds of packet from one
boot of one board in one run. A voice packet is a datagram of 172 octets (RTP with 160 of voice), a
signalling packet one of 1,232, the longest that is not cut.

    sent       from net6_send() to the last word in the Ethernet chip
    received   from the Ethernet interrupt to the endpoint's signal, the datagram in its queue
"""

import os
import statistics
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for _folder in (TOP, TOP / "build" / "path"):
    sys.path.insert(0, str(_folder))

from host_tests.bench.qemu_instructions import BENCH, Counted, Marks, fresh  # noqa: E402
from host_tests.emulated.tunnel_server import Echo, TunnelServer, guest  # noqa: E402
from tools.lab.internet import Internet  # noqa: E402

PACKETS = 60
SIZES = {172: "voice", 1232: "signalling"}
MARKS = {
    "send": "net6_send",
    "sent": "mark_frame_sent",
    "interrupt": "ethernet_handler",
    "queued": "engine_signal_raise",
}
_SETUP = """
import _board
_board.start()
tunnel6.start_ipv4()
while tunnel6.ipv4() is None:
    time.sleep_ms(5)
endpoint, own = begin()
tunnel6.prefer(False)
native = None
while native is None:
    for x in net6.addresses():
        if x[0][0] == 0x20 and x[5] != tunnel6.INDEX and x[2] == 'preferred':
            native = x[0]
    time.sleep_ms(20)
voice = net6.Endpoint(port=4000)
data = memoryview(bytes(1232))
def run(local, size):
    for _ in range(%d):
        voice.send(data[:size], FAR, 7, local)
        receive(voice)
        assert voice.meta()[0] == local
        time.sleep_ms(10)
"""


def distances(lines):
    """Instructions of each packet: sent ones, received ones."""
    sent, received = [], []
    begun = interrupted = None
    for name, count in lines:
        if name == "send" and begun is None:
            begun = count
        elif name == "sent" and begun is not None:
            sent.append(count - begun)
            begun = None
        elif name == "interrupt":
            interrupted = count
        elif name == "queued" and interrupted is not None:
            received.append(count - interrupted)
            interrupted = None
    return sent, received


def main():
    BENCH.mkdir(parents=True, exist_ok=True)
    with Internet(BENCH / "net") as net:
        home, operator = net.home("home"), net.host("operator")
        home.add_ipv6()
        out = BENCH / "tunnel-marks.txt"
        board = Counted(fresh("tunnel"), home)
        board.options = Marks.options(out, MARKS)
        marks = Marks(out)
        with TunnelServer(operator), Echo(operator):
            board.boot()
            try:
                board.mpremote("exec", "pass")
                code = guest(operator.ipv4) + f"FAR = net6.parse('{operator.ipv6}')\n"
                board.mpremote("resume", "exec", code + _SETUP % PACKETS, timeout=60)
                found = {}
                for way in ("native", "own"):
                    board.mpremote("resume", "exec", f"run({way}, 172)", timeout=60)  # warms up
                    for size in SIZES:
                        marks.begin()
                        board.mpremote("resume", "exec", f"run({way}, {size})", timeout=60)
                        time.sleep(0.2)
                        found[way, size] = distances(marks.lines())
                        assert min(map(len, found[way, size])) >= PACKETS // 2, found
            finally:
                board.kill()
    for size, name in SIZES.items():
        print(
            f"one {name} packet of {size} octets on the emulated Cortex-M7, median of {PACKETS}:"
        )
        for index, what in enumerate(("sent", "received")):
            native, tunnel = (
                statistics.median(found[way, size][index]) for way in ("native", "own")
            )
            print(f"  {what:9} native IPv6 {native:8,.0f}, by the tunnel {tunnel:8,.0f} "
                  f"instructions, ratio {tunnel / native:.2f}")  # fmt: skip


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("tunnel_packet.py needs root (a lab)")
    main()
