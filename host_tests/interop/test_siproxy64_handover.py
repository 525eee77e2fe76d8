# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""A real call outlives its siproxy64: SIGHUP, and a new instance takes the SIP ports."""

import os
import signal
import time

import pytest

from host_tests.interop import secure
from host_tests.interop.annex import BEHIND, LINPHONE, SEEN
from host_tests.interop.fixtures import BOARDS
from host_tests.interop.test_linphone import hang_up, same_sas, words
from host_tests.interop.test_siproxy64_linphone import holds
from tools.lab import measure


def hears(phone):
    """Speech comes through."""
    recording = phone.panel.record()
    time.sleep(1.5)
    rate, samples = recording.stop()
    assert len(measure.loud_part(samples, rate, 0.0)) > rate // 4


@pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)
def test_a_call_with_zrtp(phone, annex_linphone, start, capture):
    """Its voice is the old instance's; what is agreed on later goes through the new one."""
    start(f"map {LINPHONE} = {BEHIND}12", f"map {phone.address} = {SEEN}")
    other = annex_linphone()
    other.dial(f"sip:phone@{SEEN}")
    phone.answer()
    phone.wait_talking()
    other.wait_state("running")
    sas = same_sas(phone, other)
    old = start.mirror.process
    os.kill(old.pid, signal.SIGHUP)
    old.wait_output("SIP ports are free")
    hears(phone)
    start.mirror.start()
    hears(phone)
    holds(phone, other)
    hears(phone)
    assert secure.wait_sas(phone) == sas == words(other.look())
    hang_up(phone, other, "peer")
    old.stop()
