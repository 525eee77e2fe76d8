# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/srtp/profiles.py and crypto_attribute.py: the lines of RFC 4568, one invalid case a rule."""

import binascii
import unittest

from vox6.srtp import profiles
from vox6.srtp.crypto_attribute import CryptoAttribute, MasterKey
from vox6.wire import FormatError, LocalProtocolError

S80 = "AES_CM_128_HMAC_SHA1_80"
S32 = "AES_CM_128_HMAC_SHA1_32"
L80 = "AES_256_CM_HMAC_SHA1_80"
K30 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
K46 = binascii.b2a_base64(bytes(range(46))).decode().strip()
INLINE = " inline:" + K30


def base64(octets):
    return binascii.b2a_base64(octets).decode().strip()


class TestProfiles(unittest.TestCase):
    def test_lengths(self):
        """RFC 3711 section 8.2, RFC 6188 section 4: (key, salt, tag, tag of SRTCP)."""
        for name, key, tag in (
            (S80, 16, 10),
            (S32, 16, 4),
            (L80, 32, 10),
            ("AES_256_CM_HMAC_SHA1_32", 32, 4),
        ):
            self.assertIn(name, profiles.NAMES)
            self.assertEqual(profiles.PROFILES[name], (key, 14, tag, 10))
            self.assertEqual(profiles.key_octets(name), key)
            self.assertEqual(profiles.salt_octets(name), 14)
            self.assertEqual(profiles.key_salt_octets(name), key + 14)
            self.assertEqual(profiles.tag_octets(name), tag)
            self.assertEqual(profiles.rtcp_tag_octets(name), 10)
        self.assertEqual(sorted(profiles.NAMES), sorted(profiles.PROFILES))

    def test_split(self):
        octets = bytes(range(46))
        self.assertEqual(profiles.split(S80, octets[:30]), (octets[:16], octets[16:30]))
        self.assertEqual(profiles.split(L80, octets), (octets[:32], octets[32:]))
        for name, wrong in ((S80, octets), (L80, octets[:30]), (S80, b""), ("X", octets)):
            with self.assertRaises(LocalProtocolError):
                profiles.split(name, wrong)

    def test_from_zrtp(self):
        for cipher, auth_tag, name in (
            ("AES1", "HS80", S80),
            ("AES1", "HS32", S32),
            ("AES3", "HS80", L80),
            ("AES3", "HS32", "AES_256_CM_HMAC_SHA1_32"),
        ):
            self.assertEqual(profiles.from_zrtp(cipher, auth_tag), name)
        for cipher, auth_tag in (("AES2", "HS80"), ("2FS1", "HS32"), ("AES1", "SK32"), ("", "")):
            with self.assertRaises(LocalProtocolError):
                profiles.from_zrtp(cipher, auth_tag)

    def test_find(self):
        for suite, name in (
            (S80, S80),
            ("aes_cm_128_hmac_sha1_80", S80),
            ("AES_CM_256_HMAC_SHA1_80", L80),
            ("AES_CM_256_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_32"),
            ("F8_128_HMAC_SHA1_80", None),
            ("AES_192_CM_HMAC_SHA1_80", None),
            ("AEAD_AES_128_GCM", None),
        ):
            self.assertEqual(profiles.find(suite), name)


