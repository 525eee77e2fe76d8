# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls of phones behind NATs by the tunnel: mappings change, native IPv6 comes, direct paths."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles, tunnels
from host_tests.unit.firmware.net_doubles import VOICE, address

OPERATOR = "198.51.100.1"
LAB = ("tunnel.martians", "lab")
FEW = ("media.codecs", "G722 PCMU")  # an INVITE that fits into a datagram
FRAME_MS = 20


class Case(unittest.TestCase):
    """Alice and Bob behind two NATs, Carol native; voice is sent by the tests."""

    def setUp(self):
        self.world = doubles.World()
        self.said = []
        log.start(self.world.clock, self.said.append)
        self.operator = tunnels.Operator(self.world)
        self.homes = [
            tunnels.Home(self.world, "203.0.113.77", "192.0.2"),
            tunnels.Home(self.world, "203.0.113.88", "192.0.3"),
        ]

    def tearDown(self):
        log.start(None, None)

    def start(self, *changes):
        self.alice = self.tunnelled(self.homes[0], changes)
        self.bob = self.tunnelled(self.homes[1], changes)
        self.carol = doubles.TestPhone(self.world, ["2001:db8:c::c"])
        self.world.run(2000)

    def tunnelled(self, home, changes=()):
        return doubles.TestPhone(
            self.world, [], [LAB, FEW] + list(changes), home=home, servers=(OPERATOR,)
        )

    def call(self, caller, callee):
        text = caller.net6.text(callee.network.local)
        caller.press("x@[%s]" % text, "call")
        callee.press("call")
        self.world.run(1000)
        self.assertEqual(caller.states()[0], "talking")
        self.assertEqual(callee.states()[0], "talking")
        self.assertEqual(caller.phone.lines[0].security(), "encrypted")

    def voice(self, sender, receiver):
        """Send a frame as media does; return whether it is taken there, as media takes it."""
        stream = sender.stream()
        other = receiver.stream()
        other.rtp.frames.clear()
        stream.rtp.send(VOICE + bytes(170), stream.peer[0], stream.peer[1])
        self.world.settle()
        return [one[1] for one in other.rtp.frames] == [(other.peer[0], other.peer[1])]

    def talk(self, one, two, ms):
        """Both speak for a time; return ms until the first frame of `one` is taken at `two`."""
        began = self.world.clock.ms
        first = None
        while self.world.clock.ms < began + ms:
            if self.voice(one, two) and first is None:
                first = self.world.clock.ms - began
            self.voice(two, one)
            self.world.run(FRAME_MS)
        return first


