# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Phones call each other: every state that a person sees, every way a call ends."""

from firmware.phone import tones
from firmware.phone.dial import DialError
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, Case


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
