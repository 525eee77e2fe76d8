# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""ZRTP between two phones of ours: what both persons see, hear and do, and what the wire shows."""

import ast
import statistics
import time

import pytest

from host_tests.emulated.calls import connect, disconnect
from host_tests.interop import secure
from host_tests.interop.fixtures import Telephone
from tools.lab import measure, wav
from tools.lab.eavesdrop import overhear
from tools.lab.pcap import zrtp_messages
from tools.lab.speech import speech_file
from tools.panel import safety
from tools.panel.phones import TOP, UnixPhone

SAS_S = 1.0  # the target: SAS on the screen of the emulated board, after its voice begins
_COUNTERS = "import media; print(media.counters())"


@pytest.fixture
def fresh(pair):
    """Both boards know nobody."""
    for one in pair:
        secure.forget(one)
    return pair


def counters(phone):
    return ast.literal_eval(phone.console(_COUNTERS).strip())


def both_see(first, second):
    """Both ask to compare, and show one SAS; it."""
    sas = secure.wait_to_compare(first)
    assert secure.wait_to_compare(second) == sas
    return sas


def seconds_to_sas(phone, since):
    """From the screen that says Talking to the first one with an SAS."""
    talking, sas = safety.sas_time(phone.panel, since)
    return sas - talking


@pytest.mark.parametrize("direction", ["unix-calls", "qemu-calls"])
def test_same_sas_soon_and_the_voice_is_on_time(fresh, capture, direction):
    """SAS equal on both panels; time to it and late media ticks are printed, of five calls.

    A machine that stands still for a moment makes a tick late as well; a handshake that holds the
    voice up does so in each call.
    """
    caller, called = fresh if direction == "unix-calls" else fresh[::-1]
    board = fresh[1]
    took, late = [], []
    for _ in range(5):
        before = counters(board)
        since = time.monotonic()
        connect(caller, called)
        sas = both_see(caller, called)
        after = counters(board)
        assert secure.algorithms(caller) == secure.algorithms(called)
        disconnect(caller, called)
        took.append(seconds_to_sas(board, since))
        late.append(after["late_ticks"] - before["late_ticks"])
        print(
            f"{sas}: SAS after {1000 * seconds_to_sas(fresh[0], since):.0f} and "
            f"{1000 * took[-1]:.0f} ms on the emulated board; there {late[-1]} late of "
            f"{after['ticks'] - before['ticks']} ticks, worst {after['worst_late_us']} us"
        )
    print(secure.algorithms(board), [kind for _, _, kind in zrtp_messages(capture.stop())])
    assert statistics.median(took) < SAS_S, "the SAS comes late"
    assert statistics.median(late) == 0, "the handshake is heard"


def test_confirmed_once_verified_later(fresh, capture):
    """Lamps and words: to compare, the name asked, verified in the next call without comparing."""
    caller, called = fresh
    connect(caller, called)
    both_see(caller, called)
    secure.confirm(caller, "bob")
    assert caller.panel.lamps["security"] == "off"
    secure.wait_to_compare(called)  # one person's word is not the other's
    _, name = secure.confirm(called)
    disconnect(caller, called)
    for first, second in ((called, caller), (caller, called)):
        connect(first, second)
        sas, shown = secure.wait_verified(caller)
        assert shown == "bob"
        assert secure.wait_verified(called) == (sas, name)
        disconnect(first, second)


def test_survives_power_off(fresh):
    caller, called = fresh
    connect(caller, called)
    both_see(caller, called)
    secure.confirm(caller)
    secure.confirm(called)
    disconnect(caller, called)
    for one in fresh:
        one.phone.kill()
        one.start()
    connect(caller, called)
    assert secure.wait_verified(caller)[0] == secure.wait_verified(called)[0]
    disconnect(caller, called)


def test_wiped_cache_is_said(fresh):
    """One phone loses the keys but keeps its ZID: to compare again, and the other one warns."""
    caller, called = fresh
    connect(caller, called)
    both_see(caller, called)
    secure.confirm(caller)
    secure.confirm(called)
    disconnect(caller, called)
    called.console(_LOSE_SECRETS)
    called.phone.stop()
    called.start()
    connect(caller, called)
    both_see(caller, called)
    caller.panel.wait_text("WARNING: keys changed", 2.0)
    secure.confirm(caller)
    secure.confirm(called)
    disconnect(caller, called)
    connect(called, caller)
    secure.wait_verified(caller)
    secure.wait_verified(called)
    disconnect(caller, called)


