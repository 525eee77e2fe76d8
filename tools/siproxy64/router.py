# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The process on a router: what daemon.py is on a host, for siproxy64-router (ports/router).

HUP gives the SIP ports to a new instance, USR1 prints counters, USR2 reads the configuration
again, TERM and INT end it. Lines go to standard error.
"""

import errno
import sys

from . import anyip, asking
from .anyip import AnyIPError
from .call_log import CallLog
from .configuration import parse
from .metrics import MetricsServer
from .outbound import Outbound
from .portable_plane import PortablePlane
from .program import Program, StartError
from .router_control import ControlServer, ask
from .router_tunnel import Tunnel, TunnelError
from .router_tunnel import parse as servers_of
from .settings import DEFAULT_CONTROL, DEFAULT_FILE, Settings, SettingsError
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
       siproxy64-router status | calls | reload [CONFIG]
Mirrors SIP calls between IPv4 and IPv6. Signals: HUP hands the SIP ports over, USR1 prints
counters, USR2 reads CONFIG again, TERM ends it.
"""
_KEY_OCTETS = 32
_WRONG = 2  # exit status for wrong settings or arguments


def _say(line: str) -> None:
    sys.stderr.write("siproxy64: %s\n" % line)


def _resolver() -> str:
    """Return the file that names DNS servers."""
    return posix.getenv("VOX6_RESOLV_CONF") or "/etc/resolv.conf"


def _read(file: str, maps: "list[str]", tunnel: "bytes | None") -> Settings:
    """Return the settings of a file and of arguments real=representation; SettingsError.

    tunnel: the address of ours, None: there is none (yet).
    """
    text = ""
    if file:
        try:
            with open(file) as stream:
                text = stream.read()
        except (OSError, UnicodeError) as error:
            raise SettingsError(["%s: %s" % (file, error)])
    settings = parse(text, maps, tunnel)
    if settings.pubtsp:
        servers_of(settings.pubtsp)
    wrong = []
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
    """One siproxy64. again: reads the settings for an address of the tunnel, SettingsError."""

    def __init__(self, again: "Callable[[bytes | None], Settings]") -> None:
        self._again = again
        self._tunnel: "Tunnel | None" = None
        self._address: "bytes | None" = None  # of the tunnel
        settings = again(None)
        self.driver = Driver()
        self.program = Program(settings, self.driver, PortablePlane(self.driver), _say)
        self._status = Status(self.program, self._read_again)
        self._log = CallLog(_say)
        self._metrics: "MetricsServer | None" = None
        self._control: "ControlServer | None" = None
        self._secret = b""
        self._outbound: "Outbound | None" = None

    def start(self) -> None:
        """Open the SIP ports, then give up all rights that are not needed any more.

        StartError: no port or no tunnel can be had. ValueError, OSError: another user cannot be.
        """
        settings = self.program.settings
        if settings.pubtsp:
            try:
                self._tunnel = Tunnel(settings.pubtsp, self.driver, _resolver(), _say, self._moved)
            except TunnelError as error:
                raise StartError(str(error))
            self._tunnel.begin()
        if settings.anyip:
            anyip.add(settings, posix.netlink)
        self._secret = _secret(settings.secret)
        self.program.start()
        self._apply()
        self._start_metrics()
        self._start_control()
        on_signal = self.driver.on_signal
        on_signal("HUP", self._hand_over)
        on_signal("USR1", self._tell)
        on_signal("USR2", self._reload)
        on_signal("TERM", self.program.stop)
        on_signal("INT", self.program.stop)
        may = settings.anyip or bool(settings.pubtsp)
        self.driver.drop(settings.user, settings.group, may)

    def _start_metrics(self) -> None:
        where = self.program.settings.metrics
        if where is not None:
            try:
                self._metrics = MetricsServer(self.driver, where, self._status.status)
            except OSError as error:
                raise StartError("metrics %s: %s" % (show(where), error))

    def _start_control(self) -> None:
        settings = self.program.settings
        if settings.control in ("", "off"):
            return
        where = (settings.control, settings.user, settings.group)
        try:
            self._control = ControlServer(self.driver, where, self._status.answer)
        except OSError as error:
            if settings.control != DEFAULT_CONTROL:
                raise StartError("control %s: %s" % (settings.control, error))
            _say("control %s: %s; nobody asked for it: on without" % (DEFAULT_CONTROL, error))

    def _hand_over(self) -> None:
        self._release()
        if self._outbound is not None:
            self._outbound.close()
        self.program.hand_over()

    def _release(self) -> None:
        for one in (self._metrics, self._control):
            if one is not None:
                one.close()
        self._metrics = self._control = None

    def _apply(self) -> None:
        settings = self.program.settings
        self.program.relay.silence_ms = 1000 * settings.limits["silence"]
        if self._outbound is None:
            self._outbound = Outbound(self.program, posix.random, _resolver(), self._secret)
        self._outbound.apply(self._log.passed if settings.log_calls else None)

    def _moved(self, address: "bytes | None") -> None:
        """The tunnel has another address: what the word stands for is made anew."""
        if address == self._address or self.program.leaving:
            return
        self._address = address
        if self._reload() and address is not None:
            _say("the tunnel's address is %s" % show((address, 0)))

    def _read_again(self) -> None:
        """Let another configuration count; SettingsError: all stays as it was, and it was said."""
        try:
            new = self._again(self._address)
            if new.anyip:
                anyip.add(new, posix.netlink, self._address)
            self.program.reload(new)
            self._apply()
            _say("the configuration was read again")
        except (SettingsError, AnyIPError) as error:
            lines = getattr(error, "lines", None) or [str(error)]
            for line in lines:
                _say(line)
            _say("the table stays as it was")
            raise SettingsError(lines)

    def _reload(self) -> bool:
        try:
            self._read_again()
        except SettingsError:
            return False
        return True

    def close(self) -> None:
        """Give back what is not the driver's."""
        self._release()
        if self._tunnel is not None:
            self._tunnel.close()

    def _tell(self) -> None:
        if self.driver.lacks:
            _say("out of memory %d times: --heap gives more" % self.driver.lacks)
        for line in self._status.lines():
            _say(line)


