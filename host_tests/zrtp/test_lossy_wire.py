# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""1,000 handshakes over wires that lose, delay, double, reorder: equal keys or honest failure."""

import random

import pytest

from host_tests.zrtp import ours, world
from vox6.zrtp.cache import MemoryCache

COUNT = 1000
PARTS = 10
MIXES = (
    ("X255", "Mult"),
    ("EC25", "Mult"),
    ("X255", "EC25", "DH2k", "Mult"),
    ("Prsh", "X255", "Mult"),
    ("EC38", "EC25", "Mult"),
)


def handshake(number, caches):
    """One call of two phones with a past; returns (how it ended on each side, World)."""
    rng = random.Random(number)
    contexts = [
        ours.Context(
            seed=number * 2 + i,
            cache=caches[i],
            key_agreements=rng.choice(MIXES),
            hashes=tuple(rng.sample(("S256", "S384"), 2)),
            ciphers=tuple(rng.sample(("AES1", "AES3"), 2)),
            sas_types=tuple(rng.sample(("B32", "B256"), 2)),
        )
        for i in (0, 1)
    ]
    wire = world.Lossy(
        number,
        loss=rng.uniform(0.1, 0.3),
        twice=rng.uniform(0.0, 0.3),
        late=rng.uniform(0.0, 0.3),
        delay=rng.choice((1, 20, 75, 150)),
        jitter=rng.choice((0, 10, 50)),
    )
    start = (0, rng.choice((0, 0, 30, 500, 3500)))
    one = world.World(contexts[0].open(1), contexts[1].open(2), wire, start)
    one.run_until_secure(45000, settle=15000)
    return one


def judge(one):
    """Return "secure", "failed" or "one-sided"; AssertionError for what must never be."""
    first, second = one.parties
    for party in one.parties:
        assert len(party.happened("Secured")) <= 1 and len(party.happened("Failed")) <= 1
        if party.secured:
            assert set(party.keys) == {"send", "receive"}
        else:
            assert not party.keys, "keys of an exchange that failed"
    if first.secured and second.secured:
        assert first.keys["send"] == second.keys["receive"], one.story()
        assert first.keys["receive"] == second.keys["send"], one.story()
        assert first.sas == second.sas and first.algorithms == second.algorithms
        assert first.role != second.role
        return "secure"
    if first.secured or second.secured:
        secure, other = (first, second) if first.secured else (second, first)
        assert secure.role == "Responder", "only a lost Conf2ACK can divide them"
        assert other.failed == 0xB0
        return "one-sided"
    assert first.failed or first.happened("PeerSilent"), one.story()
    assert second.failed or second.happened("PeerSilent"), one.story()
    return "failed"


SOAK = [pytest.param(part, marks=pytest.mark.soak) for part in range(PARTS, 10 * PARTS)]


@pytest.mark.parametrize("part", [*range(PARTS), *SOAK])
def test_handshakes(part):
    """The same two phones call each other a hundred times, and their caches stay together."""
    rng = random.Random("zids %d" % part)
    caches = [MemoryCache(rng.randbytes(12)) for _ in range(2)]
    ends = {"secure": 0, "failed": 0, "one-sided": 0}
    verified = False
    for number in range(part * COUNT // PARTS, (part + 1) * COUNT // PARTS):
        one = handshake(number, caches)
        try:
            end = judge(one)
        except AssertionError as error:
            raise AssertionError("handshake %d: %s\n%s" % (number, error, one.story()))
        ends[end] += 1
        if end != "secure":
            continue
        assert not any(party.mismatch for party in one.parties), "handshake %d" % number
        assert all(party.verified == verified for party in one.parties), "handshake %d" % number
        for party in one.parties:
            party.context.verify()
        verified = True
    print(ends)
    assert ends["secure"] >= 0.98 * COUNT / PARTS, ends
