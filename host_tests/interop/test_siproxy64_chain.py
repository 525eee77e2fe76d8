# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""`make chain`: IPv4-only phone, siproxy64 behind NAT by a tunnel, native IPv6 phone."""

import os

import pytest
from rich.console import Console

from tools.lab.call import Story
from tools.lab.chain import run
from tools.lab.chain_report import check_hops
from tools.panel.phones import TOP


@pytest.mark.soak
@pytest.mark.timeout(180)
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_calls_both_ways():
    found, _ = run(TOP / "build/chain-test", Story(Console()))
    assert len(found) == 2
    for hops in found.values():
        check_hops(hops)
