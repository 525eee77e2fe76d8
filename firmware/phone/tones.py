# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The sounds a phone makes itself: one table, in the form that media.tone() takes.

A segment is (f1_hz, f2_hz, level_dbm0, on_ms, off_ms). Cadences of ringing, busy and congestion
follow ITU-T E.180 supplement 2 as most of Europe uses it; the speaker's ringing is our own.
"""

_LOUDEST = -6  # dBm0 at volume 10
_STEP = 3  # dB per step of the volume

# Name: (segments, repeat)
TONES = {
    "dial": (((425, 0, -18, 1000, 0),), True),
    "ringback": (((425, 0, -18, 1000, 4000),), True),
    "busy": (((425, 0, -18, 480, 480),), True),
    "congestion": (((425, 0, -18, 240, 240),), True),
    "waiting": (((425, 0, -24, 200, 200), (425, 0, -24, 200, 4000)), True),
    "ended": (((425, 0, -18, 240, 240), (425, 0, -18, 240, 240)), False),
    "refused": (((425, 0, -18, 100, 100),), False),
    # not encrypted: three low beeps
    "unencrypted": (((330, 0, -18, 160, 120),) * 3, False),
    # a peer without the secret of the calls before (RFC 6189 section 4.3.2): look at the screen
    "keys_changed": (((660, 0, -15, 120, 60), (990, 0, -15, 120, 240)) * 2, False),
    # the SAS differs: a siren
    "alarm": (((880, 0, -9, 180, 0), (1320, 0, -9, 180, 0)) * 8, False),
}

# The ringing of a called phone: two strokes of a warble, then a pause; level by ring.volume.
_RINGING = (
    (784, 1047, 60, 0),
    (659, 880, 60, 0),
    (784, 1047, 60, 0),
    (659, 880, 60, 0),
    (784, 1047, 60, 0),
    (659, 880, 60, 200),
    (784, 1047, 60, 0),
    (659, 880, 60, 0),
    (784, 1047, 60, 0),
    (659, 880, 60, 2600),
)


def segments(name, volume=10):
    """Return (segments, repeat) of a tone, or None where it is silent.

    volume: 0..10, for "ringing" alone; 0 is silence.
    """
    if name != "ringing":
        return TONES[name]
    if volume <= 0:
        return None
    level = _LOUDEST - _STEP * (10 - min(volume, 10))
    return tuple([(f1, f2, level, on, off) for f1, f2, on, off in _RINGING]), True


def duration_ms(name):
    """Return how long a tone takes that does not repeat."""
    return sum([on + off for _, _, _, on, off in TONES[name][0]])
