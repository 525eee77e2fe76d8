# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the attack tests share: our engine as the victim, peer.Peer as the attacker."""

from host_tests.zrtp import derive, ours, world

VICTIM_SSRC = 0x55555555
QUICK = ("S256", "AES1", "HS32", "X255", "B32")
ENOUGH_MS = 16000  # longer than any schedule of section 6


def victim(seed=7, cache=None, **policy):
    """Return a stream of our engine."""
    return ours.Context(seed=seed, cache=cache, **policy).open(VICTIM_SSRC)


def meet(hand, party=None, wire=None, for_ms=ENOUGH_MS, **policy):
    """Let the attacker (side 0) and the victim (side 1) run; return the World."""
    one = world.World(hand, party or victim(**policy), wire)
    one.run(for_ms)
    return one


def refused(one, *codes):
    """Assert that the victim has no keys, said why, told the attacker, and kept its cache."""
    hand, party = one.parties
    assert not party.secured and not party.keys, one.story()
    assert not [e for e in party.key_events if e.direction == "send"], "it would have sent"
    assert party.failed in codes, "%r\n%s" % (party.failed, one.story())
    assert not party.happened("Failed")[-1].by_peer
    assert hand.errors and set(hand.errors) == {party.failed}, hand.errors
    assert not party.context.cache._entries


def untouched(one):
    """Assert that victim and hand are secure with one another all the same."""
    hand, party = one.parties
    assert party.secured and hand.secured, "%r\n%s" % (party.failed, one.story())
    assert party.keys["send"] == hand.keys["receive"]
    assert party.keys["receive"] == hand.keys["send"]
    assert party.sas == hand.sas
    assert party.failed is None


def edit(hand, at, octets, key):
    """Return a `change` of Peer: octets at an offset, the MAC right; key: 0..3 of the chain."""

    def change(message):
        return hand.finish(message[:at] + octets + message[at + len(octets) :], hand.chain[key])

    return change


def before(*strange):
    """Return a `change`: these messages (or functions of the genuine one) come first."""

    def change(message):
        return [one(message) if callable(one) else one for one in strange] + [message]

    return change


def flip(message, at, bit=1):
    return message[:at] + bytes([message[at] ^ bit]) + message[at + 1 :]


def snapshot(party):
    """Return all that must not change: state, keys, events, cache."""
    cache = party.context.cache
    entries = [(zid, dict(entry.__dict__)) for zid, entry in cache._entries]
    events = [(type(e).__name__, repr(sorted(e.__dict__.items()))) for e in party.events]
    return party.engine.state, dict(party.keys), events, entries


def inject_into(party, data, now):
    """Give the victim a datagram; return the messages that it answers with."""
    party.receive(data, now)
    return [derive.kind_of_packet(answer) for answer in party.take()]
