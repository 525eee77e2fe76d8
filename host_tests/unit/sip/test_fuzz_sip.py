# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Any octets into lib/sip: FormatError alone leaves a parser, nothing leaves the agent."""

from hypothesis import given
from hypothesis import strategies as st

from host_tests.unit.sip.helpers import PEER, events, give, make_agent, reply, request, sent
from host_tests.unit.sip.test_message import INVITE, OK, TORTUOUS
from vox6.sip import headers
from vox6.sip.framing import StreamFramer
from vox6.sip.message import Request, content_length, parse
from vox6.sip.salvage import salvage
from vox6.sip.uri import URI, unescape
from vox6.wire import FormatError

PARSERS = (
    URI.parse,
    unescape,
    headers.Via.parse,
    headers.NameAddr.parse,
    headers.CSeq.parse,
    headers.Challenge.parse,
    headers.Warning.parse,
    headers.Reason.parse,
    headers.MediaType.parse,
    headers.split_list,
    headers.parse_params,
    headers.parse_token_params,
    headers.parse_call_id,
    headers.parse_number,
    headers.parse_retry_after,
    headers.unquote,
)
PIECES = (
    "sip:", "sips:a@b", "tel:+1", "@", ":", ";", ",", '"', "\\", "<", ">", "=", "?", "&", "%41",
    "%", "[", "]", "[2001:db8::1]", "::", "192.0.2.1", "a", "tag=1", "branch=z9hG4bKx", " ", "\t",
    "SIP/2.0/UDP", "/", "1", "INVITE", "Digest", "realm", "\u00e4", "\u0661", "(", ")", "*", "\0",
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
)


@given(texts)
def test_values(text):
    for parser in PARSERS:
        try:
            value = parser(text)
        except FormatError:
            continue
        if isinstance(value, (URI, headers.Via, headers.NameAddr, headers.CSeq)):
            again = parser(str(value))
            assert str(again) == str(value)


def _mutations(seed):
    """Return octets near a good message: pieces cut out, doubled, replaced."""
    spots = st.tuples(st.integers(0, len(seed)), st.integers(0, 60), st.binary(max_size=12))
    return st.lists(spots, min_size=1, max_size=5).map(lambda edits: _edit(seed, edits))


def _edit(octets, edits):
    for at, length, new in edits:
        octets = octets[:at] + new + octets[at + length :]
    return octets


CALL = request("INVITE", body="offer").replace("\n", "\r\n").encode()
octets_near = st.one_of(
    st.binary(max_size=300), _mutations(INVITE), _mutations(OK), _mutations(TORTUOUS),
    _mutations(CALL),
)  # fmt: skip


@given(octets_near)
def test_messages(octets):
    try:
        message = parse(octets)
    except FormatError as error:
        assert 400 <= error.code <= 599
        message = salvage(octets)
        if message is not None:
            message.response(400, "x", "t").emit()
        return
    length = content_length(message)
    emitted = message.emit()
    again = parse(emitted)
    assert again.headers[: len(message.headers)] == message.headers
    assert again.body == message.body
    assert again.start_line() == message.start_line()
    if length is not None:
        assert length == len(message.body)
    for take in (
        message.check,
        message.contacts,
        message.content_type,
        lambda: message.values("via"),
        lambda: message.number("expires"),
        message.retry_after,
    ):
        try:
            take()
        except FormatError:
            pass
    if isinstance(message, Request):
        try:
            message.check()
        except FormatError:
            return
        message.response(200, None, "t").emit()


@given(octets_near, st.integers(1, 200))
def test_streams_cut_anywhere(octets, step):
    def frames(pieces):
        framer = StreamFramer()
        out = []
        try:
            for piece in pieces:
                out += framer.receive(piece)
        except FormatError:
            return out, True
        return out, framer.error is not None

    whole, broken = frames([octets + octets])
    both = octets + octets
    cut, cut_broken = frames([both[i : i + step] for i in range(0, len(both), step)])
    assert (cut_broken, cut) == (broken, whole)


@given(st.lists(octets_near, max_size=6), st.integers(0, 3))
def test_agent(datagrams, stage):
    agent = make_agent()
    session = None
    if stage:
        give(agent, CALL)
        session = events(agent)[0].session
    if stage > 1:
        session.accept(0, b"answer")
    if stage > 2:
        agent.register(_account(), 0)
        out = agent.invite("sip:bob@[2001:db8::b]", PEER, 0, b"offer")
        for message in sent(agent):
            if isinstance(message, Request):
                octets = reply(message, 200)
                datagrams = datagrams + [octets[: len(octets) // 2], octets]
        assert out.state == "Calling"
    for octets in datagrams:
        agent.receive_datagram(octets, PEER, 1)
        sent(agent)
    for _ in range(400):
        when = agent.get_timer()
        if when is None:
            break
        agent.handle_timer(when)
        sent(agent)
    assert len(agent.layer.servers) == 0


def _account():
    from vox6.sip.registration import Account

    return Account("sip:anna@example.com", peer=PEER)


tails = st.lists(
    st.one_of(
        st.sampled_from([b"\xff", b'"', b"<", b";", b",", b"=", b"sip:", b"Digest "]),
        st.binary(max_size=8),
    ),
    max_size=6,
).map(b"".join)  # fmt: skip
names = st.sampled_from(
    [
        b"Contact", b"Record-Route", b"WWW-Authenticate", b"Proxy-Authenticate", b"Min-Expires",
        b"Retry-After", b"Expires", b"Authentication-Info", b"Reason", b"Content-Type",
    ]
)  # fmt: skip


@given(
    st.sampled_from([180, 200, 302, 401, 407, 423, 486, 491, 503]),
    st.lists(st.tuples(names, tails), max_size=4),
)
def test_responses_never_leave_a_session_hanging(status, extra):
    agent = make_agent(crypto=_Hash())
    account = _account()
    account.password = "x"
    agent.register(account, 0)
    session = agent.invite("sip:bob@example.com", PEER, 0, b"offer", account=account)
    for message in sent(agent):
        octets = reply(message, status)
        lines = b"".join(
            [b"\r\n" + name + b": " + b" ".join(tail.split()) for name, tail in extra]
        )
        give(agent, octets.replace(b"\r\nCSeq", lines + b"\r\nCSeq"))
        sent(agent)
    for _ in range(60):
        when = agent.get_timer()
        if when is None or when > 300000:
            break
        agent.handle_timer(when)
        sent(agent)
    if session.state != "Confirmed":
        assert session.state in ("Terminated", "Terminating")
    assert agent.registrations[0].state in ("Registered", "Failed", "Registering")


class _Hash:
    def digest(self, name, data):
        return bytes(16)
