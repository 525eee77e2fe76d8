# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Forged hvi, hash images H0 to H2 and MACs (sections 4.4.1.1, 8.1.1, 9)."""

import pytest

from host_tests.zrtp import derive, peer
from host_tests.zrtp.attacks import (
    QUICK,
    before,
    edit,
    flip,
    meet,
    refused,
    untouched,
    victim,
)
from vox6.zrtp.cache import Entry, MemoryCache

BAD_HVI = 0x62
BAD_CONFIRM = 0x70
H1 = 12  # offset in DHPart
RS1_ID, RS2_ID, AUX_ID, PBX_ID, PUBLIC = 44, 52, 60, 68, 76


def hand(role, **more):
    return peer.Peer(role, algorithms=QUICK, **more)


class TestHvi:
    def test_commit_to_another_hvi(self):
        one = hand("Initiator")
        one.change["Commit"] = edit(one, 76, bytes(32), 1)
        refused(meet(one), BAD_HVI)

    @pytest.mark.parametrize(
        "at", (RS1_ID, RS2_ID, AUX_ID, PBX_ID), ids=("rs1", "rs2", "aux", "pbx")
    )
    def test_secret_ids_changed_after_commit(self, at):
        one = hand("Initiator")
        one.change["DHPart2"] = edit(one, at, b"8 octets", 0)
        refused(meet(one), BAD_HVI)

    def test_public_value_chosen_after_dhpart1(self):
        """The birthday attack that hash commitment is there against."""
        one = hand("Initiator")
        other = peer.Pair("X255")

        def choose(message):
            one.pair = other
            one.sent["DHPart2"] = edit(one, PUBLIC, other.public, 0)(message)
            return one.sent["DHPart2"]

        one.change["DHPart2"] = choose
        refused(meet(one), BAD_HVI)

    def test_hvi_of_another_hello(self):
        """hvi covers our Hello: what the attacker showed to somebody else does not serve here."""
        one = hand("Initiator")
        make = one.make_commit

        def other_hello():
            hello = one.peer_hello
            one.got["Hello"].append(flip(hello, 20))
            message = make()
            one.got["Hello"].pop()
            return message

        one.make_commit = other_hello
        refused(meet(one), BAD_HVI)


class TestImages:
    """A packet whose hash image does not fit is not used; the right one is (section 9)."""

    PLACES = [
        ("Initiator", "Commit", 12, 1),
        ("Initiator", "DHPart2", H1, 0),
        ("Responder", "DHPart1", H1, 0),
    ]

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
    def test_forged_image_alone(self, place):
        role, kind, at, key = place
        one = hand(role)
        one.change[kind] = edit(one, at, b"\x55" * 32, key)
        result = meet(one)
        party = result.parties[1]
        assert not party.secured and not party.keys
        assert party.warnings == ["false-packet"]
        assert not result.messages(1, "Confirm1") and not result.messages(1, "Confirm2")
        if kind == "Commit":
            assert not result.messages(1, "DHPart1")

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
    def test_forged_image_then_the_right_one(self, place):
        """An attacker beside the path sends his own before the peer does: no harm is done."""
        role, kind, at, key = place
        one = hand(role)
        one.change[kind] = before(edit(one, at, b"\x55" * 32, key))
        result = meet(one)
        untouched(result)
        assert result.parties[1].warnings == ["false-packet"]

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_h0_of_another_chain(self, role):
        """confirm_mac is right, H0 inside is not the preimage of H1."""
        one = hand(role)
        kind = "Confirm2" if role == "Initiator" else "Confirm1"
        make = one.make_confirm

        def forged(kind):
            chain, one.chain = one.chain, [b"\x55" * 32, *one.chain[1:]]
            message = make(kind)
            one.chain = chain
            return message

        one.make_confirm = forged
        one.secure = lambda: None
        result = meet(one)
        party = result.parties[1]
        assert result.messages(0, kind)
        assert not party.secured and "send" not in party.keys
        assert not party.context.cache._entries

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_broken_chain_with_right_macs(self, role):
        """H1 is not the hash of H0; DHPart and Confirm go with that H0 all the same."""
        one = hand(role)
        one.chain[0] = b"\x55" * 32
        one.secure = lambda: None
        party = meet(one).parties[1]
        assert not party.secured and "send" not in party.keys
        assert not party.context.cache._entries

    def test_chain_of_other_sessions(self):
        """Each session of ours has its own chain and its own Hello."""
        seen = set()
        for seed in range(20):
            result = meet(hand("Responder", seed=seed), for_ms=3000, seed=seed)
            seen.add(derive.Hello(result.messages(1, "Hello")[0]).h3)
        assert len(seen) == 20


class TestMacs:
    """MACs that are checked once their key is known: a wrong one is an attack (section 8.1.1)."""

    def attacked(self, one):
        result = meet(one)
        party = result.parties[1]
        assert not party.secured and "send" not in party.keys, result.story()
        assert not party.context.cache._entries
        failures = party.happened("Failed")
        assert failures and failures[0].attack and not failures[0].by_peer
        return result

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_mac_of_hello(self, role):
        one = hand(role)
        one.hello = flip(one.hello, len(one.hello) - 1)
        one.secure = lambda: None
        self.attacked(one)

    def test_mac_of_commit(self):
        one = hand("Initiator")
        one.change["Commit"] = lambda message: flip(message, len(message) - 1)
        one.secure = lambda: None
        self.attacked(one)

    def test_mac_of_dhpart1(self):
        one = hand("Responder")
        one.change["DHPart1"] = lambda message: flip(message, len(message) - 1)
        one.secure = lambda: None
        self.attacked(one)

    def test_mac_of_dhpart2(self):
        one = hand("Initiator")
        make = one.make_part
        one.make_part = lambda kind: flip(make(kind), len(make(kind)) - 1)
        one.secure = lambda: None
        self.attacked(one)


