# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Sound through the codecs of the phone alone, without a call."""

import subprocess

import numpy as np

from tools.lab.baresip import RATES
from tools.panel.phones import UnixPhone

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


def _run(what, codec, octets, folder):
    source, target, script = folder / "in.raw", folder / "out.raw", folder / "codec.py"
    source.write_bytes(octets)
    script.write_text(_SCRIPT)
    argv = [UnixPhone.image, script, what, codec, source, target]
    subprocess.run(argv, check=True, timeout=60)
    return target.read_bytes()


def encode(codec, samples, folder):
    """Octets of samples at the rate of the codec; folder: for files in between."""
    padded = np.concatenate([samples, np.zeros(-len(samples) % (RATES[codec] // 50), np.int16)])
    return _run("encode", codec, padded.astype("<i2").tobytes(), folder)


def decode(codec, octets, folder):
    """(rate, samples) of the octets of whole 20 ms frames."""
    samples = np.frombuffer(_run("decode", codec, octets, folder), "<i2")
    return RATES[codec], samples
