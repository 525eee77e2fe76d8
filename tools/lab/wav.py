# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""WAV files, signed 16-bit mono."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]


def read(path: Path | str) -> tuple[int, Samples]:
    """Rate in Hz and samples of a 16-bit WAV file; of several channels the first."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: not 16-bit PCM")
        octets = file.readframes(file.getnframes())
        return file.getframerate(), np.frombuffer(octets, "<i2")[:: file.getnchannels()]


def write(path: Path | str, rate: int, samples: Samples) -> None:
    """Write a 16-bit mono WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def resample(samples: Samples, rate: int, new_rate: int) -> Samples:
    """The same sound at another rate (polyphase filter)."""
    if rate == new_rate:
        return samples
    from math import gcd

    from scipy.signal import resample_poly

    common = gcd(rate, new_rate)
    moved = resample_poly(samples.astype(np.float64), new_rate // common, rate // common)
    return np.asarray(np.clip(np.rint(moved), -32768, 32767), np.int16)
