# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The phone: two lines, their calls, and what a person can ask of them.

It stands between the SIP engine (events in, commands out), media, and the person's side
(ui/console.py). Nothing here waits: everything is called by an event, a key or a timer. What the
engine's events do is in events.py, changes of a call that stands in changes.py.
"""

from firmware import log
from firmware.net.network import without_scope
from firmware.phone.accounts import Accounts
from firmware.phone.audio import Audio, Unacceptable
from firmware.phone.call import OUTGOING
from firmware.phone.changes import Changes
from firmware.phone.events import Events
from firmware.phone.moves import Moves
from firmware.phone.outgoing import Outgoing
from firmware.phone.ports import Ports
from firmware.phone.reports import DATAGRAM
from firmware.phone.security import Security
from firmware.phone.sounds import Sounds
from firmware.store import instance
from firmware.store.settings import WATCHED
from firmware.ui import wording
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

LINES = 2
_MISSED = const(20)
_AGAIN_MS = const(60000)
_TICK_MS = const(1000)  # the screen's clock in a call, and its statistics
_ENCRYPTION_REASON = 'SIP;cause=488;text="Encryption required"'


class Phone:
    """One phone.

    parts: object with settings, network, clock, random (n -> bytes), net6, media, agent, utc,
    folder and files (of storage),
    crypto (provider of lib/crypto), cache (of ZRTP: store/zrtp_cache.py), access (net/access.py).
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
        self.connections = None  # net.connections.Connections, where there are streams
        self.watch = None  # function (stream, call back) of the reactor; None: nobody polls
        self.unwatch = None
        self.on_incoming = None
        self.lines = [None] * LINES
        self.focus = 0
        self.missed = []  # (uri, display name, ms), the newest last
        self.unseen = 0  # how many of them nobody has looked at
        self.sip_port = parts.settings.get("sip.port")
        self.access = parts.access
        self.accounts = Accounts(
            parts.agent,
            parts.settings,
            parts.random,
            parts.clock,
            parts.access,
            instance.load(parts.folder, parts.files, parts.random),
        )
        self.accounts.on_change = self.drain
        self.accounts.on_ready = self._account_ready
        self._messages = None
        self.watching = None  # a Watching, if blf.N names somebody
        self._buffer = bytearray(DATAGRAM)  # of all calls: read at once
        self.ports = Ports(parts.net6, parts.settings)
        self._tick_at = None
        self.sounds = Sounds(self, parts.media)
        self.changes = Changes(self)
        self.moves = Moves(self)
        self.outgoing = Outgoing(self, parts.access)
        self.security = Security(self, parts.crypto, parts.cache)
        self.events = Events(self)

    # Start and addresses

    def start(self, sip_port):
        """Begin: accounts, addresses. sip_port: where the signalling endpoint is bound."""
        self.sip_port = sip_port
        self._configure()
        self.accounts.load()
        self.network.listeners.append(self.moves.follow)
        self.access.in_use = self.moves.uses
        self.access.listeners.append(self._servers_changed)
        self.moves.follow()

    def reload(self):
        """Take the settings anew, after they were changed on the console; calls go on."""
        now = self.clock.now()
        for account in self.accounts.all:
            if account.registration is not None:
                account.registration.unregister(now)
        if self._messages is not None:
            self._messages.forget(now)
        if self.watching is not None:
            self.watching.forget(now)
            self.watching = None
        self._configure()
        self.accounts.load()
        if self.moves.local is not None:
            self.accounts.register_all(now)
            self.watch_others(now)
        self.access.reload()
        self.drain()

    def _configure(self):
        """Tell the SIP engine what the owner wants of it."""
        get = self.settings.get
        agent = self.agent
        expires_s = get("sip.session_expires_s")
        agent.session_expires_s = max(expires_s, agent.min_se_s) if expires_s else 0
        agent.reliable = get("sip.reliable")
        agent.replaces_policy = "never" if get("call.transfer") == "no" else "dialog"

    # Messages, and who else talks

    @property
    def messages(self):
        """Texts and mailboxes: a Messages, made at first use."""
        if self._messages is None:
            from firmware.phone.messages import Messages

            self._messages = Messages(self)
        return self._messages

    def unread(self):
        """Return (new voice messages, texts that nobody has read)."""
        found = self._messages
        return (0, 0) if found is None else (found.waiting(), found.unread)

    def _account_ready(self, account, now):
        """Calls reach an account, or it needs no registration."""
        mailbox = self.settings.account(account.number, "mailbox")
        if mailbox:
            self.messages.watch(account, mailbox, now)
        self.watch_others(now)

    def watch_others(self, now):
        """Subscribe to the states of those whom blf.N names, where that is not so yet."""
        if self.watching is None:
            uris = [(n, self.settings.get("blf.%d" % n)) for n in range(1, WATCHED + 1)]
            uris = [entry for entry in uris if entry[1]]
            if not uris:
                return
            from firmware.phone.watching import Watching

            self.watching = Watching(self, uris)
        self.watching.start(now)

    def _servers_changed(self):
        self.accounts.servers_changed(self.clock.now())
        self.drain()

    def connection_reason(self, session):
        """Return why a session could not be carried, if that is known of its connection."""
        if session is None or session.transport == "UDP":
            return ""
        return self.accounts.why(session.peer, session.transport)

    def needs_connection(self, peer, transport):
        """Return whether an account or a call needs a connection of SIP."""
        if self.accounts.uses(peer, transport):
            return True
        for call in self.lines:
            if call is not None and call.session is not None:
                if call.session.peer == peer and call.session.transport == transport:
                    return True
        return False

    def address_text(self, addr16):
        """Return the text of an address for people."""
        return self._net6.text(without_scope(addr16))

    def drain(self):
        """Send what the SIP engine has to say and take its events."""
        if self.driver is not None:
            self.driver.drain()

    # Lines

    def call_in_focus(self):
        """Return the call that keys and screen are about, or None."""
        return self.lines[self.focus]

    def free_line(self):
        """Return the number of a line without a live call, the one in focus first; or None."""
        for line in [self.focus] + [i for i in range(LINES) if i != self.focus]:
            call = self.lines[line]
            if call is None or not call.is_live():
                return line
        return None

    def of(self, session):
        """Return the call of a session of lib/sip, or None."""
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

    def dial(self, text, account=None):
        """Call whom text means. DialError: why not, for the screen.

        account: number of the account to call with, None: the one of dial.account.
        """
        self.outgoing.dial(text, account)

    def make_audio(self, local, peer16):
        """Return the Audio of a new call. local: ours or None; peer16: where signalling goes."""
        return Audio(
            self._net6,
            self.media,
            self.settings,
            self._random,
            self.clock,
            self._buffer,
            local,
            peer16,
            self.security,
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
            audio.reserve(self.ports)
            self.changes.hold_others(call.line, now)
            if call.late_offer:
                body = audio.offer(False)
            else:
                body = audio.answer(False)
                audio.apply(False)
        except Unacceptable as exc:
            call.session.reject(now, exc.status, headers=exc.headers(self.agent_name()))
            self.end(call, exc.text, "congestion", now)
            return
        except OSError as exc:
            log.say("media", "not answered: %s" % exc)
            call.session.reject(now, 500)
            self.end(call, wording.MEDIA_FAILED % exc, "congestion", now)
            return
        self.focus = call.line
        call.session.accept(now, body)
        call.to("answering", now)
        call.talking_since = now
        call.deadline = None
        self.started(call)
        self.drain()
        self.sounds.update()

    def reject(self):
        """Refuse the call that rings."""
        call = self._incoming()
        if call is None:
            return
        now = self.clock.now()
        call.session.reject(now, 603)
        self.end(call, wording.REJECTED_HERE, None, now)

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
            call.give_up(now)
            self.end(call, wording.CANCELLED_HERE, None, now)
            return
        self.bye(call, wording.ENDED_HERE, None, None, now)

    def bye(self, call, text, tone, reason, now):
        """End a call by BYE. reason: of the Reason header or None; the rest as end()."""
        try:
            call.session.bye(now, reason)
        except LocalProtocolError as exc:
            log.say("call", "%d: %s" % (call.line + 1, exc))
        self.end(call, text, tone, now)

    def end_unencrypted(self, call):
        """The peer cannot encrypt and the owner wants nothing else: end the call, say why."""
        now = self.clock.now()
        self.bye(call, wording.NO_ENCRYPTION, "congestion", _ENCRYPTION_REASON, now)

    def digit(self, key):
        """Send a digit in the call in focus."""
        call = self.call_in_focus()
        if call is not None and (call.is_active() or call.has_early_media()):
            from firmware.phone import digits

            digits.press(self, call, key)

    def hold(self):
        """Hold the call in focus."""
        call = self.call_in_focus()
        if call is not None and call.state == "talking" and not call.held_here:
            self.changes.hold(call, self.clock.now())
            self.drain()
            self.sounds.update()

    def resume(self):
        """Go on with the call in focus; the call on the other line is held."""
        call = self.call_in_focus()
        if call is None or call.state != "talking" or not call.held_here:
            return
        if call.changing:
            raise LocalProtocolError("a change is under way")
        now = self.clock.now()
        self.changes.hold_others(call.line, now)
        self.changes.change_hold(call, False, now)
        call.audio.apply(False)
        self.drain()
        self.sounds.update()

    def conference(self):
        """Join the calls of both lines; in a conference: end it, the other call is held.

        LocalProtocolError: there are no two calls that stand, or a change is under way.
        """
        now = self.clock.now()
        if self.is_conference():
            self.changes.part()
            self.changes.hold_others(self.focus, now)
            call = self.call_in_focus()
            if call is not None and call.held_here:
                self.changes.take_back(call, now)
        else:
            calls = [call for call in self.lines if call is not None and call.state == "talking"]
            if len(calls) < 2:
                raise LocalProtocolError("no two calls")
            self.changes.join(calls, now)
            log.say("call", "conference of both lines")
        self.drain()
        self.sounds.update()

    def transfer(self, text="", account=None):
        """Transfer the call in focus to whom text means; nothing typed: join the two others.

        DialError: why not, for the screen; LocalProtocolError: not now.
        """
        call = self.call_in_focus()
        if call is not None and call.state == "talking":
            self._transfers().begin(self, call, text, account)

    def take_transfer(self, agree):
        """Answer the peer of the call in focus, who wants us to call somebody else."""
        call = self.call_in_focus()
        if call is not None and call.referral is not None:
            module = self._transfers()
            (module.follow if agree else module.refuse)(self, call, self.clock.now())

    def _transfers(self):
        from firmware.phone import transfer

        return transfer

    def is_conference(self):
        """Return whether both lines are joined."""
        for call in self.lines:
            if call is not None and call.joined:
                return True
        return False

    def other_standing(self, call):
        """Return the call of another line that both sides have answered, or None."""
        for other in self.lines:
            if other is not None and other is not call and other.state == "talking":
                return other
        return None

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
            self.changes.hold_others(line, now)
            if call is not None and call.has_early_media():
                call.audio.apply(False)  # its early media is heard again
            self.drain()
        self.sounds.update()
        return call

    def dismiss(self):
        """Clear the ended call in focus from the screen."""
        call = self.call_in_focus()
        if call is not None and not call.is_live():
            self.lines[call.line] = None
            self._look_elsewhere()
            self.sounds.update()

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

    def is_used(self):
        """Return whether a line has a live call."""
        for call in self.lines:
            if call is not None and call.is_live():
                return True
        return False

    def is_talking(self):
        """Return whether microphone and speaker belong to a call."""
        for call in self.lines:
            if call is not None and call.is_active():
                return True
        return False

    def is_engaged(self, besides):
        """Return whether another call than this one is talked, or under way to be."""
        for call in self.lines:
            if call is not None and call is not besides:
                if call.is_active() or call.state in OUTGOING:
                    return True
        return False

    def agent_name(self):
        """Return the name for the agent part of Warning headers (RFC 3261 section 20.43)."""
        local = self.network.local
        return "[" + self.address_text(local) + "]" if local is not None else "vox6"

    # Ends

    def end(self, call, text, tone, now):
        """The call is over: free what it has; text and tone say why for a while."""
        if not call.is_live():
            return
        call.to("ended", now)
        if call.referral is not None:
            self._transfers().refuse(self, call, now, 487)
        if call.referred is not None:
            self._transfers().tell(call.referred, 487, now)  # unless its end was told before
            call.referred = None
        call.session = None
        call.changing = None
        self.changes.part()
        call.ended_text = text
        call.ended_tone = tone
        call.deadline = now + 1000 * self.settings.get("screen.ended_s")
        log.say("call", "%d over: %s" % (call.line + 1, text))
        if call.audio is not None:
            self._stop(call)
        self.drain()
        self.sounds.update()

    def _stop(self, call):
        audio = call.audio
        if self.unwatch is not None and audio.stream is not None:
            self.unwatch(audio.stream)
        try:
            audio.close()
        except Exception as exc:  # what is left must not keep the line
            log.exception("media", exc)

    def started(self, call):
        """A stream was opened: have its reports read."""
        if self.watch is not None and call.audio.stream is not None and not call.audio.watched:
            from firmware.phone import digits

            call.audio.watched = True
            call.audio.on_digit = lambda event: digits.heard(call, event)
            self.watch(call.audio.stream, call.audio.read_reports)

    def note_missed(self, uri, name, now):
        """Remember a call that nobody answered; who calls again and again is there once."""
        again = self.missed and self.missed[-1][0] == uri
        if again and self.unseen and now - self.missed[-1][2] < _AGAIN_MS:
            self.missed.pop()
        else:
            self.unseen += 1
        self.missed.append((uri, name, now))
        if len(self.missed) > _MISSED:
            self.missed.pop(0)

    # Time

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = self.accounts.get_timer()
        for other in (self.sounds.get_timer(), self.security.get_timer()):
            if other is not None and (due is None or other < due):
                due = other
        for call in self.lines:
            if call is None:
                continue
            for other in (call.deadline, call.referral_until):
                if other is not None and (due is None or other < due):
                    due = other
            if call.is_live() and call.audio is not None:
                other = call.audio.get_timer()
                if other is not None and (due is None or other < due):
                    due = other
                tick = self._tick_at
                if call.talking_since is not None and tick is not None:
                    if due is None or tick < due:
                        due = tick
        return due

    def handle_timer(self, now):
        """Do what is due: deadlines, statistics, reports, keys, registrations."""
        for call in self.lines:
            if call is None:
                continue
            try:
                self._timer_of(call, now)
            except Exception as exc:  # one call's fault is not the other's
                log.exception("call", exc)
        if self._tick_at is None or self._tick_at <= now:
            self._tick_at = now + _TICK_MS
        if self.sounds.get_timer() is not None:
            self.sounds.update()
        self.accounts.handle_timer(now)
        self.drain()
        self.security.handle_timer(now)

    def _timer_of(self, call, now):
        if call.deadline is not None and call.deadline <= now:
            call.deadline = None
            self._too_late(call, now)
        if call.referral_until is not None and call.referral_until <= now:
            self._transfers().refuse(self, call, now)
        if call.is_live() and call.audio is not None:
            call.audio.handle_timer(now)
        if call.talking_since is not None and call.is_live():
            if self._tick_at is None or self._tick_at <= now:
                quiet = call.audio.tick(now)
                limit = self.settings.get("call.silence_s")
                call.silent_s = quiet // 1000 if quiet >= 1000 * limit else 0

    def _too_late(self, call, now):
        if call.state == "ended":
            if self.lines[call.line] is call:
                self.lines[call.line] = None
            self._look_elsewhere()
            self.sounds.update()
        elif call.state in OUTGOING:
            call.give_up(now)
            self.end(call, wording.NO_ANSWER, "congestion", now)
        elif call.state == "incoming":
            call.session.reject(now, 480)
            self.note_missed(call.uri, call.name, now)
            self.end(call, wording.NOT_ANSWERED_HERE, None, now)

    def debug(self):
        """Return one line on the phone's state."""
        lines = [call.state if call is not None else "-" for call in self.lines]
        return "lines %s focus %d tone %s" % (" ".join(lines), self.focus + 1, self.sounds.tone)
