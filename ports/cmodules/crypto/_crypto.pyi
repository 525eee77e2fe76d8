# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Hashes, HMAC, AES, key agreements and random octets of the phone, on mbedTLS.

lib/crypto/native.py wraps it.

Names of hashes: "MD5", "SHA-1", "SHA-256", "SHA-384". ValueError: another name, or a key or
block of a wrong size.
"""

from collections.abc import Buffer

class Hash:
    """A hash in the making; holds no memory outside itself."""

    def __init__(self, name: str, data: Buffer = b"") -> None: ...
    def update(self, data: Buffer) -> None:
        """Hash further octets."""

    def digest(self) -> bytes:
        """The digest so far; more may follow."""

class AES:
    """AES (FIPS 197) with a key of 16, 24 or 32 octets."""

    def __init__(self, key: Buffer) -> None: ...
    def encrypt_block(self, block: Buffer) -> bytes:
        """Encrypt one block of 16 octets."""

class KeyPair:
    """A key pair of RFC 6189 section 5.1.5: "DH2k", "DH3k", "EC25", "EC38"; "X255" is X25519.

    exponent_bits: 256 or 512, for DH2k and DH3k; without meaning for the others.
    secret: octets of the exponent or scalar, big-endian ("X255": as in RFC 7748), else random.
    ValueError: another name, exponent_bits, length, or no scalar of the curve. OSError EIO: no
    entropy. MemoryError: big numbers take 11 kB of the heap meanwhile, in one piece.
    """

    def __init__(
        self, name: str, exponent_bits: int = 256, secret: Buffer | None = None
    ) -> None: ...

    name: str
    public: bytes  # DH2k 256, DH3k 384, EC25 64 (X, Y), EC38 96, X255 32 octets

    def agree(self, public: Buffer) -> bytes:
        """DHResult (RFC 6189 section 4.4.1.4): DH2k 256, DH3k 384, EC25 32 (x), EC38 48, X255 32.

        ValueError: the peer's value must be refused (length; 0, 1, p-1, p and above; a coordinate
        not below p, a point off the curve; small order), or the pair is erased. It stays usable.
        """

    def erase(self) -> None:
        """Overwrite the secret; so does the collector before it frees the pair."""

def md5(data: Buffer) -> bytes:
    """RFC 1321."""

def sha1(data: Buffer) -> bytes:
    """FIPS 180-4."""

def sha256(data: Buffer) -> bytes:
    """FIPS 180-4."""

def sha384(data: Buffer) -> bytes:
    """FIPS 180-4."""

def hmac(name: str, key: Buffer, data: Buffer) -> bytes:
    """RFC 2104; the whole tag, to be truncated by the caller."""

def ctr(key: Buffer, iv: Buffer, data: Buffer) -> bytes:
    """AES counter mode (NIST SP 800-38A), iv = first counter block of 16 octets. Its own
    inverse.
    """

def cfb_encrypt(key: Buffer, iv: Buffer, data: Buffer) -> bytes:
    """AES cipher feedback of 128 bits, as ZRTP uses it (RFC 6189 section 4.9)."""

def cfb_decrypt(key: Buffer, iv: Buffer, data: Buffer) -> bytes:
    """The inverse of cfb_encrypt()."""

def crc32c(data: Buffer) -> bytes:
    """CRC-32C (RFC 4960 appendix B), its four octets as a ZRTP packet ends with them."""

def random(count: int) -> bytes:
    """0..1024 octets of a CTR_DRBG that the board's entropy seeds. OSError EIO: no entropy."""

def eq(one: Buffer, two: Buffer) -> bool:
    """Compare in a time that depends on the lengths alone."""
