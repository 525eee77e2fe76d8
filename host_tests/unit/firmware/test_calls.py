# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Phones call each other: every state that a person sees, every way a call ends or fails."""

import unittest

from firmware import log
from firmware.phone import tones
from firmware.phone.dial import DialError
from host_tests.unit.firmware import doubles
from vox6.sip.message import parse
from vox6.wire.errors import LocalProtocolError

BOB = "sip:bob@[2001:db8::b]"

IP4_OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
)
OTHER_OFFER = (
    b"v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 3\r\n"
)
GOOD_OFFER = OTHER_OFFER.replace(b"RTP/AVP 3", b"RTP/AVP 8")


class Case(unittest.TestCase):
    """Alice at 2001:db8::a and Bob at 2001:db8::b, who are whole phones."""

    def setUp(self):
        self.world = doubles.World()
        self.alice = doubles.TestPhone(self.world, ["2001:db8::a"])
        self.bob = doubles.TestPhone(self.world, ["2001:db8::b"])

    def tearDown(self):
        log.start(None, None)

    def call(self):
        """Alice calls Bob, who answers."""
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.assertEqual(self.alice.states(), ["talking", "idle"])
        self.assertEqual(self.bob.states(), ["talking", "idle"])

    def assert_nothing_left(self):
        """After all timers nothing of a call is left anywhere."""
        self.world.run(100000)
        for phone in self.world.phones:
            self.assertEqual(phone.states(), ["idle", "idle"])
            self.assertEqual(len(phone.agent.sessions), 0)
            self.assertEqual(len(phone.agent.layer.clients), 0)
            self.assertEqual(len(phone.agent.layer.servers), 0)
            self.assertEqual(phone.media.open_streams, [])
            self.assertEqual(len(phone.net6.endpoints), 1)
            self.assertEqual(phone.media.sounding, None)
            self.assertEqual(phone.media.running, False)
            self.assertEqual(phone.watched, [])
            self.assertEqual(phone.driver.counters["faults"], 0)
            self.assertEqual(phone.lamps.state["line1"], "off")


