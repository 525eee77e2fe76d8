# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64-router, the static program without Python: calls, signals, ranges, refusals."""

import contextlib
import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

from host_tests.servers.mirror_house import (
    OTHER_PHONE,
    OTHER_SEEN,
    PEER,
    PEER_SEEN,
    PHONE,
    PHONE_SEEN,
    PROGRAM,
    Neighbourhood,
    Router,
    call,
    hang_up,
    line_of,
    open_lab,
    talk,
)

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]


@pytest.fixture(scope="module")
def place():
    """A neighbourhood whose mirror is the static program."""
    with open_lab() as lab:
        yield Neighbourhood(lab, Router)


def run(*words):
    """Run the program to its end; (status, what it said)."""
    done = subprocess.run(
        [PROGRAM, *words], capture_output=True, text=True, timeout=10, env={}, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_it_is_one_static_file():
    """No interpreter, no library, no symbols; smaller than its target."""
    octets = PROGRAM.read_bytes()
    assert len(octets) <= 600_000
    read = subprocess.run(["readelf", "-lSW", PROGRAM], capture_output=True, text=True, check=True)
    assert "INTERP" not in read.stdout and ".dynamic" not in read.stdout
    assert ".symtab" not in read.stdout and "LOAD" in read.stdout


def test_metrics(place, phones):
    """Prometheus is told the figures of a call, by the instance that has the SIP ports."""
    phone, peer = phones
    place.fresh("metrics 127.0.0.1:9464")
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    page = place.metrics(9464)
    assert (page["calls"], page["streams"], page["media_octets_total"]) == (1, 1, 60)
    assert page["messages_totalpassed"] == place.counter("passed") == 4
    old = place.mirror.process
    place.signal("SIGHUP")
    old.wait_output(r"the SIP ports are free", 5)
    place.mirror.start(["metrics 127.0.0.1:9464"])
    assert place.metrics(9464)["calls"] == 0
    old.stop()


def test_usr1_usr2_term(place, phones):
    """Counters and the call; another table while the call goes on, a wrong one not; the end."""
    phone, peer = phones
    place.fresh("log calls on")
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    place.signal("SIGUSR1")
    place.mirror.process.wait_output(r"1 calls, 1 streams, .*passed 4", 5)
    place.mirror.process.wait_output(r"call .* 6 packets, 60 octets", 5)
    assert f"INVITE alice {PHONE} to bob {PEER}: 200 OK\n" in place.log()
    text = place.mirror.config.read_text()
    with place.telephone(place.phone_host, OTHER_PHONE) as other:
        other.options(PEER_SEEN)
        other.receive("SIP/2.0 403")
        place.mirror.config.write_text(text + f"map {OTHER_PHONE} = {OTHER_SEEN}\n")
        place.signal("SIGUSR2")
        place.mirror.process.wait_output(r"was read again", 5)
        other.options(PEER_SEEN)
        assert peer.receive("OPTIONS ")[1][0] == OTHER_SEEN
        place.mirror.config.write_text(text + "colour blue\n")
        place.signal("SIGUSR2")
        place.mirror.process.wait_output(r"line 5: colour.*\n.*stays as it was", 5)
    talk(phone, peer, answer, offer)
    hang_up(phone, peer, PEER_SEEN, call_id)
    place.signal("SIGTERM")
    assert place.mirror.process.wait(5) == 0


def ask(place, *words):
    """Ask the mirror's control socket by its own program; (status, what it said)."""
    return run(*words, place.mirror.config)


def test_control_socket(place, phones):
    """Status, calls, another table, by the program itself and by siproxy64 of a host."""
    phone, peer = phones
    place.fresh("user nobody")
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    code, out = ask(place, "status")
    assert code == 0 and re.search(r"(?m)^calls +1$", out) and re.search(r"(?m)^passed +4$", out)
    assert place.command("status")[1].replace("\n", " ").split()[3:] == out.split()[3:]
    told = f"{PHONE}:5060 to [{PEER}]:5060: answered, "
    code, out = ask(place, "calls")
    assert code == 0 and out.startswith(told) and out.endswith(" s, 6 packets, 60 octets\n")
    assert place.calls()[0]["octets"] == 60
    text = place.mirror.config.read_text()
    place.mirror.config.write_text(text + f"map {OTHER_PHONE} = {OTHER_SEEN}\n")
    assert ask(place, "reload") == (0, "read again\n")
    assert place.status()["ports"] == 3 * 2
    place.mirror.config.write_text(text + "colour blue\n")
    code, out = ask(place, "reload")
    assert code == 1 and out.startswith("siproxy64: line 5: colour")
    hang_up(phone, peer, PEER_SEEN, call_id)
    place.mirror.config.write_text(text)
    old = place.mirror.process
    place.signal("SIGHUP")
    old.wait_output(r"the SIP ports are free", 5)
    assert ask(place, "status")[0] == 1
    place.mirror.start()
    code, out = ask(place, "status")
    assert code == 0 and re.search(r"(?m)^calls +0$", out)


def test_control_socket_of_strangers(place):
    """Octets that are no request; too many who ask; a path where there is something else."""
    place.fresh()
    path = str(place.mirror.control)
    said = {}
    for octets in (b"x\n", b"[1]\n", b"\xff\n", b"[" * 4000 + b"\n", b'{"command": "dance"}\n'):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)
            one.sendall(octets)
            said[octets] = json.loads(one.recv(4096))["error"]
    assert list(said.values()) == [
        "a request is one line of JSON",
        "a request is a JSON object",
        "a request is one line of JSON",
        "a request is one line of JSON",
        "there is no command dance",
    ]
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        late = stack.enter_context(socket.socket(socket.AF_UNIX))
        late.connect(path)
        late.settimeout(5)
        assert late.recv(1) == b""
    assert ask(place, "status")[0] == 0
    config = place.mirror.config
    code, out = run(config)  # as a second instance
    assert code == 1 and f"control {path}: " in out and "EADDRINUSE" in out
    place.mirror.process.kill()
    place.mirror.start()  # what a killed one has left behind is replaced
    assert ask(place, "status")[0] == 0
    file = place.lab.folder / "important"
    file.write_text("text")
    config.write_text(config.read_text().replace(path, str(file)))
    place.mirror.stop()
    for code, out in (run(config), place.command()):
        assert code == 1 and "control" in out
    assert file.read_text() == "text"


