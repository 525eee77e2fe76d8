# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Milliseconds since start from a counter that wraps (design.md section 4).

No engine knows the wall clock: that is board.clock(), for TLS and logs alone.
"""


class Clock:
    """An int of milliseconds that starts at 0 and never wraps.

    ticks: function that returns the counter; diff: function (newer, older) that returns the
    signed difference. now() must be called at least once in half a period of the counter
    (MicroPython: 2^29 ms, six days); the driver's longest sleep is one hour.
    """

    def __init__(self, ticks, diff):
        self._ticks = ticks
        self._diff = diff
        self._last = ticks()
        self._now = 0

    def now(self):
        """Return the milliseconds since this clock was made, never less than before."""
        ticks = self._ticks()
        passed = self._diff(ticks, self._last)
        if passed > 0:
            self._now += passed
            self._last = ticks
        return self._now
