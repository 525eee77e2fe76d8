# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attack: RTCP BYE in the name of the peer, or of us, by somebody who is neither."""

import unittest

from vox6.rtp import events, rtcp
from vox6.rtp.session import Session

US, THEM = 0x1111, 0x2222
PEER = (bytes(15) + b"\x02", 5001)
STRANGER = (bytes(15) + b"\x66", 5001)


def bye(ssrc, reporter=None):
    reporter = ssrc if reporter is None else reporter
    return rtcp.emit_compound([rtcp.ReceiverReport(reporter), rtcp.Goodbye([ssrc], b"ended")])


class TestAttack(unittest.TestCase):
    def setUp(self):
        self.engine = Session(US, b"us", lambda length: b"\x80" * length, PEER)
        self.engine.start(0)
        hello = [rtcp.ReceiverReport(THEM), rtcp.SourceDescription([(THEM, [(1, b"them")])])]
        self.engine.receive_datagram(rtcp.emit_compound(hello), PEER, 10)
        self.events()

    def events(self):
        found = []
        while True:
            event = self.engine.next_event()
            if event is None:
                return found
            found.append(event)

    def unharmed(self):
        """The peer is still a member: its own BYE is the one that counts."""
        self.assertEqual(self.events(), [])
        self.assertEqual(self.engine.ssrc, US)
        self.engine.receive_datagram(bye(THEM), PEER, 100)
        (event,) = self.events()
        self.assertIsInstance(event, events.PeerLeft)
        self.assertEqual(event.ssrc, THEM)

    def test_from_another_address(self):
        timer = self.engine.get_timer()
        for ssrc in (THEM, US):
            self.engine.receive_datagram(bye(ssrc), STRANGER, 20)
        self.assertEqual(self.engine.counters["strangers"], 2)
        self.assertEqual(self.engine.get_timer(), timer)
        self.unharmed()

    def test_of_a_source_nobody_knows(self):
        """With the peer's address forged, but its SSRC guessed wrong."""
        for ssrc in range(0x3000, 0x3100):
            self.engine.receive_datagram(bye(ssrc), PEER, 20)
        self.events()
        self.unharmed()

    def test_of_us(self):
        """The peer cannot say goodbye for us."""
        self.engine.receive_datagram(bye(US, THEM), PEER, 20)
        self.unharmed()

    def test_of_the_peer_in_the_name_of_another(self):
        self.engine.receive_datagram(bye(THEM, 0x9999), PEER, 20)
        self.unharmed()


if __name__ == "__main__":
    unittest.main()
