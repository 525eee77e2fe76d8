# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: hypothesis
"""The oracle: on any text lib/srtp gives a value or a RemoteProtocolError; what was read can be
written and read again; and whatever two sides do in turn, their keys mirror each other."""

from hypothesis import given
from hypothesis import strategies as st

from vox6.srtp.crypto_attribute import CryptoAttribute
from vox6.srtp.offer_answer import STABLE, SecurityDescriptions
from vox6.srtp.profiles import NAMES
from vox6.wire import FormatError, RemoteProtocolError

KEY30 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
KEY46 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ=="
KEYS = st.builds(
    lambda method, key, rest: method + key + rest,
    st.sampled_from(["inline:", "INLINE:", "url:", ""]),
    st.sampled_from([KEY30, KEY46, KEY46[:-2], "", "=", "===="]),
    st.sampled_from(["", "|2^20", "|2^31|1:4", "|1:1", "|2^49", "|0", "|", ";", ";inline:x"]),
)
WORDS = st.one_of(
    st.sampled_from(
        ["1", "2", "01", "0", *NAMES, "F8_128_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_80", "KDR=1",
         "KDR=", "WSH=64", "WSH=1", "FEC_ORDER=FEC_SRTP", "FEC_KEY=inline:" + KEY30, "-X", "X",
         "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP"]
    ),
    KEYS,
    st.text(max_size=8),
)  # fmt: skip
TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(WORDS, max_size=8).map(" ".join),
    st.builds(
        lambda tag, suite, key, rest: " ".join([tag, suite, key, *rest]),
        st.sampled_from(["1", "2", "3", "77"]),
        st.sampled_from(NAMES),
        KEYS,
        st.lists(WORDS, max_size=2),
    ),
)


def keys(first, suites=NAMES):
    count = [first]

    def octets(length):
        count[0] += 1
        return count[0].to_bytes(length, "big")

    return SecurityDescriptions(octets, suites)


@given(TEXT)
def test_line(text):
    try:
        attribute = CryptoAttribute.parse(text)
    except FormatError:
        return
    written = attribute.emit()
    again = CryptoAttribute.parse(written)
    assert again.emit() == written
    assert again.unsupported() == attribute.unsupported()
    if attribute.unsupported() is None:
        assert len(attribute.key_salt) == (46 if "256" in attribute.profile else 30)


@given(st.lists(st.lists(TEXT, max_size=4), max_size=4))
def test_dialog_with_anybody(messages):
    ours = keys(0)
    for lines in messages:
        try:
            chosen = ours.receive_offer(lines)
        except RemoteProtocolError:
            pass
        else:
            answer = CryptoAttribute.parse(ours.create_answer())
            assert (answer.tag, answer.suite) == (chosen.tag, chosen.suite)
            assert answer.key_salt != chosen.key_salt
        assert ours.state == STABLE
        ours.create_offer()
        try:
            agreed = ours.receive_answer(lines)
        except RemoteProtocolError:
            ours.offer_rejected()
        else:
            assert agreed.send.key_salt != agreed.receive.key_salt
        assert ours.state == STABLE


SUITES = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)


@given(SUITES, SUITES, st.lists(st.tuples(*[st.booleans()] * 4), max_size=6))
def test_two_sides(suites_a, suites_b, exchanges):
    sides = [keys(0, suites_a), keys(1 << 64, suites_b)]
    held = [[None, None], [None, None]]  # what media of each side has: [send, receive]
    for turned, fresh, answer_fresh, refuse in exchanges:
        order = (1, 0) if turned else (0, 1)
        offerer, answerer = sides[order[0]], sides[order[1]]
        try:
            answerer.receive_offer(offerer.create_offer(fresh))
        except RemoteProtocolError:
            assert not set(suites_a) & set(suites_b)
            offerer.offer_rejected()
            continue
        if refuse:
            answerer.reject_offer()
            offerer.offer_rejected()
            continue
        offerer.receive_answer([answerer.create_answer(answer_fresh)])
        for i in (0, 1):
            agreed = sides[i].agreed
            # a key that is not new is the one that media has, and one that is new is another
            for j, new, key in (
                (0, agreed.send_is_new, (agreed.profile, agreed.send.key_salt)),
                (1, agreed.receive_is_new, (agreed.profile, agreed.receive.key_salt)),
            ):
                assert new == (held[i][j] != key)
                held[i][j] = key
        assert held[0] == held[1][::-1]
