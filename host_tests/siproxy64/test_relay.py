# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Media through mirror, relay and plane: what opens, who hears whom, what closes, limits."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.worlds import MirrorCase
from tools.siproxy64.failures import Failures
from tools.siproxy64.mirror import Mirror
from tools.siproxy64.portable_plane import PortablePlane
from tools.siproxy64.relay import Relay
from tools.siproxy64.table import side


class Network:
    """Ports and clock of a simulated host; sent: (data, source, destination) of each datagram."""

    def __init__(self):
        self.time = 0
        self.ports = {}
        self.sent = []

    def now(self):
        return self.time

    def udp(self, local16, port, received):
        if (local16, port) in self.ports:
            raise OSError(98)
        self.ports[(local16, port)] = Port(self, (local16, port), received)
        return self.ports[(local16, port)]


class Port:
    def __init__(self, network, local, received):
        self.network = network
        self.local = local
        self.received = received

    def send(self, data, local16, peer16, peer_port, traffic_class=0):
        self.network.sent.append((data, (local16, self.local[1]), (peer16, peer_port)))

    def close(self):
        del self.network.ports[self.local]


MESSAGE = """
    %s
    Via: SIP/2.0/UDP {caller:~};branch=z9hG4bKx
    From: <sip:a@example.org>;tag=%s
    To: <sip:b@example.org>%s
    Call-ID: %s
    CSeq: %d %s
"""
SDP = """Content-Type: application/sdp
    Content-Length: ...

    v=0
    o=- 1 1 IN {~} {%s:~!}
    s=-
    c=IN {~} {%s:~!}
    t=0 0
"""


class RelayCase(MirrorCase):
    """`caller` on side b calls phones of side a; its media has port 5000, theirs 6000."""

    def setUp(self):
        MirrorCase.setUp(self)
        self.network = Network()
        self.start()

    def start(self, **more):
        self.plane = PortablePlane(self.network)
        latch = {True: False, False: False}
        self.relay = Relay(self.plane, self.table, latch=latch, **more)
        self.mirror = Mirror(self.table, self.relay)
        self.mirror.failures = Failures(self.mirror)

    def message(self, first, here, peer, local, tags, call="c", cseq="1 INVITE", media=()):
        """Pass one message on; its text on the other side.

        media: host of the description and its lines, none: without one.
        """
        number, method = cseq.split()
        to = ";tag=" + tags[1] if tags[1] else ""
        text = MESSAGE % (first, tags[0], to, call, int(number), method)
        if media:
            text += "    " + SDP % (media[0], media[0]) + "".join(
                ["    " + line + "\n" for line in media[1:]]
            )  # fmt: skip
        else:
            text += "    Content-Length: 0\n"
        text = text.replace("~", here)
        self.mirror.receive(
            self.world.octets(text), self.world.address(local + ":" + here),
            self.world.address(peer + ":" + here), self.network.time,
        )  # fmt: skip
        sent = self.mirror.take()
        self.assertEqual(len(sent), 1)
        return sent[0][0].decode()

    def request(self, method, tags=("c", ""), to="phone", number=1, media=(), call="c"):
        """A request of the caller."""
        first = method + " sip:b@{" + to + ":~} SIP/2.0"
        return self.message(
            first, "b", "caller", to, tags, call, "%d %s" % (number, method), media
        )

    def response(self, status, tag="p", who="phone", number=1, media=(), method="INVITE",
                 call="c"):  # fmt: skip
        """An answer of a phone."""
        return self.message(
            "SIP/2.0 %d X" % status, "a", who, "caller", ("c", tag), call,
            "%d %s" % (number, method), media,
        )  # fmt: skip

    def call(self, call="c", port=5000, other=6000):
        """A call that is answered; (what the phone was told, what the caller was)."""
        offer = self.request("INVITE", media=("caller", "m=audio %d RTP/AVP 0" % port), call=call)
        answer = self.response(200, media=("phone", "m=audio %d RTP/AVP 0" % other), call=call)
        return offer, answer

    def arrives(self, source, destination):
        """One datagram from (party, port) at (representation, port); where it goes, or None."""
        self.network.sent = []
        where = self.world.address(*destination)
        if where in self.network.ports:
            peer = self.world.address(*source)
            self.network.ports[where].received(b"voice", where[0], peer[0], peer[1], 0)
        sent = self.network.sent
        return sent[0][1:] if sent else None

    def assertHears(self, source, destination, near, far):
        """Voice from source to its near socket leaves from another one to a far end."""
        self.assertEqual(
            self.arrives(source, destination),
            (self.world.address(*near), self.world.address(*far)),
        )

    def assertDeaf(self, source, destination):
        self.assertEqual(self.arrives(source, destination), None)

    def assertBothWays(self, who="phone", port=5000, other=6000):
        for i in (0, 1):  # RTP and RTCP
            caller, phone = ("caller", port + i), (who, other + i)
            self.assertHears(
                (caller[0] + ":b", caller[1]), (phone[0] + ":b", phone[1]),
                (caller[0] + ":a", caller[1]), (phone[0] + ":a", phone[1]),
            )  # fmt: skip
            self.assertHears(
                (phone[0] + ":a", phone[1]), (caller[0] + ":a", caller[1]),
                (phone[0] + ":b", phone[1]), (caller[0] + ":b", caller[1]),
            )  # fmt: skip


