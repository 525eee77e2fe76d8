# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SRTP profiles: lengths of keys and tags (RFC 3711 section 8.2, RFC 4568 section 6.2, RFC 6188
section 4), and which of them ZRTP's algorithms mean (RFC 6189 sections 5.1.3 and 5.1.4).

A name is the crypto suite of RFC 4568 and RFC 6188, and what media.SRTP_PROFILES says.
"""

from vox6.wire import LocalProtocolError

# strongest first, as RFC 4568 section 5.1.1 wants an offer to be
NAMES = (
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_CM_128_HMAC_SHA1_32",
)

# name: octets of (master key, master salt, SRTP tag, SRTCP tag); a short tag is RTP's alone
PROFILES = {
    "AES_256_CM_HMAC_SHA1_80": (32, 14, 10, 10),
    "AES_CM_128_HMAC_SHA1_80": (16, 14, 10, 10),
    "AES_256_CM_HMAC_SHA1_32": (32, 14, 4, 10),
    "AES_CM_128_HMAC_SHA1_32": (16, 14, 4, 10),
}

# drafts of RFC 6188 wrote it so, and phones still do
_ALIASES = (
    ("AES_CM_256_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"),
    ("AES_CM_256_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_32"),
)

_FROM_ZRTP = {
    ("AES1", "HS32"): "AES_CM_128_HMAC_SHA1_32",
    ("AES1", "HS80"): "AES_CM_128_HMAC_SHA1_80",
    ("AES3", "HS32"): "AES_256_CM_HMAC_SHA1_32",
    ("AES3", "HS80"): "AES_256_CM_HMAC_SHA1_80",
}


def _lengths(name: str) -> "tuple[int, int, int, int]":
    lengths = PROFILES.get(name)
    if lengths is None:
        raise LocalProtocolError("unknown SRTP profile " + name)
    return lengths


def key_octets(name: str) -> int:
    """Return the length in octets of the master key; LocalProtocolError: unknown profile."""
    return _lengths(name)[0]


def salt_octets(name: str) -> int:
    """Return the length in octets of the master salt; LocalProtocolError: unknown profile."""
    return _lengths(name)[1]


def key_salt_octets(name: str) -> int:
    """Return the length in octets of master key || master salt: 30 or 46."""
    return _lengths(name)[0] + _lengths(name)[1]


def tag_octets(name: str) -> int:
    """Return how many octets SRTP adds to an RTP packet."""
    return _lengths(name)[2]


def rtcp_tag_octets(name: str) -> int:
    """Return the length in octets of the tag of SRTCP, which adds an index of 4 octets too."""
    return _lengths(name)[3]


def split(name: str, key_salt: bytes) -> "tuple[bytes, bytes]":
    """Return master key and master salt; LocalProtocolError: another length than the profile's."""
    length, salt = _lengths(name)[:2]
    if len(key_salt) != length + salt:
        raise LocalProtocolError("key and salt have not the length of the profile")
    return key_salt[:length], key_salt[length:]


def find(suite: str) -> "str | None":
    """Return the profile that a crypto suite of a peer means, None for one that we lack.

    Case does not matter (RFC 4568 section 4).
    """
    suite = suite.upper()
    for alias, name in _ALIASES:
        if suite == alias:
            return name
    return suite if suite in PROFILES else None


def from_zrtp(cipher: str, auth_tag: str) -> str:
    """Return the profile that ZRTP agreed on: cipher "AES1" or "AES3", auth_tag "HS32" or "HS80".

    LocalProtocolError: SRTP has no profile for these.
    """
    name = _FROM_ZRTP.get((cipher, auth_tag))
    if name is None:
        raise LocalProtocolError("no SRTP profile for " + cipher + " and " + auth_tag)
    return name
