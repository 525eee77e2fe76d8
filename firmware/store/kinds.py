# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Kinds of settings: from the text in the file to a value and back.

kind              low, high of the row
int               the bounds
bool              0, 0
choice, words     the words and what one is called: one of them, or some in order
text, uri, secret shortest and longest in characters
servers           0 and how many: names or IPv4 addresses
prefixes          0 and how many: IPv6 prefixes of 64 bits
pins              0 and how many: SHA-256 in 64 hexadecimal digits
file              shortest and longest in characters: a name without a folder
"""

from vox6.wire.errors import FormatError
from vox6.wire.inet6 import parse_address


class SettingsError(Exception):
    """A setting or the file is refused; text for people, nothing has changed."""


def parse_value(entry, text):
    """Return the value that text means for a row; SettingsError says why it means none."""
    _, kind, _, low, high = entry
    if kind == "int":
        if not text or len(text) > 9 or not _digits(text):
            raise SettingsError("not a number")
        number = int(text)
        if not low <= number <= high:
            raise SettingsError("not within %d..%d" % (low, high))
        return number
    if kind == "bool":
        if text not in ("yes", "no"):
            raise SettingsError("not yes or no")
        return text == "yes"
    if kind == "choice":
        if text not in low:
            raise SettingsError("no %s %s" % (high, text[:16]))
        return text
    if kind == "words":
        return _words(text, low, high)
    if kind in ("servers", "prefixes", "pins"):
        return _list(text, kind, high)
    for char in text:
        if char < " " or char == "\x7f":
            raise SettingsError("a control character in it")
    if not low <= len(text) <= high:
        raise SettingsError("not %d to %d characters long" % (low, high))
    if kind == "file" and ("/" in text or text.startswith(".")):
        raise SettingsError("not a file name")
    if kind == "uri" and text:
        _check_uri(text)
    return text


def _words(text, known, what):
    seen = []
    for word in text.split():
        if word not in known:
            raise SettingsError("no %s %s" % (what, word[:16]))
        if word in seen:
            raise SettingsError("%s twice: %s" % (what, word))
        seen.append(word)
    if not seen:
        raise SettingsError("no %s named" % what)
    return " ".join(seen)


def _check_uri(text):
    if not text.startswith("sip:") and not text.startswith("sips:"):
        raise SettingsError("must begin with sip: or sips:")
    if " " in text or "<" in text or ">" in text or '"' in text:
        raise SettingsError("not a SIP URI")


def _list(text, kind, most):
    words = text.split()
    if len(words) > most:
        raise SettingsError("more than %d" % most)
    for word in words:
        if kind == "prefixes":
            parse_prefixes(word)
        elif kind == "pins":
            if len(word) != 64 or word.strip("0123456789abcdefABCDEF"):
                raise SettingsError("not 64 hexadecimal digits: " + word[:40])
        else:
            _check_server(word)
    return " ".join(words)


def _check_server(word):
    from vox6.sip.uri import check_host

    try:
        if "[" in word or len(word) > 253:
            raise FormatError("an IPv6 address")
        check_host(word)
    except FormatError:
        raise SettingsError("no name or IPv4 address: " + word[:40])


def parse_prefixes(text):
    """Return the 8 octets of each prefix in a text like "2001:db8:1:2::/64 2001:db8:3:4::/64"."""
    out = []
    for word in text.split():
        address, slash, length = word.partition("/")
        try:
            addr16 = parse_address(address)
        except FormatError:
            addr16 = b""
        if not addr16 or slash + length != "/64" or addr16[8:] != bytes(8):
            raise SettingsError("no prefix like 2001:db8:1:2::/64: " + word[:40])
        out.append(addr16[:8])
    return out


def _digits(text):
    for char in text:
        if not "0" <= char <= "9":
            return False
    return True


def format_value(entry, value):
    """Return the text of a value as it stands in the file."""
    if entry[1] == "bool":
        return "yes" if value else "no"
    return str(value)


def shown(entry, value):
    """Return the text of a value for a screen or a log: secrets stay secret."""
    if entry[1] == "secret":
        return "***" if value else ""
    return format_value(entry, value)
