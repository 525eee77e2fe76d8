# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/provisional.py: reliable provisional responses and PRACK (RFC 3262), a case a rule."""

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
from vox6.sip.provisional import parse_rack
from vox6.wire import FormatError, LocalProtocolError

SUPPORTED = "Supported: 100rel\n"
REQUIRED = "Require: 100rel\n"


def rings(extra=SUPPORTED, body="offer", **options):
    """Return (agent, session) of a call that PEER makes."""
    agent = make_agent(**options)
    give(agent, request("INVITE", extra=extra, body=body))
    return agent, events(agent)[0].session


def prack(response, rack=None, cseq=2, body="", branch="z9hG4bKp"):
    """Return PEER's PRACK for a response of ours."""
    if rack is None:
        rack = "%s %s" % (response.get("rseq"), response.get("cseq"))
    extra = "RAck: " + rack + "\n"
    return request("PRACK", branch, response.to.tag, cseq, extra, body)


def calls(offer=b"offer", **options):
    """Return (agent, session, INVITE) of a call to PEER."""
    agent = make_agent(**options)
    session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, offer)
    return agent, session, sent(agent)[0]


def reliable(invite, number, status=183, tag="t1", body=b""):
    """Return PEER's reliable response."""
    return reply(invite, status, tag, "Require: 100rel\nRSeq: %d" % number, body)


class RAckTest(unittest.TestCase):
    def test_good(self):
        self.assertEqual(parse_rack("776656 1 INVITE"), (776656, 1, "INVITE"))
        self.assertEqual(parse_rack("4294967295\t2147483647  X"), (4294967295, 2147483647, "X"))

    def test_bad(self):
        for text in ("", "1", "1 2", "1 2 3 4", "x 1 INVITE", "1 x INVITE", "4294967296 1 INVITE",
                     "1 2147483648 INVITE", "1 1 IN<VITE", "-1 1 INVITE"):  # fmt: skip
            self.assertRaises(FormatError, parse_rack, text)


