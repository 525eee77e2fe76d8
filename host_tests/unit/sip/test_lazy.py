# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a plain call loads: a phone has some 100 kB of heap, and most calls are no transfers."""

# CPython only: starts a process, as what other tests have loaded does not count

import subprocess
import sys
import unittest

CALL = """
import sys
from host_tests.unit.sip.helpers import Pair
pair = Pair()
mine, theirs = pair.call()
mine.bye(0)
pair.run(100000)
%s
print(" ".join(sorted(name[9:] for name in sys.modules if name.startswith("vox6.sip."))))
"""
LATER = {  # loaded by what
    "dialog_info": "from vox6.sip import dialog_info",
    "dtmf": "from vox6.sip import dtmf",
    "exchange": "pair.a.options('sip:b@[::1]', (bytes(16), 5060), 0)",
    "info": "mine, theirs = pair.call(); mine.info(0, 'a/b', b'x')",
    "markup": "from vox6.sip import dialog_info",
    "message_summary": "from vox6.sip import message_summary",
    "notifier": "mine, theirs = pair.call(); mine.refer(0, 'sip:c@c')",
    "notify": "mine, theirs = pair.call(); mine.refer(0, 'sip:c@c'); pair.flow();"
    "pair.b.next_event().referral.accept(0); pair.flow()",
    "options": "pair.a.options('sip:b@[::1]', (bytes(16), 5060), 0)",
    "paging": "pair.a.message('sip:b@[::1]', (bytes(16), 5060), 0, 'x')",
    "refer": "mine, theirs = pair.call(); mine.refer(0, 'sip:c@c')",
    "replaces": "pair.a.invite('sip:b@[::1]', (bytes(16), 5060), 0,"
    " replaces='a;to-tag=1;from-tag=2')",
    "subscriber": "pair.a.subscribe('sip:b@[::1]', 'dialog', (bytes(16), 5060), 0)",
    "subscription": "pair.a.subscribe('sip:b@[::1]', 'dialog', (bytes(16), 5060), 0)",
    "usage_events": "pair.a.subscribe('sip:b@[::1]', 'dialog', (bytes(16), 5060), 0)",
}


def _loaded(more=""):
    done = subprocess.run(
        [sys.executable, "-c", CALL % more], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


class LazyTest(unittest.TestCase):
    def test_a_call_loads_none_of_these(self):
        self.assertEqual(set(_loaded()) & set(LATER), set())

    def test_its_use_loads_it(self):
        for more in sorted(set(LATER.values())):
            wanted = {name for name, by in LATER.items() if by == more}
            self.assertEqual(wanted - set(_loaded(more)), set(), more)


if __name__ == "__main__":
    unittest.main()
