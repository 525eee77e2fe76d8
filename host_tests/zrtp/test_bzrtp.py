# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp and libbzrtp (linphone's ZRTP) in one process: same keys, same SAS."""

import hashlib
import itertools

import pytest

from host_tests.zrtp import bzrtp, ours, world
from vox6.zrtp.cache import MemoryCache

pytestmark = pytest.mark.skipif(bzrtp.library() is None, reason="libbzrtp0 is not installed")

KINDS = ("hashes", "ciphers", "auth_tags", "key_agreements", "sas_types")
SETS = list(
    itertools.product(
        ("S256", "S384"),
        ("AES1", "AES3"),
        ("HS32", "HS80"),
        ("X255", "DH3k", "DH2k"),
        ("B32", "B256"),
    )
)
QUICK = ("S256", "AES1", "HS80", "X255", "B32")
OURS, THEIRS = 0, 1


def lists(algorithms):
    arguments = {kind: [name] for kind, name in zip(KINDS, algorithms)}
    arguments["key_agreements"] = [algorithms[3], "Mult"]
    return arguments


def pair(algorithms=QUICK, seed=1, our_cache=None, their_cache=None, **policy):
    """Return (our Context, their Context) with the same algorithms."""
    arguments = lists(algorithms)
    mine = ours.Context(
        seed=seed, cache=our_cache, **{k: tuple(v) for k, v in arguments.items()}, **policy
    )
    return mine, bzrtp.Context(cache=their_cache, **arguments)


def call(contexts, wire=None, ssrcs=(0x11111111, 0x22222222)):
    """Open a stream on both sides, let them agree, return the World."""
    mine, theirs = contexts
    one = world.World(mine.open(ssrcs[0]), theirs.open(ssrcs[1]), wire)
    one.run_until_secure()
    world.agree(one)
    return one


class TestAlgorithms:
    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    @pytest.mark.parametrize("algorithms", SETS, ids="-".join)
    def test_keys_and_sas_are_equal(self, algorithms, responder):
        """Every set that both have, in both roles, with a second stream by Multistream mode."""
        contexts = pair(algorithms)
        first = call(contexts, world.Roles(responder))
        mine, theirs = first.parties
        if algorithms[3] == "DH2k" and responder == THEIRS:
            # section 5.1.5: DH2k SHOULD use AES-128, which both always have
            algorithms = (algorithms[0], "AES1", *algorithms[2:])
        assert mine.algorithms == theirs.algorithms == algorithms
        assert mine.role == ("Responder" if responder == OURS else "Initiator")
        assert theirs.role == ("Responder" if responder == THEIRS else "Initiator")
        size = {"AES1": 30, "AES3": 46}[algorithms[1]]
        assert len(mine.keys["send"]) == len(mine.keys["receive"]) == size
        assert {event.auth_tag for event in mine.key_events} == {algorithms[2]}
        assert {event.cipher for event in mine.key_events} == {algorithms[1]}
        second = world.World(contexts[0].open(3), contexts[1].open(4), world.Roles(responder))
        second.run_until_secure()
        world_keys_agree(second)
        assert second.parties[0].secure_event.mode == "Mult"
        assert second.parties[1].algorithms[3] == "Mult"
        assert second.parties[0].sas == mine.sas
        assert second.parties[0].keys["send"] != mine.keys["send"]

    def test_each_is_initiator_without_force(self):
        """Both send Commit at once; the higher hvi wins, and both know which that is."""
        roles = set()
        for seed in range(24):
            first = call(pair(seed=seed))
            assert first.messages(OURS, "Commit") and first.messages(THEIRS, "Commit")
            assert first.parties[0].role != first.parties[1].role
            roles.add(first.parties[0].role)
        assert roles == {"Initiator", "Responder"}

    def test_defaults_of_both(self):
        """Nothing is set on either side: what a call to linphone gives."""
        first = call((ours.Context(), bzrtp.Context()))
        assert first.parties[0].algorithms == first.parties[1].algorithms
        assert first.parties[0].algorithms[3] in ("X255", "DH3k")

    def test_hello_hash(self):
        """a=zrtp-hash is what the other side computes, and each accepts the other's."""
        contexts = pair()
        mine, theirs = contexts[0].open(1), contexts[1].open(2)
        assert theirs.set_peer_hello_hash(mine.hello_hash) == 0
        mine.set_peer_hello_hash(theirs.hello_hash)
        one = world.World(mine, theirs)
        one.run_until_secure()
        world.agree(one)
        assert mine.hello_hash == hashlib.sha256(one.messages(OURS, "Hello")[0]).digest()
        assert not mine.warnings


