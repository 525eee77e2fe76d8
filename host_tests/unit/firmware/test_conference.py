# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Three-way calls: both lines are joined, and every way out of it; the menu of a call."""

from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB
from host_tests.unit.firmware.calls import Case as Calls
from vox6.wire.errors import LocalProtocolError


class TestConference(Calls):
    def setUp(self):
        super().setUp()
        self.carol = doubles.TestPhone(self.world, ["2001:db8::c"])

    def three(self):
        """Bob talks to Carol on line 2, which has the focus; Alice is held on line 1."""
        self.call()
        self.carol.press(BOB, "call")
        self.bob.press("line2")
        self.assertEqual(self.bob.states(), ["talking", "talking"])
        self.assertIn("They hold the", self.alice.text())

    def joined(self):
        return [stream.joined for stream in self.bob.media.streams]

    def test_join(self):
        self.three()
        self.bob.press("conference")
        self.assertEqual(self.joined(), [True, True])
        for stream in self.bob.media.open_streams:
            self.assertEqual(stream.direction, (True, True))
        self.assertIn("Conference     line 2", self.bob.text())
        self.assertIn("Line 1: Conference", self.bob.text())
        self.assertIn("Talking", self.alice.text())
        self.assertIn("Talking", self.carol.text())
        self.bob.press("line1")
        self.assertIn("Conference     line 1", self.bob.text())
        self.assertEqual(self.joined(), [True, True])
        self.bob.press("hangup")
        self.assertIn("They hung up", self.alice.text())
        self.assertEqual(self.joined()[1], True)
        self.world.run(6000)
        self.assertIn("Talking", self.bob.text())
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_a_party_leaves(self):
        self.three()
        self.bob.press("conference")
        self.carol.press("hangup")
        self.assertEqual(self.bob.states(), ["talking", "ended"])
        self.world.run(6000)
        self.assertIn("Talking        line 1", self.bob.text())
        self.assertEqual(self.bob.stream().direction, (True, True))
        self.assertFalse(self.bob.phone.is_conference())
        self.carol.press(BOB, "call")
        self.bob.press("line2")  # whoever comes later is not in it
        self.assertEqual(self.bob.phone.lines[0].held_here, True)
        self.bob.press("hangup", "line1", "hangup")
        self.assert_nothing_left()

    def test_end_by_the_same_key(self):
        self.three()
        self.bob.press("conference", "conference")
        self.assertEqual(self.joined(), [False, True])
        self.assertIn("They hold the", self.alice.text())
        self.assertIn("Line 1: On hold", self.bob.text())
        self.bob.press("line1")
        self.assertEqual(self.joined(), [True, False])

    def test_one_is_held_and_comes_back(self):
        self.three()
        self.bob.press("conference", "hold")
        self.assertEqual(self.joined(), [True, False])
        self.assertIn("They hold the", self.carol.text())
        self.assertIn("Talking", self.alice.text())
        self.assertIn("Line 1: Conference", self.bob.text())
        self.bob.press("hold")
        self.assertEqual(self.joined(), [True, True])
        self.assertIn("Conference", self.bob.text())
        self.bob.press("hold", "conference")  # its end: the one in focus is talked to
        self.assertEqual(self.joined(), [False, True])
        self.assertIn("They hold the", self.alice.text())
        self.assertIn("Talking", self.carol.text())

    def test_a_party_holds_us(self):
        self.three()
        self.bob.press("conference")
        self.carol.press("hold")
        self.assertIn("They hold the", self.bob.text())
        self.assertEqual(self.bob.media.streams[1].direction, (False, True))
        self.assertEqual(self.bob.media.streams[0].direction, (True, True))
        self.carol.press("hold")
        self.assertIn("Conference", self.bob.text())

    def test_a_party_that_refuses_the_change(self):
        """Alice refuses the offer that would take her back: she stays held, nothing breaks."""
        self.three()
        events = self.alice.phone.events
        original = events._on_OfferReceived
        events._on_OfferReceived = lambda event, now: event.session.reject_offer(now, 488)
        self.bob.press("conference")
        self.assertTrue(self.bob.phone.lines[0].held_here)
        self.assertEqual(self.joined(), [False, True])
        events._on_OfferReceived = original
        self.bob.press("line1", "hold")
        self.assertEqual(self.joined(), [True, True])

    def test_it_takes_two(self):
        self.call()
        self.bob.press("conference")
        self.assertIn("One moment", self.bob.text())
        self.assertRaises(LocalProtocolError, self.bob.phone.conference)
        self.bob.press("line2", "sip:nobody@[2001:db8::d]", "call", "line1", "conference")
        self.assertEqual(self.bob.phone.is_conference(), False)

    def test_by_the_menu_of_the_call(self):
        self.three()
        self.bob.press("right")
        self.assertIn("This call      line 2", self.bob.text())
        self.assertIn(">Join both lines", self.bob.text())
        self.bob.press("ok")
        self.assertEqual(self.joined(), [True, True])
        self.bob.press("down")
        self.assertIn(">End conference", self.bob.text())
        self.bob.press("ok")
        self.assertEqual(self.joined(), [False, True])

    def test_the_menu_follows_the_call(self):
        self.call()
        self.bob.press("right", "down", "down", "up", "up")
        self.assertIn(">Hold", self.bob.text())
        self.bob.press("ok")
        self.assertIn("On hold", self.bob.text())
        self.bob.press("right", "ok")
        self.assertIn("Talking", self.bob.text())
        self.bob.press("right", "back")
        self.assertIn("Talking", self.bob.text())
        self.bob.press("right")
        self.alice.press("hangup")
        self.assertIn("They hung up", self.bob.text())
        self.bob.press("ok")
        self.assertEqual(self.bob.console.mode, "idle")

    def test_the_lamp_is_that_of_the_least_safe(self):
        clear = doubles.TestPhone(self.world, ["2001:db8::d"], [("security.zrtp", False)])
        self.call()
        self.world.run(8000)
        clear.press(BOB, "call")
        self.bob.press("line2")
        self.world.run(8000)
        self.assertEqual(self.bob.lamps.state["security"], "on")
        self.bob.press("line1")
        self.world.run(1000)
        safe = self.bob.lamps.state["security"]
        self.bob.press("conference")
        self.world.run(1000)
        self.assertEqual((safe, self.bob.lamps.state["security"]), ("flash", "on"))
