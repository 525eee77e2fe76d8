# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64 as a process between two namespaces, and telephones that say what a test wants."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from host_tests.servers.wire import TOP, environment
from tools.lab import House, Lab, LabError, Siproxy64
from tools.lab.errors import LabError as Failure
from tools.lab.namespace import inside

PHONE, OTHER_PHONE = "192.0.2.11", "192.0.2.12"
PEER = "2001:db8:1::b"
PHONE_SEEN, OTHER_SEEN = "2001:db8:1::64:11", "2001:db8:1::64:12"
PEER_SEEN = "192.0.2.205"
# VOX6_ROUTER: of another machine, as ports/router/README.md has it
PROGRAM = Path(os.environ.get("VOX6_ROUTER", TOP / "build" / "router" / "siproxy64-router"))
_PATIENCE_S = 5.0


def open_lab():
    """A Lab of this process's own in build/."""
    assert os.geteuid() == 0, "network namespaces need root"
    for number in range(1, 9):
        lab = Lab(TOP / "build" / f"siproxy64-{number}")
        if lab.claim():
            return lab
    raise LabError("build/siproxy64-1 to -8 are all in use by other test runs")


class Mirror(Siproxy64):
    """siproxy64 whose configuration has other lines at each start; env: of its environment."""

    env = {}  # replaced, never changed

    def lines(self):
        """The lines of what is mapped."""
        return list(self._lines)

    def start(self, more=(), env=None):
        """Start it; more: lines besides the mappings."""
        self.config.write_text("\n".join([f"control {self.control}", *self._lines, *more]) + "\n")
        self.process = self.host.start(
            [sys.executable, "-m", "tools.siproxy64", "--config", self.config],
            log="siproxy64-mirror.log", env={**environment(), **self.env, **(env or {})}, cwd=TOP,
        )  # fmt: skip
        self.process.wait_output(r"ready", 15.0)


class Router(Mirror):
    """The static program with the same configuration."""

    def start(self, more=(), env=None):
        """Start it; more: lines besides the mappings. It gets no other environment."""
        assert PROGRAM.is_file(), "run 'make siproxy64-router' first"
        self.config.write_text("\n".join([f"control {self.control}", *self._lines, *more]) + "\n")
        words = [f"{name}={value}" for name, value in {**self.env, **(env or {})}.items()]
        self.process = self.host.start(
            ["env", "-i", *words, str(PROGRAM), str(self.config)], log="siproxy64-router.log"
        )
        self.process.wait_output(r"ready", 15.0)


