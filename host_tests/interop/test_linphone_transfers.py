# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""linphone as a party of transfers (RFC 3515, 3891): sent on, sending us on, and as the target."""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.peers import connect
from tools.lab import Linphone
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

UNIX = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


@pytest.fixture(scope="session")
def linphone_host(lab):
    return lab.hosts.get("linphone") or lab.host("linphone")


@pytest.fixture
def linphone(linphone_host):
    found = Linphone(linphone_host, speech_file(TOP / "build/speech", 8000), encryption="none")
    yield found
    found.close()


def call_from(phone, linphone):
    linphone.dial(phone.uri)
    phone.answer()
    phone.wait_talking()
    linphone.wait_state("running")


def send_on(phone, linphone, target):
    """The phone sends linphone, with which it talks, on to somebody; they end their call."""
    phone.panel.press("transfer")
    phone.panel.wait_text("transfer to")
    phone.panel.dial(target.uri)
    phone.panel.press("ok")
    target.wait("call_established")
    phone.panel.wait_text("transferred")
    phone.wait_idle()
    linphone.wait_state("running")
    linphone.hang_up()
    target.wait("call_closed")


def sent_on(phone, linphone, target):
    """Linphone sends the phone on to somebody, with whom it talks and ends the call."""
    linphone.transfer(target.uri)
    phone.panel.wait_text("want you to call")
    phone.panel.press("ok")
    target.wait("call_established")
    linphone.wait_over()
    phone.wait_talking()
    phone.hang_up()
    target.wait("call_closed")
    phone.wait_idle()


def test_we_send_linphone_on(phone, linphone, modern, capture):
    target = modern(auto_answer=True)
    call_from(phone, linphone)
    send_on(phone, linphone, target)


def test_linphone_sends_us_on(phone, linphone, modern, capture):
    target = modern(auto_answer=True)
    call_from(phone, linphone)
    sent_on(phone, linphone, target)


@UNIX
def test_linphone_is_the_target(phone, linphone, modern, capture):
    """Somebody calls us, we ask linphone, and put them together: its call is replaced."""
    first = modern(calls=4)
    number = connect(phone, first, "in")
    used, free = (1, 2) if phone.panel.lamps["line1"] == "on" else (2, 1)
    phone.panel.press(f"line{free}")
    phone.panel.wait_lamp(f"line{used}", "flash")
    phone.dial(linphone.uri)
    linphone.wait_state("incoming")
    linphone.answer()
    phone.panel.wait_text(rf"talking +line {free}")
    linphone.wait_state("running")
    phone.panel.press("transfer")
    phone.panel.wait_text(f"to line {used}")
    phone.panel.press("ok")
    first.wait("refer", call=number, replaces=True)
    new = first.accept_transfer(number)
    first.wait("call_established", call=new)
    phone.wait_idle()
    linphone.wait_state("running")
    first.hang_up(new)
    linphone.wait_over()
