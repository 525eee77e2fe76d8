# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The lab's Internet does what the tests that stand on it take for granted."""

import ipaddress
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.lab import Capture, Internet, LabError
from tools.lab.capture import tshark
from tools.lab.namespace import inside, netlink, remove_leftovers
from tools.panel.phones import TOP
from vox6 import dns
from vox6.crypto import provider
from vox6.dns import events

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def udp(host, address="", port=0, family=socket.AF_INET):
    """A UDP socket of a host, bound, with a short patience."""
    channel = host.socket(family)
    channel.bind((address, port))
    channel.settimeout(2.0)
    return channel


def silent(channel, seconds=0.3):
    """True when nothing comes."""
    channel.settimeout(seconds)
    try:
        channel.recvfrom(100)
    except TimeoutError:
        return True
    finally:
        channel.settimeout(2.0)
    return False


def ask(host, server, name, rtype):
    """Records of a name by lib/dns over a socket of a host; [] when there are none."""
    address = ipaddress.ip_address(server)
    packed = address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
    resolver = dns.Resolver(provider().random)
    resolver.set_servers([(packed, 53)], 0)
    resolver.resolve(name, rtype, 0)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with host.socket(family) as channel:
        channel.settimeout(2.0)
        for data, peer, transport, port in resolver.datagrams_to_send():
            assert transport == "UDP"
            channel.bind(("", port))
            channel.sendto(data, (server, 53))
            resolver.receive_datagram(channel.recv(2000), peer, 10, port)
    event = resolver.next_event()
    assert isinstance(event, events.Resolved | events.NotFound), event
    return event.records if isinstance(event, events.Resolved) else []


@pytest.fixture(scope="module")
def home(net):
    return net.home("home")


@pytest.fixture(scope="module")
def phone(home):
    return home.host("phone")


@pytest.fixture(scope="module")
def server(net):
    return net.host("server")


@pytest.fixture(scope="module")
def office(net):
    return net.office("office", dhcp6="stateless", options={59: "http://boot.example/phone"})


def test_a_home_reaches_the_world_and_its_addresses_stay_inside(home, phone, server):
    capture = Capture(home.wan, "wan.pcap")
    with udp(server, server.ipv4, 7000) as there, udp(phone, phone.ipv4, 3653) as here:
        here.sendto(b"hello", (server.ipv4, 7000))
        data, source = there.recvfrom(100)
        assert (data, source[0]) == (b"hello", home.public_address)
        there.sendto(b"answer", source)
        assert here.recv(100) == b"answer"
        assert [
            (one.inside, one.inside_port, one.public, one.public_port)
            for one in home.mappings()
            if one.remote_port == 7000
        ] == [(phone.ipv4, 3653, home.public_address, source[1])]
    path = capture.stop()
    assert len(tshark(path, "udp.port == 7000")) == 2
    assert tshark(path, "ip.addr == 192.0.2.0/24") == []


def test_nobody_reaches_a_home_unasked(home, phone, server):
    with udp(phone, phone.ipv4, 4000) as here, udp(server, server.ipv4) as there:
        for address, port in ((home.public_address, 4000), (phone.ipv4, 4000)):
            there.sendto(b"x", (address, port))
        assert silent(here)


def test_two_homes_have_the_same_lan_and_do_not_see_each_other(net, home, phone):
    other = net.home("other").host("phone")
    assert other.ipv4 == phone.ipv4
    with udp(other, other.ipv4, 4001) as there, udp(phone, phone.ipv4) as here:
        here.sendto(b"x", (net.homes["other"].public_address, 4001))
        here.sendto(b"x", (other.ipv4, 4001))  # its own address: it comes to itself
        assert silent(there)


