# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Header by header: what an address becomes, and that nothing else changes."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.worlds import ON_SIDE_A, ON_SIDE_B
from tools.siproxy64.scan import Translator, field
from tools.siproxy64.table import Table, side
from vox6.sip.lines import header_key


class Names(Translator):
    """The counterparts of one table, for messages that come from one side."""

    def __init__(self, table, here):
        self.table = table
        self.here = here

    def __call__(self, addr16, port):
        if side(addr16) != self.here:
            return addr16, port
        return self.table.counterpart(addr16, port)

    def name(self, text):
        pair = self.table.name(text)
        return pair and (pair[0] if side(pair[0]) == self.here else pair[1])


# Each line as it is on either side: ~ stands for the side.
BOTH_WAYS = (
    # Via (RFC 3261 section 20.42, RFC 3581)
    "Via: SIP/2.0/UDP {phone:~};branch=z9hG4bK1",
    "Via: SIP/2.0/UDP {phone:~}:5060;branch=z9hG4bK1",
    "v:SIP/2.0/TCP {phone:~}:5070;branch=z9hG4bK1;rport",
    "Via: SIP/2.0/TLS {phone:~}:5061;branch=z9hG4bK1",
    "VIA : SIP/2.0/UDP {phone:~} : 5070 ; branch=z9hG4bK1",
    "Via: SIP / 2.0 / UDP\t{phone:~};branch=z9hG4bK1,\r\n SIP/2.0/TCP {proxy:~};branch=z9hG4bK2",
    "Via: SIP/2.0/UDP {phone:~};received={second:~!};branch=z9hG4bK1",
    "Via: SIP/2.0/UDP {phone:~};received = {second:~!} ;rport=5070",
    "Via: SIP/2.0/UDP phone.example.org;rport=5070;received={second:~!};branch=z9hG4bK1",
    "Via: SIP/2.0/UDP {phone:~};maddr={second:~};ttl=1;branch=z9hG4bK1",
    "Via: SIP/2.0/UDP {phone:~}:5070;branch=z9hG4bK.{99:a}",
    "Via: SIP/2.0/UDP phone.example.org;branch=z9hG4bK1",
    # Contact (section 20.10)
    "Contact: <sip:{phone:~}>",
    "m: <sip:100@{phone:~}>",
    "Contact: <sip:100@{phone:~}:5062;transport=tcp>;expires=60;q=0.5",
    "Contact: sip:100@{phone:~};expires=60",
    "Contact: sip:100@{phone:~}:5070;q=1",
    "Contact: sips:100@{phone:~}, <sips:{phone:~}:5061>",
    "Contact: <sip:100@{phone:~}>, <sip:101@{second:~}:5062>,<sip:102@host.example.org>",
    "Contact: *",
    'Contact: "sip:100@{99:a}, \\"100\\"" <sip:100@{phone:~}>',
    "Contact: sip <sip:100@{phone:~}>",
    "CONTACT: <SIP:100@{phone:~}>",
    "Contact: <sip:a,b;c?d@{phone:~}>",
    "Contact: <sip:a%40{99:a!}@{phone:~}>".replace("{99:a!}", "9.9.9.9"),
    'Contact: <sip:100:secret@{phone:~};ob>;+sip.instance="<urn:uuid:1>";reg-id=1',
    'Contact: <sip:100@{phone:~}>;received="sip:{second:~}:5070"',
    "Contact: <sip:100@host.example.org;maddr={phone:~};lr>",
    "Contact:\r\n <sip:100@{phone:~}>\r\n\t;expires=60",
    "Contact: <tel:+1-201-555-0123>, <mailto:100@{99:a}>",
    # routes
    "Record-Route: <sip:{proxy:~};lr>, <sip:{provider:~};lr>",
    "Route: <sip:{proxy:~};lr>,<sip:provider.example.org;lr>",
    "Path: <sip:edge@{proxy:~};lr;ob>",
    "Service-Route: <sip:{proxy:~};lr>",
    # parties
    "From: <sip:100@{phone:~}>;tag=a",
    'f: "100" <sip:100@{phone:~}>;tag={99:a}',
    "To: sip:100@{phone:~};tag=b",
    "t: <sip:100@example.org>",
    "Reply-To: <sip:100@{phone:~}>",
    "Refer-To: <sip:100@{phone:~}?Replaces=1%40{99:a!}%3Bto-tag%3D1>".replace(
        "{99:a!}", "9.9.9.9"
    ),
    "r: <sip:100@{phone:~};method=INVITE>",
    'Referred-By: <sip:100@{phone:~}>;cid="1@{99:a}"',
    "b: <sip:100@{phone:~}>",
    "Also: <sip:100@{phone:~}>",
    "History-Info: <sip:100@{phone:~}?Reason=SIP%3Bcause%3D302>;index=1,<sip:{proxy:~}>;index=1.1",
    "Diversion: <sip:100@{phone:~}>;reason=user-busy",
    'P-Asserted-Identity: "A" <sip:100@{phone:~}>, <tel:+14085264000>',
    "P-Preferred-Identity: <sip:100@{phone:~}>",
    'Remote-Party-ID: "100" <sip:100@{phone:~}>;party=calling',
    "P-Called-Party-ID: <sip:100@{phone:~}>",
    "P-Associated-URI: <sip:100@{phone:~}>",
    "P-Served-User: <sip:100@{phone:~}>;sescase=orig",
    "P-Profile-Key: <sip:room-!.*!@{phone:~}>",
    "P-User-Database: <sip:{provider:~}>",
    'P-Charging-Function-Addresses: ccf={provider:~}; ccf="{proxy:~}" ; ecf=host.example.org',
    # other URIs
    "Alert-Info: <sip:{media:~}>;appearance=1, <http://{99:a}/ring.wav>",
    "Call-Info: <sip:100@{phone:~}>;purpose=icon",
    "Error-Info: <sip:sorry@{media:~}>",
    "Geolocation: <sip:{provider:~}>",
    "Policy-Contact: <sip:{provider:~}>",
    "Permission-Missing: sip:100@{phone:~}",
    'Trigger-Consent: sip:100@{phone:~};target-uri="sip:1@example.org"',
    'Warning: 399 {provider:~} "sip:{99:a}", 301 {proxy:~}:5070 "a, b"',
    'Warning: 399 provider.example.org "no {99:a}"',
    # of no RFC
    "X-Last-Hop: sip:{proxy:~}:5070;transport=udp",
    "X-Address: {99:a}",
    "X-Odd: xsip:{99:a} sip.{99:a}",
)

