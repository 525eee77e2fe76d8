# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: runs the unix program
"""net6.Stream and net6.Listener over the host's kernel, in scripts of vox6-phone."""

import contextlib
import hashlib
import socket
import struct
import subprocess
import threading

import pytest

from host_tests.emulated.stream_peers import echo, guest, reset, server
from tools.panel.phones import UnixPhone

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
]

IPV6_2292PKTOPTIONS = 6  # linux/in6.h


def output(code, *arguments, timeout=60):
    """What a script printed; it must end well."""
    argv = [str(UnixPhone.image), "-c", guest(code), *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_64_kilobytes_both_ways_and_addresses():
    with server(echo) as port:
        text = output(
            """
            import sys, os
            port = int(sys.argv[1])
            stream = connected(port)
            data = os.urandom(65536)
            got = b""
            view = memoryview(data)
            while len(got) < len(data):
                taken = stream.write(view) if len(view) else None
                view = view[taken or 0:]
                wait(stream, select.POLLIN | (select.POLLOUT if len(view) else 0))
                got += stream.read(65536) or b""
            print(got == data, stream.peer() == (HERE, port), stream.local()[0] == HERE)
            print(stream, stream.local()[1] > 1023)
            stream.shutdown()
            print(name_of(stream.write, b"x"))
            wait(stream, select.POLLIN)
            print(stream.read(), stream.read(10))
            stream.close()
            stream.close()
            print(name_of(stream.read, 1), stream, wait(stream, select.POLLIN)[0][1])
            print(sorted(net6.counters().items()))
            """,
            port,
        )
    assert text.splitlines() == [
        "True True True",
        f"<Stream [::1]:{port}> True",
        "EPIPE",
        "b'' b''",
        "EBADF <Stream closed> 32",
        "[('accepted', 0), ('connects', 1), ('errors', 0), ('listeners', 0), ('refused', 0),"
        " ('streams', 0)]",
    ]


def test_asyncio_streams_wrap_it():
    with server(echo) as port:
        text = output(
            """
            import asyncio, sys

            async def main():
                stream = asyncio.StreamReader(net6.Stream(HERE, int(sys.argv[1])))
                stream.write(b"REGISTER sip:a SIP/2.0\\r\\nX: ")
                stream.write(b"y" * 3000 + b"\\r\\n")
                await stream.drain()
                print(await stream.readline())
                print(len(await stream.readexactly(3005)))
                stream.close()

            asyncio.run(main())
            """,
            port,
        )
    assert text.splitlines() == ["b'REGISTER sip:a SIP/2.0\\r\\n'", "3005"]


def test_a_listener_takes_connections():
    text = output(
        """
        import gc
        listener = net6.Listener(None, 0, 4)
        print(listener.accept(), wait(listener, select.POLLIN, 20))
        any_, port = listener.local()
        client = net6.Stream(HERE, port)
        assert wait(listener, select.POLLIN)
        server, address, peer_port = listener.accept()
        print(address == HERE, client.local() == (address, peer_port) == server.peer())
        server.set_traffic_class(0x60)
        write_all(client, b"hello")
        print(read_all(server, 5), server.read(1))
        client.close()
        wait(server, select.POLLIN)
        print(server.read(1))
        server.close()
        listener.close()
        print(name_of(listener.accept), net6.counters()["listeners"])
        for n in range(30):     # who forgets to close is collected
            client = net6.Stream(HERE, 1)
            listener = net6.Listener(HERE)
        del client, listener
        gc.collect()
        print(net6.counters()["streams"] <= 1, name_of(net6.Listener, HERE, port))
        """
    )
    assert text.splitlines() == [
        "None []",
        "True True",
        "b'hello' None",
        "b''",
        "EBADF 0",
        "True none",
    ]


def test_errors_have_their_names():
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        port = taken.getsockname()[1]
        text = output(
            """
            import sys
            port = int(sys.argv[1])
            refused = net6.Stream(HERE, port)
            print(fails(refused), name_of(refused.write, b"x"), fails(refused))
            print(name_of(net6.Stream, net6.parse("::ffff:192.0.2.1"), 5060))
            a, b = net6.parse("2001:db8::99"), net6.parse("2001:db8::1")
            print(name_of(net6.Stream, a, 5060, b))
            print(name_of(net6.Stream, net6.parse("ff02::1"), 5060))
            print(name_of(net6.Stream, HERE, 0))
            print(name_of(net6.Listener, HERE, port))
            print(name_of(net6.Listener, net6.parse("::ffff:0.0.0.0")))
            for call in (lambda: net6.Stream(b"x", 1), lambda: net6.Stream(HERE, 70000),
                         lambda: net6.Listener(None, 0, 9), lambda: net6.Listener(None, 0, 0)):
                try:
                    call()
                except ValueError as error:
                    print(error)
            print(net6.counters()["errors"])
            """,
            port,
        )
    assert text.splitlines() == [
        "ECONNREFUSED ECONNREFUSED ECONNREFUSED",
        "EAFNOSUPPORT",
        "EADDRNOTAVAIL",
        "EINVAL",
        "EINVAL",
        "EADDRINUSE",
        "EAFNOSUPPORT",
        "an address is 16 octets",
        "port out of range",
        "backlog out of range",
        "backlog out of range",
        "1",
    ]


def test_a_reset_in_the_middle_comes_behind_what_was_sent_before():
    def handle(connection):
        connection.sendall(b"before")
        connection.recv(4)
        reset(connection)

    with server(handle) as port:
        text = output(
            """
            import sys
            stream = connected(int(sys.argv[1]))
            wait(stream, select.POLLIN)
            write_all(stream, b"done")
            time.sleep_ms(200)
            print(fails(stream), name_of(stream.write, b"x"), name_of(stream.shutdown))
            print(net6.counters()["errors"])
            """,
            port,
        )
    assert text.splitlines() == ["ECONNRESET ECONNRESET ECONNRESET", "1"]


def test_a_slow_reader_holds_the_writer_back_and_nothing_is_lost():
    done = threading.Event()
    seen = hashlib.sha256()

    def handle(connection):
        with connection:
            done.wait(30)
            while data := connection.recv(65536):
                seen.update(data)
            connection.sendall(seen.digest())

    with server(handle) as port:
        argv = [
            str(UnixPhone.image),
            "-c",
            guest(
                """
                import sys, hashlib
                stream = connected(int(sys.argv[1]))
                hash = hashlib.sha256()
                part = bytes(range(256)) * 256
                total = 0
                while wait(stream, select.POLLOUT, 300):
                    while taken := stream.write(part):
                        hash.update(part[:taken])
                        total += taken
                print("full", total)
                sys.stdin.readline()
                wait(stream, select.POLLOUT)
                stream.shutdown()
                print("same", read_all(stream, 32) == hash.digest())
                """
            ),
            str(port),
        ]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert int(process.stdout.readline().removeprefix("full ")) > 65536
            done.set()
            out, _ = process.communicate("go\n", timeout=60)
    assert out == "same True\n"


def test_close_sends_what_was_written():
    heard = []
    ended = threading.Event()

    def handle(connection):
        with connection:
            parts = []
            while data := connection.recv(65536):
                parts.append(data)
            heard.append(b"".join(parts))
            ended.set()

    with server(handle) as port:
        text = output(
            """
            import sys
            stream = connected(int(sys.argv[1]))
            print(stream.write(b"z" * 65536))
            stream.close()
            print(net6.counters()["streams"])
            """,
            port,
        )
        assert ended.wait(10)
    taken, streams = map(int, text.split())
    assert heard == [b"z" * taken] and streams == 0


def test_eight_streams_and_a_ninth():
    with server(echo) as port:
        text = output(
            """
            import sys
            port = int(sys.argv[1])
            streams = [connected(port) for _ in range(8)]
            print(name_of(net6.Stream, HERE, port))
            for n, stream in enumerate(streams):
                write_all(stream, bytes([n]) * 1000)
            print([read_all(s, 1000) == bytes([n]) * 1000 for n, s in enumerate(streams)])
            streams.pop().close()
            streams.append(connected(port))
            for stream in streams:
                stream.close()
            print(net6.counters()["streams"])
            """,
            port,
        )
    assert text.splitlines() == ["ENOMEM", str([True] * 8), "0"]


def test_traffic_class_reaches_the_peer():
    heard = []

    def handle(connection):
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        connection.sendall(b"go")
        with connection:
            connection.recv(10)
            # The last segment's traffic class: TCP has no ancillary data of its own.
            options = connection.getsockopt(socket.IPPROTO_IPV6, IPV6_2292PKTOPTIONS, 200)
            heard.append(options)

    with server(handle) as port:
        text = output(
            """
            import sys
            stream = connected(int(sys.argv[1]))
            stream.set_traffic_class(0x60)
            try:
                stream.set_traffic_class(256)
            except ValueError as error:
                print(error)
            read_all(stream, 2)
            write_all(stream, b"x")
            wait(stream, select.POLLIN)
            print(stream.read())
            """,
            port,
        )
    assert text == "traffic class out of range\nb''\n"
    assert struct.pack("=i", 0x60) in heard[0]


def test_a_waiting_vm_wakes_at_once():
    def handle(connection):
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)

    with server(handle) as port:
        text = output(
            """
            import sys
            stream = connected(int(sys.argv[1]))
            times = []
            for _ in range(200):
                start = time.ticks_us()
                stream.write(b"x")
                assert wait(stream, select.POLLIN, 1000) and stream.read(1) == b"x"
                times.append(time.ticks_diff(time.ticks_us(), start))
            times.sort()
            print(times[100])
            """,
            port,
        )
    assert int(text) < 900  # a poll each millisecond would need more


def test_incoming_connections_leave_two_streams_for_ours():
    many = 8
    code = """
        import sys
        listener = net6.Listener(HERE, 0, 8)
        print(listener.local()[1])
        sys.stdin.readline()
        taken = []
        while wait(listener, select.POLLIN, 300):
            got = listener.accept()
            if got:
                taken.append(got[0])
        print(len(taken), net6.counters()["refused"])
        out = [net6.Stream(HERE, listener.local()[1]) for _ in range(2)]
        print(name_of(net6.Stream, HERE, 1), net6.counters()["streams"])
        """
    argv = [str(UnixPhone.image), "-c", guest(code)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(argv, **pipes) as process, contextlib.ExitStack() as stack:
        port = int(process.stdout.readline())
        clients = [socket.create_connection(("::1", port), timeout=5) for _ in range(many)]
        for client in clients:
            stack.enter_context(client)
        out, _ = process.communicate("go\n", timeout=30)
        assert out.splitlines() == [f"6 {many - 6}", "ENOMEM 8"]
        reset_ones = 0
        for client in clients:
            with contextlib.suppress(ConnectionResetError):
                client.recv(1)
                continue
            reset_ones += 1
        assert reset_ones == many - 6
