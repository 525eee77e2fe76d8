# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The process: what it sets up and in which order, what happens on signals, how it ends.

SIGTERM and SIGINT end it, SIGHUP reads settings and keys again. No packet waits for that longer
than the reading takes, and none is lost: sockets, device and counters stay.
"""

import gc
import ipaddress
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from ..common import privileges
from ..common.control import ControlError, ControlSocket
from ..common.driver import Loop
from ..common.metrics_server import MetricsServer
from ..common.notify import Notifier
from ..common.privileges import PrivilegesError, make_folder
from ..common.tun import TunError
from ..common.udp import UDPSocket
from . import keys as key_file
from .choice import choose
from .fastpath import MAINTAIN_S, FastPath, FastPathUnavailable
from .health import Health
from .keys import KeyFileError, Keys
from .metrics import StatusCollector
from .plane import Member, PortablePlane
from .service import KeyRing, make_server, utc
from .settings import ROWS, Settings, SettingsError, changed
from .status import Operator
from .tunnel import ServerTun, forwards
from .values import SERVER_PORT

log = logging.getLogger("pubtspd")

_START_ERRORS = (ControlError, FastPathUnavailable, KeyFileError, PrivilegesError, TunError)
_GARBAGE = 20_000  # objects between two collections: packets leave no cycles
_CLOCK_MS = 30_000  # between two looks at the clock: it may have been set


class StartError(Exception):
    """The machine does not give what the settings ask for; the text says what helps."""


class Daemon:
    """pubtspd from its start to its end."""

    def __init__(self, settings: Settings, read_settings: Callable[[], Settings]) -> None:
        """settings: of now; read_settings: reads them again, SettingsError if they are wrong."""
        self.settings = settings
        self._read_settings = read_settings
        self.loop = Loop()
        self.ring = KeyRing(None)
        self.members: list[Member] = []
        self._failure = ""
        self._notifier = Notifier()
        self._operator = Operator(self.loop, self.members, self.ring)
        self._tun: ServerTun | None = None
        self._plane: PortablePlane | None = None
        self._fast: FastPath | None = None
        self._control: ControlSocket | None = None
        self._metrics: MetricsServer | None = None
        self._health: Health | None = None

    # -- start --------------------------------------------------------------------------------

    def start(self) -> None:
        """Set everything up; StartError: what cannot be had."""
        settings = self.settings
        try:
            uid, gid = privileges.find(settings.user, settings.group)
            self.ring.replace(self._read_keys(settings, (uid, gid)))
            self._warn()
            self._tun = ServerTun(settings)
            self._open_sockets()
            self._watch_clock()
            self._plane = PortablePlane(self.loop, self.members, self._tun.fileno(), self._fail)
            self._operator.plane_counters = self._plane.counters
            keep = {privileges.NET_ADMIN} | self._choose_plane()
            if settings.control:
                make_folder(settings.control, uid, gid)
                self._control = ControlSocket(
                    self.loop, settings.control, self._operator.answer, "pubtspd"
                )
                self._control.own(uid, gid)
            self.loop.on_signal(signal.SIGTERM, self.loop.stop)
            self.loop.on_signal(signal.SIGINT, self.loop.stop)
            self.loop.on_signal(signal.SIGHUP, self.reload)
            privileges.drop(uid, gid, settings.chroot, keep)
            self._try_reading_again()
            self._start_metrics()
        except _START_ERRORS as error:
            raise StartError(str(error)) from None
        self._start_health()

    def _warn(self) -> None:
        if self.settings.martians == "lab":
            log.warning("martians = lab: documentation addresses count as public, for tests only")
        if self.settings.tag == "off":
            log.warning(
                "tag = off: anybody can make this server send packets to any IPv4 address and port"
            )
        if not forwards():
            log.warning(
                "IPv6 forwarding is off, no packet passes: sysctl net.ipv6.conf.all.forwarding=1"
            )

    def _open_sockets(self) -> None:
        assert self._tun is not None
        for ipv4, prefix in self.settings.pairs:
            text = str(ipaddress.IPv4Address(ipv4))
            try:
                udp = UDPSocket(text, SERVER_PORT, memo=self.settings.memo)
            except OSError as error:
                raise StartError(
                    f"listen = {text}, port {SERVER_PORT}: {error.strerror}; the address must be "
                    "one of this machine (or service-on-tun = true), and no other program there"
                ) from None
            member = Member(ipv4, prefix, make_server(self.settings, ipv4, prefix), udp)
            self.members.append(member)
            log.info(
                "prefix %s at %s port %d, TUN device %s",
                member.prefix_text,
                text,
                SERVER_PORT,
                self._tun.name,
            )

    def _choose_plane(self) -> set[int]:
        """Start the kernel's plane if it can be had; the capabilities that it needs."""
        choice = choose(self.settings, self.members[0].server.config)
        self._fast = choice.fast
        self._operator.use_plane(choice.name, choice.fast)
        log.info("data plane: %s (%s)", choice.name, choice.why)
        if choice.fast is None:
            return set()
        for hint in choice.fast.hints:
            log.warning("the portable plane may have much to do: %s", hint)
        self.loop.watch(choice.fast.fileno(), choice.fast.maintain)
        self._maintain_plane()
        return {privileges.BPF}

    def _maintain_plane(self) -> None:
        """Let the kernel's plane follow routes and neighbours, also when nothing is told."""
        if self._fast is not None:
            self._fast.maintain()
            self.loop.call_at(self.loop.now() + 1000 * MAINTAIN_S, self._maintain_plane)

    def _try_reading_again(self) -> None:
        """Say now what SIGHUP would say later: the user may read less than root."""
        try:
            self._read_keys(self._read_settings())
        except (SettingsError, KeyFileError) as error:
            log.warning("SIGHUP will change nothing: %s", error)

    def _start_metrics(self) -> None:
        where = self.settings.metrics
        if isinstance(where, tuple):
            try:
                self._metrics = MetricsServer(where, StatusCollector(self._operator.status))
            except OSError as error:
                raise StartError(
                    f"metrics = {where[0]} port {where[1]}: {error.strerror}"
                ) from None

    def _start_health(self) -> None:
        assert self._tun is not None
        self._health = Health(
            self.loop,
            self.settings.listen,
            self._tun,
            self._notifier,
            trial=self.settings.service_on_tun,
            failed=self._operator.note_failure,
        )
        self._operator.health = self._health
        self._health.every(self.settings.self_test)

    # -- life ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until a signal ends it; StartError: until the machine takes something away."""
        gc.collect()
        gc.freeze()  # what is here now stays: no collection looks at it again
        gc.set_threshold(_GARBAGE)
        log.info("ready")
        self._notifier.send("READY=1", "STATUS=serving")
        self.loop.run()
        self._notifier.send("STOPPING=1")
        if self._failure:
            raise StartError(self._failure)

    def _fail(self, why: str) -> None:
        """End for a reason that a restart may cure."""
        self._failure = why
        self.loop.stop()

    def close(self) -> None:
        """Give everything back."""
        for part in (self._health, self._metrics, self._control, self._fast, self._plane):
            if part is not None:
                part.close()
        for member in self.members:
            member.udp.close()
        if self._tun is not None:
            self._tun.close()
            log.info("stopped")
        self.loop.close()

    def reload(self) -> None:
        """Read settings and keys again; what is wrong leaves all as it was."""
        self._notifier.reloading()
        try:
            self._reload()
        except SettingsError as error:
            for line in error.lines:
                log.error("%s", line)
            log.error("the settings stay as they were")
        except KeyFileError as error:
            log.error("%s", error)
            log.error("settings and keys stay as they were")
        self._notifier.send("READY=1")

    def _reload(self) -> None:
        new = self._read_settings()
        names = changed(self.settings, new)
        fixed = [name for name in names if ROWS[name].fixed]
        if fixed:
            raise SettingsError([f"{name}: a change needs a restart" for name in fixed])
        keys = self._read_keys(new)
        servers = [make_server(new, member.ipv4, member.prefix) for member in self.members]
        # From here on nothing fails.
        for member, server in zip(self.members, servers, strict=True):
            server.counters.update(member.server.counters)
            member.server = server
        self.settings = new
        self._operator.apply_drain()
        if self._fast is not None:
            self._fast.set_config(
                servers[0].config,
                packet_rate=new.packet_rate,
                error_rate=new.error_rate if new.icmp_errors else 0,
            )
        self.ring.replace(keys)
        self._turn_keys()
        if self._health is not None and "self-test" in names:
            self._health.every(new.self_test)
        log.info("settings read again; changed: %s", ", ".join(names) or "nothing")

    # -- keys ---------------------------------------------------------------------------------

    def _read_keys(
        self, settings: Settings, owner: tuple[int | None, int | None] | None = None
    ) -> Keys | None:
        """Return the keys that the settings name, None if tags need none; KeyFileError.

        owner: make the file if it is absent, for this user and group.
        """
        if settings.tag != "mac":
            return None
        path = Path(settings.key_file)
        if owner is not None and not path.exists():
            make_folder(settings.key_file, *owner)
            key_file.create(path, *owner)
            log.info("%s: made, with a new master key; other servers of the prefix need it", path)
        return key_file.load(path)

    def _turn_keys(self) -> None:
        """Give the engines the keys of now."""
        now, clock = self.loop.now(), utc()
        period = self.ring.look(clock)
        if period is None:
            return
        ends = None if period.ends is None else now + (period.ends - clock) * 1000
        for member in self.members:
            member.server.set_keys(period.key, period.previous, ends)
        if self._fast is not None:
            self._fast.set_keys(period.key, period.previous)
        if self.ring.is_news():
            log.info("key %s counts from now on", period.name)

    def _watch_clock(self) -> None:
        """Turn keys at the end of their period, also when the clock has been set."""
        self._turn_keys()
        wait = _CLOCK_MS
        current = self.ring.current
        if current is not None and current.ends is not None:
            wait = min(wait, max(0, current.ends - utc()) * 1000 + 20)
        self.loop.call_at(self.loop.now() + wait, self._watch_clock)


__all__ = ["Daemon", "StartError"]