class SendTest(unittest.TestCase):
    # header of the INVITE, policy, ring(reliable=), body -> reliable?, or an error
    TABLE = (
        ("", "supported", None, b"answer", False),
        (SUPPORTED, "supported", None, b"", False),
        (SUPPORTED, "supported", None, b"answer", True),
        (SUPPORTED, "supported", True, b"", True),
        (SUPPORTED, "supported", False, b"answer", False),
        (SUPPORTED, "required", None, b"", True),
        (SUPPORTED, "off", None, b"answer", False),
        (SUPPORTED, "off", True, b"answer", None),
        ("", "supported", True, b"answer", None),
        (REQUIRED, "supported", None, b"", True),
        (REQUIRED, "supported", False, b"", True),
        ("Supported: ,,\n", "supported", None, b"answer", False),
    )

    def test_when(self):
        for header, policy, wanted, body, expected in self.TABLE:
            agent = make_agent()
            agent.reliable = policy
            give(agent, request("INVITE", extra=header, body="offer"))
            session = events(agent)[0].session
            if expected is None:
                self.assertRaises(LocalProtocolError, session.ring, 0, 183, body, wanted)
                self.assertEqual((session.state, sent(agent)), ("Incoming", []))
                continue
            session.ring(0, 183, body, wanted)
            response = sent(agent)[0]
            self.assertEqual(response.count("rseq"), 1 if expected else 0)
            self.assertEqual(response.get("require"), "100rel" if expected else None)
            self.assertEqual(response.body, body)
            if expected:
                self.assertTrue(1 <= response.number("rseq") < 1 << 31)
                self.assertEqual(response.count("contact"), 1)

    def test_policies(self):
        agent = make_agent()
        agent.reliable = "off"
        give(agent, request("INVITE", extra=REQUIRED))
        response = sent(agent)[0]
        self.assertEqual((response.status, response.get("unsupported")), (420, "100rel"))
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        self.assertFalse("100rel" in sent(agent)[0].tokens("supported"))
        agent = make_agent()
        agent.reliable = "required"
        give(agent, request("INVITE"))
        response = sent(agent)[0]
        self.assertEqual((response.status, response.get("require")), (421, "100rel"))
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        self.assertEqual(sent(agent)[0].tokens("require"), ["100rel"])
        self.assertRaises(LocalProtocolError, setattr, agent, "reliable", "perhaps")
        agent = make_agent()
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        self.assertTrue("100rel" in sent(agent)[0].tokens("supported"))

    def test_repeated_until_prack(self):
        # section 3: from T1 on, doubled each time, without T2's bound
        agent, session = rings()
        session.ring(0, 183, b"answer")
        first = sent(agent)[0]
        out = run_until(agent, 31999)
        self.assertEqual([t for t, m in out], [500, 1500, 3500, 7500, 15500, 31500])
        self.assertEqual(set([m.emit() for t, m in out]), set([first.emit()]))
        give(agent, prack(first), 31999)
        self.assertEqual(names(sent(agent)), [200])
        self.assertEqual(kinds(agent), ["ProvisionalAcknowledged"])
        self.assertEqual([m.status for t, m in run_until(agent, 59999)], [])

    def test_never_acknowledged(self):
        # section 3: 5xx after 64 T1; the user hears of it
        for accepts, expected in ((False, "CallCancelled"), (True, "CallEnded")):
            agent, session = rings()
            session.ring(0, 183, b"answer")
            if accepts:
                session.accept(0, b"answer")
            out = run_until(agent, 32000)
            self.assertEqual((out[-1][0], out[-1][1].status), (32000, 504))
            self.assertEqual(kinds(agent), [expected])
            self.assertEqual(agent.sessions, {})
            run_until(agent, 10**6)
            self.assertEqual((len(agent.layer.timers), len(agent.layer.servers)), (0, 0))

    def test_strays(self):
        # section 3: what matches no unacknowledged response is answered 481
        agent, session = rings()
        session.ring(0, 183, b"answer")
        first = sent(agent)[0]
        number = first.number("rseq")
        for i, rack in enumerate(
            ("%d 1 INVITE" % (number + 1), "%d 2 INVITE" % number, "%d 1 UPDATE" % number)
        ):
            give(agent, prack(first, rack, 2 + i, branch="z9hG4bKs%d" % i))
            self.assertEqual(names(sent(agent)), [481])
        give(agent, prack(first, "1 2", 7, branch="z9hG4bKs8"))
        self.assertEqual(names(sent(agent)), [400])
        give(agent, prack(first, cseq=8))
        self.assertEqual(names(sent(agent)), [200])
        give(agent, prack(first, cseq=8))  # repeated: the same answer again
        self.assertEqual(names(sent(agent)), [200])
        give(agent, prack(first, cseq=9, branch="z9hG4bKs9"))
        self.assertEqual(names(sent(agent)), [481])
        give(agent, request("PRACK", "z9hG4bKsa", extra="RAck: 1 1 INVITE\n"))
        self.assertEqual(names(sent(agent)), [481])
        self.assertEqual(kinds(agent), ["ProvisionalAcknowledged"])

    def test_one_after_another(self):
        agent, session = rings()
        session.ring(0, 183, b"answer")
        session.ring(0, 180, b"", True)
        session.ring(0, 182, b"", True)
        got = sent(agent)
        self.assertEqual(names(got), [183])
        rseq = got[0].number("rseq")
        for i, status in enumerate((180, 182)):
            give(agent, prack(got[0], cseq=2 + i, branch="z9hG4bKp%d" % i), 10)
            ok, following = sent(agent)
            got = [following]
            self.assertEqual((ok.status, following.status), (200, status))
            self.assertEqual((following.number("rseq"), following.body), (rseq + 1 + i, b""))

    def test_success_waits_for_a_description(self):
        agent, session = rings()
        session.ring(0, 183, b"answer")
        first = sent(agent)[0]
        session.accept(5, b"answer")
        self.assertEqual((sent(agent), session.state), ([], "Answering"))
        give(agent, prack(first), 10)
        ok, success = sent(agent)
        self.assertEqual((ok.cseq.method, success.cseq.method), ("PRACK", "INVITE"))
        self.assertEqual((success.status, success.body, session.state), (200, b"", "Accepted"))
        give(agent, request("ACK", "z9hG4bKa", first.to.tag), 20)
        self.assertEqual(kinds(agent), ["ProvisionalAcknowledged", "CallConfirmed"])

    def test_success_overtakes_what_has_none(self):
        # section 3: but the PRACK that still comes is answered
        agent, session = rings()
        session.ring(0, 180, b"", True)
        ringing = sent(agent)[0]
        session.accept(5, b"answer")
        success = sent(agent)[0]
        self.assertEqual((success.status, success.body), (200, b"answer"))
        give(agent, prack(ringing), 10)
        self.assertEqual(names(sent(agent)), [200])
        give(agent, request("ACK", "z9hG4bKa", ringing.to.tag), 20)
        self.assertEqual(run_until(agent, 32000), [])

    def test_after_a_refusal(self):
        # section 3: what was unacknowledged then may still be
        agent, session = rings()
        session.ring(0, 183, b"answer")
        first = sent(agent)[0]
        session.reject(5, 486)
        sent(agent)
        give(agent, prack(first, "1 1 INVITE"), 6)
        self.assertEqual(names(sent(agent)), [481])
        give(agent, prack(first, cseq=3, branch="z9hG4bKq"), 7)
        self.assertEqual(names(sent(agent)), [200])
        give(agent, prack(first, cseq=4, branch="z9hG4bKr"), 8)
        self.assertEqual(names(sent(agent)), [481])
        self.assertEqual(kinds(agent), [])
        agent, session, invite = calls()  # the callee's re-INVITE, and the call is over
        give(agent, reply(invite, 200, "t1", body=b"answer"))
        text = request("INVITE", "z9hG4bKi", invite.from_.tag, 1, "", "o", invite.call_id, "t1")
        give(agent, text)
        session.bye(1)
        bye = [m for m in sent(agent) if getattr(m, "method", "") == "BYE"][0]
        give(agent, reply(bye, 200, ""))
        extra = "RAck: 1 1 INVITE\n"
        give(
            agent,
            request("PRACK", "z9hG4bKp", invite.from_.tag, 2, extra, "", invite.call_id, "t1"),
        )
        self.assertEqual(names(sent(agent)), [481])

    def test_while_success_waits(self):
        # what else may come then
        for what, expected, event in (
            ("CANCEL", [200, 487], "CallCancelled"),
            ("BYE", [200, 487], "CallCancelled"),
            ("reject", [486], None),
            ("bye", [480], None),
        ):
            agent, session = rings()
            session.ring(0, 183, b"answer")
            tag = sent(agent)[0].to.tag
            session.accept(5, b"answer")
            if what == "CANCEL":
                give(agent, request("CANCEL"))
            elif what == "BYE":
                give(agent, request("BYE", "z9hG4bKb", tag, 2))
            elif what == "reject":
                session.reject(6, 486)
            else:
                session.bye(6)
            self.assertEqual(names(sent(agent)), expected)
            self.assertEqual(kinds(agent), [event] if event else [])
            self.assertEqual(session.state, "Terminated")

    def test_offer_in_the_response(self):
        # section 5: no offer in INVITE, so the first reliable response has it, PRACK the answer
        agent, session = rings(body="")
        session.ring(0, 183, b"our offer")
        first = sent(agent)[0]
        self.assertEqual((first.body, first.count("rseq")), (b"our offer", 1))
        give(agent, prack(first, body="their answer"), 10)
        event = events(agent)[0]
        self.assertEqual(
            (type(event).__name__, event.body), ("ProvisionalAcknowledged", b"their answer")
        )
        sent(agent)
        session.accept(20, b"our offer")
        self.assertEqual(sent(agent)[0].body, b"")
        give(agent, request("ACK", "z9hG4bKa", first.to.tag), 20)
        event = events(agent)[0]
        self.assertEqual((type(event).__name__, event.body), ("CallConfirmed", b""))

    def test_required_but_nothing_to_offer(self):
        agent, session = rings(REQUIRED, "")
        session.ring(0)
        self.assertEqual((sent(agent), session.state), ([], "Ringing"))
        session.ring(0, 183, b"our offer")
        self.assertEqual(names(sent(agent)), [183])

    def test_offer_in_prack(self):
        # section 5: once all is agreed PRACK may bring an offer, its 200 the answer
        agent, session = rings()
        session.ring(0, 183, b"answer")
        first = sent(agent)[0]
        session.accept(5, b"answer")
        give(agent, prack(first, body="offer 2"), 10)
        acknowledged, offered = events(agent)
        self.assertEqual((acknowledged.body, offered.body), (b"", b"offer 2"))
        self.assertEqual(sent(agent), [])
        session.accept_offer(20, b"answer 2")
        ok, success = sent(agent)
        self.assertEqual((ok.cseq.method, ok.body), ("PRACK", b"answer 2"))
        self.assertEqual((success.cseq.method, success.body), ("INVITE", b""))

    def test_offer_in_prack_refused(self):
        agent, session = rings()
        session.ring(0, 183, b"answer")
        give(agent, prack(sent(agent)[0], body="offer 2"), 10)
        session.reject_offer(20, 488)
        response = sent(agent)[0]
        self.assertEqual(response.status, 488)
        self.assertTrue(response.count("warning"))
        self.assertEqual(session.state, "Ringing")

    def test_repeated_when_nobody_answers(self):
        # section 3: once every two and a half minutes
        agent, session = rings()
        session.ring(0, 180, b"", True)
        first = sent(agent)[0]
        give(agent, prack(first), 10)
        sent(agent)
        out = run_until(agent, 150400)
        self.assertEqual([(t, m.status) for t, m in out], [(150000, 180)])
        self.assertEqual(out[0][1].number("rseq"), first.number("rseq") + 1)


