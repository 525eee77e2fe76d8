# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Extensions with SIPp: PRACK (RFC 3262), UPDATE (RFC 3311), session timers (RFC 4028)."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.signalling import heard, tone

UNIX = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


def test_their_reliable_responses(phone, callee, capture):
    other = callee("uas_reliable")
    phone.panel.wait_text("rings there")
    phone.wait_talking()
    phone.panel.wait_text("PCMU")
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_reliable_response_out_of_order(phone, callee, capture):
    other = callee("uas_reliable_lost", options=("-nr",))
    phone.wait_talking()
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_their_update_in_an_early_dialog(phone, plain, callee, capture):
    other = callee("uas_update_early", keys={"sound": tone(1000)})
    phone.panel.wait_text("being connected")
    time.sleep(0.4)
    assert abs(heard(phone) - 1000) < 1, "early media after the UPDATE"
    phone.wait_talking()
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_our_reliable_responses(phone, caller, capture):
    other = caller("uac_reliable")
    phone.panel.wait_text("call from")
    other.wait_notes(1)
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


def test_update_in_a_call(phone, caller, capture):
    other = caller("uac_update")
    phone.answer()
    phone.wait_talking()
    phone.panel.wait_text("they hold")
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_interval_too_short_for_them(phone, callee, capture):
    other = callee("uas_session_interval")
    phone.wait_talking()
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_interval_too_short_for_us(phone, caller, capture):
    other = caller("uac_session_interval")
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@pytest.mark.soak
def test_session_is_refreshed(phone, caller, capture):
    other = caller("uac_session_refreshed")
    phone.answer()
    phone.wait_talking()
    other.wait(60)
    phone.panel.wait_text("they hung up")


@pytest.mark.soak
@pytest.mark.timeout(180)
def test_session_expires(phone, caller, capture):
    other = caller("uac_session_expired")
    phone.answer()
    phone.wait_talking()
    other.wait(75)
    phone.wait_idle()
