# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: phones in a lab
"""MicroPython's tls on net6.Stream, against Python's ssl: certificates, volume, both roles."""

import hashlib
import os
import ssl
import subprocess
import time
import types

import pytest

from host_tests.emulated import tls_peers
from host_tests.emulated.stream_peers import echo, guest
from host_tests.emulated.test_qemu_machine import WAIT_ADDRESS, Machine
from tools.lab.network import Lab
from tools.panel import window
from tools.panel.phones import UnixPhone

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]


class Program:
    """The unix program: each script is a process of its own."""

    host = None
    system = "unix"
    address = peer = "::1"

    def run(self, code, timeout=60):
        argv = [str(UnixPhone.image), "-c", self.text(code)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def text(self, code):
        return guest(tls_peers.GUEST, self.peer, self.system) + code

    def start(self, code):
        argv = [str(UnixPhone.image), "-c", self.text(code)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def finish(self):
        with self.process as process:
            return process.communicate(timeout=30)[0].strip()


class Board:
    """The emulated board; scripts follow each other in one VM."""

    system = "qemu"

    def __init__(self, folder, lab):
        self.host = lab.host("peer")
        self.peer = self.host.wait_address()
        self.machine = Machine(folder, lab).boot()
        self.machine.interrupt()
        self.address = self.machine.repl(WAIT_ADDRESS).split()[0]
        self.machine.repl("import gc\n" + guest(tls_peers.GUEST, self.peer, self.system))

    def run(self, code, timeout=60):
        return self.machine.repl(code + "\ngc.collect()", timeout)

    def start(self, code):
        from host_tests.emulated.test_qemu_net6 import Raw

        self.raw = Raw(self.machine.console)
        self.raw.__enter__()
        self.raw.start(code)

    def finish(self):
        try:
            return self.raw.finish(30).strip().removeprefix("ready\r\n").removeprefix("ready\n")
        finally:
            self.raw.__exit__(None, None, None)


@pytest.fixture(scope="module", params=["unix", "qemu"])
def phone(request, tmp_path_factory):
    if request.param == "unix":
        if not UnixPhone.image.exists():
            pytest.skip("vox6-phone is not built")
        yield Program()
        return
    if not Machine.image.exists():
        pytest.skip("firmware.elf is not built")
    with Lab(tmp_path_factory.mktemp("lab"), tag="tls") as lab:
        made = Board(tmp_path_factory.mktemp("board"), lab)
        yield made
        made.machine.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


def CA():
    return tls_peers.pem(tls_peers.authority().certificate)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("right", "same"),
        ("rsa", "same"),
        ("wrong name", "The certificate Common Name (CN) does not match with the expected CN"),
        ("expired", "The certificate validity has expired"),
        ("future", "The certificate validity starts in the future"),
        ("self-signed", "The certificate is not correctly signed by the trusted CA"),
        ("another CA", "The certificate is not correctly signed by the trusted CA"),
    ],
)
def test_certificates_are_checked(phone, folder, kind, result):
    made = tls_peers.context(kind, folder)
    with tls_peers.tls_server(echo, made, phone.host, phone.peer) as (port, failures):
        code = f"wrapped = secure({port}, {CA()!r})\nprint(talk(wrapped))\ndel wrapped"
        assert phone.run(code) == result
    assert bool(failures) == (result != "same")


def test_a_pin_stands_for_the_chain(phone, folder):
    made = tls_peers.context("self-signed", folder)
    pin = hashlib.sha256(tls_peers.der(tls_peers.pairs()["self-signed"][1])).digest()
    code = (
        "import hashlib\n"
        "def look(certificate, depth):\n"
        "    if depth: return 0\n"
        "    return 0 if hashlib.sha256(certificate).digest() == pin else -0x3000\n"
    )
    with tls_peers.tls_server(echo, made, phone.host, phone.peer) as (port, failures):
        for wanted, result in ((pin, "same"), (bytes(32), None)):
            text = phone.run(
                code + f"pin = {wanted!r}\n"
                f"wrapped = secure({port}, None, mode=1, callback=look)\n"
                "print(talk(wrapped))\ndel wrapped"
            )
            assert text == (result or "MBEDTLS_ERR_X509_FATAL_ERROR"), text
    assert len(failures) == 1


def test_who_looks_at_names_has_the_last_word(phone, folder):
    """mbedTLS reads no SIP URIs (RFC 5922): 1 says that the name fits. The chain counts anyway."""
    mismatch = "The certificate Common Name (CN) does not match with the expected CN"
    unknown = "The certificate is not correctly signed by the trusted CA"
    code = "def look(certificate, depth):\n    return 0 if depth else said\n"
    for kind, said, result in (
        ("URI alone", 0, mismatch),
        ("URI alone", 1, "same"),
        ("another CA", 1, unknown),
        ("URI alone", 2, None),
    ):
        made = tls_peers.context(kind, folder)
        with tls_peers.tls_server(echo, made, phone.host, phone.peer) as (port, _):
            text = phone.run(
                code + f"said = {said}\n"
                f"wrapped = secure({port}, {CA()!r}, callback=look)\n"
                "print(talk(wrapped))\ndel wrapped"
            )
        assert text == result or (result is None and text != "same"), (kind, said, text)


