# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Early media, several early dialogs, redirections: what may come before a call is answered."""

import unittest

from firmware import log
from firmware.phone import tones
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.net_doubles import address
from host_tests.unit.firmware.tunnels import Member
from vox6.sip.message import parse

CALLEE = "2001:db8::9"
DIALLED = "sip:x@[2001:db8::9]"


def answer(host, port, codec=8, more=b""):
    """Return an answer from a host and port."""
    text = "v=0\r\no=- 1 1 IN IP6 %s\r\ns=-\r\nc=IN IP6 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %d\r\n"
    return (text % (host, host, port, codec)).encode() + more


class Callee(Member):
    """A server that answers as the test says, in the name of several callees."""

    def __init__(self, world, text=CALLEE):
        super().__init__(world, address(text), 5060)
        self.text = text
        self.requests = []
        self.source = None

    def serve(self, data, source):
        """Take a request; BYE, CANCEL, PRACK and UPDATE get 200."""
        message = parse(data)
        if not hasattr(message, "method"):
            return
        self.requests.append(message)
        self.source = source
        if message.method in ("BYE", "CANCEL", "PRACK", "UPDATE"):
            self.reply(message, 200, "")

    def last(self, method):
        """Return the last request of a method."""
        return [one for one in self.requests if one.method == method][-1]

    def reply(self, request, status, tag, body=b"", headers=()):
        response = request.response(status, None, tag or None)
        response.add("Contact", "<sip:%s@[%s]>" % (tag or "x", self.text))
        for name, value in headers:
            response.add(name, value)
        response.set_body(body, "application/sdp")
        self.send(response.emit(), self.source)

    def respond(self, status, tag, body=b"", headers=()):
        """Answer the last INVITE as the callee of a tag."""
        self.reply(self.last("INVITE"), status, tag, body, headers)
        self.world.settle()