OPAQUE = (
    "Call-ID: 1@{phone:a}",
    "i: 1@{phone:a}",
    'Authorization: Digest username="100", uri="sip:{phone:a}", response="0"',
    'Proxy-Authorization: Digest username="100", uri="sip:{phone:a}", response="0"',
    'WWW-Authenticate: Digest realm="x", domain="sip:{phone:a}"',
    'Proxy-Authenticate: Digest realm="x", domain="sip:{phone:a}"',
    "Replaces: sip:1@{phone:a};to-tag=1;from-tag=2",
    "Join: sip:1@{phone:a};to-tag=1;from-tag=2",
    "Target-Dialog: sip:1@{phone:a};local-tag=1;remote-tag=2",
    "In-Reply-To: sip:1@{phone:a}",
    "Subject: call sip:100@{phone:a}",
    "Server: sip:{phone:a}",
    "User-Agent: sip:{phone:a}",
    'Reason: SIP ;cause=200 ;text="sip:{phone:a}"',
    'Event: dialog;call-id="1";uri=sip:{phone:a}',
    "Identity: sip:{phone:a}",
)


class TestHeaders(unittest.TestCase):
    world = World()

    def setUp(self):
        world = self.world
        self.table = Table()
        for near, far, names in (("a", "b", ON_SIDE_A), ("b", "a", ON_SIDE_B)):
            for name in names:
                real, other = name + ":" + near, name + ":" + far
                self.table.add(world.address(real, 0), world.address(other, 0))
        self.table.add(world.address("own:a", 5070), world.address("own:b", 5060))
        self.table.add(world.address("20:a", 5061), world.address("20:b", 5063))

    def rewritten(self, line, near):
        """Return a line that comes from side `near`, rewritten."""
        name, colon, raw = self.world.text(line).partition(":")
        here = side(self.world.addr16("phone:" + near))
        key = header_key(name.strip())
        octets, self.unmapped = field(key, raw.encode(), Names(self.table, here))
        return name + colon + octets.decode()

    def become(self, line, expected, near="a"):
        self.assertEqual(self.rewritten(line, near), self.world.text(expected))

    def test_both_ways(self):
        for line in BOTH_WAYS:
            for near, far in (("a", "b"), ("b", "a")):
                with self.subTest(line=line, near=near):
                    self.become(line.replace("~", near), line.replace("~", far), near)
                    if "{99:" not in line:
                        self.assertFalse(self.unmapped)

    def test_never_touched(self):
        for line in OPAQUE:
            with self.subTest(line=line):
                self.become(line, line)

    def test_unmapped_is_left_and_told(self):
        for line in (
            "Contact: <sip:100@{stranger:a}>",
            "Record-Route: <sip:{stranger:a};lr>",
            "Via: SIP/2.0/UDP {stranger:a}",
            "Contact: <sip:100@{own:a}>",  # known by another port
        ):
            self.become(line, line)
            self.assertTrue(self.unmapped)

    def test_the_other_side_is_left(self):
        line = "Via: SIP/2.0/UDP {stranger:b}, SIP/2.0/UDP {provider:b}"
        self.become(line, line)
        self.assertFalse(self.unmapped)

    def test_ports(self):
        for line, expected in (
            ("Contact: <sip:{own:a}:5070>", "Contact: <sip:{own:b}:5060>"),
            ("Via: SIP/2.0/UDP {own:a}:5070", "Via: SIP/2.0/UDP {own:b}:5060"),
            (
                "Via: SIP/2.0/UDP host.example.org:5080;received={own:a!};rport=5070",
                "Via: SIP/2.0/UDP host.example.org:5080;received={own:b!};rport=5060",
            ),
            (
                "Via: SIP/2.0/UDP {own:a}:5070;received={own:a!}",
                "Via: SIP/2.0/UDP {own:b}:5060;received={own:b!}",
            ),
            ("Contact: <sips:{20:a}>", "Contact: <sips:{20:b}:5063>"),
            ("Via: SIP/2.0/TLS {20:a};x", "Via: SIP/2.0/TLS {20:b}:5063;x"),
            (
                "Contact: <sip:a@example.org:5070;maddr={own:a}:5070>",
                "Contact: <sip:a@example.org:5070;maddr={own:b}:5060>",
            ),
        ):
            self.become(line, expected)
        self.become("Contact: <sip:{own:b};lr>", "Contact: <sip:{own:a}:5070;lr>", "b")

    def test_own_names(self):
        world = self.world
        self.table.add_name("sip.example.org", world.addr16("phone:b"), world.addr16("provider:a"))
        self.become("To: <sip:1@SIP.example.org>", "To: <sip:1@{provider:b}>", "a")
        self.become("To: <sip:1@sip.example.org>", "To: <sip:1@{phone:a}>", "b")
        self.become("To: <sip:1@sip.example.com>", "To: <sip:1@sip.example.com>")

    def test_headers_of_a_uri(self):
        """They are unescaped, rewritten and escaped again."""
        lines = {}
        for near in ("a", "b"):
            host = self.world.text("{phone:%s}" % near)
            for char in "[]:":
                host = host.replace(char, "%%%02X" % ord(char))
            lines[near] = (
                "Refer-To: <sip:1@example.org?Route=%3Csip%3A" + host + "%3Blr%3E&Call-ID=1%4099>"
            )
        self.assertEqual(self.rewritten(lines["a"], "a"), lines["b"])
        self.assertEqual(self.rewritten(lines["b"], "b"), lines["a"])

    def test_damaged(self):
        for line in (
            'To: "A. User <sip:100@{phone:a}>',
            "To: <sip:100@>",
            "To: <sip:",
            "To: <sip:[>",
            "To: <sip:100@[]:>;tag=1",
            "Via: SIP/2.0",
            "Via: SIP/2.0/UDP",
            "Via: /,/,;;=,",
            "Via: SIP/2.0/UDP ;received=",
            "Warning: 399",
            "Warning: ,,",
            "Refer-To: <sip:1@example.org?a=%zz&b=%4&=&c>",
            "Contact: <sip:100@10.0.0.999>, <sip:1@1:2:3:4:5:6:7:8>",
            "P-Charging-Function-Addresses: ==;ccf=",
        ):
            self.become(line, line)


