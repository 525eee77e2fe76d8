# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The search for the longest keepalive that a NAT bears, on a second socket (X-9, section 5).

A request is answered with the address of the mapping; after a silence another one is: when the
address is the same twice in a row for a length of silence, the length is doubled.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

from . import header, messages
from .retransmission import Requester

SHORTEST = 28  # seconds, what every NAT is believed to bear

_LONGEST = const(3584)
_IN_A_ROW = const(2)
_PADDED = const(192)  # octets of a request, so that three times that hold the reply
_TRIES = const(4)


class Search:
    """One search; it ends with found, in seconds: SHORTEST or what was seen to work.

    timer: when to call handle_timer(), None when it is over.
    """

    def __init__(self, sequence: int, now: int) -> None:
        self.found = SHORTEST
        self.done = False
        self.altered = False  # whether a mapping was seen to be gone
        self._requester = Requester(sequence)
        self._length = 2 * SHORTEST
        self._same = 0
        self._address: "bytes | None" = None
        self._due: "int | None" = now
        self._out: "list[bytes]" = []

    @property
    def timer(self) -> "int | None":
        """When the next request or its repetition is due."""
        if self.done:
            return None
        return self._due if self._due is not None else self._requester.timer

    def datagrams(self) -> "list[bytes]":
        """Return what is to be sent to the server from the second socket."""
        out = self._out
        self._out = []
        return out

    def handle_timer(self, now: int) -> None:
        """Ask, or ask again; the engine calls it when the timer is due."""
        if self.done:
            return
        if self._due is not None:
            if now >= self._due:
                self._due = None
                request = messages.TunnelRequest("info", messages.TUNNEL_TYPE)
                self._out.append(self._requester.start(request.emit(_PADDED), now, _TRIES))
        elif self._requester.timer is not None and now >= self._requester.timer:
            again = self._requester.repeat(now)
            if again is None:
                self.done = True
            else:
                self._out.append(again)

    def receive(self, data: bytes, now: int) -> None:
        """Take a datagram of the second socket, from the server."""
        if self.done:
            return
        try:
            sequence, timestamp, text = header.parse(data)
            if not self._requester.answered(sequence, timestamp, now):
                return
            reply = messages.parse_reply(text)
        except FormatError:
            self.done = self._requester.timer is None and self._due is None
            return
        if reply.info is None:
            self.done = True
            return
        address = reply.info.client_ipv6
        if self._address is not None and address != self._address:
            self.altered = True
            self.done = True
            return
        if self._address is not None:
            self._same += 1
            if self._same == _IN_A_ROW:
                self._same = 0
                self.found = self._length
                self._length *= 2
                if self._length > _LONGEST:
                    self.done = True
                    return
        self._address = address
        self._due = now + 1000 * self._length
