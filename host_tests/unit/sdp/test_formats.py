# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sdp/formats.py: payload types, directions, ptime, rtcp."""

import unittest

from vox6.sdp import formats
from vox6.sdp.description import MediaDescription, SessionDescription
from vox6.wire import FormatError

HEAD = "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nt=0 0\r\n"


def media(text, session=""):
    description = SessionDescription.parse((HEAD + session + text).encode())
    return description, description.media[0]


class TestDirections(unittest.TestCase):
    def test_tables(self):
        # direction, sends, receives, reverse
        for direction, sends, receives, other in (
            ("sendrecv", True, True, "sendrecv"),
            ("sendonly", True, False, "recvonly"),
            ("recvonly", False, True, "sendonly"),
            ("inactive", False, False, "inactive"),
        ):
            self.assertEqual(formats.sends(direction), sends)
            self.assertEqual(formats.receives(direction), receives)
            self.assertEqual(formats.reverse(direction), other)
            self.assertEqual(formats.common(direction, "sendrecv"), direction)
            self.assertEqual(formats.common(direction, "inactive"), "inactive")
        self.assertEqual(formats.common("sendonly", "recvonly"), "inactive")

    def test_of_a_description(self):
        for session, own, expected in (
            ("", "", "sendrecv"),
            ("", "a=sendonly\r\n", "sendonly"),
            ("a=inactive\r\n", "", "inactive"),
            ("a=inactive\r\n", "a=recvonly\r\n", "recvonly"),
        ):
            description, one = media("m=audio 4000 RTP/AVP 0\r\n" + own, session)
            self.assertEqual(formats.direction_of(description, one), expected)


class TestRTPMap(unittest.TestCase):
    def test_static_types_need_none(self):
        _, one = media("m=audio 4000 RTP/AVP 9 0 8 18 77\r\n")
        self.assertEqual(
            formats.rtpmap_of(one),
            [
                (9, "G722", 8000, 1),
                (0, "PCMU", 8000, 1),
                (8, "PCMA", 8000, 1),
                (18, "G729", 8000, 1),
                (77, "", 0, 0),
            ],
        )

    def test_maps(self):
        _, one = media(
            "m=audio 4000 RTP/AVP 96 0 97\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:0 X/16000\r\n"
            "a=rtpmap:96 L16/16000/1\r\na=rtpmap:98 unused/8000\r\n"
        )
        self.assertEqual(
            formats.rtpmap_of(one),
            [(96, "L16", 16000, 1), (0, "X", 16000, 1), (97, "opus", 48000, 2)],
        )

    def test_invalid(self):
        for line in (
            "m=audio 4000 RTP/AVP x\r\n",
            "m=audio 4000 RTP/AVP 128\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 /8000\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:x PCMU/8000\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:128 PCMU/8000\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/x\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/x\r\n",
            "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/1/1\r\n",
        ):
            self.assertRaises(FormatError, formats.rtpmap_of, media(line)[1])

    def test_codec_names_ignore_case(self):
        self.assertEqual(formats.codec_name("pcmu", 8000, 1), "PCMU")
        self.assertEqual(formats.codec_name("G722", 8000, 1), "G722")
        self.assertEqual(formats.codec_name("Telephone-Event", 8000, 1), "telephone-event")
        self.assertIsNone(formats.codec_name("G722", 16000, 1))
        self.assertIsNone(formats.codec_name("PCMU", 8000, 2))
        self.assertIsNone(formats.codec_name("speex", 8000, 1))


class TestOthers(unittest.TestCase):
    def test_ptime(self):
        for value, expected in (
            ("20", 20),
            ("30.5", 30),
            ("0", None),
            ("x", None),
            ("", None),
            ("-20", None),
            ("5000", None),
        ):
            one = MediaDescription("audio", 1, "RTP/AVP", ["0"], attributes=[("ptime", value)])
            self.assertEqual(formats.ptime_of(one), expected)
        self.assertIsNone(formats.ptime_of(MediaDescription("audio", 1, "RTP/AVP", ["0"])))

    def test_rtcp(self):
        """RFC 3605 section 2.1."""
        for lines, port, address in (
            ("", 49171, None),
            ("a=rtcp:53020\r\n", 53020, None),
            ("a=rtcp:53020 IN IP6 2001:db8::9\r\n", 53020, "2001:db8::9"),
            ("a=rtcp:53020 IN IP4 126.16.64.4\r\n", 53020, "126.16.64.4"),
        ):
            found, connection = formats.rtcp_of(media("m=audio 49170 RTP/AVP 0\r\n" + lines)[1])
            self.assertEqual(found, port)
            self.assertEqual(connection.address if connection else None, address)
        for value in ("", "x", "70000", "1 IN IP6", "1 IN"):
            one = MediaDescription("audio", 1, "RTP/AVP", ["0"], attributes=[("rtcp", value)])
            self.assertRaises(FormatError, formats.rtcp_of, one)


if __name__ == "__main__":
    unittest.main()
