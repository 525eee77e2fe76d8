# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The engine of one media stream: verbs and commands (README.md; RFC 6189).

Its parts, each on top of the one before: channel, discovery, commitment, agreement, confirmation,
clearing.
"""

from vox6.wire.errors import FormatError, LocalProtocolError

from . import packet
from .clearing import Clearing
from .errors import HELLO_COMPONENTS_MISMATCH, MALFORMED_PACKET
from .events import Failed
from .messages import parse
from .state import (
    CONFIRM2_SENT,
    HELLO_SENT,
    IDLE,
    TERMINATED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    Peer = tuple[bytes, int]


class Engine(Clearing):
    """ZRTP of one stream; Session.open() makes it.

    ssrc: ours. hello_hash: 32 octets for a=zrtp-hash. state: a name of state.py.
    """

    _now = 0

    # commands

    def start(self, now: int) -> None:
        """Begin with Hello; LocalProtocolError: it has begun already."""
        self._now = now
        self._command("start", now)

    def srtp_authenticated(self, now: int) -> None:
        """Take the first SRTP packet with a good tag for a Conf2ACK (section 4.6)."""
        self._now = now
        if self.state == CONFIRM2_SENT:
            self._step("srtp", now)

    def go_clear(self, now: int) -> None:
        """Ask the peer to talk in clear (section 4.7.2); stop sending until an event tells.

        LocalProtocolError: the policy or the peer does not allow it, or no keys stand.
        """
        self._now = now
        if not self._policy.allow_clear or not self._peer_allows_clear:
            raise LocalProtocolError("GoClear is not allowed")
        self._command("go_clear", now)

    def go_secure(self, now: int) -> None:
        """Make keys again after GoClear; LocalProtocolError: the stream is not in clear."""
        self._now = now
        self._command("go_secure", now)

    def sas_verified(self, same: bool, name: str = "") -> None:
        """Session.verify(name) or, if the SAS differ, Session.deny()."""
        if same:
            self.session.verify(name)
        else:
            self.session.deny()

    def stop(self, now: int) -> None:
        """End: nothing is sent any more, secrets are overwritten; always allowed."""
        if self.state == TERMINATED:
            return
        self._now = now
        self.state = TERMINATED
        self._erase()
        self._timers.clear()
        self._repeating = None
        self._out = []
        self._events = []
        self.session.left(self, now)

    def _command(self, name: str, now: int) -> None:
        if not self._step(name, now):
            raise LocalProtocolError(name + " in " + self.state)

    # verbs

    def receive_datagram(self, data: bytes, peer: "Peer | None", now: int) -> None:
        """Take one datagram of the RTP port for which is_zrtp() is true.

        data: copied. peer: not looked at, media takes packets of the stream's peer alone.
        """
        self._now = now
        if self.state in (IDLE, TERMINATED):
            self.counters["unexpected"] += 1
            return
        try:
            octets, _, ssrc = packet.parse(data, self._crc)
        except FormatError:
            self.counters["malformed"] += 1
            return
        try:
            message = parse(octets)
        except FormatError:
            # Nothing proves that the peer sent it: wait for a good one, remember why none came.
            self.counters["malformed"] += 1
            if self._exchange is not None and ssrc == self._peer_ssrc:
                self._exchange.suspicion = self._exchange.suspicion or MALFORMED_PACKET
            return
        self.counters["received"] += 1
        event = message.event
        self._ssrc_in = ssrc
        if event != "Ping":
            if self._peer_ssrc is not None and ssrc != self._peer_ssrc:
                self.counters["strangers"] += 1
                return
            if ssrc == self.ssrc:
                event = "collision"
        self._step(event, now, message)

    def handle_timer(self, now: int) -> None:
        """Do what is due."""
        self._now = now
        while True:
            name = ""
            first = now + 1
            for key, when in self._timers.items():
                if when < first:
                    name = key
                    first = when
            if not name:
                return
            self._cancel(name)
            if name == "repeat":
                self._repeat_due(now)
            else:
                self._step(name, now)

    def get_timer(self) -> "int | None":
        """Return when handle_timer() is due, None for never; it may be now or past."""
        return min(self._timers.values()) if self._timers else None

    def datagrams_to_send(self) -> "list[tuple[bytes, Peer | None]]":
        """Return and forget what is to be sent, [(data, None)]: to where the RTP goes."""
        out = self._out
        self._out = []
        return out

    def next_event(self) -> "object | None":
        """Return the oldest event, None when there is none."""
        return self._events.pop(0) if self._events else None

    def debug(self) -> str:
        """Return one line."""
        counts = self.counters
        return "%s, sent %d, received %d, again %d, malformed %d, refused %d" % (
            self.state,
            counts["sent"],
            counts["received"],
            counts["retransmissions"],
            counts["malformed"],
            counts["strangers"] + counts["false_packets"] + counts["bad_macs"],
        )

    # of the parts below

    def _forget_peer(self) -> None:
        """Begin discovery anew: the Hello that we had was not of the peer of the signalling."""
        now = self._now
        if self.state == IDLE or self.is_over():
            return
        if self.state == CONFIRM2_SENT:
            # Its key to receive was given out already.
            self._event(Failed(HELLO_COMPONENTS_MISMATCH, "", False, True))
        self._drop_exchange(now)
        self._timers.clear()
        self._peer_hello = None
        self._peer_ssrc = None
        self._hello_acked = False
        self._dh_only = False
        self.state = HELLO_SENT
        self._repeat_hello(now)
