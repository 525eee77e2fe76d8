# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""An IPv4-only linphone through siproxy64: refused, given up, held, sent on, digits; ZRTP."""

import time

import pytest

from host_tests.interop import secure
from host_tests.interop.fixtures import BOARDS
from host_tests.interop.test_linphone import hang_up, same_sas, set_up
from host_tests.interop.test_linphone_transfers import send_on, sent_on
from tools.lab.capture import tshark

REFUSED = r"\b(486|603|480)\b|busy|declined|refused"


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """One board for most of it: what is new here is the mirror."""
    return phones.get(request.param)


def test_calls_that_nobody_takes(phone, house_linphone, capture):
    """Refused and given up, in each direction."""
    other = house_linphone()
    phone.dial(other.uri)
    other.wait_state("incoming")
    phone.panel.wait_text("rings there")
    other.hang_up()
    phone.panel.wait_text(REFUSED)
    phone.wait_idle()
    phone.dial(other.uri)
    other.wait_state("incoming")
    phone.panel.wait_text("rings there")
    phone.hang_up()
    other.wait_over()
    phone.wait_idle()
    other.dial(phone.uri)
    phone.panel.wait_text("call from")
    other.wait_state("ringing")
    phone.hang_up()
    other.wait_state("error", "released")
    phone.wait_idle()
    other.dial(phone.uri)
    phone.panel.wait_text("call from")
    other.wait_state("ringing")
    other.hang_up()
    phone.panel.wait_text("gave up")
    phone.wait_idle()
    seen = {row[0] for row in tshark(capture.stop(), "sip.Status-Code", "sip.Status-Code")}
    assert {"487", "603"} <= seen, seen


def holds(phone, other):
    """Either side holds and takes the call back."""
    other.hold()
    phone.panel.wait_text("they hold")
    other.wait_state("paused")
    other.resume()
    phone.wait_talking()
    other.wait_state("running")
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    other.wait_state("paused-by-remote")
    phone.panel.press("hold")
    phone.wait_talking()
    other.wait_state("running")


def digits(phone, other):
    """RFC 4733 both ways."""
    before = other.look()["digits"]
    for key in "15*#":
        phone.panel.press(key)
        time.sleep(0.25)
    other.wait(lambda seen: seen["digits"] == before + "15*#")
    other.press("90A#")
    phone.panel.wait_text("90A#")


@pytest.mark.parametrize("phone, direction", list(zip(BOARDS, ("out", "in"))), indirect=["phone"])
def test_all_that_one_call_can(
    phone, house_linphone, house_modern, capture, house_capture, direction
):
    """ZRTP, digits, holds of both sides; then who was called sends the other on by REFER."""
    other, target = house_linphone(), house_modern(auto_answer=True)
    set_up(phone, other, direction)
    sas = same_sas(phone, other)
    digits(phone, other)
    holds(phone, other)
    assert secure.wait_sas(phone) == sas
    assert other.look()["sas"] == sas
    transfer = sent_on if direction == "out" else send_on
    transfer(phone, other, target)
    refer = tshark(house_capture.stop(), 'sip.Method == "REFER"', "sip.Refer-To")
    assert refer and all(target.party.uri in row[0] for row in refer), refer


def test_late_offer_of_linphone(phone, house_linphone, capture, house_capture):
    """Its INVITE has no description; the phone's offer and its answer pass all the same."""
    other = house_linphone(late_offer=True)
    set_up(phone, other, "in")
    same_sas(phone, other)
    hang_up(phone, other)
    for one in (capture, house_capture):
        path = one.stop()
        assert tshark(path, 'sip.Method == "INVITE"', "sip.Method")
        assert not tshark(path, 'sip.Method == "INVITE" && sdp', "sip.Method")
        assert tshark(path, 'sip.Method == "ACK" && sdp', "sip.Method")


def test_early_media_of_linphone(phone, plain, house_linphone, capture):
    """Its voice is heard before it takes the call."""
    other = house_linphone(encryption="none")
    phone.dial(other.uri)
    other.wait_state("incoming")
    recording = phone.panel.record()
    other.answer_early()
    other.wait_state("incoming-early-media")
    time.sleep(1.5)
    rate, samples = recording.stop()
    assert abs(samples).max() > 1000, "nothing was heard"
    assert not phone.panel.screen_text().lower().startswith("talking")
    other.answer()
    phone.wait_talking()
    hang_up(phone, other)
