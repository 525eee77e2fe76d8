# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the tunnel server's engine costs for a packet of voice: remembered, and judged anew.

CPU time of lib/pubtsp's Server under CPython, without sockets; batches of 64, best of 7. Three
ways: the pair of addresses is remembered (hit), the tag alone is (tag hit), nothing is (miss).
"""

import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP), str(TOP / "build" / "path")]

from host_tests.unit.pubtsp import rows  # noqa: E402
from vox6.pubtsp import AddressFormat, Config, Server, mapped  # noqa: E402

_BATCH = 64
_ROUNDS = 100
_TRIES = 7
_PEER = (mapped(rows.V4), rows.PORT)
_VOICE = bytes(180)  # UDP, RTP, 20 ms of G.711
_UP = rows.ip6(rows.CLIENT, rows.HOST, _VOICE, 17)
_DOWN = rows.ip6(rows.HOST, rows.CLIENT, _VOICE, 17)


def cost(flows, memo, upwards):
    """Nanoseconds of CPU time for each packet."""
    addresses = AddressFormat(rows.PREFIX, "mac", rows.KEY, memo=memo)
    config = Config(addresses, rows.SERVER, policy="lab", kernel_forwards=True)
    server = Server(config, flows=flows)
    batch = [(_UP, _PEER, 0)] * _BATCH if upwards else [_DOWN] * _BATCH
    take = server.receive_datagrams if upwards else server.receive_packets
    out = server.packets_to_send if upwards else server.datagrams_to_send
    best = None
    for _ in range(_TRIES):
        start = time.process_time_ns()
        for now in range(_ROUNDS):
            take(batch, now)
            assert len(out()) == _BATCH
        spent = (time.process_time_ns() - start) / (_ROUNDS * _BATCH)
        best = spent if best is None else min(best, spent)
    return best


def main():
    """Print one line for each direction: ns and ratios to a hit."""
    for word, upwards in (("up", True), ("down", False)):
        hit, tag, miss = cost(64, 64, upwards), cost(0, 64, upwards), cost(0, 0, upwards)
        print(
            f"tunnel server, {word}: hit {hit:.0f} ns, tag hit {tag:.0f} ns ({tag / hit:.1f} x), "
            f"miss {miss:.0f} ns ({miss / hit:.1f} x)"
        )


if __name__ == "__main__":
    main()
