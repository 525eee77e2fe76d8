# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIP over TCP and TLS (RFC 3261 section 18): connections, each known by its peer and transport.

    opening    the connection is being made; messages wait in its queue
    open       messages go out as the stream takes them, what comes is cut into messages
    (gone)     closed by either side, or it failed: on_failure says why

A connection is made when the engine sends to a peer that has none, and used for all that goes
there (RFC 5923): responses go back on the connection of their request, as that is the one of their
peer. It is closed when nothing passed for 120 s, unless a registration or a call needs it.
"""

from firmware import log
from firmware.phone.dial import peer_text
from firmware.ui import wording
from vox6.sip.framing import StreamFramer
from vox6.wire import const
from vox6.wire.errors import RemoteProtocolError

_ANY = b"\x00" * 16
_MOST = const(6)  # of the 8 streams of net6: DNS has its own
_STRANGERS = const(3)  # made by others: they must not keep us from our servers
_OPENING_MS = const(5000)  # until the next place is tried; SYN goes out at 0, 1 and 3 s
_IDLE_MS = const(120000)
_STRANGER_MS = const(30000)  # for the first whole message of a connection that others made
_PAUSE_MS = const(1000)  # between the halves of a ping; pongs are farther apart
_QUEUED = const(16384)  # octets that wait for a slow peer; a call has some 4 kB
_READ = const(1024)
_READS = const(4)  # before others get their turn
_READS_TLS = const(32)  # until None: what TLS has taken from the stream below raises no poll
_REASONS = const(8)  # kept for those who ask
_ENETUNREACH = const(101)
_PONG = b"\r\n"


class Connection:
    """One connection. peer: (addr16, port); transport: "TCP", "TLS"; incoming: others made it."""

    def __init__(self, stream, raw, peer, transport, incoming, now):
        self.stream = stream  # what is read and written: raw, or TLS on it
        self.raw = raw
        self.peer = peer
        self.transport = transport
        self.incoming = incoming
        self.is_open = incoming
        self.check = None  # a certificates.Check
        self.framer = StreamFramer()
        self.queue = []
        self.waiting = 0  # octets in it
        self.writing = False  # whether somebody polls for room
        self.since = now
        self.used_at = now
        self.messages = 0  # whole ones that came
        self.heard_at = now
        self.last = None  # sent last
        self.last_at = now

    def name(self):
        """Return transport and peer for the log."""
        return "%s %s" % (self.transport, peer_text(self.peer[0], self.peer[1]))


class Connections:
    """The connections of one phone. Nothing here raises: failures go to on_failure.

    watch(stream, call back, writing), unwatch(stream): of the reactor. deliver: function (data,
    peer, transport) for each message. on_failure: function (peer, transport, reason in words) for
    a connection that could not be made or was lost. in_use: function (peer, transport): whether
    one must stay. trust: a certificates.Trust.
    """

    def __init__(self, net6, network, clock, dscp, trust):
        self._net6 = net6
        self._network = network
        self._clock = clock
        self._dscp = dscp
        self.trust = trust
        self.watch = None
        self.unwatch = None
        self.deliver = None
        self.on_failure = None
        self.in_use = None
        self.all = []
        self._listener = None
        self._buffer = bytearray(_READ)
        self._names = []  # (peer, domain that its certificate must have), the newest last
        self._reasons = []  # (peer, transport, words), the newest last
        self.counters = {"opened": 0, "accepted": 0, "failed": 0, "refused": 0}

    # The domain that a peer speaks for (RFC 5922), and why it could not be reached

    def expect(self, peer, name):
        """The certificate of a peer must be for this name: the domain that led there."""
        self._names = [entry for entry in self._names if entry[0] != peer][1 - _REASONS :]
        self._names.append((peer, name))
        for one in list(self.all):
            if one.peer == peer and one.check is not None and one.check.name != name:
                self._close(one)  # its certificate was looked at for another domain

    def _expected(self, peer):
        for known, name in self._names:
            if known == peer:
                return name
        return self._net6.text(peer[0])

    def reason(self, peer, transport):
        """Return why the last connection to a peer failed, in words, or "" if none did."""
        for known, by, words in self._reasons:
            if known == peer and by == transport:
                return words
        return ""

    def _note(self, peer, transport, words):
        others = [one for one in self._reasons if (one[0], one[1]) != (peer, transport)]
        self._reasons = others[1 - _REASONS :] + ([(peer, transport, words)] if words else [])

    # Listening

    def listen(self, port):
        """Take connections at a port; one that is taken is told and done without."""
        try:
            self._listener = self._net6.Listener(_ANY, port)
        except OSError as exc:
            log.say("sip", "no TCP at port %d: %s" % (port, exc))
            return
        self.watch(self._listener, self._accept)

    def _accept(self, now):
        got = self._listener.accept()
        if got is None:
            return
        stream, addr16, port = got
        strangers = [one for one in self.all if one.incoming]
        if len(strangers) >= _STRANGERS or len(self.all) >= _MOST:
            oldest = self._idle(strangers)
            if oldest is None:
                self.counters["refused"] += 1
                stream.close()
                return
            self._close(oldest)
        self.counters["accepted"] += 1
        one = Connection(stream, stream, (addr16, port), "TCP", True, now)
        stream.set_traffic_class(self._dscp << 2)
        self._add(one)
        log.say("sip", one.name() + " from there")

    def _idle(self, among):
        """Return the connection that was used longest ago and that nobody needs, or None."""
        found = None
        for one in among:
            if found is None or one.used_at < found.used_at:
                if not one.queue and not self._needed(one):
                    found = one
        return found

    def _needed(self, one):
        return self.in_use is not None and self.in_use(one.peer, one.transport)

    # Sending

    def send(self, data, peer, transport):
        """Send one message on the connection to a peer; without one, make it."""
        one = self.to(peer, transport)
        if one is None:
            one = self._open(peer, transport)
            if one is None:
                return
        if one.waiting + len(data) > _QUEUED:
            self._fail(one, wording.CONNECTION_SLOW)
            return
        one.queue.append(data)
        one.waiting += len(data)
        one.used_at = one.last_at = self._clock.now()
        one.last = data if one.is_open and not one.incoming else None
        if one.is_open:
            self._flush(one)

    def to(self, peer, transport):
        """Return the connection to a peer, or None."""
        for one in self.all:
            if one.peer == peer and one.transport == transport:
                return one
        return None

    def _open(self, peer, transport):
        now = self._clock.now()
        if len(self.all) >= _MOST:
            oldest = self._idle(self.all)
            if oldest is None:
                self._failed(peer, transport, wording.CONNECTIONS_FULL)
                return None
            self._close(oldest)
        local = self._network.source_for(peer[0])
        raw = None
        try:
            if local is None:
                raise OSError(_ENETUNREACH, "no address for this peer")
            raw = self._net6.Stream(peer[0], peer[1], local)
            raw.set_traffic_class(self._dscp << 2)
            stream = raw
            check = None
            if transport == "TLS":
                stream, check = self.trust.wrap(raw, self._expected(peer))
        except (OSError, ValueError, ImportError) as exc:
            if raw is not None:
                raw.close()
            self._failed(peer, transport, self.trust.words(exc, None))
            return None
        one = Connection(stream, raw, peer, transport, False, now)
        one.check = check
        self.counters["opened"] += 1
        self._add(one)
        self._want_room(one)
        return one

    def _add(self, one):
        # The stream below TLS is polled: unix would look at one of TLS each millisecond.
        self.all.append(one)
        self.watch(one.raw, lambda now: self._readable(one))

    def _want_room(self, one):
        if not one.writing:
            one.writing = True
            self.watch(one.raw, lambda now: self._flush(one), True)

    def _has_room(self, one):
        if one.writing:
            one.writing = False
            self.unwatch(one.raw, True)

    def _flush(self, one):
        """Write what the stream takes; called when there may be room."""
        try:
            while one.queue:
                data = one.queue[0]
                if one.check is not None:
                    one.check.use()
                length = one.stream.write(data)
                if not length:
                    if one.check is None or one.is_open:
                        self._want_room(one)
                    else:
                        self._has_room(one)  # the handshake waits for the peer
                    return
                self._opened(one)
                one.waiting -= length
                if length < len(data):
                    one.queue[0] = data[length:]
                else:
                    one.queue.pop(0)
        except (OSError, ValueError) as exc:
            self._fail(one, self.trust.words(exc, one.check))
            return
        self._has_room(one)

    def _opened(self, one):
        if not one.is_open:
            one.is_open = True
            self._note(one.peer, one.transport, "")
            how = " " + one.check.told() if one.check is not None else ""
            log.say("sip", one.name() + " connected" + how)

    # Reading

    def _readable(self, one):
        if one.check is None:
            self._read(one, _READS)
            return
        if one.queue and not one.is_open:
            self._flush(one)  # the handshake goes on
        self._read(one, _READS_TLS)
        if one.queue and one in self.all:
            self._flush(one)

    def _read(self, one, times):
        for _ in range(times):
            if one not in self.all:
                return  # a message before had it closed
            try:
                if one.check is not None:
                    one.check.use()
                length = one.stream.readinto(self._buffer)
            except (OSError, ValueError) as exc:
                self._fail(one, self.trust.words(exc, one.check))
                return
            if length is None:
                return
            if length == 0:
                words = wording.CONNECTION_CLOSED if one.is_open else wording.CONNECTION_REFUSED
                self._fail(one, words)
                return
            self._opened(one)
            self._receive(one, bytes(memoryview(self._buffer)[:length]))
            if length < _READ and one.check is None:
                return

    def _receive(self, one, data):
        now = self._clock.now()
        if now - one.heard_at > _PAUSE_MS:
            one.framer.pause()
        one.heard_at = now
        try:
            messages = one.framer.receive(data)
        except RemoteProtocolError as exc:
            log.say("sip", "%s: %s" % (one.name(), exc.reason))
            self._fail(one, wording.CONNECTION_NO_SIP)
            return
        one.used_at = now
        if one.framer.pings:  # RFC 5626 section 4.4.1
            one.queue.append(_PONG * one.framer.pings)
            one.waiting += 2 * one.framer.pings
            one.framer.pings = 0
            if one.waiting > _QUEUED:
                self._fail(one, wording.CONNECTION_SLOW)
                return
            self._flush(one)
        if one.framer.pongs:
            one.framer.pongs = 0
            self.deliver(_PONG, one.peer, one.transport)
        for message in messages:
            one.messages += 1
            self.deliver(message, one.peer, one.transport)
        if one.framer.error is not None and one in self.all:  # behind whole messages
            log.say("sip", "%s: %s" % (one.name(), one.framer.error.reason))
            self._fail(one, wording.CONNECTION_NO_SIP)

    # Ends

    def _remove(self, one):
        if one not in self.all:
            return False
        self.all.remove(one)
        self.unwatch(one.raw)
        try:
            one.stream.close()
            if one.raw is not one.stream:
                one.raw.close()
        except OSError as exc:
            log.say("sip", "close: %s" % exc)
        one.queue = []
        return True

    def _close(self, one):
        """We end it; nobody waits for anything there."""
        if self._remove(one):
            log.say("sip", one.name() + " closed")

    def drop(self, peer, transport):
        """Close the connection to a peer, if there is one: it is dead, as the engine found.

        What the engine has sent there since (this event comes behind it) goes by a new one.
        """
        one = self.to(peer, transport)
        now = self._clock.now()
        if one is None or one.since == now:
            return  # made since
        self._close(one)
        if one.last is not None and one.last_at == now:
            self.send(one.last, peer, transport)

    def _fail(self, one, reason):
        if self._remove(one):
            if one.incoming and not one.messages:
                log.say("sip", "%s: %s" % (one.name(), reason))
                return  # nothing of ours was on it
            self._failed(one.peer, one.transport, reason)

    def _failed(self, peer, transport, reason):
        self.counters["failed"] += 1
        log.say("sip", "%s %s: %s" % (transport, peer_text(peer[0], peer[1]), reason))
        self._note(peer, transport, reason)
        if self.on_failure is not None:
            self.on_failure(peer, transport, reason)

    def addresses_changed(self):
        """Connections of an address that is gone are over."""
        for one in list(self.all):
            if not self._network.has(one.raw.local()[0]):
                self._fail(one, wording.ADDRESS_GONE)

    def close(self):
        """Close all, and listen no more."""
        if self._listener is not None:
            self.unwatch(self._listener)
            self._listener.close()
            self._listener = None
        for one in list(self.all):
            self._close(one)

    # Time

    def _due(self, one):
        if not one.is_open:
            return one.since + _OPENING_MS
        if one.incoming and not one.messages:
            return one.since + _STRANGER_MS
        return one.used_at + _IDLE_MS

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = None
        for one in self.all:
            at = self._due(one)
            if due is None or at < due:
                due = at
        return due

    def handle_timer(self, now):
        """Close what is idle; give up what does not open."""
        for one in list(self.all):
            if self._due(one) > now:
                continue
            if not one.is_open:
                self._fail(one, wording.CONNECTION_SILENT)
            elif self._needed(one) and (one.messages or not one.incoming):
                one.used_at = now  # looked at again after the same time
            else:
                self._close(one)
