# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A small Internet for the phones of doubles.py: homes behind NAT, an operator, name servers.

The operator is the real server of lib/pubtsp with its rules, so that a packet with the wrong
source comes to nothing here as it does outside.
"""

from host_tests.unit.firmware import net_doubles
from host_tests.unit.firmware.net_doubles import (
    MAPPED,
    address,
    datagram_of,
    packet_of,
)
from vox6 import dns
from vox6.dns import message, rdata
from vox6.pubtsp.address import AddressFormat
from vox6.pubtsp.rules import Config
from vox6.pubtsp.server import Server
from vox6.sip.message import parse
from vox6.wire.inet6 import parse_ipv4

KEY = bytes(range(16))
PORT = 3653


def four(text):
    """Return the v4-mapped octets of an IPv4 text."""
    return MAPPED + parse_ipv4(text)


class Member:
    """Somebody in the world beside the phones, with one port."""

    def __init__(self, world, addr16, port):
        self.world = world
        self.addr16 = addr16
        self.port = port
        self.waiting = []
        self.silent = False
        world.hosts.append(self)
        world.phones.append(self)

    def has(self, addr16):
        return addr16 == self.addr16

    def take(self, data, source, destination):
        if destination[1] == self.port and not self.silent:
            self.waiting.append((data, source))

    def get_timer(self):
        return None

    def step(self):
        waiting = self.waiting
        self.waiting = []
        for data, source in waiting:
            self.serve(data, source)
        return bool(waiting)

    def send(self, data, destination):
        self.world.deliver(data, (self.addr16, self.port), destination)


class Operator(Member):
    """A server of PubTSP. silent: it is down."""

    def __init__(self, world, text="198.51.100.1", prefix="2001:db8:3653:1::", dns_server=None):
        super().__init__(world, four(text), PORT)
        self.text = text
        addresses = AddressFormat(address(prefix)[:8], "mac", KEY)
        self.prefix = addresses.prefix
        config = Config(addresses, parse_ipv4(text), policy="lab")
        self.server = Server(config, dns=dns_server)
        world.hooks.append(self._route)

    def serve(self, data, source):
        """Take a datagram of a client."""
        self.server.receive_datagram(data, source, self.world.clock.ms)
        self._flush()

    def _route(self, data, source, destination):
        """Datagrams of the IPv6 side to addresses of clients."""
        if destination[0][:8] != self.prefix:
            return source, destination
        if not self.silent:
            packet = packet_of(data, source, destination)
            self.server.receive_packet(packet, self.world.clock.ms)
            self._flush()
        return None

    def _flush(self):
        for data, peer, _ in self.server.datagrams_to_send():
            self.send(data, peer)
        for packet in self.server.packets_to_send():
            self.world.deliver(*datagram_of(packet))


class Home:
    """An IPv4-only network behind NAT with endpoint-independent mapping (RFC 4787).

    public: IPv4 text; lan: the first three octets inside. rebind(): each mapping gets another
    port.
    """

    def __init__(self, world, public="203.0.113.77", lan="192.0.2", domain="", dns_servers=()):
        self.world = world
        self.public = four(public)
        self.lan = lan
        self.domain = domain
        self.dns = [four(text) for text in dns_servers]
        self.mappings = {}  # (address, port) inside: port outside
        self.next = 40000
        self.count = 0
        world.hooks.append(self._translate)

    def add(self, phone):
        """Give a phone an address by DHCPv4, and name servers."""
        self.count += 1
        phone.net6.ipv4 = four("%s.%d" % (self.lan, 9 + self.count))
        phone.tunnel6.router = four(self.lan + ".1")
        phone.tunnel6.dns = list(self.dns)
        phone.tunnel6.domain = self.domain
        phone.net6.signal.raised = True

    def rebind(self):
        """The NAT forgets its mappings: what was mapped gets other ports, from inside only."""
        self.mappings = {}
        self.next += 500

    def _inside(self, addr16):
        return addr16[:15] == four(self.lan + ".0")[:15]

    def _translate(self, data, source, destination):
        if self._inside(source[0]) and not self._inside(destination[0]):
            port = self.mappings.get(source)
            if port is None:
                self.next += 1
                port = self.mappings[source] = self.next
            source = (self.public, port)
        if destination[0] == self.public:
            for inside in self.mappings:
                if self.mappings[inside] == destination[1]:
                    return source, inside
            return None
        return source, destination


class NameServer(Member):
    """A recursive DNS server. records: list of dns.Record. asked: (name, type) in order.

    cuts: types whose answers do not fit a datagram. by_stream: (name, type) asked by TCP.
    """

    def __init__(self, world, addr16, records=()):
        super().__init__(world, addr16, 53)
        self.records = list(records)
        self.asked = []
        self.cuts = ()
        self.by_stream = []
        self.listeners = [net_doubles.Listener(self, 53)]
        self.streams = []  # of the double of net6 that this is, too
        self.error = 0

    def step(self):
        busy = super().step()
        while self.listeners and self.listeners[0].waiting:
            self.listeners[0].accept()
        for stream in list(self.streams):
            if stream.state == "open" and len(stream.came) > 2 and not self.silent:
                busy = True
                answer = self.answer(stream.came[2:], self.by_stream, ())
                stream.came = b""
                stream.write(bytes((len(answer) >> 8, len(answer) & 255)) + answer[:5])
                stream.write(answer[5:])
        return busy

    def serve(self, data, source):
        """Answer a question."""
        self.send(self.answer(data, self.asked, self.cuts), source)

    def answer(self, data, asked, cuts):
        """Return the answer to a question."""
        query = dns.Message.parse(data)
        question = query.questions[0]
        asked.append((question.name, question.rtype))
        made = dns.Message(query.id, message.QR | message.RD | message.RA)
        made.questions = query.questions
        known = False
        for record in self.records:
            known = known or record.name == question.name
            if record.name == question.name and record.data.rtype == question.rtype:
                made.answers.append(record)
        made.rcode = 0 if known else 3
        if question.rtype in cuts:
            made.answers = []
            made.flags |= message.TC
        buffer = bytearray(1232)
        return bytes(buffer[: made.emit(buffer)])


def a(name, text):
    """Return an A record."""
    return dns.Record(name, 300, rdata.AddressData(dns.A, parse_ipv4(text)))


def aaaa(name, text):
    """Return an AAAA record."""
    return dns.Record(name, 300, rdata.AddressData(dns.AAAA, address(text)))


def srv(name, target, port=PORT, priority=1, weight=1):
    """Return an SRV record."""
    return dns.Record(name, 300, rdata.SRVData(priority, weight, port, target))


def naptr(name, regexp, services="E2U+sip"):
    """Return a terminal NAPTR record of ENUM."""
    data = rdata.NAPTRData(100, 10, b"u", services.encode(), regexp.encode(), ".")
    return dns.Record(name, 300, data)


class Registrar(Member):
    """A SIP server that says 200 to everything, or another status."""

    def __init__(self, world, addr16):
        super().__init__(world, addr16, 5060)
        self.requests = []
        self.sources = []
        self.status = 200

    def serve(self, data, source):
        """Answer a request."""
        request = parse(data)
        if request.method == "ACK":
            return
        self.requests.append(request)
        self.sources.append(source)
        response = request.response(self.status, None, "tag")
        for value in request.values("contact"):
            response.add("Contact", value)
        self.send(response.emit(), source)
