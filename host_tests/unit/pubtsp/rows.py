# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Rows {name, packet in, verdict, packet out} for the rules U1..U10 and D1..D9.

Packets are made here by formulas of their own, not by lib/pubtsp; a second data plane (the one in
the kernel) can be given the same rows. IPv4 203.0.113.77:54321 is the client, 198.51.100.1 the
server, 198.51.100.2 another server, 2001:db8:99::7 a host; martians are those of a lab.
"""

PREFIX = bytes.fromhex("20010db836530001")
KEY = bytes(range(16))
SERVER = bytes((198, 51, 100, 1))
PEER_SERVER = bytes((198, 51, 100, 2))
V4 = bytes((203, 0, 113, 77))
PORT = 54321
CLIENT = PREFIX + bytes.fromhex("cb00714dd431e0f0")
OTHER_V4 = bytes((192, 0, 2, 135))
OTHER_PORT = 40000
OTHER = PREFIX + bytes.fromhex("c00002879c40119d")  # another client
P1 = PREFIX + bytes.fromhex("0000000000000001")
P0 = PREFIX + bytes(8)
HOST = bytes.fromhex("20010db8009900000000000000000007")


def address(text):
    """16 octets of hexadecimal with colons for readers, zeros filled in behind."""
    octets = bytes.fromhex(text.replace(":", ""))
    return octets + bytes(16 - len(octets))


def tail(text, last):
    """As address(), but the last octets given too."""
    octets = bytes.fromhex(text.replace(":", ""))
    end = bytes.fromhex(last.replace(":", ""))
    return octets + bytes(16 - len(octets) - len(end)) + end


def ip6(source, destination, payload=b"payload!", next_header=59, hop_limit=64, tclass=0):
    """An IPv6 packet."""
    first = 6 << 28 | tclass << 20
    return (
        first.to_bytes(4, "big")
        + len(payload).to_bytes(2, "big")
        + bytes((next_header, hop_limit))
        + source
        + destination
        + payload
    )


def ones(data):
    """The ones' complement sum of octets, folded."""
    if len(data) % 2:
        data += b"\0"
    total = sum([data[i] * 256 + data[i + 1] for i in range(0, len(data), 2)])
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return total


def icmp(source, destination, type, code, body, hop_limit=64):
    """A packet with ICMPv6."""
    pseudo = source + destination + (4 + len(body)).to_bytes(4, "big") + b"\0\0\0\x3a"
    total = 65535 - ones(pseudo + bytes((type, code, 0, 0)) + body)
    return ip6(
        source,
        destination,
        bytes((type, code)) + total.to_bytes(2, "big") + body,
        58,
        hop_limit,
    )


def error(destination, type, code, offending):
    """The server's ICMPv6 error."""
    parameter = 1280 if type == 2 else 0
    return icmp(P1, destination, type, code, parameter.to_bytes(4, "big") + offending[:1232])


def hops(packet, limit):
    """The packet with another hop limit."""
    return packet[:7] + bytes((limit,)) + packet[8:]


def echo(source, destination, hop_limit=64):
    return icmp(source, destination, 128, 0, b"\x12\x34\x00\x01ping ping", hop_limit)


def echoed(source, destination):
    return icmp(source, destination, 129, 0, b"\x12\x34\x00\x01ping ping")


def raw(packet, at, octets):
    """The packet with octets changed."""
    return packet[:at] + octets + packet[at + len(octets) :]


def udp(source, destination, **more):
    return ip6(source, destination, b"\x13\x88\x13\x89\x00\x0c\x00\x00text", 17, **more)


