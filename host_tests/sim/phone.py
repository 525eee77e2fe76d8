# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A phone without hardware: lib/sip, lib/sdp and what encrypts, wired as firmware wires them.

It does what a Plan says, with some slowness; what happened to each call is kept in its Call.
"""

from host_tests.sim.security import Refused, Security, SeededProvider
from host_tests.sim.world import EngineNode
from vox6 import crypto
from vox6.sip import Agent, events
from vox6.wire import RemoteProtocolError, format_address
from vox6.zrtp.cache import MemoryCache

CRYPTO = crypto.provider()
CODECS = ("G722", "PCMU", "PCMA")


class Call:
    """One call as one phone sees it.

    state: "calling", "ringing", "talking", "over". outcome: how it ended, None before.
    """

    def __init__(self, session, plan, security):
        self.session = session
        self.plan = plan
        self.security = security
        self.negotiation = security.negotiation
        self.state = "calling"
        self.outcome = None
        self.held = False  # by us
        self.wish = None  # a direction that we have yet to offer
        self.offers = 0  # re-INVITEs of ours that were answered
        self.was_talking = False
        self.overtaken = False  # an offer of ours gave way to one of the peer's
        self.confirmed = False  # the ACK has been sent or has come
        self.late = False  # the offer is in our 2xx
        self.pending = None  # the body of an offer that we have yet to answer
        self.port = security.local[1]
        self.talking_since = None
        self.over_at = None


class Phone(EngineNode):
    """Makes and takes calls by a plan.

    plan_of(session) tells the plan of a call that comes in, None for one that nobody expects,
    False for one that its caller gave up before.
    """

    def __init__(self, world, name, addr16, plan_of, port=5060):
        super().__init__(world, name, (addr16, port))
        self.address = format_address(addr16)
        self.plan_of = plan_of
        self.random = world.random
        self.provider = SeededProvider(world.random)
        self.cache = MemoryCache(world.random.randbytes(12))
        self.calls = []
        self.finished = []
        self.strange = []  # what no honest peer does; a test that forges nothing wants it empty
        self.next_rtp_port = 4000
        self.engine = Agent(CRYPTO, self._octets, user=name)
        self.engine.set_local(addr16, port, world.now)
        self.drain()

    def _octets(self, length):
        return self.random.randbytes(length)

    def _security(self, policy):
        codecs = list(CODECS)
        self.random.shuffle(codecs)
        codecs = codecs[: self.random.randint(2, 3)]
        local = (self.peer[0], self._port())
        return Security(self, policy, codecs, self.random.getrandbits(62), local)

    def _port(self):
        self.next_rtp_port = 4000 + (self.next_rtp_port - 3998) % 2000
        return self.next_rtp_port

    def find(self, session):
        for call in self.calls:
            if call.session is session:
                return call
        raise AssertionError("%s: an event of a call that is over" % self.name)

    # commands

    def dial(self, other, plan):
        """Call another phone."""
        security = self._security(plan.policies[0])
        body = b""
        if not plan.late_offer:
            body = security.create_offer()
        session = self.engine.invite(
            "sip:%s@[%s]" % (other.name, other.address), other.peer, self.world.now, body
        )
        call = Call(session, plan, security)
        self.calls.append(call)
        if plan.cancel_after is not None:
            self.world.call_later(plan.cancel_after, lambda: self.cancel(call))
        self.drain()
        return call

    def cancel(self, call):
        if call.state in ("calling", "ringing"):
            call.session.cancel(self.world.now)
            self.drain()

    def answer(self, call):
        if call.state != "ringing":
            return
        if call.late:
            body = call.security.create_offer()
        else:
            body = call.security.create_answer()
        call.session.accept(self.world.now, body)
        self._talk(call)
        self.drain()

    def reject(self, call, code):
        if call.state == "ringing":
            call.session.reject(self.world.now, code)
            self._over(call, "rejected %d" % code)
            self.drain()

    def offer(self, call, direction):
        """Hold ("sendonly") or resume ("sendrecv"), as soon as no other offer is open."""
        if call.state != "talking":
            return
        call.held = direction != "sendrecv"
        call.wish = direction
        self._try_offer(call)

    def _try_offer(self, call):
        if call.state != "talking" or call.wish is None:
            return
        if call.session.is_offering() or call.pending is not None or not call.confirmed:
            self.world.call_later(self.random.randint(20, 400), lambda: self._try_offer(call))
            return
        direction = call.wish
        call.wish = None
        if direction == "sendonly":
            direction = call.negotiation.hold_direction()
        call.offered = direction
        body = call.security.create_offer(direction)
        call.session.reinvite(self.world.now, body)
        self.drain()

    def hang_up(self, call):
        if call.state == "talking":
            call.session.bye(self.world.now)
            self._over(call, "hung up")
            self.drain()

    def give_up(self, call):
        """Get rid of a call by whatever its state allows."""
        if call.state == "talking":
            self.hang_up(call)
        elif call.session.direction == "in":
            self.reject(call, 480)
        else:
            self.cancel(call)

    def _talk(self, call):
        call.state = "talking"
        call.was_talking = True
        call.talking_since = self.world.now
        call.pending = None
        for delay, what in call.plan.actions(call.session.direction):
            if what == "bye":
                self.world.call_later(delay, lambda: self.hang_up(call))
            else:
                self.world.call_later(delay, lambda what=what: self.offer(call, what))

    def _over(self, call, outcome):
        if call.state == "over":
            raise AssertionError("%s: over twice: %s, %s" % (self.name, call.outcome, outcome))
        call.state = "over"
        call.outcome = outcome
        call.over_at = self.world.now
        call.security.close()
        self.world.note("%s: over: %s" % (self.name, outcome))
        self.calls.remove(call)
        self.finished.append(call)

    # events

    def handle_event(self, event):
        if isinstance(event, events.CallReceived):
            self._received(event)
            return
        if not isinstance(event, events.SessionEvent):
            return
        call = self.find(event.session)
        handler = getattr(self, "_on_" + type(event).__name__, None)
        if handler is None:
            raise AssertionError("an event that nobody takes: %r" % event)
        handler(call, event)

    def _received(self, event):
        plan = self.plan_of(event.session)
        if plan is None:
            self.strange.append("a call that nobody made")
        if not plan:
            event.session.reject(self.world.now, 486)
            return
        call = Call(event.session, plan, self._security(plan.policies[1]))
        call.state = "ringing"
        call.late = not event.body
        call.confirmed = False
        self.calls.append(call)
        if event.body and not self._read(call, call.security.receive_offer, event.body):
            call.session.reject(self.world.now, 488)
            self._over(call, "rejected 488")
            return
        later = self.world.call_later
        if plan.ring_after is not None:
            later(plan.ring_after, lambda: self._ring(call))
        if plan.reject_code:
            later(plan.answer_after, lambda: self.reject(call, plan.reject_code))
        elif plan.answer_after is not None:
            later(plan.answer_after, lambda: self.answer(call))

    def _read(self, call, reader, body):
        """Give a body to the negotiation; return whether it can be used."""
        try:
            reader(body)
        except (RemoteProtocolError, Refused) as error:
            self.strange.append("%s (%s)" % (error, call.negotiation.debug()))
            return False
        return True

    def _ring(self, call):
        if call.state == "ringing":
            call.session.ring(self.world.now)
            self.drain()

    def _on_CallProgressed(self, call, event):
        call.state = "ringing"

    def _on_CallAnswered(self, call, event):
        body = b""
        if call.plan.late_offer:
            good = self._read(call, call.security.receive_offer, event.body)
            if good:
                body = call.security.create_answer()
            call.session.acknowledge(self.world.now, body)
        else:
            good = self._read(call, call.security.receive_answer, event.body)
        call.confirmed = True
        self._talk(call)
        if not good:
            self.hang_up(call)

    def _on_CallConfirmed(self, call, event):
        call.confirmed = True
        if call.late and not self._read(call, call.security.receive_answer, event.body):
            self.hang_up(call)

    def _on_CallFailed(self, call, event):
        self._over(call, "failed %d" % event.status)

    def _on_CallEnded(self, call, event):
        self._over(call, "ended" if event.message is not None else "lost: " + event.reason)

    def _on_CallCancelled(self, call, event):
        self._over(call, "cancelled")

    def _on_OfferReceived(self, call, event):
        assert call.state == "talking", call.state
        call.pending = event.body
        if call.plan.slow_offers:
            delay = self.random.randint(0, 1500)
            self.world.call_later(delay, lambda: self._answer_offer(call))
        else:
            self._answer_offer(call)

    def _answer_offer(self, call):
        if call.state != "talking" or call.pending is None:
            return
        body = call.pending
        call.pending = None
        if call.plan.refuse_offers and self.random.random() < 0.3:
            call.session.reject_offer(self.world.now, 488)
        else:
            direction = "sendonly" if call.held else "sendrecv"
            if not body:
                self.strange.append("an offer asked for")
                call.session.reject_offer(self.world.now, 488)
            elif self._read(call, call.security.receive_offer, body):
                answer = call.security.create_answer(direction)
                call.session.accept_offer(self.world.now, answer)
                if call.overtaken:
                    call.wish = None  # the answer says it
                    call.overtaken = False
            else:
                call.session.reject_offer(self.world.now, 488)
        self.drain()

    def _on_OfferCancelled(self, call, event):
        call.pending = None

    def _on_OfferAnswered(self, call, event):
        call.offers += 1
        if not self._read(call, call.security.receive_answer, event.body):
            self.hang_up(call)

    def _on_OfferFailed(self, call, event):
        call.security.offer_rejected()
        if event.due:
            # both offered at once: OfferDue tells when ours may go, unless our answer to theirs
            # says the same, as firmware does it
            call.wish = "sendonly" if call.held else "sendrecv"
            call.overtaken = True
            return
        # refused: what was agreed holds
        call.held = call.negotiation.agreed.direction in ("sendonly", "inactive")

    def _on_OfferDue(self, call, event):
        self._try_offer(call)
