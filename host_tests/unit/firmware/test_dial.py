# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What somebody typed, and whom it means."""

import unittest

from firmware.net.network import Network
from firmware.phone import dial
from firmware.ui import wording
from host_tests.unit.firmware import doubles


class Account:
    """An account with a proxy."""

    domain = "example.org"
    has_server = True
    peer = (b"p" * 16, 5060)


class Dial(unittest.TestCase):
    def setUp(self):
        net6 = doubles.Net6(
            doubles.World(), [doubles.address("fe80:2::1"), doubles.address("2001:db8::1")]
        )
        self.network = Network(net6)
        self.network.start(lambda: None)
        self.account = Account()

    def resolve(self, text, account=None):
        target = dial.resolve(text, account, self.network)
        return target.uri, target.peer

    def refused(self, text, words, account=None):
        with self.assertRaises(dial.DialError) as caught:
            dial.resolve(text, account, self.network)
        self.assertEqual(str(caught.exception), words)

    def test_addresses(self):
        peer = (doubles.address("2001:db8::b"), 5060)
        for text, uri in (
            ("sip:bob@[2001:db8::b]", "sip:bob@[2001:db8::b]"),
            ("bob@[2001:db8::b]", "sip:bob@[2001:db8::b]"),
            ("[2001:db8::b]", "sip:[2001:db8::b]"),
            ("2001:db8::b", "sip:[2001:db8::b]"),
            (" sip:[2001:DB8::B] ", "sip:[2001:DB8::B]"),
            ("sip:bob@[2001:db8::b];transport=udp", "sip:bob@[2001:db8::b];transport=udp"),
        ):
            self.assertEqual(self.resolve(text), (uri, peer))
            self.assertEqual(self.resolve(text, self.account), (uri, peer))
        self.assertEqual(
            self.resolve("bob@[2001:db8::b]:5070"),
            ("sip:bob@[2001:db8::b]:5070", (doubles.address("2001:db8::b"), 5070)),
        )
        self.assertEqual(self.resolve("::1")[1][0], doubles.address("::1"))

    def test_link_local_zone_stays_at_home(self):
        for text in ("a@[fe80::9%2]", "sip:a@[fe80::9%252]", "a@[fe80::9]"):
            self.assertEqual(
                self.resolve(text), ("sip:a@[fe80::9]", (doubles.address("fe80:2::9"), 5060))
            )
        self.assertEqual(self.resolve("fe80::9%7")[1][0], doubles.address("fe80:7::9"))
        self.refused("a@[fe80::9%eth9]", wording.NEED_ZONE)
        self.refused("a@[fe80::9%]", wording.BAD_ADDRESS)
        self.refused("a@[2001:db8::1%2]", wording.BAD_ADDRESS)

    def test_numbers_and_names_go_by_the_account(self):
        self.assertEqual(
            self.resolve("12 34-5", self.account), ("sip:12345@example.org", Account.peer)
        )
        self.assertEqual(self.resolve("*21#", self.account)[0], "sip:*21%23@example.org")
        self.assertEqual(self.resolve("bob", self.account)[0], "sip:bob@example.org")
        self.assertEqual(
            self.resolve("bob@other.example", self.account),
            ("sip:bob@other.example", Account.peer),
        )
        self.refused("12345", wording.NEED_ACCOUNT)
        self.account.peer = None
        self.assertEqual(self.resolve("12345", self.account), ("sip:12345@example.org", None))

    def test_names_without_a_server_are_located_by_themselves(self):
        self.account.has_server = False
        for account in (None, self.account):
            target = dial.resolve("bob@example.org", account, self.network)
            self.assertEqual(target.uri, "sip:bob@example.org")
            self.assertEqual((target.peer, target.direct), (None, True))
            self.assertEqual(target.account, account)
        self.account.has_server = True
        target = dial.resolve("bob@example.org", self.account, self.network)
        self.assertEqual((target.peer, target.direct), (Account.peer, False))

    def test_refusals(self):
        self.refused("", wording.DIALLED_NOTHING)
        self.refused("  ", wording.DIALLED_NOTHING)
        self.refused("()", wording.DIALLED_NOTHING, self.account)
        self.refused("bob@[2001:db8::b", wording.BAD_ADDRESS)
        self.refused("bob@[2001:db8::g]", wording.BAD_ADDRESS)
        self.refused("bob@[]", wording.BAD_ADDRESS)
        self.refused("bob@192.0.2.1", wording.IPV4_ADDRESS)
        self.refused("bob@[::ffff:192.0.2.1]", wording.IPV4_ADDRESS)
        self.refused("tel:+15550100", wording.BAD_NUMBER)
        self.refused("tel:+123", wording.BAD_NUMBER)
        self.refused("a b@[2001:db8::b]", wording.BAD_ADDRESS)
        self.refused("x" * 256, wording.BAD_NUMBER, self.account)

    def test_nothing_else_escapes(self):
        for char in '@[]%:;?<>"\\/ \x00é1a*#&=.':
            for form in ("%s", "%s@", "@%s", "sip:%s", "[%s]", "a@[fe80::1%s]", "a@[::1]%s"):
                text = form % char
                for account in (None, self.account):
                    try:
                        dial.resolve(text, account, self.network)
                    except dial.DialError:
                        pass

    def test_caller_text(self):
        self.assertEqual(dial.caller_text("sip:bob@[2001:db8::b]"), "bob")
        self.assertEqual(dial.caller_text("sip:bob@[2001:db8::b]", "Bob B"), "Bob B")
        self.assertEqual(dial.caller_text("sip:[2001:db8::b]"), "[2001:db8::b]")
        self.assertEqual(dial.caller_text("sip:b%20b@x"), "b b")
        self.assertEqual(dial.caller_text("tel:+12"), "tel:+12")
        self.assertEqual(dial.caller_text("::"), "::")
