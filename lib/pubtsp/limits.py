# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Token buckets of fixed memory (RFC 4443 section 2.4(f); pubtsp.md section 7).

They may be lost at any time: they tell how often something is answered, never where a packet goes
(section 7.8).
"""

from vox6.wire import const

_SLOTS = const(1024)  # sources told apart; those that share a slot share its tokens


class Bucket:
    """Tokens that come back with time: rate for each second, burst at most."""

    def __init__(self, rate: int, burst: int) -> None:
        self.rate = rate
        self._burst = burst * 1000
        self._tokens = self._burst
        self._since = 0

    def take(self, now: int) -> bool:
        """Take one; False: there is none."""
        if now > self._since:
            self._tokens = min(self._burst, self._tokens + (now - self._since) * self.rate)
            self._since = now
        if self._tokens < 1000:
            return False
        self._tokens -= 1000
        return True


class Limiter:
    """A bucket for each source, hashed into fixed slots, and one for all of them.

    salt: makes it unforeseeable which sources share a slot.
    """

    def __init__(self, rate: int, burst: int, total: int, salt: int = 0) -> None:
        self._rate = rate
        self._burst = burst
        self._salt = salt | 1
        self._slots: "list[Bucket | None]" = [None] * _SLOTS
        self._total = Bucket(total, total)

    def take(self, source: bytes, now: int) -> bool:
        """Take one for a source, 4 octets of IPv4 or 8 of IPv6; False: there is none."""
        value = int.from_bytes(source, "big")
        value = (value ^ value >> 32) * 0x9E3779B1 & 0xFFFFFFFF  # of IPv6, both halves count
        slot = ((value ^ value >> 15) * self._salt >> 7) % _SLOTS
        bucket = self._slots[slot]
        if bucket is None:
            bucket = Bucket(self._rate, self._burst)
            self._slots[slot] = bucket
        return bucket.take(now) and self._total.take(now)
