# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/replaces.py: every rule of RFC 3891 section 3, and who may take a call over."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    B,
    events,
    give,
    kinds,
    make_agent,
    names,
    reply,
    request,
    sent,
)
from host_tests.unit.sip.network import Network, uri
from vox6.sip.replaces import Replaces, header
from vox6.wire import FormatError, LocalProtocolError

STRANGER = (B[:15] + b"\x99", 5060)


class HeaderTest(unittest.TestCase):
    def test_both_ways(self):
        for text, wanted in (
            ("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff",
                ("98732@sip.example.com", "ff87ff", "r33th4x0r", False)),
            ("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only",
                ("12adf2f34456gs5", "12345", "54321", True)),
            ("87134@171.161.34.23;to-tag=24796;from-tag=0",
                ("87134@171.161.34.23", "24796", "0", False)),
            ("a ; to-tag = 1 ; from-tag = 2 ; x=y", ("a", "1", "2", False)),
        ):  # fmt: skip
            value = Replaces.parse(text)
            found = (value.call_id, value.to_tag, value.from_tag, value.early_only)
            self.assertEqual(found, wanted)
            again = Replaces.parse(str(value))
            self.assertEqual(str(again), str(value))
            self.assertEqual(header(text), str(value))

    def test_invalid(self):
        for text in (
            "",
            "a",
            "a;to-tag=1",
            "a;from-tag=1",
            "a;to-tag=1;to-tag=2;from-tag=3",
            "a;to-tag=1;from-tag=2;from-tag=2",
            "a;to-tag;from-tag=2",
            "a b;to-tag=1;from-tag=2",
            ";to-tag=1;from-tag=2",
        ):
            self.assertRaises(FormatError, Replaces.parse, text)
            self.assertRaises(LocalProtocolError, header, text)


