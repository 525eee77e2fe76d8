# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""tools/pubtspd as a process: rights, reload, drain, self-test, keys, the TUN device, its end.

On the wire of wire.py, the portable plane; the rules themselves are in test_acceptance.py.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from host_tests.servers.conversation import Conversation
from host_tests.servers.frames import ETHERTYPE_IPV4, ones_sum
from host_tests.servers.wire import NATIVE, PYTHON, TOP, Wire, environment, udp_packet
from tools.lab import LabError
from tools.lab.namespace import inside as namespace
from tools.lab.process import Process
from vox6.pubtsp import ipv6
from vox6.pubtsp.messages import TunnelRequest, parse_reply

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(120)]
ALICE = ("203.0.113.77", 54321)
BOB = ("192.0.2.135", 40000)


@pytest.fixture
def wire(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Wire(tmp_path) as opened:
        yield opened


def inside(server, *words):
    """Run a program beside a server; (status, output)."""
    done = subprocess.run(
        ["ip", "netns", "exec", server.netns, *map(str, words)],
        capture_output=True, text=True, cwd=TOP, env={**os.environ, **environment()},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def command(server, *words):
    """`pubtspd --control ... WORDS`."""
    return inside(
        server, PYTHON, "-m", "tools.pubtspd", "--control", server.folder / "control", *words
    )


def status(server):
    code, out = command(server, "status", "--json")
    assert code == 0, out
    return json.loads(out)


def counters(server):
    return status(server)["members"][0]["counters"]["portable"]


def configured(wire, text="", **more):
    """A server whose settings stand in a file, for reload; (server, path)."""
    path = wire.folder / "pubtspd.conf"
    path.write_text(text)
    return wire.server(config=str(path), **more), path


def hangup(server, words):
    """SIGHUP, and wait for what the log says."""
    os.kill(server.process.pid, signal.SIGHUP)
    server.process.wait_output(words, 5)


def ask_create(peer, server):
    request = TunnelRequest("create", "v6udpv4", socket.inet_aton("192.0.2.20"), 30)
    return parse_reply(peer.ask(request.emit(192), server))


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
