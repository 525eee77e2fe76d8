# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Nothing is left of a call: C pools return to their idle values, the heap does not grow."""

import os
import time

import pytest

from host_tests.emulated.calls import connect, disconnect
from host_tests.emulated.leaks import check


def calls_of(pair):
    """A function that makes calls in both directions, hung up by each side in turn."""

    def run(count):
        for number in range(count):
            caller, called = pair if number % 2 else pair[::-1]
            connect(caller, called)
            time.sleep(0.1)
            first, second = (caller, called) if number % 4 < 2 else (called, caller)
            disconnect(first, second)

    return run


@pytest.mark.timeout(600)
def test_fifty_calls_leave_nothing(pair):
    check(pair, calls_of(pair), 20, 50)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_five_hundred_calls_leave_nothing(pair):
    check(pair, calls_of(pair), 50, int(os.environ.get("VOX6_SOAK_CALLS", "500")))
