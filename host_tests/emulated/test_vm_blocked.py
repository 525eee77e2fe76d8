# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""While the VM runs `while True: pass` for 5 s, packets and sound go on (design.md section 5)."""

import ast
import re
import statistics

import pytest

from host_tests.emulated import tls_peers
from host_tests.emulated.calls import Tones, connect, disconnect
from host_tests.emulated.stream_peers import echo, guest
from host_tests.interop import secure

BLOCKED_S = 5
ANSWER_MS = 20.0
HANDSHAKES = 8
_BLOCK = """
import time
_end = time.ticks_add(time.ticks_ms(), %d)
while True:
    if time.ticks_diff(_end, time.ticks_ms()) < 0:
        break
print("free again")
"""


def ping_times(lab, address, count):
    """Milliseconds of each answer to ping6, five a second, from the lab's router."""
    process = lab.hosts["router"].start(
        ["ping", "-6", "-n", "-c", str(count), "-i", "0.2", "-W", "1", address], log="ping.log"
    )
    process.wait(count * 0.2 + 10)
    return [float(found) for found in re.findall(r"time=([\d.]+) ms", process.output())]


@pytest.mark.parametrize("blocked", ["UNIX_HOST", "QEMU_MPS2_AN500"])
def test_sound_and_ping_go_on(pair, phones, lab, capture, blocked):
    unix, qemu = pair
    victim = phones.get_running(blocked)
    wanted = BLOCKED_S * 5 - 3

    connect(qemu, unix)
    for one in pair:
        secure.wait_sas(one)  # until then nothing is said in clear
    before = media_counters(victim)
    with Tones(unix, qemu) as tones:
        with victim.phone.aside() as console:
            console.start(_BLOCK % (BLOCKED_S * 1000))
            times = ping_times(lab, victim.address, wanted)
            assert "free again" in console.finish(BLOCKED_S + 5)
    after = media_counters(victim)
    disconnect(unix, qemu)
    late = after["late_ticks"] - before["late_ticks"]
    print(
        f"{blocked}: {len(times)} answers, median {statistics.median(times):.2f} ms, worst "
        f"{max(times):.2f} ms; {late} late of {after['ticks'] - before['ticks']} ticks"
    )
    assert len(times) == wanted, "a ping was not answered"
    assert statistics.median(times) < ANSWER_MS
    assert not tones.breaks(BLOCKED_S)


def test_sound_goes_on_beside_tls_handshakes(pair, phones, lab, capture, tmp_path):
    """A handshake keeps the board's VM busy, not its engine."""
    unix, qemu = pair
    peer = lab.host("tls")
    address = peer.wait_address()
    authority = tls_peers.pem(tls_peers.authority().certificate)
    connect(qemu, unix)
    for one in pair:
        secure.wait_sas(one)  # until then nothing is said in clear
    made = tls_peers.context("rsa", tmp_path)
    with tls_peers.tls_server(echo, made, peer, address) as (port, failures):
        code = guest(tls_peers.GUEST, address, "qemu") + (
            "import gc\n"
            "times = []\n"
            f"for _ in range({HANDSHAKES}):\n"
            "    start = time.ticks_ms()\n"
            f"    print(talk(secure({port}, {authority!r})))\n"
            "    times.append(time.ticks_diff(time.ticks_ms(), start))\n"
            "    gc.collect()\n"
            "print(times, 'ms')\n"
        )
        with Tones(unix, qemu) as tones:
            with qemu.phone.aside() as console:
                console.start(code)
                lines = console.finish(60).split("\n")
    disconnect(unix, qemu)
    print("QEMU_MPS2_AN500:", lines[HANDSHAKES])
    assert [line.strip() for line in lines[:HANDSHAKES]] == ["same"] * HANDSHAKES
    assert not failures
    assert not tones.breaks(1)


def media_counters(phone):
    """media.counters() of a phone."""
    return ast.literal_eval(phone.console("import media; print(media.counters())").strip())
