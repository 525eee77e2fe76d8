# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls that we make, until they are answered: whom, and by which server.

A name is looked up first (state "locating"). Of several places behind it the engine tries the next
one when one does not answer (RFC 3263 section 4.3).
"""

from firmware import log
from firmware.phone import dial as dialling
from firmware.phone.call import Call
from firmware.phone.next_hop import NextHop
from firmware.ui import wording
from vox6.sip.headers import NameAddr
from vox6.sip.uri import URI, escape
from vox6.wire import const
from vox6.wire.errors import FormatError, ProtocolError

MOST_REDIRECTS = const(5)


class Outgoing:
    """Begins the calls of a Phone. access: net.access.Access."""

    def __init__(self, phone, access):
        self.phone = phone
        self._access = access

    def dial(self, text, account=None):
        """Call whom text means; account: its number, or None. DialError: why not, in words."""
        phone = self.phone
        now = phone.clock.now()
        identity = phone.accounts.for_digits(account)
        line = phone.free_line()
        if line is None:
            raise dialling.DialError(wording.NO_FREE_LINE)
        number = text.strip()
        if number[:1].isdigit() or number[:1] == "+":
            from firmware.phone.numbers import may_be_listed

            if may_be_listed(number, phone.settings):
                self._dial_number(number, identity, line, now)
                return
        target = dialling.resolve(text, identity, phone.network)
        hop = self.hop_of(target)
        call = Call(line, "out", None, target.uri, None, now)
        call.account = target.account
        self.start(call, hop, now)

    def _dial_number(self, number, account, line, now):
        """Call a number by the directory that DNS is, else by the account."""
        from firmware.phone.numbers import NumberHop

        call = Call(line, "out", None, "sip:" + escape(number) + "@enum", None, now)

        def found(uri):
            target = dialling.resolve(uri or number, account, self.phone.network)
            call.uri = target.uri
            call.account = target.account
            call.hop = self.hop_of(target)
            return call.hop

        phone = self.phone
        hop = NumberHop(self._access.names, phone.clock, number, phone.settings, found)
        self.start(call, hop, now)

    def call(self, referral, account, now):
        """Call whom a peer wants us to call (REFER); return the Call. DialError: why not."""
        uri = referral.refer_to
        line = self.phone.free_line()
        if line is None:
            raise dialling.DialError(wording.NO_FREE_LINE)
        call = Call(line, "out", None, uri, None, now)
        call.account = account
        call.referred = referral
        call.replaces = referral.replaces
        call.referred_by = referral.referred_by
        self.start(call, self._hop_for(uri, account), now)
        return call

    def start(self, call, hop, now):
        """Begin a call on its line, which is free. DialError: why it cannot be."""
        phone = self.phone
        if hop.peer is None and phone.network.local is None:
            raise dialling.DialError(wording.NO_ADDRESS)
        call.hop = hop
        call.deadline = now + 1000 * phone.settings.get("call.answer_s")
        if hop.peer is not None:
            self._invite(call, now)
        else:
            call.to("locating", now)
        phone.changes.hold_others(call.line, now)
        phone.lines[call.line] = call
        phone.focus = call.line
        log.say("call", "%d to %s" % (call.line + 1, call.uri))
        if call.state == "locating":
            hop.locate(lambda reason: self._located(call, reason))
        phone.drain()
        phone.sounds.update()

    def hop_of(self, target):
        """Return the NextHop of a target. DialError: its transport is none of ours."""
        if not target.direct:
            if target.uri.startswith("sips:") and target.account.hop.transport != "TLS":
                raise dialling.DialError(wording.ACCOUNT_IN_CLEAR)  # RFC 3261 section 26.2.2
            return target.account.hop
        hop = NextHop(self._access.names, URI.parse(target.uri))
        if hop.peer is not None:
            hop.peer = (target.peer[0], hop.peer[1])  # with its link
            if hop.problem():
                raise dialling.DialError(hop.problem())
        return hop

    def _located(self, call, reason):
        if call.state != "locating":
            return  # given up meanwhile
        phone = self.phone
        now = phone.clock.now()
        if reason:
            phone.events.tell(call, 404, None, now)
            phone.end(call, reason, "congestion", now)
            return
        self._begin(call, now)
        phone.drain()

    def _begin(self, call, now):
        try:
            self._invite(call, now)
            call.to("calling", now)
        except dialling.DialError as exc:
            self.phone.end(call, str(exc), "congestion", now)

    def _invite(self, call, now):
        """Send the INVITE of a call to its hop. DialError: why it cannot be."""
        phone = self.phone
        peer = call.hop.peer
        local = phone.network.source_for(peer[0])
        if local is None:
            nothing = phone.network.local is None
            raise dialling.DialError(wording.NO_ADDRESS if nothing else wording.NO_WAY)
        audio = call.audio
        if audio is None:
            audio = phone.make_audio(local, peer[0])
            try:
                audio.reserve(phone.ports)
            except OSError as exc:
                log.say("media", "no RTP port: %s" % exc)
                raise dialling.DialError(wording.NO_PORT)
        else:  # it goes somewhere else after a redirection
            audio.offer_refused()
            if audio.local != local:
                audio.move(local)
        identity = call.account.identity if call.account is not None else None
        try:
            session = phone.agent.invite(
                call.target or call.uri,
                peer,
                now,
                audio.offer(False),
                account=identity,
                headers=call.headers,
                transport=call.hop.transport,
                targets=call.hop.targets(),
                follows=call.session,
                replaces=call.replaces,
                referred_by=call.referred_by,
            )
        except ProtocolError as exc:
            audio.close()
            log.say("call", "not called: %s" % exc)
            raise dialling.DialError(wording.BAD_NUMBER)
        call.session = session
        call.peer = peer
        if call.audio is None:
            call.take(audio)

    # Redirections

    def _hop_for(self, uri, account, headers=()):
        """Return where requests to a URI of a message go: by the account's server, else itself.

        headers: of the request; a Route in them goes before both. FormatError: a malformed URI.
        """
        for name, value in headers:
            if name == "Route":
                return NextHop(self._access.names, NameAddr.parse(value).uri)
        if account is not None and account.has_server:
            return account.hop
        hop = NextHop(self._access.names, URI.parse(uri))
        if hop.problem():
            raise dialling.DialError(hop.problem())
        return hop

    def redirected(self, call, event, now):
        """Follow a 3xx (RFC 3261 section 8.1.3.4), or go on when a place it named refused.

        Returns whether the call goes on.
        """
        status = event.status
        if call.targets is None:
            if not 300 <= status <= 399 or not self.phone.settings.get("call.redirects"):
                return False
            from vox6.sip.redirection import TargetSet

            call.targets = TargetSet(call.uri)
        if event.message is not None:
            call.targets.receive(event.message)
        uri = None
        if status < 600 and status != 487 and call.redirects < MOST_REDIRECTS:
            uri = call.targets.next()
        if uri is None:
            return False
        call.redirects += 1
        if call.audio is not None:
            call.audio.silence()
        call.target = uri
        call.headers = call.targets.headers
        call.note = wording.REDIRECTED % dialling.caller_text(uri)
        log.say("call", "%d: %d, goes on to %s" % (call.line + 1, status, uri))
        try:
            call.hop = self._hop_for(uri, call.account, call.headers)
        except (dialling.DialError, FormatError) as exc:
            log.say("call", "%d: %s" % (call.line + 1, exc))
            return self.redirected(call, event, now)
        if call.hop.peer is not None:
            self._begin(call, now)
        else:
            call.to("locating", now)
            call.hop.locate(lambda reason: self._located(call, reason))
        return True
