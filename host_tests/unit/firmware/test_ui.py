# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Words that fit, screens of any size, keys, lamps, tones."""

import unittest

from firmware import log
from firmware.phone import tones
from firmware.ui import keys, screens, wording
from host_tests.unit.firmware import doubles


class Wording(unittest.TestCase):
    def test_every_text_fits_the_screen(self):
        for name in dir(wording):
            value = getattr(wording, name)
            if name.isupper() and isinstance(value, str):
                if "%" not in value:
                    self.assertTrue(len(value) <= 21, name)
        for item in wording.MENU_ITEMS:
            self.assertTrue(len(item) <= 20)
        for status, _ in wording.STATUS:
            self.assertTrue(len(wording.status_text(status)) <= 21)
        self.assertEqual(wording.status_text(486), "486 Busy Here")
        self.assertEqual(wording.status_text(418, "Teapot"), "418 Teapot")
        self.assertEqual(wording.status_text(418), "Failed: 418")

    def test_duration(self):
        self.assertEqual(screens.duration(0), "0:00")
        self.assertEqual(screens.duration(61999), "1:01")
        self.assertEqual(screens.duration(3661000), "1:01:01")


class Tones(unittest.TestCase):
    def test_shape(self):
        for name in list(tones.TONES) + ["ringing"]:
            found, repeat = tones.segments(name)
            self.assertIn(repeat, (True, False))
            for f1, f2, level, on_ms, off_ms in found:
                self.assertTrue(300 <= f1 <= 3400)
                self.assertTrue(f2 == 0 or 300 <= f2 <= 3400)
                self.assertTrue(-60 <= level <= 0)
                self.assertTrue(on_ms > 0 and off_ms >= 0)

    def test_volume(self):
        self.assertEqual(tones.segments("ringing", 0), None)
        loud = tones.segments("ringing", 10)[0][0][2]
        soft = tones.segments("ringing", 1)[0][0][2]
        self.assertTrue(soft < loud)


class Keys(unittest.TestCase):
    def test_table(self):
        self.assertEqual(keys.action("idle", "5"), "type")
        self.assertEqual(keys.action("dial", "["), "type")
        self.assertEqual(keys.action("talking", "5"), "digit")
        self.assertEqual(keys.action("talking", "e"), None)
        self.assertEqual(keys.action("held", "5"), None)
        self.assertEqual(keys.action("incoming", "call"), "answer")
        self.assertEqual(keys.action("outgoing", "hangup"), "hangup")
        self.assertEqual(keys.action("talking", "line2"), "line2")
        self.assertEqual(keys.action("idle", "unheard-of"), None)
        self.assertEqual(keys.action("idle", "\n"), None)
        self.assertEqual(keys.action("idle", ""), None)


class Screens(unittest.TestCase):
    def setUp(self):
        self.world = doubles.World()
        self.phone = doubles.TestPhone(
            self.world,
            ["2001:db8:1234:5678:9abc:def0:1234:5678"],
            [
                ("account.1.uri", "sip:alice@example.org"),
                ("account.1.password", "s3cret"),
                ("account.1.display_name", "Alice"),
            ],
        )

    def tearDown(self):
        log.start(None, None)

    def test_idle(self):
        text = self.phone.text()
        self.assertEqual(self.phone.screen.lines[0], "vox6        12:34 UTC")
        self.assertIn("2001:db8:1234:5678:9abc:def0:1234:5678", text.replace("\n", ""))
        self.assertIn("1 alice: no server", text)

    def test_no_address(self):
        self.phone.net6.own.clear()
        self.phone.net6.signal.raised = True
        self.world.settle()
        self.assertIn("No IPv6 address", self.phone.text())
        self.assertEqual(self.phone.lamps.state["message"], "flash")
        self.phone.press("bob@[2001:db8::b]", "call")
        self.assertIn("No IPv6 address", self.phone.text())
        self.assertEqual(self.phone.states(), ["idle", "idle"])

    def test_dialling_and_erasing(self):
        self.phone.press("12")
        self.assertIn("12_", self.phone.text())
        self.phone.press("back")
        self.assertIn("1_", self.phone.text())
        self.phone.press("back")
        self.assertEqual(self.phone.console.mode, "idle")
        self.phone.press("12", "hangup")
        self.assertEqual(self.phone.console.mode, "idle")

    def test_a_refusal_is_said_and_the_text_stays(self):
        self.phone.press("bob@192.0.2.1", "call")
        self.assertIn("IPv4 is not reachable", self.phone.text())
        self.assertIn("bob@192.0.2.1", self.phone.text())

    def test_long_text_shows_its_end(self):
        self.phone.press("x" * 300)
        self.assertEqual(len(self.phone.console.text), 255)
        self.assertIn("x_", self.phone.text())

    def test_menu_and_pages(self):
        self.phone.press("ok")
        self.assertIn(">Accounts", self.phone.text())
        self.phone.press("ok")
        self.assertIn("alice@example.org", self.phone.text().replace("\n", ""))
        self.phone.press("back", "down", "ok")
        self.assertIn("2001:db8:1234:5678", self.phone.text())
        self.phone.press("back", "down", "ok")
        seen = self.phone.text()
        for _ in range(20):
            self.phone.press("down")
            seen += self.phone.text()
        seen = seen.replace("\n", "")
        self.assertIn("account.1.password = ***", seen)
        self.assertIn("ring.volume = 7", seen)
        self.assertNotIn("s3cret", seen)
        self.phone.press("back", "down", "ok", "back", "down", "ok", "up", "down")
        self.phone.press("hangup")
        self.assertEqual(self.phone.console.mode, "idle")

    def test_bad_account_is_said(self):
        phone = doubles.TestPhone(
            self.world, ["2001:db8::c"], [("account.1.uri", "sip:alice@exa_mple.org")]
        )
        self.assertIn("check settings", phone.text().replace("\n", ""))
        self.assertEqual(phone.lamps.state["message"], "flash")

    def test_any_size_of_screen(self):
        other = doubles.TestPhone(self.world, ["2001:db8::d"])
        for columns, rows in ((12, 4), (16, 4), (40, 12)):
            self.phone.screen.columns = columns
            self.phone.screen.rows = rows
            self.phone.press("1", "hangup", "ok", "ok", "down", "back", "hangup")
            self.phone.press("line1", "alice@[2001:db8::d]", "call")
            other.press("call", "hold")
            self.phone.press("line2", "line1", "hangup")
            self.world.run(60000)

    def test_hook(self):
        other = doubles.TestPhone(self.world, ["2001:db8::d"])
        self.phone.key_hook = None
        self.phone.console.key("hook", True)
        self.assertEqual(self.phone.console.mode, "dial")
        self.phone.console.key("hook", False)
        self.assertEqual(self.phone.console.mode, "idle")
        self.phone.press("a@[2001:db8::d]", "call")
        other.console.key("hook", True)
        self.world.settle()
        self.assertEqual(other.states()[0], "talking")
        other.console.key("hook", False)
        self.world.settle()
        self.assertEqual(other.states()[0], "ended")

    def test_a_fault_behind_a_key_is_said(self):
        def broken():
            raise ValueError("a fault")

        self.phone.phone.dial = lambda text: broken()
        self.phone.press("1", "call")
        self.assertIn("Fault: see the log", self.phone.text())