# The secrets of every peer are gone, our own ZID stays: what a restored backup looks like.
_LOSE_SECRETS = """
import board, hashlib
path = board.storage() + "/zrtp-cache"
with open(path, "rb") as file:
    head = file.read(25)
with open(path, "wb") as file:
    file.write(head + hashlib.sha256(head).digest())
"""


def test_denied_is_an_alarm(fresh):
    """The words differ: alarm on screen, by lamp and sound; nothing is verified afterwards."""
    caller, called = fresh
    connect(caller, called)
    both_see(caller, called)
    recording = caller.panel.record()
    secure.deny(caller)
    caller.panel.wait_lamp("security", "on", 2.0)
    time.sleep(1.0)
    rate, samples = recording.stop()
    assert len(measure.loud_part(samples, rate, 0.0)), "no alarm is heard"
    disconnect(caller, called)
    connect(caller, called)
    both_see(caller, called)
    disconnect(caller, called)


@pytest.mark.parametrize("who", [0, 1], ids=["unix-holds", "qemu-holds"])
def test_hold_and_resume_keep_the_encryption(fresh, capture, who):
    caller, called = fresh
    connect(caller, called)
    sas = both_see(caller, called)
    holder, held = fresh[who], fresh[1 - who]
    holder.panel.press("hold")
    held.panel.wait_text("they hold")
    time.sleep(0.5)
    holder.panel.press("hold")
    for one in fresh:
        one.wait_talking()
        assert secure.wait_to_compare(one) == sas
    held.panel.play((16000, measure.tone(1000, 10, 16000)))
    time.sleep(0.5)
    recording = holder.panel.record()
    time.sleep(1.5)
    rate, samples = recording.stop()
    held.panel.silence()
    tone = measure.measure_tone(measure.loud_part(samples, rate), rate)
    assert abs(tone.frequency - 1000) < 1, tone
    disconnect(caller, called)
    for stream in overhear(capture.stop(), []):
        print(stream)
        assert stream.packets - stream.larger < 25, "voice in clear after the hold"


@pytest.fixture
def two(tmp_path, lab):
    """Two host phones of their own in the lab."""
    made = []
    for name in ("a", "b"):
        host = lab.hosts.get("own-" + name) or lab.host("own-" + name)
        made.append(Telephone(UnixPhone(tmp_path / name, host), tmp_path))
    try:
        for one in made:
            one.start()
        yield made
    finally:
        for one in made:
            one.phone.stop()


def talk(caller, called, spoken, speaking):
    """A call in which both speak; what each heard."""
    connect(caller, called)
    speaking(caller, called)
    recordings = {one: one.panel.record() for one in (caller, called)}
    plays = [one.panel.play(spoken) for one in (caller, called)]
    for play in plays:
        assert play.wait(30)
    time.sleep(1.0)
    heard = {one: recording.stop() for one, recording in recordings.items()}
    disconnect(caller, called)
    return heard


@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "clear"])
def test_what_a_stranger_hears(two, capture, encrypted):
    """They hear each other; a stranger makes out a clear call, and nothing of an encrypted one."""
    caller, called = two
    spoken = speech_file(TOP / "build/speech", 16000)
    if not encrypted:
        for one in two:
            one.configure(security__zrtp=False)
    speaking = both_see if encrypted else lambda *both: [secure.wait_clear(one) for one in both]
    heard = talk(caller, called, spoken, speaking)
    reference = wav.read(spoken)[1]
    for rate, samples in heard.values():
        likeness = measure.speech_match(reference, wav.resample(samples, rate, 16000), 16000)
        assert likeness > 0.75, f"they did not hear each other: {likeness:.2f}"
    streams = overhear(capture.stop(), [spoken])
    print(*streams, sep="\n")
    assert len(streams) == 2
    for stream in streams:
        assert stream.readable is not encrypted, stream
        assert bool(stream.larger) is encrypted, stream
