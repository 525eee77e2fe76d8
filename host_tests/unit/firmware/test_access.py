# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How a phone gets to IPv6: an order of preference, servers of the tunnel, what is shown."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles, tunnels
from host_tests.unit.firmware.net_doubles import address

NATIVE = "2001:db8:7::7"
OPERATOR = "198.51.100.1"
LAB = ("tunnel.martians", "lab")


class Case(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.said = []
        log.start(self.world.clock, self.said.append)
        self.home = tunnels.Home(self.world)
        self.operator = tunnels.Operator(self.world)

    def tearDown(self):
        log.start(None, None)

    def phone(self, texts=(), changes=(), home=None, servers=(OPERATOR,)):
        """Return a phone at this home with a built-in server."""
        return doubles.TestPhone(
            self.world,
            list(texts),
            [LAB] + list(changes),
            home=home or self.home,
            servers=servers,
        )

    def up(self, **how):
        """Return a phone whose tunnel is used."""
        phone = self.phone(**how)
        self.world.run(2000)
        self.assertTrue(phone.network.tunnel_used)
        return phone

    def native(self, phone, text=NATIVE):
        phone.net6.own.append(address(text))
        phone.net6.signal.raised = True
        self.world.settle()

    def no_native(self, phone):
        phone.net6.own.clear()
        phone.net6.signal.raised = True
        self.world.settle()

    def assert_log(self, text):
        self.assertTrue([line for line in self.said if text in line], "\n".join(self.said))

    def to_operator(self):
        """Return how many datagrams went to the operator."""
        port = (self.operator.addr16, tunnels.PORT)
        return len([one for one in self.world.sent if one[2] == port])


class Preference(Case):
    def test_ipv4_alone_has_ipv6_after_a_second_and_a_half(self):
        phone = self.phone()
        self.world.run(1400)
        self.assertNotEqual(phone.access.tunnel.address, None)
        self.assertEqual(phone.network.local, None)
        self.assertFalse(phone.tunnel6.preferred)
        self.assertIn("Looking for IPv6", phone.text())
        self.world.run(200)
        self.assertEqual(phone.network.local, phone.access.tunnel.address)
        self.assertTrue(phone.tunnel6.preferred)
        self.assertIn("IPv6 by tunnel", phone.text())
        self.assert_log("IPv4 only, asks 198.51.100.1 for a tunnel")
        self.assert_log("IPv6 by the tunnel")

    def test_native_that_is_there_asks_nobody(self):
        phone = self.phone([NATIVE])
        self.world.run(60000)
        self.assertEqual(self.to_operator(), 0)
        self.assertEqual(phone.network.local, address(NATIVE))
        self.assertTrue(phone.tunnel6.started)

    def test_native_before_the_tunnel_is_used_ends_it(self):
        phone = self.phone()
        self.world.run(1000)
        self.assertTrue(self.to_operator() > 0)
        self.native(phone)
        before = self.to_operator()
        self.world.run(120000)
        self.assertEqual(self.to_operator(), before)
        self.assertEqual(phone.tunnel6.address, None)
        self.assertEqual(phone.tunnel6.endpoint, None)
        self.assertFalse(phone.network.tunnel_used)
        self.assertEqual(len(phone.net6.endpoints), 1)
        self.assert_log("native IPv6 is here first")

    def test_native_later_is_preferred_and_the_tunnel_lingers(self):
        phone = self.up()
        own = phone.access.tunnel.address
        self.native(phone)
        self.assertEqual(phone.network.local, address(NATIVE))
        self.assertTrue(phone.network.has(own))
        self.assertFalse(phone.tunnel6.preferred)
        self.world.run(590000)
        self.assertTrue(phone.network.has(own))
        self.world.run(25000)
        self.assertFalse(phone.network.has(own))
        self.assertFalse(phone.access.tunnel.is_running())
        before = self.to_operator()
        self.world.run(120000)
        self.assertEqual(self.to_operator(), before)

    def test_native_that_goes_gives_the_tunnel_back(self):
        phone = self.up()
        own = phone.access.tunnel.address
        self.native(phone)
        self.no_native(phone)
        self.assertEqual(phone.network.local, own)
        self.assertTrue(phone.tunnel6.preferred)
        self.world.run(900000)
        self.assertEqual(phone.network.local, own)

    def test_native_lost_after_the_tunnel_has_ended_starts_it(self):
        phone = self.phone([NATIVE])
        self.world.run(5000)
        self.no_native(phone)
        self.world.run(2000)
        self.assertNotEqual(phone.network.local, None)
        self.assertEqual(phone.network.local, phone.tunnel6.address)

    def test_unique_local_is_not_native(self):
        phone = self.phone(["fd00::7"])
        self.world.run(2000)
        self.assertEqual(phone.network.local, phone.tunnel6.address)

    def test_another_ipv4_network_begins_anew(self):
        phone = self.up()
        own = phone.access.tunnel.address
        other = tunnels.Home(self.world, "203.0.113.88", "192.0.3")
        other.add(phone)
        self.world.run(100)
        self.assertNotEqual(phone.network.local, own)
        self.assertEqual(phone.network.local[8:12], bytes((203, 0, 113, 88)))
        self.assert_log("IPv4 192.0.3.10")

    def test_ipv4_lost_ends_the_tunnel(self):
        phone = self.up()
        phone.net6.ipv4 = None
        phone.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(phone.network.local, None)
        self.assertFalse(phone.access.tunnel.is_running())
        self.assertIn("No IPv6 address", phone.text())
        self.home.add(phone)
        self.world.run(2000)
        self.assertNotEqual(phone.network.local, None)

    def test_off(self):
        phone = self.phone(changes=[("tunnel.mode", "off")])
        self.world.run(20000)
        self.assertEqual(self.to_operator(), 0)
        phone.press("ok", "down", "ok")
        self.assertIn("Tunnel off", phone.text())

    def test_reload_takes_the_settings(self):
        phone = self.up()
        phone.settings.set("tunnel.mode", "off")
        phone.phone.reload()
        self.world.settle()
        self.assertEqual(phone.network.local, None)
        phone.settings.set("tunnel.mode", "auto")
        phone.phone.reload()
        self.world.run(2000)
        self.assertNotEqual(phone.network.local, None)

    def test_lab_martians_are_warned_of(self):
        self.up()
        self.assert_log("for laboratories alone")


class Registrations(Case):
    def test_they_move_to_native_and_leave_from_there(self):
        registrar = tunnels.Registrar(self.world, address("2001:db8:5::5"))
        phone = self.up(
            changes=[
                ("account.1.uri", "sip:alice@example.org"),
                ("account.1.registrar", "sip:[2001:db8:5::5]"),
            ]
        )
        own = phone.net6.text(phone.network.local)
        self.assertIn(own, registrar.requests[-1].values("contact")[0])
        self.native(phone)
        self.assertIn(NATIVE, registrar.requests[-1].values("contact")[0])
        self.assertEqual(registrar.sources[-1][0], address(NATIVE))
        self.no_native(phone)
        self.assertIn(own, registrar.requests[-1].values("contact")[0])

    def test_no_contact_that_reaches_nowhere(self):
        registrar = tunnels.Registrar(self.world, address("2001:db8:5::5"))
        phone = self.phone(
            ["fe80:3::7"],
            changes=[
                ("account.1.uri", "sip:alice@example.org"),
                ("account.1.registrar", "sip:[2001:db8:5::5]"),
            ],
        )
        self.world.run(1400)
        self.assertNotEqual(phone.tunnel6.address, None)
        self.assertEqual(registrar.requests, [])
        self.assertIn("No route there", phone.text())
        self.world.run(200)
        self.assertEqual(phone.phone.accounts.all[0].state, "registered")
        self.assertIn("2001:db8:3653:", registrar.requests[0].values("contact")[0])


class Servers(Case):
    def setUp(self):
        super().setUp()
        self.home = tunnels.Home(self.world, domain="isp.example", dns_servers=["192.0.2.53"])
        self.dns = tunnels.NameServer(self.world, tunnels.four("192.0.2.53"))

    def test_the_setting_goes_first(self):
        self.dns.records = [tunnels.srv("_tsp._udp.isp.example", "other.example")]
        phone = self.phone(changes=[("tunnel.servers", OPERATOR)], servers=())
        self.world.run(2000)
        self.assertNotEqual(phone.network.local, None)
        self.assertEqual(self.dns.asked, [])

    def test_the_network_names_a_server(self):
        self.dns.records = [
            tunnels.srv("_tsp._udp.isp.example", "tsp.isp.example"),
            tunnels.a("tsp.isp.example", OPERATOR),
        ]
        phone = self.phone(servers=("203.0.113.9",))
        self.world.run(2000)
        self.assertNotEqual(phone.network.local, None)
        self.assertEqual(self.dns.asked, [("_tsp._udp.isp.example", 33), ("tsp.isp.example", 1)])
        self.assertEqual(len(phone.net6.endpoints), 2)  # SIP and the tunnel: none of DNS

    def test_the_built_in_list_is_the_last(self):
        phone = self.phone()
        self.world.run(2500)
        self.assertNotEqual(phone.network.local, None)
        self.assertEqual(self.dns.asked, [("_tsp._udp.isp.example", 33)])

    def test_another_port_is_no_server(self):
        self.dns.records = [tunnels.srv("_tsp._udp.isp.example", "tsp.isp.example", 53)]
        phone = self.phone()
        self.world.run(2500)
        self.assertNotEqual(phone.network.local, None)
        self.assert_log("no server: tsp.isp.example port 53")

    def test_silent_dns_leads_to_the_built_in_list(self):
        self.dns.silent = True
        phone = self.phone()
        self.world.run(9000)
        self.assertNotEqual(phone.network.local, None)

    def test_an_answer_that_native_ipv6_has_overtaken(self):
        self.dns.silent = True
        phone = self.phone()
        self.world.run(500)
        self.native(phone)
        self.dns.silent = False
        self.world.run(20000)
        self.assertEqual(self.dns.asked, [("_tsp._udp.isp.example", 33)])
        self.assertEqual(self.to_operator(), 0)

    def test_no_server_is_said_and_looked_for_again(self):
        phone = self.phone(servers=())
        self.world.run(1000)
        self.assertIn("No tunnel server", phone.text())
        self.dns.records = [
            tunnels.srv("_tsp._udp.isp.example", "tsp.isp.example"),
            tunnels.a("tsp.isp.example", OPERATOR),
        ]
        self.world.run(63000)
        self.assertNotEqual(phone.network.local, None)

    def test_server_names_without_address_are_waited_for(self):
        phone = self.phone(changes=[("tunnel.servers", "gone.example")])
        self.world.run(1000)
        self.assertIn("No server, wait", phone.text())
        self.assert_log("gone.example: not found")
        self.dns.records = [tunnels.a("gone.example", OPERATOR)]
        self.world.run(80000)
        self.assertNotEqual(phone.network.local, None)

    def test_another_domain_has_other_servers(self):
        phone = self.phone()
        self.world.run(2500)
        self.assertEqual(phone.access.tunnel.server, OPERATOR)
        second = tunnels.Operator(self.world, "198.51.100.2", "2001:db8:3653:2::")
        other = tunnels.Home(
            self.world, "203.0.113.88", "192.0.3", "other.example", ["192.0.3.53"]
        )
        dns = tunnels.NameServer(self.world, tunnels.four("192.0.3.53"))
        dns.records = [
            tunnels.srv("_tsp._udp.other.example", "tsp.other.example"),
            tunnels.a("tsp.other.example", second.text),
        ]
        other.add(phone)
        self.world.run(2000)
        self.assertEqual(phone.access.tunnel.server, "198.51.100.2")
        self.assertEqual(phone.network.local[:8], second.prefix)

    def test_a_domain_that_is_told_later(self):
        self.home.domain = ""
        phone = self.phone(servers=())
        self.world.run(1000)
        self.assertIn("No tunnel server", phone.text())
        self.dns.records = [
            tunnels.srv("_tsp._udp.isp.example", "tsp.isp.example"),
            tunnels.a("tsp.isp.example", OPERATOR),
        ]
        phone.tunnel6.domain = "isp.example"
        phone.net6.signal.raised = True
        self.world.run(2000)
        self.assertNotEqual(phone.network.local, None)

    def test_no_socket_is_tried_again_later(self):
        phone = self.phone(changes=[("tunnel.mode", "off")])
        make = phone.net6.Endpoint
        tries = []

        def none(local=None, port=0, queue=8):
            if local[:12] == tunnels.MAPPED and 20000 <= port < 32000:
                tries.append(port)
                raise OSError(12, "as the test wants")
            return make(local, port, queue)

        phone.net6.Endpoint = none
        phone.settings.set("tunnel.mode", "auto")
        phone.phone.reload()
        self.world.run(20000)
        self.assertEqual(len(tries), 8)
        phone.net6.Endpoint = make
        self.world.run(70000)
        self.assertNotEqual(phone.network.local, None)

    def test_a_silent_server_is_said(self):
        self.operator.silent = True
        phone = self.phone()
        self.world.run(1000)
        self.assertIn("Asks 198.51.100.1", phone.text())
        self.world.run(20000)
        self.assertIn("No server, wait", phone.text())
        self.assert_log("no server serves us")


class Shown(Case):
    def test_network_page(self):
        self.home.dns = [tunnels.four("192.0.2.53")]
        phone = self.up()
        phone.press("ok", "down", "ok")
        seen = phone.text()
        for _ in range(4):
            phone.press("down")
            seen += "\n" + phone.text()
        for text in (
            "IPv6 by tunnel", "by 198.51.100.1", "keepalive 28 s", "direct paths: 0",
            "IPv4 192.0.2.10", "DNS 192.0.2.53",
        ):  # fmt: skip
            self.assertIn(text, seen)
        own = phone.net6.text(phone.network.local)
        self.assertIn(own, seen.replace("\n", ""))

    def test_native_page(self):
        phone = self.phone([NATIVE])
        self.world.run(100)
        phone.press("ok", "down", "ok")
        self.assertIn("Native IPv6", phone.text())
        self.assertNotIn("tunnel", phone.text())

    def test_spare_tunnel(self):
        phone = self.up()
        self.native(phone)
        phone.press("ok", "down", "ok")
        self.assertIn("Native IPv6", phone.text())
        self.assertIn("Tunnel for old calls", phone.text())
