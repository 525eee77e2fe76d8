# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attacks on the media of a call, each named by what would be lost; `second` and others attack."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.test_relay import RelayCase
from tools.siproxy64.mirror import Mirror
from tools.siproxy64.portable_plane import PortablePlane
from tools.siproxy64.relay import Relay

AUDIO = ("caller", "m=audio 5000 RTP/AVP 0")


class TestForgedBye(RelayCase):
    """A BYE that does not belong to the dialog does not close another's call."""

    world = World()

    def stays(self):
        for _ in range(60):
            self.network.time += 1000
            self.mirror.handle_timer(self.network.time)
        self.assertBothWays()

    def forge(self, who, tags):
        self.message(
            "BYE sip:b@{caller:~} SIP/2.0", "a", who, "caller", tags, "c", "9 BYE"
        )  # fmt: skip

    def test_of_who_knows_the_call_id(self):
        self.call()
        for tags in (("x", "y"), ("x", ""), ("c", "x"), ("x", "c"), ("p", "x"), ("x", "p")):
            self.forge("second", tags)
        self.stays()

    def test_of_another_branch(self):
        """A phone that rang too knows Call-ID and the caller's tag, and has a tag of its own."""
        self.request("INVITE", media=AUDIO)
        self.response(183, "q", media=("second", "m=audio 6100 RTP/AVP 0"))
        self.response(200, "p", media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.forge("second", ("q", "c"))
        self.stays()

    def test_of_another_branch_after_an_offer_of_the_phone(self):
        """That the caller has answered an offer makes its tag alone no dialog."""
        self.call()
        self.message(
            "INVITE sip:a@{caller:~} SIP/2.0", "a", "phone", "caller", ("p", "c"), "c",
            "7 INVITE", ("phone", "m=audio 6000 RTP/AVP 0"),
        )  # fmt: skip
        self.message(
            "SIP/2.0 200 X\n    Via: SIP/2.0/UDP {phone:~};branch=z9hG4bKy", "b", "caller",
            "phone", ("p", "c"), "c", "7 INVITE", AUDIO,
        )  # fmt: skip
        self.forge("second", ("q", "c"))
        self.stays()

    def test_a_true_one_of_either_end_closes(self):
        for tags, ends in ((("c", "p"), "b"), (("p", "c"), "a")):
            self.call()
            if ends == "b":
                self.request("BYE", tags, number=2)
            else:
                self.forge("phone", tags)
            self.network.time += 6000
            self.mirror.handle_timer(self.network.time)
            self.assertEqual(self.network.ports, {})

    def test_a_forged_refusal(self):
        """From another host than the one that was asked."""
        self.request("INVITE", media=AUDIO)
        self.response(183, media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.response(603, who="second")
        self.stays()


class TestMediaTakenAway(RelayCase):
    """Who is no end of a call neither hears nor speaks in it."""

    world = World()

    def test_an_offer_of_a_stranger_to_the_call(self):
        """With the Call-ID and both tags of a call, from another mapped host."""
        self.call()
        self.message(
            "INVITE sip:a@{caller:~} SIP/2.0", "a", "second", "caller", ("p", "c"), "c",
            "9 INVITE", ("second", "m=audio 6600 RTP/AVP 0"),
        )  # fmt: skip
        self.assertBothWays()
        self.assertDeaf(("second:a", 6600), ("caller:a", 5000))

    def test_strangers_count_as_strays_and_cannot_latch(self):
        self.plane = PortablePlane(self.network)
        self.relay = Relay(self.plane, self.table, latch={True: True, False: True})
        self.mirror = Mirror(self.table, self.relay)
        self.call()
        for _ in range(3):
            self.assertDeaf(("second:a", 6000), ("caller:a", 5000))
            self.assertDeaf(("stranger:b", 5000), ("phone:b", 6000))
        self.assertHears(("phone:a", 7000), ("caller:a", 5000), ("phone:b", 6000),
                         ("caller:b", 5000))  # fmt: skip
        # The port was observed once: what comes from another one cannot take it back.
        self.assertDeaf(("phone:a", 7002), ("caller:a", 5000))
        self.assertHears(("caller:b", 5000), ("phone:b", 6000), ("caller:a", 5000),
                         ("phone:a", 7000))  # fmt: skip
        handles = self.relay.calls()[0].streams[0].handles
        self.assertEqual([handle.strays for handle in handles], [7, 0])

    def test_the_same_offer_again_lets_nobody_latch(self):
        self.plane = PortablePlane(self.network)
        self.relay = Relay(self.plane, self.table, latch={True: True, False: True})
        self.mirror = Mirror(self.table, self.relay)
        self.call()
        self.assertHears(("phone:a", 7000), ("caller:a", 5000), ("phone:b", 6000),
                         ("caller:b", 5000))  # fmt: skip
        self.response(200, media=("phone", "m=audio 6000 RTP/AVP 0"))
        self.assertDeaf(("phone:a", 7002), ("caller:a", 5000))


class TestExhaustion(RelayCase):
    """One party that asks for too much does not disturb another's call."""

    world = World()

    def test_one_message_with_many_descriptions(self):
        self.start(limit=8)
        self.call()
        answer = self.request(
            "INVITE", call="greedy",
            media=("caller",) + tuple(["m=audio %d RTP/AVP 0" % p for p in range(8000, 8020, 2)]),
        )  # fmt: skip
        self.assertTrue(answer.startswith("SIP/2.0 503 ") and "\r\nRetry-After: " in answer)
        self.assertEqual((self.relay.count(), len(self.network.ports)), (1, 4))
        self.assertBothWays()

    def test_a_new_offer_that_is_too_much_leaves_the_call_as_it_was(self):
        self.start(limit=8)
        self.call()
        answer = self.request(
            "INVITE", ("c", "p"), number=2,
            media=("caller", "m=audio 5200 RTP/AVP 0")
            + tuple(["m=audio %d RTP/AVP 0" % p for p in range(8000, 8020, 2)]),
        )  # fmt: skip
        self.assertTrue(answer.startswith("SIP/2.0 503 "), answer)
        self.assertEqual((self.relay.count(), len(self.network.ports)), (1, 4))
        self.assertBothWays()
        self.call("next", 5400, 6400)

    def test_no_port_is_free(self):
        self.start(ports=(16384, 16393))
        for port in tuple(range(5000, 5002)) + tuple(range(16384, 16394)):
            taken = self.world.address("caller:a", port)
            self.network.udp(taken[0], taken[1], None)
        answer = self.request("INVITE", media=AUDIO)
        self.assertTrue(answer.startswith("SIP/2.0 503 ") and "\r\nRetry-After: " in answer)
        self.assertEqual(self.relay.calls(), [])
        self.assertEqual(len(self.network.ports), 12)

    def test_one_party_has_its_share(self):
        """It alone is told to come later: whom others call, and who calls others, is the same."""
        self.start(limit=8)
        self.relay.share = 3
        for i in range(5):
            media = ("caller", "m=audio %d RTP/AVP 0" % (9000 + 2 * i))
            answer = self.request("INVITE", call="greedy%d" % i, media=media)
            self.assertEqual(answer.startswith("SIP/2.0 503 "), i >= 3)
        self.assertIn("\r\nRetry-After: ", answer)
        for i in range(4):  # another party calls the greedy one, until it has its share too
            media = ("second", "m=audio %d RTP/AVP 0" % (7000 + 2 * i))
            answer = self.message(
                "INVITE sip:a@{caller:~} SIP/2.0", "a", "second", "caller", ("q", ""),
                "other%d" % i, "1 INVITE", media,
            )  # fmt: skip
            self.assertEqual(answer.startswith("SIP/2.0 503 "), i >= 3)
        self.assertEqual(self.relay.count(), 6)
        self.request("BYE", call="greedy0", number=2)
        self.network.time += 6000
        self.mirror.handle_timer(self.network.time)
        self.call("next")
        self.assertBothWays()

    def test_shares_are_of_what_there_is(self):
        self.start(limit=3)
        self.relay.share = 2
        for i, name in enumerate(("second", "second", "third", "third")):
            answer = self.message(
                "INVITE sip:a@{caller:~} SIP/2.0", "a", name, "caller", ("q", ""), "call%d" % i,
                "1 INVITE", (name, "m=audio %d RTP/AVP 0" % (7000 + 2 * i)),
            )  # fmt: skip
            self.assertEqual(answer.startswith("SIP/2.0 503 "), i == 3)

    def test_answers_that_nobody_asked_for(self):
        """They take from the share of who sends them, and so does what an answer has added."""
        self.start(limit=20)
        self.relay.share = 3
        for i in range(3):
            media = ("phone", "m=audio %d RTP/AVP 0" % (9000 + 2 * i))
            self.response(183, media=media, call="forged%d" % i)
        leg = self.relay.calls()[0]
        ends = [self.world.addr16("caller:b"), self.world.addr16("phone:a")]
        self.assertEqual([one[0] for one in leg.parties], ends)
        for i in range(3):
            call = "call%d" % i
            media = ("caller", "m=audio %d RTP/AVP 0" % (7000 + 2 * i))
            asked = self.request("INVITE", to="second", media=media, call=call)
            self.assertTrue(asked.startswith("INVITE "), asked)
            lines = ["m=audio %d RTP/AVP 0" % (7000 + 10 * i + 2 * j) for j in range(2)]
            answer = self.message(
                "SIP/2.0 183 X", "a", "second", "caller", ("c", "q"), call, "1 INVITE",
                ("second",) + tuple(lines),
            )  # fmt: skip
            self.assertTrue(answer.startswith("SIP/2.0 183 "), answer)
        self.assertEqual(self.relay.count(), 9)

    def test_a_flood_that_nobody_answers_ends_by_itself(self):
        self.start(limit=4)
        self.call()
        for i in range(10):
            self.request("INVITE", call="flood%d" % i,
                         media=("caller", "m=audio %d RTP/AVP 0" % (9000 + 2 * i)))  # fmt: skip
        self.assertEqual(self.relay.count(), 4)
        for _ in range(0, 250, 5):
            self.network.time += 5000
            self.mirror.handle_timer(self.network.time)
        self.assertEqual(self.relay.count(), 1)
        self.assertBothWays()


TestForgedByeMirrored = mirrored(TestForgedBye)
TestMediaTakenAwayMirrored = mirrored(TestMediaTakenAway)
TestExhaustionMirrored = mirrored(TestExhaustion)

if __name__ == "__main__":
    unittest.main()
