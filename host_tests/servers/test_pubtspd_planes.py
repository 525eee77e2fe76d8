# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd moves packets: headers, ICMPv4, several prefixes; the kernel's plane with it."""

import socket
import subprocess
from pathlib import Path

import pytest

from host_tests.servers.frames import ETHERTYPE_IPV4, ones_sum
from host_tests.servers.running import (
    ALICE,
    BOB,
    counters,
    hangup,
    inside,
    status,
)
from host_tests.servers.wire import NATIVE, PYTHON, udp_packet
from tools.lab.namespace import inside as namespace
from vox6.pubtsp import ipv6
from vox6.pubtsp.messages import TunnelRequest, parse_reply

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]


# -- packets -------------------------------------------------------------------------------------


def test_dscp_and_ecn(wire):
    """Section 7.5 and RFC 6040 normal mode, in the headers that leave."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    expedited = 0xB8
    for tclass in (expedited, expedited | 1, 2, 0x03):
        packet = with_class(udp_packet(NATIVE, address), tclass)
        wire.send_ipv6(packet, server)
        assert alice.answer().tos == tclass
    for inner, outer, seen in ((2, 3, 3), (1, 0, 1), (2, 1, 1), (expedited, 2, expedited)):
        alice.send(with_class(udp_packet(address, NATIVE), inner), server, tos=outer)
        wire.settle(server)
        assert [ipv6.traffic_class(one) for one in wire.native] == [seen], (inner, outer)
        wire.native.clear()
    alice.send(udp_packet(address, NATIVE), server, tos=3)  # congestion that nobody could tell
    wire.settle(server)
    assert wire.native == []
    assert counters(server)["drop_ecn"] == 1


def with_class(packet, tclass):
    return bytes((0x60 | tclass >> 4, (tclass & 15) << 4)) + packet[2:]


def test_dscp_off(wire):
    server = wire.server(dscp="false")
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    wire.send_ipv6(with_class(udp_packet(NATIVE, address), 0xB9), server)
    assert alice.answer().tos == 1  # ECN alone


def test_icmpv4_unreachable_is_translated(wire):
    """Section 7.7: the sender on the IPv6 side hears 1/3; forged ones do nothing."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    packet = udp_packet(NATIVE, address)
    wire.send_ipv6(packet, server)
    outer = alice.answer()
    unreachable(wire, server, alice, outer)
    assert wire.until(lambda: wire.native)
    (error,) = wire.native
    assert error[6] == 58 and error[40:42] == b"\x01\x03" and error[24:40] == NATIVE
    assert error[48:88] == outer.data[:40]
    wire.native.clear()
    bob = wire.peer(*BOB)
    unreachable(wire, server, bob, outer)  # it was never sent there
    unreachable(wire, server, alice, outer, keep=39)  # too short to tell
    wire.settle(server)
    assert wire.native == []
    assert alice.knows(server)


def unreachable(wire, server, peer, outer, keep=1000):
    """ICMPv4 3/3 of a peer that quotes a datagram of the server."""
    there, port = peer.where
    udp = (3653).to_bytes(2, "big") + port.to_bytes(2, "big")
    udp += (8 + len(outer.data)).to_bytes(2, "big") + b"\0\0" + outer.data[:keep]
    quoted = ipv4(server.ipv4, there, 17, udp)
    body = b"\x03\x03\0\0\0\0\0\0" + quoted
    body = body[:2] + ones_sum(body).to_bytes(2, "big") + body[4:]
    wire._write(server, "four", ETHERTYPE_IPV4 + ipv4(there, server.ipv4, 1, body))


def ipv4(source, destination, protocol, payload):
    head = b"\x45\0" + (20 + len(payload)).to_bytes(2, "big") + bytes((0, 0, 0, 0, 60, protocol))
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    return head + ones_sum(head + b"\0\0" + ends).to_bytes(2, "big") + ends + payload


def two_services(server):
    for address in ("198.51.100.2", "203.0.113.50"):
        inside(server, "ip", "addr", "add", address, "dev", "lo")
    server.settings["listen"] = "198.51.100.1,198.51.100.2"
    server.settings["prefix"] = "2001:db8:3653:1::/64,2001:db8:3653:2::/64"


