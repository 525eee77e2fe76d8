# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""An attacker in the path who changes messages to get weaker algorithms, versions, flags."""

import struct

import pytest

from host_tests.zrtp import derive, ours, peer, world
from host_tests.zrtp.attacks import QUICK, meet, refused, untouched, victim

BOTH = {
    "key_agreements": ("X255", "DH3k", "DH2k", "Mult"),
    "ciphers": ("AES3", "AES1"),
    "hashes": ("S384", "S256"),
}


def tampered(function, roles=None, **policy):
    """Two phones of ours with an attacker between; returns (World, Tamper)."""
    contexts = [ours.Context(seed=i, **(policy or BOTH)) for i in (1, 2)]
    wire = world.Tamper(function)
    one = world.World(
        contexts[0].open(1),
        contexts[1].open(2),
        world.Roles(roles, wire) if roles is not None else wire,
    )
    one.run(25000)
    return one, wire


def nobody_is_secure(one):
    for party in one.parties:
        assert not party.secured and "send" not in party.keys, one.story()
        assert not party.context.cache._entries


def rewritten_hello(message, **lists):
    """A Hello with other lists, its MAC as it was (the attacker has no H2)."""
    hello = derive.Hello(message)
    kept = [
        lists.get(name, getattr(hello, name))
        for name in ("hashes", "ciphers", "auth_tags", "key_agreements", "sas_types")
    ]
    word = struct.unpack(">I", message[76:80])[0] & 0xF0000000
    body = message[12:76]
    for names, shift in zip(kept, (16, 12, 8, 4, 0)):
        word |= len(names) << shift
    body += struct.pack(">I", word)
    for names in kept:
        body += b"".join(name.ljust(4).encode() for name in names)
    return derive.message("Hello", body + hello.mac)


WEAKER = {
    "key_agreement": {"key_agreements": ["DH2k"]},
    "key_agreement_without_all": {"key_agreements": []},
    "cipher": {"ciphers": ["AES1"]},
    "hash": {"hashes": ["S256"]},
    "sas": {"sas_types": []},
    "everything": {
        "hashes": [],
        "ciphers": [],
        "auth_tags": [],
        "key_agreements": [],
        "sas_types": [],
    },
    "auth_tag": {"auth_tags": ["HS32"]},
}


class TestHello:
    @pytest.mark.parametrize("responder", (0, 1))
    @pytest.mark.parametrize("sender", (0, 1))
    @pytest.mark.parametrize("change", WEAKER, ids=str)
    def test_lists_of_one_side(self, change, sender, responder):
        """One side's Hello is changed on its way, every time it is sent."""

        def function(side, message):
            if side == sender and derive.kind_of(message) == "Hello":
                return rewritten_hello(message, **WEAKER[change])

        one, wire = tampered(function, responder)
        assert wire.hits
        nobody_is_secure(one)

    def test_lists_of_both_sides(self):
        def function(side, message):
            if derive.kind_of(message) == "Hello":
                return rewritten_hello(message, key_agreements=["DH2k"], ciphers=["AES1"])

        for responder in (0, 1):
            nobody_is_secure(tampered(function, responder)[0])

    @pytest.mark.parametrize("bit", (28, 29, 30), ids=("P", "M", "S"))
    @pytest.mark.parametrize("sender", (0, 1))
    def test_flags(self, bit, sender):
        def function(side, message):
            if side == sender and derive.kind_of(message) == "Hello":
                word = struct.unpack(">I", message[76:80])[0] ^ 1 << bit
                return message[:76] + struct.pack(">I", word) + message[80:]

        nobody_is_secure(tampered(function)[0])

    def test_client_identifier(self):
        """Octets without a meaning are covered as well."""

        def function(side, message):
            if side == 0 and derive.kind_of(message) == "Hello":
                return message[:16] + b"another client  " + message[32:]

        for responder in (0, 1):
            nobody_is_secure(tampered(function, responder)[0])

    def test_zid_of_somebody_else(self):
        """The ZID changed on its way: it would open another entry of the cache."""

        def function(side, message):
            if side == 0 and derive.kind_of(message) == "Hello":
                return message[:64] + bytes(range(12)) + message[76:]

        for responder in (0, 1):
            nobody_is_secure(tampered(function, responder)[0])


