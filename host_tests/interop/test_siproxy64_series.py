# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: programs in a lab
"""Two siproxy64s in series: two IPv4-only houses with IPv6 between them."""

import time

import pytest

from host_tests.interop.peers import tone_file
from host_tests.interop.test_baresip import assert_tone
from tools.lab import Baresip, House, Linphone
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

FIRST, SECOND = "192.0.2.11", "198.51.100.11"
IN_IPV6 = ("2001:db8:1::a:11", "2001:db8:1::b:11")  # what the two are there
IN_HOUSES = ("198.51.100.71", "192.0.2.71")  # FIRST in the second house, SECOND in the first


@pytest.fixture(scope="module")
def mirrors(lab):
    """One mirror for each house."""
    made = []
    for name, prefix, address in (
        ("west", "192.0.2.0/24", "2001:db8:1::a"),
        ("east", "198.51.100.0/24", "2001:db8:1::b64"),
    ):
        house = House(lab, name, prefix)
        made.append((house, house.mirror(f"{name}-mirror", address)))
    for (house, mirror), own, (shown, other), seen in zip(
        made, (FIRST, SECOND), (IN_IPV6, IN_IPV6[::-1]), IN_HOUSES[::-1]
    ):
        house.host("phone", address=own)
        mirror.map(own, shown)
        mirror.map(other, seen)
        mirror.start()
    yield made
    for _, mirror in made:
        mirror.stop()


def test_zrtp_through_both(mirrors, capture):
    """Two linphones, each in its house: one SAS, kept by a hold."""
    sound = speech_file(TOP / "build/speech", 8000)
    one, two = (
        Linphone(house.hosts["phone"], sound, address=address)
        for (house, _), address in zip(mirrors, (FIRST, SECOND))
    )
    try:
        one.dial(f"sip:linphone@{IN_HOUSES[1]}")
        two.wait_state("incoming")
        two.answer()
        sas = one.wait_sas()["sas"]
        assert two.wait_sas()["sas"] == sas
        two.hold()
        one.wait_state("paused-by-remote")
        two.resume()
        for peer in (one, two):
            peer.wait_state("running")
            assert peer.wait_sas()["sas"] == sas
        one.hang_up()
        two.wait_over()
    finally:
        one.close()
        two.close()


def test_a_call_through_both(mirrors, capture):
    """Neither house knows of IPv6, and both hear the tone of the other."""
    (west, first_mirror), (east, second_mirror) = mirrors
    places = [(west, FIRST), (east, SECOND)]
    one, two = (
        Baresip(house.hosts["phone"], address, tone_file(8000)) for house, address in places
    )
    try:
        one.dial(f"sip:peer@{IN_HOUSES[1]}:5060")
        event = two.wait("CALL_INCOMING")
        assert IN_HOUSES[0] in event["peeruri"], event
        one.wait("CALL_RINGING")
        two.answer()
        one.wait("CALL_ESTABLISHED")
        time.sleep(2.4)
        two.hang_up()
        one.wait("CALL_CLOSED")
        for name, peer in (("the first", one), ("the second", two)):
            assert_tone(peer.recordings()[-1], f"heard by {name}")
        for mirror in (first_mirror, second_mirror):
            assert mirror.process.running()
    finally:
        one.close()
        two.close()
