# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How many messages a second one address may send: a bucket of tokens for each."""

_MAX_SOURCES = 4096  # remembered at once; then all begin anew
_BURST_S = 2


class Throttle:
    """Counts messages by source address."""

    def __init__(self, rate: int) -> None:
        """rate: messages a second, 0: as many as come."""
        self.rate = rate
        self._buckets: "dict[bytes, list[int]]" = {}

    def passes(self, addr16: bytes, now: int) -> bool:
        """Take one message into account, now in ms; False: it is too much."""
        rate = self.rate
        if not rate:
            return True
        full = _BURST_S * 1000 * rate
        bucket = self._buckets.get(addr16)
        if bucket is None:
            if len(self._buckets) >= _MAX_SOURCES:
                self._buckets.clear()
            bucket = self._buckets[addr16] = [full, now]
        tokens = min(full, bucket[0] + (now - bucket[1]) * rate)
        bucket[1] = now
        bucket[0] = tokens - 1000 if tokens >= 1000 else tokens
        return tokens >= 1000
