# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a stranger gets who has captured the packets of a call and takes them for plain voice."""

from dataclasses import dataclass
from pathlib import Path

from tools.lab import codec, measure, wav
from tools.lab.pcap import PAYLOAD_NAMES, rtp_payloads

FRAME_OCTETS = 160  # of 20 ms in PCMU, PCMA and G722
READABLE = 0.5  # likeness: voice in clear gives above 0.9, noise below 0.3
_SHORTEST = 25  # packets of a stream that is listened to


@dataclass(frozen=True)
class Overheard:
    """One stream as the stranger hears it."""

    source: str
    codec: str
    packets: int
    larger: int  # packets that carry more than the frame, as an SRTP tag does
    likeness: float  # to the speech that it resembles most, 0..1

    @property
    def readable(self) -> bool:
        """Whether speech can be made out."""
        return self.likeness > READABLE


def overhear(path: Path, spoken: list[Path]) -> list[Overheard]:
    """Decode every RTP stream of a capture and compare it with what was spoken.

    path: capture; spoken: 16-bit WAV files of all that was said in the call.
    A packet is decoded as its payload type says, as if nothing in it were encrypted; what follows
    the 20 ms frame (a tag) is left out.
    """
    found = []
    for source, payload_type, payloads in rtp_payloads(path):
        name = PAYLOAD_NAMES.get(payload_type)
        if name is None or len(payloads) < _SHORTEST:
            continue
        frames = b"".join(one[:FRAME_OCTETS] for one in payloads if len(one) >= FRAME_OCTETS)
        rate, samples = codec.decode(name, frames)
        likeness = 0.0
        for file in spoken:
            reference = measure.at_rate(wav.read(file), rate)
            likeness = max(likeness, measure.speech_match(reference, samples, rate))
        larger = sum(len(one) > FRAME_OCTETS for one in payloads)
        found.append(Overheard(source, name, len(payloads), larger, likeness))
    return found
