# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: hypothesis
"""The oracle: on any octets lib/rtp gives a value or a FormatError, and a value that was read can
be written and read again to the same."""

from hypothesis import given
from hypothesis import strategies as st

from vox6.rtp import events, rtcp, xr
from vox6.rtp.packet import Packet
from vox6.rtp.session import Session
from vox6.wire import FormatError

U8 = st.integers(0, 255)
U32 = st.integers(0, 0xFFFFFFFF)
PEER = (bytes(16), 5001)


def header_first(kinds):
    """Octets that get past the header: version 2, a type of ours, a length that fits."""
    return st.builds(
        lambda first, kind, body: (
            bytes([0x80 | first & 0x3F, kind])
            + (len(body) // 4).to_bytes(2, "big")
            + body[: len(body) // 4 * 4]
        ),
        U8,
        st.sampled_from(kinds),
        st.binary(max_size=64),
    )


RTP = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda first, rest: bytes([0x80 | first & 0x3F]) + rest, U8, st.binary(max_size=80)),
)
RTCP = st.one_of(
    st.binary(max_size=80),
    st.lists(header_first([200, 201, 202, 203, 204, 207]), max_size=4).map(b"".join),
    st.lists(header_first([202, 203, 207]), max_size=4).map(
        lambda parts: bytes.fromhex("80c9000100000001") + b"".join(parts)
    ),
)
BLOCK = st.builds(rtcp.ReportBlock, U32, U8, st.integers(-0x800000, 0x7FFFFF), U32, U32, U32, U32)
BLOCKS = st.lists(BLOCK, max_size=4)
TEXT = st.binary(max_size=20)
MESSAGE = st.one_of(
    st.builds(
        rtcp.SenderReport, U32, st.integers(0, (1 << 64) - 1), U32, U32, U32, BLOCKS,
        st.sampled_from([b"", b"abcd"]),
    ),
    st.builds(rtcp.ReceiverReport, U32, BLOCKS, st.sampled_from([b"", b"abcd"])),
    st.builds(
        rtcp.SourceDescription,
        st.lists(st.tuples(U32, st.lists(st.tuples(st.integers(1, 255), TEXT), max_size=5)),
                 max_size=5),
    ),
    st.builds(rtcp.Goodbye, st.lists(U32, max_size=31), TEXT),
    st.builds(xr.ExtendedReport, U32, st.lists(st.one_of(
        st.builds(xr.UnknownBlock, st.integers(8, 255), U8,
                  st.integers(0, 9).map(lambda words: bytes(4 * words))),
        st.builds(lambda ssrc, value: xr.VoIPMetrics(ssrc, loss_rate=value), U32, U32),
    ), max_size=4), st.integers(0, 31)),
    st.builds(rtcp.Unknown, st.sampled_from([204, 205, 206, *range(208, 256)]), st.integers(0, 31),
              st.integers(0, 9).map(lambda words: bytes(4 * words))),
)  # fmt: skip


@given(RTP)
def test_packet(octets):
    try:
        packet = Packet.parse(octets)
    except FormatError:
        return
    buffer = bytearray(len(octets))
    assert packet.emit(buffer) == len(octets)
    again = Packet.parse(buffer)
    assert vars(again) == vars(packet)
    if not packet.padding:
        assert bytes(buffer) == octets


@given(RTCP)
def test_compound(octets):
    try:
        messages = rtcp.parse_compound(octets)
    except FormatError:
        return
    written = rtcp.emit_compound(messages)
    assert rtcp.emit_compound(rtcp.parse_compound(written)) == written


@given(MESSAGE.filter(lambda one: one.packet_type in (200, 201)), st.lists(MESSAGE, max_size=3))
def test_whatever_can_be_constructed(first, others):
    written = rtcp.emit_compound([first, *others])
    assert len(written) % 4 == 0
    messages = rtcp.parse_compound(written)
    assert [one.packet_type for one in messages] == [one.packet_type for one in [first, *others]]
    assert rtcp.emit_compound(messages) == written


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("data"), RTCP),
            st.tuples(st.just("time"), st.integers(0, 20000)),
            st.tuples(
                st.just("report"),
                st.dictionaries(
                    st.sampled_from(
                        ["sent", "sent_octets", "ssrc", "received", "lost", "highest_sequence",
                         "jitter", "last_sr", "last_sr_us", "looped", "late", "delay_ms"]
                    ),
                    U32,
                ),
            ),
            st.tuples(st.just("stop"), st.none()),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_session(steps):
    """Any datagrams, times and counts: whatever leaves is a compound, and queues stay bounded."""
    engine = Session(1, b"cname", lambda length: b"\x80" * length, PEER, metrics=True)
    now = 0
    engine.start(now)
    for what, value in steps:
        if what == "data":
            engine.receive_datagram(value, PEER, now)
        elif what == "time":
            now += value
            engine.handle_timer(now)
        elif what == "report":
            engine.report(value, 5, 1 << 40, now, time_us=now * 1000)
        else:
            engine.stop({}, 0, 0, now)
        for data, _ in engine.datagrams_to_send():
            rtcp.parse_compound(data)
        timer = engine.get_timer()
        assert timer is None or timer <= now + 60000
        for _ in range(17):
            event = engine.next_event()
            if event is None:
                break
            assert isinstance(
                event,
                events.ReportDue
                | events.ReportReceived
                | events.PeerNamed
                | events.PeerLeft
                | events.PeerTimedOut
                | events.SSRCChanged
                | events.MetricsReceived,
            )
        assert engine.next_event() is None
