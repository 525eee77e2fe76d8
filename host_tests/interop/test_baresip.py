# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Both boards against baresip: every way a call goes, in each codec."""

import re
import time

import pytest

from host_tests.interop.fixtures import PEER_ADDRESS as ADDRESS
from host_tests.interop.fixtures import TONE_HZ
from tools.lab import measure
from tools.lab.capture import tshark
from tools.lab.codec import RATES, decode
from tools.lab.pcap import rtp_payload, rtp_streams

# Signal to noise of a sine at -9 dBFS through the codec alone: G.711 gives 36 dB, G.722 47 dB.
SNR_MIN_DB = 30.0
CODECS = ("PCMU", "PCMA", "G722")


def set_up(phone, peer, direction):
    """A call that both sides have answered. direction: "out" the phone calls, "in" is called."""
    if direction == "out":
        phone.dial(peer.uri)
        peer.wait("CALL_INCOMING")
        phone.panel.wait_text("rings there")
        peer.answer()
    else:
        peer.dial(phone.uri)
        phone.panel.wait_text("call from")
        peer.wait("CALL_RINGING")
        phone.answer()
    peer.wait("CALL_ESTABLISHED")
    phone.wait_talking()


def hang_up(phone, peer, who):
    """End the call from one side; both know it."""
    if who == "phone":
        phone.hang_up()
        peer.wait("CALL_CLOSED")
    else:
        peer.hang_up()
        phone.panel.wait_text("they hung up")
    phone.wait_idle()


def they_hold(phone, peer, seconds=0.5):
    """The peer holds the call for a while."""
    peer.hold()
    phone.panel.wait_text("they hold")
    time.sleep(seconds)
    peer.resume()
    phone.wait_talking()


def we_hold(phone, seconds=0.5):
    """The phone holds it."""
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    time.sleep(seconds)
    phone.panel.press("hold")
    phone.wait_talking()


def heard(phone, seconds=2.0):
    """What comes out of the phone's speaker for a while: (rate, samples)."""
    recording = phone.panel.record()
    time.sleep(seconds)
    return recording.stop()


def assert_tone(sound, what):
    rate, samples = sound
    heard = measure.loud_part(samples, rate, 0.3)
    assert len(heard) > rate, f"{what}: only {len(heard) / rate:.2f} s of sound"
    tone = measure.measure_tone(heard, rate)
    print(f"{what}: {tone.frequency:.2f} Hz, {tone.snr_db:.1f} dB, {len(heard) / rate:.1f} s")
    assert abs(tone.frequency - TONE_HZ) < 1.0, f"{what}: {tone}"
    assert tone.snr_db > SNR_MIN_DB, f"{what}: {tone}"


@pytest.mark.parametrize("who", ["phone", "peer"])
@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("codec", CODECS)
def test_call_with_a_tone_each_way(phone, plain, peer, capture, codec, direction, who):
    other = peer(codec)
    set_up(phone, other, direction)
    recording = phone.panel.record()
    phone.panel.play((16000, measure.tone(TONE_HZ, 10, 16000)))
    time.sleep(2.4)
    rate, samples = recording.stop()
    phone.panel.wait_text(codec)
    hang_up(phone, other, who)
    phone.panel.silence()
    assert rate == RATES[codec]
    assert_tone((rate, samples), "heard by the phone")
    assert_tone(other.recordings()[-1], "heard by baresip")


def test_phone_rejects(phone, peer, capture):
    other = peer()
    other.dial(phone.uri)
    phone.panel.wait_text("call from")
    phone.hang_up()
    event = other.wait("CALL_CLOSED")
    assert "603" in event["param"], event
    phone.wait_idle()


def test_peer_rejects(phone, peer, capture):
    other = peer()
    phone.dial(other.uri)
    other.wait("CALL_INCOMING")
    other.hang_up()
    phone.panel.wait_text(r"\b(486|603|480)\b|busy|declined|refused")
    phone.wait_idle()


