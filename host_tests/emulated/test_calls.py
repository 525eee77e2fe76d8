# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""The two boards call each other."""

import pytest

from host_tests.emulated.calls import Tones, connect, disconnect
from tools.lab.pcap import rtp_streams


@pytest.mark.parametrize("direction", ["unix-calls", "qemu-calls"])
def test_call_by_tcp(pair, direction):
    """Signalling by streams, the kernel's on one side and lwIP's on the other."""
    caller, called = pair if direction == "unix-calls" else pair[::-1]
    caller.panel.dial(called.uri + ";transport=tcp")
    caller.panel.press("call")
    called.answer()
    for one in (caller, called):
        one.wait_talking()
    caller.panel.press("hold")
    called.panel.wait_text("They hold the call")
    caller.panel.press("hold")
    called.panel.wait_text("(?s)Talking|SAS")
    disconnect(called, caller)
    for one in (caller, called):
        assert one.console("import net6; print(net6.counters()['errors'])").strip() == "0"
        assert "connected" in one.phone.console_log()


@pytest.mark.parametrize("direction", ["unix-calls", "qemu-calls"])
@pytest.mark.parametrize("who", ["caller", "called"])
def test_call(pair, capture, direction, who):
    caller, called = pair if direction == "unix-calls" else pair[::-1]

    connect(caller, called)
    with Tones(caller, called) as tones:
        called.panel.wait_text(r"\d:03")
    if who == "caller":
        disconnect(caller, called)
    else:
        disconnect(called, caller)
    assert not tones.breaks(2.0)
    streams = rtp_streams(capture.stop())
    assert len(streams) in (2, 4, 6)
    for stream in streams:
        assert stream.lost == 0, stream
        assert stream.codec == "G722", stream
