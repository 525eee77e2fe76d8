# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The mapping table: every party's real address and its representation on the other side.

An entry is a pair of nets of one size; a host is a net of one address, a whole family the net
that holds all of it. Addresses are 16 octets, so the host bits that a pair shares are the last
`128 - prefix length` on both sides, whichever side they belong to. Port 0 means every port.

The relation is one to one: of all entries that cover an address the longest decides, an address
whose counterpart another entry claims has none, and what cannot be told apart is refused when it
is added.
"""

from vox6.wire import const
from vox6.wire.errors import ProtocolError

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Callable

    Address = tuple[bytes, int]
    Net = tuple[int, int]  # first address as a number, port or 0
    Entry = tuple[int, tuple[Net, Net], str]  # prefix length, real and representation, its line

_MAPPED = const(b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")


class ConfigurationError(ProtocolError):
    """A mapping contradicts itself or another one; the message names both lines."""


def side(addr16: bytes) -> bool:
    """Return on which side an address lives."""
    return addr16[:12] == _MAPPED


def _clash(one: "Entry", i: int, two: "Entry", j: int) -> bool:
    """Return whether net i of one entry and net j of another cannot stand together."""
    net, port = one[1][i]
    other, other_port = two[1][j]
    shift = 128 - min(one[0], two[0])
    if net >> shift != other >> shift or (port and other_port and port != other_port):
        return False
    # A real net may have exceptions that are longer, its own or represented ones.
    return not (not i and one[0] < two[0] or not j and two[0] < one[0])


class Table:
    """All entries, and the own names."""

    def __init__(self) -> None:
        self._entries: "list[Entry]" = []
        # Single addresses by (addr16, port): which of the two nets of which entry. Under port 0
        # also one that is mapped by port, None if that would be several.
        self._hosts: "dict[Address, tuple[int, Entry] | None]" = {}
        self._nets: "list[Entry]" = []  # all others, the longest first
        self._own: "list[tuple[int, int]]" = []  # nets that nobody has: what is left, shift
        self._names: "dict[str, tuple[bytes, bytes]]" = {}
        self.unknown: "Callable[[bytes, int, int, bool], Address | None] | None" = None

    def add(
        self, real: "Address", representation: "Address", length: int = 128, where: str = ""
    ) -> None:
        """Add one pair of hosts or nets.

        real, representation: (first address, SIP port or 0). length: of both prefixes, counted in
        128 bits. where: names the entry in errors, such as "line 3".
        ConfigurationError: the pair is none, or overlaps another; the table is as before.
        """
        if side(real[0]) == side(representation[0]):
            raise ConfigurationError(where + ": both addresses live on the same side")
        if (real[1] == 0) != (representation[1] == 0):
            raise ConfigurationError(where + ": a port stands on one side alone")
        shift = 128 - length
        if not 0 <= shift <= 32:
            raise ConfigurationError(where + ": no prefix of both families")
        nets = []
        for addr16, port in (real, representation):
            net = int.from_bytes(addr16, "big")
            if net >> shift << shift != net:
                raise ConfigurationError(where + ": host bits are set in a range")
            nets.append((net, port))
        entry = (length, (nets[0], nets[1]), where)
        for other in self._entries:
            for i in (0, 1):
                for j in (0, 1):
                    if _clash(entry, i, other, j):
                        raise ConfigurationError(where + " overlaps " + other[2])
        self._entries.append(entry)
        if shift:
            self._nets.append(entry)
            self._nets.sort(key=lambda entry: -entry[0])
            return
        for i in (0, 1):
            address = (real, representation)[i]
            self._hosts[address] = (i, entry)
            if address[1]:
                bare = (address[0], 0)
                known = self._hosts.get(bare, (i, entry))
                if known is not None and known[1][1][1 - i][0] != nets[1 - i][0]:
                    known = None
                self._hosts[bare] = known

    def reserve(self, addr16: bytes, length: int) -> None:
        """Let a net be nobody's in a range that holds it, such as the net of a pool."""
        shift = 128 - length
        self._own.append((int.from_bytes(addr16, "big") >> shift, shift))

    def _find(self, addr16: bytes, port: int) -> "tuple[int, Entry] | None":
        found = self._hosts.get((addr16, port))
        if found is not None:
            return found
        bare = (addr16, 0)
        if bare in self._hosts:
            found = self._hosts[bare]
            if not port or found is not None and not found[1][1][found[0]][1]:
                return found
        if self._nets:
            number = int.from_bytes(addr16, "big")
            for net, shift in self._own:
                if number >> shift == net:
                    return None
            for entry in self._nets:
                shift = 128 - entry[0]
                for i in (0, 1):
                    net, its_port = entry[1][i]
                    if number >> shift == net >> shift and its_port in (0, port):
                        return i, entry
        return None

    def _other(self, addr16: bytes, port: int, wanted: int) -> "Address | None":
        found = self._find(addr16, port)
        if found is None or found[0] == wanted:
            return None
        i, entry = found
        net, its_port = entry[1][1 - i]
        mask = (1 << 128 - entry[0]) - 1
        other = (net | int.from_bytes(addr16, "big") & mask).to_bytes(16, "big")
        other_port = its_port if its_port and port else port
        if mask:
            back = self._find(other, other_port)
            if back is None or back[1] is not entry:
                return None  # a longer entry has it
        return other, other_port

    def counterpart(self, addr16: bytes, port: int = 0) -> "Address | None":
        """Return what an address is called on the other side, None if no entry says it.

        port: 0 asks for the address alone, whose counterpart then has port 0 too.
        """
        return self._other(addr16, port, -1)

    def real(self, addr16: bytes, port: int) -> "Address | None":
        """Return whom a local address represents, None if it represents nobody."""
        return self._other(addr16, port, 0)

    def representation(self, addr16: bytes, port: int) -> "Address | None":
        """Return under which local address a party is seen, None if it is not a known party."""
        return self._other(addr16, port, 1)

    def add_name(self, name: str, one: bytes, two: bytes, where: str = "") -> None:
        """Let a host name mean the program itself, under an address of each side."""
        if side(one) == side(two):
            raise ConfigurationError(where + ": both addresses live on the same side")
        if name.lower() in self._names:
            raise ConfigurationError(where + ": the name stands twice: " + name)
        self._names[name.lower()] = (one, two)

    def name(self, text: str) -> "tuple[bytes, bytes] | None":
        """Return the two addresses of one of the own names, None for any other name."""
        return self._names.get(text.lower())

    def local_nets(self) -> "list[tuple[bytes, int, int]]":
        """Return what to listen on, as (first address, prefix length, port or 0)."""
        out = []
        for length, nets, _ in self._entries:
            net, port = nets[1]
            out.append((net.to_bytes(16, "big"), length, port))
        return out
