# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: whole phones in a lab
"""Calls of phones whose networks have IPv4 alone, behind NAT: they find a tunnel by themselves."""

import ipaddress
import os
import shutil
import time

import pytest

from host_tests.emulated.calls import TONE_HZ, Tones, connect, disconnect
from host_tests.interop import secure
from host_tests.interop.fixtures import Telephone
from host_tests.servers.conftest import open_internet
from tools.lab import Capture, measure
from tools.lab.capture import tshark
from tools.lab.eavesdrop import overhear
from tools.lab.pcap import rtp_streams, udp_packets, zrtp_algorithms
from tools.panel.phones import QEMUPhone, UnixPhone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
MOVE_S = 2.0  # the target: from the first packet with the NAT's new port to voice at the peer


class World:
    """Two homes behind NATs, an office with IPv6, an operator, and a phone in each of them."""

    def __init__(self, net):
        self.net = net
        self.operator = net.operator("tsp")
        self.home, self.other = net.home("home"), net.home("other")
        self.office = net.office("office")
        for name in ("board", "unix", "desk"):
            shutil.rmtree(net.folder / name, ignore_errors=True)
        tunnel = self.operator.prefix
        self.board = self._telephone(QEMUPhone(net.folder / "board", self.home), tunnel)
        unix = UnixPhone(net.folder / "unix", self.other.host("phone"))
        self.unix = self._telephone(unix, tunnel)
        desk = UnixPhone(net.folder / "desk", self.office.host("phone"))
        self.desk = self._telephone(desk, str(self.office.prefix))

    def _telephone(self, phone, prefix):
        made = Telephone(phone, phone.state, prefix)
        made.start()
        return made

    def carried(self, operator=None):
        """Packets that a server has carried so far, both ways."""
        counters = (operator or self.operator).counters()
        return counters["up"] + counters["down"]

    def close(self):
        for one in (self.board, self.unix, self.desk):
            one.phone.stop()


@pytest.fixture(scope="module")
def world():
    with open_internet("tunnel-call") as net:
        made = World(net)
        yield made
        made.close()


@pytest.fixture(autouse=True)
def idle(world):
    """All phones are idle before and after each test."""
    yield
    for one in (world.board, world.unix, world.desk):
        one.wait_idle()


def reconfigure(one, **rows):
    """Set rows of the tunnel, which begins anew with another port and so another address."""
    told = len(one.phone.console_log())
    one.configure(**rows)
    deadline = time.monotonic() + 10.0
    came = "net: address " + one.prefix.partition("::")[0]
    while came not in one.phone.console_log()[told:]:
        assert time.monotonic() < deadline, one.phone.console_log()[told:]
        time.sleep(0.05)
    time.sleep(0.2)  # the screen follows
    one.learn_address()


def embedded(address):
    """IPv4 address and port in an address of PubTSP."""
    octets = ipaddress.IPv6Address(address).packed
    return str(ipaddress.IPv4Address(octets[8:12])), int.from_bytes(octets[12:14], "big")


def talk(first, second, seconds=4.0):
    """Both hear the other's tone without a break for some seconds."""
    with Tones(first, second) as tones:
        time.sleep(seconds)
    assert not tones.breaks(seconds)


def planes(operator):
    """Counters of each data plane of a server."""
    (member,) = operator.ask("status")["members"]
    return member["counters"]


def last_silence(tones, board):
    """The longest silence in what a phone heard, in seconds."""
    rate, samples = tones.sounds[board]
    gaps = measure.find_gaps(samples, rate, TONE_HZ)
    return max([gap.length_s for gap in gaps], default=0.0)


@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_phone_behind_nat_and_one_with_native_ipv6(world, direction):
    caller, called = world.board, world.desk
    if direction == "in":
        caller, called = called, caller
    assert embedded(world.board.address)[0] == world.home.public_address
    captures = [Capture(place, f"call-{direction}.pcap") for place in (world.home, world.office)]
    before = world.operator.counters()
    connect(caller, called)
    assert secure.wait_to_compare(caller) == secure.wait_to_compare(called)
    talk(caller, called)
    disconnect(caller, called)
    after = world.operator.counters()
    for capture in captures:
        path = capture.stop()
        assert zrtp_algorithms(path) is not None
        streams = rtp_streams(path)
        assert len(streams) == 2
        for stream in streams:
            assert stream.lost == 0
            assert stream.received > 150
        for one in overhear(path, []):  # SRTP's tag is behind each frame but the very first
            assert one.packets - one.larger <= 5
        # All voice passes the server.
        for way in ("up", "down"):
            assert after[way] - before[way] >= min(one.received for one in streams)


