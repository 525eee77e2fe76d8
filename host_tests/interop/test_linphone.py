# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""ZRTP with linphone (libbzrtp): both boards, both directions, on good links and bad ones."""

import itertools
import time

import pytest

from host_tests.interop import secure
from tools.lab import Linphone, Relay, measure, wav
from tools.lab.codec import RATES, decode, encode
from tools.lab.eavesdrop import overhear
from tools.lab.linphone import AUTH_TAGS, CIPHERS, HASHES, KEY_AGREEMENTS, SAS_TYPES
from tools.lab.relay import ZRTP_TYPES
from tools.lab.speech import speech_file
from tools.panel.phones import TOP

pytestmark = pytest.mark.interop

# How far below the codec's own score a call may be: linphone's timing, and the moment of silence
# while keys are agreed on, when it speaks already.
PESQ_LOSS_MAX = 0.8
WORDS = ("key_agreements", "cipher", "hash", "auth", "sas")
# One suite for each key agreement, cipher, hash, tag and SAS that linphone has.
SUITES = {
    "X255-AES3-S384-HS32-B256": ("X255", "AES3", "S384", "HS32", "B256"),
    "DH2k-AES1-S256-HS80-B32": ("DH2k", "AES1", "S256", "HS80", "B32"),
    "DH3k-AES3-S256-HS32-B32": ("DH3k", "AES3", "S256", "HS32", "B32"),
}
ALL_SUITES = list(itertools.product(KEY_AGREEMENTS, CIPHERS, HASHES, AUTH_TAGS, SAS_TYPES))
# The rows of the phone's settings for the same, with what they hold when nobody has set them.
ROWS = {
    "key_agreements": "X255 EC25 DH3k EC38",
    "ciphers": "AES1 AES3",
    "hashes": "S256 S384",
    "auth_tags": "HS80 HS32",
    "sas": "B32 B256",
}


@pytest.fixture(scope="session")
def linphone_host(lab):
    return lab.host("linphone")


@pytest.fixture
def linphone(linphone_host):
    """Makes a linphone that speaks and knows nobody; ended after the test."""
    made = []

    def make(codec="PCMU", **more):
        sound = speech_file(TOP / "build/speech", RATES[codec])
        found = Linphone(linphone_host, sound, codec=codec, **more)
        made.append(found)
        return found

    yield make
    for found in made:
        found.close()


@pytest.fixture
def prefer(phone):
    """The phone prefers a suite for one test: either side may be the one that chooses."""

    def configure(rows):
        phone.configure(**{"security__" + row: words for row, words in rows.items()})

    def choose(*names):
        rows = {}
        for (row, words), name in zip(ROWS.items(), names):
            rows[row] = " ".join([name, *(word for word in words.split() if word != name)])
        configure(rows)

    yield choose
    phone.wait_idle()
    configure(ROWS)


def suites(*names):
    return {word: [name] for word, name in zip(WORDS, names)}


def set_up(phone, other, direction):
    """A call that both sides have answered. direction: "out" the phone calls, "in" is called."""
    if direction == "out":
        phone.dial(other.uri)
        other.wait_state("incoming")
        other.answer()
    else:
        other.dial(phone.uri)
        phone.answer()
    phone.wait_talking()
    other.wait_state("running")


def hang_up(phone, other, who="phone"):
    (phone if who == "phone" else other).hang_up()
    other.wait_over()
    if who != "phone":
        phone.panel.wait_text("they hung up")
    phone.wait_idle()


def words(seen):
    """What linphone shows as the SAS; it writes a colon between two words."""
    return seen["sas"].replace(":", " ")


def same_sas(phone, other, timeout=secure.SECURE_S):
    """Both sides show an SAS to be compared, the same one; it."""
    shown = secure.wait_to_compare(phone, timeout)
    seen = other.wait_sas(timeout)
    assert words(seen) == shown, f"{phone.board} shows {shown}, linphone {seen['sas']}"
    assert not seen["verified"]
    return shown


