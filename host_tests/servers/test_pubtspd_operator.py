# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd for its operator: reload, keys, drain, the control socket, metrics, the log."""

import json
import os
import re
import signal
import socket
import time

import pytest

from host_tests.servers.conversation import Conversation
from host_tests.servers.running import (
    ALICE,
    BOB,
    ask_create,
    command,
    configured,
    counters,
    hangup,
    inside,
    status,
)
from host_tests.servers.wire import NATIVE, PYTHON, environment, udp_packet

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]


# -- settings that change ------------------------------------------------------------------------


def test_reload_in_a_conversation(wire):
    """SIGHUP twenty times while voice passes: no packet is lost."""
    server, path = configured(wire)
    alice = wire.peer(*ALICE)
    talk = Conversation(wire, alice, alice.create(server), [server])

    def during(number):
        if number % 5 == 0:
            path.write_text(f"lifetime = {100 + number}\n")
            os.kill(server.process.pid, signal.SIGHUP)

    talk.run(100, during)
    assert talk.lost() == []
    assert server.process.output().count("settings read again") == 20
    assert counters(server)["up"] >= 100  # they go on counting


def test_reload_changes_what_is_allowed(wire):
    server, path = configured(wire)
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    path.write_text('deny = "203.0.113.0/24"\n')
    hangup(server, "settings read again; changed: deny")
    alice.send(udp_packet(address, NATIVE), server)
    assert ask_create(alice, server).code == 310
    assert wire.native == []
    path.write_text("")
    hangup(server, "(?s)changed: deny.*changed: deny")
    assert alice.create(server) == address
    assert alice.knows(server)


def test_bad_settings_leave_the_old_ones(wire):
    server, path = configured(wire, "hairpin = false\n")
    alice = wire.peer(*ALICE)
    alice.create(server)
    path.write_text("hairpin = 7\ncolour = 1\n")
    hangup(server, "the settings stay as they were")
    out = server.process.output()
    assert "hairpin = 7: it must be true or false" in out and "colour" in out
    path.write_text('tun = "another"\nhairpin = true\n')
    # the flags of the wire name no TUN device
    hangup(server, "tun: a change needs a restart")
    path.unlink()
    hangup(server, "No such file")
    assert alice.knows(server)
    alice.send(udp_packet(server.address(*ALICE), server.address(*BOB)), server)
    assert alice.answer().data[40:42] == b"\x01\x01"  # no hairpin, as before


def test_keys_are_read_again(wire):
    """A new key with the old one as previous: old addresses go on, new ones are of the new key."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    old = alice.create(server)
    key = server.folder / "key"
    new = bytes(range(100, 116))
    key.write_text(f"pubtspd-keys 1\nkey {new.hex()}\nprevious {wire.key.hex()}\n")
    hangup(server, r"(?s)counts from now on.*counts from now on")
    assert alice.create(server) == server.address(*ALICE, key=new) != old
    assert alice.knows(server)  # by the old address
    key.write_text("pubtspd-keys 1\nkey 00\n")
    hangup(server, "settings and keys stay as they were")
    assert alice.create(server) == server.address(*ALICE, key=new)
    key.write_text(f"pubtspd-keys 1\nkey {new.hex()}\n")
    hangup(server, r"(?s)(counts from now on.*){3}")
    alice.send(udp_packet(old, NATIVE), server)
    assert alice.answer().data[40:42] == b"\x01\x05"


def test_a_day_ends(wire, tmp_path):
    """Midnight UTC by the clock of the process alone: rotation, previous key, lifetime told."""
    from tools.pubtspd import keys as key_module

    key = tmp_path / "master"
    key.write_text("pubtspd-keys 1\nmaster " + "5a" * 32 + "\n")
    key.chmod(0o600)
    hook = tmp_path / "clock"
    hook.mkdir()
    # The process starts two and a half seconds before midnight.
    midnight = (int(time.time()) // 86400 + 1) * 86400
    (hook / "sitecustomize.py").write_text(
        "import time\n_real = time.time\n_offset = %d - 2.5 - _real()\n"
        "time.time = lambda: _real() + _offset\n" % midnight
    )
    server = wire.server(
        key_file=str(key),
        env={"PYTHONPATH": f"{hook}:{environment()['PYTHONPATH']}"},
    )
    alice = wire.peer(*ALICE)
    loaded = key_module.load(key)
    day = midnight // 86400
    first = ask_create(alice, server).info
    assert first.lifetime == 1 and first.client_ipv6 == server.address(
        *ALICE, loaded.of_day(day - 1)
    )
    server.process.wait_output(r"(?s)counts from now on.*counts from now on", 6)
    second = ask_create(alice, server).info
    assert second.lifetime == 1439 and second.client_ipv6 == server.address(
        *ALICE, loaded.of_day(day)
    )
    alice.send(udp_packet(first.client_ipv6, NATIVE), server)
    assert wire.until(lambda: wire.native)  # the day before is still good


# -- drain, control, metrics ---------------------------------------------------------------------


def test_drain_and_undrain(wire):
    """R-9: 1530 with the servers named, packets pass; a reload does not end it."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    assert command(server, "drain", "198.51.100.2", "tsp.example")[0] == 0
    reply = ask_create(alice, server)
    assert reply.code == 1530
    assert reply.brokers == [bytes((198, 51, 100, 2)), "tsp.example"]
    alice.send(udp_packet(address, NATIVE), server)
    assert wire.until(lambda: wire.native)
    hangup(server, "settings read again")
    assert ask_create(alice, server).code == 1530
    assert status(server)["draining"] == ["198.51.100.2", "tsp.example"]
    assert command(server, "undrain")[0] == 0
    assert alice.create(server) == address
    log = server.process.output()
    assert "draining: clients are sent to 198.51.100.2, tsp.example" in log
    assert "draining ends" in log


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["drain", "198.51.100.1"], "is this server"),
        (["drain", "nowhere at all"], "an IPv4 address or a domain name"),
        (["drain", "1.2.3"], "an IPv4 address or a domain name"),
        (["drain", *["198.51.100.2"] * 9], "1 to 8"),
    ],
)
def test_drain_refused(wire, words, says):
    server = wire.server()
    code, out = command(server, *words)
    assert code == 1 and says in out
    assert status(server)["draining"] == []


