# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: hypothesis
"""The oracle: on any octets lib/sdp gives a value or a RemoteProtocolError, and a value that was
read can be written and read again to the same."""

from hypothesis import example, given
from hypothesis import strategies as st

from vox6.sdp.description import SessionDescription
from vox6.sdp.offer_answer import STABLE, Negotiation
from vox6.wire import FormatError, RemoteProtocolError

LETTERS = "vosiuepcbtrzkamxq"
WORDS = st.sampled_from(
    [
        "audio", "video", "RTP/AVP", "RTP/SAVP", "udp", "0", "8", "9", "96", "101", "127", "128",
        "65535", "65536", "4000", "4000/2", "IN", "IP4", "IP6", "ATM", "::", "::1", "2001:db8::1",
        "192.0.2.1", "0.0.0.0", "ff15::1/3", "host.example.com", "-", "1", "rtpmap:96", "rtpmap:0",
        "PCMU/8000", "opus/48000/2", "telephone-event/8000", "fmtp:101", "0-15", "ptime:20",
        "rtcp:4001", "rtcp:0", "sendrecv", "sendonly", "recvonly", "inactive", "mid:x", "AS:64",
        "RTP/AVPF", "RTP/SAVPF", "zrtp-hash:1.10", "zrtp-hash:2.00", "zrtp-hash", "5a" * 32,
        "crypto:1", "crypto", "AES_CM_128_HMAC_SHA1_80",
        "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20",
        "99999999999999999999999999999999999999999", "\u00e9", "\u0661", "", ":", "=", "/",
    ]
)  # fmt: skip
VALUE = st.one_of(
    st.lists(WORDS, max_size=8).map(" ".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30),
)
LINE = st.tuples(st.sampled_from(LETTERS), VALUE).map(lambda pair: pair[0] + "=" + pair[1])
CODECS = st.lists(
    st.sampled_from(["PCMU", "PCMA", "G722", "telephone-event"]), min_size=1, unique=True
)
HEAD = "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nt=0 0\r\n"
BODY = st.builds(
    lambda head, rest, end: (head + end.join(rest)).encode(),
    st.sampled_from(["", HEAD, HEAD + "c=IN IP6 2001:db8::1\r\nm=audio 4000 RTP/AVP 0\r\n"]),
    st.lists(LINE, max_size=12),
    st.sampled_from(["\r\n", "\n"]),
)
OCTETS = st.one_of(
    st.binary(max_size=200),
    BODY,
    st.tuples(BODY, st.integers(0, 400), st.binary(min_size=1, max_size=3)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
    ),
)


def parse(octets):
    try:
        return SessionDescription.parse(octets)
    except FormatError:
        return None


@given(OCTETS)
@example((HEAD + "m=audio 1 RTP/AVP 0\r\na=ptime:\u00b2\r\n").encode())
@example(HEAD.encode() + b"a=x:\xed\xa0\x80\r\n")
def test_parser(octets):
    description = parse(octets)
    if description is None:
        return
    written = description.emit()
    again = SessionDescription.parse(written)
    assert again.emit() == written


@given(OCTETS, OCTETS, st.sampled_from(["sendrecv", "sendonly", "inactive"]))
def test_negotiation(first, second, wish):
    """Any offers and answers, in any order: the state is open for the next one afterwards."""
    ours = Negotiation(
        1,
        ("G722", "PCMU", "telephone-event"),
        addrtypes=("IP6", "IP4"),
        protos=("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"),
        zrtp_hash="1.10 " + "0f" * 32,
    )
    for octets in (first, second, first):
        try:
            proposal = ours.receive_offer(octets)
        except RemoteProtocolError:
            pass
        else:
            if proposal.zrtp_hash is not None:
                assert proposal.zrtp_hash[0] == "1.10" and len(proposal.zrtp_hash[1]) == 32
            answer = ours.create_answer("2001:db8::2", 5000, wish, crypto="1 X inline:x")
            offered = SessionDescription.parse(octets).media
            answered = SessionDescription.parse(answer).media
            assert [one.media for one in answered] == [one.media for one in offered]
            for one, other in zip(answered, offered):
                assert one.port == 0 or other.port != 0
                assert one.proto == other.proto
        assert ours.state == STABLE
        ours.create_offer("2001:db8::2", 5000, wish, crypto=["1 X inline:x"])
        try:
            result = ours.receive_answer(octets)
        except RemoteProtocolError:
            ours.offer_rejected()
        else:
            assert result.active or result.codec is None
            assert result.active or not (result.crypto_lines or result.zrtp_hash or result.proto)
        assert ours.state == STABLE


@given(
    CODECS,
    CODECS,
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
            st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
            st.booleans(),
        ),
        max_size=6,
    ),
)
def test_two_sides_agree(codecs_a, codecs_b, exchanges):
    """After each exchange both ends hold mirrored results; a refused offer changes nothing."""
    if codecs_a == ["telephone-event"] or codecs_b == ["telephone-event"]:
        return
    sides = [Negotiation(1, codecs_a), Negotiation(2, codecs_b)]
    for turned, wish, answer_wish, refuse in exchanges:
        offerer, answerer = sides if turned else sides[::-1]
        before = (offerer.agreed, answerer.agreed)
        proposal = answerer.receive_offer(offerer.create_offer("2001:db8::1", 4000, wish))
        if refuse:
            answerer.reject_offer()
            offerer.offer_rejected()
            assert (offerer.agreed, answerer.agreed) == before
            continue
        result = offerer.receive_answer(answerer.create_answer("2001:db8::2", 5000, answer_wish))
        assert result is offerer.agreed
        assert proposal is answerer.agreed
        assert result.active == proposal.active
        assert result.codec == proposal.codec
        assert result.send == proposal.receives_voice
        assert result.receives_voice == proposal.send
        if result.active:
            assert result.payload_type in [entry[0] for entry in proposal.receive]
            assert proposal.payload_type in [entry[0] for entry in result.receive]
            assert (result.telephone_event is None) == (proposal.telephone_event is None)
