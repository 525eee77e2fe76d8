# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The mirror as a whole: datagrams in, datagrams out."""

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.worlds import MirrorCase, PlainRelay
from tools.siproxy64.mirror import Mirror
from tools.siproxy64.scan import Refused
from tools.siproxy64.table import Table

INVITE_FROM_PROVIDER = """
    INVITE sip:100@{phone:%(s)s} SIP/2.0
    Via: SIP/2.0/UDP {provider:%(s)s};branch=z9hG4bKx
    Max-Forwards: %(hops)d
    Record-Route: <sip:{provider:%(s)s};lr>
    From: <sip:bob@example.org>;tag=a
    To: <sip:100@{phone:%(s)s}>
    Call-ID: 77@{99:b}
    CSeq: 1 INVITE
    Contact: <sip:bob@{provider:%(s)s}>
    Content-Type: application/sdp
    Content-Length: ...

    v=0
    o=- 1 1 IN {%(s)s} {provider:%(s)s!}
    s=-
    c=IN {%(s)s} {provider:%(s)s!}
    t=0 0
    m=audio 30000 RTP/AVP 0 8 101
"""
OK_FROM_PHONE = """
    SIP/2.0 200 OK
    Via: SIP/2.0/UDP {provider:%(s)s};branch=z9hG4bKx
    Record-Route: <sip:{provider:%(s)s};lr>
    From: <sip:bob@example.org>;tag=a
    To: <sip:100@{phone:%(s)s}>;tag=b
    Call-ID: 77@{99:b}
    CSeq: 1 INVITE
    Contact: <sip:100@{phone:%(s)s}>
    Content-Type: application/sdp
    Content-Length: ...

    v=0
    o=- 2 2 IN {%(s)s} {phone:%(s)s!}
    s=-
    c=IN {%(s)s} {phone:%(s)s!}
    t=0 0
    m=audio 12000 RTP/AVP 0 101
"""
REGISTER = """
    REGISTER sip:example.org SIP/2.0
    Via: SIP/2.0/UDP {phone:~}:5070;rport%s;branch=z9hG4bKy
    Max-Forwards: %d
    From: <sip:100@example.org>;tag=a
    To: <sip:100@example.org>
    Call-ID: 1
    CSeq: 1 REGISTER
    Contact: <sip:100@{phone:~}:5070>, <sip:100@{second:~}>
    Content-Length: 0
"""
REGISTERED = """
    SIP/2.0 200 OK
    Via: SIP/2.0/UDP %s
    From: <sip:100@example.org>;tag=a
    To: <sip:100@example.org>;tag=b
    Call-ID: 1
    CSeq: 1 REGISTER
    Contact: <sip:100@{phone:~}:5070>;expires=60, <sip:100@{second:~}>;expires=9
    Content-Length: 0
"""
BYE = """
    BYE sip:bob@{provider:~} SIP/2.0
    Via: SIP/2.0/UDP {phone:~};branch=z9hG4bKz
    Max-Forwards: %d
    From: <sip:100@{phone:~}>;tag=b
    To: <sip:bob@example.org>;tag=a
    Call-ID: 77@{99:b}
    CSeq: 2 BYE
    Content-Length: 0
"""


def on(side, template):
    """Return a template as it is on one side."""
    return template.replace("~", side)


