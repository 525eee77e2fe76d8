# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the events of the SIP engine do to the calls (lib/sip/README.md lists them)."""

from firmware import log
from firmware.phone.audio import Unacceptable
from firmware.phone.call import OUTGOING, Call
from firmware.phone.dial import caller_text
from firmware.ui import wording
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

_BUSY_MS = const(1000)
FAULT_REASON = 'SIP;cause=500;text="Fault"'
_IPV4_REASON = 'SIP;cause=488;text="IPv4 media address"'
_MEDIA_REASON = 'SIP;cause=488;text="Media not acceptable"'


class Events:
    """Takes the events of one SIP agent for a Phone."""

    def __init__(self, phone):
        self.phone = phone
        self._busy_at = None  # when a refusal was logged last
        self._busy = 0  # refusals since

    def on_event(self, event):
        """Take one event of the SIP engine."""
        name = type(event).__name__
        handler = getattr(self, "_on_" + name, None)
        if handler is None:
            log.say("sip", "event " + name)
            return
        now = self.phone.clock.now()
        try:
            handler(event, now)
        except Exception as exc:  # out of memory, or a mistake of ours
            log.exception("call", exc)
            self._give_up(event, now)
        self.phone.sounds.update()

    def _give_up(self, event, now):
        """A fault in an event: the peer gets an answer; a call that stands goes on."""
        session = getattr(event, "session", None)
        if session is None:
            return
        call = self.phone.of(session)
        name = type(event).__name__
        try:
            if name == "OfferReceived":
                session.reject_offer(now, 500)
            elif name == "CallReceived":
                session.reject(now, 500)
            elif name in ("CallAnswered", "CallConfirmed"):
                session.bye(now, FAULT_REASON)
        except LocalProtocolError as exc:
            log.say("call", str(exc))
        if call is not None and name != "OfferReceived" and call.state != "talking":
            self.phone.end(call, wording.FAULT, "congestion", now)

    def _transfers(self):
        from firmware.phone import transfer

        return transfer

    def tell(self, call, status, reason, now):
        """Tell the peer for whom a call of ours was made how it goes; a final status ends that."""
        if call.referred is not None:
            self._transfers().tell(call.referred, status, now, reason)
            if status >= 200:
                call.referred = None

    def _on_TransferProgressed(self, event, now):
        call = self.phone.of(event.session)
        if call is not None:
            self._transfers().progressed(self.phone, call, event)

    def _on_TransferDone(self, event, now):
        call = self.phone.of(event.session)
        if call is not None:
            self._transfers().done(self.phone, call, event, now)

    def _on_ReferReceived(self, event, now):
        self._transfers().asked(self.phone, event, now)

    def _say_busy(self, uri, now):
        """Log a refusal, one a second: a flood must not push all else out of the log."""
        if self._busy_at is None or now - self._busy_at >= _BUSY_MS:
            more = " (and %d more)" % self._busy if self._busy else ""
            log.say("call", "busy for " + uri + more)
            self._busy_at = now
            self._busy = 0
        else:
            self._busy += 1

    def _on_CallReceived(self, event, now):
        session = event.session
        if event.replaces is not None:
            self._transfers().replace(self.phone, event, now)
            return
        line = self.phone.free_line()
        if line is None or (self.phone.is_used() and not self.phone.settings.get("call.waiting")):
            session.reject(now, 486)
            self._say_busy(session.remote_uri, now)
            self.phone.note_missed(session.remote_uri, session.remote_display_name, now)
            return
        if event.body:
            kind = (event.content_type or "").partition(";")[0].strip().lower()
            if kind != "application/sdp":
                session.reject(now, 415, headers=(("Accept", "application/sdp"),))
                return
        audio = self.phone.make_audio(None, session.peer[0])
        if event.body:
            try:
                audio.take_offer(event.body)
            except Unacceptable as exc:
                log.say("call", "refused: %s" % exc.text)
                session.reject(now, exc.status, headers=exc.headers(self.phone.agent_name()))
                return
        session.ring(now)
        self.phone.drain()  # 180 before anything slow
        call = Call(line, "in", session, session.remote_uri, session.remote_display_name, now)
        call.take(audio)
        call.late_offer = not event.body
        if event.referred_by:
            call.note = wording.SENT_BY % caller_text(event.referred_by)
        call.peer = session.peer
        call.deadline = now + 1000 * self.phone.settings.get("call.answer_s")
        self.phone.lines[line] = call
        focused = self.phone.lines[self.phone.focus]
        if focused is None or not focused.is_live():
            self.phone.focus = line
        log.say("call", "%d from %s" % (line + 1, session.remote_uri))
        if self.phone.on_incoming is not None:
            self.phone.on_incoming()

    def _on_CallProgressed(self, event, now):
        call = self.phone.of(event.session)
        if call is None or call.state not in OUTGOING:
            return
        self.tell(call, event.status, None, now)
        if event.status == 180:
            call.to("ringback", now)
        elif call.state == "calling":
            call.to("progress", now)
        if event.status == 199 and call.early is not None and call.early[1] == event.fork:
            call.early = None
            call.audio.silence()  # our ring-back tone again
        elif event.body:
            # Early media (RFC 3960): the sound of the other side instead of our ring-back tone.
            # Of several early dialogs the one that speaks last is heard.
            try:
                call.audio.take_answer(event.body, False, event.fork)
                # Whoever talks on the other line is heard by the peer there alone.
                elsewhere = call.line != self.phone.focus and self.phone.is_talking()
                call.audio.apply(elsewhere)
                call.early = (event.body, event.fork)
                self.phone.started(call)
            except (Unacceptable, OSError) as exc:
                log.say("media", "early media: %s" % exc)

    def _on_CallAnswered(self, event, now):
        call = self.phone.of(event.session)
        if call is None:
            self._hang_up_stranger(event.session, now)
            return
        if call.line != self.phone.focus and self.phone.is_talking():
            call.held_here = True  # somebody else is being talked to: told by Changes.settle
        else:
            self.phone.changes.hold_others(call.line, now)
        try:
            # Agreed: an early dialog said all reliably; then our offer is open no more if
            # another one has followed it (UPDATE).
            if not event.agreed or call.audio.is_offering():
                call.audio.take_answer(event.body, True, event.session.dialog.remote_tag)
            call.audio.apply(call.held_here)
        except Unacceptable as exc:
            reason = _IPV4_REASON if exc.text == wording.IPV4_ONLY else _MEDIA_REASON
            self.phone.bye(call, exc.text, "congestion", reason, now)
            return
        except OSError as exc:
            log.say("media", "not opened: %s" % exc)
            self.phone.bye(call, wording.MEDIA_FAILED % exc, "congestion", _MEDIA_REASON, now)
            return
        self.tell(call, 200, None, now)
        call.to("talking", now)
        call.talking_since = now
        call.deadline = None
        call.held_there = call.audio.is_held_there()
        self.phone.started(call)
        call.audio.protection.talking(now)
        log.say("call", "%d answered, %s" % (call.line + 1, call.audio.codec))
        self.phone.changes.settle(call, now)

    def _hang_up_stranger(self, session, now):
        """A 2xx that crossed our CANCEL: RFC 3261 section 9.1 leaves a call to end."""
        try:
            session.bye(now)
        except LocalProtocolError:
            pass

    def _on_CallConfirmed(self, event, now):
        call = self.phone.of(event.session)
        if call is None or call.state != "answering":
            return
        if call.late_offer:
            # Answer to the offer in our 200 (late offer, RFC 3261 section 13.2.1).
            try:
                call.audio.take_answer(event.body)
                call.audio.apply(call.held_here)
                self.phone.started(call)
            except (Unacceptable, OSError) as exc:
                text = exc.text if isinstance(exc, Unacceptable) else wording.MEDIA_FAILED % exc
                reason = _IPV4_REASON if text == wording.IPV4_ONLY else _MEDIA_REASON
                self.phone.bye(call, text, "congestion", reason, now)
                return
            call.late_offer = False
        call.to("talking", now)
        call.held_there = call.audio.is_held_there()
        call.audio.protection.talking(now)
        log.say("call", "%d answered here, %s" % (call.line + 1, call.audio.codec))
        self.phone.changes.settle(call, now)

    def _on_CallFailed(self, event, now):
        call = self.phone.of(event.session)
        if call is None:
            return
        status = event.status
        tone = "congestion"
        if status in (486, 600, 603):
            tone = "busy"
        text = wording.status_text(status, event.reason)
        if call.unreachable:
            text = wording.NO_WAY
        if call.direction == "out" and self.phone.outgoing.redirected(call, event, now):
            return
        if status == 503 and event.message is None:  # no connection, perhaps: what was said of it
            text = self.phone.connection_reason(event.session) or text
        if call.direction == "in":
            text = wording.ENDED if call.talking_since is not None else wording.NOT_ANSWERED_HERE
        log.say("call", "%d failed: %s" % (call.line + 1, text))
        self.tell(call, status, event.reason, now)
        self.phone.end(call, text, tone, now)

    def _on_CallEnded(self, event, now):
        call = self.phone.of(event.session)
        if call is None:
            return
        log.say("call", "%d ended by the other side" % (call.line + 1))
        self.phone.end(call, wording.ENDED_THERE, "ended", now)

    def _on_CallCancelled(self, event, now):
        call = self.phone.of(event.session)
        if call is None:
            return
        self.phone.note_missed(call.uri, event.session.remote_display_name, now)
        self.phone.end(call, wording.CANCELLED_THERE, None, now)

    def _on_OfferReceived(self, event, now):
        call = self.phone.of(event.session)
        session = event.session
        if call is None or call.audio is None:
            session.reject_offer(now, 488)
            return
        if call.audio.is_offering():  # an UPDATE before the call is answered
            if call.early is None or call.early[1] != event.fork:
                session.reject_offer(now, 488)
                return
            try:  # what that early dialog answered reliably stands, or no UPDATE could come
                call.audio.take_answer(call.early[0], True, event.fork)
            except Unacceptable as exc:
                session.reject_offer(now, exc.status, exc.headers(self.phone.agent_name()))
                return
        if not event.body:
            # The peer asks for an offer; its answer comes in the ACK.
            session.accept_offer(now, call.audio.offer(call.held_here))
            return
        try:
            call.audio.take_offer(event.body)
            body = call.audio.answer(call.held_here)
            call.audio.apply(call.held_here)
        except Unacceptable as exc:
            log.say("call", "%d: offer refused: %s" % (call.line + 1, exc.text))
            session.reject_offer(now, exc.status, exc.headers(self.phone.agent_name()))
            return
        except OSError as exc:
            log.say("media", "offer refused: %s" % exc)
            session.reject_offer(now, 500)
            return
        session.accept_offer(now, body)
        call.held_there = call.audio.is_held_there()

    def _on_OfferAnswered(self, event, now):
        call = self.phone.of(event.session)
        if call is None or call.audio is None:
            return
        moved = call.changing == "change"
        call.changing = None
        try:
            call.audio.take_answer(event.body)
            call.audio.apply(call.held_here)
        except Unacceptable as exc:
            reason = _IPV4_REASON if exc.text == wording.IPV4_ONLY else _MEDIA_REASON
            self.phone.bye(call, exc.text, "congestion", reason, now)
            return
        if call.audio.offered_direction != "inactive":  # whose answer says nothing
            call.held_there = call.audio.is_held_there()
        what = "changed" if moved else "held" if call.held_here else "resumed"
        log.say("call", "%d %s" % (call.line + 1, what))
        self.phone.changes.settle(call, now)

    def _on_OfferFailed(self, event, now):
        call = self.phone.of(event.session)
        if call is None or call.audio is None:
            return
        what = call.changing
        call.changing = None
        log.say("call", "%d: %s failed: %d" % (call.line + 1, what, event.status))
        if event.status in (408, 481):
            # RFC 3261 section 12.2.1.2: the other side does not know the call any more.
            self.phone.bye(call, wording.status_text(event.status), "congestion", None, now)
            return
        call.audio.offer_refused()
        if event.due:
            return  # both changed the call at once: OfferDue tells when ours may go, made anew
        call.note = wording.NO_HOLD % event.status
        if what == "hold":
            # A peer that refuses to be held hears nothing of the call that it is held for.
            call.held_here = self.phone.is_engaged(call)
        elif what == "resume":
            call.held_here = True
        call.audio.apply(call.held_here)

    def _on_OfferDue(self, event, now):
        call = self.phone.of(event.session)
        if call is not None:
            self.phone.changes.settle(call, now)

    def _on_Registered(self, event, now):
        self.phone.accounts.registered(event)

    def _on_RegistrationFailed(self, event, now):
        self.phone.accounts.failed(event, now)

    def _on_MessageReceived(self, event, now):
        self.phone.messages.received(event, now)

    def _on_MessageAnswered(self, event, now):
        self.phone.messages.answered(event)

    def _on_Subscribed(self, event, now):
        log.say("sip", "subscribed: " + event.subscription.package)

    def _on_NotifyReceived(self, event, now):
        if event.package == "message-summary":
            self.phone.messages.notified(event)
        elif self.phone.watching is not None:
            self.phone.watching.notified(event, now)

    def _on_SubscriptionEnded(self, event, now):
        if event.subscription.package == "message-summary":
            self.phone.messages.ended(event)
        elif self.phone.watching is not None:
            self.phone.watching.ended(event)

    def _on_FlowFailed(self, event, now):
        """RFC 5626 section 4.4: a connection whose keepalive is not answered is closed."""
        registration = event.registration
        log.say("account", "flow lost: " + event.reason)
        if self.phone.connections is not None:
            self.phone.connections.drop(registration.peer, registration.transport)

    def _on_RegistrationRedirected(self, event, now):
        self.phone.accounts.redirected(event)

    def _on_InfoReceived(self, event, now):
        call = self.phone.of(event.session)
        if call is not None:
            from firmware.phone import digits

            digits.told(call, event)

    def _on_InfoAnswered(self, event, now):
        call = self.phone.of(event.session)
        if call is not None and event.status >= 300:
            call.note = wording.NO_DIGITS
            log.say("call", "%d: INFO refused: %d" % (call.line + 1, event.status))

    def _on_OptionsAnswered(self, event, now):
        pass

    def _on_OptionsReceived(self, event, now):
        pass

    def _on_OfferCancelled(self, event, now):
        pass  # offers are answered at once: nothing is open

    def _on_Unregistered(self, event, now):
        pass

    def on_send_error(self, peer, errno):
        """Signalling could not be sent: an outgoing call to there says so at once.

        A call that stands is left to the retransmissions: the network may come back.
        """
        for call in self.phone.lines:
            if call is not None and call.state == "calling" and call.session.peer == peer:
                call.unreachable = True
                self.phone.agent.handle_transport_error(peer, self.phone.clock.now())

    def on_connection_failed(self, peer, transport, reason):
        """A connection of SIP could not be made, or was lost; reason: in words."""
        self.phone.agent.handle_transport_error(peer, self.phone.clock.now(), transport)
        self.phone.drain()
