# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: a whole phone and TLS servers
"""A phone registers by TLS: which servers it believes, and what it says of the others."""

import contextlib
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization

from host_tests.emulated import tls_peers
from tools.panel.phones import UnixPhone
from vox6.sip.framing import StreamFramer
from vox6.sip.message import parse

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
]

HOST = "::1"


def registrar(requests):
    """Return a handler of a connection that answers each request with 200."""

    def handle(connection):
        framer = StreamFramer()
        while data := connection.recv(4096):
            for message in framer.receive(data):
                request = parse(message)
                requests.append(request)
                response = request.response(200, None, "tag")
                for value in request.values("contact"):
                    response.add("Contact", value)
                connection.sendall(response.emit())

    return handle


def start(folder, port, rows):
    """A phone whose account is at a port of TLS; rows: further settings."""
    settings = folder / "phone/fs/settings"
    settings.mkdir(parents=True)
    (settings / "ca.pem").write_bytes(tls_peers.pem(tls_peers.authority().certificate))
    rows = [
        "vox6-settings 1",
        "sip.port = 5987",
        "account.1.uri = sip:alice@[::1]",
        f"account.1.registrar = sips:[::1]:{port}",
        *rows,
    ]
    (settings / "settings.txt").write_text("\n".join(rows) + "\n")
    return UnixPhone(folder / "phone")


def pin_of(certificate):
    """SHA-256 of the public key of a certificate."""
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "sip.tls_pin = " + hashlib.sha256(key).hexdigest()


@contextlib.contextmanager
def registering(folder, pair, rows):
    """A phone and a server that shows a certificate: (phone, requests that came, failures)."""
    requests = []
    made = tls_peers.context_of(pair, folder / "server.pem")
    with tls_peers.tls_server(registrar(requests), made, address=HOST) as (port, failures):
        with start(folder, port, rows) as phone:
            yield phone, requests, failures


CA = "sip.tls_ca = ca.pem"


def issue(**options):
    return tls_peers.authority().issue([HOST], **options)


@pytest.mark.parametrize(
    "make, shown",
    [
        (lambda: tls_peers.pairs()["right"], r"Certificate is not\s+for ::1"),
        (lambda: issue(first=-3, last=-1), "Certificate expired"),
        (lambda: issue(first=1, last=3), "Certificate too new"),
        (lambda: tls_peers.Authority("another CA").issue([HOST]), "Unknown CA there"),
    ],
    ids=["another name", "expired", "not yet valid", "unknown CA"],
)
def test_refused(tmp_path, make, shown):
    with registering(tmp_path, make(), [CA]) as (phone, requests, failures):
        phone.panel.wait_text(shown)
        assert "account: 1: 503" in phone.console_log()
    assert requests == []


def test_registered(tmp_path):
    with registering(tmp_path, issue(), [CA]) as (phone, requests, failures):
        phone.panel.wait_text("registered TLS")
        assert requests[0].method == "REGISTER"
        assert requests[0].via.transport == "TLS"
        assert "TLSv1.2 TLS-ECDHE-" in phone.console_log()
    assert failures == []


def test_pin(tmp_path):
    """A certificate of nobody we know, whose key is the pinned one; then another key."""
    pair = tls_peers.pairs()["self-signed"]
    with registering(tmp_path, pair, [pin_of(pair[1])]) as (phone, requests, failures):
        phone.panel.wait_text("registered TLS")
    other = tmp_path / "other"
    other.mkdir()
    with registering(other, issue(), [CA, pin_of(pair[1])]) as (phone, requests, failures):
        phone.panel.wait_text("Not the pinned key")
    assert requests == []


def test_nobody_to_believe(tmp_path):
    with registering(tmp_path, issue(), []) as (phone, requests, failures):
        phone.panel.wait_text(r"TLS: set sip\.tls_ca")
    assert requests == []
