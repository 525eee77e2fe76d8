# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Opus with another maker's telephone: a tone each way, on both boards."""

import time

import pytest

from host_tests.interop.fixtures import TONE_HZ
from host_tests.interop.peers import connect
from tools.lab import measure

SNR_MIN_DB = 25.0  # Opus codes a sine as if it were a voice


@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_tone_each_way(phone, plain, modern, capture, direction):
    phone.configure(media__codecs="opus G722 PCMU PCMA")
    other = modern("opus")
    try:
        connect(phone, other, direction)
        recording = phone.panel.record()
        phone.panel.play((16000, measure.tone(TONE_HZ, 10, 16000)))
        time.sleep(2.4)
        rate, samples = recording.stop()
        phone.panel.wait_text("opus")
        phone.hang_up()
        phone.panel.silence()
        other.wait("call_closed")
        phone.wait_idle()
    finally:
        phone.configure(media__codecs="G722 opus PCMU PCMA")
    assert rate == 16000
    for what, sound in (("the phone", (rate, samples)), ("baresip", other.recording())):
        heard = measure.loud_part(sound[1], sound[0], 0.3)
        assert len(heard) > sound[0], f"{what} heard {len(heard) / sound[0]:.2f} s"
        tone = measure.measure_tone(heard, sound[0])
        print(f"heard by {what}: {tone.frequency:.2f} Hz, {tone.snr_db:.1f} dB")
        assert abs(tone.frequency - TONE_HZ) < 1.0, (what, tone)
        assert tone.snr_db > SNR_MIN_DB, (what, tone)