class TestWorkedExample(MirrorCase):
    """A provider on side b calls the phone on side a."""

    def test_invite(self):
        sent = self.send(INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}, "phone:b", "provider:b")
        self.assertEqual(len(sent), 1)
        data, source, destination, stream = sent[0]
        self.assertOctets(data, INVITE_FROM_PROVIDER % {"s": "a", "hops": 69})
        self.assertEqual(source, self.world.address("provider:a"))
        self.assertEqual(destination, self.world.address("phone:a"))
        self.assertIsNone(stream)
        self.assertEqual(self.relay.ended, [True])
        parties = (self.world.address("provider:b"), self.world.address("phone:a"))
        self.assertEqual(self.relay.began, [parties])

    def test_answer(self):
        sent = self.send(OK_FROM_PHONE % {"s": "a"}, "provider:a", "phone:a")
        self.assertEqual(len(sent), 1)
        data, source, destination, _ = sent[0]
        self.assertOctets(data, OK_FROM_PHONE % {"s": "b"})
        self.assertEqual(source, self.world.address("phone:b"))
        self.assertEqual(destination, self.world.address("provider:b"))

    def test_end(self):
        data = self.passed(on("a", BYE) % 70, "provider:a", "phone:a")
        self.assertOctets(data, on("b", BYE) % 69)

    def test_two_in_series(self):
        """From side a over b to a: the caller's address is another on each stretch."""
        near, far = Table(), Table()
        for table, pairs in (
            (near, (("170:a", "170:b"), ("phone:b", "171:a"))),  # caller, and whom it calls
            (far, (("phone:a", "phone:b"), ("170:b", "provider:a"))),
        ):
            for real, representation in pairs:
                table.add(self.world.address(real, 0), self.world.address(representation, 0))
        data = self.world.octets(
            (INVITE_FROM_PROVIDER % {"s": "a", "hops": 70})
            .replace("{provider", "{170")
            .replace("{phone", "{171")
        )
        local, peer = self.world.address("171:a"), self.world.address("170:a")
        for table in (near, far):
            mirror = Mirror(table, PlainRelay(table))
            mirror.receive(data, local, peer, 0)
            data, peer, local, _ = mirror.take()[0]
        self.assertOctets(data, INVITE_FROM_PROVIDER % {"s": "a", "hops": 68})
        self.assertEqual(peer, self.world.address("provider:a"))
        self.assertEqual(local, self.world.address("phone:a"))

    def test_loop(self):
        """Two mirrors that each take the other for the party stop by themselves."""
        first, second = Table(), Table()
        first.add(self.world.address("171:a", 0), self.world.address("171:b", 0))
        first.add(self.world.address("170:b", 0), self.world.address("170:a", 0))
        second.add(self.world.address("171:b", 0), self.world.address("171:a", 0))
        second.add(self.world.address("170:a", 0), self.world.address("170:b", 0))
        data = self.world.octets(
            (INVITE_FROM_PROVIDER % {"s": "b", "hops": 70})
            .replace("{provider", "{170")
            .replace("{phone", "{171")
        )
        local, peer = self.world.address("171:b"), self.world.address("170:b")
        mirrors = [Mirror(table, PlainRelay(table)) for table in (first, second)]
        rounds = 0
        while True:
            mirrors[rounds % 2].receive(data, local, peer, 0)
            data, peer, local, _ = mirrors[rounds % 2].take()[0]
            if data.startswith(b"SIP/2.0"):
                break
            rounds += 1
        self.assertEqual(rounds, 70)
        self.assertTrue(data.startswith(b"SIP/2.0 483 Too Many Hops\r\n"))


