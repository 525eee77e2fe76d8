# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Both sides send Commit at once (section 4.2): all combinations of modes; and equal ZIDs."""

import itertools

import pytest

from host_tests.zrtp import derive, ours, peer, world
from host_tests.zrtp.attacks import QUICK, meet, refused, untouched, victim
from vox6.zrtp.cache import Entry, MemoryCache

PRESHARED = ("Prsh", "X255", "Mult")
DH = ("X255", "Mult")


def known_to_each_other():
    """Return two caches with the same rs1, compared."""
    caches = [MemoryCache(bytes([i]) * 12) for i in (1, 2)]
    for one, other in (caches, caches[::-1]):
        one.put(other.zid, Entry(rs1=b"\x07" * 32, verified=True, name="Known"))
    return caches


def both(lists, caches=(None, None), seed=1, wire=None):
    contexts = [
        ours.Context(seed=seed * 2 + i, cache=cache, key_agreements=names)
        for i, (names, cache) in enumerate(zip(lists, caches))
    ]
    return world.World(contexts[0].open(1), contexts[1].open(2), wire)


def commits(one):
    """Return the Commits that each side sent."""
    return [
        [derive.Commit(message) for message in one.messages(side, "Commit")] for side in (0, 1)
    ]


class TestModes:
    def test_dh_against_dh(self):
        """The higher hvi is the initiator's, whoever that is."""
        initiators = set()
        for seed in range(20):
            one = both((DH, DH), seed=seed)
            one.run_until_secure()
            world.agree(one)
            first, second = commits(one)
            winner = 0 if first[0].hvi > second[0].hvi else 1
            assert [party.role for party in one.parties][winner] == "Initiator"
            assert one.parties[1 - winner].role == "Responder"
            initiators.add(winner)
        assert initiators == {0, 1}

    def test_preshared_against_preshared(self):
        initiators = set()
        for seed in range(20):
            one = both((PRESHARED, PRESHARED), known_to_each_other(), seed)
            one.run_until_secure()
            world.agree(one)
            first, second = commits(one)
            winner = 0 if first[0].nonce > second[0].nonce else 1
            assert one.parties[winner].role == "Initiator"
            assert {p.secure_event.mode for p in one.parties} == {"Prsh"}
            initiators.add(winner)
        assert initiators == {0, 1}

    @pytest.mark.parametrize("side", (0, 1))
    def test_preshared_against_dh(self, side):
        """The Preshared Commit is discarded: that side lost nothing, the other lost its cache."""
        for seed in range(6):
            caches = known_to_each_other()
            caches[1 - side] = MemoryCache(caches[1 - side].zid)
            one = both((PRESHARED, PRESHARED), caches, seed)
            one.run_until_secure()
            world.agree(one)
            assert {p.secure_event.mode for p in one.parties} == {"DH"}
            assert one.parties[1 - side].role == "Initiator"
            assert one.parties[side].mismatch and not one.parties[side].verified

    @pytest.mark.parametrize("crossing", (True, False))
    def test_preshared_with_different_rs1(self, crossing):
        """keyID does not match: the responder answers with a DH Commit (section 4.4.2.3)."""
        for seed in range(6):
            caches = known_to_each_other()
            caches[0].put(caches[1].zid, Entry(rs1=b"\x08" * 32, verified=True))
            wire = None if crossing else world.Roles(1)
            one = both((PRESHARED, PRESHARED), caches, seed, wire)
            one.run_until_secure(30000)
            for party in one.parties:
                assert not party.secured or party.secure_event.mode == "DH"
                assert not party.secured or party.mismatch and not party.verified
            if all(party.secured for party in one.parties):
                world.agree(one)
            else:
                assert not any(party.secured for party in one.parties), one.story()

    def test_multistream_against_multistream(self):
        initiators = set()
        for number in range(12):
            first = both((DH, DH), seed=number)
            first.run_until_secure()
            contexts = [party.context for party in first.parties]
            one = world.World(contexts[0].open(3), contexts[1].open(4))
            one.run_until_secure()
            world.agree(one)
            a, b = commits(one)
            winner = 0 if a[0].nonce > b[0].nonce else 1
            assert one.parties[winner].role == "Initiator"
            initiators.add(winner)
        assert initiators == {0, 1}

    def test_two_streams_start_at_once(self):
        """One DH exchange at a time (section 4.4.1); the other stream follows by Multistream."""
        contexts = [ours.Context(seed=i, key_agreements=DH) for i in (1, 2)]
        worlds = [
            world.World(contexts[0].open(10 + i), contexts[1].open(20 + i)) for i in range(2)
        ]
        for now in range(0, 20000, 5):
            for one in worlds:
                one.run(now - one.now)
                for side in (0, 1):
                    # what the other stream's packets made this one say
                    one._send(side)
        for one in worlds:
            world.agree(one)
        modes = sorted(one.parties[0].secure_event.mode for one in worlds)
        assert modes == ["DH", "Mult"]
        assert worlds[0].parties[0].sas == worlds[1].parties[0].sas

    @pytest.mark.parametrize("seed", range(12))
    def test_two_streams_start_at_once_on_a_lossy_wire(self, seed):
        """Multistream may be asked for before the Conf2ACK of the first stream came."""
        contexts = [ours.Context(seed=2 * seed + i, key_agreements=DH) for i in (0, 1)]
        worlds = [
            world.World(
                contexts[0].open(10 + i),
                contexts[1].open(20 + i),
                world.Lossy(seed + i, loss=0.25, twice=0.1, late=0.3),
            )
            for i in range(2)
        ]
        for now in range(0, 30000, 10):
            for one in worlds:
                one.run(now - one.now)
                for side in (0, 1):
                    one._send(side)
        for one in worlds:
            world.agree(one)

    def test_late_commit_of_dh_mode(self):
        """It gave way to another stream's and comes when Multistream mode has begun: no effect."""
        for after_ms in (5, 12, 16, 30, 200):
            contexts = [ours.Context(seed=i, key_agreements=DH) for i in (1, 2)]
            first = world.World(contexts[0].open(1), contexts[1].open(2))
            first.run_until_secure()
            one = world.World(contexts[0].open(3), contexts[1].open(4))
            one.run(0)
            chain = contexts[1].parties[1].engine._chain
            hand = peer.Peer("Initiator", 4, algorithms=QUICK, zid=contexts[1].cache.zid)
            hand.chain = [chain.h0, chain.h1, chain.h2, chain.h3]
            hand.got["Hello"] = one.messages(0, "Hello")
            for side, ssrc in ((0, 4), (1, 3)):
                one.inject(side, derive.packet(hand.make_commit(), ssrc, 9), after_ms)
            one.run_until_secure()
            world.agree(one)

    def test_other_key_agreement_than_ours(self):
        """The peer commits to a DH type that section 4.1.2 does not give: counts if it wins"""
        won = 0
        for seed in range(12):
            names = ("S256", "AES1", "HS32", "DH2k", "B32")
            offered = [["S256"], ["AES1"], ["HS32"], ["X255", "DH2k"], ["B32"]]
            hand = peer.Peer("Initiator", seed=seed, algorithms=names, offered=offered)
            acknowledge_everything(hand)
            one = meet(hand, for_ms=12000, seed=seed, key_agreements=("X255", "DH2k", "Mult"))
            party = one.parties[1]
            if party.secured:
                untouched(one)
                assert party.algorithms[3] == "DH2k"
                won += 1
            else:
                assert not party.keys
        assert won


