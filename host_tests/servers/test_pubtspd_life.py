# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd as a process: rights, what the machine refuses, self-test, TUN device, its end."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from host_tests.servers.running import (
    ALICE,
    counters,
    inside,
    status,
)
from host_tests.servers.wire import NATIVE, PYTHON, TOP, environment, udp_packet
from tools.lab import LabError
from tools.lab.process import Process

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]


# -- rights --------------------------------------------------------------------------------------


def test_rights_are_dropped(wire, tmp_path):
    """/proc/PID/status of the process that serves: another user, one capability, none to gain."""
    tmp_path.chmod(0o755)
    jail = tmp_path / "jail"
    jail.mkdir()
    server = wire.server(user="nobody", chroot=str(jail), metrics="127.0.0.1:9653")
    pid = server.process.pid
    rows = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert rows["Uid"].split() == ["65534"] * 4 and rows["Gid"].split() == ["65534"] * 4
    assert rows["Groups"].strip() == "" and rows["NoNewPrivs"] == "1"
    only_net_admin = "%016x" % (1 << 12)
    assert (rows["CapEff"], rows["CapPrm"], rows["CapBnd"]) == (only_net_admin,) * 3
    assert rows["CapInh"] == rows["CapAmb"] == "0" * 16
    assert os.readlink(f"/proc/{pid}/root") == str(jail)
    for task in Path(f"/proc/{pid}/task").iterdir():  # capabilities belong to threads
        assert f"CapEff:\t{only_net_admin}\n" in (task / "status").read_text()
    peer = wire.peer(*ALICE)
    peer.create(server)
    assert peer.knows(server)
    assert status(server)["ok"]


@pytest.mark.parametrize(("owner", "says"), [(0, True), (65534, False)])
def test_what_the_user_cannot_read_is_said_at_once(wire, owner, says):
    """The keys are root's alone: they count, but SIGHUP as another user will not find them."""
    for folder in (wire.folder, *list(wire.folder.parents)[:2]):
        folder.chmod(0o755)

    def give(server):
        key = server.folder / "key"
        key.write_text(f"pubtspd-keys 1\nkey {wire.key.hex()}\n")
        key.chmod(0o600)
        os.chown(key, owner, owner)
        server.folder.chmod(0o755)

    server = wire.server(user="nobody", before=give)
    assert wire.peer(*ALICE).create(server)
    words = "SIGHUP will change nothing: " + str(server.folder / "key") + ": Permission denied"
    assert (words in server.process.output()) == says


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--user", "nosuchuser"], "user = nosuchuser: there is no such user"),
        (["--group", "nosuchgroup"], "group = nosuchgroup: there is no such group"),
        (["--user", "nobody", "--chroot", "/no/such"], "chroot = /no/such: No such file"),
        (["--listen", "192.0.2.99"], "listen = 192.0.2.99, port 3653: Cannot assign"),
        (["--control", "/no/such/control"], "control = /no/such/control: No such file"),
        (["--key-file", "/no/such/key"], "/no/such/key: it cannot be made"),
        (["--tun", "eth4"], "an interface eth4 that is no TUN device"),
        (["--tun", "fd:77"], "Bad file descriptor"),
        (["--metrics", "192.0.2.99:9653"], "metrics = 192.0.2.99 port 9653"),
        (["--plane", "xdp", "--interface-ipv4", "none0"], "none0"),
    ],
)
def test_what_the_machine_refuses(wire, tmp_path, flags, words):
    """One line that names the setting, exit status 1, no traceback."""
    server = wire.server()
    server.kill()
    flags = dict(zip(flags[::2], flags[1::2], strict=True))
    values = {"--listen": "198.51.100.1", "--prefix": "2001:db8:3653:1::/64", "--control": "",
              "--key-file": str(tmp_path / "key"), "--martians": "lab", **flags}  # fmt: skip
    code, out = inside(
        server,
        PYTHON,
        "-m",
        "tools.pubtspd",
        *[f"{name}={value}" for name, value in values.items()],
    )
    assert code == 1 and words in out and "Traceback" not in out, out


