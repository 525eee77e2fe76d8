# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""siproxy64-router with real peers: IPv4-only baresip, linphone and SIPp, an IPv6 phone."""

import os
import re
import signal
import time

import pytest

from host_tests.interop.fixtures import BOARDS, TONE_HZ
from host_tests.interop.mirror import HOUSE, PORTS
from host_tests.interop.signalling import SCENARIOS, SIPP
from host_tests.interop.test_baresip import (
    assert_tone,
    hang_up,
    heard,
    set_up,
    test_peer_cancels_while_it_rings,  # noqa: F401  these run here with the peer below
    test_peer_rejects,  # noqa: F401
    test_phone_cancels_while_it_rings,  # noqa: F401
    they_hold,
    we_hold,
)
from host_tests.interop.test_linphone import hang_up as end_secure
from host_tests.interop.test_linphone import same_sas
from host_tests.interop.test_linphone import set_up as set_up_secure
from host_tests.interop.test_siproxy64_linphone import holds
from tools.lab import House, SIPp, measure
from tools.panel.phones import TOP

PROGRAM = TOP / "build" / "router" / "siproxy64-router"
ADDRESS = "2001:db8:1::66"  # of the router
PHONE_SHOWN, SIPP_SHOWN = "192.0.2.71", "192.0.2.66"
STREAMS = 64  # that it has unless it is told otherwise
LINGER_S = 12.0  # ports stay for some seconds after a call
RATE = 80  # calls a second
GROWTH_MAX_KB = 300  # of the second half of the calls


@pytest.fixture(params=BOARDS[:1])
def phone(request, phones):
    """What is new here is the program between, so that one board does."""
    return phones.get(request.param)


@pytest.fixture(scope="module")
def house(lab):
    """A house of its own, with the same numbers."""
    return House(lab, "flat")


@pytest.fixture(scope="module")
def _running_mirror(lab, house, phones):
    made = house.mirror("static-mirror", ADDRESS)
    for name, number in HOUSE.items():
        made.map(f"192.0.2.{number}", f"{ADDRESS}:{number}", PORTS.get(name, ()))
    made.map(SIPP, SIPP_SHOWN)
    made.map(phones.get(BOARDS[0]).address, PHONE_SHOWN)
    for line in ("limit messages 100000", f"limit streams-per-party {STREAMS}"):
        made.add_line(line)
    start = made.start
    made.start = lambda: start([PROGRAM])  # also after it has ended
    made.start()
    yield made
    made.stop()


@pytest.fixture
def peer(house_baresip, house_capture):
    """What the tests of test_baresip.py have as their peer, here beyond the router."""
    return house_baresip


def told(mirror):
    """What it says of itself on USR1: (calls, streams, the counters)."""
    before = len(mirror.output())
    os.kill(mirror.process.pid, signal.SIGUSR1)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = re.search(r"(\d+) calls, (\d+) streams, .*; (.*)\n", mirror.output()[before:])
        if found:
            return int(found[1]), int(found[2]), found[3]
        time.sleep(0.05)
    raise AssertionError("it says nothing of itself")


@pytest.mark.parametrize("direction, who", [("out", "phone"), ("in", "peer")])
def test_a_tone_each_way_and_holds(phone, plain, mirror, peer, capture, direction, who):
    """Sound both ways, held by both sides, sound again."""
    other = peer()
    set_up(phone, other, direction)
    phone.panel.play((16000, measure.tone(TONE_HZ, 30, 16000)))
    assert_tone(heard(phone), "heard by the phone")
    they_hold(phone, other)
    time.sleep(0.5)
    we_hold(phone)
    sound = heard(phone)
    hang_up(phone, other, who)
    phone.panel.silence()
    assert_tone(sound, "heard by the phone after the holds")
    assert_tone(other.recordings()[0], "heard by baresip")


@pytest.mark.parametrize("direction", ["out", "in"])
def test_same_sas(phone, mirror, house_linphone, capture, direction):
    """ZRTP from end to end, before and after holds of both sides."""
    other = house_linphone()
    set_up_secure(phone, other, direction)
    sas = same_sas(phone, other)
    holds(phone, other)
    assert other.look()["sas"] == sas
    assert other.look()["encryption"] == "zrtp"
    end_secure(phone, other)


def series(sipp_host, house_sipp, calls, pause, rate, port=5070):
    """SIPp in the house calls SIPp on the link so often; (who calls, who answers), running."""
    more = {"calls": calls, "trace": False}
    callee = SIPp(sipp_host, SIPP, SCENARIOS / "uas_series.xml", port=5060, **more)
    options = ("-r", str(rate), "-l", "500")
    calling = house_sipp(
        "uac_series",
        remote=SIPP,
        remote_port=5060,
        keys={"pause": pause},
        options=options,
        port=port,
        **more,
    )
    return calling, callee


def idle(mirror):
    """Wait until no call of a test before is left; how many descriptors it has then."""
    deadline = time.monotonic() + LINGER_S
    while told(mirror)[:2] != (0, 0):
        assert time.monotonic() < deadline, told(mirror)
        time.sleep(0.2)
    return mirror.descriptors()


def test_all_its_streams(mirror, sipp_host, house_sipp):
    """As many calls as it has streams; one more is told to come later, and finds room then."""
    before = idle(mirror)
    calling, callee = series(sipp_host, house_sipp, STREAMS, 2500, 200)
    with callee:
        deadline = time.monotonic() + 3
        while told(mirror)[1] < STREAMS and time.monotonic() < deadline:
            time.sleep(0.1)
        assert told(mirror)[:2] == (STREAMS, STREAMS)
        full = house_sipp("uac_full", remote=SIPP, remote_port=5060, port=5072, calls=3)
        full.wait()
        calling.wait()
    assert idle(mirror) == before
    calling, callee = series(sipp_host, house_sipp, 1, 100, 1, port=5074)
    with callee:
        calling.wait()


def many(mirror, sipp_host, house_sipp, calls):
    """So many calls twice, more at once than fit into the heap that it begins with."""
    mirror.stop()
    for line in ("limit streams 500", "limit streams-per-party 500"):
        mirror.add_line(line)
    mirror.start()
    before = idle(mirror)
    used = []
    for number in range(2):
        port = 5070 + 2 * number
        calling, callee = series(sipp_host, house_sipp, calls // 2, 100, RATE, port)
        with callee:
            calling.wait(20 + calls / RATE)
        assert idle(mirror) == before
        used.append(mirror.memory())
    print(f"resident after {calls // 2} and {calls} calls: {used} kB; {told(mirror)[2]}")
    assert used[1] - used[0] < GROWTH_MAX_KB, used


def test_hundreds_of_calls(mirror, sipp_host, house_sipp):
    many(mirror, sipp_host, house_sipp, 600)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_ten_thousand_calls(mirror, sipp_host, house_sipp):
    many(mirror, sipp_host, house_sipp, 10_000)
