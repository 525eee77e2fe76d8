# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A whole message in the addresses of the other side: start line, headers, bodies."""

from vox6.sip.grammar import check_host, split_hostport
from vox6.sip.lines import header_key, unfold
from vox6.wire import const
from vox6.wire.errors import FormatError

from .scan import Field, cseq, field, unacceptable
from .sdp import rewrite_sdp

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from vox6.sip.lines import RequestLines, ResponseLines

    from .scan import Translator
    from .sdp import Media

_DEPTH = const(4)  # of bodies in bodies
# A Contact in a successful answer to these leads all later requests.
_LEADING = const(("INVITE", "SUBSCRIBE", "REFER", "NOTIFY", "UPDATE"))


def rewrite(
    message: "RequestLines | ResponseLines", translate: "Translator", media: "Media"
) -> None:
    """Replace every address in a message, in place; untouched octets stay as they came.

    media: is asked for the representation of each media address.
    Refused: the message would lead into a call that cannot work; it is then half changed.
    FormatError: the Request-URI has no host that could be one.
    """
    if not message.status:
        _request_uri(message, translate)  # type: ignore[arg-type]
    for i in range(len(message.headers)):
        key, _, raw = message.headers[i]
        changed, unmapped = field(key, raw, translate)
        if unmapped and key == "contact":
            if not message.status or message.status < 300 and cseq(message)[1] in _LEADING:
                raise unacceptable()
        if changed is not raw:
            message.replace(i, changed)
    body = message.body
    if body:
        encoding = message.get("content-encoding")
        kind = (message.get("content-type") or "").encode()
        changed = _content(body, kind, encoding, translate, media, 0)
        if changed is not body:
            message.body = changed
            set_number(message, "content-length", len(changed))


def set_number(message: "RequestLines | ResponseLines", key: str, number: int) -> bool:
    """Write a number into a header, its name as it stands; return whether it is there."""
    found = False
    for i in range(len(message.headers)):
        if message.headers[i][0] == key:
            message.replace(i, b" %d" % number)
            found = True
    return found


def _request_uri(message: "RequestLines", translate: "Translator") -> None:
    octets = message.uri_text.encode()
    low = octets[:5].lower()
    if low[:4] != b"sip:" and low != b"sips:":
        return
    work = Field(octets, translate)
    work.uri(0, len(octets), True)
    host = octets[work.start : work.end].decode()
    check_host(split_hostport(host)[0])
    if octets[work.end : work.end + 1] not in (b"", b";", b"?"):
        raise FormatError("bad host")  # such as an address without its brackets
    message.uri_text = work.result().decode()


def _content(
    octets: bytes,
    kind: bytes,
    encoding: "str | None",
    translate: "Translator",
    media: "Media",
    depth: int,
) -> bytes:
    """Return a body with its addresses replaced; the same object if there was none."""
    name = kind.partition(b";")[0].strip().lower()
    if depth == _DEPTH or (encoding or "identity").lower() != "identity":
        return octets
    if name == b"application/sdp":
        return rewrite_sdp(octets, translate, media)
    if name.startswith(b"multipart/"):
        return _multipart(octets, kind, translate, media, depth + 1)
    if name in (b"message/sipfrag", b"message/sip"):
        return _fragment(octets, translate, media, depth + 1)
    if name == b"application/simple-message-summary" or name.endswith(b"+xml"):
        work = Field(octets, translate)
        work.uris(False)
        return work.result()
    return octets


def _fragment(octets: bytes, translate: "Translator", media: "Media", depth: int) -> bytes:
    """Return a message or its beginning (RFC 3420), or the head and body of a part."""
    head, empty, body = octets.partition(b"\r\n\r\n")
    if octets.startswith(b"\r\n"):
        head, empty, body = b"", b"\r\n", octets[2:]
    lines: "list[bytes]" = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and lines:
            lines[-1] += b"\r\n" + line
        else:
            lines.append(line)
    kind = encoding = b""
    length = -1
    for i in range(len(lines)):
        name, colon, raw = lines[i].partition(b":")
        if i == 0 and lines[i].endswith(b" SIP/2.0"):
            work = Field(lines[i], translate)
            work.uri(name.find(b" ") + 1, len(lines[i]) - 8, True)
            lines[i] = work.result()
            continue
        try:
            key = header_key(name.strip().decode())
        except UnicodeError:
            continue
        if key == "content-type":
            kind = raw
        elif key == "content-encoding":
            encoding = raw
        elif key == "content-length":
            length = i
        lines[i] = name + colon + field(key, raw, translate)[0]
    changed = _content(body, kind, unfold(encoding), translate, media, depth)
    if length >= 0 and changed is not body:
        lines[length] = lines[length].partition(b":")[0] + b": %d" % len(changed)
    return b"\r\n".join(lines) + empty + changed


def _multipart(
    octets: bytes, kind: bytes, translate: "Translator", media: "Media", depth: int
) -> bytes:
    """Return the parts of a multipart body, each rewritten (RFC 2046 section 5.1)."""
    work = Field(kind, translate)
    at = work.parameter(b"boundary", 0, len(kind))
    boundary = kind[at:].partition(b";")[0].strip().strip(b'"') if at else b""
    if not boundary:
        return octets
    parts = (b"\r\n" + octets).split(b"\r\n--" + boundary)
    for i in range(1, len(parts)):
        line, end, part = parts[i].partition(b"\r\n")
        if line.startswith(b"--"):
            break
        parts[i] = line + end + _fragment(part, translate, media, depth)
    return (b"\r\n--" + boundary).join(parts)[2:]
