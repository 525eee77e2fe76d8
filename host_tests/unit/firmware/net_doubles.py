# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Doubles of net6 and tunnel6 of one phone; their octets pass the World of doubles.py."""

from vox6.pubtsp import inner, ipv6
from vox6.wire.errors import FormatError
from vox6.wire.inet6 import format_address, parse_address

EADDRINUSE = 98
EADDRNOTAVAIL = 99
ENETUNREACH = 101
VOICE = b"\x80\x09"  # the begin of RTP with G.722
MAPPED = b"\x00" * 10 + b"\xff\xff"


def address(text):
    """Return the 16 octets of an address text."""
    return parse_address(text)


class Signal:
    """A level that C raises."""

    def __init__(self):
        self.raised = False

    def clear(self):
        self.raised = False


class Endpoint:
    """A datagram endpoint of a Net6."""

    def __init__(self, net6, local, port, queue):
        self.net6 = net6
        self.local = local
        self.port = port
        self.queue = queue
        self.four = local is not None and local[:12] == MAPPED
        self.waiting = []
        self.frames = []  # (data, peer) of voice, which media takes in C
        self.traffic_class = 0
        self.closed = False
        self.moved = None
        self.hop_limits = []
        self.taker = None  # a Tunnel6 that takes packets out of the queue
        self._meta = None

    def take(self, data, peer, local):
        """A datagram comes in."""
        if self.taker is not None and self.taker.takes(data, peer):
            return
        if data[:2] == VOICE:
            self.frames.append((data, peer))
        elif len(self.waiting) < self.queue:
            self.waiting.append((data, peer, local))

    def recv_into(self, buffer):
        if self.closed:
            raise OSError(9, "as the test wants")
        if not self.waiting:
            return None
        data, peer, local = self.waiting.pop(0)
        length = min(len(data), len(buffer))
        buffer[:length] = data[:length]
        self._meta = (local, 0, 0)
        return len(data), peer[0], peer[1]

    def meta(self):
        return self._meta

    def send(self, data, addr16, port, local=None, hop_limit=0):
        net6 = self.net6
        if self.closed:
            raise OSError(9, "as the test wants")
        if net6.error:
            raise OSError(net6.error, "as the test wants")
        if self.four != (addr16[:12] == MAPPED):
            raise OSError(ENETUNREACH, "another family")
        self.hop_limits.append(hop_limit)
        if self.four:
            if net6.ipv4 is None:
                raise OSError(ENETUNREACH, "no IPv4")
            net6.world.deliver(bytes(data), (net6.ipv4, self.port), (addr16, port))
            return
        local = local or self.moved
        if local is None:
            if not net6.own and net6.tunnel is None:
                raise OSError(ENETUNREACH, "no address")
            local = net6.own[0] if net6.own else net6.tunnel.address
        if net6.tunnel is not None and local == net6.tunnel.address:
            net6.tunnel.carry(bytes(data), (local, self.port), (addr16, port))
        elif local in net6.own:
            net6.world.deliver(bytes(data), (local, self.port), (addr16, port))
        else:
            raise OSError(EADDRNOTAVAIL, format_address(local))

    def move(self, local):
        self.moved = local

    def set_traffic_class(self, value):
        self.traffic_class = value

    def close(self):
        if not self.closed:
            self.closed = True
            self.net6.endpoints.remove(self)


