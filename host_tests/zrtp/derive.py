# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""ZRTP's messages and key derivation (RFC 6189), once more, for tests alone.

Written from the RFC, with hashlib, hmac and `cryptography`; it imports nothing of lib/. It takes
the octets of a handshake, DHResult and the shared secrets, and tells every key. What it computes
is compared with our engine and with libbzrtp.
"""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

try:  # CFB moved there; the old place warns from then on
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

MAGIC_COOKIE = b"ZRTP"
PREAMBLE = b"\x50\x5a"

# Section 5.1.5: octets of the public value and of DHResult; X255 as linphone sends it.
KEY_AGREEMENTS = {
    "DH2k": (256, 256),
    "DH3k": (384, 384),
    "EC25": (64, 32),
    "EC38": (96, 48),
    "X255": (32, 32),
}
_HASHES = {"S256": hashlib.sha256, "S384": hashlib.sha384}
_KEY_BITS = {"AES1": 128, "AES2": 192, "AES3": 256}
_B32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


class Wrong(Exception):
    """A message is not what the RFC says it must be; the first argument names the rule."""


def _must(true: bool, rule: str) -> None:
    if not true:
        raise Wrong(rule)


# ---- packets (section 5, figure 2) ----


def _table_entry(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


_TABLE = [_table_entry(octet) for octet in range(256)]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of RFC 4960 appendix B as the integer that it sends."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ octet) & 0xFF]
    # appendix B stores the lowest octet first
    return struct.unpack("<I", struct.pack(">I", crc ^ 0xFFFFFFFF))[0]


def packet(message: bytes, ssrc: int, sequence: int) -> bytes:
    """Return the packet around a message."""
    data = struct.pack(">HH4sI", 0x1000, sequence & 0xFFFF, MAGIC_COOKIE, ssrc) + message
    return data + struct.pack(">I", crc32c(data))


def unpack(data: bytes) -> tuple[bytes, int, int]:
    """Return (message, SSRC, sequence number) of a packet; Wrong if it is not as in figure 2."""
    _must(len(data) >= 12 + 12 + 4, "packet too short")
    first, sequence, cookie, ssrc = struct.unpack(">HH4sI", data[:12])
    _must(first == 0x1000, "first octets of the packet")
    _must(cookie == MAGIC_COOKIE, "magic cookie")
    _must(struct.unpack(">I", data[-4:])[0] == crc32c(data[:-4]), "CRC")
    body = data[12:-4]
    _must(body[:2] == PREAMBLE, "preamble")
    _must(struct.unpack(">H", body[2:4])[0] * 4 == len(body), "message length")
    return body, ssrc, sequence


def message(kind: str, body: bytes) -> bytes:
    """Return a message of this type (8 octets, filled up with spaces) with this body."""
    _must(len(body) % 4 == 0, "whole words")
    return PREAMBLE + struct.pack(">H", (12 + len(body)) // 4) + kind.ljust(8).encode() + body


def kind_of(msg: bytes) -> str:
    """Return the Message Type Block of a message without its spaces."""
    return msg[4:12].decode("latin-1").rstrip()


def kind_of_packet(data: bytes) -> str:
    """Return the same of a packet, nothing checked."""
    return kind_of(data[12:])


# ---- the fields of the messages ----


class Hello:
    """Section 5.2."""

    def __init__(self, msg: bytes) -> None:
        _must(kind_of(msg) == "Hello", "Hello expected")
        self.octets = msg
        self.version = msg[12:16]
        self.client_id = msg[16:32]
        self.h3 = msg[32:64]
        self.zid = msg[64:76]
        flags = struct.unpack(">I", msg[76:80])[0]
        self.signature_capable = bool(flags >> 30 & 1)
        self.mitm = bool(flags >> 29 & 1)
        self.passive = bool(flags >> 28 & 1)
        _must(flags >> 31 == 0 and flags >> 20 & 0xFF == 0, "unused bits of Hello")
        counts = [flags >> shift & 15 for shift in (16, 12, 8, 4, 0)]
        _must(max(counts) <= 7, "at most 7 algorithms of a kind")
        _must(len(msg) == 80 + 4 * sum(counts) + 8, "length of Hello")
        at = 80
        lists = []
        for count in counts:
            lists.append([msg[at + 4 * i : at + 4 * i + 4].decode().strip() for i in range(count)])
            at += 4 * count
        self.hashes, self.ciphers, self.auth_tags, self.key_agreements, self.sas_types = lists
        self.mac = msg[-8:]


class Commit:
    """Section 5.4, all three forms."""

    def __init__(self, msg: bytes) -> None:
        _must(kind_of(msg) == "Commit", "Commit expected")
        self.octets = msg
        self.h2 = msg[12:44]
        self.zid = msg[44:56]
        names = [msg[56 + 4 * i : 60 + 4 * i].decode().strip() for i in range(5)]
        self.hash, self.cipher, self.auth_tag, self.key_agreement, self.sas_type = names
        self.hvi = self.nonce = self.key_id = b""
        if self.key_agreement == "Mult":
            _must(len(msg) == 25 * 4, "length of a Multistream Commit")
            self.nonce = msg[76:92]
        elif self.key_agreement == "Prsh":
            _must(len(msg) == 27 * 4, "length of a Preshared Commit")
            self.nonce, self.key_id = msg[76:92], msg[92:100]
        else:
            _must(len(msg) == 29 * 4, "length of a DH Commit")
            self.hvi = msg[76:108]
        self.mac = msg[-8:]


class DHPart:
    """Sections 5.5 and 5.6."""

    def __init__(self, msg: bytes) -> None:
        _must(kind_of(msg) in ("DHPart1", "DHPart2"), "DHPart expected")
        self.octets = msg
        self.h1 = msg[12:44]
        self.rs1_id, self.rs2_id, self.aux_id, self.pbx_id = [
            msg[44 + 8 * i : 52 + 8 * i] for i in range(4)
        ]
        self.public = msg[76:-8]
        self.mac = msg[-8:]


class Confirm:
    """Section 5.7, read with the keys of its sender."""

    def __init__(self, msg: bytes, mac: bytes, key: bytes, hash_name: str) -> None:
        _must(kind_of(msg) in ("Confirm1", "Confirm2"), "Confirm expected")
        self.octets = msg
        hidden = msg[36:]
        _must(hmac_of(hash_name, mac, hidden)[:8] == msg[12:20], "confirm_mac")
        plain = cfb(key, msg[20:36], hidden, decrypt=True)
        self.h0 = plain[:32]
        word, self.cache_expiry = struct.unpack(">II", plain[32:40])
        _must(word >> 17 == 0 and word >> 4 & 15 == 0, "unused bits of Confirm")
        self.signature_words = word >> 8 & 0x1FF
        _must(len(plain) == 40 + 4 * self.signature_words, "length of Confirm")
        self.flags = word & 15
        self.enrollment = bool(word & 8)
        self.verified = bool(word & 4)
        self.allow_clear = bool(word & 2)
        self.disclosure = bool(word & 1)


# ---- hashes, MACs, KDF (sections 4.5.1, 5.1.2, 9) ----


def hash_of(name: str, data: bytes) -> bytes:
    """Return the negotiated hash of data."""
    return _HASHES[name](data).digest()


def hmac_of(name: str, key: bytes, data: bytes) -> bytes:
    """Return the negotiated MAC of data, not truncated."""
    return hmac.new(key, data, _HASHES[name]).digest()


def implicit_hash(data: bytes) -> bytes:
    """Return the hash of section 5.1.2.2."""
    return hashlib.sha256(data).digest()


def implicit_mac(key: bytes, data: bytes) -> bytes:
    """Return the MAC of section 5.1.2.2 in 64 bits."""
    return hmac.new(key, data, hashlib.sha256).digest()[:8]


def kdf(name: str, key: bytes, label: str, context: bytes, bits: int) -> bytes:
    """Return KDF(key, label, context, bits) of section 4.5.1."""
    data = b"\x00\x00\x00\x01" + label.encode() + b"\x00" + context + struct.pack(">I", bits)
    return hmac_of(name, key, data)[: bits // 8]


def cfb(key: bytes, iv: bytes, data: bytes, decrypt: bool = False) -> bytes:
    """Return data through AES in CFB with whole blocks (section 5.7)."""
    cipher = Cipher(algorithms.AES(key), CFB(iv))
    return (cipher.decryptor() if decrypt else cipher.encryptor()).update(data)


def hash_chain(h0: bytes) -> list[bytes]:
    """Return [H0, H1, H2, H3] (section 9)."""
    chain = [h0]
    for _ in range(3):
        chain.append(implicit_hash(chain[-1]))
    return chain


def _with_length(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


# ---- shared secrets (section 4.3) ----


def secret_ids(
    name: str, role: str, rs1: bytes, rs2: bytes, aux: bytes, pbx: bytes, h3: bytes
) -> list[bytes]:
    """Return the four IDs that the party of this role sends ("Initiator" or "Responder").

    h3: that party's own. A secret that is empty is not there: its ID is None, for it is random.
    """
    label = role.encode()
    pairs = ((rs1, label), (rs2, label), (aux, h3), (pbx, label))
    return [hmac_of(name, key, data)[:8] if key else None for key, data in pairs]


def match_s1(name: str, part1: DHPart, part2: DHPart, secrets: list[bytes]) -> bytes:
    """Return s1: the initiator's rs1, else its rs2, whichever the responder has (section 4.3).

    secrets: all retained secrets that one knows, in any order.
    """
    for wanted in (part2.rs1_id, part2.rs2_id):
        for secret in secrets:
            if secret and hmac_of(name, secret, b"Initiator")[:8] == wanted:
                answer = hmac_of(name, secret, b"Responder")[:8]
                if answer in (part1.rs1_id, part1.rs2_id):
                    return secret
    return b""


# ---- keys ----


class Keys:
    """Everything that is derived from one s0 (sections 4.5.2 and 4.5.3)."""

    def __init__(self, commit: Commit, zid_r: bytes, total_hash: bytes, s0: bytes) -> None:
        name = self.hash = commit.hash
        size = _HASHES[name]().digest_size * 8
        bits = _KEY_BITS[commit.cipher]
        self.zids = commit.zid + zid_r
        self.context = context = self.zids + total_hash
        self.total_hash = total_hash
        self.s0 = s0
        self.cipher = commit.cipher
        self.auth_tag = commit.auth_tag

        def derive(label: str, length: int) -> bytes:
            return kdf(name, s0, label, context, length)

        self.srtp_key_i = derive("Initiator SRTP master key", bits)
        self.srtp_salt_i = derive("Initiator SRTP master salt", 112)
        self.srtp_key_r = derive("Responder SRTP master key", bits)
        self.srtp_salt_r = derive("Responder SRTP master salt", 112)
        self.mac_key_i = derive("Initiator HMAC key", size)
        self.mac_key_r = derive("Responder HMAC key", size)
        self.zrtp_key_i = derive("Initiator ZRTP key", bits)
        self.zrtp_key_r = derive("Responder ZRTP key", bits)
        self.key_salt_i = self.srtp_key_i + self.srtp_salt_i
        self.key_salt_r = self.srtp_key_r + self.srtp_salt_r
        self.session = self.sas_hash = self.rs1 = self.exported = b""
        self.pbx_secret = b""
        self.sas_text = ""
        if commit.key_agreement != "Mult":
            self.session = derive("ZRTP Session Key", size)
            self.sas_hash = derive("SAS", 256)
            self.exported = derive("Exported key", size)
            self.rs1 = derive("retained secret", 256)
            self.pbx_secret = kdf(name, self.session, "Trusted MiTM key", self.zids, 256)
            self.sas_text = sas_text(commit.sas_type, self.sas_hash[:4])

    def session_after_clear(self) -> bytes:
        """Return ZRTPSess as GoClear leaves it (section 4.7.2.1)."""
        size = _HASHES[self.hash]().digest_size * 8
        return kdf(self.hash, self.session, "New ZRTP Session", self.zids, size)

    def clear_mac(self, role: str) -> bytes:
        """Return clear_mac of a GoClear sent by this role (section 4.7.2)."""
        key = self.mac_key_i if role == "Initiator" else self.mac_key_r
        return hmac_of(self.hash, key, b"GoClear ")[:8]


def dh_keys(
    hello_r: bytes,
    commit: bytes,
    part1: bytes,
    part2: bytes,
    dh_result: bytes,
    s1: bytes = b"",
    s2: bytes = b"",
    s3: bytes = b"",
) -> Keys:
    """Return the keys of DH mode (section 4.4.1.4) of these messages (octets)."""
    chosen = Commit(commit)
    zid_r = Hello(hello_r).zid
    total_hash = hash_of(chosen.hash, hello_r + commit + part1 + part2)
    data = b"\x00\x00\x00\x01" + dh_result + b"ZRTP-HMAC-KDF" + chosen.zid + zid_r + total_hash
    s0 = hash_of(chosen.hash, data + _with_length(s1) + _with_length(s2) + _with_length(s3))
    return Keys(chosen, zid_r, total_hash, s0)


def multistream_keys(hello_r: bytes, commit: bytes, session: bytes) -> Keys:
    """Return the keys of Multistream mode (section 4.4.3.2); session: ZRTPSess."""
    return _keyed(hello_r, commit, session, "ZRTP MSK")


def preshared_keys(hello_r: bytes, commit: bytes, key: bytes) -> Keys:
    """Return the keys of Preshared mode (section 4.4.2.4); key: preshared_key."""
    return _keyed(hello_r, commit, key, "ZRTP PSK")


def _keyed(hello_r: bytes, commit: bytes, key: bytes, label: str) -> Keys:
    chosen = Commit(commit)
    zid_r = Hello(hello_r).zid
    total_hash = hash_of(chosen.hash, hello_r + commit)
    size = _HASHES[chosen.hash]().digest_size * 8
    s0 = kdf(chosen.hash, key, label, chosen.zid + zid_r + total_hash, size)
    return Keys(chosen, zid_r, total_hash, s0)


def preshared_key(name: str, rs1: bytes, aux: bytes = b"", pbx: bytes = b"") -> bytes:
    """Return preshared_key (section 4.4.2.2)."""
    return hash_of(name, _with_length(rs1) + _with_length(aux) + _with_length(pbx))


def preshared_key_id(name: str, key: bytes) -> bytes:
    """Return keyID of a Preshared Commit."""
    return hmac_of(name, key, b"Prsh")[:8]


# ---- SAS (section 5.1.6) ----


def sas_text(sas_type: str, value: bytes) -> str:
    """Return how sasvalue (4 octets) is read aloud.

    B256: two octets in hexadecimal, for the PGP word list stands in
    host_tests/vectors/zrtp/pgp_words.txt and is compared apart.
    """
    if sas_type == "B256":
        return value[:2].hex()
    bits = struct.unpack(">I", value)[0]
    return "".join(_B32[bits >> shift & 31] for shift in (27, 22, 17, 12))


# ---- a whole handshake ----


def check_handshake(
    hello_i: bytes,
    hello_r: bytes,
    commit: bytes,
    part1: bytes,
    part2: bytes,
    confirm1: bytes,
    confirm2: bytes,
    keys: Keys,
) -> tuple[Confirm, Confirm]:
    """Check every hash and MAC that ties the messages together; Wrong names the rule.

    part1, part2: b"" in Multistream and Preshared mode. Returns both Confirms, read.
    """
    hi, hr, c = Hello(hello_i), Hello(hello_r), Commit(commit)
    _must(c.zid == hi.zid, "ZID of Commit")
    first = Confirm(confirm1, keys.mac_key_r, keys.zrtp_key_r, c.hash)
    second = Confirm(confirm2, keys.mac_key_i, keys.zrtp_key_i, c.hash)
    _, h1_r, h2_r, h3_r = hash_chain(first.h0)
    _, h1_i, h2_i, h3_i = hash_chain(second.h0)
    _must(h3_r == hr.h3, "the responder's hash chain ends in its Hello")
    _must(h3_i == hi.h3, "the initiator's hash chain ends in its Hello")
    _must(c.h2 == h2_i, "H2 of Commit")
    _must(implicit_mac(h2_r, hello_r[:-8]) == hr.mac, "MAC of the responder's Hello")
    _must(implicit_mac(h2_i, hello_i[:-8]) == hi.mac, "MAC of the initiator's Hello")
    _must(implicit_mac(h1_i, commit[:-8]) == c.mac, "MAC of Commit")
    for chosen, ours, theirs in (
        (c.hash, hi.hashes + ["S256"], hr.hashes + ["S256"]),
        (c.cipher, hi.ciphers + ["AES1"], hr.ciphers + ["AES1"]),
        (c.auth_tag, hi.auth_tags + ["HS32", "HS80"], hr.auth_tags + ["HS32", "HS80"]),
        (c.sas_type, hi.sas_types + ["B32"], hr.sas_types + ["B32"]),
        (c.key_agreement, hi.key_agreements + ["DH3k"], hr.key_agreements + ["DH3k"]),
    ):
        _must(chosen in ours and chosen in theirs, "%s is not offered by both" % chosen)
    if part1:
        one, two = DHPart(part1), DHPart(part2)
        size = KEY_AGREEMENTS[c.key_agreement][0]
        _must(len(one.public) == size and len(two.public) == size, "length of the public value")
        _must(one.h1 == h1_r and two.h1 == h1_i, "H1 of DHPart")
        _must(implicit_mac(first.h0, part1[:-8]) == one.mac, "MAC of DHPart1")
        _must(implicit_mac(second.h0, part2[:-8]) == two.mac, "MAC of DHPart2")
        _must(hash_of(c.hash, part2 + hello_r)[:32] == c.hvi, "hvi")
    return first, second
