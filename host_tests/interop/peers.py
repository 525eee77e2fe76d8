# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Peers of other makers that are Python packages: fixtures, and calls with them."""

import pytest

from host_tests.interop.fixtures import TONE_HZ
from tools.lab import BaresipPython, measure, wav
from tools.panel.phones import TOP

MODERN = "2001:db8:1::be"
_RATES = {"G722": 16000, "opus": 48000, "L16": 16000}


def tone_file(rate):
    """A WAV file with a tone of TONE_HZ."""
    path = TOP / f"build/tone-{TONE_HZ}-{rate}.wav"
    if not path.exists():
        wav.write(path, rate, measure.tone(TONE_HZ, 60, rate))
    return path


@pytest.fixture(scope="session")
def modern_host(lab):
    return lab.host("modern", address=MODERN, slaac=False)


@pytest.fixture
def modern(modern_host):
    """Makes a baresip-python that plays a tone; ended after the test."""
    made = []

    def make(codec="PCMU", **more):
        sound = tone_file(_RATES.get(codec, 8000))
        more.setdefault("port", 5060 + 2 * len(made))
        more.setdefault("name", f"modern{len(made)}")
        found = BaresipPython(modern_host, MODERN, sound, codec=codec, **more)
        made.append(found)
        return found

    yield make
    for found in made:
        found.close()


def connect(phone, other, direction):
    """A call that both have answered. direction: "out" the phone calls, "in" it is called."""
    if direction == "out":
        phone.dial(other.uri)
        number = other.wait("incoming")["call"]
        other.answer(number)
    else:
        number = other.dial(phone.uri)
        phone.answer()
    other.wait("call_established")
    phone.wait_talking()
    return number
