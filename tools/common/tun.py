# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A TUN device of Linux: raw IPv6 packets to and from the kernel, its addresses and routes.

    tun = Tun("vox6")
    add_address(tun.index, "2001:db8::1", 128)
    set_up(tun.index)
    add_route(tun.index, "::/0", metric=2048)

All is done in the network namespace that the calling thread is in; the device stays there.
"""

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute, NetlinkError

_DEVICE = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_TUNGETIFF = 0x800454D2
_SIOCGIFMTU = 0x8921
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_IFA_F_NODAD = 0x02
_LONGEST = 65535  # octets: no packet from the kernel is longer, whatever the MTU is
_FOREVER = 0xFFFFFFFF  # seconds: a lifetime without end
_PROTO_STATIC = 4
_MAIN = 254  # the table of routes
_FULL = (errno.EAGAIN, errno.ENOBUFS)
_REFUSED = (errno.EINVAL, errno.EIO, errno.EMSGSIZE)  # EIO: the device is down

Address = str | bytes


class TunError(Exception):
    """The device, an address or a route could not be had; the text says why and what helps."""


class Tun:
    """One TUN device without packet information, non-blocking.

    name, index: of the interface. counters: packets that the kernel did not take.
    """

    def __init__(self, name: str = "", *, mtu: int = 1280, fd: int | None = None) -> None:
        """Make a device, or open one that was made before and is ours (`ip tuntap add`).

        name: at most 15 characters, "vox6-%d" counts by itself, "" leaves it to the kernel;
        mtu: of the interface; fd: a TUN device opened by another program, taken over.
        TunError: no right, no such driver, the name is taken.
        """
        self.counters = {"full": 0, "refused": 0}
        if fd is None:
            _check_name(name)
            fd = _open()
        try:
            if name or not _is_attached(fd):
                _attach(fd, name)
            os.set_blocking(fd, False)
            request = fcntl.ioctl(fd, _TUNGETIFF, bytes(40))
            flags = struct.unpack_from("H", request, 16)[0]
            if not flags & _IFF_TUN or not flags & _IFF_NO_PI:
                raise TunError("the descriptor is not of a TUN device without packet information")
            self.name = request[:16].partition(b"\0")[0].decode()
            self.index = socket.if_nametoindex(self.name)
            _set_mtu(self.index, self.name, mtu)
        except OSError as error:
            os.close(fd)
            raise TunError(f"TUN device {name}: {error.strerror}") from error
        except TunError:
            os.close(fd)
            raise
        self.mtu = mtu
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor, for poll; -1 when closed."""
        return self._fd

    def read(self) -> bytes | None:
        """Return the next packet that the kernel sends, None when there is none now."""
        try:
            return os.read(self._fd, _LONGEST)
        except BlockingIOError:
            return None
        except OSError as error:
            raise TunError(f"the TUN device {self.name} is gone: {error.strerror}") from error

    def write(self, packet: bytes) -> bool:
        """Give a packet to the kernel as if it had arrived; False: it did not take it."""
        try:
            os.write(self._fd, packet)
        except OSError as error:
            if error.errno in _FULL:
                self.counters["full"] += 1
            elif error.errno in _REFUSED:
                self.counters["refused"] += 1
            else:
                raise TunError(f"the TUN device {self.name}: {error.strerror}") from error
            return False
        return True

    def close(self) -> None:
        """Give it up; a device that this object made goes, with its addresses and routes."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "Tun":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def set_up(index: int) -> None:
    """Bring an interface up, without a link-local address and deaf to router advertisements."""
    with contextlib.suppress(OSError):  # no such file where IPv6 is off, read-only in containers
        folder = Path("/proc/sys/net/ipv6/conf", socket.if_indextoname(index))
        (folder / "accept_ra").write_text("0")
    mode = {"attrs": [["AF_INET6", {"attrs": [["IFLA_INET6_ADDR_GEN_MODE", 1]]}]]}
    with _netlink("bring the interface up") as ip:
        ip.link("set", index=index, IFLA_AF_SPEC=mode)
        ip.link("set", index=index, state="up")


def add_address(
    index: int, address: Address, prefix_length: int = 128, *, deprecated: bool = False
) -> None:
    """Add an IPv6 address without duplicate detection, or change whether it is deprecated.

    address: text or 16 octets. A deprecated one is used where no other fits (RFC 6724 rule 3).
    """
    text = _text(address)
    preferred = 0 if deprecated else _FOREVER
    with _netlink(f"set the address {text}") as ip:
        ip.addr(
            "replace",
            index=index,
            address=text,
            prefixlen=prefix_length,
            family=socket.AF_INET6,
            flags=_IFA_F_NODAD,
            preferred_lft=preferred,
            valid_lft=_FOREVER,
            # pyroute2 of Debian 12 forgets what stands before, others forget this.
            cacheinfo={"preferred": preferred, "valid": _FOREVER},
        )


def remove_address(index: int, address: Address, prefix_length: int = 128) -> None:
    """Take an address away; nothing happens if it is gone already."""
    text = _text(address)
    with _netlink(f"remove the address {text}", (errno.EADDRNOTAVAIL, errno.ENODEV)) as ip:
        ip.addr("del", index=index, address=text, prefixlen=prefix_length, family=socket.AF_INET6)


def add_route(
    index: int, destination: str, *, metric: int = 1024, source: Address | None = None
) -> None:
    """Add a route for a prefix over an interface; nothing happens if it is there.

    destination: as "::/0"; metric: the lower is used; source: for packets with this address alone.
    """
    route = _route(index, destination, metric, source)
    with _netlink(f"set the route to {destination} with metric {metric}") as ip:
        try:
            ip.route("add", proto=_PROTO_STATIC, **route)
        except NetlinkError as error:
            if error.code != errno.EEXIST or not _is_there(ip, route):
                raise  # of somebody else


def remove_route(
    index: int, destination: str, *, metric: int = 1024, source: Address | None = None
) -> None:
    """Take a route away; nothing happens if it is gone already."""
    with _netlink(f"remove the route to {destination}", (errno.ESRCH, errno.ENODEV)) as ip:
        ip.route("del", **_route(index, destination, metric, source))


def _route(index: int, destination: str, metric: int, source: Address | None) -> dict[str, Any]:
    route: dict[str, Any] = {
        "dst": destination,
        "oif": index,
        "priority": metric,
        "family": socket.AF_INET6,
    }
    if source is not None:
        route["src"] = _text(source)
        route["src_len"] = 128
    return route


def _is_there(ip: IPRoute, route: dict[str, Any]) -> bool:
    wanted = ipaddress.IPv6Network(route["dst"])
    for row in ip.get_routes(family=socket.AF_INET6, oif=route["oif"], table=_MAIN):
        there = f"{row.get_attr('RTA_DST') or '::'}/{row['dst_len']}"
        if (
            ipaddress.IPv6Network(there) == wanted
            and row.get_attr("RTA_PRIORITY") == route["priority"]
            and row.get_attr("RTA_SRC") == route.get("src")
        ):
            return True
    return False


def _text(address: Address) -> str:
    return str(ipaddress.IPv6Address(address))


@contextlib.contextmanager
def _netlink(what: str, harmless: tuple[int, ...] = ()) -> Iterator[IPRoute]:
    """A netlink socket of this thread's namespace; its errors in words."""
    try:
        with IPRoute() as ip:
            yield ip
    except NetlinkError as error:
        if error.code in harmless:
            return
        if error.code in (errno.EPERM, errno.EACCES):
            raise TunError(
                f"cannot {what}: that needs root or CAP_NET_ADMIN, or IPv6 is switched off"
            ) from error
        raise TunError(f"cannot {what}: {os.strerror(error.code)}") from error


