# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""ICE through the relay (RFC 8839 section 5): `ice rewrite`.

    a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ host ...

A host candidate whose address and port are those of c=, m= and a=rtcp is what the relay stands
for, so it passes with what the relay shows in its place; all other candidates are other paths, and
go. A media description without any falls back to plain offer and answer: its ICE lines go too.

Checks pass as any datagram, but a mapped address in their answers is of the far side.
"""

from vox6.sip.grammar import host_text
from vox6.wire import const

from .rewrite import rewrite as rewrite_addresses
from .rewrite import set_number
from .scan import literal

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from vox6.sip.lines import RequestLines, ResponseLines

    from .scan import Translator
    from .sdp import Media

    Ports = tuple[int, int]
    Found = tuple[bytes, Ports, bytes, Ports]  # address, RTP and RTCP, as told and as shown

_CANDIDATE = const(b"a=candidate:")
_ATTRIBUTES = (b"a=ice-", b"a=end-of-candidates")


def rewrite(
    message: "RequestLines | ResponseLines", translate: "Translator", media: "Media"
) -> None:
    """As rewrite.rewrite(), and ICE passes in a body that is a session description."""
    before = message.body
    witness = _Witness(media)
    rewrite_addresses(message, translate, witness)
    kind = (message.get("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/sdp" and before.find(_CANDIDATE) >= 0 and witness.found:
        message.body = _put_back(before, message.body, witness.found)
        set_number(message, "content-length", len(message.body))


class _Witness:
    """Media that remembers what was shown for what, by the number of the description."""

    def __init__(self, media: "Media") -> None:
        self._media = media
        self.found: "dict[int, Found]" = {}

    def stream(
        self, index: int, addr16: "bytes | None", rtp: int, rtcp: int, count: int
    ) -> "tuple[bytes, int, int] | None":
        shown = self._media.stream(index, addr16, rtp, rtcp, count)
        if shown is not None and addr16 is not None:
            self.found[index] = (addr16, (rtp, rtcp), shown[0], shown[1:])
        return shown


def _put_back(before: bytes, after: bytes, found: "dict[int, Found]") -> bytes:
    """Return a rewritten description with the ICE lines that may pass."""
    old = before.split(b"\nm=")
    new = after.split(b"\nm=")
    passes = False
    for index in range(len(new) - 1):
        lines = old[index + 1].split(b"\n")
        shown = found.get(index)
        candidates = [] if shown is None else [_mapped(line, shown) for line in lines]
        candidates = [line for line in candidates if line]
        if candidates:
            passes = True
            new[index + 1] = _with(new[index + 1], _attributes(lines) + candidates)
    if passes:
        new[0] = _with(new[0], _attributes(old[0].split(b"\n")))
    return b"\nm=".join(new)


def _attributes(lines: "list[bytes]") -> "list[bytes]":
    return [line for line in lines if True in [line.startswith(one) for one in _ATTRIBUTES]]


def _mapped(line: bytes, found: "Found") -> bytes:
    """Return a candidate as the other side shall see it, b"" if it has no business there."""
    words = line.split()
    if not line.startswith(_CANDIDATE) or len(words) < 8 or words[2].upper() != b"UDP":
        return b""
    addr16, ports, shown, shown_ports = found
    if words[6:8] != [b"typ", b"host"] or literal(words[4]) != addr16:
        return b""
    for i in (0, 1):
        if words[5] == b"%d" % ports[i]:
            words[4] = host_text(shown).strip("[]").encode()
            words[5] = b"%d" % shown_ports[i]
            return b" ".join(words) + (b"\r" if line.endswith(b"\r") else b"")
    return b""


def _with(part: bytes, lines: "list[bytes]") -> bytes:
    """Return a part of a description with lines at its end."""
    own = part.split(b"\n")
    at = len(own) - (not own[-1])
    own[at:at] = lines
    return b"\n".join(own)
