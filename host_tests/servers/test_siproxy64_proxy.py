# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls between a phone and a stranger in proxy mode, UDP and TCP, through either program."""

import socket

import pytest

from host_tests.servers.mirror_house import (
    PHONE,
    PHONE_SEEN,
    Mirror,
    Neighbourhood,
    Router,
    line_of,
    open_lab,
    talk,
)

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]
OWN = "192.0.2.206"
STRANGER = "2001:db8:1::5e"


@pytest.fixture(scope="module", params=(Mirror, Router), ids=("python", "router"))
def here(request):
    """A neighbourhood whose mirror runs, with a host in it that is not mapped."""
    with open_lab() as lab:
        place = Neighbourhood(lab, request.param)
        place.mirror.host.set_address(OWN, 24, "house")
        place.peer_host.set_address(STRANGER, 64)
        place.secret = place.mirror.folder / "secret"
        place.lines = [
            f"default 4to6 {OWN} proxy",
            f"secret {place.secret}",
            "limit strangers 100",
        ]
        place.mirror.start(place.lines)
        yield place


@pytest.fixture(params=(socket.SOCK_DGRAM, socket.SOCK_STREAM), ids=("udp", "tcp"))
def pair(request, here):
    """(phone, stranger)."""
    phone = here.telephone(here.phone_host, PHONE, kind=request.param)
    stranger = here.telephone(here.peer_host, STRANGER, kind=request.param)
    with phone, stranger:
        yield phone, stranger


def routes(text):
    """The Record-Route values of a message, in order."""
    lines = text.partition("\r\n\r\n")[0].split("\r\n")
    return [line.partition(": ")[2] for line in lines if line.startswith("Record-Route:")]


def in_dialog(method, one, where, number, text, uri, route_set, swap=False):
    """Send a request within the call that a message set up."""
    from_, to = line_of(text, "From:")[6:], line_of(text, "To:")[4:]
    if ";tag=" not in to:
        to += ";tag=b"
    if swap:
        from_, to = to, from_
    head = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{one.transport} {one.literal}:{one.port};branch=z9hG4bK{method}{number}",
        "Max-Forwards: 70",
        *[f"Route: {route}" for route in route_set],
        f"From: {from_}",
        f"To: {to}",
        line_of(text, "Call-ID:"),
        f"CSeq: {number} {method}",
    ]
    one.send("\n".join(head) + "\n\n", where)


def set_up(caller, callee, where, uri, seen):
    """A call as far as ACK; (offer as the callee saw it, answer as the caller saw it)."""
    caller.invite(where, uri=uri)
    offer, source = callee.receive("INVITE ")
    assert source[0] == seen
    callee.answer(offer, source, "180 Ringing")
    caller.receive("SIP/2.0 180")
    callee.answer(offer, source, body=callee.sdp())
    answer, _ = caller.receive("SIP/2.0 200")
    contact = line_of(answer, "Contact:").partition("<")[2].rstrip(">")
    in_dialog("ACK", caller, where, 1, answer, contact, routes(answer)[::-1])
    callee.receive("ACK ")
    return offer, answer


def test_stranger_calls(here, pair):
    """The phone sees the own address, voice flows, and the phone hangs up."""
    phone, stranger = pair
    offer, answer = set_up(stranger, phone, PHONE_SEEN, "", OWN)
    assert line_of(offer, "c=") == f"c=IN IP4 {OWN}"
    assert line_of(answer, "c=") == f"c=IN IP6 {PHONE_SEEN}"
    talk(stranger, phone, answer, offer)
    uri = line_of(offer, "Contact:").partition("<")[2].rstrip(">")
    in_dialog("BYE", phone, OWN, 2, offer, uri, routes(offer), swap=True)
    bye, source = stranger.receive("BYE ")
    assert source[0] == PHONE_SEEN
    stranger.answer(bye, source)
    phone.receive("SIP/2.0 200")


def test_phone_calls_and_the_program_starts_anew(here, pair):
    """The key in the file keeps the call: its caller hangs up by another process."""
    phone, stranger = pair
    offer, answer = set_up(phone, stranger, OWN, f"sip:bob@{stranger.literal}", PHONE_SEEN)
    assert line_of(answer, "c=") == f"c=IN IP4 {OWN}"
    talk(phone, stranger, answer, offer)
    if phone.kind == socket.SOCK_DGRAM:  # connections do not outlive it
        assert here.secret.stat().st_mode & 0o777 == 0o600
        here.fresh(*here.lines)
    uri = line_of(answer, "Contact:").partition("<")[2].rstrip(">")
    in_dialog("BYE", phone, OWN, 2, answer, uri, routes(answer)[::-1])
    bye, source = stranger.receive("BYE ")
    stranger.answer(bye, source)
    phone.receive("SIP/2.0 200")


def test_forged(here):
    """A Route that nobody gave is answered 403 and counted."""
    with here.telephone(here.peer_host, STRANGER) as stranger:
        text = "From: <sip:a@example.org>;tag=a\nTo: <sip:b@example.org>;tag=b\nCall-ID: forged\n"
        route = f"<sip:[{PHONE_SEEN}];lr;p64={'a' * 36}>"
        in_dialog("BYE", stranger, PHONE_SEEN, 2, text, f"sip:100@[{PHONE_SEEN}]", [route])
        stranger.receive("SIP/2.0 403")
    assert here.counter("forged") == 1
