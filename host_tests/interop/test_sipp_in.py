# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""SIPp calls the phone: each message is checked by the scenario (sipp/uac_*.xml)."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS

UNIX = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


def test_answered_and_they_hang_up(phone, caller, capture):
    other = caller("uac_call")
    phone.answer()
    phone.wait_talking()
    phone.panel.wait_text("PCMU")
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_answered_and_hung_up_here(phone, caller, capture):
    other = caller("uac_hung_up")
    phone.answer()
    phone.wait_talking()
    time.sleep(0.5)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_rejected(phone, caller, capture):
    other = caller("uac_rejected")
    phone.panel.wait_text("call from")
    phone.hang_up()
    other.wait()
    phone.panel.wait_text("you refused")


@UNIX
@pytest.mark.parametrize("scenario", ["uac_cancel", "uac_early_bye"])
def test_given_up_while_it_rings(phone, caller, capture, scenario):
    caller(scenario).wait()
    phone.panel.wait_text("gave up")
    phone.wait_idle()
    phone.panel.wait_text("missed")


def test_late_offer(phone, caller, capture):
    other = caller("uac_late_offer")
    phone.answer()
    phone.wait_talking()
    phone.panel.wait_text("PCMU")
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_lost_ack(phone, caller, capture):
    other = caller("uac_lost_ack", options=("-nr",))
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_repeated_invite(phone, caller, capture):
    other = caller("uac_repeated", options=("-nr",))
    phone.panel.wait_text("call from")
    time.sleep(0.3)
    assert phone.panel.lamps.get("line2", "off") == "off", "one call on two lines"
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


def test_their_hold(phone, caller, capture):
    other = caller("uac_hold")
    phone.answer()
    phone.wait_talking()
    phone.panel.wait_text("they hold")
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_refused_offer_leaves_the_call(phone, caller, capture):
    other = caller("uac_bad_offer")
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_requests_out_of_order(phone, caller, capture):
    other = caller("uac_sequence")
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
def test_second_invite_while_it_rings(phone, caller, capture):
    other = caller("uac_second_invite")
    phone.panel.wait_text("call from")
    other.wait_notes(1)
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


def test_refused_without_ringing(phone, caller, capture):
    for scenario in ("uac_no_codec", "uac_unsupported", "uac_content_type", "uac_strangers_bye"):
        caller(scenario).wait()
        assert phone.is_idle(), scenario
