# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the virtual boards share: a phone whose keys, screen, lamps and hook are the panel link.

board.py of each imports all names from here and adds what differs (design.md section 7).
"""

import _board

from panel_link import COLUMNS, KEY_NAMES, ROWS, PanelLink

FACTS = {
    "maker": "vox6",
    "keys": tuple("0123456789*#") + KEY_NAMES,
    "keyboard": True,  # any printable character is a key
    "lamps": ("line1", "line2", "message", "security"),
    "screen": (COLUMNS, ROWS),
    "hook": True,
    "audio": (8000, 16000),
}  # name and memory are board.py's to add

entropy = _board.entropy
clock = _board.utc
console_requested = _board.console_requested
reset = _board.reset

_link = None


def _panel():
    global _link
    if _link is None:
        _link = PanelLink(_board.panel, FACTS)
    return _link


def audio():
    """Return the sample rates of the audio device; media opens it."""
    return FACTS["audio"]


def keys():
    """Return the keys: pollable, get() -> (name, down) or None."""
    return _panel().keys


def screen():
    """Return the screen: show(lines), columns, rows."""
    return _panel().screen


def lamps():
    """Return the lamps: set(name, "off" | "on" | "flash")."""
    return _panel().lamps


def hook():
    """Return the hook switch: up; its changes come as the key "hook"."""
    return _panel().hook


def storage():
    """Return the folder of the settings, without a slash at its end."""
    return "/settings"


def slots():
    """Return the flash slots: none, the image lies on the host."""
    return None


class Watchdog:
    """Starts the phone anew if feed() is not called in time. It cannot be stopped."""

    def feed(self):
        """Say that all is well."""
        _board.feed()


def watchdog(ms):
    """Start the watchdog, which waits ms milliseconds, and return it."""
    _board.watchdog(ms)
    return Watchdog()
