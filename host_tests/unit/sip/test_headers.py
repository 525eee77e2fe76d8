# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/headers.py: every shape of value both ways, and what each refuses."""

import unittest

from vox6.sip.headers import (
    Challenge,
    CSeq,
    MediaType,
    NameAddr,
    Reason,
    Via,
    Warning,
    parse_call_id,
    parse_number,
    parse_params,
    parse_retry_after,
    parse_token_params,
    quote,
    split_list,
    unquote,
)
from vox6.wire import FormatError


class ListTest(unittest.TestCase):
    def test_split(self):
        for text, values in (
            ("a", ["a"]),
            ("a, b ,\tc", ["a", "b", "c"]),
            ('"a,b" <sip:x>, <sip:y,z>;p="1,2"', ['"a,b" <sip:x>', '<sip:y,z>;p="1,2"']),
            ('"a\\",b" <sip:x>,c', ['"a\\",b" <sip:x>', "c"]),
            ('"<" <sip:a>, "b" <sip:b>', ['"<" <sip:a>', '"b" <sip:b>']),
        ):
            self.assertEqual(split_list(text), values)

    def test_invalid(self):
        for text in ("", "a,", ",a", "a,,b", '"a,b', "<a,b", ",".join(["a"] * 200)):
            self.assertRaises(FormatError, split_list, text)

    def test_params(self):
        self.assertEqual(
            parse_params(';a;B=c ; d = "e;f\\"g" ;h=[::1]'),
            [("a", None), ("b", "c"), ("d", '"e;f\\"g"'), ("h", "[::1]")],
        )
        for text in ("a", ";", ";a;", ";=b", ";a=", ";a=b c", ';a="b', ';a="b"c', ";a b=c"):
            self.assertRaises(FormatError, parse_params, text)

    def test_quote(self):
        for text in ("", "a b", 'a "b" \\ c', "\u00e4"):
            self.assertEqual(unquote(quote(text)), text)
        self.assertEqual(quote("a\r\nb"), '"a  b"')
        self.assertRaises(FormatError, unquote, '"a')
        self.assertRaises(FormatError, unquote, '"a\\"')

    def test_numbers(self):
        self.assertEqual(parse_number(" 0042 "), 42)
        for text in ("", "-1", "+1", "1.0", "4294967296", "9" * 40, "\u0661", "1_0"):
            self.assertRaises(FormatError, parse_number, text)
        self.assertEqual(parse_retry_after("18000;duration=3600"), 18000)
        self.assertEqual(parse_retry_after("120 (I'm in a meeting)"), 120)
        self.assertRaises(FormatError, parse_retry_after, "soon")


class ViaTest(unittest.TestCase):
    def test_parse(self):
        for text, transport, host, port, branch, out in (
            (
                "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7",
                "UDP", "erlang.bell-telephone.com", 5060, "z9hG4bK87asdks7", None,
            ),
            (
                "SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207;branch=z9hG4bK77asjd",
                "UDP", "192.0.2.1", 5060, "z9hG4bK77asjd",
                "SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.207;branch=z9hG4bK77asjd",
            ),
            (
                "SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 "
                ";branch=z9hG4bKa7c6a8dlze.1",
                "UDP", "first.example.com", 4000, "z9hG4bKa7c6a8dlze.1",
                "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1"
                ";branch=z9hG4bKa7c6a8dlze.1",
            ),
            (
                "SIP/2.0/tcp [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111",
                "TCP", "[2001:db8::9:1]", None, "z9hG4bKas3-111",
                "SIP/2.0/TCP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111",
            ),
            (
                "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3;rport",
                "UDP", "[2001:db8::9:1]", None, "z9hG4bKas3", None,
            ),
            ("SIP/2.0/TLS a", "TLS", "a", None, None, None),
        ):  # fmt: skip
            via = Via.parse(text)
            self.assertEqual((via.transport, via.host, via.port), (transport, host, port))
            self.assertEqual(via.branch, branch)
            self.assertEqual(str(via), out or text)

    def test_invalid(self):
        for text in (
            "", "SIP/2.0/UDP", "SIP/2.0 a", "SIP/3.0/UDP a", "HTTP/2.0/UDP a", "SIP/2.0/U P a;b",
            "SIP/2.0/UDP a:b", "SIP/2.0/UDP a b", "SIP/2.0/UDP [::1", "SIP/2.0/UDP ::1",
            "SIP/2.0/UDP a;branch=", "SIP/2.0/UDP a;branch=\"q\"", "SIP/2.0/UDP a:99999",
            "SIP/2.0/UDP ;branch=a", "SIP/2.0/\u00fc a",
        ):  # fmt: skip
            self.assertRaises(FormatError, Via.parse, text)

    def test_set(self):
        via = Via.parse("SIP/2.0/UDP a;rport;branch=x")
        via.set("rport", "5")
        via.set("received", "::1")
        self.assertEqual(str(via), "SIP/2.0/UDP a;rport=5;branch=x;received=::1")


