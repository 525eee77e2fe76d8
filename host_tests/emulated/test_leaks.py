# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Nothing is left of a call: C pools return to their idle values, the heap does not grow."""

import ast
import os
import time

import pytest

from host_tests.emulated.calls import connect, disconnect

ROUNDS = 3
GROWTH_MAX = 256  # octets of heap between two points of a series (design.md section 10)
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
    # Transactions live 32 s after their end (RFC 3261 timers B, D, F, H, J: 64 * T1).
    return ast.literal_eval(phone.console(_IDLE).strip().splitlines()[-1])


def run_calls(pair, count):
    """Calls in both directions, hung up by each side in turn."""
    for number in range(count):
        caller, called = pair if number % 2 else pair[::-1]
        connect(caller, called)
        time.sleep(0.1)
        first, second = (caller, called) if number % 4 < 2 else (called, caller)
        disconnect(first, second)


def check(pair, first, second):
    """Run up to `first` calls, then as many as up to `second`, and compare; again if it grew.

    What grows once is a table that got larger, or an object that the collector took for one in
    use (4 kB at most); a leak grows each time.
    """
    run_calls(pair, first)
    time.sleep(33)
    before = {phone.board: state(phone) for phone in pair}
    for _ in range(ROUNDS):
        run_calls(pair, second - first)
        time.sleep(33)
        after = {phone.board: state(phone) for phone in pair}
        for board, (heap, counters, use, *texts) in after.items():
            print(f"{board}: heap {before[board][0]} -> {heap} in {second - first} calls")
            print(counters, texts)
            assert "0 sessions, 0+0 transactions, 0 timers" in texts[0]
            assert texts[1] == before[board][4]
            for name in ("streams", "packets", "datagrams", "keys", "running"):
                assert not counters[name], f"{board}: {name} is {counters[name]}"
            assert use == before[board][2], f"{board}: in use {before[board][2]} -> {use}"
        grown = {board: after[board][0] - before[board][0] for board in after}
        if max(grown.values()) <= GROWTH_MAX:
            return
        before = after
    pytest.fail(f"octets that the last of {ROUNDS} rounds left: {grown}")


@pytest.mark.timeout(600)
def test_fifty_calls_leave_nothing(pair):
    check(pair, 20, 50)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_five_hundred_calls_leave_nothing(pair):
    check(pair, 50, int(os.environ.get("VOX6_SOAK_CALLS", "500")))
