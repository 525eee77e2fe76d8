# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls while somebody else sends what nobody asked for (RFC 3261 sections 9.2, 12.2.2, 17, 18).

A stranger who does not know a dialog can change nothing in it. One who sits on the wire and
mangles messages can break a call, but never an agent: no exception leaves it, and nothing is left
over.
"""

import pytest

from host_tests.sim.couple import ANNA, BORIS, Couple, Failure, expected, explain
from host_tests.sim.plan import KINDS

MALLORY = (bytes.fromhex("20010db80000000000000000000000ee"), 5060)

_NEVER = 10**9


class Stranger:
    """Sends forged datagrams; `forge(random, seen)` makes each out of what went over the wire."""

    name = "mallory"

    def __init__(self, couple, forge, every_ms):
        self.couple = couple
        self.world = couple.world
        self.forge = forge
        self.every_ms = every_ms
        self.seen = []
        self.sent = 0
        self.answers = []
        self.world.attach(MALLORY[0], self)
        self._send = self.world.send
        self.world.send = self._overhear
        self.world.call_later(0, self._again)

    def _overhear(self, data, source, peer):
        self.seen.append((data, source, peer))
        if len(self.seen) > 200:
            del self.seen[:100]
        self._send(data, source, peer)

    def receive_datagram(self, data, peer, now):
        self.answers.append(data)

    def stop(self):
        self.every_ms = _NEVER

    def _again(self):
        if self.every_ms == _NEVER:
            return
        # thick while a call is up, thin while the world only waits for timers
        calls = self.couple.phones[0].calls or self.couple.phones[1].calls
        forged = self.forge(self.world.random, self.seen)
        if forged is not None and calls:
            data, source, peer = forged
            self.sent += 1
            self._send(data, source, peer)
        self.world.call_later(
            self.world.random.randint(0, 2 * self.every_ms) if calls else 5000, self._again
        )


def target(random):
    """One of the two phones: where it takes SIP, or somewhere in its RTP ports."""
    port = 5060 if random.random() < 0.8 else 4000 + 2 * random.randint(0, 30)
    return random.choice((ANNA, BORIS)), port


def junk(random, seen):
    """Octets of chance, and beginnings of messages with octets of chance behind them."""
    heads = (
        b"",
        b"INVITE ",
        b"INVITE sip:a@[2001:db8::aa] SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP [::1];branch=z9hG4bK1\r\nContent-Length: 9999\r\n",
        b"\r\n\r\n",
        b"\x80\x00",
        b"\x00\x01\x00\x00\x21\x12\xa4\x42",
    )
    length = random.choice((0, 1, 4, 30, 500, 7000))
    return random.choice(heads) + random.randbytes(length), MALLORY, target(random)


def _dialogless(random, method, seen):
    """A request that looks well and belongs to no dialog."""
    to = target(random)
    name = {ANNA: "anna", BORIS: "boris"}[to[0]]
    lines = [
        "%s sip:%s@[2001:db8::%s] SIP/2.0" % (method, name, "aa" if to[0] == ANNA else "bb"),
        "Via: SIP/2.0/UDP [2001:db8::ee];branch=z9hG4bK%08x;rport" % random.getrandbits(32),
        "Max-Forwards: 70",
        "From: <sip:mallory@[2001:db8::ee]>;tag=%x" % random.getrandbits(32),
        "To: <sip:%s@[2001:db8::aa]>;tag=%x" % (name, random.getrandbits(32)),
        "Call-ID: %x" % random.getrandbits(64),
        "CSeq: %d %s" % (random.randint(1, 99999), method),
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines).encode(), MALLORY, to


def stranger(random, seen):
    """BYE, CANCEL, ACK, re-INVITE and OPTIONS from somebody who knows no dialog."""
    method = random.choice(("BYE", "CANCEL", "ACK", "INVITE", "OPTIONS", "REFER", "NOSUCH"))
    return _dialogless(random, method, seen)


def half_informed(random, seen):
    """The Call-ID of a running call, but not its tags and branches; responses too."""
    if not seen:
        return None
    data = random.choice(seen)[0]
    call_id = None
    for line in data.split(b"\r\n"):
        if line.startswith(b"Call-ID:"):
            call_id = line
    if call_id is None:
        return None
    method = random.choice(("BYE", "CANCEL", "ACK", "INVITE"))
    forged, source, to = _dialogless(random, method, seen)
    lines = forged.split(b"\r\n")
    lines[5] = call_id
    if random.random() < 0.3:
        lines[0] = random.choice((b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy Here", b"SIP/2.0 180 X"))
    return b"\r\n".join(lines), source, to


def replay(random, seen):
    """What went over the wire before, once more, as it was, from where it came."""
    if not seen:
        return None
    return random.choice(seen)


def mangled(random, seen):
    """What went over the wire before with some octets changed, taken out or put in."""
    if not seen:
        return None
    data, source, peer = random.choice(seen)
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        what = random.random()
        if what < 0.4 and at < len(data):
            data[at] = random.choice((0, 10, 13, 32, 34, 58, 59, 60, 128, 255, data[at] ^ 1))
        elif what < 0.6:
            del data[at : at + random.choice((1, 2, 20, 4000))]
        elif what < 0.8:
            data[at:at] = random.randbytes(random.choice((1, 2, 20)))
        else:
            piece = bytes(data[at : at + random.randint(1, 60)])
            data[at:at] = piece * random.choice((1, 2, 30))
    if random.random() < 0.5:
        source = MALLORY
    return bytes(data[:8192]), source, peer


def swapped(random, seen):
    """Headers of one real message in another: right dialogs, wrong moments."""
    if len(seen) < 2:
        return None
    data, source, peer = random.choice(seen)
    other = random.choice(seen)[0].split(b"\r\n")
    lines = data.split(b"\r\n")
    for i in range(len(lines)):
        name = lines[i].partition(b":")[0]
        if random.random() < 0.15 and name:
            for line in other:
                if line.startswith(name + b":"):
                    lines[i] = line
    if random.random() < 0.1:
        lines[0] = other[0]
    return b"\r\n".join(lines), source, peer


def attacked(name, seed, calls, forge, every_ms=300, harmless=True):
    """Make calls while forged datagrams come; where they are harmless, all goes as planned."""
    couple = Couple(name, seed, encrypt=True)
    mallory = Stranger(couple, forge, every_ms)
    try:
        for i in range(calls):
            kind = KINDS[i % len(KINDS)]
            if harmless:
                mine, theirs = couple.call(kind)
                ends = (mine.outcome, theirs.outcome if theirs else None)
                if couple.world.link.loss == 0:
                    assert expected(kind, mine.plan, *ends), (kind, ends)
            else:
                couple.call_somehow(kind)
        mallory.stop()
        couple.check_idle()
    except Exception as error:
        raise Failure(explain(couple, repr(error))) from error
    assert mallory.sent > calls
    return couple, mallory


@pytest.mark.parametrize(
    "forge", [junk, stranger, half_informed], ids=lambda forge: forge.__name__
)
@pytest.mark.parametrize("name", ["perfect", "far"])
def test_strangers_change_nothing(name, forge):
    couple, mallory = attacked(name, 1, 26, forge)
    for phone in couple.phones:
        assert [text for text in phone.strange if text != "a call that nobody made"] == []


def test_a_stranger_is_told_481():
    """RFC 3261 sections 9.2 and 15.1.2: BYE and CANCEL that match nothing."""
    couple, mallory = attacked("perfect", 2, 13, stranger)
    statuses = {}
    for data in mallory.answers:
        lines = data.split(b"\r\n")
        status = lines[0].split(b" ")[1].decode()
        for line in lines:
            if line.startswith(b"CSeq:"):
                statuses.setdefault(line.split(b" ")[2].decode(), set()).add(status)
    # in its time CANCEL or BYE may find the agent full: then 503 or nothing
    assert "481" in statuses["BYE"] and statuses["BYE"] <= {"481", "503"}
    assert "481" in statuses["CANCEL"] and statuses["CANCEL"] <= {"481", "503"}
    assert "481" in statuses["INVITE"] and statuses["INVITE"] <= {"100", "481", "503"}
    assert "481" in statuses["REFER"] and statuses["REFER"] <= {"481", "503"}
    assert "501" in statuses["NOSUCH"] and statuses["NOSUCH"] <= {"501", "503"}
    assert "ACK" not in statuses


def test_replays_change_nothing():
    couple, mallory = attacked("perfect", 3, 39, replay)
    for phone in couple.phones:
        assert [text for text in phone.strange if text != "a call that nobody made"] == []


@pytest.mark.parametrize("forge", [mangled, swapped], ids=lambda forge: forge.__name__)
@pytest.mark.parametrize("name", ["perfect", "wireless"])
@pytest.mark.parametrize("seed", range(3))
def test_mangled_messages_break_no_agent(name, forge, seed):
    attacked(name, 10 + seed, 26, forge, 100, harmless=False)


@pytest.mark.soak
@pytest.mark.parametrize("forge", [mangled, swapped, replay], ids=lambda forge: forge.__name__)
def test_many(forge):
    for seed in range(100, 120):
        attacked("wireless", seed, 52, forge, 100, harmless=False)
