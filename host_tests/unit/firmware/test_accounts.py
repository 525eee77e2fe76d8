# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Accounts against a registrar that does as the test says."""

import unittest

from firmware import log
from host_tests.unit.firmware import doubles
from vox6.sip.message import parse

SERVER = "2001:db8::53"
CHALLENGE = 'Digest realm="example.org", nonce="abc", algorithm=MD5, qop="auth"'


class Registrar:
    """A server at SERVER port 5060. statuses: what it answers in turn, the last for ever."""

    def __init__(self, world):
        self.net6 = doubles.Net6(world, [doubles.address(SERVER)])
        self.endpoint = self.net6.Endpoint(None, 5060, 100)
        self.clock = world.clock
        self.driver = self
        self.phone = self
        self.requests = []
        self.statuses = [401, 200]
        world.phones.append(self)

    def get_timer(self):
        return None

    def step(self):
        buffer = bytearray(4096)
        got = self.endpoint.recv_into(buffer)
        if got is None:
            return False
        request = parse(bytes(buffer[: got[0]]))
        self.requests.append(request)
        status = self.statuses[0]
        if len(self.statuses) > 1:
            self.statuses.pop(0)
        if not status:
            return True
        response = request.response(status, None, "tag")
        if status == 401:
            response.add("WWW-Authenticate", CHALLENGE)
        if status == 200:
            for value in request.values("contact"):
                response.add("Contact", value)
        self.endpoint.send(response.emit(), got[1], got[2])
        return True


