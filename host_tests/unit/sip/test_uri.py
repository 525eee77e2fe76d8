# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/uri.py: RFC 3261 section 19.1, both ways, and one invalid text per rule."""

import unittest

from vox6.sip.uri import URI, escape, host_address, host_text, unescape
from vox6.wire import FormatError, parse_address

# text, scheme, user, password, host, port, params, headers
TABLE = (
    ("sip:alice@atlanta.com", "sip", "alice", None, "atlanta.com", None, [], None),
    (
        "sip:alice:secretword@atlanta.com;transport=tcp",
        "sip", "alice", "secretword", "atlanta.com", None, [("transport", "tcp")], None,
    ),
    (
        "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sips", "alice", None, "atlanta.com", None, [], "subject=project%20x&priority=urgent",
    ),
    (
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip", "+1-212-555-1212", "1234", "gateway.com", None, [("user", "phone")], None,
    ),
    ("sip:alice@192.0.2.4", "sip", "alice", None, "192.0.2.4", None, [], None),
    (
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip", None, None, "atlanta.com", None, [("method", "REGISTER")], "to=alice%40atlanta.com",
    ),
    (
        "sip:alice;day=tuesday@atlanta.com",
        "sip", "alice;day=tuesday", None, "atlanta.com", None, [], None,
    ),
    ("sip:[2001:db8::10]", "sip", None, None, "[2001:db8::10]", None, [], None),
    ("sip:[2001:db8::10]:5070", "sip", None, None, "[2001:db8::10]", 5070, [], None),
    (
        "sip:user@[2001:DB8::10]:5070;lr;maddr=[ff0e::1]",
        "sip", "user", None, "[2001:DB8::10]", 5070, [("lr", None), ("maddr", "[ff0e::1]")], None,
    ),
    ("sip:a.b-c%C3%A4@x.example.", "sip", "a.b-c%C3%A4", None, "x.example.", None, [], None),
    (
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
        "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)", "example.com", None, [], None,
    ),
)  # fmt: skip

INVALID = (
    "", "sip", "sip:", ":a@b", "1sip:a@b", "sip:@b", "sip:a@", "sip:a@b:", "sip:a@b:x",
    "sip:a@b:65536", "sip:a@b:123456", "sip:a@b:-1", "sip:a@[::1", "sip:a@::1", "sip:a@[::1]x",
    "sip:a@[::1]:", "sip:a@[1:2]", "sip:a@[fe80::1%25eth0]", "sip:a@b;", "sip:a@b;=x",
    "sip:a@b;x=", "sip:a@b;x=\"q\"", "sip:a b@c", "sip:a@b c", "sip:a@b?x", "sip:a@b?=x",
    "sip:a@b?x=1&", "sip:a%@b", "sip:a%4@b", "sip:a%zz@b", "sip:a@-b.c", "sip:a@b-.c",
    "sip:a@b..c", "sip:a@.", "sip:a@1.2.3", "sip:a@1.2.3.256", "sip:a\u00e4@b", "sip:a@b_c",
    "sip:a:p q@b", "sip:a@b@c", "tel:", "tel:\u0661", "sip:<a@b>", "sip:a@b;x=%4", "sip:a@b\r\n",
)  # fmt: skip


class ParseTest(unittest.TestCase):
    def test_both_ways(self):
        for text, scheme, user, password, host, port, params, headers in TABLE:
            uri = URI.parse(text)
            self.assertEqual(uri.scheme, scheme)
            self.assertEqual(uri.user, user)
            self.assertEqual(uri.password, password)
            self.assertEqual(uri.host, host)
            self.assertEqual(uri.port, port)
            self.assertEqual(uri.params, params)
            self.assertEqual(uri.headers, headers)
            self.assertEqual(str(uri), text)
            built = URI(scheme, user, host, port, params, headers, password)
            self.assertEqual(str(built), text)

    def test_scheme_is_lower(self):
        self.assertEqual(str(URI.parse("SIP:a@B.c")), "sip:a@B.c")

    def test_opaque(self):
        for text in ("tel:+1-201-555-0123;ext=5", "http://x.example/?q=1#f", "mailto:a@b"):
            uri = URI.parse(text)
            self.assertEqual(str(uri), text)
            self.assertIsNone(uri.addr16())
        self.assertEqual(URI.parse("tel:+1").scheme, "tel")

    def test_invalid(self):
        for text in INVALID:
            self.assertRaises(FormatError, URI.parse, text)

    def test_too_long(self):
        try:
            URI.parse("sip:" + "a" * 2000 + "@b")
        except FormatError as error:
            self.assertEqual(error.code, 414)
        else:
            self.assertTrue(False)

    def test_get(self):
        uri = URI.parse("sip:a@b;LR;Transport=TCP")
        self.assertEqual(uri.get("lr"), "")
        self.assertEqual(uri.get("transport"), "TCP")
        self.assertIsNone(uri.get("maddr"))

    def test_peer(self):
        addr = parse_address("2001:db8::1")
        self.assertEqual(URI.parse("sip:a@[2001:db8::1]").peer(), (addr, 5060))
        self.assertEqual(URI.parse("sips:a@[2001:db8::1]").peer(), (addr, 5061))
        self.assertEqual(URI.parse("sip:a@[2001:db8::1]:7").peer(), (addr, 7))
        self.assertEqual(URI.parse("sip:a@x;maddr=[2001:db8::1]").peer(), (addr, 5060))
        self.assertIsNone(URI.parse("sip:a@example.com").peer())
        mapped = parse_address("::ffff:192.0.2.4")
        self.assertEqual(URI.parse("sip:a@192.0.2.4").peer(), (mapped, 5060))


class CompareTest(unittest.TestCase):
    # RFC 3261 section 19.1.4
    SAME = (
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"),
    )
    DIFFERENT = (
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
        ("sip:a@b", "sip:a:p@b"),
        ("tel:1", "tel:2"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    )

    def test_same(self):
        for one, two in self.SAME:
            self.assertTrue(URI.parse(one).matches(URI.parse(two)))
            self.assertTrue(URI.parse(two).matches(URI.parse(one)))

    def test_different(self):
        for one, two in self.DIFFERENT:
            self.assertFalse(URI.parse(one).matches(URI.parse(two)))
            self.assertFalse(URI.parse(two).matches(URI.parse(one)))


class TextTest(unittest.TestCase):
    def test_escape(self):
        for text, escaped in (
            ("alice", "alice"),
            ("j@s0n", "j%40s0n"),
            ("\u00e4 b", "%C3%A4%20b"),
            ("#5", "%235"),
        ):
            self.assertEqual(escape(text), escaped)
            self.assertEqual(unescape(escaped), text)
        self.assertRaises(FormatError, unescape, "%ff")
        self.assertRaises(FormatError, unescape, "%f")

    def test_hosts(self):
        self.assertEqual(host_text(parse_address("2001:db8::1")), "[2001:db8::1]")
        self.assertEqual(host_text(parse_address("::ffff:192.0.2.1")), "192.0.2.1")
        # the interface index of a link-local address stays at home
        self.assertEqual(host_text(parse_address("fe80:3::1")), "[fe80::1]")
        self.assertIsNone(host_address("example.com"))
        self.assertEqual(host_address("[::1]"), bytes(15) + b"\x01")
        self.assertRaises(FormatError, host_address, "1.2.3")
