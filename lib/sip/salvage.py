# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What can be answered of a datagram that is no good request (RFC 4475 section 3.1.2)."""

from vox6.sip.message import MAX_HEADERS, TOKEN, Request, header_key
from vox6.wire import const

_SALVAGED = const(2048)  # octets of one header that an answer to a malformed request repeats


def salvage(octets: bytes) -> "Request | None":
    """Return what can be answered of a datagram that `parse` refused, or None.

    The result is a request with its Via, From, To, Call-ID and CSeq as they came, any of them
    malformed or, but for Via, missing.
    """
    start = len(octets) - len(octets.lstrip(b"\r\n"))
    end = octets.find(b"\r\n\r\n", start)
    if end < 0:
        end = len(octets)
    lines = octets[start:end].split(b"\r\n", MAX_HEADERS)
    line = lines[0]
    space = line.find(b" ")
    if space < 1 or line[:4].upper() == b"SIP/":
        return None
    try:
        method = line[:space].decode()
        if method.strip(TOKEN) or method == "ACK" or line.find(b" SIP/", space) < 0:
            return None
        request = Request(method, "sip:invalid")
        name = ""
        for line in lines[1:MAX_HEADERS]:
            if line[:1] in (b" ", b"\t"):
                if name:
                    key, name, raw = request.headers.pop()
                    if b"\r" in line or b"\n" in line or len(raw) + len(line) > _SALVAGED:
                        name = ""
                    else:
                        request.headers.append((key, name, raw + b"\r\n" + line))
                continue
            name = ""
            colon = line.find(b":")
            if colon < 1 or b"\r" in line or b"\n" in line or len(line) > _SALVAGED:
                continue
            try:
                key = line[:colon].decode().strip(" \t")
            except UnicodeError:
                continue
            if key.strip(TOKEN):
                continue
            name = key
            key = header_key(key)
            if key == "via" or (
                key in ("from", "to", "call-id", "cseq") and not request.count(key)
            ):
                request.headers.append((key, name, line[colon + 1 :]))
            else:
                name = ""
    except UnicodeError:
        return None
    return request if request.count("via") else None
