# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Somebody who sits on every wire, reads all of it, and changes what he likes.

    rewriter = Rewriter(couple.world)
    rewriter.description = lambda lines, source: [line for line in lines if ...]

description(lines, source): the lines of each SDP body on its way, returns those to go on.
datagram(data, source, peer): each datagram, returns (data, source, peer), or None to keep it.
"""


class Rewriter:
    """seen: every datagram as it was sent. changed: how many bodies were changed."""

    def __init__(self, world):
        self.world = world
        self.description = None
        self.datagram = None
        self.seen = []
        self.changed = 0
        self._send = world.send
        world.send = self._pass

    def send(self, data, source, peer):
        """Put a datagram on the wire as if it came from source."""
        self._send(data, source, peer)

    def _pass(self, data, source, peer):
        self.seen.append(data)
        if self.description is not None:
            data = self._rewrite(data, source)
        if self.datagram is not None:
            changed = self.datagram(data, source, peer)
            if changed is None:
                return
            data, source, peer = changed
        self._send(data, source, peer)

    def _rewrite(self, data, source):
        head, end, body = data.partition(b"\r\n\r\n")
        if not body.startswith(b"v=0\r\n"):
            return data
        before = body.decode().split("\r\n")[:-1]
        after = self.description(list(before), source)
        if after == before:
            return data
        self.changed += 1
        body = "".join(line + "\r\n" for line in after).encode()
        lines = [
            b"Content-Length: %d" % len(body) if line.startswith(b"Content-Length:") else line
            for line in head.split(b"\r\n")
        ]
        return b"\r\n".join(lines) + end + body


def without(name):
    """Return a description() that takes attributes of a name out."""
    return lambda lines, source: [line for line in lines if not line.startswith("a=%s:" % name)]


def voice(rewriter):
    """Return the words of all voice packets that went over the wire readable."""
    return [data for data in rewriter.seen if data[:1] == b"\x80" and b" says " in data]
