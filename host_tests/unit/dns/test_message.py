# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dns/message.py and rdata.py: octets and values both ways, one invalid case a rule."""

import unittest

from host_tests.unit.dns.helpers import HOST, octets
from vox6 import dns
from vox6.dns import message, rdata
from vox6.wire import FormatError, LocalProtocolError

# made by hand; host_tests/unit/dns/test_fuzz_dns.py has dnspython's
QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03sip\x07example\x00\x00\x1c\x00\x01"
QUERY_EDNS = QUERY[:11] + b"\x01" + QUERY[12:] + b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
ANSWER = (
    b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
    b"\x03sip\x07example\x00\x00\x1c\x00\x01"
    b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01a\xc0\x10"
    b"\xc0\x29\x00\x1c\x00\x01\x00\x00\x00\x1e\x00\x10" + HOST
)
DATA = (
    (rdata.AddressData(dns.A, b"\xc0\x00\x02\x01"), b"\xc0\x00\x02\x01"),
    (rdata.AddressData(dns.AAAA, HOST), HOST),
    (rdata.NameData(dns.PTR, "a.b"), b"\x01a\x01b\x00"),
    (rdata.NameData(rdata.NS, "."), b"\x00"),
    (rdata.SRVData(1, 2, 5060, "a"), b"\x00\x01\x00\x02\x13\xc4\x01a\x00"),
    (
        rdata.NAPTRData(50, 51, b"s", b"SIP+D2U", b"", "_sip._udp.a"),
        b"\x00\x32\x00\x33\x01s\x07SIP+D2U\x00\x04_sip\x04_udp\x01a\x00",
    ),
    (
        rdata.NAPTRData(1, 1, b"u", b"E2U+sip", b"!^.*$!sip:a@b!", "."),
        b"\x00\x01\x00\x01\x01u\x07E2U+sip\x0e!^.*$!sip:a@b!\x00",
    ),
    (rdata.TXTData((b"one", b"", b"\xff")), b"\x03one\x00\x01\xff"),
    (
        rdata.SOAData("a", "b", 1, 2, 3, 4, 0xFFFFFFFF),
        b"\x01a\x00\x01b\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04"
        b"\xff\xff\xff\xff",
    ),
    (rdata.Unknown(999, b"xyz"), b"xyz"),
    (rdata.Unknown(999, b""), b""),
)


def record(rtype, data, rclass=1, ttl=b"\x00\x00\x00\x05", owner=b"\x00"):
    head = rtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl
    return owner + head + len(data).to_bytes(2, "big") + data


def response(answers, counts=(0, 1, 0, 0), flags=b"\x81\x80"):
    head = b"\x00\x01" + flags
    for count in counts:
        head += count.to_bytes(2, "big")
    return head + answers


