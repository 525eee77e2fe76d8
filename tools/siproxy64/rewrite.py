# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A whole message in the addresses of the other side: start line, headers, body."""

from .scan import Field, Refused, field
from .sdp import rewrite_sdp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.message import Message, Request, Response

    from .scan import Translate
    from .sdp import Media


def rewrite(message: "Request | Response", translate: "Translate", media: "Media") -> None:
    """Replace every address in a message, in place; untouched octets stay as they came.

    translate: gives the counterpart of (addr16, port), the same address when it needs none, None
    when it has none. media: is asked for the representation of each media address.
    Refused: the message would lead into a call that cannot work; it is then half changed.
    """
    _start_line(message, translate)
    for i in range(len(message.headers)):
        key, _, raw = message.headers[i]
        changed, unmapped = field(key, raw, translate)
        if unmapped and key == "contact":
            raise Refused(488, "Not Acceptable Here", (300, "Incompatible network protocol"))
        if changed is not raw:
            message.replace(i, changed)
    _body(message, translate, media)


def _start_line(message: "Request | Response", translate: "Translate") -> None:
    uri_text = getattr(message, "uri_text", None)
    if uri_text is None:
        return
    octets = uri_text.encode()
    low = octets[:5].lower()
    if low[:4] == b"sip:" or low == b"sips:":
        message.uri  # type: ignore[union-attr]  # FormatError 400, e.g. of an address without brackets
        work = Field(octets, translate)
        work.uri(0, len(octets), True)
        message.set_uri(work.result().decode())  # type: ignore[union-attr]


def _body(message: "Message", translate: "Translate", media: "Media") -> None:
    if not message.body:
        return
    kind = message.content_type()
    body = message.body
    if kind == "application/sdp":
        body = rewrite_sdp(body, translate, media)
    if body is not message.body:
        message.body = body
        if message.count("content-length"):
            message.set("Content-Length", str(len(body)))
