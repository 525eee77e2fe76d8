# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/agent.py: what strangers and broken peers get; a standing call does not notice."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    B,
    Pair,
    events,
    give,
    kinds,
    make_agent,
    names,
    reply,
    request,
    sent,
)
from vox6.sip.target import parse_target
from vox6.wire import LocalProtocolError

STRANGER = (B[:15] + b"\x99", 5060)


class RefusalTest(unittest.TestCase):
    # request, status, a header of the answer
    TABLE = (
        (request("BYE", to_tag="x"), 481, None),
        (request("BYE"), 481, None),
        (request("CANCEL"), 481, None),
        (request("INVITE", to_tag="x"), 481, None),
        (request("OPTIONS", to_tag="x"), 481, None),
        (request("PUBLISH"), 405, ("allow", make_agent().allow)),
        (request("invite"), 501, ("allow", make_agent().allow)),
        (request("DANCE"), 501, None),
        (request("INVITE", extra="Require: 100rel, x\n"), 420, ("unsupported", "x")),
        (request("OPTIONS", extra="Require: nothingSupportsThis\n"), 420, None),
        (request("INVITE", body="x", extra="Content-Type: text/plain\n"), 415,
            ("accept", "application/sdp")),
        (
            request("INVITE", body="x",
                extra="Content-Type: application/sdp\nContent-Encoding: gzip\n"),
            415, ("accept-encoding", "identity"),
        ),
        (request("INVITE").replace("INVITE sip:phone@[2001:db8::a]", "INVITE tel:+1"), 416, None),
        (request("INVITE").replace("SIP/2.0\nVia", "SIP/3.0\nVia"), 505, None),
        (request("INVITE").replace("sip:phone@", "sip:" + "x" * 2000 + "@", 1), 414, None),
        (request("INVITE").replace("Contact:", "X:"), 400, None),
        (request("INVITE").replace("Contact: <sip", "Contact: <tel"), 400, None),
        (request("INVITE").replace("Length: 0", "Length: 10"), 400, None),
        (request("INVITE").replace("Length: 0", "Length: x"), 400, None),
        (request("INVITE").replace("Max-Forwards: 70", "Max-Forwards: 300"), 400, None),
        (request("INVITE").replace("1 INVITE\n", "1 BYE\n"), 400, None),
        (request("INVITE").replace("Call-ID", "Call ID"), 400, None),
        (request("INVITE").replace("Max-", "Max "), 400, None),
        (request("INVITE").replace("Max-Forwards: 70", "X: " + "y" * 20000), 513, None),
        (request("INVITE", extra="Expires: soon\n"), 400, None),
        (request("INVITE", extra="Record-Route: nonsense\n"), 400, None),
        (request("INVITE", extra="Require: a,,b\n"), 400, None),
        (request("ACK").replace("Length: 0", "Length: 10"), None, None),
        (request("ACK"), None, None),
        ("SIP/2.0 200 OK\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\n\n", None, None),
        ("GET / HTTP/1.1\nHost: x\n\n", None, None),
    )  # fmt: skip

    def test_table(self):
        for text, status, header in self.TABLE:
            agent = make_agent()
            give(agent, text)
            messages = sent(agent)
            self.assertEqual((names(messages), text[:60]), ([status] if status else [], text[:60]))
            if header:
                self.assertEqual(messages[0].get(header[0]), header[1])
            if messages:
                if "Call ID" not in text:  # what is missing comes back missing
                    messages[0].check()
                self.assertEqual(messages[0].via.branch, "z9hG4bK1")
            self.assertEqual(kinds(agent), [])
            self.assertEqual(agent.sessions, {})

    def test_noise(self):
        agent = make_agent()
        for octets in (
            b"",
            b"\r\n\r\n",
            b"\0",
            b"\xff" * 1500,
            b"INVITE " * 9000,
            b"\r\n" * 30000,
        ):
            give(agent, octets)
        self.assertEqual((sent(agent), kinds(agent)), ([], []))

    def test_reason_says_why(self):
        agent = make_agent()
        give(agent, request("INVITE").replace("Length: 0", "Length: 10"))
        self.assertEqual(sent(agent)[0].reason, "Bad Request (body shorter than Content-Length)")

    def test_merged(self):
        # RFC 3261 section 8.2.2.2
        agent = make_agent()
        give(agent, request("INVITE"))
        give(agent, request("INVITE", "z9hG4bKother"))
        self.assertEqual(names(sent(agent)), [482])
        self.assertEqual(kinds(agent), ["CallReceived"])

    def test_optional_body(self):
        agent = make_agent()
        extra = "Content-Type: text/plain\nContent-Disposition: icon;handling=optional\n"
        give(agent, request("INVITE", body="x", extra=extra))
        self.assertEqual(events(agent)[0].body, b"")

    def test_options(self):
        agent = make_agent()
        give(agent, request("OPTIONS"))
        message = sent(agent)[0]
        self.assertEqual(message.status, 200)
        self.assertTrue("application/sdp" in message.values("accept"))
        self.assertTrue("OPTIONS" in message.get("allow"))
        self.assertIsNotNone(message.to.tag)
        self.assertEqual(kinds(agent), ["OptionsReceived"])
        agent.options("sip:b@[2001:db8::b]", PEER, 0)
        give(agent, reply(sent(agent)[0], 200))
        event = events(agent)[0]
        self.assertEqual((event.uri, event.status), ("sip:b@[2001:db8::b]", 200))

    def test_no_address(self):
        agent = make_agent()
        agent.set_local(None, 0, 0)
        give(agent, request("INVITE"))
        self.assertEqual(names(sent(agent)), [503])

    def test_flood(self):
        # an INVITE flood fills its share alone; the standing call can still be ended
        pair = Pair()
        mine, theirs = pair.call()
        for i in range(300):
            give(pair.b, request("INVITE", "z9hG4bKf%d" % i, call_id="c%d" % i), 0, STRANGER)
            self.assertTrue(len(pair.b.layer.servers) <= 24)
        self.assertTrue(pair.b.counters["refused_full"] > 250)
        sent(pair.b)
        mine.bye(0)
        pair.flow()
        self.assertEqual((mine.state, theirs.state), ("Terminated", "Terminated"))
        self.assertTrue(len(pair.b.sessions) <= 8)


class StrangerTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()
        give(self.agent, request("INVITE", body="offer"))
        self.session = events(self.agent)[0].session

    def _answer(self):
        self.session.accept(0, b"answer")
        ok = sent(self.agent)[0]
        give(self.agent, request("ACK", "z9hG4bKack", ok.to.tag))
        events(self.agent)
        return ok.to.tag

    def test_bye_from_stranger(self):
        tag = self._answer()
        for text in (
            request("BYE", "z9hG4bKs1", tag, 2, tag="guess"),
            request("BYE", "z9hG4bKs2", "guess", 2),
            request("BYE", "z9hG4bKs3", tag, 2, call_id="guess"),
            request("BYE", "z9hG4bKs4", "", 7),
        ):
            give(self.agent, text, 0, STRANGER)
            self.assertEqual(names(sent(self.agent)), [481])
        self.assertEqual((self.session.state, kinds(self.agent)), ("Confirmed", []))

    def test_cancel_from_stranger(self):
        # a CANCEL is taken from where its INVITE came alone (RFC 3261 section 22.1)
        give(self.agent, request("CANCEL"), 0, STRANGER)
        give(self.agent, request("CANCEL", "z9hG4bKguess"), 0, PEER)
        self.assertEqual(names(sent(self.agent)), [481, 481])
        self.assertEqual((self.session.state, kinds(self.agent)), ("Incoming", []))

    def test_low_cseq(self):
        tag = self._answer()
        give(self.agent, request("BYE", "z9hG4bKlow", tag, 1))
        give(self.agent, request("INVITE", "z9hG4bKlow2", tag, 1))
        self.assertEqual(names(sent(self.agent)), [500, 500])
        self.assertEqual((self.session.state, kinds(self.agent)), ("Confirmed", []))
        # a refused request moves nothing
        give(self.agent, request("BYE", "z9hG4bKnext", tag, 2))
        self.assertEqual(names(sent(self.agent)), [200])

    def test_malformed_requests_move_nothing(self):
        tag = self._answer()
        good = request("INVITE", "z9hG4bKx", tag, 9, body="offer")
        for bad in (
            good.replace("Length: 5", "Length: 50"),
            good.replace("application/sdp", "text/html"),
            good.replace("Max-Forwards", "Require: x\nMax-Forwards"),
        ):
            give(self.agent, bad)
            self.assertTrue(names(sent(self.agent))[0] in (400, 415, 420))
        self.assertEqual(self.session.dialog.remote_sequence, 1)
        self.assertEqual(kinds(self.agent), [])

    def test_repeated_bye(self):
        tag = self._answer()
        for _ in range(3):
            give(self.agent, request("BYE", "z9hG4bKbye", tag, 2))
        self.assertEqual(names(sent(self.agent)), [200, 200, 200])
        self.assertEqual(kinds(self.agent), ["CallEnded"])

    def test_forged_responses(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        good = reply(invite, 200)
        branch = invite.via.branch.encode()
        for bad in (
            good.replace(branch, b"z9hG4bKguess"),
            good.replace(b"Via:", b"Via: SIP/2.0/UDP x;branch=z9hG4bKy\r\nVia:"),
            good.replace(b"CSeq: ", b"CSeq: x"),
            good.replace(b"Call-ID:", b"Call-ID: again\r\nCall-ID:"),
            good.replace(b"200 OK", b"2000 OK"),
            good[:-3],
        ):
            give(agent, bad)
        self.assertEqual((kinds(agent), session.state), ([], "Calling"))
        self.assertEqual(sent(agent), [])


class TargetTest(unittest.TestCase):
    def test_targets(self):
        for text, domain, wanted in (
            ("sip:bob@[2001:db8::b]", "", "sip:bob@[2001:db8::b]"),
            ("bob@[2001:db8::b]:5070", "", "sip:bob@[2001:db8::b]:5070"),
            (" 200 ", "example.com", "sip:200@example.com"),
            ("*97#", "example.com", "sip:*97%23@example.com"),
            ("Bob <sip:bob@b>", "", "sip:bob@b"),
        ):
            self.assertEqual(parse_target(text, domain), wanted)
        for text in ("", "200", "sip:", "bob@", "bob@[::1"):
            self.assertRaises(LocalProtocolError, parse_target, text)
