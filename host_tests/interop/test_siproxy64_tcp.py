# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Peers in the house whose signalling goes by TCP, through siproxy64."""

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.test_baresip_streams import (
    test_call_by_tcp,  # noqa: F401  runs here with the peer below
)
from host_tests.interop.test_linphone import hang_up, same_sas
from host_tests.interop.test_siproxy64_linphone import holds
from tools.lab.capture import tshark


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """One board: what is new here is the mirror."""
    return phones.get(request.param)


@pytest.fixture
def peer(house_baresip, house_capture):
    """What test_baresip_streams.py has as its peer, here beyond the mirror; by TCP alone."""
    yield house_baresip
    assert_tcp_alone(house_capture)


def assert_tcp_alone(capture):
    path = capture.stop()
    assert tshark(path, "sip && tcp") and not tshark(path, "sip && udp"), path


@pytest.mark.parametrize("direction", ["out", "in"])
def test_linphone_by_tcp(phone, house_linphone, capture, house_capture, direction):
    """ZRTP, holds of both sides; one side of the house's connection ends it."""
    other = house_linphone(transport="tcp")
    if direction == "out":
        phone.dial(other.uri)
        other.wait_state("incoming")
        other.answer()
    else:
        other.dial(phone.uri + ";transport=tcp")
        phone.answer()
    phone.wait_talking()
    other.wait_state("running")
    same_sas(phone, other)
    holds(phone, other)
    hang_up(phone, other, "phone" if direction == "out" else "peer")
    for one in (capture, house_capture):
        assert_tcp_alone(one)
