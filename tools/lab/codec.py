# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Sound through the codecs of the host phone alone, without a call."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tools.lab import wav
from tools.lab.errors import LabError
from tools.panel.phones import UnixPhone

# Of the sound, not the RTP clock.
RATES = {"PCMU": 8000, "PCMA": 8000, "G722": 16000, "L16": 16000}
_SCRIPT = """
import sys, voicecodecs
what, name, source, target = sys.argv[1:5]
codec = voicecodecs.Codec(name)
frame = bytearray(640 if name == "G722" else 320)
packet = bytearray(160)
with open(source, "rb") as file, open(target, "wb") as out:
    if what == "decode":
        while file.readinto(packet) == len(packet):
            codec.decode_into(packet, frame)
            out.write(frame)
    else:
        while file.readinto(frame) == len(frame):
            codec.encode_into(frame, packet)
            out.write(packet)
"""


def _run(what: str, codec: str, octets: bytes) -> bytes:
    if not UnixPhone.image.exists():
        raise LabError(f"{UnixPhone.image} is missing: run 'make boards BOARD=UNIX_HOST'")
    with tempfile.TemporaryDirectory() as folder:
        source, target, script = (Path(folder, name) for name in ("in.raw", "out.raw", "codec.py"))
        source.write_bytes(octets)
        script.write_text(_SCRIPT)
        argv: list[str | Path] = [UnixPhone.image, script, what, codec, source, target]
        try:
            subprocess.run(argv, check=True, timeout=60, capture_output=True)
        except subprocess.CalledProcessError as error:
            raise LabError(f"{what} {codec}: {error.stdout!r} {error.stderr!r}") from None
        return target.read_bytes()


def encode(codec: str, samples: wav.Samples) -> bytes:
    """Octets of samples at the rate of the codec."""
    padded = np.concatenate([samples, np.zeros(-len(samples) % (RATES[codec] // 50), np.int16)])
    return _run("encode", codec, padded.astype("<i2").tobytes())


def decode(codec: str, octets: bytes) -> tuple[int, wav.Samples]:
    """(rate, samples) of the octets of whole 20 ms frames."""
    return RATES[codec], np.frombuffer(_run("decode", codec, octets), "<i2")
