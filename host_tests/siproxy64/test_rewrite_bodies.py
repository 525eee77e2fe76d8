# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Start lines and bodies of every type; what cannot pass."""

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.test_rewrite_headers import Names
from host_tests.siproxy64.worlds import MirrorCase, PlainPassage
from tools.siproxy64.rewrite import rewrite
from tools.siproxy64.scan import Refused
from tools.siproxy64.table import side
from vox6.sip.lines import RequestLines, ResponseLines, parse
from vox6.wire.errors import FormatError

REQUEST = """%s SIP/2.0
Via: SIP/2.0/UDP host.example.org;branch=z9hG4bK1
From: <sip:1@example.org>;tag=1
To: <sip:2@example.org>
Call-ID: 1
CSeq: 1 %s
"""
SDP = "v=0\no=- 1 1 IN {~} {phone:~!}\ns=-\nc=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n"


class RewriteCase(MirrorCase):
    def octets(self, template, near):
        """Return a message; its Content-Length, if ..., becomes the right one."""
        text = self.world.text(template.replace("~", near)).replace("\n", "\r\n")
        head, _, body = text.partition("\r\n\r\n")
        head = head.replace("Length: ...", "Length: %d" % len(body.encode()))
        return (head + "\r\n\r\n" + body).encode()

    def length(self, near):
        """Return how many octets SDP has."""
        text = self.world.text(SDP.replace("~", near))
        return len(text) + text.count("\n")

    def rewritten(self, template, near="a"):
        message = parse(self.octets(template, near), RequestLines, ResponseLines)
        here = side(self.world.addr16("phone:" + near))
        rewrite(message, Names(self.table, here), PlainPassage(self.relay))
        return message.emit()

    def become(self, template, expected, near="a"):
        far = "b" if near == "a" else "a"
        found = self.rewritten(template, near)
        self.assertEqual(found.decode(), self.octets(expected, far).decode())

    def both_ways(self, template):
        for near in ("a", "b"):
            self.become(template, template, near)

    def with_body(self, content_type, body, more=""):
        """A message with this body, the same on both sides but for the addresses."""
        self.both_ways(
            (REQUEST % ("MESSAGE sip:2@example.org", "MESSAGE"))
            + "Content-Type: "
            + content_type
            + "\n"
            + more
            + "Content-Length: ...\n\n"
            + body
        )


class TestStartLine(RewriteCase):
    def test_request_uri(self):
        for uri in (
            "sip:100@{phone:~}",
            "sip:{phone:~}:5062",
            "SIPS:100@{phone:~};transport=tcp",
            "sip:100@example.org;maddr={phone:~};lr",
            "sip:100;phone-context=x@{phone:~};user=phone",
            "sip:100@example.org",
            "sip:100@{stranger:a}",
            "tel:+1-201-555-0123",
            "urn:service:sos",
        ):
            with self.subTest(uri=uri):
                self.both_ways((REQUEST % ("OPTIONS " + uri, "OPTIONS")) + "Content-Length: 0\n\n")

    def test_no_uri(self):
        for uri in (
            "sip:100@2001:db8::b:40",  # RFC 5118 section 4.2
            "sip:100@[2001:db8::b:40",
            "sip:100@[2001:db8::g]",
            "sip:100@10.0.0.999",
            "sip:100@",
            "sip:",
            "sip:100@-x-",
            "sip:100@example.org:99999",
            "sip:100@example.org:x",
            "sip:100@example.org>",
        ):
            with self.subTest(uri=uri):
                with self.assertRaises(FormatError):
                    self.rewritten((REQUEST % ("OPTIONS " + uri, "OPTIONS")) + "\n")

    def test_status_line(self):
        self.both_ways(
            "SIP/2.0 302 Moved to {99:a}\nVia: SIP/2.0/UDP {phone:~}\nCSeq: 1 INVITE\n"
            "Contact: <sip:{second:~}>\nContent-Length: 0\n\n"
        )

    def test_content_length_is_added(self):
        template = REQUEST % ("OPTIONS sip:2@example.org", "OPTIONS")
        self.become(template + "\n", template + "Content-Length: 0\n\n")

    def test_length_said_twice(self):
        template = REQUEST % ("INVITE sip:2@example.org", "INVITE")
        short = template + "c: application/sdp\nl: %d\nContent-Length: %d\n\n" + SDP
        near, far = self.length("a"), self.length("b")
        self.become(short % (near, near), short % (far, far))

    def test_length_keeps_its_name(self):
        template = REQUEST % ("INVITE sip:2@example.org", "INVITE")
        self.both_ways(template + "c: application/sdp\nContent-Length: ...\n\n" + SDP)
        for near, far in (("a", "b"), ("b", "a")):
            short = template + "c: application/sdp\nl : %d\n\n" + SDP
            lengths = [self.length(at) for at in (near, far)]
            self.become(short % lengths[0], short % lengths[1], near)


