# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a Client tells its driver (README.md has the table)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Peer = tuple[bytes, int]


class TunnelUp:
    """The tunnel carries packets: configure the address, /128, MTU 1280 (section 6.3).

    address: 16 octets, as the server gave it (section 4.5). server: its peer. interval: of the
    keepalive in seconds. lifetime: minutes. dns_server: 16 octets or None. keepalive: the address
    that our echoes go to.
    """

    def __init__(
        self,
        address: bytes,
        server: "Peer",
        interval: int,
        lifetime: int,
        dns_server: "bytes | None",
        keepalive: "bytes | None" = None,
    ) -> None:
        self.address = address
        self.server = server
        self.interval = interval
        self.lifetime = lifetime
        self.dns_server = dns_server
        self.keepalive = keepalive


class AddressChanged:
    """The NAT's mapping is another one, the old address is dead (section 6.5)."""

    def __init__(self, old: bytes, address: bytes) -> None:
        self.old = old
        self.address = address


class TunnelDown:
    """No packet passes any more: reason is a phrase for people; the address is gone."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Waiting:
    """No server serves us; the next try is in delay_ms (section 2.3)."""

    def __init__(self, delay_ms: int) -> None:
        self.delay_ms = delay_ms


class NameWanted:
    """A server is known by name: look up its IPv4 addresses, then call resolved()."""

    def __init__(self, name: str) -> None:
        self.name = name


class SocketWanted:
    """Close the tunnel's socket, open one with another port, then call socket_opened()."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class ServerRefused:
    """A server answered with a code (Appendix B). bug: it says that we are wrong, report it."""

    def __init__(self, server: "Peer", code: int, text: str, bug: bool) -> None:
        self.server = server
        self.code = code
        self.text = text
        self.bug = bug


class MappingUnstable:
    """This NAT changes mappings: count times in ten minutes (section 6.5)."""

    def __init__(self, count: int) -> None:
        self.count = count


class PayloadAltered:
    """This NAT writes other addresses into what it forwards: PubTSP cannot work (section 6.5)."""


class KeepaliveFound:
    """The NAT keeps a mapping for so many seconds (X-9)."""

    def __init__(self, interval: int) -> None:
        self.interval = interval


class PathPromoted:
    """Packets for a peer's address go straight to it from now on (X-13)."""

    def __init__(self, address: bytes, peer: "Peer") -> None:
        self.address = address
        self.peer = peer


class PathDemoted:
    """Packets for a peer's address go to the server again (X-13)."""

    def __init__(self, address: bytes) -> None:
        self.address = address
