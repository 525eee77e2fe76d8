# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Which data plane: that of the kernel where it can be had, else the portable one alone.

The portable plane always runs: what the kernel's does not decide comes to it.
"""

import socket
from pathlib import Path

from pyroute2 import IPRoute

from vox6.pubtsp import Config

from .fastpath import FastPath, FastPathUnavailable, detach_pinned
from .settings import Settings


class PlaneChoice:
    """fast: the kernel's plane or None. name: for status. why: one sentence for the log."""

    def __init__(self, fast: FastPath | None, name: str, why: str) -> None:
        self.fast = fast
        self.name = name
        self.why = why


def choose(settings: Settings, config: Config) -> PlaneChoice:
    """Return the plane that the settings ask for.

    FastPathUnavailable: plane = "xdp", and it cannot be had.
    """
    if settings.plane == "portable":
        return PlaneChoice(None, "portable", "as plane = portable says")
    fast = None
    try:
        if len(settings.pairs) > 1:
            raise FastPathUnavailable("the kernel's plane serves one prefix, there are several")
        ipv4 = _interface(settings.interface_ipv4, socket.AF_INET, "interface-ipv4")
        ipv6 = _interface(settings.interface_ipv6, socket.AF_INET6, "interface-ipv6")
        if settings.plane == "auto":
            _refuse_veth(ipv4)
            _refuse_veth(ipv6)
        fast = FastPath(
            config,
            packet_rate=settings.packet_rate,
            next_hops=settings.next_hops,
            error_rate=settings.error_rate if settings.icmp_errors else 0,
            pin=Path(settings.pin) if settings.pin else None,
        )
        mode = fast.attach(ipv4, ipv6)
    except FastPathUnavailable as error:
        if settings.plane == "xdp":
            raise
        if settings.pin:
            detach_pinned(Path(settings.pin))  # or an old one would go on with old settings
        return PlaneChoice(None, "portable", str(error))
    where = ipv4 if ipv4 == ipv6 else f"{ipv4} and {ipv6}"
    return PlaneChoice(fast, f"xdp {mode}", f"XDP, {mode}, on {where}")


def _interface(name: str, family: int, setting: str) -> str:
    """The interface that is set, else that of the default route."""
    if name:
        try:
            socket.if_nametoindex(name)
        except OSError:
            raise FastPathUnavailable(f"{setting} = {name}: there is no such interface") from None
        return name
    with IPRoute() as ip:
        for route in ip.get_default_routes(family):
            index = route.get_attr("RTA_OIF")
            if index:
                return socket.if_indextoname(index)
    raise FastPathUnavailable(f"there is no default route, and {setting} is not set")


def _refuse_veth(name: str) -> None:
    """A veth pair drops redirected frames unless its far end has GRO on: ask for it by name."""
    with IPRoute() as ip:
        for link in ip.get_links(socket.if_nametoindex(name)):
            info = link.get_attr("IFLA_LINKINFO")
            if info is not None and info.get_attr("IFLA_INFO_KIND") == "veth":
                raise FastPathUnavailable(
                    f'{name} is a veth, whose far end may drop redirected frames; plane = "xdp" '
                    "takes it all the same"
                )
