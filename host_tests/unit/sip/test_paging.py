# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""MESSAGE, INFO and OPTIONS: lib/sip/paging.py, info.py, options.py, and who floods them."""

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
    sent,
)
from vox6.sip.dtmf import RELAY
from vox6.sip.message import parse
from vox6.sip.rate import Rate
from vox6.wire import LocalProtocolError

URI = "sip:bob@[2001:db8::b]"
TEXT = "Content-Type: text/plain\n"


def _knock(method, i, extra="", body="", to_tag="", cseq=1):
    return request(method, "z9hG4bKk%d" % i, to_tag, cseq, extra, body, "k%d" % i)


class MessageTest(unittest.TestCase):
    def test_between_agents(self):
        pair = Pair()
        pair.a.display_name = "Anna"
        pair.a.message(URI, (B, 5060), 0, "Grüße\nan alle")
        pair.flow()
        event = events(pair.b)[0]
        self.assertEqual((event.text, event.display_name), ("Grüße\nan alle", "Anna"))
        self.assertEqual(event.from_uri, "sip:phone@[2001:db8::a]")
        self.assertEqual(event.request.method, "MESSAGE")
        answered = events(pair.a)[0]
        self.assertEqual((answered.uri, answered.status), (URI, 200))
        pair.run(100000)
        self.assertEqual((len(pair.b.layer.servers), len(pair.a.layer.timers)), (0, 0))

    def test_request(self):
        agent = make_agent()
        agent.message(URI, PEER, 0, "x")
        message = sent(agent)[0]
        message.check()
        self.assertEqual(message.get("content-type"), "text/plain;charset=UTF-8")
        self.assertIsNone(message.contact())  # RFC 3428 section 4
        give(agent, reply(message, 404))
        self.assertEqual(events(agent)[0].status, 404)

    def test_too_long(self):
        # section 8: 1,300 octets, credentials and all
        agent = make_agent()
        agent.message(URI, PEER, 0, "x" * 700)
        self.assertTrue(len(agent.datagrams_to_send()[0][0]) < 1300)
        for text in ("x" * 1100, ""):
            self.assertRaises(LocalProtocolError, agent.message, URI, PEER, 0, text)
        self.assertRaises(LocalProtocolError, agent.message, "im:bob@b", PEER, 0, "x")

    def test_answers(self):
        for extra, body, status, text in (
            (TEXT, "hello", 200, "hello"),
            ("Content-Type: text/plain;charset=us-ascii\n", "hello", 200, "hello"),
            ('Content-Type: text/plain;charset="UTF-8"\n', "hello", 200, "hello"),
            ("Content-Type: text/plain;charset=koi8-r\n", "hello", 415, None),
            ("Content-Type: text/html\n", "hello", 415, None),
            ("Content-Type: message/cpim\n", "hello", 415, None),
            ("Content-Type: text/plain\nContent-Encoding: gzip\n", "hello", 415, None),
            (TEXT, "x" * 5000, 413, None),
            ("", "", 200, None),
            ("Require: x\n", "", 420, None),
        ):
            agent = make_agent()
            give(agent, _knock("MESSAGE", 1, extra, body))
            message = sent(agent)[0]
            self.assertEqual((message.status, extra), (status, extra))
            self.assertEqual((message.body, message.contact()), (b"", None))  # section 7
            told = events(agent)
            self.assertEqual([e.text for e in told], [] if text is None else [text])
            if status == 415 and "koi8" not in extra:
                self.assertEqual(message.get("accept"), "text/plain")

    def test_charsets(self):
        for charset, octets, text in (
            ("iso-8859-1", b"\xe4\xdf", "\xe4\xdf"),
            ("utf-8", b"\xc3\xa4", "\xe4"),
            ("utf-8", b"\xe4\xdf", None),
        ):
            agent = make_agent()
            raw = _knock("MESSAGE", 1, "Content-Type: text/plain;charset=%s\n" % charset, "xx")
            give(agent, raw.replace("\n", "\r\n").encode()[:-2] + octets)
            told = events(agent)
            self.assertEqual([e.text for e in told], [] if text is None else [text])
            self.assertEqual(names(sent(agent)), [400 if text is None else 200])

    def test_within_a_call(self):
        pair = Pair()
        mine, theirs = pair.call()
        message = mine.dialog.create_request("MESSAGE")
        message.set_body(b"psst", "text/plain")
        pair.a.send_unheeded(message, mine.dialog, "UDP", None, 0)
        pair.flow()
        self.assertEqual(events(pair.b)[0].text, "psst")
        self.assertEqual(theirs.dialog.remote_sequence, message.cseq.number)

    def test_message_flood(self):
        # strangers get eight texts through at once, then one a second; calls do not notice
        agent = make_agent()
        statuses = []
        for i in range(200):
            give(agent, _knock("MESSAGE", i, TEXT, "spam"), 0)
            statuses += names(sent(agent))
        self.assertEqual((statuses.count(200), statuses.count(503)), (8, 192))
        self.assertEqual(len(kinds(agent)), 8)
        self.assertTrue(len(agent.layer.servers) <= 24)
        give(agent, request("INVITE", "z9hG4bKcall", call_id="call", body="offer"))
        self.assertEqual(kinds(agent), ["CallReceived"])
        give(agent, _knock("MESSAGE", 999, TEXT, "later"), 1000)
        self.assertEqual([e.text for e in events(agent)], ["later"])


