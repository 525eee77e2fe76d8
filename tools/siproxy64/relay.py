# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which media passes: streams are opened when a description passes, closed when the call ends.

A party's media address is shown to the other side as its representation, with the same port if it
can be had there. So each description opens the near socket on the side that it goes to, and says
where the far end is on the side that it comes from. RTP and RTCP are a stream each.

A leg is what one call is between two hosts: the Call-ID and both their addresses. The same call
may pass twice, to a registrar of the other side and back. Branches of a forked call share the
sockets that the caller was told of: all are heard until one answers 2xx; the last one that does
has them, and gives them back to another one when it is ended. An offer that is refused leaves all
as it was before.
"""

from vox6.wire import const

from .scan import Refused, cseq, tag
from .table import side

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from vox6.sip.lines import Lines

    from .table import Table

    Address = tuple[bytes, int]
    Pair = tuple[bytes, bytes]
    Ports = tuple[int, ...]
    Show = tuple[int, bytes, Ports, bytes]  # index, address, its ports, under which address

_LINGER_MS = const(5_000)  # after BYE or a refusal, for what is still on its way
_SILENCE_MS = const(90_000)  # until a call whose end may have been missed is over
_IDLE_MS = const(3_600_000)  # of a call on hold
_RING_MS = const(240_000)  # timer C of RFC 3261 and more: nobody will answer
_LOOK_MS = const(100)
_RETRY_S = const(30)
_MOST_TRIES = const(100)  # of ports that may be taken, or the host has no more sockets
_MOST_PAIRS = const(4)  # of one media description
_MOST_BRANCHES = const(8)  # of one call, whose early descriptions are kept
_METHODS = const(("INVITE", "ACK", "PRACK", "UPDATE"))
_OFFERING = const(("INVITE", "UPDATE"))  # what may be refused, so that all is as before


class Stream:
    """One media description: RTP, RTCP, and more pairs of ports if it has some.

    party: whose message began it, and who has one less for that.
    """

    def __init__(self, party: bytes) -> None:
        self.party = party
        self.handles: "list[Any]" = []
        # By side that they are seen from: address and ports of the near sockets.
        self.shown: "dict[bool, tuple[bytes, Ports]]" = {}
        # As each side has told, and under which address that is shown.
        self.told: "dict[bool, tuple[bytes, Ports, bytes]]" = {}


class Leg:
    """One call between two hosts."""

    def __init__(self, source: "Address", target: "Address", now: int) -> None:
        self.parties = (source, target)  # who called, and whom
        self.speaker = source[0]
        self.began_ms = now
        self.streams: "dict[int, Stream]" = {}
        self.answers: "dict[str, list[Show]]" = {}  # of each branch that was accepted, by its tag
        self.early: "dict[str, list[Show]]" = {}  # what branches have told before
        self.before: "list[Show]" = []  # what an offer has replaced that is not answered yet
        self.expires_ms = now + _RING_MS  # who is silent after that has gone
        self.ends_ms = 0  # 0: not yet
        self.is_over = False  # a BYE has passed


class Passage:
    """One message on its way."""

    def __init__(
        self, relay: "Relay", message: "Lines", source: "Address", target: "Address", now: int
    ) -> None:
        one, two = source[0], target[0]
        if two < one:
            one, two = two, one
        self.relay = relay
        self.call_id = message.get("call-id") or ""
        self.pair = (one, two)
        self.message = message
        self.now = now
        self.status: int = getattr(message, "status", 0)
        self.method = cseq(message)[1]
        self.parties = (source, target)
        self.leg = relay.legs.get(self.call_id, {}).get(self.pair)
        self.is_new = self.leg is None
        self.shows: "list[Show]" = []
        self.known = [] if self.leg is None else list(self.leg.streams)

    def stream(
        self, index: int, addr16: "bytes | None", rtp: int, rtcp: int, count: int
    ) -> "tuple[bytes, int, int] | None":
        """Return (address, RTP port, RTCP port) that represent those of a media description."""
        relay = self.relay
        leg = self.leg
        if addr16 is None:  # on hold: nothing comes, what is there stays
            if leg is not None and index in leg.streams:
                shown = leg.streams[index].shown.get(not side(self.parties[0][0]))
                if shown is not None:
                    return shown[0], shown[1][0], shown[1][-1 if rtcp == rtp else 1]
            return b"", rtp, rtcp
        table = relay.table
        other = table.counterpart(addr16, 0)
        shared = relay.shared.get(not side(addr16))
        if other is None and table.unknown is not None:
            # A media host that is no party gets an address of a pool if there is none to share.
            other = table.unknown(addr16, 0, self.now, shared is None)
        local16 = shared if other is None else other[0]
        if local16 is None or count > _MOST_PAIRS:
            return None
        if self.method not in _METHODS:
            return local16, rtp, rtcp
        if leg is None:
            one, two = self.parties
            if self.status:
                one, two = two, one
            leg = Leg(one, two, self.now)
            relay.legs.setdefault(self.call_id, {})[self.pair] = self.leg = leg
        elif 0 < self.status < 200 and leg.answers and tag(self.message, "to") not in leg.answers:
            return local16, rtp, rtcp  # another branch has answered
        ports: "Ports" = (rtp,) if rtcp == rtp else (rtp, rtcp)
        for i in range(2, 2 * count):
            ports += (rtp + i,)
        show = (index, addr16, ports, local16)
        self.shows.append(show)
        leg.speaker = self.parties[0][0]
        found = relay.show(leg, show, not self.status and self.method in _OFFERING)
        return local16, found[0], found[1 if rtcp != rtp else 0]

    def end(self, passed: bool) -> None:
        """The message has gone on, or it was refused."""
        leg, relay = self.leg, self.relay
        if leg is None:
            return
        if not passed:
            if self.is_new:
                relay.end(self.call_id, self.pair)
            else:
                relay.drop(leg, self.known)
                relay.show_all(leg, leg.before)
        elif not self.status:
            if self.method == "BYE":
                relay.bye(self.call_id, self.message, self.now)
            elif self.method == "INVITE" and not leg.is_over:
                leg.ends_ms = 0  # it was challenged, and comes again with credentials
        elif self.method in _OFFERING:
            if self.status >= 300:
                if self.method == "INVITE" and not leg.answers:
                    leg.ends_ms = self.now + _LINGER_MS
                relay.show_all(leg, leg.before)
            elif self.status >= 200:
                self._accepted(leg)
            elif self.shows and len(leg.early) < _MOST_BRANCHES:
                leg.early[tag(self.message, "to")] = self.shows

    def _accepted(self, leg: Leg) -> None:
        if leg.is_over:
            return  # an answer that comes again
        leg.before = []
        leg.ends_ms = 0
        key = tag(self.message, "to")
        if self.method == "INVITE" and (self.shows or key not in leg.answers):
            leg.answers[key] = self.shows or leg.early.get(key, [])
            if len(leg.early) > 1:
                self.relay.show_all(leg, leg.answers[key])
        for handle in handles_of(leg):
            self.relay.plane.settle(handle)
        text = (self.message.get("session-expires") or "").partition(";")[0].strip()
        seconds = int(text) if text and len(text) < 7 and not text.strip("0123456789") else 0
        leg.expires_ms = self.now + 1000 * seconds if seconds else 0


class Relay:
    """All legs. table: of the mirror; shared: media address of a side, for whom it lacks.

    limit: streams at once; share: those that one party began.
    """

    def __init__(
        self,
        plane: "Any",
        table: "Table",
        limit: int = 64,
        shared: "dict[bool, bytes] | None" = None,
        latch: "dict[bool, bool] | None" = None,
        ports: "Ports" = (16384, 32767),
    ) -> None:
        self.plane = plane
        self.table = table
        self.limit = self.share = limit
        self.shared = shared or {}
        self.latch = latch or {True: True, False: False}
        self.legs: "dict[str, dict[Pair, Leg]]" = {}  # by Call-ID, then by both addresses
        self._streams: "dict[bytes, int]" = {}  # by the address of who began them
        self._first, self._last = ports
        self._next = ports[0] & ~1
        self._look_ms = 0
        self.silence_ms = _SILENCE_MS
        self._leaving = False
        self.counted = [0, 0]  # packets, octets of legs that have ended

    def begin(self, message: "Lines", source: "Address", target: "Address", now: int) -> Passage:
        """See a message before it is rewritten."""
        if not self.legs:
            self._look_ms = now + _LOOK_MS
        return Passage(self, message, source, target, now)

    def show(self, leg: Leg, show: "Show", is_offer: bool = False) -> "Ports":
        """Open what shows one media address to the other side; return its ports there.

        is_offer: what it replaces may count again.
        """
        index, addr16, ports, local16 = show
        here = side(addr16)
        there = not here
        stream = leg.streams.get(index)
        if stream is None:
            party = leg.speaker
            used = self._streams.get(party, 0)
            if used >= self.share or self.count() >= self.limit:
                raise Refused(503, "Service Unavailable", (399, "Too many calls"), _RETRY_S)
            stream = leg.streams[index] = Stream(party)
            self._streams[party] = used + 1
        old = stream.told.get(here)
        if old != show[1:]:
            if old is not None and is_offer:
                leg.before.append((index,) + old)
            shown = stream.shown.get(there)
            # A shared address has a port of its own for each stream, which can stay.
            if (
                shown is None
                or shown[0] != local16
                or len(shown[1]) != len(ports)
                or local16 not in self.shared.values()
            ):
                self._near(stream, there, local16, ports)
            stream.told[here] = show[1:]
            for handle, port in zip(stream.handles, ports):
                self.plane.far(handle, here, (addr16, port), self.latch[here])
        return stream.shown[there][1]

    def show_all(self, leg: Leg, shows: "list[Show]") -> None:
        """Let descriptions of before count again, where their sockets can still be had."""
        for show in shows:
            try:
                self.show(leg, show)
            except Refused:
                pass
        leg.before = []

    def _near(self, stream: Stream, there: bool, local16: bytes, ports: "Ports") -> None:
        """Open the sockets of a side at the same ports, or the next ones that are free."""
        near = ports
        if local16 in self.shared.values():
            near = self._free(len(ports))
        for _ in range(_MOST_TRIES):
            try:
                self._open(stream, there, local16, near)
            except OSError:
                near = self._free(len(ports))
                continue
            stream.shown[there] = (local16, near)
            return
        raise Refused(503, "Service Unavailable", (399, "No port is free"), _RETRY_S)

    def _free(self, count: int) -> "Ports":
        if self._next + count > self._last:
            self._next = (self._first + 1) & ~1
        first = self._next
        self._next += count + 1 & ~1
        return tuple(range(first, first + count))

    def _open(self, stream: Stream, there: bool, local16: bytes, ports: "Ports") -> None:
        handles = stream.handles
        known = len(handles)
        try:
            for i in range(len(ports)):
                if i < known:
                    self.plane.near(handles[i], there, (local16, ports[i]))
                else:
                    near: "list[Address | None]" = [None, None]
                    near[there] = (local16, ports[i])
                    handles.append(self.plane.open(near))
        except OSError:
            while len(handles) > known:
                self.plane.close(handles.pop())
            raise

    # -- ends ---------------------------------------------------------------------------------

    def bye(self, call_id: str, message: "Lines", now: int) -> None:
        """One branch of a call ends; with the last one all of its legs do, soon."""
        for leg in self.legs.get(call_id, {}).values():
            for name in ("from", "to"):
                leg.answers.pop(tag(message, name), None)
            for shows in leg.answers.values():
                self.show_all(leg, shows)
                break
            else:
                leg.is_over = True
                leg.ends_ms = now + _LINGER_MS

    def end(self, call_id: str, pair: "Pair") -> None:
        """Close all of a leg."""
        leg = self.legs[call_id].pop(pair)
        if not self.legs[call_id]:
            del self.legs[call_id]
        self.drop(leg, ())

    def drop(self, leg: Leg, known: "Collection[int]") -> None:
        """Close all streams of a leg but those that are known."""
        for index in list(leg.streams):
            if index not in known:
                stream = leg.streams.pop(index)
                left = self._streams.pop(stream.party) - 1
                if left:
                    self._streams[stream.party] = left
                for handle in stream.handles:
                    counters = self.plane.counters(handle)[0]
                    self.counted[0] += counters[0] + counters[2]
                    self.counted[1] += counters[1] + counters[3]
                    self.plane.close(handle)

    def leave(self, now: int) -> None:
        """From now on nobody tells when a call ends: silence does."""
        self._leaving = True
        self._look_ms = min(self._look_ms, now + _LOOK_MS)

    def close(self) -> None:
        """End all."""
        for call_id in list(self.legs):
            for pair in list(self.legs[call_id]):
                self.end(call_id, pair)

    def get_timer(self) -> "int | None":
        """Return when something is due next."""
        return self._look_ms if self.legs else None

    def handle_timer(self, now: int) -> None:
        """End what is over."""
        self._look_ms = now + _LOOK_MS
        for call_id, legs in list(self.legs.items()):
            for pair, leg in list(legs.items()):
                silence = _IDLE_MS
                if self._leaving or leg.expires_ms and now >= leg.expires_ms:
                    silence = self.silence_ms
                over = bool(leg.ends_ms) and now >= leg.ends_ms
                if not over and now - leg.began_ms > silence:
                    handles = handles_of(leg)
                    last = max([leg.began_ms] + [self.plane.counters(one)[1] for one in handles])
                    over = now - last > silence
                if over:
                    self.end(call_id, pair)

    def calls(self) -> "list[Leg]":
        """Return all legs."""
        return [leg for legs in self.legs.values() for leg in legs.values()]

    def count(self) -> int:
        """Return how many streams there are."""
        return sum(self._streams.values())


def handles_of(leg: Leg) -> "list[Any]":
    """Return the streams of the plane that a leg has."""
    return [handle for stream in leg.streams.values() for handle in stream.handles]
