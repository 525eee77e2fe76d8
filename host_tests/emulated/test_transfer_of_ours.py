# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Attended transfer (RFC 5589, 3891) between three phones of ours, each leg encrypted by ZRTP."""

import time

import pytest

from host_tests.emulated.calls import connect, disconnect
from host_tests.interop import secure
from host_tests.interop.fixtures import Telephone
from tools.lab import measure
from tools.lab.eavesdrop import overhear
from tools.panel.phones import UnixPhone

ROLES = ("transferor", "transferee", "target")


@pytest.fixture(scope="module")
def third(tmp_path_factory, lab):
    """A host phone besides the pair."""
    folder = tmp_path_factory.mktemp("third")
    found = Telephone(UnixPhone(folder / "phone", lab.host("own-third")), folder)
    try:
        found.start()
        yield found
    finally:
        found.phone.stop()


@pytest.fixture(params=ROLES)
def three(request, pair, third):
    """(transferor, transferee, target); the emulated board is each of them in turn."""
    for one in (*pair, third):
        secure.forget(one)
    unix, board = pair
    others = [unix, third]
    return tuple(board if role == request.param else others.pop() for role in ROLES)


def same_sas(first, second):
    """Both ask to compare, and show one SAS; it."""
    sas = secure.wait_to_compare(first)
    assert secure.wait_to_compare(second) == sas
    return sas


def hears(listener, speaker):
    """A tone comes through from one to the other."""
    speaker.panel.play((16000, measure.tone(1000, 10, 16000)))
    time.sleep(0.5)
    recording = listener.panel.record()
    time.sleep(1.2)
    rate, samples = recording.stop()
    speaker.panel.silence()
    tone = measure.measure_tone(measure.loud_part(samples, rate), rate)
    assert abs(tone.frequency - 1000) < 1, f"{listener.board} hears {tone}"


def test_attended_transfer_stays_encrypted(three, capture):
    """The two who remain have keys of their own: one SAS on both screens, sound both ways."""
    transferor, transferee, target = three
    connect(transferee, transferor)
    before = {same_sas(transferee, transferor)}
    used, free = (1, 2) if transferor.panel.lamps["line1"] == "on" else (2, 1)
    transferor.panel.press(f"line{free}")
    transferee.panel.wait_text("they hold")
    transferor.dial(target.uri)
    target.answer()
    transferor.panel.wait_text(rf"line {free}")
    before.add(same_sas(transferor, target))
    transferor.panel.press("transfer")
    transferor.panel.wait_text(f"to line {used}")
    transferor.panel.press("ok")
    transferee.panel.wait_text("want you to call")
    transferee.panel.press("ok")
    target.panel.wait_text("you were transferred")
    transferor.wait_idle()
    after = same_sas(transferee, target)
    assert after not in before, "keys of a call that is over"
    hears(transferee, target)
    hears(target, transferee)
    disconnect(target, transferee)
    for stream in overhear(capture.stop(), []):
        assert stream.packets - stream.larger < 25, f"voice in clear: {stream}"
