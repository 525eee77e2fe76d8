# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The SIP ports: those of the table, and those that somebody has been told of.

A range of addresses is one wildcard socket for its side, which then serves the single addresses
with the same port too. A party that sends from a port of its own is seen at that port of its
representation, so it is opened when the other side is told; the one that has been of no use for
longest goes for it, once there are too many.
"""

from vox6.wire import const

from .table import side

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Address = tuple[bytes, int]
    Place = tuple[str, bytes, int, bool]  # transport, address, port, whether it is a wildcard

ANY = (b"\0" * 16, b"\0" * 10 + b"\xff\xff\0\0\0\0")  # by side


class PortError(Exception):
    """A port cannot be had: place, and the OSError."""


class Ports:
    """What is open. open_port(place) -> object with close(), OSError."""

    def __init__(self, open_port: "Callable[[Place], Any]", limit: int) -> None:
        self._open_port = open_port
        self.limit = limit
        self._fixed: "dict[Place, Any]" = {}
        self._told: "dict[Place, list[Any]]" = {}  # port, when it was last of use

    def __len__(self) -> int:
        return len(self._fixed) + len(self._told)

    def configure(self, places: "list[Place]") -> None:
        """Open what is wanted now, then close what is not; PortError: nothing has changed."""
        opened: "dict[Place, Any]" = {}
        for place in places:
            if place in self._fixed:
                continue
            if place in self._told:  # was opened for one party, is of the table now
                self._told.pop(place)[0].close()
            try:
                opened[place] = self._open_port(place)
            except OSError as error:
                for port in opened.values():
                    port.close()
                raise PortError(place, error)
        for place in list(self._fixed):
            if place not in places:
                self._fixed.pop(place).close()
        self._fixed.update(opened)

    def find(self, transport: str, addr16: bytes, port: int, now: int) -> "Any | None":
        """Return the port that serves a local address."""
        found = self._fixed.get((transport, addr16, port, False))
        if found is None:
            found = self._fixed.get((transport, ANY[side(addr16)], port, True))
        if found is None:
            told = self._told.get((transport, addr16, port, False))
            if told is not None:
                told[1] = now
                found = told[0]
        return found

    def tell(self, transport: str, addr16: bytes, port: int, now: int) -> "Any | None":
        """Have a port that the other side is told of; None: it cannot be had."""
        found = self.find(transport, addr16, port, now)
        if found is not None or not port:
            return found
        if self._told and len(self._told) >= self.limit:
            oldest = min(self._told, key=lambda place: self._told[place][1])
            self._told.pop(oldest)[0].close()
        place = (transport, addr16, port, False)
        try:
            found = self._open_port(place)
        except OSError:
            return None
        self._told[place] = [found, now]
        return found

    def close(self) -> None:
        """Give all up."""
        for port in self._fixed.values():
            port.close()
        for told in self._told.values():
            told[0].close()
        self._fixed.clear()
        self._told.clear()
