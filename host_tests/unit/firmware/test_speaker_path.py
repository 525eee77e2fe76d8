# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What is done to the microphone: as the board has a loudspeaker, or as the settings say."""

import unittest

from host_tests.unit.firmware import doubles

# FACTS of the board, settings -> echo, noise, gain, delay_ms
ROWS = (
    (None, {}, (False, False, False, 0)),
    (0, {}, (True, True, True, 0)),
    (40, {}, (True, True, True, 40)),
    (40, {"audio.echo": "off"}, (False, True, True, 40)),
    (None, {"audio.echo": "on"}, (True, False, False, 0)),
    (20, {"audio.noise": "off", "audio.gain": "off"}, (True, False, False, 20)),
)


class TestSpeaker(unittest.TestCase):
    def phone(self, delay_ms, settings):
        phone = doubles.TestPhone(doubles.World(), ["2001:db8::a"], changes=settings.items())
        phone.phone.sounds.speaker_delay_ms = delay_ms
        return phone

    def test_rows(self):
        for delay_ms, settings, wanted in ROWS:
            phone = self.phone(delay_ms, settings)
            self.assertIsNone(phone.media.cleaning)
            phone.phone.sounds.once("refused")
            self.assertTrue(phone.media.running)
            self.assertEqual(phone.media.cleaning, wanted)

    def test_without_memory_the_phone_sounds_all_the_same(self):
        phone = self.phone(0, {})
        phone.media.cleaning = "no memory"
        phone.phone.sounds.once("refused")
        self.assertTrue(phone.media.running)


if __name__ == "__main__":
    unittest.main()
