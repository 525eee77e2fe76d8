# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A fault inside, on one line or for lack of memory: the other line and the phone go on."""

from firmware import log
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, Case
from vox6.wire.errors import LocalProtocolError


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
