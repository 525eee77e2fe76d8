# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The table of next hops that the program in the kernel may ask before the kernel's own routes.

It holds a network's longest prefixes as the main table has them: for routes by a router whose
Ethernet address is known, the beginning of the frame; for all else "ask the kernel". Neighbours
that only the program sends to look unused to the kernel and would grow stale for ever: it is told
to confirm them, with the table and without.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterator
from socket import AF_INET, AF_INET6
from typing import Any

from pyroute2 import IPRoute

from .libbpf import Map

_MAIN, _LOCAL = 254, 255
_UNICAST = 1
_DEAD = 1 | 16  # RTNH_F_DEAD, RTNH_F_LINKDOWN
_CLONED = 0x200
_STALE = 0x04
_KNOWN = 0x02 | _STALE | 0x08 | 0x10 | 0x80  # REACHABLE, STALE, DELAY, PROBE, PERMANENT
_USE = 0x01  # NTF_USE: as if a packet had been sent there
_LARGEST_OUTER = 1308
_MOST = 4000  # of a map of 4096; more routes than that are a full table, left to the kernel
# links, neighbours, addresses, routes and rules of both families
_GROUPS = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18
_RULES: dict[int, set[int]] = {AF_INET: {0, 32766, 32767}, AF_INET6: {0, 32766}}
_ASK = bytes(16)

Network = tuple[int, bytes]  # bits, octets
Neighbours = dict[tuple[int, str], tuple[int, bytes]]  # (interface, address): state, Ethernet


def _attribute(message: Any, name: str) -> Any:
    return message.get_attr(name)


