# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Calls with pjproject: reliable responses, session timers, hold by either side, UPDATE."""

import time

import pytest

from tools.lab import PJSUA2, measure
from tools.lab.capture import tshark

PEER = "2001:db8:1::50"
_TONE_HZ = 1000
_SETTLED_S = 0.5  # pjsua2 follows its offer with an UPDATE that names one codec


@pytest.fixture(scope="session")
def pjsua2_host(lab):
    return lab.host("pjsua2", address=PEER, slaac=False)


@pytest.fixture
def other(pjsua2_host):
    running = PJSUA2(pjsua2_host, PEER)
    yield running
    running.close()


@pytest.fixture
def strict(phone):
    """Provisional responses are to be reliable, sessions to be refreshed; no warning tone."""
    phone.configure(sip__reliable="required", sip__session_expires_s=90, security__zrtp=False)
    yield
    phone.wait_idle()
    phone.configure(sip__reliable="supported", sip__session_expires_s=1800, security__zrtp=True)


def set_up(phone, other, direction):
    """A call that both have answered; its number there."""
    if direction == "out":
        phone.dial(other.uri)
        number = other.wait("incoming")["call"]
        other.answer(number, 180)
        phone.panel.wait_text("rings there")
        other.answer(number)
    else:
        number = other.dial(phone.uri)
        phone.panel.wait_text("call from")
        other.wait("state", state="EARLY", status=180)
        phone.answer()
    other.wait("state", state="CONFIRMED")
    phone.wait_talking()
    return number


def hears_itself(phone):
    """The tone comes back."""
    phone.panel.play((16000, measure.tone(_TONE_HZ, 10, 16000)))
    time.sleep(0.7)
    recording = phone.panel.record()
    time.sleep(1.2)
    rate, samples = recording.stop()
    phone.panel.silence()
    tone = measure.measure_tone(measure.loud_part(samples, rate), rate)
    assert abs(tone.frequency - _TONE_HZ) < 1, tone


@pytest.mark.parametrize("direction", ["out", "in"])
def test_call(phone, other, strict, capture, direction):
    number = set_up(phone, other, direction)
    hears_itself(phone)
    phone.panel.press("hold")
    other.wait("media", call=number, status="remote_hold")
    phone.panel.press("hold")
    other.wait("media", call=number, status="active")
    phone.wait_talking()
    other.hold(number)
    phone.panel.wait_text("they hold")
    time.sleep(_SETTLED_S)
    other.resume(number)
    phone.wait_talking()
    time.sleep(_SETTLED_S)
    other.update(number)
    hears_itself(phone)
    if direction == "out":
        phone.hang_up()
        other.wait("state", call=number, state="DISCONNECTED")
    else:
        other.hang_up(number)
        phone.panel.wait_text("they hung up")
    phone.wait_idle()
    path = capture.stop()
    fields = ("sip.Status-Code", "sip.Session-Expires", "sip.RSeq")
    ringing = tshark(path, 'sip.Status-Code == 180 && sip.CSeq.method == "INVITE"', *fields)
    assert ringing and all(row[2] for row in ringing), f"180 without RSeq: {ringing}"
    assert tshark(path, 'sip.Status-Code == 200 && sip.CSeq.method == "PRACK"')
    assert tshark(path, 'sip.Status-Code == 200 && sip.CSeq.method == "UPDATE"')
    answers = tshark(path, 'sip.Status-Code == 200 && sip.CSeq.method == "INVITE"', *fields)
    assert answers and all(row[1] for row in answers), f"no session timer: {answers}"


@pytest.mark.soak
def test_session_is_refreshed(phone, other, strict, capture):
    """After half of the 90 s, by UPDATE."""
    number = set_up(phone, other, "out")
    time.sleep(48.0)
    phone.hang_up()
    other.wait("state", call=number, state="DISCONNECTED")
    phone.wait_idle()
    fields = ("sip.Status-Code", "frame.time_relative")
    found = tshark(capture.stop(), 'sip.CSeq.method == "UPDATE"', *fields)
    assert [row[0] for row in found] == ["", "200"], found
