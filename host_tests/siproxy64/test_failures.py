# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What fails beyond one answer: broken requests, answers and ACKs that lead nowhere."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.test_mirror import INVITE_FROM_PROVIDER, OK_FROM_PHONE
from host_tests.siproxy64.worlds import MirrorCase

OPTIONS = """
    OPTIONS sip:100@{phone:b} SIP/2.0
    Via: SIP/2.0/UDP {provider:b}:5070;branch=z9hG4bKx
    Max-Forwards: 70
    From: <sip:bob@example.org>;tag=a
    To: <sip:100@{phone:b}>
    Call-ID: 77
    CSeq: 1 OPTIONS
    Content-Length: 0
"""
ACK = """
    ACK sip:100@{phone:b} SIP/2.0
    Via: SIP/2.0/UDP {provider:b};branch=z9hG4bKy
    Via: SIP/2.0/UDP {caller:b}:5066;branch=z9hG4bKx
    Max-Forwards: 70
    Route: <sip:{second:b};lr>
    From: <sip:bob@example.org>;tag=a
    To: <sip:100@{phone:b}>;tag=b
    Call-ID: 77
    CSeq: 3 ACK
    Content-Type: application/sdp
    Content-Length: ...

    v=0
    o=- 1 1 IN {b} {provider:b!}
    s=-
    c=IN {b} {stranger:b!}
    t=0 0
    m=audio 30000 RTP/AVP 0
"""