class TestRegistration(MirrorCase):
    """A phone on side a registers with a provider on side b, and knows itself in the answer."""

    def test_there_and_back(self):
        data = self.passed(on("a", REGISTER) % ("", 70), "provider:a", "phone:a")
        expected = on("b", REGISTER) % ("=5060", 69)
        expected = expected.replace("z9hG4bKy", "z9hG4bKy;received={phone:b!}")
        self.assertOctets(data, expected)
        via = "{phone:~}:5070;rport=5060;branch=z9hG4bKy;received={phone:~!}"
        sent = self.send(on("b", REGISTERED % via), "phone:b", "provider:b")
        self.assertOctets(sent[0][0], on("a", REGISTERED % via))
        self.assertEqual(sent[0][1], self.world.address("provider:a"))
        self.assertEqual(sent[0][2], self.world.address("phone:a", 5060))

    def test_source_port_that_nobody_asked_for(self):
        text = on("a", REGISTER).replace(";rport%s", "%s") % ("", 70)
        data = self.passed(text, "provider:a", "phone:a")
        self.assertOctets(data, on("b", REGISTER).replace(";rport%s", "%s") % ("", 69))

    def test_what_is_there_already_is_forged(self):
        text = (on("a", REGISTER) % ("", 70)).replace("z9hG4bKy", "z9hG4bKy;received={second:a!}")
        data = self.passed(text, "provider:a", "phone:a").decode()
        self.assertIn(self.world.text(";received={phone:b!}\r\n"), data)
        self.assertNotIn(self.world.text("received={second"), data)

    def test_where_answers_go(self):
        for via, destination, port in (
            ("{phone:b};branch=1", "phone:a", 5060),
            ("{phone:b}:5070;branch=1", "phone:a", 5070),
            ("{phone:b} : 5070 ;branch=1", "phone:a", 5070),
            ("{phone:b}:5070;rport=5072;received={second:b!}", "second:a", 5072),
            ("{phone:b}:5070;received={second:b!};rport", "second:a", 5070),
            ("{phone:b}:5070;maddr={second:b};received={phone:b!};rport=5072", "second:a", 5070),
            ("host.example.org;received={second:b!}", "second:a", 5060),
            ("host.example.org", "phone:a", 5060),  # whom it arrived for
            ("{phone:b}, SIP/2.0/UDP {provider:b}", "phone:a", 5060),
        ):
            with self.subTest(via=via):
                sent = self.send(on("b", REGISTERED % via), "phone:b", "provider:b")
                self.assertEqual(sent[0][2], self.world.address(destination, port))

    def test_answers_to_nobody(self):
        """An answer goes to a party of the other side, or nowhere."""
        for via in ("{stranger:b}", "{provider:b}", "{stranger:a}", "{provider:a}", "{proxy:a}"):
            with self.subTest(via=via):
                self.assertEqual(self.send(on("b", REGISTERED % via), "phone:b", "provider:b"), [])
        self.assertEqual(self.mirror.counters, {"stray": 5})
        self.assertEqual(self.relay.ended, [False] * 5)

    def test_listening(self):
        """Where a party says it is to be reached, its representation must be."""
        told = []
        self.mirror.listen = lambda addr16, port: told.append((addr16, port))
        self.send(on("a", REGISTER) % ("", 70), "provider:a", "phone:a", 5060, 40000)
        world = self.world
        self.assertIn(world.address("phone:b", 5070), told)
        self.assertIn(world.address("phone:b", 40000), told)
        self.assertNotIn(world.address("second:b"), told)  # it did not say so itself


