# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""What a stranger on the wire may send while a call runs: the right answer or silence, the call
keeps its sound, nothing leaks (RFC 3261 sections 8.2, 9.2, 15.1.2, 18.3; RFC 3550 section A.1)."""

import random
import socket
import struct
import time

from host_tests.emulated.stranger import (
    QUIET_S,
    WAIT_S,
    answers,
    clear_ringing,
    expect,
    request,
)
from tools.lab.pcap import rtp_streams


def test_bye_and_cancel_from_a_stranger(call, stranger):
    phone, _ = call
    expect(stranger, phone, request("BYE", phone, stranger), 481)
    expect(stranger, phone, request("BYE", phone, stranger, tag="guessed"), 481)
    expect(stranger, phone, request("CANCEL", phone, stranger), 481)
    expect(stranger, phone, request("ACK", phone, stranger, tag="guessed"), None)
    assert "talking" in phone.panel.screen_text().lower()


def test_requests_that_cannot_be_served(call, stranger):
    phone, _ = call
    expect(stranger, phone, request("OPTIONS", phone, stranger), 200)
    required = request("INVITE", phone, stranger, extra="Require: telepathy\r\n")
    expect(stranger, phone, required, 420)
    expect(stranger, phone, request("DANCE", phone, stranger), 501)
    shop = request(
        "INVITE", phone, stranger, extra="Content-Type: text/html\r\n", body="<p>buy</p>"
    )
    expect(stranger, phone, shop, 415)
    text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    text += "m=audio 9000 RTP/AVP 0\r\n"
    offer = request(
        "INVITE", phone, stranger, extra="Content-Type: application/sdp\r\n", body=text
    )
    expect(stranger, phone, offer, 488)
    assert "talking" in phone.panel.screen_text().lower()


def test_malformed_messages(call, stranger):
    phone, _ = call
    whole = request("OPTIONS", phone, stranger)
    expect(stranger, phone, request("OPTIONS", phone, stranger, length=500), 400)
    longer = request("OPTIONS", phone, stranger) + b"more than the Content-Length says"
    expect(stranger, phone, longer, 200)
    bad_via = request("OPTIONS", phone, stranger).replace(
        b"Via: SIP/2.0/UDP", b"Via: SIP/9.9/X Y", 1
    )
    answers(stranger, phone, bad_via, QUIET_S)  # 400 or silence; the phone lives
    # Without a CSeq or Call-ID no response can be matched: 400 or silence.
    for old, new in ((b"CSeq: 1 ", b"CSeq: one "), (b"Call-ID: ", b"X-Other: ")):
        assert answers(stranger, phone, whole.replace(old, new), QUIET_S) in ([], [400])
    dice = random.Random(6)
    for cut in [0, 1, 4, *(dice.randrange(5, len(whole)) for _ in range(60))]:
        stranger.sendto(whole[:cut], (phone.address, 5060))
    for _ in range(60):
        stranger.sendto(dice.randbytes(dice.randrange(1, 1200)), (phone.address, 5060))
        broken = bytearray(request("INVITE", phone, stranger))
        for _ in range(dice.randrange(1, 12)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        stranger.sendto(broken, (phone.address, 5060))
        time.sleep(0.005)
    time.sleep(0.5)
    expect(stranger, phone, request("OPTIONS", phone, stranger), 200)
    clear_ringing(phone)


def test_oversized_and_endless_messages(call, stranger):
    phone, _ = call
    for size in (9000, 20000, 60000):
        padding = "X-Padding: " + "x" * size + "\r\n"
        found = answers(
            stranger, phone, request("OPTIONS", phone, stranger, extra=padding), QUIET_S
        )
        assert found in ([], [400], [413], [513]), found
    many = "".join(f"X-{number}: y\r\n" for number in range(2000))
    found = answers(stranger, phone, request("OPTIONS", phone, stranger, extra=many), QUIET_S)
    assert found in ([], [400], [513]), found
    endless = request("OPTIONS", phone, stranger).replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 4000)
    for _ in range(20):
        stranger.sendto(endless, (phone.address, 5060))
    expect(stranger, phone, request("OPTIONS", phone, stranger), 200)


def test_rtp_and_rtcp_from_a_stranger(call, stranger):
    phone, capture = call
    time.sleep(0.3)
    target = next(
        stream
        for stream in rtp_streams(capture.path)
        if f"[{phone.address}]" in stream.destination
    )
    port = int(target.destination.rpartition(":")[2])
    dice = random.Random(7)
    noise = bytes(dice.randrange(256) for _ in range(160))
    for number in range(200):
        # The very source of the call, guessed right, from another address.
        header = struct.pack(">BBHII", 0x80, 9, number, number * 160, target.ssrc)
        stranger.sendto(header + noise, (phone.address, port))
        stranger.sendto(dice.randbytes(dice.randrange(1, 200)), (phone.address, port))
        bye = struct.pack(">BBHI", 0x81, 203, 1, target.ssrc)
        stranger.sendto(bye, (phone.address, port + 1))
        time.sleep(0.005)
    assert "talking" in phone.panel.screen_text().lower()


def test_flood_of_requests(call, stranger):
    """More requests than anybody serves: some are dropped, the sound is not."""
    phone, _ = call
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for _ in range(300):
        stranger.sendto(request("OPTIONS", phone, stranger), (phone.address, 5060))
        time.sleep(0.002)
    time.sleep(1.0)
    deadline = time.monotonic() + 20
    while answers(stranger, phone, request("OPTIONS", phone, stranger), WAIT_S) != [200]:
        assert time.monotonic() < deadline, "the phone answers no more after a flood"
