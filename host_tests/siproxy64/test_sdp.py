# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Session descriptions line by line (RFC 8866, 3264, 3605, 6157, 6947, 8839)."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.test_rewrite_headers import Names
from host_tests.siproxy64.worlds import ON_SIDE_A, ON_SIDE_B, PlainPassage, PlainRelay
from tools.siproxy64.scan import Refused
from tools.siproxy64.sdp import rewrite_sdp
from tools.siproxy64.table import Table, side

HEAD = """v=0
o=- 1 1 IN {~} {phone:~!}
s=-
"""


class SDPCase(unittest.TestCase):
    world = World()

    def setUp(self):
        world = self.world
        self.table = Table()
        for near, far, names in (("a", "b", ON_SIDE_A), ("b", "a", ON_SIDE_B)):
            for name in names:
                real, other = name + ":" + near, name + ":" + far
                self.table.add(world.address(real, 0), world.address(other, 0))
        self.relay = PlainRelay(self.table)

    def octets(self, template, near):
        text = self.world.text(template.replace("~", near))
        return text.replace("\n", "\r\n").encode()

    def rewrite(self, octets, near, move=0):
        self.relay.streams = []
        here = side(self.world.addr16("phone:" + near))
        passage = PlainPassage(self.relay, move)
        return rewrite_sdp(octets, Names(self.table, here), passage)

    def become(self, template, expected, near="a", move=0):
        """A description of side `near` becomes another; ~ stands for the side."""
        far = "b" if near == "a" else "a"
        found = self.rewrite(self.octets(template, near), near, move)
        self.assertEqual(found.decode(), self.octets(expected, far).decode())

    def both_ways(self, template, streams=None):
        for near in ("a", "b"):
            self.become(template, template, near)
            if streams is not None:
                found = [(stream[0],) + stream[2:] for stream in self.relay.streams]
                self.assertEqual(found, streams)

    def refused(self, template, code, near="a"):
        with self.assertRaises(Refused) as caught:
            self.rewrite(self.octets(template, near), near)
        self.assertEqual(caught.exception.code, 488)
        self.assertEqual(caught.exception.warning[0], code)


