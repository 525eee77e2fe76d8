# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Speech through a call with baresip: PESQ beside what the codec alone can give."""

import time

import pytest

from host_tests.interop.test_baresip import hang_up, set_up
from tools.lab import Baresip, measure, wav
from tools.lab.codec import RATES, decode, encode
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

# How far below the codec's own score a call may be: timing of the two clocks, the first packets.
PESQ_LOSS_MAX = 0.35


@pytest.fixture(scope="session")
def speech_peer_host(lab):
    return lab.host("speaker", address="2001:db8:1::c", slaac=False)


def ceiling(codec):
    """PESQ of the speech sample through encoder and decoder alone."""
    rate = RATES[codec]
    reference = wav.read(speech_file(TOP / "build/speech", rate))[1]
    coded = decode(codec, encode(codec, reference))[1]
    return measure.pesq_score(reference, coded, rate)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
def test_speech_each_way(phone, plain, speech_peer_host, capture, codec):
    rate = RATES[codec]
    spoken = speech_file(TOP / "build/speech", rate)
    reference = wav.read(spoken)[1]
    best = ceiling(codec)
    other = Baresip(speech_peer_host, "2001:db8:1::c", spoken, codec=codec)
    try:
        recording = phone.panel.record()  # baresip speaks as soon as the call is up
        set_up(phone, other, "in")
        phone.panel.play(spoken)
        time.sleep(len(reference) / rate + 1.0)
        heard = measure.at_rate(recording.stop(), rate)
        hang_up(phone, other, "phone")
        there = measure.at_rate(other.recordings()[-1], rate)
    finally:
        other.close()
    # The ringing before the answer is no speech: it is cut off where the speech best fits.
    scores = {
        "phone": measure.pesq_score(reference, heard, rate),
        "baresip": measure.pesq_score(reference, there, rate),
    }
    print(f"{phone.board} {codec}: PESQ {scores}, codec alone {best:.2f}")
    for side, score in scores.items():
        assert score > best - PESQ_LOSS_MAX, (
            f"heard by {side}: {score:.2f}, codec alone {best:.2f}"
        )
