# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a configuration wants done to messages, each option alone and all together."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.worlds import MirrorCase, PlainPassage
from tools.siproxy64.options import rewriter
from tools.siproxy64.rewrite import rewrite
from tools.siproxy64.settings import Settings
from tools.siproxy64.table import side

INVITE = """
    INVITE sip:100@{phone:%s} SIP/2.0
    Via: SIP/2.0/UDP {provider:%s};branch=z9hG4bKx, SIP/2.0/UDP {stranger:b};branch=z9hG4bKw
    Max-Forwards: %d
    From: <sip:bob@{stranger:b}>;tag=a
    To: <sip:100@{phone:%s}>
    Call-ID: 77@{99:b}
    CSeq: 1 INVITE
    Contact: <sip:bob@{provider:%s}>
%s
    Content-Length: %s
"""


class OptionsCase(MirrorCase):
    """The provider of side b sends to the phone of side a."""

    world = World()

    def start(self, **values):
        settings = Settings()
        settings.table = self.table
        for name, value in values.items():
            self.assertTrue(hasattr(settings, name))
            setattr(settings, name, value)
        self.mirror.rewrite = rewriter(settings)
        return settings

    def invite(self, here, hops, *lines, length="0"):
        return INVITE % (here, here, hops, here, here, "\n".join(lines), length)

    def assertBecomes(self, lines, expected):
        """Headers of side b, and what they are on side a; one line each, without lines: gone."""
        there = self.passed(self.invite("b", 70, "X-A: 1", *lines))
        self.assertOctets(there, self.invite("a", 69, "X-A: 1", *expected))

    def test_none(self):
        settings = self.start()
        self.assertTrue(rewriter(settings) is rewrite)


class TestDrop(OptionsCase):
    """`unmapped drop`."""

    def setUp(self):
        OptionsCase.setUp(self)
        self.start(unmapped="drop")

    def test_values_without_a_counterpart(self):
        for name in (
            "Route", "Record-Route", "Path", "Service-Route", "History-Info", "Diversion",
            "P-Asserted-Identity", "Alert-Info", "X-Unknown", "Referred-By", "Reply-To",
        ):  # fmt: skip
            self.assertBecomes([name + ": <sip:{stranger:b};lr>"], [])
            self.assertBecomes(
                [name + ": <sip:{stranger:b};lr> , <sip:{proxy:b};lr>,<sip:a,b@{99:b}>"],
                [name + ": <sip:{proxy:a};lr>"],
            )  # fmt: skip
            self.assertBecomes(
                [name + ': "a,\\",b" <sip:{proxy:b};lr>,"{99:b}, <x" <sip:{98:b}>'],
                [name + ': "a,\\",b" <sip:{proxy:a};lr>'],
            )  # fmt: skip
        self.assertBecomes(
            ['Warning: 370 {stranger:b} "a, b", 307 {proxy:b} "c", 307 x "d"'],
            ['Warning: 307 {proxy:a} "c", 307 x "d"'],
        )

    def test_what_has_one_or_is_never_read_stays(self):
        lines = (
            "Route: <sip:{proxy:%s};lr>,  <sip:example.org>",
            "Subject: sip:{stranger:b}, 2",
            "Alert-Info: <http://{stranger:b}/>",
        )
        self.assertBecomes([line.replace("%s", "b") for line in lines],
                           [line.replace("%s", "a") for line in lines])  # fmt: skip

    def test_what_a_call_needs_stays(self):
        self.assertBecomes(["Refer-To: <sip:{stranger:b}>"], ["Refer-To: <sip:{stranger:b}>"])

    def test_what_cannot_work_is_refused(self):
        text = self.invite("b", 70, "X-A: 1").replace("bob@{provider", "bob@{stranger")
        self.assertEqual(self.answer(text)[0], 488)


