# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""SIPp with IPv4 alone through siproxy64: early media, late offers, forks; 1,000 calls."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.signalling import PROXY, SCENARIOS, SIPP
from host_tests.interop.test_forking import (
    PORTS,
    test_both_answer,  # noqa: F401  these run here with the sipp and the team below
    test_early_media_of_one_and_the_answer_of_the_other,  # noqa: F401
)
from host_tests.interop.test_sipp_out import test_early_media_is_heard  # noqa: F401
from tools.lab import Kamailio, SIPp
from tools.lab.capture import tshark
from tools.lab.pcap import rtp_streams

CALLS, RATE = 1000, 120
LINGER_S = 12.0  # ports stay for some seconds after a call
GROWTH_MAX_KB = 1500  # of the second half of the calls


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """What is new here is the mirror, so that one board does."""
    return phones.get(request.param)


@pytest.fixture
def sipp(house_sipp, house_capture):
    """What the tests of others have as their SIPp, here beyond the mirror."""
    return house_sipp


@pytest.fixture
def team(proxy_host, mirror):
    """The URI of a user whose calls go to both ports of SIPp's host in the house."""
    branches = [mirror.uri(f"sip:sipp@192.0.2.13:{port}") for port in PORTS]
    running = Kamailio(proxy_host, PROXY, {}, forks={"team": branches})
    yield f"sip:team@[{PROXY}]"
    running.close()


def test_late_offer(phone, caller, capture):
    """The INVITE has no description: the offer comes in the 200, the answer in the ACK."""
    other = caller("uac_late_offer")
    phone.answer()
    phone.wait_talking()
    other.wait()
    phone.wait_idle()


def test_held_by_re_invite(phone, caller, capture):
    other = caller("uac_hold")
    phone.answer()
    phone.panel.wait_text("they hold")
    other.wait()
    phone.wait_idle()


def test_held_by_re_invite_without_an_address(phone, plain, caller, capture, house_capture):
    """c=IN IP4 0.0.0.0 is a name under .invalid in IPv6 (RFC 6157 section 4.1), and a hold."""
    other = caller("uac_hold_without_address", keys={"nowhere": "0.0.0.0", "says_so": "true"})
    phone.answer()
    phone.wait_talking()
    phone.panel.wait_text("they hold")
    phone.wait_talking()
    other.wait()
    phone.panel.wait_text("they hung up")
    phone.wait_idle()
    offers = 'sip.Method == "INVITE"'
    held = tshark(house_capture.stop(), offers, "sdp.connection_info")
    assert [row[0] for row in held][1] == "IN IP4 0.0.0.0", held
    seen = [row[0] for row in tshark(capture.stop(), offers, "sdp.connection_info")]
    assert seen[1] == "IN IP6 hold.invalid" and seen[0] == seen[2], seen
    streams = rtp_streams(capture.path)
    (ours,) = [one for one in streams if phone.address in one.source and one.received > 20]
    assert ours.longest_gap_s > 0.8, "voice went out while they held"


@pytest.mark.timeout(180)
def test_a_thousand_calls(mirror, sipp_host, house_sipp):
    """No call fails, and none leaves a socket or memory behind."""
    before = mirror.descriptors()
    used = []
    for number in range(2):
        more = {"calls": CALLS // 2, "port": 5060, "trace": False}
        with SIPp(sipp_host, SIPP, SCENARIOS / "uas_series.xml", **more):
            options = ("-r", str(RATE), "-l", "500")
            calling = house_sipp(
                "uac_series",
                remote=SIPP,
                remote_port=5060,
                keys={"pause": 400},
                options=options,
                **{**more, "port": 5070 + 2 * number},
            )
            calling.wait(60.0)
        mirror.wait_descriptors(before, LINGER_S)
        used.append(mirror.memory())
    time.sleep(0.1)
    print(f"resident after {CALLS // 2} and {CALLS} calls: {used} kB")
    assert used[1] - used[0] < GROWTH_MAX_KB, used