class TestSDP(SDPCase):
    def test_session_connection(self):
        self.both_ways(
            HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 49170 RTP/AVP 0 8\na=sendrecv\n",
            [(0, 49170, 49171, 1)],
        )

    def test_what_holds_no_address(self):
        self.both_ways(
            HEAD
            + """i=about {99:a}
u=http://{99:a}/x
e=a@example.org
p=+1 617 555-6011
c=IN {~} {phone:~!}
b=AS:64
t=2873397496 2873404696
r=7d 1h 0 25h
z=2882844526 -1h
k=clear:{99:a!}
a=tool:x {99:a}
a=fingerprint:SHA-1 4A:AD:B9
a=zrtp-hash:1.10 fe30
a=key-mgmt:mikey AQAFgM
x=unknown
m=audio 49170 RTP/SAVP 0
i=first
b=AS:32
k=base64:AAAA
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA
a=rtpmap:0 PCMU/8000
a=fmtp:101 0-15
a=ptime:20
a=rtcp-mux
a=setup:actpass
a=sendonly
"""
        )

    def test_media_connections(self):
        """Each media description has its own; there is none for the session."""
        self.both_ways(
            HEAD
            + """t=0 0
m=audio 49170 RTP/AVP 0
c=IN {~} {phone:~!}
m=video 51372 RTP/AVP 31
c=IN {~} {second:~!}
""",
            [(0, 49170, 49171, 1), (1, 51372, 51373, 1)],
        )

    def test_session_and_media_connection(self):
        self.both_ways(
            HEAD
            + """c=IN {~} {phone:~!}
t=0 0
m=audio 49170 RTP/AVP 0
m=video 51372 RTP/AVP 31
c=IN {~} {media:~!}
"""
        )
        self.assertEqual(self.relay.streams[0][1], self.world.addr16("phone:b"))
        self.assertEqual(self.relay.streams[1][1], self.world.addr16("media:b"))

    def test_bare_line_ends(self):
        octets = self.octets(HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n", "a")
        found = self.rewrite(octets.replace(b"\r\n", b"\n"), "a")
        self.assertNotIn(b"\r", found)
        self.assertIn(self.world.text("c=IN {b} {phone:b!}\n").encode(), found)

    def test_no_line_end_at_the_end(self):
        octets = self.octets(HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n", "a")
        found = self.rewrite(octets[:-2], "a")
        self.assertTrue(found.endswith(b"m=audio 9000 RTP/AVP 0"))

    def test_origin_elsewhere(self):
        """It identifies the session: a name stays. Of an unknown host it tells the media address.

        Some take the type of all addresses from the first one (baresip 1.0).
        """
        for origin, shown in (
            ("{a} host.example.org", "{a} host.example.org"),
            ("{a} {stranger:a!}", "{b} {phone:b!}"),
            ("{b} {stranger:b!}", "{b} {stranger:b!}"),
        ):
            text = "v=0\no=- 1 1 IN %s\ns=-\nc=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n"
            self.become(text % origin, text % shown)
        for rest in ("m=audio 0 RTP/AVP 0\n", ""):
            text = "v=0\no=- 1 1 IN {a} {stranger:a!}\ns=-\nc=IN {~} {phone:~!}\nt=0 0\n" + rest
            self.become(text, text)

    def test_other_ports(self):
        """The relay could not have the same port: m= says which it has."""
        text = HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio %s RTP/AVP 0\n%s"
        self.become(text % ("49170", ""), text % ("49180", ""), move=10)
        self.become(text % ("49170/2", ""), text % ("49180/2", ""), move=10)
        self.assertEqual(self.relay.streams[0][4], 2)
        self.become(
            text % ("49170", "a=rtcp:53020\n"), text % ("49180", "a=rtcp:53030\n"), move=10
        )
        self.assertEqual(self.relay.streams[0][3], 53020)

    def test_rtcp_at_another_port(self):
        self.both_ways(
            HEAD
            + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n"
            + "a=rtcp:53020 IN {~} {phone:~!}\na=rtcp-mux\n",
            [(0, 9000, 53020, 1)],
        )

    def test_rtcp_that_cannot_follow(self):
        class Apart(PlainPassage):
            def stream(self, index, addr16, rtp, rtcp, count):
                found = PlainPassage.stream(self, index, addr16, rtp, rtcp, count)
                return (found[0], rtp, rtcp + 100)

        octets = self.octets(HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n", "a")
        here = side(self.world.addr16("phone:a"))
        found = rewrite_sdp(octets, Names(self.table, here), Apart(self.relay))
        self.assertIn(b"m=audio 9000 RTP/AVP 0\r\na=rtcp:9101\r\n", found)

    def test_refused_media_has_no_stream(self):
        self.both_ways(
            HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 0 RTP/AVP 0\nm=video 9000 RTP/AVP 31\n",
            [(1, 9000, 9001, 1)],
        )
        self.both_ways(HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 0 RTP/AVP 0\n", [])
        self.both_ways(HEAD + "t=0 0\nm=audio 0 RTP/AVP 0\nc=IN {~} {phone:~!}\n", [])

    def test_connections_are_not_relayed(self):
        text = HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=message %s TCP/MSRP *\na=setup:active\n"
        text += "a=path:msrp://{phone:~}:2855/abc;tcp msrps://{second:~}:9/d;tcp\n"
        self.become(text % "2855", text % "0")
        self.assertEqual(self.relay.streams, [])

    def test_no_representation(self):
        self.refused(HEAD + "c=IN {~} {stranger:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n", 300)
        self.refused(
            HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\nm=video 9002 RTP/AVP 31\n"
            "c=IN {~} {stranger:~!}\n",
            300,
        )

    def test_name_of_a_media_host(self):
        self.refused(HEAD + "c=IN {~} host.example.org\nt=0 0\nm=audio 9000 RTP/AVP 0\n", 301)

    def test_media_host_of_the_other_side(self):
        """It is reached without us."""
        text = HEAD + "c=IN {b} {stranger:b!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n"
        self.become(text, text)
        self.assertEqual(self.relay.streams, [])

    def test_one_address_for_all_media(self):
        """The relay shows media hosts under an address of its own."""

        class Shared(PlainPassage):
            def stream(passage, index, addr16, rtp, rtcp, count):
                return (self.world.addr16("own:b"), 40000 + 2 * index, 40001 + 2 * index)

        here = side(self.world.addr16("phone:a"))
        octets = self.octets(
            HEAD
            + """c=IN {~} {stranger:~!}
t=0 0
m=audio 9000 RTP/AVP 0
m=video 9002 RTP/AVP 31
c=IN {~} {phone:~!}
""",
            "a",
        )
        found = rewrite_sdp(octets, Names(self.table, here), Shared(self.relay))
        expected = HEAD + (
            "c=IN {~} {own:~!}\nt=0 0\nm=audio 40000 RTP/AVP 0\n"
            "m=video 40002 RTP/AVP 31\nc=IN {~} {own:~!}\n"
        )
        self.assertEqual(found.decode(), self.octets(expected, "b").decode())

    def test_relay_with_two_addresses(self):
        """A media description without c= gets one when the session's does not hold for it."""

        class Spread(PlainPassage):
            def stream(passage, index, addr16, rtp, rtcp, count):
                return (self.world.addr16(("own:b", "proxy:b")[index]), rtp, rtcp)

        here = side(self.world.addr16("phone:a"))
        text = (
            HEAD + "c=IN {~} %s\nt=0 0\nm=audio 9000 RTP/AVP 0\nm=video 9002 RTP/AVP 31\ni=2\n%s"
        )
        octets = self.octets(text % ("{phone:~!}", ""), "a")
        found = rewrite_sdp(octets, Names(self.table, here), Spread(self.relay))
        expected = self.octets(text % ("{own:~!}", "c=IN {~} {proxy:~!}\n"), "b")
        self.assertEqual(found.decode(), expected.decode())

    def test_ice_is_taken_out(self):
        """The relay is the only path: both fall back to plain offer and answer."""
        text = HEAD + "c=IN {~} {phone:~!}\nt=0 0\n%sm=audio 9000 RTP/AVP 0\n%sa=sendrecv\n"
        session = "a=ice-options:trickle\na=ice-lite\n"
        media = """a=candidate:1 1 UDP 2130706431 {phone:~!} 9000 typ host
a=candidate:2 1 UDP 1694498815 {stranger:~!} 9000 typ srflx raddr {phone:~!} rport 9000
a=ice-ufrag:8hhY
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=remote-candidates:1 {provider:~!} 9000
a=end-of-candidates
"""
        self.become(text % (session, media), text % ("", ""))

    def test_source_filter(self):
        self.both_ways(
            HEAD
            + "c=IN {~} {phone:~!}\na=source-filter: incl IN {~} * {phone:~!} {second:~!}\nt=0 0\n"
            + "m=audio 9000 RTP/AVP 0\na=source-filter: incl IN {~} {phone:~!} {media:~!}\n"
        )

    def test_alternatives(self):
        """RFC 6947: of the target's own addresses one is taken without relay."""
        text = HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n"
        text += "a=altc:1 {a} {phone:a!} 9000\na=altc:2 {b} {stranger:b!} 9010\na=sendrecv\n"
        self.become(
            text,
            HEAD + "c=IN {~} {stranger:~!}\nt=0 0\nm=audio 9010 RTP/AVP 0\na=sendrecv\n",
        )
        self.assertEqual(self.relay.streams, [])

    def test_alternatives_of_this_side_alone(self):
        text = HEAD + "c=IN {~} {phone:~!}\nt=0 0\nm=audio 9000 RTP/AVP 0\n%sa=sendrecv\n"
        self.become(text % "a=altc:1 {a} {phone:a!} 9000\n", text % "")
        self.assertEqual(len(self.relay.streams), 1)

    def test_grouped_alternatives(self):
        """RFC 4091: one of the group is kept, the others get port 0."""
        text = (
            HEAD
            + """t=0 0
%sm=audio %s RTP/AVP 0
c=IN {a} {phone:a!}
a=mid:1
m=audio %s RTP/AVP 0
c=IN {b} {stranger:b!}
a=mid:2
"""
        )
        expected = text.replace("{a} {phone:a!}", "{b} {phone:b!}")
        self.become(text % ("a=group:ANAT 1 2\n", 9000, 9002), expected % ("", 0, 9002))
        self.assertEqual(self.relay.streams, [])
        text = text.replace("{b} {stranger:b!}", "{a} {second:a!}")
        expected = text.replace("{a} {phone:a!}", "{b} {phone:b!}")
        expected = expected.replace("{a} {second:a!}", "{b} {second:b!}")
        self.become(text % ("a=group:ANAT 1 2\n", 9000, 9002), expected % ("", 9000, 0))
        self.assertEqual(len(self.relay.streams), 1)

    def test_other_groups_stay(self):
        self.both_ways(
            HEAD
            + "c=IN {~} {phone:~!}\nt=0 0\na=group:BUNDLE 1\nm=audio 9000 RTP/AVP 0\na=mid:1\n"
        )

    def test_too_many_media(self):
        text = HEAD + "c=IN {~} {phone:~!}\nt=0 0\n"
        self.both_ways(text + "m=audio 9000 RTP/AVP 0\n" * 16)
        self.refused(text + "m=audio 9000 RTP/AVP 0\n" * 17, 399)

    def test_damaged(self):
        """What is no description is passed as it came."""
        for text in (
            "",
            "\n",
            "m=\n",
            "m=audio\n",
            "m=audio x RTP/AVP 0\n",
            "m=audio 99999 RTP/AVP 0\n",
            "m=audio 9000/0 RTP/AVP 0\n",
            "v=0\no=\nc=\n",
            "c=IN\nm=audio 9000 RTP/AVP 0\n",
            "c=IN {a} {stranger:a!}\n",
            "m=audio 9000 RTP/AVP 0\n",
            "a=source-filter:\na=path:\na=group:\na=mid:\na=rtcp:\n",
        ):
            self.become(text, text)


class TestHold(unittest.TestCase):
    """On hold without an address: one family has a number for it, the other a name (RFC 6157)."""

    TEXT = "v=0\r\no=- 1 1 IN %s\r\ns=-\r\nc=IN %s\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n"

    def become(self, near, hold, expected):
        world = World()
        far = "b" if near == "a" else "a"
        table = Table()
        table.add(world.address("phone:a", 0), world.address("phone:b", 0))
        relay = PlainRelay(table)
        here = side(world.addr16("phone:" + near))
        origin = "{%s} {phone:%s!}"
        octets = self.TEXT % (world.text(origin % (near, near)), hold)
        found = rewrite_sdp(octets.encode(), Names(table, here), PlainPassage(relay))
        self.assertEqual(found.decode(), self.TEXT % (world.text(origin % (far, far)), expected))
        self.assertEqual(relay.streams, [(0, None, 9000, 9001, 1)])

    def test_hold(self):
        self.become("a", "IP4 0.0.0.0", "IP6 hold.invalid")
        self.become("b", "IP6 hold.invalid", "IP4 0.0.0.0")
        self.become("b", "IP6 nobody.INVALID", "IP4 0.0.0.0")
        self.become("b", "IP6 ::", "IP4 0.0.0.0")


class TestMulticast(unittest.TestCase):
    """Only what the table says itself; one family has a hop limit behind the address."""

    TEXT = "v=0\r\ns=-\r\nc=IN %s\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n"

    def setUp(self):
        world = World()
        self.table = Table()
        self.table.add(world.address("whole:a", 0), world.address("whole:b", 0), 96)

    def become(self, near, connection, expected):
        here = side(World().addr16("phone:" + near))
        relay = PlainRelay(self.table)
        octets = (self.TEXT % connection).encode()
        found = rewrite_sdp(octets, Names(self.table, here), PlainPassage(relay))
        self.assertEqual(found.decode(), self.TEXT % expected)
        self.assertEqual(relay.streams, [])

    def test_refused(self):
        for near, connection in (("a", "IP4 224.2.1.1/127/3"), ("b", "IP6 ff0e::1/3")):
            with self.assertRaises(Refused) as caught:
                self.become(near, connection, "")
            self.assertEqual(caught.exception.code, 488)

    def test_mapped(self):
        group4 = b"\0" * 10 + b"\xff\xff" + bytes([224, 2, 1, 1])
        group6 = b"\xff\x0e" + b"\0" * 13 + b"\x01"
        self.table.add((group6, 0), (group4, 0))
        self.become("a", "IP4 224.2.1.1/127/3", "IP6 ff0e::1/3")
        self.become("b", "IP6 ff0e::1/3", "IP4 224.2.1.1/127/3")
        self.become("a", "IP4 224.2.1.1/127", "IP6 ff0e::1")


TestSDPMirrored = mirrored(TestSDP)
