# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip/refer.py: transferor, transferee and target, and peers that mean ill."""

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
from host_tests.unit.sip.network import Network, uri
from vox6.sip.refer import parse_sipfrag, read_refer_to
from vox6.wire import FormatError, LocalProtocolError, RemoteProtocolError


class SipfragTest(unittest.TestCase):
    def test_status_line(self):
        for body, wanted in (
            (b"SIP/2.0 100 Trying", (100, "Trying")),
            (b"SIP/2.0 100 Trying\r\n", (100, "Trying")),
            (b"SIP/2.0 200 OK\r\nContact: <sip:a@b>\r\n\r\n", (200, "OK")),
            (b"SIP/2.0 603 Declined\n", (603, "Declined")),
            (b"SIP/2.0 486 ", (486, "")),
            (b"sip/2.0 486", (486, "")),
        ):
            self.assertEqual(parse_sipfrag(body), wanted)

    def test_invalid(self):
        for body in (
            b"",
            b"SIP/2.0",
            b"SIP/2.0 20",
            b"SIP/2.0 2000 OK",
            b"SIP/2.0 099 x",
            b"SIP/2.0 700 x",
            b"SIP/2.0 abc x",
            b"SIP/3.0 200 OK",
            b"INVITE sip:a SIP/2.0",
            b"SIP/2.0 200 \xff\xfe",
        ):
            self.assertRaises(FormatError, parse_sipfrag, body)


class ReferToTest(unittest.TestCase):
    def test_what_is_honoured(self):
        for text, wanted in (
            ("sip:alice@atlanta.example.com", ("sip:alice@atlanta.example.com", None)),
            ("<sip:a@b;method=INVITE;user=phone>", ("sip:a@b;user=phone", None)),
            (
                "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3B"
                "to-tag%3D12345%3Bfrom-tag%3D5FFE-3994>",
                (
                    "sip:dave@denver.example.org",
                    "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994",
                ),
            ),
            (
                "<sips:t@c?Replaces=1%3Bto-tag%3D9%3Bfrom-tag%3D7&Require=replaces>",
                ("sips:t@c", "1;to-tag=9;from-tag=7"),
            ),
            # RFC 3261 section 19.1.5: nothing of this goes into our INVITE
            (
                "<sip:a@b?From=sip:boss%40c&Via=x&Route=%3Csip:d%3E&Call-ID=1&body=x&Contact=e>",
                ("sip:a@b", None),
            ),
        ):
            self.assertEqual(read_refer_to(text)[:2], wanted)

    def test_refused(self):
        for text, code in (
            ("tel:+15551234", 416),
            ("mailto:a@b", 416),
            ("http://www.ietf.org", 416),
            ("<sip:a@b;method=SUBSCRIBE>", 403),
            ("<sip:a@b;method=REGISTER>", 403),
            ("<sip:a@b;method=BYE>", 403),
            ("<sip:a@b?Replaces=1>", 400),
            ("<sip:a@b?Replaces=1%3Bto-tag%3D9%3Bfrom-tag%3D7&Replaces=x>", 400),
            ("<sip:a@b?Replaces=%ff>", 400),
            ("sip:a@b?Replaces=x", 400),
            ("nonsense", 400),
        ):
            try:
                read_refer_to(text)
                self.fail(text)
            except RemoteProtocolError as error:
                self.assertEqual((error.code, text), (code, text))


