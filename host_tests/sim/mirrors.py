# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two of siproxy64 in a row between two phones, over wires that lose, delay, double and reorder.

    anna -- IPv6 -- one -- IPv4 -- other -- IPv6 -- boris

Each has its whole program: table, mirror, relay and the plane by sockets, on sockets of the world.
A Witness on all wires holds every datagram against what the phones themselves have sent.
"""

import errno

from host_tests.sim.couple import ANNA, BORIS, LINKS, Couple
from host_tests.sim.rewriter import Rewriter
from host_tests.sim.world import Link, is_media
from tools.siproxy64.configuration import parse
from tools.siproxy64.portable_plane import PortablePlane
from tools.siproxy64.program import Program
from tools.siproxy64.values import show
from vox6.sip.uri import host_address, host_text
from vox6.wire import format_address

# Who is seen where: at home, in IPv4, and by the other phone.
ANNA_IN_4, BORIS_IN_4 = host_address("192.0.2.11"), host_address("192.0.2.61")
ANNA_FAR, BORIS_FAR = host_address("[2001:db8::2:a]"), host_address("[2001:db8::1:b]")
WAYS = {
    ANNA: [(ANNA, BORIS_FAR), (ANNA_IN_4, BORIS_IN_4), (ANNA_FAR, BORIS)],
    BORIS: [(BORIS, ANNA_FAR), (BORIS_IN_4, ANNA_IN_4), (BORIS_FAR, ANNA)],
}
IDLE_MS = 3_700_000  # a call whose BYE never came through is over after an hour


class Port:
    """One UDP port of a driver."""

    def __init__(self, driver, where, received):
        self.name = driver.name
        self._driver = driver
        self._where = where
        self._received = received
        driver.open.add(where)
        driver.world.attach(where[0], self, where[1])

    def receive_datagram(self, data, peer, now):
        self._received(data, self._where[0], peer[0], peer[1], 0)

    def send(self, data, local16, peer16, peer_port, traffic_class=0):
        self._driver.world.send(data, self._where, (peer16, peer_port))
        return True

    def close(self):
        if self._where in self._driver.open:
            self._driver.open.remove(self._where)
            self._driver.world.detach(*self._where)


class Driver:
    """What siproxy64 asks of a machine, on a world. open: its ports."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.open = set()

    def now(self):
        return self.world.now

    def call_at(self, when, call):
        return self.world.call_later(when - self.world.now, call)

    def udp(self, local16, port, received, wildcard=False):
        assert not wildcard
        if (local16, port) in self.open:
            raise OSError(errno.EADDRINUSE, "in use")
        return Port(self, (local16, port), received)

    def stop(self):
        pass


class Mirror:
    """One siproxy64 in a world. maps: pairs of (addr16, addr16)."""

    def __init__(self, world, name, *maps):
        text = "listen udp\n"
        for real, representation in maps:
            text += "map %s = %s\n" % (show((real, 0)), show((representation, 0)))
        settings = parse(text)
        self.driver = Driver(world, name)
        plane = PortablePlane(self.driver)
        self.program = Program(settings, self.driver, plane, world.note)
        self.program.start()
        self.sip_ports = set(self.driver.open)

    def check_idle(self):
        """All calls are over, and nothing is open but the ports for SIP."""
        relay = self.program.relay
        assert relay.calls() == [] and relay.count() == 0
        assert self.driver.open == self.sip_ports, self.driver.open - self.sip_ports
        counters = self.program.counters()
        assert set(counters) <= {"passed"}, counters


class Contact:
    """A phone as the other one calls it."""

    def __init__(self, phone, addr16):
        self.name = phone.name
        self.address = format_address(addr16)
        self.peer = (addr16, phone.peer[1])


class Witness:
    """Sees every datagram as it is sent. counters: of messages and of media, by hop."""

    def __init__(self, world):
        self._rewriter = Rewriter(world)
        self._rewriter.datagram = self._see
        self._sent = {ANNA: set(), BORIS: set()}  # by phone, in one form
        self.counters = {"messages": [0, 0, 0], "media": [0, 0, 0]}

    def _see(self, data, source, peer):
        self._rewriter.seen.clear()
        where = (source[0], peer[0])
        found = [phone for phone in WAYS if where in WAYS[phone]]
        assert found, "%s sends to %s" % tuple(map(format_address, where))
        hop = WAYS[found[0]].index(where)
        what = data if is_media(data) else plain(data)
        self.counters["media" if is_media(data) else "messages"][hop] += 1
        if hop == 0:
            self._sent[found[0]].add(what)
        else:
            assert what in self._sent[found[0]], "it was another one when it was sent: %r" % data
        return data, source, peer


def plain(data):
    """Return a message in one form, wherever it is on its way: with the phones' names alone."""
    text = data.decode()
    for phone, name in ((ANNA, "anna"), (BORIS, "boris")):
        for source, _ in WAYS[phone]:
            host = host_text(source)
            for form in (host, host.strip("[]")):
                text = text.replace(form, name)
    text = text.replace("IN IP4 ", "IN ").replace("IN IP6 ", "IN ")
    lines = text.split("\r\n")
    changed = ("Max-Forwards:", "Content-Length:")
    return "\r\n".join(line for line in lines if not line.startswith(changed))


def third(link):
    """Return a wire of which three in a row are about as bad as one."""
    least, most = link.delay_ms
    return Link(
        link.loss / 3,
        (least // 3, most // 3),
        link.duplication / 3,
        link.jump_ms // 3,
        link.jump_every_ms,
    )


class MirroredCouple(Couple):
    """Two phones that see each other through two mirrors, over three wires."""

    def __init__(self, name, seed, link=None, encrypt=False):
        super().__init__(name, seed, third(link or LINKS[name]), encrypt)
        self.witness = Witness(self.world)
        self.mirrors = (
            Mirror(self.world, "one", (ANNA, ANNA_IN_4), (BORIS_IN_4, BORIS_FAR)),
            Mirror(self.world, "other", (BORIS, BORIS_IN_4), (ANNA_IN_4, ANNA_FAR)),
        )

    def contact(self, phone):
        return Contact(phone, ANNA_FAR if phone is self.phones[0] else BORIS_FAR)

    def check_idle(self):
        super().check_idle()
        if self.world.link.loss:
            self.world.run(until=self.world.now + IDLE_MS)
        for mirror in self.mirrors:
            mirror.check_idle()