class InfoTest(unittest.TestCase):
    def test_keys_in_their_order(self):
        pair = Pair()
        mine, theirs = pair.call()
        for key in "123":
            mine.info(0, RELAY, b"Signal=%s\r\n" % key.encode())
        pair.flow()
        told = events(pair.b)
        self.assertEqual([e.body for e in told], [b"Signal=%d\r\n" % i for i in (1, 2, 3)])
        self.assertTrue(told[0].session is theirs)
        self.assertEqual(told[0].content_type, RELAY)
        self.assertEqual([(type(e).__name__, e.status) for e in events(pair.a)],
            [("InfoAnswered", 200)] * 3)  # fmt: skip

    def test_refused_by_the_peer(self):
        pair = Pair()
        mine, theirs = pair.call()
        pair.b.methods.remove("INFO")
        mine.info(0, RELAY, b"Signal=1")
        pair.flow()
        self.assertEqual([e.status for e in events(pair.a)], [405])
        self.assertEqual(mine.state, "Confirmed")

    def test_commands(self):
        pair = Pair()
        mine, theirs = pair.call()
        pair.lose = lambda sender, message: True
        for _ in range(17):
            mine.info(0, RELAY, b"Signal=1")
        self.assertRaises(LocalProtocolError, mine.info, 0, RELAY, b"Signal=1")
        mine.bye(0)
        self.assertRaises(LocalProtocolError, mine.info, 0, RELAY, b"Signal=1")
        pair.run(100000)
        self.assertEqual(kinds(pair.a), [])
        self.assertEqual(len(pair.a.layer.timers), 0)

    def test_answers(self):
        for extra, body, status in (
            ("Content-Type: %s\n" % RELAY, "Signal=1", 200),
            ("Content-Type: application/dtmf\n", "1", 200),
            ("", "", 200),
            ("Content-Type: application/media_control+xml\n", "<x/>", 415),
            ("Info-Package: foo\nContent-Type: application/foo\n", "x", 469),
        ):
            agent = make_agent()
            give(agent, request("INVITE", body="offer"))
            session = events(agent)[0].session
            session.accept(0, b"answer")
            tag = sent(agent)[0].to.tag
            give(agent, request("ACK", "z9hG4bKack", tag))
            events(agent)
            give(agent, request("INFO", "z9hG4bKi", tag, 2, extra, body))
            message = sent(agent)[0]
            self.assertEqual((message.status, extra), (status, extra))
            self.assertEqual(kinds(agent), ["InfoReceived"] if status == 200 and body else [])
            if status == 469:
                self.assertEqual(
                    (message.get("recv-info"), message.reason), ("", "Bad Info Package")
                )
            if status == 415:
                self.assertTrue(RELAY in message.values("accept"))

    def test_info_from_stranger(self):
        pair = Pair()
        mine, theirs = pair.call()
        for to_tag, tag in (("", "f1"), ("guess", "f1"), (theirs.local_tag, "guess")):
            give(pair.b, request("INFO", "z9hG4bKi" + to_tag + tag, to_tag, 5,
                "Content-Type: %s\n" % RELAY, "Signal=1", mine.call_id, tag))  # fmt: skip
            self.assertEqual(names(sent(pair.b)), [481])
        self.assertEqual(kinds(pair.b), [])


