# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the lamps say: off, on or flash for each by its name."""

_WATCHED = {"unknown": "off", "free": "off", "rings": "flash", "talks": "on"}


def line(call):
    """A line: flashes while it wants somebody (ringing, held), on in a call."""
    if call is None or call.state == "ended":
        return "off"
    if call.state == "incoming":
        return "flash"
    if call.state == "talking" and call.held_here:
        return "flash"
    return "on"


def message(phone):
    """Missed calls, messages: on; a network or account that does not work: flashes."""
    if phone.network.local is None:
        return "flash"
    for account in phone.accounts.all:
        if account.state == "failed":
            return "flash"
    return "on" if phone.unseen or phone.unread() != (0, 0) else "off"


def security(phone):
    """The call that is talked: on while others could listen, flashes until its SAS is compared.

    In a conference that of the call which is least safe.
    """
    found = [call for call in phone.lines if call is not None and call.is_active()]
    if not found and phone.call_in_focus() is not None:
        found = [phone.call_in_focus()]
    states = [_security_of(call) for call in found]
    return "on" if "on" in states else "flash" if "flash" in states else "off"


def _security_of(call):
    if not call.is_live() or not call.security() or call.security() == "verified":
        return "off"
    return "flash" if call.security() in ("encrypted", "mismatch") else "on"


def all_of(phone):
    """Return ((name, state), ...) for the lamps that a phone with this many lines has."""
    out = [("line%d" % (i + 1), line(phone.lines[i])) for i in range(len(phone.lines))]
    out.append(("message", message(phone)))
    if phone.watching is not None:
        for one in phone.watching.all:
            out.append(("blf%d" % one.number, _WATCHED[one.state]))
    out.append(("security", security(phone)))
    return out
