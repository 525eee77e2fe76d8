# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The machine behind board.py, on the emulated board. ports/unix has one of the same shape."""

from typing import Any

class Signal:
    """A level that C raises; select.poll and asyncio wait for it."""

    def raised(self) -> bool: ...
    def clear(self) -> None: ...

class Panel:
    """The panel link's serial line. It never blocks."""

    def readinto(self, buffer: bytearray, octets: int = ...) -> int | None:
        """Read what has come, at most len(buffer) octets. None: nothing."""

    def write(self, data: bytes) -> int | None:
        """Write what the sending ring (2,048 octets) takes; how many octets. None: it is full."""

class Flash:
    """Block device of littlefs: 256 sectors of 4,096 octets that behave as NOR flash does."""

    def readblocks(self, block: int, buffer: bytearray, offset: int = ...) -> int: ...
    def writeblocks(self, block: int, data: bytes, offset: int = ...) -> int: ...
    def ioctl(self, request: int, arg: int) -> int | None: ...

panel: Panel
flash: Flash

def entropy(length: int) -> bytes:
    """Take 0 to 4,096 octets out of the host's entropy store, each once.

    OSError(EAGAIN): the host gave too few within 2 s.
    """

def utc() -> int | None:
    """Return the seconds since 1970-01-01T00:00:00Z, or None if the host does not know them."""

def start() -> None:
    """Start the engine and with it the Ethernet interface. May be called again.

    OSError(ENODEV): there is no LAN9118.
    """

def reset() -> None:
    """Reset the machine; files, ROMFS and the panel window stay."""

def reset_cause() -> str:
    """Return why this boot happened: "power", "software", "watchdog" or "fault"."""

def watchdog(ms: int) -> None:
    """Start the watchdog: no feed() for ms milliseconds (at most 171,000) resets the board."""

def feed() -> None:
    """Feed the watchdog, if it was started."""

def console_requested() -> Signal:
    """Return the signal that is raised when somebody presses Ctrl-C while the phone runs.

    Whoever runs the phone leaves within 500 ms; after that KeyboardInterrupt is raised.
    """

def attend(attending: bool) -> None:
    """Say whether Ctrl-C is a request first (True: the phone runs) or an exception at once."""

def halt(text: str) -> None:
    """Print a line on the console and stop for ever, feeding the watchdog."""

def memory() -> dict[str, Any]:
    """Return octets: data, bss, heap, stack (sizes) and stack_used (deepest ever)."""

def worst_held_us(reset: bool = ...) -> int:
    """Return for how many microseconds at most the VM kept the engine out; reset: begin anew."""