def test_phone_cancels_while_it_rings(phone, peer, capture):
    other = peer()
    phone.dial(other.uri)
    other.wait("CALL_INCOMING")
    phone.panel.wait_text("rings there")
    phone.hang_up()
    other.wait("CALL_CLOSED")
    phone.wait_idle()
    statuses = {row[0] for row in tshark(capture.stop(), "sip.Status-Code", "sip.Status-Code")}
    assert "487" in statuses


def test_peer_cancels_while_it_rings(phone, peer, capture):
    other = peer()
    other.dial(phone.uri)
    phone.panel.wait_text("call from")
    other.hang_up()
    phone.panel.wait_text("gave up")
    phone.wait_idle()
    phone.panel.wait_text("missed")


def test_phone_is_busy_with_two_calls(phone, peer, capture):
    other = peer(max_calls=6)
    other.dial(phone.uri)
    phone.answer()
    other.wait("CALL_ESTABLISHED")
    other.dial(phone.uri)
    phone.panel.wait_text("waiting")
    other.forget_events()
    other.dial(phone.uri)
    event = other.wait("CALL_CLOSED")
    assert "486" in event["param"], event
    other.process.stop()
    # The peer is gone without a word: both calls end by our keys.
    phone.wait_idle(20)


def test_peer_is_busy(phone, peer, capture, peer_host):
    other = peer(max_calls=1, auto_answer=True)
    phone.dial(other.uri)
    other.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    phone.panel.press("line2")
    phone.panel.dial(other.uri)
    phone.panel.press("call")
    phone.panel.wait_text(r"486|busy")
    phone.panel.press("hangup")
    phone.wait_idle()


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_phone_holds_and_resumes(phone, plain, peer, capture, codec):
    other = peer(codec)
    set_up(phone, other, "out")
    phone.panel.play((16000, measure.tone(TONE_HZ, 30, 16000)))
    time.sleep(1.5)
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    phone.panel.wait_lamp("line1", "flash")
    time.sleep(0.3)
    rate, samples = heard(phone, 1.2)
    assert not len(measure.loud_part(samples, rate, 0.0)), "sound in the speaker while on hold"
    phone.panel.press("hold")
    phone.wait_talking()
    sound = heard(phone, 2.4)
    hang_up(phone, other, "phone")
    phone.panel.silence()
    assert_tone(sound, "heard by the phone after the hold")
    streams = rtp_streams(capture.stop())
    voice = [stream for stream in streams if f"[{ADDRESS}]" in stream.destination]
    assert max(stream.longest_gap_s for stream in voice) > 1.0, "voice went out while on hold"
    # baresip's own recorder does not go on after a hold: what it was sent is judged.
    octets = rtp_payload(capture.path, ADDRESS, {"PCMU": 0, "G722": 9}[codec], 3.0)
    assert_tone(decode(codec, octets), "sent to baresip after the hold")
    offers = tshark(capture.path, 'sip.Method == "INVITE"', "sdp.media_attr")
    assert any(re.search("sendonly|inactive", row[0]) for row in offers), offers


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_peer_holds_and_resumes(phone, plain, peer, capture, codec):
    other = peer(codec)
    set_up(phone, other, "in")
    phone.panel.play((16000, measure.tone(TONE_HZ, 30, 16000)))
    time.sleep(1.0)
    they_hold(phone, other, 1.0)
    sound = heard(phone, 2.4)
    hang_up(phone, other, "peer")
    phone.panel.silence()
    assert_tone(sound, "heard by the phone after the hold")


def test_two_lines(phone, peer, capture):
    """A second call goes out while the first waits; the lines are switched, both end."""
    other = peer(auto_answer=True)
    phone.dial(other.uri)
    phone.wait_talking()
    phone.panel.press("line2")
    phone.panel.wait_lamp("line1", "flash")
    phone.panel.dial(other.uri)
    phone.panel.press("call")
    phone.panel.wait_text(r"talking +line 2")
    phone.panel.press("line1")
    phone.panel.wait_text(r"talking +line 1")
    phone.panel.wait_lamp("line2", "flash")
    phone.hang_up()
    other.wait("CALL_CLOSED")
    phone.wait_idle()
    other.wait("CALL_CLOSED")
