# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The life of a lab: its folder and lock, its namespaces and programs, and their end.

Everything is named after this process (vox6-PID-NUMBER-NAME) and goes when the lab closes. What a
dead process left behind goes when the next lab opens.
"""

import atexit
import fcntl
import itertools
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self, TextIO

from tools.lab import namespace
from tools.lab.errors import LabError
from tools.lab.process import Process

_RUN_S = 20.0  # for a program that configures something and ends


class Base:
    """What one lab owns on this machine."""

    _count = itertools.count(1)

    def __init__(self, folder: Path, tag: str = "") -> None:
        """Prepare; nothing is made before open().

        folder: where logs and captures go, made when absent; tag: shown in the names, for people.
        """
        self.folder = folder.resolve()
        number = next(Base._count)  # tells two labs of one process apart
        self.tag = f"{number}-{tag}-" if tag else f"{number}-"
        self.processes: list[Process] = []
        self.is_open = False
        self._namespaces: list[str] = []
        self._claim: TextIO | None = None
        self._pid = os.getpid()
        self._old_sigterm: object = None

    def claim(self) -> bool:
        """Take the folder for this lab; False when another lab that lives has it."""
        if self._claim is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            claim = (self.folder / "lock").open("w")
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                claim.close()
                return False
            self._claim = claim
        return True

    def open(self) -> None:
        """Take the folder, remove leftovers of dead labs. LabError: it cannot be; the remedy."""
        namespace.check_able()
        namespace.remove_leftovers()
        if not self.claim():
            raise LabError(f"{self.folder} is in use by another lab: wait for it to end")
        self.is_open = True
        atexit.register(self.close)
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                self._old_sigterm = signal.signal(signal.SIGTERM, _leave)

    def close(self) -> None:
        """End every program and remove every namespace; may be called again."""
        if not self.is_open or os.getpid() != self._pid:  # a fork of this process owns nothing
            return
        self.is_open = False
        atexit.unregister(self.close)
        for process in reversed(self.processes):
            process.stop()
        for name in self._namespaces:
            namespace.remove(name)
        if self._claim is not None:
            self._claim.close()
            self._claim = None
        if self._old_sigterm is not None:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._old_sigterm = None

    def create(self, name: str) -> str:
        """Make a namespace with lo up; its full name."""
        full = f"vox6-{self._pid}-{self.tag}{name}"
        if full in self._namespaces:
            raise LabError(f"there is a {name} already")
        namespace.create(full)
        self._namespaces.append(full)
        with namespace.netlink(full) as ip:
            ip.link("set", index=1, state="up")
        return full

    def start(
        self,
        netns: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        urgent: bool = False,
    ) -> Process:
        """Start a program in a namespace; it ends with the lab."""
        process = Process(argv, log, netns=netns, env=env, cwd=cwd, urgent=urgent)
        self.processes.append(process)
        return process

    def run(self, netns: str, argv: Sequence[str | Path], text: str = "") -> str:
        """Run a program in a namespace to its end; what it printed. LabError: it failed.

        text: for its standard input.
        """
        words = ["nsenter", f"--net=/run/netns/{netns}", "--", *map(str, argv)]
        try:
            done = subprocess.run(
                words, input=text, capture_output=True, text=True, timeout=_RUN_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"{argv[0]}: {error}") from error
        if done.returncode:
            raise LabError(f"{argv[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


class World:
    """A lab that is made by a with block and gone behind it. base: what it owns."""

    base: Base

    def make(self) -> None:
        """Make what is there from the beginning."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.base.open()
        try:
            self.make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def claim(self) -> bool:
        """Take the folder for this lab; False when another lab that lives has it."""
        return self.base.claim()

    def close(self) -> None:
        """End every program and remove every namespace; may be called again."""
        self.base.close()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the process as Ctrl-C does, through every with block."""
    raise SystemExit(143)
