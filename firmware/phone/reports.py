# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTCP of one call: what media hears beside the voice goes to lib/rtp, its reports go out.

Reports carry the time since start instead of wall time: RFC 3550 section 6.4.1 allows it, and a
phone may not know the time.
"""

from firmware.net.driver import Driver
from vox6.rtp.session import Session

DATAGRAM = 1232  # octets, MEDIA_DATAGRAM_MAX: the longest that media keeps for us


def ntp(now):
    """Return milliseconds as an NTP time stamp, never 0."""
    now += 1000
    return now // 1000 << 32 | (now % 1000 << 32) // 1000


class Reports:
    """RTCP beside one stream of media.

    stream: of media.open(); buffer: bytearray for one datagram, used while read() runs;
    ssrc: ours; random: n -> octets; peer: (addr16, RTCP port). on_other: function (data, peer)
    that takes what is neither RTP nor RTCP: ZRTP, STUN.
    received: compounds taken, for those who watch whether the peer lives. left: it said BYE.
    """

    def __init__(self, stream, buffer, ssrc, random, peer, clock, on_other):
        self._stream = stream
        self._clock = clock
        self._buffer = buffer
        self._on_other = on_other
        # RFC 7022 section 4.2: a short-term persistent name, 96 random bits
        cname = "".join(["%02x" % octet for octet in random(12)]).encode()
        self.session = Session(ssrc, cname, random, peer, metrics=True)
        self.driver = Driver("rtcp", self.session, clock, self._send, self._on_event)
        self.left = False
        self.remote_loss = 0  # of 256, what the peer says of our voice
        self.session.start(clock.now())

    @property
    def received(self):
        """How many compounds of the peer were taken."""
        return self.session.counters["received"]

    def set_peer(self, peer):
        """The peer moved."""
        self.session.set_peer(peer)

    def read(self):
        """Read one datagram of the stream; return whether there was one."""
        got = self._stream.receive_into(self._buffer)
        if got is None:
            return False
        length, addr16, port, kind = got
        if length <= len(self._buffer):
            data = bytes(memoryview(self._buffer)[:length])
            if kind == "rtcp":
                self.driver.receive(data, (addr16, port))
            else:
                self._on_other(data, (addr16, port))
        return True

    def _send(self, data, peer, transport):
        self._stream.send_rtcp(data)

    def _on_event(self, event):
        name = type(event).__name__
        if name == "ReportDue":
            now = self._clock.now()
            timestamp, time_us = self._stream.timestamp_now()
            statistics = self._stream.statistics()
            self.session.report(statistics, timestamp, ntp(now), now, time_us)
        elif name == "ReportReceived":
            self.remote_loss = event.fraction_lost
        elif name == "SSRCChanged":
            self._stream.set_ssrc(event.new)
        elif name == "PeerLeft":
            self.left = True

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        return self.driver.get_timer()

    def handle_timer(self, now):
        """Send the report that is due."""
        self.driver.handle_timer(now)

    def close(self):
        """Say BYE."""
        now = self._clock.now()
        timestamp, _ = self._stream.timestamp_now()
        self.session.stop(self._stream.statistics(), timestamp, ntp(now), now)
        self.driver.drain()
