# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Key pairs for ZRTP made while the phone is idle (RFC 6189 section 4.4.1).

An exponentiation of DH3k takes a microcontroller as long as a person notices (35 million
instructions; X25519 10, EC25 4), and the VM does nothing else meanwhile. So pairs are ready
before a call, and only one exponentiation remains.
"""

from firmware import log
from vox6.wire import const

# Every ZRTP phone has DH3k; the other pair is of what this phone prefers, as its like do.
# Exponents are for AES-128.
_COMMON = "DH3k"
_BITS = const(256)
_REST_MS = const(3000)  # idle for so long: the next call often follows at once


class KeyPairs:
    """Key pairs of one phone.

    provider: of lib/crypto; is_idle: function without arguments: no call, no open transaction.
    Each pair serves one key agreement; made again while idle.
    """

    def __init__(self, provider, is_idle):
        self._provider = provider
        self._is_idle = is_idle
        self._pairs = []
        self._idle_since = None
        self.preferred = _COMMON  # None where nobody encrypts
        self.counters = {"prepared": 0, "taken": 0, "made_in_call": 0}

    def take(self, name, exponent_bits=256):
        """Return a pair for one use: a prepared one, or made now."""
        wanted = (name, exponent_bits if name.startswith("DH") else _BITS)  # curves have no such
        for pair in self._pairs:
            if pair[0] == wanted:
                self._pairs.remove(pair)
                self.counters["taken"] += 1
                return pair[1]
        self.counters["made_in_call"] += 1
        return self._provider.key_pair(name, exponent_bits)

    def _missing(self):
        if self.preferred is not None:
            for name in (self.preferred, _COMMON):
                wanted = (name, _BITS)
                if wanted not in [pair[0] for pair in self._pairs]:
                    return wanted
        return None

    def get_timer(self, now):
        """Return when handle_timer() is to be called, or None."""
        if self._missing() is None or not self._is_idle():
            self._idle_since = None
            return None
        if self._idle_since is None:
            self._idle_since = now
        return self._idle_since + _REST_MS

    def handle_timer(self, now):
        """Make one pair if one is missing and the phone has been idle for a while."""
        due = self.get_timer(now)
        if due is None or due > now:
            return
        wanted = self._missing()
        self._idle_since = now  # the next one has its own rest
        self._pairs.append((wanted, self._provider.key_pair(wanted[0], wanted[1])))
        self.counters["prepared"] += 1
        log.say("zrtp", "a key pair for %s is ready" % wanted[0])

    def erase(self):
        """Overwrite what is prepared."""
        while self._pairs:
            self._pairs.pop()[1].erase()
