# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Nothing is left of a call: C pools return to their idle values, the heap does not grow."""

import ast
import os
import time

import pytest

from host_tests.emulated.calls import connect, disconnect

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
    """Run up to `first` calls, then up to `second`, and compare."""
    run_calls(pair, first)
    time.sleep(33)
    before = {phone.board: state(phone) for phone in pair}
    run_calls(pair, second - first)
    least = {phone.board: 1 << 62 for phone in pair}
    for look in range(4):
        # What the collector takes for a pointer keeps objects of the last call (4 kB) now and
        # then. Another call shows what it is: a leak stays, and grows.
        run_calls(pair, 2 if look else 0)
        time.sleep(33)
        for phone in pair:
            least[phone.board] = min(least[phone.board], state(phone)[0])
        if all(least[phone.board] - before[phone.board][0] <= GROWTH_MAX for phone in pair):
            break
    for phone in pair:
        _, counters, use, *texts = state(phone)
        heap = least[phone.board]
        old_heap, _, old_use, *old_texts = before[phone.board]
        print(f"{phone.board}: heap {old_heap} -> {heap} between call {first} and call {second}")
        print(counters, texts)
        assert "0 sessions, 0+0 transactions, 0 timers" in texts[0]
        assert texts[1] == old_texts[1]
        for name in ("streams", "packets", "datagrams", "keys", "running"):
            assert not counters[name], f"{phone.board}: {name} is {counters[name]}"
        assert use == old_use, f"{phone.board}: endpoints and datagrams in use {old_use} -> {use}"
        assert heap - old_heap <= GROWTH_MAX, f"{phone.board} leaks {heap - old_heap} octets"


@pytest.mark.timeout(400)
def test_fifty_calls_leave_nothing(pair):
    check(pair, 20, 50)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_five_hundred_calls_leave_nothing(pair):
    check(pair, 50, int(os.environ.get("VOX6_SOAK_CALLS", "500")))
