# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/offers.py and offered.py: UPDATE (RFC 3311) and what ends a call, a case a rule."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    B,
    Pair,
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
from vox6 import crypto
from vox6.sip.account import Account
from vox6.sip.ending import LOST
from vox6.wire import LocalProtocolError

ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n"
SUPPORTED = "Supported: 100rel\n"


def called(extra=ALLOW):
    """Return (agent, session, our tag) of a call of PEER's that stands."""
    agent = make_agent()
    agent.session_expires_s = 0
    give(agent, request("INVITE", extra=extra, body="offer"))
    session = events(agent)[0].session
    session.accept(0, b"answer")
    tag = sent(agent)[0].to.tag
    give(agent, request("ACK", "z9hG4bKack", tag))
    events(agent)
    return agent, session, tag


def update(tag, cseq=2, body="", extra="", branch="z9hG4bKu"):
    """Return PEER's UPDATE."""
    return request("UPDATE", branch + "%d" % cseq, tag, cseq, extra, body)


def reliable(invite, number, tag="t1", body=b"answer", extra=ALLOW):
    """Return PEER's reliable 183."""
    return reply(invite, 183, tag, "Require: 100rel\nRSeq: %d\n%s" % (number, extra), body)


class SendTest(unittest.TestCase):
    def test_in_a_call(self):
        for method in ("update", "reinvite"):
            agent, session, tag = called()
            getattr(session, method)(5, b"offer 2")
            message = sent(agent)[0]
            self.assertEqual(message.method, "UPDATE" if method == "update" else "INVITE")
            self.assertEqual(message.body, b"offer 2")
            self.assertEqual(message.contact().uri_text, "sip:phone@[2001:db8::a]")
            self.assertTrue("UPDATE" in message.values("allow"))
            self.assertRaises(LocalProtocolError, session.update, 6, b"offer 3")
            give(agent, reply(message, 200, "", "Contact: <sip:bob@[2001:db8::d]>", b"answer 2"))
            event, due = events(agent)  # due: for the one that came too early
            self.assertEqual((type(event).__name__, event.body), ("OfferAnswered", b"answer 2"))
            self.assertEqual(type(due).__name__, "OfferDue")
            self.assertEqual(names(sent(agent)), [] if method == "update" else ["ACK"])
            # both refresh the target (section 5.1)
            self.assertEqual(session.remote_target, "sip:bob@[2001:db8::d]")
            session.update(7, b"offer 3")

    def test_allow(self):
        # of each message that has one, the last counts
        agent, session, tag = called("")
        self.assertFalse(session.peer_allows("UPDATE"))
        self.assertRaises(LocalProtocolError, session.update, 5, b"offer 2")
        give(agent, update(tag, extra="Allow: INVITE,UPDATE,  INFO\n"))
        sent(agent)
        self.assertTrue(session.peer_allows("UPDATE") and session.peer_allows("INFO"))
        self.assertFalse(session.peer_allows("BYE") or session.peer_allows("INV"))
        session.reinvite(5, b"offer 2")
        give(agent, reply(sent(agent)[0], 200, extra="Allow: INVITE"))
        self.assertFalse(session.peer_allows("UPDATE"))
        self.assertFalse(make_agent().invite("sip:b@c", PEER, 0).peer_allows("INVITE"))

    def test_early(self):
        # section 5.1: (the peer's description came reliably, our INVITE had an offer) -> allowed
        for came, offer, expected in (
            ("reliable", b"offer", True),
            ("reliable", b"", False),  # our answer is not out yet
            ("unreliable", b"offer", False),
            ("empty", b"offer", False),
            (None, b"offer", False),
        ):
            agent = make_agent()
            session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, offer)
            invite = sent(agent)[0]
            if came == "reliable":
                give(agent, reliable(invite, 1), 5)
            elif came == "empty":
                give(agent, reliable(invite, 1, body=b""), 5)
            elif came:
                give(agent, reply(invite, 183, extra=ALLOW, body=b"answer"), 5)
            sent(agent)
            if not expected:
                self.assertRaises(LocalProtocolError, session.update, 6, b"offer 2")
                self.assertEqual(sent(agent), [])
                continue
            session.update(6, b"offer 2")
            message = sent(agent)[0]
            self.assertEqual((message.method, message.to.tag), ("UPDATE", "t1"))
            give(agent, reply(message, 200, "", body=b"answer 2"), 7)
            events(agent)
            give(agent, reply(invite, 200), 8)
            event = events(agent)[0]
            self.assertEqual((event.body, event.agreed), (b"answer 2", True))

    def test_early_after_our_answer_in_prack(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0)
        invite = sent(agent)[0]
        give(agent, reliable(invite, 1, body=b"their offer"), 5)
        session.acknowledge_provisional(6, b"our answer")
        ack = sent(agent)[0]
        self.assertRaises(LocalProtocolError, session.update, 6, b"offer 2")
        give(agent, reply(ack, 200), 7)  # RFC 6337 section 4.3: once PRACK is answered
        session.update(8, b"offer 2")
        self.assertEqual(names(sent(agent)), ["UPDATE"])

    def test_callee(self):
        # section 5.1: once PRACK came for our answer
        agent = make_agent()
        give(agent, request("INVITE", extra=SUPPORTED + ALLOW, body="offer"))
        session = events(agent)[0].session
        session.ring(0, 183, b"answer")
        first = sent(agent)[0]
        self.assertRaises(LocalProtocolError, session.update, 1, b"offer 2")
        rack = "RAck: %s %s\n" % (first.get("rseq"), first.get("cseq"))
        give(agent, request("PRACK", "z9hG4bKp", first.to.tag, 2, rack), 2)
        sent(agent)
        session.update(3, b"offer 2")
        message = sent(agent)[0]
        self.assertEqual((message.method, message.body), ("UPDATE", b"offer 2"))
        # RFC 3311 section 5.1: the Contact of our 2xx is the one of the UPDATE
        session.accept(4, b"answer")
        self.assertEqual(sent(agent)[0].contact().uri_text, message.contact().uri_text)

    def test_in_the_right_early_dialog(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        route = ALLOW + "Record-Route: <sip:[2001:db8::%d];lr>\n"
        for tag, number in (("t1", 1), ("t2", 2)):
            give(agent, reliable(invite, 1, tag, b"answer", route % number), 5)
        sent(agent)
        session.update(6, b"offer 2", "t2")
        message = sent(agent)[0]
        self.assertEqual((message.to.tag, message.get("route")), ("t2", "<sip:[2001:db8::2];lr>"))
        self.assertEqual(message.cseq.number, invite.cseq.number + 2)
        give(agent, reply(message, 200, "", body=b"answer 2"), 7)
        session.update(8, b"offer 3")
        message = sent(agent)[0]
        self.assertEqual((message.to.tag, message.get("route")), ("t1", "<sip:[2001:db8::1];lr>"))
        self.assertRaises(LocalProtocolError, session.update, 8, b"x", "t3")

    def test_between_reliable_responses(self):
        # an UPDATE does not touch their order
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reliable(invite, 1), 5)
        sent(agent)
        session.update(6, b"offer 2")
        sent(agent)
        for number, expected in ((1, []), (3, []), (2, ["PRACK"]), (2, [])):
            give(agent, reliable(invite, number, body=b""), 7)
            self.assertEqual(names(sent(agent)), expected)

    def test_refused(self):
        # status, extra header -> the event's due, and when OfferDue comes (in ms, at most)
        for status, extra, due, latest in (
            (488, "", False, None),
            (404, "", None, None),
            (408, "", None, None),
            (481, "", None, None),
            (500, "", False, None),
            (500, "Retry-After: 3", True, 3000),
            (500, "Retry-After: 11", False, None),
            (503, "", False, None),
            (302, "Contact: <sip:x@y>", False, None),
            (603, "", False, None),
            (491, "", True, 2000),
        ):
            for method in ("update", "reinvite"):
                agent, session, tag = called()
                getattr(session, method)(0, b"offer 2")
                give(agent, reply(sent(agent)[0], status, "", extra), 0)
                got = events(agent)
                if due is None:
                    self.assertEqual([type(e).__name__ for e in got], ["CallEnded"])
                    self.assertEqual(session.state, "Terminating")
                    continue
                self.assertEqual([type(e).__name__ for e in got], ["OfferFailed"])
                self.assertEqual((got[0].status, got[0].due), (status, due))
                self.assertEqual((session.state, session.is_offering()), ("Confirmed", due))
                run_until(agent, latest or 50000)
                self.assertEqual(kinds(agent), ["OfferDue"] if due else [])
                if due:
                    session.reinvite(5000, b"offer 3")
                    self.assertEqual(sent(agent)[-1].body, b"offer 3")

    def test_no_answer_at_all(self):
        # RFC 3311 section 5.3: as RFC 3261 section 12.2.1.2
        for method in ("update", "reinvite"):
            agent, session, tag = called()
            getattr(session, method)(0, b"offer 2")
            sent(agent)
            out = run_until(agent, 32000)
            self.assertEqual(out[-1][1].method, "BYE")
            self.assertEqual(kinds(agent), ["CallEnded"])

    def test_lost_while_early(self):
        # the early dialog is gone, the call may yet be answered by another
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reliable(invite, 1, "t1"), 5)
        give(agent, reliable(invite, 1, "t2"), 5)
        sent(agent)
        events(agent)
        session.update(6, b"offer 2")
        give(agent, reply(sent(agent)[0], 481, ""), 7)
        self.assertEqual(kinds(agent), ["OfferFailed"])
        self.assertEqual((session.dialog.remote_tag, session.state), ("t2", "Proceeding"))

    def test_withdrawn(self):
        agent, session, tag = called()
        session.update(0, b"offer 2")
        message = sent(agent)[0]
        session.withdraw_offer(True)
        session.update(1, b"offer 3")
        give(agent, reply(message, 200, "", body=b"answer 2"), 2)
        self.assertEqual(kinds(agent), [])
        give(agent, reply(sent(agent)[0], 491, ""), 3)
        events(agent)
        session.withdraw_offer()
        run_until(agent, 5000)
        self.assertEqual(kinds(agent), [])
        self.assertFalse(session.is_offering())

    def test_table_of_losses(self):
        # RFC 5057 section 5.1, and no other
        self.assertEqual(LOST, (404, 408, 410, 416, 481, 482, 484, 485, 502, 604))
        for status in range(300, 700):
            if status in (401, 407, 422):
                continue
            agent, session, tag = called()
            self.assertEqual(session.lose(status, 0), status in LOST)
            self.assertEqual(session.state, "Terminating" if status in LOST else "Confirmed")

    def test_lost_to_other_requests(self):
        # RFC 3261 section 12.2.1.2: 481 and 408, whatever it was that was asked
        for status, ends in ((481, True), (408, True), (403, False), (501, False)):
            agent, session, tag = called()
            session.info(0, "application/dtmf", b"5")
            give(agent, reply(sent(agent)[0], status, ""), 1)
            expected = ["InfoAnswered", "CallEnded"] if ends else ["InfoAnswered"]
            self.assertEqual(kinds(agent), expected)
            agent, session, tag = called()
            session.refer(0, "sip:c@d")
            give(agent, reply(sent(agent)[0], status, ""), 1)
            expected = ["TransferDone", "CallEnded"] if ends else ["TransferDone"]
            self.assertEqual(kinds(agent), expected)
            self.assertEqual(names(sent(agent)), ["BYE"] if ends else [])