class TestCommit:
    @pytest.mark.parametrize(
        "change",
        (
            (56, b"S256"),
            (60, b"AES1"),
            (64, b"HS80"),
            (68, b"DH2k"),
            (72, b"B256"),
            (76, bytes(32)),
            (12, bytes(32)),
        ),
        ids=("hash", "cipher", "auth_tag", "key_agreement", "sas", "hvi", "h2"),
    )
    def test_changed_on_its_way(self, change):
        at, octets = change

        def function(side, message):
            if derive.kind_of(message) == "Commit":
                return message[:at] + octets + message[at + len(octets) :]

        for responder in (0, 1):
            one, wire = tampered(function, responder)
            assert wire.hits
            nobody_is_secure(one)

    @pytest.mark.parametrize(
        "change",
        (
            (0, "N256", 0x51),
            (1, "2FS1", 0x52),
            (2, "SK32", 0x54),
            (3, "EC52", 0x53),
            (4, "B512", 0x55),
        ),
        ids=lambda change: change[1],
    )
    def test_algorithm_that_was_not_offered(self, change):
        """Each kind has its Error code (table 8)."""
        place, name, code = change
        hand = peer.Peer("Initiator", algorithms=QUICK)
        make = hand.make_commit

        def forged():
            message = make()
            at = 56 + 4 * place
            return hand.finish(
                message[:at] + name.ljust(4).encode() + message[at + 4 :], hand.chain[1]
            )

        hand.make_commit = forged
        refused(meet(hand), code)

    @pytest.mark.parametrize(
        "change", ((0, "S384", 0x51), (1, "AES3", 0x52), (3, "DH2k", 0x53)), ids=lambda c: c[1]
    )
    def test_algorithm_that_our_policy_lacks(self, change):
        """It is a known one, but the owner does not want it."""
        place, name, code = change
        names = list(QUICK)
        names[place] = name
        hand = peer.Peer("Initiator", algorithms=tuple(names))
        policy = dict(hashes=("S256",), ciphers=("AES1",), key_agreements=("X255", "Mult"))
        refused(meet(hand, **policy), code)

    def test_ec38_with_sha256(self):
        """EC38 needs SHA-384 (section 5.1.5)."""
        hand = peer.Peer("Initiator", algorithms=("S256", "AES3", "HS32", "EC38", "B32"))
        refused(meet(hand), 0x51)


class TestDHParts:
    @pytest.mark.parametrize("kind", ("DHPart1", "DHPart2"))
    @pytest.mark.parametrize("at", (44, 60, 80, -1), ids=("rs1_id", "aux_id", "public", "mac"))
    def test_changed_on_its_way(self, kind, at):
        def function(side, message):
            if derive.kind_of(message) == kind:
                place = at % len(message)
                return message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]

        one, wire = tampered(function)
        assert wire.hits
        nobody_is_secure(one)


class TestVersion:
    @pytest.mark.parametrize("version", (b"1.20", b"2.00", b"9.99"))
    def test_higher_version_is_ignored(self, version):
        """Section 4.1.1: it is not answered with an Error; the peer will come down."""
        hand = peer.Peer("Responder", version=version, algorithms=QUICK)
        one = meet(hand)
        party = one.parties[1]
        assert not party.secured and not party.keys and not hand.errors
        assert not one.messages(1, "Commit")

    @pytest.mark.parametrize("version", (b"1.0 ", b"1.01", b"0.99"))
    def test_lower_version_is_refused(self, version):
        refused(meet(peer.Peer("Initiator", version=version, algorithms=QUICK)), 0x30)

    @pytest.mark.parametrize("version", (b"1.1 ", b"1.11", b"1.1a"))
    def test_fourth_octet_does_not_count(self, version):
        untouched(meet(peer.Peer("Initiator", version=version, algorithms=QUICK)))

    def test_higher_then_ours(self):
        """The peer sends 2.00 and comes down to 1.10."""
        high = peer.Peer("Responder", seed=3, version=b"2.00", algorithms=QUICK)
        hand = peer.Peer("Responder", seed=3, algorithms=QUICK)
        hand.change["Hello"] = lambda message: [high.hello, message]
        untouched(meet(hand, victim()))

    def test_version_changed_on_its_way(self):
        def function(side, message):
            if derive.kind_of(message) == "Hello":
                return message[:12] + b"1.0 " + message[16:]

        nobody_is_secure(tampered(function)[0])
