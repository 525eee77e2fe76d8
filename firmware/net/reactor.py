# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What asyncio does for the phone: pollable things call back, timers call back, faults stay small.

Everything else of the firmware is plain functions that never wait, so that tests need no loop.
A task that meets an exception logs it and goes on (design: a fault must not take down a call).
"""

import asyncio
from asyncio import core

from firmware import log
from vox6.wire import const

_LONGEST_MS = const(3600000)  # one hour: the clock must be looked at in half its period
_PAUSE_MS = const(200)  # after a fault, so that others get their turn


def readable(stream):
    """Await that a stream can be read (a generator is what MicroPython awaits)."""
    yield core._io_queue.queue_read(stream)


def writable(stream):
    """Await that a stream can be written."""
    yield core._io_queue.queue_write(stream)


class Reactor:
    """Runs call backs until the console is asked for.

    clock: for timers; settle: called after each call back; get_timer: returns the time of the
    next handle_timer(now), or None.
    """

    def __init__(self, clock, settle, get_timer, handle_timer):
        self._clock = clock
        self._settle = settle
        self._get_timer = get_timer
        self._handle_timer = handle_timer
        self._watched = {}  # (id of a stream, writing): [stream, call back, task, wait]
        self._timer = None
        self._until = None
        self._sleeping_until = None

    def watch(self, stream, callback, writing=False):
        """Call callback(now) whenever stream can be read, or written, until unwatch()."""
        entry = [stream, callback, None, writable if writing else readable]
        self._watched[(id(stream), writing)] = entry
        entry[2] = asyncio.create_task(self._watch(entry))

    def unwatch(self, stream, writing=False):
        """End watch() for writing, or for both; to be called before the stream is closed."""
        self._end(self._watched.pop((id(stream), True), None))
        if not writing:
            self._end(self._watched.pop((id(stream), False), None))

    def _end(self, entry):
        if entry is None:
            return
        task = entry[2]
        entry[0] = None
        if task is not None and task is not core.cur_task:
            task.cancel()

    async def _watch(self, entry):
        try:
            while entry[0] is not None:
                await entry[3](entry[0])
                if entry[0] is None:
                    return
                try:
                    entry[1](self._clock.now())
                    self._settled()
                except Exception as exc:
                    log.exception("watch", exc)
                    await asyncio.sleep_ms(_PAUSE_MS)
        except asyncio.CancelledError:
            pass
        finally:
            entry[2] = None  # KeyboardInterrupt comes by here: run() starts the task anew

    def _settled(self):
        self._settle()
        self.arm()

    def arm(self):
        """Look at the timer again; called whenever something may have changed it."""
        until = self._sleeping_until
        if until is None or self._timer is None or self._timer is core.cur_task:
            return
        due = self._get_timer()
        if due is not None and due < until:
            self._sleeping_until = None
            self._timer.cancel()

    async def _run_timer(self):
        try:
            while True:
                try:
                    await self._sleep()
                    now = self._clock.now()
                    due = self._get_timer()
                    if due is not None and due <= now:
                        self._handle_timer(now)
                        self._settle()
                except Exception as exc:
                    log.exception("timer", exc)
                    await self._pause(_PAUSE_MS)
        finally:
            self._timer = None
            self._sleeping_until = None

    async def _sleep(self):
        now = self._clock.now()
        due = self._get_timer()
        pause = _LONGEST_MS if due is None else due - now
        if pause > _LONGEST_MS:
            pause = _LONGEST_MS
        self._sleeping_until = now + max(0, pause)
        await self._pause(max(0, pause))
        self._sleeping_until = None

    async def _pause(self, ms):
        try:
            await asyncio.sleep_ms(ms)
        except asyncio.CancelledError:
            pass  # arm(): look at the timer again

    def run(self, console):
        """Run until console (a pollable) can be read; everything goes on at the next run()."""
        if self._timer is None:
            self._timer = asyncio.create_task(self._run_timer())
        for entry in list(self._watched.values()):
            if entry[2] is None:
                entry[2] = asyncio.create_task(self._watch(entry))
        self._settled()
        if self._until is None:
            self._until = asyncio.create_task(self._wait_for(console))
        core.run_until_complete(self._until)

    async def _wait_for(self, console):
        try:
            await readable(console)
        finally:
            self._until = None
