# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Text by keys: digits tapped several times for letters (ITU-T E.161), and plain characters.

A key that comes again within a second changes the letter, later it adds one; a word begins with
a capital. A board with a keyboard sends characters, which stand for themselves.
"""

from vox6.wire import const

_TAP_MS = const(1000)

_TAPS = {
    "0": " 0",
    "1": ".-'@+1",
    "2": "abc2äáàâåæç",
    "3": "def3éèêë",
    "4": "ghi4íîï",
    "5": "jkl5ł",
    "6": "mno6ñöóôø",
    "7": "pqrs7ßś",
    "8": "tuv8üúù",
    "9": "wxyz9ýż",
    "*": "*",
    "#": "#",
}


class TextEntry:
    """A line of text. text: what it begins with, the first key replaces it; limit: characters."""

    def __init__(self, text="", limit=32):
        self.text = text[:limit]
        self._limit = limit
        self._untouched = True
        self._last = None  # (key, which of its letters, ms)

    def key(self, key, now):
        """A key: one printable character."""
        if self._untouched:
            self._untouched = False
            self.text = ""
        letters = _TAPS.get(key)
        if letters is None:
            self._last = None
            self._add(key)
            return
        last = self._last
        if last is not None and last[0] == key and now - last[2] < _TAP_MS and self.text:
            number = (last[1] + 1) % len(letters)
            self.text = self.text[:-1]
        else:
            number = 0
        if self._add(self._cased(letters[number])):
            self._last = (key, number, now)

    def _cased(self, letter):
        begins = not self.text or self.text[-1] == " "
        return letter.upper() if begins and letter != "ß" else letter

    def _add(self, letter):
        if len(self.text) >= self._limit:
            return False
        self.text += letter
        return True

    def erase(self):
        """Take the last character away."""
        self._untouched = False
        self._last = None
        self.text = self.text[:-1]
