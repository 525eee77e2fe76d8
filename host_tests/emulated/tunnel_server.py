# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A PubTSP server in a lab host's namespace: lib/pubtsp's engine, a UDP socket, a TUN device.

The namespace's kernel is the IPv6 Internet behind it. Everything it saw stands in `seen`.
"""

import os
import select
import socket
import threading
import time

from tools.common import tun
from tools.lab.namespace import inside
from vox6.pubtsp import AddressFormat, Config, Server, mapped

PREFIX = bytes.fromhex("20010db836530001")
KEEPALIVE = PREFIX + bytes(7) + b"\x01"
_IP_MTU_DISCOVER = 10

# What a guest runs first: a tunnel by hand, with the TSP exchange cut down to one create. The
# address of the server and its IPv6 address are put in by begin().
GUEST = """
import net6, time, tunnel6
SERVER = net6.parse('::ffff:%s')
KEEPALIVE = net6.parse('%s')
CREATE = b'<tunnel action="create" type="v6udpv4"><client><address type="ipv4">192.0.2.10' \\
    b'</address></client></tunnel>' + b' ' * 120 + b'\\r\\n'
CREATE = b'\\xf0\\0\\0\\1\\0\\0\\0\\0Content-length: %%d\\r\\n' %% len(CREATE) + CREATE
buffer = bytearray(9000)
def receive(endpoint, ms=3000):
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        got = endpoint.recv_into(buffer)
        if got:
            return bytes(memoryview(buffer)[:got[0]]), got[1], got[2]
        time.sleep_ms(2)
    raise OSError('nothing came')
def create(endpoint):
    endpoint.send(CREATE, SERVER, 3653)
    reply = receive(endpoint)[0]
    text = str(reply[reply.index(b'<client>'):], 'utf-8')
    text = text.split('ipv6">')[1]
    return net6.parse(text[:text.index('<')])
def begin():
    endpoint = net6.Endpoint(net6.parse('::ffff:0.0.0.0'))
    tunnel6.attach(endpoint)
    own = create(endpoint)
    tunnel6.configure(own, SERVER, 3653, KEEPALIVE)
    return endpoint, own
def number(function, *args, **keywords):
    try:
        function(*args, **keywords)
    except OSError as error:
        return error.errno
"""


def guest(server_ipv4: str) -> str:
    """The GUEST text for a server."""
    return GUEST % (server_ipv4, socket.inet_ntop(socket.AF_INET6, KEEPALIVE))


class TunnelServer:
    """with TunnelServer(net.host("operator")) as server: ..."""

    def __init__(self, host, port=3653):
        self.host = host
        config = Config(
            AddressFormat(PREFIX, "mac", bytes(range(16))),
            socket.inet_aton(host.ipv4),
            policy="lab",
        )
        self.engine = Server(config)
        self.seen = []  # (data, IPv4 text, port, outer TOS) of all that came
        self.outside = []  # packets that went to the IPv6 side
        with inside(host.netns):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tun = tun.Tun("tunnel")
            tun.set_up(self.tun.index)
            tun.add_route(
                self.tun.index, socket.inet_ntop(socket.AF_INET6, PREFIX + bytes(8)) + "/64"
            )
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, 0)  # DF clear (section 2)
        self.socket.bind((host.ipv4, port))
        self._lock = threading.Lock()
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._running = False
        self._thread.join()
        self.socket.close()
        self.tun.close()

    def send(self, data, ipv4, port, tos=0):
        """Send octets as they are from the service address."""
        with self._lock:
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            self.socket.sendto(data, (ipv4, port))

    def _run(self):
        while self._running:
            ready, _, _ = select.select([self.socket, self.tun], [], [], 0.1)
            now = int(time.monotonic() * 1000)
            if self.socket in ready:
                data, ancillary, _, (ipv4, port) = self.socket.recvmsg(2048, 64)
                tos = ancillary[0][2][0] if ancillary else 0
                self.seen.append((data, ipv4, port, tos))
                self.engine.receive_datagram(
                    data, (mapped(socket.inet_aton(ipv4)), port), now, tos
                )
            if self.tun in ready:
                packet = self.tun.read()
                if packet:
                    self.engine.receive_packet(packet, now)
            for data, (address, port), tos in self.engine.datagrams_to_send():
                self.send(data, socket.inet_ntoa(address[12:]), port, tos)
            for packet in self.engine.packets_to_send():
                self.outside.append(packet)
                self.tun.write(packet)


class Echo:
    """A UDP echo at a host's IPv6 address; `heard`: (data, address, traffic class)."""

    def __init__(self, host, port=7):
        self.heard = []
        self.socket = host.socket()
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        self.socket.bind((host.ipv6, port))
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._running = False
        self._thread.join()
        self.socket.close()

    def _run(self):
        while self._running:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            data, ancillary, _, peer = self.socket.recvmsg(10000, 64)
            traffic_class = int.from_bytes(ancillary[0][2], "little") if ancillary else 0
            self.heard.append((data, peer[0], traffic_class))
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
            self.socket.sendto(data, peer)


def ping(host, address, *options):
    """Whether one echo request from a host's namespace is answered."""
    argv = ["ip", "netns", "exec", host.netns, "ping", "-6", "-n", "-c1", "-W2", *options, address]
    return os.spawnvp(os.P_WAIT, argv[0], argv) == 0
