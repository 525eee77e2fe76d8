# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/notifier.py: peers that subscribe to us (RFC 6665 section 4.2)."""

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

XML = "application/dialog-info+xml"


class NotifierTest(unittest.TestCase):
    def setUp(self):
        self.agent = make_agent()
        self.agent.packages = ["dialog"]
        self.sequence = 0
        self.mark = ""
        self.tag = ""

    def _subscribe(self, extra="Event: dialog\n", call_id="c1", now=0, tag=None):
        self.sequence += 1
        to_tag = self.tag if tag is None else tag
        branch = "z9hG4bKs%d%s" % (self.sequence, self.mark)
        text = request("SUBSCRIBE", branch, to_tag, self.sequence, extra, "", call_id)
        give(self.agent, text, now)
        return sent(self.agent)

    def _accepted(self, extra="Event: dialog\n", body=b"<a/>"):
        self.assertEqual(self._subscribe(extra), [])
        one = events(self.agent)[0].subscription
        one.accept(0, XML, body)
        ok, notify = sent(self.agent)
        self.tag = ok.to.tag
        return one, ok, notify

    def _told(self):
        return [(type(e).__name__, getattr(e, "reason", None)) for e in events(self.agent)]

    def test_refused(self):
        for extra, status, header in (
            ("", 489, ("allow-events", "dialog")),
            ("Event: presence\n", 489, ("allow-events", "dialog")),
            ("Event: refer\n", 403, None),
            ("Event: dialog\nExpires: 59\n", 423, ("min-expires", "60")),
            ("Event: dialog\nExpires: 1\n", 423, ("min-expires", "60")),
            ("Event: dialog\nExpires: soon\n", 400, None),
            ("Event: dialog\nAccept: text/html\n", 406, None),
            ("Event: ;id\n", 400, None),
            ("Event: dialog\nRequire: x\n", 420, None),
        ):
            self.setUp()
            answers = self._subscribe(extra)
            self.assertEqual((names(answers), extra), ([status], extra))
            if header:
                self.assertEqual(answers[0].get(header[0]), header[1])
            self.assertEqual((kinds(self.agent), self.agent.subscriptions), ([], []))

    def test_accept_types(self):
        for accept in (XML, "*/*", "application/*", "text/html, " + XML + ";q=0.5"):
            self.setUp()
            self.assertEqual(self._subscribe("Event: dialog\nAccept: %s\n" % accept), [])
            self.assertEqual(kinds(self.agent), ["SubscribeReceived"])

    def test_accepted(self):
        one, ok, notify = self._accepted("Event: dialog;id=7\nRecord-Route: <sip:p;lr>\n")
        self.assertEqual((one.from_uri, one.state), ("sip:bob@[2001:db8::b]", "Active"))
        self.assertEqual((ok.status, ok.get("expires")), (200, "3600"))
        self.assertEqual(ok.get("record-route"), "<sip:p;lr>")
        self.assertIsNotNone(ok.contact())
        notify.check()
        self.assertEqual(notify.get("event"), "dialog;id=7")
        self.assertEqual(notify.get("subscription-state"), "active;expires=3600")
        self.assertEqual((notify.content_type(), notify.body), (XML, b"<a/>"))
        self.assertEqual((notify.from_.tag, notify.to.tag), (self.tag, "f1"))
        self.assertEqual(notify.get("route"), "<sip:p;lr>")
        # changes: one NOTIFY at a time, not more than one a second, the last state counts
        one.notify(10, XML, b"<b/>")
        one.notify(20, XML, b"<c/>")
        self.assertEqual(sent(self.agent), [])
        give(self.agent, reply(notify, 200), 30)
        self.assertEqual(sent(self.agent), [])
        when, more = run_until(self.agent, 1400)[0]
        self.assertEqual((when, more.body), (1000, b"<c/>"))
        self.assertEqual(more.cseq.number, notify.cseq.number + 1)
        one.notify(5000, XML, b"<d/>")
        self.assertEqual(sent(self.agent), [])  # the other one is still out
        give(self.agent, reply(more, 200), 6000)
        self.assertEqual([m.body for m in sent(self.agent)], [b"<d/>"])

    def test_expires_is_never_lengthened(self):
        for asked, granted in ((600, 600), (3600, 3600), (99999, 3600)):
            self.setUp()
            one, ok, notify = self._accepted("Event: dialog\nExpires: %d\n" % asked)
            self.assertEqual(ok.get("expires"), "%d" % granted)
            self.assertEqual(notify.get("subscription-state"), "active;expires=%d" % granted)

    def test_poll(self):
        # section 4.4.3: Expires 0 is one NOTIFY
        one, ok, notify = self._accepted("Event: dialog\nExpires: 0\n")
        self.assertEqual(ok.get("expires"), "0")
        self.assertEqual(notify.get("subscription-state"), "terminated;reason=timeout")
        self.assertEqual(notify.body, b"<a/>")
        give(self.agent, reply(notify, 200))
        self.assertEqual((self.agent.subscriptions, self._told()), ([], []))
        self.assertRaises(LocalProtocolError, one.notify, 0, XML, b"<b/>")

    def test_refresh(self):
        one, ok, notify = self._accepted("Event: dialog\nExpires: 600\n")
        give(self.agent, reply(notify, 200))
        ok, notify = self._subscribe("Event: dialog\nExpires: 300\n", now=100000)
        self.assertEqual((ok.status, ok.get("expires"), ok.to.tag), (200, "300", self.tag))
        self.assertEqual(notify.get("subscription-state"), "active;expires=300")
        self.assertEqual(notify.body, b"<a/>")  # the whole state again
        give(self.agent, reply(notify, 200), 100000)
        ok, notify = self._subscribe("Event: dialog\nExpires: 300\n", now=100001)  # at once
        give(self.agent, reply(notify, 200), 100001)
        self.assertEqual(self._told(), [])
        self.assertEqual(names(self._subscribe("Event: dialog\nExpires: 5\n", now=100000)), [423])
        self.assertEqual(names(self._subscribe("Event: dialog;id=9\n", now=100000)), [481])
        self.sequence = 0
        self.mark = "again"
        self.assertEqual(names(self._subscribe(now=100001)), [500])

    def test_expires(self):
        one, ok, notify = self._accepted("Event: dialog\nExpires: 60\n")
        give(self.agent, reply(notify, 200))
        when, last = run_until(self.agent, 60000)[-1]
        self.assertEqual(when, 60000)
        self.assertEqual(last.get("subscription-state"), "terminated;reason=timeout")
        self.assertEqual(self._told(), [("SubscriptionEnded", "timeout")])
        give(self.agent, reply(last, 200), 60010)
        self.assertEqual(self.agent.subscriptions, [])
        self.assertEqual(names(self._subscribe(now=61000)), [481])

    def test_unsubscribed(self):
        one, ok, notify = self._accepted()
        give(self.agent, reply(notify, 200))
        ok, last = self._subscribe("Event: dialog\nExpires: 0\n")
        self.assertEqual((ok.status, ok.get("expires")), (200, "0"))
        self.assertEqual(last.get("subscription-state"), "terminated;reason=timeout")
        self.assertEqual(self._told(), [("SubscriptionEnded", "timeout")])
        give(self.agent, reply(last, 200))
        self.assertEqual(self.agent.subscriptions, [])

    def test_user_ends(self):
        one, ok, notify = self._accepted()
        one.end(0, "probation", 30)
        give(self.agent, reply(notify, 200))
        last = sent(self.agent)[0]
        self.assertEqual(
            last.get("subscription-state"), "terminated;reason=probation;retry-after=30"
        )
        give(self.agent, reply(last, 200))
        self.assertEqual((self.agent.subscriptions, self._told()), ([], []))

    def test_user_refuses(self):
        self._subscribe()
        one = events(self.agent)[0].subscription
        one.reject(0, 603)
        self.assertEqual(names(sent(self.agent)), [603])
        self.assertEqual(self.agent.subscriptions, [])
        self.assertRaises(LocalProtocolError, one.accept, 0)

    def test_user_thinks(self):
        # section 4.2.1.1: nobody waits for people; and nothing is told before they said yes
        self._subscribe()
        one = events(self.agent)[0].subscription
        out = [m for when, m in run_until(self.agent, 4000)]
        self.assertEqual(names(out), [200, "NOTIFY"])
        self.tag = out[0].to.tag
        self.assertEqual(out[1].get("subscription-state"), "pending;expires=3600")
        self.assertEqual((out[1].body, one.state), (b"", "Pending"))
        give(self.agent, reply(out[1], 200), 4000)
        self.assertRaises(LocalProtocolError, one.notify, 4000, XML, b"<x/>")
        one.accept(5000, XML, b"<a/>")
        more = sent(self.agent)
        self.assertEqual(more[0].get("subscription-state"), "active;expires=3599")
        self.assertEqual(more[0].body, b"<a/>")

    def test_user_thinks_and_refuses(self):
        self._subscribe()
        one = events(self.agent)[0].subscription
        out = [m for when, m in run_until(self.agent, 4000)]
        give(self.agent, reply(out[1], 200), 4000)
        one.reject(5000)
        last = sent(self.agent)[0]
        self.assertEqual(last.get("subscription-state"), "terminated;reason=rejected")
        give(self.agent, reply(last, 200), 5000)
        self.assertEqual(self.agent.subscriptions, [])

    def test_notify_fails(self):
        for status in (404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604):
            self.setUp()
            one, ok, notify = self._accepted()
            give(self.agent, reply(notify, status))
            self.assertEqual([t[0] for t in self._told()], ["SubscriptionEnded"])
            self.assertEqual((self.agent.subscriptions, one.state), ([], "Terminated"))
        for status in (400, 500, 503):  # others end nothing
            self.setUp()
            one, ok, notify = self._accepted()
            give(self.agent, reply(notify, status))
            self.assertEqual((self._told(), one.state), ([], "Active"))

    def test_notify_times_out(self):
        one, ok, notify = self._accepted()
        run_until(self.agent, 40000)
        self.assertEqual(self._told(), [("SubscriptionEnded", "Request Timeout")])
        run_until(self.agent, 70000)
        self.assertEqual((self.agent.subscriptions, len(self.agent.layer.timers)), ([], 0))

    def test_no_sharing(self):
        # section 4.5.2: no new subscription within a call
        give(self.agent, request("INVITE", body="offer", call_id="call"))
        session = events(self.agent)[0].session
        session.accept(0, b"answer")
        self.tag = sent(self.agent)[0].to.tag
        self.sequence = 1
        answer = self._subscribe(call_id="call")[0]
        self.assertEqual(
            (answer.status, answer.reason), (403, "Forbidden (dialog sharing is not supported)")
        )

    def test_cancel_changes_nothing(self):
        # section 4.6
        self._subscribe()
        give(self.agent, request("CANCEL", "z9hG4bKs1", cseq=1))
        self.assertEqual(names(sent(self.agent)), [481])
        events(self.agent)[0].subscription.accept(0)
        self.assertEqual(names(sent(self.agent)), [200, "NOTIFY"])

    def test_allow_events(self):
        give(self.agent, request("OPTIONS", call_id="o"))
        self.assertEqual(sent(self.agent)[0].get("allow-events"), "dialog")

    def test_subscribe_flood(self):
        # each is one question to our user until the places of strangers are full
        statuses = []
        for i in range(100):
            statuses += names(self._subscribe(call_id="f%d" % i, tag=""))
        self.assertEqual(len(self.agent.subscriptions), 8)
        self.assertEqual(set(statuses), {503})
        self.assertEqual(len(kinds(self.agent)), 8)
        # our own subscriptions have their places, and calls come through
        self.agent.subscribe("sip:bob@[2001:db8::b]", "dialog", PEER, 0)
        give(self.agent, request("INVITE", "z9hG4bKcall", call_id="call", body="offer"))
        self.assertEqual(kinds(self.agent), ["CallReceived"])


