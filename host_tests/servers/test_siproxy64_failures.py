# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64 as a process where something is wrong: broken requests, calls that cannot be."""

import random
import socket
import threading
import time

import pytest

from host_tests.servers.mirror_house import (
    OTHER_PHONE,
    OTHER_SEEN,
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

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]


@pytest.fixture(scope="module", params=(Mirror, Router), ids=("siproxy64", "siproxy64-router"))
def place(request):
    """A neighbourhood with a second phone, whose mirror runs: on either interpreter."""
    with open_lab() as lab:
        place = Neighbourhood(lab, request.param)
        place.mirror.add_line(f"map {OTHER_PHONE} = {OTHER_SEEN}")
        place.mirror.start()
        yield place


def ends(telephone):
    """A BYE comes, and is answered; its text."""
    bye, source = telephone.receive("BYE ")
    telephone.answer(bye, source)
    return bye


def elsewhere(telephone):
    """A description whose media host has no counterpart."""
    return telephone.sdp().replace(telephone.address, telephone.address.rpartition(".")[0] + ".99"
                                   if "." in telephone.address else "2001:db8:1::99")  # fmt: skip


def test_another_version_of_sip(pair):
    """505; by TCP it is the last of its connection."""
    phone, _ = pair
    octets = (
        f"OPTIONS sip:bob@{PEER_SEEN} SIP/3.0\r\nVia: SIP/2.0/{phone.transport} {PHONE}:5060;"
        "branch=z9hG4bKv\r\nFrom: <sip:a@x>;tag=a\r\nTo: <sip:b@x>\r\nCall-ID: v\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    if phone.kind == socket.SOCK_DGRAM:
        phone.sip.sendto(octets, (PEER_SEEN, 5060))
        phone.receive("SIP/2.0 505 Version Not Supported\r\n")
    else:
        phone.connect(PEER_SEEN)
        phone.connection.sendall(octets)
        phone.receive("SIP/2.0 505 Version Not Supported\r\n")
        assert phone.connection.recv(1) == b""


def test_a_new_offer_whose_answer_leads_nowhere(pair):
    """The call ends on both sides: neither goes on in one that the other has left."""
    phone, peer = pair
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    phone._request("INVITE", PEER_SEEN, "bob", call_id, 3, ";tag=b", 5060, phone.sdp())
    invite, source = peer.receive("INVITE ")
    peer.answer(invite, source, body=elsewhere(peer))
    refusal, _ = phone.receive("SIP/2.0 488")
    assert line_of(refusal, "CSeq:") == "CSeq: 3 INVITE"
    assert line_of(ends(phone), "Call-ID:") == "Call-ID: " + call_id
    peer.receive("ACK ")
    assert line_of(ends(peer), "CSeq:") == "CSeq: 4 BYE"


def test_an_acknowledgement_that_leads_nowhere(pair):
    """A late offer: the peer has answered, the phone thinks that it has."""
    phone, peer = pair
    call_id = "late-" + phone.transport
    phone._request("INVITE", PEER_SEEN, "bob", call_id, 1, "")
    invite, source = peer.receive("INVITE ")
    peer.answer(invite, source, body=peer.sdp())
    phone.receive("SIP/2.0 200")
    phone._request("ACK", PEER_SEEN, "bob", call_id, 1, ";tag=b", 5060, elsewhere(phone))
    ack, _ = peer.receive("ACK ")
    assert line_of(ack, "Content-Type:") is None and line_of(ack, "Content-Length:").endswith(" 0")
    assert line_of(ends(peer), "From:") == line_of(ack, "From:")
    assert line_of(ends(phone), "From:").endswith(";tag=b")


def test_one_phone_that_takes_too_much(place, pair):
    """Its fourth call of half the streams is told to come later; the other phone's pass."""
    place.fresh("limit streams 6")  # what earlier calls had lingers for 5 s
    phone, peer = pair
    greedy = place.telephone(place.phone_host, OTHER_PHONE, kind=phone.kind)
    with greedy:
        for number in range(4):
            greedy.invite(PEER_SEEN, call_id=f"greedy{number}-{phone.transport}")
            if number < 3:
                invite, source = peer.receive("INVITE ")
        refusal, _ = greedy.receive("SIP/2.0 503")
        assert int(line_of(refusal, "Retry-After:").split()[1]) > 0
    if phone.kind == socket.SOCK_STREAM:
        peer.connection.close()  # it was the greedy one's partner
        peer.connection = None
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    hang_up(phone, peer, PEER_SEEN, call_id)


def test_one_phone_that_talks_nonsense(place):
    """Some 4,000 times a second, in another's call: that is set up, heard and ended."""
    place.fresh("limit messages 300")
    phone, peer = place.pair()
    with phone, peer, place.telephone(place.phone_host, OTHER_PHONE) as broken:
        over = threading.Event()

        def talk_nonsense():
            source = random.Random(4)
            good = b"INVITE sip:bob@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKx\r\n\r\n"
            good %= PEER_SEEN.encode(), OTHER_PHONE.encode()
            while not over.is_set():
                for _ in range(20):
                    at = source.randrange(len(good))
                    data = good[:at] + source.randbytes(source.randrange(9)) + good[at:]
                    broken.sip.sendto(data, (PEER_SEEN, 5060))
                time.sleep(0.005)

        nonsense = threading.Thread(target=talk_nonsense)
        nonsense.start()
        try:
            time.sleep(0.5)
            call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
            talk(phone, peer, answer, offer, 50)
            hang_up(phone, peer, PEER_SEEN, call_id)
        finally:
            over.set()
            nonsense.join()
    assert place.counter("throttled") > 100
    assert place.counter("malformed") + place.counter("refused") > 100


def test_early_media_of_two_branches(place):
    """The caller hears both phones that ring behind one proxy, then the one that answers."""
    phone, peer = place.pair()
    other = place.telephone(place.phone_host, OTHER_PHONE)
    with phone, peer, other:
        call_id = peer.invite(PHONE_SEEN)
        invite, source = phone.receive("INVITE ")
        to = line_of(invite, "To:")
        answers = []
        for tag, one in ((";tag=b", phone), (";tag=c", other)):
            asked = invite.replace(to, to + tag)
            phone.answer(asked, source, "183 Session Progress", one.sdp())
            answers.append(peer.receive("SIP/2.0 183")[0])
        for one in (phone, other):
            one.say(one.address.encode(), invite)
            assert peer.hear()[0] == one.address.encode()
        peer.say(b"to the last", answers[1])
        assert other.hear()[0] == b"to the last" and phone.hears_nothing(0.1)
        phone.answer(invite.replace(to, to + ";tag=b"), source, body=phone.sdp())
        ok, _ = peer.receive("SIP/2.0 200")
        peer.ack(PHONE_SEEN, call_id)
        phone.receive("ACK ")
        other.say(b"too late", invite)
        assert peer.hears_nothing(0.2)
        talk(peer, phone, ok, invite)
        hang_up(peer, phone, PHONE_SEEN, call_id)
