# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Names: dialled, of registrars and proxies, servers of DHCPv6; DNS servers of all origins."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles, net_doubles, tunnels
from host_tests.unit.firmware.net_doubles import address

DNS = "2001:db8:53::53"


class Case(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.said = []
        log.start(self.world.clock, self.said.append)
        self.dns = tunnels.NameServer(self.world, address(DNS))

    def tearDown(self):
        log.start(None, None)

    def phone(self, changes=(), dns=(DNS,)):
        phone = doubles.TestPhone(self.world, ["2001:db8::a"], changes)
        phone.net6.dns = [address(text) for text in dns]
        phone.net6.signal.raised = True
        self.world.settle()
        return phone

    def registrar(self, text):
        return tunnels.Registrar(self.world, address(text))


class Dialling(Case):
    def test_a_name_without_account(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        alice = self.phone()
        alice.press("sip:bob@example.org", "call")
        self.assertEqual(alice.states()[0], "ringback")
        bob.press("call")
        self.assertEqual(alice.states()[0], "talking")
        kinds = [rtype for _, rtype in self.dns.asked]
        self.assertEqual(kinds, [35, 33, 33, 33, 28])  # NAPTR, SRV of each, AAAA
        invite = self.world.requests("INVITE")[0]
        self.assertTrue(invite.startswith(b"INVITE sip:bob@example.org "))
        self.assertEqual(len(alice.net6.endpoints), 3)  # SIP, RTP, RTCP

    def test_the_service_has_another_port(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"], [("sip.port", 5070)])
        self.dns.records = [
            tunnels.srv("_sip._udp.example.org", "host.example.org", 5070),
            tunnels.aaaa("host.example.org", "2001:db8::b"),
        ]
        self.phone().press("bob@example.org", "call")
        self.assertEqual(bob.states()[0], "incoming")

    def test_an_answer_that_was_cut_is_asked_for_by_tcp(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        self.dns.cuts = (28, 33)
        alice = self.phone()
        alice.press("sip:bob@example.org", "call")
        self.assertEqual(bob.states()[0], "incoming")
        self.assertEqual([rtype for _, rtype in self.dns.by_stream], [33, 33, 33, 28])
        self.assertEqual(alice.net6.streams, [])
        self.assertEqual([flow[0] for flow in alice.flows], alice.net6.listeners)

    def test_tcp_that_fails_leads_to_the_next_server(self):
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        self.dns.cuts = (28, 33)
        other = tunnels.NameServer(self.world, address("2001:db8:53::54"), self.dns.records)
        for how in ("refused", "silent"):
            if how == "refused":
                self.dns.listeners = []
            else:
                self.dns.listeners = [net_doubles.Listener(self.dns, 53)]
                self.dns.step = lambda: tunnels.Member.step(self.dns)
            bob = doubles.TestPhone(self.world, ["2001:db8::b"])
            alice = self.phone(dns=(DNS, "2001:db8:53::54"))
            alice.press("sip:bob@example.org", "call")
            self.world.run(30000)
            self.assertEqual(bob.states()[0], "incoming", how)
            self.assertIn(("example.org", 28), other.asked)
            self.assertEqual(alice.net6.streams, [])
            alice.press("hangup")
            self.world.run(40000)
            self.world.phones.remove(bob)
            self.world.hosts.remove(bob.net6)
            other.asked = []

    def test_words_while_it_is_looked_up(self):
        self.dns.silent = True
        alice = self.phone()
        alice.press("bob@example.org", "call")
        self.assertEqual(alice.states()[0], "locating")
        self.assertIn("Looking up", alice.text())
        self.world.run(30000)
        self.assertIn("No answer by DNS", "\n".join(self.said))
        self.assertEqual(alice.states()[0], "idle")
        self.assertEqual(len(alice.net6.endpoints), 1)

    def test_words_for_what_leads_nowhere(self):
        alice = self.phone()
        alice.press("bob@nowhere.example", "call")
        self.assertEqual(alice.states()[0], "ended")
        self.assertIn("Name not known", alice.text())
        alice.press("hangup", "bob@example.org;transport=tcp", "call")
        self.assertIn("Name not known", alice.text())
        alice.press("hangup", "bob@example.org;transport=sctp", "call")
        self.assertIn("Needs UDP, TCP or TLS", alice.text())
        alice.press("hangup", "sips:bob@example.org", "call")
        self.assertIn("TLS: set sip.tls_ca", alice.text())
        alone = self.phone(dns=())
        alone.press("bob@example.org", "call")
        self.assertIn("No DNS server", alone.text())

    def test_a_number_by_enum(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.dns.records = [
            tunnels.naptr("6.1.4.6.5.0.5.1.3.4.e164.example", "!^\\+43(.*)$!sip:\\1@example.org!"),
            tunnels.naptr("4.3.2.1.256.isn.example", "!^([^*]*).*$!sip:\\1@[2001:db8::b]!"),
            tunnels.aaaa("example.org", "2001:db8::b"),
        ]
        alice = self.phone()
        alice.phone.settings.set("dial.enum", "e164.arpa e164.example")
        alice.phone.settings.set("dial.isn", "isn.example")
        for number, uri in (
            ("+43 1 505 64 16", "sip:15056416@example.org"),
            ("1234*256", "sip:1234@[2001:db8::b]"),
        ):
            alice.press(number, "call")
            self.world.run(2000)
            self.assertEqual(bob.states()[0], "incoming", "\n".join(self.said))
            invite = self.world.requests("INVITE")[-1]
            self.assertTrue(invite.startswith(b"INVITE " + uri.encode() + b" "), invite)
            bob.press("call")
            self.assertEqual(alice.states()[0], "talking")
            alice.press("hangup")
            self.world.run(60000)

    def test_a_number_that_nobody_lists(self):
        alice = self.phone()
        alice.phone.settings.set("dial.enum", "e164.example")
        alice.press("+4315056416", "call")
        self.world.run(2000)
        self.assertIn("account", alice.text().lower())  # there is none to dial it with
        alice.press("hangup")
        self.dns.silent = True
        alice.press("+4315056417", "call", "hangup")
        self.dns.silent = False
        self.world.run(60000)
        self.assertEqual(alice.states(), ["idle", "idle"])
        self.assertEqual(self.world.requests("INVITE"), [])

    def test_hanging_up_while_it_is_looked_up(self):
        self.dns.silent = True
        alice = self.phone()
        alice.press("bob@example.org", "call", "hangup")
        self.assertIn("You gave up", alice.text())
        self.dns.silent = False
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        self.world.run(60000)
        self.assertEqual(alice.states(), ["idle", "idle"])
        self.assertEqual(self.world.requests("INVITE"), [])

    def test_the_next_place_when_one_is_silent(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.dns.records = [
            tunnels.srv("_sip._udp.example.org", "first.example.org", 5060, 1),
            tunnels.srv("_sip._udp.example.org", "second.example.org", 5060, 2),
            tunnels.aaaa("first.example.org", "2001:db8::dead"),
            tunnels.aaaa("second.example.org", "2001:db8::b"),
        ]
        alice = self.phone()
        alice.press("bob@example.org", "call")
        self.world.run(33000)
        self.assertEqual(bob.states()[0], "incoming")
        bob.press("call")
        self.assertEqual(alice.states()[0], "talking")
        alice.press("hangup")
        self.world.run(100000)
        self.assertEqual(len(alice.net6.endpoints), 1)
        self.assertEqual(len(alice.agent.sessions), 0)

    def test_a_place_out_of_reach_is_left_at_once(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.dns.records = [
            tunnels.aaaa("example.org", "fe80::1"),
            tunnels.aaaa("example.org", "2001:db8::b"),
        ]
        alice = self.phone()
        alice.press("bob@example.org", "call")
        self.world.run(100)
        self.assertIn(bob.states()[0], ("incoming", "idle"))

    def test_a_refusal_is_no_silence(self):
        refuses = self.registrar("2001:db8::b")
        refuses.status = 486
        self.dns.records = [
            tunnels.aaaa("example.org", "2001:db8::b"),
            tunnels.aaaa("example.org", "2001:db8::c"),
        ]
        alice = self.phone()
        alice.press("bob@example.org", "call")
        self.assertIn("Busy Here", alice.text())
        self.world.run(40000)
        self.assertEqual(len(self.world.requests("INVITE")), 1)


class Registering(Case):
    ACCOUNT = ("account.1.uri", "sip:alice@example.org")

    def test_registrar_by_name(self):
        registrar = self.registrar("2001:db8::53")
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::53")]
        phone = self.phone([self.ACCOUNT, ("account.1.registrar", "sip:example.org")])
        self.assertIn("1 alice: registered", phone.text())
        self.assertEqual(registrar.requests[0].uri_text, "sip:example.org")

    def test_proxy_by_name_goes_before_the_registrar(self):
        proxy = self.registrar("2001:db8::99")
        self.dns.records = [tunnels.aaaa("out.example.org", "2001:db8::99")]
        self.phone(
            [
                self.ACCOUNT,
                ("account.1.registrar", "sip:example.org"),
                ("account.1.proxy", "sip:out.example.org"),
            ]
        )
        self.assertEqual(len(proxy.requests), 1)

    def test_a_silent_registrar_and_the_next(self):
        second = self.registrar("2001:db8::53")
        self.dns.records = [
            tunnels.srv("_sip._udp.example.org", "a.example.org", 5060, 1),
            tunnels.srv("_sip._udp.example.org", "b.example.org", 5060, 2),
            tunnels.aaaa("a.example.org", "2001:db8::dead"),
            tunnels.aaaa("b.example.org", "2001:db8::53"),
        ]
        phone = self.phone([self.ACCOUNT, ("account.1.registrar", "sip:example.org")])
        self.assertIn("registering", phone.text())
        self.world.run(33000)
        self.assertIn("registered", phone.text())
        self.assertEqual(len(second.requests), 1)

    def test_a_name_that_is_known_later(self):
        registrar = self.registrar("2001:db8::53")
        phone = self.phone([self.ACCOUNT, ("account.1.registrar", "sip:example.org")])
        self.assertIn("Name not known", phone.text())
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::53")]
        self.world.run(61000)
        self.assertEqual(len(registrar.requests), 1)
        self.assertIn("registered", phone.text())

    def test_dns_that_comes_later(self):
        self.registrar("2001:db8::53")
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::53")]
        phone = self.phone([self.ACCOUNT, ("account.1.registrar", "sip:example.org")], dns=())
        self.assertIn("No DNS server", phone.text())
        phone.net6.dns = [address(DNS)]
        phone.net6.signal.raised = True
        self.world.settle()
        self.assertIn("registered", phone.text())

    def test_digits_go_to_the_domain_without_any_server(self):
        bob = doubles.TestPhone(self.world, ["2001:db8::b"])
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        self.phone([self.ACCOUNT]).press("123", "call")
        self.assertEqual(bob.states()[0], "incoming")


class DHCPv6(Case):
    """A router says O; the server is played by the test."""

    def setUp(self):
        super().setUp()
        self.alice = doubles.TestPhone(
            self.world,
            ["fe80:3::211:22ff:fe33:4455", "2001:db8::a"],
            [
                ("account.1.uri", "sip:alice@example.org"),
                ("account.1.registrar", "sip:example.org"),
            ],
        )
        self.out = []
        self.world.hooks.append(self._hook)

    def _hook(self, data, source, destination):
        if destination[1] == 547:
            self.out.append((data, source, destination))
            return None
        return source, destination

    def flags(self, managed, other):
        self.alice.net6.flags = (managed, other)
        self.alice.net6.signal.raised = True
        self.world.run(1100)

    def answer(self, msg_type, extra):
        """Answer the last message with options of code and octets."""
        data, source, _ = self.out[-1]
        at = 4
        options = b""
        while at < len(data):  # the client's identifier comes back
            code, length = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
            if code == 1:
                options += data[at : at + 4 + length]
            at += 4 + length
        for code, octets in [(2, b"\x00\x03\x00\x01server")] + extra:
            options += code.to_bytes(2, "big") + len(octets).to_bytes(2, "big") + octets
        reply = bytes((msg_type,)) + data[1:4] + options
        self.world.deliver(reply, (address("fe80:3::1"), 547), source)
        self.world.settle()

    def test_nothing_without_a_flag(self):
        self.world.run(5000)
        self.assertEqual(self.out, [])
        self.flags(False, False)
        self.assertEqual(self.out, [])

    def test_information(self):
        proxy = self.registrar("2001:db8::99")
        self.dns.records = [tunnels.aaaa("sip.example.net", "2001:db8::99")]
        self.flags(False, True)
        data, source, destination = self.out[-1]
        self.assertEqual(data[0], 11)  # Information-request
        self.assertEqual(source, (address("fe80:3::211:22ff:fe33:4455"), 546))
        self.assertEqual(destination[0], address("ff02:3::1:2"))
        self.assertIn(b"\x00\x03\x00\x01\x00\x11\x22\x33\x44\x55", data)  # the DUID: our MAC
        self.answer(
            7,
            [
                (23, address(DNS)),
                (24, b"\x07example\x03net\x00"),
                (21, b"\x03sip\x07example\x03net\x00"),
                (22, address("2001:db8::98")),
                (59, b"http://boot.example.net/phone"),
            ],
        )
        access = self.alice.access
        self.assertEqual(access.names.servers, [address(DNS)])
        self.assertEqual(access.domain(), "example.net")
        self.assertEqual(len(proxy.requests), 1)  # by name: domains go before addresses
        self.assertIn("registered", self.alice.text())
        self.alice.press("ok", "down", "ok")
        seen = self.alice.text()
        for _ in range(5):
            self.alice.press("down")
            seen += self.alice.text()
        self.assertIn("boot http://boot.example.net/phone", seen.replace("\n", ""))
        self.assertIn("boot file http://boot.example.net/phone", "\n".join(self.said))

    def test_sip_servers_by_address(self):
        proxy = self.registrar("2001:db8::98")
        self.flags(False, True)
        self.answer(7, [(22, address("2001:db8::98"))])
        self.assertEqual(len(proxy.requests), 1)

    def test_an_account_with_a_proxy_keeps_it(self):
        proxy = self.registrar("2001:db8::98")
        self.alice.settings.set("account.1.proxy", "sip:[2001:db8::97]")
        self.alice.phone.reload()
        self.flags(False, True)
        self.answer(7, [(22, address("2001:db8::98"))])
        self.assertEqual(proxy.requests, [])

    def test_addresses(self):
        self.flags(True, False)
        self.assertEqual(self.out[-1][0][0], 1)  # Solicit
        given = address("2001:db8:9::9")
        ia_address = given + (600).to_bytes(4, "big") + (1200).to_bytes(4, "big")
        iaid = address("fe80::211:22ff:fe33:4455")[12:]
        ia = iaid + bytes(8) + b"\x00\x05" + len(ia_address).to_bytes(2, "big") + ia_address
        self.answer(7, [(3, ia), (14, b"")])  # Reply with Rapid Commit
        self.assertEqual(self.alice.net6.added[given], (600, 1200))
        self.assertTrue(self.alice.network.has(given))
        self.alice.net6.own.remove(given)  # duplicate address detection found somebody
        self.alice.net6.signal.raised = True
        self.world.run(100)
        self.assertEqual(self.out[-1][0][0], 9)  # Decline
        self.assertIn("somebody else has 2001:db8:9::9", "\n".join(self.said))
        self.answer(7, [(13, b"\x00\x00")])
        self.world.run(3000)
        self.assertEqual(self.out[-1][0][0], 1)  # Solicit
        self.answer(7, [(3, ia), (14, b"")])
        self.assertTrue(self.alice.network.has(given))
        self.alice.net6.own.remove(address("fe80:3::211:22ff:fe33:4455"))
        self.alice.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(self.alice.net6.added, {})  # the link is gone


class Questions(Case):
    """How the questions themselves leave."""

    def ask(self, phone, name="example.org"):
        out = []
        phone.access.names.lookup(name, 28, lambda records, reason: out.append(len(records)))
        self.world.settle()
        return out

    def test_another_network_is_asked_anew(self):
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        other = tunnels.NameServer(self.world, address("2001:db8:54::54"))
        phone = self.phone()
        self.assertEqual(self.ask(phone), [1])
        self.assertEqual(self.ask(phone), [1])
        self.assertEqual(len(self.dns.asked), 1)
        phone.net6.dns = [address("2001:db8:54::54")]
        phone.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(self.ask(phone), [0])
        self.assertEqual(len(other.asked), 1)

    def test_a_local_port_that_is_taken(self):
        self.dns.records = [tunnels.aaaa("example.org", "2001:db8::b")]
        phone = self.phone()
        make = phone.net6.Endpoint
        refused = []

        def once(local=None, port=0, queue=8):
            if port >= 32768 and not refused:
                refused.append(port)
                raise OSError(98, "as the test wants")
            return make(local, port, queue)

        phone.net6.Endpoint = once
        self.assertEqual(self.ask(phone), [1])
        self.assertEqual(len(refused), 1)

    def test_they_leave_from_the_address_for_that_server(self):
        phone = self.phone()
        near = address("2001:db8:53::1")
        phone.net6.own.append(near)
        phone.net6.signal.raised = True
        self.world.settle()
        self.ask(phone)
        questions = [one for one in self.world.sent if one[2][1] == 53]
        self.assertEqual(questions[0][1][0], near)

    def test_none_leaves_by_a_tunnel_that_is_not_used_yet(self):
        tunnels.Operator(self.world)
        home = tunnels.Home(self.world, dns_servers=["192.0.2.53"])
        local = tunnels.NameServer(self.world, tunnels.four("192.0.2.53"))
        phone = doubles.TestPhone(
            self.world, [], [("tunnel.martians", "lab")], home=home, servers=("198.51.100.1",)
        )
        phone.net6.dns = [address(DNS)]
        phone.net6.signal.raised = True
        self.world.run(500)
        self.assertNotEqual(phone.tunnel6.address, None)
        self.assertEqual(self.ask(phone), [0])
        self.assertEqual(len(local.asked), 1)
        self.assertEqual(phone.tunnel6.sent_server, 0)


class Origins(Case):
    def test_order(self):
        tunnels.Operator(self.world, dns_server=address("2001:db8:3653::53"))
        phone = doubles.TestPhone(
            self.world,
            [],
            [("tunnel.martians", "lab")],
            home=tunnels.Home(self.world, dns_servers=["192.0.2.53"]),
            servers=("198.51.100.1",),
        )
        self.world.run(1000)
        self.assertEqual(phone.access.names.servers, [tunnels.four("192.0.2.53")])
        self.world.run(1000)
        tunnelled = [address("2001:db8:3653::53"), tunnels.four("192.0.2.53")]
        self.assertEqual(phone.access.names.servers, tunnelled)
        phone.net6.dns = [address(DNS)]
        phone.net6.signal.raised = True
        self.world.settle()
        self.assertEqual(phone.access.names.servers, [address(DNS)] + tunnelled)
