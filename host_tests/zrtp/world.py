# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two ZRTP parties on one wire in virtual time.

A party is any object with: `ssrc`; `start(now)`, `receive(packet, now)`, `tick(now)`;
`next_time()` (ms, or None: nothing to do before a packet comes); `take()` (packets to send, then
forgotten); and what came of it: `keys` ({"send": octets, "receive": octets}, master key and salt),
`sas`, `secured`, `failed`. bzrtp.py, ours.py, micropython.py and peer.py bring them.
"""

import heapq
import random

from host_tests.zrtp import derive


class Wire:
    """What becomes of a packet: path() gives its delays in ms, [] when it is lost.

    sender: 0 or 1; number: how many packets of this message type the sender sent before.
    """

    delay = 5

    def path(self, sender, packet, number):
        return [self.delay]

    def change(self, sender, packet):
        """Return what arrives in place of a packet: what an attacker in the path does."""
        return packet


class Lossy(Wire):
    """Loss, delay, duplication and reordering by a seed; each argument is a probability or ms."""

    def __init__(self, seed, loss=0.0, twice=0.0, late=0.0, delay=20, jitter=10):
        self.random = random.Random(seed)
        self.loss, self.twice, self.late = loss, twice, late
        self.base, self.jitter = delay, jitter

    def path(self, sender, packet, number):
        chance = self.random.random
        if chance() < self.loss:
            return []
        delays = [self.base + self.random.randint(0, self.jitter)]
        if chance() < self.twice:
            delays.append(self.base + self.random.randint(0, 10 * self.jitter))
        if chance() < self.late:
            delays[0] += self.random.randint(50, 400)
        return delays


class Rules(Wire):
    """Deterministic mishaps: `lose`, `double`, `late` hold (sender, message type, number)."""

    def __init__(self, lose=(), double=(), late=(), late_ms=40):
        self.lose, self.double, self.late, self.late_ms = (
            set(lose),
            set(double),
            set(late),
            late_ms,
        )
        self.hits = 0

    def path(self, sender, packet, number):
        name = (sender, derive.kind_of_packet(packet), number)
        if name in self.lose:
            self.hits += 1
            return []
        if name in self.double:
            self.hits += 1
            return [self.delay, self.delay + 1]
        if name in self.late:
            self.hits += 1
            return [self.delay + self.late_ms]
        return [self.delay]


class Roles(Wire):
    """Makes one party the responder: no HelloACK reaches it before it got a Commit.

    RFC 6189 section 5.4: a Commit is sent only after a Hello and a HelloACK were received.
    """

    def __init__(self, responder, wire=None):
        self.responder, self.wire, self.committed = responder, wire or Wire(), False

    def path(self, sender, packet, number):
        kind = derive.kind_of_packet(packet)
        if sender != self.responder:
            if kind == "HelloACK" and not self.committed:
                return []
            if kind == "Commit":
                delays = self.wire.path(sender, packet, number)
                self.committed = self.committed or bool(delays)
                return delays
        return self.wire.path(sender, packet, number)

    def change(self, sender, packet):
        return self.wire.change(sender, packet)


class Tamper(Wire):
    """An attacker in the path: function(sender, message) -> message, the CRC is made anew."""

    def __init__(self, function):
        self.function, self.hits = function, 0

    def change(self, sender, packet):
        message, ssrc, sequence = derive.unpack(packet)
        changed = self.function(sender, message)
        if changed is None or changed == message:
            return packet
        self.hits += 1
        return derive.packet(changed, ssrc, sequence)


class World:
    """Moves packets between the two parties; `log` holds (now, sender, packet, lost)."""

    def __init__(self, one, two, wire=None, start=(0, 0)):
        self.parties = (one, two)
        self.wire = wire or Wire()
        self.start = list(start)
        self.now = 0
        self.queue = []
        self.count = 0
        self.numbers = {}
        self.log = []

    def _send(self, sender):
        for data in self.parties[sender].take():
            key = (sender, derive.kind_of_packet(data))
            number = self.numbers.get(key, 0)
            self.numbers[key] = number + 1
            delays = self.wire.path(sender, data, number)
            self.log.append((self.now, sender, data, not delays))
            data = self.wire.change(sender, data)
            for delay in delays:
                self.count += 1
                heapq.heappush(self.queue, (self.now + delay, self.count, 1 - sender, data))

    def inject(self, target, data, after=0):
        """Let a third party send this packet to one side."""
        self.count += 1
        heapq.heappush(self.queue, (self.now + after, self.count, target, data))

    def step(self, limit):
        """Go to the next moment at which something happens; False if that is after limit."""
        times = [at for at in self.start if at is not None]
        if self.queue:
            times.append(self.queue[0][0])
        times += [at for at in (party.next_time() for party in self.parties) if at is not None]
        if not times or min(times) > limit:
            self.now = limit
            return False
        self.now = max(self.now, min(times))
        for side, party in enumerate(self.parties):
            if self.start[side] is not None and self.start[side] <= self.now:
                self.start[side] = None
                party.start(self.now)
                self._send(side)
        while self.queue and self.queue[0][0] <= self.now:
            _, _, target, data = heapq.heappop(self.queue)
            self.parties[target].receive(data, self.now)
            self._send(target)
        for side, party in enumerate(self.parties):
            at = party.next_time()
            if at is not None and at <= self.now:
                party.tick(self.now)
                self._send(side)
        return True

    def run(self, for_ms, until=None):
        """Run for so long, or until until() is true; returns whether it became true."""
        limit = self.now + for_ms
        while True:
            if until is not None and until():
                return True
            if not self.step(limit):
                return until is not None and until()

    def run_until_secure(self, for_ms=20000, settle=2000):
        """Run until both are secure, then a while longer, so that late packets are seen too."""
        done = self.run(for_ms, lambda: all(party.secured for party in self.parties))
        self.run(settle)
        return done

    def messages(self, sender, kind):
        """Return the messages of a type that this side sent, in order, repeated ones too."""
        return [
            data[12:-4]
            for _, side, data, _ in self.log
            if side == sender and derive.kind_of_packet(data) == kind
        ]

    def story(self):
        """Return what went over the wire as text, for a failing test."""
        return "\n".join(
            "%6d %s %-8s %4d%s"
            % (at, "-> <-".split()[side], derive.kind_of_packet(data), len(data), " lost" * lost)
            for at, side, data, lost in self.log
        )


def agree(world):
    """Assert that both sides are secure with one another: keys, SAS."""
    one, two = world.parties
    assert one.secured and two.secured, "not secure: %s\n%s" % (outcome(world), world.story())
    assert one.keys["send"] == two.keys["receive"], world.story()
    assert one.keys["receive"] == two.keys["send"], world.story()
    assert one.keys["send"] != one.keys["receive"]
    assert one.sas == two.sas, "%s %s" % (one.sas, two.sas)


def outcome(world):
    return [(p.secured, p.failed, p.sas) for p in world.parties]