class ReceiveTest(unittest.TestCase):
    def test_without_offer(self):
        # section 5.2: answered at once; the target is refreshed
        agent, session, tag = called()
        text = update(tag).replace("<sip:bob@[2001:db8::b]>\nC", "<sip:bob@[2001:db8::d]>\nC")
        give(agent, text, 5)
        response = sent(agent)[0]
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(response.contact().uri_text, "sip:phone@[2001:db8::a]")
        self.assertEqual(response.count("record-route"), 0)
        self.assertEqual(session.remote_target, "sip:bob@[2001:db8::d]")
        self.assertEqual(kinds(agent), [])

    def test_with_offer(self):
        agent, session, tag = called()
        give(agent, update(tag, body="offer 2"), 5)
        self.assertEqual(sent(agent), [])
        event = events(agent)[0]
        self.assertEqual((event.body, event.fork), (b"offer 2", "f1"))
        self.assertTrue(session.is_offering())
        session.accept_offer(6, b"answer 2")
        response = sent(agent)[0]
        self.assertEqual((response.status, response.body), (200, b"answer 2"))
        self.assertFalse(session.is_offering())
        self.assertEqual(run_until(agent, 31999), [])  # nothing waits for ACK

    def test_refused(self):
        agent, session, tag = called()
        give(agent, update(tag, body="offer 2"), 5)
        session.reject_offer(6, 488)
        response = sent(agent)[0]
        self.assertEqual((response.status, response.get("warning")[:18]),
                         (488, "399 [2001:db8::a] "))  # fmt: skip
        self.assertRaises(LocalProtocolError, session.reject_offer, 6, 488)
        give(agent, update(tag, 3, body="offer 3"), 7)
        session.reject_offer(8, 488, (("Warning", '304 x "y"'),))
        self.assertEqual(sent(agent)[0].lines("warning"), ['304 x "y"'])

    def test_undecided(self):
        # section 5.2: 504 rather than silence
        agent, session, tag = called()
        give(agent, update(tag, body="offer 2"), 0)
        out = run_until(agent, 31999)
        self.assertEqual([(t, m.status) for t, m in out], [(20000, 504)])
        self.assertEqual(kinds(agent), ["OfferReceived", "OfferCancelled"])

    def test_glare(self):
        # section 5.2 and RFC 6337 section 4.3: what is open -> an UPDATE with, and one without
        def ours(agent, session, tag):
            session.reinvite(1, b"o")

        def our_update(agent, session, tag):
            session.update(1, b"o")

        def theirs(agent, session, tag):
            give(agent, request("INVITE", "z9hG4bKi", tag, 2, body="o"), 1)

        def their_update(agent, session, tag):
            give(agent, update(tag, 2, "o"), 1)

        def late(agent, session, tag):
            give(agent, request("INVITE", "z9hG4bKi", tag, 2), 1)
            session.accept_offer(1, b"our offer, to be answered by ACK")

        def late_of_ours(agent, session, tag):
            session.reinvite(1, b"")
            give(agent, reply(sent(agent)[0], 200, "", body=b"their offer"), 1)

        def nothing(agent, session, tag):
            pass

        for what, offer, none, invite in (
            (nothing, "open", 200, "open"),
            (ours, 491, 200, 491),
            (our_update, 491, 200, 491),
            (theirs, 500, 200, 500),
            (their_update, 500, 500, 500),
            (late, 491, 200, 491),
            (late_of_ours, 500, 200, 491),
        ):
            for kind, expected in (("offer", offer), ("none", none), ("invite", invite)):
                agent, session, tag = called()
                what(agent, session, tag)
                sent(agent)
                if kind == "invite":
                    give(agent, request("INVITE", "z9hG4bKx", tag, 9, body="o9"), 2)
                else:
                    give(agent, update(tag, 9, "o9" if kind == "offer" else ""), 2)
                got = sent(agent)
                if expected == "open":
                    self.assertEqual(names(got), [])
                    continue
                self.assertEqual((what.__name__, kind, names(got)),
                                 (what.__name__, kind, [expected]))  # fmt: skip
                after = got[0].get("retry-after")
                if expected == 500:
                    self.assertTrue(0 <= int(after) <= 10)
                else:
                    self.assertEqual(after, None)

    def test_early(self):
        # section 5.2: (our answer to INVITE, its PRACK) -> an UPDATE with an offer
        for answered, acknowledged, expected in (
            (False, False, 500),
            (True, False, 500),
            (True, True, "open"),
        ):
            agent = make_agent()
            give(agent, request("INVITE", extra=SUPPORTED, body="offer"))
            session = events(agent)[0].session
            session.ring(0, 183, b"answer" if answered else b"")
            first = sent(agent)[0]
            if acknowledged:
                rack = "RAck: %s %s\n" % (first.get("rseq"), first.get("cseq"))
                give(agent, request("PRACK", "z9hG4bKp", first.to.tag, 2, rack), 2)
            sent(agent)
            events(agent)
            give(agent, update(first.to.tag, 3, "offer 2"), 3)
            if expected == "open":
                session.accept(4, b"answer")  # RFC 6337: the 2xx waits for our answer
                self.assertEqual((sent(agent), session.state), ([], "Answering"))
                session.accept_offer(5, b"answer 2")
                self.assertEqual([m.cseq.method for m in sent(agent)], ["UPDATE", "INVITE"])
            else:
                self.assertEqual(names(sent(agent)), [expected])

    def test_early_of_the_callee(self):
        for body, expected in ((b"answer", "open"), (b"", 491)):
            agent = make_agent()
            agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
            invite = sent(agent)[0]
            give(agent, reliable(invite, 1, body=body), 5)
            session = events(agent)[0].session
            sent(agent)
            text = request("UPDATE", "z9hG4bKu", invite.from_.tag, 1, body="offer 2",
                           call_id=invite.call_id, tag="t1")  # fmt: skip
            give(agent, text, 6)
            if expected == "open":
                self.assertEqual(events(agent)[0].fork, "t1")
                session.accept_offer(7, b"answer 2")
                self.assertEqual(sent(agent)[0].body, b"answer 2")
                give(agent, reply(invite, 200), 8)
                self.assertEqual(events(agent)[0].body, b"offer 2")
            else:
                self.assertEqual(names(sent(agent)), [expected])

    def test_strangers(self):
        agent, session, tag = called()
        for text, expected in (
            (request("UPDATE"), 481),
            (request("UPDATE", to_tag="x"), 481),
            (update(tag, 1), 500),  # CSeq is not above that of INVITE
            (update(tag, 5, "x", "Content-Type: text/plain\n"), 415),
        ):
            give(agent, text)
            self.assertEqual(names(sent(agent)), [expected])
        session.bye(5)
        sent(agent)
        give(agent, update(tag, 6), 6)
        self.assertEqual(names(sent(agent)), [481])

    def test_open_when_the_call_ends(self):
        agent, session, tag = called()
        give(agent, update(tag, body="offer 2"), 5)
        session.bye(6)
        self.assertEqual(names(sent(agent)), [481, "BYE"])
        agent, session, tag = called()
        give(agent, update(tag, 2, "offer 2"), 5)
        give(agent, request("BYE", "z9hG4bKb", tag, 3), 6)
        self.assertEqual(sorted(names(sent(agent))), [200, 481])


