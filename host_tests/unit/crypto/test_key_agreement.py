# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/crypto: AES-CFB and key agreements by published vectors, and the values to be refused.

RFC 3526 gives no vectors: its primes are computed here by its formulas, powers by Python's pow().
"""

import unittest

from vox6 import crypto


def _hex(octets):
    return "".join(["%02x" % octet for octet in octets])


def _octets(text):
    text = text.replace(" ", "").replace("\n", "")
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


try:
    PROVIDER = crypto.provider()
    PROVIDER.random(1)
except ImportError:
    PROVIDER = None

SIZES = {  # name: octets of a public value, of a DHResult, of a secret
    "DH2k": (256, 256, 32),
    "DH3k": (384, 384, 32),
    "EC25": (64, 32, 32),
    "EC38": (96, 48, 48),
    "X255": (32, 32, 32),
}


def _pi(bits):
    """Return floor(pi * 2 ** bits) by Machin's formula."""
    one = 1 << (bits + 64)

    def arctan(divisor):
        term = one // divisor
        total, n, sign = term, 3, -1
        while term:
            term //= divisor * divisor
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return (4 * (4 * arctan(5) - arctan(239))) >> 64


def _prime(name):
    """Return the prime of RFC 3526 section 3 or 4, by the formula that stands there."""
    bits, constant = {"DH2k": (2048, 124476), "DH3k": (3072, 1690314)}[name]
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((_pi(bits - 130) + constant) << 64)


# RFC 5903 sections 8.1 and 8.2: both secrets, both public values (x, y), x of the common point
CURVES = (
    (
        "EC25",
        "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
        """DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180
        5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3""",
        "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
        """D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63
        56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB""",
        "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
    ),
    (
        "EC38",
        """099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655
        E35B538041E649EE3FAEF896783AB194""",
        """667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6
        DE3AC808ACB4BDB4C88732AEE95F41AA
        9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38E
        EB9FCFF3C2C947DAE69B4C634573A81C""",
        """41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942
        E0308312916B8ED2960E4BD55A7448FC""",
        """E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D
        0D1AC43A0336DEF96FDA41D0774A3571
        DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FF
        F83FA40142209DFF5EAAD96DB9E6386C""",
        """11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4
        D603135569B9E9D09CF5D4A270F59746""",
    ),
    (  # RFC 7748 section 6.1
        "X255",
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
)

# The x coordinate above with another y; and points of other curves y^2 = x^3 - 3x + b'.
P256 = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
P384 = (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1

# u coordinates of small order, below p and above it (RFC 7748 section 6.1 names the check)
SMALL_ORDER = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    (1 << 255) - 20,
    (1 << 255) - 19,
    (1 << 255) - 18,
)


@unittest.skipUnless(PROVIDER is not None, "this interpreter has no crypto provider")
class CFBTest(unittest.TestCase):
    # NIST SP 800-38A sections F.3.13, F.3.15, F.3.17
    IV = _octets("000102030405060708090a0b0c0d0e0f")
    PLAIN = _octets(
        """6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
        30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"""
    )
    VECTORS = (
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            """3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b
            26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6""",
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            """cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a
            2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff""",
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            """dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b
            df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471""",
        ),
    )

    def test_published(self):
        for key, out in self.VECTORS:
            key, out = _octets(key), _octets(out)
            self.assertEqual(_hex(PROVIDER.cfb_encrypt(key, self.IV, self.PLAIN)), _hex(out))
            self.assertEqual(PROVIDER.cfb_decrypt(key, self.IV, out), self.PLAIN)
            for length in (0, 1, 15, 16, 17, 40):
                cut = PROVIDER.cfb_encrypt(key, self.IV, self.PLAIN[:length])
                self.assertEqual(_hex(cut), _hex(out[:length]))
                self.assertEqual(PROVIDER.cfb_decrypt(key, self.IV, cut), self.PLAIN[:length])

    def test_sizes(self):
        for function in (PROVIDER.cfb_encrypt, PROVIDER.cfb_decrypt):
            self.assertRaises(ValueError, function, bytes(15), bytes(16), b"x")
            self.assertRaises(ValueError, function, bytes(16), bytes(15), b"x")


