# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The pool: addresses for parties that nobody configured."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from tools.siproxy64.pool import Pool
from tools.siproxy64.scan import Refused
from tools.siproxy64.table import ConfigurationError, Table

_IDLE_MS = 1000


class TestPool(unittest.TestCase):
    """Parties of side b get one of four addresses of side a: 10.0.0.64/30 or its like."""

    world = World()

    def setUp(self):
        self.table = Table()
        self.parties = (self.world.addr16("0:b")[:15] + b"\0", 112)
        self.net = (self.world.addr16("64:a"), 126)
        self.pool = self.make()

    def make(self):
        return Pool(self.table, self.parties, self.net, _IDLE_MS)

    def party(self, number):
        return self.world.addr16("%d:b" % number)

    def give(self, number, now=0, pool=None):
        """Let a party send a message; return its address."""
        return (pool or self.pool).find(self.party(number), 5060, now, True)[0]

    def test_a_party_keeps_its_address_and_is_found_by_it(self):
        address = self.give(200)
        self.assertEqual(address[:15], self.net[0][:15])
        self.assertEqual(self.give(200, 10), address)
        self.assertEqual(self.pool.find(address, 5062, 20, False), (self.party(200), 5062))
        self.assertNotEqual(self.give(201), address)

    def test_who_only_stands_in_a_message_gets_none(self):
        self.assertIsNone(self.pool.find(self.party(200), 5060, 0, False))
        self.assertEqual(self.pool.counters["given"], 0)

    def test_a_party_of_the_pool_s_own_side_gets_none(self):
        self.assertIsNone(self.pool.find(self.world.addr16("200:a"), 5060, 0, True))

    def test_full_is_503_and_a_time_to_wait(self):
        for number in range(200, 204):
            self.give(number, 0)
        with self.assertRaises(Refused) as caught:
            self.give(210, _IDLE_MS - 1)
        self.assertEqual(caught.exception.code, 503)
        self.assertTrue(caught.exception.retry_s > 0)
        self.assertEqual(self.pool.counters["refused"], 1)

    def test_the_longest_silent_party_loses_its_address_first(self):
        given = [self.give(number, number) for number in range(200, 204)]
        self.pool.find(given[0], 5060, 900, False)  # somebody calls the first one back
        self.assertEqual(self.give(210, 203 + _IDLE_MS), given[1])
        self.assertEqual(self.pool.find(given[0], 5060, 1210, False)[0], self.party(200))
        self.assertEqual(self.give(211, 203 + _IDLE_MS), given[2])

    def test_a_reload_keeps_who_has_an_address(self):
        first, second = self.give(200, 5), self.give(201, 6)
        pool = self.make()
        pool.keep(self.pool)
        self.assertEqual(self.give(201, 7, pool), second)
        self.assertEqual(self.give(200, 7, pool), first)
        others = [self.give(202, 8, pool), self.give(203, 8, pool)]
        self.assertEqual(len({first, second, others[0], others[1]}), 4)
        self.assertRaises(Refused, self.give, 204, 9, pool)

    def test_a_reload_with_another_pool_gives_anew(self):
        self.give(200)
        pool = Pool(self.table, self.parties, (self.world.addr16("68:a"), 126), _IDLE_MS)
        pool.keep(self.pool)
        self.assertEqual(pool.pairs(), [])

    def test_contradictions_are_refused(self):
        with self.assertRaises(ConfigurationError):  # both on one side
            Pool(self.table, self.parties, (self.world.addr16("64:b"), 126), _IDLE_MS)
        with self.assertRaises(ConfigurationError):  # host bits
            Pool(self.table, self.parties, (self.world.addr16("65:a"), 126), _IDLE_MS)
        self.table.add(self.world.address("11:b", 0), self.world.address("66:a", 0))
        with self.assertRaises(ConfigurationError):  # a mapping has one of its addresses
            self.make()


TestPoolMirrored = mirrored(TestPool)
