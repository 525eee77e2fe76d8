# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's program between real sockets: an IPv4 phone, an IPv6 peer, both ways, both modes."""

import os
import socket
import subprocess
import sys
import time

import pytest

from host_tests.servers import relay_frames
from host_tests.servers.kernel_plane import TOP
from host_tests.servers.relay_veths import RelayVeths
from tools.common import xdp
from tools.common.libbpf import GENERIC
from tools.siproxy64.xdp_program import Direction, Program, Unavailable

SO_NO_CHECK = 11
OTHER = {"phone": "peer", "peer": "phone"}


@pytest.fixture(scope="module", autouse=True)
def built():
    return relay_frames.need_object()


@pytest.fixture(scope="module")
def net():
    """The namespaces as with network cards; each end knows its neighbour."""
    with RelayVeths() as net:
        net.ping("phone", net.shown["peer"])
        net.ping("peer", net.shown["phone"])
        net.ping("box", net.address["phone"])
        net.ping("box", net.address["peer"])
        yield net


def attached(net):
    program = Program(streams=8)
    with net.inside("box"):
        mode = program.attach(net.arms)
    return program, mode


@pytest.fixture(scope="module", params=("native", "generic"))
def program(request, net):
    """The program on both interfaces of the box."""
    program, mode = attached(net)
    assert mode == "native"
    if request.param == "generic":
        for link in program._links:
            link.close()
        with net.inside("box"):
            indices = sorted(program._arms)
            program._links = xdp.create_links(program.program_fd, indices, GENERIC)
    with net.inside("box"):
        assert xdp.mode_of(xdp.arm_of("eth4")[0]) == request.param
    yield program
    program.close()


def address(one):
    return relay_frames.form(one.getsockname()[:2])


class Stream:
    """Sockets of phone and peer, those of the box, and both directions in the kernel."""

    def __init__(self, net, program):
        self.ends = {word: net.end(word) for word in OTHER}
        self.box = {word: net.box_end(word) for word in OTHER}
        self.program = program
        self.directions = {}
        for slot, (word, other) in enumerate(OTHER.items()):
            # what `word` sends comes to the other's representation, and leaves from its own
            self.directions[word] = Direction(
                address(self.box[other]), address(self.ends[word]),
                address(self.box[word]), address(self.ends[other]),
            )  # fmt: skip
            program.clear(slot)
            program.set(self.directions[word], slot)

    def to(self, word):
        """Where `word` sends to."""
        return self.box[OTHER[word]].getsockname()[:2]

    def close(self):
        for direction in self.directions.values():
            self.program.remove(direction)
        for one in (*self.ends.values(), *self.box.values()):
            one.close()


@pytest.fixture
def stream(net, program):
    one = Stream(net, program)
    yield one
    one.close()


@pytest.mark.parametrize("word", ("phone", "peer"))
def test_voice(stream, word):
    """200 datagrams of all kinds of lengths arrive as they were sent, none by the sockets."""
    before = stream.program.counters()
    octets = 0
    for number in range(200):
        payload = bytes([number]) * (number * 6)
        stream.ends[word].sendto(payload, stream.to(word))
        data, sender = stream.ends[OTHER[word]].recvfrom(2048)
        assert data == payload
        assert sender[:2] == stream.box[word].getsockname()[:2]
        octets += len(payload)
    assert stream.program.counters()["relayed"] - before["relayed"] == 200
    packets, counted, last = stream.program.traffic(list(OTHER).index(word))
    assert (packets, counted) == (200, octets)
    assert 0 <= time.monotonic_ns() - last < 1_000_000_000
    for one in stream.box.values():
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(1)


def test_without_checksum(stream):
    """IPv4 phones may send none: the peer's kernel takes what the program makes."""
    stream.ends["phone"].setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    for length in range(0, 400, 7):
        payload = bytes([length & 0xFF]) * length
        stream.ends["phone"].sendto(payload, stream.to("phone"))
        assert stream.ends["peer"].recv(2048) == payload


@pytest.mark.parametrize("word", ("phone", "peer"))
def test_traffic_class(stream, word):
    """EF and ECN cross."""
    far = stream.ends[OTHER[word]]
    if far.family == socket.AF_INET6:
        far.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        stream.ends[word].setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB9)
    else:
        far.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        stream.ends[word].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0xB9)
    stream.ends[word].sendto(b"voice", stream.to(word))
    _, more, _, _ = far.recvmsg(100, 100)
    assert int.from_bytes(more[0][2], "little") == 0xB9


@pytest.mark.parametrize("word", ("phone", "peer"))
def test_strangers_come_to_the_socket(net, stream, word):
    with net.end(word) as stranger:
        stranger.sendto(b"who", stream.to(word))
        data, sender = stream.box[OTHER[word]].recvfrom(100)
        assert (data, sender[:2]) == (b"who", stranger.getsockname()[:2])
    stream.ends[OTHER[word]].setblocking(False)
    with pytest.raises(BlockingIOError):
        stream.ends[OTHER[word]].recv(1)


@pytest.mark.parametrize("word", ("phone", "peer"))
def test_large_comes_to_the_socket(stream, word):
    """Over 1280 octets and where the box does not forward: the kernel's own way is taken."""
    payload = bytes(1300)
    stream.ends[word].sendto(payload, stream.to(word))
    assert stream.box[OTHER[word]].recv(2048) == payload