class TransferTest(unittest.TestCase):
    """a has called b; a transfers b to c."""

    def setUp(self):
        self.network = Network()
        self.mine, self.theirs = self.network.call("a", "b")

    def _follow(self, referral):
        """Let b call as it is told; return its new session."""
        return self.network.agents["b"].invite(
            referral.refer_to,
            self.network.peers["c"],
            self.network.now,
            b"offer",
            replaces=referral.replaces,
            referred_by=referral.referred_by,
        )

    def _told(self):
        return [
            (type(event).__name__, event.status)
            for event in self.network.events("a")
            if type(event).__name__[:8] == "Transfer"
        ]

    def test_blind(self):
        network = self.network
        self.mine.refer(0, uri("c"))
        network.flow()
        referral = network.event("b", "ReferReceived").referral
        self.assertTrue(referral.session is self.theirs)
        self.assertEqual((referral.refer_to, referral.replaces), (uri("c"), None))
        self.assertEqual(referral.referred_by, "<" + uri("a") + ">")
        referral.accept(0)
        network.flow()
        self.assertEqual(self._told(), [("TransferProgressed", 202), ("TransferProgressed", 100)])
        self.assertEqual([name for _, _, name in network.log], ["REFER", 202, "NOTIFY", 200])
        call = self._follow(referral)
        network.flow()
        target = network.event("c", "CallReceived")
        self.assertEqual((target.referred_by, target.replaces), (uri("a"), None))
        target.session.ring(0)
        network.flow()
        referral.progress(0, 180)
        network.run(2000)
        self.assertEqual(self._told(), [("TransferProgressed", 180)])
        target.session.accept(network.now, b"answer")
        network.flow()
        referral.progress(network.now, 200)
        network.flow()
        self.assertEqual(self._told(), [("TransferDone", 200)])
        referral.progress(network.now, 200)  # nothing more
        self.assertEqual(len(network.agents["a"].subscriptions), 0)
        self.assertEqual(len(network.agents["b"].subscriptions), 0)
        self.mine.bye(network.now)
        network.flow()
        self.assertEqual((self.theirs.state, call.state), ("Terminated", "Confirmed"))
        call.bye(network.now)
        self.assertTrue(network.is_idle())

    def test_attended(self):
        network = self.network
        second, held = network.call("a", "c")
        self.mine.refer(0, "", second)
        network.flow()
        referral = network.event("b", "ReferReceived").referral
        self.assertEqual(referral.refer_to, second.remote_target)
        self.assertEqual(
            referral.replaces,
            "%s;to-tag=%s;from-tag=%s" % (second.call_id, held.local_tag, second.local_tag),
        )
        referral.accept(0)
        call = self._follow(referral)
        network.flow()
        event = network.event("c", "CallReceived")
        self.assertTrue(event.replaces is held)
        event.session.accept(0, b"answer")
        network.flow()
        ended = [type(e).__name__ for e in network.events("a")]
        self.assertTrue("CallEnded" in ended)  # c left its call with a
        self.assertEqual((held.state, second.state), ("Terminated", "Terminated"))
        referral.progress(network.now, 200)
        network.flow()
        self.assertEqual(self._told(), [("TransferDone", 200)])
        self.mine.bye(network.now)
        network.flow()
        self.assertEqual((call.state, self.theirs.state), ("Confirmed", "Terminated"))
        call.bye(network.now)
        self.assertTrue(network.is_idle())

    def test_target_refuses_and_the_call_comes_back(self):
        network = self.network
        self.mine.refer(0, uri("c"))
        network.flow()
        referral = network.event("b", "ReferReceived").referral
        referral.accept(0)
        self._follow(referral)
        network.flow()
        network.event("c", "CallReceived").session.reject(0, 486)
        network.flow()
        failed = network.event("b", "CallFailed")
        referral.progress(0, failed.status, failed.reason)
        network.flow()
        done = [e for e in network.events("a") if type(e).__name__ == "TransferDone"][0]
        self.assertEqual((done.status, done.reason), (486, "Busy Here"))
        self.assertEqual((self.mine.state, self.theirs.state), ("Confirmed", "Confirmed"))
        self.mine.reinvite(network.now, b"offer")  # back from hold
        network.flow()
        network.event("b", "OfferReceived").session.accept_offer(network.now, b"answer")
        network.flow()
        network.event("a", "OfferAnswered")
        # and once more: now the NOTIFY requests need an id (RFC 3515 section 2.4.6)
        self.mine.refer(network.now, uri("c"))
        network.flow()
        again = network.event("b", "ReferReceived").referral
        self.assertTrue(again.event_header().startswith("refer;id="))
        again.accept(network.now)
        again.progress(network.now, 200)
        network.flow()
        begun = [("TransferProgressed", 202), ("TransferProgressed", 100)]
        self.assertEqual(self._told(), begun + [("TransferDone", 200)])
        self.mine.bye(network.now)
        self.assertTrue(network.is_idle())

    def test_transferee_refuses(self):
        network = self.network
        self.mine.refer(0, uri("c"))
        network.flow()
        network.event("b", "ReferReceived").referral.reject(0, 603)
        network.flow()
        self.assertEqual(self._told(), [("TransferDone", 603)])
        self.assertEqual(self.theirs.state, "Confirmed")
        self.mine.bye(0)
        self.assertTrue(network.is_idle())

    def test_transferee_thinks(self):
        # no REFER may wait for people: 202 goes by itself, and the refusal by NOTIFY
        network = self.network
        self.mine.refer(0, uri("c"))
        network.flow()
        referral = network.event("b", "ReferReceived").referral
        network.run(5000)
        self.assertEqual(self._told(), [("TransferProgressed", 202), ("TransferProgressed", 100)])
        self.assertEqual(referral.state, "Pending")
        self.assertRaises(LocalProtocolError, referral.progress, network.now, 200)
        referral.reject(network.now, 603)
        network.flow()
        self.assertEqual(self._told(), [("TransferDone", 603)])
        self.mine.bye(network.now)
        self.assertTrue(network.is_idle())

    def test_transferor_hangs_up_at_once(self):
        # the dialog outlives BYE as long as its subscription (RFC 6665 section 4.5.2)
        network = self.network
        self.mine.refer(0, uri("c"))
        network.flow()
        referral = network.event("b", "ReferReceived").referral
        referral.accept(0)
        network.flow()
        self.mine.bye(0)
        network.flow()
        self.assertEqual((self.mine.state, self.theirs.state), ("Terminated", "Terminated"))
        self._told()
        referral.progress(network.now, 200)
        network.flow()
        self.assertEqual(self._told(), [("TransferDone", 200)])
        self.assertEqual([name for _, _, name in network.log][-2:], ["NOTIFY", 200])
        self.assertTrue(network.is_idle())

    def test_transferee_dies(self):
        network = self.network
        self.mine.refer(0, uri("c"))
        network.flow()
        network.event("b", "ReferReceived").referral.accept(0)
        network.flow()
        network.lose = lambda sender, message: True
        self._told()
        network.run(4000000)
        self.assertEqual(self._told(), [("TransferDone", 408)])
        self.assertEqual(network.agents["a"].subscriptions, [])

    def test_nobody_answers_refer(self):
        self.network.lose = lambda sender, message: True
        self.mine.refer(0, uri("c"))
        self.network.run(40000)
        self.assertEqual(self._told(), [("TransferDone", 408)])
        self.assertEqual(self.network.agents["a"].subscriptions, [])

    def test_commands(self):
        for target in ("tel:+1", "sip:", "c", "sip:c@c?Replaces=x"):
            self.assertRaises(LocalProtocolError, self.mine.refer, 0, target)
        self.mine.bye(0)
        self.assertRaises(LocalProtocolError, self.mine.refer, 0, uri("c"))


