# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How the stream of one call is protected: ZRTP (RFC 6189), keys of SDP (RFC 4568), or nothing.

It joins a ZRTP session and its engine, the stream of media, the cache and what the owner allows,
and says truthfully how safe the call is. States, as the person's side shows them:

    (none)      no stream yet
    securing    ZRTP is under way; a peer that announced it (a=zrtp-hash) hears nothing until
                there are keys, any other peer hears us in clear, unless security.required
    clear       not encrypted: the peer has no ZRTP, or it failed, or the owner switched it off
    sdes        keys of SDP: whoever carried the SDP can listen
    encrypted   keys of ZRTP, the SAS not compared
    mismatch    the same, and the peer does not have the secret of the calls before
    verified    the SAS was compared, in this call or in one before
    different   the SAS was compared and differs: somebody listens
    cleared     the peer ended encryption (GoClear); nothing is sent until the person agrees

A state is that of this stream: both of its directions, never what another stream has.
"""

from binascii import hexlify

from firmware import log
from firmware.net.driver import Driver
from firmware.phone.description_keys import DescriptionKeys
from firmware.ui import wording
from vox6.srtp import profiles
from vox6.wire import const

_LATE_MS = const(4000)  # from the answer to a call until a peer without ZRTP is called so
_VERSION = "1.10"
DIRECTIONS = ("send", "receive")
# tones of tones.py at the moment when a state begins
_ALERTS = {"different": "alarm", "mismatch": "keys_changed"}


class Protection:
    """Protection of one stream.

    security: the phone's Security; ssrc: of our stream. call: set when there is one; nothing that
    a person sees or hears happens before.
    state: see above, "" before the stream; sas_text, sas_type, name: of the last key agreement.
    """

    def __init__(self, security, ssrc):
        self._security = security
        self._settings = security.settings
        self._ssrc = ssrc
        self._clock = security.phone.clock
        self.call = None
        self.state = ""
        self.sas_text = ""
        self.sas_type = ""
        self.name = ""
        self.disclosure = False
        self.failed = False
        self.note = ""  # one line about something that was refused
        self._stream = None
        self._session = None
        self._engine = None
        self._driver = None
        self._hash = None  # (version, octets) that the peer's signalling says
        self._secured = None  # the event of the agreement in force
        self._verified = False
        self._denied = False
        self._cleared = False  # by the peer's GoClear, the person did not agree yet
        self._committed = False  # a key agreement runs: no voice in clear (RFC 6189 section 4)
        self._trying = False
        self._late_at = None  # when a silent peer is given up
        self._source = {"send": None, "receive": None}  # "zrtp", "sdes"
        self._heard = None  # srtp_received before ZRTP's key; None where older keys add to it
        self._told = False  # the warning tone was heard; who wants no ZRTP hears none
        self._only_secure = False
        self._srtp_only = False  # RTP/SAVP was agreed on
        use = self._settings.get("security.sdes")
        self._described = DescriptionKeys(use, security.provider.random)
        if self._settings.get("security.zrtp"):
            self._begin()
        else:
            self._told = True

    def _begin(self):
        from vox6 import zrtp

        security = self._security
        self._session = zrtp.Session(security.provider, security.cache, security.policy())
        self._engine = self._session.open(self._ssrc, security.key_pairs.take)
        self._driver = Driver("zrtp", self._engine, self._clock, self._send, self._on_event)
        self._secured = None
        self._verified = self._denied = self._cleared = self._committed = self.failed = False

    # Offer and answer

    def is_required(self):
        """Return whether the owner, or the transport that was agreed on, forbids clear voice."""
        return self._srtp_only or self._settings.get("security.required")

    def is_waiting(self):
        """Return whether voice waits for keys: nothing leaves in clear, nor is heard."""
        return self._only_secure

    def zrtp_hash(self):
        """Return the value of our a=zrtp-hash, or None."""
        if self._engine is None:
            return None
        return "%s %s" % (_VERSION, hexlify(self._engine.hello_hash).decode())

    def offer(self, moved):
        """Return (transport or None for the one agreed on, values of a=crypto) for an offer.

        moved: our address is another than the one that the peer knows.
        """
        return self._described.offer(self._stream is None, moved, self.is_required())

    def offer_refused(self):
        """Our offer came to nothing."""
        self._described.offer_refused()

    def take_answer(self, result, final):
        """Take the peer's answer. RemoteProtocolError: its keys are of no use."""
        self._take(result)
        self._described.take_answer(result, self._needs_lines(result), final)

    def take_offer(self, result):
        """Take the peer's offer. RemoteProtocolError: it cannot be answered as it wants."""
        # Lines that we cannot use leave an offer of RTP/AVP, unless keys of lines are in force.
        kept = self._is_keyed("sdes") and bool(result.crypto_lines)
        self._described.take_offer(result, kept or self._needs_lines(result))

    def answer(self, result, moved):
        """Return the value of a=crypto for our answer, or None; the answer is agreed then.

        moved: our address is another than the one that the peer knows.
        """
        self._take(result)
        return self._described.answer(moved) if result.active else None

    def refuse(self):
        """Their offer will not be answered."""
        self._described.refuse()

    def _needs_lines(self, result):
        """Whether keys must be in a description: its transport is SRTP, not for ZRTP's sake."""
        zrtp = self._engine is not None and result.zrtp_hash is not None
        return result.is_secure_profile and not zrtp

    def _take(self, result):
        """Take what a description says that holds whoever wrote it: transport, hash of Hello."""
        if not result.active:
            return
        self._srtp_only = result.is_secure_profile
        if result.zrtp_hash is not None and self._engine is not None:
            if result.zrtp_hash != self._hash:
                self._hash = result.zrtp_hash
                self._engine.set_peer_hello_hash(self._hash[0], self._hash[1])
                self._driver.drain()

    def would_end(self, result):
        """Return whether to agree on a description would end the encryption that there is."""
        if not result.active or self._stream is None:
            return False
        if self._is_keyed("zrtp"):
            known = self._hash
            return result.zrtp_hash is not None and known is not None and result.zrtp_hash != known
        if self._is_keyed("sdes"):
            return not result.crypto_lines
        return False

    def refuses_end(self):
        """Return whether the owner wants a change refused that would end encryption."""
        return self.is_required() or self._settings.get("security.on_drop") == "refuse"

    def refused_end(self):
        """A change that would have ended encryption was refused: say so."""
        self.note = wording.KEPT_ENCRYPTED
        log.say("security", "%s a change that would end encryption was refused" % self._label())

    def end_keys(self, now):
        """What encrypts the stream ends by a change that the owner allows, and says so."""
        log.say("security", "%s encryption ended by a change of the call" % self._label())
        zrtp = self._is_keyed("zrtp")
        self._unkey()
        if zrtp:
            self._session.close(now)
            self._hash = None
            self._begin()
        else:
            self._described.clear()
        self._told = False
        self.note = wording.ENCRYPTION_ENDED

    def other_party(self, now):
        """Our call is answered by another one than was heard so far (a fork): begin anew."""
        if self._stream is None or self._session is None:
            return
        self._unkey()
        self._session.close(now)
        self._driver.drain()
        self._hash = None
        self._trying = False
        self._begin()

    # The stream

    def opened(self, stream, now):
        """The stream is open, in silence: key it if there are keys, and look for ZRTP."""
        self._stream = stream
        self._only_secure = True
        self.agreed(now)

    def _start(self, now):
        self._trying = True
        self._engine.start(now)
        self._driver.drain()

    def agreed(self, now):
        """Offer and answer are complete (again): use the keys that they brought."""
        if self._stream is None:
            return
        agreement = self._described.agreed
        if agreement is not None and not self._is_keyed("zrtp"):
            for direction in DIRECTIONS:
                if self._source[direction] == "zrtp":
                    continue  # half of an exchange that is under way
                line = agreement.send if direction == "send" else agreement.receive
                new = agreement.send_is_new if direction == "send" else agreement.receive_is_new
                if new or self._source[direction] is None:
                    self._key(direction, agreement.profile, line.key_salt, "sdes")
        if self._engine is not None and self._engine.state == "Idle":
            self._start(now)
        self._update()

    def talking(self, now):
        """The call was answered: from here on a peer that is silent has no ZRTP."""
        if self._engine is not None and self._secured is None and not self._trying:
            self._wait_until(now + _LATE_MS)
        self._update()

    def _mute_clear(self):
        """Nothing in clear while the owner or a key agreement says so, or there are keys.

        Nor while a peer that announced ZRTP was not given up: its keys are a moment away.
        """
        flag = self.is_required() or self._committed or self._cleared
        flag = flag or (self._trying and self._hash is not None)
        flag = flag or self._is_keyed("zrtp") or self._is_keyed("sdes")
        if self._only_secure != flag and self._stream is not None:
            self._only_secure = flag
            self._stream.require_secure(flag)

    def _key(self, direction, profile, key_salt, source):
        self._stream.secure(direction, profile, key_salt)
        self._source[direction] = source

    def _unkey(self):
        for direction in DIRECTIONS:
            if self._source[direction] is not None:
                self._source[direction] = None
                self._stream.secure(direction, None)

    def _is_keyed(self, source):
        return self._source["send"] == source and self._source["receive"] == source

    def receive(self, data, peer):
        """Take a datagram of the stream that is neither RTP nor RTCP."""
        from vox6 import zrtp

        if self._driver is not None and zrtp.is_zrtp(data):
            self._driver.receive(data, peer)

    def _send(self, data, peer, transport):
        if self._stream is not None:
            self._stream.send_raw(data)

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = self._late_at
        if self._driver is not None and self._stream is not None:
            other = self._driver.get_timer()
            if other is not None and (due is None or other < due):
                due = other
        return due

    def handle_timer(self, now):
        """Let the engine work whose time has come."""
        if self._driver is not None and self._stream is not None:
            if self._source["receive"] == "zrtp" and self._secured is None:
                # the first packet that verifies is as good as Conf2ACK (RFC 6189 section 4.6),
                # if no other key could verify it
                if self._heard is not None:
                    if self._stream.statistics()["srtp_received"] != self._heard:
                        self._engine.srtp_authenticated(now)
            self._driver.handle_timer(now)
            if self._driver is not None:  # else that was the end of the call
                self._driver.drain()
        if self._late_at is not None and self._late_at <= now:
            self._late_at = None
            self._update()

    def close(self, now):
        """The call is over: nothing of its keys remains."""
        if self._session is not None:
            self._session.close(now)
            self._driver.drain()
        self._session = self._engine = self._driver = None
        self._described = DescriptionKeys("off", None)
        self._stream = self._secured = None
        self.state = ""

    # Events of the engine

    def _on_event(self, event):
        handler = getattr(self, "_on_" + type(event).__name__, None)
        if handler is None:
            log.say("zrtp", "event " + type(event).__name__)
            return
        handler(event)
        self._update()

    def _label(self):
        return "-" if self.call is None else str(self.call.line + 1)

    def _on_PeerFound(self, event):
        self._trying = True
        self._late_at = None
        log.say("zrtp", "%s peer %s, %s" % (self._label(), event.client_id.strip(), event.version))

    def _on_PeerSilent(self, event):
        # Also after a key agreement with one whose Hello turned out to be false.
        self._trying = self._committed = False
        call = self.call
        if call is not None and call.talking_since is not None:
            # With early media the peer may have begun only when the call was answered.
            self._wait_until(call.talking_since + _LATE_MS)
        log.say("zrtp", "%s no answer" % self._label())

    def _wait_until(self, due):
        self._late_at = due if due > self._clock.now() else None

    def _on_Committed(self, event):
        self._trying = self._committed = True

    def _on_KeysReady(self, event):
        try:
            profile = profiles.from_zrtp(event.cipher, event.auth_tag)
            if event.direction == "receive":
                self._heard = None
                if self._source["receive"] is None:
                    self._heard = self._stream.statistics()["srtp_received"]
            self._key(event.direction, profile, event.key_salt, "zrtp")
        finally:
            for i in range(len(event.key_salt)):
                event.key_salt[i] = 0

    def _on_Secured(self, event):
        self._trying = self._committed = False
        if not self._is_keyed("zrtp"):  # media refused a key
            log.say("zrtp", "%s keys are there, the stream did not take them" % self._label())
            self._unkey()
            self.failed = True
            return
        self._cleared = self.failed = False
        self._secured = event
        self._verified = event.verified and not event.mismatch
        self._denied = self._denied and event.mode == "Mult"  # whose SAS is that of before
        self.sas_text = event.sas_text
        self.sas_type = event.sas_type
        self.name = event.name
        self.disclosure = event.disclosure
        log.say(
            "zrtp",
            "%s SAS %s %s"
            % (
                self._label(),
                event.sas_text,
                " ".join([name.strip() for name in (event.sas_type,) + event.algorithms[:4]]),
            ),
        )
        if event.aux_mismatch:
            log.say("zrtp", "%s the auxiliary secrets differ" % self._label())

    def _on_ClearRequested(self, event):
        if event.refused:
            self.refused_end()
            return
        # Whoever allows GoClear hears of it all the same: silence until the person agrees.
        self._cleared = True
        self._mute_clear()
        self._unkey()
        self._secured = None
        self._told = False

    def _on_Cleared(self, event):
        self._unkey()
        self._secured = None

    def _on_ClearRefused(self, event):
        log.say("zrtp", "%s the peer stays encrypted" % self._label())

    def _on_SASRelayed(self, event):
        log.say("zrtp", "%s a PBX relays an SAS, not used" % self._label())

    def _on_Failed(self, event):
        self._trying = self._committed = False
        who = "by the peer" if event.by_peer else "here"
        attack = ", not by accident" if event.attack else ""
        log.say("zrtp", "%s failed %s: %s%s" % (self._label(), who, event.text, attack))
        if self._secured is not None:
            return  # the keys in force stand
        self.failed = True
        for direction in DIRECTIONS:
            if self._source[direction] == "zrtp":
                self._source[direction] = None
                self._stream.secure(direction, None)
        self.agreed(self._clock.now())

    def _on_Warned(self, event):
        if event.kind == "hello-hash" and self._secured is None:
            self.failed = True  # what the signalling says is not what the stream says
        log.say("zrtp", "%s %s: %s" % (self._label(), event.kind, event.text))

    # What the person asks

    def has_sas(self):
        """Return whether there is an SAS that can be compared."""
        return self.state in ("encrypted", "mismatch", "verified")

    def confirm(self, name=None):
        """The SAS was compared and is the same; name: of the peer, None or "" leaves it."""
        name = name or self.name
        self._session.verify(name)
        self._verified = True
        self.name = name
        self._note_cache()
        log.say("zrtp", "%s verified%s" % (self._label(), " " + name if name else ""))
        self._update()

    def deny(self):
        """The SAS was compared and differs: somebody is between."""
        self._session.deny()
        self._verified = False
        self._denied = True
        self.name = ""
        self._note_cache()
        self._update()

    def _note_cache(self):
        if getattr(self._security.cache, "error", None):
            self.note = wording.NOT_REMEMBERED

    def accept_clear(self):
        """The person goes on in clear after the peer ended encryption."""
        if self._cleared:
            self._cleared = False
            self._update()

    # The state

    def _find(self):
        if self._stream is None:
            return ""
        if self._cleared:
            return "cleared"
        if self._secured is not None and self._is_keyed("zrtp"):
            if self._denied:
                return "different"
            if self._verified:
                return "verified"
            return "mismatch" if self._secured.mismatch else "encrypted"
        if self._is_keyed("sdes"):
            return "sdes"
        if self._trying or self._late_at is not None:
            return "securing"
        return "clear"

    def _update(self):
        """Find the state; a new one is told to the log, and where it must be, to the ear."""
        self._mute_clear()
        state = self._find()
        call = self.call
        if state != self.state:
            self.state = state
            if state:
                log.say("security", "%s %s" % (self._label(), state))
            if state in _ALERTS:
                self._security.phone.sounds.once(_ALERTS[state])
        if call is None or call.state != "talking":
            return
        if state == "clear" and self.is_required():
            self._security.phone.end_unencrypted(call)
        elif state in ("clear", "cleared") and not self._told:
            self._told = True
            self._security.phone.sounds.once("unencrypted")