def _octets(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


class Route:
    """One route: where it leads, by which interface and router."""

    def __init__(self, message: Any, family: int) -> None:
        size = 4 if family == AF_INET else 16
        destination = _attribute(message, "RTA_DST")
        self.bits: int = message["dst_len"]
        self.network = _octets(destination) if destination else bytes(size)
        self.interface: int = _attribute(message, "RTA_OIF") or 0
        self.gateway: str = _attribute(message, "RTA_GATEWAY") or ""
        self.metric: int = _attribute(message, "RTA_PRIORITY") or 0
        metrics = _attribute(message, "RTA_METRICS")
        mtu = metrics.get_attr("RTAX_MTU") if metrics is not None else None
        # what a frame with another beginning could not say
        self.plain = (
            message["type"] == _UNICAST
            and (_attribute(message, "RTA_TABLE") or message["table"]) == _MAIN
            and self.interface != 0
            and not message["flags"] & _DEAD
            and _attribute(message, "RTA_MULTIPATH") is None
            and _attribute(message, "RTA_ENCAP") is None
            and _attribute(message, "RTA_VIA") is None
            and (mtu is None or mtu >= _LARGEST_OUTER)
        )

    def holds(self, address: bytes) -> bool:
        """Return whether an address is in the network."""
        shift = 8 * len(address) - self.bits
        return (
            int.from_bytes(address, "big") >> shift == int.from_bytes(self.network, "big") >> shift
        )


class NextHops:
    """Watches routes and neighbours of the two interfaces."""

    def __init__(self, maps: dict[int, Map] | None) -> None:
        """maps: {family: the program's map}, None to look after the neighbours alone."""
        self._maps = maps
        self._arms: dict[int, bytes] = {}
        self._events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self._events.bind((0, _GROUPS))

    def fileno(self) -> int:
        """Descriptor that is readable when something may have changed: call maintain()."""
        return self._events.fileno()

    def close(self) -> None:
        """Watch no more; the maps stay as they are."""
        self._events.close()

    def maintain(self, arms: dict[int, bytes]) -> None:
        """Read routes and neighbours again and write the maps; OSError.

        arms: {index: Ethernet address} of the interfaces.
        """
        self._arms = arms
        try:
            while self._events.recv(65536):
                pass
        except BlockingIOError:
            pass
        except OSError:
            pass  # more events than the buffer holds: all is read now anyway
        with IPRoute() as kernel:
            for family in (AF_INET, AF_INET6):
                routes = self._routes(kernel, family)
                neighbours = self._neighbours(kernel, family)
                self._confirm(kernel, family, routes, neighbours)
                if self._maps is not None:
                    wanted = self._table(kernel, family, routes, neighbours)
                    _write(self._maps[family], wanted)

    def _routes(self, kernel: Any, family: int) -> list[Route]:
        out = []
        for message in kernel.get_routes(family=family):
            table = _attribute(message, "RTA_TABLE") or message["table"]
            if table in (_MAIN, _LOCAL) and not message["flags"] & _CLONED:
                out.append(Route(message, family))
                if len(out) > _MOST:
                    return []
        return out

    def _neighbours(self, kernel: Any, family: int) -> Neighbours:
        out: Neighbours = {}
        for message in kernel.get_neighbours(family=family):
            address = _attribute(message, "NDA_DST")
            hardware = _attribute(message, "NDA_LLADDR")
            if message["ifindex"] in self._arms and address and hardware:
                octets = bytes.fromhex(hardware.replace(":", ""))
                if len(octets) == 6:
                    out[message["ifindex"], address] = message["state"], octets
        return out

    def _confirm(
        self, kernel: Any, family: int, routes: list[Route], neighbours: Neighbours
    ) -> None:
        """Let the kernel ask routers that are unknown or stale, as if it had sent by them."""
        for interface, gateway in {
            (one.interface, one.gateway)
            for one in routes
            if one.plain and one.gateway and one.interface in self._arms
        }:
            state, _ = neighbours.get((interface, gateway), (0, b""))
            if not state & _KNOWN or state & _STALE:
                try:
                    kernel.neigh(
                        "replace", family=family, dst=gateway, ifindex=interface, flags=_USE
                    )
                except Exception as error:  # pyroute2's NetlinkError is no OSError
                    if getattr(error, "code", 0) not in (1, 2, 19, 22, 100):
                        raise

    def _table(
        self, kernel: Any, family: int, routes: list[Route], neighbours: Neighbours
    ) -> dict[Network, bytes]:
        """Return what the map should hold; nothing when routes depend on more than the address."""
        rules = {_attribute(rule, "FRA_PRIORITY") or 0 for rule in kernel.get_rules(family=family)}
        if not rules <= _RULES[family]:
            return {}
        best: dict[Network, list[Route]] = {}
        for one in routes:
            same = best.setdefault((one.bits, one.network), [])
            if same and one.metric < same[0].metric:
                same.clear()
            if not same or one.metric == same[0].metric:
                same.append(one)
        out = {}
        for network, same in best.items():
            out[network] = _ASK
            if len(same) == 1 and same[0].plain and same[0].gateway:
                out[network] = self._hop(same[0].interface, same[0].gateway, neighbours)
        for network, hop in self._on_link(best, neighbours):
            out.setdefault(network, hop)
        return out if len(out) <= _MOST else {}

    def _on_link(
        self, best: dict[Network, list[Route]], neighbours: Neighbours
    ) -> Iterator[tuple[Network, bytes]]:
        """Yield a network of one address for each known neighbour that is reached directly."""
        for interface, text in neighbours:
            address = _octets(text)
            holding = [same for same in best.values() if same[0].holds(address)]
            if not holding:
                continue
            same = max(holding, key=lambda one: one[0].bits)
            if len(same) == 1 and same[0].plain and not same[0].gateway:
                if same[0].interface == interface:
                    hop = self._hop(interface, text, neighbours)
                    yield (8 * len(address), address), hop

    def _hop(self, interface: int, address: str, neighbours: Neighbours) -> bytes:
        state, hardware = neighbours.get((interface, address), (0, b""))
        if not state & _KNOWN or interface not in self._arms:
            return _ASK
        return struct.pack("=I", interface) + hardware + self._arms[interface]


def _write(table: Map, wanted: dict[Network, bytes]) -> None:
    """Change a map where it differs: what is more exact first, so that nothing goes astray."""
    present = {}
    for key in list(table.keys()):
        present[struct.unpack("=I", key[:4])[0], key[4:]] = table.get(key)
    for bits, network in sorted(wanted, reverse=True):
        if present.get((bits, network)) != wanted[bits, network]:
            table.set(struct.pack("=I", bits) + network, wanted[bits, network])
    for bits, network in sorted(present):
        if (bits, network) not in wanted:
            table.delete(struct.pack("=I", bits) + network)
