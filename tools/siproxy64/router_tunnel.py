# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A tunnel of PubTSP for siproxy64-router: tunnel.py's place, without pyroute2 and logging.

    tunnel = Tunnel("tsp.example.net", driver, "/etc/resolv.conf", say, moved)
    tunnel.begin()

lib/pubtsp's Client between a TUN device (posix) and a UDP/IPv4 socket (net6). Two routes lead into
the device: of packets with the tunnel's address, and a default route that any other of less metric
goes before.
"""

from vox6.dns import rdata
from vox6.pubtsp import events, header, ipv6
from vox6.pubtsp.client import CHEAP, SIDE, TUNNEL, Client
from vox6.pubtsp.martians import POLICIES
from vox6.pubtsp.settings import Settings
from vox6.wire import const
from vox6.wire.errors import FormatError
from vox6.wire.inet6 import parse_ipv4

from ..common.names import Names, resolv_conf
from ..common.tunnel.discovery import Discovery
from . import rtnetlink
from .settings import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Peer = tuple[bytes, int]
    Where = Peer | str

    net6: Any = None  # C modules of ports/cmodules/net6 and ports/router
    posix: Any = None
else:
    import posix

    import net6

NETWORK = "auto"  # as the server: the network tells
_MTU = const(1280)  # pubtsp.md section 7.6
_PORT = const(3653)
_METRIC = const(2048)
_BATCH = const(32)  # packets until others have their turn
_QUEUE = const(64)
_CHEAP_HOPS = const(3)  # passes the NATs of a house and a provider, reaches no server
_LOOK_MS = const(10_000)  # between two looks at our IPv4 address
_AGAIN_FIRST = const(2_000)  # ms until servers are looked for again, doubled
_AGAIN_LAST = const(60_000)
_TRIES = const(8)  # ports
_CE = const(3)  # congestion experienced (RFC 3168)
_LEAST_PORT = const(1024)
_ANY4 = b"\0" * 10 + b"\xff\xff" + b"\0" * 4
_ANYWHERE = b"\xc0\x00\x00\x09"  # 192.0.0.9 (RFC 7723): asked for the way there only


class TunnelError(Exception):
    """The kernel does not give what a tunnel needs, or no longer; the text says what."""


def parse(text: str) -> "tuple[list[Where], str]":
    """Return (servers, policy for martians) of `pubtsp SERVER... [martians POLICY]`.

    No servers: the network tells. SettingsError.
    """
    words = text.split()
    policy = POLICIES[0]
    if "martians" in words:
        at = words.index("martians")
        policy = " ".join(words[at + 1 :])
        words = words[:at]
        if policy not in POLICIES:
            raise SettingsError(["pubtsp: martians is one of %s" % ", ".join(POLICIES)])
    servers: "list[Where]" = []
    for word in words:
        if word == NETWORK and len(words) == 1:
            break
        if word.strip("0123456789."):
            if ":" in word:
                raise SettingsError(["pubtsp: %s: servers are reached by IPv4" % word])
            servers.append(word.rstrip("."))
            continue
        try:
            servers.append((_ANY4[:12] + parse_ipv4(word), _PORT))
        except FormatError:
            raise SettingsError(["pubtsp: %s is no IPv4 address" % word])
    return servers, policy


class Tunnel:
    """One tunnel. address: 16 octets while packets pass, None.

    say: takes lines for the log; told: called with each new address, None: there is none.
    """

    def __init__(
        self,
        text: str,
        driver: "Any",
        resolver: str,
        say: "Callable[[str], object]",
        told: "Callable[[bytes | None], object]",
    ) -> None:
        """Make the device. text: of the setting; resolver: a file as /etc/resolv.conf.

        SettingsError; TunnelError: no right, or no TUN in this kernel.
        """
        self._servers, policy = parse(text)
        self._driver = driver
        self._resolver = resolver
        self._say = say
        self._told = told
        self.address: "bytes | None" = None
        self._local: "bytes | None" = None
        self._found: "list[Where]" = []  # what the network has told of
        self._wait = _AGAIN_FIRST
        self._timer: "Any" = None
        self._due_at = 0
        self._ends: "dict[str, Any]" = {}  # UDP sockets by TUNNEL and SIDE
        self._buffer = bytearray(net6.DATAGRAM_MAX)
        self._view = memoryview(self._buffer)
        self._names = Names(posix.random, driver)
        self._dns: "list[Peer]" = []
        self._client = Client(posix.random, Settings(policy=policy))
        try:
            self._tun = posix.Tun("sip64-%d")
            posix.netlink(rtnetlink.link_up(self._tun.index, _MTU))
        except OSError as error:
            raise TunnelError("pubtsp: no TUN device: %s; it needs root" % error)

    def begin(self) -> None:
        """Bring it up, as soon as the driver runs."""
        self._driver.watch(self._tun, self._packets)
        self._open(TUNNEL)
        self._look()

    def close(self) -> None:
        """Leave nothing behind: address, routes and device go together."""
        self._client.stop(self._driver.now())
        self._names.cancel_all()
        for tag in list(self._ends):
            self._close(tag)
        self._driver.unwatch(self._tun)
        self._tun.close()

    # -- packets --------------------------------------------------------------------------------

    def _packets(self, _: int) -> None:
        now = self._driver.now()
        for _ in range(_BATCH):
            try:
                packet = self._tun.read()
            except OSError as error:
                raise TunnelError("pubtsp: the TUN device is gone: %s" % error)
            if packet is None:
                break
            self._client.send_packet(packet, now)
        self._drain()

    def _readable(self, tag: str) -> "Callable[[int], None]":
        def read(_: int) -> None:
            now = self._driver.now()
            for _ in range(_BATCH):
                end = self._ends.get(tag)
                if end is None:
                    break  # closed by what was received
                try:
                    came = end.recv_into(self._buffer)
                except OSError:
                    break
                if came is None:
                    break
                length, peer16, port = came
                data = _congested(bytes(self._view[:length]), end.meta()[1])
                self._client.receive_datagram(data, (peer16, port), now, tag)
            self._drain()

        return read

    def _send(self) -> None:
        for data, peer, tag in self._client.datagrams_to_send():
            if tag == SIDE and SIDE not in self._ends:
                self._open(SIDE)
            end = self._ends.get(TUNNEL if tag == CHEAP else tag)
            if end is None:
                continue
            hops = _CHEAP_HOPS if tag == CHEAP else 0
            # RFC 6040 section 4.1: outside as inside.
            outer = ipv6.traffic_class(data) if len(data) > 1 and header.is_ipv6(data) else 0
            try:
                end.send(data, peer[0], peer[1], None, hops, outer)
            except OSError:
                pass  # as if lost

    # -- the drain rule -------------------------------------------------------------------------

    def _drain(self) -> None:
        client = self._client
        while True:
            self._send()
            event = client.next_event()
            if event is None:
                break
            self._happened(event)
        for packet in client.packets_received():
            self._tun.write(packet)
        due = client.get_timer()
        if due is None or self._timer is not None and self._due_at <= due:
            return  # one that is too early does no harm, and thousands of cancelled ones would
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = due
        self._timer = self._driver.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        self._client.handle_timer(self._driver.now())
        self._drain()

    def _happened(self, event: object) -> None:
        if isinstance(event, events.TunnelUp):
            self._set_address(event.address)
            self._say("pubtsp: up by %s" % _text4(event.server[0]))
        elif isinstance(event, events.TunnelDown):
            self._close(SIDE)
            self._set_address(None)
            self._say("pubtsp: down: %s" % event.reason)
        elif isinstance(event, events.AddressChanged):
            self._close(SIDE)
            self._say("pubtsp: the NAT's mapping changed")
        elif isinstance(event, events.Waiting):
            self._say("pubtsp: no server serves us: again in %d s" % (event.delay_ms // 1000))
            self._set_address(None)
            if not self._servers:  # the network may know others now
                self._find()
        elif isinstance(event, events.SocketWanted):
            self._open(TUNNEL)
            self._client.socket_opened(self._driver.now())
        elif isinstance(event, events.NameWanted):
            self._resolve(event.name)
        elif isinstance(event, events.KeepaliveFound):
            self._close(SIDE)
        elif isinstance(event, events.ServerRefused):
            where = _text4(event.server[0])
            self._say("pubtsp: %s refuses: %d %s" % (where, event.code, event.text))
        elif isinstance(event, events.PayloadAltered):
            self._say("pubtsp: this NAT alters what it forwards: no tunnel can work here")

    def _set_address(self, addr16: "bytes | None") -> None:
        if addr16 == self.address:
            return
        index = self._tun.index
        try:
            if self.address is not None:
                posix.netlink(rtnetlink.address(index, self.address, False))  # its route goes too
            self.address = addr16
            if addr16 is not None:
                posix.netlink(rtnetlink.address(index, addr16, True))
                posix.netlink(rtnetlink.route(b"", 0, index, True, 1, addr16))
                posix.netlink(rtnetlink.route(b"", 0, index, True, _METRIC))
        except OSError as error:
            self._say("pubtsp: the kernel refuses address or route: %s" % error)
        self._told(addr16)

    # -- sockets --------------------------------------------------------------------------------

    def _open(self, tag: str) -> None:
        old = self._ends.pop(tag, None)
        new, bad = None, []
        for _ in range(_TRIES):
            new = net6.Endpoint(_ANY4, 0, queue=_QUEUE)
            if new.port >= _LEAST_PORT and new.port != _PORT:
                break
            bad.append(new)  # kept until another is found, so that it does not come again
        for one in bad:
            one.close()
        if old is not None:  # it has held its port until now
            self._driver.unwatch(old)
            old.close()
        self._ends[tag] = new
        self._driver.watch(new, self._readable(tag))

    def _close(self, tag: str) -> None:
        old = self._ends.pop(tag, None)
        if old is not None:
            self._driver.unwatch(old)
            old.close()

    # -- the network ----------------------------------------------------------------------------

    def _look(self) -> None:
        """See whether our IPv4 network is another one, and follow it."""
        try:
            local = rtnetlink.preferred_source(posix.netlink(rtnetlink.way(_ANYWHERE)))
        except OSError:
            local = None
        if local != self._local:
            self._local = local
            if local is None:
                self._say("pubtsp: there is no way by IPv4")
            elif self._servers and self._client.server is not None:
                self._client.network_changed(self._driver.now(), local)
                self._drain()
            else:
                self._found = []
                self._begin()
        self._driver.call_at(self._driver.now() + _LOOK_MS, self._look)

    def _begin(self) -> None:
        if self._servers:
            self._start(self._servers)
        else:
            self._find()

    def _start(self, servers: "list[Where]") -> None:
        now = self._driver.now()
        self._client.stop(now)
        self._client.start(servers, now, self._local)
        self._drain()

    def _read_resolver(self) -> "list[str]":
        servers, domains = resolv_conf(self._resolver)
        if servers != self._dns:
            self._dns = servers
            self._names.set_servers(servers)
        return domains

    def _find(self) -> None:
        self._names.cancel_all()
        domains = self._read_resolver()
        Discovery(self._names, posix.random, domains, self._network_told).start()

    def _network_told(self, servers: "list[Where]") -> None:
        if servers:
            self._wait = _AGAIN_FIRST
            if servers != self._found:
                self._found = servers
                self._start(servers)
            return
        if self._wait == _AGAIN_FIRST:
            self._say("pubtsp: no server is known: name one, or have SRV _tsp._udp in the domain")
        self._driver.call_at(self._driver.now() + self._wait, self._find)
        self._wait = min(2 * self._wait, _AGAIN_LAST)

    def _resolve(self, name: str) -> None:
        def done(records: "list[rdata.Data]", reason: str) -> None:
            if reason:
                self._say("pubtsp: %s: %s" % (name, reason))
            addresses = [one.address for one in records if isinstance(one, rdata.AddressData)]
            self._client.resolved(name, addresses, self._driver.now())
            self._drain()

        self._read_resolver()
        self._names.resolve(name, rdata.A, done)


def _congested(data: bytes, outer: int) -> bytes:
    """Tell the inner header what the outer one has learnt of congestion (RFC 6040 section 4.2)."""
    if outer & 3 == _CE and len(data) >= ipv6.HEADER and header.is_ipv6(data):
        if ipv6.traffic_class(data) & 3 in (1, 2):
            return ipv6.with_ecn(data, _CE)
    return data


def _text4(addr16: bytes) -> str:
    return ".".join([str(octet) for octet in addr16[12:]])
