# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The interface that native.py and host.py implement.

Hash names are those of the standards: "MD5", "SHA-1", "SHA-256", "SHA-384". Any other name raises
ValueError, a key or block of a wrong size too: both are mistakes of the caller, never of a peer.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Hash(Protocol):
        """A hash in the making."""

        def update(self, __data: bytes) -> object:
            """Add octets."""

        def digest(self) -> bytes:
            """Return the hash of all octets; call it once, last."""

    class KeyPair(Protocol):
        """A secret of ours, and what the peer may know of it."""

        @property
        def name(self) -> str:
            """The key agreement type."""

        @property
        def public(self) -> bytes:
            """Our public value, as DHPart1 and DHPart2 carry it."""

        def agree(self, __public: bytes) -> bytes:
            """Return DHResult for the peer's public value (RFC 6189 section 4.4.1.4).

            ValueError: the value is invalid (length; 0, 1, p-1, p and above; not on the curve;
            for X255 a result of zeros), or this pair is erased. The pair stays as it was.
            """

        def erase(self) -> None:
            """Overwrite the secret (a host forgets it); agree() raises ValueError from now on."""


SIZES = {"MD5": 16, "SHA-1": 20, "SHA-256": 32, "SHA-384": 48}  # octets of a digest


class Provider:
    """What engines ask of cryptography. Octets in and out, nothing is kept."""

    # RFC 6189 section 5.1.5, and X25519 by the name that linphone gives it.
    key_agreements = ("DH2k", "DH3k", "EC25", "EC38", "X255")

    def hash(self, name: str) -> "Hash":
        """Return a hash to be fed piece by piece."""
        raise NotImplementedError

    def digest(self, name: str, data: bytes) -> bytes:
        """Return the hash of data."""
        state = self.hash(name)
        state.update(data)
        return state.digest()

    def hmac(self, name: str, key: bytes, data: bytes) -> bytes:
        """Return HMAC (RFC 2104) of data."""
        raise NotImplementedError

    def aes_block(self, key: bytes, block: bytes) -> bytes:
        """Return one block of 16 octets encrypted by AES; key: 16, 24 or 32 octets."""
        raise NotImplementedError

    def aes_ctr(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        """Return data encrypted (or decrypted) by AES in counter mode.

        iv: the first counter block, 16 octets, counted up big-endian over all of it.
        """
        raise NotImplementedError

    def cfb_encrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        """Return data encrypted by AES in cipher feedback mode of 128 bits, as ZRTP's Confirm.

        iv: 16 octets. The last block may be short (RFC 6189 sections 5.1.3 and 5.7).
        """
        raise NotImplementedError

    def cfb_decrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        """Return the inverse of cfb_encrypt()."""
        raise NotImplementedError

    def key_pair(
        self, name: str, exponent_bits: int = 256, secret: "bytes | None" = None
    ) -> "KeyPair":
        """Make a key pair of one of `key_agreements`.

        exponent_bits: 256 or 512 for DH2k and DH3k, twice the AES key (RFC 6189 section 5.1.5).
        secret: the exponent or scalar itself, for known answers; else random. X255 takes its
        octets as RFC 7748 does, the others take big-endian ones of the whole size.
        A phone's VM stands still meanwhile, its media does not.
        """
        raise NotImplementedError

    def random(self, length: int) -> bytes:
        """Return octets fit for keys."""
        raise NotImplementedError

    def equal(self, one: bytes, two: bytes) -> bool:
        """Return whether both are the same, in a time that tells nothing of where they differ."""
        raise NotImplementedError