class TestCalls(RelayCase):
    world = World()

    def test_ports_stay(self):
        offer, answer = self.call()
        self.assertTrue("m=audio 5000 RTP/AVP 0" in offer and "m=audio 6000 RTP/AVP 0" in answer)
        self.assertBothWays()
        self.assertEqual(len(self.network.ports), 4)

    def test_strangers_and_other_ports_are_not_heard(self):
        self.call()
        self.assertDeaf(("stranger:a", 6000), ("caller:a", 5000))
        self.assertDeaf(("second:a", 6000), ("caller:a", 5000))
        self.assertDeaf(("phone:a", 6002), ("caller:a", 5000))

    def test_late_offer(self):
        self.request("INVITE")
        self.assertEqual(self.network.ports, {})
        offer = self.response(200, media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.assertIn("m=audio 6000", offer)
        self.request("ACK", ("c", "p"), media=("caller", "m=audio 5000 RTP/AVP 0"))
        self.assertBothWays()

    def test_early_media(self):
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
        self.response(183, media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.assertBothWays()

    def test_a_taken_port_is_another_one(self):
        taken = self.world.address("caller:a", 5001)
        self.network.udp(taken[0], taken[1], None)
        offer, _ = self.call()
        port = int(offer.partition("m=audio ")[2].split()[0])
        self.assertEqual((port & 1, port >= 16384), (0, True))
        self.assertHears(("phone:a", 6000), ("caller:a", port), ("phone:b", 6000),
                         ("caller:b", 5000))  # fmt: skip
        self.assertHears(("phone:a", 6001), ("caller:a", port + 1), ("phone:b", 6001),
                         ("caller:b", 5001))  # fmt: skip

    def test_rtcp_of_its_own_port_and_of_the_same(self):
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0", "a=rtcp:5100"))
        answer = self.response(
            200, media=("phone", "m=audio 6000 RTP/AVP 0", "a=rtcp-mux", "a=rtcp:6000")
        )
        self.assertIn("a=rtcp:6000", answer)
        self.assertIn(self.world.address("caller:a", 5100), self.network.ports)
        self.assertIn(self.world.address("phone:b", 6000), self.network.ports)
        self.assertHears(("caller:b", 5000), ("phone:b", 6000), ("caller:a", 5000),
                         ("phone:a", 6000))  # fmt: skip

    def test_two_descriptions_and_two_pairs(self):
        self.request(
            "INVITE", media=("caller", "m=audio 5000 RTP/AVP 0", "m=video 5010/2 RTP/AVP 31")
        )
        answer = self.response(
            200, media=("phone", "m=audio 6000 RTP/AVP 0", "m=video 6010/2 RTP/AVP 31")
        )
        self.assertIn("m=video 6010/2 RTP/AVP 31", answer)
        self.assertBothWays()
        for port in range(5010, 5014):
            self.assertHears(
                ("caller:b", port), ("phone:b", port + 1000), ("caller:a", port),
                ("phone:a", port + 1000),
            )  # fmt: skip

    def test_a_challenged_call_may_ring(self):
        """An INVITE that comes again with credentials is of the same call."""
        for number, status in ((1, 407), (2, 0)):
            self.request("INVITE", number=number, media=("caller", "m=audio 5000 RTP/AVP 0"))
            if status:
                self.response(status, number=number)
        for self.network.time in range(0, 60_000, 1000):
            self.mirror.handle_timer(self.network.time)
        self.response(200, number=2, media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.assertBothWays()

    def test_an_update_may_be_refused_while_it_rings(self):
        """What was said before goes on to count, and the call to ring."""
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
        self.response(183, media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.request("UPDATE", ("c", "p"), number=2, media=("caller", "m=audio 5002 RTP/AVP 0"))
        self.response(491, number=2, method="UPDATE")
        for self.network.time in range(0, 60_000, 1000):
            self.mirror.handle_timer(self.network.time)
        self.assertBothWays()

    def test_the_same_call_passes_twice(self):
        """Through a registrar of the other side and back: each time its own sockets."""
        self.call()
        first = dict(self.network.ports)
        self.message(
            "INVITE sip:b@{provider:~} SIP/2.0", "a", "second", "provider", ("c", ""), "c",
            "1 INVITE", ("second", "m=audio 5000 RTP/AVP 0"),
        )  # fmt: skip
        self.assertEqual(len(self.relay.calls()), 2)
        self.assertTrue(all([key in self.network.ports for key in first]))
        self.assertBothWays()


class TestBranches(RelayCase):
    """A forked call: several phones answer one INVITE of one caller, by one proxy."""

    world = World()

    def ring(self):
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
        for tag, host, port in (("p", "phone", 6000), ("q", "second", 6100)):
            self.response(183, tag, media=(host, "m=audio %d RTP/AVP 0" % port))

    def test_all_that_ring_are_heard(self):
        """The caller hears both, the last one hears him; other ports are strangers."""
        self.ring()
        for host, port in (("phone", 6000), ("second", 6100), ("phone", 6001)):
            near, far = ("caller:a", 5000 + port % 2), ("caller:b", 5000 + port % 2)
            self.assertHears((host + ":a", port), near, ("second:b", 6100 + port % 2), far)
        self.assertBothWays("second", other=6100)
        self.assertDeaf(("phone:a", 6002), ("caller:a", 5000))
        self.assertDeaf(("third:a", 6000), ("caller:a", 5000))

    def test_who_has_not_answered_is_heard_no_more(self):
        self.ring()
        self.response(200, "q", media=("second", "m=audio 6100 RTP/AVP 0"))
        self.assertDeaf(("phone:a", 6000), ("caller:a", 5000))
        self.assertBothWays("second", other=6100)

    def test_an_answer_without_its_description(self):
        """It stood in a reliable 183 of that branch (RFC 3262), not the last one of all."""
        self.ring()
        self.response(200, "p")
        self.assertBothWays()
        self.assertDeaf(("second:a", 6100), ("caller:a", 5000))

    def test_many_branches(self):
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
        for i in range(50):
            self.response(183, "t%d" % i, media=("phone", "m=audio %d RTP/AVP 0" % (6000 + 2 * i)))
        self.assertHears(
            ("phone:a", 6098), ("caller:a", 5000), ("phone:b", 6098), ("caller:b", 5000)
        )
        self.assertHears(
            ("phone:a", 6090), ("caller:a", 5000), ("phone:b", 6098), ("caller:b", 5000)
        )
        self.assertDeaf(("phone:a", 6000), ("caller:a", 5000))
        leg = self.relay.calls()[0]
        former = leg.streams[0].handles[0].former
        self.assertEqual((len(leg.early), len(former[0] + former[1])), (8, 4))

    def test_the_last_answer_has_the_sockets(self):
        self.ring()
        self.assertBothWays("second", other=6100)
        self.response(200, "p", media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.assertBothWays()

    def test_ringing_of_another_branch_is_late(self):
        self.ring()
        self.response(200, "p", media=("phone", "m=audio 6000 RTP/AVP 0"))
        told = self.response(183, "q", media=("second", "m=audio 6100 RTP/AVP 0"))
        self.assertIn("m=audio 6100", told)
        self.assertBothWays()

    def test_the_second_answer_is_ended(self):
        """RFC 3261 section 13.2.2.4: one call of the two stays."""
        self.ring()
        self.response(200, "p", media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.response(200, "q", media=("second", "m=audio 6100 RTP/AVP 0"))
        self.assertBothWays("second", other=6100)
        self.request("BYE", ("c", "q"), number=2)
        self.assertBothWays()
        self.network.time += 60000
        self.mirror.handle_timer(self.network.time)
        self.assertBothWays()
        self.request("BYE", ("c", "p"), number=2)
        self.network.time += 6000
        self.mirror.handle_timer(self.network.time)
        self.assertEqual(self.network.ports, {})


class TestNewOffers(RelayCase):
    world = World()

    def test_another_port(self):
        self.call()
        self.request("INVITE", ("c", "p"), number=2, media=("caller", "m=audio 5200 RTP/AVP 0"))
        self.response(200, number=2, media=("phone", "m=audio 6200 RTP/AVP 0"))
        self.assertBothWays(port=5200, other=6200)
        self.assertEqual(len(self.network.ports), 4)

    def test_a_refused_offer_changes_nothing(self):
        self.call()
        self.request("INVITE", ("c", "p"), number=2, media=("caller", "m=audio 5200 RTP/AVP 0"))
        self.response(488, number=2)
        self.assertBothWays()
        self.network.time += 60000
        self.mirror.handle_timer(self.network.time)
        self.assertBothWays()

    def test_hold_without_an_address(self):
        """The sockets stay, and so does the port that was told."""
        taken = self.world.address("caller:a", 5000)
        self.network.udp(taken[0], taken[1], None)
        offer, _ = self.call()
        port = offer.partition("m=audio ")[2].split()[0]
        zero = "0.0.0.0" if side(self.world.addr16("caller:b")) else "::"
        text = ("INVITE sip:b@{phone:~} SIP/2.0", "b", "caller", "phone", ("c", "p"), "c",
                "2 INVITE", ("caller", "m=audio 5000 RTP/AVP 0", "c=IN {~} " + zero))  # fmt: skip
        self.assertIn("m=audio " + port, self.message(*text))
        self.assertHears(("phone:a", 6000), ("caller:a", int(port)), ("phone:b", 6000),
                         ("caller:b", 5000))  # fmt: skip


class TestEnds(RelayCase):
    world = World()

    def wait(self, seconds, step=1):
        for _ in range(0, seconds, step):
            self.network.time += 1000 * step
            self.mirror.handle_timer(self.network.time)

    def test_bye(self):
        self.call()
        self.request("BYE", ("c", "p"), number=2)
        self.wait(4)
        self.assertBothWays()
        self.response(200, media=("phone", "m=audio 6000 RTP/AVP 0"))  # comes again, too late
        self.wait(2)
        self.assertEqual((self.network.ports, self.relay.get_timer()), ({}, None))

    def test_refused_and_cancelled(self):
        for status in (486, 487, 603):
            self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
            self.response(status)
            self.wait(6)
            self.assertEqual(self.network.ports, {})

    def test_nobody_answers(self):
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
        self.wait(235, 5)
        self.assertEqual(len(self.network.ports), 2)
        self.wait(10, 5)
        self.assertEqual(self.network.ports, {})

    def test_silence_is_no_end_before_an_hour(self):
        self.call()
        self.wait(3595, 5)
        self.assertBothWays()
        self.wait(3610, 5)
        self.assertEqual(self.network.ports, {})

    def test_a_session_that_is_not_refreshed(self):
        self.request("INVITE", media=("caller", "m=audio 5000 RTP/AVP 0"))
        self.message(
            "SIP/2.0 200 X\n    Session-Expires: 300;refresher=uac", "a", "phone", "caller",
            ("c", "p"), "c", "1 INVITE", ("phone", "m=audio 6000 RTP/AVP 0"),
        )  # fmt: skip
        self.wait(250, 5)
        self.assertBothWays()
        self.wait(85, 5)  # it is over, but somebody spoke less than 90 s ago
        self.assertBothWays()
        self.wait(95, 5)
        self.assertEqual(self.network.ports, {})

    def test_handing_over(self):
        self.call()
        self.relay.leave(self.network.time)
        self.wait(85, 5)
        self.assertBothWays()
        self.wait(95, 5)
        self.assertEqual(self.network.ports, {})

    def test_a_refused_message_opens_nothing(self):
        """The second media host has no counterpart: 488, and what the first one got is closed."""
        answer = self.request(
            "INVITE",
            media=("caller", "m=audio 5000 RTP/AVP 0", "m=video 5010 RTP/AVP 31",
                   "c=IN {b} {stranger:b!}"),
        )  # fmt: skip
        self.assertTrue(answer.startswith("SIP/2.0 488 "), answer)
        self.assertEqual((self.network.ports, self.relay.calls()), ({}, []))

    def test_full(self):
        self.start(limit=1)
        self.call()
        answer = self.request("INVITE", media=("caller", "m=audio 5300 RTP/AVP 0"), call="another")
        self.assertTrue(answer.startswith("SIP/2.0 503 ") and "\r\nRetry-After: " in answer)
        self.assertBothWays()


class TestShared(RelayCase):
    """Media hosts that are not in the table are shown under one address."""

    world = World()

    def setUp(self):
        RelayCase.setUp(self)
        own = self.world.addr16("own:a")
        self.start(shared={side(own): own})

    def test_two_hosts_on_one_address(self):
        seen = set()
        for call, host, port in (("one", "stranger", 5000), ("two", "99", 5000)):
            offer = self.request("INVITE", media=(host, "m=audio %d RTP/AVP 0" % port), call=call)
            self.response(200, media=("phone", "m=audio 6000 RTP/AVP 0"), call=call)
            for line in ("o=- 1 1 IN", "c=IN"):
                self.assertIn(self.world.text(line + " {a} {own:a!}"), offer)
            shown = int(offer.partition("m=audio ")[2].split()[0])
            seen.add(shown)
            self.assertEqual(
                self.arrives(("phone:a", 6000), ("own:a", shown))[1],
                self.world.address(host + ":b", port),
            )
        self.assertEqual(len(seen), 2)

    def test_a_host_that_moves_keeps_its_port(self):
        offers = [
            self.request("INVITE", number=i, media=(host, "m=audio 5000 RTP/AVP 0"))
            for i, host in ((1, "stranger"), (2, "99"))
        ]
        ports = [offer.partition("m=audio ")[2].split()[0] for offer in offers]
        self.assertEqual(ports[0], ports[1])


TestCallsMirrored = mirrored(TestCalls)
TestBranchesMirrored = mirrored(TestBranches)
TestNewOffersMirrored = mirrored(TestNewOffers)
TestEndsMirrored = mirrored(TestEnds)
TestSharedMirrored = mirrored(TestShared)

if __name__ == "__main__":
    unittest.main()