class TestRead(unittest.TestCase):
    def test_examples_of_the_rfc(self):
        """Every line of RFC 4568: tag, suite, first octets of the key, lifetime, MKI, length."""
        for value, tag, suite, begin, lifetime, mki in (
            (
                "1 " + S80 + " inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32",
                1,
                S80,
                b"=-n@%^x!",
                1 << 20,
                (1, 32),
            ),
            (
                "1 " + S80 + " inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4",
                1,
                S80,
                b"wDfvg&T+",
                1 << 20,
                (1, 4),
            ),
            (
                "1 " + S32 + " inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32",
                1,
                S32,
                b"70xwPH5@",
                1 << 20,
                (1, 32),
            ),
            (
                "1 " + S80 + " inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2|1066:4",
                1,
                S80,
                b"aBCdefgh",
                None,
                (1066, 4),
            ),
        ):
            attribute = CryptoAttribute.parse(value)
            self.assertEqual((attribute.tag, attribute.suite), (tag, suite))
            self.assertEqual(attribute.profile, suite)
            key = attribute.keys[0]
            self.assertEqual(len(key.key_salt), 30)
            self.assertEqual(key.key_salt[:8], begin)
            self.assertEqual(key.lifetime, lifetime)
            self.assertEqual((key.mki, key.mki_octets), mki)
            self.assertEqual(attribute.emit(), value)
            self.assertEqual(attribute.unsupported(), "MKI")

    def test_offer_of_section_7_1_5(self):
        first = CryptoAttribute.parse(
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 "
            "FEC_ORDER=FEC_SRTP"
        )
        self.assertEqual(first.key_salt, b"YS___semctl () {\t220;}\n}\nunles")
        self.assertEqual(first.parameters, ["FEC_ORDER=FEC_SRTP"])
        value = (
            "2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;"
            "inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP"
        )
        second = CryptoAttribute.parse(value)
        self.assertIsNone(second.profile)
        self.assertEqual(second.unsupported(), "suite")
        self.assertEqual(second.emit(), value)
        with self.assertRaises(LocalProtocolError):
            second.key_salt

    def test_valid(self):
        """What is read, and what we say of it (None: usable)."""
        for value, unsupported in (
            ("1 " + S80 + INLINE, None),
            ("0 " + S80 + INLINE, None),
            ("999999999 " + S32 + INLINE, None),
            ("1\t" + S80 + " \t inline:" + K30 + "  ", None),
            ("1 aes_cm_128_hmac_sha1_80 INLINE:" + K30, None),
            ("1 " + L80 + " inline:" + K46, None),
            ("1 " + L80 + " inline:" + K46.rstrip("="), None),  # padding is often left out
            ("1 AES_CM_256_HMAC_SHA1_80 inline:" + K46, None),
            ("1 " + S80 + INLINE + "|2^48", None),
            ("1 " + S80 + INLINE + "|281474976710656", None),
            ("1 " + S80 + INLINE + "|2^20", None),
            ("1 " + S80 + INLINE + "|1048576", None),
            ("1 " + S80 + INLINE + "|1048575", "short lifetime"),
            ("1 " + S80 + INLINE + "|2^0", "short lifetime"),
            ("1 " + S80 + INLINE + "|1:1", "MKI"),
            ("1 " + S80 + INLINE + "|255:1", "MKI"),
            ("1 " + S80 + INLINE + "|2^31|65536:128", "MKI"),
            ("1 " + S80 + INLINE + "|1:4;inline:" + K30 + "|2:4", "several keys"),
            ("1 " + S80 + " url:http://example.com/key", "key method"),
            ("1 " + S80 + INLINE + "|1:4;url:x", "key method"),
            ("1 SOMETHING_NEW inline:!!!|what|ever", "suite"),
            ("1 " + S80 + INLINE + " WSH=64", None),
            ("1 " + S80 + INLINE + " wsh=128 Fec_Order=fec_srtp", None),
            ("1 " + S80 + INLINE + " -ANYTHING=1 -x", None),
            ("1 " + S80 + INLINE + " -UNENCRYPTED_SRTP", None),  # optional, and not the RFC's
            ("1 " + S80 + INLINE + " KDR=1", "KDR"),
            ("1 " + S80 + INLINE + " KDR=24", "KDR"),
            ("1 " + S80 + INLINE + " UNENCRYPTED_SRTP", "UNENCRYPTED_SRTP"),
            ("1 " + S80 + INLINE + " unencrypted_srtcp", "UNENCRYPTED_SRTCP"),
            ("1 " + S80 + INLINE + " WSH=64 UNAUTHENTICATED_SRTP", "UNAUTHENTICATED_SRTP"),
            ("1 " + S80 + INLINE + " FEC_ORDER=SRTP_FEC", "FEC_ORDER"),
            ("1 " + S80 + INLINE + " FEC_KEY=inline:" + K30, "FEC_KEY"),
        ):
            with self.subTest(value=value):
                attribute = CryptoAttribute.parse(value)
                self.assertEqual(attribute.unsupported(), unsupported)
                again = CryptoAttribute.parse(attribute.emit())
                self.assertEqual(again.emit(), attribute.emit())
                self.assertEqual(again.parameters, attribute.parameters)
                if attribute.keys:
                    self.assertEqual(again.key_salt, attribute.key_salt)
                self.assertFalse(K30 in attribute.debug() or K46 in attribute.debug())

    def test_invalid(self):
        """One case a rule."""
        for rule, value in (
            ("empty", ""),
            ("no suite", "1"),
            ("no key", "1 " + S80),
            ("space before the tag", " 1 " + S80 + INLINE),
            ("tag with a leading zero", "01 " + S80 + INLINE),
            ("tag of ten digits", "1000000000 " + S80 + INLINE),
            ("tag with a sign", "+1 " + S80 + INLINE),
            ("tag no number", "x " + S80 + INLINE),
            ("tag in other digits", "\u0661 " + S80 + INLINE),
            ("suite with a dash", "1 AES-CM" + INLINE),
            ("key method missing", "1 " + S80 + " " + K30),
            ("key info missing", "1 " + S80 + " inline:"),
            ("key method empty", "1 " + S80 + " :" + K30),
            ("key method no name", "1 " + S80 + " in-line:" + K30),
            ("key empty", "1 " + S80 + " inline:|2^20"),
            ("key of 29 octets", "1 " + S80 + " inline:" + base64(bytes(29))),
            ("key of 31 octets", "1 " + S80 + " inline:" + base64(bytes(31))),
            ("key of AES-256 for AES-128", "1 " + S80 + " inline:" + K46),
            ("key of AES-128 for AES-256", "1 " + L80 + INLINE),
            ("key with a dash", "1 " + S80 + " inline:-" + K30[1:]),
            ("key with padding inside", "1 " + S80 + " inline:" + K30[:20] + "=" + K30[21:]),
            ("key with padding too much", "1 " + S80 + " inline:" + K30 + "="),
            ("key with three paddings", "1 " + S80 + " inline:" + K30[:-3] + "==="),
            ("key with a lone character", "1 " + S80 + INLINE + "A"),
            ("second key missing", "1 " + S80 + INLINE + "|1:4;"),
            ("several keys without MKI", "1 " + S80 + INLINE + ";inline:" + K30),
            ("one key without MKI", "1 " + S80 + INLINE + "|1:4;inline:" + K30),
            ("MKIs of two lengths", "1 " + S80 + INLINE + "|1:4;inline:" + K30 + "|2:2"),
            ("six keys", "1 " + S80 + " " + ";".join(["inline:" + K30 + "|1:4"] * 6)),
            ("lifetime empty", "1 " + S80 + INLINE + "|"),
            ("lifetime zero", "1 " + S80 + INLINE + "|0"),
            ("lifetime with a leading zero", "1 " + S80 + INLINE + "|01048576"),
            ("power with a leading zero", "1 " + S80 + INLINE + "|2^020"),
            ("power empty", "1 " + S80 + INLINE + "|2^"),
            ("power beyond the suite", "1 " + S80 + INLINE + "|2^49"),
            ("lifetime beyond the suite", "1 " + S80 + INLINE + "|281474976710657"),
            ("lifetime without end", "1 " + S80 + INLINE + "|" + "9" * 400),
            ("lifetime no number", "1 " + S80 + INLINE + "|2^x"),
            ("lifetime behind the MKI", "1 " + S80 + INLINE + "|1:4|2^20"),
            ("two lifetimes", "1 " + S80 + INLINE + "|2^20|2^20"),
            ("a fourth field", "1 " + S80 + INLINE + "|2^20|1:4|1:4"),
            ("MKI without length", "1 " + S80 + INLINE + "|2^20|1"),
            ("MKI with an empty length", "1 " + S80 + INLINE + "|1:"),
            ("MKI zero", "1 " + S80 + INLINE + "|0:4"),
            ("MKI with a leading zero", "1 " + S80 + INLINE + "|01:4"),
            ("length with a leading zero", "1 " + S80 + INLINE + "|1:04"),
            ("MKI of length zero", "1 " + S80 + INLINE + "|1:0"),
            ("MKI of 129 octets", "1 " + S80 + INLINE + "|1:129"),
            ("MKI too large for its length", "1 " + S80 + INLINE + "|256:1"),
            ("MKI without end", "1 " + S80 + INLINE + "|" + "9" * 310 + ":128"),
            ("unknown parameter", "1 " + S80 + INLINE + " ANYTHING"),
            ("unknown parameter with a value", "1 " + S80 + INLINE + " ANYTHING=1"),
            ("a dash alone", "1 " + S80 + INLINE + " -"),
            ("two dashes", "1 " + S80 + INLINE + " --X"),
            ("KDR without value", "1 " + S80 + INLINE + " KDR"),
            ("KDR empty", "1 " + S80 + INLINE + " KDR="),
            ("KDR 0", "1 " + S80 + INLINE + " KDR=0"),
            ("KDR 25", "1 " + S80 + INLINE + " KDR=25"),
            ("KDR with a leading zero", "1 " + S80 + INLINE + " KDR=01"),
            ("WSH 63", "1 " + S80 + INLINE + " WSH=63"),
            ("WSH with a leading zero", "1 " + S80 + INLINE + " WSH=064"),
            ("WSH without end", "1 " + S80 + INLINE + " WSH=" + "9" * 30),
            ("WSH without value", "1 " + S80 + INLINE + " WSH"),
            ("FEC_ORDER unknown", "1 " + S80 + INLINE + " FEC_ORDER=X"),
            ("FEC_KEY bad", "1 " + S80 + INLINE + " FEC_KEY=inline:x"),
            ("flag with a value", "1 " + S80 + INLINE + " UNENCRYPTED_SRTP=1"),
            ("thirteen parameters", "1 " + S80 + INLINE + " WSH=64" * 13),
            ("control character", "1 " + S80 + INLINE + " -\x01"),
            ("beyond ASCII", "1 " + S80 + INLINE + " -\u00e9"),
            ("no-break space as separator", "1\u00a0" + S80 + INLINE),
            ("too long", "1 " + S80 + INLINE + " -" + "x" * 640),
        ):
            with self.subTest(rule=rule):
                with self.assertRaises(FormatError):
                    CryptoAttribute.parse(value)


class TestWrite(unittest.TestCase):
    def test_lifetimes(self):
        for lifetime, text in (
            (None, ""),
            (1, "|1"),
            (512, "|512"),
            (1024, "|2^10"),
            (1025, "|1025"),
            (1 << 48, "|2^48"),
        ):
            key = MasterKey(bytes(30), lifetime)
            self.assertEqual(key.emit(), "inline:" + "A" * 40 + text)

    def test_ours(self):
        ours = CryptoAttribute(2, L80, [MasterKey(bytes(range(46)))])
        self.assertEqual(ours.emit(), "2 " + L80 + " inline:" + K46)
        self.assertEqual(len(K46), 64)
        self.assertIsNone(ours.unsupported())


if __name__ == "__main__":
    unittest.main()
