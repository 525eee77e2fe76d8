# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Messages that are replayed, reordered, come at the wrong time or from the wrong role."""

import struct

import pytest

from host_tests.zrtp import derive, ours, peer, world
from host_tests.zrtp.attacks import (
    QUICK,
    VICTIM_SSRC,
    before,
    meet,
    snapshot,
    untouched,
    victim,
)

KINDS = (
    "HelloACK",
    "Commit",
    "DHPart1",
    "DHPart2",
    "Confirm1",
    "Confirm2",
    "Conf2ACK",
    "GoClear",
    "ClearACK",
    "ErrorACK",
    "SASrelay",
    "RelayACK",
    "PingACK",
    "Nonsense",
)


def random_message(hand, kind):
    """A message of this type and its size, with the attacker's own hash images, else chance."""
    rng = hand.random
    if kind == "Commit":
        names = "".join(name.ljust(4) for name in hand.algorithms).encode()
        body = hand.chain[2] + hand.zid + names + rng.randbytes(32)
        return hand.finish(derive.message(kind, body + bytes(8)), hand.chain[1])
    if kind in ("DHPart1", "DHPart2"):
        body = hand.chain[1] + rng.randbytes(32) + peer.Pair("X255", rng).public
        return hand.finish(derive.message(kind, body + bytes(8)), hand.chain[0])
    sizes = {"Confirm1": 64, "Confirm2": 64, "GoClear": 8, "SASrelay": 64, "PingACK": 24}
    return derive.message(kind, rng.randbytes(sizes.get(kind, 0)))


STAGES = {
    "Initiator": ("Hello", "Commit", "DHPart2", "Confirm2"),
    "Responder": ("Hello", "HelloACK", "DHPart1", "Confirm1", "Conf2ACK"),
}
# What the peer itself may say at a stage: from it this is no forgery.
GENUINE = {
    ("Initiator", "Commit"): ("Commit",),
    ("Initiator", "DHPart2"): ("DHPart2",),
    ("Responder", "HelloACK"): ("HelloACK", "Commit"),
    ("Responder", "DHPart1"): ("DHPart1", "Commit"),
    ("Responder", "Conf2ACK"): ("Conf2ACK",),
    ("Responder", "Hello"): ("HelloACK", "Commit"),
    ("Initiator", "Hello"): ("HelloACK", "Commit"),
}
CASES = [
    (role, stage, kind)
    for role in peer.ROLES
    for stage in STAGES[role]
    for kind in KINDS
    if kind not in GENUINE.get((role, stage), ())
    and (kind[:-1], stage[:-1]) != ("Confirm", "Confirm")
]


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_message_at_the_wrong_time(case):
    """It comes before the right one; the exchange goes on as if it had not been there."""
    role, stage, kind = case
    hand = peer.Peer(role, algorithms=QUICK)
    hand.change[stage] = before(random_message(hand, kind))
    untouched(meet(hand, for_ms=6000))


@pytest.mark.parametrize("role", peer.ROLES)
def test_confirm_comes_before_its_keys(role):
    """Confirm1 in place of DHPart1, Confirm2 in place of DHPart2: nothing to verify it with."""
    hand = peer.Peer(role, algorithms=QUICK)
    kind, stage = ("Confirm2", "DHPart2") if role == "Initiator" else ("Confirm1", "DHPart1")
    hand.change[stage] = lambda message: random_message(hand, kind)
    one = meet(hand)
    party = one.parties[1]
    assert not party.secured and not party.keys
    assert not one.messages(1, "Conf2ACK")


