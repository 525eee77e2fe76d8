# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/message.py: reading, writing, framing; RFC 3261 section 24 and parts of RFC 4475."""

import unittest

from vox6.sip.framing import StreamFramer
from vox6.sip.message import (
    MAX_HEAD_OCTETS,
    Request,
    Response,
    content_length,
    parse,
    reason_phrase,
)
from vox6.sip.salvage import salvage
from vox6.wire import FormatError, LocalProtocolError

# RFC 3261 section 24.2, F1
INVITE = (
    b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\n"
    b"Max-Forwards: 70\r\n"
    b"To: Bob <sip:bob@biloxi.com>\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@pc33.atlanta.com>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)
# F9 of the same, three Via
OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP bigbox3.site3.atlanta.com;branch=z9hG4bK77ef4c2312983.1\r\n"
    b" ;received=192.0.2.2\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\n"
    b" ;received=192.0.2.1\r\n"
    b"To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:bob@192.0.2.4>\r\n"
    b"Content-Length: 0\r\n"
    b"\r\n"
)
# RFC 4475 section 3.1.1.1, wsinv
TORTUOUS = (
    b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
    b"TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
    b'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
    b"MaX-fOrWaRdS: 0068\r\n"
    b"Call-ID: wsinv.ndaksdj@192.0.2.1\r\n"
    b"Content-Length   : 5\r\n"
    b"cseq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
    b"s :\r\n"
    b"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    b"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
    b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n"
    b"  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n"
    b" z9hG4bK30239\r\n"
    b'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\r\n'
    b"      newvalue ;\r\n  secondparam ; q = 0.33\r\n"
    b"\r\n"
    b"v=0\r\n"
)


def _with(old, new):
    assert old in INVITE
    return INVITE.replace(old, new)


class ReadTest(unittest.TestCase):
    def test_invite(self):
        message = parse(INVITE)
        message.check()
        self.assertTrue(isinstance(message, Request))
        self.assertEqual((message.method, message.uri_text), ("INVITE", "sip:bob@biloxi.com"))
        self.assertEqual(message.via.branch, "z9hG4bKnashds8")
        self.assertEqual(message.from_.display_name, "Alice")
        self.assertEqual(message.from_.tag, "1928301774")
        self.assertIsNone(message.to.tag)
        self.assertEqual((message.cseq.number, message.cseq.method), (314159, "INVITE"))
        self.assertEqual(message.call_id, "a84b4c76e66710")
        self.assertEqual(message.number("max-forwards"), 70)
        self.assertEqual(message.contact().uri.host, "pc33.atlanta.com")
        self.assertEqual(message.content_type(), "application/sdp")
        self.assertEqual(message.body, b"v=0\n")
        self.assertEqual(message.emit(), INVITE)

    def test_response(self):
        message = parse(OK)
        message.check()
        self.assertTrue(isinstance(message, Response))
        self.assertEqual((message.status, message.reason), (200, "OK"))
        self.assertEqual(len(message.values("via")), 2)
        self.assertEqual(message.via.get("received"), "192.0.2.2")
        self.assertEqual(message.emit(), OK)

    def test_reason_phrases(self):
        for line, reason in (
            (b"SIP/2.0 200 ", ""),
            (b"SIP/2.0 200", ""),
            (b"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", "= 2**3 * 5**2 \u043d\u043e"),
            (b"sip/2.0 404 nope", "nope"),
        ):
            message = parse(OK.replace(b"SIP/2.0 200 OK", line))
            self.assertEqual(message.reason, reason)
        octets = OK.replace(b"200 OK", b"200 \xff\xfe")
        self.assertEqual(parse(octets).reason, "OK")
        self.assertEqual(parse(octets).emit(), octets)

    def test_torture_whitespace(self):
        message = parse(TORTUOUS)
        message.check()
        self.assertEqual(message.to.tag, "1918181833n")
        self.assertEqual(message.from_.display_name, 'J Rosenberg \\"')
        self.assertEqual(message.from_.tag, "98asjd8")
        self.assertEqual(message.number("max-forwards"), 68)
        self.assertEqual((message.cseq.number, message.cseq.method), (9, "INVITE"))
        self.assertEqual((message.via.host, message.via.branch), ("192.0.2.2", "390skdjuw"))
        self.assertEqual(len(message.values("via")), 3)
        self.assertEqual(message.get("subject"), "")
        self.assertEqual(
            message.get("newfangledheader"), "newfangled value continued newfangled value"
        )
        self.assertEqual(message.contact().get("q"), "0.33")
        self.assertEqual(message.body, b"v=0\r\n")
        self.assertEqual(message.emit(), TORTUOUS)

    def test_compact(self):
        octets = (
            b"INVITE sip:a@b SIP/2.0\r\nv:SIP/2.0/UDP c;branch=z9hG4bKx\r\nf:<sip:d@e>;tag=1\r\n"
            b"t:<sip:a@b>\r\ni:1@c\r\nCSeq:1 INVITE\r\nm:<sip:d@c>\r\nc:application/sdp\r\n"
            b"k:a,b\r\ns:x\r\ne:identity\r\nl:2\r\n\r\nhi"
        )
        message = parse(octets)
        message.check()
        self.assertEqual(message.tokens("supported"), ["a", "b"])
        self.assertEqual(message.get("subject"), "x")
        self.assertEqual(message.tokens("content-encoding"), ["identity"])
        self.assertEqual(content_length(message), 2)
        self.assertEqual(message.emit(), octets)

    def test_unknown_headers_keep_order_and_octets(self):
        extra = b"X-\xc3: 1\r\n"
        self.assertRaises(FormatError, parse, _with(b"Contact:", extra + b"Contact:"))
        extra = b"X-A:1\r\nx-b:  \xff\xfe \r\nX-A:2\t\r\n\tmore\r\n"
        octets = _with(b"Contact:", extra + b"Contact:")
        message = parse(octets)
        message.check()
        self.assertEqual(message.lines("x-a"), ["1", "2 more"])
        self.assertRaises(FormatError, message.get, "x-b")
        self.assertEqual(message.emit(), octets)


