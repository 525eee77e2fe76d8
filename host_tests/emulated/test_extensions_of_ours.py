# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""What no peer of another maker does with us: early media told reliably (RFC 3262) and changed by
UPDATE (RFC 3311) before the answer, with ZRTP; a session refreshed by UPDATE (RFC 4028).

No key of the phone begins early media or an UPDATE, so the console of each phone does.
"""

import ast
import time

import pytest

from host_tests.emulated.calls import connect, disconnect
from host_tests.interop import secure
from tools.lab import measure
from tools.lab.capture import tshark

_CALL = """
from firmware.main import phone
p = phone()
call = p.call_in_focus()
now = p.clock.now()
"""
# The called phone speaks before it answers.
_EARLY_MEDIA = """
call.audio.local = p.network.source_for(call.peer[0])
call.audio.reserve(p.ports)
body = call.audio.answer(False)
call.audio.apply(False)
p.started(call)
call.session.ring(now, 183, body, True)
p.drain()
"""
_SETTLE = """
if call.audio.is_offering():
    call.audio.take_answer(call.early[0], True, call.early[1])
"""
_UPDATE = """
call.changing = "change"
call.session.update(now, call.audio.offer(False))
p.drain()
"""
_ACCEPT = """
call.session.accept(now, b"")
call.to("answering", now)
call.talking_since = now
call.deadline = None
p.drain()
p.sounds.update()
"""
_TIMER = """
refresher = call.session.refresher()
print((refresher.interval_s, refresher.ours))
"""
_REFRESH = """
call.session.agent.layer.timers.set(call.session, "refresh", now + 500)
p.drain()
"""


@pytest.fixture(params=["unix-calls", "qemu-calls"])
def strict(request, pair):
    """(caller, called): provisional responses reliable, sessions refreshed after 45 s."""
    for one in pair:
        secure.forget(one)
        one.configure(sip__reliable="required", sip__session_expires_s=90)
    yield pair if request.param == "unix-calls" else pair[::-1]
    for one in pair:
        one.wait_idle()
        one.configure(sip__reliable="supported", sip__session_expires_s=1800)


def hears(listener, speaker):
    """A tone comes through from one to the other."""
    speaker.panel.play((16000, measure.tone(1000, 10, 16000)))
    time.sleep(0.6)
    recording = listener.panel.record()
    time.sleep(1.2)
    rate, samples = recording.stop()
    speaker.panel.silence()
    tone = measure.measure_tone(measure.loud_part(samples, rate), rate)
    assert abs(tone.frequency - 1000) < 1, f"{listener.board} hears {tone}"


def timer(phone):
    """(interval in s, whether this side refreshes) of the call's session timer."""
    return ast.literal_eval(phone.console(_CALL + _TIMER).strip().splitlines()[-1])


def test_early_media_is_changed_before_the_answer(strict, capture):
    caller, called = strict
    caller.dial(called.uri)
    called.panel.wait_text("call from")
    called.console(_CALL + _EARLY_MEDIA)
    caller.panel.wait_text("SAS")
    hears(caller, called)
    caller.console(_CALL + _SETTLE + _UPDATE)
    hears(caller, called)
    called.console(_CALL + _UPDATE)
    hears(caller, called)
    called.console(_CALL + _ACCEPT)
    for one in strict:
        one.wait_talking()
    assert secure.wait_to_compare(caller) == secure.wait_to_compare(called)
    hears(called, caller)
    assert timer(caller)[0] == timer(called)[0] == 90
    disconnect(caller, called)
    path = capture.stop()
    rows = tshark(path, "sip", "sip.CSeq.method", "sip.Status-Code", "sip.RSeq")
    told = [(method, status) for method, status, _ in rows if method in ("PRACK", "UPDATE")]
    assert told == [("PRACK", ""), ("PRACK", "200")] * 2 + [("UPDATE", ""), ("UPDATE", "200")] * 2
    reliable = [row for row in rows if row[0] == "INVITE" and row[1][:2] == "18"]
    assert [row[1] for row in reliable] == ["180", "183"] and all(row[2] for row in reliable)


def test_session_is_refreshed_by_update(strict, capture):
    """The timer of the one who refreshes is brought forward; both count anew."""
    caller, called = strict
    connect(caller, called)
    (interval, ours), (other_interval, theirs) = timer(caller), timer(called)
    assert (interval, other_interval) == (90, 90) and ours is not theirs
    refresher = caller if ours else called
    refresher.console(_CALL + _REFRESH)
    time.sleep(1.5)
    assert timer(refresher) == (90, True)
    disconnect(called, caller)
    rows = tshark(
        capture.stop(),
        'sip.CSeq.method == "UPDATE"',
        "sip.Status-Code",
        "sip.Session-Expires",
        "sip.Content-Length",
    )
    assert [row[0] for row in rows] == ["", "200"], rows
    assert all(row[1].startswith("90") and row[2] == "0" for row in rows), rows


@pytest.mark.soak
def test_session_is_refreshed_in_time(strict, capture):
    """Half of the interval after the answer, and once more."""
    caller, called = strict
    connect(caller, called)
    time.sleep(93.0)
    disconnect(called, caller)
    fields = ("sip.Status-Code", "frame.time_relative")
    rows = tshark(capture.stop(), 'sip.CSeq.method == "UPDATE"', *fields)
    assert [row[0] for row in rows] == ["", "200", "", "200"], rows