class Rebinding(Case):
    def test_the_call_moves_within_two_seconds(self):
        self.start()
        self.call(self.alice, self.carol)
        self.assertEqual(self.talk(self.alice, self.carol, 1000), 0)
        own = self.alice.network.local
        self.homes[0].rebind()
        taken = self.talk(self.alice, self.carol, 3000)
        self.assertTrue(0 < taken <= 2000, taken)
        self.assertNotEqual(self.alice.network.local, own)
        self.assertEqual(self.carol.stream().peer[0], self.alice.network.local)
        self.assertTrue(self.voice(self.carol, self.alice))
        contacts = [data for data in self.world.requests("INVITE") if b"Contact" in data]
        new = ("c=IN IP6 " + self.alice.net6.text(self.alice.network.local)).encode()
        self.assertIn(new, contacts[-1])
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.alice.phone.lines[0].security(), "encrypted")
        self.alice.press("hangup")
        self.assertEqual(self.carol.states()[0], "ended")

    def test_the_called_one_moves(self):
        self.start()
        self.call(self.carol, self.alice)
        self.homes[0].rebind()
        self.assertTrue(self.talk(self.alice, self.carol, 3000) <= 2000)
        self.carol.press("hangup")
        self.assertEqual(self.alice.states()[0], "ended")

    def test_both_ends_behind_nats_move_one_after_the_other(self):
        self.start()
        self.call(self.alice, self.bob)
        for _ in range(2):
            for home, one, two in (
                (self.homes[0], self.alice, self.bob),
                (self.homes[1], self.bob, self.alice),
            ):
                self.world.run(3000)
                home.rebind()
                taken = self.talk(one, two, 3000)
                self.assertTrue(taken is not None and taken <= 2000, taken)
                self.assertTrue(self.voice(two, one))

    def test_a_mapping_that_changes_again_while_the_first_change_is_told(self):
        self.start()
        self.call(self.alice, self.carol)
        self.world.run(3000)
        lost = []

        def drop(data, source, destination):
            if not lost and data.startswith(b"INVITE"):
                lost.append(data)
                return True
            return False

        self.world.drop = drop
        self.homes[0].rebind()
        self.voice(self.alice, self.carol)
        self.world.settle()
        self.assertEqual(len(lost), 1)
        self.homes[0].rebind()
        taken = self.talk(self.alice, self.carol, 4000)
        self.assertTrue(taken is not None and taken <= 2500, taken)
        self.assertTrue(self.voice(self.carol, self.alice))

    def test_registrations_follow(self):
        registrar = tunnels.Registrar(self.world, address("2001:db8:5::5"))
        self.start(
            ("account.1.uri", "sip:alice@example.org"),
            ("account.1.registrar", "sip:[2001:db8:5::5]"),
        )
        self.assertEqual(self.alice.phone.accounts.all[0].state, "registered")
        old = self.alice.net6.text(self.alice.network.local)
        self.homes[0].rebind()
        registrar.requests.clear()
        self.world.run(60000)  # an echo finds it
        new = self.alice.net6.text(self.alice.network.local)
        self.assertNotEqual(old, new)
        contacts = [text for one in registrar.requests for text in one.values("contact")]
        self.assertTrue([text for text in contacts if new in text])
        self.assertTrue([text for text in contacts if old in text and "expires=0" in text])

    def test_a_call_that_rings_is_answered_at_the_new_address(self):
        self.start()
        text = self.alice.net6.text(self.carol.network.local)
        self.alice.press("x@[%s]" % text, "call")
        self.assertEqual(self.alice.states()[0], "ringback")
        self.homes[0].rebind()
        self.world.run(40000)
        self.carol.press("call")
        self.world.run(1000)
        self.assertEqual(self.alice.states()[0], "talking")
        self.assertEqual(self.carol.states()[0], "talking")
        self.assertTrue(self.voice(self.carol, self.alice))
        self.assertTrue(self.voice(self.alice, self.carol))

    def test_a_nat_that_changes_often_is_said(self):
        self.start()
        for _ in range(6):
            self.homes[0].rebind()
            self.world.run(40000)
        self.assertIn("NAT changes mappings", self.alice.text())
        self.world.run(700000)
        self.assertIn("IPv6 by tunnel", self.alice.text())


