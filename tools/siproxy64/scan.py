# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Addresses in one header field become their counterparts (RFC 3261 sections 19, 20 and 25.1).

Nothing is taken apart and put together again: a scanner finds each host in a field where a host
may stand, asks for its counterpart, and replaces these octets alone.

    hostport  =  host [ ":" port ]               in sip: and sips: URIs, sent-by, maddr, received
    sent-by   =  host [ COLON port ]             COLON: white space on both sides
    received  =  IPv4address / IPv6address       also taken in brackets (RFC 5118 section 4.5)
"""

from vox6.sip.grammar import host_text
from vox6.sip.lines import header_key
from vox6.wire import const
from vox6.wire.errors import FormatError, RemoteProtocolError
from vox6.wire.inet6 import parse_address, parse_ipv4

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from vox6.sip.lines import Lines

    Address = tuple[bytes, int]

_MAPPED = const(b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")
_DIGITS = const(b"0123456789")
_NAME = const(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
_BARE = const(b"0123456789abcdefABCDEF:.")
_LWS = const(b" \t\r\n")
# Identifiers, numbers, tokens, and what a digest covers: never read, so never changed.
_OPAQUE = set(
    (
        "call-id cseq max-forwards content-length content-type content-id authorization "
        "proxy-authorization www-authenticate proxy-authenticate authentication-info allow "
        "allow-events supported require proxy-require unsupported event subscription-state "
        "expires min-expires session-expires min-se session-id user-agent server date "
        "timestamp retry-after rack rseq reason subject organization accept accept-encoding "
        "accept-language content-encoding content-disposition content-language mime-version "
        "priority replaces join target-dialog in-reply-to privacy identity security-client "
        "security-server security-verify sip-etag sip-if-match suppress-if-match user-to-user"
    ).split(" ")
)
_MOST_READ = const(256)
_read: "dict[bytes, bytes | None]" = {}  # the same few addresses stand in every message


class Refused(RemoteProtocolError):
    """The message cannot pass.

    code: SIP status. warning: (code, text) or None. retry_s: seconds of Retry-After, 0: none.
    """

    def __init__(
        self, code: int, reason: str, warning: "tuple[int, str] | None" = None, retry_s: int = 0
    ) -> None:
        super().__init__(reason, code)
        self.warning = warning
        self.retry_s = retry_s


def unacceptable(code: int = 300, text: str = "Incompatible network protocol") -> Refused:
    """Return the refusal of a message, with what Warning says (RFC 3261 section 20.43)."""
    return Refused(488, "Not Acceptable Here", (code, text))


class Translator:
    """What an address is called on the side that a message goes to."""

    def __call__(self, addr16: bytes, port: int) -> "Address | None":
        """Return the counterpart; what was given if it needs none, None if it has none.

        port: 0 asks for the address alone.
        """
        raise NotImplementedError

    def name(self, text: str) -> "bytes | None":
        """Return the address that a host name stands for, None if it is none of the own names."""
        return None


def literal(octets: bytes) -> "bytes | None":
    """Return the 16 octets of an address in text without brackets, None if it is none.

    Three colons in a row are taken for two (RFC 5118 section 4.10).
    """
    if len(octets) > 45:
        return None  # longer than any
    if octets in _read:
        return _read[octets]
    addr16 = None
    try:
        if not octets.strip(b"0123456789."):
            addr16 = _MAPPED + parse_ipv4(octets.decode())
        else:
            addr16 = parse_address(octets.decode().replace(":::", "::"))
    except (FormatError, UnicodeError):
        pass
    if len(_read) == _MOST_READ:
        _read.clear()
    _read[octets] = addr16
    return addr16


def first_of(octets: bytes, chars: bytes, start: int, end: int) -> int:
    """Return where the first of some characters stands, end if none does."""
    for i in range(len(chars)):
        at = octets.find(chars[i : i + 1], start, end)
        if at >= 0:
            end = at
    return end


def _skip(octets: bytes, at: int, end: int) -> int:
    while at < end and octets[at : at + 1] in (b" ", b"\t", b"\r", b"\n"):
        at += 1
    return at


class Field:
    """One field value in work: its octets, and which of them are to be replaced.

    unmapped: an address without counterpart was seen.
    """

    def __init__(self, octets: bytes, translate: "Translator") -> None:
        self.octets = octets
        self._low = octets.lower()
        self._translate = translate
        self._edits: "list[tuple[int, int, bytes]]" = []
        self.unmapped = False
        self.start = self.end = self.port = 0  # of the hostport seen last

    def result(self) -> bytes:
        """Return the octets with all replacements."""
        if not self._edits:
            return self.octets
        out = []
        at = 0
        for start, end, octets in sorted(self._edits):
            out.append(self.octets[at:start])
            out.append(octets)
            at = end
        out.append(self.octets[at:])
        return b"".join(out)

    def host(self, at: int, end: int, default: int, bare: bool = False) -> int:
        """Replace the hostport at `at`; return its new port.

        default: its port when none is written. bare: an IPv6 address stands without brackets, is
        written so, and has no port behind it.
        """
        octets = self.octets
        close = octets.find(b"]", at, end) if octets[at : at + 1] == b"[" else -1
        if close >= 0:
            stop = close + 1
            addr16 = literal(octets[at + 1 : close])
        else:
            rest = octets[at:end]
            stop = end - len(rest.lstrip(_BARE if bare else _NAME))
            addr16 = literal(octets[at:stop])
            if addr16 is None and stop > at:
                addr16 = self._translate.name(octets[at:stop].decode())
        port, here, there = default, stop, stop
        colon = _skip(octets, stop, end)
        if not bare and octets[colon : colon + 1] == b":":
            here = _skip(octets, colon + 1, end)
            there = end - len(octets[here:end].lstrip(_DIGITS))
            if 1 <= there - here <= 5:
                port = int(octets[here:there])
        self.start, self.end, self.port = at, there, port
        if addr16 is None:
            return port
        other = self._translate(addr16, port)
        if other is None:
            self.unmapped = True
        elif other != (addr16, port):
            text = host_text(other[0])
            self._edits.append((at, stop, (text.strip("[]") if bare else text).encode()))
            if here > stop:
                self._edits.append((here, there, b"%d" % other[1]))
            elif other[1] != default and not bare:
                self._edits.append((stop, stop, b":%d" % other[1]))
            port = other[1]
        return port

    def parameter(self, name: bytes, at: int, end: int) -> int:
        """Return where the value of a parameter begins, 0 if it is not there."""
        found = at
        while True:
            found = self._low.find(name, found, end)
            if found < 0:
                return 0
            equal = _skip(self.octets, found + len(name), end)
            if self.octets[found - 1] in b"; \t\n" and self.octets[equal : equal + 1] == b"=":
                return _skip(self.octets, equal + 1, end)
            found += 1

    def uri(self, at: int, end: int, enclosed: bool) -> int:
        """Replace the hosts of the sip: or sips: URI at `at`; return the index behind it.

        enclosed: it stands between < and >, or alone, so that it goes on to the end.
        """
        colon = self._low.find(b":", at, end)
        default = 5061 if colon - at == 4 else 5060
        at = colon + 1
        if not enclosed:
            end = first_of(self.octets, b",;?", at, end)
        user = self.octets.find(b"@", at, end)
        self.host(user + 1 if user >= 0 else at, end, default)
        if enclosed:
            at = self.end
            question = first_of(self.octets, b"?", at, end)
            value = self.parameter(b"maddr", at, question)
            if value:
                self.host(value, question, default)
            if question < end:
                self._headers(question + 1, end)
        return end

    def _headers(self, at: int, end: int) -> None:
        """Replace hosts in the headers of a URI, each unescaped first."""
        while at < end:
            stop = first_of(self.octets, b"&", at, end)
            equal = self.octets.find(b"=", at, stop)
            if equal > 0:
                try:
                    key = header_key(self.octets[at:equal].decode())
                    value = _unescape(self.octets[equal + 1 : stop])
                except (UnicodeError, ValueError):
                    return
                changed = field(key, value, self._translate)[0]
                if changed != value:
                    self._edits.append((equal + 1, stop, _escape(changed)))
            at = stop + 1

    def uris(self, quoted: bool) -> None:
        """Replace the hosts of all sip: and sips: URIs.

        quoted: what stands in quotation marks is for people, not to be read.
        """
        octets, low = self.octets, self._low
        at = 0
        while True:
            found = low.find(b"sip", at)
            if found < 0:
                return
            mark = octets.find(b'"', at, found) if quoted else -1
            if mark >= 0:
                if low[mark - 9 : mark] == b"received=":
                    at = mark + 1
                    quoted = False
                    continue
                at = quoted_end(octets, mark)
                continue
            at = found + (4 if low[found + 3 : found + 4] == b"s" else 3)
            before = octets[found - 1 : found] if found else b" "
            if low[at : at + 1] != b":" or not before.strip(_NAME + b"+"):
                continue
            enclosed = before in (b"<", b'"', b"'", b">")
            end = first_of(octets, b"> \t\r\n\"'<" if not quoted else b'> \t\r\n"<', at, len(low))
            at = self.uri(found, end, enclosed)

    def via(self) -> None:
        """Replace the hosts of all Via values."""
        octets = self.octets
        start = 0
        while start < len(octets):
            end = first_of(octets, b",", start, len(octets))
            slash = octets.find(b"/", octets.find(b"/", start, end) + 1, end)
            semicolon = first_of(octets, b";", start, end)
            if start < slash < semicolon:
                at = _skip(octets, slash + 1, semicolon)
                space = first_of(octets, _LWS, at, semicolon)
                default = 5061 if self._low[at:space] == b"tls" else 5060
                self.host(_skip(octets, space, semicolon), semicolon, default)
                port = self.port
                value = self.parameter(b"maddr", semicolon, end)
                if value:
                    self.host(value, end, port)
                self._source(semicolon, end, port)
            start = end + 1

    def _source(self, at: int, end: int, port: int) -> None:
        """Replace received and rport of one Via value. port: of sent-by."""
        octets = self.octets
        value = self.parameter(b"received", at, end)
        if not value:
            return
        number = self.parameter(b"rport", at, end)
        stop = end - len(octets[number:end].lstrip(_DIGITS))
        if number and 1 <= stop - number <= 5:
            port = int(octets[number:stop])
        else:
            number = 0
        other = self.host(value, end, port, True)
        if number and other != port:
            self._edits.append((number, stop, b"%d" % other))

    def agents(self) -> None:
        """Replace the warn-agent of all Warning values: code SP agent SP quoted text."""
        octets = self.octets
        at = 0
        while at < len(octets):
            at = _skip(octets, at, len(octets))
            at = _skip(octets, first_of(octets, _LWS, at, len(octets)), len(octets))
            self.host(at, first_of(octets, b' "', at, len(octets)), 5060)
            mark = octets.find(b'"', at)
            at = len(octets) if mark < 0 else quoted_end(octets, mark)
            at = first_of(octets, b",", at, len(octets)) + 1

    def values(self) -> None:
        """Replace the hosts that are the values of parameters, in quotation marks or without."""
        at = self.octets.find(b"=") + 1
        while at > 0:
            at += self.octets[at : at + 1] == b'"'
            self.host(at, len(self.octets), 5060)
            at = self.octets.find(b"=", at) + 1


def quoted_end(octets: bytes, mark: int) -> int:
    """Return the index behind the quoted string that begins at mark."""
    at = mark + 1
    while True:
        end = octets.find(b'"', at)
        if end < 0:
            return len(octets)
        slash = octets.find(b"\\", at, end)
        if slash < 0:
            return end + 1
        at = slash + 2


def _unescape(octets: bytes) -> bytes:
    parts = octets.split(b"%")
    out = [parts[0]]
    for part in parts[1:]:
        out.append(bytes([int(part[:2], 16)]))
        out.append(part[2:])
    return b"".join(out)


def _escape(octets: bytes) -> bytes:
    out = []
    for i in range(len(octets)):
        char = octets[i : i + 1]
        plain = not char.strip(_NAME + b"_!~*'()")
        out.append(char if plain else b"%%%02X" % octets[i])
    return b"".join(out)


def field(key: str, octets: bytes, translate: Translator) -> "tuple[bytes, bool]":
    """Return (a header's value with its hosts replaced, an address had no counterpart)."""
    if key in _OPAQUE:
        return octets, False
    work = Field(octets, translate)
    if key == "via":
        work.via()
    elif key == "warning":
        work.agents()
    elif key == "p-charging-function-addresses":
        work.values()
    else:
        work.uris(True)
    return work.result(), work.unmapped


def tag(message: "Lines", key: str) -> str:
    """Return the tag of From or To, "" if there is none. key: "from" or "to"."""
    text = message.get(key) or ""
    work = Field(text.encode(), Translator())
    at = work.parameter(b"tag", text.rfind(">") + 1, len(work.octets))
    return (
        work.octets[at : first_of(work.octets, b"; \t", at, len(work.octets))].decode()
        if at
        else ""
    )


def cseq(message: "Lines") -> "tuple[int, str]":
    """Return number and method of CSeq; FormatError if it is none."""
    words = (message.get("cseq") or "").split()
    if len(words) != 2 or words[0].strip("0123456789"):
        raise FormatError("bad CSeq")
    return int(words[0]), words[1]