class NameAddrTest(unittest.TestCase):
    def test_parse(self):
        for text, name, uri, tag, out in (
            (
                '"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s',
                "A. G. Bell", "sip:agb@bell-telephone.com", "a48s",
                '"A. G. Bell" <sip:agb@bell-telephone.com>;tag=a48s',
            ),
            (
                "sip:+12125551212@server.phone2net.com;tag=887s",
                "", "sip:+12125551212@server.phone2net.com", "887s",
                "<sip:+12125551212@server.phone2net.com>;tag=887s",
            ),
            (
                "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8",
                "Anonymous", "sip:c8oqz84zk7z@privacy.org", "hyh8", None,
            ),
            ("<sip:a@b;lr>", "", "sip:a@b;lr", None, None),
            ("Mr X<sip:a@b?x=y,z>", "Mr X", "sip:a@b?x=y,z", None, '"Mr X" <sip:a@b?x=y,z>'),
            (
                '"\\"q\\\\" <sip:a@[2001:db8::1]:5>;expires=3;+sip.instance="<u>"',
                '"q\\', "sip:a@[2001:db8::1]:5", None, None,
            ),
            ('"a"<tel:+1>', "a", "tel:+1", None, "a <tel:+1>"),
        ):  # fmt: skip
            value = NameAddr.parse(text)
            self.assertEqual((value.display_name, value.uri_text, value.tag), (name, uri, tag))
            self.assertEqual(str(value), out or text)
            self.assertEqual(str(NameAddr.parse(str(value))), str(value))

    def test_invalid(self):
        for text in (
            "", "<>", "a", '"a', '"a" sip:b', '"a"', "<sip:a", "sip:a@b, sip:c", "sip:a@b?x=y",
            "a,b <sip:c>", "\u00e4 <sip:c>", "<sip:a@b>x", "<sip:a@b>;tag=", '<sip:a>;tag="x"',
            "<sip:a>;tag", "sip:a b", "<sip:a b>", '"a"b <sip:c>',
        ):  # fmt: skip
            self.assertRaises(FormatError, NameAddr.parse, text)

    def test_uri_is_lazy(self):
        value = NameAddr.parse("<sip:@b>")
        self.assertRaises(FormatError, lambda: value.uri)
        self.assertEqual(NameAddr.parse("<sip:a@b>").uri.user, "a")


class OtherTest(unittest.TestCase):
    def test_cseq(self):
        cseq = CSeq.parse("0009  INVITE")
        self.assertEqual((cseq.number, cseq.method, str(cseq)), (9, "INVITE", "9 INVITE"))
        self.assertEqual(CSeq.parse("2147483647 A").number, 2147483647)
        for text in ("", "1", "INVITE", "x INVITE", "-1 A", "2147483648 A", "1 A B", "1 A@"):
            self.assertRaises(FormatError, CSeq.parse, text)

    def test_challenge(self):
        text = (
            'Digest realm="biloxi.com", qop="auth,auth-int", '
            'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc,\\"069", stale=FALSE, '
            "algorithm=MD5"
        )
        challenge = Challenge.parse(text)
        self.assertEqual(challenge.scheme, "Digest")
        self.assertEqual(challenge.text("realm"), "biloxi.com")
        self.assertEqual(challenge.text("qop"), "auth,auth-int")
        self.assertEqual(challenge.text("opaque"), '5ccc,"069')
        self.assertEqual(challenge.text("stale"), "FALSE")
        self.assertEqual(challenge.text("domain"), "")
        self.assertEqual(str(challenge), text)
        for text in ("", "Digest", "Digest x", "Digest x=", 'Digest x="a', "Digest x=a b",
                     'Digest x="a" y="b"', "Digest x=a,", "Di@gest x=a"):  # fmt: skip
            self.assertRaises(FormatError, Challenge.parse, text)

    def test_warning(self):
        text = '301 [2001:db8::1]:5060 "Incompatible \\"network\\" address type"'
        warning = Warning.parse(text)
        self.assertEqual((warning.code, warning.agent), (301, "[2001:db8::1]:5060"))
        self.assertEqual(warning.text, 'Incompatible "network" address type')
        self.assertEqual(str(warning), text)
        for text in ("", "301", '30 a "b"', "301 a b", '301  "b"', '3o1 a "b"', '301 a "b'):
            self.assertRaises(FormatError, Warning.parse, text)

    def test_reason(self):
        # RFC 3326 section 2
        text = 'SIP ;cause=580 ;text="Precondition Failure"'
        reason = Reason.parse(text)
        self.assertEqual((reason.protocol, reason.cause), ("SIP", 580))
        self.assertEqual(reason.text, "Precondition Failure")
        self.assertEqual(str(Reason.make(200, "a b")), 'SIP;cause=200;text="a b"')
        self.assertIsNone(Reason.parse("Q.850").cause)
        for text in ("", "a b", "SIP;cause=x", "SIP;cause", ";cause=1"):
            self.assertRaises(FormatError, Reason.parse, text)

    def test_media_type(self):
        media = MediaType.parse("Application / SDP;charset=utf-8")
        self.assertEqual(media.name, "application/sdp")
        self.assertEqual(media.get("charset"), "utf-8")
        for text in ("", "a", "a/", "/b", "a/b/c", "a/b c"):
            self.assertRaises(FormatError, MediaType.parse, text)

    def test_call_id_and_tokens(self):
        for text in ("f81d4fae-7dec@[2001:db8::1]", "a84b4c76e66710", '(<>:\\"/[]?{}'):
            self.assertEqual(parse_call_id(text), text)
        for text in ("", "a b", "@b", "a@", "a@b@c", "\u00e4"):
            self.assertRaises(FormatError, parse_call_id, text)
        self.assertEqual(
            parse_token_params("Session;Handling=optional"),
            ("session", [("handling", "optional")]),
        )
        self.assertRaises(FormatError, parse_token_params, ";a=b")
