# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Proxy mode: strangers seen at one own address, answers and later requests led by tokens."""

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.proxy_worlds import ANSWER, INVITE, KEY, ProxyCase, first_line, values
from tools.siproxy64.table import Table


class TestStrangerCalls(ProxyCase):
    """A stranger of side b calls the phone."""

    def invite(self, template=INVITE):
        return self.one(template, "phone:b", "stranger:b", "own:a", "phone:a")

    def accept(self, invite):
        ok = self.answer(invite, "200 OK", "p", "100@{phone:a}", ANSWER)
        return self.one(ok, "own:a", "phone:a", "phone:b", "stranger:b")

    def test_invite(self):
        world = self.world
        data = self.invite()
        text = data.decode()
        self.assertEqual(first_line(data), world.text("INVITE sip:100@{phone:a} SIP/2.0"))
        ours, theirs = values(data, "Via")
        self.assertTrue(ours.startswith(world.text("SIP/2.0/UDP {own:a};branch=z9hG4bK-64-")))
        self.assertEqual(
            theirs,
            world.text(
                "SIP/2.0/UDP {stranger:b};rport=5060;branch=z9hG4bKs1;received={stranger:b!}"
            ),
        )
        top, second = values(data, "Record-Route")
        self.assertTrue(top.startswith(world.text("<sip:{own:a};lr;p64=")))
        self.assertTrue(second.startswith(world.text("<sip:{phone:b};lr;p64=")))
        self.assertEqual(values(data, "Max-Forwards"), ["69"])
        self.assertEqual(values(data, "To"), [world.text("<sip:100@{phone:a}>")])
        self.assertEqual(values(data, "Contact"), [world.text("<sip:bob@{stranger:b};ob>")])
        self.assertIn(world.text("\r\nc=IN {a} {own:a!}\r\n"), text)
        self.assertIn("\r\nm=audio 16384 RTP/AVP 0\r\n", text)

    def test_what_comes_again_is_the_same(self):
        self.assertEqual(self.invite(), self.invite())

    def test_answers_go_where_the_request_came_from(self):
        invite = self.invite()
        ringing = self.answer(invite, "180 Ringing")
        self.assertEqual(
            first_line(self.one(ringing, "own:a", "phone:a", "phone:b", "stranger:b")),
            "SIP/2.0 180 Ringing",
        )
        ok = self.accept(invite)
        world = self.world
        self.assertEqual(len(values(ok, "Via")), 1)
        self.assertIn("z9hG4bKs1", values(ok, "Via")[0])
        self.assertEqual(values(ok, "Contact"), [world.text("<sip:100@{phone:b}>")])
        self.assertEqual(values(ok, "Record-Route"), values(invite, "Record-Route"))
        self.assertIn(world.text("\r\nc=IN {b} {phone:b!}\r\n"), ok.decode())
        self.assertIn("\r\nm=audio 6000 RTP/AVP 0\r\n", ok.decode())

    def test_a_port_that_nobody_asked_to_see(self):
        """Without rport the answer goes to the port of sent-by (RFC 3261 section 18.2.2)."""
        template = INVITE.replace("{stranger:b};rport", "{stranger:b}:5070")
        invite = self.one(template, "phone:b", "stranger:b", "own:a", "phone:a", 40000)
        ok = self.answer(invite)
        self.one(ok, "own:a", "phone:a", "phone:b", "stranger:b", 5060, 5070)
        invite = self.one(INVITE, "phone:b", "stranger:b", "own:a", "phone:a", 40000)
        ok = self.answer(invite)
        self.one(ok, "own:a", "phone:a", "phone:b", "stranger:b", 5060, 40000)

    def test_requests_of_the_caller_in_the_dialog(self):
        ok = self.accept(self.invite())
        routes = values(ok, "Record-Route")[::-1]
        uri, mine = self.world.text("sip:100@{phone:b}"), "{stranger:b}"
        for method, number in (("ACK", 1), ("INVITE", 2), ("BYE", 3)):
            request = self.request(method, ok, number, routes, mine, uri, "s%d" % number)
            data = self.one(request, "phone:b", "stranger:b", "own:a", "phone:a")
            self.assertEqual(
                first_line(data), self.world.text(method + " sip:100@{phone:a} SIP/2.0")
            )
            self.assertEqual(values(data, "Route"), [])
            self.assertEqual(len(values(data, "Record-Route")), 2 * (method == "INVITE"))
            if method != "ACK":
                done = self.answer(data)
                self.one(done, "own:a", "phone:a", "phone:b", "stranger:b")

    def test_requests_of_the_callee_in_the_dialog(self):
        invite = self.invite()
        self.accept(invite)
        routes = values(invite, "Record-Route")
        seen = self.answer(invite)
        uri, mine = self.world.text("sip:bob@{stranger:b};ob"), "{phone:a}"
        for method, number in (("INVITE", 7), ("ACK", 7), ("BYE", 8)):
            request = self.request(method, seen, number, routes, mine, uri, "p%d" % number, True)
            data = self.one(request, "own:a", "phone:a", "phone:b", "stranger:b")
            self.assertEqual(first_line(data), "%s %s SIP/2.0" % (method, uri))
            self.assertEqual(values(data, "Route"), [])
            self.assertTrue(
                values(data, "Via")[0].startswith(self.world.text("SIP/2.0/UDP {phone:b};branch"))
            )
            if method != "ACK":
                done = self.answer(data)
                back = self.one(done, "phone:b", "stranger:b", "own:a", "phone:a")
                self.assertEqual(len(values(back, "Via")), 1)

    def test_routes_of_others_stay(self):
        ok = self.accept(self.invite())
        others = ["<sip:proxy.example.org;lr>"]
        routes = [", ".join(values(ok, "Record-Route")[::-1] + others)]
        uri = self.world.text("sip:100@{phone:b}")
        bye = self.request("BYE", ok, 2, routes, "{stranger:b}", uri, "s2")
        data = self.one(bye, "phone:b", "stranger:b", "own:a", "phone:a")
        self.assertEqual(values(data, "Route"), others)

    def test_a_strict_router(self):
        """Who knows no lr writes the Route into the Request-URI (RFC 3261 section 16.4)."""
        invite = self.invite()
        ok = self.accept(invite)
        first, second = [route.strip("<>") for route in values(ok, "Record-Route")[::-1]]
        uri = self.world.text("sip:100@{phone:b}")
        routes = ["<" + second + ">", "<" + uri + ">"]
        for lines in (routes, [", ".join(routes)]):
            bye = self.request("BYE", ok, 2, lines, "{stranger:b}", first, "s2")
            data = self.one(bye, "phone:b", "stranger:b", "own:a", "phone:a")
            self.assertEqual(first_line(data), self.world.text("BYE sip:100@{phone:a} SIP/2.0"))
            self.assertEqual(values(data, "Route"), [])
        first, second = [route.strip("<>") for route in values(invite, "Record-Route")]
        uri = self.world.text("sip:bob@{stranger:b}")
        routes = ["<" + second + ">", "<" + uri + ">"]
        bye = self.request("BYE", ok, 2, routes, "{phone:a}", first, "p2", True)
        data = self.one(bye, "own:a", "phone:a", "phone:b", "stranger:b")
        self.assertEqual(first_line(data), "BYE " + uri + " SIP/2.0")

    def test_cancel_and_the_ack_of_a_refusal_have_the_branch_of_their_invite(self):
        invite = self.invite()
        branches = set()
        for method in ("CANCEL", "ACK"):
            text = INVITE.replace("INVITE", method).partition("\n    Contact")[0]
            branches.add(values(self.invite(text), "Via")[0])
        self.assertEqual(branches, {values(invite, "Via")[0]})

    def test_transactions_have_branches_of_their_own(self):
        other = INVITE.replace("bKs1", "bKs2")
        old = INVITE.replace("z9hG4bKs1", "1")
        later = old.replace("CSeq: 1", "CSeq: 2")
        tops = {values(self.invite(text), "Via")[0] for text in (INVITE, other, old, later)}
        self.assertEqual(len(tops), 4)

    def test_a_key_that_is_kept_keeps_the_call(self):
        invite = self.invite()
        self.proxy = self.fresh(KEY)
        self.accept(invite)
        self.proxy = self.fresh(b"x" * 32)
        self.assertEqual(self.give(self.answer(invite), "own:a", "phone:a"), [])

    def test_max_forwards(self):
        self.refused(INVITE.replace(": 70", ": 0"), "phone:b", "stranger:b", 483)
        data = self.invite(INVITE.replace("Max-Forwards: 70\n", ""))
        self.assertEqual(values(data, "Max-Forwards"), ["70"])

    def test_loop(self):
        """What the phone's side sends back to the caller, and he to the phone again."""
        world = self.world
        via = values(self.invite(), "Via")
        lines = "Via: " + "\n    Via: ".join(["SIP/2.0/UDP {stranger:b};branch=z9hG4bKs9"] + via)
        old = "Via: SIP/2.0/UDP {stranger:b};rport;branch=z9hG4bKs1"
        self.refused(INVITE.replace(old, lines), "phone:b", "stranger:b", 482)
        self.invite(world.octets(INVITE.replace(old, lines.replace("-64-", "-64-a"))))

    def test_a_media_address_without_counterpart_is_refused(self):
        self.relay.shared = {}
        self.refused(INVITE, "phone:b", "stranger:b", 488)

    def test_an_answer_that_cannot_pass_becomes_a_refusal(self):
        invite = self.invite()
        ok = self.answer(invite, "200 OK", "p", "100@{phone:a}", ANSWER.replace("phone", "99"))
        self.relay.shared = {}
        behind = self.world.text("Record-Route: <sip:{proxy:a};lr>, ").encode()
        ok = ok.replace(b"Record-Route: ", behind, 1)
        ack, bye, refusal = self.give(ok, "own:a", "phone:a")
        self.assertEqual(refusal[1], self.world.address("phone:b"))
        self.assertEqual(refusal[2], self.world.address("stranger:b"))
        self.assertEqual(first_line(refusal[0]), "SIP/2.0 488 Not Acceptable Here")
        self.assertEqual(len(values(refusal[0], "Via")), 1)
        for (data, source, target), line in ((ack, "1 ACK"), (bye, "2 BYE")):
            self.assertEqual(source, self.world.address("own:a"))
            self.assertEqual(target, self.world.address("phone:a"))
            uri = self.world.text(" sip:100@{phone:a} SIP/2.0")
            self.assertEqual((first_line(data), values(data, "CSeq")), (line[2:] + uri, [line]))
            self.assertEqual(values(data, "Route"), [self.world.text("<sip:{proxy:a};lr>")])

    def test_the_mirror_has_its_parties_as_before(self):
        text = INVITE.replace("stranger", "provider")
        data = self.one(text, "phone:b", "provider:b", "provider:a", "phone:a")
        self.assertEqual((len(values(data, "Via")), values(data, "Record-Route")), (1, []))


