# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The panel object: what a person does with a phone, for programs (link: boards/_common)."""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.lab import wav
from tools.panel.errors import PanelError
from tools.panel.ring import Samples
from tools.panel.sound import Playback, Recording, Sound

VERSION = 1
KEYS = (
    *"0123456789*#",
    *("call", "hangup", "hold", "conference", "transfer", "line1", "line2"),
    *("ok", "back", "up", "down", "left", "right"),
)
_LINE_MAX = 1024  # octets of a line of the link
_HELLO_S = 0.5  # until the greeting is repeated to a phone that still boots
_SILENCE_S = 5.0  # until a phone is greeted again: it may have been reset behind the same line
_PRESS_S = 0.03


class Panel:
    """Keys, lamps, screen and sound of one virtual phone. Safe to use from one thread."""

    def __init__(self, path: Path, rings: Path, microphone: int, speaker: int) -> None:
        """Connect in the background.

        path: socket of the panel link; rings: shared file; microphone, speaker: offsets of the
        rings in it.
        """
        self._path = path
        self._change = threading.Condition()
        self._screen: list[str] = []
        self._lamps: dict[str, str] = {}
        self._log: list[str] = []
        self._facts: dict[str, Any] = {}
        self._refused: str | None = None
        self._screens: list[tuple[float, str]] = []
        self._socket: socket.socket | None = None
        self._stop = threading.Event()
        self.sound = Sound(rings, microphone, speaker)
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)
        self._thread.start()

    # -- keys -----------------------------------------------------------------------------------

    def press(self, key: str, hold_s: float = _PRESS_S) -> None:
        """Press a key and let go: one of KEYS or a single printable character."""
        self.key_down(key)
        time.sleep(hold_s)
        self.key_up(key)

    def dial(self, text: str) -> None:
        """Press the keys of a number or an address, one after another."""
        for character in text:
            self.press(character, 0.01)

    def key_down(self, key: str) -> None:
        """Press a key and hold it."""
        self._key(key, True)

    def key_up(self, key: str) -> None:
        """Let a key go."""
        self._key(key, False)

    def hook(self, up: bool) -> None:
        """Lift the handset (True) or put it down."""
        self._send({"t": "hook", "up": up})

    def _key(self, key: str, down: bool) -> None:
        if key not in KEYS and (len(key) != 1 or not key.isprintable()):
            raise ValueError(f"no such key: {key!r}")
        self._send({"t": "key", "k": key, "down": down})

    # -- what it shows --------------------------------------------------------------------------

    @property
    def facts(self) -> dict[str, Any]:
        """FACTS of the board, as the phone told them."""
        with self._change:
            return dict(self._facts)

    @property
    def lamps(self) -> dict[str, str]:
        """Lamp name to "off", "on" or "flash"."""
        with self._change:
            return dict(self._lamps)

    @property
    def log(self) -> list[str]:
        """Log lines that the phone sent over the link."""
        with self._change:
            return list(self._log)

    @property
    def screens(self) -> list[tuple[float, str]]:
        """Every screen that was shown, with its time.monotonic()."""
        with self._change:
            return list(self._screens)

    def screen_text(self) -> str:
        """The screen, lines joined by newlines, blanks at the ends removed."""
        with self._change:
            return self._text()

    def _text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen).rstrip("\n")

    def wait_ready(self, timeout: float = 15.0) -> "Panel":
        """Wait until the phone answers on the link and shows something."""
        self._wait(lambda: bool(self._facts) and bool(self._screen), timeout, "the panel link")
        return self

    def wait_text(self, pattern: str, timeout: float = 10.0) -> re.Match[str]:
        """Wait until the screen text matches a regular expression (case does not matter).

        PanelError: it did not in time; the text tells what the screen showed.
        """
        wanted = re.compile(pattern, re.IGNORECASE)
        found: list[re.Match[str]] = []

        def matches() -> bool:
            match = wanted.search(self._text())
            if match:
                found.append(match)
            return match is not None

        self._wait(matches, timeout, f"{pattern!r} on the screen")
        return found[-1]

    def wait_lamp(self, name: str, state: str, timeout: float = 10.0) -> None:
        """Wait until a lamp is "off", "on" or "flash" (one never told of is off)."""
        self._wait(lambda: self._lamps.get(name, "off") == state, timeout, f"lamp {name} {state}")

    def _wait(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        with self._change:
            while not done():
                if self._refused:
                    raise PanelError(self._refused)
                rest = deadline - time.monotonic()
                if rest <= 0:
                    raise PanelError(
                        f"waited {timeout:g} s for {what}; lamps {self._lamps}; the screen:\n"
                        f"{self._text()}"
                    )
                self._change.wait(rest)

    # -- sound ----------------------------------------------------------------------------------

    def play(self, sound: Path | str | tuple[int, Samples], *, repeat: bool = False) -> Playback:
        """Speak into the microphone: a 16-bit WAV file, or (rate, samples)."""
        rate, samples = sound if isinstance(sound, tuple) else wav.read(sound)
        return self.sound.play(rate, samples, repeat)

    def silence(self) -> None:
        """Stop speaking."""
        self.sound.silence()

    def record(self) -> Recording:
        """Begin to record the speaker."""
        return self.sound.record()

    # -- the link -------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave the phone alone."""
        self._stop.set()
        channel = self._socket
        if channel is not None:
            channel.close()
        self._thread.join(2.0)
        self.sound.close()

    def _send(self, message: dict[str, Any]) -> None:
        channel = self._socket
        if channel is None:
            raise PanelError(f"the phone does not listen at {self._path}")
        octets = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if len(octets) > _LINE_MAX:
            raise ValueError("longer than a line of the panel link")
        try:
            channel.sendall(octets)
        except OSError as error:
            raise PanelError(f"the phone has gone: {error}") from None

    def _run(self) -> None:
        """Reader thread: connect, greet, take lines; connect again when the phone comes back."""
        while not self._stop.is_set():
            channel = self._connect()
            if channel is None:
                self._stop.wait(0.05)
                continue
            self._socket = channel
            try:
                self._converse(channel)
            except OSError:
                pass
            finally:
                self._socket = None
                channel.close()

    def _connect(self) -> socket.socket | None:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(_HELLO_S)
        try:
            # By way of the folder's descriptor: a socket's path has 107 octets at most.
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                channel.connect(f"/proc/self/fd/{folder}/{self._path.name}")
            finally:
                os.close(folder)
        except OSError:
            channel.close()
            return None
        return channel

    def _converse(self, channel: socket.socket) -> None:
        hello = json.dumps({"t": "panel", "v": VERSION}).encode() + b"\n"
        channel.sendall(hello)
        greeted = False
        held = b""
        spoken = time.monotonic()
        while not self._stop.is_set():
            try:
                new = channel.recv(4096)
            except TimeoutError:
                if not greeted or time.monotonic() - spoken > _SILENCE_S:
                    channel.sendall(hello)  # the phone still boots: the first one was lost
                    spoken = time.monotonic()
                continue
            if not new:
                return
            spoken = time.monotonic()
            held += new
            while b"\n" in held:
                line, _, held = held.partition(b"\n")
                greeted = self._take(line) or greeted
            if len(held) > 16 * _LINE_MAX:
                held = b""

    def _take(self, line: bytes) -> bool:
        """One line of the phone. True if it was its greeting."""
        try:
            message = json.loads(line)
        except ValueError:
            return False  # the rest of a line that began before we came
        if not isinstance(message, dict):
            return False
        kind = message.get("t")
        with self._change:
            if kind == "panel":
                if message.get("v") != VERSION:
                    self._refused = f"panel link of version {message.get('v')}; 1 is known here"
                self._facts = message.get("facts") or {"name": "unknown"}
            elif kind == "refused":
                self._refused = f"the phone refuses this panel link: {message.get('m')}"
            elif kind == "screen":
                self._screen = [str(text) for text in message.get("text", [])]
                self._screens.append((time.monotonic(), self._text()))
                del self._screens[:-1000]
            elif kind == "lamp":
                self._lamps[str(message.get("n"))] = str(message.get("s"))
            elif kind == "log":
                self._log.append(str(message.get("m")))
                del self._log[:-1000]
            self._change.notify_all()
        return kind == "panel"
