# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""IPv6 packets in the tunnel, ICMPv6 in them (RFC 8200, RFC 4443).

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|   6   | Traffic Class |           Flow Label                  |
|         Payload Length        |  Next Header  |   Hop Limit   |
|                     Source Address, 16 octets                 |
|                  Destination Address, 16 octets               |
"""

from vox6.wire import const

HEADER = 40  # octets
MTU = 1280  # of the tunnel, both ways (pubtsp.md section 7.6)

HOP_BY_HOP = 0
TCP = 6
UDP = 17
ROUTING = 43
FRAGMENT = 44
ICMPV6 = 58
DESTINATION_OPTIONS = 60

UNREACHABLE = 1
PACKET_TOO_BIG = 2
TIME_EXCEEDED = 3
ECHO_REQUEST = 128
ECHO_REPLY = 129
REDIRECT = 137

ADMINISTRATIVELY = 1  # codes of UNREACHABLE: 1/1
ADDRESS = 3  # 1/3
PORT = 4  # 1/4
POLICY = 5  # 1/5, source address failed ingress/egress policy

MALFORMED = -1  # of upper_layer(): a chain of headers that ends too early or has no end
ROUTING_0 = -2  # a Routing Header type 0 (RFC 5095)

_MAX_EXTENSIONS = const(6)  # extension headers looked at; each once and destination twice is 6
_MAX_QUOTE = const(1232)  # octets of the offending packet in an error: 1280 - 40 - 8
_HOP_LIMIT = const(64)


def checksum(source: bytes, destination: bytes, next_header: int, payload: bytes) -> int:
    """Return the checksum over pseudo-header and payload (RFC 8200 section 8.1).

    0 when the payload holds its own right checksum.
    """
    head = source + destination + len(payload).to_bytes(4, "big") + bytes((0, 0, 0, next_header))
    total = 0
    for data in (head, payload):
        for i in range(0, len(data) - 1, 2):
            total += data[i] << 8 | data[i + 1]
        if len(data) & 1:
            total += data[-1] << 8
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def build(
    source: bytes, destination: bytes, next_header: int, payload: bytes, hop_limit: int
) -> bytes:
    """Return a packet, traffic class and flow label 0."""
    head = b"\x60\x00\x00\x00" + len(payload).to_bytes(2, "big")
    return head + bytes((next_header, hop_limit)) + source + destination + payload


def icmpv6(
    source: bytes, destination: bytes, type: int, code: int, body: bytes, hop_limit: int
) -> bytes:
    """Return a packet with an ICMPv6 message; body: behind the checksum."""
    message = bytes((type, code, 0, 0)) + body
    total = checksum(source, destination, ICMPV6, message)
    message = message[:2] + bytes((total >> 8, total & 0xFF)) + body
    return build(source, destination, ICMPV6, message, hop_limit)


def error(source: bytes, destination: bytes, type: int, code: int, offending: bytes) -> bytes:
    """Return an ICMPv6 error that quotes a packet, at most 1280 octets (X-11)."""
    parameter = MTU if type == PACKET_TOO_BIG else 0
    body = parameter.to_bytes(4, "big") + offending[:_MAX_QUOTE]
    return icmpv6(source, destination, type, code, body, _HOP_LIMIT)


def echo_request(
    source: bytes,
    destination: bytes,
    identifier: int,
    sequence: int,
    data: bytes,
    hop_limit: int = _HOP_LIMIT,
) -> bytes:
    """Return a packet with an Echo Request (RFC 4443 section 4.1)."""
    body = (identifier << 16 | sequence).to_bytes(4, "big") + data
    return icmpv6(source, destination, ECHO_REQUEST, 0, body, hop_limit)


def echo_reply(packet: bytes, at: int, hop_limit: int = _HOP_LIMIT) -> "bytes | None":
    """Return the answer to an Echo Request whose ICMPv6 stands at an offset; None: bad checksum.

    Its source is the address asked, its length at most that of the request.
    """
    source, destination = packet[24:40], packet[8:24]
    message = packet[at:]
    if len(message) < 8 or checksum(destination, source, ICMPV6, message):
        return None
    return icmpv6(source, destination, ECHO_REPLY, 0, message[4:], hop_limit)


def upper_layer(packet: bytes) -> "tuple[int, int, bool]":
    """Walk the extension headers; return (next header, its offset, whether a later fragment).

    next header MALFORMED or ROUTING_0 instead of a number: what is wrong. Behind a Fragment
    header with an offset nothing can be known: its own next header is returned and True.
    """
    kind = packet[6]
    at = HEADER
    for _ in range(_MAX_EXTENSIONS + 1):
        if kind not in (HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS):
            return kind, at, False
        if at + 8 > len(packet):
            return MALFORMED, at, False
        if kind == ROUTING and packet[at + 2] == 0:
            return ROUTING_0, at, False
        following = packet[at]
        if kind == FRAGMENT:
            if packet[at + 2] or packet[at + 3] & 0xF8:
                return following, at + 8, True
            at += 8
        else:
            at += 8 + 8 * packet[at + 1]
        kind = following
    return MALFORMED, at, False


def is_error(packet: bytes) -> bool:
    """Return whether a packet is an ICMPv6 error or Redirect, which no error may answer."""
    kind, at, later = upper_layer(packet)
    if kind != ICMPV6 or later:
        return False
    return at >= len(packet) or packet[at] < 128 or packet[at] == REDIRECT


def with_hop_limit(packet: bytes, hop_limit: int) -> bytes:
    """Return a packet with another hop limit."""
    return packet[:7] + bytes((hop_limit,)) + packet[8:]


def traffic_class(packet: bytes) -> int:
    """Return the eight bits of DSCP and ECN."""
    return (packet[0] & 0x0F) << 4 | packet[1] >> 4


def with_ecn(packet: bytes, ecn: int) -> bytes:
    """Return a packet with another ECN field, 0..3."""
    return packet[:1] + bytes((packet[1] & 0xCF | ecn << 4,)) + packet[2:]