class Stream:
    """A stream of a Net6, one end of two. state: "connecting", "open", "refused", "closed"."""

    def __init__(self, net6, local, peer):
        self.net6 = net6
        self._local = local
        self._peer = peer
        self.other = None
        self.state = "connecting"
        self.came = b""
        self.ended = False  # by the other end
        self.room = None  # octets that can be written, None: any number
        self.traffic_class = 0
        net6.streams.append(self)

    def local(self):
        return self._local

    def peer(self):
        return self._peer

    def set_traffic_class(self, value):
        self.traffic_class = value

    def _check(self):
        if self.state == "closed":
            raise OSError(9, "as the test wants")
        if self.state == "refused":
            raise OSError(111, "ECONNREFUSED")
        if self.net6.error:
            raise OSError(self.net6.error, "as the test wants")

    def readable(self):
        return self.state == "refused" or bool(self.came) or self.ended

    def writable(self):
        return self.state in ("refused", "open") and self.room != 0

    def readinto(self, buffer):
        self._check()
        if not self.came:
            return 0 if self.ended else None
        length = min(len(buffer), len(self.came))
        buffer[:length] = self.came[:length]
        self.came = self.came[length:]
        return length

    def write(self, data):
        self._check()
        if not self.writable():
            return None
        if self.ended or self.other is None:
            raise OSError(32, "EPIPE")
        length = len(data) if self.room is None else min(self.room, len(data))
        if self.room is not None:
            self.room -= length
        self.other.came += bytes(data[:length])
        self.net6.world.streamed.append((bytes(data[:length]), self._local, self._peer))
        return length

    def close(self):
        if self.state != "closed":
            self.state = "closed"
            self.net6.streams.remove(self)
            if self.other is not None:
                self.other.ended = True


class Listener:
    """A TCP port of a Net6."""

    def __init__(self, net6, port):
        self.net6 = net6
        self.port = port
        self.waiting = []

    def readable(self):
        return bool(self.waiting)

    def accept(self):
        if not self.waiting:
            return None
        stream = self.waiting.pop(0)
        return (stream,) + stream.peer()

    def close(self):
        self.net6.listeners.remove(self)


class Net6:
    """The module net6 of one phone.

    own: its native addresses; ipv4: v4-mapped, or None; error: errno that each send raises.
    """

    def __init__(self, world, own):
        self.world = world
        self.own = own
        self.ipv4 = None
        self.tunnel = None  # a Tunnel6
        self.endpoints = []
        self.error = 0
        self.signal = Signal()
        self.deprecated = []
        self.flags = None
        self.dns = []
        self.added = {}  # address: (preferred, valid)
        self.streams = []
        self.listeners = []
        self._stream_port = 50000
        world.hosts.append(self)

    def Endpoint(self, local=None, port=0, queue=8):
        four = local is not None and local[:12] == MAPPED
        if port == 0:
            port = 40000 + len(self.endpoints)
        for other in self.endpoints:
            if other.port == port and other.four == four:
                raise OSError(EADDRINUSE, "as the test wants")
        endpoint = Endpoint(self, local, port, queue)
        self.endpoints.append(endpoint)
        return endpoint

    def Stream(self, addr16, port, local=None):
        if len(self.streams) >= 8:
            raise OSError(12, "ENOMEM")
        if local not in self.own:
            raise OSError(EADDRNOTAVAIL, "as the test wants")
        self._stream_port += 1
        stream = Stream(self, (local, self._stream_port), (addr16, port))
        self.world.connecting.append(stream)
        return stream

    def Listener(self, local=None, port=0, backlog=4):
        for other in self.listeners:
            if other.port == port:
                raise OSError(EADDRINUSE, "as the test wants")
        listener = Listener(self, port)
        self.listeners.append(listener)
        return listener

    def has(self, addr16):
        """Return whether datagrams from outside to an address come here."""
        return addr16 in self.own or addr16 == self.ipv4

    def take(self, data, source, destination):
        """A datagram comes in, by the NIC or by the tunnel."""
        four = destination[0][:12] == MAPPED
        for endpoint in list(self.endpoints):
            if endpoint.port == destination[1] and endpoint.four == four:
                endpoint.take(data, source, destination[0])

    def addresses(self):
        out = []
        for own in self.own:
            state = "deprecated" if own in self.deprecated else "preferred"
            out.append((own, 64, state, 3600, 7200, 0))
        tunnel = self.tunnel
        if tunnel is not None and tunnel.address is not None:
            state = "preferred" if tunnel.preferred else "deprecated"
            out.append((tunnel.address, 128, state, 3600, 7200, tunnel.INDEX))
        return out

    def add_address(self, addr16, preferred_s, valid_s):
        self.added[addr16] = (preferred_s, valid_s)
        if addr16 not in self.own:
            self.own.append(addr16)
            self.signal.raised = True

    def remove_address(self, addr16):
        del self.added[addr16]
        self.own.remove(addr16)
        self.signal.raised = True

    def router_flags(self):
        return self.flags

    def servers(self):
        return self.dns

    def changed(self):
        return self.signal

    def text(self, addr16):
        return format_address(addr16)

    def parse(self, text):
        try:
            return parse_address(text)
        except FormatError:
            raise ValueError("not an IPv6 address")


