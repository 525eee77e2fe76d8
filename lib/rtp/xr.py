# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTCP extended reports: the block of VoIP metrics (RFC 3611 section 3 and 4.7).

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|     BT=7      |   reserved    |       block length = 8        |
|                        SSRC of source                         |
|   loss rate   | discard rate  | burst density |  gap density  |
|       burst duration          |         gap duration          |
|     round trip delay          |       end system delay        |
| signal level  |  noise level  |     RERL      |     Gmin      |
|   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
|   RX config   |   reserved    |          JB nominal           |
|          JB maximum           |          JB abs max           |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from vox6.wire import FormatError, LocalProtocolError, Reader, Writer, const

from .rtcp import XR, _Message

_VOIP_METRICS = const(7)
_VOIP_OCTETS = const(32)
_MAX_BLOCKS = const(16)  # of a message; a phone sends one
_GMIN = const(16)  # recommended by section 4.7.2
_UNKNOWN = const(127)  # of a level or a rating (section 4.7.4, 4.7.5)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Octets in wire order: name, octets of its field.
_FIELDS = (
    ("loss_rate", 1),  # of 256, all of the time since the source began
    ("discard_rate", 1),
    ("burst_density", 1),
    ("gap_density", 1),
    ("burst_duration_ms", 2),
    ("gap_duration_ms", 2),
    ("round_trip_ms", 2),
    ("end_system_delay_ms", 2),
    ("signal_level", 1),  # dBm0, signed
    ("noise_level", 1),
    ("residual_echo_return_loss", 1),
    ("gmin", 1),
    ("r_factor", 1),
    ("external_r_factor", 1),
    ("mos_lq", 1),  # tenths
    ("mos_cq", 1),
    ("rx_config", 1),  # concealment, jitter buffer: section 4.7.6
    ("reserved", 1),
    ("jitter_buffer_nominal_ms", 2),
    ("jitter_buffer_maximum_ms", 2),
    ("jitter_buffer_absolute_maximum_ms", 2),
)


