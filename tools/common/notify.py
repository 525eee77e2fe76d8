# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What systemd is told of a service (sd_notify(3)): READY, RELOADING, STOPPING, WATCHDOG, STATUS.

Without systemd nothing happens. The package sdnotify has no wheel; this is all that we need of it.
"""

import os
import socket
import time


class Notifier:
    """A socket to the service manager, opened at once: it works behind chroot too."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        address = os.environ.get("NOTIFY_SOCKET", "")
        if address[:1] in ("/", "@"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            try:
                self._socket.connect(address.replace("@", "\0", 1))
            except OSError:
                self._socket.close()
                self._socket = None

    @property
    def watchdog_ms(self) -> int:
        """Milliseconds within which WATCHDOG=1 must come again; 0: none is wanted."""
        value = os.environ.get("WATCHDOG_USEC", "")
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return int(value) // 1000 if value.isdigit() and mine and self._socket else 0

    def send(self, *lines: str) -> None:
        """Send lines such as READY=1."""
        if self._socket is not None:
            try:
                self._socket.send("\n".join(lines).encode(), socket.MSG_DONTWAIT)
            except OSError:
                pass  # the manager is busy or gone; there is nobody to tell

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def reloading(self) -> None:
        """Say that the settings are read again; READY=1 must follow."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def notify(state: str) -> None:
    """Send one line such as READY=1, once."""
    notifier = Notifier()
    notifier.send(state)
    notifier.close()


__all__ = ["Notifier", "notify"]
