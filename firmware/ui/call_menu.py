# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The menu of a call: what else can be done with it, for boards without keys for that."""

from firmware.ui import screens, wording


def items(phone, call):
    """Return ((action, text), ...): what can be done with a call that stands."""
    out = []
    if call.joined:
        out.append(("conference", wording.DO_SPLIT))
    elif phone.other_standing(call) is not None:
        out.append(("conference", wording.DO_JOIN))
    if call.held_here:
        out.append(("resume", wording.DO_RESUME))
    else:
        out.append(("hold", wording.DO_HOLD))
    out.append(("ask_transfer", wording.DO_TRANSFER))
    out.append(("hangup", wording.DO_HANG_UP))
    return out


def lines(call, columns, rows, found, index):
    """Return the screen of the menu; found: of items(), index: of the marked one."""
    out = [screens.heading(wording.CALL_MENU, call.line, columns)]
    room = rows - 2
    first = max(0, index - room + 1)
    for i in range(first, min(len(found), first + room)):
        out.append((">" if i == index else " ") + found[i][1])
    return screens.fitted(out, columns, rows, wording.HINT_MENU)
