# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls through siproxy64 as a process: signalling and media between namespaces, UDP and TCP."""

import os
import socket

import pytest

from host_tests.servers.mirror_house import (
    PEER,
    PEER_SEEN,
    PHONE,
    PHONE_SEEN,
    Neighbourhood,
    call,
    hang_up,
    line_of,
    open_lab,
    talk,
)

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]


@pytest.fixture(scope="module")
def here():
    """A neighbourhood whose mirror runs."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with open_lab() as lab:
        place = Neighbourhood(lab)
        place.mirror.start(["log calls on"])
        yield place


@pytest.fixture(params=(socket.SOCK_DGRAM, socket.SOCK_STREAM), ids=("udp", "tcp"))
def pair(request, here):
    """(phone, peer) by UDP, then by TCP."""
    phone = here.telephone(here.phone_host, PHONE, kind=request.param)
    peer = here.telephone(here.peer_host, PEER, kind=request.param)
    with phone, peer:
        yield phone, peer


def test_phone_calls(here, pair):
    """The peer sees the phone's representation everywhere, and voice keeps its ports."""
    phone, peer = pair
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    assert offer.startswith(f"INVITE sip:bob@[{PEER}] SIP/2.0\r\n")
    assert line_of(offer, "Contact:") == f"Contact: <sip:alice@[{PHONE_SEEN}]:5060>"
    assert line_of(offer, "c=") == f"c=IN IP6 {PHONE_SEEN}"
    assert line_of(offer, "m=") == f"m=audio {phone.voice_port} RTP/AVP 0"
    assert line_of(offer, "Max-Forwards:") == "Max-Forwards: 69"
    assert line_of(answer, "c=") == f"c=IN IP4 {PEER_SEEN}"
    assert line_of(answer, "m=") == f"m=audio {peer.voice_port} RTP/AVP 0"
    talk(phone, peer, answer, offer)
    phone.say(b"x", answer)
    assert peer.hear()[1] == (PHONE_SEEN, phone.voice_port)
    hang_up(phone, peer, PEER_SEEN, call_id)


def test_peer_calls(here, pair):
    phone, peer = pair
    call_id, offer, answer = call(peer, phone, PHONE_SEEN, PEER_SEEN)
    assert line_of(offer, "c=") == f"c=IN IP4 {PEER_SEEN}"
    talk(peer, phone, answer, offer)
    hang_up(peer, phone, PHONE_SEEN, call_id)


def test_sipp_calls(here):
    """SIPp's own scenarios, IPv4 to IPv6: 20 calls, none fails."""
    callee = here.peer_host.start(
        ["sipp", "-sn", "uas", "-i", PEER, "-p", "5060", "-nostdin"], cwd=here.lab.folder
    )
    try:
        out = here.phone_host.run(
            ["sipp", "-sn", "uac", "-i", PHONE, "-p", "5060", "-m", "20", "-r", "20", "-d", "100",
             "-nostdin", "-timeout", "20", PEER_SEEN]
        )  # fmt: skip
    finally:
        callee.stop()
    assert "20" in line_of(out.replace("  ", " "), " Successful call")
