# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/inviting.py: early dialogs of one INVITE told apart (RFC 3261 section 12, RFC 6228)."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    events,
    give,
    kinds,
    make_agent,
    names,
    reply,
    request,
    run_until,
    sent,
)

ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"


def calls(offer=b"offer"):
    """Return (agent, session, INVITE) of a call to PEER."""
    agent = make_agent()
    agent.session_expires_s = 0
    session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, offer)
    return agent, session, sent(agent)[0]


def of_fork(invite, method, tag, cseq=1, extra="", body=""):
    """Return a request that a callee sends in its early dialog."""
    return request(method, "z9hG4bK" + tag + "%d" % cseq, invite.from_.tag, cseq, extra, body,
                   invite.call_id, tag)  # fmt: skip


class EarlyTest(unittest.TestCase):
    def test_told_apart(self):
        agent, session, invite = calls()
        for status, tag in ((180, "t1"), (183, "t2"), (180, "t2"), (181, "t1")):
            give(agent, reply(invite, status, tag), 5)
            event = events(agent)[0]
            self.assertEqual((event.status, event.fork, event.reliable), (status, tag, False))
        self.assertEqual(session.dialog.remote_tag, "t1")

    def test_without_tag(self):
        # RFC 3261 section 12.1: no dialog, but news
        agent, session, invite = calls()
        give(agent, reply(invite, 180, ""), 5)
        self.assertEqual((events(agent)[0].fork, session.dialog), ("", None))

    def test_state_of_each(self):
        # route set, target and Allow of each; requests find theirs
        agent, session, invite = calls()
        for number in (1, 2):
            extra = "Record-Route: <sip:[2001:db8::%d];lr>\nContact: <sip:c%d@[2001:db8::c]>" % (
                number, number)  # fmt: skip
            if number == 2:
                extra += "\n" + ALLOW
            give(agent, reply(invite, 180, "t%d" % number, extra), 5)
        for number in (1, 2):
            dialog = session.find_dialog("t%d" % number)
            self.assertEqual(dialog.remote_target, "sip:c%d@[2001:db8::c]" % number)
            self.assertEqual(dialog.route_set, ["<sip:[2001:db8::%d];lr>" % number])
            self.assertEqual(dialog.allows("UPDATE"), number == 2)
        self.assertEqual(session.find_dialog("t3"), None)
        for number, expected in ((1, 200), (2, 200), (3, 481)):
            give(agent, of_fork(invite, "UPDATE", "t%d" % number), 6)
            self.assertEqual(names(sent(agent)), [expected])

    def test_sequence_of_each(self):
        # each counts the callee's CSeq by itself
        agent, session, invite = calls()
        give(agent, reply(invite, 180, "t1"), 5)
        give(agent, reply(invite, 180, "t2"), 5)
        for tag, cseq, expected in (
            ("t1", 100, 200), ("t2", 5, 200), ("t1", 100, None), ("t1", 99, 500),
            ("t2", 6, 200), ("t1", 101, 200),
        ):  # fmt: skip
            give(agent, of_fork(invite, "UPDATE", tag, cseq), 6)
            self.assertEqual(names(sent(agent)), [expected or 200])

    def test_success_of_one(self):
        # the 2xx of t2 makes its dialog the session's; a later one of t1 is ended by BYE, with
        # the state that t1 had
        agent, session, invite = calls()
        for number in (1, 2):
            extra = "Record-Route: <sip:[2001:db8::%d];lr>" % number
            give(agent, reply(invite, 180, "t%d" % number, extra), 5)
        give(agent, reply(invite, 200, "t2", "Record-Route: <sip:[2001:db8::2];lr>", b"a2"), 9)
        self.assertEqual(names(sent(agent)), ["ACK"])
        self.assertEqual(session.dialog.remote_tag, "t2")
        give(agent, reply(invite, 200, "t1", "Record-Route: <sip:[2001:db8::1];lr>", b"a1"), 10)
        ack, bye = sent(agent)
        for message in (ack, bye):
            self.assertEqual(message.to.tag, "t1")
            self.assertEqual(message.get("route"), "<sip:[2001:db8::1];lr>")
        self.assertEqual([type(e).__name__ for e in events(agent)][2:], ["CallAnswered"])
        # the other early dialogs are over with it
        give(agent, of_fork(invite, "UPDATE", "t1"), 11)
        self.assertEqual(names(sent(agent)), [481])

    def test_description_of_the_one_that_answers(self):
        # each fork has said something reliably: the 2xx counts that of its own
        agent, session, invite = calls()
        for tag in ("t1", "t2"):
            extra = "Require: 100rel\nRSeq: 1"
            give(agent, reply(invite, 183, tag, extra, b"answer of " + tag.encode()), 5)
        events(agent)
        give(agent, reply(invite, 200, "t2"), 9)
        event = events(agent)[0]
        self.assertEqual((event.body, event.agreed), (b"answer of t2", True))

    def test_offers_of_two_forks(self):
        # late offer, forked: each is answered by itself
        agent, session, invite = calls(b"")
        for tag in ("t1", "t2"):
            extra = "Require: 100rel\nRSeq: 9"
            give(agent, reply(invite, 183, tag, extra, b"offer of " + tag.encode()), 5)
        session.acknowledge_provisional(6, b"answer to t2", "t2")
        session.acknowledge_provisional(6, b"answer to t1")
        got = [(m.method, m.to.tag, m.body) for m in sent(agent)]
        self.assertEqual(got, [("PRACK", "t2", b"answer to t2"), ("PRACK", "t1", b"answer to t1")])

    def test_exchange_in_one_that_ends(self):
        # by 199, or as another answers: the user is told, and the call does not depend on it
        for ours in (True, False):
            for how in (199, 200):
                agent, session, invite = calls()
                for tag in ("t1", "t2"):
                    extra = "Require: 100rel\nRSeq: 1\n" + ALLOW
                    give(agent, reply(invite, 183, tag, extra, b"answer"), 5)
                if ours:
                    session.update(6, b"offer 2", "t1")
                else:
                    give(agent, of_fork(invite, "UPDATE", "t1", 1, "", "offer 2"), 6)
                got = sent(agent)
                events(agent)
                give(agent, reply(invite, how, "t1" if how == 199 else "t2"), 7)
                expected = ["OfferFailed" if ours else "OfferCancelled"]
                expected.append("CallProgressed" if how == 199 else "CallAnswered")
                self.assertEqual(kinds(agent), expected)
                self.assertFalse(session.is_offering())
                if ours:
                    give(agent, reply(got[-1], 481, ""), 8)
                else:
                    self.assertEqual(names(sent(agent))[0], 481)
                run_until(agent, 60000)
                self.assertEqual(kinds(agent), [])
                self.assertEqual(session.state, "Proceeding" if how == 199 else "Confirmed")

    def test_bye_of_the_callee(self):
        # RFC 3261 section 15: the callee sends none in an early dialog
        agent, session, invite = calls()
        give(agent, reply(invite, 180, "t1"), 5)
        give(agent, of_fork(invite, "BYE", "t1"), 6)
        self.assertEqual((names(sent(agent)), session.state), ([481], "Proceeding"))

    def test_bye_of_the_caller(self):
        # RFC 3261 section 15: the caller may
        agent = make_agent()
        give(agent, request("INVITE", body="offer"))
        session = events(agent)[0].session
        session.ring(0)
        tag = sent(agent)[0].to.tag
        give(agent, request("BYE", "z9hG4bKb", tag, 2), 5)
        self.assertEqual([(m.cseq.method, m.status) for m in sent(agent)],
                         [("BYE", 200), ("INVITE", 487)])  # fmt: skip
        self.assertEqual((kinds(agent), session.state), (["CallCancelled"], "Terminated"))

    def test_many(self):
        # eight are kept: those that have ended go first, then the oldest
        agent, session, invite = calls()
        for number in range(8):
            give(agent, reply(invite, 180, "t%d" % number), 5)
        give(agent, reply(invite, 199, "t5"), 6)
        give(agent, reply(invite, 180, "t8"), 7)
        events(agent)
        for number in range(9):
            give(agent, of_fork(invite, "UPDATE", "t%d" % number), 8)
            self.assertEqual(names(sent(agent)), [481 if number == 5 else 200])
        give(agent, reply(invite, 180, "t9"), 9)
        for number, expected in ((0, 200), (1, 481), (9, 200)):  # the session's own stays
            give(agent, of_fork(invite, "UPDATE", "t%d" % number, 2), 10)
            self.assertEqual(names(sent(agent)), [expected])


