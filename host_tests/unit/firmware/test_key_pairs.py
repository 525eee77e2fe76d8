# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Key pairs are made ahead, while the phone is idle, and each serves once."""

from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, GOOD_OFFER, SecureCase


class TestKeyPairs(SecureCase):
    def counters(self):
        return self.alice.phone.security.key_pairs.counters

    def test_made_only_while_idle(self):
        self.assertEqual(self.counters()["prepared"], 0)
        self.call()
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 0)
        self.alice.press("hangup")
        self.world.run(2000)
        self.assertEqual(self.counters()["prepared"], 0)  # the end is still on the screen
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 2)  # X25519, DH3k
        self.world.run(100000)
        self.assertEqual(self.counters()["prepared"], 2)

    def test_not_while_it_rings(self):
        self.alice.press(BOB, "call")
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 0)
        self.assertEqual(self.bob.phone.security.key_pairs.counters["prepared"], 0)

    def test_not_while_a_transaction_is_open(self):
        peer = doubles.address("2001:db8::99")
        self.alice.agent.invite("sip:x@[2001:db8::99]", (peer, 5060), 0, GOOD_OFFER)
        self.alice.driver.drain()
        self.world.run(20000)
        self.assertEqual(self.counters()["prepared"], 0)
        self.world.run(60000)
        self.assertEqual(self.counters()["prepared"], 2)

    def test_used_once_and_made_again(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.key_agreements", "DH3k")
        self.world.run(5000)
        self.assertEqual(self.counters()["prepared"], 1)
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.counters()["taken"], 1)
        self.hang_up()
        self.assertEqual(self.counters(), {"prepared": 2, "taken": 1, "made_in_call": 0})

    def test_what_the_owner_prefers_is_ready_too(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.key_agreements", "EC25 DH3k")
            phone.settings.set("security.ciphers", "AES3 AES1")
        self.world.run(10000)
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.counters(), {"prepared": 2, "taken": 1, "made_in_call": 0})

    def test_none_ready_is_made_in_the_call(self):
        for phone in (self.alice, self.bob):
            phone.settings.set("security.key_agreements", "DH3k")
        self.call()
        self.assertEqual(self.security(), "encrypted")
        self.assertEqual(self.counters(), {"prepared": 0, "taken": 0, "made_in_call": 1})

    def test_nobody_who_does_not_encrypt_prepares(self):
        self.alice.settings.set("security.zrtp", "no")
        self.world.run(50000)
        self.assertEqual(self.counters()["prepared"], 0)
