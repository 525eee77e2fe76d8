# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What people who mean no good can do to a phone and who uses it: named by the attack."""

from firmware import log
from host_tests.unit.firmware.calls import GOOD_OFFER
from host_tests.unit.firmware.calls import Case as Calls
from host_tests.unit.firmware.net_doubles import address
from host_tests.unit.firmware.tunnels import Member

EVE = "2001:db8::e"


class Eve(Member):
    """Sends whatever; keeps the statuses that come back."""

    def __init__(self, world):
        super().__init__(world, address(EVE), 5060)
        self.statuses = []
        self.count = 0

    def serve(self, data, source):
        """Take a datagram; answer nothing, not even with ACK."""
        if data.startswith(b"SIP/2.0 "):
            self.statuses.append(int(data[8:11].decode()))

    def request(self, method, to, body=b"", more="", uri="sip:bob@[2001:db8::b]"):
        """Send a request to a phone, another one each time."""
        self.count += 1
        head = (
            "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP [%s];branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"
            "From: <sip:eve%d@[%s]>;tag=%d\r\nTo: <%s>\r\nCall-ID: %d\r\nCSeq: 1 %s\r\n"
            "Contact: <sip:eve@[%s]>\r\n%sContent-Type: application/sdp\r\n"
            "Content-Length: %d\r\n\r\n"
        )
        n = self.count
        text = head % (
            method, uri, EVE, n, n, EVE, n, uri, n, method, EVE, more, len(body),
        )  # fmt: skip
        self.send(text.encode() + body, (to.net6.own[0], 5060))


