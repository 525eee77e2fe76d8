# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Addresses in a session description become their counterparts (RFC 8866, 3264, 3605).

Line by line: what holds no address stays octet by octet as it came, in its order.

    o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>
    c=<nettype> <addrtype> <connection-address>
    m=<media> <port>["/" <number of ports>] <proto> <fmt> ...
    a=rtcp:<port> [<nettype> <addrtype> <connection-address>]
"""

from vox6.sip.grammar import host_text
from vox6.sip.lines import unfold
from vox6.wire import const

from .scan import Field, literal, unacceptable
from .table import side

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Protocol

    from .scan import Translator

    class Media(Protocol):
        """What the relay answers for one message."""

        def stream(
            self, index: int, addr16: "bytes | None", rtp: int, rtcp: int, count: int
        ) -> "tuple[bytes, int, int] | None":
            """Return (address, RTP port, RTCP port) that stand for those of a media description.

            index: its number. addr16: None while it is on hold without an address, then the
            address of the result is not used. count: of port pairs. None: there is no
            representation, the message is refused.
            """


_ZERO = const(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
_HOLD = const(("IP6 hold.invalid", "IP4 0.0.0.0"))  # RFC 6157 section 4.1, RFC 3264 section 8.4
# Other paths than the relay: without them both sides fall back to plain offer and answer.
_DROPPED = (
    b"a=candidate:",
    b"a=ice-",
    b"a=remote-candidates:",
    b"a=end-of-candidates",
    b"a=altc:",
)
_MAX_MEDIA = const(16)


def _number(octets: bytes) -> int:
    """Return a port, -1 if it is none."""
    if not 1 <= len(octets) <= 5 or octets.strip(b"0123456789"):
        return -1
    return int(octets)


def _typed(addr16: bytes) -> str:
    """Return an address with its type in front."""
    return ("IP4 " if side(addr16) else "IP6 ") + host_text(addr16).strip("[]")


def _is_multicast(addr16: bytes) -> bool:
    return addr16[12] >> 4 == 14 if side(addr16) else addr16[0] == 0xFF


def _starts(line: bytes, starts: "tuple[bytes, ...]") -> bool:
    return True in [line.startswith(start) for start in starts]


class _Lines:
    """The lines of the session, or of one media description."""

    def __init__(self, lines: "list[bytes]") -> None:
        self.lines = lines
        self.shown = b""  # the address of its stream on the other side

    def find(self, start: bytes) -> int:
        """Return the index of the first line that begins so, -1 if there is none."""
        for i in range(len(self.lines)):
            if self.lines[i].startswith(start):
                return i
        return -1

    def words(self, i: int) -> "list[bytes]":
        """Return the words of a line."""
        return self.lines[i].strip().split(b" ")

    def replace(self, i: int, text: "bytes") -> None:
        """Write a line anew, with the line end that it had."""
        end = b"\r" if self.lines[i].endswith(b"\r") else b""
        self.lines[i] = text + end

    def drop(self, starts: "tuple[bytes, ...]") -> None:
        """Take out all lines that begin so."""
        self.lines = [line for line in self.lines if not _starts(line, starts)]

    def connection(self) -> "bytes | None":
        """Return the connection-address, None if there is no c= line."""
        i = self.find(b"c=")
        words = self.words(i) if i >= 0 else []
        return words[2] if len(words) > 2 else None

    def connect(self, text: str) -> None:
        """Write the c= line, behind m= and i= if there is none."""
        i = self.find(b"c=")
        if i < 0:
            i = max(self.find(b"i="), 0) + 1
            self.lines.insert(i, self.lines[0])
        self.replace(i, b"c=IN " + text.encode())


def rewrite_sdp(octets: bytes, translate: "Translator", media: "Media") -> bytes:
    """Return a description with every address and port as the other side shall see them.

    Refused 488: a media address has no counterpart, or there is none for its kind.
    """
    parts: "list[_Lines]" = [_Lines([])]
    for line in octets.split(b"\n"):
        if line.startswith(b"m="):
            if len(parts) > _MAX_MEDIA:
                raise unacceptable(399, "Too many media descriptions")
            parts.append(_Lines([]))
        parts[-1].lines.append(line)
    session = parts[0]
    everywhere = session.connection()
    i = session.find(b"a=group:ANAT")
    if i >= 0:
        _choose(session.words(i)[1:], parts, everywhere, translate)
        session.drop((b"a=group:ANAT",))
    common: "str | None" = None
    for i in range(1, len(parts)):
        part = parts[i]
        own = part.connection()
        text = _media(i - 1, part, own or everywhere, translate, media)
        if own is not None or everywhere is None:
            if text is not None:
                part.connect(text)
        elif text is not None:
            if common is None:
                common = text
            elif common != text:
                part.connect(text)
    for part in parts:
        part.drop(_DROPPED)
        _attributes(part, translate)
    if common is None and everywhere is not None:
        common = _plain(everywhere, translate)
    if common is not None:
        session.connect(common)
    i = session.find(b"o=")
    words = session.words(i) if i >= 0 else []
    if len(words) == 6:
        text = _plain(words[5], translate)
        addr16 = literal(words[5])
        for part in parts:  # some take the type of all from here: an address that is known there
            if part.shown and addr16 is not None and translate(addr16, 0) is None:
                text = text or _typed(part.shown)
        if text is not None:
            session.replace(i, b" ".join(words[:4]) + b" " + text.encode())
    return b"\n".join([b"\n".join(part.lines) for part in parts if part.lines])


def _plain(address: bytes, translate: "Translator") -> "str | None":
    """Return type and counterpart of an address, None if it stays as it is."""
    addr16 = literal(address)
    other = None if addr16 is None else translate(addr16, 0)
    return None if other is None or other[0] == addr16 else _typed(other[0])


def _direct(address: "bytes | None", translate: "Translator") -> bool:
    """Return whether an address is one that the other side reaches itself."""
    addr16 = None if address is None else literal(address)
    return addr16 is not None and translate(addr16, 0) == (addr16, 0)


def _choose(
    mids: "list[bytes]",
    parts: "list[_Lines]",
    everywhere: "bytes | None",
    translate: "Translator",
) -> None:
    """Keep one of the media descriptions that are alternatives (RFC 4091), refuse the others.

    It is the first that the other side reaches itself, or else the first.
    """
    group: "list[_Lines]" = []
    for part in parts[1:]:
        i = part.find(b"a=mid:")
        if i >= 0 and part.lines[i][6:].strip() in mids:
            if _direct(part.connection() or everywhere, translate):
                group.insert(0, part)
            else:
                group.append(part)
    for part in group[1:]:
        _port(part, part.words(0), 0, b"")


def _media(
    index: int, part: _Lines, address: "bytes | None", translate: "Translator", media: "Media"
) -> "str | None":
    """Rewrite the ports of one media description; return its new address, None: as it was."""
    words = part.words(0)
    port_text, slash, count_text = (words + [b"", b""])[1].partition(b"/")
    port = _number(port_text)
    count = _number(count_text) if slash else 1
    if port <= 0 or count <= 0 or address is None:
        return None if address is None else _plain(address, translate)
    if len(words) > 2 and words[2][:3].upper() == b"TCP":
        _port(part, words, 0, slash + count_text)  # no relay for connections
        return _plain(address, translate)
    for line in part.lines:
        if line.startswith(b"a=altc:"):  # RFC 6947: number, type, address, port
            choice = line.split() + [b"", b"", b""]
            if _direct(choice[2], translate) and _number(choice[3]) > 0:
                _port(part, words, _number(choice[3]), slash + count_text)
                return unfold(choice[1] + b" " + choice[2])
    addr16 = literal(address.partition(b"/")[0])
    i = part.find(b"a=rtcp:")
    rtcp_words = part.words(i) if i >= 0 else []
    rtcp = _number(rtcp_words[0][7:]) if i >= 0 else port + 1
    text: "str | None" = None
    if addr16 is None:
        if not address.lower().endswith(b".invalid"):
            raise unacceptable(301, "Incompatible network address formats")
        held, text = True, _HOLD[1]
    else:
        held = addr16 == _ZERO or side(addr16) and addr16[12:] == _ZERO[:4]
        if held:
            text = _HOLD[0] if side(addr16) else _HOLD[1]
        else:
            other = translate(addr16, 0)
            if other is not None and other[0] == addr16:
                return None  # the other side reaches it itself
            if _is_multicast(addr16):
                if other is None or not _is_multicast(other[0]):
                    raise unacceptable(330, "Multicast not available")
                groups = address.split(b"/")[1:]
                if side(addr16):
                    groups = groups[1:]  # the hop limit
                else:
                    groups.insert(0, b"127")
                return unfold(b"/".join([_typed(other[0]).encode()] + groups))
    found = media.stream(index, None if held else addr16, port, rtcp, count)
    if found is None:
        if held:
            return text
        raise unacceptable()
    part.shown = found[0]
    if not held:
        text = _typed(found[0])
    if found[1] != port:
        _port(part, words, found[1], slash + count_text)
    if i >= 0:
        rtcp_words[0] = b"a=rtcp:%d" % found[2]
        if len(rtcp_words) == 4 and text is not None:
            rtcp_words[2:] = [text.encode()]
        part.replace(i, b" ".join(rtcp_words))
    elif found[2] != found[1] + 1 and count == 1:
        i = len(part.lines) - (not part.lines[-1])
        part.lines.insert(i, part.lines[0])
        part.replace(i, b"a=rtcp:%d" % found[2])
    return text


def _port(part: _Lines, words: "list[bytes]", port: int, behind: bytes) -> None:
    words[1] = b"%d" % port + behind
    part.replace(0, b" ".join(words))


def _attributes(part: _Lines, translate: "Translator") -> None:
    """Rewrite the attributes that hold addresses for others than the relay."""
    for i in range(len(part.lines)):
        line = part.lines[i]
        if line.startswith(b"a=source-filter:"):
            words = part.words(i)
            for j in range(4, len(words)):
                text = _plain(words[j], translate)
                if text is not None:
                    words[3], words[j] = text.encode().split(b" ")
            part.replace(i, b" ".join(words))
        elif line.startswith(b"a=path:"):
            work = Field(line, translate)
            at = line.find(b"://")
            while at >= 0:
                work.host(at + 3, len(line), 2855)
                at = line.find(b"://", at + 3)
            part.lines[i] = work.result()