class BadTest(unittest.TestCase):
    # what `parse` refuses, and the status to answer with
    REFUSED = (
        (b"", 400),
        (b"\r\n\r\n", 400),
        (b"INVITE", 400),
        (INVITE[:100], 400),
        (INVITE[:-8], 400),
        (INVITE[:-1], 400),
        (_with(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"), 505),
        (_with(b"SIP/2.0\r\nVia", b"SIP/2.x\r\nVia"), 400),
        (_with(b" SIP/2.0\r\nVia", b"\r\nVia"), 400),
        (_with(b"INVITE sip:bob", b"INVITE  sip:bob"), 400),
        (_with(b"biloxi.com SIP", b"biloxi.com  SIP"), 400),
        (_with(b"sip:bob@biloxi.com SIP", b"sip:bob@biloxi.com; lr SIP"), 400),
        (_with(b"INVITE sip:bob", b"IN@VITE sip:bob"), 400),
        (_with(b"INVITE sip:bob@", b"INVITE sip:\xff@"), 400),
        (_with(b"sip:bob@", b"sip:" + b"b" * 2000 + b"@"), 414),
        (_with(b"Max-Forwards: 70", b"Max-Forwards"), 400),
        (_with(b"Max-Forwards: 70", b": 70"), 400),
        (_with(b"Max-Forwards: 70", b"Max Forwards: 70"), 400),
        (_with(b"Max-Forwards: 70", b"Max-Forwards: 70\nX: y"), 400),
        (_with(b"Max-Forwards: 70", b"Max-Forwards: 70\rX: y"), 400),
        (_with(b"\r\nVia:", b"\r\n Via:"), 400),
        (_with(b"Length: 4", b"Length: 5"), 400),
        (_with(b"Length: 4", b"Length: -4"), 400),
        (_with(b"Length: 4", b"Length: 4 4"), 400),
        (_with(b"Length: 4", b"Length: 4\r\nl: 3"), 400),
        (_with(b"Length: 4", b"Length: 99999999999999999999999"), 400),
        (_with(b"Length: 4", b"Length: 0x4"), 400),
        (_with(b"Max-Forwards: 70", b"X: " + b"y" * MAX_HEAD_OCTETS), 513),
        (_with(b"Max-Forwards: 70", b"a:\r\n" * 300 + b"a:"), 513),
        (INVITE + b"x" * 65535, 513),
        (OK.replace(b"200", b"20"), 400),
        (OK.replace(b"200", b"2000"), 400),
        (OK.replace(b"200", b"099"), 400),
        (OK.replace(b"200", b"700"), 400),
        (OK.replace(b"200", b"+20"), 400),
        (OK.replace(b" 200", b"  200"), 400),
    )

    def test_refused(self):
        for octets, code in self.REFUSED:
            try:
                parse(octets)
            except FormatError as error:
                self.assertEqual((error.code, octets[:200]), (code, octets[:200]))
            else:
                self.assertEqual(octets, b"refused")

    # what `check` refuses
    UNCHECKED = (
        _with(b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\n", b""),
        _with(b"To: Bob <sip:bob@biloxi.com>\r\n", b""),
        _with(b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n", b""),
        _with(b"Call-ID: a84b4c76e66710\r\n", b""),
        _with(b"CSeq: 314159 INVITE\r\n", b""),
        _with(b";tag=1928301774", b""),
        _with(b"314159 INVITE", b"314159 BYE"),
        _with(b"314159 INVITE", b"36893488147419103232 INVITE"),
        _with(b"Max-Forwards: 70", b"Max-Forwards: 256"),
        _with(b"Max-Forwards: 70", b"Max-Forwards: x"),
        _with(b"Max-Forwards: 70", b"Max-Forwards: 7\r\nMax-Forwards: 7"),
        _with(b"Bob <sip:bob@biloxi.com>", b'"Mr. J. User <sip:j.user@example.com>'),
        _with(b"Bob <sip:bob@biloxi.com>", b"Bob <sip:bob@>"),
        _with(b"Bob <sip:bob@biloxi.com>", b"Bob <sip:bob@biloxi.com>\r\nTo: <sip:c@d>"),
        _with(b"Call-ID: a84b4c76e66710", b"Call-ID: a84b4c76e66710\r\nCall-ID: b"),
        _with(b"Call-ID: a84b4c76e66710", b"Call-ID: \xff"),
        _with(b"Alice <", b"\xff\xff <"),
    )

    def test_unchecked(self):
        for octets in self.UNCHECKED:
            self.assertRaises(FormatError, parse(octets).check)

    def test_salvage(self):
        for octets in (
            _with(b"Length: 4", b"Length: 5"),
            _with(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"),
            _with(b"Max-Forwards: 70", b"Max Forwards: 70"),
            _with(b"Bob <sip:bob@biloxi.com>", b'"Mr. J. User <sip:j.user@example.com>'),
            _with(b"Bob <sip:bob@biloxi.com>", b"Bob <sip:bob@biloxi.com>\r\nTo: <sip:c@d>"),
            _with(b"314159 INVITE", b"x"),
            _with(b"biloxi.com SIP", b"biloxi.com  SIP"),
            INVITE[: INVITE.find(b"Contact")],
            b"\r\n" + INVITE[:-1],
        ):
            request = salvage(octets)
            self.assertIsNotNone(request)
            response = request.response(400, "Bad Request (why)", "tt")
            again = parse(response.emit())
            self.assertEqual(again.status, 400)
            self.assertEqual(again.via.branch, "z9hG4bKnashds8")
        # RFC 4475 sections 3.1.2.1 and 3.3.1: even these get an answer
        for octets in (INVITE[:100], _with(b"SIP/2.0/UDP pc33", b"SIP/2.0 pc33")):
            response = salvage(octets).response(400, None, "tt")
            self.assertEqual(response.count("via"), 1)
            self.assertTrue(b"branch=z9hG4bKnashds8" in response.emit())
        for octets in (
            b"",
            b"\xff" * 500,
            INVITE[:30],
            OK[:-1],
            INVITE.replace(b"INVITE", b"ACK")[:-1],
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            self.assertIsNone(salvage(octets))


class FramingTest(unittest.TestCase):
    def test_datagram(self):
        self.assertEqual(parse(b"\r\n\r\n" + INVITE).body, b"v=0\n")
        self.assertEqual(parse(INVITE + b"more").body, b"v=0\n")
        self.assertEqual(parse(_with(b"Content-Length: 4\r\n", b"") + b"a").body, b"v=0\na")

    def test_stream(self):
        data = b"\r\n" + INVITE + OK + b"\r\n\r\n" + INVITE
        for step in (1, 7, 100, 5000):
            framer = StreamFramer()
            got = []
            for i in range(0, len(data), step):
                got += framer.receive(data[i : i + step])
            self.assertEqual(got, [INVITE, OK, INVITE])
            self.assertEqual(framer.pending(), 0)
        self.assertEqual(framer.pings, 1)

    def test_pings_and_pongs(self):
        for data, step, pings in (
            (b"\r\n", 2, 0),
            (b"\r\n\r\n", 4, 1),
            (b"\r\n\r\n", 1, 1),
            (b"\r\n\r\n" * 3, 3, 3),
            (b"\r\n" + OK + b"\r\n\r\n" + OK + b"\r\n", 1, 1),
        ):
            framer = StreamFramer()
            for i in range(0, len(data), step):
                framer.receive(data[i : i + step])
            self.assertEqual((framer.pings, framer.pending()), (pings, 0), data)
        framer = StreamFramer()
        framer.receive(b"\r\n")
        framer.receive(OK)
        framer.receive(b"\r\n")
        self.assertEqual((framer.pings, framer.pongs), (0, 2))
        framer = StreamFramer()
        for _ in range(3):  # a peer that only ever answers pings of ours
            framer.receive(b"\r\n")
            framer.pause()
        self.assertEqual((framer.pings, framer.pongs), (0, 3))

    def test_fault_behind_whole_messages(self):
        framer = StreamFramer()
        self.assertEqual(framer.receive(OK + b"x\r\n\r\n" + OK), [OK])
        self.assertEqual(framer.error.code, 400)
        self.assertRaises(FormatError, framer.receive, OK)

    def test_stream_is_bounded(self):
        framer = StreamFramer()
        self.assertRaises(FormatError, framer.receive, b"x" * (MAX_HEAD_OCTETS + 1))
        framer = StreamFramer()
        long = _with(b"Length: 4", b"Length: 1000000")
        self.assertRaises(FormatError, framer.receive, long)
        framer = StreamFramer()
        none = _with(b"Content-Length: 4\r\n", b"")
        self.assertRaises(FormatError, framer.receive, none)


class WriteTest(unittest.TestCase):
    def test_build(self):
        request = Request("OPTIONS", "sip:a@b")
        request.add("Via", "SIP/2.0/UDP c;branch=z9hG4bKx")
        request.add("From", "<sip:d@e>;tag=1")
        request.add("To", "<sip:a@b>")
        request.add("Call-ID", "1")
        request.add("CSeq", "1 OPTIONS")
        request.set_body(b"hello", "text/plain")
        octets = request.emit()
        self.assertTrue(octets.endswith(b"Content-Length: 5\r\n\r\nhello"))
        message = parse(octets)
        message.check()
        message.set_body(b"", "")
        message.set("cseq", "2 OPTIONS")
        self.assertEqual(message.cseq.number, 2)
        message.add_first("Via", "SIP/2.0/TCP top;branch=z9hG4bKy")
        self.assertEqual(message.via.host, "top")
        message.remove("via")
        self.assertRaises(FormatError, lambda: message.via)
        self.assertTrue(message.emit().endswith(b"Content-Length: 0\r\n\r\n"))

    def test_no_injection(self):
        request = Request("OPTIONS", "sip:a@b")
        for name, value in (("Subject", "a\r\nX: y"), ("a b", "c"), ("", "c"), ("A\n", "c")):
            self.assertRaises(LocalProtocolError, request.add, name, value)
            self.assertRaises(LocalProtocolError, request.set, name, value)
            self.assertRaises(LocalProtocolError, request.add_first, name, value)
        self.assertRaises(LocalProtocolError, Response, 200, "a\r\nb")
        self.assertRaises(LocalProtocolError, Response, 99, "a")

    def test_response(self):
        request = parse(INVITE)
        response = request.response(180, tag="314")
        self.assertEqual(response.reason, "Ringing")
        self.assertEqual(response.to.tag, "314")
        self.assertEqual(response.to.display_name, "Bob")
        self.assertEqual(response.get("via"), request.get("via"))
        trying = request.response(100, tag="314")
        self.assertIsNone(trying.to.tag)
        again = parse(_with(b"biloxi.com>", b"biloxi.com>;tag=9")).response(200, tag="314")
        self.assertEqual(again.to.tag, "9")

    def test_phrases(self):
        self.assertEqual(reason_phrase(486), "Busy Here")
        self.assertEqual(reason_phrase(499), "Bad Request")
        self.assertEqual(reason_phrase(699), "Busy Everywhere")