def test_control_socket_takes_anything(wire):
    """No request harms it: no JSON, no end, too long, nobody who reads; others are served."""
    server = wire.server()
    path = str(server.folder / "control")
    assert oct(os.stat(path).st_mode & 0o777) == "0o660"
    idle = [socket.socket(socket.AF_UNIX) for _ in range(7)]
    for one in idle:
        one.connect(path)
    drain = b'{"command":"drain","to":[1]}\n'
    for octets in (b"\n", b"[]\n", b"{}\n", b'{"command": 5}\n', b"\xff\xfe\n", drain,
                   b"[" * 4000 + b"\n", b"x" * 9000):  # fmt: skip
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(3)
            one.connect(path)
            try:
                one.sendall(octets)
                answer = one.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert answer == b"" or json.loads(answer)["ok"] is False
    for one in idle:
        one.close()
    assert status(server)["ok"]
    server.process.stop()
    code, out = command(server, "status")
    assert code == 1 and "is pubtspd running" in out
    assert not os.path.exists(path)


def test_a_killed_one_leaves_nothing_in_the_way(wire):
    """Section 7.8: killed and started again in a conversation, only the gap is lost."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    assert alice.knows(server)
    server.kill()
    assert (server.folder / "control").exists()
    code, out = inside(server, "ip", "link", "show", "pubtsp")
    assert code != 0 and "does not exist" in out
    server.start()
    assert alice.knows(server)  # nothing was asked for again
    assert alice.create(server) == address
    assert status(server)["ok"]


def test_metrics(wire):
    """What Prometheus reads: rules, planes, octets; no address of a client."""
    server = wire.server(metrics="127.0.0.1:9653")
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    packet = udp_packet(address, NATIVE)
    alice.send(packet, server)
    alice.send(udp_packet(server.address("203.0.113.78", 5), NATIVE), server)
    wire.send_ipv6(udp_packet(NATIVE, address), server)
    wire.send_ipv6(udp_packet(NATIVE, address[:14] + b"\0\0"), server)
    assert wire.until(lambda: len(alice.heard) == 2 and len(wire.native) == 2)
    code, text = inside(
        server, PYTHON, "-c",
        "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9653/metrics').read().decode())",
    )  # fmt: skip
    assert code == 0, text
    rows = dict(re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE))
    where = 'plane="portable",prefix="2001:db8:3653:1::/64"'
    assert float(rows[f'pubtspd_dropped_total{{{where},rule="U4"}}']) == 1
    assert float(rows[f'pubtspd_dropped_total{{{where},rule="D5"}}']) == 1
    assert float(rows[f'pubtspd_packets_total{{direction="up",{where}}}']) == 2  # an error is one
    up = float(rows[f'pubtspd_octets_total{{direction="up",{where}}}'])
    assert up == len(packet) + len(packet) + 48
    assert rows['pubtspd_plane{plane="portable"}'] == "1.0" and rows["pubtspd_up"] == "1.0"
    for secret in ("203.0.113", "cb00:714d", "54321", "2001:db8:99"):
        assert secret not in text


def test_no_traffic_log(wire):
    """Section 9, 3: neither packets nor requests nor addresses of clients are in the log."""
    server = wire.server()
    alice = wire.peer(*ALICE)
    address = alice.create(server)
    before = server.process.output()
    for data in (b"", b"\xf0", b"nonsense", b"\xf0\0\0\0\0\0\0\0VERSION=1\r\n", b"\x60" * 60):
        alice.send(data, server)
    alice.send(udp_packet(address, NATIVE), server)
    wire.settle(server)
    assert server.process.output() == before
