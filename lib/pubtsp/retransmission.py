# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Reliable UDP of the client: one request at a time, backoff by the round trip (section 2.3).

RFC 5572 section 4.4.1.2 refers to Stevens, UNP section 22.5: RTT from the echoed timestamp, gains
1/8 and 1/4, doubled at each loss, the same sequence number for each try.
"""

from vox6.wire import const

from . import header

_FIRST = const(1000)  # ms, RFC 8085 section 3.1.1
_LEAST = const(1000)
_MOST = const(30000)
_TRIES_UNKNOWN = const(4)  # of a server that has never answered
_TRIES_KNOWN = const(8)


class Requester:
    """The request that is outstanding.

    sequence: the number of the newest request; it begins unpredictably (X-3), since it alone ties
    a reply to a request. timer: when to call repeat(), None when nothing is outstanding.
    """

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence % header.SEQUENCES
        self.timer: "int | None" = None
        self.retransmissions = 0
        self._text = b""
        self._left = 0
        self.reset()

    def reset(self) -> None:
        """Forget the round trip of a server."""
        self._srtt = 0
        self._rttvar = 0
        self._known = False
        self._rto = _FIRST

    def start(self, text: bytes, now: int, tries: int = 0) -> bytes:
        """Return the datagram of a new request; tries: 0 for the number of section 2.3."""
        self.sequence = (self.sequence + 1) % header.SEQUENCES
        self._text = text
        self._left = (tries or (_TRIES_KNOWN if self._known else _TRIES_UNKNOWN)) - 1
        self._rto = min(max(self._srtt + 4 * self._rttvar, _LEAST), _MOST)
        self.timer = now + self._rto
        return header.emit(self.sequence, now, text)

    def repeat(self, now: int) -> "bytes | None":
        """Return the datagram of the next try, None when there was the last one."""
        if self._left <= 0:
            self.timer = None
            return None
        self._left -= 1
        self.retransmissions += 1
        self._rto = min(2 * self._rto, _MOST)
        self.timer = now + self._rto
        return header.emit(self.sequence, now, self._text)

    def answered(self, sequence: int, timestamp: int, now: int) -> bool:
        """Take the header of a reply; return whether it is one to the outstanding request."""
        if self.timer is None or sequence != self.sequence:
            return False
        self.timer = None
        self._text = b""
        rtt = (now - timestamp) & 0xFFFFFFFF
        if rtt <= 4 * _MOST:  # else the timestamp is not ours
            if self._known:
                delta = rtt - self._srtt
                self._srtt += delta // 8
                self._rttvar += (abs(delta) - self._rttvar) // 4
            else:
                self._srtt = rtt
                self._rttvar = rtt // 2
        self._known = True
        return True

    def cancel(self) -> None:
        """Wait for no reply any more."""
        self.timer = None
        self._text = b""
