# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Attacks on a phone in a call, over real wires, each named by itself. The fixture `call` sees to
it that the call's tone is whole on both sides all the while."""

import os
import re
import struct
import time

import pytest

from host_tests.emulated.stranger import STRANGER, WAIT_S, answers, expect, forger, request
from tools.lab.pcap import rtp_streams

_SDP = "Content-Type: application/sdp\r\n"


def offer(address, port=9000):
    """An offer of G.711 at an address."""
    family = "IP6" if ":" in address else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\n"
        f"t=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    )


def collect(sock, seconds):
    """Octets of all that comes within a time."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.settimeout(max(0.01, end - time.monotonic()))
        try:
            found.append(sock.recv(65536))
        except TimeoutError:
            break
    return found


def streams_to(capture, phone):
    """The voice that goes to the phone, by the capture."""
    return [one for one in rtp_streams(capture.path) if f"[{phone.address}]" in one.destination]


@pytest.fixture
def no_waiting(call):
    """A second call is refused: else the first of many waits, and beeps."""
    phone, _ = call
    phone.configure(call__waiting=False)
    yield
    phone.configure(call__waiting=True)


def test_attack_invite_flood(call, no_waiting, stranger):
    """Two hundred calls at once: all are refused, nobody is disturbed."""
    phone, _ = call
    ids = []
    for number in range(200):
        ids.append(os.urandom(8).hex())
        body = offer(STRANGER, 9000 + number)
        invite = request("INVITE", phone, stranger, extra=_SDP, body=body, call_id=ids[-1])
        stranger.sendto(invite, (phone.address, 5060))
        time.sleep(0.005)
    statuses, bare = {}, 0
    for octets in collect(stranger, 3.0):
        status = int(re.match(rb"SIP/2.0 (\d{3})", octets)[1])
        statuses[status] = statuses.get(status, 0) + 1
        bare += status == 503 and b"\r\nRetry-After: " not in octets
    print(f"answers: {statuses}")
    refused = sum(statuses.get(status, 0) for status in (486, 503))
    assert refused > 50 and bare == 0  # of the others some were dropped at a full queue
    began = time.monotonic()
    full = request("INVITE", phone, stranger, extra=_SDP, body=offer(STRANGER))
    while answers(stranger, phone, full, WAIT_S) != [486]:  # and not 503: there is room again
        assert time.monotonic() - began < 60, "the phone is full for ever"
        time.sleep(1.0)
        full = request("INVITE", phone, stranger, extra=_SDP, body=offer(STRANGER))
    print(f"room for others again {time.monotonic() - began:.1f} s later")
    assert set(statuses) <= {100, 486, 503}
    assert "talking" in phone.panel.screen_text().lower()


def test_attack_sdp_multicast_or_unreachable(call, stranger):
    """Nobody makes the phone send voice to a group, to itself or where it cannot reach."""
    phone, _ = call
    for address in ("ff0e::1", "ff02::1", "::1", "192.0.2.9", "224.2.0.1"):
        invite = request("INVITE", phone, stranger, extra=_SDP, body=offer(address))
        expect(stranger, phone, invite, 488)


def test_attack_register_hijack(call, stranger):
    """A phone is no registrar: nobody binds its user elsewhere, or asks who is bound."""
    phone, _ = call
    contact = f"Contact: <sip:mallory@[{STRANGER}]>;expires=3600\r\n"
    for extra in (contact, "Contact: *\r\nExpires: 0\r\n", ""):
        register = request("REGISTER", phone, stranger, extra=extra)
        if extra:
            own = f"Contact: <sip:stranger@[{STRANGER}]:{stranger.getsockname()[1]}>\r\n"
            register = register.replace(own.encode(), b"", 1)
        expect(stranger, phone, register, 405)


def test_attack_options_amplification(call, stranger):
    """What a forged OPTIONS makes the phone send to its victim is little more than itself."""
    phone, _ = call
    long = "".join(f"Via: SIP/2.0/UDP h{n}.example:5060;branch=z9hG4bK{n}\r\n" for n in range(20))
    for extra in ("", "Accept: application/sdp\r\nSupported: timer\r\n", long):
        question = request("OPTIONS", phone, stranger, extra=extra)
        collect(stranger, 0.05)
        stranger.sendto(question, (phone.address, 5060))
        came = collect(stranger, 0.7)
        ratio = sum(map(len, came)) / len(question)
        print(f"{len(question)} octets asked, {ratio:.2f} times that came, {len(came)} datagrams")
        assert len(came) == 1 and ratio < 2.5


def test_attack_rtp_injection(call, stranger, stranger_host):
    """Voice from the peer's very address, port and source, as only a forger sends it: not heard,
    as it is not authentic."""
    phone, capture = call
    time.sleep(0.3)
    target = streams_to(capture, phone)[0]
    source, _, source_port = target.source.rpartition(":")
    port = int(target.destination.rpartition(":")[2])
    noise = os.urandom(170)
    with forger(stranger_host, (source.strip("[]"), int(source_port))) as forged:
        for number in range(200):
            for ssrc in (target.ssrc, 0x12345678):
                header = struct.pack(">BBHII", 0x80, 9, 30000 + number, number * 160, ssrc)
                forged.sendto(header + noise, (phone.address, port))
            time.sleep(0.005)
    counters = phone.console(
        "from firmware.main import phone; "
        "print(phone().call_in_focus().audio.stream.statistics()['srtp_failed'])"
    )
    assert int(counters.split()[-1]) >= 150, counters


def test_attack_rtcp_bye_from_a_stranger(call, stranger, stranger_host):
    """An RTCP BYE for the peer's source, also with the peer's address: nothing ends."""
    phone, capture = call
    time.sleep(0.3)
    target = streams_to(capture, phone)[0]
    source, _, source_port = target.source.rpartition(":")
    port = int(target.destination.rpartition(":")[2]) + 1
    bye = struct.pack(">BBHI", 0x80, 201, 1, target.ssrc) + struct.pack(
        ">BBHI", 0x81, 203, 1, target.ssrc
    )
    with forger(stranger_host, (source.strip("[]"), int(source_port) + 1)) as forged:
        for _ in range(20):
            stranger.sendto(bye, (phone.address, port))
            forged.sendto(bye, (phone.address, port))
            time.sleep(0.02)
    time.sleep(0.5)
    assert "talking" in phone.panel.screen_text().lower()
