# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/pubtsp/markup.py and messages.py: octets both ways, one invalid case a rule."""

import unittest

from host_tests.vectors.pubtsp import exchanges
from vox6.pubtsp import markup, messages
from vox6.wire import FormatError
from vox6.wire.inet6 import parse_address


def shape(element):
    """An element as nested tuples."""
    return (
        element.name,
        tuple(element.attributes),
        element.text.strip(),
        tuple([shape(child) for child in element.children]),
    )


class TestMarkup(unittest.TestCase):
    GOOD = (
        ("<a/>", ("a", (), "", ())),
        ("<a></a >", ("a", (), "", ())),
        (" \r\n<?xml version='1.0'?><!-- < > --> <a\n/>\t<!---->", ("a", (), "", ())),
        ("<a b='1' c=\"2'\"/>", ("a", (("b", "1"), ("c", "2'")), "", ())),
        ("<a b = '>'>t</a>", ("a", (("b", ">"),), "t", ())),
        ("<a>x<b/>y<!--<c>--><?p <d> ?>z</a>", ("a", (), "xyz", (("b", (), "", ()),))),
        ("<a>&lt;&#65;&x;</a>", ("a", (), "&lt;&#65;&x;", ())),  # no entities
        (
            "<t><c><d e='1'>5</d></c></t>",
            ("t", (), "", (("c", (), "", (("d", (("e", "1"),), "5", ()),)),)),
        ),
    )
    BAD = (
        "",
        "text",
        "<",
        "<>",
        "<a",
        "<a>",
        "<a></b>",
        "<a><b></a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "<a b/>",
        "<a b=1/>",
        "<a b='1/>",
        "<a b='1'c='2'/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a ='1'/>",
        "<!-- <a/>",
        "<?xml <a/>",
        "<a><!-- </a>",
        "<a></a",
        "<a><b></a>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<a><![CDATA[x]]></a>",
        "<a><!ELEMENT b></a>",
    )

    def test_good(self):
        for text, tree in self.GOOD:
            self.assertEqual(shape(markup.parse(text)), tree, text)

    def test_bad(self):
        for text in self.BAD:
            try:
                markup.parse(text)
            except FormatError as error:
                self.assertEqual(error.code, 500)
            else:
                self.fail(text)

    def test_bounds(self):
        markup.parse("<a>" * 8 + "</a>" * 8)
        self.assertRaises(FormatError, markup.parse, "<a>" * 9 + "</a>" * 9)
        markup.parse("<a>" + "<b/>" * 63 + "</a>")
        self.assertRaises(FormatError, markup.parse, "<a>" + "<b/>" * 64 + "</a>")
        names = ["b%d='1'" % i for i in range(9)]
        markup.parse("<a %s/>" % " ".join(names[:8]))
        self.assertRaises(FormatError, markup.parse, "<a %s/>" % " ".join(names))

    def test_find(self):
        root = markup.parse("<a x='1'><b>1</b><c/><b>2</b></a>")
        self.assertEqual([child.text for child in root.all("b")], ["1", "2"])
        self.assertEqual(root.find("b").text, "1")
        self.assertIsNone(root.find("d"))
        self.assertEqual((root.get("x"), root.get("y")), ("1", None))


def content(text):
    return b"Content-length: %d\r\n" % len(text) + text


ACCEPT = b'<tunnel action="accept"></tunnel>'


