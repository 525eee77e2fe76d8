# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""TCP peers for phones' streams, and what a guest's script begins with."""

import contextlib
import errno
import socket
import struct
import textwrap
import threading

from tools.lab.namespace import inside

_SAME = (9, 11, 12, 22, 32, 104, 111)
_NAMES = {
    "unix": errno.errorcode,
    # newlib's numbers are others than Linux's from 36 on
    "qemu": {number: errno.errorcode[number] for number in _SAME}
    | {
        106: "EAFNOSUPPORT",
        112: "EADDRINUSE",
        114: "ENETUNREACH",
        116: "ETIMEDOUT",
        125: "EADDRNOTAVAIL",
    },
}

_GUEST = """
import net6, select, time

HERE = net6.parse("::1")

def wait(stream, flags, ms=5000):
    poll = select.poll()
    poll.register(stream, flags)
    return poll.poll(ms)

def connected(port, local=None):
    stream = net6.Stream(PEER, port, local)
    assert wait(stream, select.POLLOUT)
    return stream

def read_all(stream, length):
    parts = b""
    while len(parts) < length:
        part = stream.read(4096)
        if part is None:
            wait(stream, select.POLLIN)
        elif not part:
            break
        else:
            parts += part
    return parts

def write_all(stream, data):
    view = memoryview(data)
    while len(view):
        taken = stream.write(view)
        if taken is None:
            wait(stream, select.POLLOUT)
        else:
            view = view[taken:]

def name_of(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return NAMES[error.errno]
    return "none"

def fails(stream, ms=5000):
    # the errno's name that read() tells
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < ms:
        wait(stream, select.POLLIN, 100)
        try:
            stream.read(100)
        except OSError as error:
            return NAMES[abs(error.errno)]  # tls gives it negative
    return "none"
"""


def guest(code, peer="::1", system="unix"):
    """A script: names of errors, HERE (our loopback), PEER, and helpers; then code."""
    head = f"NAMES = {_NAMES[system]}\n" + _GUEST + f"PEER = net6.parse({peer!r})\n"
    return head + textwrap.dedent(code)


@contextlib.contextmanager
def server(handle, host=None, address="::1"):
    """A TCP server whose connections handle(connection) serves; gives its port.

    host: a lab's host in whose namespace it is.
    """
    with inside(host.netns) if host else contextlib.nullcontext():
        listener = socket.create_server((address, 0), family=socket.AF_INET6, backlog=16)

    def serve():
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def echo(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