class TestCall(Case):
    def test_call_and_hang_up(self):
        self.alice.press(BOB)
        self.assertIn(BOB, self.alice.text().replace("\n", ""))
        self.alice.press("call")
        self.assertEqual(self.alice.states(), ["ringback", "idle"])
        self.assertEqual(self.bob.states(), ["incoming", "idle"])
        self.assertIn("It rings there", self.alice.text())
        self.assertIn("Call from", self.bob.text())
        self.assertEqual(self.alice.media.sounding, tones.TONES["ringback"][0])
        self.assertEqual(self.bob.media.sounding, tones.segments("ringing", 7)[0])
        self.assertEqual(self.bob.lamps.state["line1"], "flash")
        self.bob.press("call")
        self.assertEqual(self.alice.states(), ["talking", "idle"])
        self.assertEqual(self.bob.states(), ["talking", "idle"])
        self.assertEqual(self.bob.media.sounding, None)
        self.assertEqual(self.alice.media.sounding, None)
        self.assertEqual(self.bob.lamps.state["line1"], "on")
        self.world.run(5000)
        self.assertIn("0:05 G722", self.alice.text())
        self.alice.press("hangup")
        self.assertEqual(self.alice.states(), ["ended", "idle"])
        self.assertEqual(self.bob.states(), ["ended", "idle"])
        self.assertIn("You hung up", self.alice.text())
        self.assertIn("They hung up", self.bob.text())
        self.assertIn("0:05", self.bob.text())
        self.assert_nothing_left()

    def test_the_called_one_hangs_up(self):
        self.call()
        self.bob.press("hangup")
        self.assertIn("They hung up", self.alice.text())
        self.assertEqual(self.alice.media.sounding, tones.TONES["ended"][0])
        self.assert_nothing_left()

    def test_streams_meet(self):
        self.call()
        one = self.alice.stream()
        two = self.bob.stream()
        self.assertEqual(one.peer[1], two.rtp.port)
        self.assertEqual(two.peer[1], one.rtp.port)
        self.assertEqual(one.peer[2], two.rtcp.port)
        self.assertEqual(one.peer[0], doubles.address("2001:db8::b"))
        self.assertEqual(one.rtp.port % 2, 0)
        self.assertEqual(one.rtcp.port, one.rtp.port + 1)
        self.assertEqual(one.rtp.traffic_class, 46 << 2)
        self.assertEqual((one.codec, two.codec), ("G722", "G722"))
        self.assertEqual((one.payload_type, two.payload_type), (9, 9))
        self.assertEqual(one.direction, (True, True))
        self.assertTrue(one.joined and two.joined)
        self.assertIn((0, "PCMU", 8000), two.accepted)
        self.assertIn((101, "telephone-event", 8000), two.accepted)
        self.assertIn((96, "opus", 48000), two.accepted)
        self.assertIn((97, "telephone-event", 48000), two.accepted)
        self.assertEqual(two.accepted[-1], (101, "telephone-event", 8000))  # beside G.722
        self.assertNotEqual(one.ssrc, two.ssrc)

    def test_opus_keeps_to_what_the_peer_takes_and_loses(self):
        for one in (self.alice, self.bob):
            one.settings.set("media.codecs", "opus PCMU")
        self.call()
        self.assertEqual((self.alice.stream().codec, self.bob.stream().codec), ("opus", "opus"))
        self.assertEqual(self.bob.stream().accepted[-1], (97, "telephone-event", 48000))
        self.world.run(2000)
        self.assertEqual(self.alice.stream().tuned, (24000, 0))
        audio = self.alice.phone.lines[0].audio
        audio._reports.remote_loss = 26  # of 256
        self.world.run(2000)
        self.assertEqual(self.alice.stream().tuned, (32000, 11))
        audio._result.bit_rate = 6000
        audio._result.takes_redundancy = False
        self.world.run(2000)
        self.assertEqual(self.alice.stream().tuned, (8000, 0))

    def test_no_opus_while_all_its_coders_are_in_use(self):
        self.alice.media.OPUS_STREAMS = 0
        self.call()
        self.assertEqual(self.alice.stream().codec, "G722")
        self.assertNotIn("opus", [name for _, name, _ in self.alice.stream().accepted])

    def test_opus_agreed_and_taken_by_another_call(self):
        for one in (self.alice, self.bob):
            one.settings.set("media.codecs", "opus PCMU")
        counts = [0, 2]  # free when the call begins, not when it is answered
        self.bob.media.counters = lambda: {"opus": counts.pop(0) if counts else 2}
        self.call()
        self.assertEqual(self.alice.stream().codec, "opus")
        self.assertEqual(self.bob.stream().codec, "PCMU")
        self.assertNotIn("opus", [name for _, name, _ in self.bob.stream().accepted])

    def test_the_called_one_chooses_the_codec(self):
        self.bob.settings.set("media.codecs", "PCMA PCMU")
        self.call()
        self.assertEqual(self.alice.stream().codec, "PCMA")
        self.assertEqual(self.bob.stream().codec, "PCMA")

    def test_reports_flow_and_loss_is_shown(self):
        self.call()
        self.alice.stream().counts["sent"] = 100
        self.bob.stream().counts["received"] = 97
        self.bob.stream().counts["lost"] = 3
        self.world.run(20000)
        self.assertTrue(len(self.alice.stream().sent_rtcp) >= 2)
        self.assertTrue(self.bob.phone.lines[0].audio._reports.received >= 2)
        self.assertIn("lost 3.0%  40 ms", self.bob.text())
        self.bob.press("hangup")
        self.assertEqual(self.bob.media.streams[0].sent_rtcp[-1][-8:-4], b"\x81\xcb\x00\x01")
        self.assert_nothing_left()

    def test_silence_is_said_and_the_call_stays(self):
        self.call()
        self.bob.stream().counts["received"] = 5
        self.world.drop = lambda data, source, destination: True
        self.world.run(70000)
        self.assertIn("No sound for 6", self.bob.text())
        self.assertEqual(self.bob.states()[0], "talking")
        self.bob.stream().counts["received"] = 6
        self.world.run(1000)
        self.assertNotIn("No sound", self.bob.text())
        self.world.drop = None
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_many_calls_leave_nothing(self):
        for i in range(20):
            self.call()
            (self.alice if i % 2 else self.bob).press("hangup")
            self.alice.press("hangup")
            self.bob.press("hangup")
            self.world.run(20000)
        self.assert_nothing_left()

    def test_the_end_goes_away_by_a_key_or_by_dialling(self):
        self.call()
        self.bob.press("hangup")
        self.alice.press("ok")
        self.assertEqual(self.alice.states(), ["idle", "idle"])
        self.bob.press("1")
        self.assertEqual(self.bob.console.mode, "dial")
        self.assert_nothing_left()

    def test_redial(self):
        self.call()
        self.alice.press("hangup", "ok", "call", "call")
        self.assertEqual(self.alice.states()[0], "ringback")


