# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The client's rules for packets as pure functions (pubtsp.md sections 6.4 and 12)."""

from . import ipv6, martians
from .address import SERVER_PORT, embedded

MAGIC = b"PubTSPdp"  # the first 8 of the 16 octets in a probe
PROBE_HOP_LIMIT = 255


def cut(data: bytes) -> "bytes | None":
    """Return the packet in a datagram, without what stands behind it; None: lengths (U3)."""
    if len(data) < ipv6.HEADER or data[0] >> 4 != 6:
        return None
    length = ipv6.HEADER + (data[4] << 8 | data[5])
    if length > len(data) or length > ipv6.MTU:
        return None
    if length == ipv6.HEADER and data[6] == ipv6.HOP_BY_HOP:
        return None  # a jumbogram
    return data if length == len(data) else data[:length]


def is_good_source(source: bytes, own: bytes) -> bool:
    """Return whether a packet for us may come from an address (section 6.4)."""
    if source == own or martians.is_multicast(source) or martians.is_link_local(source):
        return False
    return source[:15] != bytes(15) or source[15] > 1


def from_server(packet: bytes, own: bytes) -> bool:
    """Return whether a packet that the server sent is for us."""
    return packet[24:40] == own and is_good_source(packet[8:24], own)


def from_peer(
    packet: bytes, own: bytes, prefixes: "tuple[bytes, ...]", v4: bytes, port: int
) -> bool:
    """Return whether a packet that a stranger sent straight to us is his own (X-13).

    The server's egress check, done here: known prefix, then the IPv4 address and port that it came
    from. Probes have hop limit 255, so that no router stood between.
    """
    source = packet[8:24]
    if source[:8] not in prefixes or packet[24:40] != own or source == own:
        return False
    if source[8:12] != v4 or source[12] << 8 | source[13] != port:
        return False
    return probe_nonce(packet) is None or packet[7] == PROBE_HOP_LIMIT


def probe_nonce(packet: bytes) -> "bytes | None":
    """Return the nonce of a probe or of the reply to one, None for other packets."""
    if packet[6] != ipv6.ICMPV6 or len(packet) != ipv6.HEADER + 24:
        return None
    if packet[40] not in (ipv6.ECHO_REQUEST, ipv6.ECHO_REPLY) or packet[48:56] != MAGIC:
        return None
    if ipv6.checksum(packet[8:24], packet[24:40], ipv6.ICMPV6, packet[40:]):
        return None
    return packet[56:64]


def direct_peer(
    address: bytes, own: bytes, prefixes: "tuple[bytes, ...]", policy: str
) -> "tuple[bytes, int] | None":
    """Return (IPv4, port) to reach a client of PubTSP straight, None if that cannot be."""
    if address[:8] not in prefixes or address == own:
        return None
    v4, port, _ = embedded(address)
    if port < 1024 or port == SERVER_PORT or not martians.is_public(v4, policy):
        return None
    return v4, port
