# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: devices of Linux
"""tools/common/tun.py in a network namespace of its own: packets, addresses, routes, errors."""

import contextlib
import ctypes
import os
import select
import socket
import subprocess

import pytest
from pyroute2 import IPRoute

from host_tests.unit.tools.alone import alone
from tools.common import tun as tuns
from tools.common.tun import Tun, TunError

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]
OURS = "2001:db8:77::1"
PEER = "2001:db8:99::5"
NOBODY = 65534


def wait(device):
    return bool(select.select([device], [], [], 2.0)[0])


def udp(source, destination, payload):
    """An IPv6 packet with UDP of ports 7 to 9, its checksum right."""
    from vox6.pubtsp import ipv6

    source, destination = (socket.inet_pton(socket.AF_INET6, a) for a in (source, destination))
    segment = bytearray(b"\0\7\0\11" + (8 + len(payload)).to_bytes(2, "big") + b"\0\0" + payload)
    segment[6:8] = ipv6.checksum(source, destination, 17, bytes(segment)).to_bytes(2, "big")
    header = b"\x60\0\0\0" + len(segment).to_bytes(2, "big") + b"\x11\x40"
    return header + source + destination + bytes(segment)


@alone
def test_packets_both_ways():
    with Tun("vox6") as device, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as program:
        assert device.name == "vox6" and device.read() is None
        tuns.add_address(device.index, OURS)
        tuns.set_up(device.index)
        tuns.add_route(device.index, "::/0", metric=2048)
        program.bind(("::", 9))
        program.settimeout(2.0)
        program.sendto(b"out", (PEER, 7))
        assert wait(device)
        packet = device.read()
        assert packet[0] >> 4 == 6 and packet[8:24] == socket.inet_pton(socket.AF_INET6, OURS)
        assert packet[24:40] == socket.inet_pton(socket.AF_INET6, PEER) and packet[48:] == b"out"
        assert device.read() is None, "nothing else was sent: no solicitation, no link-local"
        program.settimeout(0.05)
        for _ in range(
            100
        ):  # the kernel makes the address's own route some time after the address
            assert device.write(udp(PEER, OURS, b"in"))
            with contextlib.suppress(TimeoutError):
                assert program.recvfrom(100)[0] == b"in"
                return
        raise AssertionError("nothing came in")


@alone
def test_no_packet_is_longer_than_the_mtu():
    with Tun("vox6", mtu=1280) as device, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out:
        tuns.add_address(device.index, OURS)
        tuns.set_up(device.index)
        tuns.add_route(device.index, "::/0")
        out.sendto(bytes(1300), (PEER, 7))
        assert wait(device)
        lengths = [len(device.read()), len(device.read())]
        assert max(lengths) <= 1280 and sum(lengths) > 1300, "two fragments"


@alone
def test_what_the_kernel_refuses_is_counted():
    with Tun("vox6") as device:
        assert not device.write(udp(PEER, OURS, b"the device is down"))
        tuns.set_up(device.index)
        assert not device.write(b"")
        assert device.counters["refused"] == 2


@alone
def test_addresses_and_routes_come_and_go():
    def flags(ip):
        rows = ip.get_addr(index=device.index, family=socket.AF_INET6)
        return {row.get_attr("IFA_ADDRESS"): row["flags"] & 0x20 for row in rows}

    def metrics(ip):
        rows = ip.get_routes(family=socket.AF_INET6, oif=device.index, table=254)
        return [row.get_attr("RTA_PRIORITY") for row in rows if row["dst_len"] == 0]

    with Tun("vox6") as device, IPRoute() as ip:
        tuns.add_address(device.index, OURS)
        tuns.set_up(device.index)
        assert flags(ip) == {OURS: 0}
        tuns.add_address(device.index, OURS, deprecated=True)
        assert flags(ip) == {OURS: 0x20}
        tuns.add_address(device.index, OURS)
        assert flags(ip) == {OURS: 0}
        tuns.add_route(device.index, "::/0", metric=2048)
        tuns.add_route(device.index, "::/0", metric=2048)
        assert metrics(ip) == [2048]
        with Tun("other") as other:
            tuns.set_up(other.index)
            with pytest.raises(TunError, match="metric 2048: File exists"):
                tuns.add_route(other.index, "::/0", metric=2048)
            assert metrics(ip) == [2048], "the route of another program stays"
        tuns.add_route(device.index, "::/0", metric=1, source=OURS)
        assert sorted(metrics(ip)) == [1, 2048]
        tuns.add_route(device.index, "::/0", metric=1, source=OURS)
        tuns.remove_route(device.index, "::/0", metric=1, source=OURS)
        assert metrics(ip) == [2048]
        tuns.remove_route(device.index, "::/0", metric=2048)
        tuns.remove_route(device.index, "::/0", metric=2048)
        assert metrics(ip) == []
        tuns.remove_address(device.index, OURS)
        tuns.remove_address(device.index, OURS)
        assert flags(ip) == {}
    with pytest.raises(OSError):
        socket.if_nametoindex("vox6")


@alone
def test_a_device_made_before_needs_no_right():
    subprocess.run(["ip", "tuntap", "add", "vox6", "mode", "tun", "user", str(NOBODY)], check=True)
    subprocess.run(["ip", "link", "set", "vox6", "mtu", "1280"], check=True)
    uid = ctypes.CDLL(None).syscall  # of this thread alone: setresuid of libc is of all threads
    assert uid(117, NOBODY, NOBODY, 0) == 0
    try:
        if os.access("/dev/net/tun", os.W_OK, effective_ids=True):
            with Tun("vox6") as device:
                assert device.name == "vox6"
            with pytest.raises(TunError, match="CAP_NET_ADMIN"):
                Tun("other")
        else:
            with pytest.raises(TunError, match="cannot open /dev/net/tun"):
                Tun("vox6")
    finally:
        assert uid(117, 0, 0, 0) == 0


@alone
def test_errors_say_what_is_wrong():
    subprocess.run(["ip", "link", "add", "pair0", "type", "veth", "peer", "pair1"], check=True)
    with pytest.raises(TunError, match="pair0.*no TUN"):
        Tun("pair0")
    with pytest.raises(TunError, match="at most 15"):
        Tun("a-name-much-too-long")
    with Tun("vox6-%d") as first, Tun("vox6-%d") as second:
        assert (first.name, second.name) == ("vox6-0", "vox6-1")
        with pytest.raises(TunError, match="vox6-0 is in use"):
            Tun("vox6-0")
        again = Tun(fd=os.dup(first.fileno()))
        assert again.name == "vox6-0"
        again.close()
    with open("/dev/null") as other, pytest.raises(TunError):
        Tun(fd=os.dup(other.fileno()))
    with pytest.raises(TunError, match="cannot set the address"):
        tuns.add_address(9999, OURS)
