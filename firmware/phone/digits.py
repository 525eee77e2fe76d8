# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Digits in a call: as events of RTP (RFC 4733) where both sides agreed on them, else by INFO."""

from firmware import log
from firmware.ui import wording
from vox6.sip import dtmf
from vox6.wire import const
from vox6.wire.errors import FormatError, ProtocolError

KEYS = "0123456789*#ABCD"
_LENGTH_MS = const(160)  # a key pressed by a person; nobody needs the true time
_SHOWN = const(12)  # digits kept for the screen


def press(phone, call, key):
    """Send a digit that somebody pressed in a call; what cannot be is said on the screen."""
    event = KEYS.find(key.upper())
    if event < 0:
        return
    mode = phone.settings.get("dtmf.mode")
    try:
        if mode != "info" and call.audio.takes_events():
            call.audio.stream.send_event(event, _LENGTH_MS)
        elif mode == "rtp" or call.state != "talking" or not call.session.peer_allows("INFO"):
            call.note = wording.NO_DIGITS
            return
        else:
            body = dtmf.emit(event, _LENGTH_MS)
            call.session.info(phone.clock.now(), dtmf.RELAY, body)
            phone.drain()
    except (OSError, ProtocolError) as exc:
        log.say("call", "%d: digit: %s" % (call.line + 1, exc))
        call.note = wording.NO_DIGITS
        return
    call.keys_sent = (call.keys_sent + KEYS[event])[-_SHOWN:]
    call.note = wording.DIGITS_SENT % call.keys_sent


def heard(call, event):
    """A digit of the peer came. event: as RFC 4733 section 3.2 numbers them."""
    if 0 <= event < len(KEYS):
        call.keys_heard = (call.keys_heard + KEYS[event])[-_SHOWN:]
        call.note = wording.DIGITS_HEARD % call.keys_heard
        log.say("call", "%d: digit %s" % (call.line + 1, KEYS[event]))


def told(call, event):
    """INFO of the peer came, an event of lib/sip."""
    try:
        heard(call, dtmf.parse(event.content_type, event.body)[0])
    except FormatError as exc:
        log.say("call", "%d: INFO: %s" % (call.line + 1, exc))
