# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/subscriber.py: our subscriptions against a notifier written by hand (RFC 6665 4.1)."""

import unittest

from host_tests.unit.sip.helpers import (
    PEER,
    A,
    B,
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
from vox6.sip.message import Request, Response
from vox6.sip.registration import Account
from vox6.sip.subscription import SubscriptionState, parse_event
from vox6.wire import FormatError, LocalProtocolError

try:
    PROVIDER = crypto.provider()
except ImportError:
    PROVIDER = None
NO_CRYPTO = "this interpreter has neither _crypto nor hashlib"
URI = "sip:bob@[2001:db8::b]"
STRANGER = (B[:15] + b"\x99", 5060)
SUMMARY = "application/simple-message-summary"


class ValueTest(unittest.TestCase):
    def test_subscription_state(self):
        for text, wanted in (
            ("active;expires=60", ("active", "", 60, None)),
            ("Active", ("active", "", None, None)),
            ("pending ; expires = 600000000", ("pending", "", 604800, None)),
            ("terminated;reason=Timeout;retry-after=5", ("terminated", "timeout", None, 5)),
            ("terminated;reason=reason=noresource", ("terminated", "noresource", None, None)),
            ("waiting;x=y", ("waiting", "", None, None)),
        ):
            value = SubscriptionState.parse(text)
            found = (value.state, value.reason, value.expires, value.retry_after)
            self.assertEqual(found, wanted)
            again = SubscriptionState.parse(str(value))
            self.assertEqual(str(again), str(value))
        for text in ("", ";", "active;expires=x", "active;expires=-1", "a b", "a;retry-after=99x"):
            self.assertRaises(FormatError, SubscriptionState.parse, text)

    def test_event(self):
        for text, wanted in (
            (None, ("", None)),
            ("refer", ("refer", None)),
            ("refer;id=93809823", ("refer", "93809823")),
            ("Dialog ; call-id=x ; id=7", ("dialog", "7")),
        ):
            message = Request("NOTIFY", "sip:a@b")
            if text:
                message.add("Event", text)
            self.assertEqual(parse_event(message), wanted)


class SubscriberTest(unittest.TestCase):
    def setUp(self, package="message-summary", expires=3600, **options):
        self.agent = make_agent(**options)
        self.one = self.agent.subscribe(URI, package, PEER, 0, expires)
        self.first = sent(self.agent)[0]
        self.sequence = 0
        self.mark = ""
        self.now = 0

    def _answer(self, status=200, extra="Expires: 3600", of=None):
        give(self.agent, reply(of or self.first, status, "n1", extra), self.now)

    def _notify(self, state, body="", tag="n1", event=None, extra="", first=None):
        self.sequence += 1
        first = first or self.first
        lines = "Event: %s\n" % (event or self.one.package)
        if state:
            lines += "Subscription-State: %s\n" % state
        if body and not extra:
            extra = "Content-Type: %s\n" % (self.one.accept[0])
        give(
            self.agent,
            request("NOTIFY", "z9hG4bKn%d%s%s" % (self.sequence, tag, self.mark), first.from_.tag,
                self.sequence, lines + extra, body, first.call_id, tag),
            self.now,
        )  # fmt: skip
        return names(sent(self.agent))

    def _told(self):
        return [
            (type(e).__name__, getattr(e, "reason", None), getattr(e, "retry_ms", None))
            for e in events(self.agent)
        ]

    def _idle(self):
        return (self.agent.subscriptions, len(self.agent.layer.timers)) == ([], 0)

    def test_request(self):
        first = self.first
        first.check()
        self.assertEqual((first.method, first.uri_text), ("SUBSCRIBE", URI))
        self.assertEqual(first.get("event"), "message-summary")
        self.assertEqual((first.get("expires"), first.get("accept")), ("3600", SUMMARY))
        self.assertTrue("NOTIFY" in first.tokens("allow") or "NOTIFY" in first.values("allow"))
        self.assertIsNotNone(first.contact())

    def test_state_comes(self):
        self._answer()
        self.assertEqual(kinds(self.agent), [])  # not before the first NOTIFY
        self.assertEqual(self.one.state, "NotifyWait")
        self.assertEqual(self._notify("active;expires=3600", "Messages-Waiting: yes"), [200])
        subscribed, received = events(self.agent)
        self.assertTrue(subscribed.subscription is received.subscription is self.one)
        self.assertEqual(received.package, "message-summary")
        self.assertEqual(received.content_type, SUMMARY)
        self.assertEqual(received.body, b"Messages-Waiting: yes")
        self.assertEqual(self.one.state, "Active")
        self._notify("active;expires=3500", "Messages-Waiting: no")
        self.assertEqual(kinds(self.agent), ["NotifyReceived"])

    def test_notify_before_the_response(self):
        self.assertEqual(self._notify("active;expires=60", "Messages-Waiting: no"), [200])
        self.assertEqual(kinds(self.agent), ["Subscribed", "NotifyReceived"])
        self._answer()
        self.assertEqual((kinds(self.agent), self.one.state), ([], "Active"))

    def test_pending_then_active(self):
        self._answer(202)
        self._notify("pending;expires=60")
        self.assertEqual((kinds(self.agent), self.one.state), (["Subscribed"], "Pending"))
        self._notify("active;expires=60")
        self.assertEqual((kinds(self.agent), self.one.state), (["Subscribed"], "Active"))

    def test_refresh(self):
        self._answer(200, "Expires: 600")
        self._notify("active;expires=600")
        events(self.agent)
        out = run_until(self.agent, 600000)
        when, refresh = out[0]
        self.assertEqual((when, refresh.method), (540000, "SUBSCRIBE"))  # a tenth in hand
        self.assertEqual((refresh.call_id, refresh.to.tag), (self.first.call_id, "n1"))
        self.assertEqual(refresh.from_.tag, self.first.from_.tag)
        self.assertEqual(refresh.cseq.number, self.first.cseq.number + 1)
        self.assertEqual(refresh.uri_text, "sip:bob@[2001:db8::b]")
        self.assertEqual(refresh.get("event"), "message-summary")

    def test_refreshed(self):
        self._answer(200, "Expires: 600")
        self._notify("active;expires=600")
        events(self.agent)
        refresh = run_until(self.agent, 540000)[0][1]
        self.now = 540100
        self._answer(200, "Expires: 600", refresh)
        self._notify("active;expires=600")
        self.assertEqual(self._told(), [])
        out = run_until(self.agent, 1140200, 540100)
        self.assertEqual(out[0][0], 540100 + 540000)

    def test_route_set_is_that_of_the_notify(self):
        # RFC 6665 section 4.4.1
        self._answer(200, "Record-Route: <sip:other@[2001:db8::1];lr>")
        routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\nContact: <sip:x@[2001:db8::c]>\n"
        text = routes.replace("\nContact: <sip:x@[2001:db8::c]>", "")
        self._notify("active;expires=600", extra=text)
        refresh = run_until(self.agent, 540000)[0][1]
        self.assertEqual(refresh.values("route"), ["<sip:p1;lr>", "<sip:p2;lr>"])

    def test_timer_n(self):
        self._answer()
        out = run_until(self.agent, 33000)
        self.assertEqual(out, [])
        self.assertEqual(self._told(), [("SubscriptionEnded", "no NOTIFY", 30000)])
        self.assertEqual(self._notify("active;expires=60"), [481])  # section 4.1.2.4
        again = run_until(self.agent, 63000)[0]
        self.assertEqual((again[0], again[1].method), (62000, "SUBSCRIBE"))
        self.assertTrue(again[1].call_id != self.first.call_id)  # section 4.1.2.2
        self.assertIsNone(again[1].to.tag)

    def test_refused(self):
        for status, extra, retry in (
            (403, "", None),
            (404, "", None),
            (405, "", None),
            (489, "Allow-Events: dialog", None),
            (501, "", None),
            (603, "", None),
            (480, "", 30000),
            (500, "", 30000),
            (503, "Retry-After: 120", 120000),
            (486, "Retry-After: 7", 7000),
        ):
            self.setUp()
            self._answer(status, extra)
            told = self._told()
            self.assertEqual((told[0][0], told[0][2]), ("SubscriptionEnded", retry))
            self.assertEqual(len(told), 1)
            if retry is None:
                self.agent.handle_timer(64000)
                self.assertTrue(self._idle())
            else:
                again = run_until(self.agent, retry)
                self.assertEqual(again[-1][1].method, "SUBSCRIBE")

    def test_retries_slow_down(self):
        delays = []
        for _ in range(7):
            self._answer(500, "")
            delays.append(self._told()[0][2])
            self.now += delays[-1]
            self.first = run_until(self.agent, self.now)[-1][1]
        self.assertEqual(delays, [30000, 60000, 120000, 240000, 480000, 600000, 600000])

    def test_interval_too_brief(self):
        self.setUp(expires=60)
        self._answer(423, "Min-Expires: 1800")
        again = sent(self.agent)[0]
        self.assertEqual(again.get("expires"), "1800")
        self.assertEqual(self._told(), [])
        # one who wants ever more is left
        self.first = again
        self._answer(423, "Min-Expires: 3600")
        self.first = sent(self.agent)[0]
        self._answer(423, "Min-Expires: 7200")
        self.assertEqual(self._told()[0][0], "SubscriptionEnded")

    def test_refresh_refused_for_good(self):
        # the codes of section 4.1.2.2 end it, and a new one begins elsewhere
        for status in (404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604):
            self.setUp()
            self._answer(200, "Expires: 600")
            self._notify("active;expires=600")
            refresh = run_until(self.agent, 540000)[0][1]
            self.now = 540100
            events(self.agent)
            self._answer(status, "", refresh)
            told = self._told()
            self.assertEqual((told[0][0], status), ("SubscriptionEnded", status))
            again = run_until(self.agent, 580000, 540100)[0][1]
            self.assertEqual((again.method, again.to.tag), ("SUBSCRIBE", None))

    def test_refresh_refused_for_now(self):
        # any other code leaves it as it was until it expires
        for status in (403, 500, 503, 400):
            self.setUp()
            self._answer(200, "Expires: 600")
            self._notify("active;expires=600")
            refresh = run_until(self.agent, 540000)[0][1]
            self.now = 540100
            events(self.agent)
            self._answer(status, "", refresh)
            self.assertEqual((self._told(), self.one.state), ([], "Active"))
            again = run_until(self.agent, 580000, 540100)[0]
            self.assertEqual((again[0], again[1].to.tag), (540100 + 29950, "n1"))
            run_until(self.agent, 600000, 580000)
            told = self._told()
            self.assertEqual([t[0] for t in told], ["SubscriptionEnded"])

    def test_refresh_without_notify(self):
        self._answer(200, "Expires: 600")
        self._notify("active;expires=600")
        refresh = run_until(self.agent, 540000)[0][1]
        self.now = 540100
        self._answer(200, "Expires: 600", refresh)
        events(self.agent)
        run_until(self.agent, 540000 + 32000, 540100)
        self.assertEqual(self._told(), [("SubscriptionEnded", "no NOTIFY", 30000)])

    def test_no_notify_promised(self):
        # 204, RFC 5839: Timer N does not run
        self._answer(200, "Expires: 600")
        self._notify("active;expires=600")
        refresh = run_until(self.agent, 540000)[0][1]
        self.now = 540100
        self._answer(204, "Expires: 600", refresh)
        events(self.agent)
        run_until(self.agent, 540000 + 40000, 540100)
        self.assertEqual(self._told(), [])

    def test_terminated(self):
        # the table of section 4.1.3: reason, retry-after, how long after it began, what we do
        for reason, after, at, wanted in (
            ("deactivated", None, 100000, 0),
            ("deactivated", 60, 100000, 0),  # has no semantics
            ("deactivated", None, 1000, 30000),  # again and again is no reason to hurry
            ("timeout", None, 100000, 0),
            ("probation", None, 100000, 30000),
            ("probation", 77, 100000, 77000),
            ("giveup", 5, 100000, 5000),
            ("giveup", None, 100000, 30000),
            ("rejected", None, 100000, None),
            ("rejected", 60, 100000, None),
            ("noresource", 60, 100000, None),
            ("invariant", 31536000, 100000, None),
            ("", None, 100000, 30000),
            ("", 9, 100000, 9000),
            ("whatever", None, 100000, 30000),
        ):
            self.setUp()
            self._answer()
            self._notify("active;expires=3600")
            events(self.agent)
            self.now = at
            text = "terminated;expires=99"
            if reason:
                text += ";reason=" + reason
            if after is not None:
                text += ";retry-after=%d" % after
            self.assertEqual(self._notify(text, "Messages-Waiting: no"), [200])
            told = self._told()
            self.assertEqual([t[0] for t in told], ["NotifyReceived", "SubscriptionEnded"])
            self.assertEqual((told[1][1:], text), ((reason, wanted), text))
            self.assertEqual(self._notify("active;expires=3600"), [481])
            if wanted is None:
                run_until(self.agent, at + 64000, at)
                self.assertTrue(self._idle())
            else:
                again = run_until(self.agent, at + wanted, at)[-1][1]
                self.assertEqual((again.method, again.to.tag), ("SUBSCRIBE", None))

    def test_unsubscribe(self):
        self._answer()
        self._notify("active;expires=3600")
        events(self.agent)
        self.one.unsubscribe(100)
        last = sent(self.agent)[0]
        self.assertEqual((last.get("expires"), last.to.tag), ("0", "n1"))
        self.now = 200
        self._answer(200, "Expires: 0", last)
        self.assertEqual(self._told(), [])
        self._notify("terminated;reason=timeout", "Messages-Waiting: no")
        self.assertEqual([t[0] for t in self._told()], ["NotifyReceived", "SubscriptionEnded"])
        run_until(self.agent, 70000, 200)
        self.assertTrue(self._idle())

    def test_unsubscribe_without_answer(self):
        for status in (None, 481, 500):
            self.setUp()
            self._answer()
            self._notify("active;expires=3600")
            events(self.agent)
            self.one.unsubscribe(100)
            last = sent(self.agent)[0]
            self.now = 200
            if status is not None:
                self._answer(status, "", last)
            run_until(self.agent, 70000, 200)
            self.assertEqual(self._told(), [("SubscriptionEnded", "unsubscribed", None)])
            self.assertTrue(self._idle())

    def test_unsubscribe_at_once(self):
        self.one.unsubscribe(0)
        self.assertEqual(self._told(), [("SubscriptionEnded", "unsubscribed", None)])
        self._answer()
        self.assertEqual(self._notify("active;expires=3600"), [481])
        self.assertEqual(self._told(), [])

    def test_unsubscribe_while_it_waits_to_try_again(self):
        self._answer(500, "")
        self.one.unsubscribe(10)
        run_until(self.agent, 100000)
        self.assertTrue(self._idle())

    def test_whole_state_asked_for(self):
        self.assertRaises(LocalProtocolError, self.one.refresh, 0)
        self._answer()
        self._notify("active;expires=3600")
        self.one.refresh(5000)
        again = sent(self.agent)[0]
        self.assertEqual((again.method, again.to.tag, again.get("expires")),
            ("SUBSCRIBE", "n1", "3600"))  # fmt: skip

    def test_forked(self):
        # section 4.4.1: each notifier makes a subscription of its own
        self.setUp("dialog")
        self._answer()
        self._notify("active;expires=3600", "<x/>", "n1")
        self._notify("active;expires=3600", "<y/>", "n2")
        told = events(self.agent)
        self.assertEqual(
            [type(e).__name__ for e in told],
            ["Subscribed", "NotifyReceived", "Subscribed", "NotifyReceived"],
        )
        self.assertTrue(told[2].subscription is not self.one)
        self.assertEqual(len(self.agent.subscriptions), 2)
        for i in range(3, 20):  # bounded
            self._notify("active;expires=3600", "", "n%d" % i)
        self.assertEqual(len(self.agent.subscriptions), 4)
        self.now = 33000
        self.agent.handle_timer(33000)
        self.assertEqual(self._notify("active;expires=3600", "", "n99"), [481])  # Timer N is over
        out = [m for when, m in run_until(self.agent, 3240000, 33000) if m.method == "SUBSCRIBE"]
        self.assertEqual(sorted({m.to.tag for m in out}), ["n1", "n2", "n3", "n4"])

    def test_notify_without_contact(self):
        # not by the book, but liblinphone's; the 2xx says where the notifier is
        for contact, wanted in (
            ("Contact: <sip:n@[2001:db8::d]>", "sip:n@[2001:db8::d]"),
            ("", URI),
        ):
            self.setUp()
            self._answer(200, "Expires: 600\n" + contact)
            lines = "Event: message-summary\nSubscription-State: active;expires=600\n"
            text = request(
                "NOTIFY", "z9hG4bKn", self.first.from_.tag, 1, lines, "", self.first.call_id, "n1"
            )
            give(self.agent, text.replace("Contact", "X-Contact"))
            self.assertEqual(names(sent(self.agent)), [200])
            refresh = run_until(self.agent, 540000)[0][1]
            self.assertEqual(refresh.uri_text, wanted)

    def test_fork_that_is_no_good(self):
        # a malformed NOTIFY of a further notifier leaves nothing behind
        self.setUp("dialog")
        self._answer()
        self._notify("active;expires=3600", "<x/>", "n1")
        for i in range(30):
            self.assertEqual(self._notify("", "<y/>", "m%d" % i), [400])
            text = "Content-Type: text/html\n"
            self.assertEqual(self._notify("active", "<y/>", "h%d" % i, extra=text), [415])
            routes = "Record-Route: nonsense\n"
            self.assertEqual(self._notify("active", "", "r%d" % i, extra=routes), [400])
        self.assertEqual(self.agent.subscriptions, [self.one])

    def test_forks_do_not_multiply(self):
        # a fork that ends does not subscribe anew: that would reach all of them once more
        self.setUp("dialog")
        self._answer()
        for tag in ("n1", "n2", "n3"):
            self._notify("active;expires=3600", "", tag)
        events(self.agent)
        for tag in ("n2", "n3"):
            self._notify("terminated;reason=deactivated", "", tag)
        self.assertEqual(self._told(), [("SubscriptionEnded", "deactivated", None)] * 2)
        self.assertEqual(self.agent.subscriptions, [self.one])

    def test_unknown_state(self):
        # RFC 6665 section 8.2.3 allows more words than three
        self._answer()
        self.assertEqual(self._notify("waiting;expires=600"), [200])
        self.assertEqual((kinds(self.agent), self.one.state), (["Subscribed"], "Active"))
        self.assertEqual(run_until(self.agent, 540000)[0][0], 540000)

    @unittest.skipUnless(PROVIDER is not None, NO_CRYPTO)
    def test_authentication(self):
        account = Account("sip:a@b", "a", "secret")
        self.agent = make_agent(crypto=PROVIDER)
        self.one = self.agent.subscribe(URI, "message-summary", PEER, 0, 600, account)
        self.first = sent(self.agent)[0]
        challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'
        self._answer(401, challenge)
        again = [m for m in sent(self.agent) if not isinstance(m, Response)][0]
        self.assertEqual(again.cseq.number, self.first.cseq.number + 1)
        self.assertEqual(again.call_id, self.first.call_id)
        self.assertTrue(again.get("authorization").startswith("Digest "))
        self.first = again
        self._answer(200, "Expires: 600")
        self._notify("active;expires=600")
        refresh = run_until(self.agent, 540000)[0][1]
        self.assertEqual(refresh.cseq.number, again.cseq.number + 1)

    def test_new_address(self):
        self._answer()
        self._notify("active;expires=3600")
        self.agent.set_local(A[:15] + b"\x77", 5060, 1000)
        refresh = sent(self.agent)[0]
        self.assertEqual((refresh.method, refresh.to.tag), ("SUBSCRIBE", "n1"))
        self.assertTrue("2001:db8::77" in refresh.get("contact"))

    def test_bounded(self):
        for _ in range(15):
            self.agent.subscribe(URI, "dialog", PEER, 0)
        self.assertRaises(LocalProtocolError, self.agent.subscribe, URI, "dialog", PEER, 0)
        self.assertEqual(len(self.agent.subscriptions), 16)

    def test_commands(self):
        for uri, package in (("tel:+1", "dialog"), ("sip:", "dialog"), (URI, "unheard-of")):
            self.assertRaises(LocalProtocolError, self.agent.subscribe, uri, package, PEER, 0)
        self.assertEqual(len(self.agent.subscriptions), 1)

    def test_bad_notify(self):
        self._answer()
        self._notify("active;expires=3600")
        events(self.agent)
        for state, body, extra, status in (
            ("", "", "", 400),
            ("active;expires=x", "", "", 400),
            ("active", "x", "Content-Type: text/html\n", 415),
            ("active", "x", "Content-Type: %s\nContent-Encoding: gzip\n" % SUMMARY, 415),
        ):
            self.assertEqual(self._notify(state, body, extra=extra), [status])
        self.sequence = 0
        self.mark = "again"
        self.assertEqual(self._notify("active;expires=5"), [500])
        self.assertEqual((self._told(), self.one.state), ([], "Active"))

    # -- attacks

    def test_notify_from_stranger(self):
        self._answer()
        self._notify("active;expires=3600")
        events(self.agent)
        self.now = 40000
        self.agent.handle_timer(self.now)
        sent(self.agent)
        good = (self.first.call_id, self.first.from_.tag, "n1", "message-summary")
        for call_id, to_tag, from_tag, package, status in (
            ("guess", good[1], good[2], good[3], 481),
            (good[0], "guess", good[2], good[3], 481),
            (good[0], "", good[2], good[3], 481),
            (good[0], good[1], "guess", good[3], 481),
            (good[0], good[1], good[2], "dialog", 481),
            (good[0], good[1], good[2], "presence", 489),
        ):
            self.sequence += 1
            lines = "Event: %s\nSubscription-State: terminated\n" % package
            text = request(
                "NOTIFY",
                "z9hG4bKs%d" % self.sequence,
                to_tag,
                90 + self.sequence,
                lines,
                "",
                call_id,
                from_tag,
            )
            give(self.agent, text, self.now, STRANGER)
            self.assertEqual(names(sent(self.agent)), [status])
        self.assertEqual((self._told(), self.one.state), ([], "Active"))

    def test_unsolicited_notify(self):
        # taken when a setting allows it, and from where we are registered
        agent = make_agent()

        def knock(number, peer, package="message-summary"):
            lines = "Event: %s\nSubscription-State: active\nContent-Type: %s\n"
            text = request(
                "NOTIFY", "z9hG4bKu%d" % number, "", 1, lines % (package, SUMMARY),
                "Messages-Waiting: yes", "u%d" % number,
            )  # fmt: skip
            give(agent, text, 0, peer)
            return names(sent(agent))

        self.assertEqual(knock(1, PEER), [481])
        agent.unsolicited = ["message-summary"]
        self.assertEqual(knock(2, PEER), [481])
        agent.register(Account("sip:a@b", peer=PEER), 0)
        sent(agent)
        self.assertEqual(knock(3, STRANGER), [481])
        self.assertEqual(knock(4, PEER, "dialog"), [481])
        self.assertEqual(kinds(agent), [])
        self.assertEqual(knock(5, PEER), [200])
        event = events(agent)[0]
        self.assertEqual((event.subscription, event.package), (None, "message-summary"))
        self.assertEqual(event.body, b"Messages-Waiting: yes")


if __name__ == "__main__":
    unittest.main()
