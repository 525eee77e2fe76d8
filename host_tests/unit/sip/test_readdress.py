# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip while an address changes in the middle of a transaction (RFC 3581, README.md)."""

import unittest

from host_tests.unit.sip.helpers import A, B, Pair, events, kinds, make_agent, names, sent
from vox6.sip.message import parse
from vox6.sip.registration import Account

NEW = A[:15] + b"\x0c"
PORT = 5060


class Moving(Pair):
    """A pair whose `a` may have another address: datagrams to the old one are lost."""

    def __init__(self):
        super().__init__()
        self.address = A
        self.last = []  # requests of a as octets

    def move(self):
        """a has another address from now on."""
        self.address = NEW
        self.a.set_local(NEW, PORT, self.now)

    def flow(self):
        for _ in range(100):
            moved = False
            for data, _, transport in self.a.datagrams_to_send():
                moved = True
                self.last.append(data)
                if not self.lose(self.a, parse(data)):
                    self.b.receive_datagram(data, (self.address, PORT), self.now, transport)
            for data, peer, transport in self.b.datagrams_to_send():
                moved = True
                if peer[0] == self.address:
                    self.a.receive_datagram(data, (B, PORT), self.now, transport)
            if not moved:
                return
        raise RuntimeError("datagrams without end")


class Calls(unittest.TestCase):
    def setUp(self):
        self.pair = Moving()

    def begin(self):
        """a calls, b rings."""
        mine = self.pair.a.invite("sip:bob@[2001:db8::b]", (B, PORT), 0, b"offer")
        self.pair.flow()
        theirs = events(self.pair.b)[0].session
        theirs.ring(0)
        self.pair.flow()
        events(self.pair.a)
        return mine, theirs

    def test_a_call_that_rings_is_answered(self):
        mine, theirs = self.begin()
        self.pair.move()
        self.pair.flow()
        self.assertEqual(names([parse(self.pair.last[-1])]), ["INVITE"])
        self.assertEqual(self.pair.last[-1], self.pair.last[0])  # the branch, too
        self.assertEqual(kinds(self.pair.b), [])
        theirs.accept(100, b"answer")
        self.pair.flow()
        self.assertEqual(kinds(self.pair.a), ["CallProgressed", "CallAnswered"])
        self.assertEqual(kinds(self.pair.b), ["CallConfirmed"])
        self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))

    def test_an_answer_on_its_way_is_repeated_to_the_new_address(self):
        mine, theirs = self.begin()
        theirs.accept(100, b"answer")
        self.pair.address = NEW  # before anything of it has come
        self.pair.flow()
        self.assertEqual(kinds(self.pair.a), [])
        self.pair.move()
        self.pair.run(1000)
        self.assertIn("CallAnswered", kinds(self.pair.a))
        self.assertEqual(theirs.state, "Confirmed")

    def test_a_re_invite_is_withdrawn_and_made_anew(self):
        mine, theirs = self.pair.call()
        self.pair.lose = lambda sender, message: True
        mine.reinvite(0, b"offer 2")
        self.pair.flow()
        self.pair.lose = lambda sender, message: False
        self.pair.last = []
        self.pair.move()
        self.pair.flow()
        self.assertEqual(self.pair.last, [])  # the old one is not shown again
        self.assertTrue(mine.is_offering())
        mine.withdraw_offer()
        self.assertTrue(mine.is_offering())  # only one that waits after a 491
        mine.withdraw_offer(True)
        self.assertFalse(mine.is_offering())
        mine.reinvite(0, b"offer 3")
        self.pair.flow()
        self.assertEqual([event.body for event in events(self.pair.b)], [b"offer 3"])
        theirs.accept_offer(0, b"answer 3")
        self.pair.flow()
        self.assertEqual(kinds(self.pair.a), ["OfferAnswered"])
        self.assertIn("2001:db8::c", theirs.remote_target)
        self.pair.run(100000)
        self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))

    def test_one_whose_answer_went_astray_stands_for_the_next(self):
        mine, theirs = self.pair.call()
        mine.reinvite(0, b"offer 2")
        self.pair.address = NEW  # the answer is lost
        for data, _, transport in self.pair.a.datagrams_to_send():
            self.pair.b.receive_datagram(data, (A, PORT), 0, transport)
        theirs.accept_offer(0, b"answer 2")
        self.pair.flow()
        self.pair.move()
        mine.withdraw_offer(True)
        mine.reinvite(0, b"offer 3")
        self.pair.flow()
        self.assertIn(b"offer 3", [getattr(one, "body", b"") for one in events(self.pair.b)])
        theirs.accept_offer(0, b"answer 3")
        self.pair.run(100000)
        self.assertEqual((mine.state, theirs.state), ("Confirmed", "Confirmed"))


class Registrations(unittest.TestCase):
    def test_the_old_request_is_not_shown_again(self):
        agent = make_agent()
        agent.register(Account("sip:anna@example.org", peer=(B, PORT)), 0)
        sent(agent)
        agent.set_local(NEW, PORT, 10)
        again = sent(agent)
        self.assertEqual(names(again), ["REGISTER"])
        self.assertIn("2001:db8::c", again[0].values("contact")[0])

    def test_the_first_address_repeats_nothing(self):
        agent = make_agent()
        agent.options("sip:bob@[2001:db8::b]", (B, PORT), 0)
        self.assertEqual(names(sent(agent)), ["OPTIONS"])
        agent.set_local(None, 0, 10)
        agent.set_local(A, PORT, 20)
        self.assertEqual(sent(agent), [])
        agent.set_local(NEW, PORT, 30)
        self.assertEqual(names(sent(agent)), ["OPTIONS"])