def same_verified_sas(phone, other):
    """Both sides take the other as verified by their caches, without anybody comparing."""
    shown, name = secure.wait_verified(phone)
    seen = other.wait(lambda now: bool(now["sas"]) and now["verified"])
    assert words(seen) == shown
    return name


def agreed(phone, other, *names):
    """Both logs tell the same algorithms, and these."""
    ours, theirs = secure.algorithms(phone), other.algorithms()[-1]
    assert ours == theirs, f"{phone.board} says {ours}, linphone {theirs}"
    if names:
        said = tuple(ours[word] for word in ("key_agreement", "cipher", "hash", "auth_tag", "sas"))
        if names[0] == "DH2k" and said[1] == "AES1":
            # "DH2k SHOULD use AES-128" (RFC 6189 section 5.1.5): our choice.
            said = (said[0], names[1], *said[2:])
        assert said == names


def ceiling(codec):
    rate = RATES[codec]
    reference = wav.read(speech_file(TOP / "build/speech", rate))[1]
    coded = decode(codec, encode(codec, reference))[1]
    return measure.pesq_score(reference, coded, rate)


@pytest.mark.parametrize("direction,codec", [("out", "PCMU"), ("in", "G722")])
def test_same_sas_and_speech_each_way(phone, linphone, capture, direction, codec):
    """SAS equal; speech comes through; nobody on the wire can make it out."""
    other = linphone(codec)
    rate = RATES[codec]
    spoken = speech_file(TOP / "build/speech", rate)
    reference = wav.read(spoken)[1]
    recording = phone.panel.record()  # linphone speaks as soon as the call is up
    set_up(phone, other, direction)
    sas = same_sas(phone, other)
    agreed(phone, other)
    phone.panel.play(spoken)
    time.sleep(len(reference) / rate + 1.0)
    heard = measure.at_rate(recording.stop(), rate)
    assert secure.wait_sas(phone, 1.0) == sas
    hang_up(phone, other, "phone" if direction == "out" else "peer")
    other.close()
    there = measure.at_rate(other.recording(), rate)
    best = ceiling(codec)
    scores = {
        phone.board: measure.pesq_score(reference, heard, rate),
        "linphone": measure.pesq_score(reference, there, rate),
    }
    print(f"{phone.board} {direction} {codec}: PESQ {scores}, codec alone {best:.2f}")
    for stream in overhear(capture.stop(), [spoken]):
        print(stream)
        assert not stream.readable, stream
    for side, score in scores.items():
        assert score > best - PESQ_LOSS_MAX, f"heard by {side}: {score:.2f}, best {best:.2f}"


def suite_agrees(phone, prefer, linphone, names, direction):
    prefer(*names)
    other = linphone(suites=suites(*names))
    set_up(phone, other, direction)
    same_sas(phone, other)
    agreed(phone, other, *names)
    hang_up(phone, other)


@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("suite", SUITES)
def test_suite(phone, prefer, linphone, capture, suite, direction):
    suite_agrees(phone, prefer, linphone, SUITES[suite], direction)


@pytest.mark.soak
@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("names", ALL_SUITES, ids="-".join)
def test_every_suite(phone, prefer, linphone, capture, names, direction):
    suite_agrees(phone, prefer, linphone, names, direction)


def verify_once(phone, other, direction="out"):
    """A call in which both persons compare."""
    set_up(phone, other, direction)
    same_sas(phone, other)
    _, name = secure.confirm(phone)
    other.verify()
    hang_up(phone, other)
    return name


@pytest.mark.parametrize("restart", [False, True], ids=["", "restarted"])
def test_second_call_is_verified_without_comparing(phone, linphone, capture, restart):
    """The caches on both sides say so, also after both were off; the phone shows the name."""
    other = linphone()
    name = verify_once(phone, other)
    if restart:
        other.close()
        other.start()
        phone.phone.stop()
        phone.start()
    set_up(phone, other, "in")
    assert same_verified_sas(phone, other) == name
    hang_up(phone, other)
    assert other.previously_verified()[-1]


