# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One call of anna to boris on a wire that somebody holds in his hands."""

from host_tests.sim.couple import Couple
from host_tests.sim.plan import Plan
from host_tests.sim.rewriter import Rewriter
from host_tests.sim.security import Policy, Security
from vox6.sdp.offer_answer import AudioResult
from vox6.zrtp.cache import MemoryCache

MALLORY = bytes.fromhex("20010db80000000000000000000000ee")
ZRTP = Policy({})
SAVP = Policy(sdes="offer", proto="RTP/SAVP")
AVP_KEYS = Policy(sdes="offer")


class Scene:
    """Two phones and a Rewriter; call() makes a call that stands until hang_up().

    anna, boris: their Call of the last call(), also when it is over.
    """

    def __init__(self, anna=ZRTP, boris=ZRTP, seed=1):
        self.couple = Couple("lan", seed)
        self.world = self.couple.world
        self.rewriter = Rewriter(self.world)
        self.policies = (anna, boris)
        self.anna = self.boris = None

    def call(self, until=15_000):
        """Dial, answer, and let time pass."""
        couple = self.couple
        couple.plan = plan = Plan("answer", self.world.random)
        plan.policies = self.policies
        plan.answer_after = 300
        plan.slow_offers = plan.refuse_offers = False
        plan.out, plan.in_ = [], []
        caller, callee = couple.phones
        before = len(callee.finished)
        self.rewriter.seen.clear()
        self.anna = caller.dial(callee, plan)
        couple.dialled = self.anna.session.call_id
        self.run(until)
        theirs = callee.calls + callee.finished[before:]
        self.boris = theirs[0] if theirs else None
        return self

    def run(self, milliseconds):
        self.world.run(until=self.world.now + milliseconds)

    def hold(self, call, direction="sendonly"):
        """One side re-INVITEs."""
        self.phone_of(call).offer(call, direction)
        self.run(5000)

    def hang_up(self):
        for call in (self.anna, self.boris):
            if call is not None and call.state == "talking":
                self.phone_of(call).hang_up(call)
                self.run(3000)
        self.run(1000)

    def phone_of(self, call):
        return self.couple.phones[0 if call is self.anna else 1]

    @property
    def states(self):
        """What both owners see; "" for one who has no call."""
        return tuple(
            call.security.state if call is not None and call.state == "talking" else ""
            for call in (self.anna, self.boris)
        )

    @property
    def ends(self):
        """How the call ended for both, None while it stands."""
        return tuple(call.outcome if call else "never heard" for call in (self.anna, self.boris))

    @property
    def alarms(self):
        return tuple(call.security.alarms if call else [] for call in (self.anna, self.boris))


class MiddleMan:
    """Takes part in ZRTP with both, as the other for each. One a call.

    He has an end for each victim. signalling: he also puts himself into their descriptions.
    zids: {victim: the ZID that he shows it}, his own ones where it has none.
    """

    name = "mallory"

    def __init__(self, scene, signalling=True, zids=None):
        self.world = scene.world
        self.rewriter = scene.rewriter
        self.provider = scene.couple.phones[0].provider
        self.ends = {}
        for i, phone in enumerate(scene.couple.phones):
            victim = phone.peer[0]
            zid = (zids or {}).get(victim) or self.world.random.randbytes(12)
            self.cache = MemoryCache(zid)
            self.ends[victim] = Security(self, ZRTP, ["PCMU"], 1, (MALLORY, 7000 + 2 * i))
        self.ports = {}
        if signalling:
            self.rewriter.description = self._description
        else:
            self.rewriter.description = self._learn
            self.rewriter.datagram = self._datagram

    def other(self, victim):
        return next(one for one in self.ends if one != victim)

    def _learn(self, lines, source):
        """Hear from a victim's description where its voice is, and call it."""
        result = AudioResult()
        for line in lines:
            if line.startswith("c="):
                result.address = line.split(" ")[2]
            elif line.startswith("m="):
                result.port = int(line.split(" ")[1])
            elif line.startswith("a=zrtp-hash:1.10 "):
                result.zrtp_hash = ("1.10", bytes.fromhex(line[17:]))
        self.ports[source[0]] = result.port
        if len(self.ports) == 2:
            self.world.call_later(0, lambda: self.ends[source[0]]._apply(result))
        else:
            first = self.ends[source[0]]
            self.world.call_later(600, lambda: first._apply(result))
        return lines

    def _description(self, lines, source):
        self._learn(lines, source)
        end = self.ends[self.other(source[0])]
        out = []
        for line in lines:
            if line.startswith("c="):
                line = "c=IN IP6 2001:db8::ee"
            elif line.startswith("m="):
                fields = line.split(" ")
                line = " ".join([fields[0], str(end.local[1]), *fields[2:]])
            elif line.startswith("a=zrtp-hash:"):
                line = "a=zrtp-hash:" + end.negotiation.zrtp_hash
            out.append(line)
        return out

    def _datagram(self, data, source, peer):
        """Media between the two goes to him, and his goes to them with a false source."""
        if data[:1] not in (b"\x10", b"\x80"):
            return data, source, peer
        if source[0] == MALLORY:
            # he shows each the address of the other
            other = self.other(peer[0])
            return data, (other, self.ports[other]), peer
        return data, (source[0], source[1]), self.ends[source[0]].local

    def close(self):
        self.rewriter.description = self.rewriter.datagram = None
        for end in self.ends.values():
            end.close()
