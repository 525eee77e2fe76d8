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


SIZES = {"MD5": 16, "SHA-1": 20, "SHA-256": 32, "SHA-384": 48}  # octets of a digest


class Provider:
    """What engines ask of cryptography. Octets in and out, nothing is kept."""

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

    def random(self, length: int) -> bytes:
        """Return octets fit for keys."""
        raise NotImplementedError

    def equal(self, one: bytes, two: bytes) -> bool:
        """Return whether both are the same, in a time that tells nothing of where they differ."""
        raise NotImplementedError
