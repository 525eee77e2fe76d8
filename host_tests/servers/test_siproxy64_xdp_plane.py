# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's planes between real sockets, each test with both sides exchanged.

What is said of both planes is tried with both: by sockets alone, and with the program before them.
"""

import errno
import random
import socket
import time

import pytest

from host_tests.servers import relay_frames
from host_tests.servers.relay_veths import ARMS, RelayVeths
from tools.common import xdp
from tools.common.sockets import Driver
from tools.siproxy64.xdp_plane import XDPPlane, choose

OTHER = {"phone": "peer", "peer": "phone"}
SIDE = {"phone": True, "peer": False}


@pytest.fixture(scope="module", autouse=True)
def built():
    return relay_frames.need_object()


@pytest.fixture(scope="module")
def net():
    with RelayVeths() as net:
        for word in OTHER:
            net.ping(word, net.shown[OTHER[word]])
            net.ping("box", net.address[word])
        yield net


@pytest.fixture(params=("portable", "xdp"))
def plane(request, net):
    yield from started(net, request.param)


@pytest.fixture
def fast(net):
    yield from started(net, "xdp")


def started(net, setting):
    driver = Driver()
    with net.inside("box"):
        plane = choose(driver, setting, ARMS, 4, print)
    plane.driver = driver
    yield plane
    if isinstance(plane, XDPPlane):
        plane.close_program()
    driver.close()


@pytest.fixture(params=list(OTHER))
def word(request):
    """Who sends; the other one hears it."""
    return request.param


def form(one):
    return relay_frames.form(one.getsockname()[:2])


def free_port(net):
    with net.box_end("phone") as one:
        return one.getsockname()[1]


def run(plane, ms=30):
    """Let the plane's sockets work."""
    plane.driver.call_at(plane.driver.now() + ms, plane.driver.stop)
    plane.driver.run()


def in_kernel(plane):
    """How many directions the program knows."""
    return len(list(plane.program._maps["directions"].keys()))


class Stream:
    """A stream of a plane between a phone and a peer."""

    def __init__(self, net, plane, latch=()):
        self.net, self.plane = net, plane
        self.ends = {word: net.end(word) for word in OTHER}
        self.port = {word: free_port(net) for word in OTHER}
        with net.inside("box"):
            # the near socket of a side has the representation of who is on the other
            self.handle = plane.open([self._local("peer"), self._local("phone")])
            for word, end in self.ends.items():
                plane.far(self.handle, SIDE[word], form(end), word in latch)

    def _local(self, word):
        """Where a word sends to."""
        return relay_frames.form((self.net.shown[OTHER[word]], self.port[word]))

    def to(self, word):
        return self.net.shown[OTHER[word]], self.port[word]

    def pass_one(self, word, data, tclass=0):
        """Send and let the plane work; what the other end got, None if nothing."""
        end, far = self.ends[word], self.ends[OTHER[word]]
        end.sendto(data, self.to(word))
        run(self.plane, 5)
        far.setblocking(False)
        try:
            got, sender = far.recvfrom(65535)
        except BlockingIOError:
            return None
        assert sender[:2] == (self.net.shown[word], self.port[OTHER[word]])
        return got

    def counters(self, word):
        """(packets, octets) from an end."""
        at = 2 * SIDE[word]
        return tuple(self.plane.counters(self.handle)[0][at : at + 2])

    def close(self):
        self.plane.close(self.handle)
        for one in self.ends.values():
            one.close()


@pytest.fixture
def streams(net):
    made = []

    def make(plane, latch=()):
        made.append(Stream(net, plane, latch))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_bit_exact(plane, streams, word):
    """Everything passes, odd and even, empty and larger than any path of a tunnel."""
    stream = streams(plane)
    octets = 0
    lengths = (0, 1, 2, 3, 12, 171, 172, 173, 1199, 1200, 1231, 1232, 1233, 1400, 1432)
    for number, length in enumerate(lengths, 1):
        data = bytes([number]) * length
        assert stream.pass_one(word, data) == data
        octets += length
        assert stream.counters(word) == (number, octets)
    assert stream.counters(OTHER[word]) == (0, 0)
    if isinstance(plane, XDPPlane):
        header = 48 if word == "phone" else 28  # of the other side
        small = sum(length + header <= 1280 for length in lengths)
        counters = plane.program.counters()
        assert (counters["relayed"], counters["pass_route"]) == (small, len(lengths) - small)


