# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Attacks on proxy mode: tokens forged, altered, used by others; broken octets."""

import random

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.proxy_worlds import ANSWER, INVITE, KEY, ProxyCase, values
from tools.siproxy64.table import side
from tools.siproxy64.tokens import Tokens

PIECES = (
    b"",
    b"\xff",
    b"\r",
    b"\n",
    b"<",
    b">",
    b",",
    b";",
    b"[",
    b"]",
    b":",
    b'"',
    b"\0",
    b"9",
    b" ",
)


class TestForged(ProxyCase):
    """Who makes tokens up, or changes one."""

    def setUp(self):
        super().setUp()
        self.invite = self.one(INVITE, "phone:b", "stranger:b", "own:a", "phone:a")
        self.mirror.counters = {}

    def forged(self, count):
        self.assertEqual(self.mirror.counters.get("forged"), count)

    def test_each_character_of_a_branch_counts(self):
        ok = self.answer(self.invite).decode()
        branch = values(ok.encode(), "Via")[0].partition("branch=")[2]
        count = 0
        for i in range(len("z9hG4bK-64-"), len(branch)):
            other = "a" if branch[i] != "a" else "b"
            changed = branch[:i] + other + branch[i + 1 :]
            data = ok.replace(branch, changed).encode()
            self.assertEqual(self.give(data, "own:a", "phone:a"), [])
            count += 1
        self.forged(count)
        self.assertIn(count, (44, 82))

    def test_each_character_of_a_route_counts(self):
        route = values(self.invite, "Record-Route")[1]
        token = route.partition("p64=")[2].rstrip(">")
        for i in range(len(token)):
            other = "a" if token[i] != "a" else "b"
            self.bye([route.replace(token, token[:i] + other + token[i + 1 :])])
        for wrong in ("", token[:-1], token + "a", token[:-1] + "!", "a" * len(token)):
            self.bye([route.replace(token, wrong)])
        self.forged(len(token) + 5)

    def bye(self, routes):
        uri = self.world.text("sip:100@{phone:b}")
        ok = self.answer(self.invite)
        data = self.request("BYE", ok, 2, routes, "{stranger:b}", uri, "s2")
        self.refused(data, "phone:b", "stranger:b", 403)

    def test_a_token_of_one_kind_is_none_of_another(self):
        world = self.world
        tokens = Tokens(KEY)
        far, local = world.address("phone:a"), world.address("own:a")
        self.assertEqual(tokens.read("r", tokens.make("r", far, local)), (far, local))
        self.assertIsNone(tokens.read("c", tokens.make("r", far, local)))
        self.assertIsNone(Tokens(b"k" * 32).read("r", tokens.make("r", far, local)))

    def test_another_party_cannot_use_a_token(self):
        """The second phone would speak as the first one."""
        routes = values(self.invite, "Record-Route")
        uri = self.world.text("sip:bob@{stranger:b}")
        data = self.request(
            "BYE", self.answer(self.invite), 2, routes, "{second:a}", uri, "x", True
        )
        self.refused(data, "own:a", "second:a", 403)
        self.forged(1)

    def test_a_token_leads_to_no_other_party(self):
        route = values(self.invite, "Record-Route")[1]
        uri = self.world.text("sip:100@{second:b}")
        data = self.request("BYE", self.answer(self.invite), 2, [route], "{stranger:b}", uri, "x")
        self.refused(data, "second:b", "stranger:b", 403)

    def test_an_answer_from_the_caller_s_own_side(self):
        """Who knows the branch, but is not whom the request went to the side of."""
        self.assertEqual(self.give(self.answer(self.invite), "phone:b", "caller:b"), [])
        self.assertEqual(self.give(self.answer(self.invite), "phone:b", "stranger:b"), [])
        self.forged(2)

    def test_who_has_become_a_party_is_the_mirror_s(self):
        self.map("stranger:b", "stranger:a")
        uri = self.world.text("sip:bob@{stranger:b}")
        routes = values(self.invite, "Record-Route")
        ok = self.answer(self.invite)
        bye = self.request("BYE", ok, 2, routes, "{phone:a}", uri, "x", True)
        data = self.one(bye, "own:a", "phone:a", "phone:b", "stranger:b")
        self.assertEqual(len(values(data, "Via")), 1)

    def test_the_own_address_of_the_other_side_is_nobody(self):
        for word in ("own:a", "own:b"):
            own = self.world.address(word)
            self.settings.proxies[side(own[0])] = own, False
        self.proxy.configure(self.settings)
        text = INVITE.replace("sip:100@{phone:b} SIP", "sip:100@{own:b} SIP")
        text = text.replace("{stranger:b", "{phone:a").replace("IN {b}", "IN {a}")
        self.refused(text, "own:a", "phone:a", 403)

    def test_who_is_mapped_no_more_is_reached_no_more(self):
        ok = self.answer(self.invite)
        self.table = self.mirror.table = type(self.table)()
        self.assertEqual(self.give(ok, "own:a", "phone:a"), [])
        self.forged(1)


class TestBroken(ProxyCase):
    """Octets that somebody has changed: an answer or nothing, and no end of the program."""

    contact = True

    def test_changed_octets(self):
        random.seed(64)
        invite = self.one(INVITE, "phone:b", "stranger:b", "own:a", "phone:a")
        ok = self.answer(invite, "200 OK", "p", "100@{phone:a}", ANSWER)
        routes = values(invite, "Record-Route")
        uri = values(invite, "Contact")[0].strip("<>")
        bye = self.request("BYE", ok, 2, routes, "{phone:a}", uri, "p1", True)
        ends = {"stranger:b": "phone:b", "phone:a": "own:a"}
        outcomes = set()
        for data, peer in (
            (self.world.octets(INVITE), "stranger:b"),
            (ok, "phone:a"),
            (bye, "phone:a"),
        ):
            for _ in range(1500):
                work = data
                for _ in range(random.randrange(1, 4)):
                    at = random.randrange(len(work))
                    behind = work[at + random.randrange(3) :]
                    work = work[:at] + random.choice(PIECES) + behind
                sent = self.give(work, ends[peer], peer)
                outcomes.add(sent[0][0][:11] if sent else b"")
        self.assertTrue(
            {b"", b"SIP/2.0 400", b"SIP/2.0 403", b"SIP/2.0 200"} <= outcomes, outcomes
        )


TestForgedMirrored = mirrored(TestForged)
TestBrokenMirrored = mirrored(TestBroken)