class Neighbourhood:
    """A house with a phone, a peer with IPv6, siproxy64 between them, not yet started.

    mirror: as the lab has it; phone_host, peer_host: namespaces.
    """

    def __init__(self, lab, program=Mirror):
        self.lab = lab
        self.house = House(lab)
        made = self.house.mirror("mirror", "2001:db8:1::64")
        self.mirror = program(made.host, ipv4_interface="house")
        self.phone_host = self.house.host("phone", address=PHONE)
        self.phone_host.set_address(OTHER_PHONE, 24)
        self.peer_host = lab.host("peer", address=PEER, slaac=False)
        self.mirror.map(PHONE, PHONE_SEEN)
        self.mirror.map(PEER, PEER_SEEN)
        self.mirror.host.set_address(OTHER_SEEN, 64)  # for who maps it

    def fresh(self, *more):
        """Start the mirror anew with more lines of configuration."""
        self.mirror.stop()
        self.mirror.start(more)

    def telephone(self, host, address, port=5060, kind=socket.SOCK_DGRAM):
        """A telephone in a host."""
        return Telephone(host, address, port, kind)

    def pair(self, kind=socket.SOCK_DGRAM):
        """(phone of the house, peer with IPv6), both at port 5060."""
        return (
            self.telephone(self.phone_host, PHONE, kind=kind),
            self.telephone(self.peer_host, PEER, kind=kind),
        )

    def command(self, *words, config=None):
        """`siproxy64 --config ... WORDS` beside the mirror; (status, output)."""
        done = subprocess.run(
            [
                "ip", "netns", "exec", self.mirror.host.netns, sys.executable, "-m",
                "tools.siproxy64", "--config", str(config or self.mirror.config), *words,
            ],
            capture_output=True, text=True, cwd=TOP, env={**os.environ, **environment()},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def status(self):
        """What `siproxy64 status --json` tells."""
        code, out = self.command("status", "--json")
        assert code == 0, out
        return json.loads(out)

    def calls(self):
        """What `siproxy64 calls --json` tells."""
        code, out = self.command("calls", "--json")
        assert code == 0, out
        return json.loads(out)

    def signal(self, name):
        """Send the mirror a signal."""
        os.kill(self.mirror.process.pid, getattr(signal, name))

    def counter(self, name):
        """How often something has happened, as SIGUSR1 has it told now."""
        self.mirror.process.wait_output(r"ready", 15.0)
        before = self.log()
        self.signal("SIGUSR1")
        pattern = r"(?s)" + re.escape(before) + r".*?calls, .*? SIP ports; .*?\n"
        said = self.mirror.process.wait_output(pattern, 5.0)[0][len(before) :]
        found = re.search(rf"[;,] {name} (\d+)", said)
        return int(found[1]) if found else 0

    def metrics(self, port):
        """What Prometheus is told at a port of the loopback: {name and label: value}."""
        with self.mirror.host.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while data := client.recv(65536):
                answer += data
        head, _, page = answer.decode().partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        return {
            "".join(
                (sample.name.removeprefix("siproxy64_"), *sample.labels.values())
            ): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }

    def log(self):
        """What the mirror has said."""
        return self.mirror.process.output()


class Telephone:
    """One address and port that sends and expects SIP messages, and has a socket for voice."""

    def __init__(self, host, address, port=5060, kind=socket.SOCK_DGRAM):
        self.address, self.port = address, port
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.literal = f"[{address}]" if family == socket.AF_INET6 else address
        self.type = "IP6" if family == socket.AF_INET6 else "IP4"
        self.kind = kind
        self.transport = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        self.host = host
        self._family = family
        self._unread = b""
        self.connection = None
        with inside(host.netns):
            self.sip = socket.socket(family, kind)
            self.voice = socket.socket(family, socket.SOCK_DGRAM)
        self.sip.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sip.bind((address, port))
        self.voice.bind((address, 0))
        if kind == socket.SOCK_STREAM:
            self.sip.listen()
        self.voice_port = self.voice.getsockname()[1]
        self.calls = 0

    def close(self):
        """Give its sockets up."""
        for one in (self.sip, self.voice, self.connection):
            if one is not None:
                one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- octets -------------------------------------------------------------------------------

    def connect(self, where, port=5060):
        """Open a TCP connection from this address."""
        with inside(self.host.netns):
            self.connection = socket.socket(self._family, socket.SOCK_STREAM)
        self.connection.bind((self.address, 0))
        self.connection.settimeout(_PATIENCE_S)
        self.connection.connect((where, port))

    def send(self, text, where, port=5060):
        """Send a message, its lines without CR."""
        head, _, body = text.strip("\n ").partition("\n\n")
        lines = [line.strip() for line in head.splitlines()]
        octets = "".join(line.strip() + "\r\n" for line in body.splitlines()).encode()
        lines.append(f"Content-Length: {len(octets)}")
        data = ("\r\n".join(lines) + "\r\n\r\n").encode() + octets
        if self.kind == socket.SOCK_DGRAM:
            self.sip.sendto(data, (where, port))
        else:
            if self.connection is None:
                self.connect(where, port)
            self.connection.sendall(data)

    def receive(self, start, timeout=_PATIENCE_S):
        """The next message, which begins so; (text, address that it came from)."""
        deadline = time.monotonic() + timeout
        while True:
            data, source = self._message(deadline)
            text = data.decode()
            if not text.startswith(start):
                raise Failure(f"{self.address} expected {start} and got:\n{text}")
            return text, source

    def _message(self, deadline):
        if self.kind == socket.SOCK_DGRAM:
            self._wait(self.sip, deadline)
            data, name = self.sip.recvfrom(65535)
            return data, name[:2]
        if self.connection is None:
            self._wait(self.sip, deadline)
            self.connection, _ = self.sip.accept()
        while True:
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if end:
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                if len(rest) >= length:
                    self._unread = rest[length:]
                    return head + end + rest[:length], self.connection.getpeername()[:2]
            self._wait(self.connection, deadline)
            data = self.connection.recv(65535)
            if not data:
                raise Failure(f"{self.address}: the connection has ended")
            self._unread += data

    def _wait(self, one, deadline):
        if not select.select([one], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Failure(f"{self.address}: nothing came")

    def silent(self, seconds=0.3):
        """Whether nothing comes for a while."""
        return not select.select([self.sip], [], [], seconds)[0]

    # -- calls --------------------------------------------------------------------------------

    def sdp(self):
        """A description of the voice socket."""
        return (
            f"v=0\no=- 1 1 IN {self.type} {self.address}\ns=-\nc=IN {self.type} {self.address}\n"
            f"t=0 0\nm=audio {self.voice_port} RTP/AVP 0\n"
        )

    def invite(self, where, user="bob", port=5060, call_id=None, uri=""):
        """Send an INVITE to an address of our own side; its Call-ID. uri: if it is another."""
        self.calls += 1
        call_id = call_id or f"{self.calls}-{time.monotonic_ns()}"
        self._request("INVITE", where, user, call_id, 1, "", port, self.sdp(), uri)
        return call_id

    def options(self, where, call_id="o", port=5060):
        """Send OPTIONS."""
        self._request("OPTIONS", where, "bob", call_id, 1, "", port)

    def _request(self, method, where, user, call_id, number, tag, port=5060, body="", uri=""):
        host = f"[{where}]" if ":" in where else where
        uri = uri or f"sip:{user}@{host}" + (f":{port}" if port != 5060 else "")
        via = f"{self.transport} {self.literal}:{self.port};branch=z9hG4bK{call_id}{method}"
        self.send(
            f"""
            {method} {uri} SIP/2.0
            Via: SIP/2.0/{via}
            Max-Forwards: 70
            From: <sip:alice@example.org>;tag=a
            To: <{uri}>{tag}
            Call-ID: {call_id}
            CSeq: {number} {method}
            Contact: <sip:alice@{self.literal}:{self.port}>
            {"Content-Type: application/sdp" if body else "Subject: none"}

            {body}""",
            where,
            port,
        )

    def ack(self, where, call_id, port=5060):
        """Send ACK."""
        self._request("ACK", where, "bob", call_id, 1, ";tag=b", port)

    def bye(self, where, call_id, port=5060):
        """Send BYE."""
        self._request("BYE", where, "bob", call_id, 2, ";tag=b", port)

    def answer(self, request, where, status="200 OK", body=""):
        """Answer a request to the address that its Via names; where: (address, port)."""
        keep = ("via", "from", "call-id", "cseq", "record-route")
        lines = [f"SIP/2.0 {status}"]
        for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]:
            name = line.partition(":")[0].lower()
            if name in keep:
                lines.append(line)
            elif name == "to":
                lines.append(line if ";tag=" in line else line + ";tag=b")
        lines.append(f"Contact: <sip:bob@{self.literal}:{self.port}>")
        if body:
            lines.append("Content-Type: application/sdp")
        self.send("\n".join(lines) + "\n\n" + body, *where)

    # -- voice --------------------------------------------------------------------------------

    def say(self, data, sdp, traffic_class=0):
        """Send voice where a description says."""
        where = line_of(sdp, "c=").split()[2]
        port = int(line_of(sdp, "m=").split()[1])
        if self._family == socket.AF_INET:
            self.voice.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)
        else:
            self.voice.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
        self.voice.sendto(data, (where, port))

    def hear(self, timeout=_PATIENCE_S):
        """The next voice datagram and (address, port) that it came from."""
        if not select.select([self.voice], [], [], timeout)[0]:
            raise Failure(f"{self.address} hears nothing")
        data, name = self.voice.recvfrom(65535)
        return data, name[:2]

    def hears_nothing(self, seconds=0.3):
        """Whether no voice comes for a while."""
        return not select.select([self.voice], [], [], seconds)[0]


