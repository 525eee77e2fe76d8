# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Whole ranges as addresses of this machine (AnyIP): `ip route add local RANGE dev lo`.

The routes stay when the program ends, as a new instance may have taken its place.
"""

import errno
import socket

from pyroute2 import IPRoute, NetlinkError

from ..common.sockets import family_of
from .settings import NOWHERE, Settings
from .table import side

_LOCAL = 255  # the table of the machine's own addresses
_HOST = 254  # scope: nowhere else


class AnyIPError(Exception):
    """The kernel does not take a range; the text says which and why."""


def ranges(settings: Settings, tunnel: bytes | None = None) -> list[str]:
    """Return what the settings represent, as addresses with prefix lengths.

    tunnel: its address, which the machine has by other means.
    """
    found = [(addr16, length) for addr16, length, _ in settings.table.local_nets()]
    found += [pool.net for pool in settings.pools]
    found += [(addr16, 128) for addr16 in settings.media_shared.values()]
    out = []
    for addr16, length in found:
        if addr16 in (tunnel, NOWHERE):
            continue
        text = f"{family_of(addr16).text(addr16)}/{length - 96 if side(addr16) else length}"
        if text not in out:
            out.append(text)
    return out


def add(settings: Settings, tunnel: bytes | None = None) -> None:
    """Have the kernel take all that is represented for its own; AnyIPError."""
    index = socket.if_nametoindex("lo")
    with IPRoute() as ip:
        for text in ranges(settings, tunnel):
            route = {"dst": text, "oif": index, "type": "local", "table": _LOCAL}
            if ":" in text:
                route["family"] = socket.AF_INET6
            else:
                route["scope"] = _HOST
            try:
                ip.route("add", **route)
            except NetlinkError as error:
                if error.code != errno.EEXIST:
                    why = error.args[1] if len(error.args) > 1 else error.code
                    raise AnyIPError(
                        f"anyip on, {text}: {why}; start as root, or set it off and run "
                        f"ip route add local {text} dev lo"
                    ) from None
