# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What the host's network is like, and that it has changed (rtnetlink).

Messages of the kernel only say that something is new; what is so now is then asked for, once the
host has been quiet for a moment.
"""

import errno
import ipaddress
import socket
from dataclasses import dataclass

from pyroute2 import IPRoute, NetlinkError

_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # links; IPv4 addresses, routes; IPv6 the same
_ANYWHERE = "192.0.0.9"  # asked for the way there only: nothing is ever sent to it (RFC 7723)
_MAIN = 254  # the table of routes
_UNICAST = 1
_UNIVERSE = 0  # scope of an address
_UNUSABLE = 0x08 | 0x20 | 0x40  # duplicate, deprecated, tentative
_TUNNELS = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))
_GLOBAL = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True)
class Network:
    """local_ipv4: four octets of the address that packets for the server leave from, None: there
    is no way there. way: tells one IPv4 network from another. native: an IPv6 address of another
    interface, with a default route. default: another IPv6 default route than ours is there.
    """

    local_ipv4: bytes | None
    way: tuple[object, ...]
    native: str | None
    default: bool


class Watch:
    """Hears of changes; fileno() is for poll. In the namespace of the thread that makes it."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.setblocking(False)
        self._socket.bind((0, _GROUPS))

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def drain(self) -> bool:
        """Read what is there; whether anything was."""
        found = False
        while True:
            try:
                self._socket.recv(65536)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # some were lost: so there were some
                    raise
            found = True

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()


def look(index: int, server: bytes | None) -> Network:
    """Return how the network is now. index: of the tunnel; server: its IPv4 address if known."""
    target = socket.inet_ntoa(server) if server is not None else _ANYWHERE
    with IPRoute() as ip:
        local: bytes | None = None
        way: tuple[object, ...] = ()
        try:
            for row in ip.route("get", dst=target):
                source = row.get_attr("RTA_PREFSRC")
                if source is not None:
                    local = socket.inet_aton(source)
                    way = (source, row.get_attr("RTA_GATEWAY"), row.get_attr("RTA_OIF"))
        except NetlinkError:
            pass  # no route there
        others = set()
        for row in ip.get_routes(family=socket.AF_INET6, table=_MAIN):
            if row["dst_len"] or row["src_len"] or row["type"] != _UNICAST:
                continue
            out = row.get_attr("RTA_OIF")
            hops = [hop["oif"] for hop in row.get_attr("RTA_MULTIPATH") or ()]
            others.update(hops if out is None else [out])
        others.discard(index)
        native = None
        for row in ip.get_addr(family=socket.AF_INET6):
            flags = row.get_attr("IFA_FLAGS") or row["flags"]
            if row["index"] not in others or row["scope"] != _UNIVERSE or flags & _UNUSABLE:
                continue
            address = ipaddress.IPv6Address(row.get_attr("IFA_ADDRESS"))
            if address in _GLOBAL and not any(address in tunnel for tunnel in _TUNNELS):
                native = str(address)
                break
    return Network(local, way, native, bool(others))
