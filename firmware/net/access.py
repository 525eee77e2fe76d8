# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""How this phone gets to the IPv6 Internet: an order of preference, not of time (design.md
section 5).

SLAAC (the system's), DHCPv6, and DHCPv4 with PubTSP all start at once.

    no native global address 1.5 s after the tunnel is up   the tunnel is used
    native before that                                      the tunnel ends, unused
    native later                                            new flows are native; the tunnel stays
                                                            for calls and 10 min without one
    native is lost                                          the tunnel is preferred, or starts
    another IPv4 address                                    the tunnel begins anew

Servers of the tunnel: the setting, else SRV _tsp._udp of the network's domain, else built in.
"""

from firmware import log
from firmware.net.configuration import Configuration
from firmware.net.names import Names, is_mapped
from firmware.net.tunnel import Tunnel
from firmware.net.tunnel_servers import SERVERS
from firmware.ui import wording
from vox6.wire import const
from vox6.wire.errors import FormatError, ProtocolError
from vox6.wire.inet6 import parse_ipv4

_NATIVE_WAIT_MS = const(1500)
_LINGER_MS = const(600000)  # after the last call by the tunnel, pubtsp.md section 6.1
_LINGER_LOOK_MS = const(10000)
_RETRY_FIRST_MS = const(60000)  # until servers are looked for again, doubled (section 2.3)
_RETRY_LAST_MS = const(900000)
_LOOKING_MS = const(10000)  # so long a phone without an address is said to look for one
_PORT = const(3653)
_SRV = const(33)  # the type in DNS


def parse_server(text):
    """Return a server as lib/pubtsp takes it: (addr16, port) of an IPv4 address, or a name."""
    try:
        return b"\x00" * 10 + b"\xff\xff" + parse_ipv4(text), _PORT
    except FormatError:
        return text


class Access:
    """Everything between the network interface and IPv6 addresses.

    parts: as Phone takes them, with tunnel6; buffer: bytearray for one datagram, used while
    reading. in_use: function (addr16) -> whether a call uses this address of ours. listeners:
    functions called without arguments when servers or what the screen shows may be others.
    """

    def __init__(self, parts, buffer, servers=SERVERS):
        self._net6 = parts.net6
        self._tunnel6 = parts.tunnel6
        self._settings = parts.settings
        self._clock = parts.clock
        self._random = parts.random
        self._built_in = servers
        self.network = network = parts.network
        self.names = Names(parts.net6, network, parts.clock, parts.random, buffer)
        self.configuration = Configuration(
            parts.net6, network, parts.clock, parts.random, buffer, self._changed
        )
        self.tunnel = Tunnel(
            parts.tunnel6,
            parts.net6,
            self.names,
            parts.settings,
            parts.clock,
            parts.random,
            buffer,
            self._tunnel_changed,
        )
        network.tunnel_index = parts.tunnel6.INDEX
        self.in_use = None
        self.listeners = []
        self.ipv4 = None  # as tunnel6.ipv4() gives it
        self.no_servers = False
        self._domain = ""
        self._search = None  # marks the search for servers under way
        self._retry_at = None
        self._retry_ms = _RETRY_FIRST_MS
        self._linger_at = None
        self._used_at = 0  # when a call was last seen on a tunnel that lingers
        self._started_at = None
        self._preferred = False
        self._said = ""

    def start(self, watch=None, unwatch=None):
        """Begin with everything. watch, unwatch: of the reactor; None: the caller polls."""
        for part in (self.names, self.configuration, self.tunnel):
            part.watch = watch
            part.unwatch = unwatch
        self._started_at = self._clock.now()
        self._say("looking for IPv6")
        self._tunnel6.prefer(False)
        self._tunnel6.start_ipv4()
        if watch is not None:
            watch(self._tunnel6.signal(), self.wanted)
        self.update()

    def wanted(self, now):
        """tunnel6 has seen destinations that may be reached straight."""
        self._tunnel6.signal().clear()
        self.tunnel.wanted(now)

    def reload(self):
        """The settings are others: the tunnel begins anew with them."""
        now = self._clock.now()
        self._end_tunnel(now)
        self._decide(now)

    def update(self):
        """Addresses may be others: read them, and follow."""
        self.network.update()
        self._changed()

    # What changes

    def _changed(self):
        now = self._clock.now()
        self.configuration.update(now)
        ipv4 = self._tunnel6.ipv4()
        before = self.ipv4
        self.ipv4 = ipv4
        self._set_dns()
        domain = self.domain()
        moved = domain != self._domain
        self._domain = domain
        if moved:
            self._retry_at = None  # this one may name servers
        if ipv4 is None and before is not None:
            self._say("no IPv4 any more")
            self._end_tunnel(now)
        elif ipv4 is not None and (before is None or ipv4[0] != before[0]):
            log.say("net", "IPv4 " + self.ipv4_text())
            if before is not None and moved:
                self._end_tunnel(now)  # the servers are those of another domain
            elif before is not None and self.tunnel.is_running():
                self.tunnel.network_changed(ipv4[0][12:], now)
        self._decide(now)

    def _set_dns(self):
        servers = []
        tunnel = [self.tunnel.dns] if self.network.tunnel_used and self.tunnel.dns else []
        four = self.ipv4[3] if self.ipv4 is not None else []
        for group in (self._net6.servers(), self.configuration.dns_servers, tunnel, four):
            for server in group:
                if bytes(server) not in servers:
                    servers.append(bytes(server))
        self.names.set_servers(servers)

    def _tunnel_changed(self, now):
        self.network.update()
        self._set_dns()
        self._decide(now)

    def domain(self):
        """Return the domain of this network, or ""."""
        if self.ipv4 is not None and self.ipv4[4]:
            return self.ipv4[4]
        return self.configuration.domain

    # The order of preference

    def _decide(self, now):
        tunnel = self.tunnel
        if self.network.has_native():
            self._say("native IPv6")
            if not self.network.tunnel_used:
                if tunnel.is_running() or self._search is not None:
                    log.say("net", "native IPv6 is here first: no tunnel")
                    self._end_tunnel(now)
            elif self._linger_at is None:
                self._used_at = now
                self._linger_at = now + _LINGER_LOOK_MS
                log.say("net", "the tunnel stays for its calls")
                self._use(False)
        else:
            self._linger_at = None
            if tunnel.address is not None:
                if self.network.tunnel_used or now >= tunnel.up_since + _NATIVE_WAIT_MS:
                    self._say("IPv6 by the tunnel")
                    self._use(True)
            elif not tunnel.is_running():
                self._find_servers(now)
        self._tell()

    def _use(self, preferred):
        """Let the tunnel's address count, preferred or for those who have it alone."""
        self.network.tunnel_used = True
        if preferred != self._preferred:
            self._preferred = preferred
            self._tunnel6.prefer(preferred)
        self._set_dns()
        self.network.update()

    def _end_tunnel(self, now):
        self._search = None
        self._retry_at = self._linger_at = None
        self._retry_ms = _RETRY_FIRST_MS
        self.no_servers = False
        self.tunnel.stop(now)
        self._preferred = False
        self.network.tunnel_used = False
        self._set_dns()
        self.network.update()

    def _tell(self):
        for listener in self.listeners:
            listener()

    # Servers of the tunnel

    def _find_servers(self, now):
        if self.tunnel_is_off() or self.ipv4 is None:
            return
        if self._search is not None or (self._retry_at is not None and now < self._retry_at):
            return
        self._retry_at = None
        text = self._settings.get("tunnel.servers")
        domain = self.domain()
        if text or not domain:
            self._begin(text.split() or self._built_in, now)
            return
        mark = self._search = object()
        name = "_tsp._udp." + domain
        log.say("net", "IPv4 only, asks DNS for " + name)

        def found(records, reason):
            if mark is self._search:  # else another network, or native IPv6, came in between
                self._search = None
                self._begin(self._of_records(records) or self._built_in, self._clock.now())
                self._tell()

        try:
            self.names.lookup(name, _SRV, found)
        except ProtocolError as exc:
            found([], str(exc))

    def _of_records(self, records):
        from vox6.dns.locate import ordered

        servers = []
        for record in ordered(records, self._random):
            if record.port == _PORT and record.target != ".":
                servers.append(record.target)
            else:
                log.say("net", "no server: %s port %d" % (record.target, record.port))
        return servers

    def _begin(self, servers, now):
        self.no_servers = not servers
        if not servers:
            self._say("IPv4 only, and no server for a tunnel is known")
            self._try_later(now)
            return
        self.tunnel.start([parse_server(one) for one in servers], self.ipv4[0][12:], now)
        if not self.tunnel.is_running():  # no socket
            self._try_later(now)

    def _try_later(self, now):
        self._retry_at = now + self._retry_ms
        self._retry_ms = min(2 * self._retry_ms, _RETRY_LAST_MS)

    # Time

    def drain(self):
        """Send what the engines have to say."""
        self.names.drain()
        self.tunnel.drain()

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        due = None
        for part in (self.names, self.configuration, self.tunnel):
            other = part.get_timer()
            if other is not None and (due is None or other < due):
                due = other
        for other in (self._retry_at, self._linger_at, self._use_at(), self._patience()):
            if other is not None and (due is None or other < due):
                due = other
        return due

    def _use_at(self):
        """Return when the tunnel is taken for want of native IPv6."""
        up_since = self.tunnel.up_since
        if up_since is None or self.network.tunnel_used or self.network.has_native():
            return None
        return up_since + _NATIVE_WAIT_MS

    def _patience(self):
        """Return when a phone without any address is no longer said to look for one."""
        return self._started_at + _LOOKING_MS if self.is_looking() else None

    def handle_timer(self, now):
        """Do what is due."""
        self.names.handle_timer(now)
        self.configuration.handle_timer(now)
        self.tunnel.handle_timer(now)
        for at in (self._retry_at, self._use_at()):
            if at is not None and at <= now:
                self._decide(now)
        if self._linger_at is not None and self._linger_at <= now:
            self._linger(now)

    def _linger(self, now):
        if self.in_use is not None and self.in_use(self.tunnel.address):
            self._used_at = now
        if now - self._used_at >= _LINGER_MS:
            log.say("net", "nothing uses the tunnel any more")
            self._end_tunnel(now)
            self._tell()
        else:
            self._linger_at = now + _LINGER_LOOK_MS

    # For people

    def _say(self, text):
        if text != self._said:
            self._said = text
            log.say("net", text)

    def ipv4_text(self):
        """Return our IPv4 address for people, or ""."""
        if self.ipv4 is None:
            return ""
        return ".".join([str(octet) for octet in self.ipv4[0][12:]])

    def server_text(self, addr16):
        """Return an address of a server for people."""
        if is_mapped(addr16):
            return ".".join([str(octet) for octet in addr16[12:]])
        return self._net6.text(addr16)

    def tunnel_is_off(self):
        """Return whether the settings forbid the tunnel."""
        return self._settings.get("tunnel.mode") == "off"

    def is_looking(self):
        """Return whether a phone that has just started looks for its first address."""
        if self._started_at is None or self.network.had_address:
            return False
        return self._clock.now() < self._started_at + _LOOKING_MS

    def text(self):
        """Return one line on what is being done to get IPv6 or on how it is had, or None."""
        tunnel = self.tunnel
        if tunnel.fault():
            return tunnel.fault()
        if self.network.has_native():
            return None
        if self.network.tunnel_used and tunnel.address is not None:
            return wording.BY_TUNNEL
        if tunnel.state == "waiting":
            return wording.TUNNEL_WAITS % tunnel.waiting_s
        if tunnel.state == "asking" and tunnel.server:
            return wording.ASKS % tunnel.server
        if tunnel.state == "up" or self._search is not None or tunnel.is_running():
            return wording.LOOKING
        if self.no_servers:
            return wording.NO_SERVER
        return wording.LOOKING if self.is_looking() else None
