# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""ZRTP end to end through siproxy64 for a long time: an IPv4-only linphone, the emulated board."""

import os
import time

import pytest

from host_tests.interop.test_linphone import agreed, hang_up, same_sas, set_up
from tools.lab.pcap import rtp_streams

pytestmark = pytest.mark.interop
LONG_S = 60  # of the call in `make test`
LOST_MAX = 0.01


def talk(phone, other, capture, house_capture, seconds):
    """A call of some time, in which voice never stops on either link; then both hang up."""
    same_sas(phone, other)
    agreed(phone, other)
    time.sleep(seconds + 1)  # voice begins when the keys are there
    assert other.look()["encryption"] == "zrtp"
    hang_up(phone, other)
    for path, ipv4 in ((capture.stop(), False), (house_capture.stop(), True)):
        streams = [one for one in rtp_streams(path, ipv4) if one.received > 25 * seconds]
        assert len(streams) == 2, [str(one) for one in rtp_streams(path, ipv4)]
        for one in streams:
            print(f"{one.source} > {one.destination}: {one.received}, {one.lost} lost")
            assert one.end - one.start > seconds
            assert one.lost <= LOST_MAX * one.received
            assert one.longest_gap_s < 1.0


@pytest.mark.timeout(180)
def test_a_minute_of_the_emulated_board(phones, house_linphone, capture, house_capture):
    phone, other = phones.get("QEMU_MPS2_AN500"), house_linphone("G722")
    set_up(phone, other, "out")
    talk(phone, other, capture, house_capture, LONG_S)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_twenty_minutes(phones, house_linphone, capture, house_capture):
    phone, other = phones.get("QEMU_MPS2_AN500"), house_linphone()
    set_up(phone, other, "out")
    talk(phone, other, capture, house_capture, int(os.environ.get("VOX6_SOAK_SECONDS", "1200")))
