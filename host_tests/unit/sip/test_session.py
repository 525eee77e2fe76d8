# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/session.py: calls between two agents, and against a peer written by hand."""

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
from vox6.wire import LocalProtocolError


def _idle(test, pair):
    """Check that nothing is left in either agent once all timers have fired."""
    pair.run(pair.now + 200000)
    for agent in (pair.a, pair.b):
        test.assertEqual(len(agent.sessions), 0)
        test.assertEqual(len(agent.layer.clients), 0)
        test.assertEqual(len(agent.layer.servers), 0)
        test.assertEqual(len(agent.layer.timers), 0)
        test.assertEqual(agent.layer.counters.get("malformed_requests", 0), 0)


class CallTest(unittest.TestCase):
    def test_call(self):
        pair = Pair()
        mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        self.assertEqual(mine.state, "Calling")
        pair.flow()
        received = events(pair.b)[0]
        theirs = received.session
        self.assertEqual((received.body, received.content_type), (b"offer", "application/sdp"))
        self.assertEqual(theirs.remote_uri, "sip:phone@[2001:db8::a]")
        self.assertEqual(theirs.request_uri, "sip:bob@[2001:db8::b]")
        theirs.ring(10)
        pair.flow()
        progressed = events(pair.a)[0]
        self.assertEqual((progressed.status, mine.state), (180, "Proceeding"))
        self.assertEqual(theirs.state, "Ringing")
        theirs.accept(20, b"answer")
        pair.flow()
        self.assertEqual(events(pair.a)[0].body, b"answer")
        self.assertEqual(kinds(pair.b), ["CallConfirmed"])
        self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))
        self.assertEqual(mine.remote_target, "sip:bob@[2001:db8::b]")
        mine.bye(30, 'SIP;cause=200;text="done"')
        pair.flow()
        ended = events(pair.b)[0]
        self.assertEqual((type(ended).__name__, ended.reason), ("CallEnded", "done"))
        self.assertEqual(events(pair.a), [])
        self.assertEqual((mine.state, theirs.state), ("Terminated", "Terminated"))
        self.assertEqual([name for _, name in pair.log], ["INVITE", 180, 200, "ACK", "BYE", 200])
        _idle(self, pair)

    def test_callee_hangs_up(self):
        pair = Pair()
        mine, theirs = pair.call()
        theirs.bye(0)
        pair.flow()
        self.assertEqual(kinds(pair.a), ["CallEnded"])
        _idle(self, pair)

    def test_reinvite_whose_answer_is_lost_for_good(self):
        """The 2xx got lost and its sender hung up: nobody repeats it, nothing may wait for it."""
        pair = Pair()
        mine, theirs = pair.call()
        theirs.reinvite(0, b"offer")
        pair.flow()
        pair.run(pair.now + 300)  # 100 Trying
        self.assertEqual(kinds(pair.a), ["OfferReceived"])
        pair.lose = lambda sender, message: names([message]) == [200]
        mine.accept_offer(pair.now, b"answer")
        pair.flow()
        pair.lose = lambda sender, message: False
        mine.bye(pair.now)
        pair.flow()
        self.assertEqual(kinds(pair.b), ["CallEnded"])
        _idle(self, pair)

    def test_both_hang_up(self):
        pair = Pair()
        mine, theirs = pair.call()
        mine.bye(0)
        theirs.bye(0)
        pair.flow()
        self.assertEqual(kinds(pair.a) + kinds(pair.b), [])
        self.assertEqual((mine.state, theirs.state), ("Terminated", "Terminated"))
        _idle(self, pair)

    def test_reject(self):
        pair = Pair()
        pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        pair.flow()
        theirs = events(pair.b)[0].session
        theirs.reject(0, 488, None, (("Warning", '300 x "y"'),))
        pair.flow()
        failed = events(pair.a)[0]
        self.assertEqual((failed.status, failed.reason), (488, "Not Acceptable Here"))
        self.assertEqual(failed.message.get("warning"), '300 x "y"')
        self.assertEqual([name for _, name in pair.log], ["INVITE", 488, "ACK"])
        _idle(self, pair)

    def test_busy_after_ringing(self):
        pair = Pair()
        pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        pair.flow()
        theirs = events(pair.b)[0].session
        theirs.ring(0)
        theirs.reject(0, 486)
        pair.flow()
        self.assertEqual(kinds(pair.a), ["CallProgressed", "CallFailed"])
        _idle(self, pair)

    def test_early_media(self):
        pair = Pair()
        pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        pair.flow()
        events(pair.b)[0].session.ring(0, 183, b"early")
        pair.flow()
        event = events(pair.a)[0]
        self.assertEqual((event.status, event.body), (183, b"early"))

    def test_late_offer(self):
        pair = Pair()
        mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0)
        pair.flow()
        received = events(pair.b)[0]
        self.assertEqual(received.body, b"")
        theirs = received.session
        theirs.accept(0, b"offer")
        pair.flow()
        self.assertEqual(events(pair.a)[0].body, b"offer")
        self.assertEqual(events(pair.b), [])
        self.assertRaises(LocalProtocolError, mine.reinvite, 0, b"x")
        mine.acknowledge(5, b"answer")
        pair.flow()
        self.assertEqual(events(pair.b)[0].body, b"answer")
        self.assertRaises(LocalProtocolError, mine.acknowledge, 5, b"answer")
        mine.bye(9)
        pair.flow()
        _idle(self, pair)

    def test_wrong_commands(self):
        pair = Pair()
        mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        for command in (
            lambda: mine.ring(0),
            lambda: mine.accept(0, b""),
            lambda: mine.reject(0, 486),
            lambda: mine.bye(0),
            lambda: mine.reinvite(0, b""),
            lambda: mine.accept_offer(0, b""),
            lambda: mine.reject_offer(0, 488),
            lambda: mine.acknowledge(0),
        ):
            self.assertRaises(LocalProtocolError, command)
        self.assertEqual(mine.state, "Calling")
        pair.flow()
        theirs = events(pair.b)[0].session
        for command in (
            lambda: theirs.cancel(0),
            lambda: theirs.bye(0),
            lambda: theirs.reject(0, 200),
            lambda: theirs.reject(0, 486, None, (("X", "a\r\nb"),)),
            lambda: theirs.ring(0, 200),
            lambda: theirs.reinvite(0, b""),
        ):
            self.assertRaises(LocalProtocolError, command)
        self.assertEqual(theirs.state, "Incoming")
        theirs.accept(0, b"answer")
        self.assertRaises(LocalProtocolError, theirs.accept, 0, b"answer")
        pair.flow()
        self.assertRaises(LocalProtocolError, mine.cancel, 0)
        self.assertRaises(LocalProtocolError, mine.bye, 0, "not; a=reason value")
        mine.bye(0)
        mine.bye(0)
        pair.flow()
        mine.bye(0)

    def test_wrong_targets(self):
        agent = make_agent()
        for uri in ("", "bob", "tel:+1", "sip:", "sip:b@c?x=y", "sip:b c@d"):
            self.assertRaises(LocalProtocolError, agent.invite, uri, PEER, 0)
        agent.set_local(None, 0, 0)
        self.assertRaises(LocalProtocolError, agent.invite, "sip:b@c", PEER, 0)
        self.assertEqual(sent(agent), [])
        self.assertEqual(len(agent.sessions), 0)

    def test_too_many_sessions(self):
        agent = make_agent(max_sessions=2)
        agent.invite("sip:b@c", PEER, 0)
        agent.invite("sip:b@c", PEER, 0)
        self.assertRaises(LocalProtocolError, agent.invite, "sip:b@c", PEER, 0)
        sent(agent)
        give(agent, request("INVITE"))
        message = sent(agent)[0]
        self.assertEqual((message.status, message.get("retry-after")), (503, "10"))


