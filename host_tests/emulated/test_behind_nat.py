# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Phones on IPv4-only networks behind NAT: they come up by themselves, call, and follow their NAT.

The board is at one home, a phone of the host at another, a third has native IPv6.
"""

import os
import re
import shutil
import time

import pytest

from host_tests.emulated.calls import Tones
from tools.lab import Capture
from tools.lab.capture import tshark
from tools.lab.internet import Internet
from tools.lab.pcap import udp_packets
from tools.panel.errors import PanelError
from tools.panel.phones import TOP, QEMUPhone, UnixPhone

MOVED_S = 2.0  # from the first packet with the new port to the first that the far end takes
SETTINGS = "vox6-settings 1\ntunnel.martians = lab\n"
CONFIGURE = """
from firmware.main import phone
phone().settings.set("tunnel.martians", "lab")
phone().settings.save()
phone().reload()
"""
COUNTERS = """
import tunnel6
counters = tunnel6.counters()
print(counters["sent_server"], counters["sent_direct"], len(tunnel6.peers()))
"""
ADDRESS = """
from firmware.main import phone
print(phone().address_text(phone().network.local))
"""


class Member:
    """A phone with its home or office."""

    def __init__(self, phone, place):
        self.phone = phone
        self.place = place
        self.board = f"{phone.board} in {place.name}"

    @property
    def panel(self):
        return self.phone.panel

    def run(self, code):
        with self.phone.aside() as console:
            return console.run(code, 30.0)

    def address(self):
        return self.run(ADDRESS).strip()

    def counters(self):
        """(packets by the server, packets straight, direct paths) so far."""
        return [int(word) for word in self.run(COUNTERS).split()]

    def wait_screen(self, pattern, timeout=15.0):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.panel.screen_text().replace("\n", "")):
            if time.monotonic() > deadline:
                raise PanelError(f"no {pattern}:\n{self.panel.screen_text()}")
            time.sleep(0.05)

    def wait_idle(self):
        deadline = time.monotonic() + 8.0
        while not self.panel.screen_text().startswith("vox6"):
            if time.monotonic() > deadline:
                raise PanelError(f"not idle:\n{self.panel.screen_text()}")
            self.panel.press("hangup")
            time.sleep(0.2)


class World:
    """The lab with its three phones."""

    def __init__(self, net):
        self.net = net
        self.operator = net.operator("tsp")
        self.homes = [net.home("home1"), net.home("home2")]
        office = net.office("office")
        folder = net.folder
        self.board = Member(QEMUPhone(folder / "q", self.homes[0]), self.homes[0])
        self.unix = Member(UnixPhone(folder / "u", self.homes[1].host("phone")), self.homes[1])
        self.native = Member(UnixPhone(folder / "n", office.host("phone")), office)
        for one in (self.unix, self.native):
            settings = one.phone.state / "fs/settings"
            settings.mkdir(parents=True)
            (settings / "settings.txt").write_text(SETTINGS)
        for one in (self.native, self.unix, self.board):
            one.phone.start()
        self.board.run(CONFIGURE)
        self.native.wait_screen("2001:db8:1")

    def close(self):
        for one in (self.board, self.unix, self.native):
            one.phone.stop()


@pytest.fixture(scope="module")
def opened():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    folder = TOP / "build/behind-nat"
    shutil.rmtree(folder, ignore_errors=True)
    with Internet(folder) as net:
        made = World(net)
        yield made
        made.close()


@pytest.fixture
def world(opened):
    for one in (opened.board, opened.unix):
        one.wait_screen("IPv6 by tunnel", 30.0)
    yield opened
    for one in (opened.board, opened.unix, opened.native):
        one.wait_idle()


def connect(caller, called):
    caller.panel.dial(f"sip:x@[{called.address()}]")
    caller.panel.press("call")
    called.panel.wait_text("call from")
    called.panel.press("call")
    for one in (caller, called):
        one.panel.wait_text("talking")
        one.wait_screen("SAS")


def moved_after(mover, old, wan, far):
    """Seconds from the first packet with the new NAT port to the first voice the far end takes.

    mover: the phone; old: its address before; wan, far: captures outside its NAT and at the far
    end, which takes voice from the new address once it has answered the re-INVITE.
    """
    new = mover.address()
    assert new != old
    port = int(new.split(":")[6], 16)
    filter_ = f"ip.src == {mover.place.public_address} && udp.srcport == {port}"
    began = float(tshark(wan.stop(), filter_, "frame.time_epoch")[0][0])
    told = None
    for at, source, _, destination, _, payload in udp_packets(far.stop()):
        if told is None:
            if payload.startswith(b"SIP/2.0 200") and b"INVITE\r\n" in payload:
                told = at if text_of(destination) == new else None
        elif text_of(source) == new and len(payload) > 160 and payload[0] == 0x80:
            print(
                f"{mover.board}: told after {told - began:.3f} s, heard after {at - began:.3f} s"
            )
            return at - began
    raise AssertionError("nothing came from " + new)


def text_of(octets):
    import ipaddress

    return str(ipaddress.IPv6Address(octets))


def test_both_come_up_by_themselves(world):
    for one in (world.board, world.unix):
        assert one.address().startswith("2001:db8:3653:")
        for key in ("ok", "down", "ok"):
            one.panel.press(key)
        one.wait_screen(f"by {world.operator.ipv4}")
        one.panel.press("hangup")


@pytest.mark.parametrize("who", ["board", "unix"])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_call_with_native_ipv6(world, who, direction):
    here = getattr(world, who)
    pair = (here, world.native) if direction == "out" else (world.native, here)
    connect(*pair)
    with Tones(here, world.native) as tones:
        here.panel.wait_text(r"\d:04")
    pair[1].panel.press("hangup")
    pair[0].panel.wait_text("they hung up")
    assert not tones.breaks(2.0)


def test_two_nats_voice_goes_straight(world):
    connect(world.unix, world.board)
    time.sleep(1.0)
    before = [one.counters() for one in (world.board, world.unix)]
    hairpinned = world.operator.counters().get("hairpin", 0)
    time.sleep(3.0)
    after = [one.counters() for one in (world.board, world.unix)]
    for one in range(2):
        assert after[one][2] >= 1, after
        assert after[one][1] - before[one][1] > 120, (before, after)
        assert after[one][0] - before[one][0] < 5, (before, after)
    assert world.operator.counters().get("hairpin", 0) - hairpinned < 10
    world.unix.panel.press("hangup")


def test_a_mapping_changes_in_a_call_with_native(world):
    connect(world.board, world.native)
    old = world.board.address()
    wan, far = Capture(world.homes[0].wan, "wan.pcap"), Capture(world.native.place, "far.pcap")
    time.sleep(1.0)
    world.homes[0].rebind()
    time.sleep(4.0)
    taken = moved_after(world.board, old, wan, far)
    assert taken <= MOVED_S
    with Tones(world.board, world.native) as tones:
        time.sleep(3.0)
    assert not tones.breaks(2.0)
    world.board.panel.press("hangup")
    world.native.panel.wait_text("they hung up")


def test_mappings_change_in_turn_in_a_direct_call(world):
    connect(world.unix, world.board)
    time.sleep(2.0)
    for mover, other in ((world.board, world.unix), (world.unix, world.board)):
        assert mover.counters()[2] >= 1
        old = mover.address()
        wan, far = Capture(mover.place.wan, "wan.pcap"), Capture(other.place, "far.pcap")
        time.sleep(0.5)
        mover.place.rebind()
        time.sleep(4.0)
        assert moved_after(mover, old, wan, far) <= MOVED_S
        time.sleep(2.0)
    with Tones(world.board, world.unix) as tones:
        time.sleep(3.0)
    world.unix.panel.press("hangup")
    assert not tones.breaks(2.0)


def test_native_ipv6_appears_in_a_call_and_goes(world):
    connect(world.unix, world.native)
    old = world.unix.address()
    prefix = world.homes[1].add_ipv6().partition("::")[0]
    try:
        time.sleep(4.0)
        assert world.unix.address().startswith(prefix)
        far = Capture(world.native.place, "far.pcap")
        with Tones(world.unix, world.native) as tones:
            time.sleep(3.0)
        voices = set()
        for _, source, _, _, _, payload in udp_packets(far.stop()):
            if len(payload) > 160 and payload[0] == 0x80:
                voices.add(text_of(source))
        assert old in voices and len(voices) == 2, voices
        assert not tones.breaks(2.0)
        world.unix.panel.press("hangup")
        world.native.panel.wait_text("they hung up")
        world.unix.wait_idle()
        connect(world.unix, world.native)  # a new call is native, and follows when that goes
        world.native.wait_screen(prefix)
    finally:
        world.homes[1].withdraw_ipv6()
    time.sleep(3.0)
    assert world.unix.address().startswith("2001:db8:3653:")
    with Tones(world.unix, world.native) as tones:
        time.sleep(3.0)
    assert not tones.breaks(2.0)
    world.unix.panel.press("hangup")
    world.native.panel.wait_text("they hung up")
