# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The portable data plane: UDP sockets and a TUN device, drained in batches.

Each prefix has its service address, its socket and its Server; all share the TUN device. What a
plane in the kernel does not decide itself comes here too.
"""

import errno
import ipaddress
import os
from collections.abc import Callable
from functools import partial

from vox6.pubtsp import Server

from ..common.driver import Loop
from ..common.udp import BATCH, UDPSocket

_LONGEST = 2048  # octets of a packet from the TUN device, whose MTU is 1280
_UNREACHABLE = 3  # ICMPv4
_NOT_NOW = (errno.EIO, errno.EFAULT, errno.ENOBUFS)  # of a device that is down
_TSP = 0xF0  # the first octet of signalling is at least this


class Member:
    """One prefix behind one IPv4 address."""

    def __init__(self, ipv4: bytes, prefix: bytes, server: Server, udp: UDPSocket) -> None:
        self.ipv4 = ipv4
        self.prefix = prefix
        self.server = server
        self.udp = udp
        self.octets_up = 0
        self.octets_down = 0

    @property
    def prefix_text(self) -> str:
        """The prefix for people."""
        return str(ipaddress.IPv6Network((self.prefix + bytes(8), 64)))


class PortablePlane:
    """Moves packets between sockets, engines and the TUN device.

    counters: not_written (packets that the kernel did not take from us), foreign (of no prefix).
    Each member counts octets that passed.
    """

    def __init__(
        self, loop: Loop, members: list[Member], tun: int, gone: Callable[[str], object]
    ) -> None:
        """members: at least one; tun: the descriptor, non-blocking; gone: told when it ends."""
        self.counters = {"not_written": 0, "foreign": 0}
        self.members = members
        self._loop = loop
        self._tun = tun
        self._gone = gone
        self._by_prefix = {member.prefix: member for member in members}
        for member in members:
            loop.watch(
                member.udp.fileno(),
                partial(self._read_socket, member),
                partial(self._read_errors, member),
            )
        loop.watch(tun, self._read_tun)

    def _read_socket(self, member: Member) -> None:
        datagrams = member.udp.receive()
        if datagrams:
            member.server.receive_datagrams(datagrams, self._loop.now())
            self._drain(member)

    def _read_errors(self, member: Member) -> None:
        now = self._loop.now()
        for quoted, peer, type, _ in member.udp.receive_errors():
            if type == _UNREACHABLE:
                member.server.receive_icmpv4(quoted, peer, now)
        self._drain(member)

    def _read_tun(self) -> None:
        read, tun = os.read, self._tun
        packets = []
        try:
            for _ in range(BATCH):
                packets.append(read(tun, _LONGEST))
        except BlockingIOError:
            pass
        except OSError as error:
            if not packets:
                self._is_gone(error)
                return
        if len(self.members) == 1:
            member = self.members[0]
            member.server.receive_packets(packets, self._loop.now())
            self._drain(member)
            return
        shares: dict[bytes, list[bytes]] = {}
        for packet in packets:
            shares.setdefault(packet[24:32], []).append(packet)
        for prefix, share in shares.items():
            found = self._by_prefix.get(prefix)
            if found is None:  # router solicitations and the like, of the kernel
                self.counters["foreign"] += len(share)
                continue
            found.server.receive_packets(share, self._loop.now())
            self._drain(found)

    def _is_gone(self, error: OSError) -> None:
        """End the device's part: poll would tell of it for ever."""
        if error.errno in _NOT_NOW:
            return
        self._loop.unwatch(self._tun)
        self._gone(f"the TUN device is gone: {error.strerror}")

    def _drain(self, member: Member) -> None:
        datagrams = member.server.datagrams_to_send()
        if datagrams:
            member.udp.send(datagrams)
            member.octets_down += sum([len(one[0]) for one in datagrams if one[0][0] < _TSP])
        packets = member.server.packets_to_send()
        if packets:
            write, tun = os.write, self._tun
            octets = 0
            for packet in packets:
                try:
                    octets += write(tun, packet)
                except OSError:  # no room, or the device is down
                    self.counters["not_written"] += 1
            member.octets_up += octets

    def close(self) -> None:
        """Look at sockets and device no more; they stay open."""
        for member in self.members:
            self._loop.unwatch(member.udp.fileno())
        self._loop.unwatch(self._tun)
