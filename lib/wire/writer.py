# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A bounded cursor that writes octets, network byte order."""

from .errors import LocalProtocolError


class Writer:
    """Writes fields from left to right into a buffer that the caller owns.

    buffer: written from start on; it never grows.
    LocalProtocolError: a field does not fit or a value is out of range; position unchanged.
    """

    def __init__(self, buffer: bytearray, start: int = 0) -> None:
        self.buffer = buffer
        self.position = start
        self.start = start

    def _take(self, length: int, value: int = 0) -> int:
        position = self.position
        if position + length > len(self.buffer):
            raise LocalProtocolError("buffer full")
        if value < 0 or (length < 8 and value >> (8 * length)):
            raise LocalProtocolError("value out of range")
        self.position = position + length
        return position

    def u8(self, value: int) -> None:
        """Write one octet."""
        self.buffer[self._take(1, value)] = value

    def u16(self, value: int) -> None:
        """Write two octets."""
        at = self._take(2, value)
        self.buffer[at] = value >> 8
        self.buffer[at + 1] = value & 0xFF

    def u24(self, value: int) -> None:
        """Write three octets."""
        at = self._take(3, value)
        self.buffer[at] = value >> 16
        self.buffer[at + 1] = value >> 8 & 0xFF
        self.buffer[at + 2] = value & 0xFF

    def u32(self, value: int) -> None:
        """Write four octets."""
        at = self._take(4, value)
        self.buffer[at] = value >> 24
        self.buffer[at + 1] = value >> 16 & 0xFF
        self.buffer[at + 2] = value >> 8 & 0xFF
        self.buffer[at + 3] = value & 0xFF

    def u64(self, value: int) -> None:
        """Write eight octets."""
        if value < 0 or value >> 64:
            raise LocalProtocolError("value out of range")
        if self.position + 8 > len(self.buffer):
            raise LocalProtocolError("buffer full")
        self.u32(value >> 32)
        self.u32(value & 0xFFFFFFFF)

    def octets(self, data: "bytes | bytearray | memoryview") -> None:
        """Write octets as they are."""
        at = self._take(len(data))
        self.buffer[at : at + len(data)] = data

    def patch16(self, at: int, value: int) -> None:
        """Overwrite two octets written before, for lengths known late."""
        if at < self.start or at + 2 > self.position or value < 0 or value >> 16:
            raise LocalProtocolError("nothing written there")
        self.buffer[at] = value >> 8
        self.buffer[at + 1] = value & 0xFF

    def length(self) -> int:
        """Return how many octets were written."""
        return self.position - self.start

    def getvalue(self) -> bytes:
        """Return a copy of what was written."""
        return bytes(self.buffer[self.start : self.position])
