# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Media in the kernel: the portable plane, with an XDP program before it for who is known.

    plane = choose(driver, "auto", interfaces_towards(addresses), 64, say)

Sockets, latching and strangers are the portable plane's. One direction of a stream goes to the
program when its sender is locked and its receiver known. What the program does not relay comes to
the sockets, which relay it too: no packet depends on which of them has it.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable

from pyroute2 import IPRoute, NetlinkError

from ..common.sockets import Driver
from ..common.xdp import is_ethernet, is_veth
from .portable_plane import Handle, PortablePlane
from .xdp_program import Address, Direction, Program, Unavailable

_MAINTAIN_MS = 5000
_GATHER_MS = 50  # what has changed together is looked at once
_MAPPED = bytes(10) + b"\xff\xff"
_SIDES = (False, True)
_LO = 1  # index of lo in every network namespace


class XDPPlane(PortablePlane):
    """A portable plane with a program before it.

    program: attached; it ends with close_program(). handles: how many streams it has slots for,
    those above are the sockets' alone.
    """

    def __init__(self, driver: Driver, program: Program, handles: int) -> None:
        super().__init__(driver)
        self.program = program
        self.name = f"xdp {program.mode}"
        self._loop = driver.loop
        self._free = list(range(0, 2 * handles, 2))
        self._slots: dict[Handle, int] = {}  # of its side False; that of True is the next
        self._known: dict[Handle, list[Direction | None]] = {}  # by the side they come from
        self._program_closed = False
        self._loop.watch(program.fileno(), self._changed)
        self._timer = self._loop.call_at(self._loop.now() + _MAINTAIN_MS, self._maintain)

    def _changed(self) -> None:
        """Routes or neighbours are others: look soon, and only then for what comes next."""
        self._loop.unwatch(self.program.fileno())
        self._timer.cancel()
        self._timer = self._loop.call_at(self._loop.now() + _GATHER_MS, self._maintain)

    def _maintain(self) -> None:
        self.program.maintain()
        self._loop.watch(self.program.fileno(), self._changed)
        self._timer = self._loop.call_at(self._loop.now() + _MAINTAIN_MS, self._maintain)

    def open(self, near: list[Address | None]) -> Handle:
        """Return a stream with the near sockets that are given; OSError: a port is taken."""
        handle = super().open(near)
        if self._free:
            slot = self._slots[handle] = self._free.pop()
            self._known[handle] = [None, None]
            for here in _SIDES:
                self.program.clear(slot + here)
        return handle

    def near(self, handle: Handle, here: bool, local: Address) -> None:
        """Give a stream its near socket on one side, instead of the one it had; OSError."""
        super().near(handle, here, local)
        self._write(handle)

    def far(self, handle: Handle, here: bool, peer: Address, latch: bool) -> None:
        """Say who is at the far end on one side. latch: its port is the one it sends from."""
        super().far(handle, here, peer, latch)
        self._write(handle)

    def latched(self, handle: Handle) -> None:
        """A far end is known by its first packet; the next is the kernel's."""
        self._write(handle)

    def close(self, handle: Handle) -> None:
        """End a stream."""
        for direction in self._known.pop(handle, ()):
            if direction is not None:
                self.program.remove(direction)
        slot = self._slots.pop(handle, None)
        if slot is not None:
            self._free.append(slot)
        super().close(handle)

    def _write(self, handle: Handle) -> None:
        """Bring the program's map to what is known of a stream."""
        known = self._known.get(handle)
        if known is None:
            return
        for here in _SIDES:
            old, new = known[here], _direction(handle, here)
            known[here] = new
            if old is not None and (new is None or new.local != old.local):
                self.program.remove(old)
            if new is not None:
                try:
                    self.program.set(new, self._slots[handle] + here)
                except OSError:  # no room: the sockets have it
                    known[here] = None

    def counters(self, handle: Handle) -> tuple[list[int], int]:
        """Return [packets, octets of side False, packets, octets of True], when the last came."""
        counters, last_ms = super().counters(handle)
        slot = self._slots.get(handle)
        if slot is None:
            return counters, last_ms
        total = []
        for here in _SIDES:
            packets, octets, when_ns = self.program.traffic(slot + here)
            total += [counters[2 * here] + packets, counters[2 * here + 1] + octets]
            if when_ns:
                ago_ms = (time.monotonic_ns() - when_ns) // 1_000_000
                last_ms = max(last_ms, self._loop.now() - ago_ms)
        return total, last_ms

    def kernel_counters(self) -> dict[str, int]:
        """Return what the program has relayed, and what it has left to the sockets and why."""
        return {} if self._program_closed else self.program.counters()

    def close_program(self) -> None:
        """End the program's part, so that another instance can have it; the sockets go on alone.

        Harmless if done before.
        """
        if self._program_closed:
            return
        self._program_closed = True
        self.name = PortablePlane.name
        self._timer.cancel()
        for handle in self._slots:
            handle.counters[:], handle.last_ms = self.counters(handle)
        self._loop.unwatch(self.program.fileno())
        self._known.clear()
        self._slots.clear()
        self._free.clear()
        self.program.close()


