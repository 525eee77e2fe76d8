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
        hop = self._hop(target)
        if hop.peer is None and phone.network.local is None:
            raise dialling.DialError(wording.NO_ADDRESS)
        call = Call(line, "out", None, target.uri, None, now)
        call.account = target.account
        call.hop = hop
        call.deadline = now + 1000 * phone.settings.get("call.answer_s")
        if hop.peer is not None:
            self._invite(call, now)
        else:
            call.to("locating", now)
        phone.changes.hold_others(line, now)
        phone.lines[line] = call
        phone.focus = line
        log.say("call", "%d to %s" % (line + 1, target.uri))
        if call.state == "locating":
            hop.locate(lambda reason: self._located(call, reason))
        phone.drain()
        phone.sounds.update()

    def _hop(self, target):
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
        audio = phone.make_audio(local, peer[0])
        try:
            audio.reserve(phone.ports)
        except OSError as exc:
            log.say("media", "no RTP port: %s" % exc)
            raise dialling.DialError(wording.NO_PORT)
        identity = call.account.identity if call.account is not None else None
        try:
            body = audio.offer(False)
            session = phone.agent.invite(
                call.uri,
                peer,
                now,
                body,
                account=identity,
                transport=call.hop.transport,
                targets=call.hop.targets(),
            )
        except ProtocolError as exc:
            audio.close()
            log.say("call", "not called: %s" % exc)
            raise dialling.DialError(wording.BAD_NUMBER)
        call.session = session
        call.peer = peer
        call.take(audio)
