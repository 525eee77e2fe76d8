# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Both boards at kamailio: registration with digest, calls through it, a wrong password."""

import time

import pytest

from tools.lab import Baresip, Kamailio, measure, wav
from tools.lab.capture import tshark
from tools.lab.certificates import Authority, fingerprint
from tools.lab.kamailio import DOMAIN
from tools.panel.phones import TOP

REGISTRAR = "2001:db8:1::5"
PEER = "2001:db8:1::d"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}


@pytest.fixture(scope="session")
def registrar_host(lab):
    return lab.host("registrar", address=REGISTRAR, slaac=False)


@pytest.fixture(scope="session")
def bob_host(lab):
    return lab.host("bob", address=PEER, slaac=False)


@pytest.fixture(scope="session")
def authority(lab):
    return Authority(lab.folder / "certificates")


@pytest.fixture
def kamailio(registrar_host, authority, request):
    algorithm = getattr(request, "param", "MD5")
    certificate = authority.issue("kamailio", [DOMAIN, REGISTRAR])
    running = Kamailio(
        registrar_host, REGISTRAR, PASSWORDS, algorithm=algorithm, certificate=certificate
    )
    yield running
    running.close()


@pytest.fixture
def bob(bob_host, kamailio):
    """A baresip registered as bob."""
    sound = TOP / "build/tone-1000-8000.wav"
    if not sound.exists():
        wav.write(sound, 8000, measure.tone(1000, 60, 8000))
    line = (
        f"<sip:bob@{kamailio.domain};transport=udp>;regint=60;auth_user=bob;"
        f'auth_pass={PASSWORDS["bob"]};outbound="{kamailio.peer}"'
    )
    running = Baresip(bob_host, PEER, sound, name="bob", account=line)
    running.wait_registered()
    yield running
    running.close()


@pytest.fixture
def account(phone, kamailio):
    """Gives the phone an account by its console; taken away afterwards."""

    def give(password, **more):
        rows = {
            "uri": f"sip:alice@{kamailio.domain}",
            "auth_user": "alice",
            "password": password,
            "registrar": f"sip:{kamailio.domain}",
            "proxy": kamailio.peer,
        }
        set_account(phone, rows | more)

    yield give
    phone.wait_idle()
    gone = {name: "" for name in ("uri", "auth_user", "password", "registrar", "proxy")}
    set_account(phone, gone | {"transport": "auto"})
    phone.panel.wait_text("no account", 10)


def set_account(phone, rows):
    code = "from firmware.main import phone\n"
    for name, value in rows.items():
        code += f"phone().settings.set('account.1.{name}', {value!r})\n"
    code += "phone().settings.save()\nphone().reload()\n"
    phone.console(code)


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


def talk(phone, bob):
    bob.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    recording = phone.panel.record()
    time.sleep(1.5)
    rate, samples = recording.stop()
    tone = measure.measure_tone(measure.loud_part(samples, rate), rate)
    assert abs(tone.frequency - 1000) < 1, tone
