# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How sound came through: tones, gaps, speech."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.lab.wav import Samples, resample

Floats = npt.NDArray[np.float64]

_SILENT = 50.0  # amplitude below which nothing is heard; a quiet G.711 line idles at +-8


def tone(frequency: float, seconds: float, rate: int, level: float = 0.35) -> Samples:
    """A sine for playing; level: amplitude as a part of full scale."""
    time = np.arange(int(seconds * rate)) / rate
    return np.rint(32767 * level * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


@dataclass(frozen=True)
class Tone:
    """What a recording of a steady tone shows."""

    frequency: float  # Hz, of the strongest component
    snr_db: float  # power of the fitted sine over everything else
    amplitude: float  # of 32768


def loud_part(samples: Samples, rate: int, margin_s: float = 0.2) -> Samples:
    """The stretch from the first to the last loud 20 ms, less a margin at both ends."""
    frame = rate // 50
    count = len(samples) // frame
    rms = np.sqrt((samples[: count * frame].astype(np.float64).reshape(count, frame) ** 2).mean(1))
    loud = np.flatnonzero(rms > _SILENT)
    if not len(loud):
        return samples[:0]
    margin = int(margin_s * rate)
    return samples[loud[0] * frame + margin : (loud[-1] + 1) * frame - margin]


def measure_tone(samples: Samples, rate: int) -> Tone:
    """Frequency and signal-to-noise ratio of the strongest sine in a recording of one.

    The fit is a least-squares sine in windows of 200 ms, so that neither a slow drift of clocks
    nor one slipped frame counts as noise; the median of the windows is taken.
    """
    window = rate // 5
    if len(samples) < window:
        return Tone(0.0, -99.0, 0.0)
    values = samples.astype(np.float64)
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values))))
    peak = int(np.argmax(spectrum[1:-1])) + 1
    left, middle, right = np.log(np.maximum(spectrum[peak - 1 : peak + 2], 1e-9))
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend else 0.0
    frequency = (peak + shift) * rate / len(values)
    time = np.arange(window) / rate
    basis = np.stack(
        [
            np.cos(2 * np.pi * frequency * time),
            np.sin(2 * np.pi * frequency * time),
            np.ones(window),
        ],
        axis=1,
    )
    ratios, amplitudes = [], []
    for start in range(0, len(values) - window + 1, window):
        part = values[start : start + window]
        fit = np.linalg.lstsq(basis, part, rcond=None)[0]
        rest = part - basis @ fit
        power = (fit[0] ** 2 + fit[1] ** 2) / 2
        ratios.append(10 * np.log10(max(power, 1e-12) / max(float(np.mean(rest**2)), 1e-9)))
        amplitudes.append(np.hypot(fit[0], fit[1]))
    return Tone(frequency, float(np.median(ratios)), float(np.median(amplitudes)))


@dataclass(frozen=True)
class Gap:
    """A place where a steady tone breaks."""

    start_s: float
    length_s: float  # 0.0: no silence, only a jump of the phase
    jump: float  # cycles by which the phase jumps, -0.5..0.5


def find_gaps(samples: Samples, rate: int, frequency: float) -> list[Gap]:
    """Breaks of a steady tone: silences, and jumps of its phase (sound lost, repeated or made up).

    samples: from within the tone on; frequency: of the tone, best one that has no whole number of
    cycles in 20 ms. A drift of clocks shows as a slope of the phase and is no break.
    """
    hop = rate // 200  # 5 ms
    window = rate // 100
    count = (len(samples) - window) // hop
    if count < 40:
        return [Gap(0.0, len(samples) / rate, 0.0)]
    starts = np.arange(count) * hop
    time = np.arange(len(samples)) / rate
    mixed = samples.astype(np.float64) * np.exp(-2j * np.pi * frequency * time)
    # A mean over whole cycles would be best; a Hann window is nearly as good and fits any tone.
    shape = np.hanning(window)
    shape /= shape.sum()
    values = np.array([np.dot(mixed[start : start + window], shape) for start in starts])
    amplitude = np.abs(values)
    usual = float(np.median(amplitude))
    silent = amplitude < usual / 2
    gaps: list[Gap] = []
    phase = np.angle(values) / (2 * np.pi)
    index = 0
    while index < count:
        if silent[index]:
            end = index
            while end < count and silent[end]:
                end += 1
            gaps.append(Gap(starts[index] / rate, (end - index) * hop / rate, 0.0))
            index = end + window // hop
            continue
        # Two windows that do not overlap, one on each side of the place.
        step = window // hop + 1
        if index + step < count and not silent[index : index + step + 1].any():
            jump = (phase[index + step] - phase[index] + 0.5) % 1.0 - 0.5
            if abs(jump) > 0.12:
                gaps.append(Gap(starts[index] / rate, 0.0, float(jump)))
                index += 2 * step
                continue
        index += 1
    return gaps


def speech_delay(reference: Samples, degraded: Samples, rate: int) -> float:
    """Seconds by which a recording of speech lags the original (best match of envelopes)."""
    hop = rate // 100

    def envelope(samples: Samples) -> Floats:
        count = len(samples) // hop
        frames = samples[: count * hop].astype(np.float64).reshape(count, hop)
        level = np.log10(np.sqrt((frames**2).mean(1)) + 30.0)
        return np.asarray(level - level.mean())

    first, second = envelope(reference), envelope(degraded)
    match = np.correlate(second, first, "full")
    return float(int(np.argmax(match)) - (len(first) - 1)) / 100.0


def cut_like(reference: Samples, degraded: Samples, rate: int) -> Samples:
    """The stretch of a recording that holds the original, as long as the original."""
    start = max(0, int(speech_delay(reference, degraded, rate) * rate))
    part = degraded[start : start + len(reference)]
    return np.concatenate([part, np.zeros(len(reference) - len(part), np.int16)])


def speech_match(reference: Samples, degraded: Samples, rate: int) -> float:
    """How alike two recordings of the same speech are, 0..1: correlation of log band energies.

    Needs no listening model; above 0.8 the words came through, noise alone gives less than 0.3.
    """
    from scipy.signal import spectrogram

    part = cut_like(reference, degraded, rate)

    def bands(samples: Samples) -> Floats:
        edges = np.geomspace(200, 3400, 17)
        frequency, _, power = spectrogram(
            samples.astype(np.float64), rate, nperseg=rate // 40, noverlap=rate // 80
        )
        rows = [
            power[(frequency >= low) & (frequency < high)].sum(0)
            for low, high in zip(edges[:-1], edges[1:], strict=True)
        ]
        level = np.log10(np.array(rows) + 100.0)
        return np.asarray(level - level.mean())

    first, second = bands(reference), bands(part)
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / scale) if scale else 0.0


def pesq_score(reference: Samples, degraded: Samples, rate: int) -> float:
    """PESQ (ITU-T P.862, at 16000 Hz P.862.2) of a recording against the original, -0.5..4.64.

    Both at `rate`, 8000 or 16000. Needs the PyPI package pesq.
    """
    import pesq

    part = cut_like(reference, degraded, rate)
    return float(pesq.pesq(rate, reference, part, "wb" if rate == 16000 else "nb"))


def at_rate(sound: tuple[int, Samples], rate: int) -> Samples:
    """The samples of (rate, samples) brought to another rate."""
    return resample(sound[1], sound[0], rate)
