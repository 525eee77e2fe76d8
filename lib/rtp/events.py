# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a Session tells its driver."""


class ReportDue:
    """It is time: answer with the command Session.report()."""


class ReportReceived:
    """The peer told how our voice arrives (RFC 3550 section 6.4.1).

    fraction_lost: of 256, since its report before. cumulative_lost: packets, signed.
    jitter: in units of our time stamp. round_trip_ms: None until it can be known.
    """

    def __init__(
        self,
        ssrc: int,
        fraction_lost: int,
        cumulative_lost: int,
        jitter: int,
        round_trip_ms: "int | None",
    ) -> None:
        self.ssrc = ssrc
        self.fraction_lost = fraction_lost
        self.cumulative_lost = cumulative_lost
        self.jitter = jitter
        self.round_trip_ms = round_trip_ms


class SSRCChanged:
    """Another used our SSRC (RFC 3550 section 8.2): the voice goes on under the new one."""

    def __init__(self, old: int, new: int) -> None:
        self.old = old
        self.new = new


class MetricsReceived:
    """The peer told more of how our voice is heard: a block of VoIP metrics (RFC 3611).

    values: by the names of lib/rtp/xr.py.
    """

    def __init__(self, ssrc: int, values: "dict[str, int]") -> None:
        self.ssrc = ssrc
        self.values = values


class PeerNamed:
    """A source told its canonical name, or changed it."""

    def __init__(self, ssrc: int, cname: bytes) -> None:
        self.ssrc = ssrc
        self.cname = cname


class PeerLeft:
    """A source said BYE."""

    def __init__(self, ssrc: int, reason: bytes) -> None:
        self.ssrc = ssrc
        self.reason = reason


class PeerTimedOut:
    """Neither voice nor reports of a source for five intervals (RFC 3550 section 6.3.5)."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
