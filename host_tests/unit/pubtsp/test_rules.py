# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/pubtsp/rules.py: each row of rows.py; what is allowed once is refused once."""

import unittest

from host_tests.unit.pubtsp import rows
from vox6.pubtsp import AddressFormat, Config, Rules
from vox6.wire import LocalProtocolError


def rules_of(differs):
    """(Rules, where the datagram comes from) of a row."""
    differs = dict(differs)
    v4 = differs.pop("v4", rows.V4)
    port = differs.pop("port", rows.PORT)
    tos = differs.pop("tos", 0)
    mode = differs.pop("mode", "mac")
    differs.pop("to", None)
    differs.setdefault("policy", "lab")
    addresses = AddressFormat(rows.PREFIX, mode, rows.KEY if mode == "mac" else None)
    config = Config(addresses, rows.SERVER, (rows.PEER_SERVER,), **differs)
    return Rules(config), v4, port, tos


class TestRows(unittest.TestCase):
    def check(self, row, rules, verdict, to):
        name, rule, _, action, out, _ = row
        self.assertEqual((verdict.rule, verdict.action), (rule, action), name)
        if action in ("error-up", "error-down"):
            made = rules.error(verdict)
            self.assertTrue(len(made) <= len(verdict.packet) + 48 and len(made) <= 1280, name)
            self.assertEqual(made, out, name)
        elif action in ("up", "down"):
            self.assertEqual(verdict.packet, out, name)
        if action in ("down", "error-down"):
            self.assertEqual((verdict.ipv4, verdict.port, verdict.tos), to, name)

    def test_from_tunnel(self):
        for row in rows.FROM_TUNNEL:
            rules, v4, port, tos = rules_of(row[5])
            self.check(
                row,
                rules,
                rules.from_tunnel(row[2], v4, port, tos),
                row[5].get("to", (v4, port, 0)),
            )

    def test_to_tunnel(self):
        for row in rows.TO_TUNNEL:
            rules, _, _, _ = rules_of(row[5])
            self.check(row, rules, rules.to_tunnel(row[2]), row[5].get("to", ()))

    def test_each_rule_passes_and_fails(self):
        """At least one row of each rule goes on and one does not."""
        for table, names in ((rows.FROM_TUNNEL, "U1 U2 U3 U4 U5 U6 U7 U8 U9"),
                             (rows.TO_TUNNEL, "D1 D3 D5 D6 D7 D8")):  # fmt: skip
            for name in names.split():
                of = [row for row in table if row[0].split()[0] == name]
                good = [row for row in of if row[3] in ("up", "down", "signalling")]
                bad = [row for row in of if row[3] not in ("up", "down", "signalling", "ignore")]
                if name == "U4":  # what passes it is a row of another rule
                    good = [row for row in table if row[1] == "U10"]
                self.assertTrue(good and bad, name)

    def test_octets_are_not_changed(self):
        """The packet that came in is as it was."""
        for row in rows.FROM_TUNNEL:
            rules, v4, port, tos = rules_of(row[5])
            data = bytes(bytearray(row[2]))
            rules.from_tunnel(data, v4, port, tos)
            self.assertEqual(data, row[2])


class TestKeys(unittest.TestCase):
    def test_previous_key(self):
        rules, v4, port, _ = rules_of({})
        addresses = rules.addresses
        new = bytes(range(1, 17))
        addresses.set_keys(new, rows.KEY)
        self.assertEqual(rules.from_tunnel(rows.GOOD, v4, port).action, "up")
        self.assertEqual(rules.to_tunnel(rows.DOWN).action, "down")
        fresh = addresses.make(v4, port)
        self.assertNotEqual(fresh, rows.CLIENT)
        self.assertEqual(rules.to_tunnel(rows.udp(rows.HOST, fresh)).action, "down")
        addresses.set_keys(bytes(range(2, 18)), new)
        self.assertEqual(rules.from_tunnel(rows.GOOD, v4, port).rule, "U4")
        self.assertEqual(rules.to_tunnel(rows.DOWN).rule, "D5")

    def test_memo_changes_nothing(self):
        for memo in (0, 1, 3):
            addresses = AddressFormat(rows.PREFIX, "mac", rows.KEY, None, memo)
            for _ in range(3):
                for address, good in ((rows.CLIENT, True), (rows.OTHER, True),
                                      (rows.CLIENT[:14] + b"\0\1", False)):  # fmt: skip
                    self.assertEqual(addresses.is_valid(address), good)
            addresses.set_keys(bytes(16))
            self.assertFalse(addresses.is_valid(rows.CLIENT))


class TestICMPv4(unittest.TestCase):
    """Section 7.7."""

    def test_translated(self):
        rules, v4, port, _ = rules_of({})
        quoted = rows.hops(rows.DOWN, 63)[:48]
        verdict = rules.translated(quoted, v4, port)
        self.assertEqual((verdict.action, verdict.type, verdict.code), ("error-up", 1, 3))
        self.assertEqual(rules.error(verdict), rows.error(rows.HOST, 1, 3, quoted))

    def test_refused(self):
        rules, v4, port, _ = rules_of({})
        for quoted, at in (
            (rows.DOWN[:39], port),
            (b"\xf0" + rows.DOWN[1:], port),
            (rows.DOWN, port + 1),
            (rows.udp(rows.HOST, rows.HOST), port),
            (rows.raw(rows.DOWN, 38, b"\0\0"), port),
            (rows.udp(rows.OTHER, rows.CLIENT), port),
        ):
            self.assertEqual(rules.translated(quoted, v4, at).action, "drop")


class TestConfig(unittest.TestCase):
    def test_refused(self):
        addresses = AddressFormat(rows.PREFIX, "off")
        for make in (
            lambda: Config(addresses, b"\1\2\3"),
            lambda: Config(addresses, rows.SERVER, policy="lax"),
            lambda: AddressFormat(b"short"),
            lambda: AddressFormat(rows.PREFIX, "both"),
            lambda: AddressFormat(rows.PREFIX, "mac", b"short"),
            lambda: AddressFormat(rows.PREFIX, "mac").make(rows.V4, 5),
        ):
            self.assertRaises(LocalProtocolError, make)
