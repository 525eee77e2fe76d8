# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""The registrar, or the link, goes and comes back in the middle of a call: the call stays, its
sound comes back, the registration too, and there are new calls."""

import time

import pytest

from host_tests.interop.registrar import PASSWORDS, hear, talk
from tools.lab.namespace import index_of, netlink

_AWAY_S = 4.0


def call_from(bob, phone, kamailio):
    bob.dial(f"sip:alice@{kamailio.domain}")
    phone.answer()
    talk(phone, bob)


def end(phone, bob):
    phone.hang_up()
    bob.wait("CALL_CLOSED")
    phone.wait_idle()


@pytest.fixture
def registered(phone, account):
    """The phone's account, refreshed each 30 s."""
    account(PASSWORDS["alice"], expires_s="60")
    phone.panel.wait_text(r"alice:?\s+registered")
    yield phone
    phone.wait_idle()
    phone.configure(account__1__expires_s=300)


@pytest.mark.timeout(240)
def test_registrar_restarts_in_a_call(registered, kamailio, bob):
    phone = registered
    call_from(bob, phone, kamailio)
    kamailio.kill()
    hear(phone)
    kamailio.start()  # it knows nobody, and nothing of the call
    hear(phone)
    end(phone, bob)
    deadline = time.monotonic() + 60
    before = registers(phone)
    while registers(phone) == before:
        assert time.monotonic() < deadline, "no registration after the restart"
        time.sleep(1.0)
    phone.panel.wait_text(r"alice:?\s+registered")
    call_from(bob, phone, kamailio)
    end(phone, bob)


def test_link_goes_and_comes_in_a_call(registered, kamailio, bob, lab):
    phone = registered
    call_from(bob, phone, kamailio)
    set_link(lab, phone, "down")
    time.sleep(_AWAY_S)
    assert "talking" in phone.panel.screen_text().lower()
    set_link(lab, phone, "up")
    phone.wait_talking()
    hear(phone)
    end(phone, bob)
    call_from(bob, phone, kamailio)
    end(phone, bob)


def registers(phone):
    """How many REGISTERs the phone has sent for its account."""
    code = "from firmware.main import phone; print(phone().accounts.all[0].registration._sequence)"
    return int(phone.console(code).split()[-1])


def set_link(lab, phone, state):
    """Unplug the phone's cable at the switch, or plug it in."""
    with netlink(lab.switch) as ip:
        ip.link("set", index=index_of(lab.switch, phone.phone.port), state=state)