@pytest.mark.parametrize("who", ["phone", "peer"])
def test_lost_cache_asks_to_compare_again(phone, linphone, capture, who):
    """Either side may lose its cache: the other one says so, and nobody is verified."""
    other = linphone()
    verify_once(phone, other)
    if who == "peer":
        other.forget()
    else:
        secure.forget(phone)
    set_up(phone, other, "out")
    sas = secure.wait_to_compare(phone)
    seen = other.wait_sas()
    assert words(seen) == sas
    assert not other.previously_verified()[-1]
    if who == "peer":  # a new ZID: the phone never met this one
        assert "keys changed" not in phone.panel.screen_text().lower()
    secure.confirm(phone)
    hang_up(phone, other)


@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_tenth_of_all_packets_lost(phone, linphone, lab, direction):
    other = linphone()
    with Relay(lab, phone.phone.port, seed=4 if direction == "out" else 5) as relay:
        relay.loss = 0.1
        set_up(phone, other, direction)
        same_sas(phone, other)
        time.sleep(1.0)
        print(f"{phone.board}: {relay.lost} lost, {[kind for _, _, kind in relay.seen]}")
        assert relay.lost
        relay.loss = 0.0
        hang_up(phone, other)


def lose_each(phone, other, lab, kinds, direction):
    for kind in kinds:
        with Relay(lab, phone.phone.port) as relay:
            relay.drop(kind)
            set_up(phone, other, direction)
            same_sas(phone, other)
            if not relay.dropped:
                # Conf2ACK goes after the SAS is shown; HelloACK may be replaced by Commit.
                time.sleep(0.3)
            print(f"{kind}: dropped {relay.dropped}, seen {[kind for _, _, kind in relay.seen]}")
            assert relay.dropped or kind == "HelloACK"
            hang_up(phone, other)


def test_each_message_lost_once(phone, linphone, lab):
    lose_each(phone, linphone(), lab, ZRTP_TYPES, "out")


@pytest.mark.soak
def test_each_message_lost_once_when_called(phone, linphone, lab):
    lose_each(phone, linphone(), lab, ZRTP_TYPES, "in")


def test_linphone_that_insists_on_encryption(phone, linphone, capture):
    """media_encryption_mandatory: not one packet of voice is in clear from its side."""
    other = linphone(mandatory=True)
    set_up(phone, other, "in")
    same_sas(phone, other)
    time.sleep(0.5)
    hang_up(phone, other)
    theirs = [one for one in overhear(capture.stop(), []) if one.source.endswith(":7070")]
    assert theirs
    for stream in theirs:
        assert stream.larger == stream.packets, stream


def test_linphone_that_would_not_ask_for_it(phone, linphone, capture):
    """Set to no encryption linphone takes ZRTP all the same when it is offered (a=zrtp-hash)."""
    other = linphone(encryption="none")
    set_up(phone, other, "out")
    same_sas(phone, other, 15.0)
    hang_up(phone, other)


def test_hold_and_resume_by_linphone_keep_the_keys(phone, linphone, capture):
    other = linphone()
    set_up(phone, other, "out")
    sas = same_sas(phone, other)
    other.hold()
    phone.panel.wait_text("they hold")
    time.sleep(0.5)
    other.resume()
    phone.wait_talking()
    assert secure.wait_sas(phone) == sas
    recording = phone.panel.record()
    time.sleep(2.0)
    rate, samples = recording.stop()
    assert len(measure.loud_part(samples, rate, 0.0)) > rate // 2
    hang_up(phone, other)


def test_the_lab_itself(lab, linphone, linphone_host):
    """linphone with linphone: what is asked of us above is what they do."""
    second = lab.hosts.get("second") or lab.host("second")
    one = linphone()
    sound = speech_file(TOP / "build/speech", 8000)
    two = Linphone(second, sound, name="two", auto_answer=True)
    try:
        for verified in (False, True):
            one.dial(two.uri)
            seen = one.wait_sas(), two.wait_sas()
            assert seen[0]["sas"] == seen[1]["sas"]
            assert one.algorithms()[-1] == two.algorithms()[-1]
            assert one.previously_verified()[-1] is verified
            one.verify()
            two.verify()
            time.sleep(1.0)
            one.hang_up()
            one.wait_over()
            two.wait_over()
    finally:
        two.close()
