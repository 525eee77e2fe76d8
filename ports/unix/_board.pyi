# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The machine behind board.py, on unix. ports/qemu has one of the same shape, with flash."""

class Signal:
    """A level that C raises; select.poll and asyncio wait for it."""

    def raised(self) -> bool: ...
    def clear(self) -> None: ...

class Panel:
    """The panel link, STATE/panel.sock; one client, the newest. It never blocks."""

    def readinto(self, buffer: bytearray, octets: int = ...) -> int | None:
        """Read at most one line. None: nothing has come. A new client begins with an LF."""

    def write(self, data: bytes) -> int | None:
        """Write what the client takes now; how many octets. None: nothing. No client: lost."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when readinto() has something."""

panel: Panel

def entropy(n: int) -> bytes:
    """Return n random octets of the host's kernel."""

def utc() -> int | None:
    """Return seconds since 1970-01-01T00:00:00Z."""

def reset() -> None:
    """Start the program anew, in the same process."""

def watchdog(ms: int) -> None:
    """Reset if feed() is not called for ms milliseconds. Called again: with the new time."""

def feed() -> None:
    """Say that all is well."""

def console_requested() -> Signal:
    """Return the signal that Ctrl-C raises while the phone runs, and SIGTERM.

    Within 500 ms the phone must leave run(), else KeyboardInterrupt is raised in it.
    """

def halt(text: str) -> None:
    """Print text and end the program with exit code 1."""

def memory() -> dict[str, int]:
    """Return octets of text, data and bss of the program, and of the stack in use now."""

def state() -> str:
    """Return the state directory, "" without one."""