class NativeComes(Case):
    def test_a_call_by_the_tunnel_keeps_its_address(self):
        self.start()
        self.call(self.alice, self.carol)
        own = self.alice.network.local
        self.alice.net6.own.append(address("2001:db8:7::7"))
        self.alice.net6.signal.raised = True
        self.world.run(1000)
        self.assertEqual(self.alice.network.local, address("2001:db8:7::7"))
        self.assertEqual(self.alice.phone.lines[0].audio.local, own)
        self.assertTrue(self.voice(self.alice, self.carol))
        self.assertTrue(self.voice(self.carol, self.alice))
        self.assertEqual(self.carol.stream().peer[0], own)
        self.alice.press("hold")
        self.world.run(1000)
        self.assertEqual(self.carol.phone.lines[0].held_there, True)
        self.assertEqual(self.carol.stream().peer[0], own)
        self.alice.press("hold")
        self.world.run(700000)  # longer than a tunnel stays for nothing
        self.assertTrue(self.voice(self.alice, self.carol))
        self.alice.press("hangup")
        self.assertEqual(self.carol.states()[0], "ended")
        self.world.run(590000)
        self.assertTrue(self.alice.network.has(own))
        self.world.run(30000)
        self.assertFalse(self.alice.network.has(own))

    def test_that_call_moves_to_native_when_its_mapping_is_gone(self):
        self.start()
        self.call(self.alice, self.carol)
        native = address("2001:db8:7::7")
        self.alice.net6.own.append(native)
        self.alice.net6.signal.raised = True
        self.world.run(1000)
        self.homes[0].rebind()
        self.assertTrue(self.talk(self.alice, self.carol, 3000) <= 2000)
        self.assertEqual(self.carol.stream().peer[0], native)

    def test_a_call_follows_when_the_router_of_its_address_goes(self):
        self.start()
        native = address("2001:db8:7::7")
        self.alice.net6.own.append(native)
        self.alice.net6.signal.raised = True
        self.world.run(1000)
        self.call(self.alice, self.carol)
        self.assertEqual(self.carol.stream().peer[0], native)
        self.alice.net6.deprecated = [native]  # what a last advertisement leaves
        self.alice.net6.signal.raised = True
        self.world.run(1000)
        self.assertEqual(self.alice.network.local, self.alice.tunnel6.address)
        self.assertTrue(self.alice.tunnel6.preferred)
        self.assertEqual(self.carol.stream().peer[0], self.alice.tunnel6.address)
        self.assertTrue(self.voice(self.alice, self.carol))
        self.assertTrue(self.voice(self.carol, self.alice))

    def test_without_anything_better_it_stays(self):
        self.start(("tunnel.mode", "off"))
        native = address("2001:db8:7::7")
        self.alice.net6.own.append(native)
        self.alice.net6.signal.raised = True
        self.world.run(1000)
        self.call(self.alice, self.carol)
        self.alice.net6.deprecated = [native]
        self.alice.net6.signal.raised = True
        self.world.run(1000)
        self.assertEqual([line for line in self.said if "moves to" in line], [])
        self.assertEqual(self.carol.stream().peer[0], native)

    def test_a_deprecated_address_serves_while_another_is_there(self):
        self.start()
        self.call(self.carol, self.alice)
        self.carol.net6.own.append(address("2001:db8:d::d"))
        self.carol.net6.deprecated = [address("2001:db8:c::c")]  # renumbered
        self.carol.net6.signal.raised = True
        self.world.run(1000)
        self.assertEqual(self.alice.stream().peer[0], address("2001:db8:c::c"))
        self.assertTrue(self.voice(self.carol, self.alice))


class Direct(Case):
    def test_voice_goes_straight_and_comes_back_to_the_server(self):
        self.start()
        self.call(self.alice, self.bob)
        self.talk(self.alice, self.bob, 2000)
        self.assertEqual(self.alice.access.tunnel.direct_paths(), 1)
        self.assertEqual(self.bob.access.tunnel.direct_paths(), 1)
        before = self.alice.tunnel6.sent_server
        self.talk(self.alice, self.bob, 2000)
        self.assertEqual(self.alice.tunnel6.sent_server, before)
        self.assertTrue(self.alice.tunnel6.sent_direct > 90)
        publics = [home.public for home in self.homes]
        self.world.drop = lambda data, source, destination: (
            destination[0] in publics and source[0] != self.operator.addr16
        )
        self.talk(self.alice, self.bob, 7000)
        self.assertEqual(self.alice.tunnel6.direct, {})
        self.assertTrue(self.voice(self.alice, self.bob))

    def test_the_setting_switches_it_off(self):
        self.start(("tunnel.direct", False))
        self.call(self.alice, self.bob)
        self.talk(self.alice, self.bob, 2000)
        self.assertEqual(self.alice.tunnel6.prefixes, ())
        self.assertEqual(self.alice.tunnel6.direct, {})
        self.assertTrue(self.voice(self.alice, self.bob))

    def test_prefixes_of_other_operators(self):
        self.start(("tunnel.prefixes", "2001:db8:9:9::/64"))
        self.assertIn(address("2001:db8:9:9::")[:8], self.alice.tunnel6.prefixes)
        self.assertIn(self.operator.prefix, self.alice.tunnel6.prefixes)
