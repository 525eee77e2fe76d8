# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's program in the kernel: loaded, attached, told of directions (bpf/README.md).

    program = Program(streams=64)
    mode = program.attach(["eth0"])          # "native" or "generic"
    program.set(Direction(local, peer, source, destination), slot)

Unavailable tells why there is none. The program is gone as soon as the process is, however it
ends. Whoever has attached calls maintain() when fileno() is readable, and every few seconds.
"""

import struct
import sys
from pathlib import Path
from socket import AF_INET, AF_INET6

from ..common.libbpf import Link, Object
from ..common.next_hops import NextHops
from ..common.xdp import Arm, arm_of, attach, is_veth, reason

Address = tuple[bytes, int]  # 16 octets, IPv4 v4-mapped; port

_HERE = Path(__file__).resolve().parent
_NAME = "siproxy64.bpf.o"
_LAYOUT = 1  # LAYOUT_VERSION of bpf/layout.h
_VERIFY, _NO_TX = 1, 2  # of struct arm
_DIRECTION = struct.Struct("=16s16s16s2s2s2sHI")
_TRAFFIC = struct.Struct("=QQQ")
_MOST_STREAMS = 1 << 20


class Unavailable(Exception):
    """Why no media is relayed in the kernel."""


class Direction:
    """What comes to `local` from `peer` leaves from `source` to `destination`."""

    def __init__(
        self, local: Address, peer: Address, source: Address, destination: Address
    ) -> None:
        self.local = local
        self.peer = peer
        self.source = source
        self.destination = destination

    def key(self) -> bytes:
        """The key in the program's map."""
        return struct.pack(">16sHH", *self.local, 0)

    def value(self, slot: int) -> bytes:
        """The value; slot: where its traffic is counted."""
        before = _sum(self.local) + _sum(self.peer)
        after = _sum(self.source) + _sum(self.destination)
        delta = (after - before) % 0xFFFF  # the checksum's arithmetic, RFC 1624
        ports = [struct.pack(">H", one[1]) for one in (self.peer, self.source, self.destination)]
        where = (self.peer[0], self.source[0], self.destination[0])
        return _DIRECTION.pack(*where, *ports, delta, slot)


def _sum(address: Address) -> int:
    """The sum of an address and port as the program sees them, in 16-bit words in memory."""
    octets = struct.pack(">16sH", *address)
    return sum(struct.unpack("=9H", octets))


def find_object() -> Path:
    """Return the compiled program: beside this file in a wheel, else in the tree's build/.

    Unavailable when it was not built.
    """
    for path in (_HERE / _NAME, _HERE.parents[1] / "build" / "bpf" / _NAME):
        if path.is_file():
            return path
    raise Unavailable(f"{_NAME} was not built (`make bpf`; clang is needed)")


