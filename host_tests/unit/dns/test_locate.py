# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dns/locate.py: RFC 3263 section 4, each way through it, over a resolver and a zone."""

import unittest

from host_tests.unit.dns.helpers import SERVER, Seed, octets, reply, resolver
from vox6 import dns
from vox6.dns import message, rdata
from vox6.dns.events import Located, LocateFailed
from vox6.dns.locate import ordered
from vox6.wire import LocalProtocolError, parse_address

H1 = parse_address("2001:db8::1")
H2 = parse_address("2001:db8::2")
H3 = parse_address("2001:db8::3")


def naptr(order, preference, services, replacement, flags=b"s", regexp=b""):
    return rdata.NAPTRData(order, preference, flags, services, regexp, replacement)


def srv(target, port=5060, priority=0, weight=1):
    return rdata.SRVData(priority, weight, port, target)


def aaaa(*addresses):
    return [rdata.AddressData(dns.AAAA, addr16) for addr16 in addresses]


# the example of RFC 3263 section 4.1
EXAMPLE = {
    ("example.com", dns.NAPTR): [
        naptr(100, 50, b"SIP+D2U", "_sip._udp.example.com"),
        naptr(50, 50, b"SIPS+D2T", "_sips._tcp.example.com"),
        naptr(90, 50, b"sip+d2t", "_sip._tcp.Example.com"),
    ],
    ("_sip._tcp.example.com", dns.SRV): [
        srv("server2.example.com", priority=1),
        srv("server1.example.com"),
    ],
    ("_sip._udp.example.com", dns.SRV): [srv("server1.example.com", 5070)],
    ("_sips._tcp.example.com", dns.SRV): [srv("server3.example.com", 5061)],
    ("server1.example.com", dns.AAAA): aaaa(H1),
    ("server2.example.com", dns.AAAA): aaaa(H2, H1),
    ("server3.example.com", dns.AAAA): aaaa(H3),
    ("example.com", dns.AAAA): aaaa(H2),
    ("_sip._udp.plain.example", dns.SRV): [srv("server1.example.com", 5080)],
    ("plain.example", dns.AAAA): aaaa(H3),
    ("bare.example", dns.AAAA): aaaa(H3),
    ("_sip._udp.closed.example", dns.SRV): [srv(".", 0)],
    ("closed.example", dns.AAAA): aaaa(H3),
}


class Both:
    """A locator over a resolver over a zone; silent: names that nobody answers for."""

    def __init__(
        self, zone=EXAMPLE, transports=("UDP", "TCP", "TLS"), silent=(), addresses=dns.AAAA
    ):
        self.zone = zone
        self.silent = silent
        self.resolver = resolver()
        self.locator = dns.Locator(self.resolver, Seed(3), transports, addresses)
        self.asked = []
        self.now = 0

    def run(self):
        """Answer until it is quiet; return the events of the locator."""
        out = []
        for _ in range(200):
            busy = False
            for data, _, _, port in self.resolver.datagrams_to_send():
                busy = True
                question = dns.Message.parse(data).questions[0]
                key = (dns.canonical(question.name), question.rtype)
                self.asked.append(key)
                if key[0] in self.silent:
                    continue
                found = [dns.Record(key[0], 60, one) for one in self.zone.get(key, ())]
                rcode = message.NOERROR if found else message.NXDOMAIN
                answer = octets(reply(data, found, rcode=rcode))
                self.resolver.receive_datagram(answer, SERVER, self.now, port)
            event = self.resolver.next_event()
            while event is not None:
                busy = True
                self.locator.receive_event(event, self.now)
                event = self.resolver.next_event()
            event = self.locator.next_event()
            while event is not None:
                out.append(event)
                event = self.locator.next_event()
            if not busy:
                if self.resolver.get_timer() is None:
                    return out
                self.now = self.resolver.get_timer()
                self.resolver.handle_timer(self.now)
        raise AssertionError("no end")

    def places(self, host, port=None, transport=None, secure=False):
        self.locator.locate(host, port, transport, secure, self.now)
        (event,) = self.run()
        assert isinstance(event, Located), event.reason
        return [(one.transport, one.addr16, one.port) for one in event.candidates]

    def failure(self, host, port=None, transport=None, secure=False):
        self.locator.locate(host, port, transport, secure, self.now)
        (event,) = self.run()
        assert isinstance(event, LocateFailed)
        return event.reason


