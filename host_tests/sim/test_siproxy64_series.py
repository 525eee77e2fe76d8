# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The calls of test_calls.py through two of siproxy64 in a row: whatever the wires do, both phones
tell the same story, every message is what was sent, every packet of media too, and in the end no
port is left open."""

import pytest

from host_tests.sim.couple import LINKS, run_world
from host_tests.sim.mirrors import MirroredCouple

CALLS = 39  # a world, three of each kind
WORLDS = [(name, seed) for name in LINKS for seed in range(2)]


@pytest.mark.parametrize(("name", "seed"), WORLDS)
def test_calls(name, seed):
    couple, outcomes = run_world(name, seed, CALLS, couple=MirroredCouple)
    print(couple.world.counters, couple.witness.counters)
    print(couple.secured)
    for key in sorted(outcomes, key=str):
        print(outcomes[key], *key)
    counters = couple.witness.counters
    for kind in ("messages", "media"):
        assert counters[kind][2] > CALLS, "nothing has come through"
    if couple.world.link.loss == 0:
        assert counters["messages"][0] == counters["messages"][2]
    talked = [call for phone in couple.phones for call in phone.finished if call.was_talking]
    assert len(talked) > CALLS / 3


@pytest.mark.soak
@pytest.mark.parametrize("name", LINKS)
def test_many(name):
    """2,340 calls over each kind of wire."""
    for seed in range(100, 130):
        run_world(name, seed, 2 * CALLS, couple=MirroredCouple)