class Program:
    """The program and its maps. Slots 0..2 * streams - 1 are the caller's to give out."""

    def __init__(self, streams: int = 64, path: Path | None = None) -> None:
        """Load it. Unavailable(reason)."""
        if sys.byteorder != "little":
            raise Unavailable("the program is compiled for little-endian machines")
        most = 2 * min(max(streams, 1), _MOST_STREAMS)
        try:
            self._object = Object(
                path or find_object(), "siproxy64", {"directions": most, "slots": most}
            )
        except OSError as error:
            raise Unavailable(reason(error)) from None
        self._maps = self._object.maps
        constants = next(m for name, m in self._maps.items() if name.endswith(".rodata"))
        data = constants.get(bytes(4)) or b""
        # the names come first, 16 octets each, then the version
        self._counters = [
            data[i : i + 16].rstrip(b"\0").decode() for i in range(0, len(data) - 16, 16)
        ]
        if struct.unpack_from("=I", data, 16 * len(self._counters))[0] != _LAYOUT:
            self._object.close()
            raise Unavailable(f"{_NAME} is of another version")
        self._links: list[Link] = []
        self.names: list[str] = []  # interfaces it is on
        self.mode = ""
        self._arms: dict[int, bytes] = {}
        self._flags = 0
        self._hops: NextHops | None = None

    @property
    def program_fd(self) -> int:
        """Descriptor of the program."""
        return self._object.program_fd

    def attach(self, interfaces: list[str]) -> str:
        """Put it on interfaces of this network namespace; return "native" or "generic".

        Unavailable(reason): it is on none.
        """
        try:
            self.names = interfaces
            arms = [arm_of(name) for name in interfaces]
            self._hops = NextHops({AF_INET: self._maps["hops4"], AF_INET6: self._maps["hops6"]})
            veth = any(is_veth(index) for index, _ in arms)
            self.write_arms(arms, (_NO_TX | _VERIFY) if veth else 0)
            self._hops.maintain(self._arms)
            self._links, self.mode = attach(self.program_fd, sorted(self._arms))
            if self.mode == "generic":  # the kernel may hand on what a network card is to finish
                self.write_arms(arms, self._flags | _VERIFY)
        except OSError as error:
            raise Unavailable(reason(error)) from None
        return self.mode

    def write_arms(self, arms: list[Arm], flags: int) -> None:
        """Say which interfaces are ours, with their addresses."""
        self._flags = flags
        for index, address in arms:
            self._maps["arms"].set(struct.pack("=I", index), struct.pack("=6sH", address, flags))
        for key in list(self._maps["arms"].keys()):
            if struct.unpack("=I", key)[0] not in dict(arms):
                self._maps["arms"].delete(key)
        self._arms = dict(arms)

    def set_hop(self, network: bytes, bits: int, hop: bytes) -> None:
        """Write a next hop: interface (4 octets, the machine's order), its address, ours."""
        name = "hops4" if len(network) == 4 else "hops6"
        self._maps[name].set(struct.pack("=I", bits) + network, hop)

    def fileno(self) -> int:
        """Descriptor that is readable when maintain() has something to do."""
        assert self._hops is not None
        return self._hops.fileno()

    def maintain(self) -> None:
        """Follow routes, neighbours and addresses of interfaces."""
        if self._hops is None:
            return
        try:
            arms = [arm_of(name) for name in self.names]
            if dict(arms) != self._arms:
                self.write_arms(arms, self._flags)
            self._hops.maintain(self._arms)
        except OSError:
            pass  # an interface is gone: its link is gone with it

    def set(self, direction: Direction, slot: int) -> None:
        """Relay a direction from the next packet on, or change it; OSError, ENOSPC."""
        self._maps["directions"].set(direction.key(), direction.value(slot))

    def remove(self, direction: Direction) -> None:
        """Relay it no more; harmless if it is not there."""
        self._maps["directions"].delete(direction.key())

    def clear(self, slot: int) -> None:
        """Forget the traffic of a slot before it is used again."""
        slots = self._maps["slots"]
        slots.set(struct.pack("=I", slot), bytes(slots.value_size * slots.cpus))

    def traffic(self, slot: int) -> tuple[int, int, int]:
        """Return packets, octets of payload, and when the last came (ns, CLOCK_MONOTONIC; 0)."""
        one = self._maps["slots"]
        data = one.get(struct.pack("=I", slot)) or b""
        each = [_TRAFFIC.unpack_from(data, cpu * one.value_size) for cpu in range(one.cpus)]
        packets, octets, last = zip(*each)
        return sum(packets), sum(octets), max(last)

    def counters(self) -> dict[str, int]:
        """Return the counters of all CPUs together (bpf/README.md)."""
        one = self._maps["cpus"]
        data = one.get(bytes(4)) or b""
        words = [
            struct.unpack_from(f"={len(self._counters)}Q", data, cpu * one.value_size)
            for cpu in range(one.cpus)
        ]
        return {name: sum(column) for name, column in zip(self._counters, zip(*words))}

    def close(self) -> None:
        """Detach and give everything back; harmless if done before."""
        for link in self._links:
            link.close()
        self._links = []
        if self._hops is not None:
            self._hops.close()
            self._hops = None
        self._object.close()
