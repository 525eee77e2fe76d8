# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The crypto attribute of SDP: keys of SRTP in a description (RFC 4568 sections 4, 6 and 9).

    "a=crypto:" tag 1*WSP crypto-suite 1*WSP key-params *(1*WSP session-param)
    tag             = 1*9DIGIT                          ; no leading zeroes
    key-params      = key-param *(";" key-param)
    key-param       = "inline:" key-salt ["|" lifetime] ["|" mki]
    key-salt        = 1*(base64)                        ; master key || master salt
    lifetime        = ["2^"] 1*(DIGIT)                  ; packets, at most 2^48
    mki             = mki-value ":" mki-length          ; length 1..128 octets
    session-param   = "KDR=" 1*2DIGIT / "UNENCRYPTED_SRTP" / "UNENCRYPTED_SRTCP" /
                      "UNAUTHENTICATED_SRTP" / "FEC_ORDER=" fec-type / "FEC_KEY=" key-params /
                      "WSH=" 2*DIGIT / ["-"] 1*(VCHAR)

Case matters in base64 alone. A value stands without `a=crypto:` here, as lib/sdp gives it.
"""

import binascii

from vox6.wire import FormatError, LocalProtocolError, const

from . import profiles

_MAX_OCTETS = const(640)  # one line: five keys of AES-256 with all that may follow them
_MAX_PARAMETERS = const(12)  # RFC 4568 defines seven
_MAX_KEYS = const(5)
_MAX_LIFETIME_BITS = const(48)  # RFC 3711 section 9.2
_MAX_MKI_OCTETS = const(128)  # section 6.1
_MAX_MKI_DIGITS = const(309)  # 2^1024 - 1
_MIN_LIFETIME = 1 << 20  # nearly six hours of voice: what we honour without counting packets

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class MasterKey:
    """One inline key (section 6.1).

    key_salt: master key || master salt, octets. lifetime: most packets under it, None for the
    profile's own. mki: Master Key Identifier, None without; mki_octets: its length in packets.
    """

    def __init__(
        self,
        key_salt: bytes,
        lifetime: "int | None" = None,
        mki: "int | None" = None,
        mki_octets: int = 0,
    ) -> None:
        self.key_salt = key_salt
        self.lifetime = lifetime
        self.mki = mki
        self.mki_octets = mki_octets

    @classmethod
    def parse(cls, text: str, length: int) -> "MasterKey":
        """Read what stands behind `inline:`; length: octets that key and salt must have."""
        fields = text.split("|")
        key_salt = _from_base64(fields[0])
        if len(key_salt) != length:
            raise FormatError("key and salt of another length than the suite's")
        lifetime = mki = None
        mki_octets = 0
        rest = fields[1:]
        if rest and ":" not in rest[0]:
            lifetime = _lifetime(rest.pop(0))
        if rest:
            value, colon, octets = rest.pop(0).partition(":")
            if not colon:
                raise FormatError("MKI without a length")
            mki = _positive(value, _MAX_MKI_DIGITS, "MKI")
            mki_octets = _positive(octets, 3, "length of MKI")
            if mki_octets > _MAX_MKI_OCTETS:
                raise FormatError("MKI too long")
            if mki >> 8 * mki_octets:
                raise FormatError("MKI has no room in its length")
        if rest:
            raise FormatError("a key with too many fields")
        return cls(key_salt, lifetime, mki, mki_octets)

    def emit(self) -> str:
        """Return `inline:` and what belongs to it."""
        text = "inline:" + binascii.b2a_base64(self.key_salt).decode().strip()
        lifetime = self.lifetime
        if lifetime is not None:
            bits = 0
            while lifetime >> bits > 1:
                bits += 1
            text += "|2^%d" % bits if bits > 9 and lifetime == 1 << bits else "|%d" % lifetime
        if self.mki is not None:
            text += "|%d:%d" % (self.mki, self.mki_octets)
        return text


class CryptoAttribute:
    """One a=crypto line.

    tag: which line of an offer it is, or answers. suite: as the line has it; profile: the name of
    profiles.PROFILES that it means, None for a suite that we do not know. keys: list of MasterKey,
    at least one; empty where the suite or the key method is not known, then key_params holds the
    text. parameters: the session parameters, text, in order.
    """

    def __init__(
        self,
        tag: int,
        suite: str,
        keys: "list[MasterKey]",
        parameters: "list[str] | None" = None,
        key_params: str = "",
    ) -> None:
        self.tag = tag
        self.suite = suite
        self.profile = profiles.find(suite)
        self.keys = keys
        self.parameters: "list[str]" = [] if parameters is None else parameters
        self.key_params = key_params

    @classmethod
    def parse(cls, value: str) -> "CryptoAttribute":
        """Read what stands behind `a=crypto:`; FormatError: the line is invalid.

        An unknown suite or key method is valid, see unsupported(). An unknown session parameter
        without a dash makes the line invalid (section 6.3.7).
        """
        if len(value) > _MAX_OCTETS:
            raise FormatError("crypto attribute too long")
        for char in value:
            if not " " <= char <= "~" and char != "\t":
                raise FormatError("crypto attribute with an unprintable character")
        fields = [field for field in value.replace("\t", " ").split(" ") if field]
        if len(fields) < 3 or value[0] in " \t":
            raise FormatError("crypto attribute has not tag, suite and key")
        if len(fields) - 3 > _MAX_PARAMETERS:
            raise FormatError("crypto attribute with too many parameters")
        tag = 0 if fields[0] == "0" else _positive(fields[0], 9, "tag")
        suite = fields[1]
        if not _is_name(suite):
            raise FormatError("bad crypto suite")
        keys = _keys(fields[2], profiles.find(suite))
        for parameter in fields[3:]:
            _check_parameter(parameter, suite)
        return cls(tag, suite, keys, fields[3:], "" if keys else fields[2])

    def emit(self) -> str:
        """Return what stands behind `a=crypto:`."""
        keys = ";".join([key.emit() for key in self.keys]) or self.key_params
        return " ".join(["%d %s %s" % (self.tag, self.suite, keys)] + self.parameters)

    @property
    def key_salt(self) -> bytes:
        """The first key: master key || master salt. LocalProtocolError: there is none."""
        if not self.keys:
            raise LocalProtocolError("a crypto attribute without a key that we can read")
        return self.keys[0].key_salt

    def unsupported(self) -> "str | None":
        """Return why our SRTP cannot do what this valid line asks for, None if it can."""
        if self.profile is None:
            return "suite"
        if not self.keys:
            return "key method"
        if len(self.keys) > 1:
            return "several keys"
        if self.keys[0].mki is not None:
            return "MKI"
        lifetime = self.keys[0].lifetime
        if lifetime is not None and lifetime < _MIN_LIFETIME:
            return "short lifetime"
        for parameter in self.parameters:
            name, _, value = parameter.upper().partition("=")
            # WSH is a hint to the receiver, FEC_SRTP the default, and a dash says "ignore me"
            if name.startswith("-") or name == "WSH" or (name, value) == ("FEC_ORDER", "FEC_SRTP"):
                continue
            return name
        return None

    def debug(self) -> str:
        """Return one line, without the key."""
        return "%d %s %s" % (self.tag, self.suite, self.unsupported() or "usable")


def _is_name(text: str) -> bool:
    for char in text:
        if not ("a" <= char <= "z" or "A" <= char <= "Z" or "0" <= char <= "9" or char == "_"):
            return False
    return bool(text)


def _positive(text: str, digits: int, what: str) -> int:
    """Return a decimal integer above zero and without leading zeroes."""
    if not 1 <= len(text) <= digits or text[0] == "0":
        raise FormatError("bad " + what)
    for char in text:
        if not "0" <= char <= "9":
            raise FormatError("bad " + what)
    return int(text)


def _lifetime(text: str) -> int:
    if text[:2] == "2^":
        bits = 0 if text == "2^0" else _positive(text[2:], 2, "lifetime")
        if bits > _MAX_LIFETIME_BITS:
            raise FormatError("lifetime beyond the suite's")
        return 1 << bits
    lifetime = _positive(text, 15, "lifetime")
    if lifetime > 1 << _MAX_LIFETIME_BITS:
        raise FormatError("lifetime beyond the suite's")
    return lifetime


def _from_base64(text: str) -> bytes:
    """Decode strictly, which a2b_base64 does not on every interpreter; "=" may be missing."""
    bare = text
    for _ in range(2):
        if bare.endswith("="):
            bare = bare[:-1]
    for char in bare:
        if char not in _BASE64:
            raise FormatError("key is not base64")
    if not bare or len(bare) % 4 == 1 or (bare != text and len(text) % 4):
        raise FormatError("key is not base64")
    return binascii.a2b_base64((bare + "=" * (-len(bare) % 4)).encode())


def _keys(text: str, profile: "str | None") -> "list[MasterKey]":
    """Read key-params; an empty list where the suite or a key method is strange to us."""
    parts = text.split(";")
    if len(parts) > _MAX_KEYS:
        raise FormatError("too many keys")
    keys: "list[MasterKey]" = []
    strange = profile is None
    for part in parts:
        method, colon, info = part.partition(":")
        if not colon or not info or not _is_name(method):
            raise FormatError("bad key parameter")
        if method.lower() != "inline":
            strange = True
        elif profile is not None:
            keys.append(MasterKey.parse(info, profiles.key_salt_octets(profile)))
    if strange:
        return []
    if len(keys) > 1:
        for key in keys:
            if key.mki is None or key.mki_octets != keys[0].mki_octets:
                raise FormatError("several keys without MKIs of one length")
    return keys


def _check_parameter(text: str, suite: str) -> None:
    """FormatError: a session parameter that makes the line invalid (section 6.3)."""
    name, equals, value = text.partition("=")
    name = name.upper()
    if name == "KDR" and equals:
        if _positive(value, 2, "KDR") > 24:
            raise FormatError("bad KDR")
    elif name == "WSH" and equals:
        if len(value) > 9 or _positive(value, 9, "WSH") < 64:
            raise FormatError("bad WSH")
    elif name == "FEC_ORDER" and equals:
        if value.upper() not in ("FEC_SRTP", "SRTP_FEC"):
            raise FormatError("bad FEC_ORDER")
    elif name == "FEC_KEY" and equals:
        _keys(value, profiles.find(suite))
    elif name in ("UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP"):
        if equals:
            raise FormatError("a flag with a value")
    elif text[0] != "-" or text[1:2] in ("", "-"):
        raise FormatError("unknown session parameter")
