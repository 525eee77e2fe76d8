# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""TCP: partners, who gets an answer, ends, broken peers, limits; parties told apart by port."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from tools.siproxy64.configuration import parse
from tools.siproxy64.portable_plane import PortablePlane
from tools.siproxy64.program import Program, sent_by_port


class Host:
    """A host whose connections are at hand. made: those that the program has begun."""

    def __init__(self):
        self.listening = {}
        self.made = []
        self.refuses = False
        self.taken = ()

    def now(self):
        return 0

    def stop(self):
        pass

    def call_at(self, when, call):
        return Never()

    def udp(self, local16, port, received, wildcard=False):
        return Listening(self, None)

    def listen(self, local16, port, accepted, wildcard=False):
        self.listening[(local16, port)] = accepted
        return Listening(self, (local16, port))

    def connect(self, local16, local_port, peer16, peer_port):
        if self.refuses or (local16, local_port) in self.taken:
            raise OSError(98)
        self.made.append(Stream((local16, local_port or 40000), (peer16, peer_port)))
        return self.made[-1]

    def comes(self, source, destination):
        """A connection from an address to one that is listened on."""
        stream = Stream(destination, source)
        self.listening[destination](stream, destination[0], source[0], source[1])
        return stream


class Never:
    def cancel(self):
        pass


class Listening:
    def __init__(self, host, where):
        self.host = host
        self.where = where

    def close(self):
        self.host.listening.pop(self.where, None)


class Stream:
    def __init__(self, local, peer):
        self.local = local
        self.peer = peer
        self.sent = b""
        self.is_open = True

    def write(self, data):
        self.sent += data

    def close(self):
        self.is_open = False

    def take(self):
        data, self.sent = self.sent.decode(), b""
        return data


REQUEST = """
    %s sip:bob@{provider:%s} SIP/2.0
    Via: SIP/2.0/TCP {phone:%s}:%d;branch=z9hG4bKx%s
    Max-Forwards: 70
    From: <sip:a@example.org>;tag=a
    To: <sip:b@example.org>
    Call-ID: %s
    CSeq: 1 %s
    Content-Length: 0
"""


class StreamCase(unittest.TestCase):
    world = World()
    config = "map {phone:a!} = {phone:b!}\nmap {provider:b!} = {provider:a!}\n"

    def setUp(self):
        self.host = Host()
        settings = parse(self.world.text(self.config) + "limit connections 4\n")
        plane = PortablePlane(self.host)
        self.program = Program(settings, self.host, plane, lambda line: None)
        self.program.start()

    def phone(self, port=30000):
        """A connection from the phone to the provider's representation."""
        world = self.world
        return self.host.comes(world.address("phone:a", port), world.address("provider:a"))

    def request(self, call="c", port=5060, method="OPTIONS", rport=""):
        return self.world.octets(REQUEST % (method, "a", "a", port, rport, call, method))

    def answer(self, request):
        """The answer to a request as it was received, from its text."""
        head = [line for line in request.split("\r\n")[1:] if line[:4] != "Max-"]
        return ("SIP/2.0 200 OK\r\n" + "\r\n".join(head)).encode()


class TestPartners(StreamCase):
    def test_there_and_back(self):
        for rport in ("", ";rport"):
            self.setUp()
            phone = self.phone()
            phone.received(self.request(rport=rport))
            far = self.host.made[0]
            self.assertEqual(far.peer, self.world.address("provider:b"))
            self.assertEqual(far.local, self.world.address("phone:b", 30000))
            asked = far.take()
            self.assertIn(self.world.text("OPTIONS sip:bob@{provider:b} SIP/2.0"), asked)
            far.received(self.answer(asked))
            self.assertTrue(phone.take().startswith("SIP/2.0 200 OK\r\n"))
            self.assertEqual(len(self.host.made), 1)

    def test_rport_is_left_to_the_next_hop(self):
        """Some corrupt one with a value (libre up to 2026); the connection tells the way back."""
        phone = self.phone()
        phone.received(self.request(rport=";rport"))
        far = self.host.made[0]
        asked = far.take()
        self.assertIn(";rport\r\n", asked)
        seen = self.world.text(";rport=7;received={phone:b}\r\n").replace("[", "").replace("]", "")
        far.received(self.answer(asked.replace(";rport\r\n", seen)))
        self.assertTrue(phone.take().startswith("SIP/2.0 200 OK\r\n"))
        self.assertEqual(len(self.host.made), 1)

    def test_a_phone_that_begins_anew(self):
        """It was switched off, nobody was told: its next connection gets the answers."""
        before = self.phone()
        before.received(self.request())
        far = self.host.made[0]
        far.take()
        phone = self.phone(30001)
        phone.received(self.request("again"))
        self.assertEqual(len(self.host.made), 1)
        far.received(self.answer(far.take()))
        self.assertIn("Call-ID: again", phone.take())
        self.assertEqual(before.take(), "")

    def test_one_partner_for_all_messages(self):
        phone = self.phone()
        phone.received(self.request("one") + self.request("two")[:20])
        phone.received(self.request("two")[20:])
        self.assertEqual(len(self.host.made), 1)
        self.assertEqual(self.host.made[0].take().count("OPTIONS sip:"), 2)

    def test_requests_of_the_other_end_come_by_it(self):
        """The provider asks the phone by the connection that it has."""
        phone = self.phone()
        phone.received(self.request(rport=";rport"))
        far = self.host.made[0]
        back = (
            self.request()
            .decode()
            .replace(
                self.world.text("sip:bob@{provider:a}"), self.world.text("sip:a@{phone:b}:30000")
            )
        )
        far.received(back.replace(
            self.world.text("{phone:a}:5060"), self.world.text("{provider:b}:5060")).encode()
        )  # fmt: skip
        self.assertIn(self.world.text("OPTIONS sip:a@{phone:a}:30000"), phone.take())
        self.assertEqual(len(self.host.made), 1)

    def test_the_port_is_taken(self):
        self.host.taken = (self.world.address("phone:b", 30000),)
        phone = self.phone()
        phone.received(self.request())
        far = self.host.made[0]
        far.received(self.answer(far.take()))
        self.assertTrue(phone.take().startswith("SIP/2.0 200 OK\r\n"))

    def test_an_end_is_that_of_both(self):
        for first in (0, 1):
            self.setUp()
            phone = self.phone()
            phone.received(self.request())
            both = [phone, self.host.made[0]]
            both[first].closed()
            self.assertFalse(both[1 - first].is_open)
            self.assertEqual(len(self.program.streams), 0)

    def test_nobody_there(self):
        """What cannot be sent is counted; the connection goes on."""
        self.host.refuses = True
        phone = self.phone()
        phone.received(self.request())
        self.assertEqual(self.program.mirror.counters["unreachable"], 1)
        self.assertTrue(phone.is_open)


