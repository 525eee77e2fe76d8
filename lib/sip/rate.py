# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How often something may happen that a stranger can cause."""


class Rate:
    """A bucket of `burst` that fills by one each `interval` ms."""

    def __init__(self, burst: int, interval: int) -> None:
        self.burst = burst
        self.interval = interval
        self._full_at = 0  # when the bucket will be full again

    def take(self, now: int) -> bool:
        """Return whether it may happen once more now."""
        full_at = max(self._full_at, now)
        if full_at - now > (self.burst - 1) * self.interval:
            return False
        self._full_at = full_at + self.interval
        return True
