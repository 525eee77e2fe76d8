# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Offer and answer for one audio stream in a dialog (RFC 3264; SIP's rules in RFC 6337).

A Negotiation lives as long as its dialog and knows what was last agreed. It touches no socket:
addresses come in and go out as text, and whether an address type can be reached is said by
AudioResult.problem, for the caller to act on (a 488 with a Warning, or ACK and BYE).

States: `stable` (nothing open), `local-offer` (ours waits for an answer), `remote-offer` (theirs
waits for ours). `agreed` stays what it was until an exchange completes, so a refused offer
changes nothing.

    (stable, create_offer) -> local-offer      (stable, receive_offer) -> remote-offer
    (local-offer, receive_answer) -> stable    (remote-offer, create_answer) -> stable
    (local-offer, offer_rejected) -> stable    (remote-offer, reject_offer) -> stable
"""

from vox6.wire import FormatError, LocalProtocolError, RemoteProtocolError, const

from .description import (
    Connection,
    MediaDescription,
    Origin,
    SessionDescription,
    number,
)
from .formats import (
    AVP,
    CODECS,
    INACTIVE,
    RECVONLY,
    SENDONLY,
    SENDRECV,
    codec_name,
    common,
    crypto_of,
    direction_of,
    encoding,
    format_attributes,
    is_beside,
    is_secure_profile,
    parameters_of,
    ptime_of,
    receives,
    reverse,
    rtcp_of,
    rtpmap_of,
    sends,
    with_events,
    zrtp_hash_of,
    zrtp_hash_value,
)

STABLE = "stable"
LOCAL_OFFER = "local-offer"
REMOTE_OFFER = "remote-offer"

_DYNAMIC_FIRST = const(96)  # RFC 3551 section 6
_DYNAMIC_LAST = const(127)
_MAX_SESSION_ID = (1 << 62) - 1  # RFC 3264 section 5

_DIRECTIONS = (INACTIVE, SENDONLY, RECVONLY, SENDRECV)


class AudioResult:
    """What an offer or answer of the peer comes to, from our side.

    active: the stream exists; False if it was refused or removed, then the rest is empty.
    codec, payload_type: what we send. receive: list of (payload_type, name) that may arrive, names
    of formats.CODECS; formats.encoding() gives encoding and clock. clock_rate: of the RTP time
    stamp. telephone_event, telephone_event_clock: payload type of RFC 4733 events that we send,
    None without, in the clock of the voice if the peer has that. bit_rate: what the peer takes of
    the codec at most, bits a second, None without a limit (maxaveragebitrate of Opus).
    takes_redundancy: it makes use of in-band FEC (useinbandfec). nettype, addrtype, address, port:
    where RTP goes, as text.
    rtcp_address, rtcp_port: where RTCP goes. direction: what is agreed, seen from us.
    remote_direction: what the peer wrote, seen from the peer; remote_hold says it holds us.
    ptime_ms: packet time that the peer wishes, None without a wish.
    proto: transport of the m= line, "RTP/AVP", "RTP/SAVP", ... zrtp_hash: (version, 32 octets) of
    the peer's Hello (RFC 6189 section 8), None without. crypto_lines: values of its a=crypto
    lines (RFC 4568), in order, not looked into.
    problem: None, or (warn-code, text) of RFC 3261 section 20.43 why we cannot use it.
    """

    def __init__(self) -> None:
        self.active = False
        self.codec: "str | None" = None
        self.payload_type: "int | None" = None
        self.receive: "list[tuple[int, str]]" = []
        self.clock_rate = 0
        self.telephone_event: "int | None" = None
        self.telephone_event_clock = 0
        self.bit_rate: "int | None" = None
        self.takes_redundancy = False
        self.nettype = ""
        self.addrtype = ""
        self.address = ""
        self.port = 0
        self.rtcp_address = ""
        self.rtcp_port = 0
        self.direction = INACTIVE
        self.remote_direction = INACTIVE
        self.ptime_ms: "int | None" = None
        self.proto = ""
        self.zrtp_hash: "tuple[str, bytes] | None" = None
        self.crypto_lines: "list[str]" = []
        self.problem: "tuple[int, str] | None" = None

    @property
    def is_secure_profile(self) -> bool:
        """Whether the transport allows nothing but SRTP: RTP/SAVP or RTP/SAVPF."""
        return is_secure_profile(self.proto)

    @property
    def send(self) -> bool:
        """Whether we send voice."""
        return sends(self.direction)

    @property
    def receives_voice(self) -> bool:
        """Whether voice may arrive."""
        return receives(self.direction)

    @property
    def remote_hold(self) -> bool:
        """Whether the peer does not take our voice."""
        return self.active and not receives(self.remote_direction)

    def debug(self) -> str:
        """Return one line."""
        return "%s/%s %s [%s]:%d %s%s" % (
            self.codec,
            self.payload_type,
            self.addrtype,
            self.address,
            self.port,
            self.direction,
            " problem %d" % self.problem[0] if self.problem else "",
        )


class Negotiation:
    """Offer and answer of one dialog.

    session_id: the number of the o= line, random, below 2^62; it also begins the version.
    codecs: names out of formats.CODECS in our order of preference, at least one that is a voice.
    addrtypes, nettypes, protos: what the caller can reach; anything else is a `problem`.
    zrtp_hash: a=zrtp-hash of every stream that we offer or accept, "1.10 <64 hex>"; may be set at
    any time, None for none. crypto_lines of create_offer() and create_answer() are text to this
    folder: lib/srtp makes and reads them.
    own_order: answer in our order of preference instead of the offer's.
    ptime_ms: packet time that we ask for.
    """

    def __init__(
        self,
        session_id: int,
        codecs: "tuple[str, ...] | list[str]" = ("G722", "PCMU", "PCMA"),
        *,
        addrtypes: "tuple[str, ...]" = ("IP6",),
        nettypes: "tuple[str, ...]" = ("IN",),
        protos: "tuple[str, ...]" = (AVP,),
        zrtp_hash: "str | None" = None,
        own_order: bool = False,
        ptime_ms: int = 20,
    ) -> None:
        if not 0 <= session_id <= _MAX_SESSION_ID:
            raise LocalProtocolError("session id out of range")
        for name in codecs:
            if name not in CODECS:
                raise LocalProtocolError("unknown codec " + name)
        if not [name for name in codecs if not is_beside(name)]:
            raise LocalProtocolError("no codec")
        self.codecs = with_events(list(codecs))
        self.addrtypes = addrtypes
        self.nettypes = nettypes
        self.protos = protos
        self.zrtp_hash = zrtp_hash
        self.own_order = own_order
        self.ptime_ms = ptime_ms
        self.state = STABLE
        self.agreed: "AudioResult | None" = None
        self.remote: "SessionDescription | None" = None
        self._session_id = session_id
        self._version = session_id
        self._origin_address: "tuple[str, str] | None" = None
        self._last_sent: "bytes | None" = None
        # the m= lines that the session has, in order: (media, proto, first format)
        self._slots: "list[tuple[str, str, str]]" = []
        self._audio = 0  # our stream's slot; len(_slots) if it has none yet
        self._open_slots: "list[tuple[str, str, str]]" = []  # those of our open offer
        # payload types of this stream never change their meaning (RFC 3264 section 8.3.2)
        self._mapping: "list[tuple[int, str]]" = []
        self._offered: "list[tuple[int, str]]" = []
        self._wish = SENDRECV
        self._proposal: "AudioResult | None" = None
        self._proposal_description: "SessionDescription | None" = None
        self._proposal_slot = -1  # its audio that we look at, -1 without

    # our offer, their answer

    def create_offer(
        self,
        address: str,
        port: int,
        direction: str = SENDRECV,
        *,
        addrtype: str = "IP6",
        rtcp_port: "int | None" = None,
        proto: "str | None" = None,
        crypto: "tuple[str, ...] | list[str]" = (),
    ) -> bytes:
        """Return an offer (RFC 3264 sections 5 and 8); also the one of a late offer's 2xx.

        address, port: where we take RTP, address as text without brackets. rtcp_port: where we
        take RTCP if it is not port + 1. direction: our wish; see hold_direction() for hold.
        proto: None for the one agreed on, RTP/AVP at first. crypto: values of a=crypto lines.
        LocalProtocolError: an offer is open already, or RTP/SAVP without keys; nothing changed.
        """
        if self.state != STABLE:
            raise LocalProtocolError("an offer is open")
        if direction not in _DIRECTIONS:
            raise LocalProtocolError("unknown direction " + direction)
        if proto is None:
            proto = self.agreed.proto if self.agreed is not None else ""
        keys = self._keys(proto or AVP, crypto)
        formats: "list[tuple[int, str]]" = []
        for name in self.codecs:
            entry = (self._payload_type(name), name)
            self._remember(entry)
            formats.append(entry)
        sections: "list[MediaDescription]" = []
        for kind, old, first in self._slots:
            sections.append(MediaDescription(kind, 0, old, [first]))
        if self._audio == len(sections):
            sections.append(MediaDescription("audio", 0, "", []))
        sections[self._audio] = self._audio_media(
            proto or AVP, port, formats, direction, rtcp_port, keys
        )
        octets = self._describe(addrtype, address, sections, [("t", "0 0")])
        self._offered = formats
        self._wish = direction
        self._open_slots = _slots_of(sections)
        self.state = LOCAL_OFFER
        return octets

    def receive_answer(self, octets: bytes, final: bool = True) -> AudioResult:
        """Take the answer to our offer (RFC 3264 section 7).

        final: False for a body in an unreliable provisional response, which the 2xx repeats:
        the result is returned, the offer stays open.
        FormatError: not a description, or not an answer to this offer; the offer stays open.
        """
        if self.state != LOCAL_OFFER:
            raise LocalProtocolError("no offer is open")
        description = SessionDescription.parse(octets)
        slots = self._open_slots
        if len(description.media) != len(slots):
            raise FormatError("answer has another number of media")
        for i in range(len(slots)):
            if description.media[i].media != slots[i][0]:
                raise FormatError("answer has other media")
        result = self._read(description, self._audio, self._offered)
        result.receive = list(self._offered)  # any of them may have been on its way
        self._agree(result, self._wish)
        if final:
            self.state = STABLE
            self._slots = slots
            self.agreed = result
            self.remote = description
        return result

    def offer_rejected(self) -> None:
        """Our offer was refused: what was agreed before holds (RFC 3264 section 4)."""
        if self.state != LOCAL_OFFER:
            raise LocalProtocolError("no offer is open")
        self.state = STABLE

    # their offer, our answer

    def receive_offer(self, octets: bytes) -> AudioResult:
        """Take an offer and say what it comes to; answer it or reject it afterwards.

        FormatError: not a description; nothing changed. RemoteProtocolError with code 491 while
        our own offer is open, 500 while theirs is (RFC 3261 section 14.2); nothing changed.
        """
        if self.state == LOCAL_OFFER:
            raise RemoteProtocolError("offer while ours is open", 491)
        if self.state == REMOTE_OFFER:
            raise RemoteProtocolError("offer before the last was answered", 500)
        description = SessionDescription.parse(octets)
        if len(description.media) < len(self._slots):
            raise FormatError("offer has fewer media than before")
        slot = -1
        result: "AudioResult | None" = None
        for i in range(len(description.media)):
            if description.media[i].media != "audio":
                continue
            candidate = self._read(description, i, None)
            if result is None or (result.problem and not candidate.problem):
                # a stream that stopped (port 0) is taken only when no other is offered
                slot, result = i, candidate
            elif not result.active and candidate.active and not candidate.problem:
                slot, result = i, candidate
        if result is None:
            result = AudioResult()
            result.problem = (304, "Media type not available")
        elif not result.active and not result.problem and self.agreed is None:
            result.problem = (304, "Media type not available")
        self._agree(result, SENDRECV)
        self._proposal = result
        self._proposal_description = description
        self._proposal_slot = slot
        self.state = REMOTE_OFFER
        return result

    def create_answer(
        self,
        address: str,
        port: int,
        direction: str = SENDRECV,
        *,
        addrtype: str = "IP6",
        rtcp_port: "int | None" = None,
        crypto: "str | None" = None,
    ) -> bytes:
        """Return the answer to the open offer and agree on it (RFC 3264 section 6).

        direction: our wish, cut down to what the offer allows; the result is `agreed`. A stream
        whose offer is a problem, and all other media, are refused with port 0. The transport is
        the offer's. crypto: value of our one a=crypto line, None to accept none.
        LocalProtocolError: no offer of theirs is open, or RTP/SAVP without keys; nothing changed.
        """
        proposal = self._proposal
        description = self._proposal_description
        if self.state != REMOTE_OFFER or proposal is None or description is None:
            raise LocalProtocolError("no offer to answer")
        if direction not in _DIRECTIONS:
            raise LocalProtocolError("unknown direction " + direction)
        accept = proposal.active and proposal.problem is None
        keys: "list[tuple[str, str | None]]" = []
        if accept:
            keys = self._keys(proposal.proto, () if crypto is None else (crypto,))
        sections: "list[MediaDescription]" = []
        for i in range(len(description.media)):
            offered = description.media[i]
            if accept and i == self._proposal_slot:
                answered = common(reverse(proposal.remote_direction), direction)
                sections.append(
                    self._audio_media(
                        offered.proto, port, proposal.receive, answered, rtcp_port, keys
                    )
                )
            else:
                sections.append(
                    MediaDescription(offered.media, 0, offered.proto, [offered.formats[0]])
                )
        octets = self._describe(addrtype, address, sections, description.times)
        for entry in proposal.receive:
            self._remember(entry)
        self._slots = _slots_of(sections)
        self._audio = self._proposal_slot if self._proposal_slot >= 0 else len(sections)
        self.remote = description
        if not accept:
            proposal.active = False
        self._agree(proposal, direction)
        self.agreed = proposal
        self._close()
        return octets

    def reject_offer(self) -> None:
        """Their offer is refused by the caller (488): what was agreed before holds."""
        if self.state != REMOTE_OFFER:
            raise LocalProtocolError("no offer to reject")
        self._close()

    def _close(self) -> None:
        self.state = STABLE
        self._proposal = None
        self._proposal_description = None

    # hold

    def hold_direction(self) -> str:
        """Return the direction of an offer that puts the peer on hold (RFC 3264 section 8.4)."""
        if self.agreed is not None and self.agreed.remote_hold:
            return INACTIVE
        return SENDONLY

    def debug(self) -> str:
        """Return one line."""
        return "%s version %d %s" % (
            self.state,
            self._version - self._session_id,
            self.agreed.debug() if self.agreed else "nothing agreed",
        )

    # helpers

    def _payload_type(self, name: str) -> int:
        for payload_type, known in self._mapping:
            if known == name:
                return payload_type
        static = CODECS[name][0]
        used = [payload_type for payload_type, _ in self._mapping]
        if static is not None and static not in used:
            return static
        # 101 is what every phone uses for events; the number means nothing
        if name == "telephone-event" and 101 not in used:
            return 101
        for payload_type in range(_DYNAMIC_FIRST, _DYNAMIC_LAST + 1):
            if payload_type not in used and payload_type != 101:
                return payload_type
        raise LocalProtocolError("no payload type is free")

    def _remember(self, entry: "tuple[int, str]") -> None:
        for payload_type, _ in self._mapping:
            if payload_type == entry[0]:
                return
        self._mapping.append(entry)

    def _keys(
        self, proto: str, crypto: "tuple[str, ...] | list[str]"
    ) -> "list[tuple[str, str | None]]":
        """Return the attributes that say how our stream is encrypted."""
        keys: "list[tuple[str, str | None]]" = [("crypto", value) for value in crypto]
        for value in crypto:
            if not value or "\r" in value or "\n" in value or "\0" in value:
                raise LocalProtocolError("bad crypto attribute")
        if self.zrtp_hash is not None:
            if zrtp_hash_value(self.zrtp_hash) is None:
                raise LocalProtocolError("zrtp-hash is not a version and 64 hexadecimal digits")
            keys.append(("zrtp-hash", self.zrtp_hash))
        if is_secure_profile(proto) and not keys:
            raise LocalProtocolError(
                proto + " without keys"
            )  # every answer would be clear or none
        return keys

    def _audio_media(
        self,
        proto: str,
        port: int,
        formats: "list[tuple[int, str]]",
        direction: str,
        rtcp_port: "int | None",
        keys: "list[tuple[str, str | None]]",
    ) -> MediaDescription:
        media = MediaDescription("audio", port, proto, [str(entry[0]) for entry in formats])
        for payload_type, name in formats:
            media.attributes.extend(format_attributes(payload_type, name))
        media.attributes.append(("ptime", str(self.ptime_ms)))
        if rtcp_port is not None and rtcp_port != port + 1:
            media.attributes.append(("rtcp", str(rtcp_port)))
        media.attributes.extend(keys)
        media.attributes.append((direction, None))
        return media

    def _describe(
        self,
        addrtype: str,
        address: str,
        sections: "list[MediaDescription]",
        times: "list[tuple[str, str]]",
    ) -> bytes:
        """Emit a description; its version rises by one when it differs from the last one sent."""
        if self._origin_address is None:
            # RFC 3264 section 8: the o= line stays the same but for its version
            self._origin_address = (addrtype, address)
        origin = Origin(
            "-",
            str(self._session_id),
            str(self._version),
            "IN",
            self._origin_address[0],
            self._origin_address[1],
        )
        description = SessionDescription(origin)
        description.connection = Connection("IN", addrtype, address)
        description.times = times
        description.media = sections
        octets = description.emit()
        if self._last_sent is not None and octets != self._last_sent:
            self._version += 1
            origin.session_version = str(self._version)
            octets = description.emit()
        self._last_sent = octets
        return octets

    def _read(
        self,
        description: SessionDescription,
        slot: int,
        offered: "list[tuple[int, str]] | None",
    ) -> AudioResult:
        """Read one audio description of the peer; offered is what we offered if it answers."""
        result = AudioResult()
        media = description.media[slot]
        if media.port == 0:
            return result
        result.active = True
        result.proto = media.proto
        result.zrtp_hash = zrtp_hash_of(media)
        result.crypto_lines = crypto_of(media)
        result.port = media.port
        result.remote_direction = direction_of(description, media)
        result.ptime_ms = ptime_of(media)
        connection = description.connection_of(media)
        if connection is None:
            raise FormatError("c= is missing")
        result.nettype = connection.nettype
        result.addrtype = connection.addrtype
        result.address = connection.address
        if result.address.lower().endswith(".invalid"):
            result.address = "::"  # RFC 6157 section 4.1: the IPv6 hold without an address
        result.rtcp_address = result.address
        if media.proto.startswith("RTP/"):
            result.rtcp_port, other = rtcp_of(media)
            if other is not None and other.addrtype == connection.addrtype:
                result.rtcp_address = other.address
            self._choose(result, media, offered)
        result.problem = self._problem(result, None if offered is None else self._open_slots[slot])
        return result

    def _choose(
        self,
        result: AudioResult,
        media: MediaDescription,
        offered: "list[tuple[int, str]] | None",
    ) -> None:
        """Find the formats that both sides know, in the order to use."""
        found: "list[tuple[int, str]]" = []
        ours = self.codecs if offered is None else [name for _, name in offered]
        for payload_type, said, clock_rate, channels in rtpmap_of(media):
            name = codec_name(said, clock_rate, channels) if said else None
            if not said and offered is not None:
                # an answer that leaves out the rtpmap of a dynamic type means ours
                for entry in offered:
                    if entry[0] == payload_type:
                        name = entry[1]
            if name is not None and name in ours and name not in [entry[1] for entry in found]:
                found.append((payload_type, name))
        if self.own_order and offered is None:
            found = [entry for name in ours for entry in found if entry[1] == name]
        found = [entry for entry in found if not is_beside(entry[1])] + [
            entry for entry in found if is_beside(entry[1])
        ]
        if not found or is_beside(found[0][1]):
            return
        result.payload_type, result.codec = found[0]
        result.clock_rate = CODECS[found[0][1]][1]
        result.receive = found
        for payload_type, name in found:
            text, clock_rate = encoding(name)
            if text == "telephone-event" and (
                result.telephone_event is None or clock_rate == result.clock_rate
            ):
                result.telephone_event = payload_type
                result.telephone_event_clock = clock_rate
        self._read_parameters(result, media)

    def _read_parameters(self, result: AudioResult, media: MediaDescription) -> None:
        """Read a=fmtp of the codec that we are to send; what is no number says nothing."""
        for name, value in parameters_of(media, result.payload_type or 0):
            if name == "maxaveragebitrate":
                try:
                    result.bit_rate = number(value, 510000, name)
                except FormatError:
                    pass
            elif name == "useinbandfec":
                result.takes_redundancy = value == "1"

    def _problem(
        self, result: AudioResult, offered: "tuple[str, str, str] | None"
    ) -> "tuple[int, str] | None":
        """Return the warning of RFC 3261 section 20.43 that fits, most basic first.

        offered: the slot of our offer that is answered, None in an offer of theirs.
        """
        if result.nettype not in self.nettypes:
            return 300, "Incompatible network protocol"
        if result.addrtype not in self.addrtypes:
            return 301, "Incompatible network address formats"
        # RFC 3264 section 6: an answer has the offer's transport; less would be a downgrade
        allowed = self.protos if offered is None else (offered[1],)
        if result.proto not in allowed:
            return 302, "Incompatible transport protocol"
        if _is_multicast(result.addrtype, result.address):
            return 330, "Multicast not available"
        if result.codec is None:
            return 305, "Incompatible media format"
        return None

    def _agree(self, result: AudioResult, wish: str) -> None:
        """Work out the direction from both sides' words."""
        if not result.active:
            result.direction = INACTIVE
            result.codec = result.payload_type = result.telephone_event = result.bit_rate = None
            result.takes_redundancy = False
            result.receive = []
            result.proto = ""
            result.zrtp_hash = None
            result.crypto_lines = []
            return
        result.direction = common(reverse(result.remote_direction), wish)
        if result.address in ("::", "0.0.0.0"):
            # the hold of RFC 2543: nowhere to send to
            result.remote_direction = common(result.remote_direction, SENDONLY)
            result.direction = common(result.direction, RECVONLY)


def _slots_of(sections: "list[MediaDescription]") -> "list[tuple[str, str, str]]":
    return [(one.media, one.proto, one.formats[0]) for one in sections]


def _is_multicast(addrtype: str, address: str) -> bool:
    if "/" in address:
        return True  # RFC 8866 section 5.7: only groups have a slash
    if addrtype == "IP6":
        return ":" in address and address[:2].lower() == "ff" and address.find(":") == 4
    if addrtype == "IP4":
        first = address.partition(".")[0]
        return len(first) == 3 and "224" <= first <= "239"
    return False


def make_offer(
    address: str,
    port: int,
    codecs: "tuple[str, ...] | list[str]",
    direction: str,
    session_id: int,
    version: int,
) -> bytes:
    """Return a lone offer for audio over IPv6, for programs that keep no Negotiation."""
    negotiation = Negotiation(session_id, codecs)
    negotiation._version = version
    return negotiation.create_offer(address, port, direction)
