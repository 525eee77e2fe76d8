# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The phone: two lines, their calls, and what a person can ask of them.

It stands between the SIP engine (events in, commands out), media, and the person's side
(ui/console.py). Nothing here waits: everything is called by an event, a key or a timer.
"""

from firmware import log
from firmware.net.network import without_scope
from firmware.phone import dial as dialling
from firmware.phone import tones
from firmware.phone.accounts import Accounts
from firmware.phone.audio import Audio, Ports, Unacceptable
from firmware.phone.call import OUTGOING, Call
from firmware.phone.reports import DATAGRAM
from firmware.ui import wording
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError, ProtocolError

LINES = 2
_MISSED = const(20)
_TICK_MS = const(1000)  # the screen's clock in a call, and its statistics
_IPV4_REASON = 'SIP;cause=488;text="IPv4 media address"'
_FAULT_REASON = 'SIP;cause=500;text="Fault"'
_MEDIA_REASON = 'SIP;cause=488;text="Media not acceptable"'


class Phone:
    """One phone.

    parts: object with settings, network, clock, random (n -> bytes), net6, media, agent, utc.
    driver: set by whoever makes the driver of the agent, before anything is called.
    on_incoming: function without arguments, or None: the person's side shows a call coming in.
    """

    def __init__(self, parts):
        self.settings = parts.settings
        self.network = parts.network
        self.clock = parts.clock
        self.agent = parts.agent
        self.utc = parts.utc
        self.media = parts.media
        self._random = parts.random
        self._net6 = parts.net6
        self.driver = None
        self.watch = None  # function (stream, call back) of the reactor; None: nobody polls
        self.unwatch = None
        self.on_incoming = None
        self.lines = [None] * LINES
        self.focus = 0
        self.missed = []  # (uri, display name, ms), the newest last
        self.unseen = 0  # how many of them nobody has looked at
        self.sip_port = parts.settings.get("sip.port")
        self.accounts = Accounts(parts.agent, parts.settings, parts.random)
        self._buffer = bytearray(DATAGRAM)  # of all calls: read at once
        self._ports = Ports(parts.net6, parts.settings)
        self._tone = None
        self._sounding = False
        self._tick_at = None
        self._handlers = None
        self._local = None

    # Start and addresses

    def start(self, sip_port):
        """Begin: accounts, addresses. sip_port: where the signalling endpoint is bound."""
        self.sip_port = sip_port
        self.accounts.load()
        self.network.listeners.append(self.address_changed)
        self.address_changed()

    def reload(self):
        """Take the settings anew, after they were changed on the console; calls go on."""
        now = self.clock.now()
        for account in self.accounts.all:
            if account.registration is not None:
                account.registration.unregister(now)
        self.accounts.load()
        if self._local is not None:
            self.accounts.register_all(now)
        self._drain()

    def address_changed(self):
        """Our addresses changed: signalling, registrations and running calls follow."""
        now = self.clock.now()
        local = self.network.local
        if local != self._local:
            self._local = local
            log.say("net", "address " + (self.address_text(local) if local else "gone"))
            self.agent.set_local(local, self.sip_port, now)
            if local is not None:
                self.accounts.register_all(now)
        if local is not None:
            for call in self.lines:
                if call is not None and call.audio is not None and call.state == "talking":
                    if not self.network.has(call.audio.local):
                        self._move(call, now)
        self._drain()

    def _move(self, call, now):
        local = self.network.source_for(call.session.peer[0])
        if local is None:
            call.note = wording.ADDRESS_GONE
            return
        call.audio.local = local
        self._settle_hold(call, now)

    def address_text(self, addr16):
        """Return the text of an address for people."""
        return self._net6.text(without_scope(addr16))

    def _drain(self):
        if self.driver is not None:
            self.driver.drain()

    # Lines

    def call_in_focus(self):
        """Return the call that keys and screen are about, or None."""
        return self.lines[self.focus]

    def _free_line(self):
        for line in [self.focus] + [i for i in range(LINES) if i != self.focus]:
            call = self.lines[line]
            if call is None or not call.is_live():
                return line
        return None

    def _of(self, session):
        for call in self.lines:
            if call is not None and call.session is session:
                return call
        return None

    def _incoming(self):
        call = self.lines[self.focus]
        if call is not None and call.state == "incoming":
            return call
        for call in self.lines:
            if call is not None and call.state == "incoming":
                return call
        return None

    # What a person asks

    def dial(self, text):
        """Call whom text means. DialError: why not, for the screen."""
        now = self.clock.now()
        target = dialling.resolve(text, self.accounts.for_digits(), self.network)
        line = self._free_line()
        if line is None:
            raise dialling.DialError(wording.NO_FREE_LINE)
        local = self.network.source_for(target.peer[0])
        if local is None:
            nothing = self.network.local is None
            raise dialling.DialError(wording.NO_ADDRESS if nothing else wording.NO_WAY)
        audio = self._audio(local, target.peer[0])
        try:
            audio.reserve(self._ports)
        except OSError as exc:
            log.say("media", "no RTP port: %s" % exc)
            raise dialling.DialError(wording.NO_PORT)
        identity = target.account.identity if target.account is not None else None
        try:
            body = audio.offer(False)
            session = self.agent.invite(target.uri, target.peer, now, body, account=identity)
        except ProtocolError as exc:
            audio.close()
            log.say("call", "not called: %s" % exc)
            raise dialling.DialError(wording.BAD_NUMBER)
        self._hold_others(line, now)
        call = Call(line, "out", session, target.uri, None, now)
        call.audio = audio
        call.peer = target.peer
        call.account = target.account
        call.deadline = now + 1000 * self.settings.get("call.answer_s")
        self.lines[line] = call
        self.focus = line
        log.say("call", "%d to %s" % (line + 1, target.uri))
        self._drain()
        self._sounds()

    def _audio(self, local, peer16):
        return Audio(
            self._net6,
            self.media,
            self.settings,
            self._random,
            self.clock,
            self._buffer,
            local,
            peer16,
        )

    def answer(self):
        """Answer the call that rings."""
        call = self._incoming()
        if call is None:
            return
        now = self.clock.now()
        audio = call.audio
        try:
            audio.local = self.network.source_for(call.peer[0])
            if audio.local is None:
                raise Unacceptable(480, wording.NO_ADDRESS)
            audio.reserve(self._ports)
            self._hold_others(call.line, now)
            if call.late_offer:
                body = audio.offer(False)
            else:
                body = audio.answer(False)
                audio.apply(False)
        except Unacceptable as exc:
            call.session.reject(now, exc.status, headers=exc.headers(self.agent_name()))
            self._end(call, exc.text, "congestion", now)
            return
        except OSError as exc:
            log.say("media", "not answered: %s" % exc)
            call.session.reject(now, 500)
            self._end(call, wording.MEDIA_FAILED % exc, "congestion", now)
            return
        self.focus = call.line
        call.session.accept(now, body)
        call.to("answering", now)
        call.talking_since = now
        call.deadline = None
        self._started(call)
        self._drain()
        self._sounds()

    def reject(self):
        """Refuse the call that rings."""
        call = self._incoming()
        if call is None:
            return
        now = self.clock.now()
        call.session.reject(now, 603)
        self._end(call, wording.REJECTED_HERE, None, now)

    def hangup(self):
        """End the call in focus, whatever its state."""
        call = self.call_in_focus()
        if call is None or not call.is_live():
            return
        now = self.clock.now()
        if call.state == "incoming":
            self.reject()
            return
        if call.state in OUTGOING:
            call.session.cancel(now)
            self._end(call, wording.CANCELLED_HERE, None, now)
            return
        self._bye(call, wording.ENDED_HERE, None, None, now)

    def _bye(self, call, text, tone, reason, now):
        try:
            call.session.bye(now, reason)
        except LocalProtocolError as exc:
            log.say("call", "%d: %s" % (call.line + 1, exc))
        self._end(call, text, tone, now)

    def hold(self):
        """Hold the call in focus."""
        call = self.call_in_focus()
        if call is not None and call.state == "talking" and not call.held_here:
            self._hold(call, self.clock.now())
            self._drain()
            self._sounds()

    def resume(self):
        """Go on with the call in focus; the call on the other line is held."""
        call = self.call_in_focus()
        if call is None or call.state != "talking" or not call.held_here:
            return
        if call.changing:
            raise LocalProtocolError("a change is under way")
        now = self.clock.now()
        self._hold_others(call.line, now)
        self._change_hold(call, False, now)
        call.audio.apply(False)
        self._drain()
        self._sounds()

    def select(self, line):
        """Go to a line: answer, resume, or just look; the call on the other line is held.

        Returns the live call there, or None if the line is free.
        """
        now = self.clock.now()
        self.focus = line
        call = self.lines[line]
        if call is not None and not call.is_live():
            self.lines[line] = call = None
        if call is not None and call.state == "incoming":
            self.answer()
        elif call is not None and call.state == "talking" and call.held_here:
            self.resume()
        else:
            self._hold_others(line, now)
            self._drain()
        self._sounds()
        return call

    def dismiss(self):
        """Clear the ended call in focus from the screen."""
        call = self.call_in_focus()
        if call is not None and not call.is_live():
            self.lines[call.line] = None
            self._look_elsewhere()
            self._sounds()

    def missed_seen(self):
        """Somebody looks at the missed calls: the lamp goes out, the list stays."""
        self.unseen = 0

    def _look_elsewhere(self):
        """Show the other line if the one in focus is free."""
        if self.lines[self.focus] is not None:
            return
        for call in self.lines:
            if call is not None and call.is_live():
                self.focus = call.line
                return

    def _is_used(self):
        for call in self.lines:
            if call is not None and call.is_live():
                return True
        return False

    def _is_talking(self):
        for call in self.lines:
            if call is not None and call.is_active():
                return True
        return False

    # Hold

    def _hold_others(self, line, now):
        for call in self.lines:
            if call is not None and call.line != line and call.is_active():
                if call.state == "talking" and not call.changing:
                    self._hold(call, now)
                else:
                    # Not agreed yet, or a change is under way: quiet now, told when it can be.
                    call.held_here = True
                    call.audio.apply(True)

    def _hold(self, call, now):
        if call.changing:
            raise LocalProtocolError("a change is under way")
        self._change_hold(call, True, now)
        call.audio.apply(True)

    def _change_hold(self, call, hold, now):
        before = call.held_here
        call.held_here = hold
        if call.audio.has_told(hold):
            return  # a change of before never reached the peer
        try:
            self._reoffer(call, "hold" if hold else "resume", now)
        except ProtocolError:
            call.held_here = before
            raise

    def _reoffer(self, call, what, now):
        body = call.audio.offer(call.held_here)
        try:
            call.session.reinvite(now, body)
        except ProtocolError:
            call.audio.offer_refused()
            raise
        call.changing = what
        call.note = ""

    def _settle_hold(self, call, now):
        """Tell the peer what has changed and could not be told at once: hold, our address."""
        if call.state == "talking" and not call.changing and call.audio is not None:
            if not call.audio.has_told(call.held_here):
                try:
                    self._reoffer(call, "change", now)
                except ProtocolError as exc:
                    log.say("call", "%d: %s" % (call.line + 1, exc))

    # Events of the SIP engine

    def on_event(self, event):
        """Take one event of the SIP engine."""
        name = type(event).__name__
        handler = getattr(self, "_on_" + name, None)
        if handler is None:
            log.say("sip", "event " + name)
            return
        now = self.clock.now()
        try:
            handler(event, now)
        except Exception as exc:  # out of memory, or a mistake of ours
            log.exception("call", exc)
            self._give_up(event, now)
        self._sounds()

    def _give_up(self, event, now):
        """A fault in an event: the peer gets an answer; a call that stands goes on."""
        session = getattr(event, "session", None)
        if session is None:
            return
        call = self._of(session)
        name = type(event).__name__
        try:
            if name == "OfferReceived":
                session.reject_offer(now, 500)
            elif name == "CallReceived":
                session.reject(now, 500)
            elif name in ("CallAnswered", "CallConfirmed"):
                session.bye(now, _FAULT_REASON)
        except LocalProtocolError as exc:
            log.say("call", str(exc))
        if call is not None and name != "OfferReceived" and call.state != "talking":
            self._end(call, wording.FAULT, "congestion", now)

    def _on_CallReceived(self, event, now):
        session = event.session
        line = self._free_line()
        if line is None or (self._is_used() and not self.settings.get("call.waiting")):
            session.reject(now, 486)
            log.say("call", "busy for " + session.remote_uri)
            self._note_missed(session.remote_uri, session.remote_display_name, now)
            return
        if event.body:
            kind = (event.content_type or "").partition(";")[0].strip().lower()
            if kind != "application/sdp":
                session.reject(now, 415, headers=(("Accept", "application/sdp"),))
                return
        audio = self._audio(None, session.peer[0])
        if event.body:
            try:
                audio.take_offer(event.body)
            except Unacceptable as exc:
                log.say("call", "refused: %s" % exc.text)
                session.reject(now, exc.status, headers=exc.headers(self.agent_name()))
                return
        session.ring(now)
        self._drain()  # 180 before anything slow
        call = Call(line, "in", session, session.remote_uri, session.remote_display_name, now)
        call.audio = audio
        call.late_offer = not event.body
        call.peer = session.peer
        call.deadline = now + 1000 * self.settings.get("call.answer_s")
        self.lines[line] = call
        focused = self.lines[self.focus]
        if focused is None or not focused.is_live():
            self.focus = line
        log.say("call", "%d from %s" % (line + 1, session.remote_uri))
        if self.on_incoming is not None:
            self.on_incoming()

    def agent_name(self):
        """Return the name for the agent part of Warning headers (RFC 3261 section 20.43)."""
        local = self.network.local
        return "[" + self.address_text(local) + "]" if local is not None else "vox6"

    def _on_CallProgressed(self, event, now):
        call = self._of(event.session)
        if call is None or call.state not in OUTGOING:
            return
        if event.status == 180:
            call.to("ringback", now)
        elif call.state == "calling":
            call.to("progress", now)
        if event.body and call.audio.codec is None:
            # Early media (RFC 3960): the sound of the other side instead of our ring-back tone.
            try:
                call.audio.take_answer(event.body, False)
                call.audio.apply(False)
                self._started(call)
            except (Unacceptable, OSError) as exc:
                log.say("media", "early media: %s" % exc)

    def _on_CallAnswered(self, event, now):
        call = self._of(event.session)
        if call is None:
            self._hang_up_stranger(event.session, now)
            return
        if call.line == self.focus:
            self._hold_others(call.line, now)
        elif self._is_talking():
            call.held_here = True  # somebody else is being talked to: told by _settle_hold
        try:
            call.audio.take_answer(event.body)
            call.audio.apply(call.held_here)
        except Unacceptable as exc:
            reason = _IPV4_REASON if exc.text == wording.IPV4_ONLY else _MEDIA_REASON
            self._bye(call, exc.text, "congestion", reason, now)
            return
        except OSError as exc:
            log.say("media", "not opened: %s" % exc)
            self._bye(call, wording.MEDIA_FAILED % exc, "congestion", _MEDIA_REASON, now)
            return
        call.to("talking", now)
        call.talking_since = now
        call.deadline = None
        call.held_there = call.audio.is_held_there()
        self._started(call)
        log.say("call", "%d answered, %s" % (call.line + 1, call.audio.codec))
        self._settle_hold(call, now)

    def _hang_up_stranger(self, session, now):
        """A 2xx that crossed our CANCEL: RFC 3261 section 9.1 leaves a call to end."""
        try:
            session.bye(now)
        except LocalProtocolError:
            pass

    def _on_CallConfirmed(self, event, now):
        call = self._of(event.session)
        if call is None or call.state != "answering":
            return
        if call.late_offer:
            # Answer to the offer in our 200 (late offer, RFC 3261 section 13.2.1).
            try:
                call.audio.take_answer(event.body)
                call.audio.apply(call.held_here)
                self._started(call)
            except (Unacceptable, OSError) as exc:
                text = exc.text if isinstance(exc, Unacceptable) else wording.MEDIA_FAILED % exc
                reason = _IPV4_REASON if text == wording.IPV4_ONLY else _MEDIA_REASON
                self._bye(call, text, "congestion", reason, now)
                return
            call.late_offer = False
        call.to("talking", now)
        call.held_there = call.audio.is_held_there()
        log.say("call", "%d answered here, %s" % (call.line + 1, call.audio.codec))
        self._settle_hold(call, now)

    def _on_CallFailed(self, event, now):
        call = self._of(event.session)
        if call is None:
            return
        status = event.status
        tone = "congestion"
        if status in (486, 600, 603):
            tone = "busy"
        text = wording.status_text(status, event.reason)
        if call.unreachable:
            text = wording.NO_WAY
        if call.direction == "in":
            text = wording.ENDED if call.talking_since is not None else wording.NOT_ANSWERED_HERE
        log.say("call", "%d failed: %s" % (call.line + 1, text))
        self._end(call, text, tone, now)

    def _on_CallEnded(self, event, now):
        call = self._of(event.session)
        if call is None:
            return
        log.say("call", "%d ended by the other side" % (call.line + 1))
        self._end(call, wording.ENDED_THERE, "ended", now)

    def _on_CallCancelled(self, event, now):
        call = self._of(event.session)
        if call is None:
            return
        self._note_missed(call.uri, event.session.remote_display_name, now)
        self._end(call, wording.CANCELLED_THERE, None, now)

    def _on_OfferReceived(self, event, now):
        call = self._of(event.session)
        session = event.session
        if call is None or call.audio is None:
            session.reject_offer(now, 488)
            return
        if call.changing and call.audio.is_offering():
            # Both changed the call at once (491) and theirs comes first: what ours was to say
            # goes with the answer.
            session.withdraw_offer()
            call.audio.offer_refused()
            call.changing = None
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
            session.reject_offer(now, exc.status, exc.headers(self.agent_name()))
            return
        except OSError as exc:
            log.say("media", "offer refused: %s" % exc)
            session.reject_offer(now, 500)
            return
        session.accept_offer(now, body)
        call.held_there = call.audio.is_held_there()

    def _on_OfferAnswered(self, event, now):
        call = self._of(event.session)
        if call is None or call.audio is None:
            return
        call.changing = None
        try:
            call.audio.take_answer(event.body)
            call.audio.apply(call.held_here)
        except Unacceptable as exc:
            reason = _IPV4_REASON if exc.text == wording.IPV4_ONLY else _MEDIA_REASON
            self._bye(call, exc.text, "congestion", reason, now)
            return
        if call.audio.offered_direction != "inactive":  # whose answer says nothing
            call.held_there = call.audio.is_held_there()
        log.say("call", "%d %s" % (call.line + 1, "held" if call.held_here else "resumed"))
        self._settle_hold(call, now)

    def _on_OfferFailed(self, event, now):
        call = self._of(event.session)
        if call is None or call.audio is None:
            return
        what = call.changing
        call.changing = None
        log.say("call", "%d: %s failed: %d" % (call.line + 1, what, event.status))
        if event.status in (408, 481):
            # RFC 3261 section 12.2.1.2: the other side does not know the call any more.
            self._bye(call, wording.status_text(event.status), "congestion", None, now)
            return
        call.audio.offer_refused()
        call.note = wording.NO_HOLD % event.status
        if what == "hold":
            call.held_here = False
        elif what == "resume":
            call.held_here = True
        call.audio.apply(call.held_here)

    def _on_Registered(self, event, now):
        self.accounts.registered(event)

    def _on_RegistrationFailed(self, event, now):
        self.accounts.failed(event, now)

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
        for call in self.lines:
            if call is not None and call.state == "calling" and call.peer == peer:
                call.unreachable = True
                self.agent.handle_transport_error(peer, self.clock.now())

    # Ends

    def _end(self, call, text, tone, now):
        """The call is over: free what it has, show why for a while."""
        if not call.is_live():
            return
        call.to("ended", now)
        call.session = None
        call.changing = None
        call.ended_text = text
        call.ended_tone = tone
        call.deadline = now + 1000 * self.settings.get("screen.ended_s")
        log.say("call", "%d over: %s" % (call.line + 1, text))
        if call.audio is not None:
            self._stop(call)
        self._drain()
        self._sounds()

    def _stop(self, call):
        audio = call.audio
        if self.unwatch is not None and audio.stream is not None:
            self.unwatch(audio.stream)
        try:
            audio.close()
        except Exception as exc:  # what is left must not keep the line
            log.exception("media", exc)

    def _started(self, call):
        """A stream was opened: have its reports read."""
        if self.watch is not None and call.audio.stream is not None and not call.audio.watched:
            call.audio.watched = True
            self.watch(call.audio.stream, call.audio.read_reports)

    def _note_missed(self, uri, name, now):
        self.missed.append((uri, name, now))
        self.unseen += 1
        if len(self.missed) > _MISSED:
            self.missed.pop(0)

    # Tones

    def _wanted_tone(self):
        talking = False
        incoming = False
        for call in self.lines:
            if call is not None:
                talking = talking or call.is_active() or call.state in OUTGOING
                incoming = incoming or call.state == "incoming"
        if incoming:
            return "waiting" if talking else "ringing"
        call = self.lines[self.focus]
        if call is None:
            return None
        if call.state == "ringback" and call.audio.codec is None:
            return "ringback"
        if call.state == "ended" and not talking:
            return call.ended_tone
        return None

    def _sounds(self):
        """Have the tone that the states of the lines ask for, and the audio device if needed."""
        name = self._wanted_tone()
        needed = name is not None
        for call in self.lines:
            needed = needed or (call is not None and call.is_live())
        try:
            if needed and not self._sounding:
                self.media.start()
                self._sounding = True
            if name != self._tone:
                self._tone = name
                if name is None:
                    self.media.tone(None)
                else:
                    found = tones.segments(name, self.settings.get("ring.volume"))
                    if found is None:
                        self.media.tone(None)
                    else:
                        self.media.tone(found[0], repeat=found[1])
            if not needed and self._sounding:
                self.media.stop()
                self._sounding = False
        except (OSError, ValueError) as exc:
            log.say("media", "tone %s: %s" % (name, exc))

    # Time

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = self.accounts.get_timer()
        for call in self.lines:
            if call is None:
                continue
            if call.deadline is not None and (due is None or call.deadline < due):
                due = call.deadline
            if call.talking_since is not None and call.is_live():
                tick = self._tick_at
                if tick is not None and (due is None or tick < due):
                    due = tick
                report = call.audio.get_timer()
                if report is not None and (due is None or report < due):
                    due = report
        return due

    def handle_timer(self, now):
        """Do what is due: deadlines, statistics, reports, registrations."""
        for call in self.lines:
            if call is None:
                continue
            try:
                self._timer_of(call, now)
            except Exception as exc:  # one call's fault is not the other's
                log.exception("call", exc)
        if self._tick_at is None or self._tick_at <= now:
            self._tick_at = now + _TICK_MS
        self.accounts.handle_timer(now)
        self._drain()

    def _timer_of(self, call, now):
        if call.deadline is not None and call.deadline <= now:
            call.deadline = None
            self._too_late(call, now)
        if call.talking_since is not None and call.is_live():
            call.audio.handle_timer(now)
            if self._tick_at is None or self._tick_at <= now:
                quiet = call.audio.tick(now)
                limit = self.settings.get("call.silence_s")
                call.silent_s = quiet // 1000 if quiet >= 1000 * limit else 0

    def _too_late(self, call, now):
        if call.state == "ended":
            if self.lines[call.line] is call:
                self.lines[call.line] = None
            self._look_elsewhere()
            self._sounds()
        elif call.state in OUTGOING:
            call.session.cancel(now)
            self._end(call, wording.NO_ANSWER, "congestion", now)
        elif call.state == "incoming":
            call.session.reject(now, 480)
            self._note_missed(call.uri, call.name, now)
            self._end(call, wording.NOT_ANSWERED_HERE, None, now)

    def debug(self):
        """Return one line on the phone's state."""
        lines = [call.state if call is not None else "-" for call in self.lines]
        return "lines %s focus %d tone %s" % (" ".join(lines), self.focus + 1, self._tone)
