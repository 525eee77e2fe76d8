# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One list of running timers for the whole engine, so that the driver arms a single one."""

from vox6.wire.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Owner(Protocol):
        """Who may own timers."""

        def handle_timer(self, name: str, now: int) -> None:
            """Called once when the timer fires."""


class Timers:
    """Timers by (owner, name); times in milliseconds of the engine's clock.

    maximum: how many may run at once; more is a bug of the engine, since each owner has few.
    """

    def __init__(self, maximum: int) -> None:
        self._entries: "list[tuple[int, Owner, str]]" = []
        self._maximum = maximum

    def set(self, owner: "Owner", name: str, when: int) -> None:
        """Start a timer, or move it if it runs."""
        entries = self._entries
        for i in range(len(entries)):
            entry = entries[i]
            if entry[1] is owner and entry[2] == name:
                entries[i] = (when, owner, name)
                return
        if len(entries) >= self._maximum:
            raise LocalProtocolError("too many timers")
        entries.append((when, owner, name))

    def cancel(self, owner: "Owner", name: "str | None" = None) -> None:
        """Stop one timer of an owner, or all of them; those that do not run do not matter."""
        entries = self._entries
        i = 0
        while i < len(entries):
            entry = entries[i]
            if entry[1] is owner and (name is None or entry[2] == name):
                entries[i] = entries[-1]
                entries.pop()
            else:
                i += 1

    def running(self, owner: "Owner", name: str) -> bool:
        """Return whether a timer runs."""
        for entry in self._entries:
            if entry[1] is owner and entry[2] == name:
                return True
        return False

    def next(self) -> "int | None":
        """Return when the earliest timer fires, None if none runs."""
        first = None
        for entry in self._entries:
            if first is None or entry[0] < first:
                first = entry[0]
        return first

    def handle(self, now: int) -> None:
        """Fire every timer that is due at now, the earliest first."""
        while True:
            first = -1
            for i in range(len(self._entries)):
                when = self._entries[i][0]
                if when <= now and (first < 0 or when < self._entries[first][0]):
                    first = i
            if first < 0:
                return
            when, owner, name = self._entries[first]
            self._entries[first] = self._entries[-1]
            self._entries.pop()
            owner.handle_timer(name, now)

    def __len__(self) -> int:
        return len(self._entries)