class ReceiveTest(unittest.TestCase):
    def test_answer(self):
        agent, session, invite = calls()
        give(agent, reliable(invite, 7, body=b"answer"), 5)
        ack = sent(agent)[0]
        self.assertEqual((ack.method, ack.get("rack"), ack.body),
                         ("PRACK", "7 %d INVITE" % invite.cseq.number, b""))  # fmt: skip
        self.assertEqual((ack.cseq.number, ack.to.tag), (invite.cseq.number + 1, "t1"))
        self.assertEqual(ack.uri_text, "sip:bob@[2001:db8::b]")
        event = events(agent)[0]
        self.assertEqual((event.status, event.body, event.fork, event.reliable),
                         (183, b"answer", "t1", True))  # fmt: skip
        give(agent, reply(ack, 200), 10)
        give(agent, reply(invite, 200, body=b"another answer"), 20)
        ack = sent(agent)[0]
        self.assertEqual((ack.method, ack.cseq.number), ("ACK", invite.cseq.number))
        event = events(agent)[0]
        # RFC 3261 section 13.2.1: what comes behind the answer is ignored
        self.assertEqual((event.body, event.agreed), (b"answer", True))

    def test_answer_in_the_success(self):
        agent, session, invite = calls()
        give(agent, reliable(invite, 7, 180), 5)
        give(agent, reply(invite, 200, body=b"answer"), 20)
        event = events(agent)[-1]
        self.assertEqual((event.body, event.agreed), (b"answer", False))

    def test_order(self):
        # section 4: (RSeq, acknowledged) one after another
        agent, session, invite = calls()
        for number, good in ((7, True), (7, False), (9, False), (6, False), (8, True), (9, True)):
            give(agent, reliable(invite, number, 180), 5)
            got = sent(agent)
            self.assertEqual(names(got), ["PRACK"] if good else [])
            self.assertEqual(kinds(agent), ["CallProgressed"] if good else [])
            if good:
                give(agent, reply(got[0], 200), 6)

    def test_each_fork_counts_by_itself(self):
        agent, session, invite = calls()
        for tag, number in (("t1", 7), ("t2", 100), ("t1", 8), ("t2", 101)):
            give(agent, reliable(invite, number, 180, tag), 5)
            ack = sent(agent)[0]
            self.assertEqual((ack.to.tag, ack.get("rack").split()[0]), (tag, "%d" % number))

    def test_not_reliable(self):
        # 100 never is; without RSeq or with a bad one it is none
        agent, session, invite = calls()
        give(agent, reply(invite, 100, extra="Require: 100rel\nRSeq: 1"), 5)
        self.assertEqual((sent(agent), kinds(agent)), ([], []))
        for extra in ("Require: 100rel", "Require: 100rel\nRSeq: x", "Require: 100rel\nRSeq: 0"):
            give(agent, reply(invite, 180, extra=extra), 5)
            self.assertEqual((sent(agent), kinds(agent)), ([], []))
            self.assertEqual(session.state, "Proceeding")  # so CANCEL may go
        give(agent, reply(invite, 180, extra="RSeq: 5"), 5)
        self.assertEqual((sent(agent), kinds(agent)), ([], ["CallProgressed"]))

    def test_offer(self):
        # section 5: our INVITE had none; our answer goes in PRACK
        agent, session, invite = calls(b"")
        give(agent, reliable(invite, 7, body=b"their offer"), 5)
        self.assertEqual(sent(agent), [])
        event = events(agent)[0]
        self.assertEqual((event.body, event.reliable), (b"their offer", True))
        self.assertRaises(LocalProtocolError, session.acknowledge_provisional, 8, b"x", "t2")
        give(agent, reliable(invite, 7, body=b"their offer"), 6)  # repeated: nothing twice
        self.assertEqual((sent(agent), kinds(agent)), ([], []))
        session.acknowledge_provisional(8, b"our answer")
        ack = sent(agent)[0]
        self.assertEqual((ack.method, ack.body), ("PRACK", b"our answer"))
        self.assertRaises(LocalProtocolError, session.acknowledge_provisional, 8, b"x")
        give(agent, reply(ack, 200), 10)
        give(agent, reply(invite, 200), 20)
        self.assertEqual(names(sent(agent)), ["ACK"])
        event = events(agent)[0]
        self.assertEqual((event.body, event.agreed), (b"their offer", True))

    def test_prack_unanswered_or_refused(self):
        for status in (None, 481, 500):
            agent, session, invite = calls()
            give(agent, reliable(invite, 7, 180), 0)
            ack = sent(agent)[0]
            if status:
                give(agent, reply(ack, status), 5)
                self.assertEqual(run_until(agent, 40000), [])
            else:
                out = run_until(agent, 40000)
                self.assertEqual(set(names([m for t, m in out])), set(["PRACK"]))
            self.assertEqual(agent.counters["failed_pracks"], 1)
            give(agent, reply(invite, 200, body=b"answer"), 40000)
            self.assertEqual(session.state, "Confirmed")

    def test_cancelled(self):
        agent, session, invite = calls()
        give(agent, reply(invite, 180), 0)
        session.cancel(1)
        sent(agent)
        give(agent, reliable(invite, 7), 5)
        self.assertEqual(sent(agent), [])

    def test_to_our_reinvite(self):
        pair = Pair()
        mine, theirs = pair.call()
        mine.reinvite(0, b"offer 2")
        invite = sent(pair.a)[0]
        tag = mine.dialog.remote_tag
        for number, wanted in ((50, ["PRACK"]), (50, []), (52, []), (51, ["PRACK"])):
            body = b"answer 2" if number == 50 else b""
            give(pair.a, reliable(invite, number, 183, tag, body), 5)
            self.assertEqual(names(sent(pair.a)), wanted)
        give(pair.a, reply(invite, 200, tag), 9)
        self.assertEqual(names(sent(pair.a)), ["ACK"])
        self.assertEqual(events(pair.a)[0].body, b"answer 2")
        mine.reinvite(10, b"")
        self.assertFalse("100rel" in sent(pair.a)[0].tokens("supported"))


