# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A home's NAT by nftables, of the kinds that real homes have (RFC 4787), and its mappings."""

from dataclasses import dataclass

from pyroute2.netlink.nfnetlink.nfctsocket import NFCTSocket

from tools.lab.base import Base
from tools.lab.errors import LabError
from tools.lab.namespace import inside, need, sysctl

KINDS = ("cone", "restricted", "symmetric")
_RANGES = ((40000, 47999), (48000, 55999), (33000, 39999), (56000, 63999))
_ICMP, _TCP, _UDP = 1, 6, 17
# Linux takes the port again that an inner address and port have already (RFC 4787: endpoint-
# independent mapping) unless told to be fully random. The input chain drops what nobody asked
# for: a packet that the router itself would refuse leaves an entry behind that spoils the mapping.
_RULES = """table ip home
delete table ip home
table ip home {
    map inbound {
        type inet_service : ipv4_addr . inet_service
        flags dynamic,timeout
        timeout %(timeout)ds
        size 4096
    }
    chain to_inside {
        type nat hook prerouting priority dstnat
%(to_inside)s
    }
    chain to_outside {
        type nat hook postrouting priority srcnat
        oifname "wan" meta l4proto { tcp, udp } masquerade to :%(first)d-%(last)d%(how)s
        oifname "wan" masquerade
%(hairpin)s
    }
    chain learn {
        type filter hook postrouting priority srcnat + 50
%(learn)s
    }
    chain router {
        type filter hook input priority filter
        iifname "wan" ct state established,related accept
        iifname "wan" meta l4proto icmp accept
        iifname "wan" drop
    }
    chain firewall {
        type filter hook forward priority filter
        iifname "wan" ct state established,related accept
        iifname "wan" ct status dnat accept
        iifname "wan" drop
    }
}
"""
_CONE_TO_INSIDE = (
    """        fib daddr type local meta l4proto udp dnat ip to udp dport map @inbound"""
)
_CONE_HAIRPIN = (
    """        oifname "eth0" ct status dnat ip saddr 192.0.2.0/24 meta l4proto udp """
    "snat to %s:%d-%d"
)
_CONE_LEARN = (
    """        oifname "wan" meta l4proto udp ct direction original """
    "update @inbound { udp sport : ct original ip saddr . ct original proto-src }"
)


@dataclass(frozen=True)
class Mapping:
    """One UDP flow through the NAT, as seen from inside."""

    inside: str
    inside_port: int
    public: str
    public_port: int
    remote: str
    remote_port: int


class NAT:
    """The translation in a home's router, between eth0 and wan."""

    def __init__(self, base: Base, netns: str, public: str, kind: str, timeout_s: int) -> None:
        """Start translating.

        public: the address at wan; kind: "cone" (mapping and filtering are independent of the
        other end, hosts inside reach each other by their public ports), "restricted" (mapping is
        independent, a stranger does not come in), "symmetric" (each destination sees another
        port, and only it comes in); timeout_s: until an idle UDP mapping ends.
        """
        need("nft", "nftables")
        self.kind = _known(kind)
        self._base = base
        self._netns = netns
        self._public = public
        self._timeout_s = timeout_s
        self._turn = 0
        with inside(netns):
            sysctl("ipv4/ip_forward", "1")
        self._write()
        with inside(netns):
            for name in ("udp_timeout", "udp_timeout_stream"):
                sysctl(f"netfilter/nf_conntrack_{name}", str(timeout_s))

    @property
    def ports(self) -> tuple[int, int]:
        """First and last port that new mappings get."""
        return _RANGES[self._turn % len(_RANGES)]

    def rebind(self) -> None:
        """Forget every mapping; new ones get ports of another range."""
        self._turn += 1
        self._write()
        self.flush()

    def change(self, kind: str) -> None:
        """Be of another kind; every mapping is forgotten."""
        self.kind = _known(kind)
        self.rebind()

    def flush(self) -> None:
        """Forget every mapping, as a router does that was switched off and on."""
        with inside(self._netns), NFCTSocket() as table:
            table.flush()

    def mappings(self) -> list[Mapping]:
        """UDP flows that were begun from inside and still stand."""
        found = []
        with inside(self._netns), NFCTSocket() as table:
            for row in table.dump():
                original = _ends(row.get_attr("CTA_TUPLE_ORIG"))
                answer = _ends(row.get_attr("CTA_TUPLE_REPLY"))
                if original is None or answer is None or answer[2] == original[0]:
                    continue  # not UDP, or not translated
                if original[2] != answer[0]:
                    continue  # begun from outside
                found.append(Mapping(*original[:2], *answer[2:], *original[2:]))
        return found

    def _write(self) -> None:
        first, last = self.ports
        cone = self.kind == "cone"
        values = {
            "timeout": self._timeout_s,
            "first": first,
            "last": last,
            "how": " fully-random" if self.kind == "symmetric" else "",
            "to_inside": _CONE_TO_INSIDE if cone else "",
            "learn": _CONE_LEARN if cone else "",
            "hairpin": _CONE_HAIRPIN % (self._public, first, last) if cone else "",
        }
        self._base.run(self._netns, ["nft", "-f", "-"], _RULES % values)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise LabError(f"a NAT of kind {kind!r} is not known: one of {', '.join(KINDS)}")
    return kind


def _ends(row: object) -> tuple[str, int, str, int] | None:
    """Source, port, destination, port of one direction of a UDP flow; None of another protocol."""
    get = row.get_attr  # type: ignore[attr-defined]
    address, protocol = get("CTA_TUPLE_IP"), get("CTA_TUPLE_PROTO")
    if protocol.get_attr("CTA_PROTO_NUM") != _UDP:
        return None
    return (
        address.get_attr("CTA_IP_V4_SRC"),
        protocol.get_attr("CTA_PROTO_SRC_PORT"),
        address.get_attr("CTA_IP_V4_DST"),
        protocol.get_attr("CTA_PROTO_DST_PORT"),
    )
