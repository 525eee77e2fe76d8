# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp/keys.py: the formulas of RFC 6189 written a second time, down to HMAC."""

import unittest

from vox6 import crypto
from vox6.zrtp import keys
from vox6.zrtp.cache import Entry

P = crypto.provider()
CONTEXT = b"i" * 12 + b"r" * 12 + b"t" * 32
S0 = bytes(range(32))


def hmac(key, data, name="SHA-256", block=64):
    """RFC 2104, written out."""
    if len(key) > block:
        key = P.digest(name, key)
    key = key + bytes(block - len(key))
    inner = P.digest(name, bytes([octet ^ 0x36 for octet in key]) + data)
    return P.digest(name, bytes([octet ^ 0x5C for octet in key]) + inner)


def hmac384(key, data):
    return hmac(key, data, "SHA-384", 128)


def labelled(label, bits, key=S0, context=CONTEXT, function=hmac):
    """HMAC(KI, i || Label || 0x00 || Context || L)."""
    data = b"\x00\x00\x00\x01" + label + b"\x00" + context + bits.to_bytes(4, "big")
    return function(key, data)[: bits // 8]


class TestKDF(unittest.TestCase):
    def test_labels(self):
        """Each use of the KDF, with the length that its section gives."""
        table = (
            (keys.session_key, b"ZRTP Session Key", 256),
            (keys.sashash, b"SAS", 256),
            (keys.retained_secret, b"retained secret", 256),
            (keys.exported_key, b"Exported key", 256),
            (keys.s0_of_mult, b"ZRTP MSK", 256),
            (keys.s0_of_prsh, b"ZRTP PSK", 256),
            (keys.pbx_secret, b"Trusted MiTM key", 256),
            (keys.renewed_session_key, b"New ZRTP Session", 256),
        )
        for function, label, bits in table:
            self.assertEqual(bytes(function(P, "S256", S0, CONTEXT)), labelled(label, bits))

    def test_labels_of_sha_384(self):
        table = (
            (keys.session_key, b"ZRTP Session Key", 384),
            (keys.sashash, b"SAS", 256),
            (keys.retained_secret, b"retained secret", 256),
            (keys.exported_key, b"Exported key", 384),
            (keys.s0_of_mult, b"ZRTP MSK", 384),
            (keys.s0_of_prsh, b"ZRTP PSK", 384),
            (keys.pbx_secret, b"Trusted MiTM key", 256),
            (keys.renewed_session_key, b"New ZRTP Session", 384),
        )
        for function, label, bits in table:
            expected = labelled(label, bits, function=hmac384)
            self.assertEqual(bytes(function(P, "S384", S0, CONTEXT)), expected)

    def test_srtps(self):
        found = keys.srtps(P, "S256", b"z" * 24, b"k" * 16, b"s" * 14)
        expected = labelled(b"SRTP Secret", 256, b"k" * 16, b"z" * 24 + b"s" * 14)
        self.assertEqual(bytes(found), expected)

    def test_stream_keys(self):
        for hash_type, function, hash_bits in (("S256", hmac, 256), ("S384", hmac384, 384)):
            for cipher, bits in (("AES1", 128), ("AES2", 192), ("AES3", 256)):
                found = keys.StreamKeys(P, hash_type, cipher, S0, CONTEXT)
                for i, role in enumerate((b"Initiator", b"Responder")):

                    def one(label, length, role=role, function=function):
                        return labelled(role + b" " + label, length, function=function)

                    key_salt = one(b"SRTP master key", bits) + one(b"SRTP master salt", 112)
                    self.assertEqual(bytes(found.mac[i]), one(b"HMAC key", hash_bits))
                    self.assertEqual(bytes(found.zrtp[i]), one(b"ZRTP key", bits))
                    self.assertEqual(bytes(found.take(i)), key_salt)
                    self.assertEqual(len(key_salt), bits // 8 + 14)

    def test_erased(self):
        found = keys.StreamKeys(P, "S256", "AES1", S0, CONTEXT)
        kept = found.take(0)
        held = found.srtp[1:] + found.mac + found.zrtp
        found.erase()
        for secret in held:
            self.assertEqual(bytes(secret), bytes(len(secret)))
        self.assertNotEqual(bytes(kept), bytes(len(kept)))
        keys.erase(None)


class TestSecrets(unittest.TestCase):
    def test_s0(self):
        """Section 4.4.1.4, with and without s1, s2, s3."""
        for secrets in ((b"1" * 32, b"2" * 5, b"3" * 32), (None, b"22", None), (None, None, None)):
            data = b"\x00\x00\x00\x01" + b"d" * 384 + b"ZRTP-HMAC-KDF" + CONTEXT
            for secret in secrets:
                data += len(secret or b"").to_bytes(4, "big") + (secret or b"")
            found = keys.s0_of_dh(P, "S256", b"d" * 384, CONTEXT, secrets)
            self.assertEqual(bytes(found), P.digest("SHA-256", data))

    def test_preshared_key(self):
        """Section 4.4.2.2."""
        found = keys.preshared_key(P, "S256", (b"1" * 32, None, b"3" * 32))
        data = b"\x00\x00\x00\x20" + b"1" * 32 + bytes(4) + b"\x00\x00\x00\x20" + b"3" * 32
        self.assertEqual(bytes(found), P.digest("SHA-256", data))
        self.assertEqual(keys.key_id(P, "S256", found), hmac(bytes(found), b"Prsh")[:8])

    def test_ids(self):
        """Section 4.3.1."""
        entry = Entry(b"1" * 32, b"2" * 32, b"a" * 9, b"p" * 32)
        secrets = keys.secrets_of(entry, None)
        for label in (b"Initiator", b"Responder"):
            expected = [
                hmac(b"1" * 32, label)[:8],
                hmac(b"2" * 32, label)[:8],
                hmac(b"a" * 9, b"h" * 32)[:8],
                hmac(b"p" * 32, label)[:8],
            ]
            self.assertEqual(keys.secret_ids(P, "S256", secrets, label, b"h" * 32), expected)
        none = keys.secret_ids(P, "S256", keys.secrets_of(None, None), label, b"h" * 32)
        self.assertEqual(none, [None] * 4)

    def test_aux_of_the_call_goes_first(self):
        entry = Entry(aux=b"old")
        self.assertEqual(keys.secrets_of(entry, b"new")[2], b"new")
        self.assertEqual(keys.secrets_of(entry, None)[2], b"old")
        self.assertEqual(keys.secrets_of(None, b"new"), (None, None, b"new", None))

    def test_chain(self):
        chain = keys.HashChain(P)
        self.assertEqual(P.digest("SHA-256", chain.h0), chain.h1)
        self.assertEqual(P.digest("SHA-256", chain.h1), chain.h2)
        self.assertEqual(P.digest("SHA-256", chain.h2), chain.h3)
        self.assertNotEqual(keys.HashChain(P).h0, chain.h0)

    def test_signed(self):
        octets = keys.sign(P, b"k" * 32, b"message " + bytes(8))
        self.assertEqual(octets, b"message " + hmac(b"k" * 32, b"message ")[:8])
        self.assertTrue(keys.is_signed(P, b"k" * 32, octets))
        for i in range(len(octets)):
            bad = bytearray(octets)
            bad[i] ^= 1
            self.assertFalse(keys.is_signed(P, b"k" * 32, bytes(bad)))

    def test_hvi(self):
        for hash_type, name in (("S256", "SHA-256"), ("S384", "SHA-384")):
            self.assertEqual(
                keys.hvi(P, hash_type, b"dhpart2", b"hello"),
                P.digest(name, b"dhpart2hello")[:32],
            )


if __name__ == "__main__":
    unittest.main()
