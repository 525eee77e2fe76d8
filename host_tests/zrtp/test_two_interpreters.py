# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp on MicroPython with mbedTLS against lib/zrtp on CPython with OpenSSL.

The only second opinion on EC25 and EC38, which libbzrtp lacks; a third one is peer.py.
"""

import random

import pytest

from host_tests.unit.mp import run
from host_tests.zrtp import bzrtp, micropython, ours, peer, world
from host_tests.zrtp import test_attack_public_values as public_values
from vox6.zrtp.cache import MemoryCache

SETS = [
    ("S256", "AES1", "HS32", "EC25", "B32"),
    ("S384", "AES3", "HS80", "EC25", "B256"),
    ("S384", "AES3", "HS80", "EC38", "B32"),
    ("S384", "AES3", "HS32", "EC38", "B256"),
    ("S256", "AES1", "HS80", "X255", "B32"),
    ("S256", "AES1", "HS32", "DH3k", "B32"),
    ("S384", "AES3", "HS80", "DH3k", "B256"),
    ("S256", "AES1", "HS32", "DH2k", "B32"),
]
KINDS = ("hashes", "ciphers", "auth_tags", "key_agreements", "sas_types")


@pytest.fixture(scope="module")
def child():
    if not run.interpreter().exists():
        pytest.skip("no %s: make boards BOARD=UNIX_HOST" % run.interpreter())
    one = micropython.Child()
    yield one
    one.close()


def policy(algorithms):
    arguments = {kind: (name,) for kind, name in zip(KINDS, algorithms)}
    arguments["key_agreements"] = (algorithms[3], "Mult")
    return arguments


@pytest.mark.parametrize("responder", (0, 1), ids=("responder", "initiator"))
@pytest.mark.parametrize("algorithms", SETS, ids="-".join)
def test_keys_and_sas_are_equal(child, algorithms, responder):
    """Both roles; then a second stream in Multistream mode."""
    mine = ours.Context(seed=1, **policy(algorithms))
    theirs = micropython.Context(child, seed=2, **policy(algorithms))
    first = world.World(mine.open(1), theirs.open(2), world.Roles(responder))
    first.run_until_secure(settle=100)
    world.agree(first)
    assert first.parties[0].algorithms == first.parties[1].algorithms == algorithms
    assert first.parties[0].role != first.parties[1].role
    second = world.World(mine.open(3), theirs.open(4), world.Roles(responder))
    second.run_until_secure(settle=100)
    world.agree(second)
    assert second.parties[1].secure_event.mode == "Mult"
    assert second.parties[0].sas == first.parties[0].sas


@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("algorithms", SETS, ids="-".join)
def test_against_the_peer_by_hand(child, algorithms, role):
    """MicroPython and derive.py, which shares no line with lib/zrtp."""
    theirs = micropython.Context(child, seed=2, **policy(algorithms))
    hand = peer.Peer(role, algorithms=algorithms)
    first = world.World(hand, theirs.open(2))
    first.run_until_secure(settle=100)
    mine, other = first.parties
    assert other.secured and mine.keys["send"] == other.keys["receive"], first.story()
    assert mine.keys["receive"] == other.keys["send"]
    if algorithms[4] == "B32":
        assert mine.sas == other.sas


@pytest.mark.skipif(bzrtp.library() is None, reason="libbzrtp0 is not installed")
@pytest.mark.parametrize("responder", (0, 1), ids=("initiator", "responder"))
@pytest.mark.parametrize("algorithms", SETS[4:], ids="-".join)
def test_against_bzrtp(child, algorithms, responder):
    """MicroPython and libbzrtp, a second stream too."""
    arguments = {kind: list(names) for kind, names in policy(algorithms).items()}
    other = bzrtp.Context(**arguments)
    mine = micropython.Context(child, seed=2, **policy(algorithms))
    for ssrcs in ((1, 2), (3, 4)):
        wire = world.Roles(responder)
        one = world.World(other.open(ssrcs[0]), mine.open(ssrcs[1]), wire)
        one.run_until_secure(settle=100)
        theirs, ours_ = one.parties
        assert theirs.secured and ours_.secured, one.story()
        assert theirs.keys["send"] == ours_.keys["receive"]
        assert theirs.keys["receive"] == ours_.keys["send"]
        assert ssrcs != (1, 2) or theirs.sas == ours_.sas


@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("value", public_values.VALUES, ids=lambda value: "-".join(value[:2]))
def test_bad_public_value(child, value, role):
    """mbedTLS refuses what OpenSSL refuses (test_attack_public_values.py)."""
    algorithm, _, public = value
    hand = public_values.attacker(role, algorithm, public)
    party = micropython.Context(child, key_agreements=(algorithm, "Mult")).open(2)
    one = world.World(hand, party)
    one.run(12000)
    assert not party.secured and not party.keys
    assert party.failed == 0x61 and set(hand.errors) == {0x61}


def test_cache_and_preshared(child):
    """A second call by the cache, a third in Preshared mode, both SAS equal."""
    our_cache = MemoryCache(random.Random(5).randbytes(12))
    their_cache = micropython.new_cache(child, random.Random(6).randbytes(12))
    for number, names in enumerate((("EC25", "Mult"), ("EC38", "Mult"), ("Prsh", "EC25", "Mult"))):
        mine = ours.Context(number, our_cache, key_agreements=names)
        theirs = micropython.Context(child, cache=their_cache, key_agreements=names)
        one = world.World(mine.open(1), theirs.open(2))
        one.run_until_secure(settle=100)
        world.agree(one)
        assert [party.verified for party in one.parties] == [number > 0] * 2
        mine.verify()
        theirs.verify()
    assert {party.secure_event.mode for party in one.parties} == {"Prsh"}


def test_lossy_wire(child):
    for seed in range(5):
        mine = ours.Context(seed, key_agreements=("EC25", "Mult"))
        theirs = micropython.Context(child, seed + 100, key_agreements=("EC25", "Mult"))
        wire = world.Lossy(seed, loss=0.2, twice=0.2, late=0.2)
        one = world.World(mine.open(1), theirs.open(2), wire)
        one.run_until_secure(60000)
        world.agree(one)
