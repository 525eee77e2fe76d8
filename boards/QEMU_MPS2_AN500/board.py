# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The board QEMU_MPS2_AN500: firmware on an emulated Cortex-M7 (design.md section 7).

Keys, screen, lamps and hook are the panel link over the second serial line; sound, flash, entropy
and the time of day lie in the shared file (ports/qemu/README.md).
"""

import _board

from panel_link import COLUMNS, KEY_NAMES, ROWS, PanelLink

FACTS = {
    "name": "QEMU_MPS2_AN500",
    "maker": "vox6",
    "keys": tuple("0123456789*#") + KEY_NAMES,
    "keyboard": True,  # any printable character is a key
    "lamps": ("line1", "line2", "message"),
    "screen": (COLUMNS, ROWS),
    "hook": True,
    "audio": (8000, 16000),
    "memory": 491520,  # data, heap and stack, as an RP2350 could give them
}

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


def nic():
    """Start the Ethernet interface; addresses come later (net6.changed())."""
    _board.start()


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
    """Return the flash slots: none here, the image is QEMU's -kernel."""
    return None


class Watchdog:
    """Resets the board if feed() is not called in time. It cannot be stopped."""

    def feed(self):
        """Say that all is well."""
        _board.feed()


def watchdog(ms):
    """Start the watchdog, which waits ms milliseconds, and return it."""
    _board.watchdog(ms)
    return Watchdog()
