# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The search for the longest keepalive (X-9) at a real NAT, in real time.

A NAT that forgets after 100 s gives another port then: 56 s work, 112 s do not. unit/pubtsp and
sim search in virtual time.
"""

import os
import re

import pytest

pytestmark = [
    pytest.mark.soak,
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(600),
]
_SEARCH_S = 60 + 56 + 56 + 112  # it begins a minute after the tunnel is up
_FOUND = r"this NAT keeps a mapping for (\d+) s"


def test_the_search_finds_what_the_nat_bears(net, operator, clients):
    home = net.home("patient", kind="symmetric", timeout_s=100)
    home.set_servers(operator)
    client = clients(home.host("host"))
    address = client.wait_up()
    found = client.process.wait_output(_FOUND, _SEARCH_S + 60.0)
    assert int(found[1]) == 56
    assert [one[0] for one in client.ups()] == [address]  # the tunnel itself never changed
    assert len(re.findall(_FOUND, client.process.output())) == 1
