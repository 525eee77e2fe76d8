# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Proxy mode: where requests go by their Routes, Request-URI and DNS (RFC 3261 sections 16.6,
16.12, RFC 3263).
"""

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.names_worlds import Network
from host_tests.siproxy64.proxy_worlds import ANSWER, INVITE, ProxyCase, first_line, values

CALL = """
    %s %s SIP/2.0
    Via: SIP/2.0/UDP {phone:a};rport;branch=z9hG4bKp%d
    Route: <sip:{own:a};lr>
    Max-Forwards: 70
    From: <sip:100@{phone:a}>;tag=p
    To: <sip:bob@example.org>
    Call-ID: c3
    CSeq: %d %s
    Contact: <sip:100@{phone:a}>
    """


class NamedCase(ProxyCase):
    """With a DNS server that knows example.org, at a stranger of side b."""

    def setUp(self):
        super().setUp()
        self.network = Network()
        self.network.service("_sip._udp.example.org", "one.example", "two.example")
        self.network.host("one.example", self.world.addr16("98:b"))
        self.network.host("two.example", self.world.addr16("97:b"))
        self.network.host("party.example", self.world.addr16("provider:b"))
        self.servers = self.network.servers()
        self.proxy.resolve(self.servers, self.again)
        self.mirror.passed = self.servers.passed

    def again(self, data, local, peer, stream):
        if not self.proxy.take(data, local, peer, self.network.time, stream):
            self.mirror.receive(data, local, peer, self.network.time)

    def give(self, template, local, peer, local_port=5060, peer_port=5060):
        """What comes out at once, and once names are known."""
        out = super().give(template, local, peer, local_port, peer_port)
        self.network.wait()
        return out + [one[:3] for one in self.mirror.take()]


class TestNames(NamedCase):
    """The phone calls a name."""

    def call(self, number=1, method="INVITE", uri="sip:bob@example.org"):
        return CALL % (method, uri, number, number, method)

    def test_a_call_and_its_end(self):
        world = self.world
        invite = self.one(self.call(), "own:a", "phone:a", "phone:b", "98:b")
        self.assertEqual(first_line(invite), "INVITE sip:bob@example.org SIP/2.0")
        self.assertEqual(values(invite, "Route"), [])
        self.assertEqual((len(values(invite, "Via")), len(values(invite, "Record-Route"))), (2, 2))
        again = self.one(self.call(), "own:a", "phone:a", "phone:b", "98:b")
        self.assertEqual(again, invite)
        cancel = self.one(self.call(1, "CANCEL"), "own:a", "phone:a", "phone:b", "98:b")
        self.assertEqual(values(cancel, "Via"), values(invite, "Via"))
        ok = self.answer(invite, "200 OK", "s", "bob@{stranger:b}")
        ok = self.one(ok, "phone:b", "98:b", "own:a", "phone:a")
        routes = values(ok, "Record-Route")[::-1]
        uri = world.text("sip:bob@{stranger:b}")
        bye = self.request("BYE", ok, 2, routes, "{phone:a}", uri, "p9")
        data = self.one(bye, "own:a", "phone:a", "phone:b", "stranger:b")
        self.assertEqual(values(data, "Route"), [])

    def test_the_next_server(self):
        invite = self.one(self.call(), "own:a", "phone:a", "phone:b", "98:b")
        answer = self.answer(invite, "503 Service Unavailable", "s")
        self.one(answer, "phone:b", "98:b", "own:a", "phone:a")
        self.one(self.call(1, "ACK"), "own:a", "phone:a", "phone:b", "98:b")
        self.one(self.call(2), "own:a", "phone:a", "phone:b", "97:b")

    def test_a_name_of_a_party(self):
        """The mirror has it: no Via, no Record-Route."""
        text = self.call(1, "INVITE", "sip:bob@party.example")
        data = self.one(text, "own:a", "phone:a", "phone:b", "provider:b")
        self.assertEqual((len(values(data, "Via")), values(data, "Record-Route")), (1, []))

    def test_what_leads_nowhere(self):
        one, two = self.world.addr16("own:a"), self.world.addr16("99:b")
        self.table.add_name("us.example", one, two)
        for name in ("nowhere.example", "us.example"):
            self.refused(self.call(1, "INVITE", "sip:bob@" + name), "own:a", "phone:a", 404)
        self.refused(self.call().replace("{phone:a}", "{99:a}"), "own:a", "99:a", 403)


class TestRoutes(NamedCase):
    """A stranger calls the phone, by way of proxies of his; then the phone hangs up."""

    def invite(self, peer, routes=(), contact="stranger:b", vias=2):
        text = INVITE.replace("Contact: <sip:bob@{stranger:b}", "Contact: <sip:bob@{%s}" % contact)
        via = "Via: SIP/2.0/UDP {%s};rport;branch=z9hG4bKx\n    " % peer
        if vias == 1:
            text = text.replace("{stranger:b};rport", "{%s};rport" % peer)
            via = ""
        lines = "".join(["Record-Route: %s\n    " % route for route in routes])
        text = text.replace("    Via:", "    " + lines + via + "Via:", 1)
        return self.one(text, "phone:b", peer, "own:a", "phone:a")

    def hang_up(self, invite, target, port=5060):
        uri = self.world.text(values(invite, "Contact")[0]).strip("<>")
        routes = values(invite, "Record-Route")
        self.answer(invite)
        bye = self.request("BYE", self.answer(invite), 1, routes, "{phone:a}", uri, "p1", True)
        return self.one(bye, "own:a", "phone:a", "phone:b", target, 5060, port)

    def test_a_proxy_that_stays(self):
        route = "<sip:{98:b}:5070;lr>"
        bye = self.hang_up(self.invite("99:b", [route]), "98:b", 5070)
        self.assertEqual(values(bye, "Route"), [self.world.text(route)])
        self.assertEqual(first_line(bye), self.world.text("BYE sip:bob@{stranger:b};ob SIP/2.0"))

    def test_two_that_stay(self):
        routes = ["<sip:example.org;lr>", "<sip:{97:b};lr>"]
        bye = self.hang_up(self.invite("99:b", routes), "98:b")
        self.assertEqual(values(bye, "Route"), [self.world.text(route) for route in routes])

    def test_one_that_has_done_its_part(self):
        self.hang_up(self.invite("99:b"), "stranger:b")

    def test_who_calls_himself(self):
        self.hang_up(self.invite("stranger:b", vias=1), "stranger:b")

    def test_behind_a_nat(self):
        """His Contact is not where his call has come from: there is no other way to him."""
        invite = self.invite("99:b", contact="66:b", vias=1)
        self.hang_up(invite, "99:b")

    def test_a_strict_router(self):
        bye = self.hang_up(self.invite("99:b", ["<sip:{98:b}>", "<sip:{97:b};lr>"]), "98:b")
        self.assertEqual(first_line(bye), self.world.text("BYE sip:{98:b} SIP/2.0"))
        self.assertEqual(
            values(bye, "Route"),
            [self.world.text("<sip:{97:b};lr>, <sip:bob@{stranger:b};ob>")],
        )

    def back(self, uri, target, port=5060, routes=()):
        """The stranger hangs up; the phone's Contact was of its own choice."""
        invite = self.invite("stranger:b", vias=1)
        ok = self.answer(invite, "200 OK", "p", "100@{phone:a}", ANSWER)
        ok = self.one(ok, "own:a", "phone:a", "phone:b", "stranger:b")
        routes = values(ok, "Record-Route")[::-1] + [self.world.text(one) for one in routes]
        bye = self.request("BYE", ok, 2, routes, "{stranger:b}", self.world.text(uri), "s2")
        return self.one(bye, "phone:b", "stranger:b", "own:a", target, 5060, port)

    def test_the_phone_s_contact(self):
        self.back("sip:100@{phone:b}", "phone:a")
        self.back("sip:100@{phone:b}:5070", "phone:a", 5070)
        self.back("sip:100@{second:b}", "second:a")
        self.back("sip:100@{phone:b}", "second:a", routes=["<sip:{second:b};lr>"])

    def test_who_is_no_party_is_not_reached_so(self):
        for uri in ("sip:100@{99:a}", "sip:100@{stranger:b}", "sip:100@phone.example"):
            self.back(uri, "phone:a")


TestNamesMirrored = mirrored(TestNames)
TestRoutesMirrored = mirrored(TestRoutes)