class TestServices(OptionsCase):
    """`map ... service`."""

    def setUp(self):
        OptionsCase.setUp(self)
        settings = Settings()
        world = self.world
        settings.services.add(world.address("media:b", 0), world.address("media:a", 0))
        settings.services.add(world.address("own:b", 8080), world.address("own:a", 80))
        self.start(services=settings.services)

    def test_listed_hosts(self):
        for name in (
            "Alert-Info", "Call-Info", "Error-Info", "Identity-Info", "Geolocation",
            "Policy-Contact", "Permission-Missing", "Trigger-Consent",
        ):  # fmt: skip
            for there, here in (
                ("http://{media:b}/a.wav", "http://{media:a}/a.wav"),
                ("https://{media:b}:8443/?x=sip", "https://{media:a}:8443/?x=sip"),
                ("http://{own:b}:8080", "http://{own:a}:80"),
                ("http://{own:b}/", "http://{own:b}/"),
                ("HTTP://{stranger:b}/", "HTTP://{stranger:b}/"),
                ("http://{media:a}/", "http://{media:a}/"),
                ("http://example.org/", "http://example.org/"),
                ("sip:{proxy:b}", "sip:{proxy:a}"),
            ):
                self.assertBecomes(
                    [name + ": <" + there + ">;x=1, <" + there + ">"],
                    [name + ": <" + here + ">;x=1, <" + here + ">"],
                )

    def test_other_headers_are_not_read(self):
        self.assertBecomes(["User-Agent: http://{media:b}/"], ["User-Agent: http://{media:b}/"])


class TestNames(OptionsCase):
    """`strip-identity`, `compact`."""

    def test_identity(self):
        self.start(strip_identity=True)
        for name in ("Identity", "y", "Identity-Info", "n"):
            self.assertBecomes([name + ": <https://{proxy:b}/cert>;alg=x"], [])

    def test_compact(self):
        near = side(self.world.addr16("phone:a"))
        self.start(compact={near: True, not near: False})
        there = self.passed(self.invite("b", 70, "Supported: x", "event: y", "X-A: 1")).decode()
        expected = self.invite("a", 69, "k: x", "o: y", "X-A: 1")
        for name, short in (
            ("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Contact", "m"),
            ("Content-Length", "l"),
        ):  # fmt: skip
            expected = expected.replace("    %s: " % name, "    %s: " % short)
        self.assertEqual(there, self.world.octets(expected).decode())
        back = self.invite("a", 70, "Supported: x").replace("{stranger:b}", "{stranger:a}")
        back = back.replace("{phone:a}", "{provider:a}")
        there = self.passed(back, "provider:a", "phone:a").decode()
        self.assertIn("\r\nVia: SIP/2.0/UDP ", there)

    def test_all_together(self):
        near = side(self.world.addr16("phone:a"))
        self.start(
            compact={near: True, not near: True},
            strip_identity=True,
            unmapped="drop",
            ice="rewrite",
        )
        there = self.passed(
            self.invite("b", 70, "Identity: x", "Path: <sip:{99:b}>", "Subject: x")
        ).decode()
        self.assertIn("\r\ns: x\r\n", there)
        self.assertFalse("Identity" in there or "Path" in there)


SDP = """Content-Type: application/sdp
    Content-Length: ...

    v=0
    o=- 1 1 IN {b} {provider:b!}
    s=-
    c=IN {b} {provider:b!}
    t=0 0
    a=ice-options:ice2
    m=audio 30000 RTP/AVP 0
    %sm=video 30002 RTP/AVP 31
    %s"""


