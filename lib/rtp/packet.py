# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTP packets: parser and writer of the header (RFC 3550 section 5.1 and 5.3.1).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                           timestamp                           |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |           synchronization source (SSRC) identifier            |
    +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
    |            contributing source (CSRC) identifiers, 0..15      |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |  if X: defined by profile     |    length in 32-bit words     |
    |                       header extension                        |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

On a phone the C module `media` does this for the voice; here it is for tests, tools and gateways.
"""

from vox6.wire import FormatError, LocalProtocolError, Reader, Writer, const

_VERSION = const(2)
_MAX_CSRC = const(15)


class Packet:
    """One RTP packet.

    extension: None or (the 16 bits that the profile defines, octets in whole words).
    padding: octets of padding behind the payload, 0 without; the last of them tells the count.
    """

    def __init__(
        self,
        payload_type: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes = b"",
        *,
        marker: bool = False,
        csrc: "tuple[int, ...]" = (),
        extension: "tuple[int, bytes] | None" = None,
        padding: int = 0,
    ) -> None:
        self.payload_type = payload_type
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
        self.marker = marker
        self.csrc = csrc
        self.extension = extension
        self.padding = padding

    @classmethod
    def parse(cls, octets: "bytes | bytearray | memoryview") -> "Packet":
        """Read a whole datagram; FormatError if it is no RTP packet."""
        reader = Reader(octets)
        first = reader.u8()
        if first >> 6 != _VERSION:
            raise FormatError("not version 2 of RTP")
        second = reader.u8()
        sequence = reader.u16()
        timestamp = reader.u32()
        ssrc = reader.u32()
        csrc = tuple([reader.u32() for _ in range(first & 15)])
        extension = None
        if first & 0x10:
            profile = reader.u16()
            extension = (profile, reader.octets(4 * reader.u16()))
        padding = 0
        if first & 0x20:
            if not reader.remaining():
                raise FormatError("RTP padding is missing")
            padding = octets[len(octets) - 1]
            if not 1 <= padding <= reader.remaining():
                raise FormatError("RTP padding longer than the packet")
        return cls(
            second & 0x7F,
            sequence,
            timestamp,
            ssrc,
            reader.octets(reader.remaining() - padding),
            marker=second & 0x80 != 0,
            csrc=csrc,
            extension=extension,
            padding=padding,
        )

    def emit(self, buffer: bytearray, start: int = 0) -> int:
        """Write the packet into buffer from start on; return its length in octets.

        LocalProtocolError: it does not fit, or a field is out of range.
        """
        if len(self.csrc) > _MAX_CSRC or not 0 <= self.payload_type <= 127:
            raise LocalProtocolError("RTP field out of range")
        if not 0 <= self.padding <= 255:
            raise LocalProtocolError("RTP padding out of range")
        writer = Writer(buffer, start)
        first = _VERSION << 6 | len(self.csrc)
        if self.padding:
            first |= 0x20
        if self.extension is not None:
            first |= 0x10
        writer.u8(first)
        writer.u8(self.payload_type | (0x80 if self.marker else 0))
        writer.u16(self.sequence)
        writer.u32(self.timestamp)
        writer.u32(self.ssrc)
        for source in self.csrc:
            writer.u32(source)
        if self.extension is not None:
            profile, octets = self.extension
            if len(octets) % 4:
                raise LocalProtocolError("RTP header extension is not in whole words")
            writer.u16(profile)
            writer.u16(len(octets) // 4)
            writer.octets(octets)
        writer.octets(self.payload)
        if self.padding:
            writer.octets(bytes(self.padding - 1))
            writer.u8(self.padding)
        return writer.length()
