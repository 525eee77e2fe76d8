# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTCP messages: parser and writer (RFC 3550 section 6.4 to 6.7, checks of appendix A.2).

Every message begins with

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |V=2|P|  count  |  packet type  |      length in words - 1      |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

and they come in compounds: a report first, whole words, padding in the last alone.
"""

from vox6.wire import FormatError, LocalProtocolError, Reader, Writer, const

_SR = const(200)
_RR = const(201)
_SDES = const(202)
_BYE = const(203)
XR = 207  # RFC 3611 section 2, in xr.py

_USUAL_OCTETS = const(192)  # a report, a name and XR: a small heap may lack 1,500 in one piece
_MAX_OCTETS = const(1500)  # a compound fits one datagram of the network (section 6.1)
_MAX_MESSAGES = const(32)  # of a compound; a phone sends three
_MAX_COUNT = const(31)  # five bits
_MAX_ITEMS = const(64)  # SDES items of a chunk; eight kinds are defined

# SDES item types (section 12.2)
CNAME = 1
NAME = 2
EMAIL = 3
PHONE = 4
LOC = 5
TOOL = 6
NOTE = 7
PRIV = 8


class ReportBlock:
    """What a receiver says of one source (section 6.4.1), 24 octets.

    fraction_lost: of 256, since the report before. cumulative_lost: signed, 24 bits.
    highest_sequence: extended, 32 bits. jitter: time stamp units. last_sr: the middle 32 bits of
    the NTP time of the last sender report, 0 without. delay: since that report, in 1/65536 s.
    """

    def __init__(
        self,
        ssrc: int,
        fraction_lost: int,
        cumulative_lost: int,
        highest_sequence: int,
        jitter: int,
        last_sr: int = 0,
        delay: int = 0,
    ) -> None:
        self.ssrc = ssrc
        self.fraction_lost = fraction_lost
        self.cumulative_lost = cumulative_lost
        self.highest_sequence = highest_sequence
        self.jitter = jitter
        self.last_sr = last_sr
        self.delay = delay

    @classmethod
    def parse(cls, reader: Reader) -> "ReportBlock":
        """Read the next block."""
        ssrc = reader.u32()
        fraction_lost = reader.u8()
        lost = reader.u24()
        if lost & 0x800000:
            lost -= 0x1000000
        highest = reader.u32()
        jitter = reader.u32()
        last_sr = reader.u32()
        return cls(ssrc, fraction_lost, lost, highest, jitter, last_sr, reader.u32())

    def emit(self, writer: Writer) -> None:
        """Write the block; the loss is clamped to 24 bits as appendix A.3 says."""
        writer.u32(self.ssrc)
        writer.u8(self.fraction_lost)
        lost = max(-0x800000, min(0x7FFFFF, self.cumulative_lost))
        writer.u24(lost & 0xFFFFFF)
        writer.u32(self.highest_sequence)
        writer.u32(self.jitter)
        writer.u32(self.last_sr)
        writer.u32(self.delay)


class _Message:
    """What all messages share: the type, the count and where the body goes."""

    packet_type = 0

    def _count(self) -> int:
        raise LocalProtocolError("not a message")

    def _body(self, writer: Writer) -> None:
        raise LocalProtocolError("not a message")

    def emit(self, writer: Writer) -> None:
        """Write header and body; the body is filled up to whole words with zeros."""
        count = self._count()
        if not 0 <= count <= _MAX_COUNT:
            raise LocalProtocolError("more than 31 in an RTCP message")
        start = writer.position
        writer.u8(0x80 | count)
        writer.u8(self.packet_type)
        writer.u16(0)
        self._body(writer)
        while (writer.position - start) % 4:
            writer.u8(0)
        writer.patch16(start + 2, (writer.position - start) // 4 - 1)


class SenderReport(_Message):
    """SR (section 6.4.1). ntp: 64 bits; extension: octets of a profile in whole words."""

    packet_type = _SR

    def __init__(
        self,
        ssrc: int,
        ntp: int,
        rtp_timestamp: int,
        packet_count: int,
        octet_count: int,
        blocks: "list[ReportBlock] | None" = None,
        extension: bytes = b"",
    ) -> None:
        self.ssrc = ssrc
        self.ntp = ntp
        self.rtp_timestamp = rtp_timestamp
        self.packet_count = packet_count
        self.octet_count = octet_count
        self.blocks: "list[ReportBlock]" = [] if blocks is None else blocks
        self.extension = extension

    @classmethod
    def parse(cls, reader: Reader, count: int) -> "SenderReport":
        """Read the body behind the header."""
        ssrc = reader.u32()
        ntp = reader.u64()
        timestamp = reader.u32()
        packets = reader.u32()
        octets = reader.u32()
        blocks = [ReportBlock.parse(reader) for _ in range(count)]
        return cls(ssrc, ntp, timestamp, packets, octets, blocks, reader.rest())

    def _count(self) -> int:
        return len(self.blocks)

    def _body(self, writer: Writer) -> None:
        writer.u32(self.ssrc)
        writer.u64(self.ntp)
        writer.u32(self.rtp_timestamp)
        writer.u32(self.packet_count)
        writer.u32(self.octet_count)
        for block in self.blocks:
            block.emit(writer)
        writer.octets(self.extension)


class ReceiverReport(_Message):
    """RR (section 6.4.2); without a block it says only that we are there."""

    packet_type = _RR

    def __init__(
        self, ssrc: int, blocks: "list[ReportBlock] | None" = None, extension: bytes = b""
    ) -> None:
        self.ssrc = ssrc
        self.blocks: "list[ReportBlock]" = [] if blocks is None else blocks
        self.extension = extension

    @classmethod
    def parse(cls, reader: Reader, count: int) -> "ReceiverReport":
        """Read the body behind the header."""
        ssrc = reader.u32()
        blocks = [ReportBlock.parse(reader) for _ in range(count)]
        return cls(ssrc, blocks, reader.rest())

    def _count(self) -> int:
        return len(self.blocks)

    def _body(self, writer: Writer) -> None:
        writer.u32(self.ssrc)
        for block in self.blocks:
            block.emit(writer)
        writer.octets(self.extension)


class SourceDescription(_Message):
    """SDES (section 6.5). chunks: list of (ssrc, list of (item type, octets of the text)).

    Each chunk: SSRC, items of type, length, text; a zero ends the list, zeros fill the word.
    """

    packet_type = _SDES

    def __init__(self, chunks: "list[tuple[int, list[tuple[int, bytes]]]]") -> None:
        self.chunks = chunks

    @classmethod
    def parse(cls, reader: Reader, count: int) -> "SourceDescription":
        """Read the body behind the header."""
        chunks: "list[tuple[int, list[tuple[int, bytes]]]]" = []
        for _ in range(count):
            ssrc = reader.u32()
            start = reader.position
            items: "list[tuple[int, bytes]]" = []
            while True:
                kind = reader.u8()
                if kind == 0:
                    break
                if len(items) == _MAX_ITEMS:
                    raise FormatError("too many SDES items")
                items.append((kind, reader.octets(reader.u8())))
            while (reader.position - start) % 4:
                if reader.u8():
                    raise FormatError("SDES chunk not filled up with zeros")
            chunks.append((ssrc, items))
        reader.finish()
        return cls(chunks)

    def cname(self, ssrc: int) -> "bytes | None":
        """Return the CNAME of a source; None without."""
        for source, items in self.chunks:
            if source == ssrc:
                for kind, text in items:
                    if kind == CNAME:
                        return text
        return None

    def _count(self) -> int:
        return len(self.chunks)

    def _body(self, writer: Writer) -> None:
        for ssrc, items in self.chunks:
            writer.u32(ssrc)
            start = writer.position
            for kind, text in items:
                if not 1 <= kind <= 255 or len(text) > 255:
                    raise LocalProtocolError("SDES item out of range")
                writer.u8(kind)
                writer.u8(len(text))
                writer.octets(text)
            writer.u8(0)
            while (writer.position - start) % 4:
                writer.u8(0)


class Goodbye(_Message):
    """BYE (section 6.6). reason: octets of a text, b"" without."""

    packet_type = _BYE

    def __init__(self, sources: "list[int]", reason: bytes = b"") -> None:
        self.sources = sources
        self.reason = reason

    @classmethod
    def parse(cls, reader: Reader, count: int) -> "Goodbye":
        """Read the body behind the header."""
        sources = [reader.u32() for _ in range(count)]
        reason = b""
        if reader.remaining():
            reason = reader.octets(reader.u8())
            if reader.remaining() > 3:
                raise FormatError("octets behind the reason of an RTCP BYE")
        return cls(sources, reason)

    def _count(self) -> int:
        return len(self.sources)

    def _body(self, writer: Writer) -> None:
        for source in self.sources:
            writer.u32(source)
        if self.reason:
            if len(self.reason) > 255:
                raise LocalProtocolError("reason of an RTCP BYE too long")
            writer.u8(len(self.reason))
            writer.octets(self.reason)


class Unknown(_Message):
    """Any other message (APP, feedback): count and octets as they came."""

    def __init__(self, packet_type: int, count: int, body: bytes) -> None:
        self.packet_type = packet_type
        self.count = count
        self.body = body

    def _count(self) -> int:
        return self.count

    def _body(self, writer: Writer) -> None:
        if len(self.body) % 4:
            raise LocalProtocolError("RTCP message is not in whole words")
        writer.octets(self.body)


def parse_compound(octets: "bytes | bytearray | memoryview") -> "list[_Message]":
    """Return the messages of a compound (section 6.1); FormatError if it breaks a rule.

    octets: the whole datagram, borrowed. Padding is dropped. A report has to come first, so the
    reduced form of RFC 5506 is refused.
    """
    if len(octets) > _MAX_OCTETS:
        raise FormatError("RTCP compound too long")
    reader = Reader(octets)
    messages: "list[_Message]" = []
    while True:
        first = reader.u8()
        if first >> 6 != 2:
            raise FormatError("not version 2 of RTCP")
        kind = reader.u8()
        body = reader.sub(4 * reader.u16())
        if not messages and kind != _SR and kind != _RR:
            raise FormatError("RTCP compound does not begin with a report")
        last = not reader.remaining()
        if first & 0x20:
            if not last:
                raise FormatError("RTCP padding before the last message")
            padding = octets[body.end - 1] if body.remaining() else 0
            if not padding or padding % 4 or padding > body.remaining():
                raise FormatError("bad RTCP padding")
            body.end -= padding
        count = first & 31
        if kind == _SR:
            messages.append(SenderReport.parse(body, count))
        elif kind == _RR:
            messages.append(ReceiverReport.parse(body, count))
        elif kind == _SDES:
            messages.append(SourceDescription.parse(body, count))
        elif kind == _BYE:
            messages.append(Goodbye.parse(body, count))
        elif kind == XR:
            from .xr import ExtendedReport

            messages.append(ExtendedReport.parse(body, count))
        else:
            messages.append(Unknown(kind, count, body.rest()))
        if last:
            return messages
        if len(messages) == _MAX_MESSAGES:
            raise FormatError("too many RTCP messages")


def emit_compound(messages: "list[_Message]") -> bytes:
    """Return the octets of a compound; LocalProtocolError if it does not begin with a report."""
    if not messages or messages[0].packet_type not in (_SR, _RR):
        raise LocalProtocolError("an RTCP compound begins with a report")
    try:
        return _emit(messages, bytearray(_USUAL_OCTETS))
    except LocalProtocolError:  # more of them, or one that cannot be written at all
        return _emit(messages, bytearray(_MAX_OCTETS))


def _emit(messages: "list[_Message]", buffer: bytearray) -> bytes:
    writer = Writer(buffer)
    for message in messages:
        message.emit(writer)
    return writer.getvalue()