class ChallengeTest(unittest.TestCase):
    """A 401 or 407 within the call: again, with the next CSeq of the dialog."""

    CHALLENGE = 'Proxy-Authenticate: Digest realm="p", nonce="n", qop="auth"'

    def setUp(self):
        self.agent = make_agent(crypto=crypto.provider())
        account = Account("sip:anna@example.com", "", "secret", peer=PEER)
        self.session = self.agent.invite("sip:bob@example.com", PEER, 0, b"offer", account=account)
        self.invite = sent(self.agent)[0]

    def challenge(self, message, between=None):
        """Challenge a request; return what comes next. between: called before."""
        if between is not None:
            between()
        got = len(sent(self.agent)) if between is not None else 0
        give(self.agent, reply(message, 407, "", self.CHALLENGE), 10)
        again = sent(self.agent)[-1]
        self.assertEqual((again.method, again.body), (message.method, message.body))
        self.assertEqual(again.cseq.number, message.cseq.number + 1 + got)
        self.assertEqual(again.count("proxy-authorization"), 1)
        self.assertNotEqual(again.via.branch, message.via.branch)
        return again

    def test_prack(self):
        give(self.agent, reliable(self.invite, 7), 5)
        again = self.challenge(sent(self.agent)[0])
        self.assertEqual(again.get("rack"), "7 %d INVITE" % self.invite.cseq.number)
        give(self.agent, reply(again, 407, "", self.CHALLENGE), 11)  # the same again: enough
        self.assertEqual(sent(self.agent), [])
        self.assertEqual(self.session.state, "Proceeding")

    def test_update(self):
        give(self.agent, reliable(self.invite, 7), 5)
        sent(self.agent)
        self.session.update(6, b"offer 2")
        again = self.challenge(sent(self.agent)[0])
        give(self.agent, reply(again, 200, "", body=b"answer 2"), 12)
        self.assertEqual(kinds(self.agent), ["CallProgressed", "OfferAnswered"])

    def test_others_have_gone_since(self):
        give(self.agent, reply(self.invite, 200, "t1", ALLOW, b"answer"), 5)
        sent(self.agent)
        self.session.reinvite(6, b"offer 2")
        message = sent(self.agent)[0]
        self.challenge(message, lambda: self.session.info(7, "application/dtmf", b"5"))