class TransferorTest(unittest.TestCase):
    """Against a transferee written by hand."""

    def setUp(self):
        self.agent = make_agent()
        self.session = self.agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        self.invite = sent(self.agent)[0]
        give(self.agent, reply(self.invite, 200, body=b"answer"))
        sent(self.agent)
        events(self.agent)
        self.session.refer(0, "sip:carol@[2001:db8::c]")
        self.refer = sent(self.agent)[0]
        self.sequence = 0

    def _notify(self, state, body="SIP/2.0 100 Trying", event="refer", extra=""):
        self.sequence += 1
        lines = "Event: %s\n" % event if event else ""
        if state:
            lines += "Subscription-State: %s\n" % state
        text = request(
            "NOTIFY", "z9hG4bKn%d" % self.sequence, self.invite.from_.tag, self.sequence,
            lines + (extra or "Content-Type: message/sipfrag;version=2.0\n"), body,
            self.invite.call_id, "t1",
        )  # fmt: skip
        give(self.agent, text)
        return names(sent(self.agent))

    def _told(self):
        return [(type(e).__name__, e.status) for e in events(self.agent)]

    def test_request(self):
        self.assertEqual(self.refer.method, "REFER")
        self.assertEqual(self.refer.get("refer-to"), "<sip:carol@[2001:db8::c]>")
        self.assertEqual(self.refer.get("referred-by"), "<" + self.session.local_uri + ">")
        self.assertEqual(self.refer.to.tag, "t1")
        self.refer.check()

    def test_notify_before_the_response(self):
        self.assertEqual(self._notify("active;expires=60"), [200])
        self.assertEqual(self._told(), [("TransferProgressed", 100)])
        give(self.agent, reply(self.refer, 202))
        self.assertEqual(self._told(), [])
        self.assertEqual(self._notify("terminated;reason=noresource", "SIP/2.0 200 OK"), [200])
        self.assertEqual(self._told(), [("TransferDone", 200)])

    def test_id(self):
        give(self.agent, reply(self.refer, 202))
        self._told()
        id = "refer;id=%d" % self.refer.cseq.number
        self.assertEqual(self._notify("active;expires=60", event="refer;id=77"), [481])
        self.assertEqual(self._notify("active;expires=60", event=id), [200])
        self.assertEqual(self._told(), [("TransferProgressed", 100)])

    def test_bad_notify(self):
        give(self.agent, reply(self.refer, 202))
        self._told()
        for state, body, event, extra, status in (
            ("active", "SIP/2.0 200 OK", "presence", "", 489),
            ("active", "SIP/2.0 200 OK", "", "", 489),
            ("active", "SIP/2.0 200 OK", "message-summary", "", 481),
            ("", "SIP/2.0 200 OK", "refer", "", 400),
            ("active", "SIP/2.0 200 OK", "refer", "Content-Type: text/plain\n", 415),
            ("active;expires=x", "SIP/2.0 200 OK", "refer", "", 400),
        ):
            self.assertEqual((self._notify(state, body, event, extra), event), ([status], event))
            self.assertEqual(self._told(), [])
        self.assertEqual(self._notify("active", "nonsense"), [200])  # RFC 6665: state unknown
        self.assertEqual(self._told(), [])

    def test_final_status_while_active(self):
        give(self.agent, reply(self.refer, 202))
        self._notify("active;expires=60", "SIP/2.0 200 OK")
        self._notify("terminated;reason=noresource", "SIP/2.0 200 OK")
        self.assertEqual(self._told(), [("TransferProgressed", 202), ("TransferDone", 200)])
        self.assertEqual(self.agent.subscriptions, [])

    def test_no_news(self):
        # RFC 3515 section 2.4.4 and RFC 4488: peers that keep the outcome for themselves
        give(self.agent, reply(self.refer, 202, extra="Refer-Sub: false"))
        self.assertEqual(self._told(), [("TransferDone", 202)])
        self.assertEqual(self.agent.subscriptions, [])

    def test_ends_without_outcome(self):
        for reason, status in (("noresource", 202), ("rejected", 603), ("timeout", 408)):
            self.setUp()
            give(self.agent, reply(self.refer, 202))
            self._told()
            self._notify("terminated;reason=" + reason)
            self.assertEqual(self._told(), [("TransferProgressed", 100), ("TransferDone", status)])
            self.assertEqual(self.agent.subscriptions, [])

    def test_expires(self):
        give(self.agent, reply(self.refer, 202))
        self._notify("active;expires=60")
        self._told()
        run_until(self.agent, 60000)
        self.assertEqual(self._told(), [])
        run_until(self.agent, 100000)
        self.assertEqual(self._told(), [("TransferDone", 408)])

    def test_no_notify_at_all(self):
        give(self.agent, reply(self.refer, 202))
        run_until(self.agent, 33000)
        self.assertEqual(self._told(), [("TransferProgressed", 202), ("TransferDone", 408)])

    def test_refused(self):
        for status in (403, 405, 420, 501, 603):
            self.setUp()
            give(self.agent, reply(self.refer, status))
            self.assertEqual(self._told(), [("TransferDone", status)])
            self.assertEqual((self.session.state, self.agent.subscriptions), ("Confirmed", []))


