# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: programs in a lab
"""Peers of other makers on both sides of siproxy64, none of our phones; all their keys."""

import time

import pytest

from host_tests.interop.annex import BEHIND, LINPHONE_HEX, OWN6, SEEN
from host_tests.interop.fixtures import PEER_ADDRESS
from host_tests.interop.test_baresip import assert_tone
from tools.lab import Linphone
from tools.lab.capture import tshark
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

WHOLE = f"map 0.0.0.0/0 = {BEHIND}/96"
IN_IPV6 = "2001:db8:1::1f"


@pytest.fixture
def second(lab):
    """Makes a linphone with IPv6."""
    made = []

    def make(**more):
        host = lab.hosts.get("linphone6") or lab.host("linphone6", address=IN_IPV6, slaac=False)
        host.set_default_route(OWN6)
        sound = speech_file(TOP / "build/speech", 8000)
        made.append(Linphone(host, sound, address=IN_IPV6, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("keys", ["zrtp", "dtls", "srtp"])
def test_keys_from_end_to_end(start, annex_linphone, second, capture, keys):
    """What linphone knows to agree on keys: ZRTP, DTLS (RFC 5764), SDP (RFC 4568)."""
    capture.forgiven = "rtcp || srtcp"  # protected, it looks like RTCP
    start(WHOLE, f"map {IN_IPV6} = {SEEN}")
    more = {"encryption": keys, "mandatory": keys != "zrtp"}
    one, two = annex_linphone(**more), second(**more)
    for caller, callee, uri in (
        (one, two, f"sip:linphone@{SEEN}"),
        (two, one, f"sip:linphone@[{BEHIND}{LINPHONE_HEX}]"),
    ):
        caller.dial(uri)
        callee.wait_state("incoming")
        callee.answer()
        for peer in (one, two):
            peer.wait_state("running")
            peer.wait(lambda seen: seen["encryption"] == keys)
        if keys == "zrtp":
            assert one.wait_sas()["sas"] == two.wait_sas()["sas"]
        time.sleep(1.0)
        callee.hang_up()
        caller.wait_over()
    for peer in (one, two):
        peer.close()
        rate, samples = peer.recording()
        assert abs(samples).max() > 1000, "nothing was heard"
    assert tshark(capture.stop(), "sip", "sip.Method")


def test_two_peers_of_other_makers(start, annex_linphone, peer, peer_host, capture):
    """A baresip with IPv6 and a linphone with IPv4: none of our phones is there."""
    peer_host.set_route(BEHIND + "/64", OWN6)
    start(WHOLE, f"map {PEER_ADDRESS} = {SEEN}")
    one, two = annex_linphone(encryption="none"), peer()
    one.dial(f"sip:peer@{SEEN}")
    two.wait("CALL_INCOMING")
    two.answer()
    one.wait_state("running")
    time.sleep(2.4)
    two.hang_up()
    one.wait_over()
    rate, samples = two.recordings()[-1]
    assert abs(samples).max() > 1000, "baresip heard nothing"
    two.dial(f"sip:linphone@[{BEHIND}{LINPHONE_HEX}]")
    one.wait_state("incoming")
    one.answer()
    two.wait("CALL_ESTABLISHED")
    time.sleep(1.0)
    one.hang_up()
    two.wait("CALL_CLOSED")
    one.close()
    assert_tone(one.recording(), "heard by linphone")
