# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The tones that the states of the lines ask for, and the audio device while somebody needs it."""

from firmware import log
from firmware.phone import tones
from firmware.phone.call import OUTGOING


class Sounds:
    """Tones of a Phone. media: the C module."""

    def __init__(self, phone, media):
        self.phone = phone
        self._media = media
        self.speaker_delay_ms = None  # of the board's loudspeaker; None: it has a handset
        self.tone = None
        self._sounding = False
        self._once = None  # a tone that sounds now whatever the states say
        self._once_until = None

    def once(self, name):
        """Play a tone once, before all others."""
        self._once = name
        self._once_until = self.phone.clock.now() + tones.duration_ms(name)
        self.update()

    def get_timer(self):
        """Return when update() is to be called although nothing happened, or None."""
        return self._once_until

    def _wanted(self):
        if self._once is not None:
            if self.phone.clock.now() < self._once_until:
                return self._once
            self._once = self._once_until = None
        talking = False
        incoming = False
        for call in self.phone.lines:
            if call is not None:
                talking = talking or call.is_active() or call.state in OUTGOING
                incoming = incoming or call.state == "incoming"
        if incoming:
            return "waiting" if talking else "ringing"
        call = self.phone.lines[self.phone.focus]
        if call is None:
            return None
        if call.state == "ringback" and call.audio.codec is None:
            return "ringback"
        if call.state == "ended" and not talking:
            return call.ended_tone
        return None

    def _clean_microphone(self):
        """Have done to the microphone what the settings and the board's loudspeaker ask for."""
        auto = self.speaker_delay_ms is not None
        wanted = {"delay_ms": self.speaker_delay_ms or 0}
        for name in ("echo", "noise", "gain"):
            setting = self.phone.settings.get("audio." + name)
            wanted[name] = setting == "on" or (setting == "auto" and auto)
        try:
            self._media.speaker(**wanted)
        except MemoryError:
            log.say("media", "no memory for the speaker path")

    def update(self):
        """Have the tone that the states of the lines ask for, and the audio device if needed."""
        name = self._wanted()
        needed = name is not None
        for call in self.phone.lines:
            needed = needed or (call is not None and call.is_live())
        try:
            if needed and not self._sounding:
                self._clean_microphone()
                self._media.start()
                self._sounding = True
            if name != self.tone:
                self.tone = name
                if name is None:
                    self._media.tone(None)
                else:
                    found = tones.segments(name, self.phone.settings.get("ring.volume"))
                    if found is None:
                        self._media.tone(None)
                    else:
                        self._media.tone(found[0], repeat=found[1])
            if not needed and self._sounding:
                self._media.stop()
                self._sounding = False
        except (OSError, ValueError) as exc:
            log.say("media", "tone %s: %s" % (name, exc))