class TestReplay:
    def exchange(self, seed=1, **policy):
        """Return a World of two phones of ours that are secure."""
        contexts = [ours.Context(seed=seed + i, **policy) for i in (10, 20)]
        one = world.World(contexts[0].open(1), contexts[1].open(2))
        one.run_until_secure()
        world.agree(one)
        return one

    def test_every_packet_again(self):
        """After the end each packet of the exchange comes once more, forwards and backwards."""
        one = self.exchange()
        packets = [(1 - side, data) for _, side, data, _ in one.log]
        before_it = [snapshot(party) for party in one.parties]
        for target, data in packets + packets[::-1]:
            one.inject(target, data)
            one.run(50)
        one.run(20000)
        assert [snapshot(party) for party in one.parties] == before_it

    def test_every_packet_to_its_sender(self):
        """Reflected: each gets what it sent itself."""
        one = self.exchange()
        before_it = [snapshot(party) for party in one.parties]
        for _, side, data, _ in list(one.log):
            one.inject(side, data)
            one.run(50)
        one.run(20000)
        assert [snapshot(party) for party in one.parties] == before_it

    def test_old_call_into_a_new_one(self):
        """All packets of an earlier call of the same peer, one by one into the new exchange."""
        zid = bytes(range(12))
        first = peer.Peer("Initiator", seed=1, algorithms=QUICK, zid=zid)
        old = meet(first, for_ms=3000)
        untouched(old)
        packets = [data for _, side, data, _ in old.log if side == 0]
        party = victim(seed=99)
        party.start(0)
        now = 0
        for _ in range(3):
            for data in packets:
                now += 20
                party.receive(data, now)
                party.take()
        while now < 20000 and party.next_time() is not None:
            now = max(now, party.next_time())
            party.tick(now)
            party.take()
        assert not party.secured and not party.keys

    def test_old_hello_then_the_real_peer(self):
        """The replayed Hello of an old call does not keep the peer out."""
        zid = bytes(range(12))
        old = meet(peer.Peer("Responder", seed=1, algorithms=QUICK, zid=zid), for_ms=3000)
        hello = next(data for _, side, data, _ in old.log if side == 0)
        hand = peer.Peer("Initiator", seed=2, algorithms=QUICK, zid=zid)
        party = victim(seed=99)
        one = world.World(hand, party, start=(300, 0))
        one.inject(1, hello, 100)
        one.run(16000)
        if party.secured:
            untouched(one)
        else:
            assert not party.keys

    @pytest.mark.parametrize("repeats", (1, 3))
    def test_every_packet_twice_and_swapped(self, repeats):
        """Each packet comes again after the next one did."""

        class Echo(world.Wire):
            def path(self, sender, packet, number):
                return [5] + [17 + 12 * i for i in range(repeats)]

        contexts = [ours.Context(seed=i) for i in (1, 2)]
        one = world.World(contexts[0].open(1), contexts[1].open(2), Echo())
        one.run_until_secure()
        world.agree(one)
        for party in one.parties:
            assert len(party.happened("Secured")) == 1
            assert len(party.happened("KeysReady")) == 2


class TestMultistreamNonce:
    """A nonce that was used before: Error 0x80 (section 4.4.3.1)."""

    def second(self, first, party, **more):
        hand = peer.Peer("Initiator", 0x66, mode="Mult", first=first, algorithms=QUICK, **more)
        return world.World(hand, party.context.open(0x77))

    def test_nonce_reuse(self):
        first = peer.Peer("Initiator", algorithms=QUICK)
        party = victim()
        untouched(meet(first, party))
        one = self.second(first, party, seed=5)
        one.run(2000)
        assert one.parties[1].secured and one.parties[1].secure_event.mode == "Mult"
        again = peer.Peer("Initiator", 0x88, 6, mode="Mult", first=first, algorithms=QUICK)
        again.nonce = one.parties[0].nonce
        two = world.World(again, party.context.open(0x99))
        two.run(ENOUGH)
        assert not two.parties[1].secured and not two.parties[1].keys
        assert two.parties[1].failed == 0x80 and set(again.errors) == {0x80}

    def test_multistream_without_a_session(self):
        """Mult as the first stream: no ZRTPSess, so the exchange ends."""
        hand = peer.Peer("Initiator", mode="Mult", session=bytes(32), algorithms=QUICK)
        one = meet(hand)
        party = one.parties[1]
        assert not party.secured and not party.keys
        assert not one.messages(1, "Confirm1")

    def test_multistream_of_another_session(self):
        """A second peer cannot join with a ZRTPSess of its own."""
        first = peer.Peer("Initiator", algorithms=QUICK)
        party = victim()
        untouched(meet(first, party))
        hand = peer.Peer(
            "Initiator", 0x66, 5, mode="Mult", first=first, session=bytes(32), algorithms=QUICK
        )
        hand.secure = lambda: None
        two = world.World(hand, party.context.open(0x77))
        two.run(ENOUGH)
        assert not two.parties[1].secured and not two.parties[1].keys
        assert party.secured

    def test_multistream_with_another_zid(self):
        """All streams of a session have one ZID (section 4.4.3)."""
        first = peer.Peer("Initiator", algorithms=QUICK)
        party = victim()
        untouched(meet(first, party))
        hand = peer.Peer(
            "Initiator", 0x66, 5, mode="Mult", first=first, zid=bytes(range(12)), algorithms=QUICK
        )
        hand.secure = lambda: None
        two = world.World(hand, party.context.open(0x77))
        two.run(ENOUGH)
        assert not two.parties[1].secured and not two.parties[1].keys