class TestRequests(unittest.TestCase):
    def test_commands(self):
        for text, kind, value in (
            (b"VERSION=2.0.0\r\n", messages.Version, "2.0.0"),
            (b"version=2.0.2\n", messages.Version, "2.0.2"),
            (b"VERSION = 2.0.0", messages.Version, "2.0.0"),
            (b"AUTHENTICATE ANONYMOUS\r\n", messages.Authenticate, "ANONYMOUS"),
            (b"authenticate  plain\r\n", messages.Authenticate, "PLAIN"),
            (b"AUTHENTICATE ANONYMOUS trace\r\n", messages.Authenticate, "ANONYMOUS"),
        ):
            request = messages.parse_request(text)
            self.assertIsInstance(request, kind)
            self.assertEqual(
                request.version if kind is messages.Version else request.mechanism, value
            )
        self.assertEqual(messages.Version("2.0.0").emit(), b"VERSION=2.0.0\r\n")
        self.assertEqual(messages.Authenticate("ANONYMOUS").emit(), b"AUTHENTICATE ANONYMOUS\r\n")

    def test_content_length(self):
        """C-4: all octets, or all but the white space at the end; or no such line at all."""
        for text in (
            b"Content-length: 35\r\n" + ACCEPT + b"\r\n",
            b"Content-length: 33\r\n" + ACCEPT + b"\r\n",
            b"content-LENGTH:34\n" + ACCEPT + b"\n",
            b"Content-Length : 33 \r\n" + ACCEPT,
            ACCEPT + b"\r\n",
            ACCEPT,
            b" \r\n" + ACCEPT,
        ):
            self.assertEqual(messages.parse_request(text).action, "accept", text)
        for count in (b"0", b"32", b"34", b"36", b"-35", b"", b"35x", b"9999999999", b"0x23"):
            text = b"Content-length: " + count + b"\r\n" + ACCEPT + b"\r\n"
            self.assertRaises(FormatError, messages.parse_request, text)

    def test_tunnel(self):
        request = messages.parse_request(exchanges.EXCHANGES[2][1][8:])
        self.assertEqual(
            (request.action, request.type, request.client_ipv4, request.interval, request.prefix),
            ("create", "v6udpv4", bytes((192, 168, 1, 20)), 30, False),
        )
        self.assertEqual(request.emit(), exchanges.EXCHANGES[2][1][8:])
        padded = request.emit(192)
        self.assertTrue(192 <= len(padded) <= 194)
        again = messages.parse_request(padded)
        self.assertEqual((again.client_ipv4, again.interval), (request.client_ipv4, 30))

    def test_parts(self):
        for text, attribute, value in (
            (b"<tunnel/>", "action", ""),
            (b'<tunnel action=" CREATE "/>', "action", "create"),
            (b'<tunnel type="V6anyV4"/>', "type", "v6anyv4"),
            (b'<tunnel action="a" proxy="no" more="x"><y><z/></y></tunnel>', "action", "a"),
            (b"<tunnel><client><router><prefix length='56'/></router></client></tunnel>",
                "prefix", True),
            (b"<tunnel><client><router><dns_server/></router></client></tunnel>",
                "prefix", False),
            (b"<tunnel><client><keepalive interval=' 7 '/></client></tunnel>", "interval", 7),
            (b"<tunnel><client><keepalive/></client></tunnel>", "interval", None),
            (b"<tunnel><client><address type='ipv6'>x</address></client></tunnel>",
                "client_ipv4", None),
            (b"<tunnel><client><address type='ipv4'>\r\n 10.0.0.1 \n</address></client></tunnel>",
                "client_ipv4", bytes((10, 0, 0, 1))),
        ):  # fmt: skip
            self.assertEqual(getattr(messages.parse_request(text), attribute), value, text)

    def test_codes(self):
        for text, code in (
            (b"", 500),
            (b"HELLO\r\n", 500),
            (b"VERSION\r\n", 500),
            (b"VERSION=2.0.0\r\nAUTHENTICATE ANONYMOUS\r\n", 500),
            (b"<broker/>", 500),
            (b"<tunnel", 500),
            (b"<!DOCTYPE tunnel><tunnel/>", 500),
            (content(b"VERSION=2.0.0\r\n"), 500),
            (b"<tunnel><client><keepalive interval='x'/></client></tunnel>", 500),
            (b"<tunnel><client><keepalive interval='-1'/></client></tunnel>", 500),
            (b"<tunnel><client><address type='ipv4'>10.0.0</address></client></tunnel>", 501),
            (b"<tunnel><client><address type='ipv4'>1.2.3.256</address></client></tunnel>", 501),
            (b"<tunnel><client><address type='ipv4'></address></client></tunnel>", 501),
            (b"VERSION=2.0.0\r\n\0", 500),
            (b"VERSION=2.0.0" + b" " * 1012, 500),
            (b"\xff\xfe<tunnel/>", 500),
        ):
            try:
                messages.parse_request(text)
            except FormatError as error:
                self.assertEqual(error.code, code, text)
            else:
                self.fail(text)
        messages.parse_request(b"VERSION=2.0.0" + b" " * 1011)

    def test_looks_like_reply(self):
        for text, reply in (
            (b"", True),
            (b" \r\n", True),
            (b"200 Success\r\n", True),
            (b"1530 x", True),
            (b"capability TUNNEL=V6UDPV4", True),
            (content(b"200 Success\r\n"), True),
            (b"Content-length: 13", False),
            (b"VERSION=2.0.0\r\n", False),
            (content(ACCEPT), False),
            (ACCEPT, False),
            (b"AUTHENTICATE ANONYMOUS\r\n", False),
        ):
            self.assertEqual(messages.looks_like_reply(text), reply, text)


