# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""IPv6 through IPv4: the driver of lib/pubtsp's client over tunnel6 (C), loaded at first use.

Signalling and probes pass here; the packets of the phone pass in C, and what C counts is told to
the engine: before its timers, and more often while anything passes. A direct path on which
voice leaves and nothing comes may mean that our NAT has changed its mapping: no server is there to
say so, as on the way by the server, so the server is asked.
"""

from firmware import log
from firmware.net.driver import Driver
from firmware.net.names import ANY4, is_mapped
from firmware.store.kinds import parse_prefixes
from firmware.ui import wording
from vox6.wire import const
from vox6.wire.errors import ProtocolError

_LOOK_MS = const(500)  # while a direct path is there
_BUSY_MS = const(5000)  # while packets go to the server
_UNSTABLE_MS = const(600000)  # so long it is shown, the window of section 6.5
_VOICE = const(10)  # packets between two looks: voice, more than RTCP and probes
_QUEUE = const(16)
_TRIES = const(8)  # ports
_FIRST_PORT = const(20000)  # below the ports of names.py, above those of RTP
_PORTS = const(12000)
_CHEAP_HOP_LIMIT = const(3)  # passes the NATs of a house and a provider, reaches no server
_ENOTCONN = const(107)
_A = const(1)  # the type of IPv4 addresses in DNS


def server_text(peer, net6):
    """Return a server for people: an IPv4 address without its IPv6 form."""
    if is_mapped(peer[0]):
        return ".".join([str(octet) for octet in peer[0][12:]])
    return net6.text(peer[0])


class Tunnel:
    """One tunnel.

    tunnel6: the C module. on_change: function (now) after the address came, changed or went.
    state: "off", "asking", "up", "waiting". address: 16 octets while packets pass. up_since: ms.
    dns: a server that the tunnel's operator names, or None. waiting_s: until servers are asked
    again.
    """

    def __init__(self, tunnel6, net6, names, settings, clock, random, buffer, on_change):
        self._tunnel6 = tunnel6
        self._net6 = net6
        self._names = names
        self._settings = settings
        self._clock = clock
        self._random = random
        self._buffer = buffer
        self._on_change = on_change
        self.watch = None
        self.unwatch = None
        self.client = None
        self._driver = None
        self._endpoint = None
        self._side = None
        self._sent = 0  # packets to the server that C had counted
        self._looked_at = 0
        self._look_at = None
        self._prefixes = []
        self._reset()

    def _reset(self):
        self.state = "off"
        self.address = None
        self.up_since = None
        self.server = ""
        self._fault = ("", None)  # words, and until when (ms) or None
        self.dns = None
        self.waiting_s = 0
        self._look_at = None
        self._busy_until = 0
        self._seen = {}  # address of a peer: packets straight (to it, from it), server asked

    # Commands

    def is_running(self):
        """Return whether a tunnel is there or asked for."""
        return self.state != "off"

    def start(self, servers, ipv4, now):
        """Ask servers, peers or names in their order; ipv4: our own address, four octets."""
        from vox6.pubtsp.client import Client
        from vox6.pubtsp.settings import Settings

        self._prefixes = parse_prefixes(self._settings.get("tunnel.prefixes"))
        settings = Settings(
            direct=self._settings.get("tunnel.direct"),
            prefixes=tuple(self._prefixes),
            policy=self._settings.get("tunnel.martians"),
        )
        if settings.policy == "lab":
            log.say("tunnel", "documentation addresses count as public: for laboratories alone")
        self.client = Client(self._random, settings)
        self._driver = Driver("tunnel", self.client, self._clock, self._send, self._on_event)
        if not self._open():
            self.client = self._driver = None
            return
        self.state = "asking"
        try:
            self.client.start(servers, now, ipv4)
        except ProtocolError as exc:
            log.say("tunnel", "not started: %s" % exc)
            self.stop(now)
        self.drain()

    def stop(self, now):
        """End the tunnel: no keepalive for nothing."""
        if self.client is None:
            return
        self.client.stop(now)
        self.drain()
        self._close()
        self._tunnel6.set_prefixes(())
        self.client = self._driver = None
        self._reset()

    def network_changed(self, ipv4, now):
        """Our IPv4 network is another one."""
        if self.client is not None:
            self.client.network_changed(now, ipv4)
            self.drain()

    def direct_paths(self):
        """Return how many direct paths are in use."""
        return 0 if self.client is None else len(self.client.direct_paths())

    def fault(self):
        """Return what is wrong with the NAT, for people, or ""."""
        words, until = self._fault
        return words if until is None or self._clock.now() < until else ""

    @property
    def interval(self):
        """Seconds between keepalives at most."""
        return 0 if self.client is None else self.client.interval

    # Sockets

    def _open(self):
        """Open the tunnel's socket on a port by chance; return whether that went well."""
        error = None
        for _ in range(_TRIES):
            octets = self._random(2)
            port = _FIRST_PORT + (octets[0] << 8 | octets[1]) % _PORTS
            try:
                self._endpoint = self._net6.Endpoint(ANY4, port, queue=_QUEUE)
            except OSError as exc:
                error = exc
                continue
            self._tunnel6.attach(self._endpoint)
            if self.watch is not None:
                self.watch(self._endpoint, self._read)
            return True
        log.say("tunnel", "no socket: %s" % error)
        return False

    def _close(self):
        self._close_side()
        if self._endpoint is not None:
            self._tunnel6.detach()
            if self.unwatch is not None:
                self.unwatch(self._endpoint)
            self._endpoint.close()
            self._endpoint = None

    def _close_side(self):
        if self._side is not None:
            if self.unwatch is not None:
                self.unwatch(self._side)
            self._side.close()
            self._side = None

    def _read(self, now):
        self._driver.read(self._endpoint, self._buffer, "tunnel")

    def _read_side(self, now):
        self._driver.read(self._side, self._buffer, "side")

    def _send(self, data, peer, socket):
        if socket == "side":
            if self._side is None:
                self._side = self._net6.Endpoint(ANY4, 0, queue=2)
                if self.watch is not None:
                    self.watch(self._side, self._read_side)
            self._side.send(data, peer[0], peer[1])
        elif self._endpoint is None:  # another one was wanted and could not be had
            raise OSError(_ENOTCONN, "no socket")
        elif socket == "cheap":
            self._endpoint.send(data, peer[0], peer[1], None, _CHEAP_HOP_LIMIT)
        else:
            self._endpoint.send(data, peer[0], peer[1])

    # Time, and what C has seen

    def drain(self):
        """Send what is to be sent, take events."""
        if self._driver is not None:
            self._driver.drain()
            self._note_server()

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        if self._driver is None:
            return None
        due = self._driver.get_timer()
        if self._look_at is not None and (due is None or self._look_at < due):
            return self._look_at
        return due

    def handle_timer(self, now):
        """Tell the engine what C has seen, let it work."""
        due = self.get_timer()
        if due is None or due > now:
            return
        self.look(now)
        if self._driver is not None:
            self._driver.handle_timer(now)
            self._note_server()

    def look(self, now):
        """Tell the engine of packets that passed in C."""
        if self.address is None:
            return
        sent = self._tunnel6.counters()["sent_server"]
        if sent != self._sent:
            self._sent = sent
            # When it was is not known, but not before the last look.
            self.client.note_traffic(self._looked_at)
            self._busy_until = now + 2 * _BUSY_MS
        again = now + _BUSY_MS if now < self._busy_until else None
        self._looked_at = now
        for addr16, sent, received in self._tunnel6.peers():
            again = now + _LOOK_MS
            before = self._seen.get(addr16, (0, 0, False))
            asked = before[2] and received == before[1]
            self.client.note_path(addr16, sent > before[0], received > before[1], now)
            if not asked and received == before[1] and sent >= before[0] + _VOICE:
                asked = True
                self.client.renew(now)
            self._seen[addr16] = (sent, received, asked)
        self._look_at = again
        self.drain()

    def wanted(self, now):
        """Somebody is sent to who may be reached straight (X-13)."""
        for addr16 in self._tunnel6.wanted():
            if self.client is not None:
                self.client.reach(addr16, now)
        self.drain()

    # Events

    def _on_event(self, event):
        getattr(self, "_on_" + type(event).__name__)(event, self._clock.now())

    def _on_NameWanted(self, event, now):
        name = event.name
        client = self.client
        self.server = name
        log.say("tunnel", "asks DNS for " + name)

        def found(records, reason):
            if reason:
                log.say("tunnel", "%s: %s" % (name, reason))
            if client is self.client:
                addresses = [record.address for record in records]
                client.resolved(name, addresses, self._clock.now())
                self.drain()

        try:
            self._names.lookup(name, _A, found)
        except ProtocolError as exc:
            found([], str(exc))

    def _note_server(self):
        """Say whom we ask, once."""
        peer = None if self.client is None else self.client.server
        if peer is None or self.state == "up":
            return
        text = server_text(peer, self._net6)
        if text != self.server or self.state != "asking":
            self.server = text
            self.state = "asking"
            log.say("tunnel", "IPv4 only, asks %s for a tunnel" % text)

    def _on_TunnelUp(self, event, now):
        self.address = event.address
        self.server = server_text(event.server, self._net6)
        self.dns = event.dns_server
        if self.state != "up":
            self.state = "up"
            self.up_since = now
        self._sent = self._tunnel6.counters()["sent_server"]
        self._seen = {}
        self._looked_at = now
        server = event.server
        self._tunnel6.configure(event.address, server[0], server[1], event.keepalive)
        own = [event.address[:8]] + self._prefixes
        direct = self._settings.get("tunnel.direct")
        self._tunnel6.set_prefixes(own if direct else (), self.client.settings.policy)
        log.say(
            "tunnel",
            "up by %s: %s, keepalive %d s, for %d min"
            % (self.server, self._net6.text(event.address), event.interval, event.lifetime),
        )
        self._on_change(now)

    def _on_AddressChanged(self, event, now):
        self._close_side()
        log.say("tunnel", "the NAT's mapping changed: " + self._net6.text(event.address))

    def _on_TunnelDown(self, event, now):
        self._close_side()
        self.address = None
        self.up_since = None
        self.dns = None
        self._look_at = None
        self.state = "asking"
        self._tunnel6.configure(None, None, 0, None)
        log.say("tunnel", "down: " + event.reason)
        self._on_change(now)

    def _on_Waiting(self, event, now):
        self.state = "waiting"
        self.waiting_s = event.delay_ms // 1000
        log.say("tunnel", "no server serves us, next try in %d s" % self.waiting_s)
        self._on_change(now)

    def _on_SocketWanted(self, event, now):
        log.say("tunnel", "another socket: " + event.reason)
        self._close()
        if self._open():
            self.client.socket_opened(now)

    def _on_ServerRefused(self, event, now):
        text = server_text(event.server, self._net6)
        log.say(
            "tunnel",
            "%s: %d %s%s" % (text, event.code, event.text, "; report this" if event.bug else ""),
        )

    def _on_MappingUnstable(self, event, now):
        self._fault = (wording.NAT_CHANGES, now + _UNSTABLE_MS)
        log.say("tunnel", "this NAT changes mappings: %d in ten minutes" % event.count)

    def _on_PayloadAltered(self, event, now):
        self._fault = (wording.NAT_ALTERS, None)
        log.say("tunnel", "this NAT alters payload: no tunnel can work here")

    def _on_KeepaliveFound(self, event, now):
        self._close_side()
        log.say("tunnel", "the NAT keeps its mapping for %d s" % event.interval)

    def _on_PathPromoted(self, event, now):
        self._tunnel6.set_peer(event.address, event.peer[0], event.peer[1])
        self._seen[event.address] = (0, 0, False)
        self._look_at = now + _LOOK_MS
        log.say("tunnel", "straight to " + self._net6.text(event.address))

    def _on_PathDemoted(self, event, now):
        self._tunnel6.set_peer(event.address, None)
        log.say("tunnel", "by the server again: " + self._net6.text(event.address))
