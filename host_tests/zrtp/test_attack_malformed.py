# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Corrupted, truncated, over-long, random packets at every state; floods; bounds of answers."""

import itertools
import random
import struct
import time

import pytest

from host_tests.zrtp import derive, ours, peer, world
from host_tests.zrtp.attacks import QUICK, meet, snapshot, untouched, victim
from vox6.wire.errors import FormatError
from vox6.zrtp import messages, packet

BZRTP_LIKE = ("S256", "AES1", "HS32", "DH3k", "B32")


def stages(role):
    """Yield (name, hand, party, now, last packet of the hand) for each state of a victim.

    The last packet has not been delivered: it is the genuine one for that state.
    """
    count = 0
    while True:
        hand = peer.Peer(role, algorithms=QUICK)
        party = victim()
        one = world.World(hand, party)
        delivered = 0
        pending = None
        one.run(0)
        while pending is None and (one.queue or one.start != [None, None]):
            at, _, target, data = one.queue[0]
            if target == 1 and delivered == count:
                pending = data
                break
            delivered += target == 1
            if not one.step(5000):
                break
        if pending is None:
            while one.step(3000):
                pass
            yield "end", hand, party, one.now, hand.packet(hand.make_error(0x10))
            return
        yield derive.kind_of_packet(pending), hand, party, one.now, pending
        count += 1


ROLES_AND_STAGES = [(role, i) for role in peer.ROLES for i in range(5)]


class TestCorrupted:
    @pytest.mark.parametrize("role", peer.ROLES)
    def test_crc(self, role):
        """Each octet of each packet changed, the CRC not: silently discarded (section 5)."""
        for name, _, party, now, data in stages(role):
            before = snapshot(party)
            for at in range(len(data)):
                party.receive(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :], now)
                assert not party.take(), (name, at)
            assert snapshot(party) == before

    def test_on_the_wire_among_good_ones(self):
        """Every second packet of both sides is corrupted: it takes longer, that is all."""
        rng = random.Random(3)

        class Noise(world.Wire):
            def change(self, sender, data):
                if rng.random() < 0.5:
                    at = rng.randrange(len(data))
                    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
                return data

        contexts = [ours.Context(seed=i) for i in (1, 2)]
        one = world.World(contexts[0].open(1), contexts[1].open(2), Noise())
        one.run_until_secure(60000)
        world.agree(one)


