# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What servers said, as long as it holds (RFC 1035 section 7.4, RFC 2308)."""

from vox6.wire import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .rdata import Data

_MAX_ENTRIES = const(48)  # names and types a phone knows at once: a few for each of its accounts
_MAX_TTL = const(86400)  # s; RFC 8767 section 4 has a week, a phone may be told wrong for a day
_MAX_NEGATIVE_TTL = const(3600)  # s, RFC 2308 section 5 has one to three hours


class Entry:
    """records: None for an absence; exists: whether the name has other types."""

    def __init__(
        self,
        records: "list[Data] | None",
        exists: bool,
        canonical_name: str,
        expires: int,
    ) -> None:
        self.records = records
        self.exists = exists
        self.canonical_name = canonical_name
        self.expires = expires


class Cache:
    """Entries by (canonical name, type); the one that ends first goes when there is no room."""

    def __init__(self, maximum: int = _MAX_ENTRIES) -> None:
        self._entries: "dict[tuple[str, int], Entry]" = {}
        self._maximum = maximum

    def get(self, name: str, rtype: int, now: int) -> "Entry | None":
        """Return what holds at now."""
        entry = self._entries.get((name, rtype))
        if entry is not None and entry.expires <= now:
            self._entries.pop((name, rtype))
            return None
        return entry

    def put(
        self,
        name: str,
        rtype: int,
        records: "list[Data] | None",
        exists: bool,
        canonical_name: str,
        ttl: int,
        now: int,
    ) -> int:
        """Keep an answer; return its time to live in seconds as it is kept. 0 is not kept."""
        ttl = min(ttl, _MAX_NEGATIVE_TTL if records is None else _MAX_TTL)
        if ttl <= 0:
            return 0
        key = (name, rtype)
        if key not in self._entries and len(self._entries) >= self._maximum:
            first = None
            for known in self._entries:
                if first is None or self._entries[known].expires < self._entries[first].expires:
                    first = known
            if first is not None:
                self._entries.pop(first)
        self._entries[key] = Entry(records, exists, canonical_name, now + 1000 * ttl)
        return ttl

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
