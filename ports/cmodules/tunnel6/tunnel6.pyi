# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The interface of a PubTSP tunnel: IPv6 packets in UDP over IPv4, and IPv4 itself.

C carries the packets, lib/pubtsp decides: its Client is driven over the same endpoint, which keeps
for Python what is not a packet for our IPv6 stack. Addresses are 16 octets; those of IPv4 are
v4-mapped.
"""

import net6

INDEX: int  # interface index of the tunnel in net6.addresses()

def start_ipv4() -> None:
    """Begin DHCPv4 on a board; on unix begin to watch what the kernel has. Again: nothing."""

def ipv4() -> tuple[bytes, int, bytes | None, list[bytes], str] | None:
    """Return (address, prefix length, router or None, DNS servers, domain or "").

    None: no IPv4. net6.changed() is raised when this changes; a change of the host's resolver file
    alone is not seen.
    """

def attach(endpoint: net6.Endpoint) -> None:
    """Carry the tunnel over this endpoint from now on, in place of another one.

    endpoint: its local address is v4-mapped. Packets for the interface are taken out of it; in its
    queue stay for Python:
      - signalling (high nibble F),
      - Echo Replies from the keepalive address, whatever their destination,
      - ICMPv6 1/5 from the server that quotes a packet of ours,
      - probes of direct paths and their replies, from the server or a client of a known prefix.
    Empty datagrams are counted and dropped. An endpoint that Python closes lives until detach() or
    another attach(). ValueError: not an open IPv4 endpoint.
    """

def detach() -> None:
    """Carry the tunnel over no endpoint: packets are not sent. Again: nothing."""

def configure(
    address: bytes | None,
    server: bytes | None = None,
    port: int = 3653,
    keepalive: bytes | None = None,
) -> None:
    """Bring the interface up with an address (/128, MTU 1280), or down (None).

    server, port: where packets go and come from; keepalive: the server's own IPv6 address. With
    another address direct paths are forgotten, and endpoints bound to the old one hear no more.
    """

def prefer(preferred: bool) -> None:
    """Say whether new flows prefer the tunnel's address, or it is deprecated (RFC 6724 rule 3).

    It is preferred at first. A deprecated one still serves what was moved to it, and destinations
    that nothing else reaches.
    """

def set_prefixes(prefixes: list[bytes] | tuple[bytes, ...], martians: str | None = None) -> None:
    """Set the known PubTSP prefixes, 8 octets each, 16 at most; none: no direct paths.

    martians: "strict", "private" or "lab" (lib/pubtsp/martians.py) refuses clients whose IPv4
    address is not public; None: any unicast address but 0/8 and 127/8. ValueError.
    """

def set_peer(address: bytes, peer: bytes | None, port: int = 0) -> None:
    """Send to an address straight, to this IPv4 peer and port; None: by the server again.

    OSError: EACCES (address does not hold that peer and port, is in no known prefix, or may not be
    reached so), ENOBUFS (8 are set).
    """

def peers() -> list[tuple[bytes, int, int]]:
    """Return (address, packets sent, packets received) straight since each was set."""

def wanted() -> list[bytes]:
    """Take destinations in known prefixes that were sent to by the server, 8 at most.

    One that was told comes again after a second at the earliest.
    """

def signal() -> net6.Signal:
    """Return the signal that is raised while wanted() has something."""

def counters() -> dict[str, int]:
    """Return packets by what became of them.

    sent_server, sent_direct, received_server, received_direct; dropped (no room for what came),
    queued (left to Python), foreign (section 6.4), malformed, strangers (section 12), discovery
    (Redirects and their like), keepalives (empty datagrams), not_sent.
    """