def test_two_services_on_one_machine(wire):
    """Each prefix by its own address; their clients meet by way of the kernel, one hop."""
    server = wire.server(before=two_services)
    clients = []
    for last, prefix in ((1, "20010db836530001"), (2, "20010db836530002")):
        with namespace(server.netns):
            channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channel.settimeout(3)
        channel.bind(("203.0.113.50", 0))
        channel.connect((f"198.51.100.{last}", 3653))  # from no other address does it take any
        request = TunnelRequest("create", "v6udpv4", socket.inet_aton("192.0.2.20"), 30)
        channel.send(b"\xf0" + bytes(7) + request.emit(192))
        info = parse_reply(channel.recv(2048)[8:]).info
        assert info.client_ipv6[:8].hex() == prefix
        assert info.server_ipv4 == bytes((198, 51, 100, last))
        clients.append((channel, info.client_ipv6))
    (one, here), (two, there) = clients
    for channel, other, packet in (
        (one, two, udp_packet(here, there, hop_limit=9)),
        (two, one, udp_packet(there, here, hop_limit=9)),
    ):
        channel.send(packet)
        assert other.recv(2048) == packet[:7] + b"\x08" + packet[8:]
    assert [one["prefix"] for one in status(server)["members"]] == [
        "2001:db8:3653:1::/64",
        "2001:db8:3653:2::/64",
    ]


# -- the kernel's plane --------------------------------------------------------------------------


def kernel(server):
    """The counters of the kernel's plane."""
    return status(server)["members"][0]["counters"]["xdp"]


def test_the_kernels_plane_follows_settings_and_keys(wire):
    """Reload as another user with CAP_BPF alone besides: the kernel judges by what is new."""
    path = wire.folder / "pubtspd.conf"
    path.write_text("")
    server = wire.server(config=str(path), plane="xdp", user="0", next_hops="true")
    rows = Path(f"/proc/{server.process.pid}/status").read_text()
    assert f"CapEff:\t{1 << 12 | 1 << 39:016x}\n" in rows
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    wire.settle(server)
    before = kernel(server)["up"]
    alice.send(udp_packet(address, NATIVE), server)
    assert wire.until(lambda: wire.native) and kernel(server)["up"] == before + 1
    wire.native.clear()
    path.write_text('deny = "2001:db8:99::/48"\n')
    hangup(server, "changed: deny")
    alice.send(udp_packet(address, NATIVE), server)
    assert wire.until(lambda: kernel(server)["drop_deny"] == 1) and wire.native == []
    path.write_text("icmp-errors = false\n")
    hangup(server, "changed: deny, icmp-errors")
    alice.send(udp_packet(address[:14] + b"\0\1", NATIVE), server)
    assert wire.until(lambda: kernel(server)["limited"] == 1)
    path.write_text("")
    hangup(server, "changed: icmp-errors")
    new = bytes(range(100, 116))
    (server.folder / "key").write_text(f"pubtspd-keys 1\nkey {new.hex()}\n")
    hangup(server, r"(?s)counts from now on.*counts from now on")
    alice.send(udp_packet(address, NATIVE), server)
    assert alice.answer().data[40:42] == b"\x01\x05"
    assert wire.native == []
    alice.send(udp_packet(server.address(*ALICE, key=new), NATIVE), server)
    assert wire.until(lambda: wire.native)


def test_a_pinned_plane_outlives_the_process(wire, tmp_path):
    """Killed: packets pass while nobody is there, and when somebody is again; detach ends it."""
    folder = tmp_path / "bpf"
    folder.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
    try:
        server = wire.server(plane="xdp", pin=str(folder))
        alice = wire.peer(*ALICE)
        address = alice.create(server)
        wire.settle(server)
        server.kill()
        alice.send(udp_packet(address, NATIVE), server)
        wire.send_ipv6(udp_packet(NATIVE, address), server)
        assert alice.answer() is not None and wire.until(lambda: wire.native)
        server.start()
        assert alice.knows(server)
        wire.settle(server)
        server.process.stop()
        wire.native.clear()
        pin = ["--pin", folder, "detach"]
        assert inside(server, PYTHON, "-m", "tools.pubtspd", *pin) == (0, "2 detached\n")
        alice.send(udp_packet(address, NATIVE), server)
        assert not wire.until(lambda: wire.native, 0.3)
        assert inside(server, PYTHON, "-m", "tools.pubtspd", *pin) == (0, "nothing was attached\n")
    finally:
        subprocess.run(["umount", folder], check=True)


def test_auto_tells_why(wire):
    """One line: which plane, and why no other."""
    auto = {"plane": "auto", "interface-ipv4": "eth4", "interface-ipv6": "eth6"}
    server = wire.server(before=lambda server: server.settings.update(auto))
    lines = [one for one in server.process.output().splitlines() if "data plane:" in one]
    assert len(lines) == 1 and "portable (eth4 is a veth" in lines[0]
    assert status(server)["plane"] == "portable"
