# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Whole hosts behind NATs get IPv6 by `vox6 tunnel` and pubtspd, without any setting."""

import ipaddress
import os
import re
import time

import pytest

from host_tests.servers.tunnel_host import reach
from tools.lab import Capture
from tools.lab.capture import tshark

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def parts(address):
    """Prefix, IPv4 address and port in an address of PubTSP."""
    octets = ipaddress.IPv6Address(address).packed
    return (
        ipaddress.IPv6Network((octets[:8] + bytes(8), 64)),
        str(ipaddress.IPv4Address(octets[8:12])),
        int.from_bytes(octets[12:14], "big"),
    )


@pytest.mark.parametrize("kind", ["cone", "restricted", "symmetric"])
def test_behind_each_nat_a_host_has_ipv6_without_a_setting(net, operator, native, clients, kind):
    home = net.home(f"of-{kind}", kind=kind)
    home.set_servers(operator)
    host = home.host("host", dhcp=True)
    address = clients(host).wait_up()
    prefix, ipv4, port = parts(address)
    assert str(prefix) == operator.prefix
    assert ipv4 == home.public_address
    assert home.nat.ports[0] <= port <= home.nat.ports[1]
    reach(host, native.ipv6)
    reach(native, address)


def test_two_clients_reach_each_other_by_their_server(net, operator, clients):
    hosts = [net.home(name, kind="symmetric").host("host") for name in ("left", "right")]
    for home in ("left", "right"):
        net.homes[home].set_servers(operator)
    addresses = [clients(host, "--direct", "no").wait_up() for host in hosts]
    before = operator.counters()["down"]
    reach(hosts[0], addresses[1], count=5)
    reach(hosts[1], addresses[0], count=5)
    # Echoes and answers; besides, at most a few answers to keepalives.
    assert 20 <= operator.counters()["down"] - before < 30


def test_a_nat_that_changes_its_mapping_brings_a_new_address(net, operator, native, clients):
    """Acceptance test 8: within 2 s after the next packet."""
    home = net.home("moody")
    home.set_servers(operator)
    host = home.host("host")
    client = clients(host)
    old = client.wait_up()
    pinger = host.start(["ping", "-i0.1", "-c60", "-q", native.ipv6])
    time.sleep(2.1)  # a client asks its server at most once in 2 s
    capture = Capture(home.wan, "moody.pcap")
    home.rebind()
    new = client.wait_up(2, 5.0)
    pinger.wait(20.0)
    port = parts(new)[2]
    assert parts(new)[:2] == parts(old)[:2] and port != parts(old)[2]
    assert home.nat.ports[0] <= port <= home.nat.ports[1]
    rows = tshark(capture.stop(), f"udp.srcport == {port} || udp.dstport == {port}",
                  "frame.time_epoch", "udp.srcport", "udp.payload")  # fmt: skip
    first = next(float(row[0]) for row in rows if row[1] == str(port))
    answers = [
        float(row[0])
        for row in rows
        if row[1] == "3653" and row[2].startswith("6") and row[2][80:82] == "81"
    ]
    took = min(answers) - first
    print(f"from the first packet with the new port to the first echo reply: {1000 * took:.0f} ms")
    assert took < 2.0
    reach(native, new)


def test_a_server_that_restarts_loses_the_packets_of_the_gap(net, operator, native, clients):
    """Acceptance test 7: nothing of a client is lost with the process."""
    home = net.home("patient")
    home.set_servers(operator)
    host = home.host("host")
    client = clients(host)
    address = client.wait_up()
    pinger = host.start(["ping", "-i0.05", "-c100", native.ipv6])
    time.sleep(1.0)
    operator.kill()
    gone = time.monotonic()
    operator.start()
    gap = time.monotonic() - gone
    pinger.wait(20.0)
    answered = [int(one) for one in re.findall(r"icmp_seq=(\d+) ttl", pinger.output())]
    lost = 100 - len(answered)
    print(f"server away for {gap:.2f} s, {lost} of 100 packets lost, one each 50 ms")
    assert answered[-1] == 100  # it goes on as if nothing had been
    assert lost <= gap / 0.05 + 3
    assert client.ups()[-1][0] == address
    reach(native, address)


def test_a_drained_server_sends_its_clients_to_another(net, operator, native, clients):
    other = net.operator("spare")
    home = net.home("sent")
    home.set_servers(operator)
    host = home.host("host")
    operator.drain(other)
    try:
        address = clients(host).wait_up()
        assert str(parts(address)[0]) == other.prefix
        reach(native, address)
    finally:
        operator.undrain()


def test_the_kernel_carries_the_packets_of_an_operator_with_xdp(net, native, clients):
    fast = net.operator("fast", plane="xdp")
    home = net.home("fan")
    home.set_servers(fast)
    host = home.host("host")
    address = clients(host).wait_up()
    reach(host, native.ipv6)  # the kernel learns its neighbours by the portable plane
    (member,) = fast.ask("status")["members"]
    before = dict(member["counters"]["xdp"])
    reach(host, native.ipv6, count=20)
    reach(native, address, count=20)
    (member,) = fast.ask("status")["members"]
    after = member["counters"]["xdp"]
    assert after["up"] - before["up"] == 40
    assert after["down"] - before["down"] == 40