class TestWithoutDH:
    """Multistream and Preshared mode have no DHPart: all is checked at the Confirm (section 9)."""

    ZID = b"\x01" * 12
    RS1 = b"\x07" * 32

    def couple(self, mode, role):
        """Return a hand that is about to agree in this mode, and its victim."""
        offered = [["S256"], ["AES1"], ["HS32"], ["Prsh", "X255", "Mult"], ["B32"]]
        more = {"seed": 9, "mode": mode, "algorithms": QUICK, "offered": offered}
        if mode == "Mult":
            first = hand(role)
            party = victim()
            untouched(meet(first, party, for_ms=3000))
            return peer.Peer(role, 0x66, first=first, **more), party.context.open(0x77)
        cache = MemoryCache(b"\x02" * 12)
        cache.put(self.ZID, Entry(rs1=self.RS1, verified=True))
        one = peer.Peer(role, zid=self.ZID, rs1=self.RS1, **more)
        return one, victim(cache=cache, key_agreements=("Prsh", "X255", "Mult"))

    def refuse(self, one, party):
        one.secure = lambda: None
        result = meet(one, party)
        assert result.messages(0, "Confirm1") or result.messages(0, "Confirm2"), result.story()
        assert not party.secured and "send" not in party.keys, result.story()
        entries = party.context.cache._entries
        assert all(entry.rs1 != (one.derived.rs1 or None) for _, entry in entries)

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("mode", ("Mult", "Prsh"))
    def test_h0_of_another_chain(self, mode, role):
        one, party = self.couple(mode, role)
        one.chain[0] = b"\x55" * 32
        self.refuse(one, party)

    @pytest.mark.parametrize("mode", ("Mult", "Prsh"))
    def test_whole_chain_of_another_session(self, mode):
        """H0, H1, H2 fit together, the Hello has another H3 (a responder sends no H2)."""
        one, party = self.couple(mode, "Responder")
        one.chain = derive.hash_chain(b"\x55" * 32)
        one.hello = one.finish(one.hello, one.chain[2])
        self.refuse(one, party)

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("mode", ("Mult", "Prsh"))
    def test_mac_of_hello(self, mode, role):
        one, party = self.couple(mode, role)
        one.hello = flip(one.hello, len(one.hello) - 1)
        one.secure = lambda: None
        meet(one, party)
        assert not party.secured and "send" not in party.keys

    @pytest.mark.parametrize("mode", ("Mult", "Prsh"))
    def test_mac_of_commit(self, mode):
        one, party = self.couple(mode, "Initiator")
        one.change["Commit"] = lambda message: flip(message, len(message) - 1)
        self.refuse(one, party)

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("mode", ("Mult", "Prsh"))
    def test_the_attacker_is_right_in_all_else(self, mode, role):
        one, party = self.couple(mode, role)
        result = meet(one, party, for_ms=3000)
        assert party.secured and one.secured, result.story()
        assert party.secure_event.mode == mode
        assert party.keys["send"] == one.keys["receive"]


class TestConfirm:
    """Three of them end the exchange: one or two may be an attacker's beside the path."""

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_two_forged_then_the_right_one(self, role):
        one = hand(role)
        kind = "Confirm2" if role == "Initiator" else "Confirm1"
        one.change[kind] = lambda message: [flip(message, 40), flip(message, 12), message]
        result = meet(one)
        untouched(result)

    @pytest.mark.parametrize("role", peer.ROLES)
    @pytest.mark.parametrize("at", (12, 20, 36, 70, 75))
    def test_forged_confirm(self, role, at):
        """confirm_mac, IV, or what is hidden differs by a bit; the IV alone shows in H0."""
        one = hand(role)
        kind = "Confirm2" if role == "Initiator" else "Confirm1"
        one.change[kind] = lambda message: [flip(message, at)] * 3
        one.secure = lambda: None
        result = meet(one)
        party = result.parties[1]
        assert not party.secured and "send" not in party.keys, result.story()
        assert not party.context.cache._entries
        if at != 20:
            assert party.failed == BAD_CONFIRM

    @pytest.mark.parametrize("role", peer.ROLES)
    def test_confirm_with_the_keys_of_the_other_role(self, role):
        """Initiator and responder mixed up: our own Confirm, sent back under the other name."""
        one = hand(role)
        one.secure = lambda: None

        def mixed(kind):
            keys = one.derived
            swapped = {
                "mac_key_i": keys.mac_key_r,
                "mac_key_r": keys.mac_key_i,
                "zrtp_key_i": keys.zrtp_key_r,
                "zrtp_key_r": keys.zrtp_key_i,
            }
            saved = dict(keys.__dict__)
            keys.__dict__.update(swapped)
            message = peer.Peer.make_confirm(one, kind)
            keys.__dict__.update(saved)
            return message

        one.make_confirm = mixed
        one.change["Confirm2"] = lambda message: [message] * 3
        result = meet(one)
        refused(result, BAD_CONFIRM)

    def test_confirm1_sent_back_as_confirm2(self):
        """The responder's own Confirm1 reflected."""
        one = hand("Initiator")
        one.secure = lambda: None

        def reflect(message):
            mine = one.got["Confirm1"][0]
            return [mine[:4] + b"Confirm2" + mine[12:]] * 3

        one.change["Confirm2"] = reflect
        refused(meet(one), BAD_CONFIRM)