def test_longest(plane, streams, word):
    """All that either family's UDP can carry, in fragments; what only one can, goes nowhere."""
    stream = streams(plane)
    data = random.Random(65507).randbytes(65507)
    assert stream.pass_one(word, data) == data
    assert stream.counters(word) == (1, 65507)
    if stream.ends[word].family == socket.AF_INET6:
        assert stream.pass_one(word, bytes(65508)) is None
    else:
        with pytest.raises(OSError):
            stream.pass_one(word, bytes(65508))
    assert stream.pass_one(word, b"after it") == b"after it"


def test_traffic_class(plane, streams, word):
    stream = streams(plane)
    end, far = stream.ends[word], stream.ends[OTHER[word]]
    ipv4, ipv6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6
    receive = {socket.AF_INET: (ipv4, socket.IP_RECVTOS), socket.AF_INET6: (ipv6, 66)}
    send = {socket.AF_INET: (ipv4, socket.IP_TOS), socket.AF_INET6: (ipv6, socket.IPV6_TCLASS)}
    far.setsockopt(*receive[far.family], 1)
    for tclass in (0xB8, 0xB9, 0x02, 0x00):
        end.setsockopt(*send[end.family], tclass)
        end.sendto(b"voice", stream.to(word))
        run(plane, 5)
        _, more, _, _ = far.recvmsg(100, 100)
        assert more[0][2][0] == tclass


def test_latched_by_the_first_packet(plane, streams, net, word):
    """From another port than was told: it is the one from then on, for both directions."""
    stream = streams(plane, latch=(word,))
    with net.end(word) as behind:  # what was told, and nobody sends from it
        stream.ends[word], behind_nat = behind, stream.ends[word]
        assert stream.pass_one(word, b"first") == b"first"
        assert stream.pass_one(word, b"second") == b"second"
        assert stream.pass_one(OTHER[word], b"back") == b"back"
        stream.ends[word] = behind_nat
        assert stream.pass_one(word, b"too late") is None
        assert stream.counters(word) == (2, 11)
    if isinstance(plane, XDPPlane):
        counters = plane.program.counters()
        assert counters["relayed"] == 2  # the second and what came back
        assert counters["pass_peer"] == 1


def test_from_the_negotiated_port_at_once(fast, streams, word):
    """Without latching the first packet is the kernel's already."""
    stream = streams(fast)
    assert in_kernel(fast) == 2
    assert stream.pass_one(word, b"first") == b"first"
    assert fast.program.counters()["relayed"] == 1


def test_not_latched_yet(fast, streams, word):
    """The other direction is the kernel's before."""
    stream = streams(fast, latch=(word,))
    assert in_kernel(fast) == 1
    assert stream.pass_one(OTHER[word], b"early") == b"early"
    assert fast.program.counters()["relayed"] == 1
    assert stream.pass_one(word, b"first") == b"first"
    assert fast.program.counters()["relayed"] == 1 and in_kernel(fast) == 2


def test_another_address_latches_nothing(plane, streams, net, word):
    """Never another IP address than the description's."""
    stream = streams(plane, latch=(word,))
    other = net.address[word][:-1] + "7"
    length = "24" if "." in other else "64"
    more = () if "." in other else ("nodad",)
    net.ip(word, "addr", "add", f"{other}/{length}", "dev", "eth0", *more)
    try:
        with net.socket(word, other) as stranger:
            stranger.sendto(b"mine now", stream.to(word))
            run(plane)
            stream.ends[OTHER[word]].setblocking(False)
            with pytest.raises(BlockingIOError):
                stream.ends[OTHER[word]].recv(10)
            assert stream.handle.strays == 1
        assert stream.pass_one(word, b"first") == b"first"
    finally:
        net.ip(word, "addr", "del", f"{other}/{length}", "dev", "eth0")