class CancelTest(unittest.TestCase):
    def test_cancel_while_ringing(self):
        pair = Pair()
        mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        pair.flow()
        events(pair.b)[0].session.ring(0)
        pair.flow()
        events(pair.a)
        mine.cancel(10)
        mine.cancel(11)
        pair.flow()
        self.assertEqual(kinds(pair.b), ["CallCancelled"])
        failed = events(pair.a)[0]
        self.assertEqual((type(failed).__name__, failed.status), ("CallFailed", 487))
        self.assertEqual(
            [name for _, name in pair.log], ["INVITE", 180, "CANCEL", 200, 487, "ACK"]
        )
        _idle(self, pair)

    def test_cancel_waits_for_a_provisional_response(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        session.cancel(10)
        self.assertEqual(sent(agent), [])
        give(agent, reply(invite, 100), 20)
        cancel = sent(agent)[0]
        self.assertEqual((cancel.method, cancel.uri_text), ("CANCEL", invite.uri_text))
        self.assertEqual(cancel.via.branch, invite.via.branch)
        self.assertEqual(cancel.cseq.number, invite.cseq.number)
        self.assertIsNone(cancel.to.tag)
        give(agent, reply(invite, 180), 30)
        self.assertEqual(sent(agent), [])
        give(agent, reply(cancel, 200), 30)
        give(agent, reply(invite, 487), 40)
        self.assertEqual(names(sent(agent)), ["ACK"])
        self.assertEqual(kinds(agent), ["CallFailed"])
        self.assertEqual(len(agent.sessions), 0)

    def test_cancel_crosses_2xx(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reply(invite, 180), 10)
        session.cancel(20)
        give(agent, reply(invite, 200), 30)
        self.assertEqual(names(sent(agent)), ["CANCEL", "ACK", "BYE"])
        self.assertEqual(kinds(agent), ["CallProgressed", "CallFailed"])

    def test_cancel_without_answer(self):
        # RFC 3261 section 9.1: 64 T1 after CANCEL the INVITE counts as cancelled
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reply(invite, 180), 0)
        events(agent)
        session.cancel(0)
        give(agent, reply(sent(agent)[0], 200), 10)
        run_until(agent, 31999)
        self.assertEqual(kinds(agent), [])
        run_until(agent, 32000)
        self.assertEqual(kinds(agent), ["CallFailed"])
        run_until(agent, 10**6)
        self.assertEqual((len(agent.layer.clients), len(agent.layer.timers)), (0, 0))

    def test_no_answer_at_all(self):
        agent = make_agent()
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        run_until(agent, 10**6)
        failed = events(agent)[0]
        self.assertEqual((failed.status, failed.message), (408, None))
        self.assertEqual((len(agent.sessions), len(agent.layer.timers)), (0, 0))

    def test_ringing_without_end(self):
        agent = make_agent()
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        give(agent, reply(sent(agent)[0], 180), 0)
        events(agent)
        out = run_until(agent, 200000)
        self.assertEqual((out[0][0], names([out[0][1]])), (180000, ["CANCEL"]))
        run_until(agent, 10**6)
        self.assertEqual(events(agent)[0].status, 408)
        self.assertEqual((len(agent.layer.clients), len(agent.layer.timers)), (0, 0))

    def test_cancel_after_answer(self):
        agent = make_agent()
        give(agent, request("INVITE"))
        session = events(agent)[0].session
        session.accept(0, b"answer")
        sent(agent)
        give(agent, request("CANCEL"))
        self.assertEqual(names(sent(agent)), [200])
        self.assertEqual((kinds(agent), session.state), ([], "Accepted"))

    def test_cancel_answers(self):
        agent = make_agent()
        give(agent, request("INVITE"))
        events(agent)[0].session.ring(0)
        give(agent, request("CANCEL"))
        messages = sent(agent)
        self.assertEqual(names(messages), [180, 200, 487])
        self.assertEqual(messages[1].cseq.method, "CANCEL")
        self.assertEqual(messages[1].to.tag, messages[0].to.tag)
        self.assertEqual(messages[2].to.tag, messages[0].to.tag)
        self.assertEqual(kinds(agent), ["CallCancelled"])

    def test_callee_that_never_heard_us_give_up(self):
        # every response was lost, so no CANCEL could go: Expires ends the ringing there
        pair = Pair()
        pair.lose = lambda sender, message: sender is pair.b
        mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
        pair.flow()
        events(pair.b)[0].session.ring(0)
        pair.run(40000)
        self.assertEqual(mine.state, "Terminated")
        pair.run(180000)
        self.assertEqual(kinds(pair.b), ["CallCancelled"])
        pair.lose = lambda sender, message: False
        _idle(self, pair)

    def test_expires(self):
        agent = make_agent()
        give(agent, request("INVITE", extra="Expires: 5\n"))
        events(agent)[0].session.ring(0)
        out = run_until(agent, 5000)
        self.assertEqual((out[-1][0], out[-1][1].status), (5000, 487))
        self.assertEqual(kinds(agent), ["CallCancelled"])

    def test_180_is_repeated(self):
        agent = make_agent()
        give(agent, request("INVITE"))
        events(agent)[0].session.ring(0)
        sent(agent)
        out = run_until(agent, 130000)
        self.assertEqual([(t, m.status) for t, m in out], [(60000, 180), (120000, 180)])


