# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""A peer without ZRTP: in clear, and said so; or keys by SDP (RFC 4568) where that is allowed."""

import time

import pytest

from host_tests.interop import secure
from host_tests.interop.fixtures import PEER_ADDRESS
from host_tests.interop.test_baresip import assert_tone, hang_up, set_up
from tools.lab import measure
from tools.lab.capture import tshark
from tools.lab.eavesdrop import overhear

SDES = "Secure to server only"


@pytest.fixture
def allow(phone):
    """Sets what the owner wants of encryption, for one test."""

    def configure(sdes, required=False):
        phone.configure(security__sdes=sdes, security__required=required)

    yield configure
    phone.wait_idle()
    configure("off")


@pytest.mark.parametrize("direction", ["out", "in"])
def test_no_zrtp_there_is_said_once_by_a_tone(phone, peer, capture, direction):
    other = peer()
    set_up(phone, other, direction)
    secure.wait_clear(phone)
    time.sleep(0.5)
    assert "talking" in phone.panel.screen_text().lower()
    hang_up(phone, other, "phone")
    assert not any(stream.larger for stream in overhear(capture.stop(), []))


# baresip says RTP/SAVP itself when it insists (srtp-mand), and takes nothing else.
@pytest.mark.parametrize(
    "direction,mediaenc,required",
    [("in", "srtp-mand", False), ("out", "srtp", False), ("out", "srtp-mand", True)],
    ids=["in", "out", "out-required"],
)
def test_sdes_where_the_owner_allows_it(
    phone,
    peer,
    capture,
    allow,
    direction,
    mediaenc,
    required,
):
    """Both hear each other; every packet has its tag, from the first one on."""
    capture.forgiven = "rtcp"  # SRTCP looks like it
    allow("offer" if direction == "out" else "answer", required)
    other = peer(mediaenc=mediaenc)
    set_up(phone, other, direction)
    phone.panel.wait_text(SDES)
    phone.panel.wait_lamp("security", "on", 2.0)
    recording = phone.panel.record()
    phone.panel.play((16000, measure.tone(1000, 10, 16000)))
    time.sleep(2.4)
    sound = recording.stop()
    hang_up(phone, other, "phone")
    phone.panel.silence()
    assert_tone(sound, "heard by the phone")
    assert_tone(other.recordings()[-1], "heard by baresip")
    streams = overhear(capture.stop(), [])
    assert len(streams) == 2
    for stream in streams:
        assert stream.larger == stream.packets, stream


@pytest.mark.parametrize("word", ["off", "answer"])
def test_sdes_is_not_offered_unasked(phone, peer, capture, allow, word):
    allow(word)
    other = peer()
    set_up(phone, other, "out")
    hang_up(phone, other, "phone")
    offers = tshark(capture.stop(), 'sip.Method == "INVITE"', "sdp.media", "sdp.media_attr")
    assert offers
    for media, attributes in offers:
        assert "RTP/AVP" in media and "RTP/SAVP" not in media
        assert "crypto:" not in attributes
        assert "zrtp-hash:1.10" in attributes


def test_keys_in_sdp_are_refused_by_default(phone, peer, capture):
    """Off until the owner allows it: an offer that needs them is not acceptable."""
    other = peer(mediaenc="srtp-mand")
    other.dial(phone.uri)
    event = other.wait("CALL_CLOSED")
    assert "488" in event["param"], event
    phone.wait_idle()


def test_required_encryption_that_is_not_there_ends_the_call(phone, peer, capture, allow):
    allow("off", True)
    other = peer()
    phone.dial(other.uri)
    other.wait("CALL_INCOMING")
    other.answer()
    other.wait("CALL_CLOSED", 20.0)
    phone.panel.wait_text("No encryption there")
    phone.wait_idle()
    sent = [one for one in overhear(capture.stop(), []) if PEER_ADDRESS not in one.source]
    assert not sent
