# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One tunnel octet by octet: 203.0.113.77:54321 asks 192.0.2.115 (SOURCE.md)."""

CLIENT_IPV4 = bytes((203, 0, 113, 77))
CLIENT_PORT = 54321
SERVER_IPV4 = bytes((192, 0, 2, 115))

_CREATE = (
    b'Content-length: 147\r\n<tunnel action="create" type="v6udpv4"><client>'
    b'<address type="ipv4">192.168.1.20</address><keepalive interval="30"></keepalive>'
    b"</client></tunnel>\r\n"
)
_INFO = (
    b'Content-length: 397\r\n200 Success\r\n<tunnel action="info" type="v6udpv4" '
    b'lifetime="1440"><server><address type="ipv4">192.0.2.115</address><address type="ipv6">'
    b'2001:db8:3653:1::1</address></server><client><address type="ipv4">203.0.113.77</address>'
    b'<address type="ipv6">2001:db8:3653:1:cb00:714d:d431:e0f0</address><keepalive interval="30">'
    b'<address type="ipv6">2001:db8:3653:1::1</address></keepalive></client></tunnel>\r\n'
)


def _datagram(first, second, text):
    return bytes.fromhex(first + second) + text


# (what it is, request, reply, their lengths)
EXCHANGES = (
    (
        "version",
        _datagram("f00000f0", "00000000", b"VERSION=2.0.0\r\n"),
        _datagram("f00000f0", "00000000", b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n"),
        (23, 50),
    ),
    (
        "authenticate",
        _datagram("f00000f1", "0000001e", b"AUTHENTICATE ANONYMOUS\r\n"),
        _datagram("f00000f1", "0000001e", b"200 Success\r\n"),
        (32, 21),
    ),
    (
        "create",
        _datagram("f00000f2", "0000003d", _CREATE),
        _datagram("f00000f2", "0000003d", _INFO),
        (176, 426),
    ),
    (
        "accept",
        _datagram(
            "f00000f3", "0000005b", b'Content-length: 35\r\n<tunnel action="accept"></tunnel>\r\n'
        ),
        _datagram("f00000f3", "0000005b", b"Content-length: 13\r\n200 Success\r\n"),
        (63, 41),
    ),
)
