# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""PRACK, UPDATE, re-INVITE, glare and session timers between two talkers over bad wires."""

import pytest

from host_tests.sim.couple import ANNA, BORIS, LINKS, QUIET_MS
from host_tests.sim.talker import Talker
from host_tests.sim.world import World


class Talkers:
    """Two talkers in a world, and what must hold."""

    def __init__(self, name, seed):
        self.world = World(seed * 1000 + list(LINKS).index(name), LINKS[name])
        self.ends = (Talker(self.world, "anna", ANNA), Talker(self.world, "boris", BORIS))

    def check_settled(self):
        """Whenever nothing is open anywhere, both ends agree on the same exchange."""
        one, other = self.ends[0].talk, self.ends[1].talk
        if one is None or other is None or one.session.call_id != other.session.call_id:
            return False
        for talk in (one, other):
            if talk.over or talk.session.state != "Confirmed" or talk.session.is_offering():
                return False
        assert one.agreed is not None and one.agreed == other.agreed, (one, other)
        assert one.offer is other.offer is None, (one, other)
        return False  # as a condition of World.run: never the end

    def make_call(self, number):
        caller, callee = self.ends if number % 2 else reversed(self.ends)
        caller.talk = callee.talk = None
        caller.call(callee)
        started = self.world.now
        self.world.run(started + 300_000, self.check_settled)
        self.world.run(self.world.now + QUIET_MS, self.check_settled)
        for end in self.ends:
            if end.talk is not None:
                assert end.talk.over is not None, end.talk

    def check_idle(self):
        for end in self.ends:
            agent = end.engine
            assert agent.sessions == {}
            assert (
                len(agent.layer.clients) + len(agent.layer.servers) + len(agent.layer.timers) == 0
            )
            for bad in ("malformed_requests", "malformed_responses", "dropped_output",
                        "dropped_events", "refused_commands"):  # fmt: skip
                assert agent.counters.get(bad, 0) == 0, agent.debug()


def run_world(name, seed, calls):
    """Make calls in one world; return what happened how often."""
    talkers = Talkers(name, seed)
    try:
        for number in range(calls):
            talkers.make_call(number)
        talkers.world.run(talkers.world.now + QUIET_MS)
        talkers.check_idle()
    except AssertionError:
        print("world %r, seed %d" % (name, seed))
        for when, text in talkers.world.trace[-120:]:
            print("%8d %s" % (when, text))
        raise
    counts = {}
    for end in talkers.ends:
        for what in end.counts:
            counts[what] = counts.get(what, 0) + end.counts[what]
    return counts


@pytest.mark.parametrize("name", LINKS)
def test_exchanges(name):
    counts = {}
    for seed in range(2):
        got = run_world(name, seed, 60)
        for what in got:
            counts[what] = counts.get(what, 0) + got[what]
    # each of these has been tried
    for what in ("described", "acknowledged", "updates", "early updates", "reinvites", "due"):
        assert counts.get(what, 0) > 0, counts
    if name not in ("perfect", "lan"):
        assert counts.get("491", 0) > 0, counts  # glare needs a way that takes time


@pytest.mark.soak
@pytest.mark.parametrize("name", LINKS)
def test_many_exchanges(name):
    for seed in range(100, 140):
        run_world(name, seed, 60)
