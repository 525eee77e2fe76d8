# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Confirm1, Confirm2, Conf2ACK: the keys stand, the SAS is known, the cache is updated.

RFC 6189 sections 4.5.2, 4.6, 5.7, 5.8, 7.1.
"""

from vox6.wire import const
from vox6.wire.errors import FormatError

from .agreement import KeyAgreement
from .cache import FOREVER
from .encrypted import Confirm1, Confirm2, ConfirmPart, Encrypted
from .errors import (
    BAD_CONFIRM_MAC,
    HELLO_COMPONENTS_MISMATCH,
    MALFORMED_PACKET,
    NO_SHARED_SECRET,
    Ignored,
    Refused,
)
from .events import KeysReady, Secured
from .exchange import Exchange
from .keys import (
    StreamKeys,
    erase,
    exported_key,
    is_signed,
    mac,
    plain,
    retained_secret,
    sashash,
    session_key,
)
from .messages import Conf2ACK
from .sas import render

# A Confirm whose MAC is wrong may be forged, so the true one is waited for; a peer with other keys
# sends a wrong one each time.
_MAX_BAD_CONFIRMS = const(3)


class Confirmation(KeyAgreement):
    """From s0 to SRTP."""

    def _require_keys(self, exchange: Exchange) -> StreamKeys:
        if exchange.keys is None:
            raise Ignored("unexpected")
        return exchange.keys

    # out

    def _make_confirm(self) -> bytes:
        """Return our Confirm: Confirm2 of an initiator, Confirm1 of a responder (section 5.7)."""
        exchange = self._require_exchange()
        keys = self._require_keys(exchange)
        policy = self._policy
        entry = exchange.entry
        verified = (
            entry is not None
            and entry.verified
            and exchange.matched[0] is not None
            and policy.cache_expiration != 0
        )
        part = ConfirmPart(
            self._require_chain().h0,
            False,
            verified,
            policy.allow_clear,
            policy.disclosure,
            FOREVER if exchange.mode == "Mult" else policy.cache_expiration,
        )
        ours = 0 if exchange.initiator else 1
        iv = self._provider.random(16)
        encrypted = self._provider.cfb_encrypt(plain(keys.zrtp[ours]), iv, part.emit())
        tag = mac(self._provider, exchange.hash_type, keys.mac[ours], encrypted)[:8]
        sort = Confirm2 if exchange.initiator else Confirm1
        return sort(tag, iv, encrypted).emit()

    # in

    def _decrypt(self, keys: StreamKeys, hash_type: str, peer: int, message: Encrypted) -> bytes:
        """Return the plain part of a Confirm or SASrelay; Ignored if its MAC is wrong."""
        tag = mac(self._provider, hash_type, keys.mac[peer], message.encrypted)[:8]
        if not self._provider.equal(tag, message.encrypted_mac):
            raise Ignored("bad_macs")
        return self._provider.cfb_decrypt(plain(keys.zrtp[peer]), message.iv, message.encrypted)

    def _open_confirm(self, message: Encrypted) -> ConfirmPart:
        """Verify a Confirm and all that its H0 makes verifiable (sections 4.6, 8.1.1, 9)."""
        exchange = self._require_exchange()
        keys = self._require_keys(exchange)
        try:
            plain = self._decrypt(
                keys, exchange.hash_type, 1 if exchange.initiator else 0, message
            )
        except Ignored:
            exchange.bad_confirms += 1
            exchange.suspicion = BAD_CONFIRM_MAC
            if exchange.bad_confirms < _MAX_BAD_CONFIRMS:
                raise
            self.counters["bad_macs"] += 1
            raise Refused(BAD_CONFIRM_MAC, "", True)
        try:
            part = ConfirmPart.parse(plain)
        except FormatError:
            raise Refused(MALFORMED_PACKET)
        self._check_h0(exchange, part)
        return part

    def _check_h0(self, exchange: Exchange, part: ConfirmPart) -> None:
        """Follow the hash chain from H0 to what is known, and check the MACs on the way."""
        provider = self._provider
        h1 = self._digest(part.h0)
        if exchange.mode == "DH":
            if not provider.equal(h1, exchange.peer_h1):
                raise Ignored("false_packets")
            dhpart = exchange.dhpart1 if exchange.initiator else exchange.dhpart2
            if not is_signed(provider, part.h0, dhpart):
                self.counters["bad_macs"] += 1
                raise Refused(BAD_CONFIRM_MAC, "the MAC of DHPart is wrong", True)
            return
        h2 = self._digest(h1)
        peer = self._require_peer()
        if not provider.equal(self._digest(h2), peer.h3):
            raise Ignored("false_packets")
        if not is_signed(provider, h2, peer.octets):
            self.counters["bad_macs"] += 1
            raise Refused(HELLO_COMPONENTS_MISMATCH, "the MAC of Hello is wrong", True)
        if not exchange.initiator and not is_signed(provider, h1, exchange.commit):
            self.counters["bad_macs"] += 1
            raise Refused(MALFORMED_PACKET, "the MAC of Commit is wrong", True)

    # actions

    def _accept_confirm1_without_dh(self, now: int, message: Confirm1) -> None:
        """Confirm1 answers a Commit of Multistream or Preshared mode."""
        exchange = self._require_exchange()
        if exchange.mode == "DH":
            raise Ignored("unexpected")
        if exchange.s0 is None:
            if exchange.mode == "Mult" and self.session.zrtp_sess is None:
                raise Refused(NO_SHARED_SECRET, "there is no ZRTP Session key")
            self._keys_without_dh()
        self._accept_confirm1(now, message)

    def _accept_confirm1(self, now: int, message: Confirm1) -> None:
        """The responder has our keys: be ready for its SRTP, send Confirm2."""
        exchange = self._require_exchange()
        if exchange.s0 is None:  # it came before the timer agree
            self._cancel("agree")
            self._compute(exchange)
        exchange.peer_flags = self._open_confirm(message)
        keys = self._require_keys(exchange)
        self._event(self._keys_event(exchange, "receive", keys.take(1)))
        self._repeat(self._make_confirm(), now)

    def _confirmed(self, now: int, message: "Conf2ACK | None") -> None:
        """The responder has our Confirm2: SRTP may go."""
        exchange = self._require_exchange()
        keys = self._require_keys(exchange)
        self._stop_repeating()
        self._event(self._keys_event(exchange, "send", keys.take(0)))
        self._finish(now, exchange)

    def _accept_confirm2(self, now: int, message: Confirm2) -> None:
        """The initiator has our keys: SRTP may go both ways."""
        exchange = self._require_exchange()
        exchange.peer_flags = self._open_confirm(message)
        keys = self._require_keys(exchange)
        self._event(self._keys_event(exchange, "receive", keys.take(0)))
        self._event(self._keys_event(exchange, "send", keys.take(1)))
        self._finish(now, exchange)
        self._answered = message.octets
        self._reply = Conf2ACK().emit()
        self._send(self._reply)

    def _keys_event(self, exchange: Exchange, direction: str, key_salt: bytearray) -> KeysReady:
        return KeysReady(direction, exchange.algorithms[1], exchange.algorithms[2], key_salt)

    # the end of an exchange

    def _finish(self, now: int, exchange: Exchange) -> None:
        """Derive what outlives s0, tell Secured, overwrite the rest."""
        session = self.session
        if exchange.mode == "Mult":
            secured = self._secured_like(exchange)
        else:
            secured = self._secured(exchange)
            session.peer_zid = self._require_peer().zid
            session.hash_type = exchange.hash_type
            session.zids = self._zids(exchange)
            session.secured = secured
            session.verified = secured.verified
            session.sas_text = secured.sas_text
            session.sas_type = secured.sas_type
            self._set("remember", now)
        self._keys = exchange.keys
        exchange.keys = None
        self._hash_type = exchange.hash_type
        self._is_initiator = exchange.initiator
        self._peer_allows_clear = secured.peer_allows_clear
        self._trusts_relay = exchange.matched[2] is not None
        exchange.erase()
        self._exchange = None
        self._reply = b""
        self._cancel("watchdog")
        self._event(secured)
        session.release(self, now)

    def _secured(self, exchange: Exchange) -> Secured:
        """The first stream: ZRTPSess, the SAS and rs1 of s0; whether the cache fits."""
        provider = self._provider
        session = self.session
        hash_type = exchange.hash_type
        s0 = exchange.s0 or bytearray()
        context = exchange.context
        erase(session.zrtp_sess)
        session.zrtp_sess = session_key(provider, hash_type, s0, context)
        if self._policy.export:
            session.exported_key = exported_key(provider, hash_type, s0, context)
        sas_type = exchange.algorithms[4]
        sas_text = render(sas_type, plain(sashash(provider, hash_type, s0, context)))
        entry = exchange.entry
        s1, s2, s3 = exchange.matched
        known = entry is not None and bool(entry.rs1)
        expired = entry is not None and (entry.expired or entry.expiration == 0)
        mismatch = known and s1 is None and not expired
        verified = entry is not None and entry.verified and s1 is not None
        flags = exchange.peer_flags
        if not isinstance(flags, ConfirmPart):
            raise Ignored("unexpected")
        aux = session.aux or (entry.aux if entry is not None else None)
        session.hold(
            retained_secret(provider, hash_type, s0, context),
            exchange.mode == "DH",
            min(flags.expiration, self._policy.cache_expiration),
            mismatch and not self._policy.protected_signalling,
            s1 is not None,
            entry.rs1 if entry is not None else None,
        )
        return Secured(
            sas_text,
            sas_type,
            verified,
            flags.verified,
            mismatch,
            bool(aux) and s2 is None,
            not known,
            entry.name if entry is not None else "",
            flags.disclosure,
            self._require_peer().mitm,
            flags.enrollment,
            flags.allow_clear and not flags.enrollment,  # section 7.3.1
            exchange.mode,
            exchange.initiator,
            exchange.algorithms,
        )

    def _secured_like(self, exchange: Exchange) -> Secured:
        """A further stream: the SAS and all that follows of it are those of the session."""
        flags = exchange.peer_flags
        first = self.session.secured
        if not isinstance(flags, ConfirmPart) or first is None:
            raise Ignored("unexpected")
        return Secured(
            first.sas_text,
            first.sas_type,
            self.session.verified,
            first.peer_verified,
            first.mismatch,
            first.aux_mismatch,
            first.first,
            first.name,
            flags.disclosure,
            first.mitm,
            first.enrollment,
            flags.allow_clear and not first.enrollment,
            exchange.mode,
            exchange.initiator,
            exchange.algorithms,
        )

    def _remember(self, now: int, message: None) -> None:
        self.session.remember()
