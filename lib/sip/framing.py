# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Messages on streams (RFC 3261 section 18.3)."""

from vox6.sip.lines import (
    MAX_HEAD_OCTETS,
    MAX_MESSAGE_OCTETS,
    RequestLines,
    ResponseLines,
    content_length,
    parse_head,
)
from vox6.wire.errors import FormatError


class StreamFramer:
    """Cuts a reliable transport's octets into messages (RFC 3261 section 18.3, RFC 5626 4.4.1).

    error: the FormatError that ended it, else None. It is final: the boundary is lost and the
    connection must be closed. pings: CRLFCRLF seen and not yet answered by CRLF. pongs: single
    CRLFs seen, the answers to our own CRLFCRLF.
    """

    def __init__(self, maximum: int = MAX_MESSAGE_OCTETS) -> None:
        self._buffer = b""
        self._searched = 0
        self._head_end = -1
        self._length = 0
        self._maximum = maximum
        self.error: "FormatError | None" = None
        self.pings = 0
        self.pongs = 0
        self._half = False

    def receive(self, data: bytes) -> "list[bytes]":
        """Return the whole messages that data completes, each as octets for `parse`.

        FormatError: no Content-Length (400), headers or message too long (513). What was whole
        before the fault is returned first; then `error` is set, and the next call raises it.
        """
        if self.error is not None:
            raise self.error
        self._buffer += data
        out: "list[bytes]" = []
        while True:
            try:
                if self._head_end < 0 and not self._find_head():
                    return out
            except FormatError as error:
                self.error = error
                if out:
                    return out
                raise
            whole = self._head_end + self._length
            if len(self._buffer) < whole:
                return out
            out.append(self._buffer[:whole])
            self._buffer = self._buffer[whole:]
            self._head_end = -1
            self._searched = 0

    def _find_head(self) -> bool:
        start = 0
        while self._buffer[start : start + 2] == b"\r\n":
            if self._half:  # a ping in two pieces
                self._half = False
                self.pings += 1
            elif self._buffer[start : start + 4] == b"\r\n\r\n":
                self.pings += 1
                start += 2
            else:
                self._half = True
                self.pongs += 1
            start += 2
        if start < len(self._buffer) and self._buffer[start : start + 1] != b"\r":
            self._half = False
        if start:
            self._buffer = self._buffer[start:]
            self._searched = 0
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            if len(self._buffer) > MAX_HEAD_OCTETS:
                raise FormatError("headers too long", 513)
            self._searched = max(0, len(self._buffer) - 3)
            return False
        message = parse_head(self._buffer[:end], RequestLines, ResponseLines)
        length = content_length(message)
        if length is None:
            raise FormatError("no Content-Length on a stream")
        if end + 4 + length > self._maximum:
            raise FormatError("message too long", 513)
        self._head_end = end + 4
        self._length = length
        return True

    def pause(self) -> None:
        """Nothing came for a second or more: what comes next is no second half of a ping.

        Without it every other pong of a peer that says nothing else is taken for one.
        """
        self._half = False

    def rest(self) -> bytes:
        """Return what is no whole message yet; after an error, what will never be one."""
        return self._buffer

    def pending(self) -> int:
        """Return how many octets wait for the rest of their message."""
        return len(self._buffer)
