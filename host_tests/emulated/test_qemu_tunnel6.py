# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: an emulated board in a lab
"""IPv4 by DHCP and the tunnel on the emulated board, in a home behind NAT; what DHCPv6 needs."""

import os
import re
import time

import pytest

from host_tests.emulated.test_qemu_machine import Machine
from host_tests.emulated.tunnel_server import Echo, TunnelServer, guest, ping
from tools.lab.capture import Capture, tshark
from tools.lab.internet import Internet

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Machine.image.exists(), reason="firmware.elf is not built"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

_IPV4 = """
import _board
_board.start()
started = time.ticks_ms()
tunnel6.start_ipv4()
while tunnel6.ipv4() is None:
    time.sleep_ms(5)
took = time.ticks_diff(time.ticks_ms(), started)
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with Internet(tmp_path_factory.mktemp("net"), tag="t6") as made:
        yield made


@pytest.fixture(scope="module")
def operator(net):
    host = net.host("operator")
    with TunnelServer(host) as server, Echo(host) as echo:
        host.server, host.echo = server, echo
        yield host


@pytest.fixture(scope="module")
def home(net):
    return net.home("home")


@pytest.fixture(scope="module")
def board(home, operator, tmp_path_factory):
    made = Machine(tmp_path_factory.mktemp("board"), home).boot()
    made.interrupt()
    made.begin = guest(operator.ipv4) + f"FAR = net6.parse('{operator.ipv6}')\n"
    made.took = int(made.repl(made.begin + _IPV4 + "print(took)"))
    made.own = made.repl("endpoint, own = begin(); print(net6.text(own))")
    yield made
    made.kill()


def test_dhcp_brings_address_router_servers_and_domain(board, home):
    assert board.took < 3000
    text = board.repl(
        "a, length, router, servers, domain = tunnel6.ipv4()\n"
        "print(net6.text(a), length, net6.text(router), [net6.text(x) for x in servers], domain)"
    )
    print("lease in", board.took, "ms:", text)
    assert re.fullmatch(
        r"::ffff:192\.0\.2\.\d+ 24 ::ffff:192\.0\.2\.1 \['::ffff:192\.0\.2\.1'\] home\.example",
        text,
    )


def test_datagrams_of_all_sizes_come_back_through_the_tunnel(board, operator):
    text = board.repl(
        "import os\n"
        "before = tunnel6.counters()\n"
        "voice = net6.Endpoint(port=4000)\n"
        "voice.set_traffic_class(0xb8)\n"
        "for size in (0, 1, 160, 1232, 1233, 3000, 8192):\n"
        "    data = b'%d' % size * (size // len(b'%d' % size)) if size else b''\n"
        "    voice.send(data, FAR, 7)\n"
        "    got, address, port = receive(voice)\n"
        "    print(size, got == data, address == FAR, port, voice.meta()[0] == own, end=' ')\n"
        "    print(voice.meta()[1])\n"
        "voice.close()\n"
        "print([a[1:] for a in net6.addresses() if a[0] == own])\n"
        "after = tunnel6.counters()\n"
        "names = ('sent_server', 'received_server', 'not_sent', 'foreign')\n"
        "print([after[n] - before[n] for n in names])\n"
    )
    lines = text.splitlines()
    for line, size in zip(lines, (0, 1, 160, 1232, 1233, 3000, 8192), strict=False):
        assert line == f"{size} True True 7 True 184"
    assert lines[7] == "[(128, 'preferred', 4294967295, 4294967295, 65535)]"
    sent, received, *bad = eval(lines[8])
    assert sent == received > 7 and bad == [0, 0]
    voices = [row for row in operator.server.seen if row[0][:1] == b"\x6b"]
    assert voices and {row[3] for row in voices} == {0xB8}


def test_datagrams_that_ipv4_cuts_come_together(board, home, operator):
    """DF is clear: a router with a small MTU may cut the tunnel's datagrams."""
    narrow = ["ip", "route", "replace", "192.0.2.0/24", "dev", "eth0", "src", "192.0.2.1"]
    home.router.run([*narrow, "mtu", "lock", "800"])
    capture = Capture(home, "cut.pcap")
    text = board.repl(
        "voice = net6.Endpoint(port=4007)\n"
        "for size in (160, 1232, 3000, 1232):\n"
        "    voice.send(bytes(size), FAR, 7)\n"
        "    print(receive(voice)[0] == bytes(size))\n"
        "voice.close()\n"
    )
    home.router.run(narrow)
    assert text.splitlines() == ["True"] * 4
    cut = tshark(capture.stop(), f"ip.src == {operator.ipv4} and ip.flags.mf == 1", "ip.len")
    assert len(cut) >= 4


def test_our_address_is_pinged_while_the_vm_is_busy(board, operator):
    board.mpremote("resume", "exec", "--no-follow", "while True:\n    pass")
    for size in ("56", "1200", "3000"):
        assert ping(operator, board.own, "-s", size)
    board.mpremote("resume", "exec", "pass")  # the REPL's Ctrl-C


