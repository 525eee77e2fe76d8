# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""An IPv4-only PBX (kamailio) at home with an IPv4-only linphone; our phone is its extension."""

import pytest

from host_tests.interop.annex import BEHIND, LINPHONE, SEEN
from host_tests.interop.fixtures import BOARDS
from host_tests.interop.registrar import PASSWORDS
from host_tests.interop.test_linphone import hang_up, same_sas
from host_tests.interop.test_siproxy64_linphone import holds
from tools.lab import Kamailio
from tools.lab.capture import tshark

PBX = "203.0.113.5"


@pytest.fixture
def kamailio(annex):
    """The PBX, with the URI by which IPv6 has it."""
    host = annex.hosts.get("pbx") or annex.host("pbx", address=PBX)
    running = Kamailio(host, PBX, PASSWORDS)
    running.peer = f"sip:[{BEHIND}5]"
    yield running
    running.close()


@pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)
def test_an_extension_beyond_the_mirror(phone, start, kamailio, account, annex_linphone, capture):
    """Both have registered with digest; both call each other by name, with one SAS."""
    start(
        f"map {PBX} = {BEHIND}5", f"map {LINPHONE} = {BEHIND}12", f"map {phone.address} = {SEEN}"
    )
    account(PASSWORDS["alice"])
    phone.panel.wait_text("registered")
    rows = {"user": "bob", "password": PASSWORDS["bob"], "domain": kamailio.domain}
    bob = annex_linphone(name="bob", account=rows | {"registrar": f"sip:{PBX}"})
    bob.wait_registered()
    phone.dial(f"sip:bob@{kamailio.domain}")
    bob.wait_state("incoming")
    bob.answer()
    phone.wait_talking()
    bob.wait_state("running")
    same_sas(phone, bob)
    holds(phone, bob)
    hang_up(phone, bob)
    bob.dial(f"sip:alice@{kamailio.domain}")
    phone.answer()
    phone.wait_talking()
    bob.wait_state("running")
    same_sas(phone, bob)
    hang_up(phone, bob, "peer")
    hosts = {row[0] for row in tshark(capture.stop(), "sip", "ipv6.src")}
    assert hosts == {phone.address, f"{BEHIND}5"}, "who does not speak by the PBX"
