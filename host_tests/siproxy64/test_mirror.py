# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The mirror as a whole: datagrams in, datagrams out."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from tools.siproxy64.mirror import Mirror
from tools.siproxy64.table import Table


class PlainRelay:
    """Keeps every port, as if all were free."""

    def __init__(self, table):
        self.table = table
        self.ended = []

    def begin(self, message, source, target, now):
        return PlainPassage(self)

    def handle_timer(self, now):
        pass

    def get_timer(self):
        return None


class PlainPassage:
    """One message on its way."""

    def __init__(self, relay):
        self.relay = relay

    def stream(self, index, addr16, rtp, rtcp, count):
        other = None if addr16 is None else self.relay.table.counterpart(addr16)
        return None if other is None else (other[0], rtp, rtcp)

    def end(self, passed):
        self.relay.ended.append(passed)


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


class TestWorkedExample(unittest.TestCase):
    """A provider on side b calls the phone on side a."""

    world = World()

    def setUp(self):
        self.table = Table()
        for real, representation in (("phone:a", "phone:b"), ("provider:b", "provider:a")):
            self.table.add(self.world.address(real, 0), self.world.address(representation, 0))
        self.relay = PlainRelay(self.table)
        self.mirror = Mirror(self.table, self.relay)

    def pass_on(self, template, local, peer):
        """Send one datagram in; return what comes out."""
        world = self.world
        data = world.octets(template)
        self.mirror.receive(data, world.address(local), world.address(peer), 0)
        return self.mirror.take()

    def test_invite(self):
        sent = self.pass_on(INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}, "phone:b", "provider:b")
        self.assertEqual(len(sent), 1)
        data, source, destination, stream = sent[0]
        expected = self.world.octets(INVITE_FROM_PROVIDER % {"s": "a", "hops": 69})
        self.assertEqual(data.decode(), expected.decode())
        self.assertEqual(source, self.world.address("provider:a"))
        self.assertEqual(destination, self.world.address("phone:a"))
        self.assertIsNone(stream)
        self.assertEqual(self.relay.ended, [True])

    def test_answer(self):
        sent = self.pass_on(OK_FROM_PHONE % {"s": "a"}, "provider:a", "phone:a")
        self.assertEqual(len(sent), 1)
        data, source, destination, _ = sent[0]
        self.assertEqual(data.decode(), self.world.octets(OK_FROM_PHONE % {"s": "b"}).decode())
        self.assertEqual(source, self.world.address("phone:b"))
        self.assertEqual(destination, self.world.address("provider:b"))

    def test_no_hop_left(self):
        sent = self.pass_on(INVITE_FROM_PROVIDER % {"s": "b", "hops": 0}, "phone:b", "provider:b")
        data, source, destination, _ = sent[0]
        self.assertTrue(data.startswith(b"SIP/2.0 483 Too Many Hops\r\n"))
        self.assertIn(self.world.text("Via: SIP/2.0/UDP {provider:b};branch").encode(), data)
        self.assertEqual(source, self.world.address("phone:b"))
        self.assertEqual(destination, self.world.address("provider:b"))


TestWorkedExampleMirrored = mirrored(TestWorkedExample)
