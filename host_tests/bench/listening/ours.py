# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What our phone plays of a stream: the media core of C in a program that knows no waiting."""

import struct
import subprocess
from pathlib import Path

import numpy as np

from host_tests.bench.listening.streams import PTIME_MS, Cell, Packet, first_tick_us
from host_tests.cmodules.test_cmodules import CORES, HARNESS, HERE, include_dirs
from tools.lab import wav


def build(folder: Path) -> Path:
    """Compile the receiver; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "receiver"
    source = Path(__file__).with_name("receiver.c")
    command = ["gcc", "-O2", "-std=gnu99", "-w", f"-I{HERE}"]
    command += [f"-I{part}" for part in include_dirs()]
    command += [str(source), str(HARNESS[0]), *map(str, CORES), "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def listen(program: Path, cell: Cell, stream: list[Packet], ms: int) -> tuple[wav.Samples, str]:
    """What is played in ms from the start of the stream on, and the counters of the stream."""
    octets = b"".join(
        struct.pack("<QH", packet.arrival_us, len(packet.octets)) + packet.octets
        for packet in stream
    )
    codec = cell.codec
    words = [codec.name, codec.rate, codec.payload_type, first_tick_us(cell), ms // PTIME_MS]
    done = subprocess.run(
        [str(program), *map(str, words)], input=octets, capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, "<i2"), done.stderr.decode().strip()