class TestRefusals(MirrorCase):
    def test_no_hop_left(self):
        status, text = self.answer(INVITE_FROM_PROVIDER % {"s": "b", "hops": 0})
        self.assertEqual(status, 483)
        for line in (
            "Via: SIP/2.0/UDP {provider:b};branch=z9hG4bKx;received={provider:b!}\r\n",
            "From: <sip:bob@example.org>;tag=a\r\n",
            "To: <sip:100@{phone:b}>;tag=64-",
            "Call-ID: 77@{99:b}\r\n",
            "CSeq: 1 INVITE\r\n",
            "Content-Length: 0\r\n\r\n",
        ):
            self.assertIn(self.world.text(line), text)
        self.assertEqual(self.relay.ended, [])

    def test_hops(self):
        for value, found in (("1", "0"), ("255", "254"), ("0070", "69")):
            text = on("a", BYE).replace("%d", value)
            data = self.passed(text, "provider:a", "phone:a")
            self.assertIn(("\r\nMax-Forwards: %s\r\n" % found).encode(), data)
        text = on("a", BYE).replace("    Max-Forwards: %d\n", "")
        data = self.passed(text, "provider:a", "phone:a")
        self.assertIn(b"\r\nMax-Forwards: 70\r\n", data)
        for value in ("256", "x", "-1"):
            status, _ = self.answer(on("a", BYE).replace("%d", value), "provider:a", "phone:a")
            self.assertEqual(status, 400)

    def test_the_same_answer_again(self):
        """A stateless server says the same each time (RFC 3261 section 8.2.7)."""
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 0}
        self.assertEqual(self.answer(request), self.answer(request))
        other = request.replace("z9hG4bKx", "z9hG4bKo")
        self.assertNotEqual(self.answer(request), self.answer(other))

    def test_its_acknowledgement_stays_here(self):
        _, text = self.answer(INVITE_FROM_PROVIDER % {"s": "b", "hops": 0})
        tag = text.partition("tag=64-")[2].partition("\r\n")[0]
        ack = (INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}).replace("INVITE", "ACK")
        ack = ack.partition("    Content-Type")[0]
        self.assertEqual(len(self.send(ack, "phone:b", "provider:b")), 1)
        ack = ack.replace("{phone:b}>\n", "{phone:b}>;tag=64-%s\n" % tag, 1)
        self.assertEqual(self.send(ack, "phone:b", "provider:b"), [])

    def test_an_acknowledgement_is_not_answered(self):
        ack = (INVITE_FROM_PROVIDER % {"s": "b", "hops": 0}).replace("INVITE", "ACK")
        self.assertEqual(self.send(ack, "phone:b", "provider:b"), [])

    def test_stranger(self):
        """Only known parties may send, and answers of others are dropped."""
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}
        self.assertEqual(self.answer(request, "phone:b", "stranger:b")[0], 403)
        self.assertEqual(self.send(OK_FROM_PHONE % {"s": "a"}, "provider:a", "stranger:a"), [])

    def test_representation_as_sender(self):
        """A message from an address of our own is a loop."""
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}
        self.assertEqual(self.answer(request, "phone:b", "second:b")[0], 403)

    def test_for_nobody(self):
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}
        self.assertEqual(self.send(request, "stranger:b", "provider:b"), [])
        self.assertEqual(self.mirror.counters, {"nobody": 1})
        asked = []

        def default(message, local, peer, now, stream):
            asked.append((message.method, local, peer))
            return True

        self.mirror.default = default
        self.assertEqual(self.send(request, "stranger:b", "provider:b"), [])
        world = self.world
        self.assertEqual(
            asked, [("INVITE", world.address("stranger:b"), world.address("provider:b"))]
        )

    def test_one_way_call(self):
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}
        for template in (
            request.replace("Contact: <sip:bob@{provider", "Contact: <sip:bob@{stranger"),
            request.replace("c=IN {b} {provider", "c=IN {b} {stranger"),
        ):
            status, text = self.answer(template)
            self.assertEqual(status, 488)
            expected = '\r\nWarning: 300 {phone:b} "Incompatible network protocol"\r\n'
            self.assertIn(self.world.text(expected), text)
            # nothing of it is in the other side's addresses
            self.assertIn(self.world.text("Via: SIP/2.0/UDP {provider:b};"), text)
            self.assertIn(self.world.text("To: <sip:100@{phone:b}>"), text)
        self.assertEqual(self.relay.ended, [False, False])
        status, text = self.answer(
            request.replace("c=IN {b} {provider:b!}", "c=IN {b} host.example.org")
        )
        self.assertEqual(status, 488)
        self.assertIn('"Incompatible network address formats"', text)

    def test_ringing_that_leads_nowhere_is_dropped(self):
        answer = (OK_FROM_PHONE % {"s": "a"}).replace("200 OK", "183 Session Progress")
        answer = answer.replace("Contact: <sip:100@{phone", "Contact: <sip:100@{stranger")
        self.assertEqual(self.send(answer, "provider:a", "phone:a"), [])

    def test_request_uri_without_brackets(self):
        request = (INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}).replace(
            "INVITE sip:100@{phone:b}", "INVITE sip:100@2001:db8::b:40"
        )
        self.assertEqual(self.answer(request)[0], 400)

    def test_size(self):
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}
        data = self.world.octets(request)
        room = 8192 - len(data) - len("Subject: \r\n")
        for more, status in ((0, 0), (1, 513)):
            subject = b"Subject: " + b"x" * (room + more) + b"\r\nCall-ID:"
            longer = data.replace(b"Call-ID:", subject)
            self.assertEqual(len(longer), 8192 + more)
            if status:
                self.assertEqual(self.answer(longer)[0], status)
            else:
                self.assertEqual(len(self.send(longer, "phone:b", "provider:b")), 1)

    def test_table_is_full(self):
        def unknown(addr16, port, now, sender):
            if sender:
                raise Refused(503, "Service Unavailable", None, 60)
            return None

        self.table.unknown = unknown
        request = INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}
        status, text = self.answer(request, "phone:b", "stranger:b")
        self.assertEqual(status, 503)
        self.assertIn("\r\nRetry-After: 60\r\n", text)

    def test_where_refusals_go(self):
        world = self.world
        for via, address in (
            ("{provider:b}:5070", ("provider:b", 5070)),
            ("host.example.org:5070", ("provider:b", 5070)),
            ("{second:b}:5070;received={second:b!}", ("provider:b", 5070)),
            ("{provider:b}:5070;rport", ("provider:b", 40000)),
        ):
            request = (INVITE_FROM_PROVIDER % {"s": "b", "hops": 0}).replace(
                "{provider:b};branch", via + ";branch"
            )
            sent = self.send(request, "phone:b", "provider:b", 5060, 40000)
            self.assertEqual(sent[0][2], world.address(*address))

    def test_stream_is_given_back(self):
        world = self.world
        data = world.octets(INVITE_FROM_PROVIDER % {"s": "b", "hops": 0})
        stream = object()
        self.mirror.receive(data, world.address("phone:b"), world.address("provider:b"), 0, stream)
        self.assertTrue(self.mirror.take()[0][3] is stream)

    def test_what_is_no_message(self):
        for data in (b"", b"\r\n\r\n", b"\0\0\0\0"):
            self.assertEqual(self.send(data, "phone:b", "provider:b"), [])
        self.assertEqual(self.mirror.counters, {})
        octets = self.world.octets((INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}))
        port = self.world.text("{provider:b};branch").encode()
        octets = octets.replace(port, port.replace(b";", b":50\xf60;rport;"))
        self.assertEqual(self.send(octets, "phone:b", "provider:b"), [])
        self.mirror.counters = {}
        for data in (b"x", b"\x80\xc8\0\x06", b"INVITE sip:x SIP/2.0\r\n\r\n", b"A B C\r\n\r\n"):
            self.assertEqual(self.send(data, "phone:b", "provider:b"), [])


