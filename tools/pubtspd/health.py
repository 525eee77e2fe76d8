# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What follows from self-tests: the TUN device down and up, the watchdog of systemd.

Three failures in a row take the device down, so that a routing daemon withdraws the service; a
success takes it up again. Where the service address itself is on the device, it is taken up for a
trial each minute, as no test could succeed without it.
"""

import logging
from collections.abc import Callable

from ..common.driver import Loop, Timer
from ..common.notify import Notifier
from ..common.tun import TunError
from .selftest import SelfTest
from .tunnel import ServerTun

log = logging.getLogger("pubtspd")

_FAILURES = 3
_TRIAL_MS = 60_000


class Health:
    """Runs the self-tests of all prefixes, one round after the other."""

    def __init__(
        self,
        loop: Loop,
        listen: list[bytes],
        tun: ServerTun,
        notifier: Notifier,
        *,
        trial: bool,
        failed: Callable[[], None],
    ) -> None:
        """trial: the service address is on the device. failed: called for each failure."""
        self.healthy = True
        self._loop = loop
        self._tun = tun
        self._notifier = notifier
        self._trial = trial
        self._failed = failed
        self._in_a_row = 0
        self._tried = 0
        self._interval_ms = 0
        self._with_tests = False
        self._timer: Timer | None = None
        self._waiting = 0
        self._wrong = ""
        self._tests = [SelfTest(loop, ipv4, self._done) for ipv4 in listen]

    def every(self, seconds: int) -> None:
        """Test all some seconds, from now on; 0: never."""
        watchdog = self._notifier.watchdog_ms
        self._interval_ms = seconds * 1000
        if watchdog:
            self._interval_ms = min(self._interval_ms or watchdog // 3, watchdog // 3)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds or watchdog:
            self._timer = self._loop.call_at(self._loop.now(), self._round)
        self._with_tests = bool(seconds)

    def _round(self) -> None:
        self._timer = self._loop.call_at(self._loop.now() + self._interval_ms, self._round)
        if not self._with_tests:
            self._notifier.send("WATCHDOG=1")
            return
        if self._waiting:
            return  # the last round is under way; each test ends by itself
        if not self.healthy and self._trial and self._loop.now() - self._tried >= _TRIAL_MS:
            self._tried = self._loop.now()
            self._take_up()
        self._waiting = len(self._tests)
        self._wrong = ""
        for test in self._tests:
            test.start()

    def _done(self, wrong: str | None) -> None:
        self._waiting -= 1
        self._wrong = wrong or self._wrong
        if self._waiting:
            return
        if not self._wrong:
            self._in_a_row = 0
            self._notifier.send("WATCHDOG=1")
            if not self.healthy:
                self._take_up()
                self.healthy = True
                log.warning("self-test passes again, TUN device %s is up", self._tun.name)
                self._notifier.send("STATUS=serving")
            return
        self._failed()
        self._in_a_row += 1
        if self.healthy:
            log.warning("self-test failed, %d of %d: %s", self._in_a_row, _FAILURES, self._wrong)
        if self._in_a_row >= _FAILURES:
            if self.healthy:
                log.error("self-test failed, TUN device %s goes down", self._tun.name)
                self._notifier.send("STATUS=self-test failed: " + self._wrong)
            self.healthy = False
            self._tried = self._tried or self._loop.now()
            try:
                self._tun.down()
            except OSError as error:
                log.error("TUN device %s: %s", self._tun.name, error.strerror)

    def _take_up(self) -> None:
        try:
            self._tun.up()
        except TunError as error:
            log.error("TUN device %s: %s", self._tun.name, error)

    def close(self) -> None:
        """No more tests."""
        if self._timer is not None:
            self._timer.cancel()
        for test in self._tests:
            test.close()