class ReliabilityTest(unittest.TestCase):
    def test_2xx_is_repeated_until_ack(self):
        for transport in ("UDP", "TCP"):
            agent = make_agent()
            give(agent, request("INVITE", body="offer"), 0, PEER, transport)
            session = events(agent)[0].session
            session.accept(0, b"answer")
            ok = sent(agent)[0]
            times = [t for t, m in run_until(agent, 10000)]
            self.assertEqual(times, [500, 1500, 3500, 7500])
            give(agent, request("ACK", "z9hG4bKack", ok.to.tag), 10000, PEER, transport)
            self.assertEqual((kinds(agent), session.state), (["CallConfirmed"], "Confirmed"))
            self.assertEqual(run_until(agent, 10**5), [])

    def test_no_ack(self):
        agent = make_agent()
        give(agent, request("INVITE", body="offer"))
        session = events(agent)[0].session
        session.accept(0, b"answer")
        sent(agent)
        out = run_until(agent, 32000)
        self.assertEqual([m.status for t, m in out[:-1]], [200] * 10)
        self.assertEqual((out[-1][0], out[-1][1].method), (32000, "BYE"))
        self.assertEqual(kinds(agent), ["CallEnded"])
        run_until(agent, 10**6)
        self.assertEqual((len(agent.sessions), len(agent.layer.timers)), (0, 0))

    def test_bye_waits_for_ack(self):
        # RFC 3261 section 15
        agent = make_agent()
        give(agent, request("INVITE", body="offer"))
        session = events(agent)[0].session
        session.accept(0, b"answer")
        ok = sent(agent)[0]
        session.bye(10)
        self.assertEqual(sent(agent), [])
        give(agent, request("ACK", "z9hG4bKack", ok.to.tag), 20)
        self.assertEqual(names(sent(agent)), ["BYE"])
        self.assertEqual(kinds(agent), [])

    def test_bye_that_waits_is_overtaken(self):
        agent = make_agent()
        give(agent, request("INVITE", body="offer"))
        session = events(agent)[0].session
        session.accept(0, b"answer")
        ok = sent(agent)[0]
        session.bye(10)
        give(agent, request("BYE", "z9hG4bKbye", ok.to.tag, 2), 20)
        self.assertEqual(names(sent(agent)), [200])
        self.assertEqual((kinds(agent), session.state), ([], "Terminated"))
        self.assertEqual(run_until(agent, 10**6), [])

    def test_ack_is_repeated(self):
        agent = make_agent()
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        ok = reply(invite, 200)
        give(agent, ok, 10)
        ack = agent.datagrams_to_send()[0]
        give(agent, ok, 20)
        self.assertEqual(agent.datagrams_to_send(), [ack])
        self.assertEqual(kinds(agent), ["CallAnswered"])

    def test_forks(self):
        # RFC 3261 section 13.2.2.4: a second 2xx is acknowledged and its dialog ended
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reply(invite, 180, "t1"), 5)
        give(agent, reply(invite, 180, "t2"), 6)
        give(agent, reply(invite, 200, "t2"), 10)
        messages = sent(agent)
        self.assertEqual((names(messages), messages[0].to.tag), (["ACK"], "t2"))
        self.assertEqual(session.dialog.remote_tag, "t2")
        give(agent, reply(invite, 200, "t1"), 20)
        messages = sent(agent)
        self.assertEqual(names(messages), ["ACK", "BYE"])
        self.assertEqual([m.to.tag for m in messages], ["t1", "t1"])
        give(agent, reply(invite, 200, "t1"), 30)
        self.assertEqual(names(sent(agent)), ["ACK"])
        self.assertEqual(session.state, "Confirmed")
        self.assertEqual(kinds(agent), ["CallProgressed", "CallProgressed", "CallAnswered"])

    def test_ok_repeated_after_the_end(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        ok = reply(invite, 200)
        give(agent, ok, 10)
        session.bye(20)
        messages = sent(agent)
        give(agent, reply(messages[1], 200), 30)
        self.assertEqual(session.state, "Terminated")
        give(agent, ok, 40)
        self.assertEqual(names(sent(agent)), ["ACK"])

    def test_unusable_contact_in_2xx(self):
        agent = make_agent()
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reply(invite, 200, extra="Contact: <tel:+1>"), 10)
        self.assertEqual(events(agent)[0].status, 500)
        self.assertEqual(len(agent.sessions), 0)

    def test_bye_unanswered(self):
        pair = Pair()
        mine, theirs = pair.call()
        pair.lose = lambda sender, message: sender is pair.b
        mine.bye(pair.now)
        self.assertEqual(mine.state, "Terminating")
        pair.run(pair.now + 40000)
        self.assertEqual(mine.state, "Terminated")
        _idle(self, pair)


