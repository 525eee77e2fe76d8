# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A world with one clock, in which datagrams get lost, late, doubled and out of order.

Nothing waits: the clock jumps to the next thing to happen. All chance comes from one seed, so that
a seed that fails once fails always.

    world = World(7, Link(loss=0.1, delay_ms=(5, 200), duplication=0.05))
    world.attach(address, node)         # node.receive_datagram(data, peer, now) is called
    world.send(data, source, peer)      # peer = (addr16, port)
    world.call_later(250, function)
    world.run(until=10_000)
"""

import heapq
import itertools
import random


class Link:
    """How datagrams travel. delay_ms: (least, most), uniform, so a wide range reorders.

    loss, duplication: probabilities. A doubled datagram travels twice, each time by itself.
    jump_ms, jump_every_ms: the way changes after each such time at the most: up to jump_ms are
    added for all that goes from then on.
    """

    def __init__(self, loss=0.0, delay_ms=(5, 5), duplication=0.0, jump_ms=0, jump_every_ms=1):
        self.loss = loss
        self.delay_ms = delay_ms
        self.duplication = duplication
        self.jump_ms = jump_ms
        self.jump_every_ms = jump_every_ms

    def __repr__(self):
        return "Link(loss=%g, delay_ms=%r, duplication=%g)" % (
            self.loss,
            self.delay_ms,
            self.duplication,
        )


PERFECT = Link()
LAN = Link(delay_ms=(0, 2))
FAR = Link(delay_ms=(120, 180))
WIRELESS = Link(loss=0.05, delay_ms=(2, 120), duplication=0.05)
BAD = Link(loss=0.2, delay_ms=(20, 900), duplication=0.15)
JUMPY = Link(loss=0.02, delay_ms=(10, 60), duplication=0.02, jump_ms=2500, jump_every_ms=1500)


class Timer:
    """One thing to happen; cancel() takes it back."""

    def __init__(self, function):
        self.function = function

    def cancel(self):
        self.function = None


class World:
    """The clock, the queue of what will happen, and the wires between nodes."""

    def __init__(self, seed, link=PERFECT):
        self.seed = seed
        self.random = random.Random(seed)
        self.link = link
        self.now = 0
        self.counters = {"sent": 0, "lost": 0, "doubled": 0, "delivered": 0, "nowhere": 0}
        self.jumps = 0
        self._detour = 0  # ms of the way that is taken now
        self._detour_until = 0
        self.trace = []  # (time, text), the newest 400
        self._queue = []
        self._order = itertools.count()
        self._nodes = {}

    def attach(self, addr16, node, port=None):
        """Put a node on the wire under an address, or under one port of it."""
        self._nodes[addr16 if port is None else (addr16, port)] = node

    def detach(self, addr16, port=None):
        """Take the address or port away: what is sent there gets lost."""
        del self._nodes[addr16 if port is None else (addr16, port)]

    def note(self, text):
        """Keep a line for whoever looks into a failure."""
        self.trace.append((self.now, text))
        if len(self.trace) > 400:
            del self.trace[:100]

    def call_later(self, delay_ms, function):
        """Call a function after a time; return its Timer."""
        timer = Timer(function)
        entry = (self.now + max(0, int(delay_ms)), next(self._order), timer)
        heapq.heappush(self._queue, entry)
        return timer

    def send(self, data, source, peer):
        """Send a datagram; source and peer are (addr16, port)."""
        self.counters["sent"] += 1
        link = self.link
        copies = 1
        if self.random.random() < link.loss:
            self.counters["lost"] += 1
            if data[:1] != b"\x80":
                self.note("lost: %s" % (data[16:24] if is_media(data) else data[:60]))
            copies = 0
        elif self.random.random() < link.duplication:
            self.counters["doubled"] += 1
            copies = 2
        for _ in range(copies):
            delay = self.random.randint(*link.delay_ms) + self._way()
            self.call_later(delay, lambda: self._deliver(data, source, peer))

    def _way(self):
        """Return how much longer the present way is than the shortest one."""
        link = self.link
        if link.jump_ms and self.now >= self._detour_until:
            self._detour_until = self.now + self.random.randint(1, link.jump_every_ms)
            self._detour = self.random.choice((0, self.random.randint(0, link.jump_ms)))
            self.jumps += 1
        return self._detour

    def _deliver(self, data, source, peer):
        node = self._nodes.get(peer)
        if node is None and not is_media(data):
            node = self._nodes.get(peer[0])
        if node is None:
            self.counters["nowhere"] += 1
            return
        self.counters["delivered"] += 1
        if data[:1] != b"\x80":  # voice would drown the rest
            self.note("to %s: %s" % (node.name, _first_lines(data)))
        node.receive_datagram(data, source, self.now)

    def step(self):
        """Let the next thing happen; return False if there is none."""
        while self._queue:
            when, _, timer = heapq.heappop(self._queue)
            if timer.function is None:
                continue
            self.now = when
            timer.function()
            return True
        return False

    def run(self, until=None, condition=None, steps=1_000_000):
        """Let things happen: until nothing is left, a time has come or a condition holds."""
        for _ in range(steps):
            if condition is not None and condition():
                return True
            while self._queue and self._queue[0][2].function is None:
                heapq.heappop(self._queue)  # cancelled: its time is not the next one
            if until is not None and (not self._queue or self._queue[0][0] > until):
                self.now = max(self.now, until)
                return False
            if not self.step():
                return False
        raise AssertionError("no end after %d steps" % steps)


def is_media(data):
    """Whether a datagram is RTP or ZRTP: both begin with two bits that no text has."""
    return len(data) >= 12 and (data[0] & 0xC0 == 0x80 or data[0] == 0x10)


def _first_lines(data):
    if is_media(data):
        return "ZRTP %s" % data[16:24].decode("latin-1").strip()
    text = data.decode("utf-8", "replace")
    first = text.partition("\r\n")[0]
    for line in text.split("\r\n"):
        if line.startswith("CSeq:"):
            first += " | " + line[6:]
        elif line.startswith("m=") or line in ("a=sendonly", "a=inactive", "a=recvonly"):
            first += " | " + line
    return first


class EngineNode:
    """The driver of one engine in the world: what firmware/net does on a phone.

    Subclasses set self.engine and take events in handle_event(event).
    """

    def __init__(self, world, name, peer):
        self.world = world
        self.name = name
        self.peer = peer  # our own (addr16, port)
        self.engine = None
        self._timer = None
        self._draining = False
        world.attach(peer[0], self)

    def receive_datagram(self, data, peer, now):
        self.engine.receive_datagram(data, peer, now)
        self.drain()

    def handle_event(self, event):
        raise NotImplementedError

    def drain(self):
        """Send, take events, arm one timer: after each call into the engine."""
        if self._draining:
            return
        self._draining = True
        try:
            while True:
                for data, peer, *_ in self.engine.datagrams_to_send():
                    self.world.send(data, self.peer, peer)
                event = self.engine.next_event()
                if event is None:
                    break
                self.world.note("%s: %r" % (self.name, event))
                self.handle_event(event)
            for data, peer, *_ in self.engine.datagrams_to_send():
                self.world.send(data, self.peer, peer)
        finally:
            self._draining = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.engine.get_timer()
        if due is not None:
            self._timer = self.world.call_later(due - self.world.now, self._handle_timer)

    def _handle_timer(self):
        self._timer = None
        self.engine.handle_timer(self.world.now)
        self.drain()