class Attacks(Calls):
    def setUp(self):
        super().setUp()
        self.eve = Eve(self.world)

    def assert_nothing_left(self):
        self.world.run(200000)  # INVITEs nobody has answered or cancelled ring their time
        self.world.phones.remove(self.eve)
        super().assert_nothing_left()

    def test_invite_flood_in_a_call(self):
        """The call goes on with its sound; hold and hanging up work; no more than one line rings;
        screen, log and list of missed calls stay what a person can read."""
        self.bob.settings.set("call.waiting", False)
        self.call()
        self.world.run(2000)
        before = self.bob.text().split("\n")
        shown = self.bob.screen.shown
        lines = log.count()
        for _ in range(500):
            self.eve.request("INVITE", self.bob, GOOD_OFFER)
            self.bob.step()
        self.world.settle()
        self.assertEqual(self.bob.states(), ["talking", "idle"])
        self.assertEqual(self.bob.text().split("\n")[:4], before[:4])
        self.assertTrue(self.bob.screen.shown - shown <= 2)
        self.assertTrue(log.count() - lines <= 10)
        self.assertTrue(self.bob.stream().joined)
        self.assertTrue(503 in self.eve.statuses)
        self.assertTrue(set(self.eve.statuses) <= {100, 486, 503})
        self.assertTrue(len(self.bob.phone.missed) <= 20)
        self.assertTrue(len(self.bob.agent.layer.servers) <= 12)
        self.alice.press("hold")
        self.world.run(8000)
        self.assertIn("They hold the", self.bob.text())
        self.bob.press("hangup")
        self.world.run(2000)
        self.assertEqual(self.alice.states()[0], "ended")
        self.assert_nothing_left()

    def test_invite_flood_with_call_waiting(self):
        """One of them rings beside the call, all others find the phone busy."""
        self.call()
        for _ in range(200):
            self.eve.request("INVITE", self.bob, GOOD_OFFER)
            self.bob.step()
        self.world.settle()
        self.assertEqual(self.bob.states(), ["talking", "incoming"])
        self.assertTrue(self.bob.phone.lines[0].is_active())
        self.bob.press("line2")
        self.world.run(1000)
        self.bob.press("line1")
        self.assertTrue(self.bob.phone.lines[0].is_active())
        self.bob.press("hangup")
        self.assertEqual(self.alice.states()[0], "ended")

    def test_invite_flood_at_rest(self):
        """A call of somebody else still comes about once it is over."""
        for _ in range(300):
            self.eve.request("INVITE", self.bob, GOOD_OFFER)
            self.bob.step()
        self.world.settle()
        self.assertEqual(self.bob.states(), ["incoming", "incoming"])
        self.bob.press("hangup", "hangup")
        self.world.run(200000)
        self.bob.press("hangup")
        self.alice.press("sip:bob@[2001:db8::b]", "call")
        self.bob.press("call")
        self.assertEqual(self.alice.states()[0], "talking")
        self.bob.press("hangup")
        self.assert_nothing_left()

    def test_register_hijack(self):
        """We are no registrar: whoever registers here, or in our name, changes nothing."""
        self.eve.request("REGISTER", self.bob, more="Expires: 3600\r\n", uri="sip:[2001:db8::b]")
        self.world.settle()
        self.assertEqual(self.eve.statuses, [405])
        self.call()
        self.assertEqual(self.bob.states()[0], "talking")

    def offer(self, host):
        """Send an offer with a media address; return the last status."""
        body = GOOD_OFFER.replace(b"c=IN IP6 2001:db8::9", b"c=IN IP6 " + host)
        self.eve.request("INVITE", self.bob, body)
        self.world.settle()
        return self.eve.statuses[-1]

    def test_offer_of_a_multicast_address(self):
        for host in (b"ff02::1", b"ff0e::1234", b"ff1e::1/127"):
            self.assertEqual(self.offer(host), 488, host)
        self.assertEqual(self.bob.states(), ["idle", "idle"])
        self.assertEqual(self.bob.media.streams, [])

    def test_offer_of_an_unreachable_address(self):
        """Loopback, and our own link from somewhere else: we would talk to ourselves or others."""
        for host in (b"::1", b"fe80::1"):
            self.assertEqual(self.offer(host), 488, host)
        self.assertEqual(self.bob.states(), ["idle", "idle"])
        self.assertEqual(self.offer(b"2001:db8::7"), 180)  # a media server is what it may be

    def test_reoffer_of_a_multicast_address(self):
        """In a call it is refused, and the voice goes on to where it went."""
        self.call()
        session = self.alice.phone.lines[0].session
        body = self.alice.phone.lines[0].audio.offer(False)
        session.reinvite(0, body.replace(b"c=IN IP6 2001:db8::a", b"c=IN IP6 ff02::1"))
        self.alice.driver.drain()
        self.world.settle()
        self.assertEqual(self.bob.stream().peer[0], address("2001:db8::a"))
        self.assertEqual(len(self.world.responses(488)), 1)

    def test_answer_of_a_loopback_address(self):
        """The call is acknowledged and ended; no voice has gone anywhere."""
        self.bob.phone._net6.text = lambda addr16: "::1"
        self.alice.press("sip:bob@[2001:db8::b]", "call")
        self.bob.press("call")
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertIn("Bad media address", self.alice.text())
        self.assertEqual(self.alice.media.streams, [])

    def test_the_same_caller_again_and_again(self):
        for _ in range(5):
            self.alice.press("sip:bob@[2001:db8::b]", "call", "hangup", "hangup")
            self.world.run(6000)
        self.assertIn("Missed calls: 1", self.bob.text())
        self.assertEqual(len(self.bob.phone.missed), 1)
        self.world.run(70000)
        self.alice.press("sip:bob@[2001:db8::b]", "call", "hangup", "hangup")
        self.world.run(6000)
        self.assertIn("Missed calls: 2", self.bob.text())

    def test_flood_of_texts(self):
        """MESSAGE without end: what is kept and logged is bounded, the call is undisturbed."""
        self.call()
        lines = log.count()
        for _ in range(300):
            self.eve.request("MESSAGE", self.bob, b"x" * 200)
            self.bob.step()
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertTrue(log.count() - lines < 40)
        self.assertEqual(self.bob.driver.counters["faults"], 0)

    def test_subscribe_and_refer_from_strangers(self):
        """Nobody learns whom we call, nobody makes us call."""
        self.eve.request("SUBSCRIBE", self.bob, more="Event: dialog\r\n")
        self.eve.request("REFER", self.bob, more="Refer-To: <sip:expensive@example.org>\r\n")
        self.world.settle()
        self.assertEqual(self.eve.statuses, [489, 403])
        self.assertEqual(self.bob.states(), ["idle", "idle"])

    def test_bye_and_cancel_from_a_stranger(self):
        self.call()
        call_id = self.bob.phone.lines[0].session.call_id
        for method in ("BYE", "CANCEL", "INFO", "UPDATE"):
            self.eve.request(method, self.bob, more="X: %s\r\n" % call_id)
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "talking")
        self.assertEqual(set(self.eve.statuses), {481})
