# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Messages: texts that came (RFC 3428), and how many wait in the mailboxes (RFC 3842).

On the console:

    phone().messages.send("sip:bob@example.org", "On my way")
    phone().messages.texts        [(name, URI, text, ms), ...], the newest last

Loaded when the first message comes or goes, or an account has a mailbox.
"""

from firmware import log
from firmware.phone import dial as dialling
from firmware.ui import wording
from vox6.sip.message_summary import MessageSummary
from vox6.wire import const
from vox6.wire.errors import FormatError, ProtocolError

_KEPT = const(10)  # texts
_LONGEST = const(300)  # characters kept of one
_VOICE = "voice-message"  # RFC 3458 section 6.2


class Mailbox:
    """The mailbox of one account. new, old: voice messages, or None if only waiting is known."""

    def __init__(self, account, subscription):
        self.account = account
        self.subscription = subscription
        self.waiting = False
        self.new = None
        self.old = None

    def text(self):
        """Return a line for the screen."""
        if self.new is None:
            state = wording.MAILBOX_WAITS if self.waiting else wording.MAILBOX_EMPTY
        else:
            state = wording.MAILBOX % (self.new, self.old)
        return "%d %s: %s" % (self.account.number, self.account.user, state)


class Messages:
    """Texts and mailboxes of a Phone."""

    def __init__(self, phone):
        self.phone = phone
        self.texts = []
        self.unread = 0
        self.mailboxes = []
        self.answers = []  # (URI, status) of what we sent, the newest last

    # Texts

    def received(self, event, now):
        """A text came."""
        name = dialling.caller_text(event.from_uri, event.display_name)
        log.say("message", "from %s, %d characters" % (event.from_uri, len(event.text)))
        self.texts.append((name, event.from_uri, event.text[:_LONGEST], now))
        if len(self.texts) > _KEPT:
            self.texts.pop(0)
        self.unread = min(self.unread + 1, _KEPT)

    def send(self, to, text, account=None):
        """Send a text to whom to means, as if it were dialled; account: number, or None.

        DialError, LocalProtocolError: why not. What becomes of it is in the log and in answers.
        """
        phone = self.phone
        target = dialling.resolve(to, phone.accounts.for_digits(account), phone.network)
        hop = phone.outgoing.hop_of(target)

        def located(reason):
            if reason:
                self._answered(target.uri, 0, reason)
                return
            identity = target.account.identity if target.account is not None else None
            phone.agent.message(
                target.uri,
                hop.peer,
                phone.clock.now(),
                text,
                account=identity,
                transport=hop.transport,
                targets=hop.targets(),
            )
            phone.drain()

        if hop.peer is not None:
            located("")
        else:
            hop.locate(located)

    def answered(self, event):
        """A text of ours was delivered, or not."""
        self._answered(event.uri, event.status, wording.status_text(event.status))

    def _answered(self, uri, status, words):
        log.say("message", "to %s: %s" % (uri, words))
        self.answers = self.answers[1 - _KEPT :] + [(uri, status)]

    def seen(self):
        """Somebody looks at them."""
        self.unread = 0

    # Mailboxes

    def watch(self, account, uri, now):
        """Subscribe to the mailbox of an account, unless that is so already."""
        for box in self.mailboxes:
            if box.account is account and box.subscription is not None:
                return
        phone = self.phone
        hop = account.hop
        if hop.peer is None:
            hop.locate(lambda reason: None if reason else self.watch(account, uri, now))
            return
        try:
            subscription = phone.agent.subscribe(
                uri,
                "message-summary",
                hop.peer,
                now,
                account=account.identity,
                transport=hop.transport,
                targets=hop.targets(),
            )
        except ProtocolError as exc:
            log.say("message", "%d: no subscription: %s" % (account.number, exc))
            return
        self.mailboxes = [box for box in self.mailboxes if box.account is not account]
        self.mailboxes.append(Mailbox(account, subscription))

    def forget(self, now):
        """The settings are others: what accounts there are will subscribe anew."""
        for box in self.mailboxes:
            if box.subscription is not None:
                box.subscription.unsubscribe(now)
        self.mailboxes = []

    def notified(self, event):
        """The state of a mailbox came, asked for or not."""
        if not event.body:
            return
        try:
            summary = MessageSummary.parse(event.body)
        except FormatError as exc:
            log.say("message", "summary: %s" % exc)
            return
        box = self._box(event.subscription, summary.account)
        if box is None:
            return
        box.waiting = summary.waiting
        count = summary.get(_VOICE)
        box.new, box.old = (None, None) if count is None else (count.new, count.old)
        log.say("message", "mailbox " + box.text())

    def _box(self, subscription, uri):
        for box in self.mailboxes:
            if subscription is not None and box.account.identity is subscription.account:
                return box
        accounts = self.phone.accounts.all
        if subscription is not None or not accounts:
            return None
        found = [one for one in accounts if one.uri == uri] or accounts
        for box in self.mailboxes:
            if box.account is found[0]:
                return box
        self.mailboxes.append(Mailbox(found[0], None))  # a server that tells without being asked
        return self.mailboxes[-1]

    def ended(self, event):
        """A subscription is over, in whatever way; with retry_ms lib/sip subscribes again."""
        if event.retry_ms is not None:
            return
        for box in list(self.mailboxes):
            if box.subscription is event.subscription:
                log.say(
                    "message", "%d: subscription over: %s" % (box.account.number, event.reason)
                )
                self.mailboxes.remove(box)

    def waiting(self):
        """Return how many new voice messages there are; 1 where a server says only that some."""
        count = 0
        for box in self.mailboxes:
            count += (1 if box.waiting else 0) if box.new is None else box.new
        return count

    def lines(self):
        """Return the lines of the page: mailboxes, then texts, the newest first."""
        out = [box.text() for box in self.mailboxes]
        for name, _, text, _ in reversed(self.texts):
            out.append(name + ":")
            out.append(text)
        return out
