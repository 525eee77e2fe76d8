# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""`make chain`: IPv4-only phone, siproxy64 behind NAT by a tunnel, native IPv6 phone.

By siproxy64 on CPython, and by siproxy64-router.
"""

import pytest
from rich.console import Console

from tools.lab.call import Story
from tools.lab.chain import ROUTER, run
from tools.lab.chain_report import check_hops
from tools.panel.phones import TOP


@pytest.mark.soak
@pytest.mark.timeout(180)
@pytest.mark.needs_root
@pytest.mark.parametrize("program", [(), (ROUTER,)], ids=("host", "router"))
def test_calls_both_ways(program):
    found, _ = run(TOP / "build/chain-test", Story(Console()), program)
    assert len(found) == 2
    for hops in found.values():
        check_hops(hops)
