# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Two unix phones in a call: the engine keeps its pace whatever the VM does."""

import os

import pytest

from host_tests.emulated.calls import TONE_HZ, connect
from host_tests.interop import secure
from host_tests.interop.fixtures import Telephone
from tools.lab import Lab, measure
from tools.panel.phones import UnixPhone

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.needs_root,
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
]

_S = 4
# A VM that never looks: bytecode, then garbage collections, one after another.
_BUSY = """
import gc, time
end = time.ticks_add(time.ticks_ms(), %d)
while time.ticks_diff(end, time.ticks_ms()) > %d:
    pass
while time.ticks_diff(end, time.ticks_ms()) > 0:
    gc.collect()
print("free again")
""" % (_S * 1000, _S * 500)


@pytest.fixture
def two(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Lab(tmp_path) as lab:
        made = [Telephone(UnixPhone(tmp_path / n, lab.host(n)), tmp_path) for n in ("a", "b")]
        try:
            for one in made:
                one.start()
            yield made
        finally:
            for one in made:
                one.phone.stop()


def test_sound_goes_on_beside_a_blocked_vm(two):
    caller, called = two
    connect(caller, called)
    for one in two:
        secure.wait_sas(one)  # until then nothing is said in clear
    before = caller.console("import media; print(media.counters())")
    for one in two:
        one.panel.play((16000, measure.tone(TONE_HZ, 20, 16000)), repeat=True)
    with caller.phone.aside() as console:
        console.run("import time; time.sleep(1)")  # the jitter buffers find their size
        recordings = [one.panel.record() for one in two]
        console.start(_BUSY)
        assert "free again" in console.finish(_S + 5)
        sounds = [recording.stop() for recording in recordings]
        after = console.run("import media; print(media.counters())")
    print(before, after)
    for one in two:
        one.panel.silence()
    for name, (rate, samples) in zip(("caller", "called"), sounds):
        tone = measure.measure_tone(samples, rate)
        gaps = measure.find_gaps(samples, rate, TONE_HZ)
        print(f"{name}: {len(samples) / rate:.2f} s, {tone}, {len(gaps)} gaps")
        assert len(samples) / rate > _S - 0.3
        assert abs(tone.frequency - TONE_HZ) < 1.0
        assert not gaps, gaps[:5]
    caller.hang_up()
    called.panel.wait_text("hung up")