class EndedTest(unittest.TestCase):
    """199 Early Dialog Terminated (RFC 6228)."""

    def test_supported(self):
        agent, session, invite = calls()
        self.assertTrue("199" in invite.tokens("supported"))
        self.assertFalse("199" in invite.tokens("require"))

    def test_ends_its_dialog(self):
        agent, session, invite = calls()
        give(agent, reply(invite, 180, "t1"), 5)
        give(agent, reply(invite, 180, "t2"), 5)
        events(agent)
        give(agent, reply(invite, 199, "t1", 'Reason: SIP;cause=486;text="Busy"'), 6)
        event = events(agent)[0]
        self.assertEqual((event.status, event.fork), (199, "t1"))
        self.assertEqual(session.dialog.remote_tag, "t2")
        give(agent, of_fork(invite, "UPDATE", "t1"), 7)
        self.assertEqual(names(sent(agent)), [481])
        # late repetitions do not open it again
        give(agent, reply(invite, 180, "t1"), 8)
        give(agent, reply(invite, 199, "t1"), 8)
        self.assertEqual(kinds(agent), [])

    def test_of_all(self):
        # section 4: still Proceeding, others may come
        agent, session, invite = calls()
        give(agent, reply(invite, 180, "t1"), 5)
        give(agent, reply(invite, 199, "t1"), 6)
        self.assertEqual((session.state, session.dialog), ("Proceeding", None))
        give(agent, reply(invite, 180, "t2"), 7)
        self.assertEqual(session.dialog.remote_tag, "t2")

    def test_answered_after_all(self):
        agent, session, invite = calls()
        give(agent, reply(invite, 180, "t1"), 5)
        give(agent, reply(invite, 199, "t1"), 6)
        give(agent, reply(invite, 200, "t1", body=b"answer"), 7)
        self.assertEqual((session.state, session.dialog.remote_tag), ("Confirmed", "t1"))
        give(agent, of_fork(invite, "UPDATE", "t1"), 8)
        self.assertEqual(names(sent(agent)), ["ACK", 200])

    def test_of_no_dialog(self):
        # section 4: unreliably: discarded; reliably: acknowledged
        agent, session, invite = calls()
        give(agent, reply(invite, 199, "t1"), 5)
        self.assertEqual((sent(agent), kinds(agent), session.dialog), ([], [], None))
        give(agent, reply(invite, 199, "t2", "Require: 100rel\nRSeq: 3"), 6)
        self.assertEqual(names(sent(agent)), ["PRACK"])
        self.assertEqual((kinds(agent), session.dialog), (["CallProgressed"], None))

    def test_timer_c(self):
        # RFC 3261 section 16.6: any provisional response but 100 begins it anew
        agent, session, invite = calls()
        give(agent, reply(invite, 180, "t1"), 0)
        run_until(agent, 170000)
        give(agent, reply(invite, 199, "t1"), 170000)
        out = run_until(agent, 350000)
        self.assertEqual([(t, m.method) for t, m in out][:1], [(350000, "CANCEL")])


