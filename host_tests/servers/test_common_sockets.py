# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/common: udp.py and driver.py over the loopback, without root."""

import os
import signal
import socket
import time

import pytest

from tools.common.driver import Loop
from tools.common.udp import BATCH, UDPSocket, mapped

HERE = "127.0.0.1"


@pytest.fixture
def pair():
    with UDPSocket(HERE, 0) as one, UDPSocket(HERE, 0) as two:
        yield one, two


def at(endpoint):
    return mapped(HERE), endpoint.port


def test_many_at_once(pair):
    """Order, octets, traffic class and source of each are its own."""
    one, two = pair
    sent = [(b"%d" % i * (i % 700), at(two), i & 0xFC) for i in range(3 * BATCH + 5)]
    one.send(sent)
    got = []
    while part := two.receive():
        assert len(part) <= BATCH
        got += part
    assert got == [(data, at(one), tos) for data, _, tos in sent]
    assert one.counters["sent"] == len(sent)


@pytest.mark.parametrize("count", [1, 2])
def test_few_after_many(pair, count):
    """What an earlier batch left in the buffers is not seen again."""
    one, two = pair
    one.send([(b"x" * 1000, at(two), 0xB8)] * BATCH)
    assert len(two.receive()) == BATCH
    one.send([(b"y", at(two), 0)] * count)
    assert two.receive() == [(b"y", at(one), 0)] * count
    assert two.receive() == []


def test_empty_and_long(pair):
    """An empty datagram is one; what is too long is not sent, and the rest is."""
    one, two = pair
    one.send([(b"", at(two), 0), (bytes(2049), at(two), 0), (bytes(2048), at(two), 4)])
    assert [(len(data), tos) for data, _, tos in two.receive()] == [(0, 0), (2048, 4)]
    assert one.counters == {"sent": 2, "not_sent": 1, "unreachable": 0}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(bytes(5000), (HERE, two.port))
    assert len(two.receive()[0][0]) == 2048


def test_ecn_is_told(pair):
    one, two = pair
    for ecn in range(4):
        one.send([(b"x", at(two), 0xB8 | ecn)])
        assert two.receive()[0][2] == 0xB8 | ecn


def test_nobody_there(pair):
    """ICMPv4 3/3 is told with what it quotes, and harms no datagram to others."""
    one, two = pair
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((HERE, 0))
        port = gone.getsockname()[1]
    for _ in range(3):
        one.send([(b"into the void", (mapped(HERE), port), 0), (b"x", at(two), 0)])
        time.sleep(0.02)
    assert len(two.receive()) == 3
    assert one.receive() == []
    told = one.receive_errors()
    assert told and set(told) == {(b"into the void", (mapped(HERE), port), 3, 3)}
    assert one.receive_errors() == []
    one.send([(b"y", at(two), 0)])
    assert two.receive()[0][0] == b"y"


def test_no_way(pair):
    """What the local kernel refuses is counted; what stands behind it in the batch is sent."""
    one, two = pair
    one.send([(b"a", at(two), 0), (b"b", (mapped("255.255.255.255"), 9), 0), (b"c", at(two), 0)])
    assert [data for data, _, _ in two.receive()] == [b"a", b"c"]
    assert one.counters["unreachable"] == 1


def test_more_peers_than_are_remembered(pair):
    """The memo of peers is of fixed size and only a memo."""
    one, two = pair
    for i in range(5000):
        one._name((mapped("192.0.2.1"), i))
        two._peer(i.to_bytes(2, "big") + b"\xc0\0\2\1")
    assert len(one._names) <= 4096 and len(two._peers) <= 4096
    one.send([(b"x", at(two), 0)])
    assert two.receive() == [(b"x", at(one), 0)]


def test_socket_options(pair):
    """DF clear, checksums on, errors and traffic class told (sections 2 and 7)."""
    one, _ = pair
    s = one._socket
    assert s.getsockopt(socket.IPPROTO_IP, 10) == 0  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
    assert s.getsockopt(socket.SOL_SOCKET, 11) == 0  # SO_NO_CHECK
    assert one.receive_buffer >= (16 << 20 if os.geteuid() == 0 else 200_000)  # the kernel doubles
    with pytest.raises(OSError):
        UDPSocket("192.0.2.77", 0)
    UDPSocket("192.0.2.77", 0, freebind=True).close()


# -- the loop ------------------------------------------------------------------------------------


def test_timers_in_their_order():
    loop = Loop()
    seen = []
    now = loop.now()
    loop.call_at(now + 20, lambda: seen.append("late"))
    loop.call_at(now + 10, lambda: seen.append("first"))
    loop.call_at(now + 10, lambda: seen.append("second"))
    loop.call_at(now + 15, lambda: seen.append("never")).cancel()
    loop.call_at(now + 30, loop.stop)
    loop.run()
    assert seen == ["first", "second", "late"]
    assert 30 <= loop.now() - now < 1000
    loop.close()


def test_what_is_not_watched_is_not_called():
    """A callback takes another descriptor away that is ready too."""
    loop = Loop()
    ends = [socket.socketpair() for _ in range(2)]
    calls = []

    def take(index):
        calls.append(index)
        for one, _ in ends:
            loop.unwatch(one.fileno())
        loop.stop()

    for index, (one, other) in enumerate(ends):
        other.send(b"x")
        loop.watch(one.fileno(), lambda index=index: take(index))
    loop.run()
    assert len(calls) == 1
    loop.unwatch(ends[0][0].fileno())  # harmless
    for one, other in ends:
        one.close()
        other.close()
    loop.close()


def test_errors_before_data(pair):
    one, _ = pair
    loop = Loop()
    seen = []

    def errors():
        seen.append("errors")
        one.receive_errors()
        loop.stop()

    loop.watch(one.fileno(), lambda: seen.append("reader") or one.receive(), errors)
    one.send([(b"x", (mapped(HERE), 1), 0)])
    loop.call_at(loop.now() + 2000, loop.stop)
    loop.run()
    assert seen[0] == "errors"
    loop.close()


def test_signals_come_between_calls():
    loop = Loop()
    seen = []
    loop.on_signal(signal.SIGHUP, lambda: seen.append("hup"))
    loop.on_signal(signal.SIGUSR1, loop.stop)

    def twice():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGUSR1)
        seen.append("timer")

    loop.call_at(loop.now(), twice)
    loop.run()
    assert seen == ["timer", "hup"]
    loop.close()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
