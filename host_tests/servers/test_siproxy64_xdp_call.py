# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls through siproxy64 as a process whose media goes through the kernel (plane xdp)."""

import socket
import time
from pathlib import Path

import pytest

from host_tests.servers import relay_frames
from host_tests.servers.mirror_house import (
    PEER_SEEN,
    PHONE_SEEN,
    Neighbourhood,
    call,
    hang_up,
    line_of,
    open_lab,
    talk,
)
from tools.lab.namespace import inside, poll_frames

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]


@pytest.fixture(scope="module")
def place():
    """A neighbourhood whose links take what is redirected to them, as network cards do."""
    relay_frames.need_object()
    with open_lab() as lab:
        place = Neighbourhood(lab)
        for switch in (lab.switch, place.house.switch):
            with inside(switch):
                for _, name in socket.if_nameindex():
                    if name.startswith("p"):
                        poll_frames(name)
        place.mirror.start(["plane xdp"])
        # neighbours become known, and the plane learns of them
        place.phone_host.run(["ping", "-c", "1", "-W", "2", PEER_SEEN])
        place.peer_host.run(["ping", "-c", "1", "-W", "2", PHONE_SEEN])
        time.sleep(0.3)
        yield place


@pytest.fixture
def pair(place):
    """(phone, peer), the mirror running with the kernel's plane."""
    phone, peer = place.pair()
    with phone, peer:
        yield phone, peer


def kernel(place):
    status = place.status()
    assert status["plane"] == "xdp native"
    return status["kernel"]


def test_log(place):
    """One line says which plane there is, and where."""
    assert "relayed in the kernel: XDP, native, on eth0, house" in place.log()


@pytest.mark.parametrize("caller", ("phone", "peer"))
def test_call(place, pair, caller):
    """The first packet of who may be latched comes to the socket, all others do not."""
    one, two = pair if caller == "phone" else pair[::-1]
    names = (PEER_SEEN, PHONE_SEEN) if caller == "phone" else (PHONE_SEEN, PEER_SEEN)
    before = kernel(place)
    call_id, offer, answer = call(one, two, *names)
    talk(one, two, answer, offer, count=50)
    moved = {name: count - before[name] for name, count in kernel(place).items()}
    assert moved["relayed"] >= 98, moved  # and neighbours that were not known at once
    (found,) = place.calls()
    assert found["packets"] == 100
    assert found["octets"] == 2 * 10 * len(b"from one 0") + 2 * 40 * len(b"from one 10")
    hang_up(one, two, names[0], call_id)
    if caller == "phone":
        time.sleep(6)  # it lingers for 5 s
        assert place.status()["calls"] == 0
        one.say(b"too late", answer)
        assert two.hears_nothing()


def test_program_that_leaves(place, pair):
    """HUP: the call's media goes by sockets, and the new instance has the kernel."""
    phone, peer = pair
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    old = place.mirror.process
    place.signal("SIGHUP")
    old.wait_output("SIP ports are free", 10)
    talk(phone, peer, answer, offer)
    place.mirror.start(["plane xdp"])
    talk(phone, peer, answer, offer)
    assert kernel(place)["relayed"] == 0
    # another call beside it, by other ports: those of the first are the old instance's
    _, offer_2, answer_2 = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    assert line_of(answer_2, "m=") != line_of(answer, "m=")
    talk(phone, peer, answer_2, offer_2)
    assert kernel(place)["relayed"] >= 4
    talk(phone, peer, answer, offer)
    old.stop()


def test_as_another_user(place, pair):
    """Without root's rights: what the maps are told later is told as nobody."""
    place.fresh("plane xdp", "user nobody")
    phone, peer = pair
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    found = Path(f"/proc/{place.mirror.process.pid}/status").read_text()
    assert "\nUid:\t65534\t65534" in found
    place.signal("SIGUSR1")
    said = place.mirror.process.wait_output(r"kernel: relayed (\d+)", 5)
    assert int(said.group(1)) >= 4
    hang_up(phone, peer, PEER_SEEN, call_id)
    place.fresh("plane xdp")
