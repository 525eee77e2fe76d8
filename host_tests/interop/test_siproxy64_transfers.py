# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Transfers (RFC 3515) through siproxy64: the parties in the house are on one IPv4 address."""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.peers import connect
from host_tests.interop.test_transfers import over

pytestmark = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


@pytest.fixture
def two(house_modern, capture, house_capture):
    """Two peers in the house; the second answers by itself."""
    return house_modern(calls=4), house_modern(calls=4, auto_answer=True)


def test_the_house_transfers_blind(phone, two):
    """Refer-To names the second by IPv4; the phone calls its representation."""
    first, second = two
    number = connect(phone, first, "out")
    first.transfer(second.party.uri, number)
    phone.panel.wait_text("want you to call")
    phone.panel.press("ok")
    second.wait("call_established")
    assert first.wait("transferred")["ok"]
    phone.wait_talking()
    over(phone, second, 0)


def test_the_phone_transfers_blind(phone, two):
    """Refer-To names the second by its representation; the first calls it in the house."""
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


def test_the_house_transfers_attended(phone, two):
    """Refer-To has Replaces in it: the first's call with the second becomes the phone's."""
    first, second = two
    number = connect(phone, first, "in")
    consulted = first.party.dial(second.party.uri)
    first.wait("call_established", call=consulted)
    first.attended_transfer(number, consulted)
    phone.panel.wait_text("want you to call")
    phone.panel.press("ok")
    assert first.wait("transferred")["ok"]
    second.wait("call_closed", call=0)
    phone.panel.wait_text("talking")
    over(phone, second, 1)
