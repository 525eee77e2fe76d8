# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""baresip whose signalling goes by TCP or TLS, with keys in SDP too; L16."""

import time

import pytest

from host_tests.interop.fixtures import PEER_ADDRESS as ADDRESS
from host_tests.interop.fixtures import TONE_HZ
from host_tests.interop.test_baresip import assert_tone, hang_up, set_up
from tools.lab import measure
from tools.lab.capture import tshark
from tools.lab.certificates import Authority
from tools.lab.eavesdrop import overhear
from tools.lab.pcap import rtp_streams

_DEFAULT = "from firmware.store.settings import row\nprint(row('media.codecs')[2])"


def talk(phone, other):
    """A tone each way for 2.4 s; what the phone heard."""
    recording = phone.panel.record()
    phone.panel.play((16000, measure.tone(TONE_HZ, 10, 16000)))
    time.sleep(2.4)
    return recording.stop()


@pytest.mark.parametrize("direction", ["out", "in"])
def test_call_by_tcp(phone, plain, peer, capture, direction):
    other = peer(transport="tcp")
    if direction == "in":
        other.dial(phone.uri + ";transport=tcp")
        phone.answer()
        other.wait("CALL_ESTABLISHED")
        phone.wait_talking()
    else:
        set_up(phone, other, "out")
    sound = talk(phone, other)
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    phone.panel.press("hold")
    phone.wait_talking()
    hang_up(phone, other, "peer" if direction == "out" else "phone")
    phone.panel.silence()
    assert_tone(sound, "heard by the phone")
    path = capture.stop()
    assert tshark(path, "sip && tcp") and not tshark(path, "sip && udp"), "not by TCP alone"


@pytest.fixture
def certified(phone, lab):
    """A certificate for baresip by an authority that the phone believes, for one test."""
    authority = Authority(lab.folder / "baresip-certificates")
    phone.put("ca.der", authority.der)
    phone.configure(sip__tls_ca="ca.der", security__sdes="offer")
    yield authority.issue("baresip", [ADDRESS])
    phone.wait_idle()
    phone.configure(sip__tls_ca="", security__sdes="off")


def test_call_by_tls_with_keys_in_sdp(phone, peer, certified, capture):
    """Nobody on the wire reads the keys, or hears the voice."""
    capture.forgiven = "rtcp"  # SRTCP looks like it
    other = peer(transport="tls", certificate=certified, mediaenc="srtp")
    set_up(phone, other, "out")
    phone.panel.wait_text("Secure to server only")
    sound = talk(phone, other)
    hang_up(phone, other, "phone")
    phone.panel.silence()
    assert_tone(sound, "heard by the phone")
    assert_tone(other.recordings()[-1], "heard by baresip")
    path = capture.stop()
    assert not tshark(path, "sip"), "SIP in clear"
    streams = overhear(path, [])
    assert len(streams) == 2
    for stream in streams:
        assert stream.larger == stream.packets, stream


@pytest.fixture
def uncompressed(phone):
    phone.configure(media__codecs="L16")
    yield
    phone.wait_idle()
    phone.configure(media__codecs=phone.console(_DEFAULT).strip().splitlines()[-1])


@pytest.mark.parametrize("direction", ["out", "in"])
def test_l16(phone, plain, uncompressed, peer, capture, direction):
    """Sound as it is, 16,000 samples a second of 16 bits (RFC 3551 section 4.5.11)."""
    other = peer("L16")
    set_up(phone, other, direction)
    phone.panel.wait_text("L16")
    sound = talk(phone, other)
    hang_up(phone, other, "phone")
    phone.panel.silence()
    assert sound[0] == 16000
    assert_tone(sound, "heard by the phone")
    assert_tone(other.recordings()[-1], "heard by baresip")
    for stream in rtp_streams(capture.stop()):
        assert stream.lost == 0, stream