@unittest.skipUnless(PROVIDER is not None, "this interpreter has no crypto provider")
class KeyAgreementTest(unittest.TestCase):
    def test_names(self):
        self.assertEqual(sorted(PROVIDER.key_agreements), sorted(SIZES))
        for name in ("EC52", "Prsh", "Mult", "ec25", ""):
            self.assertRaises(ValueError, PROVIDER.key_pair, name)

    def test_both_sides_agree(self):
        for name, (public, result, _) in SIZES.items():
            for bits in (256, 512):
                one, two = PROVIDER.key_pair(name, bits), PROVIDER.key_pair(name, bits)
                self.assertEqual(one.name, name)
                self.assertEqual(len(one.public), public)
                self.assertNotEqual(one.public, two.public)
                common = one.agree(two.public)
                self.assertEqual(len(common), result)
                self.assertEqual(two.agree(one.public), common)

    def test_published(self):
        for name, one, one_public, two, two_public, common in CURVES:
            a = PROVIDER.key_pair(name, 256, _octets(one))
            b = PROVIDER.key_pair(name, 256, _octets(two))
            self.assertEqual(a.public, _octets(one_public))
            self.assertEqual(b.public, _octets(two_public))
            self.assertEqual(a.agree(b.public), _octets(common))
            self.assertEqual(b.agree(a.public), _octets(common))

    def test_x25519_masks_the_highest_bit(self):
        # RFC 7748 section 5.2: u of the second vector is above 2^255
        for scalar, u, out in (
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ),
            (
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
            ),
        ):
            pair = PROVIDER.key_pair("X255", 256, _octets(scalar))
            self.assertEqual(_hex(pair.agree(_octets(u))), out)

    def test_finite_fields_by_arithmetic(self):
        for name in ("DH2k", "DH3k"):
            prime, size = _prime(name), SIZES[name][0]
            for bits in (256, 512):
                secret = bytes([(i * 37 + bits // 16) & 255 for i in range(bits // 8)])
                exponent = int.from_bytes(secret, "big")
                pair = PROVIDER.key_pair(name, bits, secret)
                self.assertEqual(pair.public, pow(2, exponent, prime).to_bytes(size, "big"))
                for base in (2, 3, prime - 2, prime // 3):
                    common = pair.agree(base.to_bytes(size, "big"))
                    self.assertEqual(common, pow(base, exponent, prime).to_bytes(size, "big"))

    def test_result_keeps_its_leading_zeros(self):
        # 2 ^ 8 and the like are short numbers in 384 octets
        secret = bytes(31) + b"\x08"
        pair = PROVIDER.key_pair("DH3k", 256, secret)
        self.assertEqual(pair.public, bytes(382) + b"\x01\x00")
        self.assertEqual(pair.agree(bytes(383) + b"\x03"), bytes(382) + b"\x19\xa1")

    def test_invalid_finite_values(self):
        for name in ("DH2k", "DH3k"):
            prime, size = _prime(name), SIZES[name][0]
            pair = PROVIDER.key_pair(name)
            for value in (0, 1, prime - 1, prime, prime + 1, (1 << (8 * size)) - 1):
                self.assertRaises(ValueError, pair.agree, value.to_bytes(size, "big"))
            pair.agree((2).to_bytes(size, "big"))  # still there

    def test_invalid_points(self):
        for name, _, public, _, _, _ in CURVES[:2]:
            pair = PROVIDER.key_pair(name)
            point = _octets(public)
            half = len(point) // 2
            prime = P256 if name == "EC25" else P384
            x, y = int.from_bytes(point[:half], "big"), int.from_bytes(point[half:], "big")
            pair.agree(point)
            wrong = [
                (x, y + 1),
                (x + 1, y),
                (y, x),
                (0, 0),  # as some write the point at infinity
                (0, 1),
                (prime, y),
                (x, prime),
                (prime - 1, prime - 1),
                ((1 << 8 * half) - 1, (1 << 8 * half) - 1),
            ]
            for a, b in wrong:
                bad = a.to_bytes(half, "big") + b.to_bytes(half, "big")
                self.assertRaises(ValueError, pair.agree, bad)
            # the same point, its coordinates not below p
            for a, b in ((x + prime, y), (x, y + prime)):
                if max(a, b) < 1 << 8 * half:
                    bad = a.to_bytes(half, "big") + b.to_bytes(half, "big")
                    self.assertRaises(ValueError, pair.agree, bad)
            # x = 5 of P-256 has a y, and x + p fits into 32 octets
            if name == "EC25":
                b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
                y = pow(125 - 15 + b, (P256 + 1) // 4, P256)
                good = (5).to_bytes(32, "big") + y.to_bytes(32, "big")
                self.assertEqual(len(pair.agree(good)), 32)
                bad = (5 + P256).to_bytes(32, "big") + y.to_bytes(32, "big")
                self.assertRaises(ValueError, pair.agree, bad)
            self.assertEqual(len(pair.agree(point)), half)

    def test_small_order(self):
        pair = PROVIDER.key_pair("X255")
        for u in SMALL_ORDER:
            for high in (0, 1 << 255):
                self.assertRaises(ValueError, pair.agree, (u + high).to_bytes(32, "little"))
        self.assertEqual(len(pair.agree((9).to_bytes(32, "little"))), 32)

    def test_lengths(self):
        for name, (size, _, _) in SIZES.items():
            pair = PROVIDER.key_pair(name)
            other = PROVIDER.key_pair(name).public
            for bad in (b"", other[:-1], other + b"\x00", b"\x00" + other, bytes(size)):
                self.assertRaises(ValueError, pair.agree, bad)
            for kind in (bytearray, memoryview):
                self.assertEqual(pair.agree(kind(other)), pair.agree(other))

    def test_erase(self):
        for name in SIZES:
            pair, other = PROVIDER.key_pair(name), PROVIDER.key_pair(name)
            public = pair.public
            pair.erase()
            pair.erase()
            self.assertRaises(ValueError, pair.agree, other.public)
            self.assertEqual(pair.public, public)

    def test_exponents(self):
        for bits in (0, 128, 255, 1024, -256):
            self.assertRaises(ValueError, PROVIDER.key_pair, "DH3k", bits)
        for name, (_, _, length) in SIZES.items():
            for bad in (b"", bytes([1] * (length - 1)), bytes([1] * (length + 1))):
                self.assertRaises(ValueError, PROVIDER.key_pair, name, 256, bad)
        for name, length in (("EC25", 32), ("EC38", 48)):
            for octet in (0, 255):  # 0, and above the order
                bad = bytes([octet] * length)
                self.assertRaises(ValueError, PROVIDER.key_pair, name, 256, bad)
