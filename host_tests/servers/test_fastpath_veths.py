# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The data plane in the kernel between real programs: ping, UDP, TCP by `vox6 tunnel` and pubtspd.

The daemon runs with its portable plane; the test attaches the kernel's plane in front of it, so
that it can look at its counters, change it, let it die. What the program passes, the daemon has.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tests.servers import kernel_plane
from host_tests.servers.veths import HOST, KEY, PREFIX, SERVICE, TOP, Veths, config, run
from tools.pubtspd import fastpath
from tools.pubtspd.fastpath import FastPath, FastPathUnavailable

NATIVE_AND_GENERIC = ("native", "generic")


@pytest.fixture(scope="module", autouse=True)
def built():
    return kernel_plane.need_object()


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """The namespaces as with network cards, the server, both clients."""
    with Veths(tmp_path_factory.mktemp("veths")) as net:
        net.start_server()
        net.one, net.two = net.start_client("one"), net.start_client("two")
        yield net


def attached(net, *interfaces, **more):
    """A FastPath on interfaces of the server, and its mode."""
    fast = FastPath(config(), **more)
    with net.inside("server"):
        mode = fast.attach(*interfaces)
    return fast, mode


def mode_of(net, interface):
    with net.inside("server"):
        return fastpath.mode_of(fastpath.arm_of(interface)[0])


def moved(fast, before):
    return {n: c - before.get(n, 0) for n, c in fast.counters().items() if c != before.get(n, 0)}


def check_traffic(net, fast, share=0.9):
    """All kinds of traffic, all ways; nearly all of it by the program."""
    before = fast.counters()
    assert net.ping("one", HOST) == 20
    assert net.ping("host", net.one) == 20
    assert net.ping("one", net.two) == 20  # hairpin
    assert net.ping("one", HOST, size=1232) == 20
    assert net.udp("one", "host", HOST) == 50
    assert net.udp("host", "two", net.two) == 50
    assert net.udp("two", "one", net.one, size=1231) == 50
    assert net.tcp("one", "host", HOST, 1_000_000) == 1_000_000
    assert net.tcp("host", "one", net.one, 1_000_000) == 1_000_000
    counted = moved(fast, before)
    assert counted["down"] > 190 and counted["up"] > 190, counted
    passed = sum(count for name, count in counted.items() if name.startswith("pass_"))
    forwarded = counted.get("up", 0) + counted.get("down", 0)
    assert forwarded > share * (forwarded + passed), counted
    return counted


@pytest.mark.parametrize("next_hops", (False, True), ids=("kernel's routes", "next hops"))
def test_native(net, next_hops):
    fast, mode = attached(net, "eth4", "eth6", next_hops=next_hops)
    try:
        assert mode == "native"
        assert fast.hints == []
        assert (mode_of(net, "eth4"), mode_of(net, "eth6")) == ("native", "native")
        net.ping("one", HOST, 2)  # neighbours
        net.ping("two", HOST, 2)
        with net.inside("server"):
            fast.maintain()
        check_traffic(net, fast)
    finally:
        fast.close()
    assert mode_of(net, "eth4") == ""
    assert net.ping("one", HOST) == 20  # the portable plane alone


_BRIDGE = """
link add br6 type bridge
link set br6 up
link set eth6 master br6
addr del 2001:db8:99::1/64 dev eth6
addr add 2001:db8:99::1/64 dev br6 nodad
route replace 2001:db8:100::/48 via 2001:db8:99::7
"""


def test_generic(net):
    """A bridge has no native XDP: the program runs, only later in the kernel."""
    name = net.names["server"]
    run("ip", "-n", name, "-batch", "-", text=_BRIDGE)
    fast = None
    try:
        fast, mode = attached(net, "eth4", "br6")
        assert mode == "generic"
        net.ping("one", HOST, 5, 0.2)
        before = fast.counters()
        assert net.ping("one", HOST) == 20
        assert net.udp("host", "one", net.one) == 50
        counted = moved(fast, before)
        assert counted["up"] >= 20 and counted["down"] >= 70
    finally:
        if fast is not None:
            fast.close()
        run("ip", "-n", name, "-batch", "-", text="""
link del br6
addr add 2001:db8:99::1/64 dev eth6 nodad
route replace 2001:db8:100::/48 via 2001:db8:99::7
""")  # fmt: skip
    assert net.ping("one", HOST, 5, 0.2) == 5


def test_keys_and_config_change_at_run_time(net):
    fast, _ = attached(net, "eth4", "eth6")
    try:
        new = bytes(range(1, 17))
        net.ping("one", HOST, 2)
        for keys, passes in (((new, KEY), True), ((new, None), False), ((KEY, new), True)):
            fast.set_keys(*keys)
            before = fast.counters()
            net.ping("one", HOST, 5)
            assert bool(moved(fast, before).get("up")) is passes
        other = config()
        other.deny = ((bytes((203, 0, 113, 10)), 32),)
        fast.set_config(other)
        assert net.ping("one", HOST, 3) == 0
        assert fast.counters()["drop_U1"] >= 3
        fast.set_config(config(), packet_rate=4)
        assert net.ping("one", HOST, 20) < 10
        assert fast.counters()["drop_rate"] > 5
        fast.set_config(config(), packet_rate=0)
        assert net.ping("one", HOST, 20) == 20
    finally:
        fast.close()


