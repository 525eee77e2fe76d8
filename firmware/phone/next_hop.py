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


def transport_of(uri):
    """Return the transport that a URI asks for, "UDP", "TCP", "TLS" or another word; or None."""
    transport = uri.get("transport")
    if uri.scheme == "sips":
        return "TLS" if transport in (None, "tcp", "tls") else "udp over sips"
    return None if transport is None else transport.upper()


class NextHop:
    """The next hop of a SIP URI.

    names: a net.names.Names; uri: a URI of lib/sip; wish: transport to use where the URI names
    none, or None. peer: (addr16, port) to send to, or None while a name is not located; transport:
    "UDP", "TCP" or "TLS". FormatError: the host is a malformed address.
    """

    def __init__(self, names, uri, wish=None):
        self._names = names
        self._uri = uri
        self._located = []  # (peer, transport)
        self._location = None
        self._waiting = []  # call backs
        self._secure = uri.scheme == "sips"
        self._asked = transport_of(uri) or wish  # None: DNS says it
        self.transport = self._asked or "UDP"
        self.peer = uri.peer()
        self.is_name = self.peer is None
        if self.peer is not None:
            if uri.port is None and self.transport == "TLS":
                self.peer = (self.peer[0], 5061)
            if is_mapped(self.peer[0]):
                self.peer = None  # out of our reach, and nothing to look up

    def leads_like(self, other):
        """Return whether another hop is for the same URI."""
        return str(self._uri) == str(other._uri) and self._asked == other._asked

    def locate(self, callback):
        """Find the places behind the name; callback(reason): "" when peer is there."""
        if not self.is_name:
            callback("" if self.peer is not None else wording.IPV4_ADDRESS)
            return
        self._waiting.append(callback)
        if self._location is not None:
            return
        if self.problem():
            self._found([], "transport")
            return
        host = self._uri.get("maddr") or self._uri.host
        try:
            location = self._names.locate(
                host, self._uri.port, self._asked, self._secure, self._found
            )
        except ProtocolError as exc:
            self._found([], str(exc))
            return
        if self._waiting:  # else the cache knew
            self._location = location

    def problem(self):
        """Return why the transport that is asked for cannot be used, or ""."""
        if self._asked is None or (self._names is not None and self._names.can_use(self._asked)):
            return ""
        if self._asked == "UDP":
            return ""
        return wording.NEEDS_CA if self._asked == "TLS" else wording.NO_TRANSPORT

    def _found(self, candidates, reason):
        self._location = None
        usable = [one for one in candidates if self._names.can_use(one.transport)]
        if candidates and not usable:
            reason = "transport"
        self._located = [((one.addr16, one.port), one.transport) for one in usable]
        if self._names.expect is not None:
            for peer, transport in self._located:
                if transport == "TLS":
                    self._names.expect(peer, self._uri.host)
        self.peer = None
        if usable:
            self.peer, self.transport = self._located[0]
        places = [
            "%s %s" % (transport, peer_text(peer[0], peer[1]))
            for peer, transport in self._located[:3]
        ]
        log.say("dns", "%s: %s" % (self._uri.host, " ".join(places) or reason))
        waiting = self._waiting
        self._waiting = []
        for callback in waiting:
            callback("" if self._located else self.problem() or reason_text(reason))

    def cancel(self):
        """Nobody waits for locate() any more."""
        self._waiting = []
        if self._location is not None:
            self._names.cancel(self._location)
            self._location = None

    def targets(self):
        """Return [(peer, transport), ...] to try after this place, for the SIP engine."""
        return self._located[1:]
