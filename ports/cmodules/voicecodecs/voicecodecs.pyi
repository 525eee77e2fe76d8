# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Voice codecs G.711, G.722 and L16 for tests and for sound files; calls use them inside media.

encoder = voicecodecs.Codec("PCMU")
octets = encoder.encode_into(samples, buffer)
"""

from collections.abc import Buffer

CODECS: tuple[str, ...]
"""RFC 3551 encoding names: "PCMU", "PCMA", "G722", "L16" (16000)."""

class Codec:
    """One encoder and one decoder with their states (RFC 3551 sections 4.5.2 and 4.5.14)."""

    name: str
    rate: int
    """Samples a second of the sound: 8000, or 16000 for G722 and L16."""
    clock: int
    """Ticks a second of the RTP clock: 8000, or 16000 for L16."""
    payload_type: int | None
    """Static payload type of RFC 3551 section 6, None without."""

    def __init__(self, name: str) -> None:
        """name: one of CODECS, in any case. ValueError: another name."""

    def encode_into(self, samples: Buffer, octets: Buffer) -> int:
        """Encode signed 16-bit samples in the machine's order.

        samples: caller's, a whole number of samples, even for G722; octets: caller's, written.
        Returns the octets written. ValueError: octets too short or half a sample; no state
        changes.
        """

    def decode_into(self, octets: Buffer, samples: Buffer) -> int:
        """Decode; the inverse of encode_into.

        Returns the number of samples written. ValueError: samples too short; no state changes.
        """

    def reset(self) -> None:
        """Start both states anew."""