class TestPartyCalls(ProxyCase):
    """The phone calls somebody whom nobody configured, by way of the own address."""

    template = """
        INVITE sip:bob@{stranger:b} SIP/2.0
        Via: SIP/2.0/UDP {phone:a};rport;branch=z9hG4bKp1
        Route: <sip:{own:a};lr>
        Max-Forwards: 70
        From: <sip:100@{phone:a}>;tag=p
        To: <sip:bob@{stranger:b}>
        Call-ID: c2
        CSeq: 1 INVITE
        Contact: <sip:100@{phone:a}>
        Content-Type: application/sdp
        Content-Length: ...

        v=0
        o=- 1 1 IN {a} {phone:a!}
        s=-
        c=IN {a} {phone:a!}
        t=0 0
        m=audio 6000 RTP/AVP 0
        """

    def test_whole_call(self):
        world = self.world
        data = self.one(self.template, "own:a", "phone:a", "phone:b", "stranger:b")
        self.assertEqual(first_line(data), world.text("INVITE sip:bob@{stranger:b} SIP/2.0"))
        self.assertEqual(values(data, "Route"), [])
        top, second = values(data, "Record-Route")
        self.assertTrue(top.startswith(world.text("<sip:{phone:b};lr;p64=")))
        self.assertTrue(second.startswith(world.text("<sip:{own:a};lr;p64=")))
        self.assertEqual(values(data, "Contact"), [world.text("<sip:100@{phone:b}>")])
        self.assertIn(world.text("\r\nc=IN {b} {phone:b!}\r\n"), data.decode())
        body = ANSWER.replace("{a}", "{b}").replace("phone:a", "stranger:b")
        ok = self.answer(data, "200 OK", "s", "bob@{stranger:b}", body)
        ok = self.one(ok, "phone:b", "stranger:b", "own:a", "phone:a")
        self.assertEqual(values(ok, "Contact"), [world.text("<sip:bob@{stranger:b}>")])
        self.assertIn(world.text("\r\nc=IN {a} {own:a!}\r\n"), ok.decode())
        uri = world.text("sip:bob@{stranger:b}")
        routes = values(ok, "Record-Route")[::-1]
        ack = self.request("ACK", ok, 1, routes, "{phone:a}", uri, "p2")
        self.one(ack, "own:a", "phone:a", "phone:b", "stranger:b")
        routes = values(data, "Record-Route")
        uri = world.text("sip:100@{phone:b}")
        for method in ("INVITE", "BYE"):
            again = self.request(method, ok, 5, routes, "{stranger:b}", uri, "s" + method, True)
            again = self.one(again, "phone:b", "stranger:b", "own:a", "phone:a")
            self.assertEqual(first_line(again), world.text(method + " sip:100@{phone:a} SIP/2.0"))
            done = self.answer(again)
            self.one(done, "own:a", "phone:a", "phone:b", "stranger:b")

    def test_cancel(self):
        invite = self.one(self.template, "own:a", "phone:a", "phone:b", "stranger:b")
        text = self.template.replace("INVITE", "CANCEL").partition("\n        Contact")[0]
        cancel = self.one(text, "own:a", "phone:a", "phone:b", "stranger:b")
        self.assertEqual(values(cancel, "Via")[0], values(invite, "Via")[0])

    def test_strangers_are_not_led_to_strangers(self):
        for peer in ("stranger:a", "99:a"):
            text = self.template.replace("{phone:a}", "{" + peer + "}")
            self.refused(text, "own:a", peer, 403)
        self.assertEqual(self.mirror.counters["strangers"], 2)

    def test_who_is_one_of_all_is_no_party(self):
        """A mapping of a whole side makes nobody a party that strangers are led to."""
        whole = self.world.address("whole:a", 0), self.world.address("whole:b", 0)
        self.mirror.table = self.settings.table = Table()
        self.mirror.table.add(whole[0], whole[1], 96, "everybody")
        self.proxy.configure(self.settings)
        self.refused(self.template.replace("phone:a", "99:of_a"), "own:a", "99:of_a", 403)
        self.refused(INVITE.replace("phone:b", "99:of_b"), "99:of_b", "stranger:b", 403)

    def test_a_call_to_a_party_is_the_mirror_s(self):
        text = self.template.replace("{stranger:b}", "{provider:b}")
        data = self.one(text, "own:a", "phone:a", "phone:b", "provider:b")
        self.assertEqual((len(values(data, "Via")), values(data, "Record-Route")), (1, []))

    def test_what_leads_nowhere(self):
        for uri in ("sip:bob@example.org", "sip:bob@{own:a}", "sip:bob@{phone:b}", "sip:x@{99:a}"):
            text = self.template.replace("INVITE sip:bob@{stranger:b}", "INVITE " + uri)
            self.refused(text, "own:a", "phone:a", 404)
        text = self.template.replace("INVITE sip:bob@{stranger:b}", "INVITE tel:100")
        self.refused(text, "own:a", "phone:a", 416)