class Case(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.callee = Callee(self.world)
        self.alice = doubles.TestPhone(self.world, ["2001:db8::a"])

    def tearDown(self):
        log.start(None, None)

    def ringback(self):
        return self.alice.media.sounding == tones.TONES["ringback"][0]


class Forks(Case):
    def setUp(self):
        super().setUp()
        self.alice.press(DIALLED, "call")

    def heard(self):
        """Return where the sound comes from: (peer's port, codec, whether it is heard)."""
        stream = self.alice.stream()
        return stream.peer[1], stream.codec, stream.direction == (True, True)

    def test_who_speaks_last_is_heard(self):
        self.callee.respond(180, "one")
        self.assertTrue(self.ringback())
        self.callee.respond(183, "two", answer(CALLEE, 4000))
        self.assertFalse(self.ringback())
        self.assertEqual(self.heard(), (4000, "PCMA", True))
        self.callee.respond(180, "one")
        self.assertFalse(self.ringback())
        self.callee.respond(183, "three", answer("2001:db8::8", 5000, 0))
        self.assertEqual(self.heard(), (5000, "PCMU", True))
        self.callee.respond(183, "two", answer(CALLEE, 4002))
        self.assertEqual(self.heard(), (4002, "PCMA", True))

    def test_another_one_answers(self):
        self.callee.respond(183, "two", answer(CALLEE, 4000))
        self.callee.respond(200, "one", answer("2001:db8::7", 6000, 9))
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.heard(), (6000, "G722", True))
        self.assertEqual(len(self.alice.media.streams), 1)
        self.alice.press("hangup")
        self.assertEqual(self.callee.last("BYE").to.tag, "one")

    def test_a_second_answer_is_ended(self):
        self.callee.respond(200, "one", answer(CALLEE, 4000))
        self.callee.respond(200, "two", answer(CALLEE, 5000))
        byes = [one.to.tag for one in self.callee.requests if one.method == "BYE"]
        self.assertEqual(byes, ["two"])
        self.assertEqual(self.heard(), (4000, "PCMA", True))

    def test_early_media_that_ends(self):
        self.callee.respond(180, "one")
        self.callee.respond(183, "two", answer(CALLEE, 4000))
        self.callee.respond(199, "two")
        self.assertEqual(self.alice.stream().direction, (False, False))
        self.assertTrue(self.ringback())
        self.callee.respond(183, "three", answer(CALLEE, 4004))
        self.assertEqual(self.heard(), (4004, "PCMA", True))
        self.assertFalse(self.ringback())

    def test_answered_reliably(self):
        """RFC 3262: the 200 needs no description any more."""
        reliable = (("Require", "100rel"), ("RSeq", "1"))
        self.callee.respond(183, "two", answer(CALLEE, 4000), reliable)
        self.assertEqual(self.callee.last("PRACK").to.tag, "two")
        self.assertEqual(self.heard(), (4000, "PCMA", True))
        self.callee.respond(200, "two")
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.heard(), (4000, "PCMA", True))
        self.alice.press("hold")
        self.assertEqual(self.callee.last("INVITE").to.tag, "two")

    def test_one_answers_reliably_and_another_one_is_it(self):
        reliable = (("Require", "100rel"), ("RSeq", "1"))
        self.callee.respond(183, "two", answer(CALLEE, 4000), reliable)
        self.callee.respond(200, "one", answer("2001:db8::7", 6000, 9))
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.heard(), (6000, "G722", True))

    def update(self, tag, body):
        """UPDATE of the callee in an early dialog; return the status of the answer."""
        invite = self.callee.last("INVITE")
        head = (
            "UPDATE sip:phone@[2001:db8::a] SIP/2.0\r\n"
            "Via: SIP/2.0/UDP [%s];branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"
            "From: <%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 UPDATE\r\n"
            "Contact: <sip:x@[%s]>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n"
            % (
                CALLEE,
                len(self.world.sent),
                DIALLED,
                tag,
                invite.get("from"),
                invite.call_id,
                CALLEE,
                len(body),
            )
        )
        before = len(self.world.sent)
        self.callee.send(head.encode() + body, self.callee.source)
        self.world.settle()
        for data, _, _ in self.world.sent[before:]:
            if data.startswith(b"SIP/2.0 ") and b"UPDATE" in data:
                return int(data[8:11].decode()), parse(data).body
        return None

    def test_update_before_the_answer(self):
        """RFC 3311: the early media moves, and the answer keeps what was agreed last."""
        reliable = (("Require", "100rel"), ("RSeq", "1"))
        self.callee.respond(183, "two", answer(CALLEE, 4000), reliable)
        offer = answer("2001:db8::6", 7000, 0).replace(b"- 1 1", b"- 1 2")
        status, body = self.update("two", offer)
        self.assertEqual(status, 200)
        self.assertIn(b"m=audio", body)
        self.assertEqual(self.heard(), (7000, "PCMU", True))
        self.callee.respond(200, "two")
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.heard(), (7000, "PCMU", True))

    def test_update_after_which_another_one_answers(self):
        reliable = (("Require", "100rel"), ("RSeq", "1"))
        self.callee.respond(183, "two", answer(CALLEE, 4000), reliable)
        self.update("two", answer("2001:db8::6", 7000, 0).replace(b"- 1 1", b"- 1 2"))
        self.callee.respond(200, "one", answer("2001:db8::7", 6000, 9))
        self.assertEqual(self.heard(), (6000, "G722", True))

    def test_another_party_is_another_key(self):
        """ZRTP with one early callee is nothing to the one that answers."""
        protection = self.alice.phone.lines[0].audio.protection
        first = b"a=zrtp-hash:1.10 " + b"11" * 32 + b"\r\n"
        second = b"a=zrtp-hash:1.10 " + b"22" * 32 + b"\r\n"
        self.callee.respond(183, "one", answer(CALLEE, 4000, 8, first))
        engine = protection._engine
        self.callee.respond(200, "two", answer(CALLEE, 5000, 8, second))
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertTrue(protection._engine is not engine)
        self.assertEqual(protection._hash, ("1.10", b"\x22" * 32))
        self.assertEqual(self.alice.driver.counters["faults"], 0)


