# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What two people do in one call, chosen by chance."""

from host_tests.sim.security import PLAIN, some_mix

KINDS = (
    "answer",
    "reject",
    "busy",
    "cancel",
    "cancel at once",
    "cancel against answer",
    "late offer",
    "hold",
    "hold of both",
    "glare",
    "bye of both",
    "bye against offer",
    "early bye",
)


class Plan:
    """A script; times in ms. actions(direction) are [(delay from the answer on, what)].

    what: "sendonly" (hold), "sendrecv" (resume) or "bye". mix: a name of security.MIXES;
    policies: those of caller and callee. compare: the people compare the SAS, if there is one.
    forget: which phone, 0 or 1, lost its ZRTP cache before the call, None for neither.
    """

    def __init__(self, kind, random, encrypt=False):
        self.kind = kind
        self.mix = "plain"
        self.policies = (PLAIN, PLAIN)
        self.compare = False
        self.forget = None
        if encrypt:
            mix = some_mix(random)
            self.mix = mix[0]
            self.policies = mix[1:]
            self.compare = random.random() < 0.3
            self.forget = random.choice((0, 1)) if random.random() < 0.05 else None
        self.late_offer = kind == "late offer"
        self.ring_after = random.choice((None, 0, 50, 600))
        self.answer_after = random.randint(0, 5000)
        self.reject_code = 0
        self.cancel_after = None
        self.slow_offers = random.random() < 0.5
        self.refuse_offers = random.random() < 0.2
        self.out = []  # what the caller does
        self.in_ = []  # what the callee does
        end = random.randint(2000, 60000)
        one, other = (self.out, self.in_) if random.random() < 0.5 else (self.in_, self.out)
        if kind == "reject":
            self.reject_code = random.choice((403, 404, 480, 488, 600, 603))
        elif kind == "busy":
            self.reject_code = 486
            self.answer_after = 0
            self.ring_after = None
        elif kind == "cancel":
            self.cancel_after = random.randint(1000, 20000)
            self.answer_after = None
            self.ring_after = random.choice((0, 50))
        elif kind == "cancel at once":
            self.cancel_after = random.randint(0, 20)
        elif kind == "cancel against answer":
            self.cancel_after = self.answer_after + random.randint(-100, 100)
            self.cancel_after = max(0, self.cancel_after)
        elif kind == "hold":
            one.append((1000, "sendonly"))
            one.append((random.randint(4000, 20000), "sendrecv"))
            end += 30000
        elif kind == "hold of both":
            self.out.append((random.randint(0, 9000), "sendonly"))
            self.in_.append((random.randint(0, 9000), "sendonly"))
            self.out.append((random.randint(20000, 30000), "sendrecv"))
            self.in_.append((random.randint(20000, 30000), "sendrecv"))
            end += 50000
        elif kind == "glare":
            when = random.randint(1000, 9000)
            self.out.append((when, "sendonly"))
            self.in_.append((when + random.randint(-50, 50), "sendonly"))
            when += random.randint(10000, 20000)
            self.out.append((when, "sendrecv"))
            self.in_.append((when + random.randint(-50, 50), "sendrecv"))
            end += 50000
        elif kind == "bye against offer":
            other.append((end + random.randint(-50, 50), "sendonly"))
        elif kind == "early bye":
            end = random.randint(0, 50)
        if kind == "bye of both":
            other.append((end + random.randint(-100, 100), "bye"))
        one.append((end, "bye"))
        self.until = end

    def actions(self, direction):
        return self.out if direction == "out" else self.in_

    def __repr__(self):
        return "Plan(%r, %r, out=%r, in=%r)" % (self.kind, self.mix, self.out, self.in_)
