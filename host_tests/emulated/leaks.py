# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What calls leave behind in a phone: C pools, transactions, heap (design.md section 10)."""

import ast
import time

ROUNDS = 3
GROWTH_MAX = 256  # octets of heap between two points of a series
IDLE_S = 33  # transactions live 32 s after their end (RFC 3261 timers B, D, F, H, J: 64 * T1)
_IDLE = """
import gc, media, net6
from firmware import log
from firmware.main import phone
log.clear()
gc.collect()
gc.collect()
p = phone()
print(repr((gc.mem_alloc(), media.counters(), net6.use()[:3], p.agent.debug(), p.debug())))
"""


def state(phone):
    """(heap after a collection, counters of media, pools of net6, texts of the engines)."""
    return ast.literal_eval(phone.console(_IDLE).strip().splitlines()[-1])


def check(phones, run, first, second, idle_s=IDLE_S):
    """Run up to `first` calls, then as many as up to `second`, and compare; again if it grew.

    phones: those that are looked at; run: function (count) that makes so many calls. What grows
    once is a table that got larger, or an object that the collector took for one in use (4 kB at
    most); a leak grows each time. Returns what the last round left in octets, by board.
    """
    run(first)
    time.sleep(idle_s)
    before = {phone.board: state(phone) for phone in phones}
    for _ in range(ROUNDS):
        run(second - first)
        time.sleep(idle_s)
        after = {phone.board: state(phone) for phone in phones}
        for board, (heap, counters, use, *texts) in after.items():
            print(f"{board}: heap {before[board][0]} -> {heap} in {second - first} calls")
            print(counters, texts)
            assert "0 sessions, 0 subscriptions, 0+0 transactions, 0 timers" in texts[0]
            assert texts[1] == before[board][4]
            for name in ("streams", "packets", "datagrams", "keys", "running"):
                assert not counters[name], f"{board}: {name} is {counters[name]}"
            assert use == before[board][2], f"{board}: in use {before[board][2]} -> {use}"
        grown = {board: after[board][0] - before[board][0] for board in after}
        if max(grown.values()) <= GROWTH_MAX:
            return grown
        before = after
    raise AssertionError(f"octets that the last of {ROUNDS} rounds left: {grown}")
