# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp/messages.py: each message both ways, one invalid case a rule."""

import unittest

from vox6.wire import FormatError
from vox6.zrtp import encrypted
from vox6.zrtp import messages as m

# A Hello of libbzrtp 5.1.64 (its packet without header and CRC).
BZRTP_HELLO = bytes.fromhex(
    "505a002348656c6c6f202020312e3130425a52545076312e31000000000000001ee6cc4cebd6a4281fba8baea6836eb5"
    "53eafe9e318b72ab4a01bdb3325cc5048a304cdcd135a0295eff53e80002225253323536533338344145533141455333"
    "485333324853383058323535583434384448336b4448326b4d756c744233322042323536ea836074f3db4f34"
)


def sized(octets, words):
    """Return a message with another length field and as many octets."""
    octets = (octets + bytes(4 * words))[: 4 * words]
    return octets[:2] + words.to_bytes(2, "big") + octets[4:]


class TestHello(unittest.TestCase):
    def test_of_bzrtp(self):
        hello = m.parse(BZRTP_HELLO)
        self.assertEqual((hello.version, hello.client_id), ("1.10", "BZRTPv1.1"))
        self.assertEqual(hello.hashes, ["S256", "S384"])
        self.assertEqual(hello.ciphers, ["AES1", "AES3"])
        self.assertEqual(hello.auth_tags, ["HS32", "HS80"])
        self.assertEqual(hello.key_agreements, ["X255", "X448", "DH3k", "DH2k", "Mult"])
        self.assertEqual(hello.sas_types, ["B32 ", "B256"])
        self.assertFalse(hello.signature or hello.mitm or hello.passive)
        self.assertEqual(hello.mac.hex(), "ea836074f3db4f34")
        self.assertEqual(hello.octets, BZRTP_HELLO)

    def test_both_ways(self):
        lists = (["S256"], [], ["HS80", "SK64"], ["DH3k", "Mult", "Prsh"], ["B32 "])
        for bits in range(8):
            flags = (bool(bits & 4), bool(bits & 2), bool(bits & 1))
            one = m.Hello("vox6", bytes(range(32)), b"z" * 12, lists, *flags, mac=b"12345678")
            octets = one.emit()
            self.assertEqual(octets[76], bits << 4)
            self.assertEqual(octets[77:80], bytes((1, 0x02, 0x31)))
            two = m.parse(octets)
            self.assertEqual(two.emit(), octets)
            self.assertEqual((two.signature, two.mitm, two.passive), flags)
            self.assertEqual(two.client_id, "vox6")
            self.assertEqual((two.hashes, two.ciphers, two.auth_tags), lists[:3])

    def test_unused_bits_are_ignored(self):
        octets = bytearray(BZRTP_HELLO)
        octets[76] |= 0x8F
        octets[77] |= 0xF0
        self.assertEqual(m.parse(bytes(octets)).hashes, ["S256", "S384"])

    def test_refused(self):
        bad = bytearray(BZRTP_HELLO)
        bad[79] += 1  # one more SAS type than there is
        self.assertRaises(FormatError, m.parse, bytes(bad))
        eight = m.Hello("", bytes(32), bytes(12), (["S256"] * 8, [], [], [], [])).emit()
        self.assertRaises(FormatError, m.parse, eight)
        self.assertRaises(FormatError, m.parse, sized(BZRTP_HELLO, 21))

    def test_strange_octets_become_marks(self):
        hello = m.Hello("vox6", bytes(32), bytes(12), (["S256"], [], [], [], []))
        octets = hello.emit().replace(b"S256", b"S2\xff\x00").replace(b"vox6", b"v\xffx\n")
        hello = m.parse(octets)
        self.assertEqual(hello.hashes, ["S2??"])
        self.assertEqual(hello.client_id, "v?x?")


class TestCommit(unittest.TestCase):
    LENGTHS = {"DH3k": (32, 29), "Mult": (16, 25), "Prsh": (24, 27), "????": (32, 29)}

    def test_both_ways(self):
        for name, (length, words) in self.LENGTHS.items():
            algorithms = ("S256", "AES1", "HS32", name, "B32 ")
            octets = m.Commit(b"h" * 32, b"z" * 12, algorithms, bytes(length), b"m" * 8).emit()
            self.assertEqual(len(octets), 4 * words)
            two = m.parse(octets)
            self.assertEqual((two.algorithms, two.emit()), (algorithms, octets))
            self.assertEqual(two.mode, name if name in ("Mult", "Prsh") else "DH")
            self.assertEqual(two.event, "Commit " + two.mode)

    def test_refused(self):
        for name, (_, words) in self.LENGTHS.items():
            algorithms = ("S256", "AES1", "HS32", name, "B32 ")
            octets = m.Commit(bytes(32), bytes(12), algorithms, bytes(32)).emit()
            for other in (20, 24, 25, 26, 27, 28, 29, 30):
                if other != words:
                    self.assertRaises(FormatError, m.parse, sized(octets, other))