class TestBrokenPeers(StreamCase):
    def test_keepalive_is_answered(self):
        phone = self.phone()
        phone.received(b"\r\n\r\n")
        self.assertEqual(phone.take(), "\r\n")

    def test_lost_boundaries_end_one_connection(self):
        good, bad = self.phone(30000), self.phone(30002)
        good.received(self.request())
        bad.received(b"INVITE sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n")
        self.assertEqual((bad.is_open, good.is_open), (False, True))
        good.received(self.request("again"))
        self.assertEqual(self.host.made[0].take().count("OPTIONS sip:"), 2)

    def test_too_long(self):
        phone = self.phone()
        phone.received(self.request().replace(b"Content-Length: 0", b"Content-Length: 9000"))
        self.assertFalse(phone.is_open)

    def test_a_broken_request_is_the_last(self):
        """It is answered on its connection, in whatever pieces it comes, behind good ones too."""
        for old, new, status in (
            (b"SIP/2.0\r\n", b"SIP/4.0\r\n", "505 Version Not Supported"),
            (b"Content-Length: 0", b"Content-Length: 9000", "513 Message Too Large"),
            (b"Content-Length: 0", b"X: 0", "400 "),
            (b"Max-Forwards:", b"Max Forwards:", "400 "),
        ):
            broken = self.request("broken").replace(old, new, 1)
            for pieces in (
                [broken],
                [broken[:30], broken[30:90], broken[90:]],
                [self.request("good") + broken],
                [self.request("good")[:-9], self.request("good")[-9:] + broken + b"rest"],
            ):
                self.setUp()
                phone = self.phone()
                for piece in pieces:
                    phone.received(piece)
                self.assertFalse(phone.is_open)
                said = phone.take()
                self.assertTrue(said.startswith("SIP/2.0 " + status), said)
                self.assertIn("\r\nCall-ID: broken\r\n", said)
                self.assertEqual(self.program.mirror.counters["malformed"], 1)
                passed = "".join([one.take() for one in self.host.made])
                good = b"Call-ID: good" in b"".join(pieces)
                self.assertEqual("Call-ID: good" in passed, good)
                self.assertFalse("Call-ID: broken" in passed)

    def test_strangers(self):
        world = self.world
        stranger = self.host.comes(world.address("stranger:a", 3), world.address("provider:a"))
        stranger.received(self.request())
        self.assertTrue(stranger.take().startswith("SIP/2.0 403 "))
        self.assertEqual(self.host.made, [])

    def test_limit(self):
        """Four connections, two calls; the others go on when a fifth comes."""
        phones = [self.phone(30000 + i) for i in range(5)]
        self.assertEqual([phone.is_open for phone in phones], [True] * 4 + [False])
        phones[0].received(self.request())
        self.assertEqual(self.program.mirror.counters["unreachable"], 1)
        phones[1].closed()
        phones[0].received(self.request())
        self.assertEqual(len(self.host.made), 1)


class TestPorts(StreamCase):
    """Two phones on one address, told apart by SIP port, each by TCP from another port."""

    config = (
        "map {phone:a}:5062 = {phone:b}:5070\nmap {phone:a}:5064 = {phone:b}:5080\n"
        "map {provider:b!} = {provider:a!}\n"
    )

    def test_each_is_itself(self):
        for port, shown in ((5062, 5070), (5064, 5080)):
            self.setUp()
            self.host.taken = (self.world.address("phone:b", shown),)  # it is listened on
            phone = self.phone()
            phone.received(self.request(port=port))
            far = self.host.made[0]
            asked = far.take()
            self.assertIn(self.world.text("Via: SIP/2.0/TCP {phone:b}:%d;" % shown), asked)
            far.received(self.answer(asked))
            self.assertTrue(phone.take().startswith("SIP/2.0 200 OK\r\n"))

    def test_sent_by(self):
        for line, port in (
            (b"Via: SIP/2.0/TCP [2001:db8::1]:5062;branch=x", 5062),
            (b"v:SIP / 2.0 / TCP 192.0.2.1:7", 7),
            (b"Via: SIP/2.0/TCP [2001:db8::1]", 5060),
            (b"Via: SIP/2.0/TCP host:port", 5060),
            (b"Via:", 5060),
            (b"Subject: none", 5060),
        ):
            self.assertEqual(sent_by_port(b"OPTIONS x\r\n" + line + b"\r\n\r\n"), port)


TestPartnersMirrored = mirrored(TestPartners)
TestBrokenPeersMirrored = mirrored(TestBrokenPeers)
TestPortsMirrored = mirrored(TestPorts)

if __name__ == "__main__":
    unittest.main()
