# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Where requests go: an address, or the places behind a name in the order to try (RFC 3263)."""

from firmware import log
from firmware.net.names import is_mapped
from firmware.phone.dial import peer_text
from firmware.ui import wording
from vox6.wire.errors import ProtocolError

_REASONS = {
    "timeout": wording.NO_DNS,
    "no servers": wording.NO_DNS_SERVER,
    "transport": wording.NO_TRANSPORT,
}


def reason_text(reason):
    """Return the words for a name that leads nowhere. reason: of lib/dns."""
    if reason in _REASONS:
        return _REASONS[reason]
    # SERVFAIL and the like: nobody knows, but not because the name is not there
    return wording.NO_DNS if reason.isupper() else wording.NO_SUCH_NAME


class NextHop:
    """The next hop of a SIP URI.

    names: a net.names.Names; uri: a URI of lib/sip. peer: (addr16, port) to send to, or None
    while a name is not located. FormatError: the host is a malformed address.
    """

    def __init__(self, names, uri):
        self._names = names
        self._uri = uri
        self._located = []
        self._turn = 0
        self._location = None
        self._waiting = []  # call backs
        self.peer = uri.peer()
        self.is_name = self.peer is None
        if self.peer is not None and is_mapped(self.peer[0]):
            self.peer = None  # out of our reach, and nothing to look up

    def leads_like(self, other):
        """Return whether another hop is for the same URI."""
        return str(self._uri) == str(other._uri)

    def locate(self, callback):
        """Find the places behind the name; callback(reason): "" when peer is there."""
        if not self.is_name:
            callback("" if self.peer is not None else wording.IPV4_ADDRESS)
            return
        self._waiting.append(callback)
        if self._location is not None:
            return
        transport = self._uri.get("transport")
        if transport is not None and transport.lower() != "udp":
            self._found([], "transport")
            return
        host = self._uri.get("maddr") or self._uri.host
        asked = None if transport is None else "UDP"
        try:
            location = self._names.locate(host, self._uri.port, asked, self._found)
        except ProtocolError as exc:
            self._found([], str(exc))
            return
        if self._waiting:  # else the cache knew
            self._location = location

    def _found(self, candidates, reason):
        self._location = None
        self._located = [(one.addr16, one.port) for one in candidates]
        self._turn = 0
        self.peer = self._located[0] if self._located else None
        places = [peer_text(addr16, port) for addr16, port in self._located[:3]]
        log.say("dns", "%s: %s" % (self._uri.host, " ".join(places) or reason))
        waiting = self._waiting
        self._waiting = []
        for callback in waiting:
            callback("" if self._located else reason_text(reason))

    def cancel(self):
        """Nobody waits for locate() any more."""
        self._waiting = []
        if self._location is not None:
            self._names.cancel(self._location)
            self._location = None

    def next(self):
        """Go to the next place, as the last one did not answer; return whether there is one."""
        if self._turn + 1 >= len(self._located):
            return False
        self._turn += 1
        self.peer = self._located[self._turn]
        return True

    def first(self):
        """Begin with the first place again."""
        self._turn = 0
        if self._located:
            self.peer = self._located[0]