def test_only_one_of_them(wire):
    server = wire.server()
    flags = ["--listen=198.51.100.1", "--prefix=2001:db8:3653:1::/64", "--tag=off", "--tun=other"]
    code, out = inside(server, PYTHON, "-m", "tools.pubtspd", *flags, "--control=")
    assert code == 1 and "Address already in use" in out


def test_one_command(wire):
    """Listen and prefix are enough, on a machine that has no folder of ours yet."""
    server = wire.server()
    server.kill()
    command = f"{PYTHON} -m tools.pubtspd --listen=198.51.100.1 --prefix=2001:db8:3653:1::/64"
    script = (
        "mount -t tmpfs none /var/lib && mount -t tmpfs none /run && "
        f"{{ timeout -s TERM 3 {command} & sleep 2; {PYTHON} -m tools.pubtspd status; "
        "ls -lR /var/lib /run; wait $!; }"
    )
    code, out = inside(server, "unshare", "-m", "sh", "-c", script)
    assert "ready" in out and "plane      portable" in out and "self-test  passes" in out, out
    assert re.search(r"-rw------- .* key\n", out) and re.search(r"srw-rw---- .* control\n", out)


# -- self-test, the TUN device -------------------------------------------------------------------


def test_self_test_takes_the_device_down_and_up(wire):
    """Section 8: what answers nobody is withdrawn: here the address is gone for a while."""
    server = wire.server(self_test="1")
    alice = wire.peer(*ALICE)
    alice.create(server)
    time.sleep(2.5)
    found = status(server)
    assert found["healthy"] and found["failures"] == 0
    assert counters(server)["echoes"] >= 2  # by the real socket
    inside(server, "ip", "addr", "del", "198.51.100.1/32", "dev", "eth4")
    server.process.wait_output("self-test failed, TUN device pubtsp goes down", 15)
    assert "UP" not in flags_of(server) and not status(server)["healthy"]
    inside(server, "ip", "addr", "add", "198.51.100.1/32", "dev", "eth4")
    server.process.wait_output("self-test passes again, TUN device pubtsp is up", 10)
    assert "UP" in flags_of(server)
    _, out = inside(server, "ip", "-6", "addr", "show", "dev", "pubtsp")
    assert "2001:db8:3653:1::1/64" in out
    assert status(server)["failures"] >= 3


def flags_of(server):
    _, out = inside(server, "ip", "link", "show", "pubtsp")
    return re.search(r"<(.*?)>", out)[1].split(",")


def test_watchdog_and_ready(wire, tmp_path):
    """What systemd hears: READY when it serves, WATCHDOG by self-tests, RELOADING, STOPPING."""
    path = tmp_path / "notify"
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(path))
    heard.settimeout(5)
    server = wire.server(
        self_test="1", env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "3000000"}
    )

    def until(word):
        for _ in range(20):
            text = heard.recv(4096).decode()
            if word in text:
                return text
        raise AssertionError(word)

    until("READY=1")
    until("WATCHDOG=1")
    os.kill(server.process.pid, signal.SIGHUP)
    assert "MONOTONIC_USEC=" in until("RELOADING=1")
    until("READY=1")
    server.process.stop()
    until("STOPPING=1")