def acknowledge_everything(hand):
    """Let an initiator say HelloACK too, so that the victim commits at the same time."""

    def on_hello(message):
        hand.acknowledge("HelloACK")
        peer.Peer.on_hello(hand, message)

    hand.on_hello = on_hello


class TestForgedContention:
    def test_hand_that_never_gives_way(self):
        """A peer that insists on its Commit though its hvi is lower: no keys for two roles."""
        secured = 0
        for seed in range(10):
            hand = peer.Peer("Initiator", seed=seed, algorithms=QUICK)
            acknowledge_everything(hand)
            one = meet(hand, seed=seed)
            party = one.parties[1]
            mine = (
                derive.Commit(one.messages(1, "Commit")[0]) if one.messages(1, "Commit") else None
            )
            theirs = derive.Commit(one.messages(0, "Commit")[0])
            if mine and mine.hvi > theirs.hvi:
                assert not party.secured and not party.keys
            else:
                untouched(one)
                secured += 1
        assert 0 < secured < 10

    @pytest.mark.parametrize("flags", (0, 2), ids=("phone", "pbx"))
    def test_mitm_flag_decides_in_preshared_mode(self, flags):
        """M set: its Preshared Commit is discarded whatever the nonces (section 4.2)."""
        for seed in range(6):
            rs1 = b"\x07" * 32
            zid = b"\x01" * 12
            cache = MemoryCache(b"\x02" * 12)
            cache.put(zid, Entry(rs1=rs1, verified=True))
            hand = peer.Peer(
                "Initiator",
                seed=seed,
                mode="Prsh",
                rs1=rs1,
                zid=zid,
                flags=flags,
                algorithms=QUICK,
            )
            hand.nonce = b"\xff" * 16
            acknowledge_everything(hand)
            party = victim(seed, cache, key_agreements=PRESHARED)
            one = meet(hand, party)
            if not one.messages(1, "Commit"):
                continue
            if flags:
                assert not party.secured, "we gave way to a PBX"
            else:
                untouched(one)


@pytest.mark.parametrize("role", peer.ROLES)
def test_equal_zid(role):
    """The peer has our ZID: Error 0x90."""
    party = victim()
    hand = peer.Peer(role, zid=party.context.cache.zid, algorithms=QUICK)
    refused(meet(hand, party), 0x90)


@pytest.mark.parametrize("counts", ("commit", "hello"))
def test_commit_of_another_zid(counts, monkeypatch):
    """ZID of Commit and Hello differ (section 5.4), whichever the attacker derives from."""
    hand = peer.Peer("Initiator", algorithms=QUICK)
    if counts == "hello":

        class Commit(derive.Commit):
            def __init__(self, octets):
                super().__init__(octets)
                self.zid = hand.zid

        monkeypatch.setattr(derive, "Commit", Commit)
    make = hand.make_commit

    def forged():
        message = make()
        return hand.finish(message[:44] + b"another zid!" + message[56:], hand.chain[1])

    hand.make_commit = forged
    hand.secure = lambda: None
    one = meet(hand)
    assert not one.parties[1].secured and not one.parties[1].keys
    assert not one.messages(1, "DHPart1")


@pytest.mark.parametrize("passive", list(itertools.product((False, True), repeat=2)))
def test_passive(passive):
    """P: never sends Commit (section 5.2). Both passive: no exchange, and it is said."""
    contexts = [ours.Context(seed=i, passive=flag) for i, flag in enumerate(passive)]
    one = world.World(contexts[0].open(1), contexts[1].open(2))
    one.run(20000)
    for side, flag in enumerate(passive):
        assert not (flag and one.messages(side, "Commit"))
    if all(passive):
        assert not any(party.secured for party in one.parties)
        assert all("both-passive" in party.warnings for party in one.parties)
    else:
        world.agree(one)
