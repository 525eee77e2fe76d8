# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dns/number.py and ere.py: ENUM (RFC 6116), ISN, substitution expressions (RFC 3402)."""

import unittest

from host_tests.unit.dns.helpers import SERVER, octets, reply, resolver
from vox6 import dns
from vox6.dns import message, rdata
from vox6.dns.ere import substitute
from vox6.dns.events import NumberFound, NumberNotFound
from vox6.dns.number import domain_of, parse_number
from vox6.wire import FormatError, LocalProtocolError

VIENNA = "6.1.4.6.5.0.5.1.3.4.e164.arpa"
AUS = "+4315056416"


class SubstitutionTest(unittest.TestCase):
    TABLE = (  # expression, text, result (None: no match)
        ("!^.*$!sip:information@foo.se!", AUS, "sip:information@foo.se"),
        ("!^\\+43(.*)$!sip:\\1@example.at!", AUS, "sip:15056416@example.at"),
        ("!^\\+43(.)(.*)$!sip:\\2-\\1@a.at!", AUS, "sip:5056416-1@a.at"),
        ("!^(.*)$!sip:\\1@example.com!", AUS, "sip:+4315056416@example.com"),
        ("!^\\+*([^\\*]*)!sip:\\1@example.com!", "1234*256", "sip:1234@example.com"),  # freenum
        ("!^\\+44!sip:x@y!", AUS, None),
        ("#^.*$#sip:a!b@c#", AUS, "sip:a!b@c"),
        ("!^.*$!sip:a\\!b@c!", AUS, "sip:a!b@c"),
        ("!^.*$!sip:a\\\\b!", AUS, "sip:a\\b"),
        ("/^.*$/sip:a@b/i", AUS, "sip:a@b"),
        ("!ABC!x!i", "zabcz", "x"),
        ("!ABC!x!", "zabcz", None),
        ("![a-c]+!x!i", "B", "x"),
        ("!^[^a]!x!i", "A", None),
        ("!^[0-9+]{11}$!x!", AUS, "x"),
        ("!^[0-9+]{12}$!x!", AUS, None),
        ("!^\\+([0-9]{2})([0-9]{1,3})!\\1/\\2!", AUS, "43/150"),
        ("!^(4|43|\\+43)(.*)$!\\2!", AUS, "15056416"),
        ("!^\\+(43|44)1?(.*)$!\\1,\\2!", AUS, "43,5056416"),
        ("!(a|b)*c!<\\1>!", "abac", "<a>"),
        ("!(x)?b!<\\1>!", "b", "<>"),
        ("!a{0}b!x!", "b", "x"),
        ("!a{2,}!x!", "a", None),
        ("!(a|ab)(c|bcd)(d*)!\\1,\\2,\\3!", "abcd", "a,bcd,"),
        ("![[:digit:]]+$!x!", "12", "x"),
        ("![^[:digit:]]!x!", "12", None),
        ("![]a]+!x!", "]", "x"),
        ("![a-]!x!", "-", "x"),
        ("!^$!x!", "", "x"),
        ("!!x!", "anything", "x"),
        ("!(a*)*$!x!", "aaaa", "x"),
        ("!(a*)+b|c!x!", "c", "x"),
        ("!()!x!", "c", "x"),
        ("!.!\\1!", "c", FormatError),
        ("!^.*$!x", "c", FormatError),
        ("!^.*$!x!y!", "c", FormatError),
        ("!^.*$!x!g", "c", FormatError),
        ("1.1x1", "c", FormatError),
        ("", "c", FormatError),
        ("\\.\\x\\", "c", FormatError),
        ("!(!x!", "c", FormatError),
        ("!)!x!", "c", FormatError),
        ("!*!x!", "c", FormatError),
        ("!a|*!x!", "c", FormatError),
        ("![a!x!", "c", FormatError),
        ("![b-a]!x!", "c", FormatError),
        ("![[:what:]]!x!", "c", FormatError),
        ("!a{!x!", "c", FormatError),
        ("!a{2,1}!x!", "c", FormatError),
        ("!a{x}!x!", "c", FormatError),
        ("!a{99}{99}!x!", "c", FormatError),
        ("!" + "(" * 9 + "!x!", "c", FormatError),
        ("!" + "()" * 10 + "!x!", "c", FormatError),
        ("!.*!" + "\\1" * 3 + "!", "c", FormatError),
        ("!(.*)!" + "\\1" * 60 + "!", "+43150564161234", FormatError),
    )

    def test_table(self):
        for expression, text, wanted in self.TABLE:
            if wanted is FormatError:
                try:
                    self.fail("%s gave %s" % (expression, substitute(expression, text)))
                except FormatError:
                    pass
            else:
                self.assertEqual((substitute(expression, text), expression), (wanted, expression))

    def test_expressions_made_to_hang(self):
        # exponential for a machine that tries one way after the other
        for ere in (
            "(a*)*b",
            "(a|a)*b",
            "(a|aa)+$",
            "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x",
            "((a?){15}){15}b",
        ):
            try:
                self.assertEqual(substitute("!^" + ere + "!x!", "a" * 30 + "c"), None)
            except FormatError:
                self.assertEqual(ere, "((a?){15}){15}b")


