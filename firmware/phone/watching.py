# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Who else is talking: the dialog states (RFC 4235) of those named by blf.1 to blf.4.

Loaded when one of them is set.
"""

from firmware import log
from firmware.phone import dial as dialling
from firmware.phone.dial import caller_text
from firmware.ui import wording
from vox6.sip.dialog_info import DialogInfo, Table
from vox6.wire.errors import FormatError, ProtocolError


class Watched:
    """One of them. state: "unknown", "free", "rings", "talks"."""

    def __init__(self, number, uri):
        self.number = number
        self.uri = uri
        self.subscription = None
        self.table = Table()
        self.state = "unknown"

    def text(self):
        """Return a line for the screen."""
        return "%s: %s" % (caller_text(self.uri), wording.WATCHED[self.state])


class Watching:
    """Those whom a Phone watches."""

    def __init__(self, phone, uris):
        """uris: [(number, URI), ...]."""
        self.phone = phone
        self.all = [Watched(number, uri) for number, uri in uris]

    def start(self, now):
        """Subscribe where that is not so yet."""
        phone = self.phone
        for one in self.all:
            if one.subscription is None:
                try:
                    target = dialling.resolve(one.uri, phone.accounts.for_digits(), phone.network)
                    hop = phone.outgoing.hop_of(target)
                except dialling.DialError as exc:
                    log.say("watch", "%s: %s" % (one.uri, exc))
                    continue
                if hop.peer is not None:
                    self._subscribe(one, target, hop, now)
                else:
                    hop.locate(self._located(one, target, hop))

    def _located(self, one, target, hop):
        def located(reason):
            if not reason:
                self._subscribe(one, target, hop, self.phone.clock.now())
                self.phone.drain()

        return located

    def _subscribe(self, one, target, hop, now):
        identity = target.account.identity if target.account is not None else None
        try:
            one.subscription = self.phone.agent.subscribe(
                target.uri,
                "dialog",
                hop.peer,
                now,
                account=identity,
                transport=hop.transport,
                targets=hop.targets(),
            )
        except ProtocolError as exc:
            log.say("watch", "%s: %s" % (one.uri, exc))

    def _of(self, subscription):
        for one in self.all:
            if one.subscription is subscription:
                return one
        return None

    def notified(self, event, now):
        """The state of one came."""
        one = self._of(event.subscription)
        if one is None:
            return
        if event.body:
            try:
                whole = one.table.receive(DialogInfo.parse(event.body))
            except FormatError as exc:
                log.say("watch", "%s: %s" % (one.uri, exc))
                return
            if not whole:
                event.subscription.refresh(now)
        states = [dialog.state for dialog in one.table.dialogs]
        one.state = "talks" if "confirmed" in states else "rings" if states else "free"

    def ended(self, event):
        """A subscription is over; with retry_ms lib/sip subscribes again."""
        one = self._of(event.subscription)
        if one is not None:
            one.state = "unknown"
            one.table = Table()
            if event.retry_ms is None:
                log.say("watch", "%s: %s" % (one.uri, event.reason))
                one.subscription = None

    def forget(self, now):
        """Nobody is watched any more."""
        for one in self.all:
            if one.subscription is not None:
                one.subscription.unsubscribe(now)
                one.subscription = None