def world_keys_agree(one):
    """agree() without the SAS: bzrtp tells none for a further stream."""
    mine, theirs = one.parties
    assert mine.secured and theirs.secured, one.story()
    assert mine.keys["send"] == theirs.keys["receive"]
    assert mine.keys["receive"] == theirs.keys["send"]


def packets_of(one):
    """Return (sender, message type, number) of every packet of a World."""
    seen, names = {}, []
    for _, sender, data, _ in one.log:
        key = (sender, world.derive.kind_of_packet(data))
        seen[key] = seen.get(key, -1) + 1
        names.append((*key, seen[key]))
    return names


class TestMishaps:
    """Each packet of a handshake lost, doubled, late in turn; then the same for Multistream."""

    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    @pytest.mark.parametrize("mishap", ("lose", "double", "late"))
    def test_every_packet(self, mishap, responder):
        names = packets_of(call(pair(), world.Roles(responder)))
        assert {kind for _, kind, _ in names} == {
            "Hello",
            "HelloACK",
            "Commit",
            "DHPart1",
            "DHPart2",
            "Confirm1",
            "Confirm2",
            "Conf2ACK",
        }
        hits = 0
        for name in names:
            rules = world.Rules(**{mishap: [name]}, late_ms=200)
            call(pair(seed=hits), world.Roles(responder, rules))
            hits += rules.hits
        assert hits > 8

    @pytest.mark.parametrize(
        "kind", ("Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK")
    )
    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    def test_lost_three_times(self, kind, responder):
        for algorithms in (QUICK, ("S384", "AES3", "HS32", "DH3k", "B32")):
            lose = [(sender, kind, number) for sender in (0, 1) for number in range(3)]
            rules = world.Rules(lose=lose)
            call(pair(algorithms), world.Roles(responder, rules))
            assert rules.hits == 3

    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    @pytest.mark.parametrize("mishap", ("lose", "double", "late"))
    def test_every_packet_of_multistream(self, mishap, responder):
        for name in (
            *((side, kind, 0) for side in (0, 1) for kind in ("Hello", "HelloACK")),
            (1 - responder, "Commit", 0),
            (responder, "Confirm1", 0),
            (1 - responder, "Confirm2", 0),
            (responder, "Conf2ACK", 0),
        ):
            contexts = pair()
            call(contexts)
            rules = world.Rules(**{mishap: [name]}, late_ms=200)
            second = world.World(
                contexts[0].open(3), contexts[1].open(4), world.Roles(responder, rules)
            )
            second.run_until_secure()
            world_keys_agree(second)
            if mishap != "late":  # else the other side's Commit may come first
                wanted = "Responder" if responder == OURS else "Initiator"
                assert second.parties[0].role == wanted

    def test_srtp_of_the_peer_is_as_good_as_conf2ack(self):
        """Every Conf2ACK is lost; the responder's first SRTP packet ends the exchange (4.6)."""
        rules = world.Rules(lose=[(THEIRS, "Conf2ACK", number) for number in range(40)])
        contexts = pair()
        wire = world.Roles(THEIRS, rules)
        one = world.World(contexts[0].open(1), contexts[1].open(2), wire)
        one.run(2000, lambda: one.parties[1].secured)
        assert set(one.parties[0].keys) == {"receive"} and not one.parties[0].secured
        one.parties[0].do("srtp_authenticated", one.now)
        world.agree(one)
        sent = len(one.messages(OURS, "Confirm2"))
        one.run(20000)
        world.agree(one)
        assert len(one.messages(OURS, "Confirm2")) == sent

    @pytest.mark.parametrize("late_side", (OURS, THEIRS))
    def test_one_side_starts_late(self, late_side):
        """Media of one side starts 3 s after the other's; its first Hellos went nowhere."""
        contexts = pair()
        start = [0, 0]
        start[late_side] = 3000
        wire = Deaf(late_side, 3000)
        one = world.World(contexts[0].open(1), contexts[1].open(2), wire, start)
        wire.world = one
        one.run_until_secure()
        world.agree(one)

    def test_chance(self):
        """Twenty seeds of 20 % loss, delay, doubles."""
        for seed in range(20):
            wire = world.Lossy(seed, loss=0.2, twice=0.2, late=0.2, delay=40, jitter=20)
            contexts = pair(seed=seed)
            one = world.World(contexts[0].open(1), contexts[1].open(2), wire)
            one.run_until_secure(60000)
            world.agree(one)


