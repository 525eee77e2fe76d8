# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One driver for every sans-IO engine (design.md section 4).

An engine has receive_datagram, handle_timer, get_timer, datagrams_to_send and next_event. The
drain rule: after each mutation both outputs are drained, then one timer is armed. Whoever changes
an engine by a command calls drain() afterwards; from inside an event that is harmless.
"""

from firmware import log
from vox6.wire import const

_ROUNDS = const(64)  # an engine that has more than this to say at once is broken
_READ_AT_ONCE = const(8)  # datagrams before others get their turn; the queue of an endpoint


class Driver:
    """Moves datagrams and events of one engine.

    engine: the engine; clock: object with now(); send: function (data, peer, and what the engine
    gives besides, None without), raises OSError; on_event: function (event). name: for the log.
    on_send_error: function (peer, errno) or None.
    """

    def __init__(self, name, engine, clock, send, on_event, on_send_error=None):
        self.name = name
        self.engine = engine
        self.clock = clock
        self._send = send
        self._on_event = on_event
        self._on_send_error = on_send_error
        self._draining = False
        self._failed = None  # last errno logged
        self.counters = {"received": 0, "sent": 0, "oversize": 0, "send_errors": 0, "faults": 0}

    def read(self, endpoint, buffer, *where):
        """Give waiting datagrams of an endpoint to the engine, a bounded number.

        buffer: bytearray for one datagram, free again on return. where: what the engine wants to
        know besides: the socket, the local port.
        """
        for _ in range(_READ_AT_ONCE):
            try:
                got = endpoint.recv_into(buffer)
            except OSError:  # an event of the datagram before had it closed
                return
            if got is None:
                return
            length, addr16, port = got
            if length > len(buffer):
                self.counters["oversize"] += 1
                log.say(self.name, "datagram of %d octets dropped" % length)
                continue
            self.counters["received"] += 1
            self.receive(bytes(memoryview(buffer)[:length]), (addr16, port), *where)

    def receive(self, data, peer, *where):
        """Give one datagram to the engine, which owns it from now on."""
        try:
            self.engine.receive_datagram(data, peer, self.clock.now(), *where)
        except Exception as exc:  # a mistake of ours must not end a running call
            self._fault(exc)
        self.drain()

    def handle_timer(self, now):
        """Let the engine work if its time has come."""
        due = self.engine.get_timer()
        if due is None or due > now:
            return
        try:
            self.engine.handle_timer(now)
        except Exception as exc:
            self._fault(exc)
        self.drain()

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        return self.engine.get_timer()

    def drain(self):
        """Send what is to be sent and deliver events until both outputs are empty."""
        if self._draining:
            return  # the loop below comes round to it
        self._draining = True
        try:
            for _ in range(_ROUNDS):
                if not self._drain_once():
                    return
            log.say(self.name, "the engine does not come to rest")
        finally:
            self._draining = False

    def _drain_once(self):
        busy = False
        for datagram in self.engine.datagrams_to_send():
            busy = True
            self._send_one(datagram)
        event = self.engine.next_event()
        if event is None:
            return busy
        try:
            self._on_event(event)
        except Exception as exc:
            self._fault(exc)
        return True

    def _send_one(self, datagram):
        peer = datagram[1]
        try:
            self._send(*(datagram if len(datagram) > 2 else (datagram[0], peer, None)))
        except OSError as exc:
            # Retransmission is the engine's; here it is only told.
            self.counters["send_errors"] += 1
            if exc.errno != self._failed:
                self._failed = exc.errno
                log.say(self.name, "not sent: %s" % exc)
            if self._on_send_error is not None:
                self._on_send_error(peer, exc.errno)
            return
        self._failed = None
        self.counters["sent"] += 1

    def _fault(self, exc):
        self.counters["faults"] += 1
        log.exception(self.name, exc)
