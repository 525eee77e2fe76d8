# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: threads and shared memory
"""The panel object against a phone double that hears itself: the link, the rings, the pump."""

import json
import mmap
import socket
import struct
import tempfile
import threading
import time
import unittest
from pathlib import Path

import numpy as np

from tools.lab import measure
from tools.panel import window
from tools.panel.errors import PanelError
from tools.panel.panel import Panel
from tools.panel.ring import Ring

SPEAKER = 20480


class PhoneDouble:
    """Answers the link, shows the keys pressed, sends each 20 ms of microphone to the speaker."""

    def __init__(self, folder, version=1):
        self.version = version
        self.keys = []
        self.path = folder / "panel.sock"
        self.rings = folder / "panel.rings"
        self.rings.write_bytes(bytes(SPEAKER + 20480))
        self.file = self.rings.open("r+b")
        self.memory = mmap.mmap(self.file.fileno(), 0)
        self.frame = 160
        self.start_rings(8000)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.serve), threading.Thread(target=self.tick)]
        for thread in self.threads:
            thread.start()

    def start_rings(self, rate):
        self.frame = rate // 50
        for offset in (0, SPEAKER):
            generation = struct.unpack_from("<I", self.memory, offset + 20)[0] + 1
            struct.pack_into("<5I", self.memory, offset + 4, 1, rate, rate // 50, 8192, generation)
            self.memory[offset : offset + 4] = b"V6RG"

    def serve(self):
        self.listener.settimeout(0.05)
        while not self.stop.is_set():
            try:
                channel, _ = self.listener.accept()
            except TimeoutError:
                continue
            with channel, channel.makefile("rwb") as file:
                channel.settimeout(None)
                for line in file:
                    message = json.loads(line)
                    if message["t"] == "panel":
                        self.tell(file, {"t": "panel", "v": self.version, "facts": {"name": "x"}})
                        self.tell(file, {"t": "lamp", "n": "line1", "s": "off"})
                    elif message["t"] == "key" and message["down"]:
                        self.keys.append(message["k"])
                        self.tell(file, {"t": "lamp", "n": "line1", "s": "flash"})
                    self.tell(file, {"t": "screen", "text": ["Dial", "".join(self.keys)]})

    def tell(self, file, message):
        file.write(json.dumps(message).encode() + b"\n")
        file.flush()

    def tick(self):
        microphone, speaker = Ring(self.memory, 0), Ring(self.memory, SPEAKER)
        due = time.monotonic()
        while not self.stop.is_set():
            due += 0.02
            time.sleep(max(0, due - time.monotonic()))
            count = min(self.frame, microphone.used)
            tail = int(microphone._words[7])
            at = (tail + np.arange(count)) % 8192
            samples = np.zeros(self.frame, np.int16)
            samples[:count] = microphone._samples[at]
            microphone._words[7] = tail + count
            speaker.write(samples)

    def close(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(2)
        self.listener.close()


class PanelTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        self.phone = PhoneDouble(path)
        self.panel = Panel(self.phone.path, self.phone.rings, 0, SPEAKER)

    def tearDown(self):
        self.panel.close()
        self.phone.close()
        self.folder.cleanup()

    def test_keys_screen_lamps(self):
        self.panel.wait_ready()
        self.assertEqual(self.panel.facts, {"name": "x"})
        self.panel.dial("sip:a@[2001:db8::1]")
        self.panel.wait_text(r"2001:DB8::1\]", 3)
        self.panel.wait_lamp("line1", "flash", 3)
        self.assertEqual(self.panel.screen_text().split("\n")[0], "Dial")
        with self.assertRaises(PanelError) as caught:
            self.panel.wait_text("nothing of the kind", 0.1)
        self.assertIn("2001:db8::1", str(caught.exception))
        self.assertRaises(ValueError, self.panel.press, "volume")
        self.assertRaises(ValueError, self.panel.press, "\n")

    def test_sound_comes_back_without_a_gap_at_each_rate(self):
        self.panel.wait_ready()
        for rate in (8000, 16000):
            self.phone.start_rings(rate)
            time.sleep(0.2)
            recording = self.panel.record()
            self.panel.play((8000, measure.tone(1015, 1.5, 8000))).wait(5)
            time.sleep(0.5)
            found_rate, samples = recording.stop()
            self.assertEqual(found_rate, rate)
            heard = measure.loud_part(samples, rate, 0.1)
            self.assertGreater(len(heard), rate)
            self.assertAlmostEqual(measure.measure_tone(heard, rate).frequency, 1015, delta=0.2)
            self.assertEqual(measure.find_gaps(heard, rate, 1015), [])

    def test_change_of_rate_while_playing(self):
        self.panel.wait_ready()
        recording = self.panel.record()
        self.panel.play((8000, measure.tone(1000, 30, 8000)), repeat=True)
        time.sleep(0.6)
        self.phone.start_rings(16000)
        time.sleep(0.8)
        self.panel.silence()
        rate, samples = recording.stop()
        self.assertEqual(rate, 16000)
        tone = measure.measure_tone(samples[-8000:], rate)
        self.assertAlmostEqual(tone.frequency, 1000, delta=1)


class NewerPhoneTest(unittest.TestCase):
    def test_newer_link_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            phone = PhoneDouble(Path(folder), version=2)
            panel = Panel(phone.path, phone.rings, 0, SPEAKER)
            try:
                with self.assertRaises(PanelError) as caught:
                    panel.wait_text("anything", 3)
                self.assertIn("version 2", str(caught.exception))
            finally:
                panel.close()
                phone.close()


class WindowTest(unittest.TestCase):
    def test_entropy_is_topped_up_and_never_twice(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ram.bin"
            made = window.Window(path)
            try:
                octets = path.read_bytes()
                self.assertEqual(len(octets), 16 << 20)
                at = window.OFFSET
                self.assertEqual(octets[at : at + 4], b"V6WN")
                self.assertEqual(struct.unpack_from("<I", octets, at + 4)[0], 1)
                self.assertLess(abs(struct.unpack_from("<Q", octets, at + 8)[0] - time.time()), 3)
                self.assertEqual(struct.unpack_from("<II", octets, at + 16), (4096, 0))
                first = octets[at + 256 : at + 256 + 4096]
                self.assertNotEqual(first[:64], bytes(64))
                made._words[5] = 64  # the phone takes 64 octets
                made.tend()
                octets = path.read_bytes()
                self.assertEqual(struct.unpack_from("<II", octets, at + 16), (4160, 64))
                self.assertNotEqual(octets[at + 256 : at + 320], first[:64])
                self.assertEqual(octets[at + 320 : at + 256 + 4096], first[64:])
                made.drain_entropy()
                made.tend()
                octets = path.read_bytes()
                self.assertEqual(struct.unpack_from("<II", octets, at + 16), (64, 64))
                self.assertEqual(octets[at + 256 : at + 256 + 4096], bytes(4096))
            finally:
                made.close()


if __name__ == "__main__":
    unittest.main()