INFO = (
    b'<tunnel action="info" type="v6udpv4" lifetime="1440"><server><address type="ipv4">'
    b'192.0.2.115</address><address type="ipv6">2001:db8:3653:1::1</address></server><client>'
    b'<address type="ipv4">203.0.113.77</address><address type="ipv6">2001:db8:3653:1::5</address>'
    b'<keepalive interval="30"><address type="ipv6">2001:db8:3653:1::1</address></keepalive>'
    b"</client></tunnel>\r\n"
)


class TestReplies(unittest.TestCase):
    def test_lines(self):
        for text, code, words in (
            (b"200 Success\r\n", 200, "Success"),
            (b"200\n", 200, ""),
            (content(b"530 Server too busy\r\n"), 530, "Server too busy"),
            (b"", 0, ""),
            (b"\r\n", 0, ""),
        ):
            reply = messages.parse_reply(text)
            self.assertEqual((reply.code, reply.text, reply.info), (code, words, None))

    def test_capability(self):
        reply = messages.parse_reply(
            b"CAPABILITY TUNNEL=V6V4 TUNNEL=V6UDPV4 AUTH=ANONYMOUS AUTH=DIGEST-MD5\r\n"
        )
        self.assertTrue(reply.offers("TUNNEL", "V6UDPV4") and reply.offers("AUTH", "ANONYMOUS"))
        self.assertFalse(reply.offers("AUTH", "PLAIN"))
        self.assertEqual(reply.code, 0)

    def test_info(self):
        for text in (
            content(b"200 Success\r\n" + INFO),
            b"200 Success\r\n" + INFO,
            b"200 Success\n" + INFO.strip(),
        ):
            info = messages.parse_reply(text).info
            self.assertEqual(info.lifetime, 1440)
            self.assertEqual(info.interval, 30)
            self.assertEqual(info.client_ipv6, parse_address("2001:db8:3653:1::5"))
            self.assertEqual(info.keepalive_address, parse_address("2001:db8:3653:1::1"))
            self.assertEqual(info.emit().encode(), INFO)

    def test_info_of_others(self):
        """RFC 5572's own: line ends in addresses, one of them malformed; no keepalive."""
        info = messages.parse_reply(
            b"200 Success\r\n<tunnel action='info' type='v6udpv4'><server><address type='ipv6'>"
            b"2001:db8:c18:ffff::0000:0000:0000:0000:0001\r\n</address></server><client>"
            b"<address type='ipv6'>\r\n 2001:db8::5\r\n</address><router><dns_server><address "
            b"type='ipv6'>2001:db8::53</address></dns_server></router></client></tunnel>"
        ).info
        self.assertEqual((info.server_ipv6, info.interval, info.lifetime), (None, 0, 1440))
        self.assertEqual(info.client_ipv6, parse_address("2001:db8::5"))
        self.assertEqual(info.dns_server, parse_address("2001:db8::53"))

    def test_dns_server(self):
        info = messages.parse_reply(b"200 Success\r\n" + INFO).info
        info.dns_server = parse_address("2001:db8::53")
        again = messages.parse_reply(b"200 Success\r\n" + info.emit().encode()).info
        self.assertEqual(again.dns_server, info.dns_server)

    def test_referral(self):
        brokers = [bytes((192, 0, 2, 9)), "tsp.example.net", bytes((192, 0, 2, 10))]
        text = b"1530 busy\r\n" + messages.emit_brokers(brokers).encode()
        reply = messages.parse_reply(content(text))
        self.assertEqual((reply.code, reply.brokers), (1530, brokers))
        many = messages.emit_brokers([bytes((192, 0, 2, i)) for i in range(20)])
        self.assertEqual(len(messages.parse_reply(b"1530 x\r\n" + many.encode()).brokers), 16)

    def test_referral_with_bad_addresses(self):
        text = (
            b"1530 x\r\n<tunnel action='list'><broker><address type='ipv4'>1.2.3</address>"
            b"<address type='dn'>a b</address><address type='dn'></address>"
            b"<address type='ipv6'>::1</address><address type='dn'>ok.example</address></broker>"
            b"</tunnel>"
        )
        self.assertEqual(messages.parse_reply(text).brokers, ["ok.example"])

    def test_refused(self):
        for text in (
            b"hello\r\n",
            b"20 x\r\n",
            b"20000 x\r\n",
            b"200 Success\r\nrest\r\n",
            b"200 Success\r\n<client/>\r\n",
            b"200 Success\r\n<tunnel action='info'/>\r\n",
            b"200 Success\r\n<tunnel action='info'><client/></tunnel>\r\n",
            b"Content-length: 12\r\n200 Success\r\n",
            b"200 \0\r\n",
            b"200 " + b"x" * 1400,
        ):
            self.assertRaises(FormatError, messages.parse_reply, text)
