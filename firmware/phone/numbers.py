# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Numbers that DNS knows: ENUM (RFC 6116) and ISN; loaded at the first such number.

Settings: dial.enum and dial.isn, the trees to ask, apart by spaces; empty: none. "+43 1 5056416"
is asked for in the first ones, "1234*256" in the second. What is in none of them is dialled by the
account as ever.
"""

from firmware import log
from firmware.phone.dial import DialError
from vox6.wire.errors import LocalProtocolError


def may_be_listed(text, settings):
    """Return whether a text has the form of a number that a tree of the settings may hold."""
    if text.startswith("+"):
        return bool(settings.get("dial.enum"))
    head, star, tail = text.partition("*")
    return bool(star and head and tail and settings.get("dial.isn"))


class _Asked:
    """A resolver as NumberFinder wants it, over net.names.Names."""

    def __init__(self, names, answered):
        self._names = names
        self._answered = answered

    def resolve(self, name, rtype, now):
        """Ask for records."""
        from vox6.dns.events import Resolved, ResolveFailed
        from vox6.dns.name import canonical

        key = canonical(name)

        def known(records, reason):
            if records or reason == "not found":
                self._answered(Resolved(key, rtype, records, 0, key))
            else:
                self._answered(ResolveFailed(key, rtype, reason))

        self._names.lookup(name, rtype, known)


class NumberHop:
    """The next hop of a number until it is found, as a NextHop.

    number: what was dialled; found: function (URI text, or None: nobody lists it), returns the
    NextHop of the call from then on, or raises DialError.
    """

    def __init__(self, names, clock, number, settings, found):
        from vox6.dns.number import NumberFinder

        self.peer = None
        self.transport = "UDP"
        self.is_name = True
        self._clock = clock
        self._number = number
        self._found = found
        self._callback = None
        self._hop = None
        self._finder = NumberFinder(
            _Asked(names, self._answered),
            tuple(settings.get("dial.enum").split()),
            tuple(settings.get("dial.isn").split()),
        )
        self._query = None

    def locate(self, callback):
        """Find the number, then where its URI leads; callback(reason): "" when that is known."""
        self._callback = callback
        try:
            self._query = self._finder.find(self._number, self._clock.now())
        except LocalProtocolError:  # not a number after all
            self._go_on(None)
            return
        self._drain()

    def _answered(self, event):
        self._finder.receive_event(event, self._clock.now())
        if self._query is not None:
            self._drain()

    def _drain(self):
        event = self._finder.next_event()
        if event is None or self._callback is None:
            return
        uris = getattr(event, "uris", [])
        reason = getattr(event, "reason", "")
        log.say("dns", "%s: %s" % (self._number, " ".join(uris) or reason))
        self._go_on(uris[0] if uris else None)

    def _go_on(self, uri):
        callback = self._callback
        self._callback = None
        try:
            self._hop = self._found(uri)
        except DialError as exc:
            callback(str(exc))
            return
        if self._hop.peer is not None:
            callback("")
        else:
            self._hop.locate(callback)

    def cancel(self):
        """Nobody waits for locate() any more."""
        self._callback = None
        if self._query is not None:
            self._finder.cancel(self._query)
        if self._hop is not None:
            self._hop.cancel()

    def targets(self):
        """Return [(peer, transport), ...] to try after this place."""
        return []
