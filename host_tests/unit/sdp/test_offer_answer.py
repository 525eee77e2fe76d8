# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sdp/offer_answer.py: two sides of one dialog, and offers and answers of others."""

import unittest

from vox6.sdp.description import SessionDescription
from vox6.sdp.offer_answer import LOCAL_OFFER, REMOTE_OFFER, STABLE, Negotiation, make_offer
from vox6.wire import FormatError, LocalProtocolError, RemoteProtocolError

A = "2001:db8::a"
B = "2001:db8::b"


def pair(codecs_a=("G722", "PCMU", "PCMA"), codecs_b=("G722", "PCMU", "PCMA"), **more):
    return Negotiation(1000, codecs_a), Negotiation(2000, codecs_b, **more)


def exchange(offerer, answerer, wish="sendrecv", answer_wish="sendrecv", ports=(4000, 5000)):
    """One offer and its answer; returns both results."""
    offer = offerer.create_offer(A, ports[0], wish)
    answerer.receive_offer(offer)
    answer = answerer.create_answer(B, ports[1], answer_wish)
    return offerer.receive_answer(answer), answerer.agreed


def remote(body, head="v=0\r\no=- 7 7 IN IP6 2001:db8::f\r\ns=-\r\nc=IN IP6 2001:db8::f\r\n"):
    return (head + "t=0 0\r\n" + body).encode()


def lines(octets, prefix):
    text = octets.decode()
    return [line[len(prefix) :] for line in text.split("\r\n") if line.startswith(prefix)]


