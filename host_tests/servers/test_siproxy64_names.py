# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls to names by the process, on a host and as the static program: DNS in both directions, UDP
and TCP, and what happens when a server fails."""

import socket

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
    hang_up,
    line_of,
    open_lab,
    talk,
)
from tools.lab.nameserver import Dnsmasq
from tools.lab.namespace import netlink

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]
OWN4, OWN6 = "192.0.2.206", "2001:db8:1::206"
STRANGER, SECOND = "2001:db8:1::5e", "2001:db8:1::5f"
OTHER_SECOND = "192.0.2.13"
FREE = "10.64.0.0/24"
WHOLE = "2001:db8:64::/96"

ZONE = f"""
listen-address=127.0.0.1
local=/example/
naptr-record=bob.example,10,10,s,SIP+D2U,,_sip._udp.farm.example
naptr-record=bob.example,10,20,s,SIP+D2T,,_sip._tcp.farm.example
srv-host=_sip._udp.farm.example,one.example,5070,1
srv-host=_sip._udp.farm.example,two.example,5070,2
srv-host=_sip._tcp.farm.example,one.example,5070,1
srv-host=_sip._tcp.farm.example,two.example,5070,2
host-record=one.example,{STRANGER},{OTHER_PHONE}
host-record=two.example,{SECOND},{OTHER_SECOND}
"""


@pytest.fixture(scope="module", params=(Mirror, Router), ids=("host", "router"))
def place(request):
    """A neighbourhood with hosts of both families that nobody mapped, and names for them."""
    with open_lab() as lab:
        found = Neighbourhood(lab, request.param)
        mirror = found.mirror
        mirror.env = {"VOX6_RESOLV_CONF": str(mirror.folder / "resolv.conf")}
        mirror.host.set_address(OWN4, 24, "house")
        mirror.host.set_address(OWN6, 64)
        found.phone_host.set_address(OTHER_SECOND, 24)
        for address in (STRANGER, SECOND):
            found.peer_host.set_address(address, 64)
        with netlink(found.phone_host.netns) as ip:
            ip.route("add", dst=FREE, gateway=PEER_SEEN)
        with netlink(found.peer_host.netns) as ip:
            ip.route("add", dst=WHOLE, gateway="2001:db8:1::64")
        for net in (FREE, WHOLE):
            mirror.host.run(["ip", "route", "add", "local", net, "dev", "lo"])
        dns = Dnsmasq(lab.base, mirror.host.netns, lab.folder, "names")
        dns.start(ZONE.split())
        (mirror.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        yield found
        dns.stop()


class Way:
    """One direction: who calls whom, and as what they see each other."""

    def __init__(self, place, caller, seen, own, servers, shown, lines):
        self.place, self.caller, self.seen, self.own = place, caller, seen, own
        self.servers, self.shown, self.lines = servers, shown, lines

    def telephone(self, address, port, kind):
        host = self.place.peer_host if ":" in address else self.place.phone_host
        return self.place.telephone(host, address, port, kind)

    def open(self, kind):
        """(caller, first server, second server)."""
        caller = self.telephone(self.caller, 5060, kind)
        return caller, *[self.telephone(one, 5070, kind) for one in self.servers]


@pytest.fixture(params=("4to6", "6to4"))
def way(request, place):
    """Each direction in turn."""
    lines = [f"default 4to6 {OWN4}", f"pool ::/0 = {FREE}", "unmapped pool"]
    lines += [f"default 6to4 {OWN6}", f"map 0.0.0.0/0 = {WHOLE}"]
    if request.param == "4to6":
        found = Way(place, PHONE, PHONE_SEEN, OWN4, (STRANGER, SECOND), "10.64.0.", lines)
    else:
        servers = (OTHER_PHONE, OTHER_SECOND)
        found = Way(place, PEER, PEER_SEEN, OWN6, servers, "2001:db8:64::c000:20", lines)
    place.fresh(*found.lines)
    return found


def accept(way, caller, server, call_id):
    """A call that reaches a server, as far as its voice, and its end."""
    invite, source = server.receive("INVITE sip:bob@bob.example SIP/2.0")
    assert source[0] == way.seen
    assert line_of(invite, "Contact:").startswith(f"Contact: <sip:alice@{literal(way.seen)}")
    server.answer(invite, source, body=server.sdp())
    ok, _ = caller.receive("SIP/2.0 200")
    shown = line_of(ok, "c=").split()[2]
    assert shown.startswith(way.shown)
    caller.ack(shown, call_id, 5070)
    server.receive(f"ACK sip:bob@{server.literal}:5070 SIP/2.0")
    talk(caller, server, ok, invite)
    hang_up(caller, server, shown, call_id, 5070)


def literal(address):
    return f"[{address}]" if ":" in address else address


def test_a_call_by_name(way):
    """NAPTR, SRV and an address; the caller sees the server at an address of its own side."""
    caller, one, two = way.open(socket.SOCK_DGRAM)
    with caller, one, two:
        accept(way, caller, one, caller.invite(way.own, uri="sip:bob@bob.example"))
        caller.invite(way.own, uri="sip:bob@nowhere.example")
        caller.receive("SIP/2.0 404")
        assert two.silent()


def test_a_server_that_has_no_time(way):
    """After a 503 of the first one the caller's next try goes to the second."""
    caller, one, two = way.open(socket.SOCK_DGRAM)
    with caller, one, two:
        call_id = caller.invite(way.own, uri="sip:bob@bob.example")
        invite, source = one.receive("INVITE ")
        one.answer(invite, source, "503 Service Unavailable")
        caller.receive("SIP/2.0 503")
        caller.ack(way.own, call_id)
        accept(way, caller, two, caller.invite(way.own, uri="sip:bob@bob.example"))


def test_a_server_that_takes_no_connection(way):
    """By TCP: the first one refuses, which ends the caller's connection; then the second."""
    caller, one, two = way.open(socket.SOCK_STREAM)
    with caller, two:
        one.close()
        caller.invite(way.own, uri="sip:bob@bob.example")
        caller.connection.settimeout(5)
        assert caller.connection.recv(100) == b""
        caller.connection.close()
        caller.connection = None
        invite_id = caller.invite(way.own, uri="sip:bob@bob.example")
        invite, source = two.receive("INVITE sip:bob@bob.example SIP/2.0")
        assert source[0] == way.seen
        two.answer(invite, source, body=two.sdp())
        ok, _ = caller.receive("SIP/2.0 200")
        assert line_of(ok, "Call-ID:").endswith(invite_id)


def test_a_name_in_proxy_mode(place):
    """The stateless proxy finds it too, with a Via and two Record-Route of its own."""
    place.fresh(f"default 4to6 {OWN4} proxy")
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with (
            place.telephone(place.phone_host, PHONE, kind=kind) as phone,
            place.telephone(place.peer_host, STRANGER, 5070, kind) as one,
        ):
            phone.invite(OWN4, uri="sip:bob@bob.example")
            invite, source = one.receive("INVITE sip:bob@bob.example SIP/2.0")
            assert source[0] == PHONE_SEEN
            assert invite.count("Via: ") == 2 and invite.count("Record-Route: ") == 2
            one.answer(invite, source, body=one.sdp())
            ok, _ = phone.receive("SIP/2.0 200")
            assert line_of(ok, "c=") == f"c=IN IP4 {OWN4}"
            talk(phone, one, ok, invite)
