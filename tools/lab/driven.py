# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A peer that is a Python program in a host of the lab, told what to do by lines of JSON.

The program listens on a port of 127.0.0.1 and prints "ready". Each line to it is an object {"do":
name, ...}; it answers {"answer": {"ok": true, ...}}, and tells {"event": {"type": name, ...}}.
"""

import contextlib
import json
import queue
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tools.lab.errors import LabError
from tools.lab.link import Host


class Driven:
    """One such program and its connection; events are kept in order."""

    def __init__(self, host: Host, program: Path, name: str, settings: dict[str, Any]) -> None:
        """Start it and wait until it is ready.

        host: where; program: the file; name: for its log and folder; settings: given to the
        program as JSON, with its folder and the port of its control channel.
        """
        self.name = f"{program.stem.removesuffix('_program')}-{host.name}-{name}"
        self.folder = host.lab.folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        control = 4500 + sum(1 for one in host.lab.processes if str(program) in one.argv)
        given = {**settings, "folder": str(self.folder), "control": control}
        argv: list[str | Path] = [sys.executable, "-P", "-u", program, json.dumps(given)]
        self.process = host.start(argv, log=f"{self.name}.log", urgent=True)
        self.history: list[dict[str, Any]] = []
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.process.wait_output(r"^ready", 20.0)
        self._socket = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.connect(("127.0.0.1", control))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        """Reader thread."""
        with contextlib.suppress(OSError), self._socket.makefile("rb") as file:
            for line in file:
                row = json.loads(line)
                if "event" in row:
                    self.history.append(row["event"])
                    self._events.put(row["event"])
                else:
                    self._answers.put(row["answer"])

    def do(self, what: str, **more: object) -> dict[str, Any]:
        """Give a command; its answer. LabError: it refused, or did not answer."""
        self._socket.sendall(json.dumps({"do": what, **more}).encode() + b"\n")
        try:
            answer = self._answers.get(timeout=10.0)
        except queue.Empty:
            raise LabError(f"{self.name} did not answer {what}") from None
        if not answer["ok"]:
            raise LabError(f"{self.name} refused {what}: {answer}")
        return answer

    def wait(self, kind: str, timeout: float = 15.0, **wanted: object) -> dict[str, Any]:
        """Wait for the next event of a type with these values; others before it are dropped."""
        deadline = time.monotonic() + timeout
        seen: list[Any] = []
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise LabError(
                    f"{self.name}: no {kind} {wanted} within {timeout:g} s; saw {seen[-12:]}"
                ) from None
            if event.get("type") == kind and all(event.get(k) == v for k, v in wanted.items()):
                return event
            seen.append(event)

    def close(self) -> None:
        """End the program."""
        with contextlib.suppress(OSError):
            self._socket.sendall(b'{"do": "quit"}\n')
            with contextlib.suppress(LabError):
                self.process.wait(3.0)
        self._socket.close()
        self.process.stop()
