# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What fails beyond one answer: octets that are no message, calls that cannot go on.

A request that is broken gets 400, or 505, 414, 513, if its Via says where to (RFC 3261 sections
8.2.2, 16.3 and 21.5.6); all else that is no message stays without an answer.

A refusal of a request ends it. A final answer, or an ACK, that leads nowhere leaves a call behind
that one side believes in, or both if it was a new offer in their call: the caller gets the refusal
in the place of the answer, and each side a BYE. One that has no such call answers that with 481.

    200 (its description leads nowhere)    488, BYE to the caller   ACK, BYE to the callee
    ACK (its description leads nowhere)    BYE to the caller        bare ACK, BYE to the callee
"""

from vox6.sip.grammar import TOKEN, host_text
from vox6.sip.lines import RequestLines, ResponseLines, header_key, parse
from vox6.wire import const
from vox6.wire.errors import FormatError

from .mirror import answer
from .scan import Refused, cseq, tag

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from .mirror import Mirror

    Address = tuple[bytes, int]
    Message = RequestLines | ResponseLines

_HOPS = const(70)
_TAG = const("64-")  # in our branches, as in the tags of the mirror's answers
_LAST_CSEQ = const(0x7FFFFFFF)  # whatever the number before was (RFC 3261 section 8.1.1.5)
_MOST_LINES = const(256)  # of what is broken
_ANSWERED = ("via", "from", "to", "call-id", "cseq")
_REASONS = {
    414: "Request-URI Too Long",
    505: "Version Not Supported",
    513: "Message Too Large",
}


class Failures:
    """For one mirror."""

    def __init__(self, mirror: "Mirror") -> None:
        self._mirror = mirror

    def malformed(
        self, data: bytes, error: FormatError, local: "Address", peer: "Address", stream: object
    ) -> None:
        """Answer what looks like a request."""
        request = _legible(data)
        if request:
            reason = _REASONS.get(error.code, error.reason)
            try:
                self._mirror.refuse(request, Refused(error.code, reason), local, peer, stream)
            except FormatError:
                pass  # what an answer would repeat is broken too

    def refused(
        self, data: bytes, error: Refused, local: "Address", peer: "Address", now: int
    ) -> None:
        """End the call that a final answer or an ACK has left behind."""
        message = parse(data, RequestLines, ResponseLines)
        try:
            if isinstance(message, ResponseLines):
                if message.status >= 200:
                    self._no_answer(message, error, local, peer, now)
            elif message.method == "ACK":
                self._no_acknowledgement(message, local, peer, now)
        except (FormatError, Refused):
            pass  # so it is nobody's call

    def _no_answer(
        self, message: ResponseLines, error: Refused, local: "Address", peer: "Address", now: int
    ) -> None:
        mirror = self._mirror
        mirror.forward(answer(message, error, local), local, peer, now, None)
        if not _begins_a_call(message):
            return
        request = _request(message, "BYE", _caller(message), peer, _LAST_CSEQ)
        request.copy(message, "call-id")
        _turned(request, message)
        for line in message.lines("record-route"):
            request.add("Route", line)
        mirror.forward(request, local, peer, now, None)
        self.abandon(message, local, peer)

    def abandon(self, message: "Message", local: "Address", peer: "Address") -> None:
        """Acknowledge a 2xx to INVITE and end its call, as if we had made it.

        local: where it was sent to; peer: by whom. Routes of proxy mode are left out.
        """
        if not _begins_a_call(message):
            return
        number = cseq(message)[0]
        uri = (message.get("contact") or "sip:x").partition(">")[0].rpartition("<")[2]
        routes = ",".join(message.lines("record-route")).split(",")[::-1]
        routes = [one.strip() for one in routes if one.strip() and ";p64=" not in one]
        for method in ("ACK", "BYE"):
            request = _request(message, method, uri, local, number + (method == "BYE"))
            for key in ("from", "to", "call-id"):
                request.copy(message, key)
            if routes:
                request.add("Route", ",".join(routes))
            self._mirror.send(request, local, peer)

    def _no_acknowledgement(
        self, message: RequestLines, local: "Address", peer: "Address", now: int
    ) -> None:
        mirror = self._mirror
        down = _request(message, "BYE", message.uri_text, peer, cseq(message)[0] + 1)
        for key in ("route", "from", "to", "call-id"):
            down.copy(message, key)
        up = _request(message, "BYE", _caller(message), local, _LAST_CSEQ)
        up.copy(message, "call-id")
        _turned(up, message)
        for key in ("content-type", "content-length", "contact"):
            message.remove(key)
        message.body = b""
        mirror.forward(message, local, peer, now, None)
        mirror.forward(down, local, peer, now, None)
        mirror.send(up, local, peer)


def _begins_a_call(message: "Message") -> bool:
    return 200 <= message.status < 300 and cseq(message)[1] == "INVITE"


def _request(
    message: "Message", method: str, uri: str, sender: "Address", number: int
) -> RequestLines:
    """Return the beginning of a request in the dialog of a message."""
    request = RequestLines(method, uri)
    branch = "z9hG4bK%s%x.%s" % (_TAG, number, tag(message, "to"))
    where = "%s:%d" % (host_text(sender[0]), sender[1])
    request.add("Via", "SIP/2.0/UDP %s;branch=%s" % (where, branch))
    request.add("Max-Forwards", str(_HOPS))
    request.add("CSeq", "%d %s" % (number, method))
    return request


def _caller(message: "Message") -> str:
    """Return a URI of who began the transaction, by the last Via."""
    words = message.lines("via")[-1].rpartition(",")[2].partition(";")[0].split()
    if not words:
        raise FormatError("bad Via")
    return "sip:" + words[-1]


def _turned(request: RequestLines, message: "Message") -> None:
    """Give a request From and To of the other direction."""
    request.add("From", message.get("to") or "")
    request.add("To", message.get("from") or "")


def _legible(data: bytes) -> bytes:
    """Return a request with what an answer needs of a broken one; b"": it gets none."""
    lines = data.lstrip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n", _MOST_LINES)
    words = lines.pop(0).split()
    if len(words) < 2 or words[0].strip(TOKEN.encode()) or words[-1][:4].upper() != b"SIP/":
        return b""
    out = [words[0] + b" sip:x SIP/2.0"]
    needed = False  # the header that a folded line belongs to
    for line in lines:
        if not line:
            break
        if line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].rstrip(b" \t")
            needed = not name.strip(TOKEN.encode()) and header_key(name.decode()) in _ANSWERED
        if needed:
            out.append(line)
    return b"\r\n".join(out + [b"", b""])
