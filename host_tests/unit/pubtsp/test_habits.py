# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Deployed TSP clients, by their habits: answered so that they come up (section 11)."""

import unittest

from host_tests.unit.pubtsp import rows
from host_tests.vectors.pubtsp import habits
from vox6.pubtsp import AddressFormat, Config, Server, mapped, messages

PEER = (mapped(rows.V4), rows.PORT)


class TestHabits(unittest.TestCase):
    def play(self, script, dns=None):
        """Each request with the little-endian-safe sequence of old; return the info."""
        addresses = AddressFormat(rows.PREFIX, "mac", rows.KEY)
        engine = Server(Config(addresses, rows.SERVER, policy="lab"), dns=dns)
        info = None
        for i in range(len(script)):
            text, beginning = script[i]
            head = bytes((0xF0, 0, 0, 240 + i, 0, 0, 0, i))
            engine.receive_datagram(head + text, PEER, 10 * i)
            out = engine.datagrams_to_send()
            self.assertEqual(len(out), 1, text)
            data, to, _ = out[0]
            self.assertEqual((data[:8], to), (head, PEER))
            self.assertEqual(data[8 : 8 + len(beginning)], beginning, text)
            info = messages.parse_reply(data[8:]).info or info
        return info

    def test_come_up(self):
        for script in (habits.GOGOC, habits.SMALL, habits.TEXTBOOK):
            info = self.play(script)
            self.assertEqual(info.client_ipv6, rows.CLIENT)
            self.assertEqual((info.type, info.interval), ("v6udpv4", 30))
            self.assertEqual(info.keepalive_address, rows.P1)

    def test_dns_server(self):
        """gogoc stops without one in info: it gets one, in client/dns_server."""
        info = self.play(habits.GOGOC, rows.HOST)
        self.assertEqual((info.dns_server, info.client_ipv6), (rows.HOST, rows.CLIENT))

    def test_refused_properly(self):
        for script in (habits.DIGEST, habits.PLAIN, habits.PASSDSS, habits.LADDER):
            self.assertIsNone(self.play(script))