class OfferTest(unittest.TestCase):
    def test_reinvite(self):
        for first, second in ((0, 1), (1, 0)):
            pair = Pair()
            sessions = pair.call()
            agents = (pair.a, pair.b)
            sessions[first].reinvite(0, b"hold")
            self.assertTrue(sessions[first].is_offering())
            pair.flow()
            event = events(agents[second])[0]
            self.assertEqual((type(event).__name__, event.body), ("OfferReceived", b"hold"))
            sessions[second].accept_offer(0, b"held")
            pair.flow()
            self.assertEqual(events(agents[first])[0].body, b"held")
            self.assertEqual(kinds(agents[second]), [])
            self.assertFalse(sessions[first].is_offering())
            self.assertFalse(sessions[second].is_offering())
            self.assertEqual([name for _, name in pair.log], ["INVITE", 200, "ACK"])
            sessions[first].bye(0)
            pair.flow()
            _idle(self, pair)

    def test_reinvite_without_offer(self):
        pair = Pair()
        mine, theirs = pair.call()
        mine.reinvite(0, b"")
        pair.flow()
        self.assertEqual(events(pair.b)[0].body, b"")
        theirs.accept_offer(0, b"offer")
        pair.flow()
        self.assertEqual(events(pair.a)[0].body, b"offer")
        mine.acknowledge(0, b"answer")
        pair.flow()
        event = events(pair.b)[0]
        self.assertEqual((type(event).__name__, event.body), ("OfferAnswered", b"answer"))

    def test_reinvite_refused(self):
        pair = Pair()
        mine, theirs = pair.call()
        mine.reinvite(0, b"x")
        pair.flow()
        theirs.reject_offer(0, 488)
        pair.flow()
        event = [e for e in events(pair.a)][0]
        self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 488))
        self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))
        mine.reinvite(0, b"y")
        pair.flow()
        self.assertEqual(events(pair.b)[-1].body, b"y")

    def test_glare(self):
        # RFC 3261 section 14.1: both get 491 and may try again, the owner of the Call-ID later
        pair = Pair()
        mine, theirs = pair.call()
        mine.reinvite(0, b"from a")
        theirs.reinvite(0, b"from b")
        pair.flow()
        self.assertEqual([n for _, n in pair.log].count(491), 2)
        for agent in (pair.a, pair.b):
            event = events(agent)[0]
            self.assertEqual((type(event).__name__, event.status), ("OfferFailed", 491))
        self.assertTrue(mine.is_offering() and theirs.is_offering())
        pair.run(2001)
        self.assertEqual((kinds(pair.a), kinds(pair.b)), ([], ["OfferDue"]))
        theirs.reinvite(2001, b"from b, made anew")
        pair.flow()
        event = events(pair.a)[0]
        self.assertEqual(event.body, b"from b, made anew")
        mine.accept_offer(2001, b"ok")
        pair.run(4100)
        self.assertEqual(kinds(pair.b), ["OfferAnswered"])
        self.assertEqual(kinds(pair.a), ["OfferDue"])
        self.assertFalse(mine.is_offering() or theirs.is_offering())

    def test_offer_that_came_too_early_is_due_later(self):
        pair = Pair()
        mine, theirs = pair.call()
        theirs.reinvite(0, b"from b")
        pair.flow()
        self.assertRaises(LocalProtocolError, mine.reinvite, 0, b"from a")
        self.assertEqual(kinds(pair.a), ["OfferReceived"])
        mine.accept_offer(5, b"ok")
        self.assertEqual(kinds(pair.a), [])  # not before ACK
        pair.flow()
        self.assertEqual(kinds(pair.a), ["OfferDue"])
        mine.reinvite(6, b"from a")

    def test_second_invite_while_one_is_open(self):
        agent, ok = self._called()
        give(agent, request("INVITE", "z9hG4bK2", ok.to.tag, 2, body="o2"), 10)
        give(agent, request("INVITE", "z9hG4bK3", ok.to.tag, 3, body="o3"), 10)
        message = sent(agent)[0]
        self.assertEqual(message.status, 500)
        self.assertTrue(0 <= int(message.get("retry-after")) <= 10)
        self.assertEqual(kinds(agent), ["OfferReceived"])

    def _called(self):
        agent = make_agent()
        give(agent, request("INVITE", body="offer"))
        self.session = events(agent)[0].session
        self.session.accept(0, b"answer")
        ok = sent(agent)[0]
        give(agent, request("ACK", "z9hG4bKack", ok.to.tag), 0)
        events(agent)
        return agent, ok

    def test_reinvite_cancelled(self):
        agent, ok = self._called()
        give(agent, request("INVITE", "z9hG4bK2", ok.to.tag, 2, body="o2"), 10)
        give(agent, request("CANCEL", "z9hG4bK2", ok.to.tag, 2), 10)
        self.assertEqual(names(sent(agent)), [200, 487])
        self.assertEqual(kinds(agent), ["OfferReceived", "OfferCancelled"])
        self.assertRaises(LocalProtocolError, self.session.accept_offer, 10, b"x")
        self.assertEqual(self.session.state, "Confirmed")

    def test_reinvite_that_nobody_answers(self):
        agent, ok = self._called()
        give(agent, request("INVITE", "z9hG4bK2", ok.to.tag, 2, body="o2"), 0)
        out = run_until(agent, 60000)
        self.assertEqual([m.status for t, m in out], [100, 500])
        self.assertEqual(kinds(agent), ["OfferReceived", "OfferCancelled"])

    def test_bye_while_reinvite_is_open(self):
        agent, ok = self._called()
        give(agent, request("INVITE", "z9hG4bK2", ok.to.tag, 2, body="o2"), 10)
        give(agent, request("BYE", "z9hG4bK3", ok.to.tag, 3), 20)
        messages = sent(agent)
        self.assertEqual(names(messages), [200, 487])
        self.assertEqual(messages[1].cseq.number, 2)
        self.assertEqual(kinds(agent), ["OfferReceived", "CallEnded"])

    def test_reinvite_before_ack(self):
        # RFC 5407 section 3.1.4: the ACK was lost or overtaken
        agent = make_agent()
        give(agent, request("INVITE", body="offer"))
        session = events(agent)[0].session
        session.accept(0, b"answer")
        ok = sent(agent)[0]
        give(agent, request("INVITE", "z9hG4bK2", ok.to.tag, 2, body="o2"), 10)
        self.assertEqual(kinds(agent), ["CallConfirmed", "OfferReceived"])
        give(agent, request("ACK", "z9hG4bKack", ok.to.tag), 20)
        self.assertEqual(kinds(agent), [])
        session.accept_offer(30, b"a2")
        self.assertEqual(names(sent(agent)), [200])

    def test_target_refresh(self):
        agent, ok = self._called()
        text = request("INVITE", "z9hG4bK2", ok.to.tag, 2, body="o2")
        give(agent, text.replace("<sip:bob@[2001:db8::b]>\nC", "<sip:b@[2001:db8::c]:7>\nC"))
        self.assertEqual(self.session.remote_target, "sip:bob@[2001:db8::b]")
        self.session.accept_offer(0, b"a2")
        self.assertEqual(self.session.remote_target, "sip:b@[2001:db8::c]:7")
        sent(agent)
        give(agent, request("ACK", "z9hG4bKack2", ok.to.tag, 2), 0)
        self.session.bye(10)
        data, peer, transport = agent.datagrams_to_send()[0]
        self.assertTrue(data.startswith(b"BYE sip:b@[2001:db8::c]:7 SIP/2.0\r\n"))
        self.assertEqual(peer, (B[:15] + b"\x0c", 7))

    def test_lost_dialog(self):
        # RFC 3261 section 12.2.1.2: 481 or 408 to a re-INVITE end the call
        for status in (481, 408):
            agent, ok = self._called()
            self.session.reinvite(10, b"o2")
            give(agent, reply(sent(agent)[0], status), 20)
            self.assertEqual(names(sent(agent)), ["ACK", "BYE"])
            self.assertEqual(kinds(agent), ["CallEnded"])


