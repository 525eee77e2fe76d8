# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The provider of hosts: hashlib, and OpenSSL by the package `cryptography`."""

import hashlib
import secrets

from .provider import SIZES, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .provider import Hash

# `cryptography` is imported where it is used: who only hashes does without.
_NAMES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"}


def _name(name: str) -> str:
    if name not in SIZES:
        raise ValueError("unknown hash")
    return _NAMES[name]


class HostProvider(Provider):
    """CPython's own hashes, OpenSSL's HMAC and AES."""

    def hash(self, name: str) -> "Hash":
        return hashlib.new(_name(name), usedforsecurity=False)

    def hmac(self, name: str, key: bytes, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA384
        from cryptography.hazmat.primitives.hmac import HMAC

        _name(name)
        kinds = {"MD5": MD5(), "SHA-1": SHA1(), "SHA-256": SHA256(), "SHA-384": SHA384()}
        state = HMAC(key, kinds[name])
        state.update(data)
        return state.finalize()

    def aes_block(self, key: bytes, block: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if len(block) != 16:
            raise ValueError("a block has 16 octets")
        return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)

    def aes_ctr(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)

    def random(self, length: int) -> bytes:
        return secrets.token_bytes(length)

    def equal(self, one: bytes, two: bytes) -> bool:
        return secrets.compare_digest(one, two)
