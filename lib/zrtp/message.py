# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What all ZRTP messages share (RFC 6189 section 5.1).

    octets 0..1   0x505a
           2..3   length in words of 4 octets, of the whole message
           4..11  message type block, ASCII with trailing spaces

Type blocks of algorithms are text of four characters; an octet that is not printable ASCII
becomes "?", which names no algorithm.
"""

from vox6.wire import const

_BODY = const(12)
_MAC = const(8)


def block_text(octets: "bytes | bytearray") -> str:
    """Return a type block as text."""
    return "".join([chr(octet) if 32 <= octet < 127 else "?" for octet in octets])


def _head(kind: str, words: int) -> bytes:
    return b"\x50\x5a" + words.to_bytes(2, "big") + kind.encode()


class Message:
    """What all messages share. event: its name in the table of state.py."""

    kind = ""
    octets = b""
    mac = bytes(_MAC)

    @property
    def event(self) -> str:
        """Return the name of the event that its arrival is."""
        return self.kind.strip()

    def body(self) -> bytes:
        """Return what follows the type block."""
        return b""

    def emit(self) -> bytes:
        """Return the octets of the message."""
        body = self.body()
        return _head(self.kind, (_BODY + len(body)) // 4) + body
