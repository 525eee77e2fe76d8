# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The panel of a virtual phone: keys, lamps, screen text and sound, the same for every board.

with UnixPhone(Path("build/phone")) as phone:
    panel = phone.panel
    panel.dial("sip:phone@[2001:db8::1]")
    panel.press("call")
    panel.wait_text("ringing")
"""

_HOME = {
    "Console": "console",
    "Panel": "panel",
    "PanelError": "errors",
    "Phone": "phones",
    "QEMUPhone": "phones",
    "Recording": "sound",
    "UnixPhone": "phones",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module("tools.panel." + _HOME[name]), name)
