# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A speech sample, made once by espeak-ng and kept in build/."""

import subprocess
from pathlib import Path

import numpy as np

from tools.lab import wav
from tools.lab.errors import LabError

TEXT = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well."
)  # IEEE 269 sentences (Harvard list 1)


def speech_file(folder: Path, rate: int, voice: str = "en-gb", text: str = TEXT) -> Path:
    """Path of a WAV file with spoken sentences at a rate; made when absent.

    LabError: espeak-ng is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"speech-{voice}-{rate}.wav"
    if path.exists():
        return path
    raw = folder / f"speech-{voice}.wav"
    argv = ["espeak-ng", "-v", voice, "-s", "150", "-w", str(raw), text]
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise LabError(
            "espeak-ng is missing: run 'make setup' (Debian package espeak-ng)"
        ) from None
    except subprocess.CalledProcessError as error:
        raise LabError(f"espeak-ng: {error.stderr.strip()}") from None
    made_rate, samples = wav.read(raw)
    moved = wav.resample(samples, made_rate, rate).astype(np.float64)
    moved *= 16000.0 / np.abs(moved).max()  # -6 dBm0 peaks leave room for any codec
    new = path.with_suffix(".new")
    wav.write(new, rate, np.rint(moved).astype(np.int16))
    new.rename(path)
    return path
