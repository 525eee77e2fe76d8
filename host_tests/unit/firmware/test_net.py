# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Clock, addresses, driver, signalling endpoint, log."""

import unittest

from firmware import log
from firmware.net import network as addresses
from firmware.net.clock import Clock
from firmware.net.driver import Driver
from firmware.net.network import Network
from firmware.net.signalling import Signalling
from host_tests.unit.firmware import doubles

PERIOD = 1 << 30


def difference(newer, older):
    """MicroPython's ticks_diff."""
    return ((newer - older + PERIOD // 2) & (PERIOD - 1)) - PERIOD // 2


class TestClock(unittest.TestCase):
    def test_never_wraps(self):
        ticks = [PERIOD - 1000]
        clock = Clock(lambda: ticks[0], difference)
        self.assertEqual(clock.now(), 0)
        total = 0
        for _ in range(100):
            total += PERIOD // 3
            ticks[0] = (ticks[0] + PERIOD // 3) & (PERIOD - 1)
            self.assertEqual(clock.now(), total)

    def test_never_goes_back(self):
        ticks = [500]
        clock = Clock(lambda: ticks[0], difference)
        ticks[0] = 600
        self.assertEqual(clock.now(), 100)
        ticks[0] = 590
        self.assertEqual(clock.now(), 100)
        ticks[0] = 610
        self.assertEqual(clock.now(), 110)


class TestNetwork(unittest.TestCase):
    def make(self, *texts):
        world = doubles.World()
        self.net6 = doubles.Net6(world, [doubles.address(text) for text in texts])
        network = Network(self.net6)
        network.start(lambda: None)
        return network

    def source(self, network, text):
        own = network.source_for(doubles.address(text))
        return None if own is None else self.net6.text(own)

    def test_global_before_unique_local_before_link_local(self):
        network = self.make("fe80:2::1", "fd00::1", "2001:db8::1", "::1")
        self.assertEqual(self.net6.text(network.local), "2001:db8::1")
        self.assertTrue(network.is_global())
        own = [self.net6.text(addr16) for addr16 in network.own()]
        self.assertEqual(own[0], "2001:db8::1")
        self.assertEqual(len(own), 3)

    def test_deprecated_only_when_nothing_else_is_left(self):
        network = self.make("2001:db8::1", "2001:db8:1::1")
        self.net6.deprecated = [doubles.address("2001:db8::1")]
        network.update()
        self.assertEqual(self.net6.text(network.local), "2001:db8:1::1")
        self.net6.own.pop()
        network.update()
        self.assertEqual(self.net6.text(network.local), "2001:db8::1")

    def test_source_by_scope_and_prefix(self):
        network = self.make("fe80:2::1", "fe80:3::1", "fd00::1", "2001:db8:1::1", "2001:db8:2::1")
        self.assertEqual(self.source(network, "2001:db8:2::9"), "2001:db8:2::1")
        self.assertEqual(self.source(network, "2001:db8:1::9"), "2001:db8:1::1")
        self.assertEqual(self.source(network, "fd00::9"), "fd00::1")
        self.assertEqual(self.source(network, "fe80:3::9"), "fe80:3::1")
        self.assertEqual(self.source(network, "fe80:4::9"), None)
        self.assertEqual(self.source(network, "2001:db8:2::1"), "2001:db8:2::1")
        self.assertEqual(self.source(network, "::1"), "::1")

    def test_link_local_never_serves_a_global_peer(self):
        network = self.make("fe80:2::1")
        self.assertEqual(self.source(network, "2001:db8::9"), None)
        self.assertFalse(network.is_global())

    def test_zone(self):
        network = self.make("fe80:2::1", "2001:db8::1")
        self.assertEqual(network.zone(""), 2)
        self.assertEqual(network.zone("7"), 7)
        self.assertEqual(network.zone("eth0"), 0)
        self.assertEqual(self.make("fe80:2::1", "fe80:3::1").zone(""), 0)
        self.assertEqual(self.make("2001:db8::1").zone(""), 0)

    def test_listeners_hear_of_changes_alone(self):
        network = self.make("2001:db8::1")
        heard = []
        network.listeners.append(lambda: heard.append(network.local))
        network.update()
        self.assertEqual(heard, [])
        self.net6.own[0] = doubles.address("2001:db8::2")
        network.update()
        self.assertEqual(heard, [doubles.address("2001:db8::2")])
        self.net6.own.clear()
        network.update()
        self.assertEqual(heard[1], None)

    def test_interface_fault_is_text(self):
        world = doubles.World()
        network = Network(doubles.Net6(world, []))

        def broken():
            raise OSError(19, "as the test wants")

        network.start(broken)
        self.assertTrue(network.error)

    def test_scopes_stay_at_home(self):
        self.assertEqual(
            addresses.without_scope(doubles.address("fe80:5::1")), doubles.address("fe80::1")
        )
        self.assertEqual(
            addresses.with_scope(doubles.address("fe80::1"), 5), doubles.address("fe80:5::1")
        )


class Engine:
    """An engine that does as the test says."""

    def __init__(self):
        self.received = []
        self.out = []
        self.events = []
        self.timer = None
        self.fail = False

    def receive_datagram(self, data, peer, now):
        if self.fail:
            raise ValueError("a fault")
        self.received.append((data, peer, now))

    def handle_timer(self, now):
        self.timer = None
        if self.fail:
            raise ValueError("a fault")

    def get_timer(self):
        return self.timer

    def datagrams_to_send(self):
        out = self.out
        self.out = []
        return out

    def next_event(self):
        return self.events.pop(0) if self.events else None


class TestDriver(unittest.TestCase):
    def setUp(self):
        self.engine = Engine()
        self.clock = doubles.Clock()
        log.start(self.clock, None)
        self.sent = []
        self.events = []
        self.driver = Driver("test", self.engine, self.clock, self.send, self.event, self.error)
        self.errno = 0
        self.errors = []

    def send(self, data, peer, transport):
        if self.errno:
            raise OSError(self.errno, "as the test wants")
        self.sent.append((data, peer, transport))

    def error(self, peer, errno):
        self.errors.append((peer, errno))

    def event(self, event):
        self.events.append(event)
        if event == "command":
            self.engine.out.append((b"by command", 1, "UDP"))
            self.driver.drain()  # as a user does who does not know where he is called from
        elif event == "fault":
            raise ValueError("a fault of the user")

    def test_drains_both_outputs(self):
        self.engine.out = [(b"1", 1, "UDP"), (b"2", 1)]
        self.engine.events = ["a", "command", "b"]
        self.driver.drain()
        self.assertEqual([one[0] for one in self.sent], [b"1", b"2", b"by command"])
        self.assertEqual(self.events, ["a", "command", "b"])

    def test_faults_are_kept_small(self):
        self.engine.events = ["fault", "b"]
        self.driver.drain()
        self.assertEqual(self.events, ["fault", "b"])
        self.engine.fail = True
        self.engine.out = [(b"1", 1)]
        self.driver.receive(b"x", 1)
        self.assertEqual(len(self.sent), 1)
        self.engine.timer = 0
        self.driver.handle_timer(0)
        self.assertEqual(self.driver.counters["faults"], 3)

    def test_send_errors_are_told_and_counted(self):
        self.errno = doubles.ENETUNREACH
        self.engine.out = [(b"1", 7), (b"2", 7)]
        self.driver.drain()
        self.assertEqual(self.errors, [(7, 101), (7, 101)])
        self.assertEqual(self.driver.counters["send_errors"], 2)

    def test_an_engine_without_rest_ends(self):
        self.engine.events = ["x"] * 1000
        self.driver.drain()
        self.assertTrue(len(self.events) < 100)

    def test_timer_is_not_early(self):
        self.engine.timer = 10
        self.driver.handle_timer(9)
        self.assertEqual(self.driver.get_timer(), 10)
        self.driver.handle_timer(10)
        self.assertEqual(self.driver.get_timer(), None)

    def test_reads_a_bounded_number_and_drops_the_oversized(self):
        world = doubles.World()
        net6 = doubles.Net6(world, [doubles.address("2001:db8::1")])
        endpoint = net6.Endpoint(None, 5060, 20)
        for i in range(12):
            endpoint.waiting.append((b"x" * (i + 1), (b"p" * 16, 1), b"l" * 16))
        self.driver.read(endpoint, bytearray(6))
        self.assertEqual(len(endpoint.waiting), 4)
        self.assertEqual(len(self.engine.received), 6)
        self.assertEqual(self.driver.counters["oversize"], 2)


class TestSignalling(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        log.start(self.world.clock, None)
        self.net6 = doubles.Net6(
            self.world, [doubles.address("2001:db8::1"), doubles.address("2001:db8:1::1")]
        )
        self.network = Network(self.net6)
        self.network.start(lambda: None)

    def test_taken_port(self):
        self.net6.Endpoint(None, 5060)
        one = Signalling(self.net6, self.network, 5060, 24)
        self.assertTrue(one.taken)
        self.assertNotEqual(one.port, 5060)

    def test_dscp(self):
        one = Signalling(self.net6, self.network, 5060, 24)
        self.assertEqual(one.endpoint.traffic_class, 96)

    def test_answers_leave_from_where_they_were_asked(self):
        one = Signalling(self.net6, self.network, 5060, 24)
        peer = (doubles.address("2001:db8::9"), 5060)
        second = doubles.address("2001:db8:1::1")
        self.world.deliver(b"x", peer, (second, 5060))
        one.recv_into(one.buffer)
        one.send(b"y", peer)
        self.assertEqual(self.world.sent[-1][1], (second, 5060))
        self.net6.own.pop()  # gone: the other one then
        self.network.update()
        one.send(b"y", peer)
        self.assertEqual(self.world.sent[-1][1], (doubles.address("2001:db8::1"), 5060))

    def test_nothing_leaves_from_where_it_cannot_come_back(self):
        one = Signalling(self.net6, self.network, 5060, 24)
        self.net6.own[:] = [doubles.address("fe80:2::1")]
        self.network.update()
        with self.assertRaises(OSError) as caught:
            one.send(b"x", (doubles.address("2001:db8::9"), 5060))
        self.assertEqual(caught.exception.errno, doubles.ENETUNREACH)
        self.assertEqual(self.world.sent, [])

    def test_memory_of_peers_is_bounded(self):
        one = Signalling(self.net6, self.network, 5060, 24)
        for port in range(100):
            peer = (doubles.address("2001:db8::9"), port)
            self.world.deliver(b"x", peer, (self.net6.own[0], 5060))
            one.recv_into(one.buffer)
        self.assertEqual(len(one._peers), 8)


class TestLog(unittest.TestCase):
    def setUp(self):
        self.out = []
        self.clock = doubles.Clock()
        log.start(self.clock, self.out.append)

    def tearDown(self):
        log.start(None, None)

    def test_ring_is_bounded(self):
        for i in range(200):
            log.say("test", "line %d" % i)
        lines = log.lines()
        self.assertEqual(len(lines), 64)
        self.assertEqual(lines[-1], "0.000 test: line 199")
        self.assertEqual(lines[0], "0.000 test: line 136")
        self.assertEqual(len(self.out), 200)
        log.clear()
        self.assertEqual(log.lines(), [])
        log.say("test", "again")
        self.assertEqual(log.lines(), ["0.000 test: again"])

    def test_lines_are_cut_and_clean(self):
        log.say("test", "a\r\nb\x1b[2J" + "x" * 300)
        self.assertTrue(len(self.out[0]) < 180)
        for char in self.out[0]:
            self.assertTrue(char >= " ")

    def test_exception_has_its_name(self):
        try:
            {}["no such key"]
        except KeyError as exc:
            log.exception("test", exc)
        self.assertIn("KeyError", "\n".join(self.out))
        self.assertTrue(len(self.out) >= 2)