GOOD = udp(CLIENT, HOST)
DOWN = udp(HOST, CLIENT)
_RH0 = b"\x3b\x02\x00\x01" + bytes(20)
_RH3 = b"\x3b\x02\x03\x01" + bytes(20)
_HBH = b"\x3b\x00\x01\x04\x00\x00\x00\x00"
_MANY = b"\x3c\x00\x01\x04\x00\x00\x00\x00" * 8
_SIX = _MANY[:40] + b"\x3b" + _MANY[41:48]
_FRAGMENT = b"\x11\x00\x00\x01\x00\x00\x00\x07"
_LATER = b"\x11\x00\x00\xb9\x00\x00\x00\x07"
_JUMBO = b"\x3b\x00\xc2\x04\x00\x01\x00\x00"
_WRONG_TAG = CLIENT[:14] + b"\xe0\xf1"
_WRONG_PORT = CLIENT[:12] + b"\xd4\x32" + CLIENT[14:]
_WRONG_V4 = CLIENT[:8] + b"\xcb\x00\x71\x4e" + CLIENT[12:]
_FOREIGN = bytes.fromhex("20010db836530002") + CLIENT[8:]
_BIG = ip6(CLIENT, HOST, bytes(1241))
_LARGEST = ip6(CLIENT, HOST, bytes(1240))


def _client(v4, port, tag=0):
    return PREFIX + v4 + port.to_bytes(2, "big") + tag.to_bytes(2, "big")


def _to(destination):
    return udp(CLIENT, destination)


def _refused(name, destination, code=1, rule="U6", **config):
    packet = _to(destination)
    return (name, rule, packet, "error-down", error(CLIENT, 1, code, packet), config)


