# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Two phones in a world: they make calls by plans, and what must hold for each is checked."""

from host_tests.sim.phone import Phone
from host_tests.sim.plan import KINDS, Plan
from host_tests.sim.world import BAD, FAR, JUMPY, LAN, PERFECT, WIRELESS, World
from vox6.sdp.formats import reverse
from vox6.sip.message import reason_phrase
from vox6.zrtp.cache import MemoryCache

ANNA = bytes.fromhex("20010db80000000000000000000000aa")
BORIS = bytes.fromhex("20010db80000000000000000000000bb")

LINKS = {
    "perfect": PERFECT,
    "lan": LAN,
    "far": FAR,
    "wireless": WIRELESS,
    "bad": BAD,
    "jumpy": JUMPY,
}

# timer H, I, K and the 2xx's own end after 64 T1 or T4; a BYE on a bad line adds its own
QUIET_MS = 200_000


class Failure(AssertionError):
    """Something did not hold; the text tells the world, the seed and what went over the wire."""


class Couple:
    """Two phones in a world, and what was planned. encrypt: calls use the mixes of security.py."""

    def __init__(self, name, seed, link=None, encrypt=False):
        self.name = name
        self.encrypt = encrypt
        self.secured = {}  # mix: [calls, those with keys of ZRTP at both ends, with keys of SDP]
        # how often ZRTP knew the peer, and how
        self.known = {"first": 0, "verified": 0, "mismatch": 0, "retained": 0}
        self._entries = [None, None]  # of the other, in each phone's cache before the call
        self.world = World(seed * 1000 + list(LINKS).index(name), link or LINKS[name])
        self.plan = None
        self.phones = (
            Phone(self.world, "anna", ANNA, self.plan_of),
            Phone(self.world, "boris", BORIS, self.plan_of),
        )
        self.dialled = None  # the Call-ID that is expected
        self.given_up = set()  # Call-IDs of calls that never arrived

    def contact(self, phone):
        """Return how the other phone calls one: name, address as text, peer."""
        return phone

    def plan_of(self, session):
        if session.call_id != self.dialled:
            return False if session.call_id in self.given_up else None
        self.dialled = None
        return self.plan

    def check_settled(self):
        """While both talk and no offer is open anywhere, both know the same."""
        calls = [phone.calls for phone in self.phones]
        if len(calls[0]) != 1 or len(calls[1]) != 1:
            return
        one, other = calls[0][0], calls[1][0]
        for call in (one, other):
            if call.state != "talking" or not call.confirmed or call.pending is not None:
                return
            if call.session.is_offering() or call.negotiation.state != "stable":
                return
        a, b = one.negotiation.agreed, other.negotiation.agreed
        assert (a.active, b.active) == (True, True)
        assert a.codec == b.codec, (a.debug(), b.debug())
        assert a.direction == reverse(b.direction), (a.debug(), b.debug())
        assert (a.port, b.port) == (other.port, one.port)
        assert a.address == self.contact(self.phones[1]).address
        assert b.address == self.contact(self.phones[0]).address
        self.check_keys(one, other)
        if not one.plan.refuse_offers and one.wish is None and other.wish is None:
            assert a.send == (not other.held), (one.held, other.held, a.debug(), b.debug())
            assert b.send == (not one.held), (one.held, other.held, a.debug(), b.debug())

    def check_keys(self, one, other):
        """Both ends have the same keys, crosswise; and where ZRTP is done, the same SAS."""
        a, b = one.security, other.security
        if a.secured is None or b.secured is None:
            agreed = (a.keys.agreed, b.keys.agreed)
            assert (agreed[0] is None) == (agreed[1] is None), "keys in SDP at one end"
            if agreed[0] is not None:
                assert agreed[0].profile == agreed[1].profile
                assert agreed[0].send.key_salt == agreed[1].receive.key_salt
                assert agreed[0].receive.key_salt == agreed[1].send.key_salt
            return
        assert a.zrtp_keys["send"] == b.zrtp_keys["receive"]
        assert a.zrtp_keys["receive"] == b.zrtp_keys["send"]
        assert a.zrtp_keys["send"] != a.zrtp_keys["receive"]
        assert (a.stream.send_key, a.stream.receive_key) == (
            b.stream.receive_key,
            b.stream.send_key,
        ), "keys of ZRTP were overwritten"
        assert a.stream.send_key == a.zrtp_keys["send"]
        assert (a.secured.sas_text, a.secured.sas_type) == (b.secured.sas_text, b.secured.sas_type)
        assert a.secured.algorithms == b.secured.algorithms
        assert a.secured.initiator != b.secured.initiator
        if self.plan.compare:
            self.plan.compare = False
            a.verify(self.phones[1].name)
            b.verify(self.phones[0].name)

    def check_retained(self, security):
        """What ZRTP says of the peer is what both caches said before the call."""
        secured = security.secured
        own = self.phones.index(security.phone)
        mine, theirs = self._entries[own], self._entries[1 - own]
        shared = _secrets(mine) & _secrets(theirs)
        assert secured.first == (mine is None)
        assert secured.mismatch == (bool(_secrets(mine)) and not shared)
        assert secured.verified == (bool(shared) and mine.verified)
        assert secured.name == (mine.name if mine is not None else "")
        for name in ("first", "verified", "mismatch"):
            self.known[name] += getattr(secured, name)
        self.known["retained"] += bool(shared)

    def _look_into_caches(self):
        if self.plan.forget is not None:
            phone = self.phones[self.plan.forget]
            phone.cache = MemoryCache(phone.cache.zid)
        one, other = self.phones
        self._entries = [one.cache.get(other.cache.zid), other.cache.get(one.cache.zid)]

    def check_encryption(self, one, other):
        """What two calls that are over were to each other."""
        world = self.world
        a, b = one.security, other.security
        counts = self.secured.setdefault(one.plan.mix, [0, 0, 0])
        counts[0] += 1
        counts[1] += a.secured is not None and b.secured is not None
        counts[2] += a.keys.agreed is not None and b.keys.agreed is not None
        for security in (a, b):
            if security.secured is not None:
                self.check_retained(security)
            counters = security.stream.counters
            assert security.alarms == [], security.alarms
            for author, _ in security.stream.heard:
                assert author != security.phone.name.encode() and author != b"noise", (
                    "words of nobody"
                )
            if security.policy.required:
                assert counters["sent_clear"] == counters["clear"] == 0, "words in clear"
        if one.talking_since is None or other.talking_since is None:
            return
        together = min(one.over_at, other.over_at) - max(one.talking_since, other.talking_since)
        # a handshake is some six round trips; a person who reads aloud has more time
        if world.link.loss or together < 10_000:
            return
        zrtp = a.policy.zrtp is not None and b.policy.zrtp is not None
        states = (a.state, b.state)
        if zrtp:
            assert "securing" not in states and "clear" not in states and "sdes" not in states
            for security in (a, b):
                assert security.stream.counters["secure"], "nothing was heard"
        elif one.plan.mix in ("sdes", "sdes if you can", "sdes with feedback"):
            if not one.plan.late_offer:
                assert states == ("sdes", "sdes"), states
        else:
            assert states == ("clear", "clear"), states

    def call(self, kind):
        """Make one call of a kind and let it end; both phones have to be idle afterwards."""
        world = self.world
        self.plan = Plan(kind, world.random, self.encrypt)
        caller, callee = self.phones if world.random.random() < 0.5 else self.phones[::-1]
        world.note("---- %s, %r" % (caller.name, self.plan))
        self._look_into_caches()
        before = [len(phone.finished) for phone in self.phones]
        call = caller.dial(self.contact(callee), self.plan)
        self.dialled = call.session.call_id
        limit = world.now + self.plan.until + QUIET_MS
        world.run(until=world.now + self.plan.until + 20_000, condition=self._checked)
        world.run(until=limit, condition=lambda: not caller.calls and not callee.calls)
        for phone in self.phones:
            assert not phone.calls, "%s: not over: %s" % (
                phone.name,
                phone.calls[0].session.debug(),
            )
        # a callee that never heard of the call is as idle as one whose call is over
        ends = [phone.finished[length:] for phone, length in zip(self.phones, before, strict=True)]
        mine, theirs = ends if caller is self.phones[0] else ends[::-1]
        assert [one.session for one in mine] == [call.session]
        assert len(theirs) <= 1, "one call became two"
        if theirs:
            self.check_encryption(call, theirs[0])
        elif self.dialled is not None:
            self.given_up.add(self.dialled)  # its last INVITE may be on the way
        return call, theirs[0] if theirs else None

    def call_somehow(self, kind):
        """Make one call whose end nobody can foretell; only end it must."""
        world = self.world
        self.plan = Plan(kind, world.random, self.encrypt)
        caller, callee = self.phones if world.random.random() < 0.5 else self.phones[::-1]
        world.note("---- %s, %r" % (caller.name, self.plan))
        self.dialled = caller.dial(self.contact(callee), self.plan).session.call_id
        limit = world.now + self.plan.until + QUIET_MS
        world.run(until=limit, condition=lambda: not caller.calls and not callee.calls)
        for phone in self.phones:
            for call in list(phone.calls):
                # what a person would do with a call that hangs
                world.note("%s: hung: %s" % (phone.name, call.session.debug()))
                phone.give_up(call)

    def _checked(self):
        self.check_settled()
        return not self.phones[0].calls and not self.phones[1].calls

    def check_idle(self):
        """Nothing is left over after the last timers."""
        self.world.run(until=self.world.now + QUIET_MS)
        for phone in self.phones:
            agent = phone.engine
            left = (len(agent.sessions), len(agent.layer.clients), len(agent.layer.servers))
            assert left == (0, 0, 0), "%s: left over: %s" % (phone.name, agent.debug())
            assert len(agent.layer.timers) == 0, agent.debug()
            assert agent.get_timer() is None
            assert agent.next_event() is None
            assert agent.datagrams_to_send() == []