def test_pinned(net, tmp_path):
    """A daemon that is restarted while its link is pinned loses no packet."""
    folder = tmp_path / "bpf"
    folder.mkdir()
    with pytest.raises(FastPathUnavailable, match="mount -t bpf"):
        attached(net, "eth4", "eth6", pin=folder)
    run("mount", "-t", "bpf", "bpf", str(folder))
    try:
        first, mode = attached(net, "eth4", "eth6", pin=folder)
        assert mode == "native"
        net.ping("one", HOST, 2)
        pinger = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{net.names['one']}", "ping", "-6", "-q", "-c", "150",
             "-i", "0.01", "-W", "2", HOST],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(0.3)
        first.close()
        assert mode_of(net, "eth4") == "native"  # no daemon, packets pass
        time.sleep(0.3)
        second, mode = attached(net, "eth4", "eth6", pin=folder)
        assert mode == "native"
        assert " 0% packet loss" in pinger.communicate(timeout=20)[0]
        counters = second.counters()
        second.close()
        assert counters["up"] > 20, counters
        assert fastpath.detach_pinned(folder) == 2
        time.sleep(0.2)
        assert (mode_of(net, "eth4"), mode_of(net, "eth6")) == ("", "")
    finally:
        fastpath.detach_pinned(folder)
        run("umount", str(folder))


def test_neighbours_stay_resolved(net):
    """A router that only the program sends to is confirmed, and its new address taken."""
    for name in ("base_reachable_time_ms", "delay_first_probe_time"):
        value = 500 if name.endswith("ms") else 1
        net.sysctl("server", f"net.ipv4.neigh.eth4.{name}", value)
    fast, _ = attached(net, "eth4", "eth6", next_hops=True)
    world, server = net.names["world"], net.names["server"]

    def state():
        return run("ip", "-n", server, "neigh", "show", "192.0.2.1", "dev", "eth4").split()[-1]

    try:
        run("ip", "-n", server, "neigh", "flush", "dev", "eth4")
        deadline = time.monotonic() + 10
        seen = []
        while time.monotonic() < deadline and seen.count("REACHABLE") < 3:
            with net.inside("server"):
                fast.maintain()
            now = state()
            if seen[-1:] != [now]:
                seen.append(now)
            time.sleep(0.05)
        assert seen.count("REACHABLE") == 3, seen  # unused by the kernel, confirmed twice
        run("ip", "-n", world, "link", "set", "server", "address", "02:00:00:00:00:77")
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with net.inside("server"):
                fast.maintain()
            time.sleep(0.2)
            before = fast.counters()
            if net.ping("host", net.one, 2) == 2 and moved(fast, before).get("down") == 2:
                break
        else:
            raise AssertionError(f"still sends to the old address: {state()}")
    finally:
        fast.close()


def test_own_address(net):
    """What is for the machine itself is not redirected: the kernel has it, by the daemon."""
    fast, _ = attached(net, "eth4", "eth6")
    try:
        before = fast.counters()
        assert net.ping("one", "2001:db8:99::1", 5) == 5
        assert moved(fast, before)["pass_route"] == 5
    finally:
        fast.close()


_ONE_ARM = """
link add eth1 netns {host} type veth peer name host netns {world}
"""
_ONE_ARM_ROUTES = {
    "world": """
link set host up
addr add 2001:db8:98::1/64 dev host nodad
addr add 2001:db8:97::1/64 dev server nodad
route add 2001:db8:3653:1::/64 via 2001:db8:97::2
""",
    "host": """
link set eth1 up
addr add 2001:db8:98::7/64 dev eth1 nodad
route replace default via 2001:db8:98::1
""",
    "server": """
link set eth6 down
addr add 2001:db8:97::2/64 dev eth4 nodad
route add default via 2001:db8:97::1 dev eth4
""",
}


def test_one_armed(tmp_path):
    """One interface for both sides, one program on it; each frame leaves where it came from."""
    with Veths(tmp_path) as net:
        run("ip", "-batch", "-", text=_ONE_ARM.format(**net.names))
        for word, lines in _ONE_ARM_ROUTES.items():
            run("ip", "-n", net.names[word], "-batch", "-", text=lines)
        net.sysctl("world", "net.ipv6.conf.all.forwarding", 1)
        for word, interface in (("world", "host"), ("host", "eth1")):
            net.ethtool(word, interface, "gro", "on")
            net.ethtool(word, interface, "tx", "off")
        net.start_server()
        one = net.start_client("one")
        fast, mode = attached(net, "eth4", "eth4", next_hops=True)
        try:
            assert mode == "native"
            net.ping("one", "2001:db8:98::7", 3, 0.2)
            with net.inside("server"):
                fast.maintain()
            before = fast.counters()
            assert net.ping("one", "2001:db8:98::7") == 20
            assert net.udp("host", "one", one) == 50
            counted = moved(fast, before)
            assert counted["up"] >= 20 and counted["down"] >= 70
        finally:
            fast.close()
        assert mode_of(net, "eth4") == ""


