# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Keys to actions: one table {(place, key): action}; what it does not name does nothing.

Places: idle, dial, menu, page, and for the call in focus incoming, outgoing, talking, held, ended.
Any other single printable character means "type" where something can be typed.
"""

_TYPING = ("idle", "dial")

ACTIONS = {
    ("idle", "call"): "redial",
    ("idle", "hangup"): "clear",
    ("idle", "ok"): "menu",
    ("idle", "down"): "menu",
    ("dial", "call"): "dial",
    ("dial", "ok"): "dial",
    ("dial", "back"): "erase",
    ("dial", "left"): "erase",
    ("dial", "hangup"): "clear",
    ("menu", "up"): "up",
    ("menu", "down"): "down",
    ("menu", "ok"): "open",
    ("menu", "right"): "open",
    ("menu", "back"): "close",
    ("menu", "left"): "close",
    ("menu", "hangup"): "clear",
    ("page", "up"): "up",
    ("page", "down"): "down",
    ("page", "ok"): "close",
    ("page", "back"): "close",
    ("page", "left"): "close",
    ("page", "hangup"): "clear",
    ("incoming", "call"): "answer",
    ("incoming", "ok"): "answer",
    ("incoming", "hangup"): "reject",
    ("incoming", "back"): "reject",
    ("outgoing", "hangup"): "hangup",
    ("outgoing", "back"): "hangup",
    ("talking", "hangup"): "hangup",
    ("talking", "hold"): "hold",
    ("held", "hangup"): "hangup",
    ("held", "hold"): "resume",
    ("held", "call"): "resume",
    ("held", "ok"): "resume",
    ("ended", "hangup"): "dismiss",
    ("ended", "ok"): "dismiss",
    ("ended", "back"): "dismiss",
    ("ended", "call"): "dismiss",
}


def action(place, key):
    """Return the action of a key pressed at a place, or None."""
    found = ACTIONS.get((place, key))
    if found is not None:
        return found
    if key == "line1" or key == "line2":
        return key
    if place in _TYPING and len(key) == 1 and key > " ":
        return "type"
    if place == "ended" and len(key) == 1 and key > " ":
        return "type"  # the next number may be typed while the end of the last call is shown
    return None