class TestPorts(MirrorCase):
    """Parties told apart by port."""

    def fill(self):
        self.map("phone:a", "own:b", 5060, 5061)
        self.map("second:a", "own:b", 5060, 5062)
        self.map("provider:b", "provider:a")

    def test_second_party(self):
        text = on("b", BYE).replace("{provider", "{own").replace("{phone", "{provider")
        text = text.replace("bob@{own:b}", "bob@{own:b}:5062") % 70
        sent = self.send(text, "own:b", "provider:b", 5062)
        self.assertEqual(sent[0][2], self.world.address("second:a"))
        self.assertIn(self.world.text("BYE sip:bob@{second:a}:5060 ").encode(), sent[0][0])

    def test_from_the_second_party(self):
        text = on("a", BYE).replace("{phone", "{second") % 70
        sent = self.send(text, "provider:a", "second:a")
        self.assertEqual(sent[0][1], self.world.address("own:b", 5062))
        self.assertEqual(sent[0][2], self.world.address("provider:b"))
        self.assertIn(self.world.text("Via: SIP/2.0/UDP {own:b}:5062;").encode(), sent[0][0])
        self.assertIn(self.world.text("From: <sip:100@{own:b}:5062>;tag=b").encode(), sent[0][0])


TestWorkedExampleMirrored = mirrored(TestWorkedExample)
TestRegistrationMirrored = mirrored(TestRegistration)
TestRefusalsMirrored = mirrored(TestRefusals)
TestPortsMirrored = mirrored(TestPorts)
