# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The person's side of the phone: keys come in, a screen and lamps go out.

The state of the person's side: idle, dial, menu, page, or a question about a call (differs, name);
a call in focus goes before all but an open menu.
"""

from firmware import log
from firmware.phone.dial import DialError
from firmware.ui import call_menu, keys, lamps, screens, wording
from firmware.ui.text_entry import TextEntry
from vox6.wire.errors import LocalProtocolError

_LONGEST = 255
_LAMPS = ("line1", "line2", "message", "security")
_OF_SAFETY = (
    "same",
    "ask_differs",
    "ask_name",
    "accept_clear",
    "differs",
    "leave",
    "save_name",
    "letter",
    "erase_letter",
)
_OF_OPTIONS = ("options", "option", "option_up", "option_down")
_SAFETY = {"encrypted": "compare", "mismatch": "compare", "verified": "verified"}


class Console:
    """Keys, screen and lamps of one phone.

    phone: the Phone; screen: object with show(lines), columns, rows, or None; lamps: object with
    set(name, state), or None; lamp_names: those that the board has.
    """

    def __init__(self, phone, screen, lamps_, lamp_names=_LAMPS):
        self.phone = phone
        self.screen = screen
        self.lamps = lamps_
        self._lamp_names = lamp_names
        self.mode = "idle"
        self.text = ""  # being dialled
        self.account = None  # number of the one to call with, if somebody chose it
        self.last_dialled = ""
        self.note = ""  # one line, until the next key
        self.index = 0
        self.top = 0
        self.page = []
        self._asked = None  # the call that a question is about
        self._entry = None  # its name, while it is typed
        self._shown = None
        self._due = None  # when the clock on the screen changes
        self._lamps = {}

    # Keys

    def place(self):
        """Return where the person is: the first half of the key table."""
        if self.mode in ("menu", "page"):
            return self.mode
        call = self.phone.call_in_focus()
        if self.mode in ("differs", "name"):
            if call is self._asked and call.is_active() and call.audio.protection.has_sas():
                return self.mode
            self._to_idle()  # what was asked about is over
        if self.mode in ("options", "transfer"):
            if call is self._asked and call is not None and call.state == "talking":
                return self.mode
            self._to_idle()
        if call is not None and self.mode != "dial":
            if call.state == "incoming":
                return "incoming"
            if call.state == "ended":
                return "ended"
            if call.state == "talking":
                if call.referral is not None:
                    return "asked"
                if call.held_here:
                    return "held"
                if call.security() == "cleared":
                    return "cleared"
                return _SAFETY.get(call.security(), "talking")
            return "outgoing"
        return self.mode

    def key(self, key, down):
        """A key went down or up; anything that goes wrong is said on the screen."""
        if key == "hook":
            self._guard("hook", key, down)
            return
        if not down:
            return
        action = keys.action(self.place(), key)
        if action is not None:
            self.note = ""
            self._guard(action, key, down)

    def _guard(self, action, key, down):
        try:
            self._do(action, key, down)
        except DialError as exc:
            self.note = str(exc)
        except LocalProtocolError as exc:
            self.note = wording.CHANGING
            log.say("ui", "%s: %s" % (action, exc))
        except Exception as exc:
            self.note = wording.FAULT
            log.exception("ui", exc)

    def _do(self, action, key, down):
        phone = self.phone
        if action == "type":
            if self.mode not in ("dial", "transfer"):
                phone.dismiss()
                self.mode = "dial"
                self.text = ""
            if len(self.text) < _LONGEST:
                self.text += key
        elif action == "erase":
            if self.mode == "transfer" and not self.text:
                self._to_idle()
            self.text = self.text[:-1]
            if not self.text and self.mode == "dial":
                self.mode = "idle"
        elif action == "clear":
            self._to_idle()
        elif action == "redial":
            self.mode = "dial"
            self.text = self.last_dialled
        elif action == "account":
            self._choose_account(-1 if key == "up" else 1)
        elif action == "ask_transfer":
            self._asked = phone.call_in_focus()
            self.mode = "transfer"
            self.text = ""
        elif action == "transfer":
            phone.transfer(self.text, self.account)
            self._to_idle()
        elif action in ("agree", "disagree"):
            phone.take_transfer(action == "agree")
        elif action == "digit":
            phone.digit(key)
        elif action in _OF_OPTIONS:
            self._options(action)
        elif action == "dial":
            self._dial()
        elif action == "line1" or action == "line2":
            self._line(int(action[4]) - 1)
        elif action == "hook":
            self._hook(down)
        elif action in ("menu", "up", "down", "open", "close"):
            self._menu(action)
        elif action in _OF_SAFETY:
            self._safety(action, key)
        else:  # answer, reject, hangup, hold, resume, dismiss, conference
            if self.mode in ("differs", "name", "options", "transfer"):
                self._to_idle()
            getattr(phone, action)()

    def _safety(self, action, key):
        """What is asked and answered about the SAS of the call in focus."""
        call = self.phone.call_in_focus()
        protection = call.audio.protection
        if action == "same":
            protection.confirm()
        if action in ("same", "ask_name"):
            self._asked = call
            self._entry = TextEntry(protection.name or call.name)
            self.mode = "name"
        elif action == "ask_differs":
            self._asked = call
            self.mode = "differs"
        elif action == "letter":
            self._entry.key(key, self.phone.clock.now())
        elif action == "erase_letter":
            self._entry.erase()
        elif action == "accept_clear":
            protection.accept_clear()
        else:
            if action == "save_name":
                protection.confirm(self._entry.text.strip())
            elif action == "differs":
                protection.deny()
            self._to_idle()

    def _options(self, action):
        """The menu of the call in focus."""
        call = self.phone.call_in_focus()
        if action == "options":
            self._asked = call
            self.mode = "options"
            self.index = 0
            return
        found = call_menu.items(self.phone, call)
        index = min(self.index, len(found) - 1)
        if action == "option":
            self._to_idle()
            self._do(found[index][0], "ok", True)
        else:
            step = -1 if action == "option_up" else 1
            self.index = max(0, min(len(found) - 1, index + step))

    def _choose_account(self, step):
        """The next account to call with; before the first and behind the last: the default."""
        numbers = [None] + [account.number for account in self.phone.accounts.all]
        at = numbers.index(self.account) if self.account in numbers else 0
        self.account = numbers[(at + step) % len(numbers)]

    def _to_idle(self):
        self.mode = "idle"
        self.account = None
        self._asked = self._entry = None
        self.text = ""
        self.page = []

    def _dial(self):
        self.last_dialled = self.text
        self.phone.dial(self.text, self.account)
        self._to_idle()

    def _line(self, line):
        if line >= len(self.phone.lines):
            return
        self._to_idle()
        if self.phone.select(line) is None:
            self.mode = "dial"

    def _hook(self, up):
        place = self.place()
        if up and place == "incoming":
            self.phone.answer()
        elif up and place == "idle":
            self.mode = "dial"
        elif not up:
            if place == "outgoing" or place in keys.TALKING:
                self._to_idle()
                self.phone.hangup()
            elif place == "dial":
                self._to_idle()

    def _menu(self, action):
        step = {"up": -1, "down": 1}.get(action, 0)
        if action == "menu":
            self.mode = "menu"
            self.index = 0
        elif action == "close":
            if self.mode == "page":
                self.mode = "menu"
                self.page = []
            else:
                self.mode = "idle"
        elif action == "open":
            self.mode = "page"
            self.top = 0
            columns = self.screen.columns if self.screen else 21
            self.page = screens.page_lines(self.phone, self.index, columns)
            if self.index == 3:
                self.phone.missed_seen()
            elif self.index == 6:
                self.phone.messages.seen()
        elif self.mode == "menu":
            self.index = max(0, min(len(wording.MENU_ITEMS) - 1, self.index + step))
        else:
            room = (self.screen.rows if self.screen else 8) - 2
            last = max(0, len(self.page) - room)
            self.top = max(0, min(last, self.top + step * room))

    def interrupt(self):
        """A call comes in: it is shown, whatever was open; what was typed comes back by redial."""
        if self.mode == "dial":
            self.last_dialled = self.text
        self._to_idle()

    # Screen and lamps

    def lines(self, now):
        """Return the lines of the screen."""
        phone = self.phone
        columns = self.screen.columns
        rows = self.screen.rows
        if self.mode == "menu":
            return screens.menu(phone, columns, rows, self.index)
        if self.mode == "page":
            return screens.page(phone, columns, rows, self.index, self.page, self.top)
        if self.mode == "transfer" and self.place() == "transfer":
            return self._transfer_lines(columns, rows)
        if self.mode == "dial":
            chosen = phone.accounts.for_digits(self.account) if self.account else None
            return screens.dial(phone, columns, rows, self.text, self.note, chosen)
        call = phone.call_in_focus()
        place = self.place()
        if place == "differs":
            return screens.differs(call, columns, rows)
        if place == "asked":
            return screens.asked(call, columns, rows)
        if place == "options":
            found = call_menu.items(phone, call)
            return call_menu.lines(call, columns, rows, found, min(self.index, len(found) - 1))
        if place == "name":
            return screens.name(call, columns, rows, self._entry.text)
        if call is not None:
            lines = screens.call(phone, columns, rows, call, now)
            if self.note:
                lines[-2] = self.note[:columns]
            return lines
        return screens.idle(phone, columns, rows, self.note)

    def _transfer_lines(self, columns, rows):
        phone = self.phone
        note = self.note
        other = phone.other_standing(self._asked)
        if not note and not self.text and other is not None:
            note = wording.TRANSFER_TO_LINE % (other.line + 1)
        chosen = phone.accounts.for_digits(self.account) if self.account else None
        head = wording.TRANSFER
        hint = wording.HINT_TRANSFER
        return screens.dial(phone, columns, rows, self.text, note, chosen, head, hint)

    def get_timer(self):
        """Return when refresh() is to be called although nothing happened, or None."""
        return self._due

    def refresh(self, now):
        """Show what has changed."""
        utc = self.phone.utc()
        self._due = None if utc is None else now + 1000 * (60 - utc % 60)
        if self.screen is not None:
            lines = self.lines(now)
            if lines != self._shown:
                self._shown = lines
                self.screen.show(lines)
        if self.lamps is not None:
            for name, state in lamps.all_of(self.phone):
                if name in self._lamp_names and self._lamps.get(name) != state:
                    self._lamps[name] = state
                    self.lamps.set(name, state)
