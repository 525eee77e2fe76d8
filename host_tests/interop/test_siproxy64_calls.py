# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Both boards with an IPv4-only baresip through siproxy64: every way a call goes."""

import re
import time
from collections import Counter

import pytest

from host_tests.interop.fixtures import BOARDS, TONE_HZ
from host_tests.interop.mirror import ADDRESS, HOUSE
from host_tests.interop.peers import connect
from host_tests.interop.test_baresip import (
    assert_tone,
    hang_up,
    heard,
    set_up,
    test_peer_cancels_while_it_rings,  # noqa: F401  these run here with the peer below
    test_peer_rejects,  # noqa: F401
    test_phone_cancels_while_it_rings,  # noqa: F401
    test_phone_rejects,  # noqa: F401
    they_hold,
    we_hold,
)
from tools.lab import measure
from tools.lab.capture import tshark
from tools.lab.pcap import rtp_streams, udp_packets

BARESIP = f"192.0.2.{HOUSE['baresip']}"


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """One board for most of it: what is new here is the mirror."""
    return phones.get(request.param)


@pytest.fixture
def peer(house_baresip, house_capture):
    """What the tests of test_baresip.py have as their peer, here beyond the mirror."""
    return house_baresip


def voice(path):
    """How often each datagram of RTP came, with its header; what two captures share of it."""
    packets = [row[5] for row in udp_packets(path, ipv4=True) if row[4] >= 1024]
    return Counter(packet for packet in packets if len(packet) > 12 and packet[0] == 0x80)


def lines(path, start):
    """Lines of SDP with such a start, that INVITEs and their answers in a capture have."""
    names = ("sdp.owner", "sdp.connection_info", "sdp.media_attr")
    rows = tshark(path, "sdp", *names)
    return [text for row in rows for text in row if re.search(start, text)]


@pytest.mark.parametrize("phone", BOARDS, indirect=True)
@pytest.mark.parametrize(
    "direction, codec, who", [("out", "PCMU", "phone"), ("in", "G722", "peer")]
)
def test_a_tone_each_way(phone, plain, peer, capture, house_capture, direction, codec, who):
    """Sound both ways, and each datagram of voice comes out as it went in."""
    other = peer(codec)
    set_up(phone, other, direction)
    phone.panel.play((16000, measure.tone(TONE_HZ, 10, 16000)))
    sound = heard(phone, 2.4)
    hang_up(phone, other, who)
    phone.panel.silence()
    assert_tone(sound, "heard by the phone")
    assert_tone(other.recordings()[-1], "heard by baresip")
    inner, outer = voice(house_capture.stop()), voice(capture.stop())
    assert sum(inner.values()) > 200
    lost = inner - outer, outer - inner
    print(
        f"{sum(inner.values())} datagrams, {[sum(one.values()) for one in lost]} on one side alone"
    )
    assert max(sum(one.values()) for one in lost) < 10, "voice differs on both sides"
    assert not lines(house_capture.path, "2001:"), "SDP with IPv6 in the house"


def test_phone_holds_and_resumes(phone, plain, peer, capture, house_capture):
    other = peer()
    set_up(phone, other, "out")
    phone.panel.play((16000, measure.tone(TONE_HZ, 30, 16000)))
    time.sleep(0.5)
    we_hold(phone, 1.3)
    sound = heard(phone)
    hang_up(phone, other, "phone")
    phone.panel.silence()
    assert_tone(sound, "heard by the phone after the hold")
    streams = rtp_streams(house_capture.stop(), ipv4=True)
    sent = [one for one in streams if BARESIP in one.destination]
    assert max(one.longest_gap_s for one in sent) > 1.0, "voice went out while on hold"
    held = tshark(house_capture.path, 'sip.Method == "INVITE"', "sdp.media_attr")
    assert any(re.search("sendonly|inactive", row[0]) for row in held), held


def test_peer_holds_and_resumes(phone, plain, peer, capture):
    other = peer()
    set_up(phone, other, "in")
    time.sleep(0.5)
    they_hold(phone, other)
    sound = heard(phone)
    hang_up(phone, other, "peer")
    assert_tone(sound, "heard by the phone after the hold")


@pytest.mark.parametrize("direction", ["out", "in"])
def test_digits(phone, house_modern, capture, house_capture, direction):
    """RFC 4733 both ways."""
    other = house_modern()
    connect(phone, other, direction)
    time.sleep(0.3)
    for key in "15*#":
        phone.panel.press(key)
        time.sleep(0.25)
    assert "".join(other.wait("digit")["digit"] for _ in range(4)) == "15*#"
    other.press("90A#")
    phone.panel.wait_text("90A#")
    phone.hang_up()
    other.wait("call_closed")
    phone.wait_idle()


def test_the_house_is_shown_as_one_address_each(phone, peer, capture):
    """What the phone shows of its caller can be called back."""
    other = peer()
    other.dial(phone.uri)
    phone.panel.wait_text("call from")
    shown = phone.panel.screen_text().replace("\n", "")
    assert f"{ADDRESS}:{HOUSE['baresip']}" in shown, shown
    other.hang_up()
    phone.wait_idle()
