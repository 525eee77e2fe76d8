# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The mapping table: every kind of entry, both ways, and what is refused."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from tools.siproxy64.table import ConfigurationError, Table


class TestTable(unittest.TestCase):
    world = World()

    def setUp(self):
        self.table = Table()
        self.line = 0

    def add(self, real, representation, port=0, other_port=0, length=128):
        self.line += 1
        self.table.add(
            self.world.address(real, port),
            self.world.address(representation, other_port),
            length,
            "line %d" % self.line,
        )

    def refused(self, message, *args):
        with self.assertRaises(ConfigurationError) as caught:
            self.add(*args)
        self.assertEqual(str(caught.exception), message)

    def pair(self, real, representation, port=5060, other_port=5060):
        """Both are one party, seen from either side."""
        real = self.world.address(real, port)
        representation = self.world.address(representation, other_port)
        self.assertEqual(self.table.representation(*real), representation)
        self.assertEqual(self.table.real(*representation), real)
        self.assertIsNone(self.table.real(*real))
        self.assertIsNone(self.table.representation(*representation))
        self.assertEqual(self.table.counterpart(*real), representation)
        self.assertEqual(self.table.counterpart(*representation), real)

    def nobody(self, word, port=5060):
        address = self.world.address(word, port)
        self.assertIsNone(self.table.counterpart(*address))
        self.assertIsNone(self.table.real(*address))
        self.assertIsNone(self.table.representation(*address))

    def test_host(self):
        self.add("phone:a", "phone:b")
        self.pair("phone:a", "phone:b")
        self.pair("phone:a", "phone:b", 40000, 40000)
        self.pair("phone:a", "phone:b", 0, 0)
        self.nobody("second:a")
        self.nobody("second:b")

    def test_host_of_the_other_side(self):
        self.add("provider:b", "provider:a")
        self.pair("provider:b", "provider:a")

    def test_host_and_port(self):
        self.add("phone:a", "phone:b", 5062, 5060)
        self.pair("phone:a", "phone:b", 5062, 5060)
        self.pair("phone:a", "phone:b", 0, 0)  # the address alone
        self.nobody("phone:a", 5060)
        self.nobody("phone:b", 5062)

    def test_several_parties_on_one_real_address(self):
        self.add("phone:a", "phone:b", 5062, 5060)
        self.add("phone:a", "second:b", 5064, 5060)
        self.pair("phone:a", "phone:b", 5062, 5060)
        self.pair("phone:a", "second:b", 5064, 5060)
        self.nobody("phone:a", 0)  # which of them is not told
        self.assertEqual(
            self.table.counterpart(self.world.addr16("second:b")),
            (self.world.addr16("phone:a"), 0),
        )

    def test_several_parties_on_one_representation(self):
        self.add("phone:a", "own:b", 5060, 5061)
        self.add("second:a", "own:b", 5060, 5062)
        self.add("third:a", "own:b", 5060, 5063)
        self.pair("phone:a", "own:b", 5060, 5061)
        self.pair("second:a", "own:b", 5060, 5062)
        self.pair("third:a", "own:b", 5060, 5063)
        self.nobody("own:b", 0)
        self.nobody("own:b", 5060)
        self.assertEqual(
            self.table.counterpart(self.world.addr16("second:a")),
            (self.world.addr16("own:b"), 0),
        )

    def test_two_ports_of_one_pair(self):
        self.add("phone:a", "phone:b", 5060, 5070)
        self.add("phone:a", "phone:b", 5062, 5072)
        self.pair("phone:a", "phone:b", 5062, 5072)
        self.pair("phone:a", "phone:b", 0, 0)

    def test_range(self):
        self.add("32:a", "32:b", 0, 0, 124)
        for number in ("32", "33", "39"):
            self.pair(number + ":a", number + ":b")
        self.nobody("31:a")
        self.nobody("49:a")

    def test_range_with_ports(self):
        self.add("32:a", "32:b", 5062, 5060, 124)
        self.pair("35:a", "35:b", 5062, 5060)
        self.nobody("35:a", 5060)

    def test_whole_family(self):
        self.add("whole:a", "whole:b", 0, 0, 96)
        for word in ("phone", "stranger", "250"):
            self.pair(word + ":of_a", word + ":of_b")

    def test_whole_family_the_other_way_round(self):
        self.add("whole:b", "whole:a", 0, 0, 96)
        self.pair("phone:of_b", "phone:of_a")

    def test_what_is_reserved_in_a_whole_family(self):
        """Nobody of it is found on either side, up to its last address."""
        self.add("whole:a", "whole:b", 0, 0, 96)
        self.table.reserve(self.world.addr16("96:of_a"), 124)
        for word in ("96", "111"):
            self.nobody(word + ":of_a")
            self.nobody(word + ":of_b")
        self.pair("95:of_a", "95:of_b")
        self.pair("112:of_a", "112:of_b")

    def test_representation_inside_a_real_range(self):
        self.add("32:a", "32:b", 0, 0, 124)
        self.add("provider:b", "33:a")
        self.pair("provider:b", "33:a")
        self.nobody("33:b")  # the range would say that it is 33:a, who is somebody else
        self.pair("34:a", "34:b")

    def test_the_longest_decides(self):
        self.add("32:a", "32:b", 0, 0, 124)
        self.add("33:a", "second:b")
        self.add("38:a", "third:b", 5062, 5060)
        self.pair("33:a", "second:b")
        self.nobody("33:b")  # the other name of one who has a longer entry
        self.pair("38:a", "third:b", 5062, 5060)
        self.pair("34:a", "34:b")

    def test_order_does_not_matter(self):
        self.add("33:a", "second:b")
        self.add("32:a", "32:b", 0, 0, 124)
        self.pair("33:a", "second:b")
        self.nobody("33:b")
        self.pair("34:a", "34:b")

    def test_one_side(self):
        self.refused("line 1: both addresses live on the same side", "phone:a", "second:a")
        self.refused("line 2: both addresses live on the same side", "phone:b", "second:b")

    def test_port_on_one_side_alone(self):
        message = "line 1: a port stands on one side alone"
        self.refused(message, "phone:a", "phone:b", 5060, 0)

    def test_host_bits(self):
        self.refused("line 1: host bits are set in a range", "33:a", "32:b", 0, 0, 124)
        self.refused("line 2: host bits are set in a range", "32:a", "33:b", 0, 0, 124)

    def test_no_prefix(self):
        self.refused("line 1: no prefix of both families", "whole:a", "whole:b", 0, 0, 95)
        self.refused("line 2: no prefix of both families", "phone:a", "phone:b", 0, 0, 129)

    def test_doubles(self):
        self.add("phone:a", "phone:b")
        self.refused("line 2 overlaps line 1", "phone:a", "phone:b")
        self.refused("line 3 overlaps line 1", "phone:a", "second:b")
        self.refused("line 4 overlaps line 1", "second:a", "phone:b")
        self.refused("line 5 overlaps line 1", "phone:b", "second:a")
        self.refused("line 6 overlaps line 1", "second:b", "phone:a")
        self.refused("line 7 overlaps line 1", "phone:a", "second:b", 5062, 5062)
        self.nobody("second:a")  # nothing of what was refused stays
        self.pair("phone:a", "phone:b")

    def test_doubles_by_port(self):
        self.add("phone:a", "phone:b", 5062, 5060)
        self.refused("line 2 overlaps line 1", "phone:a", "second:b", 5062, 5060)
        self.refused("line 3 overlaps line 1", "second:a", "phone:b", 5060, 5060)
        self.refused("line 4 overlaps line 1", "phone:a", "second:b")
        self.add("second:a", "phone:b", 5060, 5061)

    def test_representations_overlap(self):
        self.add("32:a", "32:b", 0, 0, 124)
        self.refused("line 2 overlaps line 1", "phone:a", "33:b")
        self.refused("line 3 overlaps line 1", "64:a", "32:b", 0, 0, 124)
        self.refused("line 4 overlaps line 1", "33:b", "phone:a")

    def test_representation_of_a_range_over_a_host(self):
        self.add("phone:a", "33:b")
        self.refused("line 2 overlaps line 1", "32:a", "32:b", 0, 0, 124)

    def test_names(self):
        one, two = self.world.addr16("own:a"), self.world.addr16("own:b")
        self.table.add_name("SIP.example.org", one, two)
        self.assertEqual(self.table.name("sip.EXAMPLE.org"), (one, two))
        self.assertIsNone(self.table.name("sip.example.com"))
        with self.assertRaises(ConfigurationError):
            self.table.add_name("sip.example.org", one, two, "line 2")
        with self.assertRaises(ConfigurationError):
            self.table.add_name("other.example.org", one, one, "line 3")

    def test_local_nets(self):
        self.add("phone:a", "phone:b", 5062, 5060)
        self.add("provider:b", "provider:a")
        self.add("32:a", "32:b", 0, 0, 124)
        self.assertEqual(
            self.table.local_nets(),
            [
                (self.world.addr16("phone:b"), 128, 5060),
                (self.world.addr16("provider:a"), 128, 0),
                (self.world.addr16("32:b"), 124, 0),
            ],
        )


class TestWholeFamily(unittest.TestCase):
    """One family holds all of the other, which has no place for all of the first: one way only."""

    def test_who_is_represented_in_it(self):
        world = World()
        table = Table()
        table.add(world.address("whole:a", 0), world.address("whole:b", 0), 96, "line 1")
        table.add(world.address("provider:b", 0), world.address("provider:a", 0), 128, "line 2")
        self.assertEqual(
            table.representation(*world.address("provider:b")), world.address("provider:a")
        )
        self.assertEqual(table.real(*world.address("phone:of_b")), world.address("phone:of_a"))
        # what the shorter entry says of that address would be a second name for it
        self.assertIsNone(table.real(*world.address("provider:of_b")))


TestTableMirrored = mirrored(TestTable)
