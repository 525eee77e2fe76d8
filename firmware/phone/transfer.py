# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Transfer (RFC 3515, RFC 5589): ours, one that a peer asks us for, and calls that replace others
(RFC 3891). Loaded at the first of them.

    blind      the peer is asked to call whom somebody typed
    attended   the peer of one line is asked to call the peer of the other, in our place
"""

from firmware import log
from firmware.phone import dial as dialling
from firmware.phone.audio import Unacceptable
from firmware.phone.call import OUTGOING, Call
from firmware.ui import wording
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError, ProtocolError

_ASKED_MS = const(30000)  # until nobody's answer is no


# Ours


def begin(phone, call, text, account):
    """Transfer the peer of a call to whom text means; nothing typed: to the other line's peer.

    account: number of the account that digits are dialled with, or None. DialError: why not;
    LocalProtocolError: not now.
    """
    now = phone.clock.now()
    if text:
        target = dialling.resolve(text, phone.accounts.for_digits(account), phone.network)
        call.session.refer(now, target.uri)
        who = target.uri
    else:
        other = phone.other_standing(call)
        if other is None:
            raise dialling.DialError(wording.DIALLED_NOTHING)
        if not call.held_here:  # who was held is sent to whom we talked to about it
            call, other = other, call
        call.session.refer(now, "", other.session)
        who = other.uri
    call.transferring = True
    call.note = wording.TRANSFERRING
    log.say("call", "%d is transferred to %s" % (call.line + 1, who))
    phone.drain()


def progressed(phone, call, event):
    """The peer tells how its new call goes."""
    if 180 <= event.status < 200:
        call.note = wording.TRANSFER_PROGRESS % (event.status, event.reason)
    log.say("call", "%d transfer: %d %s" % (call.line + 1, event.status, event.reason))


def done(phone, call, event, now):
    """The transfer came about, and our call is over; or it did not, and the call goes on."""
    call.transferring = False
    log.say("call", "%d transfer ends: %d %s" % (call.line + 1, event.status, event.reason))
    if event.status < 300:
        phone.bye(call, wording.TRANSFERRED, None, None, now)
    else:
        call.note = wording.TRANSFER_FAILED % event.status


# A peer asks us


def asked(phone, event, now):
    """The peer of a call wants us to call somebody else: the owner or the person says if."""
    referral = event.referral
    call = phone.of(event.session) if event.session is not None else None
    policy = phone.settings.get("call.transfer")
    if call is None or not call.is_live() or policy == "no":
        log.say("call", "transfer to %s refused" % referral.refer_to)
        referral.reject(now, 603)
        return
    if call.referral is not None or phone.free_line() is None:
        referral.reject(now, 486)
        return
    log.say("call", "%d: is to call %s" % (call.line + 1, referral.refer_to))
    call.referral = referral
    if policy == "yes":
        follow(phone, call, now)
        return
    call.referral_until = now + _ASKED_MS
    if not phone.is_engaged(call):
        phone.focus = call.line
    if phone.on_incoming is not None:
        phone.on_incoming()


def follow(phone, call, now):
    """Do as the peer asks: call the target on the free line, and tell how it goes."""
    referral = call.referral
    call.referral = call.referral_until = None
    try:
        referral.accept(now)
    except LocalProtocolError as exc:
        log.say("call", "%d: transfer: %s" % (call.line + 1, exc))
        return
    try:
        phone.outgoing.call(referral, call.account, now)
    except (dialling.DialError, ProtocolError) as exc:
        call.note = wording.TRANSFER_FAILED % 503
        log.say("call", "%d: transfer: %s" % (call.line + 1, exc))
        tell(referral, 503, now)
    phone.drain()
    phone.sounds.update()


def refuse(phone, call, now, status=603):
    """The person does not want to, or does not say."""
    referral = call.referral
    call.referral = call.referral_until = None
    try:
        referral.reject(now, status)
    except LocalProtocolError as exc:
        log.say("call", "%d: transfer: %s" % (call.line + 1, exc))
    phone.drain()


def tell(referral, status, now, reason=None):
    """Tell the peer who asked how the call goes that we made for it."""
    try:
        referral.progress(now, status, reason)
    except LocalProtocolError as exc:
        log.say("call", "transfer: %s" % exc)


# A call that takes the place of another


def replace(phone, event, now):
    """A call came that replaces one of ours: it is answered at once and takes its line.

    Whoever knows both tags of a call is one of its parties, or was sent by one.
    """
    session = event.session
    old = phone.of(event.replaces)
    if old is None or phone.settings.get("call.transfer") == "no":
        session.reject(now, 603)
        return
    held = old.held_here and old.state not in OUTGOING
    audio = phone.make_audio(None, session.peer[0])
    try:
        audio.local = phone.network.source_for(session.peer[0])
        if audio.local is None:
            raise Unacceptable(480, wording.NO_ADDRESS)
        if event.body:
            audio.take_offer(event.body)
        audio.reserve(phone.ports)
        body = audio.answer(held) if event.body else audio.offer(held)
    except Unacceptable as exc:
        log.say("call", "not replaced: %s" % exc.text)
        session.reject(now, exc.status, headers=exc.headers(phone.agent_name()))
        audio.close()
        return
    except OSError as exc:
        log.say("media", "not replaced: %s" % exc)
        session.reject(now, 500)
        audio.close()
        return
    new = Call(old.line, "in", session, session.remote_uri, session.remote_display_name, now)
    new.take(audio)
    new.late_offer = not event.body
    new.peer = session.peer
    new.held_here = held
    session.accept(now, body)
    phone.end(old, wording.REPLACED, None, now)
    phone.lines[new.line] = new
    new.to("answering", now)
    new.talking_since = now
    new.note = wording.TRANSFERRED_HERE
    log.say("call", "%d goes on with %s" % (new.line + 1, new.uri))
    try:
        if event.body:
            audio.apply(held)
        phone.started(new)
    except (Unacceptable, OSError) as exc:
        log.say("media", "not opened: %s" % exc)
        phone.bye(new, wording.MEDIA_FAILED % exc, "congestion", None, now)
    phone.drain()
    phone.sounds.update()
