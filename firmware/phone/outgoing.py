# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Calls that we make, until they are answered: whom, by which server, and which one is next.

A name is looked up first (state "locating"). Of several places behind it the next one is tried
when one does not answer (RFC 3263 section 4.3).
"""

from firmware import log
from firmware.phone import dial as dialling
from firmware.phone.call import Call
from firmware.phone.next_hop import NextHop
from firmware.ui import wording
from vox6.sip.uri import URI
from vox6.wire.errors import ProtocolError


class Outgoing:
    """Begins the calls of a Phone. access: net.access.Access."""

    def __init__(self, phone, access):
        self.phone = phone
        self._access = access

    def dial(self, text, account=None):
        """Call whom text means; account: its number, or None. DialError: why not, in words."""
        phone = self.phone
        now = phone.clock.now()
        target = dialling.resolve(text, phone.accounts.for_digits(account), phone.network)
        line = phone.free_line()
        if line is None:
            raise dialling.DialError(wording.NO_FREE_LINE)
        hop = None
        if target.peer is None:
            hop = target.account.hop if not target.direct else self._hop_to(target.uri)
            if phone.network.local is None:
                raise dialling.DialError(wording.NO_ADDRESS)
        call = Call(line, "out", None, target.uri, None, now)
        call.account = target.account
        call.hop = hop
        if hop is None and target.account is not None:
            call.hop = target.account.hop
        call.deadline = now + 1000 * phone.settings.get("call.answer_s")
        if hop is None:
            self._invite(call, target.peer, now)
        else:
            call.to("locating", now)
        phone.changes.hold_others(line, now)
        phone.lines[line] = call
        phone.focus = line
        log.say("call", "%d to %s" % (line + 1, target.uri))
        if hop is not None:
            hop.locate(lambda reason: self._located(call, reason))
        phone.drain()
        phone.sounds.update()

    def _hop_to(self, uri_text):
        return NextHop(self._access.names, URI.parse(uri_text))

    def _located(self, call, reason):
        if call.state != "locating":
            return  # given up meanwhile
        phone = self.phone
        now = phone.clock.now()
        if reason:
            phone.end(call, reason, "congestion", now)
            return
        self._begin(call, now)
        phone.drain()

    def _begin(self, call, now):
        try:
            self._invite(call, call.hop.peer, now)
            call.to("calling", now)
        except dialling.DialError as exc:
            self.phone.end(call, str(exc), "congestion", now)

    def _invite(self, call, peer, now):
        """Send the INVITE of a call. DialError: why it cannot be."""
        phone = self.phone
        local = phone.network.source_for(peer[0])
        if local is None:
            nothing = phone.network.local is None
            raise dialling.DialError(wording.NO_ADDRESS if nothing else wording.NO_WAY)
        audio = phone.make_audio(local, peer[0])
        try:
            audio.reserve(phone.ports)
        except OSError as exc:
            log.say("media", "no RTP port: %s" % exc)
            raise dialling.DialError(wording.NO_PORT)
        identity = call.account.identity if call.account is not None else None
        try:
            body = audio.offer(False)
            session = phone.agent.invite(call.uri, peer, now, body, account=identity)
        except ProtocolError as exc:
            audio.close()
            log.say("call", "not called: %s" % exc)
            raise dialling.DialError(wording.BAD_NUMBER)
        call.session = session
        call.peer = peer
        call.take(audio)

    def try_next(self, call, status, now):
        """A call failed; return whether it goes on by the next place behind the name."""
        if call.state != "calling" or status not in (408, 503) or call.hop is None:
            return False
        if not call.hop.next():
            call.hop.first()
            return False
        log.say("call", "%d: no answer there, tries the next" % (call.line + 1))
        call.unreachable = False
        call.audio.close()
        self._begin(call, now)
        return True
