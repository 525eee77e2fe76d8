# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the text screen shows, line by line; nothing here changes the phone.

Every screen has a heading, a body and a hint at the foot, for any size of at least 12 x 4.
"""

from firmware import log
from firmware.net.network import is_link_local
from firmware.phone.dial import caller_text
from firmware.store import kinds
from firmware.store import settings as store
from firmware.ui import network_page, wording

_HEADINGS = {
    "locating": wording.LOCATING,
    "calling": wording.CALLING,
    "progress": wording.PROGRESS,
    "ringback": wording.RINGING_THERE,
    "incoming": wording.INCOMING,
    "answering": wording.ANSWERING,
    "talking": wording.TALKING,
    "ending": wording.ENDING,
    "ended": wording.ENDED,
}


def duration(ms):
    """Return m:ss or h:mm:ss."""
    seconds = ms // 1000
    if seconds < 3600:
        return "%d:%02d" % (seconds // 60, seconds % 60)
    return "%d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def wrapped(text, columns):
    """Return text in lines of columns characters."""
    return [text[i : i + columns] for i in range(0, len(text), columns)]


def heading(text, line, columns):
    """Return a text with the number of the line at the right, if there is room for it."""
    number = wording.LINE % (line + 1)
    room = columns - len(text) - len(number)
    return text + " " * room + number if room > 0 else text


def fitted(lines, columns, rows, hint):
    """Return exactly rows lines of at most columns characters, the hint last."""
    out = [line[:columns] for line in lines[: rows - 1]]
    while len(out) < rows - 1:
        out.append("")
    out.append(hint[:columns])
    return out


def network_text(phone):
    """Return one line on the state of the network, or None when all is well."""
    if phone.network.error:
        return wording.NO_NETWORK
    access = phone.access.text()
    if access:
        return access
    if phone.network.local is None:
        return wording.NO_ADDRESS
    if not phone.network.is_global():
        link = is_link_local(phone.network.local)
        return wording.LINK_LOCAL_ONLY if link else wording.LOOPBACK_ONLY
    return None


def account_lines(account, columns):
    """Return one to three lines on an account: its user, and whether calls reach it."""
    line = "%d %s: %s" % (account.number, account.user, account.text)
    if len(line) <= columns:
        return [line]
    text = ["  " + part for part in _broken(account.text, columns - 2)]
    return ["%d %s" % (account.number, account.user)] + text


def state_text(call):
    """Return what a call is doing, in words."""
    if call.state == "ended":
        return call.ended_text
    if call.state == "talking":
        if call.changing:
            return wording.CHANGING
        if call.held_here:
            return wording.HELD_BOTH if call.held_there else wording.HELD
        if call.held_there:
            return wording.HELD_THERE
        if call.joined:
            return wording.CONFERENCE
    return _HEADINGS[call.state]


def own_address(phone):
    """Return our address for people: text, with the port if it is not 5060."""
    text = phone.address_text(phone.network.local)
    return "[%s]:%d" % (text, phone.sip_port) if phone.sip_port != 5060 else text


def security_lines(call, columns):
    """Return what is said of the safety of a call, two lines at the most."""
    protection = call.audio.protection if call.audio is not None else None
    state = protection.state if protection is not None and call.is_live() else ""
    if state == "securing":
        return [wording.WAIT_FOR_KEYS if protection.is_waiting() else wording.SECURING]
    if state == "clear":
        lines = [wording.NOT_ENCRYPTED]
        return [wording.ENCRYPTION_FAILED] + lines if protection.failed else lines
    if state == "sdes":
        return [wording.SERVER_ONLY]
    if state == "different":
        return [wording.SAS_DIFFERS, wording.NOTHING_SECRET]
    if state == "cleared":
        return [wording.ENCRYPTION_ENDED]
    if not state:
        return []
    sas = wording.SAS % protection.sas_text
    what = wording.COMPARE
    if state == "verified":
        what = protection.name or wording.VERIFIED
    line = sas + "  " + what
    if len(sas) + 3 > columns:
        lines = [protection.sas_text, what]
    elif len(line) > columns and (state != "verified" or " " in protection.sas_text):
        lines = [sas, what]
    else:
        lines = [line]
    if state == "mismatch":
        lines = lines[:1] + [wording.KEYS_CHANGED]
    elif protection.disclosure and len(lines) < 2:
        lines.append(wording.DISCLOSURE)
    return lines


def idle(phone, columns, rows, note):
    """The screen of a phone with nothing to do."""
    utc = phone.utc()
    head = "vox6"
    if utc is not None:
        clock = "%02d:%02d UTC" % (utc // 3600 % 24, utc // 60 % 60)
        head += " " * (columns - len(head) - len(clock)) + clock
    lines = [head]
    problem = network_text(phone)
    if phone.network.local is not None:
        lines += wrapped(own_address(phone), columns)
    if problem:
        lines.append(problem)
    accounts = phone.accounts.all
    for account in accounts:
        lines += account_lines(account, columns)
    if not accounts and phone.network.is_global():
        lines.append(wording.NO_ACCOUNT)
    if phone.unseen:
        lines.append(wording.MISSED % phone.unseen)
    voice, texts = phone.unread()
    if voice:
        lines.append(wording.VOICEMAIL % voice)
    if texts:
        lines.append(wording.TEXTS % texts)
    if note:
        lines = lines[: rows - 2]
        lines.append(note)
    return fitted(lines, columns, rows, wording.HINT_IDLE)


def dial(phone, columns, rows, text, note, account=None, head=None, hint=None):
    """The screen while somebody types whom to call; the end of a long text is seen.

    account: the one that was chosen for this call, or None. head, hint: for another purpose.
    """
    body = wrapped(text + "_", columns)
    room = max(1, rows - 4)
    lines = [heading(head or wording.DIAL, phone.focus, columns)]
    if account is not None:
        lines.append(wording.DIAL_BY % account.user)
        room = max(1, room - 1)
    lines += body[-room:]
    while len(lines) < rows - 2:
        lines.append("")
    lines.append(note or network_text(phone) or "")
    return fitted(lines, columns, rows, hint or wording.DIAL_HINT)


def asked(call, columns, rows):
    """The question of a peer who wants us to call somebody else."""
    uri = call.referral.refer_to
    lines = [wording.ASK_TRANSFER, caller_text(uri)] + wrapped(uri, columns)
    return fitted(lines, columns, rows, wording.HINT_ASKED)


def _broken(text, columns):
    """Return a text in two lines at the most, broken where a word ends if it can be."""
    if len(text) <= columns:
        return [text]
    at = text.rfind(" ", 0, columns + 1)
    return [text[:at], text[at + 1 :]] if at > 0 else [text]


def call(phone, columns, rows, call, now):
    """The screen of the call in focus."""
    lines = [heading(line, call.line, columns) for line in _broken(state_text(call), columns)]
    safety = security_lines(call, columns)
    lines += safety
    lines.append(call.name)
    uri = call.uri[4:] if call.uri.startswith("sip:") else call.uri
    if uri != call.name:
        lines += wrapped(uri, columns)[: 1 if safety else 2]
    note = call.note or (call.audio.protection.note if call.audio is not None else "")
    if note and safety:
        lines = lines[: len(safety) + 2]
    if call.talking_since is not None:
        end = call.since if call.state == "ended" else now
        lines.append("%s %s" % (duration(end - call.talking_since), call.audio_text()))
        loss = call.loss_text()
        if loss:
            lines.append(loss)
    if note:
        lines.append(note)
    elif call.silent_s:
        lines.append(wording.SILENT % call.silent_s)
    other = phone.lines[1 - call.line] if len(phone.lines) > 1 else None
    if other is not None:
        lines = lines[: rows - 2]
        while len(lines) < rows - 2:
            lines.append("")
        if other.state == "incoming":
            lines.append(wording.SECOND_CALL % other.name)
        else:
            lines.append(wording.OTHER_LINE % (other.line + 1, state_text(other)))
    return fitted(lines, columns, rows, call_hint(call))


def call_hint(call):
    """Return which keys mean something now."""
    if call.state == "incoming":
        return wording.HINT_INCOMING
    if call.state in ("locating", "calling", "progress", "ringback"):
        return wording.HINT_OUTGOING
    if call.state == "talking":
        if call.held_here:
            return wording.HINT_HELD
        if call.security() in ("encrypted", "mismatch"):
            return wording.HINT_COMPARE
        return wording.HINT_CLEAR if call.security() == "cleared" else wording.HINT_TALKING
    return ""


def differs(call, columns, rows):
    """The question whether the SAS is really different."""
    lines = [heading(wording.ASK_DIFFERS, call.line, columns)] + security_lines(call, columns)
    return fitted(lines, columns, rows, wording.HINT_DIFFERS)


def name(call, columns, rows, text):
    """The screen while the verified peer gets its name; the end of a long one is seen."""
    lines = [heading(wording.ASK_NAME, call.line, columns)]
    lines += wrapped(text + "_", columns)[-max(1, rows - 3) :]
    return fitted(lines, columns, rows, wording.HINT_NAME)


def menu(phone, columns, rows, index):
    """The menu, the chosen item marked."""
    lines = [wording.MENU]
    items = wording.MENU_ITEMS
    room = rows - 2
    first = max(0, min(index - room + 1, len(items) - room))
    for i in range(first, min(len(items), first + room)):
        lines.append((">" if i == index else " ") + items[i])
    return fitted(lines, columns, rows, wording.HINT_MENU)


def page_lines(phone, index, columns):
    """Return all lines of a page of the menu."""
    out = []
    if index == 0:
        for account in phone.accounts.all:
            out += wrapped("%d %s" % (account.number, account.uri), columns)
            out += wrapped("  " + account.text, columns)
    elif index == 1:
        for line in network_page.lines(phone):
            out += wrapped(line, columns)
    elif index == 2:
        for message in phone.settings.messages:
            out += wrapped("! " + message, columns)
        for name in store.names():
            entry = store.row(name)
            value = phone.settings.get(name)
            if name.startswith("account.") and value == entry[2]:
                continue  # what nobody has set of an account says nothing
            out += wrapped("%s = %s" % (name, kinds.shown(entry, value)), columns)
    elif index == 3:
        for uri, name, _ in phone.missed:
            out += wrapped(caller_text(uri, name), columns)
    elif index == 4:
        for line in log.lines()[-20:]:
            out += wrapped(line, columns)
    elif index == 6:
        for line in phone.messages.lines():
            out += wrapped(line, columns)
    elif index == 7:
        if phone.watching is not None:
            for one in phone.watching.all:
                out += wrapped(one.text(), columns)
    else:
        for zid, verified, known in phone.security.known():
            text = known or zid[:8]
            out += wrapped("%s: %s" % (text, wording.VERIFIED) if verified else text, columns)
    return out or [wording.EMPTY]


def page(phone, columns, rows, index, lines, top):
    """A page of the menu from a line on."""
    out = [wording.MENU_ITEMS[index]] + lines[top : top + rows - 2]
    return fitted(out, columns, rows, wording.HINT_PAGES)