def _check_name(name: str) -> None:
    if len(name.encode()) > 15 or "/" in name or name != name.strip() or name in (".", ".."):
        raise TunError(
            f"{name!r} is no name for an interface: at most 15 characters, no / or space"
        )


def _open() -> int:
    try:
        return os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise TunError(f"there is no {_DEVICE}: run 'modprobe tun' as root") from None
    except OSError as error:
        why = error.strerror
        raise TunError(
            f"cannot open {_DEVICE}: {why}: run as root, or let this user read and write it"
        ) from error


def _is_attached(fd: int) -> bool:
    try:
        fcntl.ioctl(fd, _TUNGETIFF, bytes(40))
    except OSError:
        return False
    return True


def _attach(fd: int, name: str) -> None:
    request = struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, request)
    except OSError as error:
        if error.errno == errno.EPERM:
            raise TunError(
                f"no right to make the TUN device {name}: run as root or with CAP_NET_ADMIN, or "
                f"make it beforehand: ip tuntap add {name or 'NAME'} mode tun user USER"
            ) from error
        if error.errno == errno.EBUSY:
            raise TunError(f"the TUN device {name} is in use by another program") from error
        if error.errno == errno.EINVAL:
            raise TunError(f"there is an interface {name} that is no TUN device") from error
        raise


def _set_mtu(index: int, name: str, mtu: int) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
        request = fcntl.ioctl(channel, _SIOCGIFMTU, struct.pack("16sI20x", name.encode(), 0))
    if struct.unpack_from("I", request, 16)[0] != mtu:  # that needs no right if it is so already
        with _netlink(f"set the MTU of {name} to {mtu}") as ip:
            ip.link("set", index=index, mtu=mtu)


__all__ = [
    "Tun", "TunError", "add_address", "add_route", "remove_address", "remove_route", "set_up",
]  # fmt: skip
