# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Every registered header: what the list says the mirror does with it is what it does."""

import unittest

from host_tests.siproxy64.mirrored import World, mirrored
from host_tests.siproxy64.test_rewrite_headers import Names
from tools.siproxy64.scan import field
from tools.siproxy64.table import Table, side
from vox6.sip.lines import header_key

LIST = "host_tests/vectors/sip_headers/headers.txt"
SAMPLES = {
    "opaque": "<sip:1@{phone:~}>, sip:{phone:~};maddr={phone:~}",
    "uris": 'a "sip:1@{phone:a}" <sip:1@{phone:~};maddr={phone:~}>, sip:1@{phone:~}, {phone:a}',
    "via": "SIP/2.0/UDP {phone:~};received={phone:~!};maddr={phone:~};sip:{phone:a}",
    "agents": '399 {phone:~} "sip:{phone:a}"',
    "values": 'a={phone:~};b="{phone:~}";{phone:a}',
}


def rows():
    with open(LIST) as file:
        lines = [line.rstrip("\n") for line in file]
    return [line.split("\t") for line in lines if line and line[0] != "#"]


class TestHeaderNames(unittest.TestCase):
    world = World()

    def setUp(self):
        self.table = Table()
        self.table.add(self.world.address("phone:a", 0), self.world.address("phone:b", 0))

    def test_every_header(self):
        here = side(self.world.addr16("phone:a"))
        names = Names(self.table, here)
        for name, compact, _, does in rows():
            sample = SAMPLES[does]
            near = self.world.text(sample.replace("~", "a"))
            far = near if does == "opaque" else self.world.text(sample.replace("~", "b"))
            for written in (name, name.upper(), compact):
                if written != "-":
                    with self.subTest(name=written):
                        found, _ = field(header_key(written), near.encode(), names)
                        self.assertEqual(found.decode(), far)

    def test_names_once(self):
        names = [row[0].lower() for row in rows()]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(len(names) > 130)

    def test_compact_forms(self):
        for name, compact, _, _ in rows():
            if compact != "-":
                self.assertEqual(header_key(compact), name.lower())


TestHeaderNamesMirrored = mirrored(TestHeaderNames)
