# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/zrtp as a party of world.py, driven as its README says, with all chance from a seed."""

import random

from vox6 import zrtp
from vox6.crypto.host import HostProvider
from vox6.zrtp.cache import MemoryCache

PEER = (bytes.fromhex("20010db8000000000000000000000002"), 7078)
_SECRET_OCTETS = {"EC25": 32, "EC38": 48, "X255": 32}

# The type blocks by the names that derive.py and bzrtp.py use ("B32" has no space there).
ALGORITHMS = {
    "hashes": ("S256", "S384"),
    "ciphers": ("AES1", "AES3"),
    "auth_tags": ("HS32", "HS80"),
    "key_agreements": ("X255", "EC25", "DH3k", "EC38", "DH2k", "Mult"),
    "sas_types": ("B32", "B256"),
}


class Provider(HostProvider):
    """The host's provider with a seed; `results` keeps every DHResult."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.results = []
        self.pairs = 0

    def random(self, length):
        return self.rng.randbytes(length)

    def key_pair(self, name, exponent_bits=256, secret=None):
        self.pairs += 1
        size = _SECRET_OCTETS.get(name, exponent_bits // 8)
        return _Recorded(super().key_pair(name, exponent_bits, self.rng.randbytes(size)), self)


class _Recorded:
    def __init__(self, pair, provider):
        self.pair, self.provider = pair, provider
        self.name, self.public = pair.name, pair.public

    def agree(self, public):
        result = self.pair.agree(public)
        self.provider.results.append(bytes(result))
        return result

    def erase(self):
        self.pair.erase()


class Context:
    """One call: a zrtp.Session and its engines."""

    def __init__(self, seed=1, cache=None, provider=None, **policy):
        """policy: arguments of zrtp.Policy."""
        self.provider = provider or Provider(seed)
        self.cache = cache or MemoryCache(random.Random("zid %s" % seed).randbytes(12))
        self.session = zrtp.Session(self.provider, self.cache, zrtp.Policy(**policy))
        self.parties = []

    def open(self, ssrc):
        party = Party(ssrc=ssrc, context=self)
        return party

    def verify(self, same=True):
        if same:
            self.session.verify("Somebody")
        else:
            self.session.deny()

    def collect(self):
        for party in self.parties:
            party.collect()


class Party:
    """One stream."""

    def __init__(self, ssrc=0x55555555, context=None, **arguments):
        self.context = context or Context(**arguments)
        self.ssrc = ssrc
        self.engine = self.context.session.open(ssrc)
        self.context.parties.append(self)
        self.out = []
        self.events = []
        self.keys = {}
        self.key_events = []
        self.secure_event = None

    # ---- the driver ----

    def collect(self):
        """Take what the engine has to say."""
        for data, peer in self.engine.datagrams_to_send():
            assert peer is None
            self.out.append(bytes(data))
        while True:
            event = self.engine.next_event()
            if event is None:
                return
            self.note(event)

    def note(self, event):
        """Do what a phone does with an event."""
        self.events.append(event)
        name = type(event).__name__
        if name == "KeysReady":
            self.keys[event.direction] = bytes(event.key_salt)
            self.key_events.append(event)
        elif name == "Secured":
            self.secure_event = event
        elif name in ("Cleared", "Failed") or name == "ClearRequested" and not event.refused:
            self.keys.clear()
            self.secure_event = None

    def start(self, now):
        self.engine.start(now)
        self.context.collect()

    def receive(self, data, now):
        self.engine.receive_datagram(data, PEER, now)
        self.context.collect()

    def tick(self, now):
        self.engine.handle_timer(now)
        self.context.collect()

    def do(self, command, *arguments):
        """Give a command of the engine."""
        getattr(self.engine, command)(*arguments)
        self.context.collect()

    def next_time(self):
        return self.engine.get_timer()

    def take(self):
        out, self.out = self.out, []
        return out

    # ---- what came of it ----

    def happened(self, name):
        """Return the events of this class name."""
        return [event for event in self.events if type(event).__name__ == name]

    @property
    def secured(self):
        return self.secure_event is not None

    @property
    def sas(self):
        return self.secure_event.sas_text.replace(" ", ":") if self.secured else None

    @property
    def verified(self):
        return self.secure_event.verified

    @property
    def mismatch(self):
        return self.secure_event.mismatch

    @property
    def algorithms(self):
        return tuple(name.strip() for name in self.secure_event.algorithms)

    @property
    def role(self):
        return "Initiator" if self.secure_event.initiator else "Responder"

    @property
    def failed(self):
        failures = self.happened("Failed")
        return failures[-1].code if failures else None

    @property
    def warnings(self):
        return [event.kind for event in self.happened("Warned")]

    @property
    def hello_hash(self):
        return bytes(self.engine.hello_hash)

    def set_peer_hello_hash(self, octets):
        self.engine.set_peer_hello_hash("1.10", octets)
