# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""A stateful proxy (kamailio) forks the phone's call to two callees (RFC 3261 section 16)."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.signalling import PROXY, SIPP, heard, tone
from tools.lab import Kamailio

PORTS = (5070, 5072)


@pytest.fixture
def team(proxy_host):
    """The URI of a user whose calls go to both ports of SIPp's host."""
    branches = [f"sip:sipp@[{SIPP}]:{port}" for port in PORTS]
    running = Kamailio(proxy_host, PROXY, {}, forks={"team": branches})
    yield f"sip:team@[{PROXY}]"
    running.close()


def test_early_media_of_one_and_the_answer_of_the_other(phone, plain, sipp, team, capture):
    first = sipp("uas_branch_early", port=PORTS[0], keys={"sound": tone(440)})
    second = sipp("uas_branch_answers", port=PORTS[1], keys={"sound": tone(1000)})
    phone.dial(team)
    phone.panel.wait_text("being connected|rings there")
    assert abs(heard(phone) - 440) < 1, "the early media of the first branch"
    phone.wait_talking()
    first.wait()
    time.sleep(0.3)
    assert abs(heard(phone) - 1000) < 1, "the voice of the branch that answered"
    phone.hang_up()
    second.wait()
    phone.wait_idle()


@pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)
def test_both_answer(phone, plain, sipp, team, capture):
    first = sipp("uas_branch_late", port=PORTS[0])
    second = sipp("uas_branch_answers", port=PORTS[1], keys={"sound": tone(1000)})
    phone.dial(team)
    phone.wait_talking()
    first.wait()
    time.sleep(0.3)
    assert abs(heard(phone) - 1000) < 1, "the voice of the branch that answered first"
    phone.hang_up()
    second.wait()
    phone.wait_idle()
