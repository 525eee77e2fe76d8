# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A bounded cursor over received octets, network byte order."""

from .errors import FormatError


class Reader:
    """Reads fields from left to right; a field that is not all there raises FormatError.

    data: octets, borrowed until the reader is dropped (bytes, bytearray or memoryview).
    start, end: the part to read, 0 <= start <= end <= len(data).
    """

    def __init__(
        self,
        data: "bytes | bytearray | memoryview",
        start: int = 0,
        end: "int | None" = None,
    ) -> None:
        self.data = data
        self.position = start
        self.end = len(data) if end is None else end
        if not 0 <= start <= self.end <= len(data):
            raise FormatError("part outside of the data")

    def remaining(self) -> int:
        """Return how many octets are left."""
        return self.end - self.position

    def _take(self, length: int) -> int:
        position = self.position
        if length < 0 or length > self.end - position:
            raise FormatError("truncated")
        self.position = position + length
        return position

    def u8(self) -> int:
        """Return an unsigned integer of one octet."""
        return self.data[self._take(1)]

    def u16(self) -> int:
        """Return an unsigned integer of two octets."""
        at = self._take(2)
        data = self.data
        return data[at] << 8 | data[at + 1]

    def u24(self) -> int:
        """Return an unsigned integer of three octets."""
        at = self._take(3)
        data = self.data
        return data[at] << 16 | data[at + 1] << 8 | data[at + 2]

    def u32(self) -> int:
        """Return an unsigned integer of four octets."""
        at = self._take(4)
        data = self.data
        return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]

    def u64(self) -> int:
        """Return an unsigned integer of eight octets."""
        high = self.u32()
        return high << 32 | self.u32()

    def octets(self, length: int) -> bytes:
        """Return a copy of the next octets."""
        at = self._take(length)
        return bytes(self.data[at : at + length])

    def view(self, length: int) -> memoryview:
        """Return the next octets without a copy; valid as long as the data."""
        at = self._take(length)
        return memoryview(self.data)[at : at + length]

    def rest(self) -> bytes:
        """Return a copy of all that is left."""
        return self.octets(self.end - self.position)

    def skip(self, length: int) -> None:
        """Step over octets."""
        self._take(length)

    def sub(self, length: int) -> "Reader":
        """Return a reader of the next octets and step over them."""
        at = self._take(length)
        return Reader(self.data, at, at + length)

    def finish(self) -> None:
        """Raise FormatError unless everything was read."""
        if self.position != self.end:
            raise FormatError("octets behind the end")
