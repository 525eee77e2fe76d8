# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""a=zrtp-hash of the signalling and late or strange Hellos (sections 4.1, 6, 8.1)."""

import hashlib

import pytest

from host_tests.zrtp import ours, peer, world
from host_tests.zrtp.attacks import QUICK, VICTIM_SSRC, meet, untouched, victim


def digest(message):
    return hashlib.sha256(message).digest()


@pytest.mark.parametrize("role", peer.ROLES)
def test_mismatch(role):
    """The Hello is not the one that the signalling announced: not used, and it is told."""
    party = victim()
    party.set_peer_hello_hash(bytes(32))
    one = meet(peer.Peer(role, algorithms=QUICK), party)
    assert not party.secured and not party.keys
    assert "hello-hash" in party.warnings
    assert not one.messages(1, "Commit") and not one.messages(1, "DHPart1")


@pytest.mark.parametrize("role", peer.ROLES)
def test_match(role):
    hand = peer.Peer(role, algorithms=QUICK)
    party = victim()
    party.set_peer_hello_hash(digest(hand.hello))
    untouched(meet(hand, party))
    assert not party.warnings


def test_mismatch_becomes_known_after_the_hello():
    """The answer of SIP comes later than the media: the Hello is judged then."""
    hand = peer.Peer("Responder", algorithms=QUICK)
    hand.hold.add("Commit")
    party = victim()
    one = world.World(hand, party)
    one.run(20)
    party.do("set_peer_hello_hash", "1.10", bytes(32))
    hand.hold.clear()
    one.run(16000)
    assert not party.secured and not party.keys


def test_false_hello_first():
    """An attacker beside the path sends his Hello before the peer does."""
    hand = peer.Peer("Initiator", algorithms=QUICK)
    false = peer.Peer("Responder", ssrc=0x99, seed=5, algorithms=QUICK)
    party = victim()
    party.set_peer_hello_hash(digest(hand.hello))
    one = world.World(hand, party, start=(100, 0))
    for at in (10, 20, 90):
        one.inject(1, false.packet(false.hello), at)
    one.run(6000)
    untouched(one)
    assert "hello-hash" in party.warnings


FALSE_HELLOS = {
    "old_version": {"version": b"1.00"},
    "new_version": {"version": b"9.00"},
    "our_zid": {"zid": "ours"},
    "our_ssrc": {"ssrc": VICTIM_SSRC},
    "nothing_wrong": {},
}


@pytest.mark.parametrize("name", FALSE_HELLOS)
def test_forged_hello_does_not_end_the_exchange(name):
    """It does not fit the signalling, so whatever it says has no effect (section 8.1)."""
    hand = peer.Peer("Initiator", algorithms=QUICK)
    party = victim()
    arguments = dict(FALSE_HELLOS[name])
    if arguments.get("zid") == "ours":
        arguments["zid"] = party.context.cache.zid
    false = peer.Peer("Responder", **{"ssrc": hand.ssrc, "seed": 5, **arguments}, algorithms=QUICK)
    party.set_peer_hello_hash(digest(hand.hello))
    one = world.World(hand, party, start=(100, 0))
    one.inject(1, false.packet(false.hello), 20)
    one.run(6000)
    untouched(one)


def test_hash_known_after_confirm1():
    """The Hello was taken, the key to receive was given out, then SIP tells another hash."""
    hand = peer.Peer("Responder", algorithms=QUICK)
    hand.hold.add("Confirm2")
    party = victim()
    one = world.World(hand, party)
    one.run(1000)
    assert set(party.keys) == {"receive"}
    party.do("set_peer_hello_hash", "1.10", bytes(32))
    one.run(30000)
    assert not party.keys and not party.secured
    assert party.happened("Failed")[0].attack


def test_our_hash_is_that_of_the_hello_sent():
    one = meet(peer.Peer("Initiator", algorithms=QUICK), for_ms=3000)
    assert {digest(message) for message in one.messages(1, "Hello")} == {one.parties[1].hello_hash}


def test_each_stream_has_its_own():
    context = ours.Context()
    assert len({context.open(ssrc).hello_hash for ssrc in range(1, 5)}) == 4


@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("after_ms", (3000, 5000, 30000))
def test_late_hello_of_a_slow_peer(role, after_ms):
    """Our Hellos are exhausted before the peer begins; it works all the same."""
    hand = peer.Peer(role, algorithms=QUICK)
    party = victim()
    one = world.World(hand, party, start=(after_ms, 0))
    one.run(after_ms - 1)
    assert bool(party.happened("PeerSilent")) == (after_ms > 4000)
    one.run(16000)
    untouched(one)


@pytest.mark.parametrize("kind", ("DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK"))
@pytest.mark.parametrize("role", peer.ROLES)
def test_slow_peer(role, kind):
    """A phone that computes for seven seconds (section 6: the schedule must handle it)."""
    hand = peer.Peer(role, algorithms=QUICK)

    class Slow(world.Wire):
        def path(self, sender, packet, number):
            slow = sender == 0 and world.derive.kind_of_packet(packet) == kind
            return [7000] if slow else [5]

    untouched(meet(hand, wire=Slow(), for_ms=25000))


def test_no_zrtp_there():
    """Nobody answers: it is told once, the call stays as it was, nothing more is sent."""
    party = victim()
    party.start(0)
    now, times = 0, [0] * len(party.take())
    while party.next_time() is not None and now < 60000:
        now = max(now, party.next_time())
        party.tick(now)
        times += [now] * len(party.take())
    assert len(party.happened("PeerSilent")) == 1 and party.failed is None
    assert not party.keys
    assert times == [0, 50, 150] + [350 + 200 * i for i in range(18)]  # section 6
    for later in range(60000, 120000, 1000):
        party.tick(later)
        assert not party.take()
