# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""GoClear, SASrelay, late Errors and Ping (RFC 6189 sections 4.7, 5.11 to 5.16, 7.3)."""

from vox6.wire.errors import FormatError

from .confirmation import Confirmation
from .encrypted import RelayPart, SASrelay
from .errors import GOCLEAR_NOT_ALLOWED, Ignored, text
from .events import (
    BAD_GOCLEAR,
    LATE_ERROR,
    RELAY_REFUSED,
    Cleared,
    ClearRefused,
    ClearRequested,
    SASRelayed,
    Warned,
)
from .keys import StreamKeys, mac
from .message import Message
from .messages import (
    ClearACK,
    Error,
    ErrorACK,
    GoClear,
    Ping,
    PingACK,
    RelayACK,
)
from .sas import render
from .state import CLEAR, GOCLEAR_SENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .exchange import Pair
    from .session import Session


class Clearing(Confirmation):
    """What may happen when the keys stand."""

    def __init__(
        self,
        session: "Session",
        ssrc: int,
        key_pair: "Callable[[str, int], Pair] | None" = None,
    ) -> None:
        super().__init__(session, ssrc, key_pair)
        # of the last exchange that succeeded
        self._hash_type = ""
        self._is_initiator = False
        self._peer_allows_clear = False
        self._trusts_relay = False
        self._answered_relay = b""

    def _stream_keys(self) -> StreamKeys:
        if self._keys is None:
            raise Ignored("unexpected")
        return self._keys

    # GoClear (section 4.7.2)

    def _clear_mac(self, of_initiator: bool) -> bytes:
        key = self._stream_keys().mac[0 if of_initiator else 1]
        return mac(self._provider, self._hash_type, key, b"GoClear ")[:8]

    def _send_go_clear(self, now: int, message: None) -> None:
        self._repeat(GoClear(self._clear_mac(self._is_initiator)).emit(), now)

    def _accept_go_clear(self, now: int, message: GoClear) -> str:
        """The peer wants to talk in clear."""
        if not self._provider.equal(message.clear_mac, self._clear_mac(not self._is_initiator)):
            self._warn(BAD_GOCLEAR, "the MAC of a GoClear is wrong")
            raise Ignored("bad_macs")
        if not self._policy.allow_clear:
            # Refused, but the stream stays as it is: an Error without an end.
            if self._repeating is None:
                self._repeat(Error(GOCLEAR_NOT_ALLOWED).emit(), now)
                self._event(ClearRequested(True))
            return self.state
        asked = self.state == GOCLEAR_SENT
        self._forget_keys(now)
        self._answered = message.octets
        self._reply = ClearACK().emit()
        self._send(self._reply)
        self._event(Cleared(True) if asked else ClearRequested(False))
        return CLEAR

    def _clear_acknowledged(self, now: int, message: ClearACK) -> None:
        self._forget_keys(now)
        self._event(Cleared(True))

    def _clear_unacknowledged(self, now: int, message: None) -> None:
        self._forget_keys(now)
        self._event(Cleared(False))

    def _clear_refused(self, now: int, message: Error) -> None:
        self._acknowledge_error(now, message)
        self._stop_repeating()
        self._event(ClearRefused())

    def _forget_keys(self, now: int) -> None:
        """Section 4.7.2.1."""
        self._stop_repeating()
        self._cancel("remember")
        self.session.remember()
        self._stream_keys().erase()
        self._keys = None
        self.session.renew_key()

    # an Error when keys stand already

    def _late_error(self, now: int, message: Error) -> None:
        """Nobody signs an Error: it does not end a stream that is secure (section 4.7.1)."""
        self._send(ErrorACK().emit())
        if LATE_ERROR not in self._warned:
            self._warned.append(LATE_ERROR)
            self._event(Warned(LATE_ERROR, text(message.code)))

    # SASrelay (sections 5.13, 7.3)

    def _accept_relay(self, now: int, message: SASrelay) -> None:
        """Acknowledge; show the SAS only if the owner wants it and our user enrolled this PBX."""
        peer = 0 if not self._is_initiator else 1
        plain = self._decrypt(self._stream_keys(), self._hash_type, peer, message)
        try:
            part = RelayPart.parse(plain)
        except FormatError:
            raise Ignored("malformed")
        self._send(RelayACK().emit())
        if message.octets == self._answered_relay:
            self.counters["repeated"] += 1
            return
        self._answered_relay = message.octets
        hello = self._require_peer()
        if part.sashash == bytes(32):
            return  # for those who did not enroll: the rendering scheme and nothing else
        trusted = hello.mitm and self._trusts_relay and self._policy.accept_relay
        if not trusted or part.sas_type not in self.session.lists[4]:
            self._warn(RELAY_REFUSED, "a relayed SAS is not shown")
            return
        words = render(part.sas_type, part.sashash)
        self._event(SASRelayed(words, part.sas_type, part.verified, part.disclosure))

    # Ping (section 5.15)

    def _answer_ping(self, now: int, message: Message) -> None:
        if isinstance(message, Ping):
            self._found_evidence()
            ours = self.session.zid[:8]
            self._send(PingACK(ours, message.endpoint_hash, self._ssrc_in).emit())
