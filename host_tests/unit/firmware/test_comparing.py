# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The words of a call compared, the peer's name given and kept."""

from firmware.phone import tones
from host_tests.unit.firmware import doubles
from host_tests.unit.firmware.calls import BOB, SecureCase
from vox6.wire.errors import LocalProtocolError


class TestCompared(SecureCase):
    def test_same_and_the_name_stays(self):
        self.call()
        self.alice.press("ok")
        self.assertEqual(self.security(self.alice), "verified")
        self.assertIn("Who is it?", self.alice.text())
        self.assertIn("bob_", self.alice.text())
        self.alice.press("Robert", "ok")
        sas = self.alice.phone.security.sas(1)
        self.assertEqual(self.alice.screen.lines[1], "SAS %s  Robert" % sas)
        self.assertEqual(self.lamps(), ["off", "flash"])
        self.assertEqual(self.security(self.bob), "encrypted")
        self.hang_up()
        for i in range(3):
            if i == 2:  # after a restart
                self.alice.phone.security.cache._load()
            self.call()
            self.assertEqual(self.security(self.alice), "verified")
            self.assertIn("  Robert", self.alice.screen.lines[1])
            self.assertNotIn(sas, self.alice.text())
            self.assertEqual(self.lamps(), ["off", "flash"])
            self.hang_up()
        self.assert_nothing_left()

    def test_the_name_that_is_offered_is_taken(self):
        self.call()
        self.bob.press("ok", "ok")
        self.assertEqual(self.bob.phone.security.known()[0][1:], (True, "phone"))

    def test_a_call_that_ends_while_the_name_is_typed_is_verified(self):
        self.call()
        self.alice.press("ok", "Bo")
        self.bob.press("hangup")
        self.assertIn("They hung up", self.alice.text())
        self.assertEqual(self.alice.phone.security.known()[0][1:], (True, ""))
        self.assertEqual(self.alice.console.mode, "idle")
        self.alice.press("5")
        self.assertEqual(self.alice.console.mode, "dial")
        self.alice.press("hangup")
        self.bob.press("ok")
        self.world.run(10000)
        self.call()
        self.assertIn("  verified", self.alice.screen.lines[1])

    def test_hang_up_while_the_name_is_typed(self):
        self.call()
        self.alice.press("ok", "Bo", "hangup")
        self.assertEqual(self.alice.states()[0], "ended")
        self.assertEqual(self.alice.console.mode, "idle")
        self.bob.press("ok")
        self.call()
        self.bob.press("ok")
        self.bob.console.key("hook", True)
        self.bob.console.key("hook", False)
        self.world.settle()
        self.assertEqual(self.bob.states()[0], "ended")
        self.assertEqual(self.bob.console.mode, "idle")

    def test_a_call_that_comes_in_breaks_off_the_name(self):
        carol = doubles.TestPhone(self.world, ["2001:db8::c"])
        self.call()
        self.bob.press("ok", "Al")
        carol.press(BOB, "call")
        self.assertEqual(self.bob.console.mode, "idle")
        self.assertIn("Waiting: phone", self.bob.text())
        self.assertEqual(self.security(self.bob), "verified")

    def test_digits_make_a_name(self):
        self.call()
        self.alice.press("ok")
        for key, times in (("2", 2), ("6", 3), ("2", 2)):
            for _ in range(times):
                self.alice.press(key)
                self.world.run(100)
            self.world.run(1500)
        self.assertIn("Bob_", self.alice.text())
        self.alice.press("back", "back", "back", "back", "0", "ok")
        self.assertEqual(self.alice.phone.security.known()[0][2], "")

    def test_rename_in_a_verified_call(self):
        self.call()
        self.alice.press("ok", "One", "ok", "ok")
        self.assertIn("One_", self.alice.text())
        self.alice.press("Two", "ok")
        self.assertIn("  Two", self.alice.screen.lines[1])
        self.assertEqual(len(self.alice.phone.security.known()), 1)

    def test_different(self):
        self.call()
        self.alice.press("back")
        self.assertIn("Is the SAS different?", self.alice.text())
        self.alice.press("back")
        self.assertEqual(self.security(self.alice), "encrypted")
        self.alice.press("back", "ok")
        self.assertEqual(self.security(self.alice), "different")
        self.assertIn("SAS DIFFERS: LISTENER", self.alice.text())
        self.assertIn("Tell nothing secret", self.alice.text())
        self.assertEqual(self.alice.media.sounding, tones.TONES["alarm"][0])
        self.assertEqual(self.alice.lamps.state["security"], "on")
        self.assertEqual(self.alice.phone.security.known(), [])
        self.world.run(4000)
        self.assertEqual(self.alice.media.sounding, None)
        self.assertIn("SAS DIFFERS: LISTENER", self.alice.text())
        self.assertEqual(self.alice.states()[0], "talking")

    def test_a_verified_peer_that_differs_is_not_verified_any_more(self):
        self.call()
        self.alice.press("ok", "ok")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "verified")
        self.alice.press("back", "ok")
        self.assertEqual(self.security(self.alice), "different")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "encrypted")
        self.assertEqual(self.security(self.bob), "mismatch")

    def test_a_lost_cache_is_said_plainly(self):
        self.call()
        self.alice.press("ok", "Robert", "ok")
        self.bob.press("ok", "ok")
        self.hang_up()
        self.bob.disk.files.clear()
        self.bob.phone.security.cache._index = bytearray()  # the same ZID, no secrets
        self.call()
        self.assertEqual(self.security(self.alice), "mismatch")
        self.assertEqual(self.security(self.bob), "encrypted")
        self.assertIn("compare!", self.alice.screen.lines[1])
        self.assertIn("WARNING: keys changed", self.alice.text())
        self.assertNotIn("Robert", self.alice.text())
        self.assertEqual(self.lamps(), ["flash", "flash"])
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "mismatch")  # on every call until compared
        self.assertEqual(self.security(self.bob), "mismatch")  # Alice kept her old secret
        self.alice.press("ok", "ok")
        self.bob.press("ok", "ok")
        self.assertEqual(self.security(), "verified")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(), "verified")

    def test_one_who_compares_at_once_needs_no_other(self):
        self.call()
        self.alice.press("ok", "ok")
        self.hang_up()
        self.bob.disk.files.clear()
        self.bob.phone.security.cache._index = bytearray()
        self.call()
        self.assertEqual(self.security(self.alice), "mismatch")
        self.alice.press("ok", "ok")
        self.hang_up()
        self.call()
        self.assertEqual(self.security(self.alice), "verified")
        self.assertEqual(self.security(self.bob), "encrypted")

    def test_a_cache_that_cannot_be_written_is_said(self):
        self.call()

        def full(path):
            raise OSError(28, "as the test wants")

        self.alice.disk.create = full
        self.alice.press("ok", "ok")
        self.assertEqual(self.security(self.alice), "verified")
        self.assertIn("Not saved: see log", self.alice.text())
        self.assertEqual(self.alice.driver.counters["faults"], 0)

    def test_known_keys_in_the_menu(self):
        self.call()
        self.alice.press("ok", "Robert", "ok")
        self.hang_up()
        self.alice.press("ok", "up", "down", "down", "down", "down", "down", "ok")
        self.assertIn("Known keys", self.alice.text())
        self.assertIn("Robert: verified", self.alice.text())

    def test_console(self):
        security = self.alice.phone.security
        self.assertEqual((security.state(1), security.sas(1), security.known()), (None, None, []))
        self.assertRaises(LocalProtocolError, security.confirm, 1)
        self.call()
        self.assertRaises(LocalProtocolError, security.name, 1, "Bob")
        security.confirm(1, "Bob")
        self.assertEqual(security.state(1), "verified")
        security.name(1, "Robert")
        self.assertEqual([entry[1:] for entry in security.known()], [(True, "Robert")])
        security.name(1, "")  # no name is no other name
        self.assertEqual([entry[1:] for entry in security.known()], [(True, "Robert")])
        self.assertEqual(self.alice.phone.lines[0].audio.protection.name, "Robert")
        self.assertEqual(security.known()[0][0],
                         "".join(["%02x" % octet for octet in self.bob.cache.zid]))  # fmt: skip
        security.deny(1)
        self.assertEqual(security.state(1), "different")
        self.hang_up()
        self.call()
        self.hang_up()
        self.assertEqual(security.forget("nobody"), 0)
        self.assertEqual(security.forget(security.known()[0][0]), 1)
        self.assertEqual(security.known(), [])
        self.call()
        self.assertEqual(self.security(self.alice), "encrypted")
