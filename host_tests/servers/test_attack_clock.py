# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody turns the server's clock (NTP is not authenticated): periods of keys follow, no more.

The process has a clock of its own for that, which a file sets off.
"""

import os
import signal
import time

import pytest

from host_tests.servers.wire import NATIVE, environment, udp_packet
from tools.pubtspd import keys as key_module

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]
ALICE = ("203.0.113.77", 54321)
DAY = 86400
_HOOK = """import time
_real = time.time
def _told():
    with open(%r) as file:
        return _real() + float(file.read() or 0)
time.time = _told
"""


@pytest.fixture
def scene(wire, tmp_path):
    """A server with a master key, and a way to set its clock off by seconds."""
    key, offset, hook = tmp_path / "master", tmp_path / "offset", tmp_path / "hook"
    key.write_text("pubtspd-keys 1\nmaster " + "5a" * 32 + "\n")
    key.chmod(0o600)
    offset.write_text("0")
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(_HOOK % str(offset))
    path = f"{hook}:{environment()['PYTHONPATH']}"
    server = wire.server(key_file=str(key), env={"PYTHONPATH": path})
    keys = key_module.load(key)

    def turn(seconds, tell=True):
        (tmp_path / "new").write_text(str(seconds))
        (tmp_path / "new").rename(offset)
        if tell:  # it looks at once; by itself each 30 s
            os.kill(server.process.pid, signal.SIGHUP)
        return keys.of_day(int(time.time() + seconds) // DAY)

    return wire, server, turn


def passes(wire, server, peer, address):
    """Whether a packet with an address goes up."""
    wire.native.clear()
    peer.heard.clear()
    peer.send(udp_packet(address, NATIVE, b"clock"), server)
    return wire.until(lambda: any(packet[48:] == b"clock" for packet in wire.native), 0.5)


def away_from_midnight():
    """Wait where a day ends while the test runs."""
    left = DAY - time.time() % DAY
    if left < 30:
        time.sleep(left + 1)


def test_attack_clock_that_jumps(scene):
    """A day on: the address is still good; years: it is not; back: it is again."""
    away_from_midnight()
    wire, server, turn = scene
    alice = wire.peer(*ALICE)
    today = turn(0)
    address = server.address(*ALICE, today)
    assert alice.create(server) == address
    for seconds, good in (
        (DAY, True),  # the key of the day before
        (2 * DAY, False),
        (0, True),
        (-DAY, False),  # keys of the future are not known
        (0, True),
        (3650 * DAY, False),
        (-time.time(), False),  # 1970
        (0, True),
    ):
        key = turn(seconds)
        expected = server.address(*ALICE, key)
        assert wire.until(lambda: alice.create(server) == expected, 5.0), seconds  # noqa: B023
        assert passes(wire, server, alice, expected)
        assert passes(wire, server, alice, address) is good, seconds
    assert server.process.running() and "Traceback" not in server.process.output()


def test_attack_clock_of_nonsense(scene):
    """Before 1970 and beyond the year 9999: the server lives and serves on."""
    wire, server, turn = scene
    alice = wire.peer(*ALICE)
    alice.create(server)
    for seconds in (-2 * time.time(), 9e11, -9e11):
        try:
            turn(seconds)
        except (OverflowError, ValueError):
            pass
        wire.until(lambda: False, 0.5)
        assert server.process.running(), server.process.output()
        assert alice.ask(b"VERSION=2.0.0\r\n", server).startswith(b"CAPABILITY")
    key = turn(0)
    assert wire.until(lambda: alice.create(server) == server.address(*ALICE, key), 5.0)


def test_attack_clock_beside_a_call(scene):
    """Limits and timers run by another clock: a jump does not open or close them."""
    wire, server, turn = scene
    alice = wire.peer(*ALICE)
    start = time.monotonic()
    for i in range(40):  # beyond the burst of thirty
        alice.send(b"\xf0\0\2%c\0\0\0\0VERSION=2.0.0\r\n" % i, server)
    wire.until(lambda: len(alice.heard) >= 31, 2.0)
    alice.heard.clear()
    turn(3650 * DAY, tell=False)  # settings that are read again begin limits anew
    wire.until(lambda: False, 0.2)
    for i in range(40):
        alice.send(b"\xf0\0\3%c\0\0\0\0VERSION=2.0.0\r\n" % i, server)
    wire.until(lambda: False, 0.5)
    served = sum(b"CAPABILITY" in one.data for one in alice.heard)
    assert served <= 10 * (time.monotonic() - start) + 1, "ten a second, as before the jump"
