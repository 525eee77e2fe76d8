# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/refresh.py: session timers (RFC 4028), a case a rule."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
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
from vox6.sip.refresh import parse_interval
from vox6.wire import FormatError

TIMER = "Supported: timer\n"
ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n"


def calling(extra, **attributes):
    """Return (agent, session, INVITE) of a call answered by a 2xx with extra headers at 0."""
    agent = make_agent()
    for name in attributes:
        setattr(agent, name, attributes[name])
    session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
    invite = sent(agent)[0]
    give(agent, reply(invite, 200, "t1", extra, b"answer"), 0)
    sent(agent)
    events(agent)
    return agent, session, invite


def called(extra, **attributes):
    """Return (agent, session, 200) of a call of PEER's that stands; INVITE with extra headers."""
    agent = make_agent()
    for name in attributes:
        setattr(agent, name, attributes[name])
    give(agent, request("INVITE", extra=extra, body="offer"))
    session = events(agent)[0].session
    session.accept(0, b"answer")
    ok = sent(agent)[0]
    give(agent, request("ACK", "z9hG4bKack", ok.to.tag))
    events(agent)
    return agent, session, ok


class IntervalTest(unittest.TestCase):
    def test_good(self):
        for text, expected in (
            ("1800", (1800, "")),
            ("90;refresher=uac", (90, "uac")),
            ("4000 ; Refresher = UAS ;x=y", (4000, "uas")),
        ):
            self.assertEqual(parse_interval(text), expected)

    def test_bad(self):
        for text in ("", "x", "-1", "90;refresher", "90;refresher=me", "90;", "4294967296"):
            self.assertRaises(FormatError, parse_interval, text)


