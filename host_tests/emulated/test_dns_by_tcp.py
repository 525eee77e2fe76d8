# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
# CPython only: runs the unix program
"""The firmware's names by DNS over TCP (RFC 7766): a server whose answers fit no datagram."""

import contextlib
import socket
import subprocess
import textwrap
import threading

import pytest

from host_tests.emulated.stream_peers import server
from tools.panel.phones import UnixPhone
from vox6 import dns
from vox6.dns import message, rdata

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not UnixPhone.image.exists(), reason="vox6-phone is not built"),
]

_SCRIPT = """
import net6, sys
from firmware.net import names
from firmware.net.reactor import Reactor

class Clock:
    def now(self):
        import time
        return time.ticks_ms()

class Network:
    def source_for(self, peer):
        return net6.parse("::1")

clock = Clock()
random = lambda count: bytes(n * 37 & 255 for n in range(count))
found = names.Names(net6, Network(), clock, random, bytearray(2000))
reactor = Reactor(clock, found.drain, found.get_timer, found.handle_timer)
found.watch, found.unwatch = reactor.watch, reactor.unwatch
found._load()
found._resolver.set_servers([(net6.parse("::1"), int(sys.argv[1]))], clock.now())  # not port 53

def done(records, reason):
    print(len(records), reason, net6.text(records[-1].address) if records else "")
    print(net6.counters()["connects"], net6.counters()["streams"])
    raise SystemExit

import asyncio
async def main():
    found.lookup("many.example", 28, done)
    reactor.arm()
    await asyncio.gather(reactor._run_timer())
asyncio.run(main())
"""


def answer(data, cut):
    query = dns.Message.parse(data)
    made = dns.Message(query.id, message.QR | message.RD | message.RA)
    made.questions = query.questions
    if cut:
        made.flags |= message.TC
    else:
        for number in range(30):
            address = bytes.fromhex("20010db8") + bytes(11) + bytes([number])
            made.answers.append(
                dns.Record("many.example", 300, rdata.AddressData(dns.AAAA, address))
            )
    buffer = bytearray(4096)
    return bytes(buffer[: made.emit(buffer)])


def by_stream(connection):
    with connection:
        length = int.from_bytes(connection.recv(2), "big")
        told = answer(connection.recv(length), False)
        connection.sendall(len(told).to_bytes(2, "big") + told[:10])
        connection.sendall(told[10:])
        connection.recv(1)


def test_an_answer_that_was_cut_comes_by_tcp():
    with server(by_stream) as port, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.bind(("::1", port))

        def serve():
            with contextlib.suppress(OSError):
                data, source = udp.recvfrom(2000)
                udp.sendto(answer(data, True), source)

        threading.Thread(target=serve, daemon=True).start()
        argv = [str(UnixPhone.image), "-c", textwrap.dedent(_SCRIPT), str(port)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["30  2001:db8::1d", "1 0"]
