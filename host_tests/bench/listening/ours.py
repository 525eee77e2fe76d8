# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What our phone sends and what it plays: the media core of C in programs that know no waiting."""

import struct
import subprocess
from pathlib import Path

import numpy as np

from host_tests.bench.listening.streams import PTIME_MS, Cell, Codec, Packet, first_tick_us
from host_tests.cmodules.test_cmodules import (
    CMODULES,
    CORES,
    HARNESS,
    HERE,
    OPUS_FLAGS,
    include_dirs,
    opus_dirs,
    opus_sources,
)
from tools.lab import wav


def build(folder: Path) -> None:
    """Compile the two programs."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-O2", "-std=gnu99", "-w", f"-I{HERE}"]
    command += [f"-I{part}" for part in include_dirs()]
    objects = []
    for source in (HARNESS[0], *CORES):
        if source.name != "opus_voice.c":
            objects.append(str(folder / f"{source.parent.name}-{source.stem}.o"))
            subprocess.run([*command, "-c", str(source), "-o", objects[-1]], check=True)
    # libopus has headers of the same names as others
    inside = folder / "opus"
    inside.mkdir(exist_ok=True)
    libopus = [CMODULES / "voicecodecs" / "opus_voice.c", *opus_sources()]
    apart = ["gcc", "-O2", "-std=gnu99", "-w", "-c", *OPUS_FLAGS, f"-I{CMODULES}"]
    apart += [f"-I{part}" for part in opus_dirs()]
    subprocess.run([*apart, *map(str, libopus)], check=True, cwd=inside)
    objects += [str(path) for path in sorted(inside.glob("*.o"))]
    for name in ("talker", "receiver"):
        source = Path(__file__).with_name(name + ".c")
        target = ["-lm", "-o", str(folder / name)]
        subprocess.run([*command, str(source), *objects, *target], check=True)


def talk(folder: Path, codec: Codec, speech: wav.Samples) -> list[bytes]:
    """The payloads of speech at the rate of the codec, one for each 20 ms."""
    done = subprocess.run(
        [str(folder / "talker"), codec.name, str(codec.rate)],
        input=speech.astype("<i2").tobytes(),
        capture_output=True,
        check=True,
    )
    found, at = [], 0
    while at < len(done.stdout):
        length = int.from_bytes(done.stdout[at : at + 2], "little")
        found.append(done.stdout[at + 2 : at + 2 + length])
        at += 2 + length
    return found


def listen(folder: Path, cell: Cell, stream: list[Packet], ms: int) -> tuple[wav.Samples, str]:
    """What is played in ms from the start of the stream on, and the counters of the stream."""
    octets = b"".join(
        struct.pack("<QH", packet.arrival_us, len(packet.octets)) + packet.octets
        for packet in stream
    )
    codec = cell.codec
    words = [codec.name, codec.rate, codec.payload_type, first_tick_us(cell), ms // PTIME_MS]
    done = subprocess.run(
        [str(folder / "receiver"), *map(str, words)], input=octets, capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, "<i2"), done.stderr.decode().strip()