def test_we_call_ourselves_and_move(board):
    text = board.repl(
        "a, b = net6.Endpoint(port=4001), net6.Endpoint(own, 4002)\n"
        "a.send(b'self', own, 4001)\n"
        "got = receive(a)\n"
        "print(got[0], got[1] == own, got[2])\n"
        "a.send(b'other', own, 4002)\n"
        "got = receive(b)\n"
        "b.send(b'back', got[1], got[2])\n"
        "print(got[0], receive(a)[0])\n"
        "local = [x[0] for x in net6.addresses() if x[0][0] == 0xfe][0]\n"
        "a.send(b'link', local, 4001, local)\n"
        "print(receive(a)[1] == local)\n"
        "tunnel6.prefer(False)\n"
        "print([x[2] for x in net6.addresses() if x[0] == own])\n"
        "a.send(b'y', FAR, 7)\n"
        "print(receive(a)[0])\n"
        "a.move(net6.parse('2001:db8::77'))\n"
        "print(number(a.send, b'z', FAR, 7))\n"
        "a.move(own)\n"
        "a.send(b'z', FAR, 7)\n"
        "print(receive(a)[0])\n"
        "print(number(a.send, b'z', SERVER, 7), number(endpoint.send, b'z', FAR, 7))\n"
        "tunnel6.prefer(True)\n"
        "a.close(); b.close()\n"
    )
    lines = text.splitlines()
    assert lines[:3] == ["b'self' True 4001", "b'other' b'back'", "True"]
    assert lines[3:5] == ["['deprecated']", "b'y'"]
    assert lines[5:7] == ["125", "b'z'"] and lines[7] == "106 106"


def test_native_ipv6_and_the_tunnel_side_by_side(board, home, operator):
    """A router appears: what is moved leaves by its address's interface, new flows by policy."""
    home.add_ipv6()
    text = board.repl(
        "tunnel6.prefer(False)\n"
        "native = None\n"
        "while native is None:\n"
        "    for x in net6.addresses():\n"
        "        if x[0][0] == 0x20 and x[5] != tunnel6.INDEX and x[2] == 'preferred':\n"
        "            native = x[0]\n"
        "    time.sleep_ms(20)\n"
        "print([x[5] for x in net6.addresses()][-2:], net6.router_flags())\n"
        "a = net6.Endpoint(port=4005)\n"
        "def way():\n"
        "    before = tunnel6.counters()['sent_server']\n"
        "    got = receive(a)\n"
        "    return got[0], a.meta()[0] == own, a.meta()[0] == native\n"
        "a.send(b'1', FAR, 7); print(way())\n"
        "a.send(b'2', FAR, 7, own); print(way())\n"
        "a.move(own); a.send(b'3', FAR, 7); print(way())\n"
        "a.send(b'4', FAR, 7, native); print(way())\n"
        "a.move(None); tunnel6.prefer(True)\n"
        "a.send(b'5', FAR, 7); print(way())\n"
        "a.send(b'6', native, 4005); print(way())\n"
        "a.send(b'7', own, 4005, native); print(way())\n"
        "a.close()\n"
    )
    home.withdraw_ipv6()
    lines = text.splitlines()
    assert lines[0].endswith("(False, False)")
    assert lines[1:] == [
        "(b'1', False, True)",
        "(b'2', True, False)",
        "(b'3', True, False)",
        "(b'4', False, True)",
        "(b'5', True, False)",
        "(b'6', False, True)",
        "(b'7', True, False)",
    ]


def test_the_lease_goes_with_the_link(board):
    board.repl("net6.changed().clear()")
    board.qmp("set_link", name="lan9118.0", up=False)
    time.sleep(0.5)
    assert board.repl("print(tunnel6.ipv4(), net6.changed().raised())") == "None True"
    board.repl("net6.changed().clear()")
    board.qmp("set_link", name="lan9118.0", up=True)
    text = board.repl(
        "begin = time.ticks_ms()\n"
        "while tunnel6.ipv4() is None and time.ticks_diff(time.ticks_ms(), begin) < 9000:\n"
        "    time.sleep_ms(5)\n"
        "print(time.ticks_diff(time.ticks_ms(), begin), net6.changed().raised())\n"
        "print(tunnel6.ipv4()[4], len(tunnel6.ipv4()[3]))\n"
        "a = net6.Endpoint(port=4006)\n"
        "a.send(b'again', FAR, 7)\n"
        "print(receive(a)[0])\n"
        "a.close()\n"
    )
    print("lease after link up:", text)
    assert re.search(r"^\d+ True\s+home.example 1\s+b'again'", text)


def test_the_hop_limit_of_one_datagram(board, operator):
    server = operator.server
    board.repl(
        "endpoint.send(b'\\0near', SERVER, 3653, hop_limit=1)\n"
        "endpoint.send(b'\\0far', SERVER, 3653)\n"
    )
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and server.seen[-1][0] != b"\0far":
        time.sleep(0.02)
    assert server.seen[-1][0] == b"\0far"
    assert b"\0near" not in [row[0] for row in server.seen]


def test_a_soft_reset_ends_the_tunnel_and_another_begins(board, operator):
    board.interrupt()
    assert board.repl("import tunnel6, net6; print(net6.use()[:3], tunnel6.peers())") == (
        "(0, 0, 0) []"
    )
    assert board.repl(f"print([x for x in net6.addresses() if x[5] == {0xFFFF}])") == "[]"
    text = board.repl(
        board.begin + "assert tunnel6.ipv4()\n"
        "endpoint, own = begin()\n"
        "voice = net6.Endpoint(port=4000)\n"
        "voice.send(b'again', FAR, 7)\n"
        "print(receive(voice)[0])\n"
    )
    assert text == "b'again'"