def line_of(text, start):
    """The first line of a message that begins so, None if there is none."""
    for line in text.replace("\r", "").split("\n"):
        if line.startswith(start):
            return line
    return None


def call(caller, callee, where, back, *, port=5060):
    """Set a call up: (Call-ID, offer as the callee saw it, answer as the caller saw it).

    where: how the caller's side names the callee; back: how the callee's names the caller.
    """
    call_id = caller.invite(where, port=port)
    invite, source = callee.receive("INVITE ")
    callee.answer(invite, source, "180 Ringing")
    caller.receive("SIP/2.0 180")
    callee.answer(invite, source, body=callee.sdp())
    ok, _ = caller.receive("SIP/2.0 200")
    assert source[0] == back
    caller.ack(where, call_id, port)
    callee.receive("ACK ")
    return call_id, invite, ok


def hang_up(caller, callee, where, call_id, port=5060):
    """End it from the caller's side."""
    caller.bye(where, call_id, port)
    bye, source = callee.receive("BYE ")
    callee.answer(bye, source)
    caller.receive("SIP/2.0 200")


def talk(one, two, sdp_of_two, sdp_of_one, count=3):
    """Voice both ways; sdp_of_two: as `one` was told."""
    for i in range(count):
        one.say(b"from one %d" % i, sdp_of_two)
        assert two.hear()[0] == b"from one %d" % i
        two.say(b"from two %d" % i, sdp_of_one)
        assert one.hear()[0] == b"from two %d" % i
