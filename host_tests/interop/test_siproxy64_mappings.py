# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Each way in which siproxy64 shows a party to the other side, with real peers and AnyIP."""

import time

import pytest

from host_tests.interop.annex import (
    BARESIP,
    BEHIND,
    LINPHONE,
    OWN4,
    OWN6,
    SEEN,
)
from host_tests.interop.fixtures import BOARDS
from host_tests.interop.registrar import PASSWORDS, REGISTRAR, hear
from host_tests.interop.test_baresip import assert_tone
from host_tests.interop.test_linphone import hang_up, same_sas
from tools.lab.capture import tshark
from tools.lab.nameserver import Dnsmasq

WHOLE = f"map 0.0.0.0/0 = {BEHIND}/96"


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """One board: what is new here is the mirror."""
    return phones.get(request.param)


def talk(phone, peer, who="phone"):
    """A call with a baresip whose tone the phone hears."""
    peer.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    hear(phone)
    (phone if who == "phone" else peer).hang_up()
    peer.wait("CALL_CLOSED")
    phone.wait_idle()


def called(phone, peer, uri):
    """The phone calls a baresip by a URI; who that sees as its caller."""
    phone.dial(uri)
    event = peer.wait("CALL_INCOMING")
    phone.panel.wait_text("rings there")
    peer.answer()
    return event["peeruri"]


def test_a_whole_family(phone, start, annex_linphone, capture):
    """IPv4 parties that nobody knew in advance, both ways, with ZRTP."""
    start(WHOLE, f"map {phone.address} = {SEEN}")
    other = annex_linphone()
    other.dial(f"sip:phone@{SEEN}")
    phone.answer()
    phone.wait_talking()
    other.wait_state("running")
    same_sas(phone, other)
    hang_up(phone, other)
    phone.dial(f"sip:linphone@[{BEHIND}{LINPHONE}]")
    other.wait_state("incoming")
    other.answer()
    phone.wait_talking()
    same_sas(phone, other)
    hang_up(phone, other, "peer")


def test_a_range(phone, plain, start, annex_baresip, capture):
    """203.0.113.40 is the ninth of its range on either side."""
    start(f"map 203.0.113.32/28 = {BEHIND}20/124", f"map {phone.address} = {SEEN}")
    other = annex_baresip()
    other.dial(f"sip:phone@{SEEN}")
    phone.answer()
    talk(phone, other)
    peer = called(phone, other, f"sip:peer@[{BEHIND}28]")
    assert SEEN in peer, peer
    talk(phone, other, "peer")


def test_a_pool(phone, plain, start, annex_baresip, capture):
    """A stranger gets an IPv4 address for a while, and can be called back by it."""
    for network in (f"{BEHIND}/64", "198.51.100.0/28"):  # as an administrator may do it himself
        start.mirror.serve(network)
    start(f"map {BARESIP} = {BEHIND}28", "pool ::/0 = 198.51.100.0/28", anyip=False)
    other = annex_baresip()
    peer = called(phone, other, f"sip:peer@[{BEHIND}28]")
    talk(phone, other)
    assert "@198.51.100." in peer, peer
    other.dial(peer)
    phone.answer()
    talk(phone, other)


@pytest.fixture
def bob(annex_baresip, kamailio, registrar_host):
    """Makes a baresip with bob's account at kamailio; its outbound proxy is the mirror."""
    registrar_host.set_route(BEHIND + "/64", OWN6)

    def make():
        line = (
            f"<sip:bob@{kamailio.domain}>;regint=60;auth_user=bob;"
            f'auth_pass={PASSWORDS["bob"]};outbound="sip:{OWN4}"'
        )
        return annex_baresip(name="bob", account=line)

    return make


def both_ways(phone, other, domain, account, alice):
    """bob registers and calls alice, as a URI has her; then she calls him."""
    account(PASSWORDS["alice"])
    other.wait_registered()
    phone.panel.wait_text("registered")
    other.dial(alice)
    phone.answer()
    talk(phone, other)
    called(phone, other, f"sip:bob@{domain}")
    talk(phone, other, "peer")


def test_a_next_hop_and_a_name_of_our_own(phone, plain, start, bob, kamailio, account, capture):
    """gate.example is the mirror's name: to IPv6 it means the next hop, as its address does."""
    start(
        f"default 4to6 {OWN4} -> {REGISTRAR}",
        f"name gate.example = {OWN4} / {OWN6}",
        f"map {BARESIP} = {BEHIND}28",
        f"map {phone.address} = {SEEN}",
    )
    both_ways(phone, bob(), kamailio.domain, account, "sip:alice@gate.example")
    invites = f'sip.Method == "INVITE" && ipv6.src == {BEHIND}28'
    (uri, *_), *_ = tshark(capture.stop(), invites, "sip.r-uri")
    assert uri == f"sip:alice@[{REGISTRAR}]"


