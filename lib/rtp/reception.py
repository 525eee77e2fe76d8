# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a receiver says of the source that it hears (RFC 3550 section 6.4.1, appendix A.3)."""

from . import rtcp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Reception:
    """Counts of the last report, so that the next one can tell what happened since.

    highest and lost come from media, counted as appendix A.3 says; the first sequence number need
    not be known.
    """

    def __init__(self) -> None:
        self.source: "int | None" = None
        self._highest = 0
        self._lost = 0
        self._received = 0

    def block(
        self, statistics: "dict[str, Any]", last_sr: int = 0, delay: int = 0
    ) -> "rtcp.ReportBlock | None":
        """Return the block of a report; None if nothing came since the last one.

        statistics: read here are ssrc, received, lost, highest_sequence, jitter.
        last_sr, delay: LSR and DLSR as they go out.
        """
        received = statistics.get("received", 0)
        source = statistics.get("ssrc")
        lost = statistics.get("lost", 0)
        highest = statistics.get("highest_sequence", 0)
        if source != self.source:
            # nothing carries over to another SSRC (section 6.4.1)
            self.source = source
            self._received = 0
            self._lost = 0
            self._highest = highest - (received + lost)
        if received == self._received or source is None:
            return None
        expected_interval = highest - self._highest
        lost_interval = lost - self._lost
        self._received = received
        self._highest = highest
        self._lost = lost
        fraction = 0
        if expected_interval > 0 and lost_interval > 0:
            fraction = min(255, (lost_interval << 8) // expected_interval)
        return rtcp.ReportBlock(
            source,
            fraction,
            lost,
            highest & 0xFFFFFFFF,
            statistics.get("jitter", 0) & 0xFFFFFFFF,
            last_sr,
            max(0, min(0xFFFFFFFF, delay)),
        )
