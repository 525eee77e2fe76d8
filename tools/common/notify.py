# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Tell systemd how a service is (sd_notify(3)); without systemd nothing happens."""

import os
import socket


def notify(state: str) -> None:
    """Send "READY=1", "STATUS=..." or "STOPPING=1"."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return
    address = "\0" + where[1:] if where[0] == "@" else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), address)
        except OSError:
            pass  # whoever asked for it listens no more
