# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/rtp/xr.py: the block of VoIP metrics both ways, bursts and gaps."""

import unittest

from vox6.rtp import rtcp, xr
from vox6.wire import FormatError, LocalProtocolError

RR = "80c9000100000001"
METRICS = (
    "80cf000a" + "00000001" + "07000008" + "00000002" + "40200c08" + "00c817d4" + "00500064"
    "ecbf2810" + "5d7f2a29" + "f0000050" + "00c800c8"
)


class TestBlock(unittest.TestCase):
    def test_fields_in_their_places(self):
        _, report = rtcp.parse_compound(bytes.fromhex(RR + METRICS))
        (block,) = report.blocks
        self.assertEqual((report.ssrc, block.ssrc), (1, 2))
        wanted = {
            "loss_rate": 64,
            "discard_rate": 32,
            "burst_density": 12,
            "gap_density": 8,
            "burst_duration_ms": 200,
            "gap_duration_ms": 6100,
            "round_trip_ms": 80,
            "end_system_delay_ms": 100,
            "signal_level": 0xEC,
            "noise_level": 0xBF,
            "residual_echo_return_loss": 40,
            "gmin": 16,
            "r_factor": 93,
            "external_r_factor": 127,
            "mos_lq": 42,
            "mos_cq": 41,
            "rx_config": 0xF0,
            "reserved": 0,
            "jitter_buffer_nominal_ms": 80,
            "jitter_buffer_maximum_ms": 200,
            "jitter_buffer_absolute_maximum_ms": 200,
        }
        self.assertEqual(block.values, wanted)
        again = rtcp.emit_compound([rtcp.ReceiverReport(1), report])
        self.assertEqual(again, bytes.fromhex(RR + METRICS))

    def test_what_is_not_known(self):
        values = xr.VoIPMetrics(2).values
        for name in ("signal_level", "noise_level", "r_factor", "mos_lq", "mos_cq"):
            self.assertEqual(values[name], 127)
        self.assertEqual(values["gmin"], 16)
        with self.assertRaises(LocalProtocolError):
            xr.VoIPMetrics(2, loudness=3)

    def test_too_great_for_its_field(self):
        report = xr.ExtendedReport(1, [xr.VoIPMetrics(2, loss_rate=700, round_trip_ms=-3)])
        _, back = rtcp.parse_compound(rtcp.emit_compound([rtcp.ReceiverReport(1), report]))
        values = back.blocks[0].values
        self.assertEqual((values["loss_rate"], values["round_trip_ms"]), (255, 0))

    def test_each_rule(self):
        for text in (
            "80cf0000",  # no SSRC
            "80cf000200000001" + "01000001",  # a block longer than the message
            "80cf000300000001" + "07000001" + "00000002",  # metrics that are cut off
            "80cf0012" + "00000001" + "01000000" * 17,  # too many blocks
        ):
            with self.assertRaises(FormatError):
                rtcp.parse_compound(bytes.fromhex(RR + text))


class TestBursts(unittest.TestCase):
    """Appendix A.2: c11, c13, c14, c22, c23, c33 of 20 ms."""

    def test_no_loss(self):
        found = xr.bursts((0, 0, 0, 0, 0, 0))
        self.assertEqual(found["gap_density"], 0)
        self.assertEqual(found["burst_duration_ms"], 0)

    def test_single_losses(self):
        # 10 losses, 99 good frames before each: one gap of 20 s with a density of 1 %
        found = xr.bursts((990, 0, 10, 0, 0, 0))
        self.assertEqual((found["burst_density"], found["gap_density"]), (0, 2))
        self.assertEqual((found["burst_duration_ms"], found["gap_duration_ms"]), (0, 20000))

    def test_bursts(self):
        # 4 bursts of 10 frames, every second lost (5 lost, 4 pairs of one good frame between)
        found = xr.bursts((400, 4, 0, 0, 16, 0))
        self.assertEqual(found["burst_density"], 142)
        self.assertEqual(found["gap_duration_ms"], 404 * 20 // 4)
        self.assertEqual(found["burst_duration_ms"], 440 * 20 // 4 - 2020)


if __name__ == "__main__":
    unittest.main()
