# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The driver of the tunnel: sockets, keepalive, what C has seen, what a server says."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles, tunnels
from host_tests.unit.firmware.net_doubles import address

OPERATOR = "198.51.100.1"
SECOND = "198.51.100.2"


class Case(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.said = []
        log.start(self.world.clock, self.said.append)
        self.home = tunnels.Home(self.world)
        self.operator = tunnels.Operator(self.world)

    def tearDown(self):
        log.start(None, None)

    def up(self, servers=(OPERATOR,)):
        self.phone = doubles.TestPhone(
            self.world, [], [("tunnel.martians", "lab")], home=self.home, servers=servers
        )
        self.world.run(2000)
        self.tunnel = self.phone.access.tunnel
        return self.phone

    def to_operator(self):
        """Return the datagrams to the operator as they arrive, and forget them."""
        port = (self.operator.addr16, tunnels.PORT)
        out = [one for one in self.world.sent if one[2] == port]
        self.world.sent.clear()
        return out

    def assert_log(self, text):
        self.assertTrue([line for line in self.said if text in line], "\n".join(self.said))


class Sockets(Case):
    def test_one_port_for_the_life_of_the_tunnel(self):
        phone = self.up()
        self.world.run(600000)
        ports = []
        for _, source, destination in self.world.sent:
            if destination[0] == self.operator.addr16 and source[0] == phone.net6.ipv4:
                if source[1] not in ports:
                    ports.append(source[1])
        tunnel = phone.tunnel6.endpoint.port
        self.assertTrue(1024 <= tunnel <= 65535 and tunnel != 3653)
        self.assertEqual(ports[0], tunnel)
        self.assertTrue(len(ports) <= 2)  # and the second socket of the keepalive search

    def test_ports_differ_from_phone_to_phone(self):
        seen = [self.up().tunnel6.endpoint.port for _ in range(4)]
        self.assertTrue(len([one for one in seen if seen.count(one) == 1]) >= 3)

    def test_a_port_that_is_taken(self):
        self.up()
        taken = self.phone.tunnel6.endpoint.port
        random = self.tunnel._random
        first = [taken - 20000]

        def chosen(octets):
            if octets == 2 and first:
                return first.pop().to_bytes(2, "big")
            return random(octets)

        self.tunnel.stop(self.world.clock.ms)
        other = self.phone.net6.Endpoint(b"\x00" * 10 + b"\xff\xff" + bytes(4), taken)
        self.tunnel._random = chosen
        self.tunnel.start([(tunnels.four(OPERATOR), 3653)], None, self.world.clock.ms)
        self.assertNotEqual(self.phone.tunnel6.endpoint.port, taken)
        self.assertEqual(first, [])
        other.close()

    def test_another_socket_when_the_server_is_silent(self):
        phone = self.up()
        before = phone.tunnel6.endpoint
        self.operator.silent = True
        self.world.run(240000)
        self.assertTrue(before.closed)
        self.assert_log("another socket: no answer")
        self.assertEqual(phone.network.local, None)
        self.operator.silent = False
        self.world.run(1000000)
        self.assertNotEqual(phone.network.local, None)

    def test_the_next_server(self):
        self.operator.silent = True
        tunnels.Operator(self.world, SECOND, "2001:db8:3653:2::")
        phone = self.up((OPERATOR, SECOND))
        self.world.run(20000)
        self.assertEqual(phone.network.local[:8], address("2001:db8:3653:2::")[:8])
        self.assert_log("asks 198.51.100.2 for a tunnel")

    def test_cheap_datagrams_end_behind_the_nat(self):
        phone = self.up()
        self.tunnel._send(b"", (self.operator.addr16, 3653), "cheap")
        self.assertEqual(phone.tunnel6.endpoint.hop_limits[-1], 3)
        self.tunnel._send(b"x", (self.operator.addr16, 3653), "tunnel")
        self.assertEqual(phone.tunnel6.endpoint.hop_limits[-1], 0)

    def test_the_second_socket_lives_for_the_search_alone(self):
        phone = self.up()
        self.assertEqual(len(phone.net6.endpoints), 2)
        self.world.run(62000)
        self.assertEqual(len(phone.net6.endpoints), 3)
        self.world.run(30000000)
        self.assert_log("the NAT keeps its mapping for")
        self.assertEqual(len(phone.net6.endpoints), 2)

    def test_all_is_closed_at_the_end(self):
        phone = self.up()
        self.world.run(70000)
        phone.access._end_tunnel(self.world.clock.ms)
        self.assertEqual(len(phone.net6.endpoints), 1)
        self.assertEqual(phone.tunnel6.address, None)
        self.assertEqual(self.tunnel.get_timer(), None)


class Keepalive(Case):
    def test_echoes_keep_the_mapping_and_find_its_end(self):
        phone = self.up()
        self.to_operator()
        self.world.run(56000)
        echoes = [one for one in self.to_operator() if one[0][:1] == b"\x60"]
        self.assertTrue(2 <= len(echoes) <= 3, len(echoes))
        own = phone.network.local
        self.home.rebind()
        self.world.run(30000)
        self.assertNotEqual(phone.network.local, own)
        self.assert_log("the NAT's mapping changed")

    def test_own_traffic_stands_for_echoes(self):
        phone = self.up()
        self.to_operator()
        for second in range(120):
            phone.tunnel6.carry(b"x" * 20, (phone.network.local, 5060), (address("2001::9"), 9))
            self.world.run(1000)
            if second == 30:
                self.to_operator()  # when it began was not known
        echoes = [one for one in self.to_operator() if len(one[0]) < 60 and one[0][6] == 58]
        self.assertEqual(echoes, [])

    def test_traffic_of_before_stands_for_nothing(self):
        phone = self.up()
        phone.tunnel6.carry(b"x" * 20, (phone.network.local, 5060), (address("2001::9"), 9))
        self.to_operator()
        last = self.world.clock.ms
        self.world.run(28000)  # at most: seen late, it must not make the silence longer
        self.assertTrue(self.to_operator() != [], self.world.clock.ms - last)


class Said(Case):
    def test_a_refusal(self):
        self.operator.server.drain(["other.example"])
        self.up()
        self.assert_log("198.51.100.1: 1530")
        self.assert_log("asks DNS for other.example")

    def test_native_addresses_of_peers_are_not_probed(self):
        phone = self.up()
        phone.tunnel6.carry(b"x" * 20, (phone.network.local, 5060), (address("2001:db8::9"), 9))
        self.assertFalse(phone.tunnel6.signal_.raised)

    def test_a_nat_that_alters_payload(self):
        phone = self.up()
        own = phone.network.local

        endpoint = phone.tunnel6.endpoint
        take = endpoint.take

        def alter(data, source, local):
            if data[6:7] == b"\x3a" and data[24:40] == own:
                data = data[:32] + bytes((9, 9, 9, 9)) + data[36:]
            take(data, source, local)

        endpoint.take = alter
        self.world.run(40000)
        self.assertIn("NAT alters payload", phone.text())
        self.assert_log("no tunnel can work here")
