# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A program started in a namespace of the lab, with its output in a file."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.lab.errors import LabError

_URGENT = -10  # a busy machine delays an emulated board by 70 ms otherwise: that is heard
_STOP_S = 3.0  # from the first signal to SIGKILL


class Process:
    """One running program; ends with the lab, also when the lab itself is killed."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        log: Path,
        *,
        netns: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        urgent: bool = False,
    ) -> None:
        """Start a program.

        argv: the program and its arguments; log: file for its output, written anew;
        netns: name of the namespace, None for the caller's; env: added to the environment;
        urgent: it carries sound and goes before what else the machine does (root alone).
        LabError: it could not be started.
        """
        self.argv = [str(word) for word in argv]
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        words = list(self.argv)
        if netns is not None:
            words = ["nsenter", f"--net=/run/netns/{netns}", "--", *words]
        if urgent and os.geteuid() == 0:
            words = ["nice", "-n", str(_URGENT), "--", *words]
        if threading.current_thread() is threading.main_thread():
            # The kernel ties this signal to the life of the starting thread, not of the process.
            words = ["setpriv", "--pdeathsig", "KILL", "--", *words]
        with log.open("wb") as output:
            try:
                self.popen = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    cwd=cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise LabError(f"cannot start {words[0]}: {error}") from error

    @property
    def pid(self) -> int:
        """Process id of the program itself (each wrapper before it ends in exec)."""
        return self.popen.pid

    def running(self) -> bool:
        """True until the program has ended."""
        return self.popen.poll() is None

    def output(self) -> str:
        """All that the program has written so far."""
        return self.log.read_text(errors="replace")

    def wait_output(self, pattern: str, timeout: float = 10.0) -> re.Match[str]:
        """Wait until the output matches a regular expression.

        LabError: the program ended or the time passed first; the last lines are in the text.
        """
        deadline = time.monotonic() + timeout
        while True:
            running = self.running()
            found = re.search(pattern, self.output(), re.MULTILINE)
            if found:
                return found
            if not running or time.monotonic() > deadline:
                why = "no such line in time" if running else f"ended with {self.popen.returncode}"
                raise LabError(
                    f"{self.argv[0]}: waited for {pattern!r}: {why}; last of {self.log}:\n"
                    + "\n".join(self.output().splitlines()[-15:])
                )
            time.sleep(0.02)

    def wait(self, timeout: float) -> int:
        """Wait for the end; the exit status. LabError: it still runs after the time."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.argv[0]} still runs after {timeout} s") from None

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, first: int = signal.SIGTERM) -> None:
        """Ask it to end, then make it end. Harmless when it has ended already."""
        for number in (first, signal.SIGKILL):
            if not self.running():
                return
            self._signal(number)
            try:
                self.popen.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                continue

    def _signal(self, number: int) -> None:
        """Signal the session that this program leads, so that its children go as well."""
        if not self.running():
            return
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            self.popen.poll()