class PairTest(unittest.TestCase):
    def test_both_at_once(self):
        for first, second in (("update", "update"), ("update", "reinvite")):
            pair = Pair()
            mine, theirs = pair.call()
            getattr(mine, first)(0, b"from a")
            getattr(theirs, second)(0, b"from b")
            pair.flow()
            self.assertEqual([n for _, n in pair.log].count(491), 2)
            pair.run(10000)
            self.assertEqual(kinds(pair.a), ["OfferFailed", "OfferDue"])
            self.assertEqual(kinds(pair.b), ["OfferFailed", "OfferDue"])
            mine.update(pair.now, b"offer")
            pair.flow()
            theirs.accept_offer(pair.now, b"answer")
            pair.flow()
            self.assertEqual(kinds(pair.a), ["OfferAnswered"])

    def test_each_datagram_lost_once(self):
        for number in range(8):
            pair = Pair()
            mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
            pair.flow()
            theirs = events(pair.b)[0].session
            theirs.ring(0, 183, b"answer")
            pair.flow()
            seen = []

            def lose(sender, message, seen=seen, number=number):
                seen.append(message)
                return len(seen) - 1 == number

            pair.lose = lose
            theirs.update(pair.now, b"offer 2")
            pair.run(2000)
            offered = [e for e in events(pair.a) if type(e).__name__ == "OfferReceived"]
            self.assertEqual([e.body for e in offered], [b"offer 2"])
            mine.accept_offer(pair.now, b"answer 2")
            pair.run(4000)
            answered = [e for e in events(pair.b) if type(e).__name__ == "OfferAnswered"]
            self.assertEqual([e.body for e in answered], [b"answer 2"])
            theirs.accept(pair.now, b"")
            pair.run(20000)
            self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))
            self.assertEqual(events(pair.a)[0].body, b"offer 2")