def test_two_phones_behind_two_nats_by_their_server(world):
    """Direct paths are off: all voice passes the server, and both hear each other."""
    first, second = world.board, world.unix
    for one in (first, second):
        reconfigure(one, tunnel__direct=False)
    before = world.carried()
    connect(first, second)
    assert secure.wait_to_compare(first) == secure.wait_to_compare(second)
    talk(first, second)
    disconnect(first, second)
    passed = world.carried() - before
    print(f"the server carried {passed} packets")
    assert passed > 2 * 50 * 4


def test_two_phones_behind_two_nats_meet_directly(world):
    """Their media do not pass the server, as its counters show."""
    first, second = world.board, world.unix
    for one in (first, second):
        reconfigure(one, tunnel__direct=True, tunnel__martians="lab")
    captures = [Capture(home.wan, "direct.pcap") for home in (world.home, world.other)]
    connect(first, second)
    assert secure.wait_to_compare(first) == secure.wait_to_compare(second)
    time.sleep(1.0)  # probes are answered
    before = world.carried()
    talk(first, second, 5.0)
    passed = world.carried() - before
    disconnect(first, second)
    ends = {world.home.public_address, world.other.public_address}
    for capture in captures:
        rows = tshark(capture.stop(), "udp && !icmp", "ip.src", "ip.dst")
        straight = sum({row[0], row[1]} == ends for row in rows)
        print(f"{straight} packets from home to home, {passed} by the server")
        assert straight > 2 * 50 * 4
    assert passed < 50  # keepalives, reports


def test_a_server_that_restarts_in_a_call(world):
    """Only the packets of the gap are lost; the call goes on with its address."""
    address = world.board.address
    connect(world.board, world.desk)
    secure.wait_to_compare(world.board)
    with Tones(world.board, world.desk) as tones:
        time.sleep(2.0)
        world.operator.kill()
        gone = time.monotonic()
        world.operator.start()
        gap = time.monotonic() - gone
        time.sleep(3.0)
    silences = {one: last_silence(tones, one) for one in tones.sounds}
    print(f"server away for {gap:.2f} s; longest silence heard: {silences}")
    for silence in silences.values():
        assert silence < gap + 0.5
    talk(world.board, world.desk, 2.0)
    disconnect(world.board, world.desk)
    assert world.board.learn_address() == address


def test_a_nat_that_changes_its_mapping_in_a_call(world):
    """A new address, the call moves: voice within 2 s of the first packet with the new port."""
    old = world.board.address
    captures = [Capture(place, "moved.pcap") for place in (world.home.wan, world.office)]
    connect(world.board, world.desk)
    secure.wait_to_compare(world.board)
    with Tones(world.board, world.desk) as tones:
        time.sleep(2.0)
        world.home.rebind()
        time.sleep(5.0)
    talk(world.board, world.desk, 2.0)
    disconnect(world.board, world.desk)
    new = world.board.learn_address()
    ipv4, port = embedded(new)
    assert new != old and ipv4 == world.home.public_address
    first, last = world.home.nat.ports
    assert first <= port <= last
    outside, office = [capture.stop() for capture in captures]
    rows = tshark(outside, f"udp.srcport == {port}", "frame.time_epoch")
    start = float(rows[0][0])
    source = ipaddress.IPv6Address(new).packed
    desk = ipaddress.IPv6Address(world.desk.address).packed
    voice = next(
        moment
        for moment, from_, _, to, _, payload in udp_packets(office)
        if from_ == source and to == desk and len(payload) > 160 and payload[0] == 0x80
    )
    silences = {one: last_silence(tones, one) for one in tones.sounds}
    print(f"first packet with the new port to the first voice at the peer: {voice - start:.3f} s;")
    print(f"longest silence heard: {silences}")
    assert voice - start < MOVE_S
    assert max(silences.values()) < MOVE_S + 0.5