class OptionsTest(unittest.TestCase):
    def test_what_we_can(self):
        agent = make_agent()
        agent.packages = ["dialog"]
        give(agent, _knock("OPTIONS", 1))
        message = sent(agent)[0]
        self.assertEqual(message.values("allow"), agent.methods)
        self.assertEqual(message.values("supported"), agent.extensions)
        self.assertEqual(message.values("allow-events"), ["dialog"])
        for kind in ("application/sdp", "text/plain", "message/sipfrag", RELAY):
            self.assertTrue(kind in message.values("accept"))
        # and no more than that
        agent.methods = [m for m in agent.methods if m not in ("MESSAGE", "INFO", "NOTIFY")]
        agent.extensions = []
        agent.packages = []
        give(agent, _knock("OPTIONS", 2))
        message = sent(agent)[0]
        self.assertEqual(message.values("accept"), ["application/sdp"])
        self.assertEqual(message.count("supported") and message.get("supported") or "", "")
        self.assertEqual(message.count("allow-events"), 0)
        give(agent, _knock("MESSAGE", 3, TEXT, "x"))
        self.assertEqual(names(sent(agent)), [405])

    def test_every_method_allowed_is_taken(self):
        # what Allow says is true: no method in it is answered 405 or 501
        agent = make_agent()
        agent.packages = ["dialog"]
        for i in range(len(agent.methods)):
            method = agent.methods[i]
            give(agent, _knock(method, i, "Event: dialog\nRefer-To: <sip:c@c>\n"))
            for status in names(sent(agent)):
                self.assertTrue(status not in (405, 501), method)

    def test_same_answer_again(self):
        agent = make_agent()
        tags = []
        for i in (1, 1, 2):
            give(agent, _knock("OPTIONS", i))
            tags.append(sent(agent)[0].to.tag)
        self.assertEqual(tags[0], tags[1])
        self.assertTrue(tags[0] != tags[2])
        self.assertEqual(len(agent.layer.servers), 0)

    def test_full(self):
        # section 11.2: as an INVITE would be answered
        agent = make_agent(max_sessions=1)
        give(agent, request("INVITE", body="offer"))
        give(agent, _knock("OPTIONS", 1))
        message = sent(agent)[-1]
        self.assertEqual((message.status, message.values("allow")), (486, agent.methods))

    def test_within_a_call(self):
        pair = Pair()
        mine, theirs = pair.call()
        question = mine.dialog.create_request("OPTIONS")
        pair.a.send_unheeded(question, mine.dialog, "UDP", None, 0)
        pair.flow()
        self.assertEqual(theirs.dialog.remote_sequence, question.cseq.number)
        self.assertEqual([name for _, name in pair.log], ["OPTIONS", 200])

    def test_options_amplification(self):
        # nothing is kept, the answer is bounded, and a flood gets no more than a few answers
        agent = make_agent()
        agent.packages = ["dialog", "message-summary"]
        out = 0
        for i in range(1000):
            text = _knock("OPTIONS", i).replace("\n", "\r\n").encode()
            agent.receive_datagram(text, (B[:15] + bytes([i & 255]), 5060), 0)
            for data, _, _ in agent.datagrams_to_send():
                out += 1
                self.assertTrue(len(data) <= len(text) + 600)
                self.assertEqual(parse(data).status, 200)
            events(agent)
        self.assertEqual(out, 16)
        self.assertEqual((len(agent.layer.servers), agent.counters["dropped_options"]), (0, 984))
        # who comes by TCP cannot forge its source
        give(agent, _knock("OPTIONS", 2000).replace("/UDP", "/TCP"), 0, PEER, "TCP")
        self.assertEqual(names(sent(agent)), [200])
        give(agent, _knock("OPTIONS", 2001), 200)
        self.assertEqual(names(sent(agent)), [200])


class RateTest(unittest.TestCase):
    def test_bucket(self):
        rate = Rate(3, 100)
        self.assertEqual([rate.take(0) for _ in range(5)], [True] * 3 + [False] * 2)
        self.assertEqual([rate.take(now) for now in (99, 100, 101)], [False, True, False])
        self.assertEqual([rate.take(10000) for _ in range(4)], [True] * 3 + [False])


if __name__ == "__main__":
    unittest.main()