class VoIPMetrics:
    """A block of VoIP metrics; attributes as in _FIELDS, what is not known has its RFC's value."""

    specific = 0  # reserved octet of the block's header

    def __init__(self, ssrc: int, **values: int) -> None:
        self.ssrc = ssrc
        self.values = {name: 0 for name, octets in _FIELDS}
        for name in ("signal_level", "noise_level", "residual_echo_return_loss", "r_factor"):
            self.values[name] = _UNKNOWN
        for name in ("external_r_factor", "mos_lq", "mos_cq"):
            self.values[name] = _UNKNOWN
        self.values["gmin"] = _GMIN
        for name in values:
            if name not in self.values:
                raise LocalProtocolError("no such VoIP metric")
        self.values.update(values)

    @classmethod
    def parse(cls, reader: Reader) -> "VoIPMetrics":
        """Read the block behind its header."""
        block = cls(reader.u32())
        for name, octets in _FIELDS:
            block.values[name] = reader.u8() if octets == 1 else reader.u16()
        return block

    def emit(self, writer: Writer) -> None:
        """Write the block; a value too great for its field becomes the greatest."""
        writer.u8(_VOIP_METRICS)
        writer.u8(self.specific)
        writer.u16(_VOIP_OCTETS // 4)
        writer.u32(self.ssrc)
        for name, octets in _FIELDS:
            value = max(0, min((1 << 8 * octets) - 1, self.values[name]))
            (writer.u8 if octets == 1 else writer.u16)(value)


class UnknownBlock:
    """Any other block: octets as they came."""

    def __init__(self, kind: int, specific: int, body: bytes) -> None:
        self.kind = kind
        self.specific = specific
        self.body = body

    def emit(self, writer: Writer) -> None:
        """Write it again."""
        if len(self.body) % 4:
            raise LocalProtocolError("XR block is not in whole words")
        writer.u8(self.kind)
        writer.u8(self.specific)
        writer.u16(len(self.body) // 4)
        writer.octets(self.body)


class ExtendedReport(_Message):
    """XR (section 2). ssrc: of who reports; blocks: VoIPMetrics and UnknownBlock."""

    packet_type = XR

    def __init__(self, ssrc: int, blocks: "list[Any]", reserved: int = 0) -> None:
        self.ssrc = ssrc
        self.blocks = blocks
        self.reserved = reserved  # 5 bits of the header

    @classmethod
    def parse(cls, reader: Reader, reserved: int) -> "ExtendedReport":
        """Read the body behind the header; FormatError if a block is cut off."""
        ssrc = reader.u32()
        blocks: "list[Any]" = []
        while reader.remaining():
            if len(blocks) == _MAX_BLOCKS:
                raise FormatError("too many XR blocks")
            kind = reader.u8()
            specific = reader.u8()
            body = reader.sub(4 * reader.u16())
            if kind == _VOIP_METRICS:
                if body.remaining() != _VOIP_OCTETS:
                    raise FormatError("XR VoIP metrics of a wrong length")
                block = VoIPMetrics.parse(body)
                block.specific = specific
                blocks.append(block)
            else:
                blocks.append(UnknownBlock(kind, specific, body.rest()))
        return cls(ssrc, blocks, reserved)

    def _count(self) -> int:
        return self.reserved

    def _body(self, writer: Writer) -> None:
        writer.u32(self.ssrc)
        for block in self.blocks:
            block.emit(writer)


def bursts(counts: "tuple[int, ...]", frame_ms: int = 20) -> "dict[str, int]":
    """Return densities and durations of bursts and gaps (appendix A.2).

    counts: c11, c13, c14, c22, c23, c33 of that appendix, in frames of frame_ms.
    """
    c11, c13, c14, c22, c23, c33 = counts
    total = c11 + c14 + 2 * c13 + c22 + 2 * c23 + c33
    if not c13:
        # no gap was ended by a loss of another burst: all is one gap
        density = 256 * c14 // (c11 + c14) if c11 + c14 else 0
        return {
            "burst_density": 0,
            "gap_density": min(255, density),
            "burst_duration_ms": 0,
            "gap_duration_ms": total * frame_ms,
        }
    p23 = 1.0 if c22 + c23 < 1 else 1.0 - c22 / (c22 + c23)
    p32 = c23 / (c13 + c23 + c33)
    burst = 256.0 * p23 / (p23 + p32) if p23 + p32 else 0.0
    gap_ms = (c11 + c14 + c13) * frame_ms // c13
    return {
        "burst_density": min(255, int(burst)),
        "gap_density": min(255, 256 * c14 // (c11 + c14)) if c11 + c14 else 0,
        "burst_duration_ms": total * frame_ms // c13 - gap_ms,
        "gap_duration_ms": gap_ms,
    }


def voip_metrics(statistics: "dict[str, Any]", round_trip_ms: "int | None") -> VoIPMetrics:
    """Return the block about the source that media hears.

    statistics: of media's stream: ssrc, received, lost, late, discarded, bursts, delay_ms,
    target_ms; what is missing counts as 0.
    """
    lost = max(0, statistics.get("lost", 0))
    expected = max(1, statistics.get("received", 0) + lost)
    dropped = statistics.get("late", 0) + statistics.get("discarded", 0)
    delay_ms = statistics.get("delay_ms", 0)
    values = {
        "loss_rate": min(255, 256 * lost // expected),
        "discard_rate": min(255, 256 * dropped // expected),
        "round_trip_ms": round_trip_ms or 0,
        # our microphone and speaker: a frame each, and what the jitter buffer holds
        "end_system_delay_ms": 40 + delay_ms,
        "rx_config": 0xF0,  # standard concealment (11), adaptive buffer (11), rate not told (0)
        "jitter_buffer_nominal_ms": statistics.get("target_ms", 0),
        "jitter_buffer_maximum_ms": 200,
        "jitter_buffer_absolute_maximum_ms": 200,
    }
    values.update(bursts(statistics.get("bursts", (0, 0, 0, 0, 0, 0))))
    return VoIPMetrics(statistics.get("ssrc") or 0, **values)