class Deaf(world.Wire):
    """What is sent to one side before a time is lost."""

    def __init__(self, side, until):
        self.side, self.until, self.world = side, until, None

    def path(self, sender, packet, number):
        return [] if sender != self.side and self.world.now < self.until else [self.delay]


class TestTwoStreams:
    """Audio and text of one call: bzrtp begins its second channel when the first is secure."""

    @pytest.mark.parametrize("seed", range(16))
    def test_both_get_secure(self, seed):
        contexts = pair(seed=seed)
        mine = [contexts[0].open(ssrc) for ssrc in (1, 3)]
        wires = [
            world.Lossy(2 * seed + i, loss=0.02 * seed, twice=0.1, late=0.2) for i in range(2)
        ]
        one = world.World(mine[0], contexts[1].open(2), wires[0])
        other = None
        for _ in range(0, 60000, 10):
            one.run(10)
            if other is None and one.parties[1].secured:
                other = world.World(mine[1], contexts[1].open(4), wires[1], (one.now, one.now))
                other.now = one.now
            for each in (one, other):
                if each is not None:
                    each._send(OURS)
            if other is not None:
                other.run(10)
        world.agree(one)
        world_keys_agree(other)
        assert [party.secure_event.mode for party in mine] == ["DH", "Mult"]


