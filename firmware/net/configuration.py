# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What DHCPv6 tells: the driver of lib/dhcp6 (RFC 8415), loaded when a router says M or O.

On unix the host's kernel has the addresses and net6.router_flags() knows no router: nothing runs.
"""

from firmware import log
from firmware.net.driver import Driver
from firmware.net.network import scope
from vox6.wire import const
from vox6.wire.errors import ProtocolError

_PORT = const(546)
_QUEUE = const(4)


def duid_of(link_local):
    """Return the DUID for a link-local address: by the MAC in it, else by its octets."""
    from vox6.dhcp6 import duid

    own = link_local[8:]
    if own[3:5] == b"\xff\xfe":  # Modified EUI-64, RFC 4291 appendix A
        return duid.link_layer(bytes((own[0] ^ 2,)) + own[1:3] + own[5:])
    return duid.uuid(own + own)


class Configuration:
    """One client of DHCPv6.

    dns_servers, domain, sip_domains, sip_servers, boot_file_url: what was told last, or empty.
    on_change: function () after any of it has changed.
    """

    def __init__(self, net6, network, clock, random, buffer, on_change):
        self._net6 = net6
        self._network = network
        self._clock = clock
        self._random = random
        self._buffer = buffer
        self._on_change = on_change
        self.watch = None
        self.unwatch = None
        self._driver = None
        self._endpoint = None
        self._link_local = None
        self._given = []  # addresses that net6 has from us
        self._forget()

    def _forget(self):
        self.dns_servers = []
        self.domain = ""
        self.sip_domains = []
        self.sip_servers = []
        self.boot_file_url = ""

    def update(self, now):
        """Look at the routers' flags and our link; called when addresses change."""
        flags = self._net6.router_flags()
        link_local = self._network.link_local()
        if self._driver is not None and link_local != self._link_local:
            self._stop()
        if flags is None or link_local is None or not (flags[0] or flags[1]):
            return
        if self._driver is None and not self._start(link_local):
            return
        self._driver.engine.set_router_flags(flags[0], flags[1], now)
        self._decline(now)
        self._driver.drain()

    def _decline(self, now):
        """Give back what somebody else has: duplicate address detection took it from net6."""
        if not self._given:
            return
        there = [bytes(entry[0]) for entry in self._net6.addresses()]
        lost = [addr16 for addr16 in self._given if addr16 not in there]
        if lost:
            log.say("dhcp6", "somebody else has " + " ".join([self._net6.text(a) for a in lost]))
            for addr16 in lost:
                self._given.remove(addr16)
            try:
                self._driver.engine.decline(lost, now)
            except ProtocolError as exc:
                log.say("dhcp6", str(exc))

    def _start(self, link_local):
        from vox6.dhcp6.client import Client

        try:
            self._endpoint = self._net6.Endpoint(link_local, _PORT, queue=_QUEUE)
        except OSError as exc:
            log.say("dhcp6", "port %d: %s" % (_PORT, exc))
            return False
        duid = duid_of(link_local)
        client = Client(duid, int.from_bytes(link_local[12:], "big"), self._random)
        self._link_local = link_local
        self._driver = Driver("dhcp6", client, self._clock, self._send, self._on_event)
        if self.watch is not None:
            self.watch(self._endpoint, self._read)
        return True

    def _stop(self):
        self._driver.engine.stop()
        self._driver = None
        if self.unwatch is not None:
            self.unwatch(self._endpoint)
        self._endpoint.close()
        self._endpoint = None
        self._remove(list(self._given))
        self._forget()
        self._on_change()

    def _read(self, now):
        self._driver.read(self._endpoint, self._buffer)

    def _send(self, data, peer, transport):
        index = scope(self._link_local)
        group = peer[0][:2] + bytes((index >> 8, index & 0xFF)) + peer[0][4:]
        self._endpoint.send(data, group, peer[1], self._link_local)

    def get_timer(self):
        """Return when handle_timer() is to be called, or None."""
        return None if self._driver is None else self._driver.get_timer()

    def handle_timer(self, now):
        """Ask again, renew."""
        if self._driver is not None:
            self._driver.handle_timer(now)

    # Events

    def _on_event(self, event):
        name = type(event).__name__
        if name == "ConfigurationReceived":
            self._take(event.configuration)
        elif name == "AddressesAssigned":
            for addr16, preferred, valid in event.addresses:
                if addr16 not in self._given:
                    self._given.append(addr16)
                    log.say("dhcp6", "address " + self._net6.text(addr16))
                try:
                    self._net6.add_address(addr16, preferred, valid)
                except OSError as exc:
                    log.say("dhcp6", "address refused: %s" % exc)
                    self._given.remove(addr16)
        elif name == "AddressesRemoved":
            log.say("dhcp6", "%d addresses %s" % (len(event.addresses), event.reason))
            self._remove(event.addresses)
        elif name == "StatusReceived":
            log.say("dhcp6", "server: %d %s" % (event.code, event.text))

    def _remove(self, addresses):
        for addr16 in addresses:
            if addr16 in self._given:
                self._given.remove(addr16)
                try:
                    self._net6.remove_address(addr16)
                except OSError as exc:
                    log.say("dhcp6", "address not removed: %s" % exc)

    def _take(self, told):
        self.dns_servers = told.dns_servers
        self.domain = told.domain_list[0] if told.domain_list else ""
        self.sip_domains = told.sip_domains
        self.sip_servers = told.sip_servers
        if told.boot_file_url != self.boot_file_url:
            self.boot_file_url = told.boot_file_url
            log.say("dhcp6", "boot file " + (self.boot_file_url or "none"))
        log.say(
            "dhcp6",
            "%d DNS servers, %d SIP servers, domain %s"
            % (
                len(self.dns_servers),
                len(self.sip_domains) + len(self.sip_servers),
                self.domain or "none",
            ),
        )
        self._on_change()