def test_a_site_of_an_anycast_service_goes_in_a_call(world):
    """Tones go on: what is lost at the swap is no silence, and the address stays."""
    service = world.net.anycast("east", "west")
    world.home.set_servers(service)
    world.board.phone.stop()
    world.board.prefix = service.prefix
    world.board.start()
    capture = Capture(world.office, "anycast.pcap")
    connect(world.board, world.desk)
    secure.wait_to_compare(world.board)
    before = [world.carried(site.operator) for site in service.sites]
    time.sleep(1.0)
    after = [world.carried(site.operator) for site in service.sites]
    passed = [new - old for old, new in zip(before, after, strict=True)]
    site = service.sites[passed.index(max(passed))]
    with Tones(world.board, world.desk) as tones:
        time.sleep(1.0)
        site.operator.kill()
        time.sleep(3.0)
    silences = {one: last_silence(tones, one) for one in tones.sounds}
    talk(world.board, world.desk, 2.0)
    disconnect(world.board, world.desk)
    streams = rtp_streams(capture.stop())
    lost = {stream.source: stream.lost for stream in streams}
    print(f"{site.name} killed, it had {max(passed)} packets a second; lost: {lost}")
    print(f"longest silence heard: {silences}")
    assert len(streams) == 2  # nobody has another address
    assert sum(lost.values()) <= 5
    assert max(silences.values()) < 0.2


def test_native_ipv6_that_comes_in_a_call_is_for_the_next_one(world):
    """The call stays where it is, the next one passes no server; native IPv6 goes again."""
    world.home.set_servers(world.operator)
    world.board.phone.stop()
    world.board.prefix = world.operator.prefix
    world.board.start()
    connect(world.board, world.desk)
    secure.wait_to_compare(world.board)
    with Tones(world.board, world.desk) as tones:
        time.sleep(1.0)
        native = world.home.add_ipv6()
        time.sleep(4.0)
        before = world.carried()
        time.sleep(1.0)
        assert world.carried() - before > 90  # 50 packets a second each way
    assert not tones.breaks(6.0)
    disconnect(world.board, world.desk)
    address = world.board.learn_address(native)
    assert ipaddress.ip_address(address) in ipaddress.ip_network(native)
    connect(world.board, world.desk)
    secure.wait_to_compare(world.board)
    before = world.carried()
    talk(world.board, world.desk, 2.0)
    assert world.carried() - before < 10
    disconnect(world.board, world.desk)
    world.home.withdraw_ipv6()
    world.board.learn_address(world.operator.prefix)
    connect(world.desk, world.board)
    talk(world.board, world.desk, 2.0)
    disconnect(world.desk, world.board)


def test_two_phones_behind_symmetric_nats_stay_with_their_server(world):
    """A direct path cannot be; nobody waits for it, and no sound is lost."""
    first, second = world.board, world.unix
    for home in (world.home, world.other):
        home.change_nat("symmetric")
    for one in (first, second):
        reconfigure(one, tunnel__direct=True, tunnel__martians="lab")
    connect(first, second)
    assert secure.wait_to_compare(first) == secure.wait_to_compare(second)
    before = world.carried()
    talk(first, second)
    passed = world.carried() - before
    disconnect(first, second)
    assert passed > 2 * 50 * 4


def test_a_call_that_the_kernel_carries(world):
    """The server's XDP plane: voice of an emulated board behind NAT never meets Python there."""
    fast = world.net.operator("fast", plane="xdp")
    world.home.set_servers(fast)
    world.board.phone.stop()
    world.board.prefix = fast.prefix
    world.board.start()
    connect(world.board, world.desk)
    assert secure.wait_to_compare(world.board) == secure.wait_to_compare(world.desk)
    before = planes(fast)
    talk(world.board, world.desk)
    after = planes(fast)
    disconnect(world.board, world.desk)
    for way in ("up", "down"):
        assert after["xdp"][way] - before["xdp"][way] > 50 * 4
        assert after["portable"][way] - before["portable"][way] < 10
