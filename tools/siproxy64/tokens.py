# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What proxy mode writes into messages and knows again: a state and a check, in base32.

    far end's address  far end's port  local address  local port
    4 or 16 octets     2               as many        2

The check is an HMAC of it under a key of our own, cut to 80 bits; it also covers what the token is
for. It stands in a branch, or in the parameter p64 of a URI.
"""

import hashlib

from vox6.sip.grammar import host_text, split_hostport

from .scan import literal
from .table import side

TYPE_CHECKING = False
if TYPE_CHECKING:
    Address = tuple[bytes, int]
    State = tuple[Address, Address]  # the far end, and the local address that it knows

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
TRANSACTION = 8  # characters of five bits
_CHECK = 16
# Octets and characters of a state, by side.
_STATES = ((36, 58), (12, 20))
_MAPPED = b"\0" * 10 + b"\xff\xff"
_SIP_PORT = 5060


class Tokens:
    """What we write into messages and know again. key: 32 octets that nobody else has."""

    def __init__(self, key: bytes) -> None:
        key = (key + b"\0" * 64)[:64]
        self._inner = bytes([octet ^ 0x36 for octet in key])
        self._outer = bytes([octet ^ 0x5C for octet in key])

    def digest(self, octets: bytes) -> bytes:
        """Return the HMAC-SHA256 of octets (RFC 2104)."""
        inner = hashlib.sha256(self._inner + octets).digest()
        return hashlib.sha256(self._outer + inner).digest()

    def transaction(self, octets: bytes) -> str:
        """Return what stands for a transaction in its branch."""
        return _text(self.digest(b"t" + octets)[:5], TRANSACTION)

    def make(self, kind: str, far: "Address", local: "Address", more: str = "") -> str:
        """Return a token. kind: what it is for; more: characters that it covers too."""
        body = _text(_pack(far, local), _STATES[side(far[0])][1]) + more
        return body + _text(self.digest((kind + body).encode())[:10], _CHECK)

    def read(self, kind: str, token: str, more: int = 0) -> "State | None":
        """Return the state of a token, None: we have not made it."""
        token = token.lower()
        chars = len(token) - more - _CHECK
        sizes = [size for size, length in _STATES if length == chars]
        if not sizes or token.strip(_ALPHABET):
            return None
        body = token[:-_CHECK]
        right = _text(self.digest((kind + body).encode())[:10], _CHECK)
        wrong = 0
        for i in range(_CHECK):
            wrong |= ord(right[i]) ^ ord(token[len(body) + i])
        return None if wrong else _unpack(token[:chars], sizes[0])


def _text(octets: bytes, chars: int) -> str:
    number = int.from_bytes(octets, "big")
    out = ""
    for _ in range(chars):
        out = _ALPHABET[number & 31] + out
        number >>= 5
    return out


def _pack(far: "Address", local: "Address") -> bytes:
    out = b""
    for addr16, port in (far, local):
        out += (addr16[12:] if side(addr16) else addr16) + bytes([port >> 8, port & 255])
    return out


def _unpack(text: str, size: int) -> "State":
    number = 0
    for char in text:
        number = number << 5 | _ALPHABET.find(char)
    octets = number.to_bytes(size, "big")
    half = size // 2
    out = []
    for part in (octets[:half], octets[half:]):
        addr16 = part[:-2]
        port = part[-2] << 8 | part[-1]
        out.append((_MAPPED + addr16 if len(addr16) == 4 else addr16, port))
    return out[0], out[1]


def hostport(where: "Address") -> str:
    text = host_text(where[0])
    return text if where[1] == _SIP_PORT else "%s:%d" % (text, where[1])


class OwnURI:
    """A sip: URI cut into what stands before its host, where that is, and its parameters."""

    def __init__(self, text: str) -> None:
        scheme, colon, rest = text.partition(":")
        user, at, rest = rest.rpartition("@")
        self.before = scheme + colon + user + at
        self.is_sip = scheme.strip().lower() == "sip"
        parts = rest.partition("?")[0].split(";")
        self.host, port = split_hostport(parts[0].strip())
        self.given = port or 0
        self.port = port or _SIP_PORT
        self.token: "str | None" = None
        self.others = ""
        for part in parts[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "p64":
                self.token = value.strip()
            else:
                self.others += ";" + part

    def at(self, where: "Address") -> str:
        """Return it with another host and without our parameter."""
        return self.before + hostport(where) + self.others

    def address(self) -> "Address | None":
        """Return (addr16, port), None if the host is a name."""
        addr16 = literal(self.host.strip("[]").encode())
        return None if addr16 is None else (addr16, self.port)