def _direction(handle: Handle, here: bool) -> Direction | None:
    """Return what comes from the far end of a side, if that is for the kernel."""
    there = not here
    sender, receiver = handle.far[here], handle.far[there]
    local, source = handle.local[here], handle.local[there]
    if sender is None or receiver is None or local is None or source is None:
        return None
    return None if handle.latch[here] else Direction(local, sender, source, receiver)


def interfaces_towards(addresses: Iterable[bytes]) -> list[str]:
    """Return the Ethernet interfaces by which addresses are reached, and of default routes."""
    found = set()
    with IPRoute() as kernel:
        for addr16 in addresses:
            host = addr16[12:] if addr16.startswith(_MAPPED) else addr16
            try:
                answer = kernel.route("get", dst=str(ipaddress.ip_address(host)))
            except NetlinkError:
                continue  # no way there
            found |= {route.get_attr("RTA_OIF") for route in answer}
        for family in (socket.AF_INET, socket.AF_INET6):
            found |= {route.get_attr("RTA_OIF") for route in kernel.get_default_routes(family)}
    names = [socket.if_indextoname(index) for index in sorted(found - {None, _LO})]
    return [name for name in names if is_ethernet(name)]


def _start(setting: str, interfaces: list[str], handles: int) -> Program:
    """Return the program, attached; Unavailable."""
    if not interfaces:
        raise Unavailable("there is no Ethernet interface towards any address of the table")
    try:
        veths = [name for name in interfaces if is_veth(socket.if_nametoindex(name))]
    except OSError as error:
        raise Unavailable(f"{', '.join(interfaces)}: {error.strerror or error}") from None
    if veths and setting == "auto":
        raise Unavailable(
            f"{veths[0]} is a veth, whose far end may drop what is redirected to it; plane = xdp "
            "takes it all the same"
        )
    program = Program(handles)
    try:
        program.attach(interfaces)
    except Unavailable:
        program.close()
        raise
    return program


def choose(
    driver: Driver,
    setting: str,
    interfaces: list[str],
    handles: int,
    say: Callable[[str], object],
) -> PortablePlane:
    """Return the plane that a setting asks for: auto, xdp, portable. A line says which and why.

    interfaces: where the program goes. handles: streams that it has room for. Unavailable: xdp
    was asked for, and it cannot be had.
    """
    if setting == "portable":
        return PortablePlane(driver)
    try:
        program = _start(setting, interfaces, handles)
    except Unavailable as error:
        if setting == "xdp":
            raise
        say(f"media is relayed by sockets alone: {error}")
        return PortablePlane(driver)
    say(f"media is relayed in the kernel: XDP, {program.mode}, on {', '.join(interfaces)}")
    return XDPPlane(driver, program, handles)