class DialogTest(unittest.TestCase):
    def test_routes(self):
        # RFC 3261 section 12.2.1.1: loose routes in order, and a strict one
        for route, uri, wanted in (
            (
                "<sip:p1@[2001:db8::1];lr>, <sip:[2001:db8::2]:7;lr>",
                "sip:bob@[2001:db8::b]",
                ["<sip:p1@[2001:db8::1];lr>", "<sip:[2001:db8::2]:7;lr>"],
            ),
            (
                "<sip:[2001:db8::1]>, <sip:[2001:db8::2]:7;lr>",
                "sip:[2001:db8::1]",
                ["<sip:[2001:db8::2]:7;lr>", "<sip:bob@[2001:db8::b]>"],
            ),
        ):
            agent = make_agent()
            give(agent, request("INVITE", extra="Record-Route: " + route + "\n"))
            session = events(agent)[0].session
            session.accept(0, b"x")
            ok = sent(agent)[0]
            self.assertEqual(", ".join(ok.values("record-route")), route)
            give(agent, request("ACK", "z9hG4bKack", ok.to.tag))
            session.bye(0)
            data, peer, transport = agent.datagrams_to_send()[0]
            self.assertTrue(data.startswith(("BYE " + uri + " SIP/2.0\r\n").encode()))
            self.assertEqual(peer, (B[:15] + b"\x01", 5060))
            agent.layer.send(data, peer, "UDP")
            self.assertEqual(sent(agent)[0].values("route"), wanted)

    def test_routes_of_the_caller_are_reversed(self):
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        route = "Record-Route: <sip:[2001:db8::2];lr>\nRecord-Route: <sip:[2001:db8::1];lr>"
        give(agent, reply(invite, 200, extra=route), 10)
        ack = sent(agent)[0]
        self.assertEqual(ack.values("route"), ["<sip:[2001:db8::1];lr>", "<sip:[2001:db8::2];lr>"])
        session.bye(20)
        self.assertEqual(sent(agent)[0].cseq.number, invite.cseq.number + 1)

    def test_names_go_where_answers_came_from(self):
        agent = make_agent()
        agent.invite("sip:bob@example.com", PEER, 0, b"offer")
        invite = sent(agent)[0]
        for tag, contact in (("1", "<sip:bob@example.com>"), ("2", "<sip:bob@192.0.2.1>")):
            give(agent, reply(invite, 200, tag, "Contact: " + contact), 10)
            self.assertEqual(agent.datagrams_to_send()[0][1], PEER)

    def test_link_local_keeps_its_interface(self):
        agent = make_agent()
        peer = (b"\xfe\x80\x00\x03" + bytes(11) + b"\x09", 5060)
        session = agent.invite("sip:b@[fe80::9]", peer, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reply(invite, 200, extra="Contact: <sip:b@[fe80::9]:7>"), 0, peer)
        self.assertEqual(agent.datagrams_to_send()[0][1], (peer[0], 7))
        self.assertEqual(session.remote_target, "sip:b@[fe80::9]:7")

    def test_transport_error(self):
        agent = make_agent()
        agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        agent.handle_transport_error(PEER, 5)
        failed = events(agent)[0]
        self.assertEqual((failed.status, failed.message), (503, None))
        self.assertEqual((len(agent.sessions), len(agent.layer.timers)), (0, 0))


class LossTest(unittest.TestCase):
    def test_each_datagram_lost_once(self):
        for number in range(6):
            for how in ("first", "repeated"):
                pair = Pair()
                seen = []

                def lose(sender, message, seen=seen, number=number, how=how):
                    seen.append(message)
                    return len(seen) - 1 == number or (how == "repeated" and len(seen) % 3 == 0)

                pair.lose = lose
                mine = pair.a.invite("sip:bob@[2001:db8::b]", (B, 5060), 0, b"offer")
                pair.run(8000)
                theirs = events(pair.b)[0].session
                theirs.ring(pair.now)
                pair.run(9000)
                theirs.accept(pair.now, b"answer")
                pair.run(25000)
                self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))
                self.assertEqual(kinds(pair.b), ["CallConfirmed"])
                mine.bye(pair.now)
                pair.run(60000)
                self.assertEqual(kinds(pair.b), ["CallEnded"])
                _idle(self, pair)