class NameTest(unittest.TestCase):
    def test_numbers(self):
        for text, number, suffix, name in (
            ("+43 1 505-6416", AUS, "e164.arpa", VIENNA),
            ("+44 (0207) 946.0148", "+4402079460148", "x", "8.4.1.0.6.4.9.7.0.2.0.4.4.x"),
            ("1234*256", "1234*256", "freenum.org", "4.3.2.1.256.freenum.org"),
        ):
            self.assertEqual(parse_number(text), number)
            self.assertEqual(domain_of(number, suffix), name)
        for text in ("", "+", "+12", "+" + "1" * 16, "431", "+43x", "*1", "1*", "1*2*3", "a*1"):
            self.assertRaises(LocalProtocolError, parse_number, text)


def rule(order, preference, services, regexp, flags=b"u", replacement="."):
    return rdata.NAPTRData(order, preference, flags, services, regexp, replacement)


def forward(order, replacement, regexp=b""):
    return rule(order, 10, b"", regexp, b"", replacement)


class FinderTest(unittest.TestCase):
    def find(self, text, zone, **options):
        """Answer from a zone until the finder knows; return its event and the names asked."""
        engine = resolver()
        finder = dns.NumberFinder(engine, **options)
        finder.find(text, 0)
        asked = []
        for _ in range(30):
            for data, _, _, port in engine.datagrams_to_send():
                name = dns.canonical(dns.Message.parse(data).questions[0].name)
                asked.append(name)
                found = [dns.Record(name, 60, one) for one in zone.get(name, ())]
                rcode = message.NOERROR if found else message.NXDOMAIN
                engine.receive_datagram(octets(reply(data, found, rcode=rcode)), SERVER, 0, port)
            event = engine.next_event()
            while event is not None:
                finder.receive_event(event, 0)
                event = engine.next_event()
            event = finder.next_event()
            if event is not None:
                self.assertEqual(finder.next_event(), None)
                self.assertEqual(finder._queries, [])
                return event, asked
        self.fail("no end")

    def uris(self, text, zone, **options):
        event, _ = self.find(text, zone, **options)
        self.assertTrue(isinstance(event, NumberFound), event)
        return event.uris

    def reason(self, text, zone, **options):
        event, _ = self.find(text, zone, **options)
        self.assertTrue(isinstance(event, NumberNotFound), event)
        return event.reason

    def test_order(self):
        zone = {
            VIENNA: [
                rule(100, 20, b"E2U+sip", b"!^.*$!sip:second@a!"),
                rule(200, 1, b"E2U+sip", b"!^.*$!sip:third@a!"),  # RFC 6116 section 5.2
                rule(100, 10, b"e2u+SIP", b"!^.*$!sips:first@a!", b"U"),
                rule(100, 30, b"E2U+email:mailto", b"!^.*$!mailto:x@a!"),
            ]
        }
        self.assertEqual(self.uris(AUS, zone), ["sips:first@a", "sip:second@a", "sip:third@a"])

    def test_services(self):
        for services, good in (
            (b"E2U+sip", True),
            (b"E2U+email:mailto+sip", True),
            (b"E2U+pstn:sip", True),
            (b"sip+E2U", True),
            (b"E2U+sip:x", False),
            (b"E2U+h323", False),
            (b"E2U+P-sip", False),
            (b"E2U", False),
            (b"SIP+D2U", False),
            (b"", False),
            (b"\xff+sip", False),
        ):
            event, _ = self.find(AUS, {VIENNA: [rule(1, 1, services, b"!.*!sip:a@b!")]})
            self.assertEqual((isinstance(event, NumberFound), services), (good, services))

    def test_bad_rules_are_passed_over(self):
        good = rule(9, 9, b"E2U+sip", b"!^\\+(.*)$!sip:\\1@b!")
        for bad in (
            rule(1, 1, b"E2U+sip", b"!^.*$!sip:a@b"),
            rule(1, 1, b"E2U+sip", b"!(!sip:a@b!"),
            rule(1, 1, b"E2U+sip", b"\xff"),
            rule(1, 1, b"E2U+sip", b""),
            rule(1, 1, b"E2U+sip", b"!^.*$!tel:+1!"),
            rule(1, 1, b"E2U+sip", b"!^.*$!sip:a b@c!"),
            rule(1, 1, b"E2U+sip", b"!^.*$!sip:<a>@c!"),
            rule(1, 1, b"E2U+sip", b"!^.*$!sipx:a@c!"),
            rule(1, 1, b"E2U+sip", b"!^\\+44!sip:a@c!"),
            rule(1, 1, b"E2U+sip", b"!^.*$!sip:a@c!", b"x"),
            rule(1, 1, b"E2U+sip", b"!^.*$!sip:a@c!", b"s"),
            forward(1, "."),
            forward(1, "other.example", b"!.*!x!"),
        ):
            self.assertEqual(self.uris(AUS, {VIENNA: [bad, good]}), ["sip:4315056416@b"])

    def test_forwards(self):
        zone = {
            VIENNA: [forward(1, "one.example"), rule(2, 1, b"E2U+sip", b"!.*!sip:behind@a!")],
            "one.example": [forward(1, "two.example"), forward(2, "three.example")],
            "three.example": [rule(1, 1, b"E2U+sip", b"!^\\+(.*)!sip:\\1@three!")],
        }
        event, asked = self.find(AUS, zone)
        self.assertEqual(asked, [VIENNA, "one.example", "two.example", "three.example"])
        self.assertEqual(event.uris, ["sip:4315056416@three"])
        # where they lead nowhere, what stands behind them counts
        del zone["three.example"]
        self.assertEqual(self.uris(AUS, zone), ["sip:behind@a"])
        # a better rule spares the way
        zone[VIENNA].append(rule(0, 1, b"E2U+sip", b"!.*!sip:better@a!"))
        event, asked = self.find(AUS, zone)
        self.assertEqual((event.uris, asked), (["sip:better@a"], [VIENNA]))

    def test_forwards_in_a_circle_and_without_end(self):
        zone = {VIENNA: [forward(1, "one.example")], "one.example": [forward(1, VIENNA)]}
        event, asked = self.find(AUS, zone)
        self.assertEqual((event.reason, len(asked)), ("not in the directory", 2))
        zone = {VIENNA: [forward(1, "n0.example")]}
        for i in range(20):
            zone["n%d.example" % i] = [forward(1, "n%d.example" % (i + 1))]
        event, asked = self.find(AUS, zone)
        self.assertEqual(len(asked), 6)

    def test_trees(self):
        second = VIENNA.replace("e164.arpa", "e164.example")
        zone = {second: [rule(1, 1, b"E2U+sip", b"!.*!sip:a@b!")]}
        self.assertEqual(self.reason(AUS, zone), "not in the directory")
        trees = ("e164.arpa", "e164.example")
        self.assertEqual(self.uris(AUS, zone, enum_suffixes=trees), ["sip:a@b"])

    def test_isn(self):
        found = [rule(100, 10, b"E2U+sip", b"!^\\+*([^\\*]*)!sip:\\1@example.com!")]
        self.assertEqual(
            self.uris("1234*256", {"4.3.2.1.256.freenum.org": found}), ["sip:1234@example.com"]
        )
        event, asked = self.find("12*3", {})
        self.assertEqual(asked, ["2.1.3.freenum.org"])

    def test_no_server(self):
        engine = resolver(servers=())
        finder = dns.NumberFinder(engine)
        finder.find(AUS, 0)
        finder.receive_event(engine.next_event(), 0)
        self.assertEqual(finder.next_event().reason, "no servers")

    def test_bounds(self):
        finder = dns.NumberFinder(resolver())
        queries = [finder.find("+4315056%03d" % i, 0) for i in range(4)]
        self.assertRaises(LocalProtocolError, finder.find, AUS, 0)
        finder.cancel(queries[0])
        finder.find(AUS, 0)
        zone = {VIENNA: [rule(i, 1, b"E2U+sip", b"!.*!sip:%d@b!" % i) for i in range(20)]}
        self.assertEqual(len(self.uris(AUS, zone)), 8)


if __name__ == "__main__":
    unittest.main()
