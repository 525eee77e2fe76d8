# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Any octets into lib/pubtsp: FormatError alone leaves a parser, nothing leaves rules or engines.

And the server's promises: never more than thrice what was asked, nothing but what the egress check
lets pass goes up, an error is at most 48 octets longer than its cause, nothing is remembered.
"""

from hypothesis import given
from hypothesis import strategies as st

from host_tests.unit.pubtsp import rows
from host_tests.unit.pubtsp.test_client import SERVER, Hand
from host_tests.unit.pubtsp.test_server import HEAD, PEER, server
from host_tests.vectors.pubtsp import exchanges
from vox6.pubtsp import header, ipv6, mapped, markup, messages
from vox6.wire import FormatError

WORDS = (
    "<", ">", "/", "=", "'", '"', "<!--", "-->", "<?", "?>", "<!DOCTYPE", "<![CDATA[", "tunnel",
    ' action="create"', ' type="v6udpv4"', "client", "address", ' type="ipv4"', "keepalive",
    ' interval="30"', "router", "prefix", "10.0.0.1", "::1", " ", "\r\n", "Content-length: ", "35",
    "VERSION=2.0.0", "AUTHENTICATE ", "ANONYMOUS", "200 Success", "1530", "CAPABILITY ", "\0",
    '<tunnel action="create" type="v6udpv4">', "</tunnel>", "<client>", "</client>", "\xff",
)  # fmt: skip
texts = st.lists(st.sampled_from(WORDS), max_size=40).map(lambda words: "".join(words))
octets = st.one_of(st.binary(max_size=300), texts.map(lambda text: text.encode("latin-1")))
ROWS = [row[2] for row in rows.FROM_TUNNEL + rows.TO_TUNNEL]


@st.composite
def mangled(draw):
    """A good packet or message with some octets changed, or cut, or longer."""
    good = draw(st.sampled_from(ROWS + [exchange[1] for exchange in exchanges.EXCHANGES]))
    data = bytearray(good)
    for _ in range(draw(st.integers(0, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


anything = st.one_of(octets, mangled(), octets.map(lambda text: HEAD + text))
addresses = st.sampled_from(
    (rows.V4, rows.OTHER_V4, rows.SERVER, rows.PEER_SERVER, bytes(4), bytes((10, 0, 0, 1)))
)
ports = st.sampled_from((0, 53, 1023, 1024, 3653, rows.PORT, rows.OTHER_PORT, 65535))


@given(octets, texts)
def test_parsers(data, text):
    for parse, what in (
        (messages.parse_request, data),
        (messages.parse_reply, data),
        (messages.parse_reply, b"200 Success\r\n" + data),
        (messages.looks_like_reply, data),
        (header.parse, data),
        (markup.parse, text),
        (markup.parse, "<tunnel>" + text + "</tunnel>"),
    ):
        try:
            parse(what)
        except FormatError as error:
            assert error.code in (500, 501)


@given(st.one_of(mangled(), st.binary(min_size=40, max_size=90)))
def test_walking_headers(data):
    if len(data) >= 40:
        kind, at, _ = ipv6.upper_layer(data)
        assert -2 <= kind <= 255 and at >= 40
        ipv6.is_error(data)


@given(st.lists(st.tuples(anything, addresses, ports), max_size=12), st.integers(0, 255))
def test_server(inputs, tos):
    engine = server()
    for data, v4, port in inputs:
        engine.receive_datagram(data, (mapped(v4), port), 0, tos)
        out = engine.datagrams_to_send()
        up = engine.packets_to_send()
        assert len(out) + len(up) <= 1
        for reply, (_, to_port), _ in out:
            if header.is_signalling(data):
                assert len(reply) <= 3 * len(data) and reply[:8] == data[:8]
            else:
                assert len(reply) <= len(data) + 48 and len(reply) <= 1280
            assert to_port >= 1024 or header.is_signalling(reply)
        for packet in up:  # traceable: its source is where it came from
            assert packet[8:16] == rows.PREFIX and packet[16:20] == v4
            assert packet[20] << 8 | packet[21] == port
            assert engine.addresses.is_valid(packet[8:24])
        fresh = server()
        fresh.receive_datagram(data, (mapped(v4), port), 0, tos)
        if len(inputs) <= 10:  # within the burst of every bucket
            assert (fresh.datagrams_to_send(), fresh.packets_to_send()) == (out, up)


@given(anything)
def test_server_from_above(data):
    engine = server()
    engine.receive_packet(data, 0)
    for packet, (_, port), _ in engine.datagrams_to_send():
        assert len(packet) <= 1280 and port >= 1024 and port != 3653
    for packet in engine.packets_to_send():
        assert len(packet) <= len(data) + 48


@given(anything, st.booleans())
def test_icmpv4(quoted, good):
    engine = server()
    engine.receive_icmpv4(quoted, PEER if good else (mapped(rows.OTHER_V4), 5), 0)
    assert engine.datagrams_to_send() == []


@given(
    st.integers(0, 4),
    st.lists(st.tuples(anything, st.sampled_from((SERVER, PEER)), st.booleans()), max_size=8),
    st.booleans(),
)
def test_client_in_each_state(steps, inputs, quick):
    hand = Hand(quick_start=quick, search=True)
    script = (b"CAPABILITY TUNNEL=V6UDPV4 AUTH=ANONYMOUS\r\n", b"200 Success\r\n")
    for i in range(steps):
        hand.sent()
        if quick or i >= 2:
            hand.reply(exchanges.EXCHANGES[2][2][8:])
        else:
            hand.reply(script[i])
    for data, peer, side in inputs:
        if side and len(data) >= 8:
            hand.sent()
            data = hand.head + data[8:]  # the right sequence, whatever follows
        hand.client.receive_datagram(
            data, peer, hand.now, "side" if side and not quick else "tunnel"
        )
        assert len(hand.client.datagrams_to_send()) <= 64
        hand.client.packets_received()
    for _ in range(60):
        due = hand.client.get_timer()
        if due is None:
            break
        assert due >= hand.now - 1
        hand.now = max(hand.now, due)
        hand.client.handle_timer(hand.now)
        hand.events()
        hand.client.datagrams_to_send()
        if hand.client.state == "Reopen":
            hand.client.socket_opened(hand.now)
