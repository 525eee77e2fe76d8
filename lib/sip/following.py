# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Requests that follow an INVITE hop by hop: the ACK of a refusal, CANCEL.

Both go where the INVITE went and have its topmost Via, so that each server finds its transaction
(RFC 3261 sections 9.1 and 17.1.1.3).
"""

from vox6.sip.message import Request, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Message


def make_ack(request: Request, response: Response) -> Request:
    """Return the ACK of a 300-699 response."""
    return _follow("ACK", request, response)


def make_cancel(request: Request) -> Request:
    """Return the CANCEL of a request of ours."""
    return _follow("CANCEL", request, request)


def _follow(method: str, request: Request, has_to: "Message") -> Request:
    """Return a request that follows another. has_to: whose To it has."""
    made = Request(method, request.uri_text)
    made.add("Via", str(request.via))
    made.add("Max-Forwards", "70")
    made.copy(request, "route")
    made.copy(request, "from")
    made.copy(has_to, "to")
    made.copy(request, "call-id")
    made.add("CSeq", "%d %s" % (request.cseq.number, method))
    return made
