# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the tests of lib/zrtp share: a provider with a seed, two engines on one wire."""

from vox6 import crypto
from vox6.zrtp import MemoryCache, Policy, Session, packet
from vox6.zrtp import messages as m

A_ZID = b"alice alice "
B_ZID = b"bob bob bob "
QUICK = ("X255", "Mult")
PEER = (bytes(15) + b"\x01", 7078)


class Provider:
    """The real one, but random octets repeat, so that a failure does too."""

    def __init__(self, seed=1):
        self.real = crypto.provider()
        self.state = seed * 7919 + 1
        self.key_agreements = self.real.key_agreements
        self.pairs = []

    def random(self, length):
        out = bytearray()
        for _ in range(length):
            self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
            out.append(self.state >> 16 & 255)
        return bytes(out)

    def key_pair(self, name, exponent_bits=256):
        self.pairs.append((name, exponent_bits))
        return self.real.key_pair(name, exponent_bits)

    def __getattr__(self, name):
        return getattr(self.real, name)


def policy(**more):
    """Return a policy with a quick key agreement."""
    more.setdefault("key_agreements", QUICK)
    return Policy(**more)


def session(zid=A_ZID, seed=1, cache=None, **more):
    """Return one side of a call."""
    return Session(Provider(seed), cache or MemoryCache(zid), policy(**more))


def take(engine):
    """Return the events of an engine."""
    out = []
    while True:
        event = engine.next_event()
        if event is None:
            return out
        out.append(event)


def kinds(events):
    """Return the names of events."""
    return [type(event).__name__ for event in events]


def sent(engine):
    """Return the messages that an engine sends."""
    return [m.parse(packet.parse(data)[0]) for data, _ in engine.datagrams_to_send()]


def names(messages):
    """Return the types of messages."""
    return [message.kind.strip() for message in messages]


def give(engine, message, ssrc=2, now=0):
    """Give an engine a message (an object or octets) in a packet."""
    octets = message if isinstance(message, bytes) else message.emit()
    engine.receive_datagram(packet.emit(octets, 7, ssrc), PEER, now)


def run_alone(engine, until):
    """Fire timers up to a time; return [(time, type)] of what is sent."""
    out = [(0, message.kind.strip()) for message in sent(engine)]
    while True:
        when = engine.get_timer()
        if when is None or when > until:
            return out
        engine.handle_timer(when)
        out += [(when, message.kind.strip()) for message in sent(engine)]


class Pair:
    """Two sessions with one stream each, and a wire that may lose or change messages.

    change: called with (sender "a" or "b", octets of a message); returns octets, or None to lose
    it. log: [(sender, type)]. events: {"a": [...], "b": [...]}.
    """

    def __init__(self, a=None, b=None, change=None, delay=0):
        self.a = a or session(A_ZID, 1)
        self.b = b or session(B_ZID, 2)
        self.now = 0
        self.change = change or (lambda sender, octets: octets)
        self.delay = delay
        self.log = []
        self.events = {"a": [], "b": []}
        self.streams = []
        self.air = []  # (when, receiver, data)
        self.open()

    def open(self, ssrc=1):
        """Add a stream; return its two engines."""
        one = self.a.open(0x100 + ssrc)
        two = self.b.open(0x200 + ssrc)
        self.streams.append((one, two))
        return one, two

    @property
    def one(self):
        return self.streams[0][0]

    @property
    def two(self):
        return self.streams[0][1]

    def start(self, number=0, who="ab"):
        """Begin a stream."""
        for index in range(2):
            if "ab"[index] in who:
                self.streams[number][index].start(self.now)
        return self

    def _drain(self):
        moved = False
        for pair in self.streams:
            for index in range(2):
                engine = pair[index]
                for data, _ in engine.datagrams_to_send():
                    moved = True
                    octets, sequence, ssrc = packet.parse(data)
                    self.log.append(("ab"[index], m.block_text(octets[4:12]).strip()))
                    octets = self.change("ab"[index], octets)
                    if octets is not None:
                        data = packet.emit(octets, sequence, ssrc)
                        self.air.append((self.now + self.delay, pair[1 - index], data))
                self.events["ab"[index]] += take(engine)
        return moved

    def run(self, for_ms=1000):
        """Let time pass."""
        end = self.now + for_ms
        while True:
            while self._drain():
                pass
            times = [when for when, _, _ in self.air]
            for pair in self.streams:
                for engine in pair:
                    if engine.get_timer() is not None:
                        times.append(engine.get_timer())
            if not times or min(times) > end:
                self.now = end
                return self
            self.now = max(self.now, min(times))
            due = [item for item in self.air if item[0] <= self.now]
            self.air = [item for item in self.air if item[0] > self.now]
            for _, engine, data in due:
                engine.receive_datagram(data, PEER, self.now)
                self._drain()
            for pair in self.streams:
                for engine in pair:
                    if engine.get_timer() is not None and engine.get_timer() <= self.now:
                        engine.handle_timer(self.now)
                        self._drain()

    def of(self, side, kind):
        """Return the events of a kind of one side."""
        return [event for event in self.events[side] if type(event).__name__ == kind]

    def keys(self, side):
        """Return {direction: key_salt} of the last keys of one side."""
        return {e.direction: bytes(e.key_salt) for e in self.of(side, "KeysReady")}

    def agree(self):
        """Return whether both sides have the same keys and SAS, the right way round."""
        a = self.keys("a")
        b = self.keys("b")
        return (
            len(a) == 2
            and a["send"] == b["receive"]
            and a["receive"] == b["send"]
            and a["send"] != a["receive"]
            and self.of("a", "Secured")[-1].sas_text == self.of("b", "Secured")[-1].sas_text
        )


def call(a_cache, b_cache, change=None, a_more=None, b_more=None, seed=1):
    """Make one call with these caches to its end of handshake; return the Pair."""
    a = session(A_ZID, seed, a_cache, **(a_more or {}))
    b = session(B_ZID, seed + 1, b_cache, **(b_more or {}))
    return Pair(a, b, change).start().run()


def caches():
    """Return two empty caches."""
    return MemoryCache(A_ZID), MemoryCache(B_ZID)
