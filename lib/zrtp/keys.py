# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Hash chain, shared secrets and key derivation (RFC 6189 sections 4.3 to 4.6, 8.2, 9).

hash_type is the negotiated "S256" or "S384"; what section 5.1.2.2 fixes is SHA-256. Secrets are
bytearrays where Python lets us choose, so that erase() can overwrite them.
"""

from vox6.wire import const

from .algorithms import CIPHERS, HASH_OCTETS, HASHES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.crypto.provider import Provider

    from .cache import Entry

    Octets = bytes | bytearray

_SALT_BITS = const(112)
_ID = const(8)  # octets of a secret's ID, of each MAC in a message


def erase(secret: "bytearray | None") -> None:
    """Overwrite a secret."""
    if secret:
        secret[:] = bytes(len(secret))


def plain(octets: "Octets") -> bytes:
    """Return octets as they are: the crypto provider takes any, its annotations say bytes."""
    return octets  # type: ignore[return-value]


class HashChain:
    """H0 to H3 (section 9)."""

    def __init__(self, provider: "Provider") -> None:
        self.h0 = provider.random(32)
        self.h1 = provider.digest("SHA-256", self.h0)
        self.h2 = provider.digest("SHA-256", self.h1)
        self.h3 = provider.digest("SHA-256", self.h2)


def implicit_mac(provider: "Provider", key: "Octets", octets: bytes) -> bytes:
    """Return the MAC at the end of a message, keyed by a hash image (sections 5.1.2.2, 8.1.1)."""
    return provider.hmac("SHA-256", plain(key), octets)[:_ID]


def sign(provider: "Provider", key: "Octets", octets: bytes) -> bytes:
    """Return a message with its last 8 octets set to the MAC of all before."""
    return octets[:-_ID] + implicit_mac(provider, key, octets[:-_ID])


def is_signed(provider: "Provider", key: "Octets", octets: bytes) -> bool:
    """Return whether the MAC at the end of a message is right."""
    return provider.equal(implicit_mac(provider, key, octets[:-_ID]), octets[-_ID:])


def mac(provider: "Provider", hash_type: str, key: "Octets", octets: bytes) -> bytes:
    """Return the negotiated MAC (section 5.1.2.1), whole."""
    return provider.hmac(HASHES[hash_type], plain(key), octets)


def kdf(
    provider: "Provider", hash_type: str, key: "Octets", label: bytes, context: bytes, bits: int
) -> bytearray:
    """KDF(KI, Label, Context, L) (section 4.5.1)."""
    data = b"\x00\x00\x00\x01" + label + b"\x00" + context + bits.to_bytes(4, "big")
    return bytearray(mac(provider, hash_type, key, data)[: bits // 8])


def hash_of(provider: "Provider", hash_type: str, parts: "tuple[Octets, ...]") -> bytes:
    """Return the negotiated hash of octets one after the other."""
    state = provider.hash(HASHES[hash_type])
    for part in parts:
        state.update(plain(part))
    return state.digest()


def hvi(provider: "Provider", hash_type: str, dhpart2: bytes, responder_hello: bytes) -> bytes:
    """Return the hash commitment (section 4.4.1.1)."""
    return hash_of(provider, hash_type, (dhpart2, responder_hello))[:32]


def _prefixed(secrets: "tuple[Octets | None, ...]") -> "tuple[Octets, ...]":
    out: "list[Octets]" = []
    for secret in secrets:
        out.append(len(secret or b"").to_bytes(4, "big"))
        out.append(secret or b"")
    return tuple(out)


def s0_of_dh(
    provider: "Provider",
    hash_type: str,
    dh_result: "Octets",
    context: bytes,
    secrets: "tuple[Octets | None, ...]",
) -> bytearray:
    """Return s0 of DH mode (section 4.4.1.4); context: ZIDi || ZIDr || total_hash."""
    head = (b"\x00\x00\x00\x01", dh_result, b"ZRTP-HMAC-KDF", context)
    return bytearray(hash_of(provider, hash_type, head + _prefixed(secrets)))


def preshared_key(
    provider: "Provider", hash_type: str, secrets: "tuple[Octets | None, ...]"
) -> bytearray:
    """Return preshared_key of (rs1, auxsecret, pbxsecret) (section 4.4.2.2)."""
    return bytearray(hash_of(provider, hash_type, _prefixed(secrets)))


def key_id(provider: "Provider", hash_type: str, key: "Octets") -> bytes:
    """Return keyID of a preshared_key (section 4.4.2.2)."""
    return mac(provider, hash_type, key, b"Prsh")[:_ID]


def secret_ids(
    provider: "Provider",
    hash_type: str,
    secrets: "tuple[Octets | None, ...]",
    label: bytes,
    h3: bytes,
) -> "list[bytes | None]":
    """Return the IDs of (rs1, rs2, auxsecret, pbxsecret) (section 4.3.1), None where none is.

    label: b"Initiator" or b"Responder", the role of who sends them, and h3 the same side's H3.
    """
    labels = (label, label, h3, label)
    out: "list[bytes | None]" = []
    for i in range(4):
        secret = secrets[i]
        out.append(mac(provider, hash_type, secret, labels[i])[:_ID] if secret else None)
    return out


def srtps(
    provider: "Provider", hash_type: str, zids: bytes, master_key: "Octets", salt: "Octets"
) -> bytearray:
    """Return an auxsecret of an SRTP key of the signalling (section 8.2); zids: ZIDi || ZIDr."""
    return kdf(provider, hash_type, master_key, b"SRTP Secret", zids + bytes(salt), 256)


class StreamKeys:
    """The keys of one stream (section 4.5.3), drawn from s0; the initiator's first."""

    def __init__(
        self, provider: "Provider", hash_type: str, cipher: str, s0: "Octets", context: bytes
    ) -> None:
        key_bits = 8 * CIPHERS[cipher]
        hash_bits = 8 * HASH_OCTETS[hash_type]
        self.srtp: "list[bytearray | None]" = []
        self.mac: "list[bytearray]" = []
        self.zrtp: "list[bytearray]" = []
        for role in (b"Initiator ", b"Responder "):
            key = kdf(provider, hash_type, s0, role + b"SRTP master key", context, key_bits)
            salt = kdf(provider, hash_type, s0, role + b"SRTP master salt", context, _SALT_BITS)
            self.srtp.append(key + salt)
            erase(key)
            erase(salt)
            self.mac.append(kdf(provider, hash_type, s0, role + b"HMAC key", context, hash_bits))
            self.zrtp.append(kdf(provider, hash_type, s0, role + b"ZRTP key", context, key_bits))

    def take(self, index: int) -> bytearray:
        """Return an SRTP key || salt for good: it stays here no longer. 0: the initiator's."""
        out = self.srtp[index]
        self.srtp[index] = None
        return out or bytearray()

    def erase(self) -> None:
        """Overwrite all of them."""
        for secret in self.srtp + self.mac + self.zrtp:
            erase(secret)


