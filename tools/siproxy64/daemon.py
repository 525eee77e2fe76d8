# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The process on a host: rights, signals, control socket, what systemd is told.

HUP gives the SIP ports to a new instance, USR1 writes counters to the log, TERM and INT end it.
"""

import gc
import ipaddress
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path

from ..common import privileges
from ..common.control import ControlError, ControlSocket
from ..common.netlink import netlink
from ..common.notify import Notifier
from ..common.privileges import PrivilegesError, make_folder
from ..common.sockets import Driver
from . import anyip, tunnel
from .anyip import AnyIPError
from .call_log import CallLog
from .metrics import MetricsServer
from .outbound import Outbound
from .portable_plane import PortablePlane
from .program import Program, StartError
from .settings import Settings, SettingsError
from .status import Status
from .tunnel import TunError, Tunnel
from .values import show
from .xdp_plane import XDPPlane, choose, interfaces_towards
from .xdp_program import Unavailable

log = logging.getLogger("siproxy64")

_KEY_OCTETS = 32
# Objects until a collection, collections of them until a wider one: messages leave no cycles, and
# no collection shall take longer than a packet may wait.
_GARBAGE = (10_000, 2, 50)


class Daemon:
    """siproxy64 from its start to its end."""

    def __init__(
        self, settings: Settings, read_settings: Callable[[bytes | None], Settings]
    ) -> None:
        """settings: of now.

        read_settings: reads them again, SettingsError if they are wrong; it gets the address of
        the tunnel, None: there is none.
        """
        self.settings = settings
        self._read_settings = read_settings
        self.driver = Driver()
        self._notifier = Notifier()
        self._plane = self._choose_plane()
        self.program = Program(settings, self.driver, self._plane, log.info)
        self.program.ended = self._ended
        self.status = Status(self.program, self.reload)
        self._outbound: Outbound | None = None
        self._tunnel: Tunnel | None = None
        self._address: bytes | None = None
        self._control: ControlSocket | None = None
        self._metrics: MetricsServer | None = None
        self._log = CallLog(log.info)
        self._secret = b""

    def _choose_plane(self) -> PortablePlane:
        """Return who relays media; StartError: plane = xdp, and it cannot be had."""
        settings = self.settings
        interfaces: list[str] = []
        if settings.plane != "portable":
            nets = settings.table.local_nets()
            reals = [settings.table.real(net, port) for net, _, port in nets]
            interfaces = interfaces_towards(real[0] for real in reals if real is not None)
        streams = 2 * settings.limits["streams"]  # RTP and RTCP
        try:
            return choose(self.driver, settings.plane, interfaces, streams, log.info)
        except Unavailable as error:
            raise StartError(f"plane xdp: {error}") from None

    def start(self) -> None:
        """Set everything up; StartError: what cannot be had."""
        settings = self.settings
        try:
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (most, most)
            )  # four sockets for each stream
            uid, gid = privileges.find(settings.user, settings.group)
            if settings.anyip:
                anyip.add(settings, netlink)
            if settings.pubtsp:
                self._tunnel = tunnel.make(settings.pubtsp, self.driver.loop, self._moved)
            if settings.secret:
                make_folder(settings.secret, uid, gid)
            self._secret = _secret(settings.secret)
            self.program.start()
            self._apply()
            self._start_metrics()
            if settings.control and settings.control != "off":
                make_folder(settings.control, uid, gid)
                self._control = ControlSocket(
                    self.driver.loop, settings.control, self.status.answer, "siproxy64"
                )
                self._control.own(uid, gid)
            for name in ("TERM", "INT"):
                self.driver.on_signal(name, self.program.stop)
            self.driver.on_signal("HUP", self.hand_over)
            self.driver.on_signal("USR1", self._tell)
            keep = {privileges.NET_ADMIN} if settings.anyip or settings.pubtsp else set()
            if isinstance(self._plane, XDPPlane):
                keep = {privileges.BPF, privileges.NET_ADMIN}
            privileges.drop(uid, gid, "", keep)
        except (AnyIPError, ControlError, PrivilegesError, TunError) as error:
            raise StartError(str(error)) from None
        except SettingsError as error:
            raise StartError("; ".join(error.lines)) from None

    def _moved(self, address: bytes | None) -> None:
        """The tunnel has another address: what the word stands for is made anew."""
        if address == self._address or self.program.leaving:
            return
        self._address = address
        try:
            self.reload()
        except SettingsError:
            return  # it was told
        if address is not None:
            log.info("the tunnel's address is %s", ipaddress.IPv6Address(address))

    def _apply(self) -> None:
        """Let settings count that may change."""
        self.program.relay.silence_ms = 1000 * self.settings.limits["silence"]
        if self._outbound is None:
            resolver = os.environ.get("VOX6_RESOLV_CONF", "/etc/resolv.conf")
            self._outbound = Outbound(self.program, os.urandom, resolver, self._secret)
        self._outbound.apply(self._log.passed if self.settings.log_calls else None)

    def _start_metrics(self) -> None:
        where = self.settings.metrics
        if where is None:
            return
        try:
            self._metrics = MetricsServer(self.driver, where, self.status.status)
        except OSError as error:
            raise StartError(f"metrics {show(where)}: {error.strerror}") from None

    def run(self) -> None:
        """Serve until a signal ends it."""
        gc.collect()
        gc.freeze()  # what is here now stays: no collection looks at it again
        gc.set_threshold(*_GARBAGE)
        log.info("ready")
        self._notifier.send("READY=1", "STATUS=serving")
        self.driver.run()
        self._notifier.send("STOPPING=1")

    def hand_over(self) -> None:
        """Let a new instance have ports and control socket; end with the last call."""
        self._release()
        self._notifier.send("STATUS=the last calls keep their media")
        if isinstance(self._plane, XDPPlane):
            self._plane.close_program()  # the new instance wants to attach its own
        if self._outbound is not None:
            self._outbound.close()
        self.program.hand_over()

    def _release(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None

    def reload(self) -> None:
        """Read the table again; SettingsError: all stays as it was."""
        self._notifier.reloading()
        try:
            new = self._read_settings(self._address)
            if new.anyip:
                anyip.add(new, netlink, self._address)
            self.program.reload(new)
            self.settings = new
            self._apply()
            log.info("the configuration was read again")
        except AnyIPError as error:
            raise SettingsError([str(error)]) from None
        except SettingsError as error:
            for line in error.lines:
                log.error("%s", line)
            log.error("the table stays as it was")
            raise
        finally:
            self._notifier.send("READY=1")

    def _tell(self) -> None:
        for line in self.status.lines():
            log.info("%s", line)

    def _ended(self) -> None:
        self.driver.stop()

    def close(self) -> None:
        """Give everything back."""
        self._release()
        self.program.ended = lambda: None
        self.program.stop()
        if isinstance(self._plane, XDPPlane):
            self._plane.close_program()
        self._notifier.close()
        self.driver.close()


def _secret(path: str) -> bytes:
    """Return the key in a file, which is made if it is not there; without a path a fresh one."""
    if not path:
        return os.urandom(_KEY_OCTETS)
    try:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(os.urandom(_KEY_OCTETS))
        except FileExistsError:
            pass
        key = Path(path).read_bytes()
    except OSError as error:
        raise StartError(f"secret {path}: {error.strerror}") from None
    if len(key) < _KEY_OCTETS:
        raise StartError(f"secret {path}: {_KEY_OCTETS} octets at least")
    return key[:_KEY_OCTETS]


__all__ = ["Daemon", "StartError"]
