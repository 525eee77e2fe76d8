# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: phones in a home behind NAT
"""net6.Stream and net6.Listener in the tunnel, from a home behind NAT, on both kinds of phone."""

import contextlib
import os
import socket
import threading
import time

import pytest

from host_tests.emulated.stream_peers import echo, guest, server
from host_tests.emulated.test_qemu_machine import Machine
from host_tests.emulated.tunnel_server import TunnelServer
from host_tests.emulated.tunnel_server import guest as tunnel_guest
from tools.lab.internet import Internet
from tools.lab.namespace import inside
from tools.panel.phones import UnixPhone

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

_IPV4 = """
import gc
try:
    import _board
    _board.start()
    tunnel6.start_ipv4()
    while tunnel6.ipv4() is None:
        time.sleep_ms(5)
except AttributeError:
    pass    # unix: the host has IPv4
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with Internet(tmp_path_factory.mktemp("net"), tag="ts") as made:
        yield made


@pytest.fixture(scope="module")
def operator(net):
    host = net.host("operator")
    with TunnelServer(host) as server:
        host.server = server
        yield host


@pytest.fixture(scope="module")
def home(net):
    return net.home("home")


def head(operator, system):
    code = tunnel_guest(operator.ipv4) + _IPV4 + guest("", operator.ipv6, system)
    return code + "endpoint, own = begin()\nprint('own', net6.text(own))\n"


class Program:
    """Scripts of the unix program in the home; each makes its tunnel."""

    def __init__(self, host, operator):
        self.host, self.operator = host, operator

    def start(self, code):
        text = head(self.operator, "unix") + code + "\nprint('end')\n"
        log = f"guest-{os.urandom(4).hex()}.log"
        self.process = self.host.start([UnixPhone.image, "-c", text], log=log)

    def wait(self, pattern):
        self.process.wait_output(pattern, 30)

    def finish(self):
        self.wait("^end")
        return self.process.output().split("\n", 1)[1].removesuffix("end\n").strip()

    def own(self):
        self.wait("^own")
        return self.process.output().split()[1]


class Board:
    """The emulated board in the home; scripts follow each other over one tunnel."""

    def __init__(self, folder, home, operator):
        self.machine = Machine(folder, home).boot()
        self.machine.interrupt()
        self._own = self.machine.repl(head(operator, "qemu"), 40).split()[-1]

    def start(self, code):
        from host_tests.emulated.test_qemu_net6 import Raw

        self.raw = Raw(self.machine.console)
        self.raw.__enter__()
        self.raw.start(code + "\ngc.collect()")

    def wait(self, pattern):
        time.sleep(1.5)

    def finish(self):
        try:
            return self.raw.finish(60).replace("\r", "").strip()
        finally:
            self.raw.__exit__(None, None, None)

    def own(self):
        return self._own


@pytest.fixture(scope="module", params=["unix", "qemu"])
def phone(request, home, operator, tmp_path_factory):
    image = UnixPhone.image if request.param == "unix" else Machine.image
    if not image.exists():
        pytest.skip(f"{image.name} is not built")
    if request.param == "unix":
        yield Program(home.host("phone"), operator)
        return
    made = Board(tmp_path_factory.mktemp("board"), home, operator)
    yield made
    made.machine.kill()


def test_64_kilobytes_both_ways(phone, operator):
    with server(echo, operator, operator.ipv6) as port:
        phone.start(f"""
stream = connected({port})
part = bytes(range(250)) * 4
good = True
for _ in range(66):
    write_all(stream, part)
    good = good and read_all(stream, 1000) == part
print(good, stream.local()[0] == own, stream.peer() == (PEER, {port}))
stream.set_traffic_class(0x60)
stream.shutdown()
wait(stream, select.POLLIN)
print(stream.read(1))
stream.close()
del stream
gc.collect()
print(net6.counters()['streams'], net6.use()[2])
""")
        assert phone.finish().splitlines() == ["True True True", "b''", "0 0"]


def test_the_source_address_chooses(phone, operator):
    heard = []

    def handle(connection):
        heard.append(connection.getpeername()[0])
        connection.close()

    with server(handle, operator, operator.ipv6) as port:
        phone.start(f"""
for local in (None, own):
    stream = connected({port}, local)
    wait(stream, select.POLLIN)
    stream.close()
print(name_of(net6.Stream, PEER, {port}, net6.parse('2001:db8:9::1')))
tunnel6.prefer(False)
stream = connected({port})    # the home has no native IPv6: better than not at all
wait(stream, select.POLLIN)
stream.close()
tunnel6.prefer(True)
""")
        own = phone.own()
        assert phone.finish() == "EADDRNOTAVAIL"
    assert heard == [own] * 3


def test_a_listener_in_the_tunnel(phone, operator):
    phone.start("""
listener = net6.Listener(None, 5060)
print('ready')
assert wait(listener, select.POLLIN, 20000)
stream, address, port = listener.accept()
print(address == PEER, stream.local()[0] == own, read_all(stream, 5))
write_all(stream, b'world')
stream.close()
print(name_of(net6.Listener, own, 5060))
listener.close()
listener = net6.Listener(own, 5060)
listener.close()
del stream, listener
""")
    own = phone.own()
    phone.wait("^ready")
    with inside(operator.netns):
        client = socket.create_connection((own, 5060), timeout=10, source_address=None)
    with client:
        client.sendall(b"hello")
        assert client.recv(5) == b"world"
    assert phone.finish().splitlines() == ["ready", "True True b'hello'", "EADDRINUSE"]


def test_we_connect_to_ourselves(phone):
    phone.start("""
listener = net6.Listener(None, 5070)
one = net6.Stream(own, 5070)
assert wait(listener, select.POLLIN)
other = listener.accept()[0]
wait(one, select.POLLOUT)
for _ in range(20):
    write_all(one, bytes(500))
    assert read_all(other, 500) == bytes(500)
one.close()
wait(other, select.POLLIN)
print(other.read(1))
other.close()
listener.close()
del one, other, listener
""")
    assert phone.finish() == "b''"


def test_refused_and_the_tunnel_that_goes(phone, operator):
    stop = threading.Event()

    def handle(connection):
        with connection:
            stop.wait(20)

    with server(handle, operator, operator.ipv6) as port:
        phone.start(f"""
refused = net6.Stream(PEER, 1)
print(fails(refused))
refused.close()
stream = connected({port})
tunnel6.configure(None, SERVER, 3653, KEEPALIVE)
print(fails(stream), name_of(stream.write, b'x'))
stream.close()
tunnel6.configure(own, SERVER, 3653, KEEPALIVE)
stream = connected({port})
stream.close()
del refused, stream
gc.collect()
print(net6.counters()['streams'])
""")
        with contextlib.ExitStack() as stack:
            stack.callback(stop.set)
            text = phone.finish()
    assert text.splitlines() == ["ECONNREFUSED", "ETIMEDOUT ETIMEDOUT", "0"]