class TestForms(unittest.TestCase):
    """Forms of an address that only one family has."""

    def setUp(self):
        world = World()
        self.table = Table()
        self.table.add(world.address("phone:a", 0), world.address("phone:b", 0))

    def become(self, raw, expected):
        world = World()
        here = side(world.addr16("phone:b"))
        found = field("contact", raw.encode(), Names(self.table, here))
        self.assertEqual(found[0].decode(), expected)

    def test_every_form_is_read(self):
        phone = World().text("{phone:a}")
        for host in (
            "[2001:db8::b:40]",
            "[2001:DB8::B:40]",
            "[2001:0db8:0000:0000:0000:0000:000b:0040]",
            "[2001:db8:0:0:0:0:b:40]",
            "[2001:db8:0:0::b:40]",
            "[2001:db8::0.11.0.64]",
            "[2001:db8:::b:40]",  # RFC 5118 section 4.10
        ):
            self.become("<sip:1@%s>" % host, "<sip:1@%s>" % phone)

    def test_mapped_is_the_other_family(self):
        """RFC 5118 section 4.9: it is an address of the other side, and stays as it stands."""
        self.become("<sip:1@[::ffff:10.0.0.64]>", "<sip:1@[::ffff:10.0.0.64]>")
        here = side(World().addr16("phone:a"))
        found = field("contact", b"<sip:1@[::ffff:10.0.0.64]>", Names(self.table, here))
        self.assertEqual(found[0], b"<sip:1@[2001:db8::b:40]>")

    def test_port_inside_the_brackets_is_none(self):
        """RFC 5118 section 4.3."""
        world = World()
        addr16 = world.addr16("phone:b")[:14] + b"\x50\x70"
        self.table.add((world.addr16("second:a"), 0), (addr16, 0))
        self.become("<sip:1@[2001:db8::b:5070]>", world.text("<sip:1@{second:a}>"))
        self.become("<sip:1@[2001:db8::b:40]:5070>", world.text("<sip:1@{phone:a}:5070>"))

    def test_received_in_brackets(self):
        """RFC 5118 section 4.5: read, but written without."""
        world = World()
        here = side(world.addr16("phone:b"))
        raw = b"SIP/2.0/UDP a.example.org;received=[2001:db8::b:40];branch=1"
        found = field("via", raw, Names(self.table, here))[0]
        self.assertEqual(found, b"SIP/2.0/UDP a.example.org;received=10.0.0.64;branch=1")

    def test_without_brackets(self):
        self.become("<sip:1@2001:db8::b:40>", "<sip:1@2001:db8::b:40>")


TestHeadersMirrored = mirrored(TestHeaders)
