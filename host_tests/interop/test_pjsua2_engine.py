# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip alone against pjproject's user agent on ::1: PRACK, UPDATE, re-INVITE, session timers.

What firmware does not use (reliable descriptions, offers before the answer) is tried here with
somebody else's idea of the same RFCs.
"""

import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vox6 import crypto, sip
from vox6.sip.message import Response, parse
from vox6.wire import parse_address

HOST = parse_address("::1")
_PEER = Path(__file__).with_name("pjsua2_peer.py")
_OFFER = (
    "v=0\r\no=- 7 %d IN IP%s\r\ns=-\r\nc=IN IP%s\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)
_BREATH_S = 0.4  # pjsua2 refuses commands while it is in a callback of its own thread


def description(number, address="6 ::1"):
    """Return a description; each has a number of its own."""
    return (_OFFER % (number, address, address)).encode()


def free_port():
    """Return a UDP port of ::1 that is free now."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return probe.getsockname()[1]


class Pair:
    """Our agent on a socket of ::1, and a pjsua2 beside it.

    log: what went (">") and came ("<"). events: those of ours that nobody has waited for.
    """

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::1", 0))
        provider = crypto.provider()
        self.agent = sip.Agent(provider, provider.random)
        self.start = time.monotonic()
        self.agent.set_local(HOST, self.socket.getsockname()[1], 0)
        self.peer = (HOST, free_port())
        self.events = []
        self.log = []
        self._lines = b""
        self.process = subprocess.Popen(
            [sys.executable, str(_PEER), str(self.peer[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.hear("ready", 20)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.socket.close()

    @property
    def now(self):
        return int((time.monotonic() - self.start) * 1000)

    def _note(self, way, data):
        message = parse(data)
        what = "%d" % message.status if isinstance(message, Response) else "request"
        self.log.append("%s %s %s" % (way, message.cseq.method, what))

    def _drain(self):
        for data, peer, _ in self.agent.datagrams_to_send():
            self._note(">", data)
            self.socket.sendto(data, ("::1", peer[1]))
        event = self.agent.next_event()
        while event is not None:
            self.events.append(event)
            event = self.agent.next_event()

    def run(self, condition, timeout_s):
        """Carry datagrams until a condition holds; return whether it came to."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self._drain()
            if condition():
                return True
            due = self.agent.get_timer()
            wait = 0.05 if due is None else max(0.0, min(0.05, (due - self.now) / 1000))
            ready = select.select([self.socket, self.process.stdout], [], [], wait)[0]
            if self.socket in ready:
                data, source = self.socket.recvfrom(65536)
                self._note("<", data)
                self.agent.receive_datagram(data, (HOST, source[1]), self.now)
            if self.process.stdout in ready:
                got = os.read(self.process.stdout.fileno(), 65536)
                assert got, "pjsua2 has ended"
                self._lines += got
            if due is not None and due <= self.now:
                self.agent.handle_timer(self.now)
        return False

    def hear(self, line, timeout_s=5):
        """Wait for a line of pjsua2's."""
        assert self.run(lambda: line.encode() + b"\n" in self._lines, timeout_s), self._lines

    def tell(self, line):
        """Have pjsua2 do something."""
        self.run(lambda: False, _BREATH_S)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, name, timeout_s=5):
        """Return the next event of a name, those before it forgotten."""

        def come():
            return any(type(event).__name__ == name for event in self.events)

        assert self.run(come, timeout_s), (name, self.events, self.log)
        while True:
            event = self.events.pop(0)
            if type(event).__name__ == name:
                return event


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.close()


def test_we_call(pair):
    agent = pair.agent
    agent.reliable = "required"
    agent.session_expires_s = 90
    uri = "sip:peer@[::1]:%d" % pair.peer[1]
    session = agent.invite(uri, pair.peer, pair.now, description(1))
    pair.hear("incoming")
    pair.tell("answer 183")
    progressed = pair.wait("CallProgressed")
    assert (progressed.status, progressed.reliable) == (183, True)
    assert progressed.body.startswith(b"v=0")
    pair.run(lambda: "< PRACK 200" in pair.log, 2)
    session.update(pair.now, description(2))
    early = pair.wait("OfferAnswered").body
    pair.tell("answer 200")
    answered = pair.wait("CallAnswered")
    assert (answered.agreed, answered.body) == (True, early)
    assert pair.log == [
        "> INVITE request", "< INVITE 100", "< INVITE 183", "> PRACK request", "< PRACK 200",
        "> UPDATE request", "< UPDATE 200", "< INVITE 200", "> ACK request",
    ]  # fmt: skip
    assert session.refresher().interval_s == 90
    session.update(pair.now, description(3))
    pair.wait("OfferAnswered")
    session.reinvite(pair.now, description(4))
    pair.wait("OfferAnswered")
    session.reinvite(pair.now, b"")
    assert pair.wait("OfferAnswered").body.startswith(b"v=0")
    session.acknowledge(pair.now, description(5))
    for what in ("update", "reinvite"):
        pair.tell(what)
        offered = pair.wait("OfferReceived")
        assert offered.body.startswith(b"v=0")
        session.accept_offer(pair.now, description(6))
        pair.run(lambda: not session.is_offering(), 2)
    assert not session.is_offering()
    session.bye(pair.now)
    assert pair.run(lambda: session.state == "Terminated", 5)
    pair.hear("state DISCONNECTED 200")


def test_it_calls(pair):
    pair.tell("call sip:us@[::1]:%d" % pair.socket.getsockname()[1])
    received = pair.wait("CallReceived")
    session = received.session
    # its media have no IPv6 by this binding; what descriptions say is not lib/sip's concern
    session.ring(pair.now, 183, description(1, "4 127.0.0.1"))
    session.ring(pair.now, 180, b"", True)
    pair.wait("ProvisionalAcknowledged")
    pair.wait("ProvisionalAcknowledged")
    session.update(pair.now, description(2, "4 127.0.0.1"))
    pair.wait("OfferAnswered")
    session.accept(pair.now, description(1, "4 127.0.0.1"))
    pair.wait("CallConfirmed")
    assert pair.log == [
        "< INVITE request", "> INVITE 183", "< PRACK request", "> PRACK 200", "> INVITE 180",
        "< PRACK request", "> PRACK 200", "> UPDATE request", "< UPDATE 200", "> INVITE 200",
        "< ACK request",
    ]  # fmt: skip
    assert (session.refresher().interval_s, session.refresher().ours) == (1800, False)
    pair.tell("hangup")
    pair.wait("CallEnded")


def test_longer_interval_and_a_success_that_waits(pair):
    pair.agent.min_se_s = 3600
    pair.tell("call sip:us@[::1]:%d" % pair.socket.getsockname()[1])
    session = pair.wait("CallReceived").session
    session.ring(pair.now, 183, description(1, "4 127.0.0.1"))
    session.accept(pair.now, description(1, "4 127.0.0.1"))
    pair.wait("CallConfirmed")
    assert pair.log == [
        "< INVITE request", "> INVITE 422", "< ACK request", "< INVITE request", "> INVITE 183",
        "< PRACK request", "> PRACK 200", "> INVITE 200", "< ACK request",
    ]  # fmt: skip
    assert session.refresher().interval_s == 3600
    session.bye(pair.now)
    assert pair.run(lambda: session.state == "Terminated", 5)


@pytest.mark.soak
def test_we_refresh(pair):
    """The refresh of a session timer, after 45 s."""
    pair.agent.session_expires_s = 90
    uri = "sip:peer@[::1]:%d" % pair.peer[1]
    session = pair.agent.invite(uri, pair.peer, pair.now, description(1))
    pair.hear("incoming")
    pair.tell("answer 200")
    pair.wait("CallAnswered")
    began = pair.now
    assert pair.run(lambda: "< UPDATE 200" in pair.log, 60)
    assert 44_000 < pair.now - began < 47_000
    session.bye(pair.now)
    assert pair.run(lambda: session.state == "Terminated", 5)