def test_far_end_moves(plane, streams, net, word):
    """Another branch that rings: both are heard, until the call is answered."""
    stream = streams(plane)
    assert stream.pass_one(word, b"before") == b"before"
    before = stream.ends[word]
    with net.end(word) as after:
        plane.far(stream.handle, SIDE[word], form(after), False)
        assert stream.pass_one(word, b"rings") == b"rings"
        plane.settle(stream.handle)
        assert stream.pass_one(word, b"old") is None
        stream.ends[word] = after
        assert stream.pass_one(word, b"new") == b"new"
        assert stream.pass_one(OTHER[word], b"back") == b"back"
        assert stream.counters(word) == (3, 14)
        assert stream.handle.strays == 1
    stream.ends[word] = before


def test_near_end_moves(plane, streams, net, word):
    """Another local port: the one before is free, and nothing is relayed that comes to it."""
    stream = streams(plane)
    old = stream.to(word)
    stream.port[word] = free_port(net)
    with net.inside("box"):
        plane.near(stream.handle, SIDE[word], stream._local(word))
    assert stream.pass_one(word, b"new") == b"new"
    assert stream.pass_one(OTHER[word], b"back") == b"back"
    with net.socket("box", *old) as free:
        stream.ends[word].sendto(b"old", old)
        assert free.recv(10) == b"old"
    if isinstance(plane, XDPPlane):
        assert in_kernel(plane) == 2


def test_closed(plane, streams, net, word):
    stream = streams(plane)
    assert stream.pass_one(word, b"x") == b"x"
    plane.close(stream.handle)
    with net.socket("box", *stream.to(word)) as free:  # its port is free
        stream.ends[word].sendto(b"late", stream.to(word))
        assert free.recv(10) == b"late"
    if isinstance(plane, XDPPlane):
        assert in_kernel(plane) == 0
    plane.close(stream.handle)


def test_port_taken(plane, net, word):
    """The port of one side is somebody else's: the other side's is not kept either."""
    port = {one: free_port(net) for one in OTHER}
    near = [relay_frames.form((net.shown[one], port[one])) for one in ("phone", "peer")]
    with net.box_end(word, port[word]):
        refuse(net, plane, near)
        with net.box_end(OTHER[word], port[OTHER[word]]):
            pass  # it is free


def refuse(net, plane, near):
    with net.inside("box"), pytest.raises(OSError) as caught:
        plane.open(near)
    assert caught.value.errno == errno.EADDRINUSE
    if isinstance(plane, XDPPlane):
        assert len(plane._free) == 4


def test_more_than_there_are_slots(fast, streams, word):
    """The fifth stream is the sockets' alone; when one ends, its slot is another's, with 0."""
    made = [streams(fast) for _ in range(5)]
    for stream in made:
        assert stream.pass_one(word, b"voice") == b"voice"
        assert stream.counters(word) == (1, 5)
    assert fast.program.counters()["relayed"] == 4 and in_kernel(fast) == 8
    fast.close(made[0].handle)
    one = streams(fast)
    assert one.counters(word) == (0, 0)
    assert one.pass_one(word, b"voice") == b"voice"
    assert fast.program.counters()["relayed"] == 5


def test_when_the_last_came(plane, streams, word):
    stream = streams(plane)
    time.sleep(0.05)
    before = plane.driver.now()
    assert stream.pass_one(word, b"x") == b"x"
    _, last_ms = plane.counters(stream.handle)
    assert before - 10 <= last_ms <= plane.driver.now()  # the kernel's coarse clock: 4 ms
    time.sleep(0.03)
    assert plane.counters(stream.handle)[1] <= last_ms + 2


def test_program_is_given_up(fast, streams, net, word):
    """HUP: calls go on by their sockets, counters stay, another instance can attach."""
    stream = streams(fast)
    assert stream.pass_one(word, b"kernel") == b"kernel"
    fast.close_program()
    assert stream.counters(word) == (1, 6)
    with net.inside("box"):
        assert xdp.mode_of(xdp.arm_of("eth4")[0]) == ""
        next_one = choose(Driver(), "xdp", ARMS, 4, print)
    assert isinstance(next_one, XDPPlane)
    assert stream.pass_one(word, b"sockets") == b"sockets"
    assert stream.counters(word) == (2, 13)
    next_one.close_program()
    later = streams(fast)
    assert later.pass_one(word, b"sockets too") == b"sockets too"
