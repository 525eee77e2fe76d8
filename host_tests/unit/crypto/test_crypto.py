# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/crypto: published vectors, the same for the C module and for the host's provider."""

import unittest

from vox6 import crypto
from vox6.zrtp import packet


def _hex(octets):
    return "".join(["%02x" % octet for octet in octets])


def _octets(text):
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


try:
    PROVIDER = crypto.provider()
except ImportError:
    PROVIDER = None


@unittest.skipUnless(PROVIDER is not None, "this interpreter has neither _crypto nor hashlib")
class ProviderTest(unittest.TestCase):
    def test_hashes(self):
        # RFC 1321 appendix A.5; FIPS 180-4 examples "abc"
        for name, data, digest in (
            ("MD5", b"", "d41d8cd98f00b204e9800998ecf8427e"),
            ("MD5", b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("SHA-1", b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "SHA-256",
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "SHA-384",
                b"abc",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                "8086072ba1e7cc2358baeca134c825a7",
            ),
        ):
            self.assertEqual(_hex(PROVIDER.digest(name, data)), digest)
            state = PROVIDER.hash(name)
            for i in range(len(data)):
                state.update(data[i : i + 1])
            self.assertEqual(_hex(state.digest()), digest)

    def test_unknown_hash(self):
        self.assertRaises(ValueError, PROVIDER.hash, "MD4")
        self.assertRaises(ValueError, PROVIDER.hmac, "md5", b"k", b"d")

    def test_hmac(self):
        # RFC 2202 test cases 2, RFC 4231 test case 2, and a key longer than the block (case 6)
        what = b"what do ya want for nothing?"
        for name, key, data, tag in (
            ("MD5", b"Jefe", what, "750c783e6ab0b503eaa86e310a5db738"),
            ("SHA-1", b"Jefe", what, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                "SHA-256",
                b"Jefe",
                what,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "SHA-384",
                b"Jefe",
                what,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
                "8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                "SHA-256",
                b"\xaa" * 131,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ):
            self.assertEqual(_hex(PROVIDER.hmac(name, key, data)), tag)

    def test_aes_block(self):
        # FIPS 197 appendix C
        block = _octets("00112233445566778899aabbccddeeff")
        key = _octets("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        for length, out in (
            (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
            (24, "dda97ca4864cdfe06eaf70a0ec0d7191"),
            (32, "8ea2b7ca516745bfeafc49904b496089"),
        ):
            self.assertEqual(_hex(PROVIDER.aes_block(key[:length], block)), out)
        self.assertRaises(ValueError, PROVIDER.aes_block, key[:15], block)
        self.assertRaises(ValueError, PROVIDER.aes_block, key[:16], block[:15])

    def test_aes_ctr(self):
        # NIST SP 800-38A F.5.1, the first two blocks, and cut in the middle of a block
        key = _octets("2b7e151628aed2a6abf7158809cf4f3c")
        iv = _octets("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        plain = _octets("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
        out = "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
        self.assertEqual(_hex(PROVIDER.aes_ctr(key, iv, plain)), out)
        self.assertEqual(_hex(PROVIDER.aes_ctr(key, iv, plain[:21])), out[:42])
        self.assertEqual(PROVIDER.aes_ctr(key, iv, _octets(out)), plain)
        # the counter runs over from the last octet through all sixteen
        first = PROVIDER.aes_ctr(key, b"\xff" * 16, bytes(32))
        self.assertEqual(first[16:], PROVIDER.aes_block(key, bytes(16)))

    def test_crc32c(self):
        # a host has none: lib/zrtp computes it
        crc32c = getattr(PROVIDER, "crc32c", None) or packet.crc32c
        # RFC 3720 appendix B.4 and the check value of the catalogue of parametrised CRCs
        for data, crc in (
            (b"", "00000000"),
            (b"123456789", "839206e3"),
            (bytes(32), "aa36918a"),
            (b"\xff" * 32, "43aba862"),
            (bytes(range(32)), "4e79dd46"),
        ):
            self.assertEqual(_hex(crc32c(data)), crc)
            self.assertEqual(_hex(crc32c(memoryview(data))), crc)

    def test_random(self):
        self.assertEqual(len(PROVIDER.random(33)), 33)
        self.assertEqual(PROVIDER.random(0), b"")
        self.assertNotEqual(PROVIDER.random(16), PROVIDER.random(16))

    def test_equal(self):
        self.assertTrue(PROVIDER.equal(b"abc", b"abc"))
        self.assertFalse(PROVIDER.equal(b"abc", b"abd"))
        self.assertFalse(PROVIDER.equal(b"abc", b"ab"))

    def test_the_same_again(self):
        # importing the module of the same name must not hide the function
        from vox6.crypto.provider import Provider

        self.assertTrue(crypto.provider() is PROVIDER)
        self.assertTrue(isinstance(PROVIDER, Provider))
        self.assertTrue(crypto.Provider is Provider)
