# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/sip against two agents of pjproject on ::1: transfers in each role, keys by INFO, texts.

pjsua2 as transferee and as target does by itself what it is asked for.
"""

import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tests.interop.test_pjsua2_engine import HOST, description, free_port
from vox6 import crypto, sip
from vox6.sip import dtmf
from vox6.sip.uri import URI

_PEER = Path(__file__).with_name("pjsua2_peer.py")
_BREATH_S = 0.4  # pjsua2 refuses commands while it is in a callback of its own thread
_IPV4 = "4 127.0.0.1"  # its offers have no IPv6 by this binding


class Peer:
    """One pjsua2, or another program that does what lines say. env: added to its environment."""

    def __init__(self, script=_PEER, **env):
        self.port = free_port()
        self.uri = "sip:peer@[::1]:%d" % self.port
        self.lines = b""
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(self.port)],
            env=dict(os.environ, **env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Trio:
    """Our agent on a socket of ::1, and two pjsua2 beside it. events: since the last `wait`."""

    def __init__(self, peers=None):
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::1", 0))
        self.uri = "sip:us@[::1]:%d" % self.socket.getsockname()[1]
        provider = crypto.provider()
        self.agent = sip.Agent(provider, provider.random)
        self.start = time.monotonic()
        self.agent.set_local(HOST, self.socket.getsockname()[1], 0)
        self.events = []
        self.peers = [Peer(), Peer()] if peers is None else peers
        for peer in self.peers:
            self.hear(peer, "ready", 20)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.socket.close()

    @property
    def now(self):
        return int((time.monotonic() - self.start) * 1000)

    def _drain(self):
        for data, peer, _ in self.agent.datagrams_to_send():
            self.socket.sendto(data, ("::1", peer[1]))
        event = self.agent.next_event()
        while event is not None:
            self.events.append(event)
            event = self.agent.next_event()

    def run(self, condition, timeout_s):
        """Carry datagrams until a condition holds; return whether it came to."""
        outputs = {peer.process.stdout: peer for peer in self.peers}
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self._drain()
            if condition():
                return True
            for ready in select.select([self.socket, *outputs], [], [], 0.05)[0]:
                if ready is self.socket:
                    data, source = self.socket.recvfrom(65536)
                    self.agent.receive_datagram(data, (HOST, source[1]), self.now)
                else:
                    got = os.read(ready.fileno(), 65536)
                    assert got, "pjsua2 has ended"
                    outputs[ready].lines += got
            due = self.agent.get_timer()
            if due is not None and due <= self.now:
                self.agent.handle_timer(self.now)
        return False

    def hear(self, peer, line, timeout_s=5):
        """Wait for a line of a pjsua2."""
        wanted = line.encode() + b"\n"
        assert self.run(lambda: wanted in peer.lines, timeout_s), peer.lines

    def tell(self, peer, line):
        """Have a pjsua2 do something."""
        self.run(lambda: False, _BREATH_S)
        peer.process.stdin.write(line.encode() + b"\n")
        peer.process.stdin.flush()

    def wait(self, name, timeout_s=5):
        """Return the next event of a name, those before it forgotten."""

        def come():
            return any(type(event).__name__ == name for event in self.events)

        assert self.run(come, timeout_s), (name, self.events)
        while True:
            event = self.events.pop(0)
            if type(event).__name__ == name:
                return event

    def call(self, peer):
        """Call a pjsua2; return the session that stands."""
        session = self.agent.invite(peer.uri, (HOST, peer.port), self.now, description(1))
        self.hear(peer, "incoming")
        self.tell(peer, "answer 200")
        self.wait("CallAnswered")
        return session

    def be_called(self, peer):
        """Be called by a pjsua2; return the session that stands."""
        self.tell(peer, "call " + self.uri)
        session = self.wait("CallReceived").session
        session.accept(self.now, description(1, _IPV4))
        self.wait("CallConfirmed")
        return session

    def follow(self, referral):
        """Do as we are referred, and tell of it; return the new session."""
        referral.accept(self.now)
        peer = URI.parse(referral.refer_to).peer()
        session = self.agent.invite(
            referral.refer_to,
            peer,
            self.now,
            description(2),
            replaces=referral.replaces,
            referred_by=referral.referred_by,
        )
        return session

    def end(self):
        """Hang up everything; nothing may be left in our agent."""
        for session in list(self.agent.sessions.values()):
            session.bye(self.now)

        def idle():
            return not self.agent.sessions and not self.agent.subscriptions

        assert self.run(idle, 5), self.agent.debug()


@pytest.fixture
def trio():
    trio = Trio()
    yield trio
    trio.close()


def test_we_transfer(trio):
    one, two = trio.peers
    session = trio.call(one)
    session.refer(trio.now, two.uri)
    assert trio.wait("TransferProgressed").status == 202
    trio.hear(two, "incoming")
    trio.tell(two, "answer 200")
    assert trio.wait("TransferDone").status == 200
    trio.hear(two, "state CONFIRMED 200")
    trio.end()


def test_we_transfer_to_somebody_busy(trio):
    one, two = trio.peers
    session = trio.call(one)
    session.refer(trio.now, two.uri)
    trio.hear(two, "incoming")
    trio.tell(two, "answer 486")
    assert trio.wait("TransferDone").status == 486
    assert session.state == "Confirmed"
    session.reinvite(trio.now, description(3))
    trio.wait("OfferAnswered")
    trio.end()


def test_we_transfer_attended(trio):
    one, two = trio.peers
    session = trio.call(one)
    second = trio.call(two)
    session.refer(trio.now, "", second)
    assert trio.wait("TransferDone").status == 200
    assert trio.run(lambda: second.state == "Terminated", 5)  # two has left it for one's call
    trio.end()


def test_it_transfers_us(trio):
    one, two = trio.peers
    session = trio.be_called(one)
    trio.tell(one, "transfer 0 " + two.uri)
    referral = trio.wait("ReferReceived").referral
    assert (referral.session, referral.refer_to, referral.replaces) == (session, two.uri, None)
    call = trio.follow(referral)
    trio.hear(two, "incoming")
    trio.tell(two, "answer 200")
    trio.wait("CallAnswered")
    referral.progress(trio.now, 200)
    assert trio.run(lambda: not trio.agent.subscriptions, 5)  # it took the last NOTIFY
    assert call.state == "Confirmed"
    trio.end()


def test_it_transfers_us_attended(trio):
    one, two = trio.peers
    trio.be_called(one)
    trio.tell(one, "call " + two.uri)
    trio.hear(two, "incoming")
    trio.tell(two, "answer 200")
    trio.hear(two, "state CONFIRMED 200")
    trio.tell(one, "attended 0 1")
    referral = trio.wait("ReferReceived").referral
    assert referral.replaces is not None
    call = trio.follow(referral)
    trio.wait("CallAnswered")  # by itself: it replaces the call that two has with one
    referral.progress(trio.now, 200)
    trio.hear(two, "state DISCONNECTED 410")
    assert call.state == "Confirmed"
    trio.end()


def test_we_are_the_target(trio):
    one, two = trio.peers
    trio.tell(one, "call " + two.uri)
    trio.hear(two, "incoming")
    trio.tell(two, "answer 200")
    trio.hear(two, "state CONFIRMED 200")
    held = trio.be_called(one)
    trio.tell(one, "attended 0 1")
    received = trio.wait("CallReceived")
    assert received.replaces is held
    assert received.referred_by
    received.session.accept(trio.now, description(2, _IPV4))
    trio.wait("CallConfirmed")
    assert trio.run(lambda: held.state == "Terminated", 5)
    assert received.session.state == "Confirmed"
    trio.end()


def test_keys_and_texts(trio):
    one, _ = trio.peers
    session = trio.be_called(one)
    for event in (5, 10, 11):
        session.info(trio.now, dtmf.RELAY, dtmf.emit(event))
    for key in "5*#":
        trio.hear(one, "key " + key)
    assert [trio.wait("InfoAnswered").status for _ in range(3)] == [200] * 3
    trio.tell(one, "keys 0 7#")
    for event in (7, 11):
        received = trio.wait("InfoReceived")
        assert dtmf.parse(received.content_type, received.body)[0] == event
    trio.agent.message(one.uri, (HOST, one.port), trio.now, "Grüße")
    assert trio.wait("MessageAnswered").status == 200
    trio.agent.options(one.uri, (HOST, one.port), trio.now)
    answered = trio.wait("OptionsAnswered")
    assert "REFER" in answered.message.values("allow")
    trio.end()
