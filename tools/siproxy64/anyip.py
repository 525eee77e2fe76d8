# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Whole ranges as addresses of this machine (AnyIP): `ip route add local RANGE dev lo`.

The routes stay when the program ends, as a new instance may have taken its place.
"""

import errno

from vox6.sip.grammar import host_text

from .rtnetlink import to_us
from .settings import NOWHERE
from .table import side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .settings import Settings

_LOOPBACK = 1  # the index of lo, in every network namespace


class AnyIPError(Exception):
    """The kernel does not take a range; the text says which and why."""


def ranges(settings: "Settings", tunnel: "bytes | None" = None) -> "list[tuple[bytes, int]]":
    """Return what the settings represent, as (addr16, prefix length in 128 bits).

    tunnel: its address, which the machine has by other means.
    """
    found = [(addr16, length) for addr16, length, _ in settings.table.local_nets()]
    found += [pool.net for pool in settings.pools]
    found += [(addr16, 128) for addr16 in settings.media_shared.values()]
    out: "list[tuple[bytes, int]]" = []
    for one in found:
        if one[0] not in (tunnel, NOWHERE) and one not in out:
            out.append(one)
    return out


def add(
    settings: "Settings", netlink: "Callable[[bytes], bytes]", tunnel: "bytes | None" = None
) -> None:
    """Have the kernel take all that is represented for its own; AnyIPError.

    netlink: asks the kernel, OSError.
    """
    for addr16, length in ranges(settings, tunnel):
        try:
            netlink(to_us(addr16, length, _LOOPBACK))
        except OSError as error:
            if error.errno != errno.EEXIST:
                bits = length - 96 if side(addr16) else length
                text = "%s/%d" % (host_text(addr16).strip("[]"), bits)
                raise AnyIPError(
                    "anyip on, %s: %s; start as root, or set it off and run ip route add local %s "
                    "dev lo" % (text, getattr(error, "strerror", None) or error, text)
                )
