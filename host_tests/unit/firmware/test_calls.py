# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two phones call each other: every state that a person sees, every way a call ends."""

import unittest

from host_tests.unit.firmware import doubles


class Calls(unittest.TestCase):
    """Alice at 2001:db8::a, Bob at 2001:db8::b; Carol where a third is needed."""

    def setUp(self):
        self.world = doubles.World()
        self.alice = doubles.TestPhone(self.world, ["2001:db8::a"])
        self.bob = doubles.TestPhone(self.world, ["2001:db8::b"])

    def call(self):
        """Alice calls Bob, who answers."""
        self.alice.press("sip:bob@[2001:db8::b]", "call")
        self.bob.press("call")
        self.assertEqual(self.alice.states(), ["talking", "idle"])
        self.assertEqual(self.bob.states(), ["talking", "idle"])

    def test_call_and_hang_up(self):
        self.alice.press("sip:bob@[2001:db8::b]")
        self.assertIn("sip:bob@[2001:db8::b]", self.alice.text().replace("\n", ""))
        self.alice.press("call")
        self.assertEqual(self.alice.states(), ["ringback", "idle"])
        self.assertEqual(self.bob.states(), ["incoming", "idle"])
        self.bob.press("call")
        self.assertEqual(self.alice.states(), ["talking", "idle"])
        self.assertEqual(self.bob.states(), ["talking", "idle"])
        self.alice.press("hangup")
        self.assertEqual(self.alice.states(), ["ended", "idle"])
        self.assertEqual(self.bob.states(), ["ended", "idle"])
        self.assertIn("You hung up", self.alice.text())
        self.assertIn("They hung up", self.bob.text())
        self.world.run(60000)
        self.assertEqual(self.alice.states(), ["idle", "idle"])
        self.assertEqual(len(self.alice.agent.sessions), 0)
        self.assertEqual(len(self.bob.agent.sessions), 0)
