# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Hashes, HMAC, AES and random octets of the phone, on mbedTLS. lib/crypto/native.py wraps it.

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

def random(count: int) -> bytes:
    """0..1024 octets of a CTR_DRBG that the board's entropy seeds. OSError EIO: no entropy."""

def eq(one: Buffer, two: Buffer) -> bool:
    """Compare in a time that depends on the lengths alone."""
