# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIPp beside a phone: fixtures and what tests of messages share."""

import time
from pathlib import Path

import pytest

from tools.lab import SIPp, measure
from tools.lab.codec import encode
from tools.panel.phones import TOP

SIPP = "2001:db8:1::51"
PROXY = "2001:db8:1::f0"
SCENARIOS = Path(__file__).with_name("sipp")


@pytest.fixture(scope="session")
def sipp_host(lab):
    return lab.host("sipp", address=SIPP, slaac=False)


@pytest.fixture(scope="session")
def proxy_host(lab):
    return lab.host("proxy", address=PROXY, slaac=False)


@pytest.fixture
def sipp(sipp_host):
    """Makes a SIPp with a scenario of this folder; a number of its own for each one's port."""
    made = []

    def make(scenario, **more):
        more.setdefault("port", 5070 + 2 * len(made))
        found = SIPp(sipp_host, SIPP, SCENARIOS / f"{scenario}.xml", **more)
        made.append(found)
        return found

    yield make
    for found in made:
        found.close()


@pytest.fixture
def caller(phone, sipp):
    """Makes a SIPp that calls the phone by a scenario."""

    def make(scenario, **more):
        return sipp(scenario, remote=phone.address, **more)

    return make


@pytest.fixture
def callee(phone, sipp):
    """Makes a SIPp that waits, and has the phone call it."""

    def make(scenario, **more):
        found = sipp(scenario, **more)
        phone.dial(found.uri)
        return found

    return make


def tone(hertz):
    """A file of 20 s of a tone in PCMU, as SIPp plays it."""
    path = TOP / f"build/tone-{hertz}.ulaw"
    if not path.exists():
        path.write_bytes(encode("PCMU", measure.tone(hertz, 20, 8000)))
    return path


def heard(phone, seconds=1.2):
    """The frequency in hertz of what the phone's speaker gives for some seconds."""
    recording = phone.panel.record()
    time.sleep(seconds)
    rate, samples = recording.stop()
    return measure.measure_tone(measure.loud_part(samples, rate, 0.2), rate).frequency