class TestBodies(RewriteCase):
    def test_description(self):
        self.with_body("application/sdp", SDP)
        self.with_body("Application/SDP ; charset=utf-8", SDP)

    def test_parts(self):
        self.with_body(
            'multipart/mixed;boundary="==x"',
            "preamble {99:a}\n--==x\nContent-Type: application/sdp\n\n"
            + SDP
            + "\n--==x  \nContent-Type: text/plain\n\nsip:{99:a}\n--==x\n\nsip:{99:a}\n"
            + "--==x\nContent-Type: application/pidf+xml\nContent-ID: <1@{99:a}>\n\n"
            + "<contact>sip:{phone:~}</contact>\n--==x--\nepilogue sip:{99:a}\n",
        )

    def test_parts_in_parts(self):
        self.with_body(
            "multipart/mixed; boundary=x",
            "--x\nContent-Type: multipart/alternative; boundary=y\n\n--y\n"
            "Content-Type: application/sdp\n\n" + SDP + "\n--y--\n--x--\n",
        )

    def test_parts_too_deep(self):
        body = SDP.replace("~", "a")
        for level in "5432":
            body = "--%s\nContent-Type: %s\n\n%s\n--%s--\n" % (
                level,
                "multipart/mixed;boundary=%d" % (int(level) + 1)
                if level != "5"
                else "application/sdp",
                body,
                level,
            )
        self.with_body("multipart/mixed;boundary=2", body)

    def test_length_of_a_part(self):
        """Where a part says its length, that is made anew."""
        head = (REQUEST % ("MESSAGE sip:2@example.org", "MESSAGE")) + (
            "Content-Type: multipart/mixed;boundary=x\nContent-Length: ...\n\n"
        )
        text = (
            head + "--x\nContent-Type: application/sdp\nContent-Length: %d\n\n" + SDP + "\n--x--\n"
        )
        self.become(text % self.length("a"), text % self.length("b"))

    def test_fragments(self):
        self.with_body("message/sipfrag;version=2.0", "SIP/2.0 200 OK\n")
        self.with_body(
            "message/sipfrag",
            "INVITE sip:100@{phone:~} SIP/2.0\nVia: SIP/2.0/UDP {phone:~}\n"
            "Call-ID: 1@{99:a}\nContact: <sip:100@{phone:~}>\n\n",
        )
        self.with_body("message/sipfrag", "From: <sip:100@{phone:~}>\n ;tag=1\nDate: {99:a}")
        self.with_body(
            "message/sip",
            "SIP/2.0 183 x\nVia: SIP/2.0/UDP {phone:~}\nContent-Type: application/sdp\n\n" + SDP,
        )

    def test_message_summary(self):
        self.with_body(
            "application/simple-message-summary",
            "Messages-Waiting: yes\nMessage-Account: sip:100@{phone:~}\nVoice-Message: 2/8\n",
        )

    def test_documents(self):
        for name in (
            "dialog-info", "pidf", "reginfo", "conference-info", "rlmi", "resource-lists",
            "watcherinfo",
        ):  # fmt: skip
            self.with_body(
                "application/%s+xml" % name,
                "<?xml version='1.0'?>\n<x entity='sip:100@{phone:~}' y=\"sips:{second:~}:5061\">"
                '<a uri="sip:100@{phone:~};gr=x&amp;y">sip:100@{phone:~}</a>'
                "<b>call {99:a} or http://{99:a}/ or sip:100@example.org</b></x>\n",
            )

    def test_never(self):
        for name in ("text/plain", "application/pkcs7-mime", "text/html", "application/x"):
            self.with_body(name, "sip:100@{99:a}\n")
        self.with_body("application/sdp", SDP.replace("~", "a"), "Content-Encoding: gzip\n")
        self.with_body("application/sdp", SDP, "Content-Encoding: identity\n")

    def test_damaged(self):
        for name, body in (
            ("multipart/mixed", "--x\n"),
            ("multipart/mixed;boundary=", "--x\n"),
            ("multipart/mixed;boundary=x", "--x"),
            ("multipart/mixed;boundary=x", "--x\n--x\nContent-Type\n\n--x\n\xe4:\n\n"),
            ("message/sipfrag", "\n"),
            ("message/sipfrag", "SIP/2.0"),
            ("message/sipfrag", "INVITE SIP/2.0\n: :\n"),
            ("application/pidf+xml", "<sip:sip:'sip:[\"sip:"),
        ):
            self.with_body(name, body)


class TestRefused(RewriteCase):
    def refused(self, template, code):
        with self.assertRaises(Refused) as caught:
            self.rewritten(template)
        self.assertEqual(caught.exception.code, 488)
        self.assertEqual(caught.exception.warning[0], code)

    def test_contact_of_nobody(self):
        for method in ("INVITE", "REGISTER", "SUBSCRIBE"):
            head = REQUEST % (method + " sip:2@example.org", method)
            self.refused(head + "Contact: <sip:{stranger:~}>\n\n", 300)

    def test_contact_in_an_answer(self):
        """A call is lost if it leads nowhere; of a list one entry may."""
        text = "SIP/2.0 %s x\nCSeq: 1 %s\nVia: SIP/2.0/UDP {phone:~}\n"
        text += "Contact: <sip:{stranger:a}>\nContent-Length: 0\n\n"
        for status in ("180", "200"):
            self.refused(text % (status, "INVITE"), 300)
        for status, method in (("302", "INVITE"), ("200", "REGISTER"), ("200", "OPTIONS")):
            self.become(text % (status, method), text % (status, method))

    def test_media_of_nobody(self):
        head = (REQUEST % ("INVITE sip:2@example.org", "INVITE")) + "Content-Type: %s\n\n%s"
        sdp = SDP.replace("c=IN {~} {phone", "c=IN {~} {stranger")
        self.refused(head % ("application/sdp", sdp), 300)
        parts = "--x\nContent-Type: application/sdp\n\n" + sdp + "\n--x--\n"
        self.refused(head % ("multipart/mixed;boundary=x", parts), 300)

    def test_other_headers_of_nobody_pass(self):
        self.both_ways(
            (REQUEST % ("INVITE sip:2@{stranger:a}", "INVITE"))
            + "Record-Route: <sip:{stranger:a};lr>\nRoute: <sip:{stranger:a};lr>\n"
            + "Via: SIP/2.0/UDP {stranger:a}\nContent-Length: 0\n\n"
        )


TestStartLineMirrored = mirrored(TestStartLine)
TestBodiesMirrored = mirrored(TestBodies)
TestRefusedMirrored = mirrored(TestRefused)
