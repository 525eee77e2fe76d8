# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The configuration: each setting right, each wrong, and where it stands."""

import unittest

from tools.siproxy64.configuration import parse
from tools.siproxy64.settings import SettingsError, wanted
from tools.siproxy64.values import address, duration, literal, net, show

WHOLE = """
# what an operator may write
map 10.0.0.11 = 2001:db8::b:11
map 10.0.0.12:5062 = [2001:db8::b:12]:5060   # another SIP port
map 10.0.0.32/28 = 2001:db8::b:20/124
pool 2001:db8:f::/48 = 10.64.0.0/24 idle 12h
name sip.example.org = 10.0.0.2 / 2001:db8::b:2
default 4to6 10.0.0.2 -> [2001:db8:f00::5060]:5070
default 4to6 10.0.0.3
default 6to4 2001:db8::b:2 -> 10.0.0.205
default 6to4 2001:db8::b:4 proxy contact
secret /run/key
media shared 2001:db8::b:2
media ports 20000-20999
latch 6 on
compact 4 on
strip-identity on
ice rewrite
map 10.0.0.11:80 = [2001:db8::b:11]:8080 service
unmapped pool
anyip = yes
listen udp
log calls on
limit streams 8
control = /run/here
metrics [2001:db8::b:2]:9464
user nobody
pubtsp tsp.example.net
"""

WRONG = (
    ("map 10.0.0.1", "map REAL = REPRESENTATION"),
    ("map 10.0.0.1 = 10.0.0.2", "both addresses live on the same side"),
    ("map 10.0.0.1 = 2001:db8::x", "2001:db8::x is no address"),
    ("map 10.0.0.256 = 2001:db8::1", "10.0.0.256 is no address"),
    ("map 10.0.0.1:5060 = 2001:db8::1", "a port stands on one side alone"),
    ("map 10.0.0.1:0 = [2001:db8::1]:0", "there is no port 0"),
    ("map 10.0.0.0/24 = 2001:db8::/64", "not of one size"),
    ("map 10.0.0.1/24 = 2001:db8::/120", "host bits are set"),
    ("map 10.0.0.0/33 = 2001:db8::/120", "no length of a prefix"),
    ("pool ::/0 = 10.0.0.0/24 idle", "pool NET = NET [idle TIME]"),
    ("pool ::/0 = 2001:db8::/120", "live on the same side"),
    ("pool ::/0 = 10.0.0.0/8", "65536 addresses"),
    ("pool ::/0 = 10.0.0.0/24 idle long", "bad number"),
    ("name a = 10.0.0.1", "name HOST = ADDRESS / ADDRESS"),
    ("name a = 10.0.0.1 / 10.0.0.2", "live on the same side"),
    ("default 4to4 10.0.0.1", "default 4to6|6to4"),
    ("default 4to6 2001:db8::1", "lives on the other side"),
    ("default 4to6 10.0.0.1 -> 10.0.0.2", "lives on the same side"),
    ("default 4to6 10.0.0.1", "default without a next hop needs a pool"),
    ("default 6to4 2001:db8::1", "default without a next hop needs a pool"),
    ("default 4to6 10.0.0.1 proxy always", "OWN-ADDRESS proxy [contact]"),
    ("default 4 10.0.0.1 proxy", "OWN-ADDRESS proxy [contact]"),
    ("default 6to4 10.0.0.1 proxy", "lives on the other side"),
    ("pubtsp", "pubtsp SERVER"),
    ("media shared", "media shared ADDRESS"),
    ("media ports 20000-20001", "media ports FIRST-LAST"),
    ("latch 5 on", "latch 4|6 on|off"),
    ("latch 4 perhaps", "it is on or off"),
    ("unmapped keep", "it is one of pass, drop, pool"),
    ("compact 5 on", "compact 4|6 on|off"),
    ("strip-identity perhaps", "it is on or off"),
    ("ice keep", "it is one of drop, rewrite"),
    ("map 10.0.0.1 = 2001:db8::1 server", "map REAL = REPRESENTATION [service]"),
    ("map 10.0.0.1 = 10.0.0.2 service", "live on the same side"),
    ("limit calls 3", "limit NAME NUMBER"),
    ("limit streams many", "bad number"),
    ("listen sctp", "listen udp"),
    ("log all on", "log calls on|off"),
    ("metrics 127.0.0.1", "metrics ADDRESS:PORT"),
    ("colour blue", "there is no such setting"),
    ("control", "takes one value"),
    ("user a b", "takes one value"),
    ("x" * 500, "too long"),
)


