# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""kamailio with IPv6 alone is the registrar of an IPv4-only baresip, through siproxy64."""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.mirror import Across
from host_tests.interop.registrar import PASSWORDS, REGISTRAR, hear
from host_tests.interop.test_linphone import hang_up, same_sas
from tools.lab.capture import tshark

pytestmark = pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)


@pytest.fixture
def registered(house_baresip, mirror, kamailio):
    """Makes a baresip in the house with bob's account; its password."""

    def make(password=PASSWORDS["bob"], transport="udp"):
        line = (
            f"<sip:bob@{kamailio.domain};transport={transport}>;regint=60;auth_user=bob;"
            f'auth_pass={password};outbound="sip:{mirror.counterpart(REGISTRAR)}:5060'
            f';transport={transport}"'
        )
        return house_baresip(name="bob", account=line)

    return make


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_registered_and_called(
    phone, plain, account, registered, kamailio, capture, house_capture, transport
):
    """The registrar knows the representation; calls go both ways through proxy and mirror."""
    bob = registered(transport=transport)
    bob.wait_registered()
    account(PASSWORDS["alice"])
    phone.panel.wait_text("registered")
    phone.dial(f"sip:bob@{kamailio.domain}")
    bob.wait("CALL_INCOMING")
    bob.answer()
    bob.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    hear(phone)
    phone.hang_up()
    bob.wait("CALL_CLOSED")
    phone.wait_idle()
    assert isinstance(bob, Across)
    bob.party.dial(f"sip:alice@{kamailio.domain}")
    phone.answer()
    bob.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    hear(phone)
    bob.hang_up()
    phone.panel.wait_text("they hung up")
    phone.wait_idle()
    contacts = tshark(capture.stop(), 'sip.Method == "REGISTER"', "sip.contact.host")
    assert any("2001:db8:1::64:11" in row[0] for row in contacts), contacts
    back = tshark(house_capture.stop(), "sip.Status-Code == 200", "sip.contact.host")
    assert any("192.0.2.11" in row[0] for row in back), "baresip sees its own binding"
    other = {"udp": "tcp", "tcp": "udp"}[transport]
    assert not tshark(house_capture.path, f"sip && {other}")
    assert not tshark(capture.path, f"sip && {other} && ipv6.addr == 2001:db8:1::64:11")


def test_linphone_is_registered(phone, account, house_linphone, mirror, kamailio, capture):
    """With digest, as baresip is; each calls the other by name, with one SAS."""
    rows = {"user": "bob", "password": PASSWORDS["bob"], "domain": kamailio.domain}
    registrar = f"sip:{mirror.counterpart(REGISTRAR)}"
    bob = house_linphone(name="bob", account=rows | {"registrar": registrar})
    bob.wait_registered()
    account(PASSWORDS["alice"])
    phone.panel.wait_text("registered")
    phone.dial(f"sip:bob@{kamailio.domain}")
    bob.wait_state("incoming")
    bob.answer()
    phone.wait_talking()
    same_sas(phone, bob)
    hang_up(phone, bob)
    bob.party.dial(f"sip:alice@{kamailio.domain}")
    phone.answer()
    phone.wait_talking()
    same_sas(phone, bob)
    hang_up(phone, bob, "peer")


def test_a_wrong_password(phone, registered, capture):
    bob = registered("nonsense")
    bob.process.wait_output(r"401 Unauthorized|403 Forbidden|Register: .*(401|403)", 10.0)
