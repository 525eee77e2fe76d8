# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""RTP payload formats in SDP: static payload types (RFC 3551 section 6), a=rtpmap (RFC 8866
section 6.6), a=ptime (6.4), a=rtcp (RFC 3605), direction attributes (6.7), a=zrtp-hash (RFC 6189
section 8), a=crypto (RFC 4568) as text, and which transports are encrypted (RFC 3711, RFC 5124).

    rtpmap-value = payload-type SP encoding-name "/" clock-rate [ "/" encoding-params ]
    rtcp-value   = port [SP nettype SP addrtype SP connection-address]
    zrtp-hash-value = zrtp-version SP 1*(HEXDIG)      ; 64 digits, version "1.10"

The clock rate of G722 is 8000 although it samples at 16000 (RFC 3551 section 4.5.2).
"""

from vox6.wire import FormatError, const

from .description import Connection, MediaDescription, SessionDescription, number

# name: (static payload type or None, clock rate, channels); a codec of media.CODECS is a row here.
# A second clock of an encoding stands behind its name: encoding() takes both apart. Opus is mono
# sound in a format that always says two channels (RFC 7587 section 7).
CODECS = {
    "PCMU": (0, 8000, 1),
    "PCMA": (8, 8000, 1),
    "G722": (9, 8000, 1),
    "L16": (None, 16000, 1),
    "opus": (None, 48000, 2),
    "telephone-event": (None, 8000, 1),
    "telephone-event/16000": (None, 16000, 1),
    "telephone-event/48000": (None, 48000, 1),
    "CN": (13, 8000, 1),
}

# formats that go beside a codec and never carry the voice themselves
_BESIDE = ("telephone-event", "CN")

# a=fmtp that we write (RFC 4733 section 2.4.1, RFC 7587 section 6.1): what may be sent to us
_PARAMETERS = {
    "telephone-event": "0-16",
    "opus": "maxplaybackrate=16000;maxaveragebitrate=40000;useinbandfec=1",
}

_MAX_PARAMETERS = const(32)  # of one format that are looked at; Opus has nine

# payload types that need no rtpmap, audio alone (RFC 3551 table 4)
_STATIC = (
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (5, "DVI4", 8000),
    (6, "DVI4", 16000),
    (7, "LPC", 8000),
    (8, "PCMA", 8000),
    (9, "G722", 8000),
    (12, "QCELP", 8000),
    (13, "CN", 8000),
    (14, "MPA", 90000),
    (15, "G728", 8000),
    (16, "DVI4", 11025),
    (17, "DVI4", 22050),
    (18, "G729", 8000),
)

AVP = "RTP/AVP"
_SECURE_PROFILES = ("RTP/SAVP", "RTP/SAVPF")

_MAX_CRYPTO = const(16)  # a=crypto lines kept of a stream; phones offer one to six
_MAX_ZRTP_HASH = const(16)  # a=zrtp-hash lines looked at; one a version
_HASH_DIGITS = const(64)  # RFC 6189 section 8.1: SHA-256, not truncated
_HEX = "0123456789abcdef"

INACTIVE = "inactive"
SENDONLY = "sendonly"
RECVONLY = "recvonly"
SENDRECV = "sendrecv"
_DIRECTIONS = (INACTIVE, SENDONLY, RECVONLY, SENDRECV)  # index: 1 = sends, 2 = receives


def sends(direction: str) -> bool:
    """Say whether whoever wrote this direction sends."""
    return _DIRECTIONS.index(direction) & 1 != 0


def receives(direction: str) -> bool:
    """Say whether whoever wrote this direction receives."""
    return _DIRECTIONS.index(direction) & 2 != 0


def reverse(direction: str) -> str:
    """Return the direction as the other side sees it."""
    bits = _DIRECTIONS.index(direction)
    return _DIRECTIONS[bits >> 1 | (bits & 1) << 1]


def common(one: str, other: str) -> str:
    """Return what two directions, seen from the same side, both allow."""
    return _DIRECTIONS[_DIRECTIONS.index(one) & _DIRECTIONS.index(other)]


def direction_of(description: SessionDescription, media: MediaDescription) -> str:
    """Return the direction of a media description: its own, the session's, or sendrecv."""
    for section in (media, description):
        for name, _ in section.attributes:
            if name in _DIRECTIONS:
                return name
    return SENDRECV


def rtpmap_of(media: MediaDescription) -> "list[tuple[int, str, int, int]]":
    """Return the formats of an RTP media description in its order of preference.

    Each is (payload_type, encoding name, clock_rate, channels). Formats that nothing maps are
    ("", 0, 0). FormatError: a format is no payload type, or an rtpmap breaks the grammar.
    """
    maps: "list[tuple[int, str, int, int]]" = []
    for value in media.attribute_values("rtpmap"):
        kind, _, rest = value.partition(" ")
        parts = rest.strip(" ").split("/")
        if not 2 <= len(parts) <= 3 or not parts[0]:
            raise FormatError("bad rtpmap")
        channels = 1
        if len(parts) == 3 and media.media == "audio":
            channels = number(parts[2], 255, "channels")
        payload_type = number(kind, 127, "payload type")
        maps.append((payload_type, parts[0], number(parts[1], 10**9, "clock rate"), channels))
    formats: "list[tuple[int, str, int, int]]" = []
    for text in media.formats:
        payload_type = number(text, 127, "payload type")
        found = (payload_type, "", 0, 0)
        for entry in maps:
            if entry[0] == payload_type:
                found = entry
                break
        else:
            for static, name, clock_rate in _STATIC:
                if static == payload_type:
                    found = (payload_type, name, clock_rate, 1)
        formats.append(found)
    return formats


