# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One message and its repetitions until it is answered (RFC 8415 section 15)."""

from vox6.wire import const

from . import message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# RFC 8415 section 7.6, in milliseconds: IRT, MRT, MRC, MRD and the most of the first delay.
_SOL_MAX_DELAY = const(1000)
_SOL_TIMEOUT = const(1000)
_SOL_MAX_RT = const(3600000)
_REQ_TIMEOUT = const(1000)
_REQ_MAX_RT = const(30000)
_REQ_MAX_RC = const(10)
_CNF_MAX_DELAY = const(1000)
_CNF_TIMEOUT = const(1000)
_CNF_MAX_RT = const(4000)
_CNF_MAX_RD = const(10000)
_REN_TIMEOUT = const(10000)
_REN_MAX_RT = const(600000)
_REB_TIMEOUT = const(10000)
_REB_MAX_RT = const(600000)
_INF_MAX_DELAY = const(1000)
_INF_TIMEOUT = const(1000)
_INF_MAX_RT = const(3600000)
_REL_TIMEOUT = const(1000)
_REL_MAX_RC = const(4)
_DEC_TIMEOUT = const(1000)
_DEC_MAX_RC = const(4)

PARAMETERS: "dict[int, tuple[int, int, int, int, int]]" = {
    message.SOLICIT: (_SOL_TIMEOUT, _SOL_MAX_RT, 0, 0, _SOL_MAX_DELAY),
    message.REQUEST: (_REQ_TIMEOUT, _REQ_MAX_RT, _REQ_MAX_RC, 0, 0),
    message.CONFIRM: (_CNF_TIMEOUT, _CNF_MAX_RT, 0, _CNF_MAX_RD, _CNF_MAX_DELAY),
    message.RENEW: (_REN_TIMEOUT, _REN_MAX_RT, 0, 0, 0),
    message.REBIND: (_REB_TIMEOUT, _REB_MAX_RT, 0, 0, 0),
    message.INFORMATION_REQUEST: (_INF_TIMEOUT, _INF_MAX_RT, 0, 0, _INF_MAX_DELAY),
    message.RELEASE: (_REL_TIMEOUT, 0, _REL_MAX_RC, 0, 0),
    message.DECLINE: (_DEC_TIMEOUT, 0, _DEC_MAX_RC, 0, 0),
}

SEND = "send"
EXHAUSTED = "exhausted"


class Exchange:
    """deadline: when `due` has to be called next. sent: how often the message has gone out.

    mrt: milliseconds, may be changed by SOL_MAX_RT and INF_MAX_RT while it runs.
    """

    def __init__(
        self, msg_type: int, random: "Callable[[int], bytes]", now: int, until: "int | None" = None
    ) -> None:
        """until: when the exchange ends at the latest (MRD of Renew: T2)."""
        self.msg_type = msg_type
        self._random = random
        self._irt, self.mrt, self._mrc, self._mrd, delay = PARAMETERS[msg_type]
        octets = random(3)
        self.transaction_id = octets[0] << 16 | octets[1] << 8 | octets[2]
        self.sent = 0
        self._until = until
        self._started = now
        self._rt = 0
        self.deadline = now + (self._below(delay) if delay else 0)

    def due(self, now: int) -> str:
        """The deadline has come: SEND the message (again), or EXHAUSTED."""
        if self.sent == 0:
            self._started = now
            self._rt = self._irt + self._rand(self._irt, self.msg_type == message.SOLICIT)
            if self._mrd:
                self._until = now + self._mrd
        elif self._mrc and self.sent >= self._mrc:
            return EXHAUSTED
        elif self._until is not None and now >= self._until:
            return EXHAUSTED
        else:
            self._rt = 2 * self._rt + self._rand(self._rt, False)
            if self.mrt and self._rt > self.mrt:
                self._rt = self.mrt + self._rand(self.mrt, False)
        self.sent += 1
        self.deadline = now + self._rt
        if self._until is not None and self.deadline > self._until:
            self.deadline = max(self._until, now)
        return SEND

    def elapsed(self, now: int) -> int:
        """Return hundredths of a second since the first message (section 21.9)."""
        return min((now - self._started) // 10, 0xFFFF)

    def _below(self, bound: int) -> int:
        octets = self._random(2)
        return (octets[0] << 8 | octets[1]) * bound >> 16

    def _rand(self, value: int, positive: bool) -> int:
        """Return RAND * value: RAND in -0.1..0.1, or above 0 (section 18.2.1)."""
        if positive:
            return value * (1 + self._below(100)) // 1000
        return value * (self._below(201) - 100) // 1000