def test_a_device_that_was_made_before(wire, tmp_path):
    """As in 2010: root makes the device, the server has no right at all."""
    server = wire.server()
    server.kill()
    for words in (
        "tuntap add made0 mode tun user root",
        "link set made0 mtu 1280 up",
        "addr add 2001:db8:3653:1::1/64 dev made0 nodad",
    ):
        assert inside(server, "ip", *words.split())[0] == 0
    key = server.folder / "key"
    started = Process(
        ["setpriv", "--inh-caps=-all", "--bounding-set=-all", PYTHON, "-m", "tools.pubtspd",
         "--listen=198.51.100.1", "--prefix=2001:db8:3653:1::/64",
         "--martians=lab", "--tun=made0", f"--key-file={key}", "--plane=portable",
         f"--control={tmp_path}/control"],
        tmp_path / "unprivileged.log", netns=server.netns, env=environment(), cwd=TOP,
    )  # fmt: skip
    try:
        started.wait_output("ready", 10)
        alice = wire.peer(*ALICE)
        address = alice.create(server)
        alice.send(udp_packet(address, NATIVE), server)
        assert wire.until(lambda: wire.native)
        wire.send_ipv6(udp_packet(NATIVE, address), server)
        assert alice.answer() is not None
    except LabError as error:
        raise AssertionError(started.output()) from error
    finally:
        started.stop()


def test_service_address_on_the_device(wire):
    """For BIRD: what the device has goes with it, by whatever end of the server."""
    server = wire.server(service_on_tun="true", before=without_address)
    _, out = inside(server, "ip", "-br", "addr", "show", "dev", "pubtsp")
    assert "198.51.100.1/32" in out and "2001:db8:3653:1::1/64" in out
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    alice.send(udp_packet(address, NATIVE), server)
    assert wire.until(lambda: wire.native)
    server.kill()
    _, out = inside(server, "ip", "route", "show", "table", "all")
    assert "198.51.100.1" not in out.replace("src 198.51.100.1", "")


def without_address(server):
    inside(server, "ip", "addr", "del", "198.51.100.1/32", "dev", "eth4")
    gateway = "192.0.2.254"
    inside(
        server, "ip", "neigh", "replace", gateway, "lladdr", "02:00:5e:10:00:01", "dev", "eth4",
        "nud", "permanent",
    )  # fmt: skip
    inside(server, "ip", "route", "replace", gateway, "dev", "eth4")
    inside(server, "ip", "route", "replace", "default", "via", gateway, "dev", "eth4")


def test_a_device_that_is_taken_away(wire):
    """Whoever deletes the device ends the server at once, without a spin; systemd starts it."""
    server = wire.server()
    assert inside(server, "ip", "link", "del", "pubtsp")[0] == 0
    assert server.process.wait(5) == 1
    assert "the TUN device is gone" in server.process.output()


def test_a_device_that_is_down(wire):
    """It costs nothing while it lasts, and ends without a trace."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    inside(server, "ip", "link", "set", "pubtsp", "down")
    alice.send(udp_packet(address, NATIVE), server)
    assert alice.knows(server)  # what needs no device goes on
    spent = cpu(server)
    time.sleep(1)
    assert cpu(server) - spent < 0.2
    assert counters(server)["not_written"] >= 1
    inside(server, "ip", "link", "set", "pubtsp", "up")
    inside(server, "ip", "addr", "replace", "2001:db8:3653:1::1/64", "dev", "pubtsp", "nodad")
    wire.settle(server)


def cpu(server):
    """Seconds of CPU time of the process."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end(wire, number):
    server = wire.server(metrics="127.0.0.1:9653")
    os.kill(server.process.pid, number)
    assert server.process.wait(5) == 0
    assert server.process.output().rstrip().endswith("stopped")
    assert inside(server, "ip", "link", "show", "pubtsp")[0] != 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "martians = lab: documentation addresses count as public"),
        ({"tag": "off"}, "tag = off: anybody can make this server send"),
    ],
)
def test_warnings_are_one_line(wire, settings, says):
    server = wire.server(**settings)
    lines = [line for line in server.process.output().splitlines() if says in line]
    assert len(lines) == 1


def test_forwarding_that_is_off_is_said(wire):
    server = wire.server(before=without_forwarding)
    assert "IPv6 forwarding is off" in server.process.output()


def without_forwarding(server):
    inside(server, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")
