# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Names to addresses: the driver of lib/dns (RFC 1035, RFC 3263), loaded at the first name.

Servers may be IPv4 (v4-mapped), for a phone that has no IPv6 yet. Nothing here waits: results come
by call backs.
"""

from firmware.net.driver import Driver
from vox6.wire import const

_ANY = b"\x00" * 16
ANY4 = b"\x00" * 10 + b"\xff\xff" + b"\x00" * 4
_PORT = const(53)
_QUEUE = const(4)  # an answer, and what others guess
_ENETUNREACH = const(101)


def is_mapped(addr16):
    """Return whether an address is an IPv4 one in the form of this border."""
    return addr16[:12] == ANY4[:12]


def _datagrams_alone(transport):
    return transport == "UDP"


class Names:
    """Asks the DNS servers that access.py has found.

    watch, unwatch: of the reactor. buffer: bytearray for one datagram, used while reading.
    servers: addr16 of each, best first.
    """

    def __init__(self, net6, network, clock, random, buffer):
        self._net6 = net6
        self._network = network
        self._clock = clock
        self._random = random
        self._buffer = buffer
        self.watch = None
        self.unwatch = None
        self.servers = []
        self.can_use = _datagrams_alone  # function (transport of SIP): whether we can use it
        self.expect = None  # function (peer, domain): whose certificate a peer of TLS must have
        self._driver = None
        self._resolver = None
        self._locator = None
        self._endpoints = {}  # (local port, IPv4): endpoint
        self._questions = []  # those by TCP
        self._lookups = []  # (name, type, call back)
        self._locations = []  # (location, call back)
        self._draining = False

    def _load(self):
        if self._driver is not None:
            return
        from vox6.dns.locate import Locator
        from vox6.dns.resolver import Resolver

        self._resolver = Resolver(self._random)
        self._locator = Locator(self._resolver, self._random, ("UDP", "TCP", "TLS"))
        self._driver = Driver(
            "dns", self._resolver, self._clock, self._send, self._on_event, self._on_error
        )
        self._tell_servers()

    def set_servers(self, servers):
        """Take the DNS servers; another network's answers are forgotten."""
        if servers == self.servers:
            return
        other = True
        for server in servers:
            other = other and server not in self.servers
        self.servers = list(servers)
        if self._driver is not None:
            if other:
                self._resolver.cache.clear()
            self._tell_servers()
            self.drain()

    def _tell_servers(self):
        self._resolver.set_servers([(one, _PORT) for one in self.servers], self._clock.now())

    def lookup(self, name, rtype, callback):
        """Have callback(records, reason) called: data of lib/dns, none of them with a reason.

        ProtocolError: not a name, or too many at once.
        """
        from vox6.dns.name import canonical

        self._load()
        self._resolver.resolve(name, rtype, self._clock.now())
        self._lookups.append((canonical(name), rtype, callback))
        self.drain()

    def locate(self, host, port, transport, secure, callback):
        """Have callback(candidates, reason) called: where a SIP URI leads, in the order to try.

        secure: a SIPS URI. Returns what cancel() takes. ProtocolError: not a name, or a transport
        that we do not speak.
        """
        self._load()
        location = self._locator.locate(host, port, transport, secure, self._clock.now())
        self._locations.append((location, callback))
        self.drain()
        return location

    def cancel(self, location):
        """Nobody waits for a location any more."""
        if location is not None:
            self._locator.cancel(location)
            self._locations = [one for one in self._locations if one[0] is not location]

    # The engine

    def drain(self):
        """Send questions, call back with what is known."""
        if self._driver is None or self._draining:
            return
        self._draining = True
        try:
            while True:
                self._driver.drain()
                event = self._locator.next_event()
                if event is None:
                    break
                self._on_located(event)
        finally:
            self._draining = False
            self._close_ports()

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        return None if self._driver is None else self._driver.get_timer()

    def handle_timer(self, now):
        """Ask again, or give up."""
        if self._driver is not None:
            self._driver.handle_timer(now)
            self.drain()

    def _on_event(self, event):
        self._locator.receive_event(event, self._clock.now())
        records = getattr(event, "records", [])
        reason = getattr(event, "reason", "" if records else "not found")
        for entry in list(self._lookups):
            if entry[0] == event.name and entry[1] == event.rtype:
                self._lookups.remove(entry)
                entry[2](records, reason)

    def _on_located(self, event):
        candidates = getattr(event, "candidates", [])
        reason = getattr(event, "reason", "")
        for entry in list(self._locations):
            if entry[0] is event.location:
                self._locations.remove(entry)
                entry[1](candidates, reason)

    def _on_error(self, peer, errno):
        self._resolver.server_failed(peer, "UDP", self._clock.now())

    # Sockets: the engine chooses a local port for each question

    def _send(self, data, peer, transport, port):
        four = is_mapped(peer[0])
        local = None if four else self._network.source_for(peer[0])
        if local is None and not four:
            raise OSError(_ENETUNREACH, "no address for this DNS server")
        if transport == "TCP":
            self._ask_by_stream(data, peer, local)
            return
        endpoint = self._endpoints.get((port, four))
        if endpoint is None:
            try:
                endpoint = self._net6.Endpoint(ANY4 if four else _ANY, port, queue=_QUEUE)
            except OSError:
                self._resolver.port_failed(port, self._clock.now())
                return
            self._endpoints[(port, four)] = endpoint
            if self.watch is not None:
                self.watch(endpoint, lambda now: self._read(endpoint, port))
        endpoint.send(data, peer[0], peer[1], local)

    def _ask_by_stream(self, data, peer, local):
        """Ask by TCP: an answer did not fit a datagram. IPv4 is for datagrams alone."""
        if local is None or self.watch is None:
            self._resolver.server_failed(peer, "TCP", self._clock.now())
            return
        try:
            stream = self._net6.Stream(peer[0], peer[1], local)
        except OSError:
            self._resolver.server_failed(peer, "TCP", self._clock.now())
            return
        from firmware.net.dns_stream import StreamQuestion

        self._questions.append(
            StreamQuestion(stream, peer, data, self.watch, self.unwatch, self._on_answer)
        )

    def _on_answer(self, question, answer):
        self._questions.remove(question)
        if answer is None:
            self._resolver.server_failed(question.peer, "TCP", self._clock.now())
        else:
            self._driver.receive(answer, question.peer, 0)
        self.drain()

    def _read(self, endpoint, port):
        self._driver.read(endpoint, self._buffer, port)
        self.drain()

    def _close_ports(self):
        if self._questions:
            awaited = self._resolver.streams()
            for question in list(self._questions):
                if (question.peer, question.id) not in awaited:
                    self._questions.remove(question)
                    question.close()
        if not self._endpoints:
            return
        ports = self._resolver.ports()
        for key in list(self._endpoints):
            if key[0] not in ports:
                endpoint = self._endpoints.pop(key)
                if self.unwatch is not None:
                    self.unwatch(endpoint)
                endpoint.close()