@pytest.fixture
def names(lab, annex, registrar_host, kamailio):
    """The registrar's host serves DNS as well, and the mirror asks there."""
    server = Dnsmasq(lab.base, registrar_host.netns, lab.folder, "dnsmasq-registrar")
    server.start(
        [
            f"listen-address={REGISTRAR}",
            f"srv-host=_sip._udp.{kamailio.domain},sip.{kamailio.domain},5060",
            f"host-record=sip.{kamailio.domain},{REGISTRAR}",
            "local=/example/",
        ]
    )
    path = annex.folder / "resolv-mirror.conf"
    path.write_text(f"nameserver {REGISTRAR}\n")
    annex.gate.env["VOX6_RESOLV_CONF"] = str(path)
    yield server
    del annex.gate.env["VOX6_RESOLV_CONF"]
    server.stop()


def test_a_route_by_dns(phone, plain, start, names, bob, kamailio, account, capture):
    """The mirror finds the registrar by SRV and AAAA, and gives all who come an address."""
    start(
        f"default 4to6 {OWN4}",
        "pool ::/0 = 198.51.100.0/28",
        "unmapped pool",
        f"map {BARESIP} = {BEHIND}28",
    )
    both_ways(phone, bob(), kamailio.domain, account, f"sip:alice@{kamailio.domain}")
    assert f"_sip._udp.{kamailio.domain}" in names.output()


def test_names_in_proxy_mode(phone, plain, start, names, bob, kamailio, account, capture):
    """As before, but nobody of IPv6 has an address there: all are seen at the mirror's own."""
    start(f"default 4to6 {OWN4} proxy", f"map {BARESIP} = {BEHIND}28", "limit strangers 100")
    both_ways(phone, bob(), kamailio.domain, account, f"sip:alice@{kamailio.domain}")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_strangers_at_one_address(phone, plain, start, annex_baresip, capture, transport):
    """Proxy mode: a stranger calls and is called; holds of both sides, either ends one.

    The house's outbound proxy is the mirror, and the URI that it calls has an IPv6 address.
    """
    start(f"default 4to6 {OWN4} proxy", f"map {BARESIP} = {BEHIND}28", "limit strangers 100")
    by = f";transport={transport}"
    line = f'<sip:peer@{BARESIP}{by}>;regint=0;outbound="sip:{OWN4}{by}"'
    other = annex_baresip(account=line)
    called(phone, other, f"sip:peer@[{BEHIND}28]{by}")
    other.wait("CALL_ESTABLISHED")
    phone.wait_talking()
    other.hold()
    phone.panel.wait_text("they hold")
    other.resume()
    phone.wait_talking()
    time.sleep(0.3)
    phone.panel.press("hold")
    phone.panel.wait_text("on hold")
    phone.panel.press("hold")
    phone.wait_talking()
    hear(phone)
    other.hang_up()
    phone.wait_idle()
    other.forget_events()
    other.dial(f"sip:phone@[{phone.address}]{by}")
    phone.answer()
    talk(phone, other)
    unwanted = {"udp": "tcp", "tcp": "udp"}[transport]
    assert not tshark(capture.stop(), f"sip && {unwanted}")


def test_a_stranger_of_another_maker(start, annex_linphone, peer, peer_host, capture):
    """Proxy mode: a baresip with IPv6, whose own URI has a domain, calls linphone.

    linphone takes its own address from Contact and From: with IPv6 there its answer is of no use.
    """
    peer_host.set_route(BEHIND + "/64", OWN6)
    start(
        f"default 4to6 {OWN4} proxy contact", f"map {LINPHONE} = {BEHIND}12", "limit strangers 100"
    )
    one, two = annex_linphone(encryption="none"), peer(account="<sip:peer@example.org>;regint=0")
    two.dial(f"sip:linphone@[{BEHIND}12]")
    one.wait_state("incoming")
    one.answer()
    two.wait("CALL_ESTABLISHED")
    one.wait_state("running")
    time.sleep(2.0)
    one.hang_up()
    two.wait("CALL_CLOSED")
    one.close()
    assert_tone(one.recording(), "heard by linphone")