@pytest.mark.parametrize(
    ("lines", "user", "capabilities"),
    [([], 0, 0), (["user nobody", "anyip on"], 65534, 1 << 12)],
)
def test_rights(place, phones, lines, user, capabilities):
    """After the start it is whom it shall be, with CAP_NET_ADMIN at most, and serves."""
    phone, peer = phones
    place.fresh(*lines)
    process = Path(f"/proc/{place.mirror.process.pid}/status").read_text()
    assert line_of(process, "Uid:").split()[1:] == [str(user)] * 4
    if user:
        assert line_of(process, "Groups:").split()[1:] == []
    for name, value in (("Prm", capabilities), ("Eff", capabilities), ("Bnd", capabilities)):
        assert int(line_of(process, f"Cap{name}:").split()[1], 16) == value, name
    assert int(line_of(process, "NoNewPrivs:").split()[1]) == 1
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    hang_up(phone, peer, PEER_SEEN, call_id)


def test_64_streams(place, phones):
    """As many calls as there are streams, each with its voice; the next is told to come later."""
    _, peer = phones
    place.fresh("limit streams-per-party 64")
    with contextlib.ExitStack() as stack:
        talks = []
        for i in range(64):
            phone = stack.enter_context(place.telephone(place.phone_host, PHONE, 6000 + i))
            talks.append((phone, *call(phone, peer, PEER_SEEN, PHONE_SEEN)))
        for phone, _, offer, answer in talks:
            talk(phone, peer, answer, offer, 1)
        late = stack.enter_context(place.telephone(place.phone_host, PHONE, 6064))
        late.invite(PEER_SEEN)
        refusal, _ = late.receive("SIP/2.0 503")
        assert int(line_of(refusal, "Retry-After:").split()[1]) > 0
        place.signal("SIGUSR1")
        place.mirror.process.wait_output(r"64 calls, 64 streams", 5)
        for phone, call_id, _, _ in talks:
            hang_up(phone, peer, PEER_SEEN, call_id)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("map 192.0.2.9 = 192.0.2.10", "line 2: both addresses live on the same side"),
        ("plane xdp", "plane xdp: not in siproxy64-router"),
        ("pubtsp 192.0.2.300", "pubtsp: 192.0.2.300 is no IPv4 address"),
        ("pubtsp 2001:db8::1", "pubtsp: 2001:db8::1: servers are reached by IPv4"),
        ("pubtsp tsp.example.net martians no", "pubtsp: martians is one of strict"),
        ("pubtsp tsp.example.net 192.0.2.3 martians private", None),
        ("", None),
    ],
)
def test_check(tmp_path, line, words):
    file = tmp_path / "siproxy64.conf"
    file.write_text(f"map {PHONE} = {PHONE_SEEN}\n{line}\n")
    code, out = run("check", file)
    assert (code, out) == (0, f"siproxy64: {file}: good\n") if words is None else code == 2
    assert words is None or words in out


def test_wrong_arguments(tmp_path):
    assert run()[0] == 2
    assert "usage:" in run("--colour")[1]
    code, out = run(f"{PHONE}={PHONE_SEEN}", "/dev/null", "/dev/zero")
    assert code == 2 and "usage:" in out
    code, out = run(tmp_path / "none")
    assert code == 2 and "ENOENT" in out
    assert "nothing is mapped" in run("check", "/dev/null")[1]


def test_what_cannot_be_had(place):
    """Without rights no TUN device, no range; no folder for a secret. Each is said in one line."""
    place.fresh()
    place.mirror.stop()
    config, short = place.lab.folder / "other.conf", place.lab.folder / "short"
    short.write_bytes(bytes(31))
    short.chmod(0o644)
    for line, words in (
        ("pubtsp 192.0.2.3", "pubtsp: no TUN device: "),
        ("anyip on", "anyip on, 2001:db8:1::64:11/128: "),
        (f"secret {place.lab.folder}/none/secret", "secret "),
        (f"secret {short}", "32 octets at least"),
    ):
        config.write_text(f"map {PHONE} = {PHONE_SEEN}\n{line}\n")
        config.chmod(0o644)
        done = subprocess.run(
            ["ip", "netns", "exec", place.mirror.host.netns, "setpriv", "--reuid=nobody",
             "--clear-groups", "--inh-caps=-all", PROGRAM, config],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
        assert done.returncode == 1 and words in done.stderr, done
        assert done.stderr.count("\n") == 1, done


def test_port_is_taken(place):
    place.fresh()
    place.mirror.stop()
    with place.mirror.host.socket() as other:
        other.bind((PHONE_SEEN, 5060))
        words = ["ip", "netns", "exec", place.mirror.host.netns, PROGRAM, place.mirror.config]
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert f"[{PHONE_SEEN}]:5060, UDP" in done.stderr
