# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTP and RTCP (RFC 3550): messages, and the reports of a call.

from vox6.rtp import Session

session = Session(ssrc, b"cname", random, peer=(addr16, 4001))
session.start(now)                      # then: handle_timer, next_event, datagrams_to_send
session.report(stream.statistics(), rtp_timestamp, ntp, now)    # when ReportDue comes
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .packet import Packet as Packet
    from .rtcp import emit_compound as emit_compound
    from .rtcp import parse_compound as parse_compound
    from .session import Session as Session

_WHERE = {
    "Packet": "packet",
    "emit_compound": "rtcp",
    "parse_compound": "rtcp",
    "Session": "session",
}


# MicroPython asks here first in `from vox6.rtp import module`
_MODULES = ("events", "members", "packet", "reception", "rtcp", "session", "xr")


def __getattr__(name: str) -> "object":
    if name in _MODULES:
        return __import__(name, globals(), None, ("__name__",), 1)
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(name)
    value = getattr(__import__(where, globals(), None, (name,), 1), name)
    globals()[name] = value
    return value
