# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The control socket of siproxy64-router, as tools/common/control.py speaks it on a host.

One line of JSON asks, one line answers: {"command": "calls"}, {"ok": true, "calls": []}.
"""

import json

from vox6.wire import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Answer = dict[str, Any]
    posix: Any = None  # C module of ports/router
else:
    import posix

_MOST = const(4096)  # octets of a request
_ANSWER = const(1 << 20)  # octets of an answer
_PIECE = const(16384)
_CLIENTS = const(8)  # at once
_PATIENCE_MS = const(2000)  # from the connection until it is answered


class ControlServer:
    """Answers at a path until close()."""

    def __init__(
        self,
        driver: "Any",
        where: "tuple[str, str, str]",
        handler: "Callable[[Answer], Answer]",
    ) -> None:
        """where: path, user, group. handler: answers a request. OSError, ValueError."""
        self._driver = driver
        self._handler = handler
        self._clients: "list[_Client]" = []
        self._listener = posix.listen(where[0], where[1], where[2])
        driver.watch(self._listener, self._accept)

    def _accept(self, _: int) -> None:
        try:
            socket = self._listener.accept()
        except OSError:
            return
        if socket is None:
            return
        if len(self._clients) >= _CLIENTS:
            socket.close()
        else:
            self._clients.append(_Client(self._driver, socket, self._handler, self._clients))

    def close(self) -> None:
        """Answer no more; the path goes if it is still ours."""
        while self._clients:
            self._clients[0].close()
        self._driver.unwatch(self._listener)
        self._listener.close()


class _Client:
    """Who asks, until it is answered; among its fellows meanwhile."""

    def __init__(
        self,
        driver: "Any",
        socket: "Any",
        handler: "Callable[[Answer], Answer]",
        fellows: "list[_Client]",
    ) -> None:
        self._driver = driver
        self._socket = socket
        self._handler = handler
        self._fellows = fellows
        self._request = b""
        self._unsent = b""
        driver.watch(socket, self._ready)
        self._timer = driver.call_at(driver.now() + _PATIENCE_MS, self.close)

    def _ready(self, _: int) -> None:
        if self._unsent:
            self._flush()
            return
        try:
            octets = self._socket.read(_MOST)
        except OSError:
            octets = b""
        if octets is None:
            return
        self._request += octets
        if octets and b"\n" not in self._request and len(self._request) < _MOST:
            return
        if b"\n" in self._request:
            self._unsent = json.dumps(self._answer()).encode() + b"\n"
            self._flush()
        else:
            self.close()

    def _flush(self) -> None:
        try:
            sent = self._socket.write(self._unsent)
        except OSError:
            self.close()  # who asked is gone
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._driver.want(self._socket, True)
        else:
            self.close()

    def _answer(self) -> "Answer":
        try:
            request = json.loads(self._request)
        except ValueError:
            return {"ok": False, "error": "a request is one line of JSON"}
        if not isinstance(request, dict):
            return {"ok": False, "error": "a request is a JSON object"}
        return self._handler(request)

    def close(self) -> None:
        """End it."""
        if self in self._fellows:
            self._fellows.remove(self)
            self._timer.cancel()
            self._driver.unwatch(self._socket)
            self._socket.close()


def ask(path: str, command: str) -> "Answer":
    """Return what the instance behind a path answers. OSError: none does; ValueError: nonsense."""
    socket = posix.connect(path)
    try:
        socket.write(json.dumps({"command": command}).encode() + b"\n")
        got = b""
        while got[-1:] != b"\n" and len(got) < _ANSWER:
            octets = socket.read(_PIECE)
            if not octets:
                break
            got += octets
    finally:
        socket.close()
    answer = json.loads(got)
    if not isinstance(answer, dict):
        raise ValueError
    return answer