class CallerTest(unittest.TestCase):
    def test_invite(self):
        # section 7.1: session_expires_s, min_se_s -> Session-Expires, Min-SE, timer in Supported
        for interval, floor, expected in (
            (1800, 90, ("1800", None, True)),
            (1800, 3600, ("3600", "3600", True)),
            (60, 10, ("90", None, True)),
            (0, 90, (None, None, False)),
        ):
            agent = make_agent()
            agent.session_expires_s = interval
            agent.min_se_s = floor
            agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
            m = sent(agent)[0]
            got = (m.get("session-expires"), m.get("min-se"), "timer" in m.tokens("supported"))
            self.assertEqual(got, expected)

    def test_success(self):
        # section 7.2: what the 2xx says -> when we refresh, and when we give up
        for extra, refresh, end in (
            ("Session-Expires: 1800;refresher=uac", 900, 1768),
            ("Session-Expires: 1800;refresher=uas", None, 1768),
            ("Session-Expires: 90;refresher=uas", None, 60),
            ("Session-Expires: 90;refresher=uac", 45, 60),
            ("Session-Expires: 90", 45, 60),
            ("Session-Expires: 1;refresher=uas", None, 60),
            ("Session-Expires: 4;refresher=uac", 5, 60),
            ("Session-Expires: x;refresher=uac", None, None),
            ("Session-Expires: 0;refresher=uac", None, None),
            ("", None, None),
        ):
            agent, session, invite = calling(extra + "\n" + ALLOW)
            out = run_until(agent, 10**7)
            updates = [t for t, m in out if m.method == "UPDATE"]
            self.assertEqual(updates[:1], [refresh * 1000] if refresh else [])
            if refresh is None and end is not None:
                self.assertEqual((out[0][0], out[0][1].method), (end * 1000, "BYE"))
                self.assertEqual(out[0][1].get("reason"), 'SIP;cause=408;text="session expired"')
                ended = events(agent)[0]
                self.assertEqual((ended.reason, ended.message), ("session expired", None))
            elif end is None:
                self.assertEqual((out, kinds(agent)), ([], []))

    def test_early_update(self):
        # it asks for what our INVITE asks for, lest it takes that back
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        extra = "Require: 100rel\nRSeq: 1\n" + ALLOW
        give(agent, reply(sent(agent)[0], 183, "t1", extra, b"answer"), 0)
        sent(agent)
        session.update(1, b"offer 2")
        self.assertEqual(sent(agent)[0].get("session-expires"), "1800")

    def test_off(self):
        agent, session, invite = calling("Session-Expires: 90;refresher=uac", session_expires_s=0)
        self.assertEqual(run_until(agent, 10**6), [])
        self.assertEqual(session.state, "Confirmed")

    def test_refresh(self):
        # section 7.4: the interval and the roles stay
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        at, message = run_until(agent, 100000)[0]
        self.assertEqual((at, message.method, message.body), (100000, "UPDATE", b""))
        self.assertEqual(message.get("session-expires"), "200;refresher=uac")
        self.assertEqual(message.count("contact"), 1)
        give(agent, reply(message, 200, "", "Session-Expires: 200;refresher=uac"), 100000)
        self.assertEqual(run_until(agent, 199999), [])
        at, message = run_until(agent, 200000)[0]
        give(agent, reply(message, 200, "", "Session-Expires: 300;refresher=uas"), 200000)
        self.assertEqual(run_until(agent, 200000 + 267999), [])
        self.assertEqual(names([m for t, m in run_until(agent, 200000 + 268000)]), ["BYE"])
        self.assertEqual(kinds(agent), ["CallEnded"])

    def test_turned_off(self):
        # section 7.2: a 2xx without Session-Expires
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        at, message = run_until(agent, 100000)[0]
        give(agent, reply(message, 200, ""), 100000)
        self.assertEqual(run_until(agent, 10**6), [])
        self.assertEqual((session.state, kinds(agent)), ("Confirmed", []))

    def test_refresh_by_reinvite(self):
        # the peer takes no UPDATE: our last description, and no event
        agent, session, invite = calling("Session-Expires: 200;refresher=uac")
        at, message = run_until(agent, 100000)[0]
        self.assertEqual((at, message.method, message.body), (100000, "INVITE", b"offer"))
        self.assertEqual(message.get("session-expires"), "200;refresher=uac")
        give(agent, reply(message, 200, "", "Session-Expires: 200;refresher=uac", b"answer"), at)
        self.assertEqual((names(sent(agent)), kinds(agent)), (["ACK"], []))
        self.assertEqual(names([m for t, m in run_until(agent, 200000)]), ["INVITE"])

    def test_last_description(self):
        # of whatever exchange was the last that was done
        agent, session, invite = calling("Session-Expires: 200;refresher=uac")
        session.reinvite(1, b"offer 2")
        extra = "Session-Expires: 200;refresher=uac"
        give(agent, reply(sent(agent)[0], 200, "", extra, b"answer 2"), 2)
        session.reinvite(3, b"offer 3")
        give(agent, reply(sent(agent)[1], 488, ""), 4)
        at, message = run_until(agent, 101000)[-1]
        self.assertEqual((message.method, message.body), ("INVITE", b"offer 2"))

    def test_refused(self):
        # section 10: status -> ended, or tried again before it ends
        for status, ends in ((481, True), (408, True), (500, False), (403, False), (491, False)):
            for allow in (ALLOW, ""):
                extra = "Session-Expires: 200;refresher=uac\n" + allow
                agent, session, invite = calling(extra)
                at, message = run_until(agent, 100000)[0]
                give(agent, reply(message, status, ""), 100000)
                if ends:
                    self.assertEqual(kinds(agent), ["CallEnded"])
                    continue
                self.assertEqual((kinds(agent), session.state), ([], "Confirmed"))
                sent(agent)
                at, message = run_until(agent, 134000)[0]  # half of what is left until 168 s
                self.assertEqual((at, message.method), (134000, "UPDATE" if allow else "INVITE"))
                answer = reply(message, 200, "", "Session-Expires: 200;refresher=uac", b"answer")
                give(agent, answer, 134000)
                sent(agent)
                self.assertEqual(run_until(agent, 233999), [])

    def test_never_refreshed(self):
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        while session.state == "Confirmed":
            at = agent.get_timer()
            agent.handle_timer(at)
            for message in sent(agent):
                if message.method == "UPDATE":
                    give(agent, reply(message, 500, ""), at)
        self.assertEqual(at, 168000)
        self.assertEqual(kinds(agent), ["CallEnded"])

    def test_silence(self):
        # section 10: a refresh that times out ends the call
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        out = run_until(agent, 132000)
        self.assertEqual((out[-1][0], out[-1][1].method), (132000, "BYE"))
        self.assertEqual(kinds(agent), ["CallEnded"])

    def test_no_update_after_all(self):
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        at, message = run_until(agent, 100000)[0]
        give(agent, reply(message, 501, ""), 100000)
        self.assertEqual([(m.method, m.body) for m in sent(agent)], [("INVITE", b"offer")])

    def test_interval_too_small(self):
        # section 7.3: 422 to INVITE, then to UPDATE; the largest Min-SE counts
        agent = make_agent()
        session = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        invite = sent(agent)[0]
        give(agent, reply(invite, 422, extra="Min-SE: 4000"), 1)
        ack, again = sent(agent)
        self.assertEqual((again.get("session-expires"), again.get("min-se")), ("4000", "4000"))
        self.assertEqual((again.call_id, again.cseq.number, again.from_.tag),
                         (invite.call_id, invite.cseq.number + 1, invite.from_.tag))  # fmt: skip
        self.assertEqual(again.body, b"offer")
        extra = "Session-Expires: 4000;refresher=uac\n" + ALLOW
        give(agent, reply(again, 200, "t1", extra, b"answer"), 2)
        at, message = run_until(agent, 2000002)[-1]
        self.assertEqual((message.get("min-se"), message.get("session-expires")),
                         ("4000", "4000;refresher=uac"))  # fmt: skip
        give(agent, reply(message, 422, "", "Min-SE: 5000"), at)
        message = sent(agent)[0]
        self.assertEqual((message.get("min-se"), message.get("session-expires")),
                         ("5000", "5000;refresher=uac"))  # fmt: skip
        self.assertEqual(session.state, "Confirmed")

    def test_interval_too_small_for_ever(self):
        # one that does not ask for more than we said, or says nothing
        for extra in ("Min-SE: 90", "Min-SE: x", ""):
            agent = make_agent()
            agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
            give(agent, reply(sent(agent)[0], 422, extra=extra), 1)
            self.assertEqual(names(sent(agent)), ["ACK"])
            self.assertEqual(events(agent)[0].status, 422)

    def test_offer_of_the_user_refused_by_422(self):
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        session.update(1, b"offer 2")
        give(agent, reply(sent(agent)[0], 422, "", "Min-SE: 300"), 2)
        message = sent(agent)[0]
        self.assertEqual((message.body, message.get("session-expires")),
                         (b"offer 2", "300;refresher=uac"))  # fmt: skip
        give(agent, reply(message, 200, "", "Session-Expires: 300;refresher=uac", b"a"), 3)
        self.assertEqual(kinds(agent), ["OfferAnswered"])

    def test_offer_of_the_user_refreshes(self):
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        session.update(50000, b"offer 2")
        message = sent(agent)[0]
        self.assertEqual(message.get("session-expires"), "200;refresher=uac")
        give(agent, reply(message, 200, "", "Session-Expires: 200;refresher=uac", b"a"), 50000)
        self.assertEqual(run_until(agent, 149999), [])

    def test_waits_for_an_open_offer(self):
        agent, session, invite = calling("Session-Expires: 200;refresher=uac\n" + ALLOW)
        text = request("INVITE", "z9hG4bKi", invite.from_.tag, 2, body="o2",
                       call_id=invite.call_id, tag="t1")  # fmt: skip
        give(agent, text, 99000)
        self.assertEqual(names([m for t, m in run_until(agent, 101000)]), [100])
        session.reject_offer(101000, 488)
        sent(agent)
        self.assertEqual([t for t, m in run_until(agent, 102000)][-1:], [102000])


