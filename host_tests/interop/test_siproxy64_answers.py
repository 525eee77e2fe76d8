# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Through siproxy64: forks and early media of calls from the house, late offers to it."""

import time
from functools import partial

import pytest

from host_tests.interop.fixtures import TONE_HZ
from host_tests.interop.signalling import PROXY, SIPP, tone
from host_tests.interop.test_linphone import same_sas
from tools.lab import Kamailio, measure
from tools.lab.capture import tshark
from tools.lab.codec import decode
from tools.lab.pcap import rtp_payload, rtp_streams

PORTS = (5080, 5082)  # of SIPp, each with a branch


@pytest.fixture
def team(proxy_host, mirror):
    """Makes the URI, as the house has it, of a user whose calls go to several URIs at once."""
    made = []

    def make(*uris):
        made.append(Kamailio(proxy_host, PROXY, {}, forks={"team": uris}))
        return f"sip:team@{mirror.counterpart(PROXY)}"

    yield make
    for found in made:
        found.close()


@pytest.fixture(params=["baresip", "linphone"])
def caller(request):
    """A peer in the house, and what waits until it rings, until it talks, for the end."""
    return CALLERS[request.param](request.getfixturevalue)


def baresip(fixture):
    one = fixture("house_baresip")(name="phone")  # whom the scenarios call
    events = ("CALL_INCOMING", "CALL_ESTABLISHED", "CALL_CLOSED")
    return one, *(partial(one.wait, event) for event in events)


def linphone(fixture):
    one = fixture("house_linphone")(encryption="none")
    waits = [partial(one.wait_state, state) for state in ("incoming", "running")]
    return one, *waits, one.wait_over


CALLERS = {"baresip": baresip, "linphone": linphone}


def sounds(path, address):
    """Frequencies of the voice to an address, of its first and last second in a capture."""
    octets = rtp_payload(path, address, 0)
    assert len(octets) > 16000, [str(one) for one in rtp_streams(path, ipv4=True)]
    out = []
    for part in (octets[:8000], octets[-8000:]):
        rate, samples = decode("PCMU", part)
        out.append(round(measure.measure_tone(samples[rate // 5 :], rate).frequency))
    return out


def test_both_boards_ring_and_one_answers(pair, team, house_linphone, capture, house_capture):
    """The call of an IPv4 phone is forked in IPv6; ZRTP is with the one that answered."""
    host, board = pair
    other = house_linphone()
    other.party.dial(team(host.uri, board.uri))
    for phone in pair:
        phone.panel.wait_text("call from")
    other.wait_state("ringing")
    host.answer()
    host.wait_talking()
    other.wait_state("running")
    board.panel.wait_text("vox6")
    same_sas(host, other)
    host.hang_up()
    other.wait_over()
    host.wait_idle()
    board.wait_idle()


def dial_both(caller, team, first, second):
    """A call from the house to two branches, of which the second one talks; who called."""
    one, _, talks, ends = caller
    one.party.dial(team(*(f"sip:sipp@[{SIPP}]:{port}" for port in PORTS)))
    talks()
    first.wait()
    time.sleep(2.5)
    one.hang_up()
    ends()
    second.wait()
    return one


def test_early_media_of_one_and_the_answer_of_the_other(
    caller, team, sipp, capture, house_capture
):
    first = sipp("uas_branch_early", port=PORTS[0], keys={"sound": tone(440)})
    second = sipp("uas_branch_answers", port=PORTS[1], keys={"sound": tone(TONE_HZ)})
    one = dial_both(caller, team, first, second)
    assert sounds(house_capture.stop(), one.party.host.ipv4) == [440, TONE_HZ]


def test_late_offer_to_the_house(caller, sipp, mirror, capture, house_capture):
    """The INVITE has no description: the offer comes from the house, the answer by the ACK."""
    one, rings, talks, ends = caller
    seen = mirror.counterpart(one.party.host.ipv4)
    other = sipp("uac_late_offer", remote=seen)
    rings()
    one.answer()
    talks()
    other.wait()
    ends()
    assert len(rtp_payload(capture.stop(), SIPP, 0)) > 8000, "no voice came out of the house"


@pytest.mark.parametrize("caller", ["linphone"], indirect=True)  # baresip 1.0 ends no branch
def test_both_answer(caller, team, sipp, capture, house_capture):
    """The branch that answers too late is ended; the other is heard."""
    first = sipp("uas_branch_late", port=PORTS[0])
    second = sipp("uas_branch_answers", port=PORTS[1], keys={"sound": tone(TONE_HZ)})
    one = dial_both(caller, team, first, second)
    assert sounds(house_capture.stop(), one.party.host.ipv4) == [TONE_HZ, TONE_HZ]


def test_held_without_an_address(caller, sipp, mirror, capture, house_capture):
    """A name under .invalid is 0.0.0.0 in the house (RFC 6157 section 4.1), and a hold there."""
    one, rings, talks, ends = caller
    seen = mirror.counterpart(one.party.host.ipv4)
    other = sipp(
        "uac_hold_without_address",
        remote=seen,
        keys={"nowhere": "hold.invalid", "says_so": "false"},
    )
    rings()
    one.answer()
    talks()
    other.wait()
    ends()
    rows = tshark(house_capture.stop(), 'sip.Method == "INVITE"', "sdp.connection_info")
    assert [row[0] for row in rows][1] == "IN IP4 0.0.0.0", rows
    (voice,) = [one for one in rtp_streams(capture.stop()) if f"[{SIPP}]" in one.destination]
    assert voice.longest_gap_s > 0.8, "voice came while it was held"
