# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A user agent that talks in numbers: each description is a number, each answer names its offer.

For what phone.py does not do: reliable provisional responses with descriptions, UPDATE before and
after the answer, offers asked for, session timers, all at random and at both ends at once.
"""

from host_tests.sim.world import EngineNode
from vox6 import crypto
from vox6.sip.agent import Agent
from vox6.wire.errors import LocalProtocolError

LIVE = ("Proceeding", "Ringing", "Answering", "Confirmed")


class Talk:
    """One end of one call. agreed: (offer, answer) of the last exchange that was done here."""

    def __init__(self, session, answers):
        self.session = session
        self.answers = answers  # whether, if it is called, it takes the call
        self.agreed = None
        self.offer = None  # ours that is out: octets, b"" when we ask for one
        self.theirs = None  # the peer's, to be answered
        self.said = None  # what went reliably, until PRACK
        self.over = None

    def __repr__(self):
        return "%s agreed %r" % (self.session.debug(), self.agreed)


class Talker(EngineNode):
    """One agent in a world, and the call that it is in."""

    def __init__(self, world, name, addr16):
        super().__init__(world, name, (addr16, 5060))
        self.random = world.random
        self.engine = Agent(crypto.provider(), self._octets)
        self.engine.set_local(addr16, 5060, 0)
        self.engine.session_expires_s = 90
        self.talk = None
        self.talks = []
        self.number = 0
        self.counts = {}

    def _octets(self, length):
        return bytes(self.random.randrange(256) for _ in range(length))

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def _later(self, least, most, function, talk):
        def then():
            if talk.over is None:
                function(talk)
                self.drain()

        self.world.call_later(self.random.randint(least, most), then)

    def _offer(self):
        self.number += 1
        return b"%s offers %d" % (self.name.encode(), self.number)

    def _answer(self, offer):
        self.number += 1
        return b"%s answers %d to " % (self.name.encode(), self.number) + offer

    def call(self, other):
        """Call another talker."""
        offer = b"" if self.random.random() < 0.3 else self._offer()
        uri = "sip:x@[%s]" % ":".join(
            "%x" % (a << 8 | b) for a, b in zip(*[iter(other.peer[0])] * 2)
        )
        talk = Talk(self.engine.invite(uri, other.peer, self.world.now, offer), True)
        talk.offer = offer
        self._begin(talk)
        if self.random.random() < 0.1:
            self._later(10, 4000, self._give_up, talk)
        self.drain()

    def _begin(self, talk):
        self.talk = talk
        self.talks.append(talk)
        for _ in range(self.random.randint(0, 5)):
            self._later(50, 100000, self._try_offer, talk)
        for _ in range(self.random.randint(0, 3)):
            self._later(50, 5000, self._try_offer, talk)
        self._later(1000, 200000, self._hang_up, talk)

    def _give_up(self, talk):
        if talk.session.state in ("Calling", "Proceeding"):
            talk.session.cancel(self.world.now)

    def _hang_up(self, talk):
        state = talk.session.state
        if state in ("Confirmed", "Accepted", "Answering"):
            talk.session.bye(self.world.now)
            talk.over = "hung up"
        elif state in ("Calling", "Proceeding"):
            talk.session.cancel(self.world.now)
        elif state in ("Incoming", "Ringing"):
            talk.session.reject(self.world.now, 480)
            talk.over = "refused"

    def _try_offer(self, talk):
        """Offer anew by whatever is allowed; what comes too early is told by OfferDue."""
        session = talk.session
        if session.state not in LIVE or talk.offer is not None or talk.theirs is not None:
            return
        offer = self._offer()
        try:
            if self.random.random() < 0.5:
                session.update(self.world.now, offer)
                self.count("updates" if session.state == "Confirmed" else "early updates")
            else:
                if self.random.random() < 0.2:
                    offer = b""
                session.reinvite(self.world.now, offer)
                self.count("reinvites")
            talk.offer = offer
        except LocalProtocolError:
            self.count("too early")

    # events

    def handle_event(self, event):
        session = getattr(event, "session", None)
        if session is None:
            return
        name = type(event).__name__
        if name == "CallReceived":
            self._received(event)
            return
        talk = [talk for talk in self.talks if talk.session is session][0]
        if talk.over is not None:
            raise AssertionError("%s: %s after %s" % (self.name, name, talk.over))
        getattr(self, "_on_" + name)(talk, event)

    def _received(self, event):
        talk = Talk(event.session, self.random.random() < 0.9)
        talk.theirs = event.body or None
        self._begin(talk)
        for _ in range(self.random.randint(0, 3)):
            self._later(0, 2000, self._ring, talk)
        self._later(500, 4000, self._accept if talk.answers else self._hang_up, talk)

    def _ring(self, talk):
        """Ring in one of the ways that there are."""
        session = talk.session
        if session.state not in ("Incoming", "Ringing"):
            return
        body = b""
        if talk.said is None and talk.agreed is None and self.random.random() < 0.7:
            body = self._answer(talk.theirs) if talk.theirs else self._offer()
            talk.said = body
            self.count("described")
        # a reliable response without description may not be the first to a late offer
        reliable = True if body else None
        session.ring(self.world.now, 183 if body else 180, body, reliable)

    def _accept(self, talk):
        session = talk.session
        if session.state not in ("Incoming", "Ringing"):
            return
        body = self._answer(talk.theirs) if talk.theirs else self._offer()
        described = talk.said is not None or talk.agreed is not None
        session.accept(self.world.now, body)
        if not described:
            if talk.theirs:
                talk.agreed = (talk.theirs, body)
            else:
                talk.offer = body
            talk.theirs = None

    def _on_ProvisionalAcknowledged(self, talk, event):
        if talk.said is None:
            return
        if talk.theirs:
            talk.agreed = (talk.theirs, talk.said)
        else:
            talk.agreed = (talk.said, event.body)
            assert event.body
        talk.said = talk.theirs = None
        self.count("acknowledged")

    def _on_CallProgressed(self, talk, event):
        if not event.reliable or not event.body or talk.agreed is not None:
            return
        if talk.offer:
            talk.agreed = (talk.offer, event.body)
            talk.offer = None
            return
        # the offer that we asked for
        if talk.theirs is None:
            talk.theirs = event.body
            self._later(0, 1000, self._acknowledge_provisional, talk)

    def _acknowledge_provisional(self, talk):
        if talk.session.state != "Proceeding":
            return
        answer = self._answer(talk.theirs)
        talk.session.acknowledge_provisional(self.world.now, answer)
        talk.agreed = (talk.theirs, answer)
        talk.theirs = talk.offer = None

    def _on_CallAnswered(self, talk, event):
        if event.agreed:
            assert talk.agreed is not None and event.body in talk.agreed[:2], (event.body, talk)
            return
        if talk.offer:
            talk.agreed = (talk.offer, event.body)
            talk.offer = None
            return
        answer = self._answer(event.body)
        talk.session.acknowledge(self.world.now, answer)
        talk.agreed = (event.body, answer)
        talk.offer = None

    def _on_CallConfirmed(self, talk, event):
        if event.body:
            talk.agreed = (talk.offer, event.body)
            talk.offer = None

    def _on_OfferReceived(self, talk, event):
        assert talk.theirs is None
        talk.theirs = event.body
        prompt = event.body == b"" or self.random.random() < 0.5
        self._later(0, 0 if prompt else 1500, self._answer_offer, talk)

    def _answer_offer(self, talk):
        offer = talk.theirs
        if offer is None:
            return
        talk.theirs = None
        if self.random.random() < 0.2:
            talk.session.reject_offer(self.world.now, 488)
        elif offer:
            answer = self._answer(offer)
            talk.session.accept_offer(self.world.now, answer)
            talk.agreed = (offer, answer)
        else:
            talk.offer = self._offer()
            talk.session.accept_offer(self.world.now, talk.offer)

    def _on_OfferCancelled(self, talk, event):
        talk.theirs = None

    def _on_OfferAnswered(self, talk, event):
        offer = talk.offer
        talk.offer = None
        if offer:
            talk.agreed = (offer, event.body)
        else:
            answer = self._answer(event.body)
            talk.session.acknowledge(self.world.now, answer)
            talk.agreed = (event.body, answer)

    def _on_OfferFailed(self, talk, event):
        talk.offer = None
        self.count("%d" % event.status)

    def _on_OfferDue(self, talk, event):
        self.count("due")
        self._try_offer(talk)

    def _on_CallFailed(self, talk, event):
        talk.over = "failed %d" % event.status

    def _on_CallEnded(self, talk, event):
        talk.over = "ended: " + event.reason

    def _on_CallCancelled(self, talk, event):
        talk.over = "cancelled"
