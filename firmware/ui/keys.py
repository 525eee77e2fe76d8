# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Keys to actions: one table {(place, key): action}; what it does not name does nothing.

Places: idle, dial, menu, page, and for the call in focus incoming, outgoing, talking, held, ended;
when it is talked: compare (an SAS waits), verified, cleared (the peer ended encryption), and the
questions differs and name; options is the menu of a call that stands, transfer where somebody
types to whom, asked the question of a peer who wants us to call somebody else. Any other single
printable character means "type" where something can be typed, "letter" in a name.
"""

_TYPING = ("idle", "dial", "transfer")
TALKING = (
    "talking",
    "compare",
    "verified",
    "cleared",
    "differs",
    "name",
    "options",
    "transfer",
    "asked",
)
_DIGITS = "0123456789*#ABCDabcd"
_STANDING = ("talking", "compare", "verified", "cleared", "held")
_STANDING_KEYS = {
    "conference": "conference",
    "transfer": "ask_transfer",
    "right": "options",
    "down": "options",
}

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
    ("dial", "up"): "account",
    ("dial", "down"): "account",
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
    ("compare", "hangup"): "hangup",
    ("compare", "hold"): "hold",
    ("compare", "ok"): "same",
    ("compare", "back"): "ask_differs",
    ("verified", "hangup"): "hangup",
    ("verified", "hold"): "hold",
    ("verified", "ok"): "ask_name",
    ("verified", "back"): "ask_differs",
    ("cleared", "hangup"): "hangup",
    ("cleared", "hold"): "hold",
    ("cleared", "ok"): "accept_clear",
    ("differs", "ok"): "differs",
    ("differs", "back"): "leave",
    ("differs", "hangup"): "hangup",
    ("name", "ok"): "save_name",
    ("name", "call"): "save_name",
    ("name", "back"): "erase_letter",
    ("name", "left"): "erase_letter",
    ("name", "hangup"): "hangup",
    ("options", "up"): "option_up",
    ("options", "down"): "option_down",
    ("options", "ok"): "option",
    ("options", "right"): "option",
    ("options", "back"): "leave",
    ("options", "left"): "leave",
    ("options", "hangup"): "hangup",
    ("transfer", "ok"): "transfer",
    ("transfer", "call"): "transfer",
    ("transfer", "transfer"): "transfer",
    ("transfer", "back"): "erase",
    ("transfer", "left"): "erase",
    ("transfer", "up"): "account",
    ("transfer", "down"): "account",
    ("transfer", "hangup"): "leave",
    ("asked", "ok"): "agree",
    ("asked", "call"): "agree",
    ("asked", "back"): "disagree",
    ("asked", "hangup"): "hangup",
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
    if place in _STANDING and key in _STANDING_KEYS:
        return _STANDING_KEYS[key]
    if (place in _STANDING[:4] or place == "outgoing") and len(key) == 1 and key in _DIGITS:
        return "digit"
    if place == "name" and len(key) == 1 and key >= " ":
        return "letter"
    if place in _TYPING and len(key) == 1 and key > " ":
        return "type"
    if place == "ended" and len(key) == 1 and key > " ":
        return "type"  # the next number may be typed while the end of the last call is shown
    return None
