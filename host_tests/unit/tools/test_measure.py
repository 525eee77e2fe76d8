# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: numpy and scipy
"""The measures of sound (tools/lab/measure.py) on sounds whose answer is known."""

import unittest

import numpy as np

from tools.lab import measure, wav


def noisy(samples, snr_db, seed=1):
    """Add white noise at a ratio to the power of the samples."""
    values = samples.astype(np.float64)
    power = np.mean(values**2) / 10 ** (snr_db / 10)
    noise = np.random.default_rng(seed).normal(0, np.sqrt(power), len(values))
    return np.rint(values + noise).astype(np.int16)


class ToneTest(unittest.TestCase):
    def test_frequency_and_ratio(self):
        for rate in (8000, 16000):
            for snr in (10, 20, 35):
                found = measure.measure_tone(noisy(measure.tone(1000, 2, rate), snr), rate)
                self.assertAlmostEqual(found.frequency, 1000, delta=0.5)
                self.assertAlmostEqual(found.snr_db, snr, delta=1.0)

    def test_silence_and_noise_are_no_tone(self):
        self.assertLess(measure.measure_tone(np.zeros(0, np.int16), 8000).snr_db, 0)
        self.assertLess(measure.measure_tone(np.zeros(16000, np.int16), 8000).snr_db, 0)
        noise = np.random.default_rng(2).normal(0, 3000, 16000).astype(np.int16)
        self.assertLess(measure.measure_tone(noise, 8000).snr_db, 0)

    def test_loud_part(self):
        quiet = np.zeros(8000, np.int16)
        samples = np.concatenate([quiet, measure.tone(1000, 1, 8000), quiet])
        self.assertEqual(len(measure.loud_part(samples, 8000, 0.1)), 8000 - 1600)
        self.assertEqual(len(measure.loud_part(quiet, 8000)), 0)


class GapTest(unittest.TestCase):
    def test_steady_tone_has_none(self):
        for rate in (8000, 16000):
            for frequency in (1000, 1015, 440):
                samples = noisy(measure.tone(frequency, 4, rate), 25)
                self.assertEqual(measure.find_gaps(samples, rate, frequency), [])

    def test_drift_of_clocks_is_no_gap(self):
        samples = measure.tone(1015 * 1.0002, 10, 8000)
        self.assertEqual(measure.find_gaps(samples, 8000, 1015), [])

    def test_each_break_is_found(self):
        rate = 8000
        frame = rate // 50
        whole = measure.tone(1015, 4, rate)
        silent = whole.copy()
        silent[8000 : 8000 + frame] = 0
        lost = np.concatenate([whole[:8000], whole[8000 + frame :]])
        twice = np.concatenate([whole[:8000], whole[8000 - frame :]])
        for broken in (silent, lost, twice):
            gaps = measure.find_gaps(broken, rate, 1015)
            self.assertTrue(gaps)
            self.assertAlmostEqual(gaps[0].start_s, 1.0, delta=0.03)
        self.assertAlmostEqual(measure.find_gaps(silent, rate, 1015)[0].length_s, 0.02, delta=0.01)

    def test_too_short_is_one_gap(self):
        self.assertEqual(len(measure.find_gaps(np.zeros(100, np.int16), 8000, 1015)), 1)


class SpeechTest(unittest.TestCase):
    def setUp(self):
        # Speech-like: noise in syllables of changing colour.
        random = np.random.default_rng(3)
        parts = []
        for _ in range(24):
            noise = random.normal(0, 1, 2000)
            colour = np.exp(2j * np.pi * random.uniform(0.05, 0.4) * np.arange(40)).real
            parts.append(np.convolve(noise, colour, "same") * np.hanning(2000))
            parts.append(np.zeros(random.integers(400, 1200)))
        values = np.concatenate(parts)
        self.speech = (8000 * values / np.abs(values).max()).astype(np.int16)

    def test_delay(self):
        late = np.concatenate([np.zeros(2400, np.int16), self.speech])
        self.assertAlmostEqual(measure.speech_delay(self.speech, late, 8000), 0.3, delta=0.02)

    def test_match(self):
        late = np.concatenate([np.zeros(2400, np.int16), self.speech // 2])
        noise = np.random.default_rng(4).normal(0, 1000, len(late)).astype(np.int16)
        self.assertGreater(measure.speech_match(self.speech, late, 8000), 0.8)
        self.assertLess(measure.speech_match(self.speech, noise, 8000), 0.5)
        self.assertLess(measure.speech_match(self.speech, late[::-1], 8000), 0.7)


class ResampleTest(unittest.TestCase):
    def test_tone_survives(self):
        moved = wav.resample(measure.tone(1000, 2, 8000), 8000, 16000)
        self.assertEqual(len(moved), 32000)
        found = measure.measure_tone(moved[1600:-1600], 16000)
        self.assertAlmostEqual(found.frequency, 1000, delta=0.1)
        self.assertGreater(found.snr_db, 40)


if __name__ == "__main__":
    unittest.main()
