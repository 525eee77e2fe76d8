# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The server's packet rules U1..U10 and D1..D9 as pure functions (pubtsp.md section 7).

A packet and where it came from go in, a Verdict comes out: nothing is remembered, nothing counted,
no clock asked. The portable data plane runs these functions, the one in the kernel is compared
with them. Errors are made by Rules.error() after the caller's token buckets have said yes.
"""

from vox6.wire.errors import LocalProtocolError

from . import ipv6, martians
from .address import SERVER_PORT, AddressFormat, embedded

TYPE_CHECKING = False
if TYPE_CHECKING:
    Network = tuple[bytes, int]  # octets of an address, how many bits count

DROP = "drop"
IGNORE = "ignore"  # an empty datagram
SIGNALLING = "signalling"  # to the TSP server
REFUSED = "refused"  # TSP from a source that cannot have a tunnel: 310
UP = "up"  # write the packet to the IPv6 side
DOWN = "down"  # send the packet in UDP to the verdict's client
ERROR_UP = "error-up"  # an ICMPv6 error to the IPv6 side, if the buckets allow
ERROR_DOWN = "error-down"  # an ICMPv6 error in UDP to the client, if the buckets allow

_MULTICAST = 0xFF


class Config:
    """What an operator sets for one prefix (section 7.1).

    service_ipv4: four octets of the address that clients of this prefix send to. servers: IPv4
    addresses besides it that belong to servers: peers and anycast addresses (D4, U6). deny,
    allow: networks as (octets, bits); four octets for IPv4 of clients, 16 for addresses of either
    side; an allow list with IPv4 networks lets only these in. kernel_forwards: packets pass the
    kernel's forwarding on the IPv6 side, which decrements the hop limit (C-8).
    """

    def __init__(
        self,
        addresses: AddressFormat,
        service_ipv4: bytes,
        servers: "tuple[bytes, ...]" = (),
        policy: str = martians.STRICT,
        ports_min: int = 1024,
        allow_ula: bool = False,
        allow_nat64: bool = False,
        allow_hop_by_hop: bool = True,
        hairpin: bool = True,
        copy_dscp: bool = True,
        foreign_hint: bool = True,
        kernel_forwards: bool = False,
        deny: "tuple[Network, ...]" = (),
        allow: "tuple[Network, ...]" = (),
    ) -> None:
        if policy not in martians.POLICIES:
            raise LocalProtocolError("martians is strict, private or lab")
        if len(service_ipv4) != 4:
            raise LocalProtocolError("the service address has four octets")
        self.addresses = addresses
        self.service_ipv4 = service_ipv4
        self.servers = (service_ipv4,) + tuple(servers)
        self.policy = policy
        self.ports_min = ports_min
        self.allow_ula = allow_ula
        self.allow_nat64 = allow_nat64
        self.allow_hop_by_hop = allow_hop_by_hop
        self.hairpin = hairpin
        self.copy_dscp = copy_dscp
        self.foreign_hint = foreign_hint
        self.kernel_forwards = kernel_forwards
        self.deny = tuple(deny)
        self.allow = tuple(allow)


class Verdict:
    """What becomes of a packet.

    action: a word above. rule: which rule decided: "U4", "D5"; with U9 it is that of the D rules
    when one of them failed. packet: for UP and DOWN the octets to write, for errors the offending
    ones. ipv4, port: of the client, for DOWN and ERROR_DOWN. tos: the outer traffic class for
    DOWN. type, code: of an error. to: an error's inner destination.
    """

    __slots__ = ("action", "rule", "packet", "ipv4", "port", "tos", "type", "code", "to")

    def __init__(
        self,
        action: str,
        rule: str,
        packet: bytes = b"",
        ipv4: bytes = b"",
        port: int = 0,
        tos: int = 0,
        type: int = 0,
        code: int = 0,
        to: bytes = b"",
    ) -> None:
        self.action = action
        self.rule = rule
        self.packet = packet
        self.ipv4 = ipv4
        self.port = port
        self.tos = tos
        self.type = type
        self.code = code
        self.to = to


def _matches(octets: bytes, networks: "tuple[Network, ...]") -> bool:
    for network, bits in networks:
        if len(network) != len(octets):
            continue
        whole = bits >> 3
        if octets[:whole] != network[:whole]:
            continue
        rest = 8 - (bits & 7)
        if rest == 8 or octets[whole] >> rest == network[whole] >> rest:
            return True
    return False


def _has_ipv4(networks: "tuple[Network, ...]") -> bool:
    for network, _ in networks:
        if len(network) == 4:
            return True
    return False


class Rules:
    """The rules under one configuration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.addresses = config.addresses
        self._prefix = config.addresses.prefix
        self._own = (config.addresses.server_address, config.addresses.anycast_address)
        self._listed = _has_ipv4(config.allow)
        # 2001:db8::/32 as a destination (U6)
        self._lab = config.policy == martians.LAB

    # clients

    def is_usable(self, v4: bytes, port: int) -> bool:
        """Return whether a client may have this IPv4 address and port (U1, D4)."""
        config = self.config
        if port < config.ports_min or port == SERVER_PORT or port > 65535:
            return False
        if not martians.is_public(v4, config.policy):
            return False
        if config.deny and _matches(v4, config.deny):
            return False
        return not self._listed or _matches(v4, config.allow)

    # U rules

    def from_tunnel(self, data: bytes, v4: bytes, port: int, tos: int = 0) -> Verdict:
        """Judge a datagram of the UDP socket (section 7.2).

        v4, port: its source. tos: the outer traffic class as received, 0 if unknown.
        """
        usable = self.is_usable(v4, port)
        nibble = data[0] >> 4 if data else -1
        if not usable:  # U1
            return Verdict(REFUSED if nibble == 0xF else DROP, "U1")
        if nibble == 0xF:  # U2
            return Verdict(SIGNALLING, "U2")
        if nibble < 0:  # U2, X-2
            return Verdict(IGNORE, "U2")
        if nibble != 6:  # U2
            return Verdict(DROP, "U2")
        # U3
        received = len(data)
        if received < ipv6.HEADER:
            return Verdict(DROP, "U3")
        length = ipv6.HEADER + (data[4] << 8 | data[5])
        if length > received or (length == ipv6.HEADER and data[6] == ipv6.HOP_BY_HOP):
            return Verdict(DROP, "U3")  # shorter than it says, or a jumbogram
        packet = data if length == received else data[:length]
        source = packet[8:24]
        if length > ipv6.MTU:
            return self._error_down("U3", ipv6.PACKET_TOO_BIG, 0, packet, v4, port, False)
        # U4, egress check
        if source[:8] != self._prefix:
            if self.config.foreign_hint and self._is_observed(source, v4, port):
                return self._error_down(
                    "U4", ipv6.UNREACHABLE, ipv6.POLICY, packet, v4, port, True
                )
            return Verdict(DROP, "U4")
        if not self._is_observed(source, v4, port) or not self.addresses.is_valid(source):
            return self._error_down("U4", ipv6.UNREACHABLE, ipv6.POLICY, packet, v4, port, False)
        return self._inner(packet, v4, port, tos)

    def _is_observed(self, source: bytes, v4: bytes, port: int) -> bool:
        return source[8:12] == v4 and source[12] == port >> 8 and source[13] == port & 0xFF

    def _inner(self, packet: bytes, v4: bytes, port: int, tos: int) -> Verdict:
        """Judge what U4 has let pass: U5 to U10."""
        config = self.config
        source, destination = packet[8:24], packet[24:40]
        if config.deny and (_matches(source, config.deny) or _matches(destination, config.deny)):
            return Verdict(DROP, "deny")
        # U5
        kind = packet[6]
        if kind in (ipv6.HOP_BY_HOP, ipv6.ROUTING, ipv6.FRAGMENT, ipv6.DESTINATION_OPTIONS):
            if kind == ipv6.HOP_BY_HOP and not config.allow_hop_by_hop:
                return Verdict(DROP, "U5")
            if ipv6.upper_layer(packet)[0] < 0:
                return Verdict(DROP, "U5")
        inside = destination[:8] == self._prefix
        # U6
        if not inside and self._is_forbidden(destination):
            return self._error_down(
                "U6", ipv6.UNREACHABLE, ipv6.ADMINISTRATIVELY, packet, v4, port, False
            )
        # RFC 6040, normal mode: what the outer header has learnt of congestion
        if tos & 3:
            inner = packet[1] >> 4 & 3
            if tos & 3 == 3 and inner == 0:
                return Verdict(DROP, "ecn")
            if inner and inner != 3 and (tos & 3 == 3 or (tos & 3 == 1 and inner == 2)):
                packet = ipv6.with_ecn(packet, tos & 3)
        # U7
        if destination in self._own:
            return self._to_server(packet, v4, port)
        # U8
        if packet[7] <= 1:
            return self._error_down("U8", ipv6.TIME_EXCEEDED, 0, packet, v4, port, False)
        # U9
        if inside:
            return self._hairpin(packet, v4, port)
        # U10
        if not config.kernel_forwards:
            packet = ipv6.with_hop_limit(packet, packet[7] - 1)
        return Verdict(UP, "U10", packet)

    def _is_forbidden(self, destination: bytes) -> bool:
        """Return whether a destination is none of the IPv6 Internet's (U6)."""
        first = destination[0]
        if first == 0:
            if martians.is_low(destination):
                return True
            return not self.config.allow_nat64 and martians.is_nat64(destination)
        if first >= 0xFC:
            if first == _MULTICAST or first == 0xFE and destination[1] & 0x80:
                return True
            return martians.is_ula(destination) and not self.config.allow_ula
        if martians.is_documentation(destination):
            return not self._lab
        for v4 in martians.tunnelled_ipv4(destination):  # RFC 6324
            if v4 in self.config.servers or not martians.is_public(v4, self.config.policy):
                return True
        return False

    def _to_server(self, packet: bytes, v4: bytes, port: int) -> Verdict:
        """Answer a client's packet to P::1 or P:: (U7)."""
        kind, at, later = ipv6.upper_layer(packet)
        if kind == ipv6.ICMPV6 and not later and packet[at : at + 1] == b"\x80":
            reply = ipv6.echo_reply(packet, at)
            if reply is None:
                return Verdict(DROP, "U7")
            return Verdict(DOWN, "U7", reply, v4, port)
        code = ipv6.PORT if kind in (ipv6.UDP, ipv6.TCP) else ipv6.ADMINISTRATIVELY
        return self._error_down("U7", ipv6.UNREACHABLE, code, packet, v4, port, False)

    def _hairpin(self, packet: bytes, v4: bytes, port: int) -> Verdict:
        """Send a client's packet to another client (U9): D3 to D8, then out again."""
        if not self.config.hairpin:
            return self._error_down(
                "U9", ipv6.UNREACHABLE, ipv6.ADMINISTRATIVELY, packet, v4, port, False
            )
        failed = self._judge_destination(packet[24:40])
        if failed is not None:
            rule, code = failed
            return self._error_down(rule, ipv6.UNREACHABLE, code, packet, v4, port, False)
        to_v4, to_port, _ = embedded(packet[24:40])
        # The one hop that this server is (C-8); no kernel takes part.
        packet = ipv6.with_hop_limit(packet, packet[7] - 1)
        return Verdict(DOWN, "U9", packet, to_v4, to_port, self._outer_tos(packet))

    # D rules

    def to_tunnel(self, packet: bytes) -> Verdict:
        """Judge a packet of the IPv6 side (section 7.3)."""
        # D1
        if len(packet) < ipv6.HEADER or packet[0] >> 4 != 6:
            return Verdict(DROP, "D1")
        if ipv6.HEADER + (packet[4] << 8 | packet[5]) != len(packet):
            return Verdict(DROP, "D1")
        source, destination = packet[8:24], packet[24:40]
        # D2
        if destination[:8] != self._prefix:
            return Verdict(DROP, "D2")
        config = self.config
        if config.deny and (_matches(source, config.deny) or _matches(destination, config.deny)):
            return Verdict(DROP, "deny")
        # D3, the server itself
        if destination in self._own:
            kind, at, later = ipv6.upper_layer(packet)
            if kind == ipv6.ICMPV6 and not later and packet[at : at + 1] == b"\x80":
                reply = None if self._is_bad_source(source) else ipv6.echo_reply(packet, at)
                return Verdict(DROP if reply is None else UP, "D3", reply or b"")
            return self._error_up("D3", ipv6.UNREACHABLE, ipv6.ADDRESS, packet)
        # D3, D4, D5
        failed = self._judge_destination(destination)
        if failed is not None:
            return self._error_up(failed[0], ipv6.UNREACHABLE, failed[1], packet)
        # D6, ingress filter
        if self._is_bad_source(source):
            return Verdict(DROP, "D6")
        # D7
        if len(packet) > ipv6.MTU:
            return self._error_up("D7", ipv6.PACKET_TOO_BIG, 0, packet)
        # D8; behind the kernel's forwarding it has been decremented already (C-8)
        if packet[7] <= (0 if config.kernel_forwards else 1):
            return self._error_up("D8", ipv6.TIME_EXCEEDED, 0, packet)
        if not config.kernel_forwards:
            packet = ipv6.with_hop_limit(packet, packet[7] - 1)
        # D9
        v4, port, _ = embedded(destination)
        return Verdict(DOWN, "D9", packet, v4, port, self._outer_tos(packet))

    def _judge_destination(self, destination: bytes) -> "tuple[str, int] | None":
        """Return (rule, code of 1/x) for a destination in P/64 that is no client's, or None."""
        v4, port, _ = embedded(destination)
        if port == 0:
            return "D3", ipv6.ADDRESS
        if not self.is_usable(v4, port) or v4 in self.config.servers:
            return "D4", ipv6.ADMINISTRATIVELY
        if not self.addresses.is_valid(destination):
            return "D5", ipv6.ADDRESS
        return None

    def _is_bad_source(self, source: bytes) -> bool:
        """Return whether no packet of the IPv6 side may come from there (D6)."""
        if source[:8] == self._prefix:  # RFC 2827: nobody outside has our clients' addresses
            return True
        first = source[0]
        if first == 0:
            return source[:10] == bytes(10) and (
                source[10:12] == b"\xff\xff" or source[10:15] == bytes(5) and source[15] < 2
            )
        if first < 0xFC:
            return False
        if first == _MULTICAST or martians.is_link_local(source):
            return True
        return martians.is_ula(source) and not self.config.allow_ula

    def _outer_tos(self, packet: bytes) -> int:
        """Return DSCP copied unless that is off, ECN by RFC 6040 normal mode (section 7.5)."""
        inner = ipv6.traffic_class(packet)
        return inner if self.config.copy_dscp else inner & 3

    # errors

    def _error_down(
        self,
        rule: str,
        type: int,
        code: int,
        packet: bytes,
        v4: bytes,
        port: int,
        foreign: bool,
    ) -> Verdict:
        """Return the verdict of an error to the client that is observed, whatever it claims."""
        source = packet[8:24]
        if (source[:8] != self._prefix and not foreign) or not self._may_answer(packet, type):
            return Verdict(DROP, rule)
        return Verdict(ERROR_DOWN, rule, packet, v4, port, 0, type, code, source)

    def _error_up(self, rule: str, type: int, code: int, packet: bytes) -> Verdict:
        source = packet[8:24]
        if self._is_bad_source(source) or not self._may_answer(packet, type):
            return Verdict(DROP, rule)
        return Verdict(ERROR_UP, rule, packet, b"", 0, 0, type, code, source)

    def _may_answer(self, packet: bytes, type: int) -> bool:
        """Return whether an error may answer a packet (RFC 4443 section 2.4(e))."""
        if packet[24] == _MULTICAST and type != ipv6.PACKET_TOO_BIG:
            return False
        return not ipv6.is_error(packet)

    def error(self, verdict: Verdict) -> bytes:
        """Return the ICMPv6 error of a verdict: the packet and 48 octets at most (X-11)."""
        return ipv6.error(
            self.addresses.server_address, verdict.to, verdict.type, verdict.code, verdict.packet
        )

    def translated(self, quoted: bytes, v4: bytes, port: int) -> Verdict:
        """Judge an ICMPv4 Destination Unreachable for a datagram that we sent (section 7.7).

        quoted: of the inner packet, as much as came back. v4, port: where it went.
        """
        if len(quoted) < ipv6.HEADER or quoted[0] >> 4 != 6:
            return Verdict(DROP, "icmpv4")
        destination = quoted[24:40]
        if destination[:8] != self._prefix or not self._is_observed(destination, v4, port):
            return Verdict(DROP, "icmpv4")
        if not self.addresses.is_valid(destination):
            return Verdict(DROP, "icmpv4")
        return self._error_up("icmpv4", ipv6.UNREACHABLE, ipv6.ADDRESS, quoted)
