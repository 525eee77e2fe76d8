# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Who is in a session, and how often its members report (RFC 3550 section 6.3).

Names are those of section 6.3: members, senders, avg_rtcp_size. Times are milliseconds.
"""

from vox6.wire import const

_MINIMUM_MS = const(5000)  # RFC 3550 section 6.2
_REDUCED_KBIT_S = const(360)  # s of the reduced minimum times the session's kbit/s (section 6.2)
_REDUCED_LEAST_MS = const(1000)  # ours: nobody looks more often
_TIMEOUT_INTERVALS = const(5)  # RFC 3550 section 6.3.5, M
_COMPENSATION = const(1218)  # e - 3/2, in thousandths (section 6.3.1)
_LOWER_LAYERS = const(48)  # IPv6 and UDP headers count too (section 6.2)
_MAX_MEMBERS = const(8)  # a call has one other; a changed SSRC needs some more until it times out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


class Member:
    """One other source."""

    def __init__(self, ssrc: int, now: int) -> None:
        self.ssrc = ssrc
        self.last_heard = now
        self.last_voice: "int | None" = None
        self.cname: "bytes | None" = None
        self.last_sr = 0
        self.last_sr_at = 0


class Members:
    """The other sources, at most 8, and the interval of our reports.

    random: gives n random octets. bandwidth: of the session in octets a second. reduced: with the
    reduced minimum of section 6.2.
    """

    def __init__(
        self, random: "Callable[[int], bytes]", bandwidth: int, reduced: bool = False
    ) -> None:
        self.all: "list[Member]" = []
        self._random = random
        self._rtcp_octets_s = max(1, bandwidth // 20)
        self._avg_rtcp_size = 100 + _LOWER_LAYERS  # probable size of our first report
        self._minimum_ms = _MINIMUM_MS
        if reduced:
            reduced_ms = _REDUCED_KBIT_S * 1000000 // max(1, 8 * bandwidth)
            self._minimum_ms = max(_REDUCED_LEAST_MS, min(_MINIMUM_MS, reduced_ms))

    def count(self) -> int:
        """Return how many there are, ourselves too."""
        return 1 + len(self.all)

    def find(self, ssrc: int) -> "Member | None":
        """Return a member, None without."""
        for member in self.all:
            if member.ssrc == ssrc:
                return member
        return None

    def hear(self, ssrc: int, now: int) -> "Member | None":
        """Note that a source was heard; None if it is one too many."""
        member = self.find(ssrc)
        if member is None:
            if len(self.all) == _MAX_MEMBERS:
                return None
            member = Member(ssrc, now)
            self.all.append(member)
        member.last_heard = now
        return member

    def remove(self, ssrc: int) -> bool:
        """Forget a member; False if there was none."""
        member = self.find(ssrc)
        if member is None:
            return False
        self.all.remove(member)
        return True

    def time_out(self, now: int) -> "list[int]":
        """Forget who was silent for five intervals (section 6.3.5); return their SSRCs."""
        limit = _TIMEOUT_INTERVALS * self._calculated(False, _MINIMUM_MS)
        gone = [member for member in self.all if now - member.last_heard > limit]
        for member in gone:
            self.all.remove(member)
        for member in self.all:
            if member.last_voice is not None and now - member.last_voice > 2 * _MINIMUM_MS:
                member.last_voice = None
        return [member.ssrc for member in gone]

    def average(self, size: int) -> None:
        """Note the size of a compound that was sent or received (section 6.3.3)."""
        self._avg_rtcp_size = (size + _LOWER_LAYERS + 15 * self._avg_rtcp_size) // 16

    def deterministic(self, we_sent: bool) -> int:
        """Return the calculated interval Td (section 6.3.1)."""
        return self._calculated(we_sent, self._minimum_ms)

    def interval(self, we_sent: bool, initial: bool) -> int:
        """Return the time to the next report, made random (section 6.3.1)."""
        minimum_ms = self._minimum_ms // 2 if initial else self._minimum_ms
        octets = self._random(2)
        factor = 500 + (octets[0] << 8 | octets[1]) * 1000 // 65535
        return self._calculated(we_sent, minimum_ms) * factor // _COMPENSATION

    def _calculated(self, we_sent: bool, minimum_ms: int) -> int:
        members = self.count()
        senders = 1 if we_sent else 0
        for member in self.all:
            if member.last_voice is not None:
                senders += 1
        share = self._rtcp_octets_s * 1000  # thousandths of octets a second
        number = members
        if senders * 4 <= members:
            if we_sent:
                share = share // 4
                number = senders
            else:
                share = share * 3 // 4
                number = members - senders
        return max(minimum_ms, number * self._avg_rtcp_size * 1000000 // max(1, share))
