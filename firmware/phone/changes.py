# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Changes of a call that stands: hold, resume, a new address, each by a re-INVITE (RFC 3261
section 14).

What cannot be told at once is told by settle() as soon as the session allows.
"""

from firmware import log
from firmware.ui import wording
from vox6.wire.errors import LocalProtocolError, ProtocolError


class Changes:
    """Changes the calls of a Phone."""

    def __init__(self, phone):
        self.phone = phone

    def move(self, call, now):
        """Our address is gone: the call follows to another one."""
        local = self.phone.network.source_for(call.session.peer[0])
        if local is None:
            call.note = wording.ADDRESS_GONE
            return
        if local == call.audio.local:
            return  # nothing better yet
        call.audio.move(local)
        log.say("call", "%d moves to %s" % (call.line + 1, self.phone.address_text(local)))
        if call.changing and call.audio.is_offering():
            # The answer would go to the address that is gone.
            call.session.withdraw_offer(True)
            call.audio.offer_refused()
            call.changing = None
        self.settle(call, now)

    def hold_others(self, line, now):
        """One call has microphone and speaker: hold all others, unless they confer."""
        if self.phone.is_conference():
            return
        for call in self.phone.lines:
            if call is None or call.line == line:
                continue
            if call.has_early_media():
                call.audio.apply(True)  # early media has microphone and speaker too
            elif call.is_active():
                try:
                    if call.state == "talking":
                        self.hold(call, now)
                except ProtocolError as exc:
                    log.say("call", "%d: %s" % (call.line + 1, exc))
                # Not agreed yet, or a change is under way: quiet now, told when it can be.
                call.held_here = True
                call.audio.apply(True)

    def join(self, calls, now):
        """Begin a conference: calls that stand hear us and each other, media mixes them.

        LocalProtocolError: a change of one that is held is under way; nothing has changed.
        """
        for call in calls:
            if call.held_here and call.changing:
                raise LocalProtocolError("a change is under way")
        for call in calls:
            if call.held_here:
                self.change_hold(call, False, now)
                call.audio.apply(False)
        for call in calls:
            call.joined = True

    def take_back(self, call, now):
        """A call is talked again; told when it can be, if a change is under way."""
        if not call.changing:
            self.change_hold(call, False, now)
        call.held_here = False
        call.audio.apply(False)

    def part(self):
        """The conference is over; who is held or heard stays so."""
        for call in self.phone.lines:
            if call is not None:
                call.joined = False

    def hold(self, call, now):
        """Hold a call. LocalProtocolError: a change is under way."""
        if call.changing:
            raise LocalProtocolError("a change is under way")
        self.change_hold(call, True, now)
        call.audio.apply(True)

    def change_hold(self, call, hold, now):
        """Tell the peer of hold or its end; the stream is the caller's to change."""
        before = call.held_here
        call.held_here = hold
        if call.audio.has_told(hold):
            return  # a change of before never reached the peer
        try:
            self._reoffer(call, "hold" if hold else "resume", now)
        except ProtocolError:
            call.held_here = before
            raise

    def _reoffer(self, call, what, now):
        body = call.audio.offer(call.held_here)
        try:
            call.session.reinvite(now, body)
        except ProtocolError:
            call.audio.offer_refused()
            raise
        call.changing = what
        call.note = ""

    def settle(self, call, now):
        """Tell the peer what has changed and could not be told at once: hold, our address."""
        if call.state == "talking" and not call.changing and call.audio is not None:
            if not call.audio.has_told(call.held_here):
                try:
                    self._reoffer(call, "change", now)
                except ProtocolError as exc:
                    log.say("call", "%d: %s" % (call.line + 1, exc))