def test_killed_daemon(tmp_path):
    """SIGKILL: the program is gone with the process, so that routes can be withdrawn (anycast)."""
    with Veths(tmp_path) as net:
        process = net.start_server("xdp")
        assert "xdp" in process.output() or "XDP" in process.output()
        assert (mode_of(net, "eth4"), mode_of(net, "eth6")) == ("native", "native")
        net.start_client("one")
        assert net.ping("one", HOST) == 20
        process.kill()
        deadline = time.monotonic() + 5
        while mode_of(net, "eth4") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (mode_of(net, "eth4"), mode_of(net, "eth6")) == ("", "")


def test_daemon_says_which_plane(tmp_path):
    """Generic where an interface has no native XDP; the portable plane alone, and why."""
    with Veths(tmp_path) as net:
        run("ip", "-n", net.names["server"], "-batch", "-", text=_BRIDGE)
        process = net.start_server("xdp", "--interface-ipv6=br6")
        process.wait_output(r"data plane: xdp generic \(XDP, generic, on eth4 and br6\)", 5)
        assert (mode_of(net, "eth4"), mode_of(net, "br6")) == ("generic", "generic")
        process.stop()
        process = net.start_server("auto")
        process.wait_output(r"data plane: portable \(eth4 is a veth", 5)
        process.stop()
        run("ip", "-n", net.names["server"], "link", "set", "eth4", "xdpgeneric", "obj",
            str(kernel_plane.OBJECT), "sec", "xdp")  # fmt: skip
        process = net.start("server", "third", "-m", "tools.pubtspd", f"--listen={SERVICE}",
            f"--prefix={PREFIX}/64", f"--key-file={tmp_path / 'key'}", "--martians=lab",
            "--plane=xdp", "--interface-ipv4=eth4", "--interface-ipv6=eth6",
        )  # fmt: skip
        assert process.wait(10) != 0
        assert "another XDP program is there already" in process.output()


def test_without_cards(tmp_path):
    """Checksum offload of veth left on, as in containers: slower, but nothing is broken."""
    with Veths(tmp_path, cards=False) as net:
        net.start_server()
        one = net.start_client("one")
        fast, mode = attached(net, "eth4", "eth6")
        try:
            assert mode == "native"
            assert net.ping("one", HOST) == 20
            assert net.udp("one", "host", HOST) == 50
            assert net.udp("host", "one", one) == 50
            assert net.tcp("host", "one", one, 100_000) == 100_000
            assert fast.counters()["pass_odd"] > 100
        finally:
            fast.close()


_AS_NOBODY = """
import sys
from host_tests.servers.veths import config
from tools.common import libbpf
from tools.common import privileges
from tools.pubtspd import fastpath
fast = fastpath.FastPath(config(), next_hops=True)
libbpf.library()
# DAC_READ_SEARCH (2): the object may lie in root's home
privileges.drop(65534, 65534, "", {2} | {int(word) for word in sys.argv[1].split(",") if word})
try:
    print(fast.attach("eth4", "eth6"), fast.hints)
    fast.set_keys(bytes(16), None)
    fast.maintain()
except fastpath.FastPathUnavailable as error:
    print("unavailable:", error)
"""


@pytest.mark.parametrize(
    "capabilities, says",
    (("39,12", "native []"), ("12", "CAP_BPF and CAP_NET_ADMIN"), ("", "CAP_BPF"), ("39", "CAP_")),
    ids=("BPF and NET_ADMIN", "NET_ADMIN", "none", "BPF"),
)
def test_as_nobody(net, capabilities, says):
    """uid 65534: CAP_BPF and CAP_NET_ADMIN suffice, CAP_PERFMON is not wanted."""
    done = subprocess.run(
        ["nsenter", f"--net=/run/netns/{net.names['server']}", sys.executable, "-c", _AS_NOBODY,
         capabilities],
        capture_output=True, text=True, cwd=TOP,
        env={**os.environ, "PYTHONPATH": f"{TOP / 'build' / 'path'}:{TOP}"},
    )  # fmt: skip
    assert says in done.stdout, done.stdout + done.stderr
    assert mode_of(net, "eth4") == ""


def test_reasons(net, monkeypatch, tmp_path):
    """What is missing is said, and nothing is left behind."""
    with pytest.raises(FastPathUnavailable, match="no interface with this name"):
        attached(net, "eth4", "eth9")
    monkeypatch.setattr(fastpath, "find_object", lambda: Path(tmp_path, "pubtsp.bpf.o"))
    with pytest.raises(FastPathUnavailable, match="cannot be opened"):
        attached(net, "eth4", "eth6")
    Path(tmp_path, "pubtsp.bpf.o").write_bytes(b"\x7fELF")
    with pytest.raises(FastPathUnavailable):
        attached(net, "eth4", "eth6")
    assert mode_of(net, "eth4") == ""
