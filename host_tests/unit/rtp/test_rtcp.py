# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/rtp/rtcp.py: tables both ways, padding, compounds, one invalid case per rule."""

import unittest

from vox6.rtp import rtcp
from vox6.wire import FormatError, LocalProtocolError

BLOCK = "0000000940fffffe0001000200000003b705200000054000"
RR_0 = "80c9000100000001"
RR_1 = "81c9000700000001" + BLOCK
SR_1 = "81c8000c00000001b44db70520000000000000100000001100000012" + BLOCK
SDES = "81ca00040000000101066140622e637800000000"
BYE_0 = "81cb000100000001"
BYE_1 = "82cb00040000000100000002056c656176650000"
APP = "83cc0003000000016e616d6501020304"
XR = "83cf00020000000101050000"


def octets(*texts):
    return bytes.fromhex("".join(texts))


class TestBothWays(unittest.TestCase):
    def test_compounds_come_out_as_they_went_in(self):
        for texts in (
            (RR_0,),
            (RR_1,),
            (SR_1,),
            (SR_1, SDES),
            (RR_0, SDES, BYE_0),
            (SR_1, RR_1, SDES, BYE_1),
            (RR_1, APP, XR, SDES),
            ("80c9000200000001deadbeef",),  # a profile's extension
        ):
            data = octets(*texts)
            self.assertEqual(rtcp.emit_compound(rtcp.parse_compound(data)), data)

    def test_sender_report(self):
        (report,) = rtcp.parse_compound(octets(SR_1))
        self.assertIsInstance(report, rtcp.SenderReport)
        self.assertEqual(report.ssrc, 1)
        self.assertEqual(report.ntp, 0xB44DB70520000000)
        self.assertEqual(report.rtp_timestamp, 16)
        self.assertEqual((report.packet_count, report.octet_count), (17, 18))
        (block,) = report.blocks
        self.assertEqual((block.ssrc, block.fraction_lost, block.cumulative_lost), (9, 64, -2))
        self.assertEqual((block.highest_sequence, block.jitter), (65538, 3))
        self.assertEqual((block.last_sr, block.delay), (0xB7052000, 0x00054000))

    def test_source_description(self):
        _, description = rtcp.parse_compound(octets(RR_0, SDES))
        self.assertEqual(description.chunks, [(1, [(rtcp.CNAME, b"a@b.cx")])])
        self.assertEqual(description.cname(1), b"a@b.cx")
        self.assertIsNone(description.cname(2))

    def test_source_description_of_each_length(self):
        """The zeros that end a list fill the word, and there is always one."""
        for length in range(9):
            chunks = [(1, [(1, b"x" * length)]), (2, []), (3, [(2, b"y"), (8, b"")])]
            data = rtcp.emit_compound([rtcp.ReceiverReport(1), rtcp.SourceDescription(chunks)])
            self.assertEqual(len(data) % 4, 0)
            self.assertEqual(rtcp.parse_compound(data)[1].chunks, chunks)

    def test_goodbye(self):
        _, one, other = rtcp.parse_compound(octets(RR_0, BYE_0, BYE_1))
        self.assertEqual((one.sources, one.reason), ([1], b""))
        self.assertEqual((other.sources, other.reason), ([1, 2], b"leave"))
        for length in range(1, 9):
            data = rtcp.emit_compound([rtcp.ReceiverReport(1), rtcp.Goodbye([1], b"r" * length)])
            self.assertEqual(rtcp.parse_compound(data)[1].reason, b"r" * length)

    def test_unknown_messages_survive(self):
        _, app, report = rtcp.parse_compound(octets(RR_0, APP, XR))
        self.assertEqual((app.packet_type, app.count), (204, 3))
        self.assertEqual((report.packet_type, report.reserved), (207, 3))
        self.assertEqual((report.blocks[0].kind, report.blocks[0].specific), (1, 5))

    def test_padding_is_dropped(self):
        padded = "a1cb0003000000010000000000000008"
        data = octets(RR_0, padded)
        messages = rtcp.parse_compound(data)
        self.assertEqual(messages[1].sources, [1])
        self.assertEqual(rtcp.emit_compound(messages), octets(RR_0, BYE_0))
        (alone,) = rtcp.parse_compound(octets("a0c900020000000100000004"))
        self.assertEqual((alone.ssrc, alone.extension), (1, b""))

    def test_loss_is_clamped(self):
        """RFC 3550 appendix A.3."""
        for lost, expected in (
            (1 << 30, 0x7FFFFF),
            (-(1 << 30), -0x800000),
            (0x7FFFFF, 0x7FFFFF),
            (-1, -1),
        ):
            data = rtcp.emit_compound(
                [rtcp.ReceiverReport(1, [rtcp.ReportBlock(2, 0, lost, 0, 0)])]
            )
            self.assertEqual(rtcp.parse_compound(data)[0].blocks[0].cumulative_lost, expected)


