# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The messages with an encrypted part: Confirm1, Confirm2, SASrelay (RFC 6189 5.7, 5.13).

octets 12 MAC over the encrypted part, 20 CFB initialization vector, 36 encrypted part
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

from .message import Message, block_text

_MAX_SIGNATURE = const(511)  # words (section 7.2.1)


class Encrypted(Message):
    """Sections 5.7 and 5.13. Octets: 12 MAC, 20 CFB initialization vector, 36 encrypted part."""

    def __init__(self, encrypted_mac: bytes, iv: bytes, encrypted: bytes) -> None:
        self.encrypted_mac = encrypted_mac
        self.iv = iv
        self.encrypted = encrypted

    def body(self) -> bytes:
        return self.encrypted_mac + self.iv + self.encrypted

    @classmethod
    def parse(cls, octets: bytes) -> "Encrypted":
        """Read one; FormatError."""
        if not 76 <= len(octets) <= 76 + 4 * _MAX_SIGNATURE:
            raise FormatError("encrypted message of a wrong length")
        return cls(octets[12:20], octets[20:36], octets[36:])


class Confirm1(Encrypted):
    """The responder's."""

    kind = "Confirm1"


class Confirm2(Encrypted):
    """The initiator's."""

    kind = "Confirm2"


class SASrelay(Encrypted):
    """Of a PBX."""

    kind = "SASrelay"


class ConfirmPart:
    """The encrypted part of a Confirm (figure 10). Octets: 0 H0, 32 signature length (9 bits of
    the first 24), 35 flags 0000EVAD, 36 cache expiration interval, 40 signature type and block.

    signature: type block and block together, b"" if there is none.
    """

    def __init__(
        self,
        h0: "bytes | bytearray",
        enrollment: bool = False,
        verified: bool = False,
        allow_clear: bool = False,
        disclosure: bool = False,
        expiration: int = 0,
        signature: bytes = b"",
    ) -> None:
        self.h0 = h0
        self.enrollment = enrollment
        self.verified = verified
        self.allow_clear = allow_clear
        self.disclosure = disclosure
        self.expiration = expiration
        self.signature = signature

    def emit(self) -> bytes:
        """Return octets to encrypt."""
        flags = self.enrollment << 3 | self.verified << 2 | self.allow_clear << 1 | self.disclosure
        out = bytes(self.h0) + (len(self.signature) // 4 << 8 | flags).to_bytes(4, "big")
        return out + self.expiration.to_bytes(4, "big") + self.signature

    @classmethod
    def parse(cls, octets: bytes) -> "ConfirmPart":
        """Read one; FormatError."""
        if len(octets) < 40:
            raise FormatError("Confirm too short")
        words = (octets[33] & 1) << 8 | octets[34]
        if len(octets) != 40 + 4 * words:
            raise FormatError("Confirm of a wrong length")
        flags = octets[35]
        return cls(
            octets[:32],
            bool(flags & 8),
            bool(flags & 4),
            bool(flags & 2),
            bool(flags & 1),
            int.from_bytes(octets[36:40], "big"),
            octets[40:],
        )


class RelayPart:
    """The encrypted part of a SASrelay (figure 16). Octets: 0 signature length as in a Confirm,
    3 flags 00000VAD, 4 SAS type, 8 sashash, 40 signature type and block.
    """

    def __init__(
        self,
        sas_type: str,
        sashash: bytes,
        verified: bool = False,
        allow_clear: bool = False,
        disclosure: bool = False,
        signature: bytes = b"",
    ) -> None:
        self.sas_type = sas_type
        self.sashash = sashash
        self.verified = verified
        self.allow_clear = allow_clear
        self.disclosure = disclosure
        self.signature = signature

    def emit(self) -> bytes:
        """Return octets to encrypt."""
        flags = self.verified << 2 | self.allow_clear << 1 | self.disclosure
        out = (len(self.signature) // 4 << 8 | flags).to_bytes(4, "big")
        return out + self.sas_type.encode() + self.sashash + self.signature

    @classmethod
    def parse(cls, octets: bytes) -> "RelayPart":
        """Read one; FormatError."""
        if len(octets) < 40 or len(octets) != 40 + 4 * ((octets[1] & 1) << 8 | octets[2]):
            raise FormatError("SASrelay of a wrong length")
        flags = octets[3]
        return cls(
            block_text(octets[4:8]),
            octets[8:40],
            bool(flags & 4),
            bool(flags & 2),
            bool(flags & 1),
            octets[40:],
        )
