# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""The board at networks that tell it things: DHCPv6 addresses, DNS, SIP servers, a boot URL."""

import os
import re
import shutil
import time

import pytest

from tools.lab.internet import Internet
from tools.lab.kamailio import Kamailio
from tools.panel.errors import PanelError
from tools.panel.phones import TOP, QEMUPhone

PASSWORD = "wonderland"
BOOT = "http://boot.example/phone"
SETTINGS = """
from firmware.main import phone
p = phone()
for name, value in %r:
    p.settings.set(name, value)
p.settings.save()
p.reload()
"""


@pytest.fixture(scope="module")
def net():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    folder = TOP / "build/network-start"
    shutil.rmtree(folder, ignore_errors=True)
    with Internet(folder) as opened:
        opened.operator("tsp")
        yield opened


@pytest.fixture(scope="module")
def registrar(net):
    """kamailio, found by the SRV record of its domain."""
    host = net.host("registrar")
    running = Kamailio(host, host.ipv6, {"alice": PASSWORD})
    net.dns.set_service(f"_sip._udp.{running.domain}", ("sip.registrar.example", 5060))
    net.dns.set_host("sip.registrar.example", host.ipv6)
    running.ipv6 = host.ipv6
    yield running
    running.close()


@pytest.fixture
def board(net):
    """Starts the board at a place; switched off after the test."""
    made = []

    def start(place):
        phone = QEMUPhone(net.folder / f"board-{place.name}", place)
        made.append(phone)
        return phone.start()

    yield start
    for phone in made:
        phone.stop()


def configure(phone, registrar, *more):
    """An account whose servers are named, and found by the phone itself."""
    rows = [
        ("tunnel.martians", "lab"),
        ("account.1.uri", f"sip:alice@{registrar.domain}"),
        ("account.1.auth_user", "alice"),
        ("account.1.password", PASSWORD),
        ("account.1.registrar", f"sip:{registrar.domain}"),
        *more,
    ]
    with phone.aside() as console:
        console.run(SETTINGS % rows, 30.0)


def wait_log(phone, pattern, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not re.search(pattern, phone.console_log(), re.MULTILINE):
        if time.monotonic() > deadline:
            raise PanelError(f"no {pattern}:\n{phone.console_log()[-3000:]}")
        time.sleep(0.1)


def page(phone, keys=4):
    """The page Network as it is read by a person, in one text."""
    for key in ("ok", "down", "ok"):
        phone.panel.press(key)
    seen = []
    for _ in range(keys):
        time.sleep(0.2)
        seen += phone.panel.screen_text().split("\n")[1:-1]
        phone.panel.press("down")
    phone.panel.press("hangup")
    return "".join(seen)


def test_registrar_by_name_behind_nat(net, registrar, board):
    phone = board(net.home("home"))
    configure(phone, registrar)
    wait_log(phone, r"tunnel: up by")
    wait_log(phone, r"dns: .*2001:db8:0:1:")
    wait_log(phone, r"account: 1 registered")
    assert "IPv6 by tunnel" in page(phone)


def test_stateless_dhcp6(net, registrar, board):
    options = {59: BOOT, 21: registrar.domain}
    phone = board(net.office("stateless", dhcp6="stateless", options=options))
    wait_log(phone, "dhcp6: boot file " + BOOT)
    configure(phone, registrar, ("account.1.registrar", "sip:elsewhere.example"))
    wait_log(phone, r"account: 1 registered")  # by the network's SIP server
    seen = page(phone, 8)
    assert "Native IPv6" in seen and "boot " + BOOT in seen and "SIP " + registrar.domain in seen


def test_stateful_dhcp6(net, registrar, board):
    office = net.office("stateful", dhcp6="stateful", options={22: f"[{registrar.ipv6}]"})
    office.advertise(autonomous=False)
    phone = board(office)
    address = office.wait_lease()
    wait_log(phone, "dhcp6: address " + re.escape(address))
    wait_log(phone, r"net: native IPv6")
    configure(phone, registrar)
    wait_log(phone, r"account: 1 registered")
