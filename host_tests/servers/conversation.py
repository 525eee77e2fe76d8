# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Twenty milliseconds of voice at a time, both ways between a tunnelled peer and a native host."""

import time

from host_tests.servers.wire import NATIVE, udp_packet

FRAME_S = 0.02


class Conversation:
    """sent: number of the frame -> when; arrived: numbers that came; each way "up" and "down"."""

    def __init__(self, wire, peer, address, servers):
        self.wire = wire
        self.peer = peer
        self.address = address
        self.servers = servers  # which of them a packet goes to, in turn
        self.sent = {"up": {}, "down": {}}
        self.arrived = {"up": set(), "down": set()}
        self.others = []  # packets at the native host that are not ours
        self._number = 0

    def run(self, frames, during=None):
        """Talk for so many frames; during(number) is called before each."""
        start = time.monotonic()
        for number in range(frames):
            if during is not None:
                during(number)
            self._frame()
            left = start + (number + 1) * FRAME_S - time.monotonic()
            if left > 0:
                self._listen(left)
            else:
                start -= left  # what `during` took is a gap in our speech
        self.wire.until(lambda: self._listen(0) or not self.lost(), 1.0)

    def _frame(self):
        number = self._number
        self._number += 1
        text = b"frame%08d" % number
        server = self.servers[number % len(self.servers)]
        now = time.monotonic()
        self.peer.send(udp_packet(self.address, NATIVE, text.ljust(172)), server)
        self.wire.send_ipv6(udp_packet(NATIVE, self.address, text.ljust(172)), server)
        self.sent["up"][number] = self.sent["down"][number] = now

    def _listen(self, seconds):
        self.wire.until(lambda: False, seconds) if seconds else self.wire.carry(0.01)
        for one in self.peer.heard:
            if one.data[48:53] == b"frame":
                self.arrived["down"].add(int(one.data[53:61]))
        for packet in self.wire.native:
            if packet[48:53] == b"frame":
                self.arrived["up"].add(int(packet[53:61]))
            else:
                self.others.append(packet)
        self.peer.heard.clear()
        self.wire.native.clear()
        return False

    def lost(self):
        """[(way, number, when it was sent)] of what has not come."""
        return [
            (way, number, when)
            for way in ("up", "down")
            for number, when in self.sent[way].items()
            if number not in self.arrived[way]
        ]
