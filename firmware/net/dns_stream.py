# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""One question to a DNS server by TCP (RFC 7766), loaded when an answer was cut."""

from vox6.wire import const

_LEAST = const(12)  # the header
_MOST = const(4096)  # octets of an answer; what SIP asks for has some hundred


class StreamQuestion:
    """Writes the question, takes one answer, closes.

    stream: a net6.Stream that connects. watch, unwatch: of the reactor. done: function (question,
    answer), called once; answer: octets, None if the connection failed.
    """

    def __init__(self, stream, peer, data, watch, unwatch, done):
        self.peer = peer
        self.id = data[0] << 8 | data[1]
        self._stream = stream
        self._watch = watch
        self._unwatch = unwatch
        self._done = done
        self._left = memoryview(bytes((len(data) >> 8, len(data) & 0xFF)) + data)
        self._buffer = memoryview(bytearray(2))  # the answer's length, then the answer
        self._got = 0
        self._in_answer = False
        watch(stream, self._write, True)

    def close(self):
        """Nobody waits for the answer any more."""
        stream = self._stream
        self._stream = None
        if stream is not None:
            self._unwatch(stream)
            stream.close()

    def _end(self, answer):
        self.close()
        self._done(self, answer)

    def _write(self, _now):
        try:
            while len(self._left):
                count = self._stream.write(self._left)
                if not count:
                    return
                self._left = self._left[count:]
        except OSError:
            self._end(None)
            return
        self._unwatch(self._stream, True)
        self._watch(self._stream, self._read)

    def _read(self, _now):
        while True:
            try:
                count = self._stream.readinto(self._buffer[self._got :])
            except OSError:
                count = 0
            if count is None:
                return
            self._got += count
            if not count:
                self._end(None)
                return
            if self._got < len(self._buffer):
                continue
            if self._in_answer:
                self._end(bytes(self._buffer))
                return
            length = self._buffer[0] << 8 | self._buffer[1]
            if not _LEAST <= length <= _MOST:
                self._end(None)
                return
            self._buffer = memoryview(bytearray(length))
            self._got = 0
            self._in_answer = True
