# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Discovery: Hello and HelloACK, the version, a=zrtp-hash (RFC 6189 sections 4.1, 6, 8.1)."""

from vox6.wire import const

from .algorithms import lists_of
from .channel import Channel
from .errors import (
    EQUAL_ZIDS,
    HELLO_COMPONENTS_MISMATCH,
    SSRC_COLLISION,
    UNSUPPORTED_VERSION,
    Ignored,
    Refused,
)
from .events import BOTH_PASSIVE, HELLO_HASH, PeerFound, PeerSilent
from .keys import sign
from .message import Message
from .messages import VERSION, Hello, HelloACK
from .state import (
    CLEAR,
    DISCOVERED,
    GOCLEAR_SENT,
    HELLO_ACKNOWLEDGED,
    PEER_KNOWN,
    SECURE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .exchange import Pair
    from .session import Session

_SILENCE = const(12000)  # ms from HelloACK until the peer's Hello must be here (section 6)


class Discovery(Channel):
    """Finds out whether the peer speaks ZRTP, and what."""

    def __init__(
        self,
        session: "Session",
        ssrc: int,
        key_pair: "Callable[[str, int], Pair] | None" = None,
    ) -> None:
        super().__init__(session, ssrc, key_pair)
        chain = self._require_chain()
        lists = session.lists
        hello = Hello(
            self._policy.client_id,
            chain.h3,
            session.zid,
            (lists[0], lists[1], lists[2], lists[3], lists[4]),
            passive=self._policy.passive,
        )
        self._hello_octets = sign(self._provider, chain.h2, hello.emit())
        self.hello_hash = self._provider.digest("SHA-256", self._hello_octets)

    def set_peer_hello_hash(self, version: "str | None", octets: "bytes | None") -> None:
        """Take what a=zrtp-hash of the peer says (section 8.1); (None, None): nothing.

        version: "1.10"; another than 1.1x is evidence of ZRTP alone. octets: 32, else the same.
        A Hello that was accepted before and does not fit is forgotten with its exchange, unless
        keys stand already: then Warned tells.
        """
        self._peer_hash = None
        if version is None or octets is None:
            return
        self._found_evidence()
        if version[:3] != VERSION[:3] or len(octets) != 32:
            return
        self._peer_hash = bytes(octets)
        hello = self._peer_hello
        if hello is None or self._fits(hello):
            return
        self._warn(HELLO_HASH, "the Hello does not fit the signalling")
        self.counters["hello_hash"] += 1
        if self._policy.strict_hello_hash and self.state not in (SECURE, GOCLEAR_SENT, CLEAR):
            self._forget_peer()

    def _forget_peer(self) -> None:
        """Begin anew with discovery, without the one whose Hello was false."""
        raise NotImplementedError  # Engine has it: it knows the time of the last call

    def _fits(self, hello: Hello) -> bool:
        if self._peer_hash is None:
            return True
        digest = self._provider.digest("SHA-256", hello.octets)
        return self._provider.equal(digest, self._peer_hash)

    # actions

    def _begin_hello(self, now: int, message: None) -> None:
        self._repeat_hello(now)

    def _take_hello(self, message: Hello) -> None:
        """Verify a Hello and keep it; HelloACK goes out also for one that is of no use.

        The signalling comes first: a forged Hello must not end anything by what it says.
        """
        if not self._fits(message):
            self._warn(HELLO_HASH, "the Hello does not fit the signalling")
            if self._policy.strict_hello_hash:
                raise Ignored("hello_hash")
        if message.zid == self.session.zid:
            raise Refused(EQUAL_ZIDS)
        # The last octet of the version does not count (section 4.1.1).
        if message.version[:3] > VERSION[:3]:
            self._send(HelloACK().emit())
            self._found_evidence()
            raise Ignored("versions")
        if message.version[:3] < VERSION[:3]:
            self._send(HelloACK().emit())
            raise Refused(UNSUPPORTED_VERSION)
        if self.session.zrtp_sess is not None and self.session.peer_zid != message.zid:
            # All streams of a session have the same ZID (section 4.4.3).
            raise Refused(HELLO_COMPONENTS_MISMATCH, "another ZID than in the first stream")
        self._peer_hello = message
        self._peer_ssrc = self._ssrc_in
        self._found_evidence()
        self._send(HelloACK().emit())
        self._event(
            PeerFound(
                message.zid, message.client_id, message.version, message.passive, message.mitm
            )
        )

    def _accept_hello(self, now: int, message: Hello) -> None:
        self._take_hello(message)

    def _hello_acknowledged(self, now: int, message: HelloACK) -> None:
        self._hello_acked = True
        self._stop_repeating()
        self._set("silence", now + _SILENCE)

    def _accept_last_hello(self, now: int, message: Hello) -> None:
        self._take_hello(message)
        self._discovered(now, None)

    def _discovered(self, now: int, message: "HelloACK | None") -> None:
        self._hello_acked = True
        self._stop_repeating()
        self._cancel("silence")
        self._arm_begin(now)

    def _arm_begin(self, now: int) -> None:
        """Commit by a timer that is due now: the driver sends HelloACK first."""
        if not self._policy.passive:
            self._set("begin", now)
        elif self._peer_hello is not None and self._peer_hello.passive:
            self._warn(BOTH_PASSIVE, "neither side sends a Commit")

    def _repeat_hello_ack(self, now: int, message: Hello) -> None:
        if self._peer_hello is None or message.octets != self._peer_hello.octets:
            raise Ignored("false_packets")
        self.counters["repeated"] += 1
        self._send(HelloACK().emit())

    def _silent(self, now: int, message: None) -> None:
        self._event(PeerSilent())

    def _late_hello(self, now: int, message: Hello) -> str:
        """A slow peer begins only now: start our Hellos again."""
        if self._peer_hello is None:
            self._take_hello(message)
        else:
            self._repeat_hello_ack(now, message)
        if self._hello_acked:
            self._discovered(now, None)
            return DISCOVERED
        self._repeat_hello(now)
        return PEER_KNOWN

    def _late_hello_ack(self, now: int, message: HelloACK) -> str:
        if self._peer_hello is not None:
            self._discovered(now, message)
            return DISCOVERED
        self._hello_acknowledged(now, message)
        return HELLO_ACKNOWLEDGED

    def _collide(self, now: int, message: Message) -> None:
        """A packet has our SSRC (section 4.1), or is our own that came back."""
        if self._peer_hash is not None and self._policy.strict_hello_hash:
            if not isinstance(message, Hello) or not self._fits(message):
                raise Ignored("hello_hash")  # not of the peer that the signalling announced
        if isinstance(message, Hello) and message.zid == self.session.zid:
            raise Refused(EQUAL_ZIDS)
        raise Refused(SSRC_COLLISION)

    # for the session

    def wake(self, now: int) -> None:
        """Another stream's exchange has ended: this one may begin."""
        if self.state == DISCOVERED:
            self._arm_begin(now)

    def _peer_lists(self) -> "list[list[str]]":
        return lists_of(self._require_peer())
