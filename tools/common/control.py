# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The control socket: one line of JSON asks, one line answers.

{"command": "drain", "to": ["198.51.100.2"]}    {"ok": true, "draining": ["198.51.100.2"]}
"""

import json
import os
import socket
import stat
from collections.abc import Callable
from typing import Any

from .driver import Loop

Handler = Callable[[dict[str, Any]], dict[str, Any]]
_MOST = 4096  # octets of a request
_ANSWER = 1 << 20  # octets of an answer
_CLIENTS = 8  # at once
_PATIENCE_MS = 2000  # from the connection until it is answered
_AGAIN_MS = 5  # until who asked has read some of a long answer


class ControlError(Exception):
    """The socket cannot be made, or nobody answers there; the text says what helps."""


class ControlSocket:
    """Listens at a path; the handler answers each request."""

    def __init__(self, loop: Loop, path: str, handler: Handler, program: str) -> None:
        """program: its name. ControlError: another one is there, or the folder is not."""
        self._loop = loop
        self._handler = handler
        self._program = program
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._bind(path)
            self._socket.listen(_CLIENTS)
        except OSError as error:
            self._socket.close()
            raise ControlError(
                f"control = {path}: {error.strerror}; make the folder, or set another path"
            ) from None
        self._inode = os.stat(path).st_ino
        self._socket.setblocking(False)
        loop.watch(self._socket.fileno(), self._accept)

    def _bind(self, path: str) -> None:
        before = os.umask(0o117)  # user and group, nobody else
        try:
            self._socket.bind(path)
        except OSError:
            if not os.path.exists(path):
                raise
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                raise
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                try:
                    probe.connect(path)
                except ConnectionRefusedError:  # left behind by one that was killed
                    os.unlink(path)
                    self._socket.bind(path)
                else:
                    raise ControlError(
                        f"control = {path}: another {self._program} answers there"
                    ) from None
        finally:
            os.umask(before)

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError:
            return
        if len(self._clients) >= _CLIENTS:
            client.close()
            return
        client.setblocking(False)
        fd = client.fileno()
        self._clients[fd] = (client, bytearray())
        self._loop.watch(fd, lambda: self._read(fd, client))
        self._loop.call_at(self._loop.now() + _PATIENCE_MS, lambda: self._end(fd, client))

    def _read(self, fd: int, client: socket.socket) -> None:
        _, got = self._clients[fd]
        try:
            octets = client.recv(_MOST)
        except OSError:
            octets = b""
        got += octets
        if octets and b"\n" not in got and len(got) < _MOST:
            return
        self._loop.unwatch(fd)
        if b"\n" in got:
            self._send(fd, client, json.dumps(self._answer(bytes(got))).encode() + b"\n")
        else:
            self._end(fd, client)

    def _send(self, fd: int, client: socket.socket, rest: bytes) -> None:
        if client.fileno() < 0:
            return  # closed meanwhile
        try:
            rest = rest[client.send(rest) :]
        except BlockingIOError:
            pass
        except OSError:
            rest = b""  # who asked is gone
        if rest:
            again = self._loop.now() + _AGAIN_MS
            self._loop.call_at(again, lambda: self._send(fd, client, rest))
        else:
            self._end(fd, client)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return {"ok": False, "error": "a request is one line of JSON"}
        if not isinstance(request, dict):
            return {"ok": False, "error": "a request is a JSON object"}
        return self._handler(request)

    def _end(self, fd: int, client: socket.socket) -> None:
        known = self._clients.get(fd)
        if known is not None and known[0] is client:
            del self._clients[fd]
            self._loop.unwatch(fd)
            client.close()

    def own(self, uid: int | None, gid: int | None) -> None:
        """Give the socket to a user and a group."""
        if uid is not None or gid is not None:
            os.chown(self.path, -1 if uid is None else uid, -1 if gid is None else gid)

    def close(self) -> None:
        """Stop; the path goes if it is still ours and in reach."""
        for fd, (client, _) in list(self._clients.items()):
            self._end(fd, client)
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        try:
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)
        except OSError:
            pass  # behind chroot, or no right to its folder any more: the next start removes it


def ask(
    path: str, request: dict[str, Any], program: str, timeout_s: float = 5.0
) -> dict[str, Any]:
    """Return the answer of the program behind a path; ControlError: there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(path)
            client.sendall(json.dumps(request).encode() + b"\n")
            got = bytearray()
            while not got.endswith(b"\n") and len(got) < _ANSWER:
                octets = client.recv(65536)
                if not octets:
                    break
                got += octets
        except OSError as error:
            why = error.strerror or "no answer in time"
            raise ControlError(f"{path}: {why}; is {program} running, may you reach it?") from None
    try:
        answer = json.loads(bytes(got))
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ControlError(f"{path}: no answer that makes sense")
    return answer
