# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: an emulated board in a lab
"""Addresses of DHCPv6, flags of routers, leases of DHCPv4 that renew, end and change."""

import os
import socket
import struct
import threading
import time

import pytest

from host_tests.emulated.test_qemu_machine import WAIT_ADDRESS, Machine
from host_tests.emulated.tunnel_server import ping
from tools.lab.internet import Internet
from tools.lab.namespace import inside
from tools.lab.network import Lab
from vox6.pubtsp import ipv6

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Machine.image.exists(), reason="firmware.elf is not built"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

_HELP = """
import net6, time, tunnel6, _board
_board.start()
def states(text):
    return [x[1:5] for x in net6.addresses() if x[0] == net6.parse(text)]
def wait(condition, ms=8000):
    begin = time.ticks_ms()
    while not condition():
        if time.ticks_diff(time.ticks_ms(), begin) > ms:
            raise OSError('in vain')
        time.sleep_ms(10)
    return time.ticks_diff(time.ticks_ms(), begin)
def number(function, *args):
    try:
        function(*args)
    except OSError as error:
        return error.errno
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab"), tag="addr") as made:
        yield made


@pytest.fixture(scope="module")
def board(lab, tmp_path_factory):
    made = Machine(tmp_path_factory.mktemp("board"), lab).boot()
    made.interrupt()
    made.repl(WAIT_ADDRESS)
    made.repl(_HELP)
    yield made
    made.kill()


@pytest.fixture(scope="module")
def peer(lab):
    host = lab.host("peer")
    host.wait_address()
    return host


def test_an_address_of_dhcpv6_is_probed_used_and_given_up(board, peer):
    text = board.repl(
        "leased = net6.parse('2001:db8:1::d6')\n"
        "net6.changed().clear()\n"
        "net6.add_address(leased, 100, 200)\n"
        "print(states('2001:db8:1::d6'))\n"
        "took = wait(lambda: states('2001:db8:1::d6')[0][1] == 'preferred')\n"
        "print(900 < took < 2500, states('2001:db8:1::d6'), net6.changed().raised())\n"
        "net6.add_address(leased, 0, 0xffffffff)\n"
        "print(states('2001:db8:1::d6'))\n"
        "net6.add_address(leased, 0xffffffff, 0xffffffff)\n"
        "print(states('2001:db8:1::d6'))\n"
    ).splitlines()
    assert text[0].startswith("[(128, 'tentative', 100, 200)]")
    assert text[1].startswith("True [(128, 'preferred', ") and text[1].endswith("True")
    assert text[2] == "[(128, 'deprecated', 0, 4294967295)]"
    assert text[3] == "[(128, 'preferred', 4294967295, 4294967295)]"
    assert ping(peer, "2001:db8:1::d6")
    text = board.repl(
        "net6.remove_address(leased)\n"
        "print(states('2001:db8:1::d6'), number(net6.remove_address, leased))\n"
    )
    assert text == "[] 125"
    assert not ping(peer, "2001:db8:1::d6")


def test_lifetimes_of_dhcpv6_end_by_themselves(board):
    text = board.repl(
        "net6.add_address(net6.parse('2001:db8:1::d7'), 3, 6)\n"
        "begin = time.ticks_ms()\n"
        "wait(lambda: states('2001:db8:1::d7')[0][1] == 'preferred')\n"
        "wait(lambda: states('2001:db8:1::d7')[0][1] == 'deprecated')\n"
        "print(time.ticks_diff(time.ticks_ms(), begin))\n"
        "wait(lambda: not states('2001:db8:1::d7'))\n"
        "print(time.ticks_diff(time.ticks_ms(), begin))\n"
    )
    deprecated, gone = map(int, text.split())
    assert 1900 < deprecated < 4100 and 4900 < gone < 7100


def test_an_address_that_somebody_has_is_not_taken(board, peer):
    peer.set_address("2001:db8:1::dd")
    text = board.repl(
        "theirs = net6.parse('2001:db8:1::dd')\n"
        "net6.add_address(theirs, 100, 200)\n"
        "wait(lambda: not states('2001:db8:1::dd'))\n"
        "print(number(net6.add_address, theirs, 100, 200))\n"
        "net6.remove_address(theirs)\n"
        "own = [x[0] for x in net6.addresses() if x[0][0] == 0x20][0]\n"
        "print(number(net6.add_address, own, 1, 1), number(net6.add_address, own, 2, 1))\n"
        "print(number(net6.add_address, net6.parse('ff0e::1'), 1, 1))\n"
    ).split()
    assert text == ["125", "112", "22", "22"]


def test_a_packet_too_big_of_nothing_does_no_harm(board, peer):
    """RFC 8201 section 4. lwIP alone would cut fragments of no octets for ever."""
    own = board.repl("print(net6.text([x[0] for x in net6.addresses() if x[0][0] == 0x20][0]))")
    mine = peer.wait_address()
    quoted = ipv6.build(*(socket.inet_pton(socket.AF_INET6, x) for x in (own, mine)), 17, b"", 64)
    assert ping(peer, own, "-s", "3000", "-I", mine)
    with inside(peer.netns):
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with raw:
        raw.bind((mine, 0))
        for mtu in (*range(40, 64), 0, 1, 1279, 0xFFFFFFFF):
            raw.sendto(b"\2\0\0\0" + struct.pack("!I", mtu) + quoted, (own, 0))
            assert ping(peer, own, "-s", "3000", "-I", mine), mtu


@pytest.mark.parametrize("dhcp6,flags", [("stateless", "(False, True)"), ("stateful", None)])
def test_flags_of_the_router(tmp_path, dhcp6, flags):
    with Internet(tmp_path / "net", tag="flags") as net:
        board = Machine(tmp_path / "board", net.office("office", dhcp6=dhcp6)).boot()
        try:
            board.interrupt()
            found = board.repl(
                _HELP + "wait(lambda: net6.router_flags() is not None)\nprint(net6.router_flags())"
            )
            print(dhcp6, found)
            assert found == flags if flags else found.startswith("(True, ")
            board.repl("net6.changed().clear()")
            board.qmp("set_link", name="lan9118.0", up=False)
            time.sleep(0.3)
            assert board.repl("print(net6.router_flags())") == "None"
        finally:
            board.kill()


class DHCPServer:
    """Gives one address for a few seconds; `seen`: (message type, whether it renews)."""

    def __init__(self, host, lease_s):
        self.lease_s = lease_s
        self.address, self.domain = "192.0.2.77", b"one.example"
        self.silent = False
        self.seen = []
        with inside(host.netns):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        self.socket.bind(("", 67))
        self.socket.settimeout(0.1)
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._running = False
        self._thread.join()
        self.socket.close()

    def _run(self):
        while self._running:
            try:
                data, _ = self.socket.recvfrom(1500)
            except TimeoutError:
                continue
            options, at = {}, 240
            while at < len(data) and data[at] != 255:
                if data[at]:
                    options[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
                    at += 1 + data[at + 1]
                at += 1
            kind = options[53][0]
            self.seen.append((kind, any(data[12:16]), options.get(55, b"")))
            if not self.silent and kind in (1, 3):
                self._answer(data, kind, options.get(50) or data[12:16])

    def _answer(self, data, kind, wanted):
        address = socket.inet_aton(self.address)
        answer = 2 if kind == 1 else 5 if wanted == address else 6
        head = b"\2" + data[1:4] + data[4:8] + bytes(4) + bytes(4)
        head += (address if answer != 6 else bytes(4)) + socket.inet_aton("192.0.2.1") + bytes(4)
        head += data[28:44] + bytes(192) + b"\x63\x82\x53\x63"
        options = [(53, bytes([answer])), (54, socket.inet_aton("192.0.2.1"))]
        if answer != 6:
            options += [(51, struct.pack("!I", self.lease_s)), (1, b"\xff\xff\xff\x80")]
            options += [(6, socket.inet_aton("192.0.2.53") + socket.inet_aton("192.0.2.54"))]
            options += [(15, self.domain)]
        body = b"".join(bytes([code, len(value)]) + value for code, value in options)
        self.socket.sendto(head + body + b"\xff", ("255.255.255.255", 68))


def test_a_lease_renews_ends_and_changes(board, lab):
    host = lab.host("dhcp")
    host.set_address("192.0.2.1", 24)
    # A firmware that ran before may ask for long, ever less often: the link's return asks at once.
    board.qmp("set_link", name="lan9118.0", up=False)
    time.sleep(0.3)
    server = DHCPServer(host, 6)
    board.qmp("set_link", name="lan9118.0", up=True)
    show = (
        "def show():\n"
        "    a, length, router, servers, domain = tunnel6.ipv4()\n"
        "    return net6.text(a), length, router, [net6.text(x) for x in servers], domain\n"
    )
    try:
        text = board.repl(
            show + "tunnel6.start_ipv4()\n"
            "wait(tunnel6.ipv4)\n"
            "print(show())\n"
            "lost = 0\n"
            "begin = time.ticks_ms()\n"
            "while time.ticks_diff(time.ticks_ms(), begin) < 8000:\n"
            "    lost += tunnel6.ipv4() is None\n"
            "    time.sleep_ms(5)\n"
            "print(lost)\n"
        )
        servers = "['::ffff:192.0.2.53', '::ffff:192.0.2.54']"
        assert text.splitlines() == [
            f"('::ffff:192.0.2.77', 25, None, {servers}, 'one.example')",
            "0",
        ]
        assert {kind for kind, _, _ in server.seen[:2]} == {1, 3}
        renewed = [row for row in server.seen if row[:2] == (3, True)]
        assert len(renewed) >= 2  # at half the lease, again and again
        assert all(6 in asked and 15 in asked for _, _, asked in server.seen)
        server.silent = True
        board.repl("net6.changed().clear()")
        took = board.repl("print(wait(lambda: tunnel6.ipv4() is None))")
        assert board.repl("print(net6.changed().raised())") == "True"
        print(f"the lease ended {took} ms after the server had fallen silent")
        assert 500 < int(took) < 7500
        server.address, server.domain, server.silent = "192.0.2.78", b"two.example\0", False
        text = board.repl("wait(tunnel6.ipv4, 20000)\nprint(show())", timeout=40)
        assert text == f"('::ffff:192.0.2.78', 25, None, {servers}, 'two.example')"
        # the server gives the address to somebody else: a NAK at the next renewal
        server.address = "192.0.2.79"
        text = board.repl(
            "wait(lambda: tunnel6.ipv4() and show()[0] == '::ffff:192.0.2.79', 20000)\n"
            "print(show()[0])",
            timeout=40,
        )
        assert text == "::ffff:192.0.2.79"
    finally:
        server.close()
