# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two phones call each other 1,000 times over wires of all kinds; whatever happens on the way,
each call ends alike on both sides, and nothing is left over."""

import pytest

from host_tests.sim.couple import LINKS, run_world

CALLS = 50  # a world
WORLDS = [(name, seed) for name in LINKS for seed in range(4)]


@pytest.mark.parametrize(("name", "seed"), WORLDS)
def test_calls(name, seed):
    couple, outcomes = run_world(name, seed, CALLS)
    print(couple.world.counters)
    print(couple.secured)
    print(couple.known)
    for key in sorted(outcomes, key=str):
        print(outcomes[key], *key)
    counters = couple.world.counters
    if couple.world.link.loss:
        assert counters["lost"] and counters["doubled"]
    talked = [call for phone in couple.phones for call in phone.finished if call.was_talking]
    assert len(talked) > CALLS / 2


def test_a_thousand():
    """The worlds above make 1,000 calls in all."""
    assert len(WORLDS) * CALLS >= 1000


def test_the_same_seed_gives_the_same_world():
    one, other = run_world("wireless", 9, 13), run_world("wireless", 9, 13)
    assert one[0].world.trace == other[0].world.trace
    assert one[1] == other[1]


@pytest.mark.soak
@pytest.mark.parametrize("name", LINKS)
def test_many(name):
    """20,000 calls."""
    for seed in range(100, 140):
        run_world(name, seed, 100)
