# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which server a name leads to, and the next one where that fails (RFC 3263 sections 4.3, 4.4)."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.names_worlds import Network
from tools.siproxy64.scan import Refused
from tools.siproxy64.table import side
from tools.siproxy64.tokens import OwnURI
from tools.siproxy64.values import literal
from vox6.sip.lines import RequestLines, ResponseLines, parse

REQUEST = """
    %s sip:bob@example.org SIP/2.0
    Via: SIP/2.0/UDP {phone:a};branch=z9hG4bK%s
    From: <sip:100@{phone:a}>;tag=p
    To: <sip:bob@example.org>
    Call-ID: %s
    CSeq: 1 %s
    """
ANSWER = """
    SIP/2.0 %s
    Via: SIP/2.0/UDP {phone:a};branch=z9hG4bK%s
    From: <sip:100@{phone:a}>;tag=p
    To: <sip:bob@example.org>;tag=b
    Call-ID: %s
    CSeq: 1 INVITE
    """


class Stream:
    """A caller's connection: this, and the socket below it."""

    def __init__(self):
        self.stream = self
        self.open = True


class TestServers(unittest.TestCase):
    """example.org has two servers on side b, the caller is on side a."""

    world = World()

    def setUp(self):
        self.network = network = Network()
        self.first, self.second = [self.world.address(name) for name in ("proxy:b", "provider:b")]
        for transport in ("udp", "tcp"):
            network.service("_sip._%s.example.org" % transport, "one.example", "two.example")
        network.host("one.example", self.first[0], self.world.addr16("proxy:a"))
        network.host("two.example", self.second[0])
        network.host("only.example", self.world.addr16("third:b"))
        network.host("other.side", self.world.addr16("phone:a"))
        self.servers = network.servers()
        self.here = side(self.world.addr16("phone:a"))

    def message(self, template):
        return parse(self.world.octets(template), RequestLines, ResponseLines)

    def request(self, number, method="INVITE"):
        return self.message(REQUEST % (method, number, number, method))

    def ask(self, request, uri="sip:bob@example.org", stream=None):
        """Where a request goes, after as much waiting as DNS needs."""
        found = []

        def again():
            now = self.network.now()
            try:
                target = self.servers.find(
                    OwnURI(uri), request, self.here, now, stream, lambda: found.append("again")
                )
                found.append(target)
            except Refused as error:
                found.append(error.code)

        again()
        if found == [None]:
            found = []
            self.servers._waiting = [(key, again) for key, _ in self.servers._waiting]
            self.network.wait(22_000 if self.network.silent else 0)
        self.assertEqual(len(found), 1)
        return found[0]

    def answer(self, number, status, peer=None):
        message = self.message(ANSWER % (status, number, number))
        self.servers.passed(message, peer or self.first, self.world.address("phone:a"))

    def test_srv_and_addresses_of_the_other_side_alone(self):
        self.assertEqual(self.ask(self.request(1)), self.first)
        kinds = [rtype for _, rtype in self.network.asked]
        self.assertEqual(len(set(kinds)), 3)  # NAPTR, SRV, one type of address
        asked = len(kinds)
        self.assertEqual(self.ask(self.request(2)), self.first)
        self.assertEqual(len(self.network.asked), asked)

    def test_a_port_and_no_name(self):
        third = self.world.addr16("third:b")
        self.assertEqual(self.ask(self.request(1), "sip:x@only.example:5070"), (third, 5070))
        self.assertEqual(self.ask(self.request(2), "sip:x@only.example"), (third, 5060))
        for uri in ("sip:x@no.example", "sip:x@other.side", "sip:x@a..b"):
            self.assertEqual(self.ask(self.request(3), uri), 404)

    def test_no_dns(self):
        self.network.silent = True
        self.assertEqual(self.ask(self.request(1)), 503)
        self.network.silent = False
        self.network.wait(5_001)
        self.assertEqual(self.ask(self.request(2)), self.first)

    def test_a_silent_server_is_left_but_not_by_its_transaction(self):
        self.assertEqual(self.ask(self.request(1)), self.first)
        self.network.wait(2_999)
        self.assertEqual(self.ask(self.request(2)), self.first)
        self.network.wait(1)
        self.assertEqual(self.ask(self.request(1)), self.first)  # a repetition
        self.assertEqual(self.ask(self.request(1, "CANCEL")), self.first)
        self.assertEqual(self.ask(self.request(1, "ACK")), self.first)
        self.assertEqual(self.ask(self.request(3)), self.second)
        self.assertEqual(self.servers.counters["failed"], 1)
        self.network.wait(60_001)  # the name is asked for again
        self.answer(3, "100 Trying", self.second)
        self.assertEqual(self.ask(self.request(4)), self.second)

    def test_who_answers_is_kept(self):
        for status in ("100 Trying", "404 Not Found", "200 OK"):
            self.assertEqual(self.ask(self.request(status[:3])), self.first)
            self.answer(status[:3], status)
            self.network.wait(10_000)
        self.assertEqual(self.ask(self.request(9)), self.first)
        self.assertEqual(self.servers.counters["failed"], 0)

    def test_an_ack_waits_for_nothing(self):
        self.ask(self.request(1))
        self.answer(1, "200 OK")
        self.assertEqual(self.ask(self.request(2, "ACK")), self.first)
        self.network.wait(10_000)
        self.assertEqual(self.ask(self.request(3)), self.first)

    def test_503(self):
        self.ask(self.request(1))
        self.answer(1, "503 Service Unavailable", self.second)  # another's word
        self.assertEqual(self.ask(self.request(2)), self.first)
        self.answer(2, "503 Service Unavailable\nRetry-After: 20 (soon);duration=9")
        self.assertEqual(self.ask(self.request(3)), self.second)
        self.answer(3, "100 Trying", self.second)
        self.answer(1, "100 Trying")
        self.network.wait(20_000)
        self.assertEqual(self.ask(self.request(4)), self.first)

    def test_all_have_failed(self):
        """The one whose time ends first is asked."""
        self.ask(self.request(1))
        self.answer(1, "503 Service Unavailable")
        self.ask(self.request(2))
        self.answer(2, "503 Service Unavailable\nRetry-After: 9", self.second)
        self.assertEqual(self.ask(self.request(3)), self.second)
        self.answer(3, "100 Trying", self.second)
        self.network.wait(300_000)
        self.assertEqual(self.ask(self.request(4)), self.first)

    def test_a_connection_that_ends_without_an_answer(self):
        stream = Stream()
        self.assertEqual(self.ask(self.request(1), stream=stream), self.first)
        self.assertEqual(self.ask(self.request(2), stream=stream), self.first)
        stream.open = False
        self.assertEqual(self.ask(self.request(3), stream=Stream()), self.second)

    def test_addresses_that_are_no_host_s(self):
        number = 0
        for text in (
            "0.0.0.0",
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
        ):
            number += 1
            addr16 = literal(text)
            host = "h%d.example" % number
            self.network.host(host, addr16)
            self.here = not side(addr16)
            self.assertEqual(self.ask(self.request(number), "sip:x@" + host), 404)
        self.here = side(self.world.addr16("phone:a"))
        self.network.host("some.example", self.world.addr16("third:b"))
        self.assertEqual(
            self.ask(self.request(99), "sip:x@some.example"), self.world.address("third:b")
        )

    def test_what_waits_is_let_go(self):
        called = []
        uri = OwnURI("sip:bob@example.org")
        for close in (False, True):
            servers = self.network.servers()

            def again(closed=close):
                called.append(closed)

            self.assertIsNone(servers.find(uri, self.request(1), self.here, 0, None, again))
            if close:
                servers.close()
            self.network.wait(30_000)
        self.assertEqual(called, [False])

    def test_bounds(self):
        for number in range(300):
            self.assertIsNotNone(self.ask(self.request(number)))
        self.assertEqual(len(self.servers._tries), 256)
        self.assertEqual(len(self.servers._open), 256)
        self.network.silent = True
        codes = []
        for number in range(100):
            request = self.request(number)
            uri = OwnURI("sip:x@n%d.example" % (number % 4))
            try:
                found = self.servers.find(uri, request, self.here, 0, None, lambda: None)
                codes.append(found)
            except Refused as error:
                codes.append(error.code)
        self.assertEqual(codes, [None] * 64 + [503] * 36)


TestServersMirrored = mirrored(TestServers)