class TestSettings(unittest.TestCase):
    def test_whole(self):
        found = parse(WHOLE)
        self.assertEqual(
            found.table.counterpart(literal("10.0.0.12"), 5062), (literal("2001:db8::b:12"), 5060)
        )
        self.assertEqual(found.table.real(literal("2001:db8::b:25"), 0)[0], literal("10.0.0.37"))
        self.assertEqual(found.pools[0].net, net("10.64.0.0/24"))
        self.assertEqual(found.table.name("SIP.example.org")[0], literal("10.0.0.2"))
        self.assertEqual(
            found.table.real(literal("10.0.0.2"), 5060), (literal("2001:db8:f00::5060"), 5070)
        )
        self.assertEqual(found.defaults, {True: (literal("10.0.0.3"), 5060)})
        self.assertEqual(found.proxies, {False: ((literal("2001:db8::b:4"), 5060), True)})
        self.assertEqual(found.secret, "/run/key")
        self.assertEqual(found.media_shared, {False: literal("2001:db8::b:2")})
        self.assertEqual((found.ports, found.latch[False]), ((20000, 20999), True))
        self.assertEqual(found.unmapped, "pool")
        self.assertEqual((found.compact, found.ice), ({True: True, False: False}, "rewrite"))
        self.assertEqual(
            found.services.counterpart(literal("10.0.0.11"), 80),
            (literal("2001:db8::b:11"), 8080),
        )
        self.assertTrue(found.strip_identity)
        self.assertFalse([one for one in wanted(found) if one[2] == 8080])
        self.assertTrue(found.anyip and found.log_calls)
        self.assertEqual((found.transports, found.limits["streams"]), (("udp",), 8))
        self.assertEqual(found.share(), 4)
        self.assertEqual(parse("limit streams 1").share(), 1)
        self.assertEqual(parse("limit streams-per-party 9").share(), 9)
        self.assertEqual((found.control, found.user), ("/run/here", "nobody"))
        self.assertEqual(found.metrics, (literal("2001:db8::b:2"), 9464))
        self.assertEqual(found.pubtsp, "tsp.example.net")

    def test_proxy_mode(self):
        found = parse("default 4to6 10.0.0.4:5070 proxy\ndefault 6to4 2001:db8::4 proxy")
        own = literal("10.0.0.4")
        self.assertEqual(found.proxies[True], ((own, 5070), False))
        self.assertEqual(found.media_shared[True], own)  # if no line says another
        self.assertIn(("udp", own, 5070, False), wanted(found))
        first = "default 4to6 10.0.0.4 proxy\n"
        for line, where, words in (
            ("default 4to6 10.0.0.5 proxy", "line 2", "proxy stands in line 1 already"),
            ("map 2001:db8::1 = 10.0.0.4", "line 1", "10.0.0.4:5060 is mapped already"),
            ("pool ::/0 = 10.64.0.0/24", "line 1", "a pool has the callers"),
            ("pool ::/0 = 10.64.0.0/24\ndefault 4to6 10.0.0.4", "line 3", "is a proxy already"),
        ):
            with self.assertRaises(SettingsError) as caught:
                parse(first + line)
            said = [one for one in caught.exception.lines if words in one]
            self.assertEqual(len(said), 1, caught.exception.lines)
            self.assertTrue(said[0].startswith(where), said)
        with self.assertRaises(SettingsError) as caught:
            parse("pool ::/0 = 10.64.0.0/24\ndefault 4to6 10.0.0.4\ndefault 4to6 10.0.0.4 proxy")
        self.assertIn("line 3: 10.0.0.4 asks DNS already", caught.exception.lines)

    def test_default_routes_by_dns(self):
        for lines in (
            "default 4to6 10.0.0.3\npool ::/0 = 10.64.0.0/24",
            "default 6to4 2001:db8::3\npool 0.0.0.0/0 = 2001:db8:64::/112",
            "default 6to4 2001:db8::3\nmap 0.0.0.0/0 = 2001:db8:64::/96",
        ):
            (here,) = parse(lines).defaults
            self.assertEqual(here, "4to6" in lines)
        for lines, words in (
            ("default 4to6 10.0.0.3\npool 0.0.0.0/0 = 2001:db8:64::/112", "needs a pool"),
            ("default 4to6 10.0.0.3\nmap 0.0.0.0/0 = 2001:db8:64::/96", "needs a pool"),
            ("default 6to4 2001:db8::3\npool ::/0 = 10.64.0.0/24", "needs a pool"),
            (
                "default 6to4 2001:db8:64::3\nmap 0.0.0.0/0 = 2001:db8:64::/96",
                "[2001:db8:64::3]:5060 is mapped already",
            ),
            (
                "default 4to6 10.0.0.3\ndefault 4to6 10.0.0.4\npool ::/0 = 10.64.0.0/24",
                "line 2: default stands in line 1 already",
            ),
        ):
            with self.assertRaises(SettingsError) as caught:
                parse(lines)
            said = caught.exception.lines
            self.assertTrue(len(said) == 1 and words in said[0], said)

    def test_both_default_routes_at_once(self):
        """What is ours in the whole family is nobody's representation and nobody's address."""
        table = parse(
            "map 0.0.0.0/0 = 2001:db8:64::/96\npool ::/0 = 10.64.0.0/24\n"
            "default 4to6 10.0.0.3\ndefault 6to4 2001:db8::3"
        ).table
        caller = literal("2001:db8:1::5"), 5060
        seen = table.unknown(caller[0], caller[1], 0, True)
        self.assertEqual(seen, (literal("10.64.0.0"), 5060))
        for text in ("10.64.0.0", "10.64.0.255", "10.0.0.3"):
            self.assertIsNone(table.counterpart(literal(text), 5060))
            inside = literal("2001:db8:64::")[:12] + literal(text)[12:]
            self.assertIsNone(table.counterpart(inside, 5060))
        self.assertEqual(table.unknown(seen[0], 5060, 1, False), caller)
        self.assertIsNotNone(table.counterpart(literal("10.64.1.0"), 5060))

    def test_each_wrong_line_is_named(self):
        for line, words in WRONG:
            with self.assertRaises(SettingsError) as caught:
                parse("\n# here it comes\n" + line + "\n")
            said = caught.exception.lines
            self.assertEqual(len(said), 1, line)
            self.assertTrue("line 3" in said[0] and words in said[0], "%s: %s" % (line, said))

    def test_all_mistakes_at_once(self):
        with self.assertRaises(SettingsError) as caught:
            parse("\n".join([line for line, words in WRONG if "needs a pool" not in words]))
        numbers = [line.split()[1].rstrip(":") for line in caught.exception.lines]
        self.assertEqual(len(set(numbers)), len(WRONG) - 2)

    def test_one_to_one(self):
        """A representation of two parties, and one setting twice: both lines are named."""
        for text in (
            "map 10.0.0.1 = 2001:db8::1\nmap 10.0.0.2 = 2001:db8::1",
            "map 10.0.0.1 = 2001:db8::1\nmap 2001:db8::1 = 10.0.0.3",
            "user one\nuser two",
        ):
            with self.assertRaises(SettingsError) as caught:
                parse(text)
            said = caught.exception.lines[0]
            self.assertTrue("line 1" in said and "line 2" in said, said)

    def test_arguments(self):
        found = parse("", ["10.0.0.11=2001:db8::b:11", "10.0.0.12:5062=[2001:db8::b:12]:5070"])
        self.assertEqual(
            found.table.counterpart(literal("10.0.0.11"))[0], literal("2001:db8::b:11")
        )
        with self.assertRaises(SettingsError) as caught:
            parse("", ["10.0.0.11=10.0.0.12"])
        self.assertTrue(caught.exception.lines[0].startswith("10.0.0.11=10.0.0.12: "))

    def test_what_is_listened_on(self):
        """A range is one wildcard of its side and port, and serves single addresses too."""
        text = (
            "map 10.0.0.11 = 2001:db8::b:11\nmap 2001:db8::5 = 10.0.0.205\n"
            "map 10.0.0.12:5062 = [2001:db8::b:12]:5070\n"
        )
        single = wanted(parse(text + "listen udp"))
        self.assertEqual(
            [(show((addr16, port)), wild) for _, addr16, port, wild in single],
            [("10.0.0.205:5060", False), ("[2001:db8::b:11]:5060", False),
             ("[2001:db8::b:12]:5070", False)],
        )  # fmt: skip
        ranged = wanted(parse(text + "map 10.0.0.32/28 = 2001:db8::b:20/124\nlisten udp tcp"))
        self.assertEqual(
            [(transport, show((addr16, port)), wild) for transport, addr16, port, wild in ranged],
            [(transport,) + row for transport in ("udp", "tcp") for row in
             (("[::]:5060", True), ("10.0.0.205:5060", False), ("[2001:db8::b:12]:5070", False))],
        )  # fmt: skip

    def test_tunnel(self):
        """The word stands for an address that is known later, and before that for nowhere."""
        text = "pubtsp auto\nmap 10.0.0.11:5060 = tunnel:5062\nmap 10.0.0.12:5060 = tunnel:5064\n"
        phone = (literal("10.0.0.12"), 5060)
        up = parse(text, None, literal("2001:db8::77"))
        self.assertEqual(up.table.counterpart(*phone), (literal("2001:db8::77"), 5064))
        self.assertEqual(parse(text).table.counterpart(*phone), (literal("100::1"), 5064))
        with self.assertRaises(SettingsError) as caught:
            parse("map 10.0.0.11:5060 = tunnel:5062")
        self.assertEqual(caught.exception.lines, ["line 1: tunnel: there is no pubtsp line"])

    def test_reload_keeps_what_pools_gave(self):
        one = parse(WHOLE)
        caller = literal("2001:db8:f::1")
        given = one.table.unknown(caller, 5060, 0, True)
        two = parse(WHOLE)
        two.keep(one)
        self.assertEqual(two.table.unknown(given[0], 5060, 0, False), (caller, 5060))

    def test_words(self):
        self.assertEqual(address("[2001:db8::1]:5070"), (literal("2001:db8::1"), 5070))
        self.assertEqual(address("2001:db8::10:5070"), (literal("2001:db8::10:5070"), 0))
        self.assertEqual(show(address("10.0.0.1:5070")), "10.0.0.1:5070")
        self.assertEqual(show(address("[2001:db8::1]")), "2001:db8::1")
        self.assertEqual([duration(t) for t in ("90", "90s", "5m", "24h", "7d")],
                         [90, 90, 300, 86400, 604800])  # fmt: skip


if __name__ == "__main__":
    unittest.main()