@pytest.mark.parametrize(
    ("kind", "same_port", "stranger"),
    [("cone", True, True), ("restricted", True, False), ("symmetric", False, False)],
)
def test_kinds_of_nat(net, server, kind, same_port, stranger):
    home = net.home(kind, kind=kind)
    phone = home.host("phone")
    second = net.host(f"second-{kind}")
    with (
        udp(phone, phone.ipv4, 3653) as here,
        udp(server, server.ipv4, 7001) as one,
        udp(second, second.ipv4, 7002) as two,
        udp(second, second.ipv4, 7003) as third,
    ):
        here.sendto(b"x", (server.ipv4, 7001))
        first = one.recvfrom(100)[1]
        low, high = home.nat.ports
        assert low <= first[1] <= high
        third.sendto(b"stranger", first)
        assert silent(here) != stranger
        here.sendto(b"x", (second.ipv4, 7002))
        assert (two.recvfrom(100)[1] == first) == same_port
        # What a stranger sent before leaves the mapping as it was.
        here.sendto(b"x", (second.ipv4, 7003))
        assert (third.recvfrom(100)[1] == first) == same_port
        home.rebind()
        one.sendto(b"late", first)
        assert silent(here)
        here.sendto(b"x", (server.ipv4, 7001))
        again = one.recvfrom(100)[1]
        assert again[0] == first[0] and not low <= again[1] <= high
        one.sendto(b"answer", again)
        assert here.recv(100) == b"answer"


def test_two_hosts_behind_one_cone_meet_by_their_public_ports(net, server):
    """RFC 4787 REQ-9: hairpinning, with the public address as the source."""
    home = net.home("hairpin", kind="cone")
    one, two = home.host("one"), home.host("two")
    with (
        udp(one, one.ipv4, 4000) as first,
        udp(two, two.ipv4, 4000) as second,
        udp(server, server.ipv4, 7006) as there,
    ):
        mapped = []
        for channel in (first, second):
            channel.sendto(b"x", (server.ipv4, 7006))
            mapped.append(there.recvfrom(100)[1])
        assert mapped[0] != mapped[1]
        first.sendto(b"hello", mapped[1])
        assert second.recvfrom(100) == (b"hello", mapped[0])
        second.sendto(b"answer", mapped[0])
        assert first.recvfrom(100) == (b"answer", mapped[1])


def test_an_idle_mapping_ends(net, server):
    home = net.home("hasty", timeout_s=1)
    phone = home.host("phone")
    with udp(phone) as here, udp(server, server.ipv4, 7004) as there:
        here.sendto(b"x", (server.ipv4, 7004))
        source = there.recvfrom(100)[1]
        time.sleep(2.5)  # conntrack looks once a second
        there.sendto(b"late", source)
        assert silent(here)


def test_dhcp_gives_address_router_dns_and_domain(home):
    host = home.host("newcomer", dhcp=True)
    assert 100 <= int(host.ipv4.rpartition(".")[2]) <= 199
    assert home.wait_lease(host.mac, 0.1) == host.ipv4
    resolver = Path(host.env["VOX6_RESOLV_CONF"]).read_text()
    assert resolver == "domain home.example\nnameserver 192.0.2.1\n"
    host.run(["ping", "-c1", "-W2", "198.51.100.1"])


def test_names_are_answered_in_homes_and_offices(net, home, phone, office):
    net.dns.set_host("sip.home.example", "198.51.100.200", "2001:db8:0:1::5")
    net.dns.set_service(
        "_sip._udp.home.example", ("sip.home.example", 5060), ("sip2.home.example", 5070)
    )
    desk = office.host("asks")
    desk.wait_address()
    for host, resolver in (
        (phone, "192.0.2.1"),
        (desk, office.router_address),
        (desk, net.dns_ipv6),
    ):
        found = ask(host, resolver, "_sip._udp.home.example", dns.SRV)
        found.sort(key=lambda one: one.priority)
        assert [(one.target, one.port) for one in found] == [
            ("sip.home.example", 5060),
            ("sip2.home.example", 5070),
        ]
        found = ask(host, resolver, "sip.home.example", dns.AAAA)
        assert [one.address for one in found] == [ipaddress.ip_address("2001:db8:0:1::5").packed]
        found = ask(host, resolver, "sip.home.example", dns.A)
        assert [one.address[-4:] for one in found] == [bytes([198, 51, 100, 200])]
        assert ask(host, resolver, "nobody.example", dns.A) == []
    assert net.dns.queries().count("_sip._udp.home.example SRV") == 3


