# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The relay's plane by sockets: what comes from a far end leaves to the other one, bit by bit.

    far end of a  ->  near socket of a  =  near socket of b  ->  far end of b

Traffic class and ECN go with each datagram. Only the address that was negotiated is listened to;
its port may be another one, once, where latching is on (RFC 4961). While a call rings, the far
ends of all its branches are listened to; the one that was told last hears.
"""

from vox6.wire import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable

    Address = tuple[bytes, int]


_MOST_BRANCHES = const(4)  # of one call that rings, heard besides the one that was told last


class Handle:
    """One stream: two near sockets and two far ends, by side; False and True are the sides."""

    def __init__(self) -> None:
        self.near: "list[Any]" = [None, None]
        self.local: "list[Address | None]" = [None, None]
        self.far: "list[Address | None]" = [None, None]
        self.former: "list[list[Address]]" = [[], []]  # far ends that were, of another fork
        self.rings = True
        self.latch = [False, False]
        # From each side: packets, octets; then when the last one came.
        self.counters = [0, 0, 0, 0]
        self.last_ms = 0
        self.strays = 0


class PortablePlane:
    """All streams of one driver."""

    name = "portable"

    def __init__(self, driver: "Any") -> None:
        self._driver = driver

    def open(self, near: "list[Address | None]") -> Handle:
        """Return a stream with the near sockets that are given; OSError: a port is taken."""
        handle = Handle()
        handle.last_ms = self._driver.now()
        try:
            for here in (False, True):
                local = near[here]
                if local is not None:
                    self.near(handle, here, local)
        except OSError:
            self.close(handle)
            raise
        return handle

    def near(self, handle: Handle, here: bool, local: "Address") -> None:
        """Give a stream its near socket on one side, instead of the one it had; OSError."""
        if handle.local[here] == local:
            return
        port = self._driver.udp(local[0], local[1], self._receiver(handle, here))
        if handle.near[here] is not None:
            handle.near[here].close()
        handle.near[here] = port
        handle.local[here] = local

    def far(self, handle: Handle, here: bool, peer: "Address", latch: bool) -> None:
        """Say who is at the far end on one side. latch: its port is the one it sends from."""
        old = handle.far[here]
        if old is not None and old != peer:
            handle.former[here] = handle.former[here][1 - _MOST_BRANCHES :] + [old]
        handle.far[here] = peer
        handle.latch[here] = latch

    def settle(self, handle: Handle) -> None:
        """The call is answered: its other branches are heard no more."""
        handle.rings = False

    def latched(self, handle: Handle) -> None:
        """A far end is known by its first packet: for planes that do more than this one."""

    def close(self, handle: Handle) -> None:
        """End a stream."""
        for here in (False, True):
            if handle.near[here] is not None:
                handle.near[here].close()
                handle.near[here] = None
            handle.far[here] = None

    def counters(self, handle: Handle) -> "tuple[list[int], int]":
        """Return [packets, octets of side False, packets, octets of True], when the last came."""
        return handle.counters, handle.last_ms

    def _receiver(
        self, handle: Handle, here: bool
    ) -> "Callable[[bytes, bytes, bytes, int, int], None]":
        there = not here
        fars = handle.far
        nears = handle.near
        local = handle.local
        counters = handle.counters
        at = 2 if here else 0
        now = self._driver.now

        def received(
            data: bytes, local16: bytes, peer16: bytes, peer_port: int, traffic_class: int
        ) -> None:
            far = fars[here]
            latch = handle.latch[here]
            if far is None or far[1] != peer_port or far[0] != peer16:
                peer = (peer16, peer_port)
                if peer in handle.former[here]:
                    latch = False  # another branch's
                    heard = handle.rings
                else:
                    heard = latch and far is not None and far[0] == peer16
                    if heard:
                        fars[here] = peer
                if not heard:
                    handle.strays += 1
                    return
            if latch:
                handle.latch[here] = False
                self.latched(handle)
            counters[at] += 1
            counters[at + 1] += len(data)
            handle.last_ms = now()
            to = fars[there]
            out = nears[there]
            source = local[there]
            if to is not None and out is not None and source is not None:
                out.send(data, source[0], to[0], to[1], traffic_class)

        return received
