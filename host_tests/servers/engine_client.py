# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""lib/pubtsp's Client on a wire, without the program around it."""

import os
import socket
import time

from vox6 import pubtsp
from vox6.pubtsp.address import mapped


class EngineClient:
    """lib/pubtsp's Client at a peer of the wire, in real time."""

    def __init__(self, wire, server, v4, port):
        self.wire, self.server, self.v4 = wire, server, v4
        self.peer = wire.peer(v4, port)
        settings = pubtsp.Settings(search=False, policy="lab")
        self.client = pubtsp.Client(os.urandom, settings)
        self.seen = []
        self.start = time.monotonic()
        self.client.start([(mapped(socket.inet_aton(server.ipv4)), 3653)], 0)

    def now(self):
        return int(1000 * (time.monotonic() - self.start))

    def rebind(self, port):
        """The NAT in front of it takes another port."""
        self.peer = self.wire.peer(self.v4, port)

    def run(self, true, timeout=5.0):
        """Drive it until true()."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for data, _, _ in self.client.datagrams_to_send():
                self.peer.send(data, self.server)
            while (event := self.client.next_event()) is not None:
                self.seen.append(event)
            if true():
                return True
            self.wire.carry(0.01)
            for one in self.peer.heard:
                self.client.receive_datagram(
                    one.data, (mapped(socket.inet_aton(one.source[0])), one.source[1]), self.now()
                )
            self.peer.heard.clear()
            due = self.client.get_timer()
            if due is not None and due <= self.now():
                self.client.handle_timer(self.now())
        return False
