# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""The relay in the kernel (plane xdp) with real calls: ZRTP from end to end, holds, speech."""

import socket
import time

import pytest

from host_tests.interop import secure
from host_tests.interop.annex import BEHIND, LINPHONE, SEEN
from host_tests.interop.fixtures import BOARDS
from host_tests.interop.test_linphone import agreed, hang_up, same_sas, words
from host_tests.interop.test_siproxy64_linphone import digits, holds
from host_tests.servers.relay_frames import need_object
from tools.lab import measure
from tools.lab.namespace import inside, poll_frames
from tools.lab.pcap import rtp_streams

TALK_S = 2.0


@pytest.fixture
def kernel(lab, annex, start, phone):
    """siproxy64 with its XDP program on both links; what that has relayed so far."""
    need_object()
    # the other ends of the mirror's veths take what is redirected, as network cards do
    with inside(lab.switch):
        poll_frames(annex.gate.port)
    with inside(annex.switch):
        for _, name in socket.if_nameindex():
            if name.startswith("port"):
                poll_frames(name)
    start("plane xdp", f"map {LINPHONE} = {BEHIND}12", f"map {phone.address} = {SEEN}")
    assert start.mirror.status()["plane"] == "xdp native"
    # the phone becomes a neighbour that is known, and the program learns of it
    annex.hosts["linphone"].run(["ping", "-c", "1", "-W", "2", annex.mirror_address])
    annex.gate.run(["ping", "-c", "1", "-W", "2", phone.address])
    time.sleep(0.3)
    return lambda: start.mirror.status()["kernel"]["relayed"]


def talk(phone, kernel):
    """Some seconds of speech, which the kernel relays in both directions; it is heard."""
    before = kernel()
    recording = phone.panel.record()
    time.sleep(TALK_S)
    rate, samples = recording.stop()
    assert len(measure.loud_part(samples, rate, 0.0)) > rate // 4
    assert kernel() - before > 2 * 50 * TALK_S * 0.8


@pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)
def test_zrtp_and_holds(phone, annex_linphone, kernel, capture):
    other = annex_linphone()
    other.dial(f"sip:phone@{SEEN}")
    phone.answer()
    phone.wait_talking()
    other.wait_state("running")
    sas = same_sas(phone, other)
    agreed(phone, other)
    talk(phone, kernel)
    holds(phone, other)
    digits(phone, other)
    talk(phone, kernel)
    assert secure.wait_sas(phone) == sas == words(other.look())
    hang_up(phone, other)
    for one in rtp_streams(capture.stop()):
        assert one.lost <= 0.01 * one.received, str(one)
