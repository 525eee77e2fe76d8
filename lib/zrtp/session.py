# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One call: what its streams share (ZRTPSess, the SAS, the cache entry of the peer).

RFC 6189 sections 4.4.1 (one exchange that changes the cache at a time), 4.4.3 (Multistream mode),
4.6.1 (the cache), 7.1 (the V flag), 7.3.1 (enrollment).
"""

from vox6.wire import const
from vox6.wire.errors import LocalProtocolError

from .algorithms import AUTH_TAGS, CIPHERS, HASHES, PUBLIC_OCTETS, SAS_TYPES, with_mandatory
from .cache import FOREVER, Entry
from .keys import erase, pbx_secret, renewed_session_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from vox6.crypto.provider import Provider

    from .cache import Cache
    from .channel import Channel
    from .engine import Engine
    from .events import Secured
    from .exchange import Pair

_MAX_STREAMS = const(16)  # m= lines of a call
_MAX_NONCES = const(64)  # Multistream exchanges of a call; more are refused
_MAX_LIST = const(7)  # names of one kind in a Hello (section 5.2)


class Policy:
    """What the owner allows; lists in order of preference, names of RFC 6189 section 5.1.

    What every endpoint must support (S256, AES1, HS32, HS80, DH3k, B32) is added at the end of a
    list that lacks it. "Mult" allows further streams, "Prsh" allows Preshared mode, which is also
    begun by us if it stands before all DH types. ValueError: an unknown name, a list too long.

    client_id: 16 ASCII characters or less. allow_clear: GoClear is accepted and may be sent.
    passive: never send a Commit. disclosure: the D flag, only for a device that gives keys away.
    cache_expiration: seconds to keep rs1; 0: keep nothing. accept_relay: show the SAS that an
    enrolled PBX relays. strict_hello_hash: a Hello that does not fit a=zrtp-hash is not used;
    False: it is, with a warning. protected_signalling: the signalling guarantees a=zrtp-hash end
    to end (section 8.1.1), so a cache mismatch does not hold back the update of the cache.
    export: derive Session.exported_key (section 4.5.2).
    """

    def __init__(
        self,
        hashes: "tuple[str, ...]" = ("S256", "S384"),
        ciphers: "tuple[str, ...]" = ("AES1", "AES3"),
        key_agreements: "tuple[str, ...]" = ("X255", "EC25", "DH3k", "EC38", "DH2k", "Mult"),
        auth_tags: "tuple[str, ...]" = ("HS32", "HS80"),
        sas_types: "tuple[str, ...]" = ("B32", "B256"),
        client_id: str = "vox6",
        allow_clear: bool = False,
        passive: bool = False,
        disclosure: bool = False,
        cache_expiration: int = FOREVER,
        accept_relay: bool = False,
        strict_hello_hash: bool = True,
        protected_signalling: bool = False,
        export: bool = False,
    ) -> None:
        known = (
            tuple(HASHES),
            tuple(CIPHERS),
            AUTH_TAGS,
            tuple(PUBLIC_OCTETS) + ("Mult", "Prsh"),
            SAS_TYPES,
        )
        given = (hashes, ciphers, auth_tags, key_agreements, sas_types)
        self.lists: "list[list[str]]" = []
        for i in range(5):
            names = [(name + "    ")[:4] for name in given[i]]
            for name in names:
                if name not in known[i]:
                    raise ValueError("unknown algorithm " + name)
            names = with_mandatory(names, i)
            if len(names) > _MAX_LIST:
                raise ValueError("too many algorithms")
            self.lists.append(names)
        for char in client_id:
            if not " " <= char <= "~":
                raise ValueError("client_id is ASCII")
        self.client_id = client_id[:16]
        self.allow_clear = allow_clear
        self.passive = passive
        self.disclosure = disclosure
        self.cache_expiration = cache_expiration
        self.accept_relay = accept_relay
        self.strict_hello_hash = strict_hello_hash
        self.protected_signalling = protected_signalling
        self.export = export

    def lists_for(self, provider: "Provider") -> "list[list[str]]":
        """Return the five lists without what the crypto provider cannot do."""
        able = provider.key_agreements
        lists = [names[:] for names in self.lists]
        lists[3] = [name for name in lists[3] if name in able or name in ("Mult", "Prsh")]
        return lists


class Session:
    """One call with one peer; open() an engine for each stream.

    provider: vox6.crypto's. cache: cache.Cache. policy: Policy.
    """

    def __init__(
        self, provider: "Provider", cache: "Cache", policy: "Policy | None" = None
    ) -> None:
        if len(cache.zid) != 12:
            raise ValueError("a ZID has 12 octets")
        self.provider = provider
        self.cache = cache
        self.policy = policy or Policy()
        self.lists = self.policy.lists_for(provider)
        self.zid = bytes(cache.zid)
        self.engines: "list[Engine]" = []
        self.aux: "bytearray | None" = None
        # known after the first exchange
        self.zrtp_sess: "bytearray | None" = None
        self.hash_type = ""
        self.zids = b""  # ZIDi || ZIDr of that exchange
        self.peer_zid = b""
        self.sas_text = ""
        self.sas_type = ""
        self.secured: "Secured | None" = None
        self.verified = False  # the user's word, of now or of an earlier call
        self.exported_key: "bytearray | None" = None
        self.busy: "Channel | None" = None  # whose exchange may change the cache
        self._nonces: "list[bytes]" = []
        # the new rs1, not yet in the cache
        self._fresh: "bytearray | None" = None
        self._fresh_is_dh = False
        self._expiration = 0
        self._waits = False  # it needs the user's word first (section 4.6.1.1)
        self._continues = False  # rs1 of the cache took part
        self._before: "bytes | None" = None  # rs1 of the cache when the exchange began

    def open(self, ssrc: int, key_pair: "Callable[[str, int], Pair] | None" = None) -> "Engine":
        """Return an engine for one more stream.

        ssrc: of the RTP that we send. key_pair: gives a pair for (name, exponent_bits), prepared
        or new; the engine erases it. LocalProtocolError: too many streams.
        """
        from .engine import Engine

        self.engines = [engine for engine in self.engines if not engine.is_over()]
        if len(self.engines) == _MAX_STREAMS:
            raise LocalProtocolError("too many streams")
        engine = Engine(self, ssrc, key_pair)
        self.engines.append(engine)
        return engine

    def close(self, now: int) -> None:
        """End the call: stop all engines, overwrite all secrets."""
        for engine in self.engines[:]:
            engine.stop(now)

    # the user's word

    def verify(self, name: str = "") -> None:
        """The SAS was compared and is the same: set the V flag, keep the name if one is given.

        LocalProtocolError: there is no SAS, or a mismatch held the update back and the call is
        over.
        """
        self._require_sas()
        if self._waits and self._fresh is None:
            raise LocalProtocolError("the call is over")
        self.verified = True
        if self._waits and self._expiration == 0:
            return  # the secret of the cache is not that of this call
        entry = self.cache.get(self.peer_zid) or Entry()
        self._renew(entry)
        self._waits = False
        if entry.rs1 is None:
            return  # this call's secret is not kept: nothing would carry the flag on
        entry.verified = True
        if name:
            entry.name = Entry(name=name).name
        self.cache.put(self.peer_zid, entry)
        self._continues = True

    def unverify(self) -> None:
        """Take the V flag back."""
        self._require_sas()
        self.verified = False
        self.remember()
        entry = self.cache.get(self.peer_zid)
        if entry is not None and entry.verified:
            entry.verified = False
            self.cache.put(self.peer_zid, entry)

    def deny(self) -> None:
        """The SAS was compared and differs: forget the secrets of this ZID (section 7.1)."""
        self._require_sas()
        self.verified = False
        erase(self._fresh)
        self._fresh = None
        entry = self.cache.get(self.peer_zid)
        if entry is not None and (entry.aux or entry.pbx):
            self.cache.put(self.peer_zid, Entry(aux=entry.aux, pbx=entry.pbx))
        else:
            self.cache.remove(self.peer_zid)

    def enroll(self) -> None:
        """Trust this PBX from now on (section 7.3.1); only after the user said so.

        LocalProtocolError: the peer did not ask for it, or there is no ZRTP Session key.
        """
        self._require_sas()
        if self.secured is None or not self.secured.enrollment or self.zrtp_sess is None:
            raise LocalProtocolError("the peer does not enroll")
        self.remember()
        entry = self.cache.get(self.peer_zid) or Entry()
        key = pbx_secret(self.provider, self.hash_type, self.zrtp_sess, self.zids)
        entry.pbx = bytes(key)
        erase(key)
        self.cache.put(self.peer_zid, entry)

    def set_aux_secret(self, octets: "bytes | None") -> None:
        """Give this call's auxsecret (section 4.3), None for none."""
        erase(self.aux)
        self.aux = None if octets is None else bytearray(octets)

    def _require_sas(self) -> None:
        if self.secured is None:
            raise LocalProtocolError("there is no SAS")

    # for the engines

    def take(self, engine: "Channel") -> bool:
        """Return whether this engine may now run an exchange that changes the cache."""
        if self.busy is None or self.busy is engine:
            self.busy = engine
            return True
        return False

    def release(self, engine: "Channel", now: int) -> None:
        """An exchange has ended: let another stream begin."""
        if self.busy is engine:
            self.busy = None
        for other in self.engines:
            if other is not engine:
                other.wake(now)

    def use_nonce(self, nonce: bytes) -> bool:
        """Return whether a nonce of Multistream mode is new, and keep it (section 4.4.3.1)."""
        if nonce in self._nonces or len(self._nonces) == _MAX_NONCES:
            return False
        self._nonces.append(nonce)
        return True

    def hold(
        self,
        rs1: bytearray,
        is_dh: bool,
        expiration: int,
        waits: bool,
        continues: bool,
        before: "bytes | None" = None,
    ) -> None:
        """Take the new rs1; remember() or the user's word bring it into the cache."""
        erase(self._fresh)
        self._fresh = rs1
        self._fresh_is_dh = is_dh
        self._expiration = expiration
        self._waits = waits
        self._continues = continues
        self._before = before

    def remember(self) -> None:
        """Update the cache after an exchange (section 4.6.1), unless the user's word is needed."""
        if self._fresh is None or self._waits:
            return
        entry = self.cache.get(self.peer_zid)
        if entry is not None and entry.rs1 and entry.rs1 != self._before:
            self._waits = True  # another call has put its secret there meanwhile
            return
        if self._expiration == 0:
            erase(self._fresh)
            self._fresh = None
            if entry is not None and entry.expiration:
                entry.expiration = 0
                self.cache.put(self.peer_zid, entry)
            return
        entry = entry or Entry()
        self._renew(entry)
        entry.verified = entry.verified and self._continues
        self.cache.put(self.peer_zid, entry)

    def _renew(self, entry: Entry) -> None:
        """Put the new rs1 into an entry; the old one becomes rs2 (not in Preshared mode)."""
        if self._fresh is None:
            return
        if self._expiration:
            if self._fresh_is_dh:
                # a secret that took no part in this exchange may be somebody else's
                entry.rs2 = entry.rs1 if self._continues else None
            entry.rs1 = bytes(self._fresh)
            entry.expiration = self._expiration
            entry.expired = False
        erase(self._fresh)
        self._fresh = None

    def renew_key(self) -> None:
        """Replace ZRTPSess after a GoClear (section 4.7.2.1)."""
        if self.zrtp_sess is not None:
            new = renewed_session_key(self.provider, self.hash_type, self.zrtp_sess, self.zids)
            erase(self.zrtp_sess)
            self.zrtp_sess = new

    def left(self, engine: "Engine", now: int) -> None:
        """A stream was stopped: with the last one the secrets of the call go."""
        self.release(engine, now)
        self.engines = [other for other in self.engines if other is not engine]
        try:
            self.remember()
        except OSError:
            pass  # the cache cannot keep it; the call ends all the same
        if self.engines:
            return
        for secret in (self.zrtp_sess, self.aux, self.exported_key, self._fresh):
            erase(secret)
        self.zrtp_sess = None
        self.aux = None
        self.exported_key = None
        self._fresh = None
