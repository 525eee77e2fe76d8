# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The cache of retained shared secrets (RFC 6189 sections 4.3 and 4.9), as an interface.

The engine has no files and no clock: who implements Cache keeps entries over a restart, bounds
their number, and says in Entry.expired what the wall clock knows.
"""

from vox6.wire import const

_MAX_NAME = const(64)  # characters of a name; more is cut
FOREVER = 0xFFFFFFFF  # the recommended expiration interval (section 4.9)


class Entry:
    """What is kept of one ZID.

    rs1, rs2: retained secrets, 32 octets, or None. aux, pbx: auxsecret and pbxsecret, or None.
    verified: our user compared the SAS (the V flag, section 7.1). name: given at that time.
    expiration: seconds that both sides agreed to keep rs1, from the moment of put().
    expired: get() sets it when that time is over: then the peer may have forgotten it too, and a
    mismatch is no alarm.
    """

    def __init__(
        self,
        rs1: "bytes | None" = None,
        rs2: "bytes | None" = None,
        aux: "bytes | None" = None,
        pbx: "bytes | None" = None,
        verified: bool = False,
        name: str = "",
        expiration: int = FOREVER,
        expired: bool = False,
    ) -> None:
        self.rs1 = rs1
        self.rs2 = rs2
        self.aux = aux
        self.pbx = pbx
        self.verified = verified
        self.name = name[:_MAX_NAME]
        self.expiration = expiration
        self.expired = expired


class Cache:
    """What the engine asks of a cache; zid is ours, 12 random octets made once."""

    zid = b""

    def get(self, zid: bytes) -> "Entry | None":
        """Return a copy of the entry of a peer's ZID (12 octets), None if there is none."""
        raise NotImplementedError

    def put(self, zid: bytes, entry: Entry) -> None:
        """Keep an entry, all of it or nothing, before returning; it replaces the one before."""
        raise NotImplementedError

    def remove(self, zid: bytes) -> None:
        """Forget a ZID; nothing happens if it is not known."""
        raise NotImplementedError


class MemoryCache(Cache):
    """A cache that ends with the process, for tests and tools; the oldest entry leaves first."""

    _MAX_ENTRIES = 64

    def __init__(self, zid: bytes) -> None:
        if len(zid) != 12:
            raise ValueError("a ZID has 12 octets")
        self.zid = bytes(zid)
        self._entries: "list[tuple[bytes, Entry]]" = []

    def get(self, zid: bytes) -> "Entry | None":
        for known, entry in self._entries:
            if known == zid:
                return copy(entry)
        return None

    def put(self, zid: bytes, entry: Entry) -> None:
        self.remove(zid)
        if len(self._entries) == self._MAX_ENTRIES:
            self._entries.pop(0)
        self._entries.append((bytes(zid), copy(entry)))

    def remove(self, zid: bytes) -> None:
        self._entries = [pair for pair in self._entries if pair[0] != zid]


def copy(entry: Entry) -> Entry:
    """Return an entry that can be changed alone."""
    return Entry(
        entry.rs1,
        entry.rs2,
        entry.aux,
        entry.pbx,
        entry.verified,
        entry.name,
        entry.expiration,
        entry.expired,
    )
