# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls through either program between namespaces: signalling, media, SIGHUP, ranges, rights."""

import random
import re
import socket
from pathlib import Path

import pytest

from host_tests.servers.mirror_house import (
    OTHER_PHONE,
    PEER,
    PEER_SEEN,
    PHONE,
    PHONE_SEEN,
    Mirror,
    Neighbourhood,
    Router,
    call,
    hang_up,
    line_of,
    open_lab,
    talk,
)
from tools.lab.namespace import netlink

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]


@pytest.fixture(scope="module", params=(Mirror, Router), ids=("siproxy64", "siproxy64-router"))
def place(request):
    """A neighbourhood with either program, not yet started."""
    with open_lab() as lab:
        yield Neighbourhood(lab, request.param)


def test_phone_calls(place, pair):
    """The peer sees the phone's representation everywhere, and voice keeps its ports."""
    phone, peer = pair
    place.fresh()
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


def test_peer_calls(place, pair):
    phone, peer = pair
    place.fresh()
    call_id, offer, answer = call(peer, phone, PHONE_SEEN, PEER_SEEN)
    assert line_of(offer, "c=") == f"c=IN IP4 {PEER_SEEN}"
    talk(peer, phone, answer, offer)
    hang_up(peer, phone, PHONE_SEEN, call_id)


def test_sipp_calls(place):
    """SIPp's own scenarios, IPv4 to IPv6: 40 calls, none fails."""
    place.fresh("limit streams-per-party 64")
    callee = place.peer_host.start(
        ["sipp", "-sn", "uas", "-i", PEER, "-p", "5060", "-nostdin"], cwd=place.lab.folder
    )
    try:
        out = place.phone_host.run(
            ["sipp", "-sn", "uac", "-i", PHONE, "-p", "5060", "-m", "40", "-r", "40", "-d", "100",
             "-nostdin", "-timeout", "20", PEER_SEEN]
        )  # fmt: skip
    finally:
        callee.stop()
    assert re.search(r"Successful call +\| +\d+ +\| +40 ", out)


def test_hup_in_a_call(place, phones):
    """The old instance keeps the voice of its call, a new one takes the next call."""
    phone, peer = phones
    place.fresh("limit silence 2")
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    old = place.mirror.process
    place.signal("SIGHUP")
    old.wait_output(r"the SIP ports are free, 1 calls", 5)
    old_log = old.log.rename(old.log.with_suffix(".old"))
    place.mirror.start(["limit silence 2"])
    talk(phone, peer, answer, offer)
    assert old.running()
    with place.telephone(place.phone_host, PHONE, 5062) as second:
        second_call, second_offer, second_answer = call(second, peer, PEER_SEEN, PHONE_SEEN)
        assert line_of(second_offer, "Contact:") == f"Contact: <sip:alice@[{PHONE_SEEN}]:5062>"
        talk(second, peer, second_answer, second_offer)
        hang_up(second, peer, PEER_SEEN, second_call)
    hang_up(phone, peer, PEER_SEEN, call_id)  # its end passes by the new one
    assert old.wait(10) == 0
    assert "the last call has ended" in old_log.read_text()
    assert place.counter("passed") == 8


def test_media_of_strangers(place, phones):
    """Voice from an address that was not negotiated goes nowhere."""
    phone, peer = phones
    place.fresh()
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    with place.telephone(place.phone_host, OTHER_PHONE) as stranger:
        stranger.say(b"listen to me", answer)
        assert peer.hears_nothing()
    talk(phone, peer, answer, offer)
    hang_up(phone, peer, PEER_SEEN, call_id)


def test_media_is_as_it_was(place, phones):
    """Octets, DSCP and ECN of each datagram come out as they went in, both ways."""
    phone, peer = phones
    place.fresh()
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    peer.voice.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    phone.voice.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
    rows = ((0xB8, 172), (0xB9, 0), (0, 1), (0x02, 1432), (0xBB, 8192))
    for traffic_class, length in rows:
        data = random.Random(length).randbytes(length)
        for one, sdp, other in ((phone, answer, peer), (peer, offer, phone)):
            one.say(data, sdp, traffic_class)
            other.voice.settimeout(5)
            got, ancillary, _, _ = other.voice.recvmsg(65535, 100)
            assert (got, ancillary[0][2][0]) == (data, traffic_class)
    hang_up(phone, peer, PEER_SEEN, call_id)


def reached(place, seen, one, far, back):
    """Calls by UDP and TCP for one of a range. one, far: (host, address); back: what far is."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        callee = place.telephone(*one, kind=kind)
        caller = place.telephone(*far, 5061, kind=kind)
        with callee, caller:
            call_id, offer, answer = call(caller, callee, seen, back)
            talk(caller, callee, answer, offer)
            assert line_of(answer, "c=") == f"c=IN {caller.type} {seen}"
            hang_up(caller, callee, seen, call_id)


def test_range(place):
    """One line shows sixteen phones under addresses that the machine got by AnyIP."""
    place.phone_host.set_address("192.0.2.37", 24)
    with netlink(place.peer_host.netns) as ip:
        ip.route("add", dst="2001:db8:64::/64", gateway="2001:db8:1::64")
    place.fresh("map 192.0.2.32/28 = 2001:db8:64::20/124", "anyip on")
    one, far = (place.phone_host, "192.0.2.37"), (place.peer_host, PEER)
    reached(place, "2001:db8:64::25", one, far, PEER_SEEN)
    with place.telephone(place.peer_host, PEER) as peer:
        peer.options("2001:db8:64::31", call_id="outside")
        assert peer.silent(0.2)


def test_range_of_peers(place):
    """Sixteen peers by a line that a reload brings, when the process is nobody already."""
    place.peer_host.set_address("2001:db8:1::105", 64)
    with netlink(place.phone_host.netns) as ip:
        ip.route("add", dst="198.51.100.0/28", gateway=PEER_SEEN)
    place.fresh("user nobody", "anyip on")
    text = place.mirror.config.read_text()
    place.mirror.config.write_text(text + "map 2001:db8:1::100/124 = 198.51.100.0/28\n")
    assert place.command("reload") == (0, "read again\n")
    one, far = (place.peer_host, "2001:db8:1::105"), (place.phone_host, PHONE)
    reached(place, "198.51.100.5", one, far, PHONE_SEEN)


def test_rights_and_end(place, phones):
    """After the start it is nobody, without capabilities, and serves; TERM leaves nothing."""
    phone, peer = phones
    place.fresh("user nobody", "plane portable")
    process = Path(f"/proc/{place.mirror.process.pid}/status").read_text()
    assert line_of(process, "Uid:").split()[1:] == ["65534"] * 4
    assert line_of(process, "Groups:").split()[1:] == []
    assert int(line_of(process, "CapPrm:").split()[1], 16) == 0
    assert int(line_of(process, "NoNewPrivs:").split()[1]) == 1
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    place.signal("SIGTERM")
    assert place.mirror.process.wait(5) == 0
    phone.say(b"x", answer)
    assert peer.hears_nothing(0.1)
    place.mirror.process = None


def test_a_long_answer(place):
    """What the control socket has to say is longer than what a socket takes at once."""
    place.fresh()
    text = place.mirror.config.read_text()
    place.mirror.config.write_text(text + "x blue\n" + ("y" * 300 + " red\n") * 1500)
    code, out = place.command("reload")
    assert code == 1 and "line 4: x:" in out and "line 1504: yy" in out
    assert len(out) > 450_000
    place.mirror.config.write_text(text)
    assert place.command("reload") == (0, "read again\n")
