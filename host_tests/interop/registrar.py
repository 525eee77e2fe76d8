# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A kamailio as registrar and proxy, a baresip registered there, an account for the phone."""

import time

import pytest

from tools.lab import Baresip, Kamailio, measure, wav
from tools.lab.certificates import Authority
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


def talk(phone, bob):
    bob.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    hear(phone)


def hear(phone):
    """bob's tone is heard as it is."""
    recording = phone.panel.record()
    time.sleep(1.5)
    rate, samples = recording.stop()
    tone = measure.measure_tone(measure.loud_part(samples, rate), rate)
    assert abs(tone.frequency - 1000) < 1, tone
