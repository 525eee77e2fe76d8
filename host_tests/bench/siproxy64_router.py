# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""siproxy64-router for the bench of relays: calls of phone and peer, begun by SIP.

The SIP of both comes from addresses of the relay's own namespace, so that phone and peer need to
be nothing but a source and a sink of frames.
"""

import socket
import subprocess

from tools.lab import namespace
from tools.lab.process import Process
from tools.panel.phones import TOP

PROGRAM = TOP / "build" / "router" / "siproxy64-router"
CALLER, CALLEE_SHOWN = "127.0.0.2", "127.0.0.3"
CALLER_SHOWN, CALLEE = "2001:db8:6::a2", "2001:db8:6::a3"
_PORT = 5060


def _sdp(address, port):
    family = "IP6" if ":" in address else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\n"
    )


def _whole(head, body=""):
    head += f"Content-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def _invite(number, body):
    return _whole(
        f"INVITE sip:b@{CALLEE_SHOWN} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {CALLER};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@example.org>;tag=a{number}\r\nTo: <sip:b@example.org>\r\n"
        f"Call-ID: bench-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{CALLER}>\r\n"
        "Content-Type: application/sdp\r\n",
        body,
    )


def _answer(invite, body):
    lines = invite.decode().split("\r\n")
    kept = [one for one in lines if one.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
    head = "\r\n".join(["SIP/2.0 200 OK", *kept, "To: <sip:b@example.org>;tag=b"])
    head += f"\r\nContact: <sip:b@[{CALLEE}]>\r\nContent-Type: application/sdp\r\n"
    return _whole(head, body)


class Router:
    """The program with some calls, each of one stream."""

    def __init__(self, names, folder, phone, peer, core):
        """names: of the namespaces; phone, peer: (real address, representation); core: its own."""
        self.netns = names["server"]
        config = folder / "router.conf"
        pairs = ((CALLER, CALLER_SHOWN), (CALLEE, CALLEE_SHOWN), phone, peer)
        rows = [f"map {real} = {shown}" for real, shown in pairs]
        rows += ["limit streams 400", "limit streams-per-party 400"]
        config.write_text("\n".join(rows) + "\n")
        with namespace.inside(self.netns):
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            for address in (CALLER_SHOWN, CALLEE):
                words = ["ip", "addr", "replace", f"{address}/128", "dev", "lo"]
                subprocess.run(words, check=True)
        self.process = Process(
            ["taskset", "-c", str(core), str(PROGRAM), str(config)],
            folder / "router.log",
            netns=self.netns,
        )
        self.process.wait_output("ready", 20)

    def _socket(self, address):
        with namespace.inside(self.netns):
            found = socket.socket(
                socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM
            )
            found.bind((address, _PORT))
        found.settimeout(5)
        return found

    def begin(self, calls):
        """Begin and answer them: each has the ports of phone and peer."""
        with self._socket(CALLER) as caller, self._socket(CALLEE) as callee:
            for number, (phone, phone_port, peer, peer_port) in enumerate(calls):
                invite = _invite(number, _sdp(phone, phone_port))
                caller.sendto(invite, (CALLEE_SHOWN, _PORT))
                came, where = callee.recvfrom(8192)
                callee.sendto(_answer(came, _sdp(peer, peer_port)), where)
                answer = caller.recv(8192)
                assert answer.startswith(b"SIP/2.0 200"), answer
