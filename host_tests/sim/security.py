# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Offer, answer and keys of one call: lib/sdp, lib/srtp, lib/zrtp and a Stream, joined as firmware
joins them.

ZRTP's keys are final: once it keyed a direction, keys in SDP change nothing there. Encryption
never ends by a description: an offer or answer that would do so is refused.
"""

import random

from host_tests.sim.stream import Stream
from vox6 import zrtp
from vox6.crypto.host import HostProvider
from vox6.sdp import Negotiation
from vox6.srtp import SecurityDescriptions, profiles
from vox6.wire import RemoteProtocolError, parse_address
from vox6.zrtp import events

ALL_PROTOS = ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")
_SECRET_OCTETS = {"EC25": 32, "EC38": 48, "X255": 32}


class SeededProvider(HostProvider):
    """The host's cryptography with all chance from one seed: a world has to repeat."""

    def __init__(self, chance):
        self.chance = chance

    def random(self, length):
        return self.chance.randbytes(length)

    def key_pair(self, name, exponent_bits=256, secret=None):
        while secret is None:
            try:
                octets = _SECRET_OCTETS.get(name, exponent_bits // 8)
                return super().key_pair(name, exponent_bits, self.chance.randbytes(octets))
            except ValueError:
                pass  # beyond the order of the curve, once in 2^32 times
        return super().key_pair(name, exponent_bits, secret)


class Policy:
    """What the owner of a phone allows in a call.

    zrtp: None, or the arguments of zrtp.Policy. sdes: "off"; "answer": keys in SDP are taken;
    "offer": they are offered too, in the transport proto. required: never in clear.
    """

    def __init__(self, zrtp=None, sdes="off", proto="RTP/AVP", required=False, suites=None):
        self.zrtp = zrtp
        self.sdes = sdes
        self.proto = proto
        self.required = required
        self.suites = suites or profiles.NAMES

    def __repr__(self):
        return "Policy(zrtp=%r, sdes=%r, %r%s)" % (
            self.zrtp,
            self.sdes,
            self.proto,
            ", required" if self.required else "",
        )


PLAIN = Policy()


class Refused(Exception):
    """A description that is sound but not taken; for an offer: 488."""


class Security:
    """One call's descriptions and keys.

    secured: zrtp.events.Secured or None. failed: list of Failed. alarms: what the owner is told.
    """

    def __init__(self, phone, policy, codecs, session_id, local):
        self.phone = phone
        self.world = phone.world
        self.policy = policy
        self.local = local
        self.negotiation = Negotiation(
            session_id, codecs, protos=ALL_PROTOS if policy.sdes != "off" else ("RTP/AVP",)
        )
        self.stream = Stream(self.world, phone.name, local, self._receive, self._authenticated)
        self.stream.required = policy.required
        self.keys = SecurityDescriptions(phone.provider.random, policy.suites)
        self.secured = None
        self.failed = []
        self.alarms = []
        self.zrtp_keys = {}  # direction: (profile, key_salt)
        self.peer_found = False
        self._peer_hash = None
        self._timer = None
        self._started = False
        self._closed = False
        self.session = self.engine = None
        if policy.zrtp is not None:
            self.session = zrtp.Session(phone.provider, phone.cache, zrtp.Policy(**policy.zrtp))
            self.engine = self.session.open(self.world.random.getrandbits(32))
            self.negotiation.zrtp_hash = "1.10 " + self.engine.hello_hash.hex()

    @property
    def state(self):
        """The owner sees "clear", "sdes", "securing", "encrypted", "verified" or "mismatch"."""
        if self.secured is not None:
            if self.secured.mismatch:
                return "mismatch"
            return "verified" if self.secured.verified else "encrypted"
        if self.stream.send_key is not None and self.stream.receive_key is not None:
            return "sdes"
        return "securing" if self.peer_found and not self.failed else "clear"

    # descriptions

    def create_offer(self, direction="sendrecv"):
        how = {}
        agreed = self.keys.agreed is not None
        if self.policy.sdes == "offer" or agreed:
            how["crypto"] = self.keys.create_offer()
            if not agreed:
                how["proto"] = self.policy.proto
        return self.negotiation.create_offer(self.phone.address, self.local[1], direction, **how)

    def offer_rejected(self):
        self.negotiation.offer_rejected()
        if self.keys.state == "local-offer":
            self.keys.offer_rejected()

    def receive_answer(self, body):
        """Take an answer; RemoteProtocolError or Refused: the call cannot go on with it."""
        result = self.negotiation.receive_answer(body)
        self._check(result)
        if self.keys.state == "local-offer":
            required = result.is_secure_profile or self.keys.agreed is not None
            if not self.keys.receive_answer(result.crypto_lines, required):
                self.world.note("%s: no keys in the answer" % self.phone.name)
        self._check_hash(result)
        self._apply(result)
        return result

    def receive_offer(self, body):
        """Take an offer; RemoteProtocolError or Refused: it is rejected already."""
        result = self.negotiation.receive_offer(body)
        try:
            self._check(result)
            usable = False
            if self.policy.sdes != "off" and result.crypto_lines:
                try:
                    self.keys.receive_offer(result.crypto_lines)
                    usable = True
                except RemoteProtocolError:
                    self.alarms.append("unusable keys")
            if not usable and result.is_secure_profile:
                raise Refused("no usable keys")
            if not usable and self.keys.agreed is not None:
                self.alarms.append("the offer would end encryption")
                raise Refused("the offer would end encryption")
            self._check_hash(result)
        except Refused:
            self.reject_offer()
            raise
        return result

    def create_answer(self, direction="sendrecv"):
        how = {}
        if self.keys.state == "remote-offer":
            how["crypto"] = self.keys.create_answer()
        body = self.negotiation.create_answer(self.phone.address, self.local[1], direction, **how)
        self._apply(self.negotiation.agreed)
        return body

    def reject_offer(self):
        if self.negotiation.state == "remote-offer":
            self.negotiation.reject_offer()
        if self.keys.state == "remote-offer":
            self.keys.reject_offer()

    def _check(self, result):
        if result.problem is not None or not result.active:
            raise Refused(result.debug())
        try:
            parse_address(result.address)
        except RemoteProtocolError:
            raise Refused("a name where an address is needed")

    def _check_hash(self, result):
        """A Hello is one a stream, so its hash cannot change in a call."""
        if self.engine is None:
            return
        if self._peer_hash is not None and result.zrtp_hash != self._peer_hash:
            self.alarms.append("zrtp-hash changed")
            raise Refused("zrtp-hash changed")

    def _apply(self, result):
        """Use what was agreed: keys, address, ZRTP."""
        now = self.world.now
        agreed = self.keys.agreed
        if agreed is not None:
            for direction, new, attribute in (
                ("send", agreed.send_is_new, agreed.send),
                ("receive", agreed.receive_is_new, agreed.receive),
            ):
                if new and direction not in self.zrtp_keys:
                    self.stream.secure(direction, agreed.profile, attribute.key_salt)
        self.stream.open((parse_address(result.address), result.port))
        if self.engine is None:
            return
        if self._peer_hash is None and result.zrtp_hash is not None:
            self._peer_hash = result.zrtp_hash
            self.engine.set_peer_hello_hash(*result.zrtp_hash)
        if not self._started:
            self._started = True
            self.engine.start(now)
        self._drain()

    # ZRTP

    def _receive(self, data, peer):
        if self._started and not self._closed and zrtp.is_zrtp(data):
            self.engine.receive_datagram(data, peer, self.world.now)
            self._drain()

    def _authenticated(self):
        if "receive" in self.zrtp_keys and self.secured is None:
            self.engine.srtp_authenticated(self.world.now)
            self._drain()

    def _handle_timer(self):
        self._timer = None
        self.engine.handle_timer(self.world.now)
        self._drain()

    def _drain(self):
        for data, _ in self.engine.datagrams_to_send():
            self.stream.send(data)
        while True:
            event = self.engine.next_event()
            if event is None:
                break
            self._take(event)
        for data, _ in self.engine.datagrams_to_send():
            self.stream.send(data)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.engine.get_timer()
        if due is not None and not self._closed:
            self._timer = self.world.call_later(due - self.world.now, self._handle_timer)

    def _take(self, event):
        self.world.note("%s: %s" % (self.phone.name, type(event).__name__))
        if isinstance(event, events.PeerFound):
            self.peer_found = True
        elif isinstance(event, events.KeysReady):
            profile = profiles.from_zrtp(event.cipher, event.auth_tag)
            self.stream.secure(event.direction, profile, event.key_salt)
            self.zrtp_keys[event.direction] = (profile, bytes(event.key_salt))
        elif isinstance(event, events.Committed):
            self.stream.silent = True
        elif isinstance(event, events.Secured):
            self.secured = event
            self.stream.silent = False
        elif isinstance(event, events.Failed):
            self.failed.append(event)
            self.stream.silent = False
            if event.attack:
                self.alarms.append("attack: " + event.text)
            self._fall_back()
        elif isinstance(event, events.Warned):
            self.alarms.append(event.kind)
        elif not isinstance(event, events.PeerSilent):
            raise AssertionError("an event that nobody takes: %s" % type(event).__name__)

    def _fall_back(self):
        """Keys of an unfinished exchange are void: those in SDP count again, or none."""
        if self.secured is not None:
            return
        agreed = self.keys.agreed
        for direction in list(self.zrtp_keys):
            del self.zrtp_keys[direction]
            if agreed is None:
                self.stream.secure(direction, None)
            else:
                attribute = agreed.send if direction == "send" else agreed.receive
                self.stream.secure(direction, agreed.profile, attribute.key_salt)

    def verify(self, name):
        """The people compared the SAS and found it the same."""
        self.session.verify(name)
        self._drain()

    def close(self):
        """The call is over."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.stream.close()
        if self.session is not None:
            self.session.close(self.world.now)
            assert self.engine.get_timer() is None
            assert self.engine.datagrams_to_send() == []


def some_algorithms(chance):
    """Return arguments of zrtp.Policy: some of each kind in some order."""

    def some(names):
        names = list(names)
        chance.shuffle(names)
        return tuple(names[: chance.randint(1, len(names))])

    return {
        "hashes": some(("S256", "S384")),
        "ciphers": some(("AES1", "AES3")),
        "auth_tags": some(("HS32", "HS80")),
        "key_agreements": some(("X255", "EC25", "EC38", "DH2k", "DH3k")),
        "sas_types": some(("B32 ", "B256")),
    }


# name: what caller and callee do; chance is a random.Random
MIXES = {
    "plain": lambda chance: (PLAIN, PLAIN),
    "zrtp": lambda chance: (Policy(some_algorithms(chance)), Policy(some_algorithms(chance))),
    "zrtp of the caller": lambda chance: (Policy(some_algorithms(chance)), PLAIN),
    "zrtp of the callee": lambda chance: (PLAIN, Policy(some_algorithms(chance))),
    "zrtp required": lambda chance: (
        Policy(some_algorithms(chance), required=True),
        Policy(some_algorithms(chance)),
    ),
    "sdes": lambda chance: (Policy(sdes="offer", proto="RTP/SAVP"), Policy(sdes="answer")),
    "sdes if you can": lambda chance: (Policy(sdes="offer"), Policy(sdes="offer")),
    "sdes not there": lambda chance: (Policy(sdes="offer"), PLAIN),
    "sdes with feedback": lambda chance: (
        Policy(sdes="offer", proto="RTP/SAVPF", suites=("AES_CM_128_HMAC_SHA1_32",)),
        Policy(sdes="offer", proto="RTP/SAVP"),
    ),
    "zrtp over sdes": lambda chance: (
        Policy(some_algorithms(chance), "offer", "RTP/SAVP"),
        Policy(some_algorithms(chance), "offer", "RTP/SAVP"),
    ),
}
_SHARES = ["plain"] * 4 + ["zrtp"] * 6 + [name for name in MIXES if name not in ("plain", "zrtp")]


def some_mix(chance):
    """Return (name, policy of the caller, policy of the callee)."""
    name = chance.choice(_SHARES)
    return (name, *MIXES[name](random.Random(chance.getrandbits(64))))
