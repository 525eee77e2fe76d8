# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A memo of judgements, for servers that take packets in batches (pubtsp.md section 7).

What the rules say of a plain packet depends on few of its octets besides its addresses and where
it came from. For pairs of addresses whose packets passed, the memo holds who the client is; the
rest is looked at anew for each packet. It is a memo of a pure function, of fixed size, emptied
when full and with each change of keys: no table of clients (section 7.8).
"""

from . import ipv6

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .address import AddressFormat

    Peer = tuple[bytes, int]

# Next headers that U5 looks behind.
EXTENSIONS = (ipv6.HOP_BY_HOP, ipv6.ROUTING, ipv6.FRAGMENT, ipv6.DESTINATION_OPTIONS)


class Flows:
    """Pairs of inner addresses (32 octets: source, destination) and the client's peer."""

    def __init__(self, addresses: "AddressFormat", size: int) -> None:
        self._addresses = addresses
        self._size = size
        self._period = addresses.period
        self._up: "dict[bytes, Peer]" = {}
        self._down: "dict[bytes, Peer]" = {}

    def _is_of_now(self) -> bool:
        return self._period == self._addresses.period

    def up(self) -> "dict[bytes, Peer]":
        """Return the memo of U10: packets from the tunnel."""
        if not self._is_of_now():
            self._forget()
        return self._up

    def down(self) -> "dict[bytes, Peer]":
        """Return the memo of D9: packets to the tunnel."""
        if not self._is_of_now():
            self._forget()
        return self._down

    def _forget(self) -> None:
        self._period = self._addresses.period
        self._up = {}
        self._down = {}

    def learn(self, memo: "dict[bytes, Peer]", packet: bytes, peer: "Peer") -> None:
        """Note that a packet passed by U10 or D9 as it was."""
        if not self._size:
            return
        if len(memo) >= self._size:
            memo.clear()
        memo[packet[8:40]] = peer
