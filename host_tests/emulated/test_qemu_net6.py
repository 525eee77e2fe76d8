# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: an emulated board in a lab
"""net6 over lwIP on the emulated board, against sockets of the lab's hosts."""

import os
import re
import socket
import struct
import time

import pytest

from host_tests.emulated.test_qemu_machine import WAIT_ADDRESS, Machine
from tools.lab.network import Lab, inside
from tools.panel.console import Console

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not Machine.image.exists(), reason="firmware.elf is not built"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

_ECHO = """
import asyncio, net6

async def main():
    e = net6.Endpoint(port=7777, queue=16)
    e.set_traffic_class(0xB8)
    b = bytearray(9000)
    print('ready')
    while True:
        yield_ = asyncio.core._io_queue.queue_read(e)
        await wait(yield_)
        while True:
            got = e.recv_into(b)
            if got is None:
                break
            n, a, p = got
            if bytes(b[:4]) == b'quit':
                print('meta', net6.text(e.meta()[0]), e.meta()[1])
                print('counters', e.counters())
                e.close()
                return
            e.send(memoryview(b)[:n], a, p)

class wait:
    def __init__(self, g): self.g = g
    def __iter__(self): return self
    __await__ = __iter__
    def __next__(self):
        g, self.g = self.g, None
        if g is None: raise StopIteration
        return next(g, None)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab"), tag="net6") as made:
        yield made


@pytest.fixture(scope="module")
def board(lab, tmp_path_factory):
    made = Machine(tmp_path_factory.mktemp("board"), lab).boot()
    made.interrupt()
    made.address = made.repl(WAIT_ADDRESS).split()[0]
    yield made
    made.kill()


@pytest.fixture(scope="module")
def peer(lab):
    host = lab.host("peer")
    host.wait_address()
    return host


class Raw(Console):
    """The raw REPL, without a phone to go back to."""

    def __exit__(self, kind, error, trace):
        transport, self._transport = self._transport, None
        transport.exit_raw_repl()
        transport.close()


def link_local(host):
    """(fe80 address, interface index) of a lab host."""
    with inside(host.netns):
        index = socket.if_nametoindex("eth0")
        with open("/proc/net/if_inet6") as file:
            text = next(line.split()[0] for line in file if line.startswith("fe80"))
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(text)), index


def test_datagrams_of_all_sizes_come_back(board, peer):
    with Raw(board.console) as console:
        console.start(_ECHO)
        with peer.socket() as channel:
            channel.settimeout(3.0)
            channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            for attempt in range(20):  # until the endpoint is there
                channel.sendto(b"first", (board.address, 7777))
                try:
                    channel.settimeout(0.5)
                    channel.recv(100)
                    break
                except (TimeoutError, ConnectionRefusedError):
                    assert attempt < 19
            channel.settimeout(3.0)
            for size in (0, 1, 255, 256, 257, 1232, 1452, 1453, 4000, 8192):
                data = os.urandom(size)
                channel.sendto(data, (board.address, 7777))
                got, ancillary, _, source = channel.recvmsg(10000, 100)
                assert got == data
                assert source[0] == board.address
                assert struct.unpack("@i", ancillary[0][2])[0] == 0xB8
            channel.sendto(bytes(8193), (board.address, 7777))  # longer than NET6_DATAGRAM_MAX
            channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x60)
            channel.sendto(b"quit", (board.address, 7777))
        output = console.finish(10)
    assert re.search(rf"meta {board.address} 96", output)
    received, sent, _queue, size, errors = eval(re.search(r"counters (\(.*\))", output)[1])
    assert received - sent == 1 and size == 1 and errors == 0


def test_link_local_peers_carry_the_interface(board, peer):
    code = (
        "import net6, time\n"
        "e = net6.Endpoint(port=7778)\n"
        "mine = [a for a in net6.addresses() if a[0][0] == 0xfe][0]\n"
        "b = bytearray(100)\n"
        "print('ready')\n"
        "while True:\n"
        "    got = e.recv_into(b)\n"
        "    if got: break\n"
        "    time.sleep_ms(5)\n"
        "n, a, p = got\n"
        "print('from', net6.text(a), 'at', net6.text(e.meta()[0]))\n"
        "e.send(b'back', a, p)\n"
        "e.send(b'local', a, p, mine[0])\n"
        "e.close()\n"
    )
    mine = board.repl(
        "import net6\n"
        "print([net6.text(a[0]) for a in net6.addresses() if a[0][0] == 0xfe][0].split('%')[0])"
    )
    theirs, index = link_local(peer)
    with Raw(board.console) as console, peer.socket() as channel:
        channel.settimeout(3.0)
        channel.bind((theirs, 0, 0, index))
        console.start(code)
        time.sleep(0.5)
        channel.sendto(b"hello", (mine, 7778, 0, index))
        answers = [channel.recvfrom(100) for _ in range(2)]
        output = console.finish(10)
    assert [data for data, _ in answers] == [b"back", b"local"]
    assert {source[0].split("%")[0] for _, source in answers} == {mine}
    assert f"from {theirs}%2 at {mine}%2" in output


def test_multicast_group(board, peer):
    code = (
        "import net6, time\n"
        "e = net6.Endpoint(port=7779)\n"
        "e.join(net6.parse('ff02::6:6'))\n"
        "b = bytearray(100)\n"
        "end = time.ticks_add(time.ticks_ms(), 5000)\n"
        "while time.ticks_diff(end, time.ticks_ms()) > 0:\n"
        "    got = e.recv_into(b)\n"
        "    if got:\n"
        "        print(bytes(b[:got[0]]), net6.text(e.meta()[0]))\n"
        "        break\n"
        "    time.sleep_ms(5)\n"
        "e.close()\n"
    )
    _, index = link_local(peer)
    with Raw(board.console) as console, peer.socket() as channel:
        console.start(code)
        time.sleep(0.5)
        channel.sendto(b"all", ("ff02::6:6", 7779, 0, index))
        output = console.finish(10)
    assert output.split() == ["b'all'", "ff02::6:6%2"]


def test_a_flood_is_bounded_and_counted(board, peer):
    code = (
        "import net6, time\n"
        "e = net6.Endpoint(port=7780, queue=8)\n"
        "time.sleep_ms(1500)\n"
        "print(e.counters())\n"
        "e.close()\n"
    )
    with Raw(board.console) as console, peer.socket() as channel:
        console.start(code)
        time.sleep(0.4)
        for number in range(40):
            channel.sendto(bytes(200) + bytes([number]), (board.address, 7780))
            if number % 8 == 7:
                time.sleep(0.01)  # the chip's own memory is 10 kB
        output = console.finish(10)
    received, _, dropped, _, _ = eval(output)
    assert (received, dropped) == (8, 32)


def test_errors_of_endpoints(board):
    output = board.repl(
        "import net6, errno\n"
        "e = net6.Endpoint(port=7781)\n"
        "def error(f, *a, **k):\n"
        "    try: f(*a, **k)\n"
        "    except OSError as x: return errno.errorcode.get(x.errno, x.errno)\n"
        "print(error(net6.Endpoint, port=7781))\n"
        "print(error(net6.Endpoint, net6.parse('2001:db8:9::1'), 7782))\n"
        "far, foreign = net6.parse('2001:db8:1::99'), net6.parse('2001:db8:9::1')\n"
        "print(error(e.send, b'x', far, 9, foreign))\n"
        "many = []\n"
        "def all():\n"
        "    while len(many) < 40: many.append(net6.Endpoint())\n"
        "print(error(all), len(many))\n"
        "for x in many: x.close()\n"
        "e.close()\n"
    ).split()
    # 125 is newlib's EADDRNOTAVAIL, which MicroPython's errno does not name
    assert output == ["EADDRINUSE", "125", "125", "ENOMEM", "15"]


def test_a_phone_speaks_to_itself(board):
    output = board.repl(
        "import net6, time\n"
        "e = net6.Endpoint(port=7783)\n"
        "own = [a[0] for a in net6.addresses() if a[0][0] == 0x20][0]\n"
        "for to in (own, net6.parse('::1')):\n"
        "    e.send(b'self', to, 7783)\n"
        "    time.sleep_ms(20)\n"
        "    b = bytearray(10)\n"
        "    n, a, p = e.recv_into(b)\n"
        "    print(bytes(b[:n]), a == to, p)\n"
        "e.close()\n"
    )
    assert output.splitlines() == ["b'self' True 7783"] * 2


def test_the_link_goes_and_comes(board, peer):
    board.repl("import net6; net6.changed().clear()")
    board.qmp("set_link", name="lan9118.0", up=False)
    time.sleep(1)
    board.qmp("set_link", name="lan9118.0", up=True)
    code = "import net6; print(net6.changed().raised())"
    assert board.repl(code) == "True"
    with peer.socket() as channel:
        channel.settimeout(1.0)
        with Raw(board.console) as console:
            console.start(_ECHO)
            for _ in range(10):
                channel.sendto(b"again", (board.address, 7777))
                try:
                    assert channel.recv(100) == b"again"
                    break
                except (TimeoutError, ConnectionRefusedError):
                    time.sleep(0.2)
            else:
                pytest.fail("no answer after the link came back")
            channel.sendto(b"quit", (board.address, 7777))
            console.finish(10)
