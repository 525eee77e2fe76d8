# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How deployed TSP clients talk (SOURCE.md): sequence from 240, little habits of each.

Each script is a list of (text of the request, how the reply's text begins).
"""

_KEEPALIVE = b'<keepalive interval="30"><address type="ipv6">::</address></keepalive>'  # 2.x


def content(text):
    """The text behind a Content-length line that counts all of it."""
    return b"Content-length: %d\r\n" % len(text) + text


CAPABILITY = b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n"
OK = b"200 Success\r\n"
COUNTED_OK = content(OK)

# gogoc and gw6c: 2.0.2 first, v6anyv4, proxy="no", lines of their own in the XML, keepalive child.
GOGOC = (
    (b"VERSION=2.0.2\r\n", CAPABILITY),
    (b"AUTHENTICATE ANONYMOUS\r\n", OK),
    (
        content(
            b'<tunnel action="create" type="v6anyv4" proxy="no">\r\n <client>\r\n'
            b'  <address type="ipv4">192.168.1.20</address>\r\n  ' + _KEEPALIVE + b"\r\n"
            b" </client>\r\n</tunnel>\r\n"
        ),
        b"Content-length: ",
    ),
    (content(b'<tunnel action="accept"></tunnel>\r\n'), COUNTED_OK),
)

# The same told to log in: refused at once, so that it falls back to ANONYMOUS or tells its user.
DIGEST = (
    (b"VERSION=2.0.2\r\n", CAPABILITY),
    (b"AUTHENTICATE DIGEST-MD5\r\n", b"300 Authentication failed\r\n"),
)
PLAIN = (
    (b"VERSION=2.0.1\r\n", CAPABILITY),
    (b"AUTHENTICATE PLAIN\r\n", b"300 Authentication failed\r\n"),
)
PASSDSS = ((b"AUTHENTICATE PASSDSS-3DES-1\r\n", b"300 Authentication failed\r\n"),)

# A server that knows none of the newer ones makes it step down; ours knows 2.0.x.
LADDER = (
    (b"VERSION=2.0.9\r\n", b"302 Unsupported client version\r\n"),
    (b"VERSION=2.0.2\r\n", CAPABILITY),
    (b"VERSION=2.0.1\r\n", CAPABILITY),
    (b"VERSION=2.0.0\r\n", CAPABILITY),
    (b"VERSION=1.0.1\r\n", b"302 Unsupported client version\r\n"),
)

# Small clients: everything in one line, the count without the CR LF, LF alone, odd spelling.
SMALL = (
    (b"version=2.0.0\n", CAPABILITY),
    (b"authenticate anonymous\n", OK),
    (
        b"content-length: 145\r\n"
        b'<tunnel action="create" type="v6udpv4"><client><address type="ipv4">192.168.1.20'
        b'</address><keepalive interval="30"></keepalive></client></tunnel>\r\n',
        b"Content-length: ",
    ),
    (b"Content-length: 33\r\n<tunnel action='accept'></tunnel>\r\n", COUNTED_OK),
)

# The examples of RFC 5572: XML declaration, comments, "accept" with a type.
TEXTBOOK = (
    (
        content(
            b'<?xml version="1.0"?><!-- tunnel -->\n<tunnel action="create" type="v6udpv4">\r\n'
            b'<client>\r\n<address type="ipv4">\r\n192.0.2.135\r\n</address>\r\n'
            b'<keepalive interval="30"/>\r\n</client>\r\n</tunnel>\r\n'
        ),
        b"Content-length: ",
    ),
    (content(b'<tunnel action="accept" type="v6udpv4"></tunnel>\r\n'), COUNTED_OK),
)