class Redirections(Case):
    def redirect(self, *contacts, status=302):
        request = self.callee.last("INVITE")
        response = request.response(status, None, "tag%d" % len(self.callee.requests))
        for contact in contacts:
            response.add("Contact", contact)
        self.callee.send(response.emit(), self.callee.source)
        self.world.settle()

    def test_followed_and_shown(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.alice.press(DIALLED, "call")
        first = self.callee.last("INVITE")
        self.redirect("<sip:bob@[2001:db8::b]>")
        self.assertEqual(bob.states()[0], "incoming")
        self.assertIn("Sent on to bob", self.alice.text())
        second = parse(self.world.requests("INVITE")[-1])
        self.assertEqual(second.call_id, first.call_id)
        self.assertEqual(second.cseq.number, first.cseq.number + 1)
        self.assertEqual(str(second.to.uri), DIALLED)
        bob.press("call")
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(len(self.alice.media.streams), 1)
        self.alice.press("hangup")
        self.assertEqual(bob.states()[0], "ended")

    def test_the_next_contact_when_one_refuses(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        Callee(self.world, "2001:db8::7").serve = lambda data, source: None
        self.alice.press(DIALLED, "call")
        self.redirect("<sip:bob@[2001:db8::b]>;q=0.5", "<sip:y@[2001:db8::9]>;q=0.9")
        self.assertEqual(self.callee.last("INVITE").uri_text, "sip:y@[2001:db8::9]")
        self.callee.respond(404, "z")
        self.assertEqual(bob.states()[0], "incoming")

    def test_at_most_five(self):
        self.alice.press(DIALLED, "call")
        for i in range(8):
            if self.alice.states()[0] != "calling":
                break
            self.redirect("<sip:x%d@[2001:db8::9]>" % i)
        self.assertEqual(i, 6)
        self.assertIn("302 Moved", self.alice.text())
        self.assertEqual(len([one for one in self.callee.requests if one.method == "INVITE"]), 6)

    def test_a_circle_ends(self):
        self.alice.press(DIALLED, "call")
        self.redirect("<%s>" % DIALLED)
        self.assertIn("302 Moved", self.alice.text())

    def test_not_followed_if_the_owner_says_so(self):
        self.alice.settings.set("call.redirects", False)
        self.alice.press(DIALLED, "call")
        self.redirect("<sip:bob@[2001:db8::b]>")
        self.assertIn("302 Moved", self.alice.text())

    def test_to_where_nothing_leads(self):
        self.alice.press(DIALLED, "call")
        self.redirect(
            "<tel:+15550100>",
            "<sip:x@192.0.2.1>",
            "<sips:x@[2001:db8::9]>",
            "<sip:x@host.example>",
        )
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertEqual(self.alice.net6.streams, [])
        self.assertEqual(len(self.alice.net6.endpoints), 1)

    def test_a_proxy_to_use(self):
        """305: the same URI by way of another server."""
        other = Callee(self.world, "2001:db8::7")
        self.alice.press(DIALLED, "call")
        self.redirect("<sip:[2001:db8::7]>", status=305)
        self.assertEqual(other.last("INVITE").uri_text, DIALLED)
        self.assertIn("<sip:[2001:db8::7];lr>", other.last("INVITE").values("route")[0])

    def test_given_up_while_the_place_is_looked_up(self):
        self.alice.net6.dns = [address("2001:db8:53::53")]
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.alice.press(DIALLED, "call")
        self.redirect("<sip:x@host.example>")
        self.assertEqual(self.alice.states()[0], "locating")
        self.alice.press("hangup")
        self.assertIn("You gave up", self.alice.text())
        self.world.run(60000)
        self.assertEqual(self.alice.states()[0], "idle")
        self.assertEqual(self.alice.driver.counters["faults"], 0)
