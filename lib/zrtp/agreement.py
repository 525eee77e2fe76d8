# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""DHPart1, DHPart2 and s0 of all three modes (RFC 6189 sections 4.3 and 4.4).

The initiator sends DHPart2 and computes DHResult after it has left (timer agree, due at once):
both sides then compute at the same time.
"""

from .algorithms import PUBLIC_OCTETS, is_bad_public
from .commitment import Commitment
from .errors import (
    BAD_HVI,
    BAD_PUBLIC_VALUE,
    HELLO_COMPONENTS_MISMATCH,
    MALFORMED_PACKET,
    Ignored,
    Refused,
)
from .exchange import Exchange
from .keys import (
    StreamKeys,
    erase,
    hash_of,
    hvi,
    is_signed,
    plain,
    s0_of_dh,
    s0_of_mult,
    s0_of_prsh,
    secret_ids,
    secrets_of,
)
from .messages import DHPart, DHPart1, DHPart2

TYPE_CHECKING = False
if TYPE_CHECKING:
    Octets = bytes | bytearray


class KeyAgreement(Commitment):
    """From Commit to s0."""

    def _require_exchange(self) -> Exchange:
        if self._exchange is None:
            raise Ignored("unexpected")
        return self._exchange

    def _digest(self, octets: "Octets") -> bytes:
        return self._provider.digest("SHA-256", plain(octets))

    # messages

    def _accept_dhpart1(self, now: int, message: DHPart1) -> None:
        """The responder's public value: answer with ours."""
        exchange = self._require_exchange()
        peer = self._require_peer()
        if exchange.mode != "DH":
            raise Ignored("unexpected")
        h2 = self._digest(message.h1)
        if not self._provider.equal(self._digest(h2), peer.h3):
            raise Ignored("false_packets")
        if not is_signed(self._provider, h2, peer.octets):
            self.counters["bad_macs"] += 1
            raise Refused(HELLO_COMPONENTS_MISMATCH, "the MAC of Hello is wrong", True)
        self._check_public(exchange, message)
        exchange.dhpart1 = message.octets
        exchange.peer_h1 = message.h1
        exchange.peer_public = message.public
        self._match_secrets(exchange, message)
        self._repeat(exchange.dhpart2, now)
        self._set("agree", now)

    def _accept_dhpart2(self, now: int, message: DHPart2) -> None:
        """The initiator's public value, which its Commit promised: compute, send Confirm1."""
        exchange = self._require_exchange()
        commit = exchange.commit_message
        if commit is None or not self._provider.equal(self._digest(message.h1), commit.h2):
            raise Ignored("false_packets")
        self._check_public(exchange, message)
        found = hvi(self._provider, exchange.hash_type, message.octets, self._hello_octets)
        if not self._provider.equal(found, commit.commitment):
            raise Refused(BAD_HVI, "", True)
        if not is_signed(self._provider, message.h1, exchange.commit):
            self.counters["bad_macs"] += 1
            raise Refused(MALFORMED_PACKET, "the MAC of Commit is wrong", True)
        exchange.dhpart2 = message.octets
        exchange.peer_h1 = message.h1
        exchange.peer_public = message.public
        self._match_secrets(exchange, message)
        self._compute(exchange)
        self._answer(now, message.octets, self._make_confirm())

    def _agree(self, now: int, message: None) -> None:
        exchange = self._require_exchange()
        if exchange.s0 is None:
            self._compute(exchange)

    def _check_public(self, exchange: Exchange, message: DHPart) -> None:
        key_agreement = exchange.algorithms[3]
        if len(message.public) != PUBLIC_OCTETS[key_agreement]:
            raise Refused(MALFORMED_PACKET, "a public value of a wrong length", True)
        if is_bad_public(key_agreement, message.public):
            raise Refused(BAD_PUBLIC_VALUE, "", True)

    # shared secrets

    def _match_secrets(self, exchange: Exchange, message: DHPart) -> None:
        """Find s1, s2, s3: what both sides have (section 4.3)."""
        peer = self._require_peer()
        label = b"Responder" if exchange.initiator else b"Initiator"
        secrets = secrets_of(exchange.entry, self.session.aux)
        ids = secret_ids(self._provider, exchange.hash_type, secrets, label, peer.h3)
        theirs = message.ids
        s1: "Octets | None" = None
        if exchange.initiator:
            # our rs1, else our rs2, whichever the responder has as either of its own
            for i in (0, 1):
                if s1 is None and self._among(ids[i], theirs[:2]):
                    s1 = secrets[i]
        else:
            # the initiator's rs1, else its rs2
            for their in theirs[:2]:
                for i in (0, 1):
                    if s1 is None and self._among(ids[i], [their]):
                        s1 = secrets[i]
        s2 = secrets[2] if self._among(ids[2], [theirs[2]]) else None
        s3 = secrets[3] if self._among(ids[3], [theirs[3]]) else None
        exchange.matched = (s1, s2, s3)

    def _among(self, one: "bytes | None", others: "list[bytes]") -> bool:
        found = False
        for other in others:
            if one is not None and self._provider.equal(one, other):
                found = True
        return found

    # s0

    def _zids(self, exchange: Exchange) -> bytes:
        """Return ZIDi || ZIDr."""
        peer = self._require_peer()
        ours = self.session.zid
        return ours + peer.zid if exchange.initiator else peer.zid + ours

    def _responder_hello(self, exchange: Exchange) -> bytes:
        return self._require_peer().octets if exchange.initiator else self._hello_octets

    def _compute(self, exchange: Exchange) -> None:
        """DHResult, s0 and the keys of DH mode (section 4.4.1.4)."""
        if exchange.pair is None:
            raise Ignored("unexpected")
        try:
            result = bytearray(exchange.pair.agree(exchange.peer_public))
        except ValueError:
            raise Refused(BAD_PUBLIC_VALUE, "", True)
        exchange.pair.erase()
        exchange.pair = None
        parts = (
            self._responder_hello(exchange),
            exchange.commit,
            exchange.dhpart1,
            exchange.dhpart2,
        )
        total_hash = hash_of(self._provider, exchange.hash_type, parts)
        exchange.context = self._zids(exchange) + total_hash
        exchange.s0 = s0_of_dh(
            self._provider, exchange.hash_type, result, exchange.context, exchange.matched
        )
        erase(result)
        self._derive(exchange)

    def _keys_without_dh(self) -> None:
        """s0 and the keys of Multistream (section 4.4.3.2) and Preshared mode (4.4.2.4)."""
        exchange = self._require_exchange()
        hash_type = exchange.hash_type
        parts = (self._responder_hello(exchange), exchange.commit)
        total_hash = hash_of(self._provider, hash_type, parts)
        exchange.context = self._zids(exchange) + total_hash
        if exchange.mode == "Mult":
            session_key = self.session.zrtp_sess or b""
            exchange.s0 = s0_of_mult(self._provider, hash_type, session_key, exchange.context)
        else:
            preshared = exchange.preshared or b""
            exchange.s0 = s0_of_prsh(self._provider, hash_type, preshared, exchange.context)
            erase(exchange.preshared)
            exchange.preshared = None
        self._derive(exchange)

    def _derive(self, exchange: Exchange) -> None:
        exchange.keys = StreamKeys(
            self._provider,
            exchange.hash_type,
            exchange.algorithms[1],
            exchange.s0 or b"",
            exchange.context,
        )
