# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Digits in a call, both ways: events of RTP, INFO, and peers that take neither."""

from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB
from host_tests.unit.firmware.calls import Case as Calls
from host_tests.unit.firmware.test_forks import DIALLED, Callee, answer


class TestDigits(Calls):
    def infos(self):
        return self.world.requests("INFO")

    def test_events_of_rtp(self):
        self.call()
        self.assertEqual(self.alice.stream().event_type, 101)
        self.alice.press("1", "9", "*", "#", "a")
        sent = [event for event, _ in self.alice.stream().sent_events]
        self.assertEqual(sent, [1, 9, 10, 11, 12])
        self.assertIn("Sent: 19*#A", self.alice.text())
        self.assertEqual(self.infos(), [])
        self.bob.stream().events = [(5, 160), (11, 60), (16, 100), (200, 100)]
        self.world.settle()
        self.assertIn("Keys: 5#", self.bob.text())

    def test_info_where_the_owner_wants_it(self):
        self.alice.settings.set("dtmf.mode", "info")
        self.call()
        self.assertEqual(self.alice.stream().event_type, None)
        self.alice.press("7", "#")
        self.assertEqual(len(self.infos()), 2)
        self.assertIn(b"Content-Type: application/dtmf-relay\r\n", self.infos()[0])
        self.assertTrue(self.infos()[1].endswith(b"\r\n\r\nSignal=#\r\nDuration=160\r\n"))
        self.assertIn("Keys: 7#", self.bob.text())

    def test_info_where_rtp_was_not_agreed_on(self):
        self.bob.settings.set("dtmf.mode", "info")
        self.call()
        self.alice.press("3")
        self.assertEqual(self.alice.stream().sent_events, [])
        self.assertEqual(len(self.infos()), 1)

    def test_only_rtp(self):
        self.alice.settings.set("dtmf.mode", "rtp")
        self.bob.settings.set("dtmf.mode", "info")
        self.call()
        self.alice.press("3")
        self.assertEqual(self.infos(), [])
        self.assertIn("No digits to there", self.alice.text())

    def test_who_refuses_info(self):
        self.alice.settings.set("dtmf.mode", "info")
        self.bob.agent.info_types = ()
        self.call()
        self.alice.press("3")
        self.assertIn("No digits to there", self.alice.text())
        self.assertEqual(self.alice.states()[0], "talking")

    def test_none_while_held(self):
        self.call()
        self.bob.press("hold")
        self.alice.press("3")
        self.assertIn("No digits to there", self.alice.text())
        self.bob.press("hold")
        self.alice.press("hold", "4")
        self.assertEqual(self.alice.stream().sent_events, [])
        self.assertEqual(self.infos(), [])

    def test_before_the_answer(self):
        """A machine that asks for digits in early media."""
        callee = Callee(self.world)
        events = b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:96 telephone-event/8000\r\n"
        body = answer("2001:db8::9", 4000).replace(b"RTP/AVP 8", b"RTP/AVP 8 96") + events
        self.alice.press(DIALLED, "call", "1")
        callee.respond(183, "x", body)
        self.alice.press("2")
        self.assertEqual(self.alice.stream().sent_events, [(2, 160)])
        self.assertEqual(self.alice.stream().event_type, 96)

    def test_in_a_conference_to_the_one_in_focus(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        carol.press(BOB, "call")
        self.bob.press("line2", "conference", "8")
        first, second = self.bob.media.streams
        self.assertEqual((first.sent_events, second.sent_events), ([], [(8, 160)]))
