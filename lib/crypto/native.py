# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The provider of phones: the C module `_crypto` on mbedTLS."""

import _crypto

from .provider import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .provider import Hash, KeyPair


class NativeProvider(Provider):
    """`_crypto`, see ports/cmodules/crypto/_crypto.pyi."""

    def hash(self, name: str) -> "Hash":
        state: "Hash" = _crypto.Hash(name)
        return state

    def hmac(self, name: str, key: bytes, data: bytes) -> bytes:
        return bytes(_crypto.hmac(name, key, data))

    def aes_block(self, key: bytes, block: bytes) -> bytes:
        return bytes(_crypto.AES(key).encrypt_block(block))

    def aes_ctr(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return bytes(_crypto.ctr(key, iv, data))

    def cfb_encrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return bytes(_crypto.cfb_encrypt(key, iv, data))

    def cfb_decrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return bytes(_crypto.cfb_decrypt(key, iv, data))

    def key_pair(
        self, name: str, exponent_bits: int = 256, secret: "bytes | None" = None
    ) -> "KeyPair":
        pair: "KeyPair" = _crypto.KeyPair(name, exponent_bits, secret)
        return pair

    def crc32c(self, data: bytes) -> bytes:
        """Return CRC-32C (RFC 4960 appendix B) as a ZRTP packet ends; phones alone have it."""
        return bytes(_crypto.crc32c(data))

    def random(self, length: int) -> bytes:
        return bytes(_crypto.random(length))

    def equal(self, one: bytes, two: bytes) -> bool:
        return bool(_crypto.eq(one, two))