class TestTwoSides(unittest.TestCase):
    def test_basic(self):
        alice, bob = pair()
        for result, address, port in zip(exchange(alice, bob), (B, A), (5000, 4000)):
            self.assertTrue(result.active)
            self.assertIsNone(result.problem)
            self.assertEqual(result.codec, "G722")
            self.assertEqual(result.payload_type, 9)
            self.assertEqual(result.clock_rate, 8000)
            self.assertEqual(result.receive, [(9, "G722"), (0, "PCMU"), (8, "PCMA")])
            self.assertEqual((result.nettype, result.addrtype), ("IN", "IP6"))
            self.assertEqual((result.address, result.port), (address, port))
            self.assertEqual((result.rtcp_address, result.rtcp_port), (address, port + 1))
            self.assertEqual(result.direction, "sendrecv")
            self.assertTrue(result.send and result.receives_voice)
            self.assertFalse(result.remote_hold)
            self.assertEqual(result.ptime_ms, 20)
            self.assertIsNone(result.telephone_event)
        self.assertEqual((alice.state, bob.state), (STABLE, STABLE))
        self.assertIs(alice.agreed.codec, alice.agreed.codec)

    def test_what_an_offer_holds(self):
        offer = Negotiation(7, ("G722", "PCMU")).create_offer(A, 4000, rtcp_port=4010)
        self.assertEqual(
            offer,
            b"v=0\r\no=- 7 7 IN IP6 2001:db8::a\r\ns=-\r\nc=IN IP6 2001:db8::a\r\nt=0 0\r\n"
            b"m=audio 4000 RTP/AVP 9 0\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n"
            b"a=ptime:20\r\na=rtcp:4010\r\na=sendrecv\r\n",
        )

    def test_codec_choice(self):
        # codecs of offerer, of answerer, own order of the answerer, what both send
        for a, b, own, expected in (
            (("PCMU", "G722"), ("G722", "PCMU"), False, "PCMU"),
            (("PCMU", "G722"), ("G722", "PCMU"), True, "G722"),
            (("PCMU", "PCMA"), ("PCMA",), False, "PCMA"),
            (("G722", "PCMA"), ("PCMU", "PCMA"), False, "PCMA"),
        ):
            alice, bob = pair(a, b, own_order=own)
            one, other = exchange(alice, bob)
            self.assertEqual((one.codec, other.codec), (expected, expected))

    def test_no_common_codec(self):
        alice, bob = pair(("PCMU",), ("PCMA",))
        offered = bob.receive_offer(alice.create_offer(A, 4000))
        self.assertEqual(offered.problem, (305, "Incompatible media format"))
        result = alice.receive_answer(bob.create_answer(B, 5000))
        self.assertFalse(result.active)
        self.assertIsNone(result.codec)
        self.assertEqual(result.direction, "inactive")
        self.assertFalse(bob.agreed.active)

    def test_late_offer(self):
        """The 2xx carries the offer, the ACK the answer: the callee offers."""
        alice, bob = pair()
        one, other = exchange(bob, alice)
        self.assertEqual((one.codec, other.codec), ("G722", "G722"))

    def test_hold_and_resume(self):
        alice, bob = pair()
        exchange(alice, bob)
        self.assertEqual(alice.hold_direction(), "sendonly")
        one, other = exchange(alice, bob, alice.hold_direction())
        self.assertEqual((one.direction, other.direction), ("sendonly", "recvonly"))
        self.assertTrue(other.remote_hold)
        self.assertFalse(one.remote_hold and one.send)
        one, other = exchange(alice, bob)
        self.assertEqual((one.direction, other.direction), ("sendrecv", "sendrecv"))
        self.assertFalse(other.remote_hold)

    def test_both_hold(self):
        alice, bob = pair()
        exchange(alice, bob)
        exchange(alice, bob, "sendonly")
        self.assertEqual(bob.hold_direction(), "inactive")
        one, other = exchange(bob, alice, bob.hold_direction(), "sendonly")
        self.assertEqual((one.direction, other.direction), ("inactive", "inactive"))
        # alice resumes, bob still holds
        one, other = exchange(alice, bob, "sendrecv", "sendonly")
        self.assertEqual((one.direction, other.direction), ("recvonly", "sendonly"))
        one, other = exchange(bob, alice)
        self.assertEqual((one.direction, other.direction), ("sendrecv", "sendrecv"))

    def test_every_pair_of_directions(self):
        """RFC 3264 section 6.1: what an answer may be."""
        allowed = {
            "sendrecv": ("sendrecv", "sendonly", "recvonly", "inactive"),
            "sendonly": ("recvonly", "inactive"),
            "recvonly": ("sendonly", "inactive"),
            "inactive": ("inactive",),
        }
        for offered in allowed:
            for wish in allowed:
                alice, bob = pair()
                bob.receive_offer(alice.create_offer(A, 4000, offered))
                answer = bob.create_answer(B, 5000, wish)
                written = [line for line in lines(answer, "a=") if line in allowed]
                self.assertEqual(len(written), 1)
                self.assertIn(written[0], allowed[offered])
                result = alice.receive_answer(answer)
                self.assertEqual(result.send, bob.agreed.receives_voice)
                self.assertEqual(result.receives_voice, bob.agreed.send)

    def test_version(self):
        """RFC 3264 section 8: it rises by one with each change, and only then."""
        alice, bob = pair()
        origins = []
        for wish, port in (
            ("sendrecv", 4000),
            ("sendrecv", 4000),
            ("sendonly", 4000),
            ("sendrecv", 4000),
            ("sendrecv", 4002),
        ):
            offer = alice.create_offer(A, port, wish)
            bob.receive_offer(offer)
            answer = bob.create_answer(B, 5000)
            alice.receive_answer(answer)
            origins.append((lines(offer, "o=")[0], lines(answer, "o=")[0]))
        own = [origin.split(" ")[2] for origin, _ in origins]
        self.assertEqual(own, ["1000", "1000", "1001", "1002", "1003"])
        other = [origin.split(" ")[2] for _, origin in origins]
        self.assertEqual(other, ["2000", "2000", "2001", "2002", "2002"])

    def test_a_new_address_keeps_the_origin(self):
        alice, bob = pair()
        exchange(alice, bob)
        offer = alice.create_offer("2001:db8::c", 4000)
        self.assertEqual(lines(offer, "o="), ["- 1000 1001 IN IP6 " + A])
        self.assertEqual(lines(offer, "c="), ["IN IP6 2001:db8::c"])
        self.assertEqual(bob.receive_offer(offer).address, "2001:db8::c")

    def test_offer_rejected(self):
        alice, bob = pair()
        exchange(alice, bob)
        agreed = alice.agreed
        bob.receive_offer(alice.create_offer(A, 4000, "sendonly"))
        before = bob.agreed
        bob.reject_offer()
        alice.offer_rejected()
        self.assertIs(alice.agreed, agreed)
        self.assertIs(bob.agreed, before)
        self.assertEqual((alice.state, bob.state), (STABLE, STABLE))
        exchange(bob, alice)

    def test_glare(self):
        """RFC 3261 section 14.2: 491 while ours is open, 500 while theirs is."""
        alice, bob = pair()
        exchange(alice, bob)
        one = alice.create_offer(A, 4000)
        other = bob.create_offer(B, 5000)
        for side, offer in ((alice, other), (bob, one)):
            with self.assertRaises(RemoteProtocolError) as caught:
                side.receive_offer(offer)
            self.assertEqual(caught.exception.code, 491)
            self.assertEqual(side.state, LOCAL_OFFER)
            side.offer_rejected()
        alice.receive_offer(bob.create_offer(B, 5000))
        with self.assertRaises(RemoteProtocolError) as caught:
            alice.receive_offer(other)
        self.assertEqual(caught.exception.code, 500)
        self.assertEqual(alice.state, REMOTE_OFFER)

    def test_early_answer(self):
        """A provisional response shows the answer, the 2xx repeats it."""
        alice, bob = pair()
        bob.receive_offer(alice.create_offer(A, 4000))
        answer = bob.create_answer(B, 5000)
        early = alice.receive_answer(answer, final=False)
        self.assertEqual((early.codec, alice.state), ("G722", LOCAL_OFFER))
        self.assertIsNone(alice.agreed)
        self.assertEqual(alice.receive_answer(answer).codec, "G722")
        self.assertEqual(alice.state, STABLE)

    def test_telephone_event(self):
        codecs = ("telephone-event", "PCMU")
        alice, bob = pair(codecs, codecs)
        one, other = exchange(alice, bob)
        self.assertEqual((one.codec, one.telephone_event), ("PCMU", 101))
        self.assertEqual((other.codec, other.telephone_event), ("PCMU", 101))
        alice, bob = pair(codecs, ("PCMU",))
        one, other = exchange(alice, bob)
        self.assertEqual((one.telephone_event, other.telephone_event), (None, None))
        self.assertEqual(other.receive, [(0, "PCMU")])

    def test_events_in_the_clock_of_each_codec(self):
        """RFC 4733 section 2.5.1.2: an event interrupts the voice, in its timestamps."""
        codecs = ("telephone-event", "opus", "G722", "PCMU", "L16")
        alice, bob = pair(codecs, codecs)
        offer = alice.create_offer(A, 4000)
        self.assertEqual(
            lines(offer, "a=rtpmap:"),
            [
                "96 opus/48000/2", "9 G722/8000", "0 PCMU/8000", "97 L16/16000",
                "98 telephone-event/48000", "101 telephone-event/8000",
                "99 telephone-event/16000",
            ],
        )  # fmt: skip
        self.assertIn("96 maxplaybackrate=16000;maxaveragebitrate=40000;useinbandfec=1",
                      lines(offer, "a=fmtp:"))  # fmt: skip
        result = bob.receive_offer(offer)
        self.assertEqual(
            (result.codec, result.payload_type, result.clock_rate), ("opus", 96, 48000)
        )
        self.assertEqual((result.telephone_event, result.telephone_event_clock), (98, 48000))
        self.assertEqual((result.bit_rate, result.takes_redundancy), (40000, True))
        one = alice.receive_answer(bob.create_answer(B, 5000))
        self.assertEqual((one.codec, one.telephone_event), ("opus", 98))
        self.assertEqual((one.bit_rate, one.takes_redundancy), (40000, True))
        # Numbers keep their meaning, whoever offers next.
        again = bob.create_offer(B, 5000)
        self.assertEqual(lines(again, "a=rtpmap:"), lines(offer, "a=rtpmap:"))

    def test_other_parameters(self):
        bob = Negotiation(1, ("opus", "PCMU", "telephone-event"))
        body = remote(
            "m=audio 4000 RTP/AVP 107 0 100\r\na=rtpmap:107 OPUS/48000/2\r\n"
            "a=fmtp:107 stereo=1; sprop-stereo=1 ;MaxAverageBitrate=x;useinbandfec=0;=;;cbr\r\n"
            "a=fmtp:0 useinbandfec=1\r\na=rtpmap:100 telephone-event/8000\r\n"
        )
        result = bob.receive_offer(body)
        self.assertEqual((result.codec, result.payload_type), ("opus", 107))
        self.assertEqual((result.bit_rate, result.takes_redundancy), (None, False))
        self.assertEqual((result.telephone_event, result.telephone_event_clock), (100, 8000))
        # Opus has always two channels (RFC 7587 section 7), and L16 of 44100 is not ours.
        bob.reject_offer()
        body = remote("m=audio 4000 RTP/AVP 107 11 10\r\na=rtpmap:107 opus/48000\r\n")
        self.assertEqual(bob.receive_offer(body).problem[0], 305)

    def test_wrong_order(self):
        alice, _ = pair()
        offer = make_offer(B, 5000, ("PCMU",), "sendrecv", 5, 6)
        for command in (
            lambda: alice.receive_answer(offer),
            alice.offer_rejected,
            alice.reject_offer,
            lambda: alice.create_answer(A, 4000),
            lambda: alice.create_offer(A, 4000, "both"),
        ):
            self.assertRaises(LocalProtocolError, command)
        alice.create_offer(A, 4000)
        self.assertRaises(LocalProtocolError, alice.create_offer, A, 4000)
        self.assertRaises(LocalProtocolError, alice.create_answer, A, 4000)

    def test_construction(self):
        for arguments in ((-1,), (1 << 62,), (1, ("speex",)), (1, ()), (1, ("telephone-event",))):
            self.assertRaises(LocalProtocolError, Negotiation, *arguments)

    def test_make_offer(self):
        offer = make_offer(A, 4000, ("PCMA",), "recvonly", 5, 6)
        self.assertEqual(lines(offer, "o="), ["- 5 6 IN IP6 " + A])
        self.assertEqual(lines(offer, "m="), ["audio 4000 RTP/AVP 8"])
        self.assertEqual(lines(offer, "a="), ["rtpmap:8 PCMA/8000", "ptime:20", "recvonly"])

    def test_debug(self):
        alice, bob = pair()
        self.assertIn("nothing agreed", alice.debug())
        exchange(alice, bob)
        self.assertIn("G722/9 IP6 [2001:db8::b]:5000 sendrecv", alice.debug())