TLS3 = ("TLS", H3, 5061)
TCP = [("TCP", H1, 5060), ("TCP", H2, 5060), ("TCP", H1, 5060)]
UDP = ("UDP", H1, 5070)


class LocateTest(unittest.TestCase):
    def test_the_example_of_the_rfc(self):
        self.assertEqual(Both().places("Example.COM"), [TLS3] + TCP + [UDP])
        self.assertEqual(Both(transports=("UDP", "TCP")).places("example.com"), TCP + [UDP])
        self.assertEqual(Both(transports=("UDP",)).places("example.com"), [UDP])

    def test_sips(self):
        both = Both()
        self.assertEqual(both.places("example.com", None, None, True), [TLS3])
        self.assertNotIn(("_sip._udp.example.com", dns.SRV), both.asked)
        self.assertEqual(both.places("example.com", None, "TCP", True), [TLS3])
        self.assertEqual(both.places("example.com", 7000, None, True), [("TLS", H2, 7000)])
        self.assertEqual(both.places("bare.example", None, None, True), [("TLS", H3, 5061)])

    def test_literals(self):
        both = Both()
        for args, place in (
            ((None, None, False), ("UDP", H1, 5060)),
            ((5070, None, False), ("UDP", H1, 5070)),
            ((None, "TCP", False), ("TCP", H1, 5060)),
            ((None, "TLS", False), ("TLS", H1, 5061)),
            ((None, None, True), ("TLS", H1, 5061)),
        ):
            self.assertEqual(both.places("2001:db8::1", *args), [place])
        self.assertEqual(both.asked, [])

    def test_a_port_needs_addresses_alone(self):
        both = Both()
        self.assertEqual(both.places("example.com", 5060), [("UDP", H2, 5060)])
        self.assertEqual(both.asked, [("example.com", dns.AAAA)])
        self.assertEqual(both.places("example.com", 5, "TCP"), [("TCP", H2, 5)])

    def test_a_transport_needs_no_naptr(self):
        both = Both()
        self.assertEqual(both.places("example.com", None, "TCP"), TCP)
        self.assertNotIn(("example.com", dns.NAPTR), both.asked)

    def test_ipv4_hosts(self):
        """The same ways lead to A alone, and what is there comes v4-mapped."""
        zone = {key: found for key, found in EXAMPLE.items() if key[1] != dns.AAAA}
        for i in range(1, 4):
            host = [rdata.AddressData(dns.A, bytes((192, 0, 2, i)))]
            zone[("server%d.example.com" % i, dns.A)] = host
        zone[("bare.example", dns.A)] = [rdata.AddressData(dns.A, bytes((192, 0, 2, 9)))]
        both = Both(zone, addresses=dns.A)
        mapped = [parse_address("::ffff:c000:20%d" % i) for i in (1, 2, 3, 9)]
        self.assertEqual(
            both.places("example.com"),
            [
                ("TLS", mapped[2], 5061),
                ("TCP", mapped[0], 5060),
                ("TCP", mapped[1], 5060),
                ("UDP", mapped[0], 5070),
            ],
        )
        self.assertEqual(both.places("bare.example"), [("UDP", mapped[3], 5060)])
        self.assertEqual(both.places("bare.example", 7), [("UDP", mapped[3], 7)])
        self.assertEqual([key for key in both.asked if key[1] == dns.AAAA], [])
        self.assertEqual(Both(addresses=dns.A).failure("example.com", 5060), "no addresses")

    def test_without_naptr(self):
        both = Both()
        self.assertEqual(both.places("plain.example"), [("UDP", H1, 5080)])
        asked = [name for name, rtype in both.asked if rtype == dns.SRV]
        self.assertEqual(
            asked,
            ["_sip._udp.plain.example", "_sip._tcp.plain.example", "_sips._tcp.plain.example"],
        )

    def test_without_srv(self):
        self.assertEqual(Both().places("bare.example"), [("UDP", H3, 5060)])
        self.assertEqual(Both().places("bare.example", None, "TCP"), [("TCP", H3, 5060)])
        some = Both(transports=("TLS", "TCP"))
        self.assertEqual(some.places("bare.example"), [("TLS", H3, 5061)])

    def test_a_service_that_is_decidedly_not_there(self):
        self.assertEqual(Both().failure("closed.example"), "no such service")

    def test_naptr_that_does_not_count(self):
        wrong = [
            naptr(1, 1, b"SIP+D2S", "_sip._sctp.example.com"),
            naptr(1, 1, b"E2U+sip", ".", b"u", b"!^.*$!sip:a@b!"),
            naptr(1, 1, b"SIP+D2U", "bad.example", b"a"),
            naptr(1, 1, b"SIP+D2U", "bad.example", b"s", b"!a!b!"),
            naptr(1, 1, b"SIP+D2U", "."),
        ]
        zone = dict(EXAMPLE)
        zone[("example.com", dns.NAPTR)] = wrong + [
            naptr(9, 9, b"SIP+D2U", "_sip._udp.example.com")
        ]
        both = Both(zone)
        self.assertEqual(both.places("example.com"), [UDP])
        self.assertEqual(len(both.asked), 3)

    def test_nothing(self):
        self.assertEqual(Both().failure("nowhere.example"), "no addresses")
        self.assertEqual(Both(silent=("example.com",)).failure("example.com", 5060), "timeout")

    def test_one_silent_host_does_not_hide_the_others(self):
        both = Both(silent=("server1.example.com",))
        self.assertEqual(both.places("example.com", None, "TCP"), [("TCP", H2, 5060), TCP[2]])

    def test_bounds(self):
        zone = dict(EXAMPLE)
        zone[("example.com", dns.NAPTR)] = [
            naptr(i, 1, b"SIP+D2U", "_s%d.example.com" % i) for i in range(30)
        ]
        for i in range(30):
            zone[("_s%d.example.com" % i, dns.SRV)] = [srv("h%d.example" % j) for j in range(30)]
            zone[("h%d.example" % i, dns.AAAA)] = aaaa(*[H1] * 30)
        both = Both(zone)
        self.assertEqual(len(both.places("example.com")), 16)
        self.assertLessEqual(len(both.asked), 1 + 4 + 8)

    def test_refused_commands(self):
        both = Both(transports=("UDP",))
        for args in (
            ("a..b", None, None, False),
            ("1::2::3", None, None, False),
            ("example.com", None, "TCP", False),
            ("example.com", None, None, True),
        ):
            self.assertRaises(LocalProtocolError, both.locator.locate, *args, 0)
        self.assertRaises(LocalProtocolError, dns.Locator, both.resolver, Seed(), ("SCTP",))
        for i in range(8):
            both.locator.locate("h%d.example" % i, None, None, False, 0)
        self.assertRaises(LocalProtocolError, both.locator.locate, "a", None, None, False, 0)
        self.assertEqual(len(both.run()), 8)

    def test_a_name_too_long_for_its_prefix(self):
        host = ".".join(["a" * 60] * 4)
        self.assertEqual(Both().failure(host), "name too long")

    def test_two_uris_with_one_host(self):
        both = Both()
        first = both.locator.locate("example.com", 5060, None, False, 0)
        second = both.locator.locate("example.com", 5070, None, False, 0)
        third = both.locator.locate("example.com", 5080, None, False, 0)
        both.locator.cancel(third)
        got = both.run()
        self.assertEqual([event.location for event in got], [first, second])
        self.assertEqual([event.candidates[0].port for event in got], [5060, 5070])
        self.assertEqual(len(both.asked), 1)

    def test_weights(self):
        """RFC 2782: the first of a priority by its share of the weights, the rest likewise."""
        records = [
            srv("a", weight=3),
            srv("b", weight=1),
            srv("z", priority=9),
            srv("n", weight=0),
        ]
        chance = Seed(5)
        first = {"a": 0, "b": 0, "n": 0}
        for _ in range(2000):
            got = [record.target for record in ordered(records, chance)]
            self.assertEqual(sorted(got), ["a", "b", "n", "z"])
            self.assertEqual(got[3], "z")
            first[got[0]] += 1
        # shares 3/5, 1/5 and 1/5: the chance of 0..sum gives weight 0 a small one
        self.assertTrue(1050 < first["a"] < 1350, first)
        self.assertTrue(280 < first["b"] < 520, first)
        self.assertTrue(280 < first["n"] < 520, first)


if __name__ == "__main__":
    unittest.main()