def _asked(command: str, file: str) -> int:
    """Ask the instance that runs, say what it answers; return the exit status."""
    try:
        with open(file or DEFAULT_FILE) as stream:
            path = asking.path_in(stream.read())
    except (OSError, UnicodeError) as error:
        if file:
            _say("%s: %s" % (file, error))
            return _WRONG
        path = DEFAULT_CONTROL
    try:
        answer = ask(path, command)
    except (OSError, ValueError) as error:
        _say("%s: %s; does siproxy64-router run, may you reach it?" % (path, error or "nonsense"))
        return 1
    if not answer.get("ok"):
        _say(str(answer.get("error")))
        return 1
    for line in asking.lines_of(command, answer):
        print(line)
    return 0


def main(arguments: "list[str]") -> int:
    """Serve until a signal ends it, or ask the instance that runs; return the exit status."""
    words = [word for word in arguments if word != "--config"]
    command = ""
    for word in ("check",) + asking.COMMANDS:
        if word in words and not command:
            words.remove(word)
            command = word
    maps = [word for word in words if "=" in word]
    files = [word for word in words if "=" not in word]
    asks = command in asking.COMMANDS
    if not words and not asks or asks and maps or len(files) > 1:
        files.append("-")
    if files and files[-1].startswith("-"):
        sys.stderr.write(_USAGE)
        return _WRONG
    file = files[0] if files else ""
    if asks:
        return _asked(command, file)
    check = command == "check"
    try:
        process = _Process(lambda tunnel: _read(file, maps, tunnel))
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
    status = 0
    try:
        process.driver.run()
    except TunnelError as error:
        _say(str(error))
        status = 1
    process.close()
    process.driver.close()
    return status
