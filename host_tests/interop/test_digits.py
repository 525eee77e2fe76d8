# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Digits in a call both ways: RFC 4733 and INFO, with programs of other makers."""

import time

import pytest

from host_tests.interop.fixtures import BOARDS
from host_tests.interop.peers import connect


@pytest.mark.parametrize("direction", ["out", "in"])
def test_digits_of_rfc_4733(phone, modern, capture, direction):
    other = modern()
    connect(phone, other, direction)
    time.sleep(0.5)
    for key in "15*#":
        phone.panel.press(key)
        time.sleep(0.25)
    heard = "".join(other.wait("digit")["digit"] for _ in range(4))
    assert heard == "15*#"
    other.press("90A#")
    phone.panel.wait_text("90A#")
    phone.hang_up()
    other.wait("call_closed")
    phone.wait_idle()


@pytest.mark.parametrize("phone", BOARDS[:1], indirect=True)
def test_digits_by_info(phone, modern, capture):
    other = modern(dtmf="info")
    phone.configure(dtmf__mode="info")
    try:
        connect(phone, other, "out")
        other.press("7#")
        phone.panel.wait_text("7#")
        phone.panel.press("4")
        assert other.wait("digit")["digit"] == "4"
        phone.hang_up()
        other.wait("call_closed")
        phone.wait_idle()
    finally:
        phone.configure(dtmf__mode="auto")