class TestCache:
    """Retained secrets with bzrtp's own SQLite cache."""

    def setup_method(self):
        self.mine = MemoryCache(bytes(range(12)))
        self.theirs = bzrtp.Cache()

    def call(self, algorithms=QUICK, seed=1, wire=None):
        self.seed = getattr(self, "seed", 0) + 1
        self.contexts = pair(algorithms, self.seed, self.mine, self.theirs)
        return call(self.contexts, wire)

    def our_entry(self):
        ((_, entry),) = self.mine._entries
        return entry

    def same_secret(self):
        ((rs1, _, _),) = self.theirs.secrets()
        return rs1 == self.our_entry().rs1

    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    def test_second_call_is_verified_by_the_cache(self, responder):
        first = self.call(wire=world.Roles(responder))
        mine, theirs = first.parties
        assert mine.secure_event.first and not mine.verified and not mine.mismatch
        assert self.same_secret()
        for context in self.contexts:
            context.verify()
        second = self.call(wire=world.Roles(responder))
        mine, theirs = second.parties
        assert mine.verified and mine.secure_event.name == "Somebody"
        assert theirs.verified and not mine.mismatch and not theirs.mismatch
        assert mine.secure_event.peer_verified and not mine.secure_event.first
        assert second.parties[0].sas != first.parties[0].sas
        assert self.same_secret()

    def test_only_we_verified(self):
        self.call()
        self.contexts[0].verify()
        mine, theirs = self.call().parties
        assert mine.verified and not mine.secure_event.peer_verified and not theirs.verified

    def test_many_calls_and_hashes(self):
        """The secret is passed on from call to call, whatever hash and role."""
        for number in range(12):
            self.call(SETS[(number * 7) % len(SETS)][:3] + ("X255", "B32"))
            assert self.same_secret()
            assert not self.contexts[0].parties[0].mismatch
        assert len(self.theirs.secrets()) == 1

    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    def test_peer_lost_its_cache(self, responder):
        """We say mismatch, nothing of the cache changes before the SAS is compared."""
        self.call()
        for context in self.contexts:
            context.verify()
        before = self.our_entry()
        self.theirs.forget()
        again = self.call(wire=world.Roles(responder))
        mine, theirs = again.parties
        assert mine.mismatch and not mine.verified
        assert self.our_entry().rs1 == before.rs1
        again = self.call(wire=world.Roles(responder))
        assert again.parties[0].mismatch, "alerted on every call until compared"
        for context in self.contexts:
            context.verify()
        third = self.call(wire=world.Roles(responder))
        assert third.parties[0].verified and not third.parties[0].mismatch
        assert self.same_secret()

    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    def test_we_lost_our_cache(self, responder):
        self.call()
        for context in self.contexts:
            context.verify()
        self.mine = MemoryCache(self.mine.zid)
        again = self.call(wire=world.Roles(responder))
        mine, theirs = again.parties
        assert theirs.mismatch and not mine.mismatch and mine.secure_event.first
        assert not mine.verified and not theirs.verified
        for context in self.contexts:
            context.verify()
        third = self.call(wire=world.Roles(responder))
        assert third.parties[0].verified and third.parties[1].verified
        assert not third.parties[1].mismatch and self.same_secret()

    @pytest.mark.parametrize("responder", (OURS, THEIRS), ids=("responder", "initiator"))
    def test_first_call_broke_off_before_conf2ack(self, responder):
        """The two generals: one side has a new rs1, the other has it not; rs2 heals it."""
        self.call()
        for context in self.contexts:
            context.verify()
        self.seed += 1
        contexts = pair(QUICK, self.seed, self.mine, self.theirs)
        rules = world.Rules(lose=[(side, "Conf2ACK", n) for side in (0, 1) for n in range(40)])
        one = world.World(contexts[0].open(1), contexts[1].open(2), world.Roles(responder, rules))
        one.run(3000)
        assert not self.same_secret(), "the call broke off between the two updates"
        mine, theirs = self.call(wire=world.Roles(responder)).parties
        assert mine.verified and theirs.verified and not mine.mismatch and not theirs.mismatch
        assert self.same_secret()

    def test_aux_secret(self):
        """auxsecret matches, differs, is on one side only."""
        for mine, theirs, mismatch in (
            (b"family key" * 3, b"family key" * 3, False),
            (b"family key" * 3, b"other key", True),
            (b"", b"family key", False),
            (b"family key", b"", True),
        ):
            for responder in (OURS, THEIRS):
                contexts = (ours.Context(), bzrtp.Context(aux=theirs))
                if mine:
                    contexts[0].session.set_aux_secret(mine)
                one = call(contexts, world.Roles(responder))
                assert one.parties[0].secure_event.aux_mismatch == mismatch
                if theirs:
                    assert one.parties[1].aux_mismatch == (0 if mine == theirs else 1)


class TestClear:
    """libbzrtp 5.1.64 has no GoClear: it does not set the A flag and does not answer one."""

    def test_we_do_not_ask(self):
        contexts = pair(allow_clear=True)
        one = call(contexts)
        assert not one.parties[0].secure_event.peer_allows_clear
