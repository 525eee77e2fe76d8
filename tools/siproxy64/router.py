# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The process on a router: what daemon.py is on a host, for siproxy64-router (ports/router).

HUP gives the SIP ports to a new instance, USR1 prints counters, USR2 reads the configuration
again, TERM and INT end it. There is no control socket. Lines go to standard error.
"""

import errno
import sys

from . import anyip
from .anyip import AnyIPError
from .call_log import CallLog
from .configuration import parse
from .metrics import MetricsServer
from .portable_plane import PortablePlane
from .program import Program, StartError
from .proxy import Proxy
from .relay import Relay
from .settings import Settings, SettingsError
from .sockets_net6 import Driver
from .status import Status
from .values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    posix: Any = None  # C module of ports/router
else:
    import posix

_USAGE = """usage: siproxy64-router [--heap OCTETS] [--config] CONFIG | REAL=REPRESENTATION ...
       siproxy64-router check CONFIG
Mirrors SIP calls between IPv4 and IPv6. Signals: HUP hands the SIP ports over, USR1 prints
counters, USR2 reads CONFIG again, TERM ends it.
"""
_KEY_OCTETS = 32
_WRONG = 2  # exit status for wrong settings or arguments
# Settings that need more than this program has; `control` is passed over.
_ABSENT = ("defaults", "pubtsp")


def _say(line: str) -> None:
    sys.stderr.write("siproxy64: %s\n" % line)


def _read(file: str, maps: "list[str]") -> Settings:
    """Return the settings of a file and of arguments real=representation; SettingsError."""
    text = ""
    if file:
        try:
            with open(file) as stream:
                text = stream.read()
        except (OSError, UnicodeError) as error:
            raise SettingsError(["%s: %s" % (file, error)])
    settings = parse(text, maps)
    wrong = ["%s: not in siproxy64-router" % name for name in _ABSENT if getattr(settings, name)]
    if settings.plane == "xdp":
        wrong.append("plane xdp: not in siproxy64-router")
    if not settings.table.local_nets() and not settings.pools:
        wrong.append("nothing is mapped")
    if wrong:
        raise SettingsError(wrong)
    return settings


def _secret(path: str) -> bytes:
    """Return the key in a file, which is made if it is not there; without a path a fresh one.

    StartError: the file cannot be had, or has less than a key.
    """
    key: bytes = posix.random(_KEY_OCTETS)
    if not path:
        return key
    try:
        try:
            with open(path, "rb") as stream:
                key = stream.read(_KEY_OCTETS)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            with open(path, "wb") as made:
                made.write(key)
    except OSError as error:
        raise StartError("secret %s: %s" % (path, error))
    if len(key) < _KEY_OCTETS:
        raise StartError("secret %s: %d octets at least" % (path, _KEY_OCTETS))
    return key


class _Process:
    """One siproxy64. again: reads the settings, SettingsError."""

    def __init__(self, again: "Callable[[], Settings]") -> None:
        self._again = again
        settings = again()
        self.driver = Driver()
        relay = Relay(
            PortablePlane(self.driver),
            settings.table,
            settings.limits["streams"],
            settings.media_shared,
            settings.latch,
            settings.ports,
        )
        self.program = Program(settings, self.driver, relay, _say)
        self._status = Status(self.program, self._reload)
        self._log = CallLog(_say)
        self._metrics: "MetricsServer | None" = None
        self._secret = b""

    def start(self) -> None:
        """Open the SIP ports, then give up the rights of root.

        StartError: a port cannot be had. ValueError, OSError: another user cannot be.
        """
        if self.program.settings.anyip:
            anyip.add(self.program.settings, posix.netlink)
        self._secret = _secret(self.program.settings.secret)
        self.program.start()
        self._apply()
        self._start_metrics()
        on_signal = self.driver.on_signal
        on_signal("HUP", self._hand_over)
        on_signal("USR1", self._tell)
        on_signal("USR2", self._reload)
        on_signal("TERM", self.program.stop)
        on_signal("INT", self.program.stop)
        settings = self.program.settings
        if settings.user:
            self.driver.drop(settings.user, settings.group, settings.anyip)

    def _start_metrics(self) -> None:
        where = self.program.settings.metrics
        if where is not None:
            try:
                self._metrics = MetricsServer(self.driver, where, self._status.status)
            except OSError as error:
                raise StartError("metrics %s: %s" % (show(where), error))

    def _hand_over(self) -> None:
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None
        self.program.hand_over()

    def _apply(self) -> None:
        settings = self.program.settings
        self.program.relay.silence_ms = 1000 * settings.limits["silence"]
        self.program.mirror.passed = self._log.passed if settings.log_calls else None
        if settings.proxies and self.program.proxy is None:
            self.program.proxy = Proxy(self.program.mirror, self._secret)
        if self.program.proxy is not None:
            self.program.proxy.configure(settings)

    def _reload(self) -> None:
        try:
            new = self._again()
            if new.anyip:
                anyip.add(new, posix.netlink)
            self.program.reload(new)
            self._apply()
            _say("the configuration was read again")
        except (SettingsError, AnyIPError) as error:
            for line in getattr(error, "lines", None) or [str(error)]:
                _say(line)
            _say("the table stays as it was")

    def _tell(self) -> None:
        for line in self._status.lines():
            _say(line)


def main(arguments: "list[str]") -> int:
    """Serve until a signal ends it; return the exit status."""
    check = arguments[:1] == ["check"]
    words = arguments[1:] if check or arguments[:1] == ["--config"] else arguments
    maps = [word for word in words if "=" in word]
    files = [word for word in words if "=" not in word]
    if not words or len(files) > 1 or files and files[0].startswith("-"):
        sys.stderr.write(_USAGE)
        return _WRONG
    file = files[0] if files else ""
    try:
        process = _Process(lambda: _read(file, maps))
        if check:
            _say("%s: good" % (file or " ".join(maps)))
            return 0
        process.start()
    except SettingsError as error:
        for line in error.lines:
            _say(line)
        return _WRONG
    except (AnyIPError, StartError, ValueError, OSError) as error:
        _say(str(error))
        return 1
    _say("ready")
    process.driver.run()
    process.driver.close()
    return 0