class RedirectedTest(unittest.TestCase):
    """What an INVITE that follows another keeps (RFC 3261 section 8.1.3.4)."""

    def test_follows(self):
        agent, session, invite = calls()
        give(agent, reply(invite, 302, "t1", "Contact: <sip:carol@[2001:db8::c]>"), 5)
        sent(agent)
        failed = events(agent)[0]
        self.assertEqual((failed.status, failed.message.contact().uri_text),
                         (302, "sip:carol@[2001:db8::c]"))  # fmt: skip
        second = agent.invite("sip:carol@[2001:db8::c]", PEER, 6, b"offer", follows=session)
        message = sent(agent)[0]
        self.assertEqual(message.uri_text, "sip:carol@[2001:db8::c]")
        for name in ("from", "to", "call-id"):
            self.assertEqual(message.get(name), invite.get(name))
        self.assertEqual(message.cseq.number, invite.cseq.number + 1)
        self.assertFalse(message.via.branch == invite.via.branch)
        give(agent, reply(message, 200, "t2", body=b"answer"), 7)
        self.assertEqual((names(sent(agent)), second.state), (["ACK"], "Confirmed"))
        give(agent, of_fork(message, "BYE", "t2"), 8)
        self.assertEqual(kinds(agent), ["CallAnswered", "CallEnded"])

    def test_not_of_these(self):
        from vox6.wire import LocalProtocolError

        agent, session, invite = calls()
        self.assertRaises(
            LocalProtocolError, agent.invite, "sip:c@d", PEER, 6, b"", follows=session
        )
        give(agent, request("INVITE"))
        incoming = events(agent)[0].session
        incoming.reject(1, 486)
        self.assertRaises(
            LocalProtocolError, agent.invite, "sip:c@d", PEER, 6, b"", follows=incoming
        )

    def test_in_a_call(self):
        # a 3xx to a re-INVITE is a refusal like any other: the call stands
        agent, session, invite = calls()
        give(agent, reply(invite, 200, "t1", body=b"answer"), 5)
        session.reinvite(6, b"offer 2")
        sent(agent)
        events(agent)
        again = [t for t in agent.layer.clients.values() if t.request.to.tag == "t1"][0].request
        give(agent, reply(again, 302, "", "Contact: <sip:carol@[2001:db8::c]>"), 7)
        event = events(agent)[0]
        self.assertEqual((event.status, event.due, session.state), (302, False, "Confirmed"))
        self.assertEqual(session.remote_target, "sip:bob@[2001:db8::b]")

    def test_max_forwards(self):
        # sections 8.2 and 16.3: 0 is a proxy's concern; we are where it was going to
        agent = make_agent()
        for number, method in enumerate(("OPTIONS", "INVITE")):
            text = request(method, "z9hG4bK%d" % number, call_id="c%d" % number)
            give(agent, text.replace("Max-Forwards: 70", "Max-Forwards: 0"))
        self.assertEqual(names(sent(agent)), [200])
        self.assertTrue("CallReceived" in kinds(agent))