class ReceivedTest(unittest.TestCase):
    """A peer written by hand names a standing call with Call-ID c1 and From tag f1."""

    def setUp(self):
        self.agent = make_agent()
        self.number = 0

    def _stand(self):
        give(self.agent, request("INVITE", body="offer"))
        session = events(self.agent)[0].session
        session.accept(0, b"answer")
        tag = sent(self.agent)[0].to.tag
        give(self.agent, request("ACK", "z9hG4bKack", tag))
        events(self.agent)
        return session, tag

    def _invite(self, value, extra="", method="INVITE"):
        self.number += 1
        branch = "z9hG4bKr%d" % self.number
        lines = "".join(["Replaces: %s\n" % line for line in value.split("|")])
        give(
            self.agent,
            request(method, branch, extra=lines + extra, call_id="new" + branch, tag="x"),
            0,
            STRANGER,
        )
        return names(sent(self.agent))

    def test_rules(self):
        session, tag = self._stand()
        good = "c1;to-tag=%s;from-tag=f1" % tag
        for value, extra, wanted in (
            ("c2;to-tag=%s;from-tag=f1" % tag, "", [481]),
            ("c1;to-tag=guess;from-tag=f1", "", [481]),
            ("c1;to-tag=%s;from-tag=guess" % tag, "", [481]),
            ("c1;to-tag=f1;from-tag=%s" % tag, "", [481]),  # the tags the wrong way round
            ("c1;to-tag=%s;from-tag=0" % tag, "", [481]),  # the peer has a tag
            (good + ";early-only", "", [486]),
            (good + "|" + good, "", [400]),
            (good, "Join: c1;to-tag=%s;from-tag=f1\n" % tag, [400]),
            ("c1;to-tag=%s" % tag, "", [400]),
            ("c1", "", [400]),
        ):
            self.assertEqual((self._invite(value, extra), value), (wanted, value))
        self.assertEqual((kinds(self.agent), session.state), ([], "Confirmed"))
        self.assertEqual(self._invite(good, "Require: replaces\n"), [])
        event = events(self.agent)[0]
        self.assertTrue(event.replaces is session)
        event.session.accept(0, b"answer")
        self.assertEqual(names(sent(self.agent)), [200, "BYE"])
        self.assertEqual(session.state, "Terminating")

    def test_only_invite(self):
        session, tag = self._stand()
        good = "c1;to-tag=%s;from-tag=f1" % tag
        for method in ("OPTIONS", "SUBSCRIBE", "REFER", "NOTIFY"):
            self.assertEqual(self._invite(good, method=method), [400])
        # nor within a call
        give(self.agent, request("INVITE", "z9hG4bKin", tag, 2, "Replaces: %s\n" % good))
        self.assertEqual(names(sent(self.agent)), [400])
        self.assertEqual(session.state, "Confirmed")

    def test_refused_replacement_leaves_the_call(self):
        session, tag = self._stand()
        self._invite("c1;to-tag=%s;from-tag=f1" % tag)
        events(self.agent)[0].session.reject(0, 488)
        self.assertEqual(names(sent(self.agent)), [488])
        self.assertEqual(session.state, "Confirmed")

    def test_ended(self):
        session, tag = self._stand()
        session.bye(0)
        good = "c1;to-tag=%s;from-tag=f1" % tag
        bye = sent(self.agent)[0]
        self.assertEqual(self._invite(good), [603])  # BYE is out
        give(self.agent, reply(bye, 200))
        self.assertEqual(session.state, "Terminated")
        self.assertEqual(self._invite(good), [603])
        self.assertEqual(kinds(self.agent), [])

    def test_early_of_the_peer(self):
        give(self.agent, request("INVITE", body="offer"))
        session = events(self.agent)[0].session
        session.ring(0)
        tag = sent(self.agent)[0].to.tag
        self.assertEqual(self._invite("c1;to-tag=%s;from-tag=f1" % tag), [481])
        self.assertEqual((kinds(self.agent), session.state), ([], "Ringing"))

    def test_early_of_ours(self):
        # call pickup: RFC 3891 section 7.1
        session = self.agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(self.agent)[0]
        give(self.agent, reply(invite, 180))
        events(self.agent)
        value = "%s;to-tag=%s;from-tag=t1;early-only" % (invite.call_id, invite.from_.tag)
        self.assertEqual(self._invite(value), [])
        event = events(self.agent)[0]
        self.assertTrue(event.replaces is session)
        event.session.accept(0, b"answer")
        self.assertEqual(names(sent(self.agent)), [200, "CANCEL"])
        self.assertEqual(session.state, "Cancelling")
        self.assertEqual(self._invite(value), [603])

    def test_any_fork_of_ours(self):
        session = self.agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(self.agent)[0]
        for tag in ("t1", "t2", "t3"):
            give(self.agent, reply(invite, 180, tag))
        events(self.agent)
        value = "%s;to-tag=%s;from-tag=" % (invite.call_id, invite.from_.tag)
        self.assertEqual(self._invite(value + "t4"), [481])
        self.assertEqual(self._invite(value + "t2"), [])
        event = events(self.agent)[0]
        self.assertTrue(event.replaces is session)
        event.session.accept(0, b"answer")
        self.assertEqual(names(sent(self.agent)), [200, "CANCEL"])

    def test_full(self):
        # the call that comes in place of another one has room where a further one has none
        agent = self.agent = make_agent(max_sessions=1)
        session, tag = self._stand()
        self.assertEqual(self._invite("c1;to-tag=%s;from-tag=f1" % tag), [])
        self.assertEqual(self._invite("c1;to-tag=%s;from-tag=f1" % tag), [503])
        self.assertEqual(len(agent.sessions), 2)

    def test_without_support(self):
        self.agent.extensions.remove("replaces")
        session, tag = self._stand()
        good = "c1;to-tag=%s;from-tag=f1" % tag
        self.assertEqual(self._invite(good, "Require: replaces\n"), [420])
        self._invite(good)  # then it is a call like others
        self.assertEqual(events(self.agent)[0].replaces, None)

    def test_bad_referred_by(self):
        session, tag = self._stand()
        self.assertEqual(
            self._invite("c1;to-tag=%s;from-tag=f1" % tag, "Referred-By: nonsense\n"), [400]
        )


