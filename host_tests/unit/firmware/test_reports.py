# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""firmware/phone/reports.py: a stream of media and lib/rtp, joined."""

import unittest

from firmware.phone.reports import Reports
from vox6.rtp import rtcp, xr

PEER = (bytes(15) + b"\x02", 5001)
OURS = 0x11111111


class Clock:
    def __init__(self):
        self.time = 0

    def now(self):
        return self.time


class Stream:
    """What Reports asks of media.Stream."""

    def __init__(self):
        self.waiting = []
        self.sent = []
        self.ssrc = OURS
        self.counts = {"sent": 0, "sent_octets": 0, "received": 0, "lost": 0, "ssrc": None}

    def receive_into(self, buffer):
        if not self.waiting:
            return None
        data, kind = self.waiting.pop(0)
        buffer[: len(data)] = data
        return len(data), PEER[0], PEER[1], kind

    def statistics(self):
        return dict(self.counts)

    def timestamp_now(self):
        return 160, 1000

    def send_rtcp(self, data):
        self.sent.append(bytes(data))

    def set_ssrc(self, ssrc):
        self.ssrc = ssrc


class TestReports(unittest.TestCase):
    def setUp(self):
        self.clock, self.stream, self.other = Clock(), Stream(), []
        self.reports = Reports(
            self.stream,
            bytearray(1232),
            OURS,
            lambda length: b"\x80" * length,
            PEER,
            self.clock,
            lambda data, peer: self.other.append(data),
        )

    def run_until(self, time):
        while True:
            timer = self.reports.get_timer()
            if timer is None or timer > time:
                break
            self.clock.time = timer
            self.reports.handle_timer(timer)
        self.clock.time = time

    def hear(self, *messages):
        self.stream.waiting.append((rtcp.emit_compound(messages), "rtcp"))
        self.assertTrue(self.reports.read())

    def test_reports_and_goodbye(self):
        self.stream.counts.update(sent=100, received=90, lost=10, ssrc=2, highest_sequence=99)
        self.run_until(4000)
        self.reports.close()
        first, last = [rtcp.parse_compound(data) for data in self.stream.sent]
        self.assertEqual([one.packet_type for one in first], [200, 202, 207])
        self.assertEqual(first[0].blocks[0].cumulative_lost, 10)
        self.assertEqual(first[2].blocks[0].values["loss_rate"], 25)
        self.assertEqual(last[-1].sources, [OURS])

    def test_what_the_peer_says(self):
        block = rtcp.ReportBlock(OURS, 64, 5, 100, 0)
        self.hear(rtcp.ReceiverReport(2, [block]), xr.ExtendedReport(2, []))
        self.assertEqual((self.reports.remote_loss, self.reports.received), (64, 1))
        self.hear(rtcp.ReceiverReport(2), rtcp.Goodbye([2]))
        self.assertTrue(self.reports.left)

    def test_another_with_our_ssrc(self):
        self.stream.counts.update(sent=100, looped=1)
        self.run_until(4000)
        self.assertNotEqual(self.stream.ssrc, OURS)
        self.assertEqual(self.stream.ssrc, self.reports.session.ssrc)
        self.assertEqual(rtcp.parse_compound(self.stream.sent[-1])[0].ssrc, self.stream.ssrc)

    def test_what_is_not_rtcp(self):
        self.stream.waiting.append((b"hello", "other"))
        self.assertTrue(self.reports.read())
        self.assertFalse(self.reports.read())
        self.assertEqual(self.other, [b"hello"])


if __name__ == "__main__":
    unittest.main()
