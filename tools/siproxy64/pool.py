# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Representations for parties that nobody configured: a pool of free addresses.

A party that is seen first as the sender of a message gets the address that was free the longest,
and keeps it while it is used; so the relation stays one to one and a phone's list of calls shows
addresses that can be called back.

    table.unknown = Pool(table, any, pool, idle_ms).find
"""

from .scan import Refused
from .table import ConfigurationError, side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .table import Address, Table

    Net = tuple[bytes, int]

_MOST = 65536  # addresses of one pool: a /16
_RETRY_S = 60  # what a caller is told while no address is free


class Pool:
    """Pairs that were made at run time; find() is a table's `unknown`.

    counters: given, taken back, refused (no address was free).
    """

    def __init__(self, table: "Table", parties: "Net", pool: "Net", idle_ms: int) -> None:
        """parties: who may get an address; pool: what is given away. Both (first address, prefix
        length in 128 bits). idle_ms: how long an address stays with a party that is silent.
        ConfigurationError: both live on one side, the pool is too large, a mapping has part of it.
        """
        size = 1 << (128 - pool[1])
        if side(parties[0]) == side(pool[0]):
            raise ConfigurationError("the pool and its parties live on the same side")
        if size > _MOST:
            raise ConfigurationError("a pool has 65536 addresses at most")
        first = int.from_bytes(pool[0], "big")
        if first & (size - 1):
            raise ConfigurationError("host bits are set in the pool")
        for addr16, length, _ in table.local_nets():
            shift = 128 - min(length, pool[1])
            if int.from_bytes(addr16, "big") >> shift == first >> shift:
                raise ConfigurationError("a mapping and the pool overlap")
        self.counters = {"given": 0, "taken_back": 0, "refused": 0}
        self.net = pool
        self._parties = parties
        self._idle_ms = idle_ms
        self._first = first
        self._size = size
        self._fresh = 0  # addresses from here on were never given
        self._free: "list[bytes]" = []  # given back, the oldest first
        self._address: "dict[bytes, bytes]" = {}  # of each party
        self._party: "dict[bytes, bytes]" = {}  # of each address
        self._used: "dict[bytes, int]" = {}  # when a party was last seen

    def find(self, addr16: bytes, port: int, now: int, sender: bool) -> "Address | None":
        """Return the counterpart of an address that no entry has, None if there is none.

        sender: it sent the message at hand, so that it gets an address if it has none.
        Refused 503: it should get one and none is free.
        """
        party = self._party.get(addr16)
        if party is not None:
            self._used[party] = now
            return party, port
        address = self._address.get(addr16)
        if address is None:
            if not sender or not self._may_have(addr16):
                return None
            address = self._give(addr16, now)
        self._used[addr16] = now
        return address, port

    def pairs(self) -> "list[tuple[bytes, bytes, int]]":
        """Return all pairs as (party, address, when it was last used)."""
        return [(party, self._address[party], used) for party, used in self._used.items()]

    def keep(self, other: "Pool") -> None:
        """Take over the pairs of the pool before a reload, as far as they still fit."""
        for party, address, used in other.pairs():
            number = int.from_bytes(address, "big") - self._first
            if self._may_have(party) and 0 <= number < self._size:
                self._pair(party, address, used)

    def _may_have(self, addr16: bytes) -> bool:
        shift = 128 - self._parties[1]
        net = int.from_bytes(self._parties[0], "big")
        return side(addr16) == side(self._parties[0]) and (
            int.from_bytes(addr16, "big") >> shift == net >> shift
        )

    def _pair(self, party: bytes, address: bytes, now: int) -> None:
        self._address[party] = address
        self._party[address] = party
        self._used[party] = now

    def _give(self, party: bytes, now: int) -> bytes:
        while self._fresh < self._size:
            address = (self._first + self._fresh).to_bytes(16, "big")
            self._fresh += 1
            if address not in self._party:  # kept from before a reload
                self._free.append(address)
                break
        if not self._free:
            self._take_back(now)
        if not self._free:
            self.counters["refused"] += 1
            raise Refused(503, "Service Unavailable", None, _RETRY_S)
        address = self._free.pop(0)
        self._pair(party, address, now)
        self.counters["given"] += 1
        return address

    def _take_back(self, now: int) -> None:
        """Free what was silent for the idle time, the longest silent first."""
        idle = []
        for party, address, used in self.pairs():
            if now - used >= self._idle_ms:
                idle.append((used, party, address))
        idle.sort()
        for _, party, address in idle:
            del self._address[party]
            del self._party[address]
            del self._used[party]
            self._free.append(address)
            self.counters["taken_back"] += 1
