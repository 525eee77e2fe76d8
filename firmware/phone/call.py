# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One call on one line: what the person sees of it.

State        Meaning                                      Next
locating     the name dialled is looked up                calling, ended
calling      INVITE sent, nothing heard                   progress, ringback, talking, ended
progress     a provisional answer came                    ringback, talking, ended
ringback     180: it rings there                          talking, ended
incoming     INVITE received, it rings here               answering, ended
answering    200 sent, ACK awaited; sound flows already   talking, ended
talking      both agreed; hold is a property of this      ended
ended        over; shown for a while, the line is free    (gone)
"""

from firmware.phone.dial import caller_text

LIVE = ("locating", "calling", "progress", "ringback", "incoming", "answering", "talking")
OUTGOING = ("locating", "calling", "progress", "ringback")


class Call:
    """A call. session: of lib/sip, None when it is over; audio: its Audio or None.

    changing: "hold", "resume", "move" while a re-INVITE of ours is under way, else None.
    """

    def __init__(self, line, direction, session, uri, display_name, now):
        self.line = line
        self.direction = direction
        self.session = session
        self.uri = uri
        self.name = caller_text(uri, display_name)
        self.audio = None
        self.state = "calling" if direction == "out" else "incoming"
        self.since = now
        self.talking_since = None
        self.deadline = None
        self.held_here = False
        self.held_there = False
        self.joined = False  # part of a conference of both lines
        self.changing = None
        self.late_offer = False  # the INVITE had no offer: it goes with our 200
        self.ended_text = ""
        self.ended_tone = None
        self.note = ""
        self.silent_s = 0
        self.unreachable = False
        self.peer = None
        self.account = None
        self.hop = None  # a NextHop
        self.target = None  # where it goes after a redirection, else uri
        self.targets = None  # a TargetSet of lib/sip, after a redirection
        self.redirects = 0
        self.headers = ()  # of our INVITE besides
        self.replaces = None  # for agent.invite()
        self.referred_by = ""
        self.early = None  # (body, To tag) of the early dialog that was heard last
        self.transferring = False  # the peer was asked to call somebody else
        self.referral = None  # a transfer that the peer asks for and nobody has answered
        self.referral_until = None
        self.referred = None  # the one that this call of ours was made for
        self.keys_sent = ""  # digits pressed in this call, the last ones
        self.keys_heard = ""

    def take(self, audio):
        """Give the call its Audio."""
        self.audio = audio
        audio.protection.call = self

    def is_live(self):
        """Return whether the call uses its line."""
        return self.state != "ended"

    def is_active(self):
        """Return whether microphone and speaker belong to this call."""
        return self.state in ("answering", "talking") and not self.held_here

    def has_early_media(self):
        """Return whether a call that is not answered yet is heard already."""
        return self.state in OUTGOING and self.audio is not None and self.audio.stream is not None

    def give_up(self, now):
        """Take back a call of ours that is not answered."""
        if self.session is not None and self.state != "locating":
            self.session.cancel(now)

    def to(self, state, now):
        """Go to another state."""
        self.state = state
        self.since = now

    def security(self):
        """Return the state of its protection, "" before there is a stream or after the end."""
        return "" if self.audio is None else self.audio.protection.state

    def audio_text(self):
        """Return the codec in use, or nothing."""
        if self.audio is None or self.audio.codec is None:
            return ""
        return self.audio.codec

    def loss_text(self):
        """Return loss and delay for people, or nothing."""
        return "" if self.audio is None else self.audio.loss_text