class Accounts(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.registrar = Registrar(self.world)

    def tearDown(self):
        log.start(None, None)

    def phone(self, *changes):
        base = [
            ("account.1.uri", "sip:alice@example.org"),
            ("account.1.password", "s3cret"),
            ("account.1.registrar", "sip:example.org"),
            ("account.1.proxy", "sip:[2001:db8::53]"),
        ]
        phone = doubles.TestPhone(self.world, ["2001:db8::a"], base + list(changes))
        phone.driver.drain()
        self.world.settle()
        return phone

    def test_registers_with_digest_and_refreshes(self):
        phone = self.phone()
        self.assertEqual(phone.phone.accounts.all[0].state, "registered")
        self.assertIn("1 alice: registered", phone.text())
        self.assertEqual(len(self.registrar.requests), 2)
        credentials = self.registrar.requests[1].values("authorization")
        self.assertIn('username="alice"', credentials[0])
        self.assertIn("expires=300", self.registrar.requests[1].values("contact")[0])
        self.world.run(300000)
        self.assertTrue(len(self.registrar.requests) >= 3)
        self.assertEqual(phone.phone.accounts.all[0].state, "registered")

    def test_wrong_password_is_not_fed_again(self):
        self.registrar.statuses = [401]
        phone = self.phone()
        self.assertIn("password refused", phone.text())
        self.assertEqual(phone.lamps.state["message"], "flash")
        count = len(self.registrar.requests)
        self.world.run(14 * 60000)
        self.assertEqual(len(self.registrar.requests), count)
        self.registrar.statuses = [401, 200]
        self.world.run(17 * 60000)
        self.assertEqual(phone.phone.accounts.all[0].state, "registered")
        self.assertEqual(len(phone.agent.registrations), 1)

    def test_silent_server_is_tried_again(self):
        self.registrar.statuses = [0]
        phone = self.phone()
        self.assertIn("registering", phone.text())
        self.world.run(33000)
        self.assertIn("server silent", phone.text())
        self.registrar.statuses = [200]
        self.world.run(62000)  # RFC 5626 section 4.5: 30 to 60 s after the first failure
        self.assertIn("registered", phone.text())

    def test_refusals_in_words(self):
        self.registrar.statuses = [403]
        self.assertIn("password refused", self.phone().text())
        self.registrar.statuses = [404]
        phone = self.phone(("sip.port", 5070))
        self.assertIn("404 Not Found", phone.text())

    def test_digits_go_by_the_proxy(self):
        phone = self.phone()
        self.registrar.statuses = [486]
        phone.press("123", "call")
        invite = self.registrar.requests[-2]
        self.assertEqual(invite.method, "INVITE")
        self.assertEqual(invite.uri_text, "sip:123@example.org")
        self.assertIn("sip:alice@example.org", invite.values("from")[0])
        self.assertIn("486 Busy Here", phone.text())

    def test_registrar_by_name_without_dns(self):
        phone = self.phone(("account.1.proxy", ""))
        self.assertIn("No DNS server", phone.text())
        self.assertEqual(self.registrar.requests, [])

    def test_two_accounts(self):
        phone = self.phone(
            ("account.2.uri", "sip:work@example.org"),
            ("account.2.registrar", "sip:[2001:db8::53]"),
            ("dial.account", 2),
        )
        states = [account.state for account in phone.phone.accounts.all]
        self.assertEqual(len(states), 2)
        self.assertEqual(phone.phone.accounts.for_digits().number, 2)
        phone.settings.set("account.2.uri", "")
        phone.phone.reload()
        self.world.settle()
        self.assertEqual(phone.phone.accounts.for_digits().number, 1)

    def test_four_accounts_and_one_chosen_for_a_call(self):
        self.registrar.statuses = [200]
        phone = self.phone(
            *[
                ("account.%d.%s" % (number, name), value % number)
                for number in (2, 3, 4)
                for name, value in (
                    ("uri", "sip:user%d@example.org"),
                    ("registrar", "sip:r%d.example.org"),
                    ("proxy", "sip:[2001:db8::53];n=%d"),
                )
            ]
        )
        states = [account.state for account in phone.phone.accounts.all]
        self.assertEqual(states, ["registered"] * 4)
        self.registrar.statuses = [486]
        phone.press("12", "down", "down", "down")
        self.assertIn("by user3", phone.text())
        phone.press("3", "up")
        self.assertIn("by user2", phone.text())
        phone.press("call")
        invite = self.registrar.requests[-2]
        self.assertEqual(invite.uri_text, "sip:123@example.org")
        self.assertIn("sip:user2@example.org", invite.values("from")[0])
        phone.press("ok", "4", "up", "down")  # once round: the default, and only for that call
        self.assertNotIn("by ", phone.text())
        phone.press("call")
        self.assertIn("sip:alice@example.org", self.registrar.requests[-2].values("from")[0])

    def test_reload_takes_new_settings(self):
        phone = self.phone()
        phone.settings.set("account.1.uri", "sip:eve@example.org")
        self.registrar.requests.clear()
        self.registrar.statuses = [200]
        phone.phone.reload()
        self.world.settle()
        self.assertIn("1 eve: registered", phone.text())
        expires = [request.values("contact")[0] for request in self.registrar.requests]
        self.assertTrue(any([text.endswith("expires=0") for text in expires]))
        self.assertEqual(len(phone.agent.registrations), 1)

    def test_a_new_address_is_registered(self):
        phone = self.phone()
        self.registrar.requests.clear()
        self.registrar.statuses = [200]
        phone.net6.own[0] = doubles.address("2001:db8::aa")
        phone.net6.signal.raised = True
        self.world.settle()
        self.assertIn("[2001:db8::aa]", self.registrar.requests[0].values("contact")[0])

    def test_an_address_that_comes_late(self):
        phone = doubles.TestPhone(
            self.world,
            [],
            [
                ("account.1.uri", "sip:alice@example.org"),
                ("account.1.registrar", "sip:[2001:db8::53]"),
            ],
        )
        self.registrar.statuses = [200]
        self.world.settle()
        self.assertEqual(self.registrar.requests, [])
        self.assertIn("Looking for IPv6", phone.text())
        self.world.run(10000)
        self.assertIn("No IPv6 address", phone.text())
        phone.net6.own.append(doubles.address("2001:db8::a"))
        phone.net6.signal.raised = True
        self.world.settle()
        self.assertIn("registered", phone.text())