class TransfereeTest(unittest.TestCase):
    """Against a transferor written by hand: its call has Call-ID c1 and From tag f1."""

    def setUp(self, extra="", secure=False):
        self.agent = make_agent()
        text = request("INVITE", body="offer", extra=extra)
        if secure:
            text = text.replace("INVITE sip:", "INVITE sips:").replace("<sip:", "<sips:")
        give(self.agent, text, transport="TLS" if secure else "UDP")
        self.session = events(self.agent)[0].session
        self.session.accept(0, b"answer")
        self.tag = sent(self.agent)[0].to.tag
        give(self.agent, request("ACK", "z9hG4bKack", self.tag))
        events(self.agent)
        self.sequence = 1

    def _refer(self, refer_to, extra="", to_tag=None, call_id="c1", tag="f1"):
        self.sequence += 1
        lines = "".join(["Refer-To: %s\n" % line for line in refer_to.split("|") if line])
        text = request(
            "REFER", "z9hG4bKf%d" % self.sequence, self.tag if to_tag is None else to_tag,
            self.sequence, lines + extra, "", call_id, tag,
        )  # fmt: skip
        give(self.agent, text)
        return sent(self.agent)

    def test_refused(self):
        for refer_to, status in (
            ("", 400),
            ("<sip:c@c>|<sip:d@d>", 400),
            ("<sip:c@c>, <sip:d@d>", 400),
            ("nonsense", 400),
            ("tel:+15551234", 416),
            ("mailto:c@c", 416),
            ("<sip:c@c;method=MESSAGE>", 403),
            ("<sip:c@c?Replaces=x>", 400),
        ):
            self.assertEqual((names(self._refer(refer_to)), refer_to), ([status], refer_to))
        self.assertEqual(names(self._refer("<sip:c@c>", "Referred-By: nonsense\n")), [400])
        self.assertEqual((kinds(self.agent), self.agent.subscriptions), ([], []))
        self.assertEqual(self.session.state, "Confirmed")

    def test_accepted(self):
        referred = 'Referred-By: sip:r@ref.example;cid="2@ref"\n'
        self.assertEqual(self._refer("<sip:c@[2001:db8::c]>", referred), [])
        referral = events(self.agent)[0].referral
        self.assertEqual(referral.referred_by, "<sip:r@ref.example>")
        referral.accept(0)
        accepted, notify = sent(self.agent)
        self.assertEqual((accepted.status, accepted.contact() is None), (202, False))
        self.assertEqual(notify.method, "NOTIFY")
        notify.check()
        self.assertEqual(notify.get("event"), "refer")
        self.assertEqual(notify.get("subscription-state"), "active;expires=300")
        self.assertEqual(notify.get("content-type"), "message/sipfrag;version=2.0")
        self.assertEqual(notify.body, b"SIP/2.0 100 Trying\r\n")
        self.assertEqual((notify.to.tag, notify.from_.tag), ("f1", self.tag))
        give(self.agent, reply(notify, 200))
        # not more than one a second (section 3.10), and the last one counts
        for status in (180, 181, 183):
            referral.progress(100, status)
        self.assertEqual(sent(self.agent), [])
        out = run_until(self.agent, 5000)
        self.assertEqual([(when, m.body) for when, m in out][:1],
            [(1000, b"SIP/2.0 183 Session Progress\r\n")])  # fmt: skip
        give(self.agent, reply(out[0][1], 200), 1100)
        referral.progress(1200, 404, "Not\r\nFound")
        last = sent(self.agent)[0]
        self.assertEqual(last.body, b"SIP/2.0 404 Not  Found\r\n")
        self.assertEqual(last.get("subscription-state"), "terminated;reason=noresource")
        give(self.agent, reply(last, 200), 1300)
        self.assertEqual((kinds(self.agent), self.agent.subscriptions), ([], []))

    def test_notifies_do_not_overtake(self):
        self._refer("<sip:c@c>")
        referral = events(self.agent)[0].referral
        referral.accept(0)
        first = sent(self.agent)[1]
        referral.progress(10, 200)
        self.assertEqual(sent(self.agent), [])  # until the first is answered
        give(self.agent, reply(first, 200), 20)
        self.assertEqual([m.body for m in sent(self.agent)], [b"SIP/2.0 200 OK\r\n"])

    def test_refer_sub_false(self):
        # RFC 4488: asked for no subscription, none is made
        self._refer("<sip:c@c>", "Refer-Sub: false\n")
        referral = events(self.agent)[0].referral
        referral.accept(0)
        messages = sent(self.agent)
        self.assertEqual(names(messages), [202])
        self.assertEqual(messages[0].get("refer-sub"), "false")
        referral.progress(0, 180)
        referral.progress(0, 200)
        self.assertEqual((sent(self.agent), self.agent.subscriptions), ([], []))

    def test_unsubscribe(self):
        # the transferor hears no more, the call to the target goes on (section 2.4.4)
        self._refer("<sip:c@c>")
        referral = events(self.agent)[0].referral
        referral.accept(0)
        give(self.agent, reply(sent(self.agent)[1], 200))
        give(self.agent, request("SUBSCRIBE", "z9hG4bKu", self.tag, 9,
            "Event: refer\nExpires: 0\n"))  # fmt: skip
        ok, last = sent(self.agent)
        self.assertEqual((ok.status, ok.get("expires")), (200, "0"))
        self.assertEqual(last.get("subscription-state"), "terminated;reason=timeout")
        self.assertEqual(last.body, b"SIP/2.0 100 Trying\r\n")
        referral.progress(0, 200)
        give(self.agent, reply(last, 200))
        self.assertEqual((sent(self.agent), kinds(self.agent)), ([], []))
        self.assertEqual(self.agent.subscriptions, [])

    def test_notify_refused(self):
        self._refer("<sip:c@c>")
        referral = events(self.agent)[0].referral
        referral.accept(0)
        give(self.agent, reply(sent(self.agent)[1], 481))
        self.assertEqual(self.agent.subscriptions, [])
        referral.progress(0, 200)
        self.assertEqual(sent(self.agent), [])

    def test_notify_pending(self):
        # 491, from a peer whose re-INVITE is open: what it refused is told again, a few times
        for answered in (True, False):
            self.setUp()
            self._refer("<sip:c@c>")
            referral = events(self.agent)[0].referral
            referral.accept(0)
            give(self.agent, reply(sent(self.agent)[1], 200))
            referral.progress(5000, 200)
            now = 5000
            last = sent(self.agent)[0]
            for _ in range(1 if answered else 3):
                give(self.agent, reply(last, 491), now)
                self.assertEqual(sent(self.agent), [])
                out = run_until(self.agent, now + 2000)
                self.assertEqual([(when, m.body) for when, m in out],
                    [(now + 2000, b"SIP/2.0 200 OK\r\n")])  # fmt: skip
                now, last = out[0]
            give(self.agent, reply(last, 200 if answered else 491), now)
            self.assertEqual((sent(self.agent), self.agent.subscriptions), ([], []))

    def test_subscribe_alone_makes_none(self):
        # RFC 3515 section 2.4.4: 403 in and out of dialogs
        give(self.agent, request("SUBSCRIBE", "z9hG4bKu", self.tag, 9, "Event: refer\n"))
        give(self.agent, request("SUBSCRIBE", "z9hG4bKv", extra="Event: refer\n", call_id="v"))
        self.assertEqual(names(sent(self.agent)), [403, 403])

    def test_target_dialog(self):
        # RFC 5589 section 6: REFER outside of the dialog that it names
        good = "Target-Dialog: c1;local-tag=f1;remote-tag=%s\nRequire: tdialog\n" % self.tag
        for extra, status in (
            (good.replace("c1", "c2"), 403),
            (good.replace("f1", "f2"), 403),
            (good.replace(self.tag, "guess"), 403),
            ("Target-Dialog: c1\n", 403),
            ("Target-Dialog: \n", 403),
        ):
            self.assertEqual(names(self._refer("<sip:c@c>", extra, "", "o1", "o1")), [status])
        self.assertEqual(self._refer("<sip:c@c>", good, "", "o2", "o2"), [])
        referral = events(self.agent)[0].referral
        self.assertTrue(referral.session is self.session)
        referral.accept(0)
        accepted, notify = sent(self.agent)
        self.assertEqual(accepted.status, 202)
        self.assertEqual((notify.call_id, notify.to.tag), ("o2", "o2"))
        self.assertEqual(notify.from_.tag, accepted.to.tag)

    # -- attacks

    def test_refer_from_stranger(self):
        self.assertEqual(names(self._refer("<sip:c@c>", "", "", "o1", "o1")), [403])
        self.assertEqual(names(self._refer("<sip:c@c>", "", "guess")), [481])
        self.assertEqual(names(self._refer("<sip:c@c>", "", None, "c1", "guess")), [481])
        self.assertEqual(kinds(self.agent), [])

    def test_refer_downgrade(self):
        # out of a call by SIPS nobody sends us to a target in the clear
        self.setUp(secure=True)
        self.assertEqual(names(self._refer("<sip:c@c>")), [403])
        self.assertEqual(self._refer("<sips:c@c>"), [])
        self.assertEqual(kinds(self.agent), ["ReferReceived"])

    def test_refer_amplification(self):
        # one REFER is one question to our user, and a second one waits for its answer
        for _ in range(50):
            self._refer("<sip:c@c>")
        self.assertEqual(kinds(self.agent), ["ReferReceived"])
        self.assertEqual(len(self.agent.subscriptions), 1)

    def test_many_referrals(self):
        statuses = []
        for _ in range(10):
            statuses += names(self._refer("<sip:c@c>"))
            for event in events(self.agent):
                event.referral.accept(0)
            sent(self.agent)
        self.assertEqual((len(self.agent.subscriptions), statuses), (2, [503] * 8))


if __name__ == "__main__":
    unittest.main()
