# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which algorithms there are and how two endpoints choose (RFC 6189 sections 4.1.2 and 5.1)."""

from .errors import (
    AUTH_TAG_NOT_SUPPORTED,
    CIPHER_NOT_SUPPORTED,
    HASH_NOT_SUPPORTED,
    KEY_AGREEMENT_NOT_SUPPORTED,
    SAS_NOT_SUPPORTED,
    Refused,
)
from .messages import Hello

HASHES = {"S256": "SHA-256", "S384": "SHA-384"}  # names of the crypto provider
HASH_OCTETS = {"S256": 32, "S384": 48}
CIPHERS = {"AES1": 16, "AES2": 24, "AES3": 32}  # octets of a key
AUTH_TAGS = ("HS32", "HS80")
# Octets of a public value, and from fast to slow (section 4.1.2; X255, which the RFC lacks, stands
# where libbzrtp has it, so that both sides choose the same).
PUBLIC_OCTETS = {"DH2k": 256, "X255": 32, "EC25": 64, "DH3k": 384, "EC38": 96}
_FAST_TO_SLOW = ("DH2k", "X255", "EC25", "DH3k", "EC38")
SAS_TYPES = ("B32 ", "B256")

# What every endpoint has, and so stands at the end of a list that does not name it.
MANDATORY = (("S256",), ("AES1",), ("HS32", "HS80"), ("DH3k",), ("B32 ",))


def with_mandatory(names: "list[str]", kind: int) -> "list[str]":
    """Return a list with what its owner must support; kind: 0..4, the order of a Hello."""
    return names + [name for name in MANDATORY[kind] if name not in names]


def lists_of(hello: Hello) -> "list[list[str]]":
    """Return the five lists of a Hello, mandatory algorithms included."""
    lists = (hello.hashes, hello.ciphers, hello.auth_tags, hello.key_agreements, hello.sas_types)
    return [with_mandatory(lists[i], i) for i in range(5)]


def _first_common(ours: "list[str]", theirs: "list[str]", but: "tuple[str, ...]" = ()) -> str:
    for name in ours:
        if name in theirs and name not in but:
            return name
    return ""


def choose_key_agreement(ours: "list[list[str]]", theirs: "list[list[str]]") -> str:
    """Return the DH type that both sides choose (section 4.1.2): of both firsts the faster."""
    but: "tuple[str, ...]" = ("Mult", "Prsh")
    if "S384" not in ours[0] or "S384" not in theirs[0]:
        but += ("EC38",)  # it needs SHA-384 (section 5.1.5)
    one = _first_common(ours[3], theirs[3], but)
    two = _first_common(theirs[3], ours[3], but)
    for name in _FAST_TO_SLOW:
        if name in (one, two):
            return name
    raise Refused(KEY_AGREEMENT_NOT_SUPPORTED, "no key agreement in common")


def choose(
    ours: "list[list[str]]", theirs: "list[list[str]]", key_agreement: str
) -> "tuple[str, str, str, str, str]":
    """Return what an initiator puts into its Commit: its own preferences among the common."""
    hash_type = _first_common(ours[0], theirs[0])
    cipher = _first_common(ours[1], theirs[1])
    if key_agreement == "EC38":
        hash_type = "S384"
        for name in ("AES3", "AES2"):  # SHOULD and MAY of section 5.1.5
            if name in ours[1] and name in theirs[1]:
                cipher = name
                break
    elif key_agreement == "DH2k":
        cipher = "AES1"  # section 5.1.5
    auth_tag = _first_common(ours[2], theirs[2])
    return hash_type, cipher, auth_tag, key_agreement, _first_common(ours[4], theirs[4])


def check(ours: "list[list[str]]", algorithms: "tuple[str, str, str, str, str]") -> None:
    """Raise Refused with the code to answer unless we accept what a Commit names."""
    hash_type, cipher, auth_tag, key_agreement, sas_type = algorithms
    if hash_type not in ours[0] or (key_agreement == "EC38" and hash_type != "S384"):
        raise Refused(HASH_NOT_SUPPORTED, "hash type not supported")
    if cipher not in ours[1]:
        raise Refused(CIPHER_NOT_SUPPORTED, "cipher type not supported")
    if key_agreement not in ours[3]:
        raise Refused(KEY_AGREEMENT_NOT_SUPPORTED, "key agreement type not supported")
    if auth_tag not in ours[2]:
        raise Refused(AUTH_TAG_NOT_SUPPORTED, "auth tag type not supported")
    if sas_type not in ours[4] and key_agreement != "Mult":  # ignored there (section 4.4.3.1)
        raise Refused(SAS_NOT_SUPPORTED, "SAS type not supported")


def exponent_bits(cipher: str) -> int:
    """Return the size of a secret exponent: twice the AES key (section 5.1.5)."""
    return 256 if cipher == "AES1" else 512


def is_long_enough(key_agreement: str, cipher: str, wanted: str) -> bool:
    """Return whether a key pair made for one cipher serves another too; curves know no sizes."""
    return key_agreement[:2] != "DH" or exponent_bits(cipher) >= exponent_bits(wanted)


def is_bad_public(key_agreement: str, public: bytes) -> bool:
    """Return whether a finite-field public value is 0, 1 or p-1, without knowing p.

    Both primes of RFC 3526 begin and end with 64 one bits, the digits of pi between: a number that
    begins so, goes on with pi and ends with ...fe is p-1. The crypto provider checks again, and
    the points of curves.
    """
    if key_agreement not in ("DH2k", "DH3k"):
        return False
    size = len(public)
    if public[: size - 1] == bytes(size - 1) and public[-1] < 2:
        return True
    ones = b"\xff" * 8
    return (
        public[:16] == ones + b"\xc9\x0f\xda\xa2\x21\x68\xc2\x34"
        and public[-8:] == b"\xff" * 7 + b"\xfe"
    )
