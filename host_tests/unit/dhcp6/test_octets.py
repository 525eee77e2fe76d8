# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/dhcp6: messages, options, DUIDs: octets and values both ways, one invalid case a rule."""

import unittest

from host_tests.unit.dhcp6.helpers import DNS, DUID, FIRST, IAID, MAC, SECOND, octets, option
from vox6 import dhcp6
from vox6.dhcp6 import duid, message, options
from vox6.dhcp6.configuration import Configuration
from vox6.wire import FormatError, LocalProtocolError

# by hand, after the figures of RFC 8415 sections 8 and 21
REPLY = (
    b"\x07\x0a\x0b\x0c"
    b"\x00\x01\x00\x0a\x00\x03\x00\x01" + MAC + b"\x00\x02\x00\x06\x00\x02\x00\x00\x00\x01"
    b"\x00\x03\x00\x28\x01\x02\x03\x04\x00\x00\x03\x84\x00\x00\x05\xa0"
    b"\x00\x05\x00\x18" + FIRST + b"\x00\x00\x07\x08\x00\x00\x0e\x10"
    b"\x00\x17\x00\x10" + DNS
)


class MessageTest(unittest.TestCase):
    def test_both_ways(self):
        got = dhcp6.Message.parse(REPLY)
        self.assertEqual((got.msg_type, got.name, got.transaction_id), (7, "Reply", 0x0A0B0C))
        self.assertEqual(got.get(options.CLIENTID), DUID)
        self.assertEqual(got.get(options.SERVERID), b"\x00\x02\x00\x00\x00\x01")
        held = options.IANA.parse(got.get(options.IA_NA))
        self.assertEqual((held.iaid, held.t1, held.t2, held.status), (IAID, 900, 1440, 0))
        (address,) = held.addresses
        self.assertEqual((address.addr16, address.preferred, address.valid), (FIRST, 1800, 3600))
        self.assertIsNone(got.get(options.ORO))
        self.assertEqual(octets(got), REPLY)
        self.assertEqual(held.emit(), got.get(options.IA_NA))

    def test_unknown_options_survive(self):
        data = b"\x02\x00\x00\x01" + option(65000, b"xyz") + option(65000, b"") + option(1, DUID)
        self.assertEqual(octets(dhcp6.Message.parse(data)), data)

    def test_bad_messages(self):
        ends = (4, 18, 28, 72, 92)  # behind the header and each option
        for length in range(len(REPLY)):
            with self.subTest(length=length):
                if length in ends:
                    dhcp6.Message.parse(REPLY[:length])
                else:
                    self.assertRaises(FormatError, dhcp6.Message.parse, REPLY[:length])
        for kind in (0, 12, 13, 255):  # 12 and 13 are between relay agents and servers
            self.assertRaises(FormatError, dhcp6.Message.parse, bytes((kind,)) + REPLY[1:])
        dhcp6.Message.parse(REPLY[:4] + option(9, b"") * 64)
        self.assertRaises(FormatError, dhcp6.Message.parse, REPLY[:4] + option(9, b"") * 65)

    def test_too_long_to_say(self):
        made = dhcp6.Message(message.SOLICIT, 1, [(1, bytes(100))])
        self.assertRaises(LocalProtocolError, made.emit, bytearray(107))
        self.assertEqual(made.emit(bytearray(108)), 108)
        self.assertRaises(LocalProtocolError, octets, dhcp6.Message(1, 1 << 24))