def test_neighbour_that_is_gone(net, stream):
    """Without its Ethernet address packets come to the socket, until it is known again."""
    net.ip("box", "neigh", "flush", "dev", "eth6")
    with net.inside("box"):
        stream.program.maintain()
    stream.ends["phone"].sendto(b"1", stream.to("phone"))
    assert stream.box["peer"].recv(10) == b"1"
    net.ping("box", net.address["peer"])
    with net.inside("box"):
        stream.program.maintain()
    stream.ends["phone"].sendto(b"2", stream.to("phone"))
    assert stream.ends["peer"].recv(10) == b"2"


def test_gone_with_its_links(net, stream):
    """Without the program all comes to the sockets: there is no packet that nobody has."""
    links, stream.program._links = stream.program._links, []
    mode = "native"
    with net.inside("box"):
        mode = xdp.mode_of(xdp.arm_of("eth4")[0])
    for link in links:
        link.close()
    stream.ends["phone"].sendto(b"1", stream.to("phone"))
    assert stream.box["peer"].recv(10) == b"1"
    with net.inside("box"):
        indices = sorted(stream.program._arms)
        flag = GENERIC if mode == "generic" else xdp.NATIVE
        stream.program._links = xdp.create_links(stream.program.program_fd, indices, flag)
    stream.ends["phone"].sendto(b"2", stream.to("phone"))
    assert stream.ends["peer"].recv(10) == b"2"


def test_half_checksums(built):
    """veths that hand on what a card would finish: the program leaves them to the kernel."""
    with RelayVeths(cards=False) as net:
        net.ping("phone", net.shown["peer"])
        net.ping("box", net.address["peer"])
        program, _ = attached(net)
        stream = Stream(net, program)
        try:
            stream.ends["phone"].sendto(b"voice", stream.to("phone"))
            assert stream.box["peer"].recv(10) == b"voice"
            assert program.counters()["pass_checksum"] == 1
        finally:
            stream.close()
            program.close()


def test_one_arm(built):
    """Phone and peer on one link with the box, as at home: out by the interface it came by."""
    with RelayVeths(one_armed=True) as net:
        for word, other in OTHER.items():
            net.ping(word, net.shown[other])
            net.ping("box", net.address[word])
        program, mode = attached(net)
        assert mode == "native"
        stream = Stream(net, program)
        try:
            for number in range(50):
                for word, other in OTHER.items():
                    data = bytes([number]) * (3 * number)
                    stream.ends[word].sendto(data, stream.to(word))
                    assert stream.ends[other].recv(2048) == data
            assert program.counters()["relayed"] == 100
        finally:
            stream.close()
            program.close()


@pytest.mark.parametrize("word", ("phone", "peer"))
def test_router(built, word):
    """Where the box forwards, the kernel's routes say how large a packet may be."""
    with RelayVeths() as net:
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            net.sysctl("box", name, 1)
        for end, other in OTHER.items():
            net.ping(end, net.shown[other])
            net.ping("box", net.address[end])
        program, _ = attached(net)
        stream = Stream(net, program)
        payload = bytes(range(256)) * 5 + bytes(120)  # 1400 octets
        try:
            stream.ends[word].sendto(payload, stream.to(word))
            assert stream.ends[OTHER[word]].recv(2048) == payload
            assert program.counters()["relayed"] == 1
            far = net.address[OTHER[word]]
            arm = "eth6" if word == "phone" else "eth4"
            length = "128" if word == "phone" else "32"
            net.ip("box", "route", "add", f"{far}/{length}", "dev", arm, "mtu", "lock", "1300")
            stream.ends[word].sendto(payload, stream.to(word))
            assert stream.box[OTHER[word]].recv(2048) == payload
            assert program.counters()["pass_route"] == 1
            stream.ends[word].sendto(payload[:1000], stream.to(word))
            assert stream.ends[OTHER[word]].recv(2048) == payload[:1000]
        finally:
            stream.close()
            program.close()


def test_refused(net):
    """What cannot be attached says why."""
    program = Program(streams=8)
    with net.inside("box"), pytest.raises(Unavailable, match="no interface"):
        program.attach(["eth9"])
    program.close()


_AS_NOBODY = """
import sys
from tools.common import libbpf
from tools.common import privileges
from tools.siproxy64 import xdp_program
libbpf.library()
# DAC_READ_SEARCH (2): the object may lie in root's home
privileges.drop(65534, 65534, "", {2} | {int(word) for word in sys.argv[1].split(",") if word})
try:
    print(xdp_program.Program().attach(["eth4", "eth6"]))
except xdp_program.Unavailable as error:
    print("unavailable:", error)
"""


@pytest.mark.parametrize(
    "capabilities, says",
    (("39,12", "native"), ("12", "CAP_BPF and CAP_NET_ADMIN"), ("", "CAP_BPF"), ("39", "CAP_")),
    ids=("BPF and NET_ADMIN", "NET_ADMIN", "none", "BPF"),
)
def test_as_nobody(capabilities, says):
    """uid 65534: CAP_BPF and CAP_NET_ADMIN suffice, CAP_PERFMON is not wanted."""
    with RelayVeths() as net:
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{net.names['box']}", sys.executable, "-c", _AS_NOBODY,
             capabilities],
            capture_output=True, text=True, cwd=TOP,
            env={**os.environ, "PYTHONPATH": f"{TOP / 'build' / 'path'}:{TOP}"},
        )  # fmt: skip
        assert says in done.stdout, done.stdout + done.stderr
