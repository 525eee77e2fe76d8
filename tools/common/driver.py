# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The loop of the servers: descriptors, one clock, timers, signals (epoll).

    loop = Loop()
    loop.watch(udp.fileno(), readable)
    loop.call_at(loop.now() + 1000, second)
    loop.on_signal(signal.SIGTERM, loop.stop)
    loop.run()

`now` is what engines are told: int milliseconds since the start, never going back.
"""

import heapq
import itertools
import select
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

Callback = Callable[[], object]
_EVENTS_AT_ONCE = 32


class Timer:
    """One call in the future; cancel() makes it none."""

    def __init__(self, call: Callback) -> None:
        self._call: Callback | None = call

    def cancel(self) -> None:
        """Forget the call."""
        self._call = None

    def fire(self) -> None:
        """Call now, unless cancelled."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Loop:
    """Waits for descriptors, timers and signals, and calls."""

    def __init__(self) -> None:
        self._start = time.monotonic_ns()
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._errors: dict[int, Callback] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()
        self._signals: dict[int, Callback] = {}
        self._caught: list[int] = []
        self._running = False
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self.watch(self._wake.fileno(), self._woken)

    def now(self) -> int:
        """Milliseconds since the start."""
        return (time.monotonic_ns() - self._start) // 1_000_000

    def watch(self, fd: int, reader: Callback, errors: Callback | None = None) -> None:
        """Call reader while fd can be read, and before it errors while fd has some to tell."""
        known = fd in self._readers
        self._readers[fd] = reader
        if errors is not None:
            self._errors[fd] = errors
        if not known:
            self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Look at fd no more; harmless if it is not looked at."""
        self._errors.pop(fd, None)
        if self._readers.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except OSError:
                pass  # closed already

    def call_at(self, when: int, call: Callback) -> Timer:
        """Call once when now() is `when`."""
        timer = Timer(call)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def on_signal(self, number: int, call: Callback) -> None:
        """Call when a signal has come, between two other calls."""
        self._signals[number] = call
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(number, self._catch)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught.append(number)

    def _woken(self) -> None:
        try:
            self._wake.recv(4096)
        except BlockingIOError:
            pass
        while self._caught:
            self._signals[self._caught.pop(0)]()

    def stop(self) -> None:
        """Let run() end after the call that is under way."""
        self._running = False

    def run(self) -> None:
        """Serve until stop()."""
        self._running = True
        timers, readers, poll = self._timers, self._readers, self._epoll.poll
        while self._running:
            wait = -1.0
            if timers:
                wait = max(0, timers[0][0] - self.now()) / 1000
            for fd, event in poll(wait, _EVENTS_AT_ONCE):
                if event & select.EPOLLERR and fd in self._errors:
                    self._errors[fd]()
                reader = readers.get(fd)
                if reader is not None:
                    reader()
            while timers and timers[0][0] <= self.now() and self._running:
                heapq.heappop(timers)[2].fire()

    def close(self) -> None:
        """Give up what the loop holds; signals go their usual ways again."""
        for number in self._signals:
            signal.signal(number, signal.SIG_DFL)
        if self._signals:
            signal.set_wakeup_fd(-1)
        self._epoll.close()
        self._wake.close()
        self._waker.close()


__all__ = ["Loop", "Timer"]
