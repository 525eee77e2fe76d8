# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Caches: on one side only, lost, wrong; a third party that knows rs1 but not the DH secrets."""

import pytest

from host_tests.zrtp import derive, ours, peer, world
from host_tests.zrtp.attacks import QUICK, meet, snapshot, untouched, victim
from vox6.zrtp.cache import Entry, MemoryCache

ALICE, BOB = bytes([0xA1]) * 12, bytes([0xB0]) * 12
RS1, RS2 = b"\x07" * 32, b"\x08" * 32


def cache_with(zid, other, **entry):
    cache = MemoryCache(zid)
    cache.put(other, Entry(**entry))
    return cache


class TestOneSideOnly:
    @pytest.mark.parametrize("role", peer.ROLES)
    def test_only_we_have_it(self, role):
        """Somebody with the peer's ZID who does not have rs1: told, not verified, cache kept."""
        cache = cache_with(BOB, ALICE, rs1=RS1, rs2=RS2, verified=True, name="Alice")
        hand = peer.Peer(role, zid=ALICE, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        untouched(one)
        party = one.parties[1]
        assert party.mismatch and not party.verified and not party.secure_event.first
        entry = cache.get(ALICE)
        assert (entry.rs1, entry.rs2) == (RS1, RS2)

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_only_the_peer_has_it(self, role):
        hand = peer.Peer(role, zid=ALICE, rs1=RS1, verified=True, algorithms=QUICK)
        one = meet(hand, victim())
        untouched(one)
        event = one.parties[1].secure_event
        assert event.first and not event.verified and not event.mismatch
        assert event.peer_verified, "its word about its own user"
        assert not hand.peer_confirm.verified

    def test_a_forged_v_flag_does_not_verify(self):
        """The attacker says V; our user never compared."""
        cache = cache_with(BOB, ALICE, rs1=RS1)
        hand = peer.Peer("Initiator", zid=ALICE, rs1=RS1, verified=True, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        untouched(one)
        assert not one.parties[1].verified and not hand.peer_confirm.verified

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_v_flag_is_not_sent_to_who_lacks_the_secret(self, role):
        """Our V flag belongs to the session that rs1 proves (section 7.1)."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        hand = peer.Peer(role, zid=ALICE, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        untouched(one)
        assert not hand.peer_confirm.verified

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("ours_at", (1, 2))
    @pytest.mark.parametrize("theirs_at", (1, 2))
    def test_rs2_heals(self, role, ours_at, theirs_at):
        """The common secret is rs1 or rs2 of either side (section 4.3)."""
        common, other = b"\x09" * 32, b"\x0a" * 32
        mine = {"rs1": RS1, "rs2": RS2}
        mine["rs%d" % ours_at] = common
        theirs = {"rs1": other, "rs2": b"\x0b" * 32}
        theirs["rs%d" % theirs_at] = common
        cache = cache_with(BOB, ALICE, verified=True, name="Alice", **mine)
        hand = peer.Peer(role, zid=ALICE, algorithms=QUICK, **theirs)
        one = meet(hand, victim(cache=cache))
        untouched(one)
        assert hand.s1 == common
        party = one.parties[1]
        assert party.verified and not party.mismatch and party.secure_event.name == "Alice"
        entry = cache.get(ALICE)
        assert entry.rs1 == hand.derived.rs1 and entry.rs2 == mine["rs1"]

    def test_both_secrets_match(self):
        """The initiator's rs1 goes before its rs2."""
        for role in peer.ROLES:
            cache = cache_with(BOB, ALICE, rs1=RS1, rs2=RS2, verified=True)
            hand = peer.Peer(role, zid=ALICE, rs1=RS2, rs2=RS1, algorithms=QUICK)
            one = meet(hand, victim(cache=cache))
            untouched(one)
            assert hand.s1 == (RS2 if role == "Initiator" else RS1)

    def test_cache_expiry_zero_makes_no_entry(self):
        for role in peer.ROLES:
            hand = peer.Peer(role, zid=ALICE, cache_expiry=0, algorithms=QUICK)
            one = meet(hand, victim())
            untouched(one)
            entry = one.parties[1].context.cache.get(ALICE)
            assert entry is None or entry.rs1 is None

    def test_cache_expiry_zero_lets_the_old_secret_go_without_alarm(self):
        """Section 4.9: the peer may forget it, and a call without it later is no mismatch."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        hand = peer.Peer("Initiator", zid=ALICE, rs1=RS1, cache_expiry=0, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        untouched(one)
        assert cache.get(ALICE).rs1 == RS1 and cache.get(ALICE).expiration == 0
        again = peer.Peer("Responder", seed=5, zid=ALICE, algorithms=QUICK)
        two = meet(again, victim(seed=8, cache=cache))
        untouched(two)
        assert not two.parties[1].mismatch and not two.parties[1].verified

    def test_the_shorter_interval_counts(self):
        for role in peer.ROLES:
            hand = peer.Peer(role, zid=ALICE, cache_expiry=1000, algorithms=QUICK)
            one = meet(hand, victim(cache_expiration=2000))
            untouched(one)
            assert hand.peer_confirm.cache_expiry == 2000
            assert one.parties[1].context.cache.get(ALICE).expiration == 1000

    def test_without_a_cache(self):
        """cache_expiration=0: nothing kept, no V flag (section 4.9.1)."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        hand = peer.Peer("Initiator", zid=ALICE, rs1=RS1, algorithms=QUICK)
        one = meet(hand, victim(cache=cache, cache_expiration=0))
        untouched(one)
        assert hand.peer_confirm.cache_expiry == 0 and not hand.peer_confirm.verified
        assert cache.get(ALICE).rs1 == RS1

    def test_compared_after_mismatch(self):
        """verify() ends the mismatch: the new rs1 is kept, and the next call is verified."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True, name="Alice")
        hand = peer.Peer("Initiator", zid=ALICE, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        one.parties[1].context.session.verify("Alice")
        assert cache.get(ALICE).rs1 == hand.derived.rs1 and cache.get(ALICE).verified
        again = peer.Peer("Responder", seed=5, zid=ALICE, rs1=hand.derived.rs1, algorithms=QUICK)
        two = meet(again, victim(seed=8, cache=cache))
        untouched(two)
        assert two.parties[1].verified and not two.parties[1].mismatch

    def test_denied(self):
        """SAS compared and different: the next call of this ZID begins from nothing."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True, name="Alice")
        hand = peer.Peer("Initiator", zid=ALICE, rs1=RS1, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        assert one.parties[1].verified
        one.parties[1].context.session.deny()
        entry = cache.get(ALICE)
        assert entry is None or not entry.rs1 and not entry.verified

    def test_unverified_peer_does_not_become_verified(self):
        """Ten calls with the cache and without comparing: never verified."""
        cache = MemoryCache(BOB)
        rs1 = b""
        for seed in range(10):
            hand = peer.Peer(
                peer.ROLES[seed % 2],
                seed=seed,
                zid=ALICE,
                rs1=rs1,
                verified=True,
                algorithms=QUICK,
            )
            one = meet(hand, victim(seed=seed, cache=cache), for_ms=3000)
            untouched(one)
            assert not one.parties[1].verified
            rs1 = hand.derived.rs1


class ManInTheMiddle:
    """Two peers by hand back to back, each with the ZID of the other victim, and a stolen rs1."""

    def __init__(self, caches, rs1, verified=True):
        self.worlds = []
        for number, (cache, zid) in enumerate(zip(caches, (BOB, ALICE))):
            role = peer.ROLES[number]
            hand = peer.Peer(
                role, seed=40 + number, zid=zid, rs1=rs1, verified=verified, algorithms=QUICK
            )
            self.worlds.append(meet(hand, victim(seed=50 + number, cache=cache)))
        self.victims = [one.parties[1] for one in self.worlds]


class TestManInTheMiddle:
    def caches(self):
        return (
            cache_with(ALICE, BOB, rs1=RS1, verified=True, name="Bob"),
            cache_with(BOB, ALICE, rs1=RS1, verified=True, name="Alice"),
        )

    def test_without_the_secret_it_is_a_mismatch(self):
        """The SAS differ, and both phones warn before anybody compares."""
        caches = self.caches()
        attack = ManInTheMiddle(caches, b"")
        for one in attack.worlds:
            untouched(one)
        alice, bob = attack.victims
        assert alice.sas != bob.sas and alice.keys["send"] != bob.keys["receive"]
        for party in attack.victims:
            assert party.mismatch and not party.verified
        assert caches[0].get(BOB).rs1 == RS1 and caches[1].get(ALICE).rs1 == RS1

    def test_with_a_stolen_secret_the_sas_differ(self):
        """What is left to see is the SAS; who compares it ends the attack for good."""
        caches = self.caches()
        attack = ManInTheMiddle(caches, RS1)
        for one in attack.worlds:
            untouched(one)
        alice, bob = attack.victims
        assert alice.sas != bob.sas
        for party in attack.victims:
            party.context.session.deny()
        for cache, zid in zip(caches, (BOB, ALICE)):
            entry = cache.get(zid)
            assert entry is None or not entry.rs1 and not entry.verified

    def test_it_stayed_two_calls_and_is_found_out(self):
        caches = self.caches()
        attack = ManInTheMiddle(caches, RS1)
        stolen = [one.parties[0].derived.rs1 for one in attack.worlds]
        for number, (cache, zid, rs1) in enumerate(zip(caches, (BOB, ALICE), stolen)):
            hand = peer.Peer("Initiator", seed=80 + number, zid=zid, rs1=rs1, algorithms=QUICK)
            untouched(meet(hand, victim(seed=90 + number, cache=cache)))
        contexts = [ours.Context(seed=70 + i, cache=cache) for i, cache in enumerate(caches)]
        one = world.World(contexts[0].open(1), contexts[1].open(2))
        one.run_until_secure()
        world.agree(one)
        for party in one.parties:
            assert party.mismatch and not party.verified

    def test_who_listens_with_rs1_knows_no_key(self):
        """All messages and rs1, without a DH secret: the Confirms do not open."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        hand = peer.Peer("Initiator", zid=ALICE, rs1=RS1, algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        untouched(one)
        messages = [
            hand.peer_hello,
            hand.sent["Commit"],
            hand.got["DHPart1"][0],
            hand.sent["DHPart2"],
        ]
        for guess in (b"", bytes(32), RS1):
            keys = derive.dh_keys(*messages, guess, RS1)
            with pytest.raises(derive.Wrong):
                derive.Confirm(
                    one.messages(1, "Confirm1")[0], keys.mac_key_r, keys.zrtp_key_r, "S256"
                )

    def test_rs1_alone_does_not_commit_to_preshared(self):
        """By default a stolen rs1 opens nothing: Preshared mode is not offered."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        hand = peer.Peer("Initiator", zid=ALICE, rs1=RS1, mode="Prsh", algorithms=QUICK)
        one = meet(hand, victim(cache=cache))
        party = one.parties[1]
        assert not party.secured and not party.keys
        assert "Prsh" not in derive.Hello(one.messages(1, "Hello")[0]).key_agreements
        assert not one.messages(1, "Confirm1")


class TestPreshared:
    """Preshared mode against derive.py, and what it must not do."""

    POLICY = {"key_agreements": ("Prsh", "X255", "Mult")}

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("hash_name", ("S256", "S384"))
    def test_keys(self, role, hash_name):
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True, name="Alice")
        names = (hash_name, "AES1", "HS32", "X255", "B32")
        offered = [[hash_name], ["AES1"], ["HS32"], ["Prsh", "X255", "Mult"], ["B32"]]
        hand = peer.Peer(role, zid=ALICE, rs1=RS1, mode="Prsh", algorithms=names, offered=offered)
        one = meet(hand, victim(cache=cache, hashes=(hash_name,), **self.POLICY))
        untouched(one)
        party = one.parties[1]
        assert party.secure_event.mode == "Prsh" and party.verified
        entry = cache.get(ALICE)
        assert entry.rs1 == hand.derived.rs1
        assert entry.rs2 is None, "the old rs1 is not kept in Preshared mode (section 4.6.1)"

    def test_not_without_rs1(self):
        hand = peer.Peer("Responder", zid=ALICE, algorithms=QUICK)
        one = meet(hand, victim(**self.POLICY))
        untouched(one)
        assert {derive.Commit(m).key_agreement for m in one.messages(1, "Commit")} == {"X255"}

    def test_not_unless_compared(self):
        """Section 4.4.2.1: the DH exchange before it should have been checked for a MiTM."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=False)
        offered = [["S256"], ["AES1"], ["HS32"], ["Prsh", "X255", "Mult"], ["B32"]]
        hand = peer.Peer("Responder", zid=ALICE, rs1=RS1, algorithms=QUICK, offered=offered)
        one = meet(hand, victim(cache=cache, **self.POLICY))
        untouched(one)
        assert one.parties[1].secure_event.mode == "DH"

    def test_commit_with_a_secret_never_compared(self):
        """The same rule for the responder: it answers with a Commit of DH mode."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=False)
        offered = [["S256"], ["AES1"], ["HS32"], ["Prsh", "X255", "Mult"], ["B32"]]
        hand = peer.Peer(
            "Initiator", zid=ALICE, rs1=RS1, mode="Prsh", algorithms=QUICK, offered=offered
        )
        one = meet(hand, victim(cache=cache, **self.POLICY), for_ms=3000)
        assert not one.messages(1, "Confirm1") and not one.parties[1].keys
        assert [derive.Commit(m).key_agreement for m in one.messages(1, "Commit")][0] == "X255"

    def test_replayed_preshared_commit(self):
        """The Commit of an old call with the same rs1: other Hello, other keys."""
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        names = dict(zid=ALICE, rs1=RS1, mode="Prsh", algorithms=QUICK)
        old = meet(peer.Peer("Initiator", **names), victim(cache=cache, **self.POLICY))
        untouched(old)
        cache = cache_with(BOB, ALICE, rs1=RS1, verified=True)
        packets = [data for _, side, data, _ in old.log if side == 0]
        party = victim(seed=99, cache=cache, **self.POLICY)
        party.start(0)
        for now, data in enumerate(packets * 3):
            party.receive(data, 10 * now)
            party.take()
        assert not party.secured and not party.keys and cache.get(ALICE).rs1 == RS1


class TestBroken:
    @pytest.mark.parametrize("drop", ("Confirm1", "Confirm2", "Conf2ACK"))
    def test_no_cache_update_before_both_know(self, drop):
        """The exchange breaks off: who has not seen the last message keeps the old secrets."""
        contexts = [ours.Context(seed=i) for i in (1, 2)]
        rules = world.Rules(lose=[(side, drop, n) for side in (0, 1) for n in range(40)])
        one = world.World(contexts[0].open(1), contexts[1].open(2), world.Roles(1, rules))
        one.run(30000)
        initiator, responder = one.parties
        assert not initiator.secured and not initiator.context.cache._entries
        if drop == "Conf2ACK":
            assert responder.secured or responder.failed
        else:
            assert not responder.secured and not responder.context.cache._entries
        assert snapshot(initiator)

    def test_forged_conf2ack(self):
        """Conf2ACK has no MAC: one forged while Confirm2 is kept back ends only our waiting.

        The responder has no keys in use then, the keys of both are the same all the same, and the
        next call finds the old secret in rs2.
        """
        caches = (
            cache_with(ALICE, BOB, rs1=RS1, verified=True),
            cache_with(BOB, ALICE, rs1=RS1, verified=True),
        )
        contexts = [ours.Context(seed=i, cache=cache) for i, cache in enumerate(caches)]
        rules = world.Rules(lose=[(0, "Confirm2", n) for n in range(40)])
        one = world.World(contexts[0].open(1), contexts[1].open(2), world.Roles(1, rules))
        one.run(300)
        one.inject(0, derive.packet(derive.message("Conf2ACK", b""), 2, 9))
        one.run(30000)
        initiator, responder = one.parties
        assert initiator.secured and initiator.verified
        assert not responder.secured and not responder.keys and responder.failed
        assert caches[1].get(ALICE).rs1 == RS1
        contexts = [ours.Context(seed=5 + i, cache=cache) for i, cache in enumerate(caches)]
        two = world.World(contexts[0].open(1), contexts[1].open(2))
        two.run_until_secure()
        world.agree(two)
        assert all(party.verified and not party.mismatch for party in two.parties)
