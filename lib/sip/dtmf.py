# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Keys in the bodies of INFO, as peers without RFC 4733 send and take them.

    application/dtmf-relay    "Signal=5" CRLF "Duration=160" CRLF     ; ms
    application/dtmf          "5"

No RFC defines the two. Events are numbered as in RFC 4733 section 3: 0..9, 10 "*", 11 "#", 12..15
"A".."D", 16 flash.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError, LocalProtocolError

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
TYPES = (RELAY, PLAIN)
KEYS = "0123456789*#ABCD!"
_MAX_OCTETS = const(256)
_DEFAULT_MS = const(250)
_SHORTEST_MS = const(40)  # shorter is taken as this: nothing shorter is a key (ITU-T Q.24)
_LONGEST_MS = const(8000)  # as RFC 4733 can tell in one piece at 8 kHz


def parse(content_type: str, octets: bytes) -> "tuple[int, int]":
    """Return (event, duration in ms) of a body; FormatError if it tells none."""
    if len(octets) > _MAX_OCTETS:
        raise FormatError("DTMF too long")
    try:
        text = octets.decode().strip()
    except UnicodeError:
        raise FormatError("DTMF is not text")
    if content_type == PLAIN:
        return _event(text), _DEFAULT_MS
    if content_type != RELAY:
        raise FormatError("not DTMF", 415)
    signal = None
    duration = _DEFAULT_MS
    for line in text.replace("\r", "\n").split("\n"):
        name, equal, value = line.partition("=")
        name = name.strip().lower()
        value = value.strip()
        if not equal:
            if name:
                raise FormatError("bad line in DTMF")
        elif name == "signal":
            signal = _event(value)
        elif name == "duration":
            if not value or value.strip("0123456789"):
                raise FormatError("bad duration in DTMF")
            longest = len(value) > 5
            duration = _LONGEST_MS if longest else max(min(int(value), _LONGEST_MS), _SHORTEST_MS)
    if signal is None:
        raise FormatError("no signal in DTMF")
    return signal, duration


def _event(text: str) -> int:
    """Return the event of a key as text, or of its number."""
    if len(text) == 1:
        event = KEYS.find(text.upper())
        if event >= 0:
            return event
    elif len(text) == 2 and not text.strip("0123456789") and 10 <= int(text) < len(KEYS):
        return int(text)
    raise FormatError("no such key")


def emit(event: int, duration_ms: int = 160, content_type: str = RELAY) -> bytes:
    """Return the body for an event; LocalProtocolError: no such event or type."""
    if not 0 <= event < len(KEYS) or content_type not in TYPES:
        raise LocalProtocolError("no such key")
    if content_type == PLAIN:
        return KEYS[event].encode()
    return b"Signal=%s\r\nDuration=%d\r\n" % (KEYS[event].encode(), duration_ms)
