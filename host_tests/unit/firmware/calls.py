# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two phones that call each other: what tests of calls share."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles

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
    """Alice at 2001:db8::a and Bob at 2001:db8::b, who are whole phones; lines: of the log."""

    alice_settings = ()
    bob_settings = ()

    def setUp(self):
        self.world = doubles.World()
        self.lines = []
        log.start(self.world.clock, self.lines.append)
        self.alice = doubles.TestPhone(self.world, ["2001:db8::a"], self.alice_settings)
        self.bob = doubles.TestPhone(self.world, ["2001:db8::b"], self.bob_settings)

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
            self.assertEqual(phone.lamps.state["security"], "off")


class SecureCase(Case):
    """The same phones, looked at by how safe their calls are."""

    def hang_up(self):
        self.alice.press("hangup", "ok")
        self.bob.press("ok")
        self.world.run(40000)

    def security(self, phone=None):
        """Return the state of the first line: of one phone, or of both if it is the same."""
        if phone is not None:
            return phone.phone.security.state(1)
        self.assertEqual(self.alice.phone.security.state(1), self.bob.phone.security.state(1))
        return self.alice.phone.security.state(1)

    def lamps(self):
        return [phone.lamps.state["security"] for phone in (self.alice, self.bob)]

    def assert_keyed(self):
        """Both directions have keys, and what one sends with the other receives with."""
        one = self.alice.stream().keys
        two = self.bob.stream().keys
        self.assertNotEqual(one["send"], None)
        self.assertEqual(one["send"], two["receive"])
        self.assertEqual(one["receive"], two["send"])
        self.assertNotEqual(one["send"], one["receive"])

    def assert_nothing_left(self):
        """Nor has anything been caught on the way."""
        super().assert_nothing_left()
        self.assertEqual([line for line in self.lines if "Traceback" in line], [])
