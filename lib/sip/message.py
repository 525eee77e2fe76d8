# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIP messages: what the header values mean (RFC 3261 sections 8 and 20).

The lines are read and written by lines.py; a value costs nothing until somebody asks for it.
"""

from vox6.sip import lines
from vox6.sip import names as names  # fills in what lines.py knows at once
from vox6.sip.grammar import TOKEN as TOKEN
from vox6.sip.headers import (
    MAX_LIST,
    CSeq,
    MediaType,
    NameAddr,
    Via,
    parse_call_id,
    parse_number,
    parse_retry_after,
    split_list,
)
from vox6.sip.lines import MAX_HEAD_OCTETS as MAX_HEAD_OCTETS
from vox6.sip.lines import MAX_HEADERS as MAX_HEADERS
from vox6.sip.lines import MAX_MESSAGE_OCTETS as MAX_MESSAGE_OCTETS
from vox6.sip.lines import Lines, unfold
from vox6.sip.lines import content_length as content_length
from vox6.sip.lines import header_key as header_key
from vox6.sip.phrases import reason_phrase as reason_phrase
from vox6.sip.uri import URI
from vox6.wire.errors import FormatError, LocalProtocolError

METHODS = (  # of RFCs 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "REGISTER",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "REFER",
    "MESSAGE",
    "INFO",
    "UPDATE",
    "PRACK",
)


class Message(Lines):
    """Header values with their meaning; FormatError when one is absent or malformed."""

    def count(self, key: str) -> int:
        """Return how many lines a header has."""
        return len([None for header in self.headers if header[0] == key])

    def set_body(self, body: bytes, content_type: str) -> None:
        """Set the body and its type; an empty body takes both away."""
        self.remove("content-type")
        self.remove("content-length")
        self.body = body
        if body:
            self.add("Content-Type", content_type)

    def values(self, key: str) -> "list[str]":
        """Return all values of a comma-separated header, over all its lines."""
        out: "list[str]" = []
        for header in self.headers:
            if header[0] == key:
                text = unfold(header[2])
                if text:
                    out += split_list(text)
                if len(out) > MAX_LIST:
                    raise FormatError("too many values")
        return out

    def tokens(self, key: str) -> "list[str]":
        """Return all values of a comma-separated header in lower case."""
        return [value.lower() for value in self.values(key)]

    def _single(self, key: str) -> str:
        found = [header for header in self.headers if header[0] == key]
        if len(found) != 1:
            raise FormatError("more than one " + found[1][1] if found else "no " + key)
        return unfold(found[0][2])

    @property
    def via(self) -> Via:
        """Return the topmost Via value."""
        typed = self._typed.get("via")
        if not isinstance(typed, Via):
            first = self.get("via")
            if first is None:
                raise FormatError("no via")
            typed = self._typed["via"] = Via.parse(split_list(first)[0])
        return typed

    @property
    def from_(self) -> NameAddr:
        """Return From."""
        typed = self._typed.get("from")
        if not isinstance(typed, NameAddr):
            typed = self._typed["from"] = NameAddr.parse(self._single("from"))
        return typed

    @property
    def to(self) -> NameAddr:
        """Return To."""
        typed = self._typed.get("to")
        if not isinstance(typed, NameAddr):
            typed = self._typed["to"] = NameAddr.parse(self._single("to"))
        return typed

    @property
    def cseq(self) -> CSeq:
        """Return CSeq."""
        typed = self._typed.get("cseq")
        if not isinstance(typed, CSeq):
            typed = self._typed["cseq"] = CSeq.parse(self._single("cseq"))
        return typed

    @property
    def call_id(self) -> str:
        """Return Call-ID."""
        typed = self._typed.get("call-id")
        if not isinstance(typed, str):
            typed = self._typed["call-id"] = parse_call_id(self._single("call-id"))
        return typed

    def contacts(self) -> "list[NameAddr]":
        """Return the Contact values, without "*"."""
        return [NameAddr.parse(value) for value in self.values("contact") if value != "*"]

    def contact(self) -> "NameAddr | None":
        """Return the first Contact or None."""
        contacts = self.contacts()
        return contacts[0] if contacts else None

    def content_type(self) -> str:
        """Return the media type of the body in lower case, "" if none is said."""
        text = self.get("content-type")
        return "" if text is None else MediaType.parse(text).name

    def number(self, key: str) -> "int | None":
        """Return a numeric header (Expires, Max-Forwards, Min-Expires), None if absent."""
        if not self.count(key):
            return None
        return parse_number(self._single(key))

    def retry_after(self) -> "int | None":
        """Return the seconds of Retry-After, None if it is absent or malformed."""
        try:
            text = self.get("retry-after")
            return None if text is None else parse_retry_after(text)
        except FormatError:
            return None


class Request(Message):
    """A request. method: as written, case matters. uri_text: the Request-URI as written."""

    def __init__(self, method: str, uri_text: str) -> None:
        self.headers = []
        self.body = b""
        self._typed = {}
        self.method = method
        self.uri_text = uri_text

    @property
    def uri(self) -> URI:
        """Return the Request-URI; FormatError if it is none."""
        typed = self._typed.get("")
        if not isinstance(typed, URI):
            typed = self._typed[""] = URI.parse(self.uri_text)
        return typed

    def start_line(self) -> bytes:
        """Return the Request-Line."""
        return (self.method + " " + self.uri_text + " SIP/2.0").encode()

    def check(self) -> None:
        """Raise FormatError unless all that every request must have is there and well formed."""
        _check(self)
        if self.cseq.method != self.method:
            # RFC 4475 section 3.1.2.18: of an unknown method that is what must be said
            code = 400 if self.method in METHODS else 501
            raise FormatError("CSeq names another method", code)
        if self.uri.headers is not None:
            raise FormatError("headers in the Request-URI")
        self.from_.uri
        self.to.uri
        if self.count("max-forwards"):
            hops = self.number("max-forwards")
            if hops is None or hops > 255:
                raise FormatError("bad Max-Forwards")

    def response(self, status: int, reason: "str | None" = None, tag: str = "") -> "Response":
        """Return a response to this request (RFC 3261 section 8.2.6.2).

        tag: added to To when the request has none there (not for 100).
        """
        response = Response(status, reason_phrase(status) if reason is None else reason)
        response.copy(self, "via")
        response.copy(self, "from")
        to_tag = None
        try:
            to_tag = self.to.tag
        except FormatError:
            tag = ""
        if tag and to_tag is None and status > 100:
            for key, name, raw in self.headers:
                if key == "to":
                    response.headers.append((key, name, raw.rstrip() + b";tag=" + tag.encode()))
        else:
            response.copy(self, "to")
        response.copy(self, "call-id")
        response.copy(self, "cseq")
        if status == 100:
            response.copy(self, "timestamp")
        return response


class Response(Message):
    """A response. status: 100..699. reason: the phrase."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__()
        if "\r" in reason or "\n" in reason or not 100 <= status <= 699:
            raise LocalProtocolError("bad status line")
        self.status = status
        self.reason = reason
        self.reason_raw: "bytes | None" = None  # as received, when it is not UTF-8

    def start_line(self) -> bytes:
        """Return the Status-Line."""
        raw = self.reason.encode() if self.reason_raw is None else self.reason_raw
        return b"SIP/2.0 %d " % self.status + raw

    def check(self) -> None:
        """Raise FormatError unless all that every response must have is there and well formed."""
        _check(self)
        self.from_
        self.to


def _check(message: Message) -> None:
    message.via
    message.cseq
    message.call_id
    if message.from_.tag is None and message.via.branch is not None:
        branch = message.via.branch
        if branch is not None and branch[:7] == "z9hG4bK":
            raise FormatError("From without tag")  # RFC 2543 peers alone may do so
    message.to
    for key in ("content-type", "content-length", "max-forwards", "expires"):
        if message.count(key) > 1:
            raise FormatError("more than one " + key)


def _response(status: int, raw: bytes) -> Response:
    try:
        return Response(status, raw.decode())
    except UnicodeError:
        response = Response(status, reason_phrase(status))
        response.reason_raw = raw
        return response


def parse(octets: bytes) -> "Request | Response":
    """Return the message in one datagram (RFC 3261 section 18.3), as `lines.parse`.

    FormatError: bad grammar; code 400, or 505, 414, 513. `salvage` then finds what to answer.
    """
    return lines.parse(octets, Request, _response)
