# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Offers and answers of a peer that the test is: good ones, those of no use, early media."""

from firmware.phone import tones
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, GOOD_OFFER, IP4_OFFER, OTHER_OFFER, Case
from vox6.sip.message import parse


class TestOffers(Case):
    """A peer that is no phone of ours: an agent with bodies that the test writes."""

    def setUp(self):
        super().setUp()
        self.peer = doubles.TestPhone(self.world, ["2001:db8::9"])
        self.events = []
        self.peer.driver._on_event = self.events.append
        self.body = GOOD_OFFER

    def invite(self, body, content_type="application/sdp"):
        session = self.peer.agent.invite(
            BOB, (doubles.address("2001:db8::b"), 5060), 0, body, content_type
        )
        self.peer.driver.drain()
        self.world.settle()
        return session

    def failure(self):
        event = self.events[-1]
        self.assertEqual(type(event).__name__, "CallFailed")
        return event

    def test_offer_with_ip4_alone(self):
        self.invite(IP4_OFFER)
        event = self.failure()
        self.assertEqual(event.status, 488)
        warning = event.message.values("warning")[0]
        self.assertTrue(warning.startswith("301 "), warning)
        self.assertEqual(self.bob.states(), ["idle", "idle"])

    def test_offer_without_common_codec(self):
        self.invite(OTHER_OFFER)
        self.assertEqual(self.failure().status, 488)
        self.assertTrue(self.failure().message.values("warning")[0].startswith("305 "))

    def test_offer_that_is_none(self):
        for body in (b"hello", b"v=0\r\n", b"\xff" * 50):
            self.invite(body)
            self.assertIn(self.failure().status, (400, 488))
        self.assertEqual(self.bob.states(), ["idle", "idle"])

    def test_other_body(self):
        self.invite(b"hello", "text/plain")
        self.assertEqual(self.failure().status, 415)

    def test_good_offer_rings_and_media_that_fails_is_said(self):
        self.invite(GOOD_OFFER)
        self.assertEqual(self.bob.states()[0], "incoming")
        self.bob.media.fail = 12
        self.bob.press("call")
        self.assertEqual(self.failure().status, 500)
        self.assertIn("Sound failed", self.bob.text())
        self.assertEqual(len(self.bob.net6.endpoints), 1)

    def test_late_offer(self):
        session = self.invite(b"")
        self.bob.press("call")
        event = self.events[-1]
        self.assertEqual(type(event).__name__, "CallAnswered")
        self.assertIn(b"IN IP6 2001:db8::b", event.body)
        self.assertEqual(self.bob.states()[0], "answering")
        session.acknowledge(0, GOOD_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(self.bob.stream().codec, "PCMA")
        self.assertEqual(self.bob.stream().peer[1], 4000)

    def test_late_offer_answered_with_ip4(self):
        session = self.invite(b"")
        self.bob.press("call")
        session.acknowledge(0, IP4_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertIn("They have IPv4 only", self.bob.text().replace("\n", ""))
        bye = parse(self.world.requests("BYE")[-1])
        self.assertIn("cause=488", bye.values("reason")[0])

    def test_no_ack(self):
        self.invite(GOOD_OFFER)
        self.world.drop = lambda data, source, destination: data.startswith(b"ACK")
        self.bob.press("call")
        self.assertEqual(self.bob.states()[0], "answering")
        self.world.run(33000)
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertEqual(self.bob.media.open_streams, [])

    def answer(self, body):
        """Bob calls the peer, which answers with a body; returns its session."""
        self.bob.press("sip:x@[2001:db8::9]", "call")
        session = self.events[-1].session
        session.accept(0, body)
        self.peer.driver.drain()
        self.world.settle()
        return session

    def test_answer_with_ip4_is_acknowledged_and_ended(self):
        self.answer(IP4_OFFER)
        self.assertEqual(len(self.world.requests("ACK")), 1)
        bye = parse(self.world.requests("BYE")[0])
        self.assertIn("cause=488", bye.values("reason")[0])
        self.assertIn("They have IPv4 only", self.bob.text().replace("\n", ""))
        self.assertEqual(self.bob.media.streams, [])
        self.assertEqual(len(self.bob.net6.endpoints), 1)

    def test_answers_of_no_use(self):
        for body in (b"", b"hello", OTHER_OFFER, GOOD_OFFER.replace(b" 4000 ", b" 0 ")):
            self.answer(body)
            self.assertEqual(self.bob.states()[0], "ended")
            self.bob.press("ok")
        self.assertEqual(len(self.bob.net6.endpoints), 1)

    def test_answer_and_media_that_fails(self):
        self.bob.media.fail = 12
        self.answer(GOOD_OFFER)
        self.assertIn("Sound failed", self.bob.text())
        self.assertEqual(len(self.world.requests("BYE")), 1)
        self.assertEqual(len(self.bob.net6.endpoints), 1)

    def test_answer_with_a_name_for_an_address(self):
        self.answer(GOOD_OFFER.replace(b"c=IN IP6 2001:db8::9", b"c=IN IP6 host.example"))
        self.assertEqual(self.bob.states()[0], "ended")

    def test_hold_by_an_unspecified_address(self):
        session = self.answer(GOOD_OFFER)
        self.assertEqual(self.bob.stream().direction, (True, True))
        session.reinvite(0, GOOD_OFFER.replace(b"c=IN IP6 2001:db8::9", b"c=IN IP6 ::"))
        self.peer.driver.drain()
        self.world.settle()
        self.assertIn("They hold the", self.bob.text())
        self.assertEqual(self.bob.stream().direction[0], False)

    def test_reoffer_with_ip4_changes_nothing(self):
        session = self.answer(GOOD_OFFER)
        session.reinvite(0, IP4_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(type(self.events[-1]).__name__, "OfferFailed")
        self.assertEqual(self.events[-1].status, 488)
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(self.bob.stream().direction, (True, True))

    def test_reoffer_moves_the_stream(self):
        session = self.answer(GOOD_OFFER)
        body = GOOD_OFFER.replace(b"2001:db8::9", b"2001:db8::8").replace(b"4000", b"4444")
        session.reinvite(0, body)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.stream().peer, (doubles.address("2001:db8::8"), 4444, 4445))

    def test_reinvite_without_offer(self):
        session = self.answer(GOOD_OFFER)
        session.reinvite(0, b"")
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(type(self.events[-1]).__name__, "OfferAnswered")
        self.assertIn(b"IN IP6 2001:db8::b", self.events[-1].body)
        session.acknowledge(0, GOOD_OFFER.replace(b"4000", b"4010"))
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.stream().peer[1], 4010)

    def test_early_media_instead_of_ringback(self):
        self.bob.press("sip:x@[2001:db8::9]", "call")
        session = self.events[-1].session
        session.ring(0)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.media.sounding, tones.TONES["ringback"][0])
        session.ring(0, 183, GOOD_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.media.sounding, None)
        self.assertEqual(self.bob.stream().codec, "PCMA")
        session.accept(0, GOOD_OFFER)
        self.peer.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(len(self.bob.media.streams), 1)

    def early_media(self):
        """Bob talks to Alice on line 1 and calls the peer on line 2; return the session there."""
        self.alice.press(BOB, "call")
        self.bob.press("call", "line2", "sip:x@[2001:db8::9]", "call")
        return self.events[-1].session

    def tell(self):
        self.peer.driver.drain()
        self.world.settle()

    def test_early_media_hears_nothing_of_the_other_line(self):
        session = self.early_media()
        self.bob.press("line1")
        self.assertTrue(self.bob.stream().joined)
        session.ring(0, 183, GOOD_OFFER)
        self.tell()
        first, second = self.bob.media.streams
        self.assertEqual((first.joined, second.joined), (True, False))
        self.assertEqual(second.direction, (False, False))
        self.bob.press("line2")
        self.assertEqual((first.joined, second.joined), (False, True))
        self.assertEqual(second.direction, (True, True))

    def test_early_media_left_for_the_other_line_is_silent(self):
        session = self.early_media()
        session.ring(0, 183, GOOD_OFFER)
        self.tell()
        first, second = self.bob.media.streams
        self.assertEqual((first.joined, second.joined), (False, True))
        self.bob.press("line1")
        self.assertEqual((first.joined, second.joined), (True, False))
        self.assertEqual(second.direction, (False, False))
        session.accept(0, GOOD_OFFER)
        self.tell()
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        self.assertEqual((first.joined, second.joined), (True, False))

    def test_rtp_ports_run_out(self):
        self.bob.settings.set("rtp.port_low", 20000)
        self.bob.settings.set("rtp.port_high", 20003)
        for port in (20000, 20003):
            self.bob.net6.Endpoint(None, port)
        self.bob.press("sip:x@[2001:db8::9]", "call")
        self.assertIn("No RTP port free", self.bob.text())
        self.assertEqual(self.bob.states(), ["idle", "idle"])
        self.invite(GOOD_OFFER)
        self.bob.press("call")
        self.assertEqual(self.failure().status, 500)

    def test_link_local_media_gets_our_scope(self):
        bob = doubles.TestPhone(self.world, ["fe80:3::b"])
        peer = (doubles.address("fe80:3::9"), 5060)
        self.peer.net6.own.append(peer[0])
        self.peer.network.update()
        body = GOOD_OFFER.replace(b"2001:db8::9", b"fe80::9")
        session = self.peer.agent.invite(
            "sip:b@[fe80::b]", (doubles.address("fe80:3::b"), 5060), 0, body
        )
        self.peer.driver.drain()
        self.world.settle()
        bob.press("call")
        self.assertEqual(bob.stream().peer[0], doubles.address("fe80:3::9"))
        answered = [event for event in self.events if type(event).__name__ == "CallAnswered"]
        self.assertIn(b"IN IP6 fe80::b", answered[0].body)
        self.assertEqual(session.state, "Confirmed")