class TestContact(ProxyCase):
    """For phones that keep no Route: the Contact of a stranger is ours."""

    contact = True

    def test_the_request_uri_names_the_stranger(self):
        world = self.world
        invite = self.one(INVITE, "phone:b", "stranger:b", "own:a", "phone:a")
        contact = values(invite, "Contact")[0]
        self.assertTrue(contact.startswith(world.text("<sip:bob@{own:a};ob;p64=")))
        uri = contact.strip("<>")
        bye = self.request("BYE", self.answer(invite), 1, [], "{phone:a}", uri, "p1", True)
        data = self.one(bye, "own:a", "phone:a", "phone:b", "stranger:b")
        self.assertEqual(first_line(data), world.text("BYE sip:bob@{stranger:b};ob SIP/2.0"))
        altered = uri[:-1] + ("a" if uri[-1] != "a" else "b")
        bye = self.request("BYE", self.answer(invite), 1, [], "{phone:a}", altered, "p1", True)
        self.refused(bye, "own:a", "phone:a", 403)
        self.assertEqual(self.mirror.counters["forged"], 1)

    def test_all_forms(self):
        for text, start, end in (
            ("Bob <sip:bob@{stranger:b}>;q=1", "Bob <sip:bob@{own:a};p64=", ">;q=1"),
            ("sip:bob@{stranger:b};q=1", "<sip:bob@{own:a};p64=", ">;q=1"),
            ("<tel:100>", "<tel:100>", ""),
        ):
            template = INVITE.replace("<sip:bob@{stranger:b};ob>", text)
            data = self.one(template, "phone:b", "stranger:b", "own:a", "phone:a")
            contact = values(data, "Contact")[0]
            self.assertTrue(contact.startswith(self.world.text(start)), contact)
            self.assertTrue(contact.endswith(end), contact)


TestStrangerCallsMirrored = mirrored(TestStrangerCalls)
TestPartyCallsMirrored = mirrored(TestPartyCalls)
TestContactMirrored = mirrored(TestContact)
