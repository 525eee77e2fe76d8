# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The host's side of a sound ring in shared memory (layout: ports/cmodules/ring/ring.h)."""

import mmap

import numpy as np
import numpy.typing as npt

RING_OCTETS = 64 + 2 * 8192
_CAPACITY = 8192
_VERSION, _RATE, _CAPACITY_FIELD, _GENERATION, _HEAD, _TAIL, _DROPS = 1, 2, 4, 5, 6, 7, 8
_WRAP = 1 << 32

Samples = npt.NDArray[np.int16]


class Ring:
    """One ring. Every field is an aligned 32-bit word, loaded and stored in one piece."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory = memory
        self._offset = offset
        self._words = np.frombuffer(memory, "<u4", 16, offset)
        self._samples = np.frombuffer(memory, "<i2", _CAPACITY, offset + 64)

    def ready(self) -> bool:
        """True once the phone has made the ring. ValueError: made by a newer phone."""
        if self._memory[self._offset : self._offset + 4] != b"V6RG":
            return False
        if self._words[_VERSION] != 1 or self._words[_CAPACITY_FIELD] != _CAPACITY:
            raise ValueError(f"sound ring of version {self._words[_VERSION]}; 1 is known here")
        return True

    @property
    def rate(self) -> int:
        """Samples a second."""
        return int(self._words[_RATE])

    @property
    def generation(self) -> int:
        """Changes with each start and each change of rate."""
        return int(self._words[_GENERATION])

    @property
    def drops(self) -> int:
        """Samples that the phone lost because nobody read."""
        return int(self._words[_DROPS])

    @property
    def used(self) -> int:
        """Samples that wait in the ring."""
        return min((int(self._words[_HEAD]) - int(self._words[_TAIL])) % _WRAP, _CAPACITY)

    def begin_writing(self) -> None:
        """Take up a new generation as the writer: nothing waits."""
        self._words[_HEAD] = self._words[_TAIL]

    def begin_reading(self) -> None:
        """Take up a new generation as the reader: nothing waits."""
        self._words[_TAIL] = self._words[_HEAD]

    def write(self, samples: Samples) -> int:
        """Put samples in, as many as there is room for; how many."""
        head = int(self._words[_HEAD])
        count = min(len(samples), _CAPACITY - self.used)
        at = head % _CAPACITY
        part = min(count, _CAPACITY - at)
        self._samples[at : at + part] = samples[:part]
        self._samples[: count - part] = samples[part:count]
        self._words[_HEAD] = (head + count) % _WRAP
        return count

    def read(self) -> Samples:
        """Take out all that waits."""
        tail = int(self._words[_TAIL])
        count = self.used
        at = tail % _CAPACITY
        part = min(count, _CAPACITY - at)
        taken = np.concatenate([self._samples[at : at + part], self._samples[: count - part]])
        self._words[_TAIL] = (tail + count) % _WRAP
        return taken

    def release(self) -> None:
        """Let go of the memory, which can be unmapped then."""
        del self._words, self._samples