def test_64_kilobytes_both_ways(phone, folder):
    made = tls_peers.context("right", folder)
    with tls_peers.tls_server(echo, made, phone.host, phone.peer) as (port, _):
        text = phone.run(
            f"wrapped = secure({port}, {CA()!r})\n"
            "start = time.ticks_ms()\n"
            "write_all(wrapped, b'x'); read_all(wrapped, 1)\n"
            "handshake = time.ticks_diff(time.ticks_ms(), start)\n"
            "part = bytes(range(250)) * 4\n"
            "good = True\n"
            "for _ in range(66):\n"
            "    write_all(wrapped, part)\n"
            "    good = good and read_all(wrapped, 1000) == part\n"
            "print(good, *wrapped.cipher())\n"
            "print(handshake, 'ms', time.ticks_diff(time.ticks_ms(), start), 'ms')\n"
            "wrapped.close()\ndel wrapped\n"
        )
    lines = text.splitlines()
    print(phone.system, "handshake and all:", lines[1])
    assert lines[0] == "True TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384 TLSv1.2"


def test_long_records_of_the_peer(phone, folder):
    """A peer may write 16 kB at once: it was asked for records of 4,096 octets."""

    def handle(connection):
        with connection:
            connection.sendall(bytes(range(256)) * 64)
            connection.recv(1)

    made = tls_peers.context("right", folder)
    with tls_peers.tls_server(handle, made, phone.host, phone.peer) as (port, _):
        text = phone.run(
            f"wrapped = secure({port}, {CA()!r})\n"
            "got = read_all(wrapped, 16384)\n"
            "print(got == bytes(range(256)) * 64)\nwrapped.close()\ndel wrapped, got\n"
        )
    assert text == "True"


def test_a_reset_in_the_middle(phone, folder):
    from host_tests.emulated.stream_peers import reset

    def handle(connection):
        connection.sendall(b"before")
        connection.recv(4)
        reset(connection)

    made = tls_peers.context("right", folder)
    with tls_peers.tls_server(handle, made, phone.host, phone.peer) as (port, _):
        text = phone.run(
            f"wrapped = secure({port}, {CA()!r})\n"
            "print(read_all(wrapped, 6))\n"
            "write_all(wrapped, b'done')\n"
            "print(fails(wrapped))\n"
            "wrapped.close()\ndel wrapped\n"
        )
    assert text.split() == ["b'before'", "ECONNRESET"]


def test_a_peer_that_does_not_speak_tls(phone):
    from host_tests.emulated.stream_peers import server

    def handle(connection):
        with connection:
            connection.recv(2000)
            connection.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")

    with server(handle, phone.host, phone.peer) as port:
        text = phone.run(f"wrapped = secure({port}, {CA()!r})\nprint(talk(wrapped))\ndel wrapped")
    assert text.startswith("MBEDTLS_ERR_SSL_") or text == "ECONNRESET", text


def test_a_phone_as_the_server(phone):
    key, certificate = tls_peers.pairs()["right"]
    phone.start(
        "listener = net6.Listener(None, 5061)\n"
        "context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)\n"
        f"context.load_cert_chain({tls_peers.der(certificate)!r}, {tls_peers.secret_der(key)!r})\n"
        "print('ready')\n"
        "assert wait(listener, select.POLLIN, 20000)\n"
        "stream, address, port = listener.accept()\n"
        "wrapped = context.wrap_socket(stream, server_side=True, do_handshake_on_connect=False)\n"
        "print(read_all(wrapped, 5))\n"
        "write_all(wrapped, b'world')\n"
        "wrapped.close()\n"
        "listener.close()\n"
        "del wrapped, stream, listener, context\n"
    )
    trust = ssl.create_default_context(cadata=CA().decode())
    with tls_peers.client(trust, phone.address, 5061, phone.host) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"world"
    assert phone.finish() == "b'hello'"


@pytest.mark.parametrize("phone", ["qemu"], indirect=True, scope="module")
def test_dates_pass_while_the_time_is_unknown(phone, folder, monkeypatch):
    """A board without a clock: the dates of a certificate pass, name and signature count."""
    monkeypatch.setattr(window, "time", types.SimpleNamespace(time=lambda: 0))
    time.sleep(1.5)
    for kind, good in (("expired", True), ("future", True), ("wrong name", False)):
        made = tls_peers.context(kind, folder)
        with tls_peers.tls_server(echo, made, phone.host, phone.peer) as (port, _):
            code = f"wrapped = secure({port}, {CA()!r})\nprint(talk(wrapped))\ndel wrapped"
            assert (phone.run(code) == "same") == good, kind


def test_nothing_is_left(phone):
    if phone.system == "qemu":
        text = phone.run("gc.collect()\nc = net6.counters()\nprint(c['streams'], net6.use()[2])")
        assert text == "0 0"