class OptionTest(unittest.TestCase):
    def test_status(self):
        self.assertEqual(options.status_of([]), (0, ""))
        self.assertEqual(options.status_of([(13, b"\x00\x02no\xff\n")]), (2, "no??"))
        self.assertRaises(FormatError, options.status_of, [(13, b"\x00")])

    def test_association(self):
        inner = option(5, FIRST + bytes(8) + option(13, b"\x00\x04")) + option(13, b"\x00\x03gone")
        held = options.IANA.parse(bytes(12) + inner)
        self.assertEqual((held.status, held.status_text), (3, "gone"))
        self.assertEqual(held.addresses[0].status, 4)
        many = options.IANA.parse(bytes(12) + option(5, FIRST + bytes(8)) * 20)
        self.assertEqual(len(many.addresses), 8)
        for bad in (bytes(11), bytes(12) + b"\x00", bytes(12) + option(5, FIRST + bytes(7))):
            self.assertRaises(FormatError, options.IANA.parse, bad)
        bad = option(5, FIRST + bytes(8) + b"\x00\x0d\x00")
        self.assertRaises(FormatError, options.IANA.parse, bytes(12) + bad)

    def test_addresses(self):
        self.assertEqual(options.addresses_of(None), [])
        self.assertEqual(options.addresses_of(b""), [])
        self.assertEqual(options.addresses_of(FIRST + SECOND), [FIRST, SECOND])
        self.assertEqual(len(options.addresses_of(FIRST * 9)), 8)
        self.assertRaises(FormatError, options.addresses_of, FIRST + b"\x00")

    def test_names(self):
        data = b"\x03sip\x07example\x00\x01a\x00"
        self.assertEqual(options.names_of(data), ["sip.example", "a"])
        self.assertEqual(options.emit_names(["sip.example", "a"]), data)
        self.assertEqual(options.names_of(None), [])
        self.assertEqual(options.names_of(b"\x00\x03a.b\x00\x02a\x00\x00\x01b\x00"), ["b"])
        self.assertEqual(len(options.names_of(b"\x01a\x00" * 9)), 8)
        for bad in (
            b"\x03sip",
            b"\x03sip\x07example",
            b"\x04sip",
            b"\xc0\x00",
            b"\x40" + bytes(65),
            (b"\x3f" + b"a" * 63) * 4 + b"\x00",
        ):
            self.assertRaises(FormatError, options.names_of, bad)

    def test_numbers(self):
        self.assertEqual(options.number_of(b"\x00\x01\x51\x80"), 86400)
        self.assertIsNone(options.number_of(None))
        self.assertRaises(FormatError, options.number_of, b"\x00\x01\x51")
        self.assertRaises(FormatError, options.number_of, b"\x00\x01\x51\x80\x00")

    def test_url(self):
        self.assertEqual(options.url_of(None), "")
        self.assertEqual(options.url_of(b"https://a/b"), "https://a/b")
        for bad in (b"a b", b"a\x00", b"\xc3\xa4", b"a" * 513):
            self.assertRaises(FormatError, options.url_of, bad)

    def test_configuration(self):
        made = dhcp6.Message(message.REPLY, 1)
        made.options = [
            (options.DNS_SERVERS, DNS + bytes(16) + b"\xff\x02" + bytes(14)),
            (options.SIP_SERVER_A, b"\x01"),  # malformed: absent
            (options.SIP_SERVER_D, b"\x03sip\x07example\x00"),
            (options.BOOTFILE_URL, b"tftp://[2001:db8::1]/a"),
            (options.DOMAIN_LIST, b"\x07example\x00"),
        ]
        got = Configuration.of(made)
        self.assertEqual(got.dns_servers, [DNS])
        self.assertEqual((got.sip_servers, got.sip_domains), ([], ["sip.example"]))
        self.assertEqual(got.boot_file_url, "tftp://[2001:db8::1]/a")
        self.assertEqual(got.domain_list, ["example"])
        self.assertEqual(got, Configuration.of(made))
        made.options.pop()
        self.assertNotEqual(got, Configuration.of(made))


class DUIDTest(unittest.TestCase):
    def test_kinds(self):
        self.assertEqual(duid.link_layer(MAC), b"\x00\x03\x00\x01" + MAC)
        self.assertEqual(
            duid.link_layer_time(MAC, 0x01020304), b"\x00\x01\x00\x01\x01\x02\x03\x04" + MAC
        )
        self.assertEqual(duid.uuid(bytes(16)), b"\x00\x04" + bytes(16))

    def test_lengths(self):
        self.assertRaises(LocalProtocolError, duid.uuid, bytes(15))
        self.assertRaises(LocalProtocolError, duid.checked, b"\x00\x03")
        self.assertRaises(LocalProtocolError, duid.checked, bytes(131))
        duid.checked(bytes(130))


if __name__ == "__main__":
    unittest.main()