def _secrets(entry):
    """Return the retained secrets of a cache entry."""
    if entry is None:
        return set()
    return {secret for secret in (entry.rs1, entry.rs2) if secret is not None}


def explain(couple, error):
    lines = ["%s (world %s, seed %d)" % (error, couple.name, couple.world.seed)]
    start = 0
    for i, (_, text) in enumerate(couple.world.trace):
        if text.startswith("----"):
            start = i
    for when, text in couple.world.trace[start:]:
        lines.append("%9d %s" % (when, text))
    return "\n".join(lines)


def expected(kind, plan, mine, theirs):
    """What has to come of a call where nothing gets lost."""
    if plan.reject_code:
        return (
            mine == "failed %d" % plan.reject_code and theirs == "rejected %d" % plan.reject_code
        )
    if kind == "cancel":
        return mine == "failed 487" and theirs == "cancelled"
    if kind.startswith("cancel"):
        cancelled = mine == "failed 487" and theirs in ("cancelled", "ended", None)
        return cancelled or {mine, theirs} == {"hung up", "ended"}
    if kind == "bye against offer" and {mine, theirs} & {"lost: " + reason_phrase(481)}:
        # the 481 to the re-INVITE overtook the BYE (RFC 5407 section 3.2.2)
        return "hung up" in (mine, theirs)
    if kind == "bye of both":
        return mine in ("hung up", "ended") and theirs in ("hung up", "ended")
    return {mine, theirs} == {"hung up", "ended"}


def run_world(name, seed, calls, encrypt=True, couple=Couple):
    """Let two phones make calls of all kinds; return the Couple and {(kind, ends): how often}."""
    couple = couple(name, seed, encrypt=encrypt)
    outcomes = {}
    try:
        for i in range(calls):
            kind = KINDS[i % len(KINDS)]
            mine, theirs = couple.call(kind)
            key = (kind, mine.outcome, theirs.outcome if theirs else None)
            outcomes[key] = outcomes.get(key, 0) + 1
            if couple.world.link.loss == 0:
                assert expected(*key[:1], mine.plan, *key[1:]), key
            for phone in couple.phones:
                assert phone.strange == [], phone.strange
        couple.check_idle()
    except Exception as error:
        raise Failure(explain(couple, repr(error))) from error
    return couple, outcomes