class PairTest(unittest.TestCase):
    def check_idle(self, pair):
        pair.run(pair.now + 200000)
        for agent in (pair.a, pair.b):
            self.assertEqual(len(agent.sessions), 0)
            self.assertEqual(len(agent.layer.clients) + len(agent.layer.servers), 0)
            self.assertEqual(len(agent.layer.timers), 0)

    def test_call(self):
        pair = Pair()
        mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        pair.flow()
        theirs = events(pair.b)[0].session
        theirs.ring(0, 183, b"answer")
        pair.flow()
        theirs.ring(0)
        theirs.accept(0, b"answer")
        pair.flow()
        self.assertEqual([name for _, name in pair.log],
                         ["INVITE", 183, "PRACK", 200, 180, 200, "ACK"])  # fmt: skip
        self.assertEqual(kinds(pair.a), ["CallProgressed", "CallProgressed", "CallAnswered"])
        self.assertEqual(kinds(pair.b), ["ProvisionalAcknowledged", "CallConfirmed"])
        mine.bye(0)
        pair.flow()
        self.check_idle(pair)

    def test_each_datagram_lost_once(self):
        for late in (False, True):
            for number in range(10):
                pair = Pair()
                seen = []

                def lose(sender, message, seen=seen, number=number):
                    seen.append(message)
                    return len(seen) - 1 == number

                pair.lose = lose
                offer = b"" if late else b"offer"
                mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, offer)
                pair.run(8000)
                theirs = events(pair.b)[0].session
                theirs.ring(pair.now, 183, b"description")
                theirs.ring(pair.now, 180, b"", True)
                pair.run(9000)
                for event in events(pair.a):
                    if event.body and late:
                        mine.acknowledge_provisional(pair.now, b"answer")
                theirs.accept(pair.now, b"")
                pair.run(14000)
                for event in events(pair.a):
                    if type(event).__name__ == "CallProgressed" and event.body and late:
                        mine.acknowledge_provisional(pair.now, b"answer")
                pair.run(60000)
                self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))
                acknowledged = [e for e in events(pair.b) if hasattr(e, "body") and e.body]
                self.assertEqual(len(acknowledged), 1 if late else 0)
                mine.bye(pair.now)
                pair.flow()
                self.check_idle(pair)
