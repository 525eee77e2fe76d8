# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A server changes a=crypto and the transport on their way (RFC 4568 sections 5.1, 7.1 and 8.3).

Keys in SDP belong to whoever carries the SDP: that he can read along is shown here too. What must
not happen is that anybody believes to be encrypted and is not, or that a call that was encrypted
goes on in clear without a word.
"""

import pytest

from host_tests.sim.couple import ANNA
from host_tests.sim.rewriter import voice, without
from host_tests.sim.scene import AVP_KEYS, SAVP, MiddleMan, Scene
from host_tests.sim.security import Policy
from host_tests.sim.stream import unprotect
from vox6.srtp.crypto_attribute import CryptoAttribute, MasterKey

REQUIRED = Policy(sdes="offer", required=True)
BOTH = Policy({}, "offer", "RTP/SAVP")
BOTH_AVP = Policy({}, "offer")


def only(addr16, rewrite):
    """Change what one side sends."""
    return lambda lines, source: rewrite(lines, source) if source[0] == addr16 else lines


def lines_changed(change):
    """Return a description() that changes the value of each a=crypto line."""
    return lambda lines, source: [
        "a=crypto:" + change(line[9:]) if line.startswith("a=crypto:") else line for line in lines
    ]


def no_savp(lines, source):
    """RTP/AVP instead of RTP/SAVP, and no keys."""
    return [
        line.replace("RTP/SAVP", "RTP/AVP") for line in lines if not line.startswith("a=crypto:")
    ]


def savp_again(lines, source):
    """What he took out on the way there he puts in on the way back."""
    return [line.replace("RTP/AVP", "RTP/SAVP") for line in lines]


def in_clear(scene):
    return len(voice(scene.rewriter))


def test_honest():
    scene = Scene(SAVP, SAVP).call()
    assert scene.states == ("sdes", "sdes")
    assert in_clear(scene) == 0
    scene.couple.check_settled()


def test_stripped_from_an_offer_that_allowed_clear():
    """RTP/AVP with keys allows clear: it comes to clear, and both owners see it."""
    scene = Scene(AVP_KEYS, AVP_KEYS)
    scene.rewriter.description = without("crypto")
    scene.call()
    assert scene.states == ("clear", "clear")
    assert scene.boris.negotiation.agreed.crypto_lines == []


def test_stripped_says_nothing_in_clear_where_encryption_is_required():
    scene = Scene(REQUIRED, REQUIRED)
    scene.rewriter.description = without("crypto")
    scene.call()
    assert in_clear(scene) == 0
    assert "sdes" not in scene.states


def test_stripped_from_an_offer_in_savp():
    """RTP/SAVP without a key that can be used is refused with 488."""
    scene = Scene(SAVP, SAVP)
    scene.rewriter.description = only(ANNA, without("crypto"))
    scene.call()
    assert scene.ends == ("failed 488", "rejected 488")
    assert in_clear(scene) == 0


def test_stripped_from_an_answer_in_savp():
    scene = Scene(SAVP, SAVP)
    strip = without("crypto")
    scene.rewriter.description = lambda lines, source: (
        lines if source[0] == ANNA else strip(lines, source)
    )
    scene.call()
    assert scene.anna.outcome == "hung up"
    assert scene.anna.security.stream.counters["sent_clear"] == 0
    assert in_clear(scene) == 0


def test_answer_in_rtp_avp_to_an_offer_in_savp():
    scene = Scene(SAVP, SAVP)
    scene.rewriter.description = lambda lines, source: (
        lines if source[0] == ANNA else no_savp(lines, source)
    )
    scene.call()
    assert scene.anna.outcome == "hung up"
    assert in_clear(scene) == 0


def test_offer_and_answer_downgraded():
    """The callee sees a clear call; the caller asked for RTP/SAVP and gets no key: it ends."""
    scene = Scene(SAVP, SAVP)
    scene.rewriter.description = lambda lines, source: (
        no_savp(lines, source) if source[0] == ANNA else savp_again(lines, source)
    )
    scene.call()
    assert scene.anna.outcome == "hung up"
    assert scene.anna.security.stream.counters["sent_clear"] == 0
    assert scene.boris.security.state == "clear"


@pytest.mark.parametrize(
    "change",
    [
        lambda value: "2" + value[1:],
        lambda value: value.replace("AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"),
        lambda value: value + " UNENCRYPTED_SRTP",
        lambda value: value + " UNENCRYPTED_SRTCP",
        lambda value: value + " UNAUTHENTICATED_SRTP",
        lambda value: value + " KDR=24",
        lambda value: value + "|1:4",
        lambda value: value[:-4],
    ],
    ids=[
        "tag", "suite", "unencrypted", "rtcp unencrypted", "unauthenticated", "rate", "mki", "cut"
    ],
)  # fmt: skip
def test_answer_weakened(change):
    """One word in the answer: the call ends, and no word of it was said in clear."""
    scene = Scene(SAVP, SAVP)
    scene.rewriter.description = lambda lines, source: (
        lines if source[0] == ANNA else lines_changed(change)(lines, source)
    )
    scene.call()
    assert scene.rewriter.changed
    assert scene.anna.outcome == "hung up"
    assert in_clear(scene) == 0


def test_offer_weakened_to_unencrypted():
    """Every line of the offer says UNENCRYPTED_SRTP: refused, not answered so."""
    scene = Scene(SAVP, SAVP)
    scene.rewriter.description = only(
        ANNA, lines_changed(lambda value: value + " UNENCRYPTED_SRTP")
    )
    scene.call()
    assert scene.ends == ("failed 488", "rejected 488")


def test_strong_suites_stripped_from_the_offer():
    """He leaves the weakest line alone: still a key that only he and they know; tags tell it."""
    scene = Scene(SAVP, SAVP)
    scene.rewriter.description = only(
        ANNA,
        lambda lines, source: [
            line
            for line in lines
            if not line.startswith("a=crypto:") or "AES_CM_128_HMAC_SHA1_32" in line
        ],
    )
    scene.call()
    assert scene.states == ("sdes", "sdes")
    assert scene.anna.security.keys.agreed.profile == "AES_CM_128_HMAC_SHA1_32"
    scene.couple.check_settled()


def test_our_key_reflected():
    """The caller's own key comes back as the callee's: one keystream twice. The call ends."""
    scene = Scene(SAVP, SAVP)
    offered = []

    def reflect(lines, source):
        for i, line in enumerate(lines):
            if line.startswith("a=crypto:") and source[0] == ANNA:
                offered.append(line)
            elif line.startswith("a=crypto:"):
                lines[i] = offered[0]
        return lines

    scene.rewriter.description = reflect
    scene.call()
    assert scene.anna.outcome == "hung up"
    assert scene.anna.security.stream.send_key is None


def keys_of_his_own(seen):
    """He puts his key into every line, and keeps those that stood there."""
    his = MasterKey(b"\x4d" * 46), MasterKey(b"\x4d" * 30)

    def change(lines, source):
        for i, line in enumerate(lines):
            if line.startswith("a=crypto:"):
                attribute = CryptoAttribute.parse(line[9:])
                seen.setdefault(source[0], {})[attribute.profile] = attribute.key_salt
                key = his[0] if len(attribute.key_salt) == 46 else his[1]
                attribute.keys = [MasterKey(bytes([source[0][15]]) + key.key_salt[1:])]
                lines[i] = "a=crypto:" + attribute.emit()
        return lines

    return change


def test_replaced_is_seen_by_nobody_and_called_no_more_than_it_is():
    """Keys in SDP alone: he reads along. "Secure to server only" is all the owner is told."""
    scene = Scene(SAVP, SAVP)
    seen = {}
    scene.rewriter.description = keys_of_his_own(seen)
    scene.call()
    assert scene.states == ("sdes", "sdes")
    profile, key_salt = scene.anna.security.stream.send_key
    assert seen[ANNA][profile] == key_salt
    assert scene.boris.security.stream.receive_key[1] != key_salt
    heard = [unprotect(profile, key_salt, data) for data in scene.rewriter.seen if data[0] == 0x80]
    assert [words for words in heard if words]


def test_replaced_under_zrtp_gains_nothing():
    """The same, where both have ZRTP too: its keys are others, and he has them not."""
    scene = Scene(BOTH, BOTH)
    seen = {}
    scene.rewriter.description = keys_of_his_own(seen)
    scene.call()
    assert scene.states == ("encrypted", "encrypted")
    scene.couple.check_settled()
    key = scene.anna.security.stream.send_key
    assert key[1] not in [one for keys in seen.values() for one in keys.values()]


def test_stripped_with_zrtp_behind_it():
    scene = Scene(BOTH_AVP, BOTH_AVP)
    scene.rewriter.description = without("crypto")
    scene.call()
    assert scene.states == ("encrypted", "encrypted")
    assert scene.anna.security.keys.agreed is None
    scene.couple.check_settled()


@pytest.mark.parametrize("which", ["anna", "boris"])
@pytest.mark.parametrize(
    "rewrite", [without("crypto"), no_savp], ids=["keys stripped", "transport and keys"]
)
def test_reinvite_downgraded(rewrite, which):
    """A re-INVITE that would end encryption is refused with 488, and the keys stay in force."""
    scene = Scene(SAVP, SAVP).call()
    assert scene.states == ("sdes", "sdes")
    keys = scene.anna.security.stream.send_key, scene.boris.security.stream.send_key
    scene.rewriter.description = rewrite
    scene.rewriter.seen.clear()
    offerer = getattr(scene, which)
    scene.hold(offerer)
    assert scene.rewriter.changed
    assert scene.states == ("sdes", "sdes")
    assert not offerer.held, "the peer took it"
    assert (scene.anna.security.stream.send_key, scene.boris.security.stream.send_key) == keys
    assert in_clear(scene) == 0
    # the wire is honest again: the same wish goes through
    scene.rewriter.description = None
    scene.hold(offerer)
    assert offerer.held
    scene.couple.check_settled()
    assert in_clear(scene) == 0


def test_answer_to_a_reinvite_downgraded():
    """Our re-offer had keys, the answer has none: the call ends rather than going on in clear."""
    scene = Scene(SAVP, SAVP).call()
    scene.rewriter.seen.clear()
    scene.rewriter.description = lambda lines, source: (
        lines if source[0] == ANNA else without("crypto")(lines, source)
    )
    scene.hold(scene.anna)
    assert scene.anna.outcome == "hung up"
    assert in_clear(scene) == 0


def test_reinvite_downgraded_under_zrtp():
    """Keys of ZRTP are not in the description: whatever is taken out of it, they stay."""
    scene = Scene(BOTH, BOTH).call()
    assert scene.states == ("encrypted", "encrypted")
    scene.rewriter.description = no_savp
    scene.rewriter.seen.clear()
    scene.hold(scene.anna)
    assert scene.states == ("encrypted", "encrypted")
    assert in_clear(scene) == 0
    scene.couple.check_settled()


def test_middle_man_of_zrtp_over_keys_in_sdp():
    """He has the keys of SDP and takes part in ZRTP: still the SAS differ."""
    scene = Scene(BOTH, BOTH)
    MiddleMan(scene)
    scene.call()
    secured = [call.security.secured for call in (scene.anna, scene.boris)]
    assert None not in secured
    assert secured[0].sas_text != secured[1].sas_text
