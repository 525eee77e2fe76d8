# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: sockets
"""lib/sip alone at kamailio with outbound (RFC 5626) on ::1: flows by UDP and TCP, kept and lost.

The firmware's own registrations are in test_kamailio.py; here the edge is known to support flows.
"""

import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from vox6 import crypto, sip
from vox6.sip.account import make_instance_id
from vox6.sip.framing import StreamFramer
from vox6.wire import parse_address

HOST = parse_address("::1")
_CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="example.org"
mpath="%(modules)s/"
listen=udp:[::1]:%(port)d
listen=tcp:[::1]:%(port)d
%(load)s
modparam("registrar", "default_expires", 300)
modparam("registrar", "outbound_mode", 1)
modparam("registrar", "flow_timer", 3)
modparam("auth", "qop", "auth")
modparam("auth", "algorithm", "SHA-256")

request_route {
    if (!is_method("REGISTER")) {
        sl_send_reply("404", "Not Found");
        exit;
    }
    if (!pv_www_authenticate("example.org", "secret", "0")) {
        www_challenge("example.org", "1");
        exit;
    }
    save("location");
}
"""
_MODULES = "tm sl pv textops usrloc registrar auth stun outbound"


def free_port():
    """Return a port of ::1 that is free for UDP and TCP now."""
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return probe.getsockname()[1]


class Edge:
    """A kamailio that is registrar and edge proxy in one."""

    def __init__(self, folder):
        found = sorted(Path("/usr/lib").glob("*/kamailio/modules/outbound.so"))
        assert found, "run 'make setup-test' (Debian package kamailio-outbound-modules)"
        self.port = free_port()
        self.peer = (HOST, self.port)
        self._folder = folder
        values = {
            "modules": found[0].parent,
            "port": self.port,
            "load": "\n".join(f'loadmodule "{name}.so"' for name in _MODULES.split()),
        }
        (folder / "kamailio.cfg").write_text(_CONFIG % values)
        self.start()

    def start(self):
        folder = self._folder
        argv = ["kamailio", "-f", folder / "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4"]
        argv += ["-Y", folder, "-P", folder / "pid"]
        self._log = (folder / "log").open("ab")
        self.process = subprocess.Popen(argv, stdout=self._log, stderr=self._log)
        end = time.monotonic() + 15
        while time.monotonic() < end:
            with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(("::1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError((folder / "log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self._log.close()


class Phone:
    """An agent with a UDP socket, and TCP connections as its datagrams_to_send wants them."""

    def __init__(self):
        provider = crypto.provider()
        self.agent = sip.Agent(provider, provider.random)
        self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.udp.bind(("::1", 0))
        self.streams = {}  # peer: (socket, framer)
        self.opened = 0
        self.start = time.monotonic()
        self.agent.set_local(HOST, self.udp.getsockname()[1], 0)
        self.agent.streams = True
        self.events = []

    @property
    def now(self):
        return int((time.monotonic() - self.start) * 1000)

    def close(self):
        self.udp.close()
        for stream, _ in self.streams.values():
            stream.close()

    def _lost(self, peer):
        stream, _ = self.streams.pop(peer)
        stream.close()
        self.agent.handle_transport_error(peer, self.now, "TCP")

    def _send(self, data, peer, transport):
        if transport == "UDP":
            self.udp.sendto(data, ("::1", peer[1]))
            return
        if peer not in self.streams:
            stream = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            self.streams[peer] = (stream, StreamFramer())
            if stream.connect_ex(("::1", peer[1])):
                self._lost(peer)
                return
            self.opened += 1
        try:
            self.streams[peer][0].sendall(data)
        except OSError:
            self._lost(peer)

    def _drain(self):
        while True:
            output = self.agent.datagrams_to_send()
            for data, peer, transport in output:
                self._send(data, peer, transport)
            event = self.agent.next_event()
            while event is not None:
                self.events.append(event)
                event = self.agent.next_event()
            if not output:
                return

    def _read(self, peer):
        stream, framer = self.streams[peer]
        try:
            data = stream.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._lost(peer)
            return
        messages = framer.receive(data)
        for _ in range(framer.pongs):
            self.agent.receive_datagram(b"\r\n", peer, self.now, "TCP")
        framer.pongs = 0
        for message in messages:
            self.agent.receive_datagram(message, peer, self.now, "TCP")

    def run(self, condition, timeout_s):
        """Carry octets until a condition holds; return whether it came to."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self._drain()
            if condition():
                return True
            by_socket = {stream: peer for peer, (stream, _) in self.streams.items()}
            for ready in select.select([self.udp, *by_socket], [], [], 0.05)[0]:
                if ready is self.udp:
                    data, source = self.udp.recvfrom(65536)
                    self.agent.receive_datagram(data, (HOST, source[1]), self.now)
                else:
                    self._read(by_socket[ready])
            due = self.agent.get_timer()
            if due is not None and due <= self.now:
                self.agent.handle_timer(self.now)
        return False

    def kinds(self):
        return [type(event).__name__ for event in self.events]


@pytest.fixture
def edge(tmp_path):
    if shutil.which("kamailio") is None:
        pytest.fail("kamailio is missing: run 'make setup-test'")
    running = Edge(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def phone():
    running = Phone()
    yield running
    running.close()


def register(phone, edge, transport, **options):
    account = sip.Account(
        "sip:anna@example.org",
        "anna",
        "secret",
        peer=options.pop("peer", edge.peer),
        transport=transport,
        instance_id=make_instance_id(bytes(range(16))),
        **options,
    )
    registration = phone.agent.register(account, phone.now)
    assert phone.run(lambda: "Registered" in phone.kinds(), 10), phone.events
    return registration


def test_flow_by_udp(edge, phone):
    registration = register(phone, edge, "UDP")
    assert registration.is_outbound
    flow = registration.flow
    assert (flow.answers, flow.interval) == (True, 3)
    assert phone.run(lambda: flow.is_proven, 5)  # a STUN Binding response has shown our address
    assert not phone.run(lambda: "FlowFailed" in phone.kinds(), 7)
    assert registration.flow is flow
    assert "malformed_stun" not in phone.agent.counters
    registration.unregister(phone.now)
    assert phone.run(lambda: "Unregistered" in phone.kinds(), 5)


def test_flow_by_tcp_is_formed_anew(edge, phone):
    registration = register(phone, edge, "TCP")
    assert registration.is_outbound
    assert phone.run(lambda: registration.flow.is_proven, 5)
    assert not phone.run(lambda: "FlowFailed" in phone.kinds(), 7)
    assert phone.opened == 1
    edge.stop()
    assert phone.run(lambda: "FlowFailed" in phone.kinds(), 5)  # the connection is gone
    edge.start()
    phone.events.clear()
    registration.start(phone.now)  # the time of section 4.5 is not waited for here
    assert phone.run(lambda: "Registered" in phone.kinds(), 10), phone.events
    assert phone.opened == 2
    assert registration.is_outbound


def test_next_target_when_a_connection_is_refused(edge, phone):
    dead = (HOST, free_port())
    targets = ((dead, "TCP"), (edge.peer, "UDP"))
    registration = register(phone, edge, "TCP", peer=dead, targets=targets)
    assert (registration.peer, registration.transport) == (edge.peer, "UDP")
    assert phone.agent.counters["failovers"] == 1
    assert registration.flow.transport == "UDP"
