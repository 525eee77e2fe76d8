# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The streams that both receivers get: speech in a codec, on a network that loses and delays."""

import random
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.lab import wav
from tools.lab.speech import speech_file

LOSSES = (0, 1, 5, 10, 20)  # percent of the packets, each by itself
JITTERS = (0, 20, 60)  # ms: each packet is late by 0 to so much, each by itself; they may overtake
PTIME_MS = 20
_LEAD_S, _TAIL_S = 0.5, 1.0  # silence around the speech


@dataclass(frozen=True)
class Codec:
    """How a codec is called in each program; rate: of the sound, clock: of RTP."""

    name: str
    rate: int
    clock: int
    payload_type: int
    baresip: str  # its name in baresip's accounts

    @property
    def rtpmap(self) -> str:
        """The value of a=rtpmap; Opus says two channels whatever it sends (RFC 7587 section 7)."""
        return f"{self.payload_type} {self.name}/{self.clock}{'/2' if self.clock == 48000 else ''}"


CODECS = (
    Codec("PCMU", 8000, 8000, 0, "PCMU/8000/1"),
    Codec("PCMA", 8000, 8000, 8, "PCMA/8000/1"),
    Codec("G722", 16000, 8000, 9, "G722/16000/1"),
    Codec("L16", 16000, 16000, 96, "L16/16000/1"),
    Codec("opus", 16000, 48000, 97, "opus/48000/2"),
)


@dataclass(frozen=True)
class Cell:
    """One row of the table and one throw of the dice."""

    codec: Codec
    loss: int
    jitter: int
    seed: int


@dataclass(frozen=True)
class Packet:
    """An RTP packet and when it arrives, in us after the stream began."""

    arrival_us: int
    octets: bytes


def reference(folder: Path, codec: Codec) -> wav.Samples:
    """The speech that is sent, with silence around it."""
    rate, speech = wav.read(speech_file(folder, codec.rate))
    assert rate == codec.rate
    lead, tail = np.zeros(int(rate * _LEAD_S), np.int16), np.zeros(int(rate * _TAIL_S), np.int16)
    whole = np.concatenate([lead, speech, tail])
    return np.concatenate([whole, np.zeros(-len(whole) % (rate // 50), np.int16)])


def packets(cell: Cell, parts: list[bytes]) -> list[Packet]:
    """What arrives of a stream, in the order of arrival; the same for the same cell."""
    dice = random.Random(f"{cell.loss} {cell.jitter} {cell.seed}")
    sequence, timestamp, ssrc = dice.getrandbits(16), dice.getrandbits(32), dice.getrandbits(32)
    found = []
    for number, payload in enumerate(parts):
        lost = dice.random() * 100 < cell.loss
        late_us = int(dice.random() * cell.jitter * 1000)
        head = struct.pack(
            ">BBHII",
            0x80,
            cell.codec.payload_type | (0x80 if number == 0 else 0),
            (sequence + number) & 0xFFFF,
            (timestamp + number * cell.codec.clock * PTIME_MS // 1000) & 0xFFFFFFFF,
            ssrc,
        )
        if not lost:
            found.append(Packet(number * PTIME_MS * 1000 + late_us, head + payload))
    return sorted(found, key=lambda packet: packet.arrival_us)


def first_tick_us(cell: Cell) -> int:
    """When the device of a phone ticks: its clock knows nothing of the sender's."""
    return cell.seed * PTIME_MS * 1000 // 10
