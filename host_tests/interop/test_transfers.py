# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Transfers (RFC 3515, 3891, 5589) of three parties: the phone, two baresip-pythons or SIPps."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.peers import connect

UNIX = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


@pytest.fixture
def two(modern):
    """Two peers; the second answers by itself."""
    return modern(calls=4), modern(calls=4, auto_answer=True)


def over(phone, other, call):
    """The phone ends what it has left; the other one is told."""
    phone.hang_up()
    other.wait("call_closed", call=call)
    phone.wait_idle()


def test_we_transfer_blind(phone, two, capture):
    first, second = two
    number = connect(phone, first, "in")
    phone.panel.press("transfer")
    phone.panel.wait_text("transfer to")
    phone.panel.dial(second.uri)
    phone.panel.press("ok")
    first.wait("refer", call=number, replaces=False)
    new = first.accept_transfer(number)
    first.wait("call_established", call=new)
    phone.panel.wait_text("transferred")
    first.wait("call_closed", call=number)
    phone.wait_idle()
    first.hang_up(new)
    second.wait("call_closed")


def test_they_transfer_blind(phone, two, capture):
    first, second = two
    number = connect(phone, first, "out")
    first.transfer(second.uri, number)
    phone.panel.wait_text("want you to call")
    phone.panel.press("ok")
    second.wait("call_established")
    assert first.wait("transferred")["ok"]
    phone.wait_talking()
    over(phone, second, 0)


@UNIX
def test_we_do_not_want_to_be_transferred(phone, two, capture):
    first, second = two
    number = connect(phone, first, "out")
    first.transfer(second.uri, number)
    phone.panel.wait_text("want you to call")
    phone.panel.press("back")
    assert not first.wait("transferred")["ok"]
    phone.wait_talking()
    over(phone, first, number)


def test_we_transfer_attended(phone, two, capture):
    """First calls us, we ask second, and put them together: second's call is replaced."""
    first, second = two
    number = connect(phone, first, "in")
    used, free = (1, 2) if phone.panel.lamps["line1"] == "on" else (2, 1)
    phone.panel.press(f"line{free}")
    phone.panel.wait_lamp(f"line{used}", "flash")
    phone.dial(second.uri)
    phone.panel.wait_text(rf"talking +line {free}")
    phone.panel.press("transfer")
    phone.panel.wait_text(f"to line {used}")
    phone.panel.press("ok")
    first.wait("refer", call=number, replaces=True)
    new = first.accept_transfer(number)
    first.wait("call_established", call=new)
    second.wait("call_closed", call=0)
    phone.wait_idle()
    first.hang_up(new)
    second.wait("call_closed", call=1)


def test_they_transfer_us_attended(phone, two, capture):
    first, second = two
    number = connect(phone, first, "in")
    consulted = first.dial(second.uri)
    first.wait("call_established", call=consulted)
    first.attended_transfer(number, consulted)
    phone.panel.wait_text("want you to call")
    phone.panel.press("ok")
    assert first.wait("transferred")["ok"]
    second.wait("call_closed", call=0)
    phone.panel.wait_text("talking")
    time.sleep(0.3)
    over(phone, second, 1)


def test_our_call_is_replaced(phone, two, capture):
    """First talks to second, asks us, and puts us together: second's INVITE has Replaces."""
    first, second = two
    number = first.dial(second.uri)
    first.wait("call_established", call=number)
    consulted = connect(phone, first, "in")
    first.attended_transfer(number, consulted)
    second.wait("refer", replaces=True)
    new = second.accept_transfer(0)
    second.wait("call_established", call=new)
    phone.panel.wait_text("you were transferred")
    assert first.wait("transferred")["ok"]
    over(phone, second, new)


def test_each_message_of_their_transfer(phone, plain, caller, sipp, capture):
    """SIPp asks by REFER; what the phone answers and notifies is checked by the scenario."""
    target = sipp("uas_call", port=5090)
    other = caller("uac_refers", keys={"target": 5090})
    phone.answer()
    phone.panel.wait_text("want you to call")
    phone.panel.press("ok")
    other.wait()
    phone.wait_talking()
    phone.panel.wait_text("sipp")
    phone.hang_up()
    target.wait()
    phone.wait_idle()