class MessageTest(unittest.TestCase):
    def test_query(self):
        query = dns.Message(0x1234)
        query.questions.append(dns.Question("sip.example", dns.AAAA))
        self.assertEqual(octets(query), QUERY)
        query.udp_size = 1232
        self.assertEqual(octets(query), QUERY_EDNS)
        back = dns.Message.parse(QUERY_EDNS)
        self.assertEqual(back.questions, query.questions)
        self.assertEqual((back.id, back.flags, back.rcode), (0x1234, message.RD, 0))
        self.assertEqual((back.udp_size, back.options), (1232, ()))
        self.assertFalse(back.is_response)
        self.assertFalse(back.additional)

    def test_answer(self):
        answer = dns.Message.parse(ANSWER)
        self.assertTrue(answer.is_response)
        self.assertEqual(
            answer.answers,
            [
                dns.Record("sip.example", 60, rdata.NameData(dns.CNAME, "a.example")),
                dns.Record("a.example", 30, rdata.AddressData(dns.AAAA, HOST)),
            ],
        )
        self.assertEqual(octets(answer), ANSWER)
        self.assertIsNone(answer.udp_size)

    def test_each_type(self):
        for data, wire in DATA:
            with self.subTest(data=repr(data)):
                octets_of = response(record(data.rtype, wire))
                back = dns.Message.parse(octets_of)
                self.assertEqual(back.answers, [dns.Record(".", 5, data)])
                self.assertEqual(octets(back), octets_of)

    def test_names_of_data_may_be_compressed_on_arrival(self):
        # RFC 2782 forbids it to the sender of SRV; old servers did so
        owner = b"\x01a\x00"
        got = dns.Message.parse(
            response(record(dns.SRV, b"\x00\x01\x00\x02\x13\xc4\xc0\x0c", owner=owner))
        )
        self.assertEqual(got.answers[0].data, rdata.SRVData(1, 2, 5060, "a"))
        self.assertIn(b"\x13\xc4\x01a\x00", octets(got))

    def test_data_of_a_wrong_length(self):
        for rtype, data in (
            (dns.AAAA, HOST[:15]),
            (dns.AAAA, HOST + b"\x00"),
            (dns.A, b"\x01\x02\x03"),
            (dns.CNAME, b""),
            (dns.CNAME, b"\x01a\x00\x00"),
            (dns.SRV, b"\x00\x01\x00\x02\x13"),
            (dns.SRV, b"\x00\x01\x00\x02\x13\xc4"),
            (dns.NAPTR, b"\x00\x01\x00\x01\x05s"),
            (dns.TXT, b""),
            (dns.TXT, b"\x04abc"),
            (dns.TXT, b"\x00" * 65),
            (rdata.SOA, b"\x00\x00" + bytes(19)),
        ):
            with self.subTest(rtype=rtype, data=data):
                self.assertRaises(FormatError, dns.Message.parse, response(record(rtype, data)))

    def test_a_record_ends_where_it_says(self):
        # RDLENGTH 2 of a name that goes on into the next record
        cut = b"\x00\x00\x05\x00\x01\x00\x00\x00\x05\x00\x02\x01a\x00"
        self.assertRaises(FormatError, dns.Message.parse, response(cut))

    def test_truncated(self):
        for length in range(len(ANSWER)):
            self.assertRaises(FormatError, dns.Message.parse, ANSWER[:length])
        # with TC set only the question counts
        cut = ANSWER[:2] + b"\x83\x80" + ANSWER[4:40]
        got = dns.Message.parse(cut)
        self.assertTrue(got.truncated)
        self.assertEqual(got.questions, [dns.Question("sip.example", dns.AAAA)])
        self.assertFalse(got.answers)

    def test_counts_are_bounded(self):
        many = response(record(dns.A, b"\x01\x02\x03\x04") * 129, (0, 129, 0, 0))
        self.assertRaises(FormatError, dns.Message.parse, many)
        most = response(record(dns.A, b"\x01\x02\x03\x04") * 128, (0, 64, 32, 32))
        self.assertEqual(len(dns.Message.parse(most).additional), 32)
        self.assertRaises(FormatError, dns.Message.parse, response(b"", (5, 0, 0, 0)))

    def test_ttl_with_the_top_bit_is_none(self):
        got = dns.Message.parse(response(record(dns.AAAA, HOST, ttl=b"\x80\x00\x00\x01")))
        self.assertEqual(got.answers[0].ttl, 0)

    def test_edns(self):
        made = dns.Message(7, message.QR, message.BADVERS)
        self.assertRaises(LocalProtocolError, octets, made)
        made.udp_size = 4096
        made.edns_version = 1
        made.edns_flags = 0x8000
        made.options = ((10, b"cookie12"), (12, b""))
        back = dns.Message.parse(octets(made))
        self.assertEqual(back.rcode, message.BADVERS)
        self.assertEqual((back.udp_size, back.edns_version, back.edns_flags), (4096, 1, 0x8000))
        self.assertEqual(back.options, made.options)

    def test_misplaced_edns(self):
        opt = record(rdata.OPT, b"", 1232)
        self.assertEqual(dns.Message.parse(response(opt, (0, 0, 0, 1))).udp_size, 1232)
        for octets_of in (
            response(opt, (0, 1, 0, 0)),
            response(opt, (0, 0, 1, 0)),
            response(opt + opt, (0, 0, 0, 2)),
            response(record(rdata.OPT, b"", owner=b"\x01a\x00"), (0, 0, 0, 1)),
            response(record(rdata.OPT, b"\x00\x01\x00"), (0, 0, 0, 1)),
            response(record(rdata.OPT, b"\x00\x01\x00\x00" * 17), (0, 0, 0, 1)),
        ):
            self.assertRaises(FormatError, dns.Message.parse, octets_of)

    def test_what_cannot_be_said(self):
        self.assertRaises(LocalProtocolError, rdata.AddressData, dns.AAAA, b"\x01")
        self.assertRaises(LocalProtocolError, rdata.TXTData, ())
        made = dns.Message(0)
        made.answers.append(dns.Record("a", 1, rdata.TXTData((bytes(256),))))
        self.assertRaises(LocalProtocolError, octets, made)
        made = dns.Message(0x10000)
        self.assertRaises(LocalProtocolError, octets, made)
        made = dns.Message(0)
        made.questions.append(dns.Question("a", 1))
        self.assertRaises(LocalProtocolError, made.emit, bytearray(18))
        self.assertEqual(made.emit(bytearray(19)), 19)

    def test_names_compare_without_case(self):
        self.assertEqual(rdata.NameData(dns.CNAME, "A.b"), rdata.NameData(dns.CNAME, "a.B"))
        self.assertNotEqual(rdata.NameData(dns.CNAME, "a"), rdata.NameData(dns.PTR, "a"))
        self.assertNotEqual(rdata.SRVData(1, 2, 3, "a"), rdata.SRVData(1, 2, 4, "a"))


if __name__ == "__main__":
    unittest.main()