class TestOffersOfOthers(unittest.TestCase):
    # body, problem code
    PROBLEMS = (
        ("m=audio 4000 RTP/AVP 0\r\n", None),
        ("m=audio 4000 RTP/AVP 0\r\nc=TN RFC2543 +1\r\n", 300),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n", 301),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP9 x\r\n", 301),
        ("m=audio 4000 RTP/SAVP 0\r\n", 302),
        ("m=audio 4000 udp 0\r\n", 302),
        ("m=audio 4000 udp wb-audio\r\n", 302),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ff15::101\r\n", 330),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ff15::101/3\r\n", 330),
        ("m=audio 4000 RTP/AVP 18\r\n", 305),
        ("m=audio 4000 RTP/AVP 96\r\n", 305),
        ("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n", 305),
        ("m=audio 0 RTP/AVP 0\r\n", 304),
        ("m=video 4000 RTP/AVP 31\r\n", 304),
        ("", 304),
    )

    def test_problems(self):
        for body, code in self.PROBLEMS:
            with self.subTest(body=body):
                bob = Negotiation(1)
                result = bob.receive_offer(remote(body))
                self.assertEqual(result.problem and result.problem[0], code)
                answer = SessionDescription.parse(bob.create_answer(B, 5000))
                ports = [media.port for media in answer.media]
                offered = SessionDescription.parse(remote(body)).media
                self.assertEqual(len(ports), len(offered))
                self.assertEqual(ports, [0 if code else 5000] * len(ports))
                self.assertEqual([one.media for one in answer.media], [o.media for o in offered])
                self.assertEqual(bob.agreed.active, code is None)

    def test_ip4_when_the_caller_can(self):
        bob = Negotiation(1, addrtypes=("IP6", "IP4"))
        result = bob.receive_offer(remote("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"))
        self.assertIsNone(result.problem)
        self.assertEqual((result.addrtype, result.address), ("IP4", "192.0.2.1"))
        bob = Negotiation(1, addrtypes=("IP6", "IP4"))
        result = bob.receive_offer(remote("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 233.252.0.1\r\n"))
        self.assertEqual(result.problem[0], 330)

    def test_the_usable_one_of_several(self):
        """RFC 4091's shape without its grouping: IP4 first, IP6 second; and other media."""
        bob = Negotiation(1)
        result = bob.receive_offer(
            remote(
                "m=video 4100 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"
                "m=audio 4002 RTP/SAVP 0\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4004 RTP/AVP 8\r\n"
                "m=audio 4006 RTP/AVP 0\r\nm=application 9 UDP/BFCP *\r\n"
            )
        )
        self.assertIsNone(result.problem)
        self.assertEqual((result.port, result.codec), (4004, "PCMA"))
        answer = bob.create_answer(B, 5000)
        self.assertEqual(
            lines(answer, "m="),
            [
                "video 0 RTP/AVP 31",
                "audio 0 RTP/AVP 0",
                "audio 0 RTP/SAVP 0",
                "audio 0 RTP/AVP 0",
                "audio 5000 RTP/AVP 8",
                "audio 0 RTP/AVP 0",
                "application 0 UDP/BFCP *",
            ],
        )
        # our own offer keeps all the slots
        self.assertEqual(
            [line.split(" ")[:2] for line in lines(bob.create_offer(B, 5000), "m=")],
            [
                ["video", "0"],
                ["audio", "0"],
                ["audio", "0"],
                ["audio", "0"],
                ["audio", "5000"],
                ["audio", "0"],
                ["application", "0"],
            ],
        )

    def test_offer_after_one_without_audio(self):
        """Audio that the session never had is a new m= line below the others."""
        bob = Negotiation(1)
        bob.receive_offer(remote("m=video 4100 RTP/AVP 31\r\n"))
        bob.create_answer(B, 5000)
        offer = bob.create_offer(B, 5000)
        self.assertEqual(lines(offer, "m="), ["video 0 RTP/AVP 31", "audio 5000 RTP/AVP 9 0 8"])
        bob.offer_rejected()
        bob.receive_offer(remote("m=video 4100 RTP/AVP 31\r\n"))  # one m= line is still right
        bob.reject_offer()
        bob.create_offer(B, 5000)
        answer = remote("m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\n")
        self.assertEqual(bob.receive_answer(answer).codec, "PCMU")
        self.assertRaises(FormatError, bob.receive_offer, remote("m=video 4100 RTP/AVP 31\r\n"))

    def test_payload_types_of_the_offer_are_answered(self):
        bob = Negotiation(1, ("PCMU", "telephone-event"))
        result = bob.receive_offer(
            remote(
                "m=audio 4000 RTP/AVP 110 96\r\na=rtpmap:96 pcmu/8000/1\r\n"
                "a=rtpmap:110 telephone-event/8000\r\na=fmtp:110 0-11\r\na=ptime:30\r\n"
            )
        )
        self.assertEqual((result.codec, result.payload_type), ("PCMU", 96))
        self.assertEqual((result.telephone_event, result.ptime_ms), (110, 30))
        self.assertEqual(result.receive, [(96, "PCMU"), (110, "telephone-event")])
        answer = bob.create_answer(B, 5000)
        self.assertEqual(lines(answer, "m="), ["audio 5000 RTP/AVP 96 110"])
        self.assertEqual(lines(answer, "a=rtpmap:"), ["96 PCMU/8000", "110 telephone-event/8000"])
        # and keep their meaning in our offers (RFC 3264 section 8.3.2)
        self.assertEqual(lines(bob.create_offer(B, 5000), "m="), ["audio 5000 RTP/AVP 96 110"])

    def test_static_number_with_another_meaning(self):
        bob = Negotiation(1, ("PCMU", "PCMA"))
        result = bob.receive_offer(remote("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMA/8000\r\n"))
        self.assertEqual((result.codec, result.payload_type), ("PCMA", 0))
        bob.create_answer(B, 5000)
        self.assertEqual(lines(bob.create_offer(B, 5000), "m="), ["audio 5000 RTP/AVP 96 0"])

    def test_rtcp(self):
        bob = Negotiation(1)
        result = bob.receive_offer(
            remote("m=audio 4000 RTP/AVP 0\r\na=rtcp:4100 IN IP6 2001:db8::9\r\n")
        )
        self.assertEqual((result.address, result.port), ("2001:db8::f", 4000))
        self.assertEqual((result.rtcp_address, result.rtcp_port), ("2001:db8::9", 4100))

    def test_hold_of_rfc2543(self):
        for address in ("IP6 ::", "IP4 0.0.0.0", "IP6 hold.invalid", "IP6 x.Invalid"):
            bob = Negotiation(1, addrtypes=("IP6", "IP4"))
            result = bob.receive_offer(remote("m=audio 4000 RTP/AVP 0\r\nc=IN %s\r\n" % address))
            self.assertIsNone(result.problem)
            self.assertTrue(result.remote_hold)
            self.assertFalse(result.send)
            self.assertIn(result.address, ("::", "0.0.0.0"))

    def test_stream_removed_and_back(self):
        alice, bob = pair()
        exchange(alice, bob)
        body = remote("m=audio 0 RTP/AVP 0\r\n")
        result = bob.receive_offer(body)
        self.assertIsNone(result.problem)
        self.assertFalse(result.active)
        self.assertEqual(lines(bob.create_answer(B, 5000), "m="), ["audio 0 RTP/AVP 0"])
        self.assertFalse(bob.agreed.active)
        bob.receive_offer(remote("m=audio 4000 RTP/AVP 0\r\n"))
        bob.create_answer(B, 5000)
        self.assertTrue(bob.agreed.active)

    def test_times_are_those_of_the_offer(self):
        bob = Negotiation(1)
        bob.receive_offer(
            b"v=0\r\no=- 7 7 IN IP6 ::1\r\ns=x\r\nt=3034423619 3042462419\r\nr=7d 1h 0\r\n"
            b"m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::f\r\n"
        )
        answer = bob.create_answer(B, 5000)
        self.assertEqual(lines(answer, "t="), ["3034423619 3042462419"])
        self.assertEqual(lines(answer, "r="), ["7d 1h 0"])

    def test_malformed(self):
        head = "v=0\r\no=- 7 7 IN IP6 ::1\r\ns=x\r\nt=0 0\r\n"
        for octets in (
            b"",
            b"hello",
            (head + "m=audio 4000 RTP/AVP 0\r\n").encode(),  # no c=
            remote("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU\r\n"),
            remote("m=audio 4000 RTP/AVP x\r\n"),
            remote("m=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n"),
        ):
            bob = Negotiation(1)
            self.assertRaises(FormatError, bob.receive_offer, octets)
            self.assertEqual(bob.state, STABLE)
            exchange(Negotiation(2), bob)

    def test_rfc3264_section_10_1(self):
        """The offer of the RFC's first example, then the re-offer with a second audio stream."""
        head = (
            "v=0\r\no=alice 2890844526 2890844526 IN IP4 host.anywhere.com\r\ns=\r\n"
            "c=IN IP4 host.anywhere.com\r\nt=0 0\r\n"
        )
        bob = Negotiation(1, addrtypes=("IP4",))
        body = (
            "m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
            "m=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n"
            "m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n"
        )
        result = bob.receive_offer((head + body).encode())
        self.assertEqual((result.codec, result.address), ("PCMU", "host.anywhere.com"))
        answer = bob.create_answer("192.0.2.1", 49920, addrtype="IP4")
        self.assertEqual(
            lines(answer, "m="),
            ["audio 49920 RTP/AVP 0", "video 0 RTP/AVP 31", "video 0 RTP/AVP 32"],
        )
        body += "m=audio 51434 RTP/AVP 110\r\na=rtpmap:110 telephone-events/8000\r\na=recvonly\r\n"
        result = bob.receive_offer((head + body).encode())
        self.assertEqual((result.codec, result.port), ("PCMU", 49170))
        answer = bob.create_answer("192.0.2.1", 49920, addrtype="IP4")
        self.assertEqual(lines(answer, "m=")[3], "audio 0 RTP/AVP 110")