class PairTest(unittest.TestCase):
    """Both halves of the rules, on a wire that loses."""

    def test_lossy(self):
        for seed in range(20):
            pair = Pair()
            state = [seed * 7919 + 1]

            def lose(sender, message, state=state):
                state[0] = (state[0] * 1103515245 + 12345) & 0x7FFFFFFF
                return (state[0] >> 16) % 10 < 3

            pair.lose = lose
            pair.b.packages = ["dialog"]
            one = pair.a.subscribe("sip:bob@[2001:db8::b]", "dialog", (B, 5060), 0, 600)
            other = None
            seen = []
            for step in range(300):
                pair.run(pair.now + 1000)
                for event in events(pair.b):
                    if type(event).__name__ == "SubscribeReceived":
                        other = event.subscription
                        other.accept(pair.now, XML, b"<start/>")
                for event in events(pair.a):
                    if type(event).__name__ == "NotifyReceived":
                        seen.append(event.body)
                if step == 100 and other is not None and other.state == "Active":
                    other.notify(pair.now, XML, b"<later/>")
                if step == 200:
                    self.assertEqual((seen[0], seen[-1]), (b"<start/>", b"<later/>"))
                    self.assertEqual((one.state, other.state), ("Active", "Active"))
                    one.unsubscribe(pair.now)
            pair.run(pair.now + 1000000)
            for agent in (pair.a, pair.b):
                self.assertEqual(agent.subscriptions, [])
                self.assertEqual(len(agent.layer.timers), 0)


if __name__ == "__main__":
    unittest.main()