# (name, rule, datagram, action, packet out, {what differs: v4, port, tos, or of Config})
FROM_TUNNEL = (
    ("U1 good source", "U10", GOOD, "up", hops(GOOD, 63), {}),
    ("U1 least port", "U4", GOOD, "error-down", error(CLIENT, 1, 5, GOOD), {"port": 1024}),
    ("U1 port below", "U1", GOOD, "drop", b"", {"port": 1023}),
    ("U1 port 0", "U1", GOOD, "drop", b"", {"port": 0}),
    ("U1 port of a server", "U1", GOOD, "drop", b"", {"port": 3653}),
    ("U1 loopback", "U1", GOOD, "drop", b"", {"v4": bytes((127, 0, 0, 1))}),
    ("U1 private", "U1", GOOD, "drop", b"", {"v4": bytes((10, 0, 0, 1))}),
    ("U1 multicast", "U1", GOOD, "drop", b"", {"v4": bytes((224, 0, 0, 1))}),
    ("U1 TSP from a bad port", "U1", b"\xf0" + bytes(9), "refused", b"", {"port": 53}),
    ("U1 documentation is strict", "U1", GOOD, "drop", b"", {"policy": "strict"}),
    ("U1 denied", "U1", GOOD, "drop", b"", {"deny": ((V4, 24),)}),
    ("U1 not allowed", "U1", GOOD, "drop", b"", {"allow": ((OTHER_V4, 24),)}),
    ("U1 allowed", "U10", GOOD, "up", hops(GOOD, 63), {"allow": ((V4, 20),)}),
    ("U2 TSP", "U2", b"\xf0\x00\x00\xf0\x00\x00\x00\x00VERSION=2.0.0\r\n", "signalling", b"", {}),
    ("U2 empty", "U2", b"", "ignore", b"", {}),
    ("U2 IPv4", "U2", b"\x45" + bytes(60), "drop", b"", {}),
    ("U2 nibble 0", "U2", bytes(60), "drop", b"", {}),
    ("U3 shortest", "U10", ip6(CLIENT, HOST, b""), "up", ip6(CLIENT, HOST, b"", 59, 63), {}),
    ("U3 39 octets", "U3", GOOD[:39], "drop", b"", {}),
    ("U3 shorter than it says", "U3", GOOD[:-1], "drop", b"", {}),
    ("U3 longer is cut", "U10", GOOD + b"xx", "up", hops(GOOD, 63), {}),
    ("U3 longer by zeros is cut", "U10", GOOD + b"\0\0", "up", hops(GOOD, 63), {}),
    ("U3 jumbogram", "U3", raw(ip6(CLIENT, HOST, _JUMBO, 0), 4, b"\0\0"), "drop", b"", {}),
    ("U3 1280 octets", "U10", _LARGEST, "up", hops(_LARGEST, 63), {}),
    ("U3 1281 octets", "U3", _BIG, "error-down", error(CLIENT, 2, 0, _BIG), {}),
    ("U3 1281 octets of a stranger", "U3", raw(_BIG, 8, HOST), "drop", b"", {}),
    ("U4 wrong tag", "U4", udp(_WRONG_TAG, HOST), "error-down",
        error(_WRONG_TAG, 1, 5, udp(_WRONG_TAG, HOST)), {}),
    ("U4 wrong port", "U4", udp(_WRONG_PORT, HOST), "error-down",
        error(_WRONG_PORT, 1, 5, udp(_WRONG_PORT, HOST)), {}),
    ("U4 wrong IPv4", "U4", udp(_WRONG_V4, HOST), "error-down",
        error(_WRONG_V4, 1, 5, udp(_WRONG_V4, HOST)), {}),
    ("U4 another client", "U4", udp(OTHER, HOST), "error-down",
        error(OTHER, 1, 5, udp(OTHER, HOST)), {}),
    ("U4 another client by its port", "U4", udp(OTHER, HOST), "error-down",
        error(OTHER, 1, 5, udp(OTHER, HOST)), {"port": OTHER_PORT}),
    ("U4 another client by its IPv4", "U4", udp(OTHER, HOST), "error-down",
        error(OTHER, 1, 5, udp(OTHER, HOST)), {"v4": OTHER_V4}),
    ("U4 the server itself", "U4", udp(P1, HOST), "error-down",
        error(P1, 1, 5, udp(P1, HOST)), {}),
    ("U4 other prefix, rest fits", "U4", udp(_FOREIGN, HOST), "error-down",
        error(_FOREIGN, 1, 5, udp(_FOREIGN, HOST)), {}),
    ("U4 other prefix, another IPv4", "U4", udp(_FOREIGN, HOST), "drop", b"", {"v4": OTHER_V4}),
    ("U4 other prefix, another port", "U4", udp(_FOREIGN, HOST), "drop", b"", {"port": 40000}),
    ("U4 other prefix, hint off", "U4", udp(_FOREIGN, HOST), "drop", b"",
        {"foreign_hint": False}),
    ("U4 foreign source", "U4", udp(HOST, HOST), "drop", b"", {}),
    ("U4 link-local source", "U4", udp(tail("fe80", "01"), HOST), "drop", b"", {}),
    ("U4 no error for an error", "U4", icmp(_WRONG_TAG, HOST, 1, 4, bytes(44)), "drop", b"", {}),
    ("U4 no error for multicast", "U4", udp(_WRONG_TAG, tail("ff0e", "01")), "drop", b"", {}),
    ("U4 tag off", "U10", udp(CLIENT[:14] + b"\0\0", HOST), "up",
        hops(udp(CLIENT[:14] + b"\0\0", HOST), 63), {"mode": "off"}),
    ("U4 tag off, but one there", "U4", GOOD, "error-down", error(CLIENT, 1, 5, GOOD),
        {"mode": "off"}),
    ("U4 any tag of a LAN", "U10", udp(CLIENT[:14] + b"\0\7", HOST), "up",
        hops(udp(CLIENT[:14] + b"\0\7", HOST), 63), {"mode": "lan"}),
    ("U4 no tag of a LAN", "U4", udp(CLIENT[:14] + b"\0\0", HOST), "error-down",
        error(CLIENT[:14] + b"\0\0", 1, 5, udp(CLIENT[:14] + b"\0\0", HOST)), {"mode": "lan"}),
    ("U5 routing header 0", "U5", ip6(CLIENT, HOST, _RH0, 43), "drop", b"", {}),
    ("U5 routing header 3", "U10", ip6(CLIENT, HOST, _RH3, 43), "up",
        ip6(CLIENT, HOST, _RH3, 43, 63), {}),
    ("U5 routing header 0 behind options", "U5",
        ip6(CLIENT, HOST, b"\x2b" + _HBH[1:] + _RH0, 0), "drop", b"", {}),
    ("U5 hop-by-hop", "U10", ip6(CLIENT, HOST, _HBH, 0), "up", ip6(CLIENT, HOST, _HBH, 0, 63), {}),
    ("U5 hop-by-hop off", "U5", ip6(CLIENT, HOST, _HBH, 0), "drop", b"",
        {"allow_hop_by_hop": False}),
    ("U5 chain cut", "U5", ip6(CLIENT, HOST, b"\x3b\x00\x01", 60), "drop", b"", {}),
    ("U5 six headers", "U10", ip6(CLIENT, HOST, _SIX, 60), "up",
        ip6(CLIENT, HOST, _SIX, 60, 63), {}),
    ("U5 seven headers", "U5", ip6(CLIENT, HOST, _MANY[:8] + _SIX, 60), "drop", b"", {}),
    ("U5 chain too long", "U5", ip6(CLIENT, HOST, _MANY, 60), "drop", b"", {}),
    ("U5 fragments pass", "U10", ip6(CLIENT, HOST, _FRAGMENT + bytes(8), 44), "up",
        ip6(CLIENT, HOST, _FRAGMENT + bytes(8), 44, 63), {}),
    ("U5 later fragments pass", "U10", ip6(CLIENT, HOST, _LATER + b"\0", 44), "up",
        ip6(CLIENT, HOST, _LATER + b"\0", 44, 63), {}),
    ("U5 behind a later fragment nothing is known", "U10",
        ip6(CLIENT, HOST, b"\x2b" + _LATER[1:] + bytes(16), 44), "up",
        ip6(CLIENT, HOST, b"\x2b" + _LATER[1:] + bytes(16), 44, 63), {}),
    ("U6 good destination", "U10", _to(address("2400:1234")), "up",
        hops(_to(address("2400:1234")), 63), {}),
    _refused("U6 unspecified", bytes(16)),
    _refused("U6 loopback", tail("", "01")),
    ("U6 multicast", "U6", _to(tail("ff02", "01")), "drop", b"", {}),
    _refused("U6 link-local", tail("fe80", "01")),
    _refused("U6 site-local", tail("fec0", "01")),
    _refused("U6 v4-mapped", tail("", "ffff:0a000001")),
    _refused("U6 v4-compatible", tail("", "0a000001")),
    _refused("U6 ULA", tail("fd12", "01")),
    ("U6 ULA allowed", "U10", _to(tail("fd12", "01")), "up", hops(_to(tail("fd12", "01")), 63),
        {"allow_ula": True}),
    _refused("U6 NAT64", tail("0064:ff9b", "c0000201")),
    _refused("U6 NAT64 local", tail("0064:ff9b:0001", "c0000201")),
    ("U6 NAT64 allowed", "U10", _to(tail("0064:ff9b", "c0000201")), "up",
        hops(_to(tail("0064:ff9b", "c0000201")), 63), {"allow_nat64": True}),
    _refused("U6 6to4 of a private address", tail("2002:0a000001", "01")),
    _refused("U6 6to4 of the server", tail("2002:c6336401", "01")),
    _refused("U6 6to4 of another server", tail("2002:c6336402", "01")),
    ("U6 6to4 of a client", "U10", _to(tail("2002:08080808", "01")), "up",
        hops(_to(tail("2002:08080808", "01")), 63), {}),
    _refused("U6 Teredo of a private address", tail("2001:0000:08080808", "f5fffffe")),
    _refused("U6 Teredo by the server", tail("2001:0000:c6336401", "f7f7f7f7")),
    ("U6 Teredo of a client", "U10", _to(tail("2001:0000:08080808", "f7f7f7f7")), "up",
        hops(_to(tail("2001:0000:08080808", "f7f7f7f7")), 63), {}),
    ("U6 error answers no error", "U6", icmp(CLIENT, tail("fe80", "01"), 1, 0, bytes(44)), "drop",
        b"", {}),
    ("U6 denied destination", "deny", GOOD, "drop", b"", {"deny": ((HOST, 96),)}),
    ("U6 denied client by /112", "deny", GOOD, "drop", b"", {"deny": ((CLIENT, 112),)}),
    ("U7 echo to P::1", "U7", echo(CLIENT, P1), "down", echoed(P1, CLIENT), {}),
    ("U7 echo to P::", "U7", echo(CLIENT, P0), "down", echoed(P0, CLIENT), {}),
    ("U7 echo with the last hop", "U7", echo(CLIENT, P1, 1), "down", echoed(P1, CLIENT), {}),
    ("U7 echo with a bad checksum", "U7", raw(echo(CLIENT, P1), 42, b"\0\0"), "drop", b"", {}),
    _refused("U7 UDP to P::1", P1, 4, "U7"),
    ("U7 TCP to P::1", "U7", ip6(CLIENT, P1, bytes(20), 6), "error-down",
        error(CLIENT, 1, 4, ip6(CLIENT, P1, bytes(20), 6)), {}),
    ("U7 another protocol", "U7", ip6(CLIENT, P1, bytes(20), 59), "error-down",
        error(CLIENT, 1, 1, ip6(CLIENT, P1, bytes(20), 59)), {}),
    ("U7 error to P::1", "U7", icmp(CLIENT, P1, 1, 4, bytes(44)), "drop", b"", {}),
    ("U8 hop limit 2", "U10", hops(GOOD, 2), "up", hops(GOOD, 1), {}),
    ("U8 hop limit 1", "U8", hops(GOOD, 1), "error-down", error(CLIENT, 3, 0, hops(GOOD, 1)), {}),
    ("U8 hop limit 0", "U8", hops(GOOD, 0), "error-down", error(CLIENT, 3, 0, hops(GOOD, 0)), {}),
    ("U9 hairpin", "U9", udp(CLIENT, OTHER, tclass=0xB8), "down",
        hops(udp(CLIENT, OTHER, tclass=0xB8), 63),
        {"to": (OTHER_V4, OTHER_PORT, 0xB8)}),
    ("U9 hairpin of the largest", "U9", ip6(CLIENT, OTHER, bytes(1239) + b"x"), "down",
        ip6(CLIENT, OTHER, bytes(1239) + b"x", 59, 63), {"to": (OTHER_V4, OTHER_PORT, 0)}),
    ("U9 hairpin of an odd length", "U9", ip6(CLIENT, OTHER, b"odd"), "down",
        ip6(CLIENT, OTHER, b"odd", 59, 63), {"to": (OTHER_V4, OTHER_PORT, 0)}),
    ("U9 hairpin, ECN and DSCP off", "U9", udp(CLIENT, OTHER, tclass=0xBA), "down",
        udp(CLIENT, OTHER, tclass=0xBB, hop_limit=63),
        {"tos": 3, "copy_dscp": False, "to": (OTHER_V4, OTHER_PORT, 3)}),
    ("U9 hairpin to itself", "U9", udp(CLIENT, CLIENT), "down", hops(udp(CLIENT, CLIENT), 63),
        {"to": (V4, PORT, 0)}),
    _refused("U9 to a private address", _client(b"\x0a\0\0\1", 40000, 5), 1, "D4"),
    _refused("U9 to the port of a server", _client(OTHER_V4, 3653, 5), 1, "D4"),
    _refused("U9 to another server", _client(PEER_SERVER, 40000, 5), 1, "D4"),
    ("U9 hairpin off", "U9", udp(CLIENT, OTHER), "error-down",
        error(CLIENT, 1, 1, udp(CLIENT, OTHER)), {"hairpin": False}),
    ("U9 to port 0", "D3", udp(CLIENT, tail("20010db836530001cb00714d0000", "0005")), "error-down",
        error(CLIENT, 1, 3, udp(CLIENT, tail("20010db836530001cb00714d0000", "0005"))), {}),
    ("U9 to a wrong tag", "D5", udp(CLIENT, OTHER[:14] + b"\0\0"), "error-down",
        error(CLIENT, 1, 3, udp(CLIENT, OTHER[:14] + b"\0\0")), {}),
    ("U9 hop limit 1", "U8", hops(udp(CLIENT, OTHER), 1), "error-down",
        error(CLIENT, 3, 0, hops(udp(CLIENT, OTHER), 1)), {}),
    ("U10 the kernel decrements", "U10", GOOD, "up", GOOD, {"kernel_forwards": True}),
    ("ECN outer CE, inner ECT(0)", "U10", udp(CLIENT, HOST, tclass=2), "up",
        hops(udp(CLIENT, HOST, tclass=3), 63), {"tos": 3}),
    ("ECN outer ECT(1), inner ECT(0)", "U10", udp(CLIENT, HOST, tclass=2), "up",
        hops(udp(CLIENT, HOST, tclass=1), 63), {"tos": 1}),
    ("ECN outer ECT(0), inner ECT(1)", "U10", udp(CLIENT, HOST, tclass=0xB9), "up",
        hops(udp(CLIENT, HOST, tclass=0xB9), 63), {"tos": 2}),
    ("ECN outer CE, inner not", "ecn", udp(CLIENT, HOST), "drop", b"", {"tos": 3}),
    ("ECN outer not, inner CE", "U10", udp(CLIENT, HOST, tclass=3), "up",
        hops(udp(CLIENT, HOST, tclass=3), 63), {"tos": 0}),
)  # fmt: skip