class TestLengths:
    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("true_length", (True, False), ids=("length_right", "length_wrong"))
    def test_truncated_and_too_long(self, role, true_length):
        """Every length from nothing to 200 octets more, CRC right: nobody becomes secure by it."""
        for name, hand, party, now, data in stages(role):
            message = derive.unpack(data)[0]
            for size in (
                *range(0, len(message), 4),
                *range(len(message) + 4, len(message) + 200, 28),
            ):
                body = (message + bytes(400))[:size]
                if true_length and size >= 4:
                    body = body[:2] + struct.pack(">H", size // 4) + body[4:]
                party.receive(derive.packet(body, hand.ssrc, 7), now)
                party.take()
                assert not party.keys.get("send") or name in ("end", "Conf2ACK"), (name, size)
            for cut in range(0, 30):
                party.receive(data[:cut], now)
                party.receive(data[:-cut], now)
            assert not party.secured or name in ("end", "Conf2ACK")

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_the_right_one_still_counts(self, role):
        """A malformed copy before each message: the exchange goes on with the right one."""
        hand = peer.Peer(role, algorithms=QUICK)
        say = hand.say

        def copies(message):
            if derive.kind_of(message) != "Error":
                for cut in (4, 8, 40):
                    if len(message) > cut + 12:
                        short = message[:-cut]
                        short = short[:2] + struct.pack(">H", len(short) // 4) + short[4:]
                        hand.out.append(hand.packet(short))
            say(message)

        if role == "Initiator":
            # a DHPart with a public value too short is refused by name, not dropped
            hand.change["DHPart2"] = lambda message: message
        hand.say = lambda message: (
            say(message) if derive.kind_of(message).startswith("DHPart") else copies(message)
        )
        untouched(meet(hand))

    def test_huge(self):
        party = victim()
        party.start(0)
        before = snapshot(party)
        for size in (2000, 65000, 65507):
            data = struct.pack(">HH4sI", 0x1000, 1, b"ZRTP", 1) + bytes(size)
            data += struct.pack(">I", derive.crc32c(data))
            party.receive(data[:65507], 10)
        party.take()
        assert snapshot(party) == before

    def test_hello_counts(self):
        """Counts above 7, counts that do not fit the length."""
        hand = peer.Peer("Responder", algorithms=QUICK)
        for word in (0x0008_0000, 0x000F_FFFF, 0x0000_0001, 0x0007_7777, 0x0001_0000):
            message = hand.finish(
                hand.hello[:76] + struct.pack(">I", word) + hand.hello[80:], hand.chain[2]
            )
            party = victim()
            party.start(0)
            party.take()
            party.receive(hand.packet(message), 5)
            assert not party.happened("PeerFound")


class TestFuzz:
    """The oracle: nothing but FormatError from the parsers, nothing from the engine."""

    def check(self, party, data, now):
        started = time.monotonic()
        party.receive(data, now)
        answers = party.take()
        assert time.monotonic() - started < 2
        assert len(answers) <= 4
        return answers

    def mutate(self, rng, message):
        message = bytearray(message)
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            kind = rng.randrange(6)
            at = rng.randrange(len(message)) if message else 0
            if kind == 0 and message:
                message[at] ^= 1 << rng.randrange(8)
            elif kind == 1 and message:
                message[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            elif kind == 2:
                message[at:at] = rng.randbytes(4 * rng.randrange(1, 4))
            elif kind == 3:
                message = message[:at] + message[at + 4 * rng.randrange(1, 8) :]
            elif kind == 4:
                message[4:12] = rng.choice(TYPES)
            elif len(message) > 60:
                other = rng.randrange(len(message) - 8)
                message[at : at + 8] = message[other : other + 8]
        message = message[: len(message) & ~3]
        if len(message) >= 4 and rng.random() < 0.8:
            message[:4] = b"\x50\x5a" + struct.pack(">H", len(message) // 4 & 0xFFFF)
        return bytes(message)

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize(
        "seed",
        [*range(4), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 100))],
    )
    def test_any_octets_at_any_state(self, role, seed):
        """Mutations of the genuine message, of all others, and noise, with and without the CRC."""
        rng = random.Random(seed)
        corpus = self.corpus(role)
        for name, hand, party, now, data in stages(role):
            assert party.engine.counters
            pool = [derive.unpack(data)[0], *corpus]
            for _ in range(250):
                message = self.mutate(rng, rng.choice(pool))
                if message == pool[0]:
                    continue  # it is the genuine one after all
                ssrc = rng.choice((hand.ssrc, hand.ssrc, hand.ssrc, party.ssrc, 0))
                octets = derive.packet(message, ssrc, rng.randrange(65536))
                if rng.random() < 0.1:
                    octets = rng.randbytes(rng.randrange(80))
                self.check(party, octets, now)
                if rng.random() < 0.05:
                    now += rng.randrange(400)
                    party.tick(now)
                    party.take()
            # whatever state that led to: time goes on and nothing loops
            for _ in range(400):
                if party.next_time() is None:
                    break
                now = max(now, party.next_time())
                party.tick(now)
                party.take()
            else:
                raise AssertionError("timers do not end")
            if party.secured:
                assert name in ("end", "Conf2ACK", "Confirm2"), name

    def corpus(self, role):
        hand = peer.Peer(role, algorithms=QUICK)
        one = meet(hand, for_ms=3000)
        found = {}
        for _, _, data, _ in one.log:
            message = derive.unpack(data)[0]
            found[derive.kind_of(message)] = message
        found["GoClear"] = hand.make_go_clear()
        found["Error"] = hand.make_error(0x61)
        found["Ping"] = derive.message("Ping", b"1.10" + bytes(8))
        found["SASrelay"] = derive.message("SASrelay", bytes(64))
        return list(found.values())

    @pytest.mark.parametrize("seed", range(3))
    def test_parsers_alone(self, seed):
        rng = random.Random(seed)
        corpus = self.corpus("Initiator")
        parsed = 0
        for _ in range(4000):
            message = self.mutate(rng, rng.choice(corpus))
            try:
                one = messages.parse(message)
                parsed += 1
                assert one.octets == message
            except FormatError:
                pass
            octets = derive.packet(message, 1, 2)
            try:
                packet.parse(octets)
            except FormatError:
                pass
        assert parsed > 400

    def test_noise_on_both_sides_while_they_agree(self):
        """500 mutated packets into a running exchange of two phones: never unequal keys."""
        for seed in range(6):
            rng = random.Random(seed)
            contexts = [
                ours.Context(seed=seed * 2 + i, key_agreements=("X255", "Mult")) for i in (0, 1)
            ]
            one = world.World(contexts[0].open(1), contexts[1].open(2))
            for _ in range(120):
                if not one.step(3000):
                    break
                if one.log:
                    _, side, data, _ = rng.choice(one.log)
                    message, _, sequence = derive.unpack(data)
                    forged = self.mutate(rng, message)
                    ssrc = rng.choice((1, 2, 3))
                    one.inject(rng.randrange(2), derive.packet(forged, ssrc, sequence))
            one.run(30000)
            if all(party.secured for party in one.parties):
                world.agree(one)
            for party in one.parties:
                assert party.secured or not party.keys.get("send")


TYPES = [
    name.ljust(8).encode()
    for name in (
        "Hello HelloACK Commit DHPart1 DHPart2 Confirm1 Confirm2 Conf2ACK Error ErrorACK GoClear "
        "ClearACK SASrelay RelayACK Ping PingACK Unknown"
    ).split()
]


class TestFlood:
    def test_commits(self):
        """10,000 Commits that differ: a key pair or two, bounded answers, no keys."""
        hand = peer.Peer("Initiator", algorithms=QUICK)
        party = victim()
        one = world.World(hand, party)
        one.run(6)
        genuine = hand.make_commit()
        answers = 0
        pairs = party.context.provider.pairs
        for number in range(10000):
            forged = genuine[:76] + struct.pack(">I", number) + genuine[80:]
            if number % 2:
                forged = forged[:12] + struct.pack(">I", number) + forged[16:]
            party.receive(hand.packet(forged), one.now)
            answers += len(party.take())
        assert party.context.provider.pairs - pairs <= 2
        assert answers <= 10000 // 2 + 5
        assert not party.secured

    def test_hellos(self):
        """10,000 Hellos of other ZIDs: one PeerFound at most, nothing is kept of the rest."""
        party = victim()
        party.start(0)
        party.take()
        hand = peer.Peer("Responder", algorithms=QUICK)
        for number in range(10000):
            zid = struct.pack(">III", number, 0, 1)
            message = hand.hello[:64] + zid + hand.hello[76:]
            party.receive(derive.packet(message, number, 1), 5)
            assert len(party.take()) <= 1
        assert len(party.happened("PeerFound")) == 1
        assert not party.context.cache._entries

    def test_undrained_output_is_bounded(self):
        """A driver that does not drain: the queues stop growing and it is counted."""
        party = victim()
        party.start(0)
        hand = peer.Peer("Responder", algorithms=QUICK)
        for _ in range(5000):
            party.engine.receive_datagram(hand.packet(hand.hello), ours.PEER, 5)
        assert len(party.engine.datagrams_to_send()) <= 32
        assert party.engine.counters["dropped_output"] > 4000

    def test_no_amplification(self):
        """Octets that we send for octets received, for each packet of an exchange repeated."""
        for role in peer.ROLES:
            hand = peer.Peer(role, algorithms=BZRTP_LIKE)
            one = meet(hand, for_ms=3000)
            untouched(one)
            party = one.parties[1]
            for _, side, data, _ in one.log:
                if side == 0:
                    sent = 0
                    for _ in range(20):
                        party.receive(data, one.now)
                        sent += sum(len(answer) for answer in party.take())
                    assert sent <= 20 * max(len(data), 100)


class TestRetransmissions:
    """Section 6: T1 and T2, identical messages, an end."""

    T2 = [0, 150, 450, 1050] + [1050 + 1200 * i for i in range(1, 8)]

    def times(self, one, kind):
        return [
            at
            for at, side, data, _ in one.log
            if side == 1 and derive.kind_of_packet(data) == kind
        ]

    @pytest.mark.parametrize(
        "role_and_kind",
        (("Responder", "Commit"), ("Responder", "DHPart2"), ("Responder", "Confirm2")),
        ids=lambda pair: pair[1],
    )
    def test_schedule(self, role_and_kind):
        """The initiator repeats ten times, then ends with a protocol timeout."""
        role, kind = role_and_kind
        hand = peer.Peer(role, algorithms=QUICK)
        hand.hold.add(kind)
        one = meet(hand, for_ms=60000)
        party = one.parties[1]
        times = self.times(one, kind)
        assert [at - times[0] for at in times] == self.T2
        assert len(set(one.messages(1, kind))) == 1, "identical (section 6)"
        assert party.failed == 0xB0 and not party.secured and not party.keys
        assert not party.context.cache._entries

    @pytest.mark.parametrize("kind", ("Commit", "DHPart2", "Confirm2"))
    def test_responder_does_not_repeat(self, kind):
        """Only the initiator repeats; the responder gives up after 10 s of silence."""
        hand = peer.Peer("Initiator", algorithms=QUICK)
        hand.change[kind] = lambda message: None
        one = meet(hand, for_ms=60000)
        party = one.parties[1]
        assert not party.secured and not party.keys
        assert len(self.times(one, "DHPart1")) <= 1 and len(self.times(one, "Confirm1")) <= 1
        if kind != "Commit":
            assert party.failed == 0xB0

    def test_hello_with_evidence(self):
        """The peer says Hello but never HelloACK nor Commit: at least 12 s of Hellos."""
        hand = peer.Peer("Responder", algorithms=QUICK)
        hand.hold.add("Hello")
        one = meet(hand, for_ms=60000)
        times = self.times(one, "Hello")
        assert 12000 <= times[-1] <= 16000 and len(times) < 80
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert max(gaps) <= 200
        assert len(set(one.messages(1, "Hello"))) == 1

    def test_everything_ends(self):
        """Whatever message of the peer is missing: 60 s later no timer runs, nothing is sent."""
        kinds = (
            "Hello",
            "HelloACK",
            "Commit",
            "DHPart1",
            "DHPart2",
            "Confirm1",
            "Confirm2",
            "Conf2ACK",
        )
        for role in peer.ROLES:
            for kind in kinds:
                hand = peer.Peer(role, algorithms=QUICK)
                hand.change[kind] = lambda message: None
                one = meet(hand, for_ms=60000)
                sent = len(one.log)
                one.run(60000)
                assert len(one.log) == sent
                assert one.parties[1].next_time() is None
                if kind != "Conf2ACK" and (kind, role) != ("HelloACK", "Initiator"):
                    if one.parties[1].secured:
                        untouched(one)

    def test_two_silent_phones(self):
        """All is lost: each tells PeerSilent once, and sends no more than the schedule."""
        contexts = [ours.Context(seed=i) for i in (1, 2)]
        one = world.World(contexts[0].open(1), contexts[1].open(2), world.Lossy(1, loss=1.0))
        one.run(120000)
        for side, party in enumerate(one.parties):
            assert len(party.happened("PeerSilent")) == 1
            assert len(one.messages(side, "Hello")) == 21


def test_clock_jumps():
    """The driver comes late (a blocked VM): no burst, the exchange still works."""
    hand = peer.Peer("Responder", algorithms=QUICK)
    party = victim()
    party.start(0)
    party.take()
    party.tick(3000)
    assert len(party.take()) <= 2
    one = world.World(hand, party, start=(3000, None))
    one.now = 3000
    one.run(16000)
    untouched(one)
