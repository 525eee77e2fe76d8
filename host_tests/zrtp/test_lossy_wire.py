# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""1,000 handshakes over wires that lose, delay, double, reorder: equal keys or honest failure."""

import random

import pytest

from host_tests.zrtp import ours, world
from vox6.wire.errors import LocalProtocolError
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


class Call:
    """Two phones with two streams between them, and a wire for each."""

    def __init__(self, seed):
        self.rng = rng = random.Random("commands %d" % seed)
        names = rng.choice(MIXES)
        self.contexts = [
            ours.Context(seed=seed * 2 + i, allow_clear=True, key_agreements=names) for i in (0, 1)
        ]
        self.worlds = []
        for number in range(2):
            wire = world.Lossy(
                seed * 2 + number,
                loss=rng.uniform(0, 0.2),
                twice=rng.uniform(0, 0.2),
                late=rng.uniform(0, 0.2),
            )
            parties = [
                context.open(10 * number + i + 1) for i, context in enumerate(self.contexts)
            ]
            start = (rng.choice((0, 400)), rng.choice((0, 700)))
            self.worlds.append(world.World(*parties, wire, start))
        self.stopped = set()

    def run(self, for_ms):
        """Let time pass for both streams in step: what one does may make the other speak."""
        until = self.worlds[0].now + for_ms
        while self.worlds[0].now < until:
            for one in self.worlds:
                one.run(10)
                for side in (0, 1):
                    one._send(side)

    def command(self):
        """Give one random command; LocalProtocolError is the only exception that it may raise."""
        rng = self.rng
        number, side = rng.randrange(2), rng.randrange(2)
        one = self.worlds[number]
        party = one.parties[side]
        session = party.context.session
        name = rng.choice(
            (
                "go_clear",
                "go_clear",
                "go_secure",
                "go_secure",
                "start",
                "srtp",
                "verify",
                "unverify",
            )
            + ("go_clear", "go_secure", "deny", "stop")[: rng.randrange(8)]
        )
        if name in ("start", "stop"):
            one.start[side] = None
        try:
            if name in ("go_clear", "go_secure", "start"):
                party.do(name, one.now)
            elif name == "srtp":
                # only who has the keys can send it
                if one.parties[1 - side].secured and set(party.keys) == {"receive"}:
                    party.do("srtp_authenticated", one.now)
            elif name == "stop":
                party.do("stop", one.now)
                self.stopped.add(number)
                party.keys.clear()
                party.secure_event = None
            else:
                getattr(session, name)(*(["Name"] if name == "verify" else []))
        except LocalProtocolError:
            pass
        party.context.collect()
        one._send(side)

    def check(self):
        """What must hold when all is quiet."""
        for number, one in enumerate(self.worlds):
            first, second = one.parties
            for party in one.parties:
                assert set(party.keys) in ({"send", "receive"}, set()), party.engine.debug()
                assert party.secured == bool(party.keys)
            if first.secured and second.secured:
                assert first.keys["send"] == second.keys["receive"], one.story()
                assert first.keys["receive"] == second.keys["send"], one.story()
                assert first.sas == second.sas, one.story()
            for party in one.parties:
                timer = party.next_time()
                assert timer is None or number in self.stopped or timer > one.now
        keys = [key for one in self.worlds for key in one.parties[0].keys.values()]
        assert len(set(keys)) == len(keys), "a key is used twice"


@pytest.mark.parametrize(
    "part", [*range(3), *(pytest.param(part, marks=pytest.mark.soak) for part in range(3, 60))]
)
def test_random_commands(part):
    """GoClear, verify, stop and all other commands at any moment, on two streams of a call."""
    for seed in range(part * 40, part * 40 + 40):
        call = Call(seed)
        try:
            for _ in range(12):
                call.run(call.rng.choice((10, 50, 200, 1000, 5000)))
                call.command()
            call.run(35000)
            call.check()
        except AssertionError as error:
            raise AssertionError("call %d: %s" % (seed, error))
