# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64's process: handing over, reloading, telling, refusing, its rights, its end."""

import socket

import pytest

from host_tests.servers.mirror_house import (
    OTHER_PHONE,
    OTHER_SEEN,
    PEER,
    PEER_SEEN,
    PHONE,
    PHONE_SEEN,
    Neighbourhood,
    call,
    hang_up,
    line_of,
    open_lab,
    talk,
)

pytestmark = [pytest.mark.timeout(60), pytest.mark.needs_root]


@pytest.fixture(scope="module")
def place():
    """The neighbourhood that all tests here share."""
    with open_lab() as lab:
        yield Neighbourhood(lab)


@pytest.fixture
def phone(place):
    with place.telephone(place.phone_host, PHONE) as phone:
        yield phone


@pytest.fixture
def peer(place):
    with place.telephone(place.peer_host, PEER) as peer:
        yield peer


def test_hup_without_calls_is_the_end(place):
    place.fresh()
    place.signal("SIGHUP")
    assert place.mirror.process.wait(5) == 0


def test_reload(place, phone, peer):
    """A call goes on, a phone is added and taken away; a wrong file changes nothing."""
    place.fresh()
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    text = place.mirror.config.read_text()
    with place.telephone(place.phone_host, OTHER_PHONE) as other:
        other.options(PEER_SEEN)
        other.receive("SIP/2.0 403")
        place.mirror.config.write_text(text + f"map {OTHER_PHONE} = {OTHER_SEEN}\n")
        assert place.command("reload") == (0, "read again\n")
        other.options(PEER_SEEN)
        assert peer.receive("OPTIONS ")[1][0] == OTHER_SEEN
        peer.options(OTHER_SEEN)
        assert other.receive("OPTIONS ")[1][0] == PEER_SEEN
        place.mirror.config.write_text(text + f"map {OTHER_PHONE} = {PHONE_SEEN}\n")
        code, out = place.command("reload")
        assert code == 1 and "line 4" in out and "line 2" in out
        other.options(PEER_SEEN)
        peer.receive("OPTIONS ")
        place.mirror.config.write_text(text + "control /tmp/elsewhere\n")
        code, out = place.command("--control", str(place.mirror.control), "reload")
        assert code == 1 and "control stands in line 1 already" in out
        place.mirror.config.write_text(text)
        assert place.command("reload")[0] == 0
        other.options(PEER_SEEN)
        other.receive("SIP/2.0 403")
    talk(phone, peer, answer, offer)
    hang_up(phone, peer, PEER_SEEN, call_id)


def test_who_asks(place, phone, peer):
    """Status, calls, USR1, metrics, the line of a call: the same figures."""
    place.fresh("log calls on", "metrics 127.0.0.1:9464")
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    talk(phone, peer, answer, offer)
    found = place.status()
    assert (found["calls"], found["streams"], found["media_packets"]) == (1, 1, 6)
    assert found["counters"]["passed"] == 4
    out = place.command("calls")[1]
    assert f"{PHONE}:5060 to [{PEER}]:5060: answered, " in out and " 6 packets, 60 octets" in out
    place.signal("SIGUSR1")
    place.mirror.process.wait_output(r"1 calls, 1 streams, .*passed 4", 5)
    page = place.metrics(9464)
    assert (page["calls"], page["media_packets_total"]) == (1, 6)
    assert page["messages_totalpassed"] == 4
    hang_up(phone, peer, PEER_SEEN, call_id)
    assert f"INVITE alice {PHONE} to bob {PEER}: 200 OK\n" in place.log()
    assert "status" in place.command("--help")[1]


def test_without_being_asked_it_logs_no_call(place, phone, peer):
    place.fresh()
    call_id, _, _ = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    hang_up(phone, peer, PEER_SEEN, call_id)
    assert "alice" not in place.log() and PHONE not in place.log()


def test_strangers(place, peer):
    """Who is not in the table is refused, and soon not even answered; others are served."""
    place.fresh("limit strangers 5")
    with place.telephone(place.phone_host, OTHER_PHONE) as stranger:
        for i in range(40):
            stranger.options(PEER_SEEN, call_id=f"s{i}")
        refused = 0
        while not stranger.silent(0.2):
            stranger.receive("SIP/2.0 403")
            refused += 1
        assert 10 <= refused < 20  # a burst of two seconds
    assert peer.silent(0.1)
    assert place.status()["counters"]["throttled"] == 40 - refused


def test_table_full(place, phone, peer):
    """One stream allowed: the second call is told to come later, the first goes on."""
    place.fresh("limit streams 1")
    call_id, offer, answer = call(phone, peer, PEER_SEEN, PHONE_SEEN)
    with place.telephone(place.phone_host, PHONE, 5062) as second:
        second.invite(PEER_SEEN)
        refusal, _ = second.receive("SIP/2.0 503")
        assert int(line_of(refusal, "Retry-After:").split()[1]) > 0
    talk(phone, peer, answer, offer)
    hang_up(phone, peer, PEER_SEEN, call_id)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("map 192.0.2.9 = 192.0.2.10", "line 4: both addresses live on the same side"),
        ("map 192.0.2.9 = 2001:db8:1::64:11", "line 4 overlaps line 2"),
        ("colour blue", "line 4: colour: there is no such setting"),
    ],
)
def test_wrong_configuration(place, line, words):
    """It does not start, `check` says the same, and each says where."""
    place.mirror.stop()
    place.mirror.config.write_text(
        "\n".join([f"control {place.mirror.control}", *place.mirror.lines(), line]) + "\n"
    )
    for arguments in ((), ("check", str(place.mirror.config))):
        code, out = place.command(*arguments)
        assert code == 2 and words in out, out


def test_port_is_taken(place):
    place.fresh()
    place.mirror.stop()
    with place.mirror.host.socket() as other:
        other.bind((PHONE_SEEN, 5060))
        code, out = place.command()
        assert code == 1
        assert f"[{PHONE_SEEN}]:5060, UDP: Address already in use" in out


def test_systemd_is_told(place):
    place.mirror.stop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = place.mirror.folder / "notify"
        path.unlink(missing_ok=True)
        manager.bind(str(path))
        manager.settimeout(5)
        place.mirror.start(env={"NOTIFY_SOCKET": str(path)})
        assert manager.recv(4096).startswith(b"READY=1")
        assert place.command("reload")[0] == 0
        assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(4096) == b"READY=1"
        place.signal("SIGTERM")
        assert manager.recv(4096) == b"STOPPING=1"
        place.mirror.process.wait(5)