def packet_of(data, source, destination):
    """Return the IPv6 packet of a datagram."""
    length = 8 + len(data)
    head = source[1] << 48 | destination[1] << 32 | length << 16
    body = head.to_bytes(8, "big") + data
    return ipv6.build(source[0], destination[0], 17, body, 64)


def datagram_of(packet):
    """Return (data, source, destination) of a packet with UDP."""
    ports = (packet[40] << 8 | packet[41], packet[42] << 8 | packet[43])
    return packet[48:], (packet[8:24], ports[0]), (packet[24:40], ports[1])


class Tunnel6:
    """The module tunnel6 of one phone: what its C does for each packet."""

    INDEX = 99

    def __init__(self, net6):
        self.net6 = net6
        net6.tunnel = self
        self.started = False
        self.endpoint = None
        self.address = None
        self.server = None
        self.keepalive = None
        self.preferred = True
        self.prefixes = ()
        self.router = None
        self.dns = []
        self.domain = ""
        self.direct = {}  # address: peer
        self.passed = {}  # address: [sent, received]
        self.asked = []
        self.signal_ = Signal()
        self.sent_server = 0
        self.sent_direct = 0
        self.received_server = 0
        self.received_direct = 0

    def start_ipv4(self):
        self.started = True

    def ipv4(self):
        if self.net6.ipv4 is None:
            return None
        return (self.net6.ipv4, 24, self.router, list(self.dns), self.domain)

    def attach(self, endpoint):
        if self.endpoint is not None:
            raise OSError(16, "attached")
        self.endpoint = endpoint
        endpoint.taker = self

    def detach(self):
        self.endpoint.taker = None
        self.endpoint = None

    def configure(self, address, server, port, keepalive):
        self.address = address
        self.server = (server, port)
        self.keepalive = keepalive
        self.net6.signal.raised = True

    def prefer(self, preferred):
        self.preferred = preferred
        self.net6.signal.raised = True

    def set_prefixes(self, prefixes, martians=None):
        self.prefixes = tuple(prefixes)

    def set_peer(self, addr16, peer16, port=0):
        if peer16 is None:
            self.direct.pop(addr16, None)
        else:
            self.direct[addr16] = (peer16, port)
            self.passed[addr16] = [0, 0]

    def peers(self):
        return [(one, self.passed[one][0], self.passed[one][1]) for one in self.direct]

    def wanted(self):
        out = self.asked
        self.asked = []
        return out

    def signal(self):
        return self.signal_

    def counters(self):
        return {
            "sent_server": self.sent_server,
            "sent_direct": self.sent_direct,
            "received_server": self.received_server,
            "received_direct": self.received_direct,
        }

    # What C does with packets

    def carry(self, data, source, destination):
        """A datagram of the phone leaves by the tunnel."""
        packet = packet_of(data, source, destination)
        to = destination[0]
        peer = self.direct.get(to)
        if peer is not None:
            self.passed[to][0] += 1
            self.sent_direct += 1
        else:
            if to[:8] in self.prefixes and to not in self.asked:
                self.asked.append(to)
                self.signal_.raised = True
            self.sent_server += 1
            peer = self.server
        self.endpoint.send(packet, peer[0], peer[1])

    def takes(self, data, peer):
        """Take a packet for the interface; False: Python's."""
        if not data or data[0] >> 4 != 6 or self.address is None:
            return False
        control = data[6] == 58 and (
            self.keepalive in (data[8:24], data[24:40]) or inner.probe_nonce(data) is not None
        )
        if control:
            return False
        direct = self.direct.get(data[8:24]) == peer
        if data[24:40] != self.address or not (direct or peer == self.server):
            return True
        if direct:
            self.passed[data[8:24]][1] += 1
            self.received_direct += 1
        else:
            self.received_server += 1
        if data[6] == 17:
            self.net6.take(*datagram_of(data))
        return True