class TestInvalid(unittest.TestCase):
    def test_each_rule(self):
        for texts in (
            ("",),
            ("80",),
            ("80c9",),
            ("80c90001",),  # shorter than it says
            ("80c90001", "000000"),
            (RR_0, "80"),  # lengths do not add up
            (RR_0, "81cb"),
            ("40c90001", "00000001"),  # version 1
            (RR_0, "41cb000100000001"),  # version 1 behind a good one
            (SDES,),  # no report first
            (BYE_0,),
            (APP,),
            ("80c90000",),  # no room for the SSRC
            ("81c9000100000001",),  # a block less than counted
            ("80c80005" + "00000001" * 5,),  # sender information cut
            (RR_0, "82ca0003000000010102616200000000"),  # a chunk less than counted
            (RR_0, "81ca00020000000101ff6162"),  # item longer than the message
            (RR_0, "81ca00020000000101026162"),  # list not ended
            (RR_0, "81ca00020000000100000001"),  # filled up with something
            (RR_0, "81ca0003000000010000000000000000"),  # a chunk more than counted
            (RR_0, "81cb0000"),  # BYE without its source
            (RR_0, "81cb00020000000104616263"),  # reason longer than the message
            (RR_0, "81cb0003000000010000000000000000"),  # octets behind the reason
            ("a0c9000100000001", BYE_0),  # padding before the last
            ("a0c900020000000100000000",),  # padding of none
            ("a0c900020000000100000005",),  # not in words
            ("a0c90002000000010000000c",),  # longer than the message
            ("a0c9000100000004",),  # the SSRC padded away
            (RR_0, "a0cc0000"),  # nothing to pad
            (RR_0 * 33,),
            (RR_0 * 188,),
        ):
            with self.subTest(octets=texts):
                self.assertRaises(FormatError, rtcp.parse_compound, octets(*texts))

    def test_truncated_anywhere(self):
        data = octets(SR_1, SDES, BYE_1)
        whole = (52, 72, 92)
        for length in range(len(data)):
            if length in whole:
                rtcp.parse_compound(data[:length])
            else:
                self.assertRaises(FormatError, rtcp.parse_compound, data[:length])

    def test_what_cannot_be_emitted(self):
        report = rtcp.ReceiverReport(1)
        block = rtcp.ReportBlock(2, 0, 0, 0, 0)
        for messages in (
            [],
            [rtcp.Goodbye([1])],
            [rtcp.ReceiverReport(1, [block] * 32)],
            [rtcp.ReceiverReport(1 << 32)],
            [rtcp.ReceiverReport(1, [rtcp.ReportBlock(2, 256, 0, 0, 0)])],
            [report, rtcp.Goodbye([1], b"x" * 256)],
            [report, rtcp.SourceDescription([(1, [(1, b"x" * 256)])])],
            [report, rtcp.SourceDescription([(1, [(0, b"x")])])],
            [report, rtcp.Unknown(207, 0, b"abc")],
            [report] * 200,
        ):
            self.assertRaises(LocalProtocolError, rtcp.emit_compound, messages)


if __name__ == "__main__":
    unittest.main()
