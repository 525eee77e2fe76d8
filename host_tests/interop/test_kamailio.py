# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Both boards at kamailio: registration with digest, calls through it, a wrong password."""

import time

import pytest

from host_tests.interop.registrar import PASSWORDS, talk
from tools.lab.capture import tshark
from tools.lab.certificates import Authority, fingerprint


@pytest.mark.parametrize("kamailio", ["MD5", "SHA-256"], indirect=True)
def test_registration(phone, kamailio, account, capture):
    account(PASSWORDS["alice"])
    phone.panel.wait_text(r"alice:?\s+registered")
    # the phone of the test before may be taking its binding back
    ours = f'sip.CSeq.method == "REGISTER" && ipv6.addr == {phone.address}'
    rows = tshark(capture.stop(), ours, "sip.Status-Code", "sip.auth.algorithm")
    statuses = [row[0] for row in rows if row[0]]
    assert statuses == ["401", "200"], statuses


@pytest.mark.parametrize("kamailio", ["MD5", "SHA-256"], indirect=True)
def test_registration_by_tcp(phone, kamailio, account, capture):
    account(PASSWORDS["alice"], transport="tcp")
    phone.panel.wait_text(r"alice:?\s+registered")
    ours = f'sip.CSeq.method == "REGISTER" && ipv6.addr == {phone.address}'
    rows = tshark(capture.stop(), ours, "sip.Status-Code", "tcp.port", "udp.port")
    assert [row[0] for row in rows if row[0]] == ["401", "200"], rows
    assert all(row[1] and not row[2] for row in rows), rows


@pytest.fixture
def trusting(phone, authority):
    """The phone believes the lab's authority, for one test."""
    phone.put("ca.der", authority.der)
    phone.configure(sip__tls_ca="ca.der")
    yield
    phone.wait_idle()
    phone.configure(sip__tls_ca="", sip__tls_pin="")


def test_registration_and_call_by_tls(phone, kamailio, account, trusting, bob, capture):
    account(PASSWORDS["alice"], proxy=kamailio.tls_peer, transport="tls")
    phone.panel.wait_text(r"alice:?\s+registered", 20)
    bob.dial(f"sip:alice@{kamailio.domain}")  # comes by the connection of the registration
    phone.answer()
    talk(phone, bob)
    bob.hang_up()
    phone.panel.wait_text("they hung up")
    phone.wait_idle()
    assert not tshark(capture.stop(), f"sip && ipv6.addr == {phone.address}"), "SIP in clear"


def test_tls_to_a_stranger(phone, kamailio, account, authority, trusting, registrar_host):
    """Without the right authority, or with another pin, nothing is said to the server."""
    phone.put("other.der", Authority(authority.folder / "other").der)
    phone.configure(sip__tls_ca="other.der")
    account(PASSWORDS["alice"], proxy=kamailio.tls_peer, transport="tls")
    phone.panel.wait_text("unknown ca", 20)
    phone.configure(sip__tls_pin="00" * 32)
    phone.panel.wait_text("not the pinned", 40)
    phone.configure(sip__tls_pin=fingerprint(authority.folder / "kamailio.pem"))
    phone.panel.wait_text(r"alice:?\s+registered", 40)


def test_wrong_password(phone, kamailio, account, capture):
    account("guess")
    phone.panel.wait_text(r"alice:?\s+password")
    phone.panel.wait_lamp("message", "flash")
    time.sleep(2.0)
    ours = f'sip.Method == "REGISTER" && ipv6.src == {phone.address}'
    requests = tshark(capture.stop(), ours)
    assert len(requests) <= 3, "a refused password is tried again and again"


def test_call_through_the_proxy(phone, kamailio, account, bob, capture):
    account(PASSWORDS["alice"])
    phone.panel.wait_text(r"alice:?\s+registered")
    phone.dial("bob")
    bob.wait("CALL_INCOMING")
    phone.panel.wait_text("rings there")
    bob.answer()
    talk(phone, bob)
    phone.hang_up()
    bob.wait("CALL_CLOSED")
    phone.wait_idle()


def test_call_from_the_proxy(phone, kamailio, account, bob, capture):
    account(PASSWORDS["alice"])
    phone.panel.wait_text(r"alice:?\s+registered")
    bob.dial(f"sip:alice@{kamailio.domain}")
    phone.answer()
    talk(phone, bob)
    bob.hang_up()
    phone.panel.wait_text("they hung up")
    phone.wait_idle()
