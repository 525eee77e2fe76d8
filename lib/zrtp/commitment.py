# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Commit: who is the initiator, in which mode, by what algorithms (RFC 6189 section 4.2)."""

from .algorithms import (
    check,
    choose,
    choose_key_agreement,
    exponent_bits,
    is_long_enough,
)
from .discovery import Discovery
from .errors import (
    CRITICAL_SOFTWARE_ERROR,
    HELLO_COMPONENTS_MISMATCH,
    KEY_AGREEMENT_NOT_SUPPORTED,
    MALFORMED_PACKET,
    NO_SHARED_SECRET,
    NONCE_REUSE,
    Ignored,
    Refused,
)
from .events import Committed
from .exchange import Exchange
from .keys import hvi, is_signed, key_id, preshared_key, secret_ids, secrets_of, sign
from .messages import Commit, DHPart1, DHPart2
from .state import CLEAR, COMMIT_SENT, CONFIRM1_SENT, DHPART1_SENT, DISCOVERED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cache import Entry
    from .exchange import Pair


class Commitment(Discovery):
    """From the end of discovery to the first message that only one role sends."""

    # our own Commit

    def _commit(self, now: int, message: None) -> None:
        """Become the initiator, if nobody contends."""
        peer = self._require_peer()
        lists = self.session.lists
        theirs = self._peer_lists()
        mode = "DH"
        if self.session.zrtp_sess is not None:
            if peer.zid != self.session.peer_zid:
                raise Refused(HELLO_COMPONENTS_MISMATCH, "another ZID than in the first stream")
            if "Mult" not in lists[3] or "Mult" not in theirs[3]:
                raise Refused(KEY_AGREEMENT_NOT_SUPPORTED, "no Multistream mode in common")
            mode = "Mult"
        elif not self.session.take(self):
            raise Ignored("busy")  # release() wakes us
        entry = self.session.cache.get(peer.zid) if mode == "DH" else None
        if mode == "DH" and entry is not None and self._may_preshare(entry, theirs):
            mode = "Prsh"
        key_agreement = choose_key_agreement(lists, theirs) if mode == "DH" else mode
        algorithms = choose(lists, theirs, key_agreement)
        if mode == "Mult":
            algorithms = self._as_before(algorithms)
        exchange = Exchange(True, mode, algorithms)
        exchange.entry = entry
        exchange.commit = self._make_commit(exchange)
        exchange.commit_message = Commit.parse(exchange.commit)
        self._exchange = exchange
        self._event(Committed(True))
        self._repeat(exchange.commit, now)

    def _may_preshare(self, entry: "Entry", theirs: "list[list[str]]") -> bool:
        """Return whether we begin in Preshared mode: preferred, and the cache is sound."""
        if self._dh_only or not entry.rs1 or not entry.verified or "Prsh" not in theirs[3]:
            return False
        for name in self.session.lists[3]:
            if name != "Mult":
                return name == "Prsh"
        return False

    def _as_before(
        self, algorithms: "tuple[str, str, str, str, str]"
    ) -> "tuple[str, str, str, str, str]":
        """Return the algorithms of the session's first exchange for Multistream mode (4.4.3.1)."""
        secured = self.session.secured
        if secured is None:
            return algorithms
        before = secured.algorithms
        return before[0], before[1], before[2], "Mult", before[4]

    def _make_commit(self, exchange: Exchange) -> bytes:
        chain = self._require_chain()
        peer = self._require_peer()
        if exchange.mode == "DH":
            exchange.pair = self._make_pair(exchange)
            exchange.dhpart2 = self._make_dhpart(exchange)
            commitment = hvi(self._provider, exchange.hash_type, exchange.dhpart2, peer.octets)
        else:
            commitment = self._provider.random(16)
            if exchange.mode == "Mult" and not self.session.use_nonce(commitment):
                raise Refused(NONCE_REUSE, "too many Multistream exchanges")
        if exchange.mode == "Prsh":
            _, _, aux, pbx = secrets_of(exchange.entry, self.session.aux)
            rs1 = exchange.entry.rs1 if exchange.entry else None
            exchange.preshared = preshared_key(self._provider, exchange.hash_type, (rs1, aux, pbx))
            exchange.matched = (rs1, aux, pbx)
            commitment += key_id(self._provider, exchange.hash_type, exchange.preshared)
        message = Commit(chain.h2, self.session.zid, exchange.algorithms, commitment)
        return sign(self._provider, chain.h1, message.emit())

    def _make_pair(self, exchange: Exchange) -> "Pair":
        make = self._key_pair or self._provider.key_pair
        return make(exchange.algorithms[3], exponent_bits(exchange.algorithms[1]))

    def _make_dhpart(self, exchange: Exchange) -> bytes:
        """Return our DHPart2 or DHPart1; a secret that we lack gives a random ID (section 4.3)."""
        chain = self._require_chain()
        label = b"Initiator" if exchange.initiator else b"Responder"
        secrets = secrets_of(exchange.entry, self.session.aux)
        ids = [
            one or self._provider.random(8)
            for one in secret_ids(self._provider, exchange.hash_type, secrets, label, chain.h3)
        ]
        public = exchange.pair.public if exchange.pair else b""
        sort = DHPart2 if exchange.initiator else DHPart1
        return sign(self._provider, chain.h0, sort(chain.h1, ids, public).emit())

    # the peer's Commit

    def _check_commit(self, message: Commit) -> None:
        """Verify what can be verified of a Commit; the state is as before if it raises."""
        peer = self._require_peer()
        if not self._provider.equal(self._provider.digest("SHA-256", message.h2), peer.h3):
            raise Ignored("false_packets")
        if not is_signed(self._provider, message.h2, peer.octets):
            self.counters["bad_macs"] += 1
            raise Refused(HELLO_COMPONENTS_MISMATCH, "the MAC of Hello is wrong", True)
        if message.zid != peer.zid:
            raise Refused(MALFORMED_PACKET, "another ZID in Commit than in Hello", True)
        check(self.session.lists, message.algorithms)

    def _claim(self, now: int, message: Commit) -> None:
        """Make sure that no other stream runs an exchange that changes the cache (section 4.2)."""
        other = self.session.busy
        if other is not None and other is not self:
            if not other.yields_to(message, now):
                raise Ignored("busy")
        for engine in self.session.engines:
            if engine is not self and engine.is_secure():
                # Only Multistream mode adds streams (section 4.4.3). A peer that has it lost
                # contention on the other stream, and this Commit was on its way.
                if "Mult" in self._peer_lists()[3]:
                    raise Ignored("busy")
                raise Refused(KEY_AGREEMENT_NOT_SUPPORTED, "Multistream mode is required")
        self.session.take(self)

    def yields_to(self, message: Commit, now: int) -> bool:
        """Settle contention over two streams: return whether the peer's Commit goes first."""
        exchange = self._exchange
        if self.state != COMMIT_SENT or exchange is None or exchange.mode == "Mult":
            return False
        if self._wins(message):
            self.counters["contention_won"] += 1
            return False
        self.counters["contention_lost"] += 1
        self._stop_repeating()
        exchange.erase()
        self._exchange = None
        self.state = DISCOVERED  # release() wakes it
        self.session.busy = None
        return True

    def _wins(self, message: Commit) -> bool:
        """Return whether our Commit goes before the peer's (section 4.2)."""
        exchange = self._exchange
        if exchange is None or exchange.commit_message is None:
            return False
        if "Mult" in (exchange.mode, message.mode) and exchange.mode != message.mode:
            if exchange.mode == "Mult" and "Mult" in self._peer_lists()[3]:
                raise Ignored("busy")  # it gave way to another stream, and was on its way
            raise Refused(CRITICAL_SOFTWARE_ERROR, "Multistream against another mode")
        if exchange.mode != message.mode:
            return exchange.mode == "DH"
        if exchange.mode == "Prsh" and self._require_peer().mitm:
            return True  # we never set the M flag
        ours = exchange.commit_message.commitment[: 32 if exchange.mode == "DH" else 16]
        theirs = message.commitment[: len(ours)]
        if ours == theirs:
            raise Refused(NONCE_REUSE, "both Commits have the same value", True)
        return ours > theirs

    def _contend(self, now: int, message: Commit) -> str:
        self._check_commit(message)
        if self._wins(message):
            self.counters["contention_won"] += 1
            if message.mode == "Mult":
                self.session.use_nonce(message.commitment)  # it must not come back later
            return COMMIT_SENT
        exchange = self._exchange
        pair = None
        if exchange is not None:
            # A pair of the right kind serves again (section 4.2).
            if exchange.algorithms[3] == message.algorithms[3] and is_long_enough(
                message.algorithms[3], exchange.algorithms[1], message.algorithms[1]
            ):
                pair = exchange.pair
                exchange.pair = None
            exchange.erase()
            self._exchange = None
        self.counters["contention_lost"] += 1
        self._stop_repeating()
        if message.mode == "DH":
            self._respond_with_dh(now, message, pair)
            return DHPART1_SENT
        if message.mode == "Mult":
            self._respond_mult(now, message)
            return CONFIRM1_SENT
        return self._respond_prsh(now, message)

    def _respond_dh(self, now: int, message: Commit) -> None:
        self._check_commit(message)
        self._claim(now, message)
        self._respond_with_dh(now, message, None)

    def _respond_with_dh(self, now: int, message: Commit, pair: "Pair | None") -> None:
        """Become the responder: DHPart1."""
        exchange = self._be_responder(message)
        exchange.entry = self.session.cache.get(message.zid)
        exchange.pair = pair or self._make_pair(exchange)
        exchange.dhpart1 = self._make_dhpart(exchange)
        self._exchange = exchange
        self._answer(now, message.octets, exchange.dhpart1)

    def _respond_mult(self, now: int, message: Commit) -> None:
        self._check_commit(message)
        if self.session.zrtp_sess is None and self.session.busy not in (None, self):
            raise Ignored("busy")  # the peer has the keys that we are about to have: it repeats
        if self.session.zrtp_sess is None or message.zid != self.session.peer_zid:
            raise Refused(NO_SHARED_SECRET, "there is no ZRTP Session key")
        if not self.session.use_nonce(message.commitment):
            if self.state == CLEAR:
                raise Ignored("unexpected")  # late or replayed: of the exchange before GoClear
            raise Refused(NONCE_REUSE, "", True)
        self._exchange = self._be_responder(message)
        self._keys_without_dh()
        self._answer(now, message.octets, self._make_confirm())

    def _respond_prsh(self, now: int, message: Commit) -> str:
        self._check_commit(message)
        self._claim(now, message)
        exchange = self._be_responder(message)
        exchange.entry = self.session.cache.get(message.zid)
        if not self._match_preshared(exchange, message):
            # Answer with our own Commit of DH mode, which goes before (section 4.4.2.3).
            if self._policy.passive:
                raise Refused(NO_SHARED_SECRET)
            self.session.busy = None
            self._dh_only = True
            self._discovered(now, None)
            return DISCOVERED
        self._exchange = exchange
        self._keys_without_dh()
        self._answer(now, message.octets, self._make_confirm())
        return CONFIRM1_SENT

    def _match_preshared(self, exchange: Exchange, message: Commit) -> bool:
        """Find out which of our secrets the peer's keyID names (section 4.4.2.3)."""
        rs1, _, aux, pbx = secrets_of(exchange.entry, self.session.aux)
        entry = exchange.entry
        if not rs1 or self._policy.cache_expiration == 0 or entry is None or not entry.verified:
            return False  # as we begin ourselves only with a secret that was compared (4.4.2.1)
        tried: "list[tuple[bytes | bytearray | None, ...]]" = []
        for secrets in ((rs1, aux, pbx), (rs1, None, pbx), (rs1, aux, None), (rs1, None, None)):
            if secrets in tried:
                continue
            tried.append(secrets)
            key = preshared_key(self._provider, exchange.hash_type, secrets)
            found = key_id(self._provider, exchange.hash_type, key)
            if self._provider.equal(found, message.commitment[16:]):
                exchange.preshared = key
                exchange.matched = secrets
                return True
        return False

    def _be_responder(self, message: Commit) -> Exchange:
        exchange = Exchange(False, message.mode, message.algorithms)
        exchange.commit = message.octets
        exchange.commit_message = message
        return exchange

    def _answer(self, now: int, request: bytes, reply: bytes) -> None:
        """Send what a responder sends, and again whenever the request comes again."""
        self._stop_repeating()
        self._cancel("begin")
        self._cancel("silence")
        self._hello_acked = True
        if self.state != DHPART1_SENT:
            self._event(Committed(False))
        self._answered = request
        self._reply = reply
        self._send(reply)
        self._watch(now)

    # of the parts above

    def _keys_without_dh(self) -> None:
        """Derive the keys of Multistream and Preshared mode."""
        raise NotImplementedError

    def _make_confirm(self) -> bytes:
        """Return our Confirm1 or Confirm2."""
        raise NotImplementedError
