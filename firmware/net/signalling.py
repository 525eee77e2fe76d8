# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The endpoint of SIP: bound to ::, answers leave from the address that was spoken to.

So do requests in a call, whose far end knows that address; REGISTER leaves from the one that is
preferred by now.
"""

from firmware import log
from vox6.wire import const

_ANY = b"\x00" * 16
_BUFFER = const(8192)  # net6.DATAGRAM_MAX: what is longer never comes here
_PEERS = const(8)  # whose address of ours is remembered: two calls, two servers, and room
_QUEUE = const(8)
_EADDRINUSE = const(98)  # Linux; lwIP's value below is MicroPython's own
_EADDRINUSE_MP = const(112)
_ENETUNREACH = const(101)


class Signalling:
    """A datagram endpoint for one engine.

    port: asked for; the port bound is in .port, another one if that was taken (two phones on one
    host), and .taken says so. network: for the source address.
    """

    def __init__(self, net6, network, port, dscp):
        self._network = network
        self.buffer = bytearray(_BUFFER)
        self.taken = False
        try:
            self.endpoint = net6.Endpoint(_ANY, port, queue=_QUEUE)
        except OSError as exc:
            if exc.errno not in (_EADDRINUSE, _EADDRINUSE_MP):
                raise
            self.taken = True
            self.endpoint = net6.Endpoint(_ANY, 0, queue=_QUEUE)
        self.port = self.endpoint.port
        self.endpoint.set_traffic_class(dscp << 2)
        self.connections = None  # net.connections.Connections, for TCP and TLS
        self._peers = []  # (peer, our address it spoke to), the newest last
        if self.taken:
            log.say("sip", "port %d is taken, %d used" % (port, self.port))

    def recv_into(self, buffer):
        """Return (length, addr16, port) of one datagram, or None; notes where it came to."""
        got = self.endpoint.recv_into(buffer)
        if got is not None:
            self._note((got[1], got[2]), self.endpoint.meta()[0])
        return got

    def _note(self, peer, local):
        peers = self._peers
        for i in range(len(peers)):
            if peers[i][0] == peer:
                if peers[i][1] != local:
                    peers[i] = (peer, local)
                return
        if len(peers) >= _PEERS:
            peers.pop(0)
        peers.append((peer, local))

    def send(self, data, peer, transport=None):
        """Send a message; OSError with errno as net6 gives it, by streams never."""
        if transport is not None and transport != "UDP":
            self.connections.send(data, peer, transport)
            return
        source = self._source(peer, data.startswith(b"REGISTER "))
        if source is None:  # what the system would choose is not what the message says
            raise OSError(_ENETUNREACH, "no address for this peer")
        self.endpoint.send(data, peer[0], peer[1], source)

    def _source(self, peer, fresh):
        for known, local in self._peers:
            if known == peer and not fresh and self._network.has(local):
                return local
        return self._network.source_for(peer[0])

    def close(self):
        """Free the port."""
        self.endpoint.close()
