# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The compiled program with its maps, and the settings as it reads them (bpf/README.md)."""

import os
import struct
import sys
from pathlib import Path

from vox6.pubtsp import Config, martians
from vox6.pubtsp.address import LAN, MAC

from ..common.libbpf import Map, Object
from ..common.xdp import Arm

ERROR_RATE = 10  # ICMPv6 errors a second for each source, as lib/pubtsp's server
_HERE = Path(__file__).resolve().parent
_NAME = "pubtsp.bpf.o"
_LAYOUT = 1  # LAYOUT_VERSION of bpf/layout.h
_SECOND = 1_000_000_000
_LOOPBACK = 1  # index of lo in every network namespace

# Bits of settings.flags, bpf/layout.h.
_TAG_MAC, _TAG_LAN, _KEY, _PREVIOUS = 1, 2, 4, 8
_PRIVATE, _LAB, _ULA, _NAT64 = 16, 32, 64, 128
_HOP_BY_HOP, _HAIRPIN, _DSCP, _HINT = 256, 512, 1024, 2048
_DENY4, _ALLOW4, _DENY6, _SERVERS, _NEXT_HOPS = 4096, 8192, 16384, 32768, 65536
_NO_TX = 131072
_SETTINGS = struct.Struct("=8s4sI16s16sIIIIIIQQQI6s2xI6s2x")


class FastPathUnavailable(Exception):
    """Why there is no data plane in the kernel; the portable plane does everything."""


def find_object() -> Path:
    """Return the compiled program: beside this file in a wheel, else in the tree's build/.

    FastPathUnavailable when it was not built.
    """
    for path in (_HERE / _NAME, _HERE.parents[1] / "build" / "bpf" / _NAME):
        if path.is_file():
            return path
    raise FastPathUnavailable(f"{_NAME} was not built (`make bpf`; clang is needed)")


def _networks(networks: "tuple[tuple[bytes, int], ...]", octets: int) -> dict[bytes, bytes]:
    """Return the entries of a trie for the networks of one family."""
    out = {}
    for network, bits in networks:
        if len(network) == octets:
            mask = (1 << 8 * octets) - (1 << 8 * octets - bits)
            value = int.from_bytes(network, "big") & mask
            out[struct.pack("=I", bits) + value.to_bytes(octets, "big")] = b"\1"
    return out


class Tables:
    """A loaded program and its maps, written in the order that lets no packet see half of it."""

    def __init__(self, path: Path) -> None:
        """BPFError, FastPathUnavailable."""
        if sys.byteorder != "little":
            raise FastPathUnavailable("the program is compiled for little-endian machines")
        self.object = Object(path, "pubtsp")
        self._maps = self.object.maps
        constants = next(m for name, m in self._maps.items() if name.endswith(".rodata"))
        data = constants.get(bytes(4)) or b""
        # the names come first, 16 octets each, then the version
        self.names = [
            data[i : i + 16].rstrip(b"\0").decode() for i in range(0, len(data) - 16, 16)
        ]
        version = struct.unpack_from("=I", data, 16 * len(self.names))[0]
        if version != _LAYOUT:
            self.object.close()
            raise FastPathUnavailable(f"{path} has layout {version}, {_LAYOUT} is wanted")
        self._which = 0

    @property
    def program_fd(self) -> int:
        """Descriptor of the program."""
        return self.object.program_fd

    def map(self, name: str) -> Map:
        """Return a map by its name."""
        return self._maps[name]

    def write(self, settings: bytes, config: Config) -> None:
        """Take a configuration: what it adds, then the settings at once, then what it lacks."""
        wanted = {
            "deny4": _networks(config.deny, 4),
            "allow4": _networks(config.allow, 4),
            "deny6": _networks(config.deny, 16),
            "servers": {v4: b"\1" for v4 in config.servers if v4 != config.service_ipv4},
        }
        for name, entries in wanted.items():
            for key, value in entries.items():
                self._maps[name].set(key, value)
        self._which ^= 1
        self._maps["settings"].set(struct.pack("=I", self._which), settings)
        self._maps["active"].set(bytes(4), struct.pack("=I", self._which))
        for name, entries in wanted.items():
            for key in [key for key in self._maps[name].keys() if key not in entries]:
                self._maps[name].delete(key)

    def counters(self) -> dict[str, int]:
        """Return the counters of all CPUs together."""
        one = self._maps["cpus"]
        data = one.get(bytes(4)) or b""
        words = [
            struct.unpack_from(f"={len(self.names)}Q", data, cpu * one.value_size)
            for cpu in range(one.cpus)
        ]
        return {name: sum(column) for name, column in zip(self.names, zip(*words))}

    def close(self) -> None:
        """Give everything back."""
        self.object.close()


def settings_of(
    config: Config,
    key: bytes | None,
    previous: bytes | None,
    arms: tuple[Arm, Arm],
    *,
    salt: int = 0,
    error_rate: int = ERROR_RATE,
    packet_rate: int = 0,
    next_hops: bool = False,
    no_tx: bool = False,
) -> bytes:
    """Return the value of the map `settings` (bpf/README.md)."""
    flags = 0
    mode = config.addresses.mode
    for bit, on in (
        (_TAG_MAC, mode == MAC),
        (_TAG_LAN, mode == LAN),
        (_KEY, key is not None),
        (_PREVIOUS, previous is not None),
        (_PRIVATE, config.policy == martians.PRIVATE),
        (_LAB, config.policy == martians.LAB),
        (_ULA, config.allow_ula),
        (_NAT64, config.allow_nat64),
        (_HOP_BY_HOP, config.allow_hop_by_hop),
        (_HAIRPIN, config.hairpin),
        (_DSCP, config.copy_dscp),
        (_HINT, config.foreign_hint),
        (_DENY4, any(len(network) == 4 for network, _ in config.deny)),
        (_ALLOW4, any(len(network) == 4 for network, _ in config.allow)),
        (_DENY6, any(len(network) == 16 for network, _ in config.deny)),
        (_SERVERS, len(config.servers) > 1),
        (_NEXT_HOPS, next_hops),
        (_NO_TX, no_tx),
    ):
        flags |= bit if on else 0
    return _SETTINGS.pack(
        config.addresses.prefix,
        config.service_ipv4,
        flags,
        key or b"",
        previous or b"",
        config.ports_min,
        os.cpu_count() or 1,
        salt,
        arms[1][0],
        _LOOPBACK,
        error_rate,
        _SECOND // error_rate if error_rate else 0,
        packet_rate,
        _SECOND // packet_rate if packet_rate else 0,
        *arms[0],
        *arms[1],
    )