class TestOthers(unittest.TestCase):
    def test_dhpart(self):
        ids = [bytes([i] * 8) for i in range(4)]
        for sort in (m.DHPart1, m.DHPart2):
            for length in (32, 64, 96, 256, 384):
                octets = sort(b"h" * 32, ids, b"p" * length, b"m" * 8).emit()
                two = m.parse(octets)
                self.assertIsInstance(two, sort)
                self.assertEqual((two.ids, two.public, two.mac), (ids, b"p" * length, b"m" * 8))
                self.assertEqual(two.emit(), octets)
            # section 5.1.5, table 5: 117 words with DH3k
            self.assertEqual(octets[2:4], b"\x00\x75")
            self.assertRaises(FormatError, m.parse, sized(octets, 20))

    def test_confirm(self):
        for sort in (m.Confirm1, m.Confirm2, m.SASrelay):
            octets = sort(b"m" * 8, b"i" * 16, b"e" * 40).emit()
            self.assertEqual(len(octets), 76)
            two = m.parse(octets)
            self.assertEqual((two.encrypted_mac, two.iv), (b"m" * 8, b"i" * 16))
            self.assertEqual((two.encrypted, two.emit()), (b"e" * 40, octets))
            self.assertRaises(FormatError, m.parse, sized(octets, 18))
            m.parse(sized(octets, 19 + 511))
            self.assertRaises(FormatError, m.parse, sized(octets, 19 + 512))

    def test_confirm_part(self):
        for bits in range(16):
            flags = [bool(bits & bit) for bit in (8, 4, 2, 1)]
            part = encrypted.ConfirmPart(b"0" * 32, *flags, expiration=0xFFFFFFFF)
            octets = part.emit()
            self.assertEqual(octets[32:], bytes((0, 0, 0, bits, 255, 255, 255, 255)))
            two = encrypted.ConfirmPart.parse(octets)
            self.assertEqual(
                [two.enrollment, two.verified, two.allow_clear, two.disclosure], flags
            )
        signed = encrypted.ConfirmPart(b"0" * 32, signature=b"PGP " + bytes(4 * 300)).emit()
        self.assertEqual(signed[33:35], b"\x01\x2d")
        two = encrypted.ConfirmPart.parse(b"0" * 32 + b"\xff" + signed[33:])  # unused bits
        self.assertEqual(two.signature, b"PGP " + bytes(1200))
        self.assertRaises(FormatError, encrypted.ConfirmPart.parse, signed[:-4])
        self.assertRaises(FormatError, encrypted.ConfirmPart.parse, signed[:36])

    def test_relay_part(self):
        part = encrypted.RelayPart("B256", b"s" * 32, True, False, True)
        octets = part.emit()
        self.assertEqual(octets[:8], b"\x00\x00\x00\x05B256")
        two = encrypted.RelayPart.parse(octets)
        self.assertEqual((two.sas_type, two.sashash), ("B256", b"s" * 32))
        self.assertEqual((two.verified, two.allow_clear, two.disclosure), (True, False, True))
        self.assertRaises(FormatError, encrypted.RelayPart.parse, octets + bytes(4))
        self.assertRaises(FormatError, encrypted.RelayPart.parse, octets[:36])

    def test_small_ones(self):
        table = (
            (m.HelloACK(), "505a000348656c6c6f41434b"),
            (m.Conf2ACK(), "505a0003436f6e663241434b"),
            (m.ErrorACK(), "505a00034572726f7241434b"),
            (m.ClearACK(), "505a0003436c65617241434b"),
            (m.RelayACK(), "505a000352656c617941434b"),
            (m.Error(0x100), "505a00044572726f7220202000000100"),
            (m.GoClear(b"12345678"), "505a0005476f436c656172203132333435363738"),
            (m.Ping("1.10", b"endpoint"), "505a000650696e6720202020312e3130656e64706f696e74"),
            (
                m.PingACK(b"endpoint", b"of ping!", 0x01020304),
                "505a000950696e6741434b20312e3130656e64706f696e746f662070696e672101020304",
            ),
        )
        for message, octets in table:
            octets = bytes.fromhex(octets)
            self.assertEqual(message.emit(), octets)
            two = m.parse(octets)
            self.assertIs(type(two), type(message))
            self.assertEqual(two.emit(), octets)
            self.assertRaises(FormatError, m.parse, sized(octets, len(octets) // 4 + 1))
            self.assertRaises(FormatError, m.parse, octets + bytes(4))
            self.assertRaises(FormatError, m.parse, octets[:-4])

    def test_refused(self):
        for octets in (
            b"",
            b"\x50\x5a\x00\x03",
            b"\x50\x5b\x00\x03HelloACK",
            b"\x50\x5a\x00\x03HelloAck",
            b"\x50\x5a\x00\x04HelloACK",
            b"\x50\x5a\x00\x00HelloACK",
        ):
            self.assertRaises(FormatError, m.parse, octets)


if __name__ == "__main__":
    unittest.main()
