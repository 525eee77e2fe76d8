# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The health check of pubtsp.md section 8: a TSP create and an echo through the real socket.

A client of one packet each, in the same process: from a socket at the service address to port
3653, answered by the same loop and engine as everybody. It proves the address, the socket, the
keys and the engine; what lies before and behind the machine it cannot see.
"""

import socket
from collections.abc import Callable

from vox6 import crypto
from vox6.pubtsp import embedded, ipv6, messages
from vox6.wire.errors import FormatError

from ..common.driver import Loop, Timer
from .values import SERVER_PORT

_PATIENCE_MS = 1500  # for both answers
_REQUEST = (
    b'<tunnel action="create" type="v6udpv4"><client><address type="ipv4">%s</address>'
    b'<keepalive interval="30"></keepalive></client></tunnel>\r\n'
)
_PADDING = b" " * 40  # room for a referral


class SelfTest:
    """Asks one server; start() again and again, one at a time."""

    def __init__(self, loop: Loop, ipv4: bytes, done: Callable[[str | None], None]) -> None:
        """ipv4: the service address. done: is told None, or what is wrong."""
        self._loop = loop
        self._ipv4 = ipv4
        self._done = done
        self._head = b""
        self._echo = b""
        self._timer: Timer | None = None
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Begin; done() comes within two seconds."""
        self._stop()
        text = socket.inet_ntoa(self._ipv4)
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket = channel
        channel.setblocking(False)
        self._head = b"\xf0" + crypto.provider().random(7)
        body = _REQUEST % text.encode() + _PADDING
        request = b"Content-length: %d\r\n" % len(body) + body
        self._timer = self._loop.call_at(self._loop.now() + _PATIENCE_MS, self._late)
        self._echo = b""
        self._loop.watch(channel.fileno(), self._read)
        try:
            channel.bind((text, 0))
            channel.connect((text, SERVER_PORT))
            channel.send(self._head + request)
        except OSError as error:
            self._finish(f"it cannot be sent: {error.strerror}")

    def _read(self) -> None:
        channel = self._socket
        if channel is None:
            return
        try:
            data = channel.recv(2048)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(f"refused: {error.strerror}")
            return
        if not self._echo and data[:8] == self._head:
            self._created(channel, data[8:])
        elif self._echo and data[:1] == b"\x60" and data[40:41] == b"\x81":
            right = data[8:24] == self._echo[24:40] and data[44:] == self._echo[44:]
            self._finish(None if right else "a wrong answer to the echo")

    def _created(self, channel: socket.socket, text: bytes) -> None:
        try:
            reply = messages.parse_reply(text)
        except FormatError:
            self._finish("a reply to create that makes no sense")
            return
        info = reply.info
        if reply.code != messages.SUCCESS or info is None:
            # Draining, or the service address is none that clients may have: create was answered.
            known = (messages.SERVER_ERROR, messages.REFERRAL + messages.BUSY, messages.BUSY)
            self._finish(None if reply.code in known else f"code {reply.code} to create")
            return
        if embedded(info.client_ipv6)[0] != self._ipv4 or info.keepalive_address is None:
            self._finish("an address that is not ours")
            return
        nonce = crypto.provider().random(8)
        self._echo = ipv6.echo_request(info.client_ipv6, info.keepalive_address, 1, 1, nonce)
        try:
            channel.send(self._echo)
        except OSError as error:
            self._finish(f"the echo cannot be sent: {error.strerror}")

    def _late(self) -> None:
        self._finish("no answer to " + ("the echo" if self._echo else "create"))

    def _finish(self, wrong: str | None) -> None:
        self._stop()
        self._done(wrong)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """End a test that is under way; nobody is told."""
        self._stop()
