# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Public values that make DHResult known: Error 0x61 (RFC 6189 sections 4.4.1.2, 5.1.5)."""

import pytest

from host_tests.zrtp import derive, ours, peer
from host_tests.zrtp.attacks import meet, refused, untouched

BAD_PUBLIC_VALUE = 0x61
MALFORMED = 0x10
PROTOCOL_TIMEOUT = 0xB0
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P384 = 2**384 - 2**128 - 2**96 + 2**32 - 1
P25519 = 2**255 - 19
# RFC 7748 section 6.1 and https://cr.yp.to/ecdh.html: all points of small order, little-endian.
_ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)


def names(algorithm):
    hash_name = "S384" if algorithm == "EC38" else "S256"
    return (hash_name, "AES3" if algorithm == "EC38" else "AES1", "HS32", algorithm, "B32")


def point(algorithm, x, y):
    size = derive.KEY_AGREEMENTS[algorithm][1]
    return x.to_bytes(size, "big") + y.to_bytes(size, "big")


def curve_values(algorithm, p):
    pair = peer.Pair(algorithm)
    size = len(pair.public) // 2
    x, y = (int.from_bytes(part, "big") for part in (pair.public[:size], pair.public[size:]))
    other = peer.Pair({"EC25": "EC38", "EC38": "EC25"}[algorithm]).public
    return {
        "infinity": point(algorithm, 0, 0),
        "off_curve_y": point(algorithm, x, (y + 1) % p),
        "off_curve_x": point(algorithm, (x + 1) % p, y),
        "swapped": point(algorithm, y, x),
        "x_is_p": point(algorithm, p, y),
        "y_not_reduced": point(algorithm, x, 256**size - 1),
        "other_curve": (other * 2)[: 2 * size],
    }


def finite_values(algorithm):
    p = peer.PRIMES[algorithm]
    size = derive.KEY_AGREEMENTS[algorithm][0]
    numbers = {
        "0": 0,
        "1": 1,
        "p_minus_1": p - 1,
        "p": p,
        "p_plus_1": p + 1,
        "all_ones": 256**size - 1,
    }
    return {name: number.to_bytes(size, "big") for name, number in numbers.items()}


def x25519_values():
    numbers = [0, 1, *_ORDER_8, P25519 - 1, P25519, P25519 + 1]
    return {str(i): number.to_bytes(32, "little") for i, number in enumerate(numbers)}


VALUES = [(ka, name, octets) for ka in peer.PRIMES for name, octets in finite_values(ka).items()]
VALUES += [("EC25", *item) for item in curve_values("EC25", P256).items()]
VALUES += [("EC38", *item) for item in curve_values("EC38", P384).items()]
VALUES += [("X255", "small_order_" + name, octets) for name, octets in x25519_values().items()]


def attacker(role, algorithm, public):
    """A peer whose DHPart is right in all (hvi, MAC, hash image) but in this."""
    hand = peer.Peer(role, algorithms=names(algorithm))
    hand.public = public
    hand.dh_result = bytes(derive.KEY_AGREEMENTS[algorithm][1])  # what it hopes for
    return hand


@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: "-".join(value[:2]))
def test_public_value(value, role):
    algorithm, _, public = value
    hand = attacker(role, algorithm, public)
    one = meet(hand, key_agreements=(algorithm, "Mult"))
    refused(one, BAD_PUBLIC_VALUE)
    assert not one.messages(1, "Confirm1") and not one.messages(1, "Confirm2")
    assert one.parties[1].happened("Failed")[0].attack


@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("algorithm", derive.KEY_AGREEMENTS)
def test_public_value_of_another_length(algorithm, role):
    """The length is that of section 5.1.5, or the message is refused, or not taken for one."""
    right = peer.Pair(algorithm).public
    for public in (right[:-4], right + bytes(4), b"", bytes(4) + right):
        hand = attacker(role, algorithm, public)
        one = meet(hand, key_agreements=(algorithm, "Mult"))
        refused(one, BAD_PUBLIC_VALUE, MALFORMED, PROTOCOL_TIMEOUT)
        assert not one.messages(1, "Confirm1") and not one.messages(1, "Confirm2")


@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("algorithm", derive.KEY_AGREEMENTS)
def test_the_attacker_is_right_in_all_else(algorithm, role):
    """The same peer with a proper value is accepted: so it was the value."""
    untouched(
        meet(peer.Peer(role, algorithms=names(algorithm)), key_agreements=(algorithm, "Mult"))
    )


@pytest.mark.parametrize("algorithm", ("DH2k", "DH3k"))
def test_smallest_value(algorithm):
    """2 is a public value like others: the secret 1 is the attacker's own mistake."""
    pair = peer.Pair(algorithm)
    pair.secret = 1
    pair.public = (2).to_bytes(derive.KEY_AGREEMENTS[algorithm][0], "big")
    hand = peer.Peer("Initiator", algorithms=names(algorithm), pair=pair)
    untouched(meet(hand, key_agreements=(algorithm,)))


@pytest.mark.parametrize("cipher", ("AES1", "AES3"))
@pytest.mark.parametrize("role", peer.ROLES)
@pytest.mark.parametrize("algorithm", ("DH2k", "DH3k"))
def test_secret_exponent_is_twice_the_aes_key(algorithm, role, cipher):
    """256 bits for AES-128, 512 for AES-256 (section 5.1.5), in both roles, and never twice."""
    sizes, publics = [], []
    provider = ours.Provider(3)
    make = provider.key_pair

    def key_pair(name, exponent_bits=256, secret=None):
        pair = make(name, exponent_bits, secret)
        if name == algorithm:
            sizes.append(exponent_bits)
            publics.append(pair.public)
        return pair

    provider.key_pair = key_pair
    names = ("S256", cipher, "HS32", algorithm, "B32")
    for seed in (1, 2, 3):
        hand = peer.Peer(role, seed=seed, algorithms=names)
        party = ours.Context(
            provider=provider, ciphers=(cipher,), key_agreements=(algorithm,)
        ).open(5)
        untouched(meet(hand, party, for_ms=3000))
        del sizes[:-1]
        if algorithm == "DH2k" and role == "Responder":
            cipher = "AES1"  # our choice for DH2k
        assert sizes == [{"AES1": 256, "AES3": 512}[cipher]]
    assert len(set(publics)) == len(publics)