class StealingTest(unittest.TestCase):
    """Who may take a call over (RFC 3891 sections 3 and 8)."""

    def test_stolen_call(self):
        for policy, extra, wanted in (
            ("dialog", "", True),
            ("never", "", False),
            ("never", "Referred-By: <sip:bob@[2001:db8::b]>\n", False),
            ("party", "", False),
            ("party", "Referred-By: <sip:eve@[2001:db8::b]>\n", False),
            ("party", "Referred-By: <sip:bob@[2001:db8::b]>\n", True),
        ):
            agent = make_agent()
            agent.replaces_policy = policy
            give(agent, request("INVITE", body="offer"))
            session = events(agent)[0].session
            session.accept(0, b"answer")
            tag = sent(agent)[0].to.tag
            give(agent, request("ACK", "z9hG4bKack", tag))
            events(agent)
            extra += "Replaces: c1;to-tag=%s;from-tag=f1\n" % tag
            text = request("INVITE", "z9hG4bKs", extra=extra, call_id="s", tag="s")
            give(agent, text.replace("From: <sip:bob@", "From: <sip:mallory@"), 0, STRANGER)
            self.assertEqual(names(sent(agent)), [] if wanted else [403])
            self.assertEqual(kinds(agent), ["CallReceived"] if wanted else [])
            self.assertEqual(session.state, "Confirmed")

    def test_replaced_by_a_call_in_the_clear(self):
        agent = make_agent()
        text = request("INVITE", body="offer").replace("INVITE sip:", "INVITE sips:")
        give(agent, text.replace("<sip:", "<sips:").replace("/UDP", "/TLS"), 0, PEER, "TLS")
        session = events(agent)[0].session
        session.accept(0, b"answer")
        tag = sent(agent)[0].to.tag
        lines = "Replaces: c1;to-tag=%s;from-tag=f1\n" % tag
        give(agent, request("INVITE", "z9hG4bKs", extra=lines, call_id="s", tag="s"))
        self.assertEqual((names(sent(agent)), kinds(agent)), ([403], []))

    def test_guessed_tags(self):
        network = Network("ab")
        mine, theirs = network.call("a", "b")
        agent = network.agents["b"]
        for i in range(200):
            value = "%s;to-tag=%08x;from-tag=%s" % (mine.call_id, i, mine.local_tag)
            text = request("INVITE", "z9hG4bKg%d" % i, extra="Replaces: %s\n" % value)
            give(agent, text.replace("Call-ID: c1", "Call-ID: g%d" % i), 0, STRANGER)
        self.assertEqual(set(names(sent(agent))), {481})
        self.assertEqual((kinds(agent), theirs.state), ([], "Confirmed"))


class InviteTest(unittest.TestCase):
    def test_pickup_between_agents(self):
        network = Network()
        mine, theirs = network.call("a", "b")
        # c takes b's place in its call with a: the dialog as a's peer b knows it
        dialog = theirs.dialog
        value = "%s;to-tag=%s;from-tag=%s" % (
            dialog.call_id, dialog.remote_tag, dialog.local_tag
        )  # fmt: skip
        third = network.agents["c"].invite(
            uri("a"), network.peers["a"], 0, b"offer", replaces=value, referred_by="<sip:b@b>"
        )
        network.flow()
        event = network.event("a", "CallReceived")
        self.assertTrue(event.replaces is mine)
        self.assertEqual((event.referred_by, event.session.referred_by), ("sip:b@b", "sip:b@b"))
        event.session.accept(0, b"answer")
        network.flow()
        self.assertEqual([type(e).__name__ for e in network.events("b")], ["CallEnded"])
        self.assertEqual((mine.state, theirs.state), ("Terminated", "Terminated"))
        self.assertEqual(third.state, "Confirmed")
        third.bye(0)
        self.assertTrue(network.is_idle())


if __name__ == "__main__":
    unittest.main()
