# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Any octets into lib/zrtp: FormatError alone leaves a parser, nothing leaves an engine."""

import random

from hypothesis import given
from hypothesis import strategies as st

from host_tests.unit.zrtp.helpers import A_ZID, B_ZID, Pair, session, take
from vox6.wire import FormatError
from vox6.zrtp import encrypted, messages, packet

KINDS = (
    b"Hello   HelloACKCommit  DHPart1 DHPart2 Confirm1Confirm2Conf2ACKError   ErrorACK"
    b"GoClear ClearACKSASrelayRelayACKPing    PingACK Nonsense"
)


@st.composite
def bodies(draw):
    """A message with a right length, anything behind it."""
    body = draw(st.binary(max_size=640))
    body += bytes(-len(body) % 4)
    at = 8 * draw(st.integers(0, len(KINDS) // 8 - 1))
    kind = KINDS[at : at + 8]
    words = 3 + len(body) // 4
    return b"\x50\x5a" + words.to_bytes(2, "big") + kind + body


@given(st.one_of(st.binary(max_size=700), bodies()))
def test_parsers(octets):
    for parse in (
        messages.parse,
        encrypted.ConfirmPart.parse,
        encrypted.RelayPart.parse,
        packet.parse,
        lambda data: packet.parse(packet.emit(data, 1, 2)),
    ):
        try:
            parse(octets)
        except FormatError:
            pass


@given(bodies())
def test_what_is_parsed_is_emitted(octets):
    try:
        message = messages.parse(octets)
    except FormatError:
        return
    again = messages.parse(message.emit())
    assert type(again) is type(message)
    if not isinstance(message, messages.Hello):  # its unused bits and text are not kept
        if b"?" not in message.emit():
            assert message.emit() == octets


@given(
    st.integers(0, 12),
    st.lists(st.one_of(st.binary(max_size=200), bodies()), max_size=6),
    st.booleans(),
)
def test_engine_in_each_state(steps, inputs, framed):
    """Stop a handshake after some messages, then give nonsense; no exception, bounded output."""
    count = [0]

    def change(sender, octets):
        count[0] += 1
        return octets if count[0] <= steps else None

    pair = Pair(change=change).start().run(20)
    for engine in (pair.one, pair.two):
        for octets in inputs:
            ssrc = engine._peer_ssrc or 77
            data = packet.emit(octets, 5, ssrc) if framed else octets
            engine.receive_datagram(data, None, 25)
            assert len(engine.datagrams_to_send()) <= 16
        take(engine)
        for _ in range(200):
            when = engine.get_timer()
            if when is None:
                break
            engine.handle_timer(when)
            engine.datagrams_to_send()


@given(st.randoms(use_true_random=False))
def test_changed_messages_never_agree_wrongly(rng: random.Random):
    """One bit of one message is another: both have the same keys and SAS, or one has none."""
    target = rng.randrange(1, 12)
    count = [0]

    def change(sender, octets):
        count[0] += 1
        if count[0] == target:
            octets = bytearray(octets)
            octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
            return bytes(octets)
        return octets

    pair = Pair(session(A_ZID, 1), session(B_ZID, 2), change).start().run(25000)
    a, b = pair.keys("a"), pair.keys("b")
    if len(a) == len(b) == 2:
        assert pair.agree()
