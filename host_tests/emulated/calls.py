# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls between two phones of ours, and their sound."""

import time

from tools.lab import measure

# No whole number of cycles in 20 ms: a frame lost, repeated or made up is a jump of the phase.
TONE_HZ = 1015


def connect(caller, called):
    """A call that both sides have answered."""
    caller.dial(called.uri)
    called.answer()
    for one in (caller, called):
        one.wait_talking()


def disconnect(first, second):
    """End the call by one side's key; the other one is told."""
    first.hang_up()
    second.panel.wait_text("they hung up")
    for one in (first, second):
        one.wait_idle()


class Tones:
    """A tone from both sides, recorded on both sides, from the with to its end."""

    def __init__(self, *sides):
        self._sides = sides
        self.sounds = {}

    def __enter__(self):
        for side in self._sides:
            side.panel.play((16000, measure.tone(TONE_HZ, 20, 16000)), repeat=True)
        time.sleep(1.0)  # the jitter buffers have found their size
        self._recordings = {side.board: side.panel.record() for side in self._sides}
        return self

    def __exit__(self, *_):
        for board, recording in self._recordings.items():
            self.sounds[board] = recording.stop()
        for side in self._sides:
            side.panel.silence()

    def breaks(self, seconds):
        """What both sides did not hear as it was: texts, none if the tone came all the time."""
        found = []
        for board, (rate, samples) in self.sounds.items():
            length = len(samples) / rate
            gaps = measure.find_gaps(samples, rate, TONE_HZ)
            tone = measure.measure_tone(samples, rate)
            print(f"heard by {board}: {length:.2f} s, {tone.frequency:.2f} Hz, {len(gaps)} gaps")
            if length < seconds - 0.3:
                found.append(f"{board} recorded {length:.2f} s of {seconds} s")
            if abs(tone.frequency - TONE_HZ) > 1.0:
                found.append(f"{board} heard {tone}")
            if gaps:
                found.append(f"heard by {board}: {gaps[:5]}")
        return found
