# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The provider of hosts: hashlib, and OpenSSL by the package `cryptography`.

`cryptography` has deprecated Diffie-Hellman over finite fields, so that part is Python's pow();
its time depends on the secret, unlike that of the phone.
"""

import hashlib
import secrets

from .provider import SIZES, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.asymmetric import ec, x25519
    from cryptography.hazmat.primitives.ciphers import Cipher

    from .provider import Hash, KeyPair

# `cryptography` is imported where it is used: who only hashes does without.
_NAMES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"}


def _name(name: str) -> str:
    if name not in SIZES:
        raise ValueError("unknown hash")
    return _NAMES[name]


def _cfb(key: bytes, iv: bytes) -> "Cipher[CFB]":
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    try:  # where newer versions of `cryptography` keep it
        from cryptography.hazmat.decrepit.ciphers.modes import CFB
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.modes import CFB
    return Cipher(algorithms.AES(key), CFB(iv))


_GENERATOR = 2
_COMMON = (  # where both primes are the same
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
    "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
    "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
    "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
    "9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e8603"
    "9b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510"
)
# RFC 3526 section 3 (2048 bits) and section 4 (3072 bits)
PRIMES = {
    "DH2k": int(_COMMON + "15728e5a8aacaa68ffffffffffffffff", 16),
    "DH3k": int(
        _COMMON
        + "15728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7d"
        "b3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864"
        "d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab31"
        "43db5bfce0fd108e4b82d120a93ad2caffffffffffffffff",
        16,
    ),
}


class FinitePair:
    """DH2k and DH3k: numbers modulo a prime of RFC 3526, generator 2."""

    def __init__(self, name: str, exponent_bits: int, secret: "bytes | None") -> None:
        self.name = name
        self._prime = PRIMES[name]
        self._size = (self._prime.bit_length() + 7) // 8
        if exponent_bits not in (256, 512):
            raise ValueError("an exponent has 256 or 512 bits")
        if secret is None:
            secret = secrets.token_bytes(exponent_bits // 8)
        elif len(secret) * 8 != exponent_bits:
            raise ValueError("a secret of another size")
        exponent = int.from_bytes(secret, "big")
        self._exponent: "int | None" = exponent
        self.public = pow(_GENERATOR, exponent, self._prime).to_bytes(self._size, "big")

    def agree(self, public: bytes) -> bytes:
        """Return public ^ secret mod p."""
        if self._exponent is None:
            raise ValueError("the key pair is erased")
        value = int.from_bytes(public, "big")
        if len(public) != self._size or not 1 < value < self._prime - 1:
            raise ValueError("invalid public value")
        return pow(value, self._exponent, self._prime).to_bytes(self._size, "big")

    def erase(self) -> None:
        """Forget the secret."""
        self._exponent = None


class CurvePair:
    """EC25 and EC38: P-256 and P-384."""

    def __init__(self, name: str, secret: "bytes | None") -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self.name = name
        self._curve: "ec.EllipticCurve" = ec.SECP256R1() if name == "EC25" else ec.SECP384R1()
        self._private: "ec.EllipticCurvePrivateKey | None"
        if secret is None:
            self._private = ec.generate_private_key(self._curve)
        elif len(secret) * 8 != self._curve.key_size:
            raise ValueError("a secret of another size")
        else:
            self._private = ec.derive_private_key(int.from_bytes(secret, "big"), self._curve)
        self.public = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )[1:]

    def agree(self, public: bytes) -> bytes:
        """Return the x coordinate of the common point."""
        from cryptography.hazmat.primitives.asymmetric import ec

        if self._private is None:
            raise ValueError("the key pair is erased")
        if len(public) != len(self.public):
            raise ValueError("invalid public value")
        # Refuses coordinates >= p and points that are not on the curve.
        point = ec.EllipticCurvePublicKey.from_encoded_point(self._curve, b"\x04" + bytes(public))
        return self._private.exchange(ec.ECDH(), point)

    def erase(self) -> None:
        """Forget the secret."""
        self._private = None


class X25519Pair:
    """X255: X25519 (RFC 7748), octets as there (little-endian)."""

    def __init__(self, name: str, secret: "bytes | None") -> None:
        from cryptography.hazmat.primitives.asymmetric import x25519

        self.name = name
        self._private: "x25519.X25519PrivateKey | None"
        if secret is None:
            self._private = x25519.X25519PrivateKey.generate()
        else:
            self._private = x25519.X25519PrivateKey.from_private_bytes(secret)
        self.public = self._private.public_key().public_bytes_raw()

    def agree(self, public: bytes) -> bytes:
        """Return X25519(secret, public)."""
        from cryptography.hazmat.primitives.asymmetric import x25519

        if self._private is None:
            raise ValueError("the key pair is erased")
        # ValueError for another length, and where the result is all zero.
        return self._private.exchange(x25519.X25519PublicKey.from_public_bytes(bytes(public)))

    def erase(self) -> None:
        """Forget the secret."""
        self._private = None


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

    def cfb_encrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return _cfb(key, iv).encryptor().update(data)

    def cfb_decrypt(self, key: bytes, iv: bytes, data: bytes) -> bytes:
        return _cfb(key, iv).decryptor().update(data)

    def key_pair(
        self, name: str, exponent_bits: int = 256, secret: "bytes | None" = None
    ) -> "KeyPair":
        if name in ("DH2k", "DH3k"):
            return FinitePair(name, exponent_bits, secret)
        if name in ("EC25", "EC38"):
            return CurvePair(name, secret)
        if name == "X255":
            return X25519Pair(name, secret)
        raise ValueError("unknown key agreement")

    def random(self, length: int) -> bytes:
        return secrets.token_bytes(length)

    def equal(self, one: bytes, two: bytes) -> bool:
        return secrets.compare_digest(one, two)
