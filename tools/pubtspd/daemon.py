# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The process: what it sets up and in which order, what happens on signals, how it ends."""

import ipaddress
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from ..common import tun as tun_device
from ..common.driver import Loop
from ..common.tun import Tun, TunError
from ..common.udp import UDPSocket
from . import keys as key_file
from .keys import KeyFileError, Keys
from .plane import Member, PortablePlane
from .service import KeyRing, make_server, utc
from .settings import Settings
from .values import SERVER_PORT

log = logging.getLogger("pubtspd")

_FORWARDING = Path("/proc/sys/net/ipv6/conf/all/forwarding")
_MTU = 1280  # of the tunnel (section 7.6)
_CLOCK_MS = 30_000  # between two looks at the clock: it may have been set


class StartError(Exception):
    """The machine does not give what the settings ask for; the text says what helps."""


class Daemon:
    """pubtspd from its start to its end."""

    def __init__(self, settings: Settings, read_settings: Callable[[], Settings]) -> None:
        """settings: of now; read_settings: reads them again, SettingsError if they are wrong."""
        self.settings = settings
        self.read_settings = read_settings
        self.loop = Loop()
        self.ring = KeyRing(self._read_keys(settings, create=True))
        self.tun: Tun | None = None
        self.plane: PortablePlane | None = None
        self.members: list[Member] = []

    # -- start --------------------------------------------------------------------------------

    def start(self) -> None:
        """Set everything up; StartError: what cannot be had."""
        settings = self.settings
        self._warn()
        self.tun = self._make_tun()
        for ipv4, prefix in settings.pairs:
            udp = self._make_socket(ipv4)
            self.members.append(Member(ipv4, prefix, make_server(settings, ipv4, prefix), udp))
        self._turn_keys()
        self.plane = PortablePlane(self.loop, self.members, self.tun.fileno())
        self.loop.on_signal(signal.SIGTERM, self.loop.stop)
        self.loop.on_signal(signal.SIGINT, self.loop.stop)
        for member in self.members:
            log.info(
                "serving %s at %s port %d, TUN device %s",
                _prefix(member.prefix),
                ipaddress.IPv4Address(member.ipv4),
                SERVER_PORT,
                self.tun.name,
            )

    def run(self) -> None:
        """Serve until a signal ends it."""
        log.info("ready")
        self.loop.run()

    def close(self) -> None:
        """Give everything back."""
        if self.plane is not None:
            self.plane.close()
        for member in self.members:
            member.udp.close()
        if self.tun is not None:
            self.tun.close()
        self.loop.close()
        log.info("stopped")

    def _warn(self) -> None:
        if self.settings.martians == "lab":
            log.warning("martians = lab: documentation addresses count as public, for tests only")
        if self.settings.tag == "off":
            log.warning(
                "tag = off: anybody can make this server send packets to any IPv4 address and port"
            )
        try:
            forwarding = _FORWARDING.read_text().strip() == "1"
        except OSError:
            forwarding = False
        if not forwarding:
            log.warning(
                "IPv6 forwarding is off, no packet passes: sysctl net.ipv6.conf.all.forwarding=1"
            )

    def _make_tun(self) -> Tun:
        settings = self.settings
        try:
            if settings.tun.startswith("fd:"):
                tun = Tun(fd=int(settings.tun[3:]), mtu=_MTU)
            else:
                tun = Tun(settings.tun, mtu=_MTU)
        except (OSError, TunError) as error:
            raise StartError(str(error)) from None
        try:
            for _, prefix in settings.pairs:
                tun_device.add_address(tun.index, prefix + bytes(7) + b"\x01", 64)
            tun_device.set_up(tun.index)
        except TunError as error:
            log.warning("TUN device %s: %s; it is taken to be set up already", tun.name, error)
        return tun

    def _make_socket(self, ipv4: bytes) -> UDPSocket:
        text = str(ipaddress.IPv4Address(ipv4))
        try:
            return UDPSocket(text, SERVER_PORT)
        except OSError as error:
            raise StartError(f"{text} port {SERVER_PORT}: {error.strerror}") from None

    # -- keys ---------------------------------------------------------------------------------

    def _read_keys(self, settings: Settings, create: bool = False) -> Keys | None:
        """Return the keys that the settings name, None if tags need none; KeyFileError."""
        if settings.tag != "mac":
            return None
        path = Path(settings.key_file)
        if create and not path.exists():
            key_file.create(path)
            log.info("%s: made, with a new master key; other servers of the prefix need it", path)
        return key_file.load(path)

    def _turn_keys(self) -> None:
        """Give the engines the keys of now, and come back when they end."""
        now, clock = self.loop.now(), utc()
        period = self.ring.look(clock)
        current = self.ring.current
        if period is not None:
            ends = None if period.ends is None else now + (period.ends - clock) * 1000
            for member in self.members:
                member.server.set_keys(period.key, period.previous, ends)
            log.info("key %s counts from now on", period.name)
        wait = _CLOCK_MS
        if current is not None and current.ends is not None:
            wait = min(wait, max(0, current.ends - clock) * 1000 + 20)
        self.loop.call_at(now + wait, self._turn_keys)


def _prefix(octets: bytes) -> str:
    return str(ipaddress.IPv6Network((octets + bytes(8), 64)))


__all__ = ["Daemon", "KeyFileError", "StartError"]
