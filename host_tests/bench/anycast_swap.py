# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Packets that clients lose when a site of an anycast service goes, of each of four tunnels.

    python host_tests/bench/anycast_swap.py [ROUNDS]

The targets: at most 1 packet for a killed daemon, 0 for a drained one, at one packet each 20 ms.
"""

import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for folder in (TOP, TOP / "build/path"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from host_tests.servers.swap import INTERVAL_S, Swap  # noqa: E402
from tools.lab import Internet  # noqa: E402


def main():
    if os.geteuid() != 0:
        print("anycast_swap: network namespaces need root")
        return 0
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with Internet(TOP / "build/bench-anycast") as net:
        swap = Swap(net)
        print(f"anycast_swap: {len(swap.hosts)} tunnels, a ping each {1000 * INTERVAL_S:.0f} ms;")
        print("packets lost of 200 of each tunnel, the site that most of them use")
        worst = {}
        for _ in range(rounds):
            site = swap.busiest()

            def row(name, event):
                lost = swap.ping(event, seconds=4.0)
                worst[name] = max(worst.get(name, 0), *lost)
                print(f"  {name:<44}{' '.join(f'{one:4d}' for one in lost)}", flush=True)

            row("nothing happens", lambda: None)
            row("withdrawn (birdc disable)", site.withdraw)
            site.operator.stop()
            site.operator.start()
            row("comes back", site.announce)
            swap.service.wait_sites(2)
            row("daemon killed (SIGKILL)", site.operator.kill)
            site.operator.start()
            swap.service.wait_sites(2)
            row("line cut", site.cut)
            site.mend()
            swap.service.wait_sites(2)
            row("silent, found by BFD", site.silence)
            site.silence(False)
            swap.service.wait_sites(2)
        good = worst["withdrawn (birdc disable)"] == 0 and worst["daemon killed (SIGKILL)"] <= 1
        print(f"worst: {worst}")
        print(f"targets (withdrawn 0, killed at most 1): {'met' if good else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