class TestAnswersOfOthers(unittest.TestCase):
    def offered(self, codecs=("G722", "PCMU", "PCMA")):
        alice = Negotiation(1, codecs)
        alice.create_offer(A, 4000)
        return alice

    def test_first_of_the_answer_is_sent(self):
        result = self.offered().receive_answer(remote("m=audio 5000 RTP/AVP 8 0\r\n"))
        self.assertEqual((result.codec, result.payload_type), ("PCMA", 8))
        self.assertEqual(result.receive, [(9, "G722"), (0, "PCMU"), (8, "PCMA")])

    def test_other_payload_types(self):
        """RFC 3264 section 5.1: we send with the numbers of the answer, and take our own."""
        alice = self.offered(("PCMU", "telephone-event"))
        result = alice.receive_answer(
            remote(
                "m=audio 5000 RTP/AVP 97 98\r\na=rtpmap:97 PCMU/8000\r\n"
                "a=rtpmap:98 telephone-event/8000\r\n"
            )
        )
        self.assertEqual((result.payload_type, result.telephone_event), (97, 98))
        self.assertEqual(result.receive, [(0, "PCMU"), (101, "telephone-event")])

    def test_rtpmap_left_out(self):
        alice = self.offered(("PCMU", "telephone-event"))
        result = alice.receive_answer(remote("m=audio 5000 RTP/AVP 0 101\r\n"))
        self.assertEqual((result.codec, result.telephone_event), ("PCMU", 101))

    def test_problems(self):
        for body, code in (
            ("m=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n", 301),
            ("m=audio 5000 RTP/AVP 0\r\nc=TN RFC2543 +1\r\n", 300),
            ("m=audio 5000 RTP/SAVP 0\r\n", 302),
            ("m=audio 5000 RTP/AVP 18\r\n", 305),
            ("m=audio 5000 RTP/AVP 0\r\nc=IN IP6 ff15::1\r\n", 330),
        ):
            result = self.offered().receive_answer(remote(body))
            self.assertEqual(result.problem[0], code)

    def test_refused(self):
        alice = self.offered()
        result = alice.receive_answer(remote("m=audio 0 RTP/AVP 0\r\n"))
        self.assertFalse(result.active)
        self.assertIsNone(result.problem)
        self.assertEqual((alice.state, result.receive), (STABLE, []))

    def test_malformed(self):
        for octets in (
            b"",
            remote(""),
            remote("m=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"),
            remote("m=video 5000 RTP/AVP 31\r\n"),
            remote("m=audio 5000 RTP/AVP 0\r\na=rtpmap:0 x\r\n"),
        ):
            alice = self.offered()
            self.assertRaises(FormatError, alice.receive_answer, octets)
            self.assertEqual(alice.state, LOCAL_OFFER)
            self.assertTrue(alice.receive_answer(remote("m=audio 5000 RTP/AVP 0\r\n")).active)


if __name__ == "__main__":
    unittest.main()