def test_no_ipv6_in_a_home_until_it_is_added(net, server):
    home = net.home("dual")
    phone = home.host("phone")
    with pytest.raises(LabError, match="no global IPv6"):
        phone.wait_address(2.0)
    prefix = home.add_ipv6()
    address = phone.wait_address()
    assert ipaddress.ip_address(address) in ipaddress.ip_network(prefix)
    phone.run(["ping", "-c1", "-W2", server.ipv6])
    phone.run(["ping", "-c1", "-W2", server.ipv4])
    home.withdraw_ipv6()
    deadline = time.monotonic() + 3.0
    while default_routes(phone):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def default_routes(host):
    with netlink(host.netns) as ip:
        return [
            row for row in ip.get_routes(family=socket.AF_INET6, table=254) if not row["dst_len"]
        ]


def test_an_office_has_ipv6_alone(office, phone, server):
    desk = office.host("desk")
    assert ipaddress.ip_address(desk.wait_address()) in office.prefix
    desk.run(["ping", "-c1", "-W2", server.ipv6])
    with pytest.raises(LabError):
        desk.run(["ping", "-c1", "-W1", server.ipv4])


def test_an_office_without_advertisements_gets_them_later(net, server):
    office = net.office("quiet", advertise=False)
    desk = office.host("desk")
    with pytest.raises(LabError, match="no global IPv6"):
        desk.wait_address(1.5)
    office.advertise()
    desk.wait_address()
    desk.run(["ping", "-c1", "-W2", server.ipv6])
    office.withdraw()
    deadline = time.monotonic() + 3.0
    while default_routes(desk):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("kind", "flags"), [(None, (0, 0)), ("stateless", (0, 1)), ("stateful", (1, 1))]
)
def test_flags_of_the_advertisement_say_what_dhcpv6_gives(net, kind, flags):
    office = net.office(f"flags-{kind}", advertise=False, dhcp6=kind)
    capture = Capture(office)
    desk = office.host("desk")
    office.advertise()
    desk.wait_address()
    path = capture.stop()
    rows = tshark(
        path,
        "icmpv6.type == 134",
        "icmpv6.nd.ra.flag.m",
        "icmpv6.nd.ra.flag.o",
        "icmpv6.opt.rdnss",
    )
    assert rows
    for managed, other, resolver in rows:
        assert (int(managed == "1"), int(other == "1")) == flags
        assert resolver == office.router_address


def test_the_relay_of_a_home_loses_ipv4_datagrams(home, phone, server):
    from tools.lab import Relay

    with Relay(home, phone.port) as relay, udp(server, server.ipv4, 7005) as there:
        relay.loss = 1.0
        with udp(phone) as here:
            here.sendto(b"x", (server.ipv4, 7005))
            assert silent(there)
            assert relay.lost == 1
            relay.loss = 0.0
            here.sendto(b"y", (server.ipv4, 7005))
            assert there.recv(100) == b"y"


def test_names_are_used_once(net, home):
    with pytest.raises(LabError, match="already"):
        net.home("home")
    with pytest.raises(LabError, match="already"):
        net.office("home")


_KILLED = """
import os, signal, sys
from pathlib import Path
from tools.lab import Internet
with Internet(Path(sys.argv[1])) as net:
    net.home("home").host("phone").start(["sleep", "1000"])
    net.office("office")
    print("up", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_lab_removes_what_a_killed_one_left(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path / "dead")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{TOP / 'build/path'}:{TOP}"},
    )
    output, _ = process.communicate(timeout=30)
    assert output == b"up\n"
    left = [one.name for one in Path("/run/netns").glob(f"vox6-{process.pid}-*")]
    assert len(left) == 7  # core, public; switch, router, phone; switch, router
    remove_leftovers()
    assert not list(Path("/run/netns").glob(f"vox6-{process.pid}-*"))
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in running.stdout


def test_everything_goes_with_the_with_block(tmp_path):
    with Internet(tmp_path) as net:
        phone = net.home("home").host("phone")
        sleeper = phone.start(["sleep", "1000"])
        ours = f"vox6-{os.getpid()}-{net.base.tag}*"
        names = [one.name for one in Path("/run/netns").glob(ours)]
        assert len(names) == 5  # core, public; switch, router, phone
    assert not sleeper.running()
    assert not [name for name in names if (Path("/run/netns") / name).exists()]
    with pytest.raises(OSError), inside(phone.netns):
        pass
