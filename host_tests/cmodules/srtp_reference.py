# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SRTP and SRTCP written from RFC 3711 and RFC 6188 alone, on `cryptography`: a second opinion.

It protects packets without header extension, CSRC, MKI or key derivation rate, and verifies and
decrypts them; it keeps no state: the caller names rollover counter and SRTCP index.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TAG_OCTETS = {
    "AES_CM_128_HMAC_SHA1_80": 10,
    "AES_CM_128_HMAC_SHA1_32": 4,
    "AES_256_CM_HMAC_SHA1_80": 10,
    "AES_256_CM_HMAC_SHA1_32": 4,
}
KEY_OCTETS = {
    "AES_CM_128_HMAC_SHA1_80": 16,
    "AES_CM_128_HMAC_SHA1_32": 16,
    "AES_256_CM_HMAC_SHA1_80": 32,
    "AES_256_CM_HMAC_SHA1_32": 32,
}
RTCP_TAG_OCTETS = 10
SALT_OCTETS = 14


def _counter_mode(key: bytes, start: int, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return cipher.update(data)


class Reference:
    """One master key and salt."""

    def __init__(self, profile: str, key_salt: bytes) -> None:
        octets = KEY_OCTETS[profile]
        assert len(key_salt) == octets + SALT_OCTETS
        self.tag_octets = TAG_OCTETS[profile]
        master_key = key_salt[:octets]
        master_salt = int.from_bytes(key_salt[octets:], "big")

        def derive(label: int, length: int) -> bytes:
            # RFC 3711 section 4.3.1, key_derivation_rate 0: x = label * 2^48 XOR master salt
            start = (master_salt ^ label << 48) << 16
            return _counter_mode(master_key, start, bytes(length))

        self.keys = [derive(label, n) for label, n in enumerate((octets, 20, SALT_OCTETS) * 2)]

    def _cipher(self, first: int, ssrc: bytes, index: int, data: bytes) -> bytes:
        salt = int.from_bytes(self.keys[first + 2], "big")
        start = salt << 16 ^ int.from_bytes(ssrc, "big") << 64 ^ index << 16
        return _counter_mode(self.keys[first], start, data)

    def _rtp_tag(self, packet: bytes, roc: int) -> bytes:
        full = hmac.digest(self.keys[1], packet + roc.to_bytes(4, "big"), hashlib.sha1)
        return full[: self.tag_octets]

    def protect(self, packet: bytes, roc: int = 0) -> bytes:
        """RFC 3711 section 3.3."""
        index = roc << 16 | int.from_bytes(packet[2:4], "big")
        out = packet[:12] + self._cipher(0, packet[8:12], index, packet[12:])
        return out + self._rtp_tag(out, roc)

    def unprotect(self, packet: bytes, roc: int = 0) -> bytes:
        """The same backwards; ValueError if the tag is wrong."""
        body, tag = packet[: -self.tag_octets], packet[-self.tag_octets :]
        if tag != self._rtp_tag(body, roc):
            raise ValueError("tag")
        index = roc << 16 | int.from_bytes(packet[2:4], "big")
        return body[:12] + self._cipher(0, body[8:12], index, body[12:])

    def protect_rtcp(self, packet: bytes, index: int) -> bytes:
        """RFC 3711 section 3.4, encrypted."""
        out = packet[:8] + self._cipher(3, packet[4:8], index, packet[8:])
        out += (0x80000000 | index).to_bytes(4, "big")
        return out + hmac.digest(self.keys[4], out, hashlib.sha1)[:RTCP_TAG_OCTETS]

    def unprotect_rtcp(self, packet: bytes) -> "tuple[bytes, int]":
        """(packet, index); ValueError if the tag is wrong."""
        body, tag = packet[:-RTCP_TAG_OCTETS], packet[-RTCP_TAG_OCTETS:]
        if tag != hmac.digest(self.keys[4], body, hashlib.sha1)[:RTCP_TAG_OCTETS]:
            raise ValueError("tag")
        index = int.from_bytes(body[-4:], "big") & 0x7FFFFFFF
        return body[:8] + self._cipher(3, body[4:8], index, body[8:-4]), index
