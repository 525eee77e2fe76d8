# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The RTCP side of one RTP session (RFC 3550 section 6.2 and 6.3).

The voice itself never comes here: the driver hands over what `media` counted when the engine
asks for it by ReportDue. States are three flags: not started, running (`get_timer()` is the next
report), stopped.

Names are those of section 6.3: tp the time of the last report, tn of the next one, members,
pmembers, senders, we_sent, initial, avg_rtcp_size. Times are milliseconds.
"""

from vox6.wire import RemoteProtocolError, const

from . import rtcp
from .events import (
    MetricsReceived,
    PeerLeft,
    PeerNamed,
    PeerTimedOut,
    ReportDue,
    ReportReceived,
    SSRCChanged,
)
from .members import Member, Members
from .reception import Reception

_CONFLICT_INTERVALS = const(10)  # RFC 3550 section 8.2
_MAX_EVENTS = const(16)  # the driver drains after each mutation
_MAX_CNAME = const(255)  # RFC 3550 section 6.5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Peer = tuple[bytes, int]


class Session:
    """RTCP of one call.

    ssrc: ours. cname: our canonical name, octets of UTF-8, at most 255. random: gives n random
    octets. peer: where reports go and come from, (addr16, port). bandwidth: of the session in
    octets a second with all headers, both directions; 5 % of it is for RTCP. reduced: the minimum
    of 5 s between reports becomes 360 s divided by the bandwidth in kbit/s (section 6.2).
    metrics: each report carries a block of VoIP metrics (RFC 3611).
    """

    def __init__(
        self,
        ssrc: int,
        cname: bytes,
        random: "Callable[[int], bytes]",
        peer: "Peer | None" = None,
        bandwidth: int = 25000,
        reduced: bool = False,
        metrics: bool = False,
    ) -> None:
        self.ssrc = ssrc
        self.cname = cname[:_MAX_CNAME]
        self.peer = peer
        self.counters = {
            "sent": 0,
            "received": 0,
            "malformed": 0,
            "strangers": 0,
            "overflow": 0,
            "collisions": 0,
        }
        self.round_trip_ms: "int | None" = None
        self._random = random
        self._metrics = metrics
        self._looped = 0  # as media counted when the last report was made
        self._conflict_until: "int | None" = None
        self._members = Members(random, bandwidth, reduced)
        self._pmembers = 1
        self._we_sent = False
        self._initial = True
        self._tp = 0
        self._tn: "int | None" = None
        self._due = False
        self._out: "list[tuple[bytes, Peer]]" = []
        self._events: "list[object]" = []
        # what was counted when the last two reports were made
        self._sent_before = 0
        self._sent_before_that = 0
        self._reception = Reception()
        self._ntp: "int | None" = None  # of the last report of ours, and when
        self._ntp_at = 0

    # commands

    def start(self, now: int) -> None:
        """Begin to report (section 6.3.2); the first report comes after about 2 s."""
        self._tp = now
        self._tn = now + self._interval()

    def set_peer(self, peer: "Peer | None") -> None:
        """Send reports there from now on and take them from that address."""
        self.peer = peer

    def report(
        self,
        statistics: "dict[str, int]",
        rtp_timestamp: int,
        ntp: int,
        now: int,
        time_us: "int | None" = None,
    ) -> None:
        """Send the report that ReportDue asked for; without one nothing happens.

        statistics: as media's stream.statistics() gives it; read here: sent, sent_octets, ssrc,
        received, lost, highest_sequence, jitter, last_sr, last_sr_us, looped (packets that came
        with our SSRC), and for metrics what lib/rtp/xr.py says.
        rtp_timestamp, ntp: the same moment on both clocks (section 6.4.1), 32 and 64 bits.
        time_us: that moment on the clock of last_sr_us, None if it is not known.
        """
        if not self._due:
            return
        self._due = False
        looped = statistics.get("looped", 0)
        if looped != self._looped:
            self._looped = looped
            self._collide(now)
        messages = self._report(statistics, rtp_timestamp, ntp, now, time_us)
        if self._metrics and self._reception.source is not None:
            from . import xr

            block = xr.voip_metrics(statistics, self.round_trip_ms)
            messages.append(xr.ExtendedReport(self.ssrc, [block]))
        self._send(messages)
        self._tp = now
        self._initial = False
        self._pmembers = self._members.count()
        self._tn = now + self._interval()

    def stop(
        self,
        statistics: "dict[str, int]",
        rtp_timestamp: int,
        ntp: int,
        now: int,
        reason: bytes = b"",
    ) -> None:
        """End: a last report with BYE (section 6.3.7), if anything was ever sent."""
        if self._tn is None and not self._due:
            return
        self._tn = None
        self._due = False
        if self._initial and not statistics.get("sent", 0):
            return
        messages = self._report(statistics, rtp_timestamp, ntp, now, None)
        messages.append(rtcp.Goodbye([self.ssrc], reason[:255]))
        self._send(messages)

    # verbs

    def receive_datagram(self, data: bytes, peer: "Peer", now: int) -> None:
        """Take one datagram of the RTCP port; what is malformed or strange is counted alone."""
        if self.peer is not None and peer[0] != self.peer[0]:
            self.counters["strangers"] += 1
            return
        try:
            messages = rtcp.parse_compound(data)
        except RemoteProtocolError:
            self.counters["malformed"] += 1
            return
        self.counters["received"] += 1
        self._members.average(len(data))
        reporter: int = messages[0].ssrc  # type: ignore[attr-defined]
        if reporter == self.ssrc:
            self._collide(now)
            return
        for message in messages:
            if isinstance(message, rtcp.SenderReport):
                member = self._hear(message.ssrc, now)
                if member is not None:
                    member.last_sr = message.ntp >> 16 & 0xFFFFFFFF
                    member.last_sr_at = now
                self._blocks(message.ssrc, message.blocks, now)
            elif isinstance(message, rtcp.ReceiverReport):
                self._hear(message.ssrc, now)
                self._blocks(message.ssrc, message.blocks, now)
            elif isinstance(message, rtcp.SourceDescription):
                self._named(message)
            elif isinstance(message, rtcp.Goodbye):
                for ssrc in message.sources:
                    self._left(ssrc, message.reason, now, reporter)
            elif message.packet_type == rtcp.XR:
                self._metrics_of(message)

    def handle_timer(self, now: int) -> None:
        """Do what is due (section 6.3.6): count who is there, ask for a report."""
        if self._tn is None or now < self._tn:
            return
        interval = self._interval()
        self._time_out(now)
        if self._tp + interval > now:
            # timer reconsideration: more members than when tn was set
            self._tn = self._tp + interval
            self._pmembers = self._members.count()
            return
        self._due = True
        self._tn = None
        self._event(ReportDue())

    def get_timer(self) -> "int | None":
        """Return when handle_timer() is next due; None while a ReportDue waits or not running."""
        return self._tn

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer]]":
        """Return and forget what is to be sent, [(data, peer)]."""
        out = self._out
        self._out = []
        return out

    def next_event(self) -> "object | None":
        """Return the oldest event, None when there is none."""
        return self._events.pop(0) if self._events else None

    def debug(self) -> str:
        """Return one line."""
        return "%d members, sent %d, received %d, malformed %d, strangers %d, round trip %s ms" % (
            self._members.count(),
            self.counters["sent"],
            self.counters["received"],
            self.counters["malformed"],
            self.counters["strangers"],
            self.round_trip_ms,
        )

    # reports

    def _report(
        self,
        statistics: "dict[str, int]",
        rtp_timestamp: int,
        ntp: int,
        now: int,
        time_us: "int | None",
    ) -> "list[rtcp._Message]":
        sent = statistics.get("sent", 0)
        # data since the second-last report makes us a sender (section 6.4)
        self._we_sent = sent != self._sent_before_that
        self._sent_before_that = self._sent_before
        self._sent_before = sent
        self._ntp = ntp
        self._ntp_at = now
        blocks = self._our_blocks(statistics, now, time_us)
        messages: "list[rtcp._Message]" = []
        if self._we_sent:
            octets = statistics.get("sent_octets", 0) & 0xFFFFFFFF
            messages.append(
                rtcp.SenderReport(
                    self.ssrc, ntp, rtp_timestamp & 0xFFFFFFFF, sent & 0xFFFFFFFF, octets, blocks
                )
            )
        else:
            messages.append(rtcp.ReceiverReport(self.ssrc, blocks))
        messages.append(rtcp.SourceDescription([(self.ssrc, [(rtcp.CNAME, self.cname)])]))
        return messages

    def _our_blocks(
        self, statistics: "dict[str, int]", now: int, time_us: "int | None"
    ) -> "list[rtcp.ReportBlock]":
        """Return what we say of the source that media hears, one block or none."""
        source = statistics.get("ssrc")
        last_sr = statistics.get("last_sr", 0)
        delay = 0
        member = None if source is None else self._members.find(source)
        if last_sr and time_us is not None:
            delay = ((time_us - statistics.get("last_sr_us", time_us)) << 16) // 1000000
        elif member is not None and member.last_sr:
            last_sr = member.last_sr
            delay = ((now - member.last_sr_at) << 16) // 1000
        else:
            last_sr = 0
        block = self._reception.block(statistics, last_sr, delay)
        if block is None:
            return []
        member = self._hear(block.ssrc, now)
        if member is not None:
            member.last_voice = now
        return [block]

    def _send(self, messages: "list[rtcp._Message]") -> None:
        data = rtcp.emit_compound(messages)
        self._members.average(len(data))
        if self.peer is not None:
            self._out.append((data, self.peer))
            self.counters["sent"] += 1

    def _blocks(self, ssrc: int, blocks: "list[rtcp.ReportBlock]", now: int) -> None:
        for block in blocks:
            if block.ssrc != self.ssrc:
                continue
            if block.last_sr and self._ntp is not None:
                # A - LSR - DLSR in 1/65536 s (section 6.4.1, figure 2)
                arrival = (self._ntp >> 16) + ((now - self._ntp_at) << 16) // 1000
                trip = (arrival - block.last_sr - block.delay) & 0xFFFFFFFF
                if trip < 60 << 16:  # beyond a minute the numbers are not ours
                    self.round_trip_ms = (trip * 1000) >> 16
            self._event(
                ReportReceived(
                    ssrc,
                    block.fraction_lost,
                    block.cumulative_lost,
                    block.jitter,
                    self.round_trip_ms,
                )
            )

    def _metrics_of(self, message: "rtcp._Message") -> None:
        from .xr import ExtendedReport, VoIPMetrics

        if isinstance(message, ExtendedReport):
            for block in message.blocks:
                if isinstance(block, VoIPMetrics) and block.ssrc == self.ssrc:
                    self._event(MetricsReceived(message.ssrc, block.values))

    def _collide(self, now: int) -> None:
        """Give our SSRC up, as another uses it (section 8.2).

        If that happens again soon our own packets come back: a loop, and a new SSRC would come
        back as well.
        """
        self.counters["collisions"] += 1
        known = self._conflict_until is not None and now < self._conflict_until
        self._conflict_until = now + _CONFLICT_INTERVALS * self._members.deterministic(False)
        if known:
            return
        old = self.ssrc
        if not self._initial or self._we_sent:
            # a BYE if that name was ever seen; few members: at once (section 6.3.7)
            self._send(
                [
                    rtcp.ReceiverReport(old),
                    rtcp.SourceDescription([(old, [(rtcp.CNAME, self.cname)])]),
                    rtcp.Goodbye([old]),
                ]
            )
        self.ssrc = int.from_bytes(self._random(4), "big")
        while self.ssrc == old or self._members.find(self.ssrc) is not None:
            self.ssrc = (self.ssrc + 1) & 0xFFFFFFFF
        self._event(SSRCChanged(old, self.ssrc))

    # members

    def _named(self, message: rtcp.SourceDescription) -> None:
        for member in self._members.all:
            cname = message.cname(member.ssrc)
            if cname is not None and cname != member.cname:
                member.cname = cname
                self._event(PeerNamed(member.ssrc, cname))

    def _left(self, ssrc: int, reason: bytes, now: int, reporter: int) -> None:
        # a mixer may speak for others; a peer with one voice speaks for itself
        if ssrc == reporter and self._members.remove(ssrc):
            self._reconsider(now)
            self._event(PeerLeft(ssrc, reason))

    def _reconsider(self, now: int) -> None:
        """Reverse reconsideration (section 6.3.4): fewer members report earlier."""
        members = self._members.count()
        if members < self._pmembers and self._tn is not None and self._tn > now:
            self._tn = now + (self._tn - now) * members // self._pmembers
            self._tp = now - (now - self._tp) * members // self._pmembers
        self._pmembers = members

    def _time_out(self, now: int) -> None:
        gone = self._members.time_out(now)
        for ssrc in gone:
            self._event(PeerTimedOut(ssrc))
        if gone:
            self._reconsider(now)

    def _interval(self) -> int:
        return self._members.interval(self._we_sent, self._initial)

    def _hear(self, ssrc: int, now: int) -> "Member | None":
        member = None if ssrc == self.ssrc else self._members.hear(ssrc, now)
        if member is None:
            self.counters["overflow"] += 1
        return member

    def _event(self, event: object) -> None:
        if len(self._events) == _MAX_EVENTS:
            self.counters["overflow"] += 1
            return
        self._events.append(event)
