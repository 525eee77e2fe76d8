# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What every part of an engine stands on: packets out, events, timers, the table, failure.

Retransmission (RFC 6189 section 6): one message at a time is repeated, the Hello by T1, all others
by T2; the interval doubles up to a cap. It gives up one interval after the last repetition.
"""

from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

from . import packet
from .errors import BAD_CONFIRM_MAC, PROTOCOL_TIMEOUT, SERVICE_UNAVAILABLE, Ignored, Refused, text
from .events import FALSE_PACKET, Failed, Warned
from .keys import HashChain, StreamKeys, erase
from .message import Message
from .messages import Commit, Error, ErrorACK, Hello
from .state import CLEAR, ERROR_SENT, FAILED, GOCLEAR_SENT, IDLE, SECURE, TABLE, TERMINATED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .exchange import Exchange, Pair
    from .session import Session

    Peer = tuple[bytes, int]

_T1_START = const(50)  # ms, RFC 6189 section 6, as all here
_T1_CAP = const(200)
_T1_COUNT = const(20)
_T1_COUNT_EXTENDED = const(62)  # 50 + 100 + 60 * 200 ms: at least 12 s, if there is evidence
_T2_START = const(150)
_T2_CAP = const(1200)
_T2_COUNT = const(10)
_RESPONDER_TIMEOUT = const(10000)  # without a message after a Commit (section 6)
_MAX_OUTPUT = const(16)  # the driver drains after each call; a call makes four at most
_MAX_EVENTS = const(16)  # likewise

_SETTLED = (SECURE, GOCLEAR_SENT, CLEAR, ERROR_SENT, FAILED, TERMINATED)
_COUNTERS = (
    "received",
    "sent",
    "retransmissions",
    "repeated",  # messages of the peer that came again and were answered again
    "malformed",
    "strangers",  # another SSRC than the peer's
    "false_packets",  # a hash image that does not fit (section 9)
    "hello_hash",  # a Hello that does not fit the signalling
    "bad_macs",
    "versions",  # Hellos of a higher version
    "contention_won",
    "contention_lost",
    "unexpected",  # the table lacks it
    "failures",  # of memory, entropy or the cache
    "busy",  # Commits put off while another stream's exchange runs
    "dropped_output",
    "dropped_events",
)


class Channel:
    """The lowest part of an engine."""

    def __init__(
        self,
        session: "Session",
        ssrc: int,
        key_pair: "Callable[[str, int], Pair] | None" = None,
    ) -> None:
        provider = session.provider
        self.session = session
        self.ssrc = ssrc
        self.state = IDLE
        self.counters = {name: 0 for name in _COUNTERS}
        self._provider = provider
        self._policy = session.policy
        self._key_pair = key_pair
        self._chain: "HashChain | None" = HashChain(provider)
        self._hello_octets = b""
        self._crc = getattr(provider, "crc32c", None) or packet.crc32c
        # Small, so that it does not wrap: libbzrtp drops what seems to run backward.
        start = provider.random(2)
        self._sequence = (start[0] & 0x0F) << 8 | start[1]
        self._timers: "dict[str, int]" = {}
        self._repeating: "bytes | None" = None
        self._interval = 0
        self._cap = 0
        self._left = 0
        self._out: "list[tuple[bytes, Peer | None]]" = []
        self._events: "list[object]" = []
        self._warned: "list[str]" = []
        self._ssrc_in = 0  # of the packet at hand
        # of the peer
        self._peer_hello: "Hello | None" = None
        self._peer_ssrc: "int | None" = None
        self._peer_hash: "bytes | None" = None
        self._evidence = False
        self._hello_acked = False
        self._dh_only = False  # the peer's Preshared Commit found nothing: answer with DH
        # of the exchange that runs, and of what it gave
        self._exchange: "Exchange | None" = None
        self._keys: "StreamKeys | None" = None
        self._answered = b""  # the last message of the peer that may come again, and our reply
        self._reply = b""

    # the table

    def _step(self, event: str, now: int, message: "Message | None" = None) -> bool:
        """Take an event; return whether the table has it in this state."""
        entry = TABLE.get((self.state, event))
        if entry is None:
            self.counters["unexpected"] += 1
            return False
        try:
            told = getattr(self, "_" + entry[0])(now, message)
        except Ignored as error:
            self._ignored(error)
        except Refused as error:
            self._refuse(error, now)
        except (MemoryError, OSError):
            # No room, no entropy, no room on flash: keys that stand are not touched.
            self.counters["failures"] += 1
            if self.state not in _SETTLED:
                self._refuse(Refused(SERVICE_UNAVAILABLE), now)
        else:
            self.state = entry[1] or told
        return True

    def _ignored(self, error: Ignored) -> None:
        self.counters[error.counter] += 1
        if error.counter == "false_packets":
            self._warn(FALSE_PACKET, "a hash image does not fit")

    def _nothing(self, now: int, message: None) -> None:
        pass

    # output

    def _send(self, octets: bytes) -> None:
        """Send a message in a new packet."""
        if len(self._out) == _MAX_OUTPUT:
            self.counters["dropped_output"] += 1
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._out.append((packet.emit(octets, self._sequence, self.ssrc, self._crc), None))
        self.counters["sent"] += 1

    def _event(self, event: object) -> None:
        if len(self._events) == _MAX_EVENTS:
            self.counters["dropped_events"] += 1
            return
        self._events.append(event)

    def _warn(self, kind: str, words: str) -> None:
        """Tell a kind of warning once."""
        if kind not in self._warned:
            self._warned.append(kind)
            self._event(Warned(kind, words))

    # timers

    def _set(self, name: str, when: int) -> None:
        self._timers[name] = when

    def _cancel(self, name: str) -> None:
        self._timers.pop(name, None)

    def _repeat_hello(self, now: int) -> None:
        """Send our Hello and repeat it by T1."""
        count = _T1_COUNT_EXTENDED if self._evidence else _T1_COUNT
        self._repeat(self._hello_octets, now, _T1_START, _T1_CAP, count)

    def _found_evidence(self) -> None:
        """Go on with Hellos for 12 s: the peer speaks ZRTP (section 6)."""
        if not self._evidence:
            self._evidence = True
            if self._repeating is self._hello_octets:
                self._left += _T1_COUNT_EXTENDED - _T1_COUNT

    def _repeat(
        self,
        octets: bytes,
        now: int,
        start: int = _T2_START,
        cap: int = _T2_CAP,
        count: int = _T2_COUNT,
    ) -> None:
        """Send a message, and again until _stop_repeating()."""
        self._repeating = octets
        self._interval = start
        self._cap = cap
        self._left = count
        self._set("repeat", now + start)
        self._send(octets)

    def _repeat_due(self, now: int) -> None:
        if self._repeating is None:
            return
        if self._left == 0:
            self._stop_repeating()
            self._step("exhausted", now)
            return
        self._left -= 1
        self._interval = min(2 * self._interval, self._cap)
        self._set("repeat", now + self._interval)
        self.counters["retransmissions"] += 1
        self._send(self._repeating)

    def _stop_repeating(self, now: int = 0, message: "Message | None" = None) -> None:
        self._repeating = None
        self._cancel("repeat")

    def _repeat_reply(self, now: int, message: Message) -> None:
        """Answer a message that came again as before; anything else is not for this state."""
        if not self._reply or message.octets != self._answered:
            raise Ignored("unexpected")
        self.counters["repeated"] += 1
        self._send(self._reply)
        if "watchdog" in self._timers:
            self._watch(now)

    def _watch(self, now: int) -> None:
        """A responder gives up when it hears nothing for more than 10 s (section 6)."""
        self._set("watchdog", now + _RESPONDER_TIMEOUT)

    # failure

    def _timed_out(self, now: int, message: None) -> None:
        code = self._exchange.suspicion if self._exchange is not None else 0
        if code:  # answers came, all of them bad
            raise Refused(code, text(code) + " in " + self.state, code == BAD_CONFIRM_MAC)
        raise Refused(PROTOCOL_TIMEOUT, "no answer in " + self.state)

    def _refuse(self, error: Refused, now: int) -> None:
        """End the exchange with an Error (section 4.7.1)."""
        self._drop_exchange(now)
        self._timers.clear()
        self.state = ERROR_SENT
        self._event(Failed(error.code, error.reason, False, error.attack))
        self._repeat(Error(error.code).emit(), now)

    def _failed_by_peer(self, now: int, message: Error) -> None:
        """The peer ended the exchange."""
        self._drop_exchange(now)
        self._timers.clear()
        self._repeating = None
        self._acknowledge_error(now, message)
        self._event(Failed(message.code, text(message.code), True, False))

    def _acknowledge_error(self, now: int, message: Error) -> None:
        self._send(ErrorACK().emit())

    def _drop_exchange(self, now: int) -> None:
        """Overwrite what an unfinished exchange has, and let other streams go on."""
        if self._exchange is not None:
            self._exchange.erase()
            self._exchange = None
        if self._keys is not None:
            self._keys.erase()
            self._keys = None
        self._reply = b""
        self.session.release(self, now)

    def _erase(self) -> None:
        """Forget every secret."""
        if self._exchange is not None:
            self._exchange.erase()
            self._exchange = None
        if self._keys is not None:
            self._keys.erase()
            self._keys = None
        self._chain = None
        for event in self._events:
            erase(getattr(event, "key_salt", None))

    # for the session

    def is_secure(self) -> bool:
        """Return whether keys of this stream stand."""
        return self.state == SECURE

    def yields_to(self, message: Commit, now: int) -> bool:
        """Return whether the peer's Commit on another stream goes before ours (section 4.2)."""
        raise NotImplementedError  # Commitment has it

    def is_over(self) -> bool:
        """Return whether this stream can have keys no more."""
        return self.state in (ERROR_SENT, FAILED, TERMINATED)

    def _require_chain(self) -> HashChain:
        if self._chain is None:
            raise LocalProtocolError("the stream is stopped")
        return self._chain

    def _require_peer(self) -> Hello:
        if self._peer_hello is None:
            raise Ignored("unexpected")
        return self._peer_hello