ENOUGH = 16000


class TestStranger:
    """A third source on the media port; it does not know what the two said."""

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("ssrc", (0x99999999, VICTIM_SSRC), ids=("third", "ours"))
    def test_messages_of_a_stranger(self, role, ssrc):
        """At each stage a whole set of messages, with its own chain and ZID."""
        hand = peer.Peer(role, algorithms=QUICK)
        stranger = peer.Peer("Initiator", ssrc, seed=77, algorithms=QUICK)
        party = victim()
        one = world.World(hand, party)
        one.run(0)
        kinds = [kind for kind in KINDS if kind not in ("HelloACK",)]
        for _ in range(40):
            if not one.step(3000) or party.secured:
                break
            if ssrc == VICTIM_SSRC:
                kinds = [kind for kind in kinds if kind not in ("Commit",)]
            if one.messages(0, "Commit") or one.messages(1, "Commit"):
                for kind in kinds:
                    one.inject(1, stranger.packet(random_message(stranger, kind)))
        one.run(6000)
        assert one.parties[0].got and stranger.sequence
        untouched(one)

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_own_ssrc(self, role):
        """The peer's SSRC is ours: Error 0x91 (section 4.1), and no keys."""
        one = meet(peer.Peer(role, VICTIM_SSRC, algorithms=QUICK))
        party = one.parties[1]
        assert party.failed == 0x91 and not party.secured and not party.keys

    def test_reflector(self):
        """All that we send comes back: no keys, and no storm."""
        party = victim()
        party.start(0)
        now = count = 0
        queue = party.take()
        while now < 20000:
            for data in queue:
                count += 1
                party.receive(data, now + 1)
            queue = party.take()
            if not queue:
                if party.next_time() is None:
                    break
                now = max(now + 1, party.next_time())
                party.tick(now)
                queue = party.take()
            now += 1
        assert not party.secured and not party.keys
        assert count < 150


def test_sequence_numbers_do_not_matter():
    """They run backwards or stand still: section 5 gives them for statistics alone."""
    for step in (-1, 0, 4000):
        hand = peer.Peer("Initiator", algorithms=QUICK)

        def packet(message, hand=hand, step=step):
            hand.sequence = hand.sequence + step & 0xFFFF
            return derive.packet(message, hand.ssrc, hand.sequence)

        hand.packet = packet
        untouched(meet(hand, for_ms=3000))


def test_our_sequence_numbers_count_up():
    one = meet(peer.Peer("Initiator", algorithms=QUICK), for_ms=3000)
    numbers = [struct.unpack(">H", data[2:4])[0] for _, side, data, _ in one.log if side == 1]
    assert [(b - a) % 65536 for a, b in zip(numbers, numbers[1:])] == [1] * (len(numbers) - 1)