def _down(name, rule, packet, type, code, **config):
    return (name, rule, packet, "error-up", error(packet[8:24], type, code, packet), config)


_D_BIG = ip6(HOST, CLIENT, bytes(1241))
_D_LARGEST = ip6(HOST, CLIENT, bytes(1240))
_D_TO = {"to": (V4, PORT, 0)}

# (name, rule, packet, action, packet out, {what differs})
TO_TUNNEL = (
    ("D1 good", "D9", DOWN, "down", hops(DOWN, 63), _D_TO),
    ("D1 version 4", "D1", b"\x40" + DOWN[1:], "drop", b"", {}),
    ("D1 too short", "D1", DOWN[:39], "drop", b"", {}),
    ("D1 nothing", "D1", b"", "drop", b"", {}),
    ("D1 shorter than it says", "D1", DOWN[:-1], "drop", b"", {}),
    ("D1 longer than it says", "D1", DOWN + b"x", "drop", b"", {}),
    ("D2 another prefix", "D2", udp(HOST, _FOREIGN), "drop", b"", {}),
    ("D3 echo to P::1", "D3", echo(HOST, P1), "up", echoed(P1, HOST), {}),
    ("D3 echo to P::", "D3", echo(HOST, P0), "up", echoed(P0, HOST), {}),
    ("D3 echo from one of ours", "D3", echo(CLIENT, P1), "drop", b"", {}),
    _down("D3 UDP to P::1", "D3", udp(HOST, P1), 1, 3),
    _down("D3 port 0", "D3", udp(HOST, _client(V4, 0, 5)), 1, 3),
    ("D3 no error for an error", "D3", icmp(HOST, _client(V4, 0, 5), 1, 3, bytes(44)), "drop",
        b"", {}),
    _down("D4 loopback", "D4", udp(HOST, _client(bytes((127, 0, 0, 1)), 5060)), 1, 1),
    _down("D4 private", "D4", udp(HOST, _client(bytes((10, 0, 0, 1)), 5060)), 1, 1),
    _down("D4 broadcast", "D4", udp(HOST, _client(b"\xff\xff\xff\xff", 5060)), 1, 1),
    _down("D4 port below", "D4", udp(HOST, _client(V4, 1023)), 1, 1),
    _down("D4 port of a server", "D4", udp(HOST, _client(V4, 3653)), 1, 1),
    _down("D4 our own IPv4", "D4", udp(HOST, _client(SERVER, 40000)), 1, 1),
    _down("D4 another server", "D4", udp(HOST, _client(PEER_SERVER, 40000)), 1, 1),
    _down("D4 private, tag off", "D4", udp(HOST, _client(b"\x0a\0\0\1", 5060)), 1, 1, mode="off"),
    _down("D4 port below, tag off", "D4", udp(HOST, _client(V4, 1023)), 1, 1, mode="off"),
    _down("D4 our own IPv4, tag off", "D4", udp(HOST, _client(SERVER, 40000)), 1, 1, mode="off"),
    _down("D4 another server, tag off", "D4", udp(HOST, _client(PEER_SERVER, 40000)), 1, 1,
        mode="off"),
    _down("D4 denied", "D4", DOWN, 1, 1, deny=((V4, 32),)),
    _down("D5 wrong tag", "D5", udp(HOST, _WRONG_TAG), 1, 3),
    _down("D5 no tag", "D5", udp(HOST, CLIENT[:14] + b"\0\0"), 1, 3),
    ("D5 tag off", "D9", udp(HOST, CLIENT[:14] + b"\0\0"), "down",
        hops(udp(HOST, CLIENT[:14] + b"\0\0"), 63), {"mode": "off", "to": (V4, PORT, 0)}),
    _down("D5 tag off, but one there", "D5", DOWN, 1, 3, mode="off"),
    ("D5 any tag of a LAN", "D9", udp(HOST, CLIENT[:14] + b"\0\7"), "down",
        hops(udp(HOST, CLIENT[:14] + b"\0\7"), 63), {"mode": "lan", "to": (V4, PORT, 0)}),
    ("D6 one of our clients", "D6", udp(OTHER, CLIENT), "drop", b"", {}),
    ("D6 P::1", "D6", udp(P1, CLIENT), "drop", b"", {}),
    ("D6 multicast", "D6", udp(tail("ff02", "01"), CLIENT), "drop", b"", {}),
    ("D6 unspecified", "D6", udp(bytes(16), CLIENT), "drop", b"", {}),
    ("D6 loopback", "D6", udp(tail("", "01"), CLIENT), "drop", b"", {}),
    ("D6 link-local", "D6", udp(tail("fe80", "01"), CLIENT), "drop", b"", {}),
    ("D6 v4-mapped", "D6", udp(tail("", "ffff08080808"), CLIENT), "drop", b"", {}),
    ("D6 ULA", "D6", udp(tail("fd12", "01"), CLIENT), "drop", b"", {}),
    ("D6 ULA allowed", "D9", udp(tail("fd12", "01"), CLIENT), "down",
        hops(udp(tail("fd12", "01"), CLIENT), 63), {"allow_ula": True, "to": (V4, PORT, 0)}),
    ("D6 a bad source gets no error of D5", "D5", udp(tail("fe80", "01"), _WRONG_TAG), "drop",
        b"", {}),
    ("D6 denied source", "deny", DOWN, "drop", b"", {"deny": ((HOST, 64),)}),
    ("D7 1280 octets", "D9", _D_LARGEST, "down", hops(_D_LARGEST, 63), _D_TO),
    _down("D7 1281 octets", "D7", _D_BIG, 2, 0),
    ("D8 hop limit 2", "D9", hops(DOWN, 2), "down", hops(DOWN, 1), _D_TO),
    _down("D8 hop limit 1", "D8", hops(DOWN, 1), 3, 0),
    ("D8 behind the kernel's forwarding", "D9", hops(DOWN, 1), "down", hops(DOWN, 1),
        {"kernel_forwards": True, "to": (V4, PORT, 0)}),
    ("D9 an odd length", "D9", ip6(HOST, CLIENT, b"odd"), "down",
        ip6(HOST, CLIENT, b"odd", 59, 63), _D_TO),
    ("D9 no payload", "D9", ip6(HOST, CLIENT, b""), "down", ip6(HOST, CLIENT, b"", 59, 63), _D_TO),
    ("D9 echo to a client", "D9", echo(HOST, CLIENT), "down", echo(HOST, CLIENT, 63), _D_TO),
    ("D9 error to a client", "D9", icmp(HOST, CLIENT, 1, 4, bytes(48)), "down",
        icmp(HOST, CLIENT, 1, 4, bytes(48), 63), _D_TO),
    ("D9 fragments pass", "D9", ip6(HOST, CLIENT, _LATER + b"\0", 44), "down",
        ip6(HOST, CLIENT, _LATER + b"\0", 44, 63), _D_TO),
    ("D9 DSCP and ECN are copied", "D9", udp(HOST, CLIENT, tclass=0xBA), "down",
        udp(HOST, CLIENT, tclass=0xBA, hop_limit=63), {"to": (V4, PORT, 0xBA)}),
    ("D9 DSCP off", "D9", udp(HOST, CLIENT, tclass=0xBA), "down",
        udp(HOST, CLIENT, tclass=0xBA, hop_limit=63),
        {"copy_dscp": False, "to": (V4, PORT, 2)}),
)  # fmt: skip
