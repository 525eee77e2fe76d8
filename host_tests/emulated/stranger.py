# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody on the wire who is no party to the call that runs: his socket, his requests."""

import os
import re
import socket
import time

import pytest

from host_tests.emulated.calls import Tones, connect, disconnect

STRANGER = "2001:db8:1::666"
WAIT_S = 1.5  # for an answer that must come
QUIET_S = 0.7  # for an answer that must not come
_IPV6_TRANSPARENT = 75  # linux/in6.h


@pytest.fixture(scope="session")
def stranger_host(lab):
    return lab.host("stranger", address=STRANGER)


@pytest.fixture
def stranger(stranger_host):
    found = stranger_host.socket()
    found.bind((STRANGER, 0))
    yield found
    found.close()


@pytest.fixture(params=["UNIX_HOST", "QEMU_MPS2_AN500"])
def call(request, pair, phones, capture):
    """A running call with a tone each way; yields the phone under attack and the capture."""
    unix, qemu = pair
    capture.forgiven = f"ipv6.src == {STRANGER}"
    connect(unix, qemu)
    with Tones(unix, qemu) as tones:
        began = time.monotonic()
        yield phones.get_running(request.param), capture
        time.sleep(max(0.0, 2.0 - (time.monotonic() - began)))
        seconds = time.monotonic() - began
    disconnect(unix, qemu)
    assert not tones.breaks(seconds)


def request(method, phone, sock, *, extra="", body="", length=None, call_id=None, tag=""):
    """A request of a stranger, whole unless told otherwise."""
    port = sock.getsockname()[1]
    branch = "z9hG4bK" + os.urandom(6).hex()
    size = len(body.encode()) if length is None else length
    to_tag = f";tag={tag}" if tag else ""
    return (
        f"{method} {phone.uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP [{STRANGER}]:{port};branch={branch};rport\r\n"
        f"Max-Forwards: 70\r\n"
        f"From: <sip:stranger@[{STRANGER}]>;tag={os.urandom(4).hex()}\r\n"
        f"To: <{phone.uri}>{to_tag}\r\n"
        f"Call-ID: {call_id or os.urandom(8).hex()}\r\n"
        f"CSeq: 1 {method}\r\n"
        f"Contact: <sip:stranger@[{STRANGER}]:{port}>\r\n"
        f"{extra}"
        f"Content-Length: {size}\r\n\r\n{body}"
    ).encode()


def answers(sock, phone, datagram, wait):
    """Status codes of the final answers to a datagram within a time; not those to earlier ones."""
    call_id = re.search(rb"\r\nCall-ID: (\S+)", datagram)
    sock.settimeout(0.05)
    try:
        while True:
            sock.recv(65536)
    except TimeoutError:
        pass
    sock.sendto(datagram, (phone.address, 5060))
    found = []
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        try:
            octets = sock.recv(65536)
        except TimeoutError:
            continue
        line = re.match(rb"SIP/2.0 (\d{3}) ", octets)
        assert line, octets[:80]
        other = re.search(rb"\r\nCall-ID: (\S+)", octets)
        if call_id and other and other[1] != call_id[1]:
            continue
        if line[1] >= b"200":
            found.append(int(line[1]))
            break
    return found


def expect(sock, phone, datagram, status):
    """The phone answers with a status, or with nothing when that is None."""
    found = answers(sock, phone, datagram, WAIT_S if status else QUIET_S)
    assert found == ([status] if status else []), (found, datagram[:200])


def clear_ringing(phone):
    """An INVITE that was hurt in a harmless place may ring: refuse it."""
    for _ in range(10):
        text = phone.panel.screen_text().lower()
        if "waiting" in text or "call from" in text:
            phone.panel.press("line2")
            phone.panel.press("hangup")
            phone.panel.press("line1")
        time.sleep(0.1)


def forger(host, source):
    """Return a socket of a host whose datagrams bear the source (address, port) of another."""
    made = host.socket()
    made.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    made.bind(source)
    return made
