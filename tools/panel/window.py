# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The host's side of the emulated board's shared file (layout: ports/qemu/README.md)."""

import mmap
import os
import threading
import time
from pathlib import Path

import numpy as np

SIZE = 16 << 20
OFFSET = 0xF00000
MICROPHONE = OFFSET + 0x10000
SPEAKER = OFFSET + 0x20000
_ENTROPY = OFFSET + 256
_ENTROPY_OCTETS = 4096
_UTC_LOW, _UTC_HIGH, _HEAD, _TAIL, _BOOTS, _CAUSE = 2, 3, 4, 5, 6, 7
_UPKEEP_S = 0.5


class Window:
    """Makes the file of a blank board, gives it entropy and the time while it runs."""

    def __init__(self, path: Path) -> None:
        """Open the file, made when absent, and fill its window."""
        if not path.exists():
            new = path.with_suffix(".new")
            with new.open("wb") as file:
                file.truncate(SIZE)
            new.rename(path)
        self._file = path.open("r+b")
        self._memory = mmap.mmap(self._file.fileno(), SIZE)
        self._words = np.frombuffer(self._memory, "<u4", 9, OFFSET)
        self._memory[OFFSET + 4 : OFFSET + 8] = (1).to_bytes(4, "little")
        self._memory[OFFSET : OFFSET + 4] = b"V6WN"
        self.entropy = True  # tests take it away
        self._stop = threading.Event()
        self.tend()
        self._thread = threading.Thread(target=self._run, name="window", daemon=True)
        self._thread.start()

    def tend(self) -> None:
        """Write the time and top up the entropy store."""
        now = int(time.time())
        self._words[_UTC_HIGH] = now >> 32
        self._words[_UTC_LOW] = now & 0xFFFFFFFF
        if not self.entropy:
            return
        head, tail = int(self._words[_HEAD]), int(self._words[_TAIL])
        fill = (head - tail) % (1 << 32)
        if fill > _ENTROPY_OCTETS:  # never by the rules; begin anew
            fill, head = 0, tail
        octets = os.urandom(_ENTROPY_OCTETS - fill)
        at = head % _ENTROPY_OCTETS
        part = octets[: _ENTROPY_OCTETS - at]
        rest = octets[len(part) :]
        self._memory[_ENTROPY + at : _ENTROPY + at + len(part)] = part
        self._memory[_ENTROPY : _ENTROPY + len(rest)] = rest
        self._words[_HEAD] = (head + len(octets)) % (1 << 32)

    def drain_entropy(self) -> None:
        """Take all entropy away and give none any more (for tests of a board that has none)."""
        self.entropy = False
        self._words[_HEAD] = self._words[_TAIL]
        self._memory[_ENTROPY : _ENTROPY + _ENTROPY_OCTETS] = bytes(_ENTROPY_OCTETS)

    @property
    def boots(self) -> int:
        """Boots since the file was made."""
        return int(self._words[_BOOTS])

    @property
    def reset_cause(self) -> int:
        """Cause of the running boot: 1 power on, 2 software, 3 watchdog, 4 fault."""
        return int(self._words[_CAUSE])

    def _run(self) -> None:
        while not self._stop.wait(_UPKEEP_S):
            self.tend()

    def close(self) -> None:
        """End the upkeep."""
        self._stop.set()
        self._thread.join(2.0)
        del self._words
        self._memory.close()
        self._file.close()
