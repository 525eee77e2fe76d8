# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Texts, mailboxes, and the states of others: what comes besides calls, and what it may not do."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles
from vox6.sip import dialog_info
from vox6.sip.message_summary import CONTENT_TYPE
from vox6.wire.errors import LocalProtocolError

SERVER = "2001:db8::c"
ACCOUNT = [
    ("account.1.uri", "sip:alice@example.org"),
    ("account.1.proxy", "sip:[2001:db8::c]"),
    ("account.1.mailbox", "sip:alice-box@example.org"),
]


class Case(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.said = []
        log.start(self.world.clock, self.said.append)
        self.server = doubles.TestPhone(self.world, [SERVER])
        self.events = []
        self.subscriptions = []
        self.server.driver._on_event = self.on_event
        self.server.agent.packages = ["message-summary", "dialog"]
        self.body = b"Messages-Waiting: no\r\n"

    def tearDown(self):
        log.start(None, None)

    def on_event(self, event):
        self.events.append(event)
        if type(event).__name__ == "SubscribeReceived":
            now = self.world.clock.ms
            subscription = event.subscription
            self.subscriptions.append(subscription)
            if subscription.package == "dialog":
                dialog_info.accept(subscription, now, "sip:anna@example.org")
            else:
                subscription.accept(now, CONTENT_TYPE, self.body)

    def phone(self, changes=()):
        alice = doubles.TestPhone(self.world, ["2001:db8::a"], changes)
        self.world.settle()
        return alice

    def page(self, alice, downs):
        """A page of the menu."""
        alice.press(*(["ok"] + ["down"] * downs + ["ok"]))
        text = alice.text()
        alice.press("hangup")
        return text

    def tell(self, body):
        """The server has news of the mailbox."""
        self.subscriptions[0].notify(self.world.clock.ms, CONTENT_TYPE, body)
        self.server.driver.drain()
        self.world.run(2000)


class Texts(Case):
    def text(self, alice, text, name="sip:anna@[2001:db8::c]"):
        self.server.agent.message(
            "sip:alice@[2001:db8::a]", (alice.net6.own[0], 5060), self.world.clock.ms, text
        )
        self.server.driver.drain()
        self.world.run(1000)

    def test_a_text_is_shown_and_read(self):
        alice = self.phone()
        self.text(alice, "See you at eight")
        self.assertIn("New messages: 1", alice.text())
        self.assertEqual(alice.lamps.state["message"], "on")
        self.assertIn("phone:\nSee you at eight", self.page(alice, 6))
        self.assertEqual(alice.lamps.state["message"], "off")
        self.assertNotIn("New messages", alice.text())
        self.assertEqual(self.events[-1].status, 200)

    def test_the_list_is_bounded(self):
        alice = self.phone()
        for i in range(15):
            self.text(alice, "text %d " % i + "x" * 500)
        kept = alice.phone.messages.texts
        self.assertEqual(len(kept), 10)
        self.assertTrue(kept[-1][2].startswith("text 14 "))
        self.assertEqual(len(kept[-1][2]), 300)
        self.assertEqual(alice.phone.unread(), (0, 10))
        self.page(alice, 6)
        self.assertEqual(alice.driver.counters["faults"], 0)

    def test_control_characters_do_nothing(self):
        alice = self.phone()
        self.text(alice, "a\x1b[2Jb\nc\x00")
        self.page(alice, 6)
        self.assertEqual(alice.driver.counters["faults"], 0)
        self.assertNotIn("\x1b", "".join(alice.screen.lines) + "".join(self.said))

    def test_sent_from_the_console(self):
        alice = self.phone()
        alice.phone.messages.send("sip:anna@[2001:db8::c]", "Hello")
        self.world.settle()
        self.assertEqual(
            (self.events[-1].text, alice.phone.messages.answers[-1][1]), ("Hello", 200)
        )
        alice.phone.messages.send("sip:anna@host.example", "Hello")
        self.assertIn("No DNS server", "\n".join(self.said))
        self.assertEqual(alice.phone.messages.answers[-1][1], 0)
        self.assertRaises(
            LocalProtocolError, alice.phone.messages.send, "sip:anna@[2001:db8::c]", "x" * 2000
        )

    def test_a_text_in_a_call_disturbs_nothing(self):
        alice = self.phone()
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        bob.press("sip:alice@[2001:db8::a]", "call")
        alice.press("call")
        before = alice.text()
        self.text(alice, "Now?")
        self.assertEqual(alice.states()[0], "talking")
        self.assertEqual(alice.text().split("\n")[0], before.split("\n")[0])
        self.assertEqual(alice.lamps.state["message"], "on")


class Mailboxes(Case):
    def test_waiting_messages(self):
        alice = self.phone(ACCOUNT)
        self.assertEqual(len(self.subscriptions), 1)
        self.assertEqual(alice.lamps.state["message"], "off")
        self.assertIn("1 alice: nothing new", self.page(alice, 6))
        self.tell(b"Messages-Waiting: yes\r\nVoice-Message: 2/8 (1/0)\r\n")
        self.assertEqual(alice.lamps.state["message"], "on")
        self.assertIn("New in mailbox: 2", alice.text())
        self.assertIn("1 alice: 2 new, 8 old", self.page(alice, 6).replace("\n", ""))
        self.assertEqual(alice.lamps.state["message"], "on")  # looking is not listening
        self.tell(b"Messages-Waiting: no\r\nVoice-Message: 0/10\r\n")
        self.assertEqual(alice.lamps.state["message"], "off")

    def test_a_server_that_says_no_number(self):
        alice = self.phone(ACCOUNT)
        self.tell(b"Messages-Waiting: yes\r\n")
        self.assertIn("New in mailbox: 1", alice.text())

    def test_what_is_no_summary(self):
        alice = self.phone(ACCOUNT)
        self.tell(b"Messages-Waiting: yes\r\nVoice-Message: 3/0\r\n")
        self.tell(b"hello")
        self.assertIn("New in mailbox: 3", alice.text())

    def test_refused_and_ended(self):
        self.server.agent.packages = []
        alice = self.phone(ACCOUNT)
        self.assertIn("subscription over", "\n".join(self.said))
        self.assertEqual(alice.phone.messages.mailboxes, [])

    def test_other_settings(self):
        alice = self.phone(ACCOUNT)
        alice.settings.set("account.1.mailbox", "")
        alice.phone.reload()
        self.world.run(5000)
        self.assertEqual(alice.phone.messages.mailboxes, [])
        self.assertEqual(type(self.events[-1]).__name__, "SubscriptionEnded")
        alice.settings.set("account.1.mailbox", "sip:box@example.org")
        alice.phone.reload()
        self.world.settle()
        self.assertEqual(len(alice.phone.messages.mailboxes), 1)

    def test_refreshed_for_hours(self):
        alice = self.phone(ACCOUNT)
        self.world.run(3 * 3600000)
        self.tell(b"Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n")
        self.assertIn("New in mailbox: 1", alice.text())


class Others(Case):
    def test_who_talks(self):
        alice = self.phone(
            [("blf.1", "sip:anna@[2001:db8::c]"), ("blf.3", "sip:x@[2001:db8::dead]")]
        )
        self.assertIn("anna: free\nx: ?", self.page(alice, 7))
        session = self.server.agent.invite(
            "sip:b@[2001:db8::b]", (doubles.address("2001:db8::b"), 5060), self.world.clock.ms, b""
        )
        dialog_info.publish(self.server.agent, self.world.clock.ms, "sip:anna@example.org")
        self.server.driver.drain()
        self.world.run(2000)
        self.assertIn("anna: rings", self.page(alice, 7))
        self.assertEqual(alice.phone.watching.all[0].state, "rings")
        session.cancel(self.world.clock.ms)
        self.server.driver.drain()
        self.world.run(40000)
        dialog_info.publish(self.server.agent, self.world.clock.ms, "sip:anna@example.org")
        self.server.driver.drain()
        self.world.run(2000)
        self.assertIn("anna: free", self.page(alice, 7))

    def test_nobody_is_watched(self):
        alice = self.phone()
        self.assertIn("nothing here", self.page(alice, 7))
        self.assertEqual(self.subscriptions, [])


class Engine(Case):
    def test_what_the_owner_wants_of_the_engine(self):
        alice = self.phone(
            [("sip.session_expires_s", 60), ("sip.reliable", "off"), ("call.transfer", "no")]
        )
        self.assertEqual(alice.agent.session_expires_s, 90)
        self.assertEqual(alice.agent.reliable, "off")
        self.assertEqual(alice.agent.replaces_policy, "never")
        alice.settings.set("sip.session_expires_s", 0)
        alice.phone.reload()
        self.assertEqual(alice.agent.session_expires_s, 0)

    def test_a_session_timer_keeps_a_call(self):
        alice = self.phone([("sip.session_expires_s", 90)])
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        alice.press("sip:bob@[2001:db8::b]", "call")
        bob.press("call")
        self.world.run(200000)
        self.assertEqual(alice.states()[0], "talking")
        self.assertTrue(len(self.world.requests("UPDATE")) >= 3)
        self.world.drop = lambda data, source, destination: b"UPDATE" in data[:8000]
        self.world.run(200000)
        self.assertEqual((alice.states()[0], bob.states()[0]), ("idle", "idle"))
