# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Hold by either side and by both, two lines, whoever refuses to be held."""

from firmware.phone import tones
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, Case


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
