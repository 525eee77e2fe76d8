# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: an emulated board in a lab
"""net6.Stream and net6.Listener over lwIP on the emulated board, against sockets of a lab."""

import contextlib
import os
import re
import socket
import threading
import time

import pytest

from host_tests.emulated.stream_peers import echo, guest, reset, server
from host_tests.emulated.test_qemu_machine import WAIT_ADDRESS, Machine
from host_tests.emulated.test_qemu_net6 import Raw
from tools.lab.namespace import inside
from tools.lab.network import Lab

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Machine.image.exists(), reason="firmware.elf is not built"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

_LOSS = """
table ip6 loss {
    chain in { type filter hook input priority 0; meta l4proto tcp numgen random mod 10 0 drop; }
    chain out { type filter hook output priority 0; meta l4proto tcp numgen random mod 10 0 drop; }
}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab"), tag="tcp") as made:
        yield made


@pytest.fixture(scope="module")
def peer(lab):
    host = lab.host("peer")
    host.address = host.wait_address()
    return host


@pytest.fixture(scope="module")
def board(lab, peer, tmp_path_factory):
    made = Machine(tmp_path_factory.mktemp("board"), lab).boot()
    made.interrupt()
    made.address = made.repl(WAIT_ADDRESS).split()[0]
    made.repl(guest("import gc", peer.address, "qemu"))
    yield made
    made.kill()


def left(board):
    """Streams, listeners and blocks in use after all: none."""
    return board.repl(
        "gc.collect()\nc = net6.counters()\nprint(c['streams'], c['listeners'], net6.use()[2])"
    )


def test_64_kilobytes_both_ways(board, peer):
    with server(echo, peer, peer.address) as port:
        text = board.repl(
            "start = time.ticks_ms()\n"
            f"stream = connected({port})\n"
            "part = bytes(range(251))\n"
            "sent = got = 0\n"
            "good = True\n"
            "while got < 65536:\n"
            "    if sent < 65536:\n"
            "        offset = sent % 251\n"
            "        sent += stream.write(part[offset:offset + 65536 - sent]) or 0\n"
            "    data = stream.read(2048) or b''\n"
            "    good = good and all(c == (got + n) % 251 for n, c in enumerate(data))\n"
            "    got += len(data)\n"
            "    wait(stream, select.POLLIN | (select.POLLOUT if sent < 65536 else 0))\n"
            "print(good, sent, got, stream.peer()[0] == PEER, net6.text(stream.local()[0]))\n"
            "stream.shutdown()\n"
            "print(name_of(stream.write, b'x'))\n"
            "wait(stream, select.POLLIN)\n"
            "print(stream.read(), stream.read(1), wait(stream, select.POLLIN)[0][1])\n"
            "stream.close()\n"
            "print(stream)\n"
            "print(time.ticks_diff(time.ticks_ms(), start), 'ms')\n",
            60,
        )
    lines = text.splitlines()
    print(lines[-1])
    assert lines[:4] == [
        f"True 65536 65536 True {board.address}",
        "EPIPE",
        "b'' b'' 17",
        "<Stream closed>",
    ]
    assert left(board) == "0 0 0"


def test_errors_have_their_names(board, peer):
    with inside(peer.netns), socket.socket(socket.AF_INET6) as closed:
        closed.bind((peer.address, 0))
        port = closed.getsockname()[1]
        text = board.repl(
            f"refused = net6.Stream(PEER, {port})\n"
            "print(fails(refused), name_of(refused.write, b'x'), fails(refused))\n"
            "refused.close()\n"
            "print(name_of(net6.Stream, net6.parse('::ffff:192.0.2.1'), 5060))\n"
            "print(name_of(net6.Stream, PEER, 5060, net6.parse('2001:db8:9::1')))\n"
            "print(name_of(net6.Stream, net6.parse('ff02::1'), 5060))\n"
            "listener = net6.Listener(None, 5060)\n"
            "print(name_of(net6.Listener, None, 5060), name_of(net6.Listener, HERE, 5060))\n"
            "print(name_of(net6.Listener, net6.parse('2001:db8:9::1')))\n"
            "listener.close()\n"
            "print(name_of(net6.Listener, None, 5060))\n"
        )
    assert text.splitlines() == [
        "ECONNREFUSED ECONNREFUSED ECONNREFUSED",
        "EAFNOSUPPORT",
        "EADDRNOTAVAIL",
        "EINVAL",
        "EADDRINUSE EADDRINUSE",
        "EADDRNOTAVAIL",
        "none",
    ]
    assert left(board) == "0 0 0"


def test_a_listener_takes_connections(board, peer):
    board.repl("listener = net6.Listener(None, 5061, 4)")
    with inside(peer.netns):
        clients = [socket.create_connection((board.address, 5061), timeout=5) for _ in range(3)]
    for number, client in enumerate(clients):
        client.sendall(b"hello %d" % number)
    text = board.repl(
        "taken = []\n"
        "while len(taken) < 3 and wait(listener, select.POLLIN):\n"
        "    stream, address, port = listener.accept()\n"
        "    taken.append(stream)\n"
        "    print(address == PEER, port, read_all(stream, 7))\n"
        "print(listener.accept(), wait(listener, select.POLLIN, 0))\n"
        "taken[0].set_traffic_class(0x60)\n"
        "write_all(taken[0], b'bye')\n"
        "taken[0].close()\n"
    )
    ports = [client.getsockname()[1] for client in clients]
    assert text.splitlines() == [
        f"True {port} b'hello {number}'" for number, port in enumerate(ports)
    ] + ["None []"]
    assert clients[0].recv(10) == b"bye" and clients[0].recv(10) == b""
    clients[1].close()
    reset(clients[2])
    text = board.repl(
        "wait(taken[1], select.POLLIN)\n"
        "print(taken[1].read(1), fails(taken[2]))\n"
        "for stream in taken: stream.close()\n"
        "listener.close()\n"
        "del taken, stream, listener\n"
    )
    assert text == "b'' ECONNRESET"
    assert left(board) == "0 0 0"


def test_incoming_connections_leave_two_streams_for_ours(board, peer):
    board.repl("listener = net6.Listener(None, 5062, 8)\nbefore = net6.counters()['refused']")
    refused = 0
    clients = []
    with contextlib.ExitStack() as stack:
        with inside(peer.netns):
            for _ in range(8):
                try:
                    client = socket.create_connection((board.address, 5062), timeout=5)
                except ConnectionResetError:  # its reset came at once
                    refused += 1
                else:
                    clients.append(stack.enter_context(client))
        with server(echo, peer, peer.address) as port:
            text = board.repl(
                "taken = []\n"
                "while True:\n"
                "    got = listener.accept()\n"
                "    if not got: break\n"
                "    taken.append(got[0])\n"
                "print(len(taken), net6.counters()['refused'] - before)\n"
                f"ours = [connected({port}) for _ in range(2)]\n"
                f"print(name_of(net6.Stream, PEER, {port}), net6.counters()['streams'])\n"
                "for n, stream in enumerate(ours): write_all(stream, bytes([n]) * 100)\n"
                "print([read_all(s, 100) == bytes([n]) * 100 for n, s in enumerate(ours)])\n"
                "for stream in ours + taken: stream.close()\n"
                "listener.close()\n"
                "del got, taken, ours, stream, listener\n"
            )
        for client in clients:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
                continue
            refused += 1
    assert text.splitlines() == ["6 2", "ENOMEM 8", "[True, True]"]
    assert refused == 2
    assert left(board) == "0 0 0"


def test_a_slow_reader_holds_its_writer_and_takes_few_blocks(board, peer):
    """Eight peers send all they can and nobody reads: the pools stay open for datagrams."""
    stop = threading.Event()
    sent = []

    def handle(connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(0.2)
            count = 0
            while not stop.is_set() and count < 10000:
                with contextlib.suppress(TimeoutError):
                    count += connection.send(b"x")  # the smallest segments
            sent.append(count)
            connection.settimeout(60)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

    with server(handle, peer, peer.address) as port:
        text = board.repl(
            f"streams = [connected({port}) for _ in range(8)]\n"
            "time.sleep_ms(1500)\n"
            "print(net6.use()[2])\n"
            "endpoint = net6.Endpoint(HERE)\n"
            "for _ in range(8): endpoint.send(bytes(172), HERE, endpoint.port)\n"
            "time.sleep_ms(50)\n"
            "print(endpoint.counters()[0])\n"
            "endpoint.close()\n"
        )
        stop.set()
        read = board.repl(
            "total = 0\n"
            "for stream in streams:\n"
            "    while True:\n"
            "        wait(stream, select.POLLIN)\n"
            "        data = stream.read(4096)\n"
            "        if data == b'': break\n"
            "        total += len(data or b'')\n"
            "    stream.close()\n"
            "print(total)\n"
            "del streams, stream\n",
            60,
        )
    blocks, datagrams = map(int, text.split())
    print(f"{blocks} blocks of 96 while {sum(sent)} octets were sent")
    assert blocks <= 96 - 96 // 4
    assert datagrams == 8
    assert int(read) == sum(sent)
    assert left(board) == "0 0 0"


def test_what_does_not_fit_waits(board, peer):
    heard = []
    go = threading.Event()

    def handle(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with connection:
            go.wait(20)
            while data := connection.recv(4096):
                heard.append(data)
            connection.sendall(b"all")

    with server(handle, peer, peer.address) as port:
        board.repl(
            f"stream = connected({port})\n"
            "part = bytes(range(250)) * 4\n"
            "total = 0\n"
            "while wait(stream, select.POLLOUT, 500):\n"
            "    total += stream.write(part) or 0\n"
        )
        total = int(board.repl("print(total)"))
        assert board.repl("print(wait(stream, select.POLLOUT, 0), stream.write(part))").startswith(
            "[] "
        )
        go.set()
        board.repl("wait(stream, select.POLLOUT)\nstream.shutdown()\nprint(read_all(stream, 3))")
        board.repl("stream.close()\ndel stream")
    print(f"{total} octets were taken")
    assert total <= len(b"".join(heard)) < total + 1000
    assert left(board) == "0 0 0"


def test_close_sends_what_was_written(board, peer):
    heard = []
    ended = threading.Event()

    def handle(connection):
        with connection:
            while data := connection.recv(65536):
                heard.append(data)
            ended.set()

    with server(handle, peer, peer.address) as port:
        text = board.repl(
            f"stream = connected({port})\nprint(stream.write(b'z' * 2000))\nstream.close()"
        )
        assert ended.wait(10)
    assert b"".join(heard) == b"z" * int(text)
    assert left(board) == "0 0 0"


def test_a_soft_reset_closes_and_the_port_is_free_again(board, peer):
    ended = threading.Event()

    def handle(connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            if connection.recv(10) == b"":
                ended.set()

    with server(handle, peer, peer.address) as port:
        board.repl(f"stream = connected({port})\nlistener = net6.Listener(None, 5060)")
        with inside(peer.netns):
            client = socket.create_connection((board.address, 5060), timeout=5)
        board.repl("wait(listener, select.POLLIN)\ntaken = listener.accept()[0]")
        with Raw(board.console) as console:
            console._transport.enter_raw_repl(soft_reset=True)
        assert ended.wait(10)
        assert client.recv(10) == b""
        client.close()
    board.repl(guest("import gc", peer.address, "qemu"))
    assert (
        board.repl("listener = net6.Listener(None, 5060)\nprint(net6.counters()['streams'])")
        == "0"
    )
    board.repl("listener.close()\ndel listener")
    assert left(board) == "0 0 0"


def test_a_lossy_path(board, peer):
    """One of ten segments each way is lost: all comes, in order."""
    with server(echo, peer, peer.address) as port:
        peer.lab.base.run(peer.netns, ["nft", "-f", "-"], _LOSS)
        try:
            text = board.repl(
                f"stream = connected({port})\n"
                "data = bytes(range(250)) * 64\n"
                "got = b''\n"
                "view = memoryview(data)\n"
                "while len(got) < len(data):\n"
                "    view = view[(stream.write(view) or 0) if len(view) else 0:]\n"
                "    wait(stream, select.POLLIN | (select.POLLOUT if len(view) else 0), 20000)\n"
                "    got += stream.read(2048) or b''\n"
                "print(got == data)\n"
                "stream.close()\n"
                "del stream, view, got, data\n",
                90,
            )
        finally:
            peer.run(["nft", "delete", "table", "ip6", "loss"])
    assert text == "True"
    assert left(board) == "0 0 0"


def test_the_lock_is_held_for_a_short_time(board, peer):
    with server(echo, peer, peer.address) as port:
        text = board.repl(
            "import _board\n"
            f"stream = connected({port})\n"
            "_board.worst_held_us(True)\n"
            "data = bytes(20000)\n"
            "view = memoryview(data)\n"
            "got = 0\n"
            "while got < len(data):\n"
            "    view = view[(stream.write(view) or 0) if len(view) else 0:]\n"
            "    wait(stream, select.POLLIN | (select.POLLOUT if len(view) else 0))\n"
            "    got += len(stream.read(2048) or b'')\n"
            "print(_board.worst_held_us())\n"
            "stream.close()\n"
            "del stream, view, data\n",
            60,
        )
    print("worst", text, "us")
    assert int(text) < 5000  # of the host's time, which other programs share


def test_peers_port_scan_hears_resets(board, peer):
    with inside(peer.netns):
        start = time.monotonic()
        for port in (1, 80, 5063):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((board.address, port), timeout=5)
        assert time.monotonic() - start < 2
    assert re.fullmatch(r"\d+ 0 0", left(board))
