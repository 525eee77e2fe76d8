# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""The phone calls SIPp: each message is checked by the scenario (sipp/uas_*.xml)."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS, TONE_HZ
from host_tests.interop.signalling import heard, tone

UNIX = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


def test_answered_and_hung_up_here(phone, callee, capture):
    other = callee("uas_call")
    phone.panel.wait_text("rings there")
    phone.wait_talking()
    phone.panel.wait_text("PCMU")
    time.sleep(0.5)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_they_hang_up(phone, callee, capture):
    other = callee("uas_hangs_up")
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")


@UNIX
@pytest.mark.parametrize(
    "status, text",
    [(486, "busy"), (603, "declined"), (404, "not found"), (480, "not available"), (599, "599")],
)
def test_refused(phone, callee, capture, status, text):
    other = callee("uas_rejects", keys={"status": status})
    phone.panel.wait_text(text)
    other.wait()
    phone.wait_idle()


@UNIX
def test_given_up_while_it_rings(phone, callee, capture):
    other = callee("uas_cancelled")
    phone.panel.wait_text("rings there")
    phone.hang_up()
    phone.panel.wait_text("you gave up")
    other.wait()
    phone.wait_idle()


@UNIX
def test_answer_crosses_our_cancel(phone, callee, capture):
    other = callee("uas_crossed_cancel")
    phone.panel.wait_text("rings there")
    phone.hang_up()
    other.wait()
    phone.wait_idle()


def test_early_media_is_heard(phone, plain, callee, capture):
    other = callee("uas_early_media", keys={"sound": tone(TONE_HZ)})
    phone.panel.wait_text("being connected")
    time.sleep(0.5)
    assert abs(heard(phone) - TONE_HZ) < 1
    assert not phone.panel.screen_text().lower().startswith("talking")
    phone.wait_talking()
    time.sleep(0.3)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_provisional_responses_of_all_kinds(phone, callee, capture):
    other = callee("uas_late_answer")
    phone.panel.wait_text("being connected")
    phone.panel.wait_text("rings there")
    phone.wait_talking()
    phone.hang_up()
    other.wait()
    phone.wait_idle()


def test_two_answers(phone, callee, capture):
    other = callee("uas_two_answers")
    phone.wait_talking()
    time.sleep(0.5)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_they_hold_and_resume(phone, callee, capture):
    other = callee("uas_hold")
    phone.wait_talking()
    phone.panel.wait_text("they hold")
    phone.wait_talking()
    time.sleep(0.3)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_we_hold_and_resume(phone, callee, capture):
    other = callee("uas_held")
    phone.wait_talking()
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    time.sleep(0.3)
    phone.panel.press("hold")
    phone.wait_talking()
    time.sleep(0.3)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_refused_hold_leaves_the_call(phone, callee, capture):
    other = callee("uas_hold_refused")
    phone.wait_talking()
    phone.panel.press("hold")
    phone.panel.wait_text("hold refused: 488")
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_dialog_that_they_forgot(phone, callee, capture):
    other = callee("uas_dialog_gone")
    phone.wait_talking()
    phone.panel.press("hold")
    other.wait()
    phone.panel.wait_text("call not known|they hung up|ended")
    phone.wait_idle()


def test_glare(phone, callee, capture):
    other = callee("uas_glare")
    phone.wait_talking()
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    time.sleep(1.0)
    phone.hang_up()
    other.wait()
    phone.wait_idle()


@UNIX
def test_glare_tried_again(phone, callee, capture):
    other = callee("uas_glare_ours")
    phone.wait_talking()
    phone.panel.press("hold")
    first, second = (int(note.split()[1]) for note in other.wait_notes(2))
    assert 2000 <= second - first <= 4300, "the owner of the Call-ID waits 2.1 to 4 s"
    phone.panel.wait_text("on hold")
    phone.hang_up()
    other.wait()
    phone.wait_idle()


def test_moved(phone, sipp, callee, capture):
    """302: the best place refuses, the next one answers; what is no SIP URI is passed over."""
    first, second = sipp("uas_busy", port=5080), sipp("uas_moved_here", port=5082)
    moved = callee("uas_moved", keys={"first": 5080, "second": 5082})
    phone.wait_talking()
    moved.wait()
    first.wait()
    time.sleep(0.3)
    phone.hang_up()
    second.wait()
    phone.wait_idle()
