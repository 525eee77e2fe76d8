# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The tunnel as the host sees it: address, routes, preference (pubtsp.md section 6.3).

Two routes lead into the tunnel. One is for packets that have the tunnel's address already: they
may leave nowhere else, so that flows go on when native IPv6 appears. The other is a default route
for new flows, and whether it is there depends on the host's other ones.
"""

from .. import tun
from ..tun import Tun

_EVERYWHERE = "::/0"


class Interface:
    """Owns the TUN device. address: 16 octets or None. deprecated, default: as they are now."""

    def __init__(self, name: str, metric: int) -> None:
        self.tun = Tun(name)
        self.address: bytes | None = None
        self.deprecated = False
        self.default = False
        self._metric = metric
        try:
            tun.set_up(self.tun.index)
        except tun.TunError:
            self.tun.close()
            raise

    @property
    def name(self) -> str:
        """The interface's name."""
        return self.tun.name

    @property
    def index(self) -> int:
        """The interface's index."""
        return self.tun.index

    def set_address(self, address: bytes | None) -> None:
        """Have this address and no other; None: none, and no route."""
        if address == self.address:
            return
        old, self.address = self.address, None
        if old is not None:
            tun.remove_route(self.index, _EVERYWHERE, metric=1, source=old)
            tun.remove_address(self.index, old)
        if address is None:
            self.set_default(False)
            return
        tun.add_address(self.index, address, deprecated=self.deprecated)
        tun.add_route(self.index, _EVERYWHERE, metric=1, source=address)
        self.address = address

    def set_deprecated(self, deprecated: bool) -> bool:
        """Give the address up for new flows, or take it back; whether that is a change."""
        if deprecated == self.deprecated:
            return False
        self.deprecated = deprecated
        if self.address is not None:
            tun.add_address(self.index, self.address, deprecated=deprecated)
        return True

    def set_default(self, default: bool) -> bool:
        """Have a default route or none; whether that is a change."""
        if default == self.default:
            return False
        if default:
            tun.add_route(self.index, _EVERYWHERE, metric=self._metric)
        else:
            tun.remove_route(self.index, _EVERYWHERE, metric=self._metric)
        self.default = default
        return True

    def close(self) -> None:
        """Leave nothing behind."""
        try:
            self.set_address(None)
        finally:
            self.tun.close()
