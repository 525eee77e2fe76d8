# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""The only name server goes and comes back in the middle of a call: the call, the registration and
calls both ways go on without it and after it."""

import shutil
import time

import pytest

from host_tests.interop.fixtures import BOARDS, Telephone
from host_tests.interop.registrar import PASSWORDS, hear, set_account, talk
from tools.lab import Baresip, Kamailio, measure, wav
from tools.lab.internet import Internet
from tools.panel.phones import TOP, QEMUPhone, UnixPhone

_AWAY_S = 62.0  # longer than a registration lasts


@pytest.fixture(scope="module")
def net():
    folder = TOP / "build/dns-restart"
    shutil.rmtree(folder, ignore_errors=True)
    with Internet(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def kamailio(net):
    host = net.host("registrar")
    running = Kamailio(host, host.ipv6, PASSWORDS)
    net.dns.set_service(f"_sip._udp.{running.domain}", ("sip.registrar.example", 5060))
    net.dns.set_host("sip.registrar.example", host.ipv6)
    yield running
    running.close()


@pytest.fixture(scope="module")
def bob(net, kamailio):
    host = net.host("bob")
    sound = net.folder / "tone-1000-8000.wav"
    wav.write(sound, 8000, measure.tone(1000, 150, 8000))
    line = (
        f"<sip:bob@{kamailio.domain};transport=udp>;regint=60;auth_user=bob;"
        f'auth_pass={PASSWORDS["bob"]};outbound="{kamailio.peer}"'
    )
    running = Baresip(host, host.ipv6, sound, name="bob", account=line)
    running.wait_registered()
    yield running
    running.close()


@pytest.fixture(params=(BOARDS[0], pytest.param(BOARDS[1], marks=pytest.mark.soak)))
def phone(request, net, kamailio):
    """A phone of an office whose router tells the name server; its account has names alone."""
    office = net.office("office" + str(BOARDS.index(request.param)))
    folder = net.folder / request.param
    if request.param == "UNIX_HOST":
        made = UnixPhone(folder, office.host("unix"))
    else:
        made = QEMUPhone(folder, office)
    found = Telephone(made, folder, str(office.prefix))
    found.start()
    rows = {
        "uri": f"sip:alice@{kamailio.domain}",
        "auth_user": "alice",
        "password": PASSWORDS["alice"],
        "registrar": f"sip:{kamailio.domain}",
        "expires_s": "60",
    }
    set_account(found, rows)
    yield found
    found.phone.stop()


def call_to_bob(phone, kamailio, bob):
    phone.dial(f"sip:bob@{kamailio.domain}")
    bob.wait("CALL_INCOMING")
    bob.answer()
    talk(phone, bob)


def end(phone, bob):
    phone.hang_up()
    bob.wait("CALL_CLOSED")
    phone.wait_idle()


@pytest.mark.timeout(240)
def test_name_server_restarts_in_a_call(phone, net, kamailio, bob):
    phone.panel.wait_text(r"alice:?\s+registered", 20.0)
    bob.dial(f"sip:alice@{kamailio.domain}")
    phone.answer()
    talk(phone, bob)
    net.dns.stop()
    time.sleep(_AWAY_S)
    hear(phone)
    end(phone, bob)
    call_to_bob(phone, kamailio, bob)  # by the registrar that it knows
    end(phone, bob)
    bob.dial(f"sip:alice@{kamailio.domain}")  # the registration was refreshed meanwhile
    phone.answer()
    talk(phone, bob)
    net.dns.start()
    end(phone, bob)
    phone.panel.wait_text(r"alice:?\s+registered", 30.0)
    call_to_bob(phone, kamailio, bob)
    end(phone, bob)