def session_key(provider: "Provider", hash_type: str, s0: "Octets", context: bytes) -> bytearray:
    """Return ZRTPSess (section 4.5.2)."""
    bits = 8 * HASH_OCTETS[hash_type]
    return kdf(provider, hash_type, s0, b"ZRTP Session Key", context, bits)


def renewed_session_key(
    provider: "Provider", hash_type: str, key: "Octets", zids: bytes
) -> bytearray:
    """Return ZRTPSess after a GoClear (section 4.7.2.1); zids: ZIDi || ZIDr."""
    return kdf(provider, hash_type, key, b"New ZRTP Session", zids, 8 * HASH_OCTETS[hash_type])


def sashash(provider: "Provider", hash_type: str, s0: "Octets", context: bytes) -> bytearray:
    """Return sashash, 32 octets; the leftmost 4 are sasvalue (section 4.5.2)."""
    return kdf(provider, hash_type, s0, b"SAS", context, 256)


def retained_secret(
    provider: "Provider", hash_type: str, s0: "Octets", context: bytes
) -> bytearray:
    """Return the new rs1 (section 4.6.1)."""
    return kdf(provider, hash_type, s0, b"retained secret", context, 256)


def exported_key(provider: "Provider", hash_type: str, s0: "Octets", context: bytes) -> bytearray:
    """Return ExportedKey (section 4.5.2)."""
    bits = 8 * HASH_OCTETS[hash_type]
    return kdf(provider, hash_type, s0, b"Exported key", context, bits)


def s0_of_mult(
    provider: "Provider", hash_type: str, session: "Octets", context: bytes
) -> bytearray:
    """Return s0 of Multistream mode (section 4.4.3.2)."""
    return kdf(provider, hash_type, session, b"ZRTP MSK", context, 8 * HASH_OCTETS[hash_type])


def s0_of_prsh(
    provider: "Provider", hash_type: str, preshared: "Octets", context: bytes
) -> bytearray:
    """Return s0 of Preshared mode (section 4.4.2.4)."""
    return kdf(provider, hash_type, preshared, b"ZRTP PSK", context, 8 * HASH_OCTETS[hash_type])


def pbx_secret(provider: "Provider", hash_type: str, session: "Octets", zids: bytes) -> bytearray:
    """Return pbxsecret (section 7.3.1); zids: ZIDi || ZIDr."""
    return kdf(provider, hash_type, session, b"Trusted MiTM key", zids, 256)


def secrets_of(entry: "Entry | None", aux: "Octets | None") -> "tuple[Octets | None, ...]":
    """Return (rs1, rs2, auxsecret, pbxsecret); aux: of this call, before that of the cache."""
    if entry is None:
        return None, None, aux, None
    return entry.rs1, entry.rs2, aux or entry.aux, entry.pbx