class TestICE(OptionsCase):
    """`ice rewrite`."""

    def setUp(self):
        OptionsCase.setUp(self)
        self.start(ice="rewrite")

    def offer(self, audio, video, move=0):
        """Pass an offer on; the lines of its description on side a."""
        if move:
            self.relay.begin = lambda *all: PlainPassage(self.relay, move)
        groups = ["".join([line + "\n    " for line in lines]) for lines in (audio, video)]
        text = self.invite("b", 70, "X-A: 1").rpartition("    Content-Length")[0]
        text += "    " + SDP % tuple(groups)
        head, _, body = self.passed(text).decode().partition("\r\n\r\n")
        self.assertIn("\r\nContent-Length: %d" % len(body), head)
        self.assertEqual(body[-2:], "\r\n")
        return body[:-2].split("\r\n")

    def becomes(self, lines):
        return [self.world.text(line) for line in lines]

    CANDIDATES = (
        "a=ice-ufrag:8hhY",
        "a=ice-pwd:asd88fgpdd777uzjYhagZg",
        "a=candidate:1 1 UDP 2130706431 {provider:b!} 30000 typ host generation 0",
        "a=candidate:1 2 udp 2130706430 {provider:b!} 30001 typ host",
        "a=candidate:2 1 UDP 1694498815 {99:b!} 45664 typ srflx raddr {provider:b!} rport 30000",
        "a=candidate:3 1 TCP 2130706430 {provider:b!} 30000 typ host tcptype active",
        "a=candidate:4 1 UDP 2130706430 {proxy:b!} 30000 typ host",
        "a=candidate:5 1 UDP 2130706430 {provider:b!} 40000 typ host",
        "a=candidate:6 1 UDP 2130706430 x.local 30000 typ host",
        "a=candidate:7 1 UDP",
        "a=candidate:8 1 UDP 1 {provider:b!} 30000 typ prflx raddr {99:b!} rport 30000",
        "a=remote-candidates:1 {phone:b!} 1",
        "a=end-of-candidates",
    )

    def test_what_the_relay_stands_for_passes(self):
        lines = self.offer(self.CANDIDATES, ("a=ice-ufrag:x", "a=sendonly"))
        expected = self.becomes((
            "m=audio 30000 RTP/AVP 0",
            "a=ice-ufrag:8hhY",
            "a=ice-pwd:asd88fgpdd777uzjYhagZg",
            "a=end-of-candidates",
            "a=candidate:1 1 UDP 2130706431 {provider:a!} 30000 typ host generation 0",
            "a=candidate:1 2 udp 2130706430 {provider:a!} 30001 typ host",
            "m=video 30002 RTP/AVP 31",
            "a=sendonly",
        ))  # fmt: skip
        self.assertEqual(lines[lines.index("m=audio 30000 RTP/AVP 0") :], expected)
        self.assertEqual(lines[lines.index("m=audio 30000 RTP/AVP 0") - 1], "a=ice-options:ice2")

    def test_at_the_ports_of_the_relay(self):
        last = "a=candidate:1 1 UDP 1 {provider:%s!} %d typ host"
        rtcp = "a=candidate:1 2 UDP 1 {provider:%s!} %d typ host"
        lines = self.offer((), (last % ("b", 30002), rtcp % ("b", 40000), "a=rtcp:40000"), 10)
        expected = self.becomes((last % ("a", 30012), rtcp % ("a", 40010)))
        self.assertEqual(lines[-2:], expected)

    def test_none_that_may_pass(self):
        lines = self.offer(self.CANDIDATES[:2] + self.CANDIDATES[4:], self.CANDIDATES[4:])
        text = "\n".join(lines)
        self.assertFalse("ice" in text or "candidate" in text, text)

    def test_other_bodies_and_none(self):
        text = self.invite("b", 70, "Content-Type: text/plain", length="...")
        self.passed(text + "\n    a=candidate:1 1 UDP 1 {provider:b!} 30000 typ host\n")
        self.passed(self.invite("b", 70, "X-A: 1"))


TestDropMirrored = mirrored(TestDrop)
TestServicesMirrored = mirrored(TestServices)
TestNamesMirrored = mirrored(TestNames)
TestICEMirrored = mirrored(TestICE)

if __name__ == "__main__":
    unittest.main()
