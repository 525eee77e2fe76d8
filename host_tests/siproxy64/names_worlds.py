# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Names for tests of the mirror: a clock that a test turns, and a DNS server with a zone."""

from host_tests.unit.dns.helpers import SERVER, Seed, octets, reply
from tools.siproxy64.servers import Servers
from tools.siproxy64.table import side
from vox6 import dns
from vox6.dns import message, rdata


class _Timer:
    def __init__(self, when, call):
        self.when = when
        self.call = call

    def cancel(self):
        self.call = None


class _Port:
    def __init__(self, network, port, received):
        self.network = network
        self.port = port
        self.received = received

    def send(self, data, local16, peer16, peer_port):
        self.network.question(self, data, (peer16, peer_port))
        return True

    def close(self):
        self.received = None


class Network:
    """A driver with a clock of its own; what is asked of SERVER is answered out of a zone."""

    def __init__(self):
        self.time = 0
        self.asked = []
        self.silent = False
        self._zone = {}
        self._timers = []

    def host(self, name, *addresses):
        for addr16 in addresses:
            rtype, host = (dns.A, addr16[12:]) if side(addr16) else (dns.AAAA, addr16)
            self._zone.setdefault((name, rtype), []).append(rdata.AddressData(rtype, host))

    def service(self, name, *targets):
        """SRV of a name: hosts at port 5060, the best first."""
        records = [rdata.SRVData(i, 1, 5060, targets[i]) for i in range(len(targets))]
        self._zone[(name, dns.SRV)] = records

    def servers(self):
        return Servers(self, Seed(7), lambda: [SERVER])

    def question(self, port, data, peer):
        question = dns.Message.parse(data).questions[0]
        key = (dns.canonical(question.name), question.rtype)
        self.asked.append(key)
        if self.silent or peer != SERVER:
            return
        found = [dns.Record(key[0], 60, one) for one in self._zone.get(key, ())]
        answer = octets(reply(data, found, rcode=message.NOERROR if found else message.NXDOMAIN))

        def arrive():
            if port.received is not None:
                port.received(answer, bytes(16), peer[0], peer[1], 0)

        self.call_at(self.time, arrive)

    # what a driver has

    def now(self):
        return self.time

    def call_at(self, when, call):
        timer = _Timer(when, call)
        self._timers.append(timer)
        return timer

    def udp(self, local16, port, received, wildcard=False):
        return _Port(self, port, received)

    def wait(self, ms=0):
        """Let time pass."""
        end = self.time + ms
        while True:
            due = [one for one in self._timers if one.when <= end]
            if not due:
                self.time = end
                return
            first = min(due, key=lambda one: one.when)
            self._timers.remove(first)
            self.time = max(self.time, first.when)
            if first.call is not None:
                first.call()
