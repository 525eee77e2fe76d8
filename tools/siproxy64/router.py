# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The process on a router: what daemon.py is on a host, for siproxy64-router (ports/router).

HUP gives the SIP ports to a new instance, USR1 prints counters, USR2 reads the configuration
again, TERM and INT end it. There is no control socket. Lines go to standard error.
"""

import sys

from .portable_plane import PortablePlane
from .ports import PortError
from .program import Program
from .relay import Relay
from .settings import Settings, SettingsError, parse
from .sockets_net6 import Driver
from .status import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_USAGE = """usage: siproxy64-router [--heap OCTETS] CONFIG | REAL=REPRESENTATION ...
       siproxy64-router check CONFIG
Mirrors SIP calls between IPv4 and IPv6. Signals: HUP hands the SIP ports over, USR1 prints
counters, USR2 reads CONFIG again, TERM ends it.
"""
_WRONG = 2  # exit status for wrong settings or arguments


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
    return parse(text, maps)


def _start(settings: Settings, again: "Callable[[], Settings]", driver: Driver) -> Program:
    """Set everything up; PortError: what cannot be had."""
    relay = Relay(
        PortablePlane(driver),
        settings.table,
        settings.limits["streams"],
        settings.media_shared,
        settings.latch,
        settings.ports,
    )
    program = Program(settings, driver, relay, _say)

    def reload() -> None:
        try:
            program.reload(again())
            _say("the configuration was read again")
        except SettingsError as error:
            for line in error.lines:
                _say(line)
            _say("the table stays as it was")

    status = Status(program, reload)

    def tell() -> None:
        for line in status.lines():
            _say(line)

    program.start()
    driver.on_signal("HUP", program.hand_over)
    driver.on_signal("USR1", tell)
    driver.on_signal("USR2", reload)
    for name in ("TERM", "INT"):
        driver.on_signal(name, program.stop)
    return program


def main(arguments: "list[str]") -> int:
    """Serve until a signal ends it; return the exit status."""
    check = arguments[:1] == ["check"]
    files = [word for word in arguments[check:] if "=" not in word]
    maps = [word for word in arguments if "=" in word]
    if not arguments or len(files) > 1 or files and files[0].startswith("-"):
        sys.stderr.write(_USAGE)
        return _WRONG
    file = files[0] if files else ""
    try:
        settings = _read(file, maps)
        if not settings.table.local_nets() and not settings.pools:
            raise SettingsError(["nothing is mapped"])
    except SettingsError as error:
        for line in error.lines:
            _say(line)
        return _WRONG
    if check:
        _say("%s: good" % file)
        return 0
    driver = Driver()
    try:
        _start(settings, lambda: _read(file, maps), driver)
    except PortError as error:
        _say(str(error))
        return 1
    _say("ready")
    driver.run()
    driver.close()
    return 0
