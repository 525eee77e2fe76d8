# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The TUN device of the server: made or found, with P::1/64 of each prefix, taken down and up.

The kernel forwards between it and the outside, and so decrements the hop limit (C-8). With
service-on-tun it has the IPv4 addresses of the service too, so that a routing daemon announces
both as long as the device is there.
"""

import fcntl
import ipaddress
import logging
import os
import socket
import struct
from pathlib import Path

from pyroute2 import IPRoute, NetlinkError

from ..common import tun as device
from ..common.tun import Tun, TunError
from .settings import Settings

log = logging.getLogger("pubtspd")

MTU = 1280  # of the tunnel (section 7.6)
_FORWARDING = Path("/proc/sys/net/ipv6/conf/all/forwarding")
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


class ServerTun:
    """A TUN device under the settings. TunError: it cannot be had."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if settings.tun.startswith("fd:"):
            self._tun = Tun(fd=_open_descriptor(settings.tun), mtu=MTU)
        else:
            self._tun = Tun(settings.tun, mtu=MTU)
        self.name = self._tun.name
        try:
            self.up()
        except TunError as error:
            if not self._is_up():
                self._tun.close()
                raise
            log.info("TUN device %s was made before (%s)", self.name, error)

    def fileno(self) -> int:
        """The descriptor."""
        return self._tun.fileno()

    def up(self) -> None:
        """Give it its addresses and take it up; TunError."""
        index = self._tun.index
        device.set_up(index)
        for _, prefix in self._settings.pairs:
            device.add_address(index, prefix + bytes(7) + b"\x01", 64)
        if self._settings.service_on_tun:
            for ipv4 in self._settings.listen:
                _add_ipv4(index, str(ipaddress.IPv4Address(ipv4)))

    def down(self) -> None:
        """Take it down: the kernel forgets its routes, a routing daemon withdraws them."""
        flags = self._flags() & ~_IFF_UP
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
            request = struct.pack("16sH22x", self.name.encode(), flags)
            fcntl.ioctl(channel, _SIOCSIFFLAGS, request)

    def _flags(self) -> int:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
            request = struct.pack("16s24x", self.name.encode())
            answer = fcntl.ioctl(channel, _SIOCGIFFLAGS, request)
        flags: int = struct.unpack_from("H", answer, 16)[0]
        return flags

    def _is_up(self) -> bool:
        return bool(self._flags() & _IFF_UP)

    def close(self) -> None:
        """Give it up; one that was made here goes."""
        self._tun.close()


def _open_descriptor(text: str) -> int:
    fd = int(text.removeprefix("fd:"))
    try:
        os.fstat(fd)
    except OSError as error:
        raise TunError(f"tun = {text}: {error.strerror}; who starts us must open it") from None
    return fd


def _add_ipv4(index: int, text: str) -> None:
    try:
        with IPRoute() as ip:
            ip.addr("replace", index=index, address=text, prefixlen=32, family=socket.AF_INET)
    except NetlinkError as error:
        raise TunError(f"cannot set the address {text}: {error}") from None


def forwards() -> bool:
    """Return whether this machine forwards IPv6."""
    try:
        return _FORWARDING.read_text().strip() == "1"
    except OSError:
        return False