class CalleeTest(unittest.TestCase):
    def test_answer(self):
        # section 9, table 2: request's headers -> Session-Expires and Require of the 2xx
        for extra, interval, require in (
            (TIMER + "Session-Expires: 600", "600;refresher=uac", "timer"),
            (TIMER + "Session-Expires: 600;refresher=uac", "600;refresher=uac", "timer"),
            (TIMER + "Session-Expires: 600;refresher=uas", "600;refresher=uas", "timer"),
            (TIMER, "1800;refresher=uas", "timer"),
            (TIMER + "Min-SE: 2000", "2000;refresher=uas", "timer"),
            ("Session-Expires: 600", "600;refresher=uas", None),
            ("x: 600", "600;refresher=uas", None),  # compact form
            ("Session-Expires: 60", "60;refresher=uas", None),
            ("", None, None),
        ):
            if extra and extra[-1] != "\n":
                extra += "\n"
            agent, session, ok = called(extra)
            self.assertEqual((ok.get("session-expires"), ok.get("require")), (interval, require))

    def test_too_small(self):
        # section 9: 422 with our Min-SE, for who knows what that is
        for extra, floor, expected in (
            (TIMER + "Session-Expires: 89\n", 90, "90"),
            (TIMER + "Session-Expires: 90\n", 90, None),
            (TIMER + "Session-Expires: 90\n", 600, "600"),
            ("Session-Expires: 89\n", 90, None),
        ):
            agent = make_agent()
            agent.min_se_s = floor
            give(agent, request("INVITE", extra=extra, body="offer"))
            if expected is None:
                self.assertEqual(kinds(agent), ["CallReceived"])
                continue
            response = sent(agent)[0]
            self.assertEqual((response.status, response.get("min-se")), (422, expected))
            self.assertEqual((kinds(agent), agent.sessions), ([], {}))

    def test_malformed(self):
        for extra in (
            "Session-Expires: soon\n",
            "Min-SE: -1\n",
            "Session-Expires: 90;refresher=x\n",
        ):
            agent = make_agent()
            give(agent, request("INVITE", extra=TIMER + extra, body="offer"))
            self.assertEqual(names(sent(agent)), [400])
            self.assertEqual((kinds(agent), agent.sessions), ([], {}))

    def test_off(self):
        agent = make_agent()
        agent.session_expires_s = 0
        give(agent, request("INVITE", extra="Require: timer\n", body="offer"))
        self.assertEqual(names(sent(agent)), [420])
        extra = TIMER + "Session-Expires: 60\n"
        agent, session, ok = called(extra, session_expires_s=0)
        self.assertEqual((ok.count("session-expires"), ok.count("require")), (0, 0))

    def test_peer_refreshes(self):
        agent, session, ok = called(TIMER + "Session-Expires: 100\n")
        tag = ok.to.tag
        for at, method in ((50000, "UPDATE"), (100000, "INVITE"), (150000, "UPDATE")):
            self.assertEqual(run_until(agent, at), [])
            body = "offer" if method == "INVITE" else ""
            text = request(
                method, "z9hG4bK%d" % at, tag, at, TIMER + "Session-Expires: 100\n", body
            )
            give(agent, text, at)
            if body:
                session.accept_offer(at, b"answer")
            response = sent(agent)[0]
            self.assertEqual((response.status, response.get("session-expires")),
                             (200, "100;refresher=uac"))  # fmt: skip
            if body:
                give(agent, request("ACK", "z9hG4bKa", tag, at), at)
        out = run_until(agent, 218000)
        self.assertEqual([(t, m.method) for t, m in out], [(150000 + 68000, "BYE")])
        self.assertEqual(events(agent)[-1].reason, "session expired")

    def test_we_refresh(self):
        agent, session, ok = called(TIMER + ALLOW + "Session-Expires: 100;refresher=uas\n")
        at, message = run_until(agent, 50000)[0]
        self.assertEqual((at, message.method), (50000, "UPDATE"))
        self.assertEqual(message.get("session-expires"), "100;refresher=uac")
        self.assertTrue("timer" in message.tokens("supported"))

    def test_roles_stay_when_the_peer_says_nothing(self):
        # an UPDATE for another purpose, without Session-Expires
        agent, session, ok = called(TIMER + ALLOW + "Session-Expires: 100;refresher=uas\n")
        give(agent, request("UPDATE", "z9hG4bKu", ok.to.tag, 2, TIMER), 10000)
        response = sent(agent)[0]
        self.assertEqual(response.get("session-expires"), "100;refresher=uas")
        self.assertEqual([t for t, m in run_until(agent, 60000)], [60000])

    def test_too_small_in_the_call(self):
        agent, session, ok = called(TIMER + "Session-Expires: 100\n")
        for method in ("UPDATE", "INVITE"):
            text = request(method, "z9hG4bK" + method, ok.to.tag, 2 if method == "UPDATE" else 3,
                           TIMER + "Session-Expires: 80\n")  # fmt: skip
            give(agent, text, 10)
            response = sent(agent)[0]
            self.assertEqual((response.status, response.get("min-se")), (422, "90"))
        self.assertEqual((kinds(agent), session.state), ([], "Confirmed"))

    def test_tag_in_all_requests(self):
        # section 7.1: Supported: timer in each but ACK
        agent, session, ok = called(TIMER)
        session.bye(5)
        self.assertTrue("timer" in sent(agent)[0].tokens("supported"))


class PairTest(unittest.TestCase):
    def test_hours(self):
        pair = Pair()
        mine, theirs = pair.call()
        pair.run(4 * 3600 * 1000)
        self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))
        log = [name for _, name in pair.log]
        self.assertEqual(log, ["UPDATE", 200] * 16)
        self.assertEqual(kinds(pair.a) + kinds(pair.b), [])

    def test_cut(self):
        # the wire is gone: both ends notice by themselves, without a word of the other
        pair = Pair()
        mine, theirs = pair.call()
        pair.lose = lambda sender, message: True
        pair.run(1800 * 1000)
        self.assertEqual((kinds(pair.a), kinds(pair.b)), (["CallEnded"], ["CallEnded"]))
        pair.run(2000 * 1000)
        for agent in (pair.a, pair.b):
            self.assertEqual((len(agent.sessions), len(agent.layer.timers)), (0, 0))

    def test_two_minima(self):
        pair = Pair()
        pair.b.min_se_s = 3000
        mine, theirs = pair.call()
        pair.run(1501 * 1000)
        self.assertEqual([name for _, name in pair.log], ["UPDATE", 200])
