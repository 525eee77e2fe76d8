# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Another configuration: what counts at once, and what is refused as a whole."""

import unittest

from host_tests.siproxy64.mirrored import mirrored
from host_tests.siproxy64.test_streams import StreamCase
from tools.siproxy64.configuration import parse
from tools.siproxy64.rewrite import rewrite
from tools.siproxy64.settings import SettingsError

CHANGED = """
limit streams 10
limit streams-per-party 3
limit connections 7
limit messages 8
latch 4 off
latch 6 on
unmapped drop
media shared {own:a!}
"""


class TestReload(StreamCase):
    def reload(self, lines):
        self.program.reload(parse(self.world.text(self.config + lines)))

    def test_what_counts_at_once(self):
        program, relay = self.program, self.program.relay
        self.assertEqual((relay.limit, relay.share), (64, 32))
        self.assertTrue(program.mirror.rewrite is rewrite)
        self.reload(CHANGED)
        self.assertEqual((relay.limit, relay.share, program.streams.limit), (10, 3, 7))
        self.assertEqual(relay.latch, {True: False, False: True})
        self.assertEqual(list(relay.shared.values()), [self.world.addr16("own:a")])
        self.assertTrue(relay.table is program.settings.table is program.mirror.table)
        self.assertFalse(program.mirror.rewrite is rewrite)
        self.reload("")
        self.assertEqual((relay.limit, relay.share), (64, 32))
        self.assertTrue(program.mirror.rewrite is rewrite)

    def test_what_needs_a_restart_changes_nothing(self):
        before = self.program.settings
        with self.assertRaises(SettingsError) as caught:
            self.reload(CHANGED + "user nobody\nlisten udp\n")
        said = caught.exception.lines
        self.assertEqual(len(said), 2)
        self.assertTrue("transports: a change needs a restart" in said, said)
        self.assertTrue(self.program.settings is before)
        self.assertEqual(self.program.relay.limit, 64)


TestReloadMirrored = mirrored(TestReload)

if __name__ == "__main__":
    unittest.main()
