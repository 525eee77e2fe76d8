# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What `vox6 tunnel` does to its host, and how it follows the host's network.

That tunnels work behind each NAT, after rebinding and restarts, is test_tunnel.py.
"""

import os
import re
import signal
import socket
import time

import pytest

from host_tests.servers.tunnel_host import (
    Listener,
    default_routes,
    everything,
    reach,
    settled,
    source_for,
    tunnel_addresses,
    wait,
)  # fmt: skip
from tools.lab.client import PATHS, TOP

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(120),
]
_DSCP_EF = 0xB8  # voice (RFC 3246), as a traffic class


class TestTheHost:
    def test_address_and_routes(self, net, operator, native, clients):
        host = net.home("simple").host("laptop")
        before = settled(host)
        client = clients(host)
        address = client.wait_up()
        assert wait(lambda: tunnel_addresses(host), "address") == {address: False}
        assert wait(lambda: default_routes(host), "route") == [("vox6", 2048)]
        assert source_for(host, native.ipv6) == address
        reach(host, native.ipv6)
        reach(native, address)
        mtu = re.search(r"vox6: .* mtu (\d+)", host.run(["ip", "link", "show", "dev", "vox6"]))
        assert mtu[1] == "1280"
        client.process.stop()
        assert client.process.wait(1) == 0
        assert everything(host) == before, "something was left behind"
        assert "Traceback" not in client.process.output()

    def test_sigkill_leaves_nothing_behind_either(self, net, operator, clients):
        host = net.home("killed").host("laptop")
        before = settled(host)
        client = clients(host)
        client.wait_up()
        client.process.kill()
        wait(lambda: everything(host) == before, "something was left behind")

    def test_servers_by_name_and_address(self, net, operator, native, clients):
        host = net.home("named").host("laptop")
        client = clients(host, "--server", "nobody.example", "--server", operator.domain)
        client.wait_up()
        assert client.ups()[0][1] == operator.ipv4
        assert "nobody.example has no IPv4 address: no such name" in client.process.output()
        reach(host, native.ipv6)

    def test_default_route_no_and_yes(self, net, operator, native, clients):
        home = net.home("routes")
        one, two = home.host("one"), home.host("two")
        clients(one, "--default-route", "no").wait_up()
        clients(two, "--default-route", "yes", "--metric", "77").wait_up()
        wait(lambda: tunnel_addresses(one), "address")
        assert wait(lambda: default_routes(two), "route") == [("vox6", 77)]
        assert default_routes(one) == []
        assert source_for(one, native.ipv6) is None
        # who has the address as source gets out all the same
        reach(one, native.ipv6, "-I", next(iter(tunnel_addresses(one))))

    def test_without_rights_it_says_what_is_missing(self, net, operator):
        host = net.home("rights").host("laptop")
        argv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all",
                _python(), "-m", "tools.vox6", "tunnel"]  # fmt: skip
        process = host.start(argv, env={"PYTHONPATH": PATHS}, cwd=TOP)
        assert process.wait(20) == 1
        text = process.output()
        assert "Error: " in text and "Traceback" not in text
        assert "run as root" in text and ("CAP_NET_ADMIN" in text or "/dev/net/tun" in text)

    def test_with_net_admin_alone_it_runs(self, net, operator, native):
        """What the systemd unit gives."""
        host = net.home("unit").host("laptop")
        argv = ["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all", "--no-new-privs",
                _python(), "-m", "tools.vox6", "tunnel", "--martians", "lab",
                "--resolv-conf", host.env["VOX6_RESOLV_CONF"]]  # fmt: skip
        process = host.start(argv, env={"PYTHONPATH": PATHS}, cwd=TOP)
        process.wait_output(r"up: (\S+) by", 15)
        process.wait_output("the default route is ours", 5)
        reach(host, native.ipv6)
        process.stop()
        assert process.wait(1) == 0 and tunnel_addresses(host) is None

    def test_a_device_in_use_is_said(self, net, operator, clients):
        host = net.home("twice").host("laptop")
        clients(host).wait_up()
        argv = [_python(), "-m", "tools.vox6", "tunnel"]
        process = host.start(argv, log="second.log", env={"PYTHONPATH": PATHS}, cwd=TOP)
        assert process.wait(20) == 1
        assert (
            process.output().strip() == "Error: the TUN device vox6 is in use by another program"
        )

    def test_a_device_that_is_taken_away_ends_it_with_words(self, net, operator, clients):
        host = net.home("taken").host("laptop")
        client = clients(host)
        client.wait_up()
        host.run(["ip", "link", "del", "vox6"])
        assert client.process.wait(5) == 1
        assert "Error: the TUN device vox6" in client.process.output()
        assert "Traceback" not in client.process.output()

    def test_signals(self, net, operator, clients):
        host = net.home("signals").host("laptop")
        client = clients(host)
        address = client.wait_up()
        os.kill(client.process.pid, signal.SIGHUP)
        client.process.wait_output("asking the server anew", 5)
        os.kill(client.process.pid, signal.SIGUSR1)
        found = client.process.wait_output(r"tunnel (\w+), server (\S+), T 28 s, changes 0", 5)
        assert found[2] == operator.ipv4
        client.process.wait_output(rf"address {address}; .*echoes=[1-9]", 5)
        time.sleep(0.3)
        assert len(client.ups()) == 1, "the same address: nothing changed"


def _python():
    return str(TOP / "build" / "venv" / "bin" / "python")


class TestTheSocket:
    def test_traffic_class_df_and_port(self, net, operator, native, clients):
        home = net.home("classes")
        host = home.host("laptop")
        address = clients(host).wait_up()
        wait(lambda: tunnel_addresses(host), "address")
        listener = Listener(host.netns, "eth0")
        with host.socket() as voice:
            voice.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _DSCP_EF)
            voice.bind((address, 0))
            voice.sendto(b"voice", (native.ipv6, 9))
        found = wait(
            lambda: [one for out, one in listener.seen() if out and one.data.endswith(b"voice")],
            "the packet",
        )
        (datagram,) = found
        assert datagram.tos == _DSCP_EF
        assert not datagram.dont_fragment and datagram.source[1] >= 1024 != 3653
        assert datagram.destination == (operator.ipv4, 3653)

    def test_cheap_keepalives_end_behind_the_nat(self, net, operator, clients):
        """X-2: an empty datagram from the same port, which the server never hears."""
        home = net.home("cheap")
        host = home.host("laptop")
        listener = Listener(home.router.netns, "wan")
        before = operator.counters().get("keepalives", 0)
        client = clients(host, "--cheap-keepalive", "1", "--cheap-hop-limit", "2")
        start = time.monotonic()
        client.wait_up()
        time.sleep(2.6)
        elapsed = time.monotonic() - start
        seen = [one for out, one in listener.seen() if out and one.destination[1] == 3653]
        cheap = [one for one in seen if not one.data]
        assert 2 <= len(cheap) <= elapsed and {one.ttl for one in cheap} == {1}
        assert {one.source for one in cheap} == {one.source for one in seen if one.data}
        assert operator.counters().get("keepalives", 0) == before


class TestOtherNetworks:
    def test_native_ipv6_that_appears_and_goes(self, net, operator, native, clients):
        """Section 6.3: new flows are native, those of before go on in the tunnel."""
        home = net.home("grows")
        host = home.host("laptop")
        client = clients(host)
        address = client.wait_up()
        wait(lambda: default_routes(host) == [("vox6", 2048)], "our default route")
        with host.socket() as old, native.socket() as peer:
            peer.bind((native.ipv6, 7000))
            peer.settimeout(3)
            old.connect((native.ipv6, 7000))
            home.add_ipv6()
            own = host.wait_address()
            client.process.wait_output("native IPv6 is there", 10)
            wait(lambda: tunnel_addresses(host) == {address: True}, "deprecated")
            wait(lambda: [name for name, _ in default_routes(host)] == ["eth0"], "native route")
            assert source_for(host, native.ipv6) == own
            reach(host, native.ipv6)
            old.send(b"of before")
            assert peer.recvfrom(100)[1][0] == address, "the old flow is in the tunnel"
            with host.socket() as new:
                new.sendto(b"new", (native.ipv6, 7000))
                assert peer.recvfrom(100)[1][0] == own
        home.withdraw_ipv6()
        client.process.wait_output("native IPv6 is gone", 15)
        wait(lambda: tunnel_addresses(host) == {address: False}, "preferred again")
        wait(lambda: ("vox6", 2048) in default_routes(host), "our default route again")
        reach(host, native.ipv6)

    def test_it_rests_beside_native_ipv6_and_comes_back(self, net, operator, native, clients):
        home = net.home("rests")
        host = home.host("laptop")
        client = clients(host, "--linger", "2")
        client.wait_up()
        home.add_ipv6()
        client.process.wait_output("nothing uses the tunnel: it rests", 15)
        wait(lambda: tunnel_addresses(host) == {}, "no address")
        reach(host, native.ipv6)
        home.withdraw_ipv6()
        client.wait_up(2)
        wait(lambda: ("vox6", 2048) in default_routes(host), "our default route")
        reach(host, native.ipv6)

    def test_another_ipv4_address(self, net, operator, native, clients):
        """A laptop that moves: the way to the server is another one."""
        host = net.home("moves").host("laptop")
        client = clients(host)
        client.wait_up()
        host.remove_address(host.ipv4, 24)
        host.set_address("192.0.2.77", 24)
        host.set_default_route("192.0.2.1")
        client.process.wait_output("our IPv4 address is 192.0.2.77", 10)
        client.wait_up(2)
        wait(lambda: default_routes(host) == [("vox6", 2048)], "our default route")
        reach(host, native.ipv6)

    def test_a_network_that_comes_later(self, net, operator, native, clients):
        """Started before there is any IPv4, as at boot."""
        home = net.home("later")
        host = home.host("laptop")
        host.run(["ip", "link", "set", "eth0", "down"])
        client = clients(host)
        client.process.wait_output("there is no way to the server by IPv4", 10)
        host.run(["ip", "link", "set", "eth0", "up"])
        host.set_default_route("192.0.2.1")
        client.wait_up()
        wait(lambda: default_routes(host), "our default route")
        reach(host, native.ipv6)