def encoding(name: str) -> "tuple[str, int]":
    """Return the encoding name and the clock rate of a key of CODECS."""
    return name.partition("/")[0], CODECS[name][1]


def is_beside(name: str) -> bool:
    """Say whether a key of CODECS goes beside a codec and is none itself."""
    return encoding(name)[0] in _BESIDE


def with_events(names: "list[str]") -> "list[str]":
    """Return the names, voice first, telephone-event in the clock of each codec if it is there.

    RFC 4733 section 2.5.1.2: events have the timestamps of the voice that they interrupt.
    """
    voice = [name for name in names if not is_beside(name)]
    beside: "list[str]" = []
    for name in names:
        if name == "telephone-event":
            for one in voice:
                clock_rate = CODECS[one][1]
                row = name if clock_rate == 8000 else "%s/%d" % (name, clock_rate)
                if row not in beside:
                    beside.append(row)
        elif is_beside(name) and name not in beside:
            beside.append(name)
    return voice + beside


def format_attributes(payload_type: int, name: str) -> "list[tuple[str, str | None]]":
    """Return our rtpmap and fmtp of a key of CODECS."""
    text, clock_rate = encoding(name)
    channels = CODECS[name][2]
    value = "%d %s/%d" % (payload_type, text, clock_rate)
    attributes: "list[tuple[str, str | None]]" = []
    if text != "CN":  # the number says it all
        attributes.append(("rtpmap", value if channels == 1 else value + "/%d" % channels))
    if text in _PARAMETERS:
        attributes.append(("fmtp", "%d %s" % (payload_type, _PARAMETERS[text])))
    return attributes


def parameters_of(media: MediaDescription, payload_type: int) -> "list[tuple[str, str]]":
    """Return what a=fmtp says of a payload type: (name in lower case, value), "" without one."""
    found: "list[tuple[str, str]]" = []
    for value in media.attribute_values("fmtp"):
        kind, _, rest = value.strip(" ").partition(" ")
        if kind != str(payload_type):
            continue
        for part in rest.split(";")[:_MAX_PARAMETERS]:
            name, _, text = part.strip(" ").partition("=")
            if name:
                found.append((name.strip(" ").lower(), text.strip(" ")))
    return found


def codec_name(name: str, clock_rate: int, channels: int) -> "str | None":
    """Return the key of CODECS that an encoding is (names ignore case), None for a strange one."""
    name = name.lower()
    for known in CODECS:
        if encoding(known)[0].lower() == name and CODECS[known][1:] == (clock_rate, channels):
            return known
    return None


def ptime_of(media: MediaDescription) -> "int | None":
    """Return a=ptime in whole milliseconds; None without a usable one."""
    value = media.attribute("ptime")
    if not value:
        return None
    try:
        ptime_ms = number(value.strip(" ").partition(".")[0], 1000, "ptime")
    except FormatError:
        return None  # a wish, not worth a call
    return ptime_ms or None


def rtcp_of(media: MediaDescription) -> "tuple[int, Connection | None]":
    """Return where RTCP goes: (port, connection or None for the one of RTP) (RFC 3605)."""
    value = media.attribute("rtcp")
    if value is None:
        return (media.port + 1 if 0 < media.port < 65535 else 0), None
    port, _, rest = value.strip(" ").partition(" ")
    return number(port, 65535, "rtcp port"), Connection.parse(rest) if rest else None


def is_secure_profile(proto: str) -> bool:
    """Say whether a transport is SRTP's (RFC 3711 section 12, RFC 5124)."""
    return proto in _SECURE_PROFILES


def crypto_of(media: MediaDescription) -> "list[str]":
    """Return the values of the a=crypto lines, the first sixteen; lib/srtp reads them.

    Those of the session level mean nothing (RFC 4568 section 4).
    """
    return media.attribute_values("crypto")[:_MAX_CRYPTO]


def zrtp_hash_value(text: str) -> "tuple[str, bytes] | None":
    """Read the value of a=zrtp-hash: (version, 32 octets); None: not one that we understand.

    RFC 6189 section 4.1.1: of a version the first three characters count, here "1.1".
    """
    version, _, digits = text.strip(" ").partition(" ")
    digits = digits.strip(" ").lower()
    if not 3 <= len(version) <= 4 or not version.startswith("1.1"):
        return None
    if len(digits) != _HASH_DIGITS:
        return None
    octets = bytearray()
    for i in range(0, _HASH_DIGITS, 2):
        high, low = _HEX.find(digits[i]), _HEX.find(digits[i + 1])
        if high < 0 or low < 0:
            return None
        octets.append(high << 4 | low)
    return version, bytes(octets)


def zrtp_hash_of(media: MediaDescription) -> "tuple[str, bytes] | None":
    """Return the peer's a=zrtp-hash of a version that we speak; None without a readable one.

    The session level has none (RFC 6189 section 8). Of two for one version the first counts.
    """
    for value in media.attribute_values("zrtp-hash")[:_MAX_ZRTP_HASH]:
        found = zrtp_hash_value(value)
        if found is not None:
            return found
    return None
