# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIP and SIPS URIs (RFC 3261 sections 19.1 and 25.1), and opaque ones of other schemes.

    SIP-URI    =  "sip:" [ userinfo ] hostport uri-parameters [ headers ]
    userinfo   =  ( user / telephone-subscriber ) [ ":" password ] "@"
    hostport   =  host [ ":" port ]
    host       =  hostname / IPv4address / IPv6reference

User, password, parameters and headers are kept escaped as they came, so that what was read is
written again octet by octet; `unescape` shows them to people.
"""

from vox6.sip.grammar import MAX_URI_CHARS as MAX_URI_CHARS
from vox6.sip.grammar import check_host as check_host
from vox6.sip.grammar import host_address as host_address
from vox6.sip.grammar import host_text as host_text
from vox6.sip.grammar import parse_port as parse_port
from vox6.sip.grammar import split_hostport as split_hostport
from vox6.wire.errors import FormatError

_ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_UNRESERVED = _ALNUM + "-_.!~*'()"
_USER = _UNRESERVED + "&=+$,;?/%"
_PASSWORD = _UNRESERVED + "&=+$,%"
_PARAM = _UNRESERVED + "[]/:&+$%"
_HEADER = _UNRESERVED + "[]/?:+$%"
_OPAQUE = _UNRESERVED + ";/?:@&=+$,%[]#"
_HEX = "0123456789abcdefABCDEF"


def unescape(text: str) -> str:
    """Return text with its %XX replaced; FormatError if they are no UTF-8."""
    if "%" not in text:
        return text
    parts = text.split("%")
    out = bytearray(parts[0].encode())
    for part in parts[1:]:
        if len(part) < 2 or part[:2].strip(_HEX):
            raise FormatError("bad escape in a URI")
        out.append(int(part[:2], 16))
        out += part[2:].encode()
    try:
        return bytes(out).decode()
    except UnicodeError:
        raise FormatError("escaped octets are not UTF-8")


def escape(text: str, allowed: str = _UNRESERVED + "&=+$,;?/") -> str:
    """Return text for the user part of a URI, everything else as %XX (RFC 3261 section 19.1.2)."""
    if not text.strip(allowed):
        return text
    out = []
    for char in text:
        if char in allowed:
            out.append(char)
        else:
            for octet in char.encode():
                out.append("%%%02X" % octet)
    return "".join(out)


def check_escapes(text: str) -> None:
    """Raise FormatError unless every % is followed by two hexadecimal digits."""
    if "%" in text:
        for part in text.split("%")[1:]:
            if len(part) < 2 or part[:2].strip(_HEX):
                raise FormatError("bad escape in a URI")


class URI:
    """One URI.

    scheme: lower case. For "sip" and "sips": user, password: str or None, escaped; host: a name, a
    dotted quad, or an IPv6reference with its brackets; port: int or None; params: list of (name,
    value or None); headers: text behind "?" or None. For other schemes opaque holds the rest.
    """

    def __init__(
        self,
        scheme: str = "sip",
        user: "str | None" = None,
        host: str = "",
        port: "int | None" = None,
        params: "list[tuple[str, str | None]] | None" = None,
        headers: "str | None" = None,
        password: "str | None" = None,
        opaque: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.params: "list[tuple[str, str | None]]" = [] if params is None else params
        self.headers = headers
        self.opaque = opaque

    @staticmethod
    def parse(text: str) -> "URI":
        """Return the URI in text (the whole of it); FormatError 400, or 414 if it is too long."""
        if len(text) > MAX_URI_CHARS:
            raise FormatError("URI too long", 414)
        colon = text.find(":")
        scheme = text[:colon] if colon > 0 else ""
        if not scheme or scheme.strip(_ALNUM + "+-.") or scheme[:1].strip(_ALNUM[:52]):
            raise FormatError("no URI")
        scheme = scheme.lower()
        rest = text[colon + 1 :]
        if scheme != "sip" and scheme != "sips":
            if not rest or rest.strip(_OPAQUE):
                raise FormatError("bad character in a URI")
            return URI(scheme, opaque=rest)
        user = password = headers = None
        at = rest.find("@")
        if at >= 0:
            user = rest[:at]
            rest = rest[at + 1 :]
            colon = user.find(":")
            if colon >= 0:
                password = user[colon + 1 :]
                user = user[:colon]
                if password.strip(_PASSWORD):
                    raise FormatError("bad character in a URI")
                check_escapes(password)
            if not user or user.strip(_USER):
                raise FormatError("bad user in a URI")
            check_escapes(user)
        at = rest.find("?")
        if at >= 0:
            headers = rest[at + 1 :]
            rest = rest[:at]
            _check_headers(headers)
        params: "list[tuple[str, str | None]]" = []
        at = rest.find(";")
        if at >= 0:
            for part in rest[at + 1 :].split(";"):
                at_equal = part.find("=")
                name = part if at_equal < 0 else part[:at_equal]
                value = None if at_equal < 0 else part[at_equal + 1 :]
                if not name or name.strip(_PARAM):
                    raise FormatError("bad parameter in a URI")
                if value is not None and (not value or value.strip(_PARAM)):
                    raise FormatError("bad parameter in a URI")
                check_escapes(part)
                params.append((name, value))
            rest = rest[:at]
        host, port = split_hostport(rest)
        check_host(host)
        return URI(scheme, user, host, port, params, headers, password)

    def __str__(self) -> str:
        if self.scheme != "sip" and self.scheme != "sips":
            return self.scheme + ":" + self.opaque
        out = [self.scheme, ":"]
        if self.user is not None:
            out.append(self.user)
            if self.password is not None:
                out.append(":")
                out.append(self.password)
            out.append("@")
        out.append(self.host)
        if self.port is not None:
            out.append(":%d" % self.port)
        for name, value in self.params:
            out.append(";" + name if value is None else ";" + name + "=" + value)
        if self.headers is not None:
            out.append("?")
            out.append(self.headers)
        return "".join(out)

    def __repr__(self) -> str:
        return "URI(%r)" % str(self)

    def get(self, name: str) -> "str | None":
        """Return a parameter's value, "" when it has none, None if absent; name: lower case."""
        for key, value in self.params:
            if key.lower() == name:
                return "" if value is None else value
        return None

    def addr16(self) -> "bytes | None":
        """Return the host's 16 octets when it is an address, None when it is a name."""
        if self.scheme != "sip" and self.scheme != "sips":
            return None
        return host_address(self.host)

    def peer(self) -> "tuple[bytes, int] | None":
        """Return (addr16, port) when the host is an address; maddr goes before the host."""
        maddr = self.get("maddr")
        addr16 = host_address(maddr) if maddr else self.addr16()
        if addr16 is None:
            return None
        if self.port is not None:
            return addr16, self.port
        return addr16, 5061 if self.scheme == "sips" else 5060

    def user_text(self) -> str:
        """Return the user part for people, "" if there is none."""
        return unescape(self.user) if self.user else ""

    def matches(self, other: "URI") -> bool:
        """Return whether both are equivalent by RFC 3261 section 19.1.4."""
        if self.scheme != other.scheme:
            return False
        if self.scheme != "sip" and self.scheme != "sips":
            return self.opaque == other.opaque
        if self.port != other.port:
            return False
        if _same(self.user) != _same(other.user) or _same(self.password) != _same(other.password):
            return False
        if not _same_host(self.host, other.host):
            return False
        for name in ("user", "ttl", "method", "maddr", "transport"):
            one = self.get(name)
            two = other.get(name)
            if (one is None) != (two is None):
                return False
        for key, value in self.params:
            two = other.get(key.lower())
            if two is not None and _fold("" if value is None else value) != _fold(two):
                return False
        return _header_set(self.headers) == _header_set(other.headers)


def _same(text: "str | None") -> "bytes | None":
    """Return octets that are equal for equivalent user parts: unescaped, case kept."""
    if text is None:
        return None
    if "%" not in text:
        return text.encode()
    parts = text.split("%")
    out = bytearray(parts[0].encode())
    for part in parts[1:]:
        out.append(int(part[:2], 16))
        out += part[2:].encode()
    return bytes(out)


def _fold(text: str) -> "bytes | None":
    return _same(text.lower())


def _same_host(one: str, two: str) -> bool:
    if one[:1] == "[" and two[:1] == "[":
        return host_address(one) == host_address(two)
    return one.lower() == two.lower()


def _check_headers(text: str) -> None:
    for part in text.split("&"):
        at = part.find("=")
        if at <= 0 or part[:at].strip(_HEADER) or part[at + 1 :].strip(_HEADER):
            raise FormatError("bad header in a URI")
        check_escapes(part)


def _header_set(text: "str | None") -> "list[bytes | None]":
    if text is None:
        return []
    out = []
    for part in text.split("&"):
        at = part.find("=")
        out.append(_same(part[:at].lower() + part[at:]))
    return sorted(out, key=lambda item: item or b"")