class TestNotAnswered(Case):
    def test_reject(self):
        self.alice.press(BOB, "call")
        self.bob.press("hangup")
        self.assertIn("603 Declined", self.alice.text().replace("\n", ""))
        self.assertIn("You refused", self.bob.text())
        self.assertEqual(self.alice.media.sounding, tones.TONES["busy"][0])
        self.assertEqual(self.bob.media.sounding, None)
        self.assert_nothing_left()

    def test_cancel_while_it_rings(self):
        self.alice.press(BOB, "call", "hangup")
        self.assertIn("You gave up", self.alice.text())
        self.assertIn("They gave up", self.bob.text())
        self.assertEqual(self.bob.phone.unseen, 1)
        self.assert_nothing_left()
        self.assertIn("Missed calls: 1", self.bob.text())
        self.assertEqual(self.bob.lamps.state["message"], "on")
        self.bob.press("ok", "down", "down", "down", "ok")
        self.assertIn("phone", self.bob.text())
        self.bob.press("hangup")
        self.assertEqual(self.bob.lamps.state["message"], "off")

    def test_cancel_before_anything_was_heard(self):
        self.world.drop = lambda data, source, destination: destination[0] == self.bob.net6.own[0]
        self.alice.press(BOB, "call")
        self.assertEqual(self.alice.states()[0], "calling")
        self.alice.press("hangup")
        self.assertIn("You gave up", self.alice.text())
        self.world.drop = None
        self.assert_nothing_left()

    def test_nobody_answers_here(self):
        self.bob.settings.set("call.answer_s", 10)
        self.alice.press(BOB, "call")
        self.world.run(10001)
        self.assertIn("480 Not available", self.alice.text().replace("\n", ""))
        self.assertIn("Not answered", self.bob.text())
        self.assertEqual(self.bob.phone.unseen, 1)
        self.assert_nothing_left()

    def test_nobody_answers_there(self):
        self.alice.settings.set("call.answer_s", 10)
        self.alice.press(BOB, "call")
        self.world.run(10001)
        self.assertIn("No answer", self.alice.text())
        self.assertIn("They gave up", self.bob.text())
        self.assert_nothing_left()

    def test_nobody_there_at_all(self):
        self.alice.press("sip:x@[2001:db8::99]", "call")
        self.world.run(33000)
        self.assertIn("408 No answer", self.alice.text().replace("\n", ""))
        self.assertEqual(self.alice.media.sounding, tones.TONES["congestion"][0])
        self.assert_nothing_left()

    def test_no_route(self):
        self.alice.net6.error = doubles.ENETUNREACH
        self.alice.press(BOB, "call")
        self.assertIn("No route there", self.alice.text().replace("\n", ""))
        self.alice.net6.error = 0
        self.assert_nothing_left()

    def test_busy_when_both_lines_are_used(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        dave = doubles.TestPhone(self.world, ["2001:db8::d"])
        self.call()
        carol.press(BOB, "call")
        self.bob.press("line2")
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        dave.press(BOB, "call")
        self.assertIn("486 Busy Here", dave.text().replace("\n", ""))
        self.assertEqual(dave.media.sounding, tones.TONES["busy"][0])
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        self.bob.press("hangup")
        self.bob.press("line1", "hangup")
        self.assert_nothing_left()

    def test_busy_without_call_waiting(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.bob.settings.set("call.waiting", "no")
        self.call()
        carol.press(BOB, "call")
        self.assertIn("486 Busy Here", carol.text())
        self.assertEqual(self.bob.states(), ["talking", "idle"])
        self.assertEqual(self.bob.phone.unseen, 1)

    def test_no_third_call_out(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        carol.press(BOB, "call")
        self.assertRaises(DialError, self.bob.phone.dial, "sip:x@[2001:db8::d]")

    def test_ringing_without_volume_is_silent(self):
        self.bob.settings.set("ring.volume", 0)
        self.alice.press(BOB, "call")
        self.assertEqual(self.bob.media.sounding, None)
        self.assertEqual(self.bob.lamps.state["line1"], "flash")

    def test_an_open_menu_gives_way(self):
        self.bob.press("ok", "ok")
        self.alice.press(BOB, "call")
        self.assertIn("Call from", self.bob.text())
        self.bob.press("call")
        self.assertEqual(self.bob.states()[0], "talking")


class TestHold(Case):
    def test_hold_and_resume(self):
        self.call()
        self.alice.press("hold")
        self.assertIn("On hold", self.alice.text())
        self.assertIn("They hold the", self.bob.text())
        self.assertEqual(self.alice.stream().direction, (False, False))
        self.assertEqual(self.alice.stream().joined, False)
        self.assertEqual(self.bob.stream().direction, (False, True))
        self.assertEqual(self.alice.lamps.state["line1"], "flash")
        self.alice.press("hold")
        self.assertIn("Talking", self.alice.text())
        self.assertIn("Talking", self.bob.text())
        self.assertEqual(self.alice.stream().direction, (True, True))
        self.assertEqual(self.bob.stream().direction, (True, True))
        self.assertTrue(self.alice.stream().joined)
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_both_hold(self):
        self.call()
        self.alice.press("hold")
        self.bob.press("hold")
        self.assertIn("Held by both", self.bob.text())
        self.assertIn("Held by both", self.alice.text())
        self.bob.press("hold")
        self.assertIn("They hold the", self.bob.text())
        self.assertIn("On hold", self.alice.text())
        self.alice.press("hold")
        self.assertEqual(self.bob.stream().direction, (True, True))
        self.assertEqual(self.alice.stream().direction, (True, True))

    def test_both_hold_at_once(self):
        """Glare (RFC 3261 section 14.1): both re-INVITEs cross, both phones come to rest."""
        self.call()
        self.alice.console.key("hold", True)
        self.bob.console.key("hold", True)
        self.world.run(10000)
        self.assertIn("Held by both", self.alice.text())
        self.assertIn("Held by both", self.bob.text())
        self.alice.press("hold")
        self.bob.press("hold")
        self.world.run(10000)
        self.assertEqual(self.bob.stream().direction, (True, True))
        self.assertEqual(self.alice.stream().direction, (True, True))
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_hang_up_while_held(self):
        self.call()
        self.alice.press("hold")
        self.bob.press("hangup")
        self.assertIn("They hung up", self.alice.text())
        self.assert_nothing_left()

    def test_hold_refused(self):
        self.call()
        events = self.bob.phone.events
        original = events._on_OfferReceived
        events._on_OfferReceived = lambda event, now: event.session.reject_offer(now, 488)
        self.alice.press("hold")
        self.assertIn("Hold refused: 488", self.alice.text())
        self.assertEqual(self.alice.stream().direction, (True, True))
        events._on_OfferReceived = original
        self.alice.press("hold")
        self.assertIn("On hold", self.alice.text())
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_who_refuses_to_be_held_hears_nothing_of_the_other_call(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        events = self.bob.phone.events
        events._on_OfferReceived = lambda event, now: event.session.reject_offer(now, 488)
        carol.press("sip:alice@[2001:db8::a]", "call")
        self.alice.press("line2", "call")
        self.assertEqual(self.alice.states(), ["talking", "talking"])
        first, second = self.alice.media.streams
        self.assertEqual((first.joined, first.direction), (False, (False, False)))
        self.assertTrue(second.joined)
        self.assertIn("Line 1: On hold", self.alice.text())
        self.alice.press("line1")
        self.assertEqual((first.joined, second.joined), (True, False))
        self.assertEqual(first.direction, (True, True))

    def test_who_refuses_to_be_held_hears_nothing_of_a_call_that_is_begun(self):
        doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        events = self.bob.phone.events
        events._on_OfferReceived = lambda event, now: event.session.reject_offer(now, 488)
        self.alice.press("line2", "sip:carol@[2001:db8::c]", "call")
        self.assertEqual(self.alice.states(), ["talking", "ringback"])
        self.assertFalse(self.alice.stream().joined)

    def test_a_second_change_waits(self):
        self.call()
        self.world.drop = lambda data, source, destination: data.startswith(b"INVITE")
        self.alice.press("hold")
        self.assertIn("One moment", self.alice.text())
        self.alice.press("hold")
        self.assertIn("One moment", self.alice.text())
        self.assertTrue(self.alice.phone.lines[0].held_here)
        self.world.drop = None
        self.world.run(2000)
        self.assertIn("On hold", self.alice.text())

    def test_switch_between_lines(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        carol.press(BOB, "call")
        self.assertEqual(self.bob.states(), ["talking", "incoming"])
        self.assertIn("Waiting: phone", self.bob.text())
        self.assertEqual(self.bob.media.sounding, tones.TONES["waiting"][0])
        self.assertEqual(self.bob.lamps.state["line2"], "flash")
        self.bob.press("line2")
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        lines = self.bob.phone.lines
        self.assertTrue(lines[0].held_here and not lines[1].held_here)
        self.assertIn("They hold the", self.alice.text())
        self.assertIn("Line 1: On hold", self.bob.text())
        self.bob.press("line1")
        self.assertTrue(lines[1].held_here and not lines[0].held_here)
        self.assertIn("They hold the", carol.text())
        self.assertIn("Talking", self.alice.text())
        joined = [stream.joined for stream in self.bob.media.streams]
        self.assertEqual(joined, [True, False])
        self.bob.press("hangup")
        self.assertIn("They hung up", self.alice.text())
        self.world.run(6000)
        self.assertEqual(self.bob.states(), ["idle", "talking"])
        self.assertIn("On hold        line 2", self.bob.text())
        self.bob.press("hold")
        self.assertIn("Talking", carol.text())
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_dial_on_the_second_line(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        self.alice.press("line2")
        self.assertIn("They hold the", self.bob.text())
        self.alice.press("sip:carol@[2001:db8::c]", "call")
        carol.press("call")
        self.assertEqual(self.alice.states(), ["talking", "talking"])
        self.assertEqual(self.alice.phone.focus, 1)
        self.alice.press("line1")
        self.assertIn("They hold the", carol.text())
        self.alice.press("hangup", "line2", "hangup")
        self.assert_nothing_left()

    def test_a_call_held_while_it_rings_is_held_when_answered(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        carol.press("sip:alice@[2001:db8::a]")
        self.alice.press(BOB, "call")
        carol.press("call")
        self.assertEqual(self.alice.states(), ["ringback", "incoming"])
        self.alice.press("line2")
        self.bob.press("call")
        self.assertEqual(self.alice.states(), ["talking", "talking"])
        self.assertEqual(
            [stream.joined for stream in self.alice.media.open_streams].count(True), 1
        )


class TestRefusals(Case):
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


class TestAddresses(Case):
    def test_a_new_address_moves_the_call(self):
        self.call()
        new = doubles.address("2001:db8:1::a")
        self.alice.net6.own[0] = new
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(self.bob.stream().peer[0], new)
        self.assertEqual(self.alice.states()[0], "talking")
        self.bob.press("hangup")
        self.assertEqual(self.alice.states()[0], "ended")
        self.assert_nothing_left()

    def test_no_address_for_a_while(self):
        self.call()
        self.alice.net6.own.clear()
        self.alice.net6.signal.raised = True
        self.alice.net6.error = doubles.ENETUNREACH
        self.world.settle()
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.alice.lamps.state["message"], "flash")
        self.alice.net6.error = 0
        self.alice.net6.own.append(doubles.address("2001:db8:2::a"))
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(self.bob.stream().peer[0], doubles.address("2001:db8:2::a"))
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_lost_datagrams(self):
        """One in three signalling datagrams is lost: calls still come about and end."""
        count = [0]

        def lossy(data, source, destination):
            count[0] += 1
            return count[0] % 3 == 0

        self.world.drop = lossy
        for _ in range(5):
            self.alice.press(BOB, "call")
            self.world.run(3000)
            self.assertEqual(self.bob.states()[0], "incoming")
            self.bob.press("call")
            self.world.run(3000)
            self.assertEqual(self.alice.states()[0], "talking")
            self.assertEqual(self.bob.states()[0], "talking")
            self.alice.press("hold")
            self.world.run(8000)
            self.assertIn("They hold the", self.bob.text())
            self.alice.press("hangup")
            self.world.run(8000)
            self.assertEqual(self.bob.states()[0], "idle")
        self.assert_nothing_left()


class TestFaults(Case):
    def test_a_fault_on_one_line_leaves_the_other(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        carol.press(BOB, "call")
        self.bob.press("line2")

        def broken(now):
            raise ValueError("a fault")

        self.bob.phone.lines[0].audio.tick = broken
        carol_stream = self.bob.phone.lines[1].audio.stream
        carol_stream.counts["received"] = 10
        self.world.run(3000)
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        self.assertIn("lost 0.0%", self.bob.text())
        self.assertIn("ValueError", "\n".join(log.lines()))

    def test_a_line_that_cannot_be_told_of_hold_is_silent_all_the_same(self):
        """The peer's re-INVITE waits for its ACK: ours cannot leave; the other line is served."""
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()

        def busy(now, body):
            raise LocalProtocolError("an offer is open")

        self.alice.phone.lines[0].session.reinvite = busy
        carol.press("sip:alice@[2001:db8::a]", "call")
        self.alice.press("line2", "call")
        self.assertEqual(self.alice.states(), ["talking", "talking"])
        first, second = self.alice.media.streams
        self.assertEqual((first.joined, second.joined), (False, True))
        self.assertEqual(first.direction, (False, False))
        self.assertTrue(self.alice.phone.lines[0].held_here)

    def test_no_memory_for_a_call_ends_it_on_both_sides(self):
        def broken(*args, **options):
            raise MemoryError("as the test wants")

        self.alice.media.open = broken
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.assertIn("Fault: see the log", self.alice.text())
        self.assertIn("They hung up", self.bob.text())
        del self.alice.media.open
        self.bob.media.open = broken
        self.alice.press("ok")
        self.bob.press("ok")
        self.alice.press(BOB, "call")
        self.bob.press("call")
        self.assertIn("Fault: see the log", self.bob.text())
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_no_memory_when_a_call_comes(self):
        def broken(*args):
            raise MemoryError("as the test wants")

        original = self.bob.phone.make_audio
        self.bob.phone.make_audio = broken
        self.alice.press(BOB, "call")
        self.assertIn("500 Server error", self.alice.text())
        self.bob.phone.make_audio = original
        self.alice.press("ok")
        self.call()
        self.bob.phone.lines[0].audio.take_offer = broken
        self.alice.press("hold")
        self.assertIn("Hold refused: 500", self.alice.text())
        self.assertEqual(self.bob.states()[0], "talking")
        self.alice.press("hangup")
        self.assert_nothing_left()

    def test_a_tone_that_fails_is_logged(self):
        def broken(segments, repeat=True):
            raise OSError(12, "as the test wants")

        self.bob.media.tone = broken
        self.call()
        self.alice.press("hangup")
        self.assertEqual(self.bob.states()[0], "ended")

    def test_a_stream_that_fails_to_close_frees_its_ports(self):
        self.call()
        stream = self.bob.stream()

        def broken():
            raise OSError(5, "as the test wants")

        stream.close = broken
        self.bob.press("hangup")
        self.assertEqual(len(self.bob.net6.endpoints), 1)


class TestManyCalls(Case):
    def test_short_calls_are_never_refused_and_memory_is_bounded(self):
        """Ended transactions stay 32 s for repetitions; they make room for the next calls."""
        for i in range(60):
            caller, called = (self.alice, self.bob) if i % 2 else (self.bob, self.alice)
            caller.press("sip:x@[%s]" % ("2001:db8::b" if i % 2 else "2001:db8::a"), "call")
            called.press("call")
            self.assertEqual(caller.states()[0], "talking")
            (caller if i % 4 < 2 else called).press("hangup")
            caller.press("ok")
            called.press("ok")
            for phone in (caller, called):
                self.assertTrue(len(phone.agent.layer.clients) <= 12)
                self.assertTrue(len(phone.agent.layer.servers) <= 12)
            self.world.run(200)
        self.assert_nothing_left()
