# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Sound in and out of a virtual phone, paced by the phone's own reading of its microphone."""

import mmap
import threading
import time
from pathlib import Path

import numpy as np

from tools.lab import wav
from tools.panel.ring import Ring, Samples

_LEAD_S = 0.24  # kept in the microphone ring, so that a busy host is not heard
_POLL_S = 0.01


class Playback:
    """A sound on its way into the microphone."""

    def __init__(self, rate: int, samples: Samples, repeat: bool) -> None:
        self._rate = rate
        self._original = samples
        self._repeat = repeat
        self._now_rate = rate
        self._now = samples
        self._at = 0
        self.ended = threading.Event()

    def next(self, count: int, rate: int) -> Samples:
        """The next samples at a rate, silence when it is over."""
        if rate != self._now_rate:
            self._at = self._at * rate // self._now_rate
            self._now = wav.resample(self._original, self._rate, rate)
            self._now_rate = rate
        part = self._now[self._at : self._at + count]
        self._at += len(part)
        if self._repeat and len(self._now):
            while len(part) < count:
                more = self._now[: count - len(part)]
                self._at = len(more)
                part = np.concatenate([part, more])
        elif len(part) < count:
            self.ended.set()
            part = np.concatenate([part, np.zeros(count - len(part), np.int16)])
        return part

    def wait(self, timeout: float) -> bool:
        """Wait until all of it lies in the ring, up to 0.24 s before the phone has read it."""
        return self.ended.wait(timeout)


class Recording:
    """What comes out of the speaker, from record() to stop()."""

    def __init__(self, sound: "Sound") -> None:
        self._sound = sound
        self._parts: list[tuple[int, Samples]] = []

    def add(self, rate: int, samples: Samples) -> None:
        """The pump brings samples."""
        self._parts.append((rate, samples))

    @property
    def seconds(self) -> float:
        """Length so far."""
        return sum(len(samples) / rate for rate, samples in list(self._parts))

    def stop(self) -> tuple[int, Samples]:
        """End it; (rate, samples), the rate being the highest that occurred."""
        self._sound.forget(self)
        return self.result()

    def result(self) -> tuple[int, Samples]:
        """(rate, samples) so far."""
        parts = list(self._parts)
        if not parts:
            return 8000, np.zeros(0, np.int16)
        rate = max(rate for rate, _ in parts)
        # Neighbours of one rate go through the filter together: no seams.
        joined: list[tuple[int, list[Samples]]] = []
        for part_rate, samples in parts:
            if joined and joined[-1][0] == part_rate:
                joined[-1][1].append(samples)
            else:
                joined.append((part_rate, [samples]))
        moved = [wav.resample(np.concatenate(row), old, rate) for old, row in joined]
        return rate, np.concatenate(moved)

    def save(self, path: Path) -> Path:
        """Write a WAV file of what there is so far."""
        rate, samples = self.result()
        wav.write(path, rate, samples)
        return path


class Sound:
    """Pump thread between the two rings of a phone and sounds and recordings here."""

    def __init__(self, path: Path, microphone: int, speaker: int) -> None:
        """path: shared file, may still be absent; microphone, speaker: offsets of the rings."""
        wav.resample(np.zeros(160, np.int16), 8000, 16000)  # brings scipy in before time counts
        self._path = path
        self._offsets = (microphone, speaker)
        self._lock = threading.Lock()
        self._playback: Playback | None = None
        self._recordings: list[Recording] = []
        self._stop = threading.Event()
        self.rate = 0
        self.drops = 0
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    def play(self, rate: int, samples: Samples, repeat: bool = False) -> Playback:
        """Begin to play; ends what played before."""
        playback = Playback(rate, np.asarray(samples, np.int16), repeat)
        with self._lock:
            self._playback = playback
        return playback

    def silence(self) -> None:
        """Stop playing."""
        with self._lock:
            self._playback = None

    def record(self) -> Recording:
        """Begin a recording."""
        recording = Recording(self)
        with self._lock:
            self._recordings.append(recording)
        return recording

    def forget(self, recording: Recording) -> None:
        """Add no more to a recording."""
        with self._lock:
            if recording in self._recordings:
                self._recordings.remove(recording)

    def close(self) -> None:
        """End the pump."""
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        """Pump thread: wait for the file and the rings, then move samples until closed."""
        need = max(self._offsets) + 64 + 2 * 8192
        while not self._stop.is_set():
            if self._path.exists() and self._path.stat().st_size >= need:
                break
            self._stop.wait(_POLL_S)
        else:
            return
        with self._path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            microphone, speaker = (Ring(memory, offset) for offset in self._offsets)
            try:
                self._pump(microphone, speaker)
            finally:
                microphone.release()
                speaker.release()

    def _pump(self, microphone: Ring, speaker: Ring) -> None:
        heard = spoken = -1
        next_time = time.monotonic()
        while not self._stop.is_set():
            if microphone.ready():
                if microphone.generation != spoken:
                    spoken = microphone.generation
                    microphone.begin_writing()
                self._speak(microphone)
            if speaker.ready():
                if speaker.generation != heard:
                    heard = speaker.generation
                    speaker.begin_reading()
                self._hear(speaker)
            next_time = max(next_time + _POLL_S, time.monotonic())
            self._stop.wait(next_time - time.monotonic())

    def _speak(self, ring: Ring) -> None:
        rate = ring.rate
        want = int(_LEAD_S * rate) - ring.used
        if want < rate // 100:
            return
        with self._lock:
            playback = self._playback
            if playback is None:
                samples = np.zeros(want, np.int16)
            else:
                samples = playback.next(want, rate)
                if playback.ended.is_set():
                    self._playback = None
        ring.write(samples)

    def _hear(self, ring: Ring) -> None:
        self.rate = ring.rate
        self.drops = ring.drops
        samples = ring.read()
        if len(samples):
            with self._lock:
                for recording in self._recordings:
                    recording.add(ring.rate, samples)
