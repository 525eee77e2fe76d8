# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The sound of one call: its ports, its offer and answer, its stream in media (C).

The voice path is media's own; here it is only set up, changed, watched and closed.
"""

from firmware import log
from firmware.net.network import (
    LINK_LOCAL,
    LOOPBACK,
    is_link_local,
    kind,
    scope,
    with_scope,
    without_scope,
)
from firmware.phone.reports import Reports
from firmware.ui import wording
from vox6.sdp.formats import encoding, is_beside
from vox6.sdp.offer_answer import Negotiation
from vox6.wire import const
from vox6.wire.errors import LocalProtocolError, RemoteProtocolError

_UNSPECIFIED = b"\x00" * 16
_REPORTS_AT_ONCE = const(8)
_OPUS_BIT_RATE = const(24000)  # wideband speech without audible loss, bits a second
_OPUS_BIT_RATE_REDUNDANT = const(32000)  # the same with each frame twice, once coarser
_OPUS_BIT_RATE_MIN = const(8000)
# Transports that we understand; Protection says whether one without SRTP or with it will do.
_PROTOS = ("RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF")


class Unacceptable(Exception):
    """A description that we cannot take. status: for SIP; text: for the screen;
    warning: (code, text) of RFC 3261 section 20.43 or None."""

    def __init__(self, status, text, warning=None):
        super().__init__(text)
        self.status = status
        self.text = text
        self.warning = warning

    def headers(self, agent):
        """Return the headers of the refusal; agent: who warns, a host or a name."""
        if self.warning is None:
            return ()
        return (("Warning", '%d %s "%s"' % (self.warning[0], agent, self.warning[1])),)


def _unreachable():
    return Unacceptable(488, wording.UNREACHABLE, (399, "Unreachable media address"))


def _codecs(text, media):
    """Return the codecs of a setting that another call can have: Opus has few coders."""
    words = text.split()
    if media.counters()["opus"] >= media.OPUS_STREAMS:
        words = [word for word in words if word != "opus"] or ["PCMU"]
    return words


def _problem(result):
    code, text = result.problem
    if code == 330:
        return Unacceptable(488, wording.UNREACHABLE, result.problem)
    if code in (300, 301):
        words = wording.IPV4_ONLY
    elif code == 305:
        words = wording.NO_COMMON_CODEC
    else:
        words = wording.BAD_DESCRIPTION
    return Unacceptable(488, words, result.problem)


class Audio:
    """Sound of one call.

    local: our address (addr16) for this peer; codec: name in use, None while nothing is agreed;
    stream: of media, None before; watched: whether somebody polls it; protection: its encryption.
    """

    def __init__(self, net6, media, settings, random, clock, buffer, local, peer16, security):
        self._net6 = net6
        self._media = media
        self._settings = settings
        self._random = random
        self._clock = clock
        self._buffer = buffer
        self.local = local
        self._peer16 = peer16
        number = random(8)
        self._session_id = int.from_bytes(number[:4], "big") & 0x3FFFFFFF
        self._ssrc = int.from_bytes(number[4:], "big")
        self.protection = security.protect(self._ssrc)
        self._negotiation = self._negotiate()
        self._rtp = None
        self._rtcp = None
        self._port = 0
        self._result = None
        self._applied = None
        self._tuned = None  # what Opus was told last
        self._has_opus = False
        self.stream = None
        self.watched = False
        self.codec = None
        self._offered = None
        self._offer = None  # how our open offer was made
        self.on_digit = None  # function (event): a digit of the peer ended, as RFC 4733 numbers it
        self._fork = None  # To tag of the early dialog whose answer was taken last
        self._proposed = None  # what their offer comes to, while it is open
        self._told = (False, local)
        self.offered_direction = None
        self.loss_text = ""
        self._reports = None
        self._heard = (-1, 0)  # packets received, ms when that number was new

    def _negotiate(self):
        codecs = _codecs(self._settings.get("media.codecs"), self._media)
        if self._settings.get("dtmf.mode") != "info":
            codecs.append("telephone-event")
        codecs.append("CN")  # comfort noise: the peer's, and ours while a call is held
        return Negotiation(
            self._session_id,
            codecs,
            protos=_PROTOS,
            own_order=True,
        )

    def reserve(self, ports):
        """Take a pair of ports. OSError: none is free."""
        self._rtp, self._rtcp = ports.pair()
        self._port = self._rtp.port
        traffic_class = self._settings.get("dscp.voice") << 2
        for endpoint in (self._rtp, self._rtcp):
            endpoint.set_traffic_class(traffic_class)
            endpoint.move(self.local)

    def move(self, local):
        """Our address is another one: media leaves from it at once, offer() tells it."""
        self.local = local
        for endpoint in (self._rtp, self._rtcp):
            if endpoint is not None:
                endpoint.move(local)

    def _own_text(self):
        return self._net6.text(without_scope(self.local))

    # Offer and answer

    def offer(self, hold):
        """Return an offer; hold: whether we put the peer on hold with it."""
        direction = self._negotiation.hold_direction() if hold else "sendrecv"
        self._negotiation.zrtp_hash = self.protection.zrtp_hash()
        proto, crypto = self.protection.offer(self._told[1] != self.local)
        try:
            body = self._negotiation.create_offer(
                self._own_text(), self._port, direction, proto=proto, crypto=crypto
            )
        except LocalProtocolError:
            self.protection.offer_refused()
            raise
        self._offered = (hold, self.local)
        self._offer = (self._own_text(), direction, proto, crypto)
        self._fork = None
        self.offered_direction = direction
        return body

    def is_offering(self):
        """Return whether an offer of ours is open."""
        return self._negotiation.state == "local-offer"

    def offer_refused(self):
        """Our offer came to nothing: what was agreed before holds."""
        if self._negotiation.state == "local-offer":
            self._negotiation.offer_rejected()
            self.protection.offer_refused()

    def _take_fork(self, fork):
        """Somebody answers the offer of our INVITE: in another early dialog all begins anew.

        An answer that was final there (RFC 3262) is none here (RFC 3261 section 13.2.2.4).
        """
        if self._fork is not None and fork != self._fork:
            if self._negotiation.state == "stable" and self._offer is not None:
                address, direction, proto, crypto = self._offer
                self._negotiation = self._negotiate()
                self._negotiation.zrtp_hash = self.protection.zrtp_hash()
                self._negotiation.create_offer(
                    address, self._port, direction, proto=proto, crypto=crypto
                )
            self.protection.other_party(self._clock.now())
        self._fork = fork

    def take_answer(self, body, final=True, fork=None):
        """Take the answer to our offer. Unacceptable: why it is of no use.

        fork: To tag of the dialog that answers our INVITE, None within a call.
        """
        if fork is not None:
            self._take_fork(fork)
        try:
            result = self._negotiation.receive_answer(body, final)
        except RemoteProtocolError as exc:
            log.say("media", "bad answer: %s" % exc)
            raise Unacceptable(488, wording.BAD_DESCRIPTION)
        if result.problem is not None:
            raise _problem(result)
        if not result.active:
            raise Unacceptable(488, wording.NO_COMMON_CODEC)
        self._look_at(result)
        told = self._offered
        if self.protection.would_end(result):
            if self.protection.refuses_end():
                raise Unacceptable(488, wording.ENCRYPTION_ENDED)
            self.protection.end_keys(self._clock.now())
            told = (None, None)  # our offer had the keys that ended: the new ones are to be told
        try:
            self.protection.take_answer(result, final)
        except RemoteProtocolError as exc:
            log.say("media", "keys of the answer: %s" % exc)
            raise Unacceptable(488, wording.NO_COMMON_KEYS)
        self._result = result
        if final:
            self._told = told

    def _look_at(self, result):
        """Raise Unacceptable if voice cannot or must not go where a description says.

        A peer elsewhere must not have us talk to ourselves, to a group, or to our link.
        """
        if not result.active:
            return
        addr16 = self._address(result.address)
        if addr16 == _UNSPECIFIED:
            return  # hold, as RFC 2543 had it
        reach = kind(addr16)
        near = kind(self._peer16)
        if addr16[0] == 0xFF or (reach == LOOPBACK and near != LOOPBACK):
            raise _unreachable()
        if reach == LINK_LOCAL and LINK_LOCAL not in (near, kind(self.local or self._peer16)):
            raise _unreachable()

    def take_offer(self, body):
        """Take their offer; answer() or refuse() follows. Unacceptable: refused already."""
        try:
            result = self._negotiation.receive_offer(body)
        except RemoteProtocolError as exc:
            log.say("media", "bad offer: %s" % exc)
            raise Unacceptable(exc.code if exc.code >= 400 else 400, wording.BAD_DESCRIPTION)
        if result.problem is not None:
            self._negotiation.reject_offer()
            raise _problem(result)
        try:
            self._look_at(result)
        except Unacceptable:
            self.refuse()
            raise
        self._proposed = result
        ends = self.protection.would_end(result)
        if ends and self.protection.refuses_end():
            self.protection.refused_end()
            self.refuse()
            raise Unacceptable(488, wording.KEPT_ENCRYPTED, (399, "Encryption would end"))
        try:
            self.protection.take_offer(result)
        except RemoteProtocolError as exc:
            log.say("media", "keys of the offer: %s" % exc)
            self.refuse()
            raise Unacceptable(488, wording.NO_COMMON_KEYS, (302, "No usable keys"))
        if ends:  # not before: a refused offer changes nothing
            self.protection.end_keys(self._clock.now())

    def answer(self, hold):
        """Return our answer to the offer taken; hold: whether we hold the peer."""
        moved = self._told[1] != self.local
        self._told = (hold, self.local)
        self._negotiation.zrtp_hash = self.protection.zrtp_hash()
        body = self._negotiation.create_answer(
            self._own_text(),
            self._port,
            "sendonly" if hold else "sendrecv",
            crypto=self.protection.answer(self._proposed, moved),
        )
        self._result = self._negotiation.agreed
        return body

    def refuse(self):
        """Their offer will not be answered."""
        if self._negotiation.state == "remote-offer":
            self._negotiation.reject_offer()
            self.protection.refuse()

    def has_told(self, hold):
        """Return whether the peer knows that we hold it or not, and where we are."""
        return self._told == (hold, self.local)

    def is_held_there(self):
        """Return whether the peer does not take our voice."""
        return self._result is not None and (not self._result.active or self._result.remote_hold)

    # The stream

    def apply(self, hold):
        """Make the stream as it was agreed: open it, or change it; hold silences both ways.

        OSError: media cannot. Unacceptable: the agreed address cannot be used.
        """
        result = self._result
        if result is None:
            return
        if not result.active:
            self._silence()
            return
        peer16 = self._address(result.address)
        where = (peer16, result.port, result.rtcp_port)
        formats = self._formats(result)
        how = formats[0]
        opened = self.stream is None
        if opened:
            self._open(where, how)
        elif self._applied != (where, how):
            self.stream.set_peer(where[0], where[1], where[2])
            name, clock_rate = encoding(how[0])
            self.stream.set_codec(name, how[1], clock_rate)
            self._reports.set_peer((where[0], where[2]))
        if self._applied != (where, how):
            for codec, payload_type in formats:
                name, clock_rate = encoding(codec)
                self.stream.accept(payload_type, name, clock_rate)
            if result.telephone_event is not None:  # the last one is what send_event() sends
                self.stream.accept(
                    result.telephone_event, "telephone-event", result.telephone_event_clock
                )
            self._tuned = None
        self._applied = (where, how)
        self.codec = how[0]
        if opened:
            self.protection.opened(self.stream, self._clock.now())
        else:
            self.protection.agreed(self._clock.now())
        self.stream.set_direction(result.send and not hold, result.receives_voice and not hold)
        self.stream.join(not hold)
        self._heard = (-1, self._clock.now())

    def _formats(self, result):
        """Return (codec, payload type) of all that was agreed, first what we send.

        Without Opus if other calls took its coders while this one was agreed, and if anything else
        is left; what the peer sends of it then is not heard.
        """
        formats = [(result.codec, result.payload_type)]
        formats += [(codec, payload_type) for payload_type, codec in result.receive]
        if "opus" in [codec for codec, _ in formats] and not self._has_opus:
            if self._media.counters()["opus"] >= self._media.OPUS_STREAMS:
                rest = [one for one in formats if one[0] != "opus"]
                if rest and not is_beside(rest[0][0]):
                    return rest
            self._has_opus = True
        return formats

    def silence(self):
        """An early dialog is over: nothing is heard until another answers."""
        self._silence()
        self.codec = None

    def _silence(self):
        if self.stream is not None:
            self.stream.set_direction(False, False)
            self.stream.join(False)

    def _address(self, text):
        try:
            addr16 = self._net6.parse(text)
        except ValueError:
            log.say("media", "no address: " + text[:64])
            raise Unacceptable(488, wording.BAD_DESCRIPTION, (399, "An address is needed"))
        if is_link_local(addr16):
            for near in (self._peer16, self.local):
                if near is not None and is_link_local(near):
                    return with_scope(addr16, scope(near))
        return addr16

    def _open(self, where, how):
        seed = self._random(6)
        codec, clock_rate = encoding(how[0])
        self.stream = self._media.open(
            self._rtp,
            self._rtcp,
            where[0],
            where[1],
            codec=codec,
            clock=clock_rate,
            payload_type=how[1],
            ssrc=self._ssrc,
            sequence=int.from_bytes(seed[:2], "big") & 0x7FFF,  # RFC 3711 section 3.3.1 likes it
            timestamp=int.from_bytes(seed[2:], "big"),
            rtcp_port=where[2],
            require_secure=True,  # protection.opened() lifts it where clear voice is allowed
        )
        peer = (where[0], where[2])
        self._reports = Reports(
            self.stream,
            self._buffer,
            self._ssrc,
            self._random,
            peer,
            self._clock,
            self.protection.receive,
        )

    def read_reports(self, now):
        """Read what came beside the voice: digits, RTCP and ZRTP."""
        if self._reports is not None:
            for _ in range(_REPORTS_AT_ONCE):
                got = self.stream.next_event()
                if got is None:
                    break
                if self.on_digit is not None:
                    self.on_digit(got[0])
            for _ in range(_REPORTS_AT_ONCE):
                if self._reports is None or not self._reports.read():
                    return

    def takes_events(self):
        """Return whether digits may go as events of RTP (RFC 4733)."""
        result = self._result
        return (
            self.stream is not None and result is not None and result.telephone_event is not None
        )

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        if self._reports is None:
            return None
        due = self._reports.get_timer()
        other = self.protection.get_timer()
        return other if due is None or (other is not None and other < due) else due

    def handle_timer(self, now):
        """Send the report that is due; let ZRTP work."""
        if self._reports is not None:
            self._reports.handle_timer(now)
            self.protection.handle_timer(now)

    def tick(self, now):
        """Look at the statistics, once a second. Returns for how many ms nothing was heard."""
        if self.stream is None:
            return 0
        got = self.stream.statistics()
        lost = got["lost"]
        received = got["received"]
        if received:
            share = 1000 * max(0, lost) // (received + max(0, lost))
            self.loss_text = wording.LOSS % (share // 10, share % 10, got["delay_ms"])
        self._tune()
        heard = received + self._reports.received
        if heard != self._heard[0]:
            self._heard = (heard, now)
        return now - self._heard[1]

    def _tune(self):
        """Let Opus keep to what the peer takes, with redundancy against what it loses."""
        result = self._result
        if result is None or self.codec != "opus":
            return
        loss = (self._reports.remote_loss * 100 + 255) // 256 if result.takes_redundancy else 0
        wanted = _OPUS_BIT_RATE if loss == 0 else _OPUS_BIT_RATE_REDUNDANT
        rate = min(wanted, max(_OPUS_BIT_RATE_MIN, result.bit_rate or wanted))
        if self._tuned != (rate, loss):
            self._tuned = (rate, loss)
            self.stream.tune(rate, loss)

    def statistics(self):
        """Return what media counts, or an empty dict."""
        return self.stream.statistics() if self.stream is not None else {}

    def close(self):
        """Say good-bye by RTCP and free stream and ports; may be called twice."""
        stream = self.stream
        self.stream = None
        self.protection.close(self._clock.now())
        try:
            if stream is not None:
                try:
                    self._reports.close()
                finally:
                    stream.close()
        finally:
            for endpoint in (self._rtp, self._rtcp):
                if endpoint is not None:
                    endpoint.close()
            self._rtp = self._rtcp = self._reports = None
            self._negotiation = None
