# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The lines of SIP messages: reading and writing (RFC 3261 sections 7, 18.3 and 25.1).

    message-header  =  field-name HCOLON field-value CRLF
    HCOLON          =  *( SP / HTAB ) ":" SWS
    LWS             =  [*WSP CRLF] 1*WSP               ; linear white space, folded lines

A header is kept as (key, name, raw): the long form of the name in lower case, the name as it was
written, and the octets between the colon and the line end, folds included. So a message that was
read is written octet by octet the same. What the values mean is said in message.py; who only
passes messages on does without it.
"""

from vox6.sip.grammar import MAX_URI_CHARS, TOKEN, parse_number
from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable, TypeVar

    Q = TypeVar("Q", bound="Lines")
    P = TypeVar("P", bound="Lines")

MAX_MESSAGE_OCTETS = 65535  # a UDP datagram (RFC 3261 section 18.1.1)
MAX_HEAD_OCTETS = 16384  # request line and headers: twice the largest of RFC 4475
MAX_HEADERS = 256  # header lines of one message
_DIGITS = const("0123456789")
_LWS = const(" \t\r\n")

LONG_NAMES = {  # compact forms (RFC 3261 section 20, RFC 3515, 3841, 3892, 4028, 4474, 6665)
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

# The names that nearly all lines have, as (key, name), so that those lines cost one look-up.
# names.py fills it in; who has little room does without.
KNOWN: "dict[bytes, tuple[str, str]]" = {}


def header_key(name: str) -> str:
    """Return the long form of a header name in lower case."""
    key = name.lower()
    if len(key) == 1:
        return LONG_NAMES.get(key, key)
    return key


def unfold(raw: bytes) -> str:
    """Return the value in raw, unfolded and stripped; FormatError if it is not UTF-8."""
    try:
        text = raw.decode().strip(_LWS)
    except UnicodeError:
        raise FormatError("header is not UTF-8")
    if "\n" in text:
        text = " ".join([line.strip(_LWS) for line in text.split("\r\n")])
    return text


class Lines:
    """What requests and responses share: header lines and a body.

    headers: list of (key, name, raw) in order. body: octets. Change them by the methods alone:
    values once parsed are kept.
    """

    def __init__(self) -> None:
        self.headers: "list[tuple[str, str, bytes]]" = []
        self.body = b""
        self._typed: "dict[str, object]" = {}

    def get(self, key: str) -> "str | None":
        """Return the first value line of a header, unfolded; None if absent. key: long, lower."""
        for header in self.headers:
            if header[0] == key:
                return unfold(header[2])
        return None

    def lines(self, key: str) -> "list[str]":
        """Return all lines of a header, unfolded."""
        return [unfold(header[2]) for header in self.headers if header[0] == key]

    def _changed(self, key: str) -> None:
        if key in self._typed:
            del self._typed[key]

    @staticmethod
    def _header(name: str, value: str) -> "tuple[str, str, bytes]":
        if "\r" in value or "\n" in value or not name or name.strip(TOKEN):
            raise LocalProtocolError("bad header")
        return header_key(name), name, (" " + value).encode()

    def add(self, name: str, value: str) -> None:
        """Append a header; LocalProtocolError if it would break the line."""
        header = self._header(name, value)
        self._changed(header[0])
        self.headers.append(header)

    def add_first(self, name: str, value: str) -> None:
        """Put a header in front of all others."""
        header = self._header(name, value)
        self._changed(header[0])
        self.headers.insert(0, header)

    def set(self, name: str, value: str) -> None:
        """Replace the first line of a header, or append it."""
        header = self._header(name, value)
        self._changed(header[0])
        for i in range(len(self.headers)):
            if self.headers[i][0] == header[0]:
                self.headers[i] = header
                return
        self.headers.append(header)

    def replace(self, i: int, raw: bytes) -> None:
        """Replace what stands behind the colon of headers[i]; raw: well formed, folds included."""
        key, name, _ = self.headers[i]
        self._changed(key)
        self.headers[i] = (key, name, raw)

    def remove(self, key: str) -> None:
        """Take out every line of a header."""
        self._changed(key)
        self.headers = [header for header in self.headers if header[0] != key]

    def copy(self, other: "Lines", key: str) -> None:
        """Append every line of a header of another message as it stands."""
        self._changed(key)
        for header in other.headers:
            if header[0] == key:
                self.headers.append(header)

    def start_line(self) -> bytes:
        """Return the first line without its end."""
        raise LocalProtocolError("neither request nor response")

    def emit(self) -> bytes:
        """Return the octets of the message; Content-Length is added when it is absent."""
        parts = [self.start_line()]
        length = False
        for key, name, raw in self.headers:
            if key == "content-length":
                length = True
            parts.append(name.encode() + b":" + raw)
        if not length:
            parts.append(b"Content-Length: %d" % len(self.body))
        parts.append(b"")
        parts.append(self.body)
        return b"\r\n".join(parts)


class RequestLines(Lines):
    """A request. method: as written, case matters. uri_text: the Request-URI as written."""

    status = 0  # a response has one

    def __init__(self, method: str, uri_text: str) -> None:
        super().__init__()
        self.method = method
        self.uri_text = uri_text

    def start_line(self) -> bytes:
        """Return the Request-Line."""
        return (self.method + " " + self.uri_text + " SIP/2.0").encode()


class ResponseLines(Lines):
    """A response. status: 100..699. reason: the phrase as received."""

    def __init__(self, status: int, reason: bytes) -> None:
        super().__init__()
        self.status = status
        self.reason = reason

    def start_line(self) -> bytes:
        """Return the Status-Line."""
        return b"SIP/2.0 %d " % self.status + self.reason


def _start_line(
    line: bytes, request: "Callable[[str, str], Q]", response: "Callable[[int, bytes], P]"
) -> "Q | P":
    if line[:8].upper() == b"SIP/2.0 ":
        status = line[8:11]
        if len(status) != 3 or status.strip(b"0123456789") or line[11:12] not in (b" ", b""):
            raise FormatError("bad Status-Line")
        code = int(status)
        if not 100 <= code <= 699:
            raise FormatError("status out of range")
        raw = line[12:]
        if b"\r" in raw or b"\n" in raw:
            raise FormatError("bad Status-Line")
        return response(code, raw)
    try:
        text = line.decode()
    except UnicodeError:
        raise FormatError("Request-Line is not UTF-8")
    words = text.split(" ")
    if len(words) != 3:
        if len(words) > 3 and words[1] and words[-2] and words[-1]:
            raise FormatError("space in the Request-URI")
        raise FormatError("bad Request-Line")
    method, uri_text, version = words
    if not method or method.strip(TOKEN):
        raise FormatError("bad method")
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        if version[:4].upper() == "SIP/" and _version(version[4:]):
            raise FormatError("version not supported", 505)
        raise FormatError("bad Request-Line")
    if not uri_text or "\t" in uri_text:
        raise FormatError("bad Request-Line")
    if len(uri_text) > MAX_URI_CHARS:
        raise FormatError("URI too long", 414)
    return request(method, uri_text)


def _version(text: str) -> bool:
    parts = text.split(".")
    if len(parts) != 2:
        return False
    for part in parts:
        if not part or part.strip(_DIGITS):
            return False
    return True


def parse_head(
    head: bytes, request: "Callable[[str, str], Q]", response: "Callable[[int, bytes], P]"
) -> "Q | P":
    """Return the message whose start line and headers (without the empty line) are in head.

    request, response: make it of (method, Request-URI) or (status, reason phrase).

    FormatError: bad grammar; code 400, or 505, 414, 513.
    """
    if len(head) > MAX_HEAD_OCTETS:
        raise FormatError("headers too long", 513)
    lines = head.split(b"\r\n")
    ends = len(lines) - 1
    if ends >= MAX_HEADERS:
        raise FormatError("too many headers", 513)
    if head.count(b"\r") != ends or head.count(b"\n") != ends:
        raise FormatError("bare line end")
    message = _start_line(lines.pop(0), request, response)
    headers = message.headers
    for line in lines:
        written, colon, raw = line.partition(b":")
        known = KNOWN.get(written)
        if known is not None and colon:
            headers.append((known[0], known[1], raw))
            continue
        if line[:1] in (b" ", b"\t"):
            if not headers:
                raise FormatError("folded line without header")
            key, name, raw = headers[-1]
            headers[-1] = (key, name, raw + b"\r\n" + line)
            continue
        if not colon or not written:
            raise FormatError("header without name")
        try:
            name = written.decode()
        except UnicodeError:
            raise FormatError("bad header name")
        key = name.rstrip(" \t")
        if not key or key.strip(TOKEN):
            raise FormatError("bad header name")
        headers.append((header_key(key), name, raw))
    return message


def content_length(message: Lines) -> "int | None":
    """Return Content-Length, None if absent; FormatError if malformed or said twice otherwise."""
    found = None
    for raw in [header[2] for header in message.headers if header[0] == "content-length"]:
        value = parse_number(unfold(raw))
        if found is not None and found != value:
            raise FormatError("more than one Content-Length")
        found = value
    return found


def parse(
    octets: bytes, request: "Callable[[str, str], Q]", response: "Callable[[int, bytes], P]"
) -> "Q | P":
    """Return the message in one datagram (RFC 3261 section 18.3).

    request, response: as for `parse_head`.

    Line ends in front are skipped; octets behind Content-Length are dropped; without
    Content-Length the body reaches to the end of the datagram.
    FormatError: bad grammar; code as `parse_head`.
    """
    if len(octets) > MAX_MESSAGE_OCTETS:
        raise FormatError("message too long", 513)
    start = 0
    if octets[:1] in (b"\r", b"\n"):
        start = len(octets) - len(octets.lstrip(b"\r\n"))
    end = octets.find(b"\r\n\r\n", start)
    if end < 0:
        raise FormatError("no end of the headers")
    message = parse_head(octets[start:end], request, response)
    body = octets[end + 4 :]
    length = content_length(message)
    if length is not None:
        if length > len(body):
            raise FormatError("body shorter than Content-Length")
        if length < len(body):
            body = body[:length]
    message.body = body
    return message