class TestBroken(MirrorCase):
    """Octets that the mirror cannot read."""

    world = World()

    def refused(self, data):
        """Send octets in; return status and text of what comes back to the sender's Via."""
        sent = self.send(data, "phone:b", "provider:b", 5060, 40000)
        self.assertEqual(len(sent), 1)
        self.assertEqual(sent[0][1], self.world.address("phone:b"))
        self.assertEqual(sent[0][2], self.world.address("provider:b", 5070))
        text = sent[0][0].decode()
        return int(text[8:11]), text

    def broken(self, *exchanges):
        data = self.world.octets(OPTIONS)
        for old, new in exchanges:
            self.assertIn(old, data)
            data = data.replace(old, new)
        return data

    def test_a_broken_request_is_answered(self):
        for exchange in (
            (b"Max-Forwards: 70", b"Max Forwards"),
            (b"Max-Forwards: 70", b": x"),
            (b"Max-Forwards: 70", b"\xff: x"),
            (b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\n"),
            (b"Content-Length: 0", b"Content-Length: 9"),
            (b"Content-Length: 0", b"Content-Length: x"),
            (b"Content-Length: 0\r\n\r\n", b"Content-Length: 0\r\n"),
            (b"OPTIONS sip:", b"OPTIONS  sip:"),
            (b"OPTIONS sip:", b"OPTIONS a b sip:"),
        ):
            status, text = self.refused(self.broken(exchange))
            self.assertEqual(status, 400, exchange)
            for line in ("Call-ID: 77", "CSeq: 1 OPTIONS", "From: <sip:bob@example.org>;tag=a"):
                self.assertIn("\r\n" + line + "\r\n", text)
            self.assertIn(self.world.text("\r\nTo: <sip:100@{phone:b}>;tag=64-"), text)

    def test_another_version(self):
        """RFC 3261 section 21.5.6."""
        for version in (b"SIP/3.0", b"SIP/1.0", b"sip/7.11"):
            status, text = self.refused(self.broken((b"} SIP/2.0"[1:], b" " + version)))
            self.assertEqual((status, text[:33]), (505, "SIP/2.0 505 Version Not Supported"))

    def test_too_long(self):
        status, _ = self.refused(self.broken((b"sip:100@", b"sip:" + b"1" * 1100 + b"@")))
        self.assertEqual(status, 414)
        many = b"".join([b"X: %d\r\n" % i for i in range(300)])
        status, _ = self.refused(self.broken((b"Content-Length", many + b"Content-Length")))
        self.assertEqual(status, 513)

    def test_folded_lines_belong_to_theirs(self):
        status, text = self.refused(
            self.broken((b"CSeq: 1", b"CSeq:\r\n  1"), (b"Max-Forwards: 70", b"bad\r\n line"))
        )
        self.assertEqual(status, 400)
        self.assertIn("\r\nCSeq:\r\n  1 OPTIONS\r\n", text)
        self.assertFalse(" line" in text)

    def test_what_gets_no_answer(self):
        broken = (b"Max-Forwards: 70", b"Max Forwards")
        for data in (
            self.broken(broken, (b"OPTIONS sip", b"ACK sip"), (b"1 OPTIONS", b"1 ACK")),
            self.broken(broken, (b"OPTIONS sip:", b"SIP/2.0 200 ")),
            self.broken(broken, (b"Via:", b"X:")),
            self.broken(broken, (b":5070;", b":x;")),
            self.broken(broken, (b"SIP/2.0\r\n", b"HTTP/1.1\r\n")),
            self.broken(broken, (b"OPTIONS sip", b"O{}S sip")),
            b"\x80\xc8\0\x06", b"x", b"A B C\r\n\r\n", b"A B SIP/2.0\r\n\r\n", b"A B SIP/2.0",
        ):  # fmt: skip
            self.assertEqual(self.send(data, "phone:b", "provider:b"), [], data)
        self.assertTrue(self.mirror.counters["malformed"] >= 11)


class TestCalls(MirrorCase):
    """Calls that one side believes in."""

    world = World()

    def methods(self, sent):
        return [one[0].partition(b" ")[0].decode() for one in sent]

    def assertLines(self, text, lines):
        for line in lines:
            self.assertIn(self.world.text("\r\n" + line + "\r\n"), text)

    def test_one_way_call_by_the_answer(self):
        """The caller hears 488; both are told that the call is over, if they had one."""
        answer = OK_FROM_PHONE % {"s": "a"}
        answer = answer.replace("{a} {phone:a!}\n    t=", "{a} {stranger:a!}\n    t=")
        answer = answer.replace(";lr>", ";lr>, <sip:{proxy:a};lr>")
        sent = self.send(answer, "provider:a", "phone:a")
        world = self.world
        self.assertEqual(self.methods(sent), ["SIP/2.0", "BYE", "ACK", "BYE"])
        refusal, back, ack, bye = [one[0].decode() for one in sent]
        self.assertEqual(sent[0][1:3], (world.address("phone:b"), world.address("provider:b")))
        self.assertTrue(refusal.startswith("SIP/2.0 488 Not Acceptable Here\r\n"))
        lines = (
            "Via: SIP/2.0/UDP {provider:b};branch=z9hG4bKx",
            "To: <sip:100@{phone:b}>;tag=b",
            'Warning: 300 {provider:b} "Incompatible network protocol"',
        )
        self.assertLines(refusal, lines)
        self.assertEqual(sent[1][1:3], (world.address("phone:b"), world.address("provider:b")))
        self.assertTrue(back.startswith(world.text("BYE sip:{provider:b} SIP/2.0\r\n")))
        lines = (
            "Via: SIP/2.0/UDP {phone:b}:5060;branch=z9hG4bK64-7fffffff.b",
            "Route: <sip:{provider:b};lr>, <sip:{proxy:b};lr>",
            "From: <sip:100@{phone:b}>;tag=b",
            "To: <sip:bob@example.org>;tag=a",
            "CSeq: 2147483647 BYE",
        )
        self.assertLines(back, lines)
        for one, request, number in ((sent[2], ack, "1 ACK"), (sent[3], bye, "2 BYE")):
            self.assertEqual(one[1:3], (world.address("provider:a"), world.address("phone:a")))
            self.assertTrue(request.startswith(number[2:] + world.text(" sip:100@{phone:a} ")))
            lines = (
                "Via: SIP/2.0/UDP {provider:a}:5060;branch=z9hG4bK64-%s.b" % number[0],
                "Route: <sip:{proxy:a};lr>,<sip:{provider:a};lr>",
                "To: <sip:100@{phone:a}>;tag=b",
                "CSeq: " + number,
            )
            self.assertLines(request, lines)
        self.assertEqual(self.relay.ended, [False, True, True])

    def test_an_acknowledgement_whose_description_leads_nowhere(self):
        """A late offer's answer: the callee gets its ACK, and both sides a BYE."""
        world = self.world
        sent = self.send(ACK, "phone:b", "provider:b")
        self.assertEqual(self.methods(sent), ["ACK", "BYE", "BYE"])
        ack, bye, back = [one[0].decode() for one in sent]
        for one in sent[:2]:
            self.assertEqual(one[1:3], (world.address("provider:a"), world.address("phone:a")))
        self.assertTrue(ack.endswith("\r\nContent-Length: 0\r\n\r\n") and "v=0" not in ack)
        lines = (
            "Via: SIP/2.0/UDP {provider:a};branch=z9hG4bKy",
            "Max-Forwards: 69",
            "CSeq: 3 ACK",
            "To: <sip:100@{phone:a}>;tag=b",
        )
        self.assertLines(ack, lines)
        self.assertTrue(bye.startswith(world.text("BYE sip:100@{phone:a} SIP/2.0\r\n")))
        lines = (
            "Via: SIP/2.0/UDP {provider:a}:5060;branch=z9hG4bK64-4.b",
            "Route: <sip:{second:a};lr>",
            "From: <sip:bob@example.org>;tag=a",
            "To: <sip:100@{phone:a}>;tag=b",
            "CSeq: 4 BYE",
        )
        self.assertLines(bye, lines)
        self.assertEqual(sent[2][1:3], (world.address("phone:b"), world.address("provider:b")))
        self.assertTrue(back.startswith(world.text("BYE sip:{caller:b}:5066 SIP/2.0\r\n")))
        lines = (
            "Via: SIP/2.0/UDP {phone:b}:5060;branch=z9hG4bK64-7fffffff.b",
            "From: <sip:100@{phone:b}>;tag=b",
            "To: <sip:bob@example.org>;tag=a",
            "Call-ID: 77",
            "CSeq: 2147483647 BYE",
        )
        self.assertLines(back, lines)

    def test_an_acknowledgement_of_a_stranger_ends_nothing(self):
        self.assertEqual(self.send(ACK, "phone:b", "stranger:b"), [])
        self.assertEqual(self.send(ACK, "phone:b", "second:b"), [])
        looped = ACK.replace("Forwards: 70", "Forwards: 0")
        self.assertEqual(self.send(looped, "phone:b", "provider:b"), [])

    def test_what_has_begun_no_call(self):
        """A 200 to OPTIONS, a refusal: what was asked has failed, and that is all."""
        answer = (OK_FROM_PHONE % {"s": "a"}).replace("c=IN {a} {phone", "c=IN {a} {stranger")
        for template in (answer.replace("1 INVITE", "1 OPTIONS"), answer.replace("200", "486")):
            sent = self.send(template, "provider:a", "phone:a")
            self.assertEqual(self.methods(sent), ["SIP/2.0"])
            self.assertEqual(sent[0][0][8:11], b"488")

    def test_a_request_has_its_answer(self):
        invite = (INVITE_FROM_PROVIDER % {"s": "b", "hops": 70}).replace(
            "c=IN {b} {provider", "c=IN {b} {stranger"
        )
        self.assertEqual(self.methods(self.send(invite, "phone:b", "provider:b")), ["SIP/2.0"])


TestBrokenMirrored = mirrored(TestBroken)
TestCallsMirrored = mirrored(TestCalls)

if __name__ == "__main__":
    unittest.main()
