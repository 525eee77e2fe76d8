# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which media passes: streams are opened when a description passes, closed when the call ends.

A party's media address is shown to the other side as its representation, with the same port if it
can be had there. So each description opens the near socket on the side that it goes to, and says
where the far end is on the side that it comes from. RTP and RTCP are a stream each.

A leg is what one call is between two hosts: the Call-ID and both their addresses. The same call
may pass twice, to a registrar of the other side and back.
"""

from vox6.wire import const

from .scan import Refused
from .table import side

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any

    from vox6.sip.lines import Lines

    from .table import Table

    Address = tuple[bytes, int]
    Key = tuple[str, bytes, bytes]

_LINGER_MS = 5_000  # after BYE or a refusal, for what is still on its way
_SILENCE_MS = 90_000  # until a call whose end may have been missed is over
_IDLE_MS = 3_600_000  # of a call on hold
_LOOK_MS = 1_000
_RETRY_S = 30
_METHODS = ("INVITE", "ACK", "PRACK", "UPDATE")


class Stream:
    """One media description: RTP and RTCP."""

    def __init__(self) -> None:
        self.handles: "list[Any]" = []
        # By side that they are seen from: address and ports of the near sockets.
        self.shown: "dict[bool, tuple[bytes, int, int]]" = {}
        self.told: "dict[bool, tuple[bytes, int, int]]" = {}  # as each side has told


class Leg:
    """One call between two hosts."""

    def __init__(self, key: "Key", source: "Address", target: "Address", now: int) -> None:
        self.key = key
        self.parties = (source, target)
        self.began_ms = now
        self.streams: "dict[int, Stream]" = {}
        self.is_answered = False
        self.ends_ms = 0  # 0: not yet


class Passage:
    """One message on its way."""

    def __init__(self, relay: "Relay", key: "Key", message: "Lines", now: int) -> None:
        self.relay = relay
        self.key = key
        self.now = now
        self.status = getattr(message, "status", 0)
        cseq = (message.get("cseq") or "").split()
        self.method = cseq[-1] if cseq else ""
        self.parties = ((b"", 0), (b"", 0))
        self.is_new = False

    def stream(
        self, index: int, addr16: "bytes | None", rtp: int, rtcp: int, count: int
    ) -> "tuple[bytes, int, int] | None":
        """Return (address, RTP port, RTCP port) that represent those of a media description."""
        relay = self.relay
        if addr16 is None:
            return b"", rtp, rtcp  # on hold: nothing comes, what is there stays
        there = not side(addr16)
        table = relay.table
        other = table.counterpart(addr16, 0)
        shared = relay.shared.get(there)
        if other is None and table.unknown is not None:
            # A media host that is no party gets an address of a pool if there is none to share.
            other = table.unknown(addr16, 0, self.now, shared is None)
        local16 = shared if other is None else other[0]
        if local16 is None:
            return None
        if self.method not in _METHODS:
            return local16, rtp, rtcp
        leg = relay.legs.get(self.key)
        if leg is None:
            leg = relay.legs[self.key] = Leg(self.key, self.parties[0], self.parties[1], self.now)
            self.is_new = True
        return relay.show(leg, index, addr16, rtp, rtcp, local16)

    def end(self, passed: bool) -> None:
        """The message has gone on, or it was refused."""
        leg = self.relay.legs.get(self.key)
        if leg is None:
            return
        if not passed:
            if self.is_new:
                self.relay.end(leg)
            return
        if self.method == "BYE" and not self.status:
            self.relay.bye(self.key[0], self.now)
        elif self.method == "INVITE" and self.status >= 200:
            if self.status < 300:
                leg.is_answered = True
                leg.ends_ms = 0
            elif not leg.is_answered:
                leg.ends_ms = self.now + _LINGER_MS


class Relay:
    """All legs. table: of the mirror; shared: media address of a side, for whom it lacks."""

    def __init__(
        self,
        plane: "Any",
        table: "Table",
        limit: int = 64,
        shared: "dict[bool, bytes] | None" = None,
        latch: "dict[bool, bool] | None" = None,
        ports: "tuple[int, int]" = (16384, 32767),
    ) -> None:
        self.plane = plane
        self.table = table
        self.limit = limit
        self.shared = shared or {}
        self.latch = latch or {True: True, False: False}
        self.legs: "dict[Key, Leg]" = {}
        self._first, self._last = ports
        self._next = ports[0] & ~1
        self._look_ms = 0
        self.silence_ms = _SILENCE_MS
        self._leaving = False
        self._packets = self._octets = 0  # of legs that have ended

    def begin(self, message: "Lines", source: "Address", target: "Address", now: int) -> Passage:
        """See a message before it is rewritten."""
        one, two = source[0], target[0]
        if two < one:
            one, two = two, one
        passage = Passage(self, (message.get("call-id") or "", one, two), message, now)
        passage.parties = (source, target)
        if not self.legs:
            self._look_ms = now + _LOOK_MS
        return passage

    def show(
        self, leg: Leg, index: int, addr16: bytes, rtp: int, rtcp: int, local16: bytes
    ) -> "tuple[bytes, int, int] | None":
        """Open what shows one media address to the other side."""
        here = side(addr16)
        there = not here
        stream = leg.streams.get(index)
        if stream is None:
            if self.count() >= self.limit:
                raise Refused(503, "Service Unavailable", (399, "Too many calls"), _RETRY_S)
            stream = leg.streams[index] = Stream()
        if stream.told.get(here) != (addr16, rtp, rtcp):
            # A shared address has a port of its own for each stream, which can stay.
            if there not in stream.shown or local16 not in self.shared.values():
                self._near(stream, there, local16, rtp, rtcp)
            stream.told[here] = (addr16, rtp, rtcp)
            latch = self.latch[here]
            self.plane.far(stream.handles[0], here, (addr16, rtp), latch)
            self.plane.far(stream.handles[1], here, (addr16, rtcp), latch)
        return stream.shown[there]

    def _near(self, stream: Stream, there: bool, local16: bytes, rtp: int, rtcp: int) -> None:
        """Open both sockets of a side at the same ports, or the next pair that is free."""
        pair = (rtp, rtcp if rtcp != rtp else rtp + 1)
        if local16 in self.shared.values():
            pair = self._pair()
        for _ in range((self._last - self._first) // 2):
            try:
                self._open(stream, there, local16, pair)
            except OSError:
                pair = self._pair()
                continue
            stream.shown[there] = (local16, pair[0], pair[1])
            return
        raise Refused(503, "Service Unavailable", (399, "No port is free"), _RETRY_S)

    def _pair(self) -> "tuple[int, int]":
        pair = (self._next, self._next + 1)
        self._next += 2
        if self._next >= self._last:
            self._next = (self._first + 1) & ~1
        return pair

    def _open(self, stream: Stream, there: bool, local16: bytes, pair: "tuple[int, int]") -> None:
        if not stream.handles:
            handles: "list[Any]" = []
            try:
                for port in pair:
                    near: "list[Address | None]" = [None, None]
                    near[there] = (local16, port)
                    handles.append(self.plane.open(near))
            except OSError:
                for handle in handles:
                    self.plane.close(handle)
                raise
            stream.handles = handles
            return
        for handle, port in zip(stream.handles, pair):
            self.plane.near(handle, there, (local16, port))

    # -- ends ---------------------------------------------------------------------------------

    def bye(self, call_id: str, now: int) -> None:
        """All legs of a call end soon."""
        for leg in self.legs.values():
            if leg.key[0] == call_id:
                leg.ends_ms = now + _LINGER_MS

    def end(self, leg: Leg) -> None:
        """Close all of a leg."""
        self.legs.pop(leg.key, None)
        packets, octets = traffic(self.plane, leg)
        self._packets += packets
        self._octets += octets
        for stream in leg.streams.values():
            for handle in stream.handles:
                self.plane.close(handle)

    def leave(self, now: int) -> None:
        """From now on nobody tells when a call ends: silence does."""
        self._leaving = True
        self._look_ms = min(self._look_ms, now + _LOOK_MS)

    def close(self) -> None:
        """End all."""
        for leg in list(self.legs.values()):
            self.end(leg)

    def get_timer(self) -> "int | None":
        """Return when something is due next."""
        return self._look_ms if self.legs else None

    def handle_timer(self, now: int) -> None:
        """End what is over."""
        self._look_ms = now + _LOOK_MS
        silence = self.silence_ms if self._leaving else _IDLE_MS
        for leg in list(self.legs.values()):
            last = leg.began_ms
            for stream in leg.streams.values():
                for handle in stream.handles:
                    last = max(last, self.plane.counters(handle)[1])
            if leg.ends_ms and now >= leg.ends_ms or now - last > silence:
                self.end(leg)

    def calls(self) -> "list[Leg]":
        """Return all legs."""
        return list(self.legs.values())

    def totals(self) -> "tuple[int, int]":
        """Return packets and octets of all media since the start."""
        packets, octets = self._packets, self._octets
        for leg in self.legs.values():
            more = traffic(self.plane, leg)
            packets += more[0]
            octets += more[1]
        return packets, octets

    def count(self) -> int:
        """Return how many streams there are."""
        total = 0
        for leg in self.legs.values():
            total += len(leg.streams)
        return total


def traffic(plane: "Any", leg: Leg) -> "tuple[int, int]":
    """Return packets and octets of a leg, both ways."""
    packets = octets = 0
    for stream in leg.streams.values():
        for handle in stream.handles:
            counters, _ = plane.counters(handle)
            packets += counters[0] + counters[2]
            octets += counters[1] + counters[3]
    return packets, octets
