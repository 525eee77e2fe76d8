# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A default route by DNS: a phone's calls to anybody through one own address."""

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.names_worlds import Network
from host_tests.siproxy64.worlds import MirrorCase
from tools.siproxy64.default_route import DefaultRoute
from tools.siproxy64.pool import Pool
from tools.siproxy64.settings import Settings
from tools.siproxy64.table import side

INVITE = """
    INVITE sip:bob@example.org SIP/2.0
    Via: SIP/2.0/UDP {phone:a};branch=z9hG4bKp1
    Max-Forwards: 70
    From: <sip:100@{phone:a}>;tag=p
    To: <sip:bob@example.org>
    Call-ID: d1
    CSeq: 1 INVITE
    Contact: <sip:100@{phone:a}>
    """


class _Program:
    """What a default route knows of it: settings, and a way for messages."""

    def __init__(self, case, settings):
        self._case = case
        self.settings = settings

    def redirect(self, data, local, peer, stream):
        self._case.mirror.receive(data, local, peer, self._case.network.time, stream)


class TestDefaultRoute(MirrorCase):
    """{own:a} leads to side b, where example.org is at a host that a pool gives an address."""

    def setUp(self):
        super().setUp()
        world = self.world
        self.network = Network()
        self.network.host("example.org", world.addr16("200:b"))
        self.network.host("party.example", world.addr16("provider:b"))
        self.network.host("phone.example", world.addr16("second:b"))
        self.settings = Settings()
        self.settings.table = self.table
        own = world.address("own:a")
        self.settings.defaults = {side(own[0]): own}
        parties = (world.addr16("0:b")[:15] + b"\0", 112)
        self.pool = (world.addr16("220:a"), 127)  # two addresses
        self.settings.pools = [Pool(self.table, parties, self.pool, 1000)]
        self.table.unknown = self.settings.unknown
        route = DefaultRoute(_Program(self, self.settings), self.network.servers())
        self.mirror.default = route.default

    def call(self, uri="sip:bob@example.org", peer="phone:a", route=""):
        """Let the phone send; return (octets, source, destination) that come out."""
        text = INVITE.replace("sip:bob@example.org SIP", uri + " SIP")
        if route:
            text = text.replace("    Max-F", "    Route: " + route + "\n    Max-F")
        out = self.send(text.replace("phone:a", peer), "own:a", peer)
        self.network.wait()
        return [one[:3] for one in out + self.mirror.take()]

    def reached(self, out, target, port=5060):
        """It went on from the phone's representation; return its text."""
        self.assertEqual(len(out), 1)
        data, source, destination = out[0]
        self.assertEqual(source, self.world.address("phone:b"))
        self.assertEqual(destination, self.world.address(target, port))
        return data.decode()

    def refused(self, out, code):
        self.assertEqual(len(out), 1)
        self.assertEqual(out[0][0][:12], b"SIP/2.0 %d " % code)

    def test_a_name(self):
        text = self.reached(self.call(), "200:b")
        self.assertTrue(text.startswith("INVITE sip:bob@example.org SIP/2.0\r\n"))
        self.assertIn(self.world.text("Contact: <sip:100@{phone:b}>\r\n"), text)
        self.assertEqual((text.count("Via:"), text.count("Record-Route")), (1, 0))
        seen = self.table.unknown(self.world.addr16("200:b"), 5060, 0, False)
        self.assertEqual(seen, (self.pool[0], 5060))
        answer = text.replace("INVITE sip:bob@example.org SIP/2.0", "SIP/2.0 486 Busy Here")
        sent = self.send(answer.encode(), "phone:b", "200:b")
        self.assertEqual(sent[0][1:3], (seen, self.world.address("phone:a")))

    def test_addresses_and_ports(self):
        self.reached(self.call("sip:bob@{200:b}:5070"), "200:b", 5070)
        self.reached(self.call("sip:bob@example.org:5080"), "200:b", 5080)
        self.reached(self.call("sip:bob@party.example"), "provider:b")

    def test_routes(self):
        ours = "<sip:{own:a};lr>"
        text = self.reached(self.call(route=ours), "200:b")
        self.assertNotIn("Route:", text)
        theirs = "<sip:{provider:b};lr>"
        text = self.reached(self.call(route=ours + ", " + theirs), "provider:b")
        self.assertIn("Route: " + self.world.text(theirs), text)

    def test_what_leads_nowhere(self):
        world = self.world
        self.table.add_name("us.example", world.addr16("own:a"), world.addr16("99:b"))
        for uri, code in (
            ("sip:bob@nowhere.example", 404),
            ("sip:bob@us.example", 404),
            ("sip:bob@{99:a}", 404),
            ("sip:bob@{second:b}", 404),  # a phone of this side, seen from the other one
            ("sip:bob@phone.example", 404),
            ("sips:bob@example.org", 416),
            ("tel:100", 416),
        ):
            self.refused(self.call(uri), code)
        self.refused(self.call(peer="99:a"), 403)

    def test_a_full_pool(self):
        self.call("sip:a@{201:b}")
        self.call("sip:a@{202:b}")
        out = self.call("sip:a@{203:b}")
        self.refused(out, 503)
        self.assertIn(b"Retry-After", out[0][0])

    def test_answers_are_not_led(self):
        text = INVITE.replace("INVITE sip:bob@example.org SIP/2.0", "SIP/2.0 200 OK", 1)
        self.assertEqual(self.send(text, "own:a", "phone:a"), [])
        self.assertEqual(self.mirror.counters, {"nobody": 1})


TestDefaultRouteMirrored = mirrored(TestDefaultRoute)
